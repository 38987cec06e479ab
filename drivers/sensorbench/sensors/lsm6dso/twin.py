"""A simulated LSM6DSO on an I2C bus: its registers, its data path and its FIFO.

Sources: registers and codes hal_st lsm6dso_reg.h and .c; reset values, times and currents recalled
from the LSM6DSO data sheet. twin_sampling.py says which go to the FIFO, twin_signals.py what is in
them, twin_fifo.py how they wait.

- Samples are taken on ticks of the part's own oscillator, a few percent off (INTERNAL_FREQ_FINE).
- They are computed when somebody asks, all since the last look at once, and before the world or a
  register changes.
- Writes to read-only registers are acknowledged and change nothing, as in the part. They are listed
  in `beyond`, with what is acknowledged but has no effect here: other register pages, compression,
  batched temperature and time stamps, filters, interrupts, triggered FIFO modes, user offsets; and
  reads from a register that the data sheet reserves.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from sensorbench.core.errors import NotAcknowledged
from sensorbench.sensors.lsm6dso.twin_fifo import DEPTH, WORD, Fifo
from sensorbench.sensors.lsm6dso.twin_sampling import Batched, words_between
from sensorbench.sensors.lsm6dso.twin_signals import ACCELEROMETER, GYROSCOPE
from sensorbench.sensors.simulated import PowerOnReset, screened
from sensorbench.sensors.simulated_sampling import Half, Oscillator
from sensorbench.sensors.simulated_triad import Kind, Triad
from sensorbench.world.conversions import reached
from sensorbench.world.world import Place

_LOWEST_V = 1.6  # power-on reset (recalled)
_RESET_S, _BOOT_S = 50e-6, 0.010
_FASTEST_HZ, _RATE_SIGMA = 6667.0, 0.02
_FINE = 0.0015  # a digit of INTERNAL_FREQ_FINE
_TICKS = {1: 512, 2: 256, 3: 128, 4: 64, 5: 32, 6: 16, 7: 8, 8: 4, 9: 2, 10: 1}
_SLOWEST_CODE, _SLOWEST_TICKS = 11, 4096  # of the accelerometer, in low power
_SLOWEST_BATCHED_TICKS = 1024  # the same code in FIFO_CTRL3, for both
_TEMPERATURE_TICKS = 128
_MILLI_G = 9.80665e-3
_ACCELERATION_DIGITS = (0.061 * _MILLI_G, 0.488 * _MILLI_G, 0.122 * _MILLI_G, 0.244 * _MILLI_G)
_ANGULAR_RATE_DIGITS = (0.00875, 0.0175, 0.035, 0.07)
_RESET = {0x02: 0x3F, 0x12: 0x04, 0x18: 0xE0}
_EFFECTIVE = frozenset((0x01, 0x07, 0x08, 0x09, 0x0A, 0x10, 0x11, 0x12, 0x13, 0x14, 0x18, 0x19))
# Stored, and of no effect here: pins, counters, interrupts, filters, wake-up and tap, offsets.
_STORED = frozenset((0x02, 0x0B, 0x0C, 0x0D, 0x0E, *range(0x15, 0x18), *range(0x56, 0x60),
                     0x6F, 0x70, 0x71, 0x72, 0x73, 0x74, 0x75))  # fmt: skip
_READABLE = _EFFECTIVE | _STORED | {
    0x0F, *range(0x1A, 0x1F), *range(0x20, 0x2E), *range(0x35, 0x3C), *range(0x40, 0x44),
    *range(0x49, 0x51), 0x63, *range(0x78, 0x7F),
}  # fmt: skip
_STATUS, _TEMPERATURE_OUT, _OUT_END, _FIFO_STATUS2, _FIFO_OUT = 0x1E, 0x20, 0x2E, 0x3B, 0x78


class SimLsm6dso:
    """One part at a place in the world, with its own errors, noise and oscillator."""

    FAULTS: ClassVar[tuple[str, ...]] = (
        "drift", "stuck", "noise", "identity", "fifo", "self_test", "silent",
    )  # fmt: skip
    WHO_AM_I: ClassVar[int] = 0x6C
    STRANGER: ClassVar[int] = 0x6B
    EFFECTIVE: ClassVar[frozenset[int]] = _EFFECTIVE
    STORED: ClassVar[frozenset[int]] = _STORED
    READABLE: ClassVar[frozenset[int]] = _READABLE
    KINDS: ClassVar[tuple[Kind, Kind]] = (ACCELEROMETER, GYROSCOPE)
    WIDE_BIT: ClassVar[int] = 0  # of CTRL2_G, for 4000 deg/s
    HAS_SLOW: ClassVar[bool] = True  # the accelerometer's 1.6 Hz

    def __init__(self, place: Place) -> None:
        self.beyond = place.beyond
        self._place = place
        self._clock = place.clock
        self._oscillator = oscillator = Oscillator(place, _FASTEST_HZ, _RATE_SIGMA)
        self._temperature_offset_c = screened(place, "temperature offset", 3.0)
        self._accelerometer = Half(
            "accelerometer", oscillator, Triad(place, self.KINDS[0]), place.acceleration, 0x28, 1
        )
        self._gyroscope = Half(
            "gyroscope", oscillator, Triad(place, self.KINDS[1]), place.angular_rate, 0x22, 2
        )
        self._halves = (self._accelerometer, self._gyroscope)
        self._fifo = Fifo()
        self._registers = bytearray(128)
        self._power = PowerOnReset(place, _LOWEST_V, self._boot, self._catch_up)
        self._boot()

    def supply_current_a(self) -> float:
        """Return the current it draws, by which sensors run (recalled, typical)."""
        if not self._power.is_on():
            return 0.0
        if self._gyroscope.ticks:
            return 0.55e-3
        return 0.17e-3 if self._accelerometer.ticks else 3e-6

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
        if self._pointer == _FIFO_OUT and self._increments:
            return self._read_fifo(length)
        if self._pointer not in self.READABLE:
            self.beyond.note(f"read from {self._pointer:#04x}")
        self._refresh(self._pointer, self._pointer + length)
        return bytes(self._read_byte() for _ in range(length))

    def _answer(self) -> None:
        self._power.check()
        if self._place.fault() == "silent" or self._registers[0x13] & 4:
            raise NotAcknowledged(f"part {self._place.serial} is silent")
        if not reached(self._clock.now(), self._power.since_s + _BOOT_S):
            raise NotAcknowledged(f"part {self._place.serial} is booting")

    @property
    def _increments(self) -> bool:
        return bool(self._registers[0x12] & 4)

    def _advance(self) -> None:
        if self._increments:
            last_of_fifo = self._pointer == _FIFO_OUT + WORD - 1
            self._pointer = _FIFO_OUT if last_of_fifo else self._pointer + 1 & 0x7F

    def _refresh(self, start: int, end: int) -> None:
        """Bring the registers from `start` to `end` up to now."""
        if start < _OUT_END and end > _STATUS:
            self._latch()
        if start < 0x44 and end > 0x3A:
            self._fill()
            watermark = self._registers[0x07] | (self._registers[0x08] & 1) << 8
            self._registers[0x3A:0x3C] = self._fifo.status(watermark)
            self._registers[0x40:0x44] = self._time_stamp().to_bytes(4, "little")

    def _read_byte(self) -> int:
        register = self._pointer
        self._advance()
        if self._registers[0x01] & 0xC0 and register != 0x01:
            return 0
        if _TEMPERATURE_OUT <= register < _OUT_END:
            return self._read_output(register)
        if register == _FIFO_STATUS2:
            self._fifo.overrun_latched = False
        if register == 0x0F:
            return self.STRANGER if self._place.fault() == "identity" else self.WHO_AM_I
        if register == 0x12 and not reached(self._clock.now(), self._busy_until_s):
            return self._registers[0x12] | self._busy_bit
        if register >= _FIFO_OUT and register < _FIFO_OUT + WORD:
            value = self._fifo.peek()[register - _FIFO_OUT]
            if register == _FIFO_OUT + WORD - 1:
                self._fifo.take(1)
            return value
        return self._registers[register]

    def _read_output(self, register: int) -> int:
        word = register & ~1
        if register & 1:
            bit = 4 if word < 0x22 else 2 if word < 0x28 else 1
            self._registers[_STATUS] &= ~bit
        # With BDU a word of which one byte was read holds still until the other was.
        self._half_read ^= {word}
        return self._registers[register]

    def _read_fifo(self, length: int) -> bytes:
        if self._registers[0x01] & 0xC0:
            return bytes(length)
        self._fill()
        whole, more = divmod(length, WORD)
        data = bytearray(self._fifo.take(whole) + self._fifo.peek()[:more])
        self._pointer = _FIFO_OUT + more
        if self._place.fault() == "fifo" and whole:
            data[whole // 2 * WORD] ^= 0x40  # one bit of one tag
        return bytes(data)

    # -- registers -------------------------------------------------------------------------

    def _boot(self) -> None:
        self._reset(self._power.since_s)
        self._busy_until_s, self._busy_bit = 0.0, 0

    def _reset(self, at_s: float) -> None:
        self._registers[:] = bytes(128)
        for register, value in _RESET.items():
            self._registers[register] = value
        self._registers[0x63] = round(self._oscillator.error / _FINE) & 0xFF
        self._pointer = 0
        self._half_read: set[int] = set()
        self._stamped_s = at_s
        self._fifo.clear()
        self._filled = tick = self._oscillator.tick(at_s)
        for half in self._halves:
            half.ticks, half.self_test = 0, 0.0
        self._temperature_latched = tick

    def _write(self, register: int, value: int) -> None:
        if self._registers[0x01] & 0xC0 and register != 0x01:
            self.beyond.note(f"write {value:#04x} to {register:#04x} of another page")
        elif register == 0x42 and value == 0xAA:
            self._stamped_s = self._clock.now()
        elif register in self.EFFECTIVE:
            self._catch_up()
            self._registers[register] = value
            self._take_effect(register, value)
        elif register in self.STORED:
            self.beyond.note(f"write {value:#04x} to {register:#04x}")
            self._registers[register] = value
        else:
            self.beyond.note(f"write {value:#04x} to {register:#04x}")

    def _take_effect(self, register: int, value: int) -> None:
        if register == 0x12:
            self._control(value)
        elif register in (0x10, 0x11):
            self._switch(register, value >> 4)
        elif register <= 0x0A:
            self._configure_fifo(register, value)
        elif register == 0x14:
            for half, sign in (
                (self._accelerometer, {1: 1, 2: -1}.get(value & 3, 0)),
                (self._gyroscope, {1: 1, 3: -1}.get(value >> 2 & 3, 0)),
            ):
                half.self_test = sign
        registers = self._registers
        self._accelerometer.digit = _ACCELERATION_DIGITS[registers[0x10] >> 2 & 3]
        if registers[0x11] & self.WIDE_BIT:
            self._gyroscope.digit = 0.14
        elif registers[0x11] & 2:
            self._gyroscope.digit = 0.004375
        else:
            self._gyroscope.digit = _ANGULAR_RATE_DIGITS[registers[0x11] >> 2 & 3]

    def _control(self, value: int) -> None:
        now_s = self._clock.now()
        if value & 0x80:
            self._busy_until_s, self._busy_bit = now_s + _BOOT_S, 0x80
        if value & 0x01:
            self._reset(now_s)
            self._busy_until_s, self._busy_bit = now_s + _RESET_S, 0x01
        else:
            self._registers[0x12] = value & 0x7E

    def _switch(self, register: int, code: int) -> None:
        half = self._accelerometer if register == 0x10 else self._gyroscope
        was_off, half.ticks = not half.ticks, _TICKS.get(code, 0)
        if register == 0x10 and code == _SLOWEST_CODE and self.HAS_SLOW:
            half.ticks = _SLOWEST_TICKS
        if was_off:
            half.since_s = self._clock.now()
        half.latched = self._temperature_latched = self._tick()

    def _configure_fifo(self, register: int, value: int) -> None:
        mode = self._registers[0x0A] & 7
        if register == 0x0A and mode not in (1, 6):
            self._fifo.clear()
        beyond = {0x01: 0xC0, 0x08: 0x7E, 0x0A: 0xF0}.get(register, 0) & value
        if beyond or mode not in (0, 1, 6):
            self.beyond.note(f"write {value:#04x} to {register:#04x}")
        watermark = self._registers[0x07] | (self._registers[0x08] & 1) << 8
        self._fifo.depth = watermark if watermark and self._registers[0x08] & 0x80 else DEPTH
        self._fifo.stops_when_full = mode == 1

    # -- samples ---------------------------------------------------------------------------

    def _tick(self) -> int:
        return self._oscillator.tick(self._clock.now())

    def _catch_up(self) -> None:
        self._fill()
        self._latch()

    def _latch(self) -> None:
        """Put the newest samples into the data registers."""
        now = self._tick()
        for half in self._halves:
            if not half.has_new(now):
                continue
            half.latched = now // half.ticks * half.ticks
            for axis, count in enumerate(half.counts(np.array([now]))[0]):
                self._put(half.output + 2 * axis, int(count))
            self._registers[_STATUS] |= half.ready
        running = [half.ticks for half in self._halves if half.ticks]
        ticks = max(_TEMPERATURE_TICKS, min(running, default=0))
        if running and now // ticks > self._temperature_latched // ticks:
            self._temperature_latched = sampled = now // ticks * ticks
            at_s = float(self._oscillator.times(np.array([sampled]))[0])
            warmer = self._place.temperature_c(at_s) + self._temperature_offset_c - 25.0
            noise = 0.03 * self._place.stream("temperature noise").normal(sampled)
            self._put(_TEMPERATURE_OUT, max(-32768, min(32767, round((warmer + noise) * 256))))
            self._registers[_STATUS] |= 4

    def _put(self, register: int, word: int) -> None:
        if self._registers[0x12] & 0x40 and register in self._half_read:
            return
        self._registers[register : register + 2] = word.to_bytes(2, "little", signed=True)

    def _fill(self) -> None:
        """Put the samples since the last look into the FIFO."""
        # A branch of virtual time may lie before one that went ahead: nothing is sampled twice.
        first, self._filled = self._filled, max(self._filled, self._tick())
        batched = self._batched()
        if batched and self._filled > first:
            most = DEPTH if self._fifo.stops_when_full else None
            self._fifo.put(*words_between(batched, first, self._filled, most))

    def _batched(self) -> Batched:
        if self._registers[0x0A] & 7 not in (1, 3, 6):
            return []
        codes = self._registers[0x09]
        ticks = {**_TICKS, _SLOWEST_CODE: _SLOWEST_BATCHED_TICKS}
        wanted = (
            (self._gyroscope, ticks.get(codes >> 4, 0)),
            (self._accelerometer, ticks.get(codes & 15, 0)),
        )
        return [(half, step) for half, step in wanted if step and half.ticks]

    def _time_stamp(self) -> int:
        if not self._registers[0x19] & 0x20:
            return 0
        since_s = self._clock.now() - self._stamped_s
        return int(since_s * self._oscillator.speed * 40_000) & 0xFFFFFFFF
