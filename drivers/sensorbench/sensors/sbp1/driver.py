"""SBP1 over I2C: raw and compensated readings, coefficients in NVM. Source: SBP1 datasheet 1.0."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, ClassVar, Protocol

import numpy as np

from sensorbench.core.calibration import FixedPointPolynomial
from sensorbench.core.channel import Block, Channel, Setting, chosen
from sensorbench.core.clock import Clock
from sensorbench.core.errors import ChecksumError, NotReady, ProtocolError, Saturated, WrongDevice
from sensorbench.core.provenance import Identity
from sensorbench.core.quantity import PRESSURE, TEMPERATURE
from sensorbench.protocols.checksums import crc8, crc16

WHO_AM_I, REVISION, SERIAL, STATUS, CTRL, DATA = 0x00, 0x01, 0x02, 0x06, 0x07, 0x08
COEFFICIENTS, NVM_COMMAND, RESET = 0x20, 0x50, 0x60
SBP1_ID = 0x5B
DATA_READY, BUSY, NVM_BUSY, NVM_LOCKED, NVM_REFUSED = 0x01, 0x02, 0x04, 0x08, 0x40
PROGRAM, LOCK, RESET_WORD, SINGLE = 0x57, 0x4C, 0xB6, 0x01
PRESSURE_UNKNOWN, TEMPERATURE_UNKNOWN = 0x7FFFFFFF, 0x7FFF
# Where each word ends; a compensated one ends a digit short of its register.
ENDS: Mapping[str, tuple[int, int]] = {
    "RAW_P": (-(1 << 23), (1 << 23) - 1),
    "RAW_T": (-(1 << 23), (1 << 23) - 1),
    "PRESSURE": (-(1 << 31), (1 << 31) - 2),
    "TEMPERATURE": (-(1 << 15), (1 << 15) - 2),
}
NVM_SECONDS, START_UP_S = 0.015, 0.002
DATA_LENGTH = 13

PRESSURE_POLYNOMIAL = FixedPointPolynomial(
    quantity="pressure",
    inputs=("pressure_raw", "temperature_raw"),
    terms=((0, 0), (1, 0), (0, 1), (2, 0), (1, 1), (0, 2), (3, 0), (2, 1), (1, 2), (0, 3)),
    raw_full_scale=2.0**23,
    centre=70_000.0,
    half_span=50_000.0,
    bits=24,
    fraction_bits=20,
)
TEMPERATURE_POLYNOMIAL = FixedPointPolynomial(
    quantity="temperature",
    inputs=("pressure_raw", "temperature_raw"),
    terms=((0, 0), (0, 1), (0, 2)),
    raw_full_scale=2.0**23,
    centre=42.5,
    half_span=82.5,
    bits=24,
    fraction_bits=20,
)


def decode_data(data: bytes) -> tuple[float, float, float, float]:
    """Convert registers 0x08 to 0x14 to bridge counts, temperature counts, Pa and degC.

    Pressure and temperature are NaN while the part is not calibrated. Raises ProtocolError for a
    wrong length or CRC, Saturated for a word at an end of its range. Source: datasheet sections 3
    and 4.

    >>> decode_data(bytes.fromhex("200000" "f00000" "00163a6e" "0cf7" "8e"))
    (2097152.0, -1048576.0, 91046.875, 25.9296875)
    """
    if len(data) != DATA_LENGTH:
        raise ProtocolError(f"SBP1 data is {DATA_LENGTH} bytes, got {len(data)}: {data.hex()}")
    if crc8(data[:-1]) != data[-1]:
        raise ChecksumError(
            f"SBP1 data CRC is {data[-1]:#04x}, computed {crc8(data[:-1]):#04x}: {data.hex()}"
        )
    words = [
        int.from_bytes(data[start:end], "big", signed=True)
        for start, end in pairwise((0, 3, 6, 10, 12))
    ]
    for name, word, ends in zip(ENDS, words, ENDS.values(), strict=True):
        if word in ends:
            raise Saturated(f"{name} is saturated: {word} is an end of its range")
    bridge, thermometer, pressure, temperature = words
    return (
        float(bridge),
        float(thermometer),
        math.nan if pressure == PRESSURE_UNKNOWN else pressure / 16,
        math.nan if temperature == TEMPERATURE_UNKNOWN else temperature / 128,
    )


def encode_coefficients(coefficients: Sequence[int]) -> bytes:
    """Return registers 0x20 to 0x48: 13 words of s24 and their CRC-16.

    Raises ValueError for a wrong count and OverflowError for a word beyond 24 bits.
    Source: datasheet section 4.
    """
    count = len(PRESSURE_POLYNOMIAL.terms) + len(TEMPERATURE_POLYNOMIAL.terms)
    if len(coefficients) != count:
        raise ValueError(f"SBP1 stores {count} coefficients, got {len(coefficients)}")
    words = b"".join(word.to_bytes(3, "big", signed=True) for word in coefficients)
    return words + crc16(words).to_bytes(2, "big")


class RegisterLink(Protocol):
    """What reaches the registers: an I2C bus, or a line that carries them in frames."""

    name: str

    def transfer(self, address: int, write: bytes, read_length: int = 0) -> bytes:
        """Write a register's address and bytes from there on, then read from there on."""
        ...


class Sbp1:
    """SBP1 absolute pressure sensor, 20 to 120 kPa, -40 to 125 degC.

    Its values are NaN until it is calibrated, the raw counts are always there: all four are of one
    conversion. Accuracy is the total error band of a calibrated part.
    """

    CHANNELS: ClassVar[tuple[Channel, ...]] = (
        Channel("pressure_raw"),
        Channel("temperature_raw"),
        Channel("pressure", PRESSURE, accuracy=100.0),
        Channel("temperature", TEMPERATURE),
    )
    SETTINGS: ClassVar[Mapping[str, Setting]] = {
        "oversampling": Setting(32, (1, 2, 4, 8, 16, 32)),
    }
    SUPPLY_V: ClassVar[tuple[float, float]] = (1.71, 3.6)
    REWRITABLE: ClassVar[bool] = True  # until it is locked
    CALIBRATION: ClassVar[tuple[FixedPointPolynomial, ...]] = (
        PRESSURE_POLYNOMIAL,
        TEMPERATURE_POLYNOMIAL,
    )

    def __init__(self, bus: RegisterLink, address: int, clock: Clock) -> None:
        self._bus = bus
        self._address = address
        self._clock = clock
        self._oversample(32)

    def identify(self) -> Identity:
        """Read who is there. Raises ProtocolError if it is not an SBP1."""
        data = self._read(WHO_AM_I, 6)
        if data[0] != SBP1_ID:
            raise WrongDevice(
                f"WHO_AM_I at {self._where} is {data[0]:#04x}, an SBP1 has {SBP1_ID:#04x}"
            )
        serial = int.from_bytes(data[2:6], "big")
        return Identity("sensorbench", "SBP1", f"{serial:08d}", f"{data[1] >> 4}.{data[1] & 15}")

    def prepare(self, **settings: Any) -> None:
        """Reset the part and take the settings. Raises SetpointError for one that can't be."""
        asked = chosen(self.SETTINGS, settings)
        self._bus.transfer(self._address, bytes([RESET, RESET_WORD]))
        self._clock.sleep(START_UP_S)
        self._oversample(int(asked["oversampling"]))

    def _oversample(self, oversampling: int) -> None:
        self._conversion_s = 0.0005 + 0.0005 * oversampling
        self._control = (oversampling.bit_length() - 1) << 2

    def start(self) -> float:
        """Start one conversion and return the seconds until it is ready."""
        self._bus.transfer(self._address, bytes([CTRL, self._control | SINGLE]))
        return self._conversion_s

    def read(self) -> Block:
        """Return the conversion that was started, in the order of CHANNELS.

        Raises ProtocolError if it has not ended, was read before or never was, or if its CRC is
        wrong.
        """
        before_s = self._clock.now()
        # STATUS and CTRL come in the same burst as the data: one transaction a sample.
        burst = self._read(STATUS, 2 + DATA_LENGTH)
        if burst[0] & BUSY:
            raise NotReady(
                f"{self._where} still converts; it takes {self._conversion_s * 1e3} ms from start()"
            )
        if not burst[0] & DATA_READY or burst[1] != self._control:
            raise NotReady(
                f"{self._where} has no new conversion: STATUS is {burst[0]:#04x}, CTRL "
                f"{burst[1]:#04x}. Was it started, did the supply dip?"
            )
        try:
            row = decode_data(burst[2:])
        except ProtocolError as error:
            raise type(error)(f"{self._where}: {error}") from error
        return Block(np.array([row]), before_s, self._clock.now())

    def write_coefficients(self, coefficients: Sequence[int]) -> None:
        """Program the 13 stored integers, in the order of CALIBRATION, into the memory.

        Raises ProtocolError if the part refuses (locked, or the CRC did not arrive whole).
        """
        words = bytes([COEFFICIENTS]) + encode_coefficients(coefficients)
        self._bus.transfer(self._address, words)
        self._command(PROGRAM, "program the coefficients")

    def read_coefficients(self) -> tuple[int, ...]:
        """Return the stored integers. Raises ProtocolError if their CRC is wrong."""
        data = self._read(COEFFICIENTS, 41)
        words, stored = data[:39], int.from_bytes(data[39:], "big")
        if crc16(words) != stored:
            raise ChecksumError(
                f"coefficient CRC at {self._where} is {stored:#06x}, computed {crc16(words):#06x}"
            )
        return tuple(int.from_bytes(words[i : i + 3], "big", signed=True) for i in range(0, 39, 3))

    def lock(self) -> None:
        """Lock the memory for ever. Raises ProtocolError if the part refuses."""
        self._command(LOCK, "lock its memory")

    def is_locked(self) -> bool:
        """Return whether the memory was locked."""
        return bool(self._read(STATUS, 1)[0] & NVM_LOCKED)

    @property
    def _where(self) -> str:
        return f"{self._bus.name}, address {self._address:#04x}"

    def _read(self, register: int, length: int) -> bytes:
        return self._bus.transfer(self._address, bytes([register]), length)

    def _command(self, command: int, purpose: str) -> None:
        self._bus.transfer(self._address, bytes([NVM_COMMAND, command]))
        self._clock.sleep(NVM_SECONDS)
        status = self._read(STATUS, 1)[0]
        if status & (NVM_REFUSED | NVM_BUSY):
            why = "its memory is locked" if status & NVM_LOCKED else f"STATUS is {status:#04x}"
            raise ProtocolError(f"{self._where} refused to {purpose}: {why}")
