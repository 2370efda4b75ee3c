from dataclasses import dataclass, replace

from click.testing import CliRunner

from inrbench.analyse import nearest_runs
from inrbench.cli.main import cli
from inrbench.spec import Settings
from inrbench.store import append, stored_run


@dataclass(frozen=True, kw_only=True)
class Points(Settings):
    points: int


def test_diff_lists_the_differing_fields_with_the_nearest_run_first(attempt, tmp_path):
    ours = attempt()
    longer = replace(ours.protocol, epochs=9, settings=Points(points=5))
    others = [
        attempt(seed=4),
        attempt(method_sha256="2" * 64, params={"omega": 60.0, "w": 1.0}),
        replace(attempt(protocol_fingerprint="e" * 12), protocol=longer),
        replace(attempt(protocol_fingerprint="d" * 12, seed=1)),
    ]
    for each in (ours, *others, attempt(signal="b"), attempt(method="msa"), attempt(task="other")):
        append(tmp_path, each)
    run = ours.result.spec.run_id
    found = nearest_runs(stored_run(tmp_path, run), tmp_path)
    assert [[(d.field, d.this, d.other) for d in run.differences] for run in found] == [
        [("seed", 0, 4)],
        [("protocol epochs", 3, 9), ("protocol points", None, 5)],
        [("protocol_fingerprint", "f" * 12, "d" * 12), ("seed", 0, 1)],
        [("method_sha256", "1" * 64, "2" * 64), ("parameter omega", 30.0, 60.0), ("parameter w", None, 1.0)],
    ]
    text = CliRunner().invoke(cli, ["diff", run[:8], "--results", str(tmp_path)], standalone_mode=False).output
    assert text.splitlines()[0].startswith(f"{run[:10]}, toy/a siren seed 0 (test), ok on 2")
    assert "  protocol epochs: 3 here, 9 there\n" in text
    assert "  protocol points: nothing here, 5 there\n" in text
    assert "see them with --limit 4" in text
    text = CliRunner().invoke(cli, ["diff", run[:8], "--limit", "4", "--results", str(tmp_path)], standalone_mode=False).output
    assert "  method_sha256: 1111111111... here, 2222222222... there  (the method's file has been changed)" in text


def test_diff_reports_when_there_is_no_other_run(attempt, tmp_path):
    append(tmp_path, attempt())
    text = (
        CliRunner()
        .invoke(cli, ["diff", attempt().result.spec.run_id, "--results", str(tmp_path)], standalone_mode=False)
        .output
    )
    assert "There is no other run of siren on toy/a" in text
