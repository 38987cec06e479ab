"""Jose D. Montoya's drivers for MicroPython, unchanged, on the twins: they read the world."""

import importlib
from typing import Any

import pytest

from sensorbench.core.catalog import devices

from .others import Bench, MicroPythonI2c


def driver(bench: Bench, bus: MicroPythonI2c, twin: str, address: int, made: str) -> Any:
    """Plug in a twin by its name in the catalog; return somebody's driver on it."""
    package, _, name = made.rpartition(".")
    bench.bus.attach(address, devices()[twin].load_twin()(bench.place))
    return getattr(importlib.import_module(package), name)(bus, address)


def test_tmp117(bench: Bench, micropython: MicroPythonI2c) -> None:
    part = driver(bench, micropython, "tmp117", 0x48, "micropython_tmp117.tmp117.TMP117")
    bench.world.clock.sleep(1.5)
    assert part.temperature == pytest.approx(27.5, abs=0.2)


def test_lsm6dso(bench: Bench, micropython: MicroPythonI2c) -> None:
    part = driver(bench, micropython, "lsm6dso", 0x6A, "micropython_lsm6dsox.lsm6dsox.LSM6DSOX")
    bench.world.clock.sleep(0.5)
    assert part.acceleration == pytest.approx((0.0, 0.0, 9.8), abs=1.0)
