"""Numerical precision of a step, as set by the protocol."""

import torch
from torch import Tensor, nn

from inrbench.problems import Batch, Loss
from inrbench.spec import Precision

DTYPES: dict[Precision, torch.dtype] = {"float32": torch.float32, "float64": torch.float64, "bfloat16": torch.float32}
"""Data type of weights and data. ``bfloat16`` is autocast: weights stay float32, products are computed in bfloat16."""


def in_precision(loss: Loss, precision: Precision, device_type: str) -> Loss:
    """Return a loss that is computed under autocast if the precision is ``bfloat16``; otherwise the loss itself.

    Args:
        loss: Loss of a chunk.
        precision: Precision of the protocol.
        device_type: ``cpu`` or ``cuda``.
    """
    if precision != "bfloat16":
        return loss

    def cast(network: nn.Module, chunk: Batch, weight: Tensor) -> Tensor:
        with torch.autocast(device_type, dtype=torch.bfloat16):
            return loss(network, chunk, weight)

    return cast
