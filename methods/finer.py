"""FINER: sin(omega (|z| + 1) z), a sine whose frequency grows with its argument.

    y = sin(omega (|z| + 1) z),   z = W x + b

Liu, Zhu, Zhang, Fu, Deng, Ma, Guo, Cao, "FINER: Flexible spectral-bias tuning in Implicit NEural Representation by
Variable-periodic Activation Functions", CVPR 2024, arXiv:2312.02434. The weights are initialised as in SIREN.

The released code computes |z| + 1 without gradient, so its training direction is not the gradient of its loss (at z = 0.7 and
omega = 5 it gives 8.03 where the derivative is 11.34). The default here is the true derivative. ``detach_scale=true`` gives the
behaviour of the released code, which cannot be used if a loss contains derivatives (PDEs, eikonal terms).
"""

import torch
from torch import Tensor, nn

from inrbench import CoordinateMLP, NetworkSpec, register_method
from inrbench.nn import siren_init


class VariablePeriodicSine(nn.Module):
    """Compute sin(omega (|z| + 1) z): ``(N, width) -> (N, width)``."""

    def __init__(self, omega: float, detach_scale: bool) -> None:
        super().__init__()
        self.omega, self.detach_scale = omega, detach_scale

    def forward(self, z: Tensor) -> Tensor:
        """Apply the activation to pre-activations."""
        scale = z.abs() + 1
        if self.detach_scale:
            scale = scale.detach()
        return torch.sin(self.omega * scale * z)


@register_method(
    "finer",
    formula="sin(omega (|z| + 1) z)",
    latex=r"\sin\left(\omega\, (\lvert z \rvert + 1)\, z\right)",
    paper="liu2024finer",
    task_params={
        "sdf": {"first_bias_scale": 1.0},  # the authors' sdf experiments
        "pde": {"omega": 15.0},  # not published; chosen for this project on two equations where 30 does not train
        "audio": {"omega_first": 3000.0},  # STAF's audio notebook, without its k = 5: slopes above the Nyquist frequency
        "audio:quick": {"omega_first": 1000.0},  # as siren
        "audio:standard": {"omega_first": 1000.0},  # as quick
    },
    authors={
        # train_image.py at 51a9254: lr 5e-4 times 0.1^(t/T), all pixels, coordinates and values in [-1, 1]
        "image": {
            "lr": "5e-4",
            "lr_min": "5e-5",
            "schedule": "exponential",
            "batch": "none",
            "coordinate_range": "(-1,1)",
            "value_range": "[-1, 1]",
            "detach_scale": "true",
        },
        "sdf": {"lr": "1e-4", "lr_min": "1e-4", "schedule": "constant"},  # as BACON's training code, which the authors use
    },
    search_ranges={"omega": (5.0, 60.0), "omega_first": (5.0, 6000.0), "first_bias_scale": (0.1, 20.0)},
)
def finer(
    net: NetworkSpec,
    *,
    omega: float = 30.0,
    omega_first: float | None = None,
    first_bias_scale: float | None = None,  # None in the authors' image script
    detach_scale: bool = False,
) -> nn.Module:
    """Build a FINER network.

    Args:
        net: Shape of the network.
        omega: Frequency of the activation.
        omega_first: Frequency of the activation in the first layer; None for ``omega``.
        first_bias_scale: k of the first layer's biases, drawn from U(-k, k); None for PyTorch's default.
        detach_scale: Compute |z| + 1 without gradient, as the released code does.
    """
    first = omega if omega_first is None else omega_first
    network = CoordinateMLP(
        net, lambda i: VariablePeriodicSine(first if i == 0 else omega, detach_scale), init=siren_init(omega)
    )
    if first_bias_scale is not None:
        nn.init.uniform_(network.hidden[0].get_parameter("bias"), -first_bias_scale, first_bias_scale)
    return network
