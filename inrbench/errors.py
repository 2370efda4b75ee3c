"""One family of exceptions: each message says what was asked, what exists and the command that fixes it."""

from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path

OK, RUN_FAILED, USAGE, CHECK_FAILED, NOTHING_COMPARED = 0, 1, 2, 3, 4
"""Exit codes of every verb: all well, some run failed, wrong usage, a check failed, nothing was compared."""


PLUGIN_MODULE_PREFIX = "inrbench_plugin_"
"""How the modules of the user's files are called begins."""


def printable(text: str) -> str:
    """Return a text in one line with control characters, line ends among them, written as escapes.

    >>> printable("a\\x1b[2Jb\\nc")
    'a\\\\x1b[2Jb\\\\nc'
    """
    return text if text.isprintable() else "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in text)


class InrbenchError(Exception):
    """A fault that one line can explain. The command line prints that line and ends with ``exit_code``."""

    exit_code = USAGE

    def __str__(self) -> str:
        """Return the message in one line: names and files that it quotes may hold anything, a terminal's commands too."""
        return printable(super().__str__())


class UnknownName(InrbenchError):
    """A method, task, signal, protocol or parameter that is not there."""


class NameCollision(InrbenchError):
    """Two plugins claim one name."""


class BrokenPlugin(InrbenchError):
    """A plugin file that cannot be imported, or that registers nothing."""


class BadValue(InrbenchError):
    """A value of the wrong type or outside its range."""


class NothingSelected(BadValue):
    """A request for runs that no method, task and signal go together for."""


class DataMissing(InrbenchError):
    """A data set that is not on this machine. Ends a run as ``skipped``."""


class DataCorrupt(InrbenchError):
    """A file whose content is not what the catalogue says."""


class NotApplicable(InrbenchError):
    """A method that cannot be used on a task, with the reason. Ends a run as ``skipped``."""


class StoreError(InrbenchError):
    """A results folder that cannot be read or written."""

    exit_code = RUN_FAILED


class NothingFound(InrbenchError):
    """There is nothing to show or to compare."""

    exit_code = NOTHING_COMPARED


def plugin_location(error: BaseException) -> str:
    """Return `` (my_act.py, line 12)``, the last place in a plugin's file where an error came from; empty if there is none."""
    place, trace = "", error.__traceback__
    while trace is not None:
        if str(trace.tb_frame.f_globals.get("__name__", "")).startswith(PLUGIN_MODULE_PREFIX):
            place = f" ({Path(trace.tb_frame.f_code.co_filename).name}, line {trace.tb_lineno})"
        trace = trace.tb_next
    return place


def unknown_name(kind: str, name: str, known: Iterable[str], hint: str = "") -> UnknownName:
    """Return the error for a name that does not exist, with the nearest name and the list of all.

    >>> str(unknown_name("method", "sirn", ["siren", "relu"], "see: inrbench list"))
    "unknown method 'sirn', did you mean 'siren'? There are: relu, siren (see: inrbench list)"
    """
    names = sorted(known)
    near = get_close_matches(name, names, n=1, cutoff=0.5)
    guess = f", did you mean '{near[0]}'?" if near else "."
    listing = f" There are: {', '.join(names)}" if names else f" There is no {kind} at all"
    return UnknownName(f"unknown {kind} '{name}'{guess}{listing}{f' ({hint})' if hint else ''}")
