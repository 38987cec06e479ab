"""Numato Lab USB relay module: four contacts behind a serial port.

A command ends in CR. The module echoes it, answers on a line of its own if there is an answer, and
then sends its prompt, `>`, which is the end of every reply. The echo is compared: it tells a reply
from the rest of somebody else's.
Sources: Numato Lab's demonstration program (`relay on 0`, `relay read 0`, echo, prompt) and public
clients; `ver` and `id get` recalled. Any baud rate will do: it is a USB port.
"""

from __future__ import annotations

from functools import partial
from typing import ClassVar

from sensorbench.core.clock import Clock
from sensorbench.core.errors import InstrumentError, ProtocolError
from sensorbench.core.provenance import Identity
from sensorbench.instruments.members import switch
from sensorbench.instruments.trying import try_each
from sensorbench.links.line import Line, LineSettings

_STATES = {"on": True, "off": False}


class NumatoRelay:
    """Contacts k1 to k4; closed is the relay's own pulled state, open its rest."""

    LINE: ClassVar[LineSettings] = LineSettings(
        write_terminator="\r", read_terminator=">", timeout_s=1.0, baud_rate=9600
    )
    CONTACTS: ClassVar[tuple[str, ...]] = ("k1", "k2", "k3", "k4")

    k1 = switch["NumatoRelay"]()
    k2 = switch["NumatoRelay"]()
    k3 = switch["NumatoRelay"]()
    k4 = switch["NumatoRelay"]()

    def __init__(self, line: Line, clock: Clock) -> None:  # noqa: ARG002 - every driver alike
        self.name = line.name
        self._line = line

    def identify(self) -> Identity:
        """Read firmware and the number that its owner gave it; a module tells no model.

        Raises ProtocolError if what answers is no such module.
        """
        return Identity("Numato Lab", "relay module", self._ask("id get"), self._ask("ver"))

    @k1.turn
    def _(self, closed: bool) -> None:
        self._turn(0, closed)

    @k2.turn
    def _(self, closed: bool) -> None:
        self._turn(1, closed)

    @k3.turn
    def _(self, closed: bool) -> None:
        self._turn(2, closed)

    @k4.turn
    def _(self, closed: bool) -> None:
        self._turn(3, closed)

    def is_closed(self, contact: str) -> bool:
        """Return whether a relay is pulled. Raises ValueError for a contact that is not there."""
        return self._is_on(self.CONTACTS.index(contact))

    def make_safe(self) -> None:
        """Open all contacts and see that they are; each is tried, whatever happens with another.

        Raises InstrumentError naming what stays closed, TransportError where it does not answer.
        """
        opens = {
            contact: partial(self._turn, relay, closed=False)
            for relay, contact in enumerate(self.CONTACTS)
        }
        try_each(opens, "relay off", "Unplug the module")

    def _turn(self, relay: int, closed: bool) -> None:
        """Switch a relay, and see that it is. Raises InstrumentError if it is not."""
        command = f"relay {'on' if closed else 'off'} {relay}"
        reply = self._exchange(command)
        if reply:
            raise InstrumentError(command, reply, "")
        if self._is_on(relay) is not closed:
            raise InstrumentError(
                command, "not done", f"{self.CONTACTS[relay]} of {self.name} did not switch"
            )

    def _is_on(self, relay: int) -> bool:
        command = f"relay read {relay}"
        reply = self._exchange(command)
        if reply not in _STATES:
            raise ProtocolError(f"{self.name}: {command!r} answered {reply!r}, expected on or off")
        return _STATES[reply]

    def _ask(self, command: str) -> str:
        reply = self._exchange(command)
        if not reply:
            raise ProtocolError(f"{self.name}: {command!r} was not answered")
        return reply

    def _exchange(self, command: str) -> str:
        """Return what stands between the echo and the prompt, "" for nothing."""
        raw = self._line.query(command)
        echo, *rest = raw.split("\n", 1)
        if echo.strip() != command:
            raise ProtocolError(
                f"{self.name}: {command!r} was answered {raw!r}, without its echo. Is it a Numato "
                "module, and does no other program use its port?"
            )
        return rest[0].strip() if rest else ""
