"""A user's request: which methods to run on which tasks, and how each method is trained."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from inrbench.spec import Track, Value

FOUND_BY_SEARCH = "tuned with a budget of"
"""First words of the source of a recipe that a search found."""


def split_source(note: str) -> tuple[str, str]:
    """Return how a recipe was found, and the ranges that were searched; the second is "" for a note about anything else.

    >>> split_source("tuned with a budget of 4 runs on photo/coffee by psnr; lr 0.0001 to 0.01, omega 5 to 120")
    ('tuned with a budget of 4 runs on photo/coffee by psnr', 'lr 0.0001 to 0.01, omega 5 to 120')
    """
    if not note.startswith(FOUND_BY_SEARCH):
        return note, ""
    how, _, ranges = note.partition("; ")
    return how, ranges


@dataclass(frozen=True)
class Recipe:
    """How a method is trained on a task.

    Args:
        params: Parameters that replace the method's usual ones.
        training: Changes of the protocol, as ``--set`` takes them.
        source: Where the recipe comes from; stored in the notes of its runs.
        fingerprint: Fingerprint of the protocol for which it was found; "" if not known.
        method_sha256: Hash of the code of the method for which it was found; "" if not known.
    """

    params: Mapping[str, Value] = field(default_factory=dict)
    training: Mapping[str, str] = field(default_factory=dict)
    source: str = field(default="", compare=False)
    fingerprint: str = field(default="", compare=False)
    method_sha256: str = field(default="", compare=False)


@dataclass(frozen=True, kw_only=True)
class Request:
    """Runs that a user requests.

    Args:
        methods: Methods with parameter grids, as ``--methods`` takes them.
        tasks: Comma-separated tasks, or ``all``; with ``suite``, some of its tasks.
        suite: A named list of tasks and signals; its name is also the protocol.
        protocol: Protocol of ``tasks``.
        changes: Changes of the protocol, as ``--set`` takes them.
        signals: Comma-separated signals or files; None for all signals (of the suite).
        seeds: The seeds.
        device: ``cpu`` or ``cuda:i``, as ``resolve_device`` returns it.
        plugin_files: Files with the user's methods and tasks.
        retry_failed: Also repeat runs that failed earlier.
        engine: How a step is computed: ``fast`` or ``reference``.
        probes: Probes to read during the runs.
        track: How methods are trained.
        recipes: (task, method) -> recipe, for the tracks ``tuned-BUDGET`` and ``search``.
        only: If not empty, other tasks than these are left out.
        without: These tasks are left out.
        notes: Remarks for the user, printed with the plan.
        metrics: Metrics to compute besides the primary one; empty for all of the protocol.
    """

    methods: str = "all"
    tasks: str | None = None
    suite: str | None = None
    protocol: str = "paper"
    changes: Mapping[str, str] = field(default_factory=dict)
    signals: str | None = None
    seeds: Sequence[int] = (0,)
    device: str = "cpu"
    plugin_files: Sequence[Path] = ()
    retry_failed: bool = False
    engine: Literal["fast", "reference"] = "fast"
    probes: tuple[str, ...] = ()
    track: Track = "paper"
    recipes: Mapping[tuple[str, str], Recipe] = field(default_factory=dict)
    only: frozenset[str] = frozenset()
    without: frozenset[str] = frozenset()
    notes: tuple[str, ...] = ()
    metrics: tuple[str, ...] = ()
