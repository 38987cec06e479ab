"""What is done where an instrument does not answer: again after pauses, then as the profile says.

The rules:
- What did not arrive is asked for once more at once, then after the pauses of the phase's policy.
  Safety, log, monitors and waves go on meanwhile, as they do while a person is asked.
- What an instrument refuses is no failure of a wire: it is not tried again.
- A command that fails for good ends the run, or a person is asked, for so long as the policy says.
- A meter that fails for good at a reading is missing there, as a unit is; it is asked without
  pauses until it answers again.
- The time of such waits within a hold is not credited: what it waits for was not as it should be.
- A unit that does not answer has its reason in each reading and ends nothing. Where the policy is
  "drop" or "ask" and it is silent in `times` + 1 readings in a row while others on its bus answer,
  it is its own socket that fails: it is left out, or a person decides. Where all of a bus are
  silent no socket is blamed.
- A retry that helped is on record as one: after how many, and how long it took.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeVar

from sensorbench.core.clock import RealClock
from sensorbench.core.errors import BenchError, TransportError
from sensorbench.core.operator import OperatorAbsent, Question
from sensorbench.core.units import show_duration
from sensorbench.profiles.failing import Policy
from sensorbench.run.retry import once_more
from sensorbench.safety.alarm import Alarm, Alert

if TYPE_CHECKING:
    from sensorbench.run.runner import Runner

T = TypeVar("T")
RETRY, DROP, WITHOUT, END = "retry", "drop", "without", "end"
_MEANS = {
    "en": {
        RETRY: "retry = try again", DROP: "drop = leave the unit out",
        WITHOUT: "without = go on without it", END: "end = make the bench safe and end the run",
    },
    "zh": {
        RETRY: "retry = 重试", DROP: "drop = 排除该样品",
        WITHOUT: "without = 不用它继续", END: "end = 使试验台进入安全状态并结束试验",
    },
}  # fmt: skip


class Failing:
    """Insists on what must be done. `paused_s` is for how long the run waited for that in all."""

    def __init__(self, run: Runner) -> None:
        self._run = run
        self.paused_s = 0.0
        self._waits = 0
        self._gone: set[str] = set()

    @property
    def policy(self) -> Policy:
        """Return the policy of the step that is done now."""
        return Policy.of(self._run.phase)

    # -- insisting ---------------------------------------------------------------------------

    def once_more(self, work: Callable[[], T], what: str) -> T:
        """Do it, once more at once where it did not arrive; that is on record."""
        return once_more(work, self._run.clock, lambda error: self._note(what, error, 1))

    def insist(self, work: Callable[[], T], what: str) -> T:
        """Do what the run can't go on without.

        Raises the last error where it fails for good, with a note of what was tried.
        """
        return self._insist(work, what, (RETRY, END))

    def read(self, work: Callable[[], T], what: str) -> T | None:
        """Read a meter; None where it can't be read, and a person goes on without it."""
        if what in self._gone:
            try:
                found = once_more(work, self._run.clock, lambda _: None)
            except TransportError as error:
                self._note(what, error, 1)
                return None
            self._gone.discard(what)
            return found
        try:
            return self._insist(work, what, (RETRY, WITHOUT, END))
        except _Without:
            self._gone.add(what)
            return None

    def _insist(self, work: Callable[[], T], what: str, choices: Sequence[str]) -> T:
        began, tries = self._run.clock.now(), 0

        def note(error: BenchError) -> None:
            nonlocal tries
            tries += 1
            self._note(what, error, tries)

        try:
            return once_more(work, self._run.clock, note)
        except TransportError as error:
            note(error)
            first = error
        self._waits += 1
        try:
            found = self._until_done(work, what, choices, first, note)
        finally:
            self._waits -= 1
            took_s = self._run.clock.now() - began
            if not self._waits:  # waits within waits are part of them
                self.paused_s += took_s
        self._run.watch.changed()  # just now, and not when it was first sent
        self._run.evidence.append(
            "recovered", {"what": what, "tries": tries, "took_s": took_s, "reason": str(first)}
        )
        return found

    def _until_done(
        self,
        work: Callable[[], T],
        what: str,
        choices: Sequence[str],
        error: TransportError,
        note: Callable[[BenchError], None],
    ) -> T:
        clock, policy = self._run.clock, self.policy
        began, answers_until = clock.now(), 0.0
        pauses, answer = policy.times, ""
        while True:
            for _ in range(pauses):
                self._pause(policy.pause_s)
                try:
                    return work()
                except TransportError as again:
                    error = again
                    note(again)
            if policy.then != "ask":
                break
            answers_until = answers_until or clock.now() + policy.wait_s
            answer = self.ask(what, str(error), choices, answers_until - clock.now())
            if answer != RETRY:
                break
            pauses = max(1, policy.times)
            try:
                return work()
            except TransportError as again:
                error = again
                note(again)
        if WITHOUT in choices and (policy.then != "ask" or answer == WITHOUT):
            raise _Without
        took = show_duration(round(clock.now() - began))
        error.add_note(f"{what} did not answer, and was tried again for {took}")
        raise error

    def _pause(self, seconds: float) -> None:
        self._run.services.wait(self._run.clock.now() + seconds)
        self._run.meanwhile()

    def _note(self, what: str, error: BenchError, attempt: int) -> None:
        data = {"what": what, "reason": str(error), "attempt": attempt}
        self._run.evidence.append("retry", data)

    # -- asking ------------------------------------------------------------------------------

    def ask(self, what: str, reason: str, choices: Sequence[str], within_s: float) -> str:
        """Return what a person decides; END where nobody does in time. The answer is on record."""
        run = self._run
        answer, why = END, ""
        if within_s > 0:
            question = _question(what, reason, choices, within_s / _speed(run))
            self._call(question.text["en"])
            try:
                answer = run.station.operator.ask(question)
            except OperatorAbsent as absent:
                why = str(absent)
        else:
            why = "the time for a person's answer is over"
        data = {"what": what, "reason": reason, "answer": answer, "detail": why}
        run.evidence.append("failure_asked", data)
        run.evidence.commit_soon()
        return answer

    def _call(self, text: str) -> None:
        """Tell people by the station's alarm that an answer is waited for; wait for none of it."""
        run = self._run
        alarm = Alarm.of(run.station.file)
        if not isinstance(run.clock, RealClock) or not alarm.ways:
            return
        station = run.station.file.station.name
        run_id = run.evidence.root.name
        alert = Alert(f"{station} waits for an answer", text, run=run_id, station=station)
        threading.Thread(
            target=lambda: alarm.send(alert), name="call a person", daemon=True
        ).start()


class _Without(BenchError):
    """A meter could not be read, and the reading is made without it."""


def _speed(run: Runner) -> float:
    return run.clock.speed if isinstance(run.clock, RealClock) else 1.0


def _question(what: str, reason: str, choices: Sequence[str], within_s: float) -> Question:
    limit = show_duration(round(within_s))
    en = ", ".join(_MEANS["en"][choice] for choice in choices)
    zh = "，".join(_MEANS["zh"][choice] for choice in choices)
    return Question(
        {
            "en": f"{what} does not answer: {reason} The bench stays as it is and is watched; "
            f"without an answer within {limit} the run ends. {en}:",
            "zh": f"{what} 无应答：{reason} 试验台保持现状并继续受监视；"
            f"{limit} 内无回答则结束试验。{zh}：",
        },
        tuple(choices),
        {"kind": "failure", "what": what},
        within_s,
    )
