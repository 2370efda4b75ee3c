"""A signed distance that is fitted to an oriented point cloud."""

import pytest
import torch
from torch import nn

from inrbench.errors import BadValue, NotApplicable
from inrbench.fit import Predictor
from inrbench.metrics.shape import iou
from inrbench.registry import Registry
from inrbench.spec import NetworkSpec

REGISTRY = Registry()
TASK = REGISTRY.task("sdf-points")


def problem(signal: str = "knot", **changes: str):
    return TASK.problem(signal, TASK.protocol("quick", {"resolution": "24", "points": "2000", **changes}), 0)


def network(name: str = "siren") -> nn.Module:
    torch.manual_seed(0)
    return REGISTRY.method(name)(NetworkSpec(in_features=3, out_features=1, width=16, n_layers=3))


def expected_loss(net: nn.Module, surface, normals, free):
    """Return the loss of SIREN's loss_functions.py, written out: means over the points of both kinds."""
    x = torch.cat((surface, free)).requires_grad_()
    y = net(x)
    (gradient,) = torch.autograd.grad(y.sum(), x, create_graph=True)
    on = torch.arange(len(x)) < len(surface)
    cosine = torch.nn.functional.cosine_similarity(gradient, torch.cat((normals, normals)), dim=-1)
    zero = torch.zeros(len(x), dtype=x.dtype)
    return (
        3000 * torch.where(on, y[:, 0], zero).abs().mean()
        + 100 * torch.where(on, zero, torch.exp(-100 * y[:, 0].abs())).mean()
        + 100 * torch.where(on, 1 - cosine, zero).mean()
        + 50 * (gradient.norm(dim=-1) - 1).abs().mean()
    )


@pytest.mark.parametrize("name", ["siren", "msa", "wire", "relu"])
def test_the_loss_is_that_of_siren_with_both_ways_to_compute_derivatives(name):
    fitted = problem()
    fitted.as_dtype(torch.float64)
    net = network(name).double()
    batch = fitted.example(1)
    weight = torch.ones(())
    wanted = expected_loss(net, *batch)
    wanted_gradient = torch.autograd.grad(wanted, list(net.parameters()), allow_unused=True)
    for loss in (fitted.loss, fitted.fast_loss(net)):
        found = loss(net, batch, weight)
        assert found.item() == pytest.approx(wanted.item(), rel=1e-9)
        gradient = torch.autograd.grad(found, list(net.parameters()), allow_unused=True)
        for a, b in zip(gradient, wanted_gradient, strict=True):
            if b is not None:
                assert torch.allclose(a, b, rtol=1e-6, atol=1e-9 * float(b.abs().max()))


def test_points_are_on_the_surface_with_outward_normals_and_drawn_anew_for_every_step():
    fitted = problem()
    from inrbench.data import nearest_on_surface

    distance, _ = nearest_on_surface(fitted.evaluation.truth.mesh, fitted.cloud.numpy())
    assert distance.max() < 1e-6
    generator = torch.Generator().manual_seed(0)
    first, second = (next(fitted.batches(generator)) for _ in range(2))
    assert not torch.equal(first[0], second[0])
    low, high = (torch.tensor(ends) for ends in zip(*fitted.domain, strict=True))
    assert bool(((first[2] >= low) & (first[2] <= high)).all())
    other = TASK.problem("knot", TASK.protocol("quick", {"resolution": "24", "points": "2000"}), 1)
    assert not torch.equal(fitted.cloud, other.cloud)


class Ball(nn.Module):
    """The exact distance to a ball of radius 0.6."""

    def __init__(self, sign: float = 1.0) -> None:
        super().__init__()
        self.sign, self.unused = sign, nn.Parameter(torch.zeros(1))

    def forward(self, x):
        return self.sign * (x.norm(dim=1, keepdim=True) - 0.6)


def test_the_exact_distance_has_a_small_loss_and_the_wrong_side_a_large_one(tmp_path):
    import trimesh

    path = tmp_path / "ball.ply"
    trimesh.creation.icosphere(5, 0.6).export(path)
    task = type(TASK)()
    task.name = "sdf-points"
    signal = task.register_file(path)
    fitted = task.problem(signal, task.protocol("quick", {"resolution": "24", "points": "3000", "margin": "0.3333"}), 0)
    scale = fitted.cloud.norm(dim=1).mean().item() / 0.6  # the mesh is scaled to the grid
    right, wrong = (fitted.loss(Scaled(sign, scale), fitted.example(1), torch.ones(())).item() for sign in (1.0, -1.0))
    assert right < 8, "the term of random points near the surface is left"
    assert wrong > 100, "the gradient is the opposite of the normal"
    assert iou(fitted.evaluation.outputs(Predictor(Scaled(1.0, scale), torch.device("cpu")))["grid_overlap"]) > 0.97


class Scaled(Ball):
    def __init__(self, sign: float, scale: float) -> None:
        super().__init__(sign)
        self.scale = scale

    def forward(self, x):
        return self.scale * super().forward(x / self.scale)


def test_methods_that_are_solved_are_refused():
    with pytest.raises(NotApplicable, match="cannot be fitted to a point cloud"):
        problem().validate_network(network("dct"))


@pytest.mark.parametrize("changes", [{"points": "0"}, {"eikonal_weight": "-1"}, {"target": "occupancy"}, {"batch": "none"}])
def test_settings_without_a_meaning_are_refused(changes):
    with pytest.raises(BadValue):
        problem(**changes)
