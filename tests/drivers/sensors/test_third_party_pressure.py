"""Other people's pressure drivers, unchanged, on the twins: they read the world in either time."""

import importlib
import time
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from sensorbench.core.catalog import devices
from sensorbench.core.clock import VirtualClock
from sensorbench.links.i2c import SimulatedI2cBus
from sensorbench.world.world import Place, World

from .others import Bench, CircuitPythonI2c, MicroPythonI2c, SensirionTransceiver


class VirtualBench(Bench):
    """The same, where nothing waits: a driver's sleeps move the clock."""

    def __init__(self) -> None:
        ambient = {"temperature": 27.5, "pressure": 98_700.0}
        self.world = World(VirtualClock(), 1, ambient)
        self.bus = SimulatedI2cBus("bus0")
        self.place = Place(self.world, "7", powered=False)


@pytest.fixture(params=["real", "virtual"])
def bench(request: pytest.FixtureRequest) -> Bench:
    return Bench() if request.param == "real" else VirtualBench()


def plugged(bench: Bench, name: str, address: int, **options: Any) -> Any:
    """Plug in a twin by its name in the catalog."""
    twin = devices()[name].load_twin()(bench.place, **options)
    bench.bus.attach(address, twin)
    return twin


def driver(bench: Bench, monkeypatch: pytest.MonkeyPatch, name: str) -> ModuleType:
    """Import a driver; in virtual time its sleeps are the bench's, and MicroPython's are there."""
    module = importlib.import_module(name)
    sleep = bench.world.clock.sleep if isinstance(bench, VirtualBench) else time.sleep
    sleeps = SimpleNamespace(sleep=sleep, sleep_ms=lambda ms: sleep(ms / 1000))
    monkeypatch.setattr(module, "time", sleeps)
    return module


@pytest.mark.parametrize("chip", ["BMP390", "BMP388"])
def test_adafruit_s_bmp3xx(
    bench: Bench, circuitpython: CircuitPythonI2c, monkeypatch: pytest.MonkeyPatch, chip: str
) -> None:
    twin = plugged(bench, "bmp390", 0x77, chip=chip)
    part = driver(bench, monkeypatch, "adafruit_bmp3xx").BMP3XX_I2C(circuitpython)
    assert part.pressure * 100 == pytest.approx(98_700, abs=100)
    part.pressure_oversampling, part.temperature_oversampling = 8, 2
    part.filter_coefficient = 4
    assert (part.pressure_oversampling, part.filter_coefficient) == (8, 4)
    assert part.pressure * 100 == pytest.approx(98_700, abs=100)
    assert part.temperature == pytest.approx(27.5, abs=1)
    assert not twin.beyond


def assert_mpl3115a2_reads_the_world(part: Any) -> None:
    assert part.pressure * 100 == pytest.approx(98_700, abs=1000)
    assert part.temperature == pytest.approx(27.5, abs=1.5)
    part.sealevel_pressure = 1000.0
    assert part.sealevel_pressure == 1000.0
    # 98.7 kPa where 100 kPa are at sea level, by the standard atmosphere
    assert part.altitude == pytest.approx(110.0, abs=80.0)
    assert part.pressure * 100 == pytest.approx(98_700, abs=1000)


def test_adafruit_s_mpl3115a2(
    bench: Bench, circuitpython: CircuitPythonI2c, monkeypatch: pytest.MonkeyPatch
) -> None:
    twin = plugged(bench, "mpl3115a2", 0x60)
    part = driver(bench, monkeypatch, "adafruit_mpl3115a2").MPL3115A2(circuitpython)
    assert_mpl3115a2_reads_the_world(part)
    assert not twin.beyond


def test_the_micropython_mpl3115a2_package(
    bench: Bench, micropython: MicroPythonI2c, monkeypatch: pytest.MonkeyPatch
) -> None:
    twin = plugged(bench, "mpl3115a2", 0x60)
    package = driver(bench, monkeypatch, "micropython_mpl3115a2.mpl3115a2")
    part = package.MPL3115A2(micropython)
    for ratio, name in ((package.OS128, "OS128"), (package.OS8, "OS8")):
        part.oversample_ratio = ratio
        assert part.oversample_ratio == name
        assert_mpl3115a2_reads_the_world(part)
    assert not twin.beyond


def test_adafruit_s_spa06(
    bench: Bench, circuitpython: CircuitPythonI2c, monkeypatch: pytest.MonkeyPatch
) -> None:
    twin = plugged(bench, "spa06", 0x77)
    part = driver(bench, monkeypatch, "adafruit_spa06_003").SPA06_003.over_i2c(circuitpython)
    bench.world.clock.sleep(1.0)  # it reads without a look at the ready flags
    assert part.pressure * 100 == pytest.approx(98_700, abs=300)
    assert part.temperature == pytest.approx(27.5, abs=1)
    assert {access.split()[-1] for access in twin.beyond} == {"0x09"}  # interrupts, of no effect


def test_the_micropython_ms5611_package(
    bench: Bench, micropython: MicroPythonI2c, monkeypatch: pytest.MonkeyPatch
) -> None:
    twin = plugged(bench, "ms5611", 0x77)
    package = driver(bench, monkeypatch, "micropython_ms5611.ms5611")
    bench.bus.transfer(0x77, b"\x1e")  # it leaves the reset that loads the PROM to others
    bench.world.clock.sleep(0.01)
    part = package.MS5611(micropython)
    for code in (package.PRESS_OSR_4096, package.PRESS_OSR_256):
        part.pressure_oversample_rate = part.temperature_oversample_rate = code
        temperature_c, pressure_kpa = part.measurements
        assert temperature_c == pytest.approx(27.5, abs=1)
        assert pressure_kpa == pytest.approx(98.7, abs=0.3)
    assert not twin.beyond


@pytest.mark.parametrize(
    ("model", "product"), [("SDP31", 0x03010101), ("SDP810-125Pa", 0x03020B01)]
)
def test_sensirion_s_sdp(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, model: str, product: int
) -> None:
    package = importlib.import_module("sensirion_i2c_sdp")
    connection = driver(bench, monkeypatch, "sensirion_i2c_driver.connection")
    bench.world.ambient["differential_pressure"] = -40.0
    twin = plugged(bench, "sdp", 0x25, model=model)
    part = package.SdpI2cDevice(connection.I2cConnection(SensirionTransceiver(bench)))
    assert part.read_product_identifier()[0] == product
    expected_pa = -40.0 * 98_700 / 96_600  # it measures by the gas that flows

    def assert_reads_the_world() -> None:
        pressure, temperature = part.read_measurement()
        assert pressure.pascal == pytest.approx(expected_pa, abs=1.5)
        assert temperature.degrees_celsius == pytest.approx(27.5, abs=2)

    part.trigger_measurement_with_diff_pressure_t_comp_and_averaging()
    bench.world.clock.sleep(0.01)
    assert_reads_the_world()
    for start in (
        part.start_continuous_measurement_with_diff_pressure_t_comp,
        part.start_continuous_measurement_with_diff_pressure_t_comp_and_averaging,
    ):
        start()
        bench.world.clock.sleep(0.2)
        assert_reads_the_world()
        assert_reads_the_world()
        part.stop_continuous_measurement()
        bench.world.clock.sleep(0.01)
    part.enter_sleep_mode()
    with pytest.raises(Exception, match="NACK"):
        part.exit_sleep_mode()
    bench.world.clock.sleep(0.01)
    assert part.read_product_identifier()[0] == product
    assert not twin.beyond
