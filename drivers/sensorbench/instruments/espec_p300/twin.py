"""Simulated Espec P300: a temperature-only chamber that heats and cools the world's air.

Source: EspecNorthAmerica/ChamberConnectLibrary, chamberconnectlibrary/p300.py (what is sent, how
replies are read). That library names no alarm numbers: those of the limits are this twin's own.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from sensorbench.world.world import World

_NUMBER = r"(-?\d+(?:\.\d)?)"
_TEMP = re.compile(rf"TEMP, ?(?:S{_NUMBER})? ?(?:H{_NUMBER})? ?(?:L{_NUMBER})?")
_RUN = re.compile(rf"RUN PRGM, ?TEMP{_NUMBER} TIME(\d{{1,3}}):(\d\d?)(?: GOTEMP{_NUMBER})?")
_DAYS = ("MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN")


class _Refused(Exception):
    """The controller answers NA: with this reason."""


@dataclass(frozen=True, slots=True)
class _Program:
    """A single-step remote program, started at `since` on the clock."""

    start_c: float
    end_c: float
    duration_s: float
    since: float

    def setpoint_c(self, now: float) -> float:
        share = min(1.0, (now - self.since) / self.duration_s)
        return self.start_c + share * (self.end_c - self.start_c)

    def left_s(self, now: float) -> float:
        return max(0.0, self.since + self.duration_s - now)


class SimEspecP300:
    """A P300 without humidity, in a simulated world.

    The controller drives its own sensor to the setpoint, so the sensor's error (sigma 0.1 K, the
    unit's own) is in the air. A ramp starts from where the air is. Alarms latch and stop the plant;
    `alarm` raises one, `acknowledge` is the operator at the panel.
    """

    HIGH_ALARM, LOW_ALARM = 1, 2
    LOWEST_C: ClassVar[float] = -75.0
    HIGHEST_C: ClassVar[float] = 180.0
    SENSOR_SIGMA_K: ClassVar[float] = 0.1
    NOISE_K: ClassVar[float] = 0.02

    terminators: tuple[bytes, ...] = (b"\r\n",)
    reply_terminator: bytes = b"\r\n"

    def __init__(self, world: World, serial: str) -> None:
        self.serial = serial
        self._world, self._clock = world, world.clock
        self._sensor_error_k = self.SENSOR_SIGMA_K * world.stream(serial, "sensor").normal()
        self._noise = world.stream(serial, "noise")
        self._mode = "STANDBY"
        self._setpoint_c = 23.0
        self._high_c, self._low_c = self.HIGHEST_C, self.LOWEST_C
        self._program: _Program | None = None
        self._alarms: list[int] = []
        self._queries: dict[str, Callable[[], str]] = {
            "TEMP?": self._temp,
            "MON?": lambda: self._mon(self._mode),
            "MON?,DETAIL": lambda: self._mon(self._detail()),
            "MODE?": lambda: self._mode,
            "MODE?,DETAIL": self._detail,
            "ALARM?": lambda: ",".join(str(n) for n in (len(self._alarms), *self._alarms)),
            "TYPE?": lambda: "T,P300,200.0",
            "DATE?": self._date,
            "TIME?": lambda: self._clock.utc().strftime("%H:%M:%S"),
            "CONSTANT SET?,TEMP": lambda: f"{self._setpoint_c:z.1f},ON",
            "HUMI?": _no_humidity,
            "CONSTANT SET?,HUMI": _no_humidity,
            "CONSTANT SET?,PTC": _no_humidity,
            "RUN PRGM?": self._run_program,
            "RUN PRGM MON?": self._run_program_monitor,
            "%?": lambda: f"1,{self._heater_percent():.1f}",
        }
        self._modes: dict[str, Callable[[], None]] = {
            "MODE,OFF": lambda: self._stop("OFF"),
            "POWER,OFF": lambda: self._stop("OFF"),
            "MODE,STANDBY": lambda: self._stop("STANDBY"),
            "MODE,CONSTANT": self._start_constant,
            "POWER,ON": self._start_constant,
        }

    def alarm(self, number: int) -> None:
        """Raise an alarm: it latches and stops the plant."""
        if number not in self._alarms:
            self._alarms.append(number)
        self._stop("OFF" if self._mode == "OFF" else "STANDBY")

    def acknowledge(self) -> None:
        """Clear all alarms, as the operator does at the panel."""
        self._alarms.clear()

    def handle(self, line: bytes) -> bytes | None:
        """Answer one line; settings are answered too."""
        self._watch()
        command = line.decode("ascii", "replace").strip()
        if not command:
            return None
        try:
            reply = self._answer(command)
        except _Refused as refused:
            reply = f"NA:{refused}"
        return reply.encode("ascii", "replace")

    def _answer(self, command: str) -> str:
        query = self._queries.get(command)
        if query:
            return query()
        mode = self._modes.get(command)
        if mode:
            mode()
        elif command.startswith("TEMP,"):
            self._set_temp(command)
        elif command.startswith("RUN PRGM,"):
            self._start_program(command)
        elif re.fullmatch(r"MODE,RUN\d+", command):
            raise _Refused("DATA NOT READY")  # no program is stored
        else:
            raise _Refused("CMD ERR")
        return f"OK:{command}"

    def _watch(self) -> None:
        measured_c = round(self._world.chamber.air_c() + self._sensor_error_k, 1)
        if measured_c > self._high_c and self.HIGH_ALARM not in self._alarms:
            self.alarm(self.HIGH_ALARM)
        if measured_c < self._low_c and self.LOW_ALARM not in self._alarms:
            self.alarm(self.LOW_ALARM)

    def _measured_c(self) -> float:
        noise = self._noise.normal(round(self._clock.now() * 1e6))
        return self._world.chamber.air_c() + self._sensor_error_k + self.NOISE_K * noise

    def _temp(self) -> str:
        setpoint_c = self._setpoint_c
        if self._program:
            setpoint_c = self._program.setpoint_c(self._clock.now())
        fields = (self._measured_c(), setpoint_c, self._high_c, self._low_c)
        return ",".join(f"{field:z.1f}" for field in fields)

    def _mon(self, mode: str) -> str:
        return f"{self._measured_c():z.1f},,{mode},{len(self._alarms)}"

    def _detail(self) -> str:
        if not self._program:
            return self._mode
        return "RMT RUN" if self._program.left_s(self._clock.now()) else "RMT RUN END HOLD"

    def _date(self) -> str:
        today = self._clock.utc()
        return f"{today:%y.%m/%d}. {_DAYS[today.weekday()]}"

    def _heater_percent(self) -> float:
        """Return a plausible heater output: full far below the target, less to hold."""
        if not self._world.chamber.running:
            return 0.0
        air_c = self._world.chamber.air_c()
        holding = 0.4 * (air_c - self._world.chamber.ambient_c)
        return min(100.0, max(0.0, holding + 20.0 * (self._world.chamber.target_c - air_c)))

    def _set_temp(self, command: str) -> None:
        match = _TEMP.fullmatch(command)
        if not match or not any(match.groups()):
            raise _Refused("PARA ERR")
        setpoint_c = float(match[1]) if match[1] else self._setpoint_c
        high_c = float(match[2]) if match[2] else self._high_c
        low_c = float(match[3]) if match[3] else self._low_c
        if not self.LOWEST_C <= low_c < high_c <= self.HIGHEST_C:
            raise _Refused("DATA OUT OF RANGE")
        if match[1] and not low_c <= setpoint_c <= high_c:
            raise _Refused("DATA OUT OF RANGE")
        self._setpoint_c, self._high_c, self._low_c = setpoint_c, high_c, low_c
        if match[1] and self._mode == "CONSTANT":
            self._drive(setpoint_c)

    def _start_constant(self) -> None:
        self._check_ready()
        self._mode, self._program = "CONSTANT", None
        self._drive(self._setpoint_c)

    def _start_program(self, command: str) -> None:
        match = _RUN.fullmatch(command)
        if not match:
            raise _Refused("PARA ERR")
        start_c, end_c = float(match[1]), float(match[4] or match[1])
        duration_s = 3600.0 * int(match[2]) + 60.0 * int(match[3])
        inside = all(self._low_c <= end <= self._high_c for end in (start_c, end_c))
        if not inside or not duration_s or int(match[3]) > 59:
            raise _Refused("DATA OUT OF RANGE")
        self._check_ready()
        self._mode = "RUN"
        self._program = _Program(start_c, end_c, duration_s, self._clock.now())
        self._drive(end_c, abs(end_c - start_c) / duration_s)

    def _check_ready(self) -> None:
        if self._alarms:
            raise _Refused("CHB NOT READY")

    def _drive(self, setpoint_c: float, rate_k_per_s: float | None = None) -> None:
        self._world.chamber.approach(setpoint_c - self._sensor_error_k, rate_k_per_s)

    def _stop(self, mode: str) -> None:
        self._mode, self._program = mode, None
        if self._world.chamber.running:
            self._world.chamber.stop()

    def _run_program(self) -> str:
        program = self._running_program()
        hours, minutes = divmod(round(program.duration_s / 60), 60)
        ends = f"TEMP{program.start_c:z.1f} GOTEMP{program.end_c:z.1f}"
        return f"{ends} TIME{hours}:{minutes:02d} REF9"

    def _run_program_monitor(self) -> str:
        program, now = self._running_program(), self._clock.now()
        hours, minutes = divmod(int(program.left_s(now) / 60), 60)
        return f"1,{program.setpoint_c(now):z.1f},{hours}:{minutes:02d},0"

    def _running_program(self) -> _Program:
        if not self._program:
            raise _Refused("CONT NOT READY-2")
        return self._program


def _no_humidity() -> str:
    raise _Refused("CONT NOT READY-1")
