"""Optimisers as data: a name and the hyper-parameters of the torch class with that name.

The learning rate and its schedule belong to the protocol.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, ClassVar, Literal

from inrbench.errors import BadValue, unknown_name
from inrbench.spec.record import check_types, field_types

LINE_SEARCH = 1.25
"""Gradients per iteration of L-BFGS, for estimates."""


@dataclass(frozen=True, kw_only=True)
class Optimiser:
    """The base class of the optimisers. Every field is a hyper-parameter and is checked on construction."""

    name: ClassVar[str] = ""

    def __post_init__(self) -> None:
        check_types(self, f"optimiser '{self.name}': ")
        for field, value in asdict(self).items():
            if isinstance(value, (int, float)) and not isinstance(value, bool) and value < 0:
                raise BadValue(f"optimiser '{self.name}': {field} must not be negative, got {value}")
        betas = getattr(self, "betas", (0.0, 0.0))
        if len(betas) != 2 or not all(0 <= beta < 1 for beta in betas):
            raise BadValue(f"optimiser '{self.name}': betas must be two numbers from 0 up to 1, got {betas}")

    def fixed_batch_from(self, steps: int) -> int:
        """Return the step, counted from 0, from which all steps use the batch of that step. ``steps`` means never.

        Args:
            steps: Number of steps of the run.
        """
        return steps

    def check_steps(self, steps: int) -> None:
        """Raise BadValue if the optimiser cannot train for so few steps.

        Args:
            steps: Number of steps of the run.
        """

    def shortening(self, divisor: int) -> dict[str, str]:
        """Return the changes of hyper-parameters that fit a run with a fraction of the steps: field -> text, for ``--set``.

        Args:
            divisor: The run has the number of steps divided by this.
        """
        return {}

    def gradients(self, steps: int) -> float:
        """Return about how many gradients a run computes, for estimates of its time.

        Args:
            steps: Number of steps of the run.
        """
        return steps

    def encoded(self) -> str | dict[str, Any]:
        """Return the JSON form: the name alone if every hyper-parameter has its default, otherwise name and values."""
        if self == type(self)():
            return self.name
        return {"name": self.name, **asdict(self)}

    def __str__(self) -> str:
        changed = [f"{name} {value}" for name, value in asdict(self).items() if value != getattr(type(self)(), name)]
        return f"{self.name} ({', '.join(changed)})" if changed else self.name


@dataclass(frozen=True, kw_only=True)
class Adam(Optimiser):
    """``torch.optim.Adam``. Kingma, Ba, ICLR 2015, arXiv:1412.6980.

    Args:
        betas: Decay rates of the running averages of the gradient and its square, from 0 up to 1.
        eps: Term that is added to the denominator.
    """

    name: ClassVar[str] = "adam"
    betas: tuple[float, ...] = (0.9, 0.999)
    eps: float = 1e-8


@dataclass(frozen=True, kw_only=True)
class AdamW(Optimiser):
    """``torch.optim.AdamW``: Adam with decoupled weight decay. Loshchilov, Hutter, ICLR 2019, arXiv:1711.05101.

    Args:
        betas: Decay rates of the running averages of the gradient and its square, from 0 up to 1.
        eps: Term that is added to the denominator.
        weight_decay: Coefficient of the weight decay.
    """

    name: ClassVar[str] = "adamw"
    betas: tuple[float, ...] = (0.9, 0.999)
    eps: float = 1e-8
    weight_decay: float = 0.01


@dataclass(frozen=True, kw_only=True)
class Sgd(Optimiser):
    """``torch.optim.SGD``.

    Args:
        momentum: Momentum factor.
        nesterov: Use Nesterov momentum.
        weight_decay: Coefficient of the L2 penalty.

    Raises:
        BadValue: ``nesterov`` is used without momentum.
    """

    name: ClassVar[str] = "sgd"
    momentum: float = 0.0
    nesterov: bool = False
    weight_decay: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.nesterov and not self.momentum:
            raise BadValue("optimiser 'sgd': nesterov needs a momentum above 0")


@dataclass(frozen=True, kw_only=True)
class Lbfgs(Optimiser):
    """``torch.optim.LBFGS``. One step of a run is one call of it, with at most ``max_iter`` iterations on one batch.

    Args:
        max_iter: Most iterations per step.
        history_size: Number of updates from which the curvature is estimated.
        line_search: ``strong_wolfe`` or ``none``.

    Raises:
        BadValue: ``max_iter`` or ``history_size`` is below 1.
    """

    name: ClassVar[str] = "lbfgs"
    max_iter: int = 20
    history_size: int = 100
    line_search: Literal["strong_wolfe", "none"] = "strong_wolfe"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.max_iter < 1 or self.history_size < 1:
            raise BadValue("optimiser 'lbfgs': max_iter and history_size must be at least 1")

    def gradients(self, steps: int) -> float:
        """Return about how many gradients a run computes: one at the start of each step, and one or two per iteration."""
        return steps * (1 + LINE_SEARCH * self.max_iter)


@dataclass(frozen=True, kw_only=True)
class AdamLbfgs(Optimiser):
    """``torch.optim.Adam``, then ``torch.optim.LBFGS``, as is usual for equations (Raissi et al., JCP 378, 2019).

    Each step of L-BFGS is one iteration with a line search that begins at the length 1: the learning rate and the schedule of
    the protocol apply only to Adam. All of them use one batch, because the curvature is estimated from the differences between
    steps; if a method chooses the points of its steps, it chooses among those of that batch.

    Args:
        betas: Decay rates of Adam's running averages, from 0 up to 1.
        eps: Term that Adam adds to the denominator.
        lbfgs_steps: Number of steps of L-BFGS, the last ones of the run.
        history_size: Number of updates from which the curvature is estimated.

    Raises:
        BadValue: ``lbfgs_steps`` or ``history_size`` is below 1.
    """

    name: ClassVar[str] = "adam-lbfgs"
    betas: tuple[float, ...] = (0.9, 0.999)
    eps: float = 1e-8
    lbfgs_steps: int = 1000
    history_size: int = 100

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.lbfgs_steps < 1 or self.history_size < 1:
            raise BadValue("optimiser 'adam-lbfgs': lbfgs_steps and history_size must be at least 1")

    def fixed_batch_from(self, steps: int) -> int:
        """Return the first step of L-BFGS."""
        return max(0, steps - self.lbfgs_steps)

    def check_steps(self, steps: int) -> None:
        """Raise BadValue if no step is left for Adam."""
        if 0 < steps <= self.lbfgs_steps:
            raise BadValue(
                f"optimiser adam-lbfgs: all {steps} steps of this run would be of L-BFGS; leave some to Adam with "
                f"--set optimiser.lbfgs_steps={max(1, steps // 4)}"
            )

    def shortening(self, divisor: int) -> dict[str, str]:
        """Return the change to the same share of steps of L-BFGS in a shorter run."""
        return {} if divisor == 1 else {"optimiser.lbfgs_steps": str(max(1, self.lbfgs_steps // divisor))}

    def gradients(self, steps: int) -> float:
        """Return about how many gradients a run computes: one per step, and one or two more per iteration of L-BFGS."""
        return steps + LINE_SEARCH * min(steps, self.lbfgs_steps)


@dataclass(frozen=True, kw_only=True)
class Muon(Optimiser):
    """``torch.optim.Muon`` for weight matrices, Adam for all other parameters. Jordan et al., 2024.

    Muon's updates are scaled to the root mean square of Adam's updates, so that one learning rate fits both.

    Args:
        momentum: Momentum of Muon.
        nesterov: Use Nesterov momentum in Muon.
        ns_steps: Newton-Schulz iterations per step of Muon.
        weight_decay: Coefficient of the weight decay.
        betas: Decay rates of Adam's running averages, from 0 up to 1.
        eps: Term that Adam adds to the denominator.
    """

    name: ClassVar[str] = "muon"
    momentum: float = 0.95
    nesterov: bool = True
    ns_steps: int = 5
    weight_decay: float = 0.0
    betas: tuple[float, ...] = (0.9, 0.999)
    eps: float = 1e-8


OPTIMISERS: Mapping[str, type[Optimiser]] = {kind.name: kind for kind in (Adam, AdamW, Sgd, Lbfgs, AdamLbfgs, Muon)}


def optimiser_of(value: str | Mapping[str, Any]) -> Optimiser:
    """Return an optimiser from its name or from the result of ``encoded``.

    Raises:
        UnknownName: There is no optimiser with that name, or it does not have one of the hyper-parameters.
        BadValue: The value of a hyper-parameter is not valid, or the name is missing.
    """
    given = {"name": value} if isinstance(value, str) else dict(value)
    if "name" not in given:
        raise BadValue(f"an optimiser needs a name: one of {', '.join(sorted(OPTIMISERS))}")
    name = str(given.pop("name"))
    if name not in OPTIMISERS:
        raise unknown_name("optimiser", name, OPTIMISERS)
    known = field_types(OPTIMISERS[name])
    for key in given:
        if key not in known:
            raise unknown_name(f"hyper-parameter of optimiser '{name}'", key, known)
    return OPTIMISERS[name](**{key: tuple(item) if isinstance(item, list) else item for key, item in given.items()})
