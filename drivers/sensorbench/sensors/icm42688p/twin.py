"""A simulated ICM-42688-P on an I2C bus: its registers, its data path and its FIFO.

Source: TDK InvenSense DS-000347 rev 1.5, sections 3, 6, 12, 13 and 14; what the factory's self-test
codes mean: InvenSenseInc/public.mcu.iim42652 Ixm42xxxSelfTest.c. How far the sensors are off is in
twin_signals.py, packets in twin_fifo.py.

- Samples are taken on ticks of the part's own oscillator (32 kHz, up to 5 % off), and computed when
  somebody asks, all since the last look at once, and before the world or a register changes.
- A sensor reads -32768 until its first sample, 10 and 30 ms after it was switched on. In the FIFO
  a sensor that has no new sample reads so, too.
- Filters narrow the noise to their bandwidth; its samples stay white.
- It does not answer for 1 ms after power-up and reset (that it is deaf then is an estimate).
- Acknowledged, without effect here and listed in `beyond`: writes that the data sheet forbids
  (while sensors run, within 200 us of switching on, a gyroscope off within 45 ms), reserved codes,
  low power (taken for low noise), packets of 20 bytes, held samples, FSYNC, external clock,
  interrupts, motion functions, other banks but for the self-test's codes, writes to what can only
  be read, and reads from a register that the map does not name.
"""

from __future__ import annotations

import math
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from sensorbench.core.errors import NotAcknowledged
from sensorbench.sensors.icm42688p.twin_fifo import PacketFifo, merged, packets, stamps_of
from sensorbench.sensors.icm42688p.twin_signals import ACCELEROMETER, GYROSCOPE
from sensorbench.sensors.simulated import PowerOnReset, screened
from sensorbench.sensors.simulated_fifo import Bytes
from sensorbench.sensors.simulated_sampling import Half, Oscillator
from sensorbench.sensors.simulated_triad import Floats, Ticks, Triad
from sensorbench.world.conversions import reached
from sensorbench.world.world import Place

_LOWEST_V, _BOOT_S = 1.5, 0.001
_FASTEST_HZ, _RATE_SIGMA = 32_000.0, 0.01
_TICKS = {1: 1, 2: 2, 3: 4, 4: 8, 5: 16, 6: 32, 7: 160, 8: 320, 9: 640, 10: 1280, 11: 2560,
          12: 5120, 13: 10240, 14: 20480, 15: 64}  # fmt: skip
_SLOW_CODES = (12, 13, 14)  # of the accelerometer alone, in low power
_ACCEL_START_S, _GYRO_START_S = 0.010, 0.030
_QUIET_S, _GYRO_LEAST_S = 0.0002, 0.045
_G = 9.80665
_SHARES = {0: 2, 1: 4, 2: 5, 3: 8, 4: 10, 5: 16, 6: 20, 7: 40}  # of the rate, by filter
_LEAST_FILTERED_HZ = 400.0
_RESET = {
    0x13: 0x05,
    0x2D: 0x10,
    0x34: 0x04,
    0x4C: 0x30,
    0x4D: 0x91,
    0x4F: 0x06,
    0x50: 0x06,
    0x51: 0x16,
    0x52: 0x11,
    0x53: 0x0D,
    0x54: 0x23,
    0x56: 0x82,
    0x64: 0x10,
    0x65: 0x10,
}
_EFFECTIVE = frozenset(
    (0x11, 0x16, 0x4B, 0x4C, 0x4E, 0x4F, 0x50, 0x52, 0x54, 0x5F, 0x60, 0x61, 0x70, 0x76)
)
_STORED = frozenset((0x13, 0x14, 0x4D, 0x51, 0x53, 0x56, 0x57, 0x62, 0x63, 0x64, 0x65, 0x66, 0x68,
                     0x69))  # fmt: skip
_READABLE = _EFFECTIVE | _STORED | {*range(0x1D, 0x39), 0x6C, 0x6D, 0x75}
_WHILE_RUNNING = frozenset((0x11, 0x16, 0x4B, 0x4E, 0x4F, 0x50, 0x5F, 0x70, 0x76))
_UNMODELLED = {0x11: 0xFE, 0x16: 0x3F, 0x4B: 0xFD, 0x4C: 0x80, 0x4E: 0x30, 0x4F: 0x10, 0x50: 0x10,
               0x54: 0x04, 0x5F: 0x18, 0x61: 0xF0, 0x70: 0x80, 0x76: 0xF8}  # fmt: skip
_CODES = {1: (0x5F, "gyroscope"), 2: (0x3B, "accelerometer")}
_DATA, _DATA_END, _STATUS, _COUNT, _FIFO, _LOST, _BANK = 0x1D, 0x2B, 0x2D, 0x2E, 0x30, 0x6C, 0x76


class SimIcm42688p:
    """One part at a place in the world, with its own errors, noise and oscillator."""

    FAULTS: ClassVar[tuple[str, ...]] = (
        "drift", "stuck", "noise", "identity", "fifo", "self_test", "silent",
    )  # fmt: skip

    def __init__(self, place: Place) -> None:
        self.beyond = place.beyond
        self._place = place
        self._clock = place.clock
        self._oscillator = oscillator = Oscillator(place, _FASTEST_HZ, _RATE_SIGMA)
        self._temperature_offset_c = screened(place, "temperature offset", 5.0 / 3)
        self._accelerometer = Half(
            "accelerometer", oscillator, Triad(place, ACCELEROMETER), place.acceleration, 0x1F, 0
        )
        self._gyroscope = Half(
            "gyroscope", oscillator, Triad(place, GYROSCOPE), place.angular_rate, 0x25, 0
        )
        self._halves = (self._accelerometer, self._gyroscope)
        self._fifo = PacketFifo()
        self._registers = bytearray(128)
        self._power = PowerOnReset(place, _LOWEST_V, self._boot, self._catch_up)
        self._boot()

    def supply_current_a(self) -> float:
        """Return the current it draws, by which sensors run (table 3, typical)."""
        if not self._power.is_on():
            return 0.0
        accel, gyro = (bool(half.ticks) for half in self._halves)
        return {(0, 0): 7.5e-6, (1, 0): 0.28e-3, (0, 1): 0.73e-3, (1, 1): 0.88e-3}[accel, gyro]

    # -- the bus ---------------------------------------------------------------------------

    def receive(self, data: bytes) -> None:
        self._answer()
        if not data:
            return
        self._pointer = data[0] & 0x7F
        for value in data[1:]:
            self._write(self._pointer, value)
            self._pointer = self._pointer + 1 & 0x7F

    def send(self, length: int) -> bytes:
        self._answer()
        start = self._pointer
        if self._bank or start not in _READABLE:
            return self._read_elsewhere(start, length)
        self._catch_up()
        if start == _FIFO:
            return self._read_fifo(length)
        image = self._image()
        found = bytes(image[register & 0x7F] for register in range(start, start + length))
        self._pointer = start + length & 0x7F
        if start <= _STATUS < start + length:
            self._registers[_STATUS] = 0
        return found

    def _answer(self) -> None:
        self._power.check()
        if self._place.fault() == "silent" or self._registers[0x4C] & 3 == 3:
            raise NotAcknowledged(f"part {self._place.serial} is silent")
        if not reached(self._clock.now(), self._deaf_until_s):
            raise NotAcknowledged(f"part {self._place.serial} is booting")

    @property
    def _bank(self) -> int:
        return self._registers[_BANK] & 7

    def _image(self) -> bytes:
        """Return the first bank as it reads now."""
        found = bytearray(self._registers)
        found[0x75] = 0x46 if self._place.fault() == "identity" else 0x47
        records = self._registers[0x4C] & 0x40
        count = self._fifo.packets if records else self._fifo.level
        found[_COUNT : _COUNT + 2] = count.to_bytes(
            2, "big" if self._registers[0x4C] & 0x20 else "little"
        )
        found[_LOST : _LOST + 2] = self._fifo.lost.to_bytes(2, "little")
        return bytes(found)

    def _read_elsewhere(self, start: int, length: int) -> bytes:
        found = bytearray(128)
        found[_BANK] = self._registers[_BANK]
        where, name = _CODES.get(self._bank, (0, ""))
        if where <= start and start + length <= where + 3:
            half = self._gyroscope if name == "gyroscope" else self._accelerometer
            found[where : where + 3] = _codes(half)
        elif start != _BANK:
            self.beyond.note(f"read from {start:#04x} of bank {self._bank}")
        self._pointer = start + length & 0x7F
        return bytes(found[register & 0x7F] for register in range(start, start + length))

    def _read_fifo(self, length: int) -> bytes:
        data = bytearray(self._fifo.take(length, partly=bool(self._registers[0x5F] & 0x40)))
        if self._place.fault() == "fifo" and length > self._fifo.width > 0:
            data[self._fifo.width] ^= 0x20  # one bit of one header
        return bytes(data)

    # -- registers -------------------------------------------------------------------------

    def _boot(self) -> None:
        self._reset(self._power.since_s)

    def _reset(self, at_s: float) -> None:
        self._registers[:] = bytes(128)
        for register, value in _RESET.items():
            self._registers[register] = value
        self._registers[_DATA:_DATA_END] = b"\x80\x00" * 7
        self._pointer = 0
        self._deaf_until_s = at_s + _BOOT_S
        self._quiet_until_s = -math.inf
        self._rate_changed = 0
        for half in self._halves:
            half.ticks, half.self_test = 0, 0.0
        self._fifo.layout(0)
        self._filled = self._oscillator.tick(at_s)

    def _write(self, register: int, value: int) -> None:
        self._catch_up()
        if register == _BANK:
            self._registers[_BANK] = value
            if value & _UNMODELLED[_BANK] or value & 7 > 4:
                self.beyond.note(f"write {value:#04x} to {register:#04x}")
            return
        if self._bank:
            self.beyond.note(f"write {value:#04x} to {register:#04x} of bank {self._bank}")
            return
        running = any(half.ticks for half in self._halves)
        if not reached(self._clock.now(), self._quiet_until_s):
            self.beyond.note(f"write to {register:#04x} within 200 us of switching on")
        elif running and register in _EFFECTIVE | _STORED and register not in _WHILE_RUNNING:
            self.beyond.note(f"write to {register:#04x} while sensors run")
        if register not in _EFFECTIVE:
            self.beyond.note(f"write {value:#04x} to {register:#04x}")
            if register in _STORED:
                self._registers[register] = value
            return
        if value & _UNMODELLED.get(register, 0):
            self.beyond.note(f"write {value:#04x} to {register:#04x}")
        self._take_effect(register, value)

    def _take_effect(self, register: int, value: int) -> None:
        before = self._registers[register]
        if register == 0x11:
            if value & 1:
                self._reset(self._clock.now())
            return
        if register == 0x4B:
            if value & 2:
                self._fifo.clear()
            return
        self._registers[register] = value
        if register == 0x4E:
            self._switch(before, value)
        elif register in (0x4F, 0x50):
            # A rate that changes shows in the header of the next packet.
            if before & 15 != value & 15:
                self._rate_changed |= 1 if register == 0x4F else 2
            self._set_up()
        elif register == 0x5F and (before ^ value) & 3:
            self._fifo.layout((value & 3).bit_count())
        elif register == 0x16 and not value >> 6:
            self._fifo.clear()
        elif register in (0x52, 0x70):
            self._set_up()

    def _switch(self, before: int, value: int) -> None:
        now_s = self._clock.now()
        if value & 3 == 2 or value & 12 == 8:
            self.beyond.note(f"write {value:#04x} to 0x4e")
        for half, was, now, start_s in (
            (self._accelerometer, before & 3 > 1, value & 3 > 1, _ACCEL_START_S),
            (self._gyroscope, before >> 2 & 3 == 3, value >> 2 & 3 == 3, _GYRO_START_S),
        ):
            if now and not was:
                half.since_s = now_s
                half.latched = self._oscillator.tick(now_s + start_s)
            if was and not now and half is self._gyroscope and now_s < half.since_s + _GYRO_LEAST_S:
                self.beyond.note("gyroscope switched off within 45 ms")
        if value & 0x0F and not before & 0x0F:
            self._quiet_until_s = now_s + _QUIET_S
        self._set_up()

    def _set_up(self) -> None:
        """Let both sensors sample as the registers say."""
        registers = self._registers
        power, stimulus = registers[0x4E], registers[0x70]
        for half, on, control, filter_, axes in (
            (self._accelerometer, power & 3 > 1, registers[0x50], registers[0x52] >> 4,
             stimulus >> 3 if stimulus & 0x40 else 0),
            (self._gyroscope, power >> 2 & 3 == 3, registers[0x4F], registers[0x52] & 15,
             stimulus & 7),
        ):  # fmt: skip
            code, accelerates = control & 15, half is self._accelerometer
            ticks = _TICKS.get(code, 0) if accelerates or code not in _SLOW_CODES else 0
            if not ticks or (accelerates and control >> 5 > 3):
                self.beyond.note(f"reserved code in {control:#04x}")
            half.ticks = ticks if on else 0
            half.digit = (
                16 * _G / (1 << (control >> 5 & 3)) if accelerates else 2000 / (1 << (control >> 5))
            ) / 32768
            half.self_test = np.array([float(axes >> axis & 1) for axis in range(3)])
            rate_hz = _FASTEST_HZ / ticks if ticks else 0.0
            if filter_ not in _SHARES:
                self.beyond.note(f"filter {filter_}")
            base_hz = max(rate_hz, _LEAST_FILTERED_HZ) if filter_ else rate_hz
            half.bandwidth_hz = base_hz / _SHARES.get(filter_, 2)

    # -- samples ---------------------------------------------------------------------------

    def _catch_up(self) -> None:
        # A branch of virtual time may lie before one that went ahead: nothing is sampled twice.
        now = self._oscillator.tick(self._clock.now())
        first, self._filled = self._filled, max(self._filled, now)
        self._fill(first, self._filled)
        self._latch(self._filled)

    def _latch(self, now: int) -> None:
        """Put the newest samples into the data registers."""
        newest = []
        for half in self._halves:
            if not half.has_new(now):
                continue
            half.latched = now // half.ticks * half.ticks
            newest.append(half.latched)
            for axis, count in enumerate(np.maximum(half.counts(np.array([now]))[0], -32766)):
                self._put(half.output + 2 * axis, int(count))
            self._registers[_STATUS] |= 0x08
        if newest and not self._registers[0x4E] & 0x20:
            tick = np.array([max(newest)])
            warmer = float(self._temperatures(tick)[0]) - 25.0
            noise = 0.05 * self._place.stream("temperature noise").normal(int(tick[0]))
            count = max(-32766, min(32767, round((warmer + noise) * 132.48)))
            self._put(_DATA, count)

    def _temperatures(self, ticks: Ticks) -> Floats:
        times = self._oscillator.times(ticks)
        return np.asarray(self._place.temperatures_c(times) + self._temperature_offset_c)

    def _put(self, register: int, word: int) -> None:
        order = ">" if self._registers[0x4C] & 0x10 else "<"
        self._registers[register : register + 2] = word.to_bytes(
            2, "big" if order == ">" else "little", signed=True
        )

    def _fill(self, first: int, last: int) -> None:
        """Put the packets of the ticks after `first` up to `last` into the FIFO."""
        mode, wanted = self._registers[0x16] >> 6, self._registers[0x5F] & 3
        running = [half.ticks for half in self._halves if half.ticks]
        if not mode or not wanted or not running:
            return
        step = min(running)
        low, high = first // step + 1, last // step
        due = high - low + 1
        if due <= 0:
            return
        stops = mode > 1
        if stops:
            first_kept, high = low, min(high, low + self._fifo.depth - self._fifo.packets - 1)
        else:
            first_kept = max(low, high - self._fifo.depth + 1)
        packed = np.empty((0, self._fifo.width), np.uint8)
        if high >= first_kept:
            packed = self._packed(np.arange(first_kept, high + 1) * step, wanted)
            if first_kept == low:
                packed[0, 0] |= self._rate_changed
            self._rate_changed = 0
        self._fifo.put(packed, due, stops=stops)
        self._flag_level()

    def _packed(self, ticks: Ticks, wanted: int) -> Bytes:
        """Return the packets of these ticks, shape (n, 8 or 16)."""
        sensors: list[npt.NDArray[np.int16] | None] = []
        for half, bit in ((self._accelerometer, 1), (self._gyroscope, 2)):
            if not wanted & bit:
                sensors.append(None)
                continue
            start_s = _ACCEL_START_S if bit == 1 else _GYRO_START_S
            started = self._oscillator.tick(half.since_s + start_s)
            due = (ticks > started) & (ticks % half.ticks == 0) if half.ticks else ticks < 0
            counts = half.counts(ticks[due]) if due.any() else np.empty((0, 3), np.int16)
            sensors.append(merged(due, np.maximum(counts, -32766)))
        stamped, coarse = self._registers[0x54] & 1, bool(self._registers[0x54] & 8)
        return packets(
            sensors[0], sensors[1], self._temperatures(ticks),
            stamps_of(ticks, coarse=coarse) if stamped else None,
            ">" if self._registers[0x4C] & 0x10 else "<",
        )  # fmt: skip

    def _flag_level(self) -> None:
        """Say that the watermark was reached, and that the FIFO is full."""
        watermark = self._registers[0x60] | (self._registers[0x61] & 15) << 8
        records = self._registers[0x4C] & 0x40
        level = self._fifo.packets if records else self._fifo.level
        if watermark and level >= watermark:
            self._registers[_STATUS] |= 0x04
        if self._fifo.packets >= self._fifo.depth:
            self._registers[_STATUS] |= 0x02


def _codes(half: Half) -> bytes:
    """Return what the factory noted of a unit's self-test, by axis."""
    full_scale = 2 * _G if half.name == "accelerometer" else 250.0
    counts = np.abs(half.triad.self_test_response) / full_scale * 32768
    codes = 1 + np.log(counts / 2620) / math.log(1.01)
    return bytes(int(code) for code in np.clip(np.rint(codes), 1, 255))
