"""Build the site from a results folder: a folder of pages that can be opened from a file system."""

import shutil
import tempfile
from collections import defaultdict
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from importlib import resources
from pathlib import Path, PurePosixPath
from typing import Any

from inrbench.analyse import TABLE_COLUMNS, Leaderboard, build_leaderboard, comparable_runs
from inrbench.analyse.verdicts import COLUMNS as VERDICT_COLUMNS
from inrbench.errors import BadValue, StoreError
from inrbench.planning.recipes import Tuned, recipes_of_track
from inrbench.registry import Registry
from inrbench.report.site import runs, signals, urls
from inrbench.report.site.about import about_view
from inrbench.report.site.charts import Chart
from inrbench.report.site.comparison import Pictures, add_pictures, comparison_view
from inrbench.report.site.downloads import write_downloads
from inrbench.report.site.home import home_view
from inrbench.report.site.media import Media
from inrbench.report.site.methods import method_view, tables_of
from inrbench.report.site.pages import page
from inrbench.report.site.papers import paper_views
from inrbench.report.site.preview import write_preview
from inrbench.report.site.runs import runs_view
from inrbench.report.site.signals import signal_view
from inrbench.report.site.tables import table_view
from inrbench.report.site.tiers import chosen_tables, tier_order
from inrbench.report.site.timings import read_timings
from inrbench.spec import TUNED
from inrbench.store import verified_attempts
from inrbench.store.files import below, is_regular, regular_files

MANIFEST = ".inrbench-site"
"""The file that marks a folder as a site and lists the site's files. Other files are never removed."""
PARTS = frozenset(
    {
        "index.html",
        "about.html",
        "compare.html",
        "tables",
        "runs",
        "signals",
        "methods",
        "papers",
        "media",
        "assets",
        "downloads",
    }
)
"""Files and folders at the top level of a site."""
COLUMNS = tuple(dict.fromkeys((*TABLE_COLUMNS, *VERDICT_COLUMNS, *runs.COLUMNS, *signals.COLUMNS, "curve", "points_seen")))


@dataclass(frozen=True)
class SiteFacts:
    """Facts about a site that was built.

    Args:
        pages: Number of pages.
        bytes: Size of all files.
        refused: Reasons why some of the results are not shown.
    """

    pages: int
    bytes: int
    refused: tuple[str, ...]


def build_site(
    results: Path, target: Path, registry: Registry, tell: Callable[[str], None] = lambda what: None, url: str = ""
) -> SiteFacts:
    """Write the site of a results folder.

    The pages are written to a temporary folder next to the target and moved when all are complete. Files that the manifest of
    an earlier site lists are replaced or removed; other files in the folder stay.

    Args:
        results: The results folder.
        target: The site's folder: new, empty, or with an earlier site.
        registry: The registry of methods and tasks, for method pages and claims.
        tell: Called with the name of each stage when it begins.
        url: Address at which the site will be published; other sites then show a picture with links to it. "" if unknown.

    Raises:
        BadValue: The target contains something other than a site.
        StoreError: The target cannot be written.
    """
    target = target.resolve()
    if target.exists() and not is_regular(target / MANIFEST) and (not target.is_dir() or any(target.iterdir())):
        raise BadValue(f"-o {target}: this folder is not a site of inrbench; choose a new or empty folder")
    tell("reading results")
    groups = sorted(
        comparable_runs(results, COLUMNS), key=lambda group: group.track != "paper"
    )  # stable: otherwise the order is kept
    leaderboards = [build_leaderboard(group) for group in groups]
    scratch = None
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        scratch = Path(tempfile.mkdtemp(dir=target.parent, prefix=f".{target.name[:100]}."))
        site = _Site(scratch, url.rstrip("/") + "/" if url else "")
        media = _write_pages(site, leaderboards, results, registry, tell)
        _copy_assets(scratch)
        if url:
            write_preview(chosen_tables(leaderboards), scratch / "assets" / "preview.png")
        size = sum(path.stat().st_size for path in regular_files(scratch, lambda name: True))
        _move_in(scratch, target)
    except OSError as error:
        raise StoreError(f"cannot write to {target}: {error.strerror or error}; choose another folder with -o") from error
    finally:
        if scratch is not None:
            shutil.rmtree(scratch, ignore_errors=True)
    return SiteFacts(site.pages, size, tuple(media.refused))


def _move_in(scratch: Path, target: Path) -> None:
    """Move the files of a new site to the target and remove those of an earlier site. Raises OSError."""
    new = {path.relative_to(scratch).as_posix() for path in regular_files(scratch, lambda name: True)}
    old = _listed(target)
    target.mkdir(parents=True, exist_ok=True)
    (target / MANIFEST).write_text("\n".join(sorted(old | new)) + "\n", encoding="utf-8")  # until the end, it lists both
    for name in sorted(new):
        _own_folder(target, PurePosixPath(name).parent)
        (scratch / name).replace(target / name)
    for name in sorted(old - new):
        (target / name).unlink(missing_ok=True)
        for folder in list(PurePosixPath(name).parents)[:-1]:
            with suppress(OSError):  # it contains other files
                (target / folder).rmdir()
    (target / MANIFEST).write_text("\n".join(sorted(new)) + "\n", encoding="utf-8")


def _listed(target: Path) -> set[str]:
    """Return the files of an earlier site that its manifest lists, except those below a link."""
    manifest = target / MANIFEST
    if not is_regular(manifest):
        return set()
    names = {
        PurePosixPath(line) for line in manifest.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()
    }
    inside = {name for name in names if name.parts and ".." not in name.parts and name.parts[0] in PARTS}
    return {name.as_posix() for name in inside if not any((target / folder).is_symlink() for folder in name.parents)}


def _own_folder(target: Path, folder: PurePosixPath) -> None:
    """Create a folder of the site. Raises StoreError if a link is in its place."""
    below(target, *folder.parts).mkdir(parents=True, exist_ok=True)


def _write_pages(
    site: "_Site", leaderboards: list[Leaderboard], results: Path, registry: Registry, tell: Callable[[str], None]
) -> Media:
    tables = defaultdict(list)
    for leaderboard in leaderboards:
        tables[leaderboard.group.task, leaderboard.group.fingerprint].append(leaderboard)
    media, verified = Media(site.root), verified_attempts(results)
    curves: dict[str, Chart] = {}
    tell("writing tables and runs")
    for (task, fingerprint), leaderboards_of_table in tables.items():
        downloads = {
            urls.leaderboard_anchor(leaderboard.group): write_downloads(site.root, leaderboard)
            for leaderboard in leaderboards_of_table
        }
        recipes: list[Tuned] = []
        for leaderboard in (each for each in leaderboards_of_table if each.group.track.startswith(TUNED)):
            with media.passing_over():
                recipes += recipes_of_track(results, task, leaderboard.group.protocol, leaderboard.group.track)
        address = urls.table_page(task, fingerprint)
        others = [found[0] for key, found in sorted(tables.items()) if key[0] == task and key != (task, fingerprint)]
        view = table_view(leaderboards_of_table, recipes, registry, downloads, verified, sorted(others, key=tier_order))
        site.write(address, "table.html", view)
        curves |= {f"{address}#{each['anchor']}": each["charts"][0] for each in view["leaderboards"] if each["charts"]}
        for leaderboard in leaderboards_of_table:
            for row in leaderboard.rows:
                site.write(urls.runs_page(leaderboard.group, row.label), "runs.html", runs_view(leaderboard.group, row.label))
    tell("writing signals")
    pictures: dict[str, str] = {}
    compared: dict[str, Pictures] = {}
    for (task, fingerprint), leaderboards_of_table in tables.items():
        for signal in sorted({signal for leaderboard in leaderboards_of_table for signal in leaderboard.signals}):
            view = signal_view(leaderboards_of_table, signal, results, media)
            site.write(urls.signal_page(task, fingerprint, signal), "signal.html", view)
            if view["viewer"]:
                pictures.setdefault(task, view["viewer"]["truth"] or view["viewer"]["pictures"][0]["image"])
                add_pictures(compared, view)
    tell("writing methods and papers")
    timings, of_methods = read_timings(results), tables_of(sorted(leaderboards, key=tier_order), curves)
    for method in sorted({method for table in of_methods for method in table.rows}):
        site.write(urls.method_page(method), "method.html", method_view(method, of_methods, registry, timings))
    papers = list(paper_views(leaderboards, registry))
    for paper in papers:
        site.write(paper["page"], "paper.html", paper)
    tell("writing the home page")
    site.write("compare.html", "compare.html", comparison_view(leaderboards, compared))
    newest = max(leaderboard.group.runs["started_at"].max() for leaderboard in leaderboards)
    site.write("about.html", "about.html", about_view(newest.year))
    site.write("index.html", "home.html", home_view(leaderboards, papers, pictures, timings, registry))
    return media


def _copy_assets(site: Path) -> None:
    assets = site / "assets"
    for folder in ("static", "vendor"):
        with resources.as_file(resources.files("inrbench.report.site").joinpath(folder)) as source:
            assets.mkdir(exist_ok=True)
            for file in regular_files(source, lambda name: True):  # copytree would report a full disk as a list of its files
                shutil.copyfile(file, assets / file.name)


class _Site:
    """A site that is being built."""

    def __init__(self, root: Path, url: str) -> None:
        self.root, self.url, self.pages = root, url, 0

    def write(self, address: str, template: str, view: dict[str, Any]) -> None:
        path = self.root / address
        path.parent.mkdir(exist_ok=True)
        path.write_text(page(template, "../" * address.count("/"), url=self.url, **view), encoding="utf-8")
        self.pages += 1
