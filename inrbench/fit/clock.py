"""Measure wall time in named parts that never overlap; the device is synchronised at each boundary."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

import torch


class Clock:
    """A timer with named parts: ``with clock("train"): ...`` adds the block's seconds to the part ``train``."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self.seconds: dict[str, float] = {"data": 0.0, "compile": 0.0, "train": 0.0, "eval": 0.0}

    @contextmanager
    def __call__(self, part: str) -> Iterator[None]:
        """Time a block. GPU work queued before the block is not counted; work queued inside it is."""
        self._synchronise()
        start = time.perf_counter()
        try:
            yield
            self._synchronise()  # not after an error: a device that has failed would replace its message
        finally:
            self.seconds[part] += time.perf_counter() - start

    def _synchronise(self) -> None:
        if self._device.type == "cuda":
            torch.cuda.synchronize(self._device)
