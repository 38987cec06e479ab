"""What stands where a folder should be."""

from __future__ import annotations

import os
from pathlib import Path


def no_folder(path: Path) -> str:
    """Return why what should be a folder is none, "" where it is one or nothing is there."""
    if path.is_dir() or not os.path.lexists(path):
        return ""
    if path.is_symlink():
        return "is a link that leads to no folder: mend it, or remove it"
    return "is a file where a folder should be: move it away"
