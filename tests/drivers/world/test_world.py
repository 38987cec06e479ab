"""The world: closed-form in time, and random by counter."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensorbench.core.clock import VirtualClock
from sensorbench.world.fields import Computed, Constant, Moving, Wave
from sensorbench.world.imposed import Pieces
from sensorbench.world.motion import Approach
from sensorbench.world.random import Stream
from sensorbench.world.world import Fault, Place, World

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


def air(world: World) -> Moving:
    """Let zone "" have a chamber's air, and return it."""
    field = Moving(
        23.0,
        fastest_up=5 / 60,
        fastest_down=3 / 60,
        tau_s=75.0,
        moves_before=world.changing,
        now=world.clock.now(),
        body_lag_s=200.0,
    )
    world.zone().bind("temperature", field)
    return field


def supply(world: World, voltage_v: float) -> None:
    world.zone().bind("supply", Constant(voltage_v))


def test_a_setpoint_change_half_way_leaves_no_jump() -> None:
    clock = VirtualClock()
    field = air(World(clock))
    field.go(125.0, 0.0)
    clock.sleep(600)
    here, body = field.at(600.0), field.felt(600.0)
    assert body != pytest.approx(here, abs=5.0)
    field.go(-40.0, 600.0)
    assert field.at(600.0) == pytest.approx(here)
    assert field.felt(600.0) == pytest.approx(body)


def test_heating_and_cooling_have_their_own_rates_and_a_slower_one_is_kept() -> None:
    field = air(World(VirtualClock()))
    field.go(125.0, 0.0)
    assert field.at(60.0) == pytest.approx(28.0)
    field.go(-40.0, 60.0)
    assert field.at(120.0) == pytest.approx(25.0)
    field.go(125.0, 120.0, rate=1 / 60)
    assert field.at(180.0) == pytest.approx(26.0)


def test_let_go_it_drifts_by_an_exponential_alone() -> None:
    field = air(World(VirtualClock()))
    field.go(123.0, 0.0)
    field.drift(23.0, 100_000.0, 3600.0)
    assert field.at(103_600.0) == pytest.approx(23.0 + 100.0 / math.e, abs=1e-6)
    assert not field.rising(103_600.0)


def test_the_state_after_a_month_is_the_same_however_often_it_was_asked() -> None:
    asked, silent = air(World(VirtualClock())), air(World(VirtualClock()))
    for field in (asked, silent):
        field.go(85.0, 0.0)
    for k in range(1000):
        asked.felt(k * 2592.0)
    assert asked.felt(2_592_000.0) == silent.felt(2_592_000.0)


@given(temperatures, st.floats(0.0, 20_000.0))
def test_what_is_said_to_stand_still_does(target: float, at_s: float) -> None:
    field = air(World(VirtualClock()))
    field.go(target, 0.0)
    still_s = field.still_from(at_s)
    later = np.linspace(still_s, still_s + 1e6, 20)
    assert np.ptp(field.sample(later)) <= 2e-3


@given(temperatures, st.lists(st.floats(0.0, 20_000.0), min_size=1, max_size=9))
def test_a_block_of_times_gives_what_single_times_give(target: float, times: list[float]) -> None:
    field = air(World(VirtualClock()))
    field.go(target, 0.0)
    found = field.sample(np.array(sorted(times)))
    assert found == pytest.approx([field.felt(t) for t in sorted(times)], abs=2e-3)


@pytest.mark.parametrize(("shape", "half"), [("square", 5.0), ("sine", 3.0)])
def test_a_wave_swings_between_its_ends_and_is_never_still(shape: str, half: float) -> None:
    wave = Wave(1.0, 5.0, 10.0, shape, since=100.0)
    values = wave.sample(np.linspace(100.0, 200.0, 4001))
    assert values.min() == pytest.approx(1.0, abs=1e-3)
    assert values.max() == pytest.approx(5.0, abs=1e-3)
    assert wave.at(100.0) == pytest.approx(half)
    assert wave.at(123.4) == pytest.approx(wave.at(133.4))
    assert wave.still_from(1e9) == math.inf


def test_a_recording_is_played_from_its_start_and_held_at_its_ends() -> None:
    played = Pieces(np.array([0.0, 1.0]), np.array([[0.0, 0.0], [2.0, 4.0]]), since=10.0)
    assert played.at(10.5) == (1.0, 2.0)
    assert played.at(0.0) == (0.0, 0.0)
    assert played.at(99.0) == (2.0, 4.0)
    assert played.still_from(10.5) == 11.0
    assert played.still_from(11.0) == 11.0


def test_a_computed_field_moves_as_long_as_what_it_is_made_of() -> None:
    world = World(VirtualClock())
    one = air(world)
    double = Computed(lambda now: 2 * float(one.sample(np.array([now]))[0]), (one,))
    one.go(85.0, 0.0)
    assert double.still_from(0.0) == one.still_from(0.0) > 0
    assert double.at(1e6) == pytest.approx(170.0)


def test_who_listens_hears_of_a_change_before_it_happens() -> None:
    world = World(VirtualClock())
    field, heard = air(world), []
    world.listen(lambda: heard.append(field.target))
    field.go(85.0, 0.0)
    field.go(125.0, 1.0)
    assert heard == [23.0, 85.0]


def test_stress_counts_only_under_bias_and_by_arrhenius() -> None:
    clock = VirtualClock()
    world = World(clock)
    field, part = air(world), Place(world, "1")
    field.go(125.0, 0.0)
    clock.sleep(3600)
    assert part.stress_h() == 0.0
    supply(world, 3.6)
    clock.sleep(100 * 3600)
    assert part.stress_h() == pytest.approx(100.0)
    field.go(55.0, clock.now())
    clock.sleep(100 * 3600)
    # AEC-Q100 Rev H appendix 7 constants: 125 to 55 degC at 0.7 eV is a factor of 77.65.
    assert part.stress_h() == pytest.approx(100 + 100 / 77.65, rel=1e-3)


def test_a_part_has_its_own_hours_and_takes_them_along() -> None:
    clock = VirtualClock()
    world = World(clock)
    air(world).go(125.0, 0.0)
    supply(world, 3.6)
    clock.sleep(100 * 3600)
    late = Place(world, "2", lot="b")
    clock.sleep(10 * 3600)
    assert late.stress_h() == pytest.approx(10.0)
    late.leave()
    again = World(VirtualClock(), memory=world.memory)
    assert Place(again, "2", lot="b").stress_h() == pytest.approx(10.0)
    assert Place(again, "2", lot="fresh").stress_h() == 0.0


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


def test_what_parts_remember_outlives_the_world_by_lot_and_serial() -> None:
    world = World(VirtualClock())
    Place(world, "1", lot="a").remember("nvm", "cafe")
    again = World(VirtualClock(), memory=world.memory)
    assert Place(again, "1", lot="a").recall("nvm") == "cafe"
    assert Place(again, "1", lot="b").recall("nvm") is None
    assert Place(again, "2", lot="a").recall("nvm") is None


@given(st.integers(0, 10_000), st.integers(1, 40))
def test_noise_of_a_sample_is_the_same_in_whatever_block(first: int, count: int) -> None:
    part = Place(World(VirtualClock(), seed=3), "B7")
    whole = part.noises("x", first, count)
    assert len(whole) == count
    single = [float(part.noises("x", first + k, 1)[0]) for k in range(count)]
    assert whole.tolist() == single


def test_what_nothing_drives_is_ambient_and_ports_share_their_quantity() -> None:
    world = World(VirtualClock(), ambient={"pressure": 98_700.0})
    part = Place(world, "1")
    assert part.pressure_pa() == part.pressure_pa("hp") == 98_700.0
    world.zone().bind("pressure", Constant(50_000.0))
    world.zone().bind("pressure.hp", Constant(60_000.0))
    assert (part.pressure_pa("hp"), part.pressure_pa("lp")) == (60_000.0, 50_000.0)
    assert part.supply_v() == 0.0
    assert Place(world, "ref", powered=False).supply_v() == 3.3


def test_air_that_nothing_humidifies_has_the_water_of_the_room() -> None:
    world = World(VirtualClock())
    part = Place(world, "1")
    assert part.humidity_rh() == pytest.approx(45.0, abs=0.1)
    world.zone().bind("temperature", Constant(60.0))
    # Saturated air has 28.09 hPa at 23 degC and 199.2 hPa at 60 degC (WMO-No. 8).
    assert part.humidity_rh() == pytest.approx(45.0 * 28.09 / 199.2, rel=0.02)
    world.zone().bind("temperature", Constant(-20.0))
    assert part.humidity_rh() == pytest.approx(100.0, abs=1.0)
    world.zone().bind("humidity", Constant(30.0))
    assert part.humidity_rh() == pytest.approx(30.0, abs=0.3)


def test_what_a_part_feels_at_many_times_is_what_it_feels_at_each() -> None:
    clock = VirtualClock()
    world = World(clock, 3)
    zone = world.zone()
    for where, value, target in (
        ("temperature", 60.0, -10.0), ("humidity", 35.0, 80.0), ("pressure", 90_000.0, 90_100.0),
        ("co2", 420.0, 500.0),
    ):  # fmt: skip
        field = Moving(value, fastest_up=1.0, tau_s=5.0, moves_before=world.changing, now=0.0)
        zone.bind(where, field)
        field.go(target, 0.0)
    part = Place(world, "7")
    clock.sleep(100.0)
    times = np.linspace(0.0, 100.0, 11)
    humidity = [part.humidity_rh(float(at_s)) for at_s in times]
    assert part.humidities_rh(times) == pytest.approx(humidity)
    assert part.pressures_pa(times) == pytest.approx([part.pressure_pa(at_s=t) for t in times])
    assert np.ptp(part.pressures_pa(times)) > 50
    assert part.scalars("co2", times) == pytest.approx([part.scalar("co2", t) for t in times])


def test_gravity_is_up_in_the_part_s_axes() -> None:
    world = World(VirtualClock())
    part = Place(world, "1")
    times = np.array([0.0, 1.0])
    assert part.acceleration(times).tolist() == [[0.0, 0.0, 9.80665]] * 2
    world.zone().bind("orientation", Constant((-1.0, 0.0, 0.0)))
    world.zone().bind("angular_rate", Constant(90.0))
    assert part.acceleration(times)[1].tolist() == [-9.80665, 0.0, 0.0]
    assert part.angular_rate(times)[0].tolist() == [-90.0, 0.0, 0.0]


def test_what_a_part_felt_earlier_can_be_asked_back_to_the_last_change() -> None:
    clock = VirtualClock()
    world = World(clock)
    field, part = air(world), Place(world, "1")
    field.go(125.0, 0.0)
    clock.sleep(5000.0)
    assert part.temperature_c(600.0) < 65.0 < part.temperature_c()
    assert part.temperature_c(600.0) == pytest.approx(field.felt(600.0), abs=0.5)


def test_a_fault_has_its_time() -> None:
    clock = VirtualClock()
    world = World(clock)
    world.add_fault("1", Fault("stuck", at_s=10.0, until_s=20.0))
    part = Place(world, "1")
    seen = []
    for _ in range(3):
        seen.append(part.fault())
        clock.sleep(10.0)
    assert seen == ["", "stuck", ""]


def test_work_aside_sees_the_world_as_it_was_when_it_began() -> None:
    clock = VirtualClock()
    world = World(clock)
    field, part = air(world), Place(world, "1")
    world.add_fault("1", Fault("stuck", at_s=60.1))
    field.go(125.0, 0.0)
    clock.sleep(60.0)
    began = part.temperature_c()

    def look() -> tuple[float, float, str, str]:
        clock.sleep(0.4)
        return part.temperature_c(), part.temperature_c(60.3), part.fault(), part.fault(60.3)

    assert clock.aside(look) == (began, began, "", "")
    assert look()[0] > began
    assert part.fault() == "stuck"


def test_a_still_world_says_until_when_it_is_still() -> None:
    clock = VirtualClock()
    world = World(clock)
    field = air(world)
    world.add_fault("1", Fault("stuck", at_s=50_000.0))
    field.go(85.0, 0.0)
    assert world.still_until("", "temperature") == 0.0
    clock.sleep(20_000.0)
    assert world.still_until("", "temperature") == 50_000.0
    clock.sleep(40_000.0)
    assert world.still_until("", "temperature") == math.inf


def test_who_listens_for_a_part_is_told_before_it_leaves_and_not_after() -> None:
    clock = VirtualClock()
    world = World(clock)
    field = air(world)
    place = Place(world, "1")
    told: list[float] = []
    place.listen(lambda: told.append(clock.now()))
    for target_c in (85.0, 25.0):
        field.go(target_c, clock.now())
        clock.sleep(10.0)
    place.leave()
    field.go(125.0, clock.now())
    place.leave()
    assert told == [0.0, 10.0, 20.0]


def test_a_course_of_moves_is_a_function_of_time_alone() -> None:
    world = World(VirtualClock())
    field, step_by_step = air(world), air(world)
    field.follow([(0.0, 80.0, 0.05), (1200.0, -20.0, None), (9000.0, 50.0, 0.05)])
    step_by_step.go(80.0, 0.0, 0.05)
    for now, target, rate in ((1200.0, -20.0, None), (9000.0, 50.0, 0.05)):
        for before in (now - 600.0, now - 1.0):
            assert field.felt(before) == pytest.approx(step_by_step.felt(before))
            assert field.at(before) == pytest.approx(step_by_step.at(before))
        step_by_step.go(target, now, rate)
    assert field.sample(np.array([9600.0, 600.0]))[0] == pytest.approx(step_by_step.felt(9600.0))
    assert field.still_from(0.0) == step_by_step.still_from(9000.0)
    assert (field.target, field.rising(100.0), field.rising(2000.0)) == (50.0, True, False)
    assert field.bounds(100.0) == (-20.0, 80.0)
    # It may come to lie between two values later, though it does not on its present way.
    assert field.reaches(100.0, 100.0, 110.0) == 100.0


# A room, a chamber of 85/85, and a freezer: its humidity counts over water, its frost over ice.
@pytest.mark.parametrize(
    ("temperature_c", "humidity_rh", "dew_point_c"),
    [(23.0, 45.0, 10.4), (85.0, 85.0, 81.0), (-30.0, 60.0, -32.0)],
)
def test_air_has_a_dew_point_that_nobody_drives(
    temperature_c: float, humidity_rh: float, dew_point_c: float
) -> None:
    world = World(VirtualClock())
    zone = world.zone()
    zone.bind("temperature", Constant(temperature_c))
    zone.bind("humidity", Constant(humidity_rh))
    assert zone.value("dew_point") == pytest.approx(dew_point_c, abs=0.1)
    zone.bind("dew_point", Constant(5.0))
    assert zone.value("dew_point") == 5.0


def test_the_dew_point_of_a_room_stays_as_a_chamber_warms_it() -> None:
    world = World(VirtualClock())
    before = world.zone().value("dew_point")
    world.zone().bind("temperature", Constant(85.0))
    assert world.zone().value("dew_point") == pytest.approx(before, abs=0.01)
