"""Adafruit's drivers for CircuitPython, unchanged, on the twins: they read the world."""

import importlib
from types import ModuleType
from typing import Any

import pytest

from sensorbench.core.catalog import devices
from sensorbench.world.fields import Constant

from .others import Bench, CircuitPythonI2c

ABOUT = {"temperature": (27.5, 1.0), "relative_humidity": (52.0, 4.0), "pressure": (987.0, 2.0)}
"""What their attributes are to read in degC, %RH and hPa, and within what."""


def adafruit(name: str) -> ModuleType:
    module: ModuleType = importlib.import_module(f"adafruit_{name}")
    return module


def plugged(bench: Bench, name: str, address: int) -> Any:
    """Plug in a twin by its name in the catalog."""
    twin = devices()[name].load_twin()(bench.place)
    bench.bus.attach(address, twin)
    return twin


def assert_reads_the_world(part: Any, *attributes: str) -> None:
    for attribute in attributes:
        value, within = ABOUT[attribute]
        assert getattr(part, attribute) == pytest.approx(value, abs=within)


def test_tmp117(bench: Bench, circuitpython: CircuitPythonI2c) -> None:
    plugged(bench, "tmp117", 0x48)
    part = adafruit("tmp117").TMP117(circuitpython)
    bench.world.clock.sleep(1.5)
    assert_reads_the_world(part, "temperature")


def test_sht4x(bench: Bench, circuitpython: CircuitPythonI2c) -> None:
    plugged(bench, "sht4x", 0x44)
    part = adafruit("sht4x").SHT4x(circuitpython)
    assert_reads_the_world(part, "temperature", "relative_humidity")


def test_shtc3(bench: Bench, circuitpython: CircuitPythonI2c) -> None:
    twin = plugged(bench, "shtc3", 0x70)
    part = adafruit("shtc3").SHTC3(circuitpython)
    for low_power in False, True:
        part.low_power = low_power
        assert_reads_the_world(part, "temperature", "relative_humidity")
        assert part.sleeping
    assert twin.supply_current_a() < 1e-6
    assert not twin.beyond


def test_lsm6dso(bench: Bench, circuitpython: CircuitPythonI2c) -> None:
    plugged(bench, "lsm6dso", 0x6A)
    part = adafruit("lsm6ds.lsm6dsox").LSM6DSOX(circuitpython)
    bench.world.clock.sleep(0.5)
    assert part.acceleration == pytest.approx((0.0, 0.0, 9.8), abs=1.0)
    assert part.gyro == pytest.approx((0.0, 0.0, 0.0), abs=0.1)


def test_sht31d(bench: Bench, circuitpython: CircuitPythonI2c) -> None:
    twin = plugged(bench, "sht3x", 0x44)
    package = adafruit("sht31d")
    part = package.SHT31D(circuitpython)
    for repeatability in package.REP_HIGH, package.REP_MED, package.REP_LOW:
        part.repeatability = repeatability
        assert_reads_the_world(part, "temperature", "relative_humidity")
    part.heater = True
    assert part.status >> 13 & 1
    part.heater = False
    assert not twin.beyond


def test_sht31d_takes_a_gxht30_for_one(bench: Bench, circuitpython: CircuitPythonI2c) -> None:
    twin = plugged(bench, "gxht30", 0x44)
    part = adafruit("sht31d").SHT31D(circuitpython)
    assert_reads_the_world(part, "temperature", "relative_humidity")
    assert not twin.beyond


def test_lis3mdl(bench: Bench, circuitpython: CircuitPythonI2c) -> None:
    twin = plugged(bench, "lis3mdl", 0x1C)
    part = adafruit("lis3mdl").LIS3MDL(circuitpython)
    found = []
    for field_ut in ((60.0, 0.0, 0.0), (0.0, -60.0, 30.0)):
        bench.place.zone.bind("magnetic_field", Constant(field_ut))
        bench.world.clock.sleep(1.0)
        found.append(part.magnetic)
    moved = [after - before for before, after in zip(*found, strict=True)]
    assert moved == pytest.approx((-60.0, -60.0, 30.0), abs=3.0)  # its offset is as large as that
    assert not twin.beyond


def test_dps310(bench: Bench, circuitpython: CircuitPythonI2c) -> None:
    plugged(bench, "dps310", 0x77)
    part = adafruit("dps310.basic").DPS310(circuitpython)
    assert_reads_the_world(part, "temperature", "pressure")


def test_hts221(bench: Bench, circuitpython: CircuitPythonI2c) -> None:
    plugged(bench, "hts221", 0x5F)
    part = adafruit("hts221").HTS221(circuitpython)
    bench.world.clock.sleep(1.0)
    assert_reads_the_world(part, "temperature")
    assert part.relative_humidity == pytest.approx(52.0, abs=5.0)


def test_adxl345(bench: Bench, circuitpython: CircuitPythonI2c) -> None:
    plugged(bench, "adxl345", 0x53)
    part = adafruit("adxl34x").ADXL345(circuitpython)
    bench.world.clock.sleep(0.5)
    assert part.acceleration == pytest.approx((0.0, 0.0, 9.8), abs=2.5)  # 4 mg a digit, not 3.9


def test_lis3dh(bench: Bench, circuitpython: CircuitPythonI2c) -> None:
    plugged(bench, "lis2dh12", 0x18)
    part = adafruit("lis3dh").LIS3DH_I2C(circuitpython)
    bench.world.clock.sleep(0.5)
    assert part.acceleration == pytest.approx((0.0, 0.0, 9.8), abs=1.5)
