"""The clock: wall time in named parts that never overlap, with the device's queue empty at each boundary."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

import torch


class Clock:
    """``with clock("train"): ...`` adds the block's seconds to the part ``train``."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self.seconds: dict[str, float] = {"data": 0.0, "compile": 0.0, "train": 0.0, "eval": 0.0}

    @contextmanager
    def __call__(self, part: str) -> Iterator[None]:
        """Time a block. Work queued on a GPU before the block is not counted, work queued in it is."""
        self._synchronise()
        start = time.perf_counter()
        try:
            yield
        finally:
            self._synchronise()
            self.seconds[part] += time.perf_counter() - start

    def _synchronise(self) -> None:
        if self._device.type == "cuda":
            torch.cuda.synchronize(self._device)
