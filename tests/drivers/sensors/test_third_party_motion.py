"""Other people's drivers of accelerometers and gyroscopes, unchanged, on the twins.

Each reads the world in real time (the twins' world goes ten times as fast), and again in virtual
time, where the driver's own `sleep` is the world's.
"""

import importlib
from types import ModuleType
from typing import Any

import pytest

from sensorbench.core.catalog import devices
from sensorbench.core.clock import VirtualClock
from sensorbench.links.i2c import SimulatedI2cBus
from sensorbench.world.fields import Constant
from sensorbench.world.world import Place, World

from .others import Bench, CircuitPythonI2c

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
        pytest.importorskip(name.partition(".")[0])
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
    pytest.importorskip("adafruit_msa3xx")
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
