"""Proof profiles: calibrations and checks, also where nothing has a pressure."""

from __future__ import annotations

import re

import numpy as np
import pytest

from .conftest import MakeBench, Proven
from .proving import DESK, FULL_SCALE_PA, SBP1, data_of, journal, passes, results_of


@pytest.mark.slow
def test_sbp1_is_calibrated_over_pressure_and_temperature_and_checked(
    bench: MakeBench, proven: Proven
) -> None:
    """After it they keep 0.1 % of full scale; before it they say nothing in pascals."""
    pressure = bench("pressure")
    fresh = pressure.known("few", {"temperature": 60.0, "pressure": 45e3, "supply": 3.3})
    assert all(np.isnan(unit["pressure"]) for unit in fresh.values())

    blank = pressure.run("check/pressure", "few")
    why = {reason for unit in blank.assessment.units for reason in unit.reasons}
    assert {reason.code for reason in why} == {"not_calibrated", "readouts_missing"}
    assert len(journal(blank, "readout")) == 2  # and not for the hours of all points
    html = proven(blank)
    assert "none of the 3 units that were still to be read is calibrated" in html
    assert "尚需读取的 3 个样品均未校准" in html
    assert "pressure has no value: the unit is not calibrated, calibrate it first" in html
    assert "压力没有数值：样品未校准，请先校准" in html
    # Of what is not known nobody knows where it was worst.
    assert "upwards" not in html

    calibration = pressure.run("calibration/pressure_temperature", "few")
    assert passes(calibration)
    proven(calibration)
    written = journal(calibration, "outcome")
    assert sorted(row["unit"] for row in written) == list(SBP1)
    assert all(row["outcome"]["read_back"] == row["outcome"]["written"] for row in written)

    check = pressure.run("check/pressure", "few")
    assert passes(check)
    proven(check)
    worst = {r.serial: abs(r.value) for r in results_of(check, "error", "pressure")}
    assert set(worst) == set(SBP1)
    assert max(worst.values()) < 1e-3 * FULL_SCALE_PA
    # Not against the bench's own reference: where the world's pressure is known exactly.
    after = pressure.known("few", {"temperature": 60.0, "pressure": 45e3, "supply": 3.3}, False)
    assert all(abs(unit["pressure"] - 45e3) < 1e-3 * FULL_SCALE_PA for unit in after.values())


def test_a_thermometer_is_checked_where_nothing_has_a_pressure(
    bench: MakeBench, proven: Proven
) -> None:
    thermometers = bench("thermometer")
    check = thermometers.run("check/temperature", "t1")
    assert passes(check)
    html = proven(check)
    assert not re.search("pressure|压力", html, re.IGNORECASE)
    shown = {row["address"] for row in journal(check, "sent")}
    assert shown == {"temperature", "supply"}
    for result in results_of(check, "error", "temperature"):
        there = {"temperature": result.at["set"]["temperature"], "supply": 3.3}
        truly_k = thermometers.known("t1", there)[result.serial]["temperature"]
        truly_k -= there["temperature"]
        assert abs(result.value) < 0.3
        assert result.value == pytest.approx(truly_k, abs=result.uncertainty)


def test_humidity_and_temperature_are_checked_in_one_chamber(
    bench: MakeBench, proven: Proven
) -> None:
    climate = bench("humidity")
    check = climate.run("check/humidity", "desk")
    assert passes(check)
    proven(check)
    worst = results_of(check, "error", "humidity")
    assert {r.serial for r in worst} == set(DESK)
    for result in worst:
        there = {where: result.at["set"][where] for where in ("temperature", "humidity", "supply")}
        truly = climate.known("desk", there)[result.serial]["humidity"] - there["humidity"]
        assert abs(result.value) < 4.0
        assert result.value == pytest.approx(truly, abs=result.uncertainty)
    # At two temperatures three humidities, there and back.
    assert len(data_of(check).of_phase("check")) == 2 * (3 + 2)
