"""Problems that can be fitted.

A problem defines its points, its loss and the evaluation of a fit. It does not depend on methods or optimisers.
"""

from inrbench.problems.audio import audio_problem, fitted_samples
from inrbench.problems.base import Batch, Evaluation, Loss, Predict, Problem
from inrbench.problems.chunks import equal_chunks, largest_chunk, point_weight
from inrbench.problems.equation import Condition, Equation
from inrbench.problems.evaluator import Evaluator
from inrbench.problems.function import function_problem
from inrbench.problems.grid import Grid, GridRegression
from inrbench.problems.image import image_problem
from inrbench.problems.outputs import Outputs
from inrbench.problems.pde import EquationProblem, benchmark_equation
from inrbench.problems.point_cloud import point_cloud_problem
from inrbench.problems.radiance import radiance_problem
from inrbench.problems.regression import Regression
from inrbench.problems.restoration import denoising_problem, inpainting_problem, super_resolution_problem
from inrbench.problems.shape import shape_problem
from inrbench.problems.tomography import tomography_problem
from inrbench.problems.video import video_problem
from inrbench.problems.volume import volume_problem

__all__ = [
    "Batch",
    "Condition",
    "Equation",
    "EquationProblem",
    "Evaluation",
    "Evaluator",
    "Grid",
    "GridRegression",
    "Loss",
    "Outputs",
    "Predict",
    "Problem",
    "Regression",
    "audio_problem",
    "benchmark_equation",
    "denoising_problem",
    "equal_chunks",
    "fitted_samples",
    "function_problem",
    "image_problem",
    "inpainting_problem",
    "largest_chunk",
    "point_cloud_problem",
    "point_weight",
    "radiance_problem",
    "shape_problem",
    "super_resolution_problem",
    "tomography_problem",
    "video_problem",
    "volume_problem",
]
