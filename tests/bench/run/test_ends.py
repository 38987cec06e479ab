"""However a run ends, the bench is driven to its safe state and the evidence says how it was."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

import pytest

from sensorbench.assessment.verify import verify
from sensorbench.core.errors import BenchError, InstrumentError, LinkTimeout
from sensorbench.core.verdict import Verdict
from sensorbench.evidence.check import Level, check
from sensorbench.evidence.journal import JournalWriter
from sensorbench.run import ending
from sensorbench.run.progress import Status
from sensorbench.safety.limits import SafetyStop
from sensorbench.safety.signals import stop_on_signals
from sensorbench.station.station import Station
from sensorbench.station.workspace import Workspace

from ...workspaces import START, events, execute_ending, job_of, opened, run
from .climate import bake, fault, phase_of_tests, workspace

LONG = bake("100 h", 'monitor = { every = "1 h" }')


class Breaks:
    """Progress that raises during a hold, as Ctrl-C or a failing disk would."""

    def __init__(self, error: BaseException, at: str = "hold") -> None:
        self.error, self.at = error, at

    def show(self, status: Status) -> None:
        if self.at in status.doing:
            raise self.error


def driver(station: Station, name: str) -> Any:
    return next(i for i in station.instruments if i.name == name).driver


def is_safe(station: Station) -> bool:
    return (
        driver(station, "chamber").read_mode() in {"STANDBY", "OFF"}
        and driver(station, "psu").out1.read() < 0.05
    )


def only_run(there: Workspace) -> Path:
    (root,) = there.evidence.iterdir()
    return root


@pytest.mark.parametrize(
    ("error", "state"),
    [
        (KeyboardInterrupt(), "interrupted"),
        (LinkTimeout("psu: no answer"), "failed"),
        (ValueError("a fault of ours"), "failed"),
        (OSError(28, "No space left on device"), "failed"),
        (SafetyStop("too hot", "limit", {"address": "temperature"}), "stopped by safety"),
    ],
    ids=lambda x: type(x).__name__ if isinstance(x, BaseException) else str(x),
)
def test_whatever_ends_a_run_the_bench_is_safe_and_the_journal_says_so(
    tmp_path: Path, error: BaseException, state: str
) -> None:
    there = workspace(tmp_path, LONG)
    job = job_of(there)
    with opened(there, job) as station:
        raised = execute_ending(there, job, station, Breaks(error))
        assert raised is error or raised.__cause__ is error
        assert is_safe(station)
    root = only_run(there)
    assert [finding.level for finding in check(root)] == [Level.INCOMPLETE]
    ends = events(root, "safe_state", "run_ended")
    assert [event.kind for event in ends] == ["safe_state", "run_ended"]
    assert ends[0].data["problems"] == []
    assert ends[1].data["state"] == state
    assert "the bench is in its safe state" in raised.__notes__
    assert f"evidence so far: {root}" in raised.__notes__
    found = verify(root)
    assert found.verdict is Verdict.INVALID
    assert found.assessment is not None
    assert [reason.code for reason in found.assessment.reasons] == ["ended_early"]


def test_an_instrument_that_stops_answering_ends_the_run_with_the_rest_safe(
    tmp_path: Path,
) -> None:
    there = workspace(tmp_path, LONG, fault("chamber", "silent", "5 h"))
    job = job_of(there)
    with opened(there, job) as station:
        raised = execute_ending(there, job, station)
        assert isinstance(raised, BenchError)
        # The chamber itself can't be made safe; the person is told, and the supply is off.
        assert driver(station, "psu").out1.read() < 0.05
    notes = raised.__notes__
    assert any(note.startswith("NOT SAFE: chamber: ") for note in notes)
    assert any(note.endswith("Make it safe by hand.") for note in notes)
    assert not any("is in its safe state" in note for note in notes)
    (safe,) = events(only_run(there), "safe_state")
    assert safe.data["problems"][0].startswith("NOT SAFE: chamber")


def test_a_refusal_ends_the_run_with_the_instruments_own_words(tmp_path: Path) -> None:
    there = workspace(tmp_path, LONG)
    job = job_of(there)

    with opened(there, job) as station:
        chamber = driver(station, "chamber")
        chamber._set = lambda command: (_ for _ in ()).throw(
            InstrumentError(command, "NA:", "DATA OUT OF RANGE")
        )
        raised = execute_ending(there, job, station)
    assert isinstance(raised, InstrumentError)
    (ended,) = events(only_run(there), "run_ended")
    assert "DATA OUT OF RANGE" in ended.data["reason"]["text"]


@pytest.mark.parametrize("error", [LinkTimeout("no answer within 2 s"), ValueError("what?")])
def test_what_could_not_be_made_safe_is_told_and_the_rest_is_safe(
    tmp_path: Path, error: Exception
) -> None:
    there = workspace(tmp_path, LONG)
    job = job_of(there)
    with opened(there, job) as station:

        def fails() -> None:
            raise error

        driver(station, "chamber").make_safe = fails
        raised = execute_ending(there, job, station, Breaks(KeyboardInterrupt()))
        assert driver(station, "psu").out1.read() < 0.05
    notes = raised.__notes__
    assert notes[-1].startswith("NOT SAFE: chamber: ")  # the last that is read
    assert not any("in its safe state" in note for note in notes)


def test_a_run_that_ended_well_but_could_not_be_made_safe_says_so(tmp_path: Path) -> None:
    there = workspace(tmp_path, phase_of_tests("t"))

    def stuck(station: Station) -> None:
        def fails() -> None:
            raise LinkTimeout("no answer within 2 s")

        driver(station, "psu").make_safe = fails

    outcome = run(there, before=stuck)
    assert outcome.unsafe == ("NOT SAFE: psu: no answer within 2 s. Make it safe by hand.",)
    assert outcome.assessment.verdict is Verdict.PASS


def test_signals_wait_until_the_bench_is_safe(tmp_path: Path) -> None:
    there = workspace(tmp_path, LONG)
    job = job_of(there)
    with opened(there, job) as station:
        chamber = driver(station, "chamber")
        make_safe = chamber.make_safe

        def interrupted() -> None:
            signal.raise_signal(signal.SIGINT)
            make_safe()

        chamber.make_safe = interrupted
        raised = execute_ending(there, job, station, Breaks(KeyboardInterrupt()))
        assert isinstance(raised, KeyboardInterrupt)
        assert is_safe(station)
    assert [e.kind for e in events(only_run(there), "safe_state", "run_ended")] == [
        "safe_state", "run_ended",
    ]  # fmt: skip


def test_a_full_disk_hides_nothing_that_is_not_safe(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = workspace(tmp_path, LONG)
    job = job_of(there)
    full = OSError(28, "No space left on device")

    def fails(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with opened(there, job) as station:

        def mute() -> None:
            raise LinkTimeout("psu: no answer within 2 s")

        driver(station, "psu").make_safe = mute

        class Fills:
            def show(self, status: Status) -> None:
                if "hold" in status.doing:
                    monkeypatch.setattr(JournalWriter, "commit", fails)
                    raise full

        raised = execute_ending(there, job, station, Fills())
    assert "No space left on device" in str(raised)
    assert any(note.startswith("how the run ended is not on record: ") for note in raised.__notes__)
    assert raised.__notes__[-1] == ("NOT SAFE: psu: no answer within 2 s. Make it safe by hand.")


def test_one_lost_reply_is_tried_again(tmp_path: Path) -> None:
    there = workspace(tmp_path, LONG)
    job = job_of(there)
    with opened(there, job) as station:
        chamber = driver(station, "chamber")
        make_safe, lost = chamber.make_safe, [LinkTimeout("chamber: no answer"), None]

        def loses_one() -> None:
            error = lost.pop(0)
            if error is not None:
                raise error
            make_safe()

        chamber.make_safe = loses_one
        raised = execute_ending(there, job, station, Breaks(KeyboardInterrupt()))
        assert is_safe(station)
    assert "the bench is in its safe state" in raised.__notes__
    (made_safe,) = events(only_run(there), "safe_state")
    assert made_safe.data == {"problems": [], "retries": {"chamber": 1}, "notes": {}}


def test_a_signal_between_the_last_step_and_the_seal_waits_for_the_seal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = workspace(tmp_path, phase_of_tests("t"))
    job = job_of(there)
    assess = ending.assess

    def hit(run: Any) -> Any:
        signal.raise_signal(signal.SIGTERM)
        signal.raise_signal(signal.SIGHUP)
        return assess(run)

    monkeypatch.setattr(ending, "assess", hit)
    with stop_on_signals(), opened(there, job) as station:
        raised = execute_ending(there, job, station)
    assert str(raised) == "stopped by SIGTERM"
    root = only_run(there)
    assert f"the run had ended before; its evidence: {root}" in raised.__notes__
    assert verify(root).is_whole


def test_the_instruments_own_protections_are_narrowed_before_anything_moves(
    tmp_path: Path,
) -> None:
    outcome = run(workspace(tmp_path, phase_of_tests("t")))
    first = events(outcome, "armed", "step")[0]
    assert first.kind == "armed"
    held = first.data
    assert held["temperature"] == {"by": "chamber.temperature", "low": -63.0, "high": 158.0}
    assert held["supply"]["by"] == "psu.out1"
    assert held["supply"]["high"] == pytest.approx(3.75, abs=0.01)


def test_what_an_earlier_program_left_is_on_record_and_cleared(tmp_path: Path) -> None:
    there = workspace(tmp_path, phase_of_tests("t"))

    def leave(station: Station) -> None:
        line = driver(station, "psu")._line
        line.write("NONSENSE 1")

    outcome = run(there, before=leave)
    (left,) = events(outcome, "left_over")
    assert "psu" in left.data
    assert any("-113" in text for text in left.data["psu"])
    assert outcome.assessment.verdict is Verdict.PASS


def test_opening_and_identifying_change_nothing(tmp_path: Path) -> None:
    there = workspace(tmp_path, phase_of_tests("t"))
    with opened(there, job_of(there), START) as station:
        assert station.bench is not None
        zone = station.bench.world.zone("")
        assert zone.value("temperature") == pytest.approx(23.0, abs=0.5)
        assert zone.value("supply") == 0.0
        assert driver(station, "chamber").read_mode() in {"STANDBY", "OFF"}


def test_an_instrument_that_refuses_is_named(tmp_path: Path) -> None:
    there = workspace(tmp_path, phase_of_tests("t"))
    job = job_of(there)

    def refuse(output: int, command: str) -> None:
        raise InstrumentError(command, -222, "Data out of range")

    with opened(there, job) as station:
        driver(station, "psu")._send = refuse
        error = execute_ending(there, job, station)
    assert isinstance(error, InstrumentError)
    assert str(error).startswith("psu: ")
    assert "refused: -222 Data out of range" in str(error)
