"""Measures against worked examples: units whose errors are known exactly."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from sensorbench.assessment.assess import assess
from sensorbench.assessment.data import RunData
from sensorbench.assessment.results import Assessment, Result
from sensorbench.core.verdict import Verdict

from ...reports.reports.player import Player, Reading, sbp1, schedule_of
from ...workspaces import HEAD, SBP1

PRESSURES = '["20 kPa", "70 kPa", "120 kPa"]'


def grid(measures: str, path: str = "once", more: str = "") -> str:
    return (
        f'{HEAD}[[phase]]\nkind = "grid"\nname = "g"\nmeasures = {measures}\n{more}\n'
        f'axes = [{{ set = {{ pressure = {PRESSURES} }}, path = "{path}" }}]\n'
    )


def played(root: Path, profile: str, reading: Reading, units: int = 1, **more: Any) -> Assessment:
    schedule = schedule_of(profile, [sbp1("L1", units, SBP1)])
    path = Player(root / "SIM-measures", schedule, reading, **more).play()
    return assess(RunData.read(path))


def answers(pressure: Any) -> Reading:
    """Return parts that read `pressure(applied Pa)`; their other channels follow the world."""

    def read(_serial: str, channel: str, applied: Mapping[str, Any], _t: float) -> float:
        truth = float(applied.get("pressure") or 101_325.0)
        return (
            pressure(truth) if channel == "pressure" else float(applied.get("temperature") or 23.0)
        )

    return read


def one(found: Assessment, measure: str, channel: str = "pressure") -> Result:
    (result,) = [r for r in found.results if (r.measure, r.channel) == (measure, channel)]
    return result


def test_an_error_is_the_worst_of_all_points_and_says_where(tmp_path: Path) -> None:
    found = played(tmp_path, grid('["error"]'), answers(lambda p: 1.0005 * p - 20.0))
    result = one(found, "error")
    assert result.value == pytest.approx(40.0)  # 60 Pa at 120 kPa, less 20
    assert result.at["set"]["pressure"] == 120e3
    assert (result.low, result.high) == (-100.0, 100.0)  # 0.1 % of 100 kPa
    assert result.verdict is Verdict.PASS
    series = next(s for s in found.series if s.channel == "pressure")
    assert series.x == (20e3, 70e3, 120e3)
    assert series.values["26000001"] == pytest.approx((-10.0, 15.0, 40.0))


def test_its_budget_is_the_references_and_the_readings(tmp_path: Path) -> None:
    counter = iter(range(10**6))
    found = played(tmp_path, grid('["error"]'), answers(lambda p: p + next(counter) % 4))
    result = one(found, "error")
    terms = {term.source: term.standard for term in result.budget}
    # A reference of U = 5 Pa (k = 2); four samples 0, 1, 2, 3 Pa apart.
    spread = math.sqrt(5 / 3)
    assert terms["reference"] == pytest.approx(2.5)
    assert terms["repeatability"] == pytest.approx(spread / 2, rel=0.01)
    assert result.uncertainty == pytest.approx(2 * math.hypot(2.5, spread / 2), rel=0.01)
    assert result.value == pytest.approx(1.5)


@pytest.mark.parametrize(("factor", "offset"), [(1.0, 0.0), (1.002, 30.0), (0.99, -500.0)])
def test_a_straight_line_has_its_slope_its_offset_and_no_nonlinearity(
    tmp_path: Path, factor: float, offset: float
) -> None:
    measures = '["sensitivity", "offset", "nonlinearity"]'
    found = played(tmp_path, grid(measures), answers(lambda p: factor * p + offset))
    assert one(found, "sensitivity").value == pytest.approx(factor)
    assert one(found, "nonlinearity").value == pytest.approx(0.0, abs=1e-6)
    # The lower end of the range is where zero should be.
    assert one(found, "offset").value == pytest.approx((factor - 1) * 20e3 + offset)


def test_a_bend_is_its_largest_distance_from_the_best_line(tmp_path: Path) -> None:
    bend = 1e-8  # 1/Pa: u = -50, 0, 50 kPa; least squares leaves a third and two thirds of a u^2
    found = played(
        tmp_path, grid('["nonlinearity"]'), answers(lambda p: p + bend * (p - 70e3) ** 2)
    )
    assert one(found, "nonlinearity").value == pytest.approx(-2 / 3 * bend * 50e3**2)


def test_hysteresis_is_the_difference_of_up_and_down_at_equal_values(tmp_path: Path) -> None:
    last = [0.0, 0.0]

    def lagging(pressure_pa: float) -> float:
        if pressure_pa != last[0]:
            last[1] = 12.0 if pressure_pa < last[0] else 0.0
            last[0] = pressure_pa
        return pressure_pa + last[1]

    found = played(tmp_path, grid('["hysteresis"]', "there and back"), answers(lagging))
    assert one(found, "hysteresis").value == pytest.approx(12.0)


def test_noise_is_the_spread_of_a_points_samples(tmp_path: Path) -> None:
    counter = iter(range(10**6))
    found = played(tmp_path, grid('["noise"]'), answers(lambda p: p + next(counter) % 4))
    assert one(found, "noise").value == pytest.approx(math.sqrt(5 / 3), rel=0.01)


def test_a_value_is_the_reading_itself_at_each_point(tmp_path: Path) -> None:
    found = played(tmp_path, grid('["pressure"]'), answers(lambda p: p + 7.0))
    values = [r.value for r in found.results if (r.measure, r.channel) == ("value", "pressure")]
    assert values == pytest.approx([20_007.0, 70_007.0, 120_007.0])
    series = next(s for s in found.series if s.measure == "value")
    assert series.x == (1.0, 2.0, 3.0)


def test_where_a_reading_is_missing_the_worst_is_not_known(tmp_path: Path) -> None:
    def silent_at_the_top(p: float) -> float | None:
        return None if p > 100e3 else p

    found = played(tmp_path, grid('["error", "sensitivity"]'), answers(silent_at_the_top))
    for measure in ("error", "sensitivity"):
        result = one(found, measure)
        assert math.isnan(result.value)
        assert result.reasons[0].code == "device" or result.verdict is None
    assert found.verdict is Verdict.INVALID


def test_a_soak_that_failed_is_doubt_on_every_reading_after_it(tmp_path: Path) -> None:
    found = played(
        tmp_path, grid('["error"]'), answers(lambda p: p),
        unsettled=lambda band: band.address == "pressure" and band.target == 70e3,
    )  # fmt: skip
    result = one(found, "error")
    assert result.verdict is Verdict.INVALID
    assert [reason.code for reason in result.reasons] == ["not_settled"]
    assert result.reasons[0].values["target"] == 70e3


def test_a_value_beyond_its_limit_fails_with_both(tmp_path: Path) -> None:
    found = played(tmp_path, grid('["error"]'), answers(lambda p: p + 100.1))
    result = one(found, "error")
    assert result.verdict is Verdict.FAIL
    assert result.reasons[0].values["value"] == pytest.approx(100.1)
    assert result.reasons[0].values["high"] == 100.0
    # On the limit it is inside.
    on_it = played(tmp_path / "on", grid('["error"]'), answers(lambda p: p + 100.0))
    assert one(on_it, "error").verdict is Verdict.PASS


def test_what_was_measured_elsewhere_in_the_grid_is_a_group_of_its_own(tmp_path: Path) -> None:
    """At each temperature its own line."""
    profile = (
        f'{HEAD}[[phase]]\nkind = "grid"\nname = "g"\nmeasures = ["sensitivity"]\n'
        'axes = [{ set = { temperature = ["0 degC", "50 degC"] } }, '
        f"{{ set = {{ pressure = {PRESSURES} }} }}]\n"
    )

    def read(_s: str, channel: str, applied: Mapping[str, Any], _t: float) -> float:
        warm = float(applied.get("temperature", 23.0))
        pressure = float(applied.get("pressure") or 101_325.0)
        return (1.0 + 1e-4 * warm) * pressure if channel == "pressure" else warm

    found = played(tmp_path, profile, read)
    lines = {
        r.at["set"]["temperature"]: r.value
        for r in found.results
        if (r.measure, r.channel) == ("sensitivity", "pressure")
    }
    assert lines == pytest.approx({0.0: 1.0, 50.0: 1.005})


def test_units_are_judged_each_by_itself(tmp_path: Path) -> None:
    def read(serial: str, channel: str, applied: Mapping[str, Any], _t: float) -> float | None:
        truth = float(applied.get("pressure") or 101_325.0)
        error = {"26000001": 0.0, "26000002": 500.0, "26000003": None}[serial]
        if error is None:
            return None
        return truth + error if channel == "pressure" else 23.0

    found = played(tmp_path, grid('["error"]'), read, units=3)
    verdicts = {unit.serial: unit.verdict for unit in found.units}
    assert verdicts == {
        "26000001": Verdict.PASS, "26000002": Verdict.FAIL, "26000003": Verdict.INVALID,
    }  # fmt: skip
    assert found.verdict is Verdict.FAIL
