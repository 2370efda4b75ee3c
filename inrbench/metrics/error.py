"""Errors of a regression, averaged in float64 whatever the prediction's precision."""

import numpy as np
from numpy.typing import NDArray

from inrbench.spec import Metric

Numbers = NDArray[np.floating] | NDArray[np.integer]

MSE_TRAIN = Metric(id="mse@train", higher_is_better=False, scale="log")
MSE_SINOGRAM = Metric(id="mse@sinogram", higher_is_better=False, scale="log")
MSE_DENSE = Metric(id="mse@dense-20001", higher_is_better=False, scale="log")
MEDIAN_DENSE = Metric(id="median-se@dense-20001", higher_is_better=False, scale="log")


def mean_squared_error(prediction: Numbers, reference: Numbers) -> float:
    """Return the mean of the squared differences of two arrays of one shape.

    >>> mean_squared_error(np.array([0.0, 1.0]), np.array([0.0, 3.0]))
    2.0
    """
    return float(np.mean(squared_errors(prediction, reference)))


def squared_errors(prediction: Numbers, reference: Numbers) -> NDArray[np.float64]:
    """Return the squared differences of two arrays of one shape. Raises ValueError if their shapes differ."""
    if prediction.shape != reference.shape:
        raise ValueError(f"prediction has shape {prediction.shape}, reference {reference.shape}")
    return np.square(prediction.astype(np.float64) - reference.astype(np.float64))
