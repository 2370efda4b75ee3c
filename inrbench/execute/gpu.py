"""Notice other users of a run's GPU: their work would make its times wrong."""

import os
import subprocess
import tempfile
import time
from contextlib import suppress
from pathlib import Path

import psutil
import torch

from inrbench.errors import BadValue
from inrbench.private import private_folder

OTHERS_BYTES = 2**30
"""Used memory that torch's allocator does not account for, above which others use the GPU. A CUDA context takes about half."""
FORGET_SECONDS = 24 * 3600.0
RUNNING, ENDED = ".running", ".ended"


class GpuWatch:
    """Watches a GPU during a run, for other runs of this user and for other processes.

    Other runs are seen through files in a private folder of this machine: one file per run, which is renamed when the run ends.
    Other processes are seen by their memory, and by ``nvidia-smi`` if it is there.

    Args:
        device: The GPU.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._uuid = str(getattr(torch.cuda.get_device_properties(device), "uuid", device.index or 0))
        self._start = time.time()
        self._file: Path | None = None
        with suppress(BadValue, OSError):  # such as a folder of another user: other runs are then not seen by their files
            folder = private_folder(Path(tempfile.gettempdir()) / f"inrbench-gpu-{_user()}")
            _forget_old(folder)
            self._file = folder / f"{self._uuid}.{os.getpid()}.{time.time_ns()}{RUNNING}"
            self._file.touch()
        self._shared = self._is_shared()

    def end(self) -> bool:
        """Return whether others have used the GPU since the start, as far as can be seen."""
        self._shared |= self._is_shared()
        if self._file is not None:
            with suppress(OSError):
                self._file.touch()
                self._file.rename(self._file.with_suffix(ENDED))
        return self._shared

    def _is_shared(self) -> bool:
        return self._other_runs() or self._others_memory() > OTHERS_BYTES or _processes(self._uuid) > 1

    def _other_runs(self) -> bool:
        """Return whether another run of this user has used the GPU since the start."""
        if self._file is None:
            return False
        for path in self._file.parent.glob(f"{self._uuid}.*"):
            if path == self._file:
                continue
            with suppress(OSError, IndexError, ValueError):
                if path.suffix == RUNNING and (pid := _pid(path)) != os.getpid() and psutil.pid_exists(pid):
                    return True
                if path.suffix == ENDED and path.stat().st_mtime > self._start:
                    return True
        return False

    def _others_memory(self) -> int:
        """Return the bytes in use that are not torch's own."""
        free, total = torch.cuda.mem_get_info(self._device)
        return int(total - free - torch.cuda.memory_reserved(self._device))


def _processes(uuid: str) -> int:
    """Return how many processes compute on a GPU; 0 if ``nvidia-smi`` does not say."""
    command = ["nvidia-smi", "--query-compute-apps=gpu_uuid,pid", "--format=csv,noheader"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError):
        return 0
    return sum(uuid in line for line in done.stdout.splitlines())


def _user() -> str:
    return str(os.getuid()) if hasattr(os, "getuid") else os.environ.get("USERNAME", "user")


def _forget_old(folder: Path) -> None:
    """Remove the files of runs that ended long ago, or whose process has died."""
    for path in folder.iterdir():
        with suppress(OSError, IndexError, ValueError):
            ended_long_ago = path.suffix == ENDED and time.time() - path.stat().st_mtime > FORGET_SECONDS
            if ended_long_ago or (path.suffix == RUNNING and not psutil.pid_exists(_pid(path))):
                path.unlink()


def _pid(path: Path) -> int:
    """Return the process of a run, from the name of its file ``UUID.PID.TIME.SUFFIX``. Raises IndexError or ValueError."""
    return int(path.name.rsplit(".", 3)[1])
