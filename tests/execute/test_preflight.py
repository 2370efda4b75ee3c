"""Faults of user-defined methods, and how the row of the run reports them."""

import re
import textwrap

import pytest
import torch
from torch import nn

from inrbench.errors import BrokenPlugin, NotApplicable
from inrbench.execute.worker import execute
from inrbench.fit import check_network
from inrbench.problems import Regression, benchmark_equation
from inrbench.store import attempt_files, load_results
from inrbench.store.read import read_files

HEAD = '''
"""Odd.  y = sin(z)"""
import torch
from torch import nn
from inrbench import CoordinateMLP, register_method
from inrbench.nn import Sine, siren_init

def mlp(net, activation=None):
    return CoordinateMLP(net, activation or (lambda i: Sine(30.0)), init=siren_init(30.0))

class Wrapped(nn.Module):
    def __init__(self, net):
        super().__init__()
        self.net = net
    def forward(self, x):
        {forward}

{more}

@register_method("odd")
def odd(net):
    {build}
'''


def outcome(tmp_path, tiny_jobs, settings, forward="return self.net(x)", build="return Wrapped(mlp(net))", more="", **fields):
    path = tmp_path / "odd.py"
    text = textwrap.dedent(HEAD).format(forward=forward, build=build, more=textwrap.dedent(more))
    path.write_text(text)
    (job,) = tiny_jobs(methods=str(path), **fields)
    done = execute(job, settings)
    table, _ = read_files(attempt_files(settings.results), ["notes", "status", "metrics"])
    return done, table.to_pylist()[-1]


@pytest.mark.parametrize(("parts", "message"), [
    ({"forward": "return self.net(x).squeeze(-1)"}, r"the network gives \(17,\) for \(17, 1\), not \(17, 1\)"),
    ({"forward": "return self.net(x), x"}, r"returns a tuple, not a tensor \(N, 1\); return the values alone"),
    ({"forward": "x.mul_(2).sub_(1); return self.net(x)"}, "changes its input in place"),
    ({"forward": "return self.net(x) > 0"}, "gives torch.bool; return real"),
    ({"build": "return mlp(net).requires_grad_(False)"}, "no parameter with requires_grad: there is nothing to train"),
    ({"build": "return nn.Sequential(nn.LazyLinear(net.width), nn.LazyLinear(net.out_features))"}, "layers without a size"),
])  # fmt: skip
def test_networks_that_cannot_be_fitted_are_refused_in_one_line(tmp_path, tiny_jobs, settings, parts, message):
    done, row = outcome(tmp_path, tiny_jobs, settings, **parts)
    assert done.status == "error"
    assert "\n" not in done.message

    assert re.search(message, done.message), done.message
    assert not row["metrics"]


def test_random_numbers_in_forward_are_noted(tmp_path, tiny_jobs, settings):
    done, row = outcome(tmp_path, tiny_jobs, settings, forward="return self.net(x) + 0.01 * torch.randn(len(x), 1)")
    assert done.status == "ok"
    assert any("its forward draws random numbers" in note for note in row["notes"])


def test_a_gradient_that_is_not_finite_is_reported_with_its_layer(tmp_path, tiny_jobs, settings):
    """SPDER as it is often written: sin(z) sqrt|z| has no finite derivative at 0, although the loss is finite there."""
    more = """
    class Root(nn.Module):
        def forward(self, z):
            return torch.sin(z) * z.abs().sqrt()
    """
    build = """network = mlp(net, lambda i: Root())
    nn.init.zeros_(network.hidden[0].bias)
    nn.init.zeros_(network.hidden[0].weight)
    return network"""
    done, _ = outcome(tmp_path, tiny_jobs, settings, build=build, more=more)
    assert done.status == "diverged"
    assert "the gradient of hidden.0.weight, hidden.0.bias was not finite at step 1 of 4, though the loss was" in done.message


def problem(n=40):
    x = 2 * torch.rand(n, 2) - 1
    return Regression(x, x.sum(1, keepdim=True), None, None)


def test_check_network_changes_no_weights_gradients_or_random_state():
    class Counts(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.line, self.norm = nn.Linear(2, 1), nn.BatchNorm1d(1)

        def forward(self, x):
            return self.norm(self.line(x)) + 0 * torch.rand(1)

    network, fitted = Counts(), problem()
    state, drawn = {k: v.clone() for k, v in network.state_dict().items()}, torch.get_rng_state()
    check_network(network, fitted)
    assert all(torch.equal(state[k], v) for k, v in network.state_dict().items())
    assert torch.equal(torch.get_rng_state(), drawn)
    assert all(p.grad is None for p in network.parameters())


def test_values_and_gradients_are_checked_at_zero_and_at_the_corners():
    class Root(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.line = nn.Linear(2, 1, bias=False)

        def forward(self, x):
            return self.line(x).abs().sqrt()

    class Pole(Root):
        def forward(self, x):
            return self.line(x) / (1 - x.prod(1, keepdim=True))

    assert any("its gradient at 0 is not finite, in line.weight" in note for note in check_network(Root(), problem()))
    corners = Regression(
        torch.tensor([[-1.0, -1.0], [1.0, 1.0]] * 20) * 0.5, torch.zeros(40, 1), None, None, ((-1, 1), (-1, 1))
    )
    assert any("its value at a corner of the domain is not finite" in note for note in check_network(Pole(), corners))


def test_a_network_without_parameters_is_refused():
    with pytest.raises(BrokenPlugin, match="has no parameters"):
        check_network(nn.Identity(), problem())


class Grid(nn.Module):
    """Bilinear between its values: every pure second derivative is zero, the mixed one is not."""

    def __init__(self) -> None:
        super().__init__()
        self.values = nn.Parameter(torch.randn(9, 9))

    def forward(self, x):
        place = (x.clamp(-1, 1) + 1) / 2 * 8
        cell = place.detach().floor().clamp(max=7)
        u, v = (place - cell).T
        i, j = cell.long().T
        g = self.values
        top, low = g[i, j] * (1 - v) + g[i, j + 1] * v, g[i + 1, j] * (1 - v) + g[i + 1, j + 1] * v
        return (top * (1 - u) + low * u)[:, None]


def test_a_bilinear_grid_is_skipped_on_second_order_equations():
    with pytest.raises(NotApplicable, match="second derivative along each axis is zero"):
        benchmark_equation("poisson", 64).validate_network(Grid())


def test_a_network_with_batch_norm_is_accepted(tmp_path, tiny_jobs, settings):
    build = "return mlp(net, lambda i: nn.Sequential(nn.BatchNorm1d(net.width), nn.ReLU()))"
    done, _ = outcome(tmp_path, tiny_jobs, settings, build=build)
    assert done.status == "ok"
    assert len(load_results(settings.results)) == 1
