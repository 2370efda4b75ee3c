"""Leaderboards as LaTeX and JSON."""

import io
import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from pylatexenc.latexwalker import LatexWalker
from rich.console import Console

from inrbench import analyse
from inrbench.analyse.statistics import Interval
from inrbench.errors import BadValue
from inrbench.registry import Registry
from inrbench.report import print_leaderboards, to_json, to_latex, to_markdown
from inrbench.report.columns import check_columns
from inrbench.report.overall import decimals_of, number_parts, number_text, percent_parts
from inrbench.store import append

PUBLISHED = Path(__file__).parents[2] / "results" / "published"
NASTY = "a_b&c%d#e{f}g~h^i\\j$k<l>m|n"


@pytest.fixture
def leaderboards(attempt, tmp_path):
    for method, psnr, params in (("msa", 31.25, {}), ("siren", 30.0, {}), ("relu", 20.0, {"x": 1.0})):
        for signal in "ab":
            append(tmp_path, attempt(psnr, method=method, signal=signal, variant=NASTY if params else "", params=params))
    append(tmp_path, attempt(method="wire", status="oom"))
    return analyse.leaderboards(tmp_path)


def test_latex_marks_best_and_second_and_names_the_protocol(leaderboards):
    text = to_latex(leaderboards)
    assert r"{}msa & \textbf{31.25} &" in text
    assert r"\underline{30.00} &" in text
    assert "protocol test (ffffffffffff)" in text
    assert r"PSNR (dB) $\uparrow$" in text
    assert text.count(r"\\") == 1 + 4 and r"\toprule" in text


def test_tables_name_their_track_and_an_earlier_edition_of_the_protocol(attempt, tmp_path):
    photo = Registry().task("photo")
    present = photo.protocol("quick").fingerprint(photo.name, photo.version)
    for edition in (present, "f" * 12):
        for method in ("siren", "msa"):
            append(tmp_path, attempt(method=method, task="photo", protocol="quick", protocol_fingerprint=edition))
    text = to_markdown(analyse.leaderboards(tmp_path))
    assert text.count("track paper") == 2
    old = text[text.index("ffffffffffff") :]
    note = "Note: measured under an earlier edition of the protocol quick"
    assert note in old[: old.index(present) if present in old else None] and text.count(note) == 1


def test_latex_is_well_formed_for_names_with_special_characters(leaderboards):
    walker = LatexWalker(to_latex(leaderboards), tolerant_parsing=False)
    nodes, _, _ = walker.get_latex_nodes()  # raises if a brace, a dollar or an environment is not closed
    (table,) = [node for node in nodes if getattr(node, "environmentname", None) == "table*"]
    assert [node.environmentname for node in table.nodelist if getattr(node, "environmentname", None)] == ["tabular"]


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="no pdflatex here")
def test_latex_compiles(leaderboards, tmp_path):
    body = to_latex(leaderboards)
    (tmp_path / "t.tex").write_text(
        "\\documentclass{article}\\usepackage{booktabs}\\begin{document}\n" + body + "\\end{document}\n", encoding="utf-8"
    )
    done = subprocess.run(
        ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "t.tex"], cwd=tmp_path, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stdout[-2000:]


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="no pdflatex here")
@pytest.mark.slow
def test_published_tables_fit_on_a_page_with_two_columns(tmp_path):
    """No table is wider than the text of a page with margins of 0.75 inches, as in the templates of conferences."""
    body = to_latex(analyse.leaderboards(PUBLISHED))
    (tmp_path / "t.tex").write_text(
        "\\documentclass[twocolumn]{article}\\usepackage{booktabs}\\usepackage[margin=0.75in]{geometry}\\extrafloats{100}"
        "\\begin{document}x\n" + body.replace("\\end{table*}", "\\end{table*}\\clearpage") + "\\end{document}\n",
        encoding="utf-8",
    )
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "t.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, check=False)
    log = (tmp_path / "t.log").read_text(encoding="latin-1")
    assert done.returncode == 0, log[-2000:]
    assert "Overfull \\hbox" not in log
    cells = re.sub(r"(?m)^%.*$", "", body)  # a note in a comment may have an exponent
    assert "\\cdot10^{" in cells and not re.search(r"& [^&]*\de-\d", cells)


def test_distances_without_a_unit_have_four_decimals_and_others_two():
    close, single = Interval(0.00234, 0.0009, 0.00381), Interval(0.00234)
    assert number_text(close, decimals_of("")) == "0.0023 [0.0009, 0.0038]"
    assert number_text(close, decimals_of("dB")) == "0.00 [0.00, 0.00]"
    assert number_parts(single, decimals_of("")) == ("0.0023", "")
    assert percent_parts(Interval(0.75, 0.6, 0.9)) == ("75%", "[60%, 90%]")


def test_columns_can_be_chosen_by_name(leaderboards):
    shown = to_markdown(leaderboards, columns=("params", "psnr"))
    assert shown.splitlines()[2].replace(" ", "") == "|method|params|PSNR(dB)↑|"
    check_columns(leaderboards, ("psnr", "rank"))
    with pytest.raises(BadValue, match="--columns speed: none of these tables has this column. There are: method, psnr, mse"):
        check_columns(leaderboards, ("psnr", "speed"))


@pytest.mark.parametrize("width", [60, 80, 120])
def test_a_narrow_terminal_shows_fewer_columns_and_whole_numbers(width):
    """Every line fits, no number is split, and the columns that are left out are named."""
    stream = io.StringIO()
    console = Console(file=stream, force_terminal=True, width=width, no_color=True, highlight=False)
    tables = analyse.leaderboards(PUBLISHED, ["kodak", "photo"], ["standard", "quick"])
    print_leaderboards(tables, console=console)
    text = re.sub(r"\x1b\[[0-9;]*m", "", stream.getvalue())
    assert max(map(len, text.splitlines())) <= width
    for table in tables:
        metric = table.metrics[0].id
        assert all(f"{row.cells[metric].mean:.2f}" in text for row in table.rows)
    assert "Too narrow for: " in text or width == 120
    print_leaderboards(tables, console=console, wide=True)
    assert "12,737 to 12,867" in stream.getvalue()


def test_json_has_every_number(leaderboards):
    (table,) = json.loads(to_json(leaderboards))
    assert (table["task"], table["fingerprint"], table["signals"]) == ("toy", "f" * 12, ["a", "b"])
    first, *_, last = table["rows"]
    assert first["cells"]["psnr@test"] == {"mean": 31.25, "std": 0.0, "n": 2, "log": False}
    assert first["marks"]["psnr@test"] == "best"
    assert last["failures"] == {"oom": 1, "not run": 1}


def test_json_writes_infinity_as_text(attempt, tmp_path):
    append(tmp_path, attempt(float("inf")))
    (table,) = json.loads(to_json(analyse.leaderboards(tmp_path)))
    assert table["rows"][0]["cells"]["psnr@test"]["mean"] == "inf"
