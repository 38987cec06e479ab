"""Writing a part's coefficients, read back; once more, but never blindly.

The rules:
- What went wrong may have been the answer alone: the memory is read before anything is sent again.
- A memory that takes words once is written again only where it reads as it did before.
- What a second try hides is told to the caller, for the record.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sensorbench.core.clock import Clock
from sensorbench.core.device import Calibratable
from sensorbench.core.errors import BenchError
from sensorbench.station.again import PAUSE_S

Note = Callable[[str], None]
"""Is told why something was done once more."""
Words = tuple[int, ...]


def program(
    sensor: Calibratable, words: Sequence[int], clock: Clock, note: Note, again: bool = False
) -> Words:
    """Write coefficients and return what is read back, which may differ. Raises BenchError.

    With `again` they may be there: then nothing is written.
    """
    wanted = tuple(words)
    if again and _there(sensor) == wanted:
        return wanted
    # A part that does not say that it can be written again is taken as one that can't.
    is_once = not getattr(sensor, "REWRITABLE", False)
    before = _there(sensor) if is_once else None
    try:
        sensor.write_coefficients(wanted)
        found = tuple(sensor.read_coefficients())
        if found == wanted:
            return found
        why = "it was read back otherwise than it was written"
    except BenchError as error:
        why = str(error)
    note(why)
    clock.sleep(PAUSE_S)
    there = _there(sensor)
    if there == wanted:
        return there
    if is_once and (before is None or there != before):
        raise BenchError(
            f"{why}; its memory takes words once and may have some of them: it was not written "
            "again. Read it by itself, and put the part aside if it is not whole"
        )
    sensor.write_coefficients(wanted)
    return tuple(sensor.read_coefficients())


def lock(sensor: Calibratable, clock: Clock, note: Note) -> None:
    """Lock the memory for ever; once more where it is not locked then. Raises BenchError."""
    try:
        sensor.lock()
    except BenchError as error:
        note(str(error))
        clock.sleep(PAUSE_S)
        if not sensor.is_locked():
            sensor.lock()


def _there(sensor: Calibratable) -> Words | None:
    """Return what the memory has, None where that can't be read."""
    try:
        return tuple(sensor.read_coefficients())
    except BenchError:
        return None
