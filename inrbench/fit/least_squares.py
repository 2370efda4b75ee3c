"""Models that are linear in their parameters: solved by conjugate gradients on the normal equations, in float64.

The loss of every problem that compares values is quadratic in them, so for such a model its gradient is ``H theta - b``:
products with ``H`` are differences of gradients, and nothing needs to be known of the problem.
"""

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from inrbench.nn import LinearModel
from inrbench.problems import Problem, equal_chunks, largest_chunk

TOLERANCE = 1e-9
"""Of the residual of the normal equations, relative to their right-hand side."""
MAX_ITERATIONS = 500
AT_ONCE = 1 << 13
"""Points whose gradients are computed at once."""


def conjugate_gradients(model: LinearModel, problem: Problem) -> Iterator[float]:
    """Bring a model, whose parameters are zero at first, to the least-squares solution of least norm.

    Yields the loss after each iteration; the model holds that iteration's parameters then. Ends when the residual is below
    TOLERANCE, or after MOST_ITERATIONS.
    """
    parameters = [p for p in model.parameters() if p.requires_grad]
    solution = torch.zeros_like(nn.utils.parameters_to_vector(parameters))
    loss_at_zero, gradient = _gradient(model, parameters, problem, solution)
    right = -gradient
    residual, direction = right.clone(), right.clone()
    squared = first = float(residual.square().sum())
    for _ in range(MAX_ITERATIONS):
        if squared <= TOLERANCE**2 * first or not first:
            break
        product = _gradient(model, parameters, problem, direction)[1] + right
        curvature = float(direction @ product)
        if curvature <= 0:  # what is left is rounding
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
    """Return the loss over all points and its gradient at a vector of parameters."""
    nn.utils.vector_to_parameters(at, parameters)
    model.zero_grad(set_to_none=True)
    total = 0.0
    weight = torch.full((), 1 / problem.n_points, device=at.device, dtype=at.dtype)
    for batch in problem.batches(torch.Generator().manual_seed(0)):
        for chunk in equal_chunks(batch, largest_chunk(problem, AT_ONCE)):
            share = problem.loss(model, chunk, weight)
            share.backward()
            total += float(share.detach())
    gradient = [torch.zeros_like(p) if p.grad is None else p.grad for p in parameters]
    model.zero_grad(set_to_none=True)
    return total, nn.utils.parameters_to_vector(gradient).detach().clone()
