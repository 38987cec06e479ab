"""Register maps of the series that are known; they differ where it is dangerous.

D102 is run and stop of a TEMP2500, and the set point of a TEMI2500: a set point that is written by
the wrong map is a run command, and a run command a set point of 0.1 degC. The older 800 series has
another map still and is refused, as all that is not here.
Sources: TEMP2500 communication manual; TEMI2000 series manual, 2014 (D101 to D107; D1 to D26), and
a client of 2010 that writes D102, D103, D104 and D101 alike. Recalled: code 0 of D1203 for degC,
the bits of D22. Uncertain: that a TEMI that is stopped has the status 4, as one client says.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

RUN, STOP = 1, 4
FIXED = 1
FIXED_RUNS = 2  # bit 1 of the status


@dataclass(frozen=True, slots=True)
class Map:
    """Where a series keeps what, by D number.

    `stopped` is the status of one that stands still, `alarms` registers that are 0 without one.
    """

    model: re.Pattern[str]
    set_point: int
    run: int
    mode: int
    slope: int
    stopped: int
    alarms: dict[int, str]
    measured: int = 1
    status: int = 10
    decimals: int | None = None
    unit: int | None = None
    ends: tuple[int, int] | None = None
    wet_measured: int | None = None
    wet_set_point: int | None = None
    wet_slope: int | None = None


TEMP: Final = Map(
    re.compile(r"TEMP-?2\d{3}"), set_point=104, run=102, mode=106, slope=110, stopped=1,
    alarms={16: "alarm", 22: "input error", 31: "system error"}, decimals=1204, unit=1203,
    ends=(1207, 1208),
)  # fmt: skip
TEMI: Final = Map(
    re.compile(r"TEMI-?2\d{3}"), set_point=102, run=101, mode=104, slope=106, stopped=4,
    alarms={13: "alarm", 20: "input error"}, wet_measured=5, wet_set_point=103, wet_slope=107,
)  # fmt: skip
MAPS: Final = (TEMP, TEMI)
