"""Coefficients are written once more where that helps, and never blindly."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, ClassVar, cast

import pytest

from sensorbench.core.clock import VirtualClock
from sensorbench.core.device import Calibratable
from sensorbench.core.errors import BenchError, ChecksumError, NotAcknowledged
from sensorbench.core.verdict import Verdict
from sensorbench.run.programming import lock, program
from sensorbench.sensors.sbp1.driver import Sbp1

from ...workspaces import events, run, write
from .test_kinds import CALIBRATION

WORDS = (1, 2, 3)


class Memory:
    """A part's memory; each write meets the next trouble of a list, after it wrote or before."""

    REWRITABLE: ClassVar[bool] = True

    def __init__(self, *troubles: str, there: tuple[int, ...] | None = None) -> None:
        self.there, self.troubles, self.writes, self.locks = there, list(troubles), 0, 0
        self.locked = False

    def _meet(self, act: Callable[[], None]) -> None:
        trouble = self.troubles.pop(0) if self.troubles else ""
        if trouble == "lost":
            raise NotAcknowledged("it did not arrive")
        act()
        if trouble == "answer lost":
            raise NotAcknowledged("no answer")

    def write_coefficients(self, words: Sequence[int]) -> None:
        self.writes += 1
        half = bool(self.troubles) and self.troubles[0] == "half"

        def act() -> None:
            self.there = (1, 0, 0) if half else tuple(words)

        self._meet(act)

    def read_coefficients(self) -> tuple[int, ...]:
        if self.there is None:
            raise ChecksumError("it is blank")
        return self.there

    def lock(self) -> None:
        self.locks += 1

        def act() -> None:
            self.locked = True

        self._meet(act)

    def is_locked(self) -> bool:
        return self.locked


class Once(Memory):
    REWRITABLE: ClassVar[bool] = False


class Silent(Memory):
    """A part that does not say whether it can be written again."""

    REWRITABLE = cast("Any", property())


def programmed(part: Memory) -> tuple[tuple[int, ...], list[str]]:
    why: list[str] = []
    return program(cast("Calibratable", part), WORDS, VirtualClock(), why.append), why


def test_what_goes_well_is_written_once() -> None:
    part = Memory()
    assert programmed(part) == (WORDS, [])
    assert part.writes == 1


@pytest.mark.parametrize(
    ("trouble", "writes", "why"),
    [
        ("lost", 2, "it did not arrive"),
        ("half", 2, "it was read back otherwise than it was written"),
        ("answer lost", 1, "no answer"),
    ],
)
def test_it_is_written_once_more_where_it_is_not_there(trouble: str, writes: int, why: str) -> None:
    part = Memory(trouble)
    assert programmed(part) == (WORDS, [why])
    assert part.writes == writes


def test_what_fails_twice_is_not_tried_a_third_time() -> None:
    part = Memory("lost", "lost")
    with pytest.raises(NotAcknowledged):
        programmed(part)
    assert part.writes == 2


@pytest.mark.parametrize("kind", [Once, Silent])
def test_one_time_memory_is_written_again_only_where_it_reads_as_before(kind: type[Memory]) -> None:
    part = kind("lost", there=(0, 0, 0))
    assert programmed(part) == (WORDS, ["it did not arrive"])
    assert part.writes == 2
    there = kind("answer lost", there=(0, 0, 0))
    assert programmed(there)[0] == WORDS
    assert there.writes == 1


@pytest.mark.parametrize("part", [Once("half", there=(0, 0, 0)), Once("lost")])
def test_one_time_memory_that_may_have_something_is_left_alone(part: Once) -> None:
    with pytest.raises(BenchError, match="takes words once and may have some of them"):
        programmed(part)
    assert part.writes == 1


@pytest.mark.parametrize(("trouble", "locks"), [("lost", 2), ("answer lost", 1)])
def test_a_memory_is_locked_once_more_only_where_it_is_open(trouble: str, locks: int) -> None:
    part, why = Memory(trouble), list[str]()
    lock(cast("Calibratable", part), VirtualClock(), why.append)
    assert part.locked
    assert part.locks == locks
    assert len(why) == 1


def test_a_write_that_a_disturbance_cut_is_done_again_and_on_record(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, cut = Sbp1.write_coefficients, [True]

    def disturbed(self: Sbp1, coefficients: Sequence[int]) -> None:
        if cut:
            cut.clear()
            raise NotAcknowledged("bus0, address 0x28: not acknowledged")
        whole(self, coefficients)

    monkeypatch.setattr(Sbp1, "write_coefficients", disturbed)
    outcome = run(write(tmp_path, CALIBRATION))
    assert {unit.verdict for unit in outcome.assessment.units} == {Verdict.PASS}
    retries = [e.data["reason"] for e in events(outcome, "retry")]
    assert ["not acknowledged" in reason for reason in retries] == [True]
    assert all(
        e.data["outcome"]["written"] == e.data["outcome"]["read_back"]
        for e in events(outcome, "outcome")
    )
