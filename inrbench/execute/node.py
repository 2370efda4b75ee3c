"""``python -m inrbench.execute.node``: carry out jobs on a node, as a child process of an executor's own worker.

The parent sends the jobs and the settings on standard input, and keeps it open. If it closes, the parent has died, and so does
this process; a lease and a checkpoint are left, from which another node continues. SIGTERM makes runs write a checkpoint.
"""

import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from types import FrameType

from inrbench.execute.job import ExecutionSettings, Job, NullObserver
from inrbench.execute.local import run_local

POLL_SECONDS = 1.0


def carry_out(jobs: Sequence[Job], settings: ExecutionSettings, should_stop: Callable[[], bool] = lambda: False) -> str | None:
    """Carry out jobs in a child process of this one, and wait for it. Return the end of its error output if it failed.

    Args:
        jobs: The jobs.
        settings: What all jobs share.
        should_stop: Asked about once per second; if it returns True, the runs write a checkpoint and end.
    """
    child = subprocess.Popen([sys.executable, "-P", "-m", __name__], stdin=subprocess.PIPE, stderr=subprocess.PIPE)
    assert child.stdin is not None
    assert child.stderr is not None
    child.stdin.write(pickle.dumps((tuple(jobs), settings)))
    child.stdin.flush()
    said: list[bytes] = []
    reader = threading.Thread(target=lambda: said.append(child.stderr.read()), daemon=True)  # type: ignore[union-attr]
    reader.start()
    asked = False
    while child.poll() is None:
        if not asked and should_stop():
            asked = True
            child.terminate()
        time.sleep(POLL_SECONDS)
    child.stdin.close()
    reader.join(POLL_SECONDS)
    child.stderr.close()
    return None if child.returncode == 0 else b"".join(said).decode(errors="replace")[-2000:]


def main() -> None:
    """Read jobs from standard input and carry them out."""
    with os.fdopen(os.dup(sys.stdin.fileno()), "rb", buffering=0) as stream:
        jobs, settings = pickle.load(stream)
    threading.Thread(target=_end_with_input, daemon=True).start()
    signal.signal(signal.SIGTERM, _interrupt)
    run_local(jobs, settings, NullObserver())


def _end_with_input() -> None:
    """End this process when standard input closes. Python's own buffer is not used: its lock would block the normal end."""
    while os.read(sys.stdin.fileno(), 4096):
        pass
    os._exit(1)


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    main()
