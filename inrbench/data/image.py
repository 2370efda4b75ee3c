"""Read image files as arrays, with the same rules for every format.

The orientation tag is applied. Images of 12 and 16 bits keep their precision. A fully opaque alpha channel is dropped; any
other alpha channel is refused. A file with several pages is refused unless a page is given.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from inrbench.data.arrays import NUMPY, read_array
from inrbench.data.tiff import TIFF, open_tiff, stated_bytes
from inrbench.data.unpacking import refuse_oversized
from inrbench.errors import BadValue, first_line

EIGHT_BITS = {"L": 1, "RGB": 3, "LA": 1, "RGBA": 3, "P": 3, "1": 1}
"""Pillow's modes of 8 bits or fewer, with the number of channels after conversion."""
SIXTEEN_BITS = ("I;16", "I;16B", "I;16L", "I;16N", "I")
MAX_CHANNELS = 1024
PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
PNG_COLOURS = (2, 6)
PNM_MAGIC = (b"P3", b"P6")


def image_shape(path: Path, page: int | None = None) -> tuple[int, int, int]:
    """Return the shape ``(H, W, C)`` that ``read_image`` gives a file. Raises BadValue for a file that is not an image."""
    if path.suffix.lower() in (*TIFF, NUMPY):
        return read_image(path, None, page).shape
    with _opened(path) as image:
        _one_page(path, getattr(image, "n_frames", 1), page)
        channels = 1 if image.mode in SIXTEEN_BITS or image.mode == "F" else EIGHT_BITS.get(image.mode, len(image.getbands()))
        turned = image.getexif().get(0x0112, 1) >= 5
        return (image.width, image.height, channels) if turned else (image.height, image.width, channels)


def read_image(path: Path, channels: tuple[int, ...] | None = (1, 3), page: int | None = None) -> NDArray[np.float32]:
    """Return an image file as ``(H, W, C)`` float32 in [0, 1], C = 1 for grayscale and 3 for RGB.

    A NumPy file ``(H, W)`` or ``(H, W, C)`` may have any number of channels. Its integers are divided by the largest value of
    their type; floats must be in [0, 1].

    Args:
        path: The file.
        channels: The accepted numbers of channels; None for any.
        page: The page of a file with several pages, counted from 0.

    Raises:
        BadValue: The file is not a readable image, has transparent pixels, has several pages and none is given, or has a number
            of channels that is not accepted.
    """
    if path.suffix.lower() == NUMPY:
        array = _read_numpy(path)
    elif path.suffix.lower() in TIFF:
        array = _read_tiff(path, page)
    elif _has_deep_colour(path):
        array = _read_deep_colour(path)
    else:
        array = _read_with_pillow(path, page)
    if channels is not None and array.shape[2] not in channels:
        wanted = " or ".join({1: "grayscale", 3: "RGB"}[c] for c in channels)
        raise BadValue(f"{path} has {array.shape[2]} channel(s), expected {wanted}")
    return np.ascontiguousarray(array, dtype=np.float32)


def write_image(path: Path, image: NDArray[np.floating]) -> None:
    """Write an image ``(H, W, C)`` in [0, 1] as an 8-bit PNG file, with values clipped and rounded.

    Of an image with another number of channels than 1 or 3, the first three channels are written, or the first of two.
    """
    if image.shape[2] not in (1, 3):
        image = image[..., :3] if image.shape[2] > 3 else image[..., :1]
    pixels = np.rint(image.clip(0, 1) * 255).astype(np.uint8)
    Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels).save(path)


def _read_with_pillow(path: Path, page: int | None) -> NDArray[Any]:
    with _opened(path) as image:
        _one_page(path, getattr(image, "n_frames", 1), page)
        if page:
            image.seek(page)
        image.load()
        upright = ImageOps.exif_transpose(image)
        if upright.mode in SIXTEEN_BITS:
            return (np.asarray(upright).astype(np.float64) / 65535)[..., None]
        if upright.mode == "F":
            return _within_unit(path, np.asarray(upright))[..., None]
        if upright.mode not in EIGHT_BITS:
            call = f"Image.open({str(path)!r}).convert('RGB').save('rgb.png')"
            advice = f'convert it first: python -c "from PIL import Image; {call}"'
            raise BadValue(f"{path} is of mode {upright.mode}; inrbench fits grayscale and RGB images: {advice}")
        if "transparency" in upright.info or upright.mode in ("LA", "RGBA"):
            rgba = np.asarray(upright.convert("RGBA"))
            _refuse_transparent(path, rgba[..., 3], 255)
            channels = 1 if upright.mode in ("L", "LA", "1") else 3
            return rgba[..., :channels] / np.float32(255)
        plain = np.asarray(upright.convert("L" if EIGHT_BITS[upright.mode] == 1 else "RGB"))
        return (plain[..., None] if plain.ndim == 2 else plain) / np.float32(255)


def _read_numpy(path: Path) -> NDArray[Any]:
    try:
        array = read_array(path)
    except FileNotFoundError as error:
        raise BadValue(f"no such image: {path}") from error
    if array.ndim not in (2, 3) or not array.size or (array.ndim == 3 and array.shape[2] > MAX_CHANNELS):
        raise BadValue(
            f"{path} has an array of shape {array.shape}; an image is (H, W) or (H, W, C), with at most {MAX_CHANNELS} channels"
        )
    if array.dtype.kind not in "uf":
        raise BadValue(f"{path} contains values of type {array.dtype}; save it as unsigned integers, or as floats from 0 to 1")
    image = array[..., None] if array.ndim == 2 else array
    if array.dtype.kind == "u":
        return image.astype(np.float64) / np.iinfo(array.dtype).max
    if not np.isfinite(array).all():
        raise BadValue(f"{path} contains values that are not finite numbers")
    return _within_unit(path, image)


def _has_deep_colour(path: Path) -> bool:
    """Return whether a file is a colour PNG or PNM with more than 8 bits per channel, which Pillow would reduce to 8."""
    try:
        with path.open("rb") as file:
            head = file.read(64)
    except OSError:
        return False
    if head.startswith(PNG_SIGNATURE):
        return len(head) > 25 and head[24] == 16 and head[25] in PNG_COLOURS
    if head[:2] in PNM_MAGIC:
        numbers = [word for line in head.split(b"\n") for word in line.partition(b"#")[0].split()]
        return len(numbers) > 3 and numbers[3].isdigit() and int(numbers[3]) > 255
    return False


def _read_deep_colour(path: Path) -> NDArray[np.float64]:
    import av

    try:
        with av.open(str(path)) as container:
            frame = next(container.decode(video=0))
        name = "rgba64le" if "a" in frame.format.name else "rgb48le"
        array = frame.to_ndarray(format=name).astype(np.float64) / 65535
    except (av.error.FFmpegError, StopIteration, ValueError, OSError) as error:
        raise BadValue(f"{path} cannot be read as an image: {error}") from error
    if array.shape[2] == 4:
        _refuse_transparent(path, array[..., 3], 1.0)
    return array[..., :3]


def _read_tiff(path: Path, page: int | None) -> NDArray[Any]:
    """Read a TIFF file at its own bit depth, upright, with 0 as black."""
    import tifffile

    try:
        with open_tiff(path) as file:
            _one_page(path, len(file.pages), page)
            tiff_page: Any = file.pages[page or 0]
            refuse_oversized(path, stated_bytes(tiff_page))
            array, bits = _decoded(path, tiff_page, page or 0), int(np.max(tiff_page.bitspersample))
            photometric, extra = int(tiff_page.photometric), tuple(tiff_page.extrasamples)
            planar = int(tiff_page.planarconfig) == int(tifffile.PLANARCONFIG.SEPARATE)
            tag = tiff_page.tags.get("Orientation")
            palette = tiff_page.colormap
            turn = int(tag.value) if tag is not None else 1
    except FileNotFoundError as error:
        raise BadValue(f"no such image: {path}") from error
    except BadValue:
        raise
    except Exception as error:  # tifffile raises many kinds of error for a damaged file
        raise BadValue(f"{path} cannot be read as an image: {first_line(error)}") from error
    if array.ndim not in (2, 3) or not array.size:
        raise BadValue(f"{path} is an array of shape {array.shape}, not an image (H, W) or (H, W, channels)")
    if palette is not None and photometric == int(tifffile.PHOTOMETRIC.PALETTE):
        array, bits = np.moveaxis(palette[:, array], 0, -1), 16
    elif array.ndim == 3 and planar:
        array = np.moveaxis(array, 0, -1)
    array = array[..., None] if array.ndim == 2 else array
    if array.dtype.kind == "f":
        values = _within_unit(path, array)
    elif array.dtype.kind in "ub":
        values = array.astype(np.float64) / (2**bits - 1)
    else:
        raise BadValue(f"{path} contains {array.dtype} numbers; save it as unsigned integers, or as floats from 0 to 1")
    if photometric == int(tifffile.PHOTOMETRIC.MINISWHITE):
        values = 1 - values
    if extra and values.shape[2] in (2, 4):
        _refuse_transparent(path, values[..., -1], 1.0)
        values = values[..., :-1]
    if photometric not in (0, 1, 2, 3):
        raise BadValue(f"{path} is neither grayscale nor RGB (photometric {photometric}); save it as RGB")
    return _upright(values, turn)


def _decoded(path: Path, tiff_page: Any, page: int) -> NDArray[Any]:
    """Return a page's pixels. Pillow decodes what tifffile cannot (packed 12 bits, some compressions)."""
    try:
        array: NDArray[Any] = tiff_page.asarray()
    except Exception as error:  # it raises several kinds of error if a decoder is not installed
        if "imagecodecs" not in str(error):
            raise
        with Image.open(path) as image:
            image.seek(page)
            array = np.asarray(image)
    return array


def _upright(array: NDArray[Any], turn: int) -> NDArray[Any]:
    """Return an image rotated and flipped by its TIFF or EXIF orientation tag, 1 to 8."""
    if turn in (5, 6, 7, 8):
        array = array.swapaxes(0, 1)
    if turn in (2, 3, 6, 7):
        array = array[:, ::-1]
    if turn in (3, 4, 7, 8):
        array = array[::-1]
    return array


def _within_unit(path: Path, array: NDArray[Any]) -> NDArray[np.float64]:
    values = array.astype(np.float64)
    low, high = float(values.min()), float(values.max())
    if not (0 <= low <= high <= 1):
        raise BadValue(
            f"{path} contains floats from {low:g} to {high:g}; inrbench needs them from 0 to 1: subtract {low:g}, divide by "
            f"{high - low:g}, and save it again as floats"
        )
    return values


def _refuse_transparent(path: Path, alpha: NDArray[Any], opaque: float) -> None:
    if (alpha < opaque).any():
        raise BadValue(
            f"{path} is transparent in {(alpha < opaque).mean():.0%} of its pixels; say what lies behind it: paste it on a "
            "background and save that without alpha"
        )


def _one_page(path: Path, pages: int, page: int | None) -> None:
    if page is None and pages > 1:
        raise BadValue(f"{path} has {pages} pages; name one: --set page=0, the last is {pages - 1}")
    if page is not None and not 0 <= page < pages:
        raise BadValue(f"{path} has {pages} page(s), counted from 0; there is no page {page}")


@contextmanager
def _opened(path: Path) -> Iterator[Image.Image]:
    try:
        with Image.open(path) as image:
            yield image
    except FileNotFoundError as error:
        raise BadValue(f"no such image: {path}") from error
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise BadValue(f"{path} cannot be read as an image: {error}") from error
