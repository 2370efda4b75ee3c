"""Radiance fields: rays, volume rendering, and the evaluation of views that were not fitted."""

import math

import numpy as np
import pytest
import torch
from torch import nn

from inrbench.data import Camera, Scene, View
from inrbench.errors import NotApplicable
from inrbench.fit import Predictor
from inrbench.problems.radiance import OUTPUTS, composited, radiance_problem, rays_of, sampled
from inrbench.registry import Registry
from inrbench.spec import NetworkSpec
from inrbench.tasks._scenes import SCENES, Solid, render, scene, solids_of

REGISTRY = Registry()
TASK = REGISTRY.task("radiance")


def camera(side: int = 33, distance: float = 3.0) -> Camera:
    """Return a camera on the z axis that looks down at the origin."""
    pose = np.eye(4)
    pose[2, 3] = distance
    return Camera(pose, focal=40.0, height=side, width=side)


def test_the_ray_of_the_middle_pixel_goes_through_the_origin_and_rows_go_down():
    origins, directions = camera().rays()
    middle = 33 * 16 + 16
    assert directions[middle] == pytest.approx([0, 0, -1])
    assert origins[middle] == pytest.approx([0, 0, 3])
    assert directions[0][0] < 0 < directions[0][1], "the first pixel is at the upper left"
    assert np.linalg.norm(directions, axis=1) == pytest.approx(np.ones(33 * 33))
    assert directions[33 * 16 + 17][0] / -directions[33 * 16 + 17][2] == pytest.approx(1 / 40)


def test_rays_enter_and_leave_the_ball_of_the_scene():
    blank = View(camera(), np.zeros((33, 33, 3), np.float32))
    rays, _ = rays_of(blank, radius=1.25)
    middle = rays[33 * 16 + 16]
    assert middle[6:].tolist() == pytest.approx([1.4, 3.4]), "at z = 1.25 and -1.25, in units of the radius"
    corner = rays[0]
    assert corner[6] == corner[7], "it misses the ball"


def test_a_uniform_fog_absorbs_exponentially():
    """Beer-Lambert: with constant density s over a length L, the white background keeps exp(-s L)."""
    rays = torch.tensor([[0.0, 0.0, 2.0, 0.0, 0.0, -1.0, 1.0, 3.0]], dtype=torch.float64)
    points, distances, step = sampled(rays, torch.full((1, 64), 0.5, dtype=torch.float64))
    assert points[0, :, 2].tolist() == pytest.approx((2 - distances[0]).tolist())
    outputs = torch.zeros(1, 64, OUTPUTS, dtype=torch.float64)
    outputs[..., 0] = 0.3  # density 10 softplus(0) = 10 ln 2
    outputs[..., 1] = -100.0  # the constant harmonic of red: black
    colours, share = composited(outputs, step, rays[:, 3:6])
    left = math.exp(-10 * math.log(2) * 2.0)
    assert share.sum().item() == pytest.approx(1 - left)
    assert colours[0, 0].item() == pytest.approx(left, abs=1e-4)
    assert colours[0, 1].item() == pytest.approx(left + 0.5 * (1 - left))


def test_colours_may_depend_on_the_viewing_direction():
    outputs = torch.zeros(2, 8, OUTPUTS)
    outputs[..., 0] = 5.0
    outputs[..., 1 + 3] = 2.0  # the harmonic of x, for red
    directions = torch.tensor([[1.0, 0.0, 0.0], [-1.0, 0.0, 0.0]])
    colours, _ = composited(outputs, torch.ones(2, 1), directions)
    assert colours[0, 0] > 0.9
    assert colours[1, 0] < 0.1
    assert colours[:, 1:].flatten().tolist() == pytest.approx([0.5] * 4, abs=1e-4)


class Ball(nn.Module):
    """An opaque red ball of radius 0.5, as a network would represent it."""

    def __init__(self) -> None:
        super().__init__()
        self.unused = nn.Parameter(torch.zeros(1))

    def forward(self, x):
        outputs = torch.zeros(len(x), OUTPUTS)
        outputs[:, 0] = torch.where(x.norm(dim=1) < 0.5, 60.0, -5.0)
        outputs[:, 1], outputs[:, 5], outputs[:, 9] = 50.0, -50.0, -50.0
        return outputs


def test_the_true_scene_has_a_high_psnr_and_a_small_depth_error():
    solid = Solid("ball", (0.0, 0.0, 0.0), (0.5, 0.5, 0.5), ((1.0, 0.0, 0.0), (1.0, 0.0, 0.0)), (1.0, 1.0, 1.0), 0.0)
    view = render([solid], camera(side=24))
    flat = View(view.camera, np.where(np.isfinite(view.depth)[..., None], np.float32([1, 0, 0]), np.float32(1)), view.depth)
    protocol = TASK.protocol("quick", {"samples": "400"})
    problem = radiance_problem(Scene((flat, flat), (flat,), 1.0), protocol)
    views = problem.evaluation.outputs(Predictor(Ball(), torch.device("cpu")))["test_views"]
    metrics = {metric.id: metric for metric in TASK.metrics_of(protocol)}
    assert metrics["psnr@test-views-clip-float"].compute(views) > 25
    assert metrics["depth-error@test-views"].compute(views) < 0.01


def test_solids_are_met_where_their_equations_say():
    rays = np.array([[0.0, 0.0, 3.0]] * 3), np.array([[0.0, 0.0, -1.0], [0.1, 0.0, -1.0], [0.0, 1.0, 0.0]])
    directions = rays[1] / np.linalg.norm(rays[1], axis=1, keepdims=True)
    for kind, size in (("ball", (0.5, 0.5, 0.5)), ("box", (0.4, 0.3, 0.5)), ("column", (0.4, 0.4, 0.5))):
        solid = Solid(kind, (0.0, 0.0, 0.0), size, ((1, 0, 0), (0, 1, 0)), (1, 1, 1), 0.0)
        distance, normals = solid.meet(rays[0], directions)
        assert distance[0] == pytest.approx(2.5)
        assert normals[0] == pytest.approx([0, 0, 1])
        assert math.isinf(distance[2])
        points = rays[0][:2] + distance[:2, None] * directions[:2]
        if kind == "ball":
            assert np.linalg.norm(points, axis=1) == pytest.approx([0.5, 0.5])
        assert np.linalg.norm(normals[:2], axis=1) == pytest.approx([1, 1])


@pytest.mark.parametrize("name", SCENES)
def test_scenes_lie_in_their_ball_and_have_known_depth(name):
    for solid in solids_of(*SCENES[name]):
        assert np.linalg.norm(solid.centre) + np.linalg.norm(solid.size) <= 1 + 1e-9
    views = scene(name, 16)
    assert (len(views.training), len(views.test)) == (24, 8)
    positions = {tuple(view.camera.pose[:3, 3].round(6)) for view in (*views.training, *views.test)}
    assert len(positions) == 32, "no test view is a training view"
    shown = np.mean([np.isfinite(view.depth).mean() for view in views.test])
    assert 0.05 < shown < 0.9


def test_samples_are_drawn_anew_and_the_order_depends_on_the_generator():
    problem = TASK.problem("few", TASK.protocol("quick", {"side": "8", "samples": "6", "batch": "200"}), 0)
    first = next(problem.batches(torch.Generator().manual_seed(0)))
    again = next(problem.batches(torch.Generator().manual_seed(0)))
    other = next(problem.batches(torch.Generator().manual_seed(1)))
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    assert not torch.equal(first[0], other[0])
    assert first[0].shape == (200, 6, 3)
    enters = first[1][:, 0] > 0
    assert 0 < enters.sum() < 200, "some rays miss the scene"
    assert first[0][enters].norm(dim=-1).max() <= 1 + 1e-5


def test_a_short_training_is_better_than_the_mean_colour(tiny_jobs, settings):
    from inrbench.execute.worker import execute

    changes = {"epochs": "80", "width": "24", "side": "16", "samples": "16", "batch": "256"}
    (job,) = tiny_jobs(tasks="radiance", signals="few", changes=changes)
    outcome = execute(job, settings)
    assert outcome.status == "ok"
    from inrbench.store import read_runs

    (row,) = read_runs(settings.results).table.to_pylist()
    assert row["error_share"] < 0.8


def test_methods_that_are_solved_are_refused():
    problem = TASK.problem("few", TASK.protocol("quick", {"side": "8", "samples": "4"}), 0)
    net = NetworkSpec(in_features=3, out_features=OUTPUTS, width=16, n_layers=2)
    with pytest.raises(NotApplicable, match="cannot be fitted to photographs"):
        problem.validate_network(REGISTRY.method("dct")(net))
