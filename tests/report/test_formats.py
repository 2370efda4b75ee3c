"""Leaderboards as LaTeX and JSON."""

import json
import shutil
import subprocess

import pytest
from pylatexenc.latexwalker import LatexWalker

from inrbench import analyse
from inrbench.report import to_json, to_latex
from inrbench.store import append

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


def test_latex_is_well_formed_for_names_with_special_characters(leaderboards):
    walker = LatexWalker(to_latex(leaderboards), tolerant_parsing=False)
    nodes, _, _ = walker.get_latex_nodes()  # raises if a brace, a dollar or an environment is not closed
    (table,) = [node for node in nodes if getattr(node, "environmentname", None) == "table"]
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
