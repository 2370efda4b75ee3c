"""volume: one network for a volume, from (x, y, z) to the value of a voxel.

    balls       forty balls of different sizes and densities, with soft edges
    tubes       twelve tubes along random curves, like vessels
    waves       eighty plane waves of random directions and frequencies
    gyroid      the field of a gyroid whose period shrinks along one axis
    shells, blocks, marble   concentric shells, blocks of constant value, and a warped sine, for tuning
    mri         a magnetic resonance image, 128x96x24 voxels and two volumes, in nibabel's wheel
    anatomy     a magnetic resonance image, 33x41x25 voxels, in nibabel's wheel

A tenth of the voxels is held out at random and evaluated apart. Your own volume: ``--signals ./scan.nii.gz``, a NumPy array
``(D, H, W)`` or ``(D, H, W, channels)`` (``.npy``), or a TIFF file with one page per slice. No paper has this task; the
protocol ``paper`` has the size of the paper's image experiment.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray

from inrbench import Protocol, Task, register_task
from inrbench.data import VOLUME_FILES, dataset, file_sha256, read_volume, reduced_volume_shape, require_file, volume_shape
from inrbench.errors import unknown_name
from inrbench.metrics.error import MSE_TRAIN
from inrbench.metrics.image import PSNR, PSNR_UNOBSERVED
from inrbench.registry import ProblemSize
from inrbench.settings import VolumeSettings
from inrbench.spec import digest

if TYPE_CHECKING:
    from inrbench.problems import Problem

Array = NDArray[np.float64]
Positions = tuple[Array, Array, Array]
"""Positions x, y and z of the voxels, each ``(D, H, W)`` in [-1, 1]."""
SIDE = 64
"""Voxels of a procedural volume along each axis."""
MADE_VERSION = 1


def balls(at: Positions) -> Array:
    """Return forty balls of different sizes and densities, with soft edges."""
    x, y, z = at
    draw = np.random.default_rng(4)
    field = np.zeros_like(x)
    for _ in range(40):
        centre, radius = draw.uniform(-0.85, 0.85, 3), np.exp(draw.uniform(np.log(0.06), np.log(0.35)))
        distance = np.sqrt((x - centre[0]) ** 2 + (y - centre[1]) ** 2 + (z - centre[2]) ** 2) - radius
        field += draw.uniform(0.2, 1.0) / (1 + np.exp((distance / 0.02).clip(-50, 50)))
    return field


def tubes(at: Positions) -> Array:
    """Return twelve tubes along random curves."""
    x, y, z = at
    draw = np.random.default_rng(12)
    t = np.linspace(-1, 1, 60)
    nearest = np.full(x.shape, np.inf)
    for _ in range(12):
        start, amplitude = draw.uniform(-0.7, 0.7, 2), draw.uniform(0.05, 0.3, 2)
        phase, radius = draw.uniform(0, 2 * np.pi, 2), draw.uniform(0.04, 0.1)
        u, v = (start[i] + amplitude[i] * np.sin(np.pi * t + phase[i]) for i in (0, 1))
        curve = np.roll(np.stack((t, u, v)), draw.integers(3), axis=0)
        for point in curve.T:
            distance = np.sqrt((x - point[0]) ** 2 + (y - point[1]) ** 2 + (z - point[2]) ** 2) - radius
            np.minimum(nearest, distance, out=nearest)
    return 1 / (1 + np.exp((nearest / 0.02).clip(-50, 50)))


def waves(at: Positions) -> Array:
    """Return eighty plane waves of random directions, frequencies and phases."""
    x, y, z = at
    draw = np.random.default_rng(80)
    field = np.zeros_like(x)
    for _ in range(80):
        k, phase = draw.normal(0, 8, 3), draw.uniform(0, 2 * np.pi)
        field += np.sin(k[0] * x + k[1] * y + k[2] * z + phase)
    return field


def gyroid(at: Positions) -> Array:
    """Return the field of a gyroid whose period shrinks along the first axis."""
    x, y, z = at
    k = 6 + 5 * (x + 1)
    return np.sin(k * x) * np.cos(k * y) + np.sin(k * y) * np.cos(k * z) + np.sin(k * z) * np.cos(k * x)


def shells(at: Positions) -> Array:
    """Return concentric shells that are thinner outside, cut by a plane."""
    x, y, z = at
    radius = np.sqrt(x**2 + y**2 + z**2)
    return np.sin(14 * radius**1.5) * (x + 0.3 * y < 0.5)


def blocks(at: Positions) -> Array:
    """Return thirty boxes of constant value."""
    x, y, z = at
    draw = np.random.default_rng(30)
    field = np.zeros_like(x)
    for _ in range(30):
        centre, half = draw.uniform(-0.8, 0.8, 3), draw.uniform(0.06, 0.35, 3)
        inside = (np.abs(x - centre[0]) < half[0]) & (np.abs(y - centre[1]) < half[1]) & (np.abs(z - centre[2]) < half[2])
        field[inside] = draw.uniform(0.2, 1.0)
    return field


def marble(at: Positions) -> Array:
    """Return a sine along one axis, warped by slower waves."""
    x, y, z = at
    warp = np.sin(3 * y + 2 * z) + 0.7 * np.sin(5 * z - 4 * x) + 0.4 * np.sin(9 * x + 7 * y)
    return np.sin(9 * x + 3 * warp)


MADE: Mapping[str, Callable[[Positions], Array]] = {
    "balls": balls,
    "tubes": tubes,
    "waves": waves,
    "gyroid": gyroid,
    "shells": shells,
    "blocks": blocks,
    "marble": marble,
}
SCANS: Mapping[str, tuple[str, tuple[int, int, int, int]]] = {
    "mri": ("example4d.nii.gz", (128, 96, 24, 2)),
    "anatomy": ("anatomical.nii", (33, 41, 25, 1)),
}
"""Name -> file of the data set ``volumes``, and its shape."""

PAPER = Protocol(
    name="paper",
    width=256,
    n_layers=4,
    epochs=1500,
    lr=1e-3,
    lr_min=5e-4,
    schedule="cosine",
    metrics=(PSNR.id, PSNR_UNOBSERVED.id, MSE_TRAIN.id),
    settings=VolumeSettings(coordinate_range=(-1.0, 1.0), max_voxels=None, heldout=0.1),
    sources={
        "n_layers, epochs, lr, lr_min, schedule, batch": "those of the paper's image experiment; no paper has this task",
        "width, coordinate_range, heldout": "inrbench's choice",
    },
)
STANDARD = replace(
    PAPER,
    name="standard",
    width=64,
    settings=VolumeSettings(coordinate_range=(-1.0, 1.0), max_voxels=37_000, heldout=0.1),
    sources={
        "epochs, lr, lr_min, schedule, batch, n_layers": "the protocol 'paper': 1,500 steps on all voxels",
        "max_voxels": "32x32x32 of a procedural volume, 64x48x12 of mri",
        "width": "12,801 parameters for 29,500 fitted values, 0.43 per value, as for kodak",
        "budget": "1,500 steps x 29,500 voxels: about a minute of one core per run",
    },
)
QUICK = replace(
    PAPER,
    name="quick",
    width=32,
    epochs=60,
    batch=1024,
    settings=VolumeSettings(coordinate_range=(-1.0, 1.0), max_voxels=4_096, heldout=0.1),
    sources={"all": "inrbench's choice: takes seconds on a laptop CPU. It does not reproduce any paper"},
)


@register_task("volume")
class Volume(Task):
    """Volumes."""

    kind = "volume"
    version = "1"
    changes: ClassVar[Mapping[str, str]] = {"1": "first version"}
    protocols: ClassVar[Mapping[str, Protocol]] = {"paper": PAPER, "standard": STANDARD, "quick": QUICK}
    suites: ClassVar[Mapping[str, tuple[str, ...]]] = {"standard": ("balls", "tubes", "waves", "gyroid", *SCANS)}
    tuning_split = ("volume", ("shells", "blocks", "marble"))
    file_extensions = VOLUME_FILES

    def accepts(self, path: Path) -> bool:
        """Return whether a file has the ending of a volume; of compressed files, only NIfTI files are."""
        return super().accepts(path) and (path.suffix.lower() != ".gz" or path.name.lower().endswith(".nii.gz"))

    def signals(self) -> tuple[str, ...]:
        """Return the names of the volumes."""
        return (*MADE, *SCANS)

    def signal_sha256(self, signal: str) -> str:
        """Return the hash of the file's bytes, or of the definition of a procedural volume."""
        if signal in self.files:
            return file_sha256(self.files[signal])
        if signal in SCANS:
            return dataset("volumes").sha256[SCANS[signal][0]]
        if signal not in MADE:
            raise unknown_name("signal of task 'volume'", signal, self.signals(), "your own volume: --signals ./scan.nii.gz")
        return digest({"volume": signal, "side": SIDE, "version": MADE_VERSION})

    def size(self, signal: str, protocol: Protocol) -> ProblemSize:
        """Return the problem size: one point per fitted voxel."""
        settings = protocol.settings_as(VolumeSettings)
        shape = volume_shape(self.files[signal]) if signal in self.files else self._shape(signal)
        voxels = math.prod(reduced_volume_shape(shape[:3], settings.max_voxels))
        return ProblemSize(3, shape[3], voxels - round(settings.heldout * voxels))

    def _shape(self, signal: str) -> tuple[int, int, int, int]:
        return SCANS[signal][1] if signal in SCANS else (SIDE, SIDE, SIDE, 1)

    def problem(self, signal: str, protocol: Protocol, data_seed: int) -> "Problem":
        """Load a volume, and draw the held-out voxels.

        Args:
            signal: Name of the signal.
            protocol: Protocol of this task.
            data_seed: Seed of the choice of the held-out voxels.
        """
        from inrbench.problems import volume_problem

        if signal in MADE and signal not in self.files:
            return volume_problem(made(signal), protocol, data_seed)
        path = self.files.get(signal) or require_file("volumes", SCANS[signal][0])
        return volume_problem(read_volume(path), protocol, data_seed)


def made(name: str) -> NDArray[np.float32]:
    """Return a procedural volume ``(SIDE, SIDE, SIDE, 1)`` with values from 0 to 1."""
    axis = (np.arange(SIDE) + 0.5) * 2 / SIDE - 1
    x, y, z = np.meshgrid(axis, axis, axis, indexing="ij")
    field = MADE[name]((x, y, z))
    low, high = field.min(), field.max()
    return ((field - low) / (high - low)).astype(np.float32)[..., None]
