"""A workspace: a folder with station.toml, parts/, lots/, evidence/, and what twins remember."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from sensorbench.core.documents import load, merge_problems
from sensorbench.core.errors import InputError
from sensorbench.parts.model import Lot, Part, slug
from sensorbench.profiles.library import load_profile, profile_text
from sensorbench.profiles.model import Profile
from sensorbench.station.model import StationFile, load_station, with_table


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
        """Return the file of a lot, given by name or path."""
        return self._path("lots", lot)

    def part_path(self, part: str) -> Path:
        """Return the file of a part, given by name or path."""
        return self._path("parts", part)

    def _path(self, folder: str, name: str) -> Path:
        if name.endswith(".toml"):
            return self.root / name
        return self.root / folder / f"{name}.toml"

    def load_station(self) -> StationFile:
        """Return the station. Raises InputError."""
        if not self.station_path.is_file():
            raise InputError.one(
                "station.toml",
                "",
                f"is not in {self.root}; `sensorbench init {self.root}` writes a commented one",
            )
        return load_station(self.station_path)

    def load_lot(self, lot: str) -> Lot:
        """Return a lot; its units may be a CSV file beside it. Raises InputError."""
        path = self._existing("lots", lot)
        label = f"lots/{path.name}"
        return load(path, Lot, label, lambda data: with_table(data, "unit", path.parent))

    def load_part(self, part: str) -> Part:
        """Return a part. Raises InputError."""
        path = self._existing("parts", part)
        return load(path, Part, f"parts/{path.name}")

    def load_lots(self) -> list[tuple[Lot, Part]]:
        """Return all lots of the workspace with their parts, by name. Raises InputError."""
        names = sorted(path.stem for path in (self.root / "lots").glob("*.toml"))
        lots = [self.load_lot(name) for name in names]
        return [(lot, self.load_part(lot.lot.part)) for lot in lots]

    def _existing(self, folder: str, name: str) -> Path:
        path = self._path(folder, name)
        if not path.is_file():
            known = ", ".join(p.stem for p in sorted((self.root / folder).glob("*.toml")))
            raise InputError.one(
                f"{folder}/{path.name}", "", f"is not there; there are: {known or 'none'}"
            )
        return path

    def check_files(self) -> None:
        """Read every file of the workspace. Raises InputError with all problems of all files."""
        parts = sorted(p.stem for p in (self.root / "parts").glob("*.toml"))
        lots = sorted(p.stem for p in (self.root / "lots").glob("*.toml"))
        profiles = sorted((self.root / "profiles").glob("**/*.toml"))
        attempts: list[Callable[[], object]] = [self.load_station]
        attempts += [partial(self.load_part, name) for name in parts]
        attempts += [partial(self._check_lot, name) for name in lots]
        attempts += [partial(load_profile, str(path.resolve())) for path in profiles]
        problems = merge_problems(attempts)
        if problems:
            raise InputError(problems)

    def _check_lot(self, name: str) -> None:
        lot = self.load_lot(name)
        if not self.part_path(lot.lot.part).is_file():
            self.load_part(lot.lot.part)

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
        path = self.memory_path()
        draft = path.with_suffix(".json.new")
        draft.write_text(json.dumps(memory, indent=1, sort_keys=True), encoding="utf-8")
        os.replace(draft, path)


@dataclass(frozen=True, slots=True)
class Job:
    """Everything that a run is asked for, and the files' exact bytes for the evidence.

    `choices` gives by name the option chosen and why; `at` the place of phases without one.
    `known_lots` are all lots of the workspace.
    """

    station: StationFile
    lots: tuple[tuple[Lot, Part], ...]
    profile: Profile
    inputs: dict[str, bytes]
    choices: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    at: str = ""
    known_lots: tuple[tuple[Lot, Part], ...] = ()


def _check(file: StationFile) -> None:
    from sensorbench.station.preflight import check_station  # noqa: PLC0415 - it reads jobs

    problems = check_station(file)
    if problems:
        raise InputError(problems)


def load_job(
    workspace: Workspace,
    profile: str,
    lots: Sequence[str],
    choices: Mapping[str, tuple[str, str]] | None = None,
    at: str = "",
) -> Job:
    """Read profile, station, lots and their parts. Raises InputError with the problems of all."""

    def part_of(lot: str) -> Part:
        return workspace.load_part(workspace.load_lot(lot).lot.part)

    attempts: list[Callable[[], object]] = [
        lambda: load_profile(profile, workspace.root),
        lambda: _check(workspace.load_station()),
        *(partial(part_of, lot) for lot in lots),
    ]
    problems = merge_problems(attempts)
    if problems:
        raise InputError(list(dict.fromkeys(problems)))
    pairs = tuple((workspace.load_lot(lot), part_of(lot)) for lot in dict.fromkeys(lots))
    inputs = {
        "station.toml": workspace.station_path.read_bytes(),
        "profile.toml": profile_text(profile, workspace.root)[1].encode(),
    }
    for name, (lot, _) in zip(dict.fromkeys(lots), pairs, strict=True):
        path, part_path = workspace.lot_path(name), workspace.part_path(lot.lot.part)
        inputs[f"lot-{slug(path.stem)}.toml"] = path.read_bytes()
        inputs[f"part-{slug(part_path.stem)}.toml"] = part_path.read_bytes()
    return Job(
        station=workspace.load_station(),
        lots=pairs,
        profile=load_profile(profile, workspace.root),
        inputs=inputs,
        choices=dict(choices or {}),
        at=at,
        known_lots=tuple(workspace.load_lots()),
    )
