"""What the server process of workers imports, before it is copied for each of them (``inrbench.children``)."""

import atexit
import os

from inrbench.execute.worker import execute

__all__ = ["execute"]

atexit.register(os._exit, 0)  # it holds nothing that must be closed; the command would wait while it takes torch apart
