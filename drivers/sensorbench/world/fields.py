"""Fields: what a quantity does in one place over time. Closed-form between events.

The rules:
- A field is a function of time from its last change on; asking costs the same after a second or a
  month, and asking never changes it.
- Before a field changes, everybody who remembers the past is told (`World.changing`), so that a
  twin brings itself up to now under the old conditions.
- Arrays of times are answered as arrays: a FIFO of a thousand samples is one call.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import cache
from typing import Protocol, cast

import numpy as np
import numpy.typing as npt

from sensorbench.core.quantity import Value, components
from sensorbench.world.motion import Approach, Swing

Times = npt.NDArray[np.float64]
_Move = tuple[Approach, float, float, bool]
"""A move, where a body was at its start, since when, and whether it rises."""
_HALVINGS = 30


class Field(Protocol):
    """A quantity in a place. Times are the clock's, in s; values canonical."""

    def at(self, now: float) -> Value:
        """Return the value at `now`, not before the last change."""
        ...

    def felt(self, now: float) -> Value:
        """Return what a body there has by then: it may lag behind."""
        ...

    def sample(self, times: Times) -> npt.NDArray[np.float64]:
        """Return values at `times`, shape (n,) or for a vector (n, axes)."""
        ...

    def rising(self, now: float) -> bool:
        """Return the direction of the last move."""
        ...

    def still_from(self, now: float) -> float:
        """Return from when on the value no longer moves noticeably; inf if it always will."""
        ...


class Bounded(Protocol):
    """A field that knows how far it goes until something changes it."""

    def bounds(self, now: float) -> tuple[float, float]:
        """Return the least and the greatest value from `now` on, of the place and a body there."""
        ...

    def reaches(self, now: float, low: float, high: float) -> float:
        """Return a time before which neither the place nor a body there is between two values."""
        ...


class Awaiting(Protocol):
    """A field that moves at a time to come unless something is done first: it still may be still.

    `still_from` says that time, so that nobody takes it for granted who does not know this.
    """

    def sure_until(self, now: float) -> float:
        """Return until when it need not be looked at, well before it would move."""
        ...


def sure_until(field: Field, now: float) -> float:
    """Return until when a field stands still, whatever is left undone; now where it moves."""
    if field.still_from(now) <= now:
        return math.inf
    return cast("Awaiting", field).sure_until(now) if hasattr(field, "sure_until") else now


def bounded(field: Field) -> Bounded | None:
    """Return a field that knows how far it goes, None where it does not."""
    return cast("Bounded", field) if _knows_its_bounds(type(field)) else None


@cache
def _knows_its_bounds(kind: type) -> bool:
    """Look once a class: it is asked at every poll."""
    return hasattr(kind, "bounds") and hasattr(kind, "reaches")


def reach(field: Field, now: float) -> tuple[float, float]:
    """Return the least and the greatest number that a body feels from `now` on.

    Until something changes the field; infinite where it moves and doesn't know how far.
    """
    if field.still_from(now) <= now:
        felt = components(field.felt(now))[0]
        return felt, felt
    known = bounded(field)
    return (-math.inf, math.inf) if known is None else known.bounds(now)


class Constant:
    """A value that stays: ambient, a fixed supply."""

    def __init__(self, value: Value) -> None:
        self.value = value

    def at(self, now: float) -> Value:  # noqa: ARG002 - it stays
        return self.value

    def felt(self, now: float) -> Value:  # noqa: ARG002
        return self.value

    def sample(self, times: Times) -> npt.NDArray[np.float64]:
        return _spread(self.value, len(times))

    def rising(self, now: float) -> bool:  # noqa: ARG002
        return True

    def still_from(self, now: float) -> float:
        return now


class Moving:
    """A value that is driven: it goes to a target no faster than it can, and settles there.

    `fastest_up` and `fastest_down` are in units a second, `tau_s` is the end of each move.
    `body_lag_s` is how a body there lags behind; 0 where it does not. `moves_before` is called
    before each change.
    """

    def __init__(
        self,
        start: float,
        *,
        fastest_up: float,
        fastest_down: float | None = None,
        tau_s: float,
        moves_before: Callable[[], None],
        now: float,
        body_lag_s: float = 0.0,
        resolution: float = 1e-3,
    ) -> None:
        self._up, self._down = fastest_up, fastest_down or fastest_up
        self._tau_s, self._lag_s, self._resolution = tau_s, body_lag_s, resolution
        self._before = moves_before
        # The moves, each with where the body was at its start, and since when: replaced in one
        # piece, as threads read it. All but the first are still to come.
        self._moves: tuple[_Move, ...] = (
            (Approach(start, start, self._up, tau_s), start, now, True),
        )

    @property
    def target(self) -> float:
        """Return where it is going, in the end."""
        return self._moves[-1][0].target

    def go(
        self,
        target: float,
        now: float,
        rate: float | None = None,
        tau_s: float | None = None,
        overshoots: bool = False,
    ) -> None:
        """Drive to `target`, no faster than `rate` nor than it can.

        `overshoots` is for values that nothing lags behind.
        """
        self._before()
        self._moves = (self._move(self._moves, target, now, rate, tau_s, overshoots),)

    def follow(self, course: Sequence[tuple[float, float, float | None]]) -> None:
        """Drive to one target after the other: each from when on, where to, no faster than.

        The first begins now, each other one when its time comes, whoever looks.
        """
        self._before()
        moves: tuple[_Move, ...] = ()
        for since, target, rate in course:
            moves += (self._move(moves or self._moves, target, since, rate),)
        self._moves = moves

    def _move(
        self,
        before: tuple[_Move, ...],
        target: float,
        now: float,
        rate: float | None = None,
        tau_s: float | None = None,
        overshoots: bool = False,
    ) -> _Move:
        last = _present(before, now)
        here = last[0].at(max(0.0, now - last[2]))
        fastest = self._up if target >= here else self._down
        rising = target > here if abs(target - here) > self._resolution else last[3]
        kind = Swing if overshoots else Approach
        move = kind(here, target, min(fastest, rate or fastest), tau_s or self._tau_s)
        return move, self._body_of(last, now), now, rising

    def drift(self, target: float, now: float, tau_s: float) -> None:
        """Let go: the value relaxes to `target` with `tau_s` alone."""
        self._before()
        here = self._value(now)
        move = Approach(here, target, 1e12, tau_s)
        self._moves = ((move, self._body(now), now, target > here),)

    def _value(self, now: float) -> float:
        move, _, since, _ = _present(self._moves, now)
        return move.at(max(0.0, now - since))

    def _body(self, now: float) -> float:
        return self._body_of(_present(self._moves, now), now)

    def _body_of(self, state: _Move, now: float) -> float:
        move, body, since, _ = state
        if not self._lag_s:
            return move.at(max(0.0, now - since))
        return move.lagged(max(0.0, now - since), body, self._lag_s)

    def at(self, now: float) -> Value:
        return self._value(now)

    def felt(self, now: float) -> Value:
        return self._body(now)

    def sample(self, times: Times) -> npt.NDArray[np.float64]:
        if len(times) and self.still_from(float(times[0])) <= times[0]:
            return np.full(len(times), self._body(float(times[0])))
        return np.array([self._body(float(t)) for t in times])

    def rising(self, now: float) -> bool:
        return _present(self._moves, now)[3]

    def bounds(self, now: float) -> tuple[float, float]:
        targets = [move.target for move, *_ in self._to_come(now)]
        here = (self._value(now), self._body(now), *targets)
        beyond = self._overshoot(now)
        return min(here) - beyond, max(here) + beyond

    def _overshoot(self, now: float) -> float:
        move = self._moves[-1][0]
        return move.overshoot if isinstance(move, Swing) and self.still_from(now) > now else 0.0

    def reaches(self, now: float, low: float, high: float) -> float:
        if self._overshoot(now) or len(self._to_come(now)) > 1:
            return now  # it may pass what lies beyond its target
        value, body = self._value(now), self._body(now)
        # A body follows: on the same side, the place is there before it.
        if not (max(value, body) < low or min(value, body) > high):
            return now
        if not low <= self.target <= high and (self.target < low) == (value < low):
            return math.inf
        outside, inside = now, max(now, self.still_from(now))
        for _ in range(_HALVINGS):
            middle = (outside + inside) / 2
            is_outside = (self._value(middle) < low) if value < low else self._value(middle) > high
            outside, inside = (middle, inside) if is_outside else (outside, middle)
        return outside

    def still_from(self, now: float) -> float:
        move, _, since, _ = self._moves[-1]
        span = abs(move.target - move.start)
        if span <= self._resolution:
            settled = 0.0
        else:
            tau = max(move.tau_s, self._lag_s)
            settled = span / move.rate + 3.0 * tau * max(1.0, math.log(span / self._resolution))
        return max(now, since + settled)

    def _to_come(self, now: float) -> tuple[_Move, ...]:
        """Return the present move and those after it."""
        moves = self._moves
        return moves[moves.index(_present(moves, now)) :]


def _present(moves: tuple[_Move, ...], now: float) -> _Move:
    """Return the move that is made at `now`: the last that has begun."""
    if len(moves) == 1:
        return moves[0]
    return next((move for move in reversed(moves) if move[2] <= now), moves[0])


class Wave:
    """A square or sine wave between `low` and `high` from `since` on, starting at `high`."""

    def __init__(self, low: float, high: float, period_s: float, shape: str, since: float) -> None:
        self.low, self.high, self.period_s = low, high, period_s
        self._sine, self._since = shape == "sine", since

    def sample(self, times: Times) -> npt.NDArray[np.float64]:
        share = np.mod((np.asarray(times) - self._since) / self.period_s, 1.0)
        if self._sine:
            middle, half = (self.low + self.high) / 2, (self.high - self.low) / 2
            return middle + half * np.sin(2 * np.pi * share)
        return np.where(share < 0.5, self.high, self.low).astype(np.float64)

    def at(self, now: float) -> Value:
        return float(self.sample(np.array([now]))[0])

    def felt(self, now: float) -> Value:
        return self.at(now)

    def rising(self, now: float) -> bool:
        return float(np.mod((now - self._since) / self.period_s, 1.0)) < 0.5

    def still_from(self, now: float) -> float:  # noqa: ARG002
        return math.inf


class Driven:
    """What an instrument's twin drives: a field behind a name that can be swapped for another.

    A twin that makes waves, or that joins other fields, changes what is behind it.
    """

    def __init__(self, field: Field) -> None:
        self.field = field

    def at(self, now: float) -> Value:
        return self.field.at(now)

    def felt(self, now: float) -> Value:
        return self.field.felt(now)

    def sample(self, times: Times) -> npt.NDArray[np.float64]:
        return self.field.sample(times)

    def rising(self, now: float) -> bool:
        return self.field.rising(now)

    def still_from(self, now: float) -> float:
        return self.field.still_from(now)

    def bounds(self, now: float) -> tuple[float, float]:
        field = bounded(self.field)
        return (-math.inf, math.inf) if field is None else field.bounds(now)

    def reaches(self, now: float, low: float, high: float) -> float:
        field = bounded(self.field)
        return now if field is None else field.reaches(now, low, high)


class Computed:
    """A field made of others: a coil's field of its currents, gravity of the orientation."""

    def __init__(
        self,
        value: Callable[[float], Value],
        of: Sequence[Field] = (),
        sample: Callable[[Times], npt.NDArray[np.float64]] | None = None,
    ) -> None:
        self._value, self._of, self._sample = value, tuple(of), sample

    def at(self, now: float) -> Value:
        return self._value(now)

    def felt(self, now: float) -> Value:
        return self._value(now)

    def sample(self, times: Times) -> npt.NDArray[np.float64]:
        if self._sample:
            return self._sample(times)
        if len(times) and self.still_from(float(times[0])) <= times[0]:
            return _spread(self._value(float(times[0])), len(times))
        return np.array([self._value(float(t)) for t in times])

    def rising(self, now: float) -> bool:
        return self._of[0].rising(now) if self._of else True

    def still_from(self, now: float) -> float:
        return max((field.still_from(now) for field in self._of), default=now)


def _spread(value: Value, count: int) -> npt.NDArray[np.float64]:
    if isinstance(value, tuple):
        return np.tile(np.array(components(value)), (count, 1))
    return np.full(count, float(value))
