"""The simulated bench: fields by quantity in zones, and places in them where parts sit.

Instrument twins drive fields, part twins feel them at their place. The rules:
- Nothing here knows a device: a twin brings the field it drives, the station binds it to an address
  of a zone (`Zone.bind`), and a place looks up what it needs by that address.
- What nothing drives is ambient.
- What outlives a power cycle or a program run (memory cells, hours of stress) is in `memory`, by
  lot and serial: a fresh lot is fresh, whatever was done before it.
- Random numbers come by counter from (seed, lot, serial, channel) and the time, never from order.
- A fault has a time at which it begins; until then it is not there.
- Work aside (`Clock.aside`) sees the world as it was when that began, however long it takes, so
  that nothing here is ever ahead of the clock.
- Whoever hands a twin something holds `World.lock`: twins feel each other through the fields.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Mapping, MutableMapping
from dataclasses import dataclass

from sensorbench.core.clock import Clock
from sensorbench.core.quantity import Value
from sensorbench.world.beyond import Beyond
from sensorbench.world.faults import Fault as Fault  # noqa: PLC0414 - part of the world's face
from sensorbench.world.faults import changes_between, kind_at
from sensorbench.world.fields import Computed, Constant, Field, bounded, sure_until
from sensorbench.world.place import Place as Place  # noqa: PLC0414 - where parts sit in it
from sensorbench.world.place import dew_point, saturation, scalar
from sensorbench.world.random import Stream, stream

_BOLTZMANN_EV_PER_K = 8.617333262e-5  # CODATA 2018
_ACTIVATION_EV = 0.7  # AEC-Q100 Rev H appendix 7
_STRESS_REFERENCE_K = 125.0 + 273.15

AMBIENT: Mapping[str, Value] = {
    "temperature": 23.0,
    "humidity": 45.0,
    "pressure": 101_325.0,
    "orientation": (0.0, 0.0, 1.0),
    "magnetic_field": (0.0, 0.0, 0.0),
    "angular_rate": 0.0,
    "supply": 0.0,
    "co2": 420.0,
    "mass_concentration": 10.0,
    "number_concentration": 60.0,
    "particle_size": 0.6,
}
"""What a place has where nothing drives it; other quantities are 0."""


@dataclass(frozen=True, slots=True)
class Outlook:
    """What is to come at an address, as it was known at `now_s`.

    It stands still until `still_until_s`, and stays between `least` and `greatest` until
    `sure_until_s`; each is `now_s` where that is not so.
    """

    now_s: float
    still_until_s: float
    least: float
    greatest: float
    sure_until_s: float

    def between_until(self, low: float, high: float) -> float:
        """Return until when it is sure to stay between two values."""
        is_inside = low <= self.least and self.greatest <= high
        return self.sure_until_s if is_inside else self.now_s


class World:
    """Everything around the DUTs. `ambient` replaces rows of AMBIENT.

    Buses and lines hold `lock` while a twin acts, so that twins need none of their own; a twin
    that takes time over it (`let_pass`) gives it away meanwhile. `beyond` is what the twins
    acknowledged and do not model, by device.
    """

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
        self.beyond: dict[str, Beyond] = {}
        self.lock = threading.RLock()
        self._listeners: tuple[Callable[[], None], ...] = ()

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

    def beyond_of(self, device: str) -> Beyond:
        """Return the record of what a device's twin was asked for and does not model."""
        return self.beyond.setdefault(device, Beyond(device))

    # -- time and change -------------------------------------------------------------------

    def now(self) -> float:
        """Return the clock's time, or for work aside when that began: it sees nothing later."""
        since_s = self.clock.aside_since()
        return self.clock.now() if since_s is None else since_s

    def seen_at(self, at_s: float | None) -> float:
        """Return when a twin sees the world that asks for `at_s`, or for now: never after `now`."""
        if at_s is None:
            return self.now()
        since_s = self.clock.aside_since()
        return at_s if since_s is None else min(at_s, since_s)

    def let_pass(self, seconds: float) -> None:
        """Let time pass inside a twin: an instrument that integrates, while others go on."""
        try:
            self.lock.release()
        except RuntimeError:  # nobody shares this world
            self.clock.sleep(seconds)
            return
        try:
            self.clock.sleep(seconds)
        finally:
            self.lock.acquire()

    def listen(self, before_change: Callable[[], None]) -> None:
        """Call `before_change` before any field changes: to catch up under the old conditions."""
        with self.lock:
            if before_change not in self._listeners:
                self._listeners = (*self._listeners, before_change)

    def ignore(self, before_change: Callable[[], None]) -> None:
        """Call `before_change` no more."""
        with self.lock:
            self._listeners = tuple(kept for kept in self._listeners if kept != before_change)

    def changing(self) -> None:
        """Say that a field is about to change."""
        with self.lock:
            # Who catches up asks for the hours of stress at an earlier time: booked after that.
            for before_change in self._listeners:
                before_change()
            for zone in self.zones.values():
                zone.account()

    # -- faults ----------------------------------------------------------------------------

    def add_fault(self, device: str, fault: Fault) -> None:
        """Let something go wrong with a device, given by its name or its serial number."""
        self.faults.setdefault(device, []).append(fault)

    def fault_of(self, device: str, at_s: float | None = None) -> str:
        """Return the kind of fault that a device has now, or had at `at_s`; "" if healthy."""
        faults = self.faults.get(device)
        if not faults:
            return ""
        return kind_at(faults, self.seen_at(at_s))

    def fault_changes(self, device: str, after_s: float) -> list[tuple[float, str]]:
        """Return when a device's fault changed after `after_s` until now, and to what kind."""
        faults = self.faults.get(device)
        return changes_between(faults, after_s, self.now()) if faults else []

    # -- what is to come -------------------------------------------------------------------

    def still_until(self, zone: str, address: str) -> float:
        """Return until when an address does not move and nothing breaks; now, if it moves."""
        now = self.clock.now()
        return max(now, min(sure_until(self.zone(zone).field(address), now), self._breaks_at(now)))

    def outlook(self, zone: str, address: str) -> Outlook:
        """Return what can be said now of what is to come at an address."""
        now, still_s = self.clock.now(), self.still_until(zone, address)
        field = bounded(self.zone(zone).field(address))
        if field is None or self._is_broken(now):
            return Outlook(now, still_s, -math.inf, math.inf, now)
        return Outlook(now, still_s, *field.bounds(now), self._breaks_at(now))

    def between_until(self, zone: str, address: str, low: float, high: float) -> float:
        """Return until when an address stays between two values and nothing breaks.

        That is `now` where it may leave them, or does not know where it goes.
        """
        return self.outlook(zone, address).between_until(low, high)

    def outside_until(self, zone: str, address: str, low: float, high: float) -> float:
        """Return until when an address is not between two values and nothing breaks, or now."""
        now = self.clock.now()
        field = bounded(self.zone(zone).field(address))
        if field is None or self._is_broken(now):
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
        if found is None and quantity == "dew_point":
            return Computed(self._dew_point, (self.field("temperature"), self.field("humidity")))
        return found or Constant(self.world.ambient_of(quantity))

    def _room_humidity(self, now: float) -> float:
        """Return what the room's air has, in %RH, once it is as warm as the air here."""
        ambient_c = scalar(self.world.ambient_of("temperature"))
        here_c = scalar(self.field("temperature").at(now))
        ambient_rh = scalar(self.world.ambient_of("humidity"))
        return min(100.0, ambient_rh * saturation(ambient_c) / saturation(here_c))

    def _dew_point(self, now: float) -> float:
        """Return the dew or frost point, in degC, of the air here."""
        here = (scalar(self.field(name).at(now)) for name in ("temperature", "humidity"))
        return dew_point(*here)

    def value(self, address: str) -> Value:
        """Return the value at `address` now."""
        return self.field(address).at(self.world.now())

    # -- ageing ----------------------------------------------------------------------------

    def account(self) -> None:
        """Book the hours of stress until now, before the conditions change."""
        self._stress_h += self._pending_h()
        self._accounted_s = self.world.now()

    def stress_h(self, at_s: float | None = None) -> float:
        """Return the hours under bias in this zone, as hours at 125 degC (Arrhenius, 0.7 eV).

        Until now, or until `at_s`, not before the last change.
        """
        return self._stress_h + self._pending_h(at_s)

    def _pending_h(self, at_s: float | None = None) -> float:
        since_s = self.world.seen_at(at_s) - self._accounted_s
        if since_s <= 0 or not scalar(self.value("supply")):
            return 0.0
        field = self.field("temperature")
        # Ramps count at the temperature they lead to: closed-form, and small against a soak.
        target_c = getattr(field, "target", None)
        if target_c is None:
            target_c = scalar(field.at(self.world.now()))
        kelvins = target_c + 273.15
        factor = math.exp(
            _ACTIVATION_EV / _BOLTZMANN_EV_PER_K * (1 / _STRESS_REFERENCE_K - 1 / kelvins)
        )
        return since_s / 3600 * factor

    # -- supply ----------------------------------------------------------------------------

    def load_a(self) -> float:
        """Return the supply current of all parts plugged in here."""
        return sum(current() for current in self.loads.values())
