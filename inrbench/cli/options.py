"""Options shared by several commands."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import click

from inrbench.console import say
from inrbench.errors import BadValue

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]


class ResultsFolder(click.Path):
    """A results folder, or the URI of a results folder in an object store.

    For a URI the value is its local mirror, which is synchronised before and after the command.

    Args:
        artifacts: Whether to also fetch artifacts from the object store.
    """

    name = "folder"

    def __init__(self, artifacts: bool = False) -> None:
        super().__init__(file_okay=False, path_type=Path)
        self.artifacts = artifacts

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the local folder to work on.

        Args:
            value: A path or a URI.
            param: The option or argument that the value belongs to.
            ctx: The context of the command; the mirror is synchronised again when it closes.

        Raises:
            StoreError: The object store cannot be reached.
        """
        from inrbench.store import MARK, claims_mirror, is_remote, open_mirror

        if isinstance(value, Path) or not is_remote(value):
            folder = Path(super().convert(value, param, ctx))  # type: ignore[arg-type]  # path_type makes it a Path
            if claims_mirror(folder):
                say(
                    f"note: {folder / MARK} names an object store; nothing is sent there unless you name it: --results s3://...",
                    err=True,
                )
            return folder
        remote = open_mirror(value)
        remote.sync(self.artifacts)
        if ctx is not None:
            ctx.call_on_close(remote.sync)
        return remote.folder


results_option: Decorator = click.option(
    "--results",
    type=ResultsFolder(),
    default=Path("results"),
    show_default=True,
    help="The results folder, or s3://BUCKET/PREFIX.",
)
results_and_artifacts_option: Decorator = click.option(
    "--results",
    type=ResultsFolder(artifacts=True),
    default=Path("results"),
    show_default=True,
    help="The results folder, or s3://BUCKET/PREFIX.",
)
plugin_option: Decorator = click.option(
    "--plugin",
    "plugins",
    type=click.Path(path_type=Path, dir_okay=False),
    multiple=True,
    help="A file with your own methods or tasks. May be given several times.",
)


@contextmanager
def writing_to(path: Path) -> Iterator[None]:
    """Create a file's folder; raise BadValue if the block cannot write the file."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield
    except OSError as error:
        raise BadValue(f"-o {path}: it cannot be written: {error.strerror or error}; choose a different path") from error


def complete_names(kind: Literal["methods", "tasks", "both"]) -> Callable[[click.Context, click.Parameter, str], list[str]]:
    """Return a function that completes the last of comma-separated names of methods, tasks or both. It imports no plugin."""

    def complete(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
        from inrbench.registry import Registry

        registry = Registry()
        names = [*(registry.methods if kind != "tasks" else ()), *(registry.tasks if kind != "methods" else ())]
        before, comma, last = incomplete.rpartition(",")
        return [f"{before}{comma}{name}" for name in names if name.startswith(last)]

    return complete


def words(text: str | None, separator: str = ",") -> tuple[str, ...]:
    """Split the text of an option at the separator, and drop empty parts."""
    return tuple(word.strip() for word in (text or "").split(separator) if word.strip())


def parse_seeds(text: str) -> tuple[int, ...]:
    """Return the seeds for a number of seeds (``3`` gives 0, 1, 2) or a list (``0,7``). Raises BadValue for other text.

    >>> parse_seeds("3"), parse_seeds("4,7"), parse_seeds("7,")
    ((0, 1, 2), (4, 7), (7,))
    """
    items = words(text)
    if not items or not all(re.fullmatch(r"\d+", item) for item in items):
        raise BadValue(f"--seeds {text}: give how many (3), or a list (0,7,42)")
    numbers = tuple(dict.fromkeys(map(int, items)))
    if "," in text:
        return numbers
    if numbers[0] == 0:
        raise BadValue("--seeds 0: at least one seed is needed; for seed 0 only, use --seeds 1")
    return tuple(range(numbers[0]))
