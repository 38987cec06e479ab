"""Units left out of a run: silent in reading after reading, while others on their bus answer."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

from sensorbench.core.errors import (
    BenchError,
    LinkClosed,
    LinkTimeout,
    NotAcknowledged,
    TransportError,
)
from sensorbench.profiles.schedule import Point
from sensorbench.run.duts import Problem
from sensorbench.run.failing import DROP, END, RETRY

if TYPE_CHECKING:
    from sensorbench.run.runner import Runner

_SILENT = {kind.__name__ for kind in (TransportError, NotAcknowledged, LinkTimeout, LinkClosed)}


class LeftOut:
    """Counts by serial the readings in a row that a unit missed by itself."""

    def __init__(self, run: Runner) -> None:
        self._run = run
        self._missed: dict[str, int] = {}
        self._kept: set[str] = set()
        self._asked: set[str] = set()

    def missed(self, serial: str) -> int:
        """Return how many readings in a row a unit missed by itself."""
        return self._missed.get(serial, 0)

    def note(
        self,
        point: Point,
        group: Sequence[int],
        problems: Mapping[str, Problem],
        later: bool = False,
    ) -> None:
        """Take what a reading of `group` missed, and do what the policy says of too many.

        With `later` a person is asked by a service of its own, as what reads must go on. Raises
        BenchError where a person ends the run for one.
        """
        run, policy = self._run, self._run.failing.policy
        if policy.then == "end" or run.schedule.phase(point.phase)["data"].get("goes_on"):
            return
        silent = {s for s, problem in problems.items() if problem["error"] in _SILENT}
        units = [number for number in group if number in run.duts.loaded]
        alone = self._alone(units, silent)
        for number in units:
            serial = run.schedule.units[number].serial
            if serial not in alone:
                if serial not in silent:
                    self._missed.pop(serial, None)
                    self._kept.discard(serial)
                continue
            missed = self._missed[serial] = self._missed.get(serial, 0) + 1
            if missed <= policy.times or serial in self._kept | self._asked:
                continue
            if later and policy.then == "ask":
                self._asked.add(serial)
                ask = partial(self._decide, serial, missed, problems[serial])
                run.services.once(run.clock.now(), ask, f"ask about {serial}")
            else:
                self._decide(serial, missed, problems[serial])

    def _alone(self, units: Sequence[int], silent: Collection[str]) -> set[str]:
        """Return the silent units whose bus carries what others answer."""
        run = self._run
        found: set[str] = set()
        for branch in run.duts.branches(units):
            serials = {dut.unit.serial for dut in branch}
            if serials - set(silent):
                found |= serials & set(silent)
        return found

    def _decide(self, serial: str, missed: int, problem: Problem) -> None:
        run, answer = self._run, DROP
        if run.failing.policy.then == "ask":
            what = f"unit {serial} in socket {problem['socket']}"
            choices = (RETRY, DROP, END)
            wait_s = run.failing.policy.wait_s
            answer = run.failing.ask(what, problem["detail"], choices, wait_s)
            self._asked.discard(serial)
            if answer == END:
                raise BenchError(f"{what} does not answer, and nobody went on: {problem['detail']}")
        if answer == RETRY:
            self._kept.add(serial)  # until it answers again, it is asked at every reading
            return
        self._drop(serial, {"serial": serial, "readings": missed, **problem})

    def _drop(self, serial: str, told: Mapping[str, object]) -> None:
        self._run.evidence.append("unit_dropped", dict(told))
        self._run.evidence.commit()
        self._run.state.dropped[serial] = ""
