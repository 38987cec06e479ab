"""Outliers of a normal sample: Grubbs' test for one, the generalised ESD test for several.

Rows are tested side by side: values have shape (..., units), such as (parameters, units). Both
tests assume that the rest is normal; a skewed parameter gives outliers that are not.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy import special

from sensorbench.analysis import inputs
from sensorbench.analysis.errors import AnalysisError
from sensorbench.analysis.estimates import Reasons, of_readings
from sensorbench.analysis.inputs import Floats

Side = Literal["both", "low", "high"]


@dataclass(frozen=True, slots=True)
class GrubbsTest:
    """The most extreme unit of each row: `unit` is its place, `statistic` its distance in sigmas.

    It is an outlier where `statistic` exceeds `critical`. A row that is constant or has an unknown
    value is NaN, with unit -1 and its reason, and never an outlier.
    """

    statistic: Floats
    critical: float
    unit: npt.NDArray[np.intp]
    is_outlier: npt.NDArray[np.bool_]
    alpha: float
    side: Side
    reasons: Reasons


@dataclass(frozen=True, slots=True)
class EsdTest:
    """Generalised ESD of each row: `statistic` (..., r) and `critical` (r,) for 1 to r outliers.

    `count` (...) is how many there are, NaN for a row that is constant or has an unknown value;
    `is_outlier` has the shape of the values.
    """

    statistic: Floats
    critical: Floats
    count: Floats
    is_outlier: npt.NDArray[np.bool_]
    alpha: float
    reasons: Reasons


def grubbs(values: npt.ArrayLike, alpha: float = 0.05, side: Side = "both") -> GrubbsTest:
    """Test whether the most extreme of each row is an outlier; at least 3 units.

    Source: Grubbs 1969; NIST e-Handbook 1.3.5.17.1, whose example tests the high side.

    >>> uranium = [199.31, 199.53, 200.19, 200.82, 201.92, 201.95, 202.18, 245.57]
    >>> found = grubbs(uranium, side="high")
    >>> round(float(found.statistic), 4), round(found.critical, 3), bool(found.is_outlier)
    (2.4688, 2.032, True)
    """
    alpha = inputs.share("alpha", alpha)
    inputs.one_of("side", side, Side)
    data = inputs.readings("values", values, least=3, ndim=1)
    distance = _scaled(data)
    if side == "both":
        distance = np.abs(distance)
    elif side == "low":
        distance = -distance
    good = np.isfinite(distance).all(axis=-1)
    unit = np.where(good, np.where(np.isnan(distance), -np.inf, distance).argmax(axis=-1), -1)
    statistic = np.where(good, distance.max(axis=-1), np.nan)
    tails = 2 if side == "both" else 1
    critical = float(_critical(np.array(float(data.shape[-1])), alpha / tails))
    return GrubbsTest(
        statistic, critical, unit, statistic > critical, alpha, side, of_readings(data)
    )


def generalised_esd(values: npt.ArrayLike, most: int, alpha: float = 0.05) -> EsdTest:
    """Look for up to `most` outliers, on both sides, in each row.

    The count is the largest i whose statistic exceeds its critical value, not the first failure
    less one: outliers mask each other. The level is close to alpha (simulated: 6 % for 5 % at
    25 units, 5.5 % at 77); at least 15 units. Sources: Rosner 1983; NIST e-Handbook 1.3.5.17.3.
    """
    alpha = inputs.share("alpha", alpha)
    data = inputs.readings("values", values, least=15, ndim=1)
    units = data.shape[-1]
    most = inputs.count("most", most)
    if not 1 <= most <= units // 2:
        raise AnalysisError(f"most must be from 1 to half of the {units} units, got {most}")
    good = np.asarray(np.isfinite(_scaled(data)).all(axis=-1))
    left = data.copy()
    removed = np.full((*data.shape[:-1], most), -1, dtype=np.intp)
    statistic = np.full((*data.shape[:-1], most), np.nan)
    for i in range(most):
        # Units already removed are NaN in `left` and take no part.
        distance = np.where(np.isnan(left), -1.0, np.abs(_scaled(left, skip_missing=True)))
        worst = distance.argmax(axis=-1)[..., None]
        statistic[..., i] = np.take_along_axis(distance, worst, axis=-1)[..., 0]
        removed[..., i] = worst[..., 0]
        np.put_along_axis(left, worst, np.nan, axis=-1)
    critical = _critical(units - np.arange(most, dtype=float), alpha / 2)
    over = (statistic > critical) & good[..., None]
    count = np.asarray(np.where(over, np.arange(1, most + 1), 0).max(axis=-1))
    is_outlier = np.zeros(data.shape, dtype=bool)
    chosen = np.arange(most) < count[..., None]
    for i in range(most):
        place = removed[..., i : i + 1]
        found = np.take_along_axis(is_outlier, place, axis=-1) | chosen[..., i : i + 1]
        np.put_along_axis(is_outlier, place, found, axis=-1)
    return EsdTest(
        np.where(good[..., None], statistic, np.nan),
        critical,
        np.where(good, count.astype(float), np.nan),
        is_outlier,
        alpha,
        of_readings(data),
    )


def _scaled(data: Floats, *, skip_missing: bool = False) -> Floats:
    """Return the distance from the mean in standard deviations; NaN for a row without spread."""
    known = np.isfinite(data) if skip_missing else np.ones(data.shape, dtype=bool)
    number = known.sum(axis=-1, keepdims=True)
    inside = np.where(known, data, 0.0)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = inside.sum(axis=-1, keepdims=True) / number
        off = np.where(known, data - mean, 0.0)
        sigma = np.sqrt((off**2).sum(axis=-1, keepdims=True) / (number - 1))
        real = sigma > inputs.FLAT * np.abs(inside).max(axis=-1, keepdims=True)
        return np.where(real, off / sigma, np.nan)


def _critical(units: Floats, tail: float) -> Floats:
    t = -special.stdtrit(units - 2, tail / units)
    return np.asarray((units - 1) / np.sqrt(units) * np.sqrt(t**2 / (units - 2 + t**2)))
