"""Bandwidth by step, by sweep, by sines: one pole gives one answer by all three ways."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sensorbench.analysis.errors import AnalysisError
from sensorbench.analysis.noise.bandwidth import bandwidth_of_sweep, fit_sine, step_response

CORNER_HZ = 8.0
RATE_HZ = 1000.0


def one_pole_step(samples: int = 1000, step_at: int = 100) -> np.ndarray:
    t = (np.arange(samples) - step_at) / RATE_HZ
    return np.where(t > 0, 1 - np.exp(-2 * np.pi * CORNER_HZ * np.maximum(t, 0)), 0.0)


def one_pole_gain(f: np.ndarray) -> np.ndarray:
    return 1 / np.sqrt(1 + (f / CORNER_HZ) ** 2)


def test_step_of_one_pole_gives_its_bandwidth_rise_and_delay() -> None:
    found = step_response(2.0 + 3.0 * one_pole_step(), RATE_HZ, 0.1, 0.5)
    assert found.bandwidth_hz == pytest.approx(CORNER_HZ, rel=2e-3)
    assert found.rise_time_s == pytest.approx(np.log(9) / (2 * np.pi * CORNER_HZ), rel=2e-3)
    assert found.delay_s == pytest.approx(np.log(2) / (2 * np.pi * CORNER_HZ), rel=2e-2)
    assert (found.initial, found.final) == (pytest.approx(2.0), pytest.approx(5.0))
    assert found.overshoot == pytest.approx(0.0, abs=1e-9)


def test_sweep_of_one_pole_gives_its_bandwidth() -> None:
    f = np.geomspace(0.1, 100.0, 61)
    assert bandwidth_of_sweep(f, 7.0 * one_pole_gain(f)).value == pytest.approx(CORNER_HZ, rel=1e-3)


def test_amplitudes_fitted_at_each_frequency_of_a_sweep_give_the_bandwidth() -> None:
    f = np.geomspace(0.5, 50.0, 25)
    time = np.arange(4000) / RATE_HZ
    noise = 0.01 * np.random.Generator(np.random.Philox(1)).standard_normal((25, 4000))
    gain = [
        fit_sine(g * np.sin(2 * np.pi * at * time + 0.3) + 1.0 + n, RATE_HZ, at).amplitude
        for at, g, n in zip(f, one_pole_gain(f), noise, strict=True)
    ]
    assert bandwidth_of_sweep(f, np.array(gain)).value == pytest.approx(CORNER_HZ, rel=5e-3)


def test_a_sine_is_fitted_exactly_without_whole_periods() -> None:
    time = np.arange(777) / RATE_HZ
    found = fit_sine(0.5 + 2.0 * np.sin(2 * np.pi * 3.3 * time + 0.7), RATE_HZ, 3.3)
    assert found.amplitude == pytest.approx(2.0, rel=1e-12)
    assert found.phase_rad == pytest.approx(0.7, rel=1e-12)
    assert found.offset == pytest.approx(0.5, rel=1e-12)
    assert found.residual_rms == pytest.approx(0.0, abs=1e-12)


def test_the_uncertainty_of_the_amplitude_is_its_scatter_and_covers() -> None:
    time = np.arange(64) / RATE_HZ
    noise = 0.1 * np.random.Generator(np.random.Philox(2)).standard_normal((4000, 64))
    found = fit_sine(np.sin(2 * np.pi * 47.0 * time) + noise, RATE_HZ, 47.0)
    assert found.amplitude_u.mean() == pytest.approx(found.amplitude.std(), rel=0.04)
    from scipy.special import stdtrit  # noqa: PLC0415 - heavy

    k = stdtrit(61, 0.975)
    assert 0.93 <= np.mean(np.abs(found.amplitude - 1.0) <= k * found.amplitude_u) <= 0.97


def test_overshoot_of_two_poles_is_that_of_its_damping() -> None:
    t = np.maximum(np.arange(3000) - 200, 0) / RATE_HZ
    zeta, w = 0.4, 2 * np.pi * 10.0
    damped = w * np.sqrt(1 - zeta**2)
    y = 1 - np.exp(-zeta * w * t) * (np.cos(damped * t) + zeta * w / damped * np.sin(damped * t))
    found = step_response(y, RATE_HZ, 0.2, 2.0)
    assert found.overshoot == pytest.approx(np.exp(-np.pi * zeta / np.sqrt(1 - zeta**2)), rel=1e-2)


@settings(max_examples=25, deadline=None)
@given(gain=st.floats(1e-6, 1e6), offset=st.floats(-10, 10), sign=st.sampled_from([-1.0, 1.0]))
def test_unit_sign_and_order_of_duts_do_not_matter(gain: float, offset: float, sign: float) -> None:
    steps = np.stack([one_pole_step(), one_pole_step(step_at=120)])
    base = step_response(steps, RATE_HZ, 0.1, 0.6)
    changed = step_response(sign * gain * (steps[::-1] + offset), RATE_HZ, 0.1, 0.6)
    assert changed.bandwidth_hz[::-1] == pytest.approx(base.bandwidth_hz, rel=1e-6)
    assert changed.delay_s[::-1] == pytest.approx(base.delay_s, rel=1e-6)


def test_a_record_without_a_step_has_no_bandwidth() -> None:
    noise = np.random.Generator(np.random.Philox(3)).standard_normal((5, 1000))
    found = step_response(noise, RATE_HZ, 0.1, 0.5)
    assert np.all(np.isnan(found.bandwidth_hz))
    assert np.all(np.isnan(found.rise_time_s))


def test_a_sweep_that_stays_flat_has_no_bandwidth() -> None:
    f = np.array([1.0, 2.0, 4.0])
    found = bandwidth_of_sweep(f, np.array([[1.0, 1.0, 0.8], [1.0, 0.9, 0.5]]))
    assert np.isnan(found.value[0])
    assert found.reasons[0].startswith("the gain never falls by 3 dB")
    assert 2.0 < found.value[1] < 4.0


def test_what_can_not_be_a_sweep_is_refused() -> None:
    with pytest.raises(AnalysisError, match="rise"):
        bandwidth_of_sweep([2.0, 1.0], [1.0, 0.5])
    with pytest.raises(AnalysisError, match="shape"):
        bandwidth_of_sweep([1.0, 2.0], [1.0, 0.5, 0.1])
    with pytest.raises(AnalysisError, match="positive and known"):
        bandwidth_of_sweep([1.0, 2.0], [1.0, np.nan])


def test_what_can_not_be_a_sine_or_a_step_is_refused() -> None:
    with pytest.raises(AnalysisError, match="can't show"):
        fit_sine(one_pole_step(), RATE_HZ, 500.0)
    with pytest.raises(AnalysisError, match="can't show"):
        fit_sine(one_pole_step(), RATE_HZ, 0.5)
    with pytest.raises(AnalysisError, match="never changes"):
        fit_sine(np.ones(100), RATE_HZ, 50.0)
    with pytest.raises(AnalysisError, match="missing"):
        step_response([0.0, 1.0, np.nan, 1.0], 1.0, 1.0, 2.0)
    for times in ((0.0, 0.5), (0.5, 0.5), (0.1, 1.0)):
        with pytest.raises(AnalysisError, match="times must leave"):
            step_response(one_pole_step(), RATE_HZ, *times)
