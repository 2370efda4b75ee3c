"""Signs that a terminal without Unicode can show in place of ours."""

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
    """Make the standard streams write a sign that they cannot encode as one that they can, instead of failing."""
    codecs.register_error(HANDLER, _replaced)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=HANDLER)


def _replaced(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    text = error.object[error.start : error.end]
    return "".join(IN_ASCII.get(letter, "?") for letter in text), error.end
