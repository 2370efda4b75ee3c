"""The site: a folder of pages that opens from a file system, made of nothing but a results folder."""

import shutil
import tempfile
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from inrbench.analyse import TABLE_COLUMNS, Board, board_of, comparable_runs
from inrbench.analyse.verdicts import COLUMNS as VERDICT_COLUMNS
from inrbench.errors import BadValue, StoreError
from inrbench.registry import Registry
from inrbench.report.site import names, runs, signals
from inrbench.report.site.home import home_view
from inrbench.report.site.media import Media
from inrbench.report.site.methods import method_view, read_cards
from inrbench.report.site.pages import page
from inrbench.report.site.papers import paper_views
from inrbench.report.site.runs import runs_view
from inrbench.report.site.signals import signal_view
from inrbench.report.site.tables import table_view

MARK = ".inrbench-site"
"""The file that says that a folder is a site of ours, and may be replaced."""
COLUMNS = tuple(dict.fromkeys((*TABLE_COLUMNS, *VERDICT_COLUMNS, *runs.COLUMNS, *signals.COLUMNS, "curve")))


@dataclass(frozen=True)
class SiteFacts:
    """What was built."""

    pages: int
    bytes: int


def build_site(results: Path, target: Path, registry: Registry, tell: Callable[[str], None] = lambda what: None) -> SiteFacts:
    """Write the site of a results folder; ``tell`` hears what is being done.

    The earlier site stays until the new one is whole. Raises BadValue for a target that holds something else than a site,
    StoreError for one that cannot be written, and what ``comparable_runs`` raises.
    """
    if target.exists() and not (target / MARK).is_file() and (not target.is_dir() or any(target.iterdir())):
        raise BadValue(f"-o {target}: there is something else than a site; name a folder that is new or empty")
    tell("reading")
    groups = sorted(
        comparable_runs(results, COLUMNS), key=lambda group: group.track != "paper"
    )  # stable: otherwise as they come
    boards = [board_of(group) for group in groups]
    try:
        target.absolute().parent.mkdir(parents=True, exist_ok=True)
        scratch = Path(tempfile.mkdtemp(dir=target.absolute().parent, prefix=f".{target.name}."))
    except OSError as error:
        raise StoreError(
            f"cannot write to {target.absolute().parent}: {error.strerror}; choose another folder with -o"
        ) from error
    try:
        site = _Site(scratch)
        _write_pages(site, boards, results, registry, tell)
        _copy_assets(scratch)
        (scratch / MARK).touch()
        scratch.chmod(0o755)
        shutil.rmtree(target, ignore_errors=True)
        scratch.replace(target)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return SiteFacts(site.pages, sum(path.stat().st_size for path in target.rglob("*") if path.is_file()))


def _write_pages(site: "_Site", boards: list[Board], results: Path, registry: Registry, tell: Callable[[str], None]) -> None:
    tables = defaultdict(list)
    for board in boards:
        tables[board.group.task, board.group.fingerprint].append(board)
    media = Media(site.root)
    tell("tables and runs")
    for (task, fingerprint), held in tables.items():
        site.write(names.table_page(task, fingerprint), "table.html", table_view(held))
        for board in held:
            for row in board.rows:
                site.write(names.runs_page(board.group, row.label), "runs.html", runs_view(board.group, row.label))
    tell("signals")
    for (task, fingerprint), held in tables.items():
        for signal in sorted({signal for board in held for signal in board.signals}):
            site.write(names.signal_page(task, fingerprint, signal), "signal.html", signal_view(held, signal, results, media))
    tell("methods and papers")
    cards = read_cards(results)
    for method in sorted({names.method_of(row.label) for board in boards for row in board.rows}):
        site.write(names.method_page(method), "method.html", method_view(method, boards, registry, cards))
    papers = list(paper_views(boards, registry))
    for paper in papers:
        site.write(paper["page"], "paper.html", paper)
    site.write("index.html", "home.html", home_view(boards, papers))


def _copy_assets(site: Path) -> None:
    assets = site / "assets"
    for folder in ("static", "vendor"):
        with resources.as_file(resources.files("inrbench.report.site").joinpath(folder)) as source:
            shutil.copytree(source, assets, dirs_exist_ok=True)


class _Site:
    """A site in the making."""

    def __init__(self, root: Path) -> None:
        self.root, self.pages = root, 0

    def write(self, address: str, template: str, view: dict[str, Any]) -> None:
        path = self.root / address
        path.parent.mkdir(exist_ok=True)
        path.write_text(page(template, "../" * address.count("/"), **view), encoding="utf-8")
        self.pages += 1
