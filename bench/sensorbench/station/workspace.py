"""A workspace: a folder with station.toml, parts/, lots/, evidence/, and what twins remember."""

from __future__ import annotations

import json
import os
import shlex
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from pathlib import Path

from sensorbench.core.channel import Channel
from sensorbench.core.documents import load, merge_problems
from sensorbench.core.errors import BenchError, InputError, Problem
from sensorbench.core.folders import no_folder, toml_files
from sensorbench.core.quantity import quantities
from sensorbench.evidence.files import write_over
from sensorbench.parts.model import Lot, Part, Unit, slug
from sensorbench.profiles.library import load_profile, profile_text
from sensorbench.profiles.model import Profile
from sensorbench.profiles.part_checks import check_part
from sensorbench.station.model import StationFile, load_station
from sensorbench.station.simulated_fields import RecordingField
from sensorbench.station.tables import with_table

SIMULATED_UNTIL = "simulated until"
"""The key in the twins' memory of when simulated work ended: what comes next is later."""


@dataclass(frozen=True, slots=True)
class Workspace:
    """The files of one bench, under `root`."""

    root: Path

    @property
    def station_path(self) -> Path:
        """Return where the station is described."""
        return self.root / "station.toml"

    @property
    def evidence(self) -> Path:
        """Return where runs are kept, a folder each."""
        return self.root / "evidence"

    @property
    def reports(self) -> Path:
        """Return where reports are written."""
        return self.root / "reports"

    def lot_path(self, lot: str) -> Path:
        """Return the file of a lot, given by its name, its path, or the id that stands in it.

        Raises InputError for what can be neither.
        """
        if _is_name(lot) and _is_file(path := self._path("lots", lot)):
            return path
        # Customers' names of lots, such as 24/0817, can't be names of files.
        found = next((p for p in self._lots() if _table_of(p).get("id") == lot), None)
        return found or self._path("lots", lot)

    def _lots(self) -> list[Path]:
        return toml_files(self.root / "lots")

    def part_path(self, part: str) -> Path:
        """Return the file of a part, given by name or path. Raises InputError for neither."""
        return self._path("parts", part)

    def _path(self, folder: str, name: str) -> Path:
        if not _is_name(name):
            text = (
                f"is no name of a file in {folder}/: write one of {self._known(folder)}, or the "
                "path of a .toml file"
            )
            raise InputError.one(folder, repr(name), text)
        return self.root / name if name.endswith(_TOML) else self.root / folder / f"{name}.toml"

    def _known(self, folder: str) -> str:
        return ", ".join(p.stem for p in toml_files(self.root / folder)) or "none"

    def _label(self, folder: str, path: Path) -> str:
        """Return how a file is called: by its folder where it is in its own, else as given."""
        inside = path.parent == self.root / folder
        return f"{folder}/{path.name}" if inside else os.path.relpath(path, self.root)

    def load_station(self) -> StationFile:
        """Return the station. Raises InputError."""
        if not self.station_path.is_file():
            raise InputError.one("station.toml", "", self._where_else())
        return load_station(self.station_path, _problems)

    def _where_else(self) -> str:
        """Say that there is no workspace here, and where one is or how to make one."""
        here = self.root.resolve()
        shown = f"is not in {self.root}" if str(self.root) != "." else f"is not in {here}"
        above = [path for path in here.parents if (path / "station.toml").is_file()][:1]
        below = [path for path in _folders(here) if (path / "station.toml").is_file()]
        found = above or below
        if len(found) == 1:
            return f"{shown}, it is in {found[0]}: go there, or say --workspace"
        empty = here.is_dir() and not any(here.iterdir())
        name = "." if empty else self.root if not here.exists() else "mybench"
        return f"{shown}; `sensorbench init {shlex.quote(str(name))}` writes a commented one"

    def load_lot(self, lot: str) -> Lot:
        """Return a lot; its units may be a CSV file beside it. Raises InputError."""
        path = self._existing("lots", self.lot_path(lot))
        label = self._label("lots", path)
        return load(path, Lot, label, lambda data: with_table(data, "unit", path, Unit, label))

    def load_part(self, part: str) -> Part:
        """Return a part. Raises InputError."""
        path = self._existing("parts", self.part_path(part))
        label = self._label("parts", path)

        def deeper(rest: Part) -> list[Problem]:
            return [replace(problem, file=label) for problem in check_part(rest, any_meter())]

        try:
            return load(path, Part, label, deeper=deeper)
        except InputError as error:
            raise InputError(_without_following(error.problems)) from None

    def readable_parts(self) -> list[Part]:
        """Return the parts of the workspace whose files can be read; `check_files` says why not."""
        found = []
        for path in toml_files(self.root / "parts"):
            try:
                found.append(self.load_part(path.stem))
            except InputError:
                continue
        return found

    def load_lots(self) -> list[tuple[Lot, Part]]:
        """Return all lots of the workspace with their parts, by name. Raises InputError."""
        names = [path.stem for path in toml_files(self.root / "lots")]
        lots = [self.load_lot(name) for name in names]
        return [(lot, self.load_part(lot.lot.part)) for lot in lots]

    def _existing(self, folder: str, path: Path) -> Path:
        if not _is_file(path):
            text = f"is not there; there are: {self._known(folder)}"
            raise InputError.one(self._label(folder, path), "", text)
        return path

    def check_files(self) -> None:
        """Read every file of the workspace. Raises InputError with all problems of all files."""
        parts = [p.stem for p in toml_files(self.root / "parts")]
        lots = [p.stem for p in toml_files(self.root / "lots")]
        profiles = toml_files(self.root / "profiles", deep=True)
        attempts: list[Callable[[], object]] = [self.load_station]
        attempts += [partial(self.load_part, name) for name in parts]
        attempts += [partial(self._check_lot, name) for name in lots]
        attempts += [partial(load_profile, str(path.resolve())) for path in profiles]
        problems = [
            Problem(f"{name}/", "", wrong)
            for name in ("parts", "lots", "profiles", "evidence", "reports")
            if (wrong := no_folder(self.root / name))
        ]
        problems += merge_problems(attempts)
        if problems:
            raise InputError(problems)

    def _check_lot(self, name: str) -> None:
        lot = self.load_lot(name)
        if not _is_file(self.part_path(lot.lot.part)):
            self.load_part(lot.lot.part)

    # -- what twins remember ---------------------------------------------------------------

    def memory_path(self) -> Path:
        """Return where twins' memories (NVM, hours of stress) outlive the program."""
        return self.root / "simulation.json"

    def load_memory(self) -> dict[str, str]:
        """Return what the twins remember. Raises InputError if the file is damaged."""
        path = self.memory_path()
        if not path.exists():
            return {}
        try:
            data = json.loads(path.read_text(encoding="utf-8"))
            return {str(key): str(value) for key, value in data.items()}
        except (ValueError, AttributeError):
            raise InputError.one(
                path.name, "", "is damaged; delete it for factory-new simulated parts"
            ) from None

    def save_memory(self, memory: dict[str, str]) -> None:
        """Store what the twins remember, in one piece or not at all."""
        write_over(self.memory_path(), json.dumps(memory, indent=1, sort_keys=True).encode())

    def keep_memory(self, memory: dict[str, str], until: datetime) -> None:
        """Store what the twins of a world remember that ends at `until`. Raises BenchError."""
        memory[SIMULATED_UNTIL] = until.isoformat()
        try:
            self.save_memory(memory)
        except OSError as error:
            raise BenchError(
                "what the simulated units remember can't be kept: "
                f"{error.filename or self.memory_path()}: {error.strerror or error}. The simulated "
                "world waits: make room, then go on with the run or begin another"
            ) from None


@dataclass(frozen=True, slots=True)
class Job:
    """Everything that a run is asked for, and the files' exact bytes for the evidence.

    `choices` gives by name the option chosen and why; `at` the place of phases without one.
    `known_lots` are all lots of the workspace. `attended` says that a person stays with the bench.
    """

    station: StationFile
    lots: tuple[tuple[Lot, Part], ...]
    profile: Profile
    inputs: dict[str, bytes]
    choices: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    at: str = ""
    known_lots: tuple[tuple[Lot, Part], ...] = ()
    attended: bool = False


def _without_following(problems: Sequence[Problem]) -> list[Problem]:
    """Leave out what is only missing because a range of the same file can't be read."""
    wrong = {".".join(p.key.split(".")[:2]) for p in problems if p.key.startswith("range.")}
    return [p for p in problems if not any(f"[{name}]" in p.text for name in wrong)]


def any_meter() -> tuple[Channel, ...]:
    """Return channels that meters of some station's sockets may add to a part."""
    return tuple(Channel(name, row) for name, row in quantities().items())


def _table_of(path: Path) -> dict[str, object]:
    """Return the [lot] table of a lot's file, {} where it can't be read; loading it says why."""
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8-sig")).get("lot")
    except (OSError, ValueError, RecursionError):
        return {}
    return table if isinstance(table, dict) else {}


def _folders(here: Path) -> list[Path]:
    """Return the folders in a folder, none where it can't be read."""
    try:
        return sorted(path for path in here.iterdir() if path.is_dir())
    except OSError:
        return []


def _problems(file: StationFile) -> Sequence[Problem]:
    from sensorbench.station.preflight import check_station  # noqa: PLC0415 - it reads jobs

    return check_station(file)


def _check(file: StationFile) -> None:
    problems = _problems(file)
    if problems:
        raise InputError(problems)


def _keep(inputs: dict[str, bytes], name: str, path: Path) -> None:
    """Add a file's bytes; "LOT 1" and "LOT-1" have one name in the evidence, and stay two."""
    data, number, free = path.read_bytes(), 1, name
    while inputs.get(f"{free}.toml", data) != data:
        number += 1
        free = f"{name}-{number}"
    inputs[f"{free}.toml"] = data


def load_job(
    workspace: Workspace,
    profile: str,
    lots: Sequence[str],
    choices: Mapping[str, tuple[str, str]] | None = None,
    at: str = "",
    attended: bool = False,
) -> Job:
    """Read profile, station, lots and their parts. Raises InputError with the problems of all."""

    def part_of(lot: str) -> Part:
        return workspace.load_part(workspace.load_lot(lot).lot.part)

    def read_part(lot: str) -> None:
        # Of a lot with mistakes of its own, too.
        part = _table_of(workspace.lot_path(lot)).get("part")
        if isinstance(part, str):
            workspace.load_part(part)

    attempts: list[Callable[[], object]] = [
        lambda: load_profile(profile, workspace.root),
        lambda: _check(workspace.load_station()),
        *(partial(workspace.load_lot, lot) for lot in lots),
        *(partial(read_part, lot) for lot in lots),
    ]
    problems = merge_problems(attempts)
    if problems:
        raise InputError(list(dict.fromkeys(problems)))
    pairs = tuple((workspace.load_lot(lot), part_of(lot)) for lot in dict.fromkeys(lots))
    inputs = {
        "station.toml": workspace.station_path.read_bytes(),
        "profile.toml": profile_text(profile, workspace.root)[1].encode(),
    }
    station = workspace.load_station()
    for row in station.simulation.field if station.simulation else ():
        if isinstance(row, RecordingField) and row.recording is not None:
            inputs[f"recording-{row.sha256[:12]}{Path(row.file).suffix}"] = row.recording.data
    for name, (lot, _) in zip(dict.fromkeys(lots), pairs, strict=True):
        path, part_path = workspace.lot_path(name), workspace.part_path(lot.lot.part)
        _keep(inputs, f"lot-{slug(path.stem)}", path)
        _keep(inputs, f"part-{slug(part_path.stem)}", part_path)
    return Job(
        station=station,
        lots=pairs,
        profile=load_profile(profile, workspace.root),
        inputs=inputs,
        choices=dict(choices or {}),
        at=at,
        known_lots=tuple(workspace.load_lots()),
        attended=attended,
    )


_TOML = ".toml"


def _is_name(name: str) -> bool:
    """Return whether this can be a file's name, or is the path of a .toml file."""
    return name.endswith(_TOML) or not ({"/", os.sep, "\0"} & set(name) or name in {"", ".", ".."})


def _is_file(path: Path) -> bool:
    """Return whether a file is there; a name that no file can have is none."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False
