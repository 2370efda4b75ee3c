"""The content of the page of a method."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from inrbench.analyse import Entry, Leaderboard
from inrbench.analyse.aggregate import seed_spread
from inrbench.analyse.overall import win_rates
from inrbench.analyse.papers import bibtex
from inrbench.console import NONE
from inrbench.registry import Registry
from inrbench.report import formatting
from inrbench.report.registered import method_of
from inrbench.report.site import urls
from inrbench.report.site.charts import Chart
from inrbench.report.site.papers import title_and_link
from inrbench.report.site.tiers import SMOKE_TEST, tier
from inrbench.report.site.typeset import typeset

SPEED_HEADER = ("method", "fast / reference", "fast / official", "fast / limit", "points/s")


@dataclass(frozen=True)
class Table:
    """A leaderboard with what the pages of its methods show, which is computed once for all of them.

    Args:
        leaderboard: The leaderboard.
        curves: Its learning curves; None without any.
        rows: Method -> its rows.
        wins: Label of a row -> its win rate.
        spreads: Label of a row -> standard deviation over seeds of the primary metric, on its scale.
    """

    leaderboard: Leaderboard
    curves: Chart | None
    rows: Mapping[str, Sequence[Entry]]
    wins: Mapping[str, float]
    spreads: Mapping[str, float]


def tables_of(leaderboards: Sequence[Leaderboard], curves: Mapping[str, Chart]) -> list[Table]:
    """Return the tables of a site.

    Args:
        leaderboards: All leaderboards of the site, in the order of the pages.
        curves: Address of a table -> its learning curves.
    """
    found = []
    for leaderboard in leaderboards:
        group, rows = leaderboard.group, dict[str, list[Entry]]()
        for row in leaderboard.rows:
            rows.setdefault(urls.method_of(row.label), []).append(row)
        spreads = seed_spread(group, leaderboard.metrics[0]) if leaderboard.metrics else {}
        found.append(Table(leaderboard, curves.get(urls.leaderboard(group)), rows, win_rates(group), spreads))
    return found


def method_view(
    method: str, tables: Sequence[Table], registry: Registry, timings: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """Return the page content of a method; only the results if the method is not registered here.

    Args:
        method: Name of the method.
        tables: The tables of the site, from ``tables_of``.
        registry: The registry that describes the methods.
        timings: The step timings, from ``read_timings``.
    """
    facts: dict[str, Any] = {
        "formula": "", "typeset": None, "doc": "", "bibtex": None, "parameters": [], "settings": [], "link": "", "paper": "",
        "reference": False,
    }  # fmt: skip
    if (plugin := method_of(method, registry)) is not None:
        types = plugin.types()
        title, link = title_and_link(plugin.paper)
        facts = {
            "formula": plugin.formula,
            "typeset": typeset(plugin.latex),
            "doc": plugin.doc,
            "bibtex": bibtex(plugin.paper) if plugin.paper else None,
            "paper": title,
            "link": link,
            "reference": plugin.closed_form,
            "settings": [*_settings("paper", plugin.task_params), *_settings("authors", plugin.authors)],
            "parameters": [
                {"name": name, "default": str(value), "type": getattr(types[name], "__name__", str(types[name]))}
                for name, value in plugin.defaults().items()
            ],
        }
    smoke = [tier(table.leaderboard) == SMOKE_TEST for table in tables]
    return {
        "title": method,
        "method": method,
        **facts,
        "measured": _measured(method, [table for table, small in zip(tables, smoke, strict=True) if not small]),
        "smoke": _measured(method, [table for table, small in zip(tables, smoke, strict=True) if small]),
        "speed": list(_speed(method, timings)),
        "speed_header": SPEED_HEADER,
    }


def _measured(method: str, tables: Sequence[Table]) -> dict[str, Any]:
    """Return the places, learning curves and costs of a method in some tables."""
    return {"places": places(method, tables), "gallery": gallery(method, tables), "costs": costs(method, tables)}


def _settings(track: str, by_place: Mapping[str, Mapping[str, Any]]) -> list[dict[str, str]]:
    """Return the settings of a method on a track that differ from its defaults, by kind of task, task or signal."""
    return [
        {"track": track, "place": place, "values": ", ".join(f"{name} = {value}" for name, value in values.items())}
        for place, values in by_place.items()
    ]


def places(method: str, tables: Sequence[Table]) -> list[dict[str, Any]]:
    """Return the positions of a method's rows in all tables that contain them."""
    found = []
    for table in tables:
        leaderboard, group = table.leaderboard, table.leaderboard.group
        metric = leaderboard.metrics[0] if leaderboard.metrics else None
        for row in table.rows.get(method, ()):
            cell = row.cells.get(metric.id) if metric else None
            found.append(
                {
                    "label": row.label,
                    "place": row.position,
                    "of": sum(each.complete for each in leaderboard.rows),
                    "trained": row.trained,
                    "title": formatting.short_title(group),
                    "protocol": group.protocol,
                    "signals": len(leaderboard.signals),
                    "seeds": formatting.seeds_text(row),
                    "behind": NONE
                    if metric is None or row.difference_to_best is None
                    else formatting.interval_text(row.difference_to_best, metric),
                    "rank": formatting.rank_text(leaderboard, row),
                    "metric": formatting.metric_title(metric, [metric]) if metric else "",
                    "value": formatting.cell_text(cell, metric) if metric else NONE,
                    "wins": f"{table.wins[row.label]:.0%}" if row.label in table.wins else NONE,
                    "runs": urls.runs_page(group, row.label),
                    "table": urls.leaderboard(group),
                }
            )
    return found


def costs(method: str, tables: Sequence[Table]) -> list[list[dict[str, str]]]:
    """Return what a method's runs cost and how far its seeds differ, one line per row of a table: cells with text and link."""
    found = []
    for table in tables:
        leaderboard, group = table.leaderboard, table.leaderboard.group
        for row in table.rows.get(method, ()):
            seconds = formatting.seconds_text(row.train_seconds) if leaderboard.worker_layout else NONE
            attempted = row.n_ok + sum(number for reason, number in row.failures.items() if reason != "not run")
            failures = ", ".join(f"{number} {reason}" for reason, number in row.failures.items())
            spread = table.spreads.get(row.label)
            found.append(
                [
                    {"text": formatting.short_title(group), "link": urls.leaderboard(group)},
                    {"text": row.label, "link": urls.runs_page(group, row.label)},
                    {"text": NONE if row.n_params is None else f"{row.n_params:,}"},
                    {"text": seconds},
                    {"text": NONE if spread is None else formatting.spread_text(spread, leaderboard.metrics[0])},
                    {"text": f"{row.n_ok} of {attempted}" + (f" ({failures})" if failures else "")},
                ]
            )
    return found


def gallery(method: str, tables: Sequence[Table]) -> list[Chart]:
    """Return the learning curves of a method, one chart per table, beside the curve of the best method of the table."""
    charts = []
    for table in tables:
        mine = {row.label for row in table.rows.get(method, ())}
        best = {row.label for row in table.leaderboard.rows if row.position == 1}
        lines = [line for line in (table.curves or {"series": ()})["series"] if line["label"] in mine | best]
        if table.curves and any(line["label"] in mine and len(line["x"]) > 1 for line in lines):
            charts.append({**table.curves, "title": formatting.short_title(table.leaderboard.group), "series": lines})
    return charts


def _speed(method: str, timings: Sequence[Mapping[str, Any]]) -> Any:
    for profile in timings:
        for label, timing in profile["timings"].items():
            if urls.method_of(label) == method:
                texts = [NONE if timing[part] is None else f"{timing[part]:.2f}" for part in ("reference", "official", "limit")]
                yield [f"{label}: {profile['caption']}", *texts, f"{timing['speed']:,.0f}"]
