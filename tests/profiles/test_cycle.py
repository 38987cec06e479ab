"""cycle: steps repeated and counted, with what goes on beside them."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest

from sensorbench.parts.values import Wave
from sensorbench.profiles.expand import expand
from sensorbench.profiles.library import load_profile
from sensorbench.profiles.schedule import Release, Set, Settle

from .plans import ROWS, BenchRow, bench, lot, part, plan, points, refusal, said

TC = """
[[phase]]
kind = "cycle"
name = "TC"
steps = [
    { set = { temperature = "-55 degC" }, dwell = "15 min" },
    { set = { temperature = "150 degC" }, dwell = "15 min" },
]
cycles = 1000
readouts = [200, 500]
rate = { temperature = "5 K/min" }
test = { before = ["hot"], after = ["hot"] }
"""
PTC = """
[[phase]]
kind = "cycle"
name = "PTC"
set = { supply = { low = "off", high = "max", period = "10 min", shape = "square" } }
steps = [
    { set = { temperature = "-40 degC" }, dwell = "10 min" },
    { set = { temperature = "125 degC" }, dwell = "10 min" },
]
cycles = 3
"""
PPRTC = """
[[phase]]
kind = "cycle"
name = "B_PPrTC"
set = { supply = "max", pressure = { low = "min", high = "max", period = "2 s" } }
steps = [{ set = { temperature = "150 degC" }, dwell = "15 min" }]
cycles = 2
monitor = { every = "1 min", measures = ["error"], limits = { error = ["-0.02 FS", "0.02 FS"] } }
"""


def test_temperature_cycling_of_grade_1_is_4035_actions() -> None:
    schedule = expand(load_profile("aec_q100/a4_tc"), [(lot(), part())], bench())
    assert len(schedule.steps) == 4035
    assert said(schedule, 0, 18) == [
        "load",
        "set supply 3.3 V, limit 0.5",
        "set temperature 125 degC at 0.0833333/s",
        "settle supply temperature 900 s",
        "set pressure 70 kPa",
        "settle supply temperature pressure 5 s",
        "read TC/before/hot/pressure_error",
        "gate",
        "release pressure",
        "release supply",
        "set temperature -55 degC at 0.0833333/s",
        "settle temperature 900 s",
        "set temperature 150 degC at 0.0833333/s",
        "settle temperature 900 s",
        "set temperature -55 degC at 0.0833333/s",
        "settle temperature 900 s",
        "set temperature 150 degC at 0.0833333/s",
        "settle temperature 900 s",
    ]


@pytest.mark.parametrize(
    ("grade", "cycles", "hot_c"), [(0, 2000, 150), (1, 1000, 150), (2, 1000, 125), (3, 500, 125)]
)
def test_cycles_and_ends_are_those_of_the_grade(grade: int, cycles: int, hot_c: float) -> None:
    """AEC-Q100 Rev H, table 2, A4; JESD22-A104."""
    lots = [(lot(), part(**{"grade = 1": f"grade = {grade}"}))]
    schedule = expand(load_profile("aec_q100/a4_tc"), lots, bench())
    steps = schedule.steps
    cold = [s for s in steps if isinstance(s.action, Set) and s.action.target == -55.0]
    assert len(cold) == cycles
    assert (
        max(
            s.action.target
            for s in steps
            if isinstance(s.action, Set) and s.action.address == "temperature"
        )
        == hot_c
    )  # type: ignore[type-var]


def test_a_cycle_that_was_cut_short_is_repeated_from_its_first_step() -> None:
    steps = plan(TC).steps
    first = next(
        n for n, s in enumerate(steps) if isinstance(s.action, Set) and s.action.target == -55.0
    )
    for number in range(first, first + 40, 4):
        assert [step.restart for step in steps[number : number + 4]] == [number] * 4


def test_readouts_come_after_their_cycles() -> None:
    schedule = plan(TC)
    assert points(schedule) == [
        "TC/before/hot/pressure_error", "TC/200 cycles/hot/pressure_error",
        "TC/500 cycles/hot/pressure_error", "TC/1000 cycles/hot/pressure_error",
    ]  # fmt: skip
    done = 0
    for step in schedule.steps:
        match step.action:
            case Set(target=-55.0):
                done += 1
            case _ if getattr(step.action, "point", "").startswith("TC/200"):
                assert done == 200


def test_a_dwell_is_how_long_a_value_is_kept_once_reached() -> None:
    settles = [s.action for s in plan(PTC).steps if isinstance(s.action, Settle)]
    assert {settle.for_s for settle in settles} == {600.0}
    assert len(settles) == 6


def test_bias_is_switched_beside_the_cycles_and_not_waited_for() -> None:
    schedule = plan(PTC)
    assert said(schedule, 0, 4) == [
        "load", "wave supply off to 3.6 V, limit 0.5", "set temperature -40 degC",
        "settle temperature 600 s",
    ]  # fmt: skip
    wave = schedule.steps[1].action
    assert isinstance(wave, Set)
    assert wave.target == Wave(None, 3.6, 600.0, "square")
    assert said(schedule, -2) == ["release temperature", "release supply"]


def test_a_wave_goes_on_through_all_cycles_with_a_monitor_on_its_plateaus() -> None:
    rows = {
        **ROWS,
        "pressure": BenchRow("set", low=0, high=130e3, wave_s=(0.5, 1e3), reference=True),
    }
    schedule = plan(PPRTC, bench(**rows))
    assert said(schedule, 0, 9) == [
        "load",
        "set supply 3.6 V, limit 0.5",
        "wave pressure 20 kPa to 120 kPa",
        "settle supply 0.1 s",
        "read B_PPrTC/monitor from 0 every 60 s",
        "set temperature 150 degC",
        "settle supply temperature 900 s",
        "settle supply temperature 900 s",
        "release B_PPrTC/monitor from 0",
    ]
    asks = {ask["channel"]: ask for ask in schedule.phase("B_PPrTC")["asks"]}
    assert asks["pressure"]["limits"] == {"": [-2000.0, 2000.0]}
    point = schedule.points["B_PPrTC/monitor from 0"]
    assert point.conditions["pressure"] == Wave(20e3, 120e3, 2.0, "square")


def test_a_wave_that_the_bench_can_not_follow_is_refused() -> None:
    found = refusal(PPRTC)
    assert "phase[1]: pressure: a wave of 2 s is faster than this bench can do, 20 s" in found


def test_a_wave_that_would_wear_out_its_instrument_is_refused() -> None:
    row = replace(ROWS["pressure"], nonvolatile=True)
    slow = PPRTC.replace('"2 s"', '"10 min"')
    found = refusal(slow, bench(pressure=row))
    assert "pressure: its instrument keeps each value in a memory that wears" in found
    plan(PPRTC, bench(pressure=replace(row, wave_s=(0.5, 1e3))))  # it makes them itself


def test_a_wave_beyond_the_bench_is_refused() -> None:
    text = PPRTC.replace('high = "max"', 'high = "2 FS"').replace('"2 s"', '"10 min"')
    assert "pressure = 200000 Pa is outside what this bench may do" in refusal(text)


def test_what_is_not_part_of_the_cycles_is_let_go_before_them() -> None:
    words = said(plan(TC))
    start = words.index("set temperature -55 degC at 0.0833333/s")
    assert words[start - 2 : start] == ["release pressure", "release supply"]


def test_planned_times_follow_each_other() -> None:
    schedule = plan(TC)
    for before, after in pairwise(schedule.steps):
        assert after.start_s == pytest.approx(before.start_s + before.duration_s)
    last = schedule.steps[-1]
    assert schedule.duration_s == pytest.approx(last.start_s + last.duration_s)
    # Two ramps of 205 K at 3 K/min, the chamber's own, and two dwells, a thousand times.
    a_cycle = 2 * (205 / 3 * 60 + 900)
    assert schedule.duration_s > 1000 * a_cycle
    assert not [s for s in schedule.steps[-3:] if not isinstance(s.action, Release)]


def test_what_goes_on_through_all_steps_is_set_by_none_of_them() -> None:
    """From the second cycle on the first step would be done at what the last one left."""
    text = """
[[phase]]
kind = "cycle"
name = "c"
set = { supply = "max" }
steps = [
    { set = { temperature = "0 degC" }, dwell = "1 min" },
    { set = { temperature = "60 degC", supply = "min" }, dwell = "1 min" },
]
cycles = 2
monitor = { every = "1 min" }
"""
    assert "steps[2].set: supply is set by set already" in refusal(text)
