"""A simulated MPL3115A2 on an I2C bus: its registers and when it samples.

Sources: map, reset values, how addresses go on, flags and times dzakich/mbed-mpl3115a2
MPL3115A2_REGISTER_MAP.h; a reset that is not acknowledged torvalds/linux
drivers/iio/pressure/mpl3115.c and adafruit-circuitpython-mpl3115a2; which flags PT_DATA_CFG lets
rise community.nxp.com/thread/483501 (0x02 gives 0x44, 0x07 gives 0xEE). Recalled: what the FIFO
does, currents, one shot while it samples. That a unit's clock is 2 % off at most, and how long a
boot takes, are estimates. twin_signals.py says what is in a sample.

- Samples are computed when somebody asks, and before the world or a register changes.
- In the output registers an address goes on in their circle; at F_DATA it stays, and with the FIFO
  on at OUT_P_MSB, too. A read without a register number begins at STATUS: the part forgets it at a
  stop. That it does so between writing the number and reading, too, is not modelled: the simulated
  bus does not tell a stop from a repeated start.
- `beyond` lists what is acknowledged without effect: interrupts, targets and windows, least and
  greatest values, raw output, one shot while it samples, control registers that are changed while
  it samples (they are taken), writes to what can only be read, and reads from a register that the
  map does not name or that is not modelled.
"""

from __future__ import annotations

import math
from typing import ClassVar

import numpy as np

from sensorbench.core.errors import NotAcknowledged
from sensorbench.sensors.mpl3115a2.twin_signals import (
    Signals,
    altitude_m,
    altitude_words,
    packed,
    pressure_words,
    temperature_words,
)
from sensorbench.sensors.simulated import PowerOnReset, screened
from sensorbench.sensors.simulated_fifo import SampleFifo
from sensorbench.world.conversions import Conversions, reached
from sensorbench.world.world import Place

_POWER_ON_V, _BOOT_S = 1.6, 0.002
_CONVERSION_S = (0.006, 0.010, 0.018, 0.034, 0.066, 0.130, 0.258, 0.512)
_RESET = {0x0C: 0xC4, 0x14: 0xC5, 0x15: 0xE7}
# What of a register that can be written is kept.
_KEPT = {
    0x0F: 0xFF, 0x13: 0x07, 0x14: 0xFF, 0x15: 0xFF, 0x26: 0xF9, 0x27: 0x0F, 0x28: 0x33, 0x29: 0xFF,
    0x2A: 0xFF, 0x2B: 0xFF, 0x2C: 0xFF, 0x2D: 0xFF,
}  # fmt: skip
_READABLE = frozenset((*range(0x12), *range(0x13, 0x16), *range(0x26, 0x2E)))
_GOES_ON = {0x05: 0x00, 0x0B: 0x06, 0x0E: 0x0E, 0x2D: 0x0C}
_OUT, _OUT_T, _END, _DR_STATUS, _FIFO_DATA = 0x01, 0x04, 0x06, 0x06, 0x0E
_DEPTH, _WIDTH = 32, 5
_KEPT_SAMPLES = _DEPTH + 1  # the last difference needs one more than the FIFO has


class SimMpl3115a2:
    """One part at a place in the world, with its own offsets, noise and clock."""

    FAULTS: ClassVar[tuple[str, ...]] = ("drift", "stuck", "noise", "identity", "silent")

    def __init__(self, place: Place) -> None:
        self.beyond = place.beyond
        self._place = place
        self._clock = place.clock
        self._signals = Signals(place)
        self._speed = 1.0 + screened(place, "clock", 0.02 / 3)
        self._registers = bytearray(0x2E)
        self._fifo = SampleFifo(_DEPTH, _WIDTH)
        self._power = PowerOnReset(place, _POWER_ON_V, self._supplied, self._catch_up)
        self._reset(self._power.since_s)

    def supply_current_a(self) -> float:
        """Return the current it draws: converting, or not (recalled, typical)."""
        if not self._power.is_on():
            return 0.0
        self._catch_up()
        return 80e-6 if self._samples.runs(self._clock.now()) else 2e-6

    # -- the bus ---------------------------------------------------------------------------

    def receive(self, data: bytes) -> None:
        self._answer()
        if not data:
            return
        self._pointer = data[0]
        for value in data[1:]:
            self._write(self._pointer, value)
            self._advance()

    def send(self, length: int) -> bytes:
        self._answer()
        if self._pointer not in _READABLE:
            self.beyond.note(f"read from {self._pointer:#04x}")
        self._catch_up()
        found = b""
        while len(found) < length:
            if self._is_at_fifo:
                whole, more = divmod(length - len(found), _WIDTH)
                found += self._fifo.take(whole) + self._fifo.peek()[:more]
                break
            found += bytes([self._read_byte(self._pointer)])
            self._advance()
        self._pointer = 0x00
        return found

    def _answer(self) -> None:
        self._power.check()
        if self._place.fault() == "silent":
            raise NotAcknowledged(f"part {self._place.serial} is silent")
        if not reached(self._clock.now(), self._booted_s):
            raise NotAcknowledged(f"part {self._place.serial} is booting")

    @property
    def _is_at_fifo(self) -> bool:
        return self._pointer == _FIFO_DATA or (self._pointer == _OUT and bool(self._fifo_mode))

    def _advance(self) -> None:
        self._pointer = _GOES_ON.get(self._pointer, self._pointer + 1 & 0xFF)

    def _read_byte(self, register: int) -> int:
        if register == 0x0C and self._place.fault() == "identity":
            return 0xC5
        if register == 0x0D or (register == 0x00 and self._fifo_mode):
            return self._fifo_status()
        if register == 0x00:
            register = _DR_STATUS
        if register == 0x11:
            return self._registers[0x26] & 0x01
        if _OUT < register < _END and self._fifo_mode:
            return 0x00
        value = self._registers[register] if register < len(self._registers) else 0x00
        if register in {_OUT, _OUT_T}:
            own = 0x44 if register == _OUT else 0x22
            self._registers[_DR_STATUS] &= ~(own | 0x88)
        return value

    # -- registers -------------------------------------------------------------------------

    def _supplied(self) -> None:
        self._reset(self._power.since_s)

    def _reset(self, at_s: float) -> None:
        self._registers[:] = bytes(len(self._registers))
        for register, value in _RESET.items():
            self._registers[register] = value
        self._pointer = 0
        self._booted_s = at_s + _BOOT_S
        self._fifo.clear()
        self._last: tuple[int, int] | None = None
        self._samples = Conversions()

    def _write(self, register: int, value: int) -> None:
        self._catch_up()
        if register == 0x26:
            self._control(value)
            return
        known = register in _KEPT
        interrupts = register in {0x28, 0x29, 0x2A} and value
        samples = self._registers[0x26] & 0x01 and register in {0x13, 0x27, 0x2B, 0x2C, 0x2D}
        if not known or value & ~_KEPT[register] or interrupts or samples:
            self.beyond.note(f"write {value:#04x} to {register:#04x}")
        if not known:
            return
        self._registers[register] = value & _KEPT[register]
        if register == 0x0F:
            self._configure_fifo(value)
        elif register == 0x27 and self._registers[0x26] & 0x01:
            self._begin()

    def _control(self, value: int) -> None:
        if value & 0x04:
            self._reset(self._clock.now())
            raise NotAcknowledged(f"part {self._place.serial} resets")
        was = self._registers[0x26]
        both = was & value & 0x01  # it samples before and after
        if value & 0x40 or (both and (was ^ value) & 0xF8) or (value & 0x03 == 0x03):
            self.beyond.note(f"write {value:#04x} to 0x26")
        converts = bool(was & 0x02)
        self._registers[0x26] = value & 0xF9 | (was & 0x02 if not value & 0x01 else 0)
        if (was ^ value) & 0x01 or (both and (was ^ value) & 0xF8):
            self._registers[0x26] &= 0xFD
            self._begin()
        if value & 0x03 == 0x02 and not (converts and self._samples.go_on):
            self._registers[0x26] |= 0x02
            self._samples = Conversions(self._clock.now(), self._conversion_s)

    def _configure_fifo(self, value: int) -> None:
        if value >> 6 == 3:
            self.beyond.note(f"write {value:#04x} to 0x0f")
        if not self._fifo_mode:
            self._fifo.clear()

    @property
    def _fifo_mode(self) -> int:
        return self._registers[0x0F] >> 6

    def _fifo_status(self) -> int:
        level, watermark = self._fifo.level, self._registers[0x0F] & 0x3F
        status = level | (0x80 if self._fifo.overrun else 0)
        return status | (0x40 if watermark and level >= watermark else 0)

    # -- samples ---------------------------------------------------------------------------

    @property
    def _code(self) -> int:
        return self._registers[0x26] >> 3 & 7

    @property
    def _conversion_s(self) -> float:
        return _CONVERSION_S[self._code] / self._speed

    def _begin(self) -> None:
        """Sample from now on, as the registers say."""
        self._samples = Conversions()
        if self._registers[0x26] & 0x01:
            period_s = float(1 << (self._registers[0x27] & 0x0F)) / self._speed
            self._samples = Conversions(self._clock.now(), self._conversion_s, period_s)

    def _catch_up(self) -> None:
        """Take the samples that are due by now."""
        now_s = self._clock.now()  # not what ends while this is computed
        while due := self._samples.due(now_s):
            stops = self._fifo_mode == 2
            if stops and self._fifo.room:
                self._sample(min(due, self._fifo.room), 0)  # a FIFO that stops keeps the first ones
            else:
                self._sample(due, max(0, due - _KEPT_SAMPLES))

    def _sample(self, due: int, left_out: int) -> None:
        """Take `due` samples; of those `left_out` nothing is left, they are not computed."""
        samples = self._samples
        numbers = np.arange(samples.taken + left_out, samples.taken + due)
        periodic = samples.period_s < math.inf
        times = samples.ends_s(numbers) if periodic else np.array([samples.end_s(0)])
        samples.take(due)
        key = f"{round(samples.began_s * 1e6)}"
        pressure_pa, temperature_c = self._signals.values(times, int(numbers[0]), key, self._code)
        pressure_pa = pressure_pa + 4.0 * self._signed(0x2B)
        temperature = temperature_words(temperature_c + 0.0625 * self._signed(0x2C))
        if self._registers[0x26] & 0x80:
            sea_level_pa = 2.0 * int.from_bytes(self._registers[0x14:0x16], "big")
            height_m = altitude_m(pressure_pa, sea_level_pa) + self._signed(0x2D)
            upper = altitude_words(height_m)
        else:
            upper = pressure_words(pressure_pa)
        found = packed(upper, temperature)
        if self._fifo_mode:
            overran = self._fifo.overrun or due > self._fifo.room
            self._fifo.put(found, left_out, stops=self._fifo_mode == 2)
            self._fifo.overrun = overran
        self._latch(list(zip(upper.tolist(), temperature.tolist(), strict=True)), missed=due > 1)
        self._registers[_OUT:_END] = found[-1].tobytes()
        if not samples.go_on:
            self._registers[0x26] &= 0xFD  # it was one shot, and waits again

    def _latch(self, samples: list[tuple[int, int]], *, missed: bool) -> None:
        """Raise the flags of the newest sample, and keep by how much it moved."""
        before = samples[-2] if len(samples) > 1 else self._last
        moved = tuple(
            new - old for new, old in zip(samples[-1], before or samples[-1], strict=True)
        )
        self._last = samples[-1]
        delta = packed(np.array([moved[0]]), np.array([moved[1]]))
        self._registers[0x07:0x0C] = delta[0].tobytes()
        enabled = self._registers[0x13]
        flags = (0x04 if enabled & 0x02 else 0) | (0x02 if enabled & 0x01 else 0)
        flags |= 0x08 if flags and enabled & 0x04 else 0
        unread = flags if missed else self._registers[_DR_STATUS] & flags
        self._registers[_DR_STATUS] |= flags | unread << 4

    def _signed(self, register: int) -> int:
        return int.from_bytes(self._registers[register : register + 1], "big", signed=True)
