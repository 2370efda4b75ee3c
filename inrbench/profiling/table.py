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


def speed_rows(timings: Mapping[str, StepTiming]) -> list[list[str]]:
    """Return the table's rows as text, fastest method first."""
    ordered = sorted(timings.items(), key=lambda item: -item[1].points_per_second)
    return [
        [
            label,
            f"{timing.fast_to_reference:.2f}",
            _ratio(timing.fast_to_official),
            f"{timing.fast_to_limit:.2f}",
            f"{timing.points_per_second:,.0f}",
            f"{timing.matmul_share:.0%}",
            _mebibytes(timing.peaks.get("reference")),
            _mebibytes(timing.peaks.get("fast")),
            "compiled" if timing.facts.compiled else timing.facts.note or "eager",
        ]
        for label, timing in ordered
    ]


def speed_table(
    timings: Mapping[str, StepTiming], caption: str, machine: Environment, style: str, size: tuple[str, str] = ("", "")
) -> str:
    """Return step timings as a table or as JSON.

    Args:
        timings: Label -> step timing.
        caption: Text below the table that states what was measured.
        machine: Environment of the measurement; only in the JSON.
        style: ``plain``, ``markdown`` or ``json``. The JSON contains every round.
        size: Kind of task, such as ``image``, and shape of the network, such as ``4x400``; only in the JSON.
    """
    if style == "json":
        values = {
            label: {
                **asdict(timing),
                "fast_to_reference": timing.fast_to_reference,
                "fast_to_official": timing.fast_to_official,
                "fast_to_limit": timing.fast_to_limit,
            }
            for label, timing in timings.items()
        }
        content = {"caption": caption, "kind": size[0], "shape": size[1], "machine": asdict(machine), "timings": values}
        return json.dumps(content, indent=1) + "\n"
    aligned = ("left", *["right"] * (len(HEADER) - 2), "left")
    layout = "pipe" if style == "markdown" else "simple"
    table = tabulate(speed_rows(timings), headers=HEADER, tablefmt=layout, colalign=aligned, disable_numparse=True)
    return f"{table}\n\n{caption}\n"


def _ratio(value: float | None) -> str:
    return NONE if value is None else f"{value:.2f}"


def _mebibytes(count: int | None) -> str:
    return NONE if count is None else f"{count / 2**20:,.0f}"
