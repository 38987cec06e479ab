"""A simulated MLX90393 on an I2C bus.

Sources: adafruit/Adafruit_CircuitPython_MLX90393 adafruit_mlx90393.py (commands, registers, digits,
times, the thermometer's reference); tedyapo/arduino-MLX90393 (status bits, time of temperature, no
registers in burst mode: issue 16); Melexis 3901090393 revision 002 (temperature, its linearity),
003 (supply). Noise is recalled. Estimates: offsets, spread of sensitivity, speed and thermometer,
currents, and that a field beyond the range stays at its end.

- Each command is answered by a status; with one that was refused the data are those of before.
- While it measures by itself it refuses all but reading, exit, reset and nop; while it measures
  once, another measurement, and reading before the end. Each measurement is given once.
- What is stored in the memory works, and is counted over power cycles: `memory.stores`.
- Not modelled: what temperature compensation and offsets do (only its format), wake on change (it
  is a burst here), self-test and triggers. `beyond` lists that, and commands nobody knows.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from sensorbench.core.errors import NotAcknowledged
from sensorbench.sensors.mlx90393.twin_memory import CONF1, CONF2, CONF3, WRITABLE, Memory
from sensorbench.sensors.simulated import PowerOnReset, screened
from sensorbench.world.conversions import Conversions, reached
from sensorbench.world.world import Place

_START_BURST, _START_WAKE, _MEASURE, _READ, _READ_WORD, _WRITE_WORD = range(0x10, 0x70, 0x10)
_EXIT, _RECALL, _STORE, _RESET, _NOP = 0x80, 0xD0, 0xE0, 0xF0, 0x00
_BURST, _WAKE, _ONCE, _ERROR, _WAS_RESET, _IDLE_WORDS = 0x80, 0x40, 0x20, 0x10, 0x04, 0x03
_POWER_UP_S, _RESET_S = 1.6e-3, 1.5e-3
_DIGIT_UT = (0.150, 0.150, 0.242)  # at a factor of 1, finest resolution
_DIGIT_UT_OTHER = (0.157, 0.157, 0.253)  # with the other way to spin the plates
_FACTORS = (5.0, 4.0, 3.0, 2.5, 2.0, 5 / 3, 4 / 3, 1.0)
_ADC = 1 << 17  # counts of the finest digit
_NOISE_UT = (0.5, 0.5, 0.8)  # with the strongest filter and most oversampling
_SAMPLE_MS, _START_MS, _TEMPERATURE_MS = 0.064, 0.694, 0.192
_STUCK_UT = (12.0, -12.0, 12.0)
_COUNTS_PER_K, _REFERENCE_C, _REFERENCE = 45.2, 35.0, 46696


class SimMlx90393:
    """One part at a place in the world, with its own offsets, sensitivity, noise and speed."""

    FAULTS: ClassVar[tuple[str, ...]] = ("drift", "stuck", "noise", "identity", "silent")
    COMMANDS: ClassVar[Mapping[str, str]] = {
        "1f": "measures again and again; the low bits say what: z, y, x, temperature",
        "3f": "measures once",
        "4f": "gives what was measured",
        "50 00": "tells a register, whose number comes 4 times as large",
        "60 00 7c 00": "takes a register",
        "80": "stops measuring",
        "d0": "takes the registers from its memory",
        "e0": "stores them there",
        "f0": "resets",
        "00": "nothing",
    }

    def __init__(self, place: Place) -> None:
        self.beyond = place.beyond
        self._place = place
        self._clock = place.clock
        reference = _REFERENCE + round(screened(place, "thermometer reference", 60.0))
        self.memory = Memory(place, reference)
        self._reference = reference
        self._offset_ut = [screened(place, f"offset {axis}", 8.0) for axis in "xyz"]
        self._ageing_ut = [screened(place, f"ageing {axis}", 2.0) for axis in "xyz"]
        self._gain = [1.0 + screened(place, f"gain {axis}", 0.008) for axis in "xyz"]
        self._gain_per_k = [screened(place, f"gain t {axis}", 0.0002) for axis in "xyz"]
        self._linearity = 1.0 + screened(place, "thermometer linearity", 0.01)
        self._speed = 1.0 + screened(place, "speed", 0.02)
        self._power = PowerOnReset(place, 1.9, self._power_on, self._refresh)
        self._reset(-math.inf)

    def supply_current_a(self) -> float:
        """Return the current it draws: measuring, waiting in a burst, idle."""
        if not self._power.is_on():
            return 0.0
        self._refresh()
        if self._conversions.go_on and self._conversions.runs(self._clock.now()):
            return 4.0e-3
        return 43e-6 if self._mode else 2.4e-6

    def _power_on(self) -> None:
        self._reset(self._power.since_s + _POWER_UP_S / self._speed / 1.1)

    def _reset(self, awake_s: float) -> None:
        self._awake_s = awake_s
        self.memory.recall()
        self._mode = 0
        self._was_reset = True
        self._has_new = False
        self._axes = 0
        self._conversions = Conversions()
        self._counts = [0, 0, 0, 0]  # temperature, x, y, z
        self._reply: bytes | None = None

    # -- the bus ---------------------------------------------------------------------------

    def receive(self, data: bytes) -> None:
        self._answer()
        if not data:
            return
        self._refresh()
        command, axes = data[0] & 0xF0, data[0] & 0x0F
        if command in (_START_BURST, _START_WAKE, _MEASURE) and len(data) == 1:
            self._reply = self._status(is_error=not self._measure(command, axes))
        elif command == _READ and len(data) == 1:
            self._reply = self._read(axes)
        elif data[0] == _READ_WORD and len(data) == 2:
            self._reply = self._read_word(data[1] >> 2)
        elif data[0] == _WRITE_WORD and len(data) == 4:
            is_taken = self._write_word(data[3] >> 2, data[1] << 8 | data[2])
            self._reply = self._status(is_error=not is_taken)
        elif data[0] == _NOP and len(data) == 1:
            self._reply = self._status()
        elif data[0] in (_EXIT, _RESET, _RECALL, _STORE) and len(data) == 1:
            self._control(data[0])
        else:
            self.beyond.note(f"command {data.hex()}")
            self._reply = self._status(is_error=True)

    def send(self, length: int) -> bytes:
        self._answer()
        reply = self._status() if self._reply is None else self._reply
        self._reply = None
        self._was_reset = False  # it was told
        return reply[:length].ljust(length, b"\xff")  # beyond its end nobody pulls the line

    def _answer(self) -> None:
        self._power.check()
        if self._place.fault() == "silent":
            raise NotAcknowledged(f"part {self._place.serial} is silent")
        if not reached(self._clock.now(), self._awake_s) and self._reply is None:
            raise NotAcknowledged(f"part {self._place.serial} starts")

    def _status(self, *, words: int = 0, is_error: bool = False) -> bytes:
        """Return the status; where no words follow, their number means nothing, and is not 0."""
        count = (words - 1) & 3 if words else _IDLE_WORDS
        told = self._mode | (_ERROR if is_error else 0)
        return bytes([told | (_WAS_RESET if self._was_reset else 0) | count])

    # -- commands --------------------------------------------------------------------------

    def _control(self, command: int) -> None:
        is_refused = bool(self._mode) and command in (_RECALL, _STORE)
        self._reply = self._status(is_error=is_refused)
        if is_refused:
            return
        if command == _RECALL:
            self.memory.recall()
        elif command == _STORE:
            self.memory.store()
        elif command == _RESET:
            told = self._reply
            self._reset(self._clock.now() + _RESET_S / self._speed / 1.1)
            self._reply = told  # which is still fetched
        else:
            self._mode, self._conversions = 0, Conversions()

    def _measure(self, command: int, axes: int) -> bool:
        if self._mode:
            return False
        memory, now_s = self.memory, self._clock.now()
        if not axes and command == _START_BURST:
            axes = memory.bits(CONF2, 6, 4)
        if command == _START_WAKE:
            self.beyond.note("wake on change")
        self._axes = axes
        lasts_s = self._lasts_s()
        self._has_new = False
        if command == _MEASURE:
            self._mode, self._conversions = _ONCE, Conversions(now_s, lasts_s)
        else:
            self._mode = _BURST if command == _START_BURST else _WAKE
            period_s = max(lasts_s, 0.020 * memory.bits(CONF2, 0, 6) / self._speed)
            self._conversions = Conversions(now_s, lasts_s, period_s)
        return True

    def _lasts_s(self) -> float:
        samples = (2 + (1 << self.memory.bits(CONF3, 2, 3))) << self.memory.bits(CONF3, 0, 2)
        milliseconds = (self._axes >> 1).bit_count() * samples * _SAMPLE_MS + _START_MS
        if self._axes & 1:
            milliseconds += _TEMPERATURE_MS * (1 << self.memory.bits(CONF3, 11, 2))
        return milliseconds * 1e-3 / self._speed

    def _read(self, axes: int) -> bytes:
        asked = [number for number in range(4) if axes >> number & 1]
        is_new, self._has_new = self._has_new, False
        status = self._status(words=len(asked), is_error=not is_new)
        return status + b"".join(self._counts[number].to_bytes(2, "big") for number in asked)

    def _read_word(self, register: int) -> bytes:
        if self._mode in (_BURST, _WAKE):
            return self._status(words=1, is_error=True) + bytes(2)
        word = self.memory.words.get(register, 0)
        if self._place.fault() == "identity":
            word = 0x1234
        return self._status(words=1) + word.to_bytes(2, "big")

    def _write_word(self, register: int, word: int) -> bool:
        if self._mode:
            return False
        if register not in WRITABLE:
            self.beyond.note(f"write {word:#06x} to register {register:#04x}")
            return True
        if register == CONF1 and word & 0x0180:
            self.beyond.note(f"self-test or z series ({word:#06x} to register 0x00)")
        if register == CONF2 and word & 0x0C00:
            self.beyond.note(f"compensation or trigger ({word:#06x} to register 0x01)")
        self.memory.words[register] = word
        return True

    # -- physics ---------------------------------------------------------------------------

    def _refresh(self) -> None:
        """Take the measurements that have ended by now; the last one is kept."""
        due = self._conversions.due(self._clock.now())
        if not due:
            return
        ended_s = self._conversions.take(due)
        if self._mode == _ONCE:
            self._mode = 0
        self._has_new = True
        place, counter = self._place, round(ended_s * 1e6)
        warmer = place.temperature_c(ended_s) - _REFERENCE_C
        louder = 50.0 if place.fault(ended_s) == "noise" else 1.0
        if self._axes & 1:
            noise = louder * place.stream("temperature noise").normal(counter)
            counts = self._reference + _COUNTS_PER_K * self._linearity * warmer + 3.0 * noise
            self._counts[0] = max(0, min(0xFFFF, round(counts)))
        field_ut = place.magnetic_field(np.array([ended_s]))[0]
        for axis in range(3):
            if self._axes & 2 << axis:
                noise = louder * place.stream(f"noise {'xyz'[axis]}").normal(counter)
                found_ut = self._felt_ut(axis, float(field_ut[axis]), warmer, noise, ended_s)
                self._counts[1 + axis] = self._word(axis, found_ut)

    def _felt_ut(
        self, axis: int, true_ut: float, warmer: float, noise: float, at_s: float
    ) -> float:
        fault = self._place.fault(at_s)
        if fault == "stuck":
            return _STUCK_UT[axis]
        found_ut = true_ut * self._gain[axis] * (1.0 + self._gain_per_k[axis] * warmer)
        ageing_ut = self._ageing_ut[axis]
        if fault == "drift":
            ageing_ut = math.copysign(100.0, ageing_ut)
        found_ut += self._offset_ut[axis] + ageing_ut * math.sqrt(self._place.stress_h(at_s) / 1000)
        samples = (2 + (1 << self.memory.bits(CONF3, 2, 3))) << self.memory.bits(CONF3, 0, 2)
        return found_ut + _NOISE_UT[axis] * math.sqrt((2 + 128) * 8 / samples) * noise

    def _word(self, axis: int, found_ut: float) -> int:
        """Return a field as the word of this gain and resolution."""
        digits_ut = _DIGIT_UT if self.memory.bits(CONF1, 0, 4) == 0x0C else _DIGIT_UT_OTHER
        finest = found_ut / (digits_ut[axis] * _FACTORS[self.memory.bits(CONF1, 4, 3)])
        resolution = self.memory.bits(CONF3, 5 + 2 * axis, 2)
        counts = round(max(-_ADC, min(_ADC - 1, finest)) / (1 << resolution))
        if resolution == 3:
            return max(0, min(0x7FFF, counts + 0x4000))
        counts = max(-0x8000, min(0x7FFF, counts))
        is_from_middle = resolution == 2 or self.memory.bits(CONF2, 10, 1)
        return counts + 0x8000 if is_from_middle else counts & 0xFFFF
