"""Rules for source files."""

import ast
import importlib
from pathlib import Path

import pytest

import inrbench

ROOT = Path(__file__).resolve().parents[1]


def test_source_files_have_at_most_400_lines():
    long = {
        path.relative_to(ROOT).as_posix(): n
        for folder in ("inrbench", "methods", "tasks")
        for path in (ROOT / folder).rglob("*.py")
        if (n := len(path.read_text(encoding="utf-8").splitlines())) > 400
    }
    assert not long


def test_citation_and_changelog_name_the_version():
    """RELEASING.md says which files a release changes."""
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert f"\nversion: {inrbench.__version__}\n" in citation
    headings = [line for line in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8").splitlines() if line.startswith("## ")]
    assert headings[0] == "## [Unreleased]"
    if "date-released" in citation:
        assert headings[1].startswith(f"## [{inrbench.__version__}] - ")


@pytest.mark.parametrize("script", sorted((ROOT / "benchmarks").glob("*.py")), ids=lambda path: path.stem)
def test_benchmarks_import_what_exists(script):
    """They run for hours and so in no test; a module that was moved would be noticed by the next who measures."""
    for node in ast.walk(ast.parse(script.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("inrbench"):
            module = importlib.import_module(node.module)
            missing = [each.name for each in node.names if not hasattr(module, each.name)]
            assert not missing, f"{script.name}: {node.module} has no {', '.join(missing)}"
