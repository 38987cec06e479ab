"""Readings of a run: single points, and monitors that go on; streams are run/streams.py's matter.

A reading is a journal entry with rows: of the units by part, and of the references that were read
just before each sweep. Of two readings of one point the last complete one counts. A meter that is
slow beside the period of a monitor, of a quantity that stands still, is not read for every sweep:
its last reading stands there, with its own time.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np

from sensorbench.core.errors import BenchError, NotYetKnown, ProtocolError, TransportError
from sensorbench.core.quantity import Value, components
from sensorbench.evidence.segments import TypedRows
from sensorbench.parts.values import Wave
from sensorbench.profiles.schedule import Point, Read, Set
from sensorbench.run.duts import Sweep
from sensorbench.run.left_out import LeftOut
from sensorbench.run.retry import once_more
from sensorbench.run.silence import FIRST_PAUSE_S, PAUSE_S, Way
from sensorbench.run.stopped import NothingToRead
from sensorbench.run.streams import Streams

if TYPE_CHECKING:
    from sensorbench.run.runner import Runner

_MIDDLE = 0.05  # of a wave's period: how far from a plateau's middle is still the middle
_SLOW = 0.1  # of a monitor's period: a meter that takes longer is slow
_FRESH = 20.0  # readings' lengths for which a slow meter's reading stands
Rows = list[tuple[float, ...]]


class Readings:
    """Reads points for the runner."""

    def __init__(self, runner: Runner) -> None:
        self._run = runner
        self._left_out = LeftOut(runner)
        self._streams = Streams(runner, self, self._left_out)
        steps = runner.schedule.steps
        self._moved = {(s.zone, s.action.address) for s in steps if isinstance(s.action, Set)}
        # What slow meters read last: until when it stands, and the rows.
        self._slow: dict[tuple[str, str], tuple[float, Rows]] = {}

    def forget(self) -> None:
        """Say that something on the bench changed: no earlier reading stands for it."""
        self._slow.clear()

    # -- points ------------------------------------------------------------------------------

    def read(self, zone: str, action: Read) -> None:
        """Read a point as often as asked, with the references before each sweep."""
        self._insist(lambda: self._read(zone, action))

    def _read(self, zone: str, action: Read) -> None:
        run = self._run
        point = run.schedule.points[action.point]
        group = self.group(point)
        whole = Sweep()
        references: Rows = []
        for number in range(action.samples):
            if number:
                run.services.wait(run.clock.now() + action.interval_s)
            read = self._references(zone, number, insists=True)
            references += read
            whole.merge(run.duts.sweep(group, number, point.settings, self._by_address(zone, read)))
        doubts = [*self._doubts(zone, point), *self._moved_since(zone, point, references)]
        self._write("readout", point, whole, references, {"sweeps": action.samples}, doubts)
        self._note(zone, point, group, whole)

    # -- silence -----------------------------------------------------------------------------

    def _insist(self, ask: Callable[[], None]) -> None:
        """Ask, and ask again while nothing answers. Raises NothingToRead."""
        run = self._run
        ask()
        pause_s = FIRST_PAUSE_S
        while self.way() is Way.AGAIN:
            run.services.wait(run.clock.now() + pause_s)
            run.watch.check()
            ask()
            pause_s = PAUSE_S

    def _note(self, zone: str, point: Point, group: Sequence[int], sweep: Sweep) -> None:
        run = self._run
        sets = {where: act.target for (name, where), act in run.state.sets.items() if name == zone}
        holds = {**sets, **point.conditions}
        run.silence.note(point, group, sweep, holds, run.clock.now())
        self._left_out.note(point, group, sweep.problems)

    def way(self) -> Way:
        """Return how the run goes on. Raises NothingToRead where it does not."""
        run = self._run
        now = run.clock.now()
        way = run.silence.way(run.state.next, run.state.dropped, now)
        if way is Way.STOP:
            raise NothingToRead(run.silence.fact(run.state.next, run.state.dropped, now))
        return way

    def _doubts(self, zone: str, point: Point) -> list[dict[str, object]]:
        """Return where meters of one place disagree, of what stands as the point says or by itself.

        A wave, and what was set otherwise since, is on its way: there one meter lags behind
        another.
        """
        run = self._run
        found = []
        for where, target in {**self._left_alone(zone), **point.conditions}.items():
            act = run.state.sets.get((zone, where))
            if isinstance(target, Wave) or (act is not None and act.target != target):
                continue
            apart = run.watch.disagreement(zone, where)
            if apart is not None:
                found.append({"code": "meters_disagree", **apart})
        return found

    def _moved_since(
        self, zone: str, point: Point, references: Rows
    ) -> Iterator[dict[str, object]]:
        """Yield what moved away from where it stood when its soak ended: the soak is void then.

        By more than from one end of its band to the other. What is nulled is read from another
        zero.
        """
        last = max((row[1] for row in references), default=0.0)
        read = self._by_address(zone, [row for row in references if row[1] == last])
        for where in point.conditions:
            value, reached = read.get(where), self._run.bench.reached.get((zone, where))
            if value is None or reached is None or (zone, where) in self._run.state.offsets:
                continue
            apart = reached.left_by(value)
            if apart > 2.0 * reached.within:
                yield {
                    "code": "moved_since", "address": where, "apart": apart,
                    "within": reached.within,
                }  # fmt: skip

    def _left_alone(self, zone: str) -> dict[str, None]:
        """Return the places that the whole run leaves as they are: they are what they were."""
        spots = (where for name, where in self._run.watch.spots if name == zone)
        return {where: None for where in spots if (zone, where) not in self._moved}

    def group(self, point: Point) -> Sequence[int]:
        """Return the units of a point that are not left out."""
        run = self._run
        dropped = run.state.dropped
        return [
            number
            for number in run.schedule.group(point.units)
            if run.schedule.units[number].serial not in dropped
        ]

    def _references(
        self,
        zone: str,
        sweep: int,
        only: set[str] | None = None,
        without: set[str] | None = None,
        every_s: float = 0.0,
        insists: bool = False,
    ) -> Rows:
        """Return rows of what the units are compared with, and of what else is bound here.

        Of the addresses `only`, or of all but those `without`. With `every_s` slow meters are read
        now and then. One that does not answer is waited for if the reading `insists`: a monitor
        asks again anyway.
        """
        run = self._run
        rows: Rows = []
        for (name, where), spot in run.watch.spots.items():
            if name != zone or where in (without or ()) or (only is not None and where not in only):
                continue
            watched = spot.meters[0]
            began = run.clock.now()
            stands_until, kept = self._slow.get(spot.key, (-math.inf, []))
            if every_s and began < stands_until:
                rows += kept
                continue
            value = self._value(watched.meter.read, watched.name, insists)
            if value is None:
                continue
            now = run.seconds(run.clock.now())
            own: Rows = [(now, sweep, watched.number, k, part)
                   for k, part in enumerate(components(value))]  # fmt: skip
            rows += own
            took_s = run.clock.now() - began
            if every_s and took_s > _SLOW * every_s:
                self._slow[spot.key] = (began + _FRESH * took_s, own)
        return rows

    def _by_address(self, zone: str, rows: Sequence[tuple[float, ...]]) -> dict[str, Value]:
        """Return what references read, by address; rows as `_references` gives them."""
        parts: dict[float, list[float]] = {}
        for _now, _sweep, meter, _component, part in rows:
            parts.setdefault(meter, []).append(part)
        found: dict[str, Value] = {}
        for (name, where), spot in self._run.watch.spots.items():
            own = parts.get(spot.meters[0].number) if name == zone else None
            if own:
                found[where] = tuple(own) if len(own) > 1 else own[0]
        return found

    def _value(self, read: Any, name: str, insists: bool) -> Value | None:
        """Return what a meter reads, None where it can't be read; with pauses if one `insists`."""

        def ask() -> Value | None:
            try:
                found: Value = read()
            except NotYetKnown:
                return None
            return found

        run, attempts = self._run, 0

        def note(error: BenchError) -> None:
            nonlocal attempts
            attempts += 1
            data = {"what": name, "reason": str(error), "attempt": attempts}
            run.evidence.append("retry", data)

        def work() -> Value | None:
            # What came damaged is read again, too; what never came is waited for.
            return once_more(ask, run.clock, note, ProtocolError)

        try:
            if not insists:
                return once_more(ask, run.clock, note, BenchError)
            return run.failing.read(work, name)
        except BenchError as error:
            if insists and isinstance(error, TransportError):
                raise  # a person ended the run for it
            note(error)
            return None

    def note_identities(self) -> None:
        """Put on record what units said of themselves when they were first asked."""
        for serial, identity in self._run.duts.identified().items():
            self._run.evidence.append("unit", {"serial": serial, "identity": asdict(identity)})

    def _write(
        self,
        kind: str,
        point: Point,
        sweep: Sweep,
        references: Rows,
        more: dict[str, Any],
        doubts: Sequence[dict[str, object]] = (),
    ) -> None:
        run = self._run
        samples: dict[str, TypedRows] = {}
        for number, part in enumerate(run.schedule.parts):
            rows = run.duts.as_rows(sweep, part)
            if len(rows):
                rows[:, 0] -= run.evidence.start_s
                samples[f"units-{number}"] = rows
        samples["references"] = np.array(references, dtype=np.float64).reshape(-1, 5)
        self.note_identities()
        run.evidence.append(
            kind,
            {
                "point": point.id,
                "problems": sweep.problems,
                **({"partly": sweep.partly} if sweep.partly else {}),
                "unsettled": [*run.bench.unsettled.values(), *doubts],
                "retries": run.duts.retries(),
                **more,
            },
            samples,
        )
        run.evidence.commit_soon()

    # -- open reads --------------------------------------------------------------------------

    def open(self, zone: str, action: Read) -> None:
        """Begin to read until `close`."""
        run = self._run
        point = run.schedule.points[action.point]
        if action.stream:
            self._insist(lambda: self._streams.open(point))
            return
        every = action.every_s
        waves = [w for (name, _), w in run.bench.waves.items() if name == zone and w[1] < every]
        if not waves:
            run.services.every(every, lambda: self._monitor(zone, point, every), point.id)
            self._monitor(zone, point, every)
            return
        # Both plateaus of a wave are read, in their middle: the reference is then the unit's too.
        wave = min(waves, key=lambda one: one[1])
        rounds = max(1, round(every / wave[1]))
        for name, share in ((point.id, 0.25), (f"{point.id} other", 0.75)):
            first = _middle(wave, share, run.clock.now())
            run.services.every(
                rounds * wave[1],
                lambda share=share: self._plateau(zone, point, wave, share),  # type: ignore[misc]
                name,
                first,
            )

    def _plateau(self, zone: str, point: Point, wave: tuple[float, float], share: float) -> None:
        """Read a plateau: what stands still first, then, in its middle, what the wave moves."""
        run = self._run
        moved = {where for (name, where) in run.bench.waves if name == zone}
        began = run.clock.now()
        slow = self._references(zone, 0, without=moved)
        if run.clock.now() - began > _MIDDLE * wave[1]:
            run.clock.sleep(_middle(wave, share, run.clock.now()) - run.clock.now())
        quick = self._references(zone, 0, only=moved)
        group = self.group(point)
        sweep = run.duts.sweep(group, 0, point.settings)
        doubts = self._doubts(zone, point)
        self._write("monitor", point, sweep, slow + quick, {"sweeps": 1}, doubts)
        self._note(zone, point, group, sweep)
        self.way()

    def _monitor(self, zone: str, point: Point, every_s: float) -> None:
        run, group = self._run, self.group(point)
        references = self._references(zone, 0, every_s=every_s)
        others = self._by_address(zone, references)
        sweep = run.duts.sweep(group, 0, point.settings, others)
        self._write("monitor", point, sweep, references, {"sweeps": 1}, self._doubts(zone, point))
        self._note(zone, point, group, sweep)
        if self.way() is Way.AGAIN and every_s > PAUSE_S:
            again = run.clock.now() + PAUSE_S
            run.services.once(
                again, lambda: self._monitor(zone, point, every_s), f"{point.id} again"
            )

    def close(self, point_id: str) -> None:
        """End an open read."""
        run = self._run
        run.services.stop(point_id)
        run.services.stop(f"{point_id} other")
        run.services.stop(f"{point_id} again")
        self._streams.close(point_id)

    def close_all(self) -> None:
        """End every stream; what they hold is written."""
        self._streams.close_all()


def _middle(wave: tuple[float, float], share: float, now: float) -> float:
    """Return the next time at which `share` of a wave's period is over."""
    started, period = wave
    return started + (math.ceil((now - started) / period - share) + share) * period
