"""finer-plus-plus: a Gaussian or a wavelet of FINER's sine.

    y = exp(-(scale u)^2)                          backbone gauss (GF)
    y = exp(i omega_w u - |scale u|^2)             backbone wavelet (WF), complex
    u = sin(omega (|z| + 1) z),   z = W x + b;   of a complex z, real and imaginary part are each scaled by |.| + 1

Zhu, Liu, Zhang, Fu, Deng, Ma, Guo, Cao, "FINER++: Building a Family of Variable-periodic Functions for Activating Implicit
Neural Representation", arXiv:2407.19434. FINER++ with a sine is ``finer``. The defaults are those of the authors' run.sh for
images since 9d691d0 (2024-08-19): weights as in SIREN with the frequency omega (GF) or omega omega_w (WF), first biases from
U(-1, 1), PyTorch's default for the other biases, and width / sqrt 2 complex channels for WF.

Deviations: |z| + 1 is differentiated (their code computes it without gradient, see ``finer``), and a complex number is stored
as two reals. (Their first upload, 2d77c48, had omega 3 and scale 10 for GF, and a layer that returned z without its
activation.)
"""

from typing import Literal

import torch
from torch import Tensor, nn

from inrbench import CoordinateMLP, NetworkSpec, register_method
from inrbench.nn import Gabor, RealInputGabor, SplitComplexLinear, siren_init


def variable_phase(z: Tensor, omega: float) -> Tensor:
    """Return omega (|z| + 1) z."""
    return omega * (z.abs() + 1) * z


class GaussianOfSine(nn.Module):
    """Compute exp(-(scale sin(omega (|z| + 1) z))^2): ``(N, width) -> (N, width)``."""

    def __init__(self, omega: float, scale: float) -> None:
        super().__init__()
        self.omega, self.scale = omega, scale

    def forward(self, z: Tensor) -> Tensor:
        """Apply the activation to pre-activations."""
        return torch.exp(-(self.scale * torch.sin(variable_phase(z, self.omega))).square())


class WaveletOfSine(nn.Module):
    """Compute the Gabor wavelet of the sine of z.

    The shapes are ``(N, 2 m) -> (N, 2 m)`` for complex z, real parts first, and ``(N, m) -> (N, 2 m)`` for real z.
    """

    def __init__(self, omega: float, wavelet: nn.Module) -> None:
        super().__init__()
        self.omega, self.wavelet = omega, wavelet

    def forward(self, z: Tensor) -> Tensor:
        """Apply the activation to pre-activations.

        For a complex z it uses sin(p + i q) = sin p cosh q + i cos p sinh q.
        """
        if isinstance(self.wavelet, RealInputGabor):
            return self.wavelet(torch.sin(variable_phase(z, self.omega)))
        p, q = variable_phase(z, self.omega).chunk(2, dim=-1)
        return self.wavelet(torch.cat((p.sin() * q.cosh(), p.cos() * q.sinh()), dim=-1))


def wavelet_network(net: NetworkSpec, omega_first: float, omega: float, omega_w: float, scale: float) -> nn.Module:
    """Return the complex network of WF.

    Args:
        net: Shape of the network; it gets width / sqrt 2 complex channels.
        omega_first: Frequency of the first layer's sine.
        omega: Frequency of the sine in the other layers.
        omega_w: Frequency of the wavelet.
        scale: Scale of the wavelet's Gaussian envelope.
    """
    m = max(1, int(net.width / 2**0.5))
    first = nn.Linear(net.in_features, m)
    layers: list[nn.Module] = [first, WaveletOfSine(omega_first, RealInputGabor(omega_w, scale))]
    for _ in range(net.n_layers - 1):
        layers += [SplitComplexLinear(m, m), WaveletOfSine(omega, Gabor(omega_w, scale))]
    layers.append(SplitComplexLinear(m, net.out_features, real_output=True))
    bound = (6 / m) ** 0.5 / (omega * omega_w)
    nn.init.uniform_(first.weight, -1 / net.in_features, 1 / net.in_features)
    for layer in layers[2::2]:
        for weight in (layer.get_parameter("weight_real"), layer.get_parameter("weight_imag")):
            nn.init.uniform_(weight, -bound, bound)
    return nn.Sequential(*layers)


@register_method(
    "finer-plus-plus", formula="exp(-(scale sin(omega (|z| + 1) z))^2), or a wavelet of that sine",
    latex=r"\exp\left(-\left(\mathrm{scale}\, \sin(\omega\, (\lvert z \rvert + 1)\, z)\right)^2\right)",
    paper="zhu2024finerpp",
    task_params={
        # a third of siren's, because a Gaussian of a sine at least doubles frequencies; chosen for this project on chord
        "audio": {"omega": 5.0, "scale": 2.0, "omega_first": 900.0},
        "audio:quick": {"omega": 5.0, "scale": 2.0, "omega_first": 300.0},
        "audio:standard": {"omega": 5.0, "scale": 2.0, "omega_first": 300.0},
    },
    authors={
        # the authors' image script: lr 1e-3 times 0.1^(t/T), all pixels, coordinates in [-1, 1]
        "image": {
            "lr": "1e-3", "lr_min": "1e-4", "schedule": "exponential", "batch": "none", "coordinate_range": "(-1,1)",
        },
    },
    search_ranges={"omega": (1.0, 30.0), "omega_first": (1.0, 3000.0), "scale": (0.5, 20.0), "first_bias_scale": (0.1, 20.0)},
)  # fmt: skip
def finer_plus_plus(
    net: NetworkSpec,
    *,
    backbone: Literal["gauss", "wavelet"] = "gauss",
    omega: float | None = None,  # run.sh
    omega_first: float | None = None,
    scale: float | None = None,  # run.sh
    omega_w: float = 4.0,  # run.sh
    first_bias_scale: float | None = 1.0,  # run.sh, --fbs 1
) -> nn.Module:
    """Build a FINER++ network.

    Args:
        net: Shape of the network.
        backbone: ``gauss`` (GF, real) or ``wavelet`` (WF, complex).
        omega: Frequency of the sine; None for 10 with ``gauss`` and 5 with ``wavelet``.
        omega_first: Frequency of the sine in the first layer; None for ``omega``.
        scale: Scale of the Gaussian; None for 3 with ``gauss`` and 2 with ``wavelet``.
        omega_w: Frequency of the wavelet; used with ``wavelet`` only.
        first_bias_scale: k of the first layer's biases, drawn from U(-k, k); None for PyTorch's default.
    """
    gauss = backbone == "gauss"
    omega = omega if omega is not None else 10.0 if gauss else 5.0
    scale = scale if scale is not None else 3.0 if gauss else 2.0
    first = omega if omega_first is None else omega_first
    network = (
        CoordinateMLP(net, lambda i: GaussianOfSine(omega if i else first, scale), init=siren_init(omega))
        if gauss
        else wavelet_network(net, first, omega, omega_w, scale)
    )
    if first_bias_scale is not None:
        layer = next(module for module in network.modules() if isinstance(module, nn.Linear))
        nn.init.uniform_(layer.bias, -first_bias_scale, first_bias_scale)
    return network
