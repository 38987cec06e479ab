"""HTS221: driver and twin against the reference, then against each other."""

import statistics
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensorbench.core.clock import VirtualClock
from sensorbench.core.errors import (
    BenchError,
    NotAcknowledged,
    NotReady,
    ProtocolError,
    Saturated,
    SetpointError,
    SettingsLost,
    WrongDevice,
)
from sensorbench.links.i2c import SimulatedI2cBus
from sensorbench.sensors.hts221.driver import (
    HUMIDITY_AVERAGING,
    TEMPERATURE_AVERAGING,
    Hts221,
    decode_factory,
    interpolate,
)
from sensorbench.sensors.hts221.twin import SimHts221, _on_line
from sensorbench.world.fields import Constant, Moving
from sensorbench.world.world import Fault, Place, World

OWN = bytes.fromhex("5078a0f00000 0000 0000 1027 0000 1027")  # 40, 60 %RH; 20, 30 degC
REAL = bytes.fromhex("3d8f990e00c4f2ff3a03f5d000001e03")


class Bench:
    def __init__(self, fault: str = "", seed: int = 1) -> None:
        self.clock = VirtualClock()
        self.clock.sleep(100.0)
        self.world = World(self.clock, seed)
        self.zone = self.world.zone()
        self.zone.bind("supply", Constant(3.3))
        if fault:
            self.world.add_fault("7", Fault(fault))
        self.bus = SimulatedI2cBus("bus0")
        self.twin = SimHts221(Place(self.world, "7"))
        self.bus.attach(0x5F, self.twin)
        self.part = Hts221(self.bus, 0x5F, self.clock)

    def put(self, where: str, value: float) -> None:
        self.world.changing()
        self.zone.bind(where, Constant(value))

    def sample(self) -> tuple[float, float]:
        self.clock.sleep(self.part.start())
        humidity_rh, temperature_c = self.part.read().values[0]
        return float(humidity_rh), float(temperature_c)

    def write(self, register: int, *values: int) -> None:
        self.bus.transfer(0x5F, bytes([register | 0x80, *values]))

    def read(self, register: int, length: int = 1) -> bytes:
        return self.bus.transfer(0x5F, bytes([register | 0x80]), length)


@pytest.fixture
def bench() -> Bench:
    return Bench()


# The driver against the data sheet.


def test_the_driver_gives_the_worked_example() -> None:
    factory = decode_factory(OWN)
    assert interpolate(factory.humidity_rh, factory.humidity_out, 2500) == 45.0
    assert interpolate(factory.temperature_c, factory.temperature_out, 5000) == 25.0


def test_the_driver_reads_a_real_part_s_words_whose_humidity_falls() -> None:
    factory = decode_factory(REAL)
    assert factory.humidity_out == (-14, -12043)
    assert factory.temperature_c == (19.125, 33.75)  # without its ninth bit 1.75 degC
    assert interpolate(factory.humidity_rh, factory.humidity_out, -6028) == pytest.approx(
        51.0, abs=0.1
    )


@pytest.mark.parametrize("data", [b"", bytes(15), bytes(16), b"\xff" * 16])
def test_factory_words_that_are_not_there_are_an_error(data: bytes) -> None:
    with pytest.raises(ProtocolError, match=r"16 bytes, got|two points are one"):
        decode_factory(data)


# The twin against the data sheet.


def test_the_twin_inverts_the_worked_example() -> None:
    assert _on_line(45.0 * 2, (80, 120), (0, 10000)) == 2500
    assert _on_line(25.0 * 8, (160, 240), (0, 10000)) == 5000


def test_the_twin_gives_the_counts_of_a_real_part(bench: Bench) -> None:
    bench.twin._outputs = (-14, -12043, 0, 798)
    bench.twin._offset_rh = bench.twin._offset_c = 0.0
    bench.world.ambient["temperature"] = 33.75
    bench.put("temperature", 33.75)
    bench.put("humidity", 30.5)
    assert bench.read(0x30, 16) == REAL
    bench.write(0x10, 0x3F)
    bench.write(0x20, 0x80)
    bench.write(0x21, 0x01)
    bench.clock.sleep(0.1)
    data = bench.read(0x28, 4)
    assert int.from_bytes(data[:2], "little", signed=True) == pytest.approx(-14, abs=40)
    assert int.from_bytes(data[2:], "little", signed=True) == pytest.approx(798, abs=3)


@given(st.floats(0.0, 100.0), st.floats(-40.0, 120.0))
def test_what_the_twin_puts_out_the_driver_reads(humidity_rh: float, temperature_c: float) -> None:
    factory = decode_factory(REAL)
    humidity = _on_line(humidity_rh * 2, (61, 143), factory.humidity_out)
    temperature = _on_line(temperature_c * 8, (153, 270), factory.temperature_out)
    assert interpolate(factory.humidity_rh, factory.humidity_out, humidity) == pytest.approx(
        humidity_rh, abs=0.002
    )
    assert interpolate(factory.temperature_c, factory.temperature_out, temperature) == (
        pytest.approx(temperature_c, abs=0.01)
    )


def test_the_twin_has_the_map_s_reset_values(bench: Bench) -> None:
    assert bench.read(0x0F) == b"\xbc"
    assert bench.read(0x10) == b"\x1b"
    assert bench.read(0x20, 3) == bytes(3)


def test_without_bit_7_a_burst_is_one_register_again(bench: Bench) -> None:
    assert bench.bus.transfer(0x5F, b"\x0f", 3) == b"\xbc\xbc\xbc"


def test_a_boot_ends_by_itself(bench: Bench) -> None:
    bench.write(0x21, 0x80)
    assert bench.read(0x21) == b"\x80"
    bench.clock.sleep(0.006)
    assert bench.read(0x21) == b"\x00"


def test_one_shot_needs_power_and_its_bit_goes(bench: Bench) -> None:
    bench.write(0x21, 0x01)
    bench.clock.sleep(1.0)
    assert bench.read(0x27) == b"\x00"
    bench.write(0x20, 0x84)
    bench.write(0x21, 0x01)
    assert bench.read(0x21) == b"\x01"
    bench.clock.sleep(0.1)
    assert bench.read(0x21) == b"\x00"
    assert bench.read(0x27) == b"\x03"
    bench.read(0x28, 2)
    assert bench.read(0x27) == b"\x01"
    bench.read(0x2A, 2)
    assert bench.read(0x27) == b"\x00"


@pytest.mark.parametrize(
    ("averaging", "least_s", "most_s"), [(0x00, 2e-3, 4e-3), (0x3F, 0.05, 0.07)]
)
def test_a_sample_takes_longer_the_more_is_averaged(
    bench: Bench, averaging: int, least_s: float, most_s: float
) -> None:
    bench.write(0x10, averaging)
    bench.write(0x20, 0x84)
    bench.write(0x21, 0x01)
    bench.clock.sleep(least_s)
    assert bench.read(0x27) == b"\x00"
    bench.clock.sleep(most_s - least_s)
    assert bench.read(0x27) == b"\x03"


@pytest.mark.parametrize("holds", [True, False])
def test_a_word_that_is_half_read_holds_still_with_bdu(bench: Bench, holds: bool) -> None:
    bench.write(0x20, 0x87 if holds else 0x83)
    bench.put("humidity", 20.0)
    bench.clock.sleep(1.0)
    before = bench.read(0x28, 2)
    low = bench.read(0x28)
    bench.put("humidity", 90.0)
    bench.clock.sleep(1.0)
    high = bench.read(0x29)
    assert (high == before[1:]) is holds
    assert len(low) == 1


def test_what_is_not_modelled_is_acknowledged_and_on_record(bench: Bench) -> None:
    bench.write(0x22, 0x00)  # as it is
    bench.write(0x22, 0x04)
    bench.write(0x30, 0x00)
    bench.write(0x21, 0x02)
    bench.read(0x11)
    assert list(bench.twin.beyond) == [
        "write 0x04 to 0x22", "write 0x00 to 0x30", "heater 0x02", "read from 0x11",
    ]  # fmt: skip


def test_a_part_starts_when_its_supply_comes(bench: Bench) -> None:
    bench.write(0x20, 0x87)
    bench.put("supply", 0.0)
    bench.clock.sleep(1.0)
    with pytest.raises(NotAcknowledged, match="no supply"):
        bench.read(0x0F)
    bench.put("supply", 3.3)
    with pytest.raises(NotAcknowledged, match="booting"):
        bench.read(0x0F)
    bench.clock.sleep(0.006)
    assert bench.read(0x20) == b"\x00"


# Driver and twin.


@pytest.mark.parametrize(
    ("temperature_c", "humidity_rh"), [(-20, 20), (5, 90), (25, 50), (85, 85), (110, 2)]
)
@pytest.mark.parametrize("mode", ["one shot", "continuous"])
def test_the_driver_reads_what_the_place_has(
    bench: Bench, temperature_c: float, humidity_rh: float, mode: str
) -> None:
    bench.put("temperature", temperature_c)
    bench.put("humidity", humidity_rh)
    bench.part.prepare(mode=mode)
    found_rh, found_c = bench.sample()
    assert found_c == pytest.approx(temperature_c, abs=1.5)
    assert found_rh == pytest.approx(humidity_rh, abs=7.0)
    assert not bench.twin.beyond


@pytest.mark.parametrize(
    ("humidity", "temperature", "noise_rh", "noise_c"),
    [(4, 2, 0.4, 0.08), (32, 16, 0.15, 0.03), (512, 256, 0.03, 0.01)],
)
def test_averaging_sets_the_noise(
    bench: Bench, humidity: int, temperature: int, noise_rh: float, noise_c: float
) -> None:
    bench.part.prepare(humidity_averaging=humidity, temperature_averaging=temperature)
    rows = [bench.sample() for _ in range(200)]
    assert statistics.stdev(row[0] for row in rows) == pytest.approx(noise_rh, rel=0.2)
    assert statistics.stdev(row[1] for row in rows) == pytest.approx(noise_c, rel=0.3)


def test_every_unit_has_its_sample_when_start_said_so() -> None:
    for seed in range(15):
        for humidity, temperature in zip(HUMIDITY_AVERAGING, TEMPERATURE_AVERAGING, strict=True):
            for settings in ({}, {"mode": "continuous", "rate": 12.5}):
                bench = Bench(seed=seed)
                bench.part.prepare(
                    humidity_averaging=humidity, temperature_averaging=temperature, **settings
                )
                bench.sample()
                bench.sample()


@pytest.mark.parametrize("mode", ["one shot", "continuous"])
def test_reading_too_early_twice_or_without_start_is_refused(bench: Bench, mode: str) -> None:
    bench.part.prepare(mode=mode)
    with pytest.raises(BenchError, match="start"):
        bench.part.read()
    bench.clock.sleep(1.0)
    bench.sample()
    with pytest.raises(BenchError, match="start"):
        bench.part.read()
    bench.part.start()
    bench.clock.sleep(0.0005)
    with pytest.raises(NotReady, match="no new sample"):
        bench.part.read()


def test_a_measurement_is_of_the_time_at_which_it_ended(bench: Bench) -> None:
    air = Moving(
        23.0, fastest_up=0.5, tau_s=1.0, moves_before=bench.world.changing, now=bench.clock.now()
    )
    bench.zone.bind("temperature", air)
    air.go(80.0, bench.clock.now())
    bench.clock.sleep(10.0)
    bench.part.prepare()
    bench.clock.sleep(bench.part.start())
    then_c = bench.twin._place.temperature_c()
    bench.clock.sleep(60.0)  # nobody fetches it while the air goes on
    assert bench.part.read().values[0, 1] == pytest.approx(then_c, abs=0.8)


def test_a_part_that_somebody_heats_gives_no_reading(bench: Bench) -> None:
    bench.part.prepare(mode="continuous")
    bench.write(0x21, 0x02)
    with pytest.raises(SettingsLost, match="heater is on"):
        bench.part.start()
    bench.part.prepare()
    bench.sample()


def test_a_part_that_lost_its_supply_has_lost_its_settings(bench: Bench) -> None:
    bench.part.prepare()
    duration_s = bench.part.start()
    bench.put("supply", 0.0)
    bench.put("supply", 3.3)
    bench.clock.sleep(duration_s + 0.1)
    with pytest.raises(SettingsLost, match="CTRL_REG1 is 0x00, 0x84 was written"):
        bench.part.read()


def test_a_word_at_an_end_of_its_range_is_saturated(bench: Bench) -> None:
    bench.part.prepare()
    bench.put("humidity", 200.0)
    with pytest.raises(Saturated, match="humidity is saturated: its word is -32768"):
        bench.sample()


def test_a_part_without_factory_words_is_refused() -> None:
    with pytest.raises(ProtocolError, match=r"two points are one. Replace the part"):
        Bench("memory").part.prepare()


def test_another_part_and_other_settings_are_refused(bench: Bench) -> None:
    with pytest.raises(WrongDevice, match="0xbd, an HTS221 has 0xbc"):
        Bench("identity").part.identify()
    with pytest.raises(SetpointError, match=r"rate can't be 2 Hz; allowed: 1 Hz, 7 Hz, 12\.5 Hz"):
        bench.part.prepare(rate=2.0)
    with pytest.raises(SetpointError, match="humidity_averaging can't be 2"):
        bench.part.prepare(humidity_averaging=2)


def test_noise_drift_and_a_part_that_sticks_can_be_had(bench: Bench) -> None:
    bench.world.add_fault("7", Fault("stuck", at_s=200.0, until_s=300.0))
    bench.part.prepare()
    before_rh = bench.sample()[0]
    bench.clock.sleep(110.0)
    stuck: Any = bench.sample()
    bench.put("humidity", 80.0)
    assert bench.sample() == stuck
    bench.put("humidity", 45.0)
    bench.clock.sleep(100.0)
    assert bench.sample()[0] == pytest.approx(before_rh, abs=2.0)
    noisy = Bench("noise")
    noisy.part.prepare()
    assert statistics.stdev(noisy.sample()[0] for _ in range(50)) > 3.0
    aged = []
    for each in (Bench(), Bench("drift")):
        each.put("temperature", 125.0)
        each.clock.sleep(1000 * 3600.0)
        each.put("temperature", 25.0)
        each.part.prepare()
        aged.append(each.sample()[0])
    assert abs(aged[0] - aged[1]) > 5.0


def test_it_draws_more_while_it_samples(bench: Bench) -> None:
    assert bench.twin.supply_current_a() == 0.5e-6
    bench.part.prepare(mode="continuous", rate=1.0)
    assert bench.twin.supply_current_a() == pytest.approx(2e-6)  # data sheet, first page
