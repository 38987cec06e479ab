"""The only place where units are converted: parse what people write, canonical inside.

Canonical: degC, K (differences), K/s, Pa, Pa/s, %RH, s, V, A, ohm, Hz, m/s2, deg/s, uT, and plain
numbers for ratios. Factors: the SI brochure (9th ed., 2019); psi, mmHg, inHg: NIST SP 811 app. B.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from enum import Enum

from sensorbench.core.errors import BenchError


class UnitError(BenchError, ValueError):
    """A quantity can't be read: no number, no unit, or a unit of another dimension."""


@dataclass(frozen=True, slots=True)
class _Scale:
    """canonical = value * factor + offset."""

    factor: float
    offset: float = 0.0


_KELVIN_0 = 273.15
_PRESSURE = {
    "Pa": 1.0, "hPa": 1e2, "kPa": 1e3, "MPa": 1e6, "mbar": 1e2, "bar": 1e5,
    "psi": 6894.757293168361, "atm": 101325.0, "mmHg": 133.322387415, "inHg": 3386.389,
}  # fmt: skip
_TIME = {"s": 1.0, "us": 1e-6, "ms": 1e-3, "min": 60.0, "h": 3600.0, "d": 86400.0, "week": 604800.0}
_KELVINS = {"K": 1.0, "degC": 1.0, "degF": 5 / 9}
_RATE_TIME = {"s": 1.0, "min": 60.0, "h": 3600.0}


def _scales(factors: dict[str, float]) -> dict[str, _Scale]:
    return {unit: _Scale(factor) for unit, factor in factors.items()}


def _per_time(factors: dict[str, float]) -> dict[str, _Scale]:
    return {
        f"{unit}/{time}": _Scale(factor / seconds)
        for unit, factor in factors.items()
        for time, seconds in _RATE_TIME.items()
    }


class Dimension(Enum):
    """What kind of quantity a number is; the value is the name used in messages."""

    TEMPERATURE = "temperature"
    TEMPERATURE_DIFFERENCE = "temperature difference"
    TEMPERATURE_RATE = "temperature rate"
    PRESSURE = "pressure"
    PRESSURE_RATE = "pressure rate"
    HUMIDITY = "relative humidity"
    TIME = "time"
    VOLTAGE = "voltage"
    CURRENT = "current"
    RESISTANCE = "resistance"
    FREQUENCY = "frequency"
    ACCELERATION = "acceleration"
    ANGULAR_RATE = "angular rate"
    MAGNETIC_FIELD = "magnetic flux density"
    RATIO = "ratio"

    @property
    def canonical(self) -> str:
        """Return the unit that numbers of this dimension have inside the program."""
        return next(iter(_UNITS[self]))

    @property
    def units(self) -> tuple[str, ...]:
        """Return the units people may write, the canonical one first."""
        return tuple(_UNITS[self])


# The first unit of each row is the canonical one.
_UNITS: dict[Dimension, dict[str, _Scale]] = {
    Dimension.TEMPERATURE: {
        "degC": _Scale(1.0),
        "K": _Scale(1.0, -_KELVIN_0),
        "degF": _Scale(5 / 9, -160 / 9),
    },
    Dimension.TEMPERATURE_DIFFERENCE: _scales(_KELVINS),
    Dimension.TEMPERATURE_RATE: _per_time(_KELVINS),
    Dimension.PRESSURE: _scales(_PRESSURE),
    Dimension.PRESSURE_RATE: _per_time(_PRESSURE),
    Dimension.HUMIDITY: _scales({"%RH": 1.0}),
    Dimension.TIME: _scales(_TIME),
    Dimension.VOLTAGE: _scales({"V": 1.0, "mV": 1e-3, "uV": 1e-6, "kV": 1e3}),
    Dimension.CURRENT: _scales({"A": 1.0, "mA": 1e-3, "uA": 1e-6, "nA": 1e-9}),
    Dimension.RESISTANCE: _scales({"ohm": 1.0, "mohm": 1e-3, "kohm": 1e3, "Mohm": 1e6}),
    Dimension.FREQUENCY: _scales({"Hz": 1.0, "kHz": 1e3, "MHz": 1e6}),
    Dimension.ACCELERATION: _scales({"m/s2": 1.0, "g": 9.80665, "mg": 9.80665e-3}),
    Dimension.ANGULAR_RATE: _scales({"deg/s": 1.0, "rad/s": 180 / math.pi, "deg/h": 1 / 3600}),
    Dimension.MAGNETIC_FIELD: _scales({"uT": 1.0, "nT": 1e-3, "mT": 1e3, "T": 1e6, "G": 100.0}),
    Dimension.RATIO: _scales({"1": 1.0, "%": 1e-2, "ppm": 1e-6}),
}
_SPELLINGS = {
    "°C": "degC", "℃": "degC", "C": "degC", "°F": "degF", "µs": "us", "μs": "us", "sec": "s",
    "hr": "h", "hours": "h", "hour": "h", "days": "d", "day": "d", "weeks": "week", "Ω": "ohm",
    "Ohm": "ohm", "kΩ": "kohm", "µA": "uA", "μA": "uA", "µT": "uT", "μT": "uT", "%rH": "%RH",
    "% RH": "%RH", "m/s^2": "m/s2", "m/s²": "m/s2", "percent": "%",
}  # fmt: skip
_QUANTITY = re.compile(r"\s*([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)\s*(.*?)\s*")


def _spelling(unit: str) -> str:
    return "/".join(_SPELLINGS.get(part, part) for part in _SPELLINGS.get(unit, unit).split("/"))


def parse(text: str, dimension: Dimension) -> float:
    """Return the quantity that `text` writes, in the canonical unit of `dimension`.

    Raises UnitError if there is no finite number, no unit, or a unit of another dimension.

    >>> parse("85 degC", Dimension.TEMPERATURE)
    85.0
    >>> parse("10 K/min", Dimension.TEMPERATURE_RATE)
    0.16666666666666666
    >>> parse("110 kPa", Dimension.PRESSURE)
    110000.0
    """
    allowed = ", ".join(dimension.units)
    match = _QUANTITY.fullmatch(text)
    if not match:
        raise UnitError(
            f"{text!r} is not a number with a unit; write a {dimension.value} in {allowed}"
        )
    number, unit = float(match[1]), _spelling(match[2])
    scale = _UNITS[dimension].get(unit or "1")
    if scale is None:
        what = f"unit {match[2]!r} is not a {dimension.value}" if unit else f"{text!r} has no unit"
        raise UnitError(f"{what}; a {dimension.value} is written in {allowed}")
    value = number * scale.factor + scale.offset
    if not math.isfinite(value):
        raise UnitError(f"{text!r} is too large")
    return value


def convert(value: float, dimension: Dimension, unit: str) -> float:
    """Return a canonical `value` in `unit`; the inverse of `parse`. Raises UnitError.

    >>> convert(101325.0, Dimension.PRESSURE, "hPa")
    1013.25
    """
    scale = _UNITS[dimension].get(_spelling(unit))
    if scale is None:
        raise UnitError(
            f"unit {unit!r} is not a {dimension.value}; allowed: {', '.join(dimension.units)}"
        )
    return (value - scale.offset) / scale.factor


def show(value: float, dimension: Dimension, unit: str | None = None, digits: int = 6) -> str:
    """Return a canonical `value` with its unit, as people write it.

    >>> show(101325.0, Dimension.PRESSURE, "kPa")
    '101.325 kPa'
    """
    unit = unit or dimension.canonical
    return f"{convert(value, dimension, unit):.{digits}g} {unit}"


def show_duration(seconds: float) -> str:
    """Return a duration as people say it, in its two largest units.

    >>> show_duration(532_800), show_duration(75), show_duration(0.25)
    ('6 d 4 h', '1 min 15 s', '0.25 s')
    """
    if seconds < 60:
        return f"{seconds:.3g} s"
    rest = round(seconds)
    parts: list[str] = []
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60), ("s", 1)):
        count, rest = divmod(rest, size)
        if count or parts:
            parts.append(f"{count} {unit}" if count else "")
        if len(parts) == 2:
            break
    return " ".join(part for part in parts if part)
