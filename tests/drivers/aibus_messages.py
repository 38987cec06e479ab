"""Random and mutated AIBUS frames: requests to a twin, and what a spoilt reply may be."""

from __future__ import annotations

import random
from collections.abc import Iterator

from sensorbench.protocols.aibus_frames import AibusSplitter

UNIT = 1
_PARAMETERS = (0, 1, 2, 6, 0x0C, 0x15, 0x16, 0x1A, 0x1B)
_VALUES = (0, 1, 2, 4, 129, 850, 0xFE70, 0x7FFF, 0x8000)


def requests(chance: random.Random) -> Iterator[bytes]:
    """Yield requests without end: right ones, mutated ones, several at once, and noise."""
    while True:
        message = bytearray(b"".join(_request(chance) for _ in range(chance.choice((1, 1, 3)))))
        for _ in range(chance.choice((0, 0, 1, 2, 6))):
            at = chance.randrange(len(message) + 1)
            what = chance.random()
            if what < 0.4:
                message[at : at + 1] = chance.randbytes(1)
            elif what < 0.7:
                del message[at : at + chance.randrange(1, 6)]
            else:
                message[at:at] = chance.randbytes(chance.randrange(1, 12))
        yield bytes(message[:1024])


def _request(chance: random.Random) -> bytes:
    unit = chance.choice((UNIT, UNIT, UNIT, 0, 80, chance.randrange(128)))
    command = chance.choice((0x52, 0x43, 0x43, chance.randrange(256)))
    parameter = chance.choice((*_PARAMETERS, chance.randrange(256)))
    value = chance.choice((*_VALUES, chance.randrange(0x10000)))
    total = (256 * parameter + command + value + unit) % 0x10000
    head = bytes([0x80 + unit, 0x80 + unit, command, parameter])
    return head + value.to_bytes(2, "little") + total.to_bytes(2, "little")


def may_be(whole: bytes, came: bytes) -> bool:
    """Return whether what came is a reply as far as its protocol can tell: its sum, and no more."""
    frame = came[: len(whole)]
    words = [int.from_bytes(frame[k : k + 2], "little") for k in range(0, len(frame), 2)]
    return len(frame) == len(whole) and (sum(words[:-1]) + UNIT) % 0x10000 == words[-1]


def told_splitter(count: int, seed: int) -> Iterator[str]:
    """Cut `count` messages in pieces; yield where the pieces matter, or what was cut is none."""
    chance = random.Random(seed)
    for _, message in zip(range(count), requests(chance), strict=False):
        whole, pieces = AibusSplitter(), AibusSplitter()
        found = whole.feed(message)
        at = chance.randrange(len(message) + 1)
        if [*pieces.feed(message[:at]), *pieces.feed(message[at:])] != found:
            yield f"AIBUS: {message.hex()} is cut otherwise in pieces"
        if any(len(frame) != 8 or frame not in message for frame in found):
            yield f"AIBUS: {message.hex()} gave {[frame.hex() for frame in found]}"
