"""Regression errors, averaged in float64 for every precision of the prediction."""

import numpy as np
from numpy.typing import NDArray

from inrbench.spec import Metric

Numbers = NDArray[np.floating] | NDArray[np.integer]


def mean_squared_error(prediction: Numbers, reference: Numbers) -> float:
    """Return the mean of the squared differences of two arrays of the same shape.

    >>> mean_squared_error(np.array([0.0, 1.0]), np.array([0.0, 3.0]))
    2.0
    """
    return float(np.mean(squared_errors(prediction, reference)))


def median_squared_error(prediction: Numbers, reference: Numbers) -> float:
    """Return the median of the squared differences of two arrays of the same shape."""
    return float(np.median(squared_errors(prediction, reference)))


def squared_errors(prediction: Numbers, reference: Numbers) -> NDArray[np.float64]:
    """Return the squared differences of two arrays of the same shape. Raises ValueError if their shapes differ."""
    if prediction.shape != reference.shape:
        raise ValueError(f"prediction has shape {prediction.shape}, reference {reference.shape}")
    return np.square(prediction.astype(np.float64) - reference.astype(np.float64))


MSE_TRAIN = Metric(id="mse@train", title="MSE", higher_is_better=False, scale="log", compute=float, needs=("fitted_mse",))
MSE_SINOGRAM = Metric(
    id="mse@sinogram",
    title="MSE of projections",
    higher_is_better=False,
    scale="log",
    compute=mean_squared_error,
    needs=("sinogram_prediction", "sinogram_truth"),
)
MSE_DENSE = Metric(id="mse@dense-20001", title="MSE", higher_is_better=False, scale="log", compute=mean_squared_error)
MEDIAN_DENSE = Metric(
    id="median-se@dense-20001", title="median SE", higher_is_better=False, scale="log", compute=median_squared_error
)
