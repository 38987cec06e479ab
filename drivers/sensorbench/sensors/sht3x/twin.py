"""A simulated SHT3x on an I2C bus.

Sources: Sensirion SHT3x-DIS data sheet version 5, tables 9 to 19 (commands, status), version 6
table 4 (times); formulas inverted. Repeatability, accuracy and currents are recalled;
that periods are 2 % off at most is an estimate.

- While it measures once it acknowledges nothing; a read after a command with clock stretching is
  acknowledged, and takes until the measurement has ended. In a periodic mode it always answers.
- A command that it does not know is acknowledged, changes nothing and shows in the status.
- Not modelled: the sensor's lag in humidity, that accelerated response (0x2B32) compensates: it is
  4 measurements a second here; the alert pin. `beyond` lists commands that nobody knows, and
  measurements asked for in a periodic mode, which the data sheet wants stopped first.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from sensorbench.core.errors import NotAcknowledged
from sensorbench.sensors.sht3x.twin_alert import Alert
from sensorbench.sensors.sht3x.twin_heater import Heater
from sensorbench.sensors.simulated import (
    PowerOnReset,
    aged,
    during,
    factory_number,
    humidity_errors,
    screened,
)
from sensorbench.world.conversions import Conversions, reached
from sensorbench.world.world import Place

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class _Measurement:
    """Typical and longest time, and noise as one sigma: repeatability is three (recalled)."""

    typical_s: float
    longest_s: float
    noise_rh: float
    noise_c: float


_HIGH = _Measurement(0.0125, 0.015, 0.08 / 3, 0.04 / 3)
_MEDIUM = _Measurement(0.0045, 0.006, 0.15 / 3, 0.08 / 3)
_LOW = _Measurement(0.0025, 0.004, 0.21 / 3, 0.15 / 3)
_SINGLE = {0x2400: _HIGH, 0x240B: _MEDIUM, 0x2416: _LOW}
_STRETCHED = {0x2C06: _HIGH, 0x2C0D: _MEDIUM, 0x2C10: _LOW}
_PERIODIC = {
    0x2032: (_HIGH, 2.0), 0x2024: (_MEDIUM, 2.0), 0x202F: (_LOW, 2.0),
    0x2130: (_HIGH, 1.0), 0x2126: (_MEDIUM, 1.0), 0x212D: (_LOW, 1.0),
    0x2236: (_HIGH, 0.5), 0x2220: (_MEDIUM, 0.5), 0x222B: (_LOW, 0.5),
    0x2334: (_HIGH, 0.25), 0x2322: (_MEDIUM, 0.25), 0x2329: (_LOW, 0.25),
    0x2737: (_HIGH, 0.1), 0x2721: (_MEDIUM, 0.1), 0x272A: (_LOW, 0.1),
    0x2B32: (_HIGH, 0.25),
}  # fmt: skip
_LIMITS_READ = {0xE11F: "high set", 0xE114: "high clear", 0xE109: "low clear", 0xE102: "low set"}
_LIMITS_WRITTEN = {
    0x611D: "high set", 0x6116: "high clear", 0x610B: "low clear", 0x6100: "low set"
}  # fmt: skip
_POWER_ON_V, _WEAK_V, _WEAKER_S = 2.1, 2.4, 0.5e-3  # below 2.4 V everything takes longer
_BREAK_S = 1e-3
_AWAKE_S = (0.5e-3, 1.0e-3)  # typical and longest time of power-up
_RESET_S = (0.5e-3, 1.5e-3)
_MEASURING_A, _IDLE_A, _PERIODIC_A, _HEATER_OHM = 600e-6, 0.2e-6, 45e-6, 1000.0
_CHUNK = 1 << 16


class SimSht3x:
    """One part at a place in the world, with its own offsets, noise and speed."""

    FAULTS: ClassVar[tuple[str, ...]] = ("drift", "stuck", "noise", "crc", "silent")
    OFFSET_RH: ClassVar[float] = 0.7
    OFFSET_C: ClassVar[float] = 0.07
    NUMBERED: ClassVar[bool] = True
    """Whether it has a serial number."""

    def __init__(self, place: Place) -> None:
        self.beyond = place.beyond
        self._place = place
        self._clock = place.clock
        self._power = PowerOnReset(place, _POWER_ON_V, self._power_on, self._refresh)
        self._offset_rh = screened(place, "humidity offset", self.OFFSET_RH)
        self._offset_c = screened(place, "temperature offset", self.OFFSET_C)
        self._ageing_rh = screened(place, "ageing", 0.25)
        self._slowness = place.stream("unit slowness").uniform()
        self._speed = 1.0 + screened(place, "period", 0.02 / 3)
        self._number = factory_number(place, 4)
        self._heater = Heater()
        self._data = b""
        self._alert = Alert()
        self._reset(place.clock.now())
        self._awake_s = -math.inf

    def supply_current_a(self) -> float:
        """Return the current it draws: measuring, idle between measurements, heating."""
        if not self._power.is_on():
            return 0.0
        self._refresh()
        heating_a = self._place.supply_v() / _HEATER_OHM if self._heater.is_on else 0.0
        if self._conversions.go_on and self._conversions.runs(self._clock.now()):
            return heating_a + _MEASURING_A
        return heating_a + (_PERIODIC_A if self._is_periodic else _IDLE_A)

    # -- the bus ---------------------------------------------------------------------------

    def receive(self, data: bytes) -> None:
        self._answer()
        if not data:
            return
        self._reply = b""
        if len(data) == 1:
            self.beyond.note(f"half a command {data.hex()}")
            return
        command = int.from_bytes(data[:2], "big")
        if command in _LIMITS_WRITTEN:
            self._write_limit(command, data[2:])
            return
        self._command(command)
        if len(data) > 2:
            raise NotAcknowledged(f"SHT3x command {command:#06x} takes no data")

    def send(self, length: int) -> bytes:
        self._answer(reads=True)
        if not self._reply:
            raise NotAcknowledged(f"part {self._place.serial} has nothing to give")
        reply, self._reply = self._reply, b""
        return reply[:length].ljust(length, b"\xff")  # beyond its end nobody pulls the line

    def general_call(self, data: bytes) -> None:
        """Reset on a 0x06, as every part that listens does; anything else is not for it."""
        self._power.check()
        if self._place.fault() == "silent" or data[:1] != b"\x06":
            raise NotAcknowledged("an SHT3x knows one general call, reset")
        self._refresh()
        self._command(0x30A2)

    def _answer(self, reads: bool = False) -> None:
        self._power.check()
        if self._place.fault() == "silent":
            raise NotAcknowledged(f"part {self._place.serial} is silent")
        if not reached(self._clock.now(), self._awake_s):
            raise NotAcknowledged(f"part {self._place.serial} starts")
        self._refresh()
        if self._conversions.go_on and not self._is_periodic:
            if not (reads and self._stretches):
                raise NotAcknowledged(f"part {self._place.serial} is busy")
            # It holds the clock line, and with it the bus, until it is done.
            self._clock.sleep(self._conversions.end_s(0) - self._clock.now())
            self._refresh()

    # -- commands --------------------------------------------------------------------------

    def _command(self, command: int) -> None:
        known = True
        if command in _SINGLE or command in _STRETCHED or command in _PERIODIC:
            known = self._measure(command)
        elif command == 0xF32D:
            self._reply = _framed(self._status())
            return  # of whatever came before it
        elif command in _LIMITS_READ:
            self._reply = _framed(self._alert.limits[_LIMITS_READ[command]].to_bytes(2, "big"))
        elif command in (0x3780, 0x3682) and self.NUMBERED:
            self._reply = _framed(self._number)
        elif command == 0xE000:
            self._reply, self._data = self._data, b""
        elif command == 0x3041:
            self._alert.clear()
            self._was_reset = False
        elif command in (0x306D, 0x3066):
            self._heater.switch(command == 0x306D, self._clock.now())
        elif command == 0x3093:
            self._conversions, self._is_periodic = Conversions(), False
            self._awake_s = self._clock.now() + _BREAK_S * self._slowness
        elif command == 0x30A2:
            self._reset(self._clock.now())
            self._awake_s = (
                self._clock.now() + _RESET_S[0] + self._slowness * (_RESET_S[1] - _RESET_S[0])
            )
            return
        else:
            self.beyond.note(f"command {command:#06x}")
            known = False
        self._command_failed = not known

    def _measure(self, command: int) -> bool:
        if self._is_periodic:
            self.beyond.note(f"command {command:#06x} in a periodic mode")
            return False
        now_s = self._clock.now()
        self._data = b""
        self._stretches = command in _STRETCHED
        if command in _PERIODIC:
            self._measurement, period_s = _PERIODIC[command]
            self._is_periodic = True
            lasts_s = self._lasts_s(self._measurement)
            self._conversions = Conversions(now_s, lasts_s, period_s * self._speed)
        else:
            self._measurement = {**_SINGLE, **_STRETCHED}[command]
            self._conversions = Conversions(now_s, self._lasts_s(self._measurement))
        return True

    def _write_limit(self, command: int, data: bytes) -> None:
        if len(data) < 3:
            self._command_failed = True
            return
        self._checksum_failed = _framed(data[:2]) != data[:3]
        self._command_failed = False
        if not self._checksum_failed:
            self._alert.limits[_LIMITS_WRITTEN[command]] = int.from_bytes(data[:2], "big")
        if len(data) > 3:
            raise NotAcknowledged("an SHT3x takes one word a limit")

    def _status(self) -> bytes:
        alert = self._alert
        bits = {
            15: alert.pending, 13: self._heater.is_on, 11: alert.humidity, 10: alert.temperature,
            4: self._was_reset, 1: self._command_failed, 0: self._checksum_failed,
        }  # fmt: skip
        return sum(on << bit for bit, on in bits.items()).to_bytes(2, "big")

    def _power_on(self) -> None:
        self._reset(self._power.since_s)
        self._awake_s = self._power.since_s + self._between(_AWAKE_S)

    def _reset(self, at_s: float) -> None:
        self._reply = self._data = b""
        self._conversions, self._is_periodic, self._stretches = Conversions(), False, False
        self._measurement = _HIGH
        self._alert = Alert()
        self._was_reset, self._command_failed, self._checksum_failed = True, False, False
        self._heater.switch(False, at_s)

    def _between(self, times_s: tuple[float, float]) -> float:
        weaker_s = _WEAKER_S if self._place.supply_v() < _WEAK_V else 0.0
        return times_s[0] + (times_s[1] - times_s[0]) * self._slowness + weaker_s * self._slowness

    def _lasts_s(self, measurement: _Measurement) -> float:
        return self._between((measurement.typical_s, measurement.longest_s))

    # -- physics ---------------------------------------------------------------------------

    def _refresh(self) -> None:
        """Take the measurements that have ended by now."""
        conversions, now_s = self._conversions, self._clock.now()
        while due := conversions.due(now_s):  # not what ends while this is computed
            numbers = np.arange(conversions.taken, conversions.taken + min(due, _CHUNK))
            times = np.array([conversions.end_s(0)])
            if self._is_periodic:
                times = conversions.ends_s(numbers)
            ended_s = conversions.take(len(numbers))
            temperature, humidity = self._words(times, int(numbers[0]))
            data = _framed(
                b"".join(int(words[-1]).to_bytes(2, "big") for words in (temperature, humidity))
            )
            if self._place.fault(ended_s) == "crc":
                data = data[:3] + bytes([data[3] ^ 0x10]) + data[4:]
            if self._is_periodic:
                self._alert.track(temperature, humidity)
                self._data = data
            else:
                self._reply = data

    def _words(
        self, times: Floats, first: int
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Return the measurements that ended at `times`, words of temperature and humidity."""
        place, measurement = self._place, self._measurement
        key = f"noise {round(self._conversions.began_s * 1e6)}"
        louder = np.where(during(place, "noise", times), 50.0, 1.0)
        noise_c = louder * place.noises(f"temperature {key}", first, len(times))
        noise_rh = louder * place.noises(f"humidity {key}", first, len(times))
        body_c, rise_k = place.temperatures_c(times), self._heater.rise_k(times)
        temperature_c = body_c + rise_k + self._offset_c + measurement.noise_c * noise_c
        humidity_rh = place.humidities_rh(times) * _dried(body_c, rise_k)
        error_rh = self._offset_rh + aged(place, self._ageing_rh, 5.0, times)
        humidity_rh = humidity_rh + humidity_errors(humidity_rh, error_rh)
        humidity_rh = humidity_rh + measurement.noise_rh * noise_rh
        stuck = during(place, "stuck", times)
        return (
            np.where(stuck, 0x6666, _word((temperature_c + 45.0) / 175.0)),
            np.where(stuck, 0x8000, _word(humidity_rh / 100.0)),
        )


def _dried(body_c: Floats, rise_k: Floats) -> Floats:
    """Return the share of its relative humidity that air has after it was warmed (Magnus)."""

    def exponent(c: Floats) -> Floats:
        return np.asarray(17.62 * c / (243.12 + c))

    return np.asarray(np.exp(exponent(body_c) - exponent(body_c + rise_k)))


def _word(share: Floats) -> npt.NDArray[np.int64]:
    return np.clip(np.rint(share * 65535), 0, 65535).astype(np.int64)


def _framed(words: bytes) -> bytes:
    """Return words, each with its checksum behind it."""
    pairs = [words[start : start + 2] for start in range(0, len(words), 2)]
    return b"".join(word + bytes([_checksum(word)]) for word in pairs)


def _checksum(word: bytes) -> int:
    """Sensirion: x8 + x5 + x4 + 1 from all ones, bit by bit."""
    rest = 0xFF
    for byte in word:
        rest ^= byte
        for _ in range(8):
            rest = (rest << 1 ^ 0x131) if rest & 0x80 else rest << 1
    return rest
