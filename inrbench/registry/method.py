"""What a method plugin is: a builder of networks whose keyword parameters are its hyper-parameters."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, get_type_hints

from inrbench.errors import BadValue, unknown
from inrbench.spec import NetworkSpec, Value, parse_as

if TYPE_CHECKING:
    from torch import nn

Builder = Callable[..., "nn.Module"]


@dataclass(frozen=True)
class Method:
    """A registered method. Calling it builds a network: ``method(net, omega=30.0) -> nn.Module``.

    ``settings`` are the values that the paper or its official code uses on a task, keyed by what they apply to, the most
    specific first: ``"function1d/sin200"``, then ``"function1d"``, then a kind of task such as ``"image"``.
    """

    name: str
    builder: Builder
    formula: str
    paper: str | None = None
    settings: Mapping[str, Mapping[str, Value]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        known = self.defaults()
        for where, values in self.settings.items():
            for key in values:
                if key not in known:
                    raise BadValue(f"method '{self.name}': settings for '{where}' name a parameter '{key}' it does not have")

    def __call__(self, net: NetworkSpec, **params: Value) -> "nn.Module":
        """Build a network of shape ``(N, in_features) -> (N, out_features)`` with its initial weights."""
        return self.builder(net, **params)

    @property
    def doc(self) -> str:
        """The docstring of the file that registers it: formula, source, deviations."""
        module = inspect.getmodule(self.builder)
        return inspect.cleandoc((module and module.__doc__) or self.builder.__doc__ or "")

    def defaults(self) -> dict[str, Value]:
        """Return the parameters with their defaults, in the order of the signature."""
        parameters = inspect.signature(self.builder).parameters.values()
        return {p.name: p.default for p in parameters if p.kind is inspect.Parameter.KEYWORD_ONLY}

    def types(self) -> dict[str, Any]:
        """Return the annotated type of each parameter."""
        hints = get_type_hints(self.builder)
        return {name: hints.get(name, type(default)) for name, default in self.defaults().items()}

    def parse(self, given: Mapping[str, str]) -> dict[str, Value]:
        """Return parameters given as text as values of their annotated types.

        Raises UnknownName for a parameter the method does not have, BadValue for a text that is no such value.
        """
        types = self.types()
        for name in given:
            if name not in types:
                raise unknown(f"parameter of {self.name}", name, types, f"see: inrbench show {self.name}")
        return {name: parse_as(types[name], text, f"{self.name}[{name}]") for name, text in given.items()}

    def settings_for(self, task: str, kind: str, signal: str) -> dict[str, Value]:
        """Return all parameters as they stand for a task before the user changes any."""
        params = self.defaults()
        for where in (kind, task, f"{task}/{signal}"):
            params.update(self.settings.get(where, {}))
        return params


def register_method(
    name: str,
    *,
    formula: str = "",
    paper: str | None = None,
    settings: Mapping[str, Mapping[str, Value]] | None = None,
) -> Callable[[Builder], Method]:
    """Turn a builder ``(net: NetworkSpec, *, param: type = default, ...) -> nn.Module`` into a registered method.

    ``name`` must be a literal string, so that ``inrbench list`` can read it without running the file. ``paper`` is the key of
    a file in ``results/papers``.
    """

    def register(builder: Builder) -> Method:
        return Method(name=name, builder=builder, formula=formula, paper=paper, settings=settings or {})

    return register
