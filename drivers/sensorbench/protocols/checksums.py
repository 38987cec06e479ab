"""Checksums of wires and memories, most significant bit first, not reflected.

Sensirion's parts put one behind each word of 16 bits: `decode_words` and `encode_word`.
"""

from __future__ import annotations

from functools import lru_cache

from sensorbench.core.errors import ChecksumError, ProtocolError

WORD_BYTES = 3
"""A word of Sensirion's with its checksum."""


@lru_cache(maxsize=16)
def _table(width: int, polynomial: int) -> tuple[int, ...]:
    top, mask = 1 << (width - 1), (1 << width) - 1
    table = []
    for value in range(256):
        remainder = value << (width - 8)
        for _ in range(8):
            remainder = ((remainder << 1) ^ (polynomial if remainder & top else 0)) & mask
        table.append(remainder)
    return tuple(table)


def crc8(data: bytes, polynomial: int = 0x31, initial: int = 0xFF) -> int:
    """Return the CRC-8 of `data`; the defaults are Sensirion's word CRC.

    >>> hex(crc8(bytes.fromhex("beef")))
    '0x92'
    """
    table = _table(8, polynomial)
    remainder = initial
    for byte in data:
        remainder = table[remainder ^ byte]
    return remainder


def crc16(data: bytes, polynomial: int = 0x1021, initial: int = 0xFFFF) -> int:
    """Return the CRC-16 of `data`; the defaults are CRC-16/CCITT-FALSE (reveng catalogue).

    >>> hex(crc16(b"123456789"))
    '0x29b1'
    """
    table = _table(16, polynomial)
    remainder = initial
    for byte in data:
        remainder = ((remainder << 8) & 0xFFFF) ^ table[(remainder >> 8) ^ byte]
    return remainder


def decode_words(answer: bytes, count: int) -> tuple[int, ...]:
    """Return the `count` words of an answer, each followed by its CRC-8, as Sensirion's parts do.

    Raises ProtocolError for another length, ChecksumError for a wrong CRC. Source: Sensirion
    SHT3x-DIS data sheet version 5, section 4.12.

    >>> decode_words(bytes.fromhex("666693 8000a2"), 2)
    (26214, 32768)
    """
    if len(answer) != WORD_BYTES * count:
        raise ProtocolError(
            f"{count} words are {WORD_BYTES * count} bytes, got {len(answer)}: {answer.hex()}"
        )
    words = []
    for start in range(0, len(answer), WORD_BYTES):
        word, crc = answer[start : start + 2], answer[start + 2]
        if crc8(word) != crc:
            raise ChecksumError(
                f"the CRC of {word.hex()} is {crc8(word):#04x}, the part sent {crc:#04x}: "
                "damaged on the wire. Check pull-ups, cable length and bus clock"
            )
        words.append(int.from_bytes(word, "big"))
    return tuple(words)


def encode_word(word: int) -> bytes:
    """Return a word with its CRC-8, as Sensirion's parts want it written.

    >>> encode_word(0xBEEF).hex()
    'beef92'
    """
    data = word.to_bytes(2, "big")
    return data + bytes([crc8(data)])
