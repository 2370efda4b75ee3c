"""What only one task has to set: a frozen dataclass for each task, typed, checked when it is made."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, ClassVar, Self

from inrbench.errors import unknown_name
from inrbench.spec.record import check_types, field_types, unset_added_fields


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The base of a task's settings. Subclass it as a frozen dataclass; every field has a type and is used by the task.

    ``facts`` are what the code does and no setting changes, in words. They are part of the fingerprint: who changes the code
    changes the words.
    """

    facts: ClassVar[Mapping[str, str]] = {}

    def __post_init__(self) -> None:
        check_types(self)
        self.check()

    def check(self) -> None:
        """Raise BadValue for values that have the right types and still mean nothing."""

    def encoded(self) -> dict[str, Any]:
        """Return all fields and facts as JSON holds them."""
        return {**self.facts, **{each.name: getattr(self, each.name) for each in fields(self)}}

    def fingerprinted(self) -> dict[str, Any]:
        """Return what enters the fingerprint."""
        left_out = unset_added_fields(self)
        return {name: value for name, value in self.encoded().items() if name not in left_out}

    @classmethod
    def decoded(cls, encoded: Mapping[str, Any]) -> Self:
        """Return settings from what ``encoded`` gave. Raises UnknownName for a field that is not there any more."""
        known = field_types(cls)
        values = {name: value for name, value in encoded.items() if name not in cls.facts}
        for name in values:
            if name not in known:
                raise unknown_name("setting", name, known)
        return cls(**{name: tuple(value) if isinstance(value, list) else value for name, value in values.items()})
