"""The Gaussian-process solver: kernels against finite differences, algebra against dense algebra, and solutions."""

import sys

import helpers
import numpy as np
import pytest
import torch

from inrbench.derivatives import DerivativeSpec
from inrbench.errors import BadValue, NotApplicable
from inrbench.fit import Predictor
from inrbench.nn import Solver
from inrbench.problems import image_problem
from inrbench.registry import Registry
from inrbench.spec import NetworkSpec

REGISTRY = Registry()
METHOD = REGISTRY.method("gp-hm-stm")
MODULE = sys.modules[METHOD.builder.__module__]
NET = NetworkSpec(in_features=2, out_features=1, width=1, n_layers=1)


def mixture() -> torch.nn.Module:
    torch.manual_seed(0)
    kernel = MODULE.WaveMixture(5, 3.0)
    with torch.no_grad():
        for parameter in kernel.parameters():
            parameter.add_(0.3 * torch.randn_like(parameter))
    return kernel


def solver(signal: str = "ablation", task: str = "poisson2d", **params: object) -> tuple[Solver, object]:
    chosen = REGISTRY.task(task)
    fitted = chosen.problem(signal, chosen.protocol("quick"), 0)
    made = METHOD(NET, **{**METHOD.params_for(task, "pde", signal), **params})
    fitted.validate_network(made)
    return made, fitted


def test_kernel_derivatives_agree_with_finite_differences():
    kernel, h = mixture(), 1e-4
    d = torch.tensor([-1.3, -0.4, -0.05, 0.05, 0.2, 0.9], dtype=torch.float64)
    k, k1, k2 = kernel(d)
    up, down = kernel(d + h)[0], kernel(d - h)[0]
    assert torch.allclose(k1, (up - down) / (2 * h), rtol=1e-5, atol=1e-6)
    assert torch.allclose(k2, (up - 2 * k + down) / h**2, rtol=1e-4, atol=1e-4)


def test_the_second_derivative_of_the_kernel_at_zero_is_exact():
    """Matern-5/2 contributes -a^2 / 3 and the wave -m^2; differentiating |d| would give the part of the wave only."""
    kernel = mixture()
    w, a, m = kernel.log_weight.exp(), 5**0.5 * kernel.log_rate.exp(), 2 * torch.pi * kernel.frequency
    _, slope, bend = kernel(torch.zeros(1, dtype=torch.float64))
    assert slope.item() == 0
    assert bend.item() == pytest.approx(-(w * (a.square() / 3 + m.square())).sum().item(), rel=1e-12)


def test_axis_matrices_equal_the_kernel_at_all_pairs():
    axis = MODULE.Axis(0.0, 2.0, 9, 5, 3.0)
    covariance, first, second = axis.matrices()
    d = axis.points[:, None] - axis.points[None, :]
    k, k1, k2 = axis.kernel(d)
    assert torch.allclose(covariance, k + 1e-6 * torch.eye(9, dtype=torch.float64), atol=1e-12)
    assert torch.allclose(first, k1, atol=1e-12) and torch.allclose(second, k2, atol=1e-12)
    assert torch.allclose(first, -first.T)


def test_solving_has_correct_gradients_and_log_determinant():
    torch.manual_seed(0)
    root = torch.randn(5, 5, dtype=torch.float64)
    right = torch.randn(5, 3, dtype=torch.float64, requires_grad=True)

    def of_a_symmetric_matrix(root: torch.Tensor, right: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return MODULE.solved(root @ root.T + torch.eye(5, dtype=torch.float64), right)

    assert torch.autograd.gradcheck(of_a_symmetric_matrix, (root.requires_grad_(), right))
    solution, volume = of_a_symmetric_matrix(root, right)
    matrix = root @ root.T + torch.eye(5, dtype=torch.float64)
    assert torch.allclose(solution, torch.linalg.solve(matrix, right))
    assert volume.item() == pytest.approx(torch.logdet(matrix).item())


def test_the_prior_equals_that_of_the_dense_gaussian():
    made, _ = solver(n=(8.0, 9.0), frequency=(2.0, 2.0), condition_weight=0.0)
    with torch.no_grad():
        made.U.copy_(torch.randn(8, 9, dtype=torch.float64, generator=torch.Generator().manual_seed(0)))
        made.log_precision[1] = -1e9  # no residual
    covariance = torch.kron(*[k for k, _, _ in (axis.matrices() for axis in made.axes)])
    u = made.U.reshape(-1)
    dense = -0.5 * torch.logdet(covariance) - 0.5 * u @ torch.linalg.solve(covariance, u)
    residual_terms = 0.5 * 72 * -1e9
    assert (made.log_posterior() - residual_terms).item() == pytest.approx(
        dense.item(), rel=1e-5, abs=1e-3 * abs(residual_terms) * 1e-6
    )


def test_the_solution_interpolates_its_grid_with_correct_derivatives():
    made, _ = solver(n=(24.0, 26.0), frequency=(3.0, 3.0))
    x, y = (axis.points for axis in made.axes)
    with torch.no_grad():
        made.U.copy_(torch.sin(2 * x)[:, None] * torch.cos(3 * y)[None, :])
    at = lambda a, b: 2 * torch.stack((a, b), dim=1) - 1  # noqa: E731 - the box is [0, 1]^2
    grid_pair = made(at(x.repeat_interleave(26), y.repeat(24)))
    assert (grid_pair[:, 0] - made.U.reshape(-1)).abs().max() < 1e-3, "up to the jitter"
    p, q = torch.rand(2, 40, generator=torch.Generator().manual_seed(0), dtype=torch.float64) * 0.8 + 0.1
    jet = made.jet(at(p, q), DerivativeSpec(scale=(2.0, 2.0), first=(0, 1), second=((0, 1),)))
    u = torch.sin(2 * p) * torch.cos(3 * q)
    assert (jet.value[:, 0] - u).abs().max() < 1e-3
    assert (jet.first[0][:, 0] - 2 * torch.cos(2 * p) * torch.cos(3 * q)).abs().max() < 0.05
    assert (jet.first[1][:, 0] + 3 * torch.sin(2 * p) * torch.sin(3 * q)).abs().max() < 0.05
    assert (jet.second[0][:, 0] + 13 * u).abs().max() < 2.0


def test_condition_errors_use_the_correct_sides():
    made, _ = solver("b40-periodic", "advection1d", n=(10.0, 12.0))
    with torch.no_grad():
        made.U.copy_(torch.arange(120, dtype=torch.float64).reshape(10, 12))
    errors = made.condition_errors()
    assert len(errors) == 12 + 10, "the ends in x, then the start in t"
    assert (errors[:12] == -108).all()
    start = np.sin(made.axes[0].points.numpy())
    assert np.allclose(errors[12:].detach().numpy(), np.arange(0, 120, 12) - start)


def test_the_posterior_mode_solves_the_equation():
    """For fixed kernels and precisions the posterior of a linear equation is Gaussian: its mode is found by one linear solve."""
    made, fitted = solver(n=(40.0, 40.0), frequency=(6.0, 6.0))
    with torch.no_grad():
        made.log_precision.copy_(torch.tensor([1e6, 1e2]).log())
    flat = lambda u: u.reshape(-1)  # noqa: E731

    def posterior(u: torch.Tensor) -> torch.Tensor:
        made.U.data.copy_(u.reshape(40, 40))
        return made.log_posterior()

    zero = torch.zeros(1600, dtype=torch.float64)
    posterior(zero).backward()
    gradient = flat(made.U.grad).clone()
    columns = []
    for unit in torch.eye(1600, dtype=torch.float64)[:: 1600 // 8]:  # the Hessian is checked on some of its columns
        made.U.grad = None
        posterior(unit).backward()
        columns.append(flat(made.U.grad) - gradient)
    (k1, _, b1), (k2, _, b2) = (axis.matrices() for axis in made.axes)
    k1, k2, one = torch.linalg.inv(k1), torch.linalg.inv(k2), torch.eye(40, dtype=torch.float64)
    laplace = torch.kron(b1 @ k1, one) + torch.kron(one, b2 @ k2)
    boundary = torch.zeros(40, 40, dtype=torch.float64)
    for side in (boundary[0], boundary[-1], boundary[:, 0], boundary[:, -1]):
        side.add_(1)  # corners count twice, as there are two conditions on them
    hessian = -(torch.kron(k1, k2) + 1e2 * laplace.T @ laplace + 200 * 1e6 * torch.diag(flat(boundary)))
    assert torch.allclose(torch.stack(columns, 1), hessian[:, :: 1600 // 8], rtol=1e-6, atol=1e-6 * hessian.abs().max().item())
    posterior(torch.linalg.solve(-hessian, gradient).detach())
    assert helpers.primary(fitted, ["relative-l2@test-grid"], Predictor(made, torch.device("cpu"))) < 1e-3


def test_steps_reduce_the_loss_and_give_finite_metrics():
    made, fitted = solver(n=(20.0, 20.0), frequency=(4.0, 4.0))
    losses = [made.step().item() for _ in range(200)]
    assert losses[-1] < losses[0]
    ids = ["relative-l2@test-grid", "residual-rms@held-out-4096", "relative-l2-oracle@best-checkpoint"]
    measured = helpers.values(fitted, ids, Predictor(made, torch.device("cpu")))
    assert all(value is not None and np.isfinite(value) for value in measured.values())


def test_invalid_parameters_and_unsupported_problems_are_refused(monkeypatch):
    for bad in ({"n": (4.0, 9.0)}, {"n": (10.5, 20.0)}, {"frequency": (1.0,)}):
        with pytest.raises(BadValue, match="n and frequency must be two numbers each"):
            METHOD(NET, **bad)
    with pytest.raises(BadValue, match=r"gp-hm-stm\[n=\(200000, 9\)\]: needs about .* GiB, .* are free; take a smaller n"):
        solver(n=(200_000.0, 9.0))
    photo = image_problem(np.zeros((16, 16, 3), dtype=np.float32), REGISTRY.task("photo").protocol("quick"))
    with pytest.raises(NotApplicable, match="solves equations and nothing else"):
        photo.validate_network(METHOD(NET))
