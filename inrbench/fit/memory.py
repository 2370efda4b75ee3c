"""Measure peak memory: how far a run raises the high-water mark above the level at its start."""

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import torch

_CLEAR_REFS = Path("/proc/self/clear_refs")
_STATUS = Path("/proc/self/status")
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
"""Numbers of two settings of glibc's ``mallopt``."""
_KEPT_BYTES, _KEPT_BY_OLD_VERSIONS = 2**30, 2**25
"""Size of the blocks that are kept; earlier versions of glibc accept at most 32 MiB."""


def keep_freed_memory() -> None:
    """Keep memory that a step frees for the next step, instead of returning it to the system.

    By default glibc returns large blocks, and the system then clears every page of the next one. A step of siren (4x400, 16,384
    points in chunks of 2,048) takes 0.7 to 0.95 of its time if memory is kept, and no number changes. ``MemoryMeter`` returns
    freed memory explicitly. Nothing happens with other C libraries.
    """
    try:
        library = ctypes.CDLL(None)
        # the trim threshold alone would switch off what glibc does by itself
        if library.mallopt(_MMAP_THRESHOLD, _KEPT_BYTES) or library.mallopt(_MMAP_THRESHOLD, _KEPT_BY_OLD_VERSIONS):
            library.mallopt(_TRIM_THRESHOLD, _KEPT_BYTES)
    except (AttributeError, OSError, TypeError):
        return


def allocate_workspaces(device: torch.device) -> None:
    """Have the buffers of a GPU's matrix products allocated: the process keeps them, and its first run must not pay for them.

    There is one for each thread that multiplies matrices: this one, and the one that computes gradients.
    """
    if device.type == "cuda":
        layer = torch.nn.Linear(64, 64, device=device)
        layer(torch.zeros(64, 64, device=device)).sum().backward()


class MemoryMeter:
    """A meter of peak memory above the level at its construction; the peaks are read once, at the end of training.

    Work inside ``paused()`` does not count. Host memory is the resident set of this process (Linux: VmHWM, reset by writing
    5 to clear_refs). If the mark cannot be reset, the peak is None rather than a number that an earlier run may have caused.
    GPU memory is that of torch's caching allocator. Steps that are recorded as CUDA graphs allocate when they are recorded, and
    not when they are replayed: recording must not be paused.
    """

    def __init__(self, device: torch.device) -> None:
        _return_free_memory()
        self._can_reset = _reset_high_water()
        self._level = psutil.Process().memory_info().rss
        self._earlier_peak = 0
        self._gpu = _GpuMeter(device) if device.type == "cuda" else None

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Exclude the block, and the memory it retains: compilers and libraries are not part of a step."""
        before = _high_water() if self._can_reset else 0
        _return_free_memory()  # otherwise memory that is already free would count as freed by the block
        start = psutil.Process().memory_info().rss
        with self.gpu_paused():
            yield
        if self._can_reset:
            _return_free_memory()
            self._earlier_peak = max(self._earlier_peak, before - self._level)
            self._level += psutil.Process().memory_info().rss - start
            _reset_high_water()

    @contextmanager
    def gpu_paused(self) -> Iterator[None]:
        """Exclude the block from GPU memory alone. This takes microseconds."""
        if self._gpu is None:
            yield
        else:
            with self._gpu.paused():
                yield

    def host_peak_bytes(self) -> int | None:
        """Return the peak above the starting level, in bytes, or None if the mark cannot be reset."""
        return max(0, self._earlier_peak, _high_water() - self._level) if self._can_reset else None

    def gpu_peak_bytes(self) -> tuple[int, int] | None:
        """Return the peaks (allocated, reserved) above the starting level, in bytes, or None without a GPU."""
        return None if self._gpu is None else self._gpu.peaks()


class _GpuMeter:
    """The peaks of torch's allocator on a GPU: allocated and reserved bytes."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        torch.cuda.empty_cache()
        self._level = self._now()
        self._earlier = (0, 0)
        torch.cuda.reset_peak_memory_stats(device)

    @contextmanager
    def paused(self) -> Iterator[None]:
        self._earlier = self.peaks()
        before = self._now()
        yield
        kept = (after - start for after, start in zip(self._now(), before, strict=True))
        allocated, reserved = (level + more for level, more in zip(self._level, kept, strict=True))
        self._level = (allocated, reserved)
        torch.cuda.reset_peak_memory_stats(self._device)

    def peaks(self) -> tuple[int, int]:
        highest = (torch.cuda.max_memory_allocated(self._device), torch.cuda.max_memory_reserved(self._device))
        allocated, reserved = (
            max(earlier, high - level) for earlier, high, level in zip(self._earlier, highest, self._level, strict=True)
        )
        return allocated, reserved

    def _now(self) -> tuple[int, int]:
        return torch.cuda.memory_allocated(self._device), torch.cuda.memory_reserved(self._device)


def _return_free_memory() -> None:
    """Return freed memory to the system: memory that the C library retains from an earlier run would hide this run's peak."""
    try:
        ctypes.CDLL(None).malloc_trim(0)
    except (AttributeError, OSError, TypeError):
        return  # not glibc


def _reset_high_water() -> bool:
    try:
        _CLEAR_REFS.write_text("5")
    except OSError:
        return False
    return True


def _high_water() -> int:
    for line in _STATUS.read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise OSError(f"{_STATUS} has no VmHWM")
