"""Three-axis sensors against known inputs: twelve parameters, and gyros with g-sensitivity."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from sensorbench.analysis import inputs
from sensorbench.analysis.errors import AnalysisError
from sensorbench.analysis.fit.ellipsoid import EllipsoidFit
from sensorbench.analysis.inputs import Floats

MatrixKind = Literal["correction", "response"]
"""correction: input = matrix @ reading (AffineFit, EllipsoidFit); response: the other way
(GyroFit.scale). Taken for the other, every angle has the wrong sign."""

_STEP = 1e-6


@dataclass(frozen=True, slots=True)
class AffineFit:
    """reference = matrix @ measured + offset, per unit: `matrix` corrects readings.

    `matrix` (D, 3, 3), `offset` (D, 3) in the reference's unit, `residuals` (D, N, 3),
    `sigma` (D,) over all axes with 3 N - 12 degrees of freedom (NaN for none), `covariance`
    (D, 4, 4) of one row [matrix, offset] (the same for the three rows up to the common sigma).
    """

    matrix: Floats
    offset: Floats
    residuals: Floats
    sigma: Floats
    covariance: Floats

    @property
    def matrix_u(self) -> Floats:
        """Standard uncertainty (D, 3, 3) of the matrix, the same in each of its rows."""
        return _rows(self.covariance, slice(0, 3))

    @property
    def offset_u(self) -> Floats:
        """Standard uncertainty (D, 3) of the offset."""
        return _rows(self.covariance, slice(3, 4))[:, :, 0]

    def at(self, measured: npt.ArrayLike) -> Floats:
        """Return corrected readings (D, M, 3) of readings (D, M, 3), or (M, 3) of each unit."""
        readings = inputs.triples("measured", measured, len(self.matrix))
        return np.asarray(readings @ np.swapaxes(self.matrix, 1, 2) + self.offset[:, None, :])


@dataclass(frozen=True, slots=True)
class GyroFit:
    """output = scale @ rate + g_sensitivity @ acceleration + bias: `scale` is the response.

    `scale` (D, 3, 3) in output units per rate unit, `g_sensitivity` (D, 3, 3) in output units per
    acceleration unit, `bias` (D, 3), `residuals` (D, N, 3), `sigma` (D,) with 3 N - 21 degrees of
    freedom (NaN for none), `covariance` (D, 7, 7) of one row [scale, g_sensitivity, bias].
    """

    scale: Floats
    g_sensitivity: Floats
    bias: Floats
    residuals: Floats
    sigma: Floats
    covariance: Floats

    @property
    def scale_u(self) -> Floats:
        """Standard uncertainty (D, 3, 3) of the scale."""
        return _rows(self.covariance, slice(0, 3))

    @property
    def g_sensitivity_u(self) -> Floats:
        """Standard uncertainty (D, 3, 3) of the g-sensitivity."""
        return _rows(self.covariance, slice(3, 6))

    @property
    def bias_u(self) -> Floats:
        """Standard uncertainty (D, 3) of the bias."""
        return _rows(self.covariance, slice(6, 7))[:, :, 0]


@dataclass(frozen=True, slots=True)
class AxisErrors:
    """A correction matrix taken apart: correction = rotation @ triangle.

    `rotation` (D, 3, 3) is how the unit sits in the fixture: not an error of the unit. `correction`
    (D, 3) is the diagonal of the triangle, what a reading of each axis is multiplied with;
    `misalignment_rad` (D, 3) the angles xy, xz, yz between sensitive axes less 90 degrees
    (small-angle). `correction_u` and `misalignment_u_rad` (D, 3) are standard uncertainties, NaN
    for a matrix that came without its fit.
    """

    rotation: Floats
    correction: Floats
    misalignment_rad: Floats
    correction_u: Floats
    misalignment_u_rad: Floats

    @property
    def sensitivity(self) -> Floats:
        """Reading per input of each axis (D, 3), 1 / correction."""
        return np.asarray(1 / self.correction)

    @property
    def sensitivity_u(self) -> Floats:
        """Standard uncertainty (D, 3) of the sensitivity."""
        return np.asarray(self.correction_u / self.correction**2)


def fit_affine(measured: npt.ArrayLike, reference: npt.ArrayLike) -> AffineFit:
    """Fit twelve parameters per unit to readings in known attitudes.

    `measured` (D, N, 3) or, of one unit, (N, 3); `reference` (N, 3) or (D, N, 3), in m/s2 or uT.
    Needs 4 attitudes that do not lie in a plane; 6 faces are usual. Raises AnalysisError for
    shapes, values that are not finite, or attitudes that can't tell the parameters apart. Source:
    ST AN4508; NXP AN5286.
    """
    readings, known = _shaped(measured, reference, 4)
    solution, residuals, sigma, inverse = _least_squares(readings, known)
    return AffineFit(
        matrix=np.swapaxes(solution[:, :3], 1, 2),
        offset=solution[:, 3],
        residuals=residuals,
        sigma=sigma,
        covariance=sigma[:, None, None] ** 2 * inverse,
    )


def fit_gyro(output: npt.ArrayLike, rate: npt.ArrayLike, acceleration: npt.ArrayLike) -> GyroFit:
    """Fit scale with misalignment, g-sensitivity and bias per unit.

    `output` (D, N, 3) or, of one unit, (N, 3); `rate` (earth rate included) and `acceleration` (N,
    3) or (D, N, 3). Needs rates of both signs on three axes and a six-position tumble, or the
    parameters can't be told apart (AnalysisError). Source: IEEE 1431 and 952, scale factor and
    g-sensitivity tests.
    """
    (readings, rates), (_, tumble) = (_shaped(output, each, 7) for each in (rate, acceleration))
    solution, residuals, sigma, inverse = _least_squares(
        np.concatenate([rates, tumble], axis=2), readings
    )
    return GyroFit(
        scale=np.swapaxes(solution[:, :3], 1, 2),
        g_sensitivity=np.swapaxes(solution[:, 3:6], 1, 2),
        bias=solution[:, 6],
        residuals=residuals,
        sigma=sigma,
        covariance=sigma[:, None, None] ** 2 * inverse,
    )


def axis_errors(
    found: AffineFit | EllipsoidFit | GyroFit | npt.ArrayLike, given: MatrixKind | None = None
) -> AxisErrors:
    """Separate how a unit sits from what is wrong with it, of a fit or a matrix.

    The matrix is (D, 3, 3) or, of one unit, (3, 3). A fit knows which way its matrix goes, and
    gives uncertainties; a bare matrix needs `given`. By QR with a positive diagonal: the unit's x
    axis is the reference direction (of an ellipsoid no rotation is observable, and it is the
    identity). Raises AnalysisError for a matrix that is singular, or not finite where it is no
    fit's, and for a matrix without `given`.
    """
    if isinstance(found, AffineFit):
        return _of(found.matrix, "correction", _blocks(found.covariance))
    if isinstance(found, GyroFit):
        return _of(found.scale, "response", _blocks(found.covariance))
    if isinstance(found, EllipsoidFit):
        rows, columns = np.triu_indices(3)
        place = rows * 3 + columns
        covariance = np.zeros((len(found.matrix), 9, 9))
        covariance[:, place[:, None], place] = found.covariance[:, :6, :6]
        return _of(found.matrix, "correction", covariance)
    matrix = inputs.tables("matrix", found, "3, 3")
    if matrix.shape[1:] != (3, 3) or not np.isfinite(matrix).all():
        raise AnalysisError(f"matrix: known numbers (units, 3, 3) are needed, got {matrix.shape}")
    if given is None:
        raise AnalysisError(
            'say given="correction" (input = matrix @ reading, AffineFit.matrix) or '
            'given="response" (reading = matrix @ input, GyroFit.scale)'
        )
    inputs.one_of("given", given, MatrixKind)
    return _of(matrix, given, np.full((len(matrix), 9, 9), np.nan))


def _of(matrix: Floats, given: MatrixKind, covariance: Floats) -> AxisErrors:
    rotation, correction, angles = _apart(matrix, given)
    size = np.abs(matrix).max(axis=(1, 2))
    jacobian = np.empty((len(matrix), 6, 9))
    for k in range(9):
        step = np.zeros((len(matrix), 9))
        step[:, k] = _STEP * size
        ends = [
            np.concatenate(_apart(matrix + sign * step.reshape(-1, 3, 3), given)[1:], axis=1)
            for sign in (1, -1)
        ]
        jacobian[:, :, k] = (ends[0] - ends[1]) / (2 * _STEP * size[:, None])
    spread = jacobian @ covariance @ np.swapaxes(jacobian, 1, 2)
    u = np.sqrt(np.maximum(np.diagonal(spread, axis1=1, axis2=2), 0.0))
    return AxisErrors(rotation, correction, angles, u[:, :3], u[:, 3:])


def _apart(matrix: Floats, given: MatrixKind) -> tuple[Floats, Floats, Floats]:
    """Return rotation, diagonal and angles; NaN for a unit that is not known."""
    known = np.asarray(np.isfinite(matrix).all(axis=(1, 2)))[:, None, None]
    matrix = np.where(known, matrix, np.eye(3))
    if (np.linalg.cond(matrix) > 1e12).any():
        raise AnalysisError("a matrix is singular: an axis does not respond")
    if given == "response":
        matrix = np.asarray(np.linalg.inv(matrix), np.float64)
    rotation, triangle = np.linalg.qr(matrix)
    signs = np.sign(np.diagonal(triangle, axis1=1, axis2=2))
    straight = np.asarray(triangle * signs[:, :, None])
    scale = np.diagonal(straight, axis1=1, axis2=2)
    angles = np.stack([straight[:, i, j] / scale[:, j] for i, j in ((0, 1), (0, 2), (1, 2))], 1)
    return (
        np.where(known, rotation * signs[:, None, :], np.nan),
        np.where(known[..., 0], scale, np.nan),
        np.where(known[..., 0], angles, np.nan),
    )


def _blocks(covariance: Floats) -> Floats:
    """Return the covariance (D, 9, 9) of a matrix whose rows scatter alike and independently."""
    full = np.zeros((len(covariance), 9, 9))
    for row in range(3):
        at = slice(3 * row, 3 * row + 3)
        full[:, at, at] = covariance[:, :3, :3]
    return full


def _rows(covariance: Floats, columns: slice) -> Floats:
    """Return standard uncertainties (D, 3, columns), alike in each row."""
    u = np.sqrt(np.diagonal(covariance, axis1=1, axis2=2)[:, None, columns])
    return np.repeat(u, 3, axis=1)


def _shaped(measured: npt.ArrayLike, reference: npt.ArrayLike, least: int) -> tuple[Floats, Floats]:
    readings = inputs.tables("readings", measured, "positions, 3")
    known = inputs.array("reference", reference)
    if readings.shape[2] != 3 or readings.shape[1] < least:
        raise AnalysisError(
            f"readings need shape (units, at least {least} positions, 3), got {readings.shape}"
        )
    try:
        known = np.broadcast_to(known, readings.shape)
    except ValueError:
        raise AnalysisError(
            f"reference {known.shape} does not fit readings {readings.shape}"
        ) from None
    if not (np.isfinite(readings).all() and np.isfinite(known).all()):
        raise AnalysisError("readings and reference must be finite: leave bad positions out")
    return readings, known


def _least_squares(columns: Floats, target: Floats) -> tuple[Floats, Floats, Floats, Floats]:
    """Return solution (D, K + 1, 3) of [columns, 1], residuals, sigma (D,) and (A^T A)^-1.

    Columns are centred and scaled first: raw counts far from zero keep their digits.
    """
    middle = columns.mean(axis=1, keepdims=True)
    size = np.sqrt(((columns - middle) ** 2).mean(axis=1, keepdims=True))
    size = np.where(size > 0, size, 1.0)
    ones = np.ones((*columns.shape[:2], 1))
    scaled = np.concatenate([(columns - middle) / size, ones], axis=2)
    gram = np.swapaxes(scaled, 1, 2) @ scaled
    if (np.linalg.cond(gram) > 1e10).any():
        raise AnalysisError("the positions can't tell the parameters apart: add attitudes or rates")
    own = np.linalg.solve(gram, np.swapaxes(scaled, 1, 2) @ target)
    residuals = target - scaled @ own
    count = columns.shape[2] + 1
    back = np.zeros((len(columns), count, count))
    back[:, range(count - 1), range(count - 1)] = 1 / size[:, 0]
    back[:, -1, :-1] = -(middle / size)[:, 0]
    back[:, -1, -1] = 1.0
    freedom = 3 * (columns.shape[1] - count)
    total = (residuals**2).sum(axis=(1, 2))
    sigma = np.sqrt(total / freedom) if freedom > 0 else np.full(len(columns), np.nan)
    inverse = back @ np.linalg.inv(gram) @ np.swapaxes(back, 1, 2)
    return back @ own, residuals, sigma, inverse
