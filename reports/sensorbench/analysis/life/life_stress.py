"""How life depends on stress, from lives at several stresses, by maximum likelihood.

ln t = ln constant + sum of coefficients times what the law makes of the stress + sigma e, with e
of the smallest extreme value (Weibull lives) or normal (lognormal lives), and one sigma at all
stresses (what that claims, `fit_weibull` of each stress by itself shows). Intervals are of the
likelihood ratio, over a correction with which they hold what they state: reliability.md.
Source: Meeker and Escobar, Statistical Methods for Reliability Data, chapter 19; Nelson,
Accelerated Testing, chapters 2 and 5.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy import special

from sensorbench.analysis import inputs
from sensorbench.analysis.errors import AnalysisError
from sensorbench.analysis.estimates import Estimate, Reasons
from sensorbench.analysis.inputs import Floats
from sensorbench.analysis.life.acceleration import BOLTZMANN_EV_PER_K, KELVIN_OFFSET
from sensorbench.analysis.life.lifetimes import Lifetimes
from sensorbench.analysis.life.location_scale import Family, Rows, Sample, profile_root
from sensorbench.analysis.life.stress_climb import Plane, Regression

StressLaw = Literal["arrhenius", "eyring", "inverse_power", "exponential", "peck"]
LifeFamily = Literal["weibull", "lognormal"]
FIRST_STEP = 0.5
"""In standard errors: how far a bound is looked for first."""


def _heat(celsius: Floats) -> Floats:
    return np.asarray(1 / (BOLTZMANN_EV_PER_K * (celsius + KELVIN_OFFSET)))


@dataclass(frozen=True, slots=True)
class _Law:
    """What a law asks of each stress (name, least, most) and makes of it; and its coefficients."""

    stresses: tuple[tuple[str, float, float], ...]
    coefficients: tuple[str, ...]
    covariates: Callable[[Floats], list[Floats]]
    offset: Callable[[Floats], Floats] = field(default=lambda s: np.zeros(len(s)))


_CELSIUS = ("temperature_c", -KELVIN_OFFSET, np.inf)
_ANY = ("stress", 0.0, np.inf)
_LAWS: dict[str, _Law] = {
    "arrhenius": _Law((_CELSIUS,), ("ea_ev",), lambda s: [_heat(s[:, 0])]),
    "eyring": _Law(
        (_CELSIUS,), ("ea_ev",), lambda s: [_heat(s[:, 0])],
        lambda s: np.asarray(-np.log(s[:, 0] + KELVIN_OFFSET)),
    ),
    "inverse_power": _Law((_ANY,), ("exponent",), lambda s: [-np.log(s[:, 0])]),
    "exponential": _Law((("stress", -np.inf, np.inf),), ("gamma",), lambda s: [-s[:, 0]]),
    "peck": _Law(
        (_CELSIUS, ("humidity_rh", 0.0, 100.0)), ("ea_ev", "exponent"),
        lambda s: [_heat(s[:, 0]), -np.log(s[:, 1])],
    ),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Work:
    """The fit in standardised covariates, where its peak is, and its curvature there.

    Coverage is measured with it, too (tools/measure_coverage.py).
    """

    regression: Regression
    peak: Floats
    height: float
    covariance: Floats
    middle: Floats
    spread: Floats
    origin: float
    correction: float

    def row(self, covariates: Floats) -> Floats:
        """Return a row (K + 1,) of the design for covariates (K,)."""
        return np.append(1.0, (covariates - self.middle) / self.spread)


@dataclass(frozen=True, slots=True)
class LifeStressFit:
    """A fitted law of stress: life in hours is exp(ln_constant) times a function of the stress.

    `coefficients` by name: `ln_constant`, and `ea_ev` in eV (arrhenius; eyring, whose life has
    1 / T beside it), `exponent` of the stress (inverse_power) or of %RH (peck, with `ea_ev`), or
    `gamma` per unit of stress (exponential). `standard_errors` are asymptotic. `sigma` is the
    standard deviation of ln t (lognormal) or 1 / beta (Weibull). `log_likelihood` is that of the
    lives in hours. NaN, with the reason (), where the data have no maximum.
    """

    law: StressLaw
    family: LifeFamily
    coefficients: dict[str, float]
    standard_errors: dict[str, float]
    sigma: float
    sigma_standard_error: float
    log_likelihood: float
    reasons: Reasons
    _work: Work | None = field(repr=False, compare=False)

    def coefficient_interval(self, name: str, confidence: float = 0.95) -> Estimate:
        """Return a coefficient with its likelihood-ratio interval."""
        inputs.one_of("name", name, list(self.coefficients))
        level = inputs.share("confidence", confidence)
        if self._work is None:
            return _nothing(level)
        row, shift = _rows_of(self._work)[list(self.coefficients).index(name)]
        return self._interval(row, 0.0, shift, level, self.coefficients[name])

    def sigma_interval(self, confidence: float = 0.95) -> Estimate:
        """Return sigma with its likelihood-ratio interval."""
        level = inputs.share("confidence", confidence)
        work = self._work
        if work is None:
            return _nothing(level)
        size = len(work.peak) - 1

        def plane(log_phi: float) -> Plane:
            return Plane(np.append(np.zeros(size), 1.0), np.exp(log_phi))

        start = np.log(work.peak[-1])
        error = self.sigma_standard_error / self.sigma
        low, high = _bounds(work, plane, start, error, level)
        return _estimate(self.sigma, np.exp(-high), np.exp(-low), level)

    def quantile_h(self, fraction: float, stress: npt.ArrayLike) -> float:
        """Return the time in hours at which a fraction has failed at a stress."""
        return float(self.quantile_interval_h(fraction, stress).value)

    def quantile_interval_h(
        self, fraction: float, stress: npt.ArrayLike, confidence: float = 0.95
    ) -> Estimate:
        """Return the time in hours at which a fraction has failed at a stress, with its interval.

        `stress` is one number, or for peck (temperature in degC, %RH): that of use, say.
        """
        z = float(Family(self.family).quantile(inputs.share("fraction", fraction)))
        covariates, offset = _of_stress(self.law, stress, 1)
        level = inputs.share("confidence", confidence)
        work = self._work
        if work is None:
            return _nothing(level)
        row = work.row(covariates[0])
        shift = work.origin + float(offset[0])
        found = self._interval(row, z, shift, level, _value(work, row, z) + shift)
        return _exp(found)

    def acceleration(
        self, use: npt.ArrayLike, test: npt.ArrayLike, confidence: float = 0.95
    ) -> Estimate:
        """Return life at the stress of use over that of the test, with its interval."""
        both = [inputs.array(name, each) for name, each in (("use", use), ("test", test))]
        covariates, offset = _of_stress(self.law, np.stack(np.broadcast_arrays(*both)), 2)
        level = inputs.share("confidence", confidence)
        work = self._work
        if work is None:
            return _nothing(level)
        row = work.row(covariates[0]) - work.row(covariates[1])
        shift = float(offset[0] - offset[1])
        if not row.any():
            return _estimate(1.0, 1.0, 1.0, level)  # of a stress against itself
        return _exp(self._interval(row, 0.0, shift, level, _value(work, row, 0.0) + shift))

    def _interval(
        self, row: Floats, z: float, shift: float, confidence: float, value: float
    ) -> Estimate:
        """Return the interval of row . beta + z sigma + shift, for a row (K + 1,)."""
        work = self._work
        assert work is not None  # noqa: S101 - the caller looked
        phi = work.peak[-1]
        start = _value(work, row, z)
        slope = np.append(-row / phi, -start / phi)
        error = float(np.sqrt(slope @ work.covariance @ slope))

        def plane(figure: float) -> Plane:
            return Plane(np.append(row, figure), z)

        low, high = _bounds(work, plane, start, error, confidence)
        return _estimate(value, low + shift, high + shift, confidence)


def fit_life_stress(
    lives: Sequence[Lifetimes | npt.ArrayLike],
    stress: npt.ArrayLike,
    law: StressLaw,
    family: LifeFamily = "weibull",
) -> LifeStressFit:
    """Fit a law of stress to lives at several stresses, censored in any way, by maximum likelihood.

    `lives` has one entry a stress, of one set each, or of failure times in hours; `stress` is (S,),
    in degC for arrhenius and eyring, in any unit for inverse_power and exponential; for peck (S,
    2): degC and %RH. Units that all survived tell something, too. No maximum, with its reason: too
    few different stresses at which a unit failed, or fewer than two different failures. Raises
    AnalysisError for shapes, a stress that can't be, or a law or family of another name.

    >>> lives = [Lifetimes.exact([400, 640, 900]), Lifetimes.exact([60, 95, 150])]
    >>> fit = fit_life_stress(lives, [85, 125], "arrhenius", "lognormal")
    >>> round(fit.coefficients["ea_ev"], 3), round(float(fit.acceleration(55, 125).value), 1)
    (0.573, 35.3)
    """
    inputs.one_of("law", law, StressLaw)
    inputs.one_of("family", family, LifeFamily)
    if isinstance(lives, Lifetimes) or not isinstance(lives, Iterable) or isinstance(lives, str):
        raise AnalysisError("lives must be a list of Lifetimes, one set a stress")
    sets = [Lifetimes.of(each, f"lives[{k}]") for k, each in enumerate(lives)]
    if not sets or any(each.total.shape for each in sets):
        raise AnalysisError("one set of lives a stress is needed, each of shape (N,)")
    covariates, offset = _of_stress(law, stress, len(sets))
    names = ("ln_constant", *_LAWS[law].coefficients)
    level = np.repeat(np.arange(len(sets)), [each.units.size for each in sets])
    after, before, units = (
        np.concatenate([getattr(each, key) for each in sets])
        for key in ("after_h", "before_h", "units")
    )
    used = units > 0
    level, after, before, units = level[used], after[used], before[used], units[used]
    why = _why_not(covariates[level], after, before, names)
    if why:
        nothing = dict.fromkeys(names, np.nan)
        return LifeStressFit(
            law, family, nothing, dict(nothing), np.nan, np.nan, np.nan, np.asarray(why), None
        )
    work = _fitted(Family(family), after, before, units, covariates[level], offset[level])
    rows = _rows_of(work)
    phi = float(work.peak[-1])
    values = [_value(work, row, 0.0) for row, _ in rows]
    slopes = [np.append(-r / phi, -v / phi) for (r, _), v in zip(rows, values, strict=True)]
    exact = after == before
    return LifeStressFit(
        law,
        family,
        {n: v + shift for n, v, (_, shift) in zip(names, values, rows, strict=True)},
        {n: float(np.sqrt(s @ work.covariance @ s)) for n, s in zip(names, slopes, strict=True)},
        1 / phi,
        float(np.sqrt(work.covariance[-1, -1])) / phi**2,
        work.height - float((units[exact] * np.log(after[exact])).sum()),
        np.asarray(""),
        work,
    )


def _of_stress(law: StressLaw, stress: npt.ArrayLike, rows: int) -> tuple[Floats, Floats]:
    """Return covariates (rows, K) and offsets (rows,) of stresses, checked."""
    known = _LAWS[law]
    found = inputs.array("stress", stress)
    wide = len(known.stresses)
    if found.size != rows * wide:
        columns = ", ".join(name for name, _, _ in known.stresses)
        raise AnalysisError(f"{law} needs {columns} of each of {rows} stresses, got {found.shape}")
    table = found.reshape(rows, wide)
    for column, (name, least, most) in zip(table.T, known.stresses, strict=True):
        inputs.known(name, column, least, most, open_ends=True)
    return np.stack(known.covariates(table), axis=1), known.offset(table)


def _why_not(x: Floats, after: Floats, before: Floats, names: tuple[str, ...]) -> str:
    failed = np.isfinite(before)
    if not failed.any():
        return "no unit failed"
    if not before[failed].max() > before[failed].min():
        return "fewer than two different failures"
    there = np.unique(x[failed], axis=0)
    apart = (there - there.mean(axis=0)) / np.where(np.ptp(x, axis=0) > 0, np.ptp(x, axis=0), 1.0)
    if np.linalg.matrix_rank(apart, 1e-9) < len(names) - 1:
        return f"units failed at too few different stresses to tell {', '.join(names[1:])}"
    exact = after == before
    if not exact[failed].any() and np.unique(before[failed]).size < 3:
        return "the readouts are too coarse for a law"
    return ""


def _fitted(
    family: Family, after: Floats, before: Floats, units: Floats, x: Floats, offset: Floats
) -> Work:
    with np.errstate(divide="ignore"):
        low, high = np.log(after) - offset, np.log(before) - offset
    inside = np.where(np.isfinite(low), low, high)
    origin = float(np.average(inside, weights=units))
    middle = np.asarray(np.average(x, axis=0, weights=units), np.float64)
    spread = np.sqrt(np.average((x - middle) ** 2, axis=0, weights=units))
    design = np.concatenate([np.ones((len(x), 1)), (x - middle) / spread], axis=1)
    sample = Sample(family, (low - origin)[None], (high - origin)[None], units[None])
    regression = Regression(sample, design)
    wide = float(np.sqrt(np.average((inside - origin) ** 2, weights=units)))
    start = np.zeros(design.shape[1] + 1)
    start[0], start[-1] = -0.5, 1 / max(wide, 1e-3)
    peak, height = regression.climb(start)
    covariance = np.asarray(np.linalg.inv(-regression.slopes(peak)[1]), np.float64)
    failures = float(units[np.isfinite(before)].sum())
    correction = _correction(failures, float(units.sum()), design.shape[1])
    return Work(
        regression, peak, height, covariance, middle, spread, origin, correction
    )  # fmt: skip


def _correction(failures: float, units: float, columns: int) -> float:
    """Return what the likelihood ratio is divided by, as `lifetime` does, for more coefficients."""
    return 1 + columns * 2 * failures / units**2


def _rows_of(work: Work) -> list[tuple[Floats, float]]:
    """Return for each coefficient its row (K + 1,) in standardised covariates, and its shift."""
    size = len(work.middle)
    constant = work.row(np.zeros(size))
    own = np.eye(size + 1)[1:] / work.spread[:, None]
    return [(constant, work.origin), *((row, 0.0) for row in own)]


def _value(work: Work, row: Floats, z: float) -> float:
    return float((z - row @ work.peak[:-1]) / work.peak[-1])


def _bounds(
    work: Work, plane: Callable[[float], Plane], start: float, error: float, confidence: float
) -> tuple[float, float]:
    fall = np.array([work.correction * float(special.chdtri(1, 1 - confidence)) / 2])

    def profile(position: Floats, rows: Rows) -> Floats:
        del rows
        return np.array([work.regression.climb(work.peak, plane(float(position[0])))[1]])

    low, high = (
        profile_root(
            profile, np.array([work.height]), np.array([start]),
            np.array([sign * FIRST_STEP * error]), fall,
        )[0]
        for sign in (-1.0, 1.0)
    )  # fmt: skip
    return float(low), float(high)


def _estimate(value: float, low: float, high: float, confidence: float) -> Estimate:
    return Estimate(np.asarray(value), np.asarray(low), np.asarray(high), confidence)


def _nothing(confidence: float) -> Estimate:
    return _estimate(np.nan, np.nan, np.nan, confidence)


def _exp(found: Estimate) -> Estimate:
    return _estimate(
        float(np.exp(found.value)), float(np.exp(found.low)), float(np.exp(found.high)),
        found.confidence,
    )  # fmt: skip
