"""The regression check passes and fails where it should."""

from dataclasses import replace
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner

from inrbench.analyse import comparable_runs
from inrbench.analyse.regression import COLUMNS, check_quality, check_speed
from inrbench.cli.main import cli
from inrbench.errors import CHECK_FAILED, NOTHING_COMPARED, OK
from inrbench.store import append


@pytest.fixture
def published(attempt, tmp_path):
    """Three seeds that differ by a decibel, or by a factor of ten in error."""
    folder = tmp_path / "published"
    for seed, (psnr, mse) in enumerate([(29.0, 1e-4), (30.0, 1e-3), (31.0, 1e-2)]):
        append(folder, attempt(psnr, mse, seed=seed))
    return folder


def check(new, against):
    return check_quality(comparable_runs(new, COLUMNS), comparable_runs(against, COLUMNS))


def outcomes(checks):
    return {c.about.split(", ")[-1]: c.outcome for c in checks}


@pytest.mark.parametrize(("psnr", "mse", "expected"), [
    (29.0, 1e-4, {"psnr@test": "holds", "mse@test": "holds"}),
    (29.5, 3e-4, {"psnr@test": "holds", "mse@test": "holds"}),
    (5.0, 1e-4, {"psnr@test": "failed", "mse@test": "holds"}),
    (99.0, 1e-4, {"psnr@test": "failed", "mse@test": "holds"}),  # suspiciously good
])  # fmt: skip
def test_the_check_allows_differences_within_the_spread_over_seeds(attempt, published, tmp_path, psnr, mse, expected):
    append(tmp_path / "new", attempt(psnr, mse))
    # with three seeds alone t = 31.6 would accept anything; thirty seeds of a second signal determine the spread
    append(published, attempt(29.0, 1e-4, signal="b", seed=0))
    for seed in range(1, 30):
        append(published, attempt(29.0 + seed % 2, 10.0 ** (-4 + seed % 2), signal="b", seed=seed))
    assert outcomes(check(tmp_path / "new", published)) == expected


def test_a_newly_failed_run_fails_the_check(attempt, published, tmp_path):
    append(tmp_path / "new", attempt(status="diverged"))
    (only,) = check(tmp_path / "new", published)
    assert (only.outcome, only.message) == ("failed", "published ok, now diverged: why")


def test_a_newly_missing_metric_fails_the_check(attempt, published, tmp_path):
    append(tmp_path / "new", attempt(None, 1e-4))
    assert outcomes(check(tmp_path / "new", published)) == {"psnr@test": "failed", "mse@test": "holds"}


def test_a_metric_whose_data_is_missing_is_not_compared(attempt, published, tmp_path):
    made = attempt(None, 1e-4)
    psnr, mse = made.result.metrics
    missing = replace(psnr, note="data missing, run: inrbench data fetch lpips")
    append(tmp_path / "new", replace(made, result=replace(made.result, metrics=(missing, mse))))
    assert outcomes(check(tmp_path / "new", published)) == {"psnr@test": "not compared", "mse@test": "holds"}


def test_a_single_published_seed_is_not_compared(attempt, tmp_path):
    append(tmp_path / "published", attempt(30.0))
    append(tmp_path / "new", attempt(20.0))
    assert set(outcomes(check(tmp_path / "new", tmp_path / "published")).values()) == {"not compared"}


def test_runs_with_different_protocol_fingerprints_are_not_compared(attempt, published, tmp_path):
    append(tmp_path / "new", attempt(5.0, protocol_fingerprint="e" * 12))
    assert check(tmp_path / "new", published) == []
    words = ["regress", "--results", str(tmp_path / "new"), "--against", str(published)]
    done = CliRunner().invoke(cli, words, standalone_mode=False)
    assert done.return_value == NOTHING_COMPARED
    assert "nothing was compared" in done.output


def test_regress_command_prints_failures_and_writes_ci_reports(attempt, published, tmp_path):
    new, junit, summary = tmp_path / "new", tmp_path / "j.xml", tmp_path / "s.md"
    words = ["regress", "--results", str(new), "--against", str(published), "--junit", str(junit), "--summary", str(summary)]
    append(new, attempt(29.2, 1e-4))
    assert CliRunner().invoke(cli, words, standalone_mode=False).return_value == OK
    append(new, attempt(status="error", seed=1))
    done = CliRunner().invoke(cli, words, standalone_mode=False)
    assert done.return_value == CHECK_FAILED
    (line,) = [line for line in done.output.splitlines() if line.startswith("failed: ")]
    assert line.endswith("published ok, now error: why")
    suite = ElementTree.parse(junit).getroot()
    assert (suite.get("tests"), suite.get("failures")) == ("3", "1")
    assert "| toy/a" in summary.read_text()


def test_speed_check_limits_the_ratio_of_engine_times(attempt, tmp_path):
    for engine, seconds in (("fast", 3.0), ("reference", 4.0)):
        made = attempt(engine=engine)
        append(tmp_path, replace(made, result=replace(made.result, cost=replace(made.result.cost, train_seconds=seconds))))
    groups = comparable_runs(tmp_path, COLUMNS)
    assert [c.outcome for c in check_speed(groups, 0.8)] == ["holds"]
    assert [c.outcome for c in check_speed(groups, 0.7)] == ["failed"]


BROKEN = '''
"""siren, whose sine forgot its frequency."""
import torch
from torch import nn
from inrbench import CoordinateMLP, NetworkSpec, register_method


class Sine(nn.Module):
    def __init__(self, omega):
        super().__init__()
        self.omega = omega

    def forward(self, z):
        return torch.sin(OMEGA * z)


@register_method("gated")
def gated(net: NetworkSpec, *, omega: float = 30.0) -> nn.Module:
    return CoordinateMLP(net, lambda i: Sine(omega))
'''


@pytest.mark.slow
def test_regress_command_detects_a_broken_activation(tmp_path):
    """End to end: publish runs, change the file, run again, check."""
    plugin = tmp_path / "gated.py"

    def run(results, seeds):
        words = ["run", "--methods", str(plugin), "--tasks", "photo", "--signals", "camera", "--protocol", "quick",
                 "--set", "width=16", "--set", "epochs=20", "--seeds", seeds, "--device", "cpu", "--artifacts", "none",
                 "--results", str(tmp_path / results)]  # fmt: skip
        assert CliRunner().invoke(cli, words, standalone_mode=False).return_value == OK

    def regress(results):
        words = ["regress", "--results", str(tmp_path / results), "--against", str(tmp_path / "published")]
        return CliRunner().invoke(cli, words, standalone_mode=False).return_value

    plugin.write_text(BROKEN.replace("OMEGA", "self.omega"))
    run("published", "3")
    run("same", "1")
    assert regress("same") == OK
    plugin.write_text(BROKEN.replace("OMEGA", "1e-3"))
    run("broken", "1")
    assert regress("broken") == CHECK_FAILED
