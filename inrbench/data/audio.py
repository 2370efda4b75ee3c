"""Sounds as arrays: WAV files."""

import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from inrbench.errors import BadValue


@dataclass(frozen=True)
class Clip:
    """One channel of sound, samples in [-1, 1], and how many there are in a second."""

    samples: NDArray[np.floating]
    rate: int


def read_wav(path: Path) -> Clip:
    """Return a WAV file, the mean of its channels. Raises BadValue for a file that is no readable WAV."""
    from scipy.io import wavfile

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", wavfile.WavFileWarning)  # chunks that say who made it, and cut-off ones
            rate, samples = wavfile.read(path)
    except FileNotFoundError as error:
        raise BadValue(f"no such sound: {path}") from error
    except Exception as error:  # a damaged header makes SciPy raise whatever comes first
        raise BadValue(f"{path} cannot be read as WAV: {str(error) or type(error).__name__}") from error
    if samples.size == 0 or rate <= 0:
        raise BadValue(f"{path} holds no sound: {samples.size} samples at {rate} a second")
    full = 1.0 if samples.dtype.kind == "f" else 2.0 ** (8 * samples.dtype.itemsize - 1)
    values = samples.astype(np.float64) - (full if samples.dtype == np.uint8 else 0.0)  # 8-bit files count from 0
    values = values / full
    mono = values if values.ndim == 1 else values.mean(axis=1)
    if not np.isfinite(mono).all():
        raise BadValue(f"{path} holds values that are no numbers")
    return Clip(mono, int(rate))


def write_wav(path: Path, clip: Clip) -> None:
    """Write a clip as 16-bit WAV, values clipped to [-1, 1]."""
    from scipy.io import wavfile

    wavfile.write(path, clip.rate, np.rint(clip.samples.clip(-1, 1) * 32767).astype(np.int16))
