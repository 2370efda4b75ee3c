"""Some damaged files for every reader; 100,000 of them with ``python benchmarks/fuzz.py``."""

import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.slow
def test_readers_return_or_say_in_one_line_what_is_wrong_with_damaged_files(tmp_path: Path) -> None:
    command = [sys.executable, str(Path(__file__).parents[1] / "benchmarks" / "fuzz.py"), "700", str(tmp_path / "out.json")]
    told = subprocess.run(command, check=False, capture_output=True, text=True, timeout=300)
    assert told.returncode == 0, told.stdout + told.stderr
    assert (tmp_path / "out.json").is_file()
