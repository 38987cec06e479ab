"""Coefficients as a part stores them: whole steps, rounded so that their errors cancel."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sensorbench.analysis import inputs
from sensorbench.analysis.errors import AnalysisError
from sensorbench.analysis.inputs import Floats

_LONGEST_WORD = 2.0**63


@dataclass(frozen=True, slots=True)
class FixedPoint:
    """Stored integers of D units with K coefficients, and what rounding cost.

    `words` (D, K); `loss` (D,) is the largest change of the model over the points, in the unit of
    the coefficients; `overflow` (D, K) marks words beyond the part's range (they are not clipped).
    """

    words: npt.NDArray[np.int64]
    loss: Floats
    overflow: npt.NDArray[np.bool_]


def round_independently(
    coefficients: npt.ArrayLike, design: npt.ArrayLike, lsb: float, bits: int
) -> FixedPoint:
    """Round each of the (D, K) coefficients to the nearest multiple of `lsb`.

    `design` (D, N, K) holds the basis at the points where the loss is looked at; (K,) and (N, K)
    are one unit's. Raises AnalysisError for coefficients that are not finite or beyond 2^63 steps,
    and for shapes that do not fit.
    """
    coefficients, design, lsb = _check(coefficients, design, lsb, bits)
    return _result(np.rint(coefficients / lsb), coefficients, design, lsb, bits)


def round_sequentially(
    coefficients: npt.ArrayLike, design: npt.ArrayLike, lsb: float, bits: int
) -> FixedPoint:
    """Round one coefficient after the other, each time fitting those left to the same model.

    The coefficient with the largest effect is fixed first; the others take up its error. This is
    Babai's nearest plane (Combinatorica 6, 1986) in the metric of the design, and costs one
    Cholesky factor a unit. Shapes and errors as `round_independently`.
    """
    coefficients, design, lsb = _check(coefficients, design, lsb, bits)
    gram = np.swapaxes(design, 1, 2) @ design
    effect = np.sqrt(np.diagonal(gram, axis1=1, axis2=2).mean(axis=0))
    order = np.argsort(effect)  # the largest last: it is fixed first
    try:
        upper = np.swapaxes(np.linalg.cholesky(gram[:, order][:, :, order]), 1, 2)
    except np.linalg.LinAlgError:
        raise AnalysisError(
            "the points can't tell the coefficients apart: too few or alike"
        ) from None
    exact = coefficients[:, order] / lsb
    words = np.zeros_like(exact)
    for k in range(exact.shape[1] - 1, -1, -1):
        taken = np.einsum("dj,dj->d", upper[:, k, k + 1 :], (exact - words)[:, k + 1 :])
        words[:, k] = np.rint(exact[:, k] + taken / upper[:, k, k])
    return _result(words[:, np.argsort(order)], coefficients, design, lsb, bits)


def _check(
    coefficients: npt.ArrayLike, design: npt.ArrayLike, lsb: float, bits: int
) -> tuple[Floats, Floats, float]:
    stored = inputs.units("coefficients", coefficients)
    points = inputs.tables("design", design, "points, coefficients")
    lsb = inputs.number("lsb", lsb, 0.0, open_ends=True)
    inputs.count("bits", bits, 1, 63)
    if not (np.isfinite(stored).all() and np.isfinite(points).all()):
        raise AnalysisError("coefficients and design must be finite: leave units without a fit out")
    if points.shape[::2] != stored.shape:
        raise AnalysisError(f"design {points.shape} does not fit coefficients {stored.shape}")
    return stored, points, lsb


def _result(
    words: Floats, coefficients: Floats, design: Floats, lsb: float, bits: int
) -> FixedPoint:
    change = np.einsum("dnk,dk->dn", design, words * lsb - coefficients)
    limit = 2.0 ** (bits - 1)
    most = float(np.abs(words).max())
    if most >= _LONGEST_WORD:
        raise AnalysisError(
            f"coefficients are up to {most:.3g} steps of {lsb:g}, more than any part stores: "
            "give a larger lsb"
        )
    return FixedPoint(
        words=words.astype(np.int64),
        loss=np.abs(change).max(axis=1),
        overflow=(words < -limit) | (words > limit - 1),
    )
