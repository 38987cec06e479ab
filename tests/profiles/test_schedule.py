"""The schedule as JSON: what was asked survives being stored, and being read by another version."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sensorbench.evidence.canonical import canonical
from sensorbench.parts.values import Wave
from sensorbench.profiles.layout import Layout
from sensorbench.profiles.schedule import (
    Action,
    Band,
    Do,
    Hold,
    Point,
    Read,
    Release,
    Schedule,
    Set,
    Settle,
    Step,
    Unit,
    action_json,
    name_of,
)

from .plans import ELSEWHERE, plan, zone

numbers = st.floats(-1e9, 1e9, allow_nan=False)
positive = st.floats(0, 1e9, allow_nan=False)
names = st.sampled_from(["temperature", "pressure.front", "magnetic_field", "supply.vddio"])
values = numbers | st.tuples(numbers, numbers, numbers)
waves = st.builds(Wave, st.none() | numbers, numbers, positive, st.sampled_from(["square", "sine"]))
bands = st.builds(
    Band, names, st.none() | values, positive, st.none() | numbers, st.none() | numbers
)
plain: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | numbers | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=5,
)
actions: st.SearchStrategy[Action] = st.one_of(
    st.builds(Set, names, values | waves, st.none() | positive, st.none() | positive),
    st.builds(Settle, st.tuples(bands, bands), positive, positive),
    st.builds(Release, names),
    st.builds(Read, st.just("p/1"), st.integers(1, 1000), positive, positive, st.booleans()),
    st.builds(Hold, positive, st.tuples(bands), positive, st.text(max_size=5), positive),
    st.builds(
        Do,
        st.sampled_from(["park", "load", "gate"]),
        st.dictionaries(st.text(max_size=5), plain, max_size=3),
    ),
)
steps = st.builds(
    Step, actions, st.sampled_from(["", "oven"]), st.none() | st.integers(0, 99),
    st.sampled_from(["", "bake"]), st.integers(0, 10**9).map(lambda n: n / 1000),
    st.integers(0, 10**9).map(lambda n: n / 1000),
)  # fmt: skip
points = st.builds(
    Point, st.just("p/1"), st.just("p"),
    st.dictionaries(names, st.none() | values | waves, max_size=3),
    st.dictionaries(st.text(max_size=5), plain, max_size=2), st.just({}),
    st.sampled_from(["", "#1"]),
)  # fmt: skip


def schedule(*done: Step, point: Point | None = None) -> Schedule:
    there = point or Point("p/1", "p")
    return Schedule(
        {"id": "own/x", "log_s": 60.0}, (Unit("1", "L", "P", "S1", "front"),), {"P": {"name": "P"}},
        {"": {"benches": {}}}, {}, {"": (0,)}, ({"name": "p", "kind": "grid"},), {},
        {there.id: there}, done,
    )  # fmt: skip


def again(found: Schedule) -> Schedule:
    """Return a schedule as it comes back from the evidence's own bytes."""
    return Schedule.from_json(json.loads(canonical(found.as_json())))


@given(st.lists(steps, max_size=4), points)
@settings(max_examples=200)
def test_any_schedule_comes_back_as_it_was(found: list[Step], point: Point) -> None:
    asked = schedule(*found, point=point)
    assert again(asked) == asked


@given(actions)
def test_an_action_names_itself_and_leaves_out_what_is_at_its_default(action: Action) -> None:
    row = action_json(action)
    assert row["do"] == name_of(action)
    assert None not in row.values()


WHOLE = """
[[phase]]
kind = "stress"
name = "bake"
set = [{ supply = "max" }, { temperature = "125 degC" }]
hours = "10 h"
readouts = ["5 h"]
monitor = { every = "1 h", measures = ["error"], limits = { error = "1 FS" } }
test = { before = ["room"], after = ["room"], within = "96 h", from = "cool" }
cool = { set = { supply = "max" }, until = { temperature = "55 degC" } }
[[phase]]
kind = "cycle"
name = "power"
set = { supply = { low = "off", high = "max", period = "10 min" } }
steps = [{ set = { temperature = "0 degC" }, dwell = "1 min" }]
cycles = 2
[[phase]]
kind = "steps"
name = "over"
set = { supply = ["max", "off"] }
dwell = "1 s"
"""


@pytest.mark.parametrize("layout", [Layout({"": zone()}), Layout({"": zone()}, ELSEWHERE)])
def test_a_planned_schedule_comes_back_as_it_was(layout: Layout) -> None:
    asked = plan(WHOLE, layout)
    found = again(asked)
    assert found.steps == tuple(rounded(step) for step in asked.steps)
    assert found.points == asked.points
    assert found.as_json() == again(found).as_json()


def rounded(step: Step) -> Step:
    """Planned times are stored to the millisecond."""
    return replace(step, start_s=round(step.start_s, 3), duration_s=round(step.duration_s, 3))


def test_what_a_later_version_wrote_more_is_left_alone() -> None:
    data = schedule(Step(Set("supply", 3.3), "", 0, "p", 0.0, 0.0)).as_json()
    data["steps"][0]["colour"] = "green"
    data["points"][0]["mood"] = "good"
    data["units"][0]["weight_kg"] = 1.0
    data["more"] = {}
    (step,) = Schedule.from_json(data).steps
    assert step.action == Set("supply", 3.3)


def test_the_schedule_of_a_thousand_cycles_is_small() -> None:
    text = """
[[phase]]
kind = "cycle"
name = "TC"
steps = [{ set = { temperature = "-55 degC" }, dwell = "15 min" },
         { set = { temperature = "150 degC" }, dwell = "15 min" }]
cycles = 1000
"""
    assert len(canonical(plan(text.replace(",\n  ", ", ")).as_json())) < 1_000_000


def test_the_question_is_whole_without_any_toml_file() -> None:
    """Units and places, points, steps, phases, parameters with limits, bands and choices."""
    data = plan(WHOLE).as_json()
    assert data["format"] == 2
    parameter = data["parts"]["SBP1"]["parameters"][0]
    assert parameter["limits"]["room"] == [-200.0, 200.0]
    assert parameter["drift"] == 150.0
    assert data["quantities"]["pressure"]["unit"] == "Pa"
    hold = next(step for step in data["steps"] if step["do"] == "hold")
    assert {band["address"] for band in hold["bands"]} == {"supply", "temperature"}
    assert data["phases"][0]["kind"] == "stress"
