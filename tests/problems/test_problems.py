import helpers
import numpy as np
import pytest
import torch
from torch import nn

from inrbench.errors import BadValue
from inrbench.metrics.image import psnr
from inrbench.problems import Regression, function_problem, image_problem
from inrbench.problems.image import pixel_coordinates
from inrbench.settings import ImageSettings
from inrbench.spec import Protocol


class NoScores:
    def primary(self, predict, remember=True):
        return 0.0

    def measure(self, predict):
        return []


def image_protocol(**settings: object) -> Protocol:
    names = ("psnr@clip-float", "ssim@skimage-uniform-w7", "lpips@alex-v0.1", "psnr-offgrid@2x-area", "mse@train")
    return Protocol(name="t", width=4, n_layers=1, epochs=1, lr=1e-3, lr_min=1e-3, metrics=names,
                    settings=ImageSettings(**{"coordinate_range": (0.0, 1.0), "max_pixels": None, **settings}))  # fmt: skip


def function_protocol(*names: str, **fields: object) -> Protocol:
    return Protocol(name="t", width=4, n_layers=1, epochs=1, lr=1e-3, lr_min=1e-3, metrics=names, **fields)


def test_each_epoch_is_a_new_shuffle_with_every_point_once():
    problem = Regression(torch.arange(10.0)[:, None], torch.arange(10.0)[:, None] * 2, 4, NoScores())
    generator = torch.Generator().manual_seed(0)
    epochs = [list(problem.batches(generator)) for _ in range(2)]
    assert [len(x) for x, _ in epochs[0]] == [4, 4, 2]
    assert problem.steps_per_epoch == 3
    orders = [torch.cat([x for x, _ in epoch]).ravel() for epoch in epochs]
    assert all(torch.equal(order.sort().values, torch.arange(10.0)) for order in orders)
    assert not torch.equal(*orders)
    assert all(torch.equal(2 * x, y) for epoch in epochs for x, y in epoch)


@pytest.mark.parametrize("batch", [None, 10, 99])
def test_full_batch_keeps_the_order(batch):
    problem = Regression(torch.arange(10.0)[:, None], torch.arange(10.0)[:, None], batch, NoScores())
    ((x, _),) = problem.batches(torch.Generator())
    assert torch.equal(x, torch.arange(10.0)[:, None])


def test_loss_is_the_mean_squared_error_for_whole_and_chunked_batches():
    x, y = torch.rand(11, 2), torch.rand(11, 3)
    problem, network = Regression(x, y, None, NoScores()), nn.Linear(2, 3)
    whole = problem.loss(network, (x, y), torch.tensor(1 / 11))
    assert whole.item() == pytest.approx(nn.functional.mse_loss(network(x), y).item(), rel=1e-6)
    parts = sum(problem.loss(network, (x[i : i + 4], y[i : i + 4]), torch.tensor(1 / 11)) for i in range(0, 11, 4))
    assert parts.item() == pytest.approx(whole.item(), rel=1e-6)


def test_function_samples_depend_on_the_seed():
    problems = [function_problem(np.sin, 50, seed, function_protocol("mse@train")) for seed in (1, 1, 2)]
    assert torch.equal(problems[0].coordinates, problems[1].coordinates)
    assert not torch.equal(problems[0].coordinates, problems[2].coordinates)
    assert problems[0].coordinates.abs().max() <= 1
    assert torch.allclose(problems[0].values, torch.sin(problems[0].coordinates))


def test_dense_grid_finds_errors_between_training_points():
    """The prediction is right on the training points and wrong everywhere else."""
    names = ["mse@train", "mse@dense-20001", "median-se@dense-20001"]
    problem = function_problem(np.sin, 10, 0, function_protocol(*names))
    known = set(problem.coordinates.ravel().tolist())

    def predict(x: torch.Tensor) -> torch.Tensor:
        return torch.tensor([[np.sin(v) if v in known else np.sin(v) + 2] for v in x.ravel().tolist()])

    values = helpers.values(problem, names, predict)
    assert values["mse@train"] < 1e-12
    assert values["mse@dense-20001"] == pytest.approx(4, rel=1e-4)
    assert values["median-se@dense-20001"] == pytest.approx(4, rel=1e-4)
    assert helpers.primary(problem, names, predict) == values["mse@train"]


def test_outermost_pixel_centres_are_at_the_ends_of_the_range():
    grid = pixel_coordinates(np.arange(3), np.arange(5), (3, 5), -1.0, 1.0)
    assert grid.shape == (15, 2)
    assert grid[0].tolist() == [-1, -1]
    assert grid[1].tolist() == [-0.5, -1]  # x changes fastest
    assert grid[-1].tolist() == [1, 1]


def test_linear_image_is_exact_between_pixels():
    """The network is a + b x + c y; block means of a linear image are its values at the block centres."""
    rows, columns = np.mgrid[0:48, 0:64].astype(np.float32)
    image = (0.1 + 0.01 * rows + 0.005 * columns)[..., None].repeat(3, 2)
    problem = image_problem(image, image_protocol(max_pixels=200))
    assert problem.n_points <= 200
    fitted = problem.evaluation.fitted
    height, width = fitted.shape[:2]
    corner, right, down = (float(fitted[i, j, 0]) for i, j in ((0, 0), (0, -1), (-1, 0)))

    def predict(x: torch.Tensor) -> torch.Tensor:
        return (corner + (right - corner) * x[:, :1] + (down - corner) * x[:, 1:]).repeat(1, 3)

    assert psnr(problem.evaluation.render(predict), fitted) > 100
    assert helpers.primary(problem, ["psnr-offgrid@2x-area"], predict) > 100
    assert (height * 2, width * 2, 3) == problem.evaluation.offgrid.shape


def test_off_grid_psnr_is_low_for_memorised_pixels():
    image = np.random.default_rng(0).random((64, 64, 1), dtype=np.float32)
    problem = image_problem(image, image_protocol(max_pixels=300))
    values = problem.values

    def memorise(x: torch.Tensor) -> torch.Tensor:
        return values if len(x) == len(values) else torch.zeros(len(x), 1)

    measured = helpers.values(problem, ["psnr@clip-float", "psnr-offgrid@2x-area"], memorise)
    assert measured["psnr@clip-float"] == np.inf
    assert measured["psnr-offgrid@2x-area"] < 10


def test_metric_that_cannot_be_computed_has_a_note(no_data):
    problem = image_problem(np.zeros((16, 16, 3), np.float32), image_protocol())
    measured = helpers.measure(problem, image_protocol().metrics, lambda x: torch.zeros(len(x), 3))
    assert measured["psnr@clip-float"].value == np.inf
    assert measured["lpips@alex-v0.1"].value is None
    assert measured["lpips@alex-v0.1"].note == "data missing, run: inrbench data fetch lpips"
    assert "fits every pixel" in measured["psnr-offgrid@2x-area"].note


def test_too_small_image_is_refused():
    with pytest.raises(BadValue, match="6x20 pixels is too small"):
        image_problem(np.zeros((20, 6, 3), np.float32), image_protocol())


def test_function_problem_uses_the_batch_size_of_the_protocol():
    problem = function_problem(np.sin, 50, 0, function_protocol("mse@train", batch=20))
    assert [len(x) for x, _ in problem.batches(torch.Generator().manual_seed(0))] == [20, 20, 10]


def test_domain_is_the_range_of_the_coordinates():
    image = np.random.default_rng(0).random((16, 20, 3), dtype=np.float32)
    assert image_problem(image, image_protocol(coordinate_range=(-2.0, 1.0))).domain == ((-2.0, 1.0), (-2.0, 1.0))
    assert function_problem(np.sin, 5, 0, function_protocol("mse@train")).domain == ((-1.0, 1.0),)
    x = torch.tensor([[0.0, 3.0], [2.0, 3.0]])
    assert Regression(x, x, None, NoScores()).domain == ((0.0, 2.0), (2.5, 3.5)), "the bounding box, because no domain is given"


def test_targets_in_minus_one_to_one_are_evaluated_in_zero_to_one():
    image = np.random.default_rng(0).random((16, 20, 3), dtype=np.float32)
    usual, symmetric = (image_problem(image, image_protocol(value_range=r)) for r in ("[0, 1]", "[-1, 1]"))
    assert torch.allclose(symmetric.values, 2 * usual.values - 1)
    assert symmetric.values.min() < -0.9
    wrong = usual.values + 0.1
    scores = [
        helpers.primary(problem, ["psnr@clip-float"], lambda x, v=values: v)
        for problem, values in ((usual, wrong), (symmetric, 2 * wrong - 1))
    ]
    assert scores[0] == pytest.approx(scores[1], abs=1e-4)
    assert np.allclose(symmetric.evaluation.grid_pair(lambda x: symmetric.values)[1], image, atol=1e-6)


class Values(nn.Module):
    """A network that returns given values."""

    def __init__(self, values: torch.Tensor) -> None:
        super().__init__()
        self.values = values

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.values

    def penalty(self) -> torch.Tensor:
        return torch.tensor(99.0)


def test_error_share_is_relative_to_the_best_constant():
    x, y = torch.rand(64, 2), torch.rand(64, 3) + torch.tensor([0.0, 5.0, -3.0])
    problem = Regression(x, y, None, NoScores())
    assert problem.error_share(Values(y.mean(0).expand(64, 3)), None) == pytest.approx(1, rel=1e-4)
    assert problem.error_share(Values(y), None) == pytest.approx(0, abs=1e-9), "the penalty of a method does not count"
    half = y.mean(0) + (y - y.mean(0)) / 2
    assert problem.error_share(Values(half), None) == pytest.approx(0.25, rel=1e-4)
    assert problem.error_share(Values(torch.zeros(64, 3)), None) > 10
    flat = Regression(x, torch.full((64, 3), 0.25), None, NoScores())
    assert flat.error_share(Values(y), None) is None, "a constant signal has no error share"


def test_as_dtype_gives_float64_points_and_values():
    problem = function_problem(np.sin, 50, 0, function_protocol("mse@train", precision="float64"))
    problem.as_dtype(torch.float64)
    x, y = next(problem.batches(torch.Generator()))
    assert x.dtype == y.dtype == torch.float64
    assert (y - torch.sin(x)).abs().max() < 1e-15
