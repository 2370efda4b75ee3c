"""Damaged files for every reader. ``python benchmarks/fuzz.py`` tries 100,000 of them."""

import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.slow
def test_readers_handle_damaged_files(tmp_path: Path) -> None:
    command = [sys.executable, str(Path(__file__).parents[1] / "benchmarks" / "fuzz.py"), "300", str(tmp_path / "out.json")]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / "out.json").is_file()
