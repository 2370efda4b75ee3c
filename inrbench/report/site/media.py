"""Pictures, clips, meshes and error maps of the site. Each file is copied once."""

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib.image
import numpy as np

from inrbench.data import Clip, read_surface, read_wav, write_wav
from inrbench.errors import BadValue, InrbenchError
from inrbench.limits import MAX_MEDIA_BYTES, MAX_MESH_BYTES, MAX_SOUND_BYTES
from inrbench.report.artifacts import Picture, media_suffix
from inrbench.report.plots.gallery import error_map
from inrbench.store.files import chunks_of

FOLDER = "media"
MAX_MESH = 300_000
"""Largest number of faces of a mesh that is shown; a larger mesh is only mentioned."""

MATERIAL: dict[str, Any] = {
    "baseColorFactor": [150, 180, 215, 255],
    "roughnessFactor": 0.7,
    "metallicFactor": 0.0,
    "doubleSided": True,
}


class Media:
    """The media folder of a site that is being built. Addresses are relative to the site's root."""

    def __init__(self, site: Path) -> None:
        self._folder = site / FOLDER
        self._folder.mkdir()
        self.refused: dict[str, None] = {}
        """Reasons why files are not shown, in order and without duplicates."""

    @contextmanager
    def passing_over(self) -> Iterator[None]:
        """Suppress an InrbenchError of the block and record its message in ``refused``."""
        try:
            yield
        except InrbenchError as error:
            self.refused[str(error)] = None

    def copy(self, path: Path) -> str:
        """Copy a picture, clip or sound, once per file, and return the address of the copy.

        The suffix of the copy comes from the content. Raises BadValue for any other content: a page must not serve a file only
        because it is named like a picture.
        """
        _refuse_larger(path, MAX_MEDIA_BYTES)
        name = path.name.split(".")[0] + media_suffix(path)
        target = self._folder / name
        if not target.exists():
            with target.open("wb") as stream:
                stream.writelines(chunks_of(path))
        return f"{FOLDER}/{name}"

    def difference(self, sound: Path, truth: Path) -> str:
        """Write a sound minus its truth, and return its address.

        Raises BadValue if one cannot be read, or if they differ in size.
        """
        for path in (sound, truth):
            _refuse_larger(path, MAX_SOUND_BYTES)
        fit, true = read_wav(sound), read_wav(truth)
        if fit.samples.shape != true.samples.shape or fit.rate != true.rate:
            raise BadValue(f"{sound} and its truth differ in size")
        name = f"{sound.stem[:16]}-{truth.stem[:16]}-difference.wav"
        write_wav(self._folder / name, Clip(np.clip(fit.samples - true.samples, -1, 1), fit.rate))
        return f"{FOLDER}/{name}"

    def error(self, name: str, image: Picture, truth: Picture, worst: float) -> str:
        """Write the map of absolute errors and return its address.

        Args:
            name: File name of the map, without suffix.
            image: The fit, ``(H, W, 3)``.
            truth: The truth, ``(H, W, 3)``.
            worst: The error shown as yellow; 0 is black.
        """
        matplotlib.image.imsave(self._folder / f"{name}.png", error_map(image, truth), cmap="magma", vmin=0, vmax=worst)
        return f"{FOLDER}/{name}.png"

    def mesh(self, path: Path) -> str | None:
        """Return the address of a script that contains a mesh, or None if the mesh is too large to show.

        It is a script because a page opened from a file system may load scripts but not fetch files. Raises BadValue if the
        file is not a mesh.
        """
        import trimesh
        from trimesh.visual import TextureVisuals
        from trimesh.visual.material import PBRMaterial

        _refuse_larger(path, MAX_MESH_BYTES)
        target = self._folder / f"{path.stem}.mesh.js"
        if not target.exists():
            mesh = read_surface(path)
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


def _refuse_larger(path: Path, limit: int) -> None:
    """Raise BadValue for a file with more bytes than a limit."""
    size = path.stat().st_size
    if size > limit:
        raise BadValue(f"{path} has {size:,} bytes, more than the {limit:,} that a report shows")
