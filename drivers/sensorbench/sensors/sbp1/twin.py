"""A simulated SBP1 on an I2C bus, written from docs/devices/sbp1.md and from nothing else."""

from __future__ import annotations

import math
import struct
from typing import ClassVar

from sensorbench.core.errors import NotAcknowledged
from sensorbench.sensors.simulated import PowerOnReset
from sensorbench.world.conversions import Conversions, reached
from sensorbench.world.world import Place

_UNITS_PER_ONE = 1 << 23
_BLANK = b"\xff" * 41
_STEP_S = 0.0005
_NVM_TIME_S = 0.015
_START_UP_S = 0.002
_RESET_BELOW_V = 1.6
_READY, _CONVERTING, _PROGRAMMING, _LOCKED = 1, 2, 4, 8
_BAD_MEMORY, _COMPENSATES, _REFUSED, _FRESH = 16, 32, 64, 128
_UNCOMPENSATED = bytes.fromhex("7fffffff7fff")


class SimSbp1:
    """One part at a place in the world. Its memory outlives a power cycle and the program run.

    Spread, noise, hysteresis and drift are this unit's own, from the place's random streams; the
    sizes are what a piezoresistive bridge of this class shows.
    """

    FAULTS: ClassVar[tuple[str, ...]] = (
        "hysteresis", "drift", "stuck", "noise", "crc", "identity", "silent",
    )  # fmt: skip

    def __init__(self, place: Place) -> None:
        self._place = place
        self._clock = place.clock
        self._registers = bytearray(256)
        self._pointer = 0
        self._conversions = Conversions()
        self._programmed_at_s = -math.inf
        self._awake_at_s = -math.inf
        self._in_use: bytes | None = None  # 39 bytes of coefficients that compensation uses
        number = int(place.serial)
        self._registers[0:6] = struct.pack(">BBI", 0x5B, 0x10, number)
        self._power = PowerOnReset(place, _RESET_BELOW_V, self._supplied, self._refresh)
        self._draw_unit()

    def supply_current_a(self) -> float:
        """Return the current it draws: converting, or asleep."""
        if not self._power.is_on():
            return 0.0
        self._refresh()
        return 450e-6 if self._conversions.go_on else 2e-6

    def _draw_unit(self) -> None:
        unit = self._place.unit
        self._offset = 0.03 * unit("offset")
        self._gain = 0.62 * (1 + 0.04 * unit("gain"))
        self._offset_t = (0.02 * unit("offset t"), 0.005 * unit("offset t2"))
        self._gain_t = (-0.08 * (1 + 0.1 * unit("gain t")), 0.01 * (1 + 0.2 * unit("gain t2")))
        self._bend = (0.006 * (1 + 0.3 * unit("bend")), 0.001 * unit("bend 3"))
        self._thermometer = (0.02 * unit("t0"), 0.6 * (1 + 0.03 * unit("t1")), 0.02)
        self._hysteresis = 1e-4 * (1 + 0.3 * unit("hysteresis"))
        self._ageing = 2e-4 * unit("ageing")

    # -- the bus ---------------------------------------------------------------------------

    def receive(self, data: bytes) -> None:
        now_s = self.wake()
        if not data:
            return
        self._pointer = data[0]
        for value in data[1:]:
            self._write(self._pointer, value, now_s)
            self._pointer = (self._pointer + 1) & 0xFF

    def send(self, length: int) -> bytes:
        self.wake()
        start = self._pointer
        end = start + length
        if start <= 0x14 and end > 0x06:
            self._refresh()
        self._pointer = end & 0xFF
        if end <= 256:
            data = bytes(self._registers[start:end])
        else:
            data = bytes(self._registers[i & 0xFF] for i in range(start, end))
        if start <= 0x14 < end:
            self._registers[0x06] &= ~_READY & 0xFF
        if start == 0 and length and self._place.fault() == "identity":
            data = b"\x58" + data[1:]
        return data

    def wake(self) -> float:
        """Return the time. Raises NotAcknowledged in reset, at start-up and when silent."""
        self._power.check()
        now_s = self._clock.now()
        if self._place.fault() == "silent":
            raise NotAcknowledged(f"SBP1 {self._place.serial} is silent")
        if now_s < self._awake_at_s and not reached(now_s, self._awake_at_s):
            raise NotAcknowledged(f"SBP1 {self._place.serial} is starting up")
        return now_s

    def _supplied(self) -> None:
        self._programmed_at_s = -math.inf
        self._power_on(self._power.since_s + _START_UP_S)

    def _power_on(self, awake_at_s: float) -> None:
        self._registers[0x06] = _FRESH
        self._registers[0x07] = 0
        self._registers[0x08:0x0E] = bytes(6)
        self._registers[0x0E:0x14] = _UNCOMPENSATED
        self._registers[0x14] = crc8(self._registers[0x08:0x14])
        self._conversions = Conversions()
        self._awake_at_s = awake_at_s
        self._recall()

    # -- registers -------------------------------------------------------------------------

    def _write(self, register: int, value: int, now_s: float) -> None:
        self._refresh()  # what has ended by now was done as the part was until now
        if register == 0x07:
            self._start(value, now_s)
        elif 0x20 <= register <= 0x48:
            self._refuse_while_programming(now_s)
            self._registers[register] = value
        elif register == 0x50:
            self._refuse_while_programming(now_s)
            self._command(value, now_s)
        elif register == 0x60:
            if value == 0xB6:
                self._power_on(now_s + _START_UP_S)
        else:
            raise NotAcknowledged(f"SBP1 register {register:#04x} can't be written")

    def _start(self, value: int, now_s: float) -> None:
        mode, code = value & 3, value >> 2
        if mode == 3 or code > 5:
            raise NotAcknowledged(f"SBP1 CTRL value {value:#04x} is reserved")
        self._registers[0x07] = value
        self._registers[0x06] &= ~_FRESH & 0xFF
        lasts_s = _STEP_S * (1 + (1 << code))
        self._conversions = (
            Conversions(now_s, lasts_s, lasts_s if mode == 2 else math.inf)
            if mode
            else Conversions()
        )

    def _refresh(self) -> None:
        """Latch a conversion that has ended by now, and bring STATUS up to date."""
        now_s = self._clock.now()
        status = self._registers[0x06] & ~(_CONVERTING | _PROGRAMMING) & 0xFF
        due = self._conversions.due(now_s)
        if due:
            ended_s = self._conversions.take(due)
            self._latch(ended_s)
            if not self._conversions.go_on:
                self._registers[0x07] &= 0xFC
            status |= _READY
        if self._conversions.go_on:
            status |= _CONVERTING
        if not reached(now_s, self._programmed_at_s):
            status |= _PROGRAMMING
        self._registers[0x06] = status

    def _latch(self, ended_s: float) -> None:
        raw_p, raw_t = self._convert(ended_s)
        data = _s24(raw_p) + _s24(raw_t)
        fault = self._place.fault(ended_s)
        if fault == "stuck":
            data = b"\x12\x34\x56\x00\x12\x34"
            raw_p, raw_t = 0x123456, 0x1234
        data += self._compensate(raw_p, raw_t) if self._in_use else _UNCOMPENSATED
        crc = crc8(data)
        self._registers[0x08:0x15] = data + bytes([crc ^ 0x01 if fault == "crc" else crc])

    # -- physics ---------------------------------------------------------------------------

    def _convert(self, ended_s: float) -> tuple[int, int]:
        place, fault = self._place, self._place.fault(ended_s)
        p = (place.pressure_pa(at_s=ended_s) - 70e3) / 50e3
        x = (place.temperature_c(ended_s) - 42.5) / 82.5
        counter = round(ended_s * 1e6)
        quieter = math.sqrt(1 << (self._registers[0x07] >> 2))
        louder = 50.0 if fault == "noise" else 1.0
        bridge = self._offset + self._offset_t[0] * x + self._offset_t[1] * x * x
        shape = p + self._bend[0] * p * p + self._bend[1] * p**3
        bridge += self._gain * (1 + self._gain_t[0] * x + self._gain_t[1] * x * x) * shape
        side = 1.0 if place.pressure_rising(at_s=ended_s) else -1.0
        wider = 60.0 if fault == "hysteresis" else 1.0
        bridge -= side * wider * self._hysteresis * max(0.0, 1 - p * p)
        ageing = math.copysign(1e-2, self._ageing) if fault == "drift" else self._ageing
        bridge += ageing * math.sqrt(place.stress_h(ended_s) / 1000)
        bridge += 2e-4 / quieter * louder * place.stream("bridge noise").normal(counter)
        t0, t1, t2 = self._thermometer
        thermometer = t0 + t1 * x + t2 * x * x
        thermometer += 1e-4 / quieter * place.stream("thermometer noise").normal(counter)
        return _counts(bridge), _counts(thermometer)

    # -- compensation and memory -----------------------------------------------------------

    def _compensate(self, raw_p: int, raw_t: int) -> bytes:
        assert self._in_use is not None  # noqa: S101 - the caller asked
        words = [
            int.from_bytes(self._in_use[i : i + 3], "big", signed=True) for i in range(0, 39, 3)
        ]
        r2, rt, t2 = raw_p * raw_p >> 23, raw_p * raw_t >> 23, raw_t * raw_t >> 23
        powers = (
            _UNITS_PER_ONE, raw_p, raw_t, r2, rt, t2,
            r2 * raw_p >> 23, r2 * raw_t >> 23, rt * raw_t >> 23, t2 * raw_t >> 23,
        )  # fmt: skip
        c = sum(word * power >> 23 for word, power in zip(words[:10], powers, strict=True))
        d = sum(
            word * power >> 23
            for word, power in zip(words[10:], (_UNITS_PER_ONE, raw_t, t2), strict=True)
        )
        pressure = 70_000 * 16 + (50_000 * 16 * c >> 20)
        temperature = (85 * 64) + (165 * 64 * d >> 20)
        return struct.pack(
            ">ih",
            max(-(2**31), min(2**31 - 2, pressure)),
            max(-(2**15), min(2**15 - 2, temperature)),
        )

    @property
    def _memory(self) -> bytes:
        return bytes.fromhex(self._place.recall("nvm") or _BLANK.hex())

    @property
    def _locked(self) -> bool:
        return self._place.recall("lock") is not None

    def _recall(self) -> None:
        memory = self._memory
        self._registers[0x20:0x49] = memory
        self._flag(_LOCKED, self._locked)
        good = _crc16(memory[:39]) == int.from_bytes(memory[39:], "big") and memory != _BLANK
        self._flag(_COMPENSATES, good)
        self._flag(_BAD_MEMORY, not good and memory != _BLANK)
        self._in_use = memory[:39] if good else None

    def _command(self, command: int, now_s: float) -> None:
        words = bytes(self._registers[0x20:0x49])
        accepted = True
        if command == 0x52:
            self._recall()
        elif command == 0x57:
            accepted = not self._locked and _crc16(words[:39]) == int.from_bytes(words[39:], "big")
            if accepted:
                self._place.remember("nvm", words.hex())
        elif command == 0x4C:
            accepted = self._in_use is not None
            if accepted:
                self._place.remember("lock", "1")
        else:
            accepted = False
        self._flag(_REFUSED, not accepted)
        if accepted and command != 0x52:
            self._programmed_at_s = now_s + _NVM_TIME_S
            self._recall()

    def _flag(self, bit: int, on: bool) -> None:
        self._registers[0x06] = self._registers[0x06] & ~bit & 0xFF | (bit if on else 0)

    def _refuse_while_programming(self, now_s: float) -> None:
        if not reached(now_s, self._programmed_at_s):
            raise NotAcknowledged(f"SBP1 {self._place.serial} is programming its memory")


def _counts(value: float) -> int:
    return max(-(1 << 23), min((1 << 23) - 1, round(value * _UNITS_PER_ONE)))


def _s24(value: int) -> bytes:
    return (value & 0xFFFFFF).to_bytes(3, "big")


def _crc8_of(byte: int) -> int:
    for _ in range(8):
        byte = (byte << 1) ^ 0x131 if byte & 0x80 else byte << 1
    return byte


_CRC8 = bytes(map(_crc8_of, range(256)))


def crc8(data: bytes | bytearray) -> int:
    """Return the CRC-8 of bytes: polynomial 0x31, initial 0xFF."""
    rest = 0xFF
    for byte in data:
        rest = _CRC8[rest ^ byte]
    return rest


def _crc16(data: bytes) -> int:
    rest = 0xFFFF
    for byte in data:
        rest ^= byte << 8
        for _ in range(8):
            rest = (rest << 1) ^ 0x11021 if rest & 0x8000 else rest << 1
    return rest
