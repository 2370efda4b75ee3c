"""mfn-gabor: a multiplicative filter network of Gabor filters (GaborNet).

    y = W z_n + b,   z_1 = g_1(x),   z_{i+1} = (W_i z_i + b_i) * g_{i+1}(x)
    g_i(x) = sin(A_i x + p_i) exp(-gamma_i / 2 |x - mu_i|^2)

Fathony, Sahu, Willmott, Kolter, "Multiplicative Filter Networks", ICLR 2021. As in the authors' code, mu is uniform,
gamma ~ Gamma(alpha / n, 1), A is multiplied by input_scale / sqrt(n) sqrt(gamma), p ~ U(-pi, pi), and
W_i ~ U(+-sqrt(weight_scale / width)). All of them are trained. n, the number of filters, is the protocol's number of nonlinear
layers. The centres are drawn from the domain of the problem's coordinates, which is [-1, 1] in the authors' experiments.
"""

import torch
from torch import Tensor, nn

from inrbench import NetworkSpec, register_method
from inrbench.nn import MultiplicativeNetwork, SineFilter


class GaborFilter(nn.Module):
    """Compute sin(A x + p) exp(-gamma / 2 |x - mu|^2): ``(N, in_features) -> (N, width)``.

    Args:
        net: Shape of the network; its domain is the range of the centres.
        scale: Factor of the frequencies A.
        alpha: Shape of the Gamma distribution from which gamma is drawn.
    """

    def __init__(self, net: NetworkSpec, scale: float, alpha: float) -> None:
        super().__init__()
        width, in_features = net.width, net.in_features
        low, high = torch.tensor(net.domain).T
        self.mu = nn.Parameter(low + (high - low) * torch.rand(width, in_features))
        self.gamma = nn.Parameter(torch.distributions.Gamma(alpha, 1.0).sample((width,)))
        self.wave = SineFilter(in_features, width, scale)
        with torch.no_grad():
            self.wave.linear.weight.mul_(self.gamma.sqrt()[:, None])

    def forward(self, x: Tensor) -> Tensor:
        """Apply the filter to coordinates.

        |x - mu|^2 is multiplied out, because an array ``(N, width, in_features)`` would need in_features times the memory.
        """
        distance = x.square().sum(1, keepdim=True) + self.mu.square().sum(1) - 2 * x @ self.mu.T
        return self.wave(x) * torch.exp(-0.5 * self.gamma * distance)


@register_method(
    "mfn-gabor", formula="(W z + b) * sin(A x + p) exp(-gamma |x - mu|^2 / 2), layer by layer",
    latex=(
        r"z_{l+1} = (W_l z_l + b_l) \odot \sin(A_{l+1} x + p_{l+1}) "
        r"\odot \exp\left(-\frac{\gamma_{l+1}}{2} \lVert x - \mu_{l+1} \rVert^2\right)"
    ),
    paper="fathony2021mfn",
    task_params={
        # Chosen for this project: a quarter of the Nyquist frequency of 8,000 samples, 64 voxels or 130 pixels.
        "audio": {"input_scale": 25000.0},
        "audio:quick": {"input_scale": 3000.0},
        "audio:standard": {"input_scale": 3000.0},
        "sdf:quick": {"input_scale": 25.0},
        "sdf:standard": {"input_scale": 25.0},
        "occupancy:quick": {"input_scale": 25.0},
        "occupancy:standard": {"input_scale": 25.0},
        "denoise:quick": {"input_scale": 50.0},
        "denoise:standard": {"input_scale": 50.0},
        "super-resolution:quick": {"input_scale": 50.0},
        "super-resolution:standard": {"input_scale": 50.0},
        "inpainting:quick": {"input_scale": 50.0},
        "inpainting:standard": {"input_scale": 50.0},
    },
    search_ranges={"input_scale": (8.0, 30000.0)},
)  # fmt: skip
def mfn_gabor(
    net: NetworkSpec,
    *,
    input_scale: float = 256.0,  # authors' code
    weight_scale: float = 1.0,  # authors' code
    alpha: float = 6.0,  # authors' code
) -> nn.Module:
    """Build a GaborNet.

    Args:
        net: Shape of the network.
        input_scale: Frequency scale; each of the n filters gets input_scale / sqrt(n).
        weight_scale: The weights of the linear layers are drawn from U(+-sqrt(weight_scale / width)).
        alpha: gamma is drawn from Gamma(alpha / n, 1) in each of the n filters.
    """
    scale, shape = input_scale / net.n_layers**0.5, alpha / net.n_layers
    return MultiplicativeNetwork(net, lambda i: GaborFilter(net, scale, shape), weight_scale)
