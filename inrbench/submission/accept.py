"""Accept a submission that was checked: its rows join the published results, which remember the verified ones."""

from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from inrbench.errors import BadValue, NothingFound, StoreError
from inrbench.store import SCHEMA, add_submission, export_compact, read_runs, submitted_methods
from inrbench.store.identical import conflicting_ids
from inrbench.store.read import read_all_attempts
from inrbench.submission.bundle import RESULTS, Bundle, read_bundle
from inrbench.submission.check import repeatable


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
    _refuse_changed_attempts(folder / RESULTS, published)
    merged = export_compact(folder / RESULTS, published)
    before = submitted_methods(published).get(bundle.code_sha256, {}).get("verified_attempts", [])
    names = ["attempt_id", "status", "device_class", "track"]
    rows = read_all_attempts(folder / RESULTS, names)[0].to_pandas()
    checked = set(rows.loc[repeatable(rows), "attempt_id"]) if verified else set()
    facts = {
        "methods": list(bundle.methods),
        "author": bundle.author,
        "accepted_at": f"{datetime.now(UTC):%Y-%m-%d}",
        "verified_attempts": sorted({*before, *checked}),
    }
    add_submission(published, bundle.code_sha256, facts)
    return sum(merged.written.values())


def _refuse_changed_attempts(results: Path, published: Path) -> None:
    """Raise BadValue if an attempt is published with other content: a mark belongs to an attempt."""
    new, _ = read_all_attempts(results, SCHEMA.names)
    try:
        old, _ = read_all_attempts(published, SCHEMA.names)
    except (StoreError, NothingFound):
        return
    known = old.filter(pc.is_in(old["attempt_id"], value_set=new["attempt_id"].combine_chunks()))
    if changed := sorted(conflicting_ids(pa.concat_tables([known, new]))):
        raise BadValue(f"{published} has attempt {changed[0]} with other content; nothing was accepted")


def _refuse_other_authors(bundle: Bundle, published: Path) -> None:
    """Raise BadValue if a method of the same name is published, and not as a submission of the same author."""
    try:
        rows = read_runs(published, ["method", "method_sha256"]).table.to_pandas()
    except (StoreError, NothingFound):
        return
    known = submitted_methods(published)
    for name, code in zip(rows["method"], rows["method_sha256"], strict=True):
        if name in bundle.methods and known.get(code, {}).get("author") != bundle.author:
            raise BadValue(
                f"{published} has a method '{name}' that {bundle.author} did not submit; give the submitted one another name"
            )
