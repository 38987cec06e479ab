"""TMP117: driver and twin against the datasheet, then against each other."""

import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensorbench.core.clock import VirtualClock
from sensorbench.core.errors import NotAcknowledged, ProtocolError
from sensorbench.links.i2c import SimulatedI2cBus
from sensorbench.sensors.tmp117.driver import Tmp117, decode_temperature
from sensorbench.sensors.tmp117.twin import Fault, SimTmp117
from sensorbench.world.world import Place, World


class Bench:
    def __init__(self, fault: Fault = Fault.NONE, seed: int = 1, averages: int = 8) -> None:
        self.clock = VirtualClock()
        self.world = World(self.clock, seed)
        self.bus = SimulatedI2cBus("bus0")
        self.twin = SimTmp117(Place(self.world, "7", in_chamber=False), fault)
        self.bus.attach(0x48, self.twin)
        self.part = Tmp117(self.bus, 0x48, self.clock, averages=averages)

    def read(self, register: int) -> int:
        return int.from_bytes(self.bus.transfer(0x48, bytes([register]), 2), "big")

    def write(self, register: int, word: int) -> None:
        self.bus.transfer(0x48, bytes([register]) + word.to_bytes(2, "big"))


@pytest.fixture
def bench() -> Bench:
    return Bench()


@pytest.mark.parametrize(
    ("result", "temperature_c"),
    [("0c80", 25.0), ("f380", -25.0), ("ffff", -0.0078125), ("3200", 100.0), ("7fff", 255.9921875)],
)
def test_the_driver_decodes_the_datasheet_table(result: str, temperature_c: float) -> None:
    assert decode_temperature(bytes.fromhex(result)) == temperature_c


@given(st.integers(-0x7FFF, 0x7FFF))
def test_every_result_decodes_to_its_own_temperature(result: int) -> None:
    data = result.to_bytes(2, "big", signed=True)
    assert round(decode_temperature(data) / 0.0078125) == result


@pytest.mark.parametrize(("ambient_c", "result"), [(25.5, 3264), (-25.0, 0xF380)])
def test_the_twin_gives_the_counts_of_the_datasheet(ambient_c: float, result: int) -> None:
    bench = Bench()
    bench.world.ambient_c = ambient_c
    bench.twin._offset_c = 0.0
    bench.read(0x00)
    bench.clock.sleep(0.2)
    assert bench.read(0x00) == pytest.approx(result, abs=3)


def test_no_result_is_never_taken_for_a_temperature(bench: Bench) -> None:
    assert bench.read(0x00) == 0x8000
    with pytest.raises(ProtocolError, match="0x8000: nothing was converted"):
        decode_temperature(b"\x80\x00")


@pytest.mark.parametrize("averages", [1, 8, 32, 64])
def test_the_longest_conversion_time_is_always_enough(averages: int) -> None:
    for seed in range(20):
        bench = Bench(seed=seed, averages=averages)
        bench.part.prepare()
        assert bench.part.read_temperature_c() == pytest.approx(23.0, abs=0.1)


def test_a_conversion_that_is_not_ready_is_refused(bench: Bench) -> None:
    bench.part.prepare()
    bench.twin._conversion_s = 0.03
    with pytest.raises(ProtocolError, match="0x48 has no result 140 ms after 8 conversions"):
        bench.part.sample()


def test_the_identity_is_the_units_own(bench: Bench) -> None:
    first = bench.part.identify().serial
    assert len(first) == 12
    assert first == Bench(seed=2).part.identify().serial
    other = SimTmp117(Place(bench.world, "8", in_chamber=False))
    bench.bus.attach(0x49, other)
    assert Tmp117(bench.bus, 0x49, bench.clock).identify().serial != first


def test_reading_the_configuration_clears_its_flags(bench: Bench) -> None:
    bench.read(0x01)
    bench.clock.sleep(0.2)
    assert bench.read(0x01) == 0x2220
    assert bench.read(0x01) == 0x0220


def test_reading_the_result_clears_data_ready(bench: Bench) -> None:
    bench.read(0x01)
    bench.clock.sleep(0.2)
    bench.read(0x00)
    assert bench.read(0x01) == 0x0220


def test_a_limit_that_is_passed_sets_its_flag(bench: Bench) -> None:
    bench.write(0x02, 20 * 128)
    bench.clock.sleep(0.2)
    assert bench.read(0x01) & 0xC000 == 0x8000
    bench.write(0x02, 0x6000)
    bench.write(0x03, 30 * 128)
    bench.clock.sleep(1.1)
    assert bench.read(0x01) & 0xC000 == 0x4000


def test_the_pointer_stays_where_it_was_put(bench: Bench) -> None:
    bench.read(0x0F)
    assert bench.bus.transfer(0x48, b"", 2) == b"\x01\x17"
    assert bench.bus.transfer(0x48, b"", 2) == b"\x01\x17"


def test_the_offset_register_is_added_to_every_result(bench: Bench) -> None:
    bench.part.prepare()
    before_c = bench.part.read_temperature_c()
    bench.write(0x07, 0x0080)
    assert bench.part.read_temperature_c() - before_c == pytest.approx(1.0, abs=0.05)


def test_preparing_a_part_stops_its_conversions(bench: Bench) -> None:
    bench.part.prepare()
    bench.read(0x01)
    bench.clock.sleep(5)
    assert bench.read(0x01) & 0x2C00 == 0x0400


def test_the_eeprom_is_locked_before_anything_else_is_written(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    writes: list[bytes] = []
    receive = bench.twin.receive

    def record(data: bytes) -> None:
        writes.append(data)
        receive(data)

    monkeypatch.setattr(bench.twin, "receive", record)
    bench.part.prepare()
    assert writes[0] == b"\x04\x00\x00"


def test_a_part_in_reset_does_not_acknowledge(bench: Bench) -> None:
    bench.write(0x01, 0x0002)
    with pytest.raises(NotAcknowledged, match="in reset"):
        bench.read(0x0F)
    bench.clock.sleep(0.002)
    assert bench.read(0x0F) == 0x0117


def test_averaging_quietens() -> None:
    noise = {}
    for averages in (1, 64):
        bench = Bench(averages=averages)
        bench.part.prepare()
        noise[averages] = statistics.stdev(bench.part.read_temperature_c() for _ in range(200))
    assert noise[1] == pytest.approx(0.016, rel=0.2)
    assert noise[64] < noise[1] / 4


@pytest.mark.parametrize(
    "write", [b"\x04\x80\x00", b"\x05\x12\x34", b"\x01\x00\x10", b"\x01\x00", b"\x0a"]
)
def test_what_is_not_modelled_is_refused(bench: Bench, write: bytes) -> None:
    with pytest.raises(NotImplementedError, match="not modelled"):
        bench.bus.transfer(0x48, write)


def test_a_silent_part_is_not_acknowledged() -> None:
    with pytest.raises(NotAcknowledged, match="part 7 is silent"):
        Bench(Fault.SILENT).part.identify()
