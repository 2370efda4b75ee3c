"""What a run leaves to look at: a folder of files for each run, replaced as a whole when the run is done again."""

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path


def artifact_folder(results: Path, run_id: str) -> Path:
    """Return where a run's files lie."""
    return results / "artifacts" / run_id


def keep_artifacts(results: Path, run_id: str, write: Callable[[Path], None]) -> Path | None:
    """Let ``write`` fill a folder, then give it its name; return it, or None if it is empty. Raises what ``write`` raises."""
    target = artifact_folder(results, run_id)
    target.parent.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(dir=target.parent, prefix=f".{run_id}."))
    try:
        write(scratch)
        if not any(scratch.iterdir()):
            return None
        scratch.chmod(0o755)  # mkdtemp's folder is for its owner alone
        shutil.rmtree(target, ignore_errors=True)
        scratch.replace(target)
        return target
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
