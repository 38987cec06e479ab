"""TMP117 over I2C: one averaged conversion at a time. Source: TI SNOSD82D, section 7."""

from __future__ import annotations

from typing import ClassVar

from sensorbench.core.channel import Channel
from sensorbench.core.clock import Clock
from sensorbench.core.errors import ProtocolError
from sensorbench.core.provenance import Identity
from sensorbench.core.units import Dimension
from sensorbench.links.i2c import I2cBus

RESULT, CONFIGURATION, EEPROM_UNLOCK, DEVICE_ID = 0x00, 0x01, 0x04, 0x0F
EEPROM = (0x05, 0x06, 0x08)
TMP117_ID, ID_MASK = 0x117, 0x0FFF
NOT_CONVERTED = 0x8000
DATA_READY, ONE_SHOT, SHUTDOWN, SOFT_RESET = 0x2000, 0x0C00, 0x0400, 0x0002
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
        raise ProtocolError("the result register is 0x8000: nothing was converted since the reset")
    return int.from_bytes(data, "big", signed=True) / 128


class Tmp117:
    """TMP117 thermometer, -55 to 150 degC; 0.1 K from -20 to 50 degC."""

    CHANNELS: ClassVar[tuple[Channel, ...]] = (Channel("temperature", Dimension.TEMPERATURE),)

    def __init__(self, bus: I2cBus, address: int, clock: Clock, *, averages: int = 8) -> None:
        if averages not in AVERAGES:
            raise ValueError(f"a TMP117 averages 1, 8, 32 or 64 conversions, not {averages}")
        self._bus = bus
        self._address = address
        self._clock = clock
        self._averages = averages

    def identify(self) -> Identity:
        """Read who is there, and the unique number that the factory left in the EEPROM.

        Raises ProtocolError if it is not a TMP117.
        """
        found = self._read(DEVICE_ID)
        if found & ID_MASK != TMP117_ID:
            raise ProtocolError(
                f"DEVICE_ID at {self._where} is {found:#06x}, a TMP117 has {TMP117_ID:#06x}"
            )
        serial = "".join(f"{self._read(register):04X}" for register in EEPROM)
        return Identity("Texas Instruments", "TMP117", serial, str(found >> 12))

    def prepare(self) -> None:
        """Lock the EEPROM, reset the part and stop its conversions, so that it stays cool."""
        # While the EEPROM is unlocked, every register write burns a cell.
        self._write(EEPROM_UNLOCK, 0)
        self._write(CONFIGURATION, SOFT_RESET)
        self._clock.sleep(RESET_S)
        self._write(CONFIGURATION, SHUTDOWN)

    def sample(self) -> tuple[float, ...]:
        """Trigger one averaged conversion and return the values of CHANNELS.

        Raises ProtocolError if it did not end in time.
        """
        self._write(CONFIGURATION, ONE_SHOT | AVERAGES[self._averages])
        self._clock.sleep(CONVERSION_S * self._averages)
        if not self._read(CONFIGURATION) & DATA_READY:
            raise ProtocolError(
                f"{self._where} has no result {CONVERSION_S * self._averages * 1e3:.0f} ms "
                f"after {self._averages} conversions were started"
            )
        return (decode_temperature(self._bus.transfer(self._address, bytes([RESULT]), 2)),)

    def read_temperature_c(self) -> float:
        """Return the temperature of the part, as a reference thermometer does."""
        return self.sample()[0]

    @property
    def _where(self) -> str:
        return f"{self._bus.name}, address {self._address:#04x}"

    def _read(self, register: int) -> int:
        return int.from_bytes(self._bus.transfer(self._address, bytes([register]), 2), "big")

    def _write(self, register: int, word: int) -> None:
        self._bus.transfer(self._address, bytes([register]) + word.to_bytes(2, "big"))
