"""Proof profiles: the parts' own streams, and steps."""

from __future__ import annotations

import re

import numpy as np
import pytest

from sensorbench.core.errors import InputError

from .conftest import MakeBench, Proven
from .proving import SBP1, Bench, data_of, passes, results_of


@pytest.mark.chaos
def test_two_hours_at_rest_show_the_gyroscope_s_floor(bench: MakeBench, proven: Proven) -> None:
    allan = bench("imu").run("characterisation/allan", "one")
    assert passes(allan)
    proven(allan)
    stream = data_of(allan).streams("allan")["IMU-0001"]
    assert not stream.overflow
    assert stream.count == pytest.approx(2 * 3600 * stream.rate_hz, rel=1e-3)
    assert stream.rate_hz == pytest.approx(104.0, rel=0.05)  # the part's own oscillator
    for axis in ("x", "y", "z"):
        (floor,) = results_of(allan, "allan_deviation", f"angular_rate_{axis}")
        assert floor.value * 3600 == pytest.approx(3.0, rel=0.25)  # deg/h
        (density,) = results_of(allan, "noise_density", f"angular_rate_{axis}")
        assert density.value == pytest.approx(3.8e-3, rel=0.1)  # deg/s/sqrt(Hz), data sheet


@pytest.mark.chaos
def test_77_modules_stream_at_full_rate(bench: MakeBench, proven: Proven) -> None:
    many = bench("imu77")
    stream = many.run("profiles/short_stream.toml", "many")
    assert passes(stream)
    html = proven(stream)
    # Streams that are alike are one row; every unit stands once with its socket, in each language.
    assert all(len(re.findall(rf">\s*IMU-{n:04d}\s*<", html)) == 2 for n in range(2, 77))
    assert all(len(re.findall(rf">\s*S{n:02d}\s*<", html)) == 2 for n in range(1, 78))
    assert "acceleration range: 4 g, rate: 6667 Hz" in html
    found = data_of(stream).streams("stream")
    assert len(found) == 77
    assert not any(one.overflow or one.saturated for one in found.values())
    assert all(one.rate_hz == pytest.approx(6664, rel=0.1) for one in found.values())
    assert all(one.count == pytest.approx(0.5 * one.rate_hz, rel=0.1) for one in found.values())
    # Each has its own oscillator, and its own noise.
    assert len({round(one.rate_hz, 3) for one in found.values()}) > 60
    first, second = (one.channel("acceleration_z") for one in list(found.values())[:2])
    assert first.std() == pytest.approx(second.std(), rel=0.2)
    assert not np.array_equal(first[:500], second[:500])


def test_a_bus_that_cannot_carry_the_stream_is_refused(bench: MakeBench) -> None:
    many = bench("imu77")
    path = many.workspace.station_path
    path.write_text(path.read_text().replace("1 MHz", "400 kHz"), encoding="utf-8")
    with pytest.raises(InputError) as refused:
        many.check("profiles/short_stream.toml", "many")
    assert len(refused.value.problems) == 77
    assert "carries" in str(refused.value)
    assert "b77" in str(refused.value)


def test_a_step_of_pressure_rises_as_the_line_does(calibrated: Bench, proven: Proven) -> None:
    """The controller goes 10 kPa/s: from 10 % to 90 % of a step of 80 kPa it takes 6.4 s."""
    step = calibrated.run("characterisation/step_response", "few")
    assert passes(step)
    proven(step)
    rise = results_of(step, "rise_time", "pressure")
    assert {r.serial for r in rise} == set(SBP1)
    assert [r.value for r in rise] == pytest.approx([6.4] * 3, rel=0.02)
    settling = results_of(step, "settling_time", "pressure")
    assert all(6.4 < r.value < 10.0 for r in settling)
    # Read as often as asked: the voltmeter, which takes 0.4 s, is read now and then.
    facts = step.assessment.facts["step"]
    assert facts["kept_every_s"] == pytest.approx(0.1, rel=0.3)
