"""Metrics are computed from named outputs; a new metric is one object."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from inrbench.errors import BadValue
from inrbench.execute.worker import execute
from inrbench.metrics import builtin_metrics
from inrbench.planning import Request, make_plan
from inrbench.problems import Evaluator, Outputs, function_problem
from inrbench.settings import FunctionSettings
from inrbench.spec import Metric, Protocol
from inrbench.store import stored_run

PROTOCOL = Protocol(
    name="t", width=4, n_layers=1, epochs=1, lr=1e-3, lr_min=1e-3, metrics=("x",), settings=FunctionSettings(points={})
)
LARGEST = Metric(
    id="max-error@dense",
    higher_is_better=False,
    scale="log",
    compute=lambda p, t: float(np.abs(p - t).max()),
    title="max error",
)


@pytest.fixture
def problem():
    return function_problem(np.sin, 10, 0, PROTOCOL)


def zeros(x: torch.Tensor) -> torch.Tensor:
    return torch.zeros(len(x), 1)


def test_outputs_are_computed_once_and_only_when_needed():
    calls = []
    outputs = Outputs(
        {"a": lambda _: calls.append("a") or 2.0, "b": lambda o: o["a"] + o["a"], "c": lambda _: calls.append("c")}
    )
    assert outputs["b"] == 4.0
    assert calls == ["a"]


def test_new_metric_can_be_evaluated(problem):
    evaluator = Evaluator([LARGEST], problem.evaluation)
    assert evaluator.primary(zeros) == pytest.approx(math.sin(1), rel=1e-6)


def test_missing_output_gives_a_note_that_lists_the_available_ones(problem):
    metric = replace(LARGEST, needs=("surfaces",))
    (measured,) = Evaluator([metric], problem.evaluation).measure(zeros)
    assert measured.value is None
    assert measured.note == "this problem has no output 'surfaces'; it has: prediction, truth, fitted_mse"
    with pytest.raises(BadValue, match="every sample"):
        Outputs({}, missing={"offgrid_truth": "every sample is fitted"})["offgrid_truth"]


def test_metric_error_becomes_a_note_and_network_error_is_raised(problem):
    def broken(prediction, truth):
        raise RuntimeError("too small\nfor this")

    (measured,) = Evaluator([replace(LARGEST, compute=broken)], problem.evaluation).measure(zeros)
    assert (measured.value, measured.note) == (None, "too small")

    def failing(x: torch.Tensor) -> torch.Tensor:
        raise RuntimeError("out of memory")

    with pytest.raises(RuntimeError, match="out of memory"):
        Evaluator([LARGEST], problem.evaluation).measure(failing)


def test_built_in_metrics_have_a_function_a_title_and_inputs():
    for metric in builtin_metrics().values():
        assert metric.compute is not None, metric.id
        assert metric.title, metric.id
        assert metric.needs, metric.id


def test_titles_of_built_in_metrics_with_the_same_name_begin_with_the_same_words():
    # Tables give a metric without a title the shortest title of its name, the part of the id before "@".
    titles: dict[str, set[str]] = {}
    for metric in builtin_metrics().values():
        titles.setdefault(metric.id.partition("@")[0], set()).add(metric.title)
    for name, found in titles.items():
        assert all(title.startswith(min(found, key=len)) for title in found), name


PLUGIN = '''"""waves: one sine, evaluated by its largest error."""

from inrbench import Metric, Protocol, register_task
from inrbench.tasks.function1d import Function1d, QUICK
from dataclasses import replace
import numpy as np

LARGEST = Metric(id="max-error@dense", title="max error", higher_is_better=False, scale="log",
                 compute=lambda prediction, truth: float(np.abs(prediction - truth).max()))


@register_task("waves")
class Waves(Function1d):
    metrics = (LARGEST,)
    protocols = {"quick": replace(QUICK, epochs=3, width=8, metrics=(LARGEST.id, "mse@dense-20001"))}
'''


def test_task_from_a_user_file_can_define_its_own_metric(tmp_path, settings):
    file = tmp_path / "waves.py"
    file.write_text(PLUGIN)
    request = Request(methods="siren", tasks="waves", protocol="quick", signals="sin200", plugin_files=(file,))
    (job,) = make_plan(request, {})[0].todo
    assert execute(job, settings).status == "ok"
    row = stored_run(settings.results, job.spec.run_id)
    assert [each["id"] for each in row["metrics"]] == ["max-error@dense", "mse@dense-20001"]
    assert row["primary_metric"] == "max-error@dense"
    assert row["metrics"][0]["value"] == row["curve"][-1]["value"]
