"""Published papers: the files ``results/papers/*.toml`` and the bibliographic data in them."""

import tomllib
from functools import cache
from importlib import resources
from typing import Any

from inrbench.errors import unknown_name


@cache
def paper_texts() -> dict[str, str]:
    """Return the text of each file by the paper's key."""
    folder = resources.files("inrbench.results").joinpath("papers")
    files = sorted((f for f in folder.iterdir() if f.name.endswith(".toml")), key=lambda f: f.name)
    return {file.name.removesuffix(".toml"): file.read_text(encoding="utf-8") for file in files}


@cache
def papers() -> dict[str, dict[str, Any]]:
    """Return the papers by key: the bibliographic data and everything else in their files."""
    return {key: tomllib.loads(text) for key, text in paper_texts().items()}


def paper_key(name: str) -> str:
    """Return the key of a paper, given its key or its short name such as ``msa2026``. Raises UnknownName for other names."""
    short = {facts["short"]: key for key, facts in papers().items() if "short" in facts}
    if name not in papers() and name not in short:
        raise unknown_name("paper", name, [*short, *(key for key in papers() if key not in short.values())])
    return short.get(name, name)


def bibtex(key: str) -> str | None:
    """Return a paper's BibTeX entry, or None if there is no file for the key."""
    if key not in papers():
        return None
    paper = papers()[key]["paper"]
    fields = {name: value for name, value in paper.items() if name != "kind"}
    fields["author"] = " and ".join(fields.pop("authors"))
    lines = [f"  {name} = {{{value}}}," for name, value in sorted(fields.items())]
    return "\n".join([f"@{paper['kind']}{{{key},", *lines, "}"])
