"""Tracks: methods may be trained with different settings, and a leaderboard never mixes tracks."""

import math
import re
import tomllib
from dataclasses import asdict, fields, replace

import pytest
from click.testing import CliRunner

from inrbench.analyse import leaderboards
from inrbench.cli.main import cli
from inrbench.errors import BadValue, NothingFound, NothingSelected, StoreError
from inrbench.nn import LinearModel
from inrbench.planning import Request, RunOptions, make_plan, plan_all, recipes
from inrbench.planning.plan import Recipe
from inrbench.planning.recipes import read_recipes, tuned_requests, write_recipe
from inrbench.planning.sensitivity import Sensitivity
from inrbench.planning.tuning import (
    EPOCH_DIVISORS,
    BestTrial,
    Trial,
    choose,
    make_search,
    promote,
    rank_trials,
    rounds_of,
)
from inrbench.registry import Registry
from inrbench.spec import Measurement, NetworkSpec, digest
from inrbench.store import append, load_results, read_runs


def jobs(**fields):
    plan, _ = make_plan(
        Request(**{"methods": "siren,wire", "tasks": "photo", "protocol": "quick", "signals": "camera", **fields}), {}
    )
    return plan


def test_authors_track_uses_the_settings_of_each_methods_authors():
    paper, authors = jobs(), jobs(track="authors")
    wire = next(job for job in authors.todo if job.spec.method == "wire")
    assert (wire.spec.params["scale"], wire.protocol.batch) == (10.0, 65536), "parameters and batch come from the authors, too"
    siren = next(job for job in authors.todo if job.spec.method == "siren")
    assert (siren.protocol.batch, siren.protocol.settings.value_range) == (None, "[-1, 1]")
    rates = {
        job.spec.method: (job.protocol.lr, job.protocol.schedule, job.protocol.settings.coordinate_range)
        for job in authors.todo
    }
    assert rates == {"siren": (1e-4, "constant", (-1.0, 1.0)), "wire": (5e-3, "exponential", (-1.0, 1.0))}
    assert {job.spec.protocol_fingerprint for job in (*paper.todo, *authors.todo)} == {paper.todo[0].spec.protocol_fingerprint}
    assert not {job.spec.run_id for job in paper.todo} & {job.spec.run_id for job in authors.todo}


def test_authors_track_skips_methods_without_settings_with_a_note():
    plan = jobs(methods="siren,relu", track="authors")
    assert [job.spec.method for job in plan.todo] == ["siren"]
    assert plan.notes == ["relu is left out of photo, track authors: its authors' settings for it are not known"]


def test_paper_track_run_ids_do_not_contain_track_and_training(attempt):
    spec = attempt().result.spec
    identity = {k: v for k, v in asdict(spec).items() if k not in ("variant", "protocol", "track", "training")}
    assert spec.run_id == digest(identity)[:32]


def test_leaderboards_never_mix_tracks(attempt, tmp_path):
    append(tmp_path, attempt(30.0))
    append(tmp_path, attempt(31.0, track="authors", training={"lr": "1e-4"}))
    append(tmp_path, attempt(99.0, track="search", training={"lr": "1e-5"}))
    tables = leaderboards(tmp_path)
    assert sorted((b.group.track, b.rows[0].cells["psnr@test"].mean) for b in tables) == [("authors", 31.0), ("paper", 30.0)]


@pytest.mark.parametrize("name", sorted(Registry().methods))
def test_authors_settings_can_be_applied_to_every_protocol(name, registry):
    method = registry.method(name)
    for task in map(registry.task, registry.tasks):
        for protocol in task.protocols.values():
            changed = protocol.with_changes(method.authors_recipe(task.name, task.kind)[1])
            assert changed.lr_min <= changed.lr
    assert all(low < high for low, high in method.search_ranges.values())


def test_tuning_split_names_existing_signals_and_metrics(registry):
    for task in map(registry.task, registry.tasks):
        if task.tuning_split is None:
            continue
        other, signals = task.tuning_split
        assert set(signals) <= set(registry.task(other).signals())
        if task.tuning_metric:
            assert registry.task(other).metric(task.tuning_metric)
            assert task.tuning_metric in registry.task(other).protocols["quick"].metrics


def test_tuning_signals_are_no_signals_of_the_suite_standard(registry):
    for task in map(registry.task, registry.tasks):
        if "standard" in task.suites and task.tuning_split is not None:
            other, signals = task.tuning_split
            assert other != task.name or not set(signals) & set(task.suites["standard"])
            assert len(signals) >= 3


def search(budget=4, method="wire", task="photo", protocol="quick"):
    registry = Registry()
    chosen = registry.task(task)
    return make_search(registry.method(method), chosen, registry.task(chosen.tuning_split[0]), protocol, budget, (0,), "cpu")


def test_trials_are_within_search_ranges_and_reproducible():
    found = search(9)
    assert found.trials[0] == Recipe()
    assert found.rounds == (48, 12, 3)
    assert len(found.trials) == 48
    assert found.trials == search(9).trials
    search_ranges = found.method.search_ranges
    assert found.trials[1] == Recipe({"scale": 10.0}, {"lr": "0.005", "lr_min": "0.0025"}), "what the authors use"
    for trial in found.trials[1:]:
        assert 1e-4 <= float(trial.training["lr"]) <= 1e-2, "a factor of ten around the protocol's 1e-3"
        assert all(search_ranges[name][0] <= value <= search_ranges[name][1] for name, value in trial.params.items())
        assert float(trial.training["lr_min"]) == pytest.approx(float(trial.training["lr"]) / 2, rel=0.01)
    assert len({trial.training["lr"] for trial in found.trials[1:]}) > 40
    with_first = [trial for trial in found.trials[1:] if "omega_first" in trial.params]
    assert 0 < len(with_first) < 47, "an optional parameter is left out of some trials"


def test_rounds_use_more_epochs_and_stay_within_the_budget():
    found = search(9)
    epochs = [int(found.requests(r, [1])[0].changes.get("epochs", 100)) for r in range(3)]
    assert epochs == [6, 25, 100]
    lbfgs = search(2, "siren", "poisson2d", "lbfgs")
    adam = [int(c.get("epochs", 4000)) - int(c.get("optimiser.lbfgs_steps", 1000)) for c in (
        lbfgs.requests(r, [1])[0].changes for r in range(3))]  # fmt: skip
    assert adam == [188, 750, 3000], "the steps before L-BFGS shrink with the run"
    for budget in (2, 4, 6, 20):
        spent = sum(trials / share for trials, share in zip(rounds_of(budget), EPOCH_DIVISORS, strict=True))
        assert spent <= (budget if budget >= 6 else budget + 1.2)


@pytest.mark.parametrize("place", [0, 3, 9])
def test_every_method_has_the_same_number_of_trials_in_each_round(place):
    """Trial 0 is in one of the places, whatever its rank: otherwise methods with good usual settings would have fewer runs."""
    found = search(4)
    ranked = [Trial(number, -float(number), "") for number in range(1, 21)]
    ranked.insert(place, Trial(0, -place - 0.5, ""))
    for number in (0, 1):
        assert len(promote(found, number, ranked)) == found.rounds[number + 1]
        assert 0 in promote(found, number, ranked)
    failed = [Trial(number, None, "failed") for number in range(21)]
    assert promote(found, 0, failed) == [0]


@pytest.mark.parametrize("method", ["msa", "msa-pinn"])
def test_frequencies_given_as_logarithms_are_tried_within_a_factor_of_ten_of_the_usual_ones(method, registry):
    """And layer by layer: the authors' slow last layer stays slower than the others."""
    task = registry.task("photo" if method == "msa" else "heat1d")
    found = make_search(registry.method(method), task, task, "quick", 6, (0,), "cpu")
    usual = found.usual["s_max"]
    tried = [trial.params["s_max"] for trial in found.trials[1:] if "s_max" in trial.params]
    for value in tried:
        values, centre = (each if isinstance(each, tuple) else (each,) for each in (value, usual))
        offsets = {round(v - c, 6) for v, c in zip(values, centre, strict=True)}
        assert len(offsets) == 1
        assert -1 <= offsets.pop() <= 1
    firsts = [value[0] if isinstance(value, tuple) else value for value in tried]
    assert max(firsts) - min(firsts) > 1.5, "both sides are tried"


@pytest.mark.parametrize("name", sorted(Registry().methods))
def test_every_trial_can_be_written_as_a_recipe_and_read_again(name, registry, tmp_path):
    """A recipe that is refused as outside of its ranges would end every later run of the track."""
    method = registry.method(name)
    for task in map(registry.task, ("photo", "audio", "function1d", "heat1d", "radiance")):
        if method.closed_form or not method.supports(task.kind) or name == "gp-hm-stm":
            continue
        other = registry.task(task.tuning_split[0])
        found = make_search(method, task, other, "standard", 12, (0,), "cpu")
        for number in {0, 1, 2, 30, 63, len(found.trials) - 1}:
            path = write_recipe(tmp_path, found, BestTrial(found.trials[number], 1.0, None, 1))
            assert read_recipes(tmp_path, "standard")[task.name, name].recipe == found.trials[number]
            path.unlink()


@pytest.mark.parametrize("name", sorted(Registry().methods))
def test_usual_values_are_inside_the_search_ranges(name, registry):
    """A range that does not contain the usual value is not cut to its neighbourhood, and misses it."""
    method = registry.method(name)
    for task in map(registry.task, registry.tasks):
        if task.tuning_split is None or not method.supports(task.kind):
            continue
        usual = method.params_for(task.name, task.kind, task.tuning_split[1][0], "standard")
        for parameter, (low, high) in method.search_ranges.items():
            value = usual[parameter]
            if value is not None and parameter not in method.log10_params and isinstance(value, int | float):
                assert low <= value <= high, (task.name, parameter, value)


def test_frequencies_are_tried_near_the_usual_ones(registry):
    """The ranges of a method hold for images and for sounds, whose frequencies differ by a factor of a hundred."""
    for task, usual in (("photo", 30.0), ("audio", 1000.0)):
        found = search(9, "siren", task)
        tried = [trial.params["omega_first"] for trial in found.trials if "omega_first" in trial.params]
        assert len(tried) > 10
        assert usual / 10 <= min(tried) < usual / 3
        assert usual * 3 < max(tried) <= usual * 10


@pytest.mark.parametrize("name", ["msa", "finer", "siren", "wire", "staf", "gauss", "sinc", "hosc", "relu-pe"])
def test_search_ranges_contain_frequency_and_envelope_parameters(name, registry):
    """Including parameters of single layers: MSA's last layer, FINER's bias scale, the first layers."""
    wanted = {"msa": {"s_min", "s_max", "s_max_last"}, "finer": {"omega", "omega_first", "first_bias_scale"},
              "siren": {"omega", "omega_first"}, "wire": {"omega", "omega_first", "scale"}, "staf": {"omega", "omega_first"},
              "gauss": {"a", "a_first"}, "sinc": {"omega", "omega_first"}, "hosc": {"omega", "omega_first", "beta"},
              "relu-pe": {"n_frequencies"}}[name]  # fmt: skip
    assert wanted <= set(registry.method(name).search_ranges)


def test_a_number_of_frequencies_is_tried_in_whole_numbers_on_both_sides():
    tried = [trial.params["n_frequencies"] for trial in search(9, "relu-pe").trials if "n_frequencies" in trial.params]
    assert all(type(number) is int for number in tried)
    assert min(tried) < 7 < max(tried), "7 is usual for images"


def store_round(attempt, folder, found, round_number, scores, metric):
    """Store a round's runs with a score for each trial."""
    for value, request in zip(scores.values(), found.requests(round_number, list(scores)), strict=True):
        for job in make_plan(request, {})[0].todo:
            made = attempt()
            measured = (Measurement(metric=metric, value=value),)
            append(folder, replace(made, result=replace(made.result, spec=job.spec, metrics=measured)))


def ranked_trials(found, round_number, trials, folder):
    """Return the trials of a round with their scores, from the runs of the round."""
    requests = found.requests(round_number, list(trials))
    runs = [[job.spec.run_id for job in make_plan(request, {})[0].todo] for request in requests]
    return rank_trials(found, dict(zip(trials, runs, strict=True)), folder)


PSNR = Registry().task("photo").metric("psnr@clip-float")


def test_best_quarter_of_trials_continues_and_the_best_recipe_is_used(attempt, tmp_path):
    found = search(2)
    assert (found.rounds, found.metric) == ((10, 2, 2), PSNR.id)
    store_round(attempt, tmp_path, found, 0, {0: 20.0, 1: 25.0, 2: 22.0, 3: 24.0}, PSNR)
    ranking = ranked_trials(found, 0, range(4), tmp_path)
    assert [(trial.number, trial.score) for trial in ranking] == [(1, 25.0), (3, 24.0), (2, 22.0), (0, 20.0)]
    assert ranking[0].shown == "psnr@clip-float 25"
    remaining = promote(found, 0, ranking)
    assert remaining == [0, 1], "the default recipe always continues, in one of the two places"
    store_round(attempt, tmp_path, found, 1, {0: 21.0, 1: 24.0}, PSNR)
    remaining = promote(found, 1, ranked_trials(found, 1, remaining, tmp_path))
    assert remaining == [0, 1]
    store_round(attempt, tmp_path, found, 2, {0: 22.0, 1: 27.0}, PSNR)
    chosen = choose(found, ranked_trials(found, 2, remaining, tmp_path))
    assert (chosen.recipe, chosen.score, chosen.untuned, chosen.finished) == (found.trials[1], 27.0, 22.0, 2)
    path = write_recipe(tmp_path, found, chosen, [Sensitivity("lr", 1.5, None)])
    assert path.name == "photo-quick-wire.toml"
    assert tomllib.loads(path.read_text())["fall_when_off_by_2_and_4"] == {"lr": [1.5, "none"]}
    assert read_recipes(tmp_path, "quick")["photo", "wire"].recipe == found.trials[1]
    assert read_recipes(tmp_path, "paper") == {}
    (request,) = tuned_requests(
        Request(methods="wire,siren", tasks="photo", protocol="quick", signals="camera,coffee"), tmp_path
    )
    plan = make_plan(request, {})[0]
    assert [(job.spec.method, job.spec.signal, job.spec.track) for job in plan.todo] == [("wire", "camera", "tuned-2")]
    assert plan.todo[0].spec.params == {**plan.todo[0].spec.params, **found.trials[1].params}
    assert (
        plan.todo[0]
        .notes[0]
        .startswith("tuned with a budget of 2 runs on photo/coffee, photo/motorcycle, photo/rocket by psnr@clip-float")
    )
    assert any("run: inrbench tune --methods siren --tasks photo" in note for note in plan.notes)
    path.write_text("what = ")
    with pytest.raises(StoreError, match="is not a tuned recipe"):
        read_recipes(tmp_path, "quick")


def test_methods_tuned_with_different_budgets_get_different_tracks(attempt, tmp_path):
    for method, budget in (("wire", 3), ("siren", 2)):
        found = search(budget, method)
        store_round(attempt, tmp_path, found, 2, {0: 22.0}, PSNR)
        write_recipe(tmp_path, found, choose(found, ranked_trials(found, 2, [0], tmp_path)))
    requests = tuned_requests(Request(methods="wire,siren", tasks="photo", protocol="quick", signals="camera"), tmp_path)
    tracks = {job.spec.method: job.spec.track for request in requests for job in make_plan(request, {})[0].todo}
    assert tracks == {"siren": "tuned-2", "wire": "tuned-3"}
    with pytest.raises(NothingFound, match="nothing was tuned for protocol 'paper'"):
        tuned_requests(Request(methods="wire", tasks="photo"), tmp_path)


RECIPE = """task = "photo"
method = "wire"
protocol = "quick"
budget = 8
tuned_on = ["photo/grass"]
validation = "psnr-offgrid@2x-area"

[ranges]
lr = [1e-05, 0.02]
omega = [5.0, 60.0]

[params]
omega = 17.0

[training]
lr = "0.004"
lr_min = "0.002"
"""


def test_installed_recipes_are_used_without_a_search_and_those_of_the_user_take_precedence(tmp_path, monkeypatch):
    monkeypatch.setattr("inrbench.planning.recipes._published", lambda: [RECIPE])
    request = Request(methods="wire,siren", tasks="photo", protocol="quick", signals="camera")
    (tuned,) = tuned_requests(request, tmp_path)
    assert tuned.track == "tuned-8"
    plan, _ = make_plan(tuned, {})
    assert [(job.spec.method, job.spec.params["omega"], job.protocol.lr) for job in plan.todo] == [("wire", 17.0, 0.004)]
    assert (
        "siren is left out of photo, track tuned-8: it was not tuned for this task with this budget; use --track paper, or "
        "run: inrbench tune --methods siren --tasks photo --protocol quick --budget 8 (it costs as much as 22 runs)"
    ) in plan.notes
    (tmp_path / "tuned").mkdir()
    (tmp_path / "tuned" / "mine.toml").write_text(RECIPE.replace("17.0", "23.0"))
    plan, _ = make_plan(tuned_requests(request, tmp_path)[0], {})
    assert [job.spec.params["omega"] for job in plan.todo] == [23.0]


def test_one_budget_can_be_chosen(tmp_path, monkeypatch):
    monkeypatch.setattr(
        "inrbench.planning.recipes._published",
        lambda: [RECIPE, RECIPE.replace("budget = 8", "budget = 5").replace('"wire"', '"siren"')],
    )
    options = RunOptions(methods="wire,siren", tasks="photo", protocol="quick", results=tmp_path)
    assert [each.track for each in replace(options, track="tuned-5").requests()] == ["tuned-5"]
    with pytest.raises(NothingFound, match=r"with a budget of 6 .* use --track tuned-5 or tuned-8 or paper"):
        replace(options, track="tuned-6").requests()


def test_a_recipe_of_the_user_with_another_budget_does_not_hide_the_installed_one(tmp_path, monkeypatch):
    monkeypatch.setattr("inrbench.planning.recipes._published", lambda: [RECIPE])
    (tmp_path / "tuned").mkdir()
    (tmp_path / "tuned" / "mine.toml").write_text(RECIPE.replace("budget = 8", "budget = 5"))
    requests = tuned_requests(Request(methods="wire", tasks="photo", protocol="quick", signals="camera"), tmp_path)
    assert [request.track for request in requests] == ["tuned-5", "tuned-8"]
    assert all(request.recipes for request in requests)


def test_a_recipe_for_a_parameter_that_is_gone_is_left_out_by_name(tmp_path, monkeypatch):
    monkeypatch.setattr("inrbench.planning.recipes._published", lambda: [RECIPE.replace("omega", "sharpness")])
    (tuned,) = tuned_requests(Request(methods="wire", tasks="photo", protocol="quick", signals="camera"), tmp_path)
    with pytest.raises(NothingSelected) as error:
        make_plan(tuned, {})
    assert (
        "wire is left out of photo, track tuned-8: its recipe sets 'sharpness', which the method no longer has; "
        "tune it again: inrbench tune --methods wire --tasks photo --protocol quick --budget 8 (it costs as much as 22 runs)"
    ) in str(error.value)


@pytest.mark.parametrize(("line", "why"), [
    ('protocol_fingerprint = "0123456789ab"', "was found for another edition of the protocol quick"),
    ('method_sha256 = "0"', "was found for other code of the method"),
])  # fmt: skip
def test_a_recipe_for_another_protocol_or_other_code_is_left_out(tmp_path, monkeypatch, line, why):
    monkeypatch.setattr("inrbench.planning.recipes._published", lambda: [RECIPE.replace("budget = 8", f"budget = 8\n{line}")])
    (tuned,) = tuned_requests(Request(methods="wire", tasks="photo", protocol="quick", signals="camera"), tmp_path)
    with pytest.raises(NothingSelected, match=f"its recipe {why}; tune it again: inrbench tune --methods wire"):
        make_plan(tuned, {})


def test_what_a_recipe_sets_cannot_be_changed_as_well(tmp_path, monkeypatch):
    """Its value would win, and the label and the fingerprint would show the user's."""
    monkeypatch.setattr("inrbench.planning.recipes._published", lambda: [RECIPE])
    request = Request(methods="wire", tasks="photo", protocol="quick", signals="camera", changes={"lr": "2e-3"})
    for one in (*tuned_requests(request, tmp_path), replace(request, track="authors")):
        with pytest.raises(BadValue, match=r"--set lr=2e-3: on the track .* each method has its own lr; use --track paper"):
            make_plan(one, {})
    plan, _ = make_plan(request, {})
    assert plan.todo[0].protocol.lr == 2e-3
    (longer,) = tuned_requests(replace(request, changes={"epochs": "300"}), tmp_path)
    plan, _ = make_plan(longer, {})
    assert plan.todo[0].protocol.epochs == 300


def test_the_number_of_seeds_of_a_search_is_part_of_its_source():
    assert recipes._decoded(RECIPE.replace("budget = 8", "budget = 8\nseeds = [0, 1]")).recipe.source.startswith(
        "tuned with a budget of 8 runs on photo/grass with 2 seeds by psnr"
    )


def test_all_installed_recipes_were_found_for_the_present_protocols_and_methods(registry):
    for text in recipes._published():
        found = recipes._decoded(text)
        task = registry.task(found.task)
        method, protocol = registry.method(found.method), task.protocol(found.protocol)
        assert found.recipe.fingerprint == protocol.fingerprint(task.name, task.version)
        assert found.recipe.method_sha256 == registry.source("method", found.method).sha256()
        assert found.recipe.params.keys() <= method.defaults().keys()
        assert protocol.with_changes(found.recipe.training)


def test_lowest_value_of_an_error_metric_is_chosen(attempt, tmp_path):
    found = search(3, "siren", "function1d")
    metric = Registry().task("function1d").metric("mse@dense-20001")
    store_round(attempt, tmp_path, found, 2, {0: 1e-2, 1: 1e-5, 2: 1e-1}, metric)
    assert choose(found, ranked_trials(found, 2, range(3), tmp_path)).recipe == found.trials[1]


def test_a_trial_without_a_number_on_one_signal_is_not_ranked_by_the_others(attempt, tmp_path):
    found = search(3, "siren", "function1d")
    metric = Registry().task("function1d").metric("mse@dense-20001")
    for number, values in ((0, (1e-2, 1e-2, 1e-2)), (1, (1e-9, 1e-9, math.nan))):
        (request,) = found.requests(2, [number])
        for job, value in zip(make_plan(request, {})[0].todo, values, strict=True):
            made = attempt()
            measured = (*made.result.metrics, Measurement(metric=metric, value=value))
            append(tmp_path, replace(made, result=replace(made.result, spec=job.spec, metrics=measured)))
    ranked = ranked_trials(found, 2, range(2), tmp_path)
    assert [(trial.number, trial.score is None) for trial in ranked] == [(0, False), (1, True)]


def test_search_without_finished_trials_chooses_nothing(attempt, tmp_path):
    append(tmp_path, attempt())
    with pytest.raises(NothingFound, match="no trial of wire on photo"):
        choose(search(2), ranked_trials(search(2), 2, [0, 1], tmp_path))


def test_search_trials_are_shown_only_with_track_search(attempt, tmp_path):
    store_round(attempt, tmp_path, search(3), 0, {0: 20.0, 1: 25.0}, PSNR)
    for words in (["leaderboard"], ["results", "list"]):
        with pytest.raises(NothingFound, match="nothing but trials of a search; see them: --track search"):
            CliRunner().invoke(cli, [*words, "--results", str(tmp_path)], catch_exceptions=False)
        shown = (
            CliRunner().invoke(cli, [*words, "--track", "search", "--results", str(tmp_path)], catch_exceptions=False).output
        )
        assert "lr=0.005" in shown and "scale=10" in shown


def test_methods_in_closed_form_are_on_every_track_and_have_nothing_to_tune(tmp_path, monkeypatch, registry):
    monkeypatch.setattr("inrbench.planning.recipes._published", lambda: [RECIPE])
    request = Request(methods="wire,mean,dct", tasks="photo", protocol="quick", signals="camera")
    for one in (*tuned_requests(request, tmp_path), replace(request, track="authors")):
        plan, _ = make_plan(one, {})
        assert {"mean", "dct"} < {job.spec.method for job in plan.todo}
        assert next(j for j in plan.todo if j.spec.method == "mean").notes == ("solved in closed form: nothing to tune",)
    with pytest.raises(BadValue, match="method 'dct' is solved in closed form: there is nothing to tune"):
        search(2, "dct")
    net = NetworkSpec(in_features=2, out_features=1, width=16, n_layers=2)
    for name in registry.methods:
        method = registry.method(name)
        if method.supports("image"):
            assert isinstance(method(net), LinearModel) == method.closed_form, name


@pytest.mark.parametrize(("words", "track"), [
    ({"protocol": "standard"}, "tuned-8"),
    ({"suite": "standard"}, "tuned-8"),
    ({"protocol": "standard", "track": "paper"}, "paper"),
    ({"protocol": "quick"}, "paper"),
    ({}, "paper"),
])  # fmt: skip
def test_the_protocol_standard_is_tuned_by_default(words, track, tmp_path, monkeypatch):
    """Its ranks would otherwise be those of one paper's learning rate."""
    monkeypatch.setattr("inrbench.planning.recipes._published", lambda: [RECIPE.replace("quick", "standard")])
    options = RunOptions(methods="wire", tasks="photo", results=tmp_path, **words)
    assert [request.track for request in options.requests()] == [track]


def test_a_task_that_was_not_tuned_is_on_the_track_paper_with_a_note(tmp_path, monkeypatch):
    monkeypatch.setattr("inrbench.planning.recipes._published", list)
    options = RunOptions(methods="wire[omega=3],siren", tasks="photo", protocol="standard", results=tmp_path)
    (request,) = options.requests()
    assert request.track == "paper"
    (note,) = make_plan(request, {})[0].notes
    assert note.startswith("nothing was tuned for protocol 'standard'")
    assert "inrbench tune --methods wire,siren --tasks photo --protocol standard --budget 4" in note
    assert note.endswith("the track is paper")
    monkeypatch.setattr("inrbench.planning.recipes._published", lambda: [RECIPE.replace("quick", "standard")])
    assert [each.track for each in options.requests()] == ["tuned-8"]
    (other,) = RunOptions(methods="wire", tasks="audio", protocol="standard", results=tmp_path).requests()
    assert other.track == "paper"
    assert other.notes == ("nothing was tuned for audio under protocol 'standard'; the track is paper",)
    with pytest.raises(NothingFound, match="use --track paper, or run: inrbench tune"):
        RunOptions(methods="wire", tasks="photo", protocol="paper", track="tuned", results=tmp_path).requests()


@pytest.mark.parametrize(
    "words", [{"suite": "standard"}, {"tasks": "all", "protocol": "standard"}, {"tasks": "audio,photo", "protocol": "standard"}]
)
def test_every_task_of_a_selection_is_trained_although_only_one_was_tuned(words, tmp_path, monkeypatch):
    monkeypatch.setattr("inrbench.planning.recipes._published", lambda: [RECIPE.replace("quick", "standard")])
    requests = RunOptions(methods="wire", results=tmp_path, **words).requests()
    whole, _, _ = plan_all(requests, {}, lambda probes: set())
    tracks = {}
    for job in whole.todo:
        tracks.setdefault(job.spec.task, set()).add(job.spec.track)
    assert tracks["photo"] == {"tuned-8"}
    assert tracks["audio"] == {"paper"}
    assert {track for task, found in tracks.items() if task != "photo" for track in found} == {"paper"}
    assert any(note.startswith("nothing was tuned for ") and note.endswith("the track is paper") for note in whole.notes)


@pytest.mark.parametrize(("words", "planned"), [
    ({"suite": "standard", "signals": "camera"}, {("photo", "tuned-8")}),
    ({"suite": "standard", "signals": "voice"}, {("audio", "paper")}),
    ({"tasks": "audio,photo", "protocol": "standard", "signals": "camera,voice"}, {("photo", "tuned-8"), ("audio", "paper")}),
])  # fmt: skip
def test_signals_of_tuned_and_other_tasks_can_be_selected_together(words, planned, tmp_path, monkeypatch):
    monkeypatch.setattr("inrbench.planning.recipes._published", lambda: [RECIPE.replace("quick", "standard")])
    whole, _, _ = plan_all(RunOptions(methods="wire", results=tmp_path, **words).requests(), {}, lambda probes: set())
    assert {(job.spec.task, job.spec.track) for job in whole.todo} >= planned


def test_a_method_that_is_left_out_of_a_tuned_task_is_named_although_other_tasks_are_planned(tmp_path, monkeypatch):
    monkeypatch.setattr("inrbench.planning.recipes._published", lambda: [RECIPE.replace("quick", "standard")])
    options = RunOptions(methods="siren", tasks="audio,photo", protocol="standard", results=tmp_path)
    whole, _, _ = plan_all(options.requests(), {}, lambda probes: set())
    assert {job.spec.task for job in whole.todo} == {"audio"}
    assert any(note.startswith("siren is left out of photo, track tuned-8") for note in whole.notes)


@pytest.mark.parametrize("change", ["budget = inf", 'budget = 8\n[fall_when_off_by_2_and_4]\n"a$b" = [1.0, 2.0]',
                                    "budget = 8\n[fall_when_off_by_2_and_4]\nlr = [nan, 2.0]",
                                    "budget = 8\n[fall_when_off_by_2_and_4]\nlr = [1e308, 2.0]"])  # fmt: skip
def test_recipes_with_numbers_or_names_that_make_no_sense_are_refused(tmp_path, change):
    (tmp_path / "tuned").mkdir()
    lines = RECIPE.replace("budget = 8", change.split("\n")[0]) + "\n" + "\n".join(change.split("\n")[1:])
    (tmp_path / "tuned" / "mine.toml").write_text(lines)
    with pytest.raises(StoreError, match="is not a tuned recipe"):
        read_recipes(tmp_path, "quick")


def test_task_without_tuning_signals_cannot_be_tuned(monkeypatch):
    task = Registry().task("allen-cahn2d")
    monkeypatch.setattr(type(task), "tuning_split", None)
    with pytest.raises(BadValue, match="has no tuning signals"):
        make_search(Registry().method("msa-pinn"), task, task, "quick", 3, (0,), "cpu")


def test_tune_leaves_out_methods_in_closed_form_with_a_note(tmp_path):
    words = [
        "tune",
        "--methods",
        "relu,mean",
        "--tasks",
        "function1d",
        "--budget",
        "2",
        "--dry-run",
        "--results",
        str(tmp_path),
    ]
    done = CliRunner().invoke(cli, words, standalone_mode=False)
    assert done.return_value == 0
    assert "note: mean: solved in closed form, there is nothing to tune" in done.output
    assert "30 to do" in done.output, "ten trials on three signals, all of relu"
    assert re.search(r"^  relu +30 run\(s\) of 10 settings, ", done.output, re.MULTILINE), "one line for all trials"


@pytest.mark.slow
def test_tune_command_reports_the_best_trial_and_resumes(tmp_path):
    words = [
        "tune",
        "--methods",
        "relu",
        "--tasks",
        "function1d",
        "--budget",
        "2",
        "--device",
        "cpu",
        "--results",
        str(tmp_path),
    ]
    done = CliRunner().invoke(cli, words, standalone_mode=False)
    assert done.return_value == 0, done.output
    assert "best of 10 trials" in done.output
    assert "round 3 of 3, all epochs, by mse@dense-20001" in done.output
    assert "trial   1  mse@dense-20001 " in done.output
    assert "0 to do" in CliRunner().invoke(cli, words, standalone_mode=False).output
    assert set(load_results(tmp_path)["track"]) == {"search"}
    curves = read_runs(tmp_path, ["curve"]).table["curve"].to_pylist()
    assert {len(curve) for curve in curves} == {4}


@pytest.mark.parametrize(("option", "todo"), [([], 29), (["--retry-failed"], 30)])
def test_tune_repeats_failed_trials_if_asked(option, todo, attempt, tmp_path):
    trial = make_plan(search(2, "relu", "function1d").requests(0, [0])[0], {})[0].todo[0].spec
    append(tmp_path, attempt(status="failed", **{field.name: getattr(trial, field.name) for field in fields(trial)}))
    words = ["tune", "--methods", "relu", "--tasks", "function1d", "--budget", "2", "--device", "cpu", "--dry-run"]
    done = CliRunner().invoke(cli, [*words, "--results", str(tmp_path), *option], standalone_mode=False)
    assert f", {todo} to do." in done.output


def test_trials_compute_only_the_metrics_that_rank_them(registry):
    from inrbench.execute.setup import metrics_to_compute
    from inrbench.planning import make_plan

    for task, ranking in (("function1d", ["mse@train", "mse@dense-20001"]), ("photo", ["psnr@clip-float"])):
        request = search(2, "siren", task).requests(0, [0])[0]
        job = make_plan(request, {})[0].todo[0]
        whole = [metric.id for metric in metrics_to_compute(replace(job, metrics=()), registry.task(task))]
        assert whole == list(job.protocol.metrics) and len(whole) > len(ranking)
        assert [metric.id for metric in metrics_to_compute(job, registry.task(task))] == ranking


def test_trials_stored_without_the_metric_that_ranks_them_are_an_error(attempt, tmp_path):
    store_round(attempt, tmp_path, search(2), 0, {0: 20.0, 1: 25.0}, Registry().task("photo").metric("mse@train"))
    with pytest.raises(
        NothingFound, match=r"6 runs of trials of wire in '.*' were stored without 'psnr@clip-float'.*--results OTHER"
    ):
        ranked_trials(search(2), 0, [0, 1], tmp_path)
