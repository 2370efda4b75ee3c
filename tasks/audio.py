"""audio: four seconds of sound made here, and WAV files of yours.

    chord   three plucked strings, partials that fade the faster the higher they are
    sweep   a sine whose frequency rises from 50 Hz to 7 kHz
    drums   bursts of noise and a falling tone, with silence between
    voice   vowels: pulses of a changing pitch through resonances

Signals of many octaves and sharp beginnings, in one dimension. ``paper`` follows SIREN's experiment (Sitzmann et al. 2020,
``train_audio.py``): every sample; coordinates in [-1, 1] and a first frequency of 3,000 where authors say so, which is what
SIREN's [-100, 100] and 30 come to. ``quick`` fits a second at about 8 kHz and also listens half-way between the samples. Your
own sound: ``--signals ./mine.wav``.
"""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray

from inrbench import Protocol, Task, register_task
from inrbench.data import Clip, file_sha256, read_wav
from inrbench.errors import unknown_name
from inrbench.metrics.audio import SNR, SNR_OFFGRID
from inrbench.metrics.error import MSE_TRAIN
from inrbench.registry import ProblemSize
from inrbench.settings import AudioSettings
from inrbench.spec import digest

if TYPE_CHECKING:
    from inrbench.problems import Problem

RATE = 16_000
SECONDS = 4
Array = NDArray[np.float64]


def chord(t: Array) -> Array:
    """Return three strings plucked one after the other."""
    sound = np.zeros_like(t)
    for i, pitch in enumerate((196.0, 246.94, 293.66)):
        since = t - 0.25 * i
        for k in range(1, 12):
            sound += np.where(
                since > 0, np.sin(2 * np.pi * k * pitch * since) * np.exp(-since.clip(0) * (0.6 + 0.35 * k)) / k, 0
            )
    return sound


def sweep(t: Array) -> Array:
    """Return a sine that rises by the same number of octaves every second."""
    low, high = 50.0, 7000.0
    octaves = np.log(high / low) / SECONDS
    return np.sin(2 * np.pi * low * (np.exp(octaves * t) - 1) / octaves)


def drums(t: Array) -> Array:
    """Return eight beats. The noise is drawn once, from a seed of its own."""
    noise = np.random.default_rng(0).standard_normal(len(t))
    sound = np.zeros_like(t)
    for beat in range(8):
        since = t - 0.5 * beat
        on = since > 0
        since = since.clip(0)
        if beat % 2:
            sound += np.where(on, noise * np.exp(-18 * since), 0)
        else:
            sound += np.where(on, np.sin(2 * np.pi * (55 * since + 4 * (1 - np.exp(-30 * since)))) * np.exp(-7 * since), 0)
    return sound


def voice(t: Array) -> Array:
    """Return three vowels: a pulse train through two resonances each."""
    from scipy.signal import lfilter

    pitch = 120 + 20 * np.sin(2 * np.pi * 0.7 * t)
    pulses = np.diff(np.floor(np.cumsum(pitch) / RATE), prepend=0.0)
    sound = np.zeros_like(t)
    for i, (first, second) in enumerate(((730, 1090), (270, 2290), (300, 870))):
        part = pulses * (np.floor(3 * t / SECONDS) == i)
        for formant, width in ((first, 80), (second, 120)):
            r = np.exp(-np.pi * width / RATE)
            part = lfilter([1 - r], [1, -2 * r * np.cos(2 * np.pi * formant / RATE), r * r], part)
        sound += part
    return sound


SOUNDS: dict[str, Callable[[Array], Array]] = {"chord": chord, "sweep": sweep, "drums": drums, "voice": voice}
METRIC_IDS = (SNR.id, MSE_TRAIN.id)
LISTENED = 401
"""Samples of a made sound that its hash is of, rounded to where platforms agree."""


@register_task("audio")
class Audio(Task):
    """Sounds."""

    kind = "audio"
    version = "1"
    changes: ClassVar[Mapping[str, str]] = {"1": "first version"}
    file_extensions = (".wav",)
    tuning_split = ("audio", ("chord", "sweep"))
    tuning_metric = SNR_OFFGRID.id
    protocols: ClassVar[Mapping[str, Protocol]] = {
        "paper": Protocol(
            name="paper",
            width=256,
            n_layers=4,
            epochs=9000,
            lr=1e-4,
            lr_min=1e-4,
            schedule="constant",
            metrics=METRIC_IDS,
            settings=AudioSettings(coordinate_range=(-1.0, 1.0), seconds=None, rate=None),
            sources={
                "width, n_layers, lr, schedule, batch": "SIREN's train_audio.py: 256, 3 hidden to hidden, 1e-4, no schedule, "
                "all samples at once",
                "epochs": "9,000, ours; 9,001 in train_audio.py",
                "coordinate_range": "ours; SIREN's dataio.py has [-100, 100] and a first frequency of 30, which is 3,000 here",
                "signals": "ours: its clips (Bach, counting) are not redistributed here; give them by --signals",
                "metrics": "ours; SIREN reports the MSE",
            },
        ),
        "quick": Protocol(
            name="quick",
            width=64,
            n_layers=4,
            epochs=250,
            batch=1024,
            lr=3e-4,
            lr_min=3e-5,
            schedule="cosine",
            metrics=(SNR.id, SNR_OFFGRID.id, MSE_TRAIN.id),
            settings=AudioSettings(coordinate_range=(-1.0, 1.0), seconds=1.0, rate=8000),
            sources={
                "all": "ours: seconds on a laptop CPU. It reproduces no paper",
                "lr": "3e-4: at 1e-3, ten times SIREN's, one step of Adam turns phases of the first layer by up to 3 rad",
                "first frequencies": "1,000 rad a unit of time, 8 % of the Nyquist rate of 8,000 samples: inrbench show METHOD",
            },
        ),
    }

    def signals(self) -> tuple[str, ...]:
        """Return the made sounds' names."""
        return tuple(SOUNDS)

    def signal_sha256(self, signal: str) -> str:
        """Return the hash of the file's bytes, or of a made sound's samples."""
        if signal in self.files:
            return file_sha256(self.files[signal])
        samples = self.clip(signal).samples
        chosen = np.linspace(0, len(samples) - 1, LISTENED).astype(int)
        return digest([round(float(value), 6) + 0.0 for value in samples[chosen]])

    def clip(self, signal: str, channel: int | None = None) -> Clip:
        """Return a sound by name. Raises UnknownName or BadValue."""
        if signal in self.files:
            return read_wav(self.files[signal], channel)
        if signal not in SOUNDS:
            raise unknown_name("signal of task 'audio'", signal, SOUNDS, "your own sound: --signals ./mine.wav")
        return Clip(SOUNDS[signal](np.arange(SECONDS * RATE) / RATE), RATE)

    def size(self, signal: str, protocol: Protocol) -> ProblemSize:
        """Return time and value, and the samples that the protocol fits."""
        from inrbench.problems import fitted_samples

        clip = self.clip(signal, protocol.settings_as(AudioSettings).channel)
        return ProblemSize(1, 1, fitted_samples(len(clip.samples), clip.rate, protocol))

    def problem(self, signal: str, protocol: Protocol, data_seed: int) -> "Problem":
        """Load a sound. Nothing is drawn at random."""
        from inrbench.problems import audio_problem

        return audio_problem(self.clip(signal, protocol.settings_as(AudioSettings).channel), protocol)
