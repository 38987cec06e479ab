"""grid: nested axes, each with its path; what measures need beside them is set at each point."""

from __future__ import annotations

import pytest

from sensorbench.core.quantity import PRESSURE, TEMPERATURE
from sensorbench.profiles.layout import BenchRow, Layout
from sensorbench.profiles.schedule import Read, Settle

from .plans import (
    ELSEWHERE,
    HEAD,
    PART,
    ROWS,
    bench,
    lot,
    part,
    plan,
    points,
    refusal,
    said,
    zone,
)

GRID = """
[[phase]]
kind = "grid"
name = "fit"
axes = [
    { set = { temperature = ["min", "50 %", "max"] } },
    { set = { pressure = ["min", "50 %", "max"] }, path = "there and back" },
]
settings = "fine"
"""


def grid(axes: str, more: str = "") -> str:
    return f'[[phase]]\nkind = "grid"\nname = "g"\naxes = [{axes}]\n{more}\n'


def test_a_grid_goes_through_its_axes_the_outermost_first() -> None:
    assert said(plan(GRID), 0, 23) == [
        "load",
        "set supply 3.3 V, limit 0.5",
        "settle supply 0.1 s",
        "set temperature -40 degC",
        "settle supply temperature 900 s",
        "set pressure 20 kPa",
        "settle supply temperature pressure 5 s",
        "read fit/-40 degC/20 kPa/up",
        "set pressure 70 kPa",
        "settle supply temperature pressure 5 s",
        "read fit/-40 degC/70 kPa/up",
        "set pressure 120 kPa",
        "settle supply temperature pressure 5 s",
        "read fit/-40 degC/120 kPa/up",
        "set pressure 70 kPa",
        "settle supply temperature pressure 5 s",
        "read fit/-40 degC/70 kPa/down",
        "set pressure 20 kPa",
        "settle supply temperature pressure 5 s",
        "read fit/-40 degC/20 kPa/down",
        "set temperature 42.5 degC",
        "settle supply temperature 900 s",
        # The pressure is there already: nothing is sent again.
        "read fit/42.5 degC/20 kPa/up",
    ]


def test_it_ends_with_everything_released_the_last_one_set_first() -> None:
    assert said(plan(GRID), -3) == ["release pressure", "release temperature", "release supply"]


def test_what_stays_has_had_its_soak() -> None:
    """A pressure point does not wait for the temperature's quarter of an hour again."""
    schedule = plan(GRID)
    soaks = [s.action.for_s for s in schedule.steps if isinstance(s.action, Settle)]
    assert soaks.count(TEMPERATURE.soak.for_s) == 3
    assert soaks.count(PRESSURE.soak.for_s) == len(soaks) - 4
    assert schedule.duration_s < 5 * 3600


def test_all_bands_hold_at_every_point() -> None:
    settles = [s.action for s in plan(GRID).steps if isinstance(s.action, Settle)]
    assert [band.address for band in settles[-1].bands] == ["supply", "temperature", "pressure"]
    bands = {band.address: band for band in settles[-1].bands}
    assert (bands["temperature"].target, bands["temperature"].within) == (125.0, 0.5)


def test_points_carry_conditions_labels_and_settings() -> None:
    schedule = plan(GRID)
    point = schedule.points["fit/42.5 degC/70 kPa/down"]
    assert dict(point.conditions) == {"supply": 3.3, "temperature": 42.5, "pressure": 70e3}
    assert dict(point.labels) == {"direction": "down"}
    assert point.settings == {"SBP1": {"oversampling": 32}}
    assert len(points(schedule)) == 15


def test_lists_of_one_axis_go_together() -> None:
    text = grid('{ set = { temperature = ["0 degC", "50 degC"], pressure = ["min", "max"] } }')
    assert points(plan(text)) == ["g/0 degC/20 kPa", "g/50 degC/120 kPa"]


def test_there_and_back_reads_the_far_end_once() -> None:
    text = grid('{ set = { pressure = ["min", "max"] }, path = "there and back" }')
    assert points(plan(text)) == ["g/20 kPa/up", "g/120 kPa/up", "g/20 kPa/down"]


def test_an_axis_may_go_there_and_back_around_another() -> None:
    text = grid(
        '{ set = { temperature = ["0 degC", "50 degC"] }, path = "there and back" }, '
        '{ set = { pressure = ["min", "max"] } }'
    )
    assert points(plan(text)) == [
        "g/0 degC/20 kPa/up", "g/0 degC/120 kPa/up",
        "g/50 degC/20 kPa/up", "g/50 degC/120 kPa/up",
        "g/0 degC/20 kPa/down", "g/0 degC/120 kPa/down",
    ]  # fmt: skip


def test_one_value_as_often_as_asked_is_read_as_often() -> None:
    text = grid('{ set = { pressure = ["min", "max", "min", "max"] } }')
    assert points(plan(text)) == ["g/20 kPa", "g/120 kPa", "g/20 kPa (2)", "g/120 kPa (2)"]


def test_what_the_phase_sets_stays_through_the_grid() -> None:
    text = grid('{ set = { pressure = ["min"] } }', 'set = { temperature = "85 degC" }')
    schedule = plan(text)
    assert schedule.points["g/85 degC/20 kPa"].conditions["temperature"] == 85.0
    # A phase's own supply replaces the nominal one.
    text = grid('{ set = { pressure = ["min"] } }', 'set = { supply = "max" }')
    assert plan(text).points["g/3.6 V/20 kPa"].conditions["supply"] == 3.6


@pytest.mark.parametrize(
    ("axes", "more", "key"),
    [
        ('{ set = { pressure = ["min", "max"] } }, { set = { pressure = ["max"] } }', "",
         "axes[2].set: pressure is set by axes[1].set already"),
        ('{ set = { pressure = ["min"] } }', 'set = { pressure = "max" }',
         "axes[1].set: pressure is set by set already"),
    ],
)  # fmt: skip
def test_an_address_that_is_set_twice_at_a_time_is_refused(axes: str, more: str, key: str) -> None:
    """One of them would be done, and the points of the other lost without a word."""
    assert key in refusal(grid(axes, more))


def test_an_array_of_sets_is_reached_one_after_the_other() -> None:
    text = grid(
        '{ set = { pressure = ["min"] } }',
        'set = [{ temperature = "85 degC" }, { humidity = "50 %RH" }]',
    )
    assert said(plan(text), 1, 7) == [
        "set supply 3.3 V, limit 0.5",
        "settle supply 0.1 s",
        "set temperature 85 degC",
        "settle supply temperature 900 s",
        "set humidity 50 %RH",
        "settle supply temperature humidity 900 s",
    ]


def test_a_measure_brings_the_stimuli_it_needs_to_every_point() -> None:
    text = grid('{ set = { temperature = ["0 degC", "50 degC"] } }', 'measures = ["sensitivity"]')
    limited = part(
        PART.replace("[accuracy.pressure]", "[accuracy.pressure]\nsensitivity = [0.99, 1.01]")
    )
    assert points(plan(text, lots=[(lot(), limited)])) == [
        "g/0 degC/20 kPa", "g/0 degC/120 kPa", "g/50 degC/20 kPa", "g/50 degC/120 kPa",
    ]  # fmt: skip


def test_a_grid_asks_every_channel_that_it_can_compare() -> None:
    text = grid('{ set = { pressure = ["min"] } }', 'measures = ["error"]')
    asks = plan(text).phase("g")["asks"]
    # The temperature is not set by this phase, and its bench row is one that can be set.
    assert [(ask["channel"], ask["compares"]) for ask in asks] == [("pressure", "pressure")]
    assert asks[0]["limits"] == {"": [-100.0, 100.0]}


def test_null_comes_before_the_first_point() -> None:
    rows = {
        **ROWS,
        "magnetic_field": BenchRow("set", low=-200, high=200, vector=True, reference=True),
    }
    text = grid(
        '{ set = { magnetic_field = [{ x = "50 uT", y = "0 uT", z = "0 uT" }] } }',
        'null = ["magnetic_field"]',
    )
    schedule = plan(text, bench(**rows))
    assert said(schedule, 1, 2) == ["null"]
    assert schedule.steps[1].action.arguments["address"] == "magnetic_field"  # type: ignore[union-attr]


def test_samples_are_as_many_as_the_profile_says() -> None:
    head = HEAD + 'samples = 7\nsample_interval = "2 s"\n'
    reads = [s.action for s in plan(GRID, head=head).steps if isinstance(s.action, Read)]
    assert {(read.samples, read.interval_s) for read in reads} == {(7, 2.0)}


@pytest.mark.parametrize(
    ("axes", "more", "expected"),
    [
        ('{ set = { temperature = ["150 %"] } }', "",
         "phase[1]: temperature = 207.5 degC is outside what this bench may do, -70..180"),
        ('{ set = { co2 = ["400 ppm"] } }', "",
         "phase[1]: nothing sets co2: station.toml needs [bench.co2] with `set`, or `fixed`"),
        ('{ set = { temperature = ["off"] } }', "", ""),
        ('{ set = { pressure = ["min"] } }', 'measures = ["eror"]', "'eror' is no measure; there"),
        ('{ set = { pressure = ["min"] } }', 'measures = ["error", "cross_axis"]',
         "phase[1].measures: no channel can be measured for cross_axis"),
        ('{ set = { pressure = ["min"] } }', 'settings = "raw"',
         "SBP1 has no [settings] raw; there are: fine"),
        ('{ set = { temperature = ["min", "max"] } }', 'rate = { temperature = "10 K/min" }',
         "phase[1].rate: temperature: this bench can do at most 0.0833333 degC/s, asked for"),
        ('{ set = { humidity = ["50 %RH"] } }', 'rate = { humidity = "1 K/min" }',
         "phase[1].rate: a humidity has no rate"),
        ('{ set = { supply = ["max"] } }', 'limit = { supply = "2 A" }',
         "phase[1].limit: supply: limit 2 is outside what the bench can do, 0.002..1"),
        ('{ set = { pressure = ["min"] } }', 'limit = { pressure = "2 A" }',
         "phase[1].limit: a pressure has no limit beside it"),
        ('{ set = { temperature = ["min", "max"] } }', 'rate = { temperature = "0.1 K/min" }',
         "phase[1].soak: temperature: the way to 125 and its soak take"),
        ('{ set = { pressure = ["125 kPa"] } }', "",
         "phase[1].axes: pressure = 125 kPa is beyond what SBP1 measures, 20 kPa to 120 kPa"),
        ('{ set = { pressure = ["min"] } }', 'null = ["humidity"]',
         "phase[1].null: humidity can't be nulled: this bench does 20..95 %RH, and zero needs"),
        ('{ set = { pressure = ["min"] } }', 'null = ["temperature"]',
         "phase[1].null: temperature can't be nulled: its zero is not one that is felt"),
        ('{ set = { supply = ["boost"] } }', "", "or a word: min, nominal, max, overvoltage"),
    ],
)  # fmt: skip
def test_what_the_bench_or_the_part_can_not_do_is_refused(
    axes: str, more: str, expected: str
) -> None:
    first = "" if "temperature" in axes else '{ set = { temperature = ["min"] } }, '
    text = grid(first + axes, more)
    if not expected:
        plan(text)  # allowed
    else:
        assert expected in refusal(text)


def test_an_axis_that_is_fixed_on_this_bench_takes_its_own_value_only() -> None:
    layout = bench(supply=BenchRow("fixed", fixed=3.3))
    plan(grid('{ set = { supply = ["nominal"] } }'), layout)
    found = refusal(grid('{ set = { supply = ["max"] } }'), layout)
    assert "supply is fixed at 3.3 V on this bench; 3.6 V can't be set" in found


def test_a_grid_that_would_be_read_elsewhere_is_refused() -> None:
    layout = Layout({"": zone(purposes=["stress"])}, ELSEWHERE)
    assert "a grid is read here, not elsewhere" in refusal(GRID, layout)


def test_parts_that_mean_other_values_are_not_mixed() -> None:
    other = part(PART.replace('"SBP1"', '"SBP2"').replace('"125 degC"', '"105 degC"'))
    lots = [(lot(1, "A"), part()), (lot(1, "B", 11), other)]
    found = refusal(GRID, lots=lots)
    assert (
        "temperature = 'max' means 125 degC for SBP1, 105 degC for SBP2: run these parts apart"
        in found
    )
