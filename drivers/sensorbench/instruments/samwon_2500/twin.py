"""Simulated Samwon TEMP2500, TEMI2500 or 800 series controller in a chamber, over PC-LINK.

Sources: TEMP2500 communication manual; TEMI2000 series manual, 2nd edition 2014, by a public
client; a client of the 800 series (D101 run and stop, D102 set point). Estimates: that RUN while it
runs is refused by NG04, what an open sensor reads (the end of the range and 3276.7), that humidity
is off at 0 %, that alarms stop the plant.
Not modelled: patterns that are edited, signals, auto-tuning, Modbus; registers that nobody reads
here are refused by NG02 and noted in `beyond`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from sensorbench.instruments.simulated_chamber import FAULTS, SimulatedChamber
from sensorbench.world.world import World

_STX = b"\x02"
_HEX = re.compile(r"[0-9A-F]{4}")
_UNKNOWN, _REGISTER, _DATA, _FORM, _SUM, _LIST = "01", "02", "04", "08", "11", "12"
_RUN, _STOP = 1, 4
_OPEN = 32767
_COMMANDS = ("AMI", "RSD", "RRD", "WSD", "WRD", "STD", "CLD")
_MOST = 64


class _Refused(Exception):
    """The controller answers NG with this code."""


@dataclass(frozen=True, slots=True)
class _Series:
    """What differs: the model's name, and the D numbers of what is set and told."""

    model: str
    run: int
    set_point: int
    momentary: int
    mode: int
    slope: int
    program_status: int
    stopped_status: int


_SERIES = {
    "TEMI": _Series("TEMI-2000", 101, 102, 2, 104, 106, 1, 4),
    "TEMP": _Series("TEMP-2000", 102, 104, 3, 106, 110, 4, 1),
    "800": _Series("", 101, 102, 2, 104, 106, 4, 1),
}


class SimSamwon2500:
    """One of the `series` "TEMI" (with humidity), "TEMP" or "800", with one decimal unless said.

    `claims` is another model's name than its own, as a wrong firmware would give. The `identity`
    fault is a controller of a series that nobody knows. `wearing_acts` counts writes.
    """

    FAULTS: ClassVar[tuple[str, ...]] = (*FAULTS, "identity")

    terminators: tuple[bytes, ...] = (b"\r\n",)
    reply_terminator: bytes = b"\r\n"

    def __init__(
        self,
        world: World,
        serial: str,
        *,
        series: str = "TEMI",
        address: int = 1,
        checksum: bool = True,
        decimals: int = 1,
        claims: str = "",
    ) -> None:
        self.serial = serial
        self.beyond = world.beyond_of(serial)
        self.plant = SimulatedChamber(world, serial, humidity=series == "TEMI")
        self.plant.set_point_rh = 0.0
        self.drives = self.plant.drives
        self._series, self._claims = _SERIES[series], claims
        self._address, self._summed, self._steps = address, checksum, 10**decimals
        self._decimals, self._unit = decimals, 0
        self.fixed, self.order = 1, _STOP
        self._wet_slope = 0
        self._listed: tuple[int, ...] = ()
        self.wearing_acts = 0
        self._read, self._written = self._registers(series)

    def _registers(
        self, series: str
    ) -> tuple[dict[int, Callable[[], int]], dict[int, Callable[[int], None]]]:
        own = self._series
        reads: dict[int, Callable[[], int]] = {
            1: lambda: self._steps_of(self.plant.measured_c()),
            own.momentary: lambda: self._steps_of(self.plant.momentary_c()),
            10: self._status,
            own.run: lambda: self.order,
            own.set_point: lambda: self._steps_of(self.plant.set_point_c),
            own.mode: lambda: self.fixed,
            own.slope: lambda: round(60.0 * self.plant.rising_k_per_s * self._steps),
        }
        writes: dict[int, Callable[[int], None]] = {
            own.run: self._order,
            own.set_point: self._aim,
            own.mode: self._choose,
            own.slope: self._slope,
        }
        if series == "TEMI":
            reads |= {
                5: lambda: round(10 * self.plant.measured_rh()),
                6: lambda: round(10 * self.plant.set_point_rh),
                103: lambda: round(10 * self.plant.set_point_rh),
                107: lambda: self._wet_slope,
                13: lambda: 1 if self._has(SimulatedChamber.LIMITER) else 0,
                20: lambda: 4 if self._has(SimulatedChamber.SENSOR_BREAK) else 0,
            }
            writes |= {103: self._humidify, 107: self._slope_wet}
        if series == "TEMP":
            reads |= {
                16: lambda: 1 if self._has(SimulatedChamber.LIMITER) else 0,
                22: lambda: 4 if self._has(SimulatedChamber.SENSOR_BREAK) else 0,
                31: lambda: 0,
                1203: lambda: self._unit,
                1204: lambda: self._decimals,
                1207: lambda: self._steps_of(self.plant.highest_c),
                1208: lambda: self._steps_of(self.plant.lowest_c),
            }
        return reads, writes

    def understood(self) -> tuple[str, ...]:
        """Return every command, and the registers that are read and written."""
        registers = " ".join(f"D{number}" for number in sorted(self._read))
        written = " ".join(f"D{number}" for number in sorted(self._written))
        return (*_COMMANDS, f"read: {registers}", f"written: {written}")

    def acknowledge(self) -> None:
        """Clear all alarms, as the operator does at the panel."""
        self.plant.acknowledge()

    # -- the line --------------------------------------------------------------------------

    def handle(self, line: bytes) -> bytes | None:
        """Answer one frame; what is for another address, or no frame, is not answered."""
        self.plant.catch_up()
        if not line.startswith(_STX):
            if line.strip():
                self.beyond.note(line.strip()[:20].decode("ascii", "replace"))
            return None
        text = line[1:].rstrip(b"\r\n ").decode("latin-1")
        if self.plant.fault == "silent" or text[:2] != f"{self._address:02d}":
            return None
        try:
            said = self._answer(text)
        except _Refused as refused:
            said = f"{self._address:02d}NG{refused}"
        self.plant.catch_up()
        return _STX + self._with_sum(said)

    def _with_sum(self, text: str) -> bytes:
        raw = text.encode("latin-1")
        return raw + (f"{sum(raw) & 0xFF:02X}".encode() if self._summed else b"")

    def _answer(self, text: str) -> str:
        if self._summed:
            body, found = text[:-2], text[-2:]
            if f"{sum(body.encode('latin-1')) & 0xFF:02X}" != found:
                raise _Refused(_SUM)
            text = body
        name, _, rest = text[2:].partition(",")
        fields = rest.split(",") if rest else []
        if name not in _COMMANDS or (name == "AMI" and not self._series.model):
            self.beyond.note(name[:20])
            raise _Refused(_UNKNOWN)
        head = f"{self._address:02d}{name},OK"
        if name == "AMI":
            return f"{head},{self._model()}"
        values = self._carry_out(name, fields)
        return ",".join([head, *(f"{value & 0xFFFF:04X}" for value in values)])

    def _model(self) -> str:
        if self.plant.fault == "identity":
            return "TEMP-1000  V01-R00"
        return f"{self._claims or self._series.model:9s}  V00-R00"

    def _carry_out(self, name: str, fields: list[str]) -> list[int]:
        if name == "CLD":
            if not self._listed:
                raise _Refused(_LIST)
            return self._values(self._listed)
        count, rest = self._count(fields), fields[1:]
        if name in {"RRD", "STD"}:
            registers = self._numbers(rest, count)
            values = self._values(registers)
            if name == "RRD":
                return values
            self._listed = registers
            return []
        if name == "RSD":
            (first,) = self._numbers(rest, 1)
            return self._values(tuple(range(first, first + count)))
        if name == "WSD":
            (first,) = self._numbers(rest[:1], 1)
            pairs = list(zip(range(first, first + count), self._data(rest[1:], count), strict=True))
        else:
            pairs = list(
                zip(self._numbers(rest[::2], count), self._data(rest[1::2], count), strict=True)
            )
        for register, _ in pairs:
            if register not in self._written:
                self.beyond.note(f"D{register} written")
                raise _Refused(_REGISTER)
        for register, value in pairs:
            self._written[register](value - 0x10000 if value & 0x8000 else value)
            self.wearing_acts += 1
        return []

    def _count(self, fields: list[str]) -> int:
        if not fields or not re.fullmatch(r"\d\d", fields[0]) or not 1 <= int(fields[0]) <= _MOST:
            raise _Refused(_FORM)
        return int(fields[0])

    def _numbers(self, fields: list[str], count: int) -> tuple[int, ...]:
        if len(fields) != count or not all(re.fullmatch(r"\d{4}", field) for field in fields):
            raise _Refused(_FORM)
        return tuple(map(int, fields))

    def _data(self, fields: list[str], count: int) -> list[int]:
        if len(fields) != count:
            raise _Refused(_FORM)
        if not all(map(_HEX.fullmatch, fields)):
            raise _Refused(_DATA)
        return [int(field, 16) for field in fields]

    def _values(self, registers: tuple[int, ...]) -> list[int]:
        found = []
        for register in registers:
            if register not in self._read:
                if register > 99:  # those of the process that are not fitted read 0
                    self.beyond.note(f"D{register}")
                    raise _Refused(_REGISTER)
                found.append(0)
                continue
            found.append(self._read[register]())
        return found

    # -- registers -------------------------------------------------------------------------

    def _has(self, alarm: str) -> bool:
        return alarm in self.plant.alarms

    def _steps_of(self, celsius: float) -> int:
        return _OPEN if math.isnan(celsius) else round(celsius * self._steps)

    def _status(self) -> int:
        if self.plant.program:
            return self._series.program_status
        return 2 if self.plant.running else self._series.stopped_status

    def _order(self, order: int) -> None:
        if order == _RUN and not self.plant.is_on:
            self.plant.switch(True)
            if not self.fixed:
                self.plant.start_program(1)
        elif order == _STOP:
            self.plant.switch(False)
        else:
            raise _Refused(_DATA)
        self.order = order

    def _aim(self, steps: int) -> None:
        if not self.plant.lowest_c <= steps / self._steps <= self.plant.highest_c:
            raise _Refused(_DATA)
        self.plant.aim(steps / self._steps)

    def _choose(self, mode: int) -> None:
        if mode not in (0, 1) or self.plant.is_on:
            raise _Refused(_DATA)
        self.fixed = mode

    def _slope(self, steps: int) -> None:
        if steps < 0:
            raise _Refused(_DATA)
        rate = steps / self._steps / 60.0
        self.plant.slope(rate, rate)

    def _humidify(self, tenths: int) -> None:
        if not 0 <= tenths <= 1000:
            raise _Refused(_DATA)
        self.plant.humidify(tenths > 0, tenths / 10)

    def _slope_wet(self, steps: int) -> None:
        if steps < 0:
            raise _Refused(_DATA)
        self._wet_slope = steps
