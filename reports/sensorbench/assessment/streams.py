"""Units' own streams: what their entries say of them, and their samples a channel at a time."""

from __future__ import annotations

import math
from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from sensorbench.assessment.records import Floats
from sensorbench.evidence.run import RunReader


@dataclass(frozen=True, slots=True)
class StreamData:
    """A unit's stream at a point. Samples are decoded a channel at a time, when asked for.

    `lost` is how many samples are missing, as counted by the part's own rate; 0 in older runs.
    """

    channels: tuple[str, ...]
    count: int
    rate_hz: float
    overflow: bool
    lost: int
    saturated: bool
    seconds: float
    start_s: float
    sources: Sequence[int]
    _run: RunReader
    _name: str

    def channel(self, name: str) -> Floats:
        """Return a channel's samples in order, in its unit, shape (n,)."""
        number = self.channels.index(name)
        column = self._run.columns(self._name)[number]
        whole, end = np.empty(self.count), 0
        for event in self._run.journal.log.each_numbered(self.sources):
            own = self._run.samples(event, self._name)[:, number]
            if end + len(own) > len(whole):  # more than the entries say
                whole = np.concatenate([whole[:end], np.empty(2 * len(own))])
            whole[end : end + len(own)] = own
            end += len(own)
        return np.asarray(whole[:end] * column.scale + column.offset)


class Streams:
    """The streams of a run, by point and unit; entries are read once for all who ask.

    `opened` gives by point the event with which its stream last began: before, it was cut off.
    """

    def __init__(self, run: RunReader, opened: Mapping[str, int]) -> None:
        self._run, self._opened = run, opened
        self._found: dict[str, Mapping[int, StreamData]] = {}

    def at(self, point: str) -> Mapping[int, StreamData]:
        """Return by number of the unit what its stream brought at a point."""
        if point not in self._found:
            own = self._entries.get(point, {})
            self._found[point] = {unit: self._stream(seqs) for unit, seqs in own.items()}
        return self._found[point]

    @cached_property
    def _entries(self) -> dict[str, dict[int, array[int]]]:
        """Return by point and unit the numbers of the entries of its stream."""
        found: dict[str, dict[int, array[int]]] = {}
        for event in self._run.events("stream_data"):
            if event.seq < self._opened.get(event.data["point"], -1):
                continue
            units = found.setdefault(event.data["point"], {})
            units.setdefault(event.data["unit"], array("q")).append(event.seq)
        return found

    def _stream(self, seqs: Sequence[int]) -> StreamData:
        count = first_count = 0
        start = end = first_end = math.nan
        overflow = saturated = False
        lost = 0
        name = ""
        for event in self._run.journal.log.each_numbered(seqs):
            data = event.data
            if not name:
                name = self._run.streams_of(event)[0]
                start, first_end = data["start_s"][0], data["end_s"][0]
                first_count = data["count"][0]
            end = data["end_s"][-1]
            count += sum(data["count"])
            overflow = overflow or data["overflow"]
            lost += data.get("lost", 0)
            saturated = saturated or data.get("saturated", False)
        # The period is assessed, not assumed: host time over samples, first block aside.
        spent = end - first_end
        return StreamData(
            channels=tuple(column.name for column in self._run.columns(name)),
            count=count,
            rate_hz=(count - first_count) / spent if spent > 0 else float("nan"),
            overflow=overflow,
            lost=lost,
            saturated=saturated,
            seconds=end - start,
            start_s=start,
            sources=seqs,
            _run=self._run,
            _name=name,
        )
