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

from sensorbench.analysis import inputs
from sensorbench.analysis.errors import AnalysisError
from sensorbench.analysis.estimates import Reasons, reasons_of
from sensorbench.analysis.inputs import Flags, Floats

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
    it (D, R); `significant` (D, R) where |delta| exceeds the coverage factor times that. NaN, with
    its reason (D, R), where one of the two readouts is not known.
    """

    delta: Floats
    standard_uncertainty: Floats
    significant: Flags
    reasons: Reasons


@dataclass(frozen=True, slots=True)
class Trend:
    """value = start + rate * law(hours), per unit.

    `start`, `rate` (D,) and `rate_low`, `rate_high` (D,) at `coverage`; `sigma` (D,) the scatter
    about the line with R - 2 degrees of freedom. NaN with its reason (D,) for a unit with a readout
    not known; of equal readouts without a resolution, the interval and sigma are NaN.
    """

    law: TimeLaw
    start: Floats
    rate: Floats
    rate_low: Floats
    rate_high: Floats
    sigma: Floats
    coverage: float
    resolution: float
    reasons: Reasons


@dataclass(frozen=True, slots=True)
class Prediction:
    """The value at a later time, and the interval that a reading then lies in, each (D,).

    NaN, with its reason, as in `Trend`.
    """

    value: Floats
    low: Floats
    high: Floats
    coverage: float
    reasons: Reasons


def deltas(values: npt.ArrayLike) -> Floats:
    """Return values less the first readout's, shape (D, R); column 0 is zero.

    `values` are (D, R) or, of one unit, (R,). NaN where a readout or the first one is not known.
    Raises AnalysisError without readouts.
    """
    readouts = inputs.units("values", values)
    return readouts - readouts[:, :1]


def change(
    values: npt.ArrayLike, standard_uncertainty: npt.ArrayLike, factor: float = 2.0
) -> Change:
    """Return changes against the first readout with their uncertainty.

    `values` (D, R) or, of one unit, (R,); `standard_uncertainty` of one readout, a number or (D,
    R), holds only what differs between readouts (repeatability and resolution): what the reference
    has in common cancels. A change within `factor` times its uncertainty is measurement noise, not
    drift.
    """
    delta = deltas(values)
    given = inputs.known("standard_uncertainty", standard_uncertainty, 0.0)
    single, delta = inputs.same_shape("uncertainties and readouts", given, delta)
    factor = inputs.number("factor", factor, 0.0, open_ends=True)
    combined = np.hypot(single, single[:, :1])
    combined[:, 0] = 0.0
    why = reasons_of((np.isnan(delta), "a readout is not known"))
    return Change(delta, combined, np.abs(delta) > factor * combined, why)


def trend(
    hours: npt.ArrayLike,
    values: npt.ArrayLike,
    law: TimeLaw = "linear",
    coverage: float = 0.95,
    resolution: float = 0.0,
) -> Trend:
    """Fit a drift law to each unit's readouts by least squares.

    `hours` (R,) rising from 0 or later, `values` (D, R) or (R,), at least 3 readouts; `resolution`
    is the step of a readout, in its unit. The interval of the rate is exact for normal scatter
    (Student t), and never narrower than readouts of this resolution allow: sigma is at least
    resolution / sqrt(12), and all may be off by half a step in the worst sense, which no averaging
    removes. Raises AnalysisError for shapes, hours, or a law of another name.
    """
    line = _line(hours, values, law, coverage, resolution)
    half = line.half(line.centred / line.spread, 0.0)
    rate = line.rate
    return Trend(
        law,
        line.start,
        rate,
        rate - half,
        rate + half,
        line.sigma,
        line.coverage,
        line.resolution,
        line.reasons,
    )


def predict(
    hours: npt.ArrayLike,
    values: npt.ArrayLike,
    at_h: float,
    law: TimeLaw = "linear",
    coverage: float = 0.95,
    resolution: float = 0.0,
) -> Prediction:
    """Return where each unit will be at `at_h` by the law, with the interval of a single reading.

    The law is the caller's choice, and a few readouts can't tell one law from another: state it.
    Raises AnalysisError as `trend`, or for a time that is not after the readouts.
    """
    line = _line(hours, values, law, coverage, resolution)
    at_h = inputs.number("at_h", at_h)
    last = float(inputs.array("hours", hours)[-1])
    if not at_h >= last:
        raise AnalysisError(f"{at_h} h lies before the last readout at {last} h")
    later = float(_LAWS[law](np.array(at_h)))
    ahead = later - line.middle
    half = line.half(1 / len(line.centred) + ahead * line.centred / line.spread, 1.0)
    value = line.start + line.rate * later
    return Prediction(value, value - half, value + half, line.coverage, line.reasons)


@dataclass(frozen=True, slots=True)
class _Line:
    """Readouts of D units as lines over the law of their times, about its mean `middle`."""

    start: Floats
    rate: Floats
    sigma: Floats
    centred: Floats
    middle: float
    spread: float
    coverage: float
    resolution: float
    reasons: Reasons

    def half(self, weights: Floats, further: float) -> Floats:
        """Return the half-width (D,) of a sum of readouts by weights, and of further readings."""
        from scipy.special import stdtrit  # noqa: PLC0415 - scipy is heavy

        factor = float(stdtrit(len(weights) - 2, (1 + self.coverage) / 2))
        scatter = factor * self.sigma * np.sqrt(weights @ weights + further)
        rounding = self.resolution / 2 * (np.abs(weights).sum() + further)
        return np.asarray(np.maximum(scatter, rounding))


def _line(
    hours: npt.ArrayLike,
    values: npt.ArrayLike,
    law: TimeLaw,
    coverage: float,
    resolution: float,
) -> _Line:
    inputs.one_of("law", law, TimeLaw)
    coverage = inputs.share("coverage", coverage)
    step = inputs.number("resolution", resolution, 0.0)
    at, readouts = inputs.array("hours", hours), inputs.units("values", values)
    if at.shape != readouts.shape[1:] or len(at) < 3:
        raise AnalysisError(f"values {readouts.shape} need at least 3 readouts, at {at.shape}")
    if not inputs.rising("hours", at)[0] >= 0:
        raise AnalysisError(f"hours must not be below 0, got {at[0]}")
    time = _LAWS[law](at)
    known = np.asarray(np.isfinite(readouts).all(axis=1))
    equal = known & ~inputs.varied(readouts)
    first = np.where(known, readouts[:, 0], np.nan)
    middle = float(time.mean())
    centred = time - middle
    spread = float(centred @ centred)
    moved = readouts - first[:, None]
    rate = moved @ centred / spread
    mean = moved.mean(axis=1)
    residuals = moved - mean[:, None] - rate[:, None] * centred
    sigma = np.sqrt((residuals**2).sum(axis=1) / (len(time) - 2))
    sigma = np.maximum(sigma, step / np.sqrt(12))
    if not step:
        # Four equal readouts do not prove that nothing moves for fifteen years.
        sigma = np.where(equal, np.nan, sigma)
    start = first + mean - rate * middle
    reasons = reasons_of(
        (~known, "a readout is not known"),
        (equal & (step == 0), "all readouts are equal: give their resolution"),
    )
    return _Line(start, rate, sigma, centred, middle, spread, coverage, step, reasons)
