"""Submissions: made, checked, accepted, and refused if anything in them was changed."""

import json
import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from inrbench.cli.main import cli
from inrbench.errors import InrbenchError
from inrbench.registry.code import code_sha256
from inrbench.store import SCHEMA, submitted_methods
from inrbench.store.read import read_all_attempts
from inrbench.store.schema import spec_of
from inrbench.submission import MANIFEST

METHOD = '''"""A sine with another frequency, for tests of submissions.

    sin(20 z)
"""
from inrbench import CoordinateMLP, NetworkSpec, register_method
from inrbench.nn import Sine, siren_init


@register_method("my-sine", formula="sin(20 z)")
def my_sine(net: NetworkSpec, *, omega: float = 20.0):
    """Build the network.

    Args:
        net: Shape of the network.
        omega: Frequency.
    """
    return CoordinateMLP(net, lambda layer: Sine(omega), siren_init(omega))
'''
RUN = ["run", "--tasks", "function1d", "--signals", "sin200", "--protocol", "quick", "--set", "epochs=30,width=16",
       "--device", "cpu", "--jobs", "1", "--artifacts", "none"]  # fmt: skip


def inrbench(*words: object) -> tuple[int, str]:
    done = CliRunner().invoke(cli, [str(word) for word in words], standalone_mode=False)
    if isinstance(done.exception, InrbenchError):
        return done.exception.exit_code, str(done.exception)
    assert done.exception is None, done.output
    return done.return_value or 0, done.output


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    """Return a folder with a plugin, its runs beside siren's, and a submission."""
    folder = tmp_path_factory.mktemp("made")
    plugin = folder / "my_sine.py"
    plugin.write_text(METHOD)
    code, output = inrbench(*RUN, "--methods", f"{plugin},siren", "--results", folder / "results")
    assert code == 0, output
    code, output = inrbench("submit", plugin, "--results", folder / "results", "-o", folder / "bundle", "--author", "Ada")
    assert code == 0 and "my-sine" in output, output
    return folder


@pytest.fixture
def bundle(made, tmp_path) -> Path:
    return Path(shutil.copytree(made / "bundle", tmp_path / "bundle"))


def test_a_submission_has_the_method_its_rows_and_nothing_else(made):
    files = sorted(path.relative_to(made / "bundle").as_posix() for path in (made / "bundle").rglob("*") if path.is_file())
    assert files == ["environment.txt", "my_sine.py", "results/function1d/my-sine.parquet", MANIFEST]
    manifest = json.loads((made / "bundle" / MANIFEST).read_text())
    assert (manifest["author"], manifest["methods"]) == ("Ada", ["my-sine"])
    assert str(made) not in (made / "bundle" / MANIFEST).read_text()


def test_a_good_submission_is_accepted_and_marked_on_the_site(made, bundle, tmp_path):
    published = tmp_path / "published"
    published.mkdir()
    code, output = inrbench("submit", bundle, "--check", "--sample", 1, "--accept", published)
    assert code == 0, output
    assert "again: function1d/sin200" in output and "accepted: 1 rows" in output
    ((facts,),) = [submitted_methods(published).values()]
    assert facts["author"] == "Ada" and len(facts["verified_attempts"]) == 1
    for results, mark in ((published, "verified"), (made / "results", "reported")):
        code, output = inrbench("report", "--results", results, "-o", tmp_path / mark)
        assert code == 0, output
        (page,) = (tmp_path / mark / "tables").glob("*.html")
        assert f">{mark}</span>" in page.read_text()


def _listed(bundle: Path, name: str) -> None:
    """Add a file, also to the manifest. Python or git would execute some of them in place of what a reviewer reads."""
    (bundle / name).parent.mkdir(parents=True, exist_ok=True)
    (bundle / name).write_bytes(b"code")
    _with_new_hashes(bundle)


@pytest.mark.parametrize(("change", "message"), [
    (lambda b: (b / "my_sine.py").write_text(METHOD.replace("20.0", "25.0")), "my_sine.py was changed after the submission"),
    (lambda b: (b / "results" / "x.parquet").write_bytes(b"1"), "results/x.parquet is not part of a submission"),
    (lambda b: _listed(b, "helper.py"), "helper.py is not part of a submission"),
    (lambda b: _listed(b, "my_sine.abi3.so"), "my_sine.abi3.so is not part of a submission"),
    (lambda b: _listed(b, "__pycache__/my_sine.cpython-311.pyc"), "my_sine.cpython-311.pyc is not part of a submission"),
    (lambda b: _listed(b, ".git/hooks/post-checkout"), ".git/hooks/post-checkout is not part of a submission"),
    (lambda b: (b / "/".join("abcdefghijk")).mkdir(parents=True), "more than 8 within each other"),
    (lambda b: [(b / f"f{i}").mkdir() for i in range(1001)], "more than 1000 files and folders"),
    (lambda b: (b / "environment.txt").unlink(), "environment.txt is missing"),
    (lambda b: (b / "folder").symlink_to("/etc"), "folder is a link or no regular file"),
    (lambda b: (b / MANIFEST).unlink(), "is not a submission"),
    (lambda b: (b / MANIFEST).write_text("[1]"), "is not a submission"),
    (lambda b: (b / MANIFEST).write_text((b / MANIFEST).read_text().replace('"my-sine"', '"../x"')), "not a valid name"),
    (lambda b: _link(b / "environment.txt"), "environment.txt is a link or no regular file"),
])  # fmt: skip
def test_changed_submissions_are_refused_in_one_line(bundle, change, message):
    change(bundle)
    code, output = inrbench("submit", bundle, "--check")
    assert code not in (0, 3) and message in output and len(output.strip().splitlines()) == 1, output


def _link(path: Path) -> None:
    path.unlink()
    path.symlink_to("/etc/hostname")


def _with_new_hashes(bundle: Path) -> None:
    from inrbench.submission.bundle import _hashes

    manifest = json.loads((bundle / MANIFEST).read_text())
    (bundle / MANIFEST).write_text(json.dumps({**manifest, "files": _hashes(bundle)}))


def test_rows_of_other_code_fail_the_check(bundle):
    (bundle / "my_sine.py").write_text(METHOD.replace("Sine(omega)", "Sine(omega + 1)"))
    _with_new_hashes(bundle)
    manifest = json.loads((bundle / MANIFEST).read_text())
    (bundle / MANIFEST).write_text(json.dumps({**manifest, "code_sha256": code_sha256(bundle / "my_sine.py")}))
    code, output = inrbench("submit", bundle, "--check")
    assert code == 3 and "are of other code than my_sine.py" in output


def _change_rows(bundle: Path, change) -> None:
    (path,) = (bundle / "results").rglob("*.parquet")
    rows = pq.read_table(path)
    made_up = rows.to_pylist()
    for row in made_up:
        change(row)
    pq.write_table(pa.Table.from_pylist(made_up, schema=rows.schema), path)
    _with_new_hashes(bundle)


def _invent(row: dict) -> None:
    for metric in row["metrics"]:
        metric["value"] *= 1e-6


def test_invented_numbers_fail_the_check(bundle):
    """A value that was changed does not change a row's id: carrying the run out again shows it."""
    _change_rows(bundle, _invent)
    code, output = inrbench("submit", bundle, "--check", "--sample", 1)
    assert code == 3 and "again: function1d/sin200" in output and "The submission is not accepted." in output, output


def _legacy(row: dict) -> None:
    """Make a row look as if it was written before ids covered all columns; its id could not be checked."""
    row.update(engine=None, run_id="f" * 64)


def _elsewhere(row: dict) -> None:
    row.update(signal="zzz", signal_sha256="0" * 64)
    row.update(run_id=spec_of(row).run_id)


def _search(row: dict) -> None:
    row.update(track="search")
    row.update(run_id=spec_of(row).run_id)


@pytest.mark.parametrize(("change", "message"), [
    (_legacy, "of the first version, whose id cannot be checked"),
    (_elsewhere, "others cannot check: function1d has no built-in signal zzz"),
    (_search, "others cannot check: it is a trial of a search"),
])  # fmt: skip
def test_rows_that_nobody_can_check_fail(bundle, change, message):
    _change_rows(bundle, change)
    code, output = inrbench("submit", bundle, "--check", "--sample", 0)
    assert code == 3 and message in output, output


def test_a_row_behind_another_row_of_its_run_is_checked_too(made, bundle):
    """The newest attempt of a run is shown; an older one of another method was accepted unseen."""
    (path,) = (bundle / "results").rglob("*.parquet")
    mine = pq.read_table(path).to_pylist()
    (other,) = [
        row for row in read_all_attempts(made / "results", SCHEMA.names)[0].to_pylist() if row["method"] == "siren"
    ]  # fmt: skip
    for row in mine:
        row["run_id"], row["attempt_id"] = other["run_id"], "f" * 24
    pq.write_table(pa.Table.from_pylist([other, *mine], schema=SCHEMA), path)
    _with_new_hashes(bundle)
    code, output = inrbench("submit", bundle, "--check", "--sample", 0)
    assert code == 3 and "whose columns are those of run" in output, output


def test_a_published_attempt_keeps_its_content(bundle, tmp_path):
    published = tmp_path / "published"
    published.mkdir()
    assert inrbench("submit", bundle, "--check", "--sample", 1, "--accept", published)[0] == 0
    before = {path.name: path.read_bytes() for path in published.rglob("*.*")}
    _change_rows(bundle, _invent)
    code, output = inrbench("submit", bundle, "--check", "--sample", 0, "--accept", published)
    assert code not in (0, 3) and "with other content; nothing was accepted" in output, output
    assert {path.name: path.read_bytes() for path in published.rglob("*.*")} == before


def test_a_submission_names_no_folder_of_its_author(made, bundle):
    (path,) = (bundle / "results").rglob("*.parquet")
    (row,) = pq.read_table(path).to_pylist()
    assert row["plugin_origin"] == "file:my_sine.py"
    assert str(made) not in repr(row)


def test_a_full_disk_leaves_no_part_of_a_submission(made, tmp_path, monkeypatch):
    real = pq.write_table

    def write_table(*words, **options):
        real(*words, **options)
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pq, "write_table", write_table)
    words = ["submit", made / "my_sine.py", "--results", made / "results", "-o", tmp_path / "new", "--author", "Ada"]
    code, output = inrbench(*words)
    assert code == 1 and "No space left on device; choose another folder with -o" in output
    monkeypatch.undo()
    code, output = inrbench(*words)
    assert code == 0, output


def test_rows_of_which_none_was_repeated_are_only_reported(bundle, tmp_path):
    published = tmp_path / "published"
    published.mkdir()
    code, output = inrbench("submit", bundle, "--check", "--sample", 0, "--accept", published)
    assert code == 0 and "reported: no run was repeated" in output, output
    ((facts,),) = [submitted_methods(published).values()]
    assert facts["verified_attempts"] == []


def test_a_submission_of_failed_runs_can_be_checked(made, bundle):
    def fail(row: dict) -> None:
        row.update(status="diverged", metrics=[], message="the loss was not finite")

    _change_rows(bundle, fail)
    code, output = inrbench("submit", bundle, "--check", "--sample", 1)
    assert "Traceback" not in output and code in (0, 3), output


def test_the_manifest_cannot_name_other_code(bundle):
    manifest = json.loads((bundle / MANIFEST).read_text())
    (bundle / MANIFEST).write_text(json.dumps({**manifest, "code_sha256": "f" * 64}))
    code, output = inrbench("submit", bundle, "--check", "--sample", 0)
    assert code == 3 and "is not the one in the manifest" in output


def test_a_published_name_of_another_author_is_refused(made, bundle, tmp_path):
    published = tmp_path / "published"
    published.mkdir()
    other = tmp_path / "other" / "my_sine.py"
    other.parent.mkdir()
    other.write_text(METHOD.replace("Sine(omega)", "Sine(omega + 1)"))
    assert inrbench(*RUN, "--methods", other, "--results", published)[0] == 0
    code, output = inrbench("submit", bundle, "--check", "--sample", 0, "--accept", published)
    assert code not in (0, 3) and "has a method 'my-sine' that Ada did not submit" in output, output


def test_runs_of_earlier_code_are_left_out(made, tmp_path):
    plugin = tmp_path / "my_sine.py"
    results = Path(shutil.copytree(made / "results", tmp_path / "results"))
    plugin.write_text(METHOD.replace("Sine(omega)", "Sine(omega + 1)"))
    assert inrbench(*RUN, "--methods", plugin, "--results", results)[0] == 0
    code, output = inrbench("submit", plugin, "--results", results, "-o", tmp_path / "new", "--author", "Ada")
    assert code == 0, output
    code, output = inrbench("submit", tmp_path / "new", "--check", "--sample", 0)
    assert code == 0 and "1 rows agree" in output, output


@pytest.mark.parametrize(("words", "message"), [
    (["PLUGIN", "--author", "Ada"], 'needs a folder and a name: -o submissions/NAME --author "NAME"'),
    (["PLUGIN", "-o", "BUNDLE", "--author", "Ada"], "this folder is not empty"),
    (["PLUGIN", "-o", "new", "--author", "Ada", "--results", "EMPTY"], "has no runs of my-sine; make some: inrbench run"),
])  # fmt: skip
def test_what_cannot_be_submitted_is_refused_with_advice(made, tmp_path, words, message):
    (tmp_path / "empty").mkdir()
    known = {"PLUGIN": made / "my_sine.py", "BUNDLE": made / "bundle", "EMPTY": tmp_path / "empty", "new": tmp_path / "new"}
    if "--results" not in words:
        words = [*words, "--results", made / "results"]
    code, output = inrbench("submit", *(known.get(word, word) for word in words))
    assert code != 0 and message in output and len(output.strip().splitlines()) == 1, output
