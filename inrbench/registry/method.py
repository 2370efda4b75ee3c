"""Method plugins: functions that build networks and whose keyword parameters are the hyper-parameters."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, get_args, get_origin, get_type_hints

from inrbench.errors import BadValue, unknown_name
from inrbench.spec import NetworkSpec, ProtocolLabel, Value, name_error, parse_value

if TYPE_CHECKING:
    from torch import nn

Builder = Callable[..., "nn.Module"]
NOT_TRAINING = frozenset({"name", "sources", "metrics", "selection", "width", "n_layers", "epochs"})
"""Protocol fields that ``authors`` may not change."""


@dataclass(frozen=True)
class Method:
    """A registered method. Calling it builds a network: ``method(net, omega=30.0) -> nn.Module``.

    In ``task_params`` the most specific key wins: ``"function1d/sin200"``, then ``"audio:quick"`` (a task under one protocol,
    whose size the authors' values do not fit), then ``"function1d"``, then a kind of task such as ``"image"``.

    Args:
        name: Unique name of the method.
        builder: Function ``(net, *, param: type = default, ...) -> nn.Module``.
        formula: The formula as one line of plain text.
        latex: The formula in LaTeX, without dollar signs, for reports; "" to show the plain text there.
        paper: Key of a file in ``results/papers``; None if there is no paper.
        task_params: Kind of task, task or signal -> parameter values of the paper or its official code.
        kinds: Kinds of task that ``--methods all`` runs the method on; empty for every kind. A method that is selected by name
            runs on any kind.
        authors: Kind or task -> how the method's authors train it, for the track ``authors``: changes of a protocol, as
            ``--set`` takes them, and the method's own parameters, by name.
        search_ranges: Parameter -> the lowest and the highest value that ``inrbench tune`` tries, on a log scale if both are
            positive; cut to a factor of ten around the usual value.
        log10_params: Parameters that are the logarithm to base 10 of a frequency, one number or one per layer. Their range in
            ``search_ranges`` is that of what is added to the usual value.
        known_failures: Kind or task -> why the method does not train on it. The text is shown with a run that did not train.
        own_training: Whether its networks bring their own training (``inrbench.nn.OwnTraining``).
        closed_form: Whether its networks are solved (``inrbench.nn.LinearModel``), so that there is nothing to tune.

    Raises:
        BadValue: The name is not allowed, the builder's parameters have the wrong form, or ``task_params`` or ``search_ranges``
            do not fit the parameters.
    """

    name: str
    builder: Builder
    formula: str
    latex: str = ""
    paper: str | None = None
    task_params: Mapping[str, Mapping[str, Value]] = field(default_factory=dict)
    kinds: tuple[str, ...] = ()
    authors: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    search_ranges: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    log10_params: tuple[str, ...] = ()
    known_failures: Mapping[str, str] = field(default_factory=dict)
    own_training: bool = False
    closed_form: bool = False

    def __post_init__(self) -> None:
        if why := name_error(self.name):
            raise BadValue(why)
        first, *rest = inspect.signature(self.builder).parameters.values()
        for p in rest:
            if p.kind is not inspect.Parameter.KEYWORD_ONLY or p.default is inspect.Parameter.empty:
                raise BadValue(f"method '{self.name}': write its parameters as ({first.name}, *, {p.name}: type = default)")
        known = self.defaults()
        for where, values in self.task_params.items():
            for key in values:
                if key not in known:
                    raise BadValue(f"method '{self.name}': task_params for '{where}' names an unknown parameter '{key}'")
        for where, training in self.authors.items():
            if fixed := sorted(NOT_TRAINING & training.keys()):
                raise BadValue(
                    f"method '{self.name}': authors for '{where}' may not change {fixed[0]}: "
                    "all methods of the track share size, budget and metrics"
                )
        if unknown := sorted(set(self.log10_params) - known.keys()):
            raise BadValue(f"method '{self.name}': log10_params names an unknown parameter '{unknown[0]}'")
        for key, (low, high) in self.search_ranges.items():
            if key not in known or not low < high:
                raise BadValue(
                    f"method '{self.name}': search_ranges must be (low, high) of its own parameters, got {key}: ({low}, {high})"
                )

    def __call__(self, net: NetworkSpec, **params: Value) -> "nn.Module":
        """Build a network ``(N, in_features) -> (N, out_features)`` with its initial weights."""
        return self.builder(net, **params)

    @property
    def doc(self) -> str:
        """The docstring of the file that registers the method: formula, source, deviations."""
        module = inspect.getmodule(self.builder)
        return inspect.cleandoc((module and module.__doc__) or self.builder.__doc__ or "")

    def defaults(self) -> dict[str, Value]:
        """Return the parameters with their defaults, in the order of the signature."""
        parameters = list(inspect.signature(self.builder).parameters.values())[1:]
        types = self.types()
        return {p.name: as_annotated(types[p.name], p.default) for p in parameters}

    def types(self) -> dict[str, Any]:
        """Return the annotated type of each parameter, or the type of its default if it has no annotation."""
        parameters = list(inspect.signature(self.builder).parameters.values())[1:]
        hints = get_type_hints(self.builder)
        return {p.name: hints.get(p.name, type(p.default)) for p in parameters}

    def descriptions(self) -> dict[str, str]:
        """Return what the ``Args`` of the builder's docstring say of each parameter; parameters without a text are left out."""
        lines = inspect.cleandoc(self.builder.__doc__ or "").partition("Args:\n")[2].partition("\n\n")[0].splitlines()
        found: dict[str, str] = {}
        for line in lines:
            name, colon, text = line.strip().partition(": ")
            if line.startswith("    ") and not line.startswith("     ") and colon and name.isidentifier():
                found[name] = text.replace("``", "")
            elif found:  # the text goes on
                found[next(reversed(found))] += " " + line.strip().replace("``", "")
        return {name: found[name] for name in self.defaults() if name in found}

    def parse(self, given: Mapping[str, str]) -> dict[str, Value]:
        """Return parameters given as text as values of their annotated types.

        Raises UnknownName for a parameter that the method does not have, BadValue for a text that is not a value of the type.
        """
        types = self.types()
        for name in given:
            if name not in types:
                raise unknown_name(f"parameter of {self.name}", name, types, f"see: inrbench show {self.name}")
        return {name: parse_value(types[name], text, f"{self.name}[{name}]") for name, text in given.items()}

    def supports(self, kind: str) -> bool:
        """Return whether ``--methods all`` runs the method on a kind of task."""
        return not self.kinds or kind in self.kinds

    def params_for(self, task: str, kind: str, signal: str, protocol: str = "") -> dict[str, Value]:
        """Return all parameters for a signal under a protocol, before the user's changes.

        Args:
            task: Name of the task.
            kind: Kind of the task.
            signal: Name of the signal.
            protocol: Name of the protocol; changes after ``+`` are ignored.
        """
        params = self.defaults()
        for where in (kind, task, f"{task}:{ProtocolLabel.parse(protocol).name}", f"{task}/{signal}"):
            params.update(self.task_params.get(where, {}))
        return {name: as_annotated(kind, params[name]) for name, kind in self.types().items()}

    def authors_recipe(self, task: str, kind: str) -> tuple[dict[str, Value], dict[str, str]]:
        """Return the authors' parameter values and their changes of a protocol; both are empty if nothing is known."""
        settings = {**self.authors.get(kind, {}), **self.authors.get(task, {})}
        types = self.types()
        own = self.parse({name: text for name, text in settings.items() if name in types})
        return own, {name: text for name, text in settings.items() if name not in types}

    def known_failure(self, task: str, kind: str) -> str | None:
        """Return why the method does not train on a task, or None if nothing is known."""
        return self.known_failures.get(task, self.known_failures.get(kind))


def as_annotated(kind: Any, value: Value) -> Value:
    """Return a whole number as a float if the annotation is float, so that 30 and 30.0 give the same run.

    >>> as_annotated(float | None, 30), as_annotated(int, 30), as_annotated(tuple[float, ...], (1, 2))
    (30.0, 30, (1.0, 2.0))
    """
    options = (kind, *get_args(kind))
    if isinstance(value, int) and not isinstance(value, bool) and float in options and int not in options:
        return float(value)
    if isinstance(value, tuple) and any(get_origin(option) is tuple for option in options):
        return tuple(float(item) for item in value)
    return value


def register_method(
    name: str,
    *,
    formula: str = "",
    latex: str = "",
    paper: str | None = None,
    task_params: Mapping[str, Mapping[str, Value]] | None = None,
    kinds: tuple[str, ...] = (),
    authors: Mapping[str, Mapping[str, str]] | None = None,
    search_ranges: Mapping[str, tuple[float, float]] | None = None,
    log10_params: tuple[str, ...] = (),
    known_failures: Mapping[str, str] | None = None,
    own_training: bool = False,
    closed_form: bool = False,
) -> Callable[[Builder], Method]:
    """Turn a builder ``(net: NetworkSpec, *, param: type = default, ...) -> nn.Module`` into a registered method.

    Args:
        name: Name of the method. It must be a literal string, so that ``inrbench list`` can read it without running the file.
        formula: The formula as one line of plain text.
        latex: The formula in LaTeX, without dollar signs, for reports; "" to show the plain text there.
        paper: Key of a file in ``results/papers``.
        task_params: Parameter values by kind, task or signal, as in ``Method``.
        kinds: Kinds of task that ``--methods all`` runs the method on; empty for every kind.
        authors: The authors' training by kind or task, as in ``Method``.
        search_ranges: The lowest and the highest value of each parameter for ``inrbench tune``, as in ``Method``.
        log10_params: Parameters that are the logarithm to base 10 of a frequency.
        known_failures: Why the method does not train, by kind or task, as in ``Method``.
        own_training: Whether its networks have a method ``own_training``. On the track ``paper`` such a method takes part
            only if the protocol allows it.
        closed_form: Whether its networks are solved (``inrbench.nn.LinearModel``): such a method is on every track, because
            there is nothing to tune.
    """

    def register(builder: Builder) -> Method:
        return Method(
            name=name,
            builder=builder,
            formula=formula,
            latex=latex,
            paper=paper,
            task_params=task_params or {},
            kinds=kinds,
            authors=authors or {},
            search_ranges=search_ranges or {},
            log10_params=log10_params,
            known_failures=known_failures or {},
            own_training=own_training,
            closed_form=closed_form,
        )

    return register
