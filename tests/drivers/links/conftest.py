"""A twin small enough to see through, for the tests of links and mounts."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest


class EchoTwin:
    """Answers `X?` with `re: X`, keeps other lines, and notices two callers at a time."""

    def __init__(
        self,
        terminators: tuple[bytes, ...] = (b"\n", b"\r\n"),
        reply_terminator: bytes = b"\n",
    ) -> None:
        self.terminators = terminators
        self.reply_terminator = reply_terminator
        self.lines: list[bytes] = []
        self.overlaps = 0
        self._busy = threading.Lock()

    def handle(self, line: bytes) -> bytes | None:
        if not self._busy.acquire(blocking=False):
            self.overlaps += 1
            return b"two callers at a time"
        try:
            self.lines.append(line)
            if line == b"BROKEN?":
                raise NotImplementedError("not modelled")
            if line == b"GARBAGE?":
                return b"\xff\xfe"
            return b"re: " + line[:-1] if line.endswith(b"?") else None
        finally:
            self._busy.release()


@pytest.fixture
def twin() -> EchoTwin:
    return EchoTwin()


@pytest.fixture
def make_twin() -> Callable[..., EchoTwin]:
    return EchoTwin
