"""What was published: the bibliographic facts of ``results/papers/*.toml``."""

import tomllib
from functools import cache
from importlib import resources
from typing import Any


@cache
def papers() -> dict[str, dict[str, Any]]:
    """Return the papers by key."""
    folder = resources.files("inrbench.results").joinpath("papers")
    files = sorted((f for f in folder.iterdir() if f.name.endswith(".toml")), key=lambda f: f.name)
    return {file.name.removesuffix(".toml"): tomllib.loads(file.read_text(encoding="utf-8")) for file in files}


def bibtex(key: str) -> str | None:
    """Return a paper's BibTeX entry, or None for a key that has no file."""
    if key not in papers():
        return None
    paper = papers()[key]["paper"]
    fields = {name: value for name, value in paper.items() if name != "kind"}
    fields["author"] = " and ".join(fields.pop("authors"))
    lines = [f"  {name} = {{{value}}}," for name, value in sorted(fields.items())]
    return "\n".join([f"@{paper['kind']}{{{key},", *lines, "}"])
