"""A line that plays a written exchange, a world in virtual time, drivers and twins in one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime

import pytest

from sensorbench.core.clock import VirtualClock
from sensorbench.core.provenance import Provenance
from sensorbench.world.world import World

Exchange = tuple[str, str | None]


class ScriptedLine:
    """Expects exactly these lines in this order; None marks one that is not answered."""

    name = "scripted"
    provenance = Provenance.SIMULATED

    def __init__(self, script: Sequence[Exchange]) -> None:
        self.rest = list(script)
        self.timeouts: list[float | None] = []

    def _next(self, line: str) -> str | None:
        assert self.rest, f"{line!r} was sent after the end of the script"
        expected, reply = self.rest.pop(0)
        assert line == expected
        return reply

    def write(self, line: str) -> None:
        assert self._next(line) is None, f"{line!r} was written but its reply was not read"

    def query(self, line: str, timeout_s: float | None = None) -> str:
        self.timeouts.append(timeout_s)
        reply = self._next(line)
        assert reply is not None, f"{line!r} is not answered"
        return reply

    def close(self) -> None:
        pass


@pytest.fixture
def scripted() -> Iterator[Callable[..., ScriptedLine]]:
    """Make lines that play a script; at the end of the test it must have been played out."""
    lines: list[ScriptedLine] = []

    def make(*script: Exchange) -> ScriptedLine:
        lines.append(ScriptedLine(script))
        return lines[-1]

    yield make
    for line in lines:
        assert not line.rest, f"never sent: {[sent for sent, _ in line.rest]}"


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock(datetime(2026, 11, 22, 10, 30, tzinfo=UTC))


@pytest.fixture
def world(clock: VirtualClock) -> World:
    return World(clock, seed=7)
