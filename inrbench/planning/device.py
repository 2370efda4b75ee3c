"""Resolve the option ``--device`` to a device of this machine."""

import re

from inrbench.errors import BadValue


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
    if index >= count:
        raise BadValue(f"--device {text}: torch sees {count} CUDA device(s) here; use --device cpu")
    return f"cuda:{index}"
