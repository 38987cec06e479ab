"""Polls of a simulated bench that are implied: counted, and not made, as they would read the same.

The rules:
- While the simulated world says that nothing moves until t, polls between are implied. The next
  real poll is at the first time of the place's grid that is not before t, so that a trip comes at
  the same poll with and without.
- While the world says that a place that nobody holds moves far from its limits, polls between two
  looks or log rows are implied too: their mean is that of the readings before and after. Nor is a
  soak looked at then that can't be inside its band yet.
- A run is the same with and without, each event at the same time: polls that are made are aside
  (`Clock.aside`), so that what they take on the line costs nobody anything, and looks lie on a
  grid of the run. Two differences are chance alone: a sensor that the run reads while a poll of it
  is under way has other noise then; and where a meter scatters up to the edge of its band, polls
  that are made meet a reading beyond it now and then that no implied one has.
- A log row that is late counts what was implied until it was due, as polls then are late as well.
- In real time, and where a run asks for it, none is implied.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

from sensorbench.core.clock import Clock, VirtualClock
from sensorbench.core.quantity import Value
from sensorbench.profiles.schedule import Band
from sensorbench.run.spots import EPS, Spot, Watched
from sensorbench.station.station import Station

ALARMS_S = 10.0
"""How often the instruments are asked for their alarms."""
_FOR_EVER_S = 1e9
_FAR = 4.0
"""How far from a limit a place is clear of it, in usual soak bands: what its meters may add."""


Glance = Callable[[Spot, Watched], Value | None]
"""Reads a meter for the log alone; None where it gives nothing."""


class Implied:
    """Which polls are implied."""

    def __init__(self, station: Station, log_s: float, allowed: bool, glance: Glance) -> None:
        self._station, self._glance = station, glance
        self._clock: Clock = station.clock
        self._log_s, self._log_from = log_s, 0.0
        self._allowed = allowed and isinstance(self._clock, VirtualClock)
        self._alarms_from = 0.0

    def begin(self, log_from: float) -> None:
        """Take note of when the grids of log rows and of alarms begin."""
        self._log_from, self._alarms_from = log_from, self._clock.now()

    # -- polls -------------------------------------------------------------------------------

    def polled(self, spot: Spot) -> None:
        """Take note of a poll that was made: until when it speaks."""
        spot.is_old = False
        if not self._allowed:
            return
        # One that did not answer is asked again at once: is it lost, or was it a glitch?
        asked = any(w.missing and not w.lost for w in spot.meters)
        spot.quiet_until = -math.inf if asked else self._station.still_until(*spot.key)
        spot.clear_until = -math.inf if asked else self._clear_until(spot)

    def due(self, spot: Spot) -> float:
        """Return when the place's next poll is due, implied ones left out."""
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
        return due

    def _clear_until(self, spot: Spot) -> float:
        """Return until when a place that nobody holds stays far from its limits."""
        row = spot.row
        if spot.band is not None or spot.beyond_since < math.inf:
            return -math.inf
        far = _FAR * row.where.quantity.soak.within
        low = -math.inf if row.low is None else row.low + far
        high = math.inf if row.high is None else row.high - far
        return self._station.between_until(*spot.key, low, high)

    def row_due(self) -> float:
        """Return when the log row was due that is made now."""
        rows = math.floor((self._clock.now() - self._log_from) / self._log_s + EPS)
        return self._log_from + rows * self._log_s

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
        """Count the polls that were implied before `now`, with the last reading.

        Where the place moves meanwhile, with one of now as well: it may have gone far.
        """
        moves = self._clock.now() >= spot.quiet_until
        skipped = self.skipped(spot, now)
        for watched in spot.meters:
            there = self._glance(spot, watched) if skipped and moves else None
            watched.imply(skipped, watched.value if there is None else there)

    def wake(self, spots: Iterable[Spot]) -> None:
        """Count what was implied until now, and imply nothing more until the next poll."""
        now = self._clock.now()
        for spot in spots:
            self.count(spot, now)
            spot.is_old = True
            spot.skips_until = spot.quiet_until = spot.clear_until = -math.inf

    # -- looks of a soak ---------------------------------------------------------------------

    def looked(self, spot: Spot) -> bool:
        """Return whether the last reading of a place does for a look.

        It does where the place was polled just now, or a poll would read the same. What was
        polled just now and set since does not: a command may take no time on its line.
        """
        now = self._clock.now()
        is_new = not spot.is_old and now - spot.polled_at < EPS
        return is_new or now < spot.quiet_until

    def still_until(self, spot: Spot) -> float:
        """Return until when a place need not be looked at, as its readings stay as they are."""
        return spot.quiet_until

    def outside_until(self, spot: Spot, band: Band, slack: float) -> float:
        """Return until when a place is far from a band and need not be looked at."""
        if not self._allowed or not isinstance(band.target, float):
            return self._clock.now()
        far = band.within + slack + _FAR * spot.row.where.quantity.soak.within
        return self._station.outside_until(*spot.key, band.target - far, band.target + far)

    # -- alarms ------------------------------------------------------------------------------

    def alarms_asked(self, spots: Iterable[Spot]) -> float | None:
        """Take note that alarms were asked for; return when next, None: a period later.

        An instrument's own protection is armed at the limits: far from them it stays silent.
        """
        if not self._allowed:
            return None
        now = self._clock.now()
        still = min((max(spot.quiet_until, spot.clear_until) for spot in spots), default=now)
        return self._alarms_due(max(now + 1e-6, min(still, now + _FOR_EVER_S)))

    def alarms_wake(self) -> float:
        """Return when they are asked for next, where none is implied any more."""
        return self._alarms_due(self._clock.now() + 1e-6)

    def _alarms_due(self, not_before: float) -> float:
        periods = math.ceil((not_before - self._alarms_from) / ALARMS_S - EPS)
        return self._alarms_from + max(periods, 1) * ALARMS_S
