"""Sensor parameters from readings (terms of IEEE 2700 and IEC 61298-2), all units at once.

Formulas are the common ones; the standards' own wording was not at hand (evidence.md of the
project's sources says so), so a report cites the term, not a clause.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sensorbench.analysis import inputs
from sensorbench.analysis.errors import AnalysisError
from sensorbench.analysis.estimates import Figures, Reasons, reasons_of
from sensorbench.analysis.inputs import Floats


@dataclass(frozen=True, slots=True)
class WorstPoint:
    """The largest absolute error (D,) of each unit and at which point, counted from 0.

    NaN, with its reason, where one is not known; the point is then the first that is not.
    """

    error: Floats
    point: npt.NDArray[np.intp]
    reasons: Reasons


def worst_point(errors: npt.ArrayLike) -> WorstPoint:
    """Return the largest absolute error of each unit and where it is.

    `errors` (D, N) or, of one unit, (N,). Over all points, cycles, directions and temperatures this
    is the total error band. Raises AnalysisError if there is no point.
    """
    size = np.abs(inputs.units("errors", errors))
    unknown = np.isnan(size)
    where = np.where(
        unknown.any(axis=1),
        unknown.argmax(axis=1),
        np.where(unknown, -1.0, size).argmax(axis=1),
    )
    why = reasons_of((np.asarray(unknown.any(axis=1)), "a point is not known"))
    return WorstPoint(size[np.arange(len(size)), where], where, why)


def hysteresis(up: npt.ArrayLike, down: npt.ArrayLike) -> Figures:
    """Return the largest |up - down| of each unit over the same points.

    Both are (D, N) or, of one unit, (N,). NaN, with its reason, where any point is not known.
    Source: IEC 61298-2, the same cycle.
    """
    rising, falling = inputs.units("up", up), inputs.units("down", down)
    if rising.shape != falling.shape:
        raise AnalysisError(f"up {rising.shape} and down {falling.shape} need the same points")
    size: Floats = np.abs(rising - falling).max(axis=1)
    return Figures(size, reasons_of((np.isnan(size), "a point is not known")))


@dataclass(frozen=True, slots=True)
class Repeatability:
    """Spread of cycles from one direction, each (D,), in the unit of the readings.

    `range` is the largest max - min over the points; `sigma` is pooled over the points, with
    `freedom`. Two figures of `coverage` c, which differ by sqrt(2): `reading_about_mean` t sigma,
    in which a share c of readings lies about the mean of very many (GB/T 18459), and
    `difference_of_two` t sqrt(2) sigma, which the difference of two readings exceeds in 1 - c of
    pairs (the repeatability limit r of ISO 5725). NaN where not known, for the reason given.
    """

    range: Floats
    sigma: Floats
    reading_about_mean: Floats
    difference_of_two: Floats
    coverage: float
    freedom: int
    reasons: Reasons


def repeatability(
    cycles: npt.ArrayLike, coverage: float = 0.95, resolution: float = 0.0
) -> Repeatability:
    """Return both conventions of repeatability for readings of shape (D, C cycles, N points).

    (C, N) are those of one unit. The range is IEC 61298-2's non-repeatability. Readings are no
    better known than their `resolution` (a step, in their unit): sigma is at least that / sqrt(12).
    Without it, readings that are all equal have no known sigma. Raises AnalysisError for fewer than
    2 cycles.
    """
    from scipy.special import stdtrit  # noqa: PLC0415 - scipy is heavy

    data = inputs.measured("cycles", inputs.tables("cycles", cycles, "cycles, points"))
    if data.shape[1] < 2:
        raise AnalysisError(f"cycles: at least 2 cycles are needed, got shape {data.shape}")
    coverage = inputs.share("coverage", coverage)
    step = inputs.number("resolution", resolution, 0.0)
    freedom = (data.shape[1] - 1) * data.shape[2]
    sigma = np.maximum(np.sqrt(data.var(axis=1, ddof=1).mean(axis=1)), step / np.sqrt(12))
    spread = np.ptp(data, axis=1).max(axis=1)
    equal = (spread == 0) & (step == 0)
    sigma = np.where(equal, np.nan, sigma)
    half = float(stdtrit(freedom, (1 + coverage) / 2)) * sigma
    why = reasons_of(
        (np.isnan(spread), "a reading is not known"),
        (equal, "all cycles are equal: give the resolution"),
    )
    return Repeatability(spread, sigma, half, np.sqrt(2.0) * half, coverage, freedom, why)


def resolution(noise: npt.ArrayLike, lsb: float, noise_free: bool = False) -> Figures:
    """Return the smallest detectable step of each unit: the larger of the LSB and the noise.

    `noise` (D, N), or (N,) of one unit, are readings at a constant input. Noise counts with its
    standard deviation, or 6.6 of them for the noise-free resolution. Raises AnalysisError for fewer
    than 2 readings.
    """
    lsb = inputs.number("lsb", lsb, 0.0, open_ends=True)
    sigma = inputs.units("noise", noise, least=2).std(axis=1, ddof=1) * (6.6 if noise_free else 1.0)
    unknown = np.asarray(np.isnan(sigma))
    value = np.where(unknown, np.nan, np.maximum(sigma, lsb))
    return Figures(value, reasons_of((unknown, "a reading is not known")))


def cross_axis(matrix: npt.ArrayLike) -> Figures:
    """Return off-axis over on-axis sensitivity, shape (D, 3, 3), zeros on the diagonal.

    The matrix is (D, 3, 3) or, of one unit, (3, 3). Row i, column j: what axis i shows of an input
    along axis j, as a share of axis j's own. NaN, with its reason, where that is 0 or one of the
    two is not known.
    """
    found = inputs.tables("matrix", matrix, "axes, axes")
    if found.shape[1] != found.shape[2]:
        raise AnalysisError(f"matrix: as many rows as columns are needed, got shape {found.shape}")
    own = np.diagonal(found, axis1=1, axis2=2)
    shares = np.abs(found / np.where(own == 0, np.nan, own)[:, None, :])
    value = np.asarray(shares * (1 - np.eye(found.shape[1])))
    dead = np.broadcast_to((own == 0)[:, None, :], value.shape)
    return Figures(
        value,
        reasons_of(
            (dead, "the axis does not answer to its own input"),
            (np.isnan(value), "a sensitivity is not known"),
        ),
    )


@dataclass(frozen=True, slots=True)
class TemperatureCoefficient:
    """Change with temperature, per K: `end_point` (D,) from the lowest to the highest temperature,
    `box` (D,) max - min over the span, `steepest` (D,) the largest two-point slope: with few
    temperatures the first two can hide a curve. `largest_change` (D,) against the reference
    temperature, not per K. NaN, with its reason (D,), where a value is not known.
    """

    end_point: Floats
    box: Floats
    steepest: Floats
    largest_change: Floats
    reasons: Reasons


def temperature_coefficient(
    temperatures_c: npt.ArrayLike, values: npt.ArrayLike, reference_c: float = 25.0
) -> TemperatureCoefficient:
    """Return TCO of offsets, or TCS of sensitivities divided by their reference value.

    `temperatures_c` (T,) must rise, `values` (D, T) or, of one unit, (T,). The value at
    `reference_c` is interpolated. Raises AnalysisError for shapes, or a reference outside the
    temperatures.
    """
    at_c, found = _rising("temperatures_c", temperatures_c, values)
    reference_c = inputs.number("reference_c", reference_c)
    if not at_c[0] <= reference_c <= at_c[-1]:
        raise AnalysisError(f"{reference_c} degC lies outside the temperatures measured")
    span_k = at_c[-1] - at_c[0]
    there = np.array([np.interp(reference_c, at_c, row) for row in found])
    slopes = np.diff(found, axis=1) / np.diff(at_c)
    unknown = np.asarray(~np.isfinite(found).all(axis=1))
    return TemperatureCoefficient(
        end_point=np.where(unknown, np.nan, found[:, -1] - found[:, 0]) / span_k,
        box=np.ptp(found, axis=1) / span_k,
        steepest=np.abs(slopes).max(axis=1),
        largest_change=np.abs(found - there[:, None]).max(axis=1),
        reasons=reasons_of((unknown, "a value is not known")),
    )


def start_up_time(
    times_s: npt.ArrayLike, values: npt.ArrayLike, final: npt.ArrayLike, band: float
) -> Figures:
    """Return the time of the first sample that, with all later ones, is within `band` of `final`.

    `times_s` (N,) from supply valid, rising; `values` (D, N) or, of one unit, (N,); `final` (D,) or
    one for all. NaN, with its reason, for a unit whose last sample is outside, or with a sample
    that is not known.
    """
    at_s, found = _rising("times_s", times_s, values)
    band = inputs.number("band", band, 0.0, open_ends=True)
    last, _ = inputs.same_shape(
        "values and final", inputs.array("final", final), np.empty(len(found))
    )
    outside = ~(np.abs(found - last[:, None]) <= band)
    last_outside = np.where(
        outside.any(axis=1), found.shape[1] - 1 - outside[:, ::-1].argmax(axis=1), -1
    )
    settled = last_outside + 1
    known = np.isfinite(found).all(axis=1) & np.isfinite(last)
    settles = settled < found.shape[1]
    value = np.where(known & settles, at_s[np.minimum(settled, found.shape[1] - 1)], np.nan)
    why = reasons_of(
        (np.asarray(~known), "a sample is not known"),
        (np.asarray(~settles), "the last sample is outside of the band"),
    )
    return Figures(value, why)


def ratiometricity(supplies_v: npt.ArrayLike, values: npt.ArrayLike, nominal_v: float) -> Figures:
    """Return the ratiometric error of each unit and supply, shape (D, V): 0 is ideal.

    Output over its value at `nominal_v`, less supply over nominal supply. `supplies_v` (V,) must
    rise and hold `nominal_v`; `values` (D, V) or, of one unit, (V,). NaN, with its reason, where an
    output is not known or 0 at nominal. Raises AnalysisError otherwise.
    """
    supply, found = _rising("supplies_v", supplies_v, values)
    nominal_v = inputs.number("nominal_v", nominal_v, 0.0, open_ends=True)
    (at,) = np.nonzero(np.isclose(supply, nominal_v))
    if len(at) != 1:
        raise AnalysisError(f"supplies_v hold no reading at nominal_v, {nominal_v} V")
    nominal = found[:, at]
    value = found / np.where(nominal == 0, np.nan, nominal) - supply / nominal_v
    why = reasons_of(
        (np.broadcast_to(nominal == 0, value.shape), "the output at nominal supply is 0"),
        (np.isnan(value), "an output is not known"),
    )
    return Figures(value, why)


def dead_band(applied: npt.ArrayLike, outputs: npt.ArrayLike, lsb: float) -> Figures:
    """Return how far the input may be changed back before the output follows, per unit.

    The inputs `applied` (N,) rise to a turn and fall again; `outputs` (D, N) or, of one unit,
    (N,). The output follows when it has moved by more than `lsb` from its value at the turn. NaN,
    with its reason, where it never does, or an output is not known.
    Source: IEC 61298-2, dead band.
    """
    found = inputs.units("outputs", outputs, least=3)
    at = inputs.known("applied", applied)
    lsb = inputs.number("lsb", lsb, 0.0)
    if at.ndim != 1 or len(at) != found.shape[1]:
        raise AnalysisError(f"outputs {found.shape} do not fit inputs {at.shape}")
    turn = int(np.argmax(at))
    if turn == len(at) - 1:
        raise AnalysisError("the inputs never turn back")
    moved = np.abs(found[:, turn:] - found[:, turn : turn + 1]) > lsb
    first = moved.argmax(axis=1)
    known = np.isfinite(found).all(axis=1)
    follows = moved.any(axis=1)
    why = reasons_of(
        (np.asarray(~known), "an output is not known"),
        (np.asarray(~follows), "the output never follows: change the input further back"),
    )
    return Figures(np.where(known & follows, at[turn] - at[turn + first], np.nan), why)


def _rising(name: str, axis: npt.ArrayLike, outputs: npt.ArrayLike) -> tuple[Floats, Floats]:
    values = inputs.units("values", outputs, least=2)
    x = inputs.array(name, axis)
    if x.ndim != 1 or len(x) != values.shape[1]:
        raise AnalysisError(f"values {values.shape} do not fit {x.shape}")
    return inputs.rising(name, x), values
