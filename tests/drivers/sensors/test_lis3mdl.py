"""LIS3MDL: driver and twin against the reference, then against each other."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensorbench.core.clock import VirtualClock
from sensorbench.core.errors import BenchError, NotAcknowledged, ProtocolError, SetpointError
from sensorbench.core.quantity import Value
from sensorbench.links.i2c import SimulatedI2cBus
from sensorbench.sensors.lis3mdl.driver import RATES_HZ, Lis3mdl, decode_counts, field_ut
from sensorbench.sensors.lis3mdl.twin import SimLis3mdl
from sensorbench.world.fields import Constant
from sensorbench.world.world import Fault, Place, World

ADDRESS = 0x1C


class Bench:
    def __init__(self, fault: str = "", seed: int = 1, *, always_increments: bool = True) -> None:
        self.clock = VirtualClock()
        self.world = World(self.clock, seed)
        self.zone = self.world.zone()
        self.zone.bind("supply", Constant(3.3))
        if fault:
            self.world.add_fault("7", Fault(fault))
        self.bus = SimulatedI2cBus("bus0")
        self.twin = SimLis3mdl(Place(self.world, "7"), always_increments=always_increments)
        self.bus.attach(ADDRESS, self.twin)
        self.part = Lis3mdl(self.bus, ADDRESS, self.clock)

    def set(self, address: str, value: Value) -> None:
        self.zone.bind(address, Constant(value))

    def sample(self) -> npt.NDArray[np.float64]:
        self.clock.sleep(self.part.start())
        return np.asarray(self.part.read().values[0], float)

    def ideal(self) -> None:
        """Make the unit's own errors vanish, and most of its noise with them."""
        self.twin._offset_ut *= 0.0
        self.twin._offset_ut_per_k *= 0.0
        self.twin._gain = np.ones(3)

    def read(self, register: int, length: int = 1) -> bytes:
        return self.bus.transfer(ADDRESS, bytes([register]), length)

    def write(self, register: int, *values: int) -> None:
        self.bus.transfer(ADDRESS, bytes([register, *values]))


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_the_worked_example_decodes() -> None:
    *axes, temperature = decode_counts(bytes.fromhex("5d0d 52f9 ac02 0800"))
    gauss = [field_ut(count, 400.0) / 100.0 for count in axes]
    assert gauss == pytest.approx([0.5, -0.24993, 0.09997], abs=1e-5)
    assert 25.0 + temperature / 8.0 == 26.0


@given(*[st.integers(-32768, 32767)] * 4)
def test_every_word_decodes_to_its_own_count(x: int, y: int, z: int, t: int) -> None:
    data = b"".join((w & 0xFFFF).to_bytes(2, "little") for w in (x, y, z, t))
    assert decode_counts(data) == (x, y, z, t)


def test_a_short_output_names_what_came() -> None:
    with pytest.raises(ProtocolError, match="got 2: 0050"):
        decode_counts(b"\x00\x50")


def test_registers_have_their_reset_values(bench: Bench) -> None:
    assert bench.read(0x0F) == b"\x3d"
    assert bench.read(0xA0, 5) == bytes.fromhex("1000030000")
    assert bench.read(0xA8, 8) == bytes(8)


def test_preparing_writes_what_the_data_sheet_says(bench: Bench) -> None:
    bench.part.prepare(range=1600.0, rate=80.0, performance="medium")
    assert bench.read(0xA0, 5) == bytes.fromhex("bc60000440")


@pytest.mark.parametrize(
    ("code", "range_ut", "counts"),
    [(0x00, 400, 3421), (0x20, 800, 1711), (0x40, 1200, 1141), (0x60, 1600, 856)],
)
def test_the_twin_gives_the_counts_of_the_reference(
    bench: Bench, code: int, range_ut: float, counts: int
) -> None:
    bench.ideal()
    bench.set("magnetic_field", (50.0, -25.0, 10.0))  # 0.5, -0.25 and 0.1 gauss
    bench.write(0xA0, 0x70, code, 0x00, 0x0C)
    bench.clock.sleep(1.0)
    x, y, z = np.frombuffer(bench.read(0xA8, 6), "<i2")
    noise = 5 * 0.41 * 68.42 * 400 / range_ut
    assert x == pytest.approx(counts, abs=noise)
    assert y == pytest.approx(-counts / 2, abs=noise)
    assert z == pytest.approx(counts / 5, abs=noise)


def test_registers_of_a_strict_part_count_up_only_with_bit_7() -> None:
    bench = Bench(always_increments=False)
    bench.part.prepare()
    bench.set("magnetic_field", (50.0, -25.0, 10.0))
    bench.clock.sleep(1.0)
    plain = bench.read(0x28, 6)
    assert len(set(plain)) == 1
    bench.clock.sleep(1.0)
    assert len(set(bench.read(0xA8, 6))) > 1


def test_registers_count_up_without_bit_7_too(bench: Bench) -> None:
    assert bench.read(0x20, 3) == bytes.fromhex("100003")


def test_until_it_is_told_to_a_part_does_not_sample(bench: Bench) -> None:
    bench.set("magnetic_field", (50.0, 50.0, 50.0))
    bench.clock.sleep(10.0)
    assert bench.read(0xA7, 7) == bytes(7)


def test_a_single_conversion_goes_back_to_sleep(bench: Bench) -> None:
    bench.write(0x22, 0x01)
    bench.clock.sleep(0.01)
    assert bench.read(0x27)[0] & 0x0F == 0x0F
    assert bench.read(0x22) == b"\x03"
    bench.read(0xA8, 6)
    bench.clock.sleep(1.0)
    assert bench.read(0x27) == b"\x00"


def test_the_status_tells_new_and_overwritten_samples(bench: Bench) -> None:
    bench.part.prepare(rate=80.0)
    bench.read(0xA8, 6)
    assert bench.read(0x27) == b"\x00"
    bench.clock.sleep(0.015)
    assert bench.read(0x27) == b"\x0f"
    bench.clock.sleep(0.015)
    assert bench.read(0x27) == b"\xff"
    bench.read(0xA8, 2)
    assert bench.read(0x27) == b"\x66"


def test_the_hard_iron_registers_are_taken_off(bench: Bench) -> None:
    bench.ideal()
    bench.part.prepare()
    assert bench.sample()[0] == pytest.approx(0.0, abs=2.0)
    bench.write(0x85, 0x5D, 0x0D)
    assert bench.sample()[0] == pytest.approx(-50.0, abs=2.0)


def test_big_endian_swaps_the_bytes(bench: Bench) -> None:
    bench.set("magnetic_field", (200.0, 0.0, 0.0))
    bench.write(0xA0, 0x70, 0x00, 0x00, 0x0E)
    bench.clock.sleep(1.0)
    x = int.from_bytes(bench.read(0xA8, 2), "big", signed=True)
    assert x / 68.42 == pytest.approx(200.0, abs=100.0)


@pytest.mark.parametrize("field", [(300.0, -200.0, 100.0), (-50.0, 20.0, -45.0)])
def test_the_driver_reads_what_the_place_has(bench: Bench, field: tuple[float, ...]) -> None:
    bench.set("magnetic_field", field)
    bench.set("temperature", 60.0)
    bench.part.prepare()
    *found, temperature_c = bench.sample()
    assert found == pytest.approx(field, abs=100.0)
    assert temperature_c == pytest.approx(60.0, abs=5.0)


def test_a_difference_is_read_much_better_than_an_offset(bench: Bench) -> None:
    bench.part.prepare()
    before = bench.sample()[:3]
    bench.set("magnetic_field", (100.0, 100.0, 100.0))
    moved = bench.sample()[:3] - before
    assert moved == pytest.approx([100.0] * 3, abs=6.0)


@pytest.mark.parametrize("rate", RATES_HZ)
def test_start_says_long_enough_for_every_rate_and_unit(rate: float) -> None:
    for seed in range(8):
        bench = Bench(seed=seed)
        bench.part.prepare(rate=rate)
        for _ in range(3):
            bench.sample()


def test_a_sample_is_read_once(bench: Bench) -> None:
    bench.part.prepare()
    bench.sample()
    with pytest.raises(ProtocolError, match="has no new sample"):
        bench.part.read()


def test_a_sample_keeps_the_field_it_was_taken_in(bench: Bench) -> None:
    bench.part.prepare(rate=5.0)
    bench.clock.sleep(bench.part.start())
    bench.set("magnetic_field", (350.0, 0.0, 0.0))
    assert bench.part.read().values[0][0] < 150.0
    assert bench.sample()[0] > 200.0


def test_a_saturated_axis_is_no_value(bench: Bench) -> None:
    bench.set("magnetic_field", (0.0, -700.0, 0.0))
    bench.part.prepare()
    with pytest.raises(ProtocolError, match="magnetic_field_y is saturated in the range of 400 uT"):
        bench.sample()
    bench.part.prepare(range=800.0)
    assert bench.sample()[1] == pytest.approx(-700.0, abs=110.0)


def test_a_part_that_was_reset_behind_our_back_is_noticed(bench: Bench) -> None:
    bench.part.prepare()
    bench.part.start()
    bench.set("supply", 0.0)
    bench.set("supply", 3.3)
    with pytest.raises(NotAcknowledged, match="booting"):
        bench.part.read()
    bench.clock.sleep(1.0)
    with pytest.raises(ProtocolError, match=r"CTRL_REG1 to 5 are 1000030000.* Did the supply dip"):
        bench.part.read()


def test_performance_quietens() -> None:
    spread = []
    for performance in ("low", "ultra-high"):
        bench = Bench()
        bench.part.prepare(rate=80.0, performance=performance)
        spread.append(np.std([bench.sample()[:3] for _ in range(300)], axis=0))
    assert spread[1] == pytest.approx([0.32, 0.32, 0.41], rel=0.15)
    assert (spread[0] > 1.4 * spread[1]).all()


def test_a_good_part_passes_its_self_test_and_is_as_before(bench: Bench) -> None:
    bench.part.prepare(range=800.0)
    found = bench.part.self_test()
    assert list(found) == list(Lis3mdl.SELF_TEST_LIMITS)
    for name, moved in found.items():
        low, high = Lis3mdl.SELF_TEST_LIMITS[name]
        assert low < moved < high, name
    assert bench.read(0x21) == b"\x20"
    bench.sample()


def test_a_dead_coil_shows_in_the_self_test() -> None:
    found = Bench("self_test").part.self_test()
    assert all(moved < Lis3mdl.SELF_TEST_LIMITS[name][0] for name, moved in found.items())


def test_settings_that_cannot_be_are_refused(bench: Bench) -> None:
    with pytest.raises(SetpointError, match=r"range can't be 500 uT; allowed: 400 uT, 800 uT"):
        bench.part.prepare(range=500.0)
    with pytest.raises(SetpointError, match="performance can't be 'best'; allowed: 'low'"):
        bench.part.prepare(performance="best")


def test_reading_before_preparing_says_what_to_do(bench: Bench) -> None:
    for call in (bench.part.start, bench.part.read):
        with pytest.raises(BenchError, match="prepare"):
            call()


def test_another_part_in_the_socket_is_refused() -> None:
    with pytest.raises(ProtocolError, match="0x40, a LIS3MDL has 0x3d"):
        Bench("identity").part.identify()


def test_identifying_changes_nothing(bench: Bench) -> None:
    bench.part.prepare()
    before = bytes(bench.twin._registers)
    assert bench.part.identify().model == "LIS3MDL"
    assert bytes(bench.twin._registers) == before


def test_the_driver_uses_only_what_the_twin_models(bench: Bench) -> None:
    bench.part.prepare()
    bench.sample()
    bench.part.self_test()
    assert not bench.twin.beyond
    bench.write(0x30, 0xE8)
    assert list(bench.twin.beyond) == ["write 0xe8 to 0x30"]


def test_faults_show() -> None:
    with pytest.raises(NotAcknowledged, match="part 7 is silent"):
        Bench("silent").part.identify()
    stuck = Bench("stuck")
    stuck.part.prepare()
    stuck.set("magnetic_field", (300.0, 300.0, 300.0))
    assert stuck.sample()[:3] == pytest.approx([12.5, -12.5, 12.5], abs=0.1)
    noisy = Bench("noise")
    noisy.part.prepare(rate=80.0)
    assert np.std([noisy.sample()[0] for _ in range(50)]) > 8.0


def test_stress_moves_the_offset_of_a_part_that_drifts() -> None:
    moved = []
    for fault in ("", "drift"):
        bench = Bench(fault)
        bench.set("temperature", 125.0)
        bench.clock.sleep(1000 * 3600.0)
        bench.set("temperature", 23.0)
        bench.part.prepare()
        moved.append(bench.sample()[:3])
    assert (np.abs(moved[1] - moved[0]) > 40.0).all()


def test_it_draws_more_while_it_samples(bench: Bench) -> None:
    assert bench.twin.supply_current_a() < 1e-5
    bench.part.prepare()
    assert bench.twin.supply_current_a() > 1e-4
