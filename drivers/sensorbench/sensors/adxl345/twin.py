"""A simulated ADXL345 on an I2C bus.

Sources: ADXL345 data sheet rev. E, pages 22 (self-test and how it grows with the supply), 32 (last
bit at the fastest rates), 33 (noise by rate and power); modes of the FIFO: ADXL313 data sheet rev.
C, page 16; rates Adafruit CircuitPython ADXL34x. Reset values, times, offsets, their temperature
coefficients and currents are recalled; how far a unit's rate is off, ageing and the wander of its
offset are estimates.

- Samples are computed when somebody asks, all since the last look at once, and before the world or
  a register changes.
- A read of data registers gives the oldest sample of the FIFO, and lets it go when it ends.
- Acknowledged, without effect here and listed in `beyond`: tap, activity and free fall, interrupts,
  sleep and links, the trigger mode (taken for a stream), SPI, writes to what can only be read, and
  reads from a register that the map does not name.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from sensorbench.core.errors import NotAcknowledged
from sensorbench.sensors.simulated import PowerOnReset, screened
from sensorbench.sensors.simulated_fifo import SampleFifo
from sensorbench.sensors.simulated_triad import Kind, Triad
from sensorbench.world.conversions import Conversions, reached
from sensorbench.world.world import Place

_G = 9.80665
_POWER_ON_V, _BOOT_S, _WAKE_S = 1.7, 0.0014, 0.0011
_FASTEST_HZ = 3200.0
_SLOWER = 0.03 / 3  # one sigma of a unit's rate
_DEPTH, _SAMPLE = 33, 6  # 32, and the one at the output
_QUIETEST_HZ = 100.0  # below, noise is as it is here
_LOW_POWER_NOISE_HZ = 576.0  # in low power: as at this rate, 2.4 times as much
_EFFECTIVE = frozenset((0x1E, 0x1F, 0x20, 0x2C, 0x2D, 0x31, 0x38))
_STORED = frozenset((0x1D, *range(0x21, 0x2B), 0x2E, 0x2F))
_READABLE = _EFFECTIVE | _STORED | {0x00, 0x2B, 0x30, *range(0x32, 0x38), 0x39}
_DATA, _DATA_END = 0x32, 0x38
_CURRENT_A = (140e-6, 140e-6, 140e-6, 140e-6, 140e-6, 140e-6, 90e-6, 60e-6, 50e-6, 45e-6)
# White noise: 0.75 and 1.1 digits at 100 Hz, less a digit's own rounding.
_ACCELERATION = Kind(
    "acceleration",
    offset_sigma=(0.035 * _G, 0.035 * _G, 0.06 * _G),
    offset_per_k_sigma=(0.4e-3 * _G, 0.4e-3 * _G, 0.8e-3 * _G),
    ageing_sigma=5e-3 * _G,
    density=(380e-6 * _G, 380e-6 * _G, 585e-6 * _G),
    floor=50e-6 * _G,
    self_test=((1.15 * _G, -1.15 * _G, 1.85 * _G), 0.15 * _G),
    start_up=(0.0, 0.001),
    drift=0.3 * _G,
)
_SELF_TEST_V, _SELF_TEST_POWER = 2.5, np.array((2.057, 2.057, 1.387))  # of data sheet table 14


class SimAdxl345:
    """One part at a place in the world, with its own errors, noise and rate."""

    FAULTS: ClassVar[tuple[str, ...]] = (
        "drift", "stuck", "noise", "identity", "self_test", "silent",
    )  # fmt: skip

    def __init__(self, place: Place) -> None:
        self.beyond = place.beyond
        self._place = place
        self._clock = place.clock
        self._triad = Triad(place, _ACCELERATION)
        self._speed = 1.0 + screened(place, "rate", _SLOWER)
        self._registers = bytearray(64)
        self._fifo = SampleFifo(_DEPTH, _SAMPLE)
        self._power = PowerOnReset(place, _POWER_ON_V, self._reset, self._catch_up)
        self._reset()

    def supply_current_a(self) -> float:
        """Return the current it draws: measuring, by rate and power, or not (recalled, typical)."""
        if not self._power.is_on():
            return 0.0
        if not self._samples.go_on:
            return 0.1e-6
        below = min(15 - (self._registers[0x2C] & 15), len(_CURRENT_A) - 1)
        return _CURRENT_A[below] * (0.6 if self._registers[0x2C] & 0x10 else 1.0)

    # -- the bus ---------------------------------------------------------------------------

    def receive(self, data: bytes) -> None:
        self._answer()
        if not data:
            return
        self._pointer = data[0] & 0x3F
        for value in data[1:]:
            self._write(self._pointer, value)
            self._pointer = self._pointer + 1 & 0x3F

    def send(self, length: int) -> bytes:
        self._answer()
        start, end = self._pointer, self._pointer + length
        if start not in _READABLE:
            self.beyond.note(f"read from {start:#04x}")
        self._catch_up()
        image = self._image()
        found = bytes(image[register & 0x3F] for register in range(start, end))
        self._pointer = end & 0x3F
        if start < _DATA_END and end > _DATA:
            self._pop()
        return found

    def _answer(self) -> None:
        self._power.check()
        if self._place.fault() == "silent":
            raise NotAcknowledged(f"part {self._place.serial} is silent")
        if not reached(self._clock.now(), self._power.since_s + _BOOT_S):
            raise NotAcknowledged(f"part {self._place.serial} is booting")

    def _image(self) -> bytes:
        """Return all registers as they read now, with what follows from the samples there."""
        level, control = self._fifo.level, self._registers[0x38]
        found = bytearray(self._registers)
        found[0x00] = 0xE3 if self._place.fault() == "identity" else 0xE5
        # A watermark of 0 is reached with nothing: its bit is set from power-up on.
        found[0x30] = (0x80 if level else 0) | (0x02 if level >= control & 0x1F else 0)
        found[0x30] |= 0x01 if self._fifo.overrun else 0
        found[0x39] = level if control >> 6 else 0
        if level:
            found[_DATA:_DATA_END] = self._fifo.peek()
        return bytes(found)

    def _pop(self) -> None:
        """Let the oldest sample go; the data registers keep it until another comes."""
        if self._fifo.level:
            self._registers[_DATA:_DATA_END] = self._fifo.take(1)
        self._fifo.overrun = False

    # -- registers -------------------------------------------------------------------------

    def _reset(self) -> None:
        self._registers[:] = bytes(64)
        self._registers[0x2C] = 0x0A
        self._pointer = 0
        self._samples = Conversions()
        self._fifo.clear()
        self._limit_fifo()

    def _write(self, register: int, value: int) -> None:
        self._catch_up()
        if register not in _EFFECTIVE:
            if register not in _STORED or value:
                self.beyond.note(f"write {value:#04x} to {register:#04x}")
            if register in _STORED:
                self._registers[register] = value
            return
        changed = self._registers[register] ^ value
        self._registers[register] = value
        unmodelled = {0x2D: 0xF7, 0x31: 0x60, 0x2C: 0xE0}.get(register, 0)
        if value & unmodelled or (register == 0x38 and value >> 6 == 3):
            self.beyond.note(f"write {value:#04x} to {register:#04x}")
        if register == 0x2C or (register == 0x2D and changed & 0x08):
            self._begin()
        elif register == 0x38 and changed & 0xC0:
            self._limit_fifo()

    def _limit_fifo(self) -> None:
        """Empty the FIFO as bypass does; in bypass it is only the sample at the output.

        That something was overrun stays until data are read.
        """
        mode, overrun = self._registers[0x38] >> 6, self._fifo.overrun
        if not mode or self._fifo.depth == 1:
            self._fifo.clear()
            self._fifo.overrun = overrun
        self._fifo.depth = _DEPTH if mode else 1

    # -- samples ---------------------------------------------------------------------------

    def _begin(self) -> None:
        """Measure from now on, as the registers say, or no more."""
        self._samples = Conversions()
        if self._registers[0x2D] & 0x08:
            period_s = 1.0 / (self._rate_hz * self._speed)
            self._samples = Conversions(self._clock.now(), _WAKE_S + period_s, period_s)

    @property
    def _rate_hz(self) -> float:
        return float(_FASTEST_HZ / (1 << 15 - (self._registers[0x2C] & 15)))

    def _catch_up(self) -> None:
        """Take the samples that are due by now."""
        now_s = self._clock.now()  # not what ends while this is computed
        while due := self._samples.due(now_s):
            stops = self._registers[0x38] >> 6 == 1
            if stops and self._fifo.room:
                self._sample(min(due, self._fifo.room), 0, stops=True)  # it keeps the first ones
            else:
                self._sample(due, max(0, due - _DEPTH), stops=stops)

    def _sample(self, due: int, left_out: int, *, stops: bool) -> None:
        """Take `due` samples; of those `left_out` nothing is left, they are not computed."""
        samples, now_s = self._samples, self._samples.began_s
        numbers = np.arange(samples.taken + left_out, samples.taken + due)
        times = samples.ends_s(numbers)
        samples.take(due)
        low_power = self._registers[0x2C] & 0x10
        share = (self._place.supply_v() / _SELF_TEST_V) ** _SELF_TEST_POWER
        values = self._triad.sample(
            self._place.acceleration(times),
            times,
            # Another run of the part has other noise.
            numbers + (round(now_s * 1e4) << 20),
            rate_hz=_LOW_POWER_NOISE_HZ if low_power else max(_QUIETEST_HZ, self._rate_hz),
            since_s=now_s,
            self_test=share if self._registers[0x31] & 0x80 else 0.0,
        )
        self._fifo.put(self._packed(values), left_out, stops=stops)

    def _packed(
        self, values: np.ndarray[tuple[int, ...], np.dtype[np.float64]]
    ) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
        """Return samples as DATA_FORMAT says, shape (n, 6)."""
        control, range_g = self._registers[0x31], 2 << (self._registers[0x31] & 3)
        wider = 1 if control & 0x08 else range_g // 2
        half = 256 * range_g // wider
        offsets = np.frombuffer(bytes(self._registers[0x1E:0x21]), np.int8) * 0.0156 * _G
        step = 2 if wider == 1 and self._rate_hz >= 1600.0 else 1
        digit = _G / 256 * wider * step
        counts = np.clip(np.rint((values + offsets) / digit) * step, -half, half - step)
        whole = counts.astype(np.int64)
        if control & 0x04:  # left justified
            whole <<= 15 - (half.bit_length() - 1)
        return np.ascontiguousarray(whole.astype("<i2")).view(np.uint8).reshape(-1, _SAMPLE)
