"""Numbers change only together with HARNESS_VERSION, a task's version or a method's code: otherwise published ones are wrong."""

import importlib.util
import json
from pathlib import Path

import pytest

from inrbench.registry import Registry
from inrbench.spec import HARNESS_VERSION

spec = importlib.util.spec_from_file_location("golden", Path(__file__).with_name("golden.py"))
golden = importlib.util.module_from_spec(spec)
spec.loader.exec_module(golden)

KNOWN = json.loads(golden.TABLE.read_text())
REGISTRY = Registry()
CASES = golden.cases(REGISTRY)
SAME = 2e-3
"""Relative tolerance for the rounding differences between processors after three steps."""


def test_golden_table_is_complete_and_has_the_current_version():
    advice = "python tests/golden.py rewrites it; CONTRIBUTING.md says when"
    assert KNOWN["edition"] == HARNESS_VERSION, advice
    assert sorted(KNOWN["losses"]) == sorted(f"{m} on {t}/{s}" for m, t, s in CASES), advice


@pytest.mark.parametrize(("method", "task", "signal"), CASES, ids=[f"{m}-{t}" for m, t, _ in CASES])
@pytest.mark.parametrize("engine", ["reference", "fast"])
def test_loss_after_a_few_steps_matches_the_golden_table(method, task, signal, engine):
    now = golden.loss_after(REGISTRY, method, task, signal, engine)
    assert now == pytest.approx(KNOWN["losses"][f"{method} on {task}/{signal}"], rel=SAME), (
        "a number changed: take the change back, or raise HARNESS_VERSION and write the table again (CONTRIBUTING.md)"
    )
