"""Plugins that ``inrbench new`` writes work without edits."""

import shutil
import tomllib
from pathlib import Path

import pytest

import inrbench
from inrbench.errors import BadValue
from inrbench.plugin_checks import check_method, check_task
from inrbench.registry import Registry
from inrbench.scaffold import SOURCES, new_method, new_package, new_task


def test_new_method_passes_all_checks_and_marks_what_to_edit(tmp_path):
    path = new_method("my-act", tmp_path)
    assert path == tmp_path / "my_act.py"
    text = path.read_text()
    assert text.count("EDIT:") >= 6
    assert "$" not in text
    assert {verdict.state for verdict in check_method(Registry([path]).method("my-act"), compiled=False)} == {"ok"}


@pytest.mark.parametrize("source", SOURCES)
def test_a_new_task_keeps_the_contract_and_marks_what_to_edit(tmp_path, source):
    path = new_task("my_task", tmp_path, source)
    assert path.read_text().count("EDIT:") >= 4
    assert "$" not in path.read_text()
    assert {
        (verdict.state, verdict.message) for verdict in check_task(Registry([path]).task("my_task")) if verdict.state != "ok"
    } == set()


def test_new_package_has_a_valid_method_an_entry_point_and_a_test(tmp_path):
    files = new_package("my-acts", tmp_path, inrbench.__version__)
    assert all(path.is_file() and "$" not in path.read_text() for path in files)
    root = tmp_path / "my-acts"
    project = tomllib.loads((root / "pyproject.toml").read_text())
    assert project["project"]["entry-points"]["inrbench.methods"] == {"my-acts-act": "my_acts.my_acts_act"}
    method = Registry([root / "src" / "my_acts" / "my_acts_act.py"]).method("my-acts-act")
    assert not [verdict for verdict in check_method(method, compiled=False) if verdict.state == "fail"]
    compile((root / "tests" / "test_contract.py").read_text(), "test_contract.py", "exec")


@pytest.mark.parametrize(("name", "text"), [
    ("3d", "begin with a letter"), ("torch", "is called so"), ("siren-init", "is called so"), ("my-", "begin with a letter"), ("../x", "is not a valid name of a method"), ("class", "can be no Python name"), ("", "is not a valid name"),
])  # fmt: skip
def test_invalid_names_are_refused(tmp_path, name, text):
    for write in (new_method, new_task, lambda name, folder: new_package(name, folder, "0")):
        with pytest.raises(BadValue, match=text):
            write(name, tmp_path)
    assert not list(tmp_path.iterdir())


def test_existing_files_are_not_overwritten(tmp_path):
    path = new_method("act", tmp_path)
    path.write_text("mine")
    with pytest.raises(BadValue, match="is there already"):
        new_method("act", tmp_path)
    new_package("pack", tmp_path, "0")
    shutil.rmtree(tmp_path / "pack" / "src")
    with pytest.raises(BadValue, match="is there already"):
        new_package("pack", tmp_path, "0")
    assert path.read_text() == "mine"
    assert not Path(tmp_path / "pack" / "src").exists()
