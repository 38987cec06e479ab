"""TMP117 over I2C: one averaged conversion at a time. Source: TI SNOSD82D, section 7."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from sensorbench.core.channel import Block, Channel, Setting, chosen
from sensorbench.core.clock import Clock
from sensorbench.core.errors import NotReady, ProtocolError, Saturated, SettingsLost, WrongDevice
from sensorbench.core.provenance import Identity
from sensorbench.core.quantity import TEMPERATURE
from sensorbench.links.i2c import I2cBus
from sensorbench.sensors.possible import require_possible

RESULT, CONFIGURATION, EEPROM_UNLOCK, DEVICE_ID = 0x00, 0x01, 0x04, 0x0F
EEPROM = (0x05, 0x06, 0x08)
TMP117_ID, ID_MASK = 0x117, 0x0FFF
NOT_CONVERTED = 0x8000
END_C = 0x7FFF / 128
DATA_READY, MODE, ONE_SHOT, SHUTDOWN, SOFT_RESET = 0x2000, 0x0C00, 0x0C00, 0x0400, 0x0002
AVERAGES = {1: 0x00, 8: 0x20, 32: 0x40, 64: 0x60}
CONVERSION_S = 0.0175  # the longest (recalled; 15.5 ms typical)
RESET_S = 0.002


def decode_temperature(data: bytes) -> float:
    """Convert the result register, two's complement of 1/128 degC a digit, to degC.

    Raises ProtocolError for a wrong length and for -256 degC, which means "not converted yet".
    Source: SNOSD82D, table 7-1.

    >>> decode_temperature(bytes.fromhex("0cc0")), decode_temperature(bytes.fromhex("f380"))
    (25.5, -25.0)
    """
    if len(data) != 2:
        raise ProtocolError(f"a TMP117 result is 2 bytes, got {len(data)}: {data.hex()}")
    if int.from_bytes(data, "big") == NOT_CONVERTED:
        raise NotReady("the result register is 0x8000: nothing was converted since the reset")
    return int.from_bytes(data, "big", signed=True) / 128


class Tmp117:
    """TMP117 thermometer, -55 to 150 degC; 0.1 K from -20 to 50 degC."""

    CHANNELS: ClassVar[tuple[Channel, ...]] = (
        Channel("temperature", TEMPERATURE, accuracy=0.1),  # SNOSD82D, recalled
    )
    SETTINGS: ClassVar[Mapping[str, Setting]] = {"averages": Setting(8, tuple(AVERAGES))}
    SUPPLY_V: ClassVar[tuple[float, float]] = (1.7, 5.5)  # recalled

    def __init__(self, bus: I2cBus, address: int, clock: Clock) -> None:
        self._bus = bus
        self._address = address
        self._clock = clock
        self._averages = 8

    def identify(self) -> Identity:
        """Read who is there, and the unique number that the factory left in the EEPROM.

        Raises ProtocolError if it is not a TMP117.
        """
        found = self._read(DEVICE_ID)
        if found & ID_MASK != TMP117_ID:
            raise WrongDevice(
                f"DEVICE_ID at {self._where} is {found:#06x}, a TMP117 has {TMP117_ID:#06x}"
            )
        serial = "".join(f"{self._read(register):04X}" for register in EEPROM)
        return Identity("Texas Instruments", "TMP117", serial, str(found >> 12))

    def prepare(self, **settings: Any) -> None:
        """Lock the EEPROM, reset the part and stop its conversions, so that it stays cool.

        Raises SetpointError for a setting that can't be.
        """
        asked = chosen(self.SETTINGS, settings)
        # While the EEPROM is unlocked, every register write burns a cell.
        self._write(EEPROM_UNLOCK, 0)
        self._write(CONFIGURATION, SOFT_RESET)
        self._clock.sleep(RESET_S)
        self._write(CONFIGURATION, SHUTDOWN)
        self._averages = int(asked["averages"])

    @classmethod
    def conversion_s(cls, **settings: Any) -> float:
        """Return how long an averaged conversion takes at most, s."""
        return CONVERSION_S * int(chosen(cls.SETTINGS, settings)["averages"])

    def start(self) -> float:
        """Start one averaged conversion and return the seconds until it is ready."""
        self._write(CONFIGURATION, ONE_SHOT | AVERAGES[self._averages])
        return CONVERSION_S * self._averages

    def read(self) -> Block:
        """Return the conversion that was started: degC.

        Raises ProtocolError if it has not ended, was read before, or is at the end of its range.
        """
        before_s = self._clock.now()
        found = self._read(CONFIGURATION)
        if not found & DATA_READY:
            raise NotReady(
                f"{self._where} has no new result; {self._averages} conversions take up to "
                f"{CONVERSION_S * self._averages * 1e3:.0f} ms from start()"
            )
        if found & MODE != SHUTDOWN:
            raise SettingsLost(
                f"{self._where}: its configuration is {found:#06x}, it converts by itself. "
                "Did its supply dip?"
            )
        try:
            temperature_c = decode_temperature(
                self._bus.transfer(self._address, bytes([RESULT]), 2)
            )
        except ProtocolError as error:
            raise type(error)(f"{self._where}: {error}") from error
        if temperature_c == END_C:
            raise Saturated(
                f"{self._where} reads 256 degC, the end of its result register; it measures -55 to "
                "150 degC"
            )
        require_possible(self._where, self.CHANNELS, [temperature_c])
        return Block(np.array([[temperature_c]]), before_s, self._clock.now())

    @property
    def _where(self) -> str:
        return f"{self._bus.name}, address {self._address:#04x}"

    def _read(self, register: int) -> int:
        return int.from_bytes(self._bus.transfer(self._address, bytes([register]), 2), "big")

    def _write(self, register: int, word: int) -> None:
        self._bus.transfer(self._address, bytes([register]) + word.to_bytes(2, "big"))
