"""Watching the bench: safety, the log and credit, each apart, from the same polls.

The rules:
- Every meter of every bound place is polled at the place's own period, whatever a profile logs.
- The log is an envelope: a row a log period and meter with lowest, highest, mean and the number of
  polls since the row before. A trip writes the polls up to it first.
- Where a quantity was nulled at a reference, what acts counts from that zero, in bands and log.
- Hours are credited from log rows alone: a row in which every poll of every meter of every held
  place was inside its band, and none was missing, credits the time since the row before it; none
  while anything in the zone is beyond a limit that only is noted.
- In virtual time a poll is aside: it begins at its own time and costs the run none.
- Which polls of a simulated bench are implied, not made, is run/implied.py's matter.
- What instruments are asked besides, alarms and their own settings, is run/asking.py's matter.
- In real time safety polls in a thread of its own; what it finds is raised where the run waits.
- What waits for the disk there, and for how long at most, is run/keeping.py's matter.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType

import numpy as np

from sensorbench.core.clock import Clock, VirtualClock
from sensorbench.core.errors import BenchError, NotYetKnown
from sensorbench.core.quantity import Value
from sensorbench.evidence.run import RunWriter
from sensorbench.instruments.together import Reading
from sensorbench.profiles.schedule import GAP, Band
from sensorbench.run.asking import Asking
from sensorbench.run.implied import ALARMS_S, Implied
from sensorbench.run.keeping import Keeper
from sensorbench.run.services import Services, Tick
from sensorbench.run.spots import LOG, Spot, Watched, holds
from sensorbench.safety.heart import NoPulse, Pulse
from sensorbench.safety.limits import (
    ControlledEnd,
    SafetyStop,
    beyond,
    stops_beyond,
)
from sensorbench.station.station import Station

_MARGIN = 0.9
SILENT_S = 60.0
"""How long the watch may take for one round, s of real time: beyond it nobody watches."""
_MOST_WAITING = 4096
_REAL_FLUSH_S = 30.0
_OVERDUE_S = 1.0
"""How late a log row may be, s, until it is made without the run's own thread."""


@dataclass(slots=True)
class _Hold:
    bands: dict[tuple[str, str], Band]
    credit_s: float = 0.0
    since: float = field(default=math.nan)


class Watch:
    """Polls, limits, log and credit of the zones of a run. Raises SafetyStop from `wait`."""

    def __init__(
        self,
        station: Station,
        zones: frozenset[str],
        evidence: RunWriter,
        services: Services,
        log_s: float,
        implied: bool = True,
        offsets: Mapping[tuple[str, str], tuple[float, ...]] = MappingProxyType({}),
        pulse: Pulse | None = None,
    ) -> None:
        self._station, self._evidence, self._services = station, evidence, services
        self._clock: Clock = station.clock
        self._log_s, self._offsets = log_s, offsets
        self.implied = Implied(station, log_s, implied, self._glance)
        self.asking = Asking(station, evidence, self._raise)
        self._lock = threading.RLock()
        self._pulse: Pulse = pulse or NoPulse()
        self._trip: SafetyStop | None = None
        self._asks_end: ControlledEnd | None = None
        self._ends = False
        self._seen_s = self._checked_s = 0.0
        self._hold: _Hold | None = None
        self._waiting: list[tuple[float, ...]] = []
        self._waiting_since = 0.0
        self._is_uncommitted = False
        self._logged_at = math.nan
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._keeper: Keeper | None = None
        self._made_up = False
        self.spots: dict[tuple[str, str], Spot] = {}
        number = 0
        for row in station.bindings.rows.values():
            if row.zone not in zones:
                continue
            meters = []
            for name, meter in station.meters(row):
                meters.append(Watched(number, name, meter))
                number += 1
            if meters:
                # No log row without a poll: one would speak of a time that nobody looked at.
                often = replace(row, period_s=min(row.period_s, log_s))
                self.spots[row.zone, str(row.where)] = Spot(often, meters)

    # -- beginning and end -------------------------------------------------------------------

    def meters(self) -> list[dict[str, str]]:
        """Return what the evidence is told of the meters, in the order of their numbers."""
        return [
            {
                "name": watched.name, "zone": spot.row.zone, "address": str(spot.row.where),
                "quantity": watched.meter.quantity.name, "unit": watched.meter.quantity.unit,
            }
            for spot in self.spots.values()
            for watched in spot.meters
        ]  # fmt: skip

    def start(self) -> None:
        """Poll everything once, and from now on."""
        now = self._clock.now()
        for spot in self.spots.values():
            spot.grid_s = now
            self.poll(spot)
        self.asking.begin(spot.row for spot in self.spots.values())
        self._ask()
        self.log()
        self.implied.begin(now)
        self._services.every(self._log_s, self._log_tick, "log")
        if isinstance(self._clock, VirtualClock):
            for spot in self.spots.values():
                name = f"safety {spot.key}"
                self._services.every(spot.row.period_s, self._ticker(spot), name)
            self._services.every(ALARMS_S, self._alarm_tick, "alarms")
        else:
            self._seen_s = self._checked_s = time.monotonic()
            self._thread = threading.Thread(target=self._run, name="safety", daemon=True)
            self._thread.start()
            self._keeper = Keeper(self._clock, self._evidence, self._keep)
            self._keeper.start()

    def halt(self) -> None:
        """Poll nothing any more, and wait for nobody: the instruments are needed."""
        self._stop.set()
        if self._keeper is not None:
            self._keeper.halt()

    def stop(self) -> None:
        """End the thread, if there is one; a last log row is made, and what waits is written."""
        self.halt()
        if self._thread is not None:
            self._thread.join(timeout=10.0)
        if self._keeper is not None:
            self._keeper.join(10.0)
        self.log()
        self.flush()

    def _run(self) -> None:
        due = {key: self._clock.now() + spot.row.period_s for key, spot in self.spots.items()}
        alarms = self._clock.now() + ALARMS_S
        while not self._stop.wait(0.05):
            now, self._seen_s = self._clock.now(), time.monotonic()
            try:
                for key, spot in self.spots.items():
                    if now >= due[key]:
                        due[key] = max(due[key] + spot.row.period_s, now)
                        self.poll(spot)
                if now >= alarms:
                    alarms = now + ALARMS_S
                    self._ask()
            except SafetyStop as trip:
                self._trip = trip
                self._pulse.tripped()
                return
            except Exception as error:
                self._trip = SafetyStop(
                    f"the safety watch failed: {error}", "watch_failed", {"detail": str(error)}
                )
                self._pulse.tripped()
                return

    def check(self) -> None:
        """Raise what the safety thread found, and that it looks no more."""
        if self._trip is not None:
            raise self._trip
        if self._keeper is not None:
            self._keeper.check()
        if self._asks_end is not None:
            raise self._asks_end
        now, before = time.monotonic(), self._checked_s
        self._checked_s = now
        if now - before > SILENT_S / 2:
            self._seen_s = now  # the machine slept, or had no time: that says nothing of the watch
        if self._thread is not None and now - self._seen_s > SILENT_S:
            raise SafetyStop(
                f"the safety watch has looked at nothing for {SILENT_S:g} s: an instrument, or "
                "this machine's disk, holds it up",
                "watch_silent",
                {"seconds": SILENT_S},
            )

    def ends(self) -> None:
        """Go on while a run comes to its controlled end: no limit asks for that any more."""
        self._ends, self._asks_end = True, None
        if self._hold is not None:
            self.end_hold()

    @property
    def tripped(self) -> SafetyStop | None:
        """Return what the safety thread found that stops the run, if it did."""
        return self._trip

    def is_looking(self) -> bool:
        """Return whether safety looks, in real time, and has found nothing that stops the run."""
        return self._trip is None and time.monotonic() - self._seen_s <= SILENT_S

    def stop_for(self, text: str, code: str) -> None:
        """Let the run stop, from any thread, for what safety did not find by itself."""
        if self._trip is None:
            self._trip = SafetyStop(text, code, {"detail": text})
            self._pulse.tripped()

    # -- polls -------------------------------------------------------------------------------

    def _ticker(self, spot: Spot) -> Tick:
        def tick() -> float:
            self.poll(spot)
            return self.implied.due(spot)

        return tick

    def poll(self, spot: Spot) -> None:
        """Read every meter of a place, and check its limits. Raises SafetyStop."""
        with self._lock:
            skipped = self.implied.skipped(spot, self._clock.now())
            for group, meters in spot.groups:
                readings = self._clock.aside(group.read)
                for watched, reading in zip(meters, readings, strict=True):
                    before = watched.value
                    self._note(spot, watched, reading)
                    watched.imply(skipped, before)
            spot.polled_at = self._clock.now()
            self.implied.polled(spot)
            self._judge(spot)

    def _note(self, spot: Spot, watched: Watched, reading: Reading) -> None:
        if isinstance(reading, NotYetKnown):
            watched.value, spot.bad = None, True
        elif isinstance(reading, BenchError):
            self._missed(spot, watched, reading)
        else:
            watched.take(spot.felt(watched, reading, self._offsets.get(spot.key)))
            if watched.lost:
                watched.lost = False
                self._evidence.append("meter_back", {"meter": watched.name})

    def _glance(self, spot: Spot, watched: Watched) -> Value | None:
        """Read a meter for the log alone: no poll, it is not judged and nothing is on record."""
        try:
            value = self._clock.aside(watched.meter.read)
        except BenchError:
            return None
        return spot.felt(watched, value, self._offsets.get(spot.key))

    def _missed(self, spot: Spot, watched: Watched, error: BenchError) -> None:
        now = self._clock.now()
        watched.missing_since = watched.missing_since if watched.missing else now
        watched.missing += 1
        watched.missed += 1
        watched.value = None
        spot.bad = True
        if watched.missing == 1:
            self._evidence.append("retry", {"what": watched.name, "reason": str(error)})
        is_over = spot.row.lost.is_over(watched.missing, now - watched.missing_since)
        if watched.lost or not is_over:
            return
        watched.lost = True
        self._evidence.append("meter_lost", {"meter": watched.name, "reason": str(error)})
        # Where nothing can be exceeded and nothing is held, not to know is no danger.
        limited = spot.row.low is not None or spot.row.high is not None
        matters = (limited and spot.row.action != "note") or spot.band is not None
        if matters and all(other.lost for other in spot.meters):
            self._raise(
                f"{spot.row.where}: no meter can be read any more, the last was {watched.name}: "
                f"{error}",
                "meters_lost",
                {"address": str(spot.row.where), "zone": spot.row.zone, "detail": str(error)},
            )

    def _judge(self, spot: Spot) -> None:
        row, now = spot.row, self._clock.now()
        worst = next(
            (
                (watched, found)
                for watched in spot.meters
                if watched.value is not None and (found := beyond(row, watched.value))
            ),
            None,
        )
        if worst is None:
            # What was beyond and can't be read just now is not known to be back inside.
            if all(watched.value is not None or watched.lost for watched in spot.meters):
                spot.beyond_since, spot.is_noted = math.inf, False
        else:
            spot.beyond_since = min(spot.beyond_since, now)
            if now - spot.beyond_since >= row.delay_s:
                self._exceeded(spot, *worst)
        self._agree(spot)
        if spot.band is not None and not self.inside(spot, spot.band):
            spot.bad = True

    def _exceeded(self, spot: Spot, watched: Watched, found: tuple[str, float, float]) -> None:
        """Stop the run for a limit, or note that it is exceeded: once, until it no longer is."""
        row, (end, value, limit) = spot.row, found
        unit = row.where.quantity.unit
        values: dict[str, object] = {
            "address": str(row.where), "zone": row.zone, "meter": watched.name,
            "end": end, "value": value, "limit": limit, "unit": unit,
        }  # fmt: skip
        low, high = stops_beyond(row)
        stops = high if end == "high" else low
        text = (
            f"{row.where} is {value:.6g} {unit} at {watched.name}, the bench's {end} limit is "
            f"{limit:g} {unit} and an overshoot may go to {stops:g} {unit}"
        )
        if row.action == "stop":
            self._raise(text, "limit", values)
        spot.exceeded = True
        if not spot.is_noted:
            spot.is_noted = True
            self._evidence.append("limit", values)
            if row.action == "end" and not self._ends:
                self._ask_for_the_end(ControlledEnd(text, "limit", values))

    def _ask_for_the_end(self, asked: ControlledEnd) -> None:
        """End the run in its own time: raised where it waits, as polls go on until then."""
        if isinstance(self._clock, VirtualClock):
            raise asked
        self._asks_end = asked

    def _agree(self, spot: Spot) -> None:
        # On the way, what lags behind differs from what leads: only what is held must agree.
        if spot.band is None:
            return
        found = spot.disagreement()
        if found is not None:
            spot.bad = True
            if not spot.disagree:
                self._evidence.append("disagree", {"zone": spot.row.zone, **found})
        spot.disagree = found is not None

    def disagreement(self, zone: str, where: str) -> dict[str, object] | None:
        """Return how far the meters of a place were apart at its last poll, None if they agreed."""
        spot = self.spots.get((zone, where))
        return None if spot is None else spot.disagreement()

    def _raise(self, text: str, code: str, values: dict[str, object]) -> None:
        self.log()
        self.flush(commits=False)
        self._evidence.append("trip", {"code": code, "values": values, "text": text})
        # On the disk once the bench is safe: a disk that stalls must not hold that up.
        raise SafetyStop(text, code, values)

    def _ask(self) -> None:
        self._clock.aside(self.asking.ask)

    def _alarm_tick(self) -> float | None:
        self._ask()
        return self.implied.alarms_asked(self.spots.values())

    def alarms(self) -> list[str]:
        """Return what stands and does not stop the run, in words."""
        found = [text for spot in self.spots.values() for text in spot.alarms()]
        return found + self.asking.noted()

    # -- what the run asks -------------------------------------------------------------------

    def changed(self) -> None:
        """Say that something acts anew: what was implied until now is counted, polls go on."""
        if isinstance(self._clock, VirtualClock):
            self._wake(list(self.spots.values()))
            self._services.due_now("alarms", self.implied.alarms_wake())

    def _wake(self, spots: Sequence[Spot]) -> None:
        """Go on with the next polls of these places' grids."""
        self.implied.wake(spots)
        for spot in spots:
            self._services.due_now(f"safety {spot.key}", spot.after(self._clock.now()))

    def fresh(self, spot: Spot) -> None:
        """Poll a place that moves, unless that was done just now."""
        if not self.implied.looked(spot):
            self.poll(spot)

    def settled(self, spot: Spot, band: Band, slack: float) -> bool:
        """Return whether a place is inside a band at every meter, and its meters agree.

        With a margin: what just agrees now may not when the units are read in a moment.
        """
        return self.inside(spot, band, slack) and spot.disagreement(_MARGIN) is None

    def inside(self, spot: Spot, band: Band, slack: float = 0.0) -> bool:
        """Return whether every meter of a place is inside a band; one that is lost is not.

        `slack` is allowed for meters other than the one that acts.
        """
        for watched in spot.meters:
            if watched.value is None:
                return False
            own = watched.name == spot.acting
            if not holds(band, watched.value, 0.0 if own or len(spot.meters) == 1 else slack):
                return False
        return True

    # -- credit --------------------------------------------------------------------------------

    def begin_hold(self, zone: str, bands: Sequence[Band], credit_s: float = 0.0) -> None:
        """Credit time from now on in which every band holds at every meter."""
        with self._lock:
            hold = _Hold({(zone, band.address): band for band in bands}, credit_s)
            held = {key: self.spots[key] for key in hold.bands if key in self.spots}
            if isinstance(self._clock, VirtualClock):
                self._wake(list(held.values()))
            self.log()
            hold.since = self._clock.now()
            for spot in self.spots.values():
                spot.bad = False
            for key, spot in held.items():  # how it is at the beginning belongs to the first row
                spot.band = hold.bands[key]
                self.poll(spot)
            self._hold = hold

    def credited(self) -> float:
        """Return the seconds credited so far, up to now: a log row is made for it."""
        self._look_before_the_row()
        self.log()
        return self._hold.credit_s if self._hold else 0.0

    def _look_before_the_row(self) -> None:
        """Poll what is held and was not looked at since the last row."""
        with self._lock:
            now = self._clock.now()
            for key in self._hold.bands if self._hold and now != self._logged_at else ():
                spot = self.spots.get(key)
                if spot is None:
                    continue
                self.implied.count(spot, now)
                if not all(w.polls + w.implied for w in spot.meters):
                    self.poll(spot)

    def end_hold(self) -> float:
        """End crediting and return what was credited."""
        with self._lock:
            credit = self.credited()
            self._hold = None
            for spot in self.spots.values():
                spot.band = None
            return credit

    # -- log -----------------------------------------------------------------------------------

    def _log_tick(self) -> None:
        made_up, self._made_up = self._made_up, False
        if made_up and self._clock.now() - self._logged_at < self._log_s / 2:
            return  # this row was made, as it was overdue; few meters were polled since
        # Where a row is late, so are the polls that were due since: they belong to the next one.
        self.log(self.implied.row_due())
        if self._is_uncommitted:
            self._is_uncommitted = False
            self._evidence.commit_soon()

    def _keep(self, waits_s: float) -> bool:
        """Make the row that is overdue, and write those that wait; return if there were any.

        In a thread of its own: the run's may be busy, as with reading many units.
        """
        with self._lock:
            now = self._clock.now()
            if now - self._logged_at > self._log_s + _OVERDUE_S:
                self.log()
                self._made_up = True
            elif not self._waiting or now - self._waiting_since < waits_s:
                return False
            self.flush(commits=False)
            return True

    def log(self, due_s: float = math.inf) -> None:
        """Make a log row of every meter now, and credit the time since the last one.

        `due_s` is when it was due, where it may be late.
        """
        with self._lock:
            now = self._clock.now()
            if now == self._logged_at:
                return
            for spot in self.spots.values():
                self.implied.count(spot, min(now, due_s))
            is_looked_at = all(
                watched.polls + watched.implied
                for key in (self._hold.bands if self._hold else ())
                if key in self.spots
                for watched in self.spots[key].meters
            )
            for spot in self.spots.values():
                for watched in spot.meters:
                    self._waiting += watched.row(now - self._evidence.start_s)
            self._logged_at = now
            self._credit(now, is_looked_at)
            if len(self._waiting) > _MOST_WAITING or self._is_late():
                self.flush(commits=False)
                self._is_uncommitted = True

    def _is_late(self) -> bool:
        if isinstance(self._clock, VirtualClock):
            return self._hold is not None  # what is credited outlives the program, row by row
        return self._clock.now() - self._waiting_since >= _REAL_FLUSH_S

    def _credit(self, now: float, is_looked_at: bool) -> None:
        hold = self._hold
        if hold is None:
            return
        held = [self.spots[key] for key in hold.bands if key in self.spots]
        known = is_looked_at and all(w.value is not None for s in held for w in s.meters)
        # Nobody vouches for a longer time without a row: assessment does not credit it either.
        seen = now - hold.since <= GAP * self._log_s
        zones = {zone for zone, _ in hold.bands}
        exceeded = any(s.exceeded for s in self.spots.values() if s.row.zone in zones)
        if known and seen and not exceeded and not any(spot.bad for spot in held):
            hold.credit_s += now - hold.since
        hold.since = now
        for spot in self.spots.values():
            spot.exceeded = spot.is_noted
        for spot in held:
            # What stands still is not polled: where it stands is how the next row begins.
            inside = spot.band is None or self.inside(spot, spot.band)
            spot.bad = not inside or spot.disagree

    def flush(self, commits: bool = True) -> None:
        """Write the log rows that wait."""
        with self._lock:
            waiting, self._waiting = self._waiting, []
            if waiting:
                rows = np.array(waiting, dtype=np.float64)
                credit = self._hold.credit_s if self._hold else None
                self._evidence.append("log", {"credit_s": credit}, {LOG: rows})
            self._waiting_since = self._clock.now()
        if waiting and commits:  # not under the lock: polls do not wait for a disk
            self._evidence.commit_soon()
