"""Proof profiles: distributions, three lots in 77 sockets, two rooms, a shelf."""

from __future__ import annotations

import re

import numpy as np
import pytest

from .conftest import MakeBench, Proven
from .proving import Bench, data_of, journal, passes, results_of


def test_parameters_are_distributed_over_temperature_and_supply(
    calibrated: Bench, proven: Proven
) -> None:
    found = calibrated.run("characterisation/distributions", "few")
    assert passes(found)
    proven(found)
    conditions = {r.at["condition"] for r in results_of(found, "error", "pressure")}
    assert conditions == {"room", "cold", "hot", "low_room", "high_room"}
    there = {
        p.point.labels["condition"]: p.point.conditions for p in data_of(found).readouts.values()
    }
    assert there["low_room"]["supply"] == 3.0
    assert there["high_room"]["supply"] == 3.6
    assert there["cold"]["temperature"] == -40.0


@pytest.mark.chaos
def test_800_units_of_three_lots_go_through_77_sockets(bench: MakeBench, proven: Proven) -> None:
    pressure = bench("pressure")
    found = pressure.run("profiles/burn_in.toml", "e1", "e2", "e3")
    assert passes(found)
    html = proven(found)
    assert "each of 11 batches: 48 h" in html
    assert "48 h to be credited while" in html
    assert "at least one needed: went on (11 times, first at" in html
    assert "±4000000 LSB" in html
    # Units that were loaded together are a row; what was loaded where is in the entry it names.
    assert re.search(r"27010001 to 27010077.*?S01 to S77", html, re.DOTALL)
    assert html.count("27010100") == 0
    units = found.assessment.units
    assert len({u.serial for u in units}) == len(units) == 798
    loads = [f["fact"]["sockets"] for f in journal(found, "fact") if f["verb"] == "load"]
    assert len(loads) == 11
    assert all(len(set(load.values())) == len(load) <= 77 for load in loads)
    assert sorted(s for load in loads for s in load) == sorted(u.serial for u in units)
    served = found.assessment.facts["burn-in"]["served_s"]
    assert len(served) == 11
    assert list(served.values()) == pytest.approx([48 * 3600] * 11, rel=1e-3)
    assert {u.lot for u in units} == {"E1", "E2", "E3"}


def test_units_are_stressed_in_one_room_and_tested_in_the_next(
    bench: MakeBench, proven: Proven
) -> None:
    found = bench("rooms").run("profiles/short_two_rooms.toml", "d1")
    assert passes(found)
    proven(found)
    places = [(f["verb"], f["fact"].get("zone")) for f in journal(found, "fact")]
    loaded = [zone for verb, zone in places if verb == "load"]
    assert loaded == ["tester", "oven", "tester", "oven", "tester"]
    data = data_of(found)
    assert {data.zone_of(point) for point in data.readouts} == {"tester"}
    assert {hold["zone"] for hold in data.holds} == {"oven"}
    assert found.assessment.facts["life"]["served_s"][""] == pytest.approx(48 * 3600, rel=1e-3)


def test_six_months_on_the_shelf_give_the_bench_back(calibrated: Bench, proven: Proven) -> None:
    began = calibrated.now
    shelf = calibrated.run("characterisation/drift_6_months", "few")
    assert passes(shelf)
    proven(shelf)
    assert (calibrated.now - began).days == pytest.approx(182, abs=2)
    parks = [f["fact"] for f in journal(shelf, "fact") if f["verb"] == "park"]
    assert [park["after_s"] / 3600 for park in parks] == [730, 1460, 2920, 4380]
    readouts = {r.at["served_s"] for r in results_of(shelf, "error", "pressure", drift=True)}
    assert {seconds / 3600 for seconds in readouts} == {730, 1460, 2920, 4380}
    # Nothing is logged while the bench is somebody else's.
    times = data_of(shelf).log
    gap = max(np.diff(next(iter(times.values())).whole().time_s))
    assert gap > 700 * 3600
