"""What the simulated F4T is in: a chamber's plant, its alarms, and profiles that run by themselves.

Estimates: that alarms are wired to stop the plant, that an open sensor stops it and reads no
number, that a profile that ended, or was terminated, holds where it was, that a chamber whose power
is an event has its loop of temperature in auto, and is switched by that at the panel. Otherwise as
`twin`.
"""

from __future__ import annotations

import math
from typing import ClassVar

from sensorbench.instruments.simulated_air import PASSIVE_TAU_S, Humidity, air_of, number
from sensorbench.instruments.watlow_f4t.twin_loops import AUTO, OFF, Course, Loop, Step
from sensorbench.protocols.modbus_device import ILLEGAL_VALUE, Refused
from sensorbench.world.faults import Suffering
from sensorbench.world.fields import Field
from sensorbench.world.world import World

ON = 63
NO_ALARM, HIGH, LOW, ERROR = 61, 7, 8, 28
PAUSED, RUNNING, NOT_STARTED, COMPLETE, TERMINATED = 146, 149, 251, 252, 253
CELSIUS, FAHRENHEIT = 15, 30
EVENTS = 8


class Plant:
    """The air of a chamber with its loops, the first of temperature, the second of humidity.

    `units` are those of temperatures on the wire, by medium; `profiles` those stored, by number.
    """

    SENSOR_SIGMA_K: ClassVar[float] = 0.1
    SENSOR_SIGMA_RH: ClassVar[float] = 1.0
    RUNAWAY_K: ClassVar[float] = 40.0
    BY_HAND: ClassVar[float] = 10.0
    ALARMS: ClassVar[int] = 6
    PLANT_ALARM: ClassVar[int] = 5

    def __init__(
        self, world: World, serial: str, humidity: bool, unit: int, power_event: int | None
    ) -> None:
        self._world = world
        self._air = air_of(world)
        self._humidity = Humidity(world, self._air) if humidity else None
        self.drives: dict[str, Field] = {"temperature": self._air}
        self.loops = [Loop(23.0, -75.0, 180.0)]
        if self._humidity is not None:
            self.drives["humidity"] = self._humidity
            self.loops.append(Loop(50.0, 0.0, 100.0))
        self._errors = (
            self.SENSOR_SIGMA_K * world.stream(serial, "sensor").normal(),
            self.SENSOR_SIGMA_RH * world.stream(serial, "wet sensor").normal(),
        )
        self.units = {"serial": unit, "tcp": unit}
        self.events = [OFF] * EVENTS
        self._power_event = power_event
        if power_event is not None:
            self.loops[0].mode = AUTO  # the event alone starts and stops it
        self.alarms = [NO_ALARM] * self.ALARMS
        self.alarm_ends = [185.0, -80.0]
        self.profiles: dict[int, tuple[Step, ...]] = {
            1: (Step(60.0, 3.0 / 60, 600.0), Step(-10.0, 2.0 / 60, 600.0))
        }
        self.chosen, self.first_step = 1, 1
        self.course: Course | None = None
        self.profile_state = NOT_STARTED
        self._elapsed_s, self._since_s = 0.0, 0.0
        self._stuck_c = 0.0
        self._is_driven = False
        self._suffering = Suffering(world, serial, self._suffer)

    # -- what happens to it ----------------------------------------------------------------

    def catch_up(self) -> None:
        """Bring it up to now."""
        self._suffering.catch_up()
        self.watch()

    @property
    def fault(self) -> str:
        """Return what is wrong with it now, "" for nothing."""
        return self._suffering.kind

    @property
    def now_s(self) -> float:
        """Return the time at which it is."""
        return self._suffering.now_s

    def acknowledge(self) -> None:
        """Clear all alarms, as the operator does at the panel."""
        self.alarms = [NO_ALARM] * self.ALARMS
        self.act()

    @property
    def running(self) -> bool:
        """Return whether the plant heats or cools."""
        return self.active(0) == AUTO

    def _suffer(self, fault: str) -> None:
        """Let a fault begin or end."""
        self._by_hand(fault)
        self._stuck_c = self._true_c()
        self.watch()
        self.act()

    def _by_hand(self, fault: str) -> None:
        """Do what a person does at the panel."""
        for index, loop in enumerate(self.loops):
            if fault == "setpoint_changed":
                loop.aim(max(loop.lowest, loop.set_point - self.BY_HAND), self.now_s)
            if fault in {"output_off", "output_on"} and self._power_event is None:
                mode = AUTO if fault == "output_on" else OFF
                loop.switch(mode, self.felt(index), self.now_s)
        if fault in {"output_off", "output_on"} and self._power_event is not None:
            self.events[self._power_event - 1] = ON if fault == "output_on" else OFF
        if fault == "program_started":
            self.start_profile()
        if fault == "units_changed":
            other = FAHRENHEIT if CELSIUS in self.units.values() else CELSIUS
            self.units = dict.fromkeys(self.units, other)

    def watch(self) -> None:
        """Note the end of a profile, and raise alarms."""
        if self.profile_state == RUNNING and self.elapsed() >= self._ends_s():
            self.leave_profile(COMPLETE)
        high, low = self.alarm_ends
        felt, state = self.felt(0), NO_ALARM
        if math.isnan(felt):
            state = ERROR
        elif not low <= felt <= high:
            state = HIGH if felt > high else LOW
        self._raise(0, state)
        self._raise(self.PLANT_ALARM, HIGH if self.fault == "alarm" else NO_ALARM)

    def _raise(self, alarm: int, state: int) -> None:
        if state != NO_ALARM and self.alarms[alarm] == NO_ALARM:
            self.alarms[alarm] = state
            self.act()

    # -- the chamber -----------------------------------------------------------------------

    def active(self, index: int) -> int:
        """Return the control mode that a loop is in, whatever was asked."""
        stopped = any(state != NO_ALARM for state in self.alarms)
        if self._power_event is not None and self.events[self._power_event - 1] != ON:
            stopped = True
        return OFF if stopped else self.loops[index].mode

    def act(self) -> None:
        """Let the plant do what is set now."""
        now = self.now_s
        loop, error_k = self.loops[0], self._errors[0]
        if self.active(0) != AUTO or self.fault == "sensor_open":
            ambient_c = number(self._world.ambient_of("temperature"))
            if self._is_driven:
                self._air.drift(ambient_c, now, PASSIVE_TAU_S)
            self._is_driven = False
        elif self.fault == "sensor_stuck":
            too_warm = self._stuck_c > loop.closed(now) + 0.5
            beyond = -self.RUNAWAY_K if too_warm else self.RUNAWAY_K
            self._air.go(loop.set_point - error_k + beyond, now, loop.rate(now))
            self._is_driven = True
        elif self.course is not None and self.profile_state == RUNNING:
            moves = self.course.to_come(self.elapsed(), now)
            self._air.follow([(at_s, end - error_k, rate) for at_s, end, rate in moves])
            self._is_driven = True
        else:
            held = self.course.set_point(self.elapsed()) if self.course else loop.set_point
            self._air.go(held - error_k, now, loop.rate(now))
            self._is_driven = True
        if self._humidity is None:
            return
        if self.active(1) == AUTO:
            self._humidity.control(self.loops[1].set_point - self._errors[1], now)
        else:
            self._humidity.let_go(now)

    def _true_c(self) -> float:
        return number(self._air.at(self.now_s)) + self._errors[0]

    def felt(self, index: int) -> float:
        """Return what a loop's sensor says, without its noise; NaN where it is open."""
        if index == 1:
            assert self._humidity is not None  # noqa: S101 - there is such a loop
            return number(self._humidity.at(self.now_s)) + self._errors[1]
        if self.fault == "sensor_open":
            return math.nan
        return self._stuck_c if self.fault == "sensor_stuck" else self._true_c()

    def closed(self, index: int) -> float:
        """Return the set point that a loop controls to now."""
        if index == 0 and self.course is not None:
            return self.course.set_point(self.elapsed())
        return self.loops[index].closed(self.now_s)

    # -- profiles --------------------------------------------------------------------------

    def elapsed(self) -> float:
        """Return how far the profile is, s from its start, pauses left out."""
        if self.profile_state == RUNNING:
            return self._elapsed_s + self.now_s - self._since_s
        return self._elapsed_s

    def _ends_s(self) -> float:
        return self.course.ends_s if self.course is not None else math.inf

    def start_profile(self) -> None:
        """Start the chosen profile. Raises Refused where there is none, or no such step."""
        steps = self.profiles.get(self.chosen)
        if steps is None or not 1 <= self.first_step <= len(steps):
            raise Refused(ILLEGAL_VALUE)
        here = self.closed(0) if self.active(0) == AUTO else self.felt(0)
        self.course = Course.of(steps[self.first_step - 1 :], here)
        self._elapsed_s, self._since_s, self.profile_state = 0.0, self.now_s, RUNNING
        self.loops[0].switch(AUTO, self.felt(0), self.now_s)
        self.act()

    def pause_profile(self) -> None:
        """Hold where the profile is."""
        if self.profile_state == RUNNING:
            self._elapsed_s, self.profile_state = self.elapsed(), PAUSED
            self.act()

    def resume_profile(self) -> None:
        """Go on with a profile that was paused."""
        if self.profile_state == PAUSED:
            self.profile_state, self._since_s = RUNNING, self.now_s
            self.act()

    def leave_profile(self, state: int) -> None:
        """End a profile, complete or terminated; the loop holds where that was."""
        if self.profile_state in (RUNNING, PAUSED):
            self.loops[0].hold(self.closed(0))
            self.course = None
            self.profile_state = state
            self.act()
