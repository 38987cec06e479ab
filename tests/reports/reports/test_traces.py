"""Long records are made short, and every extreme and every gap stays."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from sensorbench.assessment.logs import MeterLog
from sensorbench.assessment.records import Trace
from sensorbench.parts.values import Wave
from sensorbench.reports.traces import decimate, envelope, steps


@given(
    st.lists(st.floats(-1e6, 1e6) | st.just(np.nan), min_size=1, max_size=600), st.integers(8, 100)
)
def test_decimation_keeps_order_and_both_extremes(values: list[float], points: int) -> None:
    y = np.array(values)
    x = np.arange(len(y), dtype=float)
    there = np.isfinite(y)
    found_x, found_y = decimate(x, y, points)
    assert len(found_x) <= max(points, 4 * (points // 4))
    assert (np.diff(found_x) > 0).all()
    assert set(found_x) <= set(x[there])
    if there.any():
        assert (found_y.min(), found_y.max()) == (y[there].min(), y[there].max())


def test_a_spike_of_one_sample_in_a_million_stays() -> None:
    y = np.zeros(1_000_000)
    y[654_321] = 7.0
    _, found = decimate(np.arange(1e6), y)
    assert len(found) <= 700
    assert found.max() == 7.0


def trace(time_s: list[float], mean: list[float]) -> MeterLog:
    y = np.array(mean)
    ones = np.ones(len(y))
    rows = Trace("", "x", "K", np.array(time_s), y - 1.0, y + 1.0, y, 9 * ones, ones)
    return MeterLog.of(rows)


@given(st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=900), st.integers(10, 200))
def test_an_envelope_keeps_lowest_and_highest(values: list[float], points: int) -> None:
    found = trace(list(np.arange(len(values), dtype=float)), values)
    time, low, high, mean = envelope(found, points)
    assert len(time) <= points
    assert (np.nanmin(low), np.nanmax(high)) == (min(values) - 1.0, max(values) + 1.0)
    assert (low <= mean + 1e-9).all()
    assert (mean <= high + 1e-9).all()


def test_the_time_while_the_bench_was_away_is_a_gap() -> None:
    times = [*range(0, 600, 60), *range(100_000, 100_600, 60)]
    time, _, _, mean = envelope(trace([float(t) for t in times], [1.0] * len(times)))
    blank = time[np.isnan(mean)]
    assert len(blank) == 1
    # The row after a gap tells of the time just before itself, not of the whole gap.
    assert blank[0] == 100_000 - 60


def test_a_row_without_a_reading_is_a_gap() -> None:
    _, low, high, mean = envelope(trace([0.0, 1.0, 2.0], [1.0, np.nan, 1.0]))
    assert list(np.isnan(mean)) == [False, True, False]
    assert list(np.isnan(low)) == list(np.isnan(high)) == [False, True, False]


def test_what_was_asked_for_has_corners_and_gaps() -> None:
    ((x, y),) = steps([(0.0, 20.0), (10.0, 85.0), (30.0, None)], 40.0)
    assert list(x) == [0, 0, 10, 10, 30, 30, 40]
    assert list(y[1:5]) == [20, 20, 85, 85]
    assert np.isnan(y[[0, 5, 6]]).all()


def test_a_wave_is_drawn_at_both_ends_and_a_vector_by_component() -> None:
    low, high = steps([(0.0, Wave(None, 3.6, 2.0)), (5.0, 3.3)], 10.0)
    assert np.isnan(low[1][1])
    assert list(high[1][1:3]) == [3.6, 3.6]
    assert (low[1][-1], high[1][-1]) == (3.3, 3.3)
    assert [line[1][-1] for line in steps([(0.0, (1.0, 2.0, 3.0))], 1.0)] == [1.0, 2.0, 3.0]
