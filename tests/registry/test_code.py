"""Which edits of a file change the code hash of a method."""

import os

import pytest

from inrbench.registry import Registry
from inrbench.registry.code import code_sha256, essential_text, imported_files

METHOD = '''"""act: a sine.  y = sin(omega z)"""

from torch import nn

from inrbench import CoordinateMLP, register_method
from inrbench.nn import Sine

SCALE = 30.0  # SIREN's


@register_method("act", formula="sin(omega z)", task_params={"image": {"omega": 20.0}}, search_ranges={"omega": (1.0, 60.0)})
def act(net, *, omega: float = SCALE) -> nn.Module:
    """Build it."""
    return CoordinateMLP(net, lambda i: Sine(omega))
'''


@pytest.fixture
def sha(tmp_path):
    def of(text: str, name: str = "act.py") -> str:
        path = tmp_path / name
        path.write_bytes(text.encode())
        return code_sha256(path)

    return of


@pytest.mark.parametrize(("old", "new"), [
    ("a sine.", "a sine, as in the paper."), ("  # SIREN's", "  # section 3.2"), ('    """Build it."""\n', ""),
    ('formula="sin(omega z)", ', 'formula="sin(omega z)", paper="sitzmann2020siren", '),
    ('"image": {"omega": 20.0}', '"image": {"omega": 10.0}'), ("(1.0, 60.0)", "(1.0, 90.0)"),
    ('search_ranges={"omega": (1.0, 60.0)})', 'authors={"image": {"lr": "1e-4"}},\n    search_ranges={"omega": (1.0, 60.0)},\n)'),
    ("\n\n\n@", "\n\n\n\n# a remark\n@"), ("\n", "\r\n"),
])  # fmt: skip
def test_edits_that_cannot_affect_the_network_keep_the_hash(sha, old, new):
    assert old in METHOD
    assert sha(METHOD.replace(old, new)) == sha(METHOD)


@pytest.mark.parametrize(("old", "new"), [
    ("SCALE = 30.0", "SCALE = 31.0"), ("Sine(omega)", "Sine(2 * omega)"), ('"act"', '"other"'), ("omega: float", "omega: int"),
    ("lambda i", "lambda k"),
])  # fmt: skip
def test_edits_that_may_affect_the_network_change_the_hash(sha, old, new):
    assert sha(METHOD.replace(old, new)) != sha(METHOD)


def test_strings_with_hash_signs_and_non_ascii_letters_are_kept():
    text = 'x = "# no comment"  # αβγ a comment\ny = "ü # ö"  # ä\n'
    assert essential_text(text.encode()) == 'x = "# no comment"\ny = "ü # ö"'


def test_imported_files_are_part_of_the_hash_in_any_folder(sha, tmp_path):
    (tmp_path / "layers.py").write_text("from bits import GAIN\nWIDE = 2\n")
    (tmp_path / "bits.py").write_text("GAIN = 1.0\n")
    text = METHOD.replace("from torch import nn\n", "import math\n\nfrom layers import WIDE\nfrom torch import nn\n")
    before = sha(text)
    assert {path.name for path in imported_files(tmp_path / "act.py")} == {"layers.py", "bits.py"}
    (tmp_path / "bits.py").write_text("GAIN = 2.0\n")
    changed = sha(text)
    assert changed != before
    (tmp_path / "bits.py").write_text("GAIN = 2.0  # and a remark\n")
    assert sha(text) == changed
    moved = tmp_path / "elsewhere"
    moved.mkdir()
    for name in ("act.py", "layers.py", "bits.py"):
        (moved / name).write_text((tmp_path / name).read_text())
    assert code_sha256(moved / "act.py") == changed


def test_edit_that_keeps_time_and_size_is_detected(tmp_path, monkeypatch):
    """Python identifies compiled files by the size and the time, in seconds, of the source."""
    monkeypatch.setattr("sys.dont_write_bytecode", False)
    act, beside = tmp_path / "act.py", tmp_path / "beside.py"
    text = METHOD.replace("SCALE = 30.0", "from beside import SCALE").replace("  # SIREN's", "")
    seen = []
    for value, factor in ((7.0, "1.0"), (8.0, "2.0")):
        act.write_text(text.replace("= SCALE", f"= {factor} * SCALE"))
        beside.write_text(f"SCALE = {value}\n")
        for file in (act, beside):
            os.utime(file, (1_000_000_000, 1_000_000_000))
        seen.append(Registry([act]).method("act").defaults()["omega"])
    assert seen == [7.0, 16.0]


def test_plugin_can_import_a_neighbouring_file_and_sees_its_edits(tmp_path):
    text = METHOD.replace("SCALE = 30.0", "from beside import SCALE").replace("  # SIREN's", "")
    (tmp_path / "act.py").write_text(text)
    for value in (7.0, 8.0):
        (tmp_path / "beside.py").write_text(f"SCALE = {value}\n")
        assert Registry([tmp_path / "act.py"]).method("act").defaults() == {"omega": value}
    other = tmp_path / "other"
    other.mkdir()
    (other / "act2.py").write_text(text.replace('"act"', '"act2"'))
    (other / "beside.py").write_text("SCALE = 9.0\n")
    registry = Registry([tmp_path / "act.py", other / "act2.py"])
    assert (registry.method("act").defaults(), registry.method("act2").defaults()) == ({"omega": 8.0}, {"omega": 9.0})


def test_imported_modules_of_a_package_are_part_of_the_hash(tmp_path):
    package = tmp_path / "their_inr"
    package.mkdir()
    for name, text in (
        ("__init__.py", ""),
        ("layers.py", "X = 1\n"),
        ("act.py", METHOD.replace("SCALE = 30.0", "from .layers import X as SCALE")),
    ):
        (package / name).write_text(text)
    assert {path.name for path in imported_files(package / "act.py")} == {"layers.py"}
    before = code_sha256(package / "act.py")
    (package / "layers.py").write_text("X = 2\n")
    assert code_sha256(package / "act.py") != before


def test_built_in_methods_do_not_import_each_other(registry):
    for name in registry.methods:
        assert not imported_files(registry.source("method", name).path), name
