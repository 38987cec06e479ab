"""Gates: what they look at, and which way a run goes on."""

from __future__ import annotations

from datetime import UTC
from pathlib import Path

import pytest

from sensorbench.assessment.verify import verify
from sensorbench.core.operator import AnsweringDouble
from sensorbench.core.verdict import Verdict
from sensorbench.reports.build import build
from sensorbench.reports.model import Notice, Table
from sensorbench.reports.runs import load
from sensorbench.run.execute import Outcome

from ...workspaces import (
    SBP1,
    STATION,
    data_of,
    events,
    problems,
    reasons,
    run,
    sbp1_lot,
    sbp1_sockets,
    write,
)
from .climate import FIRST, SECOND, bake, done, fault, phase_of_tests, workspace


def gate(more: str, of: str = "t") -> str:
    return f'[[phase]]\nkind = "gate"\nname = "g"\nof = "{of}"\n{more}\n'


def points(outcome: Outcome) -> list[str]:
    return [event.data["point"] for event in events(outcome, "readout")]


def way(outcome: Outcome) -> dict[str, object]:
    return next(e.data["fact"] for e in events(outcome, "fact") if e.data["verb"] == "gate")


def test_where_enough_pass_it_goes_on(tmp_path: Path) -> None:
    outcome = done(
        tmp_path, phase_of_tests("t") + gate('require = { pass = "90 %" }') + phase_of_tests("u")
    )
    assert way(outcome)["holds"] is True
    assert points(outcome) == ["t/room/temperature_error", "u/room/temperature_error"]
    assert outcome.assessment.verdict is Verdict.PASS


def test_where_not_enough_pass_it_stops_and_says_so(tmp_path: Path) -> None:
    outcome = done(
        tmp_path,
        phase_of_tests("t") + gate('require = { value = "90 %" }') + phase_of_tests("u"),
        fault(SECOND, "absent"),
    )
    assert points(outcome) == ["t/room/temperature_error"]
    assert outcome.assessment.verdict is Verdict.INVALID
    (ended,) = events(outcome, "run_ended")
    assert ended.data["state"] == "stopped by a gate"
    assert "stopped_by_gate" in [reason.code for reason in outcome.assessment.reasons]
    # It ended in order: sealed, and whole.
    assert verify(outcome.root).is_whole


def test_it_skips_forward_and_what_was_skipped_is_not_missing(tmp_path: Path) -> None:
    outcome = done(
        tmp_path,
        phase_of_tests("t")
        + gate('require = { pass = "100 %" }\nthen = { skip_to = "v" }\notherwise = "go on"')
        + bake("100 h")
        + phase_of_tests("u")
        + phase_of_tests("v"),
    )
    assert points(outcome) == ["t/room/temperature_error", "v/room/temperature_error"]
    assert outcome.assessment.verdict is Verdict.PASS
    assert outcome.assessment.facts["bake"] == {"skipped_by": "g"}
    assert outcome.assessment.facts["u"] == {"skipped_by": "g"}
    assert events(outcome, "hold") == []
    assert verify(outcome.root).is_whole


def test_who_skips_leaves_nothing_set_behind(tmp_path: Path) -> None:
    outcome = done(
        tmp_path,
        phase_of_tests("t", '["hot"]')
        + gate('require = { pass = "100 %" }\nthen = { skip_to = "v" }')
        + phase_of_tests("u")
        + '[[phase]]\nkind = "prompt"\nname = "v"\ntext = "Look."\n',
    )
    data = data_of(outcome)
    asked = next(e for e in data.events("fact") if e.data["verb"] == "ask")
    held: dict[str, object] = {}
    for event in data.events("sent", "released"):
        if event.seq < asked.seq:
            held[event.data["address"]] = event.kind == "sent"
    assert not any(held.values())


def test_it_drops_units_that_are_not_good_and_goes_on_with_the_others(tmp_path: Path) -> None:
    outcome = done(
        tmp_path,
        phase_of_tests("t") + gate('require = { pass = "100 %" }\notherwise = "drop units"')
        + phase_of_tests("u"),
        fault(SECOND, "silent", until="10 min"),
    )  # fmt: skip
    assert way(outcome)["dropped"] == [SECOND]
    verdicts = {unit.serial: unit.verdict for unit in outcome.assessment.units}
    assert verdicts == {FIRST: Verdict.PASS, SECOND: Verdict.INVALID}
    assert "dropped" in reasons(outcome, SECOND)
    last = data_of(outcome).readouts["u/room/temperature_error"]
    assert SECOND not in last.problems
    assert last.values["temperature"][0] == pytest.approx(25.0, abs=1.5)


@pytest.mark.parametrize(("answer", "count"), [("go on", 2), ("stop", 1)])
def test_it_asks_a_person_where_it_is_told_to(tmp_path: Path, answer: str, count: int) -> None:
    double = AnsweringDouble({"gate": [answer]})
    outcome = done(
        tmp_path,
        phase_of_tests("t")
        + gate('require = { pass = "100 %" }\notherwise = "ask"')
        + phase_of_tests("u"),
        fault(SECOND, "absent"),
        before=lambda station: [
            station.bench.plug(s, f"H{n}") for n, s in enumerate((FIRST, SECOND), 1)
        ],  # type: ignore[union-attr]
        operator=double,
    )
    assert len(points(outcome)) == count
    question = next(q for q in double.asked if q.what["kind"] == "gate")
    assert "50%" in question.text["en"]
    assert question.text["zh"]


PROMPT = '[[phase]]\nkind = "prompt"\nname = "t"\ntext = "Look."\n'
SOAKED = (
    '[[phase]]\nkind = "stress"\nname = "t"\nset = { temperature = "40 degC" }\nhours = "1 h"\n'
)
EXTERNAL = '[[phase]]\nkind = "external"\nname = "t"\nattach = ["report"]\n'
GRID = (
    '[[phase]]\nkind = "grid"\nname = "t"\naxes = [{ set = { temperature = ["25 degC"] } }]\n'
    'measures = ["value"]\n'
)


@pytest.mark.parametrize(
    ("phase", "require", "said"),
    [
        (PROMPT, "pass", "reads no unit and does nothing to one"),
        (PROMPT, "value", "reads no unit and does nothing to one"),
        (PROMPT, "calibrated", "reads no unit and does nothing to one"),
        (SOAKED, "pass", "reads no unit and does nothing to one"),
        (EXTERNAL, "calibrated", "reads no channel that a part computes by coefficients"),
        (GRID, "calibrated", "reads no channel that a part computes by coefficients"),
    ],
)
def test_a_gate_that_no_phase_can_answer_is_refused(
    tmp_path: Path, phase: str, require: str, said: str
) -> None:
    found = problems(workspace(tmp_path, phase + gate(f'require = {{ {require} = "50 %" }}')))
    assert said in found
    assert "phase[2].require" in found


MONITORED = SOAKED + 'monitor = { every = "10 min" }\n'
RECORD = (
    '[[phase]]\nkind = "record"\nname = "t"\nduration = "1 min"\nevery = "20 s"\n'
    'measures = ["value"]\n'
)


@pytest.mark.parametrize("phase", [GRID, phase_of_tests("t"), MONITORED, RECORD])
@pytest.mark.parametrize("require", ["pass", "value"])
def test_a_phase_that_reads_answers_a_gate(tmp_path: Path, phase: str, require: str) -> None:
    outcome = done(tmp_path, phase + gate(f'require = {{ {require} = "100 %" }}'))
    assert way(outcome)["holds"] is True
    assert outcome.assessment.verdict is Verdict.PASS


def test_units_of_a_run_that_a_gate_stopped_say_so_whatever_was_to_come(tmp_path: Path) -> None:
    later = EXTERNAL.replace('"t"', '"x"')
    outcome = done(
        tmp_path,
        phase_of_tests("t") + gate('require = { pass = "100 %" }') + phase_of_tests("u") + later,
        fault(SECOND, "absent"),
    )
    assert outcome.assessment.units[0].serial == FIRST
    assert "stopped_by_gate" in reasons(outcome, FIRST)


# -- 0 h -------------------------------------------------------------------------------------------


def test_no_stress_begins_on_units_that_do_not_answer(tmp_path: Path) -> None:
    outcome = done(tmp_path, bake("1000 h"), fault(FIRST, "absent") + fault(SECOND, "absent"))
    assert events(outcome, "hold") == []
    assert outcome.assessment.verdict is Verdict.INVALID
    assert events(outcome, "run_ended")[0].data["reason"]["code"] == "nothing_answered"


def test_one_unit_that_answers_is_enough_to_begin(tmp_path: Path) -> None:
    outcome = done(tmp_path, bake("2 h"), fault(SECOND, "absent"))
    assert len(events(outcome, "hold")) == 1
    verdicts = {unit.serial: unit.verdict for unit in outcome.assessment.units}
    assert verdicts == {FIRST: Verdict.PASS, SECOND: Verdict.INVALID}


def test_no_stress_begins_on_parts_that_are_not_calibrated(tmp_path: Path) -> None:
    """1000 h would end with 'not calibrated'."""
    part = SBP1 + '\n[calibration]\nmodel = "polynomial"\n'
    workspace = write(
        tmp_path, bake("1000 h"), STATION + sbp1_sockets(2), {"sbp1": part}, {"L1": sbp1_lot()}
    )
    outcome = run(workspace)
    assert events(outcome, "hold") == []
    assert outcome.assessment.verdict is Verdict.INVALID
    why = events(outcome, "run_ended")[0].data["reason"]["why"]
    assert why in {"not calibrated: 26000001, 26000002", "no unit has a value"}
    # What went wrong comes before what therefore never came, on every screen and page.
    first = {unit.serial: unit.reasons[0].code for unit in outcome.assessment.units}
    assert set(first.values()) == {"not_calibrated"}
    report = build(load([outcome.root]), UTC, ("en", "zh"))
    rows = [t for p in report.parts for t in p.sections[0].blocks if isinstance(t, Table)]
    told = [cell.text for table in rows for row in table.rows for cell in row]
    assert any("the unit is not calibrated" in text for text in told)
    assert any("样品未校准" in text for text in told)
    heads = [
        block.text for part in report.parts for block in part.head if isinstance(block, Notice)
    ]
    assert "stopped by the gate bake: " in heads[0]
    assert "% needed" not in heads[0]
    assert "由关卡 bake 停止：" in heads[1]
    assert "no unit" not in heads[1]


def test_a_person_may_want_it_always(tmp_path: Path) -> None:
    outcome = done(
        tmp_path, bake("2 h", 'start = "always"'), fault(FIRST, "absent") + fault(SECOND, "absent")
    )
    assert len(events(outcome, "hold")) == 1
    assert outcome.assessment.verdict is Verdict.INVALID
