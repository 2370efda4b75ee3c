"""The tables of the site as files: CSV, JSON, LaTeX, and every run as Parquet."""

from pathlib import Path

import pandas as pd

from inrbench.analyse import ComparableRuns, Leaderboard, metrics_of
from inrbench.analyse.runs import values_of
from inrbench.report.csv import to_csv
from inrbench.report.json import to_json
from inrbench.report.latex import to_latex
from inrbench.report.site import urls

FOLDER = "downloads"
FORMATS = {"CSV": ("csv", to_csv), "JSON": ("json", to_json), "LaTeX": ("tex", to_latex)}
RUNS = "every run (Parquet)"
RUN_COLUMNS = ["run_id", "method", "label", "signal", "seed", "status", "trained", "train_seconds", "n_params", "code_commit"]


def write_downloads(site: Path, leaderboard: Leaderboard) -> list[dict[str, str]]:
    """Write the files of a table and return their names and addresses.

    Args:
        site: The folder of the site.
        leaderboard: The table.
    """
    group = leaderboard.group
    folder = site / FOLDER
    folder.mkdir(exist_ok=True)
    stem = urls.slug(group.task, group.fingerprint, group.track, group.device_class, group.engine)
    found = []
    for name, (suffix, write) in FORMATS.items():
        (folder / f"{stem}.{suffix}").write_text(write([leaderboard]), encoding="utf-8")
        found.append({"name": name, "address": f"{FOLDER}/{stem}.{suffix}"})
    runs_table(group).to_parquet(folder / f"{stem}.parquet", index=False)
    return [*found, {"name": RUNS, "address": f"{FOLDER}/{stem}.parquet"}]


def runs_table(group: ComparableRuns) -> pd.DataFrame:
    """Return the runs of a table with one column per metric."""
    runs = group.runs
    columns = {name: runs[name] for name in RUN_COLUMNS if name in runs}
    return pd.DataFrame({**columns, **{metric.id: values_of(runs, metric)[0] for metric in metrics_of(runs)}})
