"""Registers of a UMC1200 as its driver reads and writes them, counted from 0, 16 bits each.

Sources: DeviceLink, UMC1200Registers.cs; those of values, set points and fixed mode in
TH_DONGGUAN_HUANCE_UMC1200.cpp, too (0, 1, 43, 44, 47, in tenths).
"""

from __future__ import annotations

from typing import Final

from sensorbench.protocols.modbus import Register

MEASURED: Final = Register(0, "int16", 0.1, least=-150.0, most=300.0)
WET_MEASURED: Final = Register(1, "int16", 0.1, least=-5.0, most=110.0)
CLOCK: Final = tuple(map(Register, range(31, 37)))
"""Year, month, day, hour, minute, second."""
SET_POINT: Final = Register(43, "int16", 0.1)
WET_SET_POINT: Final = Register(44, "int16", 0.1)
TIMER_MIN: Final = Register(45)
FIXED: Final = Register(47)
STOP, START, HOLD, RUNS = 0, 1, 2, 3
"""Of fixed mode; what is read while it runs is not what starts it."""
PROGRAM: Final = Register(48)
PROGRAM_CODES: Final = range(5)
