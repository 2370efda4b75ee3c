"""Signed distance to a mesh, and an inside test: both exact, and robust for scans with holes.

A point is inside if the generalised winding number exceeds one half. Small holes and overlapping faces do not matter
(Barill, Dickson, Schmidt, Levin, Jacobson, "Fast Winding Numbers for Soups and Clouds", 2018, as in libigl).
"""

from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from inrbench.data.mesh import Array, Mesh, unit
from inrbench.errors import BadValue, NotApplicable

Backend = Literal["libigl", "pysdf"]


def signed_distance(mesh: Mesh, points: Array, backend: Backend = "libigl") -> Array:
    """Return the signed distances ``(N,)`` of points to a mesh, in the mesh's units; negative inside.

    Args:
        mesh: The mesh.
        points: Query points, ``(N, 3)``.
        backend: ``libigl`` is exact; ``pysdf`` is approximate and about five times as fast (extra ``inrbench[pysdf]``).

    Raises:
        BadValue: The backend is unknown.
        NotApplicable: The backend is not installed.
    """
    if backend == "pysdf":
        return -_pysdf(mesh)(points.astype(np.float32)).astype(np.float64)
    if backend != "libigl":
        raise BadValue(f"unknown distance backend '{backend}'. There are: {', '.join(get_args(Backend))}")
    import igl

    # libigl's own signed distance multiplies by 1 - 2 w, where w is not exactly 0 or 1: an error of 0.5 %
    squared = igl.point_mesh_squared_distance(points, mesh.vertices, mesh.faces)[0]
    distance: Array = np.where(is_inside(mesh, points), -1.0, 1.0) * np.sqrt(squared)
    return distance


def nearest_on_surface(mesh: Mesh, points: Array) -> tuple[Array, Array]:
    """Return the exact distances ``(N,)`` of points ``(N, 3)`` to a mesh, and the nearest faces' unit normals ``(N, 3)``."""
    import igl

    squared, faces, _ = igl.point_mesh_squared_distance(points, mesh.vertices, mesh.faces)
    return np.sqrt(squared), unit(mesh.area_vectors[faces])


def is_inside(mesh: Mesh, points: Array) -> NDArray[np.bool_]:
    """Return whether each point of ``(N, 3)`` is inside the mesh, ``(N,)``."""
    import igl

    inside: NDArray[np.bool_] = igl.fast_winding_number(mesh.vertices, mesh.faces, points) > 0.5
    return inside


def _pysdf(mesh: Mesh):  # type: ignore[no-untyped-def]  # pysdf has no types
    try:
        from pysdf import SDF
    except ImportError as error:
        raise NotApplicable("the distance backend pysdf is not installed, run: pip install 'inrbench[pysdf]'") from error
    return SDF(mesh.vertices.astype(np.float32), mesh.faces.astype(np.uint32))
