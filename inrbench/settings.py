"""The settings of the built-in kinds of task. Imports no torch.

A task of yours may use them, or subclass ``Settings`` for its own.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

from inrbench.errors import BadValue
from inrbench.spec import Settings, added_field

ValueRange = Literal["[0, 1]", "[-1, 1]"]
"""What the darkest and the brightest value of an image become as targets. Metrics are computed in [0, 1] in either case."""


@dataclass(frozen=True, kw_only=True)
class CoordinateSettings(Settings):
    """Where coordinates lie. ``coordinate_range``: the first and the last sample of every axis lie on its two ends."""

    coordinate_range: tuple[float, ...]

    def check(self) -> None:
        """Raise BadValue for anything but two increasing numbers."""
        span = self.coordinate_range
        if len(span) != 2 or not span[0] < span[1]:
            raise BadValue(f"coordinate_range must be two increasing numbers like (0,1), got {span}")

    @property
    def span(self) -> tuple[float, float]:
        """The two ends."""
        return self.coordinate_range[0], self.coordinate_range[1]


@dataclass(frozen=True, kw_only=True)
class ImageSettings(CoordinateSettings):
    """What of an image is fitted.

    ``max_pixels``: the image is reduced to at most this many pixels; None for as it is. ``page``: which page of a file of
    several, counted from 0.
    """

    max_pixels: int | None
    value_range: ValueRange = "[0, 1]"
    page: int | None = added_field(None)

    def check(self) -> None:
        """Raise BadValue for less than one pixel."""
        super().check()
        if self.max_pixels is not None and self.max_pixels < 1:
            raise BadValue(f"max_pixels must be at least 1, or none, got {self.max_pixels}")


@dataclass(frozen=True, kw_only=True)
class DenoiseSettings(ImageSettings):
    """``photons``: mean count of a pixel of value 1. ``readout``: standard deviation of what reading adds, in counts."""

    photons: float
    readout: float

    def check(self) -> None:
        """Raise BadValue for no photons, or negative noise."""
        super().check()
        if not self.photons > 0 or self.readout < 0:
            raise BadValue(f"photons must be positive and readout not negative, got {self.photons} and {self.readout}")


@dataclass(frozen=True, kw_only=True)
class SuperResolutionSettings(ImageSettings):
    """``scale``: rows and columns of the image for each that is given."""

    scale: int

    def check(self) -> None:
        """Raise BadValue for a scale below 2."""
        super().check()
        if self.scale < 2:
            raise BadValue(f"scale must be a whole number of at least 2, got {self.scale}")


@dataclass(frozen=True, kw_only=True)
class InpaintingSettings(ImageSettings):
    """``share``: how many of the pixels are given."""

    share: float

    def check(self) -> None:
        """Raise BadValue for a share of nothing or of everything."""
        super().check()
        if not 0 < self.share < 1:
            raise BadValue(f"share must lie between 0 and 1, so that some pixels are given and some are not, got {self.share}")


@dataclass(frozen=True, kw_only=True)
class TomographySettings(ImageSettings):
    """``angles``: from how many directions a slice is seen."""

    angles: int

    def check(self) -> None:
        """Raise BadValue for no direction."""
        super().check()
        if self.angles < 1:
            raise BadValue(f"angles must be at least 1, got {self.angles}")


@dataclass(frozen=True, kw_only=True)
class AudioSettings(CoordinateSettings):
    """How much of a clip is fitted.

    ``seconds``: from its beginning; None for all. ``rate``: about how many samples a second are fitted, the clip's own rate
    divided by a whole number; None for its own. ``channel``: which channel, counted from 0; None for the mean of all.
    """

    facts: ClassVar[Mapping[str, str]] = {"value_range": "largest value 1"}
    seconds: float | None
    rate: int | None
    channel: int | None = added_field(None)

    def check(self) -> None:
        """Raise BadValue for lengths and rates that are not positive."""
        super().check()
        for name in ("seconds", "rate"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise BadValue(f"{name} must be positive, or none for all there is, got {value}")
        if self.channel is not None and self.channel < 0:
            raise BadValue(f"channel must be 0 or more, or none for the mean of all channels, got {self.channel}")


MIN_FRAMES = 3


@dataclass(frozen=True, kw_only=True)
class VideoSettings(ImageSettings):
    """``frames``: how many, from the first. ``fit``: all frames, or the even ones; then the odd ones between are judged too."""

    facts: ClassVar[Mapping[str, str]] = {"resize": "means of whole blocks, rounded to 8 bit"}
    frames: int
    fit: Literal["all", "even"]

    def check(self) -> None:
        """Raise BadValue for too few frames."""
        super().check()
        if self.frames < MIN_FRAMES:
            raise BadValue(f"frames must be at least {MIN_FRAMES}, got {self.frames}")


MIN_VOXELS = 8


@dataclass(frozen=True, kw_only=True)
class ShapeSettings(Settings):
    """What is fitted of a solid, and on which grid.

    ``resolution``: voxels along the longest side. ``margin``: empty space at each end, as a share of that side. ``crop``: cut
    to the box of the occupied voxels as the official code does. ``coordinates``: one scale for all axes, or each axis stretched
    to [-1, 1]. ``scoring``: final weights, or also as the official code scores. ``sdf_backend``: what computes distances.
    """

    target: Literal["sdf", "occupancy"]
    resolution: int
    margin: float
    crop: bool
    coordinates: Literal["isotropic", "stretched"]
    scoring: Literal["final", "official"]
    sdf_backend: Literal["libigl", "pysdf"]

    def check(self) -> None:
        """Raise BadValue for a grid too coarse, or a margin larger than the solid."""
        if self.resolution < MIN_VOXELS or not 0 <= self.margin <= 1:
            raise BadValue(
                f"resolution must be at least {MIN_VOXELS} and margin from 0 to 1, got {self.resolution} and {self.margin}"
            )


@dataclass(frozen=True, kw_only=True)
class FunctionSettings(Settings):
    """``points``: how many points of each signal are fitted."""

    facts: ClassVar[Mapping[str, str]] = {"sampling": "uniform random in [-1, 1], drawn once"}
    points: Mapping[str, int]


@dataclass(frozen=True, kw_only=True)
class EquationSettings(Settings):
    """How an equation is weighed and judged.

    ``condition_points``: points on each side of each condition. ``condition_weight``: weight of a condition's mean square.
    ``residual_weight``: weight of the residual's mean square, or ``1/source``, one over the mean square of the source.
    ``test_grid``: points along each axis of the grid on which the solution is judged.
    """

    facts: ClassVar[Mapping[str, str]] = {"coordinates": "[-1, 1]"}
    condition_points: int
    condition_weight: float
    residual_weight: float | Literal["1/source"]
    test_grid: tuple[int, ...]

    def check(self) -> None:
        """Raise BadValue for weights that are negative, and for too few points."""
        if self.condition_points < 1:
            raise BadValue(f"condition_points must be at least 1, got {self.condition_points}")
        for name in ("condition_weight", "residual_weight"):
            value = getattr(self, name)
            if not isinstance(value, str) and not value >= 0:
                raise BadValue(f"{name} must not be negative, got {value}")
        if min(self.test_grid) < 2:
            raise BadValue(f"test_grid must hold whole numbers of at least 2, got {self.test_grid}")
