"""Compiling a problem's loss with its gradient, where that pays; if it cannot be done the run goes on eagerly and says so."""

import logging
from typing import Any, Literal

import torch
from torch import Tensor, nn

from inrbench.fit.op_count import OpCount
from inrbench.problems import Batch, Loss, Problem

StepMode = Literal["eager", "compiled", "cuda_graph"]
"""``cuda_graph``: compiled, and each step's kernels are recorded once and launched as one CUDA graph."""

COMPILE_SECONDS = 15.0
"""What compiling is taken to cost: 4 to 11 s measured, 20 s and more with an empty cache."""
SAVED_SECONDS_AN_ELEMENT = {"cpu": 4.5e-10, "cuda": 4e-12}
"""What fusing saves for each number an elementwise operation writes: measured on a CPU, taken from bandwidth on a GPU."""
CALL_SECONDS = 6e-6
"""What an eager operation costs before its kernel starts on a GPU: the usual figure, not measured by us."""
GPU_FLOPS = 5e13
"""fp32 matrix products a second of a large GPU, of which a launch-bound step uses little. Not measured by us."""
GRAPHS_AT_MOST = 64
"""Dynamo's limit of 8 graphs a function would be met by 8 methods in one process; ours is never met in silence."""


def choose_step_mode(device_type: str, work: OpCount, batch: int, chunks: int, steps: int) -> StepMode:
    """Return how a run's steps are best computed, each of ``batch`` points in ``chunks`` chunks.

    It follows from counts alone and not from a clock: the same run must take the same way, and give the same roundings,
    each time. On a GPU a small step takes as long as its launches: compiling and a CUDA graph save those. A graph reuses the
    memory of its gradients when it is launched again, so it serves a batch that is one chunk.

    >>> choose_step_mode("cpu", OpCount(flops=1e6, elements=1e4, calls=60), batch=1024, chunks=1, steps=100)
    'eager'
    """
    computing = batch * work.flops / GPU_FLOPS
    launch_bound = device_type == "cuda" and computing < chunks * work.calls * CALL_SECONDS
    saved = batch * work.elements * SAVED_SECONDS_AN_ELEMENT[device_type]
    if launch_bound:
        saved += chunks * work.calls * CALL_SECONDS - computing
    if steps * saved <= COMPILE_SECONDS:
        return "eager"
    return "cuda_graph" if launch_bound and chunks == 1 else "compiled"


class CompiledLoss:
    """A loss of chunks, computed in a given way; eagerly from where compiling fails."""

    def __init__(self, loss: Loss, problem: Problem, network: nn.Module, mode: StepMode) -> None:
        self.network, self.mode = network, mode
        reason = "compiling would take longer than it saves" if problem.compilable else "the problem's loss keeps what it sees"
        self.note: str | None = f"eager: {reason}" if mode == "eager" else None
        if mode == "cuda_graph":
            self.note = "CUDA graphs"
        self._graphs_before = _graph_count()
        self._loss = self._eager = loss
        if mode != "eager":
            _configure()
            self._loss = torch.compile(self._eager, **compile_options(mode))

    @property
    def compiled(self) -> bool:
        """Whether compiled code has run so far."""
        return self.mode != "eager"

    def __call__(self, chunk: Batch, weight: Tensor) -> Tensor:
        """Return the chunk's share of the loss."""
        if self.mode == "eager":
            return self._loss(self.network, chunk, weight)
        try:
            if self.mode == "cuda_graph":  # what the last step left in the graph's memory is not needed any more
                torch.compiler.cudagraph_mark_step_begin()
            return self._loss(self.network, chunk, weight)
        except (MemoryError, torch.OutOfMemoryError):
            raise
        except Exception as error:  # dynamo and its compilers raise many kinds; the eager loss will tell if it was ours
            loss = self._eager(self.network, chunk, weight)
            self.mode, self._loss = "eager", self._eager
            self.note = f"eager: compiling failed with {type(error).__name__}: {str(error).strip().partition(chr(10))[0]}"
            logging.getLogger(__name__).warning(self.note)
            return loss

    def graphs(self) -> int:
        """Return how many graphs were compiled for this loss."""
        return _graph_count() - self._graphs_before


def compile_options(mode: StepMode) -> dict[str, Any]:
    """Return what torch.compile is told."""
    return {"dynamic": False, "mode": "reduce-overhead"} if mode == "cuda_graph" else {"dynamic": False}


def _configure() -> None:
    import torch._dynamo.config
    import torch._inductor.config

    torch._dynamo.config.recompile_limit = GRAPHS_AT_MOST
    torch._dynamo.config.fail_on_recompile_limit_hit = True
    torch._inductor.config.compile_threads = 1  # a pool of compilers would take the cores of other workers


def _graph_count() -> int:
    from torch._dynamo.utils import counters

    return int(counters["stats"]["unique_graphs"])
