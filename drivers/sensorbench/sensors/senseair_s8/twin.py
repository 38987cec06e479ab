"""A simulated Senseair S8 on a serial line.

Sources: product specification PSP 126 rev 8, table 1 (4 s, +1.6 % of the reading per kPa, supply,
18 mA); registers jcomas/S8_UART s8_uart.h; frames MODBUS over Serial Line 1.02 and exceptions
MODBUS Application Protocol 1.1b3. Recalled: that it takes 8 registers a request at most, 104 as its
own address, the ABC period of 180 h. Estimates: spread, noise, drift, the type number, that the
first measurement is there after 6 s and reads 0 before.

- It answers at 0xFE and at its own address, with the address it was asked at; frames that are
  damaged, short or for others it does not answer, broadcasts neither.
- Not modelled: its lag in CO2 (90 % in 2 min), what calibrations and the automatic baseline
  correction do: `beyond` has them. The PWM output is told as a register.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import ClassVar

from sensorbench.sensors.simulated import PowerOnReset, factory_number, screened
from sensorbench.world.conversions import Conversions
from sensorbench.world.world import Place

_ANY, _OWN = 254, 104
_EVERY_S, _WARM_UP_S = 4.0, 2.0
_DEAD_BELOW_V = 4.0
_AVERAGE_A = 0.018
_ABC_H = 180
_MOST_REGISTERS = 8
_INPUTS, _HOLDINGS = 32, 32
_FULL_PWM = 0x3FFF
_NOISE_PPM = 3.0


class SimSenseairS8:
    """One part at a place in the world, with its own offset, gain and noise."""

    FAULTS: ClassVar[tuple[str, ...]] = (
        "drift", "stuck", "noise", "crc", "identity", "self_test", "silent",
    )  # fmt: skip
    COMMANDS: ClassVar[Mapping[str, str]] = {
        "03": "reads holding registers",
        "04": "reads input registers",
        "06": "writes a holding register",
    }

    terminators: tuple[bytes, ...] = ()
    reply_terminator = b""

    def __init__(self, place: Place) -> None:
        self.beyond = place.beyond
        self.wearing_acts = 0
        self._place, self._clock = place, place.clock
        self._offset_ppm = screened(place, "co2 offset", 13.0)
        self._gain = 1.0 + screened(place, "co2 gain", 0.01)
        self._ppm_per_k = screened(place, "co2 t", 0.3)
        self._ageing_ppm = screened(place, "co2 ageing", 6.0)
        self._number = factory_number(place, 4)
        self._acknowledged = 0
        self._abc_h = int(place.recall("senseair_s8 abc") or _ABC_H)
        self._power = PowerOnReset(place, _DEAD_BELOW_V, self._boot, self._refresh)
        self._boot()

    def _boot(self) -> None:
        self._conversions = Conversions(self._power.since_s + _WARM_UP_S, _EVERY_S, _EVERY_S)
        self._ppm = self._status = self._acknowledged = 0

    def supply_current_a(self) -> float:
        """Return the current it draws on average."""
        return _AVERAGE_A if self._power.is_on() else 0.0

    # -- the line --------------------------------------------------------------------------

    def handle(self, line: bytes) -> bytes | None:
        """Take what came between two silences; return the answer, None where it gives none."""
        if not self._power.is_on() or self._place.fault() == "silent":
            return None
        self._refresh()
        if len(line) != 8 or _crc(line) or line[0] not in (_ANY, _OWN):
            return None
        function, first, word = line[1], line[2] << 8 | line[3], line[4] << 8 | line[5]
        if function in (3, 4):
            body = self._told(function, first, word)
        elif function == 6:
            body = self._written(first, word, line[1:6])
        else:
            body = _exception(function, 1)
        answer = line[:1] + body
        rest = _crc(answer)
        if self._place.fault() == "crc":
            rest ^= 0x0810
        return answer + bytes([rest & 0xFF, rest >> 8])

    def _told(self, function: int, first: int, count: int) -> bytes:
        if not 1 <= count <= _MOST_REGISTERS:
            return _exception(function, 3)
        if first + count > (_INPUTS if function == 4 else _HOLDINGS):
            return _exception(function, 2)
        is_stranger = self._place.fault() == "identity"
        if is_stranger and first >= 0x19:
            return _exception(function, 2)
        known = self._inputs() if function == 4 else self._holdings()
        words = [known.get(first + k) for k in range(count)]
        if None in words:
            self.beyond.note(
                f"registers {first:#x} to {first + count - 1:#x} of function {function}"
            )
        return bytes([function, 2 * count]) + b"".join(
            (word or 0).to_bytes(2, "big") for word in words
        )

    def _inputs(self) -> dict[int, int]:
        high, low = self._number[:2], self._number[2:]
        share = min(1.0, self._ppm / 2000.0)
        return {
            0: self._status, 1: 0, 2: 0, 3: self._ppm, 0x15: round(share * _FULL_PWM),
            0x19: 0x0000, 0x1A: 0x0108, 0x1B: 45, 0x1C: 0x0502,
            0x1D: int.from_bytes(high, "big"), 0x1E: int.from_bytes(low, "big"),
        }  # fmt: skip

    def _holdings(self) -> dict[int, int]:
        return {0: self._acknowledged, 1: 0, 0x1F: self._abc_h}

    def _written(self, register: int, word: int, echo: bytes) -> bytes:
        if register == 0:
            self._acknowledged = word
        elif register == 1:
            self.wearing_acts += 1
            self.beyond.note(f"special command {word:#06x}")
            self._acknowledged |= {0x7C06: 0x20, 0x7C07: 0x40}.get(word, 0)
        elif register == 0x1F:
            if word > 4800:
                return _exception(6, 3)
            self.wearing_acts += 1
            self._abc_h = word
            self._place.remember("senseair_s8 abc", str(word))
        else:
            return _exception(6, 2)
        return echo

    # -- physics ---------------------------------------------------------------------------

    def _refresh(self) -> None:
        """Take the measurements that have ended by now; the last one is kept."""
        due = self._conversions.due(self._clock.now())
        if not due:
            return
        ended_s = self._conversions.take(due)
        fault = self._place.fault(ended_s)
        self._status = 0x10 if fault == "self_test" else 0
        if fault == "stuck":
            self._ppm = 800
            return
        ppm = self._felt_ppm(ended_s, fault)
        self._status |= 0x20 if ppm > 10_000.0 else 0
        self._ppm = max(1, min(10_000, round(ppm)))

    def _felt_ppm(self, at_s: float, fault: str) -> float:
        place = self._place
        ageing = math.copysign(200.0, self._ageing_ppm) if fault == "drift" else self._ageing_ppm
        ppm = place.scalar("co2", at_s) * self._gain + self._offset_ppm
        ppm += self._ppm_per_k * (place.temperature_c(at_s) - 25.0)
        ppm += ageing * math.sqrt(place.stress_h(at_s) / 1000)
        ppm *= 1.0 + 0.016 * (place.pressure_pa(at_s=at_s) - 101_325.0) / 1000.0
        louder = 50.0 if fault == "noise" else 1.0
        return ppm + louder * _NOISE_PPM * place.stream("co2 noise").normal(round(at_s * 1e6))


def _exception(function: int, code: int) -> bytes:
    return bytes([function & 0x7F | 0x80, code])


def _crc(frame: bytes) -> int:
    """Return the remainder of a frame, bit by bit; 0 for one that ends with its own."""
    rest = 0xFFFF
    for byte in frame:
        for k in range(8):
            is_odd = (rest ^ byte >> k) & 1
            rest >>= 1
            if is_odd:
                rest ^= 0xA001
    return rest
