"""A sensor's serial line as the suite needs it: what travels is noted, and can be spoiled."""

from __future__ import annotations

from collections.abc import Callable

from sensorbench.links.line import LineTwin

Spoil = Callable[[bytes, bytes | None], bytes | None]
"""Returns what comes back instead, of what was sent and what the twin answered."""


def as_it_is(_: bytes, reply: bytes | None) -> bytes | None:
    """Spoil nothing."""
    return reply


class TappedTwin:
    """A twin on its line: a LineTwin."""

    def __init__(self, twin: LineTwin) -> None:
        self.terminators, self.reply_terminator = twin.terminators, twin.reply_terminator
        self.sent: list[bytes] = []
        self.replies: list[bytes] = []
        self.spoil: Spoil = as_it_is
        self._twin = twin

    def handle(self, line: bytes) -> bytes | None:
        """Note and hand on what came; return the answer, spoiled."""
        self.sent.append(line)
        reply = self._twin.handle(line)
        self.reply_terminator = self._twin.reply_terminator
        if reply is not None:
            self.replies.append(reply)
        return self.spoil(line, reply)


def stranger(byte: int) -> Spoil:
    """Return what answers one byte throughout, whatever it is asked."""
    return lambda _, __: bytes([byte]) * 64
