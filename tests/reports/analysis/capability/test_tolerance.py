"""Tolerance intervals: tables, and the share of the population that they hold so often."""

import numpy as np
import pytest
from scipy import stats

from sensorbench.analysis.capability.tolerance import tolerance_factor, tolerance_interval
from sensorbench.analysis.errors import AnalysisError


@pytest.mark.parametrize(
    ("units", "share", "confidence", "two_sided"),
    [(10, 0.95, 0.95, 3.393), (30, 0.95, 0.95, 2.555), (20, 0.99, 0.95, 3.621),
     (50, 0.90, 0.95, 1.999)],
)  # fmt: skip
def test_factors_are_those_of_the_tables(
    units: int, share: float, confidence: float, two_sided: float
) -> None:
    """Two-sided: exact values as ISO 16269-6 prints them (recalled); one-sided: noncentral t."""
    assert tolerance_factor(units, share, confidence) == pytest.approx(two_sided, abs=2e-3)
    t = stats.nct.ppf(confidence, units - 1, stats.norm.ppf(share) * units**0.5) / units**0.5
    assert tolerance_factor(units, share, confidence, "high") == pytest.approx(t, rel=1e-4)


def test_nist_7_2_6_3_gives_its_factors() -> None:
    # 43 units, 90 % with 99 %: k2 = 2.2173 by Howe's approximation, k1 = 1.8752 by normal scores.
    assert tolerance_factor(43, 0.90, 0.99) == pytest.approx(2.2173, rel=5e-3)
    assert tolerance_factor(43, 0.90, 0.99, "high") == pytest.approx(1.8740, abs=1e-3)


@pytest.mark.parametrize("side", ["both", "low", "high"])
@pytest.mark.parametrize(("law", "units"), [("normal", 12), ("any", 120)])
def test_the_interval_holds_the_share_in_95_of_100_lots(side: str, law: str, units: int) -> None:
    data = np.random.default_rng(1).normal(size=(4000, units))
    found = tolerance_interval(data, 0.9, 0.95, side, law)  # type: ignore[arg-type]
    inside = stats.norm.cdf(found.high) - stats.norm.cdf(found.low)
    held = (inside >= 0.9).mean()
    assert held == pytest.approx(found.confidence, abs=0.011)
    assert found.confidence >= 0.95


def test_readings_of_any_law_that_are_too_few_are_refused() -> None:
    data = np.arange(93.0)
    assert tolerance_interval(data, law="any").low == 0.0
    with pytest.raises(AnalysisError, match='say law="normal"'):
        tolerance_interval(data[:92], law="any")
    assert np.isfinite(tolerance_interval(data[:59], side="low", law="any").low)
    with pytest.raises(AnalysisError, match="58 readings"):
        tolerance_interval(data[:58], side="low", law="any")


def test_a_constant_parameter_has_no_limits() -> None:
    found = tolerance_interval(np.full((1, 20), 3))
    assert np.isnan(found.low).all()
    assert found.reasons.tolist() == ["all readings are equal"]
