"""MLX90393: driver and twin against the public sources, then against each other."""

import statistics

import numpy as np
import pytest

from sensorbench.core.clock import VirtualClock
from sensorbench.core.errors import (
    BenchError,
    NotAcknowledged,
    NotReady,
    ProtocolError,
    Saturated,
    SettingsLost,
    WrongDevice,
)
from sensorbench.links.i2c import SimulatedI2cBus
from sensorbench.sensors.mlx90393.driver import (
    GAINS,
    MEASURING_MS,
    RESOLUTIONS,
    WEARING,
    Mlx90393,
    field_ut,
    temperature_c,
)
from sensorbench.sensors.mlx90393.twin import SimMlx90393
from sensorbench.world.fields import Constant
from sensorbench.world.world import Fault, Place, World

FIELD_UT = (150.0, -150.0, 121.0)


class Bench:
    def __init__(self, fault: str = "", seed: int = 1) -> None:
        self.clock = VirtualClock()
        self.world = World(self.clock, seed, {"temperature": 25.0})
        self.zone = self.world.zone()
        if fault:
            self.world.add_fault("7", Fault(fault))
        self.put("supply", 3.0)
        self.put("magnetic_field", FIELD_UT)
        self.bus = SimulatedI2cBus("bus0")
        self.twin = SimMlx90393(Place(self.world, "7"))
        self.bus.attach(0x0C, self.twin)
        self.part = Mlx90393(self.bus, 0x0C, self.clock)

    def put(self, where: str, value: float | tuple[float, ...]) -> None:
        self.world.changing()
        self.zone.bind(where, Constant(value))

    def power_cycle(self) -> None:
        self.put("supply", 0.0)
        self.put("supply", 3.0)
        self.clock.sleep(0.01)

    def ideal(self) -> None:
        """Take this unit's errors away."""
        self.twin._offset_ut, self.twin._gain = [0.0] * 3, [1.0] * 3
        self.twin._gain_per_k, self.twin._linearity = [0.0] * 3, 1.0

    def sample(self) -> list[float]:
        self.clock.sleep(self.part.start())
        return [float(value) for value in self.part.read().values[0]]

    def send(self, command: str, length: int = 1) -> bytes:
        return self.bus.transfer(0x0C, bytes.fromhex(command), length)

    def register(self, number: int) -> int:
        return int.from_bytes(self.send(f"50{number << 2:02x}", 3)[1:], "big")

    def words(self, answer: bytes) -> list[int]:
        return [int.from_bytes(answer[n : n + 2], "big") for n in range(1, len(answer), 2)]


@pytest.fixture
def bench() -> Bench:
    return Bench()


# The driver against the sources.


def test_the_driver_decodes_the_worked_example() -> None:
    words = [value & 0xFFFF for value in (1000, -1000, 500)]
    found = [field_ut(word, 16, 1.0, is_z=n == 2) for n, word in enumerate(words)]
    assert found == pytest.approx(FIELD_UT)


@pytest.mark.parametrize(
    ("resolution", "gain", "xy_ut", "z_ut"),
    [
        (16, 5.0, 0.751, 1.210),
        (18, 2.5, 1.502, 2.420),
        (19, 1.667, 2.003, 3.227),
        (17, 1.333, 0.401, 0.645),
    ],
)
def test_digits_are_those_of_adafruit_s_table(
    resolution: int, gain: float, xy_ut: float, z_ut: float
) -> None:
    zero = {16: 0, 17: 0, 18: 0x8000, 19: 0x4000}[resolution]
    assert field_ut(zero + 1000, resolution, gain) == pytest.approx(1000 * xy_ut, rel=3e-3)
    assert field_ut(zero + 1000, resolution, gain, is_z=True) == pytest.approx(
        1000 * z_ut, rel=3e-3
    )


def test_the_thermometer_has_its_typical_value_at_25_degc() -> None:
    assert temperature_c(46244, 46696) == 25.0


@pytest.mark.parametrize(
    ("word", "resolution"),
    [
        (0x7FFF, 16),
        (0x8000, 16),
        (0x8000, 17),
        (0, 18),
        (0xFFFF, 18),
        (0, 19),
        (0x7FFF, 19),
        (0x9000, 19),
    ],
)
def test_an_end_of_the_range_is_no_value(word: int, resolution: int) -> None:
    with pytest.raises(Saturated, match="end of the range"):
        field_ut(word, resolution, 1.0)


# The twin against the sources.


def test_the_twin_gives_the_words_of_the_worked_example(bench: Bench) -> None:
    bench.send("80")
    bench.ideal()
    bench.send("60007c00")
    bench.send("60001f08")
    bench.send("3f")
    bench.clock.sleep(0.3)
    temperature, *axes = bench.words(bench.send("4f", 9))
    signed = [word - 0x10000 if word & 0x8000 else word for word in axes]
    assert signed == pytest.approx([1000, -1000, 500], abs=15)
    assert temperature == pytest.approx(bench.register(0x24) - 452, abs=12)


def test_the_twin_starts_with_the_registers_of_the_factory(bench: Bench) -> None:
    assert [bench.register(n) for n in range(10)] == [0x000C] + [0] * 9
    assert bench.register(0x24) == pytest.approx(46696, abs=200)


def test_a_status_tells_the_mode_what_was_refused_and_how_much_follows(bench: Bench) -> None:
    assert bench.send("00")[0] & 0x04  # it was reset, which is told once
    assert bench.send("00")[0] == 0x03
    assert bench.send("3e")[0] == 0x23
    assert bench.send("3e")[0] == 0x33
    assert bench.send("4e", 7)[0] == 0x32  # too early
    bench.clock.sleep(0.01)
    assert bench.send("4e", 7)[0] == 0x02
    assert bench.send("4e", 7)[0] == 0x12  # each is given once
    assert bench.send("5000", 3)[0] == 0x00
    assert bench.send("60007c00")[0] == 0x03  # not 0, for which Adafruit's driver would wait on


def test_data_that_are_refused_are_those_of_before(bench: Bench) -> None:
    bench.send("3f")
    bench.clock.sleep(0.3)
    before = bench.send("4f", 9)[1:]
    bench.put("magnetic_field", (900.0, 900.0, 900.0))
    bench.send("3f")
    assert bench.send("4f", 9)[1:] == before
    bench.clock.sleep(0.3)
    assert bench.send("4f", 9)[1:] != before


@pytest.mark.parametrize(("filtering", "row"), list(enumerate(MEASURING_MS)))
def test_a_measurement_takes_as_long_as_adafruit_s_table_says(
    bench: Bench, filtering: int, row: tuple[float, ...]
) -> None:
    for oversampling, milliseconds in enumerate(row):
        bench.send(f"6000{filtering << 2 | oversampling:02x}08")
        bench.send("3e")
        began_s = bench.clock.now()
        while bench.send("00")[0] & 0x20:
            bench.clock.sleep(milliseconds * 1e-5)
        took_ms = (bench.clock.now() - began_s) * 1e3
        assert took_ms == pytest.approx(milliseconds, rel=0.08)


def test_in_a_burst_it_measures_again_and_again_and_refuses_registers(bench: Bench) -> None:
    bench.send("60000204")  # every 40 ms
    assert bench.send("1f")[0] & 0x90 == 0x80
    got = 0
    for _ in range(100):
        bench.clock.sleep(0.01)
        got += not bench.send("4f", 9)[0] & 0x10
    assert got == pytest.approx(25, abs=2)
    for command in ("5000", "60007c00", "3f", "d0"):
        assert bench.send(command, 3)[0] & 0x90 == 0x90
    bench.send("80")
    assert bench.register(0x01) == 2


def test_what_is_stored_outlives_a_power_cycle_and_is_counted(bench: Bench) -> None:
    bench.send("60005c00")
    bench.send("d0")
    assert bench.register(0) == 0x000C
    bench.send("60005c00")
    bench.send("e0")
    bench.power_cycle()
    assert bench.register(0) == 0x005C
    assert SimMlx90393(Place(bench.world, "7")).memory.stores == 1


def test_it_starts_1_6_ms_after_its_supply_came(bench: Bench) -> None:
    bench.put("supply", 0.0)
    bench.put("supply", 3.0)
    bench.clock.sleep(0.001)
    with pytest.raises(NotAcknowledged, match="starts"):
        bench.send("00")
    bench.clock.sleep(0.0006)
    assert bench.send("00")[0] & 0x04


def test_what_is_not_modelled_is_acknowledged_and_on_record(bench: Bench) -> None:
    for command in ("2f", "80", "60010c00", "60040004", "60000040", "a0", "50"):
        bench.send(command)
    assert list(bench.twin.beyond) == [
        "wake on change",
        "self-test or z series (0x010c to register 0x00)",
        "compensation or trigger (0x0400 to register 0x01)",
        "write 0x0000 to register 0x10",
        "command a0",
        "command 50",
    ]


# Driver and twin.


@pytest.mark.parametrize("gain", GAINS)
@pytest.mark.parametrize("resolution", RESOLUTIONS)
def test_the_driver_reads_the_same_field_in_every_range(
    bench: Bench, gain: float, resolution: int
) -> None:
    bench.put("magnetic_field", (4000.0, -4000.0, 6000.0))
    bench.part.prepare(gain=gain, resolution=resolution)
    *found, temperature = bench.sample()
    assert found == pytest.approx((4000.0, -4000.0, 6000.0), abs=250)
    assert temperature == pytest.approx(25.0, abs=1.0)
    assert not bench.twin.beyond


def test_a_field_beyond_the_range_is_an_error_that_names_the_axis(bench: Bench) -> None:
    bench.put("magnetic_field", (0.0, 6000.0, 0.0))
    bench.part.prepare()
    with pytest.raises(Saturated, match=r"magnetic_field_y: .* of gain 1 and resolution 16"):
        bench.sample()
    bench.part.prepare(resolution=17)
    assert bench.sample()[1] == pytest.approx(6000.0, abs=250)


def test_every_unit_is_ready_when_start_said_so() -> None:
    for seed in range(20):
        bench = Bench(seed=seed)
        for filtering, oversampling in ((0, 0), (0, 3), (7, 0), (5, 2)):
            bench.part.prepare(filter=filtering, oversampling=oversampling)
            bench.sample()


def test_filter_and_oversampling_quieten(bench: Bench) -> None:
    noise = []
    for filtering, oversampling in ((2, 0), (5, 2)):
        bench.part.prepare(filter=filtering, oversampling=oversampling)
        noise.append(statistics.stdev(bench.sample()[0] for _ in range(150)))
    assert noise[0] / noise[1] == pytest.approx(4.8, rel=0.3)


def test_reading_too_early_is_refused(bench: Bench) -> None:
    bench.part.prepare()
    bench.part.start()
    bench.clock.sleep(0.01)
    with pytest.raises(NotReady, match=r"no new measurement 10\.0 ms after the start"):
        bench.part.read()


def test_a_part_that_was_reset_since_it_was_prepared_says_so(bench: Bench) -> None:
    bench.part.prepare(gain=5.0)
    bench.power_cycle()
    with pytest.raises(SettingsLost, match="was reset"):
        bench.part.start()
    bench.part.prepare()
    bench.power_cycle()
    bench.part.identify()  # to which it tells its reset
    with pytest.raises(SettingsLost, match=r"0x00 is 0x000c, 0x007c was written"):
        bench.sample()


@pytest.mark.parametrize("command", ["1f", "2f", "3f"])
def test_a_part_that_measures_for_somebody_else_is_taken_over(bench: Bench, command: str) -> None:
    bench.send(command)
    if command != "3f":
        with pytest.raises(NotReady, match="measures by itself for somebody else"):
            bench.part.identify()
    bench.part.prepare()
    assert bench.sample()[:3] == pytest.approx(FIELD_UT, abs=60)


def test_somebody_else_s_burst_is_an_error(bench: Bench) -> None:
    bench.part.prepare()
    bench.send("1f")
    with pytest.raises(ProtocolError, match=r"refused a measurement \(status 0x93\)"):
        bench.part.start()


def test_nothing_that_wears_the_part_is_sent(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[int] = []
    receive = bench.twin.receive
    monkeypatch.setattr(bench.twin, "receive", lambda data: (sent.append(data[0]), receive(data)))
    bench.part.identify()
    bench.part.prepare()
    bench.sample()
    assert not set(sent) & set(WEARING)
    assert bench.twin.memory.stores == 0


def test_another_part_in_the_socket_is_refused() -> None:
    with pytest.raises(WrongDevice, match="has 0x1234 in register 0x00 and 0x1234 in 0x24"):
        Bench("identity").part.identify()


def test_starting_before_preparing_says_what_to_do(bench: Bench) -> None:
    with pytest.raises(BenchError, match="prepare"):
        bench.part.start()


def test_stress_moves_the_offset_of_a_part_that_drifts() -> None:
    moved = []
    for fault in ("", "drift"):
        bench = Bench(fault)
        bench.put("temperature", 125.0)
        bench.clock.sleep(1000 * 3600.0)
        bench.put("temperature", 25.0)
        bench.part.prepare()
        moved.append(bench.sample()[:3])
    assert (np.abs(np.subtract(*moved)) > 70.0).all()


def test_it_draws_more_while_it_measures(bench: Bench) -> None:
    assert bench.twin.supply_current_a() < 1e-5
    bench.send("3f")
    assert bench.twin.supply_current_a() > 1e-3
