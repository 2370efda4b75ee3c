"""Interfaces between a task and the code that fits it: a problem to train on, and an evaluation of the result."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from inrbench.errors import NotApplicable
from inrbench.nn import is_solver
from inrbench.problems.constant import best_constant_error, fitting_error
from inrbench.problems.outputs import Outputs
from inrbench.spec import Domain

if TYPE_CHECKING:
    from inrbench.derivatives import DerivativeSpec, Jet

Batch = tuple[Tensor, ...]
"""Tensors with the same first dimension N that belong to one optimiser step."""
Loss = Callable[[nn.Module, Batch, Tensor], Tensor]
"""Signature of ``Problem.loss``: (network, chunk, weight) -> the chunk's share of the loss."""
Values = NDArray[np.floating]
Predict = Callable[[Tensor], Tensor]
"""Function from coordinates ``(N, in_features)`` on any device to values ``(N, out_features)``: CPU, float32, no gradient."""


@runtime_checkable
class PredictWithJet(Protocol):
    """A ``Predict`` that also returns derivatives."""

    def __call__(self, coordinates: Tensor, /) -> Tensor:
        """Return values at coordinates, like every ``Predict``."""
        ...

    def jet(self, coordinates: Tensor, wanted: "DerivativeSpec") -> "Jet":
        """Return value and derivatives at coordinates ``(N, d)``, on the CPU."""
        ...


@runtime_checkable
class PredictOnDevice(Protocol):
    """A ``Predict`` that can leave its values on the device of the network."""

    device: torch.device

    def on_device(self, coordinates: Tensor) -> Tensor:
        """Return values at coordinates, on ``device``."""
        ...


def with_penalty(loss: Tensor, network: nn.Module, share: Tensor | float = 1.0) -> Tensor:
    """Add the penalty of the method to a loss, if the network has a method ``penalty``.

    Args:
        loss: Loss without the penalty, a scalar.
        network: Network. It may have a penalty (``inrbench.nn.HasPenalty``).
        share: Factor of the penalty: 1 for a whole batch, the share of the points for a chunk.
    """
    penalty: Callable[[], Tensor] | None = getattr(network, "penalty", None)  # not isinstance: the loss is compiled
    return loss + share * penalty() if callable(penalty) else loss


class Evaluation(Protocol):
    """Evaluation of a fit: named outputs for metrics, and files for people to view."""

    def outputs(self, predict: Predict) -> Outputs:
        """Return the named outputs that metrics need. Each is computed when a metric requests it."""
        ...

    def grid_pair(self, predict: Predict) -> tuple[Values, Values] | None:
        """Return truth and prediction ``(n1, ..., nd, channels)`` on a regular grid, or None if there is no grid."""
        ...

    def save_artifacts(self, predict: Predict, folder: Path) -> None:
        """Write files for people to view into an empty folder, if there are any.

        Reports use files with these names: ``reconstruction.png`` and ``truth.png`` of the same size, ``reconstruction.mp4``,
        ``reconstruction.ply`` and ``truth.ply``, and ``curve.npz`` with x, truth and prediction.
        """
        ...

    scaled_suffix: str
    """Suffix of the file that ``save_scaled`` writes, for example ``.png``."""

    def save_scaled(self, predict: Predict, scale: int, path: Path) -> None:
        """Write the reconstruction at ``scale`` times the fitted resolution.

        Args:
            predict: Function from coordinates to values.
            scale: Factor of the resolution, a whole number of at least 1.
            path: File to write.
        """
        ...


class Problem(ABC):
    """A signal that is loaded and ready to be fitted under a protocol."""

    in_features: int
    out_features: int
    n_points: int
    """Points per epoch."""
    batch: int
    """Points per optimiser step. The last step of an epoch may have fewer."""
    domain: Domain = ()
    """Lowest and highest value of each coordinate; [-1, 1] for each if empty. Networks receive it when they are built."""
    notes: tuple[str, ...] = ()
    """Remarks on the signal that readers of the results need."""
    evaluation: Evaluation
    evals_per_point: int = 1
    """Network evaluations per point."""
    compilable: bool = True
    """Whether the loss depends only on its arguments."""
    why_not_compilable: str = "the problem's loss keeps state"
    """Why the loss is not compiled, for a note."""
    indivisible_batch: bool = False
    """Whether a batch cannot be split, because its loss is not a sum over its points."""
    mean_over_points: bool = False
    """Whether the loss is a mean over any choice of points, so that a method may choose the points of its steps."""

    @property
    def steps_per_epoch(self) -> int:
        """Optimiser steps per epoch."""
        return -(-self.n_points // self.batch)

    @abstractmethod
    def to(self, device: torch.device) -> None:
        """Move everything that training needs to a device."""

    def as_dtype(self, dtype: torch.dtype) -> None:
        """Produce batches in this type: float64, or the default float32. Raises NotApplicable if that is not possible."""
        if dtype != torch.float32:
            raise NotApplicable(f"the problem can be fitted in float32 only, not in {dtype}")

    @abstractmethod
    def batches(self, generator: torch.Generator) -> Iterator[Batch]:
        """Yield the batches of one epoch. All randomness comes from ``generator``, which is on the CPU."""

    def example(self, points: int) -> Batch:
        """Return at most ``points`` points of a batch that no run uses, to count operations or to compile."""
        return tuple(tensor[:points] for tensor in next(self.batches(torch.Generator().manual_seed(0))))

    @abstractmethod
    def loss(self, network: nn.Module, chunk: Batch, weight: Tensor) -> Tensor:
        """Return a chunk's share of the loss of its batch. The shares of all chunks add up to that loss.

        Args:
            network: Network that is fitted.
            chunk: A part of a batch.
            weight: One over the number of points in the whole batch, a scalar tensor.
        """

    def point_losses(self, network: nn.Module, chunk: Batch) -> Tensor:
        """Return the loss of each point ``(N,)``, without the penalty. Only problems with ``mean_over_points`` have it.

        Args:
            network: Network that is fitted.
            chunk: A part of a batch.
        """
        raise NotImplementedError

    def fast_loss(self, network: nn.Module) -> Loss:
        """Return the function that the fast engine calls instead of ``loss`` for this network. The default is ``loss`` itself.

        Properties of the network are inspected here, outside compiled code.
        """
        return self.loss

    def error_share(self, network: nn.Module, predict: Predict) -> float | None:
        """Return the remaining error on the fitted data as a share of the best constant's error; None if unknown.

        1 means that the network learned nothing, 0 is a perfect fit. The network's ``penalty`` is not included. The share is
        unknown if the signal itself is constant.
        """
        least = best_constant_error(self)
        return fitting_error(network, self) / least if least > 0 else None

    def without_recording(self) -> AbstractContextManager[None]:
        """Return a context in which losses are computed that are not those of a step, for problems that record their steps."""
        return nullcontext()

    def training_state(self) -> dict[str, Any]:
        """Return what the problem itself records during training, for checkpoints: tensors, arrays and numbers by name."""
        return {}

    def restore_training_state(self, state: dict[str, Any]) -> None:  # noqa: B027 - most problems record nothing
        """Restore what ``training_state`` returned."""

    def validate_network(self, network: nn.Module) -> None:
        """Check that a network can solve the problem, and set it up if it is a solver. Raises NotApplicable with the reason."""
        if is_solver(network):
            raise NotApplicable("the method solves equations and nothing else")
