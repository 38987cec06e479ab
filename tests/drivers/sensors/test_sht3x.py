"""SHT3x: driver and twin against the reference, then against each other."""

import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensorbench.core.clock import VirtualClock
from sensorbench.core.errors import (
    BenchError,
    ChecksumError,
    NotAcknowledged,
    NotReady,
    ProtocolError,
    Saturated,
    SetpointError,
)
from sensorbench.links.i2c import SimulatedI2cBus
from sensorbench.protocols.checksums import decode_words, encode_word
from sensorbench.sensors.sht3x.codec import (
    AlertLimit,
    convert,
    decode_limit,
    decode_status,
    encode_limit,
)
from sensorbench.sensors.sht3x.driver import MODES, Sht3x
from sensorbench.sensors.sht3x.twin import SimSht3x, _framed
from sensorbench.world.fields import Constant, Moving
from sensorbench.world.world import Fault, Place, World

EXAMPLE = bytes.fromhex("666693 8000a2")  # 25.0 degC, 50.0008 %RH
PERIODIC = [mode for mode in MODES if mode != "single"]


class Bench:
    def __init__(self, fault: str = "", seed: int = 1, serial: str = "7") -> None:
        self.clock = VirtualClock()
        self.world = World(self.clock, seed)
        self.zone = self.world.zone()
        self.zone.bind("supply", Constant(3.3))
        if fault:
            self.world.add_fault(serial, Fault(fault))
        self.bus = SimulatedI2cBus("bus0")
        self.twin = SimSht3x(Place(self.world, serial))
        self.bus.attach(0x44, self.twin)
        self.part = Sht3x(self.bus, 0x44, self.clock)

    def ambient(self, temperature_c: float, humidity_rh: float) -> None:
        self.world.changing()
        self.zone.bind("temperature", Constant(temperature_c))
        self.zone.bind("humidity", Constant(humidity_rh))

    def supply(self, supply_v: float) -> None:
        self.world.changing()
        self.zone.bind("supply", Constant(supply_v))

    def sample(self) -> tuple[float, float]:
        self.clock.sleep(self.part.start())
        humidity_rh, temperature_c = self.part.read().values[0]
        return float(humidity_rh), float(temperature_c)

    def write(self, command: int, data: bytes = b"") -> None:
        self.bus.transfer(0x44, command.to_bytes(2, "big") + data)

    def ask(self, command: int, length: int = 3) -> bytes:
        self.write(command)
        return self.bus.transfer(0x44, b"", length)

    def status(self) -> int:
        return int.from_bytes(self.ask(0xF32D)[:2], "big")


@pytest.fixture
def bench() -> Bench:
    return Bench()


# The driver against the data sheet.


def test_the_driver_decodes_the_worked_example() -> None:
    humidity_rh, temperature_c = convert(*decode_words(EXAMPLE, 2))
    assert temperature_c == 25.0
    assert humidity_rh == pytest.approx(50.0008, abs=5e-5)


def test_the_driver_knows_the_data_sheet_s_checksum() -> None:
    assert encode_word(0xBEEF) == bytes.fromhex("beef92")


@given(st.integers(0, 5), st.integers(0, 7))
def test_any_flipped_bit_is_noticed(byte: int, bit: int) -> None:
    damaged = bytearray(EXAMPLE)
    damaged[byte] ^= 1 << bit
    with pytest.raises(ChecksumError, match="damaged on the wire"):
        decode_words(bytes(damaged), 2)


@pytest.mark.parametrize("length", [0, 3, 5, 7])
def test_another_length_names_what_came(length: int) -> None:
    with pytest.raises(ProtocolError, match=f"got {length}"):
        decode_words(bytes(length), 2)


@pytest.mark.parametrize("words", [(0, 29360), (0xFFFF, 29360), (26214, 0), (26214, 0xFFFF)])
def test_a_saturated_word_is_no_value(words: tuple[int, int]) -> None:
    with pytest.raises(Saturated, match="saturated"):
        convert(*words)


@given(st.integers(0, 0xFFFF))
def test_a_limit_that_is_read_is_written_back_as_it_was(word: int) -> None:
    assert encode_limit(decode_limit(word)) == word


@pytest.mark.parametrize("limit", [AlertLimit(101.0, 0.0), AlertLimit(50.0, -46.0)])
def test_a_limit_that_can_t_be_is_refused(limit: AlertLimit) -> None:
    with pytest.raises(SetpointError, match="0 to 100 %RH, -45 to 130 degC"):
        encode_limit(limit)


def test_the_status_of_a_part_that_was_just_reset() -> None:
    status = decode_status(0x8010)
    assert status.alert_pending
    assert status.was_reset
    assert not any((status.heater_on, status.command_failed, status.checksum_failed))


# The twin against the data sheet.


def test_the_twin_gives_the_bytes_of_the_worked_example(bench: Bench) -> None:
    bench.twin._offset_c = bench.twin._offset_rh = 0.0
    bench.ambient(25.0, 50.0008)
    bench.world.ambient["temperature"] = 25.0  # no gradient towards the part
    bench.write(0x2400)
    bench.clock.sleep(0.015)
    answer = bench.bus.transfer(0x44, b"", 6)
    assert int.from_bytes(answer[0:2], "big") == pytest.approx(26214, abs=20)
    assert int.from_bytes(answer[3:5], "big") == pytest.approx(32768, abs=70)
    assert _framed(bytes.fromhex("66668000")) == EXAMPLE
    assert _framed(bytes.fromhex("beef")) == bytes.fromhex("beef92")


def test_the_twin_starts_with_the_data_sheet_s_status_and_limits(bench: Bench) -> None:
    assert bench.status() == 0x8010
    limits = [bench.ask(command)[:2].hex() for command in (0xE11F, 0xE114, 0xE109, 0xE102)]
    assert limits == ["cd33", "c92d", "3869", "3466"]
    bench.write(0x3041)
    assert bench.status() == 0x0000


def test_a_command_nobody_knows_shows_in_the_status_and_on_record(bench: Bench) -> None:
    bench.write(0x3041)
    bench.write(0x1234)
    assert bench.status() == 0x0002
    assert list(bench.twin.beyond) == ["command 0x1234"]
    bench.write(0x3041)
    assert bench.status() == 0x0000


def test_a_limit_with_a_wrong_checksum_is_ignored_and_said(bench: Bench) -> None:
    bench.write(0x3041)
    bench.write(0x611D, bytes.fromhex("123456"))
    assert bench.status() == 0x0001
    assert bench.ask(0xE11F)[:2].hex() == "cd33"
    bench.write(0x611D, _framed(bytes.fromhex("1234")))
    assert bench.status() == 0x0000
    assert bench.ask(0xE11F)[:2].hex() == "1234"


@pytest.mark.parametrize(
    ("command", "longest_s"),
    [(0x2400, 0.015), (0x240B, 0.006), (0x2416, 0.004)],
)
def test_a_part_is_deaf_while_it_measures_once(command: int, longest_s: float) -> None:
    for seed in range(10):
        bench = Bench(seed=seed)
        bench.write(command)
        bench.clock.sleep(0.6 * longest_s)
        for write, length in ((b"", 6), (b"\xf3\x2d", 0), (b"\x30\xa2", 0)):
            with pytest.raises(NotAcknowledged, match="busy"):
                bench.bus.transfer(0x44, write, length)
        bench.clock.sleep(0.4 * longest_s)
        assert len(bench.bus.transfer(0x44, b"", 6)) == 6


@pytest.mark.parametrize("command", [0x2C06, 0x2C0D, 0x2C10])
def test_clock_stretching_holds_the_bus_until_the_measurement_ends(
    bench: Bench, command: int
) -> None:
    before_s = bench.clock.now()
    answer = bench.bus.transfer(0x44, command.to_bytes(2, "big"), 6)
    assert 0.0025 <= bench.clock.now() - before_s <= 0.015
    assert decode_words(answer, 2)[0] == pytest.approx((23.0 + 45) / 175 * 65535, abs=200)


@pytest.mark.parametrize(("command", "period_s"), [(0x2032, 2.0), (0x2130, 1.0), (0x2737, 0.1)])
def test_periodic_data_is_given_once_a_period(bench: Bench, command: int, period_s: float) -> None:
    bench.write(command)
    got = 0
    for _ in range(100):
        bench.clock.sleep(period_s / 5)
        try:
            bench.ask(0xE000, 6)
            got += 1
        except NotAcknowledged:
            pass
    assert got == pytest.approx(20, abs=1)


def test_a_measurement_in_a_periodic_mode_is_not_taken(bench: Bench) -> None:
    bench.write(0x2130)
    bench.write(0x3041)
    bench.write(0x2400)
    assert bench.status() == 0x0002
    assert list(bench.twin.beyond) == ["command 0x2400 in a periodic mode"]
    bench.write(0x3093)
    bench.clock.sleep(0.001)
    bench.write(0x2400)
    bench.clock.sleep(0.015)
    assert len(bench.bus.transfer(0x44, b"", 6)) == 6


def test_an_alert_has_its_hysteresis(bench: Bench) -> None:
    bench.write(0x2737)
    bench.write(0x3041)

    def after(temperature_c: float, humidity_rh: float) -> int:
        bench.ambient(temperature_c, humidity_rh)
        bench.clock.sleep(2.0)
        return bench.status() & 0x8C00

    assert after(25.0, 50.0) == 0x0000
    assert after(25.0, 85.0) == 0x8800  # above the set limit of 80 %RH
    assert after(25.0, 79.0) == 0x8800  # between that and the clear limit of 78 %RH
    assert after(25.0, 70.0) == 0x8000  # within; what was stays pending until it is cleared
    bench.write(0x3041)
    assert after(65.0, 50.0) == 0x8400
    assert after(59.0, 50.0) == 0x8400
    assert after(50.0, 50.0) == 0x8000


def test_an_excursion_that_nobody_looked_at_is_pending(bench: Bench) -> None:
    bench.write(0x2130)
    bench.ambient(25.0, 50.0)
    bench.clock.sleep(5.0)
    bench.write(0x3041)
    bench.ambient(25.0, 10.0)
    bench.clock.sleep(5.0)
    bench.ambient(25.0, 50.0)
    bench.clock.sleep(50_000.0)
    assert bench.status() == 0x8000


def test_limits_that_cross_switch_the_alert_off(bench: Bench) -> None:
    bench.write(0x611D, _framed(bytes.fromhex("0000")))
    bench.write(0x2737)
    bench.write(0x3041)
    bench.ambient(100.0, 95.0)
    bench.clock.sleep(5.0)
    assert bench.status() == 0x0000


def test_a_single_measurement_is_held_against_no_limit(bench: Bench) -> None:
    bench.write(0x3041)
    bench.ambient(100.0, 95.0)
    bench.write(0x2400)
    bench.clock.sleep(0.015)
    bench.bus.transfer(0x44, b"", 6)
    assert bench.status() == 0x0000


@pytest.mark.parametrize("command", [0x2400, 0x2C06, 0x2130])
def test_a_general_call_resets_whatever_it_does(bench: Bench, command: int) -> None:
    bench.write(0x3041)
    bench.write(command)
    bench.clock.sleep(0.0005)
    bench.bus.transfer(0x00, b"\x06")
    with pytest.raises(NotAcknowledged, match="starts"):
        bench.write(0xF32D)
    bench.clock.sleep(0.0015)
    assert bench.status() == 0x8010
    bench.clock.sleep(3.0)
    with pytest.raises(NotAcknowledged, match="nothing to give"):
        bench.bus.transfer(0x44, b"", 6)


def test_a_part_starts_when_its_supply_comes(bench: Bench) -> None:
    bench.write(0x3041)
    bench.supply(0.0)
    with pytest.raises(NotAcknowledged, match="no supply"):
        bench.status()
    bench.clock.sleep(1.0)
    bench.supply(3.3)
    with pytest.raises(NotAcknowledged, match="starts"):
        bench.status()
    bench.clock.sleep(0.001)
    assert bench.status() == 0x8010


# Driver and twin.


@pytest.mark.parametrize(
    ("temperature_c", "humidity_rh"), [(-20, 20), (5, 90), (25, 50), (85, 85), (60, 10)]
)
@pytest.mark.parametrize("mode", ["single", "10 per second"])
def test_the_driver_reads_what_the_place_has(
    bench: Bench, temperature_c: float, humidity_rh: float, mode: str
) -> None:
    bench.ambient(temperature_c, humidity_rh)
    bench.part.prepare(mode=mode)
    found_rh, found_c = bench.sample()
    assert found_c == pytest.approx(temperature_c, abs=0.6)
    assert found_rh == pytest.approx(humidity_rh, abs=4.0)


@pytest.mark.parametrize(
    ("repeatability", "noise_rh"), [("high", 0.08 / 3), ("medium", 0.05), ("low", 0.07)]
)
@pytest.mark.parametrize("mode", ["single", "10 per second"])
def test_repeatability_sets_the_noise(
    bench: Bench, repeatability: str, noise_rh: float, mode: str
) -> None:
    bench.part.prepare(repeatability=repeatability, mode=mode)
    found = [bench.sample()[0] for _ in range(300)]
    assert statistics.stdev(found) == pytest.approx(noise_rh, rel=0.2)


def test_every_unit_is_ready_within_the_longest_time_at_either_end_of_its_supply() -> None:
    for seed in range(20):
        for supply_v in (2.15, 5.5):
            for repeatability in ("high", "medium", "low"):
                bench = Bench(seed=seed)
                bench.supply(supply_v)
                bench.part.prepare(repeatability=repeatability)
                bench.sample()


@pytest.mark.parametrize("mode", PERIODIC)
def test_every_unit_has_a_new_measurement_when_start_said_so(mode: str) -> None:
    for seed in range(10):
        bench = Bench(seed=seed)
        bench.part.prepare(mode=mode)
        for _ in range(5):
            bench.sample()
        assert not bench.twin.beyond


@pytest.mark.parametrize("mode", ["single", "1 per second"])
def test_a_measurement_is_of_after_its_start(bench: Bench, mode: str) -> None:
    bench.part.prepare(mode=mode)
    bench.ambient(20.0, 40.0)
    bench.clock.sleep(60.0)
    bench.ambient(80.0, 40.0)
    assert bench.sample()[1] == pytest.approx(80.0, abs=0.6)


@pytest.mark.parametrize("mode", ["single", "1 per second"])
def test_reading_too_early_is_refused(bench: Bench, mode: str) -> None:
    bench.part.prepare(mode=mode)
    bench.clock.sleep(1.5)
    bench.part.start()
    bench.clock.sleep(0.004)
    with pytest.raises(NotReady, match=r"no new measurement 4\.0 ms after the start"):
        bench.part.read()


def test_periodic_data_of_a_part_that_was_reset_is_no_reading(bench: Bench) -> None:
    bench.part.prepare(mode="4 per second")
    bench.sample()
    bench.clock.sleep(bench.part.start())
    bench.supply(0.0)
    bench.supply(3.3)
    bench.clock.sleep(0.3)
    with pytest.raises(NotReady, match="did its supply dip"):
        bench.part.read()


def test_a_part_that_measures_for_somebody_else_is_taken_over(bench: Bench) -> None:
    for command in (0x2400, 0x2737, 0x306D):
        bench.write(command)
        bench.part.prepare()
        assert bench.sample()[1] == pytest.approx(23.0, abs=3.1)
        assert not bench.part.read_status().heater_on
        assert not bench.twin.beyond


def test_a_part_that_was_reset_since_it_was_prepared_says_so(bench: Bench) -> None:
    bench.part.prepare()
    assert not any(bench.part.read_status())
    bench.supply(0.0)
    bench.supply(3.3)
    bench.clock.sleep(0.01)
    assert bench.part.read_status().was_reset


def test_the_heater_warms_and_dries_the_chip(bench: Bench) -> None:
    bench.part.prepare()
    before_rh, before_c = bench.sample()
    idle_a = bench.twin.supply_current_a()
    bench.part.heat(True)
    bench.clock.sleep(60.0)
    warm_rh, warm_c = bench.sample()
    assert warm_c - before_c == pytest.approx(3.0, abs=0.2)
    assert before_rh / warm_rh == pytest.approx(1.2, abs=0.05)
    assert bench.twin.supply_current_a() > idle_a + 1e-3
    bench.part.heat(False)
    bench.clock.sleep(60.0)
    assert bench.sample()[1] == pytest.approx(before_c, abs=0.1)


def test_the_driver_sets_alert_limits_in_the_part_s_steps(bench: Bench) -> None:
    bench.part.prepare(mode="1 per second")
    bench.part.clear_status()
    found = bench.part.write_alert_limit("high set", AlertLimit(60.0, 40.0))
    assert found.humidity_rh == pytest.approx(60.0, abs=0.4)
    assert found.temperature_c == pytest.approx(40.0, abs=0.2)
    assert bench.part.read_alert_limit("high set") == found
    bench.ambient(25.0, 65.0)
    bench.clock.sleep(2.5)
    status = bench.part.read_status()
    assert (status.alert_pending, status.humidity_alert) == (True, True)
    assert not status.temperature_alert


def spoil(bench: Bench, monkeypatch: pytest.MonkeyPatch, command: int) -> None:
    """Let every write of `command` lose its last byte's last bit on the way."""
    transfer = bench.bus.transfer

    def spoiled(address: int, write: bytes, read_length: int = 0) -> bytes:
        if write[:2] == command.to_bytes(2, "big"):
            write = write[:-1] + bytes([write[-1] ^ 1])
        return transfer(address, write, read_length)

    monkeypatch.setattr(bench.bus, "transfer", spoiled)


def test_a_limit_that_arrived_damaged_is_an_error(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.part.prepare()
    spoil(bench, monkeypatch, 0x6100)
    with pytest.raises(ChecksumError, match="the limit 'low set' arrived damaged"):
        bench.part.write_alert_limit("low set", AlertLimit(10.0, 0.0))


def test_a_heater_that_stays_off_is_an_error(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.part.prepare()
    spoil(bench, monkeypatch, 0x306D)
    with pytest.raises(ProtocolError, match="the heater is off still"):
        bench.part.heat(True)


def test_a_part_that_did_not_reset_is_an_error(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.part.prepare()
    spoil(bench, monkeypatch, 0x30A2)
    with pytest.raises(ProtocolError, match=r"was reset, and its status is .*command_failed=True"):
        bench.part.prepare()


def test_another_setting_is_refused_with_the_allowed_ones(bench: Bench) -> None:
    with pytest.raises(SetpointError, match="'high', 'medium', 'low'"):
        bench.part.prepare(repeatability="best")
    with pytest.raises(SetpointError, match=r"'single', '0\.5 per second'"):
        bench.part.prepare(mode="3 per second")


def test_the_serial_number_is_the_units_own(bench: Bench) -> None:
    found = bench.part.identify()
    assert (found.manufacturer, found.model) == ("Sensirion", "SHT3x")
    assert found.serial == Bench(seed=9).part.identify().serial
    assert found.serial != Bench(serial="8").part.identify().serial


def test_a_measurement_is_given_once(bench: Bench) -> None:
    bench.part.prepare()
    bench.sample()
    with pytest.raises(BenchError, match="start"):
        bench.part.read()
    with pytest.raises(NotAcknowledged, match="nothing to give"):
        bench.bus.transfer(0x44, b"", 6)


def test_a_part_is_prepared_before_it_is_started(bench: Bench) -> None:
    with pytest.raises(BenchError, match="prepare"):
        bench.part.start()


@pytest.mark.parametrize("mode", ["single", "10 per second"])
def test_a_damaged_answer_is_refused(mode: str) -> None:
    bench = Bench("crc")
    bench.part.prepare(mode=mode)
    with pytest.raises(ChecksumError, match=r"bus0, address 0x44: the CRC of"):
        bench.sample()


@pytest.mark.parametrize("mode", ["single", "10 per second"])
def test_a_fault_has_its_time(bench: Bench, mode: str) -> None:
    bench.world.add_fault("7", Fault("stuck", at_s=100.0))
    bench.ambient(40.0, 20.0)
    bench.part.prepare(mode=mode)
    assert bench.sample()[1] == pytest.approx(40.0, abs=0.6)
    bench.clock.sleep(100.0)
    humidity_rh, temperature_c = bench.sample()
    assert (round(humidity_rh, 3), temperature_c) == (50.001, 25.0)


def test_noise_and_drift_can_be_had() -> None:
    bench = Bench("noise")
    bench.part.prepare()
    assert statistics.stdev(bench.sample()[0] for _ in range(50)) > 0.5
    healthy, drifted = Bench(), Bench("drift")
    for each in (healthy, drifted):
        each.clock.sleep(1.0)
        each.ambient(125.0, 20.0)
        each.clock.sleep(1000 * 3600.0)
        each.ambient(25.0, 50.0)
        each.part.prepare()
    assert abs(drifted.sample()[0] - healthy.sample()[0]) > 3.5


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
    assert bench.part.read().values[0, 1] == pytest.approx(then_c, abs=0.3)


def test_saturated_air_is_an_error_and_no_value(bench: Bench) -> None:
    bench.ambient(25.0, 104.0)
    bench.part.prepare()
    with pytest.raises(Saturated, match="humidity is saturated"):
        bench.sample()
