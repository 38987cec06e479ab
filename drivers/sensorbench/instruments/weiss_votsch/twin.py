"""Simulated Weiss or Vötsch chamber: one port, on which SimServ and ASCII-2 are both spoken.

Sources: the SimServ manual of 2019 as chamber_commands.py and ClimateChamber.py give its commands;
help texts ($01?) of three chambers. Estimates: that what lies beyond the input limits is answered
by -6 and an ASCII-2 string that can't be by 1, that an open sensor is -8, and 9999.9 in an
I-string, that a start with alarms present is accepted and does nothing.
Not modelled: programs that are edited or paused, measured and control values beside the fan,
digital inputs; they are refused and noted in `beyond`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import ClassVar

from sensorbench.instruments.simulated_chamber import FAULTS, SimulatedChamber
from sensorbench.world.world import World

_SEPARATOR = b"\xb6"
_STRING = re.compile(r"\$(\d\d)([A-Z?]) ?(.*)", re.DOTALL)
_FIELD = re.compile(r"-?\d+(\.\d+)?")
_START, _WET = 1, 2
_OUTPUTS = 32
_NAMES = {
    _WET: "Humidity", 3: "Custom O1", 4: "Custom O2", 7: "Cond.protect", 10: "Comp.air/GN2",
    11: "Dryer",
}  # fmt: skip
_UNKNOWN, _WRONG, _NOT_READ = -5, -6, -8
_E_STRING = "CV01 CV02 SV01 MV01 MV02 MV03 MV04"
_TYPE, _YEAR = "VC3 7060", "2019"
_FAN_LOW, _FAN_HIGH = 50.0, 100.0


class _Refused(Exception):
    """SimServ answers with this code."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


class SimWeissVotsch:
    """A climate chamber, or with `humidity=False` a temperature chamber, at `address` of ASCII-2.

    `i_string` and `e_string` are the names in its ASCII-2 strings, those of a VC3 7060 unless
    said. `shows_target` says that nominal values are where a slope ends; else where the set point
    is by now. The `identity` fault is another device: SimServ in degF, I-strings of two values.
    """

    FAULTS: ClassVar[tuple[str, ...]] = (*FAULTS, "identity")

    terminators: tuple[bytes, ...] = (b"\r", b"\r\n")
    reply_terminator: bytes = b"\r\n"
    sessions: int = 1
    linger_s: float = 0.0

    def __init__(
        self,
        world: World,
        serial: str,
        *,
        humidity: bool = True,
        address: int = 1,
        e_string: str = _E_STRING,
        i_string: str = "",
        shows_target: bool = False,
    ) -> None:
        self.serial = serial
        self.beyond = world.beyond_of(serial)
        self.plant = SimulatedChamber(world, serial, humidity=humidity)
        self.drives = self.plant.drives
        self._address, self._shows_target = address, shows_target
        self._taken = [n for n in e_string.split() if not n.startswith("DO")]
        self._bits = sum(n.startswith("DO") for n in e_string.split()) or _OUTPUTS
        self._given = i_string.split() or [n for n in self._taken for _ in range(2)]
        self.outputs = dict.fromkeys(range(_OUTPUTS), False)
        self.fan = 90.0
        self._wet_slopes = [0.0, 0.0]
        self._commands: dict[int, Callable[[list[str]], str | None]] = {
            99997: self._info,
            10012: lambda _: str(self._status()),
            11018: lambda _: str(self._variables()),
            11026: lambda a: ("Temperature", "Humidity")[self._variable(a)],
            11023: self._unit,
            11002: lambda a: self._shown(self._nominal(self._variable(a))),
            11004: lambda a: self._shown(self._actual(self._variable(a))),
            11007: lambda a: self._shown(self._limits(self._variable(a))[0]),
            11009: lambda a: self._shown(self._limits(self._variable(a))[1]),
            11014: lambda a: self._shown(self._alarm_limits(self._variable(a))[0]),
            11015: lambda a: self._shown(self._alarm_limits(self._variable(a))[1]),
            11001: self._set,
            11066: lambda a: f"{self._slopes(a)[0]:.1f}",
            11070: lambda a: f"{self._slopes(a)[1]:.1f}",
            11068: lambda a: self._set_slope(a, 0),
            11072: lambda a: self._set_slope(a, 1),
            13007: lambda _: "1",
            13011: lambda a: ("Fan speed",)[self._one_of(a, 1)],
            13010: lambda a: ("%",)[self._one_of(a, 1)],
            13005: lambda a: (self._shown(self.fan),)[self._one_of(a, 1)],
            13006: self._set_fan,
            12012: lambda _: "0",
            15004: lambda _: "0",
            14007: lambda _: str(_OUTPUTS - 1),
            14010: lambda a: self._output_name(1 + self._one_of(a, _OUTPUTS - 1)),
            14003: lambda a: str(int(self._is_on(1 + self._one_of(a, _OUTPUTS - 1)))),
            14001: self._switch,
            17002: lambda _: str(len(self.plant.alarms)),
            17005: self._alarm_of,
            17007: self._message,
            17009: self._alarm_of,
            17111: self._alarm_of,
            17012: self._reset,
            19204: lambda _: str(self.plant.program),
            19031: lambda _: f"Program {self.plant.program}" if self.plant.program else "",
            19210: lambda _: "1" if self.plant.program else "0",
            19014: self._start_program,
            19015: self._end_program,
        }

    def understood(self) -> tuple[str, ...]:
        """Return every command it knows, the arguments left out."""
        strings = tuple(f"${self._address:02d}{letter}" for letter in "EIU?")
        return (*strings, *(f"{number:05d}\xb61" for number in sorted(self._commands)))

    def acknowledge(self) -> None:
        """Clear all alarms, as the operator does at the panel."""
        self.plant.acknowledge()

    # -- the line --------------------------------------------------------------------------

    def handle(self, line: bytes) -> bytes | None:
        """Answer one line of either protocol."""
        self.plant.catch_up()
        if not line.strip() or self.plant.fault == "silent":
            return None
        if line.lstrip().startswith(b"$"):
            reply = self._string(line.decode("latin-1").strip())
            return None if reply is None else reply.encode("latin-1")
        return self._answered(line.strip(b"\r\n "))

    def _answered(self, line: bytes) -> bytes:
        first, *rest = line.split(_SEPARATOR)
        number = int(first) if re.fullmatch(rb"\d{5}", first) else None
        command = self._commands.get(number) if number is not None else None
        if command is None:
            self.beyond.note(first.decode("ascii", "replace")[:20])
            return str(_UNKNOWN).encode()
        try:
            value = command([part.decode("latin-1") for part in rest[1:]])
        except _Refused as refused:
            return str(refused.code).encode()
        self.plant.catch_up()
        return b"1" if value is None else b"1" + _SEPARATOR + value.encode("latin-1")

    # -- SimServ ---------------------------------------------------------------------------

    def _variables(self) -> int:
        return 2 if self.plant.has_humidity else 1

    def _one_of(self, arguments: list[str], count: int) -> int:
        """Return the first argument, a number from 1, as an index."""
        if not arguments or not arguments[0].isdecimal() or not 1 <= int(arguments[0]) <= count:
            raise _Refused(_WRONG)
        return int(arguments[0]) - 1

    def _variable(self, arguments: list[str]) -> int:
        return self._one_of(arguments, self._variables())

    def _value(self, arguments: list[str], low: float, high: float) -> float:
        """Return the second argument, between two ends."""
        if len(arguments) < 2 or not _FIELD.fullmatch(arguments[1]):
            raise _Refused(_WRONG)
        value = float(arguments[1])
        if not low <= value <= high:
            raise _Refused(_WRONG)
        return value

    def _shown(self, value: float) -> str:
        if math.isnan(value):
            raise _Refused(_NOT_READ)
        return f"{value:z.1f}"

    def _info(self, arguments: list[str]) -> str:
        if self.plant.fault == "identity":
            return ("", "", "")[self._one_of(arguments, 3)]
        return (_TYPE, _YEAR, self.serial)[self._one_of(arguments, 3)]

    def _unit(self, arguments: list[str]) -> str:
        if self.plant.fault == "identity":
            return ("\xb0F", "%rH")[self._variable(arguments)]
        return ("\xb0C", "%rH")[self._variable(arguments)]

    def _status(self) -> int:
        return (3 if self.plant.running else 1) | (8 if self.plant.alarms else 0)

    def _nominal(self, variable: int) -> float:
        if variable == 1:
            return self.plant.set_point_rh
        return self.plant.set_point_c if self._shows_target else self.plant.momentary_c()

    def _actual(self, variable: int) -> float:
        return self.plant.measured_rh() if variable else self.plant.measured_c()

    def _limits(self, variable: int) -> tuple[float, float]:
        return (0.0, 98.0) if variable else (self.plant.lowest_c, self.plant.highest_c)

    def _alarm_limits(self, variable: int) -> tuple[float, float]:
        return (0.0, 100.0) if variable else (self.plant.alarm_low_c, self.plant.alarm_high_c)

    def _set(self, arguments: list[str]) -> None:
        variable = self._variable(arguments)
        value = self._value(arguments, *self._limits(variable))
        if variable:
            self.plant.humidify(self.outputs[_WET], value)
        else:
            self.plant.aim(value)

    def _slopes(self, arguments: list[str]) -> list[float]:
        if self._variable(arguments):
            return self._wet_slopes
        return [60.0 * self.plant.rising_k_per_s, 60.0 * self.plant.falling_k_per_s]

    def _set_slope(self, arguments: list[str], way: int) -> None:
        slopes = self._slopes(arguments)
        slopes[way] = self._value(arguments, 0.0, 100.0)
        if self._variable(arguments) == 0:
            self.plant.slope(slopes[0] / 60.0, slopes[1] / 60.0)

    def _set_fan(self, arguments: list[str]) -> None:
        self._one_of(arguments, 1)
        self.fan = self._value(arguments, _FAN_LOW, _FAN_HIGH)

    def _output_name(self, name: int) -> str:
        """Return what the output behind is called: names count from the one after Start."""
        return _NAMES.get(1 + name, "Not installed")

    def _is_on(self, output: int) -> bool:
        return self.plant.is_on if output == _START else self.outputs[output]

    def _switch(self, arguments: list[str]) -> None:
        output = 1 + self._one_of(arguments, _OUTPUTS - 1)
        self._put_output(output, bool(self._value(arguments, 0, 1)))

    def _put_output(self, output: int, is_on: bool) -> None:
        if output == _START:
            self.plant.switch(is_on)
            return
        self.outputs[output] = is_on
        if output == _WET and self.plant.has_humidity:
            self.plant.humidify(is_on, self.plant.set_point_rh)

    def _message(self, arguments: list[str]) -> str:
        return self.plant.alarms[self._one_of(arguments, len(self.plant.alarms))]

    def _alarm_of(self, arguments: list[str]) -> str:
        """Return the code of an alarm as its type, its category and its state: 1 each."""
        self._message(arguments)
        return "1"

    def _reset(self, _: list[str]) -> None:
        self.plant.acknowledge()

    def _start_program(self, arguments: list[str]) -> None:
        if self._one_of(arguments, 99):
            self.beyond.note("19014, a program that is not stored")
            raise _Refused(_WRONG)
        self.plant.start_program(1)

    def _end_program(self, _: list[str]) -> None:
        self.plant.end_program()

    # -- ASCII-2 ---------------------------------------------------------------------------

    def _string(self, text: str) -> str | None:
        match = _STRING.fullmatch(text)
        if not match or match[2] not in "EIU?":
            self.beyond.note(text[:20])
            return f"'{text}' is an unknown command."
        if int(match[1]) != self._address:
            return None
        if match[2] == "I":
            return self._i_string()
        if match[2] == "?":
            return self._help()
        reply = self._e_string(match[3]) if match[2] == "E" else self._u_string(match[3])
        self.plant.catch_up()
        return reply

    def _i_string(self) -> str:
        if self.plant.fault == "identity":
            return f"0023.0 0023.1 {'0' * _OUTPUTS}"
        shown: list[str] = []
        for place, name in enumerate(self._given):
            shown.append(self._shown_2(name, is_actual=name in self._given[:place]))
        bits = "".join(str(int(self._is_on(output))) for output in range(_OUTPUTS))
        return " ".join([*shown, bits])

    def _shown_2(self, name: str, is_actual: bool) -> str:
        value = 0.0
        if name == "CV01":
            value = self.plant.measured_c() if is_actual else self._nominal(0)
        elif name == "CV02" and self.plant.has_humidity:
            value = self.plant.measured_rh() if is_actual else self.plant.set_point_rh
        elif name == "SV01":
            value = self.fan
        return "9999.9" if math.isnan(value) else f"{value:z06.1f}"

    def _e_string(self, text: str) -> str:
        *fields, bits = text.split() or [""]
        is_whole = len(fields) == len(self._taken) and len(bits) == self._bits
        if not is_whole or not all(map(_FIELD.fullmatch, fields)) or not set(bits) <= {"0", "1"}:
            return "1"
        values = dict(zip(self._taken, map(float, fields), strict=True))
        low, high = self._limits(0)
        wet = values.get("CV02", 0.0)
        if not low <= values.get("CV01", 0.0) <= high or not 0.0 <= wet <= 98.0:
            return "1"
        self.fan = values.get("SV01", self.fan)
        self.plant.aim(values.get("CV01", self.plant.set_point_c))
        if self.plant.has_humidity and "CV02" in values:
            self.plant.humidify(self.outputs[_WET], wet)
        for output, bit in sorted(enumerate(bits), reverse=True):
            self._put_output(output, bit == "1")
        return "0"

    def _u_string(self, text: str) -> str:
        fields = text.split()
        if len(fields) != 4 or not all(map(_FIELD.fullmatch, fields)):
            return "1"
        rising, falling, *wet = map(float, fields)
        if (rising and falling) or (wet[0] and wet[1]) or min(rising, falling, *wet) < 0.0:
            return "1"
        self.plant.slope(rising / 60.0, falling / 60.0)
        self._wet_slopes = wet
        return "0"

    def _help(self) -> str:
        outputs = " ".join(f"DO{k:02d}" for k in range(_OUTPUTS))
        low, high = self._limits(0)
        rows = [
            "ASCII-2 PROTOCOL CONFIGURATION",
            "Example of an ASCII E-String:",
            f"${self._address:02d}E {' '.join(self._taken)} {outputs[: 5 * self._bits - 1]} <CR>",
            f"CV01  value min: {low:7.1f}   value max: {high:7.1f}   Temperature",
            *(f"DO{k:02d}  {self._help_of(k)}" for k in range(self._bits)),
            "Example of an ASCII I-String:",
            f"{' '.join(self._given)} {outputs} <CR>",
        ]
        return "\r\n".join(rows)

    def _help_of(self, output: int) -> str:
        return "Start" if output == _START else _NAMES.get(output, "unused")
