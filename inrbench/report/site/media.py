"""Pictures, clips and meshes of the site: copied once each, and what is made out of them."""

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib.image
import numpy as np

from inrbench.data import read_mesh
from inrbench.errors import InrbenchError
from inrbench.report.artifacts import Picture, media_suffix
from inrbench.report.plots.gallery import error_map
from inrbench.store.files import chunks_of

FOLDER = "media"
MAX_MESH = 300_000
"""Faces of a mesh that is shown; a larger one is only linked."""

MATERIAL: dict[str, Any] = {
    "baseColorFactor": [150, 180, 215, 255],
    "roughnessFactor": 0.7,
    "metallicFactor": 0.0,
    "doubleSided": True,
}


class Media:
    """The folder of media of a site in the making. Addresses are relative to the site's root."""

    def __init__(self, site: Path) -> None:
        self._folder = site / FOLDER
        self._folder.mkdir()
        self.refused: dict[str, None] = {}
        """What was not shown, and why, in order."""

    @contextmanager
    def passing_over(self) -> Iterator[None]:
        """Leave out what the block cannot read, and remember why."""
        try:
            yield
        except InrbenchError as error:
            self.refused[str(error)] = None

    def copy(self, path: Path) -> str:
        """Return the address of a picture's or clip's copy, which has the suffix of its content; each is copied once.

        Raises BadValue for anything else: a page must not hand out what somebody calls a picture.
        """
        name = path.name.split(".")[0] + media_suffix(path)
        target = self._folder / name
        if not target.exists():
            with target.open("wb") as stream:
                stream.writelines(chunks_of(path))
        return f"{FOLDER}/{name}"

    def error(self, name: str, image: Picture, truth: Picture, worst: float) -> str:
        """Return the address of the map of absolute errors from 0 to ``worst``, black to yellow."""
        matplotlib.image.imsave(self._folder / f"{name}.png", error_map(image, truth), cmap="magma", vmin=0, vmax=worst)
        return f"{FOLDER}/{name}.png"

    def mesh(self, path: Path) -> str | None:
        """Return the address of a script that hands a mesh to the page, or None for one too large to show.

        A script, because pages that are opened from a file system may load scripts and may not fetch files. Raises BadValue for
        a file that is no mesh.
        """
        import trimesh
        from trimesh.visual import TextureVisuals
        from trimesh.visual.material import PBRMaterial

        target = self._folder / f"{path.stem}.mesh.js"
        if not target.exists():
            mesh = read_mesh(path)
            if len(mesh.faces) > MAX_MESH:
                return None
            shown = trimesh.Trimesh(np.asarray(mesh.vertices), np.asarray(mesh.faces), process=False)
            shown.visual = TextureVisuals(material=PBRMaterial(**MATERIAL))
            glb: Any = shown.export(file_type="glb", include_normals=True)
            data = base64.b64encode(glb).decode()
            target.write_text(
                f'(window.meshes ??= {{}})["{path.stem}"] = "data:model/gltf-binary;base64,{data}";\n', encoding="ascii"
            )
        return f"{FOLDER}/{target.name}"
