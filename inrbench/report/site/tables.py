"""The content of the page of a task under a protocol."""

import json
import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np

from inrbench.analyse import Entry, Leaderboard, scores_by_signal
from inrbench.analyse.run_notes import searched_ranges
from inrbench.console import NONE
from inrbench.planning.recipes import Tuned
from inrbench.registry import Registry
from inrbench.report import formatting
from inrbench.report.registered import method_of
from inrbench.report.site import urls
from inrbench.report.site.answers import answers_of, depends_on_settings
from inrbench.report.site.charts import curve_charts, pareto_charts
from inrbench.report.site.protocol_card import protocol_card, track_text
from inrbench.report.site.settings import DEFAULTS, settings_text
from inrbench.report.site.tiers import chosen_tables
from inrbench.report.site.verdict import verdict_of
from inrbench.spec import TUNED, canonical_json

HELP = {
    "method": "The method, with the parameters that were changed",
    "rank": "Methods share a rank if signed-rank tests over signals cannot distinguish them from its first one",
    "to best [95 %]": "Mean difference to the best method on the same signals, with its 95 % bootstrap interval",
    "train (s)": "Seconds of training per run, without evaluation and compilation",
    "GPU peak (MiB)": "Peak memory of the run on the GPU",
    "params": "Trained parameters",
    "seeds": "Runs per signal with other initial weights",
    "signals": "Signals on which the method was measured",
}
"""Head of a column -> what it means."""
LOW_FIRST = frozenset({"rank", "train (s)", "GPU peak (MiB)", "params"})
"""Columns in which small numbers are better: their first click sorts upwards."""


def table_view(
    leaderboards: Sequence[Leaderboard],
    recipes: Sequence[Tuned],
    registry: Registry,
    downloads: Mapping[str, list[dict[str, str]]],
    verified: Collection[str] = (),
    others: Sequence[Leaderboard] = (),
) -> dict[str, Any]:
    """Return the protocol in words, the tables of the page (one per track, device class and engine), and its filters.

    Tuned tracks come first. If tests on the same signals find different best methods on two tracks, the page says so first.

    Args:
        leaderboards: The leaderboards of one task and protocol.
        recipes: The recipes of the tuned tracks of these leaderboards.
        registry: The registry that describes tasks and methods.
        downloads: Anchor of a table -> its files.
        verified: Ids of verified attempts of submissions.
        others: A leaderboard for each other protocol of the task.
    """
    leaderboards = sorted(leaderboards, key=lambda each: (not each.group.track.startswith(TUNED), each.group.track == "paper"))
    groups = [leaderboard.group for leaderboard in leaderboards]
    chosen = next(iter(chosen_tables(leaderboards)), None)
    said = list(answers_of(chosen, leaderboards)) if chosen else []
    return {
        "title": f"{groups[0].task}, protocol {groups[0].protocol}",
        "card": protocol_card(groups, registry),
        "task": groups[0].task,
        "protocol": groups[0].protocol,
        "fingerprint": groups[0].fingerprint,
        "opposed": [each for each in said if each.verdict.decided] if depends_on_settings(said) else [],
        "signals": len(chosen.signals) if chosen else 0,
        "others": [
            {"name": each.group.protocol, "page": urls.table_page(each.group.task, each.group.fingerprint)} for each in others
        ],
        "leaderboards": [
            leaderboard_view(leaderboard, recipes, downloads[urls.leaderboard_anchor(leaderboard.group)], registry, verified)
            | {"remarks": said[0].remarks if leaderboard is chosen else ()}
            for leaderboard in leaderboards
        ],
        "filters": {
            name: sorted({getattr(group, field) for group in groups})
            for name, field in (("track", "track"), ("device", "device_class"), ("engine", "engine"))
        },
    }


def leaderboard_view(
    leaderboard: Leaderboard,
    recipes: Sequence[Tuned],
    downloads: list[dict[str, str]],
    registry: Registry,
    verified: Collection[str],
) -> dict[str, Any]:
    """Return one table with its charts and its matrix of signals and methods.

    Args:
        leaderboard: The table.
        recipes: The recipes of the tuned tracks of the page.
        downloads: The files of the table.
        registry: The registry, which knows the built-in methods.
        verified: Ids of verified attempts of submissions.
    """
    group = leaderboard.group
    origins = _origins(leaderboard, registry, verified)
    return {
        "anchor": urls.leaderboard_anchor(group),
        "title": formatting.title(group),
        "track_text": track_text(group.track),
        "verdict": verdict_of(leaderboard),
        "downloads": downloads,
        "settings": _settings(leaderboard, registry),
        "searched": searched_ranges(group.runs),
        "sensitivity": _sensitivity(leaderboard, recipes),
        "unit": leaderboard.metrics[0].scale_unit if leaderboard.metrics else "",
        "track": group.track,
        "device": group.device_class,
        "engine": group.engine,
        "header": [
            {"text": head, "help": HELP.get(head, ""), "low_first": head in LOW_FIRST or "↓" in head}
            for head in formatting.header(leaderboard)
        ],
        "rows": [_row(leaderboard, row, origins.get(row.label, "")) for row in leaderboard.rows],
        "caption": formatting.caption(leaderboard),
        "charts": [*curve_charts(leaderboard), *pareto_charts(leaderboard)] if leaderboard.metrics else [],
        "matrix": _matrix(leaderboard),
    }


def _origins(leaderboard: Leaderboard, registry: Registry, verified: Collection[str]) -> dict[str, str]:
    """Return ``verified`` or ``reported`` for the rows of methods that are not built in.

    Args:
        leaderboard: The table.
        registry: The registry, which knows the built-in methods.
        verified: Ids of verified attempts of submissions.
    """
    runs = leaderboard.group.runs
    if "plugin_origin" not in runs:
        return {}
    builtin = {name for name in registry.methods if registry.source("method", name).origin == "builtin"}
    theirs = runs[~runs["method"].isin(builtin) | (runs["plugin_origin"].fillna("builtin") != "builtin")]
    return {
        str(label): "verified" if set(part["attempt_id"]) <= set(verified) else "reported"
        for label, part in theirs.groupby("label")
    }


def _settings(leaderboard: Leaderboard, registry: Registry) -> list[dict[str, str]]:
    """Return the settings of each registered method that are not its defaults: its own training, and parameters."""
    found = []
    for label, runs in leaderboard.group.runs.groupby("label", sort=True):
        method = method_of(urls.method_of(str(label)), registry)
        if method is not None:
            text = settings_text(runs, json.loads(canonical_json(method.defaults())))
            found += [{"label": str(label), "values": text}] if text != DEFAULTS else []
    return found


def _sensitivity(leaderboard: Leaderboard, recipes: Sequence[Tuned]) -> list[dict[str, str]]:
    """Return the change of the best score among trials with a setting that is off, one row per method and setting."""
    methods = set(leaderboard.group.runs["method"])
    return [
        {
            "method": recipe.method,
            "setting": fall.name,
            "by_two": fall.text(fall.off_by_two),
            "by_four": fall.text(fall.off_by_four),
        }
        for recipe in recipes
        if recipe.track == leaderboard.group.track and recipe.method in methods
        for fall in recipe.falls
    ]


def _row(leaderboard: Leaderboard, row: Entry, origin: str) -> dict[str, Any]:
    _, *cells = formatting.cells(leaderboard, row)
    return {
        "label": row.label,
        "trained": row.trained,
        "reference": row.solved,
        "origin": origin,
        "method": urls.method_page(urls.method_of(row.label)),
        "runs": urls.runs_page(leaderboard.group, row.label),
        "cells": [{"text": text, "mark": mark or "", "key": sort_key(text)} for text, mark in cells],
    }


def sort_key(text: str) -> str:
    """Return the sort key of a cell: the number at its start.

    >>> sort_key("31.25 ± 2.10"), sort_key("3.60e-13 ×/÷ 2.1"), sort_key("12,867"), sort_key("1="), sort_key("–")
    ('31.25', '3.60e-13', '12867', '1', '')
    """
    found = re.match(r"-?[\d,]*\.?\d+(e[+-]?\d+)?", text)
    return found.group().replace(",", "") if found else ""


def _matrix(leaderboard: Leaderboard) -> dict[str, Any] | None:
    """Return the primary metric per signal and method, averaged over seeds, shaded from 0 (worst) to 1 (best)."""
    if not leaderboard.metrics or len(leaderboard.signals) < 2:
        return None
    metric, group = leaderboard.metrics[0], leaderboard.group
    means = scores_by_signal(group, metric)
    finite = means.to_numpy(dtype=float)[np.isfinite(means.to_numpy(dtype=float))]
    low, span = (finite.min(), float(np.ptp(finite)) or 1.0) if len(finite) else (0.0, 1.0)
    labels = [row.label for row in leaderboard.rows if row.label in means.columns]
    pages = {label: urls.runs_page(group, label) for label in labels}
    lines = []
    for signal in means.index:
        cells = []
        for label in labels:
            value = means.at[signal, label]
            if not np.isfinite(value):
                cells.append({"text": NONE, "key": "", "shade": 0.0, "runs": pages[label]})
                continue
            share = (value - low) / span
            plain = metric.from_scale(value)
            shade = share if metric.higher_is_better else 1 - share
            text = formatting.number(plain, metric)
            cells.append({"text": text, "key": f"{plain:.8g}", "shade": round(float(shade), 3), "runs": pages[label]})
        lines.append(
            {"signal": str(signal), "page": urls.signal_page(group.task, group.fingerprint, str(signal)), "cells": cells}
        )
    return {"metric": formatting.metric_title(metric, [metric]), "labels": labels, "lines": lines}
