"""The content of the page about the numbers: how they are made, what the words mean, licences, and how to cite."""

from typing import Any

import inrbench
from inrbench.data import catalogue
from inrbench.report.site.protocol_card import KINDS, TRACKS

CITATION = """@software{{inrbench,
  author = {{{{The inrbench developers}}}},
  title = {{inrbench: a benchmark suite and leaderboard harness for implicit neural representations}},
  version = {{{version}}},
  year = {{{year}}},
}}"""
APA = (
    "The inrbench developers ({year}). inrbench: a benchmark suite and leaderboard harness for implicit neural representations "
    "(Version {version}) [Computer software]."
)


def about_view(year: int) -> dict[str, Any]:
    """Return the content of the page.

    Args:
        year: Year of the newest run, for the citation.
    """
    facts = {"version": inrbench.__version__, "year": year}
    return {
        "title": "About these numbers",
        "tracks": TRACKS,
        "kinds": KINDS,
        "datasets": [
            {"name": each.name, "about": each.title, "citation": each.citation, "licence": each.licence}
            for each in catalogue().values()
        ],
        "bibtex": CITATION.format(**facts),
        "apa": APA.format(**facts),
    }
