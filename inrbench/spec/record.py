"""Checks for the frozen dataclasses that protocols, optimisers and settings consist of."""

from dataclasses import field, fields
from typing import Any, get_type_hints

from inrbench.errors import BadValue
from inrbench.spec.parse import matches_type, type_name, type_options

ADDED = "added"


def added_field(default: Any) -> Any:
    """Return a dataclass field that was added after results had been published.

    It is part of the fingerprint only if its value is not the default. The default must be the behaviour before the field
    existed, so that published results keep their protocol.
    """
    return field(default=default, metadata={ADDED: True})


def unset_added_fields(record: Any) -> set[str]:
    """Return the names of the fields created by ``added_field`` that still have their default."""
    return {each.name for each in fields(record) if each.metadata.get(ADDED) and getattr(record, each.name) == each.default}


def field_types(kind: type[Any]) -> dict[str, Any]:
    """Return the annotated type of each field of a dataclass, in the order of the fields."""
    hints = get_type_hints(kind)
    return {each.name: hints[each.name] for each in fields(kind)}


def check_types(record: Any, where: str = "") -> None:
    """Check that every field of a dataclass has its annotated type.

    Args:
        record: An instance of a dataclass.
        where: Beginning of the error message, such as ``"optimiser 'adam': "``.

    Raises:
        BadValue: A field has a different type.
    """
    for name, kind in field_types(type(record)).items():
        value = getattr(record, name)
        if not matches_type(kind, value):
            wanted = " or ".join(map(type_name, type_options(kind)))
            raise BadValue(f"{where}{name} must be {wanted}, got {value!r}")
