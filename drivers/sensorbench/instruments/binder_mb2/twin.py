"""Simulated Binder chamber with an MB2 controller, over Modbus.

Sources: a client of the MKFT 115 with either controller (FZU, 2020); basil, binder_mk56.py.
Estimates: that a set point beyond the chamber's range is exception 3, that contacts are not taken
while a program runs (5), that alarms leave it idle, what an open sensor reads (no number).
Not modelled: programs that are edited, the fan's speed, the other contacts' outputs; what is asked
of it is refused and noted in `beyond`.
"""

from __future__ import annotations

from typing import ClassVar

from sensorbench.instruments.simulated_chamber import FAULTS, SimulatedChamber
from sensorbench.protocols.modbus_device import (
    ILLEGAL_ADDRESS,
    ILLEGAL_VALUE,
    ModbusDevice,
    Refused,
    Space,
    reads,
    writes,
)
from sensorbench.world.world import World

_HUMIDITY_OFF, _IDLE = 0x0001, 0x0002
_AT_WORK = 5
_PROGRAM_S = 7200
_MB1 = {0x11A9, 0x11AA, 0x1A22}


class SimBinderMb2(ModbusDevice):
    """A climate chamber, or with `humidity=False` a temperature chamber.

    `older` is an MB1 controller, of which only process value and mode can be read; so is the
    `identity` fault.
    """

    FAULTS: ClassVar[tuple[str, ...]] = (*FAULTS, "identity")
    FUNCTIONS: ClassVar[tuple[int, ...]] = (3, 4, 6, 16)
    WORDS = "low first"

    def __init__(
        self,
        world: World,
        serial: str,
        *,
        humidity: bool = True,
        address: int = 1,
        older: bool = False,
    ) -> None:
        self.serial = serial
        self.beyond = world.beyond_of(serial)
        super().__init__(address, self.beyond)
        self._clock, self._is_older = world.clock, older
        self.plant = SimulatedChamber(world, serial, humidity=humidity, suffers=self._suffer)
        self.drives = self.plant.drives
        self.others = 0  # contacts that switch nothing here
        self._program, self._began_s = 0, 0.0

    def _suffer(self, fault: str) -> None:
        if fault == "program_started":
            self._began_s = self.plant.now_s

    def wakes(self) -> bool:
        """Bring it up to now; return whether it hears anything."""
        self.plant.catch_up()
        return self.plant.fault != "silent"

    def acknowledge(self) -> None:
        """Clear all alarms, as the operator does at the panel."""
        self.plant.acknowledge()

    def may_read(self, space: Space, first: int, count: int) -> None:  # noqa: ARG002 - alike
        is_older = self._is_older or self.plant.fault == "identity"
        if is_older and not set(range(first, first + count)) <= _MB1:
            raise Refused(ILLEGAL_ADDRESS)

    # -- registers -------------------------------------------------------------------------

    @reads(0x11A9, "float32")
    @reads(0x10D0, "float32")
    @reads(0x10D2, "float32")
    @reads(0x1004, "float32")
    def _measured(self) -> float:
        return self.plant.measured_c()

    @reads(0x10D4, "float32")
    @reads(0x10D6, "float32")
    @reads(0x100A, "float32")
    def _wet_measured(self) -> float:
        self._check_humidity()
        return self.plant.measured_rh()

    def _check_humidity(self) -> None:
        if not self.plant.has_humidity:
            raise Refused(ILLEGAL_ADDRESS)

    @reads(0x10B2, "float32")
    @reads(0x114C, "float32")
    def _set_point(self) -> float:
        return self.plant.set_point_c

    @reads(0x10B4, "float32")
    @reads(0x114E, "float32")
    def _wet_set_point(self) -> float:
        self._check_humidity()
        return self.plant.set_point_rh

    @writes(0x114C, "float32")
    def _set_set_point(self, value: float) -> None:
        if not self.plant.lowest_c <= value <= self.plant.highest_c:
            raise Refused(ILLEGAL_VALUE)
        self.plant.aim(value)

    @writes(0x114E, "float32", least=0.0, most=98.0)
    def _set_wet_set_point(self, value: float) -> None:
        self._check_humidity()
        self.plant.humidify(self.plant.is_humid, value)

    @reads(0x1292)
    @reads(0x1158)
    def _contacts(self) -> int:
        idle = 0 if self.plant.is_on else _IDLE
        return self.others | idle | (0 if self.plant.is_humid else _HUMIDITY_OFF)

    @writes(0x1158)
    def _set_contacts(self, value: float) -> None:
        if self.plant.program:
            raise Refused(_AT_WORK)
        contacts = round(value)
        self.others = contacts & ~(_IDLE | _HUMIDITY_OFF)
        is_humid = self.plant.has_humidity and not contacts & _HUMIDITY_OFF
        self.plant.humidify(is_humid, self.plant.set_point_rh)
        self.plant.switch(not contacts & _IDLE)

    @reads(0x1A22)
    def _mode(self) -> int:
        if not (self._is_older or self.plant.fault == "identity"):
            raise Refused(ILLEGAL_ADDRESS)
        return 0x0800 if self.plant.is_on else 0x1000

    # -- programs --------------------------------------------------------------------------

    @reads(0x10A4)
    @reads(0x1147)
    def _program_number(self) -> int:
        return self._program

    @writes(0x1147, least=0, most=24)
    def _choose(self, program: float) -> None:
        self._program = round(program)

    @reads(0x10A6, every=2, times=2)
    def _seconds_high(self, which: int) -> int:
        return self._seconds(which) >> 16

    @reads(0x10A7, every=2, times=2)
    def _seconds_low(self, which: int) -> int:
        return self._seconds(which) & 0xFFFF

    def _seconds(self, which: int) -> int:
        """Return what is elapsed of a program (0), or remains (1)."""
        if not self.plant.program:
            return 0
        elapsed = int(self.plant.now_s - self._began_s)
        return max(1, (elapsed, _PROGRAM_S - elapsed)[which])

    @writes(0x1149, allowed=(1,))
    def _start_program(self, _: float) -> None:
        if self._program:
            self.beyond.note("a program that is not stored")
            raise Refused(ILLEGAL_VALUE)
        self._began_s = self.plant.now_s
        self.plant.start_program(1)

    @writes(0x114A, allowed=(1,))
    def _stop_program(self, _: float) -> None:
        if self.plant.program:
            self.plant.program = 0  # manual mode: it goes on at the set point

    @reads(0x134A, every=1, times=6)
    def _moment(self, part: int) -> int:
        now = self._clock.utc()
        return (now.year, now.month, now.day, now.hour, now.minute, now.second)[part]
