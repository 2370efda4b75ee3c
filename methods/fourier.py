"""Fourier features: a ReLU MLP on [sin(2 pi B x), cos(2 pi B x)] with frozen random B.

    y = MLP(sin(2 pi B x), cos(2 pi B x)),   B ~ N(0, sigma^2), n_features rows

Tancik, Srinivasan, Mildenhall, Fridovich-Keil, Raghavan, Singhal, Ramamoorthi, Barron, Ng, "Fourier Features Let Networks Learn
High Frequency Functions in Low Dimensional Domains", NeurIPS 2020, arXiv:2006.10739. 256 rows and sigma = 10 are the authors'
values for natural images. ``sigmoid`` adds a sigmoid to the output, as the authors do for images. It is off by default because
the other methods have linear outputs (as in the MSA repository's copy).
"""

from torch import nn

from inrbench import CoordinateMLP, NetworkSpec, register_method
from inrbench.nn import FourierFeatures


@register_method(
    "fourier", formula="ReLU MLP on [sin(2 pi B x), cos(2 pi B x)], B ~ N(0, sigma^2)",
    latex=(
        r"y = \mathrm{MLP}_{\mathrm{ReLU}}\left[\sin(2 \pi B x), \cos(2 \pi B x)\right], "
        r"\quad B \sim \mathcal{N}(0, \sigma^2)"
    ),
    paper="tancik2020fourier",
    task_params={
        # Chosen for this project: 2 pi sigma is an eighth of the Nyquist frequency of 8,000 samples or 64 voxels.
        "audio": {"sigma": 750.0},
        "audio:quick": {"sigma": 250.0},
        "audio:standard": {"sigma": 250.0},
        "sdf:quick": {"sigma": 2.0},
        "sdf:standard": {"sigma": 2.0},
        "occupancy:quick": {"sigma": 2.0},
        "occupancy:standard": {"sigma": 2.0},
    },
    search_ranges={"sigma": (0.5, 1000.0)},
)  # fmt: skip
def fourier(
    net: NetworkSpec,
    *,
    sigma: float = 10.0,
    n_features: int = 256,
    sigmoid: bool = False,
) -> nn.Module:
    """Build a Fourier-feature network.

    Args:
        net: Shape of the network.
        sigma: Standard deviation of the entries of B.
        n_features: Number of rows of B; the encoding has twice as many features.
        sigmoid: Apply a sigmoid to the output.
    """
    encoding = FourierFeatures(net.in_features, n_features, sigma)
    network = CoordinateMLP(net, lambda i: nn.ReLU(), encoding=encoding)
    return nn.Sequential(network, nn.Sigmoid()) if sigmoid else network
