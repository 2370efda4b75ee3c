"""``inrbench completion``."""

import click
from click.shell_completion import get_completion_class

from inrbench.console import say


@click.command("completion")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def command(shell: str) -> None:
    """Print the script that makes a shell complete commands, options, methods and tasks.

    \b
    inrbench completion bash > ~/.local/share/bash-completion/completions/inrbench
    inrbench completion zsh > ~/.zfunc/_inrbench
    inrbench completion fish > ~/.config/fish/completions/inrbench.fish
    """
    from inrbench.cli.main import cli

    kind = get_completion_class(shell)
    assert kind is not None
    say(kind(cli, {}, "inrbench", "_INRBENCH_COMPLETE").source(), block=True)
