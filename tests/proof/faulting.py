"""A fault tried on a proof bench: what was noticed, and what it changed, against the world's truth.

A run with a fault is compared with the same run without it. What each place really had is asked of
the simulated world whenever time passes; the program under test knows nothing of it.
"""

from __future__ import annotations

import shutil
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from math import inf, isfinite
from pathlib import Path

from sensorbench.assessment.assess import assess
from sensorbench.assessment.data import RunData
from sensorbench.assessment.records import Readout
from sensorbench.assessment.results import Assessment, Result
from sensorbench.core.catalog import devices
from sensorbench.core.clock import VirtualClock
from sensorbench.core.errors import BenchError
from sensorbench.core.quantity import address, components, distance
from sensorbench.core.verdict import Verdict
from sensorbench.evidence.run import RunReader
from sensorbench.profiles.schedule import Do, Hold, Read, Release, Set, Settle, Step
from sensorbench.run.execute import execute
from sensorbench.station.station import open_station
from sensorbench.station.workspace import Workspace, load_job
from sensorbench.world.world import World

from .proving import Bench

Place = tuple[str, str]
"""A zone and an address."""
ONLY_OPENED = ("identity", "language")
"""What an instrument is asked for when it is opened, and not again."""
_OFTEN_S = 1.0
_POLLS_S = 1.0
"""What polls that are made around a fault, and implied without it, take in all, s."""
_ROUND = 1e-6
_WHILE_S = 120.0


class Watching(VirtualClock):
    """A clock that asks the world what its places have, whenever time passes."""

    def __init__(self, start: datetime, places: Sequence[Place] = ()) -> None:
        super().__init__(start)
        self.world: World | None = None
        self.places = places
        self.seen: dict[Place, list[tuple[float, tuple[float, ...]]]] = {p: [] for p in places}
        self._looked = -inf

    def sleep(self, seconds: float) -> None:
        """Let time pass; what places had just before it passes, and after, is kept."""
        if seconds > 2 * _OFTEN_S:
            self._look(forced=True)
        super().sleep(seconds)
        self._look(forced=False)

    def _look(self, forced: bool) -> None:
        now = self.now()
        if self.world is None or (not forced and abs(now - self._looked) < _OFTEN_S):
            return
        self._looked = now
        for zone, where in self.places:
            value = self.world.zone(zone).value(where)
            self.seen[zone, where].append((now, components(value)))


@dataclass(frozen=True, slots=True)
class Wrong:
    """Something wrong with a device: its station's name or a unit's serial, from when to when."""

    device: str
    kind: str
    at_s: float
    until_s: float = inf


@dataclass(slots=True)
class Tried:
    """A run: its evidence, what it came to, and the truth by place, times from the run's start.

    `start_s` is when the run's own time began: a fault's counts from when the bench was opened.
    """

    data: RunData
    assessment: Assessment
    raised: str
    truth: Mapping[Place, list[tuple[float, tuple[float, ...]]]]
    start_s: float
    end_s: float

    def at(self, place: Place, time_s: float) -> tuple[float, ...] | None:
        """Return what a place had at a time."""
        seen = self.truth.get(place, [])
        k = bisect_left(seen, (time_s + _ROUND,))
        return seen[k - 1][1] if k else None

    def between(self, place: Place, start_s: float, end_s: float) -> list[tuple[float, ...]]:
        """Return what a place had from one time to another."""
        seen = self.truth.get(place, [])
        found = seen[bisect_left(seen, (start_s,)) : bisect_left(seen, (end_s + _ROUND,))]
        return [value for _, value in found]


@dataclass(frozen=True, slots=True)
class Scene:
    """A bench that is ready, and a profile of it: a file or an id; `name` is what is tried.

    `phase` is the kind whose steps are disturbed.
    """

    name: str
    bench: Bench
    profile: str
    lots: tuple[str, ...]
    phase: str


@dataclass(frozen=True, slots=True)
class Seen:
    """What came of a fault: what was noticed first, after how many s; the verdict, what is wrong.

    What begins with "told" lies where one meter sees all, which `check` and the report say. `ends`
    says how the run ended, `why` the codes of the units' reasons.
    """

    noticed: str
    after_s: float
    ends: str
    verdict: Verdict
    why: tuple[str, ...]
    wrong: tuple[str, ...]


def tried(scene: Scene, folder: Path, faults: Sequence[Wrong] = (), start_s: float = 0.0) -> Tried:
    """Run a scene in a copy of its workspace, with faults that begin in s from the run's start.

    `start_s` is that start on the bench's clock, as a run without them told. Raises BenchError
    where nothing was begun.
    """
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(scene.bench.workspace.root, folder)
    shutil.rmtree(folder / "evidence", ignore_errors=True)
    workspace = Workspace(folder)
    if faults:
        path = workspace.station_path
        path.write_text(
            path.read_text(encoding="utf-8") + _as_toml(faults, start_s), encoding="utf-8"
        )
    job = load_job(workspace, scene.profile, scene.lots, None)
    file = workspace.load_station()
    clock = Watching(scene.bench.now)
    raised = ""
    with open_station(file, clock, job.lots, workspace.load_memory()) as station:
        assert station.bench is not None
        rows = station.bindings.rows
        clock.places = list(rows)
        clock.seen = {place: [] for place in rows}
        clock.world = station.bench.world
        try:
            execute(workspace, job, station)
        except BenchError as error:
            raised = f"{type(error).__name__}: {error}"
    if not workspace.evidence.exists():
        raise BenchError(f"nothing was begun: {raised}")
    (root,) = workspace.evidence.iterdir()
    data = RunData.of(RunReader(root))
    last = list(data.events())[-1]
    since = datetime.fromisoformat(last.time) - scene.bench.now
    start_s = since.total_seconds() - last.t
    truth = {
        place: sorted((t - start_s, value) for t, value in found)
        for place, found in clock.seen.items()
    }
    return Tried(data, assess(data), raised, truth, start_s, last.t)


def _as_toml(faults: Sequence[Wrong], start_s: float) -> str:
    rows = []
    for one in faults:
        until = "" if one.until_s == inf else f'until = "{start_s + one.until_s:.6f} s"\n'
        rows.append(
            f'\n[[simulation.fault]]\ndevice = "{one.device}"\nkind = "{one.kind}"\n'
            f'at = "{max(start_s + one.at_s, 0.0):.6f} s"\n{until}'
        )
    return "".join(rows)


# -- what can be tried -----------------------------------------------------------------------------


def faults_of(scene: Scene) -> list[tuple[str, str, str]]:
    """Return device, its model, and a kind of fault: of every twin of a bench, and of one unit."""
    file = scene.bench.workspace.load_station()
    found = []
    for name, entry in file.instrument.items():
        kinds = devices()[entry.model].load_faults()
        found += [(name, entry.model, kind) for kind in kinds if kind not in ONLY_OPENED]
    lot = scene.bench.workspace.load_lot(scene.lots[0])
    part = scene.bench.workspace.load_part(lot.lot.part)
    kinds = (*devices()[part.part.driver].load_faults(), "absent")
    return found + [(lot.unit[0].serial, part.part.driver, kind) for kind in kinds]


def label(step: Step) -> str:
    """Return what a step is called in the table."""
    match step.action:
        case Set() as action:
            return f"set {action.address}"
        case Settle() as action:
            return f"settle {action.bands[0].address}"
        case Read() as action:
            return "read on" if action.is_open else "read"
        case Hold():
            return "hold"
        case Release() as action:
            return f"release {action.what}" if "." not in action.what else "release"
        case Do() as action:
            return action.verb
    raise AssertionError(step)


def moments(scene: Scene, plain: Tried) -> dict[str, tuple[float, float]]:
    """Return by a step's label when one from the middle of the phase began, and how long it took.

    `pause` is the longest time in which nothing was done: an open reading, or a dwell.
    """
    found: dict[str, list[tuple[float, float]]] = {}
    began: dict[int, float] = {}
    for event in plain.data.events("step", "done"):
        number = event.data["step"]
        step = plain.data.schedule.steps[number]
        phase = plain.data.schedule.phase(step.phase) if step.phase else {}
        if phase.get("kind") != scene.phase:
            continue
        if event.kind == "step":
            began[number] = event.t
        else:
            found.setdefault(label(step), []).append((began[number], event.t - began[number]))
    return {name: rows[len(rows) // 2] for name, rows in found.items()}


# -- what came of it -------------------------------------------------------------------------------


def compare(plain: Tried, other: Tried, faults: Sequence[Wrong]) -> Seen:
    """Return what was noticed of faults, and what they changed although a verdict is PASS."""
    start_s = min(fault.at_s for fault in faults)
    known = Counter(what for _, what in _notices(plain))
    noticed, after_s = "", inf
    for t, what in _notices(other):
        if known[what]:
            known[what] -= 1
        elif t >= start_s - _ROUND:
            noticed, after_s = what, t - start_s
            break
    devices_at_fault = {fault.device for fault in faults}
    units = [u for u in other.assessment.units if u.verdict is Verdict.PASS]
    wrong = (
        list(changed(plain, other, {u.serial for u in units}, devices_at_fault)) if units else []
    )
    if units and not noticed and abs(other.end_s - plain.end_s) > _POLLS_S:
        wrong.append(f"unshown: took {other.end_s - plain.end_s:+.3g} s, and nothing says why")
    codes = dict.fromkeys(r.code for u in other.assessment.units for r in u.reasons)
    ended = [event.data["state"] for event in other.data.events("run_ended")]
    return Seen(
        noticed, after_s, ended[-1] if ended else "not ended", other.assessment.verdict,
        tuple(codes), tuple(dict.fromkeys(wrong)),
    )  # fmt: skip


def _notices(run: Tried) -> Iterator[tuple[float, str]]:
    """Yield what a run's journal says went wrong, with its time."""
    for event in run.data.events():
        data = event.data
        if event.kind in ("retry", "meter_lost", "disagree", "trip", "stream_closed"):
            if event.kind == "stream_closed" and not data.get("problems"):
                continue
            what = data.get("code") or data.get("what") or data.get("meter") or data.get("address")
            yield event.t, f"{event.kind} {what or ''}".strip()
        elif event.kind in ("readout", "monitor", "stream_opened"):
            for problem in data.get("problems", {}).values():
                yield event.t, f"unit: {problem['error']}"
            for row in data.get("unsettled", ()):
                yield event.t, str(row.get("code", "not_settled"))
            for _ in data.get("retries", {}):
                yield event.t, "unit: retry"
        elif event.kind == "run_ended" and data["state"] != "complete":
            yield event.t, f"ended: {data['state']}"
        elif event.kind == "hold":
            yield (
                event.t,
                f"hold of {data['credit_s']:.0f} s, took {data['end_s'] - data['start_s']:.0f} s",
            )
        elif event.kind == "soak":
            yield event.t, f"soak {data['settled']}, {data['took_s']:.0f} s"
        elif event.kind == "safe_state":
            for _ in data["problems"]:
                yield event.t, "not safe"


def changed(plain: Tried, other: Tried, passed: set[str], faulty: set[str]) -> Iterator[str]:
    """Yield what a unit that passed saw, or is on record of it, that is not as it was to be."""
    yield from _overstressed(plain, other)
    read = list(_otherwise_read(plain, other, passed))
    yield from read
    yield from _not_held(other)
    if not faulty & set(plain.data.serials):
        # What follows from a reference that nobody can see to be off can't be seen either.
        told = bool(read) and all(text.startswith("told") for text in read)
        for result, own in _other_results(plain, other, passed):
            hidden = told or abs(result.value - own.value) <= _agree(other, result.channel)
            yield (
                f"{'told: ' if hidden else ''}recorded: {result.measure} {result.channel} is "
                f"{result.value:.4g}, without it {own.value:.4g} {result.unit}"
            )


def _allowed(run: Tried, place: Place) -> float:
    """Return how far a place may be from where it was to be: its band of credit, and agreement."""
    zone, where = place
    bench = run.data.bench(zone, where)
    return address(where).quantity.soak.held + float(bench.get("agree") or 0.0)


def _overstressed(plain: Tried, other: Tried) -> Iterator[str]:
    """Yield where a place went beyond what the parts are made for and the run asks for."""
    for place, seen in plain.truth.items():
        if len(seen[0][1]) != 1 or not other.truth[place]:
            continue
        mine, theirs = ([v[0] for _, v in run.truth[place]] for run in (other, plain))
        words = [
            part["ranges"].get(place[1], {}).get("words", {})
            for part in plain.data.schedule.parts.values()
        ]
        shift = plain.data.ambient(*place)
        least = min([*theirs, *(w["min"] + shift for w in words if "min" in w)])
        most = max([*theirs, *(w["max"] + shift for w in words if "max" in w)])
        allowed = _allowed(plain, place) + 0.02 * (most - least)
        if max(mine) > most + allowed:
            yield f"saw: {place[1]} went to {max(mine):.4g}, beyond {most:.4g}"
        if min(mine) < least - allowed:
            yield f"saw: {place[1]} went to {min(mine):.4g}, beyond {least:.4g}"


def _otherwise_read(plain: Tried, other: Tried, passed: set[str]) -> Iterator[str]:
    """Yield what readings that count were taken under, or compared with, that was not so."""
    usual_off: dict[tuple[str, str, Place], float] = {}
    for phase, readout in _readings(plain.data):
        for what, place, off, _ in _offs(plain, readout):
            key = (phase, what, place)
            usual_off[key] = max(off, usual_off.get(key, 0.0))
    for phase, readout in _readings(other.data):
        group = {other.data.serials[n] for n in other.data.schedule.group(readout.point.units)}
        if not (group - set(readout.problems)) & passed or readout.unsettled:
            continue
        for what, place, off, allowed in _offs(other, readout):
            most = max(allowed, 1.5 * usual_off.get((phase, what, place), 0.0))
            if what == "recorded" and _moves(other, place, readout.t, allowed):
                most = max(most, _allowed(other, place))
            if off <= most:
                continue
            told = "told: " if _can_not_be_seen(other, place, what, off) else ""
            if what == "saw":
                yield f"{told}saw: read at {place[1]} {off:.3g} from where it was to be"
            else:
                yield f"{told}recorded: {place[1]} {off:.3g} from the truth"


def _can_not_be_seen(run: Tried, place: Place, what: str, off: float) -> bool:
    """Return whether nobody can see it, which `check`, the report and the station file say.

    Only what acts tells what the place has; or a reference is off by less than its meters may
    differ.
    """
    bench = run.data.bench(*place)
    if what == "recorded" and bench.get("agree") is not None and off <= float(bench["agree"]):
        return True
    acts = str(bench.get("set") or "").partition(".")[0]
    return bool(acts) and all(str(m).partition(".")[0] == acts for m in bench.get("meters", ()))


def _readings(data: RunData) -> Iterator[tuple[str, Readout]]:
    for readout in data.readouts.values():
        yield readout.point.phase, readout
    for phase in data.schedule.phases:
        for readout in data.monitored(phase["name"]):
            yield f"{phase['name']}, monitored", readout


def _offs(run: Tried, readout: Readout) -> Iterator[tuple[str, Place, float, float]]:
    """Yield how far places were from what was asked, and references from the truth; what may be."""
    data = run.data
    zone = data.zone_of(readout.point.id)
    for where, target in readout.point.conditions.items():
        place = (zone, where)
        truth = run.at(place, readout.t)
        if isinstance(target, int | float | tuple | list) and truth is not None:
            asked = tuple(a + data.ambient(*place) for a in components(_value(target)))
            yield "saw", place, distance(_one(truth), _one(asked)), _allowed(run, place)
    for name, told in readout.references.items():
        place = (zone, name.partition(":")[2])
        truth = run.at(place, readout.t)
        stated = data.bench(*place).get("uncertainty")
        known = all(map(isfinite, told))
        if known and truth is not None and stated is not None and len(truth) == len(told):
            yield "recorded", place, distance(_one(told), _one(truth)), 2.0 * float(stated)


def _moves(run: Tried, place: Place, t: float, by: float) -> bool:
    """Return whether a place moved before it was read: a meter lags there, as much as may be."""
    seen = [_one(value) for value in run.between(place, t - _WHILE_S, t)]
    return any(distance(value, seen[0]) > by for value in seen)


def _not_held(other: Tried) -> Iterator[str]:
    """Yield holds of which more was credited than was served in truth."""
    data, step = other.data, None
    for event in data.events("step", "hold"):
        if event.kind == "step":
            step = data.schedule.steps[event.data["step"]]
            continue
        if step is None or not isinstance(step.action, Hold):
            continue
        start_s, end_s = event.data["start_s"], event.data["end_s"]
        for band in step.action.bands:
            place = (step.zone, band.address)
            seen = [(t, v) for t, v in other.truth.get(place, []) if start_s <= t <= end_s]
            if band.target is None or not seen:
                continue
            allowed = band.within + float(data.bench(*place).get("agree") or 0.0)
            asked = tuple(a + data.ambient(*place) for a in components(band.target))
            out_s = sum(
                b[0] - a[0]
                for a, b in pairwise(seen)
                if distance(_one(a[1]), _one(asked)) > allowed
                and distance(_one(b[1]), _one(asked)) > allowed
            )
            served_s = end_s - start_s - out_s
            log_s = float(data.schedule.profile["log_s"])
            if event.data["credit_s"] > served_s + min(log_s, 60.0):
                yield (
                    f"saw: {event.data['credit_s'] / 60:.0f} min of {band.address} are credited, "
                    f"{served_s / 60:.0f} min were served"
                )


def _agree(run: Tried, where: str) -> float:
    """Return how far the meters of a place may differ, 0 where station.toml does not say."""
    benches = (zone.get("benches", {}) for zone in run.data.schedule.zones.values())
    return max((float(b[where].get("agree") or 0.0) for b in benches if where in b), default=0.0)


def _other_results(plain: Tried, other: Tried, passed: set[str]) -> Iterator[tuple[Result, Result]]:
    """Yield results that came out otherwise, with what they are without the fault."""
    before: dict[object, Result] = {(r.serial, r.key): r for r in plain.assessment.results}
    for result in other.assessment.results:
        own = before.get((result.serial, result.key))
        if result.serial not in passed or own is None or not isfinite(own.value):
            continue
        if own.low is None or own.high is None or not isfinite(own.high - own.low):
            continue  # what nobody judges is told as it was read
        span, off = 0.25 * (own.high - own.low), abs(result.value - own.value)
        if off > max(span, 2.0 * (own.uncertainty or 0.0)):
            yield result, own


def _value(target: object) -> tuple[float, ...] | float:
    return tuple(map(float, target)) if isinstance(target, tuple | list) else float(target)  # type: ignore[arg-type]


def _one(parts: tuple[float, ...]) -> tuple[float, ...] | float:
    return parts if len(parts) > 1 else parts[0]
