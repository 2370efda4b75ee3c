"""Compile a problem's loss with its gradient if that saves time.

If compiling fails, the run continues eagerly and records a note.
"""

import logging
import warnings
from typing import Any, Literal

import torch
from torch import Tensor, nn

from inrbench.fit.op_count import OpCount
from inrbench.problems import Batch, Loss, Problem

StepMode = Literal["eager", "compiled", "cuda_graph"]
"""``cuda_graph``: compiled, and each step's kernels are recorded once and launched as one CUDA graph."""

COMPILE_SECONDS = 15.0
"""Assumed seconds to compile; measured: 4 to 11 s, and 20 s or more with an empty cache."""
TRIAL_COMPILE_SECONDS = 5.0
"""Assumed seconds to compile per trial of a search: the trials of a setting on all tuning signals share the compiled code.

Measured for audio, 9,000 steps: 0.4 to 2.4 s (means of five methods, beside other work).
"""
SAVED_SECONDS_PER_ELEMENT = {"cpu": 4.5e-10, "cuda": 4e-12}
"""Seconds that fusion saves per number written by an elementwise operation.

Measured on a CPU, derived from the bandwidth on a GPU.
"""
CPU_CALL_SECONDS = 1e-5
"""Seconds that an eager CPU operation takes beside its work. Measured: 3.7 ms for the 344 calls of a step on an equation.

Counted for the trials of a search only. Counted for all runs, it would change the rounding of published numbers.
"""
CALL_SECONDS = 6e-6
"""Seconds that an eager GPU operation takes before its kernel starts: the usual figure, not measured by this project."""
GPU_FLOPS = 3.4e13
"""fp32 FLOP/s of a large GPU in matrix products; a launch-bound step uses little of it. Measured on an H200 at 4x400."""
MAX_GRAPHS = 64
"""Largest number of compiled graphs per function; exceeding it raises an error.

Dynamo's default limit of 8 would be reached by 8 methods in one process.
"""
GRAPHS_PER_RUN = 8
"""Graphs that one run may compile: one for each chunk size, forward and backward together, and a reserve."""


def choose_step_mode(device_type: str, work: OpCount, batch: int, chunks: int, steps: int, *, trial: bool = False) -> StepMode:
    """Return the step mode for all runs of a protocol.

    The choice depends only on counts, never on measured time: the same run must use the same mode, and give the same
    rounding, every time. The counts are those of a usual network of the protocol's size and not of the method, so that all
    methods of a table use the same mode.

    On a GPU, a small step takes as long as its kernel launches; compiling and a CUDA graph save that time. A CUDA graph reuses
    the memory of its gradients when it is launched again, so it is used only if a batch is a single chunk.

    Args:
        device_type: ``cpu`` or ``cuda``.
        work: Op count of the loss of a usual network, and of its gradient.
        batch: Points per step.
        chunks: Chunks per step.
        steps: Steps of the run.
        trial: Whether the run is a trial of a search.

    >>> choose_step_mode("cpu", OpCount(flops=1e6, elements=1e4, calls=60), batch=1024, chunks=1, steps=100)
    'eager'
    """
    computing = batch * work.flops / GPU_FLOPS
    launch_bound = device_type == "cuda" and computing < chunks * work.calls * CALL_SECONDS
    saved = batch * work.elements * SAVED_SECONDS_PER_ELEMENT[device_type]
    if trial and device_type == "cpu":
        saved += chunks * work.calls * CPU_CALL_SECONDS
    if launch_bound:
        saved += chunks * work.calls * CALL_SECONDS - computing
    if steps * saved <= (TRIAL_COMPILE_SECONDS if trial else COMPILE_SECONDS):
        return "eager"
    return "cuda_graph" if launch_bound and chunks == 1 else "compiled"


class CompiledLoss:
    """The loss of a chunk, computed in a given step mode; eager from the point where compiling fails.

    Args:
        loss: Loss of a chunk.
        problem: Problem that the loss belongs to; the note on an eager mode depends on its ``compilable``.
        network: Network to evaluate.
        mode: Step mode.
    """

    def __init__(self, loss: Loss, problem: Problem, network: nn.Module, mode: StepMode) -> None:
        self.network, self.mode = network, mode
        reason = "compiling would take longer than it saves" if problem.compilable else problem.why_not_compilable
        self._remark: str | None = f"eager: {reason}" if mode == "eager" else None
        self._loss = self._eager = loss
        if mode != "eager":
            device = next(network.parameters()).device.type
            _configure(device)
            _forget_graphs_if_needed(device)
            self._loss = torch.compile(self._eager, **compile_options(mode))
        self._graphs_before, self._skips_before = _graph_count(), _skipped_cuda_graphs()

    @property
    def note(self) -> str | None:
        """Remark on how the steps so far were computed; None if there is none."""
        if self.mode != "cuda_graph":
            return self._remark
        if skipped := _skipped_cuda_graphs() - self._skips_before:
            return f"compiled: CUDA graphs were skipped {skipped} time(s)"
        return "CUDA graphs" if _recorded_cuda_graphs(self.network) else "compiled: no CUDA graph was recorded"

    @property
    def compiled(self) -> bool:
        """Whether the loss is computed by compiled code; False once it has fallen back to eager."""
        return self.mode != "eager"

    def __call__(self, chunk: Batch, weight: Tensor) -> Tensor:
        """Return the chunk's share of the loss."""
        if self.mode == "eager":
            return self._loss(self.network, chunk, weight)
        try:
            if self.mode == "cuda_graph":  # the previous step's outputs in graph memory are no longer needed
                torch.compiler.cudagraph_mark_step_begin()
            return self._loss(self.network, chunk, weight)
        except (MemoryError, torch.OutOfMemoryError):
            raise
        except Exception as error:  # Dynamo and its compilers raise many types; if the loss is at fault, eager raises too
            loss = self._eager(self.network, chunk, weight)
            self.mode, self._loss = "eager", self._eager
            self._remark = f"eager: compiling failed with {type(error).__name__}: {str(error).strip().partition(chr(10))[0]}"
            logging.getLogger(__name__).warning(self._remark)
            return loss

    def graphs(self) -> int:
        """Return how many graphs were compiled for this loss."""
        return _graph_count() - self._graphs_before


def compile_options(mode: StepMode) -> dict[str, Any]:
    """Return the keyword arguments for ``torch.compile``."""
    return {"dynamic": False, "mode": "reduce-overhead"} if mode == "cuda_graph" else {"dynamic": False}


def _configure(device_type: str) -> None:
    import torch._dynamo.config
    import torch._inductor.config

    # torch recommends TF32, whose products do not have the accuracy of float32
    warnings.filterwarnings("ignore", message="TensorFloat32 tensor cores")
    torch._dynamo.config.recompile_limit = MAX_GRAPHS
    torch._dynamo.config.fail_on_recompile_limit_hit = True
    # on a CPU a pool of compiler processes would take cores from other workers; a run on a GPU has the machine for itself
    torch._inductor.config.compile_threads = min(8, torch.get_num_threads()) if device_type == "cuda" else 1


def _forget_graphs_if_needed(device_type: str) -> None:
    """Forget compiled functions before they reach torch's limit, and on a GPU before every run.

    Without this, the 65th graph of a process would end compiling for all later runs. On a GPU, a graph that an earlier run
    recorded would be replayed, and neither its recording nor its memory would be seen. Compiled code stays in the cache on
    disk.
    """
    global _graphs_forgotten  # noqa: PLW0603 - torch's own counter is global too
    import torch._dynamo

    if device_type == "cuda":
        from torch._inductor.cudagraph_trees import reset_cudagraph_trees

        reset_cudagraph_trees()
    elif _graph_count() - _graphs_forgotten < MAX_GRAPHS - GRAPHS_PER_RUN:
        return
    torch._dynamo.reset()
    _graphs_forgotten = _graph_count()


_graphs_forgotten = 0
"""Number of graphs that were compiled before the last time they were forgotten."""


def _graph_count() -> int:
    from torch._dynamo.utils import counters

    return int(counters["stats"]["unique_graphs"])


def _recorded_cuda_graphs(network: nn.Module) -> int:
    """Return how many CUDA graphs torch has recorded on the network's device."""
    from torch._inductor.cudagraph_trees import get_manager

    device = next(network.parameters()).device
    manager = get_manager(device.index or 0, create_if_none_exists=False) if device.type == "cuda" else None
    return 0 if manager is None else sum(len(roots) for roots in manager.roots.values())


def _skipped_cuda_graphs() -> int:
    from torch._dynamo.utils import counters

    return int(counters["inductor"]["cudagraph_skips"])
