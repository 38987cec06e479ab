"""A simulated QMC5883L on an I2C bus.

Source: QST QMC5883L data sheet 1.0, sections 6.2 and 9.2, tables 2 (noise, offset, temperature), 7
and 13 to 21. Recalled: currents, spread of the sensitivity. Estimates: rates within 2 %, the offset
of the thermometer, that a reset ends by itself at once.

- Samples are taken at the unit's own rate. The newest is computed when somebody asks, and before
  the world or a register changes. Reading a byte of it holds the sample until 0x05 was read; what
  comes meanwhile is lost, and the status says so until data are read.
- Not modelled: what the period of set and reset does, the ready pin. `beyond` lists writes to what
  can only be read, codes that the data sheet reserves, and reads that begin at such a register.
"""

from __future__ import annotations

import math
from typing import ClassVar

from sensorbench.core.errors import NotAcknowledged
from sensorbench.sensors.simulated import PowerOnReset, screened
from sensorbench.sensors.simulated_magnetometer import Kind, Magnetometer
from sensorbench.world.conversions import Conversions, reached
from sensorbench.world.world import Place

_STATUS, _T, _CTRL1, _CTRL2, _PERIOD, _ID = 0x06, 0x07, 0x09, 0x0A, 0x0B, 0x0D
_READABLE, _LAST_OUT = frozenset((*range(0x0C), _ID)), 0x05
_READY, _OVERFLOW, _SKIPPED = 0x01, 0x02, 0x04
_ROLLS, _RESETS = 0x40, 0x80
_POWER_UP_S = 350e-6
_RATES_HZ = (10.0, 50.0, 100.0, 200.0)
_COUNTS_PER_UT = (120.0, 30.0, 30.0, 30.0)
_NOISIER = (1.0, 2**0.5, 2.0, 8**0.5)  # by oversampling, 512 to 64
# Table 2: 10 mgauss of offset, 0.05 %/K, 2 mgauss rms of noise.
_KIND = Kind(
    offset_ut=0.6, offset_ut_per_k=0.01, gain=0.012, gain_per_k=0.0003,
    noise_ut=0.2, ageing_ut=0.5, drift_ut=40.0,
)  # fmt: skip


class SimQmc5883l:
    """One part at a place in the world, with its own offsets, sensitivity, noise and rate."""

    FAULTS: ClassVar[tuple[str, ...]] = ("drift", "stuck", "noise", "identity", "silent")

    def __init__(self, place: Place) -> None:
        self.beyond = place.beyond
        self._place = place
        self._clock = place.clock
        self._sense = Magnetometer(place, _KIND)
        self._thermometer_c = -50.0 + screened(place, "thermometer offset", 3.0)
        self._speed = 1.0 + screened(place, "rate", 0.02 / 3)
        self._power = PowerOnReset(place, 1.9, self._power_on, self._latch)
        self._reset(-math.inf)

    def supply_current_a(self) -> float:
        """Return the current it draws: by rate, standing by."""
        if not self._power.is_on():
            return 0.0
        return 75e-6 + 5e-6 * self._rate_hz if self._samples.go_on else 3e-6

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
        rolls = bool(self._registers[_CTRL2] & _ROLLS) and self._pointer <= _STATUS
        return bytes(self._next(rolls) for _ in range(length))

    def _answer(self) -> None:
        self._power.check()
        if self._place.fault() == "silent":
            raise NotAcknowledged(f"part {self._place.serial} is silent")
        if not reached(self._clock.now(), self._awake_s):
            raise NotAcknowledged(f"part {self._place.serial} starts")

    def _next(self, rolls: bool) -> int:
        """Return the register that the pointer is at, and move on."""
        register = self._pointer
        self._pointer = 0 if rolls and register == _STATUS else register + 1 & 0xFF
        if register == _ID and self._place.fault() == "identity":
            return 0x48
        found = self._registers[register]
        if register <= _LAST_OUT:
            self._is_held = register != _LAST_OUT
            self._registers[_STATUS] &= ~(_READY | _SKIPPED)
        return found

    # -- registers -------------------------------------------------------------------------

    def _power_on(self) -> None:
        self._reset(self._power.since_s + _POWER_UP_S)

    def _reset(self, awake_s: float) -> None:
        self._awake_s = awake_s
        self._registers = bytearray(256)
        self._registers[_ID] = 0xFF
        self._pointer = 0
        self._is_held = False
        self._rate_hz = _RATES_HZ[0]
        self._samples = Conversions()

    def _write(self, register: int, value: int) -> None:
        self._latch()
        if register not in (_CTRL1, _CTRL2, _PERIOD):
            self.beyond.note(f"write {value:#04x} to {register:#04x}")
        elif register == _CTRL2 and value & _RESETS:
            pointer = self._pointer
            self._reset(-math.inf)
            self._pointer = pointer
        else:
            if register == _CTRL1 and value & 0x22:
                self.beyond.note(f"reserved code in CTRL1 {value:#04x}")
            self._registers[register] = value
            if register == _CTRL1:
                self._begin(value)

    def _begin(self, control: int) -> None:
        """Sample from now on, or stand by, as CTRL1 says."""
        self._samples = Conversions()
        self._rate_hz = _RATES_HZ[control >> 2 & 3]
        if control & 0x03 == 1:
            period_s = 1.0 / (self._rate_hz * self._speed)
            self._samples = Conversions(self._clock.now(), period_s, period_s)

    # -- samples ---------------------------------------------------------------------------

    def _latch(self) -> None:
        """Put the last sample that was taken until now into the registers."""
        due = self._samples.due(self._clock.now())
        if not due:
            return
        taken_s, registers = self._samples.take(due), self._registers
        if due > 1 or registers[_STATUS] & _READY or self._is_held:
            registers[_STATUS] |= _SKIPPED
        if self._is_held:
            return
        control = registers[_CTRL1]
        counts = (
            self._sense.felt_ut(taken_s, _NOISIER[control >> 6]) * _COUNTS_PER_UT[control >> 4 & 3]
        )
        overflows = False
        for axis, count in enumerate(counts):
            word = max(-32768, min(32767, round(float(count))))
            overflows |= word in (-32768, 32767)
            registers[2 * axis : 2 * axis + 2] = word.to_bytes(2, "little", signed=True)
        warm = round(100.0 * (self._place.temperature_c(taken_s) + self._thermometer_c))
        registers[_T : _T + 2] = max(-32768, min(32767, warm)).to_bytes(2, "little", signed=True)
        kept = registers[_STATUS] & _SKIPPED
        registers[_STATUS] = kept | _READY | (_OVERFLOW if overflows else 0)
