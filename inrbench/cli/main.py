"""The ``inrbench`` command: find the subcommand, and turn an InrbenchError into one line and an exit code."""

import logging
import sys
from importlib import import_module

import click

import inrbench
from inrbench.cli.ascii_fallback import show_in_any_encoding
from inrbench.console import PlainFormatter, say
from inrbench.errors import InrbenchError

COMMANDS = {
    "list": "List the methods and tasks.",
    "show": "Show a method or a task: formula, parameters, protocols, sources.",
    "run": "Fit methods on tasks. Runs that are already stored are not repeated.",
    "new": "Write a method, a task or a plugin package to start from.",
    "check-plugin": "Check a plugin, with advice, and try it for a minute.",
    "status": "Show how runs ended, which failed and why, and what is running.",
    "diff": "Show which fields distinguish a run from similar runs.",
    "tune": "Tune each method with an equal budget, on signals that no test uses.",
    "leaderboard": "Print the tables of the results.",
    "compare": "Compare a method with others, signal by signal, with statistics.",
    "plot": "Draw figures of the results.",
    "report": "Write a static site of the results.",
    "render": "Render a stored network at a higher resolution.",
    "claims": "Compare what papers printed with what was measured.",
    "reproduce": "Run what a paper's tables and figures need, and compare.",
    "regress": "Compare new results with published ones, for CI.",
    "submit": "Submit a method with its results, or check a submission.",
    "profile": "Measure the speed and memory of a method's training step.",
    "data": "List, fetch and verify data sets.",
    "results": "List, verify, compact, merge, export and clean a results folder.",
    "env": "Print versions, machine and folders for a bug report.",
    "completion": "Print the shell completion script.",
}
"""Name -> one-line help. The command ``check-plugin`` is in ``inrbench/cli/check_plugin.py``, and so on."""


class LazyGroup(click.Group):
    """A group that imports a command only when it is used, so that ``--help`` is fast."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of the commands in the order of ``COMMANDS``."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command and return it; return None for an unknown name."""
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = import_module(f"inrbench.cli.{cmd_name.replace('-', '_')}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands and their help without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="""
Exit codes: 0 ok, 1 a run failed or its data are missing, 2 wrong usage, 3 a check failed, 4 nothing to compare,
5 stopped by --max-time, 130 stopped by Ctrl-C, SIGTERM or SIGHUP.
""",
)
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
    logging.captureWarnings(True)  # matplotlib warns with the stored text that it cannot draw
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
