"""A simulated SGP2 on an I2C bus, written from docs/devices/sgp2.md and from nothing else."""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from sensorbench.core.errors import NotAcknowledged
from sensorbench.core.quantity import components
from sensorbench.sensors.simulated import PowerOnReset, screened
from sensorbench.world.conversions import Conversions, reached
from sensorbench.world.world import Place

_FULL_SCALE_PA = 100e3
_RESET_BELOW_V = 2.4
_START_UP_S = 0.005
_AVERAGES = {0x01: 1, 0x11: 4, 0x21: 16}
_RESET = 0xB6
_READY, _CONVERTING, _CLIPPED, _FRESH = 0x01, 0x02, (0x04, 0x08), 0x80
_CLIP_PA = (-15e3, 115e3)
_TRIM_C = 25.0
_PORTS = ("front", "back")
_PROOF = 3.5  # of full scale
_LOOKS = 512


@dataclass(frozen=True, slots=True)
class _Membrane:
    """One unit's own side: errors in Pa and per kelvin, and what it stands, in Pa."""

    port: str
    offset_pa: float
    gain: float
    offset_pa_per_k: float
    gain_per_k: float
    hysteresis_pa: float
    ageing_pa: float
    yield_pa: float
    bent_pa: float
    burst_pa: float
    torn_pa: float

    @classmethod
    def of(cls, place: Place, port: str) -> _Membrane:
        def own(name: str, sigma: float) -> float:
            return screened(place, f"{port} {name}", sigma)

        side = math.copysign(1.0, own("torn side", 1.0))
        return cls(
            port=port,
            offset_pa=own("offset", 50.0),
            gain=1.0 + own("gain", 5e-4),
            offset_pa_per_k=own("offset per kelvin", 0.3),
            gain_per_k=own("gain per kelvin", 3e-6),
            hysteresis_pa=10.0 * (1 + own("hysteresis", 0.2)),
            ageing_pa=own("ageing", 30.0),
            yield_pa=(4.5 + own("yield", 0.25)) * _FULL_SCALE_PA,
            bent_pa=own("bent", 30.0),
            burst_pa=(7.0 + own("burst", 0.3)) * _FULL_SCALE_PA,
            torn_pa=side * (0.06 + 0.02 * abs(own("torn", 1.0))) * _FULL_SCALE_PA,
        )


class SimSgp2:
    """One part at a place in the world. What its membranes went through stays with it for ever."""

    FAULTS: ClassVar[tuple[str, ...]] = ("drift", "stuck", "noise", "crc", "identity", "silent")

    def __init__(self, place: Place) -> None:
        self._place = place
        self._clock = place.clock
        self._registers = bytearray(0x11)
        self._registers[0:6] = struct.pack(">BBI", 0x6E, 0x10, int(place.serial))
        self._pointer = 0
        self._conversions = Conversions()
        self._awake_at_s = -math.inf
        self._averages = 16
        self._membranes = tuple(_Membrane.of(place, port) for port in _PORTS)
        self._thermometer_c = screened(place, "thermometer", 0.25)
        self._felt_s = self._clock.now()
        # The power comes first: a conversion ends before its membranes feel what came after it.
        self._power = PowerOnReset(place, _RESET_BELOW_V, self._supplied, self._refresh)
        place.listen(self._feel_until_now)

    def supply_current_a(self) -> float:
        """Return the current it draws: converting, or asleep."""
        if not self._power.is_on():
            return 0.0
        self._refresh()
        return 1.2e-3 if self._conversions.go_on else 3e-6

    # -- the bus ---------------------------------------------------------------------------

    def receive(self, data: bytes) -> None:
        now_s = self._wake()
        if not data:
            return
        self._pointer = data[0]
        if len(data) > 1:
            self._write(data, now_s)

    def send(self, length: int) -> bytes:
        self._wake()
        self._refresh()
        start, end = self._pointer, self._pointer + length
        found = bytes(self._registers[start:end]).ljust(length, b"\x00")
        if start <= 0x10 < end:
            self._registers[0x07] &= ~_READY
        self._pointer = min(end, 0xFF)
        if start == 0 and length and self._place.fault() == "identity":
            found = b"\x6d" + found[1:]
        return found

    def _wake(self) -> float:
        """Return the time. Raises NotAcknowledged in reset, at start-up and when silent."""
        self._power.check()
        now_s = self._clock.now()
        if self._place.fault() == "silent":
            raise NotAcknowledged(f"SGP2 {self._place.serial} is silent")
        if not reached(now_s, self._awake_at_s):
            raise NotAcknowledged(f"SGP2 {self._place.serial} is starting up")
        return now_s

    def _write(self, data: bytes, now_s: float) -> None:
        if len(data) != 2 or data[0] != 0x06:
            raise NotAcknowledged(f"SGP2: {data[1:].hex()} can't be written to {data[0]:#04x}")
        self._refresh()  # what has ended by now stays
        if data[1] == _RESET:
            self._power_on(now_s + _START_UP_S)
            return
        if data[1] not in _AVERAGES:
            raise NotAcknowledged(f"SGP2 CTRL value {data[1]:#04x} is none")
        self._averages = _AVERAGES[data[1]]
        self._conversions = Conversions(now_s, 0.001 + 0.0005 * self._averages)
        self._registers[0x07] = self._registers[0x07] & ~_FRESH | _CONVERTING

    def _supplied(self) -> None:
        self._power_on(self._power.since_s + _START_UP_S)

    def _power_on(self, awake_at_s: float) -> None:
        self._registers[0x07:0x11] = bytes([_FRESH, *bytes(9)])
        self._sign()
        self._conversions, self._awake_at_s = Conversions(), awake_at_s

    def _sign(self) -> None:
        crc = _crc(self._registers[0x07:0x10])
        self._registers[0x10] = crc ^ 0x01 if self._place.fault() == "crc" else crc

    # -- conversions -----------------------------------------------------------------------

    def _refresh(self) -> None:
        """Latch a conversion that has ended by now; STATUS is in the CRC, so that is made anew."""
        if self._conversions.due(self._clock.now()):
            self._latch(self._conversions.take())
        self._sign()

    def _latch(self, ended_s: float) -> None:
        self._feel(ended_s)
        status = self._registers[0x07] & _FRESH | _READY
        data = b""
        stuck = self._place.fault(ended_s) == "stuck"
        for membrane, clipped in zip(self._membranes, _CLIPPED, strict=True):
            pressure_pa = 12_345.0 if stuck else self._converted(membrane, ended_s)
            low_pa, high_pa = _CLIP_PA
            if not low_pa <= pressure_pa <= high_pa:
                status |= clipped
            counts = round(64 * max(low_pa, min(high_pa, pressure_pa)))
            data += (counts & 0xFFFFFF).to_bytes(3, "big")
        self._registers[0x07] = status
        self._registers[0x08:0x10] = data + struct.pack(">h", self._degrees(ended_s))

    def _converted(self, membrane: _Membrane, ended_s: float) -> float:
        place, fault, name = self._place, self._place.fault(ended_s), membrane.port
        warmer = place.temperature_c(ended_s) - _TRIM_C
        louder = 50.0 if fault == "noise" else 1.0
        noise_pa = louder * 12.0 / math.sqrt(self._averages)
        noise_pa *= place.stream(f"{name} noise").normal(round(ended_s * 1e6))
        worst_pa = self._worst_pa(name)
        if worst_pa > membrane.burst_pa:
            return membrane.torn_pa + noise_pa
        gauge_pa = self._gauge_pa(name, ended_s)
        found = gauge_pa * (membrane.gain + membrane.gain_per_k * warmer)
        found += membrane.offset_pa + membrane.offset_pa_per_k * warmer
        side = 1.0 if place.pressure_rising(name, ended_s) else -1.0
        share = min(1.0, max(0.0, gauge_pa / _FULL_SCALE_PA))
        found -= side * membrane.hysteresis_pa * 4 * share * (1 - share)
        aged_pa = math.copysign(2e3, membrane.ageing_pa) if fault == "drift" else membrane.ageing_pa
        found += aged_pa * math.sqrt(place.stress_h(ended_s) / 1000)
        if worst_pa > membrane.yield_pa:
            found += membrane.bent_pa
        return found + noise_pa

    def _degrees(self, ended_s: float) -> int:
        noise_c = 0.01 * self._place.stream("temperature noise").normal(round(ended_s * 1e6))
        found_c = self._place.temperature_c(ended_s) + self._thermometer_c + noise_c
        if self._place.fault(ended_s) == "stuck":
            found_c = 25.0
        return max(-0x8000, min(0x7FFF, round(128 * found_c)))

    # -- what the membranes go through -----------------------------------------------------

    def _gauge_pa(self, port: str, at_s: float) -> float:
        """Return the pressure at a port above ambient."""
        ambient_pa = components(self._place.world.ambient_of("pressure"))[0]
        return self._place.pressure_pa(port, at_s) - ambient_pa

    def _worst_pa(self, port: str) -> float:
        """Return the highest pressure that a port ever saw, 0 where it never left proof."""
        return float(self._place.recall(f"worst {port}") or 0.0)

    def _feel_until_now(self) -> None:
        self._feel(self._clock.now())

    def _feel(self, until_s: float) -> None:
        """Remember the highest pressure since the last look."""
        since_s, self._felt_s = self._felt_s, max(self._felt_s, until_s)
        if until_s <= since_s:
            return
        for port in _PORTS:
            highest_pa = self._highest_pa(port, since_s, until_s)
            if highest_pa > max(_PROOF * _FULL_SCALE_PA, self._worst_pa(port)):
                self._place.remember(f"worst {port}", repr(highest_pa))

    def _highest_pa(self, port: str, since_s: float, until_s: float) -> float:
        """Return the highest pressure between two times with the same field.

        What moves to a target has its highest value at one of the ends; what swings is looked at
        many times, closer at first, so that no period can hide.
        """
        ends_pa = (self._gauge_pa(port, since_s), self._gauge_pa(port, until_s))
        field = self._place.zone.field(f"pressure.{port}")
        if field.still_from(since_s) < math.inf:
            return max(ends_pa)
        times = since_s + np.geomspace(1e-3, max(until_s - since_s, 2e-3), _LOOKS)
        seen_pa = field.sample(times[times <= until_s])
        ambient_pa = components(self._place.world.ambient_of("pressure"))[0]
        return max(*ends_pa, float(np.max(seen_pa, initial=0.0)) - ambient_pa)


def _crc(data: bytes | bytearray) -> int:
    rest = 0xFF
    for byte in data:
        rest ^= byte
        for _ in range(8):
            rest = (rest << 1) ^ 0x12F if rest & 0x80 else rest << 1
    return rest
