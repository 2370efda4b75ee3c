"""Read, check, rescale and sample triangle meshes."""

import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inrbench.data.unpacking import gunzip
from inrbench.errors import BadValue, first_line

Array = NDArray[np.float64]
FORMATS = ("ply", "stl", "obj", "off")
OPEN_SHARE = 0.05
"""Largest accepted area of the lids that would close a surface's holes, as a share of the surface's area."""
MERGED = 1e-6
"""Merging distance for corners of an open mesh, as a share of its longest side. Nearer corners differ only by rounding."""
CROSSED_SHARE = 0.001
"""Largest accepted share of edges between faces of opposite orientation. Scans have a few; the winding number allows them."""


@dataclass(frozen=True, eq=False)
class Mesh:
    """A triangle mesh in which every vertex belongs to a face.

    Args:
        vertices: Coordinates of the vertices, ``(V, 3)`` float64.
        faces: Vertex indices of the faces, ``(F, 3)`` int64, counter-clockwise seen from outside.
        notes: Repairs that were made to the mesh of the file.
    """

    vertices: Array
    faces: NDArray[np.int64]
    notes: tuple[str, ...] = ()

    @property
    def triangles(self) -> Array:
        """Corners of every face, ``(F, 3, 3)``."""
        return self.vertices[self.faces]

    @property
    def area_vectors(self) -> Array:
        """Outward normal times area of every face, ``(F, 3)``."""
        a, b, c = np.moveaxis(self.triangles, 1, 0)
        return np.cross(b - a, c - a) / 2


def read_mesh(path: Path) -> Mesh:
    """Return the mesh of a PLY, STL, OBJ or OFF file, gzipped or not.

    Raises BadValue if the file is not such a mesh, has no faces or coordinates that are not finite, or is an open surface.
    """
    vertices, faces = _loaded(path)
    try:
        _refuse_unusable(vertices, faces)
        merged, notes = _merged(vertices, faces)
        mesh = checked(merged)
        return Mesh(mesh.vertices, mesh.faces, (*notes, *mesh.notes))
    except BadValue as error:
        raise BadValue(f"{path}: {error}") from error


def read_surface(path: Path) -> Mesh:
    """Return the triangles of a mesh file as they are: the surface may be open, turned inside out, or in many pieces.

    This is for surfaces that are shown, such as those of a fit; ``read_mesh`` is for solids. Raises BadValue if the file is not
    a mesh, has no faces, or coordinates that are not finite.
    """
    vertices, faces = _loaded(path)
    try:
        _refuse_unusable(vertices, faces)
    except BadValue as error:
        raise BadValue(f"{path}: {error}") from error
    return Mesh(vertices, faces)


def _merged(vertices: Array, faces: NDArray[np.int64]) -> tuple[Mesh, tuple[str, ...]]:
    """Return a surface from triangles that may each have their own corners (STL, texture seams), and notes about repairs.

    Equal corners are merged. If edges are still open, corners within MERGED of the longest side are merged too. Duplicate faces
    are removed.
    """
    notes = []
    mesh = _joined(vertices, faces, None)
    if (n_open := len(_open_edges(mesh))) > 0:
        nearby = _joined(vertices, faces, MERGED * float(np.ptp(vertices, axis=0).max()))
        if len(_open_edges(nearby)) < n_open:
            notes.append(f"corners within {MERGED:g} of its longest side were taken for one")
            mesh = nearby
    ordered = np.sort(mesh.faces, axis=1)
    turned = (mesh.faces == ordered[:, [0, 1, 2]]).all(1) | (mesh.faces == ordered[:, [1, 2, 0]]).all(1)
    turned |= (mesh.faces == ordered[:, [2, 0, 1]]).all(1)
    _, first = np.unique(np.column_stack((ordered, turned)), axis=0, return_index=True)
    if len(first) < len(mesh.faces):
        notes.append(f"{len(mesh.faces) - len(first)} faces that are there twice were kept once")
        mesh = Mesh(mesh.vertices, mesh.faces[np.sort(first)])
    return mesh, tuple(notes)


def _joined(vertices: Array, faces: NDArray[np.int64], tolerance: float | None) -> Mesh:
    """Return triangles with equal corners merged: exactly equal, or equal within a tolerance."""
    corners = vertices[faces.reshape(-1)]
    if tolerance is None:
        distinct, place = np.unique(corners, axis=0, return_inverse=True)
    else:
        from scipy.sparse import coo_array
        from scipy.sparse.csgraph import connected_components
        from scipy.spatial import cKDTree

        exact, inverse = np.unique(corners, axis=0, return_inverse=True)
        pairs = cKDTree(exact).query_pairs(tolerance, output_type="ndarray")
        graph = coo_array((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(len(exact),) * 2)
        _, group = connected_components(graph, directed=False)
        _, first = np.unique(group, return_index=True)
        distinct, place = exact[first], group[inverse.reshape(-1)]
    faces = place.reshape(-1, 3)
    proper = (faces[:, 0] != faces[:, 1]) & (faces[:, 1] != faces[:, 2]) & (faces[:, 2] != faces[:, 0])
    used, faces = np.unique(faces[proper], return_inverse=True)
    return Mesh(distinct[used], faces.reshape(-1, 3))


def _edges(mesh: Mesh) -> NDArray[np.int64]:
    """Return the three edges of every face, ``(3 F, 2)``, in the direction of the face's orientation."""
    return mesh.faces[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2)


def _open_edges(mesh: Mesh) -> NDArray[np.int64]:
    """Return the edges that belong to only one face, ``(E, 2)``."""
    distinct, counts = np.unique(np.sort(_edges(mesh), axis=1), axis=0, return_counts=True)
    return distinct[counts == 1]


def _loaded(path: Path) -> tuple[Array, NDArray[np.int64]]:
    """Return the vertices and faces of a file as trimesh reads them. Raises BadValue if it cannot."""
    import trimesh

    data = b""
    kind = Path(path.name.lower().removesuffix(".gz")).suffix.removeprefix(".")
    if kind not in FORMATS:
        raise BadValue(f"{path} is not a mesh format that inrbench reads: {', '.join(FORMATS)}, also with .gz")
    try:
        data = path.read_bytes()
        if path.suffix.lower() == ".gz":
            data = gunzip(path, data)
        loaded: Any = trimesh.load(io.BytesIO(data), file_type=kind, force="mesh", process=False)
        faces = getattr(loaded, "faces", ())  # earlier versions of trimesh return a point cloud for a file without faces
        if not len(faces) and (reason := _why_not_read(data)):
            raise ValueError(reason)
        return np.asarray(loaded.vertices, dtype=np.float64), np.asarray(faces, dtype=np.int64).reshape(-1, 3)
    except FileNotFoundError as error:
        raise BadValue(f"no such mesh: {path}") from error
    except Exception as error:  # trimesh's readers raise many kinds of error for a damaged file
        reason = _why_not_read(data) or first_line(error)
        raise BadValue(f"{path} cannot be read as a mesh: {reason}") from error


def _why_not_read(data: bytes) -> str | None:
    """Return why a PLY file cannot be read, or None if its header gives no reason."""
    head = data[:4096].partition(b"end_header")[0]
    if not head.startswith(b"ply"):
        return None
    if b"tristrips" in head:
        return "it contains strips of triangles (tristrips); save it with faces"
    if b"element face" in head and b"format binary" in head:
        return "its binary faces are not all triangles; triangulate it and save it again"
    return None


def _refuse_unusable(vertices: Array, faces: NDArray[np.int64]) -> None:
    if not len(faces):
        raise BadValue("the mesh has no faces")
    if vertices.shape[1:] != (3,):
        raise BadValue(f"the mesh has vertices of shape {vertices.shape}, not (V, 3)")
    if faces.min() < 0 or faces.max() >= len(vertices):
        raise BadValue(f"the mesh has faces of vertices that do not exist: it has {len(vertices)}")
    if not np.isfinite(vertices).all():
        raise BadValue("the mesh has coordinates that are not finite (NaN or infinite)")


def checked(mesh: Mesh) -> Mesh:
    """Return a mesh with its faces oriented outwards. Raises BadValue for a mesh that does not enclose a volume."""
    _refuse_unusable(mesh.vertices, mesh.faces)
    area = np.linalg.norm(mesh.area_vectors, axis=1).sum()
    if not area or not np.prod(np.ptp(mesh.vertices, axis=0)):
        raise BadValue("the mesh is flat: it encloses nothing")
    share = lid_area(mesh) / area
    if share > OPEN_SHARE:
        raise BadValue(f"the surface is open: lids on its holes would be {share:.0%} of its area; close it first")
    share = crossed_share(mesh)
    if share > CROSSED_SHARE:
        raise BadValue(f"the mesh's faces are turned both ways: {share:.0%} of its edges are crossed; orient it first")
    return _outwards(mesh)


def _outwards(mesh: Mesh) -> Mesh:
    """Return a mesh with each of its bodies oriented outwards, except for cavities.

    A body inside another one and oriented inwards is a cavity, and stays. A body inside another one and oriented outwards would
    be a surface within the solid: it is removed, with a note.
    """
    bodies = _bodies(mesh)
    if len(bodies) == 1:
        return mesh if _volume(mesh) > 0 else Mesh(mesh.vertices, mesh.faces[:, ::-1])
    parts = [mesh.faces[body] for body in bodies]
    volumes = [_volume(Mesh(mesh.vertices, part)) for part in parts]
    order = sorted(range(len(parts)), key=lambda i: -abs(volumes[i]))
    kept: list[int] = []
    left_out = turned = 0
    for i in order:
        depth = sum(_lies_within(mesh.vertices[parts[i][0, 0]], Mesh(mesh.vertices, parts[j])) for j in kept)
        if depth % 2 and volumes[i] > 0:
            left_out += 1
            continue
        if not depth % 2 and volumes[i] < 0:
            parts[i] = parts[i][:, ::-1]
            turned += 1
        kept.append(i)
    notes = []
    if turned and turned < len(kept):  # if all are turned, the file uses the other convention: not a fault
        notes.append(f"{turned} of its {len(bodies)} bodies were turned inside out")
    if left_out:
        notes.append(f"{left_out} of its {len(bodies)} bodies lie inside another and were left out: the solid is the same")
    used, faces = np.unique(np.concatenate([parts[i] for i in sorted(kept)]), return_inverse=True)
    return Mesh(mesh.vertices[used], faces.reshape(-1, 3), tuple(notes))


def _bodies(mesh: Mesh) -> list[NDArray[np.int64]]:
    """Return the face indices of each connected body."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    a, b = mesh.faces[:, [0, 1]].reshape(-1), mesh.faces[:, [1, 2]].reshape(-1)
    graph = coo_array((np.ones(len(a)), (a, b)), shape=(len(mesh.vertices),) * 2)
    count, body = connected_components(graph, directed=False)
    of_face = body[mesh.faces[:, 0]]
    order = np.argsort(of_face, kind="stable")
    return np.split(order, np.cumsum(np.bincount(of_face, minlength=count))[:-1])


def _volume(mesh: Mesh) -> float:
    """Return the volume that a closed surface encloses, negative if it is inside out."""
    middle = mesh.vertices[mesh.faces].mean(axis=(0, 1))
    return float(np.einsum("ij,ij->", mesh.triangles.mean(1) - middle, mesh.area_vectors)) / 3


def _lies_within(point: Array, mesh: Mesh) -> bool:
    """Return whether a point is inside a closed surface, from the solid angle that its faces cover as seen from the point."""
    a, b, c = np.moveaxis(mesh.triangles - point, 1, 0)
    la, lb, lc = (np.linalg.norm(v, axis=1) for v in (a, b, c))
    triple = np.einsum("ij,ij->i", a, np.cross(b, c))
    rest = la * lb * lc + np.einsum("ij,ij->i", a, b) * lc + np.einsum("ij,ij->i", b, c) * la + np.einsum("ij,ij->i", c, a) * lb
    return abs(float(np.arctan2(triple, rest).sum())) / (2 * np.pi) > 0.5


def crossed_share(mesh: Mesh) -> float:
    """Return the share of edges that two faces pass in the same direction, which consistently oriented faces never do."""
    edges = _edges(mesh)
    _, counts = np.unique(edges, axis=0, return_counts=True)
    return float((counts[counts > 1] - 1).sum()) / len(edges) * 2


def lid_area(mesh: Mesh) -> float:
    """Return the area of the triangle fans that would close the mesh's holes, each around the centre of its boundary."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    boundary = _open_edges(mesh)
    if not len(boundary):
        return 0.0
    corners, boundary = np.unique(boundary, return_inverse=True)
    boundary = boundary.reshape(-1, 2)
    graph = coo_array((np.ones(len(boundary)), (boundary[:, 0], boundary[:, 1])), shape=(len(corners),) * 2)
    _, loop = connected_components(graph, directed=False)
    points = mesh.vertices[corners]
    middle = np.stack([np.bincount(loop, points[:, axis]) for axis in range(3)], axis=1) / np.bincount(loop)[:, None]
    a, b = points[boundary[:, 0]], points[boundary[:, 1]]
    lids = np.cross(a - middle[loop[boundary[:, 0]]], b - middle[loop[boundary[:, 0]]]) / 2
    return float(np.linalg.norm(lids, axis=1).sum())


def centred(mesh: Mesh, length: float) -> Mesh:
    """Return the mesh with its bounding box centred at the origin and scaled to a longest side of ``length``."""
    low, high = mesh.vertices.min(0), mesh.vertices.max(0)
    return Mesh((mesh.vertices - (low + high) / 2) * (length / (high - low).max()), mesh.faces)


def sample_surface(mesh: Mesh, n: int, seed: int) -> tuple[Array, Array]:
    """Return random points on the surface, uniform in area, and their outward unit normals, both ``(n, 3)``.

    Args:
        mesh: The mesh.
        n: Number of points.
        seed: Seed of the random generator.
    """
    generator = np.random.default_rng(seed)
    vectors = mesh.area_vectors
    areas = np.linalg.norm(vectors, axis=1)
    faces = generator.choice(len(areas), n, p=areas / areas.sum())
    u, v = generator.random((2, n, 1))
    u, v = np.where(u + v > 1, 1 - u, u), np.where(u + v > 1, 1 - v, v)
    a, b, c = np.moveaxis(mesh.triangles[faces], 1, 0)
    return a + u * (b - a) + v * (c - a), unit(vectors[faces])


def unit(vectors: Array) -> Array:
    """Return vectors ``(N, 3)`` scaled to length 1; zero vectors are unchanged."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors / np.where(lengths, lengths, 1)


def write_ply(path: Path, mesh: Mesh) -> None:
    """Write a mesh as a binary PLY file."""
    import trimesh

    trimesh.Trimesh(mesh.vertices, mesh.faces, process=False).export(path, file_type="ply")
