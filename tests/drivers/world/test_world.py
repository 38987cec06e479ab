"""The world: closed-form in time, and random by counter."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensorbench.core.clock import VirtualClock
from sensorbench.world.motion import Approach
from sensorbench.world.random import Stream
from sensorbench.world.world import Place, World

temperatures = st.floats(-70, 180)


@given(temperatures, temperatures, st.floats(0.01, 1.0), st.floats(1, 200), st.floats(201, 500))
def test_a_lagging_body_solves_its_differential_equation(
    start: float, target: float, rate: float, tau_s: float, lag_s: float
) -> None:
    """The closed form against 2000 Euler steps of lag * y' = u - y."""
    move = Approach(start, target, rate, tau_s)
    end_s, body = 3 * lag_s, start
    step_s = end_s / 2000
    for k in range(2000):
        body += (move.at((k + 0.5) * step_s) - body) * step_s / lag_s
    assert move.lagged(end_s, start, lag_s) == pytest.approx(
        body, abs=0.02 + 0.002 * abs(target - start)
    )


@given(temperatures, temperatures)
def test_the_air_starts_where_it_was_and_ends_at_the_setpoint(start: float, target: float) -> None:
    move = Approach(start, target, rate=0.05, tau_s=75)
    assert move.at(0) == pytest.approx(start)
    assert move.at(36_000) == pytest.approx(target, abs=1e-3)


@given(temperatures, temperatures)
def test_the_air_is_never_faster_than_the_chamber(start: float, target: float) -> None:
    move = Approach(start, target, rate=0.05, tau_s=75)
    values = np.array([move.at(t) for t in np.arange(0, 8000, 20.0)])
    assert np.abs(np.diff(values)).max(initial=0) <= 0.05 * 20 + 1e-9


def test_a_setpoint_change_half_way_leaves_no_jump() -> None:
    clock = VirtualClock()
    world = World(clock)
    world.chamber.approach(125.0)
    clock.sleep(600)
    air, body = world.chamber.air_c(), world.chamber.body_c()
    world.chamber.approach(-40.0)
    assert world.chamber.air_c() == pytest.approx(air)
    assert world.chamber.body_c() == pytest.approx(body)


def test_the_state_after_a_month_is_the_same_however_often_it_was_asked() -> None:
    asked, silent = VirtualClock(), VirtualClock()
    one, other = World(asked), World(silent)
    for world in (one, other):
        world.chamber.approach(85.0)
    for _ in range(1000):
        asked.sleep(2592)
        one.chamber.body_c()
    silent.sleep(2_592_000)
    assert one.chamber.body_c() == pytest.approx(other.chamber.body_c(), abs=1e-9)


def test_stress_counts_only_under_bias_and_by_arrhenius() -> None:
    clock = VirtualClock()
    world = World(clock)
    world.chamber.approach(125.0)
    clock.sleep(3600)
    assert world.stress_h() == 0.0
    world.rails[1].set_voltage(3.6)
    world.rails[1].switch(True)
    clock.sleep(100 * 3600)
    assert world.stress_h() == pytest.approx(100.0)
    world.chamber.approach(55.0)
    clock.sleep(100 * 3600)
    # AEC-Q100 Rev H appendix 7 constants: 125 to 55 degC at 0.7 eV is a factor of 77.65.
    assert world.stress_h() == pytest.approx(100 + 100 / 77.65, rel=1e-3)


def test_a_unit_does_not_depend_on_the_other_units() -> None:
    alone = Place(World(VirtualClock(), seed=3), "B7").unit("offset")
    world = World(VirtualClock(), seed=3)
    for serial in ("B1", "B2", "B7"):
        last = Place(world, serial).unit("offset")
    assert last == alone
    assert Place(World(VirtualClock(), seed=4), "B7").unit("offset") != alone


def test_streams_are_standard_normal_and_uniform() -> None:
    stream = Stream(1, "lot", "serial", "noise")
    normal = np.array([stream.normal(k) for k in range(20_000)])
    uniform = np.array([stream.uniform(k) for k in range(20_000)])
    assert abs(normal.mean()) < 0.03
    assert normal.std() == pytest.approx(1, abs=0.02)
    assert abs(np.corrcoef(normal[1:], normal[:-1])[0, 1]) < 0.03
    assert np.histogram(uniform, 10, (0, 1))[0].min() > 1800


def test_what_parts_remember_outlives_the_world() -> None:
    memory: dict[str, str] = {}
    clock = VirtualClock()
    world = World(clock, memory=memory)
    world.rails[1].set_voltage(3.3)
    world.rails[1].switch(True)
    world.chamber.approach(125.0)
    clock.sleep(3600)
    world.rails[1].switch(False)
    assert World(VirtualClock(), memory=memory).stress_h() == pytest.approx(world.stress_h())
