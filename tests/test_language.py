"""The project speaks plain English: words of its old dialect do not come back, and arguments are documented."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SOURCES = sorted(
    path for folder in ("inrbench", "methods", "tasks") for path in (ROOT / folder).rglob("*.py") if "vendor" not in path.parts
)
TEXTS = [
    ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md", *sorted((ROOT / "docs").rglob("*.md")),
    *sorted((ROOT / "inrbench" / "report" / "site" / "templates").glob("*.html")),
    *sorted((ROOT / "inrbench" / "scaffold" / "templates").rglob("*.txt")),
    ROOT / "CHANGELOG.md", ROOT / "RELEASING.md", ROOT / "benchmarks" / "README.md", ROOT / "results" / "published" / "README.md",
    *sorted((ROOT / "benchmarks").glob("*.py")), *sorted((ROOT / "results" / "papers").glob("*.toml")),
    *(path for path in sorted((ROOT / "tests").rglob("*.py")) if path.name != "test_language.py"),
]  # fmt: skip
PER = "run|method|task|row|step|file|round|signal|seed|value|axis|layer|point|pixel|second|core|worker|job|process"
BANNED = {
    r"\btold\b": "report, print, state",
    r"\bdecadic\b": "log10",
    r"\babscissa\b": "x",
    r"\bjudge[ds]?\b|\bjudgement\b|\bjudging\b": "evaluate",
    r"\bby turns\b": "alternating",
    r"\brim\b": "boundary",
    r"\bkin\b|\brevive\b|\bliveliest\b": "related run, load, most detailed",
    r"\bcome to nought\b|\bfor want of\b|\bin hand\b": "plain words",
    r"\bwhat stands\b|\bstands? (in|on|beside|behind|below)\b": "is in, is on",
    r"\banother (run|thing) (than|altogether)\b": "a different run",
    rf"\b(file|row|line|value|point|product|panel|dot)s? an? ({PER})\b": "one file per run",
    r"\bheld\b(?!-out| out)": "stored, contained",
    r"\bof a user's\b": "the user's",
    r"\bwhoever\b": "who",
}
"""Pattern -> what to write instead."""
MIN_ARGUMENTS = 3


def sentences(path: Path) -> Iterator[tuple[int, str]]:
    """Yield (line, text) of what people read in a file: docstrings, comments and messages, or the whole of a document."""
    text = path.read_text(encoding="utf-8")
    if path.suffix != ".py":
        yield from enumerate(text.splitlines(), start=1)
        return
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.lineno, node.value
    for number, line in enumerate(text.splitlines(), start=1):
        if "#" in line and "'#" not in line and '"#' not in line:
            yield number, line.partition("#")[2]


@pytest.mark.parametrize("path", [*SOURCES, *TEXTS], ids=lambda path: path.relative_to(ROOT).as_posix())
def test_words_of_the_old_dialect_do_not_come_back(path):
    found = [
        f"{path.relative_to(ROOT)}:{line}: '{match.group()}' -> {instead}"
        for line, text in sentences(path)
        for pattern, instead in BANNED.items()
        for match in re.finditer(pattern, text)
    ]
    assert not found, "\n".join(found)


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_no_placeholder_is_left_in_a_text(path):
    assert not re.findall(r"@[A-Z]{3,}@", path.read_text(encoding="utf-8"))


def public_functions(tree: ast.Module) -> Iterator[tuple[str, ast.FunctionDef, str]]:
    """Yield (name, function, docstring) of public functions, methods and constructors; of a constructor its class's docstring."""
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
            yield node.name, node, ast.get_docstring(node) or ""
        elif isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            for each in node.body:
                if isinstance(each, ast.FunctionDef) and each.name == "__init__":
                    yield node.name, each, ast.get_docstring(node) or ""
                elif isinstance(each, ast.FunctionDef) and not each.name.startswith("_"):
                    yield f"{node.name}.{each.name}", each, ast.get_docstring(each) or ""


def test_public_functions_with_three_arguments_document_them():
    missing = []
    for path in SOURCES:
        if path.is_relative_to(ROOT / "inrbench" / "cli"):
            continue  # click documents the options of commands
        for name, function, text in public_functions(ast.parse(path.read_text(encoding="utf-8"))):
            arguments = [a.arg for a in (*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs)]
            arguments = [a for a in arguments if a not in ("self", "cls")]
            overrides = "." in name and not text.count("\n") and function.name in INHERITED
            if len(arguments) >= MIN_ARGUMENTS and not overrides and "Args:" not in text:
                missing.append(f"{path.relative_to(ROOT)}: {name}({', '.join(arguments)})")
    assert not missing, "\n".join(missing)


INHERITED = {"loss", "problem", "save_scaled", "prepare", "planned", "ended", "analytic_loss"}
"""Methods whose arguments the base class documents."""
