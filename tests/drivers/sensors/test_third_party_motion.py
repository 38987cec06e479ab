"""Other people's drivers of accelerometers and gyroscopes, unchanged, on the twins.

Each reads the world in real time (the twins' world goes ten times as fast), and again in virtual
time, where the driver's own `sleep` is the world's.
"""

import importlib
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from sensorbench.core.catalog import devices
from sensorbench.core.clock import VirtualClock
from sensorbench.links.i2c import SimulatedI2cBus
from sensorbench.links.smbus_api import simulated_smbus_class
from sensorbench.world.fields import Constant
from sensorbench.world.world import Place, World

from .others import Bench, CircuitPythonI2c, MicroPythonI2c, installed

TURNING = (30.0, -20.0, 10.0)


class VirtualBench(Bench):
    """Twins in virtual time."""

    def __init__(self) -> None:
        self.world = World(VirtualClock(), 1, {"temperature": 27.5})
        self.bus = SimulatedI2cBus("bus0")
        self.place = Place(self.world, "7", powered=False)


@pytest.fixture(params=[Bench, VirtualBench], ids=["real", "virtual"])
def bench(request: pytest.FixtureRequest) -> Bench:
    found: Bench = request.param()
    zone = found.world.zone()
    zone.bind("angular_rate", Constant(TURNING))
    return found


@pytest.fixture
def package(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return how to import a driver that waits in the bench's time."""

    def imported(name: str, *waiting: str) -> ModuleType:
        found = importlib.import_module(name)
        if isinstance(bench, VirtualBench):
            for module in waiting or (name,):
                target = importlib.import_module(module)
                monkeypatch.setattr(target, "sleep", bench.world.clock.sleep)
        return found

    return imported


def plugged(bench: Bench, name: str, address: int) -> Any:
    """Plug in a twin by its name in the catalog."""
    twin = devices()[name].load_twin()(bench.place)
    bench.bus.attach(address, twin)
    return twin


def degrees(rates: tuple[float, ...]) -> list[float]:
    """Return radians per second in degrees per second."""
    return [rate * 57.29577951 for rate in rates]


def test_adafruit_ism330dhcx_reads_the_asm330lhh(
    bench: Bench, package: Any, circuitpython: CircuitPythonI2c
) -> None:
    """To software the ISM330DHCX is its sibling: the same identity and ranges."""
    twin = plugged(bench, "asm330lhh", 0x6A)
    driver = package("adafruit_lsm6ds.ism330dhcx", "adafruit_lsm6ds", "adafruit_lsm6ds.ism330dhcx")
    part = driver.ISM330DHCX(circuitpython)
    bench.world.clock.sleep(0.5)
    assert part.acceleration == pytest.approx((0.0, 0.0, 9.8), abs=0.5)
    for range_ in (driver.GyroRange.RANGE_250_DPS, driver.GyroRange.RANGE_4000_DPS):
        part.gyro_range = range_
        assert degrees(part.gyro) == pytest.approx(TURNING, abs=3.0)
    assert part.temperature == pytest.approx(27.5, abs=12.0)
    assert not twin.beyond


def test_adafruit_msa301_reads_the_world(bench: Bench, circuitpython: CircuitPythonI2c) -> None:
    twin = plugged(bench, "msa301", 0x26)
    driver = importlib.import_module("adafruit_msa3xx")
    bench.world.clock.sleep(0.1)
    part = driver.MSA301(circuitpython)
    for range_ in (driver.Range.RANGE_2_G, driver.Range.RANGE_16_G):
        part.range = range_
        bench.world.clock.sleep(0.1)
        assert part.acceleration == pytest.approx((0.0, 0.0, 9.8), abs=1.3)
    part.power_mode = driver.Mode.SUSPEND
    kept = part.acceleration
    bench.world.clock.sleep(0.1)
    assert part.acceleration == kept
    assert not twin.beyond


def test_the_bmi270_package_loads_its_image_and_reads_the_world(
    bench: Bench, package: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    driver = package("bmi270.BMI270")
    monkeypatch.setattr(driver, "SMBus", simulated_smbus_class({1: bench.bus}))
    twin = plugged(bench, "bmi270", 0x68)
    bench.world.clock.sleep(0.1)
    part = driver.BMI270(0x68)
    part.load_config_file()
    part.set_mode("performance")
    part.set_acc_range(driver.ACC_RANGE_4G)
    part.set_gyr_range(driver.GYR_RANGE_500)
    bench.world.clock.sleep(0.5)
    assert part.get_acc_data() == pytest.approx((0.0, 0.0, 9.8), abs=0.5)
    assert degrees(part.get_gyr_data()) == pytest.approx(TURNING, abs=2.0)
    assert part.get_temp_data() == pytest.approx(27.5, abs=3.0)
    assert not twin.beyond


@pytest.mark.parametrize("bench", [VirtualBench], indirect=True, ids=["virtual"])
def test_micropython_bmi270_loads_its_image_and_reads_the_world(
    micropython: MicroPythonI2c, bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In virtual time alone: it waits 30 ms for each of 256 pieces of its image."""
    driver = installed("micropython_bmi270.bmi270", "BMI270")
    monkeypatch.setattr(driver, "time", SimpleNamespace(sleep=bench.world.clock.sleep))
    twin = plugged(bench, "bmi270", 0x68)
    bench.world.clock.sleep(0.1)
    part = driver.BMI270(micropython)
    bench.world.clock.sleep(0.5)
    for range_ in (driver.ACCEL_RANGE_2G, driver.ACCEL_RANGE_16G):
        part.acceleration_range = range_
        bench.world.clock.sleep(0.1)
        assert part.acceleration == pytest.approx((0.0, 0.0, 9.8), abs=0.5)
    assert part.gyro == pytest.approx(TURNING, abs=2.0)
    assert not twin.beyond


def test_our_driver_loads_the_image_of_theirs() -> None:
    bench = VirtualBench()
    plugged(bench, "bmi270", 0x68)
    bench.world.clock.sleep(0.1)
    file = installed("bmi270.config_file", "bmi270_config_file").__file__
    part = devices()["bmi270"].load_driver()(bench.bus, 0x68, bench.world.clock, image=file)
    part.prepare()
    bench.world.clock.sleep(part.start())
    assert part.read().values[0][2] == pytest.approx(9.8, abs=0.5)
