"""What every sensor package keeps to, driver and twin, whatever the part."""

import ast
import importlib
import tomllib
from pathlib import Path
from typing import Any

import pytest

import sensorbench.sensors
from sensorbench.core.clock import VirtualClock
from sensorbench.core.errors import NotAcknowledged, ProtocolError
from sensorbench.core.provenance import Identity
from sensorbench.core.units import Dimension
from sensorbench.links.i2c import SimulatedI2cBus
from sensorbench.world.world import Place, World

PACKAGES = sorted(
    path.parent for path in Path(sensorbench.sensors.__path__[0]).glob("*/device.toml")
)
# What a part may be off by where it is fresh: its datasheet's limit near 25 degC and 100 kPa.
ACCURACY = {
    ("bme280", "pressure"): 100.0,
    ("bme280", "temperature"): 1.0,
    ("bmp280", "pressure"): 100.0,
    ("bmp280", "temperature"): 1.0,
    ("ms5611", "pressure"): 150.0,
    ("ms5611", "temperature"): 0.8,
    ("tmp117", "temperature"): 0.1,
}


class Bench:
    """One part of any kind in the chamber, powered."""

    def __init__(self, package: Path, seed: int = 1, fault: str = "none") -> None:
        self.device = tomllib.loads((package / "device.toml").read_text(encoding="utf-8"))
        self.name: str = self.device["name"]
        module = f"sensorbench.sensors.{package.name}"
        self.clock = VirtualClock()
        self.world = World(self.clock, seed)
        self.world.rails[1].set_voltage(3.3)
        self.world.rails[1].switch(True)
        self.place = Place(self.world, "10000001")
        self.bus = SimulatedI2cBus("bus0")
        self.address: int = self.device["addresses"][0]
        twin = getattr(importlib.import_module(f"{module}.twin"), self.device["twin"])
        self.bus.attach(self.address, twin(self.place, fault))
        driver = getattr(importlib.import_module(f"{module}.driver"), self.device["driver"])
        self.part: Any = driver(self.bus, self.address, self.clock)

    def sample(self) -> dict[str, float]:
        names = [channel.name for channel in self.part.CHANNELS]
        return dict(zip(names, self.part.sample(), strict=True))


@pytest.fixture(params=PACKAGES, ids=lambda package: package.name)
def package(request: pytest.FixtureRequest) -> Path:
    found: Path = request.param
    return found


@pytest.fixture
def bench(package: Path) -> Bench:
    return Bench(package)


def test_every_sensor_is_covered() -> None:
    assert {package.name for package in PACKAGES} >= {
        "bme280",
        "bmp280",
        "ms5611",
        "tmp117",
        "sbp1",
    }


def test_the_device_file_describes_the_package(package: Path) -> None:
    device = tomllib.loads((package / "device.toml").read_text(encoding="utf-8"))
    assert device["name"] == package.name
    assert device["kind"] == "sensor"
    assert device["links"] == ["i2c"]
    assert device["source"]
    assert all(0x08 <= address <= 0x77 for address in device["addresses"])


def test_the_constructor_sends_nothing(package: Path) -> None:
    bench = Bench(package)
    bench.bus.stuck = True
    type(bench.part)(bench.bus, bench.address, bench.clock)


def test_a_part_says_who_it_is(bench: Bench) -> None:
    identity = bench.part.identify()
    assert isinstance(identity, Identity)
    assert identity.manufacturer
    assert identity.model.lower() == bench.name


class Stranger:
    """A part that acknowledges everything and answers 0xA5."""

    def receive(self, data: bytes) -> None:
        pass

    def send(self, length: int) -> bytes:
        return b"\xa5" * length


def test_a_stranger_is_refused_by_address(bench: Bench) -> None:
    bus = SimulatedI2cBus("bus1")
    bus.attach(bench.address, Stranger())
    stranger = type(bench.part)(bus, bench.address, bench.clock)
    with pytest.raises(ProtocolError, match=f"bus1, address {bench.address:#04x}"):
        stranger.identify()


@pytest.mark.parametrize("other", PACKAGES, ids=lambda package: f"for-{package.name}")
def test_no_part_is_taken_for_another(bench: Bench, other: Path) -> None:
    wanted = Bench(other)
    if wanted.name == bench.name:
        return
    other_part = type(wanted.part)(bench.bus, bench.address, bench.clock)
    with pytest.raises((ProtocolError, NotAcknowledged, NotImplementedError)):
        other_part.identify()


def test_a_sample_has_a_value_for_every_channel(bench: Bench) -> None:
    bench.part.prepare()
    assert len(bench.part.sample()) == len(bench.part.CHANNELS)
    names = [channel.name for channel in bench.part.CHANNELS]
    assert len(set(names)) == len(names)
    for channel in bench.part.CHANNELS:
        assert (channel.dimension is None) == channel.name.endswith("_raw")


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize(("pressure_pa", "air_c"), [(95e3, 10.0), (101e3, 25.0), (105e3, 40.0)])
def test_readings_follow_the_world_within_the_parts_accuracy(
    package: Path, seed: int, pressure_pa: float, air_c: float
) -> None:
    bench = Bench(package, seed)
    bench.part.prepare()
    bench.world.pressure.approach(pressure_pa)
    bench.world.chamber.approach(air_c)
    bench.clock.sleep(10 * 3600)
    sample = bench.sample()
    truth = {"pressure": bench.place.pressure_pa(), "temperature": bench.place.temperature_c()}
    for quantity, value in truth.items():
        if (bench.name, quantity) in ACCURACY:
            limit = ACCURACY[bench.name, quantity]
            # Off 25 degC the datasheets allow more.
            assert sample[quantity] == pytest.approx(value, abs=limit * (1 + abs(air_c - 25) / 30))


def test_raw_counts_move_with_the_pressure(bench: Bench) -> None:
    if Dimension.PRESSURE not in {channel.dimension for channel in bench.part.CHANNELS}:
        return
    bench.part.prepare()
    raw = []
    for pressure_pa in (40e3, 70e3, 100e3):
        bench.world.pressure.approach(pressure_pa)
        bench.clock.sleep(60)
        raw.append(bench.sample()["pressure_raw"])
    assert raw in (sorted(raw), sorted(raw, reverse=True))
    assert len(set(raw)) == 3


def test_two_units_of_one_kind_differ(package: Path) -> None:
    first, second = Bench(package), Bench(package, seed=2)
    for bench in (first, second):
        bench.part.prepare()
    assert first.part.sample() != second.part.sample()


def test_a_part_without_supply_is_not_acknowledged(bench: Bench) -> None:
    bench.part.prepare()
    bench.world.rails[1].switch(False)
    with pytest.raises(NotAcknowledged, match=f"bus0, address {bench.address:#04x}.*no supply"):
        bench.part.sample()
    bench.world.rails[1].set_voltage(1.2)
    bench.world.rails[1].switch(True)
    with pytest.raises(NotAcknowledged):
        bench.part.identify()
    bench.world.rails[1].set_voltage(3.3)
    bench.part.prepare()
    assert bench.part.sample()


def test_a_silent_part_is_not_acknowledged(package: Path) -> None:
    with pytest.raises(NotAcknowledged):
        Bench(package, fault="silent").part.identify()


def test_an_unknown_fault_is_refused(package: Path) -> None:
    with pytest.raises(ValueError, match="on holiday"):
        Bench(package, fault="on holiday")


def imports(module: Path) -> set[str]:
    tree = ast.parse(module.read_text(encoding="utf-8"))
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def test_the_driver_knows_neither_twins_nor_the_world(package: Path) -> None:
    for name in imports(package / "driver.py"):
        assert not name.startswith("sensorbench.world")
        assert ".twin." not in name
        assert not name.startswith("sensorbench.sensors.simulated")


def test_the_twin_shares_no_code_with_its_driver(package: Path) -> None:
    for name in imports(package / "twin.py"):
        assert ".driver." not in name
        assert not name.startswith("sensorbench.protocols")


@pytest.mark.parametrize("fault", ["identity", "memory", "crc"])
def test_a_part_with_a_wrong_identity_or_memory_gives_no_data(package: Path, fault: str) -> None:
    twin = importlib.import_module(f"sensorbench.sensors.{package.name}.twin")
    if fault not in {known.value for known in twin.Fault}:
        return
    bench = Bench(package, fault=fault)
    with pytest.raises(ProtocolError):
        (bench.part.identify(), bench.part.prepare(), bench.part.sample())
