"""Polls of a simulated bench that are implied: counted, and not made, as they would read the same.

The rules:
- While the simulated world says that nothing moves until t, polls between are implied. The next
  real poll is at the first time of the place's grid that is not before t, so that a trip comes at
  the same poll with and without.
- While the world says that a place that nobody holds moves far from its limits, polls between two
  looks or log rows are implied too: their mean is that of the readings before and after. Nor is a
  soak looked at then that can't be inside its band yet.
- Where a poll takes time on its line, so does an implied one: whatever waits behind it begins when
  it would have, and a run is the same to the second with and without. None is jumped over then.
- In real time, and where a run asks for it, none is implied.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from sensorbench.core.clock import Clock, VirtualClock
from sensorbench.profiles.schedule import Band
from sensorbench.run.spots import EPS, Spot
from sensorbench.station.station import Station

ALARMS_S = 10.0
"""How often the instruments are asked for their alarms."""
_FOR_EVER_S = 1e9
_FAR = 4.0
"""How far from a limit a place is clear of it, in usual soak bands: what its meters may add."""


@dataclass(slots=True)
class _Alarms:
    """When alarms are asked for: the grid's beginning, the next time that is not implied."""

    grid_s: float = 0.0
    skips_until: float = -math.inf
    took_s: float = 0.0

    def due(self, not_before: float) -> float:
        periods = math.ceil((not_before - self.grid_s) / ALARMS_S - EPS)
        return self.grid_s + max(periods, 1) * ALARMS_S


class Implied:
    """Which polls are implied, and what they take."""

    def __init__(self, station: Station, log_s: float, allowed: bool) -> None:
        self._station = station
        self._clock: Clock = station.clock
        self._log_s, self._log_from = log_s, 0.0
        self._allowed = allowed and isinstance(self._clock, VirtualClock)
        self._takes_time = False
        self._alarms = _Alarms()

    def begin(self, log_from: float) -> None:
        """Take note of when the grids of log rows and of alarms begin."""
        self._log_from, self._alarms.grid_s = log_from, self._clock.now()

    # -- polls -------------------------------------------------------------------------------

    def polled(self, spot: Spot, began_s: float) -> None:
        """Take note of a poll that was made: what it took, and until when it speaks."""
        if not self._allowed:
            return
        spot.took_s = self._clock.now() - began_s
        self._takes_time |= spot.took_s > 0
        # One that did not answer is asked again at once: is it lost, or was it a glitch?
        asked = any(w.missing and not w.lost for w in spot.meters)
        spot.quiet_until = -math.inf if asked else self._station.still_until(*spot.key)
        spot.clear_until = -math.inf if asked else self._clear_until(spot)

    def passed(self, spot: Spot) -> bool:
        """Return whether the poll that is due is implied, and let the time pass that it takes."""
        if self._clock.now() >= spot.skips_until - EPS:
            return False
        self._pass(spot)
        return True

    def _pass(self, spot: Spot) -> None:
        self._clock.sleep(spot.took_s)
        spot.looked_at = self._clock.now()

    def due(self, spot: Spot) -> float:
        """Return when the place's next poll is due, implied ones that take no time left out."""
        now, period = self._clock.now(), spot.row.period_s
        due = following = spot.after(now)
        still = min(spot.quiet_until, now + _FOR_EVER_S)
        if still > due:
            due = spot.grid_s + math.ceil((still - spot.grid_s) / period - EPS) * period
        elif spot.clear_until > due:
            # As late as it may be; not later than the last time before the next log row.
            rows = math.floor((now - self._log_from) / self._log_s + EPS) + 1
            log_at = self._log_from + rows * self._log_s
            steps = math.ceil((min(spot.clear_until, log_at) - spot.grid_s) / period - EPS)
            before_log = math.ceil((log_at - spot.grid_s) / period - EPS) - 1
            due = max(due, spot.grid_s + min(steps, before_log) * period)
        if due > following:
            spot.skips_until = max(spot.skips_until, due)
        return following if self._takes_time else due

    def _clear_until(self, spot: Spot) -> float:
        """Return until when a place that nobody holds stays far from its limits."""
        row = spot.row
        if spot.band is not None or spot.beyond_since < math.inf:
            return -math.inf
        far = _FAR * row.where.quantity.soak.within
        low = -math.inf if row.low is None else row.low + far
        high = math.inf if row.high is None else row.high - far
        return self._station.between_until(*spot.key, low, high)

    def skipped(self, spot: Spot, now: float) -> int:
        """Return how many polls of the grid were implied before `now`; each is told once."""
        end = min(now, spot.skips_until)
        if end == -math.inf:
            return 0
        last = spot.index(spot.polled_at) if spot.polled_at > -math.inf else 0
        skipped = math.ceil((end - spot.grid_s) / spot.row.period_s - EPS) - 1 - last
        if skipped <= 0:
            return 0
        spot.polled_at = spot.grid_s + (last + skipped) * spot.row.period_s
        return skipped

    def count(self, spot: Spot, now: float) -> None:
        """Count the polls that were implied before `now`, with the last reading."""
        skipped = self.skipped(spot, now)
        for watched in spot.meters:
            watched.imply(skipped, watched.value)

    def wake(self, spots: Iterable[Spot]) -> None:
        """Count what was implied until now, and imply nothing more until the next poll."""
        now = self._clock.now()
        for spot in spots:
            self.count(spot, now)
            spot.skips_until = spot.quiet_until = spot.clear_until = -math.inf

    # -- looks of a soak ---------------------------------------------------------------------

    def looked(self, spot: Spot) -> bool:
        """Return whether the last reading of a place does for a look, and let a look's time pass.

        It does where the place was polled just now, or a poll would read the same.
        """
        now = self._clock.now()
        if now - spot.looked_at < EPS:
            return True
        if now >= spot.quiet_until:
            return False
        if self._takes_time:
            self._pass(spot)
        return True

    def still_until(self, spot: Spot) -> float:
        """Return until when a place need not be looked at, as its readings stay as they are."""
        return -math.inf if self._takes_time else spot.quiet_until

    def outside_until(self, spot: Spot, band: Band, slack: float) -> float:
        """Return until when a place is far from a band and need not be looked at."""
        jumps = self._allowed and not self._takes_time
        if not jumps or not isinstance(band.target, float):
            return self._clock.now()
        far = band.within + slack + _FAR * spot.row.where.quantity.soak.within
        return self._station.outside_until(*spot.key, band.target - far, band.target + far)

    # -- alarms ------------------------------------------------------------------------------

    def alarms_passed(self) -> bool:
        """Return whether asking for alarms is implied now, and let the time pass that it takes."""
        if self._clock.now() >= self._alarms.skips_until - EPS:
            return False
        self._clock.sleep(self._alarms.took_s)
        return True

    def alarms_asked(self, spots: Iterable[Spot], began_s: float) -> float | None:
        """Take note that alarms were asked for; return when next, None: a period later.

        An instrument's own protection is armed at the limits: far from them it stays silent.
        """
        if not self._allowed:
            return None
        now = self._clock.now()
        self._alarms.took_s = now - began_s
        still = min((max(spot.quiet_until, spot.clear_until) for spot in spots), default=now)
        due = self._alarms.due(max(now + 1e-6, min(still, now + _FOR_EVER_S)))
        if not self._takes_time:
            return due
        self._alarms.skips_until = due
        return None

    def alarms_wake(self) -> float:
        """Imply no more of them; return when they are asked for next."""
        self._alarms.skips_until = -math.inf
        return self._alarms.due(self._clock.now() + 1e-6)
