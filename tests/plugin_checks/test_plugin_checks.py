"""The checks of ``inrbench check-plugin``: built-in plugins pass them, and each check fails on a faulty plugin."""

import re
import textwrap

import pytest
import torch

from inrbench.errors import DataMissing
from inrbench.plugin_checks import check_method, check_task
from inrbench.registry import Registry

REGISTRY = Registry()


MAY_WARN = {"parameters", "variance", "dead units"}
"""Checks of the initial network, where a warning is the method's own choice."""
WARNINGS = {
    **{name: {"second derivative"} for name in ("relu", "hash-grid", "low-rank-grid")},
    **{name: {"the rest"} for name in REGISTRY.methods if name == "gp-hm-stm" or REGISTRY.method(name).closed_form},
}
"""Method -> checks that warn by design: linear pieces have no second derivative; solved models are checked in part."""


@pytest.mark.parametrize("name", sorted(REGISTRY.methods))
def test_built_in_methods_pass_every_check(name):
    found = check_method(REGISTRY.method(name), compiled=False)
    states = {result.check: (result.state, result.message) for result in found if result.check not in MAY_WARN}
    assert {check for check, (state, _) in states.items() if state != "ok"} == WARNINGS.get(name, set()), states
    assert not [result for result in found if result.state == "fail"]


@pytest.mark.parametrize("name", sorted(REGISTRY.tasks))
def test_built_in_tasks_pass_every_check(name):
    task = REGISTRY.task(name)
    try:
        task.problem(task.signals()[0], task.protocols["quick"], 0)
    except DataMissing:
        pytest.skip("data missing")
    assert [result.state for result in check_task(task)] == ["ok"] * 7


@pytest.mark.slow
def test_last_check_compiles_the_method():
    *_, last = check_method(REGISTRY.method("siren"))
    assert (last.check, last.state) == ("compiling", "ok")


HEAD = '''
"""{doc}"""
import torch
from torch import nn
from inrbench import CoordinateMLP, register_method

class Act(nn.Module):
    def __init__(self):
        super().__init__()
        self.extra = nn.Parameter(torch.ones(()))
        self.drawn = {drawn}
    def forward(self, z):
        {forward}

@register_method("bad", formula="z")
def bad(net, *, gain: float = 1.0):
    {build}
    return {network}
'''
GOOD = {"doc": "bad: one thing is wrong.\n\n    y = z\n", "drawn": "None", "forward": "return torch.sin(3 * self.extra * z)", "build": "pass",
        "network": "CoordinateMLP(net, lambda i: Act())"}  # fmt: skip


def check_results(tmp_path, **parts: str) -> dict[str, tuple[str, str]]:
    path = tmp_path / f"bad{len(list(tmp_path.iterdir()))}.py"
    path.write_text(HEAD.format(**{**GOOD, **parts}))
    return {v.check: (v.state, v.message) for v in check_method(Registry([path]).method("bad"), compiled=False)}


def test_valid_method_passes_all_checks(tmp_path):
    assert {state for state, _ in check_results(tmp_path).values()} == {"ok"}


FAULTS = {
    "shape": ({"network": "nn.Linear(net.in_features, 7)"}, "fail", r"\(17, 7\)"),
    "device": ({"forward": "return torch.sin(3 * self.extra * z) + torch.ones(z.shape[1])"}, "fail", "on the CPU"),
    "determinism": ({"forward": "return torch.sin(3 * self.extra * z) + torch.rand_like(z)"}, "fail", "two evaluations differ"),
    "side effects": ({"build": "torch.set_num_threads(3)"}, "fail", "torch's threads"),
    "independence": ({"forward": "return torch.sin(3 * self.extra * z) - z.mean(0)"}, "fail", "differ by"),
    "gradients": ({"forward": "return torch.sin(3 * z)"}, "fail", "none reaches activations.0.extra"),
    "weights": ({"drawn": "torch.rand(())", "forward": "return torch.sin((3 + self.drawn) * self.extra * z)"}, "fail", "other values"),
    "derivative": ({"forward": "return torch.sin(3 * self.extra * z * (z.detach().abs() + 1))"}, "fail", "autograd gives"),
    "second derivative": ({"forward": "return self.extra * z.relu()"}, "warn", "not for equations"),
    "chunks": ({"forward": "return torch.sin(3 * self.extra * z) - z.mean(0)"}, "fail", "differs by"),
    "variance": ({"forward": "return 1e-3 * torch.sin(3 * self.extra * z)"}, "warn", "deviation over the points"),
    "dead units": ({"forward": "return self.extra * torch.exp(-(300 * (z - 5)) ** 2)"}, "warn", "100 %"),
    "parameters": ({"network": "CoordinateMLP(type(net)(in_features=net.in_features, out_features=net.out_features, "
                               "width=2 * net.width, n_layers=net.n_layers), lambda i: Act())"}, "warn", "times as many as a plain MLP"),
    "at zero": ({"forward": "return self.extra * torch.log(z.abs())"}, "fail", "the value of activation 0 at z = 0 is -inf"),
    "documentation": ({"doc": "bad: nothing is said."}, "warn", "no line 'y = ...'"),
}  # fmt: skip


@pytest.fixture
def threads():
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("threads")
@pytest.mark.parametrize("check", FAULTS)
def test_each_check_detects_its_fault(tmp_path, check):
    parts, state, message = FAULTS[check]
    found = check_results(tmp_path, **parts)
    assert found[check][0] == state
    assert re.search(message, found[check][1]), found[check]


def test_builder_that_raises_gives_one_failed_result(tmp_path):
    assert check_results(tmp_path, build="raise ValueError('no width')") == {
        "building": ("fail", "raised ValueError: no width (bad0.py, line 20)")
    }


TASK = '''
"""steps: a function."""
import numpy as np
from inrbench import Metric, Protocol, Task, register_task
from inrbench.errors import unknown_name
from inrbench.metrics.error import MSE_DENSE, MSE_TRAIN
from inrbench.registry import ProblemSize
from inrbench.spec import digest

@register_task("steps")
class Steps(Task):
    kind = "function"
    version = "1"
    changes = {{"1": "first version"}}
    metrics = (MSE_TRAIN, MSE_DENSE)
    protocols = {{"quick": Protocol(name="quick", width=8, n_layers=2, epochs=2, lr=1e-3, lr_min=1e-3,
                                    metrics=(MSE_TRAIN.id, MSE_DENSE.id), sources={{"all": "ours"}})}}

    def signals(self):
        return ("a", "b")

    def signal_sha256(self, signal):
        {known}
        return digest({hashed})

    def size(self, signal, protocol):
        return ProblemSize(1, 1, {points})

    def problem(self, signal, protocol, data_seed):
        from inrbench.problems import function_problem
        return function_problem(np.sign, 64, {seed}, protocol)
'''


@pytest.mark.parametrize(("parts", "check"), [
    ({}, None), ({"points": "65"}, "size"), ({"hashed": "1"}, "signals"), ({"known": "pass"}, "signals"),
    ({"seed": "__import__('random').randrange(10**9)"}, "repeatability"),
])  # fmt: skip
def test_faults_of_tasks_are_detected(tmp_path, parts, check):
    good = {"known": "if signal not in ('a', 'b'): raise unknown_name('signal', signal, ('a', 'b'))", "hashed": "signal",
            "points": "64", "seed": "data_seed"}  # fmt: skip
    path = tmp_path / "steps.py"
    path.write_text(textwrap.dedent(TASK.format(**{**good, **parts})))
    found = check_task(Registry([path]).task("steps"))
    assert [result.check for result in found if result.state != "ok"] == ([check] if check else [])
