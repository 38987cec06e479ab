"""Leaving the bench: a parked run is safe, waits, and goes on where it was; the rest is a fold."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from sensorbench.app.commands.attach import attach_files
from sensorbench.app.commands.runs import list_runs
from sensorbench.assessment.data import RunData
from sensorbench.assessment.verify import verify
from sensorbench.core.clock import RealClock
from sensorbench.core.errors import InputError
from sensorbench.core.verdict import Verdict
from sensorbench.evidence.check import Level
from sensorbench.profiles.schedule import Do, Read, Release, Set
from sensorbench.run.execute import Outcome, execute, resume
from sensorbench.run.state import State, replay
from sensorbench.station.station import open_station
from sensorbench.station.workspace import Workspace

from ...workspaces import START, data_of, events, go_on, job_of, reasons, run
from .climate import FIRST, SECOND, bake, done, phase_of_tests, workspace

SHOCK = (
    phase_of_tests("before")
    + '[[phase]]\nkind = "external"\nname = "MS"\nattach = ["laboratory", "result of each unit"]\n'
    + phase_of_tests("after", more='drift_from = "before"')
)
RESULTS = f"serial,result\n{FIRST},pass\n{SECOND},pass\n"


@pytest.fixture
def parked(tmp_path: Path) -> tuple[Workspace, Outcome]:
    there = workspace(tmp_path / "bench", SHOCK)
    return there, run(there)


def attach(there: Workspace, outcome: Outcome, results: str = RESULTS, name: str = "r.csv") -> None:
    file = there.root / name
    file.write_text(results)
    attach_files(there.root, outcome.root.name, "MS", [file], ["laboratory=Shock Ltd"])


def test_at_an_external_step_the_run_is_parked_and_the_bench_is_safe(
    parked: tuple[Workspace, Outcome],
) -> None:
    _, outcome = parked
    assert outcome.parked is not None
    assert (outcome.parked["until"], outcome.parked["point"]) == ("attach", "MS")
    safe, ended = events(outcome, "safe_state", "run_ended")
    assert safe.data["problems"] == []
    assert ended.data["state"] == "parked"
    # Units are out, nothing is set.
    assert events(outcome, "fact")[-2].data["verb"] == "unload"
    assert not (outcome.root / "seal.json").exists()
    found = verify(outcome.root)
    assert {finding.level for finding in found.findings} == {Level.INCOMPLETE}
    assert outcome.assessment.verdict is Verdict.INVALID
    assert "parked" in [reason.code for reason in outcome.assessment.reasons]


def test_without_its_evidence_it_stays_parked(parked: tuple[Workspace, Outcome]) -> None:
    there, outcome = parked
    again = go_on(there, outcome.root)
    assert again.parked is not None
    assert again.parked["point"] == "MS"


def test_runs_tells_once_its_evidence_is_there(
    parked: tuple[Workspace, Outcome], capsys: pytest.CaptureFixture[str]
) -> None:
    there, outcome = parked
    list_runs(there.root, as_json=False)
    assert "`attach RUN MS FILES`" in capsys.readouterr().out
    attach(there, outcome)
    list_runs(there.root, as_json=False)
    assert "evidence of MS is there, `resume RUN` goes on" in capsys.readouterr().out


def test_attached_it_goes_on_to_its_end(parked: tuple[Workspace, Outcome]) -> None:
    there, outcome = parked
    attach(there, outcome)
    again = go_on(there, outcome.root)
    assert again.parked is None
    assert again.root == outcome.root
    assert again.assessment.verdict is Verdict.PASS
    found = verify(again.root)
    assert found.is_whole
    phases = {(r.phase, r.is_drift) for r in again.assessment.results if r.serial == FIRST}
    assert phases >= {("before", False), ("MS", False), ("after", False), ("after", True)}
    # Nothing was done twice: each step once, those of the end after those of the beginning.
    steps = [e.data["step"] for e in events(again, "done")]
    assert steps == sorted(set(steps))


def test_a_unit_that_failed_at_the_laboratory_fails(parked: tuple[Workspace, Outcome]) -> None:
    there, outcome = parked
    attach(there, outcome, RESULTS.replace(f"{SECOND},pass", f"{SECOND},fail"))
    again = go_on(there, outcome.root)
    verdicts = {unit.serial: unit.verdict for unit in again.assessment.units}
    assert verdicts == {FIRST: Verdict.PASS, SECOND: Verdict.FAIL}
    assert "outside_laboratory" in reasons(again, SECOND)


@pytest.mark.parametrize(
    ("results", "said"),
    [
        (
            f"serial,result\n{FIRST},pass\n",
            f"no result for {SECOND}: give a CSV with serial,result",
        ),
        (RESULTS + "X,pass\n", "line 4: 'X' is no unit of this run"),
        (RESULTS + f"{FIRST},pass\n", f"line 4: {FIRST} is there twice"),
        (RESULTS.replace("pass", "good"), "result 'good' is none of pass, fail, invalid"),
    ],
)
def test_evidence_that_does_not_say_it_of_every_unit_is_refused(
    parked: tuple[Workspace, Outcome], results: str, said: str
) -> None:
    there, outcome = parked
    with pytest.raises(InputError) as refused:
        attach(there, outcome, results)
    assert said in str(refused.value)
    assert events(outcome, "attached") == []


def test_evidence_of_another_point_is_refused(parked: tuple[Workspace, Outcome]) -> None:
    there, outcome = parked
    with pytest.raises(InputError, match="nothing is to be attached there; there are: MS"):
        attach_files(there.root, outcome.root.name, "XX", [], [])


def test_what_was_attached_is_kept_with_its_digest(parked: tuple[Workspace, Outcome]) -> None:
    there, outcome = parked
    attach(there, outcome)
    (event,) = events(outcome, "attached")
    assert event.data["said"] == {"laboratory": "Shock Ltd"}
    (kept,) = event.data["files"]
    path = outcome.root / kept["file"]
    assert path.read_text() == RESULTS
    again = go_on(there, outcome.root)
    path.write_text(RESULTS.replace("pass", "PASS"))
    assert not verify(again.root).is_whole


def test_a_sealed_run_does_not_go_on(tmp_path: Path) -> None:
    there = workspace(tmp_path, phase_of_tests("t"))
    outcome = run(there)
    with pytest.raises(InputError, match="is sealed: it is complete"):
        go_on(there, outcome.root)


def test_units_that_were_lost_in_the_meantime_are_not_known(
    parked: tuple[Workspace, Outcome],
) -> None:
    there, outcome = parked
    attach(there, outcome)
    text = there.station_path.read_text()
    there.station_path.write_text(
        text.replace(
            "[bus.bus0]",
            f'[[simulation.fault]]\ndevice = "{SECOND}"\nkind = "absent"\n\n[bus.bus0]',
        )
    )
    again = go_on(there, outcome.root)
    verdicts = {unit.serial: unit.verdict for unit in again.assessment.units}
    assert verdicts == {FIRST: Verdict.PASS, SECOND: Verdict.INVALID}


@pytest.mark.parametrize(("day", "goes_on"), [(1, True), (2, False)])
def test_a_reference_is_believed_to_the_end_of_its_day(
    parked: tuple[Workspace, Outcome], day: int, goes_on: bool
) -> None:
    there, outcome = parked
    attach(there, outcome)
    start = datetime(2027, 6, day, 6, 0, tzinfo=UTC)  # due on 2027-06-01
    if goes_on:
        assert go_on(there, outcome.root, start=start).assessment.verdict is Verdict.PASS
    else:
        with pytest.raises(InputError, match="calibration was due on 2027-06-01"):
            go_on(there, outcome.root, start=start)


# -- a shelf, a prompt -----------------------------------------------------------------------------

SHELF = """
[[phase]]
kind = "stress"
name = "shelf"
set = {}
hours = "4380 h"
readouts = ["730 h"]
test = { before = ["room"], after = ["room"], within = "72 h" }
"""


def test_half_a_year_on_the_shelf_passes_by_itself_in_simulated_time(tmp_path: Path) -> None:
    outcome = done(tmp_path, SHELF)
    assert outcome.parked is None
    assert outcome.assessment.verdict is Verdict.PASS
    served = [
        r.at["served_s"] for r in outcome.assessment.results if r.serial == FIRST and not r.is_drift
    ]
    assert served == [0.0, 730 * 3600.0, 4380 * 3600.0]
    last = events(outcome, "readout")[-1]
    assert last.t / 3600 == pytest.approx(4380, abs=3)
    assert outcome.assessment.facts["shelf"]["served_s"][""] == pytest.approx(4380 * 3600)


PARK = (
    phase_of_tests("t")
    + '[[phase]]\nkind = "prompt"\nname = "look"\ntext = "Look at the tubes."\npark = true\n'
    + phase_of_tests("u", more='drift_from = "t"')
)


def in_real_time(there: Workspace, root: Path | None, *reached: str) -> Outcome:
    """Run, or go on, with twins in time that runs fast but does not jump."""
    job = job_of(there)
    memory = there.load_memory()
    with open_station(job.station, RealClock(3000), job.known_lots, memory) as station:
        if root is None:
            return execute(there, job, station)
        return resume(root, station, reached=frozenset(reached))


def test_a_person_who_is_waited_for_is_waited_for_without_the_bench(tmp_path: Path) -> None:
    there = workspace(tmp_path, PARK)
    outcome = in_real_time(there, None)
    assert outcome.parked is not None
    assert (outcome.parked["until"], outcome.parked["phase"]) == ("person", "look")
    assert events(outcome, "released")[-1].data["address"] == "supply"
    # Nobody has said that it is done.
    assert in_real_time(there, outcome.root).parked is not None
    again = in_real_time(there, outcome.root, "person")
    assert again.parked is None
    assert again.assessment.verdict is Verdict.PASS
    assert verify(again.root).is_whole


def test_time_that_passed_while_it_was_parked_counts(parked: tuple[Workspace, Outcome]) -> None:
    there, outcome = parked
    attach(there, outcome)
    before = events(outcome)[-1].t
    again = go_on(there, outcome.root, start=START + timedelta(days=300))
    resumed = events(again, "resumed")[0]
    assert resumed.t - before > 86400 * 100


# -- state -----------------------------------------------------------------------------------------

WALK = (
    phase_of_tests("t")
    + bake("2 h", 'monitor = { every = "30 min" }')
    + '[[phase]]\nkind = "gate"\nname = "g"\nof = "t"\nrequire = { pass = "100 %" }\n'
    'then = { skip_to = "v" }\n' + phase_of_tests("u") + phase_of_tests("v", '["hot"]')
)


@pytest.fixture(scope="module")
def walked(tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    return done(tmp_path_factory.mktemp("walked"), WALK)


def test_the_journal_says_the_state_at_any_moment(walked: Outcome) -> None:
    """At every event: what is set is what the steps done so far set and did not release."""
    data = data_of(walked)
    found = list(data.events())
    steps = data.schedule.steps
    for end in range(0, len(found), 7):
        state = replay(data.schedule, found[:end])
        expected: dict[tuple[str, str], object] = {}
        reads: set[str] = set()
        following = 0
        for event in found[:end]:
            if event.kind != "done":
                continue
            action, zone = steps[event.data["step"]].action, steps[event.data["step"]].zone
            match action:
                case Set():
                    expected[zone, action.address] = action
                case Release() if action.what in reads:
                    reads.discard(action.what)
                case Release():
                    expected.pop((zone, action.what), None)
                case Read() if action.is_open:
                    reads.add(action.point)
                case Do() if event.data["next"] != event.data["step"] + 1:
                    expected.clear()  # before a jump everything is let go
            following = event.data["next"]
        assert state.sets == expected
        assert set(state.reads) == reads
        assert state.next == following


def test_at_its_end_nothing_is_set_and_every_unit_is_where_it_was_loaded(walked: Outcome) -> None:
    data = data_of(walked)
    state = replay(data.schedule, data.events())
    assert state.sets == {}
    assert state.reads == {}
    assert state.next == len(data.schedule.steps)
    assert state.sockets == {FIRST: "H1", SECOND: "H2"}


def test_a_jump_is_remembered_as_it_was(walked: Outcome) -> None:
    data = data_of(walked)
    gate = next(
        n for n, s in enumerate(data.schedule.steps)
        if isinstance(s.action, Do) and s.action.verb == "gate" and s.phase == "g"
    )  # fmt: skip
    (jump,) = [e for e in events(walked, "done") if e.data["step"] == gate]
    assert data.schedule.steps[jump.data["next"]].phase == "v"
    cut = [e for e in data.events() if e.seq <= jump.seq]
    assert replay(data.schedule, cut).next == jump.data["next"]


def test_state_is_empty_before_anything_was_done(walked: Outcome) -> None:
    assert replay(RunData.read(walked.root).schedule, []) == State()
