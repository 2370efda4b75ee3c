"""msa-pinn: the multi-scale sine network for equations.

    y_i = sin(w_i z_i) / w_i,   log10 w_i from s_min to s_max over the channels

Han et al., "Implicit Neural Representation with Multi-Scale Sine Activation", AAAI 40(26), 2026. The activation, its
initialisation and its ablations are those of `msa`. The ranges for the paper's equations are not published.
"""

from torch import nn

from inrbench import CoordinateMLP, NetworkSpec, register_method
from inrbench.nn import MultiScaleSine, Spacing, per_layer

FAST, SLOW = (0.0, 0.0, 0.0, 0.0), 0.8
"""s_min, and s_max of the last layer: all of the authors' 1-D and 2-D configs end with a slow layer (0 to 0.6 .. 1)."""


def reach(s: float) -> dict[str, float | tuple[float, ...]]:
    """Return the ranges whose highest frequency is 10^s."""
    return {"s_min": FAST, "s_max": (s, s, s, SLOW)}


@register_method(
    "msa-pinn",
    formula="sin(w_i z_i) / w_i, log10 w_i from s_min to s_max over the channels",
    latex=(
        r"\frac{\sin(w_i z_i)}{w_i}, \quad \log_{10} w_i "
        r"\text{ from } s_{\min} \text{ to } s_{\max} \text{ over the channels}"
    ),
    paper="han2026msa",
    kinds=("pde",),
    task_params={
        # s_max is log10 of the solution's highest angular frequency in the mapped coordinates, which also sets ff-pinn's sigma
        "heat1d/b500": reach(2.9),
        "heat1d/b50": reach(1.9),
        "heat1d/b20": reach(1.5),
        "heat1d/b5": reach(0.9),
        "poisson2d/sin6cos20": reach(1.9),
        "poisson2d/sin100": reach(2.5),
        "poisson2d/ablation": reach(1.2),
        "poisson2d/sin1sin2": reach(0.5),
        "allen-cahn2d": reach(1.7),
        "allen-cahn2d/smooth": reach(0.2),
        "advection1d/b40-periodic": reach(1.3),
        "advection1d/b20-periodic": reach(1.0),
        "advection1d/b5-periodic": reach(0.5),
        "advection1d/b200-inflow": reach(2.0),
        "helmholtz2d": reach(1.1),
        "helmholtz2d/sin1sin1": reach(0.5),
        # the other rungs of the ladders, by the same rule
        **{f"heat1d/b{b}": reach(s) for b, s in ((3, 0.7), (10, 1.2), (15, 1.4), (35, 1.7), (100, 2.2))},
        **{f"poisson2d/sin1sin{k}": reach(s) for k, s in ((3, 0.7), (5, 0.9), (7, 1.0), (14, 1.3), (20, 1.5))},
        **{
            f"allen-cahn2d/sin{k}": reach(s)
            for k, s in ((2, 0.5), (3, 0.7), (4, 0.8), (6, 1.0), (8, 1.1), (11, 1.2), (16, 1.4))
        },
        **{f"advection1d/b{b}-periodic": reach(s) for b, s in ((3, 0.5), (10, 0.7), (15, 0.9), (30, 1.2), (60, 1.5))},
        **{
            f"helmholtz2d/sin1sin{k}": reach(s)
            for k, s in ((2, 0.8), (3, 1.0), (5, 1.2), (6, 1.3), (8, 1.4), (10, 1.5), (12, 1.6))
        },
    },
    search_ranges={"s_max": (-1.0, 1.0)},
    log10_params=("s_max",),
)
def msa_pinn(
    net: NetworkSpec,
    *,
    s_min: float | tuple[float, ...] = 0.0,
    s_max: float | tuple[float, ...] = 1.5,
    spacing: Spacing = "log",
    amplitude: bool = True,
) -> nn.Module:
    """Build an MSA network for equations.

    Args:
        net: Shape of the network.
        s_min: log10 of the lowest frequency, one number per nonlinear layer or one for all.
        s_max: log10 of the highest frequency, one number per nonlinear layer or one for all.
        spacing: ``log``, ``linear`` or ``random`` frequencies.
        amplitude: Keep the factor 1 / w_i.

    Raises:
        BadValue: ``s_min`` or ``s_max`` has a different number of values than there are nonlinear layers.
    """
    low, high = per_layer("s_min", s_min, net.n_layers), per_layer("s_max", s_max, net.n_layers)
    return CoordinateMLP(net, lambda i: MultiScaleSine(net.width, low[i], high[i], spacing, amplitude))
