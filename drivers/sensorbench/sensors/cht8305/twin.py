"""A simulated CHT8305 on an I2C bus.

Sources: sensylink/CHT8305 CHT8305.cpp (registers, formulas inverted, what the battery bit means);
RobTillaart/CHT8305 README.md (bits, reset value, 6.5 ms a quantity at 14 bits, 7 ms fail for both).
Supply and accuracy are recalled. Estimates: noise, currents, times of start and reset, the alert
limit after a reset, that unused bits of a result are 0, that all bits take the same time.

- Writing 0 as register starts a measurement, of both quantities where the mode says so; each stays
  until the next. What a part does that is read too early is not known: `early` "refuses" (it does
  not acknowledge) or "old" (it answers the result before).
- Not modelled: the heater, the scale of the supply's register, and the alert pin. `beyond` lists
  what was asked of them, writes to what can only be read, and registers that nobody names.
"""

from __future__ import annotations

import math
from typing import ClassVar

from sensorbench.core.errors import NotAcknowledged
from sensorbench.sensors.simulated import PowerOnReset, humidity_error, screened
from sensorbench.world.conversions import Conversions, reached
from sensorbench.world.world import Place

_T, _RH, _CONFIG, _ALERT, _SUPPLY, _MAKER, _VERSION = 0x00, 0x01, 0x02, 0x03, 0x04, 0xFE, 0xFF
_DEFAULTS = {
    _T: 0, _RH: 0, _CONFIG: 0x1004, _ALERT: 0xFFFF, _SUPPLY: 0x7FFF, _MAKER: 0x5959,
    _VERSION: 0x8305,
}  # fmt: skip
_RESETS, _STRETCHES, _HEATS, _BOTH, _WEAK = 0x8000, 0x4000, 0x2000, 0x1000, 0x0800
_ALERTS = 0x0038
_WEAK_V = 2.8
_BITS_T, _BITS_RH = (14, 11), (14, 11, 8, 14)
_QUANTITY_S = (0.0055, 0.0065)  # of a unit: the fastest, the slowest
_START_S, _RESET_S = 0.010, 0.005
_NOISE_RH, _NOISE_C = 0.03, 0.015
_MEASURING_A, _IDLE_A = 450e-6, 0.5e-6


class SimCht8305:
    """One part at a place in the world, with its own offsets, noise and speed."""

    FAULTS: ClassVar[tuple[str, ...]] = ("drift", "stuck", "noise", "identity", "silent")

    def __init__(self, place: Place, *, early: str = "refuses") -> None:
        if early not in {"refuses", "old"}:
            raise ValueError(f'early is "refuses" or "old", not {early!r}')
        self.beyond = place.beyond
        self._place = place
        self._clock = place.clock
        self._refuses = early == "refuses"
        self._offset_rh = screened(place, "humidity offset", 1.0)
        self._offset_c = screened(place, "temperature offset", 0.17)
        self._ageing_rh = screened(place, "ageing", 0.5)
        self._slowness = place.stream("unit slowness").uniform()
        self._power = PowerOnReset(place, 2.3, self._power_on, self._refresh)
        self._reset(-math.inf)

    def supply_current_a(self) -> float:
        """Return the current it draws: measuring or idle."""
        if not self._power.is_on():
            return 0.0
        self._refresh()
        return _MEASURING_A if self._conversions.go_on else _IDLE_A

    # -- the bus ---------------------------------------------------------------------------

    def receive(self, data: bytes) -> None:
        self._answer()
        if not data:
            return
        self._pointer = data[0]
        if len(data) == 1:
            if self._pointer not in _DEFAULTS:
                self.beyond.note(f"register {self._pointer:#04x}")
            self._measure()
        elif len(data) == 3 and self._pointer in (_CONFIG, _ALERT):
            self._write(self._pointer, data[1] << 8 | data[2])
        else:
            self.beyond.note(f"write {data.hex()}")

    def send(self, length: int) -> bytes:
        self._answer()
        found = self._word(self._pointer)
        if self._pointer == _T and length > 2:
            found += self._word(_RH)
        elif length > 2:
            self.beyond.note(f"read {length} bytes at {self._pointer:#04x}")
        return found[:length].ljust(length, b"\xff")  # beyond its end nobody pulls the line

    def _answer(self) -> None:
        self._power.check()
        if self._place.fault() == "silent":
            raise NotAcknowledged(f"part {self._place.serial} is silent")
        if not reached(self._clock.now(), self._awake_s):
            raise NotAcknowledged(f"part {self._place.serial} starts")
        self._refresh()
        if not self._conversions.go_on:
            return
        if self._registers[_CONFIG] & _STRETCHES:
            # It holds the clock line, and with it the bus, until it is done.
            self._clock.sleep(self._conversions.end_s(0) - self._clock.now())
            self._refresh()
        elif self._refuses:
            raise NotAcknowledged(f"part {self._place.serial} measures")

    def _word(self, register: int) -> bytes:
        word = self._registers.get(register, 0xFFFF)
        if register == _MAKER and self._place.fault() == "identity":
            word = 0x5449  # an HDC1080 in the socket
        if register == _CONFIG and self._place.supply_v() < _WEAK_V:
            word |= _WEAK
        return word.to_bytes(2, "big")

    # -- registers -------------------------------------------------------------------------

    def _power_on(self) -> None:
        self._reset(self._power.since_s + _START_S * (0.5 + 0.5 * self._slowness))

    def _reset(self, awake_s: float) -> None:
        self._awake_s = awake_s
        self._registers = dict(_DEFAULTS)
        self._pointer = _T
        self._measured: tuple[int, ...] = ()
        self._conversions = Conversions()

    def _write(self, register: int, word: int) -> None:
        if register == _CONFIG and word & _RESETS:
            self._reset(self._clock.now() + _RESET_S * (0.5 + 0.5 * self._slowness))
            return
        if register == _CONFIG:
            if word & _HEATS:
                self.beyond.note("heater")
            word = word & ~(_ALERTS | _WEAK) | self._registers[_CONFIG] & _ALERTS
        self._registers[register] = word

    def _measure(self) -> None:
        """Start what the pointer asks for, if anything, and nothing runs."""
        if self._pointer > _RH or self._conversions.go_on:
            return
        is_both = bool(self._registers[_CONFIG] & _BOTH)
        if is_both and self._pointer == _RH:
            return
        self._measured = (_T, _RH) if is_both else (self._pointer,)
        each_s = _QUANTITY_S[0] + (_QUANTITY_S[1] - _QUANTITY_S[0]) * self._slowness
        # Both in 7 ms were seen to fail, so that no unit is that fast.
        self._conversions = Conversions(self._clock.now(), each_s * len(self._measured))

    # -- physics ---------------------------------------------------------------------------

    def _refresh(self) -> None:
        """Take the measurement that has ended by now."""
        if not self._conversions.due(self._clock.now()):
            return
        ended_s = self._conversions.take()
        place, fault, counter = self._place, self._place.fault(ended_s), round(ended_s * 1e6)
        louder, stuck = 50.0 if fault == "noise" else 1.0, fault == "stuck"
        configuration = self._registers[_CONFIG]
        if _T in self._measured:
            temperature_c = place.temperature_c(ended_s) + self._offset_c
            temperature_c += louder * _NOISE_C * place.stream("temperature noise").normal(counter)
            bits = _BITS_T[configuration >> 10 & 1]
            self._registers[_T] = 0x6400 if stuck else _rounded((temperature_c + 40) / 165, bits)
        if _RH in self._measured:
            ageing_rh = math.copysign(5.0, self._ageing_rh) if fault == "drift" else self._ageing_rh
            humidity_rh = place.humidity_rh(ended_s)
            aged_rh = ageing_rh * math.sqrt(place.stress_h(ended_s) / 1000)
            humidity_rh += humidity_error(humidity_rh, self._offset_rh + aged_rh)
            humidity_rh += louder * _NOISE_RH * place.stream("humidity noise").normal(counter)
            bits = _BITS_RH[configuration >> 8 & 3]
            self._registers[_RH] = 0x8000 if stuck else _rounded(humidity_rh / 100, bits)
        self._alert()

    def _alert(self) -> None:
        """Hold the results against the limit; the mode says which of them make an alert."""
        limit, configuration = self._registers[_ALERT], self._registers[_CONFIG] & ~_ALERTS
        humid = self._registers[_RH] > limit & 0xFE00
        warm = self._registers[_T] > (limit & 0x1FF) << 7
        pending = (humid or warm, warm, humid, humid and warm)[configuration >> 6 & 3]
        self._registers[_CONFIG] = configuration | pending << 5 | humid << 4 | warm << 3


def _rounded(share: float, bits: int) -> int:
    """Return a share of full scale as a word of so many bits, at its upper end."""
    counts = round(share * 0xFFFF / (1 << 16 - bits))
    return max(0, min((1 << bits) - 1, counts)) << 16 - bits
