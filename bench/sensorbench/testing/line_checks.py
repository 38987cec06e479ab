"""What a sensor on a serial line owes the bench: a reply that is not its own, whole, is none."""

from __future__ import annotations

from collections.abc import Iterator

from sensorbench.core.errors import BenchError
from sensorbench.testing.conformity import Nonconformity, only, require
from sensorbench.testing.lines import Spoil
from sensorbench.testing.stimuli import prepared, same
from sensorbench.testing.world import Case, SensorBench


def is_on_a_line(case: Case) -> bool:
    """Return whether a part is reached over a serial line."""
    return "serial" in case.device.links


@only(is_on_a_line)
def check_replies_on_a_line(case: Case) -> None:
    """A reply that is cut, damaged or another request's is an error; a doubled one counts once."""
    for what, spoil in spoiled(_reply_to_read(case), _reply_to_identify(case)):
        bench = _converted(case)
        bench.tap.spoil = spoil
        try:
            block = bench.part.read()
        except BenchError:
            continue
        raise Nonconformity(f"a reply that is {what} gave {block.values}")
    alone, twice = _converted(case), _converted(case)
    twice.tap.spoil = lambda _, reply: reply and reply + twice.tap.reply_terminator + reply
    rows = [bench.part.read().values[0] for bench in (alone, twice)]
    names = [channel.name for channel in alone.part.CHANNELS]
    one, two = (dict(zip(names, map(float, row), strict=True)) for row in rows)
    require(same(one, two), f"it reads {one}, and with each reply doubled {two}")


def _converted(case: Case) -> SensorBench:
    bench = prepared(case)
    bench.clock.sleep(bench.part.start())
    return bench


def _reply_to_read(case: Case) -> bytes:
    bench = _converted(case)
    bench.tap.replies.clear()
    bench.part.read()
    require(bench.tap.replies, "read() asks nothing of the part")
    return bench.tap.replies[-1]


def _reply_to_identify(case: Case) -> bytes:
    bench = SensorBench(case)
    bench.part.identify()
    return bench.tap.replies[0]


def spoiled(reply: bytes, others: bytes) -> Iterator[tuple[str, Spoil]]:
    """Yield what can become of a reply on the wire; each is told of as `what`.

    `others` is another request's, where the protocol can tell it from this one's; else the same.
    """
    for length in range(len(reply)):
        yield f"cut after {length} bytes", _cutting(length)
    for position in range(len(reply)):
        for bit in (0x01, 0x10, 0x80):
            yield f"damaged in byte {position} by {bit:#04x}", _damaging(position, bit)
    if others != reply:
        yield "another request's", lambda _, __: others


def _cutting(length: int) -> Spoil:
    return lambda _, reply: (reply or b"")[:length]


def _damaging(position: int, bit: int) -> Spoil:
    def spoil(_: bytes, reply: bytes | None) -> bytes | None:
        if reply is None or len(reply) <= position:
            return reply
        return reply[:position] + bytes([reply[position] ^ bit]) + reply[position + 1 :]

    return spoil
