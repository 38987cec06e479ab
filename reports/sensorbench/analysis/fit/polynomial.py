"""A fitted polynomial: its model, what is known of it, and where the next reading will be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import numpy.typing as npt

from sensorbench.analysis import inputs
from sensorbench.analysis.errors import AnalysisError
from sensorbench.analysis.estimates import Estimate
from sensorbench.analysis.inputs import Floats

Terms = Sequence[tuple[int, int]]
"""Exponents (i, j) of r^i t^j; closed under affine maps: with a term come all smaller ones."""
Weighting = Literal["equal", "relative", "absolute"]


@dataclass(frozen=True, slots=True)
class PolynomialFit:
    """A fit of D units at N points with K terms; NaN with a reason (D,) where not known.

    `coefficients` (D, K) are in the basis r^i t^j of the inputs, with `covariance` (D, K, K), as a
    part stores them; evaluate with the methods, which use `normalised` (D, K) and
    `normalised_covariance`, of ((r - centre) / half_span): far from zero the plain ones cancel.
    `centre` and `half_span` are (D, 2), of r and t. `residuals` (D, N) are target less model;
    `sigma` (D,) is their standard deviation (of weight 1, if weighted; over their uncertainty, if
    absolute) with `freedom` (D,) degrees of freedom (0 where not fitted); intervals take Student's
    t with `effective_freedom` (D,), less where a robust fit knows sigma less well. `condition` (D,)
    is the condition number of the normalised basis. `weighting` and `scatter` say what the
    covariance rests on. `chi_squared` (D,) is known for absolute uncertainties only. `points` are
    the r and t (D, N) that were fitted.
    """

    terms: tuple[tuple[int, int], ...]
    coefficients: Floats
    covariance: Floats
    residuals: Floats
    sigma: Floats
    freedom: npt.NDArray[np.int64]
    effective_freedom: Floats
    condition: Floats
    centre: Floats
    half_span: Floats
    normalised: Floats
    normalised_covariance: Floats
    weighting: Weighting
    scatter: Literal["equal", "unequal"]
    chi_squared: Floats
    points: tuple[Floats, Floats] = field(repr=False)
    reasons: npt.NDArray[np.str_]

    @property
    def unequal_scatter_p(self) -> Floats:
        """Probability (D,) of residuals so unequal along the basis if all points scatter alike.

        Small: the covariance of equal scatter does not hold. NaN if weighted. Source: R. Koenker,
        J. Econometrics 17 (1981), of the Breusch and Pagan test: n R^2 of the squared residuals on
        the basis. Computed when asked for.
        """
        from scipy.special import chdtrc  # noqa: PLC0415 - scipy is heavy

        if self.weighting != "equal":
            return np.full(len(self.coefficients), np.nan)
        used = np.isfinite(self.residuals)
        count = np.maximum(used.sum(axis=1), 1)
        squares = np.where(used, self.residuals**2, 0.0)
        apart = np.where(used, squares - (squares.sum(axis=1) / count)[:, None], 0.0)
        total = (apart**2).sum(axis=1)
        known = np.isfinite(self.sigma) & (total > 0)
        statistic = np.full(len(known), np.nan)
        rows = np.where(used[..., None], self._design(*self.points), 0.0)[known]
        along = np.swapaxes(np.linalg.qr(rows)[0], 1, 2) @ apart[known][..., None]
        statistic[known] = count[known] * (along[..., 0] ** 2).sum(axis=1) / total[known]
        return np.asarray(chdtrc(max(len(self.terms) - 1, 1), statistic))

    @property
    def chi_squared_p(self) -> Floats:
        """Probability (D,) of a chi-squared as large if model and absolute uncertainties hold."""
        from scipy.special import chdtrc  # noqa: PLC0415 - scipy is heavy

        return np.asarray(chdtrc(np.maximum(self.freedom, 1), self.chi_squared))

    def at(self, r: npt.ArrayLike, t: npt.ArrayLike | None = None) -> Floats:
        """Return the model at points, in the target's unit.

        `r` and `t` are (D, M), or (M,) or one number for all units; the result is (D, M). `t` may
        be left out where no term has it.
        """
        model: Floats = (self._design(r, t) @ self.normalised[..., None])[..., 0]
        return model

    def covariance_at(self, r: npt.ArrayLike, t: npt.ArrayLike | None = None) -> Floats:
        """Return the covariance (D, M, M) of the model's values at points, given as to `at`."""
        design = self._design(r, t)
        return np.asarray(design @ self.normalised_covariance @ np.swapaxes(design, 1, 2))

    def standard_uncertainty_at(self, r: npt.ArrayLike, t: npt.ArrayLike | None = None) -> Floats:
        """Return the model's standard uncertainty (D, M) at points, given as to `at`.

        From the scatter of the fit alone: u^2 = a^T C a. The reference's uncertainty is common to
        all points, does not average down, and is added in quadrature afterwards (JCGM 100, H.3).
        """
        design = self._design(r, t)
        variance = ((design @ self.normalised_covariance) * design).sum(axis=2)
        uncertainty: Floats = np.sqrt(np.maximum(variance, 0.0))
        return uncertainty

    def confidence_interval(
        self, r: npt.ArrayLike, t: npt.ArrayLike | None = None, confidence: float = 0.95
    ) -> Estimate:
        """Return the model (D, M) with the interval that its true value lies in, point by point."""
        return self._interval(self.at(r, t), self.standard_uncertainty_at(r, t), confidence)

    def prediction_interval(
        self,
        r: npt.ArrayLike,
        t: npt.ArrayLike | None = None,
        confidence: float = 0.95,
        reading_u: npt.ArrayLike | None = None,
    ) -> Estimate:
        """Return the model (D, M) with the interval that one further reading lies in.

        A reading scatters with `sigma`, or with `reading_u` if given: it must be where the points
        were weighted or scatter unequally, as then no one sigma is that of a reading.
        """
        if reading_u is None:
            if self.weighting != "equal" or self.scatter != "equal":
                raise AnalysisError(
                    "the points scatter differently: give reading_u, the standard uncertainty of "
                    "the reading to predict"
                )
            scatter = self.sigma[:, None]
        else:
            scatter = inputs.known("reading_u", reading_u, 0.0)
        model_u, scatter = inputs.same_shape(
            "points and reading_u", self.standard_uncertainty_at(r, t), scatter
        )
        return self._interval(self.at(r, t), np.hypot(model_u, scatter), confidence)

    def _interval(self, value: Floats, u: Floats, confidence: float) -> Estimate:
        from scipy.special import ndtri, stdtrit  # noqa: PLC0415 - scipy is heavy

        upper = (1 + inputs.share("confidence", confidence)) / 2
        if self.weighting == "absolute" and self.scatter == "equal":
            half = float(ndtri(upper)) * u
        else:
            freedom = np.maximum(self.effective_freedom, 1)
            half = np.asarray(stdtrit(freedom, upper))[:, None] * u
        return Estimate(value, value - half, value + half, confidence)

    def _design(self, r: npt.ArrayLike, t: npt.ArrayLike | None) -> Floats:
        if t is None and any(j for _, j in self.terms):
            raise AnalysisError("this fit has terms in t: give t too")
        first = np.atleast_1d(inputs.array("r", r))
        second = np.zeros(1) if t is None else np.atleast_1d(inputs.array("t", t))
        units = np.empty((len(self.coefficients), 1))
        first, second, _ = inputs.same_shape("points and units", first, second, units)
        if first.shape[0] != len(units) or first.ndim != 2:
            raise AnalysisError(
                f"points must be (M,) or ({len(units)} units, M), got {np.shape(r)}"
            )
        (r_mid, t_mid), (r_half, t_half) = self.centre.T, self.half_span.T
        return basis(
            (first - r_mid[:, None]) / r_half[:, None],
            (second - t_mid[:, None]) / t_half[:, None],
            self.terms,
        )


def basis(r: npt.ArrayLike, t: npt.ArrayLike, terms: Terms) -> Floats:
    """Return r^i t^j for each term, shape r.shape + (K,)."""
    first, second = inputs.same_shape(
        "r and t", np.atleast_1d(inputs.array("r", r)), np.atleast_1d(inputs.array("t", t))
    )
    if not len(terms):
        raise AnalysisError("a basis needs terms")
    r_powers, t_powers = (
        _powers(first, max(i for i, _ in terms)),
        _powers(second, max(j for _, j in terms)),
    )
    # Terms before points in memory: one product after the other is written in one go.
    rows = np.empty((*first.shape[:-1], len(terms), first.shape[-1]))
    for k, (i, j) in enumerate(terms):
        np.multiply(r_powers[i], t_powers[j], out=rows[..., k, :])
    design: Floats = np.swapaxes(rows, -1, -2)
    return design


def _powers(values: Floats, highest: int) -> list[Floats]:
    powers = [np.ones_like(values)]
    for _ in range(highest):
        powers.append(powers[-1] * values)
    return powers
