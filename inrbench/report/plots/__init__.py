"""Figures for papers: pure functions from comparable runs to matplotlib figures, all in one style."""

from collections.abc import Callable

from matplotlib.figure import Figure

from inrbench.analyse import ComparableRuns
from inrbench.report.plots.curves import curves, sweep
from inrbench.report.plots.gallery import gallery
from inrbench.report.plots.pareto import pareto
from inrbench.report.plots.probes import activations, gradients, ntk, spectrum
from inrbench.report.plots.ranks import critical_difference_diagram, critical_difference_over_tasks
from inrbench.report.plots.signals import per_signal
from inrbench.report.plots.style import plot_style

PLOTS: dict[str, Callable[[ComparableRuns], Figure]] = {
    "curves": curves,
    "pareto": pareto,
    "gradients": gradients,
    "activations": activations,
    "ntk": ntk,
    "spectrum": spectrum,
    "critical-difference": critical_difference_diagram,
    "per-signal": per_signal,
}

__all__ = ["PLOTS", "critical_difference_over_tasks", "gallery", "plot_style", "sweep"]
