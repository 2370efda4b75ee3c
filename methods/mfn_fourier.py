"""mfn-fourier: a multiplicative filter network of sine filters (FourierNet).

    y = W z_n + b,   z_1 = g_1(x),   z_{i+1} = (W_i z_i + b_i) * g_{i+1}(x),   g_i(x) = sin(A_i x + p_i)

Fathony, Sahu, Willmott, Kolter, "Multiplicative Filter Networks", ICLR 2021. As in the authors' code, A_i is the weight of a
linear layer with PyTorch's default initialisation, times input_scale / sqrt(n); p_i ~ U(-pi, pi);
W_i ~ U(+-sqrt(weight_scale / width)). All of them are trained. n, the number of filters, is the protocol's number of nonlinear
layers.
"""

from torch import nn

from inrbench import NetworkSpec, register_method
from inrbench.nn import MultiplicativeNetwork, SineFilter


@register_method(
    "mfn-fourier", formula="(W z + b) * sin(A x + p), layer by layer",
    latex=r"z_{l+1} = (W_l z_l + b_l) \odot \sin(A_{l+1} x + p_{l+1})",
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
def mfn_fourier(
    net: NetworkSpec,
    *,
    input_scale: float = 256.0,  # authors' code
    weight_scale: float = 1.0,  # authors' code
) -> nn.Module:
    """Build a FourierNet.

    Args:
        net: Shape of the network.
        input_scale: Frequency scale; each of the n filters gets input_scale / sqrt(n).
        weight_scale: The weights of the linear layers are drawn from U(+-sqrt(weight_scale / width)).
    """
    scale = input_scale / net.n_layers**0.5
    return MultiplicativeNetwork(net, lambda i: SineFilter(net.in_features, net.width, scale), weight_scale)
