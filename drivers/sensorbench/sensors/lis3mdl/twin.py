"""A simulated LIS3MDL on an I2C bus.

Sources: registers, codes and scales hal_st lis3mdl_reg.h and .c; reset values, fast rates, noise,
offsets and the burst rule recalled from the LIS3MDL datasheet; noise by performance mode and the
spread of sensitivity and rate are estimates.

- Registers count up whether or not bit 7 of the register number is set: the data sheet wants it
  set, but drivers that read plain 0x28 work in the field (Adafruit_CircuitPython_LIS3MDL,
  micropython-lis3mdl). `always_increments=False` is a part as strict as the data sheet.
- Samples are taken at the unit's own rate. The newest is computed when somebody asks, and before
  the world or a register changes.
- What is acknowledged but has no effect here is listed in `beyond`: interrupts, fast read, writes
  to what can only be read, and reads from a register that the data sheet reserves.
"""

from __future__ import annotations

import math
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from sensorbench.core.errors import NotAcknowledged
from sensorbench.sensors.simulated import PowerOnReset, screened
from sensorbench.world.conversions import Conversions, reached
from sensorbench.world.world import Place

_BOOT_S = 0.005
_RESET = {0x0F: 0x3D, 0x20: 0x10, 0x22: 0x03}
_WRITABLE = frozenset((*range(0x05, 0x0B), *range(0x20, 0x25)))
_STORED = frozenset((0x30, 0x32, 0x33))
_READABLE = _WRITABLE | _STORED | {0x0F, *range(0x27, 0x30), 0x31}
_SLOWEST_HZ = 0.625
_FAST_HZ = (1000.0, 560.0, 300.0, 155.0)  # by performance mode
_COUNTS_PER_UT = (68.42, 34.21, 22.81, 17.11)
_NOISE_UT = (0.32, 0.32, 0.41)  # rms in ultra-high performance
_NOISIER = (1.8, 1.4, 1.15, 1.0)  # by performance mode (estimates)
_SELF_TEST_UT = ((180.0, 20.0), (180.0, 20.0), (50.0, 8.0))


class SimLis3mdl:
    """One part at a place in the world, with its own offsets, sensitivity, noise and rate."""

    FAULTS: ClassVar[tuple[str, ...]] = (
        "drift", "stuck", "noise", "identity", "self_test", "silent",
    )  # fmt: skip

    def __init__(self, place: Place, *, always_increments: bool = True) -> None:
        self.beyond = place.beyond
        self._place = place
        self._clock = place.clock
        self._always_increments = always_increments

        def spread(what: str, sigma: float) -> npt.NDArray[np.float64]:
            return np.array([screened(place, f"{what} {axis}", sigma) for axis in "xyz"])

        self._offset_ut = spread("offset", 25.0)  # within the zero-gauss level of 1 gauss
        self._offset_ut_per_k = spread("offset t", 0.05)
        self._ageing_ut = spread("ageing", 1.0)
        self._gain = 1.0 + spread("gain", 0.01)
        self._self_test_ut = [
            typical + screened(place, f"self-test {axis}", sigma)
            for axis, (typical, sigma) in zip("xyz", _SELF_TEST_UT, strict=True)
        ]
        self._temperature_offset_c = screened(place, "temperature offset", 1.5)
        self._speed = 1.0 + screened(place, "rate", 0.02)
        self._registers = bytearray(128)
        self._power = PowerOnReset(place, 1.7, self._reset, self._latch)
        self._reset()

    def supply_current_a(self) -> float:
        """Return the current it draws (recalled, typical: 270 uA in ultra-high performance)."""
        if not self._power.is_on():
            return 0.0
        if self._mode == 1:
            self._latch()
        return 270e-6 if self._samples.go_on else 1e-6

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
        start = self._pointer & 0x7F
        if start not in _READABLE:
            self.beyond.note(f"read from {start:#04x}")
        end = start + (length if self._increments else 1)
        if start < 0x30 and end > 0x20:
            self._latch()
        return bytes(self._read_byte() for _ in range(length))

    def _answer(self) -> None:
        self._power.check()
        if self._place.fault() == "silent":
            raise NotAcknowledged(f"part {self._place.serial} is silent")
        if not reached(self._clock.now(), self._power.since_s + _BOOT_S):
            raise NotAcknowledged(f"part {self._place.serial} is booting")

    @property
    def _increments(self) -> bool:
        return bool(self._pointer & 0x80) or self._always_increments

    def _advance(self) -> int:
        """Return the register number, and move on where it counts up."""
        register = self._pointer & 0x7F
        if self._increments:
            self._pointer = self._pointer & 0x80 | register + 1 & 0x7F
        return register

    def _read_byte(self) -> int:
        register = self._advance()
        if register == 0x0F and self._place.fault() == "identity":
            return 0x40
        if register == 0x21 and not reached(self._clock.now(), self._busy_until_s):
            return self._registers[0x21] | self._busy_bits
        if 0x28 <= register < 0x30:
            # With BDU a word of which one byte was read holds still until the other was.
            self._half_read ^= {register & ~1}
            if register < 0x2E and register & 1:
                axis = (register - 0x28) // 2
                self._registers[0x27] &= ~(0x88 | 0x11 << axis)
        return self._registers[register]

    # -- registers -------------------------------------------------------------------------

    def _reset(self) -> None:
        self._registers[:] = bytes(128)
        for register, value in _RESET.items():
            self._registers[register] = value
        self._pointer = 0
        self._half_read: set[int] = set()
        self._busy_until_s, self._busy_bits = -math.inf, 0
        self._begin()

    def _write(self, register: int, value: int) -> None:
        if register in _WRITABLE:
            self._latch()
            self._registers[register] = value
            if register == 0x21:
                self._control(value)
            elif register == 0x24 and value & 0x80:
                self.beyond.note(f"write {value:#04x} to 0x24")
            if 0x20 <= register <= 0x22:
                self._begin()
        elif register in _STORED:
            self.beyond.note(f"write {value:#04x} to {register:#04x}")
            self._registers[register] = value
        else:
            self.beyond.note(f"write {value:#04x} to {register:#04x}")

    def _control(self, value: int) -> None:
        if value & 0x04:
            self._reset()
        if value & 0x0C:
            self._busy_until_s = self._clock.now() + _BOOT_S
            self._busy_bits = value & 0x0C
            self._registers[0x21] = value & 0x60 if not value & 0x04 else 0

    # -- samples ---------------------------------------------------------------------------

    @property
    def _mode(self) -> int:
        return self._registers[0x22] & 3

    @property
    def _performance(self) -> int:
        return self._registers[0x20] >> 5 & 3

    def _begin(self) -> None:
        """Sample from now on, as the registers say."""
        control = self._registers[0x20]
        rate_hz = _SLOWEST_HZ * 2.0 ** (control >> 2 & 7)
        if control & 0x02:
            rate_hz = _FAST_HZ[self._performance]
        if self._registers[0x22] & 0x20:
            rate_hz = _SLOWEST_HZ
        if self._mode == 1:
            rate_hz = _FAST_HZ[self._performance]  # how long one conversion takes (recalled)
        now_s, lasts_s = self._clock.now(), 1.0 / (rate_hz * self._speed)
        if self._mode > 1:
            self._samples = Conversions()
        else:
            self._samples = Conversions(now_s, lasts_s, math.inf if self._mode else lasts_s)

    def _latch(self) -> None:
        """Put the last sample that was taken until now into the data registers."""
        due = self._samples.due(self._clock.now())
        if not due:
            return
        taken_s = self._samples.take(due)
        if not self._samples.go_on:
            self._registers[0x22] |= 0x03  # back to power-down
        for axis, count in enumerate(self._counts(taken_s)):
            self._put(0x28 + 2 * axis, count)
        if self._registers[0x20] & 0x80:
            warmer = self._place.temperature_c(taken_s) + self._temperature_offset_c - 25.0
            self._put(0x2E, _word(warmer * 8.0))
        unread = 0x07 if due > 1 else self._registers[0x27] & 0x07
        self._registers[0x27] |= 0x0F | unread << 4 | (0x80 if unread else 0)

    def _counts(self, taken_s: float) -> list[int]:
        fault, mode = self._place.fault(taken_s), self._performance
        times = np.array([taken_s])
        found = self._place.magnetic_field(times)[0] * self._gain + self._offset_ut
        warmer = float(self._place.temperatures_c(times)[0]) - 25.0
        found = found + self._offset_ut_per_k * warmer
        ageing = np.copysign(60.0, self._ageing_ut) if fault == "drift" else self._ageing_ut
        found = found + ageing * math.sqrt(self._place.stress_h(taken_s) / 1000)
        counter = round(taken_s * 1e6)
        louder = _NOISIER[mode] * (50.0 if fault == "noise" else 1.0)
        for axis, sigma in enumerate(_NOISE_UT):
            noise = self._place.stream(f"noise {'xyz'[axis]}").normal(counter)
            found[axis] += louder * sigma * noise
        if self._registers[0x20] & 0x01 and fault != "self_test":
            found = found + self._self_test_ut
        if fault == "stuck":
            found = np.array([12.5, -12.5, 12.5])
        digits = _COUNTS_PER_UT[self._registers[0x21] >> 5 & 3]
        return [_word(float(part) * digits - self._hard_iron(i)) for i, part in enumerate(found)]

    def _hard_iron(self, axis: int) -> int:
        """Return what the user's offset register takes off (recalled: it is subtracted)."""
        start = 0x05 + 2 * axis
        return int.from_bytes(self._registers[start : start + 2], "little", signed=True)

    def _put(self, register: int, word: int) -> None:
        if self._registers[0x24] & 0x40 and register in self._half_read:
            return
        data = word.to_bytes(2, "little", signed=True)
        swaps = self._registers[0x23] & 0x02
        self._registers[register : register + 2] = data[::-1] if swaps else data


def _word(counts: float) -> int:
    return max(-32768, min(32767, round(counts)))
