"""What every sensor owes the bench, tried on all of ours; and the suite itself on wrong ones."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from sensorbench.core.catalog import Device, devices
from sensorbench.core.channel import Block
from sensorbench.core.provenance import Identity
from sensorbench.sensors.aht20.twin import SimAht20
from sensorbench.sensors.bme280.driver import Bme280
from sensorbench.sensors.sgp2.driver import Sgp2
from sensorbench.sensors.tmp117.driver import Tmp117
from sensorbench.sensors.tmp117.twin import SimTmp117
from sensorbench.testing import sensors as suite
from sensorbench.testing.cases import case_of
from sensorbench.testing.conformity import Nonconformity
from sensorbench.testing.sensors import SENSOR_CHECKS, check_sensor
from sensorbench.testing.stream_checks import check_no_sample_is_lost_or_repeated
from sensorbench.testing.world import Case, SensorBench
from sensorbench.world.conversions import Conversions

SENSORS = {name: device for name, device in devices().items() if device.kind == "sensor"}
CASES: Mapping[str, Case] = {name: case_of(device) for name, device in SENSORS.items()}
Check = Callable[[Case], None]


LONG = (check_no_sample_is_lost_or_repeated,)
"""A minute at each rate of each FIFO: tried apart."""


@pytest.mark.parametrize(
    "check",
    [
        pytest.param(check, id=check.__name__, marks=[pytest.mark.chaos] * (check in LONG))
        for check in SENSOR_CHECKS
    ],
)
@pytest.mark.parametrize("name", SENSORS)
def test_every_sensor(name: str, check: Check) -> None:
    check(CASES[name])


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("aht20", {"calibrated": False, "on_e1": "takes"}),
        ("aht20", {"on_e1": "skips"}),
        ("cht8305", {"early": "old"}),
        ("qmc5883p", {"cleared_by": "status"}),
        ("scd4x", {"variant": "SCD43"}),
        ("scd4x", {"tells": False}),
    ],
)
def test_a_sensor_of_another_lot_does_the_same(name: str, options: dict[str, Any]) -> None:
    check_sensor(SENSORS[name], twin_options=options)


@pytest.mark.parametrize(
    "name",
    [n for n, c in CASES.items() if any(h.name == "humidity" for h in c.load_driver().CHANNELS)],
)
def test_a_humidity_sensor_reads_the_dry_air_of_a_bake(name: str) -> None:
    for seed in range(1, 40):
        bench = SensorBench(CASES[name], seed=seed)
        bench.put("temperature", 60.0)
        bench.put("humidity", 1.0)
        bench.part.prepare()
        bench.clock.sleep(1000 * 3600.0)
        assert bench.sample()["humidity"] == pytest.approx(1.0, abs=8.0)


def test_ours_are_among_them() -> None:
    assert set(SENSORS) >= {"bme280", "bmp280", "ms5611", "sbp1", "tmp117"}


@pytest.mark.parametrize("wanted", SENSORS)
@pytest.mark.parametrize("there", SENSORS)
def test_no_part_is_taken_for_another(wanted: str, there: str) -> None:
    """A driver in front of another part's twin refuses it, or says that it may be that one."""
    one, other = SENSORS[wanted], SENSORS[there]
    if one is other or "i2c" not in one.links or "i2c" not in other.links:
        return
    bench = SensorBench(Case(other))
    driver = one.load_driver()(bench.bus, bench.address, bench.clock)
    try:
        told = driver.identify()
    except suite.BenchError:
        return
    assert bench.part.identify().model in told.or_models


# The suite finds drivers that are wrong.


class Offset(Bme280):
    """Reads 20 K too much."""

    def read(self) -> Block:
        block = super().read()
        block.values[0, 4] += 20.0
        return block


class HalfHumidity(Bme280):
    """Reads half of the humidity."""

    def read(self) -> Block:
        block = super().read()
        block.values[0, 5] /= 2.0
        return block


class Absolute(Sgp2):
    """Gives absolute pressure where one above ambient is due."""

    def read(self) -> Block:
        block = super().read()
        block.values[0, :2] += 101_325.0
        return block


class Sides(Sgp2):
    """Takes the back for the front."""

    def read(self) -> Block:
        block = super().read()
        block.values[0, [0, 1]] = block.values[0, [1, 0]]
        return block


class Frozen(Tmp117):
    """Gives the first reading for ever."""

    _first: Block | None = None

    def read(self) -> Block:
        block = super().read()
        self._first = self._first or block
        return self._first


class NotANumber(Tmp117):
    """Gives no number, and no error."""

    def read(self) -> Block:
        block = super().read()
        block.values[0, 0] = float("nan")
        return block


class Swapped(Bme280):
    """Gives temperature where pressure is due."""

    def read(self) -> Block:
        block = super().read()
        block.values[0, [3, 4]] = block.values[0, [4, 3]]
        return block


class Believing(Tmp117):
    """Believes whoever answers."""

    def identify(self) -> Identity:
        self._read(0x0F)
        return Identity("Texas Instruments", "TMP117")


class Resetting(Tmp117):
    """Resets the part to identify it."""

    def identify(self) -> Identity:
        self._write(0x01, 0x0002)
        self._clock.sleep(0.002)
        return super().identify()


class Careless(Tmp117):
    """Takes any setting, and the result register as it is."""

    def prepare(self, **settings: Any) -> None:
        super().prepare()

    def read(self) -> Block:
        now = self._clock.now()
        data = self._bus.transfer(self._address, b"\x00", 2)
        value = int.from_bytes(data, "big", signed=True) / 128
        return Block(suite.np.array([[value]]), now, now)


WRONG: list[tuple[str, type[Any], Check, str]] = [
    ("bme280", Offset, suite.check_readings_follow_the_world, "temperature reads .* apart"),
    ("bme280", HalfHumidity, suite.check_readings_follow_the_world, "humidity reads .* apart"),
    ("bme280", Swapped, suite.check_readings_follow_the_world, "pressure reads"),
    ("sgp2", Absolute, suite.check_readings_follow_the_world, "pressure_front reads"),
    ("sgp2", Sides, suite.check_readings_follow_the_world, "pressure_front reads"),
    ("tmp117", Frozen, suite.check_readings_follow_the_world, "temperature reads"),
    ("tmp117", Frozen, suite.check_every_channel_moves, "temperature moves by 0"),
    ("tmp117", NotANumber, suite.check_readings_follow_the_world, "reads nan"),
    ("tmp117", Believing, suite.check_identity, "a stranger that answers 0x00"),
    ("tmp117", Believing, suite.check_faults, "fault identity"),
    ("tmp117", Resetting, suite.check_identify_changes_nothing, "changed the part"),
    ("tmp117", Careless, suite.check_settings, "was accepted"),
    ("tmp117", Careless, suite.check_one_reading, "given twice"),
    ("tmp117", Careless, suite.check_garbage, "gave"),
    ("tmp117", Careless, suite.check_a_dip_is_noticed, "supply dipped"),
]


@pytest.mark.parametrize(
    ("name", "driver", "check", "text"),
    WRONG,
    ids=[f"{driver.__name__}-{check.__name__}" for _, driver, check, _ in WRONG],
)
def test_a_wrong_driver_is_found(name: str, driver: type[Any], check: Check, text: str) -> None:
    with pytest.raises(Nonconformity, match=text):
        check(Case(SENSORS[name], driver=driver))


def test_all_checks_can_be_had_in_one_call() -> None:
    check_sensor(SENSORS["tmp117"])
    with pytest.raises(Nonconformity):
        check_sensor(SENSORS["bme280"], driver=Offset)


# The suite finds twins that are wrong.


class Forgetful(SimTmp117):
    """Forgets the conversions that ended and were not read when its configuration is written."""

    def receive(self, data: bytes) -> None:
        if data[:1] == b"\x01" and len(data) == 3:
            self._conversions = Conversions()
        super().receive(data)


class LateStarter(SimTmp117):
    """Boots when it is first talked to."""

    def _supplied(self) -> None:
        self._reset(self._clock.now())


class Simple(SimTmp117):
    """Does not model its configuration."""

    def _configure(self, word: int) -> None:
        self.beyond.note(f"configuration {word:#06x}")
        super()._configure(word)


@pytest.mark.parametrize(
    ("twin", "check", "text"),
    [
        (Forgetful, suite.check_looking_changes_nothing, "brings itself up to now before"),
        (LateStarter, suite.check_the_supply_starts_it, "starts when it is talked to"),
        (Simple, suite.check_the_driver_stays_within_the_model, "configuration 0x"),
    ],
)
def test_a_wrong_twin_is_found(
    monkeypatch: pytest.MonkeyPatch, twin: type[Any], check: Check, text: str
) -> None:
    monkeypatch.setattr(Device, "load_twin", lambda _: twin)
    with pytest.raises(Nonconformity, match=text):
        check(Case(SENSORS["tmp117"]))


class Hasty(SimAht20):
    """Gives the result before, where nobody looked since a measurement ended."""

    def send(self, length: int) -> bytes:
        self._conversions = Conversions()
        return super().send(length)


def test_a_wrong_twin_of_a_part_without_settings_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Device, "load_twin", lambda _: Hasty)
    with pytest.raises(Nonconformity, match="brings itself up to now before"):
        suite.check_looking_changes_nothing(CASES["aht20"])
