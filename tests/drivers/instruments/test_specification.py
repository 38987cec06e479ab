"""Accuracy specifications against a maker's own table of limits."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensorbench.instruments.keysight_34461a.driver import Keysight34461a
from sensorbench.instruments.specification import Specification, Within

VOLTS = Keysight34461a.voltage.accuracy


# Agilent 34401A service guide, gain verification: the limits at full scale of each DC range.
@pytest.mark.parametrize(
    ("volts", "limit"), [(0.1, 8.5e-6), (1.0, 47e-6), (10.0, 400e-6), (100.0, 5.1e-3)]
)
def test_the_34461a_is_specified_as_the_service_guide_prints_it(volts: float, limit: float) -> None:
    assert isinstance(VOLTS, Specification)
    assert VOLTS.limit(volts, days=365.0) == pytest.approx(limit)
    assert VOLTS.limit(-volts) == pytest.approx(limit)


def test_beyond_its_values_and_its_time_nothing_is_specified() -> None:
    found = Specification(Within(10.0, 1e-5, 1e-6, days=90.0), Within(10.0, 3e-5, 1e-6))
    assert found.limit(10.0, days=90.0) == pytest.approx(1.01e-4)
    assert found.limit(10.0, days=91.0) == pytest.approx(3.01e-4)
    assert found.limit(10.0, days=366.0) is None
    assert found.limit(10.1) is None
    assert found.expanded(0.0, 10.1, 30.0) is None


@given(st.floats(-900, 900), st.floats(0, 90))
def test_no_reading_between_the_ends_is_worse_than_what_is_stated(low: float, span: float) -> None:
    assert isinstance(VOLTS, Specification)
    worst = VOLTS.expanded(low, low + span, 365.0)
    assert worst is not None
    for step in range(21):
        limit = VOLTS.limit(low + span * step / 20)
        assert limit is not None
        assert 2.0 * limit / math.sqrt(3.0) <= worst * (1 + 1e-12)
