"""Inverse problems: image restoration, tomography and audio."""

import warnings

import helpers
import numpy as np
import pytest
import torch
from skimage.transform import radon
from torch import nn

from inrbench.data import Clip, area_mean, read_wav, write_wav
from inrbench.errors import BadValue
from inrbench.metrics.audio import snr
from inrbench.metrics.image import psnr
from inrbench.problems import (
    audio_problem,
    denoising_problem,
    fitted_samples,
    inpainting_problem,
    super_resolution_problem,
    tomography_problem,
)
from inrbench.problems.tomography import ParallelBeam, circle
from inrbench.settings import (
    AudioSettings,
    DenoiseSettings,
    InpaintingSettings,
    SuperResolutionSettings,
    TomographySettings,
)
from inrbench.spec import Protocol

IMAGE = np.random.default_rng(1).random((34, 29, 3)).astype(np.float32)
WEIGHT = torch.tensor(1.0)


KINDS = {
    "photons": DenoiseSettings,
    "scale": SuperResolutionSettings,
    "share": InpaintingSettings,
    "angles": TomographySettings,
}


def protocol(metrics: tuple[str, ...], **settings: object) -> Protocol:
    if "rate" in settings:
        chosen = AudioSettings(coordinate_range=(-1.0, 1.0), **settings)
    else:
        (kind,) = (kind for name, kind in KINDS.items() if name in settings)
        chosen = kind(**{"coordinate_range": (-1.0, 1.0), "max_pixels": None, **settings})
    return Protocol(name="t", width=4, n_layers=1, epochs=1, lr=1e-3, lr_min=1e-3, metrics=metrics, settings=chosen)


def known(coordinates: torch.Tensor, image: np.ndarray):
    """Return a prediction that looks up the pixels of an image."""

    def predict(x: torch.Tensor) -> torch.Tensor:
        height, width, channels = image.shape
        column = ((x[:, 0] + 1) / 2 * (width - 1)).round().long()
        row = ((x[:, 1] + 1) / 2 * (height - 1)).round().long()
        return torch.from_numpy(image)[row, column].reshape(-1, channels)

    return predict


def test_denoising_noise_has_photon_and_readout_variance():
    flat = np.full((300, 300, 1), 0.5, np.float32)
    problem = denoising_problem(flat, protocol(("psnr@clip-float", "mse@train"), photons=30.0, readout=2.0), 7)
    noise = problem.values.numpy() - 0.5
    assert abs(noise.mean()) < 0.005
    assert noise.var() == pytest.approx((15 + 4) / 30**2, rel=0.02)  # variance of the count: its mean, and the readout's
    again, other = (denoising_problem(flat, protocol(("psnr@clip-float",), photons=30.0, readout=2.0), s) for s in (7, 8))
    assert torch.equal(problem.values, again.values)
    assert not torch.equal(problem.values, other.values)
    found = helpers.values(problem, ["psnr@clip-float", "mse@train"], known(problem.coordinates, flat))
    assert found == {"psnr@clip-float": np.inf, "mse@train": pytest.approx(noise.var(), rel=1e-3)}


def test_unobserved_pixels_are_those_that_are_not_fitted():
    problem = inpainting_problem(IMAGE, protocol(("psnr-unobserved@clip-float", "psnr@clip-float", "mse@train"), share=0.2), 3)
    assert problem.n_points == int(34 * 29 * 0.2)
    unobserved = problem.evaluation.unobserved
    assert unobserved.sum() == 34 * 29 - problem.n_points
    assert np.array_equal(np.sort(problem.values.numpy(), 0), np.sort(IMAGE[~unobserved], 0))
    wrong = IMAGE.copy()
    wrong[unobserved] = 0.25
    found = helpers.values(
        problem, ["psnr-unobserved@clip-float", "psnr@clip-float", "mse@train"], known(problem.coordinates, wrong)
    )
    assert found["mse@train"] == 0
    assert found["psnr-unobserved@clip-float"] == pytest.approx(psnr(wrong[unobserved], IMAGE[unobserved]))
    assert found["psnr@clip-float"] == pytest.approx(psnr(wrong, IMAGE))


def test_super_resolution_fits_block_means():
    problem = super_resolution_problem(IMAGE, protocol(("psnr@clip-float", "mse@train"), scale=4))
    truth = IMAGE[:32, :28]
    assert (problem.n_points, problem.evals_per_point, problem.out_features) == (8 * 7, 16, 3)
    assert np.allclose(problem.values.numpy().reshape(8, 7, 3), area_mean(truth, 4))
    predict = known(problem.coordinates, truth)
    assert helpers.values(problem, ["psnr@clip-float", "mse@train"], predict) == {
        "psnr@clip-float": np.inf,
        "mse@train": pytest.approx(0, abs=1e-12),
    }
    network = nn.Linear(2, 3)
    batch = next(problem.batches(torch.Generator()))
    loss = problem.loss(network, batch, torch.tensor(1 / 56))
    pixels = network(problem.evaluation.coordinates).reshape(8, 4, 7, 4, 3).mean(dim=(1, 3))
    assert loss.item() == pytest.approx((pixels.reshape(-1, 3) - problem.values).square().mean().item(), rel=1e-5)


@pytest.mark.parametrize("n", [32, 33])
def test_projections_match_scikit_image(n):
    picture = np.random.default_rng(2).random((n, n)).astype(np.float32) * circle(n)
    ours = ParallelBeam(n, 9)(torch.from_numpy(picture)).numpy()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = radon(picture.astype(np.float64), theta=np.arange(9) * 20.0, circle=True).T
    assert np.abs(ours - theirs).max() < 2e-4


def test_tomography_is_evaluated_on_the_slice_and_its_projections():
    problem = tomography_problem(IMAGE[..., :1], protocol(("psnr@clip-float", "mse@sinogram"), angles=6))
    truth = problem.evaluation.fitted
    assert truth.shape == (29, 29, 1)
    assert not truth[0, 0]
    predict = known(problem.coordinates, truth)
    assert helpers.values(problem, ["psnr@clip-float", "mse@sinogram"], predict) == {
        "psnr@clip-float": np.inf,
        "mse@sinogram": pytest.approx(0, abs=1e-9),
    }
    batch = next(problem.batches(torch.Generator()))

    class Known(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return predict(x)

    assert problem.loss(Known(), batch, WEIGHT).item() == pytest.approx(0, abs=1e-9)
    network = nn.Linear(2, 1)
    problem.loss(network, batch, WEIGHT).backward()
    assert network.weight.grad.abs().sum() > 0


def test_projections_have_correct_gradients():
    beam, picture = ParallelBeam(9, 5), torch.rand(9, 9, dtype=torch.float64, requires_grad=True)
    beam.grid = beam.grid.double()
    assert torch.autograd.gradcheck(beam, picture)


SAMPLES = np.sin(2 * np.pi * 300 * np.arange(4000) / 8000) * 0.5
AUDIO = ("snr@power", "snr-offgrid@2x-bandlimited", "mse@train")


def test_audio_is_fitted_at_a_lower_rate_and_evaluated_off_grid():
    chosen = protocol(AUDIO, seconds=0.4, rate=2000)
    problem = audio_problem(Clip(SAMPLES, 8000), chosen)
    assert problem.n_points == fitted_samples(4000, 8000, chosen) == 800
    assert problem.values.abs().max() == 1
    assert (problem.coordinates[0], problem.coordinates[-1]) == (-1, 1)

    def perfect(x: torch.Tensor) -> torch.Tensor:
        t = (x + 1) / 2 * 799 / 2000  # the first fitted sample is at 0 s, the last at 799 / 2000 s
        return torch.sin(2 * np.pi * 300 * t)

    found = helpers.values(problem, AUDIO, perfect)
    assert found["snr@power"] > 35  # only the ends differ, because of the filter
    assert found["snr-offgrid@2x-bandlimited"] > 30
    silent = helpers.values(problem, AUDIO, lambda x: torch.zeros(len(x), 1))
    assert silent["snr@power"] == pytest.approx(0)


def test_audio_fitted_at_full_rate_has_no_off_grid_value():
    problem = audio_problem(Clip(SAMPLES, 8000), protocol(AUDIO, seconds=None, rate=None))
    assert problem.n_points == 4000
    measured = helpers.measure(problem, AUDIO, lambda x: torch.zeros(len(x), 1))
    assert measured["snr-offgrid@2x-bandlimited"].value is None
    assert "fits every sample" in measured["snr-offgrid@2x-bandlimited"].note
    assert snr(SAMPLES, SAMPLES) == np.inf


def test_wav_files_of_several_formats_are_read(tmp_path):
    from scipy.io import wavfile

    write_wav(tmp_path / "a.wav", Clip(SAMPLES, 8000))
    clip = read_wav(tmp_path / "a.wav")
    assert clip.rate == 8000
    assert np.abs(clip.samples - SAMPLES).max() < 1e-4
    stereo = np.stack((SAMPLES, np.zeros(4000)), axis=1)
    wavfile.write(tmp_path / "f.wav", 8000, stereo.astype(np.float32))
    assert np.abs(read_wav(tmp_path / "f.wav").samples - SAMPLES / 2).max() < 1e-6
    wavfile.write(tmp_path / "u.wav", 8000, np.rint(SAMPLES * 127 + 128).astype(np.uint8))
    assert np.abs(read_wav(tmp_path / "u.wav").samples - SAMPLES).max() < 0.01


@pytest.mark.parametrize("content", [b"", b"RIFF", b"RIFF\x24\x00\x00\x00WAVEfmt " + bytes(99), b"no sound at all" * 9])
def test_invalid_and_missing_wav_files_are_refused(tmp_path, content):
    (tmp_path / "x.wav").write_bytes(content)
    with pytest.raises(BadValue, match=r"x\.wav"):
        read_wav(tmp_path / "x.wav")
    with pytest.raises(BadValue, match="no such sound file"):
        read_wav(tmp_path / "absent.wav")


@pytest.mark.parametrize(("make", "text"), [
    (lambda: denoising_problem(IMAGE, protocol(("psnr@clip-float",), photons=0.0, readout=1.0), 0), "photons must be positive"),
    (lambda: inpainting_problem(IMAGE, protocol(("psnr@clip-float",), share=1.0), 0), "share must be between 0 and 1"),
    (lambda: super_resolution_problem(IMAGE, protocol(("psnr@clip-float",), scale=1)), "scale must be a whole number of at least 2"),
    (lambda: super_resolution_problem(IMAGE[:9, :9], protocol(("psnr@clip-float",), scale=8)), "too small to be restored"),
    (lambda: tomography_problem(IMAGE[..., :1], protocol(("psnr@clip-float",), angles=0)), "angles must be at least 1"),
    (lambda: tomography_problem(IMAGE[:5, :5, :1], protocol(("psnr@clip-float",), angles=4)), "too small for projections"),
    (lambda: audio_problem(Clip(np.zeros(99), 8000), protocol(("psnr@clip-float",), seconds=None, rate=None)), "nothing to fit"),
    (lambda: audio_problem(Clip(SAMPLES, 8000), protocol(("psnr@clip-float",), seconds=0.001, rate=None)), "8 samples"),
    (lambda: audio_problem(Clip(SAMPLES, 8000), protocol(("psnr@clip-float",), seconds=-1.0, rate=None)), "seconds must be positive"),
    (lambda: audio_problem(Clip(SAMPLES, 8000), protocol(("psnr@clip-float",), seconds=None, rate=0)), "rate must be positive"),
    (lambda: tomography_problem(IMAGE[..., :1], protocol(("psnr@clip-float",), angles=900)), "more than there are pixels"),
    (lambda: denoising_problem(IMAGE, protocol(("psnr@clip-float",), photons=9.0, readout=1.0, max_pixels=0), 0), "max_pixels must be at least 1"),
])  # fmt: skip
def test_invalid_settings_are_refused(make, text):
    with pytest.raises(BadValue, match=text):
        make()


def test_upscaled_slice_is_zero_outside_the_circle():
    problem = tomography_problem(IMAGE[..., :1], protocol(("psnr@clip-float",), angles=6))
    finer = problem.evaluation.at_scale(lambda x: torch.ones(len(x), 1), 2)
    assert finer.shape == (58, 58, 1)
    assert not finer[0, 0] and finer[29, 29] == 1


def test_image_is_rendered_once_for_all_metrics():
    problem = inpainting_problem(IMAGE, protocol(("psnr-unobserved@clip-float", "psnr@clip-float"), share=0.2), 3)
    asked = []

    def predict(x: torch.Tensor) -> torch.Tensor:
        asked.append(len(x))
        return torch.zeros(len(x), 3)

    helpers.values(problem, ["psnr-unobserved@clip-float", "psnr@clip-float"], predict)
    assert asked == [34 * 29]


@pytest.mark.parametrize("name", ["activations", "ntk", "gradients"])
def test_probes_work_on_super_resolution_problems(name):
    from inrbench.fit import read_probes
    from inrbench.registry import Registry
    from inrbench.spec import NetworkSpec

    problem = super_resolution_problem(IMAGE, protocol(("psnr@clip-float",), scale=4))
    net = NetworkSpec(in_features=2, out_features=3, width=8, n_layers=2)
    readings = read_probes((name,), Registry().method("fourier")(net), problem, 0)
    assert len(readings) > 1
