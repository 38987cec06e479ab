"""SGP2 over I2C: two gauge pressures and a temperature. Source: SGP2 data sheet 1.0."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from sensorbench.core.channel import Block, Channel, Setting, chosen
from sensorbench.core.clock import Clock
from sensorbench.core.errors import ChecksumError, NotReady, ProtocolError, Saturated, WrongDevice
from sensorbench.core.provenance import Identity
from sensorbench.core.quantity import PRESSURE, TEMPERATURE
from sensorbench.links.i2c import I2cBus
from sensorbench.protocols.checksums import crc8

WHO_AM_I, CTRL, STATUS = 0x00, 0x06, 0x07
SGP2_ID = 0x6E
READY, BUSY, FRONT_CLIPPED, BACK_CLIPPED = 0x01, 0x02, 0x04, 0x08
START, RESET = {1: 0x01, 4: 0x11, 16: 0x21}, 0xB6
START_UP_S = 0.005
TEMPERATURE_ENDS = (-0x8000 / 128, 0x7FFF / 128)
DATA_LENGTH = 10
CRC_POLYNOMIAL = 0x2F


def decode_data(data: bytes) -> tuple[int, float, float, float]:
    """Convert registers 0x07 to 0x10 to STATUS, Pa at the front and at the back, and degC.

    The pressures are relative to ambient. Raises ProtocolError for a wrong length or CRC.
    Source: data sheet section 3.

    >>> decode_data(bytes.fromhex("01" "271000" "fec780" "0cc0" "5e"))
    (1, 40000.0, -1250.0, 25.5)
    """
    if len(data) != DATA_LENGTH:
        raise ProtocolError(f"SGP2 data is {DATA_LENGTH} bytes, got {len(data)}: {data.hex()}")
    computed = crc8(data[:-1], CRC_POLYNOMIAL)
    if computed != data[-1]:
        raise ChecksumError(
            f"SGP2 data CRC is {data[-1]:#04x}, computed {computed:#04x}: {data.hex()}"
        )
    return (
        data[0],
        int.from_bytes(data[1:4], "big", signed=True) / 64,
        int.from_bytes(data[4:7], "big", signed=True) / 64,
        int.from_bytes(data[7:9], "big", signed=True) / 128,
    )


class Sgp2:
    """SGP2 gauge pressure sensor, 0 to 100 kPa above ambient at each of its ports."""

    CHANNELS: ClassVar[tuple[Channel, ...]] = (
        Channel("pressure_front", PRESSURE, port="front", accuracy=100.0, relative_to="ambient"),
        Channel("pressure_back", PRESSURE, port="back", accuracy=100.0, relative_to="ambient"),
        Channel("temperature", TEMPERATURE, accuracy=0.3),
    )
    SETTINGS: ClassVar[Mapping[str, Setting]] = {"averages": Setting(16, tuple(START))}
    SUPPLY_V: ClassVar[tuple[float, float]] = (2.7, 3.6)

    def __init__(self, bus: I2cBus, address: int, clock: Clock) -> None:
        self._bus = bus
        self._address = address
        self._clock = clock
        self._averages = 16

    def identify(self) -> Identity:
        """Read who is there. Raises ProtocolError if it is not an SGP2."""
        data = self._read(WHO_AM_I, 6)
        if data[0] != SGP2_ID:
            raise WrongDevice(
                f"WHO_AM_I at {self._where} is {data[0]:#04x}, an SGP2 has {SGP2_ID:#04x}"
            )
        serial = int.from_bytes(data[2:6], "big")
        return Identity("sensorbench", "SGP2", f"{serial:08d}", f"{data[1] >> 4}.{data[1] & 15}")

    def prepare(self, **settings: Any) -> None:
        """Reset the part and take the settings. Raises SetpointError for one that can't be."""
        asked = chosen(self.SETTINGS, settings)
        self._write(RESET)
        self._clock.sleep(START_UP_S)
        self._averages = int(asked["averages"])

    def start(self) -> float:
        """Start one conversion and return the seconds until it is ready."""
        self._write(START[self._averages])
        return self._conversion_s

    def read(self) -> Block:
        """Return the conversion that was started: Pa above ambient at front and back, degC.

        Raises ProtocolError if it has not ended, was read before or never was, if its CRC is
        wrong, or if a port is beyond what the part can measure.
        """
        before_s = self._clock.now()
        try:
            status, front_pa, back_pa, temperature_c = decode_data(self._read(STATUS, DATA_LENGTH))
        except ProtocolError as error:
            raise type(error)(f"{self._where}: {error}") from error
        if status & BUSY:
            raise NotReady(
                f"{self._where} still converts; it takes {self._conversion_s * 1e3:g} ms from "
                "start()"
            )
        if not status & READY:
            raise NotReady(
                f"{self._where} has no new conversion: STATUS is {status:#04x}. "
                "Was it started, did the supply dip?"
            )
        for bit, port, pressure_pa in (
            (FRONT_CLIPPED, "front", front_pa),
            (BACK_CLIPPED, "back", back_pa),
        ):
            if status & bit:
                raise Saturated(
                    f"{self._where}: the {port} is clipped at {pressure_pa:g} Pa; the pressure "
                    "there is beyond what the part can measure"
                )
        if temperature_c in TEMPERATURE_ENDS:
            raise Saturated(
                f"{self._where}: temperature is saturated at {temperature_c:.0f} degC, an end of "
                "its word"
            )
        row = (front_pa, back_pa, temperature_c)
        return Block(np.array([row]), before_s, self._clock.now())

    @property
    def _conversion_s(self) -> float:
        return 0.001 + 0.0005 * self._averages

    @property
    def _where(self) -> str:
        return f"{self._bus.name}, address {self._address:#04x}"

    def _read(self, register: int, length: int) -> bytes:
        return self._bus.transfer(self._address, bytes([register]), length)

    def _write(self, command: int) -> None:
        self._bus.transfer(self._address, bytes([CTRL, command]))
