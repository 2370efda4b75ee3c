"""MSA: sin(w_i z_i) / w_i, one fixed frequency per channel, spread over several powers of ten.

    y_i = sin(w_i z_i) / w_i,   z = W x + b,   log10 w_i = s_min + (i - 1) / (m - 1) (s_max - s_min),   i = 1 .. m channels

Han et al., "Implicit Neural Representation with Multi-Scale Sine Activation", AAAI 40(26), 2026, eq. 4-6.
There is one pair (s_min, s_max) per layer, as in the authors' code; a single number applies to all layers. Every layer has
PyTorch's default initialisation. The frequencies do not depend on trained values, so they are a buffer and are not rebuilt in
each forward pass. They run over the last dimension (the PyPI package msa-inr 0.1.2 uses dimension 1, which is the same for
(N, C) input only).

``s_max_last`` makes the last layer slow for any ``s_max``, as it is in all of the authors' 1-D and 2-D configs.

Ablations of the paper's section on design choices: amplitude=false drops the factor 1 / w_i. spacing=linear spreads w_i evenly
between 10^s_min and 10^s_max. spacing=random draws them from the uniform distribution over that range (once, with the run's
initialisation seed, unsorted; the paper gives no details).
"""

from torch import nn

from inrbench import CoordinateMLP, NetworkSpec, register_method
from inrbench.nn import MultiScaleSine, Spacing, per_layer


@register_method(
    "msa",
    formula="sin(w_i z_i) / w_i, log10 w_i from s_min to s_max over the channels",
    latex=(
        r"\frac{\sin(w_i z_i)}{w_i}, \quad \log_{10} w_i "
        r"\text{ from } s_{\min} \text{ to } s_{\max} \text{ over the channels}"
    ),
    paper="han2026msa",
    kinds=(
        "function",
        "image",
        "video",
        "volume",
        "shape",
        "radiance",
        "restoration",
        "ct",
        "audio",
    ),  # for equations: msa-pinn
    task_params={
        # configs/curvefit_*.yaml of the official repository. All but imagefit.yaml are commented out there, so the released
        # code would use the defaults 1 and 5 below.
        "function": {"s_min": (1.0, 1.0, 1.0, 0.0), "s_max": (5.5, 5.5, 5.5, 0.8)},  # multiscale, sin1000
        "function1d/sin200": {"s_max": (6.0, 6.0, 6.0, 0.6)},
        "function1d/sin500": {"s_max": (5.5, 5.5, 5.5, 0.6)},
        "image": {"s_min": (1.2, 1.2, 1.2, 0.0), "s_max": (3.6, 3.6, 3.6, 1.0)},  # imagefitcolor.yaml
        "video": {"s_min": 1.0, "s_max": 1.5},  # videofit_bbb, commented out; 4 equal entries for 3 layers
        "shape": {"s_min": 1.0, "s_max": 1.8},  # reconstruction, commented out
        "volume": {"s_min": 1.0, "s_max": 1.8},  # not published: the values for shapes
        "radiance": {"s_min": 1.0, "s_max": 1.8},
        # not published for these tasks: the values of the image configs, for the number of layers of each protocol
        "denoise": {"s_min": (1.2, 1.2, 0.0), "s_max": (3.6, 3.6, 1.0)},
        "super-resolution": {"s_min": (1.2, 1.2, 0.0), "s_max": (3.6, 3.6, 1.0)},
        "inpainting": {"s_min": (1.2, 1.2, 1.2, 0.0), "s_max": (3.6, 3.6, 3.6, 1.0)},
        "ct": {"s_min": (1.2, 1.2, 0.0), "s_max": (3.6, 3.6, 1.0)},
        "audio": {"s_min": (1.2, 1.2, 1.2, 0.0), "s_max": (3.6, 3.6, 3.6, 1.0)},
        "pde": {"s_min": 0.0, "s_max": 1.5},  # msa-pinn's default; msa-pinn has its own range for each known equation
        "photo/camera": {"s_max": (4.0, 4.0, 4.0, 0.8)},  # imagefit.yaml, not commented out
    },
    authors={
        "image": {"lr": "1e-3", "lr_min": "1e-4", "schedule": "cosine", "batch": "none"},  # imagefitcolor.yaml
        "video": {"lr": "1e-3", "lr_min": "5e-4", "schedule": "cosine"},  # videofit_bbb, commented out
        "function": {"lr": "1e-4", "lr_min": "1e-7", "schedule": "cosine"},  # curvefit configs
        "occupancy": {"lr": "5e-3", "lr_min": "1e-3", "schedule": "exponential"},  # reconstruction, commented out
    },
    search_ranges={"s_min": (-1.0, 1.0), "s_max": (-1.0, 1.0), "s_max_last": (0.0, 3.0)},
    log10_params=("s_min", "s_max", "s_max_last"),
)
def msa(
    net: NetworkSpec,
    *,
    s_min: float | tuple[float, ...] = 1.0,  # code default
    s_max: float | tuple[float, ...] = 5.0,  # code default
    s_max_last: float | None = None,
    spacing: Spacing = "log",
    amplitude: bool = True,
) -> nn.Module:
    """Build an MSA network.

    Args:
        net: Shape of the network.
        s_min: log10 of the lowest frequency, one number per nonlinear layer or one for all.
        s_max: log10 of the highest frequency, one number per nonlinear layer or one for all.
        s_max_last: Replaces ``s_max`` in the last nonlinear layer, where ``s_min`` is then 0; None changes nothing.
        spacing: ``log``, ``linear`` or ``random`` frequencies.
        amplitude: Keep the factor 1 / w_i.

    Raises:
        BadValue: ``s_min`` or ``s_max`` has a different number of values than there are nonlinear layers.
    """
    low, high = per_layer("s_min", s_min, net.n_layers), per_layer("s_max", s_max, net.n_layers)
    if s_max_last is not None:
        low, high = (*low[:-1], 0.0), (*high[:-1], s_max_last)
    return CoordinateMLP(net, lambda i: MultiScaleSine(net.width, low[i], high[i], spacing, amplitude))
