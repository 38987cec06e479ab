"""Numbers as people like them: in which unit, with how many digits.

The rules:
- One column, one axis and one sentence has one unit and one number of decimals.
- Decimals follow the uncertainty, two digits of it (JCGM 100, 7.2.6); else the size.
- What a page shows of a value never lies on another side of a limit than the value does: where
  rounding would tell otherwise, there are more digits.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sensorbench.core.units import Dimension, convert, dimensions
from sensorbench.reports.text import unit_name

Floats = npt.NDArray[np.float64]
_PREFIXES = ("n", "u", "m", "", "k", "M")
_DIGITS = 4
_MOST_DECIMALS = 7
_MOST_DIGITS = 15
_SMALL, _LARGE, _TINY, _MUCH = 0.1, 1e4, 0.01, 20.0
_PLAIN = 1e12
_ROOT = "/sqrt(Hz)"
_RATIOS = (("ppm", 5e-4), ("%", 0.2))


@dataclass(frozen=True, slots=True)
class Style:
    """How numbers of canonical `unit` are written: in the unit `shown`, with `decimals`."""

    unit: str
    shown: str
    decimals: int

    @property
    def name(self) -> str:
        """Return the unit as it is printed."""
        return unit_name(self.shown)

    def number(self, value: float, low: float | None = None, high: float | None = None) -> str:
        """Return a value without its unit, on the same side of limits as it is.

        >>> Style("Pa", "Pa", 1).number(100.04, None, 100.0)
        '100.04'
        """
        there = in_unit(value, self.unit, self.shown)
        limits = [in_unit(x, self.unit, self.shown) for x in (low, high) if x is not None]
        for decimals in range(self.decimals, _MOST_DIGITS):
            text = _fixed(there, decimals)
            if all(_side(float(text), limit) == _side(there, limit) for limit in limits):
                return text
        return repr(there)

    def quantity(self, value: float, low: float | None = None, high: float | None = None) -> str:
        """Return a value with its unit."""
        return f"{self.number(value, low, high)} {self.name}".rstrip()


def _fixed(value: float, decimals: int) -> str:
    if value and decimals >= _MOST_DECIMALS and abs(value) < 10**-decimals:
        return f"{value:.3g}"
    return f"{value:z.{decimals}f}"


def _side(value: float, limit: float) -> int:
    """Return on which side of a limit a value is; what differs in the last bits only is on it."""
    if math.isclose(value, limit, rel_tol=1e-12, abs_tol=0.0):
        return 0
    return 1 if value > limit else -1


def style_of(
    unit: str,
    values: Iterable[float | None],
    uncertainties: Iterable[float | None] = (),
    shown: str = "",
    whole: bool = False,
) -> Style:
    """Return how values of a canonical unit are best written together; `whole` are counts.

    `shown` is a unit that people like for them; else one is chosen by their size.

    >>> style_of("Pa", [-100.0, 100.0])
    Style(unit='Pa', shown='Pa', decimals=1)
    >>> style_of("A", [2e-5], [3e-7])
    Style(unit='A', shown='uA', decimals=2)
    """
    sizes = [abs(v) for v in values if v is not None and math.isfinite(v)]
    largest = max(sizes, default=0.0)
    unit_shown = shown or readable(unit, largest)
    factor = _factor(unit, unit_shown)
    decimals = 0 if whole else _decimals(largest * factor)
    known = [u for u in uncertainties if u is not None and math.isfinite(u) and u > 0]
    if known:
        two_digits = 1 - math.floor(math.log10(min(known) * factor))
        decimals = min(max(0, two_digits), decimals + 2)
    return Style(unit, unit_shown, decimals)


def _decimals(size: float) -> int:
    if size <= 0:
        return 1
    return min(max(0, _DIGITS - 1 - math.floor(math.log10(size))), _MOST_DECIMALS)


def readable(unit: str, size: float) -> str:
    """Return a unit of the same dimension in which numbers as large as `size` are easily read.

    That is one with another SI prefix, or a smaller one where there is none with a prefix.

    >>> readable("A", 2e-5), readable("Pa", 2.5e5), readable("Pa", 740.0), readable("1", 0.02)
    ('uA', 'kPa', 'Pa', '%')
    >>> readable("m/s2/sqrt(Hz)", 7e-4), readable("deg/s", 1e-3)
    ('ug/sqrt(Hz)', 'mdeg/s')
    """
    if unit == "1" and size:
        return next((name for name, below in _RATIOS if size < below), unit)
    if not size or _SMALL <= size < _LARGE:
        return unit
    head, tail = _split(unit)
    dimension = _dimension(head, head)
    there = [f"{prefix}{head}" for prefix in _PREFIXES]
    known = [name for name in there if dimension and dimension.scale(name)]
    if len(known) < 2 and dimension and size < _TINY:
        known = [name for name in dimension.units if _is_smaller(head, name)] or [head]
    fits = [name for name in known if abs(size * _factor(head, name)) >= 1.0]
    if fits:
        return min(fits, key=lambda name: size * _factor(head, name)) + tail
    return (max(known, key=lambda name: _factor(head, name)) if known else head) + tail


def roundest(unit: str, value: float) -> str:
    """Return a unit in which a value that somebody chose has few digits: its own, if not that one.

    >>> roundest("m/s2", 39.2266), roundest("Hz", 6667.0), roundest("deg/s", 250.0)
    ('g', 'Hz', 'deg/s')
    """
    shown = readable(unit, abs(value))
    dimension = _dimension(unit, unit)
    there = {name: in_unit(value, unit, name) for name in (dimension.units if dimension else ())}
    if _digits(in_unit(value, unit, shown)) <= _DIGITS:
        return shown
    fits = [name for name, size in there.items() if _SMALL <= abs(size) < _LARGE]
    return min([shown, *fits], key=lambda name: _digits(in_unit(value, unit, name)))


def _digits(value: float) -> int:
    """Return how many digits a number has that is written as short as it is."""
    return len(f"{value:.12g}".lstrip("-0.").replace(".", "").rstrip("0"))


def _split(unit: str) -> tuple[str, str]:
    """Return a unit and what it is divided by: the root of a hertz."""
    head = unit.removesuffix(_ROOT)
    return head, unit[len(head) :]


def _is_smaller(unit: str, name: str) -> bool:
    """Return whether a unit is much smaller, and zero in both is the same."""
    return in_unit(0.0, unit, name) == 0.0 and _factor(unit, name) > _MUCH


def plain(value: float, unit: str, shown: str = "") -> str:
    """Return what somebody wrote down, a limit or a setpoint, as short as it is, with its unit.

    >>> plain(100.0, "Pa"), plain(-31.75, "degC"), plain(48250.0, "Pa", "kPa")
    ('100 Pa', '-31.75 °C', '48.25 kPa')
    """
    return f"{bare(value, unit, shown)} {unit_name(shown or unit)}".rstrip()


def bare(value: float, unit: str, shown: str = "") -> str:
    """Return what somebody wrote down without its unit."""
    there = in_unit(value, unit, shown or unit)
    text = f"{there:.6g}"
    return f"{there:.0f}" if "e+" in text and abs(there) < _PLAIN else text


def in_unit(value: float, unit: str, shown: str) -> float:
    """Return a canonical value in another unit of its dimension."""
    (head, tail), (there, _) = _split(unit), _split(shown)
    dimension = _dimension(head, there) if head != there else None
    if dimension is None:
        return value
    if tail:  # over the root of a hertz: a difference, whatever the zeros are
        return value * (convert(1.0, dimension, there) - convert(0.0, dimension, there))
    return convert(value, dimension, there)


def scaled(values: Floats, unit: str, shown: str) -> Floats:
    """Return canonical values in another unit of their dimension, same shape."""
    zero = in_unit(0.0, unit, shown)
    return values * (in_unit(1.0, unit, shown) - zero) + zero


def _factor(unit: str, shown: str) -> float:
    return in_unit(1.0, unit, shown) - in_unit(0.0, unit, shown)


def _dimension(unit: str, shown: str) -> Dimension | None:
    """Return the dimension whose canonical unit is `unit` and which has `shown`."""
    return next((d for d in dimensions() if d.canonical == unit and d.scale(shown)), None)
