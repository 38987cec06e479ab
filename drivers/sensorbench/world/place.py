"""Where one part sits in the world: what it feels, its random streams, its history."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from sensorbench.core.quantity import Value
from sensorbench.world.faults import BROWN_OUT
from sensorbench.world.fields import Times, reach
from sensorbench.world.random import Stream, normals

if TYPE_CHECKING:
    from sensorbench.world.beyond import Beyond
    from sensorbench.world.world import World

STANDARD_GRAVITY = 9.80665  # m/s2, CGPM 1901


class Place:
    """Where one part sits: what it feels, its random streams, its history.

    A place differs from the middle of its zone by its own small share of the distance to ambient.
    A device that is not `powered` from the zone's supply, such as a reference, always has
    `own_supply_v`. `more` is how much more it feels here, by address, of quantities that are one
    number. Vectors are in the part's own axes. What it felt earlier, at `at_s`, can be
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
        more: Mapping[str, float] | None = None,
    ) -> None:
        self.world = world
        self.clock = world.clock
        self.serial = serial
        self.zone = world.zone(zone)
        self.lot = lot
        self.powered = powered
        self._own_supply_v = own_supply_v
        self._more = dict(more or {})
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

    @property
    def beyond(self) -> Beyond:
        """Return the record of what this part's twin was asked for and does not model."""
        return self.world.beyond_of(self.serial)

    def fault_changes(self, after_s: float) -> list[tuple[float, str]]:
        """Return when this part's fault changed after `after_s` until now, and to what kind."""
        return self.world.fault_changes(self.serial, after_s)

    def fault(self, at_s: float | None = None) -> str:
        """Return the kind of fault that this part has now, or had at `at_s`; "" if healthy."""
        # Asked in every transfer: nearly always nothing is known of this part.
        return self.world.fault_of(self.serial, at_s) if self.serial in self.world.faults else ""

    # -- what the part feels ---------------------------------------------------------------

    def value(self, address: str, at_s: float | None = None) -> Value:
        """Return what the part feels of a quantity now, or at `at_s`."""
        return self._felt(address, self.world.seen_at(at_s))

    def scalar(self, address: str, at_s: float | None = None) -> float:
        """Return what the part feels of a quantity that is one number."""
        return scalar(self.value(address, at_s))

    def scalars(self, address: str, times: Times) -> npt.NDArray[np.float64]:
        """Return the same at `times`, shape (n,)."""
        return self._sampled(address, times)

    def temperature_c(self, at_s: float | None = None) -> float:
        """Return the temperature of the part's body."""
        return self._near(scalar(self.value("temperature", at_s)))

    def temperatures_c(self, times: Times) -> npt.NDArray[np.float64]:
        """Return the temperature of the part's body at `times`, shape (n,)."""
        found = self._sampled("temperature", times)
        return found + self._gradient * (found - self._ambient_c)

    def temperature_range_c(self, since_s: float) -> tuple[float, float]:
        """Return the least and greatest temperature of the part's body from `since_s` on.

        Until something changes; infinite where the field doesn't know how far it goes.
        """
        low_c, high_c = reach(self.zone.field("temperature"), since_s)
        if math.isinf(high_c - low_c):
            return -math.inf, math.inf
        more = self._more.get("temperature", 0.0)
        return self._near(low_c + more), self._near(high_c + more)

    def humidity_rh(self, at_s: float | None = None) -> float:
        """Return the relative humidity at the part, in %RH.

        The part is a little warmer or colder than the air around it; the same water is less or
        more of what its own air could hold (Magnus, WMO-No. 8 annex 4.B).
        """
        now = self.world.seen_at(at_s)
        air_c = scalar(self.zone.field("temperature").at(now)) + self._more.get("temperature", 0.0)
        own_c = air_c + self._gradient * (air_c - self._ambient_c)
        return scalar(self.value("humidity", at_s)) * saturation(air_c) / saturation(own_c)

    def humidities_rh(self, times: Times) -> npt.NDArray[np.float64]:
        """Return the relative humidity at the part at `times`, in %RH, shape (n,)."""
        air_c = self._sampled("temperature", times)
        own_c = air_c + self._gradient * (air_c - self._ambient_c)
        exponents = (17.62 * c / (243.12 + c) for c in (air_c, own_c))
        more = np.exp(next(exponents) - next(exponents))
        return np.asarray(self._sampled("humidity", times) * more)

    def pressure_pa(self, port: str = "", at_s: float | None = None) -> float:
        """Return the absolute pressure at a port of the part."""
        return self.scalar(f"pressure.{port}" if port else "pressure", at_s)

    def pressures_pa(self, times: Times, port: str = "") -> npt.NDArray[np.float64]:
        """Return the absolute pressure at a port of the part at `times`, shape (n,)."""
        return self._sampled(f"pressure.{port}" if port else "pressure", times)

    def pressure_rising(self, port: str = "", at_s: float | None = None) -> bool:
        """Return whether the pressure last moved up: hysteresis depends on it."""
        address = f"pressure.{port}" if port else "pressure"
        return self.zone.field(address).rising(self.world.seen_at(at_s))

    def supply_v(self, port: str = "") -> float:
        """Return the voltage at a supply pin."""
        if self.fault() == BROWN_OUT:
            return 0.0
        if not self.powered:
            return self._own_supply_v
        return self.scalar(f"supply.{port}" if port else "supply")

    def acceleration(self, times: Times) -> npt.NDArray[np.float64]:
        """Return specific force in the part's axes, m/s2, shape (n, 3): gravity, and shaking."""
        up = self._sampled("orientation", times)
        strength = STANDARD_GRAVITY
        found = self.zone.fields.get("acceleration")
        if found is not None:
            return _as_vectors(found.sample(self._seen(times)), up)
        return up * strength

    def angular_rate(self, times: Times) -> npt.NDArray[np.float64]:
        """Return the rate about the part's axes, deg/s, shape (n, 3); a table turns about up."""
        return _as_vectors(
            self._sampled("angular_rate", times), self._sampled("orientation", times)
        )

    def magnetic_field(self, times: Times) -> npt.NDArray[np.float64]:
        """Return the field in the part's axes, uT, shape (n, 3).

        A vector is in the part's axes; a plain number is along up.
        """
        return _as_vectors(
            self._sampled("magnetic_field", times), self._sampled("orientation", times)
        )

    def stress_h(self, at_s: float | None = None) -> float:
        """Return the part's own hours of stress until now or `at_s`, under bias at 125 degC."""
        return self.zone.stress_h(at_s) - self._stress_from_h

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
        return scalar(self.world.ambient_of("temperature"))

    def _near(self, middle_c: float) -> float:
        return middle_c + self._gradient * (middle_c - self._ambient_c)

    def _felt(self, address: str, now: float) -> Value:
        found = self.zone.field(address).felt(now)
        more = self._more.get(address)
        return found if more is None or isinstance(found, tuple) else found + more

    def _sampled(self, quantity: str, times: Times) -> npt.NDArray[np.float64]:
        found = self.zone.field(quantity).sample(self._seen(times))
        more = self._more.get(quantity)
        return found if more is None else found + more

    def _seen(self, times: Times) -> Times:
        since_s = self.clock.aside_since()
        return times if since_s is None else np.minimum(times, since_s)


def _as_vectors(
    found: npt.NDArray[np.float64], up: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    return found if found.ndim == 2 else found[:, np.newaxis] * up


def scalar(value: Value) -> float:
    return math.hypot(*value) if isinstance(value, tuple) else value


def saturation(temperature_c: float) -> float:
    """Return the vapour pressure of saturated air over water, up to a factor."""
    return math.exp(17.62 * temperature_c / (243.12 + temperature_c))


def dew_point(temperature_c: float, humidity_rh: float) -> float:
    """Return in degC where air begins to dew, or below 0 degC to frost, over ice then.

    Source: WMO-No. 8, annex 4.B (Magnus' formulae over water and over ice). Air of 0 %RH has the
    frost point of 0.001 %RH.

    >>> round(dew_point(23.0, 45.0), 1), round(dew_point(23.0, 2.0), 1)
    (10.4, -26.2)
    """
    share = math.log(max(humidity_rh, 1e-3) / 100.0 * saturation(temperature_c))
    over_water, over_ice = (17.62, 243.12), (22.46, 272.62)
    slope, offset = over_water if share >= 0 else over_ice
    return offset * share / (slope - share)
