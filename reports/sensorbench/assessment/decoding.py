"""Readings as arrays, decoded when they are used: of a long run not all fit into memory."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Mapping

import numpy as np

from sensorbench.assessment.records import Floats
from sensorbench.evidence.journal import Event
from sensorbench.evidence.run import RunReader

_MOST_BYTES = 1 << 26

Decoded = tuple[Mapping[str, Floats], Mapping[str, Floats]]
"""Means over the sweeps and their spread, each by channel, shape (D,)."""


class Decoder:
    """Decodes readings by the number of their entry; those that were used last are kept."""

    def __init__(self, run: RunReader, units: int) -> None:
        self._run, self._units = run, units
        self._kept: OrderedDict[int, Decoded] = OrderedDict()
        self._bytes = 0

    def decoded(self, seq: int) -> Decoded:
        """Return what a reading brought; nothing where there is no such entry."""
        found = self._kept.get(seq)
        if found is not None:
            self._kept.move_to_end(seq)
            return found
        event = self._run.journal.log.numbered(seq)
        found = self._kept[seq] = self._decode(event) if event is not None else ({}, {})
        self._bytes += _size(found)
        while self._bytes > _MOST_BYTES and len(self._kept) > 1:
            _, oldest = self._kept.popitem(last=False)
            self._bytes -= _size(oldest)
        return found

    def _decode(self, event: Event) -> Decoded:
        units, sweeps = self._units, int(event.data.get("sweeps", 1))
        values: dict[str, Floats] = {}
        spread: dict[str, Floats] = {}
        for stream in self._run.streams_of(event):
            if not stream.startswith("units-"):
                continue
            names = [column.name for column in self._run.columns(stream)]
            rows = self._run.values(event, stream)
            cube = np.full((units, sweeps, len(names)), np.nan)
            cube[rows[:, 1].astype(int), rows[:, 2].astype(int)] = rows
            means = cube.mean(axis=1)
            around = _spread(cube)
            for k, name in enumerate(names):
                if k < 3:  # time, unit, sweep
                    continue
                known = ~np.isnan(means[:, k])
                values.setdefault(name, np.full(units, np.nan))[known] = means[known, k]
                spread.setdefault(name, np.full(units, np.nan))[known] = around[known, k]
        return values, spread


def _spread(cube: Floats) -> Floats:
    if cube.shape[1] < 2:
        return np.full((cube.shape[0], cube.shape[2]), np.nan)
    return np.asarray(cube.std(axis=1, ddof=1))


def _size(found: Decoded) -> int:
    return sum(array.nbytes + 200 for table in found for array in table.values())


class Channels(Mapping[str, Floats]):
    """A reading's arrays by channel: means (0) or spread (1)."""

    __slots__ = ("_decoder", "_seq", "_which")

    def __init__(self, decoder: Decoder, seq: int, which: int) -> None:
        self._decoder, self._seq, self._which = decoder, seq, which

    def __getitem__(self, channel: str) -> Floats:
        return self._decoder.decoded(self._seq)[self._which][channel]

    def __iter__(self) -> Iterator[str]:
        return iter(self._decoder.decoded(self._seq)[self._which])

    def __len__(self) -> int:
        return len(self._decoder.decoded(self._seq)[self._which])
