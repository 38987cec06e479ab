"""A simulated HP206C on an I2C bus.

Sources: commands, formats, times, altitude offset, accuracy of temperature, currents: HP206C data
sheet EN V2.0, pages 3, 5 to 8 and 12; registers eclipse/upm src/hp20x, whose author read
a PARA that does not compensate after a reset, where the data sheet says that it does: the twin does
as was read. Recalled: accuracy and noise of the pressure. Estimates: how conversions without
compensation are off, how long a reset takes between 0.4 and 0.6 ms, that a unit's clock is 2 % off
at most, that the flags T_RDY and PA_RDY rise where INT_EN enables them and go when a value is read.

- What is not a soft reset or a read is ignored while it converts; values read then are those of the
  conversion before, without any sign.
- `beyond` lists what is acknowledged without effect: commands that nobody knows or that come while
  it converts, recalibration, channels and oversampling that lead to no conversion, thresholds,
  events and the interrupt pin.
"""

from __future__ import annotations

import math
from typing import ClassVar

import numpy as np

from sensorbench.core.errors import NotAcknowledged
from sensorbench.sensors.simulated import PowerOnReset, aged, during, screened
from sensorbench.world.conversions import Conversions, reached
from sensorbench.world.world import Place

_POWER_ON_V, _RESET_S = 1.6, (0.0004, 0.0006)
# By OSR code: seconds of both and of temperature alone, and how many values are averaged.
_OSR = (
    (0.1311, 0.0656, 4096), (0.0656, 0.0328, 2048), (0.0328, 0.0164, 1024),
    (0.0164, 0.0082, 512), (0.0082, 0.0041, 256), (0.0041, 0.0021, 128),
)  # fmt: skip
_NOISE_PA, _NOISE_C = 1.0, 0.005  # with the highest oversampling
_ANSWERS = {0x10: "tp", 0x11: "ta", 0x30: "p", 0x31: "a", 0x32: "t"}
_REGISTERS = 16
_EFFECTIVE = frozenset((0x00, 0x01, 0x0B, 0x0F))  # ALT_OFF, INT_EN, PARA


class SimHp206c:
    """One part at a place in the world, with its own offsets, noise and clock."""

    FAULTS: ClassVar[tuple[str, ...]] = ("drift", "stuck", "noise", "silent")

    def __init__(self, place: Place) -> None:
        self.beyond = place.beyond
        self._place = place
        self._clock = place.clock
        self._offset_pa = screened(place, "offset", 50.0)
        self._offset_pa_per_k = screened(place, "offset t", 0.8)
        self._ageing_pa = screened(place, "ageing", 25.0)
        self._offset_c = screened(place, "temperature offset", 0.2)
        self._raw_gain = 0.95 + screened(place, "raw gain", 0.01)
        self._slowness = place.stream("unit slowness").uniform()
        self._speed = 1.0 + screened(place, "clock", 0.02 / 3)
        self._registers = bytearray(_REGISTERS)
        self._power = PowerOnReset(place, _POWER_ON_V, self._supplied, self._catch_up)
        self._reset(self._power.since_s)

    def supply_current_a(self) -> float:
        """Return the current it draws: converting, or asleep."""
        if not self._power.is_on():
            return 0.0
        self._catch_up()
        return 1.3e-3 if self._conversions.go_on else 0.1e-6

    # -- the bus ---------------------------------------------------------------------------

    def receive(self, data: bytes) -> None:
        self._answer()
        if not data:
            return
        command = data[0]
        self._catch_up()
        self._reply = b""
        if command & 0xC0 == 0x80:
            self._reply = bytes([self._read_register(command & 0x3F)])
        elif command in _ANSWERS:
            self._reply = b"".join(self._values[name] for name in _ANSWERS[command])
            self._registers[0x0D] &= ~0x30
        elif command == 0x06:
            self._reset(self._clock.now())
        elif not self._is_ready:
            self.beyond.note(f"command {command:#04x} while it is busy")
        elif command & 0xC0 == 0xC0:
            self._write_register(command & 0x3F, data[1:])
        elif command & 0xE0 == 0x40:
            self._convert(command)
        else:
            self.beyond.note(f"command {command:#04x}")

    def send(self, length: int) -> bytes:
        self._answer()
        reply, self._reply = self._reply, b""
        return reply[:length].ljust(length, b"\xff")  # beyond its end nobody pulls the line

    def _answer(self) -> None:
        self._power.check()
        if self._place.fault() == "silent":
            raise NotAcknowledged(f"part {self._place.serial} is silent")

    # -- registers -------------------------------------------------------------------------

    def _supplied(self) -> None:
        self._reset(self._power.since_s)

    def _reset(self, at_s: float) -> None:
        shortest_s, longest_s = _RESET_S
        self._registers[:] = bytes(_REGISTERS)
        self._ready_s = at_s + shortest_s + (longest_s - shortest_s) * self._slowness
        self._reply = b""
        self._values = {name: bytes(3) for name in "tpa"}
        self._conversions = Conversions()
        self._command = 0

    @property
    def _is_ready(self) -> bool:
        return reached(self._clock.now(), self._ready_s) and not self._conversions.go_on

    def _read_register(self, register: int) -> int:
        if register >= _REGISTERS:
            self.beyond.note(f"read from {register:#04x}")
            return 0x00
        value = self._registers[register]
        return value | (0x40 if register == 0x0D and self._is_ready else 0)

    def _write_register(self, register: int, data: bytes) -> None:
        reserved = {0x0B: 0xCF, 0x0F: 0x7F}.get(register, 0)  # events are not modelled
        if len(data) != 1 or register not in _EFFECTIVE or data[0] & reserved:
            self.beyond.note(f"write {data.hex()} to {register:#04x}")
        if data and register < _REGISTERS and register not in {0x0D, 0x0E}:
            self._registers[register] = data[0]

    # -- conversions -----------------------------------------------------------------------

    def _convert(self, command: int) -> None:
        code, channel = command >> 2 & 7, command & 3
        if channel & 1 or code >= len(_OSR):
            self.beyond.note(f"command {command:#04x}")
            return
        both_s, temperature_s, _ = _OSR[code]
        lasts_s = (temperature_s if channel else both_s) / self._speed
        self._command = command
        self._conversions = Conversions(self._clock.now(), lasts_s)

    def _catch_up(self) -> None:
        """Latch a conversion that has ended by now."""
        if not self._conversions.due(self._clock.now()):
            return
        ended_s = self._conversions.take()
        pressure_pa, temperature_c = self._converted(ended_s, _OSR[self._command >> 2 & 7][2])
        self._values["t"] = _word(100.0 * temperature_c, signed=True)
        ready = 0x10
        if not self._command & 2:
            offset_m = int.from_bytes(self._registers[1::-1], "big", signed=True) / 100
            height_m = 44330.77 * (1.0 - (max(pressure_pa, 1.0) / 101_325.0) ** 0.1902632)
            self._values["p"] = _word(pressure_pa, signed=False)
            self._values["a"] = _word(100.0 * (height_m + offset_m), signed=True)
            ready = 0x30
        self._registers[0x0D] |= ready & self._registers[0x0B]

    def _converted(self, ended_s: float, averaged: int) -> tuple[float, float]:
        """Return Pa and degC of the conversion that ended then."""
        place, fault = self._place, self._place.fault(ended_s)
        if fault == "stuck":
            return 95_000.0, 25.0
        louder = math.sqrt(4096 / averaged)
        counter = round(ended_s * 1e6)
        times = np.array([ended_s])
        body_c = place.temperature_c(ended_s) + self._offset_c
        body_c += _NOISE_C * louder * place.stream("temperature noise").normal(counter)
        noise_pa = _NOISE_PA * louder * (50.0 if during(place, "noise", times)[0] else 1.0)
        felt_pa = place.pressure_pa(at_s=ended_s) + self._offset_pa
        felt_pa += self._offset_pa_per_k * (body_c - 25.0)
        felt_pa += float(aged(place, self._ageing_pa, 800.0, times)[0])
        felt_pa += noise_pa * place.stream("pressure noise").normal(counter)
        if not self._registers[0x0F] & 0x80:
            return self._raw_gain * felt_pa + 40.0 * (body_c - 25.0), self._raw_gain * body_c
        return felt_pa, body_c


def _word(value: float, *, signed: bool) -> bytes:
    """Return 20 bits in 3 bytes, high byte first; the sign goes on into the highest four."""
    low, high = (-(1 << 19), (1 << 19) - 1) if signed else (0, (1 << 20) - 1)
    return (max(low, min(high, round(value))) & 0xFFFFFF).to_bytes(3, "big")
