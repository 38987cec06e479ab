"""A simulated SC7A20 on an I2C bus: `form` is "first", "E" or "H".

Sources: two public register headers (SC7A20; SC7A20H), the maker's Android kernel driver sc7a20.c
(1024, 512, 256 digits a g; at 16 g 128), Ralim/IronOS SC7A20.cpp (the first form counts up in any
burst), torvalds/linux st_accel_core.c (rates of the first form). No data sheet was read. Reset
values, boot time and offsets are recalled; noise, currents, how far a unit's rate is off, ageing
and wander are estimates; that reset and boot leave the part answering, too.

- Forms E and H count up only where bit 7 of the register number was set, the first always does.
- Samples are computed when somebody asks, and before the world or a register changes.
- Acknowledged, without effect here and listed in `beyond`: low power, the self-test, the FIFO and
  its port, filters, interrupts, axes that are off, temperature, memory (NVM), writes to what can
  only be read, and reads from a register that the map does not name.
"""

from __future__ import annotations

import math
from typing import ClassVar

import numpy as np

from sensorbench.core.errors import NotAcknowledged
from sensorbench.sensors.simulated import PowerOnReset, screened
from sensorbench.sensors.simulated_triad import Kind, Triad
from sensorbench.world.conversions import Conversions, reached
from sensorbench.world.world import Place

_G = 9.80665
_POWER_ON_V, _BOOT_S = 1.5, 0.002
_RATE_SIGMA = 0.02
_VERSIONS = {"first": 0x11, "E": 0x26, "H": 0x28}
_FIRST_RATES_HZ = (0.0, 1.0, 10.0, 25.0, 50.0, 100.0, 200.0, 400.0, 0.0, 1250.0)
_H_RATES_HZ = (
    0.0, 1.56, 12.5, 25.0, 50.0, 100.0, 200.0, 400.0, 800.0, 1480.0, 2660.0, 4434.0,
)  # fmt: skip
_RESET = {0x20: 0x07}
_EFFECTIVE = frozenset((0x20, 0x23, 0x24))
_STORED = frozenset((0x13, 0x1E, 0x1F, 0x21, 0x22, 0x25, 0x2E, 0x30, 0x32))
_READABLE = _EFFECTIVE | _STORED | {0x0F, 0x26, *range(0x27, 0x2E), 0x2F, 0x31, 0x70}
_UNMODELLED = {0x20: 0x08, 0x23: 0x07, 0x24: 0x7F}
_STATUS, _OUT, _OUT_END, _COPY, _COPY_END, _SOFT_RESET = 0x27, 0x28, 0x2E, 0x61, 0x67, 0x68
_ACCELERATION = Kind(
    "acceleration",
    offset_sigma=0.02 * _G,
    offset_per_k_sigma=0.4e-3 * _G,
    ageing_sigma=5e-3 * _G,
    density=300e-6 * _G,
    floor=80e-6 * _G,
    self_test=((0.5 * _G, -0.5 * _G, 0.7 * _G), 0.05 * _G),  # what it is stuck at, too
    start_up=(0.0, 0.001),
    drift=0.4 * _G,
)


class SimSc7a20:
    """One part at a place in the world, with its own errors, noise and rate."""

    FAULTS: ClassVar[tuple[str, ...]] = ("drift", "stuck", "noise", "identity", "silent")

    def __init__(self, place: Place, form: str = "H") -> None:
        if form not in _VERSIONS:
            raise ValueError(f"form can't be {form!r}; allowed: {', '.join(_VERSIONS)}")
        self.beyond = place.beyond
        self._place = place
        self._clock = place.clock
        self._form = form
        self._triad = Triad(place, _ACCELERATION)
        self._speed = 1.0 + screened(place, "rate", _RATE_SIGMA)
        self._registers = bytearray(128)
        self._power = PowerOnReset(place, _POWER_ON_V, self._reset, self._catch_up)
        self._reset()

    def supply_current_a(self) -> float:
        """Return the current it draws, by whether it samples (estimated)."""
        if not self._power.is_on():
            return 0.0
        return 40e-6 if self._samples.go_on else 1e-6

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
        register = self._pointer & 0x7F
        copied = self._form == "H" and _COPY <= register < _COPY_END
        if register not in _READABLE and not copied:
            self.beyond.note(f"read from {register:#04x}")
        self._catch_up()
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
        if self._pointer & 0x80 or self._form == "first":
            self._pointer = (self._pointer & 0x80) | (register + 1 & 0x7F)
        return register

    def _read_byte(self) -> int:
        register = self._advance()
        if register == 0x0F:
            return 0x33 if self._place.fault() == "identity" else 0x11
        if register == 0x70:
            return _VERSIONS[self._form]
        if register == 0x24 and not reached(self._clock.now(), self._busy_until_s):
            return self._registers[0x24] | 0x80
        if _OUT <= register < _OUT_END:
            # With BDU a word of which one byte was read holds still until the other was.
            self._half_read ^= {register & ~1}
            if register & 1:
                self._registers[_STATUS] &= ~(0x88 | 0x11 << (register - _OUT) // 2)
        return self._registers[register]

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
        self._catch_up()
        if register == _SOFT_RESET and value == 0xA5 and self._form == "H":
            self._reset()
            return
        if register not in _EFFECTIVE:
            if register not in _STORED or value:
                self.beyond.note(f"write {value:#04x} to {register:#04x}")
            if register in _STORED:
                self._registers[register] = value
            return
        if value & _UNMODELLED.get(register, 0) or (register == 0x20 and value & 7 != 7):
            self.beyond.note(f"write {value:#04x} to {register:#04x}")
        self._registers[register] = value
        if register == 0x20:
            self._begin()
        elif register == 0x24 and value & 0x80:
            self._busy_until_s = self._clock.now() + _BOOT_S
            self._registers[0x24] = value & 0x7F

    # -- samples ---------------------------------------------------------------------------

    def _begin(self) -> None:
        """Sample from now on, as CTRL1 says, or no more."""
        rates_hz = _H_RATES_HZ if self._form == "H" else _FIRST_RATES_HZ
        code = self._registers[0x20] >> 4
        self._rate_hz = rates_hz[code] if code < len(rates_hz) else 0.0
        self._samples = Conversions()
        if self._rate_hz:
            period_s = 1.0 / (self._rate_hz * self._speed)
            self._samples = Conversions(self._clock.now(), period_s, period_s)
        elif code:
            self.beyond.note(f"rate {code}")

    def _catch_up(self) -> None:
        """Take the newest of the samples that are due by now."""
        samples = self._samples
        due = samples.due(self._clock.now())
        if not due:
            return
        at_s = samples.take(due)
        times = np.array([at_s])
        values = self._triad.sample(
            self._place.acceleration(times),
            times,
            # Another run of the part has other noise.
            np.array([samples.taken - 1 + (round(samples.began_s * 1e4) << 20)]),
            rate_hz=self._rate_hz,
            since_s=samples.began_s,
            self_test=0.0,
        )[0]
        digits_a_g = 1024 >> (self._registers[0x23] >> 4 & 3)
        digits = np.clip(np.rint(values / _G * digits_a_g), -2048, 2047).astype(np.int64) << 4
        order = ">i2" if self._registers[0x23] & 0x40 else "<i2"
        self._latch(digits.astype(order).tobytes(), missed=due > 1)

    def _latch(self, sample: bytes, *, missed: bool) -> None:
        """Put a sample into the data registers, unless BDU holds them, and raise its flags."""
        self._registers[_COPY:_COPY_END] = sample
        unread = 0x07 if missed else self._registers[_STATUS] & 0x07
        self._registers[_STATUS] |= 0x0F | unread << 4 | (0x80 if unread else 0)
        for axis in range(3):
            word = _OUT + 2 * axis
            if not (self._registers[0x23] & 0x80 and word in self._half_read):
                self._registers[word : word + 2] = sample[2 * axis : 2 * axis + 2]
