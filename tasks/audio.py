"""audio: procedural sounds of four seconds, spoken words, and your own WAV files.

    chord    three plucked strings, whose higher partials fade faster
    sweep    a sine whose frequency rises from 50 Hz to 7 kHz
    drums    bursts of noise and a falling tone, with silence between them
    voice    vowels: pulses of a changing pitch, filtered by resonances
    bell     six inharmonic partials that fade at different rates
    bird     chirps whose frequency rises and falls
    front-center, front-right, rear-left, side-left, side-right
             spoken words of alsa-utils, 48 kHz (inrbench data fetch sound)

One-dimensional signals with many octaves and sharp onsets. ``paper`` follows SIREN's experiment (Sitzmann et al. 2020,
``train_audio.py``) and fits every sample. Coordinates are in [-1, 1], and the first frequency is 3,000 for methods whose
authors give one; this is equivalent to SIREN's [-100, 100] and 30. ``quick`` fits one second at about 8 kHz and also evaluates
half-way between the samples; so does ``standard``. Your own sound: ``--signals ./mine.wav``.
"""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray

from inrbench import Protocol, Task, register_task
from inrbench.data import Clip, dataset, file_sha256, read_wav, require_file
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
    """Return three strings plucked one after another."""
    sound = np.zeros_like(t)
    for i, pitch in enumerate((196.0, 246.94, 293.66)):
        since = t - 0.25 * i
        for k in range(1, 12):
            sound += np.where(
                since > 0, np.sin(2 * np.pi * k * pitch * since) * np.exp(-since.clip(0) * (0.6 + 0.35 * k)) / k, 0
            )
    return sound


def sweep(t: Array) -> Array:
    """Return a sine whose frequency rises by the same number of octaves every second."""
    low, high = 50.0, 7000.0
    octaves = np.log(high / low) / SECONDS
    return np.sin(2 * np.pi * low * (np.exp(octaves * t) - 1) / octaves)


def drums(t: Array) -> Array:
    """Return eight beats. The noise is drawn with a fixed seed."""
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
    """Return three vowels: a pulse train filtered by two resonances each."""
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


def bell(t: Array) -> Array:
    """Return a struck bell: partials whose frequencies are no multiples of one another, struck twice."""
    sound = np.zeros_like(t)
    for start in (0.0, 0.45):
        since = (t - start).clip(0)
        for ratio, level, decay in (
            (0.56, 1, 1.1),
            (0.92, 0.7, 1.6),
            (1.19, 1, 2.2),
            (1.7, 0.5, 3),
            (2.74, 0.6, 4.5),
            (3.76, 0.3, 7),
        ):
            sound += np.where(t > start, level * np.sin(2 * np.pi * 440 * ratio * since) * np.exp(-decay * since), 0)
    return sound


def bird(t: Array) -> Array:
    """Return eight chirps a second whose frequency rises from 1.5 kHz and falls again."""
    since = np.mod(t, 0.125)
    phase = 2 * np.pi * (1500 * since + 900 * 0.125 / np.pi * (1 - np.cos(np.pi * since / 0.125)))
    return np.sin(phase) * np.sin(np.pi * (since / 0.1).clip(0, 1)) ** 2


SOUNDS: dict[str, Callable[[Array], Array]] = {
    "chord": chord,
    "sweep": sweep,
    "drums": drums,
    "voice": voice,
    "bell": bell,
    "bird": bird,
}
SPOKEN = {
    "front-center": "Front_Center.wav",
    "front-right": "Front_Right.wav",
    "rear-left": "Rear_Left.wav",
    "side-left": "Side_Left.wav",
    "side-right": "Side_Right.wav",
}
"""Name -> file of the data set ``sound``."""
SPOKEN_RATE = 48_000
SPOKEN_SAMPLES = {"front-center": 68_545, "front-right": 73_473, "rear-left": 63_010, "side-left": 67_412, "side-right": 64_961}
"""Numbers of samples, for time estimates without the data."""
METRIC_IDS = (SNR.id, MSE_TRAIN.id)
LISTENED = 401
"""Number of samples in the hash of a procedural sound. They are rounded so that platforms agree."""


@register_task("audio")
class Audio(Task):
    """Audio clips."""

    kind = "audio"
    version = "1"
    changes: ClassVar[Mapping[str, str]] = {"1": "first version"}
    file_extensions = (".wav",)
    tuning_split = ("audio", ("chord", "front-right", "side-left"))
    suites: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "standard": ("drums", "voice", "bird", "front-center", "rear-left", "side-right")
    }
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
                "width, n_layers, lr, schedule, batch": "SIREN's train_audio.py: width 256, 3 hidden-to-hidden layers, "
                "lr 1e-4, no schedule, all samples in each step",
                "epochs": "9,000, inrbench's choice; train_audio.py has 9,001",
                "coordinate_range": "inrbench's choice; SIREN's dataio.py has [-100, 100] and a first frequency of 30, "
                "which corresponds to 3,000 here",
                "signals": "inrbench's choice: SIREN's clips (Bach, counting) are not redistributed here; "
                "use them with --signals",
                "metrics": "inrbench's choice; SIREN reports the MSE",
            },
        ),
        "standard": Protocol(
            name="standard",
            width=40,
            n_layers=4,
            epochs=9000,
            lr=1e-4,
            lr_min=0.0,
            schedule="cosine",
            metrics=(SNR.id, SNR_OFFGRID.id, MSE_TRAIN.id),
            settings=AudioSettings(coordinate_range=(-1.0, 1.0), seconds=1.0, rate=8000),
            sources={
                "n_layers, epochs, lr, batch": "the protocol 'paper': 9,000 steps on all samples",
                "schedule": "inrbench's choice: with the constant rate of 'paper', the SNR still changed by 0.5 dB over the "
                "last tenth of the steps",
                "seconds, rate": "one second at 8 kHz, 8,000 samples; SIREN's clip has 308,207",
                "width": "5,041 parameters for 8,000 samples, 0.63 per sample; SIREN's network has 0.64",
                "first frequencies": "1,000 rad per unit of time, as in 'quick'",
                "budget": "9,000 steps x 8,000 samples: about a minute of one core per run",
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
                "all": "inrbench's choice: takes seconds on a laptop CPU. It does not reproduce any paper",
                "lr": "3e-4: at 1e-3, ten times SIREN's, one Adam step changes phases of the first layer by up to 3 rad",
                "first frequencies": "1,000 rad per unit of time, 8 % of the Nyquist rate of 8,000 samples: "
                "see inrbench show METHOD",
            },
        ),
    }

    def signals(self) -> tuple[str, ...]:
        """Return the names of the procedural sounds and of the spoken words."""
        return (*SOUNDS, *SPOKEN)

    def signal_sha256(self, signal: str) -> str:
        """Return the hash of the file's bytes, or of a procedural sound's samples."""
        if signal in self.files:
            return file_sha256(self.files[signal])
        if signal in SPOKEN:
            return dataset("sound").sha256[SPOKEN[signal]]
        samples = self.clip(signal).samples
        chosen = np.linspace(0, len(samples) - 1, LISTENED).astype(int)
        return digest([round(float(value), 6) + 0.0 for value in samples[chosen]])

    def clip(self, signal: str, channel: int | None = None) -> Clip:
        """Return a sound by name. Raises UnknownName, BadValue, DataMissing or DataCorrupt."""
        if signal in self.files:
            return read_wav(self.files[signal], channel)
        if signal in SPOKEN:
            return read_wav(require_file("sound", SPOKEN[signal]), channel)
        if signal not in SOUNDS:
            raise unknown_name("signal of task 'audio'", signal, self.signals(), "your own sound: --signals ./mine.wav")
        return Clip(SOUNDS[signal](np.arange(SECONDS * RATE) / RATE), RATE)

    def size(self, signal: str, protocol: Protocol) -> ProblemSize:
        """Return the problem size: one coordinate (time), one value, and the samples that the protocol fits."""
        from inrbench.problems import fitted_samples

        if signal in SPOKEN:  # its length is known without the file
            return ProblemSize(1, 1, fitted_samples(SPOKEN_SAMPLES[signal], SPOKEN_RATE, protocol))
        clip = self.clip(signal, protocol.settings_as(AudioSettings).channel)
        return ProblemSize(1, 1, fitted_samples(len(clip.samples), clip.rate, protocol))

    def problem(self, signal: str, protocol: Protocol, data_seed: int) -> "Problem":
        """Load a sound. Nothing is drawn at random.

        Args:
            signal: Name of the signal.
            protocol: Protocol of this task.
            data_seed: Not used.
        """
        from inrbench.problems import audio_problem

        return audio_problem(self.clip(signal, protocol.settings_as(AudioSettings).channel), protocol)
