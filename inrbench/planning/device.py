"""Which device ``--device`` means on this machine."""

import re

from inrbench.errors import BadValue


def resolve_device(text: str, here: bool = True) -> str:
    """Return ``cpu`` or ``cuda:i`` for ``auto``, ``cpu``, ``cuda`` or ``cuda:i``. Raises BadValue. Imports torch.

    ``here``: whether it must be a device of this machine; on others, whose devices are not known, ``auto`` is ``cpu``.
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
