"""A figure with its confidence interval, and why a figure is not known: what statistics return."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sensorbench.analysis.inputs import Floats, varied

Reasons = npt.NDArray[np.str_]
"""Why a figure is NaN, one text for each; empty where it is known."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure, its two-sided interval and the confidence of it; arrays share one shape.

    NaN where the figure is not known. The unit is that of the figure.
    """

    value: Floats
    low: Floats
    high: Floats
    confidence: float


@dataclass(frozen=True, slots=True)
class Figures:
    """Figures without an interval, and why one is NaN; both arrays share one shape."""

    value: Floats
    reasons: Reasons


def reasons_of(*why: tuple[npt.NDArray[np.bool_], str]) -> Reasons:
    """Return for each place the text of the first condition that holds, or ""."""
    conditions = np.broadcast_arrays(*(condition for condition, _ in why))
    return np.asarray(np.select(conditions, [text for _, text in why], ""))


def of_readings(data: Floats, axes: int | tuple[int, ...] = -1) -> Reasons:
    """Return why sets along `axes` give no spread: a reading that is not known, or all equal."""
    return reasons_of(
        (np.asarray(~np.isfinite(data).all(axis=axes)), "a reading is not known"),
        (~varied(data, axes), "all readings are equal"),
    )
