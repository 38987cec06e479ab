"""What is in folders that people keep, and what stands where a folder should be."""

from __future__ import annotations

import os
from pathlib import Path


def toml_files(folder: Path, deep: bool = False) -> list[Path]:
    """Return the .toml files that people keep in a folder, `deep` also in those below, by name.

    What hides (._first.toml is the Finder's) and what an editor locks a file with is none of them.
    """
    return sorted(
        path
        for path in folder.glob("**/*.toml" if deep else "*.toml")
        if not path.name.startswith((".", "~$")) and not path.is_dir()
    )


def no_folder(path: Path) -> str:
    """Return why what should be a folder is none, "" where it is one or nothing is there."""
    if path.is_dir() or not os.path.lexists(path):
        return ""
    if path.is_symlink():
        return "is a link that leads to no folder: mend it, or remove it"
    return "is a file where a folder should be: move it away"


def leads_nowhere(path: Path) -> str:
    """Return what a link leads to where that is not there, "" for all else."""
    try:
        return os.readlink(path) if path.is_symlink() and not os.path.exists(path) else ""
    except OSError:
        return ""


def lost_link(target: str) -> str:
    """Return what is said of a link that leads nowhere.

    >>> lost_link("/media/disk/run")
    'is a link to /media/disk/run, which is not there: is its disk there?'
    """
    return f"is a link to {target}, which is not there: is its disk there?"
