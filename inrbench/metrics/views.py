"""Quality of rendered views of a scene, as means over the views that were not fitted."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from inrbench.errors import BadValue
from inrbench.metrics.error import mean_squared_error
from inrbench.metrics.image import psnr, ssim
from inrbench.metrics.lpips import LPIPS, lpips
from inrbench.spec import Metric

Picture = NDArray[np.float32]


@dataclass(frozen=True)
class ViewPairs:
    """Rendered views with their originals.

    Args:
        pictures: Rendered picture and original of each view, ``(H, W, 3)``.
        depths: Rendered and true distances of each view ``(H, W)``, infinite for the background; empty if not known.
        radius: Radius of the scene.
    """

    pictures: Sequence[tuple[Picture, Picture]]
    depths: Sequence[tuple[Picture, Picture]]
    radius: float

    def mean(self, function: Callable[[Picture, Picture], float]) -> float:
        """Return the mean of a function of a rendered picture and its original over views."""
        return float(np.mean([function(picture, original) for picture, original in self.pictures]))

    def mean_squared_error(self) -> float:
        """Return the mean squared error over all views."""
        return self.mean(mean_squared_error)


def view_psnr(views: ViewPairs) -> float:
    """Return the mean PSNR over views, clipped to [0, 1] and not rounded."""
    return views.mean(psnr)


def view_ssim(views: ViewPairs) -> float:
    """Return the mean SSIM over views."""
    return views.mean(ssim)


def view_lpips(views: ViewPairs, weights: Path) -> float:
    """Return the mean LPIPS over views.

    Args:
        views: The views.
        weights: AlexNet's features, as for ``inrbench.metrics.lpips.lpips``.
    """
    return views.mean(partial(lpips, weights=weights))


def depth_error(views: ViewPairs) -> float:
    """Return the mean absolute error of the distance at pixels that show the scene, in units of the scene's radius.

    Raises BadValue if the distances are not known.
    """
    if not views.depths:
        raise BadValue("the depth of the scene is not known")
    errors = [np.abs(found - true)[np.isfinite(true)] for found, true in views.depths]
    return float(np.concatenate(errors).mean() / views.radius)


NEEDS = ("test_views",)
PSNR_VIEWS = Metric(
    id="psnr@test-views-clip-float", title="PSNR", unit="dB", higher_is_better=True, compute=view_psnr, needs=NEEDS
)
SSIM_VIEWS = Metric(id="ssim@test-views-uniform-w7", title="SSIM", higher_is_better=True, compute=view_ssim, needs=NEEDS)
LPIPS_VIEWS = Metric(
    id="lpips@test-views-alex-v0.1",
    title="LPIPS",
    higher_is_better=False,
    compute=view_lpips,
    needs=NEEDS,
    data=LPIPS.data,
)
DEPTH = Metric(
    id="depth-error@test-views", title="depth error", higher_is_better=False, scale="log", compute=depth_error, needs=NEEDS
)
