"""Kaplan-Meier survival with pointwise confidence, for exact failures and survivors."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import special

from sensorbench.analysis import inputs
from sensorbench.analysis.errors import AnalysisError
from sensorbench.analysis.estimates import Estimate
from sensorbench.analysis.inputs import Floats
from sensorbench.analysis.life.lifetimes import Lifetimes


@dataclass(frozen=True, slots=True)
class SurvivalCurve:
    """Survival just after each distinct failure time of one set of lives; arrays of shape (T,).

    `standard_error` is Greenwood's. The interval is that of ln(-ln S): inside 0 to 1, and NaN where
    S is 0, about which no unit is left to tell. It holds 93 to 97 % pointwise from 20 units on
    while about five failures and five units at risk remain; outside it drifts.
    """

    time_h: Floats
    at_risk: Floats
    failed: Floats
    survival: Estimate
    standard_error: Floats

    def at(self, time_h: npt.ArrayLike) -> Floats:
        """Return the survival at times in hours: a step function, 1 before the first failure."""
        times = inputs.known("time_h", time_h, 0.0)
        place = np.searchsorted(self.time_h, times, side="right")
        return np.concatenate([[1.0], self.survival.value])[place]


def kaplan_meier(lives: Lifetimes | npt.ArrayLike, confidence: float = 0.95) -> SurvivalCurve:
    """Estimate the survival of one set of exact lives and survivors, or of failure times in h.

    A unit removed at the time of a failure was still at risk. Raises AnalysisError for readouts
    (their failure times are not known), several sets at once or no failure. Sources: Kaplan and
    Meier 1958; interval: Kalbfleisch and Prentice, 1.4.

    >>> curve = kaplan_meier(Lifetimes.exact([6, 6, 6, 7], survived_h=[6, 9, 10]))
    >>> curve.survival.value.round(4)
    array([0.5714, 0.381 ])
    """
    z = float(special.ndtri((1 + inputs.share("confidence", confidence)) / 2))
    lives = Lifetimes.of(lives)
    if lives.after_h.ndim != 1:
        raise AnalysisError(f"one set of lives at a time, got shape {lives.after_h.shape}")
    used = lives.units > 0
    after, before, units = (x[used] for x in (lives.after_h, lives.before_h, lives.units))
    dead = np.isfinite(before)
    if (after != before)[dead].any():
        raise AnalysisError("Kaplan-Meier needs exact failure times: fit a law to readouts instead")
    if not dead.any():
        raise AnalysisError("no unit failed: there is no curve, use an upper bound of the fraction")
    times, place = np.unique(after[dead], return_inverse=True)
    failed = np.asarray(np.bincount(place, weights=units[dead]), dtype=np.float64)
    order = np.argsort(after)
    waiting = np.concatenate([units[order][::-1].cumsum()[::-1], [0.0]])
    at_risk = waiting[np.searchsorted(after[order], times, side="left")]
    survival = np.cumprod(1 - failed / at_risk)
    with np.errstate(divide="ignore", invalid="ignore"):
        variance = np.cumsum(failed / (at_risk * (at_risk - failed)))
        log_survival = np.log(survival)
        half = z * np.sqrt(variance) / log_survival
        low, high = survival ** np.exp(-half), survival ** np.exp(half)
        error = survival * np.sqrt(variance)
    alive = survival > 0
    low, high, error = (np.where(alive, x, np.nan) for x in (low, high, error))
    return SurvivalCurve(times, at_risk, failed, Estimate(survival, low, high, confidence), error)
