"""Signed distance to a mesh, and whether a point is inside: exact, and robust for scans with holes.

A point is inside where the generalised winding number exceeds one half: small holes, and faces that overlap, do not matter
(Barill, Dickson, Schmidt, Levin, Jacobson, "Fast Winding Numbers for Soups and Clouds", 2018, as in libigl).
"""

from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from inrbench.data.mesh import Array, Mesh, unit
from inrbench.errors import BadValue, NotApplicable

Backend = Literal["libigl", "pysdf"]


def signed_distance(mesh: Mesh, points: Array, backend: Backend = "libigl") -> Array:
    """Return the signed distance ``(N,)`` of points ``(N, 3)`` to a mesh, in its units: negative inside.

    ``libigl`` is exact; ``pysdf`` is about five times as fast and approximate (extra ``inrbench[pysdf]``). Raises BadValue for
    another backend, NotApplicable where it is not installed.
    """
    if backend == "pysdf":
        return -_pysdf(mesh)(points.astype(np.float32)).astype(np.float64)
    if backend != "libigl":
        raise BadValue(f"unknown distance backend '{backend}'. There are: {', '.join(get_args(Backend))}")
    import igl

    # libigl's own combination of the two multiplies the distance by 1 - 2 w, w being nearly but not quite 0 or 1: off by 0.5 %
    squared = igl.point_mesh_squared_distance(points, mesh.vertices, mesh.faces)[0]
    distance: Array = np.where(is_inside(mesh, points), -1.0, 1.0) * np.sqrt(squared)
    return distance


def nearest_on_surface(mesh: Mesh, points: Array) -> tuple[Array, Array]:
    """Return the exact distance ``(N,)`` of points ``(N, 3)`` to a mesh, and the unit normals ``(N, 3)`` of the faces met."""
    import igl

    squared, faces, _ = igl.point_mesh_squared_distance(points, mesh.vertices, mesh.faces)
    return np.sqrt(squared), unit(mesh.area_vectors[faces])


def is_inside(mesh: Mesh, points: Array) -> NDArray[np.bool_]:
    """Return for each point ``(N, 3)`` whether the mesh winds around it."""
    import igl

    inside: NDArray[np.bool_] = igl.fast_winding_number(mesh.vertices, mesh.faces, points) > 0.5
    return inside


def _pysdf(mesh: Mesh):  # type: ignore[no-untyped-def]  # pysdf has no types
    try:
        from pysdf import SDF
    except ImportError as error:
        raise NotApplicable("the distance backend pysdf is not installed, run: pip install 'inrbench[pysdf]'") from error
    return SDF(mesh.vertices.astype(np.float32), mesh.faces.astype(np.uint32))
