"""What every statistic refuses, and in which words."""

from __future__ import annotations

import numpy as np
import pytest

from sensorbench.analysis import inputs
from sensorbench.analysis.capability.capability import capability
from sensorbench.analysis.capability.nonnormal import percentile_performance
from sensorbench.analysis.capability.pat import dynamic_pat
from sensorbench.analysis.errors import AnalysisError
from sensorbench.analysis.life.reliability import failure_rate


def test_a_ragged_list_is_named_with_the_way_out() -> None:
    with pytest.raises(AnalysisError, match=r"rectangular array; use NaN"):
        inputs.array("values", [[1.0], [1.0, 2.0]])


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -1.0])
def test_a_value_out_of_range_is_named(bad: float) -> None:
    with pytest.raises(AnalysisError, match=rf"hours must be finite .* got {bad}"):
        inputs.known("hours", [1.0, bad], 0.0)


def test_a_count_must_be_whole() -> None:
    with pytest.raises(AnalysisError, match=r"whole numbers, got 1\.5"):
        inputs.whole("failures", [1.0, 1.5])


@pytest.mark.parametrize("bad", [0.0, 1.0, 95.0])
def test_a_confidence_is_a_share_not_a_percentage(bad: float) -> None:
    with pytest.raises(AnalysisError, match="confidence"):
        inputs.share("confidence", bad)


def test_a_misspelled_choice_is_named_with_the_choices() -> None:
    data = np.ones((3, 30)) + np.arange(30)
    for refused in (
        lambda: capability(data, 0.0, 50.0, spread="sbar"),  # type: ignore[arg-type]
        lambda: dynamic_pat(data, np.zeros(3), np.full(3, 50.0), quartile_rule="excel"),  # type: ignore[arg-type]
        lambda: percentile_performance(data, 0.0, 50.0, law="gamma"),  # type: ignore[arg-type]
        lambda: failure_rate(0, 1e6, terminated="never"),  # type: ignore[arg-type]
    ):
        with pytest.raises(AnalysisError, match="must be one of"):
            refused()


def test_shapes_that_do_not_fit_are_named() -> None:
    with pytest.raises(AnalysisError, match=r"shapes \(2,\), \(3,\)"):
        inputs.same_shape("limits", np.zeros(2), np.zeros(3))
