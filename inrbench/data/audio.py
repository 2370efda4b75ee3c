"""Read and write WAV files as arrays."""

import io
import struct
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from inrbench.errors import BadValue

UNKNOWN_SIZES = (0, 0xFFFFFFFF)
"""Sizes in the header of a file that was written to a pipe, where the final size cannot be filled in."""
CANCELLED = 1e-2
"""Power of the channels' mean divided by the mean of their powers; below this value, the channels cancel each other."""
NEARLY_CANCELLED = 0.2


@dataclass(frozen=True)
class Clip:
    """One channel of sound.

    Args:
        samples: Samples in [-1, 1], ``(N,)``.
        rate: Samples per second.
        notes: Remarks about how the samples were read.
    """

    samples: NDArray[np.floating]
    rate: int
    notes: tuple[str, ...] = ()


def read_wav(path: Path, channel: int | None = None) -> Clip:
    """Return one channel of a WAV file, counted from 0, or the mean of all channels.

    If the header leaves the length open, the file is read to its end. If the header's length does not match the file, the clip
    has a note about it.

    Raises:
        BadValue: The file is not a readable WAV file, has no such channel, or its channels cancel each other.
    """
    from scipy.io import wavfile

    try:
        data, notes = _mended(path.read_bytes())
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", wavfile.WavFileWarning)  # metadata chunks and truncated files
            rate, samples = wavfile.read(io.BytesIO(data))
    except FileNotFoundError as error:
        raise BadValue(f"no such sound file: {path}") from error
    except Exception as error:  # a damaged header makes SciPy raise many kinds of error
        raise BadValue(f"{path} cannot be read as WAV: {str(error) or type(error).__name__}") from error
    if samples.size == 0 or rate <= 0:
        raise BadValue(f"{path} contains no sound: {samples.size} samples at {rate} per second")
    full = 1.0 if samples.dtype.kind == "f" else 2.0 ** (8 * samples.dtype.itemsize - 1)
    values = samples.astype(np.float64) - (full if samples.dtype == np.uint8 else 0.0)  # 8-bit samples are unsigned
    values = values / full
    values = values[:, None] if values.ndim == 1 else values
    if not np.isfinite(values).all():
        raise BadValue(f"{path} contains values that are not finite numbers")
    mono, channel_notes = _one_channel(path, values, channel)
    return Clip(mono, int(rate), (*notes, *channel_notes))


def _one_channel(path: Path, values: NDArray[np.float64], channel: int | None) -> tuple[NDArray[np.float64], tuple[str, ...]]:
    """Return the samples of one channel, or the mean of all channels, and notes about it."""
    n = values.shape[1]
    if channel is not None:
        if channel >= n:
            raise BadValue(f"{path} has {n} channel(s), counted from 0; there is no channel {channel}")
        return values[:, channel], ()
    mean = values.mean(axis=1)
    power = float(np.square(values).mean())
    left = float(np.square(mean).mean()) / power if power else 1.0
    if n > 1 and left < CANCELLED:
        raise BadValue(
            f"{path}: its {n} channels cancel each other: their mean has {left:.1g} of their power; pick one: --set channel=0"
        )
    if n > 1 and left < NEARLY_CANCELLED:
        return mean, (f"the mean of {n} channels has {left:.0%} of their power; to use one channel: --set channel=0",)
    return mean, ()


def _mended(data: bytes) -> tuple[bytes, tuple[str, ...]]:
    """Return a WAV file's bytes with a missing sample length filled in, and notes about a wrong length.

    The file is a list of chunks. Each chunk is a name of four letters, a length, and that many bytes.
    """
    if data[:4] != b"RIFF" or data[8:12] != b"WAVE":
        return data, ()
    place = 12
    while place + 8 <= len(data):
        name, size = data[place : place + 4], struct.unpack_from("<I", data, place + 4)[0]
        if name == b"data":
            there = len(data) - place - 8
            if size in UNKNOWN_SIZES and there:
                even = there - there % 2
                head = data[:4] + struct.pack("<I", place + even) + data[8 : place + 4] + struct.pack("<I", even)
                return head + data[place + 8 : place + 8 + even], ()
            if size > there:
                return data, (f"the file is truncated: it has {there} bytes of samples, its header gives {size}",)
            rest = there - size
            if rest >= 8 and not data[place + 8 + size : place + 12 + size].strip(b"\0").isalnum():
                return data, (f"its header states {size} bytes of samples; the {rest} bytes after them are not a chunk",)
            return data, ()
        place += 8 + size + size % 2
    return data, ()


def write_wav(path: Path, clip: Clip) -> None:
    """Write a clip as a 16-bit WAV file, with samples clipped to [-1, 1]."""
    from scipy.io import wavfile

    wavfile.write(path, clip.rate, np.rint(clip.samples.clip(-1, 1) * 32767).astype(np.int16))
