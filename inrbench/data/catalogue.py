"""The catalogue of data sets, read from ``catalogue.toml``."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import resources

from inrbench.errors import unknown_name


@dataclass(frozen=True)
class Dataset:
    """A named set of files.

    Args:
        name: Name of the data set.
        title: Description in one line.
        url: Address of the files, with ``{name}`` for the file's name; empty if there is no public address.
        licence: Licence of the files.
        citation: Source to cite.
        sha256: SHA-256 of each file by name, for a ``.gz`` file of the uncompressed bytes; an empty string if not known yet.
        urls: Addresses of the files that have their own; the others follow from ``url``.
        distribution: Python distribution that contains the files; empty if there is none.
        inside: Folder of the distribution that contains the files.
    """

    name: str
    title: str
    url: str
    licence: str
    citation: str
    sha256: Mapping[str, str]
    urls: Mapping[str, str] = field(default_factory=dict)
    distribution: str = ""
    inside: str = ""

    def url_of(self, file: str) -> str:
        """Return the download address of a file, or an empty string if it has no public address."""
        return self.urls.get(file) or self.url.format(name=file)


@cache
def catalogue() -> dict[str, Dataset]:
    """Return all data sets by name."""
    text = resources.files("inrbench.data").joinpath("catalogue.toml").read_text(encoding="utf-8")
    return {name: Dataset(name=name, **entry) for name, entry in tomllib.loads(text).items()}


def dataset(name: str) -> Dataset:
    """Return a data set by name. Raises UnknownName if the catalogue does not have it."""
    if name not in catalogue():
        raise unknown_name("data set", name, catalogue(), "see: inrbench data list")
    return catalogue()[name]
