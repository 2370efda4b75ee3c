"""Solve models that are linear in their parameters, by conjugate gradients on the normal equations in float64.

The loss of every problem that compares values is quadratic in these values, so for such a model its gradient is
``H theta - b``. Products with ``H`` are differences of gradients, so nothing else about the problem needs to be known.
"""

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from inrbench.nn import LinearModel
from inrbench.problems import Problem, equal_chunks, largest_chunk

TOLERANCE = 1e-9
"""Tolerance on the residual of the normal equations, relative to their right-hand side."""
POINTS_PER_CHUNK = 1 << 13
"""Points per chunk when gradients are computed."""


def conjugate_gradients(model: LinearModel, problem: Problem) -> Iterator[float]:
    """Bring a model, whose parameters start at zero, to its least-squares solution of minimum norm.

    Yields the loss after each iteration; at that time the model has the parameters of that iteration. Stops when the
    relative residual is below TOLERANCE, or after the number of iterations that the model allows.
    """
    parameters = [p for p in model.parameters() if p.requires_grad]
    solution = torch.zeros_like(nn.utils.parameters_to_vector(parameters))
    loss_at_zero, gradient = _gradient(model, parameters, problem, solution)
    right = -gradient
    residual, direction = right.clone(), right.clone()
    squared = first = float(residual.square().sum())
    for _ in range(model.max_iterations):
        if squared <= TOLERANCE**2 * first or not first:
            break
        product = _gradient(model, parameters, problem, direction)[1] + right
        curvature = float(direction @ product)
        if curvature <= 0:  # only rounding error is left
            break
        step = squared / curvature
        solution += step * direction
        residual -= step * product
        before, squared = squared, float(residual.square().sum())
        direction = residual + (squared / before) * direction
        nn.utils.vector_to_parameters(solution, parameters)
        # for a quadratic: f = f(0) - (b + r) theta / 2
        yield loss_at_zero - 0.5 * float((right + residual) @ solution)
    nn.utils.vector_to_parameters(solution, parameters)


def _gradient(model: nn.Module, parameters: list[nn.Parameter], problem: Problem, at: Tensor) -> tuple[float, Tensor]:
    """Return the loss over all points and its gradient, at a given parameter vector."""
    nn.utils.vector_to_parameters(at, parameters)
    model.zero_grad(set_to_none=True)
    total = 0.0
    weight = torch.full((), 1 / problem.n_points, device=at.device, dtype=at.dtype)
    for batch in problem.batches(torch.Generator().manual_seed(0)):
        for chunk in equal_chunks(batch, largest_chunk(problem, POINTS_PER_CHUNK)):
            share = problem.loss(model, chunk, weight)
            share.backward()
            total += float(share.detach())
    gradient = [torch.zeros_like(p) if p.grad is None else p.grad for p in parameters]
    model.zero_grad(set_to_none=True)
    return total, nn.utils.parameters_to_vector(gradient).detach().clone()
