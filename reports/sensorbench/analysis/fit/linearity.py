"""The line a sensor is compared with, and how far it is from it: name the line, or say nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from sensorbench.analysis.errors import AnalysisError
from sensorbench.analysis.fit.calibration import Floats

Line = Literal["end_point", "zero_based", "minimax", "least_squares"]
LINES: tuple[Line, ...] = ("end_point", "zero_based", "minimax", "least_squares")
_GOLDEN = (np.sqrt(5.0) - 1) / 2
_STEPS = 90


@dataclass(frozen=True, slots=True)
class Linearity:
    """The line y = offset + sensitivity * x of each unit, and the non-linearity against it.

    `offset` (D,) in output units, `sensitivity` (D,) in output per input unit, `deviations` (D, N)
    output less line, `nonlinearity` (D,) the largest size of them, `span` (D,) the line's full
    scale: nonlinearity / span is the figure in % FS. NaN for a unit with a point not known.
    """

    line: Line
    offset: Floats
    sensitivity: Floats
    deviations: Floats
    nonlinearity: Floats
    span: Floats


def linearity(x: Floats, y: Floats, line: Line) -> Linearity:
    """Return the line of that name through the outputs `y` (D, N) at the inputs `x` (N,).

    end_point: through the first and the last point (IEC 61298-2 terminal-based); zero_based:
    through the first point, slope of the smallest largest deviation; minimax: the independent line
    of IEC 61298-2, smallest largest deviation; least_squares: what many data sheets call best fit.
    `x` must rise. Raises AnalysisError for shapes, fewer than 3 points, or inputs that do not rise.

    >>> x = np.linspace(0, 1, 1001)
    >>> y = (x + 0.1 * x * (1 - x))[None]
    >>> [round(float(linearity(x, y, line).nonlinearity[0]), 4) for line in LINES]
    [0.025, 0.0172, 0.0125, 0.0167]
    """
    if x.ndim != 1 or y.ndim != 2 or y.shape[1] != len(x) or len(x) < 3:
        raise AnalysisError(f"outputs {y.shape} do not fit inputs {x.shape} of at least 3 points")
    if not (np.isfinite(x).all() and (np.diff(x) > 0).all()):
        raise AnalysisError("inputs must be finite and rise")
    if line == "end_point":
        slope = (y[:, -1] - y[:, 0]) / (x[-1] - x[0])
        offset = y[:, 0] - slope * x[0]
    elif line == "least_squares":
        centred = x - x.mean()
        slope = y @ centred / (centred @ centred)
        offset = y.mean(axis=1) - slope * x.mean()
    elif line == "zero_based":
        slope = _best_slope(x - x[0], y - y[:, :1], _largest)
        offset = y[:, 0] - slope * x[0]
    else:
        slope = _best_slope(x, y, np.ptp)
        rest = y - slope[:, None] * x
        offset = (rest.max(axis=1) + rest.min(axis=1)) / 2
    deviations = y - offset[:, None] - slope[:, None] * x
    return Linearity(
        line=line,
        offset=offset,
        sensitivity=slope,
        deviations=deviations,
        nonlinearity=np.abs(deviations).max(axis=1),
        span=np.abs(slope) * (x[-1] - x[0]),
    )


def _largest(values: Floats, axis: int) -> Floats:
    size: Floats = np.abs(values).max(axis=axis)
    return size


def _best_slope(x: Floats, y: Floats, width: object) -> Floats:
    """Return the slope at which the width of y - slope * x is smallest: it is convex in the slope.

    The best slope lies between the smallest and the largest slope of two neighbouring points.
    """
    slopes = np.diff(y, axis=1) / np.diff(x)
    low, high = slopes.min(axis=1), slopes.max(axis=1)

    def cost(slope: Floats) -> Floats:
        found: Floats = width(y - slope[:, None] * x, axis=1)  # type: ignore[operator]
        return found

    left, right = high - _GOLDEN * (high - low), low + _GOLDEN * (high - low)
    for _ in range(_STEPS):
        smaller_left = cost(left) <= cost(right)
        low, high = np.where(smaller_left, low, left), np.where(smaller_left, right, high)
        left, right = high - _GOLDEN * (high - low), low + _GOLDEN * (high - low)
    middle: Floats = (low + high) / 2
    return middle
