"""The ``inrbench`` command: finds the verb, and turns the one family of errors into one line and an exit code."""

import logging
import sys
from importlib import import_module

import click

import inrbench
from inrbench.cli.signs import show_in_any_encoding
from inrbench.console import PlainFormatter, say
from inrbench.errors import InrbenchError

VERBS = {
    "list": "The methods and tasks there are.",
    "show": "One method or task: formula, parameters, protocols, sources.",
    "run": "Fit methods on tasks; does only what the results folder lacks.",
    "new": "Write a method, a task or a plugin package to begin with.",
    "test": "Check a plugin, with advice, and try it for a minute.",
    "status": "How runs ended, what failed and why, what is going on and where.",
    "why": "What makes a run another one than its relatives.",
    "tune": "Search every method's settings with an equal budget, on signals that no test uses.",
    "leaderboard": "Tables of the results.",
    "compare": "A method against others, signal by signal, with statistics.",
    "plot": "Figures of the results.",
    "report": "A static site of the results.",
    "render": "A stored network at a higher resolution than it was fitted at.",
    "claims": "What papers printed, what was measured, and a verdict on each.",
    "reproduce": "Run what a paper's tables and figures need, and set them side by side.",
    "check": "A gate for CI: new results against published ones and claims.",
    "profile": "Speed cards: how fast a method's step is, and how fast it could be.",
    "data": "Data sets: list, fetch, verify, path.",
    "results": "The results folder: list, verify, compact, merge, export, gc, migrate.",
    "env": "Versions, machine and folders, for a bug report.",
    "completion": "What makes a shell complete names.",
}


class Verbs(click.Group):
    """A group whose verbs are imported only when used, so that --help answers at once."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the verbs in the order people meet them."""
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a verb."""
        if cmd_name not in VERBS:
            return None
        command: click.Command = import_module(f"inrbench.cli.{cmd_name}_verb").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the verbs and what they do, without importing them."""
        with formatter.section("Verbs"):
            formatter.write_dl(list(VERBS.items()))


@click.group(cls=Verbs, context_settings={"help_option_names": ["-h", "--help"]}, epilog="""
Exit codes: 0 ok, 1 some run failed, 2 wrong usage, 3 a check failed, 4 nothing was compared.
""")  # fmt: skip
@click.version_option(inrbench.__version__, prog_name="inrbench")
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
def cli(debug: bool) -> None:
    """Benchmark implicit neural representations: methods against tasks under fixed protocols.

    \b
    inrbench run --suite quick            a first leaderboard, no download, minutes on a laptop
    inrbench run --methods all --tasks kodak --protocol quick
    inrbench leaderboard
    """


def main() -> None:
    """Run the command line and end the process with its exit code."""
    show_in_any_encoding()
    handler = logging.StreamHandler()
    handler.setFormatter(PlainFormatter("inrbench: %(message)s"))
    logging.basicConfig(handlers=[handler], level=logging.WARNING)
    logging.captureWarnings(True)  # matplotlib quotes what it cannot draw
    debug = "--debug" in sys.argv[1:]
    try:
        code = cli.main(standalone_mode=False)
    except click.ClickException as error:
        error.show()
        code = error.exit_code
    except (click.exceptions.Abort, KeyboardInterrupt):
        say("stopped", err=True)
        code = 130
    except InrbenchError as error:
        if debug:
            raise
        say(f"inrbench: {error}", err=True)
        code = error.exit_code
    sys.exit(code if isinstance(code, int) else 0)
