"""What other people's drivers need to meet our twins: their buses, made of a simulated one."""

import importlib
import sys
from types import ModuleType
from typing import Any

import pytest

from sensorbench.core.clock import RealClock
from sensorbench.core.errors import NotAcknowledged
from sensorbench.links.i2c import SimulatedI2cBus
from sensorbench.world.world import Place, World


class Bench:
    """Twins that live ten times faster, as these drivers wait in real time."""

    def __init__(self) -> None:
        clock = RealClock(speed=10)
        ambient = {"temperature": 27.5, "pressure": 98_700.0, "humidity": 52.0}
        self.world = World(clock, 1, ambient)
        self.bus = SimulatedI2cBus("bus0")
        self.place = Place(self.world, "7", powered=False)


def installed(module: str, attribute: str) -> ModuleType:
    """Import a package of the test extra; skip where RPi.bme280 took `bme280` from pimoroni's."""
    found = importlib.import_module(module)
    if not hasattr(found, attribute):
        pytest.skip(f"another distribution's {module} is installed, without {attribute}")
    return found


class SensirionTransceiver:
    """A bus as Sensirion's Python drivers want it (sensirion-i2c-driver, transceiver version 1)."""

    API_VERSION, channel_count, description = 1, None, "simulated"
    OK, NOT_ACKNOWLEDGED = 0, 2

    def __init__(self, bench: Bench) -> None:
        self._bench = bench

    def transceive(
        self,
        slave_address: int,
        tx_data: bytes | None,
        rx_length: int | None,
        read_delay: float,
        timeout: float,
    ) -> tuple[int, Exception | None, bytes]:
        bus, clock = self._bench.bus, self._bench.world.clock
        try:
            if tx_data is not None:
                bus.transfer(slave_address, tx_data)
            clock.sleep(10 * read_delay)  # in real time, as the driver does
            received = bus.transfer(slave_address, b"", rx_length) if rx_length else b""
        except NotAcknowledged as error:
            return self.NOT_ACKNOWLEDGED, error, b""
        return self.OK, None, received


def sensirion_channel(bench: Bench, address: int) -> Any:
    """Return what Sensirion's Python drivers reach a part through."""
    driver = importlib.import_module("sensirion_i2c_driver")
    adapters = importlib.import_module("sensirion_driver_adapters.i2c_adapter.i2c_channel")
    return adapters.I2cChannel(
        driver.I2cConnection(SensirionTransceiver(bench)),
        slave_address=address,
        crc=driver.CrcCalculator(8, 0x31, 0xFF, 0x00),
    )


class MicroPythonI2c:
    """A bus as drivers for MicroPython want it: what of machine.I2C they use."""

    def __init__(self, bus: SimulatedI2cBus) -> None:
        self._bus = bus

    def readfrom_mem(self, address: int, register: int, length: int) -> bytes:
        return self._bus.transfer(address, bytes([register]), length)

    def writeto_mem(self, address: int, register: int, data: bytes) -> None:
        self._bus.transfer(address, bytes([register]) + bytes(data))

    def writeto(self, address: int, data: bytes, stop: bool = True) -> int:
        self._bus.transfer(address, bytes(data))
        return len(data)

    def readfrom(self, address: int, length: int, stop: bool = True) -> bytes:
        return self._bus.transfer(address, b"", length)

    def readfrom_into(self, address: int, buffer: bytearray) -> None:
        buffer[:] = self.readfrom(address, len(buffer))

    def readfrom_mem_into(self, address: int, register: int, buffer: bytearray) -> None:
        buffer[:] = self.readfrom_mem(address, register, len(buffer))


class CircuitPythonI2c:
    """A bus as Adafruit's drivers for CircuitPython want it: busio.I2C."""

    def __init__(self, bus: SimulatedI2cBus) -> None:
        self._bus = bus

    def try_lock(self) -> bool:
        return True

    def unlock(self) -> None:
        """Nobody else is on it."""

    def writeto(
        self, address: int, buffer: bytes, *, start: int = 0, end: int = sys.maxsize
    ) -> None:
        self._transfer(address, bytes(buffer[start:end]), 0)

    def readfrom_into(
        self, address: int, buffer: bytearray, *, start: int = 0, end: int = sys.maxsize
    ) -> None:
        wanted = len(buffer[start:end])
        buffer[start : start + wanted] = self._transfer(address, b"", wanted)

    def writeto_then_readfrom(
        self, address: int, out_buffer: bytes, in_buffer: bytearray,
        *, out_start: int = 0, out_end: int = sys.maxsize,
        in_start: int = 0, in_end: int = sys.maxsize,
    ) -> None:  # fmt: skip
        wanted = len(in_buffer[in_start:in_end])
        found = self._transfer(address, bytes(out_buffer[out_start:out_end]), wanted)
        in_buffer[in_start : in_start + wanted] = found

    def _transfer(self, address: int, write: bytes, read_length: int) -> bytes:
        try:
            return self._bus.transfer(address, write, read_length)
        except NotAcknowledged as error:
            raise OSError("[Errno 19] No such device") from error  # as busio does
