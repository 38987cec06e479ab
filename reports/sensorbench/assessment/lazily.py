"""Arrays of readings that are decoded when they are used: of a long run not all fit into memory."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping

from sensorbench.assessment.records import Floats

_MOST_BYTES = 1 << 26

Decoded = tuple[Mapping[str, Floats], Mapping[str, Floats]]
"""Values and their spread, each by channel."""


class Kept:
    """What was decoded last, by the number of its event."""

    def __init__(self) -> None:
        self._found: OrderedDict[int, Decoded] = OrderedDict()
        self._bytes = 0

    def get(self, seq: int) -> Decoded | None:
        """Return what is kept of an event."""
        found = self._found.get(seq)
        if found is not None:
            self._found.move_to_end(seq)
        return found

    def put(self, seq: int, found: Decoded) -> None:
        """Keep what was decoded; what was not used for longest goes."""
        self._found[seq] = found
        self._bytes += _size(found)
        while self._bytes > _MOST_BYTES and len(self._found) > 1:
            _, oldest = self._found.popitem(last=False)
            self._bytes -= _size(oldest)


def _size(found: Decoded) -> int:
    return sum(array.nbytes + 200 for table in found for array in table.values())


class Channels(Mapping[str, Floats]):
    """A reading's arrays by channel."""

    __slots__ = ("_decode",)

    def __init__(self, decode: Callable[[], Mapping[str, Floats]]) -> None:
        self._decode = decode

    def __getitem__(self, channel: str) -> Floats:
        return self._decode()[channel]

    def __iter__(self) -> Iterator[str]:
        return iter(self._decode())

    def __len__(self) -> int:
        return len(self._decode())
