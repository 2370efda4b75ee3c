"""The site: its pages, links, downloads and media, built from small stores."""

import json
import re
import tomllib
from dataclasses import replace
from hashlib import sha256
from html.parser import HTMLParser
from importlib import resources
from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner

from inrbench.analyse import comparable_runs
from inrbench.cli.main import cli
from inrbench.data import read_image
from inrbench.errors import BadValue
from inrbench.registry import Registry
from inrbench.report.site import build_site, to_html
from inrbench.report.site.protocol_card import protocol_card
from inrbench.report.site.settings import settings_text
from inrbench.report.site.typeset import typeset
from inrbench.report.site.urls import slug
from inrbench.store import append

NASTY = "<script>alert('x')</script>\"&'"


@pytest.mark.parametrize(("runs", "text"), [
    ({"signal": [], "params_json": []}, ""),
    ({"signal": ["b", "a"], "params_json": ['{"omega":30.0}'] * 2}, "omega = 30.0"),
    ({"signal": ["a"], "params_json": ["{}"], "training_json": [None]}, "its defaults"),
    ({"signal": ["b", "a", "a"], "params_json": ["{}", '{"omega":5.0}', "{}"], "training_json": ['{"lr":"1e-2"}', None, None]},
     "omega = 5.0 (a); lr = 1e-2 (b)"),
])  # fmt: skip
def test_settings_in_words_are_those_of_the_first_run_of_each_signal(runs, text):
    assert settings_text(pd.DataFrame(runs)) == text


class _Links(HTMLParser):
    """Collects the links and the ids of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.found, self.ids = [], set()

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        self.ids.add(attributes.get("id"))
        self.found += [attributes[name] for name in ("href", "src", "data-script", "data-viewer") if attributes.get(name)]


def _read(page: Path) -> _Links:
    links = _Links()
    links.feed(page.read_text(encoding="utf-8"))
    return links


def test_every_link_has_a_target_in_the_site(site):
    pages = {page.resolve(): _read(page) for page in site.rglob("*.html")}
    assert len(pages) > 10
    for page, links in pages.items():
        for link in links.found:
            if link.startswith("data:"):
                continue
            if "//" in link:
                assert link.startswith(("https://doi.org/", "https://arxiv.org/abs/")), f"{page.name}: {link}"
                continue
            address, _, anchor = link.partition("#")
            address = address.partition("?")[0]
            target = (page.parent / address).resolve() if address else page
            assert target.exists(), f"{page.name}: {link}"
            assert not anchor or target.suffix != ".html" or anchor in pages[target].ids, f"{page.name}: {link}"


def test_html_in_names_is_escaped(site):
    for page in site.rglob("*.html"):
        assert "<script>alert" not in page.read_text(encoding="utf-8")
    shown = [page for page in site.rglob("*.html") if "&lt;script&gt;alert" in page.read_text(encoding="utf-8")]
    assert len(shown) >= 3


def test_run_page_shows_the_command_and_the_commit(site):
    page = next(page for page in (site / "runs").glob("*msa*")).read_text(encoding="utf-8")
    command = "inrbench run --methods msa --tasks toy --protocol test --signals b --seeds 1, --device cpu"
    assert page.count(command) == 1
    assert "abc" in page  # the commit
    assert page.count("<tr id=") == 4
    assert "nan" not in page and "None" not in page


def test_charts_contain_the_stored_numbers(site):
    page = next((site / "tables").glob("toy*")).read_text(encoding="utf-8")
    charts = [json.loads(text) for text in re.findall(r'<script type="application/json"[^>]*>(.*?)</script>', page)]
    lines = {series["label"]: (series["x"], series["y"]) for series in charts[0]["series"]}
    assert lines["msa"] == ([1.0, 4.0, 16.0], [11.0, 14.0, 26.0])


def test_method_page_shows_the_formula_wins_costs_and_curves(site):
    page = (site / "methods" / "siren.html").read_text(encoding="utf-8")
    assert re.search(r"<math [^>]*>.*<mi>sin</mi>.*<mi>ω</mi><mi>z</mi>.*</math>", page)
    assert ">50%<" in page  # msa is ahead and finer behind on both signals; wire was not run on both
    assert ">0.71<" in page  # 30 and 31 dB on both signals
    assert "4 of 4" in page
    charts = [json.loads(text) for text in re.findall(r'<script type="application/json"[^>]*>(.*?)</script>', page)]
    assert {series["label"] for series in charts[0]["series"]} == {"msa", "siren"}


@pytest.mark.parametrize(
    ("latex", "shown"),
    [
        (r"a < b", "<mi>a</mi><mo>&lt;</mo><mi>b</mi>"),
        (r"\text{<script>alert(1)</script>}", "<mtext>&lt;script&gt;alert(1)&lt;/script&gt;</mtext>"),
        (r"\href{javascript:alert(1)}{x}", "<mrow><mrow><mi>x</mi></mrow></mrow>"),
    ],
)
def test_formulas_are_typeset_and_escaped(latex, shown):
    assert shown in typeset(latex)


@pytest.mark.parametrize("latex", ["", " ", r"\frac{", "}{", r"\left(", "{" * 5000])
def test_a_formula_that_is_not_understood_is_shown_as_text(latex):
    assert typeset(latex) is None


def test_site_replaces_only_an_earlier_site(site, tmp_path):
    results = tmp_path / "results"
    build_site(results, site, Registry())
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "thesis.tex").write_text("years of work")
    with pytest.raises(BadValue, match="not a site of inrbench"):
        build_site(results, tmp_path / "other", Registry())
    assert (tmp_path / "other" / "thesis.tex").exists()
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


def test_pages_are_small(site):
    assert max(page.stat().st_size for page in site.rglob("*.html")) < 2_000_000


def test_vendored_scripts_match_their_checksums(site):
    folder = resources.files("inrbench.report.site").joinpath("vendor")
    files = tomllib.loads(folder.joinpath("VENDOR.toml").read_text())["file"]
    assert {file["name"] for file in files} == {path.name for path in folder.iterdir() if path.name.endswith((".js", ".css"))}
    for file in files:
        assert sha256(folder.joinpath(file["name"]).read_bytes()).hexdigest() == file["sha256"]
        assert folder.joinpath(file["text"]).is_file()


def test_page_names_are_unique_and_safe():
    assert len({slug("a__b", "c"), slug("a", "b__c"), slug("a", "b", "c"), slug("A", "b", "c"), slug("a/b")}) == 5
    assert slug("../../etc/passwd").startswith("_.._etc_passwd-")
    assert len(slug("x" * 500)) < 80


def test_leaderboard_page_escapes_names_and_marks_the_best(attempt, tmp_path):
    from inrbench.analyse import leaderboards

    append(tmp_path, attempt(method="msa", variant=NASTY, params={"x": 1.0}))
    append(tmp_path, attempt(20.0))
    text = to_html(leaderboards(tmp_path))
    assert "&lt;script&gt;" in text and "<script" not in text and "<strong>30.00</strong>" in text


def test_report_command_writes_a_site(attempt, tmp_path):
    append(tmp_path / "r", attempt())
    done = CliRunner().invoke(
        cli, ["report", "--results", str(tmp_path / "r"), "-o", str(tmp_path / "s")], catch_exceptions=False
    )
    assert f"wrote {tmp_path / 's' / 'index.html'}" in done.output
    assert (tmp_path / "s" / "index.html").is_file()


def test_downloads_hold_the_numbers_of_the_table(site):
    files = {path.suffix: path for path in (site / "downloads").glob("toy*")}
    assert set(files) == {".csv", ".json", ".tex", ".parquet"}
    runs = pd.read_parquet(files[".parquet"])
    psnr = next(name for name in runs if name.startswith("psnr"))
    assert runs.groupby("label")[psnr].mean()["msa"] == pytest.approx(31.5)
    assert "msa" in files[".csv"].read_text() and "msa" in files[".tex"].read_text()


def test_protocol_card_says_what_was_measured(attempt, tmp_path):
    """The card of a known protocol has its numbers; tuning signals are named only where a table is tuned."""
    registry = Registry()
    fingerprint = registry.task("kodak").protocol("standard").fingerprint("kodak", registry.task("kodak").version)
    for track in ("paper", "tuned-4"):
        append(tmp_path / "r", attempt(task="kodak", protocol="standard", protocol_fingerprint=fingerprint, track=track))
    groups = comparable_runs(tmp_path / "r", ("metrics", "status"))
    tuned = [group for group in groups if group.track != "paper"]
    terms = dict(protocol_card(groups, registry)["terms"])
    assert "4 nonlinear layers of width 100" in terms["Network"] and "1,500 epochs with all points" in terms["Training"]
    assert "coffee" in terms["Tuned on"]
    assert "Tuned on" not in dict(protocol_card([group for group in groups if group not in tuned], registry)["terms"])
    unknown = replace(groups[0], fingerprint="0" * 12)
    assert protocol_card([unknown], registry)["terms"] == []


def test_rows_without_a_device_or_a_primary_metric_do_not_stop_the_report(attempt, tmp_path):
    for method, change in (("siren", {}), ("msa", {"device_name": None})):
        one = attempt(method=method)
        append(tmp_path / "r", replace(one, environment=replace(one.environment, **change)))
    one = attempt(method="wire", signal="b")
    append(tmp_path / "r", replace(one, result=replace(one.result, metrics=one.result.metrics[1:])))
    (tmp_path / "r" / "profile").mkdir()
    (tmp_path / "r" / "profile" / "a.json").write_text('{"timings": {"siren": {"points_per_second": "-1"}}}')
    (tmp_path / "r" / "profile" / "b.json").write_text('{"timings": {"siren": {"points_per_second": 1}}, "machine": []}')
    assert build_site(tmp_path / "r", tmp_path / "site", Registry()).pages > 5


@pytest.mark.parametrize(
    "what", ["@register_task('toy')\nclass Toy: ...\n", "@register_method('mine', formula='z')\ndef mine(net): ...\n"]
)
def test_a_plugin_that_cannot_be_loaded_does_not_stop_the_report(attempt, tmp_path, what):
    (tmp_path / "broken.py").write_text(f"from inrbench import register_method, register_task\nimport no_such_module\n\n{what}")
    for method in ("siren", "mine"):
        append(tmp_path / "r", attempt(method=method))
    build_site(tmp_path / "r", tmp_path / "site", Registry([tmp_path / "broken.py"]))
    assert (tmp_path / "site" / "index.html").is_file()


def test_one_signal_page_for_two_devices_names_every_row(attempt, tmp_path):
    for device in ("cpu", "cuda"):
        append(tmp_path / "r", attempt(device_class=device))
    build_site(tmp_path / "r", tmp_path / "site", Registry())
    page = next((tmp_path / "site" / "signals").glob("*")).read_text(encoding="utf-8")
    names = re.findall(r'<tr data-label="([^"]*)"', page)
    assert len(names) == len(set(names)) == 2


def test_links_to_a_published_site_show_a_picture(attempt, tmp_path):
    for psnr, method in ((30.0, "siren"), (28.0, "msa")):
        append(tmp_path / "r", attempt(psnr, method=method, protocol="standard"))
    build_site(tmp_path / "r", tmp_path / "site", Registry(), url="https://example.org/inrbench")
    assert read_image(tmp_path / "site" / "assets" / "preview.png").shape[:2] == (630, 1200)
    home = (tmp_path / "site" / "index.html").read_text(encoding="utf-8")
    assert '<meta property="og:image" content="https://example.org/inrbench/assets/preview.png">' in home
    build_site(tmp_path / "r", tmp_path / "site", Registry())
    assert not (tmp_path / "site" / "assets" / "preview.png").exists()


@pytest.mark.parametrize("runs", ["one", "only failures", "300 methods"])
def test_sites_of_unusual_stores_say_what_there_is(attempt, tmp_path, runs):
    results = tmp_path / "r"
    if runs == "one":
        append(results, attempt())
    elif runs == "only failures":
        append(results, attempt(status="diverged"))
    else:
        for number in range(300):
            append(results, attempt(20 + number / 100, method=f"method{number}"))
    build_site(results, tmp_path / "site", Registry())
    home = (tmp_path / "site" / "index.html").read_text(encoding="utf-8")
    assert {"one": "toy", "only failures": "toy", "300 methods": "method299"}[runs] in home
    assert "nan" not in re.sub(r"<[^>]+>", "", home).lower().replace("finance", "")


def test_runs_without_a_commit_share_one_environment(attempt, tmp_path):
    """pandas gives NaN for an empty column, and NaN is not equal to itself."""
    for seed in (0, 1):
        one = attempt(seed=seed)
        append(tmp_path / "r", replace(one, environment=replace(one.environment, code_commit=None, code_dirty=None)))
    build_site(tmp_path / "r", tmp_path / "site", Registry())
    (page,) = (tmp_path / "site" / "runs").glob("*.html")
    assert page.read_text(encoding="utf-8").count("unknown") == 1


def test_page_of_a_tuned_track_says_how_the_score_changes_when_a_setting_is_off(attempt, siren_recipe, tmp_path):
    append(tmp_path / "r", attempt(30.0, method="siren", track="tuned-4"))
    append(tmp_path / "r", attempt(31.0, method="msa", track="tuned-4"))
    recipe = siren_recipe(tmp_path / "r", "toy", "test", 'lr = [1.5, "none"]\nomega = [inf, -0.25]')
    build_site(tmp_path / "r", tmp_path / "site", Registry())
    page = next((tmp_path / "site" / "tables").glob("*.html"))
    cells = re.findall(
        r"<tr><td>siren</td><td>(\w+)</td><td class=\"n\">([^<]*)</td><td class=\"n\">([^<]*)</td></tr>", page.read_text()
    )
    assert cells == [("lr", "-1.50", "no trial"), ("omega", "failed", "+0.25")]
    recipe.write_text(recipe.read_text().replace("budget = 4", "budget = inf"))
    assert len(build_site(tmp_path / "r", tmp_path / "site", Registry()).refused) == 1
    recipe.write_text("what = ")
    facts = build_site(tmp_path / "r", tmp_path / "site", Registry())
    assert len(facts.refused) == 1
    assert "is not a tuned recipe" in facts.refused[0]
    assert "Short trials" not in page.read_text()


def test_page_of_a_table_lists_the_settings_that_are_not_the_defaults_of_a_method(attempt, tmp_path):
    append(tmp_path / "r", attempt(30.0, method="siren", params={"omega": 30.0, "omega_first": None, "zero_bias": False}))
    append(tmp_path / "r", attempt(31.0, method="staf", params={**Registry().method("staf").defaults(), "tau": 2}))
    append(tmp_path / "r", attempt(31.0, method="staf", signal="b", params=Registry().method("staf").defaults()))
    build_site(tmp_path / "r", tmp_path / "site", Registry())
    text = next((tmp_path / "site" / "tables").glob("*.html")).read_text()
    assert "<dt>siren</dt>" not in text
    assert "<dt>staf</dt><dd>tau = 2 (a); its defaults (b)</dd>" in text
    assert "Do not cite the order of methods: it was measured on 2 signals." in text


def test_page_of_runs_shows_the_settings(attempt, tmp_path):
    append(tmp_path / "r", attempt(30.0, method="siren", params={"omega": 77.6}, track="tuned-4", training={"lr": "0.000375"}))
    build_site(tmp_path / "r", tmp_path / "site", Registry())
    assert "<p>Settings: omega = 77.6, lr = 0.000375</p>" in next((tmp_path / "site" / "runs").glob("*.html")).read_text()


@pytest.mark.parametrize(("load", "shown"), [(0.5, False), (50.0, True)])
def test_page_of_runs_marks_times_of_a_busy_machine(attempt, tmp_path, load, shown):
    one = attempt(30.0)
    append(tmp_path / "r", replace(one, environment=replace(one.environment, load_average=load)))
    build_site(tmp_path / "r", tmp_path / "site", Registry())
    assert (">busy</span>" in next((tmp_path / "site" / "runs").glob("*.html")).read_text()) == shown
