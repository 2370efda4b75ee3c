"""The catalogue of data sets, read from ``catalogue.toml``."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources

from inrbench.errors import unknown


@dataclass(frozen=True)
class Dataset:
    """A named set of files; ``sha256`` maps each file's name to the hash of its bytes."""

    name: str
    title: str
    url: str
    licence: str
    citation: str
    sha256: Mapping[str, str]

    def url_of(self, file: str) -> str:
        """Return where a file is downloaded from."""
        return self.url.format(name=file)


@cache
def catalogue() -> dict[str, Dataset]:
    """Return all data sets by name."""
    text = resources.files("inrbench.data").joinpath("catalogue.toml").read_text(encoding="utf-8")
    return {name: Dataset(name=name, **entry) for name, entry in tomllib.loads(text).items()}


def dataset(name: str) -> Dataset:
    """Return a data set. Raises UnknownName."""
    if name not in catalogue():
        raise unknown("data set", name, catalogue(), "see: inrbench data list")
    return catalogue()[name]
