"""Problems whose points are drawn anew for every step."""

from collections.abc import Sequence

import torch
from torch import Tensor

from inrbench.errors import BadValue
from inrbench.problems.base import Batch, Problem
from inrbench.problems.chunks import move_together
from inrbench.spec import Protocol


class DrawnProblem(Problem):
    """A problem whose points are drawn anew for every step, on the CPU. An epoch is one step.

    Args:
        protocol: Its ``batch`` is the number of points per step.
        needs: What the protocol is for and what its batch counts, for the error: ``of radiance needs a batch: the number of
            rays per step``.

    Raises:
        BadValue: The protocol has no batch.
    """

    def __init__(self, protocol: Protocol, needs: str) -> None:
        if protocol.batch is None:
            raise BadValue(f"a protocol {needs}")
        self.n_points = self.batch = protocol.batch
        self._device, self._dtype = torch.device("cpu"), torch.float32

    def as_dtype(self, dtype: torch.dtype) -> None:
        """Produce batches in this type."""
        self._dtype = dtype

    def to(self, device: torch.device) -> None:
        """Set the device of the batches."""
        self._device = device

    def _moved(self, tensors: Sequence[Tensor]) -> Batch:
        """Return tensors in the type and on the device of the batches."""
        return move_together([tensor.to(self._dtype) for tensor in tensors], self._device)
