"""A simulated QMC5883P on an I2C bus.

Sources: adafruit/Adafruit_CircuitPython_QMC5883P adafruit_qmc5883p.py and lewisxhe/SensorLib
SensorQSTMagnetic.hpp (registers, codes, scale, self-test); lionyhw/MQC5883P_nrf52 qmc5883p.c (0x0D
and 0x29 keep what was written); QST QMC5883P data sheet, page 1 (resolution, highest rate,
current). Recalled: reset values, offsets. Estimates: rates within 2 %, how noise falls with
oversampling and downsampling, how far the self-test moves the axes, that it is one sample of 4 ms,
after which the part rests for 5 ms, that a reset ends by itself at once.

- Samples are taken at the unit's own rate, in continuous mode at 1500 Hz. The newest is computed
  when somebody asks, and before the world or a register changes.
- What clears the ready bit is not known: `cleared_by` "data" or "status", whichever is read.
- Not modelled: axis signs (0x29), what 0x0D and the modes of set and reset do. `beyond` lists what
  was written there, writes to what can only be read, and reads that begin at an unknown register.
"""

from __future__ import annotations

import math
from typing import ClassVar

import numpy as np

from sensorbench.core.errors import NotAcknowledged
from sensorbench.sensors.simulated import PowerOnReset, screened
from sensorbench.sensors.simulated_magnetometer import Kind, Magnetometer
from sensorbench.world.conversions import Conversions, reached
from sensorbench.world.world import Place

_ID, _OUT, _STATUS, _CTRL1, _CTRL2, _EXTRA, _SIGNS = 0x00, 0x01, 0x09, 0x0A, 0x0B, 0x0D, 0x29
_READABLE = frozenset((*range(0x07), _STATUS, _CTRL1, _CTRL2, _EXTRA, _SIGNS))
_DATA = range(_OUT, _OUT + 6)
_READY, _OVERFLOW, _RESETS, _TESTS = 0x01, 0x02, 0x80, 0x40
_POWER_UP_S, _SELF_TEST_S, _REST_S = 250e-6, 0.004, 0.005
_RATES_HZ, _HIGHEST_HZ = (10.0, 50.0, 100.0, 200.0), 1500.0
_COUNTS_PER_UT = (10.0, 25.0, 37.5, 150.0)
_SELF_TEST_UT = 40.0
_KIND = Kind(
    offset_ut=1.0, offset_ut_per_k=0.01, gain=0.012, gain_per_k=0.0002,
    noise_ut=0.2, ageing_ut=0.5, drift_ut=40.0,
)  # fmt: skip


class SimQmc5883p:
    """One part at a place in the world, with its own offsets, sensitivity, noise and rate."""

    FAULTS: ClassVar[tuple[str, ...]] = (
        "drift", "stuck", "noise", "identity", "self_test", "silent",
    )  # fmt: skip

    def __init__(self, place: Place, *, cleared_by: str = "data") -> None:
        if cleared_by not in {"data", "status"}:
            raise ValueError(f'cleared_by is "data" or "status", not {cleared_by!r}')
        self.beyond = place.beyond
        self._place = place
        self._clock = place.clock
        self._sense = Magnetometer(place, _KIND)
        self._self_test_ut = np.array(
            [_SELF_TEST_UT + screened(place, f"self-test {axis}", 4.0) for axis in "xyz"]
        )
        self._clearing = _DATA if cleared_by == "data" else range(_STATUS, _STATUS + 1)
        self._speed = 1.0 + screened(place, "rate", 0.02 / 3)
        self._power = PowerOnReset(place, 2.2, self._power_on, self._latch)
        self._reset(-math.inf)

    def supply_current_a(self) -> float:
        """Return the current it draws: by rate, suspended."""
        if not self._power.is_on():
            return 0.0
        self._latch()
        return 35e-6 + 2.5e-6 * self._rate_hz if self._samples.go_on else 2e-6

    # -- the bus ---------------------------------------------------------------------------

    def receive(self, data: bytes) -> None:
        self._answer()
        if not data:
            return
        self._pointer = data[0]
        for value in data[1:]:
            self._write(self._pointer, value)
            self._pointer = self._pointer + 1 & 0xFF

    def send(self, length: int) -> bytes:
        self._answer()
        self._latch()
        if self._pointer not in _READABLE:
            self.beyond.note(f"read from {self._pointer:#04x}")
        return bytes(self._next() for _ in range(length))

    def _answer(self) -> None:
        self._power.check()
        if self._place.fault() == "silent":
            raise NotAcknowledged(f"part {self._place.serial} is silent")
        if not reached(self._clock.now(), self._awake_s):
            raise NotAcknowledged(f"part {self._place.serial} starts")

    def _next(self) -> int:
        """Return the register that the pointer is at, and move on."""
        register = self._pointer
        self._pointer = register + 1 & 0xFF
        if register == _ID and self._place.fault() == "identity":
            return 0x10
        found = self._registers[register]
        if register in self._clearing:
            self._registers[_STATUS] &= ~_READY
        return found

    # -- registers -------------------------------------------------------------------------

    def _power_on(self) -> None:
        self._reset(self._power.since_s + _POWER_UP_S)

    def _reset(self, awake_s: float) -> None:
        self._awake_s = awake_s
        self._registers = bytearray(256)
        self._registers[_ID] = 0x80
        self._pointer = 0
        self._rate_hz = _RATES_HZ[0]
        self._is_testing = False
        self._samples = Conversions()

    def _write(self, register: int, value: int) -> None:
        self._latch()
        if register in (_EXTRA, _SIGNS):
            self.beyond.note(f"write {value:#04x} to {register:#04x}")
            self._registers[register] = value
        elif register not in (_CTRL1, _CTRL2):
            self.beyond.note(f"write {value:#04x} to {register:#04x}")
        elif register == _CTRL2 and value & _RESETS:
            pointer = self._pointer
            self._reset(-math.inf)
            self._pointer = pointer
        else:
            self._registers[register] = value
            if register == _CTRL1:
                self._begin(self._clock.now())
            elif value & _TESTS and self._registers[_CTRL1] & 3:
                self._is_testing = True
                self._samples = Conversions(self._clock.now(), _SELF_TEST_S)
            elif value & _TESTS:
                self.beyond.note("self-test while suspended")

    def _begin(self, at_s: float) -> None:
        """Sample from `at_s` on, once, or not at all, as CTRL1 says."""
        control = self._registers[_CTRL1]
        mode, self._is_testing = control & 3, False
        self._rate_hz = _HIGHEST_HZ if mode == 3 else _RATES_HZ[control >> 2 & 3]
        period_s = 1.0 / (self._rate_hz * self._speed)
        self._samples = Conversions()
        if mode:
            self._samples = Conversions(at_s, period_s, math.inf if mode == 2 else period_s)

    # -- samples ---------------------------------------------------------------------------

    def _latch(self) -> None:
        """Put the last sample that was taken until now into the registers."""
        now_s = self._clock.now()  # not what ends while this is computed
        while due := self._samples.due(now_s):
            taken_s = self._samples.take(due)
            self._take(taken_s)
            if self._is_testing:
                self._registers[_CTRL2] &= ~_TESTS
                self._begin(taken_s + _REST_S)
            elif self._registers[_CTRL1] & 3 == 2:
                self._registers[_CTRL1] &= ~3  # back to suspend

    def _take(self, taken_s: float) -> None:
        registers, control = self._registers, self._registers[_CTRL1]
        averaged = (8 >> (control >> 4 & 3)) << (control >> 6)
        found_ut = self._sense.felt_ut(taken_s, math.sqrt(8 / averaged))
        if self._is_testing and self._place.fault(taken_s) not in ("self_test", "stuck"):
            found_ut = found_ut + self._self_test_ut
        overflows = False
        for axis, count in enumerate(found_ut * _COUNTS_PER_UT[registers[_CTRL2] >> 2 & 3]):
            word = max(-32768, min(32767, round(float(count))))
            overflows |= word in (-32768, 32767)
            start = _OUT + 2 * axis
            registers[start : start + 2] = word.to_bytes(2, "little", signed=True)
        registers[_STATUS] = _READY | (_OVERFLOW if overflows else 0)
