"""The only place where units are converted: parse what people write, canonical inside.

Canonical: degC, K (differences), K/s, Pa, Pa/s, %RH, s, V, A, ohm, Hz, m/s2, deg/s, uT, and plain
numbers for ratios. Factors: the SI brochure (9th ed., 2019); psi, mmHg, inHg: NIST SP 811 app. B.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from sensorbench.core import spelling
from sensorbench.core.errors import BenchError
from sensorbench.core.spelling import plain


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
    "Torr": 101325.0 / 760, "mTorr": 101.325 / 760,
}  # fmt: skip
_TIME = {"s": 1.0, "us": 1e-6, "ms": 1e-3, "min": 60.0, "h": 3600.0, "d": 86400.0, "week": 604800.0}
_KELVINS = {"K": 1.0, "degC": 1.0, "degF": 5 / 9}
_VOLTAGE = {"V": 1.0, "mV": 1e-3, "uV": 1e-6, "kV": 1e3}
_RATE_TIME = {"s": 1.0, "min": 60.0, "h": 3600.0}


def _per_time(factors: Mapping[str, float]) -> dict[str, float]:
    return {
        f"{unit}/{time}": factor / seconds
        for unit, factor in factors.items()
        for time, seconds in _RATE_TIME.items()
    }


@dataclass(frozen=True, slots=True)
class Dimension:
    """What kind of quantity a number is; `name` is used in messages.

    The table is open: a package adds a row with `add_dimension`, and writes units in it from then
    on. `of_name` finds a row again.
    """

    name: str
    scales: tuple[tuple[str, _Scale], ...] = field(repr=False, compare=False)

    TEMPERATURE: ClassVar[Dimension]
    TEMPERATURE_DIFFERENCE: ClassVar[Dimension]
    TEMPERATURE_RATE: ClassVar[Dimension]
    PRESSURE: ClassVar[Dimension]
    PRESSURE_RATE: ClassVar[Dimension]
    HUMIDITY: ClassVar[Dimension]
    TIME: ClassVar[Dimension]
    VOLTAGE: ClassVar[Dimension]
    VOLTAGE_RATE: ClassVar[Dimension]
    CURRENT: ClassVar[Dimension]
    RESISTANCE: ClassVar[Dimension]
    FREQUENCY: ClassVar[Dimension]
    ACCELERATION: ClassVar[Dimension]
    ANGULAR_RATE: ClassVar[Dimension]
    ANGULAR_ACCELERATION: ClassVar[Dimension]
    ANGLE: ClassVar[Dimension]
    MAGNETIC_FIELD: ClassVar[Dimension]
    CONCENTRATION: ClassVar[Dimension]
    FLOW: ClassVar[Dimension]
    ILLUMINANCE: ClassVar[Dimension]
    MASS_CONCENTRATION: ClassVar[Dimension]
    NUMBER_CONCENTRATION: ClassVar[Dimension]
    LENGTH: ClassVar[Dimension]
    RATIO: ClassVar[Dimension]

    @property
    def canonical(self) -> str:
        """Return the unit that numbers of this dimension have inside the program."""
        return self.scales[0][0]

    @property
    def one(self) -> str:
        """Return the name with its article, for messages.

        >>> Dimension.PRESSURE.one, Dimension.ANGLE.one
        ('a pressure', 'an angle')
        """
        return f"an {self.name}" if self.name[:1] in "aeiou" else f"a {self.name}"

    @property
    def units(self) -> tuple[str, ...]:
        """Return the units people may write, the canonical one first."""
        return tuple(unit for unit, _ in self.scales)

    def scale(self, unit: str) -> _Scale | None:
        """Return how `unit` is converted, None where it is no unit of this dimension.

        The dimension's own names come before other spellings: H may be henry.
        """
        scales = dict(self.scales)
        spelt = spelling.unit(unit)
        found = scales.get(unit) or scales.get(spelt)
        if found is None:
            meant, is_sure = spelling.in_any_case(spelt, self.units)
            found = scales[meant] if is_sure else None
        return found


_DIMENSIONS: dict[str, Dimension] = {}


def add_dimension(
    name: str, units: Mapping[str, float], zeros: Mapping[str, float] | None = None
) -> Dimension:
    """Add a dimension to the table and return it; the first of `units` is the canonical one.

    `units` gives the factor to the canonical unit, `zeros` what is added after it. Adding the same
    row again is fine; ValueError for another one of that name.

    >>> add_dimension("mass", {"kg": 1.0, "g": 1e-3}).canonical
    'kg'
    """
    zeros = zeros or {}
    scales = tuple((unit, _Scale(by, zeros.get(unit, 0.0))) for unit, by in units.items())
    known = _DIMENSIONS.setdefault(name, Dimension(name, scales))
    if known.scales != scales:
        raise ValueError(f"dimension {name!r} is there already, with other units")
    return known


def dimensions() -> tuple[Dimension, ...]:
    """Return every dimension known, in the order they were added."""
    return tuple(_DIMENSIONS.values())


# The first unit of each row is the canonical one.
Dimension.TEMPERATURE = add_dimension(
    "temperature",
    {"degC": 1.0, "K": 1.0, "degF": 5 / 9},
    {"K": -_KELVIN_0, "degF": -160 / 9},
)
Dimension.TEMPERATURE_DIFFERENCE = add_dimension("temperature difference", _KELVINS)
Dimension.TEMPERATURE_RATE = add_dimension("temperature rate", _per_time(_KELVINS))
Dimension.PRESSURE = add_dimension("pressure", _PRESSURE)
Dimension.PRESSURE_RATE = add_dimension("pressure rate", _per_time(_PRESSURE))
Dimension.HUMIDITY = add_dimension("relative humidity", {"%RH": 1.0})
Dimension.TIME = add_dimension("time", _TIME)
Dimension.VOLTAGE = add_dimension("voltage", _VOLTAGE)
Dimension.VOLTAGE_RATE = add_dimension("voltage rate", _per_time(_VOLTAGE))
Dimension.CURRENT = add_dimension(
    "current", {"A": 1.0, "mA": 1e-3, "uA": 1e-6, "nA": 1e-9, "pA": 1e-12}
)
Dimension.RESISTANCE = add_dimension(
    "resistance", {"ohm": 1.0, "mohm": 1e-3, "kohm": 1e3, "Mohm": 1e6, "Gohm": 1e9}
)
Dimension.FREQUENCY = add_dimension("frequency", {"Hz": 1.0, "kHz": 1e3, "MHz": 1e6})
Dimension.ACCELERATION = add_dimension(
    "acceleration", {"m/s2": 1.0, "g": 9.80665, "mg": 9.80665e-3, "ug": 9.80665e-6}
)
Dimension.ANGULAR_RATE = add_dimension(
    "angular rate",
    {
        "deg/s": 1.0,
        "mdeg/s": 1e-3,
        "rad/s": 180 / math.pi,
        "deg/min": 1 / 60,
        "deg/h": 1 / 3600,
        "rpm": 6.0,
    },
)
Dimension.ANGULAR_ACCELERATION = add_dimension(
    "angular acceleration", {"deg/s2": 1.0, "rad/s2": 180 / math.pi}
)
Dimension.ANGLE = add_dimension("angle", {"deg": 1.0, "rad": 180 / math.pi})
Dimension.MAGNETIC_FIELD = add_dimension(
    "magnetic flux density",
    {"uT": 1.0, "nT": 1e-3, "mT": 1e3, "T": 1e6, "G": 100.0, "mG": 0.1},
)
Dimension.CONCENTRATION = add_dimension("concentration", {"ppm": 1.0, "ppb": 1e-3, "%": 1e4})
Dimension.FLOW = add_dimension("flow", {"sccm": 1.0, "slm": 1e3, "mL/min": 1.0, "L/min": 1e3})
Dimension.ILLUMINANCE = add_dimension("illuminance", {"lx": 1.0, "klx": 1e3})
Dimension.MASS_CONCENTRATION = add_dimension(
    "mass concentration", {"ug/m3": 1.0, "mg/m3": 1e3, "g/m3": 1e6}
)
Dimension.NUMBER_CONCENTRATION = add_dimension(
    "number concentration", {"1/cm3": 1.0, "1/L": 1e-3, "1/m3": 1e-6}
)
Dimension.LENGTH = add_dimension("length", {"um": 1.0, "nm": 1e-3, "mm": 1e3})
Dimension.RATIO = add_dimension("ratio", {"1": 1.0, "%": 1e-2, "ppm": 1e-6})
_QUANTITY = re.compile(r"\s*([+-]?\s*(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)\s*(.*?)\s*")


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
    written = plain(text)
    match = _QUANTITY.fullmatch(written)
    if not match:
        raise UnitError(f"{text!r} is not a number with a unit; write {dimension.one} in {allowed}")
    number, unit = float(match[1].replace(" ", "")), match[2]
    scale = dimension.scale(unit or "1")
    if scale is None:
        if why := spelling.hint(written):
            raise UnitError(f"{text!r} can't be read: {why}")
        what = f"unit {unit!r} is not {dimension.one}" if unit else f"{text!r} has no unit"
        meant = spelling.meant_by(spelling.unit(unit), dimension.units)
        one = dimension.one
        between = f"; did you mean {meant}? {one[:1].upper()}{one[1:]}" if meant else f"; {one}"
        raise UnitError(f"{what}{between} is written in {allowed}")
    value = number * scale.factor + scale.offset
    if not math.isfinite(value):
        raise UnitError(f"{text!r} is too large")
    return value


def convert(value: float, dimension: Dimension, unit: str) -> float:
    """Return a canonical `value` in `unit`; the inverse of `parse`. Raises UnitError.

    >>> convert(101325.0, Dimension.PRESSURE, "hPa")
    1013.25
    """
    scale = dimension.scale(unit)
    if scale is None:
        raise UnitError(
            f"unit {unit!r} is not {dimension.one}; allowed: {', '.join(dimension.units)}"
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
