"""What every statistic asks of its inputs, in one place: finite, not empty, enough, in range."""

from __future__ import annotations

from math import inf
from typing import get_args

import numpy as np
import numpy.typing as npt

from sensorbench.analysis.errors import AnalysisError

Floats = npt.NDArray[np.float64]

FLAT = 1e-12
"""A spread below this share of the values is rounding of a constant reading, not a spread."""


def array(name: str, values: npt.ArrayLike, least: int = 1, ndim: int = 0) -> Floats:
    """Return values as an array whose last axis has at least `least` entries; NaN is let through.

    Raises AnalysisError for text, an empty array, too few entries or fewer than `ndim` axes.
    """
    try:
        found = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        raise AnalysisError(
            f"{name} must be numbers in a rectangular array; use NaN for a value that is missing"
        ) from None
    if found.ndim < ndim:
        raise AnalysisError(f"{name} needs {ndim} axes, got shape {found.shape}")
    if not found.size or (found.ndim and found.shape[-1] < least):
        raise AnalysisError(f"{name} needs at least {least} entries, got shape {found.shape}")
    return found


def readings(name: str, values: npt.ArrayLike, least: int = 1, ndim: int = 1) -> Floats:
    """Return values as `array` does, with NaN for everything that is not finite."""
    found = array(name, values, least, ndim)
    return np.where(np.isfinite(found), found, np.nan)


def known(
    name: str,
    values: npt.ArrayLike,
    least: float = -inf,
    most: float = inf,
    *,
    open_ends: bool = False,
) -> Floats:
    """Return values as an array of finite numbers from `least` to `most`.

    With `open_ends` the two ends themselves are refused. Raises AnalysisError naming the worst.
    """
    found = array(name, values)
    good = np.isfinite(found)
    good &= (found > least) & (found < most) if open_ends else (found >= least) & (found <= most)
    if not good.all():
        word = "between" if open_ends else "from"
        raise AnalysisError(
            f"{name} must be finite and {word} {least:g} to {most:g}, got {found[~good].flat[0]!s}"
        )
    return found


def varied(data: Floats, axes: int | tuple[int, ...] = -1) -> npt.NDArray[np.bool_]:
    """Tell which sets along `axes` are all finite and not one value but for rounding."""
    with np.errstate(invalid="ignore"):
        apart = np.ptp(data, axis=axes) > FLAT * np.abs(data).max(axis=axes)
    return np.asarray(np.isfinite(data).all(axis=axes) & apart)


def whole(name: str, values: npt.ArrayLike, least: int = 0) -> Floats:
    """Return values as an array of whole numbers not below `least` (as floats)."""
    found = known(name, values, least)
    if (found != np.rint(found)).any():
        raise AnalysisError(f"{name} must be whole numbers, got {found[found % 1 != 0].flat[0]!s}")
    return found


def share(name: str, value: float) -> float:
    """Return a confidence or fraction strictly between 0 and 1."""
    return float(known(name, value, 0.0, 1.0, open_ends=True))


def one_of(name: str, value: str, allowed: object) -> None:
    """Raise AnalysisError unless value is one of the choices of a Literal type."""
    choices = get_args(allowed)
    if value not in choices:
        raise AnalysisError(f"{name} must be one of {', '.join(choices)}, got {value!r}")


def same_shape(name: str, *arrays: Floats) -> tuple[Floats, ...]:
    """Return the arrays broadcast together; AnalysisError with their shapes if they don't fit."""
    try:
        return np.broadcast_arrays(*arrays)
    except ValueError:
        shapes = ", ".join(str(a.shape) for a in arrays)
        raise AnalysisError(f"{name} don't fit together: shapes {shapes}") from None
