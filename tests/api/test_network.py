"""Stored networks come back as modules."""

import shutil

import pytest
import torch

import inrbench
from inrbench.errors import InrbenchError, NothingFound
from inrbench.runner import QuietObserver

SMALL = {"protocol": "quick", "changes": {"epochs": 3, "width": 8}, "device": "cpu", "jobs": 1, "observer": QuietObserver()}


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    folder = tmp_path_factory.mktemp("results")
    inrbench.run(["siren"], ["photo"], signals="camera", results=folder, **SMALL)
    inrbench.run(["relu"], ["function1d"], signals="sin200", results=folder, artifacts="none", **SMALL)
    return folder


def test_a_stored_network_gives_the_stored_values_and_gradients(results):
    runs = inrbench.load_results(results)
    run = runs[runs["method"] == "siren"].iloc[0]
    net = inrbench.load_network(run["run_id"][:8], results)
    assert net.domain in {((-1.0, 1.0),) * 2, ((0.0, 1.0),) * 2}
    x = torch.rand(5, len(net.domain), requires_grad=True)
    values, (gradients,) = net(x), torch.autograd.grad(net(x).sum(), x)
    assert (values.shape, gradients.shape) == ((5, 1), (5, 2))
    assert (net.row["task"], net.row["signal"], net.module.training) == ("photo", "camera", False)
    again = inrbench.load_network(run["run_id"], results)
    assert torch.equal(again(x), values)


def test_artifacts_are_listed_with_their_paths(results):
    files = inrbench.load_results(results, table="artifacts")
    assert {"weights.safetensors", "reconstruction.png", "truth.png"} <= set(files["name"])
    assert all((results / "artifacts" / name).is_file() for name in files["file"])
    assert files["path"].str.startswith(str(results)).all()
    assert set(files["method"]) == {"siren"}


def test_runs_without_weights_and_unknown_runs_are_refused(results):
    runs = inrbench.load_results(results)
    without = runs[runs["method"] == "relu"].iloc[0]["run_id"]
    with pytest.raises(NothingFound, match="store them with: inrbench run --artifacts last"):
        inrbench.load_network(without, results)
    with pytest.raises(InrbenchError, match="no run 'ffffffffffff'"):
        inrbench.load_network("f" * 12, results)


def test_a_network_is_loaded_from_a_bucket(results, machine, uri):
    """On a machine that has no copy of the results yet."""
    sender = machine("one")
    shutil.copytree(results, sender.folder, dirs_exist_ok=True)
    sender.sync()
    machine("other")
    runs = inrbench.load_results(results)
    run = runs[runs["method"] == "siren"].iloc[0]["run_id"]
    x = torch.rand(5, 2)
    assert torch.equal(inrbench.load_network(run, uri)(x), inrbench.load_network(run, results)(x))
