"""Probing an I2C bus: which addresses answer, with nothing changed at any part.

The rules:
- An address is sent alone, for writing (a quick write): no register is touched, and parts that
  refuse a read until they measured (SHT4x) answer too. From 0x30 to 0x37 and 0x50 to 0x5F one byte
  is read instead, as a quick write can corrupt EEPROMs there (i2cdetect does the same).
- Nothing is sent to 0x00 to 0x07 (general call, other masters) and from 0x78 on. 0x0C, where a read
  would release the alert of whoever pulls it (SMBus), is sent for writing as others are, which asks
  for no alert: an MLX90393 may be there.
- Multiplexers are read first and get their masks back, whatever happens; the bus is held meanwhile.

Sources: NXP UM10204 rev 7, section 3.1.12; SMBus 3.1, appendix A.2; i2c-tools, i2cdetect(8).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from sensorbench.core.errors import BenchError, NotAcknowledged
from sensorbench.links.i2c import I2cBus
from sensorbench.links.tca9548a.driver import CHANNELS, Tca9548a

PROBED = range(0x08, 0x78)
READ = frozenset((*range(0x30, 0x38), *range(0x50, 0x60)))


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of probing: an address that answers, or a `problem` in words.

    `where` is the bus, with multiplexer and channel where it is behind one.
    """

    where: str
    address: int | None = None
    multiplexer: int | None = None
    channel: int | None = None
    problem: str = ""


def probe(
    bus: I2cBus, multiplexers: Collection[int] = (), skip: Collection[int] = ()
) -> list[Answer]:
    """Return what answers on a bus itself, and behind each channel of its multiplexers.

    Addresses in `skip` are left alone. Whoever shares the bus's lock sees nothing of it: the masks
    are as they were when this returns, or raises.
    """
    found: list[Answer] = []
    with bus.lock, _restored(bus, multiplexers, found) as there:
        if not all(_select(bus, mux, 0, found) for mux in there.values()):
            return found
        alone = {*multiplexers, *skip}
        direct = list(_answering(bus, Answer(bus.name), alone))
        found += direct
        alone |= {answer.address for answer in direct if answer.address is not None}
        for address, mux in there.items():
            for channel in CHANNELS:
                here = Answer(f"{bus.name}, mux {address:#04x} channel {channel}", None, address,
                              channel)  # fmt: skip
                if _select(bus, mux, 1 << channel, found):
                    found += _answering(bus, here, alone)
            # Off before the next one's on: two parts of one address must not meet.
            if not _select(bus, mux, 0, found):
                return found
    return found


def _answering(bus: I2cBus, here: Answer, skip: Collection[int]) -> Iterator[Answer]:
    for address in PROBED:
        if address in skip:
            continue
        try:
            bus.transfer(address, b"", 1 if address in READ else 0)
        except NotAcknowledged:
            continue
        except BenchError as error:
            # A held bus or a lost adapter answers no better at the next address.
            yield _at(here, problem=str(error))
            return
        yield _at(here, address=address)


def _at(here: Answer, address: int | None = None, problem: str = "") -> Answer:
    return Answer(here.where, address, here.multiplexer, here.channel, problem)


def _select(bus: I2cBus, mux: Tca9548a, mask: int, found: list[Answer]) -> bool:
    try:
        mux.select(mask)
    except BenchError as error:
        found.append(Answer(bus.name, problem=str(error)))
        return False
    return True


@contextmanager
def _restored(
    bus: I2cBus, addresses: Collection[int], found: list[Answer]
) -> Iterator[dict[int, Tca9548a]]:
    """Yield the multiplexers that answer, and give them their masks back."""
    there: dict[int, Tca9548a] = {}
    masks: dict[int, int] = {}
    for address in sorted(addresses):
        mux = Tca9548a(bus, address)
        try:
            masks[address] = mux.read_selected()
            there[address] = mux
        except BenchError as error:
            found.append(Answer(bus.name, problem=str(error)))
    try:
        yield there
    finally:
        for mask_of in (lambda _: 0, masks.__getitem__):  # all off before any is on
            for address, mux in there.items():
                _give_back(bus, mux, address, mask_of(address), masks[address], found)


def _give_back(
    bus: I2cBus, mux: Tca9548a, address: int, mask: int, before: int, found: list[Answer]
) -> None:
    try:
        mux.select(mask)
    except BenchError as error:
        text = f"mux {address:#04x} had the mask {before:#04x} before, which can't be restored: "
        found.append(Answer(bus.name, problem=text + str(error)))
