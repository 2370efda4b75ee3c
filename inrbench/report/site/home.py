"""The content of the home page: which method is best, by how much, and how sure that is."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from inrbench.analyse import Leaderboard
from inrbench.analyse.costs import times_to_targets
from inrbench.analyse.overall import FAMILIES, OFF_GRID, Overall, OverallEntry, overall
from inrbench.analyse.statistics import MIN_PAIRS
from inrbench.console import NONE
from inrbench.errors import NothingFound
from inrbench.registry import Registry
from inrbench.report import formatting
from inrbench.report.overall import decimals_of, number_parts, percent_parts
from inrbench.report.registered import method_of, task_of
from inrbench.report.site import urls
from inrbench.report.site.answers import Answer, answers, answers_of, depends_on_settings
from inrbench.report.site.charts import curve_charts, pareto_charts
from inrbench.report.site.papers import title_and_link
from inrbench.report.site.tiers import CITABLE, SMOKE_TEST, chosen_tables, tier, tier_order
from inrbench.report.site.timings import fit_seconds
from inrbench.report.site.verdict import verdict_of

TITLES = {"fitting": "Images, video and functions", "shapes": "3-D shapes", "sound": "Sound",
          "inverse problems": "Inverse problems", "equations": "Differential equations", "other": "Other tasks"}  # fmt: skip
FEW_SIGNALS = 3
"""Number of signals up to which a tile names them."""
TARGET = 30.0
"""Decibels for which the answer shows the time of training."""


def home_view(
    leaderboards: Sequence[Leaderboard],
    papers: Sequence[dict[str, Any]],
    pictures: Mapping[str, str],
    timings: Sequence[Mapping[str, Any]],
    registry: Registry,
) -> dict[str, Any]:
    """Return the content of the home page: the answer, a tile per table, verdicts on papers, and all tables.

    Args:
        leaderboards: All leaderboards of the site.
        papers: The views of the paper pages.
        pictures: Task -> address of a picture of one of its signals.
        timings: The step timings, from ``read_timings``.
        registry: The registry that describes tasks and methods.
    """
    frames = [leaderboard.group.runs for leaderboard in leaderboards]
    methods = sorted({urls.method_of(row.label) for leaderboard in leaderboards for row in leaderboard.rows})
    said = {each.group.task: list(answers_of(each, leaderboards)) for each in chosen_tables(leaderboards)}
    answer = _answer(leaderboards, said, timings, registry)
    families = _families(leaderboards, said, pictures, registry)
    return {
        "title": "Which implicit neural representation should I use?",
        "runs": sum(map(len, frames)),
        "methods": [_method(name, registry) for name in methods],
        "tasks": sorted({leaderboard.group.task for leaderboard in leaderboards}),
        "devices": sorted({device for leaderboard in leaderboards for device in leaderboard.devices}),
        "from": min(frame["started_at"].min() for frame in frames),
        "to": max(frame["started_at"].max() for frame in frames),
        "answer": answer,
        "families": families,
        "tables": [_table(leaderboard) for leaderboard in sorted(leaderboards, key=tier_order)],
        "papers": papers,
        "smoke": any(family["smoke"] for family in families),
    }


def _answer(
    leaderboards: Sequence[Leaderboard],
    said: Mapping[str, Sequence[Answer]],
    timings: Sequence[Mapping[str, Any]],
    registry: Registry,
) -> dict[str, Any] | None:
    """Return the table over all tasks of the best protocol, with its chart; None if no two methods are in all tables.

    Tables with too few signals for a test do not take part, unless all have so few.

    Args:
        leaderboards: All leaderboards of the site.
        said: Task -> what its tables say.
        timings: The step timings, from ``read_timings``.
        registry: The registry that describes the tasks.
    """
    tables = chosen_tables(leaderboards)
    for name in CITABLE:
        of_tier = [leaderboard for leaderboard in tables if tier(leaderboard) == name]
        enough = [leaderboard for leaderboard in of_tier if len(leaderboard.signals) >= MIN_PAIRS]
        chosen = _of_one_kind(enough or of_tier)
        try:
            results = overall([leaderboard.group for leaderboard in chosen])
        except (NothingFound, ValueError):
            continue
        solved = {row.label for each in chosen for row in each.rows if row.solved}
        by_family = {result.family: {entry.label: entry for entry in result.entries} for result in results}
        whole = next((result for result in results if result.family == "all"), Overall("all", [], {}, {}))
        columns = [
            (result, unit)
            for result in results
            if result.family != "all" or len(results) == 1
            for unit in result.entries[0].gaps
        ]
        everywhere = {entry.label: entry for entry in whole.entries}
        somewhere = dict.fromkeys(entry.label for result, _ in columns for entry in result.entries)
        trained = {
            label: min(entry.trained for result, _ in columns for entry in result.entries if entry.label == label)
            for label in somewhere
        }
        seconds = _seconds(chosen)
        fitted_task, fits = next(
            ((each.group.task, found) for each in chosen if (found := fit_seconds(each, timings, registry))), ("", {})
        )
        timed_task, to_target = _time_to_target(chosen)
        return {
            "protocol": name,
            "tables": [{"task": each.group.task, "page": urls.leaderboard(each.group), "signals": len(each.signals),
                        "track": each.group.track, "seeds": _seeds(each)} for each in chosen],
            "apart": sorted({each.group.task for each in chosen} - set(map(_task, whole.tables))) if everywhere else [],
            "columns": [_column(result, unit) for result, unit in columns],
            "target": f"{timed_task} to {TARGET:g} dB (s)" if to_target else "",
            "timed": bool(seconds),
            "fitted": fitted_task,
            "untrained": any(share < 1 and label not in solved for label, share in trained.items()),
            "rows": [
                {
                    "label": label,
                    "page": urls.method_page(urls.method_of(label)),
                    "reference": label in solved,
                    "wins": percent_parts(everywhere[label].win_rate) if label in everywhere else (NONE, ""),
                    "key": round(everywhere[label].win_rate.mean, 4) if label in everywhere else "",
                    "gaps": [_gap(by_family[result.family].get(label), unit) for result, unit in columns],
                    "seconds": f"{seconds[label]:.3g}" if label in seconds else NONE,
                    "fit": f"{fits[label]:.3g}" if label in fits else NONE,
                    "to_target": to_target.get(label, NONE),
                    "trained": NONE if label in solved else f"{trained[label]:.0%}",
                }
                for label in dict.fromkeys([*everywhere, *somewhere])
            ],
            "left_out": sorted(whole.left_out.keys() - somewhere.keys()),
            "absent": _absent(chosen, leaderboards, registry),
            "chart": _chart(chosen),
            "answers": answers(chosen, said, leaderboards),
        }  # fmt: skip
    return None


def _absent(chosen: Sequence[Leaderboard], leaderboards: Sequence[Leaderboard], registry: Registry) -> list[str]:
    """Return the methods that have runs elsewhere and could be in the chosen tables, but are in none of them.

    Args:
        chosen: The tables that answer.
        leaderboards: All tables.
        registry: The registry that knows what methods support.
    """
    known = {urls.method_of(row.label) for each in leaderboards for row in each.rows}
    shown = {urls.method_of(row.label) for each in chosen for row in each.rows}
    kinds = [task.kind for each in chosen if (task := task_of(each.group.task, registry)) is not None]
    methods = {name: method_of(name, registry) for name in known - shown}
    return sorted(name for name, method in methods.items() if method is None or any(map(method.supports, kinds)))


def _of_one_kind(tables: Sequence[Leaderboard]) -> list[Leaderboard]:
    """Return the tables of the track, device class and engine that most of them have: others must not be averaged with them."""

    def kind(leaderboard: Leaderboard) -> tuple[str, str, str]:
        group = leaderboard.group
        return group.track.split("-")[0], group.device_class, group.engine

    usual = Counter(map(kind, tables)).most_common(1)
    return [leaderboard for leaderboard in tables if kind(leaderboard) == usual[0][0]]


def _chart(tables: Sequence[Leaderboard]) -> dict[str, Any]:
    """Return quality against training time, or against steps if no times are comparable, of the table with the most runs."""
    largest = max(tables, key=lambda each: sum(row.n_ok for row in each.rows if not row.solved))
    timed = (chart for chart in pareto_charts(largest) if chart["x"]["label"].startswith("train time"))
    chart = next(timed, None) or curve_charts(largest)[0]
    return {**chart, "title": f"{largest.group.task}: {chart['title']}"}


def _column(result: Overall, unit: str) -> str:
    """Return the head of a column of distances: its tasks, the unit, and whether it is measured between the fitted points."""
    tasks = ", ".join(_task(name) for name, of_table in result.units.items() if of_table == unit)
    name = f"off-grid: {tasks}" if result.family == OFF_GRID else tasks
    return f"{name} ({unit})" if unit else name


def _task(name: str) -> str:
    """Return the task in the name of a table of ``overall``."""
    return name.partition(" (")[0]


def _gap(entry: OverallEntry | None, unit: str) -> dict[str, str]:
    """Return the cell of a mean distance to the best method."""
    if entry is None or unit not in entry.gaps:
        return {"text": NONE, "interval": "", "key": ""}
    text, interval = number_parts(entry.gaps[unit], decimals_of(unit))
    return {"text": text, "interval": interval, "key": f"{entry.gaps[unit].mean:.6g}"}


def _seconds(tables: Sequence[Leaderboard]) -> dict[str, float]:
    """Return the training time of each row, if there is one table and its times are comparable; times of tables differ."""
    if len(tables) != 1 or not tables[0].worker_layout:
        return {}
    return {row.label: row.train_seconds.mean for row in tables[0].rows if row.train_seconds}


def _time_to_target(tables: Sequence[Leaderboard]) -> tuple[str, dict[str, str]]:
    """Return the first task whose primary metric is in decibels, and the median time to TARGET of each row."""
    for leaderboard in tables:
        if leaderboard.worker_layout and (times := times_to_targets(leaderboard.group, (TARGET,))):
            return leaderboard.group.task, {
                each.label: f"{each.seconds:.3g}" if each.seconds < float("inf") else f"> {each.longest:.3g}" for each in times
            }
    return "", {}


def _families(
    leaderboards: Sequence[Leaderboard],
    said: Mapping[str, Sequence[Answer]],
    pictures: Mapping[str, str],
    registry: Registry,
) -> list[dict[str, Any]]:
    """Return a tile for each task, by family: of its best table, marked if that is a smoke test.

    Args:
        leaderboards: All leaderboards of the site.
        said: Task -> what its tables say.
        pictures: Task -> address of a picture of one of its signals.
        registry: The registry that describes the tasks.
    """
    tiles: dict[str, dict[str, list[dict[str, Any]]]] = {}
    best_of = {each.group.task: each for each in chosen_tables(leaderboards)}
    for leaderboard in sorted(leaderboards, key=tier_order):
        group = leaderboard.group
        if best_of.setdefault(group.task, leaderboard) is not leaderboard:
            continue
        task = task_of(group.task, registry)
        both = tiles.setdefault(FAMILIES.get(task.kind if task else "", "other"), {"citable": [], "smoke": []})
        kind = "smoke" if tier(leaderboard) == SMOKE_TEST else "citable"
        both[kind].append(_tile(leaderboard, pictures.get(group.task), said.get(group.task, ())))
    return [{"title": TITLES[family], **tiles[family]} for family in TITLES if family in tiles]


def _tile(leaderboard: Leaderboard, picture: str | None, said: Sequence[Answer]) -> dict[str, Any]:
    """Return the tile of a task.

    Args:
        leaderboard: The table that answers.
        picture: Address of a picture of one of its signals.
        said: What its table says, and then those of other tracks; empty for a smoke test.
    """
    group = leaderboard.group
    verdict = said[0].verdict if said else verdict_of(leaderboard)
    if depends_on_settings(said):
        different = tuple(
            f"With {other.column}, {other.verdict.winner} is {other.verdict.margin}."
            for other in said
            if other.verdict.decided and other.verdict.winner != verdict.winner
        )
        verdict = replace(
            verdict, status="not decided", sure="It depends on the settings.", remarks=(*different, *verdict.remarks)
        )
    return {
        "page": urls.leaderboard(leaderboard.group),
        "task": group.task,
        "protocol": group.protocol,
        "track": group.track,
        "picture": picture,
        "verdict": verdict,
        "signals": leaderboard.signals if len(leaderboard.signals) <= FEW_SIGNALS else [],
    }


def _method(name: str, registry: Registry) -> dict[str, str]:
    """Return a method's name, formula and paper; only the name if it is not registered here."""
    plugin = method_of(name, registry)
    title, link = title_and_link(plugin.paper if plugin else None)
    formula = plugin.formula if plugin else ""
    return {"name": name, "page": urls.method_page(name), "formula": formula, "paper": title, "link": link}


def _seeds(leaderboard: Leaderboard) -> str:
    """Return the number of seeds per signal of the methods that trained; references need no seeds."""
    seeds = [number for row in leaderboard.rows if row.trained and not row.solved for number in row.seeds]
    return "0" if not seeds else str(min(seeds)) if min(seeds) == max(seeds) else f"{min(seeds)} to {max(seeds)}"


def _table(leaderboard: Leaderboard) -> dict[str, Any]:
    group = leaderboard.group
    best = [row.label for row in leaderboard.rows if leaderboard.metrics and row.marks.get(leaderboard.metrics[0].id) == "best"]
    metric = leaderboard.metrics[0] if leaderboard.metrics else None
    values = [
        formatting.cell_text(row.cells.get(metric.id), metric) for row in leaderboard.rows if metric and row.label in best
    ]
    return {
        "page": urls.leaderboard(leaderboard.group),
        "task": group.task,
        "protocol": group.protocol,
        "smoke": tier(leaderboard) == SMOKE_TEST,
        "track": group.track,
        "device": group.device_class,
        "methods": len(leaderboard.rows),
        "signals": len(leaderboard.signals),
        "seeds": _seeds(leaderboard),
        "best": ", ".join(best),
        "value": values[0] if values else "",
        "metric": formatting.metric_title(metric, [metric]) if metric else "",
    }
