"""AHT20: driver and twin against the data sheet, then against each other."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensorbench.core.clock import VirtualClock
from sensorbench.core.errors import (
    ChecksumError,
    NotAcknowledged,
    NotReady,
    ProtocolError,
    Saturated,
    SettingsLost,
)
from sensorbench.links.i2c import SimulatedI2cBus
from sensorbench.sensors.aht20.driver import Aht20, convert, decode_answer
from sensorbench.sensors.aht20.twin import SimAht20, _checksum
from sensorbench.world.fields import Constant
from sensorbench.world.world import Fault, Place, World

EXAMPLES = [
    ("1c70a4b5c28fd2", 44.00129, 21.99993),
    ("18800006000023", 50.0, 25.0),
    ("1c3b5e8688b2d2", 23.191071, 31.674576),  # of a real part: bilbobg/aht20 README
]


class Bench:
    def __init__(self, fault: str = "", seed: int = 1, **options: object) -> None:
        self.clock = VirtualClock()
        self.world = World(self.clock, seed, {"temperature": 25.0, "humidity": 50.0})
        self.zone = self.world.zone()
        if fault:
            self.world.add_fault("7", Fault(fault))
        self.supply(3.3)
        self.bus = SimulatedI2cBus("bus0")
        self.twin = SimAht20(Place(self.world, "7"), **options)  # type: ignore[arg-type]
        self.bus.attach(0x38, self.twin)
        self.part = Aht20(self.bus, 0x38, self.clock)

    def supply(self, supply_v: float) -> None:
        self.world.changing()
        self.zone.bind("supply", Constant(supply_v))

    def sample(self) -> tuple[float, float]:
        self.clock.sleep(self.part.start())
        humidity_rh, temperature_c = self.part.read().values[0]
        return float(humidity_rh), float(temperature_c)

    def write(self, data: str) -> None:
        self.bus.transfer(0x38, bytes.fromhex(data))

    def read(self, length: int = 7) -> bytes:
        return self.bus.transfer(0x38, b"", length)


@pytest.fixture
def bench() -> Bench:
    return Bench()


@pytest.mark.parametrize(("answer", "humidity_rh", "temperature_c"), EXAMPLES)
def test_the_driver_decodes_the_examples(
    answer: str, humidity_rh: float, temperature_c: float
) -> None:
    found = convert(*decode_answer(bytes.fromhex(answer)))
    assert found == pytest.approx((humidity_rh, temperature_c), abs=1e-5)


@pytest.mark.parametrize("answer", [answer for answer, _, _ in EXAMPLES])
def test_the_twin_makes_the_checksums_of_the_examples(answer: str) -> None:
    data = bytes.fromhex(answer)
    assert _checksum(data[:6]) == data[6]


def test_the_twin_gives_the_bytes_of_the_worked_example(bench: Bench) -> None:
    bench.twin._offset_c = bench.twin._offset_rh = 0.0
    bench.write("ac3300")
    bench.clock.sleep(0.080)
    status, *data = bench.read()[:6]
    words = int.from_bytes(bytes(data), "big")
    assert status == 0x18
    assert words >> 20 == pytest.approx(0x80000, abs=1500)
    assert words & 0xFFFFF == pytest.approx(0x60000, abs=600)


@given(st.integers(0, 5), st.integers(0, 7))
def test_any_flipped_bit_is_noticed(byte: int, bit: int) -> None:
    damaged = bytearray.fromhex(EXAMPLES[0][0])
    damaged[byte] ^= 1 << bit
    with pytest.raises(ChecksumError, match="damaged on the wire"):
        decode_answer(bytes(damaged))


@pytest.mark.parametrize("words", [(0, 5), (0xFFFFF, 5), (5, 0), (5, 0xFFFFF)])
def test_a_saturated_word_is_no_value(words: tuple[int, int]) -> None:
    with pytest.raises(Saturated, match="saturated: its word is 0x"):
        convert(*words)


def test_an_answer_of_zeros_is_no_value(bench: Bench) -> None:
    bench.part.prepare()
    bench.clock.sleep(bench.part.start())
    for supply_v in (0.0, 3.3):
        bench.supply(supply_v)
    bench.clock.sleep(0.2)
    assert bench.read()[1:6] == bytes(5)
    with pytest.raises(NotReady, match=r"all zeros: nothing was measured\. Did the supply dip"):
        bench.part.read()


def test_the_status_tells_while_it_measures(bench: Bench) -> None:
    assert bench.read(1) == b"\x18"
    bench.write("ac3300")
    assert bench.read(1) == b"\x98"
    bench.clock.sleep(0.080)
    assert bench.read(1) == b"\x18"
    assert not bench.twin.beyond


def test_every_unit_is_ready_within_the_longest_time() -> None:
    for seed in range(20):
        bench = Bench(seed=seed)
        bench.part.prepare()
        assert bench.sample() == pytest.approx((50.0, 25.0), abs=8.0)


def test_reading_too_early_is_refused(bench: Bench) -> None:
    bench.part.prepare()
    bench.part.start()
    bench.clock.sleep(0.02)
    with pytest.raises(NotReady, match="still measures 20 ms after the start; it takes up to 80"):
        bench.part.read()


@pytest.mark.parametrize("on_e1", ["refuses", "skips", "takes"])
def test_a_lot_that_is_not_calibrated_by_itself_is_told_to(on_e1: str) -> None:
    bench = Bench(calibrated=False, on_e1=on_e1)
    assert bench.read(1) == b"\x10"
    assert bench.part.identify().model == "AHT20"
    bench.part.prepare()
    assert bench.read(1) == b"\x18"
    bench.sample()
    assert not bench.twin.beyond


def test_a_part_that_stays_uncalibrated_is_refused() -> None:
    bench = Bench(calibrated=False)
    receive = bench.twin.receive
    bench.twin.receive = lambda data: receive(data.replace(b"\xbe", b"\x71"))  # type: ignore[method-assign]
    with pytest.raises(SettingsLost, match="the status is 0x10, a calibrated AHT20 has 0x18"):
        bench.part.prepare()


def test_a_lot_that_dipped_and_is_not_calibrated_any_more_says_so() -> None:
    bench = Bench(calibrated=False)
    bench.part.prepare()
    for supply_v in (0.0, 3.3):
        bench.supply(supply_v)
    bench.clock.sleep(0.2)
    bench.part.start()
    bench.clock.sleep(0.1)
    with pytest.raises(SettingsLost, match="Did its supply dip"):
        bench.part.read()


def test_lots_differ_in_what_the_aht10_s_command_does() -> None:
    refuses, skips = Bench(on_e1="refuses"), Bench(on_e1="skips")
    with pytest.raises(NotAcknowledged, match="no AHT10"):
        refuses.write("e10800")
    assert refuses.read(1) == b"\x18"
    skips.write("e10800")
    with pytest.raises(NotAcknowledged, match="a command of another part"):
        skips.read(1)
    assert skips.read(1) == b"\x18"


def test_what_is_not_modelled_is_acknowledged_and_on_record(bench: Bench) -> None:
    for data in ("1b0000", "b01234", "ac0000", "ac3300", "ac3300", "42"):
        bench.write(data)
    assert list(bench.twin.beyond) == [
        "write 1b0000", "write b01234", "write ac0000",
        "write ac3300 while it measures", "write 42 while it measures",
    ]  # fmt: skip


def test_a_part_starts_when_its_supply_comes(bench: Bench) -> None:
    for supply_v in (0.0, 3.3):
        bench.supply(supply_v)
    bench.clock.sleep(0.035)
    with pytest.raises(NotAcknowledged, match="starts"):
        bench.read(1)
    bench.clock.sleep(0.065)
    assert bench.read(1) == b"\x18"


def test_it_draws_more_while_it_measures(bench: Bench) -> None:
    assert bench.twin.supply_current_a() < 1e-6
    bench.write("ac3300")
    assert bench.twin.supply_current_a() > 0.9e-3


def test_a_part_of_another_kind_is_named_by_what_it_answers(bench: Bench) -> None:
    bench.twin.send = lambda length: b"\x60" * length  # type: ignore[method-assign]
    with pytest.raises(ProtocolError, match="answers 0x60; the status of an AHT20 is 0x18 or 0x1c"):
        bench.part.identify()
