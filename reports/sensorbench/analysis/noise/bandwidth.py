"""Bandwidth from a step, from a sine sweep, or from a sine of known frequency at a time."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sensorbench.analysis import inputs
from sensorbench.analysis.errors import AnalysisError
from sensorbench.analysis.estimates import Figures, Reasons, reasons_of
from sensorbench.analysis.inputs import Floats
from sensorbench.analysis.noise.spectrum import finite_records

RISE_TIMES_BANDWIDTH = math.log(9.0) / (2 * math.pi)
"""t(10..90 %) times f(-3 dB) of one pole: 0.3497, the 0.35 of data sheets."""


@dataclass(frozen=True, slots=True)
class SineFit:
    """a + A sin(2 pi f t + phi) of each record (...): amplitude and its u, phase, offset, rms left.

    Amplitude, its standard uncertainty, offset and residual rms are in U, the phase in rad.
    """

    amplitude: Floats
    amplitude_u: Floats
    phase_rad: Floats
    offset: Floats
    residual_rms: Floats


@dataclass(frozen=True, slots=True)
class StepResponse:
    """What a step did to each record (...): levels in U, times in s, overshoot as part of the step.

    `rise_time_s` is from 10 to 90 %, `delay_s` from the stimulus to 50 %; `bandwidth_hz` is that of
    one pole of this rise time. NaN, with its reason (...), where the record shows no step or never
    reaches a level.
    """

    initial: Floats
    final: Floats
    delay_s: Floats
    rise_time_s: Floats
    overshoot: Floats
    bandwidth_hz: Floats
    reasons: Reasons


def fit_sine(data: npt.ArrayLike, sample_rate_hz: float, frequency_hz: float) -> SineFit:
    """Fit a sine of known frequency to records (..., N) by least squares.

    The three-parameter fit of IEEE 1057 (and 1241); no whole number of periods is needed. Raises
    AnalysisError: not numbers, not finite, constant, fewer than 4 samples or one period, a
    frequency not between 0 and half the sample rate.
    """
    sample_rate_hz = inputs.number("sample_rate_hz", sample_rate_hz, 0.0, open_ends=True)
    samples = finite_records(data)
    frequency_hz = inputs.number("frequency_hz", frequency_hz)
    # About the mean: a small sine on a large offset keeps its digits.
    middle = samples.mean(axis=-1, keepdims=True)
    samples = samples - middle
    count = samples.shape[-1]
    periods = count * frequency_hz / sample_rate_hz
    if not 0 < frequency_hz < sample_rate_hz / 2 or periods < 1 or count < 4:
        raise AnalysisError(
            f"{count} samples at {sample_rate_hz} Hz can't show {frequency_hz} Hz: it must be "
            "below half the sample rate and the record one period long, 4 samples at least"
        )
    angle = 2 * math.pi * frequency_hz / sample_rate_hz * np.arange(count)
    design = np.stack([np.sin(angle), np.cos(angle), np.ones(count)], axis=-1)
    inverse = np.linalg.inv(design.T @ design)
    a, b, offset = np.moveaxis(samples @ design @ inverse, -1, 0)
    residual = samples - np.stack([a, b, offset], axis=-1) @ design.T
    rms = np.sqrt(np.mean(residual**2, axis=-1))
    amplitude = np.hypot(a, b)
    toward = np.stack([a, b], axis=-1) / np.maximum(amplitude, np.finfo(float).tiny)[..., None]
    scatter = rms**2 * count / max(count - 3, 1)
    variance = np.einsum("...i,ij,...j->...", toward, inverse[:2, :2], toward) * scatter
    return SineFit(amplitude, np.sqrt(variance), np.arctan2(b, a), offset + middle[..., 0], rms)


def bandwidth_of_sweep(frequency_hz: npt.ArrayLike, gain: npt.ArrayLike) -> Figures:
    """Return the -3 dB frequency (...) in Hz of gains (..., F) at rising frequencies (F,).

    The reference is the gain at the lowest frequency; between points the gain is taken as straight
    in log-log. NaN, with the reason, where the gain never falls to 1/sqrt(2) of it. Raises
    AnalysisError: gains not positive, frequencies not rising, shapes that differ.
    """
    f, g = inputs.array("frequency_hz", frequency_hz), inputs.array("gain", gain)
    if f.ndim != 1 or len(f) < 2 or g.shape[-1:] != f.shape:
        raise AnalysisError(f"gain {g.shape} must end in the shape of the frequencies {f.shape}")
    if not np.all(f > 0):
        raise AnalysisError(f"frequencies must be positive and rising, got {f.tolist()}")
    inputs.rising("frequencies", f)
    if not np.all((g > 0) & np.isfinite(g)):
        raise AnalysisError("gains must be positive and known at every frequency")
    level = np.log(g / g[..., :1]) + 0.5 * math.log(2.0)
    below = level <= 0
    k = below.argmax(axis=-1)[..., None]
    before = np.maximum(k - 1, 0)
    right = np.take_along_axis(level, k, axis=-1)
    left = np.take_along_axis(level, before, axis=-1)
    with np.errstate(divide="ignore", invalid="ignore"):
        part = left / (left - right)
        log_f = np.log(f)[before] + part * (np.log(f)[k] - np.log(f)[before])
    falls = below.any(axis=-1)
    why = reasons_of(
        (np.asarray(~falls), "the gain never falls by 3 dB: sweep to higher frequencies")
    )
    return Figures(np.where(falls, np.exp(log_f[..., 0]), np.nan), why)


def step_response(
    data: npt.ArrayLike, sample_rate_hz: float, step_at_s: float, settled_from_s: float
) -> StepResponse:
    """Return rise time, overshoot and bandwidth of records (..., N) of a step.

    `step_at_s` is when the stimulus stepped; the mean before is the initial level, the mean from
    `settled_from_s` on the final one. Levels are crossed for the first time after the stimulus,
    with straight lines between samples. The step must stand out of the noise 20 times for 5 %.
    IEEE 181-2011 calls the levels 10, 50 and 90 % reference levels.

    Raises AnalysisError: not numbers, not finite, constant, or times that leave no samples.
    """
    sample_rate_hz = inputs.number("sample_rate_hz", sample_rate_hz, 0.0, open_ends=True)
    samples = finite_records(data)
    step_at_s = inputs.number("step_at_s", step_at_s)
    settled_from_s = inputs.number("settled_from_s", settled_from_s)
    count = samples.shape[-1]
    start, settled = (
        math.ceil(step_at_s * sample_rate_hz),
        math.ceil(settled_from_s * sample_rate_hz),
    )
    if not 0 < start < settled < count:
        raise AnalysisError(
            f"times must leave samples before the step at {step_at_s} s, after it, and from "
            f"{settled_from_s} s to the end at {count / sample_rate_hz} s"
        )
    before, after = samples[..., :start], samples[..., settled:]
    initial, final = before.mean(axis=-1), after.mean(axis=-1)
    step = final - initial
    noise = np.hypot(before.std(axis=-1), after.std(axis=-1))
    with np.errstate(divide="ignore", invalid="ignore"):
        unit = (samples - initial[..., None]) / step[..., None]
        unit = np.where((np.abs(step) > 3 * noise)[..., None], unit, np.nan)
    # One sample before the step, whose response may have begun between the two.
    rising = unit[..., start - 1 :]
    at = {level: _first_crossing(rising, level) for level in (0.1, 0.5, 0.9)}
    rise = (at[0.9] - at[0.1]) / sample_rate_hz
    delay = (at[0.5] + start - 1) / sample_rate_hz - step_at_s
    overshoot = np.maximum(rising.max(axis=-1) - 1, 0.0)
    with np.errstate(divide="ignore"):
        bandwidth = RISE_TIMES_BANDWIDTH / rise
    reasons = reasons_of(
        (np.asarray(np.isnan(unit).all(axis=-1)), "no step stands out of the noise"),
        (np.isnan(rise + delay), "a level is never reached"),
    )
    return StepResponse(initial, final, delay, rise, overshoot, bandwidth, reasons)


def _first_crossing(unit: Floats, level: float) -> Floats:
    """Return where (...) in samples `unit` (..., N) first comes from below to `level`, or NaN."""
    above = unit >= level
    k = np.maximum(above.argmax(axis=-1), 1)[..., None]
    left = np.take_along_axis(unit, k - 1, axis=-1)[..., 0]
    right = np.take_along_axis(unit, k, axis=-1)[..., 0]
    with np.errstate(divide="ignore", invalid="ignore"):
        where = k[..., 0] - 1 + (level - left) / (right - left)
    return np.where(above.any(axis=-1), where, np.nan)
