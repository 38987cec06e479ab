"""Limits of a bench: which end a value is beyond, and by how much it must be."""

from __future__ import annotations

from pathlib import Path

import pytest

from sensorbench.safety.limits import arm, beyond, margin
from sensorbench.station.binding import Binding, bind

from ...workspaces import STATION, edit, job_of, opened, sbp1_sockets, write
from ..run.climate import CLIMATE, phase_of_tests, workspace

PRESSURE_LIMITS = 'high = "130 kPa"'


def binding(root: Path, where: str, *changes: tuple[str, str]) -> Binding:
    there = write(root, station=STATION + sbp1_sockets(1))
    edit(there.station_path, *changes)
    return bind(there.load_station()).rows["", where]


def test_a_setpoint_at_its_limit_may_overshoot_by_a_margin(tmp_path: Path) -> None:
    row = binding(tmp_path, "temperature")  # -60 to 155 degC; hours are held within 3 K
    assert margin(row, 155.0) == 3.0
    assert margin(row, 500.0) == 5.0  # or by a hundredth
    assert beyond(row, 155.0) is None
    assert beyond(row, 158.0) is None
    assert beyond(row, 158.1) == ("high", 158.1, 155.0)
    assert beyond(row, -63.0) is None
    assert beyond(row, -63.1) == ("low", -63.1, -60.0)


def test_a_large_limit_has_a_hundredth_for_its_margin(tmp_path: Path) -> None:
    row = binding(tmp_path, "pressure")
    assert margin(row, 130e3) == pytest.approx(1300.0)
    assert beyond(row, 131e3) is None
    assert beyond(row, 131.4e3) == ("high", 131.4e3, 130e3)
    # Only high is given: nothing is too low.
    assert beyond(row, 0.0) is None


def test_an_end_that_is_not_given_is_none(tmp_path: Path) -> None:
    row = binding(tmp_path, "pressure", (PRESSURE_LIMITS, 'low = "10 kPa"'))
    assert beyond(row, 10e6) is None
    assert beyond(row, 9e3) == ("low", 9e3, 10e3)


def test_far_below_zero_is_not_high(tmp_path: Path) -> None:
    row = binding(tmp_path, "temperature", ('low = "-60 degC"\n', ""))
    assert beyond(row, -200.0) is None


def test_what_is_no_number_is_beyond(tmp_path: Path) -> None:
    row = binding(tmp_path, "temperature")
    assert beyond(row, float("nan")) is not None


def test_of_a_vector_its_size_counts(tmp_path: Path) -> None:
    coil = (
        CLIMATE + '\n[instrument.coil]\nmodel = "helmholtz_coil"\nresistance = "2.4 ohm"\n'
        'members = { x = "psu.out2", y = "psu.out3" }\nconstant = "110 uT/A"\n'
        '\n[bench.magnetic_field]\nset = "coil"\nreference = "coil"\nhigh = "200 uT"\n'
    )
    there = workspace(tmp_path, phase_of_tests("t"), station=coil)
    row = bind(there.load_station()).rows["", "magnetic_field"]
    assert beyond(row, (0.0, -190.0, 0.0)) is None
    found = beyond(row, (0.0, -210.0, 0.0))
    assert found is not None
    assert found[0] == "high"


def test_arming_says_what_holds_and_only_narrows(tmp_path: Path) -> None:
    there = workspace(tmp_path, phase_of_tests("t"))
    with opened(there, job_of(there)) as station:
        first = arm(station, frozenset({""}))
        assert first["temperature"] == {"by": "chamber.temperature", "low": -63.0, "high": 158.0}
        assert first["supply"]["by"] == "psu.out1"
        chamber = next(i for i in station.instruments if i.name == "chamber").driver
        chamber.temperature.protect(-20.0, 90.0)  # type: ignore[attr-defined]
        again = arm(station, frozenset({""}))
        assert (again["temperature"]["low"], again["temperature"]["high"]) == (-20.0, 90.0)
        assert arm(station, frozenset({"other"})) == {}
