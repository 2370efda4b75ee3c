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

PHOTOGRAPHS = {
    "about": "Photographs and textures in scikit-image's wheel: photo, denoise, inpainting, super-resolution",
    "licence": "as scikit-image states: camera, chelsea, coffee, brick, grass, gravel, retina: CC0; astronaut, hubble (NASA), "
    "rocket (SpaceX): public domain; ihc: no known restrictions; moon, motorcycle: not stated",
    "citation": "documentation of skimage.data",
}
MADE = {
    "about": "All other signals are made by this project's code",
    "licence": "MIT, as the code",
    "citation": "inrbench show TASK",
}


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
        ]
        + [PHOTOGRAPHS, MADE],
        "bibtex": CITATION.format(**facts),
        "apa": APA.format(**facts),
    }
