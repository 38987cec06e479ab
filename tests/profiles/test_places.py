"""Where things are done: sockets and batches, groups, zones and what they are for, elsewhere."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sensorbench.profiles.layout import Elsewhere, Layout
from sensorbench.profiles.schedule import Do, Hold, Schedule

from .plans import ELSEWHERE, ROWS, bench, lot, part, plan, points, refusal, said, zone

BAKE = """
[[phase]]
kind = "stress"
name = "ELFR"
set = { temperature = "125 degC", supply = "max" }
hours = "48 h"
test = { before = ["room"], after = ["room"], within = "48 h" }
"""
TEST = '[[phase]]\nkind = "test"\nname = "t"\nconditions = ["room"]\n'
ROOMS = Layout({"oven": zone(4, ["stress"], pressure=None), "tester": zone(4, ["test"])})


def zones(schedule: Schedule) -> list[str]:
    """Return where what is done in order, without repeats."""
    found: list[str] = []
    for step in schedule.steps:
        if not found or found[-1] != step.zone:
            found.append(step.zone)
    return found


# -- batches ---------------------------------------------------------------------------------------


def test_800_units_go_through_77_sockets_in_11_batches() -> None:
    lots = [(lot(800), part())]
    schedule = plan(BAKE, bench(77), lots)
    sizes = [len(units) for units in schedule.groups.values()]
    assert sizes == [77] * 10 + [30]
    assert [u for units in schedule.groups.values() for u in units] == list(range(800))
    holds = [s for s in schedule.steps if isinstance(s.action, Hold)]
    assert len(holds) == 11


def test_each_batch_has_its_own_tests_stress_and_window() -> None:
    schedule = plan(BAKE, bench(4), [(lot(6), part())])
    assert points(schedule) == [
        "ELFR/before/room/pressure_error@#1", "ELFR/48 h/room/pressure_error@#1",
        "ELFR/before/room/pressure_error@#2", "ELFR/48 h/room/pressure_error@#2",
    ]  # fmt: skip
    begins = [p.labels.get("window_from") for p in schedule.points.values()]
    held = [n for n, s in enumerate(schedule.steps) if isinstance(s.action, Hold)]
    assert begins == [None, held[0] + 1, None, held[1] + 1]
    words = said(schedule)
    assert words.count("load") == words.count("unload") == 2


def test_batches_are_filled_lot_by_lot() -> None:
    lots = [(lot(3, "A"), part()), (lot(3, "B", 11), part())]
    schedule = plan(BAKE, bench(4), lots)
    batches = [[schedule.units[n].lot for n in units] for units in schedule.groups.values()]
    assert batches == [["A", "A", "A", "B"], ["B", "B"]]


def test_what_fits_is_one_batch_loaded_once_for_all_phases() -> None:
    schedule = plan(TEST + BAKE, bench(4), [(lot(4), part())])
    assert dict(schedule.groups) == {"": (0, 1, 2, 3)}
    assert said(schedule).count("load") == 1
    assert "unload" not in said(schedule)


def test_a_place_without_sockets_is_none() -> None:
    assert "phase[1].at: this place has no socket" in refusal(TEST, bench(0))


# -- groups ----------------------------------------------------------------------------------------


def test_a_phase_may_take_one_group_of_the_lot() -> None:
    lots = [(lot(4, groups=["front", "back", "front"]), part())]
    text = TEST + 'units = "front"\n' + TEST.replace('"t"', '"u"') + 'units = "back"\n'
    schedule = plan(text, lots=lots)
    assert dict(schedule.groups) == {"front": (0, 2), "back": (1,)}
    assert schedule.points["t/room/pressure_error"].units == "front"
    assert schedule.group("front") == (0, 2)
    words = said(schedule)
    # Other units come into the sockets, so the first ones leave them.
    assert words.count("load") == 2
    assert words.count("unload") == 1


def test_a_group_that_no_unit_is_in_is_named() -> None:
    lots = [(lot(2, groups=["front", "back"]), part())]
    assert "phase[1].units: no unit is in the group 'fornt'; there are: back, front" in refusal(
        TEST + 'units = "fornt"\n', lots=lots
    )


def test_units_that_no_phase_takes_are_not_part_of_the_run() -> None:
    lots = [(lot(3, groups=["front", "back", "front"]), part())]
    schedule = plan(TEST + 'units = "front"\n', lots=lots)
    assert [unit.serial for unit in schedule.units] == ["00000001", "00000003"]
    # An external step sends all units away.
    more = '[[phase]]\nkind = "external"\nname = "MS"\nattach = ["report"]\n'
    assert len(plan(TEST + 'units = "front"\n' + more, lots=lots).units) == 3


# -- zones and elsewhere ---------------------------------------------------------------------------


def test_what_a_zone_is_for_is_done_there() -> None:
    schedule = plan(BAKE, ROOMS)
    assert zones(schedule) == ["tester", "oven", "tester"]
    assert {s.zone for s in schedule.steps if isinstance(s.action, Hold)} == {"oven"}
    assert {s.zone for s in schedule.steps if hasattr(s.action, "samples")} == {"tester"}


def test_units_are_taken_out_and_walked_from_room_to_room() -> None:
    words = said(plan(BAKE, ROOMS))
    assert words[words.index("unload") :][:3] == ["unload", "park units", "load"]
    assert words.count("park units") == 2


def test_at_says_otherwise_for_a_phase_or_for_a_run() -> None:
    two = Layout({"a": zone(), "b": zone()})
    assert 'are all for "test"; say which with --at' in refusal(TEST, two)
    assert zones(plan(TEST, two, at="b")) == ["b"]
    assert zones(plan(TEST + 'at = "a"\n', two, at="b")) == ["a"]
    assert "'c' is no place; there are: a, b" in refusal(TEST, two, at="c")


def test_a_zone_for_nothing_in_particular_serves_where_no_other_does() -> None:
    mixed = Layout({"any": zone(), "oven": zone(purposes=["stress"])})
    assert zones(plan(BAKE, mixed)) == ["any", "oven", "any"]


def test_tests_elsewhere_are_attached_and_parked_for() -> None:
    schedule = plan(TEST + BAKE, Layout({"": zone()}, ELSEWHERE))
    parks = [
        s.action.arguments
        for s in schedule.steps
        if isinstance(s.action, Do) and s.action.verb == "park"
    ]
    assert [(p["point"], p["at"]) for p in parks] == [
        ("t", "ate"), ("ELFR/before", "ate"), ("ELFR/48 h", "ate"),
    ]  # fmt: skip
    assert schedule.points["t"].labels["attach"] == ["report", "result of each unit"]


def test_a_station_that_is_for_tests_does_no_stress() -> None:
    only = Layout({"": zone(purposes=["test"])})
    assert 'no place of this station is for "stress"' in refusal(BAKE, only)


def test_two_testers_need_a_word() -> None:
    found = refusal(TEST, Layout({"": zone()}, {**ELSEWHERE, "lab": Elsewhere("Lab", ("test",))}))
    assert 'ate, lab are all for "test"; say which with --at' in found


# -- lots and parts --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lots", "expected"),
    [
        ([(lot(2, "A"), part()), (lot(2, "A", 11), part())],
         "lot A: lot.id: two lots of the run have this id"),
        ([(lot(2, "A"), part()), (lot(2, "B"), part())],
         "00000001 is in two lots of the run: which one is it?"),
        ([(lot(), part(**{'driver = "sbp1"': 'driver = "sbp9"'}))],
         "part.toml: part.driver: 'sbp9' is no sensor we know; there are"),
        ([(lot(), part(**{'driver = "sbp1"': 'driver = "espec_p300"'}))],
         "'espec_p300' is no sensor we know"),
    ],
)  # fmt: skip
def test_lots_that_do_not_go_together_are_refused(lots: list[object], expected: str) -> None:
    assert expected in refusal(TEST, lots=lots)  # type: ignore[arg-type]


def test_what_is_no_sensor_is_named_with_those_that_are() -> None:
    found = refusal(TEST, lots=[(lot(), part(**{'driver = "sbp1"': 'driver = "sbp9"'}))])
    there = found.partition("there are ")[2]
    assert "sht4x" in there
    assert "espec_p300" not in there


def test_units_of_two_lots_and_two_parts_keep_their_names() -> None:
    other = part(**{'name = "SBP1"': 'name = "SBP1-B"'})
    schedule = plan(TEST, lots=[(lot(1, "A"), part()), (lot(1, "B", 11), other)])
    assert [(u.serial, u.lot, u.part) for u in schedule.units] == [
        ("00000001", "A", "SBP1"), ("00000011", "B", "SBP1-B"),
    ]  # fmt: skip
    assert set(schedule.parts) == {"SBP1", "SBP1-B"}


# -- what is read on the way in the zone of the stress ---------------------------------------------

WATCHED = BAKE + 'monitor = { every = "1 h", measures = ["error"] }\n'


@pytest.mark.parametrize(
    "phase",
    [
        WATCHED,
        WATCHED.replace('"stress"', '"cycle"')
        .replace('hours = "48 h"\n', "cycles = 2\n")
        .replace(
            'set = { temperature = "125 degC", supply = "max" }',
            'steps = [{ set = { temperature = "125 degC" }, dwell = "1 h" }]',
        ),
        WATCHED.replace('"stress"', '"steps"')
        .replace('hours = "48 h"', 'dwell = "2 h"')
        .replace('"125 degC"', '["60 degC", "125 degC"]'),
    ],
    ids=["stress", "cycle", "steps"],
)
def test_a_monitor_measures_what_the_zone_of_its_stress_compares(phase: str) -> None:
    """The phase begins in another zone, with a test."""
    asks = plan(phase, ROOMS, [(lot(4), part())]).phases[0]["asks"]
    assert [ask["channel"] for ask in asks] == ["temperature"]


def test_a_measure_of_no_channel_there_is_refused() -> None:
    oven = Layout({"oven": zone(4, ["stress"], pressure=None, temperature=replace(
        ROWS["temperature"], reference=False)), "tester": zone(4, ["test"])})  # fmt: skip
    assert "monitor.measures: no channel can be measured for error" in refusal(WATCHED, oven)


def test_limits_of_a_monitor_are_judged_wherever_the_test_before_was() -> None:
    limited = WATCHED.replace(
        '["error"] }', '["error"], limits = { error = { temperature = "1 K" } } }'
    )
    (ask,) = plan(limited, ROOMS, [(lot(4), part())]).phases[0]["asks"]
    assert ask["limits"] == {"": [-1.0, 1.0]}


# -- a tester elsewhere ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "phase",
    [
        'kind = "grid"\naxes = [{ set = { pressure = ["50 kPa"] } }]\nmeasures = ["error"]',
        'kind = "record"\nduration = "10 min"\nevery = "10 s"\nmeasures = ["error"]',
    ],
)
def test_what_is_read_step_by_step_is_done_here_though_a_tester_tests(phase: str) -> None:
    layout = Layout({"": zone()}, ELSEWHERE)
    there = plan(f'[[phase]]\nname = "p"\n{phase}\n' + TEST, layout)
    assert any(s.phase == "p" for s in there.steps)
    # The tests themselves are still the tester's.
    assert [s.action.verb for s in there.steps if isinstance(s.action, Do)].count("park") == 1
