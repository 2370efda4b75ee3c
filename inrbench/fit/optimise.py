"""Update a network from its gradient, with the torch optimisers that a protocol or the network itself specifies."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from inrbench.errors import NotApplicable
from inrbench.nn import OwnTraining, ParameterGroup
from inrbench.spec.optimiser import Adam, AdamLbfgs, AdamW, Lbfgs, Muon, Optimiser, Sgd

Groups = list[dict[str, Any]]
"""Parameter groups as torch's optimisers take them."""
OVERRIDES: Mapping[type[Optimiser], frozenset[str]] = {
    Adam: frozenset({"weight_decay", "betas", "eps"}),
    AdamW: frozenset({"weight_decay", "betas", "eps"}),
    Sgd: frozenset({"weight_decay"}),
    Lbfgs: frozenset(),
    AdamLbfgs: frozenset(),
    Muon: frozenset({"weight_decay", "betas", "eps"}),
}
"""Hyper-parameters that a parameter group may change."""
NOT_OF_MUON = frozenset({"betas", "eps"})
"""Those that apply only to the parameters that Adam updates, if the optimiser is Muon."""


class Updates:
    """The optimisers of a run.

    Most protocols have one. With Muon, parameters that are not real matrices use Adam. With Adam followed by L-BFGS, each step
    uses one of the two.

    Args:
        network: Network whose trainable parameters are updated.
        optimiser: Optimiser of the protocol.
        fused: Whether to use torch's fused kernels if available.
        own: What the network brings to its training; None for nothing.
        steps: Number of steps of the run, on which the optimiser of a step may depend.

    Raises:
        NotApplicable: The optimiser does not support what the network brings.
    """

    def __init__(
        self, network: nn.Module, optimiser: Optimiser, fused: bool, own: OwnTraining | None = None, steps: int = 1
    ) -> None:
        own = own or OwnTraining()
        parameters = [p for p in network.parameters() if p.requires_grad]
        # fused kernels do not support complex parameters, which a user's method may have
        self.fused = fused and not any(p.is_complex() for p in parameters)
        self.optimiser = own.optimiser or optimiser
        """The optimiser that is used: the network's own, or else that of the protocol."""
        self.optimisers = _made(self.optimiser, _groups(parameters, own.groups, self.optimiser), self.fused)
        self.steps = steps
        self._parameters = parameters
        self._taken = 0
        self.names = [name for name, p in network.named_parameters() if p.requires_grad]
        self.norms: Tensor | None = None
        """Norms of the last gradient, in the order of ``names``; 0 for a parameter without a gradient."""

    def step(self, gradient: Callable[[], Tensor], rate: float) -> Tensor:
        """Take one step with the learning rate ``rate`` and return the loss before it.

        ``gradient`` adds the batch's gradient to that of the parameters and returns the batch's loss. L-BFGS calls it
        several times.
        """
        first, *others = self._of_this_step()
        fixed_rate = 1.0 if isinstance(self.optimiser, AdamLbfgs) and isinstance(first, torch.optim.LBFGS) else rate
        for group in self._all_groups():
            group["lr"] = fixed_rate * group.get("rate_factor", 1.0)
        if isinstance(first, torch.optim.LBFGS):

            def closure() -> Any:
                first.zero_grad(set_to_none=True)
                return gradient()

            loss: Any = first.step(closure)
        else:
            loss = gradient()
            self._keep_norms()
            self._drop_frozen()
            for optimiser in (first, *others):
                optimiser.step()
        for optimiser in self.optimisers:
            optimiser.zero_grad(set_to_none=True)
        self._taken += 1
        return loss.detach()

    def state(self) -> dict[str, Any]:
        """Return the states of the optimisers and the number of steps, for a checkpoint."""
        return {"optimisers": [optimiser.state_dict() for optimiser in self.optimisers], "taken": self._taken}

    def restore(self, state: dict[str, Any]) -> None:
        """Restore the states of the optimisers. Raises ValueError if they do not fit."""
        for optimiser, each in zip(self.optimisers, state["optimisers"], strict=True):
            optimiser.load_state_dict(each)
        self._taken = state["taken"]

    def _of_this_step(self) -> list[torch.optim.Optimizer]:
        if not isinstance(self.optimiser, AdamLbfgs):
            return self.optimisers
        adam, lbfgs = self.optimisers
        return [adam if self._taken < self.optimiser.fixed_batch_from(self.steps) else lbfgs]

    def _all_groups(self) -> Groups:
        return [group for optimiser in self.optimisers for group in optimiser.param_groups]

    def _drop_frozen(self) -> None:
        """Remove the gradients of parameters that are not updated yet: torch's optimisers leave them and their state alone."""
        for group in self._all_groups():
            if self._taken < group.get("frozen_until", 0):
                for parameter in group["params"]:
                    parameter.grad = None

    @torch.no_grad()
    def _keep_norms(self) -> None:
        """Store the norm of each parameter's gradient on the device, without waiting for it."""
        found = [p.grad for p in self._parameters if p.grad is not None]
        norms = iter(torch._foreach_norm(found))
        none = torch.zeros((), device=self._parameters[0].device)
        self.norms = torch.stack([none if p.grad is None else next(norms).float() for p in self._parameters])


def _groups(parameters: Sequence[nn.Parameter], own: Sequence[ParameterGroup], optimiser: Optimiser) -> Groups:
    """Return all trainable parameters in groups: the network's own, and one with those that are in none of them.

    Raises NotApplicable if the optimiser does not support a group.
    """
    if own and isinstance(optimiser, Lbfgs | AdamLbfgs):
        raise NotApplicable("the method has parameter groups, and L-BFGS treats all parameters alike; use another optimiser")
    trainable = {id(parameter) for parameter in parameters}
    grouped = {id(parameter) for group in own for parameter in group.parameters}
    rest = [parameter for parameter in parameters if id(parameter) not in grouped]
    groups: Groups = [{"params": rest}] if rest else []
    for group in own:
        overrides = group.overrides()
        if unsupported := sorted(overrides.keys() - OVERRIDES[type(optimiser)]):
            raise NotApplicable(f"the method sets {unsupported[0]} for a parameter group, which {optimiser.name} does not have")
        groups.append(
            {
                "params": [parameter for parameter in group.parameters if id(parameter) in trainable],
                "rate_factor": group.rate_factor,
                "frozen_until": group.frozen_until,
                **overrides,
            }
        )
    return [group for group in groups if group["params"]]


def _made(chosen: Optimiser, groups: Groups, fused: bool) -> list[torch.optim.Optimizer]:
    if isinstance(chosen, Adam):
        return [_adam(groups, chosen, fused)]
    if isinstance(chosen, AdamW):
        return [
            torch.optim.AdamW(
                groups, betas=_pair(chosen.betas), eps=chosen.eps, weight_decay=chosen.weight_decay, fused=fused or None
            )
        ]
    if isinstance(chosen, Sgd):
        return [
            torch.optim.SGD(
                groups,
                momentum=chosen.momentum,
                nesterov=chosen.nesterov,
                weight_decay=chosen.weight_decay,
                fused=fused or None,
            )
        ]
    if isinstance(chosen, Lbfgs):
        return [_lbfgs(groups, chosen)]
    if isinstance(chosen, AdamLbfgs):
        adam = _adam(groups, Adam(betas=chosen.betas, eps=chosen.eps), fused)
        return [adam, _lbfgs(groups, Lbfgs(max_iter=1, history_size=chosen.history_size))]
    if isinstance(chosen, Muon):
        matrices = _part(groups, lambda p: p.ndim == 2 and not p.is_complex(), NOT_OF_MUON)
        others = _part(groups, lambda p: p.ndim != 2 or p.is_complex(), frozenset())
        muon = (
            torch.optim.Muon(
                matrices,
                momentum=chosen.momentum,
                nesterov=chosen.nesterov,
                ns_steps=chosen.ns_steps,
                weight_decay=chosen.weight_decay,
                adjust_lr_fn="match_rms_adamw",
            )
            if matrices
            else None
        )
        of_others = _adam(others, Adam(betas=chosen.betas, eps=chosen.eps), fused) if others else None
        return [each for each in (muon, of_others) if each is not None]
    raise TypeError(f"no torch optimiser for {type(chosen).__name__}")


def _part(groups: Groups, belongs: Callable[[nn.Parameter], bool], without: frozenset[str]) -> Groups:
    """Return the groups with only the parameters that belong to an optimiser.

    Args:
        groups: Groups of all parameters.
        belongs: Whether a parameter belongs to the optimiser.
        without: Hyper-parameters that it does not have.
    """
    parts = [
        {
            **{name: value for name, value in group.items() if name not in without},
            "params": list(filter(belongs, group["params"])),
        }
        for group in groups
    ]
    return [part for part in parts if part["params"]]


def _adam(groups: Groups, chosen: Adam, fused: bool) -> torch.optim.Optimizer:
    return torch.optim.Adam(groups, betas=_pair(chosen.betas), eps=chosen.eps, fused=fused or None)


def _lbfgs(groups: Groups, chosen: Lbfgs) -> torch.optim.Optimizer:
    search = None if chosen.line_search == "none" else chosen.line_search
    (group,) = groups
    return torch.optim.LBFGS(group["params"], max_iter=chosen.max_iter, history_size=chosen.history_size, line_search_fn=search)


def _pair(betas: tuple[float, ...]) -> tuple[float, float]:
    return betas[0], betas[1]
