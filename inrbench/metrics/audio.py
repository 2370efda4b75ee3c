"""Quality of a sound compared with its original."""

import math

import numpy as np
from numpy.typing import NDArray

from inrbench.metrics.error import mean_squared_error
from inrbench.spec import Metric


def snr(samples: NDArray[np.floating], reference: NDArray[np.floating]) -> float:
    """Return 10 log10(power of the reference / power of the error) in dB; infinite for equal sounds.

    >>> round(snr(np.array([0.9, -1.1]), np.array([1.0, -1.0])), 6)
    20.0
    """
    error = mean_squared_error(samples, reference)
    power = float(np.square(reference.astype(np.float64)).mean())
    return 10 * math.log10(power / error) if error else math.inf


SNR = Metric(id="snr@power", title="SNR", unit="dB", higher_is_better=True, compute=snr)
SNR_OFFGRID = Metric(
    id="snr-offgrid@2x-bandlimited",
    title="SNR off-grid",
    unit="dB",
    higher_is_better=True,
    compute=snr,
    needs=("offgrid_prediction", "offgrid_truth"),
)
