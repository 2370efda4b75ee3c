"""Format step timings as tables."""

import json
from collections.abc import Mapping
from dataclasses import asdict

from tabulate import tabulate

from inrbench.console import NONE
from inrbench.profiling.timing import StepTiming
from inrbench.store import Environment

HEADER = (
    "method",
    "fast / reference",
    "fast / official",
    "fast / limit",
    "points/s",
    "matmul share",
    "reference peak (MiB)",
    "fast peak (MiB)",
    "step",
)


def speed_rows(cards: Mapping[str, StepTiming]) -> list[list[str]]:
    """Return the table's rows as text, fastest method first."""
    ordered = sorted(cards.items(), key=lambda item: -item[1].points_per_second)
    return [
        [
            label,
            f"{card.fast_to_reference:.2f}",
            _ratio(card.fast_to_official),
            f"{card.fast_to_limit:.2f}",
            f"{card.points_per_second:,.0f}",
            f"{card.matmul_share:.0%}",
            _mebibytes(card.peaks.get("reference")),
            _mebibytes(card.peaks.get("fast")),
            "compiled" if card.facts.compiled else card.facts.note or "eager",
        ]
        for label, card in ordered
    ]


def speed_table(cards: Mapping[str, StepTiming], caption: str, machine: Environment, style: str) -> str:
    """Return step timings as a table or as JSON.

    Args:
        cards: Label -> step timing.
        caption: Text below the table that states what was measured.
        machine: Environment of the measurement; only in the JSON.
        style: ``plain``, ``markdown`` or ``json``. The JSON contains every round.
    """
    if style == "json":
        values = {
            label: {
                **asdict(card),
                "fast_to_reference": card.fast_to_reference,
                "fast_to_official": card.fast_to_official,
                "fast_to_limit": card.fast_to_limit,
            }
            for label, card in cards.items()
        }
        return json.dumps({"what": caption, "machine": asdict(machine), "cards": values}, indent=1) + "\n"
    aligned = ("left", *["right"] * (len(HEADER) - 2), "left")
    layout = "pipe" if style == "markdown" else "simple"
    table = tabulate(speed_rows(cards), headers=HEADER, tablefmt=layout, colalign=aligned, disable_numparse=True)
    return f"{table}\n\n{caption}\n"


def _ratio(value: float | None) -> str:
    return NONE if value is None else f"{value:.2f}"


def _mebibytes(count: int | None) -> str:
    return NONE if count is None else f"{count / 2**20:,.0f}"
