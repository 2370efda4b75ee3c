"""Resolve the option ``--device`` to a device of this machine."""

import os
import re
import warnings

from inrbench.errors import BadValue
from inrbench.store import nvidia_driver


def resolve_device(text: str, here: bool = True) -> str:
    """Return ``cpu`` or ``cuda:i`` for ``auto``, ``cpu``, ``cuda`` or ``cuda:i``.

    Torch is imported only if the CUDA devices of this machine must be counted.

    Args:
        text: The value of ``--device``.
        here: Whether the device must exist on this machine. If False, existence is not checked and ``auto`` means ``cpu``.

    Raises:
        BadValue: The text is malformed, or this machine has no such device.
    """
    if not re.fullmatch(r"auto|cpu|cuda(:\d+)?", text):
        raise BadValue(f"--device {text}: expected auto, cpu, cuda or cuda:i")
    if text == "cpu":
        return text
    if not here:
        return "cpu" if text == "auto" else f"cuda:{text.partition(':')[2] or 0}"
    import torch

    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if text == "auto":
        return "cuda:0" if count else "cpu"
    index = int(text.partition(":")[2] or 0)
    if not count:
        raise BadValue(f"--device {text}: torch sees no GPU here: {why_no_gpu()}; use --device cpu")
    if index >= count:
        raise BadValue(f"--device {text}: torch sees {count} GPU(s) here, the last one is cuda:{count - 1}")
    return f"cuda:{index}"


OLDER_WHEELS = "https://download.pytorch.org/whl/cu126"


def why_no_gpu() -> str:
    """Return why torch sees no GPU: its wheel, the environment, or the driver."""
    import torch

    if torch.version.cuda is None:
        return f"torch {torch.__version__} was built without CUDA"
    hidden = os.environ.get("CUDA_VISIBLE_DEVICES")
    if hidden is not None and hidden.strip() in ("", "-1", "NoDevFiles"):
        return f"CUDA_VISIBLE_DEVICES={hidden} hides all GPUs"
    version = nvidia_driver()
    if version is None:
        return "there is no NVIDIA driver"
    driver = f"driver {version}" if version else "the driver"
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        torch.cuda.is_available()
    said = str(caught[0].message).partition("\n")[0] if caught else f"it may be too old for CUDA {torch.version.cuda}"
    return f"{driver}: {said} (for an older driver: pip install torch --index-url {OLDER_WHEELS})"
