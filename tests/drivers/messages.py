"""Random and mutated messages: to twins on a line, and replies to drivers."""

from __future__ import annotations

import math
import random
import re
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from sensorbench.core.catalog import Device, devices
from sensorbench.core.clock import VirtualClock
from sensorbench.core.errors import BenchError
from sensorbench.core.plugins import OURS
from sensorbench.instruments.members import meters_of, setpoints_of
from sensorbench.instruments.watlow_f4t.twin import SimWatlowF4t
from sensorbench.links.line import CutsFrames
from sensorbench.protocols.aibus_frames import AibusSplitter
from sensorbench.protocols.modbus_device import ModbusDevice
from sensorbench.protocols.scpi_device import ScpiDevice
from sensorbench.testing.cases import case_of
from sensorbench.testing.instrument_use import use
from sensorbench.testing.world import InstrumentBench
from sensorbench.world.world import World

from . import aibus_messages, modbus_messages

ON_LINES = {
    name: device
    for name, device in devices().items()
    if device.kind == "instrument" and device.origin == OURS and {"serial", "tcp"} & {*device.links}
}
FACES: dict[str, Callable[[], Any]] = {
    "watlow_f4t, SCPI": lambda: SimWatlowF4t(World(VirtualClock()), "SIM-1", power_event=1).scpi,
}
"""What twins speak at other ports than their usual one."""
MOST_S = 5.0
_BYTES = b":;,?*() '\"@#.+-eE0123456789\x00\xff\t" + b"VOLTCURRMEASSOUROUTPSYSTERR"
_NUMBER = re.compile(r"[-+]?\d+(\.\d*)?([eE][-+]?\d+)?")
_PLACE = re.compile(r"^holding (\d+)")
_ABSURD = ("nan", "inf", "-inf", "9.9e37", "-9.9E37", "1e400", "", "ERR", "--", "NA:1", "?")


def messages(device: Device, chance: random.Random) -> Iterator[bytes]:
    """Yield messages without end: what the twin knows, mutated, and what nobody knows."""
    twin = InstrumentBench(case_of(device)).twin
    if isinstance(twin, ModbusDevice):
        places = [int(found) for text in twin.understood() for found in _PLACE.findall(text)]
        yield from modbus_messages.requests(chance, "serial", twin.unit, places)
    if _speaks_aibus(twin):
        yield from aibus_messages.requests(chance)
    yield from _mutations(getattr(twin, "understood", tuple)(), chance)


def _mutations(understood: Sequence[str], chance: random.Random) -> Iterator[bytes]:
    known = [pattern.encode() for pattern in understood] or [b"?"]
    while True:
        parts = [
            _spelt(chance.choice(known), chance) for _ in range(chance.choice((1, 1, 1, 2, 5)))
        ]
        message = bytearray(b";".join(parts))
        for _ in range(chance.choice((0, 1, 1, 2, 6))):
            at = chance.randrange(len(message) + 1)
            what = chance.random()
            if what < 0.4:
                message[at:at] = bytes([chance.choice(_BYTES)])
            elif what < 0.6:
                del message[at : at + chance.randrange(1, 6)]
            elif what < 0.8:
                message[at:at] = chance.randbytes(chance.randrange(1, 12))
            else:
                message[at:at] = message[: chance.randrange(len(message) + 1)]
        yield bytes(message[:4096])


def _speaks_aibus(twin: Any) -> bool:
    return isinstance(twin, CutsFrames) and isinstance(twin.splitter(), AibusSplitter)


def _spelt(pattern: bytes, chance: random.Random) -> bytes:
    """Return a pattern as somebody might write it: short or long, with or without what may go."""
    text = re.sub(r"\[[^\]]*\]", lambda m: chance.choice((m[0][1:-1], "")), pattern.decode())
    text = re.sub(r"([A-Z]+)([a-z]+)", lambda m: m[1] + chance.choice((m[2], "")), text)
    text = text.replace("<n>", str(chance.randrange(5)))
    if not text.endswith("?") and chance.random() < 0.8:
        most = "7" if "COUN" in text else "MAX"  # a million readings take a twin ten seconds
        text += f" {chance.choice(('1', '-1', '1e9', most, 'ON', 'nan', '2.5 mV', '(@1,2)', 'x'))}"
    return text.encode()


def told_twin(device: Device, count: int, seed: int) -> Iterator[str]:
    """Send `count` messages to a device's twin; yield what went wrong."""
    chance = random.Random(seed)
    bench = InstrumentBench(case_of(device))
    for _, message in zip(range(count), messages(device, chance), strict=False):
        began = time.perf_counter()
        try:
            reply = bench.twin.handle(message)
        except Exception as error:
            yield f"{device.name}: {message!r} raised {type(error).__name__}: {error}"
            bench = InstrumentBench(case_of(device))
            continue
        if reply is not None and not isinstance(reply, bytes):
            yield f"{device.name}: {message!r} was answered by {reply!r}"
        if time.perf_counter() - began > MOST_S:
            yield f"{device.name}: {message!r} took longer than {MOST_S:g} s"
        if chance.random() < 0.02:
            yield from _unknown(device, bench, chance)


def told_face(make: Callable[[], Any], count: int, seed: int) -> Iterator[str]:
    """Send `count` messages to what a twin speaks at another port; yield what went wrong."""
    chance, face = random.Random(seed), make()
    for _, message in zip(range(count), _mutations(face.understood(), chance), strict=False):
        try:
            reply = face.handle(message)
        except Exception as error:
            yield f"{message!r} raised {type(error).__name__}: {error}"
            face = make()
            continue
        if reply is not None and not isinstance(reply, bytes):
            yield f"{message!r} was answered by {reply!r}"


def _unknown(device: Device, bench: InstrumentBench, chance: random.Random) -> Iterator[str]:
    """See that a header that no instrument has is an error in the queue."""
    if not isinstance(bench.twin, ScpiDevice):
        return
    bench.twin.handle(b"*CLS")
    header = bytes(chance.choice(b"QXZ") for _ in range(5))
    bench.twin.handle(header + chance.choice((b"?", b" 1", b":VOLT 1")))
    error = bench.twin.handle(b"SYST:ERR?") or b"0"
    if error.lstrip(b"+").startswith(b"0"):
        yield f"{device.name}: {header!r} made no error"


def replied(device: Device, count: int, seed: int) -> Iterator[str]:
    """Spoil `count` replies to a device's driver; yield where one became a value all the same."""
    chance = random.Random(seed)
    bench = InstrumentBench(case_of(device))
    driver = case_of(device).load_driver()
    names = [*meters_of(driver), *setpoints_of(driver)]
    if bench.line is None or not names:
        return
    use(bench)
    if isinstance(bench.twin, ModbusDevice) or _speaks_aibus(bench.twin):
        yield from _replied_in_frames(bench, names, count, chance)
        return
    for _ in range(count):
        name = chance.choice(names)
        spoilt: list[tuple[str, str]] = []
        left = chance.randrange(3)

        def spoil(reply: str, spoilt: Any = spoilt, left: int = left) -> str:
            if len(spoilt) != 0 or (left > 0 and chance.random() < 0.5):
                return reply
            spoilt.append((reply, mutated(reply, chance)))
            return spoilt[-1][1]

        bench.line.spoil = spoil
        try:
            value = getattr(bench.driver, name).read()
        except BenchError:
            continue
        except Exception as error:
            yield f"{device.name}.{name}: {spoilt} raised {type(error).__name__}: {error}"
            continue
        finally:
            bench.line.spoil = lambda reply: reply
        if spoilt and _matters(*spoilt[0]):
            yield f"{device.name}.{name}: {spoilt[0][1]!r} for {spoilt[0][0]!r} gave {value}"


def _replied_in_frames(
    bench: InstrumentBench, names: list[str], count: int, chance: random.Random
) -> Iterator[str]:
    """Spoil one frame of each reading, whichever it is."""
    for _ in range(count):
        name, left = chance.choice(names), chance.randrange(4)
        spoilt: list[tuple[bytes, bytes]] = []

        def spoil(
            sent: bytes, reply: bytes | None, left: int = left, spoilt: Any = spoilt
        ) -> bytes | None:
            if reply is None or spoilt or (left and chance.random() < 0.5):
                return reply
            came = modbus_messages.mutated(sent, reply, reply, chance)
            spoilt.append((reply, came.removeprefix(sent)))
            return came

        bench.tap.spoil = spoil
        try:
            value = getattr(bench.driver, name).read()
        except BenchError:
            continue
        except Exception as error:
            yield f"{bench.case}.{name}: {spoilt} raised {type(error).__name__}: {error}"
            continue
        if spoilt and not _may_be(bench.twin, *spoilt[0]):
            yield f"{bench.case}.{name}: {spoilt[0][1].hex()} gave {value}"


def _may_be(twin: Any, whole: bytes, came: bytes) -> bool:
    if isinstance(twin, ModbusDevice):
        return modbus_messages.may_be(whole, came, "serial")
    return aibus_messages.may_be(whole, came)


def mutated(reply: str, chance: random.Random) -> str:
    """Return a reply cut, doubled, garbled, with other fields, or with a number that is none."""
    kind = chance.randrange(6)
    at = chance.randrange(len(reply) + 1)
    if kind == 0:
        return reply[:at]
    if kind == 1:
        return reply + chance.choice((reply, "," + reply, " " + reply))
    if kind == 2:
        return reply[:at] + chance.choice("abXYZ?,;:#@!") + reply[at:]
    if kind == 3:
        return _NUMBER.sub(chance.choice(_ABSURD), reply, count=chance.choice((0, 1)))
    if kind == 4:
        fields = reply.split(",")
        del fields[chance.randrange(len(fields))]
        return ",".join(fields)
    return "".join(chance.choice("0123456789+-.,eEABC ") for _ in range(chance.randrange(20)))


def _matters(reply: str, spoilt: str) -> bool:
    """Return whether a spoilt reply may give no value.

    Of an error queue only the code counts, and a driver that finds another unit sets its own.
    """
    if reply.startswith(('+0,"', '0,"')):
        return not re.match(r"[+-]?0+\s*(,|$)", spoilt.strip())
    headers = {_apart(reply)[0], _apart(spoilt)[0]} - {""}
    return ":UNIT" not in reply and (len(headers) > 1 or shape(reply) != shape(spoilt))


def shape(reply: str) -> tuple[str, ...]:
    """Return what kind of reply it is: numbers by their places, and all else as it stands."""
    _, rest = _apart(reply)
    return tuple(_kind(field.strip()) for field in rest.split(","))


def _apart(reply: str) -> tuple[str, str]:
    """Return the header that a reply repeats, "" where it does not, and the rest of it."""
    found = re.match(r"([:*][A-Za-z0-9:]+)\s+", reply.strip())
    return (found[1], reply.strip()[found.end() :]) if found else ("", reply.strip())


def _kind(field: str) -> str:
    try:
        value = float(field)
    except ValueError:
        return field
    return "number" if math.isfinite(value) and abs(value) < 1e9 else field
