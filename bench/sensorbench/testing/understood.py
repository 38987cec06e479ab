"""Which registers or commands a part's twin knows: found by trying each, on a part of its own.

A twin that keeps a record (`beyond`) acknowledges what its part does and notes what it does not
model; what is neither refused nor noted it knows.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sensorbench.core.catalog import Device
from sensorbench.core.errors import NotAcknowledged
from sensorbench.testing.world import SERIAL, Case, SensorBench

TAKEN, NOTED, REFUSED = "taken", "noted", "refused"
_ALL = range(256)
_VALUES = (0x00, 0x01, 0x10)
"""What is written: a register counts as known if one of these is taken without a note."""


@dataclass(frozen=True, slots=True)
class Known:
    """What a part's twin knows, by number: registers, or commands of one byte.

    `noted` are commands that it acknowledges and puts on record.
    """

    readable: tuple[int, ...] = ()
    writable: tuple[int, ...] = ()
    commands: tuple[int, ...] = ()
    noted: tuple[int, ...] = ()


def commands_of(device: Device) -> Mapping[str, str]:
    """Return what a twin says of commands that can't be found by trying bytes: its COMMANDS.

    What is sent, in hexadecimal, and what the part does then.
    """
    found: Mapping[str, str] = getattr(device.load_twin(), "COMMANDS", {})
    return found


def is_noted(case: Case, sent: str) -> bool:
    """Return whether a fresh part's twin notes what is sent as beyond its model."""
    return _try(case, bytes.fromhex(sent)) == NOTED


def known_to(case: Case) -> Known:
    """Return what the twin of a part on I2C knows; nothing where it keeps no record."""
    bench = SensorBench(case)
    if not hasattr(bench.twin, "beyond"):
        return Known()
    as_command = {number: _try(case, [number]) for number in _ALL}
    if REFUSED in as_command.values():
        return Known(
            commands=tuple(n for n, outcome in as_command.items() if outcome == TAKEN),
            noted=tuple(n for n, outcome in as_command.items() if outcome == NOTED),
        )
    readable = tuple(number for number in _ALL if _try(case, [number], 1) == TAKEN)
    writable = _writable(case, width=1) or _writable(case, width=2)
    return Known(_folded(readable), _folded(writable))


def _folded(numbers: tuple[int, ...]) -> tuple[int, ...]:
    """Leave out the upper half where it repeats the lower: bit 7 is not of the number then."""
    low = tuple(number for number in numbers if number < 0x80)
    return low if numbers == (*low, *(number | 0x80 for number in low)) else numbers


def _writable(case: Case, width: int) -> tuple[int, ...]:
    return tuple(
        number
        for number in _ALL
        if any(_try(case, [number, *[0] * (width - 1), v]) == TAKEN for v in _VALUES)
    )


def _try(case: Case, write: Sequence[int], read_length: int = 0) -> str:
    """Return what a fresh part does with a transfer; an answer may take it a second."""
    bench = SensorBench(case)
    try:
        bench.bus.transfer(bench.address, bytes(write))
        if read_length:
            bench.clock.sleep(1.0)
            bench.bus.transfer(bench.address, b"", read_length)
    except NotAcknowledged:
        return REFUSED
    return NOTED if bench.world.beyond.get(SERIAL) else TAKEN


def spans(numbers: Iterable[int]) -> str:
    """Return numbers in hexadecimal, neighbours joined.

    >>> spans([0x88, 0x89, 0x8A, 0xD0])
    '0x88..0x8a, 0xd0'
    """
    runs: list[list[int]] = []
    for number in sorted(numbers):
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return ", ".join(
        f"{run[0]:#04x}" if len(run) == 1 else f"{run[0]:#04x}..{run[-1]:#04x}" for run in runs
    )
