"""Audio: a network from time to the value of a waveform, evaluated at the fitted samples and half-way between them."""

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from inrbench.data import Clip, write_wav
from inrbench.errors import BadValue
from inrbench.metrics.error import mean_squared_error
from inrbench.problems.base import Predict
from inrbench.problems.outputs import Outputs
from inrbench.problems.regression import Regression
from inrbench.settings import AudioSettings
from inrbench.spec import Protocol

Waveform = NDArray[np.float64]
MIN_SAMPLES = 16
ALL_FITTED = "the protocol fits every sample, so there are none between them"


def fitted_samples(n_samples: int, rate: int, protocol: Protocol) -> int:
    """Return the number of samples of a clip that a protocol fits.

    Args:
        n_samples: Samples in the clip.
        rate: Samples per second in the clip.
        protocol: Protocol with AudioSettings.
    """
    settings = protocol.settings_as(AudioSettings)
    kept = n_samples if settings.seconds is None else min(n_samples, int(settings.seconds * rate))
    return kept if settings.rate is None else -(-kept // max(1, rate // settings.rate))


def audio_problem(clip: Clip, protocol: Protocol) -> Regression:
    """Return the regression of a clip's waveform, scaled so that its largest absolute value is 1.

    ``seconds``: duration that is fitted, from the beginning of the clip; None for all. ``rate``: approximate number of fitted
    samples per second, which is the clip's own rate divided by a whole number; None for its own rate. If only some samples are
    fitted, the clip is band-limited to what they can represent, and is also evaluated half-way between them.
    ``coordinate_range``: coordinates of the first and the last sample.

    Raises BadValue for a clip that is too short or silent.
    """
    settings = protocol.settings_as(AudioSettings)
    low, high = settings.span
    n = fitted_samples(len(clip.samples), clip.rate, protocol)
    kept = clip.samples if settings.seconds is None else clip.samples[: int(settings.seconds * clip.rate)]
    step = 1 if settings.rate is None else max(1, clip.rate // settings.rate)
    if n < MIN_SAMPLES or not np.abs(kept).max() > 0:
        raise BadValue(f"nothing to fit: the clip has {n} samples, and the largest is {np.abs(kept).max(initial=0):g}")
    from scipy.signal import resample_poly  # half a second, for every command and every worker

    fitted = resample_poly(kept, 1, step)[:n] if step > 1 else kept
    offgrid = resample_poly(fitted, 2, 1)[1 : 2 * n - 1 : 2] if step > 1 else None
    scale = 1 / np.abs(fitted).max()
    x = torch.linspace(low, high, n, dtype=torch.float64).float()[:, None]
    evaluation = AudioEvaluation(fitted * scale, None if offgrid is None else offgrid * scale, (low, high), clip.rate / step)
    values = torch.from_numpy(evaluation.fitted[:, None]).float()
    problem = Regression(x, values, protocol.batch, evaluation, domain=((low, high),))
    problem.notes = clip.notes
    return problem


class AudioEvaluation:
    """Evaluation at the fitted samples and, if the protocol leaves some out, half-way between them.

    Args:
        fitted: Fitted samples ``(n,)``.
        offgrid: Samples ``(n - 1,)`` half-way between the fitted ones; None if all samples are fitted.
        span: Coordinates of the first and the last fitted sample.
        rate: Fitted samples per second.
    """

    scaled_suffix = ".wav"

    def __init__(self, fitted: Waveform, offgrid: Waveform | None, span: tuple[float, float], rate: float) -> None:
        self.fitted, self.offgrid, self.span, self.rate = fitted, offgrid, span, rate

    def outputs(self, predict: Predict) -> Outputs:
        """Return the samples at the fitted rate and half-way between them."""
        functions = {
            "prediction": lambda _: self.waveform(predict),
            "truth": lambda _: self.fitted,
            "fitted_mse": lambda outputs: mean_squared_error(outputs["prediction"], self.fitted),
            "offgrid_prediction": lambda _: self.waveform(predict, 2)[1::2],
            "offgrid_truth": lambda _: self.offgrid,
        }
        missing = {} if self.offgrid is not None else dict.fromkeys(("offgrid_prediction", "offgrid_truth"), ALL_FITTED)
        return Outputs(functions, missing)

    def grid_pair(self, predict: Predict) -> tuple[Waveform, NDArray[np.float32]]:
        """Return the fitted samples and the network's samples."""
        return self.fitted[:, None], self.waveform(predict)[:, None]

    def save_artifacts(self, predict: Predict, folder: Path) -> None:
        """Write ``reconstruction.wav`` and ``truth.wav``, and ``curve.npz`` with x, truth and prediction."""
        reconstruction = self.waveform(predict)
        write_wav(folder / "reconstruction.wav", Clip(reconstruction, round(self.rate)))
        write_wav(folder / "truth.wav", Clip(self.fitted, round(self.rate)))
        x = np.linspace(*self.span, len(self.fitted))
        np.savez_compressed(folder / "curve.npz", x=x, truth=self.fitted, prediction=reconstruction)

    def save_scaled(self, predict: Predict, scale: int, path: Path) -> None:
        """Write the sound at ``scale`` times the fitted rate.

        Args:
            predict: Function from coordinates to values.
            scale: Factor of the rate.
            path: File to write.
        """
        write_wav(path, Clip(self.waveform(predict, scale), round(scale * self.rate)))

    def waveform(self, predict: Predict, scale: int = 1) -> NDArray[np.float32]:
        """Return the network's samples at ``scale`` times the fitted rate, from the first fitted sample to the last."""
        n = scale * (len(self.fitted) - 1) + 1
        x = torch.linspace(*self.span, n, dtype=torch.float64).float()[:, None]
        samples: NDArray[np.float32] = predict(x).numpy()[:, 0]
        return samples
