"""Equations: exact solutions, sampled points, and both implementations of the loss."""

import helpers
import numpy as np
import pytest
import torch
from torch import nn

from inrbench import NetworkSpec
from inrbench.data import read_image
from inrbench.derivatives import Jet
from inrbench.errors import BadValue, NotApplicable
from inrbench.fit import FastStep, Predictor, ReferenceStep
from inrbench.metrics.field import RELATIVE_L2, RELATIVE_L2_BEST, RESIDUAL
from inrbench.problems.pde import residual_weight
from inrbench.registry import Registry

REGISTRY = Registry()
EQUATIONS = [
    (name, signal) for name in REGISTRY.tasks if REGISTRY.task(name).kind == "pde" for signal in REGISTRY.task(name).signals()
]
CPU = torch.device("cpu")
IDS = [RELATIVE_L2.id, RESIDUAL.id, RELATIVE_L2_BEST.id]


def problem(task: str = "poisson2d", signal: str = "ablation", **changes: str):
    chosen = REGISTRY.task(task)
    return chosen.problem(signal, chosen.protocol("quick", {"batch": "64", "condition_points": "8", **changes}), 0)


def network(method: str, task: str = "poisson2d", signal: str = "ablation", **params: object) -> nn.Module:
    torch.manual_seed(0)
    plugin = REGISTRY.method(method)
    settings = {**plugin.params_for(task, "pde", signal), **params}
    return plugin(NetworkSpec(in_features=2, out_features=1, width=20, n_layers=4), **settings)


@pytest.mark.parametrize(("task", "signal"), EQUATIONS)
def test_exact_solution_satisfies_the_equation(task, signal):
    """Derivatives of the solution are fourth-order finite differences in float64."""
    equation = problem(task, signal).equation
    x = equation.from_unit(np.random.default_rng(0).uniform(0.1, 0.9, (200, 2)))
    h = 2e-4 / max(1.0, {"b500": 100, "b50": 10, "sin100": 10, "mix": 10}.get(signal, 1))

    def at(axis: int, steps: int) -> np.ndarray:
        moved = x.copy()
        moved[:, axis] += steps * h
        return equation.exact(moved)

    def first(axis: int) -> np.ndarray:
        return (at(axis, -2) - 8 * at(axis, -1) + 8 * at(axis, 1) - at(axis, 2)) / (12 * h)

    def second(axis: int) -> np.ndarray:
        return (-at(axis, -2) + 16 * at(axis, -1) - 30 * at(axis, 0) + 16 * at(axis, 1) - at(axis, 2)) / (12 * h**2)

    jet = Jet(*(torch.from_numpy(at(0, 0)[:, None]),), tuple(torch.from_numpy(first(a)[:, None]) for a in equation.first),
              tuple(torch.from_numpy(sum(second(a) for a in group)[:, None]) for group in equation.second))  # fmt: skip
    residual = equation.residual(jet)[:, 0].numpy() - equation.source(x)
    terms = max(float(t.abs().max()) for t in (jet.value, *jet.first, *jet.second))
    scale = {"heat1d": 1.0}.get(task, terms)  # heat divides by the rate squared
    assert np.abs(residual).max() < 1e-5 * scale


@pytest.mark.parametrize(("task", "signal"), EQUATIONS)
def test_points_are_inside_and_condition_points_on_their_sides(task, signal):
    fitted = problem(task, signal)
    generator = torch.Generator().manual_seed(0)
    (first,), (second,) = fitted.batches(generator), fitted.batches(generator)
    inside, source, *conditions = first
    assert inside.shape == (64, 2) and source.shape == (64, 1) and inside.abs().max() <= 1
    assert not torch.equal(inside, second[0]), "new points are drawn for every step"
    unit = (inside.double().numpy() + 1) / 2
    assert np.allclose(
        source[:, 0], fitted.equation.source(fitted.equation.from_unit(unit)), rtol=1e-2, atol=2e-2 * float(source.abs().max())
    )
    for condition, x, values in zip(fitted.equation.conditions, conditions[::2], conditions[1::2], strict=True):
        parts = x.chunk(len(condition.sides))
        for part, (axis, end) in zip(parts, condition.sides, strict=True):
            assert len(part) == 8
            assert (part[:, axis] == (-1 if end == "low" else 1)).all()
        assert values.abs().max() <= np.abs(fitted.evaluation.truth).max() * 1.01 + 1e-6
        if condition.periodic:
            assert torch.equal(parts[0][:, 1], parts[1][:, 1])


@pytest.mark.parametrize("method", ["pinn", "ff-pinn", "sf-pinn", "tsa-pinn", "msa-pinn", "siren", "wire"])
@pytest.mark.parametrize(("task", "signal"), [("poisson2d", "sin6cos20"), ("allen-cahn2d", "mix"), ("heat1d", "b20"), ("advection1d", "b40-periodic")])  # fmt: skip
def test_reference_and_fast_loss_and_gradient_agree(method, task, signal):
    fitted, net = problem(task, signal), network(method, task, signal).double()
    batch = tuple(t.double() for t in fitted.example(0))
    weight = torch.tensor(1 / 64)

    def loss_and_gradient(way) -> tuple[float, torch.Tensor]:
        net.zero_grad()
        loss = way(net, batch, weight)
        loss.backward()
        return loss.item(), torch.cat([p.grad.ravel() for p in net.parameters() if p.grad is not None])

    (a, slope), (b, fast_slope) = loss_and_gradient(fitted.loss), loss_and_gradient(fitted.fast_loss(net))
    assert a == pytest.approx(b, rel=1e-9)
    assert (slope - fast_slope).norm() <= 1e-8 * slope.norm()


class Exact(nn.Module):
    """sin(pi x) sin(10 pi y) from coordinates in [-1, 1]."""

    def __init__(self, amplitude: float = 1.0) -> None:
        super().__init__()
        self.amplitude = nn.Parameter(torch.tensor(amplitude))

    def forward(self, x):
        x, y = ((x + 1) / 2).T
        return (self.amplitude * torch.sin(torch.pi * x) * torch.sin(10 * torch.pi * y))[:, None]


def test_exact_solution_has_zero_loss_error_and_residual():
    fitted = problem()
    assert fitted.loss(Exact(), fitted.example(0), torch.tensor(1.0)).item() < 1e-9
    values = helpers.values(fitted, IDS, Predictor(Exact(), CPU))
    assert values[RELATIVE_L2.id] < 1e-5
    assert values[RESIDUAL.id] < 1e-3 * 101 * np.pi**2


def test_scaled_solution_has_known_errors_and_the_best_error_is_kept():
    fitted = problem()
    evaluator = helpers.evaluator(fitted, IDS)
    assert evaluator.primary(Predictor(Exact(0.9), CPU)) == pytest.approx(0.1, rel=1e-3)
    values = {m.metric.id: m.value for m in evaluator.measure(Predictor(Exact(0.5), CPU))}
    assert values[RELATIVE_L2.id] == pytest.approx(0.5, rel=1e-3)
    assert values[RELATIVE_L2_BEST.id] == pytest.approx(0.1, rel=1e-3)
    assert values[RESIDUAL.id] == pytest.approx(0.5 * 101 * np.pi**2 * 0.5, rel=0.05)  # rms of a product of sines is 1/2


def test_prediction_without_derivatives_has_a_note_and_no_residual():
    fitted = problem()
    measured = helpers.measure(fitted, IDS, lambda x: torch.zeros(len(x), 1))
    assert measured[RELATIVE_L2.id].value == 1
    assert (measured[RESIDUAL.id].value, measured[RESIDUAL.id].note) == (None, "the method gives no derivatives")


def test_condition_weight_scales_the_condition_loss():
    batch = problem().example(0)
    losses = [problem(condition_weight=w).loss(network("pinn"), batch, torch.tensor(1.0)).item() for w in ("1", "3", "5")]
    assert losses[2] - losses[1] == pytest.approx(losses[1] - losses[0], rel=1e-4)
    assert losses[1] > losses[0]


def test_residual_weight_1_over_source_is_the_inverse_mean_square():
    fitted = problem()
    weight = residual_weight(fitted.equation, "1/source")
    assert weight == pytest.approx(1 / (101 * np.pi**2 / 2) ** 2, rel=0.02)
    assert residual_weight(fitted.equation, 3.0) == 3.0
    with pytest.raises(BadValue, match="the equation has no source"):
        residual_weight(problem("heat1d", "b20").equation, "1/source")


def test_loss_includes_the_penalty_of_the_method():
    fitted, net = problem(), network("tsa-pinn")
    without = network("tsa-pinn", slope_weight=0.0)
    batch = fitted.example(0)
    for way in (fitted.loss, fitted.analytic_loss):
        more, less = (way(each, batch, torch.tensor(1.0)).item() for each in (net, without))
        assert more - less == pytest.approx(1 / (4 * np.e), rel=1e-4)


@pytest.mark.parametrize(("method", "params", "reason"), [
    ("relu", {}, "second derivative along each axis is zero"), ("finer", {"detach_scale": True}, "is not the true one"),
    ("relu-pe", {}, None), ("siren", {}, None), ("finer", {}, None), ("wire", {}, None), ("staf", {}, None),
    ("msa", {"s_min": 0.0, "s_max": 4.0}, None), ("msa-pinn", {}, None), ("gauss", {}, None),
    # too rough for finite differences: this does not show that its derivative is wrong
    ("msa-pinn", {"s_min": (1.0, 1.0, 1.0, 0.0), "s_max": (3.0, 3.0, 3.0, 0.8), "amplitude": False}, None),
])  # fmt: skip
def test_methods_with_wrong_second_derivatives_are_refused(method, params, reason):
    net = network(method, **params)
    if reason is None:
        problem().validate_network(net)
        return
    with pytest.raises(NotApplicable, match=reason):
        problem().validate_network(net)
    problem("advection1d", "b40-periodic").validate_network(net)


@pytest.mark.parametrize(("task", "signal", "changes", "text"), [
    ("heat1d", "b500", {"test_grid": "(101,50)"}, "the solution vanishes on the test grid"),
    ("heat1d", "b500", {"test_grid": "(100,50,20)"}, "test_grid must be 2 whole numbers"),
    ("heat1d", "b500", {"batch": "none"}, "needs a batch"),
])  # fmt: skip
def test_invalid_settings_are_refused(task, signal, changes, text):
    with pytest.raises(BadValue, match=text):
        problem(task, signal, **changes)


def test_batch_is_never_split(monkeypatch):
    monkeypatch.setattr("inrbench.fit.step.FAST_CHUNK_POINTS", {"cpu": 10})
    monkeypatch.setattr("inrbench.fit.step.REFERENCE_CHUNK_POINTS", 10)
    fitted = problem()
    batch = fitted.example(0)
    losses = []
    for step in (ReferenceStep(network("pinn"), fitted), FastStep(network("pinn"), fitted, "eager")):
        step.prepare()
        losses.append(step(batch, 1e-3).item())
    assert losses[0] == pytest.approx(losses[1], rel=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("method", ["pinn", "msa-pinn", "tsa-pinn", "ff-pinn", "finer", "siren", "wire"])
def test_compiled_and_eager_steps_give_the_same_losses(method):
    fitted = problem("poisson2d", "sin6cos20")
    steps = [FastStep(network(method, "poisson2d", "sin6cos20"), fitted, way) for way in ("eager", "compiled")]
    batch = fitted.example(0)
    for _ in range(3):
        a, b = (step(batch, 1e-3).item() for step in steps)
        assert a == pytest.approx(b, rel=1e-3)
    facts = steps[1].facts()
    assert (facts.compiled, facts.graphs) == (True, 1), facts.note


@pytest.mark.parametrize(("task", "signal"), [("heat1d", "b20"), ("advection1d", "b20-periodic"), ("helmholtz2d", "sin1sin4")])
def test_pictures_of_solutions_are_about_square(task, signal, tmp_path):
    """The test grid of the heat equation has 20 x 1000 points: as pixels, it would be a line."""
    made = problem(task, signal)
    made.evaluation.save_artifacts(lambda x: torch.zeros(len(x), 1), tmp_path)
    truth, fit = read_image(tmp_path / "truth.png"), read_image(tmp_path / "reconstruction.png")
    assert truth.shape == fit.shape
    assert 2 / 3 < truth.shape[0] / truth.shape[1] < 3 / 2
    rows, columns = np.unique(truth, axis=0), np.unique(truth, axis=1)
    assert min(len(rows), columns.shape[1]) > 15  # points are repeated, none is left out
