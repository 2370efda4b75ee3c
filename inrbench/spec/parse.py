"""Read values that the command line and TOML files give as text, by their annotated types."""

import math
from collections.abc import Mapping
from typing import Any, Literal, get_args, get_origin

from inrbench.errors import BadValue

_UNREAD = object()


def parse_value(kind: Any, text: str, where: str) -> Any:
    """Return ``text`` as a value of the annotated type ``kind``.

    Args:
        kind: bool, int, float, str, a Literal, ``tuple[float, ...]``, ``tuple[int, ...]``, or a union of these.
        text: The value as the user writes it.
        where: What the value is for; error messages begin with it.

    Raises:
        BadValue: The text is not a value of the type, or the type has no text form.

    >>> parse_value(float | None, "none", "omega"), parse_value(tuple[float, ...], "(1, 1, 0)", "s_min")
    (None, (1.0, 1.0, 0.0))
    """
    text = text.strip()
    options = type_options(kind)
    for option in options:
        value = _read_one(option, text)
        if value is not _UNREAD:
            return value
    wanted = " or ".join(type_name(option) for option in options)
    raise BadValue(f"{where}: expected {wanted}, got '{text}'")


def matches_type(kind: Any, value: object) -> bool:
    """Return whether a value has an annotated type. A whole number is also a float, and a bool is not a number.

    >>> matches_type(float | None, 3), matches_type(int, True), matches_type(Literal["a", "b"], "c")
    (True, False, False)
    """
    return any(_is_of_one(option, value) for option in type_options(kind))


def type_options(kind: Any) -> tuple[Any, ...]:
    """Return the members of a union, or the type itself if it is not a union."""
    if get_origin(kind) in (tuple, Literal) or is_mapping_type(kind) or not get_args(kind):
        return (kind,)
    return get_args(kind)


def is_mapping_type(kind: Any) -> bool:
    """Return whether a type is a mapping, such as ``Mapping[str, int]``."""
    origin = get_origin(kind) or kind
    return isinstance(origin, type) and issubclass(origin, Mapping)


def type_name(kind: Any) -> str:
    """Return the name of a type for messages."""
    if get_origin(kind) is Literal:
        return "one of " + ", ".join(map(str, get_args(kind)))
    if get_origin(kind) is tuple:
        return f"a list of {'whole ' if int in get_args(kind) else ''}numbers like (1,2,3)"
    if is_mapping_type(kind):
        return "a table, which cannot be set from the command line"
    names = {bool: "true or false", int: "a whole number", float: "a number", str: "text", type(None): "none"}
    return names.get(kind, str(kind))


def _is_of_one(kind: Any, value: object) -> bool:
    if get_origin(kind) is Literal:
        return value in get_args(kind)
    if get_origin(kind) is tuple:
        return isinstance(value, tuple) and all(_is_of_one(get_args(kind)[0], item) for item in value)
    if is_mapping_type(kind):
        return isinstance(value, Mapping)
    if isinstance(value, bool):
        return kind is bool
    return isinstance(value, (int, float) if kind is float else kind)


def _read_one(kind: Any, text: str) -> Any:
    if get_origin(kind) is Literal:
        return text if text in get_args(kind) else _UNREAD
    if get_origin(kind) is tuple:
        inner = text.removeprefix("(").removesuffix(")")
        item_kind = get_args(kind)[0]
        items = [_read_one(item_kind, item.strip()) for item in inner.split(",")] if text.startswith("(") else [_UNREAD]
        return _UNREAD if _UNREAD in items else tuple(items)
    if is_mapping_type(kind):
        return _UNREAD
    if kind is type(None):
        return None if text.lower() == "none" else _UNREAD
    if kind is bool:
        return {"true": True, "false": False}.get(text.lower(), _UNREAD)
    if kind is str:
        return text
    try:
        value = kind(text)
        return value if math.isfinite(value) else _UNREAD
    except (TypeError, ValueError):
        return _UNREAD
