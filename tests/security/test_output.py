"""Stored text is data: it cannot act in a terminal, a spreadsheet, a Markdown page or a browser."""

import ast
import http.client
import os
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
    """Only ``say`` writes to a terminal, except for Rich's tables and progress bars, which receive cleaned text."""
    printing = {}
    for path in sorted((ROOT / "inrbench").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                called = ast.unparse(node.func)
                if called in ("print", "click.echo", "click.secho", "sys.stdout.write", "sys.stderr.write"):
                    printing.setdefault(path.relative_to(ROOT).as_posix(), set()).add(called)
    printing.pop("inrbench/registry/try_import.py", None)  # a separate process; its output is parsed
    assert printing == {"inrbench/console.py": {"click.echo"}}


def test_stored_text_is_printed_without_control_characters(attempt, tmp_path):
    one = attempt(status="error", signal=f"a{ESCAPES}", variant=f"v{ESCAPES}", params={"x": f"y{ESCAPES}"},
                  protocol=f"p{ESCAPES}", device_class=f"d{ESCAPES}")  # fmt: skip
    append(tmp_path, replace(one, result=replace(one.result, message=f"why{ESCAPES}", traceback=ESCAPES)))
    ok = attempt(signal=f"a{ESCAPES}", variant=f"v{ESCAPES}", protocol=f"p{ESCAPES}", device_class=f"d{ESCAPES}",
                 engine=f"e{ESCAPES}")  # fmt: skip
    append(tmp_path, ok)
    commands = [["status"], ["results", "list"], ["results", "verify"], ["leaderboard"], ["leaderboard", "--details"],
             ["diff", ok.result.spec.run_id[:10]], ["leaderboard", "--format", "markdown"]]  # fmt: skip
    for words in commands:
        done = CliRunner().invoke(cli, [*words, "--results", str(tmp_path)], standalone_mode=False, color=True)
        assert done.exception is None, done.exception
        styles = done.output.replace("\x1b[1m", "").replace("\x1b[0m", "").replace("\x1b[31m", "")
        odd = {letter for letter in styles if not letter.isprintable()} - {"\n"}
        assert not odd, (words, odd)


def test_file_names_are_printed_without_control_characters(attempt, tmp_path):
    path = append(tmp_path, attempt(signal="a"))
    (path.parent / "\x1b]0;pwned\x07\n.parquet").write_bytes(b"PAR1xxxxPAR1")
    command = [sys.executable, "-m", "inrbench"]
    for words in (["results", "list"], ["results", "verify"], ["leaderboard"], ["results", "gc"]):
        done = subprocess.run([*command, *words, "--results", str(tmp_path)], capture_output=True, text=True, check=False)
        said = done.stdout + done.stderr
        assert "pwned" in said, words
        assert not {letter for letter in said if not letter.isprintable()} - {"\n"}, words
        assert not [line for line in said.splitlines() if line.startswith(".parquet")], words


def test_plot_without_trained_runs_is_refused(attempt, tmp_path):
    append(tmp_path, attempt(trained=False))
    words = ["plot", "per-signal", "-o", str(tmp_path / "x.png"), "--results", str(tmp_path)]
    done = CliRunner().invoke(cli, words, standalone_mode=False)
    assert "no run of these trained" in str(done.exception)


@pytest.mark.parametrize("text", ["[/foo]", "[link=https://evil.example]x[/link]", "[bold", "[red]"])
def test_markup_in_titles_and_headers_is_shown_as_text(attempt, tmp_path, text):
    append(tmp_path, attempt(protocol=text, signal=text, variant=text))
    tables = [build_leaderboard(group) for group in comparable_runs(tmp_path, TABLE_COLUMNS)]
    table = replace(tables[0], metrics=[replace(metric, unit=text) for metric in tables[0].metrics])
    console = Console(record=True, width=200, force_terminal=True)
    report.print_leaderboards([table], console=console)
    printed = console.export_text(styles=True)
    assert "\x1b]8" not in printed, "an active link"
    assert text[:5] in printed


FORMULAS = ("=HYPERLINK(1)", "=cmd|' /C calc'!A0", "+1+1", "-1+1", "@SUM(1)", "\t=1")


@pytest.mark.parametrize("formula", FORMULAS)
def test_csv_cells_never_start_a_formula(attempt, tmp_path, formula):
    import csv

    append(tmp_path, attempt(signal=formula, variant=formula, protocol=formula))
    done = CliRunner().invoke(cli, ["results", "export", "-o", str(tmp_path / "x.csv"), "--results", str(tmp_path)],
                              standalone_mode=False)  # fmt: skip
    assert done.exception is None
    tables = [build_leaderboard(group) for group in comparable_runs(tmp_path, TABLE_COLUMNS)]
    for text in ((tmp_path / "x.csv").read_text(), report.to_csv(tables)):
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
    for each in kept:  # a row from an untrusted source may give any suffix
        suffix = {"reconstruction.mp4": ".html", "truth.png": ".svg"}.get(each.name, ".png")
        file = each.file.split(".")[0] + suffix
        (results / "artifacts" / each.file).rename(results / "artifacts" / file)
        renamed.append(replace(each, file=file))
    one = attempt()
    append(results, replace(one, result=replace(one.result, artifacts=tuple(renamed))))


def picture_bytes(tmp_path, shape=(8, 9, 3)):
    write_image(tmp_path / "p.png", np.full(shape, 0.5))
    return (tmp_path / "p.png").read_bytes()


def test_site_checks_media_by_content(attempt, tmp_path):
    """HTML named as a clip is not copied; a picture that is also HTML (a polyglot) gets a picture suffix."""
    picture = picture_bytes(tmp_path)
    with_artifacts(attempt, tmp_path / "results", {
        "reconstruction.mp4": b"<script>alert(1)</script>", "reconstruction.png": picture,
        "truth.png": picture + b"<script>alert(1)</script>",
    })  # fmt: skip
    facts = build_site(tmp_path / "results", tmp_path / "site", Registry())
    assert any("neither a PNG picture, nor an MP4 clip, nor a WAV sound" in reason for reason in facts.refused)
    suffixes = {path.suffix for path in (tmp_path / "site" / "media").iterdir()}
    assert suffixes == {".png"}


BAD_MEDIA = {
    "different sizes": {"reconstruction.png": "small", "truth.png": "whole"},
    "a broken picture": {"reconstruction.png": b"\x89PNG\r\n\x1a\nbroken", "truth.png": "whole"},
    "a curve that is text": {"curve.npz": b"text"},
    "an invalid mesh": {"reconstruction.ply": b"ply\nformat ascii 1.0\nelement vertex 999999999\nend_header\n"},
}  # fmt: skip


@pytest.mark.parametrize("what", BAD_MEDIA)
def test_unreadable_media_are_skipped_and_reported(attempt, tmp_path, what):
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
def test_invalid_timing_files_are_skipped(attempt, tmp_path, content):
    append(tmp_path / "results", attempt())
    (tmp_path / "results" / "profile").mkdir()
    (tmp_path / "results" / "profile" / "a.json").write_text(content)
    build_site(tmp_path / "results", tmp_path / "site", Registry())


def test_new_site_removes_only_pages_of_the_earlier_site(attempt, tmp_path):
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


def test_manifest_cannot_reach_outside_the_site(attempt, tmp_path):
    """A folder from an untrusted source looks like a site."""
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


def test_site_folder_may_be_a_link(attempt, tmp_path):
    append(tmp_path / "results", attempt())
    (tmp_path / "www").mkdir()
    (tmp_path / "site").symlink_to(tmp_path / "www")
    for _ in range(2):
        build_site(tmp_path / "results", tmp_path / "site", Registry())
    assert (tmp_path / "www" / "index.html").exists()


def test_site_is_not_written_into_other_folders(attempt, tmp_path):
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
    os.mkfifo(tmp_path / "site" / "pipe")
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
    (None, "/../secret", 404), (None, "/%2e%2e/secret", 404), (None, "/.inrbench-site", 404), (None, "/pipe", 404),
    (None, "/assets/", 404), (None, "/x%00.html", 404), (None, "/", 200),
])  # fmt: skip
def test_site_server_checks_the_host_and_follows_no_links(served, host, path, status):
    connection = http.client.HTTPConnection("127.0.0.1", served, timeout=10)
    name = f"127.0.0.1:{served}" if host is None else f"{host}:{served}" if host else ""
    connection.putrequest("GET", path, skip_host=True)
    connection.putheader("Host", name)
    connection.endheaders()
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    assert answer.status == status
    assert answer.getheader("X-Content-Type-Options") == "nosniff"
    assert answer.getheader("Cross-Origin-Resource-Policy") == "same-origin"
    assert b"secret" not in body
