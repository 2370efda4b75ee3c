"""The calibration baselines: mean, dct, bilinear and smooth-dct."""

import math
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch

from inrbench.execute.worker import execute
from inrbench.fit.least_squares import conjugate_gradients
from inrbench.nn import LinearModel, network_size, parameters_of_mlp
from inrbench.problems import Regression, inpainting_problem, super_resolution_problem, tomography_problem
from inrbench.registry import Registry
from inrbench.settings import InpaintingSettings, SuperResolutionSettings, TomographySettings
from inrbench.spec import NetworkSpec, Protocol
from inrbench.store import read_runs


def build(name, d, domain=(), out_features=1):
    net = NetworkSpec(in_features=d, out_features=out_features, width=16, n_layers=2, domain=domain)
    return Registry().method(name)(net), net


@pytest.mark.parametrize("low", [-1.0, 0.0, -100.0])
def test_a_dct_coefficient_is_a_product_of_cosines_over_the_box(low):
    network, _ = build("dct", 2, ((low, 1.0), (low, 1.0)))
    with torch.no_grad():
        network.coefficients[3 * network.terms + 2] = 1.0  # the third along the first axis, the second along the other
    x = torch.rand(50, 2) * (1 - low) + low
    t = (x - low) / (1 - low)
    wave = torch.cos(3 * math.pi * t[:, 0]) * torch.cos(2 * math.pi * t[:, 1])
    assert torch.allclose(network(x)[:, 0], wave, atol=1e-4)


@pytest.mark.parametrize("d", [1, 2, 3])
@pytest.mark.parametrize("low", [-1.0, 0.0])
def test_bilinear_reproduces_multilinear_functions_and_its_grid_values(d, low):
    network, _ = build("bilinear", d, ((low, 1.0),) * d)
    n = network.cells + 1
    axis = torch.linspace(low, 1, n)
    corners = torch.cartesian_prod(*[axis] * d).reshape(-1, d)

    def f(x):
        return (x + 0.3).prod(dim=1, keepdim=True)

    with torch.no_grad():
        network.values.copy_(f(corners))
    x = torch.rand(80, d) * (1 - low) + low
    assert torch.allclose(network(x), f(x), atol=1e-5)
    assert torch.allclose(network(corners), f(corners), atol=1e-5)
    beyond = torch.full((1, d), 1.5)
    assert torch.allclose(network(beyond), f(torch.ones(1, d)), atol=1e-5)


@pytest.mark.parametrize(("name", "d"), [("dct", 2), ("dct", 3), ("bilinear", 2), ("bilinear", 3), ("smooth-dct", 2)])
def test_baselines_have_about_as_many_parameters_as_the_network(name, d):
    network, net = build(name, d)
    budget = parameters_of_mlp(net)
    assert 0.5 * budget < network_size(network).trainable <= budget


def solved(model, problem):
    """Fit the model as the harness does under any protocol, and return the last loss."""
    model.double()
    problem.as_dtype(torch.float64)
    losses = list(conjugate_gradients(model, problem))
    assert losses, "at least one iteration"
    return losses[-1]


def design(model, x):
    """Return the matrix of a model that is linear in its parameters, column by column."""
    columns = []
    (parameter,) = [p for p in model.parameters() if p.requires_grad]
    with torch.no_grad():
        for i in range(parameter.numel()):
            parameter.zero_()
            parameter.view(-1)[i] = 1
            columns.append(model(x).reshape(-1).clone())
        parameter.zero_()
    return torch.stack(columns, dim=1)


@pytest.mark.parametrize("name", ["mean", "dct", "bilinear"])
@pytest.mark.parametrize("batch", [None, 37])
def test_baselines_are_least_squares_solutions_of_minimum_norm(name, batch):
    """Compared with LAPACK on random points, fewer than the grid has values, so that it has many solutions."""
    torch.manual_seed(0)
    x, y = 2 * torch.rand(90, 2) - 1, torch.randn(90, 1)
    model, _ = build(name, 2)
    problem = Regression(x, y, batch, None)
    matrix = design(model.double(), x.double())
    exact = torch.linalg.lstsq(matrix, y.double(), driver="gelsd").solution
    loss = solved(model, problem)
    assert torch.allclose(model(x.double()), (matrix @ exact), atol=1e-5)
    (parameter,) = model.parameters()
    assert torch.allclose(parameter.reshape(-1, 1), exact, atol=1e-4)
    assert loss == pytest.approx(float((matrix @ exact - y).square().mean()), abs=1e-8)


@pytest.mark.parametrize("smoothing", [1e-2, 1e-4])
def test_smooth_dct_minimises_error_and_energy_of_second_derivatives(smoothing):
    """Compared with the normal equations, solved directly: (W^T W / n + s E) a = W^T y / n with E = (1 + |k|^2)^2."""
    torch.manual_seed(0)
    x, y = 2 * torch.rand(40, 2, dtype=torch.float64) - 1, torch.randn(40, 1, dtype=torch.float64)
    net = NetworkSpec(in_features=2, out_features=1, width=16, n_layers=2, domain=((-1.0, 1.0),) * 2)
    model = Registry().method("smooth-dct")(net, smoothing=smoothing)
    solved(model, Regression(x, y, None, None))
    k = np.arange(len(model.frequencies))
    t = (x.numpy() + 1) / 2
    waves = np.einsum("ni,nj->nij", np.cos(np.pi * t[:, :1] * k), np.cos(np.pi * t[:, 1:] * k)).reshape(len(x), -1)
    energy = (1 + k[:, None] ** 2 + k**2).astype(float).ravel() ** 2
    expected = np.linalg.solve(waves.T @ waves / len(x) + smoothing * np.diag(energy), waves.T @ y.numpy() / len(x))
    found = (model.coefficients * model.damping()).detach()
    np.testing.assert_allclose(found.numpy().ravel(), expected.ravel(), atol=1e-5)


def test_a_run_says_that_its_solver_stopped_early(tiny_jobs, settings, monkeypatch):
    (job,) = tiny_jobs(methods="dct", changes={"epochs": "1", "width": "8"})
    monkeypatch.setattr(LinearModel, "max_iterations", 3)
    execute(job, settings)
    (row,) = read_runs(settings.results).table.to_pylist()
    assert "least squares stopped after 3 iterations, before it converged" in row["notes"]


def test_published_smooth_series_have_converged():
    """Stopping early is a second kind of smoothing, of a strength that nobody chose: the last iterations must change nothing."""
    for file in (Path(__file__).parents[2] / "results" / "published").glob("*/smooth-dct.parquet"):
        for row in pq.ParquetFile(file).read(columns=["signal", "curve"]).to_pylist():
            *_, before, last = (point["value"] for point in row["curve"])
            assert last == pytest.approx(before, abs=0.005), row["signal"]


@pytest.mark.slow
def test_smooth_dct_fills_gaps_of_a_smooth_image_far_better_than_dct(tiny_jobs, settings):
    errors = {}
    for name in ("smooth-dct", "dct"):
        (job,) = tiny_jobs(methods=name, tasks="inpainting", signals="camera", changes={"epochs": "1", "width": "40"})
        outcome = execute(job, settings)
        assert outcome.status == "ok"
        errors[name] = outcome.primary
    assert errors["smooth-dct"] > errors["dct"] + 5


def test_mean_on_inpainting_super_resolution_and_tomography():
    image = np.random.default_rng(0).random((24, 24, 1)).astype(np.float32)
    common = {"coordinate_range": (-1.0, 1.0), "max_pixels": None}
    settings = {
        "inpainting": InpaintingSettings(**common, share=0.3), "blocks": SuperResolutionSettings(**common, scale=4),
        "ct": TomographySettings(**common, angles=7),
    }  # fmt: skip

    def protocol(kind):
        return Protocol(name="t", width=16, n_layers=2, epochs=1, lr=1e-3, lr_min=1e-3, metrics=("psnr@clip-float",),
                        settings=settings[kind])  # fmt: skip

    given = inpainting_problem(image, protocol("inpainting"), 3)
    model, _ = build("mean", 2)
    solved(model, given)
    assert model.value.item() == pytest.approx(float(given.values.mean()))
    blocks = super_resolution_problem(image, protocol("blocks"))
    model, _ = build("mean", 2)
    solved(model, blocks)
    assert model.value.item() == pytest.approx(float(image.mean()))
    tomography = tomography_problem(image, protocol("ct"))
    model, _ = build("mean", 2)
    solved(model, tomography)
    one = tomography.beam(tomography.inside.double()).reshape(-1)
    assert model.value.item() == pytest.approx(float(one @ tomography.sinogram.reshape(-1) / one.square().sum()), rel=1e-5)
    assert tomography.error_share(model, None) == pytest.approx(1, rel=1e-4)


def test_the_result_of_dct_does_not_depend_on_the_learning_rate(tiny_jobs, settings):
    found = []
    for lr in ("1e-6", "0.1"):
        (job,) = tiny_jobs(methods="dct", changes={"epochs": "1", "lr": lr, "lr_min": lr, "width": "8"})
        outcome = execute(job, settings)
        assert outcome.status == "ok"
        found.append(outcome.primary)
    assert found[0] == found[1] < 0.4
