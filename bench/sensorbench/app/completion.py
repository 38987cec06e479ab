"""What Tab completes: names of profiles, lots, runs, devices and parts. Nothing here may fail."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

import typer

Complete = Callable[[typer.Context, str], list[str]]


def _completing(names: Callable[[Path], Iterable[str]]) -> Complete:
    def complete(context: typer.Context, incomplete: str) -> list[str]:
        found: list[str] = []
        # A broken file is what `check` is for; a shell must only not be disturbed.
        with suppress(Exception):
            root = Path(context.params.get("workspace") or Path())
            found = [name for name in names(root) if name.startswith(incomplete)]
        return found

    return complete


def _profiles(root: Path) -> Iterable[str]:
    from sensorbench.profiles.library import profile_ids  # noqa: PLC0415 - only for Tab

    files = {
        path.relative_to(root).as_posix()
        for path in (*(root / "profiles").glob("**/*.toml"), *root.glob("*.toml"))
        if path.name != "station.toml"
    }
    return [*profile_ids(), *sorted(files)]


def _lots(root: Path) -> Iterable[str]:
    return sorted(path.stem for path in (root / "lots").glob("*.toml"))


def _runs(root: Path) -> Iterable[str]:
    from sensorbench.app.commands.common import run_ids  # noqa: PLC0415 - only for Tab

    return reversed(run_ids(root / "evidence"))


def _parked(root: Path) -> Iterable[str]:
    from sensorbench.evidence.glance import PARKED, glance  # noqa: PLC0415 - only for Tab

    evidence = root / "evidence"
    return [name for name in _runs(root) if glance(evidence / name, "").verdict == PARKED]


def _devices(_: Path) -> Iterable[str]:
    from sensorbench.core.catalog import devices  # noqa: PLC0415 - only for Tab

    return sorted(devices())


def _new(_: Path) -> Iterable[str]:
    return ("sensor", "instrument", "profile")


profiles = _completing(_profiles)
lots = _completing(_lots)
runs = _completing(_runs)
parked = _completing(_parked)
devices = _completing(_devices)
new_kinds = _completing(_new)
