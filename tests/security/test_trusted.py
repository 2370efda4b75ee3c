"""Cached code is in private folders, and a recipe can change only what tuning may change."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from inrbench.cli.main import cli
from inrbench.data import cache_folder
from inrbench.errors import BadValue, StoreError
from inrbench.execute.worker import compiled_folder
from inrbench.planning.recipes import read_recipes
from inrbench.private import private_folder

AS_ROOT = hasattr(os, "getuid") and os.getuid() == 0
RUN = ["run", "--methods", "relu", "--tasks", "function1d", "--signals", "sin200", "--protocol", "quick", "--set", "epochs=2",
       "--set", "width=8", "--device", "cpu", "--artifacts", "none"]  # fmt: skip


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return cache_folder().parent


def test_cache_folders_are_private(cache, tmp_path):
    cache.mkdir(parents=True)
    (cache / "compiled").mkdir(mode=0o777)
    (cache / "compiled").chmod(0o777)
    assert compiled_folder() == cache / "compiled"
    assert mode(cache / "compiled") == 0o700
    done = CliRunner().invoke(cli, [*RUN, "--results", str(tmp_path / "results")], standalone_mode=False)
    assert done.exception is None
    assert mode(cache / "shapes") == 0o700


@pytest.mark.skipif(not AS_ROOT, reason="only root can give a folder away")
@pytest.mark.parametrize("what", ["compiled", "shapes"])
def test_cache_of_another_user_is_refused_and_reported(cache, tmp_path, what):
    (cache / what).mkdir(parents=True)
    os.chown(cache / what, 12345, 12345)
    with pytest.raises(BadValue, match="belongs to another user"):
        private_folder(cache / what)
    done = CliRunner().invoke(cli, [*RUN, "--results", str(tmp_path / "results")], standalone_mode=False)
    assert done.exception is None
    assert "belongs to another user" in done.output
    assert "1 ok" in done.output


def test_cache_that_is_a_link_is_refused(cache, tmp_path):
    cache.mkdir(parents=True)
    (cache / "compiled").symlink_to(tmp_path)
    with pytest.raises(BadValue, match="symbolic link"):
        private_folder(cache / "compiled")
    assert compiled_folder() not in (tmp_path, cache / "compiled")


RECIPE = """task = "photo"
method = "siren"
protocol = "quick"
budget = 8
validation = "psnr-offgrid@2x-area"
tuned_on = ["photo/grass"]

[ranges]
lr = [1e-05, 0.02]
omega = [5.0, 120.0]

[params]
{params}

[training]
{training}
"""


def recipe(tmp_path, params="omega = 12.0", training='lr = "0.001"\nlr_min = "0.0001"'):
    (tmp_path / "tuned").mkdir(exist_ok=True)
    (tmp_path / "tuned" / "a.toml").write_text(RECIPE.format(params=params, training=training))
    return read_recipes(tmp_path, "quick")


def test_tuned_recipe_is_read(tmp_path):
    ((key, tuned),) = recipe(tmp_path).items()
    assert key == ("photo", "siren")
    assert tuned.recipe.params == {"omega": 12.0}


@pytest.mark.parametrize("changes", [
    {"training": 'epochs = "99999"'}, {"training": 'width = "4096"'}, {"training": 'lr = "5.0"'}, {"training": 'lr = "nan"'},
    {"training": 'lr = "-1"'}, {"training": 'lr = "x"'}, {"training": 'batch = "none"'}, {"training": '"optimiser.weight_decay" = "0.01"'}, {"training": 'seed = "3"'},
    {"params": "omega = nan"}, {"params": "omega = 1e9"}, {"params": "omega = 2026-01-01"}, {"params": "omega = true"},
    {"params": 'omega = "x"'}, {"params": "zero_bias = true"}, {"params": "omega = [1.0]"},
])  # fmt: skip
def test_recipe_with_changes_outside_tuning_is_refused(tmp_path, changes):
    with pytest.raises(StoreError, match="is not a tuned recipe") as error:
        recipe(tmp_path, **changes)
    assert "\n" not in str(error.value)


def test_a_temporary_folder_of_a_process_is_deleted_when_the_process_ends(tmp_path):
    script = """from inrbench.private import folder_of_this_process
folder = folder_of_this_process("inrbench-x-")
(folder / "code").touch()
print(folder)"""
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, env=environment)
    folder = Path(done.stdout.strip())
    assert folder.parent == tmp_path
    assert not folder.exists()
