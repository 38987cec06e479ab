"""Checksums of wires and memories, most significant bit first, not reflected."""

from __future__ import annotations

from functools import lru_cache


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
