"""Probe readings as lines against steps: the mean over the runs of a row, one panel per row."""

from collections.abc import Callable, Iterator

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from inrbench.analyse import ComparableRuns
from inrbench.errors import NothingFound
from inrbench.report import formatting
from inrbench.report.plots.labels import height_for, label_right
from inrbench.report.plots.style import COLOURS, average, line_styles, panels, wrap_label

FIRST = 0.5
"""Position of step 0 on the logarithmic axis."""
SHARES = {"r1": "#0072B2", "r2": "#56B4E9", "r3": "#CFE8F5", "remain": "#E69F00"}


def gradients(group: ComparableRuns) -> Figure:
    """Draw the mean log10 |gradient| of each weight matrix, from input to output (Han et al., equation 7)."""

    def draw(axes: Axes, readings: pd.DataFrame) -> None:
        for i, (name, line) in enumerate(_lines(readings)):
            axes.plot(line.index, line, label=name, color=COLOURS[i % len(COLOURS)])

    return _panels(group, "gradients", draw, "mean log10 |gradient|")


def activations(group: ComparableRuns) -> Figure:
    """Draw the standard deviation of each layer's activations, and the share of dead units (dashed)."""

    def draw(axes: Axes, readings: pd.DataFrame) -> None:
        for name, line in _lines(readings):
            what, _, layer = name.partition(" layer ")
            colour = COLOURS[(int(layer) - 1) % len(COLOURS)]
            dead = what == "dead"
            axes.plot(line.index, line, label=None if dead else f"layer {layer}", color=colour, linestyle="--" if dead else "-")

    return _panels(group, "activations", draw, "std of activations; dead share (dashed)")


def ntk(group: ComparableRuns) -> Figure:
    """Draw the kernel's three largest eigenvalues and the rest as shares of its trace, stacked (Han et al., figure 2b)."""

    def draw(axes: Axes, readings: pd.DataFrame) -> None:
        lines = {name: line for name, line in _lines(readings) if name in SHARES}
        steps = next(iter(lines.values())).index
        axes.stackplot(steps, *(lines[name] for name in SHARES), labels=list(SHARES), colors=list(SHARES.values()))
        axes.axhline(0.6, color="black", linewidth=0.6, linestyle=":")
        axes.set(ylim=(0, 1))

    return _panels(group, "ntk", draw, "share of the kernel's trace")


def spectrum(group: ComparableRuns) -> Figure:
    """Draw the final error's energy by octave of frequency, one line per row (geometric mean), and the signal's in grey."""
    readings = _readings(group, "spectrum")
    readings = readings[readings["step"] == readings.groupby("run_id")["step"].transform("max")]
    figure, (axes,) = panels(1, formatting.title(group))
    truth = _by_octave(readings, "truth")
    axes.plot(truth.index, truth, color="#999999", label="signal")
    style, ends = line_styles(readings["label"]), {"signal": float(truth.iloc[-1])}
    for label, part in readings.groupby("label", sort=True):
        line = _by_octave(part, "error")
        ends[str(label)] = float(line.iloc[-1])
        axes.plot(line.index, line, label=label, **style[str(label)])
    names = sorted({name.partition(" ")[2] for name in readings["name"]}, key=_octave)
    axes.set_xticks(range(len(names)), names, rotation=45)
    axes.set(yscale="log", xlabel="frequency (cycles per domain)", ylabel="energy")
    axes.margins(x=0.02)
    figure.set_figheight(height_for(len(ends), figure.get_figheight()))
    label_right(axes, ends, {**style, "signal": {"color": "#777777"}})
    return figure


def _by_octave(readings: pd.DataFrame, what: str) -> "pd.Series[float]":
    part = readings[readings["name"].str.startswith(f"{what} ")]
    octave = part["name"].str.partition(" ")[2].map(_octave)
    return part["value"].groupby(octave).agg(average(log=True)).sort_index()


def _octave(name: str) -> int:
    """Return the index of an octave from its name: 0 for ``0-1``, 1 for ``1-2``."""
    return int(name.partition("-")[2]).bit_length() - 1


def _readings(group: ComparableRuns, probe: str) -> pd.DataFrame:
    """Return the readings of one probe, one row per reading, with run id and label."""
    rows = [
        {"run_id": run.run_id, "label": run.label, **reading}
        for run in group.runs.itertuples(index=False)
        for reading in (run.probes if run.probes is not None else ())
        if reading["probe"] == probe and reading["name"] != "things read"
    ]
    if not rows:
        raise NothingFound(
            f"{formatting.title(group)}: none of these runs has readings of this probe; add --probe {probe} to inrbench run"
        )
    return pd.DataFrame(rows)


def _lines(readings: pd.DataFrame) -> Iterator[tuple[str, "pd.Series[float]"]]:
    """Yield each name with its mean over runs, at the steps that most runs have: a mean of other runs would be a jump."""
    for name, part in readings.groupby("name", sort=True):
        steps = part.groupby("step")["value"]
        line = steps.mean()[steps.size() == steps.size().max()]
        yield str(name), line.set_axis(np.maximum(line.index, FIRST))


def _panels(group: ComparableRuns, probe: str, draw: Callable[[Axes, pd.DataFrame], None], what: str) -> Figure:
    rows = list(_readings(group, probe).groupby("label", sort=True))
    figure, axes = panels(len(rows), formatting.title(group))
    for panel, (label, readings) in zip(axes, rows, strict=True):
        draw(panel, readings)
        panel.set(xscale="log", xlabel="step", title=wrap_label(str(label)))
    axes[0].set(ylabel=what)
    axes[-1].legend(loc="center left", bbox_to_anchor=(1.0, 0.5))
    return figure
