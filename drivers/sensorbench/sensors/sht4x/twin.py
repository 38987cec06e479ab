"""A simulated SHT4x on an I2C bus.

Sources: Sensirion's driver sensirion-i2c-sht4x (commands), Linux drivers/hwmon/sht4x.c (formulas,
inverted here); times, repeatability and accuracy recalled from the SHT4x datasheet.
Not modelled: the sensor's own lag in humidity (63 % in 4 s), which is short against a chamber's,
and the heat of the heater: its commands take their time and answer like any other.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

from sensorbench.core.errors import NotAcknowledged
from sensorbench.sensors.simulated import PowerOnReset, factory_number, screened
from sensorbench.world.conversions import reached
from sensorbench.world.world import Place


@dataclass(frozen=True, slots=True)
class _Measurement:
    """Longest time, and noise as one sigma: the datasheet's repeatability is three (recalled)."""

    longest_s: float
    noise_rh: float
    noise_c: float


_HIGH = _Measurement(0.0083, 0.08 / 3, 0.04 / 3)
_MEASUREMENTS = {
    0xFD: _HIGH,
    0xF6: _Measurement(0.0045, 0.15 / 3, 0.07 / 3),
    0xE0: _Measurement(0.0016, 0.25 / 3, 0.10 / 3),
}
# Heater pulses end with a measurement of high repeatability.
_HEATER_S = {0x39: 1.1, 0x32: 0.11, 0x2F: 1.1, 0x24: 0.11, 0x1E: 1.1, 0x15: 0.11}
_SOFT_RESET = 0x94
_FASTEST = 0.83  # typical over longest time of a measurement (recalled)
_AWAKE_S = 0.0009  # after power-on and reset; the datasheet says 1 ms at most (recalled)


class SimSht4x:
    """One part at a place in the world, with its own offsets, noise and speed.

    While it measures or heats it acknowledges nothing but a reset, which aborts that; while it
    starts, nothing at all. An answer is given once. `beyond` lists what it was asked for and does
    not model.
    """

    FAULTS: ClassVar[tuple[str, ...]] = ("drift", "stuck", "noise", "crc", "silent")

    def __init__(self, place: Place) -> None:
        self.beyond = place.beyond
        self._reply = b""
        self._pending: _Measurement | None = None
        self._busy_until_s = -math.inf
        self._place = place
        self._clock = place.clock
        self._power = PowerOnReset(place, 1.05, self._power_on, self._refresh)
        self._offset_rh = screened(place, "humidity offset", 0.6)
        self._offset_c = screened(place, "temperature offset", 0.07)
        self._ageing_rh = screened(place, "ageing", 0.3)
        self._speed = _FASTEST + (1.0 - _FASTEST) * place.stream("unit slowness").uniform()
        self._number = factory_number(place, 4)

    def supply_current_a(self) -> float:
        """Return the current it draws: while it measures, or idle (recalled, typical)."""
        if not self._power.is_on():
            return 0.0
        measures = self._pending and not reached(self._clock.now(), self._busy_until_s)
        return 320e-6 if measures else 0.08e-6

    # -- the bus ---------------------------------------------------------------------------

    def receive(self, data: bytes) -> None:
        self._answer(resets=data == bytes([_SOFT_RESET]))
        if data:
            self._command(data[0])
        if len(data) > 1:
            raise NotAcknowledged("an SHT4x takes one byte a write")

    def send(self, length: int) -> bytes:
        self._answer()
        if not self._reply:
            raise NotAcknowledged(f"part {self._place.serial} has nothing to give")
        reply, self._reply = self._reply, b""
        return reply[:length].ljust(length, b"\xff")  # beyond its end nobody pulls the line

    def general_call(self, data: bytes) -> None:
        """Reset on a 0x06, as every part that listens does; anything else is not for it."""
        self._answer(resets=data[:1] == b"\x06")
        if data[:1] != b"\x06":
            raise NotAcknowledged("an SHT4x knows one general call, reset")
        self._command(_SOFT_RESET)

    def _answer(self, resets: bool = False) -> None:
        self._power.check()
        if self._place.fault() == "silent":
            raise NotAcknowledged(f"part {self._place.serial} is silent")
        # Either reset aborts whatever a command began (SHT4x datasheet, "Reset"; recalled).
        if resets and self._pending is not None:
            return
        if not reached(self._clock.now(), self._busy_until_s):
            raise NotAcknowledged(f"part {self._place.serial} is busy")
        self._refresh()

    def _command(self, command: int) -> None:
        now_s = self._clock.now()
        self._reply, self._pending = b"", None
        if command in _MEASUREMENTS:
            self._pending = _MEASUREMENTS[command]
            self._busy_until_s = now_s + self._pending.longest_s * self._speed
        elif command in _HEATER_S:
            self.beyond.note(f"heater {command:#04x}")
            self._pending = _HIGH
            self._busy_until_s = now_s + _HEATER_S[command] * self._speed
        elif command == 0x89:
            self._reply = _framed(self._number)
        elif command == _SOFT_RESET:
            self._busy_until_s = now_s + _AWAKE_S
        else:
            raise NotAcknowledged(f"SHT4x command {command:#04x} is unknown")

    def _power_on(self) -> None:
        self._reply, self._pending = b"", None
        self._busy_until_s = self._power.since_s + _AWAKE_S

    # -- physics ---------------------------------------------------------------------------

    def _refresh(self) -> None:
        """Take the measurement that has ended by now."""
        ended_s = self._busy_until_s
        if self._pending is None or not reached(self._clock.now(), ended_s):
            return
        measured, self._pending = self._pending, None
        fault, counter = self._place.fault(ended_s), round(ended_s * 1e6)
        louder = 50.0 if fault == "noise" else 1.0
        noise = {
            channel: louder * self._place.stream(f"{channel} noise").normal(counter)
            for channel in ("temperature", "humidity")
        }
        temperature_c = self._place.temperature_c(ended_s) + self._offset_c
        temperature_c += measured.noise_c * noise["temperature"]
        ageing_rh = math.copysign(5.0, self._ageing_rh) if fault == "drift" else self._ageing_rh
        humidity_rh = self._place.humidity_rh(ended_s) + self._offset_rh
        humidity_rh += ageing_rh * math.sqrt(self._place.stress_h(ended_s) / 1000)
        humidity_rh += measured.noise_rh * noise["humidity"]
        words = _word((temperature_c + 45.0) / 175.0) + _word((humidity_rh + 6.0) / 125.0)
        self._reply = _framed(b"\x66\x66\x72\xb0" if fault == "stuck" else words)
        if fault == "crc":
            self._reply = self._reply[:3] + bytes([self._reply[3] ^ 0x10]) + self._reply[4:]


def _word(share: float) -> bytes:
    return max(0, min(65535, round(share * 65535))).to_bytes(2, "big")


def _framed(words: bytes) -> bytes:
    """Return two words, each with its checksum behind it."""
    return words[0:2] + bytes([_checksum(words[0:2])]) + words[2:4] + bytes([_checksum(words[2:4])])


def _checksum(word: bytes) -> int:
    """Sensirion: x8 + x5 + x4 + 1 from all ones, bit by bit."""
    rest = 0xFF
    for byte in word:
        rest ^= byte
        for _ in range(8):
            rest = (rest << 1 ^ 0x131) if rest & 0x80 else rest << 1
    return rest
