"""What every meter and switch owes the bench: true readings, or an error."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from typing import Any

from sensorbench.core.device import ManyMeters
from sensorbench.core.errors import BenchError
from sensorbench.core.quantity import components, distance
from sensorbench.instruments.members import (
    Switch,
    limit_of_error,
    members_of,
    meter,
    meters_of,
    setpoint,
    switch,
)
from sensorbench.testing.conformity import (
    Nonconformity,
    changes,
    refusal,
    require,
    state_of,
)
from sensorbench.testing.instrument_use import OF_READING, go, inside, reading_of, use
from sensorbench.testing.line_checks import spoiled
from sensorbench.testing.lines import Spoil
from sensorbench.testing.world import Case, InstrumentBench

_NUMBER = re.compile(r"[+-]?\d+\.?\d*(?:[eE][+-]?\d+)?")
_GARBAGE = ("NaN", "inf", "-----", "+9.91000000E+37", "+9.90000000E+37", "-9.9E37", "")
TIMES_ACCURACY = 4.0


def check_meters(case: Case) -> None:
    """A meter reads what it is connected to, within its accuracy; it moves with it in any case."""
    driver = case.load_driver()
    for name, declared in meters_of(driver).items():
        if isinstance(declared, setpoint):
            continue
        readings: list[float] = []
        for value in _readable(declared):
            bench = InstrumentBench(case)
            if declared.quantity.dimension.canonical == "A":
                use(bench)  # a current flows only from what is on
            _connect(bench, name, value)
            read = components(reading_of(bench, name))[0]
            readings.append(read)
            accuracy = limit_of_error(declared, value)
            if accuracy is not None:
                most = TIMES_ACCURACY * accuracy + OF_READING * abs(value)
                require(
                    abs(read - value) <= most,
                    f"{name} reads {read:g} {declared.quantity.unit} of {value:g}",
                )
        require(readings == sorted(readings), f"{name} reads {readings} of rising values")
        require(readings[0] < readings[-1], f"{name} does not move with what it measures")


def check_many_meters(case: Case) -> None:
    """What is read in one exchange is what is read one by one."""
    bench = InstrumentBench(case)
    if not isinstance(bench.driver, ManyMeters):
        return
    names = list(meters_of(case.load_driver()))
    found = bench.driver.read_many(names)
    require(set(found) == set(names), f"read_many() gave {sorted(found)} of {sorted(names)}")
    for name in names:
        alone, unit = reading_of(bench, name), meters_of(case.load_driver())[name].quantity
        among = found[name]
        require(
            not isinstance(among, BenchError)
            and distance(among, alone) <= max(unit.soak.within, 1e-9),
            f"{name}: {among} among others, {alone} alone",
        )


def check_garbled_readings(case: Case) -> None:
    """A reading that is no number, or an overload code, is an error, never a value."""
    driver = case.load_driver()
    line = getattr(driver, "LINE", None)
    if line is not None and not line.write_terminator:
        _check_spoiled_frames(case)
        return
    for name, declared in meters_of(driver).items():
        for garbage in _GARBAGE:
            bench = InstrumentBench(case)
            if bench.line is None:
                return
            if isinstance(declared, setpoint) and not declared.vector:
                go(bench, name, declared, inside(declared, 0.5))
            bench.line.spoil = _spoiling(garbage)
            with refusal(BenchError, f"{name} gave a value where the instrument said {garbage!r}"):
                reading_of(bench, name)


def _check_spoiled_frames(case: Case) -> None:
    """Spoil each reply of a reading in turn, cut and damaged: none becomes a value."""
    for name, declared in meters_of(case.load_driver()).items():
        bench = InstrumentBench(case)
        if isinstance(declared, setpoint) and not declared.vector:
            go(bench, name, declared, inside(declared, 0.5))
        bench.tap.replies.clear()
        reading_of(bench, name)
        for number, reply in enumerate(tuple(bench.tap.replies)):
            for what, spoil in spoiled(reply, reply):
                bench.tap.spoil = _only(number, spoil)
                with refusal(BenchError, f"{name} gave a value of reply {number + 1} {what}"):
                    reading_of(bench, name)


def _only(number: int, spoil: Spoil) -> Spoil:
    """Return what spoils one reply of several, by its number."""
    count = 0

    def one(sent: bytes, reply: bytes | None) -> bytes | None:
        nonlocal count
        count += 1
        return spoil(sent, reply) if count == number + 1 else reply

    return one


def check_switches(case: Case) -> None:
    """A contact closes and opens, however often, and each is its own."""
    for name, declared in members_of(case.load_driver()).items():
        if not isinstance(declared, switch):
            continue
        bench = InstrumentBench(case)
        contact, resting = bench.member(name), state_of(bench.twin)
        if not isinstance(contact, Switch):
            raise Nonconformity(f"{name} is no switch on an open driver")
        contact.open()
        require(not changes(resting, state_of(bench.twin)), f"{name} was not open at rest")
        contact.close()
        contact.close()
        closed = changes(resting, state_of(bench.twin))
        require(closed, f"{name} closed, and nothing changed")
        contact.open()
        opened = changes(resting, state_of(bench.twin))
        require(not opened, f"{name} opened, and {'; '.join(opened)}")


def _spoiling(garbage: str) -> Callable[[str], str]:
    """Return what puts `garbage` in the place of a reply's first number."""
    return lambda reply: _NUMBER.sub(garbage, reply, count=1)


def _readable(declared: meter[Any]) -> Sequence[float]:
    """Return rising values inside what a meter can read, mostly near the middle."""
    low, high = (end if math.isfinite(end) else math.copysign(10.0, end) for end in declared.rated)
    middle, half = (low + high) / 2, (high - low) / 2
    return [middle + share * half for share in (-0.6, -0.01, 0.01, 0.6)]


def _connect(bench: InstrumentBench, name: str, value: float) -> None:
    sense = getattr(bench.twin, "sense", None)
    require(sense is not None, f"the twin has no sense() to connect {name}")
    if sense is not None:
        sense(name, lambda: value)
