"""What a network may bring to its own training: parameter groups, an optimiser, a schedule, and the choice of points.

A network has a method ``own_training(steps) -> OwnTraining``; its plugin is registered with ``own_training=True``. All state
that changes during training must be in parameters or buffers of the network: checkpoints store them, and compiled code reads
them. A Python number that changes would be compiled again and again.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from inrbench.errors import BrokenPlugin
from inrbench.spec import Optimiser

FOREIGN_HOOKS = ("configure_optimizers", "training_step", "on_train_batch_start")
"""Hooks of other frameworks, which this one does not call."""


@dataclass(frozen=True, kw_only=True)
class ParameterGroup:
    """Parameters that are trained in a different way from the others.

    Args:
        parameters: The parameters. Each is in one group at most; the others are trained as the optimiser says.
        rate_factor: Factor of the learning rate, 0 or more.
        weight_decay: Weight decay; None for that of the optimiser.
        betas: Decay rates of the running averages of Adam; None for those of the optimiser.
        eps: Term in the denominator of Adam; None for that of the optimiser.
        frozen_until: Number of steps at the start in which the parameters are not updated.
    """

    parameters: Iterable[nn.Parameter]
    rate_factor: float = 1.0
    weight_decay: float | None = None
    betas: tuple[float, float] | None = None
    eps: float | None = None
    frozen_until: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "parameters", tuple(self.parameters))  # it may be a generator, such as layer.parameters()
        if not self.parameters:
            raise BrokenPlugin("own_training: a parameter group has no parameters")
        for name in ("rate_factor", "weight_decay", "eps", "frozen_until"):
            value = getattr(self, name)
            if value is not None and not (math.isfinite(value) and value >= 0):
                raise BrokenPlugin(f"own_training: {name} of a parameter group must be 0 or more, got {value}")
        if self.frozen_until != int(self.frozen_until):
            raise BrokenPlugin(f"own_training: frozen_until of a parameter group is a number of steps, got {self.frozen_until}")
        if self.betas is not None and not (len(self.betas) == 2 and all(0 <= beta < 1 for beta in self.betas)):
            raise BrokenPlugin(f"own_training: betas of a parameter group must be two numbers from 0 up to 1, got {self.betas}")

    def overrides(self) -> dict[str, float | tuple[float, float]]:
        """Return the hyper-parameters of the optimiser that differ in this group, under torch's names."""
        given = {"weight_decay": self.weight_decay, "betas": self.betas, "eps": self.eps}
        return {name: value for name, value in given.items() if value is not None}


@dataclass(frozen=True)
class Points:
    """The points of a batch, from which a sampler chooses.

    Args:
        coordinates: Coordinates ``(N, d)`` of the batch, on the device.
        step: Number of the step, counted from 0.
        losses: Function that computes the loss of every point ``(N,)`` with the current weights, on the device and without a
            gradient. Its time counts as training time.
        generator: Generator of random numbers on the CPU. Its state is stored in checkpoints.
    """

    coordinates: Tensor
    step: int
    losses: Callable[[], Tensor]
    generator: torch.Generator


@dataclass(frozen=True)
class Sample:
    """The points of a step.

    Args:
        indices: Indices ``(M,)`` of the points in the batch, int64. A point may occur more than once.
        weights: Factors ``(M,)`` of their losses; None for 1. The loss of the step is the mean of factor times loss.
    """

    indices: Tensor
    weights: Tensor | None = None


Sampler = Callable[[Points], Sample]
"""Function that chooses the points of a step among those of the batch."""


@dataclass(frozen=True, kw_only=True)
class OwnTraining:
    """What a network brings to its training. Everything that is not given is as the protocol says.

    Args:
        groups: Groups of parameters that are trained differently.
        optimiser: Optimiser with its hyper-parameters, instead of the protocol's.
        rate_factor: Function from the number of a step, counted from 0, to a factor of the learning rate.
        before_step: Function that is called with the number of each step before it, for example to set the buffer of a
            coarse-to-fine mask. Its time counts as training time.
        sampler: Function that chooses the points of each step. It works for tasks whose loss is a mean over points.
    """

    groups: Sequence[ParameterGroup] = ()
    optimiser: Optimiser | None = None
    rate_factor: Callable[[int], float] | None = None
    before_step: Callable[[int], None] | None = None
    sampler: Sampler | None = None

    def __str__(self) -> str:
        parts = [f"{len(self.groups)} parameter group{'s' if len(self.groups) > 1 else ''}"] if self.groups else []
        parts += [f"optimiser {self.optimiser}"] if self.optimiser else []
        named = {"learning rate factor": self.rate_factor, "changes by step": self.before_step, "sampler": self.sampler}
        return ", ".join([*parts, *(name for name, value in named.items() if value)]) or "nothing"


@runtime_checkable
class HasOwnTraining(Protocol):
    """A network that brings its own training."""

    def own_training(self, steps: int) -> OwnTraining:
        """Return what the network brings. Called once, when the network is on its device, before the first step.

        Args:
            steps: Number of steps of the run.
        """
        ...


def own_training_of(network: nn.Module, steps: int) -> OwnTraining | None:
    """Return what a network brings to its training, checked; None for a network that is trained as the protocol says.

    Args:
        network: The network, on its device.
        steps: Number of steps of the run.

    Raises:
        BrokenPlugin: The network has a hook that does not exist here, or its groups do not fit its parameters.
    """
    for name in FOREIGN_HOOKS:
        if hasattr(network, name):
            raise BrokenPlugin(f"the network has a method '{name}', which is never called here; write own_training instead")
    if not isinstance(network, HasOwnTraining):
        return None
    own = network.own_training(steps)
    if not isinstance(own, OwnTraining):
        raise BrokenPlugin(f"own_training returned a {type(own).__name__}, not an inrbench.nn.OwnTraining")
    names = {id(parameter): name for name, parameter in network.named_parameters()}
    seen: set[int] = set()
    for parameter in (parameter for group in own.groups for parameter in group.parameters):
        if id(parameter) not in names:
            raise BrokenPlugin("own_training: a parameter group contains a tensor that is no parameter of the network")
        if id(parameter) in seen:
            raise BrokenPlugin(f"own_training: the parameter '{names[id(parameter)]}' is in two groups")
        seen.add(id(parameter))
    return own
