"""A simulated SHTC3 on an I2C bus, written from docs/devices/shtc3.md and from nothing else.

Not modelled: the sensor's own lag in humidity (63 % in 8 s), which is short against a chamber's.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import ClassVar, NamedTuple

from sensorbench.core.errors import NotAcknowledged
from sensorbench.sensors.simulated import PowerOnReset, factory_number, humidity_error, screened
from sensorbench.world.conversions import Conversions, reached
from sensorbench.world.world import Place


class _Mode(NamedTuple):
    """Typical and longest time, current, and noise as one sigma: repeatability is three."""

    typical_s: float
    longest_s: float
    current_a: float
    noise_rh: float
    noise_c: float


class _Measurement(NamedTuple):
    mode: _Mode
    humidity_first: bool = False
    stretches: bool = False


_NORMAL = _Mode(10.8e-3, 12.1e-3, 430e-6, 0.1 / 3, 0.1 / 3)
_LOW = _Mode(0.7e-3, 0.8e-3, 270e-6, 0.2 / 3, 0.2 / 3)  # noise: an estimate
_MEASUREMENTS = {
    0x7866: _Measurement(_NORMAL),
    0x58E0: _Measurement(_NORMAL, humidity_first=True),
    0x609C: _Measurement(_LOW),
    0x401A: _Measurement(_LOW, humidity_first=True),
    0x7CA2: _Measurement(_NORMAL, stretches=True),
    0x5C24: _Measurement(_NORMAL, humidity_first=True, stretches=True),
    0x6458: _Measurement(_LOW, stretches=True),
    0x44DE: _Measurement(_LOW, humidity_first=True, stretches=True),
}
_WAKES_UP = 0x3517
_POWER_ON_V = 1.4
_START_S = (180e-6, 240e-6)  # typical and longest, from power-up, reset and sleep alike
_IDLE_A, _ASLEEP_A = 45e-6, 0.3e-6


class SimShtc3:
    """One part at a place in the world, with its own offsets, noise and speed.

    `beyond` lists what it was asked for and does not model.
    """

    FAULTS: ClassVar[tuple[str, ...]] = ("drift", "stuck", "noise", "crc", "identity", "silent")
    COMMANDS: ClassVar[Mapping[str, str]] = {
        "7866": "measures, temperature first",
        "58e0": "measures, humidity first",
        "609c": "measures in low power, temperature first",
        "401a": "measures in low power, humidity first",
        "7ca2": "as 7866, and holds the clock of a read until it is done",
        "5c24": "as 58e0, and holds the clock of a read until it is done",
        "6458": "as 609c, and holds the clock of a read until it is done",
        "44de": "as 401a, and holds the clock of a read until it is done",
        "efc8": "gives its ID",
        "805d": "resets itself",
        "b098": "sleeps",
        "3517": "wakes up",
    }

    def __init__(self, place: Place) -> None:
        self.beyond = place.beyond
        self._place = place
        self._clock = place.clock
        self._offset_rh = screened(place, "humidity offset", 0.7)
        self._offset_c = screened(place, "temperature offset", 0.07)
        self._ageing_rh = screened(place, "ageing", 0.25)
        self._slowness = place.stream("unit slowness").uniform()
        own = int.from_bytes(factory_number(place, 2), "big")
        self._id = own & ~0x083F | 0x0807
        self._is_asleep = False
        self._power = PowerOnReset(place, _POWER_ON_V, self._power_on, self._refresh)
        self._idle(-math.inf)

    def supply_current_a(self) -> float:
        """Return the current it draws: measuring, idle or asleep (typical)."""
        if not self._power.is_on():
            return 0.0
        self._refresh()
        if self._conversions.go_on:
            return self._measurement.mode.current_a
        return _ASLEEP_A if self._is_asleep else _IDLE_A

    # -- the bus ---------------------------------------------------------------------------

    def receive(self, data: bytes) -> None:
        """Take the bytes of one write. Raises NotAcknowledged where the part would not."""
        self._answer()
        if not data:
            return  # its address alone
        if self._is_asleep and data[:2] != _WAKES_UP.to_bytes(2, "big"):
            raise NotAcknowledged(f"part {self._place.serial} is asleep")
        self._reply = b""
        if len(data) == 1:
            self.beyond.note(f"half a command {data.hex()}")
            return
        self._command(int.from_bytes(data[:2], "big"))
        if len(data) > 2:
            raise NotAcknowledged("commands of an SHTC3 take no data")

    def send(self, length: int) -> bytes:
        """Give the bytes of one read."""
        self._answer(reads=True)
        if not self._reply:
            raise NotAcknowledged(f"part {self._place.serial} has nothing to give")
        reply, self._reply = self._reply, b""
        return reply[:length].ljust(length, b"\xff")  # beyond its end nobody pulls the line

    def general_call(self, data: bytes) -> None:
        """Reset on a 0x06, unless it measures or sleeps; anything else is not for it."""
        self._answer()
        if self._is_asleep or data[:1] != b"\x06":
            raise NotAcknowledged("an SHTC3 knows one general call, reset")
        self._idle(self._clock.now() + self._between(*_START_S))

    def _answer(self, reads: bool = False) -> None:
        self._power.check()
        if self._place.fault() == "silent":
            raise NotAcknowledged(f"part {self._place.serial} is silent")
        if not reached(self._clock.now(), self._awake_s):
            raise NotAcknowledged(f"part {self._place.serial} starts")
        self._refresh()
        if self._conversions.go_on:
            if not (reads and self._measurement.stretches):
                raise NotAcknowledged(f"part {self._place.serial} measures")
            # It holds the clock line, and with it the bus, until it is done.
            self._clock.sleep(self._conversions.end_s(0) - self._clock.now())
            self._refresh()

    def _command(self, command: int) -> None:
        now_s = self._clock.now()
        if command in _MEASUREMENTS:
            self._measurement = _MEASUREMENTS[command]
            mode = self._measurement.mode
            lasts_s = self._between(mode.typical_s, mode.longest_s)
            self._conversions = Conversions(now_s, lasts_s)
        elif command == 0xEFC8:
            stranger = self._place.fault() == "identity"
            self._reply = _framed(0x0007 if stranger else self._id)  # an SHTC1's
        elif command == 0x805D:
            self._idle(now_s + self._between(*_START_S))
        elif command == 0xB098:
            self._is_asleep = True
        elif command == _WAKES_UP:
            if self._is_asleep:
                self._idle(now_s + self._between(*_START_S))
        else:
            self.beyond.note(f"command {command:#06x}")

    def _power_on(self) -> None:
        self._idle(self._power.since_s + self._between(*_START_S))

    def _idle(self, awake_s: float) -> None:
        """Be idle from `awake_s` on, with nothing to give."""
        self._reply, self._is_asleep = b"", False
        self._conversions, self._measurement = Conversions(), _MEASUREMENTS[0x7866]
        self._awake_s = awake_s

    def _between(self, typical_s: float, longest_s: float) -> float:
        return typical_s + (longest_s - typical_s) * self._slowness

    # -- physics ---------------------------------------------------------------------------

    def _refresh(self) -> None:
        """Take the measurement that has ended by now, as the world was when it ended."""
        if not self._conversions.due(self._clock.now()):
            return
        ended_s = self._conversions.take()
        fault = self._place.fault(ended_s)
        temperature, humidity = 0x648B, 0xA133
        if fault != "stuck":
            temperature, humidity = self._words(ended_s, 50.0 if fault == "noise" else 1.0)
        if self._measurement.humidity_first:
            temperature, humidity = humidity, temperature
        self._reply = _framed(temperature, humidity)
        if fault == "crc":
            self._reply = self._reply[:3] + bytes([self._reply[3] ^ 0x10]) + self._reply[4:]

    def _words(self, ended_s: float, louder: float) -> tuple[int, int]:
        """Return the words of temperature and humidity of a measurement that ended then."""
        place, mode = self._place, self._measurement.mode
        # Noise is counted by time: the same moment has the same noise, whoever asks.
        counter = round(ended_s * 1e6)
        noise_c, noise_rh = (
            louder * sigma * place.stream(f"{channel} noise").normal(counter)
            for channel, sigma in (("temperature", mode.noise_c), ("humidity", mode.noise_rh))
        )
        temperature_c = place.temperature_c(ended_s) + self._offset_c + noise_c
        drifts = place.fault(ended_s) == "drift"
        ageing_rh = math.copysign(5.0, self._ageing_rh) if drifts else self._ageing_rh
        error_rh = self._offset_rh + ageing_rh * math.sqrt(place.stress_h(ended_s) / 1000)
        humidity_rh = place.humidity_rh(ended_s)
        humidity_rh += humidity_error(humidity_rh, error_rh) + noise_rh
        return _word((temperature_c + 45.0) / 175.0), _word(humidity_rh / 100.0)


def _word(share: float) -> int:
    return max(0, min(0xFFFF, round(share * 65536)))


def _framed(*words: int) -> bytes:
    """Return words, each with its checksum behind it."""
    pairs = [word.to_bytes(2, "big") for word in words]
    return b"".join(pair + bytes([_checksum(pair)]) for pair in pairs)


def _checksum(word: bytes) -> int:
    """Sensirion: x8 + x5 + x4 + 1 from all ones, bit by bit."""
    rest = 0xFF
    for byte in word:
        rest ^= byte
        for _ in range(8):
            rest = (rest << 1 ^ 0x131) if rest & 0x80 else rest << 1
    return rest
