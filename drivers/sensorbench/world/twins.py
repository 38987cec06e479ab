"""What a twin brings to the world, so that a station can bind it without knowing it.

An instrument's twin is made as `Twin(world, serial, **options)`; one that is made of others'
members as `Twin(world, serial, members, **options)` with the fields that these drive. A part's
twin is made as `Twin(place, **options)`. `FAULTS` names what can be wrong with it; which of them
is there now is asked of the world each time (`Place.fault`, `World.fault_of`), as faults have
their time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import ClassVar, Protocol, runtime_checkable

from sensorbench.core.operator import Question
from sensorbench.core.quantity import Value
from sensorbench.world.fields import Field

Signal = Callable[[], Value]


@runtime_checkable
class Drives(Protocol):
    """A twin that acts on the world: the field of each setpoint, by member name."""

    drives: Mapping[str, Field]


@runtime_checkable
class Senses(Protocol):
    """A twin that measures: `sense` connects one of its meters, by member name, to a signal."""

    def sense(self, member: str, signal: Signal) -> None: ...


@runtime_checkable
class Signals(Protocol):
    """A part's twin with outputs that a meter can read: by name, such as "output"."""

    signals: Mapping[str, Signal]


@runtime_checkable
class Loads(Protocol):
    """A part's twin that draws current from its supply."""

    def supply_current_a(self) -> float: ...


@runtime_checkable
class Answers(Protocol):
    """A twin of something that a person does by hand: it does it, and says that it is done."""

    def answer(self, question: Question) -> str | None:
        """Return the answer to a question that is for it, None for any other."""
        ...


@runtime_checkable
class Faulty(Protocol):
    """A twin with faults: their names."""

    FAULTS: ClassVar[tuple[str, ...]]


@runtime_checkable
class Understands(Protocol):
    """A twin on a line that can say which commands it knows."""

    def understood(self) -> tuple[str, ...]:
        """Return every command and query, as its manual writes them."""
        ...
