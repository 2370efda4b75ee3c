"""Every command of the README and of the documents is run in a small form; Python code is compiled.

A shell block is left out if ``<!-- not run: why -->`` precedes it. Commands are changed only to be fast: fewer epochs, narrower
networks, two methods instead of all. Commands that take minutes are run with ``--dry-run``.
"""

import re
import shlex
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from inrbench.cli.main import COMMANDS, cli
from inrbench.data import dataset, locate
from inrbench.errors import InrbenchError
from inrbench.execute.worker import execute
from inrbench.store import load_results
from inrbench.tasks.photo import QUICK, Photo

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
BLOCK = re.compile(r"(<!-- not run: (?P<why>[^>]+) -->\s*)?```(?P<kind>sh|python)\n(?P<text>.*?)```", re.DOTALL)
ELSEWHERE = {"pip", "python", "tox", "git", "pytest", ".", "export"}
"""Commands of other programs: they are not run here."""
CHEAP = ["--jobs", "1", "--device", "cpu"]
SMALL = ["--set", "epochs=2", "--set", "width=8", *CHEAP]
FEW = {"kodak": "kodim01", "photo": "camera"}
ANY_RUN = "3f9a1c"
"""Placeholder for a run id in the documents."""


def blocks(page: Path, kind: str) -> list[str]:
    return [m["text"] for m in BLOCK.finditer(page.read_text(encoding="utf-8")) if m["kind"] == kind and not m["why"]]


def commands(page: Path) -> list[list[str]]:
    """Return the words of each command of a page, as a shell would split them."""
    found = []
    for text in blocks(page, "sh"):
        for line in text.replace("\\\n", " ").splitlines():
            words = shlex.split(line, comments=True)
            while words:
                end = words.index("&&") if "&&" in words else len(words)
                found.append(words[:end])
                words = words[end + 1 :]
    return [words for words in found if words]


def small(words: list[str], results: Path) -> list[str]:
    """Return a fast version of a command."""
    command = words[0]
    if command == "run":
        words = words + (CHEAP if "--dry-run" in words else SMALL)
        if "--methods" not in words or words[words.index("--methods") + 1] == "all":
            words += ["--methods", "siren,relu"]
        if "--suite" in words:
            words += ["--tasks", "function1d,photo"]
        if "--signals" not in words:
            few = [signals for task, signals in FEW.items() if task in words]
            words += ["--signals", *few] if few else []
        if "--seeds" in words:
            words += ["--seeds", "1"]
    elif command == "tune":
        words = [*words, "--budget", "2", *CHEAP]
    elif command == "reproduce" and "--dry-run" not in words:
        words = [*words, "--dry-run"]
    elif command == "check-plugin":
        words = [*words, "--no-trial", "--no-compile"]
    elif command == "profile":
        words = [*words, "--methods", "relu", "--shape", "2x16", "--points", "64", "--rounds", "1"]
    elif command == "regress":
        words = [*words, "--tasks", "function1d", "--against", "results/published"]
    elif command in ("diff", "render"):
        words = [_some_run(results) if word == ANY_RUN else word for word in words]
    return [str(ROOT / word) if word.startswith("results/published") else word for word in words]


def _some_run(results: Path) -> str:
    """Return a run of photo if there is one: its picture can be rendered at a higher resolution."""
    runs = load_results(results)
    return str(runs.sort_values("task", key=lambda tasks: tasks != "photo")["run_id"].iloc[0])


def expected(words: list[str]) -> set[int]:
    """Return the exit codes with which a command may end here."""
    if words[0] == "regress":
        return {0, 3, 4}  # small runs do not reach the published quality
    if words[0] == "data":
        return {0, 1}  # it reports whether the data are on this machine
    if words[0] == "compare" or words[:2] == ["plot", "pareto"]:
        return {0, 4}  # after two epochs no run has trained, and untrained runs are not compared
    published = any(word.endswith("results/published") for word in words)  # these runs are there without the images
    if not published and not has_kodak() and any("kodak" in word.split(",") for word in words):
        without_runs = {"run": {0, 1}, "plot": {4}}  # all runs were skipped: there is nothing to compare
        return without_runs.get(words[0], {0})
    return {0}


def has_kodak() -> bool:
    return all(locate("kodak", file).path for file in dataset("kodak").sha256)


def in_this_process(work, observer) -> bool:
    """Execute runs in this process: importing torch in a worker for each command would take most of the time."""
    for job in work.jobs:
        observer.started(job)
        observer.finished(job, execute(job, replace(work.settings, threads=1)))  # pages are tested side by side
    return True


PAGES_WITH_COMMANDS = [page for page in PAGES if any(words[0] == "inrbench" for words in commands(page))]


def run_command(words: list[str], results: Path) -> None:
    words = small(words, results)
    if words[0] == "data" and words[1] == "fetch":
        return  # it would download
    done = CliRunner().invoke(cli, words, standalone_mode=False)
    error = done.exception
    if isinstance(error, InrbenchError):
        code = error.exit_code
    else:
        assert error is None, f"{words}: {error!r}\n{done.output}"
        code = done.return_value or 0
    assert code in expected(words), f"{words} ended with {code}: {error or done.output}"
    assert "\\n" not in done.output.replace("IFS=$'\\n'", ""), f"{words} prints the end of a line as an escape"


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES_WITH_COMMANDS, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_commands_in_documents_succeed(page, tmp_path, monkeypatch):
    """The commands of a page run in order in one folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("inrbench.runner.runner.load_executor", lambda name: in_this_process)
    monkeypatch.setattr(
        Photo, "protocols", {**Photo.protocols, "quick": replace(QUICK, epochs=16, width=8)}
    )  # tune has no --set
    for words in commands(page):
        if words[0] == "inrbench":
            run_command(words[1:], tmp_path / "results")
        else:
            assert words[0] in ELSEWHERE, f"{page.name}: {words[0]} is neither an inrbench command nor in ELSEWHERE"


@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page, "python")], ids=lambda page: page.name)
def test_python_in_documents_compiles(page):
    for text in blocks(page, "python"):
        compile(text, str(page), "exec")


def test_documents_name_only_existing_commands_and_pages():
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        for command in re.findall(r"`inrbench ([a-z][a-z-]*)", text):
            assert command in COMMANDS, f"{page.name}: inrbench {command}"
        for link in re.findall(r"\]\(([^)#:]+\.md)[^)]*\)", text):
            assert (page.parent / link).is_file(), f"{page.name}: {link}"
    documented = (ROOT / "docs" / "reference" / "commands.md").read_text(encoding="utf-8")
    assert not [command for command in COMMANDS if f"`{command}" not in documented]
