"""A run that nothing answers any more says so early, and one that may answer again goes on."""

from __future__ import annotations

from pathlib import Path

import pytest

from sensorbench.assessment.verify import verify
from sensorbench.core.verdict import Verdict
from sensorbench.run.execute import Outcome

from ...workspaces import (
    SBP1,
    STATION,
    events,
    reasons,
    run,
    sbp1_lot,
    sbp1_sockets,
    write,
)
from .climate import FIRST, SECOND, bake, done, fault, phase_of_tests

HOUR = 3600.0
WATCHED = 'monitor = { measures = ["error"], every = "1 h" }'
DAILY = WATCHED.replace("1 h", "24 h")


def both(kind: str, at: str = "", until: str = "") -> str:
    return fault(FIRST, kind, at, until) + fault(SECOND, kind, at, until)


def ended(outcome: Outcome) -> tuple[str, float]:
    """Return what a run says of its end, and its last hour."""
    (event,) = events(outcome, "run_ended")
    return str(event.data["reason"].get("code", event.data["state"])), event.t / HOUR


def whole(outcome: Outcome) -> bool:
    """Return whether it was ended in order: safe, sealed and whole."""
    (safe,) = events(outcome, "safe_state")
    return verify(outcome.root).is_whole and safe.data["problems"] == []


def test_where_nothing_ever_answered_the_run_ends_after_asking_again(tmp_path: Path) -> None:
    phases = "".join(phase_of_tests(f"t{n}", '["room", "hot"]') for n in range(5))
    outcome = done(tmp_path, phases, both("absent"))
    why, hours = ended(outcome)
    assert why == "nothing_answered"
    assert hours < 2
    assert [event.data["point"] for event in events(outcome, "readout")] == [
        "t0/room/temperature_error",
        "t0/room/temperature_error",
    ]
    assert whole(outcome)
    assert outcome.assessment.verdict is Verdict.INVALID
    assert "nothing_answered" in [reason.code for reason in outcome.assessment.reasons]
    # What a unit's own socket says comes first.
    assert reasons(outcome, FIRST)[0] == "device"


@pytest.mark.parametrize("watched", [WATCHED, DAILY])
def test_a_stress_ends_two_hours_after_the_last_unit_fell_silent(
    tmp_path: Path, watched: str
) -> None:
    outcome = done(tmp_path, bake("1000 h", watched), both("absent", "300 h"))
    why, hours = ended(outcome)
    assert why == "nothing_answered"
    # What is read once a day is missed for a day at most.
    assert 302 <= hours < (303.5 if watched == WATCHED else 326)
    assert whole(outcome)


def test_one_that_answers_again_within_two_hours_goes_on(tmp_path: Path) -> None:
    outcome = done(tmp_path, bake("400 h", WATCHED), both("absent", "300 h", "301.5 h"))
    assert ended(outcome)[0] == "complete"
    (hold,) = events(outcome, "hold")
    assert hold.data["credit_s"] == pytest.approx(400 * HOUR)


def test_one_unit_that_answers_is_enough_to_go_on(tmp_path: Path) -> None:
    outcome = done(tmp_path, bake("1000 h", DAILY), fault(SECOND, "absent", "300 h"))
    assert ended(outcome)[0] == "complete"


def test_who_no_later_step_reads_does_not_end_the_run(tmp_path: Path) -> None:
    outcome = done(tmp_path, phase_of_tests("t") + bake("100 h"), both("absent", "100 h"))
    assert ended(outcome)[0] == "complete"  # the last reading of all is silent


def test_at_a_readout_between_it_is_asked_for_two_hours_and_then_ends(tmp_path: Path) -> None:
    between = 'readouts = ["168 h", "500 h"]'
    outcome = done(tmp_path, bake("1000 h", between), both("absent", "100 h"))
    why, hours = ended(outcome)
    assert why == "nothing_answered"
    assert 170 <= hours < 174


def test_a_plug_that_is_put_back_at_a_readout_saves_the_stress(tmp_path: Path) -> None:
    between = 'readouts = ["168 h"]'
    outcome = done(tmp_path, bake("300 h", between), both("absent", "100 h", "170.5 h"))
    assert ended(outcome)[0] == "complete"
    assert outcome.assessment.verdict is Verdict.PASS


def test_a_person_may_want_it_whatever_answers(tmp_path: Path) -> None:
    more = f'start = "always"\n{WATCHED}'
    outcome = done(tmp_path, bake("20 h", more), both("absent"))
    assert ended(outcome)[0] == "complete"
    assert len(events(outcome, "hold")) == 1


# -- what a part is not made for, and what cold alone may do ---------------------------------------


def test_a_supply_below_what_a_part_is_made_for_silences_it_rightly(tmp_path: Path) -> None:
    swept = (
        '[[phase]]\nkind = "grid"\nname = "swept"\nmeasures = ["error"]\n'
        'axes = [{ set = { temperature = ["25 degC", "60 degC"] } }, '
        '{ set = { supply = ["0.7 V", "0.9 V", "3.3 V"] } }]\n'
    )
    outcome = done(tmp_path, swept)
    assert ended(outcome)[0] == "complete"
    values = [event.data["problems"] for event in events(outcome, "readout")]
    assert [bool(problems) for problems in values] == [True, True, False] * 2


# -- calibration -----------------------------------------------------------------------------------

CHECK = (
    '[[phase]]\nkind = "grid"\nname = "check"\nmeasures = ["error"]\n'
    'axes = [{ set = { pressure = ["30 kPa", "60 kPa", "90 kPa"] } }]\n'
)
LEARN = (
    '[[phase]]\nkind = "grid"\nname = "learn"\n'
    'axes = [{ set = { temperature = ["20 %", "40 %", "60 %", "80 %"] } }, '
    '{ set = { pressure = ["0 %", "30 %", "60 %", "100 %"] }, path = "there and back" }]\n'
    '[[phase]]\nkind = "calibrate"\nname = "write"\nfit = "learn"\n'
)


def pressure_run(root: Path, phases: str) -> Outcome:
    part = SBP1 + '\n[calibration]\nmodel = "polynomial"\n'
    return run(write(root, phases, STATION + sbp1_sockets(2), {"sbp1": part}, {"L1": sbp1_lot()}))


def test_a_check_of_parts_that_nobody_calibrated_ends_at_its_second_point(tmp_path: Path) -> None:
    outcome = pressure_run(tmp_path, CHECK)
    assert ended(outcome)[0] == "nothing_calibrated"
    assert len(events(outcome, "readout")) == 2
    assert {r.code for r in outcome.assessment.reasons} == {"nothing_calibrated"}
    assert whole(outcome)


def test_an_incoming_check_before_the_calibration_goes_on(tmp_path: Path) -> None:
    again = CHECK.replace('"check"', '"again"')
    outcome = pressure_run(tmp_path, CHECK + LEARN + again)
    assert ended(outcome)[0] == "complete"
    # That there was no value before is on record, and held against nobody: it was calibrated.
    before = [r for r in outcome.assessment.results if r.phase == "check"]
    assert {r.verdict for r in before} == {Verdict.INVALID}
    assert outcome.assessment.verdict is Verdict.PASS
    after = [r for r in outcome.assessment.results if r.phase == "again"]
    assert after
    assert all(r.verdict is Verdict.PASS for r in after)
