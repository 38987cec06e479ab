"""acknowledge: a person says by name that they know how a run left the bench."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

import typer

from sensorbench.app.commands.common import print_json
from sensorbench.core.errors import InputError
from sensorbench.safety import marks
from sensorbench.station.workspace import Workspace


def acknowledge_marks(root: Path, by: str, because: str, by_hand: bool, as_json: bool) -> None:
    """Acknowledge what runs left on the bench of a workspace. Raises InputError.

    What nobody made safe is acknowledged only with `by_hand`: the person says that they did.
    """
    if not by.strip():
        raise InputError.one("acknowledge", "--by", "say who you are: a name that can be asked")
    keys = marks.keys_of(Workspace(root).load_station(), root)
    found = [m for m in marks.on(keys) if not m.acknowledged]
    hot = [m for m in found if m.state in (marks.ENERGISED, marks.UNSAFE)]
    if hot and not by_hand:
        told = "; ".join(mark.said for mark in hot)
        text = (
            f"{told}. Let `sensorbench safe` make it safe first, or do it by hand and say so: "
            "--made-safe-by-hand"
        )
        raise InputError.one("acknowledge", "", text)
    at = datetime.now(UTC).isoformat(timespec="seconds")
    why = because or ("made safe by hand" if hot else "")
    done = [marks.acknowledge(mark, by.strip(), at, why) for mark in found]
    if as_json:
        print_json([{**asdict(mark), "said": mark.said} for mark in done])
        return
    for mark in done:
        typer.echo(f"{mark.said}\n  acknowledged by {by.strip()}; the next run has it on record")
    if not done:
        typer.echo("nothing to acknowledge: no run left this bench otherwise than it should")
