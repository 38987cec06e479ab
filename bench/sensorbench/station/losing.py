"""When a meter of a place counts as lost: `lost = 3` polls in a row, or `lost = "30 s"`."""

from __future__ import annotations

from typing import Annotated, NamedTuple

from pydantic import BeforeValidator

from sensorbench.core.documents import quantity_parser
from sensorbench.core.units import Dimension
from sensorbench.parts.model import problem

_MOST_POLLS, _LONGEST_S = 60, 600.0
_read_time = quantity_parser(Dimension.TIME)


class Lost(NamedTuple):
    """After how many polls in a row without a reading, and how long after the first of them, s."""

    polls: int = 2
    seconds: float = 0.0

    def is_over(self, missed: int, since_s: float) -> bool:
        """Return whether a meter is lost that missed so many polls, the first so long ago."""
        return missed >= self.polls and since_s >= self.seconds - 1e-6

    def after_s(self, period_s: float) -> float:
        """Return how long a meter that is polled so often may give no reading, s."""
        return max((self.polls - 1) * period_s, self.seconds)


USUALLY = Lost()


def _lost(value: object) -> Lost:
    if isinstance(value, Lost):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        if not 1 <= value <= _MOST_POLLS:
            raise problem(f"{value} polls: write 1 to {_MOST_POLLS}")
        return Lost(value)
    if not isinstance(value, str):
        raise problem('write a number of polls, or a time as "30 s"')
    seconds = _read_time(value)
    if not 0 < seconds <= _LONGEST_S:
        raise problem(f"{value!r}: more than 0 s, and 10 min at most: until then nobody looks")
    return Lost(seconds=seconds)


LostAfter = Annotated[Lost, BeforeValidator(_lost)]
