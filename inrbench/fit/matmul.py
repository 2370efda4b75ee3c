"""Choose the matmul backend and measure its error. On a CPU: oneDNN if its products have fp32 accuracy, else torch's default.

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

from inrbench.errors import InrbenchError

FP32_TOLERANCE = 2e-6
"""Largest rms relative error of a matrix product that counts as fp32; fp32 itself has about 3e-7, bf16 3e-3."""
PROBE_SHAPE = (512, 400, 400)
CPU = torch.device("cpu")


@dataclass(frozen=True)
class MatmulBackend:
    """A matmul backend.

    Args:
        name: ``onednn``, ``default`` or ``cublas``.
        error: Largest rms relative error of a matrix product; None if it was not measured.
    """

    name: str
    error: float | None


def fp32_backend(device: torch.device, fast: bool) -> MatmulBackend:
    """Return the backend of a run's matrix products, with its error measured on the run's device.

    On a GPU the error is measured anew for every run, because settings and environment variables can change the products. On a
    CPU it is measured once per process (about 10 ms).

    Args:
        device: Device of the run.
        fast: Whether the fastest backend is wanted, as by the fast engine, or torch's default.

    Raises:
        InrbenchError: The products are not those of float32.
    """
    if device.type != "cpu":
        backend = MatmulBackend("cublas", matmul_error(device))
    else:
        backend = fastest_cpu_backend() if fast else default_cpu_backend()
    assert backend.error is not None
    if not backend.error < FP32_TOLERANCE:
        raise InrbenchError(
            f"matrix products on {device} have a relative error of {backend.error:.1e}, not that of float32, about 3e-7; "
            "unset TORCH_ALLOW_TF32_CUBLAS_OVERRIDE and NVIDIA_TF32_OVERRIDE"
        )
    return backend


@cache
def default_cpu_backend() -> MatmulBackend:
    """Return torch's default backend on the CPU with its measured error."""
    return MatmulBackend("default", matmul_error(CPU))


@cache
def fastest_cpu_backend() -> MatmulBackend:
    """Return the fastest backend on the CPU whose products are those of float32."""
    if torch.backends.mkldnn.is_available():
        with _permit_onednn():
            error = matmul_error(CPU)
        if error < FP32_TOLERANCE:
            return MatmulBackend("onednn", error)
    return default_cpu_backend()


@contextmanager
def use_backend(backend: MatmulBackend) -> Iterator[None]:
    """Use a matmul backend inside the block."""
    if backend.name == "onednn":
        with _permit_onednn():
            yield
    else:
        yield


def matmul_error(device: torch.device) -> float:
    """Return the largest rms relative error on a device, against float64 on the CPU, of a layer's products.

    The products are the forward pass, the input gradient and the weight gradient.
    """
    n, m, k = PROBE_SHAPE
    generator = torch.Generator().manual_seed(0)
    x, weight, gradient = (torch.randn(shape, generator=generator) for shape in ((n, m), (k, m), (n, k)))
    return max(_relative_error(a, b, device) for a, b in ((x, weight.T), (gradient, weight), (gradient.T, x)))


def _relative_error(a: Tensor, b: Tensor, device: torch.device) -> float:
    exact = a.double() @ b.double()
    found = (a.to(device) @ b.to(device)).cpu()
    return float((found - exact).norm() / exact.norm())


@contextmanager
def _permit_onednn() -> Iterator[None]:
    backend: Any = torch.backends.mkldnn.matmul  # type: ignore[attr-defined]
    before = backend.fp32_precision
    backend.fp32_precision = "bf16"
    try:
        yield
    finally:
        backend.fp32_precision = before
