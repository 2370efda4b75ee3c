"""Files that the pages of a report show."""

import base64
import io
import json
from pathlib import Path

import numpy as np
import pytest
import trimesh

from inrbench.data import Mesh, read_mesh, write_ply
from inrbench.errors import BadValue
from inrbench.report.site.media import Media

BOX = trimesh.creation.box()


def shown(folder: Path, mesh: Mesh) -> trimesh.Trimesh:
    """Return the solid that a report shows for a stored surface."""
    path = folder / "fit.ply"
    write_ply(path, mesh)
    script = folder / str(Media(folder).mesh(path))
    data = json.loads(script.read_text(encoding="ascii").partition(" = ")[2].rstrip().removesuffix(";"))
    return trimesh.load(io.BytesIO(base64.b64decode(data.partition(",")[2])), file_type="glb", force="mesh", process=False)


@pytest.mark.parametrize("kind", ["closed", "open", "with a surface within", "inside out"])
def test_a_surface_is_shown_as_the_fit_has_it(tmp_path: Path, kind: str) -> None:
    vertices, faces = np.asarray(BOX.vertices), np.asarray(BOX.faces)
    if kind == "open":
        faces = faces[:-4]
    elif kind == "with a surface within":
        vertices, faces = np.concatenate([vertices, 0.5 * vertices]), np.concatenate([faces, faces + len(vertices)])
    elif kind == "inside out":
        faces = faces[:, ::-1]
    found = shown(tmp_path, Mesh(vertices, faces))
    assert len(found.faces) == len(faces)
    assert found.volume == pytest.approx(trimesh.Trimesh(vertices, faces, process=False).volume)


def test_only_solids_are_fitted(tmp_path: Path) -> None:
    write_ply(tmp_path / "open.ply", Mesh(np.asarray(BOX.vertices), np.asarray(BOX.faces)[:-4]))
    with pytest.raises(BadValue, match="the surface is open"):
        read_mesh(tmp_path / "open.ply")
