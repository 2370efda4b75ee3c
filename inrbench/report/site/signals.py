"""The content of the page of a signal: the truth and the fit of each method."""

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from inrbench.analyse import Leaderboard, measured
from inrbench.metrics.spectrum import energy_by_octave
from inrbench.report import formatting
from inrbench.report.artifacts import curve, picture_pair
from inrbench.report.plots.gallery import RECONSTRUCTION, TRUTH, error_map
from inrbench.report.site import urls
from inrbench.report.site.charts import Chart, line_chart
from inrbench.report.site.media import Media
from inrbench.store import artifact_files

COLUMNS = ("artifacts",)


def signal_view(leaderboards: Sequence[Leaderboard], signal: str, results: Path, media: Media) -> dict[str, Any]:
    """Return the page content of a signal under a protocol: for each row, the first seed that succeeded.

    Args:
        leaderboards: The leaderboards of one task and protocol.
        signal: Name of the signal.
        results: The results folder, for the artifacts.
        media: The media of the site; pictures, clips and meshes are added to it.
    """
    shown = [entry for leaderboard in leaderboards for entry in _entries(leaderboard, signal, results)]
    first = leaderboards[0].group
    pairs = {}
    for i, entry in enumerate(shown):
        if _pair(entry["files"]):
            with media.passing_over():
                pairs[i] = picture_pair(entry["files"][RECONSTRUCTION], entry["files"][TRUTH])
    errors = {i: error_map(*pair) for i, pair in pairs.items()}
    worst = max((float(np.quantile(error, 0.99)) for error in errors.values()), default=0.0) or 1.0
    for i, entry in enumerate(shown):
        files = entry.pop("files")
        if i in pairs:
            image, truth = pairs[i]
            entry["truth"], entry["image"] = media.copy(files[TRUTH]), media.copy(files[RECONSTRUCTION])
            entry["error"] = media.error(f"{files[RECONSTRUCTION].stem[:16]}-error-{worst:.3g}", image, truth, worst)
            entry["size"] = (image.shape[1], image.shape[0])
        if "reconstruction.mp4" in files:
            with media.passing_over():
                entry["video"] = media.copy(files["reconstruction.mp4"])
        for name, key in (("reconstruction.ply", "mesh"), ("truth.ply", "true_mesh")):
            if name in files:
                with media.passing_over():
                    entry[key], entry[f"{key}_id"] = media.mesh(files[name]), files[name].stem
        if "curve.npz" in files:
            with media.passing_over():
                entry["curve"] = curve(files["curve.npz"])
    return {
        "title": f"{signal}: {first.task}, protocol {first.protocol}",
        "signal": signal,
        "table": urls.table_page(first.task, first.fingerprint),
        "protocol": first.protocol,
        "task": first.task,
        "entries": shown,
        "worst": f"{worst:.2g}" if pairs else None,
        "charts": [*_curves(shown), *_spectra(shown, pairs)],
        "has_meshes": any(entry.get("mesh") or entry.get("true_mesh") for entry in shown),
    }


def _pair(files: dict[str, Path]) -> bool:
    return {RECONSTRUCTION, TRUTH} <= set(files)


def _entries(leaderboard: Leaderboard, signal: str, results: Path) -> list[dict[str, Any]]:
    group = leaderboard.group
    runs = group.runs[(group.runs["signal"] == signal) & (group.runs["status"] == "ok")]
    first = {run.label: run for run in runs.sort_values("seed", ascending=False).itertuples(index=False)}
    entries = []
    for row in leaderboard.rows:
        if row.label not in first:
            continue
        run = first[row.label]
        values = []
        for metric in leaderboard.metrics:
            value = measured(run.metrics, metric.id)
            if value is not None:
                number = formatting.number(value, metric)
                values.append({"name": formatting.metric_title(metric, leaderboard.metrics), "text": number})
        entries.append(
            {
                "label": row.label,
                "name": row.label if group.track == "paper" else f"{row.label} ({group.track})",
                "values": values,
                "seed": run.seed,
                "place": f"{group.device_class}, {group.engine} engine, track {group.track}",
                "runs": f"{urls.runs_page(group, row.label)}#{run.run_id}",
                "files": artifact_files(results, run.artifacts),
                **dict.fromkeys(("image", "video", "mesh_id", "true_mesh_id")),
            }
        )
    return entries


def _curves(entries: Sequence[dict[str, Any]]) -> list[Chart]:
    """Return the charts of a function and its errors, if there are curves; remove the curves from the entries."""
    curves = {entry["name"]: points for entry in entries if (points := entry.pop("curve", None)) is not None}
    if not curves:
        return []
    any_curve = next(iter(curves.values()))
    fits = {name: (points["x"], points["prediction"]) for name, points in curves.items()}
    errors = {name: (points["x"], np.abs(points["prediction"] - points["truth"])) for name, points in curves.items()}
    labels = {entry["name"]: entry["label"] for entry in entries}
    truth = {"truth": (any_curve["x"], any_curve["truth"])}
    return [
        line_chart({**truth, **fits}, "the function and its fits", "x", "y", labels=labels),
        line_chart(errors, "absolute errors", "x", "absolute error", labels=labels, y_log=True),
    ]


def _spectra(entries: Sequence[dict[str, Any]], pairs: dict[int, Any]) -> list[Chart]:
    """Return the energy of the pictures' errors by octave of frequency; rendered meshes are left out, as meaningless here."""
    lines: dict[str, tuple[list[float], list[float]]] = defaultdict(lambda: ([], []))
    for i, (image, truth) in pairs.items():
        if entries[i]["mesh_id"]:
            continue
        for octave, energy in energy_by_octave((image - truth).astype(np.float64)).items():
            low, high = map(float, octave.split("-"))
            lines[entries[i]["name"]][0].append((low + high) / 2)
            lines[entries[i]["name"]][1].append(energy)
    if not lines:
        return []
    return [
        line_chart(
            lines,
            "energy of the picture's error by octave of frequency",
            "cycles per picture",
            "mean square",
            labels={entry["name"]: entry["label"] for entry in entries},
            x_log=True,
            y_log=True,
        )
    ]
