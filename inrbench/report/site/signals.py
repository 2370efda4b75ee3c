"""The content of the page of a signal: the truth and the fit of each method."""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inrbench.analyse import Leaderboard, measured
from inrbench.limits import MAX_PAGE_PIXELS
from inrbench.metrics.spectrum import energy_by_octave
from inrbench.report import formatting
from inrbench.report.artifacts import Picture, curve, picture, picture_pair
from inrbench.report.plots.gallery import RECONSTRUCTION, TRUTH, error_map
from inrbench.report.site import urls
from inrbench.report.site.charts import Chart, line_chart
from inrbench.report.site.media import Media
from inrbench.store import artifact_files

COLUMNS = ("artifacts",)
Points = NDArray[np.float64]
GIVEN = "given.png"
"""The observation of an inverse problem, as a picture."""
ROBUST = 0.99
"""Share of a picture's pixels below the end of its error scale; the scale of a page is the median over its methods."""


def signal_view(leaderboards: Sequence[Leaderboard], signal: str, results: Path, media: Media) -> dict[str, Any]:
    """Return the page content of a signal under a protocol: for each row, the first seed that succeeded.

    Args:
        leaderboards: The leaderboards of one task and protocol.
        signal: Name of the signal.
        results: The results folder, for the artifacts.
        media: The media of the site; pictures, clips and meshes are added to it.
    """
    same_kind = len({(each.group.device_class, each.group.engine) for each in leaderboards}) == 1
    shown = _all_entries(leaderboards, signal, results, same_kind)
    first = leaderboards[0].group
    pairs = _picture_pairs(shown, signal, media)
    worst = _add_pictures(shown, pairs, media)
    for entry in shown:
        _add_other_media(entry, media)
    errors, functions = _curves(shown)
    sounds = [{"name": entry["name"], **entry["sound"]} for entry in shown if entry.get("sound")]
    if sounds:  # the curve of a sound is a block: it is heard, not seen
        errors, functions = [], [*errors, *functions]
    metrics = list({metric.id: metric for leaderboard in leaderboards for metric in leaderboard.metrics}.values())
    pictured = [entry for entry in shown if entry.get("image")]
    return {
        "title": f"{signal}: {first.task}, protocol {first.protocol}",
        "signal": signal,
        "table": urls.table_page(first.task, first.fingerprint),
        "protocol": first.protocol,
        "task": first.task,
        "entries": shown,
        "metrics": [formatting.metric_title(metric, metrics) for metric in metrics],
        "viewer": {
            "truth": next((entry["truth"] for entry in pictured if entry["truth"]), None),
            "given": next((entry["given"] for entry in pictured if entry.get("given")), None),
            "size": pictured[0]["size"],
            "pictures": [{"name": entry["name"], "image": entry["image"], "error": entry["error"]} for entry in pictured],
        }
        if pictured
        else None,
        "sounds": sounds,
        "shown": [entry for entry in shown if any(entry.get(key) for key in ("video", "mesh_id", "true_mesh_id"))],
        "without": [entry["name"] for entry in shown if not entry.get("image")] if pictured else [],
        "worst": f"{worst:.2g}" if pairs else None,
        "charts": [*errors, *_spectra(shown, pairs)],
        "functions": functions,
        "has_meshes": any(entry.get("mesh") or entry.get("true_mesh") for entry in shown),
    }


def _all_entries(leaderboards: Sequence[Leaderboard], signal: str, results: Path, same_kind: bool) -> list[dict[str, Any]]:
    """Return the rows of all tables of a page, the best first. A reference, which is the same on every track, is listed once.

    Args:
        leaderboards: The leaderboards of one task and protocol.
        signal: Name of the signal.
        results: The results folder, for the artifacts.
        same_kind: Whether all tables are of one device class and engine.
    """
    found: list[dict[str, Any]] = []
    for leaderboard in leaderboards:
        for entry in _entries(leaderboard, signal, results, same_kind):
            twin = next((other for other in found if entry["solved"] and _is_same(entry, other)), None)
            if twin is None:
                found.append(entry)
            else:
                twin["tables"] += entry["tables"]
                twin["files"] = twin["files"] or entry["files"]
    metrics = leaderboards[0].metrics
    title = formatting.metric_title(metrics[0], metrics) if metrics else ""
    higher = bool(metrics) and metrics[0].higher_is_better
    return sorted(found, key=lambda entry: _order(entry["values"].get(title), higher))


def _is_same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Return whether two rows are runs of one reference on one class of device: their tracks make no difference."""
    return all(one[key] == other[key] for key in ("label", "values", "solved", "kind"))


def _picture_pairs(entries: Sequence[dict[str, Any]], signal: str, media: Media) -> dict[int, tuple[Picture, Picture]]:
    """Return the fit and the truth of each entry that has both as pictures, up to the number of pixels that a page shows.

    An entry without a truth, which may not be published, gets its picture at once; there is nothing to compare it with.
    """
    pairs: dict[int, tuple[Picture, Picture]] = {}
    pixels = 0
    for i, entry in enumerate(entries):
        files = entry["files"]
        if RECONSTRUCTION not in files:
            continue
        with media.passing_over():
            if TRUTH in files:
                pairs[i] = picture_pair(files[RECONSTRUCTION], files[TRUTH])
                height, width, _ = pairs[i][0].shape
            else:
                height, width, _ = picture(files[RECONSTRUCTION]).shape
                entry |= {"image": media.copy(files[RECONSTRUCTION]), "truth": None, "error": None, "size": (width, height)}
            pixels += height * width
        if pixels > MAX_PAGE_PIXELS:
            pairs.pop(i, None)
            entry["image"] = None
            media.refused[f"{signal}: more than {MAX_PAGE_PIXELS:,} pixels; the page shows the first pictures only"] = None
            break
    return pairs


def _add_pictures(entries: Sequence[dict[str, Any]], pairs: Mapping[int, tuple[Picture, Picture]], media: Media) -> float:
    """Add pictures and error maps to the entries that have them, and return the error at which the scale of the maps ends."""
    errors = [error_map(*pair) for pair in pairs.values()]
    worst = (float(np.median([np.quantile(error, ROBUST) for error in errors])) if errors else 0.0) or 1.0
    for i, (image, truth) in pairs.items():
        entry = entries[i]
        files = entry["files"]
        entry["truth"], entry["image"] = media.copy(files[TRUTH]), media.copy(files[RECONSTRUCTION])
        entry["error"] = media.error(f"{files[RECONSTRUCTION].stem[:16]}-error-{worst:.3g}", image, truth, worst)
        entry["size"] = (image.shape[1], image.shape[0])
        if GIVEN in files:
            with media.passing_over():
                entry["given"] = media.copy(files[GIVEN])
    return worst


def _add_other_media(entry: dict[str, Any], media: Media) -> None:
    """Replace the files of an entry by its clip, its sounds, its surfaces and its curve."""
    files = entry.pop("files")
    if "reconstruction.mp4" in files:
        with media.passing_over():
            entry["video"] = media.copy(files["reconstruction.mp4"])
    if {"reconstruction.wav", "truth.wav"} <= set(files):
        with media.passing_over():
            sound, truth = files["reconstruction.wav"], files["truth.wav"]
            entry["sound"] = {
                "truth": media.copy(truth),
                "fit": media.copy(sound),
                "difference": media.difference(sound, truth),
            }
    for name, key in (("reconstruction.ply", "mesh"), ("truth.ply", "true_mesh")):
        if name in files:
            with media.passing_over():
                entry[key], entry[f"{key}_id"] = media.mesh(files[name]), files[name].stem
    if "curve.npz" in files:
        with media.passing_over():
            entry["curve"] = curve(files["curve.npz"])


def _entries(leaderboard: Leaderboard, signal: str, results: Path, same_kind: bool) -> list[dict[str, Any]]:
    """Return the rows of a table on a signal; their names are unique on the page."""
    group = leaderboard.group
    where = [group.track] if group.track != "paper" else []
    where += [] if same_kind else [group.device_class, group.engine]
    runs = group.runs[(group.runs["signal"] == signal) & (group.runs["status"] == "ok")]
    seeds = runs.groupby("label")["seed"].nunique()
    first = {run.label: run for run in runs.sort_values("seed", ascending=False).itertuples(index=False)}
    entries = []
    for row in leaderboard.rows:
        if row.label not in first:
            continue
        run = first[row.label]
        values = {}
        for metric in leaderboard.metrics:
            value = measured(run.metrics, metric.id)
            if value is not None:
                values[formatting.metric_title(metric, leaderboard.metrics)] = formatting.number(value, metric)
        entries.append(
            {
                "label": row.label,
                "name": f"{row.label} ({', '.join(where)})" if where else row.label,
                "values": values,
                "solved": row.solved,
                "seed": f"{run.seed} of {seeds[row.label]} seeds" if seeds[row.label] > 1 else str(run.seed),
                "place": f"{group.device_class}, {group.engine} engine, track {group.track}",
                "tables": [urls.leaderboard(group)],
                "kind": (group.device_class, group.engine),
                "runs": f"{urls.runs_page(group, row.label)}#{run.run_id}",
                "files": artifact_files(results, run.artifacts),
                **dict.fromkeys(("image", "video", "sound", "mesh_id", "true_mesh_id")),
            }
        )
    return entries


def _order(text: str | None, higher: bool) -> tuple[bool, float]:
    """Return the sort key of a row by its primary metric on the signal: the best first, rows without a value last."""
    value = float(text) if text is not None else math.nan
    return math.isnan(value), -value if higher else value


def _curves(entries: Sequence[dict[str, Any]]) -> tuple[list[Chart], list[Chart]]:
    """Return a chart of the errors of all fits of a function, and a chart of each fit; remove the curves from the entries."""
    curves = {entry["name"]: points for entry in entries if (points := entry.pop("curve", None)) is not None}
    if not curves:
        return [], []
    labels = {entry["name"]: entry["label"] for entry in entries}
    errors = {name: envelope(points["x"], np.abs(points["prediction"] - points["truth"])) for name, points in curves.items()}
    fits = []
    for name, points in curves.items():
        lines = {"truth": envelope(points["x"], points["truth"]), name: envelope(points["x"], points["prediction"])}
        fits.append(line_chart(lines, f"the truth, and the fit of {name}", "x", "y", labels=labels))
    return [line_chart(errors, "absolute errors", "x", "absolute error", labels=labels, y_log=True)], fits


def envelope(x: Points, y: Points, parts: int = 200) -> tuple[list[float], list[float]]:
    """Return the lowest and the highest point of each part of a line, so that a short line looks like the long one.

    Args:
        x: Increasing positions, ``(N,)``.
        y: Values, ``(N,)``.
        parts: Number of parts; a line with at most twice as many points is returned whole.

    >>> envelope(np.arange(6.0), np.array([0.0, 5.0, 1.0, 0.0, -5.0, 1.0]), parts=2)
    ([0.0, 1.0, 4.0, 5.0], [0.0, 5.0, -5.0, 1.0])
    """
    if len(x) <= 2 * parts:
        return x.tolist(), y.tolist()
    places = []
    for part in np.array_split(np.arange(len(x)), parts):
        places += sorted({int(part[np.argmin(y[part])]), int(part[np.argmax(y[part])])})
    return x[places].tolist(), y[places].tolist()


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
            "energy of the picture's error by octave of frequency (lower is better; fine detail is at the right)",
            "cycles per picture",
            "mean square",
            labels={entry["name"]: entry["label"] for entry in entries},
            x_log=True,
            y_log=True,
        )
    ]
