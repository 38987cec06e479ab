"""needs(schedule): what a run takes, said once: sets, waits, references, units, streams."""

from __future__ import annotations

import pytest

from sensorbench.profiles.layout import Layout
from sensorbench.profiles.needs import needs

from .plans import ELSEWHERE, ROWS, BenchRow, bench, lot, part, plan, zone
from .test_other_kinds import CALIBRATION, IMU

TEST = '[[phase]]\nkind = "test"\nname = "t"\nconditions = ["room"]\n'


def grid(axes: str, more: str = "") -> str:
    return f'[[phase]]\nkind = "grid"\nname = "g"\naxes = [{{ set = {{ {axes} }} }}]\n{more}\n'


def test_what_is_set_is_also_waited_for() -> None:
    found = needs(plan(grid('pressure = ["min", "max"]')))
    assert found.sets == {"": {"supply", "pressure"}}
    assert found.settles == {"": {"supply", "pressure"}}
    assert found.compares == {"": frozenset()}
    assert found.touches("") == {"supply", "pressure"}
    assert found.touches("oven") == frozenset()


def test_what_units_are_compared_with_needs_its_reference() -> None:
    found = needs(plan(grid('pressure = ["min", "max"]', 'measures = ["error"]')))
    assert found.compares == {"": {"pressure"}}
    assert needs(plan(TEST)).compares == {"": {"pressure"}}


def test_a_value_by_itself_is_compared_with_nothing() -> None:
    text = grid('temperature = ["min", "max"]', 'measures = ["noise"]')
    assert needs(plan(text)).compares == {"": frozenset()}


def test_an_axis_is_compared_with_its_whole_vector() -> None:
    rows = {
        **ROWS,
        "orientation": BenchRow("set", low=-1, high=1, vector=True, reference=True),
        "acceleration": BenchRow("watched", reference=True),
    }
    text = grid('orientation = ["+x up", "-x up"]', 'measures = ["error"]')
    found = needs(plan(text, bench(**rows), [(lot(), part(IMU))]))
    assert "acceleration" in found.compares[""]


def test_a_fit_needs_every_reference_that_it_is_fitted_to() -> None:
    assert needs(plan(CALIBRATION)).compares == {"": {"pressure", "temperature"}}
    assert "write" in needs(plan(CALIBRATION)).verbs


def test_null_needs_what_it_brings_to_zero() -> None:
    rows = {
        **ROWS,
        "magnetic_field": BenchRow("set", low=-200, high=200, vector=True, reference=True),
    }
    found = needs(plan(grid('pressure = ["min"]', 'null = ["magnetic_field"]'), bench(**rows)))
    assert "magnetic_field" in found.sets[""]
    assert "magnetic_field" in found.compares[""]


def test_units_are_needed_where_they_are_read() -> None:
    rooms = Layout({"oven": zone(4, ["stress"]), "tester": zone(4, ["test"])})
    text = (
        TEST
        + '[[phase]]\nkind = "stress"\nname = "b"\nset = { temperature = "max" }\nhours = "1 h"\n'
    )
    found = needs(plan(text, rooms))
    assert found.units == {"tester": {0, 1}}
    assert found.sets["oven"] == {"temperature"}
    assert "temperature" in found.settles["oven"]


def test_a_stream_says_what_it_costs_on_its_link() -> None:
    text = '[[phase]]\nkind = "record"\nname = "a"\nduration = "60 s"\nsettings = "fast"\n'
    ((where, group, streams),) = needs(plan(text, lots=[(lot(), part(IMU))])).streams
    assert (where, group) == ("", "")
    assert streams["IMU1"]["rate_hz"] == pytest.approx(6667, abs=10)
    # Six words of two bytes and their tags, a sample: some 0.8 Mbit/s.
    assert streams["IMU1"]["rate_hz"] * streams["IMU1"]["bits"] > 5e5


def test_what_must_be_attached_is_listed() -> None:
    text = TEST + '[[phase]]\nkind = "external"\nname = "MS"\nattach = ["report"]\n'
    assert needs(plan(text, Layout({"": zone()}, ELSEWHERE))).attach == ("t", "MS")


def test_a_run_that_only_waits_needs_no_bench() -> None:
    text = '[[phase]]\nkind = "stress"\nname = "shelf"\nset = {}\nhours = "100 h"\n'
    found = needs(plan(text))
    assert found.touches("") == frozenset()
    assert found.units == {}
