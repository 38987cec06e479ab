"""Cut a stream of bytes into lines, however the packets were split."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

LONGEST_LINE = 64 * 1024
_SHOWN = 40


@dataclass(frozen=True, slots=True)
class Overrun:
    """Stands where a line was longer than `LONGEST_LINE`: it `begins` so, all of it is lost."""

    begins: bytes


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
        self._longest_end = len(self._terminators[0])
        self._end = re.compile(b"|".join(map(re.escape, self._terminators)))
        self._buffer = b""
        self._rests: list[bytes] = []
        self._is_overrun = False

    def feed(self, data: bytes) -> list[bytes | Overrun]:
        """Take the next bytes and return the lines they complete, without their terminators.

        A line that is too long is an `Overrun` as soon as it is; what follows of it, up to its
        terminator, is passed over.
        """
        # After CR at the end of a packet the line is given out at once; an LF that then starts the
        # next packet belongs to it and is no empty line.
        rest = next((rest for rest in self._rests if data.startswith(rest)), b"")
        self._rests = []
        data = self._buffer + data[len(rest) :]
        lines: list[bytes | Overrun] = []
        start = 0
        for found in self._end.finditer(data):
            if found.end() == len(data):
                self._rests = self._continuations(found[0])
            line, start = data[start : found.start()], found.end()
            if self._is_overrun:
                self._is_overrun = False
            elif len(line) > LONGEST_LINE:
                lines.append(Overrun(line[:_SHOWN]))
            else:
                lines.append(line)
        self._buffer = data[start:]
        if self._is_overrun:
            self._buffer = self._buffer[-self._longest_end :]  # a terminator may have begun
        elif len(self._buffer) > LONGEST_LINE:
            lines.append(Overrun(self._buffer[:_SHOWN]))
            self._is_overrun, self._buffer = True, self._buffer[-self._longest_end :]
        return lines

    def _continuations(self, end: bytes) -> list[bytes]:
        return [
            longer[len(end) :]
            for longer in self._terminators
            if longer != end and longer.startswith(end)
        ]
