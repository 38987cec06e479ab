"""Three-axis sensors against known inputs: twelve parameters, and gyros with g-sensitivity."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sensorbench.analysis.errors import AnalysisError
from sensorbench.analysis.fit.calibration import Floats


@dataclass(frozen=True, slots=True)
class AffineFit:
    """reference = matrix @ measured + offset, per unit.

    `matrix` (D, 3, 3), `offset` (D, 3) in the reference's unit, `residuals` (D, N, 3),
    `sigma` (D,) over all axes with 3 N - 12 degrees of freedom, `covariance` (D, 4, 4) of one row
    [matrix, offset] (the same for the three rows up to the common sigma).
    """

    matrix: Floats
    offset: Floats
    residuals: Floats
    sigma: Floats
    covariance: Floats

    def at(self, measured: Floats) -> Floats:
        """Return corrected readings, shape (D, M, 3) in and out."""
        return measured @ np.swapaxes(self.matrix, 1, 2) + self.offset[:, None, :]


@dataclass(frozen=True, slots=True)
class GyroFit:
    """output = scale @ rate + g_sensitivity @ acceleration + bias, per unit.

    `scale` (D, 3, 3) in output units per rate unit, `g_sensitivity` (D, 3, 3) in output units per
    acceleration unit, `bias` (D, 3), `residuals` (D, N, 3), `sigma` (D,).
    """

    scale: Floats
    g_sensitivity: Floats
    bias: Floats
    residuals: Floats
    sigma: Floats


@dataclass(frozen=True, slots=True)
class AxisErrors:
    """A correction matrix taken apart: matrix = rotation @ triangle.

    `rotation` (D, 3, 3) is how the unit sits in the fixture: not an error of the unit. `scale`
    (D, 3) are the diagonal of the triangle; `misalignment_rad` (D, 3) the angles xy, xz, yz between
    sensitive axes away from 90 degrees (small-angle).
    """

    rotation: Floats
    scale: Floats
    misalignment_rad: Floats


def fit_affine(measured: Floats, reference: Floats) -> AffineFit:
    """Fit twelve parameters per unit to readings in known attitudes.

    `measured` (D, N, 3); `reference` (N, 3) or (D, N, 3), in m/s2 or uT. Needs 4 attitudes that do
    not lie in a plane; 6 faces are usual. Raises AnalysisError for shapes, values that are not
    finite, or attitudes that can't tell the parameters apart. Source: ST AN4508; NXP AN5286.
    """
    reference = _shaped(measured, reference, 4)
    design = np.concatenate([measured, np.ones((*measured.shape[:2], 1))], axis=2)
    solution, residuals, sigma, inverse = _least_squares(design, reference)
    return AffineFit(
        matrix=np.swapaxes(solution[:, :3], 1, 2),
        offset=solution[:, 3],
        residuals=residuals,
        sigma=sigma,
        covariance=sigma[:, None, None] ** 2 * inverse,
    )


def fit_gyro(output: Floats, rate: Floats, acceleration: Floats) -> GyroFit:
    """Fit scale with misalignment, g-sensitivity and bias per unit.

    `output` (D, N, 3); `rate` (earth rate included) and `acceleration` (N, 3) or (D, N, 3). Needs
    rates of both signs on three axes and a six-position tumble, or the parameters can't be told
    apart (AnalysisError). Source: IEEE 1431 and 952, scale factor and g-sensitivity tests.
    """
    rate, acceleration = (_shaped(output, values, 7) for values in (rate, acceleration))
    design = np.concatenate([rate, acceleration, np.ones((*output.shape[:2], 1))], axis=2)
    solution, residuals, sigma, _ = _least_squares(design, output)
    return GyroFit(
        scale=np.swapaxes(solution[:, :3], 1, 2),
        g_sensitivity=np.swapaxes(solution[:, 3:6], 1, 2),
        bias=solution[:, 6],
        residuals=residuals,
        sigma=sigma,
    )


def axis_errors(matrix: Floats) -> AxisErrors:
    """Separate how a unit sits from what is wrong with it; `matrix` has shape (D, 3, 3).

    By QR with a positive diagonal: the unit's x axis is the reference direction. Raises
    AnalysisError for a matrix that is not finite or singular.
    """
    if matrix.ndim != 3 or matrix.shape[1:] != (3, 3) or not np.isfinite(matrix).all():
        raise AnalysisError(f"a matrix of shape (units, 3, 3) is needed, got {matrix.shape}")
    rotation, triangle = np.linalg.qr(matrix)
    signs = np.sign(np.diagonal(triangle, axis1=1, axis2=2))
    if (signs == 0).any():
        raise AnalysisError("a matrix is singular: an axis does not respond")
    rotation, triangle = rotation * signs[:, None, :], triangle * signs[:, :, None]
    scale = np.diagonal(triangle, axis1=1, axis2=2)
    angles = [triangle[:, i, j] / scale[:, j] for i, j in ((0, 1), (0, 2), (1, 2))]
    return AxisErrors(rotation, scale.copy(), np.stack(angles, axis=1))


def _shaped(measured: Floats, reference: Floats, least: int) -> Floats:
    if measured.ndim != 3 or measured.shape[2] != 3 or measured.shape[1] < least:
        raise AnalysisError(
            f"readings need shape (units, at least {least} positions, 3), got {measured.shape}"
        )
    try:
        reference = np.broadcast_to(reference, measured.shape)
    except ValueError:
        raise AnalysisError(
            f"reference {np.shape(reference)} does not fit readings {measured.shape}"
        ) from None
    if not (np.isfinite(measured).all() and np.isfinite(reference).all()):
        raise AnalysisError("readings and reference must be finite: leave bad positions out")
    return reference


def _least_squares(design: Floats, target: Floats) -> tuple[Floats, Floats, Floats, Floats]:
    """Return solution (D, K, 3), residuals, sigma (D,) and (A^T A)^-1; columns scaled first."""
    size = np.sqrt((design**2).mean(axis=1, keepdims=True))
    scaled = design / np.where(size > 0, size, 1.0)
    gram = np.swapaxes(scaled, 1, 2) @ scaled
    if (np.linalg.cond(gram) > 1e10).any():
        raise AnalysisError("the positions can't tell the parameters apart: add attitudes or rates")
    factor = 1.0 / np.where(size > 0, size, 1.0)[:, 0, :]
    solution = np.linalg.solve(gram, np.swapaxes(scaled, 1, 2) @ target) * factor[..., None]
    residuals = target - design @ solution
    freedom = 3 * (design.shape[1] - design.shape[2])
    total = (residuals**2).sum(axis=(1, 2))
    sigma = np.sqrt(total / freedom) if freedom > 0 else np.full(len(design), np.nan)
    inverse = np.linalg.inv(gram) * factor[:, :, None] * factor[:, None, :]
    return solution, residuals, sigma, inverse
