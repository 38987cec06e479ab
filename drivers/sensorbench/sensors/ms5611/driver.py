"""MS5611 over I2C: raw counts and values compensated to the second order.

Source: TE MS5611-01BA03 datasheet; Linux drivers/iio/pressure/ms5611_core.c.
"""

from __future__ import annotations

from typing import ClassVar

from sensorbench.core.channel import Channel
from sensorbench.core.clock import Clock
from sensorbench.core.errors import BenchError, ProtocolError
from sensorbench.core.provenance import Identity
from sensorbench.core.units import Dimension
from sensorbench.links.i2c import I2cBus
from sensorbench.protocols.checksums import crc16

RESET, CONVERT_PRESSURE, CONVERT_TEMPERATURE, ADC_READ, PROM_READ = 0x1E, 0x40, 0x50, 0x00, 0xA0
RESET_S = 0.003
CONVERSION_S = {256: 0.60e-3, 512: 1.17e-3, 1024: 2.28e-3, 2048: 4.54e-3, 4096: 9.04e-3}


def crc4(prom: bytes) -> int:
    """Return the checksum of the 16 PROM bytes, whose own place is the last nibble.

    A CRC-16 with polynomial 0x3000, of which the top nibble counts; the last byte counts as 0.
    Source: TE application note AN520, with its example.

    >>> hex(crc4(bytes.fromhex("3132 3334 3536 3738 3940 4142 4344 450b")))
    '0xb'
    """
    return crc16(prom[:15], polynomial=0x3000, initial=0) >> 12


def decode_prom(prom: bytes) -> tuple[int, ...]:
    """Convert the 8 PROM words to the coefficients C1 to C6.

    Raises ProtocolError for a wrong length or CRC, and for a blank memory, whose CRC is right.
    """
    if len(prom) != 16:
        raise ProtocolError(f"the PROM has 16 bytes, got {len(prom)}: {prom.hex()}")
    if crc4(prom) != prom[15] & 0xF:
        raise ProtocolError(f"PROM CRC is {prom[15] & 0xF:#x}, computed {crc4(prom):#x}")
    words = tuple(int.from_bytes(prom[i : i + 2], "big") for i in range(2, 14, 2))
    if 0 in words or 0xFFFF in words:
        raise ProtocolError(f"the PROM is blank: {prom.hex()}")
    return words


def compensate(
    coefficients: tuple[int, ...], pressure_counts: int, temperature_counts: int
) -> tuple[float, float]:
    """Return Pa in steps of 1 and degC in steps of 0.01, by the second-order integer formula.

    Source: datasheet, figures 2 and 3, with its worked example (1000.09 mbar, 20.07 degC).

    >>> compensate((40127, 36924, 23317, 23282, 33464, 28312), 9085466, 8569150)
    (100009.0, 20.07)
    """
    c1, c2, c3, c4, c5, c6 = coefficients
    difference = temperature_counts - (c5 << 8)
    temperature = 2000 + (difference * c6 >> 23)
    offset = (c2 << 16) + (c4 * difference >> 7)
    sensitivity = (c1 << 15) + (c3 * difference >> 8)
    if temperature < 2000:
        below_20 = (temperature - 2000) ** 2
        below_minus_15 = (temperature + 1500) ** 2 if temperature < -1500 else 0
        offset -= (5 * below_20 >> 1) + 7 * below_minus_15
        sensitivity -= (5 * below_20 >> 2) + (11 * below_minus_15 >> 1)
        temperature -= difference * difference >> 31
    pressure = ((pressure_counts * sensitivity >> 21) - offset) >> 15
    return float(pressure), temperature / 100


class Ms5611:
    """MS5611-01BA03 absolute pressure sensor, 1 to 120 kPa, -40 to 85 degC."""

    CHANNELS: ClassVar[tuple[Channel, ...]] = (
        Channel("pressure_raw"),
        Channel("temperature_raw"),
        Channel("pressure", Dimension.PRESSURE),
        Channel("temperature", Dimension.TEMPERATURE),
    )

    def __init__(
        self, bus: I2cBus, address: int, clock: Clock, *, oversampling: int = 4096
    ) -> None:
        if oversampling not in CONVERSION_S:
            known = ", ".join(str(known) for known in CONVERSION_S)
            raise ValueError(f"MS5611 oversampling is one of {known}, not {oversampling}")
        self._bus = bus
        self._address = address
        self._clock = clock
        self._conversion_s = CONVERSION_S[oversampling]
        self._code = 2 * list(CONVERSION_S).index(oversampling)
        self._coefficients: tuple[int, ...] | None = None

    def identify(self) -> Identity:
        """Reset the part and check its PROM: it has no identity of its own, and no serial.

        Raises ProtocolError if the PROM's CRC says that it is no MS5611. An MS5607 passes.
        """
        self.prepare()
        return Identity("TE Connectivity", "MS5611")

    def prepare(self) -> None:
        """Reset the part, which loads its PROM, and read it. Raises ProtocolError if damaged."""
        self._bus.transfer(self._address, bytes([RESET]))
        self._clock.sleep(RESET_S)
        prom = b"".join(
            self._bus.transfer(self._address, bytes([PROM_READ + i]), 2) for i in range(0, 16, 2)
        )
        try:
            self._coefficients = decode_prom(prom)
        except ProtocolError as error:
            raise ProtocolError(
                f"{self._where}: {error}. Replace the part, or it is no MS5611."
            ) from error

    def sample(self) -> tuple[float, ...]:
        """Convert pressure, then temperature, and return the values of CHANNELS.

        Raises ProtocolError if a conversion was not ready, and BenchError before `prepare`.
        """
        if self._coefficients is None:
            raise BenchError(f"{self._where}: prepare() reads the coefficients; call it first")
        pressure = self._convert(CONVERT_PRESSURE)
        temperature = self._convert(CONVERT_TEMPERATURE)
        pressure_pa, temperature_c = compensate(self._coefficients, pressure, temperature)
        return float(pressure), float(temperature), pressure_pa, temperature_c

    @property
    def _where(self) -> str:
        return f"{self._bus.name}, address {self._address:#04x}"

    def _convert(self, command: int) -> int:
        command += self._code
        self._bus.transfer(self._address, bytes([command]))
        self._clock.sleep(self._conversion_s)
        counts = int.from_bytes(self._bus.transfer(self._address, bytes([ADC_READ]), 3), "big")
        if not counts:
            raise ProtocolError(
                f"{self._where} has no result {self._conversion_s * 1e3} ms after {command:#04x}: "
                "the conversion was disturbed"
            )
        return counts
