"""What expand() gives: steps in order, each with its planned start and duration."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar


@dataclass(frozen=True, slots=True)
class SetSupply:
    """Feed the DUTs; a `voltage_v` of 0 switches the supply off."""

    voltage_v: float
    current_limit_a: float


@dataclass(frozen=True, slots=True)
class SetTemperature:
    """Send the chamber to `target_c` and soak: within `within_k` for `for_s`."""

    target_c: float
    ramp_k_per_s: float | None
    within_k: float
    for_s: float
    timeout_s: float


@dataclass(frozen=True, slots=True)
class SetPressure:
    """Send the pressure source to `target_pa` and soak: within `within_pa` for `for_s`."""

    target_pa: float
    within_pa: float
    for_s: float
    timeout_s: float


@dataclass(frozen=True, slots=True)
class Vent:
    """Open the pressure line to the room."""


@dataclass(frozen=True, slots=True)
class Readout:
    """Read every DUT `samples` times, with the references before each sweep.

    `phase` is the grid's or the stress' name. `direction` is how the pressure was approached;
    `hours` and `condition` say which test of a stress this is.
    """

    phase: str
    purpose: str
    temperature_c: float
    pressure_pa: float | None
    samples: int
    interval_s: float
    direction: str | None = None
    hours: float | None = None
    condition: str | None = None


@dataclass(frozen=True, slots=True)
class WriteCalibration:
    """Fit each unit to the readings of the phase `fit`, write the coefficients, read them back."""

    fit: str
    lock: bool


@dataclass(frozen=True, slots=True)
class Dwell:
    """Hold temperature and bias for `duration_s` of stress, from `from_h` to `to_h` hours."""

    phase: str
    target_c: float
    within_k: float
    duration_s: float
    from_h: float
    to_h: float
    dut_interval_s: float


A = TypeVar("A")
Action = SetSupply | SetTemperature | SetPressure | Vent | Readout | WriteCalibration | Dwell


@dataclass(frozen=True, slots=True)
class Step:
    """An action with its planned start and duration, in seconds from the start of the run."""

    action: Action
    start_s: float
    duration_s: float


@dataclass(frozen=True, slots=True)
class Schedule:
    """Everything a run will do, and what it asks of the station."""

    profile_id: str
    steps: tuple[Step, ...]
    roles: tuple[str, ...]

    @property
    def duration_s(self) -> float:
        """Return the planned time of the whole run."""
        return self.steps[-1].start_s + self.steps[-1].duration_s if self.steps else 0.0

    def actions(self, kind: type[A]) -> list[A]:
        """Return the actions of one kind, in order."""
        return [step.action for step in self.steps if isinstance(step.action, kind)]
