"""Accept a submission that was checked: its rows join the published results, which remember that they were verified."""

from datetime import UTC, datetime
from pathlib import Path

from inrbench.store import add_verified, export_compact
from inrbench.submission.bundle import RESULTS, read_bundle


def accept(folder: Path, published: Path) -> int:
    """Add the rows of a submission to published results and return their number.

    Args:
        folder: The folder of a submission that passed ``check_bundle``.
        published: The published results.

    Raises:
        BadValue: The folder is not a submission.
        StoreError: The published results cannot be written.
    """
    bundle = read_bundle(folder)
    merged = export_compact(folder / RESULTS, published)
    facts = {"methods": list(bundle.methods), "author": bundle.author, "verified_at": f"{datetime.now(UTC):%Y-%m-%d}"}
    add_verified(published, bundle.code_sha256, facts)
    return sum(merged.written.values())
