import helpers
import numpy as np
import pytest
import torch

from inrbench.data import read_image, video_shape
from inrbench.errors import BadValue
from inrbench.metrics.video import (
    CAP,
    PSNR_8BIT,
    PSNR_8BIT_STD,
    PSNR_FLOAT,
    PSNR_FLOAT_STD,
    PSNR_HELDOUT,
    SSIM_FRAMES,
    SSIM_FRAMES_STD,
    psnr_8bit,
    psnr_float,
)
from inrbench.problems import video_problem
from inrbench.settings import VideoSettings
from inrbench.spec import Protocol

METRICS = (
    PSNR_8BIT.id,
    PSNR_8BIT_STD.id,
    PSNR_FLOAT.id,
    PSNR_FLOAT_STD.id,
    SSIM_FRAMES.id,
    SSIM_FRAMES_STD.id,
    PSNR_HELDOUT.id,
)
FRAMES = np.random.default_rng(0).integers(0, 256, (7, 10, 12, 3), dtype=np.uint8)


def protocol(**settings: object) -> Protocol:
    return Protocol(name="t", width=4, n_layers=1, epochs=1, lr=1e-3, lr_min=1e-3, metrics=METRICS, batch=50,
                    settings=VideoSettings(**{"coordinate_range": (0.0, 1.0), "fit": "all", "frames": 7, "max_pixels": None, **settings}))  # fmt: skip


def oracle(frames: np.ndarray, offset: float = 0.0):
    """Return a prediction that looks up coordinates in [0, 1] in frames and adds ``offset``."""
    sizes = torch.tensor(frames.shape[:3]) - 1

    def predict(x: torch.Tensor) -> torch.Tensor:
        t, row, column = (x * sizes).round().long().T
        return torch.from_numpy(frames)[t, row, column].float() / 255 + offset

    return predict


def measured(problem, predict) -> dict[str, float | None]:
    return {
        name.partition("@")[0] + name.partition("@")[2][:12]: value
        for name, value in helpers.values(problem, METRICS, predict).items()
    }


def test_points_are_time_row_column_and_values_are_colours():
    problem = video_problem(FRAMES, protocol())
    assert (problem.n_points, problem.in_features, problem.out_features) == (840, 3, 3)
    x, y = next(problem.batches(torch.Generator().manual_seed(0)))
    assert torch.allclose(oracle(FRAMES)(x), y)


def test_perfect_reconstruction_has_capped_psnr_and_zero_deviation():
    values = measured(video_problem(FRAMES, protocol()), oracle(FRAMES))
    assert values["psnrframes-float"] == values["psnrframes-8bit-"] == CAP
    assert values["psnr-stdframes-float"] == 0
    assert values["ssimframes-unifo"] == pytest.approx(1)
    assert values["psnr-heldoutodd-frames-f"] is None


def test_psnr_8bit_truncates_to_whole_levels():
    frame = FRAMES[0] / 255
    assert psnr_8bit(frame + 0.9 / 255, FRAMES[0]) == pytest.approx(CAP), "the truncated fraction has no effect"
    assert psnr_8bit((FRAMES[0].clip(1) - 0.1) / 255, FRAMES[0].clip(1)) == pytest.approx(20 * np.log10(255)), "one level off"
    assert psnr_float((FRAMES[0].clip(1) - 0.1) / 255, FRAMES[0].clip(1)) == pytest.approx(20 * np.log10(2550))


def test_metrics_are_mean_and_population_deviation_over_frames():
    noisy = FRAMES.copy()
    noisy[::2] = 255 - noisy[::2]
    problem = video_problem(FRAMES, protocol())
    each = [psnr_float(noisy[t] / 255, FRAMES[t]) for t in range(7)]
    values = measured(problem, oracle(noisy))
    assert values["psnrframes-float"] == pytest.approx(np.mean(each), abs=1e-3)
    assert values["psnr-stdframes-float"] == pytest.approx(np.std(each), abs=1e-3)
    assert helpers.primary(problem, METRICS, oracle(noisy)) == values["psnrframes-8bit-"]


def test_odd_frames_are_held_out_and_evaluated_at_their_own_time():
    problem = video_problem(FRAMES, protocol(fit="even"))
    assert problem.n_points == 4 * 120
    x, y = (torch.cat(parts) for parts in zip(*problem.batches(torch.Generator().manual_seed(0)), strict=True))
    assert torch.allclose(oracle(FRAMES)(x), y), "even frames keep their time in the whole clip"
    wrong_between = FRAMES.copy()
    wrong_between[1::2] = 255 - wrong_between[1::2]
    values = measured(problem, oracle(wrong_between))
    assert values["psnrframes-float"] > 60
    assert values["psnr-heldoutodd-frames-f"] == pytest.approx(
        np.mean([psnr_float(wrong_between[t] / 255, FRAMES[t]) for t in (1, 3, 5)]), abs=1e-3
    )


def test_last_odd_frame_without_a_successor_is_left_out():
    problem = video_problem(FRAMES[:6], protocol(fit="even"))
    x, y = (torch.cat(parts) for parts in zip(*problem.batches(torch.Generator().manual_seed(0)), strict=True))
    assert torch.allclose(oracle(FRAMES[:6])(x), y)
    assert list(problem.evaluation.heldout()) == [1, 3]


def test_artifacts_are_a_side_by_side_clip_and_the_worst_frame(tmp_path):
    bad = FRAMES.copy()
    bad[3] = 0
    problem = video_problem(FRAMES, protocol())
    problem.evaluation.save_artifacts(oracle(bad), tmp_path)
    assert video_shape(tmp_path / "reconstruction.mp4") == (10, 24)
    assert np.array_equal((read_image(tmp_path / "truth.png") * 255).round(), FRAMES[len(FRAMES) // 2])
    problem.evaluation.save_scaled(oracle(FRAMES), 1, tmp_path / "fine.mp4")
    assert video_shape(tmp_path / "fine.mp4") == (10, 12)
    worst = read_image(tmp_path / "worst-frame.png") * 255
    assert np.array_equal(worst.round(), np.concatenate((FRAMES[3], bad[3]), axis=1))


@pytest.mark.parametrize(("frames", "settings", "text"), [
    (FRAMES, {"fit": "some"}, "fit must be one of all, even"), (FRAMES[:2], {}, "2 frame"), (FRAMES[:, :6], {}, "too small"),
])  # fmt: skip
def test_invalid_settings_and_too_small_videos_are_refused(frames, settings, text):
    with pytest.raises(BadValue, match=text):
        video_problem(frames, protocol(**settings))
