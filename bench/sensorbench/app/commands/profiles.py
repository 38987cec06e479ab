"""profiles: the library, and one profile's conditions for a grade."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import typer

from sensorbench.app.commands.common import print_json, print_table
from sensorbench.core.units import show_duration
from sensorbench.profiles.library import load_profile, profile_ids
from sensorbench.profiles.model import Calibrate, Grid, Phase


def list_profiles(as_json: bool) -> None:
    """Print the library."""
    found = [load_profile(name) for name in profile_ids()]
    if as_json:
        print_json([{"id": p.id, "title": p.title, "source": p.source} for p in found])
    else:
        print_table(("id", "title", "source"), [(p.id, p.title, p.source) for p in found])


def show_profile(root: Path, name: str, grade: int, as_json: bool) -> None:
    """Print one profile's phases; a file is relative to the workspace. Raises InputError."""
    profile = load_profile(name, root)
    phases = [_phase(phase, grade) for phase in profile.phase]
    if as_json:
        print_json(
            {"id": profile.id, "title": profile.title, "source": profile.source, "grade": grade,
             "phases": phases}
        )  # fmt: skip
        return
    soak = profile.soak
    typer.echo(f"{profile.id}: {profile.title}\nsource: {profile.source}")
    typer.echo(
        f"soak: within {soak.temperature.within:g} K for {show_duration(soak.temperature.for_s)}; "
        f"pressure within {soak.pressure.within:g} Pa for {show_duration(soak.pressure.for_s)}"
    )
    for number, phase in enumerate(phases, 1):
        typer.echo(f"{number}. " + ", ".join(f"{key}: {value}" for key, value in phase.items()))


def _phase(phase: Phase, grade: int) -> dict[str, Any]:
    if isinstance(phase, Grid):
        return {
            "grid": phase.name, "purpose": phase.purpose,
            "cycle": phase.cycle.replace("_", " and "),
            "temperatures": " ".join(phase.temperatures), "pressures": " ".join(phase.pressures),
        }  # fmt: skip
    if isinstance(phase, Calibrate):
        return {"calibrate from": phase.fit, "lock": "yes" if phase.lock else "no"}
    return {
        "stress": phase.name,
        "ambient": f"{phase.temperature.of(grade):g} degC (grade {grade})",
        "duration": f"{phase.duration / 3600:g} h",
        "bias": f"Vcc {phase.bias}",
        "readouts": " ".join(f"{readout / 3600:g} h" for readout in phase.readouts),
        "tested at": " then ".join(phase.test_order),
    }
