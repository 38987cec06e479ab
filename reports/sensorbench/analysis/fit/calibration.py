"""Calibration: polynomials in raw counts and temperature counts, all DUTs at once.

The fit is done on a basis normalised to [-1, 1] per DUT (condition number about 10 instead of
10^20 with raw counts) and then rewritten, exactly, in the basis of the inputs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import comb

import numpy as np
import numpy.typing as npt

from sensorbench.analysis.errors import AnalysisError

Floats = npt.NDArray[np.float64]
Terms = Sequence[tuple[int, int]]
"""Exponents (i, j) of r^i t^j; closed under affine maps: with a term come all smaller ones."""

SPARE_POINTS = 3
"""A unit with fewer points above the number of terms is not fitted: its residuals would lie."""

_SAFE_CONDITION = 1e4
"""Up to here normal equations lose no digit that matters (error about condition^2 * 2e-16)."""


@dataclass(frozen=True, slots=True)
class PolynomialFit:
    """A fit of D units at N points with K terms; a unit that was not fitted is NaN throughout.

    `coefficients` (D, K) are in the basis r^i t^j of the inputs, with `covariance` (D, K, K);
    `residuals` (D, N) are target less model; `sigma` (D,) is their standard deviation with
    `freedom` (D,) degrees of freedom (0 where not fitted); `condition` (D,) is the condition
    number of the normalised basis.
    """

    terms: tuple[tuple[int, int], ...]
    coefficients: Floats
    covariance: Floats
    residuals: Floats
    sigma: Floats
    freedom: npt.NDArray[np.int64]
    condition: Floats

    def at(self, r: Floats, t: Floats) -> Floats:
        """Return the model at points, shape (D, M) in and out, in the target's unit."""
        model: Floats = (basis(r, t, self.terms) @ self.coefficients[..., None])[..., 0]
        return model

    def standard_uncertainty_at(self, r: Floats, t: Floats) -> Floats:
        """Return the model's standard uncertainty at points, shape (D, M) in and out.

        From the scatter of the fit alone: u^2 = a^T C a. The reference's uncertainty is common to
        all points, does not average down, and is added in quadrature afterwards (JCGM 100, H.3).
        """
        design = basis(r, t, self.terms)
        variance = np.einsum("dmk,dkl,dml->dm", design, self.covariance, design)
        uncertainty: Floats = np.sqrt(np.maximum(variance, 0.0))
        return uncertainty


def basis(r: Floats, t: Floats, terms: Terms) -> Floats:
    """Return r^i t^j for each term, shape r.shape + (K,)."""
    r_powers, t_powers = _powers(r, max(i for i, _ in terms)), _powers(t, max(j for _, j in terms))
    # Terms before points in memory: one product after the other is written in one go.
    rows = np.empty((*r.shape[:-1], len(terms), r.shape[-1]))
    for k, (i, j) in enumerate(terms):
        np.multiply(r_powers[i], t_powers[j], out=rows[..., k, :])
    design: Floats = np.swapaxes(rows, -1, -2)
    return design


def _powers(values: Floats, highest: int) -> list[Floats]:
    powers = [np.ones_like(values)]
    for _ in range(highest):
        powers.append(powers[-1] * values)
    return powers


def fit_polynomial(
    r: Floats, t: Floats, target: Floats, terms: Terms, weights: Floats | None = None
) -> PolynomialFit:
    """Fit target = sum of c_ij r^i t^j per unit by least squares. All inputs have shape (D, N).

    Points with NaN in any input are left out of their unit's fit; their residual is NaN. `weights`
    multiply the squared residuals; a weight of 0 leaves a point out too, but keeps its residual.
    Raises AnalysisError for shapes that differ, an empty input, terms that are not closed, or
    weights that are negative or not finite.
    Source: JCGM 100 H.3 generalised; normal equations where the normalised basis allows it, else
    QR (Golub and Van Loan, Matrix Computations, 5.3).
    """
    _check(r, t, target, terms, weights)
    whole = np.isfinite(r) & np.isfinite(t) & np.isfinite(target)
    used = whole if weights is None else whole & (weights > 0)
    fitted = np.flatnonzero(used.sum(axis=1) >= len(terms) + SPARE_POINTS)
    result = _unknown(r.shape, tuple(terms))
    if not fitted.size:
        return result
    whole, used = whole[fitted], used[fitted]
    r, t, target = r[fitted], t[fitted], target[fitted]
    r_middle, t_middle = _middle(r, whole), _middle(t, whole)
    # Points that are not there become 0: harmless to powers, and weighted with 0.
    u = np.where(whole, (r - r_middle[0]) / r_middle[1], 0.0)
    v = np.where(whole, (t - t_middle[0]) / t_middle[1], 0.0)
    known_target = np.where(whole, target, 0.0)
    design = basis(u, v, terms)
    root = None
    if weights is not None or not used.all():
        root = np.sqrt(np.where(used, 1.0 if weights is None else weights[fitted], 0.0))
    normalised, inverse, condition = _solve(design, known_target, root)
    model = (design @ normalised[..., None])[..., 0]
    residuals = np.where(whole, known_target - model, np.nan)
    freedom = used.sum(axis=1) - len(terms)
    weighted = np.where(whole, residuals, 0.0) * (1.0 if root is None else root)
    variance = np.sum(weighted**2, axis=1) / freedom
    plain = _to_plain(terms, r_middle, t_middle)
    result.coefficients[fitted] = (plain @ normalised[..., None])[..., 0]
    result.covariance[fitted] = variance[:, None, None] * plain @ inverse @ np.swapaxes(plain, 1, 2)
    result.residuals[fitted] = residuals
    result.sigma[fitted] = np.sqrt(variance)
    result.freedom[fitted] = freedom
    result.condition[fitted] = condition
    return result


def _check(r: Floats, t: Floats, target: Floats, terms: Terms, weights: Floats | None) -> None:
    shapes = {np.shape(r), np.shape(t), np.shape(target)}
    if weights is not None:
        shapes.add(np.shape(weights))
        if not (np.isfinite(weights).all() and (weights >= 0).all()):
            raise AnalysisError("weights must be finite and not below 0")
    if len(shapes) > 1 or len(np.shape(r)) != 2 or not np.size(r):
        raise AnalysisError(f"all inputs need one shape (units, points), got {sorted(shapes)}")
    missing = [
        (a, b)
        for i, j in terms
        for a in range(i + 1)
        for b in range(j + 1)
        if (a, b) not in set(terms)
    ]
    if missing or not terms:
        raise AnalysisError(f"terms are not closed: {missing[:3] or 'none'} must be there too")


def _unknown(shape: tuple[int, ...], terms: tuple[tuple[int, int], ...]) -> PolynomialFit:
    units, points = shape
    return PolynomialFit(
        terms=terms,
        coefficients=np.full((units, len(terms)), np.nan),
        covariance=np.full((units, len(terms), len(terms)), np.nan),
        residuals=np.full((units, points), np.nan),
        sigma=np.full(units, np.nan),
        freedom=np.zeros(units, dtype=np.int64),
        condition=np.full(units, np.nan),
    )


def _middle(values: Floats, whole: npt.NDArray[np.bool_]) -> tuple[Floats, Floats]:
    """Return the middle and half the span of each unit's values, each of shape (D, 1)."""
    low = np.where(whole, values, np.inf).min(axis=1, keepdims=True)
    high = np.where(whole, values, -np.inf).max(axis=1, keepdims=True)
    half = (high - low) / 2
    return (low + high) / 2, np.where(half > 0, half, 1.0)


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
        condition[unit] = singular[0] / max(singular[-1], np.finfo(float).tiny)
        if singular[-1] > singular[0] * terms * np.finfo(float).eps:
            back = np.linalg.inv(triangle)
            coefficients[unit], inverse[unit] = back @ (q.T @ target[unit]), back @ back.T
    return coefficients, inverse, condition


def _to_plain(terms: Terms, r: tuple[Floats, Floats], t: tuple[Floats, Floats]) -> Floats:
    """Return per unit the matrix (K, K) from normalised coefficients to those of r^i t^j."""
    place = {term: k for k, term in enumerate(terms)}
    (r_mid, r_half), (t_mid, t_half) = ((mid[:, 0], half[:, 0]) for mid, half in (r, t))
    matrix = np.zeros((len(r_mid), len(terms), len(terms)))
    for k, (i, j) in enumerate(terms):
        scale = 1.0 / (r_half**i * t_half**j)
        for a in range(i + 1):
            for b in range(j + 1):
                share = comb(i, a) * comb(j, b) * (-r_mid) ** (i - a) * (-t_mid) ** (j - b)
                matrix[:, place[a, b], k] += scale * share
    return matrix
