"""What evidence says, and what it says where a part of it is not there."""

from __future__ import annotations

import shutil
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensorbench.assessment.assess import assess
from sensorbench.assessment.data import RunData
from sensorbench.assessment.judging import judged
from sensorbench.assessment.measuring import Inputs, measure_module
from sensorbench.assessment.reasons import CODES
from sensorbench.assessment.results import Assessment, Reason, as_json
from sensorbench.core.verdict import Limits, Verdict
from sensorbench.evidence.canonical import sha256
from sensorbench.evidence.journal import Event, JournalWriter
from sensorbench.evidence.run import RunReader
from sensorbench.run.execute import Outcome

from ...workspaces import data_of, events
from .climate import FIRST, SECOND, bake, done, fault, phase_of_tests

CYCLE = """
[[phase]]
kind = "cycle"
name = "TC"
steps = [
    { set = { temperature = "0 degC" }, dwell = "5 min" },
    { set = { temperature = "50 degC" }, dwell = "5 min" },
]
cycles = 4
test = { before = ["room"], after = ["room"] }
"""


@pytest.fixture(scope="module")
def baked(tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    text = bake("10 h", 'readouts = ["4 h"]').replace(
        'after = ["room"]', 'after = ["room"], within = "48 h"'
    )
    return done(tmp_path_factory.mktemp("baked"), text + CYCLE)


def without(outcome: Outcome, target: Path, drop: Callable[[Event], bool]) -> Assessment:
    """Assess a copy of a run's evidence whose journal never had some events."""
    shutil.copytree(outcome.root, target)
    kept = [event for event in RunReader(target).events() if not drop(event)]
    (target / "journal.jsonl").unlink()
    writer = JournalWriter(target / "journal.jsonl", sha256((target / "run.json").read_bytes()))
    for event in kept:
        writer.append(event.t, event.time, event.kind, event.data)
    writer.commit()
    writer.close()
    return assess(RunReader(target))


def codes(found: Assessment) -> set[str]:
    return {reason.code for unit in found.units for reason in unit.reasons}


def test_the_whole_evidence_is_a_pass(baked: Outcome, tmp_path: Path) -> None:
    found = without(baked, tmp_path / baked.root.name, lambda _: False)
    assert found.verdict is Verdict.PASS
    assert found == baked.assessment


def test_hours_that_were_not_recorded_were_not_given(baked: Outcome, tmp_path: Path) -> None:
    hold = events(baked, "hold")[0].data

    def inside(event: Event) -> bool:
        return event.kind == "log" and hold["start_s"] < event.t <= hold["end_s"] + 1

    found = without(baked, tmp_path / baked.root.name, inside)
    assert found.verdict is Verdict.INVALID
    assert "not_served" in codes(found)


def test_a_hold_that_is_not_there_was_not_served(baked: Outcome, tmp_path: Path) -> None:
    found = without(baked, tmp_path / baked.root.name, lambda event: event.kind == "hold")
    assert found.verdict is Verdict.INVALID
    assert "not_served" in codes(found)


@pytest.mark.parametrize(
    "name", ["bake/before", "bake/4 h", "bake/10 h", "TC/before", "TC/4 cycles"]
)
def test_a_planned_readout_that_is_not_there_is_no_pass(
    baked: Outcome, tmp_path: Path, name: str
) -> None:
    found = without(
        baked, tmp_path / baked.root.name,
        lambda event: event.kind == "readout" and event.data["point"].startswith(name),
    )  # fmt: skip
    assert found.verdict is Verdict.INVALID
    reason = next(r for unit in found.units for r in unit.reasons if r.code == "readouts_missing")
    assert reason.values["first"].startswith(name)
    assert reason.values["missing"] == 1


def test_cycles_that_were_not_settled_are_not_done(baked: Outcome, tmp_path: Path) -> None:
    steps = data_of(baked).schedule.steps
    seen = [0]

    def drop(event: Event) -> bool:
        if event.kind != "soak" or event.t < events(baked, "hold")[-1].t:
            return False
        seen[0] += 1
        return seen[0] in {6, 7}

    found = without(baked, tmp_path / baked.root.name, drop)
    assert steps
    assert found.verdict is Verdict.INVALID
    assert "cycles_missing" in codes(found)


def test_a_measure_that_fails_does_not_cost_the_seal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def compute(_inputs: Inputs) -> None:
        raise IndexError("index 3 is out of bounds")

    monkeypatch.setattr(measure_module("error"), "compute", compute)
    found = done(tmp_path, bake("10 h", 'readouts = ["4 h"]'))
    assert (found.root / "seal.json").is_file()
    assert found.assessment is not None
    assert found.assessment.verdict is Verdict.INVALID
    assert "measure_failed" in codes(found.assessment)


def test_a_run_that_did_not_end_is_not_known(baked: Outcome, tmp_path: Path) -> None:
    found = without(baked, tmp_path / baked.root.name, lambda event: event.kind == "run_ended")
    assert found.verdict is Verdict.INVALID
    assert [reason.code for reason in found.reasons] == ["not_ended"]


def test_the_window_of_a_readout_counts(baked: Outcome, tmp_path: Path) -> None:
    """The same evidence with a later reading: the window is missed."""
    target = tmp_path / baked.root.name
    shutil.copytree(baked.root, target)
    (target / "journal.jsonl").unlink()
    writer = JournalWriter(target / "journal.jsonl", sha256((target / "run.json").read_bytes()))
    late = False
    for event in RunReader(baked.root).events():
        late |= event.kind == "readout" and event.data["point"].startswith("bake/10 h")
        writer.append(event.t + (50 * 3600 if late else 0), event.time, event.kind, event.data)
    writer.commit()
    writer.close()
    found = assess(RunReader(target))
    assert "window_missed" in codes(found)


# -- a value on its limit --------------------------------------------------------------------------


@pytest.mark.parametrize("value", [1.3 - 1.0, 25.31 - 25.01, 0.1 + 0.2, -(1.3 - 1.0), -(0.1 + 0.2)])
def test_a_value_on_its_limit_is_inside_whatever_its_last_bits_say(value: float) -> None:
    assert abs(value) != 0.3  # not quite
    assert Limits(-0.3, 0.3).judge(value) is Verdict.PASS


@given(
    st.floats(-1e6, 1e6), st.floats(1e-3, 1e3), st.sampled_from([-1, 1]),
    st.floats(1e-6, 0.5),
)  # fmt: skip
def test_a_value_beyond_its_limit_by_more_than_rounding_fails(
    centre: float, width: float, side: int, beyond: float
) -> None:
    limits = Limits(centre - width, centre + width)
    slack = 1e-9 * max(abs(centre - width), abs(centre + width))
    value = centre + side * (width + max(beyond * width, 4 * slack))
    assert limits.judge(value) is Verdict.FAIL
    assert limits.judge(centre + side * width * 0.999) is Verdict.PASS


def test_a_value_that_is_not_known_is_neither() -> None:
    assert Limits(0.0, 1.0).judge(float("nan")) is Verdict.INVALID
    assert Limits(low=0.0).judge(0.0) is Verdict.PASS
    assert Limits(low=0.0).judge(-1e-3) is Verdict.FAIL


def test_a_reason_of_a_failure_holds_what_words_need(baked: Outcome) -> None:
    data = data_of(baked)
    ask = {"measure": "error", "part": "SHT40", "channel": "temperature", "unit": "K"}
    inputs = Inputs(data, "bake", ask, (), [0])
    result = judged(inputs, FIRST, 0.30004, (), -0.3, 0.3, (), {"condition": "room"}, (7,))
    assert result.verdict is Verdict.FAIL
    (reason,) = result.reasons
    assert set(CODES["outside"]) <= set(reason.values)
    assert (reason.values["value"], reason.values["high"]) == (0.30004, 0.3)
    on_it = judged(inputs, FIRST, 1.3 - 1.0, (), -0.3, 0.3, (), {}, (7,))
    assert on_it.verdict is Verdict.PASS
    assert on_it.reasons == ()


def test_doubt_wins_over_a_value_that_would_pass(baked: Outcome) -> None:
    data = data_of(baked)
    ask = {"measure": "error", "part": "SHT40", "channel": "temperature", "unit": "K"}
    inputs = Inputs(data, "bake", ask, (), [0])
    doubt = Reason("not_settled", {"address": "temperature"})
    result = judged(inputs, FIRST, 0.0, (), -0.3, 0.3, (doubt,), {}, (7,))
    assert result.verdict is Verdict.INVALID
    assert np.isnan(result.value)
    assert result.reasons == (doubt,)


# -- nothing but results on the screen -------------------------------------------------------------


@pytest.mark.parametrize("kind", ["stuck", "absent", "noise", "crc", "silent"])
def test_no_warning_of_a_library_comes_out_of_an_assessment(tmp_path: Path, kind: str) -> None:
    """A unit that gives constant counts, or none: numpy has nothing to say to the operator."""
    phases = (
        phase_of_tests("t", '["room", "hot"]') + '[[phase]]\nkind = "grid"\nname = "g"\n'
        'axes = [{ set = { temperature = ["10 degC", "25 degC", "40 degC"] }, '
        'path = "there and back" }]\nmeasures = ["error", "hysteresis", "sensitivity", "offset", '
        '"nonlinearity", "noise"]\n'
        '[[phase]]\nkind = "record"\nname = "r"\nduration = "2 min"\nevery = "10 s"\n'
        'measures = ["noise"]\n'
        '[[phase]]\nkind = "response"\nname = "s"\nset = { temperature = ["20 degC", "30 degC"] }\n'
        'lead = "1 min"\nduration = "20 min"\nevery = "10 s"\n'
        'measures = ["rise_time", "settling_time"]\n'
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        outcome = done(tmp_path, phases, fault(SECOND, kind))
        again = assess(RunReader(outcome.root))
    assert as_json(again) == as_json(outcome.assessment)
    verdicts = {unit.serial: unit.verdict for unit in again.units}
    assert verdicts[FIRST] is Verdict.PASS


def test_no_warning_even_where_nobody_answers(tmp_path: Path) -> None:
    faults = fault(FIRST, "absent") + fault(SECOND, "absent")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        outcome = done(tmp_path, phase_of_tests("t") + CYCLE, faults)
    assert outcome.assessment.verdict is Verdict.INVALID
    assert set(RunData.read(outcome.root).absent) == {FIRST, SECOND}
