"""Rules for source files."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def test_source_files_have_at_most_400_lines():
    long = {
        path.relative_to(ROOT).as_posix(): n
        for folder in ("inrbench", "methods", "tasks")
        for path in (ROOT / folder).rglob("*.py")
        if (n := len(path.read_text(encoding="utf-8").splitlines())) > 400
    }
    assert not long
