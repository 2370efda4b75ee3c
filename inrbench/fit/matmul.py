"""Choose the matmul backend on the CPU: oneDNN if its products have true fp32 accuracy, otherwise torch's default.

No torch setting guarantees both oneDNN and IEEE fp32: the setting that selects oneDNN also permits bf16 if the processor
supports it. The error against float64 is therefore measured on this machine, and oneDNN is used only if the error is that
of fp32.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any

import torch
from torch import Tensor

FP32_TOLERANCE = 2e-6
"""Largest rms relative error of a matrix product that counts as fp32; fp32 itself has about 3e-7, bf16 3e-3."""
PROBE_SHAPE = (512, 400, 400)


@dataclass(frozen=True)
class MatmulBackend:
    """A matmul backend.

    Args:
        name: ``onednn``, ``default`` or ``cublas``.
        error: Largest rms relative error of a matrix product; None if it was not measured.
    """

    name: str
    error: float | None


@cache
def fastest_fp32_backend(device_type: str) -> MatmulBackend:
    """Return the matmul backend for the fast engine; measured once per process (about 10 ms)."""
    if device_type != "cpu":
        return MatmulBackend("cublas", None)
    if torch.backends.mkldnn.is_available():
        with _permit_onednn():
            error = matmul_error()
        if error < FP32_TOLERANCE:
            return MatmulBackend("onednn", error)
    return MatmulBackend("default", matmul_error())


@contextmanager
def use_backend(backend: MatmulBackend) -> Iterator[None]:
    """Use a matmul backend inside the block."""
    if backend.name == "onednn":
        with _permit_onednn():
            yield
    else:
        yield


def matmul_error() -> float:
    """Return the largest rms relative error, against float64, of a layer's products.

    The products are the forward pass, the input gradient and the weight gradient.
    """
    n, m, k = PROBE_SHAPE
    generator = torch.Generator().manual_seed(0)
    x, weight, gradient = (torch.randn(shape, generator=generator) for shape in ((n, m), (k, m), (n, k)))
    return max(_relative_error(a, b) for a, b in ((x, weight.T), (gradient, weight), (gradient.T, x)))


def _relative_error(a: Tensor, b: Tensor) -> float:
    exact = a.double() @ b.double()
    return float((a @ b - exact).norm() / exact.norm())


@contextmanager
def _permit_onednn() -> Iterator[None]:
    backend: Any = torch.backends.mkldnn.matmul  # type: ignore[attr-defined]
    before = backend.fp32_precision
    backend.fp32_precision = "bf16"
    try:
        yield
    finally:
        backend.fp32_precision = before
