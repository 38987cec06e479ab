"""A simulated BMI270 on an I2C bus: its registers, its image and its data path.

Sources: registers, codes, frames and the way of the image boschsensortec/BMI270_SensorAPI
bmi2_defs.h and bmi2.c; reset values, times, currents and bandwidths are recalled from the BMI270
data sheet. How far the sensors are off is in twin_signals.py, how frames wait in twin_fifo.py.

- Nothing is sampled before 8192 bytes of image were loaded, at their word addresses, since the last
  reset. What is in them does not matter here. The part starts them within 10 ms.
- Samples are taken on ticks of the part's own oscillator (3.2 kHz, a few percent off), and computed
  when somebody asks, and before the world or a register changes.
- The angular rate x has a share of z, by the factor in page 0 of the features.
- Filters narrow the noise to their bandwidth; its samples stay white.
- NVM programming is counted (`programmed`) and does nothing else.
- Acknowledged, without effect here and listed in `beyond`: bursts, close writes and FIFO reads with
  power saving on, features, the auxiliary interface, a FIFO that stops or has no headers, filters
  of low power, offsets, the gyroscope's self-test, interrupts, writes to what can only be read, and
  reads from a register that the map does not name.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from sensorbench.core.errors import NotAcknowledged
from sensorbench.sensors.bmi270.twin_fifo import MOST, Axes, FrameFifo, frames
from sensorbench.sensors.bmi270.twin_signals import ACCELEROMETER, GYROSCOPE
from sensorbench.sensors.simulated import PowerOnReset, screened
from sensorbench.sensors.simulated_sampling import Half, Oscillator
from sensorbench.sensors.simulated_triad import Ticks, Triad
from sensorbench.world.conversions import reached
from sensorbench.world.world import Place

_G = 9.80665
_LOWEST_V, _BOOT_S, _STARTED_S, _WRITE_S = 1.5, 0.002, 0.010, 0.00045
_FASTEST_HZ, _RATE_SIGMA, _FASTEST_CODE = 3200.0, 0.01, 13
_ACCEL_CODES, _GYRO_CODES = range(1, 13), range(6, 14)
_ACCEL_START_S, _GYRO_START_S = 0.002, 0.045
_TEMPERATURE_TICKS = 32
_TIME_HZ = 25_600.0
_WIDTHS = (0.1, 0.2, 0.4)  # bandwidth as a share of the rate, by filter
_IMAGE = 8192
_RESET = {0x03: 0x10, 0x1B: 0x01, 0x23: 0x80, 0x40: 0xA8, 0x41: 0x02, 0x42: 0xA9, 0x47: 0x02,
          0x48: 0x02, 0x49: 0x10, 0x59: 0x90, 0x7C: 0x03}  # fmt: skip
_EFFECTIVE = frozenset((0x2F, *range(0x40, 0x44), *range(0x46, 0x4A), 0x59, 0x5B, 0x5C, 0x5E, 0x6D,
                        0x7C, 0x7D, 0x7E))  # fmt: skip
_STORED = frozenset((*range(0x30, 0x40), 0x44, 0x45, *range(0x4B, 0x59), 0x6A, 0x6B, 0x6C,
                     *range(0x70, 0x78)))  # fmt: skip
_READABLE = (_EFFECTIVE | _STORED | {
    0x00, *range(0x02, 0x19), *range(0x1B, 0x1F), *range(0x20, 0x28), 0x6E
}) - {0x7E}  # fmt: skip
_UNMODELLED = {0x2F: 0xF8, 0x41: 0xFC, 0x43: 0xF8, 0x47: 0xE0, 0x48: 0xFD, 0x49: 0x2F, 0x59: 0x7E,
               0x6D: 0xF2, 0x7C: 0xFC, 0x7D: 0xF1}  # fmt: skip
_STATUS, _TIME, _FULL_FLAGS, _INTERNAL, _TEMPERATURE, _LENGTH, _FIFO, _DATA = (
    0x03, 0x18, 0x1D, 0x21, 0x22, 0x24, 0x26, 0x5E,
)  # fmt: skip
_CROSS_AXIS = 0x3C


class SimBmi270:
    """One part at a place in the world, with its own errors, noise and oscillator."""

    FAULTS: ClassVar[tuple[str, ...]] = (
        "drift", "stuck", "noise", "identity", "memory", "fifo", "self_test", "silent",
    )  # fmt: skip

    def __init__(self, place: Place) -> None:
        self.beyond = place.beyond
        self.programmed = 0
        self._place = place
        self._clock = place.clock
        self._oscillator = oscillator = Oscillator(place, _FASTEST_HZ, _RATE_SIGMA)
        self._temperature_offset_c = screened(place, "temperature offset", 1.0)
        self._cross_axis = round(screened(place, "cross axis", 5.0))
        self._accelerometer = Half(
            "accelerometer", oscillator, Triad(place, ACCELEROMETER), place.acceleration, 0x0C, 0x80
        )
        self._gyroscope = Half(
            "gyroscope", oscillator, Triad(place, GYROSCOPE), place.angular_rate, 0x12, 0x40
        )
        self._halves = (self._accelerometer, self._gyroscope)
        self._fifo = FrameFifo()
        self._registers = bytearray(128)
        self._loaded = bytearray(_IMAGE)
        self._power = PowerOnReset(place, _LOWEST_V, self._boot, self._catch_up)
        self._boot()

    def supply_current_a(self) -> float:
        """Return the current it draws, by which sensors run (recalled, typical)."""
        if not self._power.is_on():
            return 0.0
        if self._gyroscope.ticks:
            return 0.97e-3 if self._accelerometer.ticks else 0.72e-3
        return 0.28e-3 if self._accelerometer.ticks else 3.5e-6

    # -- the bus ---------------------------------------------------------------------------

    def receive(self, data: bytes) -> None:
        self._answer()
        if not data:
            return
        self._pointer = data[0] & 0x7F
        if len(data) > 2 and self._registers[0x7C] & 1:
            self.beyond.note("burst written with power saving on")
        if self._pointer == _DATA:
            self._upload(len(data) - 1)
            return
        for value in data[1:]:
            self._write(self._pointer, value)
            self._pointer = self._pointer + 1 & 0x7F

    def send(self, length: int) -> bytes:
        self._answer()
        if self._pointer not in _READABLE:
            self.beyond.note(f"read from {self._pointer:#04x}")
        self._catch_up()
        if self._pointer == _FIFO:
            return self._read_fifo(length)
        now = dict(enumerate(self._time(), _TIME))
        now |= enumerate(self._fifo.level.to_bytes(2, "little"), _LENGTH)
        return bytes(self._read_byte(now) for _ in range(length))

    def _answer(self) -> None:
        self._power.check()
        if self._place.fault() == "silent":
            raise NotAcknowledged(f"part {self._place.serial} is silent")
        if not reached(self._clock.now(), self._deaf_until_s):
            raise NotAcknowledged(f"part {self._place.serial} is booting")

    def _read_byte(self, now: Mapping[int, int]) -> int:
        """Return a register as it is, or as `now` says."""
        register = self._pointer
        if register != _DATA:
            self._pointer = register + 1 & 0x7F
        if register in now:
            return now[register]
        if register == 0x00:
            return 0xD1 if self._place.fault() == "identity" else 0x24
        if register == _CROSS_AXIS and not self._registers[0x2F] & 7 and self._runs:
            return self._cross_axis & 0x7F
        value = self._registers[register]
        for half in self._halves:
            if half.output <= register < half.output + 6:
                self._registers[_STATUS] &= ~half.ready
        if register in (0x1B, 0x1C, _FULL_FLAGS):
            self._registers[register] = 0
        return value

    def _time(self) -> bytes:
        since_s = self._clock.now() - self._since_s
        return (int(since_s * self._oscillator.speed * _TIME_HZ) & 0xFFFFFF).to_bytes(3, "little")

    def _read_fifo(self, length: int) -> bytes:
        if self._registers[0x7C] & 1:
            self.beyond.note("FIFO read with power saving on")
        end = b"\x44" + self._time() if self._registers[0x48] & 2 else b""
        data = bytearray(self._fifo.take(length, end))
        if self._place.fault() == "fifo" and length > 13:
            data[13] ^= 0x20  # one bit of one header
        return bytes(data)

    # -- registers -------------------------------------------------------------------------

    @property
    def _runs(self) -> bool:
        """Return whether the image runs."""
        return self._registers[_INTERNAL] & 15 == 1

    def _boot(self) -> None:
        self._reset(self._power.since_s)

    def _reset(self, at_s: float) -> None:
        self._registers[:] = bytes(128)
        for register, value in _RESET.items():
            self._registers[register] = value
        self._loaded[:] = bytes(_IMAGE)
        self._pointer = self._upload_at = 0
        self._since_s, self._deaf_until_s = at_s, at_s + _BOOT_S
        self._image_done_s = math.inf
        self._written_s = -math.inf
        for half in self._halves:
            half.ticks, half.self_test = 0, 0.0
        self._fifo.clear()
        self._filled = self._warmth_latched = self._oscillator.tick(at_s)

    def _write(self, register: int, value: int) -> None:
        self._catch_up()
        now_s = self._clock.now()
        if self._registers[0x7C] & 1 and not reached(now_s, self._written_s + _WRITE_S):
            self.beyond.note("written within 450 us of another with power saving on")
        self._written_s = now_s
        if register not in _EFFECTIVE:
            if register not in _STORED or value:
                self.beyond.note(f"write {value:#04x} to {register:#04x}")
            if register in _STORED:
                self._registers[register] = value
            return
        if value & _UNMODELLED.get(register, 0):
            self.beyond.note(f"write {value:#04x} to {register:#04x}")
        if register == 0x7E:
            self._command(value)
        else:
            self._take_effect(register, value)

    def _command(self, value: int) -> None:
        if value == 0xB6:
            self._reset(self._clock.now())
        elif value == 0xB0:
            self._fifo.clear()
        elif value == 0xA0:
            self.programmed += 1
        else:
            self.beyond.note(f"command {value:#04x}")

    def _upload(self, length: int) -> None:
        """Take bytes of the image. What was loaded is marked, so that a hole in it shows."""
        self._catch_up()
        end = min(self._upload_at + length, _IMAGE)
        if self._registers[0x59] & 1:
            self.beyond.note("image written while it is not being loaded")
        elif end > self._upload_at:
            self._loaded[self._upload_at : end] = b"\x01" * (end - self._upload_at)
        self._upload_at += length
        self._written_s = self._clock.now()

    def _take_effect(self, register: int, value: int) -> None:
        before, self._registers[register] = self._registers[register], value
        if register in (0x5B, 0x5C):
            self._upload_at = 2 * ((self._registers[0x5B] & 15) | self._registers[0x5C] << 4)
        elif register == 0x59:
            self._image_done_s = math.inf
            if value & 1 and not before & 1:
                self._image_done_s = self._clock.now() + _STARTED_S
            elif not value & 1:
                self._registers[_INTERNAL] = 0
                self._loaded[:] = bytes(_IMAGE)
                self._set_up()
        elif register == 0x49 and before & 0xC0 and not value & 0xC0:
            self._fifo.clear()
        elif register == 0x7D:
            self._switch(before, value)
        elif 0x40 <= register <= 0x43 or register == 0x6D:
            self._set_up()

    def _switch(self, before: int, value: int) -> None:
        now_s = self._clock.now()
        for half, bit, start_s in (
            (self._accelerometer, 4, _ACCEL_START_S), (self._gyroscope, 2, _GYRO_START_S),
        ):  # fmt: skip
            if value & bit and not before & bit:
                self._start(half, now_s, start_s)
        self._set_up()

    def _start(self, half: Half, now_s: float, start_s: float) -> None:
        half.since_s = now_s
        half.latched = self._oscillator.tick(now_s + start_s)

    def _set_up(self) -> None:
        """Let both sensors sample as the registers say, if the image runs."""
        registers = self._registers
        power = registers[0x7D] if self._runs else 0
        for half, bit, conf, known in (
            (self._accelerometer, 4, registers[0x40], _ACCEL_CODES),
            (self._gyroscope, 2, registers[0x42], _GYRO_CODES),
        ):
            code, filter_ = conf & 15, conf >> 4 & (7 if half is self._accelerometer else 3)
            if power & bit and (code not in known or filter_ > 2 or not conf & 0x80):
                self.beyond.note(f"configuration {conf:#04x} of the {half.name}")
            ticks = 1 << _FASTEST_CODE - code if code in known else 0
            half.ticks = ticks if power & bit else 0
            rate_hz = self._oscillator.hz / max(1, ticks)
            half.bandwidth_hz = rate_hz * _WIDTHS[min(2, filter_)]
        self._accelerometer.digit = 2 * _G * (1 << (registers[0x41] & 3)) / 32768
        self._gyroscope.digit = 2000 / (1 << min(4, registers[0x43] & 7)) / 32768
        stimulus = registers[0x6D]
        sign = (1.0 if stimulus & 4 else -1.0) * (1.0 if stimulus & 8 else 0.25)
        self._accelerometer.self_test = sign if stimulus & 1 else 0.0

    # -- samples ---------------------------------------------------------------------------

    def _catch_up(self) -> None:
        now_s = self._clock.now()
        if reached(now_s, self._image_done_s):
            self._start_image(self._image_done_s)
        # A branch of virtual time may lie before one that went ahead: nothing is sampled twice.
        now = self._oscillator.tick(now_s)
        first, self._filled = self._filled, max(self._filled, now)
        self._fill(first, self._filled)
        self._latch(self._filled)

    def _start_image(self, at_s: float) -> None:
        whole = all(self._loaded) and self._place.fault(at_s) != "memory"
        self._image_done_s = math.inf
        self._registers[_INTERNAL] = 1 if whole else 2
        self._filled = max(self._filled, self._oscillator.tick(at_s))
        for half, start_s in zip(self._halves, (_ACCEL_START_S, _GYRO_START_S), strict=True):
            self._start(half, at_s, start_s)
        self._set_up()

    def _counts(self, half: Half, ticks: Ticks) -> Axes:
        """Return a sensor's samples at these ticks; the gyroscope's x with its share of z."""
        counts = half.counts(ticks)
        if half is self._gyroscope:
            share = np.rint(counts[:, 2] * (self._cross_axis / 512)).astype(np.int64)
            counts[:, 0] = np.clip(counts[:, 0] + share, -32768, 32767)
        return counts

    def _latch(self, now: int) -> None:
        """Put the newest samples into the data registers."""
        for half in self._halves:
            if half.has_new(now):
                half.latched = now // half.ticks * half.ticks
                for axis, count in enumerate(self._counts(half, np.array([half.latched]))[0]):
                    self._put(half.output + 2 * axis, int(count))
                self._registers[_STATUS] |= half.ready
        step = _TEMPERATURE_TICKS
        warm = self._registers[0x7D] & 8 and any(half.ticks for half in self._halves)
        if warm and now // step > self._warmth_latched // step:
            self._warmth_latched = now // step * step
            at_s = float(self._oscillator.times(np.array([self._warmth_latched]))[0])
            warmth_c = self._place.temperature_c(at_s) + self._temperature_offset_c
            noise = 0.02 * self._place.stream("temperature noise").normal(self._warmth_latched)
            self._put(_TEMPERATURE, max(-32767, min(32767, round((warmth_c + noise - 23) * 512))))

    def _put(self, register: int, word: int) -> None:
        self._registers[register : register + 2] = word.to_bytes(2, "little", signed=True)

    def _fill(self, first: int, last: int) -> None:
        """Put the frames of the ticks after `first` up to `last` into the FIFO."""
        wanted = [
            (half, start_s)
            for half, start_s, bit in (
                (self._accelerometer, _ACCEL_START_S, 0x40), (self._gyroscope, _GYRO_START_S, 0x80),
            )
            if self._registers[0x49] & bit and half.ticks
        ]  # fmt: skip
        if not wanted:
            return
        begun = min(self._oscillator.tick(half.since_s + start_s) for half, start_s in wanted)
        step = min(half.ticks for half, _ in wanted)
        low, high = max(first, begun) // step + 1, last // step
        if high < low:
            return
        kept = max(low, high - MOST + 1)
        ticks = np.arange(kept, high + 1) * step
        found, lengths = frames(self._due(0x40, ticks), self._due(0x80, ticks))
        self._fifo.put(found, lengths, kept - low)
        self._flag_level()

    def _due(
        self, bit: int, ticks: Ticks
    ) -> tuple[np.ndarray[tuple[int], np.dtype[np.bool_]], Axes]:
        """Return where a sensor has samples among these ticks, and the samples."""
        half, start_s = (
            (self._accelerometer, _ACCEL_START_S)
            if bit == 0x40
            else (self._gyroscope, _GYRO_START_S)
        )
        if not half.ticks or not self._registers[0x49] & bit:
            return np.zeros(len(ticks), bool), np.empty((0, 3), np.int16)
        started = self._oscillator.tick(half.since_s + start_s)
        due = (ticks % half.ticks == 0) & (ticks > started)
        return due, self._counts(half, ticks[due]) if due.any() else np.empty((0, 3), np.int16)

    def _flag_level(self) -> None:
        """Say that the watermark was reached, and that the FIFO is full."""
        watermark = self._registers[0x46] | (self._registers[0x47] & 0x1F) << 8
        if watermark and self._fifo.level >= watermark:
            self._registers[_FULL_FLAGS] |= 0x02
        if self._fifo.level > 2048 - 13:
            self._registers[_FULL_FLAGS] |= 0x01
