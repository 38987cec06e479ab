"""A simulated SCD4x on an I2C bus.

Sources: Sensirion SCD4x data sheets 1.1 and 1.3, tables 9 to 31; variants, defaults and targets of
self-calibration Sensirion/embedded-i2c-scd4x scd4x_i2c.h. Noise, errors, drift and currents are
recalled. Estimates: that periods are 2 % off at most, the heat of the part (4 K in every mode, as
the default offset has it), how far off the first single shot after power-up or sleep is, that CO2
reads in proportion to the pressure over the one that was set.

- While it measures by itself it takes only what the data sheet lists for that; while it executes a
  command that takes long, nothing. A wake-up is never acknowledged.
- What wears the part works, and is counted over power cycles: `memory.wearing_acts`.
- Not modelled: the part's own lag in CO2 (63 % in 60 s), and what the automatic self-calibration
  would correct: `beyond` says that it would have. It also lists commands that nobody knows, and
  single shots and sleep of an SCD40, which does not have them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import ClassVar

from sensorbench.core.errors import NotAcknowledged
from sensorbench.sensors.scd4x.twin_settings import Memory, Settings
from sensorbench.sensors.simulated import (
    PowerOnReset,
    factory_number,
    humidity_error,
    screened,
)
from sensorbench.world.conversions import Conversions, reached
from sensorbench.world.world import Place

_PERIODIC_S = {0x21B1: 5.0, 0x21AC: 30.0}
_SINGLE_S = {0x219D: 5.0, 0x2196: 0.05}
_DURING = frozenset({0xEC05, 0xE4B8, 0x3F86, 0xE000})  # taken while it measures by itself
_NOT_OF_SCD40 = frozenset({0x219D, 0x2196, 0x36E0})
_READ = {
    0x2318: "offset", 0x2322: "altitude_m", 0x2313: "self_calibrates", 0x233F: "target_ppm",
    0x2340: "initial_h", 0x234B: "standard_h",
}  # fmt: skip
_WRITTEN = {
    0x241D: "offset", 0x2427: "altitude_m", 0x2416: "self_calibrates", 0x243A: "target_ppm",
    0x2445: "initial_h", 0x244E: "standard_h",
}  # fmt: skip
_SET_PRESSURE, _RECALIBRATE = 0xE000, 0x362F
_VARIANTS = {"SCD40": 0x0, "SCD41": 0x1, "SCD43": 0x5}
_STRANGER = 0x7
_LONGEST_S = {
    0x3F86: 0.5, 0x3615: 0.8, 0x3639: 10.0, 0x3632: 1.2, 0x3646: 0.030, 0x36F6: 0.030, 0x362F: 0.4,
}  # fmt: skip
_FASTEST, _EXECUTION_S, _POWER_UP_S = 0.8, 1e-3, 0.030
_FIRST_PPM = 80.0  # how far off the first single shot after power-up or sleep is
_OPERATED_S = 180.0  # before a forced recalibration
_HEAT_K = 4.0
_NOISE = (10.0 / 3, 0.4 / 3, 0.1 / 3)  # ppm, %RH, K: repeatability is three of it
_STUCK = (800, 0x6666, 0x8000)
_NOTHING = 0xFFFF


class SimScd4x:
    """One part at a place in the world, with its own offsets, gain, heat, noise and speed.

    `variant` is "SCD40", "SCD41" or "SCD43"; parts of data sheet 1.3 do not tell it, nor the
    pressure that was set: `tells` False.
    """

    FAULTS: ClassVar[tuple[str, ...]] = (
        "drift", "stuck", "noise", "crc", "identity", "self_test", "silent",
    )  # fmt: skip
    COMMANDS: ClassVar[Mapping[str, str]] = {
        "21b1": "measures every 5 s",
        "21ac": "measures every 30 s",
        "219d": "measures once",
        "2196": "measures humidity and temperature once",
        "ec05": "gives the newest measurement, once",
        "e4b8": "tells whether there is one",
        "3f86": "stops measuring",
        "e000": "tells the ambient pressure, or sets it",
        "2318": "tells the temperature offset; 241d sets it",
        "2322": "tells the altitude; 2427 sets it",
        "2313": "tells whether it calibrates itself; 2416 sets that",
        "233f": "tells the target of that; 243a sets it",
        "2340": "tells the first period of that; 2445 sets it",
        "234b": "tells the other periods of that; 244e sets them",
        "362f 01e0 b4": "is recalibrated",
        "3615": "persists the settings",
        "3632": "forgets them, and its calibrations",
        "3646": "loads the settings",
        "3639": "tests itself",
        "3682": "tells its serial number",
        "202f": "tells its variant",
        "36e0": "sleeps",
        "36f6": "wakes up",
    }

    def __init__(self, place: Place, *, variant: str = "SCD41", tells: bool = True) -> None:
        if variant not in _VARIANTS:
            raise ValueError(f"variant is {', '.join(_VARIANTS)}, not {variant!r}")
        self.beyond = place.beyond
        self.memory = Memory(place)
        self._reply: tuple[float, bytes] | None = None
        self._place = place
        self._clock = place.clock
        self._variant, self._tells = variant, tells
        self._offset_ppm = screened(place, "co2 offset", 12.0)
        self._gain = 1.0 + screened(place, "co2 gain", 0.012)
        self._ppm_per_k = screened(place, "co2 t", 0.2)
        self._ageing_ppm = screened(place, "co2 ageing", 6.0)
        self._offset_rh = screened(place, "humidity offset", 1.8)
        self._heat_k = _HEAT_K + screened(place, "heat", 0.25)
        self._speed = 1.0 + screened(place, "period", 0.02 / 3)
        self._slowness = _FASTEST + (1.0 - _FASTEST) * place.stream("unit slowness").uniform()
        self._number = factory_number(place, 6)
        self._power = PowerOnReset(place, 2.25, self._power_on, self._refresh)
        self._boot(-math.inf)

    def _power_on(self) -> None:
        self._boot(self._power.since_s + _POWER_UP_S * self._slowness)

    def _boot(self, awake_s: float) -> None:
        self._busy_until_s = awake_s
        self._sleeps = self._is_periodic = False
        self._has_co2 = self._is_fresh = True
        self._operated_s = 0.0
        self._conversions = Conversions()
        self._data = b""
        self._reply = None
        self._reload()

    def _reload(self) -> None:
        self._settings: Settings = self.memory.load()
        self._pressure_hpa = _pressure_hpa(self._settings.altitude_m)

    def supply_current_a(self) -> float:
        """Return the current it draws on average: by mode, idle, asleep."""
        if not self._power.is_on():
            return 0.0
        self._refresh()
        if self._conversions.go_on:
            return 3.2e-3 if 10.0 < self._conversions.period_s < math.inf else 15e-3
        return 0.5e-6 if self._sleeps else 0.2e-3

    # -- the bus ---------------------------------------------------------------------------

    def receive(self, data: bytes) -> None:
        self._answer(wakes=data == b"\x36\xf6")
        if not data:
            return
        self._reply = None
        if len(data) == 1:
            self.beyond.note(f"half a command {data.hex()}")
            return
        command = int.from_bytes(data[:2], "big")
        if self._is_periodic and command not in _DURING:
            raise NotAcknowledged(f"part {self._place.serial} measures")
        takes_data = command in _WRITTEN or command in (_SET_PRESSURE, _RECALIBRATE)
        if len(data) > 2 and takes_data:
            self._write(command, data[2:])
            return
        self._command(command)
        if len(data) > 2:
            raise NotAcknowledged(f"SCD4x command {command:#06x} takes no data")

    def send(self, length: int) -> bytes:
        self._answer()
        if self._reply is None or not reached(self._clock.now(), self._reply[0]):
            raise NotAcknowledged(f"part {self._place.serial} has nothing to give")
        reply, self._reply = self._reply[1], None
        return reply[:length].ljust(length, b"\xff")  # beyond its end nobody pulls the line

    def _answer(self, wakes: bool = False) -> None:
        self._power.check()
        if self._place.fault() == "silent":
            raise NotAcknowledged(f"part {self._place.serial} is silent")
        if not reached(self._clock.now(), self._busy_until_s):
            raise NotAcknowledged(f"part {self._place.serial} starts, or executes a command")
        self._refresh()
        if self._conversions.go_on and not self._is_periodic:
            raise NotAcknowledged(f"part {self._place.serial} measures once")
        if wakes and self._sleeps:
            self._sleeps, self._is_fresh = False, True
            self._busy(0x36F6)
        if wakes or self._sleeps:
            raise NotAcknowledged(f"part {self._place.serial} sleeps, or wakes up")

    # -- commands --------------------------------------------------------------------------

    def _command(self, command: int) -> None:
        told = self._told(command)
        if self._variant == "SCD40" and command in _NOT_OF_SCD40:
            self.beyond.note(f"command {command:#06x} of an SCD40")
        elif told is not None:
            self._give(_framed(told))
        elif command in _PERIODIC_S or command in _SINGLE_S:
            self._measure(command)
        elif command == 0xEC05:
            if self._data:
                self._give(self._data)
            self._data = b""
        elif command == 0x3F86:
            self._stop()
        elif command == 0x36E0:
            self._sleeps = True
        else:
            self._command_that_takes_long(command)

    def _told(self, command: int) -> bytes | None:
        """Return what it answers to a command that only asks, without checksums; else None."""
        if command in _READ:
            return _word(getattr(self._settings, _READ[command]))
        if command == 0xE4B8:
            return b"\x80\x06" if self._data else b"\x80\x00"
        if command == 0x3682:
            return self._number
        if command == 0xE000 and self._tells:
            return _word(self._pressure_hpa)
        is_stranger = self._place.fault() == "identity"
        if command == 0x202F and (self._tells or is_stranger):
            code = _STRANGER if is_stranger else _VARIANTS[self._variant]
            return bytes([code << 4 | 0x04, 0x40])
        return None

    def _measure(self, command: int) -> None:
        now_s, self._data = self._clock.now(), b""
        self._has_co2, self._is_periodic = command != 0x2196, command in _PERIODIC_S
        if self._is_periodic:
            period_s = _PERIODIC_S[command] * self._speed
            self._conversions = Conversions(now_s, period_s, period_s)
        else:
            self._conversions = Conversions(now_s, _SINGLE_S[command] * self._slowness)

    def _command_that_takes_long(self, command: int) -> None:
        if command not in _LONGEST_S or command == _RECALIBRATE:
            if command in (0xE000, 0x202F):
                raise NotAcknowledged(f"an SCD4x of data sheet 1.3 knows no {command:#06x}")
            self.beyond.note(f"command {command:#06x}")
            return
        self._busy(command)
        if command == 0x3646:
            self._reload()
        elif command == 0x3615:
            self.memory.persist(self._settings)
        elif command == 0x3632:
            self.memory.erase()
            self._reload()
        elif command == 0x3639:
            fault = self._place.fault() == "self_test"
            self._give(_framed(b"\x00\x01" if fault else b"\x00\x00"), self._busy_until_s)

    def _write(self, command: int, data: bytes) -> None:
        if len(data) < 3 or _framed(data[:2]) != data[:3]:
            return  # a word whose checksum is wrong is ignored
        word = int.from_bytes(data[:2], "big")
        if command in _WRITTEN:
            setattr(self._settings, _WRITTEN[command], word)
            if command == 0x2427:
                self._pressure_hpa = _pressure_hpa(word)
        elif command == _SET_PRESSURE:
            self._pressure_hpa = word
        else:
            self._busy(command)
            self._give(_framed(_word(self._recalibrate(word))), self._busy_until_s)
        if len(data) > 3:
            raise NotAcknowledged("an SCD4x takes one word a setting")

    def _recalibrate(self, target_ppm: int) -> int:
        if self._operated_s < _OPERATED_S:
            return _NOTHING
        moved_ppm = target_ppm - round(self._co2_ppm(self._clock.now()))
        self.memory.recalibrate(self.memory.correction_ppm + moved_ppm)
        return 0x8000 + moved_ppm

    def _give(self, reply: bytes, ready_s: float | None = None) -> None:
        soon_s = self._clock.now() + _EXECUTION_S * self._slowness
        self._reply = (soon_s if ready_s is None else ready_s, reply)

    def _busy(self, command: int) -> None:
        self._busy_until_s = self._clock.now() + _LONGEST_S[command] * self._slowness

    def _stop(self) -> None:
        if not self._is_periodic:
            return  # acknowledged, and nothing to do
        self._operated_s = self._clock.now() - self._conversions.began_s
        self._conversions, self._is_periodic = Conversions(), False
        self._busy(0x3F86)

    # -- physics ---------------------------------------------------------------------------

    def _refresh(self) -> None:
        """Take the measurements that have ended by now; the last one is kept."""
        due = self._conversions.due(self._clock.now())
        if not due:
            return
        ended_s = self._conversions.take(due)
        measured_h = (ended_s - self._conversions.began_s) / 3600.0
        if self._settings.self_calibrates and measured_h > self._settings.initial_h:
            self.beyond.note("automatic self-calibration")
        words = self._words(ended_s)
        self._is_fresh = False
        data = _framed(b"".join(map(_word, words)))
        if self._place.fault(ended_s) == "crc":
            data = data[:3] + bytes([data[3] ^ 0x10]) + data[4:]
        self._data = data

    def _words(self, ended_s: float) -> tuple[int, int, int]:
        place, fault, counter = self._place, self._place.fault(ended_s), round(ended_s * 1e6)
        if fault == "stuck":
            return _STUCK
        louder = 50.0 if fault == "noise" else 1.0
        noise = [
            louder * sigma * place.stream(f"{channel} noise").normal(counter)
            for channel, sigma in zip(("co2", "humidity", "temperature"), _NOISE, strict=True)
        ]
        settling_ppm = _FIRST_PPM if self._is_fresh and not self._is_periodic else 0.0
        co2_ppm = self._co2_ppm(ended_s) + settling_ppm + noise[0]
        offset_k = self._settings.offset * 175.0 / 65535
        true_c = place.temperature_c(ended_s)
        found_c = true_c + self._heat_k - offset_k
        # The warmer the part takes the air to be, the drier.
        humidity_rh = place.humidity_rh(ended_s) * _saturation(true_c) / _saturation(found_c)
        humidity_rh += humidity_error(humidity_rh, self._offset_rh) + noise[1]
        temperature = _share((found_c + noise[2] + 45.0) / 175.0)
        co2 = round(max(1.0, min(40_000.0, co2_ppm))) if self._has_co2 else 0
        return co2, temperature, _share(humidity_rh / 100.0)

    def _co2_ppm(self, at_s: float) -> float:
        """Return what it measures of CO2 without noise."""
        place = self._place
        ppm = place.scalar("co2", at_s) * self._gain + self._offset_ppm
        ppm += self._ppm_per_k * (place.temperature_c(at_s) - 25.0)
        ageing = self._ageing_ppm
        if place.fault(at_s) == "drift":
            ageing = math.copysign(150.0, ageing)
        ppm += ageing * math.sqrt(place.stress_h(at_s) / 1000)
        share = place.pressure_pa(at_s=at_s) / (100.0 * max(self._pressure_hpa, 1))
        return ppm * share + self.memory.correction_ppm


def _saturation(temperature_c: float) -> float:
    """Return the vapour pressure of saturated air, up to a factor (Magnus)."""
    return math.exp(17.62 * temperature_c / (243.12 + temperature_c))


def _pressure_hpa(altitude_m: int) -> int:
    """Return the pressure at an altitude in the standard atmosphere (ISO 2533)."""
    return round(1013.25 * math.pow(max(0.0, 1.0 - 2.25577e-5 * altitude_m), 5.25588))


def _share(share: float) -> int:
    return max(0, min(65535, round(share * 65535)))


def _word(word: int) -> bytes:
    return (word & 0xFFFF).to_bytes(2, "big")


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
