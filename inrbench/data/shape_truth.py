"""The ground truth of a shape: a grid of distances or bits, and evaluation data, computed once and stored on disk.

The shape's bounding box is centred at the origin. Its longest side, with ``margin`` times its length added at both ends, spans
[-1, 1] and is divided into ``resolution`` voxels. The other sides have as many voxels of this size as they need. The values are
those at the voxels' centres.
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
"""Version of the files. It is increased when the same spec gives different numbers, so that older files are not used."""
POINTS_PER_CHUNK = 2_000_000
RANDOM_POINTS = 100_000
SEED = 0


@dataclass(frozen=True, kw_only=True)
class GroundTruthSpec:
    """Everything that determines a ground truth.

    Args:
        mesh_sha256: Hash of the mesh's file or definition.
        kind: ``sdf`` (signed distances) or ``occupancy`` (bits).
        resolution: Voxels along the longest side.
        margin: Empty space at each end of the longest side, as a share of it.
        backend: Library that computes the distances.
        crop: Whether the grid is cropped to the bounding box of the occupied voxels without the last index of each axis, as in
            the official code.
    """

    mesh_sha256: str
    kind: Kind
    resolution: int
    margin: float
    backend: Backend
    crop: bool

    def folder(self) -> Path:
        """Return the folder of the stored files. Raises BadValue if the cache belongs to another user."""
        return private_folder(cache_folder().parent / "shapes") / digest({"version": VERSION, **asdict(self)})[:32]


@dataclass(frozen=True, eq=False)
class ShapeTruth:
    """A stored ground truth.

    Args:
        shape: Voxels along each axis, ``(n_x, n_y, n_z)``.
        low: Position of the first voxel's centre.
        voxel: Side of a voxel.
        values: Values in C order, mapped from disk: distances, float32, ``(n_x, n_y, n_z)``; or occupancy, eight voxels per
            byte, the first in the highest bit.
        mesh: The true surface in the same coordinates.
        random_points: Random points ``(N, 3)``, uniform between the outermost voxels' centres.
        random_inside: Whether each of the random points is inside, ``(N,)``.
    """

    shape: tuple[int, int, int]
    low: tuple[float, float, float]
    voxel: float
    values: NDArray[np.generic]
    mesh: Mesh
    random_points: Array
    random_inside: NDArray[np.bool_]


def shape_truth(spec: GroundTruthSpec, load: Callable[[], Mesh], progress: Progress = lambda fraction: None) -> ShapeTruth:
    """Return the ground truth, from disk if it is stored there, otherwise computed.

    If two processes compute the same ground truth, one of the two equal results is stored.

    Args:
        spec: Everything that determines the ground truth.
        load: Function that returns the mesh; called only if the ground truth must be computed.
        progress: Function that is called with the completed fraction, up to 1.
    """
    folder = spec.folder()
    if not folder.is_dir():
        folder.parent.mkdir(parents=True, exist_ok=True)
        scratch = Path(tempfile.mkdtemp(dir=folder.parent, prefix=".making-"))
        try:
            _compute(spec, load(), scratch, progress)
            if not folder.is_dir():
                scratch.replace(folder)
        except OSError:
            if not folder.is_dir():  # otherwise another process was faster
                raise
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
    return _load(folder)


def truth_is_there(spec: GroundTruthSpec) -> bool:
    """Return whether the ground truth is already stored."""
    return spec.folder().is_dir()


def grid_shape(extent: Array, resolution: int, margin: float) -> tuple[int, int, int]:
    """Return the number of voxels along each axis of a bounding box.

    Args:
        extent: Sides of the bounding box, ``(3,)``.
        resolution: Voxels along the longest side, including the margin.
        margin: Empty space added at each end, as a share of the longest side.

    >>> grid_shape(np.array([1.0, 2.0, 0.5]), 64, 0.0)
    (32, 64, 16)
    """
    sides = (extent / extent.max() + 2 * margin) / (1 + 2 * margin) * resolution
    n_x, n_y, n_z = np.ceil(sides - 1e-9).astype(int)
    return int(n_x), int(n_y), int(n_z)


def _compute(spec: GroundTruthSpec, mesh: Mesh, folder: Path, progress: Progress) -> None:
    mesh = centred(mesh, 2 / (1 + 2 * spec.margin))
    shape = grid_shape(np.ptp(mesh.vertices, axis=0), spec.resolution, spec.margin)
    voxel = 2 / spec.resolution
    low = -(np.array(shape) - 1) * voxel / 2
    if spec.kind == "sdf":
        values: NDArray[Any] = np.lib.format.open_memmap(folder / "values.npy", mode="w+", dtype=np.float32, shape=shape)
    else:
        values = np.empty(shape, dtype=np.bool_)
    slab = max(1, POINTS_PER_CHUNK // (shape[1] * shape[2]))
    axes = [low[axis] + voxel * np.arange(n) for axis, n in enumerate(shape)]
    for start in range(0, shape[0], slab):
        points = np.stack(np.meshgrid(axes[0][start : start + slab], axes[1], axes[2], indexing="ij"), axis=-1)
        flat = points.reshape(-1, 3)
        found = signed_distance(mesh, flat, spec.backend) if spec.kind == "sdf" else is_inside(mesh, flat)
        values[start : start + slab] = found.reshape(points.shape[:3])
        progress(min(1.0, (start + slab) / shape[0]))
    if spec.kind == "occupancy":
        if not values.any():
            raise BadValue(f"the shape encloses no voxel at resolution {spec.resolution}; a finer one: --set resolution=N")
        box = occupied_box(values) if spec.crop else (slice(None),) * 3
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
    facts = {"shape": shape, "low": list(low), "voxel": voxel, "spec": asdict(spec)}
    (folder / "facts.json").write_text(json.dumps(facts, indent=1), encoding="utf-8")


def occupied_box(occupied: NDArray[np.bool_]) -> tuple[slice, slice, slice]:
    """Return the bounding box of the occupied voxels without the last index of each axis, as in the official code."""
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
