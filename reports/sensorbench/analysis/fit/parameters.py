"""Sensor parameters from readings (terms of IEEE 2700 and IEC 61298-2), all units at once.

Formulas are the common ones; the standards' own wording was not at hand (evidence.md of the
project's sources says so), so a report cites the term, not a clause.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sensorbench.analysis.errors import AnalysisError
from sensorbench.analysis.fit.calibration import Floats


def worst_point(errors: Floats) -> tuple[Floats, npt.NDArray[np.intp]]:
    """Return the largest absolute error of each unit and where it is; `errors` has shape (D, N).

    Over all points, cycles, directions and temperatures this is the total error band. A unit with
    an error that is not known has none: its value is NaN, and where is the first unknown point.
    Raises AnalysisError if there is no point.
    """
    _units_and_points(errors)
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

    NaN where any point is not known. Source: IEC 61298-2, the same cycle.
    """
    if up.shape != down.shape:
        raise AnalysisError(f"up {up.shape} and down {down.shape} need the same points")
    _units_and_points(up)
    size: Floats = np.abs(up - down).max(axis=1)
    return size


@dataclass(frozen=True, slots=True)
class Repeatability:
    """Spread of cycles from one direction: `range` (D,) the largest max - min over the points;
    `sigma` (D,) pooled over the points; `factor_sigma` (D,) the t factor times sigma.
    """

    range: Floats
    sigma: Floats
    factor_sigma: Floats
    freedom: int


def repeatability(cycles: Floats, coverage: float = 0.95) -> Repeatability:
    """Return both conventions of repeatability for readings of shape (D, C cycles, N points).

    The range is IEC 61298-2's non-repeatability; the t factor times the pooled standard deviation
    is GB/T 18459's. NaN where a reading is not known. Raises AnalysisError for fewer than 2 cycles.
    """
    from scipy.special import stdtrit  # noqa: PLC0415 - scipy is heavy

    if cycles.ndim != 3 or cycles.shape[1] < 2 or not cycles.shape[2]:
        raise AnalysisError(f"(units, at least 2 cycles, points) is needed, got {cycles.shape}")
    if not 0 < coverage < 1:
        raise AnalysisError(f"coverage lies between 0 and 1, got {coverage}")
    freedom = (cycles.shape[1] - 1) * cycles.shape[2]
    sigma = np.sqrt(cycles.var(axis=1, ddof=1).mean(axis=1))
    factor = float(stdtrit(freedom, (1 + coverage) / 2))
    return Repeatability(np.ptp(cycles, axis=1).max(axis=1), sigma, factor * sigma, freedom)


def resolution(noise: Floats, lsb: float, noise_free: bool = False) -> Floats:
    """Return the smallest detectable step of each unit: the larger of the LSB and the noise.

    `noise` (D, N) are readings at a constant input. Noise counts with its standard deviation, or
    6.6 of them for the noise-free resolution. Raises AnalysisError for fewer than 2 readings.
    """
    _units_and_points(noise, least=2)
    if not lsb > 0:
        raise AnalysisError(f"the LSB must be above 0, got {lsb}")
    sigma = noise.std(axis=1, ddof=1) * (6.6 if noise_free else 1.0)
    return np.where(np.isnan(sigma), np.nan, np.maximum(sigma, lsb))


def cross_axis(matrix: Floats) -> Floats:
    """Return off-axis over on-axis sensitivity, shape (D, 3, 3) in and out, zeros on the diagonal.

    Row i, column j: what axis i shows of an input along axis j, as a share of axis j's own.
    """
    if matrix.ndim != 3 or matrix.shape[1] != matrix.shape[2]:
        raise AnalysisError(f"a matrix of shape (units, axes, axes) is needed, got {matrix.shape}")
    own = np.diagonal(matrix, axis1=1, axis2=2)
    shares = np.abs(matrix / np.where(own == 0, np.nan, own)[:, None, :])
    return shares * (1 - np.eye(matrix.shape[1]))


@dataclass(frozen=True, slots=True)
class TemperatureCoefficient:
    """Change with temperature, per K: `end_point` (D,) from the lowest to the highest temperature,
    `box` (D,) max - min over the span, `steepest` (D,) the largest two-point slope: with few
    temperatures the first two can hide a curve. `largest_change` (D,) against the reference
    temperature, not per K.
    """

    end_point: Floats
    box: Floats
    steepest: Floats
    largest_change: Floats


def temperature_coefficient(
    temperatures_c: Floats, values: Floats, reference_c: float = 25.0
) -> TemperatureCoefficient:
    """Return TCO of offsets, or TCS of sensitivities divided by their reference value.

    `temperatures_c` (T,) must rise, `values` (D, T). The value at `reference_c` is interpolated.
    Raises AnalysisError for shapes, or a reference outside the temperatures.
    """
    _rising(temperatures_c, values)
    if not temperatures_c[0] <= reference_c <= temperatures_c[-1]:
        raise AnalysisError(f"{reference_c} degC lies outside the temperatures measured")
    span_k = temperatures_c[-1] - temperatures_c[0]
    at = np.array([np.interp(reference_c, temperatures_c, row) for row in values])
    slopes = np.diff(values, axis=1) / np.diff(temperatures_c)
    return TemperatureCoefficient(
        end_point=(values[:, -1] - values[:, 0]) / span_k,
        box=np.ptp(values, axis=1) / span_k,
        steepest=np.abs(slopes).max(axis=1),
        largest_change=np.abs(values - at[:, None]).max(axis=1),
    )


def start_up_time(times_s: Floats, values: Floats, final: Floats, band: float) -> Floats:
    """Return the time of the first sample that, with all later ones, is within `band` of `final`.

    `times_s` (N,) from supply valid, rising; `values` (D, N); `final` (D,). NaN for a unit whose
    last sample is outside, or with a sample that is not known.
    """
    _rising(times_s, values)
    if not band > 0:
        raise AnalysisError(f"the band must be above 0, got {band}")
    outside = np.abs(values - final[:, None]) > band
    last_outside = np.where(
        outside.any(axis=1), values.shape[1] - 1 - outside[:, ::-1].argmax(axis=1), -1
    )
    settled = last_outside + 1
    known = (settled < values.shape[1]) & np.isfinite(values).all(axis=1)
    return np.where(known, times_s[np.minimum(settled, values.shape[1] - 1)], np.nan)


def ratiometricity(supplies_v: Floats, values: Floats, nominal_v: float) -> Floats:
    """Return the ratiometric error of each unit and supply, shape (D, V): 0 is ideal.

    Output over its value at `nominal_v`, less supply over nominal supply. `supplies_v` (V,) must
    rise and hold `nominal_v`. Raises AnalysisError otherwise.
    """
    _rising(supplies_v, values)
    (at,) = np.nonzero(np.isclose(supplies_v, nominal_v))
    if len(at) != 1:
        raise AnalysisError(f"there is no reading at {nominal_v} V")
    nominal = values[:, at]
    return values / np.where(nominal == 0, np.nan, nominal) - supplies_v / nominal_v


def dead_band(inputs: Floats, outputs: Floats, lsb: float) -> Floats:
    """Return how far the input may be changed back before the output follows, per unit.

    `inputs` (N,) rise to a turn and fall again; `outputs` (D, N). The output follows when it has
    moved by more than `lsb` from its value at the turn. NaN where it never does. Source: IEC
    61298-2, dead band.
    """
    _units_and_points(outputs, least=3)
    if inputs.ndim != 1 or len(inputs) != outputs.shape[1]:
        raise AnalysisError(f"outputs {outputs.shape} do not fit inputs {inputs.shape}")
    turn = int(np.argmax(inputs))
    if turn == len(inputs) - 1:
        raise AnalysisError("the inputs never turn back")
    moved = np.abs(outputs[:, turn:] - outputs[:, turn : turn + 1]) > lsb
    first = moved.argmax(axis=1)
    return np.where(moved.any(axis=1), inputs[turn] - inputs[turn + first], np.nan)


def _units_and_points(values: Floats, least: int = 1) -> None:
    if values.ndim != 2 or values.shape[1] < least or not values.shape[0]:
        raise AnalysisError(f"(units, at least {least} points) is needed, got {values.shape}")


def _rising(x: Floats, values: Floats) -> None:
    _units_and_points(values, least=2)
    if x.ndim != 1 or len(x) != values.shape[1]:
        raise AnalysisError(f"values {values.shape} do not fit {x.shape}")
    if not (np.isfinite(x).all() and (np.diff(x) > 0).all()):
        raise AnalysisError("the first axis must be finite and rise")
