"""The simulated bench: fields by quantity in zones, and places in them where parts sit.

Instrument twins drive fields, part twins feel them at their place. The rules:
- Nothing here knows a device: a twin brings the field it drives, the station binds it to an address
  of a zone (`Zone.bind`), and a place looks up what it needs by that address.
- What nothing drives is ambient.
- What outlives a power cycle or a program run (memory cells, hours of stress) is in `memory`, by
  lot and serial: a fresh lot is fresh, whatever was done before it.
- Random numbers come by counter from (seed, lot, serial, channel) and the time, never from order.
- A fault has a time at which it begins; until then it is not there.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, MutableMapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sensorbench.core.clock import Clock
from sensorbench.core.quantity import Value
from sensorbench.world.fields import Bounded, Computed, Constant, Field, Times
from sensorbench.world.random import Stream, normals, stream

_BOLTZMANN_EV_PER_K = 8.617333262e-5  # CODATA 2018
_ACTIVATION_EV = 0.7  # AEC-Q100 Rev H appendix 7
_STRESS_REFERENCE_K = 125.0 + 273.15
STANDARD_GRAVITY = 9.80665  # m/s2, CGPM 1901

AMBIENT: Mapping[str, Value] = {
    "temperature": 23.0,
    "humidity": 45.0,
    "pressure": 101_325.0,
    "orientation": (0.0, 0.0, 1.0),
    "magnetic_field": (0.0, 0.0, 0.0),
    "angular_rate": 0.0,
    "supply": 0.0,
    "co2": 420.0,
}
"""What a place has where nothing drives it; other quantities are 0."""


@dataclass(frozen=True, slots=True)
class Fault:
    """Something wrong with a device from `at_s` on, to `until_s`; both on the world's clock."""

    kind: str
    at_s: float = -math.inf
    until_s: float = math.inf

    def is_there(self, now: float) -> bool:
        """Return whether it is there at `now`."""
        return self.at_s <= now < self.until_s


class World:
    """Everything around the DUTs. `ambient` replaces rows of AMBIENT."""

    def __init__(
        self,
        clock: Clock,
        seed: int = 0,
        ambient: Mapping[str, Value] | None = None,
        memory: MutableMapping[str, str] | None = None,
    ) -> None:
        self.clock = clock
        self.seed = seed
        self.ambient = {**AMBIENT, **(ambient or {})}
        self.memory: MutableMapping[str, str] = memory if memory is not None else {}
        self.zones: dict[str, Zone] = {}
        self.faults: dict[str, list[Fault]] = {}
        self._listeners: list[Callable[[], None]] = []

    def zone(self, name: str = "") -> Zone:
        """Return the zone of that name, made at its first use; "" is the only one of a bench."""
        if name not in self.zones:
            self.zones[name] = Zone(self, name)
        return self.zones[name]

    def stream(self, *key: str | int) -> Stream:
        """Return the random stream of this world's seed and `key`."""
        return stream(self.seed, *key)

    def ambient_of(self, quantity: str) -> Value:
        """Return what a quantity has where nothing drives it."""
        return self.ambient.get(quantity, 0.0)

    def listen(self, before_change: Callable[[], None]) -> None:
        """Call `before_change` before any field changes: to catch up under the old conditions."""
        if before_change not in self._listeners:
            self._listeners.append(before_change)

    def ignore(self, before_change: Callable[[], None]) -> None:
        """Call `before_change` no more."""
        self._listeners = [kept for kept in self._listeners if kept != before_change]

    def changing(self) -> None:
        """Say that a field is about to change."""
        for zone in self.zones.values():
            zone.account()
        for before_change in self._listeners:
            before_change()

    # -- faults ----------------------------------------------------------------------------

    def add_fault(self, device: str, fault: Fault) -> None:
        """Let something go wrong with a device, given by its name or its serial number."""
        self.faults.setdefault(device, []).append(fault)

    def fault_of(self, device: str) -> str:
        """Return the kind of fault that a device has now, "" while it is healthy."""
        faults = self.faults.get(device)
        if not faults:
            return ""
        now = self.clock.now()
        return next((fault.kind for fault in faults if fault.is_there(now)), "")

    # -- what is to come -------------------------------------------------------------------

    def still_until(self, zone: str, address: str) -> float:
        """Return until when an address does not move and nothing breaks; now, if it moves."""
        now = self.clock.now()
        if self.zone(zone).field(address).still_from(now) > now:
            return now
        return self._breaks_at(now)

    def between_until(self, zone: str, address: str, low: float, high: float) -> float:
        """Return until when an address stays between two values and nothing breaks.

        That is `now` where it may leave them, or does not know where it goes.
        """
        now = self.clock.now()
        field = self.zone(zone).field(address)
        if not isinstance(field, Bounded):
            return now
        least, greatest = field.bounds(now)
        is_sure = low <= least and greatest <= high and not self._is_broken(now)
        return self._breaks_at(now) if is_sure else now

    def outside_until(self, zone: str, address: str, low: float, high: float) -> float:
        """Return until when an address is not between two values and nothing breaks, or now."""
        now = self.clock.now()
        field = self.zone(zone).field(address)
        if not isinstance(field, Bounded) or self._is_broken(now):
            return now
        return min(field.reaches(now, low, high), self._breaks_at(now))

    def _is_broken(self, now: float) -> bool:
        """Return whether any device has a fault now: then nothing is taken for granted."""
        return any(fault.is_there(now) for faults in self.faults.values() for fault in faults)

    def _breaks_at(self, now: float) -> float:
        times = [t for f in self.faults.values() for x in f for t in (x.at_s, x.until_s)]
        return min((t for t in times if t > now), default=math.inf)


class Zone:
    """One bench of the world: the fields that are driven in it, by address."""

    def __init__(self, world: World, name: str) -> None:
        self.world = world
        self.name = name
        self.fields: dict[str, Field] = {}
        self._accounted_s = world.clock.now()
        self._stress_h = 0.0
        self.loads: dict[str, Callable[[], float]] = {}

    def bind(self, address: str, field: Field) -> None:
        """Let `field` be what places here have at `address`."""
        self.world.changing()
        self.fields[address] = field

    def field(self, address: str) -> Field:
        """Return what drives an address; a port that nothing drives has its quantity's field."""
        found = self.fields.get(address)
        if found is not None:
            return found
        quantity = address.partition(".")[0]
        found = self.fields.get(quantity)
        if found is None and quantity == "humidity" and "temperature" in self.fields:
            return Computed(self._room_humidity, (self.fields["temperature"],))
        return found or Constant(self.world.ambient_of(quantity))

    def _room_humidity(self, now: float) -> float:
        """Return what the room's air has, in %RH, once it is as warm as the air here."""
        ambient_c = _scalar(self.world.ambient_of("temperature"))
        here_c = _scalar(self.field("temperature").at(now))
        ambient_rh = _scalar(self.world.ambient_of("humidity"))
        return min(100.0, ambient_rh * _saturation(ambient_c) / _saturation(here_c))

    def value(self, address: str) -> Value:
        """Return the value at `address` now."""
        return self.field(address).at(self.world.clock.now())

    # -- ageing ----------------------------------------------------------------------------

    def account(self) -> None:
        """Book the hours of stress until now, before the conditions change."""
        self._stress_h += self._pending_h()
        self._accounted_s = self.world.clock.now()

    def stress_h(self) -> float:
        """Return the hours under bias in this zone, as hours at 125 degC (Arrhenius, 0.7 eV)."""
        return self._stress_h + self._pending_h()

    def _pending_h(self) -> float:
        since_s = self.world.clock.now() - self._accounted_s
        if since_s <= 0 or not _scalar(self.value("supply")):
            return 0.0
        field = self.field("temperature")
        # Ramps count at the temperature they lead to: closed-form, and small against a soak.
        target_c = getattr(field, "target", None)
        if target_c is None:
            target_c = _scalar(field.at(self.world.clock.now()))
        kelvins = target_c + 273.15
        factor = math.exp(
            _ACTIVATION_EV / _BOLTZMANN_EV_PER_K * (1 / _STRESS_REFERENCE_K - 1 / kelvins)
        )
        return since_s / 3600 * factor

    # -- supply ----------------------------------------------------------------------------

    def load_a(self) -> float:
        """Return the supply current of all parts plugged in here."""
        return sum(current() for current in self.loads.values())


class Place:
    """Where one part sits: what it feels, its random streams, its history.

    A place differs from the middle of its zone by its own small share of the distance to ambient.
    A device that is not `powered` from the zone's supply, such as a reference, always has
    `own_supply_v`. Vectors are in the part's own axes. What it felt earlier, at `at_s`, can be
    asked back to the last change of the field.
    """

    GRADIENT_SIGMA = 0.001  # K per K of distance to ambient: 0.1 K at 125 degC, sigma

    def __init__(
        self,
        world: World,
        serial: str,
        *,
        lot: str = "",
        zone: str = "",
        powered: bool = True,
        own_supply_v: float = 3.3,
    ) -> None:
        self.world = world
        self.clock = world.clock
        self.serial = serial
        self.zone = world.zone(zone)
        self.lot = lot
        self.powered = powered
        self._own_supply_v = own_supply_v
        self._gradient = self.GRADIENT_SIGMA * self.unit("place")
        self._key = f"{lot}/{serial}" if lot else serial
        self._listening: list[Callable[[], None]] = []
        self._stress_from_h = self.zone.stress_h() - float(self.recall("stress_h") or 0.0)

    # -- chance and memory -----------------------------------------------------------------

    def stream(self, channel: str) -> Stream:
        """Return this part's random stream for `channel`."""
        return self.world.stream(self.lot, self.serial, channel)

    def unit(self, property_name: str) -> float:
        """Return this unit's standard normal deviation for a property: its spread."""
        return self.stream(f"unit {property_name}").normal()

    def noise(self, channel: str) -> float:
        """Return standard normal noise of a reading taken now."""
        return self.stream(channel).normal(round(self.clock.now() * 1e6))

    def noises(self, channel: str, first: int, count: int) -> npt.NDArray[np.float64]:
        """Return standard normal noise of the samples `first` to `first + count`, shape (count,).

        Sample k has the same noise in whatever blocks it is asked for.
        """
        return normals((self.world.seed, self.lot, self.serial, channel), first, count)

    def remember(self, what: str, value: str) -> None:
        """Keep something that outlives a power cycle and the program."""
        self.world.memory[f"{self._key}/{what}"] = value

    def recall(self, what: str) -> str | None:
        """Return what was kept, None if nothing was."""
        return self.world.memory.get(f"{self._key}/{what}")

    def fault(self) -> str:
        """Return the kind of fault that this part has now, "" while it is healthy."""
        # Asked in every transfer: nearly always nothing is known of this part.
        return self.world.fault_of(self.serial) if self.serial in self.world.faults else ""

    # -- what the part feels ---------------------------------------------------------------

    def value(self, address: str, at_s: float | None = None) -> Value:
        """Return what the part feels of a quantity now, or at `at_s`."""
        return self._felt(address, self.clock.now() if at_s is None else at_s)

    def scalar(self, address: str, at_s: float | None = None) -> float:
        """Return what the part feels of a quantity that is one number."""
        return _scalar(self.value(address, at_s))

    def temperature_c(self, at_s: float | None = None) -> float:
        """Return the temperature of the part's body."""
        return self._near(_scalar(self.value("temperature", at_s)))

    def temperatures_c(self, times: Times) -> npt.NDArray[np.float64]:
        """Return the temperature of the part's body at `times`, shape (n,)."""
        found = self.zone.field("temperature").sample(times)
        return found + self._gradient * (found - self._ambient_c)

    def humidity_rh(self, at_s: float | None = None) -> float:
        """Return the relative humidity at the part, in %RH.

        The part is a little warmer or colder than the air around it; the same water is less or
        more of what its own air could hold (Magnus, WMO-No. 8 annex 4.B).
        """
        now = self.clock.now() if at_s is None else at_s
        air_c = _scalar(self.zone.field("temperature").at(now))
        own_c = air_c + self._gradient * (air_c - self._ambient_c)
        return _scalar(self.value("humidity", at_s)) * _saturation(air_c) / _saturation(own_c)

    def pressure_pa(self, port: str = "", at_s: float | None = None) -> float:
        """Return the absolute pressure at a port of the part."""
        return self.scalar(f"pressure.{port}" if port else "pressure", at_s)

    def pressure_rising(self, port: str = "") -> bool:
        """Return whether the pressure last moved up: hysteresis depends on it."""
        address = f"pressure.{port}" if port else "pressure"
        return self.zone.field(address).rising(self.clock.now())

    def supply_v(self, port: str = "") -> float:
        """Return the voltage at a supply pin."""
        if not self.powered:
            return self._own_supply_v
        return self.scalar(f"supply.{port}" if port else "supply")

    def acceleration(self, times: Times) -> npt.NDArray[np.float64]:
        """Return specific force in the part's axes, m/s2, shape (n, 3): gravity, and shaking."""
        up = self._vector("orientation", times)
        strength = STANDARD_GRAVITY
        found = self.zone.fields.get("acceleration")
        if found is not None:
            return _as_vectors(found.sample(times), up)
        return up * strength

    def angular_rate(self, times: Times) -> npt.NDArray[np.float64]:
        """Return the rate about the part's axes, deg/s, shape (n, 3); a table turns about up."""
        return _as_vectors(
            self.zone.field("angular_rate").sample(times), self._vector("orientation", times)
        )

    def magnetic_field(self, times: Times) -> npt.NDArray[np.float64]:
        """Return the field in the part's axes, uT, shape (n, 3).

        A vector is in the part's axes; a plain number is along up.
        """
        return _as_vectors(
            self.zone.field("magnetic_field").sample(times), self._vector("orientation", times)
        )

    def stress_h(self) -> float:
        """Return the part's own hours of stress, as hours under bias at 125 degC."""
        return self.zone.stress_h() - self._stress_from_h

    def listen(self, before_change: Callable[[], None]) -> None:
        """Call `before_change` before any field changes and before the part leaves, then no more.

        What remembers the highest pressure, say, must not feel what comes after it left.
        """
        self.world.listen(before_change)
        self._listening.append(before_change)

    def leave(self) -> None:
        """Take the part out: its hours of stress are kept for its next place."""
        self.remember("stress_h", repr(self.stress_h()))
        for before_change in self._listening:
            before_change()
            self.world.ignore(before_change)
        self._listening.clear()

    # --------------------------------------------------------------------------------------

    @property
    def _ambient_c(self) -> float:
        return _scalar(self.world.ambient_of("temperature"))

    def _near(self, middle_c: float) -> float:
        return middle_c + self._gradient * (middle_c - self._ambient_c)

    def _felt(self, address: str, now: float) -> Value:
        return self.zone.field(address).felt(now)

    def _vector(self, quantity: str, times: Times) -> npt.NDArray[np.float64]:
        return self.zone.field(quantity).sample(times)


def _as_vectors(
    found: npt.NDArray[np.float64], up: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    return found if found.ndim == 2 else found[:, np.newaxis] * up


def _scalar(value: Value) -> float:
    return math.hypot(*value) if isinstance(value, tuple) else value


def _saturation(temperature_c: float) -> float:
    """Return the vapour pressure of saturated air over water, up to a factor."""
    return math.exp(17.62 * temperature_c / (243.12 + temperature_c))
