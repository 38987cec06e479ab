"""What acts on the DUTs during a run: setpoints, waves, soaks."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TypeVar

from sensorbench.core.clock import Clock
from sensorbench.core.errors import InstrumentError
from sensorbench.core.quantity import Value, address, components, distance
from sensorbench.evidence.run import RunWriter
from sensorbench.instruments.telling import Held, Swing
from sensorbench.parts.values import AMBIENT, Wave
from sensorbench.profiles.schedule import Band, Set, Settle
from sensorbench.run.services import Services
from sensorbench.run.spots import EPS, Spot
from sensorbench.run.state import State
from sensorbench.run.watch import Watch
from sensorbench.station.again import Again
from sensorbench.station.station import Station

T = TypeVar("T")
_FOR_EVER_S = 1e9
_ROUNDING_S = 1e-6
_BETWEEN = 0.7
"""Where between the polls of safety looks lie, of a second: no look is a poll, made or implied."""


@dataclass(frozen=True, slots=True)
class Reached:
    """A soak that was reached: where a place's first meter was at its end."""

    target: Value
    value: Value
    within: float

    def left_by(self, value: Value) -> float:
        """Return by how much a place has moved since, what brought it nearer to its target apart.

        A meter that lags comes nearer for a while; one that passes the target goes away from it.

        >>> soak = Reached(target=35.0, value=34.0, within=0.5)
        >>> soak.left_by(34.75), soak.left_by(33.0), soak.left_by(36.5)
        (0.0, 1.0, 2.5)
        """
        nearer = distance(self.value, self.target) - distance(value, self.target)
        return distance(value, self.value) - max(0.0, nearer)


class Bench:
    """Sends what steps ask for and waits for it; what was really sent is on record.

    `zeros` says where the parts count from another zero than the bench: Schedule.zeros.
    `unsettled` holds by address the last soak that was not reached, for the readings after it;
    `reached` the first soak since a place was set.
    """

    def __init__(
        self,
        station: Station,
        evidence: RunWriter,
        services: Services,
        watch: Watch,
        state: State,
        on_feed: Callable[[], None],
        insist: Again,
        zeros: Mapping[tuple[str, str], int] = MappingProxyType({}),
    ) -> None:
        self._station, self._evidence = station, evidence
        self._services, self._watch, self._state = services, watch, state
        self._clock: Clock = station.clock
        self._on_feed, self._insist = on_feed, insist
        self._zeros = zeros
        # When each wave was started, and its period: its plateaus are read in their middle.
        self.waves: dict[tuple[str, str], tuple[float, float]] = {}
        self.unsettled: dict[tuple[str, str], dict[str, object]] = {}
        self.reached: dict[tuple[str, str], Reached] = {}

    # -- acting ------------------------------------------------------------------------------

    def set(self, zone: str, action: Set) -> None:
        """Send a value, or start a wave."""
        where = action.address
        self.waves.pop((zone, where), None)
        self.reached.pop((zone, where), None)
        self._services.stop(_wave_name(zone, where))
        self._watch.changed()
        row = self._station.bindings.rows[zone, where]
        if row.select is not None:
            select = str(row.select)
            self._insist(self._station.switch_named(select).close, select)
        if isinstance(action.target, Wave):
            self._start_wave(zone, where, action.target, action.limit)
            sent: Value | None = None
        else:
            target = self._as_sent(zone, where, action.target)
            sent = self._go(zone, where, target, action.rate, action.limit)
        self._evidence.append(
            "sent",
            {"zone": zone, "address": where, "value": _plain(sent), "asked": _asked(action)},
        )
        if address(where).quantity.feeds:
            self._on_feed()

    def _as_sent(self, zone: str, where: str, target: Value) -> Value:
        """Return a target as the instrument counts: with the offset of its zero, and ambient."""
        offset = self._state.offsets.get((zone, where))
        if offset is not None:
            moved = tuple(a + b for a, b in zip(components(target), offset, strict=True))
            target = moved if isinstance(target, tuple) else moved[0]
        return target if isinstance(target, tuple) else target + self.shift(zone, where)

    def _start_wave(self, zone: str, where: str, wave: Wave, limit: float | None) -> None:
        setpoint = self._station.setpoint(zone, where)
        self.waves[zone, where] = (self._clock.now(), wave.period_s)
        if setpoint.makes(wave.period_s) and wave.low is not None:
            low, high = (
                components(self._as_sent(zone, where, end))[0] for end in (wave.low, wave.high)
            )
            self._watch.asking.sending(zone, where)
            self._ask(lambda: setpoint.wave(low, high, wave.period_s, wave.shape), zone, where)
            swing = Swing(low, high, wave.period_s, wave.shape)
            self._watch.asking.sent(zone, where, swing)
            return
        half, is_high = wave.period_s / 2, [False]

        def go(end: float) -> None:
            self._go(zone, where, self._as_sent(zone, where, end), None, limit)

        def toggle() -> None:
            is_high[0] = not is_high[0]
            self._watch.changed()
            if is_high[0]:
                go(wave.high)
            elif wave.low is None:
                self._watch.asking.sending(zone, where)
                self._ask(setpoint.release, zone, where)
                self._watch.asking.released(zone, where)
            else:
                go(wave.low)
            if address(where).quantity.feeds:
                self._on_feed()

        toggle()
        self._services.every(half, toggle, _wave_name(zone, where))

    def release(self, zone: str, where: str) -> None:
        """Stop acting on an address."""
        self.waves.pop((zone, where), None)
        self._services.stop(_wave_name(zone, where))
        self._watch.changed()
        self._watch.asking.sending(zone, where)
        self._ask(self._station.setpoint(zone, where).release, zone, where)
        self._watch.asking.released(zone, where)
        self.unsettled.pop((zone, where), None)
        self.reached.pop((zone, where), None)
        self._evidence.append("released", {"zone": zone, "address": where})
        row = self._station.bindings.rows[zone, where]
        if row.select is not None:
            select = str(row.select)
            self._insist(self._station.switch_named(select).open, select)
        if address(where).quantity.feeds:
            self._on_feed()

    def _go(
        self, zone: str, where: str, target: Value, rate: float | None, limit: float | None
    ) -> Value:
        """Send a value and return what was really sent; it is looked after from then on."""
        setpoint = self._station.setpoint(zone, where)
        self._watch.asking.sending(zone, where)
        sent = self._ask(lambda: setpoint.go(target, rate, limit), zone, where)
        self._watch.asking.sent(zone, where, Held(sent, limit))
        return sent

    def _ask(self, work: Callable[[], T], zone: str, where: str) -> T:
        """Do it, again where the bytes did not travel; an instrument that refuses is named."""
        acts = self._station.bindings.rows[zone, where].acts
        try:
            return self._insist(work, where if acts is None else str(acts))
        except InstrumentError as error:
            raise error.named(acts.instrument if acts else where) from None

    # -- soaks -------------------------------------------------------------------------------

    def settle(self, zone: str, action: Settle) -> bool:
        """Wait until every band holds at every meter for the soak's time, or its time-out."""
        spots = [(self._watch.spots.get((zone, b.address)), b) for b in action.bands]
        known = [(spot, band) for spot, band in spots if spot is not None]
        start = now = self._clock.now()
        since = math.inf
        # When each place is looked at next, and whether it was inside its band at the last look.
        looks = [start] * len(known)
        inside = [False] * len(known)
        # A toggling wave never stands still; its address is not among the bands.
        while True:
            is_last = now - since >= action.for_s - _ROUNDING_S
            for number, (spot, band) in enumerate(known):
                if is_last or now >= looks[number] - _ROUNDING_S:
                    self._watch.fresh(spot)
                    seen = self.seen(zone, band)
                    inside[number] = self._watch.settled(spot, seen, _slack(spot))
                    looks[number] = self._next_look(spot, seen, inside[number], now)
            now = self._clock.now()
            since = min(since, now) if len(known) == len(spots) and all(inside) else math.inf
            if now - since >= action.for_s - _ROUNDING_S:
                break
            # Less what a sum of times is rounded by: it may be a hair short, and stay so for ever.
            if now - start >= action.timeout_s - _ROUNDING_S:
                break
            look = min(looks, default=now + 1.0)
            self._services.wait(min(look, since + action.for_s, start + action.timeout_s))
            self._watch.check()
            now = self._clock.now()
        settled = now - since >= action.for_s - _ROUNDING_S
        self._note(zone, action, settled, start)
        return settled

    def seen(self, zone: str, band: Band) -> Band:
        """Return the band as the bench's meters see it: counted from where they count."""
        shift = self.shift(zone, band.address)
        if not shift:
            return band
        target = band.target + shift if isinstance(band.target, float) else band.target
        low = None if band.low is None else band.low + shift
        high = None if band.high is None else band.high + shift
        return replace(band, target=target, low=low, high=high)

    def shift(self, zone: str, where: str) -> float:
        """Return what the bench counts more than the part, where one counts from ambient."""
        sign = self._zeros.get((zone, where), 0)
        if not sign:
            return 0.0
        name = f"{address(where).quantity.name}.{AMBIENT}"
        spot = self._watch.spots.get((zone, name))
        if spot is not None and spot.meters[0].value is not None:
            return sign * components(spot.meters[0].value)[0]
        row = self._station.bindings.rows.get((zone, name))
        return sign * row.fixed if row is not None and isinstance(row.fixed, float) else 0.0

    def _next_look(self, spot: Spot, band: Band, inside: bool, now: float) -> float:
        """Return when to look again: not at what stands still, or is known to be far away.

        Looks lie on a grid of the run's own, between polls for safety, also after a place stood
        still: whether polls are made or implied shifts no look and no soak's end.
        """
        poll_s = spot.row.where.quantity.soak.poll_s
        implied = self._watch.implied
        far = now if inside else implied.outside_until(spot, band, _slack(spot))
        looks = max(1.0, math.floor((min(far, now + _FOR_EVER_S) - now) / poll_s))
        grid_s = spot.grid_s + _BETWEEN * min(poll_s, 1.0)
        last = math.floor((now - grid_s) / poll_s + EPS)
        still = max(now, min(implied.still_until(spot), now + _FOR_EVER_S))
        return grid_s + max(last + looks, math.ceil((still - grid_s) / poll_s - EPS)) * poll_s

    def _note(self, zone: str, action: Settle, settled: bool, start: float) -> None:
        took = round(self._clock.now() - start, 6)
        addresses = [band.address for band in action.bands]
        self._evidence.append(
            "soak", {"zone": zone, "addresses": addresses, "settled": settled, "took_s": took}
        )
        for band in action.bands:
            key = (zone, band.address)
            self.unsettled.pop(key, None)
            spot = self._watch.spots.get(key)
            seen = self.seen(zone, band)
            value = None if spot is None else spot.meters[0].value
            if settled and value is not None and seen.target is not None:
                self.reached.setdefault(key, Reached(seen.target, value, band.within))
            bad = spot is None or not self._watch.settled(spot, seen, _slack(spot))
            if not settled and bad:
                self.unsettled[key] = {
                    "address": band.address,
                    "target": _plain(band.target if band.target is not None else band.high),
                    "within": band.within,
                    "timeout_s": action.timeout_s,
                }


def _slack(spot: Spot) -> float:
    """Return how much further than the acting meter others may be: the place is not the sensor's.

    What station.toml says they must agree within, or else the band in which hours are credited.
    """
    return spot.row.agree if spot.row.agree is not None else spot.row.where.quantity.soak.held


def _wave_name(zone: str, where: str) -> str:
    return f"wave {zone}:{where}"


def _plain(value: Value | None) -> list[float] | float | None:
    return list(value) if isinstance(value, tuple) else value


def _asked(action: Set) -> object:
    target = action.target
    if isinstance(target, Wave):
        return {
            "low": target.low, "high": target.high, "period_s": target.period_s,
            "shape": target.shape,
        }  # fmt: skip
    return _plain(target)
