"""Private folders for content that is executed when it is read: compiled code, pickles of cluster jobs.

Only the user may write there.
"""

import atexit
import os
import shutil
import stat
import tempfile
from pathlib import Path

from inrbench.errors import BadValue

PRIVATE_MODE = 0o700
OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH


def private_folder(path: Path) -> Path:
    """Create a folder that only the user can enter, and return it.

    If the folder exists already and belongs to the user, access by others is removed.

    Raises:
        BadValue: It belongs to another user, or is a symbolic link.
        OSError: It cannot be created.
    """
    path.mkdir(mode=PRIVATE_MODE, parents=True, exist_ok=True)
    facts = path.lstat()
    if stat.S_ISLNK(facts.st_mode):
        raise BadValue(f"{path} is a symbolic link; code that is run from there must be in a real folder")
    if hasattr(os, "getuid") and facts.st_uid != os.getuid():
        raise BadValue(f"{path} belongs to another user, who could put code into it; remove it, or set XDG_CACHE_HOME")
    if stat.S_IMODE(facts.st_mode) != PRIVATE_MODE:
        path.chmod(PRIVATE_MODE)
    return path


def folder_of_this_process(prefix: str) -> Path:
    """Return a new temporary folder that only the user can enter. It is deleted when the process ends, unless it is killed.

    Args:
        prefix: Beginning of its name.
    """
    folder = tempfile.mkdtemp(prefix=prefix)
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return Path(folder)
