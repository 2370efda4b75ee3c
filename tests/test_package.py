"""Rules for source files."""

from pathlib import Path

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
