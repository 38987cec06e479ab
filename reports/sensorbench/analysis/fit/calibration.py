"""Calibration: polynomials in raw counts and temperature counts, all DUTs at once.

The fit is done on a basis normalised to [-1, 1] per DUT (condition number about 10 instead of
10^20 with raw counts), and the model and its uncertainty are evaluated on it. The coefficients of
the inputs' own powers are exact rewritings for a part's memory: far from zero they cancel.
"""

from __future__ import annotations

from dataclasses import replace
from math import comb
from typing import Literal

import numpy as np
import numpy.typing as npt

from sensorbench.analysis import inputs
from sensorbench.analysis.errors import AnalysisError
from sensorbench.analysis.fit.polynomial import PolynomialFit, Terms, Weighting, basis
from sensorbench.analysis.inputs import Flags, Floats

__all__ = ["Floats", "PolynomialFit", "Terms", "basis", "fit_curve", "fit_polynomial"]

Scatter = Literal["equal", "unequal"]

SPARE_POINTS = 3
"""A unit with fewer points above the number of terms is not fitted: its residuals would lie."""

_NAMES = ("r", "t", "target")
_SAFE_CONDITION = 1e4
"""Up to here normal equations lose no digit that matters (error about condition^2 * 2e-16)."""


def fit_curve(
    x: npt.ArrayLike,
    y: npt.ArrayLike,
    degree: int = 1,
    weights: npt.ArrayLike | None = None,
    uncertainty: npt.ArrayLike | None = None,
    scatter: Scatter = "equal",
) -> PolynomialFit:
    """Fit y = sum of c_i x^i up to `degree`: as `fit_polynomial`, of one input.

    `x` and `y` are (N,) for one unit or (D, N). The result's methods take `x` alone.

    >>> line = fit_curve([0, 1, 2, 3, 4], [1, 3, 5, 7, 9.1])
    >>> line.coefficients.round(2), line.at(10.0).round(2)
    (array([[0.98, 2.02]]), array([[21.18]]))
    """
    top = inputs.count("degree", degree)
    terms = tuple((i, 0) for i in range(top + 1))
    still = np.zeros(np.shape(inputs.units("x", x)))
    return fit_polynomial(x, still, y, terms, weights, uncertainty, scatter)


def fit_polynomial(
    r: npt.ArrayLike,
    t: npt.ArrayLike,
    target: npt.ArrayLike,
    terms: Terms,
    weights: npt.ArrayLike | None = None,
    uncertainty: npt.ArrayLike | None = None,
    scatter: Scatter = "equal",
) -> PolynomialFit:
    """Fit target = sum of c_ij r^i t^j per unit by least squares; inputs (D, N), or (N,) shared.

    Points with NaN in any input are left out of their unit's fit; their residual is NaN. `weights`
    multiply the squared residuals; a weight of 0 leaves a point out too, but keeps its residual.
    `uncertainty` of each target is taken as known instead: weights are 1/u^2, the covariance is not
    scaled by the residuals, and `chi_squared` tests the model. Without either all points scatter
    alike; where they do not, 95 % intervals held 85 %: `fit.unequal_scatter_p` tests it, and
    `scatter="unequal"` gives the covariance of MacKinnon and White (HC3), for which see
    docs/analysis/calibration.md.

    Raises AnalysisError for shapes that differ, an empty input, terms that are not closed, weights
    that are negative or not finite, uncertainties not above 0, both at once, or an unknown scatter.
    Source: JCGM 100 H.3 generalised; normal equations where the normalised basis allows it, else
    QR (Golub and Van Loan, Matrix Computations, 5.3).
    """
    inputs.one_of("scatter", scatter, Scatter)
    first, second, wanted = _one_shape(r, t, target)
    given = _weights(first.shape, weights, uncertainty)
    return _fit(first, second, wanted, _closed(terms), given, scatter)


def _fit(
    r: Floats,
    t: Floats,
    target: Floats,
    terms: tuple[tuple[int, int], ...],
    weights: tuple[Floats | None, Weighting],
    scatter: Scatter,
) -> PolynomialFit:
    given, weighting = weights
    whole = np.isfinite(r) & np.isfinite(t) & np.isfinite(target)
    used = whole if given is None else whole & (given > 0)
    enough = used.sum(axis=1) >= len(terms) + SPARE_POINTS
    result = _unknown(r, t, terms, weighting, used.sum(axis=1))
    fitted = np.flatnonzero(enough)
    if not fitted.size:
        return result
    whole, used = whole[fitted], used[fitted]
    r, t, target = r[fitted], t[fitted], target[fitted]
    r_middle, t_middle = _middle(r, whole), _middle(t, whole)
    # Points that are not there become 0: harmless to powers, and weighted with 0.
    u = _where(whole & r_middle[2], (r - r_middle[0]) / r_middle[1], 0.0)
    v = _where(whole & t_middle[2], (t - t_middle[0]) / t_middle[1], 0.0)
    known_target = _where(whole, target, 0.0)
    design = basis(u, v, terms)
    root = None
    if given is not None or not used.all():
        root = np.sqrt(np.where(used, 1.0 if given is None else given[fitted], 0.0))
    normalised, inverse, condition = _solve(design, known_target, root)
    model = (design @ normalised[..., None])[..., 0]
    residuals = _where(whole, known_target - model, np.nan)
    freedom = used.sum(axis=1) - len(terms)
    weighted = _where(whole, residuals, 0.0)
    if root is not None:
        weighted = weighted * root
    total = np.sum(weighted**2, axis=1)
    variance = total / freedom
    covariance = inverse * (1.0 if weighting == "absolute" else variance[:, None, None])
    if scatter == "unequal":
        covariance = _sandwich(design, inverse, weighted, root)
    flat = ~inputs.varied(_where(used, known_target, known_target[_first(used)][:, None]))
    if weighting != "absolute":
        # Equal readouts of a part with a resolution say nothing of their scatter.
        covariance = np.where(flat[:, None, None], np.nan, covariance)
        variance = np.where(flat, np.nan, variance)
        result.reasons[fitted[flat]] = "all targets are equal: give their uncertainty"
    result.reasons[fitted[np.isnan(normalised).any(axis=1)]] = (
        "the points can't tell the terms apart"
    )
    plain = _to_plain(terms, r_middle[:2], t_middle[:2])
    beyond = ~np.isfinite(plain).all(axis=(1, 2))
    result.reasons[fitted[beyond]] = "powers beyond double precision: use another unit"
    result.coefficients[fitted] = (plain @ normalised[..., None])[..., 0]
    result.covariance[fitted] = plain @ covariance @ np.swapaxes(plain, 1, 2)
    result.normalised[fitted], result.normalised_covariance[fitted] = normalised, covariance
    result.centre[fitted] = np.stack([r_middle[0][:, 0], t_middle[0][:, 0]], axis=1)
    result.half_span[fitted] = np.stack([r_middle[1][:, 0], t_middle[1][:, 0]], axis=1)
    result.residuals[fitted] = residuals
    result.sigma[fitted] = np.sqrt(variance)
    result.freedom[fitted] = result.effective_freedom[fitted] = freedom
    result.condition[fitted] = condition
    if weighting == "absolute":
        result.chi_squared[fitted] = total
    return result if scatter == "equal" else replace(result, scatter="unequal")


def _closed(terms: Terms) -> tuple[tuple[int, int], ...]:
    try:
        found = tuple((int(i), int(j)) for i, j in terms)
    except (TypeError, ValueError):
        raise AnalysisError(f"terms must be pairs of exponents (i, j), got {terms!r}") from None
    there = set(found)
    missing = [
        (a, b) for i, j in found for a in range(i + 1) for b in range(j + 1) if (a, b) not in there
    ]
    if missing or not found:
        raise AnalysisError(f"terms are not closed: {missing[:3] or 'none'} must be there too")
    return found


def _one_shape(*values: npt.ArrayLike) -> tuple[Floats, ...]:
    shaped = [inputs.numbers(name, each) for name, each in zip(_NAMES, values, strict=True)]
    if not all(each.size for each in shaped) or len({each.shape[-1:] for each in shaped}) > 1:
        shapes = sorted({each.shape for each in shaped})
        raise AnalysisError(f"all inputs need one shape (units, points), got {shapes}")
    rows = [inputs.units(name, each) for name, each in zip(_NAMES, shaped, strict=True)]
    return inputs.same_shape("inputs need one shape (units, points): they", *rows)


def _weights(
    shape: tuple[int, ...], weights: npt.ArrayLike | None, uncertainty: npt.ArrayLike | None
) -> tuple[Floats | None, Weighting]:
    if weights is not None and uncertainty is not None:
        raise AnalysisError("give weights or uncertainty, not both: weights are 1/u^2 there")
    weighting: Weighting = "equal"
    given = np.ones(1)
    if uncertainty is not None:
        given = inputs.known("uncertainty", uncertainty, 0.0, open_ends=True) ** -2.0
        weighting = "absolute"
    elif weights is not None:
        given, weighting = inputs.known("weights", weights, 0.0), "relative"
    else:
        return None, weighting
    if given.ndim > 2 or np.broadcast_shapes((1, 1), given.shape)[-1] not in (1, shape[-1]):
        raise AnalysisError(f"weights or uncertainty don't fit points of shape {shape}")
    return inputs.same_shape("points and weights", given, np.empty(shape))[0], weighting


def _first(used: Flags) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    return np.arange(len(used)), used.argmax(axis=1)


def _unknown(
    r: Floats,
    t: Floats,
    terms: tuple[tuple[int, int], ...],
    weighting: Weighting,
    used: npt.NDArray[np.int64],
) -> PolynomialFit:
    units, points = r.shape
    size = len(terms)
    reasons = [
        f"{count} points are known, {size + SPARE_POINTS} are needed"
        if count < size + SPARE_POINTS
        else ""
        for count in used.tolist()
    ]
    return PolynomialFit(
        terms=terms,
        coefficients=np.full((units, size), np.nan),
        covariance=np.full((units, size, size), np.nan),
        residuals=np.full((units, points), np.nan),
        sigma=np.full(units, np.nan),
        freedom=np.zeros(units, dtype=np.int64),
        effective_freedom=np.zeros(units),
        condition=np.full(units, np.nan),
        centre=np.full((units, 2), np.nan),
        half_span=np.full((units, 2), np.nan),
        normalised=np.full((units, size), np.nan),
        normalised_covariance=np.full((units, size, size), np.nan),
        weighting=weighting,
        scatter="equal",
        chi_squared=np.full(units, np.nan),
        points=(r.copy(), t.copy()),
        reasons=np.array(reasons, dtype="U60"),
    )


def _where(there: Flags, values: Floats, other: float | Floats) -> Floats:
    """Return `values`, and `other` where they are not there: nothing is copied where all are."""
    return values if there.all() else np.where(there, values, other)


def _middle(values: Floats, whole: Flags) -> tuple[Floats, Floats, Flags]:
    """Return middle and half the span (1 for none) of each unit's values, each of shape (D, 1).

    The third tells where they are more than one value but for rounding.
    """
    low = _where(whole, values, np.inf).min(axis=1, keepdims=True)
    high = _where(whole, values, -np.inf).max(axis=1, keepdims=True)
    varies = inputs.varied(_where(whole, values, low))[:, None]
    return (low + high) / 2, np.where(varies, (high - low) / 2, 1.0), varies


def _solve(design: Floats, target: Floats, root: Floats | None) -> tuple[Floats, Floats, Floats]:
    """Return coefficients (D, K), (A^T A)^-1 (D, K, K) and condition numbers (D,).

    `root` (D, N) are square roots of weights, None if all are 1.

    A unit whose points can't tell the terms apart gets NaN coefficients.
    """
    if root is not None:
        design, target = design * root[..., None], target * root
    transposed = np.swapaxes(design, 1, 2)
    gram = transposed @ design
    eigenvalues = np.linalg.eigvalsh(gram)
    # Beyond 1e16 the sum of squares says nothing: these units go through QR below.
    smallest = np.maximum(eigenvalues[:, 0], eigenvalues[:, -1] * 1e-32)
    condition = np.sqrt(eigenvalues[:, -1] / smallest)
    terms = design.shape[2]
    coefficients = np.full((len(design), terms), np.nan)
    inverse = np.full((len(design), terms, terms), np.nan)
    safe = condition <= _SAFE_CONDITION
    if safe.any():
        right = transposed[safe] @ target[safe][..., None]
        wanted = np.concatenate([right, np.broadcast_to(np.eye(terms), gram[safe].shape)], axis=2)
        solved = np.linalg.solve(gram[safe], wanted)
        coefficients[safe], inverse[safe] = solved[..., 0], solved[..., 1:]
    for unit in np.flatnonzero(~safe):
        q, triangle = np.linalg.qr(design[unit])
        singular = np.linalg.svd(triangle, compute_uv=False)
        with np.errstate(over="ignore", divide="ignore"):
            condition[unit] = singular[0] / singular[-1]
        if singular[-1] > singular[0] * terms * np.finfo(float).eps:
            back = np.linalg.inv(triangle)
            coefficients[unit], inverse[unit] = back @ (q.T @ target[unit]), back @ back.T
    return coefficients, inverse, condition


def _sandwich(design: Floats, inverse: Floats, weighted: Floats, root: Floats | None) -> Floats:
    """Return the covariance of coefficients whose points scatter unequally (HC3).

    J. G. MacKinnon and H. White, J. Econometrics 29 (1985): residuals over 1 - leverage.
    """
    rows = design if root is None else design * root[..., None]
    leverage = ((rows @ inverse) * rows).sum(axis=2)
    alone = weighted / np.maximum(1 - leverage, 1e-9)
    spread = (rows @ inverse) * alone[..., None]
    return np.asarray(np.swapaxes(spread, 1, 2) @ spread)


def _to_plain(terms: Terms, r: tuple[Floats, Floats], t: tuple[Floats, Floats]) -> Floats:
    """Return per unit the matrix (K, K) from normalised coefficients to those of r^i t^j."""
    place = {term: k for k, term in enumerate(terms)}
    (r_mid, r_half), (t_mid, t_half) = ((mid[:, 0], half[:, 0]) for mid, half in (r, t))
    matrix = np.zeros((len(r_mid), len(terms), len(terms)))
    for k, (i, j) in enumerate(terms):
        with np.errstate(over="ignore", under="ignore", divide="ignore"):
            scale = 1.0 / (r_half**i * t_half**j)
        # Numbers at the ends of double precision have lost digits, or will.
        scale = np.where((scale > 1e-250) & (scale < 1e250), scale, np.nan)
        for a in range(i + 1):
            for b in range(j + 1):
                share = comb(i, a) * comb(j, b) * (-r_mid) ** (i - a) * (-t_mid) ** (j - b)
                matrix[:, place[a, b], k] += scale * share
    return matrix
