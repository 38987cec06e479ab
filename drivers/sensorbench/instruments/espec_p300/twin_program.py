"""The simulated P300's remote programs: one step, from one temperature and humidity to another.

Source: EspecNorthAmerica/ChamberConnectLibrary, chamberconnectlibrary/p300.py, write_run_prgm and
read_run_prgm.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_NUMBER = r"(-?\d+(?:\.\d)?)"
_RUN = re.compile(
    rf"RUN PRGM, ?TEMP{_NUMBER} TIME(\d{{1,3}}):(\d\d?)(?: GOTEMP{_NUMBER})?"
    r"(?: HUMI(\d+))?(?: GOHUMI(\d+))?(?: RELAYON,([\d,]+))?(?: RELAYOFF,([\d,]+))?"
)


class Refused(Exception):
    """The controller answers NA: with this reason."""


@dataclass(frozen=True, slots=True)
class Program:
    """A single-step remote program, started at `since` on the clock.

    `relays` are the numbers of the time signals that it switches on, and off.
    """

    start_c: float
    end_c: float
    duration_s: float
    since: float
    start_rh: float | None
    end_rh: float | None
    relays: tuple[str, str] = ("", "")

    def setpoint_c(self, now: float) -> float:
        """Return the momentary temperature setpoint."""
        return self.start_c + self._share(now) * (self.end_c - self.start_c)

    def setpoint_rh(self, now: float) -> float | None:
        """Return the momentary humidity setpoint, None while humidity is off."""
        if self.start_rh is None or self.end_rh is None:
            return None
        return self.start_rh + self._share(now) * (self.end_rh - self.start_rh)

    def _share(self, now: float) -> float:
        return min(1.0, (now - self.since) / self.duration_s)

    def left_s(self, now: float) -> float:
        """Return the seconds to its end."""
        return max(0.0, self.since + self.duration_s - now)

    def shown(self) -> str:
        """Return what RUN PRGM? answers."""
        hours, minutes = divmod(round(self.duration_s / 60), 60)
        ends = f"TEMP{self.start_c:z.1f} GOTEMP{self.end_c:z.1f}"
        if self.start_rh is not None:
            ends += f" HUMI{self.start_rh:.0f} GOHUMI{self.end_rh:.0f}"
        return f"{ends} TIME{hours}:{minutes:02d} REF9"


def read_program(command: str, now: float) -> Program:
    """Return the program that a RUN PRGM command writes. Raises Refused where it makes no sense."""
    match = _RUN.fullmatch(command)
    if not match:
        raise Refused("PARA ERR")
    start, hours, minutes, end, start_rh, end_rh, on, off = match.groups()
    duration_s = 3600.0 * int(hours) + 60.0 * int(minutes)
    if not duration_s or int(minutes) > 59:
        raise Refused("DATA OUT OF RANGE")
    first_rh, last_rh = start_rh or end_rh, end_rh or start_rh
    return Program(
        float(start),
        float(end or start),
        duration_s,
        now,
        float(first_rh) if first_rh else None,
        float(last_rh) if last_rh else None,
        (on or "", off or ""),
    )
