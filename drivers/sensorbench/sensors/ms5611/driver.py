"""MS5611 over I2C: raw counts and values compensated to the second order.

Source: TE MS5611-01BA03 datasheet; Linux drivers/iio/pressure/ms5611_core.c.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any, ClassVar, NamedTuple

import numpy as np

from sensorbench.core.channel import Block, Channel, Setting, chosen
from sensorbench.core.clock import Clock
from sensorbench.core.errors import BenchError, ChecksumError, NotReady, ProtocolError, WrongDevice
from sensorbench.core.provenance import Identity
from sensorbench.core.quantity import PRESSURE, TEMPERATURE, Value, components
from sensorbench.links.i2c import I2cBus
from sensorbench.protocols.checksums import crc16
from sensorbench.sensors.possible import require_possible

RESET, CONVERT_PRESSURE, CONVERT_TEMPERATURE, ADC_READ, PROM_READ = 0x1E, 0x40, 0x50, 0x00, 0xA0
RESET_S, END_OF_RANGE = 0.003, 0xFFFFFF
BY_RANGE = "by range"
MOST_PA = 125_000.0  # both are rated to 120 kPa
NEAR = 0.25  # of another sensor's reading: the two parts' lie a factor of two apart
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
        raise ChecksumError(f"PROM CRC is {prom[15] & 0xF:#x}, computed {crc4(prom):#x}")
    words = tuple(int.from_bytes(prom[i : i + 2], "big") for i in range(2, 14, 2))
    if 0 in words or 0xFFFF in words:
        raise ProtocolError(f"the PROM is blank: {prom.hex()}")
    return words


class Variant(NamedTuple):
    """How a part of the family weighs its coefficients, as powers of two and factors.

    `cold_offset`, `cold_gain` are for below 20 degC, the others below -15 degC.
    """

    offset_shift: int
    slope_shift: int
    cold_offset: tuple[int, int]
    cold_gain: tuple[int, int]
    colder_offset: int
    colder_gain: tuple[int, int]


# The PROM does not tell which it is: an MS5607 read as an MS5611 gives half the pressure, an MS5611
# read as an MS5607 twice.
VARIANTS = {
    "MS5611": Variant(16, 7, (5, 1), (5, 2), 7, (11, 1)),
    "MS5607": Variant(17, 6, (61, 4), (2, 0), 15, (8, 0)),
}


def compensate(
    coefficients: tuple[int, ...],
    pressure_counts: int,
    temperature_counts: int,
    variant: Variant = VARIANTS["MS5611"],
) -> tuple[float, float]:
    """Return Pa in steps of 1 and degC in steps of 0.01, by the second-order integer formula.

    Source: datasheets, figures 2 and 3, with their worked examples (MS5611: 1000.09 mbar, 20.07
    degC; MS5607: 1100.02 mbar, 20.00 degC).

    >>> compensate((40127, 36924, 23317, 23282, 33464, 28312), 9085466, 8569150)
    (100009.0, 20.07)
    >>> compensate((46372, 43981, 29059, 27842, 31553, 28165), 6465444, 8077636,
    ...            VARIANTS["MS5607"])
    (110002.0, 20.0)
    """
    c1, c2, c3, c4, c5, c6 = coefficients
    difference = temperature_counts - (c5 << 8)
    temperature = 2000 + (difference * c6 >> 23)
    offset = (c2 << variant.offset_shift) + (c4 * difference >> variant.slope_shift)
    sensitivity = (c1 << variant.offset_shift - 1) + (c3 * difference >> variant.slope_shift + 1)
    if temperature < 2000:
        below_20 = (temperature - 2000) ** 2
        below_minus_15 = (temperature + 1500) ** 2 if temperature < -1500 else 0
        offset -= (variant.cold_offset[0] * below_20 >> variant.cold_offset[1]) + (
            variant.colder_offset * below_minus_15
        )
        sensitivity -= (variant.cold_gain[0] * below_20 >> variant.cold_gain[1]) + (
            variant.colder_gain[0] * below_minus_15 >> variant.colder_gain[1]
        )
        temperature -= difference * difference >> 31
    pressure = ((pressure_counts * sensitivity >> 21) - offset) >> 15
    return float(pressure), temperature / 100


class Ms5611:
    """MS5611-01BA03 absolute pressure sensor, 1 to 120 kPa, -40 to 85 degC.

    An MS5607 looks the same from outside and in its PROM, and who knows says in the settings which
    it is (`variant`). Without that it is told by what another sensor of the bench reads, or by its
    range: a part that would read more than any MS5607 can is an MS5611, from about 63 kPa on. It
    stays that until it is identified anew. Where nothing tells there is no reading, and none where
    the other sensor says that what was stated is wrong.
    """

    # Accuracy: datasheet, pressure and temperature performances, recalled.
    CHANNELS: ClassVar[tuple[Channel, ...]] = (
        Channel("pressure_raw"),
        Channel("temperature_raw"),
        Channel("pressure", PRESSURE, accuracy=150.0),
        Channel("temperature", TEMPERATURE, accuracy=0.8),
    )
    SETTINGS: ClassVar[Mapping[str, Setting]] = {
        "oversampling": Setting(4096, tuple(CONVERSION_S)),
        "variant": Setting(BY_RANGE, (BY_RANGE, *VARIANTS)),
    }
    SUPPLY_V: ClassVar[tuple[float, float]] = (1.8, 3.6)  # recalled

    def __init__(self, bus: I2cBus, address: int, clock: Clock) -> None:
        self._bus = bus
        self._address = address
        self._clock = clock
        self._oversample(4096)
        self._stated, self._told = BY_RANGE, ""
        self._other_pa: float | None = None
        self._coefficients: tuple[int, ...] | None = None
        self._is_started = False

    def identify(self) -> Identity:
        """Check the PROM: the part has no identity of its own, and no serial.

        A part that was not reset since its supply came shows no PROM; it is reset, which takes
        nothing from anybody, as it keeps no settings. Raises ProtocolError if the PROM's CRC says
        that it is no MS5611. An MS5607 passes, and the identity says so.
        """
        try:
            decode_prom(self._read_prom())
        except ProtocolError:
            self._load_prom()
        self._told = ""
        return Identity("TE Connectivity", "MS5611", or_models=("MS5607",))

    def prepare(self, **settings: Any) -> None:
        """Reset the part, which loads its PROM, read it and take the settings.

        A part whose variant nobody stated is measured once: at rest, most places tell it. Raises
        ProtocolError if it is damaged, SetpointError for a setting that can't be.
        """
        asked = chosen(self.SETTINGS, settings)
        self._is_started = False
        self._coefficients = self._load_prom()
        self._stated = str(asked["variant"])
        if self._stated == BY_RANGE and not self._told:
            self._oversample(min(CONVERSION_S))
            with suppress(ProtocolError):
                self._clock.sleep(self.start())
                self.read()
        self._oversample(int(asked["oversampling"]))

    def _oversample(self, oversampling: int) -> None:
        self._conversion_s = CONVERSION_S[oversampling]
        self._code = 2 * list(CONVERSION_S).index(oversampling)

    def compare(self, others: Mapping[str, Value]) -> None:
        """Be told what others read: of the pressure, for the next reading alone."""
        found = others.get("pressure")
        self._other_pa = None if found is None else components(found)[0]

    def start(self) -> float:
        """Start the conversion of pressure and return the seconds until it is ready."""
        if self._coefficients is None:
            raise BenchError(f"{self._where}: prepare() reads the coefficients; call it first")
        self._convert(CONVERT_PRESSURE)
        self._is_started = True
        return self._conversion_s

    def read(self) -> Block:
        """Return the pressure that was started, compensated by the temperature right after it.

        Waits for the conversion of temperature, which the part can't do at the same time. Raises
        ProtocolError if a conversion was not ready, BenchError before `start`.
        """
        before_s = self._clock.now()
        if self._coefficients is None or not self._is_started:
            raise BenchError(f"{self._where}: start() starts a conversion; call it first")
        self._is_started = False
        pressure = self._counts("pressure")
        self._convert(CONVERT_TEMPERATURE)
        self._clock.sleep(self._conversion_s)
        temperature = self._counts("temperature")
        values = self._compensated(self._coefficients, pressure, temperature)
        row = (float(pressure), float(temperature), *values)
        require_possible(self._where, self.CHANNELS, row)
        return Block(np.array([row]), before_s, self._clock.now())

    def _compensated(
        self, coefficients: tuple[int, ...], pressure: int, temperature: int
    ) -> tuple[float, float]:
        """Return Pa and degC of the part that it is; ProtocolError where that is not known."""
        found = {
            name: compensate(coefficients, pressure, temperature, variant)
            for name, variant in VARIANTS.items()
        }
        other_pa, self._other_pa = self._other_pa, None
        shown = ", ".join(f"{values[0]:.0f} Pa as {name}" for name, values in found.items())
        possible = [name for name, values in found.items() if values[0] <= MOST_PA]
        stated = self._told if self._stated == BY_RANGE else self._stated
        if (stated or "MS5611") not in possible:
            raise ProtocolError(
                f"{self._where} reads {shown}; neither measures above {MOST_PA:.0f} Pa. Is the "
                "pressure too high, is the variant that part.toml states another one?"
            )
        alike = [n for n in possible if other_pa and abs(found[n][0] / other_pa - 1.0) <= NEAR]
        if stated and alike and stated not in alike:
            raise WrongDevice(
                f"{self._where} reads {shown}; the bench has {other_pa:.0f} Pa. It is no {stated}: "
                "state the variant that was bought in part.toml, or change the part"
            )
        told = alike if len(alike) == 1 else possible
        if not stated and len(told) > 1:
            raise ProtocolError(
                f"{self._where} reads {shown}, and does not tell which it is. State the variant in "
                'part.toml: [settings] always = { variant = "MS5607" } or "MS5611"'
            )
        if not stated:
            self._told = stated = told[0]
        return found[stated]

    @property
    def _where(self) -> str:
        return f"{self._bus.name}, address {self._address:#04x}"

    def _load_prom(self) -> tuple[int, ...]:
        self._bus.transfer(self._address, bytes([RESET]))
        self._clock.sleep(RESET_S)
        try:
            return decode_prom(self._read_prom())
        except ProtocolError as error:
            raise type(error)(
                f"{self._where}: {error}. Replace the part, or it is no MS5611."
            ) from error

    def _read_prom(self) -> bytes:
        return b"".join(
            self._bus.transfer(self._address, bytes([PROM_READ + i]), 2) for i in range(0, 16, 2)
        )

    def _convert(self, command: int) -> None:
        self._bus.transfer(self._address, bytes([command + self._code]))

    def _counts(self, what: str) -> int:
        counts = int.from_bytes(self._bus.transfer(self._address, bytes([ADC_READ]), 3), "big")
        if counts in (0, END_OF_RANGE):
            why = "the conversion was not ready, or disturbed" if not counts else "it is saturated"
            raise NotReady(
                f"{self._where} has no {what}: {why}. A conversion takes up to "
                f"{self._conversion_s * 1e3:g} ms"
            )
        return counts
