"""Cut a stream of bytes into lines, however the packets were split."""

from __future__ import annotations

import re
from collections.abc import Sequence

from sensorbench.core.errors import ProtocolError

LONGEST_LINE = 64 * 1024


class LineSplitter:
    """Assemble lines that end in any of `terminators`; where several fit, the longest counts.

    >>> splitter = LineSplitter([b"\\n", b"\\r\\n"])
    >>> splitter.feed(b"*IDN?\\r\\nTEM"), splitter.feed(b"P?\\n")
    ([b'*IDN?'], [b'TEMP?'])
    """

    def __init__(self, terminators: Sequence[bytes]) -> None:
        if not terminators or not all(terminators):
            raise ValueError(f"lines need terminators of at least one byte, got {terminators!r}")
        self._terminators = sorted(terminators, key=len, reverse=True)
        self._end = re.compile(b"|".join(map(re.escape, self._terminators)))
        self._buffer = b""
        self._rests: list[bytes] = []

    def feed(self, data: bytes) -> list[bytes]:
        """Take the next bytes and return the lines they complete, without their terminators.

        Raises ProtocolError once more than `LONGEST_LINE` bytes came without a terminator; they
        are forgotten.
        """
        # After CR at the end of a packet the line is given out at once; an LF that then starts the
        # next packet belongs to it and is no empty line.
        rest = next((rest for rest in self._rests if data.startswith(rest)), b"")
        self._rests = []
        data = self._buffer + data[len(rest) :]
        lines, start = [], 0
        for found in self._end.finditer(data):
            if found.end() == len(data):
                self._rests = self._continuations(found[0])
            lines.append(data[start : found.start()])
            start = found.end()
        self._buffer = data[start:]
        if len(self._buffer) > LONGEST_LINE:
            came, self._buffer = self._buffer, b""
            ends = " or ".join(repr(end) for end in self._terminators)
            raise ProtocolError(
                f"{len(came)} bytes came without an end of line ({ends}): {came[:40]!r} …"
            )
        return lines

    def _continuations(self, end: bytes) -> list[bytes]:
        return [
            longer[len(end) :]
            for longer in self._terminators
            if longer != end and longer.startswith(end)
        ]
