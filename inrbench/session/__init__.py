"""A request carried out and told as it goes, whichever door it came through: the command line or Python."""

from inrbench.session.session import INTERRUPTED, perform

__all__ = ["INTERRUPTED", "perform"]
