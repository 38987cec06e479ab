"""A simulated TMP117 on an I2C bus. Source: TI SNOSD82D, sections 7.3 to 7.6."""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator
from typing import ClassVar

from sensorbench.core.errors import NotAcknowledged
from sensorbench.sensors.simulated import PowerOnReset, factory_number, screened
from sensorbench.sensors.tmp117.twin_alerts import Passed
from sensorbench.sensors.tmp117.twin_memory import PROGRAMMABLE, WRITE_S, Eeprom
from sensorbench.world.conversions import Conversions, reached
from sensorbench.world.world import Place

_CYCLE_S = (0.0155, 0.125, 0.25, 0.5, 1.0, 4.0, 8.0, 16.0)
_AVERAGES = (1, 8, 32, 64)
_POWER_UP_S, _RESET_S = 0.0015, 0.002
_HIGH, _LOW, _READY, _BUSY = 0x8000, 0x4000, 0x2000, 0x1000
_UNLOCKED, _UNLOCK_BUSY = 0x8000, 0x4000  # of register 4
_STUCK = 0x0D40
_THERM, _PIN_SHOWS_READY, _SOFT_RESET = 0x0010, 0x0004, 0x0002
# Result, configuration, limits, lock, EEPROM 1 and 2, offset, EEPROM 3 (register map, reset).
_DEFAULTS = {0: 0x8000, 1: 0x0220, 2: 0x6000, 3: 0x8000, 4: 0, 5: 0, 6: 0, 7: 0, 8: 0, 15: 0x0117}


class SimTmp117:
    """One part at a place in the world, with its own offset and noise. Converts from power-on.

    It resets on a general call, and answers an SMBus alert while a limit was passed. While its
    EEPROM is unlocked, what is written to a register is what it has after every reset; that is
    counted over power cycles: `memory.writes`. Recalled: that a write takes 7 ms; an estimate: that
    one that comes meanwhile changes the register alone. Therm mode and the other uses of the alert
    pin are not modelled: `beyond` lists what was acknowledged and did nothing.
    """

    FAULTS: ClassVar[tuple[str, ...]] = ("drift", "stuck", "noise", "identity", "silent")

    def __init__(self, place: Place) -> None:
        self.beyond = place.beyond
        self._place = place
        self._clock = place.clock
        self._registers = dict(_DEFAULTS)
        numbers = zip((5, 6, 8), struct.unpack(">3H", factory_number(place, 6)), strict=True)
        self.memory = Eeprom(place, _DEFAULTS | dict(numbers))
        self._programmed_at_s = -math.inf
        self._power = PowerOnReset(place, 1.65, self._supplied, self._refresh)
        self._pointer = 0
        self._offset_c = screened(place, "offset", 0.02)
        self._ageing_c = screened(place, "ageing", 0.01)
        # Datasheet: 13 to 17.5 ms a conversion, 15.5 ms typical (recalled).
        self._conversion_s = 0.0155 + 0.002 * (2 * place.stream("unit slowness").uniform() - 1)

    def supply_current_a(self) -> float:
        """Return the current it draws: converting, waiting or shut down (SNOSD82D, recalled)."""
        if not self._power.is_on():
            return 0.0
        self._refresh()
        if self._conversions.runs(self._clock.now()):
            return 135e-6
        return 0.25e-6 if self._mode == 1 else 1.25e-6

    # -- the bus ---------------------------------------------------------------------------

    def receive(self, data: bytes) -> None:
        self._answer()
        if not data:
            return
        self._pointer = data[0]
        if len(data) != 3 or data[0] not in self._registers:
            if len(data) > 1 or data[0] not in self._registers:
                self.beyond.note(f"write {data.hex()}")
            return
        self._write(data[0], data[1] << 8 | data[2])

    def send(self, length: int) -> bytes:
        self._answer()
        if length > 2 or self._pointer not in self._registers:
            self.beyond.note(f"read {length} bytes at {self._pointer:#04x}")
        self._refresh()
        word = self._registers.get(self._pointer, 0xFFFF) | self._busy_bits(self._pointer)
        if self._pointer == 0:
            self._registers[1] &= ~_READY
        elif self._pointer == 1:
            self._registers[1] &= ~(_READY | _HIGH | _LOW)
        elif self._pointer == 15 and self._place.fault() == "identity":
            word = 0x0116
        return word.to_bytes(2, "big")[:length].ljust(length, b"\xff")

    def general_call(self, data: bytes) -> None:
        """Reset on a 0x06, as every part that listens does; anything else is not for it."""
        self._answer()
        if data[:1] != b"\x06":
            raise NotAcknowledged("a TMP117 knows one general call, reset")
        self._reset(self._clock.now() + _RESET_S)

    def alert(self) -> int | None:
        """Return 1 where the high limit was passed, 0 for the low one, None without an alert.

        That is the bit after the address in the answer to an SMBus alert (section 7.5.3.1.6).
        """
        self._answer()
        self._refresh()
        configuration = self._registers[1]
        if not configuration & (_HIGH | _LOW) or configuration & (_THERM | _PIN_SHOWS_READY):
            return None
        return int(bool(configuration & _HIGH))

    def alert_answered(self) -> None:
        """Let the alert go: this part had the lowest address of those that answered."""
        self._registers[1] &= ~(_HIGH | _LOW)

    def _answer(self) -> None:
        self._power.check()
        if self._place.fault() == "silent":
            raise NotAcknowledged(f"part {self._place.serial} is silent")
        if not reached(self._clock.now(), self._awake_at_s):
            raise NotAcknowledged(f"part {self._place.serial} is in reset")

    # -- registers -------------------------------------------------------------------------

    def _supplied(self) -> None:
        self._reset(self._power.since_s + _POWER_UP_S)

    def _reset(self, awake_at_s: float) -> None:
        self._registers = _DEFAULTS | self.memory.words
        self._programmed_at_s = -math.inf
        self._awake_at_s = awake_at_s
        self._start(awake_at_s)

    def _write(self, register: int, word: int) -> None:
        self._refresh()
        is_unlocked = bool(self._registers[4] & _UNLOCKED)
        if register == 1:
            self._configure(word)
        elif register in (2, 3, 7) or (register in PROGRAMMABLE and is_unlocked):
            self._registers[register] = word
        elif register == 4:
            self._registers[4] = word & _UNLOCKED
        elif register in PROGRAMMABLE:
            self.beyond.note(f"write {word:#06x} to EEPROM register {register:#04x}, locked")
        else:
            self.beyond.note(f"write {word:#06x} to read-only register {register:#04x}")

        is_reset = register == 1 and bool(word & _SOFT_RESET)
        if is_unlocked and register in PROGRAMMABLE and not is_reset:
            self._program(register)

    def _program(self, register: int) -> None:
        if self._is_programming:
            self.beyond.note(f"write to {register:#04x} while the EEPROM is busy")
            return
        word = self._registers[register]
        self.memory.program(register, word & 0x0FFC if register == 1 else word)
        self._programmed_at_s = self._clock.now()

    @property
    def _is_programming(self) -> bool:
        return not reached(self._clock.now(), self._programmed_at_s + WRITE_S)

    def _busy_bits(self, register: int) -> int:
        bits = {1: _BUSY, 4: _UNLOCK_BUSY}
        return bits.get(register, 0) if self._is_programming else 0

    def _configure(self, word: int) -> None:
        if word & _THERM:
            self.beyond.note("therm mode")
        if word & _SOFT_RESET:
            self._reset(self._clock.now() + _RESET_S)
            return
        if word & _PIN_SHOWS_READY:
            self.beyond.note("the alert pin as data-ready")
        if word & 0x0C00 == 0x0800:
            word &= ~0x0800  # the second code of continuous mode reads back as the first
        self._registers[1] = self._registers[1] & 0xF000 | word & 0x0FFC
        self._start(self._clock.now())

    def _start(self, now_s: float) -> None:
        lasts_s = self._averages * self._conversion_s
        if self._mode == 1:
            self._conversions = Conversions()
        elif self._mode == 3:
            self._conversions = Conversions(now_s, lasts_s)
        else:
            cycle_s = _CYCLE_S[self._registers[1] >> 7 & 7]
            self._conversions = Conversions(now_s, lasts_s, max(cycle_s, lasts_s))

    @property
    def _mode(self) -> int:
        return self._registers[1] >> 10 & 3

    @property
    def _averages(self) -> int:
        return _AVERAGES[self._registers[1] >> 5 & 3]

    def _refresh(self) -> None:
        """Latch the conversions that have ended by now: the last one's result, all their alerts."""
        due = self._conversions.due(self._clock.now())
        if not due:
            return
        if due > 1:
            self._alert_of_earlier(due - 1)
        self._latch(self._conversions.take(due))
        if not self._conversions.go_on:
            self._registers[1] = self._registers[1] & ~0x0C00 | 0x0400  # back to shutdown

    def _latch(self, ended_s: float) -> None:
        fault, counter = self._place.fault(ended_s), round(ended_s * 1e6)
        temperature_c = self._place.temperature_c(ended_s) + self._offset_c
        temperature_c += self._aged_c(fault) * math.sqrt(self._place.stress_h(ended_s) / 1000)
        noise = self._place.stream("temperature noise").normal(counter)
        temperature_c += self._noise_c(fault) * noise
        result = round(temperature_c / 0.0078125) + _signed(self._registers[7])
        result = _STUCK if fault == "stuck" else max(-0x8000, min(0x7FFF, result))
        self._registers[0] = result & 0xFFFF
        self._registers[1] |= _READY | self._alerts(result, result)

    def _alerts(self, highest: int, lowest: int) -> int:
        flags = _HIGH if highest > _signed(self._registers[2]) else 0
        return flags | (_LOW if lowest < _signed(self._registers[3]) else 0)

    def _alert_of_earlier(self, count: int) -> None:
        """Latch the alerts of `count` conversions before the last: they may have come and gone."""
        for fault, first, last in self._by_fault(count):
            passed = Passed(
                self._place,
                self._conversions,
                self._offset_c,
                self._aged_c(fault),
                self._noise_c(fault),
                _signed(self._registers[7]),
            )
            if fault == "stuck":
                self._registers[1] |= self._alerts(_STUCK, _STUCK)
                continue
            missing = ~self._registers[1]
            if missing & _HIGH and passed.above(_signed(self._registers[2]), first, last):
                self._registers[1] |= _HIGH
            if missing & _LOW and passed.below(_signed(self._registers[3]), first, last):
                self._registers[1] |= _LOW

    def _by_fault(self, count: int) -> Iterator[tuple[str, int, int]]:
        """Yield the next `count` conversions as blocks of one fault: its kind, first and last."""
        conversions, first = self._conversions, self._conversions.taken
        end = first + count
        for at_s, _ in self._place.fault_changes(conversions.end_s(first)):
            after = conversions.taken + conversions.due_before(at_s)
            if first < after < end:
                yield self._place.fault(conversions.end_s(first)), first, after - 1
                first = after
        yield self._place.fault(conversions.end_s(first)), first, end - 1

    def _aged_c(self, fault: str) -> float:
        """Return how far it drifts in 1000 h, in K."""
        return math.copysign(0.5, self._ageing_c) if fault == "drift" else self._ageing_c

    def _noise_c(self, fault: str) -> float:
        # Repeatability of 1 LSB with 8 averages (recalled).
        return 0.016 / math.sqrt(self._averages) * (50.0 if fault == "noise" else 1.0)


def _signed(word: int) -> int:
    return word - 0x10000 if word & 0x8000 else word
