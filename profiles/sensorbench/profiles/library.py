"""The profiles that come with the program, as TOML beside this module."""

from __future__ import annotations

from dataclasses import replace
from difflib import get_close_matches
from functools import cache, partial
from importlib.metadata import entry_points
from importlib.resources import files
from pathlib import Path

from sensorbench.core.documents import loads, merge_problems, read_text
from sensorbench.core.errors import InputError, Problem
from sensorbench.core.plugins import note_broken, origin_of
from sensorbench.profiles.model import Profile

GROUP = "sensorbench.profiles.library"
"""Entry points of this group name packages with profiles as TOML, in folders as ours."""


@cache
def _library() -> dict[str, Path]:
    """Return the files of all profiles by id, ours and those of other packages."""
    roots = [Path(str(files("sensorbench.profiles"))) / "library"]
    for entry in entry_points(group=GROUP):
        try:
            roots.append(Path(str(files(entry.value))))
        except (ImportError, TypeError) as error:
            note_broken(origin_of(entry), entry.value, f"can't be imported: {error}")
    found: dict[str, Path] = {}
    for root in roots:
        for path in sorted(root.rglob("*.toml")):
            found.setdefault(path.relative_to(root).with_suffix("").as_posix(), path)
    return found


def profile_ids() -> tuple[str, ...]:
    """Return the ids of all library profiles."""
    return tuple(sorted(_library()))


def profile_text(name: str, folder: Path | None = None) -> tuple[str, str]:
    """Return the label and TOML text of a library profile, or of a file of the user's.

    A name that ends in .toml is a file, relative to `folder`. Raises InputError.
    """
    if name.endswith(".toml"):
        path = (folder or Path()) / name
        return name, read_text(path, str(path))
    if name not in profile_ids():
        close = get_close_matches(name, profile_ids(), 1)
        guess = (
            f"; did you mean {close[0]}?" if close else f"; there are {', '.join(profile_ids())}"
        )
        raise InputError.one(
            "profile", name, f"is not in the library{guess}. Or give the path of a .toml file"
        )
    return name, _library()[name].read_text(encoding="utf-8")


def load_profile(name: str, folder: Path | None = None) -> Profile:
    """Return the profile of that id or file. Raises InputError with every problem in it."""
    label, text = profile_text(name, folder)

    def deeper(rest: Profile) -> list[Problem]:
        return [replace(problem, file=label) for problem in _phases(rest)]

    profile = loads(text, Profile, label, deeper=deeper)
    problems = deeper(profile)
    if problems:
        raise InputError(problems)
    return profile


def _phases(profile: Profile) -> list[Problem]:
    """Return what is wrong with the phases: every option in turn, before anybody chooses it."""
    problems = merge_problems(
        [partial(profile.phases, options) for options in profile.all_options()]
    )
    return list(dict.fromkeys(problems))
