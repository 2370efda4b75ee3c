import json
import os
import socket
import time

from click.testing import CliRunner

from inrbench.cli.main import cli
from inrbench.spec import Progress
from inrbench.store import active_leases, append, lease, leases, progress_of


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


def test_status_shows_how_far_runs_are_that_another_machine_carries_out(tmp_path, monkeypatch):
    monkeypatch.setattr(leases, "HEARTBEAT_SECONDS", 0.01)
    made = Progress(300, 1500, 0.0123, 31.2, 0.2)
    path = tmp_path / "leases" / "x.progress"
    with lease(tmp_path, "x", progress=lambda: made, what="toy/a siren seed 9"):
        limit = time.monotonic() + 20
        while progress_of(tmp_path, {"x"}).get("x") is None:
            assert time.monotonic() < limit
        text = CliRunner().invoke(cli, ["status", "--results", str(tmp_path)], standalone_mode=False).output
        assert progress_of(tmp_path, {"x"}).get("x") == made
        assert len(active_leases(tmp_path)) == 1
    assert "step 300 of 1,500, loss 0.0123, primary metric 31.2, 0.2 s per step, about 4.0 min left" in text
    assert not path.exists()
    path.write_text(json.dumps(made.numbers()))
    assert progress_of(tmp_path, {"x"}).get("x") == made
    os.utime(path, (0, 0))
    assert progress_of(tmp_path, {"x"}).get("x") is None, "there has been no heartbeat for a while"
    for content in (
        b"",
        b"[]",
        b"{}",
        b'{"step": "x"}',
        b'{"step": 1e999}',
        b"\xff",
        b'{"step": 5, "steps": %d, "loss": 0, "value": 0, "seconds_per_step": 0.1}' % 10**400,
        b"[" * 99_999,
    ):
        path.write_bytes(content)
        assert progress_of(tmp_path, {"x"}).get("x") is None
