"""What stands on a method's page."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from inrbench.analyse import Board
from inrbench.analyse.papers import bibtex
from inrbench.registry import Registry
from inrbench.report import words
from inrbench.report.site import names
from inrbench.store.files import read_regular
from inrbench.store.guard import read_json

SPEED_HEADER = ("what", "step / plain step", "step / authors' style", "step / limit", "points a second")


def method_view(method: str, boards: Sequence[Board], registry: Registry, cards: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return a method's page; of a method that is no plugin here any more, its results alone."""
    facts: dict[str, Any] = {"formula": "", "doc": "", "bibtex": None, "parameters": []}
    if method in registry.methods:
        plugin = registry.method(method)
        types = plugin.types()
        facts = {
            "formula": plugin.formula, "doc": plugin.doc, "bibtex": bibtex(plugin.paper) if plugin.paper else None,
            "parameters": [
                {"name": name, "default": str(value), "type": getattr(types[name], "__name__", str(types[name]))}
                for name, value in plugin.defaults().items()
            ],
        }  # fmt: skip
    return {"title": method, "method": method, **facts, "places": places(method, boards), "speed": list(_speed(method, cards)),
            "speed_header": SPEED_HEADER}  # fmt: skip


def places(method: str, boards: Sequence[Board]) -> list[dict[str, Any]]:
    """Return where a method's rows stand in every table that has them."""
    found = []
    for board in boards:
        for row in board.rows:
            if names.method_of(row.label) != method:
                continue
            metric = board.metrics[0] if board.metrics else None
            cell = row.cells.get(metric.id) if metric else None
            group = board.group
            found.append({
                "label": row.label, "place": row.place, "of": len(board.rows),
                "rank": words.rank_text(board, row), "metric": words.metric_title(metric, [metric]) if metric else "",
                "value": words.cell_text(cell, metric) if metric else words.NONE,
                "runs": names.runs_page(group, row.label), "title": words.title(group),
                "table": f"{names.table_page(group.task, group.fingerprint)}#{names.board_anchor(group)}",
            })  # fmt: skip
    return found


def read_cards(results: Path) -> list[dict[str, Any]]:
    """Return the speed cards that ``inrbench profile --format json`` left in the folder ``profile`` of a results folder.

    What is no speed card is passed over: a results folder may be anybody's.
    """
    folder = results / "profile"
    found = []
    for path in sorted(folder.glob("*.json")) if folder.is_dir() and not folder.is_symlink() else ():
        try:
            held = read_json(read_regular(path))
            cards = {str(label): _card(card) for label, card in held["cards"].items()}
        except (OSError, ValueError, TypeError, KeyError, AttributeError, ArithmeticError):
            continue
        found.append({"what": str(held.get("what", "")), "cards": cards})
    return found


def _card(card: Mapping[str, Any]) -> dict[str, float | None]:
    """Return the numbers of a speed card that are shown. Raises what a card of another form gives."""
    ratios = {part: card.get(f"fast_to_{part}") for part in ("reference", "official", "limit")}
    speed = card.get("points_per_second") or card["points"] / min(card["rounds"]["fast"])
    return {part: None if ratio is None else float(ratio) for part, ratio in ratios.items()} | {"speed": float(speed)}


def _speed(method: str, cards: Sequence[Mapping[str, Any]]) -> Any:
    for profile in cards:
        for label, card in profile["cards"].items():
            if names.method_of(label) == method:
                texts = [
                    words.NONE if card[part] is None else f"{card[part]:.2f}" for part in ("reference", "official", "limit")
                ]
                yield [f"{label}: {profile['what']}", *texts, f"{card['speed']:,.0f}"]
