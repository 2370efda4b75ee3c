"""The two interfaces between a task and the fitting of it: a problem to train on, an evaluation to judge by."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from inrbench.errors import NotApplicable
from inrbench.nn import Solver
from inrbench.problems.constant import best_constant_error, fitting_error
from inrbench.problems.outputs import Outputs
from inrbench.spec import Domain

Batch = tuple[Tensor, ...]
"""Tensors of one leading length N that belong to one optimiser step."""
Loss = Callable[[nn.Module, Batch, Tensor], Tensor]
"""What ``Problem.loss`` is: (network, chunk, weight) -> the chunk's share of the loss."""
Values = NDArray[np.floating]
Predict = Callable[[Tensor], Tensor]
"""Coordinates ``(N, in_features)`` on any device -> values ``(N, out_features)`` on the CPU, float32, no gradient."""


def with_penalty(loss: Tensor, network: nn.Module, share: Tensor | float = 1.0) -> Tensor:
    """Return a loss with a ``share`` of what the method adds to it, if it adds anything: its network's method ``penalty``."""
    penalty = getattr(network, "penalty", None)
    return loss + share * penalty() if callable(penalty) else loss


class Evaluation(Protocol):
    """What can be compared after a fit: named outputs for metrics, and files to look at."""

    def outputs(self, predict: Predict) -> Outputs:
        """Return the named outputs that metrics need. Each is computed when a metric asks for it."""
        ...

    def grid_pair(self, predict: Predict) -> tuple[Values, Values] | None:
        """Return truth and prediction ``(n1, ..., nd, channels)`` on a regular grid, or None if there is no grid."""
        ...

    def save_artifacts(self, predict: Predict, folder: Path) -> None:
        """Write files for people to look at into an empty folder, if there are any.

        Reports look for these names: ``reconstruction.png`` and ``truth.png`` of one size, ``reconstruction.mp4``,
        ``reconstruction.ply`` and ``truth.ply``, and ``curve.npz`` with x, truth and prediction.
        """
        ...

    scaled_suffix: str
    """Suffix of the file that ``save_scaled`` writes, ``.png``."""

    def save_scaled(self, predict: Predict, scale: int, path: Path) -> None:
        """Write the reconstruction at ``scale`` times the fitted resolution."""
        ...


class Problem(ABC):
    """A signal loaded under a protocol."""

    in_features: int
    out_features: int
    n_points: int
    """Points in an epoch."""
    batch: int
    """Points in an optimiser step (the last step of an epoch may have fewer)."""
    domain: Domain = ()
    """The lowest and the highest value of each coordinate; [-1, 1] for each if empty. Networks are told it."""
    notes: tuple[str, ...] = ()
    """What a reader of the result should know of the signal."""
    evaluation: Evaluation
    evals_per_point: int = 1
    """How often the network is evaluated for a point."""
    compilable: bool = True
    """Whether the loss is a function of its arguments alone."""
    in_one_piece: bool = False
    """Whether a batch cannot be cut: its loss is no sum over its points."""

    @property
    def steps_per_epoch(self) -> int:
        """Optimiser steps in an epoch."""
        return -(-self.n_points // self.batch)

    @abstractmethod
    def to(self, device: torch.device) -> None:
        """Move what training needs to a device."""

    def as_dtype(self, dtype: torch.dtype) -> None:
        """Give batches in float64, or in float32 as they are. Raises NotApplicable where that is not possible."""
        if dtype != torch.float32:
            raise NotApplicable(f"the problem can be fitted in float32 only, not in {dtype}")

    @abstractmethod
    def batches(self, generator: torch.Generator) -> Iterator[Batch]:
        """Yield the batches of one epoch. All randomness comes from the generator, which lives on the CPU."""

    def example(self, points: int) -> Batch:
        """Return at most ``points`` points of a batch that no run sees: to count work, to compile."""
        return tuple(tensor[:points] for tensor in next(self.batches(torch.Generator().manual_seed(0))))

    @abstractmethod
    def loss(self, network: nn.Module, chunk: Batch, weight: Tensor) -> Tensor:
        """Return a chunk's share of the loss of its batch: over the chunks of a batch these add up to its loss.

        ``weight`` is one over the number of points in the whole batch.
        """

    def fast_loss(self, network: nn.Module) -> Loss:
        """Return the function that the fast engine calls as ``loss`` for this network; ``loss`` itself where there is no other.

        What has to be found out about the network is found out here, where no compiler sees it.
        """
        return self.loss

    def error_share(self, network: nn.Module, predict: Predict) -> float | None:
        """Return the error that is left on what was fitted, as a share of that of the best constant; None if unknown.

        1 is a network that learned nothing, 0 a perfect fit. The network's ``penalty`` does not count. Unknown of a signal that
        is a constant itself.
        """
        least = best_constant_error(self)
        return fitting_error(network, self) / least if least > 0 else None

    def validate_network(self, network: nn.Module) -> None:
        """Raise NotApplicable for a network that cannot solve the problem, with the reason; let a solver begin."""
        if isinstance(network, Solver):
            raise NotApplicable("the method solves equations and nothing else")
