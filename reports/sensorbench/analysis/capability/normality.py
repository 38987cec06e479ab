"""Is a sample normal? Shapiro-Wilk and Anderson-Darling, for many parameters at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import special

from sensorbench.analysis import inputs
from sensorbench.analysis.errors import AnalysisError
from sensorbench.analysis.estimates import Reasons, of_readings
from sensorbench.analysis.inputs import Floats

MOST_SHAPIRO = 5000
"""Beyond this Royston's p-value was not fitted."""
LEAST_UNITS = 8
"""Below this the p-values of Anderson-Darling are not those of the published fit."""


@dataclass(frozen=True, slots=True)
class NormalityTest:
    """A test statistic and its p-value for each parameter; NaN, with its reason, where not known.

    A small p speaks against normal; a large one of few units says little.
    """

    method: str
    statistic: Floats
    p_value: Floats
    reasons: Reasons


def shapiro_wilk(values: npt.ArrayLike) -> NormalityTest:
    """Test values (..., units) by Shapiro-Wilk (Royston's AS R94, from 3 to 5000 units).

    Raises AnalysisError for more: use `anderson_darling`.

    >>> men = [148, 154, 158, 160, 161, 162, 166, 170, 182, 195, 236]  # Shapiro and Wilk 1965
    >>> round(float(shapiro_wilk(men).statistic), 2)
    0.79
    """
    from scipy import stats  # noqa: PLC0415 - heavy

    data = inputs.readings("values", values, least=3, ndim=1)
    if data.shape[-1] > MOST_SHAPIRO:
        raise AnalysisError(
            f"Shapiro-Wilk is for up to {MOST_SHAPIRO} units, got {data.shape[-1]}: use "
            "anderson_darling"
        )
    # scipy calls any spread below 1e-19 normal with p = 1: the unit must not matter.
    rows = _standard(data).reshape(-1, data.shape[-1])
    found = np.full((len(rows), 2), np.nan)
    for i in np.flatnonzero(inputs.varied(data.reshape(rows.shape))):
        found[i] = stats.shapiro(rows[i])
    shape = data.shape[:-1]
    statistic, p_value = (found[:, k].reshape(shape) for k in (0, 1))
    return NormalityTest("Shapiro-Wilk", statistic, p_value, of_readings(data))


def anderson_darling(values: npt.ArrayLike) -> NormalityTest:
    """Test values (..., units) by Anderson-Darling, mean and sigma estimated; 8 units or more.

    The statistic is A*2 = A2 (1 + 0.75 / n + 2.25 / n2), with the p-value of D'Agostino and
    Stephens, Goodness-of-Fit Techniques, table 4.9 (0.752 is 5 %).
    """
    data = inputs.readings("values", values, least=LEAST_UNITS, ndim=1)
    units = data.shape[-1]
    with np.errstate(invalid="ignore", divide="ignore"):
        z = np.sort(_standard(data))
        odd = 2 * np.arange(1, units + 1) - 1
        both = special.log_ndtr(z) + special.log_ndtr(-z[..., ::-1])
        raw = -units - (odd * both).sum(axis=-1) / units
        statistic = raw * (1 + 0.75 / units + 2.25 / units**2)
    statistic = np.where(inputs.varied(data), statistic, np.nan)
    return NormalityTest("Anderson-Darling", statistic, _p_value(statistic), of_readings(data))


def _standard(data: Floats) -> Floats:
    """Return data less their mean over their standard deviation, by way of their own range."""
    with np.errstate(invalid="ignore", divide="ignore"):
        off = data - data.mean(-1, keepdims=True)
        off = off / np.ptp(off, axis=-1, keepdims=True)
        return np.asarray(off / off.std(-1, ddof=1, keepdims=True))


def _p_value(a: Floats) -> Floats:
    # Beyond 10 the fitted parabola would turn round; p is below 1e-20 there.
    b = np.minimum(a, 10.0)
    return np.select(
        [np.isnan(a), a < 0.2, a < 0.34, a < 0.6],
        [
            np.full_like(a, np.nan),
            1 - np.exp(-13.436 + 101.14 * b - 223.73 * b**2),
            1 - np.exp(-8.318 + 42.796 * b - 59.938 * b**2),
            np.exp(0.9177 - 4.279 * b - 1.38 * b**2),
        ],
        np.exp(1.2937 - 5.709 * b + 0.0186 * b**2),
    )
