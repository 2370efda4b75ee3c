"""The precision of float32 products, as torch's settings state it: set before a run, and compared after it.

Only the settings named ``fp32_precision`` are used. torch's older functions describe the same state, and raise errors if both
are mixed.
"""

from typing import Any

import torch

from inrbench.errors import BrokenPlugin

IEEE = "ieee"


def _holders() -> dict[str, Any]:
    """Return the objects of torch that have a setting, by name."""
    backends: Any = torch.backends
    return {
        "torch.backends": backends,
        "torch.backends.cuda.matmul": backends.cuda.matmul,
        "torch.backends.cudnn": backends.cudnn,
        "torch.backends.cudnn.conv": backends.cudnn.conv,
        "torch.backends.mkldnn": backends.mkldnn,
        "torch.backends.mkldnn.matmul": backends.mkldnn.matmul,
    }


def fp32_settings() -> dict[str, str]:
    """Return the settings by the name of their object."""
    return {name: str(holder.fp32_precision) for name, holder in _holders().items()}


def restore_fp32() -> dict[str, str]:
    """Set full float32 precision everywhere, and return the settings."""
    for holder in _holders().values():
        holder.fp32_precision = IEEE
    return fp32_settings()


def refuse_changed_fp32(before: dict[str, str]) -> None:
    """Raise BrokenPlugin if a setting has changed since ``restore_fp32`` returned it."""
    for name, now in fp32_settings().items():
        if now != before[name]:
            raise BrokenPlugin(
                f"the method changed {name}.fp32_precision from {before[name]} to {now}; all methods compute in full float32: "
                "remove that line, such as torch.set_float32_matmul_precision"
            )
