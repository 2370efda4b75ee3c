"""SIREN: sin(omega z).

    y = sin(omega z),   z = W x + b

Sitzmann, Martel, Bergman, Lindell, Wetzstein, "Implicit Neural Representations with Periodic Activation Functions",
NeurIPS 2020, arXiv:2006.09661, section 3.2. omega = 30 in every layer and the authors' initialisation. The biases have
PyTorch's default initialisation, as in the authors' code; ``zero_bias`` gives the MSA repository's copy of SIREN.
"""

from torch import nn

from inrbench import CoordinateMLP, NetworkSpec, register_method
from inrbench.nn import Sine, siren_init


@register_method(
    "siren",
    formula="sin(omega z)",
    latex=r"\sin(\omega z)",
    paper="sitzmann2020siren",
    task_params={
        "audio": {"omega_first": 3000.0},  # equals coordinates in [-100, 100] and 30 of train_audio.py
        # chosen for this project: 8 % of the Nyquist frequency of 8,000 samples (3,000 is 3 % of that of 64,000 samples)
        "audio:quick": {"omega_first": 1000.0},
        "audio:standard": {"omega_first": 1000.0},
    },
    authors={
        # experiment_scripts/train_img.py and train_video.py at 4df34ba: 1e-4, no schedule, all pixels, all in [-1, 1]
        "image": {
            "lr": "1e-4",
            "lr_min": "1e-4",
            "schedule": "constant",
            "batch": "none",
            "coordinate_range": "(-1,1)",
            "value_range": "[-1, 1]",
        },
        "video": {
            "lr": "1e-4",
            "lr_min": "1e-4",
            "schedule": "constant",
            "coordinate_range": "(-1,1)",
            "value_range": "[-1, 1]",
        },
        "shape": {"lr": "1e-4", "lr_min": "1e-4", "schedule": "constant"},  # train_sdf.py
        # train_audio.py: 1e-4, all samples, coordinates in [-100, 100], 30 in every layer
        "audio": {
            "lr": "1e-4",
            "lr_min": "1e-4",
            "schedule": "constant",
            "batch": "none",
            "coordinate_range": "(-100,100)",
            "omega_first": "none",
        },
    },
    search_ranges={"omega": (5.0, 120.0), "omega_first": (5.0, 6000.0)},
)
def siren(
    net: NetworkSpec,
    *,
    omega: float = 30.0,  # section 3.2
    omega_first: float | None = None,
    zero_bias: bool = False,  # true in the MSA repository's copy of SIREN
) -> nn.Module:
    """Build a SIREN.

    Args:
        net: Shape of the network.
        omega: Frequency of the activation.
        omega_first: Frequency of the activation in the first layer; None for ``omega``.
        zero_bias: Start all biases at zero.
    """
    first = omega if omega_first is None else omega_first
    network = CoordinateMLP(net, lambda i: Sine(first if i == 0 else omega), init=siren_init(omega))
    if zero_bias:
        for layer in (*network.hidden, network.output):
            nn.init.zeros_(layer.get_parameter("bias"))
    return network
