"""profiles: the library, and one profile's choices and phases."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import typer

from sensorbench.app.commands.common import print_json, print_table
from sensorbench.app.words import title_of
from sensorbench.profiles.library import load_profile, profile_ids


def list_profiles(as_json: bool) -> None:
    """Print the library."""
    found = [load_profile(name) for name in profile_ids()]
    if as_json:
        print_json([{"id": p.id, "title": p.title, "source": p.source} for p in found])
    else:
        rows = [(p.id, title_of(p.title), title_of(p.source)) for p in found]
        print_table(("id", "title", "source"), rows)


def show_profile(root: Path, name: str, grade: int, as_json: bool) -> None:
    """Print one profile's phases; a file is relative to the workspace. Raises InputError."""
    profile = load_profile(name, root)
    taken = profile.standard_options(grade)
    # A choice that a person has to make shows its first option.
    options = {name: taken.get(name, next(iter(c.option))) for name, c in profile.choice.items()}
    phases = profile.written(options)
    choices = {
        name: {"by": choice.by, "options": list(choice.option), "shown": options[name]}
        for name, choice in profile.choice.items()
    }
    if as_json:
        print_json(
            {"id": profile.id, "title": profile.title, "source": profile.source, "grade": grade,
             "choices": choices, "phases": phases}
        )  # fmt: skip
        return
    typer.echo(f"{profile.id}: {title_of(profile.title)}\nsource: {title_of(profile.source)}")
    for choice, row in choices.items():
        offered = ", ".join(row["options"])
        typer.echo(f"choice {choice} by {row['by']}: {offered}; shown: {row['shown']}")
    for number, phase in enumerate(phases, 1):
        typer.echo(f"{number}. {phase['kind']} {phase['name']}")
        for key, value in phase.items():
            if key not in _HEAD:
                typer.echo(f"     {key} = {_words(value)}")


_HEAD = ("kind", "name")


def _words(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{k} = {_words(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_words, value)) + "]"
    return str(value)
