"""Settings of one task only: one frozen dataclass per task, typed and checked on construction."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, ClassVar, Self

from inrbench.errors import unknown_name
from inrbench.spec.record import check_types, field_types, unset_added_fields


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The base class of a task's settings. Subclass it as a frozen dataclass. Every field has a type and is used by the task.

    ``facts`` describe in words what the code does and no setting changes. They are part of the fingerprint, so the words
    must change when the code changes.
    """

    facts: ClassVar[Mapping[str, str]] = {}

    def __post_init__(self) -> None:
        check_types(self)
        self.check()

    def check(self) -> None:
        """Raise BadValue for values that have the right types but are not valid."""

    def encoded(self) -> dict[str, Any]:
        """Return all fields and facts in JSON form."""
        return {**self.facts, **{each.name: getattr(self, each.name) for each in fields(self)}}

    def fingerprinted(self) -> dict[str, Any]:
        """Return the part of the settings that enters the fingerprint."""
        left_out = unset_added_fields(self)
        return {name: value for name, value in self.encoded().items() if name not in left_out}

    @classmethod
    def decoded(cls, encoded: Mapping[str, Any]) -> Self:
        """Return settings from the result of ``encoded``. Raises UnknownName for a field that no longer exists."""
        known = field_types(cls)
        values = {name: value for name, value in encoded.items() if name not in cls.facts}
        for name in values:
            if name not in known:
                raise unknown_name("setting", name, known)
        return cls(**{name: tuple(value) if isinstance(value, list) else value for name, value in values.items()})
