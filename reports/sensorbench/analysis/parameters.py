"""Sensor parameters from errors at points: total error band, hysteresis (IEC 61298-2 terms)."""

from __future__ import annotations

import numpy as np

from sensorbench.analysis.calibration import Floats


def worst_point(errors: Floats) -> tuple[Floats, np.ndarray[tuple[int], np.dtype[np.intp]]]:
    """Return the largest absolute error of each unit and where it is; `errors` has shape (D, N).

    A unit with an error that is not known has no total error band: its value is NaN, and where is
    the first unknown point.
    """
    size = np.abs(errors)
    unknown = np.isnan(size)
    where = np.where(
        unknown.any(axis=1),
        unknown.argmax(axis=1),
        np.where(unknown, -1.0, size).argmax(axis=1),
    )
    return size[np.arange(len(size)), where], where


def hysteresis(up: Floats, down: Floats) -> Floats:
    """Return the largest |up - down| of each unit over the same points; both have shape (D, N).

    NaN where any point is not known. Source: IEC 61298-2, hysteresis of the same cycle.
    """
    size: Floats = np.abs(up - down).max(axis=1)
    return size
