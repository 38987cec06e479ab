"""A line without a wire: it hands each line to a twin, in the caller's thread and in no time."""

from __future__ import annotations

import threading
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from sensorbench.core.errors import LinkClosed, LinkTimeout, ProtocolError
from sensorbench.core.provenance import Provenance
from sensorbench.links.line import FrameLength, LineSettings, LineTwin, Medium

if TYPE_CHECKING:
    from typing import Self


class InProcessLine:
    """A `Line` to a twin, for virtual time: an answer is there at once or never.

    Terminators count as on a wire. A driver whose lines the twin would not see as lines is refused
    (ValueError), and a reply that does not end as the driver expects is a time-out. A twin without
    terminators takes what travels, a line with its terminator or a frame. `world` is held
    while the twin acts: that of the world which it shares with others.
    """

    provenance = Provenance.SIMULATED
    medium: Medium = "serial"

    def __init__(
        self,
        twin: LineTwin,
        settings: LineSettings,
        name: str,
        world: AbstractContextManager[object] | None = None,
    ) -> None:
        end = settings.write_terminator.encode(settings.encoding)
        if twin.terminators and end not in twin.terminators:
            raise ValueError(
                f"{name}: the driver ends its lines with {end!r}, "
                f"the twin takes {' or '.join(map(repr, twin.terminators))}"
            )
        self.name = name
        self._twin = twin
        self._encoding = settings.encoding
        self._write_end = settings.write_terminator
        self._read_end = settings.read_terminator.encode(settings.encoding)
        self._lock = threading.Lock()
        self._world = world
        self._closed = False

    def write(self, line: str) -> None:
        """Send one line; a reply to it is dropped, as a wire would before the next query."""
        self._handle(line)

    def query(self, line: str, timeout_s: float | None = None) -> str:  # noqa: ARG002 - virtual time
        """Send one line and return the reply without its terminator.

        Raises LinkTimeout at once if the twin gives none, ProtocolError if it is no text.
        """
        reply = self._handle(line)
        if reply is None:
            raise LinkTimeout(
                f"{self.name}: no answer to {line!r}. In virtual time nothing can be late: "
                "the twin does not answer this line"
            )
        if not self._read_end:
            raise ValueError(f"{self.name}: {line!r} is a line, and frames alone travel here")
        text, end, _ = (reply + self._twin.reply_terminator).partition(self._read_end)
        if not end:
            raise LinkTimeout(
                f"{self.name}: the answer to {line!r} ends in {self._twin.reply_terminator!r}, "
                f"the driver waits for {self._read_end!r}"
            )
        try:
            return text.decode(self._encoding)
        except UnicodeDecodeError:
            raise ProtocolError(
                f"{self.name}: the answer to {line!r} is not {self._encoding} text: {text!r}"
            ) from None

    def exchange(
        self,
        frame: bytes,
        length_of: FrameLength,
        timeout_s: float | None = None,  # noqa: ARG002 - virtual time
    ) -> bytes:
        """Send a frame and return the first frame of what comes back.

        Raises LinkTimeout at once if that is no whole frame, and what `length_of` raises.
        """
        reply = self._pass_on(frame) or b""
        length = length_of(reply)
        if length is None or length > len(reply):
            raise LinkTimeout(
                f"{self.name}: no complete answer to {frame.hex()}: came {reply.hex() or 'nothing'}"
            )
        return reply[:length]

    def _handle(self, line: str) -> bytes | None:
        if self._write_end and self._write_end in line:
            raise ValueError(f"{self.name}: {line!r} is more than one line")
        is_raw = not self._twin.terminators
        return self._pass_on((line + self._write_end * is_raw).encode(self._encoding))

    def _pass_on(self, data: bytes) -> bytes | None:
        if self._closed:
            raise LinkClosed(f"{self.name}: the link was closed by this program")
        with self._lock:
            if self._world is None:
                return self._twin.handle(data)
            with self._world:
                return self._twin.handle(data)

    def pause_at_least(self, seconds: float) -> None:
        """Pause for nobody: an exchange takes no time here."""

    def close(self) -> None:
        """Let the twin go. Closing twice is fine."""
        self._closed = True

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
