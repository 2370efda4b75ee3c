"""WIRE: the complex Gabor wavelet exp(i omega z - |scale z|^2).

    y = exp(i omega z - |scale z|^2),   z = W x + b complex from the second layer on; the output is the real part

Saragadam, LeJeune, Tan, Balakrishnan, Veeraraghavan, Baraniuk, "WIRE: Wavelet Implicit Neural Representations", CVPR 2023,
arXiv:2301.05187. As in the authors' code, the weights of the first layer are real, the effective width is
floor(width / sqrt 2) so that the number of real parameters matches the other methods, and the initialisation is PyTorch's
default.

Deviations: a complex number is stored as two reals (the formula is the same; complex64 neither compiles to fused code nor works
with fused Adam). The imaginary part of the output bias, which the authors store and never use, is left out.
"""

from torch import Tensor, nn

from inrbench import NetworkSpec, register_method
from inrbench.nn import Gabor, RealInputGabor, SplitComplexLinear


class WireNetwork(nn.Module):
    """Map coordinates to values with complex layers inside: ``(N, in_features) -> (N, out_features)``.

    Args:
        net: Shape of the network; it gets width / sqrt 2 complex channels.
        omega_first: Frequency of the first layer.
        omega: Frequency of the other layers.
        scale: Scale of the Gaussian envelope.
    """

    def __init__(self, net: NetworkSpec, omega_first: float, omega: float, scale: float) -> None:
        super().__init__()
        m = max(1, int(net.width / 2**0.5))
        self.layers = nn.Sequential(nn.Linear(net.in_features, m), RealInputGabor(omega_first, scale))
        for _ in range(net.n_layers - 1):
            self.layers.extend((SplitComplexLinear(m, m), Gabor(omega, scale)))
        self.layers.append(SplitComplexLinear(m, net.out_features, real_output=True))

    def forward(self, x: Tensor) -> Tensor:
        """Map coordinates ``(N, in_features)`` to values ``(N, out_features)``."""
        return self.layers(x)


@register_method(
    "wire",
    formula="exp(i omega z - |scale z|^2), complex",
    latex=r"\exp\left(i \omega z - \lvert \mathrm{scale}\, z \rvert^2\right), \quad z \in \mathbb{C}",
    paper="saragadam2023wire",
    task_params={
        "image": {"omega": 20.0, "scale": 30.0},  # "for image representation", comment in wire_image_denoise.py
        "shape": {"omega": 10.0, "scale": 40.0},  # wire_occupancy.py, width 256 on a grid of 512 voxels per axis
        # with scale 40 only 3 of 45 units of a network of width 64 are above 0.1 at a point; chosen for this project on knot
        # and gyroid
        "occupancy:quick": {"omega": 10.0, "scale": 10.0},
        "occupancy:standard": {"omega": 10.0, "scale": 10.0},
        "sdf:quick": {"omega": 5.0, "scale": 5.0},
        "sdf:standard": {"omega": 5.0, "scale": 5.0},
        # the authors fit no video: omega of their other signal with three coordinates (wire_occupancy.py); 30 does not train
        "video:quick": {"omega": 10.0},
        "video:standard": {"omega": 10.0},
        "pde": {"omega": 2.0, "scale": 2.0},  # not published; chosen for this project on heat1d/b20
        "denoise": {"omega": 5.0, "scale": 5.0},  # wire_image_denoise.py since 2eb758b
        "super-resolution": {"omega": 8.0, "scale": 6.0},  # wire_SISR.py
        "inpainting": {"omega": 20.0, "scale": 30.0},  # not published; as for images
        "ct": {"omega": 10.0, "scale": 10.0},  # wire_ct.py, where it is used for wire2d
        "audio": {"omega_first": 3000.0},  # STAF's audio notebook: 3000 / 30 for every model
        "audio:quick": {"omega_first": 1000.0, "omega": 5.0, "scale": 5.0},  # omega_first as siren, others chosen on chord
        "audio:standard": {"omega_first": 1000.0, "omega": 5.0, "scale": 5.0},  # as quick
    },
    authors={
        # FINER's run_wire.sh for images: omega 20, scale 10, lr 5e-3 times 0.1^(t/T), at most 65,536 pixels per step,
        # coordinates in [-1, 1]
        "image": {
            "lr": "5e-3",
            "lr_min": "5e-4",
            "schedule": "exponential",
            "batch": "65536",
            "coordinate_range": "(-1,1)",
            "scale": "10",
        },
        "occupancy": {"lr": "5e-3", "lr_min": "1e-3", "schedule": "exponential"},  # wire_occupancy.py: 0.2^(t/T)
        "denoise": {"lr": "5e-3", "lr_min": "5e-4", "schedule": "exponential", "batch": "65536"},  # wire_image_denoise.py
        "super-resolution": {"lr": "1e-2", "lr_min": "2e-3", "schedule": "exponential", "batch": "none"},  # wire_SISR.py
        "ct": {"lr": "5e-3", "lr_min": "5e-4", "schedule": "exponential"},  # wire_ct.py
    },
    search_ranges={"omega": (2.0, 40.0), "omega_first": (2.0, 6000.0), "scale": (2.0, 40.0)},
)
def wire(
    net: NetworkSpec,
    *,
    omega: float = 30.0,  # constructor default of the authors' code
    omega_first: float | None = None,
    scale: float = 10.0,  # constructor default of the authors' code
) -> nn.Module:
    """Build a WIRE network.

    Args:
        net: Shape of the network.
        omega: Frequency of the activation.
        omega_first: Frequency of the activation in the first layer; None for ``omega``.
        scale: Scale of the Gaussian envelope.
    """
    return WireNetwork(net, omega if omega_first is None else omega_first, omega, scale)
