"""LPIPS with AlexNet, the learned perceptual distance of Zhang et al., CVPR 2018, computed by the authors' package."""

import warnings
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from inrbench.errors import BadValue
from inrbench.spec import Metric

if TYPE_CHECKING:
    from torch import Tensor, nn


def lpips(image: NDArray[np.floating], reference: NDArray[np.floating], weights: Path) -> float:
    """Return LPIPS of two images ``(H, W, C)`` in [0, 1], clipped; grayscale images are repeated to three channels.

    Args:
        image: The reconstruction.
        reference: The original.
        weights: A safetensors file with AlexNet's ``features.{0,3,6,8,10}.{weight,bias}`` in torchvision's layout.

    Raises:
        BadValue: The images have another number of channels than 1 or 3.
        RuntimeError: An image is too small for AlexNet (about 32 pixels).
    """
    import torch

    if image.shape[2] not in (1, 3):
        raise BadValue(f"LPIPS is defined for 1 or 3 channels, the image has {image.shape[2]}")
    with torch.no_grad():
        return float(_network(weights)(_batch(image), _batch(reference)))


@lru_cache(maxsize=1)
def _network(weights: Path) -> "nn.Module":
    import lpips as package
    import torch
    from safetensors.torch import load_file
    from torch import nn

    with warnings.catch_warnings(), torch.random.fork_rng(devices=[]):
        warnings.simplefilter("ignore")  # the package uses torchvision's old `pretrained` argument
        network = package.LPIPS(net="alex", pnet_rand=True, verbose=False)
    convolutions = {name: module for name, module in network.net.named_modules() if isinstance(module, nn.Conv2d)}
    features = load_file(weights)
    for name, module in convolutions.items():
        layer = name.rsplit(".", 1)[1]  # slice2.3 is torchvision's features.3
        module.load_state_dict({key: features[f"features.{layer}.{key}"] for key in ("weight", "bias")})
    return network.eval()


def _batch(image: NDArray[np.floating]) -> "Tensor":
    """Return an image as a tensor ``(1, 3, H, W)`` in [-1, 1]."""
    import torch

    rgb = np.repeat(image, 3, axis=2) if image.shape[2] == 1 else image
    return torch.from_numpy(rgb.clip(0, 1).astype(np.float32) * 2 - 1).permute(2, 0, 1)[None]


LPIPS = Metric(
    id="lpips@alex-v0.1",
    title="LPIPS",
    higher_is_better=False,
    compute=lpips,
    data={"weights": ("lpips", "alexnet_features.safetensors")},
)
