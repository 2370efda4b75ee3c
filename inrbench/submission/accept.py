"""Accept a submission that was checked: its rows join the published results, which remember the verified ones."""

from datetime import UTC, datetime
from pathlib import Path

from inrbench.errors import BadValue, NothingFound, StoreError
from inrbench.store import add_verified, export_compact, read_runs, verified_methods
from inrbench.submission.bundle import RESULTS, Bundle, read_bundle


def accept(folder: Path, published: Path, verified: bool) -> int:
    """Add the rows of a submission to published results and return their number.

    Args:
        folder: A private copy of a submission that passed ``check_bundle``.
        published: The published results.
        verified: Whether some of its runs were repeated.

    Raises:
        BadValue: The folder is not a submission, or a method of this name by another author is published.
        StoreError: The published results cannot be written.
    """
    bundle = read_bundle(folder)
    _refuse_other_authors(bundle, published)
    merged = export_compact(folder / RESULTS, published)
    if verified:
        runs = read_runs(folder / RESULTS, ["run_id"]).table["run_id"].to_pylist()
        facts = {
            "methods": list(bundle.methods),
            "author": bundle.author,
            "verified_at": f"{datetime.now(UTC):%Y-%m-%d}",
            "runs": sorted(set(runs)),
        }
        add_verified(published, bundle.code_sha256, facts)
    return sum(merged.written.values())


def _refuse_other_authors(bundle: Bundle, published: Path) -> None:
    """Raise BadValue if a method of the same name is published with other code, and not by the same author."""
    try:
        rows = read_runs(published, ["method", "method_sha256"]).table.to_pandas()
    except (StoreError, NothingFound):
        return
    known = verified_methods(published)
    for name, code in zip(rows["method"], rows["method_sha256"], strict=True):
        if name in bundle.methods and code != bundle.code_sha256 and known.get(code, {}).get("author") != bundle.author:
            raise BadValue(f"{published} has another method '{name}', of other code; give the submitted one another name")
