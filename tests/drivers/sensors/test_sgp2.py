"""SGP2: driver and twin against the data sheet (docs/devices/sgp2.md), then against each other."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, MutableMapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensorbench.core.clock import VirtualClock
from sensorbench.core.errors import NotAcknowledged, ProtocolError, SetpointError
from sensorbench.links.i2c import SimulatedI2cBus
from sensorbench.sensors.sgp2.driver import Sgp2, decode_data
from sensorbench.sensors.sgp2.twin import SimSgp2
from sensorbench.world.fields import Constant, Driven, Field, Moving, Wave
from sensorbench.world.world import Fault, Place, World

AMBIENT_PA = 98_000.0
FS_PA = 100e3
SERIAL = "10000001"


class Bench:
    """One part in its socket, both ports open to the room until somebody drives them."""

    def __init__(
        self,
        fault: str = "",
        seed: int = 1,
        memory: MutableMapping[str, str] | None = None,
        serial: str = SERIAL,
    ) -> None:
        self.clock = VirtualClock()
        self.world = World(self.clock, seed, {"pressure": AMBIENT_PA}, memory)
        if fault:
            self.world.add_fault(serial, Fault(fault))
        self.put("supply", 3.3)
        self.bus = SimulatedI2cBus("bus0")
        self.place = Place(self.world, serial)
        self.twin = SimSgp2(self.place)
        self.bus.attach(0x30, self.twin)
        self.part = Sgp2(self.bus, 0x30, self.clock)
        self.clock.sleep(1.0)

    def put(self, where: str, value: float | Field) -> None:
        self.world.changing()
        field = Constant(value) if isinstance(value, float) else value
        self.world.zone().bind(where, field)

    def load(self, port: str, multiple: float) -> None:
        """Let a port have a multiple of full scale above ambient for a second, then ambient."""
        self.put(f"pressure.{port}", AMBIENT_PA + multiple * FS_PA)
        self.clock.sleep(1.0)
        self.put(f"pressure.{port}", AMBIENT_PA)
        self.clock.sleep(1.0)

    def sample(self) -> tuple[float, float, float]:
        """Return front, back and temperature."""
        self.clock.sleep(self.part.start())
        front_pa, back_pa, temperature_c = map(float, self.part.read().values[0])
        return front_pa, back_pa, temperature_c

    def read(self, register: int, length: int = 1) -> bytes:
        return self.bus.transfer(0x30, bytes([register]), length)

    def write(self, *data: int) -> None:
        self.bus.transfer(0x30, bytes(data))


@pytest.fixture
def bench() -> Bench:
    return Bench()


def crc8_bitwise(data: bytes) -> int:
    """CRC-8 0x2F, initial 0xFF, by the book: one bit at a time."""
    register = 0xFF
    for bit in (byte >> k & 1 for byte in data for k in range(7, -1, -1)):
        top = register >> 7
        register = register << 1 & 0xFF
        if top ^ bit:
            register ^= 0x2F
    return register


# -- the driver, by the data sheet -------------------------------------------------------------


def test_the_driver_decodes_the_data_sheet_s_example() -> None:
    data = bytes.fromhex("01271000fec7800cc0")
    assert crc8_bitwise(data) == 0x5E
    assert decode_data(data + b"\x5e") == (1, 40_000.0, -1_250.0, 25.5)


s24 = st.integers(-(2**23), 2**23 - 1)


@given(st.integers(0, 255), s24, s24, st.integers(-(2**15), 2**15 - 1))
def test_every_content_decodes_to_its_own_values(s: int, front: int, back: int, t: int) -> None:
    data = bytes([s]) + b"".join(
        value.to_bytes(size, "big", signed=True) for value, size in ((front, 3), (back, 3), (t, 2))
    )
    status, front_pa, back_pa, temperature_c = decode_data(data + bytes([crc8_bitwise(data)]))
    assert (status, front_pa * 64, back_pa * 64, temperature_c * 128) == (s, front, back, t)


@given(st.integers(0, 79))
def test_a_bit_that_fell_is_noticed(bit: int) -> None:
    data = bytearray.fromhex("01271000fec7800cc05e")
    data[bit // 8] ^= 1 << bit % 8
    with pytest.raises(ProtocolError, match="CRC"):
        decode_data(bytes(data))


def test_a_short_answer_is_refused() -> None:
    with pytest.raises(ProtocolError, match="10 bytes, got 2: 0127"):
        decode_data(b"\x01\x27")


@pytest.mark.parametrize(
    ("averages", "control", "takes_s"), [(1, 1, 0.0015), (4, 17, 0.003), (16, 33, 0.009)]
)
def test_averages_are_what_the_data_sheet_says(
    bench: Bench,
    monkeypatch: pytest.MonkeyPatch,
    averages: int,
    control: int,
    takes_s: float,
) -> None:
    written: list[bytes] = []
    receive = bench.twin.receive

    def record(data: bytes) -> None:
        written.append(data)
        receive(data)

    monkeypatch.setattr(bench.twin, "receive", record)
    bench.part.prepare(averages=averages)
    assert bench.part.start() == pytest.approx(takes_s)
    assert written == [b"\x06\xb6", bytes([6, control])]


@pytest.mark.parametrize("wrong", [{"averages": 2}, {"averages": 64}, {"rate": 1}])
def test_a_setting_that_can_t_be_is_refused(bench: Bench, wrong: Mapping[str, object]) -> None:
    with pytest.raises(SetpointError, match=r"1, 4, 16|there are averages"):
        bench.part.prepare(**wrong)


# -- the twin, by the data sheet ---------------------------------------------------------------


def test_registers_are_those_of_the_data_sheet(bench: Bench) -> None:
    assert bench.read(0x00, 6) == bytes.fromhex("6e10") + int(SERIAL).to_bytes(4, "big")
    assert bench.read(0x06, 2) == b"\x00\x80"
    assert bench.read(0x08, 8) == bytes(8)
    assert bench.read(0x10)[0] == crc8_bitwise(b"\x80" + bytes(8))
    assert bench.read(0x11, 3) == bytes(3)


def test_a_conversion_goes_through_busy_to_ready_until_its_crc_is_read(bench: Bench) -> None:
    bench.write(0x06, 0x21)
    assert bench.read(0x07) == b"\x02"
    bench.clock.sleep(0.00899)
    assert bench.read(0x07) == b"\x02"
    bench.clock.sleep(0.00001)
    assert bench.read(0x07) == b"\x01"
    data = bench.read(0x07, 10)
    assert crc8_bitwise(data[:9]) == data[9]
    assert bench.read(0x07) == b"\x00"
    again = bench.read(0x07, 10)
    assert again[1:9] == data[1:9]
    assert crc8_bitwise(again[:9]) == again[9]


@pytest.mark.parametrize("data", [(0x06, 0x02), (0x06, 0x01, 0x01), (0x07, 0x00), (0x20, 0xB6)])
def test_what_it_does_not_take_it_does_not_acknowledge(bench: Bench, data: tuple[int, ...]) -> None:
    with pytest.raises(NotAcknowledged):
        bench.write(*data)


def test_it_is_deaf_for_5_ms_after_a_reset(bench: Bench) -> None:
    bench.write(0x06, 0xB6)
    bench.clock.sleep(0.0049)
    with pytest.raises(NotAcknowledged):
        bench.read(0x00)
    bench.clock.sleep(0.0001)
    assert bench.read(0x00) == b"\x6e"


def test_noise_is_what_the_data_sheet_says(bench: Bench) -> None:
    spread = {}
    for averages in (1, 16):
        bench.part.prepare(averages=averages)
        spread[averages] = statistics.stdev(bench.sample()[0] for _ in range(300))
    assert spread[16] == pytest.approx(3.0, rel=0.2)
    assert spread[1] == pytest.approx(12.0, rel=0.2)


def test_current_is_drawn_while_it_converts(bench: Bench) -> None:
    assert bench.twin.supply_current_a() == 3e-6
    bench.part.start()
    assert bench.twin.supply_current_a() == 1.2e-3
    bench.clock.sleep(1.0)
    assert bench.twin.supply_current_a() == 3e-6
    bench.put("supply", 2.3)
    assert bench.twin.supply_current_a() == 0.0


# -- what membranes stand ----------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(30))
def test_proof_leaves_nothing(seed: int) -> None:
    loaded, spared = Bench(seed=seed), Bench(seed=seed)
    for _ in range(10):
        loaded.load("front", 3.49)
        loaded.load("back", 3.49)
    spared.clock.sleep(loaded.clock.now() - spared.clock.now())
    assert loaded.sample() == spared.sample()
    assert not [key for key in loaded.world.memory if "worst" in key]


@pytest.mark.parametrize("seed", range(30))
def test_below_burst_little_stays(seed: int) -> None:
    loaded, spared = Bench(seed=seed), Bench(seed=seed)
    loaded.load("front", 5.99)
    spared.clock.sleep(loaded.clock.now() - spared.clock.now())
    front_pa, back_pa, _ = loaded.sample()
    fresh_pa, fresh_back_pa, _ = spared.sample()
    assert 0 < abs(front_pa - fresh_pa) <= 0.001 * FS_PA
    assert back_pa == fresh_back_pa


def test_units_burst_from_6_to_8_times_full_scale() -> None:
    """Raised step by step: none goes before 6 FS, all are gone at 8 FS, and they differ."""
    stood = []
    for number in range(40):
        bench = Bench(serial=f"{20_000_000 + number}")
        for tenths in range(55, 81):
            bench.load("front", tenths / 10)
            if abs(bench.sample()[0]) > 0.05 * FS_PA:
                stood.append(tenths / 10)
                break
    assert len(stood) == 40
    assert min(stood) > 6.0
    assert statistics.median(stood) == pytest.approx(7.0, abs=0.2)
    assert len(set(stood)) > 5


def test_a_torn_membrane_is_torn_for_ever_and_the_other_goes_on() -> None:
    memory: dict[str, str] = {}
    bench = Bench(memory=memory)
    before = bench.sample()
    bench.load("back", 8.1)
    torn = [bench.sample()]
    bench.put("pressure.back", AMBIENT_PA + 40e3)
    bench.put("pressure.front", AMBIENT_PA + 40e3)
    torn.append(bench.sample())
    bench.put("supply", 0.0)
    bench.put("supply", 3.3)
    bench.clock.sleep(0.1)
    bench.part.prepare()
    torn.append(bench.sample())
    bench.place.leave()
    torn.append(Bench(memory=memory).sample())
    back_pa = [row[1] for row in torn]
    assert back_pa == pytest.approx([back_pa[0]] * 4, abs=20.0)
    assert abs(back_pa[0]) > 0.05 * FS_PA
    assert torn[1][0] == pytest.approx(40e3, abs=400.0)
    assert torn[0][0] == pytest.approx(before[0], abs=20.0)


def test_a_part_without_supply_bursts_too(bench: Bench) -> None:
    bench.put("supply", 0.0)
    bench.load("front", 8.1)
    bench.put("supply", 3.3)
    bench.clock.sleep(0.1)
    assert abs(bench.sample()[0]) > 0.05 * FS_PA


def test_what_happens_after_it_left_leaves_it_alone() -> None:
    memory: dict[str, str] = {}
    bench = Bench(memory=memory)
    bench.place.leave()
    bench.load("front", 9.0)
    assert abs(Bench(memory=memory).sample()[0]) < 500.0
    bench = Bench(memory=memory)
    bench.put("pressure.front", AMBIENT_PA + 9.0 * FS_PA)
    bench.clock.sleep(1.0)
    bench.place.leave()  # out of its socket while it was under pressure
    assert abs(Bench(memory=memory).sample()[0]) > 0.05 * FS_PA


def test_a_conversion_before_the_burst_is_of_before(bench: Bench) -> None:
    bench.clock.sleep(bench.part.start())
    bench.load("front", 8.1)
    assert abs(bench.part.read().values[0, 0]) < 500.0
    assert abs(bench.sample()[0]) > 0.05 * FS_PA


def test_a_ramp_that_is_turned_back_counts_as_far_as_it_came(bench: Bench) -> None:
    field = Moving(
        AMBIENT_PA, fastest_up=50e6, tau_s=0.02, moves_before=bench.world.changing,
        now=bench.clock.now(),
    )  # fmt: skip
    bench.put("pressure.front", field)
    field.go(AMBIENT_PA + 10 * FS_PA, bench.clock.now(), rate=100e3)
    bench.clock.sleep(5.0)
    field.go(AMBIENT_PA, bench.clock.now())
    bench.clock.sleep(1.0)
    assert abs(bench.sample()[0]) < 500.0
    field.go(AMBIENT_PA + 10 * FS_PA, bench.clock.now(), rate=100e3)
    bench.clock.sleep(8.5)
    field.go(AMBIENT_PA, bench.clock.now())
    bench.clock.sleep(1.0)
    assert abs(bench.sample()[0]) > 0.05 * FS_PA


@pytest.mark.parametrize("periods", [1, 7, 100, 43_200])
@pytest.mark.parametrize("period_s", [0.2, 2.0, 3.0])
def test_a_wave_is_felt_at_its_top(bench: Bench, period_s: float, periods: int) -> None:
    wave = Wave(AMBIENT_PA, AMBIENT_PA + 8.1 * FS_PA, period_s, "sine", bench.clock.now())
    outlet = Driven(wave)
    bench.put("pressure.front", outlet)
    bench.clock.sleep(periods * period_s)
    bench.put("pressure.front", AMBIENT_PA)
    bench.clock.sleep(1.0)
    assert abs(bench.sample()[0]) > 0.05 * FS_PA


# -- driver and twin ---------------------------------------------------------------------------


@pytest.mark.parametrize("gauge_pa", [0.0, 25e3, 100e3])
@pytest.mark.parametrize("temperature_c", [-40.0, 25.0, 125.0])
def test_pressures_are_above_ambient(gauge_pa: float, temperature_c: float) -> None:
    for seed in range(10):
        bench = Bench(seed=seed)
        bench.put("temperature", temperature_c)
        bench.put("pressure.front", AMBIENT_PA + gauge_pa)
        bench.part.prepare()
        front_pa, back_pa, found_c = bench.sample()
        assert front_pa == pytest.approx(gauge_pa, abs=500.0)
        assert back_pa == pytest.approx(0.0, abs=500.0)
        assert found_c == pytest.approx(temperature_c, abs=1.5)


def test_one_pressure_for_both_reaches_both(bench: Bench) -> None:
    bench.put("pressure", AMBIENT_PA + 30e3)
    assert bench.sample()[:2] == pytest.approx((30e3, 30e3), abs=400.0)


@pytest.mark.parametrize(
    ("port", "pressure_pa"), [("front", 120e3), ("back", 350e3), ("front", -20e3)]
)
def test_a_clipped_port_is_an_error_with_its_name(
    bench: Bench, port: str, pressure_pa: float
) -> None:
    bench.put(f"pressure.{port}", AMBIENT_PA + pressure_pa)
    end = 115_000 if pressure_pa > 0 else -15_000
    with pytest.raises(
        ProtocolError, match=f"bus0, address 0x30: the {port} is clipped at {end} Pa"
    ):
        bench.sample()
    bench.put(f"pressure.{port}", AMBIENT_PA)
    assert all(map(math.isfinite, bench.sample()))


def test_a_reading_too_early_is_refused(bench: Bench) -> None:
    bench.part.prepare()
    with pytest.raises(ProtocolError, match="no new conversion: STATUS is 0x80"):
        bench.part.read()
    bench.clock.sleep(bench.part.start() - 1e-4)
    with pytest.raises(ProtocolError, match="still converts; it takes 9 ms"):
        bench.part.read()


def test_a_stranger_is_named() -> None:
    with pytest.raises(ProtocolError, match="bus0, address 0x30 is 0x6d, an SGP2 has 0x6e"):
        Bench("identity").part.identify()


def test_a_wrong_crc_is_told_with_its_place() -> None:
    bench = Bench("crc")
    with pytest.raises(ProtocolError, match="bus0, address 0x30: SGP2 data CRC"):
        bench.sample()
