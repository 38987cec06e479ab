"""What a driver says to its instrument: noted while all that it can do is done with its twin."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from typing import Any

from sensorbench.core.errors import BenchError
from sensorbench.instruments.members import (
    Meter,
    Setpoint,
    Switch,
    members_of,
    setpoint,
    setpoints_of,
)
from sensorbench.testing.instrument_use import inside, shaped
from sensorbench.testing.world import Case, InstrumentBench

_CHANNELS = re.compile(r"\(@[^)]*\)")
_NUMBER = re.compile(r"(?<![\w.])[-+]?\d+(?:\.\d+)?(?:E[-+]?\d+)?(?![\w.])", re.IGNORECASE)
_AMOUNT = re.compile(r"(?<![\w.])\d+\.\d+(?=[A-Za-z])")
_VALUE, _SUFFIX = (
    re.compile(r"(?<=[A-Za-z])[-+]?\d+\.\d+"),
    re.compile(r"(?<=[A-Za-z])\d+(?![\d.])"),
)
_PERIOD_S = 60.0
_MODBUS = {
    1: "reads bit", 2: "reads bit", 3: "reads register", 4: "reads register", 5: "writes bit",
    6: "writes register", 15: "writes bit", 16: "writes register",
}  # fmt: skip
_MANY = (1, 2, 3, 4, 15, 16)


def said_by(case: Case) -> list[str]:
    """Return each message of a driver once, with `<number>` and `<n>` for numbers in it.

    Frames of Modbus are told in words, other frames in hexadecimal. Empty where there is no line.
    """
    bench = InstrumentBench(case)
    if bench.line is None:
        return []
    for act in _acts(bench):
        with suppress(BenchError):  # it has said what it says
            act()
    frames = not case.load_driver().LINE.write_terminator
    told = (_frame(text) if frames else _line(text) for text in bench.line.sent)
    return list(dict.fromkeys(told))


def _acts(bench: InstrumentBench) -> Iterator[Callable[[], object]]:
    driver = bench.driver
    for method in ("identify", "take", "read_alarms"):
        if hasattr(driver, method):
            yield getattr(driver, method)
    declared = setpoints_of(type(driver))
    for name in members_of(type(driver)):
        member = bench.member(name)
        if name in declared:
            yield from _acts_of(bench, name, declared[name])
        if isinstance(member, Meter):
            yield member.read
        if isinstance(member, Switch):
            yield from (member.close, member.open)
    for method in ("shut_in", "make_safe"):
        if hasattr(driver, method):
            yield getattr(driver, method)


def _acts_of(
    bench: InstrumentBench, name: str, declared: setpoint[Any]
) -> Iterator[Callable[[], object]]:
    member = bench.member(name)
    assert isinstance(member, Setpoint)  # noqa: S101 - declared as one
    yield partial(member.protect, inside(declared, 0.1), inside(declared, 0.9))
    limit = declared.limit_rated[0] if declared.limit_rated else None
    target = shaped(declared, inside(declared, 0.6))
    yield partial(member.go, target, None, limit)
    if declared.fastest is not None:
        yield partial(member.go, target, declared.fastest, limit)
    yield member.told
    if declared.can_wave:
        ends = inside(declared, 0.4), inside(declared, 0.6)
        yield partial(member.wave, *ends, _PERIOD_S, "sine")
    yield member.release


def _line(text: str) -> str:
    """Return a message without its numbers; one with control characters keeps its own.

    >>> _line("VOLT 1.5,(@2,3)"), _line("*IDN?"), _line("TEMP,S85.0"), _line("V1O?")
    ('VOLT <number>,(@<n>)', '*IDN?', 'TEMP,S<number>', 'V<n>O?')
    """
    if not (text.isprintable() and text.isascii()):
        return "".join(c if c.isprintable() and c.isascii() else f"\\x{ord(c):02x}" for c in text)
    shown = _NUMBER.sub("<number>", _AMOUNT.sub("<number>", _CHANNELS.sub("(@<n>)", text)))
    return _SUFFIX.sub("<n>", _VALUE.sub("<number>", shown))


def _frame(text: str) -> str:
    """Return a frame in words where it is one of Modbus RTU, else in hexadecimal.

    >>> _frame("0103100000028b0c"), _frame("0106004700ffee"), _frame("8181520000005300")
    ('reads registers 4096 to 4097', 'writes register 71', '8181520000005300')
    """
    frame = bytes.fromhex(text)
    does = _MODBUS.get(frame[1])
    if does is None:
        return text
    first = int.from_bytes(frame[2:4], "big")
    count = int.from_bytes(frame[4:6], "big") if frame[1] in _MANY else 1
    return f"{does}s {first} to {first + count - 1}" if count > 1 else f"{does} {first}"
