"""Where the checkpoints of unfinished runs are in a results folder."""

import re
from pathlib import Path

from inrbench.store.files import below, is_regular

SUFFIX = ".safetensors"
NAME = re.compile(r"[0-9a-f]{32}\.safetensors", re.ASCII)


def checkpoint_path(results: Path, run_id: str) -> Path:
    """Return the path of a run's checkpoint. Raises StoreError if the folder is a symbolic link."""
    return below(results, "checkpoints") / f"{run_id}{SUFFIX}"


def checkpoints(results: Path) -> dict[str, Path]:
    """Return the checkpoint files of a results folder by run id. Raises StoreError if the folder is a symbolic link."""
    folder = below(results, "checkpoints")
    if not folder.is_dir():
        return {}
    return {path.stem: path for path in sorted(folder.iterdir()) if NAME.fullmatch(path.name) and is_regular(path)}
