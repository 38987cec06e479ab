"""A simulated MS5611 on an I2C bus. Source: TE MS5611-01BA03 datasheet, formulas inverted."""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass
from typing import ClassVar

from sensorbench.core.errors import NotAcknowledged
from sensorbench.sensors.simulated import PowerOnReset, screened
from sensorbench.world.conversions import reached
from sensorbench.world.world import Place

# By oversampling 256 to 4096: longest conversion time in ms, noise in Pa and in degC (datasheet,
# sensor performances; noise of temperature recalled).
_RATES = (
    (0.60, 6.5, 0.012), (1.17, 4.2, 0.008), (2.28, 2.7, 0.005), (4.54, 1.8, 0.003),
    (9.04, 1.2, 0.002),
)  # fmt: skip
_SHORTEST = 7.40 / 9.04  # of the longest conversion time
_RESET_S = 0.0028
_SUPPLY_A, _IDLE_A = 1.4e-3, 0.02e-6  # converting and not (recalled)
# How far the coefficients of other parts lie around those of the datasheet's example.
_SPREAD = (1000, 1000, 400, 400, 300, 200)


@dataclass(frozen=True, slots=True)
class _Kind:
    """A part of the family: the worked example's coefficients, how they are weighed."""

    coefficients: tuple[int, ...]
    offset: float  # of C2
    offset_slope: float  # of C4
    gain: float  # of C1
    gain_slope: float  # of C3
    cold: tuple[float, float]  # of offset and gain below 20 degC
    colder: tuple[float, float]  # below -15 degC


_KINDS = {
    "MS5611": _Kind(
        (40127, 36924, 23317, 23282, 33464, 28312),
        65536.0, 1 / 128, 32768.0, 1 / 256, (2.5, 1.25), (7.0, 5.5),
    ),
    "MS5607": _Kind(
        (46372, 43981, 29059, 27842, 31553, 28165),
        131072.0, 1 / 64, 65536.0, 1 / 128, (61 / 16, 2.0), (15.0, 8.0),
    ),
}  # fmt: skip


def counts(
    coefficients: tuple[int, ...], pressure_pa: float, temperature_c: float, kind: str = "MS5611"
) -> tuple[float, float]:
    """Return the counts D1, D2 that the datasheet's formula turns into these values."""
    c1, c2, c3, c4, c5, c6 = coefficients
    weight = _KINDS[kind]
    above_20 = 100.0 * temperature_c - 2000.0
    gain = c6 / 2.0**23
    # Below 20 degC: above_20 = gain d - d2 / 2^31, solved for d.
    bend = above_20 / 2.0**29 if above_20 < 0 else 0.0
    d = 2.0 * above_20 / (gain + math.sqrt(gain * gain - bend))
    first_order = gain * d
    offset = c2 * weight.offset + c4 * d * weight.offset_slope
    sensitivity = c1 * weight.gain + c3 * d * weight.gain_slope
    if first_order < 0:
        cold = max(0.0, -3500.0 - first_order) ** 2
        offset -= weight.cold[0] * first_order**2 + weight.colder[0] * cold
        sensitivity -= weight.cold[1] * first_order**2 + weight.colder[1] * cold
    return (pressure_pa * 32768.0 + offset) * 2097152.0 / sensitivity, c5 * 256.0 + d


class SimMs5611:
    """One part at a place in the world, with its own coefficients, offsets and noise.

    Strict where the datasheet promises nothing: before the first reset the PROM reads 0. `beyond`
    has reads of more than the last command gives, and of that twice, and conversions that are
    started while another runs. What it is sent while it loads its PROM is not acknowledged. `kind`
    is the part of the family in the socket.
    """

    FAULTS: ClassVar[tuple[str, ...]] = ("drift", "stuck", "noise", "crc", "memory", "silent")

    def __init__(self, place: Place, *, kind: str = "MS5611") -> None:
        self.beyond = place.beyond
        self._reply = b""
        self._kind = kind
        self._place = place
        self._clock = place.clock
        self._power = PowerOnReset(place, 1.7, self._power_on, self._finish)
        self._coefficients = tuple(
            nominal + round(spread * place.unit(f"coefficient {index}"))
            for index, (nominal, spread) in enumerate(
                zip(_KINDS[kind].coefficients, _SPREAD, strict=True)
            )
        )
        self._offset_pa = screened(place, "offset", 45.0)
        self._offset_pa_per_k = screened(place, "offset t", 0.4)
        self._offset_c = screened(place, "temperature offset", 0.25)
        self._ageing_pa = screened(place, "ageing", 20.0)
        slowness = place.stream("unit slowness").uniform()
        self._speed = _SHORTEST + (1.0 - _SHORTEST) * slowness

    def supply_current_a(self) -> float:
        """Return the current it draws: converting, or idle."""
        if not self._power.is_on():
            return 0.0
        self._finish()
        return _SUPPLY_A if self._conversion else _IDLE_A

    # -- the bus ---------------------------------------------------------------------------

    def receive(self, data: bytes) -> None:
        self._answer()
        for command in data:
            self._command(command)

    def send(self, length: int) -> bytes:
        self._answer()
        reply, self._reply = self._reply, b""
        if length > len(reply):
            self.beyond.note(f"read {length} bytes of {len(reply)}")
        return reply[:length].ljust(length, b"\x00")

    def _answer(self) -> None:
        self._power.check()
        if self._place.fault() == "silent":
            raise NotAcknowledged(f"part {self._place.serial} is silent")
        if not reached(self._clock.now(), self._awake_at_s):
            raise NotAcknowledged(f"part {self._place.serial} is loading its PROM")

    def _power_on(self) -> None:
        self._reply = b""
        self._loaded = bytes(16)
        self._awake_at_s = -math.inf
        self._conversion: tuple[float, int, int] | None = None  # end, D1 or D2, oversampling
        self._result: int | None = None

    def _command(self, command: int) -> None:
        self._finish()
        now_s = self._clock.now()
        self._reply = b""
        if command == 0x1E:
            self._power_on()
            self._loaded = self._program()
            self._awake_at_s = now_s + _RESET_S
        elif command == 0x00:
            self._reply = self._take().to_bytes(3, "big")
        elif command & 0xF1 == 0xA0:
            start = command & 0x0E
            self._reply = self._loaded[start : start + 2]
        elif command & 0xE1 == 0x40 and command & 0x0E <= 8:
            if self._conversion:
                self.beyond.note(f"convert {command:#04x} during a conversion")
            rate = (command & 0x0E) >> 1
            ends_s = now_s + _RATES[rate][0] * 1e-3 * self._speed
            self._conversion, self._result = (ends_s, command >> 4 & 1, rate), None
        else:
            raise NotAcknowledged(f"MS5611 command {command:#04x} is unknown")

    # -- physics ---------------------------------------------------------------------------

    def _take(self) -> int:
        """Return the counts of the conversion, once; 0 if there is none, or it was cut short."""
        found, self._result, self._conversion = self._result, None, None
        return found or 0

    def _finish(self) -> None:
        """Put the result down of a conversion that has ended by now."""
        if self._conversion and reached(self._clock.now(), self._conversion[0]):
            self._result = self._convert(*self._conversion)
            self._conversion = None

    def _convert(self, ended_s: float, which: int, rate: int) -> int:
        place, fault = self._place, self._place.fault(ended_s)
        if fault == "stuck":
            return 0x7FFFFF
        counter = round(ended_s * 1e6)
        _, noise_pa, noise_c = _RATES[rate]
        body_c = place.temperature_c(ended_s) + self._offset_c
        if which:
            noise_c *= place.stream("temperature noise").normal(counter)
            found = counts(self._coefficients, 0.0, body_c + noise_c, self._kind)[1]
        else:
            noise_pa *= 50.0 if fault == "noise" else 1.0
            ageing_pa = self._ageing_pa
            if fault == "drift":
                ageing_pa = math.copysign(500.0, ageing_pa)
            pressure_pa = place.pressure_pa(at_s=ended_s) + self._offset_pa
            pressure_pa += self._offset_pa_per_k * (body_c - 25.0)
            pressure_pa += ageing_pa * math.sqrt(place.stress_h(ended_s) / 1000)
            pressure_pa += noise_pa * place.stream("pressure noise").normal(counter)
            found = counts(self._coefficients, pressure_pa, body_c, self._kind)[0]
        return max(1, min(0xFFFFFF, round(found)))

    def _program(self) -> bytes:
        """Return the PROM as the factory wrote it: a lot word, C1 to C6, a number and the CRC."""
        if self._place.fault() == "memory":
            return bytes(16)
        number = int(self._place.stream("unit number").uniform() * 4096)
        words = bytearray(struct.pack(">8H", 0x0042, *self._coefficients, number << 4))
        words[15] |= _crc4(words)
        if self._place.fault() == "crc":
            words[6] ^= 0x10
        return bytes(words)


def _crc4(prom: bytes | bytearray) -> int:
    """AN520: the words without their last byte, a byte at a time into the low end."""
    rest = 0
    for byte in (*prom[:15], 0):
        rest ^= byte
        for _ in range(8):
            rest = (rest << 1) ^ (0x13000 if rest & 0x8000 else 0)
    return rest >> 12
