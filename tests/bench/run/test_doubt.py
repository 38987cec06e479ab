"""What is doubtful never passes: a reference that is lost, hours and cycles that were not given,
values that were not reached, calibrations that are over."""

from __future__ import annotations

from pathlib import Path

import pytest

from sensorbench.core.verdict import Verdict

from ...workspaces import (
    HEAD,
    QUICK,
    STATION,
    THERMOMETER,
    data_of,
    events,
    problems,
    reasons,
    run,
    write,
)
from . import climate
from .barometers import SOCKETS, bench, fault

STRESS = """
[[phase]]
kind = "stress"
name = "bake"
set = { temperature = "60 degC", supply = "max", pressure = "50 kPa" }
hours = "5 h"
longest = "5 h"
"""
MONITOR = """
[phase.monitor]
every = "30 min"
measures = ["error"]
limits = { error = ["-0.05 FS", "0.05 FS"] }
"""
TESTED = 'test = { before = ["room"], after = ["room"] }\n'
CYCLES = """
[[phase]]
kind = "cycle"
name = "cycles"
set = { supply = "max", pressure = "50 kPa" }
steps = [
    { set = { temperature = "0 degC" }, dwell = "10 min" },
    { set = { temperature = "60 degC" }, dwell = "10 min" },
]
cycles = 3
"""
STEPS = """
[[phase]]
kind = "steps"
name = "raised"
set = { temperature = "25 degC", pressure = ["50 kPa", "100 kPa", "110 kPa"] }
dwell = "10 min"
"""
GRID = """
[[phase]]
kind = "grid"
name = "check"
axes = [{ set = { pressure = ["50 kPa", "100 kPa"] } }]
measures = ["error"]
"""


def test_a_soak_that_is_never_reached_ends_by_its_timeout(tmp_path: Path) -> None:
    soak = 'soak = { temperature = { within = "1 K", for = "5 s", timeout = "40 min" } }\n'
    stuck = fault("thermometer", "stuck", "0 h")
    steps = STEPS.replace("25 degC", "60 degC")
    outcome = run(write(tmp_path, steps + soak + TESTED, **bench(stuck)))
    assert outcome.assessment.verdict is Verdict.INVALID
    late = [e.data["took_s"] for e in events(outcome, "soak") if not e.data["settled"]]
    assert late
    assert max(late) == pytest.approx(2400.0, abs=10.0)


@pytest.mark.parametrize("more", [MONITOR, TESTED])
def test_hours_without_the_bias_are_not_served(tmp_path: Path, more: str) -> None:
    whole = run(write(tmp_path / "whole", STRESS + more, **bench()))
    assert whole.assessment.verdict is Verdict.PASS
    lost = run(write(tmp_path / "lost", STRESS + more, **bench(fault("dmm", "silent", "1 h"))))
    assert lost.assessment.verdict is Verdict.INVALID
    assert set(reasons(lost)) >= {"not_served"}


@pytest.mark.slow
def test_a_meter_that_answers_now_and_then_credits_nothing(tmp_path: Path) -> None:
    gaps = [fault("thermometer", "silent", f"{n} min", f"{n + 0.8} min") for n in range(60, 900)]
    outcome = run(write(tmp_path, STRESS + TESTED, **bench(*gaps)))
    (hold,) = events(outcome, "hold")
    assert hold.data["credit_s"] < 3600.0
    assert set(reasons(outcome)) == {"not_served"}


READS = """
[[phase]]
kind = "record"
name = "long"
set = { temperature = "30 degC", pressure = "50 kPa" }
duration = "2 h"
every = "10 min"
measures = ["error"]
"""


@pytest.mark.parametrize("phase", [STRESS + MONITOR, CYCLES + MONITOR, READS])
@pytest.mark.parametrize("kind", ["silent", "absent"])
def test_a_reference_that_gave_nothing_is_not_blamed_on_the_units(
    tmp_path: Path, phase: str, kind: str
) -> None:
    phase = phase.replace('every = "30 min"', 'every = "10 min"')
    lost = run(write(tmp_path, phase, **bench(fault("thermometer", kind, "1 h", "1.5 h"))))
    assert lost.assessment.verdict is Verdict.INVALID
    found = reasons(lost)
    assert "no_reference" in found
    assert not {"no_value", "not_calibrated", "device"} & set(found)


@pytest.mark.parametrize("more", [MONITOR, TESTED])
def test_cycles_without_the_bias_are_not_done(tmp_path: Path, more: str) -> None:
    whole = run(write(tmp_path / "whole", CYCLES + more, **bench()))
    assert whole.assessment.verdict is Verdict.PASS
    lost = run(write(tmp_path / "lost", CYCLES + more, **bench(fault("dmm", "silent", "1 h"))))
    assert lost.assessment.verdict is Verdict.INVALID
    assert "cycles_missing" in reasons(lost)


@pytest.mark.parametrize("more", ["", TESTED])
def test_steps_whose_bias_was_not_seen_are_not_known(tmp_path: Path, more: str) -> None:
    whole = run(write(tmp_path / "whole", STEPS + more, **bench()))
    assert whole.assessment.verdict is Verdict.PASS
    silent = fault("dmm", "silent", "10 min", "40 min")
    lost = run(write(tmp_path / "lost", STEPS + more, **bench(silent)))
    assert lost.assessment.verdict is Verdict.INVALID
    assert set(reasons(lost)) == {"not_settled"}


def test_a_reference_that_is_not_used_may_be_out_of_calibration(tmp_path: Path) -> None:
    old = THERMOMETER.replace("2027-06-01", "2026-01-01")
    station = STATION.replace(THERMOMETER, old) + SOCKETS
    assert run(write(tmp_path, GRID, **bench(station=station))).assessment.verdict is Verdict.PASS


def test_a_profile_that_says_nothing_of_a_unit_is_refused(tmp_path: Path) -> None:
    said = problems(write(tmp_path, STRESS, **bench()))
    assert "nothing is read and nothing attached" in said


@pytest.mark.parametrize("device", ["pace", "dmm", "chamber"])
def test_an_instrument_that_is_absent_does_not_answer(tmp_path: Path, device: str) -> None:
    workspace = write(tmp_path, GRID, **bench(fault(device, "absent", "0 s")))
    with pytest.raises(Exception, match=f"{device}: no answer"):
        run(workspace)


def test_what_has_no_link_can_not_be_absent(tmp_path: Path) -> None:
    station = STATION + '\n[instrument.hand]\nmodel = "hand_fixture"\n' + SOCKETS
    said = problems(write(tmp_path, GRID, **bench(fault("hand", "absent", "0 s"), station=station)))
    assert "fault 'absent' is not one of" in said


@pytest.mark.parametrize("start", ["value", "pass", "always"])
def test_a_stress_starts_on_what_its_units_show_before_it(tmp_path: Path, start: str) -> None:
    phase = STRESS + f'start = "{start}"\n' + TESTED
    assert run(write(tmp_path, phase, **bench())).assessment.verdict is Verdict.PASS


@pytest.mark.parametrize("phase", [STRESS, CYCLES, STEPS])
def test_what_a_stress_starts_on_is_one_of_three(tmp_path: Path, phase: str) -> None:
    said = problems(write(tmp_path, phase + 'start = "hope"\n' + TESTED, **bench()))
    assert "start: 'hope' is not allowed" in said


def test_a_reading_between_meters_that_disagree_is_not_known(tmp_path: Path) -> None:
    """The soak was in order; while the units were read the thermometer got stuck at 26.5 degC."""
    head = HEAD.rstrip() + '\nsamples = 4\nsample_interval = "30 min"\n' + QUICK
    grid = GRID.replace(
        "set = { pressure", 'set = { temperature = ["60 degC", "60 degC"], pressure'
    )
    healthy = run(write(tmp_path / "healthy", grid, **bench(), head=head))
    assert healthy.assessment.verdict is Verdict.PASS
    stuck = fault("thermometer", "stuck", "60 min")
    outcome = run(write(tmp_path / "stuck", grid, **bench(stuck), head=head))
    assert outcome.assessment.verdict is Verdict.INVALID
    assert "meters_disagree" in reasons(outcome)
    found = next(r for u in outcome.assessment.units for r in u.reasons
                 if r.code == "meters_disagree")  # fmt: skip
    assert found.values["agree"] == 2.0
    assert 30.0 < found.values["apart"] < 36.0


@pytest.mark.parametrize("every", ["10 min", "45 min", "90 min"])
def test_on_the_way_of_a_wave_meters_need_not_agree(tmp_path: Path, every: str) -> None:
    """As little as on the ramps of a cycle: one lags behind the other."""
    wave = '{ low = "0 degC", high = "60 degC", period = "2 h", shape = "square" }'
    phase = (
        f'[[phase]]\nkind = "stress"\nname = "wave"\nset = {{ temperature = {wave} }}\n'
        'hours = "6 h"\ntest = { before = ["room"], after = ["room"] }\n'
        f'monitor = {{ every = "{every}", measures = ["error"] }}\n'
    )
    outcome = run(write(tmp_path, phase, **bench()))
    assert not any(event.data["unsettled"] for event in events(outcome, "monitor"))
    assert outcome.assessment.verdict is not Verdict.INVALID


# -- what a reference knows ------------------------------------------------------------------------


def test_a_reference_that_scatters_by_more_than_it_is_said_to_know_makes_a_doubt(
    tmp_path: Path,
) -> None:
    head = HEAD + "samples = 16\n" + QUICK  # so many tell scatter from chance
    noisy = bench(fault("thermometer", "noise", "0 h"))
    warm = GRID.replace("axes = [", 'axes = [{ set = { temperature = ["30 degC"] } }, ')
    outcome = run(write(tmp_path, warm, head=head, **noisy))
    assert outcome.assessment.verdict is Verdict.INVALID
    units = outcome.assessment.units
    doubts = [r for unit in units for r in unit.reasons if r.code == "reference_unsteady"]
    assert {r.values["address"] for r in doubts} == {"temperature"}
    assert all(r.values["apart"] > r.values["within"] >= 0.1 for r in doubts)


def test_what_an_earlier_phase_let_go_is_on_its_way_and_no_doubt_of_the_next(
    tmp_path: Path,
) -> None:
    """A pressure is released, and the next phase asks for the temperature alone, at once."""
    there = 'axes = [{ set = { temperature = ["25 degC"] } }, '
    phases = (
        GRID.replace('"50 kPa", "100 kPa"', '"31 kPa"').replace("axes = [", there)
        + """
[[phase]]
kind = "steps"
name = "warm"
set = { temperature = ["25 degC"] }
dwell = "1 s"
"""
    )
    head = HEAD + "samples = 16\n" + QUICK
    outcome = run(write(tmp_path, phases, head=head, **bench()))
    last = data_of(outcome).all_readouts[-1]
    assert last.point.phase == "warm"
    assert "pressure" not in last.point.conditions
    assert "reference_unsteady" not in reasons(outcome)
    assert outcome.assessment.verdict is Verdict.PASS


def test_meters_of_a_place_that_nobody_sets_must_agree_too(tmp_path: Path) -> None:
    """It is what the room is; what is on record of it is compared with nothing else."""
    step = """
[[phase]]
kind = "response"
name = "step"
set = { pressure = ["30 kPa", "100 kPa"] }
every = "1 s"
lead = "2 s"
duration = "30 s"
measures = ["settling_time"]
"""
    outcome = run(write(tmp_path, step, **bench(fault("thermometer", "stuck", "0 h"))))
    assert outcome.assessment.verdict is Verdict.INVALID
    assert "meters_disagree" in reasons(outcome)


@pytest.mark.parametrize("beside", [True, False])
def test_what_moved_since_its_soak_makes_a_doubt_at_the_reading(
    tmp_path: Path, beside: bool
) -> None:
    """The chamber heats on for a sensor that stuck after the soak, while pressures are read."""
    grid = """
[[phase]]
kind = "grid"
name = "check"
axes = [
    { set = { temperature = ["60 degC"] } },
    { set = { pressure = ["50 kPa", "100 kPa", "110 kPa"] } },
]
measures = ["error"]
[phase.soak]
temperature = { within = "0.3 K", for = "1 min", timeout = "1 h" }
pressure = { within = "20 Pa", for = "1 min", timeout = "10 min" }
"""
    whole = run(write(tmp_path / "whole", grid, **bench()))
    assert whole.assessment.verdict is Verdict.PASS
    at_s = events(whole, "readout")[0].t - 50.0
    stuck = fault("chamber", "sensor_stuck", f"{at_s:.0f} s") if beside else ""
    outcome = run(write(tmp_path / "stuck", grid, **bench(stuck)))
    assert ("moved_since" in reasons(outcome)) is beside


def test_a_place_that_wanders_through_its_target_has_moved(tmp_path: Path) -> None:
    """A thermometer that lags was below its target when the soak ended, and is above it now."""
    grid = """
[[phase]]
kind = "grid"
name = "check"
axes = [
    { set = { temperature = ["60 degC"] } },
    { set = { pressure = ["50 kPa", "60 kPa", "70 kPa", "80 kPa"] } },
]
measures = ["error"]
[phase.soak]
temperature = { within = "1 K", for = "1 min", timeout = "1 h" }
pressure = { within = "20 Pa", for = "30 s", timeout = "10 min" }
"""
    whole = run(write(tmp_path / "whole", grid, **bench()))
    assert whole.assessment.verdict is Verdict.PASS
    at_s = events(whole, "readout")[0].t
    stuck = fault("chamber", "sensor_stuck", f"{at_s:.0f} s")
    outcome = run(write(tmp_path / "stuck", grid, **bench(stuck)))
    assert "moved_since" in reasons(outcome)
    assert outcome.assessment.verdict is Verdict.INVALID


def test_sweeps_without_their_reference_are_not_compared_with_other_sweeps(tmp_path: Path) -> None:
    """The reference spoke at the first sweep of three; meanwhile the place moved on."""
    head = HEAD + 'samples = 3\nsample_interval = "10 s"\n' + QUICK
    tests = climate.phase_of_tests("test")
    whole = climate.done(tmp_path / "whole", tests, head=head)
    assert whole.assessment.verdict is Verdict.PASS
    at_s = events(whole, "readout")[-1].t - 15.0
    silent = fault("thermometer", "silent", f"{at_s:.3f} s")
    lost = climate.done(tmp_path / "lost", tests, silent, head=head)
    assert lost.assessment.verdict is Verdict.INVALID
    assert "no_reference" in reasons(lost)
