"""Units that are not independent make every interval too narrow: seen, and said with the index."""

import numpy as np
import pytest

from sensorbench.analysis.capability.capability import capability, performance
from sensorbench.analysis.capability.order import control_chart, runs_test

LOTS, PER_LOT = 5, 20


def lots(seed: int, apart: float, studies: int = 2000) -> np.ndarray:
    """Return units of five lots put together, whose means scatter `apart` of the units' own."""
    chance = np.random.default_rng(seed)
    means = apart * chance.normal(size=(studies, LOTS, 1))
    return (means + chance.normal(size=(studies, LOTS, PER_LOT))).reshape(studies, -1)


@pytest.mark.parametrize("units", [10, 30, 100, 301])
def test_independent_units_are_called_alike_in_one_case_of_a_hundred(units: int) -> None:
    data = np.random.default_rng(units).normal(size=(4000, units))
    assert (runs_test(data).p_value < 0.01).mean() <= 0.014
    assert (runs_test(data).p_value < 0.05).mean() <= 0.06


def test_the_chance_of_few_runs_is_exact() -> None:
    # Two runs of five: 2 of 252 orders.
    found = runs_test([[1, 2, 3, 4, 5, 6, 7, 8, 9, 10], [1, 6, 2, 7, 3, 8, 4, 9, 5, 10]])
    assert found.p_value == pytest.approx([2 / 252, 1.0])
    assert found.runs.tolist() == [2, 10]


def test_the_index_of_lots_that_differ_carries_a_warning_and_one_lot_none() -> None:
    apart, alike = (performance(lots(1, k), -6.0, 6.0) for k in (1.0, 0.0))
    assert (apart.warnings != "").mean() > 0.83
    assert (alike.warnings != "").mean() < 0.06
    assert "lots or drift" in apart.warnings[apart.warnings != ""][0]
    # What is warned of: the interval of the true Ppk, 6 / 3 sqrt(2), holds 60 %.
    true = 6 / (3 * 2**0.5)
    assert ((apart.cpk.low <= true) & (apart.cpk.high >= true)).mean() < 0.65
    inside = (alike.cpk.low <= 2.0) & (alike.cpk.high >= 2.0)
    assert 0.93 < inside.mean() < 0.97


def test_subgroups_whose_means_differ_carry_the_warning_too() -> None:
    groups = lots(2, 1.0).reshape(-1, LOTS, PER_LOT)
    assert (capability(groups, -6.0, 6.0).warnings != "").mean() > 0.9
    assert (capability(lots(3, 0.0).reshape(-1, LOTS, PER_LOT), -6, 6).warnings != "").mean() < 0.06


def test_a_chart_marks_a_jump_a_drift_and_little_else() -> None:
    quiet = np.random.default_rng(4).normal(size=(200, 50))
    assert control_chart(quiet).signals.mean() < 0.02
    jump, drift = quiet.copy(), quiet + 0.1 * np.arange(50)
    jump[:, 25] += 8
    assert control_chart(jump).beyond_3[:, 25].mean() > 0.98
    found = control_chart(drift)
    assert (found.eight_on_one_side | found.beyond_3).any(axis=-1).mean() > 0.95
    assert found.low == pytest.approx(found.centre - 3 * found.sigma)


def test_patterns_end_where_western_electric_says() -> None:
    base = np.tile([0.5, -0.5], 20)
    side = np.concatenate([base, np.full(8, 0.3)])
    found = control_chart(side)
    assert np.flatnonzero(found.eight_on_one_side).tolist() == [47]


def test_unknown_and_constant_parameters_say_so() -> None:
    data = lots(5, 0.0, 3)
    data[0, 3], data[1] = np.nan, 7.0
    for found in (runs_test(data), control_chart(data), performance(data, -6, 6)):
        assert found.reasons.tolist() == ["a reading is not known", "all readings are equal", ""]
