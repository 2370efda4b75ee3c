"""What can be fitted. A problem knows its points, its loss and how a fit is judged; it knows no method and no optimiser."""

from inrbench.problems.base import Batch, Evaluation, Predict, Problem
from inrbench.problems.function import function_problem
from inrbench.problems.image import image_problem
from inrbench.problems.regression import Regression

__all__ = ["Batch", "Evaluation", "Predict", "Problem", "Regression", "function_problem", "image_problem"]
