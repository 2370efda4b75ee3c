"""Update a network from its gradient, with the torch optimisers that a protocol specifies."""

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn

from inrbench.spec.optimiser import Adam, AdamW, Lbfgs, Muon, Optimiser, Sgd


class Updates:
    """The optimisers of a run. Most protocols have one; with Muon, parameters that are not real matrices use Adam.

    Args:
        network: Network whose trainable parameters are updated.
        optimiser: Optimiser of the protocol.
        fused: Whether to use torch's fused kernels if available.
    """

    def __init__(self, network: nn.Module, optimiser: Optimiser, fused: bool) -> None:
        parameters = [p for p in network.parameters() if p.requires_grad]
        # fused kernels do not support complex parameters, which a user's method may have
        fused = fused and not any(p.is_complex() for p in parameters)
        self.optimisers = _made(optimiser, parameters, fused)
        self._parameters = parameters
        self.names = [name for name, p in network.named_parameters() if p.requires_grad]
        self.norms: Tensor | None = None
        """Norms of the last gradient, in the order of ``names``; 0 for a parameter without a gradient."""

    def step(self, gradient: Callable[[], Tensor], rate: float) -> Tensor:
        """Take one step with the learning rate ``rate`` and return the loss before it.

        ``gradient`` adds the batch's gradient to that of the parameters and returns the batch's loss. L-BFGS calls it
        several times.
        """
        for optimiser in self.optimisers:
            for group in optimiser.param_groups:
                group["lr"] = rate
        first, *others = self.optimisers
        if isinstance(first, torch.optim.LBFGS):

            def closure() -> Any:
                first.zero_grad(set_to_none=True)
                return gradient()

            loss: Any = first.step(closure)
        else:
            loss = gradient()
            self._keep_norms()
            for optimiser in (first, *others):
                optimiser.step()
        for optimiser in self.optimisers:
            optimiser.zero_grad(set_to_none=True)
        return loss.detach()

    def state(self) -> list[dict[str, Any]]:
        """Return the states of the optimisers, for a checkpoint."""
        return [optimiser.state_dict() for optimiser in self.optimisers]

    def restore(self, states: list[dict[str, Any]]) -> None:
        """Restore the states of the optimisers. Raises ValueError if they do not fit."""
        for optimiser, state in zip(self.optimisers, states, strict=True):
            optimiser.load_state_dict(state)

    @torch.no_grad()
    def _keep_norms(self) -> None:
        """Store the norm of each parameter's gradient on the device, without waiting for it."""
        found = [p.grad for p in self._parameters if p.grad is not None]
        norms = iter(torch._foreach_norm(found))
        none = torch.zeros((), device=self._parameters[0].device)
        self.norms = torch.stack([none if p.grad is None else next(norms).float() for p in self._parameters])


def _made(chosen: Optimiser, parameters: list[nn.Parameter], fused: bool) -> list[torch.optim.Optimizer]:
    if isinstance(chosen, Adam):
        return [_adam(parameters, chosen, fused)]
    if isinstance(chosen, AdamW):
        return [
            torch.optim.AdamW(
                parameters, betas=_pair(chosen.betas), eps=chosen.eps, weight_decay=chosen.weight_decay, fused=fused or None
            )
        ]
    if isinstance(chosen, Sgd):
        return [
            torch.optim.SGD(
                parameters,
                momentum=chosen.momentum,
                nesterov=chosen.nesterov,
                weight_decay=chosen.weight_decay,
                fused=fused or None,
            )
        ]
    if isinstance(chosen, Lbfgs):
        search = None if chosen.line_search == "none" else chosen.line_search
        return [
            torch.optim.LBFGS(parameters, max_iter=chosen.max_iter, history_size=chosen.history_size, line_search_fn=search)
        ]
    if isinstance(chosen, Muon):
        matrices = [p for p in parameters if p.ndim == 2 and not p.is_complex()]
        others = [p for p in parameters if p.ndim != 2 or p.is_complex()]
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
        adam = _adam(others, Adam(betas=chosen.betas, eps=chosen.eps), fused) if others else None
        return [each for each in (muon, adam) if each is not None]
    raise TypeError(f"no torch optimiser for {type(chosen).__name__}")


def _adam(parameters: Iterable[nn.Parameter], chosen: Adam, fused: bool) -> torch.optim.Optimizer:
    return torch.optim.Adam(parameters, betas=_pair(chosen.betas), eps=chosen.eps, fused=fused or None)


def _pair(betas: tuple[float, ...]) -> tuple[float, float]:
    return betas[0], betas[1]
