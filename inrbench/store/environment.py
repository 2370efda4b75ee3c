"""On what a run ran: machine, libraries, and the state of the code."""

import os
import platform
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import psutil

import inrbench
from inrbench.spec import digest


@dataclass(frozen=True, kw_only=True)
class Environment:
    """Facts stored in each row. ``hardware_id`` hashes what does not change between boots: times compare within it."""

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
    """Worker processes that shared the machine."""
    matmul_precision: str
    """``torch.get_float32_matmul_precision()``; "highest" is plain fp32."""
    tf32: bool
    load_average: float | None
    """Of the last minute, when the run began."""


def environment(device: str, threads: int, jobs: int, code: tuple[str | None, bool | None]) -> Environment:
    """Return the facts of this process on a device such as ``cpu`` or ``cuda:0``. Imports torch."""
    import torch

    on_gpu = device.startswith("cuda")
    # a machine that sends runs to others' GPUs may have none
    name = (torch.cuda.get_device_name(device) if torch.cuda.is_available() else "GPU elsewhere") if on_gpu else cpu_model()
    cores, memory = physical_cores(), psutil.virtual_memory().total
    # memory to the GiB: the same machine reports a few pages more or less from boot to boot
    stable = [platform.machine(), cpu_model(), cores, round(memory / 2**30), name]
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
        matmul_precision=torch.get_float32_matmul_precision(),
        tf32=bool(on_gpu and torch.backends.cuda.matmul.allow_tf32),
        load_average=os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
    )


@cache
def cpu_model() -> str:
    """Return the processor's name as the system knows it."""
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
    package = Path(inrbench.__file__).parent
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
