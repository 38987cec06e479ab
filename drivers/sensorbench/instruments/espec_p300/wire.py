"""The P300's lines as text: what is sent, what its replies say. No link, no clock.

Source: EspecNorthAmerica/ChamberConnectLibrary, chamberconnectlibrary/p300.py.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from sensorbench.core.errors import ProtocolError

_PROGRAM = re.compile(
    r"TEMP(-?[0-9.]+) GOTEMP(-?[0-9.]+)(?: HUMI(\d+) GOHUMI(\d+))? TIME(\d+):(\d+)(?: .*)?"
)
_MONITOR = re.compile(r"\d+,(-?[0-9.]+),(?:(\d+|OFF),)?(\d+):(\d+),\d+")


@dataclass(frozen=True, slots=True)
class Loop:
    """One control loop: measured, setpoint (None while it is off), alarm limits."""

    measured: float
    setpoint: float | None
    high: float
    low: float


def checked_address(address: int) -> int:
    """Return an RS-485 address, 1 to 16 (recalled). Raises ValueError for another."""
    if isinstance(address, bool) or not isinstance(address, int) or not 1 <= address <= 16:
        raise ValueError(f"address {address!r}: an RS-485 address of a P300 is 1 to 16")
    return address


def read_loop(command: str, reply: str) -> Loop:
    """Return what TEMP? or HUMI? answered; the high limit comes before the low one.

    Raises ProtocolError for another form and for a measured value that is no number.

    >>> read_loop("HUMI?", "51,OFF,100,0")
    Loop(measured=51.0, setpoint=None, high=100.0, low=0.0)
    """
    fields = reply.split(",")
    try:
        measured, setpoint, high, low = fields
        loop = Loop(
            float(measured),
            None if setpoint.strip() == "OFF" else float(setpoint),
            float(high),
            float(low),
        )
    except ValueError:
        raise _unexpected(command, reply, "measured,setpoint,high,low") from None
    if not all(map(math.isfinite, (loop.measured, loop.high, loop.low, loop.setpoint or 0.0))):
        raise ProtocolError(
            f"{command!r} answered {reply!r}: that is no number. Is the chamber's sensor open?"
        )
    return loop


def read_constant(command: str, reply: str) -> float | None:
    """Return the setpoint of constant mode, in the loop's own unit; None where control is off.

    Raises ProtocolError for another form.

    >>> read_constant("CONSTANT SET?,TEMP", "23.0,ON")
    23.0
    """
    setpoint, _, state = reply.partition(",")
    try:
        value = float(setpoint)
    except ValueError:
        value = math.nan
    if state.strip() not in {"ON", "OFF"} or not math.isfinite(value):
        raise _unexpected(command, reply, "setpoint,ON or OFF")
    return value if state.strip() == "ON" else None


def read_alarm_numbers(reply: str) -> tuple[int, ...]:
    """Return the alarms of an ALARM? reply: their count, then their numbers.

    Raises ProtocolError where they don't add up.

    >>> read_alarm_numbers("2,4,7")
    (4, 7)
    """
    try:
        count, *alarms = (int(field) for field in reply.split(","))
    except ValueError:
        raise _unexpected("ALARM?", reply, "a count and alarm numbers") from None
    if count != len(alarms):
        raise _unexpected("ALARM?", reply, f"{count} alarm numbers")
    return tuple(alarms)


def tenths(temperature_c: float) -> int:
    """Return a temperature as the wire has it, in tenths of degC."""
    return round(temperature_c * 10)


def ramp_minutes(start: int, end: int, ramp_k_per_s: float) -> int:
    """Return the whole minutes from `start` to `end`, tenths of degC; 0 if they are equal.

    Rounded up, so that the ramp is never faster than asked.
    """
    # 1e-9 forgives the division's own rounding.
    return math.ceil(abs(end - start) / 10 / (ramp_k_per_s * 60) - 1e-9)


def program(start: int, end: int, minutes: int, humidity: float | None) -> str:
    """Return the remote program from `start` to `end`, tenths of degC, at one humidity.

    Without HUMI the program runs with humidity control off.

    >>> program(234, 1250, 102, 50.0)
    'RUN PRGM, TEMP23.4 TIME1:42 GOTEMP125.0 HUMI50 GOHUMI50'
    """
    hours, rest = divmod(minutes, 60)
    text = f"RUN PRGM, TEMP{start / 10:.1f} TIME{hours}:{rest:02d} GOTEMP{end / 10:.1f}"
    return text if humidity is None else f"{text} HUMI{humidity:.0f} GOHUMI{humidity:.0f}"


@dataclass(frozen=True, slots=True)
class Running:
    """The rest of a remote program: where its setpoint is now and ends, tenths; minutes left."""

    now: int
    end: int
    minutes: int


def read_running(program_reply: str, monitor_reply: str) -> Running:
    """Return what RUN PRGM? and RUN PRGM MON? answered. Raises ProtocolError for another form.

    >>> read_running("TEMP23.0 GOTEMP85.0 TIME1:30 REF9", "1,54.0,0:45,0")
    Running(now=540, end=850, minutes=45)
    """
    whole = _PROGRAM.fullmatch(program_reply)
    if not whole:
        raise _unexpected("RUN PRGM?", program_reply, "TEMP.. GOTEMP.. TIME..")
    rest = _MONITOR.fullmatch(monitor_reply)
    if not rest:
        raise _unexpected("RUN PRGM MON?", monitor_reply, "step,temperature,[humidity,]h:mm,count")
    minutes = 60 * int(rest[3]) + int(rest[4])
    return Running(tenths(float(rest[1])), tenths(float(whole[2])), minutes)


def _unexpected(command: str, reply: str, expected: str) -> ProtocolError:
    return ProtocolError(f"{command!r} answered {reply!r}, expected {expected}")
