"""A simulated BMP390, or BMP388, on an I2C bus: its registers and when it samples.

Sources: registers, codes, commands, frames, times boschsensortec/BMP3_SensorAPI bmp3.c and
bmp3_defs.h; reset values, currents, times of a conversion, and what is cleared when it is read are
recalled from the data sheets. twin_signals.py says what is in a sample, twin_fifo.py what the FIFO
does. That a unit's clock is 2 % off at most is an estimate; so is that flags of INT_STATUS rise
only where INT_CTRL enables them, and that it answers at once after a soft reset, as
adafruit-circuitpython-bmp3xx goes on at once: commands are refused for 2 ms.

- Samples are computed when somebody asks, and before the world or a register changes.
- The low pass remembers from one measurement to the next, on request, too, until it is set again.
- Multi-byte writes are pairs of register and value; reads count up, but stay at the FIFO.
- Settings that change while it samples begin it anew and leave a frame of their own in the FIFO. A
  rate that its oversampling does not fit raises conf_err, and nothing is sampled.
- `beyond` lists what is acknowledged without effect: the interrupt pin, the watchdog of the bus,
  external synchronisation, reserved codes, writes to what can only be read, and reads from a
  register that the map does not name.
"""

from __future__ import annotations

import math
from typing import ClassVar

import numpy as np

from sensorbench.core.errors import NotAcknowledged
from sensorbench.sensors.bmp390.twin_fifo import CHANGED, FAILED, FrameFifo, frame_of
from sensorbench.sensors.bmp390.twin_signals import NOTHING, Counts, Signals, memory, memory_of
from sensorbench.sensors.simulated import PowerOnReset, screened
from sensorbench.world.conversions import Conversions, reached
from sensorbench.world.world import Place

_POWER_ON_V, _START_S = 1.58, 0.002
_FASTEST_S, _SLOWEST_CODE = 0.005, 17
_RESET = {0x10: 0x01, 0x15: 0x01, 0x17: 0x02, 0x18: 0x02, 0x19: 0x02, 0x1C: 0x02}
# What of a register that can be written is kept.
_KEPT = {
    0x15: 0xFF, 0x16: 0x01, 0x17: 0x1F, 0x18: 0x1F, 0x19: 0x5F, 0x1A: 0x06, 0x1B: 0x33, 0x1C: 0x3F,
    0x1D: 0x1F, 0x1F: 0x0E,
}  # fmt: skip
_READABLE = frozenset((*range(0x0A), *range(0x0C, 0x0F), *range(0x10, 0x1E), 0x1F))
_NVM, _NVM_END = 0x30, 0x46
_CHIPS = {"BMP390": 0x60, "BMP388": 0x50}
_MOST_FRAMES = 128  # the FIFO has room for fewer, of whatever kind


class SimBmp390:
    """One part at a place in the world, with its own factory words, offsets, noise and clock.

    `chip` is "BMP390" or "BMP388", which has another identity and more noise.
    """

    FAULTS: ClassVar[tuple[str, ...]] = (
        "drift", "stuck", "noise", "identity", "memory", "silent",
    )  # fmt: skip

    def __init__(self, place: Place, *, chip: str = "BMP390") -> None:
        if chip not in _CHIPS:
            raise ValueError(f"chip can't be {chip!r}; allowed: {', '.join(_CHIPS)}")
        self.beyond = place.beyond
        self._place = place
        self._clock = place.clock
        self._chip = _CHIPS[chip]
        self._signals = Signals(place, self._chip)
        self._speed = 1.0 + screened(place, "clock", 0.02 / 3)
        self._registers = bytearray(128)
        self._fifo = FrameFifo()
        self._power = PowerOnReset(place, _POWER_ON_V, self._supplied, self._catch_up)
        self._reset(self._power.since_s)

    def supply_current_a(self) -> float:
        """Return the current it draws: measuring, or not (recalled, typical)."""
        if not self._power.is_on():
            return 0.0
        self._catch_up()
        return 700e-6 if self._samples.runs(self._clock.now()) else 1.4e-6

    # -- the bus ---------------------------------------------------------------------------

    def receive(self, data: bytes) -> None:
        self._answer()
        for register, value in zip(data[::2], data[1::2], strict=False):
            self._write(register, value)
        if data:
            self._pointer = data[(len(data) - 1) & ~1]

    def send(self, length: int) -> bytes:
        self._answer()
        if self._pointer not in _READABLE and not _NVM <= self._pointer < _NVM_END:
            self.beyond.note(f"read from {self._pointer:#04x}")
        self._catch_up()
        found = b""
        while len(found) < length:
            if self._pointer == 0x14:
                return found + self._fifo.read(length - len(found), self._time_frame())
            found += bytes([self._read_byte(self._pointer)])
            self._pointer = self._pointer + 1 & 0xFF
        return found

    def _answer(self) -> None:
        self._power.check()
        if self._place.fault() == "silent":
            raise NotAcknowledged(f"part {self._place.serial} is silent")
        if not reached(self._clock.now(), self._power.since_s + _START_S):
            raise NotAcknowledged(f"part {self._place.serial} is starting")

    def _read_byte(self, register: int) -> int:
        registers = self._registers
        if register == 0x00:
            return 0x5A if self._place.fault() == "identity" else self._chip
        if register == 0x03:
            return registers[0x03] | (0x10 if self._takes_commands else 0)
        if 0x0C <= register < 0x0F:
            return self._time()[register - 0x0C]
        if register in {0x12, 0x13}:
            return self._fifo.level.to_bytes(2, "little")[register - 0x12]
        if _NVM <= register < _NVM_END:
            lost = self._place.fault() == "memory"
            return 0xFF if lost else memory_of(self._signals.words)[register - _NVM]
        if register > 0x7F:
            return 0x00
        value = registers[register]
        if register in {0x02, 0x10, 0x11}:
            registers[register] = 0  # these are cleared when they are read
        elif register in {0x06, 0x09}:
            registers[0x03] &= ~(0x20 if register == 0x06 else 0x40)
        return value

    @property
    def _takes_commands(self) -> bool:
        return reached(self._clock.now(), self._began_s + _START_S)

    def _time(self) -> bytes:
        ticks = int((self._clock.now() - self._began_s) * 25_600 * self._speed)
        return (ticks & 0xFFFFFF).to_bytes(3, "little")

    def _time_frame(self) -> bytes:
        return b"\xa0" + self._time() if self._registers[0x17] & 0x04 else b""

    # -- registers -------------------------------------------------------------------------

    def _supplied(self) -> None:
        self._reset(self._power.since_s)

    def _reset(self, at_s: float) -> None:
        self._registers[:] = bytes(128)
        self._registers[0x01] = 0x01  # revision (estimate)
        for register, value in _RESET.items():
            self._registers[register] = value
        self._registers[0x04:0x0A] = 2 * NOTHING.to_bytes(3, "little")
        self._pointer = 0
        self._began_s = at_s
        self._fifo.clear()
        self._signals.forget()
        self._samples = Conversions()

    def _write(self, register: int, value: int) -> None:
        self._catch_up()
        if register == 0x7E:
            self._command(value)
            return
        if register not in _KEPT or value & ~_KEPT[register] or (register == 0x1A and value):
            self.beyond.note(f"write {value:#04x} to {register:#04x}")
        if register not in _KEPT:
            return
        was = self._registers[register]
        self._registers[register] = value & _KEPT[register]
        if register == 0x1F:
            self._signals.forget()
        if register == 0x17 and not value & 0x01:
            self._fifo.clear()
        elif register == 0x1B or (register > 0x1B and self._mode == 3):
            samples = self._mode == 3 and was != self._registers[register]
            self._begin(tells=samples and register > 0x1B)

    def _command(self, value: int) -> None:
        if not self._takes_commands or value not in {0x00, 0x34, 0xB0, 0xB6}:
            self._registers[0x02] |= 0x02
        elif value == 0xB6:
            self._reset(self._clock.now())
        elif value == 0xB0:
            self._fifo.clear()
        elif value:
            self.beyond.note(f"command {value:#04x}")

    # -- samples ---------------------------------------------------------------------------

    @property
    def _mode(self) -> int:
        return self._registers[0x1B] >> 4

    @property
    def _codes(self) -> tuple[int, int]:
        """Return the oversampling codes of pressure and temperature."""
        return min(5, self._registers[0x1C] & 7), min(5, self._registers[0x1C] >> 3)

    @property
    def _coefficient(self) -> int:
        return (1 << (self._registers[0x1F] >> 1)) - 1

    @property
    def _enabled(self) -> tuple[bool, bool]:
        return bool(self._registers[0x1B] & 0x01), bool(self._registers[0x1B] & 0x02)

    def _begin(self, *, tells: bool) -> None:
        """Sample from now on, as the registers say; `tells`: a frame says that they changed."""
        self._samples = Conversions()
        if not self._mode or not any(self._enabled):
            return
        now_s, codes = self._clock.now(), self._codes
        lasts_s = 234e-6
        for on, code, settle_s in zip(self._enabled, codes, (392e-6, 163e-6), strict=True):
            lasts_s += (settle_s + 2020e-6 * (1 << code)) if on else 0.0
        rate = self._registers[0x1D]
        period_s = _FASTEST_S * 2.0 ** min(rate, _SLOWEST_CODE)
        stores = self._mode == 3 and self._registers[0x17] & 0x01
        if self._mode == 3 and (lasts_s > period_s or rate > _SLOWEST_CODE):
            self._registers[0x02] |= 0x04
            if stores:
                self._fifo.put(FAILED, stops=self._stops)
            return
        if tells and stores:
            self._fifo.put(CHANGED, stops=self._stops)
        repeats_s = period_s / self._speed if self._mode == 3 else math.inf
        self._samples = Conversions(now_s, lasts_s / self._speed, repeats_s)

    def _catch_up(self) -> None:
        """Take the samples that are due by now."""
        now_s = self._clock.now()  # not what ends while this is computed
        while due := self._samples.due(now_s):
            wanted = max(memory(self._coefficient), _MOST_FRAMES << (self._registers[0x18] & 7))
            if self._stops and self._registers[0x17] & 0x01 and not self._fifo.is_full:
                self._sample(min(due, wanted), 0)  # a FIFO that stops keeps the first ones
            else:
                self._sample(due, max(0, due - wanted))

    @property
    def _stops(self) -> bool:
        return bool(self._registers[0x17] & 0x02)

    def _sample(self, due: int, left_out: int) -> None:
        """Take `due` samples; of those `left_out` nothing is left, they are not computed."""
        samples = self._samples
        numbers = np.arange(samples.taken + left_out, samples.taken + due)
        times = (
            samples.ends_s(numbers) if samples.period_s < math.inf else np.array([samples.end_s(0)])
        )
        samples.take(due)
        if left_out:
            self._signals.forget()
        key = f"{round(samples.began_s * 1e6)}"
        plain, filtered = self._signals.counts(
            times, int(numbers[0]), key, self._codes, self._coefficient
        )
        self._latch(filtered)
        if self._mode == 3 and self._registers[0x17] & 0x01:
            self._store(filtered if self._registers[0x18] & 0x08 else plain, numbers)
        if not samples.go_on:
            self._registers[0x1B] &= 0x03  # asleep again

    def _latch(self, counts: Counts) -> None:
        """Put the newest sample into the data registers, and raise their flags."""
        for channel, on in enumerate(self._enabled):
            value = int(counts[-1, channel]) if on else NOTHING
            self._registers[0x04 + 3 * channel : 0x07 + 3 * channel] = value.to_bytes(3, "little")
            self._registers[0x03] |= (0x20 << channel) if on else 0
        self._interrupt(0x08, 0x40)

    def _store(self, counts: Counts, numbers: Counts) -> None:
        """Put samples into the FIFO as frames, as far as they are not left out."""
        control = self._registers[0x17]
        wanted = [
            on and bool(control & bit) for on, bit in zip(self._enabled, (0x08, 0x10), strict=True)
        ]
        kept = counts[numbers % (1 << (self._registers[0x18] & 7)) == 0]
        for pressure, temperature in kept.tolist():
            frame = frame_of(pressure if wanted[0] else None, temperature if wanted[1] else None)
            if frame:
                self._fifo.put(frame, stops=self._stops)
        if self._fifo.level >= int.from_bytes(self._registers[0x15:0x17], "little"):
            self._interrupt(0x01, 0x08)
        if self._fifo.is_full:
            self._interrupt(0x02, 0x10)

    def _interrupt(self, flag: int, enable: int) -> None:
        if self._registers[0x19] & enable:
            self._registers[0x11] |= flag
