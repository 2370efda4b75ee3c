"""The site, opened in Chromium: sorting, charts, viewers, players, and how pages fit. Skipped if no browser is installed."""

import json
import shlex
import shutil
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from inrbench.cli.main import cli
from inrbench.data import Clip, write_image, write_video, write_wav
from inrbench.registry import Registry
from inrbench.report.site import build_site
from inrbench.store import append, keep_artifacts

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync",
         "--no-first-run", "--enable-unsafe-swiftshader")  # fmt: skip


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
    for side in ("left", "right"):  # the picture was chosen just now, and loads in its own time
        page.wait_for_function(
            f"(image => image.complete && image.naturalWidth == 24)(document.querySelector('#{side}-picture'))"
        )
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


def test_sounds_of_all_methods_share_one_set_of_players(tab, attempt, tmp_path):
    truth = Clip(np.sin(np.linspace(0, 9999, 80_000)).astype(np.float32), 8000)
    for method, factor in (("siren", 0.9), ("msa", 0.5)):

        def write(folder, factor=factor):
            write_wav(folder / "truth.wav", truth)
            write_wav(folder / "reconstruction.wav", replace(truth, samples=truth.samples * np.float32(factor)))

        one = attempt(40 * factor, method=method)
        kept = keep_artifacts(tmp_path / "r", write)
        append(tmp_path / "r", replace(one, result=replace(one.result, artifacts=kept)))
    build_site(tmp_path / "r", tmp_path / "site", Registry())
    page = tab(next((tmp_path / "site" / "signals").glob("*")))
    assert page.locator("audio").count() == 3
    before = [player.get_attribute("src") for player in page.locator("audio").all()]
    page.evaluate("players[1].play()")
    page.wait_for_function("players[1].currentTime > 0")
    page.locator("#sound").select_option(label="msa")
    after = [player.get_attribute("src") for player in page.locator("audio").all()]
    assert after[0] == before[0] and after[1] != before[1] and after[2] != before[2]
    page.wait_for_function("!players[1].paused && players[1].currentTime > 0")  # it goes on, with the other method
    page.evaluate("players[0].play()")
    page.wait_for_function("players[1].paused")


def test_the_observation_of_an_inverse_problem_can_be_seen(tab, attempt, tmp_path):
    def write(folder):
        for name in ("reconstruction", "truth", "given"):
            write_image(folder / f"{name}.png", np.full((8, 12, 3), len(name) / 20 + (name == "given") / 9, np.float32))

    one = attempt()
    append(tmp_path / "r", replace(one, result=replace(one.result, artifacts=keep_artifacts(tmp_path / "r", write))))
    build_site(tmp_path / "r", tmp_path / "site", Registry())
    page = tab(next((tmp_path / "site" / "signals").glob("*")))
    truth = page.locator("#left-picture").get_attribute("src")
    page.locator("#left").select_option(label="given data")
    assert page.locator("#left-name").inner_text() == "given data"
    assert page.locator("#left-picture").get_attribute("src") != truth
    page.wait_for_function("document.querySelector('#left-picture').naturalWidth === 12")


def test_pictures_without_a_truth_are_compared_with_each_other(tab, attempt, tmp_path):
    """A full-size image of a data set is not published beside its fits."""
    for method, level in (("siren", 0.2), ("msa", 0.8)):
        one = attempt(30 * level, method=method)
        kept = keep_artifacts(
            tmp_path / "r",
            lambda folder, v=level: write_image(folder / "reconstruction.png", np.full((8, 12, 3), v, np.float32)),
        )
        append(tmp_path / "r", replace(one, result=replace(one.result, artifacts=kept)))
    build_site(tmp_path / "r", tmp_path / "site", Registry())
    page = tab(next((tmp_path / "site" / "signals").glob("*")))
    assert (page.locator("#left-name").inner_text(), page.locator("#right-name").inner_text()) == ("msa", "siren")
    assert page.locator("#errors").count() == 0 and "The truth is not among these results" in page.locator("main").inner_text()
    page.get_by_role("button", name="msa", exact=True).click()
    assert page.locator("#right-picture").get_attribute("alt") == "a by msa"
    page = tab(tmp_path / "site" / "compare.html")
    page.locator("#first").select_option("siren")
    page.locator("#second").select_option("msa")
    assert page.locator("#pairs figure a").all_inner_texts() == ["siren", "msa"]


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
