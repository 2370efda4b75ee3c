"""The exceptions of inrbench. Each message states what was requested, what exists, and the command that fixes it."""

from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from pathlib import Path

OK, RUN_FAILED, USAGE, CHECK_FAILED, NOTHING_COMPARED, OUT_OF_TIME = 0, 1, 2, 3, 4, 5
"""Exit codes of every command: success, a run failed, wrong usage, a check failed, nothing was compared, time was up."""


PLUGIN_MODULE_PREFIX = "inrbench_plugin_"
"""Prefix of the module names of the user's files."""


def printable(text: str) -> str:
    """Return a text as one line, with control characters (including line ends) written as escapes.

    >>> printable("a\\x1b[2Jb\\nc")
    'a\\\\x1b[2Jb\\\\nc'
    """
    return text if text.isprintable() else "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in text)


def first_line(error: BaseException) -> str:
    """Return the first line of an error's message; the name of its type if it has no message.

    >>> first_line(ValueError("no colon\\nin line 2")), first_line(KeyboardInterrupt())
    ('no colon', 'KeyboardInterrupt')
    """
    return str(error).strip().partition("\n")[0] or type(error).__name__


class InrbenchError(Exception):
    """An error that one line can explain. The command line prints that line and exits with ``exit_code``."""

    exit_code = USAGE

    def __str__(self) -> str:
        """Return the message as one line: names and files that it quotes may contain anything, even control sequences."""
        return printable(super().__str__())


class UnknownName(InrbenchError):
    """A method, task, signal, protocol or parameter that does not exist."""


class NameCollision(InrbenchError):
    """Two plugins that use the same name."""


class BrokenPlugin(InrbenchError):
    """A plugin file that cannot be imported, or that registers nothing."""


class BadValue(InrbenchError):
    """A value of the wrong type or outside its range."""


class NothingSelected(BadValue):
    """A request for runs that no combination of method, task and signal matches. ``notes`` say what was left out."""

    def __init__(self, message: str, notes: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.notes = tuple(notes)


class DataMissing(InrbenchError):
    """A data set that is not on this machine. The run ends as ``skipped``."""


class DataCorrupt(InrbenchError):
    """A file whose content does not match the catalogue."""


class NotApplicable(InrbenchError):
    """A method that cannot be used on a task, with the reason. The run ends as ``skipped``."""


class StoreError(InrbenchError):
    """A results folder that cannot be read or written."""

    exit_code = RUN_FAILED


class NothingFound(InrbenchError):
    """Nothing to show or to compare."""

    exit_code = NOTHING_COMPARED


def plugin_location(error: BaseException) -> str:
    """Return the last place in a plugin's file that an error came from, as `` (my_act.py, line 12)``; empty if none."""
    place, trace = "", error.__traceback__
    while trace is not None:
        if str(trace.tb_frame.f_globals.get("__name__", "")).startswith(PLUGIN_MODULE_PREFIX):
            place = f" ({Path(trace.tb_frame.f_code.co_filename).name}, line {trace.tb_lineno})"
        trace = trace.tb_next
    return place


def unknown_name(kind: str, name: str, known: Iterable[str], hint: str = "") -> UnknownName:
    """Return the error for a name that does not exist, with the nearest name and the list of all.

    Args:
        kind: What the name stands for, such as ``method``.
        name: The name that does not exist.
        known: All names that exist.
        hint: Text that is added in parentheses.

    >>> str(unknown_name("method", "sirn", ["siren", "relu"], "see: inrbench list"))
    "unknown method 'sirn', did you mean 'siren'? There are: relu, siren (see: inrbench list)"
    """
    names = sorted(known)
    near = get_close_matches(name, names, n=1, cutoff=0.6)
    guess = f", did you mean '{near[0]}'?" if near else "."
    listing = f" There are: {', '.join(names)}" if names else f" There is no {kind} at all"
    return UnknownName(f"unknown {kind} '{name}'{guess}{listing}{f' ({hint})' if hint else ''}")
