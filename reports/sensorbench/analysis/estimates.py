"""A figure with its confidence interval: what every statistic here returns."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure, its two-sided interval and the confidence of it; arrays share one shape.

    NaN where the figure is not known. The unit is that of the figure.
    """

    value: Floats
    low: Floats
    high: Floats
    confidence: float
