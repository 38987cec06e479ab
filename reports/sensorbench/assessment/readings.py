"""Evidence as arrays: what a run was asked, and every readout's values per unit."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date
from functools import cached_property
from typing import Any

import numpy as np

from sensorbench.analysis.calibration import Floats
from sensorbench.core.documents import loads
from sensorbench.evidence.canonical import canonical
from sensorbench.evidence.run import RunReader
from sensorbench.parts.model import Lot, Part
from sensorbench.profiles.expand import expand
from sensorbench.profiles.model import Profile
from sensorbench.profiles.schedule import Readout as ReadoutStep

DUTS, REFERENCES, LOG = "duts", "references", "log"
"""The streams of a run: samples of DUTs, references read with them, and the bench's log."""

ROW_HEAD = (("time", "s"), ("dut", "1"), ("sweep", "1"))
REFERENCE_COLUMNS = (
    ("time", "s"),
    ("sweep", "1"),
    ("pressure", "Pa"),
    ("temperature", "degC"),
    ("chamber", "degC"),
    ("supply", "V"),
)
LOG_COLUMNS = (
    ("time", "s"),
    ("setpoint", "degC"),
    ("chamber", "degC"),
    ("temperature", "degC"),
    ("pressure", "Pa"),
    ("supply", "V"),
    ("current", "A"),
)


@dataclass(frozen=True, slots=True)
class Readout:
    """One readout of all units: `values` maps a channel to the mean per unit, shape (D,).

    A unit that was not read whole is NaN, with its reason in `problems`. `references` are means
    over the sweeps. `unsettled` says which soak before it failed.
    """

    seq: int
    time: str
    asked: Mapping[str, Any]
    values: Mapping[str, Floats]
    references: Mapping[str, float]
    problems: Mapping[str, str]
    unsettled: tuple[str, ...]

    @property
    def phase(self) -> str:
        """Return the name of the grid or the stress."""
        return str(self.asked["phase"])


class RunData:
    """What was asked of a run and what came, parsed from its evidence."""

    def __init__(self, run: RunReader) -> None:
        self.run = run
        self.profile = loads(run.input_text("profile.toml"), Profile, "inputs/profile.toml")
        self.part = loads(run.input_text("part.toml"), Part, "inputs/part.toml")
        self.lot = loads(run.input_text("lot.toml"), Lot, "inputs/lot.toml")
        self.serials = tuple(unit.serial for unit in self.lot.unit)

    @cached_property
    def absent(self) -> dict[str, str]:
        """Return why a unit could not be identified, by serial."""
        events = self.run.events("unit")
        return {e.data["serial"]: e.data["problem"] for e in events if e.data.get("problem")}

    @cached_property
    def days(self) -> dict[int, date]:
        """Return the day (UTC) of every event, by its number."""
        return {event.seq: date.fromisoformat(event.time[:10]) for event in self.run.events()}

    @cached_property
    def references_due(self) -> tuple[tuple[str, date], ...]:
        """Return name and calibration due date of the instruments DUTs are compared with."""
        return tuple(
            (event.data["name"], date.fromisoformat(event.data["calibration_due"]))
            for event in self.run.events("instrument")
            if event.data["is_reference"] and event.data["calibration_due"]
        )

    @cached_property
    def readouts(self) -> tuple[Readout, ...]:
        """Return all readouts of the run, in order."""
        return tuple(self._readout(event) for event in self.run.events("readout"))

    @cached_property
    def missing(self) -> dict[str, tuple[int, int, ReadoutStep]]:
        """Return by phase how many planned readouts are not there, of how many, and the first."""
        there = {canonical(dict(readout.asked)) for readout in self.readouts}
        planned = expand(self.profile, self.part, self.lot).actions(ReadoutStep)
        found: dict[str, tuple[int, int, ReadoutStep]] = {}
        for phase in dict.fromkeys(step.phase for step in planned):
            steps = [step for step in planned if step.phase == phase]
            absent = [step for step in steps if canonical(asdict(step)) not in there]
            if absent:
                found[phase] = (len(absent), len(steps), absent[0])
        return found

    def of_phase(self, name: str) -> list[Readout]:
        """Return the readouts of one grid or stress."""
        return [readout for readout in self.readouts if readout.phase == name]

    @cached_property
    def log(self) -> Floats:
        """Return the bench's log, shape (n, LOG_COLUMNS), in time order."""
        rows = [self.run.samples(event, LOG) for event in self.run.events("log")]
        return np.concatenate(rows) if rows else np.empty((0, len(LOG_COLUMNS)))

    def _readout(self, event: Any) -> Readout:
        names = [name for name, _ in self.run.columns(DUTS)]
        rows = self.run.samples(event, DUTS)
        units, sweeps = len(self.serials), int(event.data["asked"]["samples"])
        cube = np.full((units, sweeps, len(names)), np.nan)
        cube[rows[:, 1].astype(int), rows[:, 2].astype(int)] = rows
        # A unit with a sample missing is not known: a mean of fewer would hide what happened.
        means = cube.mean(axis=1)
        references = self.run.samples(event, REFERENCES)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # a reference that nothing plays
            reference_means = references.mean(axis=0)
        return Readout(
            seq=event.seq,
            time=event.time,
            asked=event.data["asked"],
            values={name: means[:, i] for i, name in enumerate(names) if i >= len(ROW_HEAD)},
            references={
                name: float(value)
                for (name, _), value in zip(REFERENCE_COLUMNS, reference_means, strict=True)
            },
            problems=event.data.get("problems", {}),
            unsettled=tuple(event.data.get("unsettled", ())),
        )


def stack(readouts: list[Readout], channel: str) -> Floats:
    """Return a channel's means over readouts, shape (D, N)."""
    return np.stack([readout.values[channel] for readout in readouts], axis=1)


def reference(readouts: list[Readout], name: str) -> Floats:
    """Return a reference's means over readouts, shape (N,)."""
    return np.array([readout.references[name] for readout in readouts])
