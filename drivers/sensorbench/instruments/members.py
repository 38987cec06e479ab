"""Setpoints, meters and switches: what an instrument can set, read and connect.

They are declared on the driver's class, as a property is, so that what is known without opening
anything (quantity, rated range, rate, resolution) can be asked of the class; on an instance the
same name is the bound member, which acts:

    class Oven:
        temperature = setpoint["Oven"](TEMPERATURE, rated=(20.0, 200.0), resolution=0.1)

        @temperature.go
        def _(self, target: Value, rate: float | None, limit: float | None) -> Value: ...
        @temperature.read
        def _(self) -> Value: ...
        @temperature.release
        def _(self) -> None: ...

The rules:
- What lies beyond the rated range or rate is refused before anything is sent, never clipped.
- `go` returns what was really sent, after the wire's rounding.
- A reading that is not finite, or an overload code, is an error (ProtocolError), never a value.
- `release` stops acting on the quantity, and must work whatever went before.
- What this very instrument can't do, as it is fitted and wired, `foresee` says beforehand.
- `protect` reads the instrument's own protection first and only ever narrows it; it returns what
  holds now. What a person set tighter stays.
- `told` reads back what the instrument is set to (telling.py), and changes nothing.
- What is kept in a memory that wears (`nonvolatile`) is not written again where it is told to be
  so already, and swings by no wave that a program makes.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, Self, TypeVar, overload

from sensorbench.core.errors import ProtocolError, SetpointError
from sensorbench.core.quantity import Quantity, Value, components, is_finite
from sensorbench.instruments.declaring import check_against, check_range, check_sizes
from sensorbench.instruments.given import sent_value, told_value, value_of
from sensorbench.instruments.specification import Specification
from sensorbench.instruments.telling import Held, Shape, Told, Untold, changed

D = TypeVar("D")
Band = tuple[float | None, float | None]
_ROUNDING = 1e-9  # "5 K/min" is not quite 5/60 K/s
_NOT_KNOWN = 9.8e37  # from here on up SCPI says overload (9.9E37) and not a number (9.91E37)


@dataclass(frozen=True, slots=True)
class Meter:
    """Something that reads a quantity, bound to an open instrument.

    `possible` is what it may read at all: what lies beyond is a reply that came damaged. `device`
    and `member` are whose it is and what it is called there, None where nobody needs to know.
    """

    name: str
    quantity: Quantity
    _read: Callable[[], Value]
    possible: tuple[float, float] = field(default=(-math.inf, math.inf), kw_only=True)
    device: object = field(default=None, kw_only=True, repr=False)
    member: str = field(default="", kw_only=True, repr=False)

    def read(self) -> Value:
        """Return the value.

        Raises ProtocolError for a reading that is no number, or can't be; DriverFault for what is
        none at all.
        """
        return self.checked(self._read())

    def checked(self, given: object) -> Value:
        """Return what was read. Raises ProtocolError if it is no number, or can't be."""
        value = value_of(given, self.quantity, self.name, type(self.device))
        low, high = self.possible
        if not is_finite(value) or any(abs(part) > _NOT_KNOWN for part in components(value)):
            raise ProtocolError(
                f"{self.name} reads {value}: that is no {self.quantity.name}. "
                "Is a sensor open or over its range?"
            )
        if not all(low <= part <= high for part in components(value)):
            raise ProtocolError(
                f"{self.name} reads {_show(value)} {self.quantity.unit}: it can't be beyond "
                f"{low:g}..{high:g}. Did the reply come damaged?"
            )
        return value


@dataclass(frozen=True, slots=True)
class Setpoint(Meter):
    """Something that sets a quantity, and reads it."""

    rated: tuple[float, float]
    fastest: float | None
    limit_rated: tuple[float, float] | None
    _go: Callable[[Value, float | None, float | None], Value]
    _release: Callable[[], None]
    _protect: Callable[[float | None, float | None], Band] | None = None
    _wave: Callable[[float, float, float, Shape], None] | None = None
    _foresee: Callable[[Value, float | None], None] | None = None
    wave_s: tuple[float, float] = (0.0, math.inf)
    rounds: float = 0.0
    _told: Callable[[], Told] | None = None
    nonvolatile: bool = False

    def told(self) -> Told:
        """Return what the instrument is set to now, by its own memory; Untold where it can't say.

        Raises BenchError where it does not answer.
        """
        if self._told is None:
            return Untold()
        return told_value(self._told(), self.quantity, self.name, type(self.device))

    def foresee(self, target: Value, limit: float | None = None) -> None:
        """Raise SetpointError where `go` would refuse a value with a limit; it sets nothing.

        What depends on how the instrument is fitted may have to be asked: TransportError where its
        link is not open.
        """
        self._check(target, None, limit)
        if self._foresee is not None:
            self._foresee(target, limit)

    def go(self, target: Value, rate: float | None = None, limit: float | None = None) -> Value:
        """Send the setpoint and return what was really sent.

        Raises SetpointError beyond what the instrument is rated for; nothing was sent then.
        """
        self._check(target, rate, limit)
        if self.nonvolatile and rate is None:
            held = self.told()
            if isinstance(held, Held) and not self._differs(Held(target, limit), held):
                return held.value
        sent = self._go(target, rate, limit)
        return sent_value(sent, target, self.rounds, self.quantity, self.name, type(self.device))

    def _differs(self, asked: Held, held: Held) -> bool:
        most = self.limit_rated[1] if self.limit_rated else 0.0
        is_limited = asked.limit is None or held.limit is not None
        return not is_limited or bool(changed(asked, held, self.rounds, most))

    def _check(self, target: Value, rate: float | None, limit: float | None) -> None:
        low, high = self.rated
        unit = self.quantity.unit
        if not all(low <= part <= high for part in components(target)):
            raise SetpointError(
                f"{self.name}: {_show(target)} {unit} is outside the rated {low:g}..{high:g} "
                f"{unit}; nothing was sent"
            )
        if rate is not None and self.fastest is None:
            raise SetpointError(f"{self.name} has no ramp: its rate can't be set; nothing was sent")
        if rate is not None and not 0 < rate <= (self.fastest or 0.0) * (1 + _ROUNDING):
            raise SetpointError(
                f"{self.name}: rate {rate:g} {unit}/s must be above 0 and at most "
                f"{self.fastest:g} {unit}/s; nothing was sent"
            )
        if limit is not None:
            if self.limit_rated is None:
                raise SetpointError(f"{self.name} has no limit that could be set")
            least, most = self.limit_rated
            if not least <= limit <= most:
                raise SetpointError(
                    f"{self.name}: limit {limit:g} is outside the rated {least:g}..{most:g}; "
                    "nothing was sent"
                )

    def release(self) -> None:
        """Stop acting on the quantity: vent, off, stand still."""
        self._release()

    def protect(self, low: float | None, high: float | None) -> Band | None:
        """Narrow the instrument's own protection to `low` and `high`, each by itself.

        Return what holds now, None where the instrument has no protection.
        """
        return self._protect(low, high) if self._protect else None

    def makes(self, period_s: float) -> bool:
        """Return whether the instrument makes waves of a period by itself."""
        least, most = self.wave_s
        return self._wave is not None and least <= period_s <= most

    def wave(self, low: float, high: float, period_s: float, shape: Shape) -> None:
        """Start a wave between `low` and `high`; it goes on until `go` or `release`."""
        if self._wave is None:
            raise SetpointError(f"{self.name} makes no waves")
        least, most = self.rated
        if not least <= low < high <= most:
            raise SetpointError(f"{self.name}: a wave from {low:g} to {high:g} is beyond its range")
        self._wave(low, high, period_s, shape)


@dataclass(frozen=True, slots=True)
class Switch:
    """A contact, bound to an open instrument: a relay, a multiplexer's channel, a valve."""

    name: str
    close: Callable[[], None]
    open: Callable[[], None]


Member = Meter | Setpoint | Switch


class meter(Generic[D]):  # noqa: N801 - reads like property
    """Declares what an instrument reads; the decorated method returns it in canonical units.

    `accuracy` is the specification, or its limit of error at mid range, `against` what a pressure
    is measured from ("vacuum", "ambient"), `seconds` how long a reading takes, `axis` the one axis
    of a vector that it reads, "" where it reads all, `pauses_s` for how long it gives no reading
    now and then by itself, as a mirror that is cleaned.
    """

    def __init__(
        self,
        quantity: Quantity,
        *,
        rated: tuple[float, float] = (-math.inf, math.inf),
        accuracy: float | Specification | None = None,
        against: str = "",
        seconds: float = 0.0,
        axis: str = "",
        pauses_s: float = 0.0,
    ) -> None:
        check_range("rated", rated)
        check_against(against)
        sizes = {"seconds": seconds, "accuracy": _plain(accuracy), "pauses_s": pauses_s}
        check_sizes(sizes)
        self.quantity, self.rated, self.pauses_s = quantity, rated, pauses_s
        self.accuracy = accuracy
        self.against, self.seconds, self.axis = against, seconds, axis
        self.name = ""
        self._read: Callable[[D], Value] | None = None

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name
        _complete(owner, name, read=self._read)

    def read(self, function: Callable[[D], Value]) -> Callable[[D], Value]:
        """Decorate the method that reads."""
        self._read = function
        return function

    @overload
    def __get__(self, device: None, owner: type[D]) -> Self: ...
    @overload
    def __get__(self, device: D, owner: type[D]) -> Meter: ...
    def __get__(self, device: D | None, owner: type[D]) -> Self | Meter:
        if device is None:
            return self
        read = _there(self._read)
        name, possible = _full_name(device, self.name), _possible(self.rated)
        return Meter(
            name,
            self.quantity,
            lambda: read(device),
            possible=possible,
            device=device,
            member=self.name,
        )


class setpoint(Generic[D]):  # noqa: N801 - reads like property
    """Declares what an instrument sets and reads.

    `rated` holds for each component. `fastest` is the largest rate that can be asked for, in units
    a second, None where the instrument has no ramp; `planned` how fast it usually moves by itself,
    `settling_s` how long it then takes to stand still (both only for the plan). `limit_rated` is
    the range of its compliance limit (a current beside a voltage). `vector` says that it sets
    components in the part's axes; without it a value is along the instrument's own axis.
    `fastest_wave` and `slowest_wave` are the shortest and the longest period, in s, of the waves
    it makes. `steady` is how far its own
    reading may be from what was asked for once it stands still (its steps, its noise): no soak can
    ask for less. Half a step of `resolution` where nothing is said. `rounds` is how far what it
    tells of its setpoint may be from what was sent: half a step, or `steady` where it has none.
    `untold` says that its manual has no way to ask; `nonvolatile` that each value which it is sent
    is written to a memory that wears.
    """

    def __init__(
        self,
        quantity: Quantity,
        *,
        rated: tuple[float, float],
        fastest: float | None = None,
        planned: float | None = None,
        settling_s: float = 0.0,
        resolution: float = 0.0,
        accuracy: float | Specification | None = None,
        limit_rated: tuple[float, float] | None = None,
        against: str = "",
        vector: bool = False,
        fastest_wave: float | None = None,
        slowest_wave: float = math.inf,
        seconds: float = 0.0,
        asks: bool = False,
        steady: float | None = None,
        rounds: float | None = None,
        untold: bool = False,
        nonvolatile: bool = False,
    ) -> None:
        check_range("rated", rated)
        if limit_rated is not None:
            check_range("limit_rated", limit_rated)
        check_against(against)
        check_sizes({
            "fastest": fastest, "planned": planned, "settling_s": settling_s,
            "resolution": resolution, "accuracy": _plain(accuracy), "seconds": seconds,
            "steady": steady, "rounds": rounds, "fastest_wave": fastest_wave,
        })  # fmt: skip
        if vector and not quantity.axes:
            raise ValueError(f"vector = True: a {quantity.name} has no axes")
        if fastest_wave is not None and not fastest_wave < slowest_wave:
            raise ValueError(f"fastest_wave = {fastest_wave!r} is no shorter than slowest_wave")
        self.quantity, self.rated, self.fastest = quantity, rated, fastest
        self.planned, self.settling_s = planned or fastest, settling_s
        self.resolution, self.limit_rated = resolution, limit_rated
        self.accuracy = accuracy
        self.against, self.vector = against, vector
        self.fastest_wave, self.slowest_wave = fastest_wave, slowest_wave
        self.seconds, self.asks = seconds, asks
        self.steady = resolution / 2 if steady is None else steady
        self.rounds = (resolution / 2 or self.steady) if rounds is None else rounds
        self.untold, self.nonvolatile = untold, nonvolatile
        self.name = ""
        self._go: Callable[[D, Value, float | None, float | None], Value] | None = None
        self._read: Callable[[D], Value] | None = None
        self._release: Callable[[D], None] | None = None
        self._protect: Callable[[D, float | None, float | None], Band] | None = None
        self._wave: Callable[[D, float, float, float, Shape], None] | None = None
        self._foresee: Callable[[D, Value, float | None], None] | None = None
        self._told: Callable[[D], Told] | None = None

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name
        _complete(owner, name, go=self._go, read=self._read, release=self._release)

    def go(
        self, function: Callable[[D, Value, float | None, float | None], Value]
    ) -> Callable[[D, Value, float | None, float | None], Value]:
        """Decorate the method that sends a target with a rate and a limit."""
        self._go = function
        return function

    def read(self, function: Callable[[D], Value]) -> Callable[[D], Value]:
        """Decorate the method that reads."""
        self._read = function
        return function

    def release(self, function: Callable[[D], None]) -> Callable[[D], None]:
        """Decorate the method that stops acting."""
        self._release = function
        return function

    def protect(
        self, function: Callable[[D, float | None, float | None], Band]
    ) -> Callable[[D, float | None, float | None], Band]:
        """Decorate the method that narrows the instrument's own protection."""
        self._protect = function
        return function

    def wave(
        self, function: Callable[[D, float, float, float, Shape], None]
    ) -> Callable[[D, float, float, float, Shape], None]:
        """Decorate the method that starts a wave."""
        self._wave = function
        return function

    def foresee(
        self, function: Callable[[D, Value, float | None], None]
    ) -> Callable[[D, Value, float | None], None]:
        """Decorate the method that raises SetpointError for what this instrument can't do."""
        self._foresee = function
        return function

    def told(self, function: Callable[[D], Told]) -> Callable[[D], Told]:
        """Decorate the method that reads back what the instrument is set to."""
        self._told = function
        return function

    @property
    def can_tell(self) -> bool:
        """Return whether the instrument can be asked what it is set to."""
        return self._told is not None

    @property
    def can_wave(self) -> bool:
        """Return whether the instrument makes waves by itself."""
        return self._wave is not None

    @overload
    def __get__(self, device: None, owner: type[D]) -> Self: ...
    @overload
    def __get__(self, device: D, owner: type[D]) -> Setpoint: ...
    def __get__(self, device: D | None, owner: type[D]) -> Self | Setpoint:
        if device is None:
            return self
        go, read, release = _there(self._go), _there(self._read), _there(self._release)
        protect, wave, foresee, told = self._protect, self._wave, self._foresee, self._told
        it = device
        return Setpoint(
            _full_name(it, self.name),
            self.quantity,
            lambda: read(it),
            self.rated,
            self.fastest,
            self.limit_rated,
            lambda target, rate, limit: go(it, target, rate, limit),
            lambda: release(it),
            (lambda low, high: protect(it, low, high)) if protect else None,
            (lambda low, high, period, shape: wave(it, low, high, period, shape)) if wave else None,
            (lambda target, limit: foresee(it, target, limit)) if foresee else None,
            (self.fastest_wave or 0.0, self.slowest_wave),
            self.rounds,
            (lambda: told(it)) if told else None,
            nonvolatile=self.nonvolatile,
            possible=_possible(self.rated),
            device=it,
            member=self.name,
        )


class switch(Generic[D]):  # noqa: N801 - reads like property
    """Declares a contact; the decorated method closes it (True) or opens it (False)."""

    def __init__(self) -> None:
        self.name = ""
        self._turn: Callable[[D, bool], None] | None = None

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name
        _complete(owner, name, turn=self._turn)

    def turn(self, function: Callable[[D, bool], None]) -> Callable[[D, bool], None]:
        """Decorate the method that closes or opens the contact."""
        self._turn = function
        return function

    @overload
    def __get__(self, device: None, owner: type[D]) -> Self: ...
    @overload
    def __get__(self, device: D, owner: type[D]) -> Switch: ...
    def __get__(self, device: D | None, owner: type[D]) -> Self | Switch:
        if device is None:
            return self
        turn = _there(self._turn)
        return Switch(
            _full_name(device, self.name), lambda: turn(device, True), lambda: turn(device, False)
        )


Declared = meter[Any] | setpoint[Any] | switch[Any]


def members_of(driver: type) -> Mapping[str, Declared]:
    """Return what a driver's class declares, by member name, in the order of the class."""
    found: dict[str, Declared] = {}
    for base in reversed(driver.__mro__):
        for name, member in vars(base).items():
            if isinstance(member, meter | setpoint | switch):
                found[name] = member
    return found


def setpoints_of(driver: type) -> dict[str, setpoint[Any]]:
    """Return what a driver's class can set, by member name: `check` needs no open link."""
    return {n: m for n, m in members_of(driver).items() if isinstance(m, setpoint)}


def meters_of(driver: type) -> dict[str, meter[Any] | setpoint[Any]]:
    """Return what a driver's class can read, setpoints included, by member name."""
    return {n: m for n, m in members_of(driver).items() if isinstance(m, meter | setpoint)}


def unbound(name: str, declared: Declared) -> Member:
    """Return a member of no instrument, for whoever must know what it could do; it does nothing."""
    if isinstance(declared, switch):
        return Switch(name, _nothing, _nothing)
    if isinstance(declared, meter):
        return Meter(name, declared.quantity, lambda: math.nan)
    return Setpoint(
        name, declared.quantity, lambda: math.nan, declared.rated, declared.fastest,
        declared.limit_rated, _unsent, _nothing,
    )  # fmt: skip


def limit_of_error(declared: meter[Any] | setpoint[Any], value: float) -> float | None:
    """Return how far a reading may be off as its driver says, None where it does not."""
    if isinstance(declared.accuracy, Specification):
        return declared.accuracy.limit(value)
    return declared.accuracy


def _plain(accuracy: float | Specification | None) -> float | None:
    return None if isinstance(accuracy, Specification) else accuracy


def _possible(rated: tuple[float, float]) -> tuple[float, float]:
    """Return what can be read at all: as far beyond the rated range as that is wide."""
    low, high = rated
    return low - (high - low), high + (high - low)


def _unsent(target: Value, _rate: float | None, _limit: float | None) -> Value:
    return target


def _nothing() -> None:
    """Do nothing."""


def number(value: Value) -> float:
    """Return a value that must be a plain number. Raises SetpointError for a vector."""
    if isinstance(value, tuple):
        raise SetpointError(f"{value} has several components, this setpoint takes one number")
    return value


def rows(names: Sequence[str], declare: Callable[[str], Declared]) -> dict[str, Declared]:
    """Return several members that are alike, for a class with many channels."""
    return {name: declare(name) for name in names}


def _there(function: Callable[..., Any] | None) -> Callable[..., Any]:
    assert function is not None  # noqa: S101 - __set_name__ saw to it
    return function


def _complete(owner: type, name: str, **functions: object) -> None:
    missing = [word for word, function in functions.items() if function is None]
    if missing:
        raise TypeError(f"{owner.__name__}.{name} has no {', '.join(missing)}")


def _full_name(device: object, member: str) -> str:
    return f"{getattr(device, 'name', type(device).__name__)}.{member}"


def _show(value: Value) -> str:
    return ", ".join(f"{part:g}" for part in components(value))
