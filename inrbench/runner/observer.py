"""The observer of a command: a program or a notebook can receive everything that the command line prints."""

import typing
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

from inrbench.execute import NullObserver, ProgressObserver
from inrbench.planning import Request, RunOptions
from inrbench.runner.report import RunReport


class RunObserver(ProgressObserver, typing.Protocol):
    """Receives the plan, notes, the progress of runs, and the end of a command."""

    def planned(self, report: RunReport, request: Request, options: RunOptions) -> None:
        """Handle the plan and the estimate, before anything is carried out.

        Args:
            report: The report, with the plan and the estimate.
            request: The first request.
            options: How the runs are carried out.
        """

    def note(self, text: str) -> None:
        """Handle a note for the user."""

    def preparing(self, title: str) -> AbstractContextManager[Callable[[float], None]]:
        """Return a context around the preparation of data; it yields a function that receives the fraction done."""
        ...

    def running(self, report: RunReport) -> AbstractContextManager[None]:
        """Return a context around the runs."""
        ...

    def ended(self, report: RunReport, request: Request, options: RunOptions) -> None:
        """Handle the end of a command.

        Args:
            report: The report, with the outcomes.
            request: The first request.
            options: How the runs were carried out.
        """


class QuietObserver(NullObserver):
    """Prints nothing. A base for observers of your own: override what you need."""

    def planned(self, report: RunReport, request: Request, options: RunOptions) -> None:
        """Do nothing."""

    def note(self, text: str) -> None:
        """Do nothing."""

    def preparing(self, title: str) -> AbstractContextManager[Callable[[float], None]]:
        """Return a context that does nothing."""
        return nullcontext(lambda fraction: None)

    def running(self, report: RunReport) -> AbstractContextManager[None]:
        """Return a context that does nothing."""
        return nullcontext()

    def ended(self, report: RunReport, request: Request, options: RunOptions) -> None:
        """Do nothing."""
