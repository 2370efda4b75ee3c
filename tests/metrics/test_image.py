import math

import numpy as np
import pytest
import torch
from skimage.data import astronaut
from skimage.metrics import peak_signal_noise_ratio
from torchmetrics.functional.image import peak_signal_noise_ratio as torchmetrics_psnr

from inrbench.data import file_sha256, locate
from inrbench.metrics.error import mean_squared_error
from inrbench.metrics.image import psnr, ssim

RANDOM = np.random.default_rng(0)
IMAGE = astronaut()[100:164, 100:180].astype(np.float32) / 255
NOISY = (IMAGE + 0.05 * RANDOM.standard_normal(IMAGE.shape)).astype(np.float32)


def test_psnr_agrees_with_two_libraries_on_clipped_images():
    clipped = NOISY.clip(0, 1)
    assert not np.array_equal(clipped, NOISY)
    ours = psnr(NOISY, IMAGE)
    assert ours == pytest.approx(peak_signal_noise_ratio(IMAGE.astype(float), clipped.astype(float), data_range=1), abs=1e-9)
    theirs = torchmetrics_psnr(torch.from_numpy(clipped), torch.from_numpy(IMAGE), data_range=1.0)
    assert ours == pytest.approx(theirs.item(), abs=1e-4)


def test_psnr_of_equal_images_is_infinite():
    assert psnr(IMAGE, IMAGE) == math.inf


def test_ssim_agrees_with_its_definition():
    """7 x 7 uniform windows with sample covariance, computed window by window instead of with a filter."""
    a, b = NOISY.clip(0, 1).astype(float), IMAGE.astype(float)
    a, b = a[:20, :20], b[:20, :20]
    values = []
    for channel in range(3):
        for y in range(14):
            for x in range(14):
                p, q = (i[y : y + 7, x : x + 7, channel].ravel() for i in (a, b))
                cov = np.cov(p, q, ddof=1)
                c1, c2 = 0.01**2, 0.03**2
                values.append(
                    (2 * p.mean() * q.mean() + c1) * (2 * cov[0, 1] + c2)
                    / ((p.mean() ** 2 + q.mean() ** 2 + c1) * (cov[0, 0] + cov[1, 1] + c2))
                )  # fmt: skip
    assert ssim(NOISY[:20, :20], IMAGE[:20, :20]) == pytest.approx(np.mean(values), abs=1e-9)


def test_psnr_and_ssim_of_gray_images():
    gray = IMAGE[..., :1]
    assert 20 < psnr(NOISY[..., :1], gray) < 40
    assert 0 < ssim(NOISY[..., :1], gray) < 1


def test_mean_squared_error_refuses_shapes_that_would_broadcast():
    with pytest.raises(ValueError, match="shape"):
        mean_squared_error(np.zeros((5, 1)), np.zeros(5))


def test_mean_squared_error_is_computed_in_float64():
    tiny = np.full(10_000, 1e-30, dtype=np.float32)
    assert mean_squared_error(tiny, np.zeros_like(tiny)) == pytest.approx(1e-60)


@pytest.mark.skipif(locate("lpips", "alexnet_features.safetensors").path is None, reason="no AlexNet weights")
class TestLpips:
    weights = locate("lpips", "alexnet_features.safetensors").path

    @pytest.mark.kodak
    def test_lpips_of_kodim01_with_noise_has_the_known_value(self):
        from inrbench.data import read_image, require_file
        from inrbench.metrics.lpips import lpips

        image = read_image(require_file("kodak", "kodim01.png"))
        torch.manual_seed(0)
        noise = torch.randn(3, 512, 768).permute(1, 2, 0).numpy()  # 0.1 in [-1, 1] is 0.05 in [0, 1]
        assert lpips(image + 0.05 * noise, image, self.weights) == pytest.approx(0.1219, abs=5e-5)

    def test_lpips_is_zero_for_equal_images_and_grows_with_noise(self):
        from inrbench.metrics.lpips import lpips

        worse = IMAGE + 0.2 * RANDOM.standard_normal(IMAGE.shape).astype(np.float32)
        values = [lpips(image, IMAGE, self.weights) for image in (IMAGE, NOISY, worse)]
        assert values[0] == 0
        assert values[0] < values[1] < values[2]

    def test_lpips_repeats_gray_images_to_three_channels(self):
        from inrbench.metrics.lpips import lpips

        gray, noisy = IMAGE[..., :1], NOISY[..., :1]
        assert lpips(noisy, gray, self.weights) == lpips(noisy.repeat(3, 2), gray.repeat(3, 2), self.weights)

    def test_loading_lpips_does_not_change_the_random_state(self):
        from inrbench.metrics.lpips import _network

        torch.manual_seed(1)
        expected = torch.rand(3)
        _network.cache_clear()
        torch.manual_seed(1)
        _network(self.weights)
        assert torch.equal(torch.rand(3), expected)

    def test_lpips_weights_keep_their_hash_when_saved_again(self, tmp_path):
        """``data fetch lpips`` makes this file from torchvision's and compares its hash with the catalogue."""
        from safetensors.torch import load_file, save_file

        save_file(load_file(self.weights), tmp_path / "again.safetensors")
        assert file_sha256(tmp_path / "again.safetensors") == locate("lpips", "alexnet_features.safetensors").expected
