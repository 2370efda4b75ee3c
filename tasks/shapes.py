"""sdf, occupancy and sdf-points: solids from triangle meshes, as a signed distance, as occupied voxels, or from points.

    armadillo, dragon, lucy, thai   Stanford scans (the first three come decimated or with holes: see `inrbench data list`)
    knot, gyroid                    procedural: a trefoil tube, and a gyroid sheet cut to a ball
    sponge, spring, blobs, star     procedural: a Menger sponge, a coil around a torus, eight merged balls, a ball with waves

Table 2 and figure 4 of Han et al., AAAI 2026. The paper describes a signed distance and its zero level set; its official code
fits a voxel grid of zeros and ones by mean squared error and uses a threshold of 0.5. These are different problems, so there
are two tasks: ``occupancy`` follows the code, ``sdf`` follows the text. Both fit the centres of all voxels, shuffled, in every
epoch.

``sdf-points`` fits a distance to points and normals of the surface alone, as SIREN does (Sitzmann et al. 2020, section 4.2).

The primary metric is the IoU on the grid. The other metrics are the IoU at random points, which are between the voxels'
centres, and the Chamfer distance and the normal consistency of the fitted surface against the true one, in units of half the
grid's longest side. The protocol ``official`` (of ``occupancy``) also scores as the official code does: on the outputs during
training, in the epoch with the smallest loss.
Your own mesh (PLY, STL, OBJ, OFF, also gzipped): ``--signals ./part.stl``.
"""

import dataclasses
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from inrbench import Protocol, Task, register_task
from inrbench.data import (
    GroundTruthSpec,
    Mesh,
    content_sha256,
    dataset,
    file_sha256,
    grid_shape,
    read_mesh,
    require_file,
    shape_truth,
    truth_is_there,
)
from inrbench.errors import unknown_name
from inrbench.metrics.error import MSE_TRAIN
from inrbench.metrics.shape import CHAMFER, IOU_GRID, IOU_OFFICIAL, IOU_RANDOM, MSE_GRID, NORMALS
from inrbench.registry import ProblemSize
from inrbench.settings import PointCloudSettings, ShapeSettings
from inrbench.spec import digest
from inrbench.tasks._solids import SOLIDS

if TYPE_CHECKING:
    from inrbench.problems import Problem

SCANS = {
    "armadillo": "armadillo_52k.ply.gz",
    "dragon": "dragon_vrip.ply.gz",
    "lucy": "lucy_100k.ply.gz",
    "thai": "xyzrgb_statuette.ply.gz",
}
SIDES = {
    "armadillo": (0.8394587691757622, 1.0, 0.762827698508183),
    "dragon": (1.0, 0.7049800404706971, 0.44717512941957566),
    "lucy": (0.5823386055615285, 1.0, 0.33418585660030986),
    "thai": (0.6, 1.0, 0.5),
}
"""Sides of the scans' bounding boxes, the longest being 1, for time estimates without the data. Those of thai are a guess."""
PROCEDURAL_VERSION = 1
TUNING = ("knot", "gyroid", "star")
STANDARD_SIGNALS = ("armadillo", "dragon", "lucy", "sponge", "spring", "blobs")

METRICS = (IOU_GRID, IOU_RANDOM, CHAMFER, NORMALS, MSE_TRAIN)
METRIC_IDS = tuple(metric.id for metric in METRICS)

PAPER_OCCUPANCY = Protocol(
    name="paper",
    width=256,
    n_layers=3,
    epochs=200,
    batch=500_000,
    lr=5e-3,
    lr_min=1e-3,
    schedule="exponential",
    metrics=METRIC_IDS,
    settings=ShapeSettings(
        target="occupancy",
        resolution=512,
        margin=0.0,
        crop=True,
        coordinates="stretched",
        scoring="final",
        sdf_backend="libigl",
    ),
    sources={
        "width, n_layers, epochs, lr": "paper and official code",
        "lr_min, schedule": "a factor 0.2^(epoch / epochs), official code; the paper states piecewise decay",
        "batch": "500,000 shuffled voxels, all of them in every epoch, official code",
        "resolution": "512 along the longest side, as is usual for volumes in this field; the paper does not state it",
        "crop": "bounding box of the occupied voxels, without the last index of each axis, official code",
        "coordinates": "[-1, 1] on every axis, whatever its length, official code",
        "scoring": "final weights, inrbench's choice: the official code scores outputs from before each update "
        "(protocol official)",
        "metrics": "IoU at threshold 0.5: paper and official code; the others are inrbench's choice",
    },
)
OFFICIAL = dataclasses.replace(
    PAPER_OCCUPANCY,
    name="official",
    metrics=(IOU_GRID.id, IOU_OFFICIAL.id, *METRIC_IDS[1:]),
    settings=dataclasses.replace(PAPER_OCCUPANCY.settings_as(ShapeSettings), scoring="official"),
    sources={
        **PAPER_OCCUPANCY.sources,
        "scoring": "final weights, and as the official code: outputs from before each update, in the epoch "
        "with the smallest mean loss",
    },
)
PAPER_SDF = dataclasses.replace(
    PAPER_OCCUPANCY,
    settings=ShapeSettings(
        target="sdf",
        resolution=512,
        margin=0.05,
        crop=False,
        coordinates="isotropic",
        scoring="final",
        sdf_backend="libigl",
    ),
    sources={
        **PAPER_OCCUPANCY.sources,
        "margin": "5 % of the longest side at each end, inrbench's choice: the zero level set must not touch "
        "the grid's boundary",
        "crop": "none, inrbench's choice",
        "coordinates": "one scale for all axes, inrbench's choice: on stretched axes, the target would not be a distance",
        "scoring": "final weights",
        "metrics": "IoU by sign: the paper's metric, applied as its text describes; there is no official code for this",
    },
)


def quick(paper: Protocol) -> Protocol:
    """Return a protocol that takes seconds on a laptop CPU."""
    return dataclasses.replace(
        paper,
        name="quick",
        width=64,
        epochs=20,
        batch=4096,
        lr=1e-3,
        lr_min=2e-4,
        settings=dataclasses.replace(paper.settings_as(ShapeSettings), resolution=64, crop=False),
        sources={
            "all": "inrbench's choice: 64 voxels along the longest side, takes seconds on a laptop CPU, otherwise like the "
            "protocol 'paper'. It does not reproduce any paper",
            "lr": "as in the other quick protocols: 5e-3 is meant for batches of 500,000; at 2e-3 some networks collapse",
        },
    )


def standard(paper: Protocol) -> Protocol:
    """Return the scale model of a protocol: the same number of passes over the voxels of a coarser grid."""
    return dataclasses.replace(
        paper,
        name="standard",
        width=64,
        batch=4096,
        lr=1e-3,
        lr_min=2e-4,
        settings=dataclasses.replace(paper.settings_as(ShapeSettings), resolution=64),
        sources={
            **paper.sources,
            "resolution": "64 voxels along the longest side, inrbench's choice: an eighth of 'paper'",
            "width": "8,641 parameters for 50,000 to 260,000 voxels; 'paper' has 132,865 for up to 134 million",
            "batch": "4,096 voxels, 12 to 64 steps in each pass; 'paper' has up to 270",
            "lr, lr_min": "1e-3, inrbench's choice, falling by the paper's factor: 5e-3 is meant for batches of 500,000",
            "budget": "200 passes, 10 to 52 million points: about a minute of one core per run",
        },
    )


class ShapeTask(Task):
    """Base class of the tasks on solids. The protocol's ``target`` is fitted at their voxels."""

    kind = "shape"
    version = "1"
    changes: ClassVar[Mapping[str, str]] = {"1": "first version"}
    suites: ClassVar[Mapping[str, tuple[str, ...]]] = {"paper": tuple(SCANS), "standard": STANDARD_SIGNALS}
    file_extensions = (".ply", ".stl", ".obj", ".off", ".gz")

    def signals(self) -> tuple[str, ...]:
        """Return the names of the scans and of the procedural shapes."""
        return (*SCANS, *SOLIDS)

    def signal_sha256(self, signal: str) -> str:
        """Return the hash of the mesh or of its definition; of its URL if no hash of the mesh is listed yet."""
        if signal in self.files:
            return file_sha256(self.files[signal])
        if signal in SOLIDS:
            return digest({"mesh": signal, "version": PROCEDURAL_VERSION})
        if signal not in SCANS:
            raise unknown_name(f"signal of task '{self.name}'", signal, self.signals(), "your own mesh: --signals ./part.stl")
        meshes = dataset("meshes")
        return meshes.sha256[SCANS[signal]] or digest({"url": meshes.url_of(SCANS[signal])})

    def size(self, signal: str, protocol: Protocol) -> ProblemSize:
        """Return the problem size: that of the grid, before it is cropped."""
        sides = np.array(SIDES[signal]) if signal in SIDES else np.ptp(self.mesh(signal).vertices, axis=0)
        settings = protocol.settings_as(ShapeSettings)
        shape = grid_shape(sides, settings.resolution, settings.margin)
        return ProblemSize(3, 1, int(np.prod(shape)))

    def prepare(self, signal: str, protocol: Protocol, progress: Callable[[float], None]) -> None:
        """Compute the ground truth unless it is on disk. This takes minutes at full size.

        Args:
            signal: Name of the signal.
            protocol: Protocol of this task.
            progress: Function that is called with the finished fraction.
        """
        spec = self.ground_truth_spec(signal, protocol)
        if not truth_is_there(spec):
            shape_truth(spec, lambda: self.mesh(signal), progress)

    def problem(self, signal: str, protocol: Protocol, data_seed: int) -> "Problem":
        """Load the ground truth, or compute it. Nothing is drawn at random.

        Args:
            signal: Name of the signal.
            protocol: Protocol of this task.
            data_seed: Not used.
        """
        from inrbench.problems import shape_problem

        problem = shape_problem(shape_truth(self.ground_truth_spec(signal, protocol), lambda: self.mesh(signal)), protocol)
        if signal in self.files:
            problem.notes = self.mesh(signal).notes
        return problem

    def ground_truth_spec(self, signal: str, protocol: Protocol) -> GroundTruthSpec:
        """Return the settings that determine the ground truth."""
        settings = protocol.settings_as(ShapeSettings)
        unverified = signal in SCANS and not dataset("meshes").sha256[SCANS[signal]]
        mesh_sha256 = content_sha256(require_file("meshes", SCANS[signal])) if unverified else self.signal_sha256(signal)
        return GroundTruthSpec(
            mesh_sha256=mesh_sha256,
            kind=settings.target,
            resolution=settings.resolution,
            margin=settings.margin,
            backend=settings.sdf_backend,
            crop=settings.crop,
        )

    def mesh(self, signal: str) -> Mesh:
        """Return the mesh of a signal. Raises DataMissing, DataCorrupt or BadValue."""
        if signal in SOLIDS:
            return SOLIDS[signal]()
        return _read(self.files.get(signal) or require_file("meshes", SCANS[signal]))


@register_task("sdf")
class SignedDistance(ShapeTask):
    """sdf: solids from triangle meshes as a signed distance, as in the paper's text."""

    suites: ClassVar[Mapping[str, tuple[str, ...]]] = {**ShapeTask.suites, "quick": ("knot",)}
    tuning_split = ("sdf", TUNING)
    protocols: ClassVar[Mapping[str, Protocol]] = {
        "paper": PAPER_SDF,
        "standard": standard(PAPER_SDF),
        "quick": quick(PAPER_SDF),
    }


SIREN_SOURCE = "SIREN's experiment_scripts/train_sdf.py and loss_functions.py"
POINTS = Protocol(
    name="paper",
    width=256,
    n_layers=4,
    epochs=10_000,
    batch=1400,
    lr=1e-4,
    lr_min=1e-4,
    schedule="constant",
    metrics=(*METRIC_IDS[:-1], MSE_GRID.id),  # no distance is fitted
    settings=PointCloudSettings(
        target="sdf",
        resolution=256,
        margin=0.05,
        crop=False,
        coordinates="isotropic",
        scoring="final",
        sdf_backend="libigl",
        points=500_000,
        surface_weight=3000.0,
        normal_weight=100.0,
        away_weight=100.0,
        eikonal_weight=50.0,
    ),
    sources={
        "width, n_layers, lr, schedule, batch, weights": f"{SIREN_SOURCE}: width 256, 3 hidden-to-hidden layers, lr 1e-4, "
        "1,400 points of the cloud and 1,400 in the box per step",
        "epochs": "10,000 steps, inrbench's choice: the script has 10,000 passes over a cloud",
        "points": "inrbench's choice, sampled from the mesh with its normals; SIREN's clouds are not published",
        "resolution, margin": "of the evaluation, inrbench's choice",
        "metrics": "inrbench's choice, against the exact distance; SIREN shows pictures",
    },
)
POINTS_STANDARD = dataclasses.replace(
    POINTS,
    name="standard",
    width=64,
    epochs=5000,
    batch=1024,
    settings=dataclasses.replace(POINTS.settings_as(PointCloudSettings), resolution=64, points=100_000),
    sources={
        **POINTS.sources,
        "width, epochs, batch": "64, 5,000 steps and 1,024 points: about a minute of one core per run",
        "resolution": "64 voxels along the longest side, inrbench's choice",
    },
)
POINTS_QUICK = dataclasses.replace(
    POINTS_STANDARD,
    name="quick",
    width=48,
    epochs=300,
    batch=512,
    lr=1e-3,
    lr_min=1e-4,
    schedule="exponential",
    settings=dataclasses.replace(POINTS.settings_as(PointCloudSettings), resolution=32, points=20_000),
    sources={"all": "inrbench's choice: takes seconds on a laptop CPU. It does not reproduce any paper"},
)


@register_task("sdf-points")
class DistanceFromPoints(ShapeTask):
    """sdf-points: a signed distance from an oriented point cloud alone, by the eikonal equation.

    The cloud is sampled from a mesh. No distance is fitted: on the cloud the distance is 0 and its gradient is the normal, and
    everywhere its gradient has length 1 (Sitzmann et al. 2020, section 4.2). The result is compared with the exact distance.
    """

    suites: ClassVar[Mapping[str, tuple[str, ...]]] = {"standard": STANDARD_SIGNALS}
    tuning_split = ("sdf-points", TUNING)
    protocols: ClassVar[Mapping[str, Protocol]] = {"paper": POINTS, "standard": POINTS_STANDARD, "quick": POINTS_QUICK}

    def problem(self, signal: str, protocol: Protocol, data_seed: int) -> "Problem":
        """Load the ground truth, or compute it, and draw the cloud.

        Args:
            signal: Name of the signal.
            protocol: Protocol of this task.
            data_seed: Seed of the cloud.
        """
        from inrbench.problems import point_cloud_problem

        truth = shape_truth(self.ground_truth_spec(signal, protocol), lambda: self.mesh(signal))
        problem = point_cloud_problem(truth, protocol, data_seed)
        if signal in self.files:
            problem.notes = self.mesh(signal).notes
        return problem

    def size(self, signal: str, protocol: Protocol) -> ProblemSize:
        """Return the problem size: the points of the cloud per step, each with a point in the box."""
        self.signal_sha256(signal)  # raises UnknownName
        return ProblemSize(3, 1, protocol.batch or 1, evals_per_point=2)


@register_task("occupancy")
class Occupancy(ShapeTask):
    """occupancy: solids from triangle meshes as voxels of 0 and 1, as in the paper's official code."""

    suites: ClassVar[Mapping[str, tuple[str, ...]]] = {**ShapeTask.suites, "quick": ("gyroid",)}
    tuning_split = ("occupancy", TUNING)
    protocols: ClassVar[Mapping[str, Protocol]] = {
        "paper": PAPER_OCCUPANCY,
        "official": OFFICIAL,
        "standard": standard(PAPER_OCCUPANCY),
        "quick": quick(PAPER_OCCUPANCY),
    }


@cache
def _read(path: Path) -> Mesh:
    return read_mesh(path)
