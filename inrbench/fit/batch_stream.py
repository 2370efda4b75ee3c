"""The batches of a run, from a position that a checkpoint can save."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext

import torch

from inrbench.fit.checkpoint import State
from inrbench.problems import Batch, Problem


class BatchStream:
    """The batches of one epoch after another, without end, from a position that can be saved.

    Args:
        problem: Problem with the batches.
        generator: Generator of their random order.
        around_draw: Context in which the order of an epoch is drawn, and that of the epoch before it is dropped.
    """

    def __init__(
        self,
        problem: Problem,
        generator: torch.Generator,
        around_draw: Callable[[], AbstractContextManager[None]] = nullcontext,
    ) -> None:
        self._problem, self._generator, self._around_draw = problem, generator, around_draw
        self._epoch: Iterator[Batch] = iter(())
        self._last: Batch = ()
        self._epoch_start, self._taken = generator.get_state(), problem.steps_per_epoch

    def __next__(self) -> Batch:
        if self._taken == self._problem.steps_per_epoch:
            self._epoch_start, self._taken = self._generator.get_state(), 0
            with self._around_draw():
                self._epoch = iter(())
                self._epoch = iter(self._problem.batches(self._generator))
                batch = next(self._epoch)
        else:
            batch = next(self._epoch)
        self._taken += 1
        self._last = batch
        return batch

    def again(self) -> Batch:
        """Return the last batch once more; the first one if there was none."""
        return self._last or next(self)

    def state(self) -> State:
        """Return the generator's state at the start of the epoch, and the number of batches taken since."""
        return {"generator": self._epoch_start, "taken": self._taken}

    def restore(self, state: State) -> None:
        """Continue after the saved position: the batches of the epoch before it are drawn again and dropped."""
        self._generator.set_state(state["generator"])
        self._epoch_start, self._taken = state["generator"], state["taken"]
        self._epoch = iter(self._problem.batches(self._generator))
        for _ in range(self._taken):
            self._last = next(self._epoch)
