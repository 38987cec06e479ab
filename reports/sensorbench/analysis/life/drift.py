"""Drift across readouts of each unit: change, trend, significance, prediction to end of life.

Always per unit against its own first readout, never from lot means: a lot can stand still while
its units move apart.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from sensorbench.analysis.errors import AnalysisError
from sensorbench.analysis.fit.calibration import Floats

TimeLaw = Literal["linear", "sqrt", "log"]
"""How drift goes with time: h, sqrt(h) (diffusion), log(1 + h) (relaxation)."""

_LAWS: dict[TimeLaw, Callable[[Floats], Floats]] = {
    "linear": lambda hours: hours,
    "sqrt": np.sqrt,
    "log": np.log1p,
}


@dataclass(frozen=True, slots=True)
class Change:
    """Change against the first readout: `delta` (D, R), column 0 zero; `standard_uncertainty` of
    it (D, R); `significant` (D, R) where |delta| exceeds the coverage factor times that.
    """

    delta: Floats
    standard_uncertainty: Floats
    significant: npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Trend:
    """value = start + rate * law(hours), per unit.

    `start`, `rate` (D,) and `rate_low`, `rate_high` (D,) at `coverage`; `sigma` (D,) the scatter
    about the line with R - 2 degrees of freedom. NaN for a unit with a readout not known.
    """

    law: TimeLaw
    start: Floats
    rate: Floats
    rate_low: Floats
    rate_high: Floats
    sigma: Floats
    coverage: float


@dataclass(frozen=True, slots=True)
class Prediction:
    """The value at a later time, and the interval that a reading then lies in, each (D,)."""

    value: Floats
    low: Floats
    high: Floats


def deltas(values: Floats) -> Floats:
    """Return values less the first readout's; shape (D, R) in and out, column 0 is zero.

    NaN where a readout or the first one is not known. Raises AnalysisError without readouts.
    """
    if values.ndim != 2 or not values.size:
        raise AnalysisError(f"(units, readouts) is needed, got {values.shape}")
    difference: Floats = values - values[:, :1]
    return difference


def change(values: Floats, standard_uncertainty: Floats | float, factor: float = 2.0) -> Change:
    """Return changes against the first readout with their uncertainty.

    `values` (D, R); `standard_uncertainty` of one readout, a number or (D, R), holds only what
    differs between readouts (repeatability): what the reference has in common cancels. A change
    within `factor` times its uncertainty is measurement noise, not drift.
    """
    delta = deltas(values)
    single = np.broadcast_to(np.asarray(standard_uncertainty, dtype=float), values.shape)
    if not (np.isfinite(single).all() and (single >= 0).all()) or factor <= 0:
        raise AnalysisError("uncertainty must be finite and not below 0, the factor above 0")
    combined = np.hypot(single, single[:, :1])
    combined[:, 0] = 0.0
    return Change(delta, combined, np.abs(delta) > factor * combined)


def trend(hours: Floats, values: Floats, law: TimeLaw = "linear", coverage: float = 0.95) -> Trend:
    """Fit a drift law to each unit's readouts by least squares.

    `hours` (R,) rising from 0 or later, `values` (D, R), at least 3 readouts. The interval of the
    rate is exact for normal scatter (Student t). Raises AnalysisError for shapes or hours.
    """
    from scipy.special import stdtrit  # noqa: PLC0415 - scipy is heavy

    time = _time(hours, values, law, coverage)
    centred = time - time.mean()
    spread = centred @ centred
    rate = values @ centred / spread
    start = values.mean(axis=1) - rate * time.mean()
    residuals = values - start[:, None] - rate[:, None] * time
    freedom = len(time) - 2
    sigma = np.sqrt((residuals**2).sum(axis=1) / freedom)
    half = stdtrit(freedom, (1 + coverage) / 2) * sigma / np.sqrt(spread)
    return Trend(law, start, rate, rate - half, rate + half, sigma, coverage)


def predict(
    hours: Floats, values: Floats, at_h: float, law: TimeLaw = "linear", coverage: float = 0.95
) -> Prediction:
    """Return where each unit will be at `at_h` by the law, with the interval of a single reading.

    The law is the caller's choice, and a few readouts can't tell one law from another: state it.
    Raises AnalysisError as `trend`, or for a time that is not after the readouts.
    """
    from scipy.special import stdtrit  # noqa: PLC0415 - scipy is heavy

    found = trend(hours, values, law, coverage)
    if not at_h >= hours[-1]:
        raise AnalysisError(f"{at_h} h lies before the last readout at {hours[-1]} h")
    time = _LAWS[law](np.asarray(hours, dtype=float))
    later = float(_LAWS[law](np.array(at_h, dtype=float)))
    centred = time - time.mean()
    leverage = 1 + 1 / len(time) + (later - time.mean()) ** 2 / (centred @ centred)
    half = stdtrit(len(time) - 2, (1 + coverage) / 2) * found.sigma * np.sqrt(leverage)
    value = found.start + found.rate * later
    return Prediction(value, value - half, value + half)


def _time(hours: Floats, values: Floats, law: TimeLaw, coverage: float) -> Floats:
    if values.ndim != 2 or np.shape(hours) != values.shape[1:] or len(hours) < 3:
        raise AnalysisError(f"values {values.shape} need at least 3 readouts, at {np.shape(hours)}")
    if not (np.isfinite(hours).all() and hours[0] >= 0 and (np.diff(hours) > 0).all()):
        raise AnalysisError("hours must be finite, not below 0, and rise")
    if law not in _LAWS or not 0 < coverage < 1:
        raise AnalysisError(f"law {law!r} is one of {', '.join(_LAWS)}; coverage within 0 to 1")
    return _LAWS[law](np.asarray(hours, dtype=float))
