"""Readings taken now, without a profile: of a few parts, one row a part a time.

The rules:
- All parts convert together; one that gives nothing has its reason in its row, and is asked again.
- Nothing is powered unless the caller says so, and what was powered is off again at the end,
  however that comes.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from sensorbench.core.catalog import devices
from sensorbench.core.channel import Channel
from sensorbench.core.device import Sensor
from sensorbench.core.device import Taken as KeepsErrors
from sensorbench.core.errors import BenchError, InputError, ProtocolError, Saturated
from sensorbench.core.provenance import Provenance, weakest
from sensorbench.core.quantity import components, quantities
from sensorbench.instruments.members import Setpoint, Switch
from sensorbench.parts.model import Part
from sensorbench.run.retry import once_more, read_once_more
from sensorbench.safety.signals import unstoppable
from sensorbench.station.binding import Binding, ends_of
from sensorbench.station.model import Socket
from sensorbench.station.refs import find
from sensorbench.station.station import Station

STARTS_S = 0.5  # longer than any part of the catalogue takes from its supply to its first word
_USUAL_V = 3.3


@dataclass(slots=True)
class Seat:
    """A part in its socket: by its part.toml, or only by its model."""

    socket: Socket
    driver: str
    part: Part | None = None
    serial: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Taken:
    """One reading of one part, `time_s` after the first was due; or the `problem` it had.

    `values` are in the order of its channels, in their canonical units; with a problem none, or
    NaN for the channels that have it.
    """

    seat: Seat
    time_s: float
    serial: str
    values: tuple[float, ...] = ()
    problem: str = ""


@dataclass(slots=True)
class _Asked:
    seat: Seat
    sensor: Sensor
    serial: str
    is_ready: bool = False
    ready_s: float = 0.0


def reads_meters(seat: Seat) -> bool:
    """Return whether a part is read through its socket's meters, not over its link."""
    return "meters" in devices()[seat.driver].links


def channels_of(station: Station, seat: Seat) -> tuple[Channel, ...]:
    """Return what a part's reading holds, in order."""
    return type(station.sensor(seat.socket.id, seat.driver)).CHANNELS


def take_readings(
    station: Station, seats: Sequence[Seat], count: int, every_s: float
) -> Iterator[Taken]:
    """Yield `count` readings of each part, one time after the other, `every_s` apart."""
    clock = station.clock
    asked = [_Asked(s, station.sensor(s.socket.id, s.driver), s.serial) for s in seats]
    start_s = clock.now()
    for turn in range(count):
        clock.sleep(max(0.0, start_s + turn * every_s - clock.now()))
        problems: dict[int, str] = {}
        for index, one in enumerate(asked):
            try:
                _start(station, one)
            except BenchError as error:
                one.is_ready, problems[index] = False, str(error)
        for index, one in enumerate(asked):
            values: tuple[float, ...] = ()
            if index not in problems:
                try:
                    clock.sleep(max(0.0, one.ready_s - clock.now()))
                    values = tuple(map(float, read_once_more(one.sensor, clock, _quiet).values[0]))
                except Saturated as error:
                    values, problems[index] = error.rest, str(error)
                except BenchError as error:
                    one.is_ready, problems[index] = False, str(error)
            time_s = clock.now() - start_s
            yield Taken(one.seat, time_s, one.serial, values, problems.get(index, ""))


def _start(station: Station, one: _Asked) -> None:
    def begin() -> float:
        if not one.is_ready:
            one.serial = one.sensor.identify().serial or one.seat.serial
            one.sensor.prepare(**one.seat.settings)
            one.is_ready = True
        return one.sensor.start()

    converts_s = once_more(begin, station.clock, _quiet)
    one.ready_s = station.clock.now() + converts_s


def _quiet(_: BenchError) -> None:
    """Let a retry pass: what is read now is looked at, not kept as evidence."""


def provenance_of(station: Station, seats: Sequence[Seat]) -> Provenance:
    """Return the weakest provenance of the links that the readings come over."""
    opened = {instrument.name: instrument for instrument in station.instruments}
    found = []
    for seat in seats:
        socket = station.socket(seat.socket.id)
        if reads_meters(seat) or socket.link is None:
            names = [text.partition(".")[0] for text, _ in socket.meters.values()]
            found += [opened[name].provenance for name in names]
        else:
            found.append(station.provenance_at(socket))
    return weakest(found)


# -- power -----------------------------------------------------------------------------------------


@contextmanager
def powered(station: Station, seats: Sequence[Seat]) -> Iterator[None]:
    """Feed the parts with their nominal supply within the block, and nothing after it.

    Raises InputError where it is not known how, with nothing switched on.
    """
    todo = [
        (row, *_nominal(row, seats)) for row in _feeding(station, {s.socket.zone for s in seats})
    ]
    for row, value, limit in todo:
        _setpoint(station, row).foresee(value, limit)
    on: list[Binding] = []
    try:
        for row, value, limit in todo:
            _clear(station, row)
            on.append(row)
            if row.select is not None:
                _selecting(station, row).close()
            _setpoint(station, row).go(value, None, limit)
        station.clock.sleep(STARTS_S)
        for row, value, _ in todo:
            _check(station, row, value)
        yield
    except BaseException as error:
        for problem in _off(station, on):
            error.add_note(problem)
        raise
    problems = _off(station, on)
    if problems:
        failed = BenchError("the readings are done, but what was powered is not off")
        for problem in problems:
            failed.add_note(problem)
        raise failed


def _feeding(station: Station, zones: set[str]) -> list[Binding]:
    rows = [
        row
        for row in station.bindings.rows.values()
        if row.zone in zones and row.where.quantity.feeds
    ]
    if not any(row.is_set or row.fixed is not None for row in rows):
        wanted = " or ".join(f"bench.{name}" for name, row in quantities().items() if row.feeds)
        raise InputError.one(
            "station.toml", wanted,
            "no bench table sets what feeds these sockets: write set = and the instrument's "
            "setpoint there, or power them by hand and leave --power out",
        )  # fmt: skip
    return sorted((row for row in rows if row.is_set), key=lambda row: row.rank)


def _usual(driver: str) -> str:
    """Return a nominal value as it is written in a part.toml, within what a model is made for.

    >>> _usual("bmp390"), _usual("sps30")
    ('nominal = "3.3 V"', 'nominal = "5 V"')
    """
    device = devices().get(driver)
    low_v, high_v = device.load_sensor().SUPPLY_V if device else (0.0, math.inf)
    value_v = _USUAL_V if low_v <= _USUAL_V <= high_v else (low_v + high_v) / 2
    return f'nominal = "{value_v:.3g} V"'


def _nominal(row: Binding, seats: Sequence[Seat]) -> tuple[float, float | None]:
    """Return the value and its limit that every part of a zone is fed with by design."""
    where, unit = str(row.where), row.where.quantity.unit
    found: dict[tuple[float, float | None], str] = {}
    for seat in seats:
        if seat.socket.zone != row.zone:
            continue
        span = seat.part.range_of(where) if seat.part else None
        value = span.word("nominal") if span else None
        name = seat.part.part.name if seat.part else seat.driver
        if span is None or value is None:
            there = "there" if seat.part else f"in [range.{where}] of parts/{name}.toml"
            raise InputError.one(
                seat.part.label if seat.part else f"part {name}", f"range.{where}",
                f"has no nominal value, so nothing is powered; write {_usual(seat.driver)} and "
                f'limit = "100 mA" {there}',
            )  # fmt: skip
        found[components(value)[0], span.limit] = name
    if len(found) != 1:
        shown = ", ".join(f"{name} at {value:g} {unit}" for (value, _), name in found.items())
        raise InputError.one(
            "read", "--power", f"one {where} feeds parts that differ: {shown}. Read them apart"
        )
    ((value, limit),) = found
    low, high = ends_of(row)
    if not low <= value <= high:
        raise InputError.one(
            "station.toml", f"bench.{where}",
            f"allows {low:g} to {high:g} {unit}, the part's nominal is {value:g} {unit}; "
            "nothing was powered",
        )  # fmt: skip
    return value, limit


def _clear(station: Station, row: Binding) -> None:
    """Take what an earlier program left in a supply, which would pass for a refusal of ours."""
    for instrument in station.instruments:
        is_it = row.acts is not None and instrument.name == row.acts.instrument
        if is_it and isinstance(instrument.driver, KeepsErrors):
            instrument.driver.take()


def _check(station: Station, row: Binding, value: float) -> None:
    shown, held = components(_setpoint(station, row).read())[0], row.where.quantity.soak.held
    if abs(shown - value) > held:
        unit = row.where.quantity.unit
        raise ProtocolError(
            f"{row.acts} shows {shown:.4g} {unit} instead of {value:g} {unit}: is its limit "
            "reached, a part wrong way round, the output shorted?"
        )


def _setpoint(station: Station, row: Binding) -> Setpoint:
    return station.setpoint(row.zone, str(row.where))


def _selecting(station: Station, row: Binding) -> Switch:
    return station.switch_named(str(find(station.file, str(row.select), None)))


def _off(station: Station, on: Sequence[Binding]) -> list[str]:
    """Release what was switched on, the last first; return what could not be, in words."""
    problems = []
    with unstoppable():
        for row in reversed(on):
            try:
                once_more(_setpoint(station, row).release, station.clock, _quiet)
                if row.select is not None:
                    _selecting(station, row).open()
            except Exception as error:
                text = str(error) or type(error).__name__
                problems.append(f"NOT SAFE: {row.acts}: {text}. Make it safe by hand.")
    return problems
