"""Simulated Thermotron chamber with an 8800 controller.

Sources: Interface Command Descriptions of the 8800 (alarm bits, auxiliaries, coded integers with a
point); the manual's words in RemoteTempChamber (commands, codes) and ThermotronChamber (options).
Estimates: the numbers of error codes, and that a refused query is answered by one, that a stopped
chamber has the status 0, that all values have three decimals, what an open sensor reads (9999),
that a manual ramp of 0 is none, the range of set points (the chamber's).
Not modelled: programs that are made or edited, product temperature control (its option is taken),
the watchdog, Therm-Alarms, controlled stop; what is asked of it is noted in `beyond`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import ClassVar

from sensorbench.instruments.simulated_chamber import FAULTS, SimulatedChamber
from sensorbench.world.world import World

_LINE = re.compile(r"([A-Z]{4})([0-9]{0,5})(?:(\?)|,?(.*))")
_NUMBER = re.compile(r"[+-]?([0-9]{1,9}(\.[0-9]*)?|\.[0-9]+)")
_UNKNOWN, _RANGE, _MODE = 1, 2, 3
_PROGRAM, _PROGRAM_HELD, _MANUAL, _MANUAL_HELD = 1, 2, 16, 32
_PRODUCT, _HUMIDITY, _LOW_HUMIDITY = 1, 2, 4
_LOW_PROCESS, _HIGH_PROCESS = 16, 32
_COLD_BOOT, _RUNS, _KEY, _INTERFACE, _OPEN_INPUT, _PROCESS_ALARM = 0, 1, 2, 5, 6, 7
_TEMPERATURE, _WET_DRY = 2, 1
_OPEN = 9999.0
_BUFFER = 8
_FASTEST_PER_MIN = 100.0


class _Refused(Exception):
    """The controller answers this code, and keeps it for IERR?."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


class SimThermotron8800:
    """A chamber with humidity or, with `humidity=False`, without; stopped, as after a cold boot.

    `loads_stopped` says that a set point is taken while it is stopped; else in manual mode alone.
    Without `acknowledges` operations are not answered. `alarm` is its high process alarm;
    `units_changed` is its display changed to degF, `identity` an older controller.
    """

    FAULTS: ClassVar[tuple[str, ...]] = (*FAULTS, "units_changed", "identity")

    terminators: tuple[bytes, ...] = (b"\r\n", b"\r", b"\n")
    reply_terminator: bytes = b"\r"
    sessions: int = 1
    linger_s: float = 0.0

    def __init__(
        self,
        world: World,
        serial: str,
        *,
        humidity: bool = True,
        loads_stopped: bool = True,
        acknowledges: bool = True,
    ) -> None:
        self.serial = serial
        self.beyond = world.beyond_of(serial)
        self._clock = world.clock
        self.plant = SimulatedChamber(world, serial, humidity=humidity, suffers=self._suffer)
        self.drives = self.plant.drives
        self.loads_stopped, self.acknowledges = loads_stopped, acknowledges
        self.options, self.scale, self.held = 0, 0, False
        self.auxiliaries, self.light = [0, 0], 0
        self.limits_rh, self.deviations = [0.0, 100.0], [5.0, 5.0]
        self.wet_ramp = 0.0
        self.errors: list[int] = []
        self._stop_code = _COLD_BOOT
        self._queries: dict[str, Callable[[int], str]] = {
            "IDEN": lambda _: self._identity(),
            "VRSN": lambda _: "1.27.5",
            "STAT": lambda _: str(self._status()),
            "MODE": lambda _: str(_mode_of(self._status())),
            "SCOD": lambda _: str(self._stopped_by()),
            "IERR": lambda _: str(self.errors.pop() if self.errors else 0),
            "CMST": lambda _: str(int(self.acknowledges)),
            "TMPS": lambda _: str(self.scale),
            "LANG": lambda _: "0",
            "LOCK": lambda _: "3",
            "DOOR": lambda _: "1",
            "LGHT": lambda _: str(self.light),
            "CHST": lambda _: str(self._channels() << 8 | self._channels()),
            "DCHN": lambda _: str(self._channels()),
            "OPTN": lambda _: str(self.options),
            "AUXE": lambda n: f"{self.auxiliaries[_one_of(n, 2)]}.",
            "CCNF": lambda n: str(self._kind(n)),
            "CNAM": lambda n: ("Temperature", "Humidity")[self._channel(n)],
            "CCHR": lambda n: ("F" if self.scale else "C", "%")[self._channel(n)],
            "ALRM": lambda n: str(self._alarm(_one_of(n, 8))),
            "PVAR": lambda n: self._shown(n, self._measured(n)),
            "SETP": lambda n: self._shown(n, self._momentary(n)),
            "FVAL": lambda n: self._shown(n, self._final(n)),
            "PALL": lambda n: self._shown(n, self._limit(n, 0)),
            "PALH": lambda n: self._shown(n, self._limit(n, 1)),
            "DEVN": lambda n: f"{self._span_shown(n, self.deviations[self._channel(n)]):.3f}",
            "MRMP": lambda n: f"{self._span_shown(n, self._ramp(n)):.3f}",
            "THTL": lambda n: f"{0 * self._channel(n)}",
        }
        self._operations: dict[str, Callable[[int, str], None]] = {
            "RUNM": lambda _n, _v: self._run(),
            "RUNP": lambda _n, _v: self._run_program(),
            "STOP": lambda _n, _v: self._stop(),
            "HOLD": lambda _n, _v: self._hold(True),
            "RESM": lambda _n, _v: self._hold(False),
            "INIT": lambda _n, _v: None,
            "SCRR": lambda _n, _v: None,
            "SETP": self._aim,
            "PALL": lambda n, v: self._limit_to(n, 0, v),
            "PALH": lambda n, v: self._limit_to(n, 1, v),
            "DEVN": self._deviate,
            "MRMP": self._ramp_by,
            "AUXE": self._set_auxiliaries,
            "OPTN": lambda n, v: self._choose(_whole(v or str(n), 65535)),
            "TMPS": lambda n, v: self._set_scale(_whole(v or str(n), 1)),
            "CMST": lambda n, v: self._acknowledge(_whole(v or str(n), 1)),
            "LGHT": lambda n, v: self._switch_light(_whole(v or str(n), 1)),
        }

    def understood(self) -> tuple[str, ...]:
        """Return every command; <n> is a channel or a group, a setting's value follows."""
        queries = (f"{name}<n>?" if name in _CHANNELLED else f"{name}?" for name in self._queries)
        operations = (f"{name}<n>," if name in _CHANNELLED else name for name in self._operations)
        return tuple(sorted({*queries, *operations}))

    def acknowledge(self) -> None:
        """Clear all alarms, as the operator does at the display."""
        self.plant.acknowledge()

    # -- the line --------------------------------------------------------------------------

    def handle(self, line: bytes) -> bytes | None:
        """Answer one line: a query by its value, an operation by its result code."""
        self.plant.catch_up()
        text = line.decode("latin-1").strip()
        if not text or self.plant.fault == "silent":
            return None
        try:
            reply = self._answer(text)
        except _Refused as refused:
            self.errors = [*self.errors, refused.code][-_BUFFER:]
            reply = str(refused.code)
        self.plant.catch_up()
        if not text.endswith("?") and not self.acknowledges:
            return None
        return reply.encode("latin-1")

    def _answer(self, text: str) -> str:
        found = _LINE.fullmatch(text)
        name, digits, asks, value = found.groups("") if found else ("", "", "", "")
        queried, done = self._queries.get(name), self._operations.get(name)
        if (asks and not queried) or (not asks and not done):
            self.beyond.note(text[:20])
            raise _Refused(_UNKNOWN)
        number = int(digits or 0)
        if asks and queried:
            return queried(number)
        if done:
            done(number, value.strip())
        return "0"

    # -- what it tells ---------------------------------------------------------------------

    def _identity(self) -> str:
        return "3800" if self.plant.fault == "identity" else "8800 Chamber Controller"

    def _status(self) -> int:
        if not self.plant.is_on:
            return 0
        if self.plant.program:
            return _PROGRAM_HELD if self.held else _PROGRAM
        return _MANUAL_HELD if self.held else _MANUAL

    def _stopped_by(self) -> int:
        if self.plant.is_on:
            return _RUNS
        if SimulatedChamber.SENSOR_BREAK in self.plant.alarms:
            return _OPEN_INPUT
        return _PROCESS_ALARM if self.plant.alarms else self._stop_code

    def _channels(self) -> int:
        return 3 if self.plant.has_humidity else 1

    def _kind(self, number: int) -> int:
        if number > 8 or number < 1:
            raise _Refused(_RANGE)
        return {1: _TEMPERATURE, 2: _WET_DRY if self.plant.has_humidity else 0}.get(number, 0)

    def _channel(self, number: int) -> int:
        """Return a control channel as an index. Raises _Refused for one that is not fitted."""
        return _one_of(number, 2 if self.plant.has_humidity else 1)

    def _alarm(self, index: int) -> int:
        alarms = set(self.plant.alarms)
        if index or not alarms - {SimulatedChamber.SENSOR_BREAK}:
            return 0
        return _LOW_PROCESS if alarms == {SimulatedChamber.LOW} else _HIGH_PROCESS

    def _measured(self, number: int) -> float:
        if self._channel(number):
            return self.plant.measured_rh()
        return self.plant.measured_c()

    def _momentary(self, number: int) -> float:
        return self.plant.set_point_rh if self._channel(number) else self.plant.momentary_c()

    def _final(self, number: int) -> float:
        return self.plant.set_point_rh if self._channel(number) else self.plant.set_point_c

    def _limit(self, number: int, end: int) -> float:
        if self._channel(number):
            return self.limits_rh[end]
        return (self.plant.alarm_low_c, self.plant.alarm_high_c)[end]

    def _ramp(self, number: int) -> float:
        return self.wet_ramp if self._channel(number) else 60.0 * self.plant.rising_k_per_s

    def _shown(self, number: int, value: float) -> str:
        if math.isnan(value):
            return f"{_OPEN:.3f}"
        is_f = self.scale and not self._channel(number)
        return f"{value * 9.0 / 5.0 + 32.0 if is_f else value:z.3f}"

    def _span_shown(self, number: int, span: float) -> float:
        return span * 9.0 / 5.0 if self.scale and not self._channel(number) else span

    # -- what it is told -------------------------------------------------------------------

    def _meant(self, number: int, text: str) -> float:
        value = _value(text)
        is_f = self.scale and not self._channel(number)
        return (value - 32.0) * 5.0 / 9.0 if is_f else value

    def _span_meant(self, number: int, text: str) -> float:
        span = _value(text)
        return span * 5.0 / 9.0 if self.scale and not self._channel(number) else span

    def _require_manual(self) -> None:
        if self._status() != _MANUAL:
            raise _Refused(_MODE)

    def _aim(self, number: int, text: str) -> None:
        value, channel = self._meant(number, text), self._channel(number)
        if self._status() != _MANUAL and not (self.loads_stopped and not self.plant.is_on):
            raise _Refused(_MODE)
        low, high = (0.0, 100.0) if channel else (self.plant.lowest_c, self.plant.highest_c)
        if not low - 1e-4 <= value <= high + 1e-4:
            raise _Refused(_RANGE)
        if channel:
            self.plant.humidify(self.plant.is_humid, value)
        else:
            self.plant.aim(value)

    def _limit_to(self, number: int, end: int, text: str) -> None:
        value, channel = self._meant(number, text), self._channel(number)
        ends = [self._limit(number, 0), self._limit(number, 1)]
        ends[end] = value
        if not ends[0] < ends[1] or abs(value) > 1000.0:
            raise _Refused(_RANGE)
        if channel:
            self.limits_rh = ends
        else:
            self.plant.alarm_low_c, self.plant.alarm_high_c = ends

    def _deviate(self, number: int, text: str) -> None:
        channel, span = self._channel(number), self._span_meant(number, text)
        self._require_manual()
        self.deviations[channel] = span
        self.beyond.note("deviation alarms")

    def _ramp_by(self, number: int, text: str) -> None:
        channel, ramp = self._channel(number), self._span_meant(number, text)
        self._require_manual()
        if not 0.0 <= ramp <= _FASTEST_PER_MIN:
            raise _Refused(_RANGE)
        if channel:
            self.wet_ramp = ramp
        else:
            self.plant.slope(ramp / 60.0, ramp / 60.0)

    def _set_auxiliaries(self, number: int, text: str) -> None:
        group, code = _one_of(number, 2), _whole(text, 255)
        self._require_manual()
        self.auxiliaries[group] = code

    def _choose(self, options: int) -> None:
        self._require_manual()
        fitted = _PRODUCT | (_HUMIDITY | _LOW_HUMIDITY if self.plant.has_humidity else 0)
        if options & ~fitted:
            raise _Refused(_RANGE)
        if options & _PRODUCT:
            self.beyond.note("product temperature control")
        self.options = options
        self.plant.humidify(bool(options & _HUMIDITY), self.plant.set_point_rh)

    def _set_scale(self, scale: int) -> None:
        self.scale = scale

    def _acknowledge(self, acknowledges: int) -> None:
        self.acknowledges = bool(acknowledges)

    def _switch_light(self, light: int) -> None:
        self.light = light

    # -- what it does ----------------------------------------------------------------------

    def _run(self) -> None:
        if self.plant.is_on or self.plant.alarms:
            raise _Refused(_MODE)
        self.held = False
        self.plant.switch(True)

    def _run_program(self) -> None:
        self.beyond.note("a program that is not stored")
        raise _Refused(_RANGE)

    def _stop(self) -> None:
        self.held = False
        if self.plant.is_on:
            self._stop_code = _INTERFACE
        self.plant.switch(False)

    def _hold(self, held: bool) -> None:
        if not self.plant.is_on or self.held == held:
            raise _Refused(_MODE)
        if held:
            self.beyond.note("a hold: a ramp goes on")
        self.held = held

    def _suffer(self, fault: str) -> None:
        """Do what a person does at the display."""
        if fault == "units_changed":
            self.scale = 1 - self.scale
        if fault == "output_off" and self.plant.is_on:
            self._stop_code = _KEY
        if fault in {"output_on", "output_off", "program_started"}:
            self.held = False


_CHANNELLED = {
    "AUXE", "CCNF", "CNAM", "CCHR", "ALRM", "PVAR", "SETP", "FVAL", "PALL", "PALH", "DEVN", "MRMP",
    "THTL",
}  # fmt: skip


def _mode_of(status: int) -> int:
    if status in (_PROGRAM, _PROGRAM_HELD):
        return 1
    return _MANUAL if status else 0


def _one_of(number: int, count: int) -> int:
    if not 1 <= number <= count:
        raise _Refused(_RANGE)
    return number - 1


def _value(text: str) -> float:
    if not _NUMBER.fullmatch(text.strip()):
        raise _Refused(_RANGE)
    return float(text)


def _whole(text: str, most: int) -> int:
    if not re.fullmatch(r"[0-9]{1,6}", text) or int(text) > most:
        raise _Refused(_RANGE)
    return int(text)
