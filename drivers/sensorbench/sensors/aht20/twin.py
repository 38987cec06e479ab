"""A simulated AHT20 on an I2C bus.

Sources: Aosong AHT20 data sheet 1.0, sections 5 and 7, tables 1 and 2; what lots do with 0xE1:
adafruit/Adafruit_CircuitPython_AHTx0 issue 17 and adafruit/Adafruit_AHTX0 issue 19. Supply and
currents are recalled; times of a unit within the sheet's longest ones are estimates, and so is that
all is zero before the first measurement (a failed read is: enjoyneering/AHT10 issue 2).

- It acknowledges every command, and answers a read with its status, the last result and their CRC.
- Not modelled: the sensor's own lag in humidity (63 % in 8 s), drift by wet air, and the
  calibration registers of later sheets (0x1B, 0x1C, 0x1E). `beyond` lists what was sent of those,
  commands nobody knows, and measurements asked for while one runs.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import ClassVar

from sensorbench.core.errors import NotAcknowledged
from sensorbench.sensors.simulated import PowerOnReset, humidity_error, screened
from sensorbench.world.conversions import Conversions, reached
from sensorbench.world.world import Place

_MEASURE, _INITIALISE, _RESET, _STATUS, _OF_AHT10 = 0xAC, 0xBE, 0xBA, 0x71, 0xE1
_POWER_UP_S, _RESET_S, _MEASURING_S = (0.040, 0.100), (0.010, 0.020), (0.070, 0.080)
_NOISE_RH, _NOISE_C = 0.1 / 3, 0.1 / 3  # repeatability is three of it
_STUCK = bytes.fromhex("8000060000")  # 50 %RH, 25 degC
_NOTHING = bytes(5)
_MEASURING_A, _IDLE_A = 980e-6, 0.25e-6


class SimAht20:
    """One part at a place in the world, with its own offsets, noise and speed.

    `calibrated` says whether it is by itself when its supply comes (lots from 2021 on) or wants
    0xBE first. `on_e1` is what its lot does with the AHT10's command for that: it "refuses" it,
    "skips" the next transfer after it, or "takes" it.
    """

    FAULTS: ClassVar[tuple[str, ...]] = ("drift", "stuck", "noise", "crc", "silent")
    COMMANDS: ClassVar[Mapping[str, str]] = {
        "ac 33 00": "measures",
        "ba": "resets",
        "be 08 00": "is calibrated from then on",
        "71": "nothing: the status is the first byte of every answer",
        "e1 08 00": "what `on_e1` says",
    }

    def __init__(self, place: Place, *, calibrated: bool = True, on_e1: str = "refuses") -> None:
        if on_e1 not in {"refuses", "skips", "takes"}:
            raise ValueError(f'on_e1 is "refuses", "skips" or "takes", not {on_e1!r}')
        self.beyond = place.beyond
        self._place = place
        self._clock = place.clock
        self._comes_calibrated, self._on_e1 = calibrated, on_e1
        self._offset_rh = screened(place, "humidity offset", 0.7)
        self._offset_c = screened(place, "temperature offset", 0.1)
        self._ageing_rh = screened(place, "ageing", 0.4)
        self._slowness = place.stream("unit slowness").uniform()
        self._power = PowerOnReset(place, 1.8, self._power_on, self._refresh)
        self._reset(-math.inf)

    def supply_current_a(self) -> float:
        """Return the current it draws: measuring or idle."""
        if not self._power.is_on():
            return 0.0
        self._refresh()
        return _MEASURING_A if self._measures else _IDLE_A

    # -- the bus ---------------------------------------------------------------------------

    def receive(self, data: bytes) -> None:
        self._answer()
        if not data:
            return
        command, calibrates = data[0], data[1:] == b"\x08\x00"
        if command == _RESET and len(data) == 1:
            self._reset(self._clock.now() + self._between(_RESET_S))
        elif command == _MEASURE and data[1:] == b"\x33\x00" and not self._measures:
            lasts_s = self._between(_MEASURING_S)
            self._conversions = Conversions(self._clock.now(), lasts_s)
        elif command == _OF_AHT10 and self._on_e1 == "refuses":
            raise NotAcknowledged(f"part {self._place.serial} is no AHT10")
        elif command == _OF_AHT10 and self._on_e1 == "skips":
            self._skips = True
        elif command in (_INITIALISE, _OF_AHT10) and calibrates:
            self._calibrated = True
        elif data != bytes([_STATUS]):
            self.beyond.note(f"write {data.hex()}{' while it measures' * self._measures}")

    def send(self, length: int) -> bytes:
        self._answer()
        status = 0x10 | self._calibrated << 3 | self._measures << 7
        answer = bytes([status]) + self._data
        answer += bytes([_checksum(answer) ^ (0x10 if self._is_damaged else 0)])
        return answer[:length].ljust(length, b"\xff")  # beyond its end nobody pulls the line

    def _answer(self) -> None:
        self._power.check()
        if self._place.fault() == "silent":
            raise NotAcknowledged(f"part {self._place.serial} is silent")
        if not reached(self._clock.now(), self._awake_s):
            raise NotAcknowledged(f"part {self._place.serial} starts")
        self._refresh()
        if self._skips:
            self._skips = False
            raise NotAcknowledged(f"part {self._place.serial} was sent a command of another part")

    def _power_on(self) -> None:
        self._reset(self._power.since_s + self._between(_POWER_UP_S))

    def _reset(self, awake_s: float) -> None:
        self._awake_s = awake_s
        self._conversions = Conversions()
        self._calibrated = self._comes_calibrated
        self._data, self._is_damaged, self._skips = _NOTHING, False, False

    @property
    def _measures(self) -> bool:
        return self._conversions.go_on

    def _between(self, times_s: tuple[float, float]) -> float:
        return times_s[0] + (times_s[1] - times_s[0]) * self._slowness

    # -- physics ---------------------------------------------------------------------------

    def _refresh(self) -> None:
        """Take the measurement that has ended by now."""
        if not self._conversions.due(self._clock.now()):
            return
        ended_s = self._conversions.take()
        place, fault, counter = self._place, self._place.fault(ended_s), round(ended_s * 1e6)
        louder = 50.0 if fault == "noise" else 1.0
        temperature_c = place.temperature_c(ended_s) + self._offset_c
        temperature_c += louder * _NOISE_C * place.stream("temperature noise").normal(counter)
        ageing_rh = math.copysign(5.0, self._ageing_rh) if fault == "drift" else self._ageing_rh
        humidity_rh = place.humidity_rh(ended_s)
        aged_rh = ageing_rh * math.sqrt(place.stress_h(ended_s) / 1000)
        humidity_rh += humidity_error(humidity_rh, self._offset_rh + aged_rh)
        humidity_rh += louder * _NOISE_RH * place.stream("humidity noise").normal(counter)
        words = _word(humidity_rh / 100.0) << 20 | _word((temperature_c + 50.0) / 200.0)
        self._data = _STUCK if fault == "stuck" else words.to_bytes(5, "big")
        self._is_damaged = fault == "crc"


def _word(share: float) -> int:
    return max(0, min(0xFFFFF, round(share * 0x100000)))


def _checksum(data: bytes) -> int:
    """Section 7.4: x8 + x5 + x4 + 1 from all ones, bit by bit."""
    rest = 0xFF
    for byte in data:
        rest ^= byte
        for _ in range(8):
            rest = (rest << 1 ^ 0x131) if rest & 0x80 else rest << 1
    return rest
