"""A simulated MSA301 on an I2C bus.

Source: MEMSensing MSA301 data sheet 1.3, sections 2, 4 and 6; soft reset torvalds/linux msa311.c.
How far a unit's rate is off, ageing and wander are estimates. Uncertain: that offsets have a sign,
that bits beyond the resolution read 0, and that a part answers while it resets.

- It is suspended after power-up and reset, and keeps its last sample.
- Samples are computed when somebody asks, and before the world or a register changes.
- That a sample is new shows once DATA_INT_EN is set, until 0x02 or 0x0A is read or latches are
  reset; that the flag goes off by itself shortly before the next sample is not modelled.
- Acknowledged, without effect here and listed in `beyond`: taps, activity, free fall, orientation,
  interrupt pins, disabled axes, rates that the power mode does not have, writes to what can only be
  read, and reads from a register that the map does not name.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from sensorbench.core.errors import NotAcknowledged
from sensorbench.sensors.simulated import PowerOnReset, screened
from sensorbench.sensors.simulated_triad import Kind, Triad
from sensorbench.world.conversions import Conversions, reached
from sensorbench.world.world import Place

_G = 9.80665
_POWER_ON_V, _BOOT_S, _WAKE_S = 1.5, 0.003, 0.001
_RATE_SIGMA = 0.02
_RATES_HZ = (1.0, 1.95, 3.9, 7.81, 15.63, 31.25, 62.5, 125.0, 250.0, 500.0)
_FASTEST_HZ = 1000.0  # of the other codes
_RESET = {0x10: 0x0F, 0x11: 0x9E, 0x22: 0x09, 0x23: 0x30, 0x24: 0x01, 0x28: 0x14, 0x2A: 0x04,
          0x2B: 0x0A, 0x2C: 0x18, 0x2D: 0x08}  # fmt: skip
_EFFECTIVE = frozenset((0x00, 0x0F, 0x10, 0x11, 0x12, 0x17, 0x21, 0x38, 0x39, 0x3A))
_STORED = frozenset((0x16, 0x19, 0x1A, 0x1B, 0x20, 0x22, 0x23, 0x24, 0x27, 0x28, 0x2A, 0x2B, 0x2C,
                     0x2D))  # fmt: skip
_READABLE = _EFFECTIVE | _STORED | {*range(0x01, 0x08), *range(0x09, 0x0E)}
_UNMODELLED = {0x0F: 0xF0, 0x10: 0xF0, 0x11: 0x21, 0x12: 0xF0, 0x17: 0xEF, 0x21: 0x70}
_DATA = 0x02
_ACCELERATION = Kind(
    "acceleration",
    offset_sigma=0.04 * _G,
    offset_per_k_sigma=0.4e-3 * _G,
    ageing_sigma=5e-3 * _G,
    density=300e-6 * _G,
    floor=80e-6 * _G,
    self_test=((0.5 * _G, -0.5 * _G, 0.7 * _G), 0.05 * _G),  # what it is stuck at, too
    start_up=(0.0, 0.001),
    drift=0.4 * _G,
)


class SimMsa301:
    """One part at a place in the world, with its own errors, noise and rate."""

    FAULTS: ClassVar[tuple[str, ...]] = ("drift", "stuck", "noise", "identity", "silent")

    def __init__(self, place: Place) -> None:
        self.beyond = place.beyond
        self._place = place
        self._clock = place.clock
        self._triad = Triad(place, _ACCELERATION)
        self._speed = 1.0 + screened(place, "rate", _RATE_SIGMA)
        self._registers = bytearray(128)
        self._fresh = False  # a sample that nobody has read
        self._power = PowerOnReset(place, _POWER_ON_V, self._reset, self._catch_up)
        self._reset()

    def supply_current_a(self) -> float:
        """Return the current it draws, by its mode (table 4)."""
        if not self._power.is_on():
            return 0.0
        return (180e-6, 2e-6, 1e-6, 1e-6)[self._registers[0x11] >> 6]

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
        start, end = self._pointer, self._pointer + length
        if start not in _READABLE:
            self.beyond.note(f"read from {start:#04x}")
        self._catch_up()
        image = bytearray(self._registers)
        image[0x01] = 0x33 if self._place.fault() == "identity" else 0x13
        image[0x0A] = 1 if self._fresh and image[0x17] & 0x10 else 0
        if any(start <= register < end for register in (_DATA, 0x0A)):
            self._fresh = False
        self._pointer = end & 0x7F
        return bytes(image[register & 0x7F] for register in range(start, end))

    def _answer(self) -> None:
        self._power.check()
        if self._place.fault() == "silent":
            raise NotAcknowledged(f"part {self._place.serial} is silent")
        if not reached(self._clock.now(), self._power.since_s + _BOOT_S):
            raise NotAcknowledged(f"part {self._place.serial} is booting")

    # -- registers -------------------------------------------------------------------------

    def _reset(self) -> None:
        self._registers[:] = bytes(128)
        for register, value in _RESET.items():
            self._registers[register] = value
        self._pointer = 0
        self._fresh = False
        self._samples = Conversions()

    def _write(self, register: int, value: int) -> None:
        self._catch_up()
        if register not in _EFFECTIVE:
            if register not in _STORED or value != _RESET.get(register, 0):
                self.beyond.note(f"write {value:#04x} to {register:#04x}")
            if register in _STORED:
                self._registers[register] = value
            return
        if register == 0x00:
            if value & 0x24 == 0x24:
                self._reset()
            elif value:
                self.beyond.note(f"write {value:#04x} to 0x00")
            return
        if value & _UNMODELLED.get(register, 0):
            self.beyond.note(f"write {value:#04x} to {register:#04x}")
        if register == 0x21 and value & 0x80:
            self._fresh = False
        changed, self._registers[register] = self._registers[register] ^ value, value
        if changed and register in (0x10, 0x11):
            self._begin()

    # -- samples ---------------------------------------------------------------------------

    def _begin(self) -> None:
        """Measure from now on, as the registers say, or no more."""
        self._samples = Conversions()
        if self._registers[0x11] & 0x80:
            return
        period_s = 1.0 / (self._rate_hz * self._speed)
        self._samples = Conversions(self._clock.now(), _WAKE_S + period_s, period_s)

    @property
    def _rate_hz(self) -> float:
        code = self._registers[0x10] & 15
        return _RATES_HZ[code] if code < len(_RATES_HZ) else _FASTEST_HZ

    @property
    def _bandwidth_hz(self) -> float:
        """Half of the rate; in low power what its own bits say: 1.95 Hz, doubling, to 500 Hz."""
        if self._registers[0x11] >> 6 != 1:
            return self._rate_hz / 2
        return 1.953125 * float(1 << max(0, min(8, (self._registers[0x11] >> 1 & 15) - 2)))

    def _catch_up(self) -> None:
        """Take the newest of the samples that are due by now."""
        samples = self._samples
        due = samples.due(self._clock.now())
        if not due:
            return
        mode, code = self._registers[0x11] >> 6, self._registers[0x10] & 15
        if (code > 8) if mode else (code < 2):
            self.beyond.note(f"sampled at rate {code} in mode {mode}")
        at_s = samples.take(due)
        times = np.array([at_s])
        values = self._triad.sample(
            self._place.acceleration(times),
            times,
            # Another run of the part has other noise.
            np.array([samples.taken - 1 + (round(samples.began_s * 1e4) << 20)]),
            rate_hz=2 * self._bandwidth_hz,
            since_s=samples.began_s,
            self_test=0.0,
        )[0]
        self._put(values)
        self._fresh = True

    def _put(self, values: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> None:
        """Put a sample into the data registers: rounded, compensated, turned and left-justified."""
        format_, turned = self._registers[0x0F], self._registers[0x12]
        bits = 14 - 2 * (format_ >> 2 & 3)
        full_scale = 2 * _G * (1 << (format_ & 3))
        steps = np.frombuffer(bytes(self._registers[0x38:0x3B]), np.int8)
        half = 1 << bits - 1
        counts = np.rint((values + steps * 3.9e-3 * _G) / full_scale * half)
        counts = np.clip(counts, -half, half - 1).astype(np.int64)
        if turned & 1:
            counts = counts[[1, 0, 2]]
        signs = np.where([turned & bit for bit in (8, 4, 2)], -1, 1)
        words = np.clip(counts * signs, -half, half - 1) << 16 - bits
        self._registers[_DATA : _DATA + 6] = words.astype("<i2").tobytes()
