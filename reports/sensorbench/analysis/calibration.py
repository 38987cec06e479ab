"""Calibration: polynomials in raw counts and temperature counts, all DUTs at once.

The fit is done on a basis normalised to [-1, 1] per DUT (condition number about 10 instead of
10^20 with raw counts) and then rewritten, exactly, in the part's own basis.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import comb

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Terms = Sequence[tuple[int, int]]
"""Exponents (i, j) of r^i t^j; closed under affine maps: with a term come all smaller ones."""

SPARE_POINTS = 3
"""A unit with fewer points above the number of terms is not fitted: its residuals would lie."""


@dataclass(frozen=True, slots=True)
class PolynomialFit:
    """A fit of D units at N points with K terms; a unit that was not fitted is NaN throughout.

    `coefficients` (D, K) are in the basis r^i t^j of the inputs; `residuals` (D, N) are target less
    model; `sigma` (D,) is their standard deviation with N - K degrees of freedom; `condition` (D,)
    is the condition number of the normalised basis.
    """

    coefficients: Floats
    residuals: Floats
    sigma: Floats
    condition: Floats


def basis(r: Floats, t: Floats, terms: Terms) -> Floats:
    """Return r^i t^j for each term, shape r.shape + (K,)."""
    return np.stack([r**i * t**j for i, j in terms], axis=-1)


def fit_polynomial(r: Floats, t: Floats, target: Floats, terms: Terms) -> PolynomialFit:
    """Fit target = sum of c_ij r^i t^j per unit by least squares. All inputs have shape (D, N).

    Points with NaN in any input are left out of their unit's fit; their residual is NaN.
    Source: least squares by QR on a centred and scaled basis (Golub and Van Loan, 5.3).
    """
    units, points = r.shape
    result = PolynomialFit(
        np.full((units, len(terms)), np.nan),
        np.full((units, points), np.nan),
        np.full(units, np.nan),
        np.full(units, np.nan),
    )
    known = np.isfinite(r) & np.isfinite(t) & np.isfinite(target)
    fitted = np.flatnonzero(known.sum(axis=1) >= len(terms) + SPARE_POINTS)
    if not fitted.size:
        return result
    known, r, t, target = known[fitted], r[fitted], t[fitted], target[fitted]
    r_mid, r_half = _middle(r)
    t_mid, t_half = _middle(t)
    design = basis((r - r_mid) / r_half, (t - t_mid) / t_half, terms)
    # A row of zeros is a point that is not there.
    design = np.where(known[..., None], design, 0.0)
    q, triangle = np.linalg.qr(design)
    right = np.einsum("dnk,dn->dk", q, np.where(known, target, 0.0))
    normalised = np.linalg.solve(triangle, right[..., None])[..., 0]
    residuals = np.where(known, target - np.einsum("dnk,dk->dn", design, normalised), np.nan)
    freedom = known.sum(axis=1) - len(terms)
    result.coefficients[fitted] = _unscale(normalised, terms, (r_mid, r_half), (t_mid, t_half))
    result.residuals[fitted] = residuals
    result.sigma[fitted] = np.sqrt(np.nansum(residuals**2, axis=1) / freedom)
    result.condition[fitted] = np.linalg.cond(design)
    return result


def quantise(coefficients: Floats, lsb: float) -> npt.NDArray[np.int64]:
    """Return coefficients as stored integers, rounded to nearest. NaN is not allowed."""
    return np.rint(coefficients / lsb).astype(np.int64)


def _middle(values: Floats) -> tuple[Floats, Floats]:
    """Return the middle and half the span of each unit's values, each of shape (D, 1)."""
    low = np.nanmin(values, axis=1, keepdims=True)
    high = np.nanmax(values, axis=1, keepdims=True)
    half = (high - low) / 2
    return (low + high) / 2, np.where(half > 0, half, 1.0)


def _unscale(
    normalised: Floats, terms: Terms, r: tuple[Floats, Floats], t: tuple[Floats, Floats]
) -> Floats:
    """Rewrite coefficients of ((r - mid) / half)^i ((t - mid) / half)^j in powers of r and t."""
    place = {term: k for k, term in enumerate(terms)}
    plain = np.zeros_like(normalised)
    (r_mid, r_half), (t_mid, t_half) = ((mid[:, 0], half[:, 0]) for mid, half in (r, t))
    for k, (i, j) in enumerate(terms):
        scaled = normalised[:, k] / (r_half**i * t_half**j)
        for a in range(i + 1):
            for b in range(j + 1):
                share = comb(i, a) * comb(j, b) * (-r_mid) ** (i - a) * (-t_mid) ** (j - b)
                plain[:, place[a, b]] += scaled * share
    return plain
