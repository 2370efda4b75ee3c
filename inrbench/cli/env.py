"""``inrbench env``."""

import os
import platform
import sys
from importlib import metadata

import click

import inrbench
from inrbench.console import say

SHOWN = (
    "torch",
    "torchvision",
    "numpy",
    "pandas",
    "pyarrow",
    "scikit-image",
    "scipy",
    "lpips",
    "av",
    "libigl",
    "trimesh",
    "pysdf",
    "submitit",
    "pebble",
    "matplotlib",
    "click",
)
VARIABLES = ("INRBENCH_DATA", "XDG_CACHE_HOME", "OMP_NUM_THREADS", "CUDA_VISIBLE_DEVICES", "SLURM_CONF", "NO_COLOR")


@click.command("env")
def command() -> None:
    """Print what a bug report needs: versions, machine, devices, folders and installed plugins.

    \b
    inrbench env
    """
    import psutil
    import torch

    from inrbench.data import search_path
    from inrbench.planning.device import why_no_gpu
    from inrbench.registry import Registry
    from inrbench.store import code_state, physical_cores

    commit, dirty = code_state()
    changed = " with changes" if dirty else ""
    _line("inrbench", inrbench.__version__ + (f", commit {commit[:12]}{changed}" if commit else ""))
    _line("python", f"{sys.version.split()[0]} in {sys.prefix}")
    _line("platform", platform.platform())
    memory = psutil.virtual_memory().total / 2**30
    _line("machine", f"{physical_cores()} usable cores, {memory:.0f} GiB, {torch.get_num_threads()} threads")
    gpus = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())] if torch.cuda.is_available() else []
    _line("gpu", ", ".join(gpus) or f"none: {why_no_gpu()}")
    for name in SHOWN:
        try:
            _line(name, metadata.version(name))
        except metadata.PackageNotFoundError:
            _line(name, "not installed")
    for name in VARIABLES:
        if name in os.environ:
            _line(name, os.environ[name])
    _line("data", ", ".join(str(folder) + ("" if folder.is_dir() else " (missing)") for folder in search_path()))
    registry = Registry()
    others = [d for d in (*registry.methods.values(), *registry.tasks.values()) if not d.source.builtin]
    _line("plugins", ", ".join(f"{d.name} ({d.source.origin})" for d in others) or "built-in ones only")


def _line(name: str, text: str) -> None:
    say(f"{name:16} {text}")
