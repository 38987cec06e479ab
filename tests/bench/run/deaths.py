"""A run whose program dies at any event of its journal, and goes on in the world that it left.

The death is one as by kill -9: nothing after it is done or written. What had been handed to the
system is there, as it would be.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from sensorbench.core.clock import VirtualClock
from sensorbench.core.operator import Question
from sensorbench.evidence.run import RunWriter
from sensorbench.run import execute as executing
from sensorbench.run.execute import Outcome, execute, resume
from sensorbench.run.runner import Runner
from sensorbench.station.simulation import SimulatedBench, SimulatedOperator
from sensorbench.station.station import Station, open_station
from sensorbench.station.workspace import Job, Workspace

from ...workspaces import START, job_of


class Death(BaseException):
    """Stands for the end of the program."""


class _Left(SimulatedBench):
    """A world that stays as it is when the program that uses it goes."""

    def leave_all(self) -> None:
        """Leave it as it stands."""

    def remembered(self) -> Mapping[str, str]:
        """Return what the units remember, with what they went through until now."""
        SimulatedBench.leave_all(self)
        return self.world.memory


@dataclass(slots=True)
class Mortal:
    """A bench on which runs die. `answers` are a person's, by the kind of question."""

    workspace: Workspace
    profile: str = "profile.toml"
    lots: Sequence[str] = ()
    answers: dict[str, list[str]] = field(default_factory=dict)
    now: datetime = START
    root: Path | None = None
    replaced: frozenset[str] = frozenset()

    job: Job = field(init=False)
    clock: VirtualClock = field(init=False)
    world: _Left = field(init=False)
    asked: list[Question] = field(init=False)

    def __post_init__(self) -> None:
        self.job = job_of(self.workspace, self.profile, self.lots)
        self.clock = VirtualClock(self.now)
        memory = self.workspace.load_memory()
        self.world = _Left(self.job.station, self.clock, memory, self.job.lots)
        person = self.world.operator
        assert isinstance(person, SimulatedOperator)
        person.answers.update(self.answers)
        self.asked = person.asked

    def dies(self, monkeypatch: pytest.MonkeyPatch, at: int) -> bool:
        """Run, or go on, until the event with that number is to be written; False if it ended."""
        real, left = RunWriter.append, [at]

        def append(*args: Any, **more: Any) -> int:
            left[0] -= 1
            if left[0] < 0:
                raise Death
            return real(*args, **more)

        def alone(runner: Runner) -> Outcome:
            runner.execute()
            raise AssertionError

        with monkeypatch.context() as patched:
            patched.setattr(RunWriter, "append", append)
            patched.setattr(executing, "to_its_end", alone)
            try:
                self._with()
            except Death:
                self._find()
                return True
            except AssertionError:
                self._find()
                return False
        raise AssertionError

    def goes_on(self) -> Outcome:
        """Run, or go on, to the end."""
        outcome = self._with()
        self.root = outcome.root
        return outcome

    def _with(self) -> Outcome:
        with open_station(self.job.station, self.clock, self.job.lots, twins=self.world) as station:
            return self._go(station)

    def _go(self, station: Station) -> Outcome:
        if self.root is None:
            return execute(self.workspace, self.job, station)
        return resume(self.root, station, replaced=self.replaced)

    def _find(self) -> None:
        (self.root,) = (self.workspace.root / "evidence").iterdir()
