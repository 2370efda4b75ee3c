"""Named outputs of a fitted network. Metrics are computed from them.

The names that the built-in problems use:

    prediction, truth           the reconstruction and the original
    fitted_mse                  mean squared error on the fitted data; of a point cloud, of the distance on the grid
    offgrid_prediction, offgrid_truth
                                between the fitted samples
    unobserved_prediction, unobserved_truth
                                at the pixels that were not observed (inpainting), or at held-out voxels
    test_views                  views of a scene that were not fitted (``inrbench.metrics.views.ViewPairs``)
    sinogram_prediction, sinogram_truth
                                projections (computed tomography)
    fitted_frames, heldout_frames
                                pairs of frames of a video (``inrbench.metrics.video.FramePairs``)
    grid_overlap, random_overlap, training_overlap
                                points inside two solids (``inrbench.metrics.shape.Overlap``)
    surfaces                    two surfaces (``inrbench.metrics.shape.SurfaceComparison``)
    residual_rms                root mean square of an equation's residual at held-out points
    primary_history             values of the primary metric along the run, added by the evaluator
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Self

from inrbench.errors import BadValue

Function = Callable[["Outputs"], Any]
"""Function that computes one output, from other outputs if it needs them."""


class Outputs:
    """Named values. Each is computed when it is first requested, and then stored.

    Args:
        functions: Name -> function that computes the value. It receives these outputs, so that it can use other values.
        missing: Name -> reason why the value does not exist under this protocol.

    >>> outputs = Outputs({"prediction": lambda o: 3.0, "error": lambda o: o["prediction"] - 1.0})
    >>> outputs["error"]
    2.0
    """

    def __init__(self, functions: Mapping[str, Function], missing: Mapping[str, str] = MappingProxyType({})) -> None:
        self._functions, self._missing = dict(functions), dict(missing)
        self._values: dict[str, Any] = {}
        self.expected: frozenset[str] = frozenset()
        """Names that will be requested, as far as is known. Results that several of them share are then worth storing."""

    def __getitem__(self, name: str) -> Any:
        """Return a value. Raises BadValue, with the reason, if it does not exist."""
        if name in self._missing:
            raise BadValue(self._missing[name])
        if name not in self._functions:
            raise BadValue(f"this problem has no output '{name}'; it has: {', '.join(self._functions)}")
        if name not in self._values:
            self._values[name] = self._functions[name](self)
        return self._values[name]

    def extended(self, functions: Mapping[str, Function]) -> Self:
        """Return a copy of these outputs with some functions added or replaced."""
        return type(self)({**self._functions, **functions}, self._missing)
