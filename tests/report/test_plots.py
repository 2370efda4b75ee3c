"""Figures show the stored numbers and refuse to mix runs that are not comparable."""

from dataclasses import replace
from math import inf

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from inrbench.analyse import TABLE_COLUMNS, build_leaderboard, comparable_runs, metrics_of
from inrbench.cli.main import cli
from inrbench.data import write_image
from inrbench.errors import BadValue, NothingFound, UnknownName
from inrbench.planning.recipes import Tuned
from inrbench.planning.request import Recipe
from inrbench.planning.sensitivity import Sensitivity
from inrbench.registry import Registry
from inrbench.report.plots import PLOTS, critical_difference_over_tasks, gallery, plot_style, probes, sweep
from inrbench.report.plots.curves import mean_curves
from inrbench.report.plots.draw import KINDS
from inrbench.report.plots.sensitivity import sensitivity
from inrbench.report.plots.style import line_style, line_styles
from inrbench.spec import CurvePoint, ProbeReading
from inrbench.store import append, keep_artifacts

READ = {
    "gradients": {"layer 1": -2.0, "layer 2": -4.0},
    "activations": {"std layer 1": 0.7, "dead layer 1": 0.25},
    "ntk": {"r1": 0.5, "r2": 0.3, "r3": 0.15, "remain": 0.05},
    "spectrum": {"error 0-1": 1e-4, "error 1-2": 1e-2, "truth 0-1": 1.0, "truth 1-2": 0.5},
}


@pytest.fixture
def probed(attempt):
    def make(*args, **spec):
        made = attempt(*args, **spec)
        readings = [ProbeReading(probe=p, step=s, name=n, value=v) for s in (0, 7) for p in READ for n, v in READ[p].items()]
        return replace(made, result=replace(made.result, probes=tuple(readings)))

    return make


def group_of(tmp_path, attempts):
    for one in attempts:
        append(tmp_path, one)
    (group,) = comparable_runs(tmp_path, (*TABLE_COLUMNS, "curve", "probes", "artifacts"))
    return group


@pytest.mark.parametrize("kind", sorted(PLOTS))
def test_every_figure_can_be_drawn_and_saved(kind, probed, tmp_path):
    runs = [probed(method=m, signal=s) for m in ("siren", "msa", "relu") for s in "abcdef"]
    sizes = {"siren": 100, "msa": 200, "relu": 300}
    runs = [
        replace(r, result=replace(r.result, cost=replace(r.result.cost, n_params=sizes[r.result.spec.method]))) for r in runs
    ]
    group = group_of(tmp_path, runs)
    with plot_style():
        figure = PLOTS[kind](group)
        for suffix in ("png", "pdf", "svg"):
            figure.savefig(tmp_path / f"f.{suffix}")
            assert (tmp_path / f"f.{suffix}").stat().st_size > 1000


def test_pareto_shows_complete_methods_and_connects_the_front(attempt, tmp_path):
    runs = [attempt(psnr, method=m) for m, psnr in (("siren", 30.0), ("msa", 40.0), ("relu", 20.0))]
    costs = {"siren": (1.0, 10), "msa": (2.0, 20), "relu": (3.0, 30)}
    runs = [
        replace(run, result=replace(run.result, cost=replace(run.result.cost, train_seconds=s, n_params=n)))
        for run in runs for s, n in [costs[run.result.spec.method]]
    ]  # fmt: skip
    group = group_of(tmp_path, [*runs, attempt(method="wire", status="oom")])
    time, params = PLOTS["pareto"](group).axes
    marker_styles = {
        line.get_label(): line.get_xydata().tolist() for line in time.get_lines() if not line.get_label().startswith("_")
    }
    assert marker_styles == {"siren": [[1.0, 30.0]], "msa": [[2.0, 40.0]], "relu": [[3.0, 20.0]]}
    front = [line.get_xydata().tolist() for line in params.get_lines() if line.get_label().startswith("_")]
    assert front == [[[10.0, 30.0], [20.0, 40.0]]]


def test_curve_is_the_mean_over_runs(probed, tmp_path):
    group = group_of(tmp_path, [probed(), probed(signal="b")])
    (line,) = PLOTS["curves"](group).axes[0].get_lines()
    assert line.get_xydata().tolist() == [[7.0, 12.0]]


def test_probe_readings_are_drawn_at_their_steps(probed, tmp_path):
    group = group_of(tmp_path, [probed()])
    lines = {line.get_label(): line.get_xydata().tolist() for line in PLOTS["gradients"](group).axes[0].get_lines()}
    assert lines == {"layer 1": [[0.5, -2.0], [7.0, -2.0]], "layer 2": [[0.5, -4.0], [7.0, -4.0]]}
    spectrum = {line.get_label(): line.get_ydata().tolist() for line in PLOTS["spectrum"](group).axes[0].get_lines()}
    assert spectrum["siren"] == pytest.approx([1e-4, 1e-2])
    assert spectrum["signal"] == pytest.approx([1.0, 0.5])


def test_sweep_has_one_line_per_setting_of_the_other_parameters(attempt, tmp_path):
    runs = [
        attempt(20.0 + x + seed, method="msa", params={"s_max": x, "spacing": spacing}, variant=f"{x},{spacing}", seed=seed)
        for x in (1.0, 2.0) for spacing in ("log", "linear") for seed in (0, 1)
    ]  # fmt: skip
    group = group_of(
        tmp_path, [*runs, attempt(method="msa", params={"s_max": 3.0, "spacing": "log"}, variant="3", status="diverged")]
    )
    axes = sweep(group, "s_max").axes[0]
    lines = {line.get_label(): line.get_xydata().tolist() for line in axes.get_lines() if not line.get_label().startswith("_")}
    assert lines["msa[spacing=linear]"] == [[1.0, 21.5], [2.0, 22.5]]
    assert lines["msa[spacing=log]"][:2] == [[1.0, 21.5], [2.0, 22.5]]
    assert [3.0] in [line.get_xdata().tolist() for line in axes.get_lines() if line.get_marker() == "x"]
    with pytest.raises(UnknownName, match="s_max, spacing"):
        sweep(group, "smax")
    with pytest.raises(NothingFound, match="no run of these has a number as spacing"):
        sweep(group, "spacing")


def test_gallery_shows_the_pictures_of_runs(attempt, tmp_path):
    group = group_of(tmp_path, [attempt(method=m, signal=s) for m in ("siren", "msa") for s in "ab"])
    with pytest.raises(NothingFound, match="left a picture"):
        gallery(group, tmp_path)
    kept = keep_artifacts(tmp_path, _write_pictures)
    rows = [[{"name": artifact.name, "file": artifact.file} for artifact in kept]] * 3 + [None]
    figure = gallery(replace(group, runs=group.runs.assign(artifacts=rows)), tmp_path)
    titles = sorted(axes.get_title() for axes in figure.axes if axes.get_title())
    assert len(titles) == 5 and {"truth\na", "truth\nb", "msa\n30.00 dB", "siren\n30.00 dB"} == set(titles)
    errors = [image for axes in figure.axes for image in axes.images if image.get_cmap().name == "magma"]
    assert len(errors) == 3
    assert all(np.allclose(error.get_array(), 0.25, atol=0.01) for error in errors)
    assert {error.get_clim() for error in errors} == {errors[0].get_clim()}


def _write_pictures(folder):
    write_image(folder / "truth.png", np.full((10, 15, 3), 0.25))
    write_image(folder / "reconstruction.png", np.full((10, 15, 3), 0.5))


def test_plot_command_knows_every_figure():
    assert set(KINDS) == {*PLOTS, "sweep", "gallery", "sensitivity"}


def test_a_step_that_only_some_runs_read_makes_no_jump():
    rows = [("a", step, 0.9) for step in (1, 10, 100)] + [("b", step, 0.1) for step in (1, 10, 90, 100)]
    readings = pd.DataFrame([{"run_id": run, "name": "x", "step": step, "value": value} for run, step, value in rows])
    ((_, line),) = probes._lines(readings)
    assert list(line.index) == [1, 10, 100]
    assert list(line) == [pytest.approx(0.5)] * 3


def test_figure_without_readings_names_the_probe_option(attempt, tmp_path):
    group = group_of(tmp_path, [attempt()])
    with pytest.raises(NothingFound, match="add --probe ntk to inrbench run"):
        PLOTS["ntk"](group)


@pytest.mark.parametrize("together", [
    ("msa", "siren", "wire", "finer", "staf"),
    ("pinn", "ff-pinn", "sf-pinn", "gp-hm-stm", "tsa-pinn", "msa-pinn"),
])  # fmt: skip
def test_methods_drawn_together_differ_in_colour(together):
    assert len({line_style(method)["color"] for method in together}) == len(together)


def test_every_method_has_a_unique_line_style():
    line_styles = {(line_style(method)["color"], line_style(method)["linestyle"]) for method in Registry().methods}
    assert len(line_styles) == len(Registry().methods)


def test_plot_command_draws_one_table_and_refuses_several(attempt, tmp_path):
    append(tmp_path, attempt())
    append(tmp_path, attempt(task="other", protocol_fingerprint="e" * 12))
    formatting = ["plot", "curves", "--results", str(tmp_path), "-o", str(tmp_path / "f.png")]
    with pytest.raises(BadValue, match="runs of 2 tables"):
        CliRunner().invoke(cli, formatting, catch_exceptions=False)
    done = CliRunner().invoke(cli, [*formatting, "--tasks", "toy", "--methods", "siren"], catch_exceptions=False)
    assert done.output == f"wrote {tmp_path / 'f.png'}\n"
    for more, error in (
        (("--methods", "sire"), "unknown method among these runs 'sire', did you mean 'siren'"),
        (("--signals", "z"), "unknown signal among these runs"),
        (("--param", "omega"), "--param names the parameter of plot sweep"),
        (("-o", "f.jpg"), "must end with one of .png"),
    ):
        with pytest.raises((BadValue, UnknownName), match=error):
            CliRunner().invoke(cli, [*formatting, "--tasks", "toy", *more], catch_exceptions=False)


def test_critical_difference_is_drawn_over_tasks(attempt, tmp_path):
    for task, fingerprint in ((letter, letter * 12) for letter in "abcdef"):
        for method, psnr in (("siren", 30.0), ("msa", 20.0), ("relu", 10.0), ("wire", 5.0)):
            if (task, method) != ("b", "wire"):
                append(tmp_path, attempt(psnr, task=task, protocol_fingerprint=fingerprint, method=method))
    formatting = ["plot", "critical-difference", "--results", str(tmp_path), "-o", str(tmp_path / "f.png")]
    assert CliRunner().invoke(cli, formatting, catch_exceptions=False).exit_code == 0
    figure = critical_difference_over_tasks(comparable_runs(tmp_path, ("status", "metrics")))
    texts = [text.get_text() for text in figure.axes[0].texts]
    assert texts == ["siren  1.00", "msa  2.00", "relu  3.00"]
    append(tmp_path, attempt(task="a", protocol_fingerprint="c" * 12))
    with pytest.raises(BadValue, match="exactly one table per task"):
        CliRunner().invoke(cli, formatting, catch_exceptions=False)


def test_mean_curve_of_signals_with_different_steps_is_smooth(attempt, tmp_path):
    def run(signal, steps, level):
        one = attempt(signal=signal)
        curve = tuple(CurvePoint(step=s, train_seconds=float(s), loss=1.0, lr=0.1, value=level + np.log10(s)) for s in steps)
        return replace(one, result=replace(one.result, curve=curve))

    group = group_of(tmp_path, [run("a", (1, 10, 100, 1000), 10.0), run("b", (2, 20, 200, 2000), 30.0)])
    drawn = mean_curves(group, metrics_of(group.runs)[0])
    (line,) = drawn.lines.values()
    assert drawn.axis == "share of the steps"
    assert line.index[-1] == 1
    ends = (10 + np.log10(1000) + 30 + np.log10(2000)) / 2
    assert np.allclose(line["value"], ends + np.log10(line.index)), "each curve is linear in log(step), so the mean is, too"


def test_mean_curve_ends_at_the_leaderboard_value(attempt, tmp_path):
    def run(end, **spec):
        one = attempt(end, **spec)
        curve = tuple(CurvePoint(step=s, train_seconds=s / 10, loss=1.0, lr=0.1, value=v) for s, v in ((1, 5.0), (10, end)))
        return replace(one, result=replace(one.result, curve=curve))

    runs = [run(30.0 + seed, signal="a", seed=seed) for seed in range(3)] + [run(10.0, signal="b")]
    group = group_of(tmp_path, [*runs, run(99.0, method="msa", signal="a")])
    drawn = mean_curves(group, metrics_of(group.runs)[0])
    assert drawn.left_out == ("msa",)
    assert (
        drawn.lines["siren"]["value"].iloc[-1]
        == pytest.approx(build_leaderboard(group).rows[0].cells["psnr@test"].mean)
        == 20.5
    )


def test_method_without_training_is_a_horizontal_line_at_the_value_in_the_table(attempt, tmp_path):
    solved = attempt(31.0, method="dct")
    curve = tuple(CurvePoint(step=s, train_seconds=0.1, loss=1.0, lr=0.0, value=v) for s, v in ((1, 5.0), (4, 33.0)))
    group = group_of(tmp_path, [replace(solved, result=replace(solved.result, curve=curve)), attempt()])
    drawn = mean_curves(group, metrics_of(group.runs)[0])
    assert set(drawn.lines["dct"]["value"]) == {31.0}  # not the 33 of the solver, which works in float64
    assert drawn.axis == "step"


def test_settings_of_one_method_have_different_line_styles():
    labels = ["siren", *(f"msa[s_max={s}]" for s in ("3.0", "4.0", "5.0", "2.0"))]
    found = line_styles(labels)
    assert len({(style["color"], style["linestyle"]) for style in found.values()}) == len(labels)


def recipe(method, falls, budget=4):
    return Tuned("photo", method, "quick", Recipe({}, {}, ""), budget, falls=falls)


def test_sensitivity_shows_the_learning_rate_and_the_most_sensitive_parameter():
    siren = (Sensitivity("lr", -1.0, 5.0), Sensitivity("omega", 1.0, None), Sensitivity("omega_first", 2.0, 7.0))
    figure = sensitivity([recipe("siren", siren), recipe("msa", (Sensitivity("lr", 4.0, inf),))], "title", "dB")
    rate, parameter = figure.axes
    assert (rate.get_xlabel(), parameter.get_xlabel()) == (
        "trials with learning rate off by about",
        "trials with most sensitive parameter off by about",
    )
    lines = [line.get_xydata().tolist() for line in rate.lines[:4]]
    assert lines == [[[1, 0], [2, 1], [4, -5]], [], [[1, 0], [2, -4]], [[4, 0.03]]]  # the cross of msa is at the bottom
    assert [text.get_text() for text in parameter.texts] == ["siren omega_first"]
    with pytest.raises(NothingFound, match="no recipe says how far"):
        sensitivity([recipe("siren", ())], "title", "dB")


def test_plot_sensitivity_reads_the_recipes_of_a_tuned_track(attempt, siren_recipe, tmp_path):
    append(tmp_path, attempt(30.0, method="siren", task="photo", protocol="quick", track="tuned-4"))
    append(tmp_path, attempt(30.0, method="siren", task="photo", protocol="quick"))
    siren_recipe(tmp_path, "photo", "quick", 'lr = [1.5, "none"]')
    call = ["plot", "sensitivity", "--tasks", "photo", "--results", str(tmp_path), "-o", str(tmp_path / "a.png"), "--track"]
    done = CliRunner().invoke(cli, [*call, "tuned"])
    assert done.exit_code == 0, done.output
    refused = CliRunner().invoke(cli, [*call, "paper"])
    assert "the track paper has none; use --track tuned" in str(refused.exception)
