"""profile.toml: phases in order, in terms of a part and a grade. No instrument is named."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from sensorbench.core.documents import (
    Document,
    Duration,
    Pressure,
    Temperature,
    TemperatureDifference,
    TemperatureRate,
)
from sensorbench.parts.model import CONDITIONS, Condition

Position = str
"""A quantity ("85 degC"), or a share of the part's range ("25 %")."""


class TemperatureSoak(Document):
    """Settled means within `within` of the setpoint for `for`; INVALID after `timeout`."""

    within: TemperatureDifference = Field(gt=0)
    for_s: Duration = Field(alias="for", ge=0)
    timeout: Duration = Field(gt=0)


class PressureSoak(Document):
    """Settled means within `within` of the setpoint for `for`; INVALID after `timeout`."""

    within: Pressure = Field(gt=0)
    for_s: Duration = Field(alias="for", ge=0)
    timeout: Duration = Field(gt=0)


class Soak(Document):
    """When a setpoint counts as reached."""

    temperature: TemperatureSoak
    pressure: PressureSoak


class Grid(Document):
    """Readings at every pressure of every temperature, up, or up and down for hysteresis."""

    kind: Literal["grid"]
    name: str
    purpose: Literal["fit", "verify"]
    temperatures: tuple[Position, ...] = Field(min_length=1)
    pressures: tuple[Position, ...] = Field(min_length=1)
    cycle: Literal["up", "up_down"] = "up"


class Calibrate(Document):
    """Fit each unit to the readings of the grid `fit`, write, read back; lock if asked."""

    kind: Literal["calibrate"]
    fit: str
    lock: bool = False


class GradeTemperatures(Document):
    """The ambient of a stress for each AEC-Q100 grade."""

    grade_0: Temperature
    grade_1: Temperature
    grade_2: Temperature
    grade_3: Temperature

    def of(self, grade: int) -> float:
        """Return the temperature for `grade`, in degC."""
        return (self.grade_0, self.grade_1, self.grade_2, self.grade_3)[grade]


class Stress(Document):
    """Bias at temperature for `duration`, tested after each of `readouts` hours of it."""

    kind: Literal["stress"]
    name: str
    temperature: GradeTemperatures
    within: TemperatureDifference = Field(gt=0)
    duration: Duration = Field(gt=0)
    bias: Literal["nominal", "max"]
    readouts: tuple[Duration, ...] = Field(min_length=1)
    test_order: tuple[Condition, ...] = CONDITIONS
    dut_interval: Duration = Field(default=6 * 3600.0, gt=0)

    @model_validator(mode="after")
    def _check(self) -> Self:
        if list(self.readouts) != sorted(set(self.readouts)):
            raise PydanticCustomError("value_error", "readouts must rise")
        if self.readouts[0] != 0:
            raise PydanticCustomError("value_error", "the first readout must be at 0 h")
        if self.readouts[-1] != self.duration:
            raise PydanticCustomError("value_error", "the last readout must be at the duration")
        return self


Phase = Annotated[Grid | Calibrate | Stress, Field(discriminator="kind")]


class Profile(Document):
    """A profile: its identity, its source, and its phases in order."""

    id: str = Field(pattern=r"^[a-z0-9_]+(/[a-z0-9_]+)*$")
    title: str
    source: str
    soak: Soak
    ramp: TemperatureRate | None = Field(default=None, gt=0)
    samples: int = Field(default=4, ge=1, le=1000)
    sample_interval: Duration = Field(default=0.1, ge=0)
    log_interval: Duration = Field(default=60.0, gt=0)
    phase: tuple[Phase, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _check(self) -> Self:
        what = _mistake(self.phase)
        if what:
            raise PydanticCustomError("value_error", "{what}", {"what": what})
        return self


def _mistake(phases: tuple[Phase, ...]) -> str:
    """Return what is wrong with the phases together, or ""."""
    names = [phase.name for phase in phases if not isinstance(phase, Calibrate)]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        return f"two phases are named {', '.join(twice)}; results are told apart by the name"
    fits: set[str] = set()
    verified = True
    for phase in phases:
        if isinstance(phase, Calibrate):
            if phase.fit not in fits:
                return f"calibrate: no earlier grid with purpose fit is named {phase.fit!r}"
            verified = False
        elif isinstance(phase, Grid):
            fits |= {phase.name} if phase.purpose == "fit" else set()
            verified |= phase.purpose == "verify"
    return "" if verified else "calibrate: a grid with purpose verify must follow"
