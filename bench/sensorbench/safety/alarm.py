"""The alarm: who is told when the bench needs a person, by every way that station.toml names.

The rules:
- All ways at once, each in a thread of its own: one that hangs delays none of the others.
- A way has `DEADLINE_S` in all. What failed before is tried once more within it.
- Nothing is raised, whatever a way does: what failed is returned in words, without any secret.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from sensorbench.safety.ways import (
    Alert,
    WayFailed,
    by_command,
    by_mail,
    by_webhook,
    host_of,
    in_words,
    ping,
)
from sensorbench.station.model import StationFile
from sensorbench.station.secrets import SecretMissing

__all__ = ["DEADLINE_S", "Alarm", "Alert"]

DEADLINE_S = 10.0
"""So long a way may take in all, s of real time."""
_PAUSE_S = 1.0
_GRACE_S = 0.5

Send = Callable[[Alert, float], None]
"""Sends an alert within so many seconds; raises whatever it likes."""


@dataclass(frozen=True, slots=True)
class Way:
    """One way to tell somebody; `name` is how it is called, without a secret."""

    name: str
    send: Send


@dataclass(frozen=True, slots=True)
class Alarm:
    """The ways of a station; none where its file names none."""

    ways: tuple[Way, ...] = ()
    sign: Way | None = None
    every_s: float | None = None
    """From one sign of life to the next, s; None where there is none."""
    deadline_s: float = DEADLINE_S

    @classmethod
    def of(cls, file: StationFile) -> Alarm:
        """Return the alarm of a station. Secrets are read when they are sent, and not kept."""
        table = file.alarm
        if table is None:
            return cls()
        ways = [Way(f"command {words[0]}", partial(by_command, words)) for words in table.command]
        ways += [
            Way(f"mail to {', '.join(mail.to)} by {mail.host}", partial(by_mail, mail))
            for mail in table.mail
        ]
        ways += [
            Way(f"webhook to {host_of(hook)}", partial(by_webhook, hook)) for hook in table.webhook
        ]
        sign = table.sign_of_life
        if sign is None:
            return cls(tuple(ways))
        last = (
            Way(f"sign of life to {host_of(sign)}", partial(ping, sign))
            if sign.has_url
            else Way(f"sign of life by {sign.command[0][0]}", partial(by_command, sign.command[0]))
        )
        return cls(tuple(ways), last, sign.every)

    def send(self, alert: Alert) -> list[str]:
        """Tell everybody, and return in words which ways failed. Takes `DEADLINE_S` at most."""
        return [f"{name}: {why}" for name, why in self.told(alert) if why]

    def told(self, alert: Alert) -> list[tuple[str, str]]:
        """Tell everybody; return each way's name, and what failed, "" where nothing did."""
        return _all_at_once(self.ways, alert, self.deadline_s)

    def sign_of_life(self, text: str) -> str | None:
        """Send the sign of life with what is to be said; return in words what failed, or None."""
        if self.sign is None:
            return None
        ((name, why),) = _all_at_once([self.sign], Alert(text, text), self.deadline_s)
        return f"{name}: {why}" if why else None


class _Attempt:
    """One way on its way."""

    def __init__(self, way: Way, alert: Alert, deadline_s: float) -> None:
        self._way, self._alert = way, alert
        self._deadline_s = deadline_s
        self._end = time.monotonic() + deadline_s
        self.problem = f"was not done within {deadline_s:g} s"
        self._done = threading.Event()
        name = f"alarm by {way.name}"
        # A daemon: a way that never ends must not keep the program that has to end.
        threading.Thread(target=self._work, name=name, daemon=True).start()

    def _work(self) -> None:
        problem, may_help = self._once()
        if may_help and self._end - time.monotonic() > 2 * _PAUSE_S:
            time.sleep(_PAUSE_S)
            problem, _ = self._once()
        self.problem = problem
        self._done.set()

    def _once(self) -> tuple[str, bool]:
        """Return what failed, "" where nothing did, and whether another try may help."""
        try:
            self._way.send(self._alert, max(0.1, self._end - time.monotonic()))
        except SecretMissing as error:
            return str(error), False
        except BaseException as error:  # whatever it is: nobody is told of it by a traceback
            may_help = error.may_help if isinstance(error, WayFailed) else True
            return in_words(error, self._deadline_s), may_help
        return "", False

    def wait(self) -> str:
        """Return what failed, once that is known or the deadline is over."""
        self._done.wait(max(0.0, self._end + _GRACE_S - time.monotonic()))
        return self.problem


def _all_at_once(ways: Sequence[Way], alert: Alert, deadline_s: float) -> list[tuple[str, str]]:
    attempts = [_Attempt(way, alert, deadline_s) for way in ways]
    return [(way.name, one.wait()) for way, one in zip(ways, attempts, strict=True)]
