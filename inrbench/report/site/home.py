"""What stands on the first page."""

from collections.abc import Sequence
from typing import Any

from inrbench.analyse import Board
from inrbench.report import words
from inrbench.report.site import names


def home_view(boards: Sequence[Board], papers: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return what was measured, the tables, the places of the methods in them, and the papers' verdicts."""
    frames = [board.group.runs for board in boards]
    methods = sorted({names.method_of(row.label) for board in boards for row in board.rows})
    return {
        "title": "Leaderboards", "runs": sum(map(len, frames)), "methods": methods,
        "tasks": sorted({board.group.task for board in boards}),
        "devices": sorted({device for board in boards for device in board.devices}),
        "from": min(frame["started_at"].min() for frame in frames), "to": max(frame["started_at"].max() for frame in frames),
        "tables": [_table(board) for board in boards], "places": _places(boards, methods), "papers": papers,
    }  # fmt: skip


def _table(board: Board) -> dict[str, Any]:
    group = board.group
    best = [row.label for row in board.rows if board.metrics and row.marks.get(board.metrics[0].id) == "best"]
    return {
        "page": f"{names.table_page(group.task, group.fingerprint)}#{names.board_anchor(group)}", "task": group.task,
        "protocol": group.protocol, "track": group.track, "device": group.device_class, "engine": group.engine,
        "methods": len(board.rows), "signals": len(board.signals), "seeds": len(board.seeds), "best": ", ".join(best),
        "metric": words.metric_title(board.metrics[0], [board.metrics[0]]) if board.metrics else "",
    }  # fmt: skip


def _places(boards: Sequence[Board], methods: Sequence[str]) -> list[dict[str, Any]]:
    """Return for each method how often it stands where: the best of its rows in every table in which it is complete."""
    rows = []
    for method in methods:
        held: list[tuple[int, int]] = []
        for board in boards:
            best = [row for row in board.rows if row.complete and row.place]
            rivals = {names.method_of(row.label) for row in best}
            own = [row.place for row in best if names.method_of(row.label) == method and row.place]
            if own and len(rivals) > 1:
                ahead = {names.method_of(row.label) for row in best if row.place and row.place < min(own)} - {method}
                held.append((len(ahead) + 1, len(rivals)))
        if held:
            beaten = sum((n - place) / (n - 1) for place, n in held) / len(held)
            rows.append({
                "method": method, "page": names.method_page(method), "tables": len(held),
                "first": sum(place == 1 for place, _ in held), "beaten": f"{beaten:.0%}", "key": round(beaten, 4),
            })  # fmt: skip
    return sorted(rows, key=lambda row: -row["key"])
