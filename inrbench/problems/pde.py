"""Partial differential equations with known solutions. The equation and its conditions are fitted, not values."""

import copy
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from inrbench.data import write_image
from inrbench.derivatives import DerivativeSpec, Jet, analytic_jet, backward_jet, has_analytic_jet
from inrbench.errors import BadValue, NotApplicable
from inrbench.metrics.field import RELATIVE_L2, relative_l2
from inrbench.nn import LinearModel, is_solver
from inrbench.problems.base import Batch, Loss, Predict, PredictWithJet, with_penalty
from inrbench.problems.drawn import DrawnProblem
from inrbench.problems.equation import Array, Condition, Equation
from inrbench.problems.outputs import Function, Outputs
from inrbench.settings import EquationSettings
from inrbench.spec import Protocol

HELD_OUT = 4096
SOURCE_POINTS = 100_000
HELD_OUT_SEED = 20_231_107
ADMISSION_POINTS = 16
ADMISSION_STEPS = (1e-3, 1e-4, 1e-5, 1e-6)
"""Steps of finite differences. At least one suits the network's highest frequency, unless that is too high for all."""
ADMISSION_TOLERANCE = 0.05
NO_CURVATURE = 1e-9
"""Ratio of the second to the first derivative below which the second derivative is only rounding error."""


class EquationProblem(DrawnProblem):
    """Fit an equation and its conditions at random points, drawn anew for every step.

    The loss is the weighted mean squared residual plus the weighted mean squared errors of the conditions. The protocol's
    ``batch`` is the number of interior points, and ``residual_weight`` is the weight of the mean squared residual.
    """

    indivisible_batch = True
    evaluation: "EquationEvaluation"

    def __init__(self, equation: Equation, protocol: Protocol) -> None:
        settings = protocol.settings_as(EquationSettings)
        super().__init__(protocol, "of an equation needs a batch: the number of interior points per step")
        self.equation = equation
        self.in_features, self.out_features = len(equation.box), 1
        self.evaluation = EquationEvaluation(equation, settings.test_grid)
        self._on_sides = settings.condition_points
        self._residual_weight = residual_weight(equation, settings.residual_weight)

    def error_share(self, network: nn.Module, predict: Predict) -> float | None:
        """Return the relative l2 error of the solution. It is 1 for a prediction of zero."""
        return relative_l2(self.evaluation.outputs(predict)["prediction"], self.evaluation.truth)

    def validate_network(self, network: nn.Module) -> None:
        """Check that a network can solve the equation, and set it up if it is a solver.

        Raises NotApplicable for a linear model and, if the equation has second derivatives, for a network whose second
        derivative is zero or wrong.
        """
        if isinstance(network, LinearModel):
            raise NotApplicable("the method fits values by least squares; it cannot solve equations")
        if is_solver(network):
            network.begin(self.equation)
        elif self.equation.second:
            _refuse_wrong_curvature(network, self.in_features)

    def batches(self, generator: torch.Generator) -> Iterator[Batch]:
        """Yield (interior points, source, then points and values of each condition) for the single step of an epoch.

        The points of a periodic condition are pairs: the first half is on one side, the second half on the other.
        """
        unit = torch.rand(sum(self._counts()), self.in_features, generator=generator, dtype=torch.float64)
        draws = iter(unit.split(self._counts()))
        inside = self.equation.from_unit(next(draws).numpy())
        tensors = [self.equation.to_network(inside), _column(self.equation.source(inside))]
        for condition, drawn in zip(self.equation.conditions, draws, strict=True):
            x = self.equation.from_unit(_on_sides(drawn.numpy(), condition))
            tensors += [self.equation.to_network(x), _column(self.equation.exact(x))]
        yield self._moved(tensors)

    def example(self, points: int) -> Batch:
        """Return a batch that no run uses. It cannot be split."""
        return next(self.batches(torch.Generator().manual_seed(0)))

    def loss(self, network: nn.Module, chunk: Batch, weight: Tensor) -> Tensor:
        """Return the loss. Derivatives are computed by reverse mode, applied twice.

        Args:
            network: Network that is fitted.
            chunk: A whole batch.
            weight: Not used.
        """
        inside, source, *conditions = chunk
        jet = backward_jet(network, inside, self.equation.wanted)
        return with_penalty(self._total(jet, source, network(torch.cat(conditions[::2])), conditions), network)

    def fast_loss(self, network: nn.Module) -> Loss:
        """Return ``analytic_loss`` for a network that supports it, otherwise ``loss``."""
        return self.analytic_loss if has_analytic_jet(network) else self.loss

    def analytic_loss(self, network: nn.Module, chunk: Batch, weight: Tensor) -> Tensor:
        """Return the loss. Derivatives are computed analytically, layer by layer.

        Args:
            network: Network that is fitted.
            chunk: A whole batch.
            weight: Not used.
        """
        inside, source, *conditions = chunk
        jet, on_sides = analytic_jet(network, inside, self.equation.wanted, torch.cat(conditions[::2]))
        assert on_sides is not None
        return with_penalty(self._total(jet, source, on_sides, conditions), network)

    def _total(self, jet: Jet, source: Tensor, on_sides: Tensor, conditions: list[Tensor]) -> Tensor:
        total = self._residual_weight * (self.equation.residual(jet) - source).square().mean()
        parts = on_sides.split([len(x) for x in conditions[::2]])
        for condition, values, wanted in zip(self.equation.conditions, parts, conditions[1::2], strict=True):
            if condition.periodic:
                here, there = values.chunk(2)
                error = here - there
            else:
                error = values - wanted
            total = total + condition.weight * error.square().mean()
        return total

    def _counts(self) -> list[int]:
        return [self.batch, *[self._on_sides * len(condition.sides) for condition in self.equation.conditions]]


def poisson() -> Equation:
    """Return u_xx + u_yy = -2 pi^2 u in a square, with u known on its sides."""

    def u(x: Array) -> Array:
        return np.asarray(np.sin(np.pi * x[:, 0]) * np.sin(np.pi * x[:, 1]))

    return Equation(
        box=((-1, 1), (-1, 1)),
        residual=lambda jet: jet.second[0],
        source=lambda x: -2 * np.pi**2 * u(x),
        exact=u,
        conditions=(Condition.around(1.0),),
        second=((0, 1),),
    )


def advection() -> Equation:
    """Return u_y + u_x = 0 in a square, with u known on its sides."""
    return Equation(
        box=((-1, 1), (-1, 1)),
        residual=lambda jet: jet.first[0] + jet.first[1],
        source=lambda x: np.zeros(len(x)),
        exact=lambda x: np.sin(np.pi * (x[:, 0] - x[:, 1])),
        conditions=(Condition.around(1.0),),
        first=(0, 1),
    )


EQUATIONS = {"poisson": poisson, "advection": advection}
"""An equation of second order and one of first order, for timing the steps."""


def benchmark_equation(name: str, points: int) -> EquationProblem:
    """Return one of EQUATIONS as a problem, with ``points`` interior points and an eighth as many on the sides."""
    settings = EquationSettings(
        test_grid=(20, 20), condition_points=max(1, points // 32), condition_weight=1.0, residual_weight=1.0
    )
    return EquationProblem(
        EQUATIONS[name](),
        Protocol(
            name="profile",
            width=1,
            n_layers=1,
            epochs=1,
            batch=points,
            lr=1e-3,
            lr_min=1e-3,
            metrics=(RELATIVE_L2.id,),
            settings=settings,
        ),
    )


class EquationEvaluation:
    """Evaluation by relative l2 on a fixed grid, and by the residual at points that are not used in training."""

    def __init__(self, equation: Equation, test_grid: Sequence[int]) -> None:
        if len(test_grid) != len(equation.box) or min(test_grid) < 2:
            raise BadValue(f"test_grid must be {len(equation.box)} whole numbers of at least 2, got {tuple(test_grid)}")
        self.shape = tuple(test_grid)
        axes = [np.linspace(low, high, n) for (low, high), n in zip(equation.box, self.shape, strict=True)]
        self.grid = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, len(axes))
        self.truth = equation.exact(self.grid)
        largest = np.abs(equation.exact(equation.from_unit(np.random.default_rng(0).random((1000, len(axes)))))).max()
        if np.sqrt(np.mean(self.truth**2)) < 1e-6 * largest:
            raise BadValue(f"the solution vanishes on the test grid {self.shape}: choose another one with --set test_grid=...")
        self.equation = equation

    def outputs(self, predict: Predict) -> Outputs:
        """Return the solution on the test grid, ``(N,)``, and its residual at held-out points."""
        functions: dict[str, Function] = {"prediction": lambda _: self._solution(predict), "truth": lambda _: self.truth}
        if not isinstance(predict, PredictWithJet):
            return Outputs(functions, {"residual_rms": "the method gives no derivatives"})
        jet_at = predict.jet
        return Outputs({**functions, "residual_rms": lambda _: self._held_out_residual(jet_at)})

    def _solution(self, predict: Predict) -> Array:
        solution: Array = predict(self.equation.to_network(self.grid)).numpy()[:, 0]
        return solution

    def grid_pair(self, predict: Predict) -> tuple[Array, NDArray[np.float32]]:
        """Return truth and prediction on the test grid."""
        prediction: NDArray[np.float32] = predict(self.equation.to_network(self.grid)).numpy()
        return self.truth.reshape(*self.shape, 1), prediction.reshape(*self.shape, 1)

    scaled_suffix = ".npz"

    def save_artifacts(self, predict: Predict, folder: Path) -> None:
        """Write ``fields.npz`` with truth and prediction on the test grid and, in two dimensions, grayscale images of both.

        Both images use the value range of the truth. Points of a grid that is much finer in one direction are drawn as bars.
        """
        truth, prediction = self.grid_pair(predict)
        np.savez_compressed(folder / "fields.npz", truth=truth[..., 0], prediction=prediction[..., 0])
        if truth.ndim == 3:
            low, high = truth.min(), truth.max()
            for name, field in (("truth", truth), ("reconstruction", prediction)):
                write_image(folder / f"{name}.png", _about_square((field - low) / (high - low)))

    def save_scaled(self, predict: Predict, scale: int, path: Path) -> None:
        """Write truth and prediction with ``scale`` points per point of the test grid along each axis.

        Args:
            predict: Function from coordinates to values.
            scale: Factor of the number of points along each axis.
            path: File to write, ``.npz``.
        """
        finer = EquationEvaluation(self.equation, [scale * n for n in self.shape])
        truth, prediction = (field[..., 0] for field in finer.grid_pair(predict))
        np.savez_compressed(path, truth=truth, prediction=prediction)

    def _held_out_residual(self, jet_at: Callable[[Tensor, DerivativeSpec], Jet]) -> float:
        x = self.equation.from_unit(np.random.default_rng(HELD_OUT_SEED).random((HELD_OUT, self.grid.shape[1])))
        jet = jet_at(self.equation.to_network(x), self.equation.wanted)
        return float((self.equation.residual(jet) - _column(self.equation.source(x))).double().square().mean().sqrt())


def residual_weight(equation: Equation, setting: float | str) -> float:
    """Return the weight of the residual's mean square.

    ``setting`` is that number, or ``1/source``, one over the mean square of the source.
    """
    if setting != "1/source":
        return float(setting)
    x = equation.from_unit(np.random.default_rng(0).random((SOURCE_POINTS, len(equation.box))))
    mean_square = float(np.square(equation.source(x)).mean())
    if not mean_square:
        raise BadValue("residual_weight '1/source': the equation has no source")
    return 1 / mean_square


def _on_sides(unit: Array, condition: Condition) -> Array:
    """Move random points of the unit box to the condition's sides, equally many each; periodic pairs differ only in side."""
    parts = np.split(unit, len(condition.sides))
    if condition.periodic:
        parts = [parts[0].copy() for _ in parts]
    for part, (axis, end) in zip(parts, condition.sides, strict=True):
        part[:, axis] = 0.0 if end == "low" else 1.0
    return np.concatenate(parts)


def _column(values: Array) -> Tensor:
    return torch.from_numpy(values)[:, None]


def _refuse_wrong_curvature(network: nn.Module, in_features: int) -> None:
    """Raise NotApplicable if the second derivative along each axis is zero or disagrees with finite differences, in float64.

    A grid with linear interpolation has a zero second derivative along every axis, although its mixed derivatives are not zero.
    """
    exact = copy.deepcopy(network).cpu().double()
    x = 1.6 * torch.rand(ADMISSION_POINTS, in_features, generator=torch.Generator().manual_seed(0), dtype=torch.float64) - 0.8
    axes = tuple(range(in_features))
    wanted = DerivativeSpec((1.0,) * in_features, first=axes, second=tuple((axis,) for axis in axes))
    jet = backward_jet(exact, x, wanted)
    curvatures, slopes = (torch.cat(parts, dim=1).detach() for parts in (jet.second, jet.first))
    if float(curvatures.abs().max()) <= NO_CURVATURE * float(slopes.abs().max()):
        raise NotApplicable("the method's second derivative along each axis is zero: it cannot solve a second-order equation")
    seen = []
    with torch.no_grad():
        for size in ADMISSION_STEPS:
            steps = size * torch.eye(in_features, dtype=torch.float64)
            seen.append(torch.cat([(exact(x + step) - 2 * exact(x) + exact(x - step)) / size**2 for step in steps], dim=1))

    def apart(a: Tensor, b: Tensor) -> float:
        return float((a - b).norm() / b.norm())

    # if no two finite differences agree, they prove nothing: the network varies faster than the steps can resolve
    agreed = any(apart(a, b) < ADMISSION_TOLERANCE for a, b in pairwise(seen))
    if agreed and not min(apart(curvatures, differences) for differences in seen) < ADMISSION_TOLERANCE:
        raise NotApplicable("the method's second derivative is not the true one: it disagrees with finite differences")


def _about_square(field: Array) -> Array:
    """Repeat the rows or the columns of a picture ``(H, W, C)`` so that its sides differ by less than a factor of 1.5."""
    rows, columns = field.shape[:2]
    return field.repeat(max(1, round(columns / rows)), axis=0).repeat(max(1, round(rows / columns)), axis=1)
