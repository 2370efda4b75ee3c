"""The method under test, the result of a check, and the function that runs checks."""

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
from inrbench.fit import fp32_settings
from inrbench.problems import Regression
from inrbench.registry import Method
from inrbench.spec import NetworkSpec, Value

State = Literal["ok", "warn", "fail"]
POINTS = 256


@dataclass(frozen=True)
class CheckResult:
    """The result of one plugin check.

    Args:
        check: Name of the check.
        state: ``ok``, ``warn`` (worth knowing, but not a fault) or ``fail``.
        message: What the check found.
        advice: How to fix it; may be empty.
    """

    check: str
    state: State
    message: str
    advice: str = ""


def switches() -> dict[str, object]:
    """Return the process-wide settings that a method must not change."""
    return {
        "torch's default dtype": torch.get_default_dtype(),
        "torch's default device": torch.get_default_device(),
        "whether gradients are enabled": torch.is_grad_enabled(),
        "torch's threads": torch.get_num_threads(),
        "deterministic algorithms": torch.are_deterministic_algorithms_enabled(),
        "anomaly detection": torch.is_anomaly_enabled(),
        "the float32 precision of matrix products": fp32_settings(),
        "the working directory": Path.cwd(),
        "the environment variables": dict(os.environ),
        "sys.path": tuple(sys.path),
        "warning filters": len(warnings.filters),
        "logging": (logging.getLogger().level, len(logging.getLogger().handlers)),
    }


@dataclass(frozen=True)
class MethodUnderTest:
    """A method with parameters, from which checks build small networks.

    Args:
        method: The method.
        params: Values of its parameters; parameters that are not given keep their defaults.
        before: Process-wide settings from before the method was first built; see ``switches``.
    """

    method: Method
    params: Mapping[str, Value] = field(default_factory=dict)
    before: Mapping[str, object] = field(default_factory=switches)

    def network(self, in_features: int = 2, out_features: int = 3, seed: int = 0, width: int = 24) -> nn.Module:
        """Return a network with four nonlinear layers and random weights.

        Args:
            in_features: Number of coordinates.
            out_features: Number of output channels.
            seed: Seed of the initial weights.
            width: Width of the nonlinear layers.
        """
        net = NetworkSpec(in_features=in_features, out_features=out_features, width=width, n_layers=4)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            return self.method(net, **self.params)

    @staticmethod
    def coordinates(n: int = POINTS, d: int = 2) -> torch.Tensor:
        """Return random points in [-1, 1] as a tensor ``(n, d)``; they are the same in every call."""
        return 2 * torch.rand(n, d, generator=torch.Generator().manual_seed(1)) - 1

    def problem(self) -> Regression:
        """Return a regression on a smooth function of two variables. It has no evaluation."""
        x = self.coordinates()
        y = torch.stack((torch.sin(9 * x[:, 0]), torch.cos(5 * x[:, 1]), x.prod(1)), dim=1)
        return Regression(x, y, None, None)  # type: ignore[arg-type]


T = TypeVar("T")


OnResult = Callable[[CheckResult], None]
"""Callback for the result of each check, called as soon as the result is known."""


def ignore_result(result: CheckResult) -> None:
    """Ignore the result."""


def run_checks(
    subject: T, checks: Sequence[Callable[[T], CheckResult]], on_result: OnResult = ignore_result
) -> list[CheckResult]:
    """Run checks on a subject and return their results. A check that raises has failed; the others still run.

    Args:
        subject: The method or task to check.
        checks: The checks, in the order in which they run.
        on_result: Called with each result as soon as it is known.
    """
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
