"""A simulated QMI8658 on an I2C bus: its registers and when it samples.

Sources: map, codes, scales, reset, commands and self-test lewisxhe/SensorLib SensorQMI8658_Reg.hpp
and .cpp; reset values, start-up times and what flags mean are recalled from the QMI8658A data
sheet 0.9. Noise and offsets are recalled; how far the self-test moves and how long it takes, a
unit's rate, ageing and wander are estimates.

- Register numbers count up only with ADDR_AI (CTRL1.6), which is off after reset.
- With the gyroscope on both sensors run on its clock, 7174.4 Hz and halves; the accelerometer alone
  on one of 8 kHz.
- New-data flags clear when STATUS0 or the data are read; TIMESTAMP counts samples since the sensors
  were switched on. Bytes come low byte first whatever BE says (uncertain).
- It does not answer for 15 ms after power-up and reset; 0x4D reads 0x80 from then on.
- A command in CTRL9 is done at once, and says so until it is acknowledged.
- Acknowledged, without effect here and listed in `beyond`: the FIFO, low power, synchronous
  sampling, other commands than COPY_USID and RST_FIFO, motion engines, interrupts, BE off, writes
  to what can only be read, and reads from a register that the map does not name.
"""

from __future__ import annotations

import math
from typing import ClassVar

import numpy as np

from sensorbench.core.errors import NotAcknowledged
from sensorbench.sensors.simulated import PowerOnReset, during, factory_number, screened
from sensorbench.sensors.simulated_sampling import Half, Oscillator
from sensorbench.sensors.simulated_triad import Kind, Triad
from sensorbench.world.conversions import reached
from sensorbench.world.world import Place

_G = 9.80665
_POWER_ON_V, _BOOT_S = 1.5, 0.015
_BOTH_HZ, _ALONE_HZ, _RATE_SIGMA = 7174.4, 8000.0, 0.01
_SLOWEST_CODE, _ALONE_CODES = 10, range(3, 9)
_ACCEL_START_S, _GYRO_START_S = 0.003, 0.140
_SELF_TEST_S = {0x03: 25 / 224.2, 0x04: 0.4}  # by register
_SHARES = (0.0266, 0.0363, 0.0539, 0.1337)  # of the rate, by filter
_RESET = {0x02: 0x20}
_EFFECTIVE = frozenset((0x02, 0x03, 0x04, 0x06, 0x08, 0x09, 0x0A, 0x60))
_STORED = frozenset((0x05, 0x07, *range(0x0B, 0x15)))
_READABLE = (_EFFECTIVE | _STORED | {
    0x00, 0x01, *range(0x15, 0x18), *range(0x2D, 0x41), *range(0x46, 0x57)
}) - {0x60}  # fmt: skip
_UNMODELLED = {0x02: 0x9F, 0x06: 0x88, 0x08: 0xFC, 0x09: 0x7F}
_STATUS_INT, _STATUS0, _TIMESTAMP, _TEMPERATURE, _OUT_END, _TEST = (
    0x2D, 0x2E, 0x30, 0x33, 0x41, 0x51,
)  # fmt: skip
_ACCELEROMETER = Kind(
    "acceleration",
    offset_sigma=0.03 * _G,
    offset_per_k_sigma=0.2e-3 * _G,
    ageing_sigma=4e-3 * _G,
    density=200e-6 * _G,
    floor=50e-6 * _G,
    self_test=(0.6 * _G, 0.06 * _G),
    start_up=(0.02 * _G, 0.001),
    drift=0.4 * _G,
)
_GYROSCOPE = Kind(
    "angular rate",
    offset_sigma=1.5,
    offset_per_k_sigma=0.015,
    ageing_sigma=0.3,
    density=15e-3,
    floor=6.0 / 3600,
    self_test=(500.0, 40.0),
    start_up=(5.0, 0.02),
    drift=10.0,
)


class SimQmi8658:
    """One part at a place in the world, with its own errors, noise and oscillator."""

    FAULTS: ClassVar[tuple[str, ...]] = (
        "drift", "stuck", "noise", "identity", "self_test", "silent",
    )  # fmt: skip

    def __init__(self, place: Place) -> None:
        self.beyond = place.beyond
        self._place = place
        self._clock = place.clock
        self._both = Oscillator(place, _BOTH_HZ, _RATE_SIGMA)
        self._alone = Oscillator(place, _ALONE_HZ, _RATE_SIGMA)
        self._temperature_offset_c = screened(place, "temperature offset", 1.5)
        self._accelerometer = Half(
            "accelerometer", self._both, Triad(place, _ACCELEROMETER), place.acceleration, 0x35, 1
        )
        self._gyroscope = Half(
            "gyroscope", self._both, Triad(place, _GYROSCOPE), place.angular_rate, 0x3B, 2
        )
        self._halves = (self._accelerometer, self._gyroscope)
        self._usid = factory_number(place, 6)
        self._registers = bytearray(128)
        self._power = PowerOnReset(place, _POWER_ON_V, self._boot, self._catch_up)
        self._boot()

    def supply_current_a(self) -> float:
        """Return the current it draws, by which sensors run (recalled, typical)."""
        if not self._power.is_on():
            return 0.0
        if self._gyroscope.ticks:
            return 0.75e-3
        return 0.18e-3 if self._accelerometer.ticks else 20e-6

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
        return bytes(self._read_byte() for _ in range(length))

    def _answer(self) -> None:
        self._power.check()
        if self._place.fault() == "silent":
            raise NotAcknowledged(f"part {self._place.serial} is silent")
        if not reached(self._clock.now(), self._deaf_until_s):
            raise NotAcknowledged(f"part {self._place.serial} is booting")

    def _advance(self) -> None:
        if self._registers[0x02] & 0x40:
            self._pointer = self._pointer + 1 & 0x7F

    def _read_byte(self) -> int:
        register = self._pointer
        self._advance()
        if register == 0x00:
            return 0xFC if self._place.fault() == "identity" else 0x05
        value = self._registers[register]
        if register == _STATUS0:
            self._registers[_STATUS0] = 0
        elif 0x35 <= register < _OUT_END:
            self._registers[_STATUS0] &= ~(1 if register < 0x3B else 2)
        return value

    # -- registers -------------------------------------------------------------------------

    def _boot(self) -> None:
        self._reset(self._power.since_s)

    def _reset(self, at_s: float) -> None:
        self._registers[:] = bytes(128)
        for register, value in _RESET.items():
            self._registers[register] = value
        self._registers[0x01] = 0x7C
        self._registers[0x4D] = 0x80
        self._pointer = 0
        self._deaf_until_s = at_s + _BOOT_S
        self._test_done_s, self._tested = math.inf, 0
        self._counted_from = 0
        for half in self._halves:
            half.ticks = 0

    def _write(self, register: int, value: int) -> None:
        self._catch_up()
        if register not in _EFFECTIVE:
            if register not in _STORED or value:
                self.beyond.note(f"write {value:#04x} to {register:#04x}")
            if register in _STORED:
                self._registers[register] = value
            return
        if value & _UNMODELLED.get(register, 0) or (register == 0x02 and not value & 0x20):
            self.beyond.note(f"write {value:#04x} to {register:#04x}")
        if register == 0x60:
            if value == 0xB0:
                self._reset(self._clock.now())
            else:
                self.beyond.note(f"write {value:#04x} to 0x60")
            return
        before, self._registers[register] = self._registers[register], value
        if register == 0x0A:
            self._command(value)
        elif register == 0x08 and before != value:
            self._switch(value)
        elif register in (0x03, 0x04, 0x06):
            if (before ^ value) & 0x80 and register != 0x06:
                self._test(register, value)
            self._set_up()

    def _command(self, value: int) -> None:
        """Take a command of the host: CmdDone is on until the host acknowledges it with 0."""
        if value == 0x10:
            self._registers[0x49:0x4C] = b"\x01\x00\x00"
            self._registers[_TEST : _TEST + 6] = self._usid
        elif value not in (0x00, 0x04):
            self.beyond.note(f"command {value:#04x}")
        done = 0x80 if value and self._registers[0x09] & 0x80 else 0
        self._registers[_STATUS_INT] = self._registers[_STATUS_INT] & 0x7F | done

    def _test(self, register: int, value: int) -> None:
        """Begin a sensor's self-test, or forget about it; results stay."""
        self._registers[_STATUS_INT] &= 0xFE
        self._test_done_s, self._tested = math.inf, 0
        if value & 0x80:
            if self._registers[0x08] & 3:
                self.beyond.note("self-test while sensors run")
            self._test_done_s = self._clock.now() + _SELF_TEST_S[register]
            self._tested = register

    def _switch(self, value: int) -> None:
        now_s = self._clock.now()
        for half, bit in ((self._accelerometer, 1), (self._gyroscope, 2)):
            if value & bit and not half.ticks:
                half.since_s = now_s
            if not value & bit:
                half.ticks = 0
        self._set_up()
        both = bool(value & 2)
        for half, start_s in zip(self._halves, (_ACCEL_START_S, _GYRO_START_S), strict=True):
            # Together they wait for the gyroscope.
            first_s = half.since_s + (_GYRO_START_S if both else start_s)
            half.latched = half.oscillator.tick(max(now_s, first_s))
        running = [half for half in self._halves if half.ticks]
        if running:
            self._counted_from = min(running, key=lambda half: half.ticks).latched

    def _set_up(self) -> None:
        """Let both sensors sample as the registers say."""
        registers = self._registers
        gyro_on = registers[0x08] & 2
        for half, on, control, filter_ in (
            (self._accelerometer, registers[0x08] & 1, registers[0x03], registers[0x06] & 15),
            (self._gyroscope, gyro_on, registers[0x04], registers[0x06] >> 4),
        ):
            code, accelerates = control & 15, half is self._accelerometer
            half.oscillator = self._both if gyro_on or not accelerates else self._alone
            known = code <= _SLOWEST_CODE if half.oscillator is self._both else code in _ALONE_CODES
            if on and (not known or (accelerates and control >> 4 & 7 > 3)):
                self.beyond.note(f"code in {control:#04x}")
            half.ticks = 1 << code if on and known else 0
            range_ = control >> 4 & 7
            half.digit = (2 * _G * (1 << (range_ & 3)) if accelerates else 16 << range_) / 32768
            rate_hz = half.oscillator.hz / (1 << code)
            half.bandwidth_hz = rate_hz * (_SHARES[filter_ >> 1 & 3] if filter_ & 1 else 0.5)

    # -- samples ---------------------------------------------------------------------------

    def _catch_up(self) -> None:
        """Put the newest samples into the data registers, and end a self-test that is due."""
        if self._tested and reached(self._clock.now(), self._test_done_s):
            self._end_test()
        newest_s = -math.inf
        for half in self._halves:
            now = half.oscillator.tick(self._clock.now())
            if not half.has_new(now):
                continue
            half.latched = now // half.ticks * half.ticks
            at = np.array([half.latched])
            for axis, count in enumerate(half.counts(at)[0]):
                self._put(half.output + 2 * axis, int(count))
            self._registers[_STATUS0] |= half.ready
            newest_s = max(newest_s, float(half.oscillator.times(at)[0]))
        if newest_s > -math.inf:
            self._count()
            self._sense_warmth(newest_s)

    def _count(self) -> None:
        """Count the samples of the faster sensor since they were switched on."""
        half = min((half for half in self._halves if half.ticks), key=lambda half: half.ticks)
        count = half.latched // half.ticks - self._counted_from // half.ticks
        self._registers[_TIMESTAMP : _TIMESTAMP + 3] = (count & 0xFFFFFF).to_bytes(3, "little")

    def _sense_warmth(self, at_s: float) -> None:
        warmth_c = self._place.temperature_c(at_s) + self._temperature_offset_c
        noise = 0.03 * self._place.stream("temperature noise").normal(round(at_s * 1e5))
        self._put(_TEMPERATURE, max(-32768, min(32767, round((warmth_c + noise) * 256))))

    def _end_test(self) -> None:
        half = self._accelerometer if self._tested == 0x03 else self._gyroscope
        a_digit = _G / 2048 if half is self._accelerometer else 1 / 16
        moved = half.triad.self_test_response / a_digit
        if during(self._place, "self_test", np.array([self._test_done_s]))[0]:
            moved = moved * 0.02
        for axis, count in enumerate(np.rint(moved)):
            self._put(_TEST + 2 * axis, int(count))
        self._registers[_STATUS_INT] |= 0x01
        self._tested = 0

    def _put(self, register: int, word: int) -> None:
        self._registers[register : register + 2] = word.to_bytes(2, "little", signed=True)
