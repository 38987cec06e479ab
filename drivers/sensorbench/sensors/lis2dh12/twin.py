"""A simulated LIS2DH12 on an I2C bus.

Sources: registers, codes and scales hal_st lis2dh12_reg.h and .c; turn-on and currents: LIS2DH data
sheet Doc ID 022516 rev 1, tables 10 and 11. Reset values, FIFO rules, self-test, offsets and noise
are recalled; how far a unit's rate is off, ageing and the wander of its offset are estimates.

- Registers count up only where bit 7 of the register number was set; with the FIFO on, from the
  last output to the first.
- Samples are computed when somebody asks, all since the last look at once, and before the world or
  a register changes. The first ones after a start are not good, and here they are not there.
- Acknowledged, without effect here and listed in `beyond`: filters, interrupts, clicks, activity,
  pins, axes that are off, low power with high resolution, the triggered FIFO mode, writes to what
  can only be read, and reads from a register that the map does not name.
"""

from __future__ import annotations

import math
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from sensorbench.core.errors import NotAcknowledged
from sensorbench.sensors.simulated import PowerOnReset, screened
from sensorbench.sensors.simulated_fifo import SampleFifo
from sensorbench.sensors.simulated_triad import Kind, Triad
from sensorbench.world.conversions import Conversions, reached
from sensorbench.world.world import Place

_G = 9.80665
_POWER_ON_V, _BOOT_S = 1.5, 0.005
_RATES_HZ = (0.0, 1.0, 10.0, 25.0, 50.0, 100.0, 200.0, 400.0, 1620.0, 1344.0)
_FASTEST_LOW_POWER_HZ = 5376.0
_SLOWER = 0.05 / 3  # one sigma of a unit's rate
_DEPTH, _SAMPLE = 32, 6
_MG = {4: (1, 2, 4, 12), 6: (4, 8, 16, 48), 8: (16, 32, 64, 192)}  # by how far digits stand up
_RESET = {0x0F: 0x33, 0x1E: 0x10, 0x20: 0x07}
_EFFECTIVE = frozenset((0x1F, 0x20, 0x23, 0x24, 0x2E))
_STORED = frozenset((0x1E, 0x21, 0x22, 0x25, 0x26, 0x30, 0x32, 0x33, 0x34, 0x36, 0x37, 0x38,
                     0x3A, 0x3B, 0x3C, 0x3D, 0x3E, 0x3F))  # fmt: skip
_READABLE = _EFFECTIVE | _STORED | {
    0x07, 0x0C, 0x0D, 0x0F, *range(0x27, 0x2E), 0x2F, 0x31, 0x35, 0x39
}  # fmt: skip
_UNMODELLED = {0x1F: 0x3F, 0x23: 0x01, 0x24: 0x3F}
_OUT, _OUT_END, _TEMPERATURE = 0x28, 0x2E, 0x0C
# Current by rate code: low power, and the others.
_LOW_POWER_A = (0.5e-6, 2e-6, 3e-6, 4e-6, 6e-6, 10e-6, 18e-6, 36e-6, 100e-6, 185e-6)
_CURRENT_A = (0.5e-6, 2e-6, 4e-6, 6e-6, 11e-6, 20e-6, 38e-6, 73e-6, 100e-6, 185e-6)
_ACCELERATION = Kind(
    "acceleration",
    offset_sigma=0.035 * _G,
    offset_per_k_sigma=0.4e-3 * _G,
    ageing_sigma=5e-3 * _G,
    density=220e-6 * _G,
    floor=50e-6 * _G,
    self_test=(0.6 * _G, 0.1 * _G),
    start_up=(0.0, 0.001),
    drift=0.3 * _G,
)


class SimLis2dh12:
    """One part at a place in the world, with its own errors, noise and rate."""

    FAULTS: ClassVar[tuple[str, ...]] = (
        "drift", "stuck", "noise", "identity", "self_test", "silent",
    )  # fmt: skip

    def __init__(self, place: Place) -> None:
        self.beyond = place.beyond
        self._place = place
        self._clock = place.clock
        self._triad = Triad(place, _ACCELERATION)
        self._temperature_offset_c = screened(place, "temperature offset", 2.0)
        self._speed = 1.0 + screened(place, "rate", _SLOWER)
        self._registers = bytearray(128)
        self._fifo = SampleFifo(_DEPTH, _SAMPLE)
        self._power = PowerOnReset(place, _POWER_ON_V, self._reset, self._catch_up)
        self._reset()

    def supply_current_a(self) -> float:
        """Return the current it draws, by rate and mode (data sheet table 11, typical)."""
        if not self._power.is_on():
            return 0.0
        code = min(self._registers[0x20] >> 4, 9)
        return (_LOW_POWER_A if self._registers[0x20] & 0x08 else _CURRENT_A)[code]

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
        if self._pointer & 0x7F not in _READABLE:
            self.beyond.note(f"read from {self._pointer & 0x7F:#04x}")
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
        if self._pointer & 0x80:
            wraps = register == _OUT_END - 1 and self._fifo_mode
            self._pointer = 0x80 | (_OUT if wraps else register + 1 & 0x7F)
        return register

    def _read_byte(self) -> int:
        register = self._advance()
        if _OUT <= register < _OUT_END:
            return self._read_output(register)
        if register == 0x0F and self._place.fault() == "identity":
            return 0x32
        if register == 0x24 and not reached(self._clock.now(), self._busy_until_s):
            return self._registers[0x24] | 0x80
        if register == 0x2F:
            return self._fifo_source()
        if register == _TEMPERATURE + 1:
            self._registers[0x07] &= ~0x44
        return self._registers[register]

    def _read_output(self, register: int) -> int:
        if self._fifo_mode:
            value = self._fifo.peek()[register - _OUT]
            if register == _OUT_END - 1:
                self._fifo.take(1)
            return value
        # With BDU a word of which one byte was read holds still until the other was.
        self._half_read ^= {register & ~1}
        if register & 1:
            axis = (register - _OUT) // 2
            self._registers[0x27] &= ~(0x88 | 0x11 << axis)
        return self._registers[register]

    def _fifo_source(self) -> int:
        """Return FIFO_SRC_REG: 32 samples show as 31 and the bit of a full one."""
        level, watermark = self._fifo.level, self._registers[0x2E] & 0x1F
        found = min(level, 31) | (0x40 if level >= _DEPTH else 0) | (0 if level else 0x20)
        return found | (0x80 if watermark and level > watermark else 0)

    # -- registers -------------------------------------------------------------------------

    def _reset(self) -> None:
        self._registers[:] = bytes(128)
        for register, value in _RESET.items():
            self._registers[register] = value
        self._pointer = 0
        self._half_read: set[int] = set()
        self._busy_until_s = -math.inf
        self._fifo.clear()
        self._samples = Conversions()

    def _write(self, register: int, value: int) -> None:
        self._catch_up()
        if register not in _EFFECTIVE:
            if register not in _STORED or value != _RESET.get(register, 0):
                self.beyond.note(f"write {value:#04x} to {register:#04x}")
            if register in _STORED:
                self._registers[register] = value
            return
        if value & _UNMODELLED.get(register, 0):
            self.beyond.note(f"write {value:#04x} to {register:#04x}")
        self._registers[register] = value
        if register == 0x20:
            self._begin(value)
        elif register == 0x23:
            self._check_mode()
        elif register == 0x24:
            if value & 0x80:
                self._busy_until_s = self._clock.now() + _BOOT_S
                self._registers[0x24] = value & 0x7F
            self._let_fifo()
        elif register == 0x2E:
            if value >> 6 == 3:
                self.beyond.note(f"write {value:#04x} to 0x2e")
            self._let_fifo()

    def _check_mode(self) -> None:
        if self._registers[0x20] & 0x08 and self._registers[0x23] & 0x08:
            self.beyond.note("low power with high resolution")

    @property
    def _fifo_mode(self) -> int:
        """Return the FIFO's mode; 0 is bypass, as where it is off."""
        return self._registers[0x2E] >> 6 if self._registers[0x24] & 0x40 else 0

    def _let_fifo(self) -> None:
        if not self._fifo_mode:
            self._fifo.clear()

    # -- samples ---------------------------------------------------------------------------

    @property
    def _shift(self) -> int:
        """Return how far up the digits stand: by low power, normal and high resolution."""
        if self._registers[0x20] & 0x08:
            return 8
        return 4 if self._registers[0x23] & 0x08 else 6

    @property
    def _rate_hz(self) -> float:
        code, low_power = self._registers[0x20] >> 4, self._registers[0x20] & 0x08
        if code > 9 or (code == 8 and not low_power):
            return 0.0
        return _FASTEST_LOW_POWER_HZ if code == 9 and low_power else _RATES_HZ[code]

    def _begin(self, value: int) -> None:
        """Sample from now on, as CTRL_REG1 says, or no more."""
        self._samples = Conversions()
        self._check_mode()
        if value & 0x07 != 0x07:
            self.beyond.note(f"write {value:#04x} to 0x20")
        if self._rate_hz:
            period_s = 1.0 / (self._rate_hz * self._speed)
            periods = 7 if self._shift == 4 else 1
            self._samples = Conversions(self._clock.now(), periods * period_s, period_s)

    def _catch_up(self) -> None:
        """Take the samples that are due by now."""
        now_s = self._clock.now()  # not what ends while this is computed
        while due := self._samples.due(now_s):
            if self._fifo_mode == 1 and self._fifo.room:
                self._sample(min(due, self._fifo.room), 0)  # a FIFO that stops keeps the first ones
            else:
                self._sample(due, max(0, due - _DEPTH))

    def _sample(self, due: int, left_out: int) -> None:
        """Take `due` samples; of those `left_out` nothing is left, they are not computed."""
        samples = self._samples
        numbers = np.arange(samples.taken + left_out, samples.taken + due)
        times = samples.ends_s(numbers)
        samples.take(due)
        values = self._triad.sample(
            self._place.acceleration(times),
            times,
            # Another run of the part has other noise.
            numbers + (round(samples.began_s * 1e4) << 20),
            rate_hz=self._rate_hz,
            since_s=samples.began_s,
            self_test={1: 1.0, 2: -1.0}.get(self._registers[0x23] >> 1 & 3, 0.0),
        )
        found = self._packed(values)
        if self._fifo_mode:
            self._fifo.put(found, left_out, stops=self._fifo_mode == 1)
        else:
            self._latch(found[-1].tobytes(), missed=due > 1)
        if self._registers[0x1F] & 0xC0 == 0xC0:
            self._latch_temperature(float(times[-1]), missed=due > 1)

    def _packed(self, values: npt.NDArray[np.float64]) -> npt.NDArray[np.uint8]:
        """Return samples as CTRL_REG1 and 4 say, shape (n, 6)."""
        shift = self._shift
        digit = _MG[shift][self._registers[0x23] >> 4 & 3] * 1e-3 * _G
        half = 1 << 15 - shift
        counts = np.clip(np.rint(values / digit), -half, half - 1).astype(np.int64) << shift
        words = np.ascontiguousarray(
            counts.astype(">i2" if self._registers[0x23] & 0x40 else "<i2")
        )
        return words.view(np.uint8).reshape(-1, _SAMPLE)

    def _latch(self, sample: bytes, *, missed: bool) -> None:
        """Put a sample into the data registers, unless BDU holds them, and raise its flags."""
        unread = 0x07 if missed else self._registers[0x27] & 0x07
        self._registers[0x27] |= 0x0F | unread << 4 | (0x80 if unread else 0)
        for axis in range(3):
            word = _OUT + 2 * axis
            if not (self._registers[0x23] & 0x80 and word in self._half_read):
                self._registers[word : word + 2] = sample[2 * axis : 2 * axis + 2]

    def _latch_temperature(self, at_s: float, *, missed: bool) -> None:
        warmer = self._place.temperature_c(at_s) + self._temperature_offset_c - 25.0
        step = 256 if self._shift == 8 else 64
        word = max(-32768, min(32767, round(warmer * 256.0 / step) * step))
        self._registers[_TEMPERATURE : _TEMPERATURE + 2] = word.to_bytes(2, "little", signed=True)
        unread = missed or self._registers[0x07] & 0x04
        self._registers[0x07] |= 0x04 | (0x40 if unread else 0)
