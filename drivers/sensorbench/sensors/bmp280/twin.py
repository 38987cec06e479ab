"""A simulated BMP280 on an I2C bus. Source: Bosch BST-BMP280-DS001, float formulas inverted."""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Sequence
from typing import ClassVar

from sensorbench.core.errors import NotAcknowledged
from sensorbench.sensors.simulated import PowerOnReset, screened
from sensorbench.world.conversions import Conversions, reached
from sensorbench.world.world import Place

_SAMPLES = (0, 1, 2, 4, 8, 16, 16, 16)
_FILTERS = (1, 2, 4, 8, 16, 16, 16, 16)
# By coefficient: after so many conversions less than a millionth is left of what was before.
_MEMORY = {1: 1, 2: 20, 4: 49, 8: 104, 16: 215}
_SKIPPED = b"\x80\x00\x00"
# Noise by oversampling code, filter off: datasheet tables 11 and 12 (recalled; table 7's
# 26.4 cm at x1 and 1.6 cm at x16 with filter 16 agree).
_NOISE_PA = (0.0, 3.3, 2.6, 2.1, 1.6, 1.3, 1.3, 1.3)
_NOISE_C = (0.0, 0.005, 0.004, 0.003, 0.003, 0.002, 0.002, 0.002)
# The words of the datasheet's worked example, and how far those of other parts lie around them.
_WORDS = (27504, 26435, -1000, 36477, -10685, 3024, 2855, 140, -7, 15500, -14600, 6000)
_SPREAD = (500, 300, 20, 500, 200, 100, 300, 20, 0, 0, 0, 0)


def temperature_counts(words: tuple[int, ...], temperature_c: float) -> float:
    """Return the counts that the datasheet's formula turns into `temperature_c`."""
    t1, t2, t3 = words[0:3]
    # T * 5120 = T2 x + T3 x2 / 64, solved for x without losing digits for a small T3.
    fine = temperature_c * 5120.0
    x = 2.0 * fine / (t2 + math.sqrt(t2 * t2 + fine * t3 / 16.0))
    return (x + t1 / 1024.0) * 16384.0


def pressure_counts(words: tuple[int, ...], temperature_c: float, pressure_pa: float) -> float:
    """Return the counts that the datasheet's formula turns into `pressure_pa`."""
    p1, p2, p3, p4, p5, p6, p7, p8, p9 = words[3:12]
    t = temperature_c * 2560.0 - 64000.0
    gain = (1.0 + (p3 * t * t / 524288.0 + p2 * t) / 524288.0 / 32768.0) * p1
    offset = (t * t * p6 / 32768.0 + t * p5 * 2.0) / 4.0 + p4 * 65536.0
    # P - P7/16 = (1 + P8/2^19) y + P9/2^35 y2, solved for y.
    left = pressure_pa - p7 / 16.0
    slope = 1.0 + p8 / 2.0**19
    y = 2.0 * left / (slope + math.sqrt(slope * slope + left * p9 / 2.0**33))
    return 1048576.0 - offset / 4096.0 - y * gain / 6250.0


class SimBmp280:
    """One part at a place in the world, with its own factory words, offsets and noise.

    A mode that is written during a conversion comes when that has ended, and what is written after
    it until then is ignored (section 3.6). The filter takes in each conversion, read or not; a
    channel that is skipped keeps what its filter had (section 3.3.3). Registers that can't be
    written acknowledge and stay. `beyond` has that, reads from a register that the map does not
    name, and writes to config in normal mode, which the part may ignore; the twin takes them.
    """

    FAULTS: ClassVar[tuple[str, ...]] = (
        "drift", "stuck", "noise", "identity", "memory", "silent",
    )  # fmt: skip
    IDENTITY: ClassVar[int] = 0x58
    STANDBY_MS: ClassVar[tuple[float, ...]] = (0.5, 62.5, 125, 250, 500, 1000, 2000, 4000)
    WRITABLE: ClassVar[frozenset[int]] = frozenset((0xE0, 0xF4, 0xF5))
    READABLE: ClassVar[frozenset[int]] = frozenset(
        (*range(0x88, 0xA2), 0xD0, 0xE0, *range(0xF3, 0xFD))
    )
    CONVERTING_A: ClassVar[float] = 714e-6  # datasheet table 2, recalled; asleep 0.1 uA

    def __init__(self, place: Place) -> None:
        self.beyond = place.beyond
        self._place = place
        self._clock = place.clock
        self._power = PowerOnReset(place, 1.58, self._supplied, self._refresh)
        self._registers = bytearray(256)
        self._pointer = 0
        self._words = tuple(
            nominal + round(spread * place.unit(f"word {index}"))
            for index, (nominal, spread) in enumerate(zip(_WORDS, _SPREAD, strict=True))
        )
        self._offset_pa = screened(place, "offset", 30.0)
        self._offset_pa_per_k = screened(place, "offset t", 0.5)
        self._offset_c = screened(place, "temperature offset", 0.2)
        self._ageing_pa = screened(place, "ageing", 20.0)
        # Where this unit lies between the datasheet's typical and longest conversion times.
        self._slowness = place.stream("unit slowness").uniform()

    def supply_current_a(self) -> float:
        """Return the current it draws: converting, or not."""
        if not self._power.is_on():
            return 0.0
        self._refresh()
        return self.CONVERTING_A if self._registers[0xF3] & 0x08 else 0.1e-6

    # -- the bus ---------------------------------------------------------------------------

    def receive(self, data: bytes) -> None:
        self._answer()
        # Writes don't auto-increment: after the first, each value has its own register number.
        for register, value in zip(data[::2], data[1::2], strict=False):
            self._write(register, value)
        if data:
            self._pointer = data[(len(data) - 1) & ~1]

    def send(self, length: int) -> bytes:
        self._answer()
        start, end = self._pointer, self._pointer + length
        if start not in self.READABLE:
            self.beyond.note(f"read from {start:#04x}")
        if end > 0x88:
            self._refresh()
        stranger = self._place.fault() == "identity"
        self._registers[0xD0] = 0x55 if stranger else self.IDENTITY
        self._pointer = end & 0xFF
        if end <= 256:
            return bytes(self._registers[start:end])
        return bytes(self._registers[i & 0xFF] for i in range(start, end))

    def _answer(self) -> None:
        self._power.check()
        if self._place.fault() == "silent":
            raise NotAcknowledged(f"part {self._place.serial} is silent")

    # -- registers -------------------------------------------------------------------------

    def _supplied(self) -> None:
        self._reset(self._power.since_s)

    def _reset(self, at_s: float) -> None:
        self._registers[:] = bytes(256)
        self._registers[0xF7:0xFD] = _SKIPPED * 2
        self._conversions = Conversions()
        self._next_control: int | None = None
        self._filtered: dict[str, float] = {}
        self._loaded = False
        self._load_at_s = at_s + 0.0015 + 0.001 * self._slowness  # datasheet: 2 ms

    def _load_memory(self) -> None:
        lost = self._place.fault() == "memory"
        memory = struct.pack("<HhhHhhhhhhhh", *self._words)
        self._registers[0x88:0xA0] = b"\xff" * 24 if lost else memory

    def _write(self, register: int, value: int) -> None:
        self._refresh()
        if register not in self.WRITABLE:
            self.beyond.note(f"write {value:#04x} to {register:#04x}")
        elif register == 0xE0:
            if value == 0xB6:
                self._reset(self._clock.now())
        elif register == 0xF4:
            if not self._registers[0xF3] & 0x08:
                self._start(value, self._clock.now())
            elif self._next_control is None:
                self._next_control = value
        elif register == 0xF5:
            self._configure(value)
        else:
            self._registers[register] = value

    def _configure(self, value: int) -> None:
        self._registers[0xF5] = value
        self._filtered.clear()
        if self._registers[0xF4] & 3 == 3:
            self.beyond.note(f"write {value:#04x} to 0xf5 in normal mode")
            running = self._conversions
            next_s = running.start_s(running.taken)
            self._conversions = Conversions(
                next_s, running.lasts_s, self._period_s(running.lasts_s)
            )

    def _start(self, value: int, now_s: float) -> None:
        self._registers[0xF4] = value
        typical, longest = self._conversion_ms(_SAMPLES[value >> 5], _SAMPLES[value >> 2 & 7])
        lasts_s = (typical + (longest - typical) * self._slowness) * 1e-3
        mode = value & 3
        if mode == 0:
            self._conversions = Conversions()
        elif mode == 3:
            self._conversions = Conversions(now_s, lasts_s, self._period_s(lasts_s))
        else:
            self._conversions = Conversions(now_s, lasts_s)

    def _period_s(self, lasts_s: float) -> float:
        """Return the time from one conversion to the next in normal mode."""
        return lasts_s + self.STANDBY_MS[self._registers[0xF5] >> 5] * 1e-3

    def _conversion_ms(self, temperature: int, pressure: int) -> tuple[float, float]:
        """Return the typical and the longest time (datasheet section 3.8.1)."""
        typical = 1.0 + 2.0 * temperature + (2.0 * pressure + 0.5 if pressure else 0.0)
        longest = 1.25 + 2.3 * temperature + (2.3 * pressure + 0.575 if pressure else 0.0)
        return typical, longest

    def _refresh(self) -> None:
        """Bring data and status up to date: latch what has ended, and start what waited for it."""
        now_s = self._clock.now()
        if not self._loaded and reached(now_s, self._load_at_s):
            self._load_memory()
            self._loaded = True
        while due := self._conversions.due(now_s):
            self._finish(due)
        converts = self._conversions.runs(now_s)
        self._registers[0xF3] = (0x08 if converts else 0) | (0 if self._loaded else 0x01)

    def _finish(self, due: int) -> None:
        """Latch conversions that have ended, and go on as the mode says."""
        conversions = self._conversions
        count = 1 if self._next_control is not None else due
        ended_s = conversions.take(count)
        kept = min(count, _MEMORY[_FILTERS[self._registers[0xF5] >> 2 & 7]])
        first = conversions.taken - kept
        self._latch([conversions.end_s(first + k) for k in range(kept)], missed=count > kept)
        if self._next_control is not None:
            value, self._next_control = self._next_control, None
            self._start(value, ended_s)
        elif not conversions.go_on:
            self._registers[0xF4] &= 0xFC

    # -- physics ---------------------------------------------------------------------------

    def _latch(self, ends_s: Sequence[float], *, missed: bool) -> None:
        """Take in conversions that ended at `ends_s`; with `missed` others went before them.

        These weigh nothing any more, whatever they were.
        """
        control = self._registers[0xF4]
        pressure_code, temperature_code = control >> 2 & 7, control >> 5
        if missed:
            self._forget(pressure_code, temperature_code)
        pressure = self._settle("pressure", pressure_code, self._pressure_counts, ends_s)
        temperature = self._settle(
            "temperature", temperature_code, self._temperature_counts, ends_s
        )
        if self._place.fault(ends_s[-1]) == "stuck":
            self._registers[0xF7:0xFD] = b"\x55\x55\x50\x7f\xff\xf0"
            return
        self._registers[0xF7:0xFA] = self._word(pressure, pressure_code)
        self._registers[0xFA:0xFD] = self._word(temperature, temperature_code)

    def _forget(self, pressure_code: int, temperature_code: int) -> None:
        for channel, code in (("pressure", pressure_code), ("temperature", temperature_code)):
            if code:
                self._filtered.pop(channel, None)

    def _settle(
        self,
        channel: str,
        code: int,
        counts: Callable[[int, float], float],
        ends_s: Sequence[float],
    ) -> float:
        """Return the IIR filter's output after conversions; without any it keeps what it had."""
        if not code:
            return 0.0
        coefficient = _FILTERS[self._registers[0xF5] >> 2 & 7]
        found = self._filtered.get(channel)
        for ended_s in ends_s if coefficient > 1 else ends_s[-1:]:
            new = counts(code, ended_s)
            if found is None or coefficient == 1:
                found = new
            else:
                found += (new - found) / coefficient
        assert found is not None  # noqa: S101 - a conversion ended
        self._filtered[channel] = found
        return found

    def _body_c(self, at_s: float) -> float:
        return self._place.temperature_c(at_s) + self._offset_c

    def _temperature_counts(self, code: int, at_s: float) -> float:
        noise_c = _NOISE_C[code]
        noise_c *= self._place.stream("temperature noise").normal(round(at_s * 1e6))
        return temperature_counts(self._words, self._body_c(at_s) + noise_c)

    def _pressure_counts(self, code: int, at_s: float) -> float:
        fault, body_c = self._place.fault(at_s), self._body_c(at_s)
        ageing_pa = math.copysign(500.0, self._ageing_pa) if fault == "drift" else self._ageing_pa
        felt_pa = self._place.pressure_pa(at_s=at_s)
        felt_pa += self._offset_pa + self._offset_pa_per_k * (body_c - 25.0)
        felt_pa += ageing_pa * math.sqrt(self._place.stress_h(at_s) / 1000)
        noise_pa = _NOISE_PA[code] * (50.0 if fault == "noise" else 1.0)
        noise_pa *= self._place.stream("pressure noise").normal(round(at_s * 1e6))
        return pressure_counts(self._words, body_c, felt_pa + noise_pa)

    def _word(self, counts: float, code: int) -> bytes:
        """Return a data word: 16 bits and one more an oversampling step, 20 with the filter."""
        if not code:
            return _SKIPPED
        step = 1 if self._registers[0xF5] >> 2 & 7 else 1 << max(0, 5 - code)
        whole = round(counts / step) * step
        return (max(0, min(0xFFFFF, whole)) << 4).to_bytes(3, "big")
