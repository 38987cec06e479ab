"""The profiles that come with the program, as TOML beside this module."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from sensorbench.core.documents import loads
from sensorbench.core.errors import InputError
from sensorbench.profiles.model import Profile


def _root() -> Path:
    return Path(str(files("sensorbench.profiles"))) / "library"


def profile_ids() -> tuple[str, ...]:
    """Return the ids of all library profiles."""
    root = _root()
    found = (path.relative_to(root).with_suffix("").as_posix() for path in root.rglob("*.toml"))
    return tuple(sorted(found))


def profile_text(name: str, folder: Path | None = None) -> tuple[str, str]:
    """Return the label and TOML text of a library profile, or of a file of the user's.

    A name that ends in .toml is a file, relative to `folder`. Raises InputError.
    """
    if name.endswith(".toml"):
        path = (folder or Path()) / name
        try:
            return name, path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise InputError.one(str(path), "", f"can't be read: {error}") from None
    if name not in profile_ids():
        raise InputError.one(
            "profile",
            name,
            f"is not in the library; there are {', '.join(profile_ids())}, "
            "or give the path of a .toml file",
        )
    return f"{name}.toml", (_root() / f"{name}.toml").read_text(encoding="utf-8")


def load_profile(name: str, folder: Path | None = None) -> Profile:
    """Return the profile of that id or file. Raises InputError with every problem in it."""
    label, text = profile_text(name, folder)
    return loads(text, Profile, label)
