"""The ground truth of shapes: compared with an ellipsoid, and its storage on disk."""

import json
from pathlib import Path

import numpy as np
import pytest
import trimesh

from inrbench.data import GroundTruthSpec, Mesh, grid_shape, shape_truth, truth_is_there
from inrbench.data.shape_truth import occupied_box
from inrbench.errors import BadValue


def stretched_ball() -> Mesh:
    """Return an ellipsoid with half axes 3, 2, 1.5 away from the origin."""
    made = trimesh.creation.icosphere(subdivisions=4)
    return Mesh(np.asarray(made.vertices) * (3, 2, 1.5) + 10, np.asarray(made.faces, dtype=np.int64))


def spec(**changes: object) -> GroundTruthSpec:
    return GroundTruthSpec(**{"mesh_sha256": "a", "kind": "occupancy", "resolution": 30, "margin": 0.0, "backend": "libigl",
                          "crop": False, **changes})  # fmt: skip


@pytest.fixture(autouse=True)
def own_cache(no_data: Path) -> None:
    """Start with an empty cache."""


def centres(truth) -> np.ndarray:
    axes = [low + truth.voxel * np.arange(n) for low, n in zip(truth.low, truth.shape, strict=True)]
    return np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1)


def inside_ellipsoid(points: np.ndarray, scale: float = 1.0) -> np.ndarray:
    return (np.square(points / np.array([1, 2 / 3, 0.5]) / scale).sum(-1) < 1)  # fmt: skip


def test_voxels_inside_the_solid_are_occupied():
    truth = shape_truth(spec(), stretched_ball)
    assert truth.shape == (30, 20, 15)
    assert truth.voxel == pytest.approx(2 / 30)
    occupied = np.unpackbits(truth.values)[: 30 * 20 * 15].reshape(truth.shape).astype(bool)
    expected = inside_ellipsoid(centres(truth))
    assert (occupied != expected).mean() < 0.002, "up to the facets of the mesh"
    assert np.array_equal(truth.random_inside, inside_ellipsoid(truth.random_points)) or (
        (truth.random_inside != inside_ellipsoid(truth.random_points)).mean() < 0.003
    )
    box = (np.array(truth.shape) - 1) * truth.voxel / 2
    assert (np.abs(truth.random_points) <= box).all() and (np.abs(truth.random_points).max(0) > 0.99 * box).all()


def test_distances_are_stored_for_all_voxels_with_a_margin():
    truth = shape_truth(spec(kind="sdf", margin=0.1), stretched_ball)
    assert truth.shape == (30, 22, 18)
    assert truth.values.shape == truth.shape and truth.values.dtype == np.float32
    points = centres(truth)
    on_axis = truth.values[:, truth.shape[1] // 2, truth.shape[2] // 2]
    assert on_axis[0] > 0 > on_axis[15]
    assert (np.sign(truth.values) == np.where(inside_ellipsoid(points, 1 / 1.2), -1, 1)).mean() > 0.998
    surface = np.square(truth.mesh.vertices * 1.2 / np.array([1, 2 / 3, 0.5])).sum(-1)
    assert np.abs(surface - 1).max() < 0.02


def test_the_official_crop_drops_the_last_index():
    occupied = np.zeros((8, 9, 10), dtype=bool)
    occupied[2:6, 1:8, 3] = True
    assert occupied_box(occupied) == (slice(2, 5), slice(1, 7), slice(3, 4)), "a single layer stays"
    cropped, whole = shape_truth(spec(crop=True), stretched_ball), shape_truth(spec(), stretched_ball)
    assert all(a < b for a, b in zip(cropped.shape, whole.shape, strict=True))
    bits = [np.unpackbits(t.values)[: np.prod(t.shape)].reshape(t.shape) for t in (cropped, whole)]
    start = [round((a - b) / whole.voxel) for a, b in zip(cropped.low, whole.low, strict=True)]
    window = tuple(slice(s, s + n) for s, n in zip(start, cropped.shape, strict=True))
    assert np.array_equal(bits[0], bits[1][window]), "the crop lies where its origin says"


def test_the_ground_truth_is_computed_once_per_spec():
    calls = []

    def load() -> Mesh:
        calls.append(1)
        return stretched_ball()

    fractions: list[float] = []
    assert not truth_is_there(spec())
    first = shape_truth(spec(), load, fractions.append)
    assert truth_is_there(spec()) and fractions[-1] == 1.0 and fractions == sorted(fractions)
    again = shape_truth(spec(), load)
    assert len(calls) == 1
    assert np.array_equal(first.values, again.values) and again.shape == first.shape
    shape_truth(spec(mesh_sha256="b"), load)
    assert len(calls) == 2
    assert json.loads((spec().folder() / "facts.json").read_text())["spec"]["resolution"] == 30


def test_a_failed_computation_leaves_no_files():
    turned, _ = np.linalg.qr(np.random.default_rng(0).normal(size=(3, 3)))
    splinter = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1e-6]]) @ turned
    with pytest.raises(BadValue, match="encloses no voxel at resolution 30; a finer one: --set resolution=N"):
        shape_truth(spec(), lambda: Mesh(splinter, np.array([[0, 2, 1], [0, 1, 3], [1, 2, 3], [0, 3, 2]])))
    assert not truth_is_there(spec())
    assert list(spec().folder().parent.iterdir()) == []


def test_the_later_of_two_processes_keeps_the_existing_ground_truth():
    def slow() -> Mesh:
        shape_truth(spec(), stretched_ball)  # another process finishes first
        return stretched_ball()

    truth = shape_truth(spec(), slow)
    assert truth.shape == (30, 20, 15)
    assert [folder.name for folder in spec().folder().parent.iterdir()] == [spec().folder().name]


@pytest.mark.parametrize(("extent", "margin", "shape"), [
    ((1.0, 1.0, 1.0), 0.0, (30, 30, 30)), ((1.0, 0.5, 0.01), 0.0, (30, 15, 1)), ((1.0, 0.5, 0.01), 0.25, (30, 20, 11)),
])  # fmt: skip
def test_the_grid_has_the_same_spacing_along_every_axis(extent, margin, shape):
    assert grid_shape(np.array(extent), 30, margin) == shape
