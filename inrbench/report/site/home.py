"""The content of the home page."""

from collections.abc import Sequence
from typing import Any

from inrbench.analyse import Leaderboard
from inrbench.report import formatting
from inrbench.report.site import urls


def home_view(leaderboards: Sequence[Leaderboard], papers: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return the content of the home page: what was measured, tables, methods, and verdicts on papers."""
    frames = [leaderboard.group.runs for leaderboard in leaderboards]
    methods = sorted({urls.method_of(row.label) for leaderboard in leaderboards for row in leaderboard.rows})
    return {
        "title": "Leaderboards",
        "runs": sum(map(len, frames)),
        "methods": methods,
        "tasks": sorted({leaderboard.group.task for leaderboard in leaderboards}),
        "devices": sorted({device for leaderboard in leaderboards for device in leaderboard.devices}),
        "from": min(frame["started_at"].min() for frame in frames),
        "to": max(frame["started_at"].max() for frame in frames),
        "tables": [_table(leaderboard) for leaderboard in leaderboards],
        "places": _places(leaderboards, methods),
        "papers": papers,
    }


def _table(leaderboard: Leaderboard) -> dict[str, Any]:
    group = leaderboard.group
    best = [row.label for row in leaderboard.rows if leaderboard.metrics and row.marks.get(leaderboard.metrics[0].id) == "best"]
    return {
        "page": f"{urls.table_page(group.task, group.fingerprint)}#{urls.leaderboard_anchor(group)}",
        "task": group.task,
        "protocol": group.protocol,
        "track": group.track,
        "device": group.device_class,
        "engine": group.engine,
        "methods": len(leaderboard.rows),
        "signals": len(leaderboard.signals),
        "seeds": len(leaderboard.seeds),
        "best": ", ".join(best),
        "metric": formatting.metric_title(leaderboard.metrics[0], [leaderboard.metrics[0]]) if leaderboard.metrics else "",
    }


def _places(leaderboards: Sequence[Leaderboard], methods: Sequence[str]) -> list[dict[str, Any]]:
    """Return for each method how it compares with others, by its best row in each table in which it is complete."""
    rows = []
    for method in methods:
        places: list[tuple[int, int]] = []
        for leaderboard in leaderboards:
            best = [row for row in leaderboard.rows if row.complete and row.position]
            rivals = {urls.method_of(row.label) for row in best}
            own = [row.position for row in best if urls.method_of(row.label) == method and row.position]
            if own and len(rivals) > 1:
                ahead = {urls.method_of(row.label) for row in best if row.position and row.position < min(own)} - {method}
                places.append((len(ahead) + 1, len(rivals)))
        if places:
            beaten = sum((n - position) / (n - 1) for position, n in places) / len(places)
            rows.append(
                {
                    "method": method,
                    "page": urls.method_page(method),
                    "tables": len(places),
                    "first": sum(position == 1 for position, _ in places),
                    "beaten": f"{beaten:.0%}",
                    "key": round(beaten, 4),
                }
            )
    return sorted(rows, key=lambda row: -row["key"])
