"""Simulated Watlow F4T in a chamber that heats, cools and humidifies its air, over Modbus and SCPI.

Sources: ChamberConnectLibrary, watlowf4t.py and modbus.py (registers, codes); F4T user's guide,
chapter 6 (serial and part number, alarms, status), p. 221 (low word first); TestEquity F4T manual,
p. 46 (ramp, events), p. 14 (word order). Recalled: functions 3, 6 and 16, exceptions, codes of an
alarm's state, that a profile starts the loop. Estimate: that 16-bit registers are followed by one
that reads 0; those of the chamber stand in `twin_plant`.
Not modelled: cascade and limit control, manual power, profiles that are written or that set
humidity, guaranteed soak, and map 2; what is asked of it is refused and noted in `beyond`.
"""

from __future__ import annotations

from typing import ClassVar

from sensorbench.instruments.watlow_f4t.twin_loops import AUTO, MANUAL, OFF, Loop
from sensorbench.instruments.watlow_f4t.twin_plant import (
    CELSIUS,
    FAHRENHEIT,
    NO_ALARM,
    ON,
    PAUSED,
    TERMINATED,
    Plant,
)
from sensorbench.instruments.watlow_f4t.twin_scpi import ScpiFace
from sensorbench.links.line import LineTwin
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

_OK = 138
_START, _RESUME, _TERMINATE = 1782, 147, 148
_PART_NUMBER = "F4T1L1DAAAA{loops}AAA"
_OTHERS_PART_NUMBER = "PM6C1CA-AAAAAAA"
_SOFTWARE = 4
_ABSOLUTE_TEMPERATURE, _RELATIVE_HUMIDITY = 1540, 1538


class SimWatlowF4t(ModbusDevice):
    """An F4T with one loop or, with `humidity`, two, each driven to its own sensor.

    So the sensors' errors (sigma 0.1 K and 1 %RH, the unit's own) are in the air. `gives` is the
    unit of temperatures over Modbus: "C", "F", or "" for old firmware, which gives Fahrenheit and
    has no register that says so. With a `power_event` the plant runs while that event is on. SCPI
    is spoken at a port of its own; with `protocol` "scpi" that is where a simulated link leads. A
    sensor that sticks keeps its last value, and the loop goes on by 40 K; one that is open stops
    it. Alarms latch until `acknowledge`, the operator. What a person does at the panel are faults:
    set points 10 K and 10 %RH lower (`setpoint_changed`), loops off or on (`output_off`,
    `output_on`), profile 1 (`program_started`), the unit (`units_changed`). Those stored are
    `plant.profiles`.
    """

    FAULTS: ClassVar[tuple[str, ...]] = (
        "sensor_stuck", "sensor_open", "alarm", "setpoint_changed", "output_off", "output_on",
        "program_started", "units_changed", "identity", "silent",
    )  # fmt: skip
    FUNCTIONS: ClassVar[tuple[int, ...]] = (3, 6, 16)
    WORDS = "low first"
    NOISE_K: ClassVar[float] = 0.02
    NOISE_RH: ClassVar[float] = 0.1

    def __init__(
        self,
        world: World,
        serial: str,
        *,
        humidity: bool = True,
        address: int = 1,
        words: str = "low first",
        gives: str = "C",
        power_event: int | None = None,
        protocol: str = "modbus",
    ) -> None:
        self.serial = serial
        self.beyond = world.beyond_of(serial)
        super().__init__(address, self.beyond, words)
        self._clock = world.clock
        unit = CELSIUS if gives == "C" else FAHRENHEIT
        self._is_old = gives == ""
        self.plant = Plant(world, serial, humidity, unit, power_event)
        self.drives = self.plant.drives
        self._noise = (world.stream(serial, "noise"), world.stream(serial, "wet noise"))
        self._protocol = protocol
        self.scpi = ScpiFace(
            self.plant,
            self.wakes,
            self.measured,
            lambda: (self._part_number(), self._serial_number()),
            self.beyond,
            tells_unit=not self._is_old,
        )

    def handle(self, line: bytes) -> bytes | None:
        """Answer frames of Modbus, or lines of SCPI where a link in process leads there."""
        return super().handle(line) if self._protocol == "modbus" else self.scpi.take(line)

    def over_tcp(self) -> LineTwin:
        """Return what its usual TCP port speaks."""
        return super().over_tcp() if self._protocol == "modbus" else self.scpi

    def more_ports(self) -> dict[str, LineTwin]:
        """Return what it speaks at its other TCP port."""
        if self._protocol == "modbus":
            return {"scpi": self.scpi}
        return {"modbus": super().over_tcp()}

    @classmethod
    def understood(cls) -> tuple[str, ...]:
        """Return every register, and every command of SCPI."""
        return (*super().understood(), *ScpiFace.understood())

    def wakes(self) -> bool:
        """Bring it up to now; return whether it hears anything."""
        self.plant.catch_up()
        return self.plant.fault != "silent"

    def acknowledge(self) -> None:
        """Clear all alarms, as the operator does at the panel."""
        self.plant.acknowledge()

    @property
    def running(self) -> bool:
        """Return whether the plant heats or cools."""
        return self.plant.running

    # -- registers -------------------------------------------------------------------------

    def _is_f(self, index: int) -> bool:
        return index == 0 and self.plant.units[self.medium] == FAHRENHEIT

    def _shown(self, index: int, value: float) -> float:
        return value * 9.0 / 5.0 + 32.0 if self._is_f(index) else value

    def _meant(self, index: int, value: float) -> float:
        return (value - 32.0) * 5.0 / 9.0 if self._is_f(index) else value

    def _loop(self, index: int) -> Loop:
        if index >= len(self.plant.loops):
            raise Refused(ILLEGAL_ADDRESS)
        return self.plant.loops[index]

    def undeclared(self, space: Space, address: int) -> int:
        """Give 0 for the second half of a register of 16 bits; note and refuse the rest."""
        before = self._read.get((space, address - 1))
        if address % 2 and before is not None and before[0].declared.kind == "uint16":
            return 0
        return super().undeclared(space, address)

    @reads(0, "uint32")
    def _hardware(self) -> int:
        return 124

    @reads(4, "uint32")
    def _software(self) -> int:
        return _SOFTWARE

    @reads(12, "uint32")
    def _serial_number(self) -> int:
        digits = "".join(c for c in self.serial if c.isdecimal())
        return int(digits or 1) % 2**31

    @reads(16, "text", length=15)
    def _part_number(self) -> str:
        if self.plant.fault == "identity":
            return _OTHERS_PART_NUMBER
        return _PART_NUMBER.format(loops=len(self.plant.loops))

    @reads(90)
    def _status(self) -> int:
        return _OK

    @reads(14080)
    @reads(6730)
    def _unit(self) -> int:
        if self._is_old:
            raise Refused(ILLEGAL_ADDRESS)
        return self.plant.units[self.medium]

    @reads(1356, every=100, times=6)
    def _alarm_state(self, alarm: int) -> int:
        return self.plant.alarms[alarm]

    @reads(1334, "float32")
    def _alarm_high(self) -> float:
        return self._shown(0, self.plant.alarm_ends[0])

    @reads(1336, "float32")
    def _alarm_low(self) -> float:
        return self._shown(0, self.plant.alarm_ends[1])

    @writes(1334, "float32", least=-99_999.0, most=99_999.0)
    def _set_alarm_high(self, value: float) -> None:
        self.plant.alarm_ends[0] = self._meant(0, value)
        self.plant.watch()

    @writes(1336, "float32", least=-99_999.0, most=99_999.0)
    def _set_alarm_low(self, value: float) -> None:
        self.plant.alarm_ends[1] = self._meant(0, value)
        self.plant.watch()

    @reads(2820, "float32", every=160, times=2)
    def _measured(self, index: int) -> float:
        self._loop(index)
        return self._shown(index, self.measured(index))

    def measured(self, index: int) -> float:
        """Return what a loop's sensor says, with noise, in degC or %RH; NaN where it is open."""
        noise = self._noise[index].normal(round(self._clock.now() * 1e6))
        if index == 1:
            return max(0.0, min(100.0, self.plant.felt(1) + self.NOISE_RH * noise))
        loud = 0.0 if self.plant.fault == "sensor_stuck" else self.NOISE_K
        return self.plant.felt(0) + loud * noise

    @reads(2730, every=160, times=2)
    def _mode(self, index: int) -> int:
        return self._loop(index).mode

    @writes(2730, every=160, times=2, allowed=(AUTO, MANUAL, OFF))
    def _set_mode(self, index: int, mode: float) -> None:
        loop = self._loop(index)
        if mode == MANUAL:
            self.beyond.note("manual control")
        if mode != loop.mode:
            loop.switch(round(mode), self.plant.felt(index), self.plant.now_s)
            self.plant.act()

    @reads(2814, every=160, times=2)
    def _active_mode(self, index: int) -> int:
        self._loop(index)
        return self.plant.active(index)

    @reads(2774, "float32", every=160, times=2)
    def _lowest(self, index: int) -> float:
        return self._shown(index, self._loop(index).lowest)

    @reads(2776, "float32", every=160, times=2)
    def _highest(self, index: int) -> float:
        return self._shown(index, self._loop(index).highest)

    @writes(2774, "float32", every=160, times=2)
    def _set_lowest(self, index: int, value: float) -> None:
        loop = self._loop(index)
        if not self._meant(index, value) < loop.highest:
            raise Refused(ILLEGAL_VALUE)
        loop.lowest = self._meant(index, value)

    @writes(2776, "float32", every=160, times=2)
    def _set_highest(self, index: int, value: float) -> None:
        loop = self._loop(index)
        if not self._meant(index, value) > loop.lowest:
            raise Refused(ILLEGAL_VALUE)
        loop.highest = self._meant(index, value)

    @reads(2782, "float32", every=160, times=2)
    def _set_point(self, index: int) -> float:
        return self._shown(index, self._loop(index).set_point)

    @writes(2782, "float32", every=160, times=2)
    def _set_set_point(self, index: int, value: float) -> None:
        loop, meant = self._loop(index), self._meant(index, value)
        # A limit in degF may be a hair off in degC.
        if not loop.lowest - 1e-4 <= meant <= loop.highest + 1e-4:
            raise Refused(ILLEGAL_VALUE)
        loop.aim(meant, self.plant.now_s)
        if self.plant.course is None or index == 1:
            self.plant.act()

    @reads(2810, "float32", every=160, times=2)
    def _closed_set_point(self, index: int) -> float:
        self._loop(index)
        return self._shown(index, self.plant.closed(index))

    @reads(2794, every=160, times=2)
    def _ramp_action(self, index: int) -> int:
        return self._loop(index).ramp_action

    @writes(2794, every=160, times=2, allowed=(OFF, 85, 88, 13))
    def _set_ramp_action(self, index: int, action: float) -> None:
        self._loop(index).ramp_action = round(action)

    @reads(2796, every=160, times=2)
    def _ramp_scale(self, index: int) -> int:
        return self._loop(index).ramp_scale

    @writes(2796, every=160, times=2, allowed=(57, 39))
    def _set_ramp_scale(self, index: int, scale: float) -> None:
        self._loop(index).ramp_scale = round(scale)

    @reads(2798, "float32", every=160, times=2)
    def _ramp_rate(self, index: int) -> float:
        return self._loop(index).ramp_rate * (1.8 if self._is_f(index) else 1.0)

    @writes(2798, "float32", every=160, times=2, least=0.0, most=99_999.0)
    def _set_ramp_rate(self, index: int, rate: float) -> None:
        self._loop(index).ramp_rate = rate / (1.8 if self._is_f(index) else 1.0)

    @reads(16594, every=2, times=4)
    def _event(self, event: int) -> int:
        return self.plant.events[event]

    @reads(16822, every=2, times=4)
    def _later_event(self, event: int) -> int:
        return self.plant.events[4 + event]

    @writes(16594, every=2, times=4, allowed=(OFF, ON))
    def _set_event(self, event: int, state: float) -> None:
        self.plant.events[event] = round(state)
        self.plant.act()

    @writes(16822, every=2, times=4, allowed=(OFF, ON))
    def _set_later_event(self, event: int, state: float) -> None:
        self._set_event(4 + event, state)

    @reads(33718)
    def _output(self) -> int:
        return ON if self.running else OFF

    @reads(16536, every=2, times=2)
    def _profile_unit(self, index: int) -> int:
        self._loop(index)
        return (_ABSOLUTE_TEMPERATURE, _RELATIVE_HUMIDITY)[index]

    @reads(16558)
    def _profile_chosen(self) -> int:
        return self.plant.chosen

    @writes(16558, least=1, most=40)
    def _choose_profile(self, profile: float) -> None:
        self.plant.chosen = round(profile)

    @reads(16560)
    def _profile_first_step(self) -> int:
        return self.plant.first_step

    @writes(16560, least=1, most=50)
    def _choose_step(self, step: float) -> None:
        self.plant.first_step = round(step)

    @writes(16562, allowed=(_START,))
    def _start(self, _: float) -> None:
        self.plant.start_profile()

    @writes(16564, allowed=(_RESUME,))
    def _resume(self, _: float) -> None:
        self.plant.resume_profile()

    @writes(16566, allowed=(PAUSED, _TERMINATE, NO_ALARM))
    def _stop(self, action: float) -> None:
        if action == _TERMINATE:
            self.plant.leave_profile(TERMINATED)
        elif action == PAUSED:
            self.plant.pause_profile()

    @reads(16568)
    def _state_of_profile(self) -> int:
        return self.plant.profile_state

    @reads(16588)
    def _current_profile(self) -> int:
        return self.plant.chosen if self.plant.course is not None else 0

    @reads(16590)
    def _current_step(self) -> int:
        if self.plant.course is None:
            return 0
        return self.plant.first_step + self.plant.course.step(self.plant.elapsed())

    @reads(14664)
    def _hour(self) -> int:
        return self._clock.utc().hour

    @reads(14666)
    def _minute(self) -> int:
        return self._clock.utc().minute

    @reads(14668)
    def _second(self) -> int:
        return self._clock.utc().second

    @reads(14670)
    def _month(self) -> int:
        return self._clock.utc().month

    @reads(14672)
    def _day(self) -> int:
        return self._clock.utc().day

    @reads(14674)
    def _year(self) -> int:
        return self._clock.utc().year
