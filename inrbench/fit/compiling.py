"""Compiling a problem's loss with its gradient, where that pays; if it cannot be done the run goes on eagerly and says so."""

import logging

import torch
from torch import Tensor, nn

from inrbench.fit.work import work_per_point
from inrbench.problems import Batch, Problem

COMPILE_SECONDS = 15.0
"""What compiling is taken to cost: 4 to 11 s measured, 20 s and more with an empty cache."""
SAVED_SECONDS_AN_ELEMENT = {"cpu": 4.5e-10, "cuda": 4e-12}
"""What fusing saves for each number an elementwise operation writes: measured on a CPU, taken from bandwidth on a GPU."""
GRAPHS_AT_MOST = 64
"""Dynamo's limit of 8 graphs a function would be met by 8 methods in one process; ours is never met in silence."""
SAMPLE_POINTS = 64


class CompiledLoss:
    """``problem.loss(network, chunk, weight)``, compiled or not.

    Whether to compile follows from the work and the number of steps alone and not from a clock: the same run must take the
    same way, and give the same roundings, each time. ``compiling`` forces it.
    """

    def __init__(self, problem: Problem, network: nn.Module, steps: int, compiling: bool | None = None) -> None:
        self.problem, self.network = problem, network
        self.compiled = pays(problem, network, steps) if compiling is None else compiling
        self.note: str | None = None if self.compiled else "eager: compiling would take longer than it saves"
        self._graphs_before = _graph_count()
        self._loss = problem.loss
        if self.compiled:
            _configure()
            self._loss = torch.compile(problem.loss, dynamic=False)

    def __call__(self, chunk: Batch, weight: Tensor) -> Tensor:
        """Return the chunk's share of the loss."""
        if not self.compiled:
            return self._loss(self.network, chunk, weight)
        try:
            return self._loss(self.network, chunk, weight)
        except Exception as error:  # dynamo and its compilers raise many kinds; the eager loss will tell if it was ours
            loss = self.problem.loss(self.network, chunk, weight)
            self.compiled, self._loss = False, self.problem.loss
            self.note = f"eager: compiling failed with {type(error).__name__}: {str(error).strip().partition(chr(10))[0]}"
            logging.getLogger(__name__).warning(self.note)
            return loss

    def graphs(self) -> int:
        """Return how many graphs were compiled for this loss."""
        return _graph_count() - self._graphs_before


def pays(problem: Problem, network: nn.Module, steps: int) -> bool:
    """Whether compiling saves more than it costs over a run of ``steps`` steps."""
    device = next(network.parameters()).device
    sample = tuple(t[:SAMPLE_POINTS] for t in next(problem.batches(torch.Generator().manual_seed(0))))
    elements = work_per_point(network, problem, sample).elements * problem.batch * steps
    return elements * SAVED_SECONDS_AN_ELEMENT[device.type] > COMPILE_SECONDS


def _configure() -> None:
    import torch._dynamo.config
    import torch._inductor.config

    torch._dynamo.config.recompile_limit = GRAPHS_AT_MOST
    torch._dynamo.config.fail_on_recompile_limit_hit = True
    torch._inductor.config.compile_threads = 1  # a pool of compilers would take the cores of other workers


def _graph_count() -> int:
    from torch._dynamo.utils import counters

    return int(counters["stats"]["unique_graphs"])
