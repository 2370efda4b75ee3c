import os
import socket

from click.testing import CliRunner

from inrbench.cli.main import cli
from inrbench.store import append, lease


def test_status_reports_outcomes_failures_and_progress(attempt, tmp_path):
    for seed, status in enumerate(["ok", "ok", "error", "error", "timeout"]):
        append(tmp_path, attempt(seed=seed, status=status))
    (tmp_path / "store" / "v1" / "bad.parquet").write_bytes(b"PAR1")
    text = CliRunner().invoke(cli, ["status", "--results", str(tmp_path)], standalone_mode=False).output
    assert "5 runs in" in text
    assert "2 ok, 2 error, 1 timeout." in text
    assert "  2 x error: why  (toy/a siren seed 2 and 1 more)" in text
    assert "1 file(s) cannot be read" in text
    assert "No run is in progress." in text
    with lease(tmp_path, "command-0", runs=["x", "y"], known=[]), lease(tmp_path, "x", what="toy/a siren seed 9"):
        text = CliRunner().invoke(cli, ["status", "--results", str(tmp_path)], standalone_mode=False).output
    assert f"process {os.getpid()} on {socket.gethostname()}: 0 of 2 runs ended" in text
    assert "toy/a siren seed 9, on" in text
    assert "2 runs are left: about" in text
    (tmp_path / "submissions").mkdir()
    (tmp_path / "submissions" / "0.json").write_text('{"tasks": {"1_0": ["x"]}, "known": []}')
    (tmp_path / "submissions" / "1.json").write_text("half")
    text = CliRunner().invoke(cli, ["status", "--results", str(tmp_path)], standalone_mode=False).output
    assert "SLURM does not answer" in text or "No run is in progress." in text
