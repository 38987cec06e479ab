"""Capability of parameters that are not normal: by transformation or by percentiles, and named.

A transformation declared before the data were seen (the logarithm of a leakage current) keeps the
exact intervals of the normal theory. One chosen by the data does not: "95 %" intervals around an
estimated Box-Cox exponent held 59 to 62 % in our simulations of 30 to 231 lognormal units, so none
is given there. Johnson curves are not offered: below 1000 units the choice among their types is
close to a coin toss (same simulations).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy import special

from sensorbench.analysis import inputs
from sensorbench.analysis.capability.capability import Capability, performance
from sensorbench.analysis.errors import AnalysisError
from sensorbench.analysis.estimates import Estimate, Reasons, of_readings
from sensorbench.analysis.inputs import Floats
from sensorbench.analysis.life.lifetime import fit_weibull
from sensorbench.analysis.life.lifetimes import Lifetimes

Law = Literal["lognormal", "weibull", "empirical"]

TAIL_FRACTION = 0.00135
"""What lies beyond three sigma on each side of a normal law (ISO 22514-4)."""
LEAST_EMPIRICAL = 2200
"""Fewer units have no reading beyond the 0.135 % point in one case of twenty."""
EXPONENTS = np.linspace(-3.0, 3.0, 121)


@dataclass(frozen=True, slots=True)
class TransformedCapability:
    """Capability after Box-Cox: indices, mean and sigma of ((x / scale)^e - 1) / e.

    `scale` is the geometric mean of each parameter: figures do not depend on its unit.
    """

    capability: Capability
    exponent: Floats
    scale: Floats
    method: str


@dataclass(frozen=True, slots=True)
class PercentileCapability:
    """Pp and Ppk by percentiles, shape of the parameters; no interval is known for them.

    `low_point`, `median` and `high_point` are the 0.135, 50 and 99.865 % points. NaN with its
    reason. Few units give a Ppk that is too high in the mean, as a normal one is (10 % at 10 units,
    5 % at 20): lognormal as much, Weibull 1 to 8 % at 10 and 0 to 4 % at 20.
    """

    pp: Floats
    ppk: Floats
    low_point: Floats
    median: Floats
    high_point: Floats
    method: str
    reasons: Reasons


def box_cox_performance(
    values: npt.ArrayLike,
    low: npt.ArrayLike,
    high: npt.ArrayLike,
    exponent: float | None = None,
    confidence: float = 0.95,
) -> TransformedCapability:
    """Return Pp and Ppk of ((x / scale)^e - 1) / e for values (..., units), limits alike.

    A declared exponent (0 is the logarithm) keeps its intervals; None picks the most likely of
    -3 to 3 in steps of 0.05 for each parameter, and the intervals are NaN. Raises AnalysisError
    unless values are above 0 and high limits too; a low limit at or below 0 limits nothing and is
    left out. Source: Box and Cox 1964.
    """
    data = inputs.readings("values", values, least=3, ndim=1)
    floor, ceiling = inputs.limits("low", low), inputs.limits("high", high)
    if (data <= 0).any() or (ceiling <= 0).any():
        raise AnalysisError("Box-Cox needs values and high limits above 0")
    scale = np.exp(np.log(data).mean(axis=-1))
    scale = np.where(np.isfinite(scale), scale, 1.0)
    equal = np.isfinite(data) & ~inputs.varied(data)[..., None]
    data = np.where(
        equal & np.isfinite(data).all(axis=-1, keepdims=True), 1.0, data / scale[..., None]
    )
    floor, ceiling = floor / scale, ceiling / scale
    if exponent is None:
        power, method = _likeliest_exponent(data), "Box-Cox, exponent estimated: no interval"
    else:
        declared = inputs.number("exponent", exponent)
        power, method = (
            np.full(data.shape[:-1], declared),
            f"Box-Cox, exponent {declared:g} declared",
        )
    found = performance(
        special.boxcox(data, power[..., None]),
        np.where(floor <= 0, -np.inf, special.boxcox(np.where(floor <= 0, 1.0, floor), power)),
        np.where(
            np.isinf(ceiling),
            np.inf,
            special.boxcox(np.where(np.isinf(ceiling), 1, ceiling), power),
        ),
        confidence,
    )
    if exponent is None:
        found = replace(
            found,
            cp=_without_interval(found.cp),
            cpk=_without_interval(found.cpk),
            cpk_at_least=np.full_like(found.cpk_at_least, np.nan),
        )
    return TransformedCapability(found, power, scale, method)


def percentile_performance(
    values: npt.ArrayLike, low: npt.ArrayLike, high: npt.ArrayLike, law: Law
) -> PercentileCapability:
    """Return Pp and Ppk of values (..., units) from the percentiles of a declared law.

    Pp = (high - low) / (q99.865 - q0.135); Ppk is the smaller of (high - q50) / (q99.865 - q50) and
    (q50 - low) / (q50 - q0.135). "lognormal" and "weibull" are fitted by maximum likelihood and
    need 10 values above 0 (sigma of logarithms with n - 1, Ross's unbiased shape); "empirical"
    takes the readings as they are and needs 2200.
    Source: ISO 22514-4 (recalled).
    """
    inputs.one_of("law", law, Law)
    least = LEAST_EMPIRICAL if law == "empirical" else 10
    data = inputs.readings("values", values, least=least, ndim=1)
    floor, ceiling = inputs.limits("low", low), inputs.limits("high", high)
    if np.isnan(floor).any() or np.isnan(ceiling).any() or (floor >= ceiling).any():
        raise AnalysisError("each low limit must be below its high limit, and known")
    if law != "empirical" and (data <= 0).any():
        raise AnalysisError(f"a {law} law needs values above 0")
    reasons = of_readings(data)
    bottom, middle, top = (np.where(inputs.varied(data), x, np.nan) for x in _points(data, law))
    with np.errstate(invalid="ignore", divide="ignore"):
        both = np.isfinite(floor) & np.isfinite(ceiling)
        pp = np.where(both, (ceiling - floor) / (top - bottom), np.nan)
        ppk = np.minimum((ceiling - middle) / (top - middle), (middle - floor) / (middle - bottom))
    return PercentileCapability(pp, ppk, bottom, middle, top, f"percentiles, {law}", reasons)


def _points(data: Floats, law: Law) -> tuple[Floats, Floats, Floats]:
    fractions = np.array([TAIL_FRACTION, 0.5, 1 - TAIL_FRACTION])
    if law == "empirical":
        found = np.quantile(data, fractions, axis=-1, method="hazen")
    elif law == "lognormal":
        logs = np.log(data)
        sigma = logs.std(-1, ddof=1)
        found = np.exp(logs.mean(-1) + np.multiply.outer(special.ndtri(fractions), sigma))
    else:
        fit = fit_weibull(Lifetimes.exact(np.where(inputs.varied(data)[..., None], data, 1.0)))
        # The likeliest shape of few units is too steep: R. Ross, IEEE Trans. Dielectrics 3 (1996).
        shape = fit.shape / (1 + 1.37 / (data.shape[-1] - 1.92))
        z = np.log(-np.log1p(-fractions))
        found = fit.scale_h * np.exp(np.multiply.outer(z, 1 / shape))
    return np.asarray(found[0]), np.asarray(found[1]), np.asarray(found[2])


def _likeliest_exponent(data: Floats) -> Floats:
    logs = np.log(data).sum(axis=-1)
    units = data.shape[-1]
    with np.errstate(divide="ignore", invalid="ignore"):
        likelihood = [
            (power - 1) * logs - units / 2 * np.log(special.boxcox(data, power).var(axis=-1))
            for power in EXPONENTS
        ]
    return np.asarray(EXPONENTS[np.argmax(likelihood, axis=0)])


def _without_interval(estimate: Estimate) -> Estimate:
    unknown = np.full_like(estimate.value, np.nan)
    return Estimate(estimate.value, unknown, unknown, estimate.confidence)
