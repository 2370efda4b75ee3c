"""ReLU with positional encoding: an MLP on [x, sin(2^k pi x), cos(2^k pi x)].

    y = MLP(x, sin(2^k pi x), cos(2^k pi x)),   k = 0 .. n_frequencies - 1

Mildenhall, Srinivasan, Tancik, Barron, Ramamoorthi, Ng, "NeRF: Representing Scenes as Neural Radiance Fields for View
Synthesis", ECCV 2020, arXiv:2003.08934, eq. 4. The form with the factor pi, as in SIREN, WIRE and STAF (FINER's baseline does
not have it).
"""

from torch import nn

from inrbench import CoordinateMLP, NetworkSpec, register_method
from inrbench.nn import PositionalEncoding


@register_method(
    "relu-pe",
    formula="ReLU MLP on [x, sin(2^k pi x), cos(2^k pi x)]",
    latex=r"y = \mathrm{MLP}_{\mathrm{ReLU}}\left[x, \sin(2^k \pi x), \cos(2^k \pi x)\right]",
    paper="mildenhall2020nerf",
    task_params={
        # The Nyquist rule of SIREN's code: floor(log2(N / 4)), where N is the number of samples along the shorter side.
        "image": {"n_frequencies": 7},  # N = 512
        "function": {"n_frequencies": 8},  # N = 1024
        "sdf:quick": {"n_frequencies": 4},  # N = 64
        "sdf:standard": {"n_frequencies": 4},
        "occupancy:quick": {"n_frequencies": 4},
        "occupancy:standard": {"n_frequencies": 4},
    },
    search_ranges={"n_frequencies": (2, 14)},
)
def relu_pe(
    net: NetworkSpec,
    *,
    n_frequencies: int = 10,  # NeRF's L for positions
) -> nn.Module:
    """Build a ReLU network on a positional encoding.

    Args:
        net: Shape of the network.
        n_frequencies: Number of octaves of the encoding.
    """
    return CoordinateMLP(net, lambda i: nn.ReLU(), encoding=PositionalEncoding(net.in_features, n_frequencies))
