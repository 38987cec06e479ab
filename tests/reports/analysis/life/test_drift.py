"""Readouts have a resolution: equal ones may still move, coarse ones are not known to a digit."""

import numpy as np
import pytest

from sensorbench.analysis.errors import AnalysisError
from sensorbench.analysis.life.drift import change, deltas, predict, trend

HOURS = np.array([0.0, 168.0, 500.0, 1000.0])


def test_equal_readouts_without_a_resolution_are_not_known() -> None:
    values = np.full((1, 4), 101325.0)
    found, ahead = trend(HOURS, values), predict(HOURS, values, 131400.0)
    assert found.rate == pytest.approx([0.0])
    assert np.isnan([found.rate_low, found.rate_high, found.sigma, ahead.low]).all()
    for reasons in (found.reasons, ahead.reasons):
        assert reasons.tolist() == ["all readouts are equal: give their resolution"]


def test_the_resolution_makes_equal_readouts_uncertain_and_more_so_later() -> None:
    values = np.full((1, 4), 101325)
    found = trend(HOURS, values, resolution=1.0)
    # Half a step at both ends in the worst sense is 1 Pa in 1000 h; t of 2 degrees is more careful.
    assert found.rate_high[0] > 1e-3
    ahead = predict(HOURS, values, 131400.0, resolution=1.0)
    assert ahead.high[0] - 101325 > 131
    assert found.reasons.tolist() == [""]


@pytest.mark.parametrize("readouts", [3, 4, 12, 100])
@pytest.mark.parametrize("scatter", [0.0, 0.1, 0.5, 2.0])
def test_rates_of_rounded_readouts_hold_what_they_say(readouts: int, scatter: float) -> None:
    chance = np.random.default_rng(1)
    hours = np.linspace(0.0, 1000.0, readouts)
    rate, start = chance.uniform(0, 2e-3, 4000), chance.uniform(-0.5, 0.5, 4000)
    true = start[:, None] + rate[:, None] * hours + scatter * chance.normal(size=(4000, readouts))
    found = trend(hours, np.rint(true), resolution=1.0)
    assert ((found.rate_low <= rate) & (rate <= found.rate_high)).mean() > 0.94
    # Without the resolution a hundred rounded readouts of a quiet part hold a third.
    blind = trend(hours, np.rint(true))
    held = ((blind.rate_low <= rate) & (rate <= blind.rate_high)).mean()
    assert held < 0.8 if scatter < 0.2 else held > 0.6


def test_one_unit_is_a_row_and_integers_are_numbers() -> None:
    assert trend([0, 168, 500], [1, 2, 4]).rate.shape == (1,)
    assert deltas(np.array([[1000, 990, 1010]], dtype=np.uint16)).tolist() == [[0, -10, 10]]
    counts = np.array([[10, 2]], dtype=np.uint8)
    assert change(counts, np.array(1, dtype=np.uint8)).delta.tolist() == [[0, -8]]


def test_a_law_of_another_name_is_refused_with_those_there_are() -> None:
    with pytest.raises(AnalysisError, match=r"linear, sqrt, log, got 'lin'"):
        trend(HOURS, np.ones((1, 4)), "lin")  # type: ignore[arg-type]
