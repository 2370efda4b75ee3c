"""siren-trained: SIREN with another optimiser, or with points that are chosen by their loss.

    y = sin(omega z),   z = W x + b

The network is that of the method siren. Rows such as ``siren-trained[optimiser=muon]`` beside siren and other activations show
whether an activation gains as much as an optimiser does. Sources:

* muon: Jordan et al. 2024, KellerJordan/Muon at 857d1ad. Used for coordinate networks by McGinnis et al., arXiv:2512.14366.
  Here all weight matrices have Muon and one learning rate fits all parameters (``inrbench.spec.Muon``); their code leaves the
  first and the last layer to Adam, with another rate.
* lbfgs: Liu, Nocedal, Math. Program. 45, 1989, as in torch, one iteration with line search per step. The learning rate is a
  thousand times that of the protocol, so that 1e-3 gives the usual 1.
* soft-mining: after Kheradmand et al., "Accelerating Neural Field Training via Soft Mining", CVPR 2024, arXiv:2312.00075. A
  step uses a share of the points, drawn in proportion to the size of their error |e|, with the factor |e|^-alpha scaled to mean
  1, alpha = 0.6 of the authors' code (ubc-vision/nf-soft-mining at ce17cb1). The points are drawn exactly, which takes an
  evaluation of all points in every step; the authors move a set of points by Langevin steps instead.
"""

from typing import Literal

import torch
from torch import nn

from inrbench import CoordinateMLP, NetworkSpec, register_method
from inrbench.nn import OwnTraining, Points, Sample, Sine, siren_init
from inrbench.spec import Adam, Lbfgs, Muon, Optimiser

OptimiserName = Literal["adam", "muon", "lbfgs"]
SamplerName = Literal["none", "soft-mining"]
LBFGS_RATE = 1000.0
"""Factor from the protocol's learning rate to that of L-BFGS."""
ALPHA = 0.6
SMALLEST = 1e-6
"""Smallest size of an error."""


class TrainedSiren(CoordinateMLP):
    """SIREN with a training of its own.

    Args:
        net: Shape of the network.
        omega: Frequency of the activation.
        omega_first: Frequency in the first layer.
        optimiser: Name of the optimiser.
        sampler: How points are chosen.
        share: Share of the points in a step, if they are chosen.
    """

    def __init__(
        self,
        net: NetworkSpec,
        omega: float,
        omega_first: float,
        optimiser: OptimiserName,
        sampler: SamplerName,
        share: float,
    ) -> None:
        super().__init__(net, lambda i: Sine(omega if i else omega_first), init=siren_init(omega))
        self.optimiser, self.sampler, self.share = optimiser, sampler, share

    def own_training(self, steps: int) -> OwnTraining:
        """Return the optimiser and the sampler."""
        kinds: dict[str, Optimiser] = {"adam": Adam(), "muon": Muon(), "lbfgs": Lbfgs(max_iter=1)}
        return OwnTraining(
            optimiser=kinds[self.optimiser],
            rate_factor=(lambda step: LBFGS_RATE) if self.optimiser == "lbfgs" else None,
            sampler=self._chosen if self.sampler == "soft-mining" else None,
        )

    def _chosen(self, points: Points) -> Sample:
        """Return points that are drawn in proportion to the size of their error."""
        size = points.losses().sqrt().clamp(min=SMALLEST).cpu()
        count = max(1, int(self.share * len(size)))
        rows = torch.multinomial(size.double(), count, replacement=True, generator=points.generator)
        factors = size[rows].pow(-ALPHA)
        device = points.coordinates.device
        return Sample(rows.to(device), (factors / factors.mean()).to(device))


@register_method(
    "siren-trained",
    formula="sin(omega z), trained with another optimiser or on chosen points",
    latex=r"\sin(\omega z)",
    paper="sitzmann2020siren",
    task_params={
        "audio": {"omega_first": 3000.0},  # as siren
        "audio:quick": {"omega_first": 1000.0},
        "audio:standard": {"omega_first": 1000.0},
    },
    search_ranges={"omega": (5.0, 120.0), "omega_first": (5.0, 6000.0)},
    own_training=True,
)
def siren_trained(
    net: NetworkSpec,
    *,
    optimiser: OptimiserName = "muon",
    sampler: SamplerName = "none",
    omega: float = 30.0,
    omega_first: float | None = None,
    share: float = 0.5,
) -> nn.Module:
    """Build a SIREN with a training of its own.

    Args:
        net: Shape of the network.
        optimiser: ``adam``, ``muon`` or ``lbfgs``.
        sampler: ``none``, or ``soft-mining``, which works for tasks whose loss is a mean over points.
        omega: Frequency of the activation.
        omega_first: Frequency in the first layer; None for ``omega``.
        share: Share of the points in a step of ``soft-mining``.
    """
    return TrainedSiren(net, omega, omega if omega_first is None else omega_first, optimiser, sampler, share)
