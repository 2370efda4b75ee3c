"""Energy per octave of frequency, which shows the detail that a fit has and the detail that it lacks."""

import numpy as np
from numpy.typing import NDArray


def energy_by_octave(field: NDArray[np.floating]) -> dict[str, float]:
    """Return the mean square of a field ``(n1, ..., nd, channels)``, split by octave of frequency; the parts sum to it.

    The frequency is the length of the vector of cycles over the grid's extent. The octaves are ``0-1``, ``1-2``, ``2-4`` and so
    on. The cosine transform is used because it mirrors the field at its boundary: a Fourier transform would count the
    difference between opposite sides as detail.

    >>> x = (np.arange(64) + 0.5) / 64
    >>> {octave: round(energy, 6) for octave, energy in energy_by_octave(np.cos(10 * np.pi * x)[:, None]).items()}
    {'0-1': 0.0, '1-2': 0.0, '2-4': 0.0, '4-8': 0.5, '8-16': 0.0, '16-32': 0.0}
    """
    from scipy.fft import dctn

    *shape, _ = field.shape
    axes = tuple(range(len(shape)))
    energy = np.square(dctn(field.astype(np.float64), axes=axes, norm="ortho")).sum(axis=-1) / field.size
    squares = [np.square(np.arange(n) / 2) for n in shape]  # a cosine on the grid has half cycles
    frequency = np.sqrt(sum(np.meshgrid(*squares, indexing="ij", sparse=True)))
    octave = np.where(frequency < 1, 0, np.floor(np.log2(np.maximum(frequency, 1))).astype(int) + 1)
    parts = np.bincount(octave.ravel(), weights=energy.ravel())
    names = ["0-1", *(f"{2**i}-{2 ** (i + 1)}" for i in range(len(parts) - 1))]
    return dict(zip(names, parts.tolist(), strict=True))
