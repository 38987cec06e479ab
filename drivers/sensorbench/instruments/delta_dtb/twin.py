"""Simulated Delta DTB temperature controller at an oven or chamber, over Modbus RTU or ASCII.

Sources: DT4848 manual, RS-485 communication (registers 1000H to 1011H, codes of the input); DT3
manual, page 20 (bits 0812H to 0816H); Dwyer 16B manual, page 25 (1026H to 102FH, bits 0810H and
0811H); minimalmodbus, tests/test_deltaDTB4824.py, which ran on a DTB4824 (bits 0800H to 0805H, 24
bits in one reading, an exception for 102FH written, words written by function 16, which no manual
has). Estimates: which exceptions refuse; that all
but 0810H is refused while write-in is off; that an open sensor stops heating and shows 8003H; that
the oven's own limiter lights alarm 1 and cuts the heat while the controller runs on.
Not modelled: programs that are edited, tuning itself, outputs that are adjusted, the parameters of
PID, other sensors: what is asked of them is refused and noted in `beyond`.
"""

from __future__ import annotations

import math
from typing import ClassVar, Literal

from sensorbench.instruments.simulated_chamber import FAULTS, SimulatedChamber
from sensorbench.protocols.modbus_device import (
    DEVICE_FAILURE,
    ILLEGAL_ADDRESS,
    ILLEGAL_VALUE,
    ModbusDevice,
    Refused,
    Space,
    reads,
    writes,
)
from sensorbench.world.world import World

_NO_SENSOR = 0x8003 - 0x10000
_PROGRAM = 3
_PARAMETERS = range(0x1004, 0x1008)
_MOST_TENTHS = 9999


class SimDeltaDtb(ModbusDevice):
    """A controller with a Pt100, whose panel has write-in on unless `write_in` says otherwise.

    `lowest_c` and `highest_c` are the limits that are set at its panel. The `identity` fault is a
    device with other registers. `wearing_acts` counts writes.
    """

    FAULTS: ClassVar[tuple[str, ...]] = (*FAULTS, "identity")
    FUNCTIONS: ClassVar[tuple[int, ...]] = (2, 3, 5, 6, 16)
    MOST_READ: ClassVar[int] = 8
    MOST_BITS: ClassVar[int] = 24
    MOST_WRITTEN: ClassVar[int] = 8

    def __init__(
        self,
        world: World,
        serial: str,
        *,
        address: int = 1,
        framing: Literal["rtu", "ascii"] = "rtu",
        write_in: bool = True,
        lowest_c: float = -200.0,
        highest_c: float = 600.0,
    ) -> None:
        self.serial = serial
        self.beyond = world.beyond_of(serial)
        super().__init__(address, self.beyond, framing=framing)
        self.plant = SimulatedChamber(
            world, serial, humidity=False, lowest_c=lowest_c, highest_c=highest_c,
            suffers=self._suffer,
        )  # fmt: skip
        self.drives = self.plant.drives
        self.write_in, self.in_celsius, self.has_decimal = write_in, True, True
        self.method, self.is_tuning, self.runs = 0, False, False
        self.wearing_acts = 0

    def _suffer(self, fault: str) -> None:
        """Take what a person does at the panel."""
        if fault in {"output_on", "output_off"}:
            self.runs = fault == "output_on"
        if fault == "program_started":
            self.method, self.runs = _PROGRAM, True

    def wakes(self) -> bool:
        """Bring it up to now; return whether it hears anything."""
        self.plant.catch_up()
        return self.plant.fault != "silent"

    def acknowledge(self) -> None:
        """Reset the oven's limiter, as the operator does; a controller that runs heats again."""
        self.plant.acknowledge()
        self._act()

    def may_read(self, space: Space, first: int, count: int) -> None:  # noqa: ARG002 - alike
        if self.plant.fault == "identity":
            raise Refused(ILLEGAL_ADDRESS)

    # -- registers -------------------------------------------------------------------------

    def _tenths(self, celsius: float) -> int:
        shown = celsius if self.in_celsius else 1.8 * celsius + 32.0
        return round((10 if self.has_decimal else 1) * shown)

    def _celsius(self, tenths: float) -> float:
        shown = tenths / (10 if self.has_decimal else 1)
        return shown if self.in_celsius else (shown - 32.0) / 1.8

    @reads(0x1000, "int16")
    def _measured(self) -> int:
        celsius = self.plant.measured_c()
        return _NO_SENSOR if math.isnan(celsius) else self._tenths(celsius)

    @reads(0x1001, "int16")
    def _set_point(self) -> int:
        return self._tenths(self.plant.set_point_c)

    @writes(0x1001, "int16")
    def _set_set_point(self, tenths: float) -> None:
        self._require_write_in()
        celsius = self._celsius(tenths)
        if not self.plant.lowest_c <= celsius <= self.plant.highest_c:
            raise Refused(ILLEGAL_VALUE)
        self.wearing_acts += 1
        self.plant.aim(celsius)

    @reads(0x1002, "int16")
    def _highest(self) -> int:
        return self._tenths(self.plant.highest_c)

    @reads(0x1003, "int16")
    def _lowest(self) -> int:
        return self._tenths(self.plant.lowest_c)

    @reads(0x1004, every=1, times=len(_PARAMETERS))
    def _parameter(self, index: int) -> int:
        """Return sensor type (12: Pt100), method (0: PID), heating (0), and its period in s."""
        return (12, self.method, 0, 20)[index]

    @writes(0x1005, allowed=(0, 1, 2, 3))
    def _set_method(self, method: float) -> None:
        self._require_write_in()
        self.wearing_acts += 1
        self.method = round(method)
        self._act()

    @reads(0x1012)
    def _output(self) -> int:
        """Return what output 1 gives, in tenths of a percent."""
        return 500 if self.plant.running else 0

    @reads(0x1013)
    @reads(0x1023)
    def _nothing(self) -> int:
        """Return output 2, which is not fitted, and the alarm of the system, which is off."""
        return 0

    @reads(0x102A)
    def _leds(self) -> int:
        """Return AT, OUT1, OUT2, alarm 1, degC, degF, alarms 2 and 3, from bit 7 down."""
        lit = [self._lamp(index) for index in range(8)]
        lit[4], lit[5] = lit[5], lit[4]
        return sum(is_lit << 7 - place for place, is_lit in enumerate(lit))

    @reads(0x102B)
    def _buttons(self) -> int:
        return 0x0F  # 0 is pressed

    @reads(0x102C)
    def _lock(self) -> int:
        return 0

    @reads(0x102F)
    def _version(self) -> int:
        return 0x0110

    # -- bits ------------------------------------------------------------------------------

    @reads(0x0800, "bit", space="discrete", every=1, times=16)
    def _lamp(self, index: int) -> bool:
        """Return AT, OUT1, OUT2, alarm 1, degF, degC, alarms 2 and 3; eight more are none."""
        is_heating, is_alarmed = self.plant.running, SimulatedChamber.LIMITER in self.plant.alarms
        lamps = (self.is_tuning, is_heating, False, is_alarmed, not self.in_celsius,
                 self.in_celsius)  # fmt: skip
        return index < len(lamps) and lamps[index]

    @reads(0x0810, "bit", space="discrete", every=1, times=8)
    def _setting(self, index: int) -> bool:
        """Return write-in, unit, decimal, tuning, run, program stopped and paused; one is none."""
        return (
            self.write_in, self.in_celsius, self.has_decimal, self.is_tuning, self.runs, False,
            False, False,
        )[index]  # fmt: skip

    @writes(0x0810, "bit")
    def _set_write_in(self, is_on: float) -> None:
        self.write_in = bool(is_on)

    @writes(0x0811, "bit")
    def _set_unit(self, is_celsius: float) -> None:
        self._require_write_in()
        self.in_celsius = bool(is_celsius)

    @writes(0x0813, "bit")
    def _tune(self, is_on: float) -> None:
        self._require_write_in()
        self.is_tuning = bool(is_on)

    @writes(0x0814, "bit")
    def _run(self, is_on: float) -> None:
        self._require_write_in()
        self.runs = bool(is_on)
        self._act()

    def _require_write_in(self) -> None:
        if not self.write_in:
            raise Refused(DEVICE_FAILURE)

    def _act(self) -> None:
        """Let the plant do what is asked for: its limiter may hold it back."""
        self.plant.switch(self.runs)
        if self.method == _PROGRAM and self.runs:
            self.plant.start_program(1)
