"""Shape problems, evaluated with known fields."""

import helpers
import numpy as np
import pytest
import torch
import trimesh
from torch import nn

from inrbench.data import GroundTruthSpec, Mesh, read_image, read_mesh, shape_truth
from inrbench.fit import Clock, MemoryMeter, Predictor, fit
from inrbench.metrics.error import MSE_TRAIN
from inrbench.metrics.shape import CHAMFER, IOU_GRID, IOU_OFFICIAL, IOU_RANDOM, NORMALS, chamfer, normal_consistency
from inrbench.problems import shape_problem
from inrbench.problems.shape import compare_surfaces
from inrbench.settings import ShapeSettings
from inrbench.spec import Protocol

HALF = np.array([1, 0.6, 0.8])
"""Semi-axes of the ellipsoid, without a margin."""
METRICS = (IOU_GRID.id, IOU_RANDOM.id, CHAMFER.id, NORMALS.id, MSE_TRAIN.id)


@pytest.fixture(scope="module")
def truths(tmp_path_factory):
    def mesh() -> Mesh:
        ball = trimesh.creation.icosphere(subdivisions=5)
        return Mesh(np.asarray(ball.vertices) * HALF, np.asarray(ball.faces, dtype=np.int64))

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        return {
            kind: shape_truth(
                GroundTruthSpec(mesh_sha256="e", kind=kind, resolution=32, margin=margin, backend="libigl", crop=False), mesh
            )
            for kind, margin in (("sdf", 0.05), ("occupancy", 0.0))
        }


def problem(truths, kind: str, **settings: object):
    usual = {"target": kind, "coordinates": "isotropic" if kind == "sdf" else "stretched", "scoring": "final", "resolution": 32,
             "margin": 0.0, "crop": False, "sdf_backend": "libigl"}  # fmt: skip
    chosen = ShapeSettings(**{**usual, **settings})
    names = (*METRICS, IOU_OFFICIAL.id) if chosen.scoring == "official" else METRICS
    protocol = Protocol(
        name="t", width=8, n_layers=1, epochs=3, batch=500, lr=1e-2, lr_min=1e-2, metrics=names, settings=chosen
    )
    return shape_problem(truths[kind], protocol), protocol


def ellipsoid(kind: str, grow: float = 1.0):
    """Return the field of the true solid scaled by ``grow``: approximate distance or occupancy."""
    half = HALF / 1.1 if kind == "sdf" else HALF * 32 / np.array([31, 19, 25])  # the outermost centres are at -1 and 1

    def predict(x: torch.Tensor) -> torch.Tensor:
        radius = (x.double() / torch.tensor(half * grow)).norm(dim=1, keepdim=True)
        return (radius - 1).float() if kind == "sdf" else torch.sigmoid((1 - radius) * 40).float()

    return predict


def values(shape_problem_, predict) -> dict[str, float | None]:
    return {name.partition("@")[0]: value for name, value in helpers.values(shape_problem_, METRICS, predict).items()}


@pytest.mark.parametrize("kind", ["sdf", "occupancy"])
def test_true_solid_scores_nearly_perfect_and_a_larger_one_does_not(truths, kind):
    fitted, _ = problem(truths, kind)
    true, grown = values(fitted, ellipsoid(kind)), values(fitted, ellipsoid(kind, 1.1))
    assert true["iou"] > 0.97 and true["iou-random"] > 0.97
    assert true["chamfer"] < 0.01 and true["normal-consistency"] > 0.98
    if kind == "sdf":  # the occupancy grid has no margin: a larger solid is cut off
        assert grown["iou"] == pytest.approx(1 / 1.1**3, abs=0.02)
        assert grown["iou-random"] == pytest.approx(1 / 1.1**3, abs=0.02)
        assert grown["chamfer"] == pytest.approx(0.1 * (HALF / 1.1).mean(), rel=0.15)
    assert helpers.primary(fitted, METRICS, ellipsoid(kind)) == true["iou"]


@pytest.mark.parametrize(("kind", "value"), [("sdf", 1.0), ("sdf", -1.0), ("occupancy", 0.0)])
def test_field_without_a_surface_has_a_note_and_no_distances(truths, kind, value):
    fitted, _ = problem(truths, kind)
    found = helpers.measure(fitted, METRICS, lambda x: torch.full((len(x), 1), value))
    measured = {name.partition("@")[0]: each for name, each in found.items()}
    if value == -1.0:
        assert measured["chamfer"].value is not None, "all inside: the surface is the boundary of the grid"
        return
    assert measured["iou"].value == 0
    assert measured["chamfer"].value is None and measured["normal-consistency"].value is None
    assert measured["chamfer"].note == "the fitted field has no surface: it is all inside or all outside"


@pytest.mark.parametrize("kind", ["sdf", "occupancy"])
def test_training_data_are_the_truth_at_the_voxels(truths, kind):
    fitted, _ = problem(truths, kind)
    x, y = (torch.cat(parts) for parts in zip(*fitted.batches(torch.Generator().manual_seed(0)), strict=True))
    assert len(x) == np.prod(truths[kind].shape)
    if kind == "occupancy":
        assert x.abs().max() == 1 and (x.max(0).values == 1).all(), "every axis spans [-1, 1]"
        assert ((ellipsoid(kind)(x) > 0.5) == (y > 0.5)).float().mean() > 0.99
    else:
        assert x.abs().max(0).values.tolist() == pytest.approx([1 - 1 / 32, *((n - 1) / 32 for n in truths[kind].shape[1:])])
        assert ((ellipsoid(kind)(x) < 0) == (y < 0)).float().mean() > 0.99


def test_artifacts_are_a_mesh_at_the_true_position_and_pictures(truths, tmp_path):
    fitted, _ = problem(truths, "sdf")
    fitted.evaluation.save_artifacts(ellipsoid("sdf"), tmp_path)
    mesh = read_mesh(tmp_path / "reconstruction.ply")
    assert np.abs(mesh.vertices).max(0) == pytest.approx(HALF / 1.1, abs=0.01)
    assert np.einsum("ij,ij->", mesh.triangles.mean(1), mesh.area_vectors) > 0, "the triangles face outwards"
    assert read_image(tmp_path / "reconstruction.png").shape == read_image(tmp_path / "truth.png").shape == (320, 320, 3)
    fitted.evaluation.save_scaled(ellipsoid("sdf"), 2, tmp_path / "fine.ply")
    finer = read_mesh(tmp_path / "fine.ply")
    assert len(finer.faces) > 3 * len(mesh.faces)
    assert np.abs(finer.vertices).max(0) == pytest.approx(np.abs(mesh.vertices).max(0), abs=0.01)


def test_official_score_uses_the_outputs_of_the_best_epoch(truths):
    """Compared with a record of the training outputs that the test keeps."""
    fitted, protocol = problem(truths, "occupancy", scoring="official")
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(3, 8), nn.Tanh(), nn.Linear(8, 1))
    epochs: list[dict[int, bool]] = [{}]
    losses, original, n, training = [0.0], type(fitted).loss, fitted.n_points, False

    def watch(net, chunk, weight):
        if training:
            if len(epochs[-1]) == n:
                epochs.append({})
                losses.append(0.0)
            outputs = net(chunk[0])[:, 0].detach()
            epochs[-1].update(zip(chunk[2].tolist(), (outputs > 0.5).tolist(), strict=True))
            losses[-1] += float((outputs - chunk[1][:, 0]).square().sum())
        return original(fitted, net, chunk, weight)

    batches = fitted.batches

    def begin(generator):
        nonlocal training
        training = generator.initial_seed() == 5  # counting operations and preparing steps use other seeds
        yield from batches(generator)

    fitted.loss, fitted.batches = watch, begin
    device = torch.device("cpu")
    evaluator = helpers.evaluator(fitted, protocol.metrics)
    fit(
        network,
        fitted,
        protocol,
        evaluator=evaluator,
        device=device,
        data_seed=5,
        clock=Clock(device),
        meter=MemoryMeter(device),
    )
    best = epochs[int(np.argmin(losses))]
    true = np.unpackbits(truths["occupancy"].values)[:n].astype(bool)
    given = np.array([best[row] for row in range(n)])
    expected = (given & true).sum() / (given | true).sum()
    measured = {m.metric.id: m.value for m in evaluator.measure(Predictor(network, device))}
    assert len(epochs) == 3
    assert measured["iou@official-training-outputs"] == pytest.approx(expected)
    assert measured["iou@grid"] != pytest.approx(expected, abs=1e-6), "the final weights differ"


def test_loss_that_keeps_state_is_not_compiled(truths):
    from inrbench.fit.step import make_step

    fitted, chosen = problem(truths, "occupancy", scoring="official")
    step = make_step("fast", nn.Linear(3, 1), fitted, chosen, 10**9)
    facts = step.facts()
    assert (facts.compiled, facts.note) == (False, "eager: the problem's loss keeps state")


def test_surface_distances_of_two_spheres_are_correct():
    ball = trimesh.creation.icosphere(subdivisions=4)
    small = Mesh(np.asarray(ball.vertices), np.asarray(ball.faces, dtype=np.int64))
    large = Mesh(small.vertices * 1.3, small.faces)

    def distances(mesh: Mesh, other: Mesh) -> tuple[float, float]:
        surfaces = compare_surfaces(mesh, other)
        return chamfer(surfaces), normal_consistency(surfaces)

    assert distances(small, large) == (pytest.approx(0.3, rel=0.01), pytest.approx(1, abs=1e-3))
    assert distances(small, small) == (pytest.approx(0, abs=1e-12), pytest.approx(1))
    moved = Mesh(small.vertices + np.array([0, 0, 5]), small.faces)
    assert distances(small, moved)[1] < 0.8
