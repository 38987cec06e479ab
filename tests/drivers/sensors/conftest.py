"""Benches for other people's drivers."""

import sys
from types import ModuleType

import pytest

from .others import Bench, CircuitPythonI2c, MicroPythonI2c


@pytest.fixture
def bench() -> Bench:
    return Bench()


@pytest.fixture
def micropython(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> MicroPythonI2c:
    """Let the modules that only MicroPython has be there, and return a bus for its drivers."""
    machine, own = ModuleType("machine"), ModuleType("micropython")
    vars(machine).update(I2C=MicroPythonI2c, SPI=type("SPI", (), {}), Pin=type("Pin", (), {}))
    vars(own).update(const=lambda value: value)
    monkeypatch.setitem(sys.modules, "machine", machine)
    monkeypatch.setitem(sys.modules, "micropython", own)
    return MicroPythonI2c(bench.bus)


@pytest.fixture
def circuitpython(bench: Bench) -> CircuitPythonI2c:
    """Return a bus for Adafruit's drivers."""
    return CircuitPythonI2c(bench.bus)
