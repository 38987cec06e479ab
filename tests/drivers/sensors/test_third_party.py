"""Other people's drivers, unchanged, on the twins: they read the world.

Through smbus2's API, Sensirion's transceiver and MicroPython's machine.I2C.
"""

import importlib
import sys
from types import ModuleType
from typing import Any

import pytest

from sensorbench.links.smbus_api import SimulatedSMBus, simulated_smbus_class
from sensorbench.sensors.adxl345.twin import SimAdxl345
from sensorbench.sensors.bme280.twin import SimBme280
from sensorbench.sensors.bmp280.twin import SimBmp280
from sensorbench.sensors.dps310.twin import SimDps310
from sensorbench.sensors.hts221.twin import SimHts221
from sensorbench.sensors.lis2dh12.twin import SimLis2dh12
from sensorbench.sensors.lps22hh.twin import SimLps22hh
from sensorbench.sensors.sht3x.twin import SimSht3x
from sensorbench.sensors.tmp117.twin import SimTmp117

from .others import Bench, MicroPythonI2c, installed, sensirion_channel


def assert_reads_the_world(bench: Bench, part: Any) -> None:
    assert part.get_pressure() * 100 == pytest.approx(98_700, abs=100)
    assert part.get_temperature() == pytest.approx(27.5, abs=1)


@pytest.mark.parametrize("mode", ["forced", "normal"])
def test_the_bmp280_package_reads_the_world(bench: Bench, mode: str) -> None:
    package = installed("bmp280", "BMP280")
    bench.bus.attach(0x76, SimBmp280(bench.place))
    part = package.BMP280(i2c_dev=SimulatedSMBus(bench.bus))
    part.setup(mode=mode)
    bench.world.clock.sleep(0.2)
    assert_reads_the_world(bench, part)


@pytest.mark.parametrize("mode", ["forced", "normal"])
def test_pimoroni_s_bme280_reads_the_world(bench: Bench, mode: str) -> None:
    package = installed("bme280", "BME280")
    bench.bus.attach(0x76, SimBme280(bench.place))
    part = package.BME280(i2c_dev=SimulatedSMBus(bench.bus))
    part.setup(mode=mode)
    bench.world.clock.sleep(0.2)
    assert_reads_the_world(bench, part)
    assert part.get_humidity() == pytest.approx(52.0, abs=3)


def test_rpi_bme280_reads_the_world(bench: Bench) -> None:
    package = installed("bme280", "load_calibration_params")
    bench.bus.attach(0x76, SimBme280(bench.place))
    smbus = simulated_smbus_class({1: bench.bus})(1)
    found = package.sample(smbus, 0x76, package.load_calibration_params(smbus, 0x76))
    assert found.pressure * 100 == pytest.approx(98_700, abs=100)
    assert found.temperature == pytest.approx(27.5, abs=1)
    assert found.humidity == pytest.approx(52.0, abs=3)


def test_the_qwiic_tmp117_package_reads_the_world(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = installed("qwiic_tmp117", "QwiicTMP117")
    smbus2 = importlib.import_module("smbus2")
    monkeypatch.setattr(smbus2, "SMBus", simulated_smbus_class({1: bench.bus}))
    bench.bus.attach(0x48, SimTmp117(bench.place))
    part = package.QwiicTMP117()
    assert part.begin()
    bench.world.clock.sleep(1.5)
    assert part.read_temp_c() == pytest.approx(27.5, abs=0.1)


@pytest.mark.parametrize("stretches", [False, True])
def test_sensirion_s_sht3x_driver_reads_the_world(bench: Bench, stretches: bool) -> None:
    package = installed("sensirion_i2c_sht3x.device", "Sht3xDevice")
    commands = importlib.import_module("sensirion_i2c_sht3x.commands")
    twin = SimSht3x(bench.place)
    bench.bus.attach(0x44, twin)
    part = package.Sht3xDevice(sensirion_channel(bench, 0x44))
    part.stop_measurement()
    part.soft_reset()
    bench.world.clock.sleep(0.1)
    for repeatability in commands.Repeatability:
        found = part.measure_single_shot(repeatability, stretches)
        assert found[0].value == pytest.approx(27.5, abs=1)
        assert found[1].value == pytest.approx(52.0, abs=3)
    part.start_periodic_measurement(commands.Repeatability.HIGH, commands.Mps.TEN_PER_SECOND)
    bench.world.clock.sleep(1.0)
    temperature, humidity = part.read_measurement()
    assert -45 + 175 * temperature / 65535 == pytest.approx(27.5, abs=1)
    assert 100 * humidity / 65535 == pytest.approx(52.0, abs=3)
    part.stop_measurement()
    part.enable_heater()
    assert part.read_status_register().value >> 13 & 1
    part.disable_heater()
    assert not twin.beyond


def test_the_lps22hh_package_reads_the_world(bench: Bench, micropython: MicroPythonI2c) -> None:
    package = installed("lps22hh", "LPS22HH")
    twin = SimLps22hh(bench.place)
    bench.bus.attach(0x5D, twin)
    part = package.LPS22HH(micropython)
    assert part.device_id == 0xB3
    part.reset()
    part.data_rate = 100
    assert part.data_rate == 100
    bench.world.clock.sleep(0.5)
    assert part.new_pressure_data
    assert part.pressure == pytest.approx(987.0, abs=1.5)
    assert part.temperature == pytest.approx(27.5, abs=3)
    assert not twin.beyond


@pytest.mark.parametrize("fuse_error", [False, True])
def test_the_infineon_dps310_package_reads_the_world(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, fuse_error: bool
) -> None:
    smbus = ModuleType("smbus")
    vars(smbus).update(SMBus=simulated_smbus_class({1: bench.bus}))
    monkeypatch.setitem(sys.modules, "smbus", smbus)
    monkeypatch.delitem(sys.modules, "Infineon_DPS310", raising=False)  # it opens its bus at import
    package = installed("Infineon_DPS310", "DPS310")
    monkeypatch.delitem(sys.modules, "Infineon_DPS310")
    twin = SimDps310(bench.place, fuse_error=fuse_error)
    bench.bus.attach(0x77, twin)
    part = package.DPS310()
    bench.world.clock.sleep(3.0)
    scaled_t, scaled_p = part.calcScaledTemperature(), part.calcScaledPressure()
    assert part.calcCompTemperature(scaled_t) == pytest.approx(27.5, abs=1)
    assert part.calcCompPressure(scaled_p, scaled_t) == pytest.approx(98_700, abs=300)
    assert not twin.beyond


def test_the_micropython_adxl343_package_reads_the_world(
    bench: Bench, micropython: MicroPythonI2c
) -> None:
    package = installed("micropython_adxl343.adxl343", "ADXL343")
    twin = SimAdxl345(bench.place)
    bench.bus.attach(0x53, twin)
    part = package.ADXL343(micropython)
    part.acceleration_range = package.RANGE_8
    bench.world.clock.sleep(0.5)
    assert part.acceleration == pytest.approx((0.0, 0.0, 9.8), abs=2.5)  # 4 mg a digit, not 3.9
    assert not twin.beyond


def test_the_micropython_lis3dh_package_reads_the_world(
    bench: Bench, micropython: MicroPythonI2c
) -> None:
    package = installed("micropython_lis3dh.lis3dh", "LIS3DH")
    bench.bus.attach(0x18, SimLis2dh12(bench.place))
    part = package.LIS3DH(micropython)
    bench.world.clock.sleep(0.5)
    assert part.acceleration == pytest.approx((0.0, 0.0, 9.8), abs=1.5)


def test_the_micropython_hts221_package_reads_the_world(
    bench: Bench, micropython: MicroPythonI2c
) -> None:
    package = installed("micropython_hts221.hts221", "HTS221")
    twin = SimHts221(bench.place)
    bench.bus.attach(0x5F, twin)
    part = package.HTS221(micropython)
    bench.world.clock.sleep(1.0)
    assert part.relative_humidity == pytest.approx(52.0, abs=5)
    assert part.temperature == pytest.approx(27.5, abs=2)  # it drops the fractions of both points
    assert not twin.beyond
