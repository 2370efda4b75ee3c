"""What checks work on, and what they say."""

import logging
import os
import sys
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeVar

import torch
from torch import nn

from inrbench.errors import plugin_location
from inrbench.problems import Regression
from inrbench.registry import Method
from inrbench.spec import NetworkSpec, Value

State = Literal["ok", "warn", "fail"]
POINTS = 256


@dataclass(frozen=True)
class CheckResult:
    """What one check saw. A ``note`` is worth knowing and no fault."""

    check: str
    state: State
    message: str
    advice: str = ""


def switches() -> dict[str, object]:
    """Return what is set for the whole process, and a method should leave alone."""
    return {
        "torch's default dtype": torch.get_default_dtype(),
        "torch's default device": torch.get_default_device(),
        "whether gradients are kept": torch.is_grad_enabled(),
        "torch's threads": torch.get_num_threads(),
        "deterministic algorithms": torch.are_deterministic_algorithms_enabled(),
        "anomaly detection": torch.is_anomaly_enabled(),
        "the precision of matrix products": torch.get_float32_matmul_precision(),
        "the folder": Path.cwd(),
        "the environment": dict(os.environ),
        "sys.path": tuple(sys.path),
        "warning filters": len(warnings.filters),
        "logging": (logging.getLogger().level, len(logging.getLogger().handlers)),
    }


@dataclass(frozen=True)
class MethodUnderTest:
    """A method with parameters, to be built small and often."""

    method: Method
    params: Mapping[str, Value] = field(default_factory=dict)
    before: Mapping[str, object] = field(default_factory=switches)
    """What was set for the whole process before the method was built for the first time."""

    def network(self, in_features: int = 2, out_features: int = 3, seed: int = 0, width: int = 24) -> nn.Module:
        """Return a network of four nonlinear layers, its weights drawn from a seed."""
        net = NetworkSpec(in_features=in_features, out_features=out_features, width=width, n_layers=4)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            return self.method(net, **self.params)

    @staticmethod
    def coordinates(n: int = POINTS, d: int = 2) -> torch.Tensor:
        """Return points in [-1, 1], always the same."""
        return 2 * torch.rand(n, d, generator=torch.Generator().manual_seed(1)) - 1

    def problem(self) -> Regression:
        """Return a smooth function of two variables to be fitted. It cannot be judged."""
        x = self.coordinates()
        y = torch.stack((torch.sin(9 * x[:, 0]), torch.cos(5 * x[:, 1]), x.prod(1)), dim=1)
        return Regression(x, y, None, None)  # type: ignore[arg-type]


T = TypeVar("T")


OnResult = Callable[[CheckResult], None]
"""Who wants to know of each verdict as soon as it is there."""


def ignore_result(result: CheckResult) -> None:
    """Tell nobody."""


def run_checks(
    subject: T, checks: Sequence[Callable[[T], CheckResult]], on_result: OnResult = ignore_result
) -> list[CheckResult]:
    """Return what checks say of a subject, and tell each at once. One that raises has failed, and the others go on."""
    found = []
    for check in checks:
        result = _said(check, subject)
        on_result(result)
        found.append(result)
    return found


def _said(check: Callable[[T], CheckResult], subject: T) -> CheckResult:
    try:
        return check(subject)
    except Exception as error:
        what = str(error).strip().partition("\n")[0]
        return CheckResult(
            check.__name__.replace("_", " "), "fail", f"raised {type(error).__name__}: {what}{plugin_location(error)}"
        )
