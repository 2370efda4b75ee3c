"""Names, canonical JSON, hashes, and seeds derived from them."""

import hashlib
import json
import re

PLAIN_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
"""Pattern of a method's or task's name, which is part of a path in every results folder."""


def name_error(name: str) -> str | None:
    """Return why ``name`` is not allowed as the name of a method or task, or None if it is allowed.

    >>> name_error("finer-plus.plus_2")
    >>> name_error("../x")
    "'../x' is not a valid name of a method or task: letters, digits, '.', '_' and '-', 100 at most"
    """
    if PLAIN_NAME.fullmatch(name):
        return None
    return f"{name[:80]!r} is not a valid name of a method or task: letters, digits, '.', '_' and '-', 100 at most"


def canonical_json(value: object) -> str:
    """Return the canonical JSON text of a value: sorted keys, no spaces, shortest round-trip floats, no NaN.

    >>> canonical_json({"b": (1, 2.50), "a": None})
    '{"a":null,"b":[1,2.5]}'

    Raises ValueError for NaN and infinity, and TypeError for objects that JSON does not have.
    """
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False, ensure_ascii=False)


def digest(value: object) -> str:
    """Return the SHA-256 of a value's canonical JSON, in hexadecimal. Raises what ``canonical_json`` raises."""
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()


def derived_seed(*parts: object) -> int:
    """Return a 63-bit seed derived from named parts, so that two streams of random numbers do not share a seed by accident.

    >>> derived_seed("data", "kodak", "kodim01", 0) == derived_seed("data", "kodak", "kodim01", 0)
    True
    """
    return int(digest([str(part) for part in parts])[:16], 16) >> 1
