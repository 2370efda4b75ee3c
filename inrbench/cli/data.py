"""``inrbench data list|fetch|verify|path``."""

import sys

import click

from inrbench.console import say
from inrbench.errors import CHECK_FAILED, OK


@click.group("data")
def command() -> None:
    """List, fetch and verify data sets.

    Data sets are searched in INRBENCH_DATA (a folder with <data set>/<file>), then in the user's cache.

    \b
    inrbench data list
    inrbench data fetch kodak
    """


@command.command("list")
def list_() -> None:
    """List the data sets, and which are on this machine.

    \b
    inrbench data list
    """
    from inrbench.data import catalogue, find_file

    for name, dataset in catalogue().items():
        here = sum(find_file(name, file) is not None for file in dataset.sha256)
        say(f"{name}  ({here} of {len(dataset.sha256)} files here)", bold=True)
        for line in (dataset.title, f"licence: {dataset.licence}", f"cite: {dataset.citation}"):
            say(f"  {line}")


@command.command("fetch")
@click.argument("names", nargs=-1, required=True)
def fetch_(names: tuple[str, ...]) -> None:
    """Download data sets into the user's cache and verify them. Files that exist already are kept.

    \b
    inrbench data fetch kodak lpips
    """
    from inrbench.data.fetch import fetch

    for name in names:
        folders = {str(found.path.parent) for found in fetch(name, progress=sys.stderr.isatty()) if found.path}
        say(f"{name}: complete in {' and '.join(sorted(folders))}")


@command.command("verify")
@click.argument("names", nargs=-1)
def verify(names: tuple[str, ...]) -> int:
    """Compare the files on this machine with the catalogue's SHA-256. Exit code 3 if a file is corrupt or missing.

    \b
    inrbench data verify
    inrbench data verify kodak
    """
    from inrbench.data import catalogue, dataset, locate

    unsound = 0
    for name in names or catalogue():
        bad = 0
        for file in dataset(name).sha256:
            found = locate(name, file)
            if found.path is None:
                say(f"{name}/{file}: missing, run: inrbench data fetch {name}")
            elif not found.is_valid:
                say(f"{found.path}: corrupt, sha256 {found.actual}, expected {found.expected}")
            bad += not found.is_valid
        say(f"{name}: {f'{bad} of {len(dataset(name).sha256)} files damaged' if bad else 'all files intact'}")
        unsound += bad
    return CHECK_FAILED if unsound else OK


@command.command("path")
@click.argument("name")
def path(name: str) -> None:
    """Print the folder of a data set.

    \b
    inrbench data path kodak
    """
    from inrbench.data import dataset, find_file
    from inrbench.errors import DataMissing

    folders = {path.parent for file in dataset(name).sha256 if (path := find_file(name, file))}
    if not folders:
        raise DataMissing(f"data missing, run: inrbench data fetch {name}")
    for folder in sorted(folders):
        say(str(folder))
