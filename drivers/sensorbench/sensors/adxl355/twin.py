"""A simulated ADXL355 on an I2C bus.

Sources: map, identity, rates, reset and temperature: torvalds/linux adxl355_core.c; bits:
oaslananka/adxl355 adxl355_registers.h. Recalled from the ADXL355 data sheet: when flags clear, that
the FIFO streams whenever the part measures, the self-test, noise, offsets, times and currents. How
far a unit's rate is off, its ageing and wander are estimates; that standby leaves the FIFO as it
is, too.

- Samples are computed when somebody asks, all since the last look at once, and before the world or
  a register changes.
- The noise is that of a quarter of the rate, the bandwidth of its low-pass filter.
- Acknowledged, without effect here and listed in `beyond`: settings written while it measures (they
  count), the high-pass filter, activity, interrupts, synchronisation, switching off temperature or
  data ready, writes to what can only be read, and reads from a register that the map does not name.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from sensorbench.core.errors import NotAcknowledged
from sensorbench.sensors.simulated import PowerOnReset, factory_number, screened
from sensorbench.sensors.simulated_fifo import Bytes, SampleFifo
from sensorbench.sensors.simulated_triad import Floats, Kind, Triad
from sensorbench.world.conversions import Conversions, reached
from sensorbench.world.world import Place

_G = 9.80665
_POWER_ON_V, _BOOT_S, _RESET_S, _WAKE_S = 1.8, 0.010, 0.005, 0.002
_FASTEST_HZ, _SLOWEST_CODE = 4000.0, 10
_SLOWER = 0.01 / 3  # one sigma of a unit's rate
_DEPTH, _SAMPLE, _WORD = 32, 9, 3
_DATA, _DATA_END, _FIFO = 0x08, 0x11, 0x11
_EFFECTIVE = frozenset((*range(0x1E, 0x24), 0x28, 0x29, 0x2C, 0x2D, 0x2E, 0x2F))
_STORED = frozenset((0x24, 0x25, 0x26, 0x27, 0x2A, 0x2B))
_READABLE = (_EFFECTIVE | _STORED | {*range(0x12), _FIFO, *range(0x50, 0x55)}) - {0x2F}
_UNMODELLED = {0x28: 0xF0, 0x29: 0x80, 0x2C: 0x7C, 0x2D: 0xFE, 0x2E: 0xFC}
_RESET = {0x27: 0x01, 0x29: 0x60, 0x2C: 0x81, 0x2D: 0x01}
_COUNTS_A_G = {0: 256_000, 1: 256_000, 2: 128_000, 3: 64_000}
_ACCELERATION = Kind(
    "acceleration",
    offset_sigma=0.02 * _G,
    offset_per_k_sigma=0.03e-3 * _G,
    ageing_sigma=1e-3 * _G,
    density=22.5e-6 * _G,
    floor=5e-6 * _G,
    self_test=((0.3 * _G, 0.3 * _G, 1.5 * _G), 0.03 * _G),
    start_up=(0.05 * _G, 0.002),
    drift=0.3 * _G,
)


class SimAdxl355:
    """One part at a place in the world, with its own errors, noise and rate."""

    FAULTS: ClassVar[tuple[str, ...]] = (
        "drift", "stuck", "noise", "identity", "memory", "self_test", "silent",
    )  # fmt: skip

    def __init__(self, place: Place) -> None:
        self.beyond = place.beyond
        self._place = place
        self._clock = place.clock
        self._triad = Triad(place, _ACCELERATION)
        self._speed = 1.0 + screened(place, "rate", _SLOWER)
        self._temperature_offset_c = screened(place, "temperature offset", 3.0)
        self._shadow = factory_number(place, 5)
        self._registers = bytearray(128)
        self._fifo = SampleFifo(_DEPTH, _SAMPLE)
        self._read_of_first = 0  # bytes of the oldest sample that were taken
        self._power = PowerOnReset(place, _POWER_ON_V, self._boot, self._catch_up)
        self._boot()

    def supply_current_a(self) -> float:
        """Return the current it draws: measuring or in standby (recalled, typical)."""
        if not self._power.is_on():
            return 0.0
        return 200e-6 if self._samples.go_on else 21e-6

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
        if start not in _READABLE:
            self.beyond.note(f"read from {start:#04x}")
        self._catch_up()
        if start == _FIFO:
            return self._read_fifo(length)
        image = self._image()
        found = bytes(image[register & 0x7F] for register in range(start, start + length))
        self._pointer = start + length & 0x7F
        if start <= 0x04 < start + length:
            self._fresh = self._fifo.overrun = False
        return found

    def _answer(self) -> None:
        self._power.check()
        if self._place.fault() == "silent":
            raise NotAcknowledged(f"part {self._place.serial} is silent")
        if not reached(self._clock.now(), self._power.since_s + _BOOT_S):
            raise NotAcknowledged(f"part {self._place.serial} is booting")

    def _image(self) -> bytes:
        """Return all registers as they read now, with what follows from the samples there."""
        found = bytearray(self._registers)
        stranger = self._place.fault() == "identity"
        found[0x00:0x04] = bytes((0xAD, 0x1D, 0xE9 if stranger else 0xED, 0x01))
        words = _WORD * self._fifo.level - self._read_of_first // _WORD
        busy = not reached(self._clock.now(), self._busy_until_s)
        found[0x04] = (
            (0x10 if busy else 0)
            | (0x04 if self._fifo.overrun else 0)
            | (0x02 if words >= max(1, self._registers[0x29] & 0x7F) else 0)
            | (0x01 if self._fresh else 0)
        )
        found[0x05] = words
        found[0x50:0x55] = self._shadow
        if self._place.fault() == "memory" and self._resets:
            found[0x50] ^= self._resets & 0x7F
        return bytes(found)

    def _read_fifo(self, length: int) -> bytes:
        """Take words out; the pointer stays. Where there are none the last bits say so."""
        start = self._read_of_first
        there = _SAMPLE * self._fifo.level - start
        whole, self._read_of_first = divmod(start + min(length, there), _SAMPLE)
        rest = self._fifo.peek_all()[_SAMPLE * whole :][: self._read_of_first]
        found = (self._fifo.take(whole) if whole else b"") + rest
        found = found[start : start + min(length, there)]
        missing = length - len(found)
        return found + (b"\x00\x00\x02" * (missing // _WORD + 1))[:missing]

    # -- registers -------------------------------------------------------------------------

    def _boot(self) -> None:
        self._resets = 0
        self._reset(self._power.since_s + _BOOT_S)

    def _reset(self, ready_s: float) -> None:
        self._registers[:] = bytes(128)
        for register, value in _RESET.items():
            self._registers[register] = value
        self._pointer = self._read_of_first = 0
        self._busy_until_s = ready_s
        self._fresh = False
        self._samples = Conversions()
        self._fifo.clear()

    def _write(self, register: int, value: int) -> None:
        self._catch_up()
        if register not in _EFFECTIVE:
            if register not in _STORED or value != _RESET.get(register, 0):
                self.beyond.note(f"write {value:#04x} to {register:#04x}")
            if register in _STORED:
                self._registers[register] = value
            return
        if register == 0x2F:
            if value == 0x52:
                self._resets += 1
                self._reset(self._clock.now() + _RESET_S)
            else:
                self.beyond.note(f"write {value:#04x} to 0x2f")
            return
        measures = self._samples.go_on
        changed, self._registers[register] = self._registers[register] ^ value, value
        if value & _UNMODELLED.get(register, 0) or (register == 0x2C and not value & 3):
            self.beyond.note(f"write {value:#04x} to {register:#04x}")
        if measures and register not in (0x2D, 0x2E):
            self.beyond.note(f"write to {register:#04x} while it measures")
        if (register == 0x28 and measures) or (register == 0x2D and changed & 1):
            self._begin()

    # -- samples ---------------------------------------------------------------------------

    @property
    def _rate_hz(self) -> float:
        code = min(self._registers[0x28] & 15, _SLOWEST_CODE)
        return _FASTEST_HZ / (1 << code)

    def _begin(self) -> None:
        """Measure from now on, as the registers say, or no more."""
        self._samples = Conversions()
        if not self._registers[0x2D] & 1:
            period_s = 1.0 / (self._rate_hz * self._speed)
            self._samples = Conversions(self._clock.now(), _WAKE_S + period_s, period_s)

    def _catch_up(self) -> None:
        """Take the samples that are due by now."""
        if due := self._samples.due(self._clock.now()):
            self._sample(due, max(0, due - _DEPTH))

    def _sample(self, due: int, left_out: int) -> None:
        """Take `due` samples; of those `left_out` nothing is left, they are not computed."""
        samples, began_s = self._samples, self._samples.began_s
        numbers = np.arange(samples.taken + left_out, samples.taken + due)
        times = samples.ends_s(numbers)
        samples.take(due)
        values = self._triad.sample(
            self._place.acceleration(times),
            times,
            # Another run of the part has other noise.
            numbers + (round(began_s * 1e4) << 20),
            rate_hz=self._rate_hz / 2,
            since_s=began_s,
            self_test=1.0 if self._registers[0x2E] & 3 == 3 else 0.0,
        )
        packed = self._packed(values)
        if due > self._fifo.room:
            self._read_of_first = 0
        self._fifo.put(packed, left_out, stops=False)
        self._fresh = True
        self._registers[_DATA:_DATA_END] = packed[-1].tobytes()
        for last in (_DATA + 2, _DATA + 5, _DATA + 8):
            self._registers[last] &= 0xF0
        self._sense_warmth(float(times[-1]), int(numbers[-1]))

    def _packed(self, values: Floats) -> Bytes:
        """Return samples as words of the FIFO, shape (n, 9): 20 bits and marks."""
        digit = _G / _COUNTS_A_G[self._registers[0x2C] & 3]
        offsets = np.frombuffer(bytes(self._registers[0x1E:0x24]), ">i2").astype(np.int64) << 4
        counts = np.rint(values / digit).astype(np.int64) + offsets
        words = np.clip(counts, -(1 << 19), (1 << 19) - 1) << 4 | np.array((1, 0, 0))
        found = np.empty((len(values), 3, _WORD), np.uint8)
        for byte in range(_WORD):
            found[:, :, byte] = words >> 8 * (_WORD - 1 - byte) & 0xFF
        return found.reshape(-1, _SAMPLE)

    def _sense_warmth(self, at_s: float, number: int) -> None:
        warmth_c = self._place.temperature_c(at_s) + self._temperature_offset_c
        noise = 0.5 * self._place.stream("temperature noise").normal(number)
        raw = max(0, min(4095, round(1885 - 9.05 * (warmth_c - 25.0) + noise)))
        self._registers[0x06:0x08] = raw.to_bytes(2, "big")
