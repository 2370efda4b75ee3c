"""The ground truth of a shape: a grid of distances or of bits, and what to judge by, computed once and kept on disk.

The shape's bounding box lies around the origin. Its longest side, with ``margin`` of itself added at both ends, spans [-1, 1],
and is cut into ``resolution`` voxels; the other sides have as many of these voxels as they need. Truth is told at the voxels'
centres.
"""

import json
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from inrbench.data.distance import Backend, is_inside, signed_distance
from inrbench.data.locate import cache_folder
from inrbench.data.mesh import Array, Mesh, centred
from inrbench.errors import BadValue
from inrbench.private import private_folder
from inrbench.spec import digest

Progress = Callable[[float], None]
Kind = Literal["sdf", "occupancy"]
VERSION = 3
"""Raised when the same recipe gives other numbers, so that older files are not used."""
POINTS_AT_ONCE = 2_000_000
RANDOM_POINTS = 100_000
SEED = 0


@dataclass(frozen=True, kw_only=True)
class TruthRecipe:
    """What determines a ground truth. ``mesh_sha256`` is the hash of the mesh's file or definition."""

    mesh_sha256: str
    kind: Kind
    resolution: int
    margin: float
    backend: Backend
    crop: bool
    """Cut the grid to the bounding box of the occupied voxels without the last of each axis, as official code does."""

    def folder(self) -> Path:
        """Where it is kept. Raises BadValue where the cache is another user's."""
        return private_folder(cache_folder().parent / "shapes") / digest({"version": VERSION, **asdict(self)})[:32]


@dataclass(frozen=True, eq=False)
class ShapeTruth:
    """``low`` and ``voxel``: position of the first voxel's centre, and the side of a voxel. ``values`` in C order: distances,
    float32, ``(n_x n_y n_z,)``, mapped from disk; or occupancy, eight voxels a byte, the first in the highest bit.

    ``mesh``: the true surface in the same coordinates. ``random_points``, uniform between the outermost voxels' centres, are
    inside where ``random_inside`` is set.
    """

    shape: tuple[int, int, int]
    low: tuple[float, float, float]
    voxel: float
    values: NDArray[np.generic]
    mesh: Mesh
    random_points: Array
    random_inside: NDArray[np.bool_]


def shape_truth(recipe: TruthRecipe, load: Callable[[], Mesh], progress: Progress = lambda fraction: None) -> ShapeTruth:
    """Return the ground truth, from disk or computed from the mesh that ``load`` returns. ``progress`` is told the fraction.

    Two processes that compute the same end with one of the two, which are equal.
    """
    folder = recipe.folder()
    if not folder.is_dir():
        folder.parent.mkdir(parents=True, exist_ok=True)
        scratch = Path(tempfile.mkdtemp(dir=folder.parent, prefix=".making-"))
        try:
            _compute(recipe, load(), scratch, progress)
            if not folder.is_dir():
                scratch.replace(folder)
        except OSError:
            if not folder.is_dir():  # else another process was sooner
                raise
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
    return _load(folder)


def truth_is_there(recipe: TruthRecipe) -> bool:
    """Whether the ground truth has been computed already."""
    return recipe.folder().is_dir()


def grid_shape(extent: Array, resolution: int, margin: float) -> tuple[int, int, int]:
    """Return the voxels along each axis of a bounding box with sides ``extent``.

    >>> grid_shape(np.array([1.0, 2.0, 0.5]), 64, 0.0)
    (32, 64, 16)
    """
    sides = (extent / extent.max() + 2 * margin) / (1 + 2 * margin) * resolution
    n_x, n_y, n_z = np.ceil(sides - 1e-9).astype(int)
    return int(n_x), int(n_y), int(n_z)


def _compute(recipe: TruthRecipe, mesh: Mesh, folder: Path, progress: Progress) -> None:
    mesh = centred(mesh, 2 / (1 + 2 * recipe.margin))
    shape = grid_shape(np.ptp(mesh.vertices, axis=0), recipe.resolution, recipe.margin)
    voxel = 2 / recipe.resolution
    low = -(np.array(shape) - 1) * voxel / 2
    if recipe.kind == "sdf":
        values: NDArray[Any] = np.lib.format.open_memmap(folder / "values.npy", mode="w+", dtype=np.float32, shape=shape)
    else:
        values = np.empty(shape, dtype=np.bool_)
    slab = max(1, POINTS_AT_ONCE // (shape[1] * shape[2]))
    axes = [low[axis] + voxel * np.arange(n) for axis, n in enumerate(shape)]
    for start in range(0, shape[0], slab):
        points = np.stack(np.meshgrid(axes[0][start : start + slab], axes[1], axes[2], indexing="ij"), axis=-1)
        flat = points.reshape(-1, 3)
        told = signed_distance(mesh, flat, recipe.backend) if recipe.kind == "sdf" else is_inside(mesh, flat)
        values[start : start + slab] = told.reshape(points.shape[:3])
        progress(min(1.0, (start + slab) / shape[0]))
    if recipe.kind == "occupancy":
        if not values.any():
            raise BadValue(f"the shape encloses no voxel at resolution {recipe.resolution}; a finer one: --set resolution=N")
        box = occupied_box(values) if recipe.crop else (slice(None),) * 3
        low = low + voxel * np.array([part.start or 0 for part in box])
        values = values[box]
        np.save(folder / "values.npy", np.packbits(values))
    shape = values.shape
    generator = np.random.default_rng(SEED)
    random_points = low + generator.random((RANDOM_POINTS, 3)) * (np.array(shape) - 1) * voxel
    np.savez(
        folder / "samples.npz",
        random_points=random_points,
        random_inside=is_inside(mesh, random_points),
        vertices=mesh.vertices,
        faces=mesh.faces.astype(np.int32),
    )
    facts = {"shape": shape, "low": list(low), "voxel": voxel, "recipe": asdict(recipe)}
    (folder / "facts.json").write_text(json.dumps(facts, indent=1), encoding="utf-8")


def occupied_box(occupied: NDArray[np.bool_]) -> tuple[slice, slice, slice]:
    """Return the bounding box of the occupied voxels without the last index of each axis, as the official code cuts it."""
    filled = [np.flatnonzero(occupied.any(axis=tuple({0, 1, 2} - {axis}))) for axis in range(3)]
    x, y, z = (slice(int(indices[0]), max(int(indices[-1]), int(indices[0]) + 1)) for indices in filled)
    return x, y, z


def _load(folder: Path) -> ShapeTruth:
    facts = json.loads((folder / "facts.json").read_text(encoding="utf-8"))
    with np.load(folder / "samples.npz") as samples:
        mesh = Mesh(samples["vertices"], samples["faces"].astype(np.int64))
        random_points, random_inside = samples["random_points"], samples["random_inside"]
    return ShapeTruth(
        shape=tuple(facts["shape"]),
        low=tuple(facts["low"]),
        voxel=facts["voxel"],
        values=np.load(folder / "values.npy", mmap_mode="c"),
        mesh=mesh,
        random_points=random_points,
        random_inside=random_inside,
    )
