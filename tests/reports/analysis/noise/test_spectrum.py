"""Noise density states its side and covers; power is conserved; lines do not move the level."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sensorbench.analysis.errors import AnalysisError
from sensorbench.analysis.noise.spectrum import (
    integrated_noise,
    noise_density,
    one_pole_noise,
    welch_spectrum,
)

RATE_HZ = 100.0


def white(seed: int, *shape: int) -> np.ndarray:
    return np.random.Generator(np.random.Philox(seed)).standard_normal(shape)


def test_white_noise_of_sigma_has_a_one_sided_density_of_sigma_root_2_over_fs() -> None:
    found = noise_density(welch_spectrum(3.0 * white(1, 200_000), RATE_HZ, 1024), 1.0, 45.0)
    assert found.one_sided == pytest.approx(3.0 * np.sqrt(2 / RATE_HZ), rel=0.01)
    assert found.two_sided == pytest.approx(3.0 / np.sqrt(RATE_HZ), rel=0.01)


@pytest.mark.parametrize(
    ("samples", "segment", "band"),
    [(2048, 256, (2.0, 48.0)), (2048, 128, (10.0, 30.0)), (512, 512, (5.0, 45.0))],
)
def test_intervals_of_the_density_cover_95_percent(
    samples: int, segment: int, band: tuple[float, float]
) -> None:
    spectrum = welch_spectrum(white(2, 3000, samples), RATE_HZ, segment)
    found = noise_density(spectrum, *band)
    true = np.sqrt(2 / RATE_HZ)
    covered = np.mean((found.low <= true) & (true <= found.high))
    assert 0.93 <= covered <= 0.97
    assert found.one_sided.mean() == pytest.approx(true, rel=0.005)


def test_mains_lines_do_not_move_the_level() -> None:
    time = np.arange(50_000) / 1000.0
    noise = white(3, 50_000)
    lines = 5 * np.sin(2 * np.pi * 50 * time) + 2 * np.sin(2 * np.pi * 150 * time)
    clean, disturbed = (
        noise_density(welch_spectrum(x, 1000.0, 2000), 5.0, 450.0).one_sided
        for x in (noise, noise + lines)
    )
    assert disturbed == pytest.approx(clean, rel=0.01)


def test_one_bin_of_hann_is_one_and_a_half_wide_and_half_overlap_is_worth_its_share() -> None:
    found = welch_spectrum(white(4, 4096), RATE_HZ, 256)
    assert found.bandwidth_hz / found.resolution_hz == pytest.approx(1.5)
    # 31 segments; neighbours correlate 1/6 in amplitude, 1/36 in power.
    assert found.averages == pytest.approx(31 / (1 + 2 * 30 / 31 / 36), rel=1e-3)


def test_scatter_of_a_bin_is_one_over_root_of_the_averages() -> None:
    found = welch_spectrum(white(5, 2000, 2048), RATE_HZ, 256)
    bins = found.psd_one_sided[:, 10:-10]
    scatter = bins.std(axis=0).mean() / bins.mean()
    assert scatter == pytest.approx(1 / np.sqrt(found.averages), rel=0.03)


def test_the_whole_spectrum_integrates_to_the_standard_deviation_and_bands_add_in_power() -> None:
    x = white(6, 4, 8192)
    spectrum = welch_spectrum(x, RATE_HZ, 512)
    whole = integrated_noise(spectrum, 0.0, 50.0)
    assert whole == pytest.approx(x.std(axis=-1), rel=0.02)
    parts = [integrated_noise(spectrum, low, high) for low, high in ((0, 7.3), (7.3, 50.0))]
    assert np.hypot(*parts) == pytest.approx(whole, rel=1e-12)


def test_noise_behind_one_pole_integrates_to_density_root_of_pi_half_bandwidth() -> None:
    corner, rate = 5.0, 2000.0
    a = np.exp(-2 * np.pi * corner / rate)
    x = white(7, 400_000)
    from scipy.signal import lfilter  # noqa: PLC0415 - heavy

    y = lfilter([1 - a], [1, -a], x)
    expected = one_pole_noise(np.sqrt(2 / rate), corner)
    spectrum = welch_spectrum(y, rate, 20_000)
    assert integrated_noise(spectrum, 0.0, 1000.0) == pytest.approx(expected, rel=0.03)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 1000), gain=st.floats(1e-6, 1e6), faster=st.floats(0.01, 100.0))
def test_density_scales_with_the_unit_and_with_root_of_time(
    seed: int, gain: float, faster: float
) -> None:
    x = white(seed, 2, 512)
    base = noise_density(welch_spectrum(x, 1.0, 128), 0.1, 0.4)
    scaled = noise_density(welch_spectrum(gain * x[::-1], faster, 128), 0.1 * faster, 0.4 * faster)
    assert scaled.one_sided[::-1] == pytest.approx(base.one_sided * gain / np.sqrt(faster))
    assert np.all((scaled.low < scaled.one_sided) & (scaled.one_sided < scaled.high))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ([], "shape"),
        (["x"], "numbers"),
        ([1.0] * 64, "never changes"),
        ([1.0, np.nan] * 32, "32 samples are missing"),
        ([1.0, np.inf] * 32, "infinite"),
        ([1.0, 2.0] * 3, "8 to 6"),
    ],
)
def test_what_is_no_record_gives_a_named_error(data: object, message: str) -> None:
    with pytest.raises(AnalysisError, match=message):
        welch_spectrum(data, RATE_HZ, 16)


def test_a_band_without_bins_or_outside_the_spectrum_is_refused() -> None:
    spectrum = welch_spectrum(white(8, 512), RATE_HZ, 64)
    for band in ((10.0, 12.0), (10.0, 60.0), (-1.0, 40.0), (40.0, 10.0)):
        with pytest.raises(AnalysisError, match="band"):
            noise_density(spectrum, *band)
    with pytest.raises(AnalysisError, match="band"):
        integrated_noise(spectrum, 10.0, 60.0)
    with pytest.raises(AnalysisError, match="level"):
        noise_density(spectrum, 5.0, 45.0, level=95.0)
    with pytest.raises(AnalysisError, match="must be finite"):
        one_pole_noise(float("nan"), 1.0)
    with pytest.raises(AnalysisError, match="sample_rate_hz"):
        welch_spectrum(white(8, 512), 0.0, 64)
