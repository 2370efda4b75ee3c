"""Parse ``--methods``: ``msa[s_max=3.0,4.0],siren[omega=30,60]`` and ``./my_act.py``."""

import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass

from inrbench.errors import BadValue
from inrbench.spec import split_outside_brackets


@dataclass(frozen=True)
class Selection:
    """One method and one point of its parameter grid, with values as text.

    Args:
        name: Name of a method, or path of a plugin file.
        params: Pairs (parameter, value).
    """

    name: str
    params: tuple[tuple[str, str], ...] = ()

    @property
    def is_file(self) -> bool:
        """Whether ``name`` is the path of a file and not the name of a method."""
        return self.name.endswith(".py")


def parse_selection(text: str) -> list[Selection]:
    """Return every (method, grid point) of a ``--methods`` text, in its order.

    >>> [s.params for s in parse_selection("msa[s_max=3.0,4.0]")]
    [(('s_max', '3.0'),), (('s_max', '4.0'),)]
    >>> [s.name for s in parse_selection("siren[omega=30],relu")]
    ['siren', 'relu']
    >>> parse_selection("msa[s_min=(1,1,1,0)]")[0].params
    (('s_min', '(1,1,1,0)'),)

    Raises:
        BadValue: Brackets are unbalanced, an item is empty or a parameter has no value.
    """
    return [selection for item in split_outside_brackets(text, ",") for selection in _one_item(item.strip(), text)]


def _one_item(item: str, whole: str) -> Iterator[Selection]:
    match = re.fullmatch(r"([^\[\]]+?)\s*(?:\[(.*)\])?", item, re.DOTALL)
    if not match:
        raise BadValue(f"--methods '{whole}': cannot read '{item}'; write name or name[param=value,value,param=value]")
    name, inside = match.group(1).strip(), match.group(2)
    grid: dict[str, list[str]] = {}
    key = ""
    for piece in split_outside_brackets(inside, ",") if inside else ():
        head, equals, tail = piece.partition("=")
        value = (tail if equals else piece).strip()
        if equals:
            key = head.strip()
            if key in grid:
                raise BadValue(f"--methods '{whole}': {name} is given '{key}' twice")
            grid[key] = []
        if not key or not value:
            raise BadValue(f"--methods '{whole}': cannot read '{inside}'; write param=value,value,param=value")
        grid[key].append(value)
    for values in itertools.product(*grid.values()):
        yield Selection(name, tuple(zip(grid, values, strict=True)))
