"""Pictures, clips and meshes of the site: copied once each, and what is made out of them."""

import base64
import shutil
from pathlib import Path
from typing import Any

import matplotlib.image
import numpy as np

from inrbench.data import read_mesh
from inrbench.report.plots.gallery import Picture, error_map

FOLDER = "media"
LARGEST_MESH = 300_000
"""Faces of a mesh that is shown; a larger one is only linked."""

MATERIAL: dict[str, Any] = {
    "baseColorFactor": [150, 180, 215, 255], "roughnessFactor": 0.7, "metallicFactor": 0.0, "doubleSided": True,
}  # fmt: skip


class Media:
    """The folder of media of a site in the making. Addresses are relative to the site's root."""

    def __init__(self, site: Path) -> None:
        self._folder = site / FOLDER
        self._folder.mkdir()

    def copy(self, path: Path) -> str:
        """Return the address of a file's copy; files named by their content are copied once."""
        target = self._folder / path.name
        if not target.exists():
            shutil.copyfile(path, target)
        return f"{FOLDER}/{path.name}"

    def error(self, name: str, image: Picture, truth: Picture, worst: float) -> str:
        """Return the address of the map of absolute errors from 0 to ``worst``, black to yellow."""
        matplotlib.image.imsave(self._folder / f"{name}.png", error_map(image, truth), cmap="magma", vmin=0, vmax=worst)
        return f"{FOLDER}/{name}.png"

    def mesh(self, path: Path) -> str | None:
        """Return the address of a script that hands a mesh to the page, or None for one too large to show.

        A script, because pages that are opened from a file system may load scripts and may not fetch files.
        """
        import trimesh
        from trimesh.visual import TextureVisuals
        from trimesh.visual.material import PBRMaterial

        target = self._folder / f"{path.stem}.mesh.js"
        if not target.exists():
            mesh = read_mesh(path)
            if len(mesh.faces) > LARGEST_MESH:
                return None
            shown = trimesh.Trimesh(np.asarray(mesh.vertices), np.asarray(mesh.faces), process=False)
            shown.visual = TextureVisuals(material=PBRMaterial(**MATERIAL))
            glb: Any = shown.export(file_type="glb", include_normals=True)
            data = base64.b64encode(glb).decode()
            target.write_text(
                f'(window.meshes ??= {{}})["{path.stem}"] = "data:model/gltf-binary;base64,{data}";\n', encoding="ascii"
            )
        return f"{FOLDER}/{target.name}"
