"""BME280: what it has beyond a BMP280, by known numbers and then driver against twin."""

import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensorbench.core.clock import VirtualClock
from sensorbench.core.errors import BenchError, ProtocolError
from sensorbench.links.i2c import SimulatedI2cBus
from sensorbench.sensors.bme280.driver import (
    Bme280,
    HumidityTrimming,
    compensate_humidity,
    decode_humidity_trimming,
)
from sensorbench.sensors.bme280.twin import SimBme280, humidity_counts
from sensorbench.sensors.bmp280.driver import Bmp280
from sensorbench.world.fields import Constant
from sensorbench.world.world import Fault, Place, World

WORDS = HumidityTrimming(75, 355, 0, 339, 50, 30)


class Bench:
    def __init__(self, fault: str = "", seed: int = 1, oversampling: int = 16) -> None:
        self.clock = VirtualClock()
        self.world = World(self.clock, seed)
        if fault:
            self.world.add_fault("7", Fault(fault))
        self.put("supply", 3.3)
        self.bus = SimulatedI2cBus("bus0")
        self.twin = SimBme280(Place(self.world, "7"))
        self.bus.attach(0x76, self.twin)
        self.part = Bme280(self.bus, 0x76, self.clock)
        self._oversampling = oversampling
        self.clock.sleep(0.01)

    def put(self, quantity: str, value: float) -> None:
        """Let the world have a value from now on."""
        self.world.zone().bind(quantity, Constant(value))

    def prepare(self) -> None:
        self.part.prepare(oversampling=self._oversampling)

    def sample(self) -> tuple[float, ...]:
        self.clock.sleep(self.part.start())
        return tuple(float(value) for value in self.part.read().values[0])

    def read(self, register: int, length: int = 1) -> bytes:
        return self.bus.transfer(0x76, bytes([register]), length)

    def write(self, *data: int) -> None:
        self.bus.transfer(0x76, bytes(data))


@pytest.fixture
def bench() -> Bench:
    return Bench()


@pytest.mark.parametrize(("counts", "humidity_rh"), [(27000, 28.4047), (30000, 44.8551)])
def test_driver_and_twin_agree_with_the_known_numbers(counts: int, humidity_rh: float) -> None:
    assert compensate_humidity(WORDS, 128422, counts) == pytest.approx(humidity_rh, abs=0.01)
    assert humidity_counts(WORDS, 128422 / 5120, humidity_rh) == pytest.approx(counts, abs=1)


@given(st.floats(-40.0, 85.0), st.floats(0.0, 100.0), st.integers(331, 379), st.integers(303, 375))
def test_driver_and_twin_agree_over_the_rated_range_for_any_part(
    temperature_c: float, humidity_rh: float, h2: int, h4: int
) -> None:
    words = WORDS._replace(h2=h2, h4=h4)
    counts = round(humidity_counts(words, temperature_c, humidity_rh))
    assert 0 <= counts <= 0xFFFF
    found = compensate_humidity(words, round(temperature_c * 5120), counts)
    assert found == pytest.approx(humidity_rh, abs=0.05)


@given(st.integers(-2048, 2047), st.integers(-2048, 2047))
def test_the_two_words_that_share_a_byte_are_signed(h4: int, h5: int) -> None:
    bench = Bench()
    bench.twin._humidity_words = (75, 355, 0, h4, h5, 30)
    bench.prepare()
    assert decode_humidity_trimming(bench.read(0xA1)[0], bench.read(0xE1, 7)) == (
        75, 355, 0, h4, h5, 30,
    )  # fmt: skip


def test_humidity_settings_count_only_after_the_next_start(bench: Bench) -> None:
    bench.write(0xF4, 0x25, 0xF2, 0x01)
    bench.clock.sleep(0.02)
    assert bench.read(0xFD, 2) == b"\x80\x00"
    bench.write(0xF4, 0x25)
    bench.clock.sleep(0.02)
    assert bench.read(0xFD, 2) != b"\x80\x00"


@pytest.mark.parametrize("oversampling", [1, 2, 4, 8, 16])
def test_the_longest_conversion_time_is_always_enough(oversampling: int) -> None:
    for seed in range(20):
        bench = Bench(seed=seed, oversampling=oversampling)
        bench.prepare()
        assert len(bench.sample()) == 6


@pytest.mark.parametrize("room_rh", [20.0, 45.0, 80.0])
def test_humidity_follows_the_room(room_rh: float) -> None:
    bench = Bench()
    bench.world.ambient["humidity"] = room_rh
    bench.prepare()
    assert bench.sample()[5] == pytest.approx(room_rh, abs=3.0)


def test_hot_chamber_air_is_dry_and_cold_air_is_saturated(bench: Bench) -> None:
    bench.prepare()
    found = {}
    for air_c in (85.0, -20.0):
        bench.put("temperature", air_c)
        found[air_c] = bench.sample()[5]
    assert found[85.0] < 5.0
    assert found[-20.0] > 97.0


def test_humidity_follows_what_drives_it(bench: Bench) -> None:
    bench.prepare()
    bench.put("temperature", 85.0)
    bench.put("humidity", 85.0)
    assert bench.sample()[5] == pytest.approx(85.0, abs=4.0)


def test_humidity_noise_is_small(bench: Bench) -> None:
    bench.prepare()
    humidities = [bench.sample()[5] for _ in range(200)]
    assert statistics.stdev(humidities) == pytest.approx(0.02, rel=0.25)


@pytest.mark.parametrize("register", [0x88, 0xA1, 0xE4, 0xE8])
def test_a_flipped_bit_of_the_factory_words_is_found(bench: Bench, register: int) -> None:
    load = bench.twin._load_memory

    def load_damaged() -> None:
        load()
        bench.twin._registers[register] ^= 0x04

    bench.twin._load_memory = load_damaged  # type: ignore[method-assign]
    with pytest.raises(ProtocolError, match="address 0x76: CRC of the factory words"):
        bench.prepare()


def test_lost_factory_words_are_refused() -> None:
    with pytest.raises(ProtocolError, match="address 0x76"):
        Bench("memory").prepare()


def test_standby_codes_6_and_7_are_shorter_than_the_bmp280_s(bench: Bench) -> None:
    bench.write(0xF5, 0xC0, 0xF4, 0xB7)  # 10 ms between conversions of 75 ms at most
    bench.clock.sleep(0.1)
    first = bench.read(0xF7, 6)
    bench.clock.sleep(0.1)
    assert bench.read(0xF7, 6) != first


def test_it_is_not_taken_for_a_bmp280(bench: Bench) -> None:
    with pytest.raises(ProtocolError, match="id at bus0, address 0x76 is 0x60, a BMP280 has 0x58"):
        Bmp280(bench.bus, 0x76, bench.clock).identify()


def test_a_sample_needs_the_factory_words(bench: Bench) -> None:
    with pytest.raises(BenchError, match="prepare"):
        bench.sample()
