"""The GPU campaign goes through all its stages on a CPU, in slices, with tiny networks."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from inrbench.store import code_state, read_runs

SCRIPT = Path(__file__).resolve().parents[1] / "benchmarks" / "gpu_campaign.py"


def slice_of(out: Path, minutes: float, *words: str) -> dict:
    command = [sys.executable, str(SCRIPT), str(out), "--small", "--device", "cpu", "--minutes", str(minutes), *words]
    done = subprocess.run(command, capture_output=True, text=True, timeout=900, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads((out / "summary.json").read_text())["stages"]


@pytest.mark.slow
def test_the_campaign_continues_in_a_second_slice(tmp_path):
    first = slice_of(tmp_path / "first", 0.9)
    assert "begun" in {stage["state"] for stage in first.values()} or len(first) == 7
    assert not any(stage["state"].startswith("failed") for stage in first.values()), first
    second = slice_of(tmp_path / "second", 15, "--resume", str(tmp_path / "first"))
    assert {name: stage["state"] for name, stage in second.items()} == dict.fromkeys(
        ("tests", "profile", "kodak", "occupancy", "video", "chunks", "standard"), "done"
    )
    rows = read_runs(tmp_path / "second" / "results").table.to_pylist()
    assert {row["task"] for row in rows} == {"photo", "occupancy", "video", "function1d"}
    assert {row["status"] for row in rows} == {"ok"}
    scan = json.loads((tmp_path / "second" / "chunks.json").read_text())
    assert [each["chunk_points"] for each in scan["chunks"]] == [512, 1024, 512, 1024]
    for kind in ("image", "function", "pde"):
        assert json.loads((tmp_path / "second" / f"profile-{kind}.json").read_text())["timings"]
    size = sum(path.stat().st_size for path in (tmp_path / "second").rglob("*") if path.is_file())
    assert size < 5 * 2**20


def test_the_commands_find_the_plugins_and_the_commit_without_an_installation(tmp_path):
    sys.path.insert(0, str(SCRIPT.parent))
    try:
        from gpu_campaign import Campaign
    finally:
        sys.path.remove(str(SCRIPT.parent))
    campaign = Campaign(tmp_path, 1, "cpu", True, "siren", "none")
    packages = os.pathsep.join([campaign.environment["PYTHONPATH"], *(path for path in sys.path if "-packages" in path)])
    bare = {"cwd": SCRIPT.parents[1], "env": {**campaign.environment, "PYTHONPATH": packages}}

    def output(*words: str) -> str:
        command = [sys.executable, "-S", *words]  # -S: an editable installation is not found
        return subprocess.run(command, capture_output=True, text=True, timeout=120, check=True, **bare).stdout

    assert output("-c", "from inrbench.store import code_state; print(code_state()[0])").strip() == str(code_state()[0])
    assert "siren" in output("-m", "inrbench", "list")


def test_missing_packages_are_named(tmp_path):
    script = f"import sys; sys.argv = ['x', {str(tmp_path)!r}]; sys.modules['igl'] = sys.modules['av'] = None\nexec(open({str(SCRIPT)!r}).read())"
    code = script.replace("exec(", "__file__ = " + repr(str(SCRIPT)) + "\nexec(")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 1
    assert "these packages are not installed here" in done.stderr
    assert "libigl" in done.stderr
