"""What a sensor delivers: named channels, each of a quantity, and blocks of their samples."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sensorbench.core.errors import SetpointError
from sensorbench.core.quantity import Quantity
from sensorbench.core.units import Dimension, UnitError, parse, show

_LONG = 6  # characters of a number
_NOMINAL = 0.005  # a part's 417 Hz is called 416 Hz by some: how far a name may lie beside it


@dataclass(frozen=True, slots=True)
class Channel:
    """One value of a sensor's sample. Without a quantity it is a plain count.

    `axis` and `port` say which component and which side of the part it senses. `relative_to` is
    what a pressure is measured from: "ambient", another port, or "" for vacuum. `accuracy` is the
    typical error of the part as it comes (same unit as an error of the quantity), None where the
    data sheet gives none: such a channel is not compared with the world.
    """

    name: str
    quantity: Quantity | None = None
    axis: str = ""
    port: str = ""
    accuracy: float | None = None
    relative_to: str = ""

    @property
    def unit(self) -> str:
        """Return the canonical unit of the channel's values; "counts" for plain counts."""
        return self.quantity.unit if self.quantity else "counts"

    @property
    def address(self) -> str:
        """Return which quantity it senses, `quantity[.port][.axis]`; "" for plain counts."""
        name = self.quantity.name if self.quantity else ""
        return ".".join(part for part in (name, self.port, self.axis) if part)


@dataclass(frozen=True, slots=True)
class Setting:
    """A setting of a sensor: its default and what is allowed, in canonical units.

    Where `dimension` is given people write it with a unit ("4 g"), else as a word or a number.
    """

    default: float | str
    choices: tuple[float | str, ...] = ()
    dimension: Dimension | None = None
    low: float | None = None
    high: float | None = None

    def accept(self, name: str, value: object) -> float | str:
        """Return the value allowed that `value` means. Raises SetpointError with what is allowed.

        A number with a dimension may lie 0.5 % beside a choice, and is then that choice.
        """
        number = value if isinstance(value, int | float) and not isinstance(value, bool) else None
        for choice in self.choices:
            if value == choice and (number is None) == isinstance(choice, str):
                return choice
        for choice in self.choices if self.dimension else ():
            if number is None or isinstance(choice, str):
                continue
            if abs(number - choice) <= _NOMINAL * abs(choice):
                return choice
        if number is not None and not self.choices and self._is_within(number):
            return float(number)
        raise SetpointError(f"{name} can't be {self._show(value)}; allowed: {self.allowed()}")

    def _is_within(self, value: float) -> bool:
        above = self.low is None or value >= self.low
        return above and (self.high is None or value <= self.high)

    def allowed(self) -> str:
        """Return what it can be, as people write it."""
        if self.choices:
            return ", ".join(map(self._show, self.choices))
        low, high = ("any" if end is None else self._show(end) for end in (self.low, self.high))
        return f"{low} to {high}"

    def shown(self, value: float | str) -> str:
        """Return a value as people write it: in the unit in which what is allowed is shortest.

        >>> setting = Setting(19.6133, (19.6133, 39.2266), Dimension.ACCELERATION)
        >>> setting.shown(19.6133), setting.shown(4.903325)
        ('2 g', '0.5 g')
        """
        return self._show(value)

    def _show(self, value: object) -> str:
        if self.dimension and isinstance(value, int | float):
            return show(value, self.dimension, self._unit)
        return f"{value:g}" if isinstance(value, float) else repr(value)

    @property
    def _unit(self) -> str:
        """Return the unit in which what is allowed is shortest; the canonical one unless long."""
        dimension = self.dimension
        assert dimension is not None  # noqa: S101 - who asks has looked
        values = [v for v in (self.default, *self.choices, self.low, self.high)
                  if isinstance(v, int | float)]  # fmt: skip

        def length(unit: str) -> int:
            return max(len(show(v, dimension, unit).partition(" ")[0]) for v in values)

        own = dimension.canonical
        return own if length(own) <= _LONG else min(dimension.units, key=length)


def chosen(declared: Mapping[str, Setting], given: Mapping[str, object]) -> Settings:
    """Return every setting declared: as `given`, or its default. Raises SetpointError.

    >>> chosen({"rate": Setting(104.0, (104.0, 417.0), Dimension.FREQUENCY)}, {"rate": 416})
    {'rate': 417.0}
    """
    for name in given:
        if name not in declared:
            raise SetpointError(f"no setting {name!r}; there are {', '.join(declared) or 'none'}")
    return {
        name: setting.accept(name, given[name]) if name in given else setting.default
        for name, setting in declared.items()
    }


Settings = dict[str, float | str]


def read_settings(
    declared: Mapping[str, Setting], raw: Mapping[str, object]
) -> tuple[Settings, list[str]]:
    """Return settings as a file writes them, with their units, and what is wrong with the rest.

    >>> read_settings({"rate": Setting(104.0, (104.0,), Dimension.FREQUENCY)}, {"rate": "104 Hz"})
    ({'rate': 104.0}, [])
    """
    found: Settings = {}
    problems: list[str] = []
    for name, value in raw.items():
        setting = declared.get(name)
        if setting is None:
            problems.append(f"{name!r} is no setting; allowed: {', '.join(declared) or 'none'}")
            continue
        try:
            known = parse(str(value), setting.dimension) if setting.dimension else value
            found[name] = setting.accept(name, known)
        except (UnitError, SetpointError) as error:
            text = str(error)
            problems.append(text if text.startswith(name) else f"{name}: {text}")
    return found, problems


@dataclass(frozen=True, slots=True)
class Stream:
    """What a sensor's stream is like with given settings.

    Samples arrive as whole numbers; a channel's value is `raw * scale + offset`. `depth` is how
    many samples the part keeps until they are fetched, `bits` what a sample costs on its link,
    addressing included. A sample is `sample_bytes`, one exchange fetches `burst_bytes` at most.
    """

    rate_hz: float
    depth: int
    bits: float
    sample_bytes: int
    burst_bytes: int
    channels: tuple[str, ...]
    scale: tuple[float, ...]
    offset: tuple[float, ...]
    dtype: str = "int16"


@dataclass(frozen=True, slots=True)
class Block:
    """Samples of one unit in the order they were taken: `values` has shape (n, channels).

    Of a stream they are raw whole numbers, of a single reading floats in canonical units. The
    times are the host's, before the first exchange and after the last. `overflow` says that the
    part lost samples before these, `saturated` that one lies at an end of its range: such a single
    reading is an error, of a stream the others are still good.
    """

    values: npt.NDArray[np.float64] | npt.NDArray[np.int16] | npt.NDArray[np.int32]
    start_s: float
    end_s: float
    overflow: bool = False
    saturated: bool = False
