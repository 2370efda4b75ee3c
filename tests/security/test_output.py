"""What is stored is data: none of it acts in a terminal, a spreadsheet, a Markdown page or a browser."""

import ast
import http.client
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from rich.console import Console

from inrbench import report
from inrbench.analyse import TABLE_COLUMNS, build_leaderboard, comparable_runs
from inrbench.cli.main import cli
from inrbench.data import write_image
from inrbench.errors import BadValue, StoreError
from inrbench.registry import Registry
from inrbench.report.site import build_site, site_server
from inrbench.store import append, keep_artifacts

ROOT = Path(__file__).parents[2]
ESCAPES = "\x1b]52;c;ZXZpbA==\x07\x1b[2J\x1b]0;title\x07\x9b31m\r\x08\u202e"


def test_only_one_module_prints():
    """``say`` is the one way to a terminal; only Rich's tables and bars have another, and are given cleaned text."""
    printing = {}
    for path in sorted((ROOT / "inrbench").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                called = ast.unparse(node.func)
                if called in ("print", "click.echo", "click.secho", "sys.stdout.write", "sys.stderr.write"):
                    printing.setdefault(path.relative_to(ROOT).as_posix(), set()).add(called)
    printing.pop("inrbench/registry/try_import.py", None)  # a process of its own, whose words are read by ours
    assert printing == {"inrbench/console.py": {"click.echo"}}


def test_no_stored_text_reaches_a_terminal_as_a_command(attempt, tmp_path):
    one = attempt(status="error", signal=f"a{ESCAPES}", variant=f"v{ESCAPES}", params={"x": f"y{ESCAPES}"},
                  protocol=f"p{ESCAPES}", device_class=f"d{ESCAPES}")  # fmt: skip
    append(tmp_path, replace(one, result=replace(one.result, message=f"why{ESCAPES}", traceback=ESCAPES)))
    ok = attempt(signal=f"a{ESCAPES}", variant=f"v{ESCAPES}", protocol=f"p{ESCAPES}", device_class=f"d{ESCAPES}",
                 engine=f"e{ESCAPES}")  # fmt: skip
    append(tmp_path, ok)
    verbs = [["status"], ["results", "list"], ["results", "verify"], ["leaderboard"], ["leaderboard", "--details"],
             ["diff", ok.result.spec.run_id[:10]], ["leaderboard", "--format", "markdown"]]  # fmt: skip
    for words in verbs:
        done = CliRunner().invoke(cli, [*words, "--results", str(tmp_path)], standalone_mode=False, color=True)
        assert done.exception is None, done.exception
        styles = done.output.replace("\x1b[1m", "").replace("\x1b[0m", "").replace("\x1b[31m", "")
        odd = {letter for letter in styles if not letter.isprintable()} - {"\n"}
        assert not odd, (words, odd)


def test_names_of_files_and_warnings_reach_a_terminal_as_text(attempt, tmp_path):
    path = append(tmp_path, attempt(signal="a"))
    (path.parent / "\x1b]0;pwned\x07\n.parquet").write_bytes(b"PAR1xxxxPAR1")
    command = [sys.executable, "-m", "inrbench"]
    for words in (["results", "list"], ["results", "verify"], ["leaderboard"], ["results", "gc"]):
        done = subprocess.run([*command, *words, "--results", str(tmp_path)], capture_output=True, text=True, check=False)
        said = done.stdout + done.stderr
        assert "pwned" in said, words
        assert not {letter for letter in said if not letter.isprintable()} - {"\n"}, words
        assert not [line for line in said.splitlines() if line.startswith(".parquet")], words


def test_nobody_trained_is_no_picture_and_one_line(attempt, tmp_path):
    append(tmp_path, attempt(trained=False))
    words = ["plot", "per-signal", "-o", str(tmp_path / "x.png"), "--results", str(tmp_path)]
    done = CliRunner().invoke(cli, words, standalone_mode=False)
    assert "no run of these trained" in str(done.exception)


@pytest.mark.parametrize("text", ["[/foo]", "[link=https://evil.example]x[/link]", "[bold", "[red]"])
def test_markup_of_titles_and_heads_is_text(attempt, tmp_path, text):
    append(tmp_path, attempt(protocol=text, signal=text, variant=text))
    boards = [build_leaderboard(group) for group in comparable_runs(tmp_path, TABLE_COLUMNS)]
    board = replace(boards[0], metrics=[replace(metric, unit=text) for metric in boards[0].metrics])
    console = Console(record=True, width=200, force_terminal=True)
    report.print_leaderboards([board], console=console)
    printed = console.export_text(styles=True)
    assert "\x1b]8" not in printed, "a live link"
    assert text[:5] in printed


FORMULAS = ("=HYPERLINK(1)", "=cmd|' /C calc'!A0", "+1+1", "-1+1", "@SUM(1)", "\t=1")


@pytest.mark.parametrize("formula", FORMULAS)
def test_no_cell_begins_a_formula(attempt, tmp_path, formula):
    import csv

    append(tmp_path, attempt(signal=formula, variant=formula, protocol=formula))
    done = CliRunner().invoke(cli, ["results", "export", "-o", str(tmp_path / "x.csv"), "--results", str(tmp_path)],
                              standalone_mode=False)  # fmt: skip
    assert done.exception is None
    boards = [build_leaderboard(group) for group in comparable_runs(tmp_path, TABLE_COLUMNS)]
    for text in ((tmp_path / "x.csv").read_text(), report.to_csv(boards)):
        cells = [cell for row in csv.reader(text.splitlines()) for cell in row]
        assert any(formula.strip() in cell for cell in cells)
        texts = [cell for cell in cells if (cell[:1] in "=+@\t" and cell) or (cell.startswith("-") and not is_number(cell))]
        assert not texts


def is_number(cell):
    try:
        float(cell)
    except ValueError:
        return False
    return True


def test_markdown_shows_html_and_links_as_text(attempt, tmp_path):
    bad = "<img src=x onerror=alert(1)>|[a](javascript:b)"
    append(tmp_path, attempt(signal=bad, variant=bad, protocol=bad))
    done = CliRunner().invoke(cli, ["leaderboard", "--format", "markdown", "--results", str(tmp_path)], standalone_mode=False)
    assert "<img" not in done.output
    assert "](" not in done.output
    (row,) = [line for line in done.output.splitlines() if line.startswith("| siren")]
    plain = next(line for line in done.output.splitlines() if line.startswith("| method"))
    assert row.replace("\\|", "").count("|") == plain.count("|")


def with_artifacts(attempt, results, files):
    def write(folder):
        for name, content in files.items():
            (folder / name).write_bytes(content)

    kept = keep_artifacts(results, write)
    renamed = []
    for each in kept:  # a stranger's row may tell any suffix
        suffix = {"reconstruction.mp4": ".html", "truth.png": ".svg"}.get(each.name, ".png")
        file = each.file.split(".")[0] + suffix
        (results / "artifacts" / each.file).rename(results / "artifacts" / file)
        renamed.append(replace(each, file=file))
    one = attempt()
    append(results, replace(one, result=replace(one.result, artifacts=tuple(renamed))))


def picture_bytes(tmp_path, shape=(8, 9, 3)):
    write_image(tmp_path / "p.png", np.full(shape, 0.5))
    return (tmp_path / "p.png").read_bytes()


def test_the_site_copies_media_by_their_content_alone(attempt, tmp_path):
    """HTML called a clip is copied nowhere; a picture that is HTML too (a polyglot) gets the suffix of a picture."""
    picture = picture_bytes(tmp_path)
    with_artifacts(attempt, tmp_path / "results", {
        "reconstruction.mp4": b"<script>alert(1)</script>", "reconstruction.png": picture,
        "truth.png": picture + b"<script>alert(1)</script>",
    })  # fmt: skip
    facts = build_site(tmp_path / "results", tmp_path / "site", Registry())
    assert any("neither a PNG picture nor an MP4 clip" in reason for reason in facts.refused)
    suffixes = {path.suffix for path in (tmp_path / "site" / "media").iterdir()}
    assert suffixes == {".png"}


BAD_MEDIA = {
    "sizes that differ": {"reconstruction.png": "small", "truth.png": "whole"},
    "a broken picture": {"reconstruction.png": b"\x89PNG\r\n\x1a\nbroken", "truth.png": "whole"},
    "a curve that is text": {"curve.npz": b"text"},
    "a mesh that is none": {"reconstruction.ply": b"ply\nformat ascii 1.0\nelement vertex 999999999\nend_header\n"},
}  # fmt: skip


@pytest.mark.parametrize("what", BAD_MEDIA)
def test_media_that_cannot_be_read_are_passed_over_and_named(attempt, tmp_path, what):
    known = {"small": picture_bytes(tmp_path, (4, 4, 3)), "whole": picture_bytes(tmp_path)}
    results = tmp_path / "results"
    kept = keep_artifacts(results, lambda folder: [
        (folder / name).write_bytes(known.get(content, content)) for name, content in BAD_MEDIA[what].items()
    ])  # fmt: skip
    one = attempt()
    append(results, replace(one, result=replace(one.result, artifacts=kept)))
    done = CliRunner().invoke(cli, ["report", "-o", str(tmp_path / "site"), "--results", str(results)], standalone_mode=False)
    assert done.exception is None
    assert "skipped: " in done.output
    assert (tmp_path / "site" / "index.html").exists()


@pytest.mark.parametrize("content", ["{", "[]", "7", '{"timings": {"siren": {"points": 1, "rounds": {"fast": [0]}}}}', '{"timings": []}', '{"timings": {"siren": 7}}', '{"timings": {"siren": {}}}',
                                     '{"timings": {"siren": {"points_per_second": "x"}}, "caption": 1}'])  # fmt: skip
def test_speed_cards_that_are_none_are_passed_over(attempt, tmp_path, content):
    append(tmp_path / "results", attempt())
    (tmp_path / "results" / "profile").mkdir()
    (tmp_path / "results" / "profile" / "a.json").write_text(content)
    build_site(tmp_path / "results", tmp_path / "site", Registry())


def test_a_new_site_removes_only_pages_of_the_earlier_one(attempt, tmp_path):
    site, results = tmp_path / "site", tmp_path / "results"
    append(results, attempt(signal="a"))
    build_site(results, site, Registry())
    for name in ("thesis.tex", ".git/config", "CNAME", "tables/mine.html", "media/mine/photo.jpg"):
        (site / name).parent.mkdir(exist_ok=True, parents=True)
        (site / name).write_text("mine")
    gone = next((site / "signals").iterdir())
    for path in (results / "store").rglob("*.parquet"):
        path.unlink()
    append(results, attempt(signal="b"))
    build_site(results, site, Registry())
    for name in ("thesis.tex", ".git/config", "CNAME", "tables/mine.html", "media/mine/photo.jpg"):
        assert (site / name).read_text() == "mine"
    assert not gone.exists()
    assert (site / "index.html").exists()


def test_a_manifest_leads_nowhere_else(attempt, tmp_path):
    """A folder that looks like a site, from a stranger."""
    site = tmp_path / "site"
    site.mkdir()
    (tmp_path / "mine.txt").write_text("mine")
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "x.html").write_text("mine")
    (site / "media").symlink_to(tmp_path / "home")
    (site / ".inrbench-site").write_text(f"../mine.txt\n{tmp_path}/mine.txt\nmedia/x.html\nthesis.tex\n.\n/\n")
    (site / "thesis.tex").write_text("mine")
    pictures = {"reconstruction.png": picture_bytes(tmp_path), "truth.png": picture_bytes(tmp_path, (8, 9, 3))}
    one = attempt()
    kept = keep_artifacts(tmp_path / "results", lambda scratch: [(scratch / n).write_bytes(c) for n, c in pictures.items()])
    append(tmp_path / "results", replace(one, result=replace(one.result, artifacts=kept)))
    with pytest.raises(StoreError, match="symbolic link"):
        build_site(tmp_path / "results", site, Registry())
    assert (tmp_path / "mine.txt").exists()
    assert (tmp_path / "home" / "x.html").exists()
    assert [path.name for path in (tmp_path / "home").iterdir()] == ["x.html"]
    assert (site / "thesis.tex").exists()


def test_a_site_may_be_named_by_a_link(attempt, tmp_path):
    append(tmp_path / "results", attempt())
    (tmp_path / "www").mkdir()
    (tmp_path / "site").symlink_to(tmp_path / "www")
    for _ in range(2):
        build_site(tmp_path / "results", tmp_path / "site", Registry())
    assert (tmp_path / "www" / "index.html").exists()


def test_where_something_else_lies_no_site_is_written(attempt, tmp_path):
    append(tmp_path / "results", attempt())
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "thesis.tex").write_text("mine")
    with pytest.raises(BadValue, match="not a site of inrbench"):
        build_site(tmp_path / "results", tmp_path / "site", Registry())


@pytest.fixture
def served(attempt, tmp_path):
    append(tmp_path / "results", attempt())
    build_site(tmp_path / "results", tmp_path / "site", Registry())
    (tmp_path / "secret").write_text("secret")
    (tmp_path / "site" / "link.html").symlink_to(tmp_path / "secret")
    (tmp_path / "site" / "folder").symlink_to(tmp_path)
    server = site_server(tmp_path / "site", "127.0.0.1", 0)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server.server_port
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.mark.parametrize(("host", "path", "status"), [
    (None, "/index.html", 200), ("localhost", "/index.html", 200), ("evil.example", "/index.html", 421),
    ("127.0.0.1.evil.example", "/", 421), ("", "/", 421), (None, "/link.html", 404), (None, "/folder/secret", 404),
    (None, "/../secret", 404), (None, "/%2e%2e/secret", 404),
])  # fmt: skip
def test_a_served_site_answers_to_its_own_name_and_follows_no_link(served, host, path, status):
    connection = http.client.HTTPConnection("127.0.0.1", served, timeout=10)
    name = f"127.0.0.1:{served}" if host is None else f"{host}:{served}" if host else ""
    connection.putrequest("GET", path, skip_host=True)
    connection.putheader("Host", name)
    connection.endheaders()
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    assert answer.status == status
    assert b"secret" not in body
