"""hash-grid: a multiresolution hash encoding and a small ReLU network (Instant-NGP).

    y = MLP([e_0(x), ..., e_(L-1)(x)]),   e_l(x) = sum over the 2^d corners c of x's cell of w_c table_l[index(c)]
    scale_l = base b^l - 1,   position = scale_l x + 1/2,   index = (c_1 1 xor c_2 2654435761 xor c_3 805459861) mod size_l

x is mapped from the domain to [0, 1]. A level whose grid fits in its table is indexed without a hash. Mueller, Evans, Schied,
Keller, "Instant Neural Graphics Primitives with a Multiresolution Hash Encoding", ACM Trans. Graph. 41(4), 2022,
arXiv:2201.05989. Code: NVlabs/tiny-cuda-nn at 6ee3546 and NVlabs/instant-ngp at abe236e, ``configs/image/base.json``: 16
levels of 2 features, base 16, two layers of 64 without biases, tables ~ U(+-1e-4), Xavier-uniform weights. Training: Adam
1e-2, betas 0.9 and 0.99, eps 1e-15, weight decay 1e-6 for the network and none for the tables. The tables are as large as fits
in the parameters of an MLP of the protocol's shape; ``finest`` is the number of grid points per axis at the last level, from
which b follows. Second derivatives along an axis are zero.
"""

import itertools
import math

import torch
from torch import Tensor, nn
from torch.nn.functional import embedding_bag

from inrbench import NetworkSpec, register_method
from inrbench.nn import OwnTraining, ParameterGroup, parameters_of_mlp
from inrbench.spec import Adam

PRIMES = (1, 2654435761, 805459861, 3674653429)
MULTIPLE = 8
"""Sizes of tables are multiples of this number."""


class HashEncoding(nn.Module):
    """The encoding: ``(N, d) -> (N, levels * features)``.

    Args:
        net: Shape of the network, with the domain of the coordinates.
        levels: Number of grids.
        features: Features per grid point.
        base: Grid points per axis at the first level.
        finest: Grid points per axis at the last level.
        budget: Largest number of parameters of all tables.
    """

    low: Tensor
    extent: Tensor
    scales: Tensor
    sides: Tensor
    sizes: Tensor
    offsets: Tensor
    hashed: Tensor

    def __init__(self, net: NetworkSpec, levels: int, features: int, base: int, finest: int, budget: int) -> None:
        super().__init__()
        low, high = torch.tensor(net.domain, dtype=torch.float64).T
        growth = (max(finest, base + 1) / base) ** (1 / max(levels - 1, 1))
        scales = [round(base * growth**level - 1, 9) for level in range(levels)]
        sides = [math.ceil(scale) + 1 for scale in scales]
        dense = [-(-(side**net.in_features) // MULTIPLE) * MULTIPLE for side in sides]
        most = largest_table(dense, budget // features)
        sizes = [min(size, most) for size in dense]
        self.dimensions = net.in_features
        for name, values in (("low", low.float()), ("extent", (high - low).float()), ("scales", torch.tensor(scales))):
            self.register_buffer(name, values.float(), persistent=False)
        starts = list(itertools.accumulate(sizes, initial=0))
        for name, whole in (("sides", sides), ("sizes", sizes), ("offsets", starts[:-1])):
            self.register_buffer(name, torch.tensor(whole), persistent=False)
        self.register_buffer("hashed", torch.tensor([size > most for size in dense]), persistent=False)
        self.table = nn.Parameter(torch.empty(starts[-1], features).uniform_(-1e-4, 1e-4))
        self.out_features = levels * features

    def forward(self, x: Tensor) -> Tensor:
        """Encode coordinates in the domain; others get the cells that their positions would have."""
        unit = (x - self.low) / self.extent
        position = unit[:, None] * self.scales[:, None] + 0.5  # (N, L, d)
        cell = position.detach().floor()
        share = position - cell
        corner = cell.clamp(min=0).long()
        rows, weights = [], []
        for offset in itertools.product((0, 1), repeat=self.dimensions):
            rows.append(self._rows([corner[..., axis] + step for axis, step in enumerate(offset)]))
            weight = torch.ones_like(share[..., 0])
            for axis, step in enumerate(offset):
                weight = weight * (share[..., axis] if step else 1 - share[..., axis])
            weights.append(weight)
        index, factor = torch.stack(rows, dim=-1), torch.stack(weights, dim=-1)
        return self._interpolated(index, factor).flatten(1)

    def _rows(self, at: list[Tensor]) -> Tensor:
        """Return the rows of the table ``(N, L)`` of grid points, given one tensor per axis."""
        dense, hashed, stride = torch.zeros_like(at[0]), torch.zeros_like(at[0]), torch.ones_like(self.sides)
        for axis, place in enumerate(at):
            dense = dense + place * stride
            stride = stride * self.sides
            hashed = hashed ^ (place * PRIMES[axis])
        return torch.where(self.hashed, hashed & 0xFFFFFFFF, dense) % self.sizes + self.offsets

    def _interpolated(self, index: Tensor, factor: Tensor) -> Tensor:
        """Return the weighted sums of rows ``(N, L, features)``, for indices and weights ``(N, L, 2^d)``."""
        if factor.requires_grad:  # derivatives with respect to the coordinates may be differentiated again
            return (self.table[index] * factor[..., None]).sum(dim=2)
        flat = embedding_bag(index.flatten(0, 1), self.table, per_sample_weights=factor.flatten(0, 1), mode="sum")
        return flat.unflatten(0, index.shape[:2])


def largest_table(dense: list[int], entries: int) -> int:
    """Return the largest size of a table, a multiple of 8, at which all tables together have at most ``entries`` entries.

    >>> largest_table([256, 1024, 4096], 2000)
    872
    """
    most = MULTIPLE
    while sum(min(size, most + MULTIPLE) for size in dense) <= entries and most < max(dense):
        most += MULTIPLE
    return most


class HashGrid(nn.Module):
    """The encoding and its network: ``(N, in_features) -> (N, out_features)``.

    Args:
        encoding: The encoding.
        hidden: Width of the network.
        out_features: Outputs.
    """

    def __init__(self, encoding: HashEncoding, hidden: int, out_features: int) -> None:
        super().__init__()
        self.encoding = encoding
        sizes = (encoding.out_features, hidden, hidden, out_features)
        layers = [nn.Linear(m, n, bias=False) for m, n in itertools.pairwise(sizes)]
        for layer in layers:
            nn.init.xavier_uniform_(layer.weight)
        self.linears = nn.ModuleList(layers)

    def forward(self, x: Tensor) -> Tensor:
        """Map coordinates to values."""
        y = self.encoding(x)
        for layer in self.linears[:-1]:
            y = torch.relu(layer(y))
        out: Tensor = self.linears[-1](y)
        return out

    def own_training(self, steps: int) -> OwnTraining:
        """Return the authors' optimiser, with weight decay on the network alone."""
        return OwnTraining(
            groups=[
                ParameterGroup(parameters=[self.encoding.table], weight_decay=0.0),
                ParameterGroup(parameters=self.linears.parameters(), weight_decay=1e-6),
            ],
            optimiser=Adam(betas=(0.9, 0.99), eps=1e-15),
        )


@register_method(
    "hash-grid",
    formula="MLP of interpolated features from hashed grids of 16 resolutions",
    latex=(
        r"y = \mathrm{MLP}\left[e_0(x), \ldots, e_{L-1}(x)\right], "
        r"\quad e_l(x) = \sum_{c} w_c(x)\, T_l\left[\mathrm{hash}(c)\right]"
    ),
    paper="muller2022instantngp",
    kinds=("function", "image", "video", "volume", "shape", "restoration", "ct", "audio", "radiance"),
    task_params={
        "audio": {"finest": 16384},
        "function": {"finest": 512},
        "shape": {"finest": 64},
        "kodak:paper": {"finest": 384},  # half of 768 pixels, as in the authors' testbed.cu
    },
    authors={"image": {"lr": "1e-2", "lr_min": "1e-2", "schedule": "constant"}},  # the first 20,000 steps of base.json
    search_ranges={"finest": (24, 65536)},
    own_training=True,
)
def hash_grid(
    net: NetworkSpec,
    *,
    levels: int = 16,  # base.json
    features: int = 2,  # base.json
    base: int = 16,  # base.json
    finest: int = 128,  # the authors: half of the longer side of an image
    hidden: int | None = None,
) -> nn.Module:
    """Build a hash grid with its network.

    Args:
        net: Shape of the network. Its parameters are the budget.
        levels: Number of grids.
        features: Features per grid point.
        base: Grid points per axis at the first level.
        finest: Grid points per axis at the last level.
        hidden: Width of the network after the encoding; None for 64, or less if 64 would take more than a third of the budget.
    """
    budget, width = parameters_of_mlp(net), 64 if hidden is None else hidden
    inputs = levels * features
    while hidden is None and width > 8 and 3 * width * (inputs + width + net.out_features) > budget:
        width -= 8
    left = budget - width * (inputs + width + net.out_features)
    return HashGrid(HashEncoding(net, levels, features, base, finest, left), width, net.out_features)
