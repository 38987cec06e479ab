"""A simulated DPS310 on an I2C bus.

Sources: registers and coefficients Infineon/DPS310-Pressure-Sensor src, formula inverted; the
fuse error and its repair also torvalds/linux drivers/iio/pressure/dps310.c; conversion times
PX4/PX4-Autopilot pull 27326 (same series). Ready times, noise, currents, that the rate slows down
where conversions do not fit into it: recalled. That a unit's clock is 2 % off at most, and what the
other temperature sensor reads, are estimates.

- Conversions are computed when somebody asks, and before the world or a register changes; of a FIFO
  those of which nothing is left are not.
- Without its shift bit a result of more than 8-fold oversampling overflows, as in the part.
- `beyond` lists what is acknowledged without effect: interrupts, SPI, reserved modes, writes to
  what can only be read or is not in the map, and reads from a register that the map does not name.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import ClassVar

from sensorbench.core.errors import NotAcknowledged
from sensorbench.sensors.dps310.twin_fifo import Fifo
from sensorbench.sensors.simulated import PowerOnReset, screened
from sensorbench.world.conversions import Conversions, reached
from sensorbench.world.world import Place

_CONVERSION_S = (3.6e-3, 5.2e-3, 8.4e-3, 14.8e-3, 27.6e-3, 53.2e-3, 104.4e-3, 206.8e-3)
_SENSOR_READY_S, _COEFFICIENTS_READY_S = 0.012, 0.040
_FULL_SCALE = 524288  # of one conversion; n of them add up to 2 n - 1 times as much
_SHIFT = 6
_KEPT = 32  # newer results push out whatever went before
_STUCK = -250_000, 158_000  # counts that mean something at whatever oversampling
_REPAIR = {0x0E: 0xA5, 0x0F: 0x96}
_WIDTHS = (12, 12, 20, 20, 16, 16, 16, 16, 16, 12, 12)  # bits of the coefficients
_EFFECTIVE = frozenset((0x06, 0x07, 0x08, 0x09, 0x0C, 0x0E, 0x0F, 0x62))


class SimDps310:
    """One part at a place in the world, with its own coefficients, offsets, noise and clock.

    `fuse_error` is a part that reads some 40 K too much until it is repaired, each time anew.
    """

    FAULTS: ClassVar[tuple[str, ...]] = (
        "drift", "stuck", "noise", "identity", "memory", "silent",
    )  # fmt: skip
    # The reference's own numbers, and how far those of other parts lie around them (estimates).
    COEFFICIENTS: ClassVar[tuple[int, ...]] = (
        206, -260, 80000, -55000, -2800, 1250, -8900, 140, -1200
    )  # fmt: skip
    SPREAD: ClassVar[tuple[int, ...]] = (4, 4, 1500, 900, 150, 60, 200, 10, 60)
    # By oversampling code (recalled): data sheet, 2.5 Pa at 1, 0.35 at 16, 0.2 at 64.
    NOISE_PA: ClassVar[tuple[float, ...]] = (2.5, 1.0, 0.5, 0.4, 0.35, 0.3, 0.2, 0.2)
    IDENTITY: ClassVar[int] = 0x10
    STRANGER: ClassVar[int] = 0x11  # what it says with the fault "identity"
    RATES_HZ: ClassVar[tuple[float, ...]] = tuple(float(1 << code) for code in range(8))
    COEFFICIENTS_OF: ClassVar[int] = 0x80  # COEF_SRCE
    HAS_SOURCE: ClassVar[bool] = True
    HAS_CHOICE: ClassVar[bool] = True  # of its temperature sensor, by TMP_EXT
    READABLE: ClassVar[frozenset[int]] = frozenset((*range(0x22), 0x28, 0x32, 0x62))

    def __init__(self, place: Place, *, fuse_error: bool = False) -> None:
        self.beyond = place.beyond
        self._place = place
        self._clock = place.clock
        self._fuse_error = fuse_error
        self._coefficients = tuple(
            nominal + round(spread * max(-3.0, min(3.0, place.unit(f"coefficient {index}"))) / 3)
            for index, (nominal, spread) in enumerate(
                zip(self.COEFFICIENTS, self.SPREAD, strict=True)
            )
        )
        self._offset_pa = screened(place, "offset", 33.0)
        self._offset_pa_per_k = screened(place, "offset t", 0.17)
        self._ageing_pa = screened(place, "ageing", 20.0)
        self._offset_c = screened(place, "temperature offset", 0.17)
        self._speed = 1.0 + screened(place, "clock", 0.02 / 3)
        self._registers = bytearray(256)
        self._fifo = Fifo()
        self._power = PowerOnReset(place, 1.6, self._supplied, self._catch_up)
        self._reset(self._power.since_s)

    def supply_current_a(self) -> float:
        """Return the current it draws: converting, or waiting (recalled, typical)."""
        if not self._power.is_on():
            return 0.0
        self._catch_up()
        now_s = self._clock.now()
        runs = any(each.go_on and each.runs(now_s) for each in (self._pressure, self._temperature))
        return 345e-6 if runs else 0.5e-6

    # -- the bus ---------------------------------------------------------------------------

    def receive(self, data: bytes) -> None:
        self._answer()
        if not data:
            return
        self._pointer = data[0]
        for value in data[1:]:
            self._write(self._pointer, value)
            self._pointer = self._pointer + 1 & 0xFF

    def send(self, length: int) -> bytes:
        self._answer()
        if self._pointer not in self.READABLE:
            self.beyond.note(f"read from {self._pointer:#04x}")
        self._catch_up()
        return bytes(self._read_byte() for _ in range(length))

    def _answer(self) -> None:
        self._power.check()
        if self._place.fault() == "silent":
            raise NotAcknowledged(f"part {self._place.serial} is silent")

    def _read_byte(self) -> int:
        register = self._pointer
        self._pointer = register + 1 & 0xFF
        now_s = self._clock.now()
        if register < 0x03 and self._registers[0x09] & 0x02:
            value = self._fifo.peek()[register]
            if register == 0x02:
                self._fifo.take()
            return value
        if register < 0x06:
            # A result is read with its lowest byte, and is old then.
            if register in {0x02, 0x05}:
                self._registers[0x08] &= ~(0x10 if register == 0x02 else 0x20)
            return self._registers[register]
        if register == 0x08:
            ready = 0x40 if reached(now_s, self._began_s + _SENSOR_READY_S) else 0
            ready |= 0x80 if reached(now_s, self._began_s + _COEFFICIENTS_READY_S) else 0
            return self._registers[0x08] | ready
        if register == 0x0B:
            return self._fifo.status()
        if register == 0x0D:
            return self.STRANGER if self._place.fault() == "identity" else self.IDENTITY
        if 0x10 <= register < 0x10 + len(packed(self._coefficients)):
            return self._memory()[register - 0x10]
        return self._registers[register]

    def _memory(self) -> bytes:
        memory = packed(self._coefficients)
        if self._place.fault() == "memory":
            return b"\xff" * len(memory)
        if not reached(self._clock.now(), self._began_s + _COEFFICIENTS_READY_S):
            return bytes(len(memory))
        return memory

    # -- registers -------------------------------------------------------------------------

    def _supplied(self) -> None:
        self._reset(self._power.since_s)

    def _reset(self, at_s: float) -> None:
        self._registers[:] = bytes(256)
        if self.HAS_SOURCE:
            self._registers[0x28] = self.COEFFICIENTS_OF
            self._registers[0x32] = 0x00 if self._fuse_error else 0x02
        self._pointer = 0
        self._began_s = at_s
        self._fifo.clear()
        self._pressure = self._temperature = Conversions()

    def _write(self, register: int, value: int) -> None:
        self._catch_up()
        if register not in _EFFECTIVE or (register >= 0x0E and not self.HAS_SOURCE):
            self.beyond.note(f"write {value:#04x} to {register:#04x}")
        elif register == 0x0C:
            self._command(value)
        elif register == 0x08:
            self._registers[0x08] = self._registers[0x08] & 0x30 | value & 0x07
            self._begin(value & 0x07)
        elif register == 0x62:
            unlocked = all(self._registers[number] == key for number, key in _REPAIR.items())
            if unlocked and value == 0x02:
                self._registers[0x32] |= 0x02
        else:
            if register == 0x09 and value & 0xF1:
                self.beyond.note(f"write {value:#04x} to 0x09")
            self._registers[register] = value
            if register < 0x08:
                self._begin(self._registers[0x08] & 0x07)

    def _command(self, value: int) -> None:
        if value & 0x0F == 0x09:
            self._reset(self._clock.now())
        elif value & 0x80:
            self._fifo.clear()
        else:
            self.beyond.note(f"write {value:#04x} to 0x0c")

    # -- conversions -----------------------------------------------------------------------

    def _begin(self, mode: int) -> None:
        """Convert from now on, as the mode says; temperature comes before pressure."""
        now_s = self._clock.now()
        pressure_s, temperature_s = (
            _CONVERSION_S[self._registers[number] & 7] / self._speed for number in (0x06, 0x07)
        )
        self._pressure = self._temperature = Conversions()
        if mode in (1, 2):
            single = Conversions(now_s, pressure_s if mode == 1 else temperature_s)
            self._pressure, self._temperature = (
                (single, Conversions()) if mode == 1 else (Conversions(), single)
            )
        elif mode in (5, 6, 7):
            first_s = temperature_s if mode & 2 else 0.0
            highest = len(self.RATES_HZ) - 1
            rates_hz = [
                self.RATES_HZ[self._registers[number] >> 4 & highest] for number in (0x06, 0x07)
            ]
            # What does not fit into a second takes longer, both alike.
            busy = (rates_hz[0] * pressure_s if mode & 1 else 0.0) + rates_hz[1] * first_s
            slower = max(1.0, busy * self._speed) / self._speed
            if mode & 2:
                self._temperature = Conversions(now_s, temperature_s, slower / rates_hz[1])
            if mode & 1:
                self._pressure = Conversions(now_s + first_s, pressure_s, slower / rates_hz[0])
        elif mode:
            self.beyond.note(f"mode {mode}")

    def _catch_up(self) -> None:
        """Take the conversions that have ended by now, in their order."""
        now_s = self._clock.now()
        if not (self._pressure.due(now_s) or self._temperature.due(now_s)):
            return
        for ended_s, number, is_pressure in sorted(self._ended(now_s)):
            counts = self._counts(ended_s, number, is_pressure)
            register = 0x00 if is_pressure else 0x03
            self._registers[register : register + 3] = counts.to_bytes(3, "big", signed=True)
            self._registers[0x08] |= 0x10 if is_pressure else 0x20
            if self._registers[0x09] & 0x02:
                self._fifo.put(counts, is_pressure=is_pressure)
        if self._registers[0x08] & 0x07 in (1, 2):
            self._registers[0x08] &= 0xF8  # once, and idle again

    def _ended(self, now_s: float) -> Iterable[tuple[float, int, bool]]:
        for conversions, is_pressure in ((self._pressure, True), (self._temperature, False)):
            due = conversions.due(now_s)
            conversions.take(due)
            for back in range(min(due, _KEPT), 0, -1):
                number = conversions.taken - back
                yield conversions.end_s(number), number, is_pressure

    # -- physics ---------------------------------------------------------------------------

    def _counts(self, ended_s: float, number: int, is_pressure: bool) -> int:
        place, fault = self._place, self._place.fault(ended_s)
        if fault == "stuck":
            return _STUCK[0] if is_pressure else _STUCK[1]
        began_s = self._pressure.began_s if is_pressure else self._temperature.began_s
        name = "pressure" if is_pressure else "temperature"
        noise = place.stream(f"{name} noise {round(began_s * 1e6)}").normal(number)
        code = self._registers[0x06 if is_pressure else 0x07] & 7
        body_c = place.temperature_c(ended_s) + self._offset_c
        if not is_pressure:
            scaled = self._temperature_share(body_c + 0.01 * noise)
        else:
            ageing_pa = (
                math.copysign(500.0, self._ageing_pa) if fault == "drift" else self._ageing_pa
            )
            felt_pa = place.pressure_pa(at_s=ended_s) + self._offset_pa
            felt_pa += self._offset_pa_per_k * (body_c - 25.0)
            felt_pa += ageing_pa * math.sqrt(place.stress_h(ended_s) / 1000)
            felt_pa += self.NOISE_PA[code] * noise * (50.0 if fault == "noise" else 1.0)
            c0, c1 = self._coefficients[:2]
            scaled = pressure_share(self._coefficients, felt_pa, (body_c - c0 / 2.0) / c1)
        return self._as_counts(scaled, code, shift_bit=0x04 if is_pressure else 0x08)

    def _temperature_share(self, body_c: float) -> float:
        """Return the scaled value of the sensor that TMP_EXT selects."""
        if self.HAS_SOURCE and not self._registers[0x32] & 0x02:
            body_c += 40.0
        c0, c1 = self._coefficients[:2]
        share = (body_c - c0 / 2.0) / c1
        # The coefficients are of the other sensor: it reads on another scale.
        wrong = self.HAS_CHOICE and (self._registers[0x07] ^ self.COEFFICIENTS_OF) & 0x80
        return 0.8 * share + 0.1 if wrong else share

    def _as_counts(self, share: float, code: int, *, shift_bit: int) -> int:
        total = share * _FULL_SCALE * (2 * (1 << code) - 1)
        if self._registers[0x09] & shift_bit:
            total /= 1 << _SHIFT
        whole = round(total)
        if code > 3 and not self._registers[0x09] & shift_bit:
            return (whole + (1 << 23)) % (1 << 24) - (1 << 23)
        return max(-(1 << 23), min((1 << 23) - 1, whole))


def pressure_share(coefficients: tuple[int, ...], pressure_pa: float, temperature: float) -> float:
    """Return the scaled value that the formula turns into `pressure_pa`, by Newton's method."""
    _, _, c00, c10, c01, c11, c20, c21, c30, c31, c40 = (*coefficients, 0, 0)[: len(_WIDTHS)]
    constant = c00 + temperature * c01 - pressure_pa
    linear, square = c10 + temperature * c11, c20 + temperature * c21
    cube = c30 + temperature * c31
    found = -constant / linear
    for _ in range(8):
        value = constant + found * (linear + found * (square + found * (cube + found * c40)))
        slope = linear + found * (2.0 * square + found * (3.0 * cube + found * 4.0 * c40))
        found -= value / slope
    return found


def packed(coefficients: tuple[int, ...]) -> bytes:
    """Return them as the memory has them, one after the other: 9 are 18 bytes, 11 are 21."""
    whole, widths = 0, _WIDTHS[: len(coefficients)]
    for value, bits in zip(coefficients, widths, strict=True):
        whole = whole << bits | value & (1 << bits) - 1
    return whole.to_bytes(sum(widths) // 8, "big")
