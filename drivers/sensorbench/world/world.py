"""The simulated bench: a chamber, a pressure line and supply rails around the DUTs.

Instrument twins change it, sensor twins read it. Its state at any time is computed from the last
change, so a query costs the same after a second or a month.
"""

from __future__ import annotations

import math
from collections.abc import Callable, MutableMapping

from sensorbench.core.clock import Clock
from sensorbench.world.motion import Approach
from sensorbench.world.random import Stream, stream

_BOLTZMANN_EV_PER_K = 8.617333262e-5  # CODATA 2018
_ACTIVATION_EV = 0.7  # AEC-Q100 Rev H appendix 7
_STRESS_REFERENCE_K = 125.0 + 273.15


class Chamber:
    """Air that moves to a setpoint at the chamber's rates, and bodies that lag behind it."""

    HEATING_K_PER_S = 5.0 / 60
    COOLING_K_PER_S = 3.0 / 60
    AIR_TAU_S = 75.0
    BODY_LAG_S = 200.0
    PASSIVE_TAU_S = 3600.0

    def __init__(self, clock: Clock, ambient_c: float, account: Callable[[], None]) -> None:
        self._clock = clock
        self._account = account
        self.ambient_c = ambient_c
        self.running = False
        # Air, the body's start, and since when: replaced in one piece, as threads read it.
        self._state = (
            Approach(ambient_c, ambient_c, self.COOLING_K_PER_S, self.AIR_TAU_S),
            ambient_c,
            clock.now(),
        )

    def air_c(self) -> float:
        """Return the air temperature in degC."""
        air, _, since = self._state
        return air.at(self._clock.now() - since)

    def body_c(self) -> float:
        """Return the temperature of a body in the middle of the chamber, in degC."""
        air, body_start_c, since = self._state
        return air.lagged(self._clock.now() - since, body_start_c, self.BODY_LAG_S)

    @property
    def target_c(self) -> float:
        """Return where the air is going, in degC."""
        return self._state[0].target

    def approach(self, target_c: float, rate_k_per_s: float | None = None) -> None:
        """Drive the air to `target_c`, no faster than `rate_k_per_s` nor than the chamber can."""
        air_c = self.air_c()
        fastest = self.HEATING_K_PER_S if target_c >= air_c else self.COOLING_K_PER_S
        self._move(Approach(air_c, target_c, min(fastest, rate_k_per_s or fastest), self.AIR_TAU_S))
        self.running = True

    def stop(self) -> None:
        """Switch heater and compressor off: the air drifts to ambient."""
        # An unreachable rate leaves only the exponential part.
        self._move(Approach(self.air_c(), self.ambient_c, 1e9, self.PASSIVE_TAU_S))
        self.running = False

    def _move(self, air: Approach) -> None:
        self._account()
        self._state = (air, self.body_c(), self._clock.now())


class PressureLine:
    """The line from a pressure controller to the DUTs; absolute, in Pa."""

    FASTEST_PA_PER_S = 10_000.0
    TAU_S = 0.8

    def __init__(self, clock: Clock, ambient_pa: float) -> None:
        self._clock = clock
        self.ambient_pa = ambient_pa
        start = Approach(ambient_pa, ambient_pa, self.FASTEST_PA_PER_S, self.TAU_S)
        self._state = (start, clock.now())  # replaced in one piece, as threads read it
        self._rising = True

    def pressure_pa(self) -> float:
        """Return the absolute pressure at the DUTs."""
        move, since = self._state
        return move.at(self._clock.now() - since)

    @property
    def target_pa(self) -> float:
        """Return where the pressure is going."""
        return self._state[0].target

    @property
    def rising(self) -> bool:
        """Return the direction of the last move: a diaphragm's hysteresis depends on it."""
        return self._rising

    def approach(self, target_pa: float, rate_pa_per_s: float | None = None) -> None:
        """Drive the line to `target_pa`, no faster than `rate_pa_per_s`."""
        now_pa = self.pressure_pa()
        if abs(target_pa - now_pa) > 1.0:
            self._rising = target_pa > now_pa
        rate = min(self.FASTEST_PA_PER_S, rate_pa_per_s or self.FASTEST_PA_PER_S)
        self._state = (Approach(now_pa, target_pa, rate, self.TAU_S), self._clock.now())

    def vent(self) -> None:
        """Open the line to the room."""
        self.approach(self.ambient_pa)


class Rail:
    """One supply output: what the DUTs on it see."""

    def __init__(self, account: Callable[[], None]) -> None:
        self._account = account
        self._setpoint_v = 0.0
        self._on = False
        self.load_ohm = math.inf

    @property
    def on(self) -> bool:
        """Return whether the output is switched on."""
        return self._on

    @property
    def voltage_v(self) -> float:
        """Return the voltage on the rail; 0 while it is off."""
        return self._setpoint_v if self._on else 0.0

    @property
    def current_a(self) -> float:
        """Return what the parts on the rail draw."""
        return self.voltage_v / self.load_ohm

    def set_voltage(self, setpoint_v: float) -> None:
        """Change the setpoint; it is on the rail at once if the output is on."""
        self._account()
        self._setpoint_v = setpoint_v

    def switch(self, on: bool) -> None:
        """Switch the output."""
        self._account()
        self._on = on


class World:
    """Everything around the DUTs, and what outlives a program run (NVM cells, hours of stress).

    The chamber and the rails book the parts' ageing at the conditions that were before they change.
    """

    def __init__(
        self,
        clock: Clock,
        seed: int = 0,
        ambient_c: float = 23.0,
        ambient_pa: float = 101_325.0,
        memory: MutableMapping[str, str] | None = None,
    ) -> None:
        self.clock = clock
        self.seed = seed
        self.ambient_c = ambient_c
        self.ambient_pa = ambient_pa
        self.chamber = Chamber(clock, ambient_c, self._account)
        self.pressure = PressureLine(clock, ambient_pa)
        self.rails = {number: Rail(self._account) for number in (1, 2, 3)}
        self.memory: MutableMapping[str, str] = memory if memory is not None else {}
        self._accounted_s = clock.now()
        self._stress_h = float(self.memory.get("stress_h", "0"))

    def stream(self, *key: str | int) -> Stream:
        """Return the random stream of this world's seed and `key`."""
        return stream(self.seed, *key)

    def _account(self) -> None:
        self._stress_h += self._pending_h()
        self._accounted_s = self.clock.now()
        self.memory["stress_h"] = repr(self._stress_h)

    def stress_h(self) -> float:
        """Return the hours under bias so far, as hours at 125 degC (Arrhenius, 0.7 eV)."""
        return self._stress_h + self._pending_h()

    def _pending_h(self) -> float:
        if not self.rails[1].on:
            return 0.0
        # Ramps count at the temperature they lead to: closed-form, and small against a soak.
        target_k = self.chamber.target_c + 273.15
        factor = math.exp(
            _ACTIVATION_EV / _BOLTZMANN_EV_PER_K * (1 / _STRESS_REFERENCE_K - 1 / target_k)
        )
        return (self.clock.now() - self._accounted_s) / 3600 * factor


class Place:
    """Where one part sits: its temperature, its pressure, its supply, its random streams.

    A place in the chamber differs from the middle by its own small share of the distance to
    ambient; others sit beside the chamber at ambient. A part that is not `on_rail`, such as a
    reference thermometer, is always powered.
    """

    GRADIENT_SIGMA = 0.001  # K per K of distance to ambient: 0.1 K at 125 degC, sigma

    def __init__(
        self,
        world: World,
        serial: str,
        *,
        lot: str = "",
        in_chamber: bool = True,
        on_rail: bool | None = None,
    ) -> None:
        self.world = world
        self.clock = world.clock
        self.serial = serial
        self.in_chamber = in_chamber
        self.on_rail = in_chamber if on_rail is None else on_rail
        self._lot = lot
        self._gradient = self.GRADIENT_SIGMA * self.unit("place")

    def stream(self, channel: str) -> Stream:
        """Return this part's random stream for `channel`."""
        return self.world.stream(self._lot, self.serial, channel)

    def unit(self, property_name: str) -> float:
        """Return this unit's standard normal deviation for a property: its spread."""
        return self.stream(f"unit {property_name}").normal()

    def noise(self, channel: str) -> float:
        """Return standard normal noise of a reading taken now."""
        return self.stream(channel).normal(round(self.clock.now() * 1e6))

    def temperature_c(self) -> float:
        """Return the temperature of the part's body."""
        if not self.in_chamber:
            return self.world.ambient_c
        middle_c = self.world.chamber.body_c()
        return middle_c + self._gradient * (middle_c - self.world.ambient_c)

    def pressure_pa(self) -> float:
        """Return the absolute pressure at the part's port."""
        return self.world.pressure.pressure_pa() if self.in_chamber else self.world.ambient_pa

    def pressure_rising(self) -> bool:
        """Return whether the pressure last moved up."""
        return self.world.pressure.rising

    def supply_v(self) -> float:
        """Return the voltage at the part's supply pin: rail 1, or the bench's own 3.3 V."""
        return self.world.rails[1].voltage_v if self.on_rail else 3.3

    def stress_h(self) -> float:
        """Return the part's hours of stress, as hours under bias at 125 degC."""
        return self.world.stress_h()
