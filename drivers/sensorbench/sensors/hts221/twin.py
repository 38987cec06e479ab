"""A simulated HTS221 on an I2C bus.

Sources: map and formulas hal_st hts221_reg.h and .c, inverted here; accuracy: HTS221 data sheet
DocID026333 rev 4, first page; factory words lie around those of a real part, whose humidity falls
with its counts (qa-community.st.com, HTS221 Incorrect Temperatures). Reset values, noise by
averaging and currents are recalled; conversion times between the known 3 and 60 ms, how far a
unit's rate is off, and ageing are estimates.

- Registers count up only where bit 7 of the register number was set.
- Samples are computed when somebody asks, and before the world or a register changes.
- Not modelled: the sensor's lag (10 s in humidity, 15 s in temperature), which is short against a
  chamber's. Acknowledged, without effect and listed in `beyond`: the heater, the data-ready pin,
  writes to what can only be read, and reads from a register that the map does not name.
"""

from __future__ import annotations

import math
import struct
from typing import ClassVar

from sensorbench.core.errors import NotAcknowledged
from sensorbench.sensors.simulated import PowerOnReset, screened
from sensorbench.world.conversions import Conversions, reached
from sensorbench.world.world import Place

_POWER_ON_V, _BOOT_S = 1.5, 0.005
_RATES_HZ = (0.0, 1.0, 7.0, 12.5)
_SLOWER = 0.05 / 3  # one sigma of a unit's rate
# Noise, one sigma, by averaging code (data sheet, AV_CONF; recalled).
_NOISE_RH = (0.4, 0.3, 0.2, 0.15, 0.1, 0.07, 0.05, 0.03)
_NOISE_C = (0.08, 0.05, 0.04, 0.03, 0.02, 0.015, 0.01, 0.007)
_LASTS_S, _LASTS_EACH_S = 2e-3, 0.075e-3
_RESET = {0x0F: 0xBC, 0x10: 0x1B}
_EFFECTIVE = frozenset((0x10, 0x20, 0x21))
_STORED = frozenset((0x22,))
_READABLE = _EFFECTIVE | _STORED | {0x0F, *range(0x27, 0x2C), *range(0x30, 0x40)}
_OUT = 0x28
# Twice the two humidities, eight times the two temperatures, and what came out at each.
_HUMIDITIES, _TEMPERATURES = (61, 143), (153, 270)
_HUMIDITY_OUT, _TEMPERATURE_OUT = (-14, -12043), (0, 798)
_SPREAD = (30, 400, 10, 20)  # of these four outputs


class SimHts221:
    """One part at a place in the world, with its own factory words, offsets, noise and rate."""

    FAULTS: ClassVar[tuple[str, ...]] = (
        "drift", "stuck", "noise", "identity", "memory", "silent",
    )  # fmt: skip

    def __init__(self, place: Place) -> None:
        self.beyond = place.beyond
        self._place = place
        self._clock = place.clock
        self._outputs = tuple(
            nominal + round(screened(place, f"factory {index}", spread / 3))
            for index, (nominal, spread) in enumerate(
                zip((*_HUMIDITY_OUT, *_TEMPERATURE_OUT), _SPREAD, strict=True)
            )
        )
        self._offset_rh = screened(place, "humidity offset", 1.1)
        self._offset_c = screened(place, "temperature offset", 0.17)
        self._ageing_rh = screened(place, "ageing", 0.5)
        self._speed = 1.0 + screened(place, "rate", _SLOWER)
        self._registers = bytearray(128)
        self._power = PowerOnReset(place, _POWER_ON_V, self._reset, self._latch)
        self._reset()

    def supply_current_a(self) -> float:
        """Return the current it draws: sampling, or powered down (recalled, typical)."""
        if not self._power.is_on():
            return 0.0
        self._latch()
        rate_hz = _RATES_HZ[self._registers[0x20] & 3]
        return 0.5e-6 + 1.5e-6 * max(rate_hz, 1.0) if self._samples.go_on else 0.5e-6

    # -- the bus ---------------------------------------------------------------------------

    def receive(self, data: bytes) -> None:
        self._answer()
        if not data:
            return
        self._pointer = data[0]
        for value in data[1:]:
            self._write(self._advance(), value)

    def send(self, length: int) -> bytes:
        self._answer()
        if self._pointer & 0x7F not in _READABLE:
            self.beyond.note(f"read from {self._pointer & 0x7F:#04x}")
        self._latch()
        return bytes(self._read_byte() for _ in range(length))

    def _answer(self) -> None:
        self._power.check()
        if self._place.fault() == "silent":
            raise NotAcknowledged(f"part {self._place.serial} is silent")
        if not reached(self._clock.now(), self._power.since_s + _BOOT_S):
            raise NotAcknowledged(f"part {self._place.serial} is booting")

    def _advance(self) -> int:
        """Return the register number, and move on where it counts up."""
        register = self._pointer & 0x7F
        if self._pointer & 0x80:
            self._pointer = 0x80 | register + 1 & 0x7F
        return register

    def _read_byte(self) -> int:
        register = self._advance()
        if register == 0x0F and self._place.fault() == "identity":
            return 0xBD
        if register == 0x21 and not reached(self._clock.now(), self._busy_until_s):
            return self._registers[0x21] | 0x80
        if 0x30 <= register < 0x40:
            return self._memory()[register - 0x30]
        if _OUT <= register < _OUT + 4:
            # With BDU a word of which one byte was read holds still until the other was.
            self._half_read ^= {register & ~1}
            if register & 1:
                self._registers[0x27] &= ~(0x02 if register == 0x29 else 0x01)
        return self._registers[register]

    def _memory(self) -> bytes:
        """Return the factory words; the reserved bits of the shared byte are not 0."""
        if self._place.fault() == "memory":
            return b"\xff" * 16
        high = 0xC0 | _TEMPERATURES[0] >> 8 | (_TEMPERATURES[1] >> 8) << 2
        h0, h1, t0, t1 = self._outputs
        return struct.pack(
            "<BBBBBBhhhhh", *_HUMIDITIES, *(value & 0xFF for value in _TEMPERATURES), 0, high,
            h0, 826, h1, t0, t1,
        )  # fmt: skip

    # -- registers -------------------------------------------------------------------------

    def _reset(self) -> None:
        self._registers[:] = bytes(128)
        for register, value in _RESET.items():
            self._registers[register] = value
        self._pointer = 0
        self._half_read: set[int] = set()
        self._busy_until_s = -math.inf
        self._samples = Conversions()

    def _write(self, register: int, value: int) -> None:
        self._latch()
        if register not in _EFFECTIVE:
            if register not in _STORED or value:
                self.beyond.note(f"write {value:#04x} to {register:#04x}")
            if register in _STORED:
                self._registers[register] = value
        elif register == 0x21:
            self._control(value)
        else:
            changed = self._registers[register] != value
            self._registers[register] = value
            if register == 0x20 and changed:
                self._begin(value)

    def _control(self, value: int) -> None:
        now_s = self._clock.now()
        if value & 0x80:
            self._busy_until_s = now_s + _BOOT_S
        if value & 0x02:
            self.beyond.note(f"heater {value:#04x}")
        on_request = self._registers[0x20] & 0x83 == 0x80
        self._registers[0x21] = value & 0x02
        if value & 0x01 and on_request:
            self._registers[0x21] |= 0x01
            self._samples = Conversions(now_s, self._lasts_s)

    @property
    def _lasts_s(self) -> float:
        averaging = self._registers[0x10]
        averaged = (2 << (averaging >> 3 & 7)) + (4 << (averaging & 7))
        return (_LASTS_S + averaged * _LASTS_EACH_S) / self._speed

    def _begin(self, value: int) -> None:
        """Sample from now on, as CTRL_REG1 says, or no more."""
        self._samples = Conversions()
        self._registers[0x21] &= ~0x01
        rate_hz = _RATES_HZ[value & 3]
        if value & 0x80 and rate_hz:
            period_s = 1.0 / (rate_hz * self._speed)
            self._samples = Conversions(self._clock.now(), min(self._lasts_s, period_s), period_s)

    # -- samples ---------------------------------------------------------------------------

    def _latch(self) -> None:
        """Put the last sample that was taken until now into the data registers."""
        due = self._samples.due(self._clock.now())
        if not due:
            return
        ended_s = self._samples.take(due)
        if not self._samples.go_on:
            self._registers[0x21] &= ~0x01
        for word, counts in zip((_OUT, _OUT + 2), self._counts(ended_s), strict=True):
            if not (self._registers[0x20] & 0x04 and word in self._half_read):
                self._registers[word : word + 2] = counts.to_bytes(2, "little", signed=True)
        self._registers[0x27] |= 0x03

    def _counts(self, ended_s: float) -> tuple[int, int]:
        place, fault = self._place, self._place.fault(ended_s)
        h0, h1, t0, t1 = self._outputs
        if fault == "stuck":
            return (h0 + h1) // 2, (t0 + t1) // 2
        counter, louder = round(ended_s * 1e6), 50.0 if fault == "noise" else 1.0
        averaging = self._registers[0x10]
        noise_rh = louder * _NOISE_RH[averaging & 7]
        noise_c = louder * _NOISE_C[averaging >> 3 & 7]
        humidity_rh = place.humidity_rh(ended_s) + self._offset_rh
        ageing_rh = math.copysign(8.0, self._ageing_rh) if fault == "drift" else self._ageing_rh
        humidity_rh += ageing_rh * math.sqrt(place.stress_h(ended_s) / 1000)
        humidity_rh += noise_rh * place.stream("humidity noise").normal(counter)
        temperature_c = place.temperature_c(ended_s) + self._offset_c
        temperature_c += noise_c * place.stream("temperature noise").normal(counter)
        return (
            _on_line(humidity_rh * 2, _HUMIDITIES, (h0, h1)),
            _on_line(temperature_c * 8, _TEMPERATURES, (t0, t1)),
        )


def _on_line(value: float, points: tuple[int, int], outputs: tuple[int, int]) -> int:
    share = (value - points[0]) / (points[1] - points[0])
    return max(-32768, min(32767, round(outputs[0] + (outputs[1] - outputs[0]) * share)))
