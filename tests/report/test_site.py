"""The site: built from a small store, and opened in a browser if one is installed."""

import json
import re
import shlex
import shutil
import tomllib
from contextlib import closing
from dataclasses import replace
from hashlib import sha256
from html.parser import HTMLParser
from importlib import resources
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from inrbench.analyse import comparable_runs
from inrbench.cli.main import cli
from inrbench.data import read_image, write_image, write_ply, write_video
from inrbench.errors import BadValue
from inrbench.registry import Registry
from inrbench.report.site import build_site, to_html
from inrbench.report.site.protocol_card import protocol_card
from inrbench.report.site.typeset import typeset
from inrbench.report.site.urls import slug
from inrbench.report.site.verdict import verdict_of
from inrbench.spec import Cost, CurvePoint
from inrbench.store import append, keep_artifacts

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync",
         "--no-first-run", "--enable-unsafe-swiftshader")  # fmt: skip
NASTY = "<script>alert('x')</script>\"&'"
"""A name that would run, close an attribute or end a script if it were not escaped."""


def _files(folder: Path) -> None:
    row = np.linspace(0, 1, 24)
    write_image(folder / "truth.png", np.stack([np.add.outer(row[:16], row) / 2] * 3, axis=2))
    write_image(folder / "reconstruction.png", np.full((16, 24, 3), 0.5))
    knot = Registry().task("sdf").mesh("knot")
    write_ply(folder / "reconstruction.ply", knot)
    x = np.linspace(-1, 1, 50)
    np.savez_compressed(folder / "curve.npz", x=x, truth=np.sin(3 * x), prediction=np.sin(3 * x) + 0.01)


@pytest.fixture
def site(attempt, tmp_path):
    """Return the folder of a site with two signals, three methods, two seeds, pictures, and names that contain HTML."""
    results = tmp_path / "results"
    kept = keep_artifacts(results, _files)
    curve = tuple(CurvePoint(step=s, train_seconds=0.1 * s, loss=1 / s, lr=0.1, value=10.0 + s) for s in (1, 4, 16))
    for method, psnr in (("siren", 30.0), ("msa", 31.0), ("finer", 9.5)):
        for signal in "ab":
            for seed in (0, 1):
                one = attempt(psnr + seed, method=method, signal=signal, seed=seed)
                append(results, replace(one, result=replace(one.result, curve=curve, artifacts=kept if signal == "a" else ())))
    append(results, attempt(method="wire", status="diverged"))
    append(results, attempt(20.0, method="wire", signal=NASTY, variant=NASTY, params={"x": 1.0}, task="other",
                            protocol_fingerprint="e" * 12))  # fmt: skip
    build_site(results, tmp_path / "site", Registry())
    return tmp_path / "site"


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


# --- in a browser ---------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def browser():
    if CHROMIUM is None:
        pytest.skip("no Chromium here: apt-get install chromium")
    api = pytest.importorskip("playwright.sync_api")
    with api.sync_playwright() as playwright, closing(playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)) as one:
        yield one


@pytest.fixture
def tab(browser):
    """Return a function that opens a page. Afterwards, check that there was no error and no request outside the site."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page, faults = context.new_page(), []
    page.on("console", lambda message: faults.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on(
        "request", lambda request: None if request.url.startswith(("file:", "data:", "blob:")) else faults.append(request.url)
    )

    def open_page(path: Path):
        page.goto(path.resolve().as_uri())
        return page

    yield open_page
    context.close()
    assert faults == []


def _column(page, number: int) -> list[str]:
    return page.locator(f"#leaderboards table.leaderboard tbody tr td:nth-child({number})").all_inner_texts()


def test_table_is_sorted_as_numbers_and_filtered_and_the_address_keeps_the_view(tab, site):
    page = tab(next((site / "tables").glob("toy*")))
    assert _column(page, 1)[:3] == ["msa", "siren", "finer"]
    head = page.locator("#leaderboards table.leaderboard thead th").nth(1)
    head.focus()
    for order in ("descending", "ascending"):  # higher is better: the best comes first
        page.keyboard.press("Enter")
        page.wait_for_function(f"document.querySelectorAll('table.leaderboard th')[1].ariaSort === '{order}'")
    page.wait_for_function(
        "document.querySelector('table.leaderboard tbody td').innerText === 'finer'"
    )  # 10 before 30: sorted as numbers
    page.locator("input[data-filter]").fill("i")
    assert sorted(page.evaluate("location.search").strip("?").split("&")) == ["filter=i", "sort0=1.ascending"]
    page.reload()
    page.wait_for_function("document.querySelector('table.leaderboard tbody td').innerText === 'finer'")
    assert page.locator("table.leaderboard tbody tr:visible").count() == 3  # siren, finer, wire
    page.locator("input[data-filter]").fill("nothing of this name")
    assert page.get_by_text("No row contains this text.").is_visible()


@pytest.mark.parametrize(("head", "order"), [("method", "ascending"), ("PSNR", "descending"), ("MSE", "ascending"),
                                             ("train (s)", "ascending"), ("params", "ascending")])  # fmt: skip
def test_the_first_click_sorts_the_better_way(tab, site, head, order):
    page = tab(next((site / "tables").glob("toy*")))
    page.locator("table.leaderboard th", has_text=head).first.click()
    page.wait_for_function(
        f"[...document.querySelectorAll('table.leaderboard th')].some(th => th.getAttribute('aria-sort') === '{order}')"
    )


def test_leaderboard_cell_links_to_its_runs(tab, site):
    page = tab(site / "index.html")
    page.locator("#all-tables").get_by_role("link", name="toy").click()
    page.locator("table.leaderboard tbody td a", has_text="31.50").click()
    assert "msa" in page.locator("h1").inner_text()
    page.locator("select[data-field=seed]").select_option("1")
    assert page.locator("#runs tbody tr:visible").count() == 2
    page.locator("#runs tbody tr:visible summary").first.click()
    assert "--seeds 1," in page.locator("#runs tbody tr:visible pre").first.inner_text()


def _chart_pixels(page) -> int:
    return page.evaluate("""() => {
        const canvas = document.querySelector('[data-chart] canvas');
        return canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data.reduce((sum, v) => sum + v, 0);
    }""")


def test_charts_are_drawn_when_visible_saved_and_change_with_the_theme(tab, site):
    page = tab(next((site / "tables").glob("toy*")))
    page.locator("[data-chart]").first.scroll_into_view_if_needed()
    page.wait_for_selector("[data-chart] canvas")
    page.wait_for_timeout(100)
    before = page.evaluate("getComputedStyle(document.body).backgroundColor"), _chart_pixels(page)
    with page.expect_download() as download:
        page.get_by_role("button", name="Save as PNG").first.click()
    assert Path(download.value.path()).read_bytes().startswith(b"\x89PNG")
    page.get_by_role("button", name="Switch between light and dark").click()
    page.wait_for_timeout(100)
    after = page.evaluate("getComputedStyle(document.body).backgroundColor"), _chart_pixels(page)
    assert before[0] != after[0] and before[1] != after[1]


def test_a_method_is_highlighted_in_all_charts_and_tables(tab, site):
    page = tab(next((site / "tables").glob("toy*")))
    page.locator("[data-chart]").first.scroll_into_view_if_needed()
    page.wait_for_selector("[data-chart] canvas")
    page.locator("tr[data-label=siren]").first.hover()
    assert page.evaluate(
        "charts.every(({ plot }) => plot.series.slice(1).filter(s => s._focus).every(s => s.label === 'siren'))"
    )
    assert page.evaluate("charts[0].plot.series.some((s) => s._focus && s.label === 'siren')")
    assert "highlight" in page.locator("tr[data-label=siren]").first.get_attribute("class")


def test_two_pictures_are_compared_under_one_slider_with_one_zoom(tab, site):
    page = tab(next((site / "signals").glob("toy*__a.html")))
    slider = page.locator(".slider input").first
    slider.focus()
    for _ in range(5):
        page.keyboard.press("ArrowRight")
    assert "55%" in page.locator("#right-picture").evaluate("image => getComputedStyle(image).clipPath")
    left, right = page.locator("#left-picture"), page.locator("#right-picture")
    assert left.get_attribute("alt") == "ground truth of a" and right.get_attribute("alt") == "a by msa"
    page.locator("#left").select_option(label="siren")
    page.get_by_role("button", name="finer", exact=True).click()
    assert left.get_attribute("alt") == "a by siren" and right.get_attribute("alt") == "a by finer"
    page.locator("#errors").check()
    assert right.get_attribute("alt") == "absolute error of a by finer" and "-error-" in right.get_attribute("src")
    for picture in (left, right):
        assert picture.evaluate("image => image.complete && image.naturalWidth") == 24
    page.get_by_role("button", name="Zoom in").click()
    page.wait_for_timeout(400)
    assert page.locator(".zoomed").evaluate("stage => new DOMMatrix(getComputedStyle(stage).transform).a") > 1


def test_a_swipe_over_a_picture_scrolls_the_page(browser, site):
    with closing(browser.new_context(viewport={"width": 390, "height": 700}, has_touch=True, is_mobile=True)) as context:
        page = context.new_page()
        page.goto(next((site / "signals").glob("toy*__a.html")).resolve().as_uri())
        box = page.locator(".zoomed").bounding_box()
        session, x, y = context.new_cdp_session(page), box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        session.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [{"x": x, "y": y}]})
        for step in range(1, 11):
            session.send("Input.dispatchTouchEvent", {"type": "touchMove", "touchPoints": [{"x": x, "y": y - 15 * step}]})
            page.wait_for_timeout(20)
        session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
        page.wait_for_function("scrollY > 50")


def test_videos_play_in_step(tab, attempt, tmp_path):
    frames = np.random.default_rng(0).integers(0, 255, (25, 16, 32, 3)).astype(np.uint8)
    for method, factor in (("siren", 1.0), ("msa", 0.5)):
        kept = keep_artifacts(
            tmp_path / "r", lambda folder, f=factor: write_video(folder / "reconstruction.mp4", (frames * f).astype(np.uint8))
        )
        one = attempt(method=method)
        append(tmp_path / "r", replace(one, result=replace(one.result, artifacts=kept)))
    build_site(tmp_path / "r", tmp_path / "site", Registry())
    page = tab(next((tmp_path / "site" / "signals").glob("*")))
    page.wait_for_function("[...document.querySelectorAll('video')].filter(v => v.readyState > 0).length === 2")
    page.evaluate("document.querySelectorAll('video')[0].currentTime = 0.5")
    page.wait_for_function("document.querySelectorAll('video')[1].currentTime === 0.5")
    page.evaluate("document.querySelectorAll('video')[1].play()")
    page.wait_for_function("!document.querySelectorAll('video')[0].paused")


def test_mesh_viewers_load_and_turn_together(tab, site):
    page = tab(next((site / "signals").glob("toy*__a.html")))
    for count in (1, 2):
        page.get_by_role("button", name="View in 3-D").first.click()
        page.wait_for_function(
            f"[...document.querySelectorAll('model-viewer')].filter(v => v.loaded).length === {count}", timeout=60_000
        )
    page.evaluate("""async () => {
        const [one] = document.querySelectorAll('model-viewer');
        one.cameraOrbit = '1rad 1rad auto'; await one.updateComplete; one.jumpCameraToGoal();
        while (Math.abs(one.getCameraOrbit().theta - 1) > 0.01) await new Promise(requestAnimationFrame);
        one.dispatchEvent(new CustomEvent('camera-change', { detail: { source: 'user-interaction' } }));
    }""")
    page.wait_for_function("""() => [...document.querySelectorAll('model-viewer')].every(
        (viewer) => Math.abs(viewer.getCameraOrbit().theta - 1) < 0.01)""")


def test_compare_page_has_the_numbers_of_the_command(tab, attempt, tmp_path):
    """Differences and intervals of the page are those of ``inrbench compare``, in both directions."""
    random = np.random.default_rng(0)
    for signal in "abcdefg":
        for method, mean in (("siren", 30.0), ("msa", 29.5)):
            append(tmp_path / "r", attempt(mean + random.normal(), method=method, signal=signal))
    build_site(tmp_path / "r", tmp_path / "site", Registry())
    page = tab(tmp_path / "site" / "compare.html")
    shown = {}
    for first, second in (("siren", "msa"), ("msa", "siren")):
        page.locator("#first").select_option(first)
        page.locator("#second").select_option(second)
        shown[first] = page.locator("#differences tbody > tr").first.inner_text()
        command = ["compare", first, second, "--results", str(tmp_path / "r"), "--format", "json"]
        ((found, *_),) = [group["comparisons"] for group in json.loads(CliRunner().invoke(cli, command).output)]
        numbers = [found["difference"][end] for end in ("mean", "low", "high")]
        texts = [f"{value:+.2f}".replace("-", "\u2212") for value in numbers]
        assert f"{texts[0]} [{texts[1]}, {texts[2]}]" in shown[first]
        assert page.evaluate("location.search") == f"?a={first}&b={second}"


def test_compare_page_shows_pictures_and_opens_them_under_one_slider(tab, site):
    page = tab(site / "compare.html")
    page.locator("#first").select_option("finer")
    page.locator("#second").select_option("msa")
    figure = page.locator("#pairs figure")
    assert figure.count() == 1
    assert figure.locator("figcaption").inner_text() == "a: toy, test"
    assert figure.locator("a").all_inner_texts() == ["truth", "finer", "msa"]
    figure.locator("a").last.click()
    page.wait_for_load_state()
    assert page.locator("#left-name").inner_text() == "finer"
    assert page.locator("#right-name").inner_text() == "msa"
    page.go_back()
    page.locator("#first").select_option("msa")
    page.wait_for_function("document.getElementById('side-by-side').hidden")


def test_downloads_hold_the_numbers_of_the_table(site):
    files = {path.suffix: path for path in (site / "downloads").glob("toy*")}
    assert set(files) == {".csv", ".json", ".tex", ".parquet"}
    runs = pd.read_parquet(files[".parquet"])
    psnr = next(name for name in runs if name.startswith("psnr"))
    assert runs.groupby("label")[psnr].mean()["msa"] == pytest.approx(31.5)
    assert "msa" in files[".csv"].read_text() and "msa" in files[".tex"].read_text()


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
    text = re.sub(r"<[^>]+>", "", (tmp_path / "site" / "index.html").read_text(encoding="utf-8"))
    sure = r"many, with one learning rate for all \(track paper\): siren PSNR (29|30)\.\d\d dB, ahead of msa by (4|5)\.\d\d dB \[[\d.]+, [\d.]+\]\. Sure on these signals \(8 signals"
    assert re.search(sure, text)
    assert re.search(r"Open: 2 signals, 1 seed, too few for a test\.\s+Best here: siren PSNR", text)  # in the tile of the task


def test_home_says_when_the_order_depends_on_the_settings(attempt, tmp_path):
    """Two tracks with other winners are both shown, on the same signals, with the methods for which the search found nothing."""
    for signal in "abcdef":
        for track, values in (("paper", (33.0, 30.0)), ("tuned-4", (33.0, 35.0))):
            for method, value in zip(("finer", "siren"), values, strict=True):
                tuned = track != "paper" and method == "siren"
                append(tmp_path / "r", attempt(value + ord(signal) / 100, method=method, signal=signal, track=track,
                                               protocol="standard", training={"lr": "1e-2"} if tuned else {}))  # fmt: skip
    build_site(tmp_path / "r", tmp_path / "site", Registry())
    text = re.sub(r"<[^>]+>", "", (tmp_path / "site" / "index.html").read_text(encoding="utf-8"))
    assert "(track tuned-4): siren PSNR" in text and "(track paper): finer PSNR" in text
    assert "The search kept the usual settings of finer." in text
    assert "On toy, the best method depends on the settings" in text


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
        "Between the fitted points siren is best: 1.00e-02 against 1.00e-01.", "msa has 3.0 times the parameters of most."
    )  # fmt: skip


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


def test_home_shows_the_step_times_of_a_profile_of_the_same_size(attempt, tmp_path):
    registry = Registry()
    fingerprint = registry.task("kodak").protocol("standard").fingerprint("kodak", registry.task("kodak").version)
    for method in ("siren", "wire", "msa"):
        append(tmp_path / "r", attempt(task="kodak", protocol="standard", protocol_fingerprint=fingerprint, method=method))
    profile = {
        "caption": "", "kind": "image", "shape": "4x100",
        "timings": {label: {"points_per_second": speed} for label, speed in (("siren", 3000.0), ("wire", 1200.0))},
    }  # fmt: skip
    (tmp_path / "r" / "profile").mkdir()
    for shape, times in (("4x100", {"siren": "1.00", "wire": "2.50"}), ("4x400", {})):
        (tmp_path / "r" / "profile" / "a.json").write_text(json.dumps({**profile, "shape": shape}))
        build_site(tmp_path / "r", tmp_path / "site", registry)
        text = (tmp_path / "site" / "index.html").read_text(encoding="utf-8")
        answer = text[text.index('id="answer"') : text.index("</tbody>")]
        assert ("step time" in answer) == bool(times)
        rows = dict(re.findall(r'<tr data-label="(\w+)">(.*)</tr>', answer))
        assert all(f">{time}<" in rows[method] for method, time in times.items())


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


def test_a_task_that_cannot_be_loaded_does_not_stop_the_report(attempt, tmp_path):
    (tmp_path / "broken.py").write_text("from inrbench import register_task\nimport no_such_module\n\n@register_task('toy')\n"
                                        "class Toy: ...\n")  # fmt: skip
    append(tmp_path / "r", attempt())
    build_site(tmp_path / "r", tmp_path / "site", Registry([tmp_path / "broken.py"]))
    assert (tmp_path / "site" / "index.html").is_file()


def test_the_command_of_the_compare_page_is_quoted(tab, attempt, tmp_path):
    for method, variant in (("siren", ""), ("msa", f"x='; touch owned; {'long ' * 20}'")):
        append(tmp_path / "r", attempt(method=method, variant=variant, params={"x": "y"} if variant else {}))
    build_site(tmp_path / "r", tmp_path / "site", Registry())
    page = tab(tmp_path / "site" / "compare.html")
    page.set_viewport_size({"width": 390, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert page.locator("#first").evaluate("box => box.getBoundingClientRect().right") <= 390
    first = page.locator("#first option", has_text="msa").inner_text()
    page.locator("#first").select_option(first)
    page.locator("#second").select_option("siren")
    assert shlex.split(page.locator("#command").inner_text()) == ["inrbench", "compare", first, "siren"]


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


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_pages_fit_the_window_and_have_no_serious_axe_violation(tab, site, width, theme):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    pages = [site / "index.html", site / "compare.html", site / "about.html", *(next((site / folder).glob("*")) for folder in ("tables", "runs", "methods", "papers")),
             next((site / "signals").glob("toy*__a.html"))]  # fmt: skip
    for path in pages:
        page = tab(path)
        page.emulate_media(color_scheme=theme)
        page.set_viewport_size({"width": width, "height": 800})
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path
        found = axe.run(page, options={"preload": False, "resultTypes": ["violations"]}).response["violations"]
        assert [(v["id"], v["nodes"][0]["html"]) for v in found if v["impact"] in ("serious", "critical")] == [], path


def test_runs_without_a_commit_share_one_environment(attempt, tmp_path):
    """pandas gives NaN for an empty column, and NaN is not equal to itself."""
    for seed in (0, 1):
        one = attempt(seed=seed)
        append(tmp_path / "r", replace(one, environment=replace(one.environment, code_commit=None, code_dirty=None)))
    build_site(tmp_path / "r", tmp_path / "site", Registry())
    (page,) = (tmp_path / "site" / "runs").glob("*.html")
    assert page.read_text(encoding="utf-8").count("unknown") == 1
