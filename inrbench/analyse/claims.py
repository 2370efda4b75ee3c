"""Claims of papers as data: the ``[[claims]]`` of ``results/papers/*.toml``, read and checked against the registry.

A block claims one column of a table or one statement of a figure:

    item        the table or figure it belongs to: table3, figure2a
    source      the exact place in the paper
    kind        value, bound or best
    task, signals, protocol, metric
                the conditions; a metric's id, ``train_seconds``, or a probe reading such as ``ntk/remain``
    values      kind value: method -> the printed number
    column      kind value: its heading in the paper's table
    above, below
                kind bound: method -> the bound
    best, compared kind best: the leading method, and all methods that were compared
    position    kind best: 2 for "second", and so on
    each_signal kind best: on every signal separately, not only on average
    worst_case_over  kind best: rows are settings of one method, evaluated at the worst value of this parameter
    at_step     for a probe: the reading nearest to this step; without it, the mean over all readings, or for a bound the
                reading that is furthest from satisfying it
    run         the value for --methods, if it is not the methods named
    figure      the plot that draws the item
    evidence    how certain the conditions are, if the paper does not print them
    guessed     why the conditions are a guess: then this project's numbers are no evidence for or against the paper
"""

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from inrbench.analyse.papers import paper_texts
from inrbench.errors import BadValue, UnknownName, unknown_name
from inrbench.registry import Registry
from inrbench.spec import Metric

Kind = Literal["value", "bound", "best"]
REQUIRED = {"item", "source", "kind", "task", "signals", "protocol", "metric"}
OF_KIND: Mapping[str, tuple[set[str], set[str]]] = {
    "value": ({"values"}, {"column"}),
    "bound": (set(), {"above", "below"}),
    "best": ({"best", "compared"}, {"position", "each_signal", "worst_case_over"}),
}
"""Kind -> (required keys, optional keys)."""
ALWAYS = {"at_step", "run", "figure", "evidence", "guessed"}
SECONDS = Metric(id="train_seconds", unit="s", higher_is_better=False)


@dataclass(frozen=True)
class Claim:
    """One ``[[claims]]`` block. The fields are its keys, which the module docstring explains.

    Args:
        where: File and line of the block.
        item: Table or figure it belongs to.
        source: Exact place in the paper.
        kind: ``value``, ``bound`` or ``best``.
        task: Name of the task.
        signals: Names of the signals.
        protocol: Name of the protocol.
        metric: A metric's id, ``train_seconds``, or a probe reading such as ``ntk/remain``.
        values: Method -> the printed number.
        column: Heading in the paper's table.
        above: Method -> lower bound.
        below: Method -> upper bound.
        best: The leading method.
        compared: All methods that were compared.
        position: Place of ``best``: 1 for best, 2 for second, and so on.
        each_signal: Whether the order is claimed on every signal separately.
        worst_case_over: Parameter over which the worst value counts.
        at_step: Step of the probe reading; if not given, the mean over all readings, or for a bound the worst reading.
        run: Value for ``--methods``, if it is not the methods named.
        figure: Plot that draws the item.
        evidence: How certain the conditions are.
        guessed: Why the conditions are a guess; empty if they are not.
    """

    where: str
    item: str
    source: str
    kind: Kind
    task: str
    signals: tuple[str, ...]
    protocol: str
    metric: str
    values: Mapping[str, float] = field(default_factory=dict)
    column: str = ""
    above: Mapping[str, float] = field(default_factory=dict)
    below: Mapping[str, float] = field(default_factory=dict)
    best: str = ""
    compared: tuple[str, ...] = ()
    position: int = 1
    each_signal: bool = False
    worst_case_over: str = ""
    at_step: int | None = None
    run: str = ""
    figure: str = ""
    evidence: str = ""
    guessed: str = ""

    @property
    def methods(self) -> tuple[str, ...]:
        """Methods that the claim is about."""
        return self.compared or tuple({**self.values, **self.above, **self.below})

    @property
    def probe(self) -> str | None:
        """Probe that must be read; None if the metric is not a probe reading."""
        return self.metric.partition("/")[0] if "/" in self.metric else None


def claims_of(key: str, registry: Registry, item: str | None = None) -> list[Claim]:
    """Return a paper's claims, or those of one item, in the order of its file.

    Args:
        key: Key of the paper.
        registry: Registry that the claims are checked against.
        item: Item whose claims to return, such as ``table3``; all items if not given.

    Raises:
        BadValue: A claim cannot be evaluated. The message gives file and line.
        UnknownName: The paper does not have the item.
    """
    claims = list(read_claims(paper_texts()[key], f"results/papers/{key}.toml", registry))
    items = {claim.item for claim in claims}
    if item is not None and item not in items:
        raise unknown_name(f"item of {key}", item, items)
    return [claim for claim in claims if item in (None, claim.item)]


def read_claims(text: str, file: str, registry: Registry) -> Iterator[Claim]:
    """Yield the claims in a file's text, checked against the registry.

    Args:
        text: Text of the file.
        file: Name of the file, for error messages.
        registry: Registry that the claims are checked against.
    """
    lines = [number for number, line in enumerate(text.splitlines(), start=1) if re.match(r"\s*\[\[\s*claims\s*\]\]", line)]
    for line, raw in zip(lines, tomllib.loads(text).get("claims", []), strict=True):
        yield _checked(raw, f"{file}:{line}", registry)


def metric_of(claim: Claim, registry: Registry) -> Metric | None:
    """Return the metric of a claim; None for a probe reading, which has no direction."""
    if claim.metric == SECONDS.id:
        return SECONDS
    try:
        return registry.task(claim.task).metric(claim.metric)
    except UnknownName:
        return None


def _checked(raw: Mapping[str, Any], where: str, registry: Registry) -> Claim:
    kind = str(raw.get("kind"))
    if kind not in OF_KIND:
        raise BadValue(f"{where}: kind must be one of {', '.join(OF_KIND)}, got '{kind}'")
    needed, possible = OF_KIND[kind]
    for key in sorted((REQUIRED | needed) - raw.keys()):
        raise BadValue(f"{where}: a claim of kind '{kind}' needs '{key}'")
    for key in raw:
        if key not in REQUIRED | needed | possible | ALWAYS:
            raise BadValue(f"{where}: a claim of kind '{kind}' has no '{key}'")
    fields: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in raw.items()}
    claim = Claim(where=where, **fields)
    for fault in _faults(claim, registry):
        raise BadValue(f"{where}: {fault}")
    return claim


def _faults(claim: Claim, registry: Registry) -> Iterator[str]:
    """Yield a message for each fault that makes a claim impossible to evaluate."""
    if claim.task not in registry.tasks:
        yield f"there is no task '{claim.task}'"
        return
    task = registry.task(claim.task)
    if claim.protocol not in task.protocols:
        yield f"task '{claim.task}' has no protocol '{claim.protocol}' any more: {', '.join(task.protocols)}"
    for signal in claim.signals:
        if signal not in task.signals():
            yield f"task '{claim.task}' has no signal '{signal}': {', '.join(task.signals())}"
    if metric_of(claim, registry) is None and claim.probe is None:
        yield f"task '{claim.task}' has no metric '{claim.metric}'"
    if claim.kind == "bound" and not claim.methods:
        yield "a claim of kind 'bound' needs 'above' or 'below'"
    if claim.kind == "best" and claim.probe is not None:
        yield f"a probe's reading has no direction, so none can be best in '{claim.metric}'"
    if claim.kind == "best" and claim.best not in claim.compared:
        yield f"'{claim.best}' is not among {', '.join(claim.compared)}"
