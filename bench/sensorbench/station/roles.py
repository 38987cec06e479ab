"""Roles: what a profile may ask of a station. A driver plays a role by having its methods."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from sensorbench.core.channel import Channel
from sensorbench.core.provenance import Identity
from sensorbench.core.units import Dimension


@runtime_checkable
class Instrument(Protocol):
    """What every instrument can do."""

    def identify(self) -> Identity:
        """Read who is there; ProtocolError if it is another model."""
        ...


@runtime_checkable
class Source(Instrument, Protocol):
    """An instrument that acts on the DUTs, and can stop doing so."""

    def make_safe(self) -> None:
        """Drive the instrument to its safe state, whatever went before."""
        ...


@runtime_checkable
class TemperatureChamber(Source, Protocol):
    """Air at a setpoint, in degC; it watches its own alarm limits."""

    RATED_C: tuple[float, float]

    def set_temperature(self, setpoint_c: float, ramp_k_per_s: float | None = None) -> None: ...
    def read_temperature_c(self) -> float: ...
    def read_setpoint_c(self) -> float: ...
    def set_alarm_limits(self, low_c: float, high_c: float) -> None: ...
    def read_alarms(self) -> tuple[int, ...]: ...


@runtime_checkable
class PressureSource(Source, Protocol):
    """Absolute pressure at a setpoint, in Pa; its reading is the reference."""

    def set_pressure(self, setpoint_pa: float, slew_pa_per_s: float | None = None) -> None: ...
    def read_pressure_pa(self) -> float: ...
    def vent(self) -> None: ...


@runtime_checkable
class PowerSupply(Source, Protocol):
    """One output, in V and A."""

    def set_voltage(self, voltage_v: float, current_limit_a: float) -> None: ...
    def set_over_voltage_protection(self, voltage_v: float) -> None: ...
    def switch(self, on: bool) -> None: ...
    def read_voltage_v(self) -> float: ...
    def read_current_a(self) -> float: ...


@runtime_checkable
class Thermometer(Instrument, Protocol):
    """A reference thermometer beside the DUTs, in degC."""

    def read_temperature_c(self) -> float: ...


@runtime_checkable
class Multimeter(Instrument, Protocol):
    """Measures a DC voltage, in V."""

    def read_voltage_v(self) -> float: ...


@runtime_checkable
class Sensor(Instrument, Protocol):
    """A DUT: `CHANNELS` names the values of a sample, in order."""

    CHANNELS: tuple[Channel, ...]

    def prepare(self) -> None: ...
    def sample(self) -> tuple[float, ...]: ...


@dataclass(frozen=True, slots=True)
class Role:
    """A role's contract, and what station.toml may narrow.

    `rated` is the driver's class constant with its range, `limits` the keyword that narrows it;
    `is_reference` means that its readings are the values DUTs are compared with, so that its
    calibration must be valid.
    """

    protocol: type
    dimension: Dimension | None = None
    rated: str = ""
    limits: str = ""
    rate_dimension: Dimension | None = None
    rated_rate: str = ""
    rate_limit: str = ""
    is_reference: bool = False


ROLES = {
    "temperature_chamber": Role(
        TemperatureChamber,
        Dimension.TEMPERATURE,
        "RATED_C",
        "limits_c",
        Dimension.TEMPERATURE_RATE,
        "RATED_K_PER_S",
        "limit_k_per_s",
    ),
    "pressure_source": Role(
        PressureSource, Dimension.PRESSURE, "RATED_PA", "limits_pa", is_reference=True
    ),
    "supply": Role(PowerSupply),
    "reference_thermometer": Role(Thermometer, is_reference=True),
    "dmm": Role(Multimeter, is_reference=True),
}
