"""What Tab completes: names that a workspace has, and choices. Nothing here may fail."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

import typer

from sensorbench.core.folders import toml_files

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
        for path in (*toml_files(root / "profiles", deep=True), *toml_files(root))
        if path.name != "station.toml"
    }
    return [*profile_ids(), *sorted(files)]


def _lots(root: Path) -> Iterable[str]:
    return sorted(path.stem for path in toml_files(root / "lots"))


def _runs(root: Path) -> Iterable[str]:
    from sensorbench.app.commands.common import run_ids  # noqa: PLC0415 - only for Tab

    return reversed(run_ids(root / "evidence"))


def _parked(root: Path) -> Iterable[str]:
    from sensorbench.evidence.glance import PARKED, glance  # noqa: PLC0415 - only for Tab

    evidence = root / "evidence"
    return [name for name in _runs(root) if glance(evidence / name, "").verdict == PARKED]


def _open_runs(root: Path) -> Iterable[str]:
    from sensorbench.app.commands.common import run_ids  # noqa: PLC0415 - as above

    evidence = root / "evidence"
    return [name for name in run_ids(evidence) if not (evidence / name / "seal.json").exists()]


def _devices(_: Path) -> Iterable[str]:
    from sensorbench.core.catalog import devices  # noqa: PLC0415 - only for Tab

    return sorted(devices())


def _readable(root: Path) -> Iterable[str]:
    """What `read` takes: parts, and the sockets of station.toml."""
    from sensorbench.station.workspace import Workspace  # noqa: PLC0415 - only for Tab

    parts = sorted(path.stem for path in toml_files(root / "parts"))
    with suppress(Exception):
        parts += [socket.id for socket in Workspace(root).load_station().socket]
    return parts


def _parts(root: Path) -> Iterable[str]:
    own = sorted(path.stem for path in toml_files(root / "parts"))
    return dict.fromkeys([*own, *_devices(root)])


def _languages(_: Path) -> Iterable[str]:
    from sensorbench.reports.words import languages  # noqa: PLC0415 - only for Tab

    return languages()


def _formats(_: Path) -> Iterable[str]:
    from sensorbench.app.commands.report import FORMATS  # noqa: PLC0415 - only for Tab

    return FORMATS


def _listed(names: Complete) -> Complete:
    """Complete the last name of several that commas part."""

    def complete(context: typer.Context, incomplete: str) -> list[str]:
        before, comma, last = incomplete.rpartition(",")
        told = before.split(",")
        return [f"{before}{comma}{name}" for name in names(context, last) if name not in told]

    return complete


def _new(_: Path) -> Iterable[str]:
    return ("sensor", "instrument", "profile")


profiles = _completing(_profiles)
lots = _completing(_lots)
runs = _completing(_runs)
parked = _completing(_parked)
open_runs = _completing(_open_runs)
devices = _completing(_devices)
new_kinds = _completing(_new)
readable = _completing(_readable)
parts = _completing(_parts)
languages = _listed(_completing(_languages))
formats = _listed(_completing(_formats))
read_formats = _completing(lambda _: ("table", "csv", "plot"))
