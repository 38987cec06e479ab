"""What did not arrive is asked for once more, a little later."""

from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

from sensorbench.core.channel import Block, Channel, Setting
from sensorbench.core.clock import VirtualClock
from sensorbench.core.errors import BenchError, NotAcknowledged, ProtocolError
from sensorbench.core.provenance import Identity
from sensorbench.run.retry import PAUSE_S, once_more, read_once_more

from ...workspaces import events, run
from .climate import FIRST, bake, fault, workspace


class Disturbed:
    """Fails until a burst of disturbances is over."""

    def __init__(self, clock: VirtualClock, until_s: float) -> None:
        self._clock, self._until_s = clock, until_s
        self.asked = 0

    def read(self) -> str:
        self.asked += 1
        if self._clock.now() < self._until_s:
            raise NotAcknowledged("disturbed")
        return "value"


def test_a_retry_waits_until_a_burst_is_over() -> None:
    clock, noted = VirtualClock(), list[BenchError]()
    assert once_more(Disturbed(clock, 0.05).read, clock, noted.append) == "value"
    assert clock.now() == PAUSE_S
    assert [str(error) for error in noted] == ["disturbed"]


def test_what_fails_twice_is_an_error() -> None:
    clock = VirtualClock()
    disturbed = Disturbed(clock, 10.0)
    with pytest.raises(NotAcknowledged):
        once_more(disturbed.read, clock, lambda _: None)
    assert disturbed.asked == 2


def test_what_a_retry_would_hide_is_not_retried() -> None:
    clock, noted = VirtualClock(), list[BenchError]()

    def wrong() -> None:
        raise ProtocolError("bad CRC")

    with pytest.raises(ProtocolError):
        once_more(wrong, clock, noted.append)
    assert (noted, clock.now()) == ([], 0.0)


class GivesAwayOnce:
    """A part that gives a conversion away once, through a disturbed wire."""

    CHANNELS: ClassVar[tuple[Channel, ...]] = ()
    SETTINGS: ClassVar[dict[str, Setting]] = {}
    SUPPLY_V: ClassVar[tuple[float, float]] = (1.0, 5.0)

    def __init__(self, clock: VirtualClock, until_s: float) -> None:
        self._clock, self._wire = clock, Disturbed(clock, until_s)
        self._converted = False

    def identify(self) -> Identity:
        return Identity("nobody", "part")

    def prepare(self, **settings: Any) -> None:
        del settings

    def start(self) -> float:
        self._converted = True
        return 0.01

    def read(self) -> Block:
        if not self._converted:
            raise BenchError("start() starts a measurement; call it first")
        self._converted = False
        self._wire.read()
        return Block(np.array([[1.0]]), self._clock.now(), self._clock.now())


def test_a_reading_that_did_not_arrive_is_begun_anew() -> None:
    clock, noted = VirtualClock(), list[BenchError]()
    part = GivesAwayOnce(clock, 0.05)
    part.start()
    assert read_once_more(part, clock, noted.append).values[0, 0] == 1.0
    assert [str(error) for error in noted] == ["disturbed"]
    assert clock.now() == pytest.approx(PAUSE_S + 0.01)


def test_a_reading_that_never_arrives_says_what_happened_at_the_unit() -> None:
    clock = VirtualClock()
    part = GivesAwayOnce(clock, 10.0)
    part.start()
    with pytest.raises(NotAcknowledged, match="disturbed"):
        read_once_more(part, clock, lambda _: None)


MONITOR = 'monitor = { every = "30 min", measures = ["error"] }\n'


def test_a_unit_that_falls_silent_while_it_converts_is_silent(tmp_path: Path) -> None:
    """Not "start() was not called": that is the program's own affair."""
    whole = run(workspace(tmp_path / "whole", bake(more=MONITOR)))
    swept = [e.t for e in events(whole, "monitor")]
    at_s = swept[len(swept) // 2]
    silent = fault(FIRST, "silent", f"{at_s - 0.005:.6f} s", f"{at_s + 400:.3f} s")
    lost = run(workspace(tmp_path / "lost", bake(more=MONITOR), silent))
    told = {e.data["problems"][FIRST]["detail"] for e in events(lost, "monitor")
            if FIRST in e.data["problems"]}  # fmt: skip
    assert told
    assert all("not acknowledged" in text for text in told), told
