"""Simulated OYO UMC1200 in a climate chamber, over Modbus.

Sources: DeviceLink, UMC1200Registers.cs (registers, codes); TH_DONGGUAN_HUANCE_UMC1200.cpp
(Modbus/TCP, function 16, unit 0). Estimates: that a set point beyond the chamber's range, and a
start with an alarm, is exception 3, that a program that runs reads 1, that humidity is off at 0 %,
that alarms stop fixed mode, what an open sensor reads (3276.7), that slopes count by the minute.
Not modelled: programs that are made, steps, loops and links, PID zones, wet bulb; registers of
these read 0, others are refused and noted in `beyond`.
"""

from __future__ import annotations

import math
from typing import ClassVar

from sensorbench.instruments.simulated_chamber import FAULTS, SimulatedChamber
from sensorbench.protocols.modbus_device import (
    ILLEGAL_ADDRESS,
    ILLEGAL_FUNCTION,
    ILLEGAL_VALUE,
    ModbusDevice,
    Refused,
    Space,
    reads,
    writes,
)
from sensorbench.world.world import World

_STOP, _START, _HOLD, _RUNS = 0, 1, 2, 3
_OPEN = 32767
_NOT_MODELLED = {6, 7, *range(16, 30), 41, 53, 54}


class SimOyoUmc1200(ModbusDevice):
    """A climate chamber; without `humidity` its registers are there all the same, and hold 0.

    `refuses` is a function of 6 and 16 that it does not know. `timer_min` is a timer of fixed mode,
    which stops it. The `identity` fault is another series, with zeros in these registers.
    `wearing_acts` counts writes of set points.
    """

    FAULTS: ClassVar[tuple[str, ...]] = (*FAULTS, "identity")
    FUNCTIONS: ClassVar[tuple[int, ...]] = (3, 6, 16)

    def __init__(
        self,
        world: World,
        serial: str,
        *,
        humidity: bool = True,
        address: int = 1,
        refuses: int = 0,
        timer_min: int = 0,
    ) -> None:
        self.serial = serial
        self.beyond = world.beyond_of(serial)
        super().__init__(address, self.beyond)
        self._clock, self._refuses = world.clock, refuses
        self.plant = SimulatedChamber(
            world, serial, humidity=humidity, lowest_c=-70.0, highest_c=150.0, suffers=self._suffer
        )
        self.plant.set_point_rh = 0.0
        self.drives = self.plant.drives
        self.held = False
        self.timer_min, self._began_s = timer_min, 0.0
        self._wet_slope = 0.0
        self.wearing_acts = 0

    def wakes(self) -> bool:
        """Bring it up to now; return whether it hears anything."""
        self.plant.catch_up()
        if self.plant.is_on and self.timer_min and self._ran_s() >= 60.0 * self.timer_min:
            self.plant.switch(False)
        return self.plant.fault != "silent"

    def acknowledge(self) -> None:
        """Clear all alarms, as the operator does at the panel."""
        self.plant.acknowledge()

    def carry_out(self, pdu: bytes) -> bytes:
        if pdu[0] == self._refuses:
            return bytes([pdu[0] | 0x80, ILLEGAL_FUNCTION])
        return super().carry_out(pdu)

    def undeclared(self, space: Space, address: int) -> int:
        """Give 0 where nothing is modelled, and for all of another series."""
        if self.plant.fault == "identity" or address in _NOT_MODELLED:
            return 0
        return super().undeclared(space, address)

    def _suffer(self, fault: str) -> None:
        if fault in {"output_on", "program_started"}:
            self.held, self._began_s = False, self.plant.now_s

    def _ran_s(self) -> float:
        return self.plant.now_s - self._began_s if self.plant.is_on else 0.0

    def _given(self, value: float) -> int:
        """Return a value in tenths, as this series has it there."""
        if self.plant.fault == "identity":
            return 0
        return _OPEN if math.isnan(value) else round(10 * value)

    # -- what it tells ---------------------------------------------------------------------

    @reads(0, "int16")
    def _measured(self) -> int:
        return self._given(self.plant.measured_c())

    @reads(1, "int16")
    def _wet_measured(self) -> int:
        return self._given(self.plant.measured_rh() if self.plant.has_humidity else 0.0)

    @reads(2, every=1, times=2)
    def _output(self, index: int) -> int:
        return self._given(self.percent(index))

    def percent(self, index: int) -> float:
        """Return an output, of temperature (0) or humidity (1), in percent."""
        if not self.plant.running or (index and not self.plant.is_humid):
            return 0.0
        left = self.plant.set_point_rh - self.plant.measured_rh() if index else (
            self.plant.momentary_c() - self.plant.measured_c()
        )  # fmt: skip
        return 0.0 if math.isnan(left) else min(100.0, max(0.0, 20.0 * left))

    @reads(57, every=1, times=2)
    def _cooling(self, index: int) -> int:
        return 0 * index

    @reads(31, every=1, times=6)
    def _moment(self, part: int) -> int:
        now = self._clock.utc()
        if self.plant.fault == "identity":
            return 0
        return (now.year, now.month, now.day, now.hour, now.minute, now.second)[part]

    @reads(39)
    def _hours(self) -> int:
        return int(self._ran_s() // 3600) % 0x10000

    @reads(40)
    def _minutes(self) -> int:
        return int(self._ran_s() // 60) % 60

    @reads(51, "int16")
    def _set_point_now(self) -> int:
        return self._given(self.plant.momentary_c())

    @reads(43, "int16")
    def _set_point(self) -> int:
        return self._given(self.plant.set_point_c)

    @reads(52, "int16")
    @reads(44, "int16")
    def _wet_set_point(self) -> int:
        return self._given(self.plant.set_point_rh)

    @reads(45)
    def _timer(self) -> int:
        return self.timer_min

    @reads(47)
    def _fixed(self) -> int:
        if not self.plant.is_on or self.plant.program:
            return _STOP
        return _HOLD if self.held else _RUNS

    @reads(48)
    def _program(self) -> int:
        return int(self.plant.program > 0)

    @reads(55)
    def _slope(self) -> int:
        return round(600.0 * self.plant.rising_k_per_s)

    @reads(56)
    def _slope_wet(self) -> int:
        return round(10.0 * self._wet_slope)

    # -- what it is told -------------------------------------------------------------------

    def _require_own(self) -> None:
        if self.plant.fault == "identity":
            self.beyond.note("another series, written")
            raise Refused(ILLEGAL_ADDRESS)

    @writes(43, "int16")
    def _aim(self, tenths: float) -> None:
        self._require_own()
        if not self.plant.lowest_c <= tenths / 10 <= self.plant.highest_c:
            raise Refused(ILLEGAL_VALUE)
        self.wearing_acts += 1
        self.plant.aim(tenths / 10)

    @writes(44, "int16", least=0, most=1000)
    def _aim_wet(self, tenths: float) -> None:
        self._require_own()
        self.wearing_acts += 1
        self.plant.humidify(tenths > 0, tenths / 10)

    @writes(45)
    def _set_timer(self, minutes: float) -> None:
        self._require_own()
        self.timer_min = round(minutes)

    @writes(47, allowed=(_STOP, _START, _HOLD))
    def _order(self, order: float) -> None:
        self._require_own()
        if order == _HOLD:
            self.held = self.plant.is_on
            return
        self.held = False
        if order == _START and self.plant.alarms:
            raise Refused(ILLEGAL_VALUE)
        if order == _START and not self.plant.is_on:
            self._began_s = self.plant.now_s
        self.plant.switch(order == _START)

    @writes(48, allowed=(0, 1, 2, 4))
    def _order_program(self, order: float) -> None:
        self._require_own()
        if order == _STOP:
            self.plant.end_program()
        else:
            self.beyond.note("a program that is not stored")
            raise Refused(ILLEGAL_VALUE)

    @writes(55, most=1000)
    def _set_slope(self, tenths: float) -> None:
        self._require_own()
        self.plant.slope(tenths / 600.0, tenths / 600.0)

    @writes(56, most=1000)
    def _set_slope_wet(self, tenths: float) -> None:
        self._require_own()
        self._wet_slope = tenths / 10
