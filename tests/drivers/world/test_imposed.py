"""What no instrument drives: closed forms against a fine numerical solution, and chance by key."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import pytest

from sensorbench.world.fields import Field, reach
from sensorbench.world.imposed import Pieces, Sines, Turning, vibration

LAG_S = 3.0
TIMES = np.array([0.0, 4.0, 5.0, 9.0])
VALUES = np.array([1.0, 5.0, 5.0, -2.0])


def sines(lag_s: float = 0.0) -> Sines:
    return Sines(
        np.array([2.0]), np.array([0.1]), np.array([0.0]), since=0.0, offset=10.0, lag_s=lag_s
    )


def random() -> Sines:
    return Sines(*vibration(0.5, 20.0, 200.0, (1, "acceleration")), since=0.0)


def follows(driven: Field, lags: Field, until_s: float) -> npt.NDArray[np.float64]:
    """Solve lag * y' = u - y in fine steps, from where `lags` begins."""
    step = 1e-3
    fine = np.arange(0.0, until_s, step)
    found, here = [], float(lags.sample(fine[:1])[0])
    for value in driven.sample(fine + step / 2):
        found.append(here)
        here += (float(value) - here) * -math.expm1(-step / LAG_S)
    return np.array(found)


@pytest.mark.parametrize(("steps", "repeats"), [(False, False), (False, True), (True, False)])
def test_lag_of_pieces_is_that_of_a_first_order_place(steps: bool, repeats: bool) -> None:
    driven, lags = (
        Pieces(TIMES, VALUES, since=0.0, steps=steps, repeats=repeats, lag_s=lag)
        for lag in (0.0, LAG_S)
    )
    fine = np.arange(0.0, 30.0, 1e-3)
    assert lags.sample(fine) == pytest.approx(follows(driven, lags, 30.0), abs=2e-3)


def test_lag_of_a_sine_weakens_and_delays_it() -> None:
    fine = np.arange(0.0, 20.0, 1e-3)
    assert sines(LAG_S).sample(fine) == pytest.approx(
        follows(sines(), sines(LAG_S), 20.0), abs=2e-3
    )


@pytest.mark.parametrize(
    "field",
    [
        random(),
        sines(LAG_S),
        Pieces(TIMES, VALUES, since=0.0, repeats=True, lag_s=LAG_S),
        Pieces(TIMES, VALUES, since=0.0, lag_s=LAG_S),
        Turning((0.0, 0.0, 1.0), (1.0, 0.0, 0.0), 30.0, 0.0),
    ],
)
def test_a_sample_is_the_same_to_the_bit_in_whatever_blocks(field: Field) -> None:
    times = np.arange(5000) / 1666.0
    whole = field.sample(times)
    for cut in (1, 2, 7, 2049):
        parts = [field.sample(times[k : k + cut]) for k in range(0, 4 * cut, cut)]
        assert np.concatenate(parts).tobytes() == whole[: 4 * cut].tobytes()


def test_random_vibration_has_its_power_and_is_normal() -> None:
    found = random().sample(np.arange(40_000) / 1000.0)
    assert found.var() == pytest.approx(0.5 * 180.0, rel=0.03)
    assert np.mean(found**4) / found.var() ** 2 == pytest.approx(3.0, abs=0.15)


def test_what_moves_is_not_still_and_knows_how_far_it_goes() -> None:
    held = Pieces(TIMES, VALUES, since=100.0, lag_s=LAG_S)
    assert held.still_from(100.0) == pytest.approx(109.0 + LAG_S * math.log(1e6))
    assert held.bounds(100.0) == (-2.0, 5.0)
    assert reach(held, 1e4) == (pytest.approx(-2.0), pytest.approx(-2.0))
    assert Pieces(TIMES, VALUES, since=0.0, repeats=True).still_from(1e6) == math.inf
    assert sines().still_from(0.0) == math.inf
    assert sines().bounds(0.0) == (8.0, 12.0)
    assert sines().reaches(0.0, 13.0, 14.0) == math.inf


def test_up_turns_against_the_part() -> None:
    turned = Turning((0.0, 0.0, 1.0), (1.0, 0.0, 0.0), 90.0, 10.0)
    assert turned.at(10.0) == pytest.approx((0.0, 0.0, 1.0))
    assert turned.at(11.0) == pytest.approx((0.0, 1.0, 0.0))  # its y axis turned to point up
    assert Turning((0.0, 0.0, 1.0), (0.0, 0.0, 1.0), 90.0, 0.0).still_from(5.0) == 5.0
