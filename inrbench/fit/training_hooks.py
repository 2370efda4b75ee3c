"""Call what a network brings to its own training, and let it choose the points of its steps."""

from collections.abc import Iterator
from functools import partial

import torch
from torch import Tensor, nn

from inrbench.errors import BrokenPlugin, NotApplicable
from inrbench.nn import OwnTraining, Points, Sampler, own_training_of
from inrbench.problems import Batch, Problem, equal_chunks, largest_chunk
from inrbench.problems.base import with_penalty

LOSS_POINTS = 65536
"""Points whose losses are computed at once, without a gradient."""


class SampledProblem(Problem):
    """A problem whose batches carry a factor for each point, as a further tensor ``(N,)``.

    Args:
        problem: The problem. Its loss is a mean over points.

    Raises:
        NotApplicable: The problem's loss is not a mean over points.
    """

    compilable = False
    why_not_compilable = "the method chooses its points"

    def __init__(self, problem: Problem) -> None:
        if not problem.mean_over_points:
            raise NotApplicable("the method chooses the points of its steps, and the loss of this task is no mean over points")
        self._problem = problem
        self.in_features, self.out_features, self.domain = problem.in_features, problem.out_features, problem.domain
        self.n_points, self.batch, self.evals_per_point = problem.n_points, problem.batch, problem.evals_per_point
        self.evaluation = problem.evaluation

    def to(self, device: torch.device) -> None:
        """Move the problem to a device."""
        self._problem.to(device)

    def batches(self, generator: torch.Generator) -> Iterator[Batch]:
        """Yield the problem's batches, with the factor 1 for each point."""
        for batch in self._problem.batches(generator):
            yield *batch, batch[0].new_ones(len(batch[0]))

    def loss(self, network: nn.Module, chunk: Batch, weight: Tensor) -> Tensor:
        """Return the chunk's share of the mean of factor times loss, and of the network's penalty.

        Args:
            network: Network that is fitted.
            chunk: A part of a batch, with the factors.
            weight: One over the number of points in the whole batch.
        """
        *points, factors = chunk
        losses = self._problem.point_losses(network, tuple(points))
        return with_penalty((losses * factors).sum() * weight, network, weight * len(factors))


class TrainingHooks:
    """Calls what a network brings to its training: functions that change it by step, and its sampler.

    Args:
        network: The network, on its device.
        problem: The problem.
        steps: Number of steps of the run.
        seed: Seed of the sampler's random numbers.

    Raises:
        BrokenPlugin: The network brings something that does not exist here, or that does not fit it.
        NotApplicable: The network has a sampler, and the problem's loss is not a mean over points.
    """

    def __init__(self, network: nn.Module, problem: Problem, steps: int, seed: int) -> None:
        self.own: OwnTraining | None = own_training_of(network, steps)
        """What the network brings; None for nothing."""
        self._network, self._problem = network, problem
        self._generator = torch.Generator().manual_seed(seed)
        self._sampler: Sampler | None = self.own.sampler if self.own else None
        self.problem = SampledProblem(problem) if self._sampler else problem
        """The problem that the steps are taken on."""

    @property
    def samples(self) -> bool:
        """Whether the network chooses the points of its steps."""
        return self._sampler is not None

    def learning_rate(self, rate: float, step: int) -> float:
        """Return the learning rate of a step, given that of the protocol."""
        return rate if self.own is None or self.own.rate_factor is None else rate * self.own.rate_factor(step)

    def begin(self, step: int) -> None:
        """Let the network change itself before a step, whose number is counted from 0."""
        if self.own is not None and self.own.before_step is not None:
            self.own.before_step(step)

    def choose(self, batch: Batch, step: int) -> Batch:
        """Return the points of a step: those of the batch, or those that the sampler chooses, with their factors.

        Args:
            batch: The batch.
            step: Number of the step, counted from 0.

        Raises:
            BrokenPlugin: The sampler chose points that do not exist.
        """
        if self._sampler is None:
            return batch
        sample = self._sampler(Points(batch[0], step, partial(self._losses, batch), self._generator))
        indices, n = sample.indices.to(batch[0].device), len(batch[0])
        if indices.ndim != 1 or not len(indices) or indices.is_floating_point() or bool(((indices < 0) | (indices >= n)).any()):
            raise BrokenPlugin(f"the sampler returned indices that are not a list of whole numbers from 0 to {n - 1:,}")
        factors = torch.ones(len(indices)) if sample.weights is None else sample.weights
        if factors.shape != indices.shape:
            raise BrokenPlugin(f"the sampler returned {len(indices):,} indices and weights of shape {tuple(factors.shape)}")
        return (*(tensor[indices] for tensor in batch), factors.to(batch[0]))

    def state(self) -> Tensor:
        """Return the state of the sampler's generator, for a checkpoint."""
        return self._generator.get_state()

    def restore(self, state: Tensor) -> None:
        """Restore the state of the sampler's generator."""
        self._generator.set_state(state)

    @torch.no_grad()
    def _losses(self, batch: Batch) -> Tensor:
        most = largest_chunk(self._problem, LOSS_POINTS)
        return torch.cat([self._problem.point_losses(self._network, chunk) for chunk in equal_chunks(batch, most)])
