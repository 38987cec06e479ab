"""Lines of the F4T's SCPI as its driver writes and reads them; no link, no clock.

Sources: as `over_scpi`. A reply may come behind blank lines, with which commands are answered, and
behind a line that refuses one: `Inbound SCPI ERROR: ...`.
"""

from __future__ import annotations

from sensorbench.core.errors import InstrumentError, ProtocolError

_REFUSED = b"Inbound SCPI ERROR"
_LONGEST = 1024


def command(text: str) -> bytes:
    """Return a command or a query as it travels."""
    return text.encode("ascii") + b"\n"


def unanswered(received: bytes) -> int:  # noqa: ARG001 - whatever comes is not waited for
    """Return that nothing is awaited."""
    return 0


class Reply:
    """The reply to one query, as it comes in; `refusal` is what refused something before it."""

    def __init__(self, query: str) -> None:
        self.query, self.refusal = query, ""

    def length_of(self, received: bytes) -> int | None:
        """Return how many bytes there are up to the end of the reply, None until it is there.

        Raises ProtocolError for what has no end.

        >>> Reply(":UNIT:TEMPERATURE?").length_of(b"\\r\\nC\\nrest")
        4
        """
        begins, self.refusal = 0, ""
        while (ends := received.find(b"\n", begins)) >= 0:
            line = received[begins:ends].strip()
            begins = ends + 1
            if line.startswith(_REFUSED):
                self.refusal = line.decode("ascii", "replace")
            elif line:
                return begins
        if len(received) > _LONGEST:
            raise ProtocolError(
                f"{self.query!r} was answered by more than {_LONGEST} bytes and no line: is this "
                "port 5025?"
            )
        return None

    def text(self, received: bytes) -> str:
        """Return the reply. Raises InstrumentError where something was refused before it.

        ProtocolError where it is no text.

        >>> Reply(":UNIT:TEMPERATURE?").text(b"\\r\\nC\\n")
        'C'
        """
        self.require_none_refused()
        line = received.strip().split(b"\n")[-1].strip()
        if not line.isascii() or not line.decode("ascii").isprintable():
            raise ProtocolError(f"{self.query!r} answered {line!r}, which is no text")
        return line.decode("ascii")

    def require_none_refused(self) -> None:
        """Raise InstrumentError where a line said that something was refused."""
        if self.refusal:
            raise InstrumentError(self.query, "SCPI error", self.refusal)
