"""ASCII replacements for characters that a terminal without Unicode cannot show."""

import codecs
import io
import sys

IN_ASCII = {
    "↑": "(up)",
    "↓": "(down)",
    "±": "+-",
    "×": "x",
    "÷": "/",
    "–": "-",
    "—": "-",
    "→": "->",
    "…": "...",
    "─": "-",
    "━": "-",
    "│": "|",
    "•": "*",
    "’": "'",
    "“": '"',
    "”": '"',
    "°": " deg",
}
HANDLER = "inrbench-signs"


def show_in_any_encoding() -> None:
    """Make the standard streams replace characters that they cannot encode, instead of raising an error."""
    codecs.register_error(HANDLER, _replaced)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=HANDLER)


def _replaced(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    text = error.object[error.start : error.end]
    return "".join(IN_ASCII.get(letter, "?") for letter in text), error.end
