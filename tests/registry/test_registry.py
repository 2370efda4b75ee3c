import os
import subprocess
import sys
from pathlib import Path

import pytest

from inrbench.errors import BadValue, BrokenPlugin, NameCollision, UnknownName
from inrbench.registry import Registry, parse_selection
from inrbench.spec import canonical_json

PLUGIN = '''
"""mine: z^2, for tests."""
from torch import nn
from inrbench import CoordinateMLP, register_method

class Square(nn.Module):
    def forward(self, z):
        return z * z

@register_method("{name}", formula="z^2")
def build(net, *, power: int = 2):
    return CoordinateMLP(net, lambda i: Square())
'''
TASK_PLUGIN = '''
"""mytask: photo under another name."""
from inrbench import register_task
from inrbench.registry import Registry

Photo = type(Registry().task("photo"))

@register_task("mytask")
class MyTask(Photo):
    """As photo."""
'''


def plugin(folder: Path, name: str = "mine", file: str = "my_act.py", text: str = PLUGIN) -> Path:
    path = folder / file
    path.write_text(text.replace("{name}", name))
    return path


def test_file_adds_a_method(tmp_path):
    registry = Registry([plugin(tmp_path)])
    assert {"mine", "siren"} <= set(registry.methods)
    assert registry.methods["mine"].summary == "mine: z^2, for tests."
    assert registry.method("mine").defaults() == {"power": 2}
    assert registry.names_in(tmp_path / "my_act.py") == ["mine"]
    assert registry.check_third_party() == {}


def test_a_new_registry_sees_a_file_as_it_is_now(tmp_path):
    """What a file declares is remembered in a process; a change without a new size or time must be seen all the same."""
    path = plugin(tmp_path, name="mine")
    assert "mine" in Registry([path]).methods
    times = path.stat().st_mtime_ns
    path.write_text(PLUGIN.replace("{name}", "ours"))
    os.utime(path, ns=(times, times))
    methods = Registry([path]).methods
    assert "ours" in methods
    assert "mine" not in methods
    path.write_text("def (")
    assert Registry([path]).methods["my_act"].broken
    path.write_text(PLUGIN.replace("{name}", "ours"))
    assert not Registry([path]).methods["ours"].broken


def test_file_adds_a_task(tmp_path):
    registry = Registry([plugin(tmp_path, file="t.py", text=TASK_PLUGIN)])
    assert registry.task("mytask").name == "mytask"
    assert registry.task("photo").name == "photo"
    assert "mytask" not in registry.methods


@pytest.mark.parametrize(("text", "reason"), [
    ("import no_such_package_at_all\n" + PLUGIN, "No module named 'no_such_package_at_all'"),
    ("raise RuntimeError('boom')\n" + PLUGIN, "RuntimeError: boom"),
    ("import sys; sys.exit(3)\n" + PLUGIN, "SystemExit: 3"),
])  # fmt: skip
def test_file_that_fails_on_import_is_broken_and_others_still_work(tmp_path, text, reason):
    registry = Registry([plugin(tmp_path, text=text)])
    assert reason in registry.check_third_party()["mine"]
    with pytest.raises(BrokenPlugin, match="cannot be imported"):
        registry.method("mine")
    assert registry.method("siren").name == "siren"


@pytest.mark.parametrize(("text", "reason"), [("def f(:", "SyntaxError"), ("x = 1", "registers nothing")])
def test_file_that_registers_nothing_is_listed_as_broken(tmp_path, text, reason):
    registry = Registry([plugin(tmp_path, text=text)])
    assert reason in registry.methods["my_act"].broken
    with pytest.raises(BrokenPlugin, match="is broken"):
        registry.method("my_act")


def test_plugin_that_aborts_its_process_does_not_stop_the_listing(tmp_path):
    registry = Registry([plugin(tmp_path, text="import os; os.abort()\n" + PLUGIN)])
    assert "ended with code" in registry.check_third_party()["mine"]


@pytest.mark.parametrize("name", ["my act", "../out", "a/b", ".hidden", "n" * 101, ""])
def test_invalid_plugin_names_are_refused(tmp_path, name):
    with pytest.raises(BrokenPlugin, match="is not a valid name of a method or task"):
        Registry([plugin(tmp_path, name=name)]).names_in(tmp_path / "my_act.py")


def test_plugins_with_the_same_name_are_refused_with_both_files(tmp_path):
    with pytest.raises(NameCollision, match=r"two methods are called 'siren': .*siren\.py and .*my_act\.py"):
        _ = Registry([plugin(tmp_path, name="siren")]).methods


def test_unknown_name_error_suggests_the_nearest_and_lists_all(registry):
    with pytest.raises(UnknownName, match="unknown method 'sirn', did you mean 'siren'. There are: .*wire"):
        registry.method("sirn")
    with pytest.raises(UnknownName, match="unknown task 'kodac', did you mean 'kodak'"):
        registry.task("kodac")


def test_entry_points_are_found_without_importing_the_package(tmp_path, monkeypatch):
    package = tmp_path / "someones_inr"
    package.mkdir()
    (package / "__init__.py").write_text("raise RuntimeError('imported')\n")
    (package / "act.py").write_text(PLUGIN.replace("{name}", "theirs"))
    info = tmp_path / "someones_inr-2.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: someones-inr\nVersion: 2.0\n")
    (info / "entry_points.txt").write_text("[inrbench.methods]\ntheirs = someones_inr.act:build\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    declaration = Registry().methods["theirs"]
    assert (declaration.source.origin, declaration.broken) == ("someones-inr==2.0", None)
    with pytest.raises(BrokenPlugin, match="RuntimeError: imported"):
        Registry().method("theirs")


def test_parameters_are_checked_by_name_and_type(registry):
    msa = registry.method("msa")
    assert msa.parse({"s_max": "4", "s_min": "(1,1,1,0)", "amplitude": "false", "spacing": "linear"}) == {
        "s_max": 4.0, "s_min": (1.0, 1.0, 1.0, 0.0), "amplitude": False, "spacing": "linear",
    }  # fmt: skip
    with pytest.raises(UnknownName, match="unknown parameter of msa 'smax', did you mean 's_max'"):
        msa.parse({"smax": "4"})
    with pytest.raises(BadValue, match=r"msa\[amplitude\]: expected true or false, got '3'"):
        msa.parse({"amplitude": "3"})
    with pytest.raises(BadValue, match="one of log, linear, random, got 'cubic'"):
        msa.parse({"spacing": "cubic"})


def test_whole_numbers_and_floats_give_the_same_parameters(tmp_path):
    text = PLUGIN.replace("power: int = 2", "power: float = 2, list_: tuple[float, ...] = (1, 2)")
    method = Registry([plugin(tmp_path, text=text)]).method("mine")
    assert canonical_json(method.params_for("t", "k", "s")) == canonical_json(
        {**method.defaults(), **method.parse({"power": "2"})}
    )


@pytest.mark.parametrize(("old", "new", "reason"), [
    ("*, power: int = 2", "power: int = 2", r"write its parameters as \(net, \*, power: type = default\)"),
    ("*, power: int = 2", "*, power: int", "write its parameters as"),
    ("power: int", "power: NoSuchType", "NoSuchType"),
])  # fmt: skip
def test_builders_with_invalid_signatures_are_refused(tmp_path, old, new, reason):
    registry = Registry([plugin(tmp_path, text=PLUGIN.replace(old, new))])
    with pytest.raises(BrokenPlugin, match=reason):
        registry.method("mine")


def test_specific_task_settings_override_general_ones(registry):
    msa = registry.method("msa")
    assert msa.params_for("other", "other", "x")["s_max"] == 5.0
    assert msa.params_for("function1d", "function", "multiscale")["s_max"] == (5.5, 5.5, 5.5, 0.8)
    special = msa.params_for("function1d", "function", "sin200")
    assert (special["s_min"], special["s_max"]) == ((1.0, 1.0, 1.0, 0.0), (6.0, 6.0, 6.0, 0.6))


def test_parse_selection_expands_grids():
    chosen = parse_selection("msa[spacing=linear,log,s_max=(1,2),3], siren,./a/my.py[x=1]")
    assert [(s.name, dict(s.params)) for s in chosen] == [
        ("msa", {"spacing": "linear", "s_max": "(1,2)"}), ("msa", {"spacing": "linear", "s_max": "3"}),
        ("msa", {"spacing": "log", "s_max": "(1,2)"}), ("msa", {"spacing": "log", "s_max": "3"}),
        ("siren", {}), ("./a/my.py", {"x": "1"}),
    ]  # fmt: skip
    assert [s.is_file for s in chosen[-2:]] == [False, True]


@pytest.mark.parametrize("text", ["msa[", "msa]", "msa[s_max]", "msa[=3]", "msa[s_max=]", "msa,,siren", "msa[a=1][b=2]",
                                  "msa[a=1,a=2]", ""])  # fmt: skip
def test_parse_selection_refuses_invalid_text(text):
    with pytest.raises(BadValue):
        parse_selection(text)


def test_listing_and_signal_hashes_do_not_import_torch():
    code = (
        "import sys; from inrbench.registry import Registry; r = Registry(); list(r.methods);"
        "[r.task(t).signal_sha256(r.task(t).signals()[0]) for t in r.tasks]; sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
