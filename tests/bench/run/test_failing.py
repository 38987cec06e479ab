"""What does not answer is waited for, as the profile says; then a person is asked, or it ends."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from sensorbench.app.deadlines import check_person, waits
from sensorbench.core.errors import InputError, LinkTimeout
from sensorbench.core.operator import OperatorAbsent, Question
from sensorbench.core.verdict import Verdict
from sensorbench.evidence.check import check as check_evidence
from sensorbench.reports.events import events_table
from sensorbench.reports.model import Table
from sensorbench.reports.runs import load
from sensorbench.reports.words import Words
from sensorbench.run.execute import Outcome
from sensorbench.run.state import replay
from sensorbench.station.station import Station
from sensorbench.station.workspace import Workspace

from ...workspaces import (
    DMM,
    HEAD,
    QUICK,
    check,
    data_of,
    events,
    execute_ending,
    job_of,
    opened,
    run,
)
from .climate import CLIMATE, FIRST, SECOND, bake, fault, phase_of_tests, workspace

HOUR = 3600.0
ASK = '\n[on_failure]\nretry = { times = 2, pause = "1 min" }\nthen = "ask"\nwait = "1 h"\n'


def head(table: str) -> str:
    return HEAD + QUICK + table


def cooled_at(root: Path) -> float:
    """Return when the chamber is told to let go, at the end of a stress."""
    whole = run(workspace(root, bake("10 h")))
    return next(e.t for e in events(whole, "sent") if e.data["value"] == 25.0 and e.t > 9 * HOUR)


def lost(root: Path, at_s: float, for_s: float, table: str = "") -> Workspace:
    """Return the bench whose chamber misses every line for a while, from a command on."""
    silent = fault("chamber", "silent", f"{at_s - 0.3:.3f} s", f"{at_s + for_s:.3f} s")
    return workspace(root, bake("10 h"), silent, head=head(table))


def retried(outcome: Outcome | Path) -> list[int]:
    return [e.data["tries"] for e in events(outcome, "recovered")]


def test_a_chamber_that_misses_some_lines_costs_minutes_and_not_the_run(tmp_path: Path) -> None:
    at_s = cooled_at(tmp_path / "whole")
    outcome = run(lost(tmp_path / "lost", at_s, 150.0))
    assert outcome.assessment.verdict is Verdict.PASS
    (recovered,) = events(outcome, "recovered")
    assert recovered.data["what"] == "chamber.temperature"
    assert recovered.data["tries"] == 4  # at once, a moment later, and after two pauses
    assert 150 <= recovered.data["took_s"] < 200


def test_what_does_not_come_back_ends_the_run_after_its_pauses(tmp_path: Path) -> None:
    at_s = cooled_at(tmp_path / "whole")
    table = '\n[on_failure]\nretry = { times = 3, pause = "10 min" }\n'
    there = lost(tmp_path / "lost", at_s, 1e6, table)
    with opened(there, job := job_of(there)) as station:
        raised = execute_ending(there, job, station)
    assert isinstance(raised, LinkTimeout)
    assert any("tried again for 30 min" in note for note in raised.__notes__)
    (root,) = there.evidence.iterdir()
    (ended,) = events(root, "run_ended")
    assert ended.data["state"] == "failed"
    assert ended.t - at_s == pytest.approx(1800, abs=60)


def test_a_phase_says_for_itself_what_the_profile_says_for_all(tmp_path: Path) -> None:
    at_s = cooled_at(tmp_path / "whole")
    there = lost(tmp_path / "lost", at_s, 150.0, "\n[on_failure]\nretry = { times = 0 }\n")
    own = there.root / "profile.toml"
    own.write_text(own.read_text() + '\non_failure = { retry = { times = 9, pause = "30 s" } }\n')
    assert retried(run(there)) == [6]


class Person:
    """Who stands at the twins, and answers what was not foreseen: by and by, or never."""

    def __init__(self, *answers: str) -> None:
        self.answers, self.asked = list(answers), list[Question]()

    def stand_at(self, station: Station) -> None:
        self._twins, station.operator = station.operator, self

    def ask(self, question: Question) -> str:
        if question.what["kind"] != "failure":
            return self._twins.ask(question)
        self.asked.append(question)
        if not self.answers:
            raise OperatorAbsent("nobody answered")
        return self.answers.pop(0)


def test_a_person_who_mends_it_says_so_and_the_run_goes_on(tmp_path: Path) -> None:
    at_s = cooled_at(tmp_path / "whole")
    there = lost(tmp_path / "lost", at_s, 400.0, ASK)
    person = Person("retry", "retry", "retry", "retry")
    outcome = run(there, before=person.stand_at)
    assert outcome.assessment.verdict is Verdict.PASS
    assert {question.answers for question in person.asked} == {("retry", "end")}
    assert "chamber.temperature does not answer" in person.asked[0].text["en"]
    assert person.asked[0].within_s == 3600.0
    asked = events(outcome, "failure_asked")
    assert [event.data["answer"] for event in asked] == ["retry"] * len(person.asked)


@pytest.mark.parametrize("answers", [("end",), ()])
def test_a_person_who_ends_it_or_is_not_there_ends_it_in_order(
    tmp_path: Path, answers: tuple[str, ...]
) -> None:
    at_s = cooled_at(tmp_path / "whole")
    there = lost(tmp_path / "lost", at_s, 1e6, ASK)
    with opened(there, job := job_of(there)) as station:
        Person(*answers).stand_at(station)
        raised = execute_ending(there, job, station)
    assert isinstance(raised, LinkTimeout)
    (root,) = there.evidence.iterdir()
    assert events(root, "failure_asked")[0].data["answer"] == "end"
    assert len(events(root, "safe_state")) == 1
    assert check_evidence(root)


def test_a_person_who_always_says_retry_hangs_no_run(tmp_path: Path) -> None:
    at_s = cooled_at(tmp_path / "whole")
    table = ASK.replace("times = 2", "times = 0")
    there = lost(tmp_path / "lost", at_s, 1e7, table)
    with opened(there, job := job_of(there)) as station:
        raised = execute_ending(there, job, station)
    assert isinstance(raised, LinkTimeout)
    (root,) = there.evidence.iterdir()
    (ended,) = events(root, "run_ended")
    assert ended.t - at_s < 2 * HOUR


@pytest.mark.parametrize(
    ("language", "told"),
    [("en", "absorbed by 4 tries in 3 min"), ("zh", "经 4 次尝试、3 min")],
)
def test_the_report_says_what_the_pauses_absorbed(tmp_path: Path, language: str, told: str) -> None:
    at_s = cooled_at(tmp_path / "whole")
    outcome = run(lost(tmp_path / "lost", at_s, 150.0))
    (shown,) = load([outcome.root])
    table = events_table(shown, Words(language))
    assert isinstance(table, Table)
    assert any(told in cell.text for row in table.rows for cell in row), table


WAVED = """
[[phase]]
kind = "stress"
name = "cycled"
set = [{ temperature = "85 degC" }, { supply = { low = "off", high = "3.3 V", period = "200 s" } }]
hours = "4 h"
test = { before = ["room"], after = ["room"] }
"""


def test_hours_in_which_a_wave_could_not_be_made_are_served_later(tmp_path: Path) -> None:
    silent = fault("psu", "silent", "7250 s", "7320 s")
    station = CLIMATE.replace('set = "psu.out1"\n', 'set = "psu.out1"\nwatch = ["dmm.voltage"]\n')
    there = workspace(tmp_path, WAVED, silent, station=station + DMM)
    outcome = run(there)
    (recovered,) = events(outcome, "recovered")
    (hold,) = events(outcome, "hold")
    took_s = hold.data["end_s"] - hold.data["start_s"]
    assert recovered.data["took_s"] > 50
    assert hold.data["credit_s"] == pytest.approx(4 * HOUR, abs=1)
    assert took_s - 4 * HOUR == pytest.approx(recovered.data["took_s"], abs=1)


# -- readings --------------------------------------------------------------------------------------


def test_a_reference_that_is_back_in_a_minute_is_waited_for_at_a_readout(tmp_path: Path) -> None:
    phases = phase_of_tests("one", '["room", "hot"]')
    whole = run(workspace(tmp_path / "whole", phases))
    at_s = events(whole, "soak")[1].t
    gone = fault("thermometer", "absent", f"{at_s + 0.05:.3f} s", f"{at_s + 90:.3f} s")
    outcome = run(workspace(tmp_path / "gone", phases, gone))
    assert outcome.assessment.verdict is Verdict.PASS
    assert [e.data["what"] for e in events(outcome, "recovered")] == ["thermometer.temperature"]


def test_a_reference_that_is_gone_for_good_is_waited_for_once(tmp_path: Path) -> None:
    phases = phase_of_tests("one", '["room", "hot"]')
    whole = run(workspace(tmp_path / "whole", phases))
    gone = fault("thermometer", "absent", f"{events(whole, 'soak')[1].t + 0.05:.3f} s")
    outcome = run(workspace(tmp_path / "gone", phases, gone))
    took_s = events(outcome, "readout")[1].t - events(outcome, "soak")[1].t
    assert 300 <= took_s < 320  # its pauses, and not those of each of four samples
    assert events(outcome, "run_ended")[0].data["state"] == "complete"


# -- units -----------------------------------------------------------------------------------------

MONITOR = 'monitor = { every = "30 min", measures = ["error"] }\n'
DROP = '\n[on_failure]\nretry = { times = 3 }\nthen = "drop"\n'


def test_a_unit_that_stays_silent_while_others_answer_is_left_out(tmp_path: Path) -> None:
    there = workspace(
        tmp_path, bake("20 h", MONITOR), fault(FIRST, "absent", "8 h"), head=head(DROP)
    )
    outcome = run(there)
    (dropped,) = events(outcome, "unit_dropped")
    assert (dropped.data["serial"], dropped.data["readings"]) == (FIRST, 4)
    later = [e for e in events(outcome, "monitor", "readout") if e.seq > dropped.seq]
    assert later
    assert not any(e.data["problems"] for e in later)
    data = data_of(outcome)
    assert replay(data.schedule, data.events()).dropped == {FIRST: ""}  # also where it goes on
    units = {unit.serial: unit for unit in outcome.assessment.units}
    assert units[FIRST].verdict is Verdict.INVALID
    assert "left_out" in [reason.code for reason in units[FIRST].reasons]
    assert units[SECOND].verdict is Verdict.PASS


def test_where_all_of_a_bus_are_silent_no_socket_is_blamed(tmp_path: Path) -> None:
    both = fault(FIRST, "absent", "8 h", "11 h") + fault(SECOND, "absent", "8 h", "11 h")
    outcome = run(workspace(tmp_path, bake("20 h", MONITOR), both, head=head(DROP)))
    assert not events(outcome, "unit_dropped")


def test_without_a_word_of_it_a_silent_unit_is_asked_again_for_ever(tmp_path: Path) -> None:
    outcome = run(workspace(tmp_path, bake("20 h", MONITOR), fault(FIRST, "absent", "8 h")))
    assert not events(outcome, "unit_dropped")
    assert outcome.assessment.verdict is Verdict.INVALID


@pytest.mark.parametrize(("answer", "left_out"), [("drop", 1), ("retry", 0)])
def test_a_person_decides_about_a_silent_unit(tmp_path: Path, answer: str, left_out: int) -> None:
    there = workspace(
        tmp_path, bake("20 h", MONITOR), fault(FIRST, "absent", "8 h"), head=head(ASK)
    )
    person = Person(answer)
    outcome = run(there, before=person.stand_at)
    assert len(person.asked) == 1  # not at every reading
    assert person.asked[0].answers == ("retry", "drop", "end")
    assert len(events(outcome, "unit_dropped")) == left_out


# -- what can't be ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("units", "table", "own", "key"),
    [
        (1, DROP, "", "on_failure.then"),
        (1, "", 'on_failure = { then = "drop" }', "phase[1].on_failure.then"),
        (2, '\n[on_failure]\nwait = "1 h"\n', "", "on_failure.wait"),
        (2, "", 'on_failure = { wait = "1 h" }', "phase[1].on_failure.wait"),
        (2, "", 'on_failure = { then = "stop" }', "phase[1].on_failure.then"),
        (2, '\n[on_failure]\nretry = { pause = "0 s" }\n', "", "on_failure.retry.pause"),
    ],
)
def test_a_policy_that_can_not_be_is_refused(
    tmp_path: Path, units: int, table: str, own: str, key: str
) -> None:
    there = workspace(tmp_path, bake(more=own), units=units, head=head(table))
    with pytest.raises(InputError) as found:
        check(there)
    assert [problem.key for problem in found.value.problems] == [key]


# -- what is known before --------------------------------------------------------------------------


def test_check_lists_the_longest_times_and_what_is_done_about_silence(tmp_path: Path) -> None:
    asked = bake("10 h", 'longest = "11 h"\non_failure = { then = "ask", wait = "2 h" }')
    prompt = '[[phase]]\nkind = "prompt"\nname = "look"\ntext = "Look."\nlongest = "3 h"\n'
    bake_row, look_row = waits(check(workspace(tmp_path, asked + prompt)))
    assert bake_row.startswith("bake: 4 h for a soak, ")
    assert " for its hours, 7 d for an answer, " in bake_row
    assert bake_row.endswith("5 x 1 min for a device that is silent, then 2 h for a person")
    assert look_row.startswith("look: 3 h for an answer")


def test_who_is_to_be_asked_must_be_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO())
    check_person(check(workspace(tmp_path / "end", bake())))
    asks = check(workspace(tmp_path / "ask", bake(more='on_failure = { then = "ask" }')))
    with pytest.raises(InputError, match="needs a terminal to ask at"):
        check_person(asks)
