"""Probes: their readings are correct, and they do not change the run."""

import math

import pytest
import torch
from torch import nn

import inrbench.nn
from inrbench import CoordinateMLP, NetworkSpec
from inrbench.errors import UnknownName
from inrbench.fit import Clock, MemoryMeter, fit, probe_names, read_probes
from inrbench.fit.probes import PROBES, activations, gradients, ntk, spectrum
from inrbench.nn import activations_of
from inrbench.problems import Regression
from inrbench.registry import Registry
from inrbench.spec import Protocol

CPU = torch.device("cpu")
NET = NetworkSpec(in_features=2, out_features=1, width=7, n_layers=2)


class StubEvaluator:
    def primary(self, predict, remember=True) -> float:
        return 1.0

    def grid_pair(self, predict):
        truth = grid().sum(1).reshape(8, 8, 1).numpy()
        return truth, predict(grid()).numpy().reshape(8, 8, 1)


def grid():
    return torch.cartesian_prod(torch.linspace(0, 1, 8), torch.linspace(0, 1, 8))


def problem(n: int = 40) -> Regression:
    x = torch.rand(n, 2, generator=torch.Generator().manual_seed(0))
    return Regression(x, x.sum(1, keepdim=True), None, StubEvaluator())


def network() -> CoordinateMLP:
    torch.manual_seed(0)
    return CoordinateMLP(NET, lambda i: nn.Tanh())


def test_gradients_gives_the_mean_log_gradient_of_each_layer():
    net, fitted = network(), problem()
    loss = (net(fitted.coordinates) - fitted.values).square().mean()
    expected = torch.autograd.grad(loss, [layer.weight for layer in (*net.hidden, net.output)])
    read = gradients(net, fitted)
    assert list(read) == ["layer 1", "layer 2", "layer 3"]
    for value, gradient in zip(read.values(), expected, strict=True):
        assert value == pytest.approx(gradient.abs().log10().mean().item(), rel=1e-5)


def test_a_zero_gradient_is_reported_as_the_floor():
    net = network()
    with torch.no_grad():
        net.output.weight.zero_()
    assert gradients(net, problem())["layer 1"] == pytest.approx(-20)


def test_ntk_gives_the_shares_of_the_kernel_eigenvalues():
    net, fitted = network(), problem()
    rows = []
    for point in fitted.coordinates:
        slopes = torch.autograd.grad(net(point[None]).sum(), list(net.parameters()))
        rows.append(torch.cat([g.ravel() for g in slopes]))
    jacobian = torch.stack(rows).double()
    values = torch.linalg.eigvalsh(jacobian @ jacobian.T).flip(0)
    read = ntk(net, fitted)
    assert [read["r1"], read["r2"], read["r3"]] == pytest.approx((values[:3] / values.sum()).tolist(), rel=1e-4)
    assert sum(read.values()) == pytest.approx(1)


def test_ntk_of_a_linear_network_has_no_remainder():
    net = nn.Linear(2, 1)
    assert ntk(net, problem())["remain"] == pytest.approx(0, abs=1e-5)


def test_spectrum_adds_up_to_the_mean_squares():
    net = network()
    read = spectrum(net, problem())
    with torch.no_grad():
        error = net(grid()) - grid().sum(1, keepdim=True)
    parts = {what: sum(v for name, v in read.items() if name.startswith(what)) for what in ("error", "truth")}
    assert parts["error"] == pytest.approx(error.square().mean().item(), rel=1e-5)
    assert parts["truth"] == pytest.approx(grid().sum(1).square().mean().item(), rel=1e-5)
    assert read["truth 0-1"] > 0.9 * parts["truth"]  # a ramp


def test_a_probe_without_readings_reports_zero_things_read():
    readings = read_probes(("activations",), nn.Linear(2, 1), problem(), 3)
    assert [(r.probe, r.step, r.name, r.value) for r in readings] == [("activations", 3, "things read", 0.0)]


def test_dead_units_are_counted():
    net = CoordinateMLP(NET, lambda i: nn.ReLU())
    with torch.no_grad():
        net.hidden[0].bias[:3] = -100.0
    read = activations(net, problem())
    assert read["dead layer 1"] >= 3 / 7
    assert read["std layer 1"] > 0
    assert activations(nn.Linear(2, 1), problem()) == {}


def test_only_modules_are_observed_as_activations():
    net = CoordinateMLP(NET, lambda i: nn.ReLU())
    assert activations_of(net) == list(net.activations)
    odd = nn.Linear(2, 1)
    for found in ("sine", [1.0], None):
        odd.activations = found
        assert activations_of(odd) == []


def test_protocols_of_networks_have_methods_only():
    """Since Python 3.12, ``isinstance`` does not see what a network stores as a submodule, a parameter or a buffer."""
    protocols = [each for each in vars(inrbench.nn).values() if getattr(each, "_is_runtime_protocol", False)]
    assert protocols
    assert not [each.__name__ for each in protocols if each.__annotations__]


@pytest.mark.parametrize("name", sorted(set(Registry().methods) - {"gp-hm-stm"}))
def test_every_method_can_be_probed_and_is_not_changed(name):
    torch.manual_seed(0)
    net = Registry().method(name)(NET)
    before = {key: value.clone() for key, value in net.state_dict().items()}
    state = torch.get_rng_state()
    readings = read_probes(tuple(PROBES), net, problem(), 7)
    assert {r.probe for r in readings} >= {"gradients", "ntk"}
    assert all(math.isfinite(r.value) and r.step == 7 for r in readings)
    assert all(torch.equal(before[key], value) for key, value in net.state_dict().items())
    assert torch.equal(state, torch.get_rng_state())
    assert all(p.grad is None for p in net.parameters())


def test_a_probed_run_ends_with_the_same_weights():
    protocol = Protocol(name="t", width=7, n_layers=2, epochs=12, lr=1e-2, lr_min=1e-3, metrics=("m",))
    ends = []
    for probes in ((), tuple(PROBES)):
        net, fitted = network(), problem()
        done = fit(
            net,
            fitted,
            protocol,
            evaluator=fitted.evaluation,
            device=CPU,
            data_seed=0,
            clock=Clock(CPU),
            meter=MemoryMeter(CPU),
            probes=probes,
        )
        ends.append(torch.cat([p.detach().ravel() for p in net.parameters()]))
        steps = sorted({r.step for r in done.probes})
        assert steps == ([0, *[point.step for point in done.curve]] if probes else [])
    assert torch.equal(*ends)


def test_an_unknown_probe_is_refused_with_a_suggestion():
    assert probe_names("ntk, gradients,ntk") == ("ntk", "gradients")
    with pytest.raises(UnknownName, match="unknown probe 'gradient', did you mean 'gradients'"):
        probe_names("gradient")
