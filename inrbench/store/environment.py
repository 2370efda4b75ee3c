"""The environment of a run: machine, libraries, and the state of the code."""

import os
import platform
import re
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import psutil

import inrbench
from inrbench.spec import digest

GPU_ELSEWHERE = "GPU elsewhere"
"""Name of the device of a machine that sends runs to GPUs of other machines."""
DRIVER = Path("/proc/driver/nvidia/version")
"""File of a driver of NVIDIA: where it exists, a GPU can be expected."""
OLD_NAMES = {"tf32": "high", "bf16": "medium"}
"""Precision of products -> its name in ``torch.set_float32_matmul_precision``."""


@dataclass(frozen=True, kw_only=True)
class Environment:
    """Facts about the environment, stored in each row.

    Args:
        hardware_id: Hash of the facts that do not change between boots. Times are comparable between rows with the same value.
    """

    device: str
    device_name: str
    hardware_id: str
    cpu_model: str
    cores: int
    memory_bytes: int
    platform: str
    python: str
    torch: str
    inrbench: str
    code_commit: str | None
    code_dirty: bool | None
    threads: int
    jobs: int
    """Number of worker processes that shared the machine."""
    matmul_precision: str
    """Precision of float32 products in torch's older words; "highest" is plain fp32."""
    tf32: bool
    load_average: float | None
    """Load average over the last minute when the run began."""


def environment(device: str, threads: int, jobs: int, code: tuple[str | None, bool | None]) -> Environment:
    """Return the environment of this process. Imports torch.

    Args:
        device: The device, such as ``cpu`` or ``cuda:0``.
        threads: Number of CPU threads per worker process.
        jobs: Number of worker processes that share the machine.
        code: Commit and whether there are uncommitted changes, as ``code_state`` returns them.
    """
    import torch

    on_gpu = device.startswith("cuda")
    backends: Any = torch.backends
    products = (backends.cuda if on_gpu else backends.mkldnn).matmul.fp32_precision
    # a machine that sends runs to GPUs of other machines may have none itself
    name = (torch.cuda.get_device_name(device) if torch.cuda.is_available() else GPU_ELSEWHERE) if on_gpu else cpu_model()
    cores, memory = physical_cores(), psutil.virtual_memory().total
    # memory is rounded to GiB: the same machine reports a few pages more or less after each boot
    stable = [platform.machine(), cpu_model(), cores, round(memory / 2**30), name]
    if on_gpu and torch.cuda.is_available():
        stable += [round(torch.cuda.get_device_properties(device).total_memory / 2**30), nvidia_driver() or ""]
    return Environment(
        device=device,
        device_name=name,
        hardware_id=digest(stable)[:12],
        cpu_model=cpu_model(),
        cores=cores,
        memory_bytes=memory,
        platform=platform.platform(),
        python=platform.python_version(),
        torch=torch.__version__,
        inrbench=inrbench.__version__,
        code_commit=code[0],
        code_dirty=code[1],
        threads=threads,
        jobs=jobs,
        matmul_precision=OLD_NAMES.get(products, "highest"),
        tf32=on_gpu and products == "tf32",
        load_average=os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
    )


def nvidia_driver() -> str | None:
    """Return the version of NVIDIA's driver; None if there is no driver here, "" if its version is not known."""
    try:
        text = DRIVER.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    version = re.search(r"\b\d+\.\d+(?:\.\d+)?\b", text)
    return version.group() if version else ""


@cache
def cpu_model() -> str:
    """Return the name of the processor as the system reports it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    names = (line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor() or platform.machine())


def physical_cores() -> int:
    """Return the number of cores this process may use, not counting hyper-threads."""
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(psutil.cpu_count(logical=False) or usable, usable)


@cache
def code_state() -> tuple[str | None, bool | None]:
    """Return (commit, has uncommitted changes) of the checkout this package runs from, or (None, None) outside one."""
    package = Path(inrbench.__file__).resolve().parent  # a package of links belongs to the checkout that they lead to
    top = _git(package, "rev-parse", "--show-toplevel")
    if top is None or Path(top) / "inrbench" != package:
        return None, None
    changes = _git(package, "status", "--porcelain", "--untracked-files=no")
    return _git(package, "rev-parse", "HEAD"), None if changes is None else bool(changes)


def _git(folder: Path, *words: str) -> str | None:
    try:
        done = subprocess.run(["git", "-C", str(folder), *words], capture_output=True, text=True, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()
