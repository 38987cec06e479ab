"""Streams and `[on_failure]`: a silent unit is left out, or a person decides; others go on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sensorbench.core.clock import Clock
from sensorbench.core.errors import BenchError
from sensorbench.core.operator import Question
from sensorbench.run.execute import Outcome
from sensorbench.run.runner import Runner
from sensorbench.station.workspace import Workspace

from ...workspaces import HEAD, data_of, events, execute_ending, job_of, lot, opened, run, write
from .climate import fault
from .test_failing import Person
from .test_kinds import IMU, IMU_STATION

RECORD = (
    '[[phase]]\nkind = "record"\nname = "a"\nduration = "200 s"\nsettings = "noise"\n'
    'measures = ["noise_density"]\n'
)
DROP = '\n[on_failure]\nretry = { times = 2, pause = "10 s" }\nthen = "drop"\n'
ASK = DROP.replace('"drop"', '"ask"')


def bench(root: Path, faults: str, policy: str) -> Workspace:
    units = {"M1": lot("M1", "imu", ["IMU-1", "IMU-2"])}
    return write(root, RECORD, IMU_STATION + faults, {"imu": IMU}, units, HEAD + policy)


def counts(outcome: Outcome) -> dict[str, int]:
    return {serial: stream.count for serial, stream in data_of(outcome).streams("a").items()}


def test_a_unit_that_falls_silent_in_a_stream_is_left_out(tmp_path: Path) -> None:
    outcome = run(bench(tmp_path, fault("IMU-1", "absent", "50 s"), DROP))
    (dropped,) = events(outcome, "unit_dropped")
    assert (dropped.data["serial"], dropped.data["readings"]) == ("IMU-1", 3)
    assert 70 <= dropped.t <= 75  # at once, and after two pauses
    found = counts(outcome)
    assert found["IMU-2"] == pytest.approx(200 * 208, rel=0.05)
    assert found["IMU-1"] == pytest.approx(50 * 208, rel=0.05)
    last = [e for e in events(outcome, "stream_data") if e.data["unit"] == 0][-1]
    assert last.t < 80


def test_a_unit_that_can_not_be_opened_is_left_out_too(tmp_path: Path) -> None:
    outcome = run(bench(tmp_path, fault("IMU-1", "absent"), DROP))
    (dropped,) = events(outcome, "unit_dropped")
    assert dropped.data["serial"] == "IMU-1"
    assert counts(outcome)["IMU-2"] == pytest.approx(200 * 208, rel=0.05)


@pytest.mark.parametrize("gone", [("", "15 s"), ("50 s", "65 s")], ids=["at first", "later"])
def test_a_unit_that_comes_back_within_its_pauses_samples_again(
    tmp_path: Path, gone: tuple[str, str]
) -> None:
    outcome = run(bench(tmp_path, fault("IMU-1", "absent", *gone), DROP))
    assert events(outcome, "unit_dropped") == []
    (recovered,) = events(outcome, "recovered")
    assert recovered.data["what"] == "IMU-1"
    last = [e for e in events(outcome, "stream_data") if e.data["unit"] == 0][-1]
    assert last.t > 195


def test_a_glitch_costs_no_stream(tmp_path: Path) -> None:
    outcome = run(bench(tmp_path, fault("IMU-1", "absent", "50 s", "51 s"), DROP))
    assert events(outcome, "unit_dropped", "recovered") == []


def test_what_a_stream_lost_is_counted(tmp_path: Path) -> None:
    outcome = run(bench(tmp_path, fault("IMU-1", "absent", "50 s", "60 s"), ""))
    found = data_of(outcome).streams("a")
    assert (found["IMU-1"].overflow, found["IMU-2"].overflow) == (True, False)
    assert found["IMU-1"].lost == pytest.approx(10 * 208, rel=0.2)
    assert found["IMU-2"].lost == 0
    # Each by its own rate: sent and lost together are what two hundred seconds have.
    whole = found["IMU-1"].count + found["IMU-1"].lost
    assert whole == pytest.approx(200 * 208, rel=0.05)


@pytest.mark.parametrize(("answer", "left_out"), [("drop", 1), ("retry", 0)])
def test_a_person_decides_about_a_silent_unit_of_a_stream(
    tmp_path: Path, answer: str, left_out: int
) -> None:
    person = Person(answer)
    there = bench(tmp_path, fault("IMU-1", "absent", "50 s"), ASK)
    outcome = run(there, before=person.stand_at)
    assert len(person.asked) == 1
    assert person.asked[0].answers == ("retry", "drop", "end")
    assert len(events(outcome, "unit_dropped")) == left_out
    assert counts(outcome)["IMU-2"] == pytest.approx(200 * 208, rel=0.05)


def test_a_person_who_ends_it_ends_the_run(tmp_path: Path) -> None:
    there = bench(tmp_path, fault("IMU-1", "absent", "50 s"), ASK)
    with opened(there, job := job_of(there)) as station:
        Person("end").stand_at(station)
        raised = execute_ending(there, job, station)
    assert isinstance(raised, BenchError)
    assert "IMU-1" in str(raised)


class Thinks(Person):
    """A person who takes a minute, while the run goes on beside the steps as at a terminal."""

    runner: Runner
    clock: Clock

    def ask(self, question: Question) -> str:
        if question.what["kind"] == "failure":
            for _ in range(600):
                self.clock.sleep(0.1)
                self.runner.services.serve()
        return super().ask(question)


def test_the_others_are_drained_while_a_person_thinks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = Thinks("drop")
    made = Runner.__init__

    def keeps(self: Runner, *arguments: Any, **more: Any) -> None:
        made(self, *arguments, **more)
        person.runner, person.clock = self, self.clock

    monkeypatch.setattr(Runner, "__init__", keeps)
    there = bench(tmp_path, fault("IMU-1", "absent", "50 s"), ASK)
    outcome = run(there, before=person.stand_at)
    assert not any(e.data["overflow"] for e in events(outcome, "stream_data"))
    assert counts(outcome)["IMU-2"] == pytest.approx(200 * 208, rel=0.05)
    (dropped,) = events(outcome, "unit_dropped")
    assert dropped.t > 130


def test_without_a_word_of_it_a_silent_unit_is_drained_on(tmp_path: Path) -> None:
    outcome = run(bench(tmp_path, fault("IMU-1", "absent", "50 s"), ""))
    assert events(outcome, "unit_dropped", "recovered") == []
