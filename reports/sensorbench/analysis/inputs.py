"""What every function asks of its inputs, in one place: numbers, enough, in range, a known choice.

Lists, arrays of any integer or float, masked arrays and data frames become float64 before anything
is computed: integers would wrap (uint16 differences) or overflow (int32 powers) in silence.
"""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from math import inf, isnan, nan
from typing import get_args

import numpy as np
import numpy.typing as npt

from sensorbench.analysis.errors import AnalysisError

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

FLAT = 16 * 2.0**-52
"""A spread below this share of the values is rounding of a constant reading, not a spread."""
_EXACT = 2.0**50
NEAREST = 1e-12
"""Shares nearer to 0 or 1 have tails that double precision can't hold."""
LARGEST, SMALLEST = 2.0**166, 2.0**-166
"""Between them, 1e-50 to 1e50, products of six values are numbers of double precision, too."""


def numbers(name: str, values: npt.ArrayLike, of_any_size: bool = False) -> npt.NDArray[np.generic]:
    """Return values as integers or floats, without a copy of an array that holds them already.

    What is masked, None or pandas' NA becomes NaN; what is infinite is let through. Raises
    AnalysisError for text (also of digits), truth values, complex numbers, dates, rows of different
    length, and sizes above 1e50 unless they are `of_any_size`, as what was computed from inputs
    that were looked at.
    """
    return _numbers(name, values, of_any_size)[0]


def _numbers(
    name: str, values: npt.ArrayLike, of_any_size: bool = False
) -> tuple[npt.NDArray[np.generic], bool]:
    """Return the values of `numbers`, and whether they are seen to be all finite."""
    if isinstance(values, np.ma.MaskedArray):
        if values.dtype.kind in "iuf":
            values = np.where(np.ma.getmaskarray(values), np.nan, values.data)
        else:
            values = values.data
    try:
        found = np.asarray(values)
        if found.dtype.kind == "O":
            found = _of_objects(found)
    except (TypeError, ValueError):
        raise AnalysisError(
            f"{name} must be numbers in a rectangular array; use NaN for a value that is missing"
        ) from None
    if found.dtype.kind not in "iuf":
        raise AnalysisError(
            f"{name} must be numbers in a rectangular array, got {found.dtype}: convert them first"
        )
    if found.dtype.kind != "f":
        return found, True
    near = not of_any_size and _plainly_near(found)
    if not (of_any_size or near):
        size = _size(found)
        if size > LARGEST:
            raise _too_far(name, size)
    return found, near


def _plainly_near(values: npt.NDArray[np.generic]) -> bool:
    """Tell in one pass, without a copy, that no value is too far; False leaves it to `_size`."""
    if values.dtype != np.float64 or not values.flags.c_contiguous:
        return False
    flat = values.reshape(-1).view(np.float64)
    with np.errstate(over="ignore", invalid="ignore"):
        return bool(np.dot(flat, flat) <= LARGEST**2)


def _size(values: npt.NDArray[np.generic]) -> float:
    """Return the largest size of what is finite."""
    data = np.asarray(values, np.float64)
    if not data.size:
        return 0.0
    with np.errstate(invalid="ignore"):
        size = float(max(-data.min(), data.max()))
    if size <= LARGEST:
        return size
    finite = data[np.isfinite(data)]
    return float(np.abs(finite).max()) if finite.size else 0.0


def _too_far(name: str, size: float) -> AnalysisError:
    return AnalysisError(
        f"{name} goes to {size:.3g}: sizes from 1e-50 to 1e50 are computed without loss; give it "
        "in another unit"
    )


def measured(name: str, values: Floats) -> Floats:
    """Return values as they are. Raises AnalysisError where all are below 1e-50 and some are not 0.

    Their squares would be lost, and with them their spread; asked of what is measured, whose
    spread or size is the result, not of what is only added.
    """
    if values.size and 0 < (size := _size(values)) < SMALLEST:
        raise _too_far(name, size)
    return values


def _of_objects(values: npt.NDArray[np.object_]) -> Floats:
    if any(isinstance(each, (str, bytes, bool, np.bool_)) for each in values.flat):
        raise TypeError
    known = [nan if type(each).__name__ == "NAType" else each for each in values.flat]
    return np.array(known, dtype=np.float64).reshape(values.shape)


def array(name: str, values: npt.ArrayLike, least: int = 1, ndim: int = 0) -> Floats:
    """Return values as an array whose last axis has at least `least` entries; NaN is let through.

    What is infinite is a reading off the scale, and missing: it becomes NaN. Raises AnalysisError
    as `numbers`, for an empty array, too few entries or fewer than `ndim` axes.
    """
    found, finite = _shaped(name, values, least, ndim)
    return found if finite else _without_infinite(found)


def of_any_length(name: str, values: npt.ArrayLike) -> Floats:
    """Return values as `array` does, also none."""
    given, finite = _numbers(name, values)
    found = np.asarray(given, dtype=np.float64)
    return found if finite else _without_infinite(found)


def limits(name: str, values: npt.ArrayLike) -> Floats:
    """Return values as `array` does, and infinite ones as they are: there is no limit there."""
    return _shaped(name, values)[0]


def _shaped(name: str, values: npt.ArrayLike, least: int = 1, ndim: int = 0) -> tuple[Floats, bool]:
    given, finite = _numbers(name, values)
    found = np.asarray(given, dtype=np.float64)
    if found.ndim < ndim:
        raise AnalysisError(f"{name} needs {ndim} axes, got shape {found.shape}")
    if not found.size or (found.ndim and found.shape[-1] < least):
        raise AnalysisError(f"{name} needs at least {least} entries, got shape {found.shape}")
    return found, finite


def _without_infinite(values: Floats) -> Floats:
    infinite = np.isinf(values)
    return np.where(infinite, np.nan, values) if infinite.any() else values


def readings(name: str, values: npt.ArrayLike, least: int = 1, ndim: int = 1) -> Floats:
    """Return a copy of values as `array` does, with NaN for everything that is not finite."""
    return measured(name, array(name, values, least, ndim)).copy()


def units(name: str, values: npt.ArrayLike, least: int = 1) -> Floats:
    """Return values of shape (units, points); a single row is one unit. Raises as `array`."""
    found = array(name, values)
    if found.ndim == 1:
        found = found[None]
    if found.ndim != 2 or found.shape[1] < least:
        raise AnalysisError(
            f"{name}: (units, at least {least} points) or the points of one unit are needed, "
            f"got shape {found.shape}"
        )
    return measured(name, found)


def tables(name: str, values: npt.ArrayLike, axes: str) -> Floats:
    """Return values of shape (units, rows, columns); one table is one unit. Raises as `array`.

    `axes` names rows and columns.
    """
    found = array(name, values)
    if found.ndim == 2:
        found = found[None]
    if found.ndim != 3:
        raise AnalysisError(
            f"{name}: (units, {axes}) or ({axes}) of one unit is needed, got shape {found.shape}"
        )
    return found


def triples(name: str, values: npt.ArrayLike, units: int) -> Floats:
    """Return readings (D, M, 3) or (1, M, 3) of three axes, for so many units; raises as `tables`.

    AnalysisError for other shapes, too.
    """
    found = tables(name, values, "readings, 3")
    if found.shape[2] != 3 or len(found) not in {1, units}:
        raise AnalysisError(
            f"{name} must be (readings, 3) or ({units} units, readings, 3), got {found.shape}"
        )
    return found


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
    found = limits(name, values)
    if open_ends and least == 0.0 and most == inf:
        measured(name, found)
    good = np.isfinite(found)
    good &= (found > least) & (found < most) if open_ends else (found >= least) & (found <= most)
    if not good.all():
        word = "between" if open_ends else "from"
        raise AnalysisError(
            f"{name} must be finite and {word} {least:g} to {most:g}, got {found[~good].flat[0]!s}"
        )
    return found


def number(
    name: str,
    value: npt.ArrayLike,
    least: float = -inf,
    most: float = inf,
    *,
    open_ends: bool = False,
) -> float:
    """Return one finite number in range. Raises as `known`, and for more than one."""
    found = known(name, value, least, most, open_ends=open_ends)
    return _one(name, found)


def limit(name: str, value: npt.ArrayLike) -> float:
    """Return one limit, infinite where there is none. Raises AnalysisError for NaN."""
    found = _one(name, limits(name, value))
    if isnan(found):
        raise AnalysisError(f"{name}: the limit is not known; give inf or -inf where there is none")
    return found


def _one(name: str, found: Floats) -> float:
    if found.size != 1:
        raise AnalysisError(f"{name} must be one number, got shape {found.shape}")
    return float(found.reshape(()))


def endless(name: str, value: npt.ArrayLike, least: float = 0.0) -> float:
    """Return degrees of freedom: one number above 0, at least `least`, infinite if all is known."""
    if (limits(name, value) == inf).all():
        return inf
    return number(name, value, least, open_ends=not least)


def within_reach(name: str, result: Floats, what_to_do: str) -> Floats:
    """Return a result. Raises AnalysisError where it is beyond double precision."""
    if np.isinf(result).any():
        raise AnalysisError(f"{name} is beyond double precision: {what_to_do}")
    return result


def varied(data: Floats, axes: int | tuple[int, ...] = -1) -> Flags:
    """Tell which sets along `axes` are all finite and not one value but for rounding.

    Whole numbers that double precision holds with room are as they were counted: any two differ.
    """
    with np.errstate(invalid="ignore"):
        spread, size = np.ptp(data, axis=axes), np.abs(data).max(axis=axes)
        apart = spread > FLAT * size
        if not apart.all():
            exact = (size < _EXACT) & (data == np.rint(data)).all(axis=axes)
            apart = apart | (exact & (spread > 0))
    return np.asarray(np.isfinite(data).all(axis=axes) & apart)


def rising(name: str, values: Floats) -> Floats:
    """Return an axis. Raises AnalysisError unless finite and rising by more than rounding."""
    if not (np.isfinite(values).all() and (np.diff(values) > 0).all()):
        raise AnalysisError(f"{name} must be finite and rise")
    if values.size > 1 and not varied(values).all():
        raise AnalysisError(f"{name} must rise: they are one value but for rounding")
    return values


def whole(name: str, values: npt.ArrayLike, least: int = 0) -> Floats:
    """Return values as an array of whole numbers from `least` to 2^53 (as floats)."""
    found = known(name, values, least, 2.0**53)
    if (found != np.rint(found)).any():
        raise AnalysisError(f"{name} must be whole numbers, got {found[found % 1 != 0].flat[0]!s}")
    return found


def count(name: str, value: npt.ArrayLike, least: int = 0, most: int = 2**53) -> int:
    """Return one whole number from `least` to `most`."""
    return int(number(name, whole(name, value, least), least, most))


def share(name: str, value: npt.ArrayLike) -> float:
    """Return a confidence, coverage or fraction strictly between 0 and 1: 0.95, not 95."""
    found = number(name, value, 0.0, 1.0, open_ends=True)
    if not NEAREST < found < 1 - NEAREST:
        raise AnalysisError(f"{name} must be further than {NEAREST:g} from 0 and 1, got {found!r}")
    return found


def one_of(name: str, value: object, allowed: object) -> None:
    """Raise AnalysisError unless value is one of the choices, of a Literal type or a sequence.

    Every choice by name goes through here: a misspelt one is never taken for another.
    """
    choices = list(allowed) if isinstance(allowed, Sequence) else list(get_args(allowed))
    if isinstance(value, str) and value in choices:
        return
    close = get_close_matches(value, choices, 1, cutoff=0.75) if isinstance(value, str) else []
    hint = f"; did you mean {close[0]!r}?" if close else ""
    raise AnalysisError(f"{name} must be one of {', '.join(choices)}, got {value!r}{hint}")


def same_shape(name: str, *arrays: Floats) -> tuple[Floats, ...]:
    """Return the arrays broadcast together; AnalysisError with their shapes if they don't fit."""
    try:
        return np.broadcast_arrays(*arrays)
    except ValueError:
        shapes = ", ".join(str(a.shape) for a in arrays)
        raise AnalysisError(f"{name} don't fit together: shapes {shapes}") from None
