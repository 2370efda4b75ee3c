"""Read durations that a user writes."""

import re

from inrbench.errors import BadValue

UNITS = {"d": 86400.0, "h": 3600.0, "m": 60.0, "min": 60.0, "s": 1.0}
CLOCK = re.compile(r"(?:(\d+):)?(\d{1,2}):(\d{2})")
PARTS = re.compile(r"(?:\d+(?:\.\d+)?(?:d|h|min|m|s)\s*)+")
PART = re.compile(r"(\d+(?:\.\d+)?)(d|h|min|m|s)")


def parse_duration(text: str) -> float:
    """Return a duration in seconds: ``2h``, ``90m``, ``1h30m``, ``45s``, ``HH:MM:SS`` or ``MM:SS``.

    >>> parse_duration("2h"), parse_duration("1h30m"), parse_duration("01:00:05"), parse_duration("2:30")
    (7200.0, 5400.0, 3605.0, 150.0)

    Raises BadValue for anything else, and for a duration of zero.
    """
    words = text.strip().lower()
    seconds = 0.0
    if match := CLOCK.fullmatch(words):
        hours, minutes, rest = (int(part or 0) for part in match.groups())
        seconds = 3600.0 * hours + 60.0 * minutes + rest
    elif PARTS.fullmatch(words):
        seconds = sum(float(number) * UNITS[unit] for number, unit in PART.findall(words))
    if seconds <= 0:
        raise BadValue(f"'{text}' is not a duration; write 2h, 90m, 1h30m, 45s or HH:MM:SS")
    return seconds
