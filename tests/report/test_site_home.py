"""What the home page and the verdicts of the site say."""

import json
import re
from dataclasses import replace
from hashlib import sha256

import numpy as np
import pytest

from inrbench.analyse import leaderboards
from inrbench.registry import Registry
from inrbench.report.site import build_site
from inrbench.report.site.verdict import verdict_of
from inrbench.spec import Cost, CurvePoint
from inrbench.store import append


def words_of(page):
    """Return the words that a page shows, with single spaces."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page.read_text(encoding="utf-8")))


def cells_of(page, task):
    """Return column -> what it says of a task, in the table of answers."""
    row = re.search(rf'<tr><th scope="row"><a href="[^"]*">{task}</a>.*?</tr>', page.read_text(encoding="utf-8"), re.DOTALL)
    cells = re.findall(r'<td data-head="([^"]*)"[^>]*>(.*?)</td>', row.group(), re.DOTALL)
    return {head.replace("&#39;", "'"): re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", cell)).strip() for head, cell in cells}


def test_home_says_what_is_best_by_how_much_and_how_sure(attempt, tmp_path):
    """With six signals and a test that can decide, the page is sure; with few signals it says that the order is open."""
    random = np.random.default_rng(0)
    for task, signals in (("many", "abcdefgh"), ("few", "ab")):
        for signal in signals:
            for method, mean in (("siren", 30.0), ("msa", 25.0)):
                one = attempt(mean + 0.1 * random.normal(), method=method, signal=signal, task=task, protocol="standard",
                              protocol_fingerprint=sha256(task.encode()).hexdigest()[:12])  # fmt: skip
                append(tmp_path / "r", one)
    build_site(tmp_path / "r", tmp_path / "site", Registry())
    text = words_of(tmp_path / "site" / "index.html")
    (cell,) = cells_of(tmp_path / "site" / "index.html", "many").values()
    assert re.search(r"siren PSNR (29|30)\.\d\d dB sure ahead of msa by (4|5)\.\d\d dB \[[\d.]+, [\d.]+\]", cell)
    assert "Sure on these signals with these settings (8 signals, 1 seed" in cell
    assert re.search(r"Open: 2 signals, 1 seed, too few for a test\.\s+Best here: siren PSNR", text)  # in the tile of the task


def test_home_says_when_the_order_depends_on_the_settings(attempt, tmp_path):
    """Two tracks with other winners are both shown, on the same signals, with the methods for which the search found nothing."""
    for signal in "abcdefgh":
        for track, values in (("paper", (33.0, 30.0)), ("tuned-4", (33.0, 35.0))):
            for method, value in zip(("finer", "siren"), values, strict=True):
                tuned = track != "paper" and method == "siren"
                append(tmp_path / "r", attempt(value + ord(signal) / 100, method=method, signal=signal, track=track,
                                               protocol="standard", training={"lr": "1e-2"} if tuned else {}))  # fmt: skip
            append(
                tmp_path / "r", attempt(20.0, solved=True, method="bilinear", signal=signal, track=track, protocol="standard")
            )
    build_site(tmp_path / "r", tmp_path / "site", Registry())
    text = words_of(tmp_path / "site" / "index.html")
    tuned, paper = cells_of(tmp_path / "site" / "index.html", "toy").items()
    assert (tuned[0], paper[0]) == (
        "Settings found by a small search (track tuned-4)",
        "One learning rate for all (track paper)",
    )
    assert tuned[1].startswith("siren PSNR 36") and paper[1].startswith("finer PSNR 34")
    assert "For finer, the search found nothing better than the usual settings." in tuned[1]
    assert "On toy, the best method depends on the settings" in text
    table = words_of(next((tmp_path / "site" / "tables").glob("toy*")))
    assert "The best method depends on the settings. On the same 8 signals: with settings found by a small search" in table
    assert table.index("Track tuned-4") < table.index("Track paper, cpu")


def test_a_verdict_compares_methods_and_names_references_that_are_ahead(attempt, tmp_path):
    for task, bilinear in (("between", 30.5), ("first", 40.0)):
        for i, signal in enumerate("abcdefgh"):
            for method, value in (("siren", 31.0), ("msa", 28.0), ("bilinear", bilinear), ("mean", 10.0)):
                append(tmp_path / "r", attempt(value + i + 0.1 * (method == "msa") * (i % 3), method=method, signal=signal, task=task,
                                               protocol="standard", protocol_fingerprint=sha256(task.encode()).hexdigest()[:12],
                                               trained=method != "mean", solved=method in {"bilinear", "mean"}))  # fmt: skip
    build_site(tmp_path / "r", tmp_path / "site", Registry())
    text = words_of(tmp_path / "site" / "index.html")
    between, first = (
        cells_of(tmp_path / "site" / "index.html", task)["One learning rate for all (track paper)"]
        for task in ("between", "first")
    )
    assert re.search(r"siren PSNR 34\.50 dB sure ahead of msa by 2\.91 dB \[[\d., ]+\] .*Sure on these signals", between)
    assert "bilinear is a reference, solved and not trained, and also ahead of msa." in between
    assert re.search(r"bilinear reference PSNR 43\.50 dB sure ahead of siren by 9\.00 dB .*Sure on these signals", first)
    assert "also ahead of" not in first and "also ahead of" in text


def test_a_track_with_fewer_signals_is_named_and_one_with_more_is_compared_on_the_same(attempt, tmp_path):
    tables = (("toy", "tuned-4", "abcdefgh"), ("toy", "paper", "a"), ("toy", "authors", "abcdefghij"), ("other", "tuned-4", "abcdefgh"),
              ("other", "paper", "abcdefgh"))  # fmt: skip
    for task, track, signals in tables:
        for signal in signals:
            for method, value in (("finer", 33.0), ("siren", 30.0)):
                append(tmp_path / "r", attempt(value, method=method, signal=signal, track=track, protocol="standard", task=task,
                                               protocol_fingerprint=sha256(task.encode()).hexdigest()[:12]))  # fmt: skip
    build_site(tmp_path / "r", tmp_path / "site", Registry())
    cells = cells_of(tmp_path / "site" / "index.html", "toy")
    assert cells["One learning rate for all (track paper)"] == "only 1 of these 8 signals"
    assert "On these 8 of 10 signals." in cells["Each as its authors train it (track authors)"]


def test_two_full_experiments_on_other_devices_are_both_shown(attempt, tmp_path):
    for signal in "abcdefgh":
        for method, value in (("finer", 33.0), ("siren", 30.0)):
            append(tmp_path / "r", attempt(value, method=method, signal=signal, protocol="standard"))
            for device in ("cpu", "cuda"):
                shown = value if device == "cpu" else 60 - value
                append(tmp_path / "r", attempt(shown, method=method, signal=signal, protocol="paper", device_class=device,
                                               protocol_fingerprint=sha256(b"paper").hexdigest()[:12]))  # fmt: skip
    build_site(tmp_path / "r", tmp_path / "site", Registry())
    cells = list(cells_of(tmp_path / "site" / "index.html", "toy").values())
    assert [cell.split()[0] for cell in cells] == ["finer", "finer", "siren"]


def test_a_cell_does_not_show_the_full_experiment_of_another_device(attempt, tmp_path):
    """The full experiment of one task ran on a GPU, that of the other on a CPU: each has one empty cell, "not measured"."""
    for task, device in (("toy", "cuda"), ("other", "cpu")):
        for method, value in (("finer", 33.0), ("siren", 30.0)):
            for signal in "abcdefgh":
                append(tmp_path / "r", attempt(value, task=task, method=method, signal=signal, protocol="standard"))
            append(tmp_path / "r", attempt(value, task=task, method=method, signal="a", protocol="paper", device_class=device,
                                           protocol_fingerprint=sha256(b"paper").hexdigest()[:12]))  # fmt: skip
    build_site(tmp_path / "r", tmp_path / "site", Registry())
    for task in ("toy", "other"):
        cells = list(cells_of(tmp_path / "site" / "index.html", task).values())
        assert sorted(cell.split()[0] for cell in cells) == ["finer", "finer", "not"], cells


def test_other_signals_do_not_show_that_settings_matter(attempt, tmp_path):
    for track, signals, values in (("paper", "abcdefgh", (33.0, 30.0)), ("authors", "ijklmnop", (30.0, 33.0))):
        for signal in signals:
            for method, value in zip(("finer", "siren"), values, strict=True):
                append(tmp_path / "r", attempt(value, method=method, signal=signal, track=track, protocol="standard"))
    build_site(tmp_path / "r", tmp_path / "site", Registry())
    assert "depends on the settings" not in words_of(tmp_path / "site" / "index.html")


def test_a_table_page_compares_tracks_with_enough_signals(attempt, tmp_path):
    for track, signals, values in (
        ("paper", "abcdefgh", (33.0, 30.0)),
        ("authors", "abcdefgh", (30.0, 33.0)),
        ("tuned-4", "ab", (9.0, 8.0)),
    ):
        for signal in signals:
            for method, value in zip(("finer", "siren"), values, strict=True):
                append(tmp_path / "r", attempt(value, method=method, signal=signal, track=track, protocol="standard"))
    build_site(tmp_path / "r", tmp_path / "site", Registry())
    assert "The best method depends on the settings." in words_of(next((tmp_path / "site" / "tables").glob("toy*")))


def test_runs_without_a_metric_have_pages(attempt, tmp_path):
    one = attempt()
    append(tmp_path / "r", replace(one, result=replace(one.result, metrics=())))
    build_site(tmp_path / "r", tmp_path / "site", Registry())
    assert "siren" in words_of(next((tmp_path / "site" / "tables").glob("toy*")))


def test_references_are_listed_once_on_a_page_of_a_signal_and_the_best_row_is_first(attempt, tmp_path):
    for track, value in (("paper", 30.0), ("tuned-4", 35.0)):
        for seed in range(2):
            append(tmp_path / "r", attempt(value + seed, track=track, seed=seed))
        append(tmp_path / "r", attempt(20.0, method="dct", track=track, solved=True))
    build_site(tmp_path / "r", tmp_path / "site", Registry())
    page = words_of(next((tmp_path / "site" / "signals").glob("*")))
    assert re.search(r"siren \(tuned-4\) 35\.00 \S+ 0 of 2 seeds .* siren 30\.00 .* dct 20\.00", page)
    assert page.count("dct") == 1


def test_smoke_tests_are_folded_on_the_page_of_a_method(attempt, tmp_path):
    for protocol, task in (("quick", "toy"), ("standard", "other")):
        append(
            tmp_path / "r", attempt(task=task, protocol=protocol, protocol_fingerprint=sha256(task.encode()).hexdigest()[:12])
        )
    build_site(tmp_path / "r", tmp_path / "site", Registry())
    text = (tmp_path / "site" / "methods" / "siren.html").read_text(encoding="utf-8")
    assert (
        "other, standard" in text[: text.index("<summary>Smoke tests")]
        and "toy, quick" not in text[: text.index("<summary>Smoke")]
    )
    assert "toy, quick" in text


def test_home_says_which_methods_a_search_made_worse(attempt, tmp_path):
    for signal in "abcdefgh":
        for track, values in (("paper", (33.0, 30.0)), ("tuned-4", (31.0, 35.0))):
            for method, value in zip(("finer", "siren"), values, strict=True):
                append(tmp_path / "r", attempt(value, method=method, signal=signal, track=track, protocol="standard",
                                               training={"lr": "1e-2"} if track != "paper" else {}))  # fmt: skip
    build_site(tmp_path / "r", tmp_path / "site", Registry())
    text = words_of(tmp_path / "site" / "index.html")
    assert "By this metric, the search made finer worse than the usual settings." in text


def test_home_says_what_the_full_experiment_says_beside_its_scale_model(attempt, tmp_path):
    for protocol, device, values in (("standard", "cpu", (33.0, 30.0)), ("paper", "cuda", (31.0, 34.0))):
        for signal in "abcdefgh" if protocol == "standard" else "a":
            for method, value in zip(("finer", "msa"), values, strict=True):
                append(tmp_path / "r", attempt(value, method=method, signal=signal, protocol=protocol, device_class=device,
                                               protocol_fingerprint=sha256(protocol.encode()).hexdigest()[:12]))  # fmt: skip
    build_site(tmp_path / "r", tmp_path / "site", Registry())
    text = words_of(tmp_path / "site" / "index.html")
    assert "finer PSNR 33.00 dB" in text
    cells = cells_of(tmp_path / "site" / "index.html", "toy")
    assert re.search(
        r"msa PSNR 34\.00 dB open .*Open: 1 signal, 1 seed, too few for a test\.",
        cells["Full experiment (protocol paper), one learning rate for all (track paper), cuda"],
    )
    (scale_model,) = (tmp_path / "site" / "tables").glob(f"toy__{sha256(b'standard').hexdigest()[:12]}.html")
    others = r'Other protocols of toy: <a href="[^"]*tables/toy__\w+\.html">paper</a></p>'
    assert re.search(others, scale_model.read_text(encoding="utf-8"))


def test_a_tie_names_the_methods_that_a_test_cannot_distinguish(attempt, tmp_path):
    for number, signal in enumerate("abcdef"):
        for method, value in (("siren", 30.0 + (-1) ** number), ("finer", 30.0)):
            append(tmp_path / "r", attempt(value, method=method, signal=signal, protocol="standard"))
    (table,) = leaderboards(tmp_path / "r")
    assert verdict_of(table).sure in (
        "Not decided: tests over these signals cannot distinguish siren and finer (6 signals, 1 seed).",
        "Not decided: tests over these signals cannot distinguish finer and siren (6 signals, 1 seed).",
    )


def test_too_few_signals_for_a_test_of_all_methods_are_open(attempt, tmp_path):
    """Six signals can tell two methods apart, but not five: no adjusted p can be below the level."""
    for number, signal in enumerate("abcdef"):
        for place, method in enumerate(("siren", "finer", "staf", "wire", "msa")):
            append(tmp_path / "r", attempt(40.0 - 3 * place + 0.1 * number, method=method, signal=signal, protocol="standard"))
    (table,) = leaderboards(tmp_path / "r")
    assert verdict_of(table).sure == "Open: 6 signals, 1 seed, too few for a test of 5 methods."


def test_remarks_count_the_signals_on_which_a_constant_is_better(attempt, tmp_path):
    for signal, constant in (("a", 20.0), ("b", 40.0), ("c", 41.0)):
        for method, value in (("siren", 30.0), ("msa", 25.0), ("mean", constant)):
            append(tmp_path, attempt(value, method=method, signal=signal, trained=method != "mean"))
    (table,) = leaderboards(tmp_path)
    assert "On 2 of 3 signals a constant is better than siren." in verdict_of(table).remarks


def test_a_smoke_test_is_never_sure(attempt, tmp_path):
    for number, signal in enumerate("abcdefgh"):
        for method, value in (("siren", 35.0), ("finer", 30.0)):
            append(tmp_path / "r", attempt(value + 0.1 * number, method=method, signal=signal, protocol="quick"))
    (table,) = leaderboards(tmp_path / "r")
    verdict = verdict_of(table)
    assert (verdict.decided, verdict.sure) == (False, "Clear in this smoke test (8 signals, 1 seed); do not cite it.")


def test_every_link_of_a_site_leads_to_a_page(attempt, tmp_path):
    for method, trained in (("siren", True), ("wire", False)):
        for signal in "ab":
            one = attempt(method=method, signal=signal, trained=trained)
            append(tmp_path / "r", one)
    build_site(tmp_path / "r", tmp_path / "site", Registry())
    for page in (tmp_path / "site").rglob("*.html"):
        for target in re.findall(r'href="([^"#:?]+)(?:[#?][^"]*)?"', page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_home_compares_a_full_experiment_on_its_common_signals_and_on_every_track(attempt, tmp_path):
    values = {("paper", "a"): {"finer": 31.0, "msa": 34.0}, ("paper", "b"): {"msa": 39.0},
              ("authors", "a"): {"finer": 36.0, "msa": 33.0}}  # fmt: skip
    for signal in "abcdefgh":
        for method in ("finer", "msa"):
            append(tmp_path / "r", attempt(30.0, method=method, signal=signal, protocol="standard"))
    for (track, signal), scores in values.items():
        for method, value in scores.items():
            append(tmp_path / "r", attempt(value, method=method, signal=signal, protocol="paper", track=track,
                                           protocol_fingerprint=sha256(b"paper").hexdigest()[:12]))  # fmt: skip
    build_site(tmp_path / "r", tmp_path / "site", Registry())
    cells = cells_of(tmp_path / "site" / "index.html", "toy")
    assert re.search(
        r"msa PSNR 34\.00 dB .*Open: 1 signal,",
        cells["Full experiment (protocol paper), one learning rate for all (track paper)"],
    )
    assert re.search(
        r"finer PSNR 36\.00 dB .*Open: 1 signal,",
        cells["Full experiment (protocol paper), each as its authors train it (track authors)"],
    )


def test_remarks_name_the_best_between_the_points_and_large_networks(attempt, tmp_path):
    from inrbench.analyse import leaderboards

    for method, psnr, dense in (("siren", 30.0, 1e-2), ("msa", 40.0, 1e-1), ("wire", 20.0, 1e-1)):
        one = attempt(psnr, method=method)
        first, last = one.result.metrics
        between = replace(last, metric=replace(last.metric, id="mse@dense-9"), value=dense)
        result = replace(one.result, metrics=(first, between), cost=Cost(n_params=300 if method == "msa" else 100))
        append(tmp_path, replace(one, result=result))
    (table,) = leaderboards(tmp_path)
    assert verdict_of(table).remarks == (
        "By MSE, between the fitted points, siren is best: 1.00e-02 against 1.00e-01.", "msa has 3.0 times the parameters of most."
    )  # fmt: skip


@pytest.mark.parametrize(("between", "said"), [(26.4, True), (30.0, False)])
def test_remarks_say_that_the_lead_is_small_between_the_points(attempt, tmp_path, between, said):
    for method, psnr, offgrid in (("siren", 40.0, 27.0), ("msa", 36.0, between - 0.2)):
        one = attempt(psnr, method=method)
        first = one.result.metrics[0]
        metrics = (first, replace(first, metric=replace(first.metric, id="psnr-offgrid@2x-area"), value=offgrid))
        append(tmp_path, replace(one, result=replace(one.result, metrics=metrics)))
    (table,) = leaderboards(tmp_path)
    remarks = verdict_of(table).remarks
    assert ("Between the fitted points, siren is ahead of msa by only 0.80 dB." in remarks) == said


@pytest.mark.parametrize(("signals", "ranks", "sure"), [(8, False, True), (12, True, True)])
def test_eight_signals_decide_the_first_place_but_give_no_ranks_to_seven_methods(attempt, tmp_path, signals, ranks, sure):
    from inrbench.analyse import leaderboards

    random = np.random.default_rng(0)
    for signal in range(signals):
        for number in range(7):
            append(tmp_path / "r", attempt(30.0 - number + 0.1 * random.normal(), method=f"m{number}", signal=f"s{signal:02}"))
    (table,) = leaderboards(tmp_path / "r")
    assert (table.rows[0].rank is not None) == ranks
    assert any("no ranks: 8 signals are too few for tests of all 21 pairs" in note for note in table.notes) != ranks
    assert table.rows[1].p_to_best == pytest.approx(6 * 2.0 ** (1 - signals))
    assert verdict_of(table).decided == sure


def test_home_shows_the_seconds_of_a_fit_by_a_profile_of_the_same_size(attempt, tmp_path):
    registry = Registry()
    fingerprint = registry.task("kodak").protocol("standard").fingerprint("kodak", registry.task("kodak").version)
    for method in ("siren", "wire", "msa"):
        one = attempt(task="kodak", protocol="standard", protocol_fingerprint=fingerprint, method=method)
        append(tmp_path / "r", replace(one, result=replace(one.result, cost=Cost(points_seen=36_000))))
    profile = {
        "caption": "", "kind": "image", "shape": "4x100",
        "timings": {label: {"points_per_second": speed} for label, speed in (("siren", 3000.0), ("wire", 1200.0))},
    }  # fmt: skip
    (tmp_path / "r" / "profile").mkdir()
    for shape, times in (("4x100", {"siren": "12", "wire": "30"}), ("4x400", {})):
        (tmp_path / "r" / "profile" / "a.json").write_text(json.dumps({**profile, "shape": shape}))
        build_site(tmp_path / "r", tmp_path / "site", registry)
        text = (tmp_path / "site" / "index.html").read_text(encoding="utf-8")
        answer = text[text.index('aria-label="All tasks together"') : text.index('id="tasks"')]
        assert ("kodak: fit (s)" in answer) == bool(times)
        rows = dict(re.findall(r'<tr data-label="(\w+)">(.*)</tr>', answer))
        assert all(f">{time}<" in rows[method] for method, time in times.items())


def test_every_task_has_a_tile_and_tables_of_other_kinds_are_not_averaged(attempt, tmp_path):
    for task, protocol in (("a", "standard+epochs=30"), ("b", "test"), ("c", "standard"), ("d", "standard"), ("e", "standard")):
        for method in ("siren", "msa"):
            other = {"device_class": "cuda"} if task == "e" else {}
            append(tmp_path / "r", attempt(method=method, task=task, protocol=protocol,
                                           protocol_fingerprint=sha256(task.encode()).hexdigest()[:12], **other))  # fmt: skip
    build_site(tmp_path / "r", tmp_path / "site", Registry())
    home = (tmp_path / "site" / "index.html").read_text(encoding="utf-8")
    assert home.count('class="tile') - home.count('class="tile-title') - home.count('class="tiles') == 5
    answer = home.split("Protocol <em>standard</em>")[1].split("</p>")[0]
    assert "c</a>" in answer and "d</a>" in answer and "e</a>" not in answer


def test_home_names_the_methods_that_the_answer_does_not_compare(attempt, tmp_path):
    for signal in "abcdefgh":
        for method in ("siren", "msa"):
            append(tmp_path / "r", attempt(method=method, signal=signal, task="photo", protocol="standard"))
    for method in ("gauss", "ff-pinn"):  # the second fits no images
        append(tmp_path / "r", attempt(method=method, task="other"))
    build_site(tmp_path / "r", tmp_path / "site", Registry())
    assert "Not measured in these tables yet: gauss." in (tmp_path / "site" / "index.html").read_text(encoding="utf-8")


def test_home_shows_the_smallest_share_of_signals_on_which_a_method_trained(attempt, tmp_path):
    """Of several kinds of tasks: siren trained on all photographs and on half of the noisy ones."""
    for task in ("photo", "denoise"):
        for signal in "abcdefgh":
            for method in ("siren", "msa"):
                trained = (task, method) != ("denoise", "siren") or signal in "abcd"
                append(tmp_path / "r", attempt(method=method, signal=signal, task=task, protocol="standard", trained=trained,
                                               protocol_fingerprint=sha256(task.encode()).hexdigest()[:12]))  # fmt: skip
    build_site(tmp_path / "r", tmp_path / "site", Registry())
    home = (tmp_path / "site" / "index.html").read_text(encoding="utf-8")
    rows = dict(re.findall(r'<tr data-label="(\w+)">(.*?)</tr>', home, re.DOTALL))
    shares = {method: re.findall(r">\s*(\d+%)", row)[-1] for method, row in rows.items()}
    assert shares == {"siren": "50%", "msa": "100%"}


def test_home_answers_from_the_present_edition_of_a_protocol(attempt, tmp_path):
    """Although more signals were measured under an earlier edition."""
    photo = Registry().task("photo")
    present = photo.protocol("standard", {}).fingerprint(photo.name, photo.version)
    for edition, signals, value in ((present, "abcdefg", 30.0), ("f" * 12, "abcdefgh", 33.0)):
        for signal in signals:
            for method, below in (("siren", 0.0), ("msa", 5.0)):
                append(tmp_path / "r", attempt(value - below, method=method, signal=signal, task="photo", protocol="standard",
                                               protocol_fingerprint=edition))  # fmt: skip
    build_site(tmp_path / "r", tmp_path / "site", Registry())
    (answer,) = cells_of(tmp_path / "site" / "index.html", "photo").values()
    assert answer.startswith("siren PSNR 30.00 dB") and "(7 signals" in answer


def test_tile_says_that_the_winner_depends_on_the_settings(attempt, tmp_path):
    for signal in "abcdefgh":
        for track, values in (("paper", (33.0, 30.0)), ("tuned-4", (33.0, 35.0))):
            for method, value in zip(("finer", "siren"), values, strict=True):
                append(tmp_path / "r", attempt(value, method=method, signal=signal, protocol="standard", track=track))
    build_site(tmp_path / "r", tmp_path / "site", Registry())
    text = (tmp_path / "site" / "index.html").read_text(encoding="utf-8")
    tile = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", text[text.index('id="tasks"') :]))
    assert "It depends on the settings. Best here: siren PSNR 35.00 dB" in tile
    assert "With one learning rate for all (track paper), finer is ahead of siren by 3.00 dB" in tile


@pytest.mark.parametrize(("steps", "peak", "said"), [
    (900, 32.0, "siren had 32.00 dB at step 40"),
    (900, 30.1, None),
    (1800, 32.0, "siren had 31."),  # the axis is the share of the steps: the peak lies between two of its points
])  # fmt: skip
def test_a_method_that_was_better_before_the_end_is_named(attempt, tmp_path, steps, peak, said):
    for method, last, values in (("siren", steps, (peak, 20.0)), ("msa", 900, (25.0, 30.0)), ("wire", 900, (60.0, 9.0))):
        curve = tuple(
            CurvePoint(step=s, train_seconds=0.1 * s, loss=1.0, lr=0.1, value=v)
            for s, v in zip((40, last), values, strict=True)
        )
        one = attempt(values[1], method=method, trained=method != "wire")  # one that did not train has no say
        append(tmp_path, replace(one, result=replace(one.result, curve=curve)))
    (leaderboard,) = leaderboards(tmp_path, curves=True)
    remarks = verdict_of(leaderboard).remarks
    assert len(remarks) == (said is not None)
    assert all(remark.startswith(f"All values are those after the last step; {said}") for remark in remarks)
