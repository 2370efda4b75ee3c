"""STAF: a trainable sum of tau sines, shared by the neurons of a layer.

    y = sum_j beta_j sin(omega_j z + phi_j),   j = 1 .. tau,   z = W x + b

Morsali, Vaez, Soltani, Kazerouni, Taati, Mohammad-Noori, "STAF: Sinusoidal Trainable Activation Functions for Implicit Neural
Representation", arXiv:2502.00869. Initialisation as in the authors' code: omega_j ~ omega U(0, 1), phi_j ~ U(-pi, pi),
beta_j = sign(l) sqrt|l| with l ~ Laplace(0, 1 / (2 tau)), and PyTorch's default for W and b. (With that scale the variance of
the activation is 1/4, not 1 as their README states.) ``skip`` adds z in all layers but the first; it is on only in the authors'
image notebook.
"""

import math

import torch
from torch import Tensor, nn

from inrbench import CoordinateMLP, NetworkSpec, register_method


class TrainableSines(nn.Module):
    """Compute sum_j beta_j sin(omega_j z + phi_j), plus z with ``skip``: ``(N, width) -> (N, width)``.

    Args:
        omega: Upper end of the initial frequencies.
        tau: Number of sines.
        skip: Add z to the sum.
    """

    def __init__(self, omega: float, tau: int, skip: bool) -> None:
        super().__init__()
        self.skip = skip
        laplace = torch.distributions.Laplace(0.0, 1 / (2 * tau)).sample((tau,))
        self.omega = nn.Parameter(omega * torch.rand(tau))
        self.phi = nn.Parameter(math.pi * (2 * torch.rand(tau) - 1))
        self.beta = nn.Parameter(laplace.sign() * laplace.abs().sqrt())

    def forward(self, z: Tensor) -> Tensor:
        """Apply the activation to pre-activations, one term at a time.

        An array ``(N, width, tau)`` for all terms at once costs five times the memory traffic.
        """
        y = z if self.skip else torch.zeros_like(z)
        for omega, phi, beta in zip(self.omega, self.phi, self.beta, strict=True):
            y = y + beta * torch.sin(omega * z + phi)
        return y


@register_method(
    "staf",
    formula="sum_j beta_j sin(omega_j z + phi_j), trainable",
    latex=r"\sum_{j} \beta_j \sin(\omega_j z + \varphi_j), \quad \beta_j, \omega_j, \varphi_j \text{ trained}",
    paper="morsali2025staf",
    task_params={
        "image": {"omega_first": 60.0, "skip": True},  # the authors' image notebook: 60 / 30, tau 5, skip_conn True
        "denoise": {"tau": 2, "omega": 5.0},  # denoising notebook: 5 / 5
        "audio": {"omega_first": 3000.0},  # audio notebook: 3000 / 30
        "audio:quick": {"omega_first": 1000.0, "omega": 10.0},  # omega_first as siren; omega as for shapes
        "audio:standard": {"omega_first": 1000.0, "omega": 10.0},  # as quick
        # with 30, a network of width 64 varies from voxel to voxel on a grid of 64; chosen for this project on knot and gyroid
        "sdf:quick": {"omega": 10.0},
        "sdf:standard": {"omega": 10.0},
        "occupancy:quick": {"omega": 10.0},
        "occupancy:standard": {"omega": 10.0},
        "pde": {"omega": 5.0},  # not published; chosen for this project on heat1d/b20
    },
    authors={
        # the authors' notebooks: images lr 1e-3 times 0.05^(t/T), occupancy 2.5e-4 times 0.36^(t/T); coordinates in [-1, 1]
        "image": {
            "lr": "1e-3",
            "lr_min": "5e-5",
            "schedule": "exponential",
            "batch": "4096",
            "coordinate_range": "(-1,1)",
        },
        "occupancy": {"lr": "2.5e-4", "lr_min": "9e-5", "schedule": "exponential"},
        "audio": {"lr": "2.5e-4", "lr_min": "9e-5", "schedule": "exponential", "batch": "none"},
        "denoise": {"lr": "2.5e-4", "lr_min": "2.5e-4", "schedule": "constant"},
        "super-resolution": {"lr": "1e-3", "lr_min": "1e-4", "schedule": "exponential"},
    },
    search_ranges={"omega": (2.0, 60.0), "omega_first": (2.0, 6000.0)},
)
def staf(
    net: NetworkSpec,
    *,
    tau: int = 5,
    omega: float = 30.0,
    omega_first: float | None = None,
    skip: bool = False,
) -> nn.Module:
    """Build a STAF network.

    Args:
        net: Shape of the network.
        tau: Number of sines per layer.
        omega: Upper end of the initial frequencies.
        omega_first: Upper end of the initial frequencies in the first layer; None for ``omega``.
        skip: Add z to the activation in all layers but the first.
    """
    first = omega if omega_first is None else omega_first
    return CoordinateMLP(net, lambda i: TrainableSines(omega if i else first, tau, skip and i > 0))
