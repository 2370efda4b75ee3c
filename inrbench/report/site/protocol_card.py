"""What was measured, in words: the protocol card of a table page."""

from collections.abc import Sequence
from typing import Any

from inrbench.analyse import ComparableRuns
from inrbench.analyse.statistics import MIN_PAIRS
from inrbench.registry import Registry, Task
from inrbench.report import formatting
from inrbench.report.registered import known_protocol, task_of
from inrbench.spec import Protocol, ProtocolLabel

TRACKS = {
    "paper": "every method is trained with the learning rate and schedule of the protocol; parameters that methods have for "
    "this task are listed under the table",
    "authors": "every method is trained as its authors train it",
    "tuned": "every method has the settings that a search of equal budget found for it on signals that are not in this "
    "table; a larger search could change the order",
}
SAID = {"max_pixels": "images reduced to at most this many pixels:", "share": "share of pixels that are given"}
"""Setting -> what it does, where its name does not say it."""
KINDS = {
    "quick": "A smoke test: it takes seconds per run. With more steps the order of methods can be reversed.",
    "standard": "Sized for a laptop: signals and networks are small, so do not compare its values with those in papers.",
    "paper": "The full experiment. Where the paper and its code give no value, the value is a choice of inrbench.",
    "lbfgs": "As standard, with L-BFGS after Adam.",
}


def protocol_card(groups: Sequence[ComparableRuns], registry: Registry) -> dict[str, Any]:
    """Return what was fitted, how, and what is measured, as terms with texts; no terms if the protocol is not known here.

    Args:
        groups: The runs of all tables of one task and protocol.
        registry: The registry that describes the task.
    """
    group = groups[0]
    label = ProtocolLabel.parse(group.protocol)
    card: dict[str, Any] = {"kind": KINDS.get(label.name, ""), "smoke": label.name == "quick", "terms": [], "about": ""}
    signals = max(each.runs["signal"].nunique() for each in groups)
    if not card["smoke"] and signals < MIN_PAIRS:
        card["kind"] += f" Do not cite the order of methods: it was measured on {formatting.counted(signals, 'signal')}."
    task = task_of(group.task, registry)
    if task is None:
        return card
    card["about"] = task.doc.split("\n\n")[0].replace("``", "").replace("\n", " ")
    protocol = known_protocol(task, group.protocol, group.fingerprint)
    if protocol is not None:
        card["terms"] = [*_terms(task, protocol), ("Signals", _signals(groups))]
        if task.tuning_split and any(each.track.startswith("tuned") for each in groups):
            card["terms"].append(("Tuned on", f"{task.tuning_split[0]}: {', '.join(task.tuning_split[1])}"))
    return card


def _signals(groups: Sequence[ComparableRuns]) -> str:
    """Return how many signals were measured, on each track if that differs."""
    counts = {group.track: group.runs["signal"].nunique() for group in groups}
    if len(set(counts.values())) == 1:
        return f"{next(iter(counts.values()))} measured"
    return ", ".join(f"{number} measured on track {track}" for track, number in counts.items())


def track_text(track: str) -> str:
    """Return what a track means; "" for an unknown one."""
    return TRACKS.get(track.split("-", maxsplit=1)[0], "")


def _terms(task: Task, protocol: Protocol) -> list[tuple[str, str]]:
    batch = "all points" if protocol.batch is None else f"{protocol.batch:,} points"
    rate = f"{protocol.lr:g}" if protocol.lr_min == protocol.lr else f"{protocol.lr:g} to {protocol.lr_min:g}"
    steps = f"{protocol.epochs:,} epoch{'s' if protocol.epochs > 1 else ''} with {batch} per step"
    metrics = task.metrics_of(protocol)
    titles = [formatting.metric_title(metric, list(metrics)) for metric in metrics if metric.role != "oracle"]
    settings = ", ".join(
        f"{SAID.get(name, name.replace('_', ' '))} {value}"
        for name, value in protocol.settings.encoded().items()
        if value is not None
    )
    terms = [
        (
            "Network",
            f"{protocol.n_layers} nonlinear layers of width {protocol.width}; other methods have about as many parameters",
        ),
        ("Training", f"{steps}, {protocol.optimiser}, learning rate {rate} ({protocol.schedule}), {protocol.precision}"),
        ("Measured", f"{', '.join(titles)}. Methods are ranked by the first"),
    ]
    if settings:
        terms.append(("Task settings", settings))
    return terms
