"""Meters of one instrument are read in one exchange, each with its own reading or error."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest

from sensorbench.core.errors import InstrumentError, LinkTimeout, ProtocolError
from sensorbench.core.provenance import Identity
from sensorbench.core.quantity import TEMPERATURE, Value
from sensorbench.instruments.members import meter
from sensorbench.instruments.together import Reading, together


def _one(channel: str) -> meter[Scanner]:
    member = meter["Scanner"](TEMPERATURE, rated=(-200.0, 850.0))

    @member.read
    def _(self: Scanner) -> Value:
        self.asked.append([channel])
        return self.values[channel]  # type: ignore[return-value]

    return member


class Plain:
    """A scanner that reads one by one."""

    def __init__(self, **values: Reading) -> None:
        self.name, self.values = "scanner", values
        self.asked: list[list[str]] = []

    def identify(self) -> Identity:
        return Identity("", "scanner")

    def make_safe(self) -> None:
        """Nothing acts."""

    a, b, c = _one("a"), _one("b"), _one("c")  # type: ignore[assignment]


class Scanner(Plain):
    """A scanner that reads many at once."""

    def read_many(self, names: Sequence[str]) -> Mapping[str, Reading]:
        self.asked.append(list(names))
        return {name: self.values[name] for name in names}


OPEN = InstrumentError("READ?", "+9.9E+37", "channel b: overload")


def test_meters_of_one_instrument_are_one_exchange_and_others_stay_themselves() -> None:
    many, plain = Scanner(a=1.0, b=2.0, c=3.0), Plain(a=20.0, b=21.0, c=22.0)
    groups = together([plain.a, many.c, plain.b, many.a])
    assert [group.places for group in groups] == [(0,), (1, 3), (2,)]
    assert [group.read() for group in groups] == [[20.0], [3.0, 1.0], [21.0]]
    assert (many.asked, plain.asked) == ([["c", "a"]], [["a"], ["b"]])


@pytest.mark.parametrize("wrong", [OPEN, float("nan"), 9.9e37, 5000.0])
def test_one_without_a_reading_takes_nothing_from_the_others(wrong: Reading) -> None:
    many = Scanner(a=1.0, b=wrong, c=3.0)
    (group,) = together([many.a, many.b, many.c])
    first, second, third = group.read()
    assert (first, third) == (1.0, 3.0)
    assert isinstance(second, InstrumentError | ProtocolError)


def test_what_holds_for_all_is_the_error_of_each(monkeypatch: pytest.MonkeyPatch) -> None:
    def silent(self: Scanner, names: Sequence[str]) -> Mapping[str, Reading]:
        raise LinkTimeout("scanner: no answer")

    monkeypatch.setattr(Scanner, "read_many", silent)
    many = Scanner(a=1.0, b=2.0, c=3.0)
    (group,) = together([many.a, many.b, many.c])
    assert all(isinstance(reading, LinkTimeout) for reading in group.read())
