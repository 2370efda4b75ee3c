"""WIRE: the complex Gabor wavelet exp(i omega z - |scale z|^2).

    y = exp(i omega z - |scale z|^2),   z = W x + b complex from the second layer on; the output is the real part

Saragadam, LeJeune, Tan, Balakrishnan, Veeraraghavan, Baraniuk, "WIRE: Wavelet Implicit Neural Representations", CVPR 2023,
arXiv:2301.05187. As in the authors' code: the first layer's weights are real, the effective width is
floor(width / sqrt 2) so that the number of real parameters matches the other methods, the framework's default initialisation.

Deviations: complex numbers are two reals (the same formula; complex64 neither compiles to fused code nor works with
fused Adam), and the imaginary part of the output bias, which the authors store and never use, is left out.
"""

from torch import Tensor, nn

from inrbench import NetworkSpec, register_method
from inrbench.nn import Gabor, RealInputGabor, SplitComplexLinear


class WireNetwork(nn.Module):
    """``(N, in_features) -> (N, out_features)``, complex inside."""

    def __init__(self, net: NetworkSpec, omega_first: float, omega: float, scale: float) -> None:
        super().__init__()
        m = max(1, int(net.width / 2**0.5))
        self.layers = nn.Sequential(nn.Linear(net.in_features, m), RealInputGabor(omega_first, scale))
        for _ in range(net.n_layers - 1):
            self.layers.extend((SplitComplexLinear(m, m), Gabor(omega, scale)))
        self.layers.append(SplitComplexLinear(m, net.out_features, real_output=True))

    def forward(self, x: Tensor) -> Tensor:
        """Map coordinates to values."""
        return self.layers(x)


@register_method(
    "wire",
    formula="exp(i omega z - |scale z|^2), complex",
    paper="saragadam2023wire",
    task_params={
        "image": {"omega": 20.0, "scale": 30.0},  # "for image representation", comment in wire_image_denoise.py
        "shape": {"omega": 10.0, "scale": 40.0},  # wire_occupancy.py, 256 wide on 512 voxels
        # an envelope of 40 leaves 3 of 45 units of a 64 wide network above 0.1 at a point: ours, chosen on knot and gyroid
        "occupancy:quick": {"omega": 10.0, "scale": 10.0},
        "sdf:quick": {"omega": 5.0, "scale": 5.0},
        # the authors fit no clip: omega of their other signal of three coordinates, wire_occupancy.py; 30 does not train here
        "video:quick": {"omega": 10.0},
        "pde": {"omega": 2.0, "scale": 2.0},  # not published; ours, chosen on heat1d/b20
        "denoise": {"omega": 5.0, "scale": 5.0},  # wire_image_denoise.py since 2eb758b
        "super-resolution": {"omega": 8.0, "scale": 6.0},  # wire_SISR.py
        "inpainting": {"omega": 20.0, "scale": 30.0},  # not published; as for an image
        "ct": {"omega": 10.0, "scale": 10.0},  # wire_ct.py, there for wire2d
        "audio": {"omega_first": 3000.0},  # STAF's audio notebook: 3000 / 30 for every model
        "audio:quick": {"omega_first": 1000.0, "omega": 5.0, "scale": 5.0},  # the first as siren; the others chosen on chord
    },
    authors={
        # run_wire.sh of FINER for images: 20 / 10, 5e-3 falling by 0.1^(t/T), at most 65,536 pixels a step, coordinates [-1, 1]
        "image": {
            "lr": "5e-3",
            "lr_min": "5e-4",
            "schedule": "exponential",
            "batch": "65536",
            "coordinate_range": "(-1,1)",
            "scale": "10",
        },
        "occupancy": {"lr": "5e-3", "lr_min": "1e-3", "schedule": "exponential"},  # wire_occupancy.py: by 0.2^(t/T)
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
    omega_first: float | None = None,  # first layer only; none: omega
    scale: float = 10.0,  # constructor default of the authors' code
) -> nn.Module:
    """Build a WIRE network."""
    return WireNetwork(net, omega if omega_first is None else omega_first, omega, scale)
