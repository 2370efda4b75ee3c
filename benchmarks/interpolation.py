"""Interpolate the data of a task, without any network: ``python benchmarks/interpolation.py OUT.json``.

A network that does not beat these lines has gained nothing. Measured on the test signals of the protocol ``standard``, on the
very points that the networks were given (``function1d``: those of seeds 0 to 2, since much depends on the points; else those of
seed 0):

* ``function1d``: straight lines and a natural cubic spline through the 1,024 points;
* ``inpainting``: the nearest given pixel, and straight lines in a triangulation of the given pixels (outside of their hull: the
  nearest one);
* ``super-resolution``: the given means as values at the centres of their blocks, interpolated linearly and by cubic splines.
"""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline, LinearNDInterpolator, NearestNDInterpolator
from scipy.ndimage import zoom

from inrbench.execute.setup import random_stream
from inrbench.registry import Registry
from inrbench.spec.identity import derived_seed

Array = NDArray[np.float64]
MORE_IMAGES = ("brick", "grass", "gravel", "moon")
MORE = {"function1d": ("sin1000",), "inpainting": MORE_IMAGES, "super-resolution": MORE_IMAGES}
"""Task -> test signals that were measured beside those of the suite ``standard``."""
SEEDS = {"function1d": (0, 1, 2), "inpainting": (0,), "super-resolution": (0,)}


def psnr(found: Array, truth: Array) -> float:
    """Return the PSNR of values cut off at 0 and 1, in dB."""
    return float(-10 * np.log10(np.square(np.clip(found, 0, 1) - truth).mean()))


def function1d(problem: Any) -> dict[str, float]:
    """Return the mean squared error on 20,001 points, as ``mse@dense-20001``."""
    evaluation = problem.evaluation
    x = evaluation.train_x.numpy().astype(np.float64)[:, 0]
    order = np.argsort(x)
    x, y = x[order], np.asarray(evaluation.train_y, np.float64).ravel()[order]
    dense = np.linspace(-1, 1, 20_001)
    truth = evaluation.function(dense[:, None]).ravel()
    found = {"linear": np.interp(dense, x, y), "cubic spline": CubicSpline(x, y, bc_type="natural")(dense)}
    return {name: float(np.square(values - truth).mean()) for name, values in found.items()}


def inpainting(problem: Any) -> dict[str, float]:
    """Return the PSNR of the pixels that are not given, as ``psnr-unobserved@clip-float``."""
    evaluation = problem.evaluation
    hidden, truth = evaluation.unobserved, evaluation.fitted.astype(np.float64)
    given, asked = np.argwhere(~hidden), np.argwhere(hidden)
    nearest = NearestNDInterpolator(given, truth[~hidden])(asked)
    linear = LinearNDInterpolator(given, truth[~hidden])(asked)
    linear = np.where(np.isnan(linear), nearest, linear)
    return {"nearest": psnr(nearest, truth[hidden]), "linear": psnr(linear, truth[hidden])}


def super_resolution(problem: Any) -> dict[str, float]:
    """Return the PSNR of the whole image, as ``psnr@clip-float``."""
    evaluation = problem.evaluation
    truth, coarse = evaluation.fitted.astype(np.float64), evaluation.observation.picture.astype(np.float64)
    factor = truth.shape[0] / coarse.shape[0]
    return {
        name: psnr(zoom(coarse, (factor, factor, 1), order=order, mode="nearest", grid_mode=True), truth)
        for name, order in (("linear", 1), ("cubic spline", 3))
    }


MEASURES = {"function1d": function1d, "inpainting": inpainting, "super-resolution": super_resolution}


def main(out: Path) -> None:
    """Measure, print the means and write every number."""
    registry, found = Registry(), dict[str, Any]()
    for name, measure in MEASURES.items():
        task = registry.task(name)
        protocol, values = task.protocol("standard"), {}
        average = (lambda v: 10 ** float(np.log10(v).mean())) if name == "function1d" else (lambda v: float(np.mean(v)))
        for signal in (*task.suites["standard"], *MORE[name]):
            stream = random_stream(task, signal, protocol)
            draws = [measure(task.problem(signal, protocol, derived_seed("data", name, stream, seed))) for seed in SEEDS[name]]
            values[signal] = {kind: [draw[kind] for draw in draws] for kind in draws[0]}
        kinds = next(iter(values.values()))
        means = {kind: average([average(each[kind]) for each in values.values()]) for kind in kinds}
        found[name] = {"metric": protocol.primary, "means": means, "seeds": SEEDS[name], "signals": values}
        print(name, means)
    out.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
