"""What a run brought, decoded: meters, their log, readings of points and streams of units."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sensorbench.assessment.results import Reason
from sensorbench.profiles.schedule import Point

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class MeterRow:
    """One meter of the bench: what it is called, and the address it reads."""

    name: str
    zone: str
    address: str
    unit: str


@dataclass(frozen=True, slots=True)
class Trace:
    """A meter's log: an envelope a row, times in s from the start of the run."""

    zone: str
    address: str
    unit: str
    time_s: Floats
    low: Floats
    high: Floats
    mean: Floats
    polls: Floats
    implied: Floats

    @property
    def columns(self) -> tuple[Floats, Floats, Floats, Floats, Floats, Floats]:
        """Return the arrays, in their order."""
        return self.time_s, self.low, self.high, self.mean, self.polls, self.implied

    def rows(self, chosen: npt.NDArray[np.bool_] | slice) -> Trace:
        """Return some of the rows."""
        return Trace(self.zone, self.address, self.unit, *(c[chosen] for c in self.columns))


@dataclass(frozen=True, slots=True)
class Readout:
    """One reading of a point. Arrays have one value a unit of the run, shape (D,).

    `values` maps a channel to means over the sweeps, `spread` to standard deviations of a sample;
    `references` a meter's name to the mean of its components. `problems` says by serial why a unit
    was not read, `partly` by serial and channel why that channel alone was not, `unsettled` which
    soak before it failed.
    """

    seq: int
    t: float
    point: Point
    values: Mapping[str, Floats]
    spread: Mapping[str, Floats]
    sweeps: int
    references: Mapping[str, tuple[float, ...]]
    problems: Mapping[str, Reason]
    partly: Mapping[str, Mapping[str, Reason]]
    unsettled: tuple[Reason, ...]
