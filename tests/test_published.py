"""Published pages match the published runs."""

from pathlib import Path

import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from inrbench.cli.main import cli

PUBLISHED = Path(__file__).parent.parent / "results" / "published"


def test_published_leaderboard_matches_the_runs():
    printed = CliRunner().invoke(
        cli, ["leaderboard", "--results", str(PUBLISHED), "--format", "markdown"], standalone_mode=False
    )
    assert printed.exception is None
    assert printed.output.strip() in (PUBLISHED / "README.md").read_text(encoding="utf-8")


def test_documented_verdicts_match_the_published_runs():
    words = ["claims", "msa2026", "--summary", "--format", "markdown", "--results", str(PUBLISHED)]
    printed = CliRunner().invoke(cli, words, standalone_mode=False)
    assert printed.exception is None
    assert printed.output.strip() in (PUBLISHED.parent.parent / "docs" / "reproducing.md").read_text(encoding="utf-8")


def test_published_page_uses_exactly_the_existing_pictures():
    text = (PUBLISHED / "README.md").read_text(encoding="utf-8")
    named = {part.split('"')[0] for part in text.split('src="')[1:]}
    assert named == {f"pictures/{file.name}" for file in (PUBLISHED / "pictures").iterdir()}


EXPLAINED = {("49b2cdd4a0eafc076b39ff918a9cc95200811e4a", "NVIDIA H200")}
"""(commit, device) of rows with uncommitted changes that README.md explains."""


@pytest.mark.parametrize("file", sorted(PUBLISHED.glob("*/*.parquet")), ids=lambda file: f"{file.parent.name}-{file.stem}")
def test_every_published_row_names_code_device_and_seed(file):
    for row in pq.ParquetFile(file).read().to_pylist():
        assert row["code_commit"]
        assert row["code_dirty"] is False or (row["code_commit"], row["device_name"]) in EXPLAINED, row["run_id"]
        assert row["device_name"] and row["torch"] and row["seed"] is not None


def test_no_image_of_a_data_set_is_published_at_its_full_size():
    for file in (PUBLISHED / "kodak").glob("*.parquet"):
        for row in pq.ParquetFile(file).read(columns=["protocol", "artifacts"]).to_pylist():
            names = {artifact["name"] for artifact in row["artifacts"] or ()}
            assert row["protocol"] != "paper" or "truth.png" not in names, file.name
