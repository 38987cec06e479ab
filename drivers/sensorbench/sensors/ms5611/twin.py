"""A simulated MS5611 on an I2C bus. Source: TE MS5611-01BA03 datasheet, formulas inverted."""

from __future__ import annotations

import math
import struct
from enum import Enum

from sensorbench.core.errors import NotAcknowledged
from sensorbench.sensors.simulated import PowerOnReset, screened
from sensorbench.world.world import Place

# By oversampling 256 to 4096: longest conversion time in ms, noise in Pa and in degC (datasheet,
# sensor performances; noise of temperature recalled).
_RATES = (
    (0.60, 6.5, 0.012), (1.17, 4.2, 0.008), (2.28, 2.7, 0.005), (4.54, 1.8, 0.003),
    (9.04, 1.2, 0.002),
)  # fmt: skip
_SHORTEST = 7.40 / 9.04  # of the longest conversion time
_RESET_S = 0.0028
# The coefficients of the datasheet's example, and how far those of other parts lie around them.
_COEFFICIENTS = (40127, 36924, 23317, 23282, 33464, 28312)
_SPREAD = (1000, 1000, 400, 400, 300, 200)


class Fault(Enum):
    """What can be wrong with a simulated part."""

    NONE = "none"
    DRIFT = "drift"
    STUCK = "stuck"
    NOISE = "noise"
    CRC = "crc"  # a bit of the PROM has flipped
    MEMORY = "memory"  # the PROM is blank
    SILENT = "silent"


def counts(
    coefficients: tuple[int, ...], pressure_pa: float, temperature_c: float
) -> tuple[float, float]:
    """Return the counts D1, D2 that the datasheet's formula turns into these values."""
    c1, c2, c3, c4, c5, c6 = coefficients
    above_20 = 100.0 * temperature_c - 2000.0
    gain = c6 / 2.0**23
    # Below 20 degC: above_20 = gain d - d2 / 2^31, solved for d.
    bend = above_20 / 2.0**29 if above_20 < 0 else 0.0
    d = 2.0 * above_20 / (gain + math.sqrt(gain * gain - bend))
    first_order = gain * d
    offset = c2 * 65536.0 + c4 * d / 128.0
    sensitivity = c1 * 32768.0 + c3 * d / 256.0
    if first_order < 0:
        cold = max(0.0, -3500.0 - first_order) ** 2
        offset -= 2.5 * first_order**2 + 7.0 * cold
        sensitivity -= 1.25 * first_order**2 + 5.5 * cold
    return (pressure_pa * 32768.0 + offset) * 2097152.0 / sensitivity, c5 * 256.0 + d


class SimMs5611:
    """One part at a place in the world, with its own coefficients, offsets and noise.

    Strict where the datasheet promises nothing: before the first reset the PROM reads 0.
    """

    def __init__(self, place: Place, fault: Fault | str = Fault.NONE) -> None:
        self.fault = Fault(fault)
        self._place = place
        self._clock = place.clock
        self._power = PowerOnReset(place, 1.8, self._power_on)
        self._coefficients = tuple(
            nominal + round(spread * place.unit(f"coefficient {index}"))
            for index, (nominal, spread) in enumerate(zip(_COEFFICIENTS, _SPREAD, strict=True))
        )
        self._prom = self._program()
        self._offset_pa = screened(place, "offset", 45.0)
        self._offset_pa_per_k = screened(place, "offset t", 0.4)
        self._offset_c = screened(place, "temperature offset", 0.25)
        self._ageing_pa = screened(place, "ageing", 20.0)
        if self.fault is Fault.DRIFT:
            self._ageing_pa = math.copysign(500.0, self._ageing_pa)
        slowness = place.stream("unit slowness").uniform()
        self._speed = _SHORTEST + (1.0 - _SHORTEST) * slowness

    # -- the bus ---------------------------------------------------------------------------

    def receive(self, data: bytes) -> None:
        self._answer()
        for command in data:
            self._command(command)

    def send(self, length: int) -> bytes:
        self._answer()
        if length > len(self._reply):
            raise NotImplementedError(f"a read of {length} bytes here is not modelled")
        return self._reply[:length]

    def _answer(self) -> None:
        self._power.check()
        if self.fault is Fault.SILENT:
            raise NotAcknowledged(f"part {self._place.serial} is silent")
        if self._clock.now() < self._awake_at_s - 1e-9:
            raise NotAcknowledged(f"part {self._place.serial} is loading its PROM")

    def _power_on(self) -> None:
        self._reply = b""
        self._loaded = bytes(16)
        self._awake_at_s = -math.inf
        self._conversion: tuple[float, int, int] | None = None  # end, D1 or D2, oversampling

    def _command(self, command: int) -> None:
        now_s = self._clock.now()
        self._reply = b""
        if command == 0x1E:
            self._power_on()
            self._loaded = self._prom
            self._awake_at_s = now_s + _RESET_S
        elif command == 0x00:
            self._reply = self._result(now_s).to_bytes(3, "big")
        elif command & 0xF1 == 0xA0:
            start = command & 0x0E
            self._reply = self._loaded[start : start + 2]
        elif command & 0xE1 == 0x40 and command & 0x0E <= 8:
            rate = (command & 0x0E) >> 1
            ends_s = now_s + _RATES[rate][0] * 1e-3 * self._speed
            self._conversion = (ends_s, command >> 4 & 1, rate)
        else:
            raise NotAcknowledged(f"MS5611 command {command:#04x} is unknown")

    # -- physics ---------------------------------------------------------------------------

    def _result(self, now_s: float) -> int:
        """Return the counts of the conversion, once; 0 if there is none, or it was cut short."""
        conversion, self._conversion = self._conversion, None
        if conversion is None or now_s < conversion[0] - 1e-9:
            return 0
        if self.fault is Fault.STUCK:
            return 0x7FFFFF
        ended_s, which, rate = conversion
        counter = round(ended_s * 1e6)
        _, noise_pa, noise_c = _RATES[rate]
        body_c = self._place.temperature_c() + self._offset_c
        if which:
            noise_c *= self._place.stream("temperature noise").normal(counter)
            found = counts(self._coefficients, 0.0, body_c + noise_c)[1]
        else:
            if self.fault is Fault.NOISE:
                noise_pa *= 50.0
            pressure_pa = self._place.pressure_pa() + self._offset_pa
            pressure_pa += self._offset_pa_per_k * (body_c - 25.0)
            pressure_pa += self._ageing_pa * math.sqrt(self._place.stress_h() / 1000)
            pressure_pa += noise_pa * self._place.stream("pressure noise").normal(counter)
            found = counts(self._coefficients, pressure_pa, body_c)[0]
        return max(1, min(0xFFFFFF, round(found)))

    def _program(self) -> bytes:
        """Return the PROM as the factory wrote it: a lot word, C1 to C6, a number and the CRC."""
        if self.fault is Fault.MEMORY:
            return bytes(16)
        number = int(self._place.stream("unit number").uniform() * 4096)
        words = bytearray(struct.pack(">8H", 0x0042, *self._coefficients, number << 4))
        words[15] |= _crc4(words)
        if self.fault is Fault.CRC:
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
