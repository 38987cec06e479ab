"""The line a sensor is compared with, and how far it is from it: name the line, or say nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from sensorbench.analysis import inputs
from sensorbench.analysis.errors import AnalysisError
from sensorbench.analysis.estimates import Reasons, reasons_of
from sensorbench.analysis.inputs import Floats

Line = Literal["end_point", "zero_based", "minimax", "least_squares"]
LINES: tuple[Line, ...] = ("end_point", "zero_based", "minimax", "least_squares")
_GOLDEN = (np.sqrt(5.0) - 1) / 2
_STEPS = 90


@dataclass(frozen=True, slots=True)
class Linearity:
    """The line y = offset + sensitivity * x of each unit, and the non-linearity against it.

    `offset` (D,) in output units, `sensitivity` (D,) in output per input unit, `deviations` (D, N)
    output less line, `nonlinearity` (D,) the largest size of them, `span` (D,) the line's full
    scale: nonlinearity / span is the figure in % FS. NaN, with its reason (D,), for a unit with a
    point not known.
    """

    line: Line
    offset: Floats
    sensitivity: Floats
    deviations: Floats
    nonlinearity: Floats
    span: Floats
    reasons: Reasons


def linearity(x: npt.ArrayLike, y: npt.ArrayLike, line: Line) -> Linearity:
    """Return the line of that name through outputs `y` (D, N) or (N,) at the inputs `x` (N,).

    end_point: through the first and the last point (IEC 61298-2 terminal-based); zero_based:
    through the first point, slope of the smallest largest deviation; minimax: the independent line
    of IEC 61298-2, smallest largest deviation; least_squares: what many data sheets call best fit.
    `x` must rise. Raises AnalysisError for shapes, fewer than 3 points, inputs that do not rise, or
    a line of another name.

    >>> x = np.linspace(0, 1, 10001)
    >>> y = (x + 0.1 * x * (1 - x))[None]
    >>> [round(float(linearity(x, y, line).nonlinearity[0]), 4) for line in LINES]
    [0.025, 0.0172, 0.0125, 0.0167]
    """
    inputs.one_of("line", line, Line)
    return _against(inputs.array("x", x), inputs.units("y", y), line)


def _against(x: Floats, y: Floats, line: Line) -> Linearity:
    if x.ndim != 1 or y.ndim != 2 or y.shape[1] != len(x) or len(x) < 3:
        raise AnalysisError(f"outputs {y.shape} do not fit inputs {x.shape} of at least 3 points")
    inputs.rising("inputs", x)
    known = np.isfinite(y).all(axis=1)
    # About their middle: a small span far from zero keeps its digits.
    x_mid, y_mid = x.mean(), np.where(known, y.mean(axis=1), np.nan)
    first, last = x[0], x[-1]
    x, y = x - x_mid, y - y_mid[:, None]
    if not (np.diff(x) > 0).all():
        raise AnalysisError(
            f"inputs from {first:g} to {last:g} have steps that a float of that size does not hold"
        )
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
    offset = offset + y_mid - slope * x_mid
    return Linearity(
        line=line,
        offset=offset,
        sensitivity=slope,
        deviations=deviations,
        nonlinearity=np.abs(deviations).max(axis=1),
        span=np.abs(slope) * (last - first),
        reasons=reasons_of((np.asarray(~known), "a point is not known")),
    )


def _largest(values: Floats, axis: int) -> Floats:
    size: Floats = np.abs(values).max(axis=axis)
    return size


def _best_slope(x: Floats, y: Floats, width: Callable[..., Floats]) -> Floats:
    """Return the slope at which the width of y - slope * x is smallest: it is convex in the slope.

    The best slope lies between the smallest and the largest slope of two neighbouring points.
    """
    slopes = np.diff(y, axis=1) / np.diff(x)
    low, high = slopes.min(axis=1), slopes.max(axis=1)

    def cost(slope: Floats) -> Floats:
        return width(y - slope[:, None] * x, axis=1)

    left, right = high - _GOLDEN * (high - low), low + _GOLDEN * (high - low)
    for _ in range(_STEPS):
        smaller_left = cost(left) <= cost(right)
        low, high = np.where(smaller_left, low, left), np.where(smaller_left, right, high)
        left, right = high - _GOLDEN * (high - low), low + _GOLDEN * (high - low)
    middle: Floats = (low + high) / 2
    return middle
