"""Labels that people read and write: ``msa[s_max=4.0]`` for a method, ``quick+epochs=9`` for a protocol.

These two classes are the only code that writes labels or takes them apart.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

from inrbench.errors import BadValue


@dataclass(frozen=True)
class MethodLabel:
    """A method and the parameters that differ from those it has for the task.

    Args:
        method: Name of the method.
        variant: The parameters as text, ``s_max=4.0,spacing=linear``; empty for none.

    >>> str(MethodLabel("msa", "s_max=4.0")), MethodLabel.parse("msa[s_max=(1,2),omega=3]").settings
    ('msa[s_max=4.0]', ('s_max=(1,2)', 'omega=3'))
    """

    method: str
    variant: str = ""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the label that a text is."""
        method, bracket, rest = text.partition("[")
        return cls(method, rest.removesuffix("]") if bracket else "")

    @property
    def settings(self) -> tuple[str, ...]:
        """The parameters, one ``name=value`` each. Raises BadValue for brackets that do not match."""
        return tuple(split_outside_brackets(self.variant, ",")) if self.variant else ()

    def without(self, parameter: str) -> "tuple[str, tuple[str, ...]]":
        """Return the method and its sorted settings without one parameter: equal for labels that differ in it alone."""
        return self.method, tuple(sorted(part for part in self.settings if not part.startswith(f"{parameter}=")))

    def __str__(self) -> str:
        return f"{self.method}[{self.variant}]" if self.variant else self.method


@dataclass(frozen=True)
class ProtocolLabel:
    """A protocol and the fields that ``--set`` changed.

    Args:
        name: Name of the protocol.
        changes: Field -> value as text, in the order of their names.

    >>> str(ProtocolLabel("quick", {"lr": "1e+3", "epochs": "9"})), ProtocolLabel.parse("quick+epochs=9+lr=1e+3").changes
    ('quick+epochs=9+lr=1e+3', {'epochs': '9', 'lr': '1e+3'})
    """

    name: str
    changes: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the label that a text is."""
        name, *parts = re.split(r"\+(?=[A-Za-z_][\w.]*=)", text)
        return cls(name, dict(part.split("=", 1) for part in parts))

    def __str__(self) -> str:
        return self.name + "".join(f"+{key}={text}" for key, text in sorted(self.changes.items()))


def split_outside_brackets(text: str, separator: str) -> list[str]:
    """Split a text at a separator that is in no bracket. Raises BadValue for unbalanced brackets.

    >>> split_outside_brackets("a=(1,2),b=3", ",")
    ['a=(1,2)', 'b=3']
    """
    pieces, depth, start = [], 0, 0
    for position, letter in enumerate(text):
        depth += (letter in "([") - (letter in ")]")
        if depth < 0:
            break
        if letter == separator and depth == 0:
            pieces.append(text[start:position])
            start = position + 1
    if depth:
        raise BadValue(f"unbalanced brackets in '{text}'")
    return [*pieces, text[start:]]
