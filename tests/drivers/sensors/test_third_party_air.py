"""Other people's drivers of parts for air and magnetic field, unchanged, on the twins.

In real time, ten times faster, and in virtual time, where their `time` is the bench's clock.
"""

import importlib
import sys
import time
from collections.abc import Callable
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from sensorbench.core.clock import VirtualClock
from sensorbench.links.i2c import SimulatedI2cBus
from sensorbench.sensors.aht20.twin import SimAht20
from sensorbench.sensors.mlx90393.twin import SimMlx90393
from sensorbench.sensors.qmc5883l.twin import SimQmc5883l
from sensorbench.sensors.qmc5883p.twin import SimQmc5883p
from sensorbench.sensors.scd4x.twin import SimScd4x
from sensorbench.world.fields import Constant
from sensorbench.world.world import Place, World

from .others import (
    Bench,
    CircuitPythonI2c,
    MicroPythonI2c,
    SensirionTransceiver,
    installed,
)


class VirtualBench(Bench):
    """The same in virtual time."""

    def __init__(self) -> None:
        ambient = {"temperature": 27.5, "pressure": 98_700.0, "humidity": 52.0}
        self.world = World(VirtualClock(), 1, ambient)
        self.bus = SimulatedI2cBus("bus0")
        self.place = Place(self.world, "7", powered=False)


@pytest.fixture(params=[Bench, VirtualBench], ids=["real", "virtual"])
def bench(request: pytest.FixtureRequest) -> Bench:
    made: Bench = request.param()
    return made


def timed(package: ModuleType, bench: Bench, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Let a package wait by the bench's clock, where that is virtual."""
    clock = bench.world.clock
    if isinstance(clock, VirtualClock) and hasattr(package, "time"):
        waits = SimpleNamespace(sleep=clock.sleep, monotonic=clock.now)
        monkeypatch.setattr(package, "time", waits)
    return package


def adafruit(name: str, bench: Bench, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    return timed(installed(f"adafruit_{name}", "__version__"), bench, monkeypatch)


@pytest.fixture
def utime(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let MicroPython's `utime` be there."""
    clock = bench.world.clock
    sleep: Callable[[float], None] = time.sleep
    if isinstance(clock, VirtualClock):
        sleep = clock.sleep
    module = ModuleType("utime")
    vars(module).update(sleep_ms=lambda ms: sleep(ms / 1000))
    monkeypatch.setitem(sys.modules, "utime", module)


def fresh(name: str, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Import a module anew, as it keeps what it finds when it is imported."""
    monkeypatch.delitem(sys.modules, name, raising=False)
    found = importlib.import_module(name)
    monkeypatch.delitem(sys.modules, name)
    return found


# AHT20


@pytest.mark.parametrize("lot", [(True, "refuses"), (True, "takes"), (False, "refuses")])
def test_adafruit_s_ahtx0_reads_the_world(
    bench: Bench,
    circuitpython: CircuitPythonI2c,
    monkeypatch: pytest.MonkeyPatch,
    lot: tuple[bool, str],
) -> None:
    package = adafruit("ahtx0", bench, monkeypatch)
    twin = SimAht20(bench.place, calibrated=lot[0], on_e1=lot[1])
    bench.bus.attach(0x38, twin)
    part = package.AHTx0(circuitpython)
    assert part.temperature == pytest.approx(27.5, abs=1)
    assert part.relative_humidity == pytest.approx(52.0, abs=5)
    assert not twin.beyond


@pytest.mark.usefixtures("utime")
@pytest.mark.parametrize("kind", ["AHT10", "AHT20"])
def test_the_micropython_ahtx0_package_reads_the_world(
    bench: Bench, micropython: MicroPythonI2c, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    package: Any = fresh("ahtx0", monkeypatch)
    twin = SimAht20(bench.place, calibrated=False, on_e1="takes")
    bench.bus.attach(0x38, twin)
    part = getattr(package, kind)(micropython)
    assert part.temperature == pytest.approx(27.5, abs=1)
    assert part.relative_humidity == pytest.approx(52.0, abs=5)
    assert not twin.beyond


# SCD4x


def scd4x(bench: Bench) -> SimScd4x:
    bench.world.zone().bind("co2", Constant(850.0))
    twin = SimScd4x(bench.place)
    bench.bus.attach(0x62, twin)
    return twin


def test_adafruit_s_scd4x_reads_the_world(
    bench: Bench, circuitpython: CircuitPythonI2c, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = adafruit("scd4x", bench, monkeypatch)
    twin = scd4x(bench)
    part = package.SCD4X(circuitpython)
    assert part.sensor_variant_name == "SCD41"
    assert part.temperature_offset == pytest.approx(4.0, abs=0.01)
    part.self_calibration_enabled = False
    assert not part.self_calibration_enabled
    part.ambient_pressure = 987
    assert part.ambient_pressure == 987
    part.start_periodic_measurement()
    bench.world.clock.sleep(5.5)
    assert part.data_ready
    assert 760 < part.CO2 < 940
    assert part.temperature == pytest.approx(27.5, abs=1)
    assert part.relative_humidity == pytest.approx(52.0, abs=6)
    assert not twin.beyond
    assert not twin.memory.wearing_acts


def test_sensirion_s_own_scd4x_driver_reads_the_world(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = installed("sensirion_i2c_scd", "Scd4xI2cDevice")
    connection = importlib.import_module("sensirion_i2c_driver.connection")
    timed(connection, bench, monkeypatch)
    twin = scd4x(bench)
    part = package.Scd4xI2cDevice(connection.I2cConnection(SensirionTransceiver(bench)))
    assert part.read_serial_number() == int.from_bytes(twin._number, "big")
    part.set_ambient_pressure(987)
    part.start_periodic_measurement()
    bench.world.clock.sleep(5.5)
    assert part.get_data_ready_status()
    co2, temperature, humidity = part.read_measurement()
    assert co2.co2 == pytest.approx(850, abs=90)
    assert temperature.degrees_celsius == pytest.approx(27.5, abs=1)
    assert humidity.percent_rh == pytest.approx(52.0, abs=6)
    if isinstance(bench.world.clock, VirtualClock):  # it waits 6 s
        part.stop_periodic_measurement()
        part.measure_single_shot()
        assert part.read_measurement()[0].co2 == pytest.approx(850, abs=90)
    assert not twin.beyond


# MLX90393

FIELD_UT = (900.0, -1200.0, 1500.0)


def mlx90393(bench: Bench) -> SimMlx90393:
    bench.world.zone().bind("magnetic_field", Constant(FIELD_UT))
    twin = SimMlx90393(bench.place)
    bench.bus.attach(0x0C, twin)
    return twin


def test_adafruit_s_mlx90393_reads_the_world(
    bench: Bench, circuitpython: CircuitPythonI2c, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = adafruit("mlx90393", bench, monkeypatch)
    twin = mlx90393(bench)
    part = package.MLX90393(circuitpython, filt=package.FILTER_4, oversampling=package.OSR_2)
    for gain in (package.GAIN_1X, package.GAIN_2_5X, package.GAIN_5X):
        part.gain = gain
        for resolution in range(4):
            part.resolution_x = part.resolution_y = part.resolution_z = resolution
            assert part.magnetic == pytest.approx(FIELD_UT, abs=90)
    assert part.temperature == pytest.approx(27.5, abs=1)
    assert not twin.beyond
    assert twin.memory.stores == 0


def test_the_micropython_mlx90393_package_reads_the_world(
    bench: Bench, micropython: MicroPythonI2c, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = installed("micropython_mlx90393.mlx90393", "MLX90393")
    timed(package, bench, monkeypatch)
    twin = mlx90393(bench)
    part = package.MLX90393(micropython)
    part.digital_filter = package.FILTER_4
    assert part.magnetic == pytest.approx(FIELD_UT, abs=90)
    part.gain = package.GAIN_2X
    part.resolution_x = part.resolution_y = part.resolution_z = package.RESOLUTION_1
    assert part.magnetic == pytest.approx(FIELD_UT, abs=90)
    assert not twin.beyond


# QMC5883L


def test_the_micropython_qmc5883l_package_reads_the_world(
    bench: Bench, micropython: MicroPythonI2c, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = installed("micropython_qmc5883l.qmc5883l", "QMC5883L")
    timed(package, bench, monkeypatch)
    bench.world.zone().bind("magnetic_field", Constant((40.0, -30.0, 90.0)))
    twin = SimQmc5883l(bench.place)
    bench.bus.attach(0x0D, twin)
    part = package.QMC5883L(micropython)
    for field_range in (package.FIELDRANGE_2G, package.FIELDRANGE_8G):
        part.field_range = field_range
        bench.world.clock.sleep(0.05)
        assert part.magnetic == pytest.approx((0.4, -0.3, 0.9), abs=0.05)  # in gauss
    # It writes the period of set and reset as a word, into the register behind it.
    assert list(twin.beyond) == ["write 0x01 to 0x0c"]


# QMC5883P


@pytest.mark.parametrize("cleared_by", ["data", "status"])
def test_adafruit_s_qmc5883p_reads_the_world(
    bench: Bench,
    circuitpython: CircuitPythonI2c,
    monkeypatch: pytest.MonkeyPatch,
    cleared_by: str,
) -> None:
    package = adafruit("qmc5883p", bench, monkeypatch)
    bench.world.zone().bind("magnetic_field", Constant((40.0, -30.0, 90.0)))
    twin = SimQmc5883p(bench.place, cleared_by=cleared_by)
    bench.bus.attach(0x2C, twin)
    part = package.QMC5883P(circuitpython)
    part.data_rate = package.ODR_200HZ
    for field_range in range(4):
        part.range = field_range
        bench.world.clock.sleep(0.02)
        assert part.magnetic == pytest.approx((0.4, -0.3, 0.9), abs=0.06)  # in gauss
    assert part.self_test()
    assert part.magnetic == pytest.approx((0.4, -0.3, 0.9), abs=0.5)
    part.soft_reset()
    assert not twin.beyond
