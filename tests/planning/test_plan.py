from dataclasses import replace

import pytest

from inrbench.errors import BadValue, BrokenPlugin, UnknownName
from inrbench.planning import Request, estimate, make_plan, timed_steps
from inrbench.planning.device import resolve_device


def plan(finished=None, **fields):
    return make_plan(Request(**{"tasks": "function1d", "protocol": "quick", **fields}), finished or {})[0]


def labels(jobs):
    return [f"{j.spec.signal}/{j.spec.label}/{j.spec.seed}" for j in jobs]


def test_plan_contains_every_combination_once():
    chosen = plan(methods="siren,relu,siren", signals="sin*", seeds=(0, 1))
    assert len(chosen.todo) == 3 * 2 * 2
    assert len({job.spec.run_id for job in chosen.todo}) == 12


def test_methods_all_selects_every_method():
    assert {job.spec.method for job in plan(methods="all", signals="sin200").todo} >= {
        "msa", "siren", "wire", "finer", "staf", "gauss", "relu", "relu-pe", "fourier",
    }  # fmt: skip


def test_grid_gives_labelled_variants_and_default_values_get_no_label():
    chosen = plan(methods="siren[omega=30,60],msa[s_max=(1,1,1,1)],siren", signals="sin200")
    assert labels(chosen.todo) == ["sin200/siren/0", "sin200/siren[omega=60.0]/0", "sin200/msa[s_max=(1.0,1.0,1.0,1.0)]/0"]


def test_finished_runs_are_not_planned_again():
    everything = plan(methods="siren,relu,gauss,wire,staf", signals="sin200").todo
    ends = dict(zip((job.spec.run_id for job in everything), ("ok", "error", "skipped", "interrupted", "timeout"), strict=True))
    again = plan(ends, methods="siren,relu,gauss,wire,staf", signals="sin200")
    assert labels(again.done) == ["sin200/siren/0"]
    assert labels(again.todo) == ["sin200/gauss/0", "sin200/wire/0"]
    assert [status for _, status in again.failed] == ["error", "timeout"]
    retried = plan(ends, methods="siren,relu,gauss,wire,staf", signals="sin200", retry_failed=True)
    assert len(retried.todo) == 4


def test_device_changes_the_run_id_but_not_the_fingerprint():
    cpu, gpu = (plan(methods="relu", signals="sin200", device=device).todo[0].spec for device in ("cpu", "cuda:0"))
    assert cpu.protocol_fingerprint == gpu.protocol_fingerprint
    assert cpu.run_id != gpu.run_id


def test_suite_selects_tasks_protocols_and_signals():
    jobs = plan(tasks=None, suite="quick", methods="relu").todo
    assert {(j.spec.task, j.spec.signal, j.spec.protocol) for j in jobs} == {
        ("function1d", "multiscale", "quick"), ("function1d", "sin200", "quick"),
        ("photo", "astronaut", "quick"), ("photo", "camera", "quick"),
        ("video", "orbits", "quick"), ("sdf", "knot", "quick"), ("occupancy", "gyroid", "quick"),
        ("heat1d", "b5", "quick"),
    }  # fmt: skip
    narrowed = plan(tasks="photo", suite="quick", methods="relu").todo
    assert {j.spec.task for j in narrowed} == {"photo"}


@pytest.mark.parametrize(("fields", "error", "text"), [
    ({"methods": "sirn"}, UnknownName, "unknown method 'sirn', did you mean 'siren'"),
    ({"tasks": "kodac"}, UnknownName, "unknown task 'kodac', did you mean 'kodak'"),
    ({"signals": "sin201"}, UnknownName, "unknown signal of function1d 'sin201', did you mean 'sin200'"),
    ({"protocol": "papr"}, UnknownName, "unknown protocol of task 'function1d' 'papr', did you mean 'paper'"),
    ({"suite": "quik", "tasks": None}, UnknownName, "unknown suite 'quik', did you mean 'quick'"),
    ({"methods": "siren[omga=3]"}, UnknownName, "unknown parameter of siren 'omga', did you mean 'omega'"),
    ({"methods": "siren[omega=x]"}, BadValue, r"siren\[omega\]: expected a number, got 'x'"),
    ({"methods": "all[omega=3]"}, BadValue, "name the method"),
    ({"changes": {"epochs": "-3"}}, BadValue, "epochs must be positive, got -3"),
    ({"tasks": None}, BadValue, "nothing is selected"),
    ({"signals": ","}, BadValue, "nothing is selected"),
    ({"signals": "./mine.png"}, BadValue, "function1d take.* no files; with --tasks .*photo.* it can be"),
    ({"tasks": "photo", "signals": "./mine.png"}, BadValue, "no such file: .*mine.png"),
    ({"methods": "./absent.py"}, BrokenPlugin, "absent.py is broken: no such file"),
])  # fmt: skip
def test_invalid_requests_are_refused_in_one_line(fields, error, text):
    with pytest.raises(error, match=text) as refused:
        plan(**fields)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(("text", "reason"), [
    ("def f(:", "SyntaxError"),
    ("import no_such_package\n@register_method('broken')\ndef f(net): ...", "no_such_package"),
    ("@register_task('broken')\nclass T: ...", "register_task"),
])  # fmt: skip
def test_broken_plugin_is_left_out_of_all_with_a_note(tmp_path, text, reason):
    path = tmp_path / "broken.py"
    path.write_text(text)
    chosen = plan(methods="all", tasks="all", signals="sin200", plugin_files=[path])
    assert any("broken" in note and reason in note for note in chosen.notes)
    assert len(chosen.todo) >= 9


@pytest.mark.parametrize("text", ["gpu", "cuda:x", "CPU", ""])
def test_unknown_devices_are_refused(text):
    with pytest.raises(BadValue, match="expected auto, cpu, cuda"):
        resolve_device(text)
    with pytest.raises(BadValue, match="torch sees"):
        resolve_device("cuda:99")
    assert resolve_device("cpu") == "cpu"


def test_estimates_grow_with_the_epochs_and_with_the_gradients_of_the_optimiser(tmp_path, monkeypatch):
    monkeypatch.setattr(timed_steps, "_seconds_of", lambda *args: 0.01)

    def seconds(task: str, signal: str, **changes: str) -> float:
        (job,) = plan(tasks=task, methods="siren", signals=signal, changes=changes).todo
        return estimate([job], tmp_path, 1).seconds[0]

    assert 3 < seconds("function1d", "sin200", epochs="1000") / seconds("function1d", "sin200", epochs="100") < 30
    for task, signal in (("function1d", "sin200"), ("heat1d", "b5")):
        adam = seconds(task, signal, epochs="5000")
        assert 20 < seconds(task, signal, epochs="5000", optimiser="lbfgs") / adam < 30
        assert (
            1.8
            < seconds(task, signal, epochs="5000", **{"optimiser": "adam-lbfgs", "optimiser.lbfgs_steps": "4000"}) / adam
            < 2.2
        )


def test_estimates_of_trials_have_fewer_evaluations(tmp_path, monkeypatch):
    monkeypatch.setattr(timed_steps, "_seconds_of", lambda *args: 0.01)
    (job,) = plan(methods="siren", signals="sin200", changes={"epochs": "10"}).todo
    jobs = [replace(job, spec=replace(job.spec, track=track)) for track in ("paper", "search")]
    whole, trial = estimate(jobs, tmp_path, 1).ranges
    assert whole[1] - trial[1] == pytest.approx(2 * 0.01 * (30 - 4) / 3), "the upper end of the range is twice the middle"


def test_estimate_needs_no_data(no_data):
    jobs = make_plan(Request(tasks="kodak", protocol="quick", methods="relu"), {})[0].todo
    expected = estimate(jobs, no_data, 1)
    assert len(expected.seconds) == 24
    assert min(expected.seconds) > 0
    assert expected.wall_seconds(2)[1] < sum(high for _, high in expected.ranges)
    assert (expected.measured, expected.timed, expected.unknown) == (0, 24, 0)


def test_all_uses_methods_only_on_suitable_tasks_and_a_name_on_any():
    photo = {job.spec.method for job in plan(methods="all", tasks="photo", signals="camera").todo}
    assert "siren" in photo and not {"pinn", "msa-pinn", "gp-hm-stm"} & photo
    assert {"siren", "pinn", "msa-pinn", "gp-hm-stm"} <= {
        job.spec.method for job in plan(methods="all", tasks="poisson2d", signals="ablation").todo
    }
    assert labels(plan(methods="pinn", tasks="photo", signals="camera").todo) == ["camera/pinn/0"]
    assert "pinn" in {job.spec.method for job in plan(methods="all,pinn", tasks="photo", signals="camera").todo}


def test_file_signal_is_used_by_tasks_that_accept_its_extension(tmp_path):
    for name in ("a.png", "b.stl"):
        (tmp_path / name).write_bytes(b"")
    jobs = plan(methods="siren", tasks="photo,sdf,video", signals=f"{tmp_path}/a.png,{tmp_path}/b.stl").todo
    assert [(job.spec.task, job.spec.signal) for job in jobs] == [("photo", "a.png"), ("sdf", "b.stl")]
    with pytest.raises(BadValue, match="photo take.* no files|with --tasks sdf or sdf-points or occupancy it can be"):
        plan(methods="siren", tasks="photo", signals=f"{tmp_path}/b.stl")


def test_estimate_of_an_equation_is_positive_and_of_a_solver_unknown(tmp_path):
    def seconds(task: str, signal: str, method: str) -> tuple[float, int]:
        jobs = plan(methods=method, tasks=task, signals=signal, protocol="quick", changes={"width": "50", "epochs": "100"}).todo
        expected = estimate(jobs, tmp_path, 1)
        return expected.seconds[0], expected.unknown

    assert seconds("poisson2d", "ablation", "gp-hm-stm") == (0.0, 1)
    assert seconds("poisson2d", "ablation", "pinn")[0] > 0.05


def test_changes_that_give_an_empty_problem_are_refused_in_the_plan(tmp_path):
    for task, change in (("photo", {"max_pixels": "-1"}), ("audio", {"rate": "0"}), ("denoise", {"max_pixels": "0"})):
        with pytest.raises(BadValue, match="must be"):
            make_plan(Request(methods="relu", tasks=task, protocol="quick", changes=change), {})
