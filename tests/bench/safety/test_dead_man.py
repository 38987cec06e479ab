"""A dead-man relay is pulsed while the run decides, and by nothing else."""

from __future__ import annotations

import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from sensorbench.core.clock import RealClock
from sensorbench.core.errors import BenchError
from sensorbench.run.execute import execute
from sensorbench.run.progress import Status
from sensorbench.safety.guarding import Unguarded
from sensorbench.safety.heart import Heart, NoPulse
from sensorbench.safety.limits import SafetyStop
from sensorbench.station.station import Station, open_station

from ...workspaces import HEAD, QUICK, events, execute_ending, job_of, problems, run
from ..run.climate import CLIMATE, bake, workspace
from ..run.test_ends import is_safe

SPEED = 600.0
RELAYS = '\n[instrument.relays]\nmodel = "numato_relay"\nlink = { kind = "simulated" }\n'
SLOW = RELAYS.replace(
    '"simulated"', '"serial", port = "/dev/ttyUSB9", baud_rate = 300, pause = "10 s"'
)
DEAD_MAN = '\n[dead_man.heater]\noutput = "relays.k1"\nperiod = "30 s"\ndrops = "80 s"\n'
STATION = CLIMATE + RELAYS + DEAD_MAN


class Turns:
    """Hears what is sent to the relay module: when its first relay was turned, s of real time."""

    def __init__(self, station: Station) -> None:
        assert station.bench is not None
        self.twin = station.bench.twins["relays"]
        self.handle, self.turns = self.twin.handle, list[float]()
        self.is_silent = False
        self.twin.handle = self.heard

    def heard(self, line: bytes) -> bytes | None:
        if self.is_silent:
            return None
        if line.strip() in {b"relay on 0", b"relay off 0"}:
            self.turns.append(time.monotonic())
        return self.handle(line)  # type: ignore[no-any-return]


class At:
    """Progress that does something at the first hold, and ends the run a while later."""

    def __init__(self, work: Any, lasts_s: float) -> None:
        self.work, self.lasts_s, self.since = work, lasts_s, 0.0

    def show(self, status: Status) -> None:
        if "hold" in status.doing and not self.since:
            self.since = time.monotonic()
            self.work()
            time.sleep(self.lasts_s)  # the loop hangs here; safety looks on
            raise KeyboardInterrupt


def held(root: Path, work: Any, lasts_s: float, guard: Any = None) -> tuple[Any, Turns, At]:
    """Run to a hold in real time, do something there and stop the run after a while."""
    there = workspace(root, bake("10 h", 'start = "always"'), station=STATION, head=HEAD + QUICK)
    job = job_of(there)
    with open_station(job.station, RealClock(SPEED), job.known_lots, {}) as station:
        turns = Turns(station)
        progress = At(lambda: work(turns), lasts_s)
        try:
            execute(there, job, station, progress, guard=guard)
        except BaseException as error:
            raised = error
        time.sleep(0.3)
        assert is_safe(station)
    return raised, turns, progress


@pytest.mark.chaos
def test_it_is_turned_at_its_period_while_the_run_lives_and_not_after(tmp_path: Path) -> None:
    _, turns, at = held(tmp_path, lambda _: None, 1.0)
    during = [t for t in turns.turns if at.since <= t <= at.since + 1.0]
    assert len(during) == pytest.approx(1.0 * SPEED / 30.0, abs=6)
    gaps = [b - a for a, b in pairwise(during)]
    assert max(gaps) < 80.0 / SPEED  # it never dropped
    # Once more as it is made safe, and then it stands still.
    assert len([t for t in turns.turns if t > at.since + 1.05]) <= 2


class Overdue(NoPulse):
    """The promise of a loop that hangs from a moment on."""

    hangs = False

    def is_kept(self) -> bool:
        return not self.hangs


@pytest.mark.chaos
def test_a_loop_that_hangs_sends_no_pulse_although_other_threads_live(tmp_path: Path) -> None:
    guard = Unguarded(RealClock(SPEED))
    guard.pulse = pulse = Overdue()

    def hang(_turns: Turns) -> None:
        pulse.hangs = True

    _, turns, at = held(tmp_path, hang, 1.0, guard)
    assert len(turns.turns) > 5
    assert [t for t in turns.turns if at.since + 0.1 < t < at.since + 0.95] == []


def test_a_promise_is_kept_until_it_is_due(tmp_path: Path) -> None:
    heart = Heart("test", tmp_path / "heart", 0.2)
    try:
        heart.beat()
        assert heart.is_kept()
        time.sleep(0.3)
        assert not heart.is_kept()
        heart.expect(5.0)
        assert heart.is_kept()
    finally:
        heart.close()


@pytest.mark.chaos
def test_a_relay_that_takes_no_pulse_stops_the_run(tmp_path: Path) -> None:
    there = workspace(
        tmp_path, bake("10 h", 'start = "always"'), station=STATION, head=HEAD + QUICK
    )
    job = job_of(there)
    with open_station(job.station, RealClock(SPEED), job.known_lots, {}) as station:
        turns = Turns(station)

        class Silences:
            def show(self, status: Status) -> None:
                turns.is_silent = turns.is_silent or "hold" in status.doing

        raised = execute_ending(there, job, station, Silences())
        turns.is_silent = False
    assert isinstance(raised, SafetyStop)
    assert raised.code == "no_pulse"
    assert "relays.k1 of the dead-man relay heater" in str(raised)


def test_a_run_whose_relay_can_not_be_turned_at_first_does_not_begin(tmp_path: Path) -> None:
    there = workspace(tmp_path, bake("1 h"), station=STATION)

    def before(station: Station) -> None:
        turns = Turns(station)
        handle = turns.handle
        turns.handle = lambda line: b"?" if b"relay on" in line else handle(line)

    with pytest.raises(BenchError):
        run(there, before=before)
    (root,) = there.evidence.iterdir()
    assert events(root, "sent") == []


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("relays.k1", "relays.k9", "dead_man.heater.output: "),
        ("relays.k1", "psu.out1", "dead_man.heater.output: psu.out1 is no contact"),
        ('"80 s"', '"59 s"', "dead_man.heater.drops: 59 s is too short"),
        ('"30 s"', '"50 ms"', "dead_man.heater.period"),
        (RELAYS, SLOW, "dead_man.heater.period: 30 s can't be kept: a turn of relays.k1 takes"),
        (
            "[bench.supply]\n", '[bench.supply]\nselect = "relays.k1"\n',
            "dead_man.heater.output: relays.k1 switches for supply already",
        ),
    ],
)  # fmt: skip
def test_a_dead_man_that_can_not_be_kept_is_refused(
    tmp_path: Path, old: str, new: str, expected: str
) -> None:
    assert old in STATION
    station = STATION.replace(old, new)
    try:
        found = problems(workspace(tmp_path, bake("1 h"), station=station))
    except BenchError as error:
        found = str(error)
    assert expected in found
