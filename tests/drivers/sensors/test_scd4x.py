"""SCD4x: driver and twin against the data sheet, then against each other."""

import statistics

import pytest

from sensorbench.core.clock import VirtualClock
from sensorbench.core.errors import (
    BenchError,
    NotAcknowledged,
    NotReady,
    Saturated,
    SetpointError,
    SettingsLost,
    WrongDevice,
)
from sensorbench.links.i2c import SimulatedI2cBus
from sensorbench.protocols.checksums import decode_words, encode_word
from sensorbench.sensors.scd4x.driver import WEARING, Scd4x, convert
from sensorbench.sensors.scd4x.twin import SimScd4x, _framed
from sensorbench.world.fields import Constant
from sensorbench.world.world import Fault, Place, World

MODES = ["every 5 s", "every 30 s", "single"]


class Bench:
    def __init__(self, fault: str = "", seed: int = 1, **options: object) -> None:
        self.clock = VirtualClock()
        self.world = World(self.clock, seed, {"temperature": 25.0, "pressure": 101_300.0})
        self.zone = self.world.zone()
        if fault:
            self.world.add_fault("7", Fault(fault))
        self.put("supply", 3.3)
        self.put("co2", 800.0)
        self.put("humidity", 50.0)
        self.bus = SimulatedI2cBus("bus0")
        self.twin = SimScd4x(Place(self.world, "7"), **options)  # type: ignore[arg-type]
        self.bus.attach(0x62, self.twin)
        self.part = Scd4x(self.bus, 0x62, self.clock)

    def put(self, where: str, value: float) -> None:
        self.world.changing()
        self.zone.bind(where, Constant(value))

    def power_cycle(self) -> None:
        self.put("supply", 0.0)
        self.put("supply", 3.3)
        self.clock.sleep(0.1)

    def sample(self) -> tuple[float, float, float]:
        self.clock.sleep(self.part.start())
        co2_ppm, humidity_rh, temperature_c = self.part.read().values[0]
        return float(co2_ppm), float(humidity_rh), float(temperature_c)

    def write(self, command: int, data: bytes = b"", wait_s: float = 0.001) -> None:
        self.bus.transfer(0x62, command.to_bytes(2, "big") + data)
        self.clock.sleep(wait_s)

    def ask(self, command: int, words: int = 1, wait_s: float = 0.001) -> bytes:
        self.write(command, wait_s=wait_s)
        return self.bus.transfer(0x62, b"", 3 * words)

    def takes(self, command: int) -> bool:
        try:
            self.write(command)
        except NotAcknowledged:
            return False
        return True


@pytest.fixture
def bench() -> Bench:
    return Bench()


# The driver against the data sheet.


def test_the_driver_decodes_the_worked_examples() -> None:
    assert convert(800, 26214, 32768) == pytest.approx((800.0, 50.0008, 25.0), abs=5e-5)
    words = decode_words(bytes.fromhex("01f433 6667a2 5eb93c"), 3)  # 500 ppm, 37 %RH, 25 degC
    assert convert(*words) == pytest.approx((500.0, 37.0, 25.0), abs=5e-3)


@pytest.mark.parametrize(
    ("word", "sent"), [(0x03DB, "03db42"), (0x01E0, "01e0b4"), (0x0001, "0001b0")]
)
def test_the_driver_writes_words_as_the_data_sheet_does(word: int, sent: str) -> None:
    assert encode_word(word).hex() == sent


@pytest.mark.parametrize("words", [(40_000, 26214, 32768), (800, 0, 32768), (800, 26214, 0xFFFF)])
def test_a_saturated_word_is_no_value(words: tuple[int, int, int]) -> None:
    with pytest.raises(Saturated, match="saturated"):
        convert(*words)


def test_no_co2_is_no_value() -> None:
    with pytest.raises(NotReady, match="only humidity and temperature were measured"):
        convert(0, 26214, 32768)


# The twin against the data sheet.


def test_the_twin_gives_the_bytes_of_the_worked_example(bench: Bench) -> None:
    bench.twin._offset_ppm = bench.twin._offset_rh = bench.twin._ppm_per_k = 0.0
    bench.twin._gain, bench.twin._heat_k = 1.0, 4.0
    bench.write(0x21B1, wait_s=5.1)
    words = decode_words(bench.ask(0xEC05, 3), 3)
    assert words == pytest.approx((800, 26214, 32768), abs=150)
    assert words[0] == pytest.approx(800, abs=12)
    assert _framed(bytes.fromhex("01f466675eb9")) == bytes.fromhex("01f43366 67a25eb93c")


def test_the_twin_has_the_factory_s_settings(bench: Bench) -> None:
    commands = {0x2318: 1498, 0x2322: 0, 0x2313: 1, 0x233F: 400, 0x2340: 44, 0x234B: 156}
    for command, word in commands.items():
        assert decode_words(bench.ask(command), 1) == (word,)
    assert decode_words(bench.ask(0xE000), 1) == (1013,)
    assert bench.ask(0x202F)[0] >> 4 == 1


def test_a_serial_number_is_as_the_data_sheet_has_it() -> None:
    world = World(VirtualClock())
    twin = SimScd4x(Place(world, "F8969F073BBE", powered=False))
    twin.receive(b"\x36\x82")
    world.clock.sleep(0.001)
    assert twin.send(9) == bytes.fromhex("f896319f07c23bbe89")
    bus = SimulatedI2cBus()
    bus.attach(0x62, twin)
    assert Scd4x(bus, 0x62, world.clock).identify().serial == "F8969F073BBE"


def test_while_it_measures_it_takes_only_what_the_data_sheet_lists(bench: Bench) -> None:
    commands = [
        0x21B1, 0x21AC, 0x241D, 0x2318, 0x2427, 0x2322, 0x362F, 0x2416, 0x2313, 0x3615, 0x3682,
        0x3639, 0x3632, 0x3646, 0x219D, 0x2196, 0x36E0, 0x36F6, 0x202F, 0xEC05, 0xE4B8, 0xE000,
        0x3F86,
    ]  # fmt: skip
    bench.write(0x21B1)
    assert [c for c in commands if bench.takes(c)] == [0xEC05, 0xE4B8, 0xE000, 0x3F86]
    assert not bench.takes(0x3682)  # for half a second after the stop
    bench.clock.sleep(0.5)
    assert bench.takes(0x3682)
    assert not bench.twin.memory.wearing_acts


def test_the_buffer_is_emptied_by_reading(bench: Bench) -> None:
    bench.write(0x21B1, wait_s=5.1)
    assert bench.ask(0xE4B8)[:2].hex() == "8006"
    bench.ask(0xEC05, 3)
    assert bench.ask(0xE4B8)[:2].hex() == "8000"
    with pytest.raises(NotAcknowledged, match="nothing to give"):
        bench.ask(0xEC05, 3)


def test_a_wake_up_is_never_acknowledged(bench: Bench) -> None:
    for asleep in (False, True):
        if asleep:
            bench.write(0x36E0)
            assert not bench.takes(0x3682)
            assert bench.twin.supply_current_a() < 1e-6
        assert not bench.takes(0x36F6)
        bench.clock.sleep(0.030)
        assert bench.takes(0x3682)


def test_a_word_with_a_wrong_checksum_is_ignored(bench: Bench) -> None:
    bench.write(0x2416, bytes.fromhex("0000b0"))
    assert decode_words(bench.ask(0x2313), 1) == (1,)
    bench.write(0x2416, _framed(bytes(2)))
    assert decode_words(bench.ask(0x2313), 1) == (0,)


def test_settings_outlive_a_power_cycle_once_persisted_which_is_counted(bench: Bench) -> None:
    bench.write(0x241D, bytes.fromhex("091263"))
    bench.power_cycle()
    assert decode_words(bench.ask(0x2318), 1) == (1498,)
    bench.write(0x241D, bytes.fromhex("091263"))
    bench.write(0x3615, wait_s=0.8)
    bench.power_cycle()
    assert decode_words(bench.ask(0x2318), 1) == (0x0912,)
    bench.write(0x3632, wait_s=1.2)
    assert decode_words(bench.ask(0x2318), 1) == (1498,)
    again = SimScd4x(Place(bench.world, "7"))
    assert again.memory.wearing_acts == {"persist settings": 1, "factory reset": 1}


def test_a_forced_recalibration_moves_co2_once_it_has_measured_for_3_min(bench: Bench) -> None:
    def recalibrate() -> int:
        bench.write(0x362F, encode_word(480), wait_s=0.4)
        return decode_words(bench.bus.transfer(0x62, b"", 3), 1)[0]

    assert recalibrate() == 0xFFFF
    bench.put("co2", 500.0)
    bench.write(0x21B1, wait_s=200.0)
    bench.write(0x3F86, wait_s=0.5)
    assert recalibrate() - 0x8000 == pytest.approx(-20, abs=45)
    bench.power_cycle()
    bench.write(0x21B1, wait_s=5.1)
    assert decode_words(bench.ask(0xEC05, 3), 3)[0] == pytest.approx(480, abs=12)
    assert bench.twin.memory.wearing_acts == {"forced recalibration": 1}


def test_a_self_calibration_that_would_have_come_is_on_record(bench: Bench) -> None:
    bench.write(0x21B1, wait_s=43 * 3600.0)
    bench.twin.supply_current_a()
    assert not bench.twin.beyond
    bench.clock.sleep(2 * 3600.0)
    bench.twin.supply_current_a()
    assert list(bench.twin.beyond) == ["automatic self-calibration"]


def test_what_nobody_knows_and_an_scd40_has_not_is_on_record() -> None:
    bench = Bench(variant="SCD40")
    bench.write(0x219D)
    bench.write(0x1234)
    assert list(bench.twin.beyond) == ["command 0x219d of an SCD40", "command 0x1234"]


# Driver and twin.


@pytest.mark.parametrize("mode", MODES)
def test_the_driver_reads_what_the_place_has(bench: Bench, mode: str) -> None:
    bench.part.prepare(mode=mode)
    for co2_ppm in (450.0, 2000.0, 5000.0):
        bench.put("co2", co2_ppm)
        found_ppm, found_rh, found_c = bench.sample()
        assert found_ppm == pytest.approx(co2_ppm, abs=50 + 0.05 * co2_ppm)
        assert found_rh == pytest.approx(50.0, abs=6.0)
        assert found_c == pytest.approx(25.0, abs=0.8)
    assert not bench.twin.beyond


@pytest.mark.parametrize("mode", MODES)
def test_every_unit_is_ready_when_start_said_so(mode: str) -> None:
    for seed in range(8):
        bench = Bench(seed=seed)
        bench.part.prepare(mode=mode)
        for _ in range(3):
            bench.sample()


@pytest.mark.parametrize("mode", MODES)
def test_a_measurement_is_of_after_its_start(bench: Bench, mode: str) -> None:
    bench.part.prepare(mode=mode)
    bench.clock.sleep(65.0)
    bench.put("co2", 3000.0)
    assert bench.sample()[0] > 2800.0


@pytest.mark.parametrize("mode", MODES)
def test_reading_too_early_is_refused(bench: Bench, mode: str) -> None:
    bench.part.prepare(mode=mode)
    bench.sample()
    bench.part.start()
    bench.clock.sleep(1.0)
    with pytest.raises(NotReady, match=r"no new measurement 1\.0 s after the start"):
        bench.part.read()


def test_the_first_single_shot_after_power_up_is_thrown_away(bench: Bench) -> None:
    found = []
    for _ in range(2):
        bench.write(0x219D, wait_s=5.0)
        found.append(decode_words(bench.ask(0xEC05, 3), 3)[0])
    assert found[0] - found[1] > 50
    bench.power_cycle()
    bench.part.prepare(mode="single")
    assert bench.sample()[0] == pytest.approx(found[1], abs=20)


def test_nothing_that_wears_the_part_is_sent(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[bytes] = []
    receive = bench.twin.receive
    monkeypatch.setattr(bench.twin, "receive", lambda data: (sent.append(data), receive(data)))
    for mode in MODES:
        bench.part.identify()
        bench.part.prepare(mode=mode)
        bench.part.identify()
        bench.sample()
        assert bench.part.self_test() == 0
    assert not {int.from_bytes(data[:2], "big") for data in sent} & set(WEARING)
    assert not bench.twin.memory.wearing_acts


def test_self_calibration_is_off_unless_asked_for(bench: Bench) -> None:
    for wanted in ("off", "on"):
        bench.part.prepare(mode="single", self_calibration=wanted)
        assert decode_words(bench.ask(0x2313), 1) == (int(wanted == "on"),)


def test_a_part_that_measures_tells_what_it_is_and_no_number(bench: Bench) -> None:
    bench.write(0x21B1)
    identity = bench.part.identify()
    assert (identity.model, identity.serial) == ("SCD41", "")
    assert "SCD40" in identity.or_models
    bench.clock.sleep(5.1)
    assert bench.ask(0xE4B8)[:2].hex() == "8006"


def test_a_part_that_the_driver_lets_measure_is_known_by_its_number(bench: Bench) -> None:
    alone = bench.part.identify()
    bench.part.prepare()
    assert bench.part.identify() == alone
    assert alone.serial == bench.twin._number.hex().upper()
    other = SimScd4x(Place(bench.world, "8"))
    bench.bus.detach(0x62)
    bench.bus.attach(0x62, other)  # it does not measure, and tells its own
    assert bench.part.identify().serial == other._number.hex().upper()


@pytest.mark.parametrize("variant", ["SCD40", "SCD41", "SCD43"])
def test_variants_are_told_apart(variant: str) -> None:
    assert Bench(variant=variant).part.identify().model == variant


def test_an_older_part_does_not_tell_its_variant_and_is_used_all_the_same() -> None:
    bench = Bench(tells=False)
    identity = bench.part.identify()
    assert (identity.model, identity.or_models) == ("SCD41", ("SCD40",))
    bench.part.prepare(mode="single")
    assert bench.sample()[0] == pytest.approx(800, abs=90)


def test_a_stranger_s_variant_is_refused() -> None:
    with pytest.raises(WrongDevice, match="the variant at bus0, address 0x62 is 7, an SCD4x has"):
        Bench("identity").part.identify()


def test_an_scd40_has_no_single_shot() -> None:
    bench = Bench(variant="SCD40")
    with pytest.raises(SetpointError, match="SCD40 has no single shot; allowed: 'every 5 s'"):
        bench.part.prepare(mode="single")
    bench.part.prepare()
    bench.sample()
    assert not bench.twin.beyond


@pytest.mark.parametrize("command", [0x21B1, 0x21AC, 0x219D, 0x36E0, 0x3639])
def test_a_part_that_somebody_else_left_is_taken_over(bench: Bench, command: int) -> None:
    bench.write(command)
    bench.part.prepare()
    assert bench.sample()[0] == pytest.approx(800, abs=90)


def test_the_ambient_pressure_corrects_co2(bench: Bench) -> None:
    bench.part.prepare()
    at_sea = bench.sample()[0]
    bench.put("pressure", 80_000.0)
    assert bench.sample()[0] / at_sea == pytest.approx(0.79, abs=0.02)
    bench.part.prepare(ambient_pressure=80_000.0)
    assert bench.sample()[0] == pytest.approx(at_sea, abs=15)


def test_the_temperature_offset_moves_temperature_and_humidity(bench: Bench) -> None:
    bench.part.prepare()
    _, before_rh, before_c = bench.sample()
    bench.part.prepare(temperature_offset=0.0)
    _, warm_rh, warm_c = bench.sample()
    assert warm_c - before_c == pytest.approx(4.0, abs=0.2)
    assert before_rh / warm_rh == pytest.approx(1.27, abs=0.03)


def test_a_setting_that_does_not_read_back_is_an_error(bench: Bench) -> None:
    receive = bench.twin.receive

    def lossy(data: bytes) -> None:
        receive(data[:-1] + bytes([data[-1] ^ 1]) if data[:2] == b"\x24\x16" else data)

    bench.twin.receive = lossy  # type: ignore[method-assign]
    with pytest.raises(SettingsLost, match="0x2416 wrote 0, 1 reads back"):
        bench.part.prepare()


def test_a_bad_part_fails_its_self_test_and_goes_on() -> None:
    bench = Bench("self_test")
    bench.part.prepare(mode="every 30 s")
    assert bench.part.self_test() == 1
    assert bench.sample()[0] == pytest.approx(800, abs=90)


def test_a_dip_of_the_supply_is_noticed(bench: Bench) -> None:
    bench.part.prepare()
    bench.clock.sleep(bench.part.start())
    bench.power_cycle()
    with pytest.raises(NotReady, match="did its supply dip"):
        bench.part.read()


def test_starting_before_preparing_says_what_to_do(bench: Bench) -> None:
    with pytest.raises(BenchError, match="prepare"):
        bench.part.start()


def test_noise_and_currents_are_those_of_the_data_sheet(bench: Bench) -> None:
    bench.part.prepare()
    found = [bench.sample()[0] for _ in range(200)]
    assert statistics.stdev(found) == pytest.approx(10 / 3, rel=0.25)
    assert bench.twin.supply_current_a() == pytest.approx(15e-3)
    bench.part.prepare(mode="every 30 s")
    assert bench.twin.supply_current_a() == pytest.approx(3.2e-3)


def test_stress_moves_a_part_that_drifts() -> None:
    moved = {}
    for fault in ("", "drift"):
        bench = Bench(fault)
        bench.put("temperature", 125.0)
        bench.clock.sleep(1000 * 3600.0)
        bench.put("temperature", 25.0)
        bench.part.prepare()
        moved[fault] = bench.sample()[0] - 800
    assert abs(moved["drift"] - moved[""]) > 100
