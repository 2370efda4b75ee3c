"""Meshes: reading, refusals, and whether a point is inside."""

import gzip

import numpy as np
import pytest
import trimesh

from inrbench.data import Mesh, checked, is_inside, read_mesh, sample_surface, signed_distance, write_ply
from inrbench.data.mesh import centred, lid_area
from inrbench.data.rasterise import render
from inrbench.errors import BadValue, NotApplicable


def ball(subdivisions: int = 4) -> Mesh:
    made = trimesh.creation.icosphere(subdivisions=subdivisions)
    return Mesh(np.asarray(made.vertices, dtype=np.float64), np.asarray(made.faces, dtype=np.int64))


def without(mesh: Mesh, cut) -> Mesh:
    """Return the mesh without the faces whose middle satisfies ``cut``."""
    kept = mesh.faces[~cut(mesh.triangles.mean(1))]
    used, faces = np.unique(kept, return_inverse=True)
    return Mesh(mesh.vertices[used], faces.reshape(-1, 3))


@pytest.mark.parametrize("kind", ["ply", "stl", "obj", "off", "ply.gz"])
def test_every_mesh_format_gives_the_same_surface(tmp_path, kind):
    mesh, path = ball(2), tmp_path / f"ball.{kind}"
    data = trimesh.Trimesh(mesh.vertices, mesh.faces).export(file_type=kind.removesuffix(".gz"))
    data = data.encode() if isinstance(data, str) else data
    path.write_bytes(gzip.compress(data) if kind.endswith(".gz") else data)
    read = read_mesh(path)
    assert read.faces.shape == mesh.faces.shape
    assert len(read.vertices) == len(mesh.vertices), "the corners of separate triangles are merged"
    assert np.abs(np.linalg.norm(read.vertices, axis=1) - 1).max() < 1e-6


def test_invalid_meshes_are_refused_in_one_line(tmp_path):
    def refused(name: str, content: bytes | str) -> str:
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        with pytest.raises(BadValue) as error:
            read_mesh(path)
        assert "\n" not in str(error.value)
        assert name in str(error.value)
        return str(error.value)

    assert "is not a mesh format that inrbench reads: ply, stl, obj, off" in refused("a.txt", "hello")
    assert "cannot be read as a mesh" in refused("a.ply", "hello")
    assert "cannot be read as a mesh" in refused("b.ply.gz", "not gzipped")
    header = "ply\nformat ascii 1.0\nelement vertex 3\nproperty float x\nproperty float y\nproperty float z\n"
    assert "no faces" in refused("points.ply", header + "end_header\n0 0 0\n1 0 0\n0 1 0\n")
    face = "element face 1\nproperty list uchar int vertex_indices\nend_header\n"
    assert "not finite" in refused("nan.ply", header + face + "0 0 nan\n1 0 0\n0 1 0\n3 0 1 2\n")
    assert "flat" in refused("flat.ply", header + face + "0 0 0\n1 0 0\n0 1 0\n3 0 1 2\n")
    assert "faces of vertices that do not exist: it has 3" in refused(
        "far.ply", header + face + "0 0 0\n1 0 0\n0 1 0\n3 0 1 7\n"
    )
    half = without(ball(), lambda middle: middle[:, 2] > 0)
    write_ply(tmp_path / "half.ply", half)
    with pytest.raises(BadValue, match=r"half\.ply: the surface is open: lids on its holes would be 5\d% of its area"):
        read_mesh(tmp_path / "half.ply")
    with pytest.raises(BadValue, match="no such mesh"):
        read_mesh(tmp_path / "absent.ply")


def test_an_open_tube_with_cancelling_area_vectors_is_refused():
    tube = without(Mesh(*_box_with_sides_split()), lambda middle: np.abs(middle[:, 2]) > 0.999)
    assert np.abs(tube.area_vectors.sum(0)).max() < 1e-12
    with pytest.raises(BadValue, match="open"):
        checked(tube)


def _box_with_sides_split():
    box = trimesh.creation.box(extents=(2, 2, 2)).subdivide()
    return np.asarray(box.vertices, dtype=np.float64), np.asarray(box.faces, dtype=np.int64)


def test_a_surface_with_texture_seams_is_closed(tmp_path):
    """Each corner of each face has its own texture coordinate; only positions count."""
    box = trimesh.creation.box()
    lines = [f"v {x} {y} {z}" for x, y, z in box.vertices]
    lines += [f"vt {i / 40} {i % 7 / 7}" for i in range(3 * len(box.faces))]
    lines += [f"f {a + 1}/{3 * i + 1} {b + 1}/{3 * i + 2} {c + 1}/{3 * i + 3}" for i, (a, b, c) in enumerate(box.faces)]
    (tmp_path / "box.obj").write_text("\n".join(lines))
    mesh = read_mesh(tmp_path / "box.obj")
    assert (len(mesh.vertices), len(mesh.faces), lid_area(mesh)) == (8, 12, 0)


def test_inconsistently_oriented_faces_are_refused():
    mesh = ball()
    faces = np.where((mesh.triangles.mean(1)[:, 2] > 0)[:, None], mesh.faces[:, ::-1], mesh.faces)
    with pytest.raises(BadValue, match=r"turned both ways: \d+% of its edges are crossed; orient it first"):
        checked(Mesh(mesh.vertices, faces))


def test_a_mesh_turned_inside_out_is_corrected():
    mesh = ball(2)
    turned = checked(Mesh(mesh.vertices + 5, mesh.faces[:, ::-1]))
    assert is_inside(turned, np.array([[5.0, 5.0, 5.0], [0.0, 0.0, 0.0]])).tolist() == [True, False]


def test_signed_distances_to_a_ball_agree_with_the_formula():
    points = np.random.default_rng(0).uniform(-2, 2, (2000, 3))
    exact = np.linalg.norm(points, axis=1) - 1
    assert np.abs(signed_distance(ball(5), points) - exact).max() < 1e-3


def test_a_scan_with_small_holes_has_the_correct_inside():
    holed = without(ball(5), lambda middle: (middle[:, 2] > 0.98) | (middle[:, 0] < -0.985))
    assert 0 < lid_area(holed) < 0.05 * 4 * np.pi
    points = np.random.default_rng(0).uniform(-1.2, 1.2, (5000, 3))
    radius = np.linalg.norm(points, axis=1)
    away = (np.abs(radius - 1) > 0.03) & (points[:, 2] < 0.9) & (points[:, 0] > -0.9)
    assert (is_inside(checked(holed), points)[away] == (radius < 1)[away]).all()
    assert (np.sign(signed_distance(holed, points))[away] == np.sign(radius - 1)[away]).all()


def test_an_unknown_distance_backend_is_refused():
    with pytest.raises(BadValue, match="unknown distance backend 'magic'. There are: libigl, pysdf"):
        signed_distance(ball(1), np.zeros((1, 3)), "magic")


def test_both_distance_backends_agree():
    pytest.importorskip("pysdf", reason="pysdf is not installed: it has no wheels")
    points = np.random.default_rng(0).uniform(-1.2, 1.2, (5000, 3))
    exact, other = (signed_distance(ball(4), points, backend) for backend in ("libigl", "pysdf"))
    assert np.abs(exact - other).max() < 1e-2
    clear = np.abs(exact) > 1e-2
    assert (np.sign(exact) == np.sign(other))[clear].all()


def test_a_missing_distance_backend_names_the_install_command(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pysdf", None)
    with pytest.raises(NotApplicable, match=r"pip install 'inrbench\[pysdf\]'"):
        signed_distance(ball(1), np.zeros((1, 3)), "pysdf")


def test_samples_are_spread_evenly_over_the_surface():
    points, normals = sample_surface(ball(4), 20_000, 0)
    assert np.abs(np.linalg.norm(points, axis=1) - 1).max() < 5e-3
    assert np.einsum("ij,ij->i", points, normals).min() > 0.98, "outward"
    assert np.abs(points.mean(0)).max() < 0.02


def test_centred_fits_a_mesh_into_the_box():
    mesh = centred(Mesh(ball(2).vertices * (1, 3, 2) + 7, ball(2).faces), 2.0)
    assert np.allclose(mesh.vertices.min(0), -mesh.vertices.max(0))
    assert np.ptp(mesh.vertices, axis=0).max() == pytest.approx(2)


def test_render_draws_a_ball_as_a_shaded_disc():
    image = render(ball(4), size=100, half_width=1.25)
    covered = (image < 1).any(-1)
    assert covered.mean() == pytest.approx(np.pi * 40**2 / 100**2, rel=0.08)
    assert covered[50, 20:80].all() and not covered[:8].any()
    assert image[40, 40, 0] > image[65, 70, 0], "the light comes from above and the left"
