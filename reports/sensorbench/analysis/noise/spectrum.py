"""Noise density and integrated noise by Welch's method; the convention is in every name.

Source: P. D. Welch, IEEE Trans. Audio Electroacoust. AU-15 (1967); data sheets and scipy mean the
one-sided density, IEEE 952 and 1293 the two-sided one, half of it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sensorbench.analysis import inputs, ours
from sensorbench.analysis.errors import AnalysisError
from sensorbench.analysis.inputs import Floats

_HANN_NEIGHBOURS = 1 + 4 / math.pi * (math.asin((2 / 3) ** 2) + math.asin((1 / 6) ** 2))
"""How many Hann bins tell a median as much as one independent bin.

Amplitudes of neighbours correlate by 2/3 and 1/6, powers by the square; being above the median by
the arcsine law.
"""


@dataclass(frozen=True, slots=True)
class Spectrum:
    """Power spectral density of each record at F frequencies from 0 to half the sample rate.

    `psd_one_sided` (..., F) in U^2/Hz; `frequency_hz` (F,); `resolution_hz` the distance of bins;
    `bandwidth_hz` the equivalent noise bandwidth of one bin (1.5 bins for Hann); `averages` the
    number of independent segments that the overlapping ones are worth.
    """

    frequency_hz: Floats
    psd_one_sided: Floats
    resolution_hz: float
    bandwidth_hz: float
    averages: float

    @property
    def psd_two_sided(self) -> Floats:
        """Return the density of IEEE 952 (..., F) in U^2/Hz, half of the one-sided one."""
        return self.psd_one_sided / 2


@dataclass(frozen=True, slots=True)
class NoiseDensity:
    """White level of each record (...) in U/sqrt(Hz), one-sided, with its interval at `level`."""

    one_sided: Floats
    low: Floats
    high: Floats
    level: float
    bins: int

    @property
    def two_sided(self) -> Floats:
        """Return the level that IEEE 952 calls N, (...) in U/sqrt(Hz): one-sided over sqrt(2)."""
        return self.one_sided / math.sqrt(2.0)


def welch_spectrum(data: npt.ArrayLike, sample_rate_hz: float, segment: int) -> Spectrum:
    """Return the spectrum of records (..., N): Hann window, half overlap, mean of each removed.

    `segment` is the length of a segment in samples, 8..N. Raises AnalysisError: not numbers, not
    finite, a segment that does not fit, or a record that never changes.
    """
    from scipy.signal import get_window, welch  # noqa: PLC0415 - heavy

    sample_rate_hz = inputs.number("sample_rate_hz", sample_rate_hz, 0.0, open_ends=True)
    samples = finite_records(data)
    segment = inputs.count("segment", segment)
    count = samples.shape[-1]
    if not 8 <= segment <= count:
        raise AnalysisError(f"a segment must have 8 to {count} samples, got {segment}")
    step = segment - segment // 2
    window = np.asarray(get_window("hann", segment), np.float64)
    frequency, psd = welch(
        samples, sample_rate_hz, "hann", segment, segment // 2, detrend="constant"
    )
    segments = (count - segment) // step + 1
    shares = [float(window[k:] @ window[: segment - k]) for k in range(0, segment, step)]
    correlation = (np.array(shares[1:]) / shares[0]) ** 2
    lag = np.arange(1, len(shares))
    # Neighbours share data: Welch 1967, eq. 11.
    inflation = 1 + 2 * float(np.sum(np.maximum(1 - lag / segments, 0.0) * correlation))
    resolution = sample_rate_hz / segment
    bandwidth = resolution * segment * shares[0] / float(window.sum()) ** 2
    return Spectrum(
        np.asarray(frequency, np.float64),
        np.asarray(psd, np.float64),
        resolution,
        bandwidth,
        segments / inflation,
    )


def noise_density(
    spectrum: Spectrum, low_hz: float, high_hz: float, level: float = 0.95
) -> NoiseDensity:
    """Return the white level between two frequencies: the median over bins, freed of its bias.

    The median shrugs off a few spectral lines (mains, vibration). One bin is chi-squared with two
    degrees of freedom for each average, whose median is below its mean; the interval takes
    neighbouring bins of a Hann window as the correlated ones they are. The band must be flat.

    Raises AnalysisError if the band holds fewer than 8 bins or leaves the spectrum.
    """
    from scipy.special import chdtri, ndtri  # noqa: PLC0415 - heavy

    spectrum = ours.own("spectrum", spectrum, Spectrum, "welch_spectrum")
    level = inputs.share("level", level)
    low_hz, high_hz = inputs.number("low_hz", low_hz), inputs.number("high_hz", high_hz)
    f = spectrum.frequency_hz
    # Bins 0 and 1 miss what the removed mean took; the last one has one degree of freedom less.
    inside = (f >= max(low_hz, 1.5 * spectrum.resolution_hz)) & (f <= min(high_hz, f[-2]))
    bins = int(np.count_nonzero(inside))
    if not 0 <= low_hz < high_hz <= f[-1] or bins < 8:
        raise AnalysisError(
            f"the band {low_hz}..{high_hz} Hz holds {bins} bins; a level needs 8 or more within "
            f"0..{f[-1]} Hz: choose a wider band or longer segments"
        )
    freedom = 2 * spectrum.averages
    median_of_one = float(chdtri(freedom, 0.5)) / freedom
    power = np.median(spectrum.psd_one_sided[..., inside], axis=-1) / median_of_one
    # The median of n independent values scatters by 1 / (2 density sqrt(n)) around its centre.
    at = float(chdtri(freedom, 0.5))
    log_density = (
        (freedom / 2 - 1) * math.log(at)
        - at / 2
        - math.lgamma(freedom / 2)
        - freedom / 2 * math.log(2)
    )
    independent = bins / _HANN_NEIGHBOURS
    spread = 1 / (2 * math.exp(log_density) * math.sqrt(independent)) / at
    z = float(ndtri((1 + level) / 2))
    return NoiseDensity(
        np.sqrt(power),
        np.sqrt(power) * math.exp(-z * spread / 2),
        np.sqrt(power) * math.exp(z * spread / 2),
        level,
        bins,
    )


def integrated_noise(spectrum: Spectrum, low_hz: float, high_hz: float) -> Floats:
    """Return the rms (...) in U between two frequencies: root of the integral of the density.

    Each bin counts with the part of its width inside the band, so bands add up in power and the
    whole spectrum gives the standard deviation. Raises AnalysisError for a band outside it.
    """
    spectrum = ours.own("spectrum", spectrum, Spectrum, "welch_spectrum")
    low_hz, high_hz = inputs.number("low_hz", low_hz), inputs.number("high_hz", high_hz)
    f, step = spectrum.frequency_hz, spectrum.resolution_hz
    if not 0 <= low_hz < high_hz <= f[-1]:
        raise AnalysisError(f"band {low_hz}..{high_hz} Hz is not within 0..{f[-1]} Hz")
    left, right = np.maximum(f - step / 2, 0.0), np.minimum(f + step / 2, f[-1])
    width = np.minimum(right, high_hz) - np.maximum(left, low_hz)
    # The bins at both ends are half as wide and not doubled: they count as full ones.
    share = np.maximum(width, 0.0) / (right - left) * step
    return np.asarray(np.sqrt(spectrum.psd_one_sided @ share), np.float64)


def one_pole_noise(density_one_sided: float, bandwidth_hz: float) -> float:
    """Return the rms in U of white noise behind one pole at -3 dB: density sqrt(pi/2 f).

    >>> round(one_pole_noise(0.01, 100.0), 5)
    0.12533
    """
    density = inputs.number("density_one_sided", density_one_sided, 0.0)
    return density * math.sqrt(
        math.pi / 2 * inputs.number("bandwidth_hz", bandwidth_hz, 0.0, open_ends=True)
    )


def finite_records(data: npt.ArrayLike) -> Floats:
    """Return data (..., N) as floats; raise AnalysisError unless all are known and not constant."""
    samples = inputs.numbers("data", data).astype(np.float64)
    if not samples.ndim or not samples.size:
        raise AnalysisError(f"data must be numbers of shape (..., N), got {samples.shape}")
    if not np.isfinite(samples).all():
        raise AnalysisError(
            f"{np.count_nonzero(~np.isfinite(samples))} samples are missing or infinite; a "
            "spectrum or a fit over time needs an unbroken record"
        )
    if np.any(samples.max(axis=-1) == samples.min(axis=-1)):
        raise AnalysisError("a record never changes: a stuck sensor has no noise to show")
    return inputs.measured("data", samples)
