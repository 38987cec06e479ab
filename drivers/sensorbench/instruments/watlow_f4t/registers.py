"""Registers of the F4T as its driver reads and writes them, map 1; codes by their meaning.

Sources: ChamberConnectLibrary, watlowf4t.py (loops, profile, alarms, units); F4T user's guide,
chapter 6, pp. 224 to 231 (serial number, part number, status); TestEquity F4T manual, p. 46 (ramp,
events). Addresses are those of the tables, counted from 0. Recalled: the codes of an alarm's state.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from sensorbench.protocols.modbus import Register

SOFTWARE, SERIAL, STATUS = Register(4, "uint32"), Register(12, "uint32"), Register(90)
PART_NUMBER, PART_NUMBER_LENGTH = 16, 15
UNITS_SERIAL, UNITS_TCP = Register(14080), Register(6730)
UNITS: Final[Mapping[int, str]] = {15: "degC", 30: "degF"}
STATUS_OK = 138

PER_LOOP = 160
MODE, ACTIVE_MODE = Register(2730), Register(2814)
AUTO, MANUAL, OFF = 10, 54, 62
LOWEST, HIGHEST = Register(2774, "float32"), Register(2776, "float32")
SET_POINT = Register(2782, "float32")
RAMP_ACTION, RAMP_SCALE, RAMP_RATE = Register(2794), Register(2796), Register(2798, "float32")
ON_SET_POINT, MINUTES = 85, 57
MEASURED = Register(2820, "float32")

PROFILE_STATE, PROFILE_STOP = Register(16568), Register(16566)
RUNNING, PAUSED, TERMINATE = 149, 146, 148
EVENTS = tuple(map(Register, (16594, 16596, 16598, 16600, 16822, 16824, 16826, 16828)))
ON = 63

ALARM_STATE, PER_ALARM = Register(1356), 100
NO_ALARM = (88, 61, 12)  # startup, none, blocked
ALARMS: Final[Mapping[int, str]] = {7: "high", 8: "low", 28: "sensor error"}
ALARMS_BY_OPTION: Final[Mapping[str, int]] = {"A": 6, "B": 8, "C": 14, "D": 6, "E": 8, "F": 14}
"""How many alarms it has, by the seventh character of its part number."""


def of_loop(register: Register, loop: int) -> Register:
    """Return a register of loop 1 as loop `loop` has it."""
    return register.at(register.address + PER_LOOP * (loop - 1))
