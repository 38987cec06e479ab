"""A simulated LPS22HH on an I2C bus: its registers and when it samples.

Sources: registers, codes and modes hal_st lps22hh_reg.h and .c; reset values, times and currents
recalled from the LPS22HH data sheet; that a unit's rate is 3 % off at most is an estimate.
twin_signals.py says what is in a sample. The depth of the FIFO, and that its overrun flag goes when
a sample is read, are recalled.

- Samples are computed when somebody asks, all since the last look at once, and before the world or
  a register changes.
- The one-point offset (RPDS) is taken off the pressure, 1/16 hPa a digit; a soft reset keeps it, a
  boot clears it (package lps22hh of the Python index, after ST's AN5387).
- The register number is 7 bits; it counts up where IF_ADD_INC says so, and from the last byte of
  the FIFO's window to its first.
- Acknowledged, without effect here and listed in `beyond`: interrupts, thresholds, references,
  pins, triggered FIFO modes, switching low noise while it samples, writes to what
  can only be read, and reads from a register that the map does not name.
"""

from __future__ import annotations

import math
from typing import ClassVar

import numpy as np

from sensorbench.core.errors import NotAcknowledged
from sensorbench.sensors.lps22hh.twin_signals import MEMORY, Signals, packed
from sensorbench.sensors.simulated import PowerOnReset, screened
from sensorbench.sensors.simulated_fifo import SampleFifo
from sensorbench.world.conversions import Conversions, reached
from sensorbench.world.world import Place

_POWER_ON_V, _BOOT_S, _RESET_S = 1.5, 0.0022, 20e-6
_RATES_HZ = (0.0, 1.0, 10.0, 25.0, 50.0, 75.0, 100.0, 200.0)
_ONE_SHOT_S = (0.0047, 0.0132)  # without and with low noise (recalled, typical)
_SLOWER = 0.03 / 3  # one sigma of a unit's rate
_RESET = {0x0F: 0xB3, 0x11: 0x10}
_EFFECTIVE = frozenset((0x10, 0x11, 0x13, 0x14, 0x18, 0x19))
_STORED = frozenset((0x0B, 0x0C, 0x0D, 0x0E, 0x12))
_READABLE = _EFFECTIVE | _STORED | {0x0F, 0x15, 0x16, *range(0x24, 0x2D), *range(0x78, 0x7D)}
_FIFO_OUT, _OUT, _OUT_END = 0x78, 0x28, 0x2D
DEPTH, SAMPLE = 128, 5


class SimLps22hh:
    """One part at a place in the world, with its own offsets, noise and rate."""

    FAULTS: ClassVar[tuple[str, ...]] = ("drift", "stuck", "noise", "identity", "silent")

    def __init__(self, place: Place) -> None:
        self.beyond = place.beyond
        self._place = place
        self._clock = place.clock
        self._signals = Signals(place)
        self._speed = 1.0 + screened(place, "rate", _SLOWER)
        self._registers = bytearray(128)
        self._fifo = SampleFifo(DEPTH, SAMPLE)
        self._power = PowerOnReset(place, _POWER_ON_V, self._boot, self._catch_up)
        self._boot()

    def supply_current_a(self) -> float:
        """Return the current it draws: sampling, by rate and noise, or not (recalled, typical)."""
        if not self._power.is_on():
            return 0.0
        self._catch_up()
        if not self._samples.go_on:
            return 0.9e-6
        sample_c = 12e-6 if self._low_noise else 4e-6  # coulombs
        return 0.9e-6 + sample_c * max(1.0, _RATES_HZ[self._rate_code])

    # -- the bus ---------------------------------------------------------------------------

    def receive(self, data: bytes) -> None:
        self._answer()
        if not data:
            return
        self._pointer = data[0] & 0x7F
        for value in data[1:]:
            self._write(self._pointer, value)
            self._advance()

    def send(self, length: int) -> bytes:
        self._answer()
        if self._pointer not in _READABLE:
            self.beyond.note(f"read from {self._pointer:#04x}")
        self._catch_up()
        if self._pointer == _FIFO_OUT and self._increments:
            whole, more = divmod(length, SAMPLE)
            self._pointer = _FIFO_OUT + more
            return self._fifo.take(whole) + self._fifo.peek()[:more]
        self._registers[0x25:0x27] = self._fifo_status()
        return bytes(self._read_byte() for _ in range(length))

    def _answer(self) -> None:
        self._power.check()
        if self._place.fault() == "silent":
            raise NotAcknowledged(f"part {self._place.serial} is silent")
        if not reached(self._clock.now(), self._power.since_s + _BOOT_S):
            raise NotAcknowledged(f"part {self._place.serial} is booting")

    @property
    def _increments(self) -> bool:
        return bool(self._registers[0x11] & 0x10)

    def _advance(self) -> None:
        if self._increments:
            last_of_fifo = self._pointer == _FIFO_OUT + SAMPLE - 1
            self._pointer = _FIFO_OUT if last_of_fifo else self._pointer + 1 & 0x7F

    def _read_byte(self) -> int:
        register = self._pointer
        self._advance()
        if register == 0x0F and self._place.fault() == "identity":
            return 0xB1
        if register == 0x11 and not reached(self._clock.now(), self._busy_until_s):
            return self._registers[0x11] | self._busy_bit
        if register == 0x24:
            boots = self._busy_bit & 0x80 and not reached(self._clock.now(), self._busy_until_s)
            return 0x80 if boots else 0x00
        if _FIFO_OUT <= register < _FIFO_OUT + SAMPLE:
            value = self._fifo.peek()[register - _FIFO_OUT]
            if register == _FIFO_OUT + SAMPLE - 1:
                self._fifo.take(1)
            return value
        value = self._registers[register]
        if _OUT <= register < _OUT_END:
            self._read_output(register)
        return value

    def _read_output(self, register: int) -> None:
        """Let flags go with the highest byte; with BDU a word that is half read holds still."""
        bit = 0x01 if register < 0x2B else 0x02
        if register not in {0x2A, 0x2C}:
            self._half_read |= bit
            return
        self._half_read &= ~bit
        self._registers[0x27] &= ~(bit | bit << 4)
        self._release(bit)

    # -- registers -------------------------------------------------------------------------

    def _boot(self) -> None:
        self._reset()
        self._registers[0x18:0x1A] = bytes(2)
        self._busy_until_s, self._busy_bit = -math.inf, 0

    def _reset(self) -> None:
        self._registers[:0x18] = bytes(0x18)
        self._registers[0x1A:] = bytes(128 - 0x1A)
        for register, value in _RESET.items():
            self._registers[register] = value
        self._pointer = 0
        self._half_read = 0
        self._newest = bytes(SAMPLE)
        self._fifo.clear()
        self._fifo.depth = DEPTH
        self._signals.forget()
        self._samples = Conversions()

    def _write(self, register: int, value: int) -> None:
        if register not in _EFFECTIVE:
            self.beyond.note(f"write {value:#04x} to {register:#04x}")
            if register in _STORED:
                self._registers[register] = value
            return
        self._catch_up()
        if register == 0x10:
            self._registers[0x10] = value & 0x7F
            self._begin()
        elif register == 0x11:
            self._control(value)
        elif register == 0x13:
            self._configure_fifo(value)
        else:
            self._registers[register] = value & 0x7F if register == 0x14 else value
            self._limit_fifo()

    def _control(self, value: int) -> None:
        now_s = self._clock.now()
        if value & 0x04:
            self._reset()
            self._busy_until_s, self._busy_bit = now_s + _RESET_S, 0x04
            return
        if value & 0x80:
            self._busy_until_s, self._busy_bit = now_s + _BOOT_S, 0x80
            self._registers[0x18:0x1A] = bytes(2)
        if self._rate_code and (value ^ self._registers[0x11]) & 0x02:
            self.beyond.note(f"write {value:#04x} to 0x11 while it samples")
        self._registers[0x11] = value & 0x73
        if value & 0x01 and not self._rate_code:
            lasts_s = _ONE_SHOT_S[self._low_noise] / self._speed
            self._samples = Conversions(now_s, lasts_s)
        elif value & 0x01:
            self._registers[0x11] &= ~0x01  # it samples by itself

    def _configure_fifo(self, value: int) -> None:
        self._registers[0x13] = value & 0x0F
        if value & 7 not in (0, 1, 2) or value & 0xF0:
            self.beyond.note(f"write {value:#04x} to 0x13")
        if not value & 3:
            self._fifo.clear()
        self._limit_fifo()

    def _limit_fifo(self) -> None:
        """Let it be as deep as its watermark where it stops there."""
        watermark = self._registers[0x14]
        self._fifo.depth = watermark if self._registers[0x13] & 8 and watermark else DEPTH

    # -- samples ---------------------------------------------------------------------------

    @property
    def _rate_code(self) -> int:
        return self._registers[0x10] >> 4 & 7

    @property
    def _low_noise(self) -> bool:
        return bool(self._registers[0x11] & 0x02) and self._rate_code < 6

    def _begin(self) -> None:
        """Sample from now on, as the registers say."""
        self._signals.forget()
        self._samples = Conversions()
        if self._rate_code:
            period_s = 1.0 / (_RATES_HZ[self._rate_code] * self._speed)
            self._samples = Conversions(self._clock.now(), period_s, period_s)

    def _catch_up(self) -> None:
        """Take the samples that are due by now."""
        now_s = self._clock.now()  # not what ends while this is computed
        while due := self._samples.due(now_s):
            if self._fifo_mode == 1 and self._fifo.room:
                self._sample(min(due, self._fifo.room), 0)  # a FIFO that stops keeps the first ones
            else:
                self._sample(due, max(0, due - MEMORY))

    def _sample(self, due: int, left_out: int) -> None:
        """Take `due` samples; of those `left_out` nothing is left, they are not computed."""
        samples = self._samples
        numbers = np.arange(samples.taken + left_out, samples.taken + due)
        times = samples.ends_s(numbers) if self._rate_code else np.array([samples.end_s(0)])
        samples.take(due)
        if left_out:
            self._signals.forget()
        pressure, temperature = self._signals.counts(
            times,
            int(numbers[0]),
            f"{round(samples.began_s * 1e6)}",
            low_noise=self._low_noise,
            filter_code=self._registers[0x10] >> 2 & 3,
        )
        offset = int.from_bytes(self._registers[0x18:0x1A], "little", signed=True) * 256
        found = packed(pressure - offset, temperature)
        if self._fifo_mode in (1, 2):
            self._fifo.put(found, left_out, stops=self._fifo_mode == 1)
        self._newest = found[-1].tobytes()
        self._latch(missed=due > 1)
        if not samples.go_on:
            self._registers[0x11] &= ~0x01

    def _fifo_status(self) -> bytes:
        """Return FIFO_STATUS1 and 2."""
        level, watermark = self._fifo.level, self._registers[0x14]
        flags = 0x80 if watermark and level >= watermark else 0
        flags |= 0x40 if self._fifo.overrun else 0
        return bytes((level, flags | (0x20 if level >= DEPTH else 0)))

    @property
    def _fifo_mode(self) -> int:
        return self._registers[0x13] & 7

    def _latch(self, *, missed: bool) -> None:
        """Put the newest sample into the data registers, and raise their flags."""
        unread = 0x03 if missed else self._registers[0x27] & 0x03
        self._registers[0x27] |= 0x03 | unread << 4
        for bit in (0x01, 0x02):
            self._release(bit)

    def _release(self, bit: int) -> None:
        """Bring a data register up to the newest sample, unless BDU holds it."""
        if self._registers[0x10] & 0x02 and self._half_read & bit:
            return
        start, end = (0, 3) if bit == 0x01 else (3, 5)
        self._registers[_OUT + start : _OUT + end] = self._newest[start:end]
