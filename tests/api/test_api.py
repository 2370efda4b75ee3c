"""The Python API, as scripts and notebooks use it."""

import importlib.util
import linecache
import subprocess
import sys
import textwrap
from types import ModuleType

import pytest
from matplotlib.figure import Figure

import inrbench
from inrbench.api.notebook import plugin_source
from inrbench.errors import BadValue, BrokenPlugin, InrbenchError, NameCollision, UnknownName
from inrbench.registry import Registry

TINY = {"epochs": 3, "width": 8}
PLUGIN = '''
"""my_cube: z^3."""
import torch
from inrbench import CoordinateMLP, register_method

class Cube(torch.nn.Module):
    def forward(self, z):
        """y = z^3"""
        return z**3

@register_method("my_cube", formula="z^3")
def my_cube(net, *, scale: float = 1.0):
    return CoordinateMLP(net, lambda i: Cube())
'''


def run(tmp_path, methods, **options):
    return inrbench.run(methods, "function1d", protocol="quick", signals="sin200", changes=TINY, device="cpu", jobs=1,
                        results=tmp_path / "results", **options)  # fmt: skip


def test_run_of_a_module_and_names_gives_tables_figures_and_frames(tmp_path, capsys):
    path = tmp_path / "my_act.py"
    path.write_text(PLUGIN)
    spec = importlib.util.spec_from_file_location("my_act", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    found = run(tmp_path, [module, "siren[omega=5,30]"], seeds=2)
    assert found.exit_code == 0
    assert "6 of 6 runs: 6 ok." in capsys.readouterr().out
    frame = found.to_pandas()
    assert sorted(set(frame["method"])) == ["my_cube", "siren"]
    assert len(frame) == 6
    assert "mse@train" in frame
    leaderboard = found.leaderboard()
    assert "my_cube" in str(leaderboard)
    assert "<table" in leaderboard._repr_html_()
    assert "siren[omega=5.0]" in leaderboard.to_csv()
    assert isinstance(found.plot(), Figure)
    assert isinstance(found.plot("curves", methods=["siren"]), Figure)
    with pytest.raises(UnknownName, match="did you mean 'curves'"):
        found.plot("curvs")
    again = run(tmp_path, module.my_cube)
    assert "1 in " in capsys.readouterr().out
    assert list(again.to_pandas()["method"]) == ["my_cube"], "only the requested methods, not everything in the folder"
    assert "siren" not in str(again.leaderboard())


def test_an_edited_file_is_a_different_method_in_the_same_process(tmp_path):
    path = tmp_path / "my_act.py"
    path.write_text(PLUGIN)
    first = run(tmp_path, f"{path}").to_pandas()
    path.write_text(PLUGIN.replace("scale: float = 1.0", "gain: float = 2.0"))
    second = run(tmp_path, f"{path}[gain=3]").to_pandas()
    assert [*first["params_json"], *second["params_json"]] == ['{"scale":1.0}', '{"gain":3.0}']


def cells(monkeypatch, *sources: str) -> dict:
    """Run cells as a notebook does: in one namespace called __main__, each with a file name that only linecache knows."""
    notebook = ModuleType("__main__")
    namespace = notebook.__dict__
    monkeypatch.setitem(sys.modules, "__main__", notebook)
    for i, source in enumerate(sources):
        name, text = f"<cell {i} of {id(namespace)}>", textwrap.dedent(source)
        linecache.cache[name] = (len(text), None, text.splitlines(keepends=True), name)
        exec(compile(text, name, "exec"), namespace)
    return namespace


NOTEBOOK = (
    "import torch\nfrom torch import nn as layers\nimport inrbench\nfrom inrbench import CoordinateMLP, register_method\n",
    "GAIN = 0.5\nunused = open\nprint('a cell that must not be run again')\n",
    "def bend(z):\n    return GAIN * torch.sin(z)\n",
    'class Bent(layers.Module):\n    def forward(self, z):\n        """y = sin(z) / 2"""\n        return bend(z)\n',
    '@register_method("bent", formula="sin(z) / 2")\ndef bent(net, *, omega: float = 3.0):\n    return CoordinateMLP(net, lambda i: Bent())\n',
)


def test_the_source_of_a_notebook_method_contains_only_what_it_uses(tmp_path, monkeypatch, capsys):
    namespace = cells(monkeypatch, *NOTEBOOK)
    source = plugin_source(namespace["bent"])
    assert "must not be run again" not in source
    assert "unused" not in source
    path = tmp_path / "bent.py"
    path.write_text(source)
    assert Registry([path]).method("bent").defaults() == {"omega": 3.0}
    found = run(tmp_path, [namespace["bent"], "relu"])
    assert set(found.to_pandas().query("status == 'ok'")["method"]) == {"bent", "relu"}
    assert list((tmp_path / "results" / "plugins").glob("bent-*.py"))


def test_notebook_objects_without_source_are_refused_by_name(monkeypatch):
    namespace = cells(
        monkeypatch,
        "from inrbench import register_method\nclass Box:\n    pass\n",
        "import random\nthing = random.Random(0)\nhold = [1, 2.5, 'a']\n",
        "@register_method('odd')\ndef odd(net):\n    return thing.random(), hold\n",
        "@register_method('even')\ndef even(net):\n    return hold\n",
    )
    assert "hold = [1, 2.5, 'a']" in plugin_source(namespace["even"])
    with pytest.raises(BadValue, match=r"'odd' uses 'thing', whose source cannot be found; write it to a file"):
        plugin_source(namespace["odd"])
    linecache.cache.clear()
    with pytest.raises(BadValue, match=r"'odd' uses 'odd', whose source cannot be found; write it to a file"):
        plugin_source(namespace["odd"])


def test_invalid_methods_are_refused(tmp_path):
    with pytest.raises(BadValue, match="put @register_method"):
        run(tmp_path, [len])
    with pytest.raises(BrokenPlugin, match="no such file"):
        run(tmp_path, ["./absent.py"])


@pytest.mark.slow
def test_workers_do_not_run_a_script_without_a_main_guard_again(tmp_path):
    """Spawned processes import the main module; a script that calls inrbench.run at its top level would never end."""
    script = tmp_path / "script.py"
    script.write_text(PLUGIN.replace('"""my_cube: z^3."""', '"""A script."""') + textwrap.dedent(f"""
        import inrbench
        print("the script runs")
        found = inrbench.run([my_cube, "relu"], "function1d", protocol="quick", signals="sin200", changes={TINY!r}, device="cpu",
                             jobs=1, results={str(tmp_path / "r")!r})
        print(sorted(found.to_pandas()["status"]))
        """))  # fmt: skip
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, timeout=300, check=True, cwd=tmp_path)
    assert done.stdout.count("the script runs") == 1
    assert "['ok', 'ok']" in done.stdout


def test_later_notebook_cells_override_earlier_ones(monkeypatch):
    namespace = cells(
        monkeypatch,
        "import torch\nfrom torch import nn\nfrom inrbench import CoordinateMLP, register_method\nBETA = 3.0\nz = torch.linspace(0, 1, 5)\n"
        "class Bump(nn.Module):\n    def forward(self, z):\n        return torch.sin(BETA * z)\n"
        "@register_method('bump', formula=r'\\xi sin(z) \\nu')\ndef bump(net):\n    return CoordinateMLP(net, lambda i: Bump())\n",
        "BETA = 5.0\nclass Bump(nn.Module):\n    def forward(self, z):\n        return torch.cos(BETA * z)\n",
    )
    source = plugin_source(namespace["bump"])
    assert "BETA = 5.0" in source and "BETA = 3.0" not in source
    assert "torch.cos" in source and "torch.sin" not in source
    assert "linspace" not in source, "z is the forward's own, not the notebook's"
    compile(source, "bump.py", "exec")


def test_notebook_methods_with_taken_or_invalid_names_are_refused(tmp_path, monkeypatch):
    namespace = cells(
        monkeypatch,
        NOTEBOOK[0],
        "@register_method('siren')\ndef siren(net):\n    return CoordinateMLP(net, lambda i: layers.Tanh())\n",
    )
    with pytest.raises(NameCollision, match="two methods are called 'siren'"):
        run(tmp_path, [namespace["siren"]])
    with pytest.raises(BadValue, match="is not a valid name of a method"):
        cells(monkeypatch, NOTEBOOK[0], "@register_method('../../evil')\ndef evil(net):\n    return None\n")


def test_a_notebook_method_made_inside_a_function_is_refused(monkeypatch):
    namespace = cells(
        monkeypatch,
        NOTEBOOK[0],
        "def make(k):\n    @register_method('made')\n    def made(net):\n        return k\n    return made\nmade = make(3)\n",
    )
    with pytest.raises(BadValue, match="'made' is made inside a function"):
        plugin_source(namespace["made"])


def test_run_accepts_files_in_folders_with_special_characters(tmp_path):
    folder = tmp_path / "a,b[1]"
    folder.mkdir()
    (folder / "my_act.py").write_text(PLUGIN)
    assert list(run(tmp_path, [folder / "my_act.py"]).to_pandas()["status"]) == ["ok"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ({"seeds": 0}, "at least one seed"),
        ({"track": "tunde"}, "unknown track 'tunde', did you mean 'tuned'"),
        ({"track": "tuned-99"}, r"nothing was tuned for protocol 'quick' with a budget of 99 in .*; use --track paper, or run"),
        ({"probes": "nkt"}, "'nkt'"),
    ],
)
def test_wrong_arguments_are_refused_by_what_was_given(words, said, tmp_path):
    with pytest.raises(InrbenchError, match=said):
        inrbench.run("relu", "photo", protocol="quick", results=tmp_path, dry_run=True, **words)


def test_one_text_is_one_name(tmp_path):
    """A text is a sequence of letters for Python; nobody means that."""
    path = tmp_path / "cube.py"
    path.write_text(PLUGIN)
    for plugins in (str(path), path):
        done = run(tmp_path, "my_cube", probes="ntk", plugins=plugins, trackers="tensorboard", dry_run=True)
        assert len(done.run_ids) == 1


def test_names_in_one_text_may_have_spaces_between_them(tmp_path):
    with pytest.raises(InrbenchError, match="unknown tracker 'mlflov', did you mean 'mlflow'"):
        run(tmp_path, "relu", trackers="tensorboard, mlflov", dry_run=True)
    with pytest.raises(InrbenchError, match="unknown tracker 'mlflov'"):
        run(tmp_path, "relu", trackers=["tensorboard,mlflov"], dry_run=True)
    run(tmp_path, "relu, siren", trackers="tensorboard, mlflow", probes="ntk, gradients", dry_run=True)
