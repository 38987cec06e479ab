"""Simulated Keysight DAQ970A: a 34970A on LAN, with its own name, modules and memory.

Source: public clients of the DAQ970A, whose commands are those of the 34970A; *IDN?, SYSTem:CTYPe?
and the memory of 100 000 readings recalled. Not modelled: what the 34970A's twin does not, and what
the DAQ970A has beside (ACQuire, external and level triggers).
"""

from __future__ import annotations

from typing import ClassVar

from sensorbench.instruments.keysight_34970a.twin import SimKeysight34970a


class SimKeysightDaq970a(SimKeysight34970a):
    """A DAQ970A with three DAQM901A in a simulated world: all that the 34970A's twin says."""

    IDENTITY = "Keysight Technologies,DAQ970A,{serial},A.02.02-01.00-02.01-00.02-01-01"
    SIBLING = ("DAQ970A", "DAQ973A")
    ERROR_CAPACITY = 20
    reply_terminator = b"\n"
    MEMORY: ClassVar[int] = 100_000
    FITTED = ("Keysight Technologies,DAQM901A,MY00000001,01.00",) * 3
