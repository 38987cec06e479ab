"""A simulated Senseair S8 on a serial line.

Sources: product specification PSP 126 rev 8, table 1 (4 s, +1.6 % of the reading per kPa, supply,
18 mA); registers jcomas/S8_UART s8_uart.h; frames MODBUS over Serial Line 1.02 and exceptions
MODBUS Application Protocol 1.1b3. Recalled: that it takes 8 registers a request at most, 104 as its
own address, the ABC period of 180 h. Estimates: spread, noise, drift, the type number, that the
first measurement is there after 6 s and reads 0 before.

- It answers at 0xFE and at its own address, with the address it was asked at; frames that are
  damaged, short or for others it does not answer, broadcasts neither.
- Not modelled: its lag in CO2 (90 % in 2 min), what calibrations and the automatic baseline
  correction do: `beyond` has them. The PWM output is told as a register.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import ClassVar

from sensorbench.protocols.modbus_device import (
    ILLEGAL_ADDRESS,
    ModbusDevice,
    Refused,
    Space,
    reads,
    writes,
)
from sensorbench.sensors.simulated import PowerOnReset, factory_number, screened
from sensorbench.world.conversions import Conversions
from sensorbench.world.world import Place

_ANY, _OWN = 254, 104
_EVERY_S, _WARM_UP_S = 4.0, 2.0
_DEAD_BELOW_V = 4.0
_AVERAGE_A = 0.018
_ABC_H = 180
_REGISTERS = 32  # of each sort
_FULL_PWM = 0x3FFF
_NOISE_PPM = 3.0
_TYPE, _MEMORY_MAP, _FIRMWARE = 0x0108, 45, 0x0502


class SimSenseairS8(ModbusDevice):
    """One part at a place in the world, with its own offset, gain and noise."""

    FAULTS: ClassVar[tuple[str, ...]] = (
        "drift", "stuck", "noise", "crc", "identity", "self_test", "silent",
    )  # fmt: skip
    COMMANDS: ClassVar[Mapping[str, str]] = {
        "03": "reads holding registers",
        "04": "reads input registers",
        "06": "writes a holding register",
    }

    FUNCTIONS: ClassVar[tuple[int, ...]] = (3, 4, 6)
    MOST_READ: ClassVar[int] = 8
    ANY_UNIT: ClassVar[tuple[int, ...]] = (_ANY,)

    def __init__(self, place: Place, *, address: int = _OWN) -> None:
        super().__init__(address, place.beyond)
        self.beyond = place.beyond
        self.wearing_acts = 0
        self._place, self._clock = place, place.clock
        self._offset_ppm = screened(place, "co2 offset", 13.0)
        self._gain = 1.0 + screened(place, "co2 gain", 0.01)
        self._ppm_per_k = screened(place, "co2 t", 0.3)
        self._ageing_ppm = screened(place, "co2 ageing", 6.0)
        self._number = factory_number(place, 4)
        self._acknowledged = 0
        self._abc_h = int(place.recall("senseair_s8 abc") or _ABC_H)
        self._power = PowerOnReset(place, _DEAD_BELOW_V, self._boot, self._refresh)
        self._boot()

    def _boot(self) -> None:
        self._conversions = Conversions(self._power.since_s + _WARM_UP_S, _EVERY_S, _EVERY_S)
        self._ppm = self._status = self._acknowledged = 0

    def supply_current_a(self) -> float:
        """Return the current it draws on average."""
        return _AVERAGE_A if self._power.is_on() else 0.0

    # -- the line --------------------------------------------------------------------------

    def wakes(self) -> bool:
        """Take the measurements that ended; it hears nothing without supply."""
        if not self._power.is_on() or self._place.fault() == "silent":
            return False
        self._refresh()
        return True

    def sent(self, frame: bytes) -> bytes:
        """Return a frame as it leaves the part."""
        if self._place.fault() != "crc":
            return frame
        return frame[:-2] + bytes([frame[-2] ^ 0x10, frame[-1] ^ 0x08])

    def may_read(self, space: Space, first: int, count: int) -> None:  # noqa: ARG002 - of both
        """Refuse what lies beyond its registers, and what another device has not."""
        is_stranger = self._place.fault() == "identity" and first >= 0x19
        if first + count > _REGISTERS or is_stranger:
            raise Refused(ILLEGAL_ADDRESS)

    def undeclared(self, space: Space, address: int) -> int:
        """Give 0 for a register that it has and this twin does not know."""
        self.beyond.note(f"{space} register {address:#x}")
        return 0

    @reads(0x00, space="input")
    def _meter_status(self) -> int:
        return self._status

    @reads(0x01, space="input")
    @reads(0x02, space="input")
    @reads(0x01)
    def _zero(self) -> int:
        return 0

    @reads(0x03, space="input")
    def _co2(self) -> int:
        return self._ppm

    @reads(0x15, space="input")
    def _pwm(self) -> int:
        return round(min(1.0, self._ppm / 2000.0) * _FULL_PWM)

    @reads(0x19, "uint32", space="input")
    def _type(self) -> int:
        return _TYPE

    @reads(0x1B, space="input")
    def _memory_map(self) -> int:
        return _MEMORY_MAP

    @reads(0x1C, space="input")
    def _firmware(self) -> int:
        return _FIRMWARE

    @reads(0x1D, "uint32", space="input")
    def _serial_number(self) -> int:
        return int.from_bytes(self._number, "big")

    @reads(0x00)
    def _acknowledgement(self) -> int:
        return self._acknowledged

    @reads(0x1F)
    def _abc_period(self) -> int:
        return self._abc_h

    @writes(0x00)
    def _acknowledge(self, word: float) -> None:
        self._acknowledged = round(word)

    @writes(0x01)
    def _command(self, word: float) -> None:
        self.wearing_acts += 1
        self.beyond.note(f"special command {round(word):#06x}")
        self._acknowledged |= {0x7C06: 0x20, 0x7C07: 0x40}.get(round(word), 0)

    @writes(0x1F, most=4800)
    def _set_abc_period(self, hours: float) -> None:
        self.wearing_acts += 1
        self._abc_h = round(hours)
        self._place.remember("senseair_s8 abc", str(self._abc_h))

    # -- physics ---------------------------------------------------------------------------

    def _refresh(self) -> None:
        """Take the measurements that have ended by now; the last one is kept."""
        due = self._conversions.due(self._clock.now())
        if not due:
            return
        ended_s = self._conversions.take(due)
        fault = self._place.fault(ended_s)
        self._status = 0x10 if fault == "self_test" else 0
        if fault == "stuck":
            self._ppm = 800
            return
        ppm = self._felt_ppm(ended_s, fault)
        self._status |= 0x20 if ppm > 10_000.0 else 0
        self._ppm = max(1, min(10_000, round(ppm)))

    def _felt_ppm(self, at_s: float, fault: str) -> float:
        place = self._place
        ageing = math.copysign(200.0, self._ageing_ppm) if fault == "drift" else self._ageing_ppm
        ppm = place.scalar("co2", at_s) * self._gain + self._offset_ppm
        ppm += self._ppm_per_k * (place.temperature_c(at_s) - 25.0)
        ppm += ageing * math.sqrt(place.stress_h(at_s) / 1000)
        ppm *= 1.0 + 0.016 * (place.pressure_pa(at_s=at_s) - 101_325.0) / 1000.0
        louder = 50.0 if fault == "noise" else 1.0
        return ppm + louder * _NOISE_PPM * place.stream("co2 noise").normal(round(at_s * 1e6))
