"""What every sensor owes the bench when something is wrong: an error, never a false value."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress

from sensorbench.core.errors import BenchError, ProtocolError, TransportError
from sensorbench.links.i2c import SimulatedI2cBus
from sensorbench.testing.conformity import Nonconformity, only, refusal, require
from sensorbench.testing.stimuli import (
    TIMES_ACCURACY,
    calibrated,
    compare,
    prepared,
    put,
    same,
    stimuli,
)
from sensorbench.testing.world import Case, SensorBench

_BEYOND: Mapping[str, Sequence[float]] = {
    "temperature": (-100.0, 200.0, 300.0),
    "pressure": (500_000.0,),
    "differential_pressure": (-20_000.0, 20_000.0),
    "acceleration": (-3000.0, 3000.0),
    "angular_rate": (-20_000.0, 20_000.0),
    "magnetic_field": (-1e5, 1e5),
    "co2": (1e5,),
}
_POSSIBLE: Mapping[str, tuple[float, float]] = {
    "temperature": (-150.0, 300.0),
    "humidity": (-20.0, 120.0),
    "co2": (0.0, 1e5),
}
_ANY = (-math.inf, math.inf)
_DAMAGED, _LIKELY = 150, (0x00, 0x01, 0x7F, 0x80, 0xFE)
_BEYOND_SHARE = 0.1
"""How far a value beyond the range may be off as a share of itself: no accuracy is of it."""


def is_on_a_bus(case: Case) -> bool:
    """Return whether the part is asked over I2C."""
    return "i2c" in case.device.links


def check_supply(case: Case) -> None:
    """It works at both ends of its supply, not well below it, and again after that."""
    low_v, high_v = case.load_driver().SUPPLY_V
    for supply_v in (low_v, high_v):
        bench = SensorBench(case, supply_v=supply_v)
        bench.part.identify()
        bench.part.prepare()
        compare(bench, f"supply {supply_v} V")
    bench = prepared(case)
    bench.put("supply", 0.6 * low_v)
    with refusal(BenchError, f"it gave a reading at {0.6 * low_v:g} V"):
        bench.sample()
    if bench.is_asked:
        with refusal(TransportError, f"it answered at {0.6 * low_v:g} V"):
            bench.part.identify()
    bench.put("supply", (low_v + high_v) / 2)
    bench.clock.sleep(0.1)
    bench.part.prepare()
    bench.sample()


def check_a_dip_is_noticed(case: Case) -> None:
    """A part that lost its supply during a conversion gives no reading of it."""
    bench = prepared(case)
    if not bench.is_asked:
        return
    duration_s = bench.part.start()
    bench.put("supply", 0.0)
    bench.put("supply", sum(bench.part.SUPPLY_V) / 2)
    bench.clock.sleep(duration_s + 0.1)
    with refusal(BenchError, "it gave a reading although its supply dipped"):
        bench.part.read()


def check_faults(case: Case) -> None:
    """With any fault a part gives readings or errors of the bench, never anything else."""
    for fault in case.device.load_faults():
        bench = SensorBench(case, fault=fault)
        failed: BenchError | None = None
        try:
            bench.part.identify()
            bench.part.prepare()
            bench.sample()
        except BenchError as error:
            failed = error
        if fault == "silent" and bench.is_asked:
            require(isinstance(failed, TransportError), f"a silent part gave {failed!r}")
        if fault in {"identity", "memory", "crc"}:
            require(isinstance(failed, ProtocolError), f"fault {fault}: {failed!r}, no error")
        if fault == "stuck":
            _check_stuck(case)


def check_faults_have_their_time(case: Case) -> None:
    """A fault that begins while the part is used is noticed then, and not before."""
    if "silent" not in case.device.load_faults():
        return
    bench = prepared(case)
    bench.sample()
    bench.fault(bench.place.serial, "silent")
    with refusal(TransportError, "a part that fell silent gave a reading"):
        bench.sample()


def check_garbage(case: Case) -> None:
    """Bytes that mean nothing are an error, and never a value that is no number."""
    for byte in (0x00, 0xFF):
        bench = prepared(case)
        if not bench.is_asked:
            return
        bench.part.start()
        bench.clock.sleep(1.0)
        bench.answer_throughout(byte)
        try:
            block = bench.part.read()
        except BenchError:
            continue
        raise Nonconformity(f"a link that reads {byte:#04x} throughout gave {block.values}")


@only(is_on_a_bus)
def check_damaged_readings(case: Case) -> None:
    """However some bytes of an answer are damaged, no reading is what nothing in a room can be."""
    bench = prepared(case)
    chance = random.Random(case.device.name)  # noqa: S311 - a repeatable choice
    for _ in range(_DAMAGED):
        try:
            bench.clock.sleep(bench.part.start())
            with _damaged(bench.bus, chance):
                row = bench.part.read().values[0]
        except BenchError:
            with suppress(BenchError):
                bench.part.prepare()
            continue
        for channel, value in zip(bench.part.CHANNELS, row, strict=True):
            low, high = _POSSIBLE.get(channel.quantity.name if channel.quantity else "", _ANY)
            require(
                not low > value and not value > high,
                f"damaged bytes make {channel.name} {value:g} {channel.unit}, and no error",
            )


def check_ends(case: Case) -> None:
    """Far beyond what it measures a part gives an error, and no value that is another."""
    for channel in case.load_driver().CHANNELS:
        name = channel.quantity.name if channel.quantity else ""
        for value in _BEYOND.get(name, ()):
            bench = calibrated(case)
            with put(bench, channel.address, value):
                try:
                    found = bench.sample()[channel.name]
                except BenchError:
                    continue
                truth = bench.truth(channel)
            most = max(TIMES_ACCURACY * (channel.accuracy or 0.0), _BEYOND_SHARE * abs(truth))
            require(
                abs(found - truth) <= most,
                f"{channel.name} reads {found:g} {channel.unit} where the world has {truth:g}: the "
                "part is saturated, and nothing says so",
            )


def check_whatever_is_sent(case: Case) -> None:
    """Whatever bytes are sent, the twin answers or does not acknowledge: nothing else happens."""
    bench = prepared(case)
    if not bench.is_asked:
        return
    for first in range(256):
        for rest in (b"", b"\x00", b"\x55", b"\xff", b"\x12\x34\x56"):
            for length in (0, 1, 7):
                try:
                    found = bench.send(bytes([first]) + rest, length)
                except TransportError:
                    bench.clock.sleep(0.01)
                    continue
                is_short = "i2c" in case.device.links and len(found) != length
                require(not is_short, f"{len(found)} bytes came where {length} were asked")


@contextmanager
def _damaged(bus: SimulatedI2cBus, chance: random.Random) -> Iterator[None]:
    """Damage one to three bytes of one of the next four answers."""
    healthy, left = bus.transfer, chance.randrange(1, 5)

    def transfer(address: int, write: bytes, read_length: int = 0) -> bytes:
        nonlocal left
        answer = bytearray(healthy(address, write, read_length))
        left -= bool(answer)
        if answer and not left:
            first = chance.randrange(len(answer))
            for at in range(first, min(len(answer), first + chance.randrange(1, 4))):
                answer[at] = chance.choice((*_LIKELY, chance.randrange(256)))
        return bytes(answer)

    bus.transfer = transfer  # type: ignore[method-assign]
    try:
        yield
    finally:
        bus.transfer = healthy  # type: ignore[method-assign]


def _check_stuck(case: Case) -> None:
    """Require that what the part senses first stands still where the world moves."""
    bench = SensorBench(case, fault="stuck")
    bench.part.prepare()
    where, first = next(stimuli(bench, case))
    last = [value for place, value in stimuli(bench, case) if place == where][-1]
    sensed = next(c for c in bench.part.CHANNELS if c.quantity is not None)
    names = [c.name for c in bench.part.CHANNELS if c.quantity in (None, sensed.quantity)]
    rows = []
    for value in (first, last):
        with put(bench, where, value):
            row = bench.sample()
            rows.append({name: row[name] for name in names})
    require(same(*rows), f"a stuck part moves: {rows}")
