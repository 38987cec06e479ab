"""Three-axis sensors without known attitudes: all readings lie on an ellipsoid."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sensorbench.analysis import inputs
from sensorbench.analysis.errors import AnalysisError
from sensorbench.analysis.estimates import Reasons, reasons_of
from sensorbench.analysis.inputs import Flags, Floats

LEAST_POSITIONS = 10
_ITERATIONS = 6
_MOST_CONDITION = 3e3


@dataclass(frozen=True, slots=True)
class EllipsoidFit:
    """|matrix @ (measured - centre)| = field, per unit. NaN with a reason where not fitted.

    `centre` (D, 3) is the zero offset (hard iron) in reading units; `matrix` (D, 3, 3) upper
    triangular with a positive diagonal, field units per reading unit (inverse soft iron): a
    rotation can't be observed without attitudes. `residuals` (D, N) in field units, `sigma` (D,)
    with N - 9 degrees of freedom, `covariance` (D, 9, 9) of [the six of the matrix row by row, the
    centre].
    """

    centre: Floats
    matrix: Floats
    residuals: Floats
    sigma: Floats
    covariance: Floats
    reasons: Reasons

    @property
    def centre_u(self) -> Floats:
        """Standard uncertainty (D, 3) of the centre, in reading units."""
        return np.sqrt(np.diagonal(self.covariance, axis1=1, axis2=2)[:, 6:])

    @property
    def matrix_u(self) -> Floats:
        """Standard uncertainty (D, 3, 3) of the matrix; 0 below the diagonal by definition."""
        u = np.zeros_like(self.matrix)
        u[(slice(None), *np.triu_indices(3))] = np.sqrt(
            np.diagonal(self.covariance, axis1=1, axis2=2)[:, :6]
        )
        return u

    def at(self, measured: npt.ArrayLike) -> Floats:
        """Return corrected readings (D, M, 3) of readings (D, M, 3), or (M, 3) of each unit."""
        readings = inputs.triples("measured", measured, len(self.matrix))
        return (readings - self.centre[:, None, :]) @ np.swapaxes(self.matrix, 1, 2)


def fit_ellipsoid(measured: npt.ArrayLike, field: float) -> EllipsoidFit:
    """Fit nine parameters per unit: closed form, then Gauss-Newton on the distance.

    `measured` (D, N, 3) or, of one unit, (N, 3); `field` is the local magnitude (9.81 m/s2, or the
    field in uT). The closed form is biased by noise; a few Gauss-Newton steps remove that. A unit
    is refused, with a reason, if its readings are not finite, do not reach all eight octants around
    their centre, or do not determine an ellipsoid. Raises AnalysisError for shapes and a field that
    is not above 0.
    Source: Li and Griffiths, GMP 2004 (closed form); ST AN4508, NXP AN4399 (parameters).
    """
    readings = inputs.tables("measured", measured, "positions, 3")
    if readings.shape[2] != 3 or readings.shape[1] < LEAST_POSITIONS:
        raise AnalysisError(
            f"readings need shape (units, at least {LEAST_POSITIONS} positions, 3), "
            f"got {readings.shape}"
        )
    field = inputs.number("the field's magnitude", field, 0.0, open_ends=True)
    units, positions = readings.shape[:2]
    finite = np.asarray(np.isfinite(readings).all(axis=(1, 2)))
    # Scaled to about the unit sphere, so that one threshold of the condition serves all sensors.
    middle = np.where(finite[:, None], (readings.max(axis=1) + readings.min(axis=1)) / 2, 0.0)
    radius = np.where(finite, np.ptp(readings, axis=1).max(axis=1) / 2, 1.0)
    flat = ~(radius > 0)
    radius = np.where(flat, 1.0, radius)
    points = np.where(finite[:, None, None], readings, 0.0) - middle[:, None, :]
    points = points / radius[:, None, None]
    centre, matrix, good = _closed_form(points)
    covered = _octants(points, centre) == 8
    reasons = reasons_of(
        (~finite, "a reading is not known"),
        (flat | ~good, "the readings do not determine an ellipsoid"),
        (~covered, "the readings do not reach all eight octants"),
    )
    usable = reasons == ""
    result = EllipsoidFit(
        np.full((units, 3), np.nan),
        np.full((units, 3, 3), np.nan),
        np.full((units, positions), np.nan),
        np.full(units, np.nan),
        np.full((units, 9, 9), np.nan),
        reasons,
    )
    if usable.any():
        _refine(result, usable, points[usable], centre[usable], matrix[usable])
        scale = radius[usable]
        result.centre[usable] = result.centre[usable] * scale[:, None] + middle[usable]
        result.matrix[usable] *= field / scale[:, None, None]
        result.residuals[usable] *= field
        result.sigma[usable] *= field
        by = np.concatenate(
            [np.repeat(field / scale[:, None], 6, 1), np.repeat(scale[:, None], 3, 1)], 1
        )
        result.covariance[usable] *= by[:, :, None] * by[:, None, :]
    return result


def _closed_form(
    points: Floats,
) -> tuple[Floats, Floats, Flags]:
    """Return centre, upper triangular matrix of the unit sphere, and where that makes sense."""
    x, y, z = points[..., 0], points[..., 1], points[..., 2]
    design = np.stack(
        [x * x, y * y, z * z, 2 * x * y, 2 * x * z, 2 * y * z, 2 * x, 2 * y, 2 * z], axis=-1
    )
    gram = np.swapaxes(design, 1, 2) @ design
    eigenvalues = np.linalg.eigvalsh(gram)
    good = eigenvalues[:, 0] * _MOST_CONDITION**2 > eigenvalues[:, -1]
    gram = np.where(good[:, None, None], gram, np.eye(9))
    v = np.linalg.solve(gram, design.sum(axis=1)[..., None])[..., 0]
    quadric = np.stack([v[:, [0, 3, 4]], v[:, [3, 1, 5]], v[:, [4, 5, 2]]], axis=1)
    good &= (np.linalg.eigvalsh(quadric) > 0).all(axis=1)
    quadric = np.where(good[:, None, None], quadric, np.eye(3))
    centre = -np.linalg.solve(quadric, v[:, 6:, None])[..., 0]
    level = 1 + np.einsum("di,dij,dj->d", centre, quadric, centre)
    good &= level > 0
    level = np.where(good, level, 1.0)
    matrix = np.swapaxes(np.linalg.cholesky(quadric / level[:, None, None]), 1, 2)
    return centre, matrix, good


def _octants(points: Floats, centre: Floats) -> npt.NDArray[np.int64]:
    """Return in how many octants around the centre there are readings."""
    side = (points > centre[:, None, :]) @ np.array([1, 2, 4])
    return np.array([len(np.unique(unit)) for unit in side])


def _refine(
    result: EllipsoidFit,
    usable: Flags,
    points: Floats,
    centre: Floats,
    matrix: Floats,
) -> None:
    """Minimise the distance to the unit sphere by Gauss-Newton, and fill in the result."""
    rows, columns = np.triu_indices(3)
    for _ in range(_ITERATIONS):
        offset = points - centre[:, None, :]
        mapped = offset @ np.swapaxes(matrix, 1, 2)
        norm = np.linalg.norm(mapped, axis=2)
        unit = mapped / norm[..., None]
        by_matrix = unit[..., rows] * offset[..., columns]
        by_centre = -(unit @ matrix)
        jacobian = np.concatenate([by_matrix, by_centre], axis=2)
        transposed = np.swapaxes(jacobian, 1, 2)
        step = np.linalg.solve(transposed @ jacobian, transposed @ (1.0 - norm)[..., None])[..., 0]
        matrix = matrix.copy()
        matrix[:, rows, columns] += step[:, :6]
        centre = centre + step[:, 6:]
        if np.abs(step).max() < 1e-12:
            break
    mapped = (points - centre[:, None, :]) @ np.swapaxes(matrix, 1, 2)
    residuals = np.linalg.norm(mapped, axis=2) - 1.0
    result.centre[usable], result.matrix[usable] = centre, matrix
    result.residuals[usable] = residuals
    variance = (residuals**2).sum(axis=1) / (points.shape[1] - 9)
    result.sigma[usable] = np.sqrt(variance)
    result.covariance[usable] = variance[:, None, None] * np.linalg.inv(transposed @ jacobian)
