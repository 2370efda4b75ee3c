"""finer-plus-plus: a Gaussian or a wavelet of FINER's sine.

    y = exp(-(scale u)^2)                          backbone gauss (GF)
    y = exp(i omega_w u - |scale u|^2)             backbone wavelet (WF), complex
    u = sin(omega (|z| + 1) z),   z = W x + b;   of a complex z, real and imaginary part are each scaled by |.| + 1

Zhu, Liu, Zhang, Fu, Deng, Ma, Guo, Cao, "FINER++: Building a Family of Variable-periodic Functions for Activating Implicit
Neural Representation", arXiv:2407.19434. FINER++ of the sine is ``finer``. Defaults are those of the authors' image script:
weights as in SIREN with the frequency omega (GF) or omega omega_w (WF), the framework's biases, width / sqrt 2 complex channels
for WF.

Deviations: |z| + 1 is differentiated (their code computes it without gradient, see ``finer``), and a complex number is two
reals. The GF layer of their released ``models.py`` computes its activation and returns z without it; here it is applied.
"""

from typing import Literal

import torch
from inrbench.methods.wire import Gabor, RealInputGabor
from torch import Tensor, nn

from inrbench import CoordinateMLP, NetworkSpec, register_method
from inrbench.nn import SplitComplexLinear, siren_init


def variable_phase(z: Tensor, omega: float) -> Tensor:
    """Return omega (|z| + 1) z."""
    return omega * (z.abs() + 1) * z


class GaussianOfSine(nn.Module):
    """exp(-(scale sin(omega (|z| + 1) z))^2): ``(N, width) -> (N, width)``."""

    def __init__(self, omega: float, scale: float) -> None:
        super().__init__()
        self.omega, self.scale = omega, scale

    def forward(self, z: Tensor) -> Tensor:
        """Apply to pre-activations."""
        return torch.exp(-(self.scale * torch.sin(variable_phase(z, self.omega))).square())


class WaveletOfSine(nn.Module):
    """The Gabor wavelet of the sine of complex z: ``(N, 2 m) -> (N, 2 m)``, real parts first; ``(N, m)`` where z is real."""

    def __init__(self, omega: float, wavelet: nn.Module) -> None:
        super().__init__()
        self.omega, self.wavelet = omega, wavelet

    def forward(self, z: Tensor) -> Tensor:
        """Apply to pre-activations. sin(p + i q) = sin p cosh q + i cos p sinh q."""
        if isinstance(self.wavelet, RealInputGabor):
            return self.wavelet(torch.sin(variable_phase(z, self.omega)))
        p, q = variable_phase(z, self.omega).chunk(2, dim=-1)
        return self.wavelet(torch.cat((p.sin() * q.cosh(), p.cos() * q.sinh()), dim=-1))


def wavelet_network(net: NetworkSpec, omega: float, omega_w: float, scale: float) -> nn.Module:
    """Return the complex network of WF."""
    m = max(1, int(net.width / 2**0.5))
    first = nn.Linear(net.in_features, m)
    layers: list[nn.Module] = [first, WaveletOfSine(omega, RealInputGabor(omega_w, scale))]
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
    "finer-plus-plus", formula="exp(-(scale sin(omega (|z| + 1) z))^2), or a wavelet of that sine", paper="zhu2024finerpp",
    native={
        # the authors' image script: 1e-3 falling by 0.1^(t/T), coordinates in [-1, 1]
        "image": {"lr": "1e-3", "lr_min": "1e-4", "schedule": "exponential", "coordinate_range": "(-1,1)"},
    },
    ranges={"omega": (1.0, 10.0), "scale": (1.0, 20.0)},
)  # fmt: skip
def finer_plus_plus(
    net: NetworkSpec,
    *,
    backbone: Literal["gauss", "wavelet"] = "gauss",
    omega: float | None = None,  # none: 3 for gauss, 5 for wavelet (run.sh)
    scale: float | None = None,  # none: 10 for gauss, 2 for wavelet (run.sh)
    omega_w: float = 4.0,  # of the wavelet (run.sh)
    first_bias_scale: float | None = None,  # k of b ~ U(-k, k) in the first layer; 1 and 1 / sqrt 3 in the SDF experiments
) -> nn.Module:
    """Build a FINER++ network."""
    gauss = backbone == "gauss"
    omega = omega if omega is not None else 3.0 if gauss else 5.0
    scale = scale if scale is not None else 10.0 if gauss else 2.0
    network = (
        CoordinateMLP(net, lambda i: GaussianOfSine(omega, scale), init=siren_init(omega))
        if gauss
        else wavelet_network(net, omega, omega_w, scale)
    )
    if first_bias_scale is not None:
        first = next(module for module in network.modules() if isinstance(module, nn.Linear))
        nn.init.uniform_(first.bias, -first_bias_scale, first_bias_scale)
    return network
