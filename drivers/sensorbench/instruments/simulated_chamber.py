"""What is behind a simulated chamber's controller: its plant, its sensors, alarms, a person there.

The controller drives its own sensors to the set points, so their errors (sigma 0.1 K and 1 %RH, the
unit's own) are in the air. Twins of controllers say how all of this is asked for on the wire.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import ClassVar

from sensorbench.instruments.simulated_air import PASSIVE_TAU_S, Humidity, air_of, number
from sensorbench.world.faults import Suffering
from sensorbench.world.fields import Field
from sensorbench.world.world import World

FAULTS = (
    "sensor_stuck", "sensor_open", "alarm", "setpoint_changed", "output_off", "output_on",
    "program_started", "silent",
)  # fmt: skip
"""What `SimulatedChamber` can suffer; a twin adds what its wire can."""


class SimulatedChamber:
    """The air of a chamber, driven to a set point that jumps or moves by slopes.

    A sensor that sticks keeps its last value, and the plant goes on by 40 K; one that is open reads
    no number, alarms, and stops the plant. Alarms latch until `acknowledge`, the operator. What a
    person does at the panel are faults: set points 10 K and 10 %RH lower (`setpoint_changed`), stop
    and start (`output_off`, `output_on`), a program that leads to 10 K less (`program_started`).
    `suffers` is called with each fault that comes, "" where one goes, before it acts here.
    """

    SENSOR_SIGMA_K: ClassVar[float] = 0.1
    SENSOR_SIGMA_RH: ClassVar[float] = 1.0
    NOISE_K: ClassVar[float] = 0.02
    NOISE_RH: ClassVar[float] = 0.1
    RUNAWAY_K: ClassVar[float] = 40.0
    BY_HAND: ClassVar[float] = 10.0
    SENSOR_BREAK, LIMITER, HIGH, LOW = "sensor break", "temperature limiter", "too warm", "too cold"

    def __init__(
        self,
        world: World,
        serial: str,
        *,
        humidity: bool,
        lowest_c: float = -70.0,
        highest_c: float = 180.0,
        suffers: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._world, self._clock = world, world.clock
        self._air = air_of(world)
        self._humidity = Humidity(world, self._air) if humidity else None
        self.drives: dict[str, Field] = {"temperature": self._air}
        if self._humidity is not None:
            self.drives["humidity"] = self._humidity
        self._errors = (
            self.SENSOR_SIGMA_K * world.stream(serial, "sensor").normal(),
            self.SENSOR_SIGMA_RH * world.stream(serial, "wet sensor").normal(),
        )
        self._noise = (world.stream(serial, "noise"), world.stream(serial, "wet noise"))
        self.lowest_c, self.highest_c = lowest_c, highest_c
        self.alarm_low_c, self.alarm_high_c = lowest_c - 5.0, highest_c + 5.0
        self.set_point_c, self.set_point_rh = 23.0, 50.0
        self.is_humid = False  # whether humidity is to be controlled
        self.rising_k_per_s = self.falling_k_per_s = 0.0  # slopes of the set point, 0 for none
        self.is_on = False
        self.program = 0  # the number of the one that runs
        self.alarms: list[str] = []
        self._moves: tuple[float, float, float] | None = None  # set point from, since, K/s
        self._stuck_c = 0.0
        self._is_driven = False
        self._suffers = suffers
        self._suffering = Suffering(world, serial, self._suffer)

    # -- what happens to it ----------------------------------------------------------------

    def catch_up(self) -> None:
        """Bring it up to now."""
        self._suffering.catch_up()
        self._watch()

    @property
    def fault(self) -> str:
        """Return what is wrong with it now, "" for nothing."""
        return self._suffering.kind

    @property
    def now_s(self) -> float:
        """Return the time at which it is."""
        return self._suffering.now_s

    @property
    def has_humidity(self) -> bool:
        """Return whether humidity control is fitted."""
        return self._humidity is not None

    @property
    def running(self) -> bool:
        """Return whether the plant heats or cools."""
        return self.is_on and not self.alarms

    def acknowledge(self) -> None:
        """Clear alarms whose cause is gone, as the operator does; the plant stays off."""
        self.alarms.clear()
        self._watch()

    def _suffer(self, fault: str) -> None:
        self._suffers(fault)
        self._by_hand(fault)
        self._stuck_c = self._true_c()
        self._watch()
        self._act()

    def _by_hand(self, fault: str) -> None:
        if fault in {"setpoint_changed", "program_started"}:
            self.program = int(fault == "program_started")
            if self.program and not self.alarms:
                self._start()
            self.aim(max(self.lowest_c, self.set_point_c - self.BY_HAND))
            self.set_point_rh = max(0.0, self.set_point_rh - self.BY_HAND)
        if fault == "output_off":
            self.switch(False)
        if fault == "output_on":
            self.switch(True)

    def _watch(self) -> None:
        felt_c = self.felt_c()
        if self.fault == "alarm":
            self._raise(self.LIMITER)
        if math.isnan(felt_c):
            self._raise(self.SENSOR_BREAK)
        elif felt_c > self.alarm_high_c:
            self._raise(self.HIGH)
        elif felt_c < self.alarm_low_c:
            self._raise(self.LOW)

    def _raise(self, alarm: str) -> None:
        if alarm not in self.alarms:
            self.alarms.append(alarm)
            self.is_on, self.program = False, 0
            self._act()

    # -- what it measures ------------------------------------------------------------------

    def _true_c(self) -> float:
        return number(self._air.at(self.now_s)) + self._errors[0]

    def felt_c(self) -> float:
        """Return what the sensor says, without its noise; NaN where it is open."""
        if self.fault == "sensor_open":
            return math.nan
        return self._stuck_c if self.fault == "sensor_stuck" else self._true_c()

    def measured_c(self) -> float:
        """Return what the controller measures, degC; NaN where its sensor is open."""
        quiet = self.fault == "sensor_stuck"
        noise = self._noise[0].normal(round(self._clock.now() * 1e6))
        return self.felt_c() + (0.0 if quiet else self.NOISE_K * noise)

    def measured_rh(self) -> float:
        """Return what the controller measures, %RH. Only where humidity is fitted."""
        assert self._humidity is not None  # noqa: S101 - said above
        noise = self._noise[1].normal(round(self._clock.now() * 1e6))
        true_rh = number(self._humidity.at(self.now_s)) + self._errors[1]
        return max(0.0, min(100.0, true_rh + self.NOISE_RH * noise))

    # -- what it is told -------------------------------------------------------------------

    def momentary_c(self) -> float:
        """Return the set point that is controlled to now: on a slope it is on its way."""
        if self._moves is None:
            return self.set_point_c
        start_c, since_s, rate = self._moves
        moved = rate * max(0.0, self.now_s - since_s)
        if abs(self.set_point_c - start_c) <= moved:
            return self.set_point_c
        return start_c + math.copysign(moved, self.set_point_c - start_c)

    def aim(self, set_point_c: float) -> None:
        """Take another temperature set point; by a slope where one is set."""
        if set_point_c != self.set_point_c:
            self._leave(self.momentary_c(), set_point_c)
            self._act()

    def slope(self, rising_k_per_s: float, falling_k_per_s: float) -> None:
        """Take other slopes, 0 for none; a set point that is on its way goes on by them."""
        if (rising_k_per_s, falling_k_per_s) != (self.rising_k_per_s, self.falling_k_per_s):
            self.rising_k_per_s, self.falling_k_per_s = rising_k_per_s, falling_k_per_s
            self._leave(self.momentary_c(), self.set_point_c)
            self._act()

    def humidify(self, is_humid: bool, set_point_rh: float) -> None:
        """Control humidity or not, to a set point."""
        if (is_humid, set_point_rh) != (self.is_humid, self.set_point_rh):
            self.is_humid, self.set_point_rh = is_humid, set_point_rh
            self._act()

    def switch(self, is_on: bool) -> None:
        """Start or stop the plant; it does not start while there are alarms."""
        self.program = 0
        if is_on and not self.is_on and not self.alarms:
            self._start()
            self._act()
        elif self.is_on and not is_on:
            self.is_on = False
            self._act()

    def start_program(self, program: int) -> None:
        """Start a program: it holds what is set."""
        self.switch(True)
        self.program = program if self.is_on else 0

    def end_program(self) -> None:
        """Stop a program, and the plant with it."""
        if self.program:
            self.switch(False)

    # --------------------------------------------------------------------------------------

    def _start(self) -> None:
        self.is_on = True
        felt_c = self.felt_c()
        if not math.isnan(felt_c):
            self._leave(felt_c, self.set_point_c)

    def _leave(self, start_c: float, set_point_c: float) -> None:
        rate = self.rising_k_per_s if set_point_c > start_c else self.falling_k_per_s
        self.set_point_c = set_point_c
        self._moves = (start_c, self.now_s, rate) if self.is_on and rate > 0 else None

    def _act(self) -> None:
        """Let the plant do what is set now."""
        now, error_k = self.now_s, self._errors[0]
        if not self.running or self.fault == "sensor_open":
            if self._is_driven:
                ambient_c = number(self._world.ambient_of("temperature"))
                self._air.drift(ambient_c, now, PASSIVE_TAU_S)
            self._is_driven = False
        else:
            target_c, rate = self.set_point_c - error_k, self._moves[2] if self._moves else None
            if self._moves and self.momentary_c() == self.set_point_c:
                rate = None
            if self.fault == "sensor_stuck":
                too_warm = self._stuck_c > self.momentary_c() + 0.5
                target_c += -self.RUNAWAY_K if too_warm else self.RUNAWAY_K
            self._air.go(target_c, now, rate)
            self._is_driven = True
        if self._humidity is None:
            return
        if self.running and self.is_humid:
            self._humidity.control(self.set_point_rh - self._errors[1], now)
        else:
            self._humidity.let_go(now)
