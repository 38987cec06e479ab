"""SDP3x and SDP8xx words to numbers: measurements, and who it is.

Source: Sensirion driver sensirion-i2c-sdp sdp/commands.py (order of the words, 200 counts a degC);
ranges by scale factor: PX4/PX4-Autopilot src/drivers/differential_pressure/sdp3x/SDP3X.hpp.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from sensorbench.core.errors import ChecksumError, ProtocolError, Saturated
from sensorbench.protocols.checksums import crc8

WORD_BYTES = 3  # with its checksum
MEASUREMENT_BYTES, IDENTIFIER_BYTES = 9, 18
COUNTS_PER_C = 200
END_OF_RANGE = 0x7FFF
# By scale factor, counts a pascal: how far the part measures in either direction.
RANGES_PA: Mapping[int, float] = {60: 500.0, 240: 125.0, 20: 1500.0}


class Measurement(NamedTuple):
    """One measurement: Pa as the part has it, and degC."""

    pressure_pa: float
    temperature_c: float


def decode_words(answer: bytes, length: int) -> bytes:
    """Return an answer without the CRC-8 behind each of its words.

    Raises ProtocolError for another length than `length`, ChecksumError for a wrong CRC.

    >>> decode_words(bytes.fromhex("beef92 000081"), 6).hex()
    'beef0000'
    """
    if len(answer) != length:
        raise ProtocolError(f"an SDP answers {length} bytes here, got {len(answer)}")
    words = []
    for start in range(0, length, WORD_BYTES):
        word, crc = answer[start : start + 2], answer[start + 2]
        if crc8(word) != crc:
            raise ChecksumError(
                f"the CRC of {word.hex()} is {crc8(word):#04x}, the part sent {crc:#04x}: "
                "damaged on the wire. Check pull-ups, cable length and bus clock"
            )
        words.append(word)
    return b"".join(words)


def decode_measurement(answer: bytes) -> Measurement:
    """Convert the 9 bytes of a measurement; the part says itself how its pressure is scaled.

    Raises ProtocolError for a scale that none has, ChecksumError for a wrong CRC, Saturated for a
    pressure or a temperature at an end of its range.

    >>> decode_measurement(bytes.fromhex("02589f 138801 003c39"))
    Measurement(pressure_pa=10.0, temperature_c=25.0)
    """
    words = decode_words(answer, MEASUREMENT_BYTES)
    pressure, temperature, scale = (
        int.from_bytes(words[start : start + 2], "big", signed=True) for start in (0, 2, 4)
    )
    if scale not in RANGES_PA:
        known = ", ".join(map(str, RANGES_PA))
        raise ProtocolError(f"its scale factor is {scale}; SDP3x and SDP8xx have {known}")
    if abs(pressure) >= END_OF_RANGE:
        raise Saturated(
            f"{pressure / scale:.4g} Pa is the end of its output; it measures "
            f"{RANGES_PA[scale]:g} Pa in either direction"
        )
    if abs(temperature) >= END_OF_RANGE:
        raise Saturated(f"{temperature / COUNTS_PER_C:.0f} degC is the end of its output")
    return Measurement(pressure / scale, temperature / COUNTS_PER_C)


def decode_identifier(answer: bytes) -> tuple[int, int]:
    """Convert the 18 bytes of the identifier to product number and serial number.

    Raises ChecksumError for a wrong CRC.

    >>> answer = "0302ce 0a015e 000081 000081 9b9967 4e2281"
    >>> [hex(number) for number in decode_identifier(bytes.fromhex(answer))]
    ['0x3020a01', '0x9b994e22']
    """
    words = decode_words(answer, IDENTIFIER_BYTES)
    return int.from_bytes(words[:4], "big"), int.from_bytes(words[4:], "big")
