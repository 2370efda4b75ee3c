"""Submit a method with its results: a folder that a pull request carries, and the checks before it is accepted."""

from inrbench.submission.accept import accept
from inrbench.submission.bundle import MANIFEST, Bundle, private_copy, read_bundle, write_bundle
from inrbench.submission.check import check_bundle

__all__ = [
    "MANIFEST",
    "Bundle",
    "accept",
    "check_bundle",
    "private_copy",
    "read_bundle",
    "write_bundle",
]
