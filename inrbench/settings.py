"""Settings of the built-in kinds of task. Does not import torch.

Your own task can use them, or subclass ``Settings``.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

from inrbench.errors import BadValue
from inrbench.spec import Settings, added_field

ValueRange = Literal["[0, 1]", "[-1, 1]"]
"""Target values of the darkest and the brightest value of an image. Metrics are computed in [0, 1] in either case."""


@dataclass(frozen=True, kw_only=True)
class CoordinateSettings(Settings):
    """Settings of the coordinates.

    Args:
        coordinate_range: Coordinates of the first and the last sample on every axis.
    """

    coordinate_range: tuple[float, ...]

    def check(self) -> None:
        """Raise BadValue unless ``coordinate_range`` is two increasing numbers."""
        span = self.coordinate_range
        if len(span) != 2 or not span[0] < span[1]:
            raise BadValue(f"coordinate_range must be two increasing numbers like (0,1), got {span}")

    @property
    def span(self) -> tuple[float, float]:
        """Return the two ends of the coordinate range."""
        return self.coordinate_range[0], self.coordinate_range[1]


@dataclass(frozen=True, kw_only=True)
class ImageSettings(CoordinateSettings):
    """Settings of an image to fit.

    Args:
        max_pixels: The image is reduced to at most this many pixels; None keeps its size.
        page: Page of a file that has several, counted from 0.
    """

    max_pixels: int | None
    value_range: ValueRange = "[0, 1]"
    page: int | None = added_field(None)

    def check(self) -> None:
        """Raise BadValue if ``max_pixels`` is less than 1."""
        super().check()
        if self.max_pixels is not None and self.max_pixels < 1:
            raise BadValue(f"max_pixels must be at least 1, or none, got {self.max_pixels}")


@dataclass(frozen=True, kw_only=True)
class DenoiseSettings(ImageSettings):
    """Settings of image denoising.

    Args:
        photons: Mean count of a pixel of value 1.
        readout: Standard deviation of the readout noise, in counts.
    """

    photons: float
    readout: float

    def check(self) -> None:
        """Raise BadValue unless ``photons`` is positive and ``readout`` is not negative."""
        super().check()
        if not self.photons > 0 or self.readout < 0:
            raise BadValue(f"photons must be positive and readout not negative, got {self.photons} and {self.readout}")


@dataclass(frozen=True, kw_only=True)
class SuperResolutionSettings(ImageSettings):
    """Settings of super-resolution.

    Args:
        scale: Number of rows and columns of the image for each row and column that is given.
    """

    scale: int

    def check(self) -> None:
        """Raise BadValue if ``scale`` is below 2."""
        super().check()
        if self.scale < 2:
            raise BadValue(f"scale must be a whole number of at least 2, got {self.scale}")


@dataclass(frozen=True, kw_only=True)
class InpaintingSettings(ImageSettings):
    """Settings of inpainting.

    Args:
        share: Share of the pixels that are given, between 0 and 1.
    """

    share: float

    def check(self) -> None:
        """Raise BadValue unless ``share`` is between 0 and 1, both excluded."""
        super().check()
        if not 0 < self.share < 1:
            raise BadValue(f"share must be between 0 and 1, so that some pixels are given and some are not, got {self.share}")


@dataclass(frozen=True, kw_only=True)
class TomographySettings(ImageSettings):
    """Settings of tomography.

    Args:
        angles: Number of directions from which a slice is projected.
    """

    angles: int

    def check(self) -> None:
        """Raise BadValue if ``angles`` is less than 1."""
        super().check()
        if self.angles < 1:
            raise BadValue(f"angles must be at least 1, got {self.angles}")


@dataclass(frozen=True, kw_only=True)
class AudioSettings(CoordinateSettings):
    """Settings of an audio clip to fit.

    Args:
        seconds: Length of the part that is fitted, from the beginning; None for the whole clip.
        rate: Approximate number of samples per second that are fitted: the clip's own rate divided by a whole number. None for
            the clip's own rate.
        channel: Channel that is fitted, counted from 0; None for the mean of all channels.
    """

    facts: ClassVar[Mapping[str, str]] = {"value_range": "largest value 1"}
    seconds: float | None
    rate: int | None
    channel: int | None = added_field(None)

    def check(self) -> None:
        """Raise BadValue for a length or rate that is not positive, or a negative channel."""
        super().check()
        for name in ("seconds", "rate"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise BadValue(f"{name} must be positive, or none for no limit, got {value}")
        if self.channel is not None and self.channel < 0:
            raise BadValue(f"channel must be 0 or more, or none for the mean of all channels, got {self.channel}")


MIN_FRAMES = 3


@dataclass(frozen=True, kw_only=True)
class VideoSettings(ImageSettings):
    """Settings of a video to fit.

    Args:
        frames: Number of frames, from the first.
        fit: ``all`` frames or the ``even`` ones. With ``even``, the odd frames between them are evaluated too.
    """

    facts: ClassVar[Mapping[str, str]] = {"resize": "means of whole blocks, rounded to 8 bit"}
    frames: int
    fit: Literal["all", "even"]

    def check(self) -> None:
        """Raise BadValue if there are too few frames."""
        super().check()
        if self.frames < MIN_FRAMES:
            raise BadValue(f"frames must be at least {MIN_FRAMES}, got {self.frames}")


@dataclass(frozen=True, kw_only=True)
class VolumeSettings(CoordinateSettings):
    """Settings of a volume to fit.

    Args:
        max_voxels: The volume is reduced to at most this many voxels; None keeps its size.
        heldout: Share of the voxels that are not fitted, drawn at random.
    """

    facts: ClassVar[Mapping[str, str]] = {"value_range": "[0, 1] from the smallest to the largest value"}
    max_voxels: int | None
    heldout: float

    def check(self) -> None:
        """Raise BadValue if ``max_voxels`` is less than 8, or ``heldout`` is not from 0 to below 1."""
        super().check()
        if self.max_voxels is not None and self.max_voxels < MIN_VOXELS:
            raise BadValue(f"max_voxels must be at least {MIN_VOXELS}, or none, got {self.max_voxels}")
        if not 0 <= self.heldout < 1:
            raise BadValue(f"heldout must be from 0 to below 1, got {self.heldout}")


MIN_VOXELS = 8


@dataclass(frozen=True, kw_only=True)
class ShapeSettings(Settings):
    """Settings of a solid to fit, and of its grid.

    Args:
        resolution: Number of voxels along the longest side.
        margin: Empty space at each end, as a share of that side.
        crop: Whether to crop to the bounding box of the occupied voxels, as the official code does.
        coordinates: ``isotropic`` uses one scale for all axes; ``stretched`` maps each axis to [-1, 1].
        scoring: ``final`` evaluates the final weights; ``official`` also evaluates as the official code does.
        sdf_backend: Library that computes distances.
    """

    target: Literal["sdf", "occupancy"]
    resolution: int
    margin: float
    crop: bool
    coordinates: Literal["isotropic", "stretched"]
    scoring: Literal["final", "official"]
    sdf_backend: Literal["libigl", "pysdf"]

    def check(self) -> None:
        """Raise BadValue if the grid is too coarse, or ``margin`` is not in [0, 1]."""
        if self.resolution < MIN_VOXELS or not 0 <= self.margin <= 1:
            raise BadValue(
                f"resolution must be at least {MIN_VOXELS} and margin from 0 to 1, got {self.resolution} and {self.margin}"
            )


@dataclass(frozen=True, kw_only=True)
class PointCloudSettings(ShapeSettings):
    """Settings of a distance that is fitted to an oriented point cloud, and of the grid on which it is evaluated.

    Args:
        points: Number of points of the cloud.
        surface_weight: Weight of the distance on the cloud.
        normal_weight: Weight of the angle between gradient and normal on the cloud.
        away_weight: Weight of the term that keeps the distance at random points away from 0.
        eikonal_weight: Weight of the gradient's deviation from length 1.
    """

    points: int
    surface_weight: float
    normal_weight: float
    away_weight: float
    eikonal_weight: float

    def check(self) -> None:
        """Raise BadValue for a cloud without points, negative weights, or another target than a distance."""
        super().check()
        if self.points < 1:
            raise BadValue(f"points must be at least 1, got {self.points}")
        for name in ("surface_weight", "normal_weight", "away_weight", "eikonal_weight"):
            if not getattr(self, name) >= 0:
                raise BadValue(f"{name} must not be negative, got {getattr(self, name)}")
        if self.target != "sdf" or self.coordinates != "isotropic" or self.scoring != "final":
            raise BadValue("a point cloud is fitted with target=sdf, coordinates=isotropic and scoring=final")


MIN_SIDE = 7


@dataclass(frozen=True, kw_only=True)
class RadianceSettings(Settings):
    """Settings of a scene that is fitted to photographs.

    Args:
        side: Rows and columns of the pictures of procedural scenes; larger pictures of a user are reduced.
        samples: Number of samples along each ray.
    """

    facts: ClassVar[Mapping[str, str]] = {"background": "white", "samples of a ray": "stratified, within the scene's ball"}
    side: int
    samples: int

    def check(self) -> None:
        """Raise BadValue for pictures that are too small for SSIM, or fewer than 2 samples."""
        if self.side < MIN_SIDE or self.samples < 2:
            raise BadValue(f"side must be at least {MIN_SIDE} and samples at least 2, got {self.side} and {self.samples}")


@dataclass(frozen=True, kw_only=True)
class FunctionSettings(Settings):
    """Settings of a function to fit.

    Args:
        points: Number of fitted points of each signal; 1,024 for a signal that it does not name.
    """

    facts: ClassVar[Mapping[str, str]] = {"sampling": "uniform random in [-1, 1], drawn once"}
    points: Mapping[str, int]


@dataclass(frozen=True, kw_only=True)
class EquationSettings(Settings):
    """Settings of an equation: the weights of its loss and the evaluation grid.

    Args:
        condition_points: Number of points on each side of each condition.
        condition_weight: Weight of the mean square of a condition.
        residual_weight: Weight of the mean square of the residual. ``1/source`` is one over the mean square of the source.
        test_grid: Number of points along each axis of the grid on which the solution is evaluated.
    """

    facts: ClassVar[Mapping[str, str]] = {"coordinates": "[-1, 1]"}
    condition_points: int
    condition_weight: float
    residual_weight: float | Literal["1/source"]
    test_grid: tuple[int, ...]

    def check(self) -> None:
        """Raise BadValue for negative weights or too few points."""
        if self.condition_points < 1:
            raise BadValue(f"condition_points must be at least 1, got {self.condition_points}")
        for name in ("condition_weight", "residual_weight"):
            value = getattr(self, name)
            if not isinstance(value, str) and not value >= 0:
                raise BadValue(f"{name} must not be negative, got {value}")
        if min(self.test_grid) < 2:
            raise BadValue(f"test_grid must contain whole numbers of at least 2, got {self.test_grid}")
