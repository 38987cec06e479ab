"""The reading buffers of Keithley's graphical instruments, and what their queries name.

Source: a public client (labmcp-keithley-smu 0.1.2, `READ? "defbuffer1",SOUR,READ`); reference
manuals of the 2450 (TRACe:POINts, page 6-115), the 2461 (pages 6-171 to 6-175: statistics go on
over what was overwritten) and the 2470 (page 12-129: another size loses the readings). Recalled:
the names of all elements, 100 000 readings after a reset, the least size 10, -230 for statistics of
nothing, -224 for a buffer that is not there, that a reset deletes what a user made. Not modelled:
PK2Pk, buffers to write into; they are refused.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from typing import NamedTuple

from sensorbench.protocols.scpi_device import ScpiStatusDevice, scpi
from sensorbench.protocols.scpi_parameters import (
    Choice,
    Limit,
    Maybe,
    Number,
    Parameter,
    Text,
    bounded,
)
from sensorbench.protocols.scpi_status import ScpiError

_BUFFERS = ("defbuffer1", "defbuffer2")
_ELEMENTS = (
    "DATE", "FORMatted", "FRACtional", "READing", "RELative", "SEConds", "SOURce", "SOURFORMatted",
    "SOURSTATus", "SOURUNIT", "STATus", "TIME", "TSTamp", "UNIT",
)  # fmt: skip
READING = "READ"
_LEAST_SIZE, _MOST_SIZE, _FIRST_SIZE = 10, 6_875_000, 100_000


class BufferName:
    """The name of a reading buffer, in quotes."""

    def parse(self, token: str) -> str:
        """Return the name, of a buffer that may not be there."""
        return Text().parse(token)


def buffer_and_elements(*known: str) -> tuple[Parameter, ...]:
    """Return the parameters of a query: a buffer, then elements, of which the twin has `known`."""
    others = [name for name in _ELEMENTS if name not in known]
    short = ["".join(letter for letter in name if not letter.islower()) for name in others]
    element = Choice(*known, beyond=(*short, *(name.upper() for name in others)))
    return (Maybe(BufferName()), *[Maybe(element)] * len(_ELEMENTS))


def asked_for(elements: Sequence[str | None]) -> list[str]:
    """Return the elements that were named, in short form; the reading alone where none was."""
    return [element for element in elements if element] or [READING]


class Kept(NamedTuple):
    """A reading, when it was taken, and what was sourced then, nan where nothing is."""

    reading: float
    at_s: float
    sourced: float = math.nan


class ReadingBuffer:
    """Readings up to `size`, the oldest lost first; its statistics are of all that came."""

    def __init__(self, size: int = _FIRST_SIZE) -> None:
        self.size = size
        self.clear()

    def clear(self) -> None:
        """Lose readings and statistics."""
        self.readings: deque[Kept] = deque(maxlen=self.size)
        self._came, self._mean, self._squares = 0, 0.0, 0.0
        self.least, self.most = math.inf, -math.inf

    def add(self, kept: Kept) -> None:
        """Keep a reading."""
        self.readings.append(kept)
        self._came += 1
        off = kept.reading - self._mean
        self._mean += off / self._came
        self._squares += off * (kept.reading - self._mean)
        self.least, self.most = min(self.least, kept.reading), max(self.most, kept.reading)

    @property
    def mean(self) -> float:
        """Return the mean of all readings that came."""
        return self._mean

    @property
    def deviation(self) -> float:
        """Return their standard deviation, 0 of a single one."""
        return math.sqrt(self._squares / (self._came - 1)) if self._came > 1 else 0.0


_NAMED = Maybe(BufferName())
_STYLE = Choice("COMPact", "STANdard", "FULL", beyond=("WRIT", "WRITABLE", "FULLWRIT"))
_MOST_BUFFERS = 100


class BufferedDevice(ScpiStatusDevice):
    """The TRACe subsystem: `defbuffer1`, which is meant where none is named, and others."""

    def reset(self) -> None:
        self._buffers = {name: ReadingBuffer() for name in _BUFFERS}

    def shown(self, value: float) -> str:
        """Return a number as the unit writes it."""
        raise NotImplementedError

    def _buffer(self, name: str | None) -> ReadingBuffer:
        """Return a buffer, the first where none is named. Raises ScpiError for another name."""
        try:
            return self._buffers[_BUFFERS[0] if name is None else name]
        except KeyError:
            raise ScpiError(-224) from None

    def _last(self, name: str | None) -> Kept:
        """Return the last reading of a buffer. Raises ScpiError -230 where there is none."""
        if not self._buffer(name).readings:
            raise ScpiError(-230)
        return self._buffer(name).readings[-1]

    def _between(self, name: str | None, first: float | Limit, last: float | Limit) -> list[Kept]:
        """Return the readings of a buffer from one index to another, both counted from 1.

        Raises ScpiError -222 for an index beyond them.
        """
        readings = list(self._buffer(name).readings)
        most = max(1, len(readings))
        begin, end = round(bounded(first, 1, most, 1)), round(bounded(last, 1, most, most))
        if not readings or begin > end:
            raise ScpiError(-222)
        return readings[begin - 1 : end]

    @scpi(":TRACe:ACTual?", _NAMED)
    def _in_buffer(self, name: str | None) -> str:
        return str(len(self._buffer(name).readings))

    @scpi(":TRACe:ACTual:STARt?", _NAMED)
    def _first_index(self, name: str | None) -> str:
        return str(int(bool(self._buffer(name).readings)))

    @scpi(":TRACe:ACTual:END?", _NAMED)
    def _last_index(self, name: str | None) -> str:
        return str(len(self._buffer(name).readings))

    @scpi(":TRACe:POINts", Number(), _NAMED)
    def _resize(self, size: float | Limit, name: str | None) -> None:
        self._buffer(name)
        wanted = round(bounded(size, _LEAST_SIZE, _MOST_SIZE, _FIRST_SIZE))
        self._buffers[_BUFFERS[0] if name is None else name] = ReadingBuffer(wanted)

    @scpi(":TRACe:MAKE", Text(), Number(), Maybe(_STYLE))
    def _make_buffer(self, name: str, size: float | Limit, _style: str | None) -> None:
        if not name or name in self._buffers or len(self._buffers) >= _MOST_BUFFERS:
            raise ScpiError(-224)
        self._buffers[name] = ReadingBuffer(
            round(bounded(size, _LEAST_SIZE, _MOST_SIZE, _FIRST_SIZE))
        )

    @scpi(":TRACe:DELete", Text())
    def _delete_buffer(self, name: str) -> None:
        if name in _BUFFERS or name not in self._buffers:
            raise ScpiError(-224)
        del self._buffers[name]

    @scpi(":TRACe:POINts?", _NAMED)
    def _buffer_size(self, name: str | None) -> str:
        return str(self._buffer(name).size)

    @scpi(":TRACe:CLEar", _NAMED)
    def _clear_buffer(self, name: str | None) -> None:
        self._buffer(name).clear()

    @scpi(":TRACe:STATistics:AVERage?", _NAMED, bound=("mean",))
    @scpi(":TRACe:STATistics:STDDev?", _NAMED, bound=("deviation",))
    @scpi(":TRACe:STATistics:MINimum?", _NAMED, bound=("least",))
    @scpi(":TRACe:STATistics:MAXimum?", _NAMED, bound=("most",))
    def _statistic(self, which: str, name: str | None) -> str:
        self._last(name)
        value: float = getattr(self._buffer(name), which)
        return self.shown(value)
