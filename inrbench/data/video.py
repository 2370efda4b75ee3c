"""Read and write video files as arrays of frames."""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inrbench.data.reduce import area_mean, reduction_factor
from inrbench.errors import BadValue
from inrbench.settings import MIN_FRAMES

Frames = NDArray[np.uint8]
"""Frames of a video, ``(T, H, W, 3)``, in 8-bit RGB."""
CONTAINERS = ("mov", "mp4", "m4a", "3gp", "3g2", "mj2", "matroska", "webm", "avi", "gif", "mpeg", "mpegvideo", "mpegts")
"""FFmpeg's names of the formats that are read. Others, such as lists of files, could make it read other files."""
PYAV_READS_ANY_TEXT = 19
"""Version of PyAV from which titles and comments that are not UTF-8 need no option."""


def video_shape(path: Path) -> tuple[int, int]:
    """Return the displayed size ``(H, W)`` of a video file, from its first frame. Raises BadValue if it is not a video."""
    import av

    with _opened(path) as (container, stream):
        try:
            turned = next(container.decode(stream)).rotation % 180 != 0
        except (StopIteration, av.error.FFmpegError) as error:
            raise BadValue(f"{path} has no frames") from error
        return (stream.width, stream.height) if turned else (stream.height, stream.width)


def read_video(path: Path, n_frames: int, max_pixels: int | None) -> Frames:
    """Return the first ``n_frames`` frames of a video file in RGB, each reduced to at most ``max_pixels`` pixels.

    The reduction uses the smallest sufficient whole factor. Each pixel is the mean of a block, rounded to 8 bits. This rule is
    the same for every clip and does not depend on the version of a library.

    Args:
        path: The video file.
        n_frames: Number of frames.
        max_pixels: Largest number of pixels per frame; None for no reduction.

    Raises:
        BadValue: The file cannot be decoded or has fewer frames.
    """
    import av

    if n_frames < 1 or (max_pixels is not None and max_pixels < 1):
        raise BadValue(f"frames and max_pixels must be positive, got {n_frames} and {max_pixels}")
    frames: list[NDArray[np.uint8]] = []
    with _opened(path) as (container, stream):
        try:
            shown = _AsShown(path, stream)
            for frame in container.decode(stream):
                if frame.is_corrupt:
                    raise BadValue(f"{path} is damaged at frame {len(frames)}")
                frames.append(_reduced(shown(frame, len(frames)), max_pixels))
                if len(frames) == n_frames:
                    break
        except av.error.FFmpegError as error:
            raise BadValue(f"{path} is damaged after frame {len(frames)}: {error.strerror}") from error
    if not frames:
        raise BadValue(f"{path} has no frames")
    if len(frames) < MIN_FRAMES:
        raise BadValue(f"{path} has {len(frames)} frame(s), but a video needs at least {MIN_FRAMES}")
    if len(frames) < n_frames:
        raise BadValue(f"{path} has {len(frames)} frames, {n_frames} are asked for; fewer: --set frames={len(frames)}")
    return np.stack(frames)


def write_video(path: Path, frames: Frames, rate: int = 25) -> None:
    """Write frames as an MP4 file: H.264 if the encoder is available, otherwise MPEG-4.

    If the height or width is odd, the last row or column is left out.

    Args:
        path: The file to write.
        frames: Frames ``(T, H, W, 3)``.
        rate: Frames per second.
    """
    import av

    height, width = (side - side % 2 for side in frames.shape[1:3])
    codec = "libx264" if "libx264" in av.codecs_available else "mpeg4"
    with av.open(str(path), "w", format="mp4") as container:
        stream: Any = container.add_stream(codec, rate=rate)
        stream.height, stream.width, stream.pix_fmt = height, width, "yuv420p"
        for pixels in frames:
            for packet in stream.encode(
                av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels[:height, :width]), format="rgb24")
            ):
                container.mux(packet)
        for packet in stream.encode():
            container.mux(packet)


class _AsShown:
    """Convert decoded frames to RGB bytes ``(H, W, 3)`` as a player shows them: by ffmpeg's conversion, and upright.

    PyAV's direct conversion uses other scaler settings, with which a 10-bit video is 5 dB worse than with ffmpeg.
    """

    def __init__(self, path: Path, stream: Any) -> None:
        import av.filter

        self._path, self._size = path, (stream.width, stream.height)
        self._graph = av.filter.Graph()
        try:
            source = self._graph.add_buffer(template=stream)
        except ValueError as error:
            raise BadValue(f"{path} is damaged: its pixel format is unknown ({error})") from error
        ends = [source, self._graph.add("format", "rgb24"), self._graph.add("buffersink")]
        for here, there in pairwise(ends):
            here.link_to(there)
        self._graph.configure()

    def __call__(self, frame: Any, number: int) -> Frames:
        """Return a converted frame. Raises BadValue if its size differs from that of the first frame."""
        if (frame.width, frame.height) != self._size:
            size = f"{frame.width}x{frame.height}"
            raise BadValue(f"{self._path} changes its size at frame {number}, to {size}; cut it before that")
        self._graph.push(frame)
        pixels: Any = self._graph.pull().to_ndarray()
        upright: Frames = np.ascontiguousarray(np.rot90(pixels, round(frame.rotation / 90)))
        return upright


def _reduced(frame: NDArray[np.uint8], max_pixels: int | None) -> NDArray[np.uint8]:
    factor = reduction_factor(frame.shape[:2], max_pixels, step=1)
    if factor == 1:
        return frame
    reduced: NDArray[np.uint8] = np.rint(area_mean(frame.astype(np.float32), factor)).astype(np.uint8)
    return reduced


@contextmanager
def _opened(path: Path) -> Iterator[tuple[Any, Any]]:
    import av

    try:
        options = {"err_detect": "explode", "format_whitelist": ",".join(CONTAINERS)}
        old: dict[str, Any] = {"metadata_errors": "replace"} if int(av.__version__.split(".")[0]) < PYAV_READS_ANY_TEXT else {}
        container = av.open(str(path), options=options, **old)
    except FileNotFoundError as error:
        raise BadValue(f"no such video: {path}") from error
    except (av.error.FFmpegError, OSError) as error:
        raise BadValue(f"{path} cannot be read as a video: {error.strerror}") from error
    with container:
        if not container.streams.video:
            raise BadValue(f"{path} has no video in it")
        if container.streams.video[0].codec_context is None:
            raise BadValue(f"{path} cannot be read as a video: its codec is unknown")
        yield container, container.streams.video[0]
