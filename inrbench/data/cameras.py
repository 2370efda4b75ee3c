"""Cameras, their rays, and scenes of photographs with known cameras (``transforms.json`` of NeRF's Blender scenes)."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from inrbench.data.image import read_image
from inrbench.data.reduce import area_mean
from inrbench.errors import BadValue, first_line

Array = NDArray[np.float64]
SCENE_FILE = ".json"
TEST_FILE = "transforms_test.json"
PICTURES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff")
MIN_SIDE = 7
"""Smallest number of rows and columns of a picture, for SSIM."""
UNREADABLE = (OSError, ValueError, TypeError, OverflowError, RecursionError, SyntaxError)
"""Errors of reading a file or a number that has another form."""


@dataclass(frozen=True, eq=False)
class Camera:
    """A pinhole camera that looks along its negative z axis, with y upwards, as in OpenGL.

    Args:
        pose: Matrix ``(4, 4)`` from the camera's coordinates to those of the scene.
        focal: Focal length in pixels.
        height: Rows.
        width: Columns.
    """

    pose: Array
    focal: float
    height: int
    width: int

    def rays(self) -> tuple[Array, Array]:
        """Return the origins and the unit directions ``(H W, 3)`` of the rays through the centres of all pixels."""
        columns, rows = np.meshgrid(np.arange(self.width) + 0.5, np.arange(self.height) + 0.5)
        local = np.stack(
            ((columns - self.width / 2) / self.focal, -(rows - self.height / 2) / self.focal, -np.ones_like(rows)), axis=-1
        )
        directions = local.reshape(-1, 3) @ self.pose[:3, :3].T
        directions /= np.linalg.norm(directions, axis=1, keepdims=True)
        return np.broadcast_to(self.pose[:3, 3], directions.shape).copy(), directions


@dataclass(frozen=True, eq=False)
class View:
    """A picture with its camera.

    Args:
        camera: The camera.
        picture: Colours ``(H, W, 3)`` in [0, 1], on a white background.
        depth: Distances ``(H, W)`` along the rays to the surface, infinite for the background; None if they are not known.
    """

    camera: Camera
    picture: NDArray[np.float32]
    depth: NDArray[np.float32] | None = None


@dataclass(frozen=True, eq=False)
class Scene:
    """Views of a scene that lies in a ball around the origin.

    Args:
        training: Views to fit.
        test: Views to evaluate.
        radius: Radius of the ball.
        notes: Remarks on the scene.
    """

    training: tuple[View, ...]
    test: tuple[View, ...]
    radius: float
    notes: tuple[str, ...] = ()


def looking_at_origin(position: Array) -> Array:
    """Return the pose of a camera at a position that looks at the origin, with the z axis of the scene upwards."""
    back = position / np.linalg.norm(position)
    right = np.cross((0.0, 0.0, 1.0), back)
    right /= np.linalg.norm(right)
    pose = np.eye(4)
    pose[:3, :4] = np.stack((right, np.cross(back, right), back, position), axis=1)
    return pose


def around(count: int, distance: float, start: float = 0.0) -> list[Array]:
    """Return positions on the upper part of a sphere, spread evenly by the golden angle.

    Args:
        count: Number of positions.
        distance: Radius of the sphere.
        start: Angle of the first position in radians.
    """
    heights = 0.1 + 0.8 * (np.arange(count) + 0.5) / count
    angles = start + np.arange(count) * np.pi * (3 - np.sqrt(5))
    return [
        distance * np.array((np.cos(a) * np.sqrt(1 - h * h), np.sin(a) * np.sqrt(1 - h * h), h))
        for a, h in zip(angles, heights, strict=True)
    ]


def scene_files(path: Path) -> list[Path]:
    """Return the camera files and pictures that a scene consists of, in order. Raises BadValue as ``read_scene``."""
    other = path.with_name(TEST_FILE)
    files = [path] if other == path or not other.is_file() else [path, other]
    return [*files, *(picture for file in files for _, picture in _frames(file)[1])]


def read_scene(path: Path, side: int, test_views: int) -> Scene:
    """Return the scene of a ``transforms.json`` or ``transforms_train.json`` file, with its pictures next to it.

    ``transforms_test.json`` in the same folder gives the test views. Without it, every eighth view is a test view. The radius
    of the scene is a third of the distance of the nearest camera to the origin.

    Args:
        path: The file.
        side: Largest number of rows and columns. Larger pictures are reduced by a whole factor.
        test_views: Largest number of test views; they are evenly spread over those of the file.

    Raises:
        BadValue: The file or a picture cannot be read, a pose is missing or is not a rotation with a position, or there are too
            few views.
    """
    angle, frames = _frames(path)
    other = path.with_name(TEST_FILE)
    notes: tuple[str, ...] = ()
    if other.is_file() and other != path:
        test_angle, test_frames = _frames(other)
    else:
        test_angle, test_frames = angle, frames[::8]
        frames = [frame for number, frame in enumerate(frames) if number % 8]
        notes = (f"{path.name} has no {TEST_FILE} next to it: every eighth view is a test view",)
    if len(frames) < 2 or not test_frames:
        raise BadValue(f"{path} has {len(frames) + len(test_frames)} view(s); at least 3 are needed")
    test_frames = test_frames[:: -(-len(test_frames) // test_views)]
    training, test = [_view(*frame, angle, side) for frame in frames], [_view(*f, test_angle, side) for f in test_frames]
    nearest = min(float(np.linalg.norm(view.camera.pose[:3, 3])) for view in (*training, *test))
    if not nearest > 0:
        raise BadValue(f"{path}: a camera is at the origin, which must be the centre of the scene")
    return Scene(tuple(training), tuple(test), nearest / 3, notes)


def _frames(path: Path) -> tuple[float, list[tuple[Array, Path]]]:
    """Return the horizontal angle of view of a camera file, and the pose and the picture of each frame."""
    try:
        text = json.loads(path.read_text(encoding="utf-8"))
        angle, frames = float(text["camera_angle_x"]), list(text["frames"])
    except FileNotFoundError as error:
        raise BadValue(f"no such file: {path}") from error
    except KeyError as error:
        raise BadValue(f"{path} has no {error.args[0]!r}; a camera file has 'camera_angle_x' and 'frames'") from error
    except UNREADABLE as error:
        raise BadValue(f"{path} cannot be read as JSON: {first_line(error)}") from error
    if not 0 < angle < np.pi:
        raise BadValue(f"{path}: camera_angle_x must be between 0 and pi, got {angle}")
    found = []
    for number, frame in enumerate(frames):
        if not isinstance(frame, dict) or "transform_matrix" not in frame or "file_path" not in frame:
            raise BadValue(f"{path}: frame {number} has no 'transform_matrix' or no 'file_path'")
        found.append((_pose(path, number, frame["transform_matrix"]), _picture(path, number, str(frame["file_path"]))))
    return angle, found


def _picture(path: Path, number: int, name: str) -> Path:
    """Return the path of a frame's picture; names without the ending of a picture are those of PNG files."""
    try:
        picture = path.parent / name
        if picture.suffix.lower() not in PICTURES:
            picture = picture.with_name(picture.name + ".png")
        inside = picture.resolve().is_relative_to(path.parent.resolve())
    except UNREADABLE as error:
        raise BadValue(f"{path}: the file_path of frame {number} is not the name of a file: {name!r}") from error
    if not inside:
        raise BadValue(f"{path}: frame {number} names a picture outside of its folder: {name}")
    return picture


def _view(pose: Array, picture: Path, angle: float, side: int) -> View:
    """Return a view, its picture reduced to at most ``side`` rows and columns."""
    pixels = _on_white(picture)
    factor = -(-max(pixels.shape[:2]) // side)
    pixels = area_mean(pixels, factor)
    height, width = pixels.shape[:2]
    if min(height, width) < MIN_SIDE:
        raise BadValue(f"{picture} has {width}x{height} pixels after it is reduced; {MIN_SIDE} are needed in each direction")
    return View(Camera(pose, width / (2 * np.tan(angle / 2)), height, width), pixels)


def _pose(path: Path, number: int, given: object) -> Array:
    """Return a pose. Raises BadValue if it is no rotation with a position, or if its axes are left-handed."""
    try:
        pose = np.array(given, dtype=np.float64)
    except UNREADABLE as error:
        raise BadValue(f"{path}: the transform_matrix of frame {number} is not a matrix of numbers") from error
    if pose.shape != (4, 4) or not np.isfinite(pose).all():
        raise BadValue(f"{path}: the transform_matrix of frame {number} must be 4x4 finite numbers, got shape {pose.shape}")
    axes = pose[:3, :3] / max(float(np.linalg.norm(pose[:3, 0])), 1e-12)
    if not np.allclose(axes.T @ axes, np.eye(3), atol=1e-2):
        raise BadValue(f"{path}: the transform_matrix of frame {number} is not a rotation")
    if np.linalg.det(axes) < 0:
        raise BadValue(f"{path}: the axes of frame {number} are left-handed; right-handed ones with z backwards are expected")
    pose[:3, :3] = axes
    return pose


def _on_white(path: Path) -> NDArray[np.float32]:
    """Return a picture ``(H, W, 3)`` in [0, 1]; transparent pixels are white."""
    try:
        with Image.open(path) as image:
            transparent = image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info
            rgba = np.asarray(image.convert("RGBA")) / 255 if transparent else None
    except FileNotFoundError as error:
        raise BadValue(f"no such picture: {path}") from error
    except (UnidentifiedImageError, Image.DecompressionBombError, *UNREADABLE) as error:
        raise BadValue(f"{path} cannot be read as an image: {first_line(error)}") from error
    if rgba is None:
        return np.broadcast_to(picture := read_image(path), (*picture.shape[:2], 3)).copy()
    opaque: NDArray[np.float32] = (rgba[..., :3] * rgba[..., 3:] + (1 - rgba[..., 3:])).astype(np.float32)
    return opaque
