"""One module of a PACE, as the drivers of the series speak to it.

Sources: as `driver`. Everything on the wire is in PA: the unit is looked at before each number, and
set if somebody changed it at the front panel, so no factor stands between setpoint and wire.
"""

from __future__ import annotations

import math
import re
import threading
from collections.abc import Callable

from sensorbench.core.errors import InstrumentError, ProtocolError, SetpointError
from sensorbench.instruments.telling import Held, Told
from sensorbench.links.line import Line
from sensorbench.protocols.scpi import parse_flag, parse_number, send, show_number, without_echo

_VENTING = 1
_NEAR = 1e-3  # of a rate that is read back, which has fewer digits than what was sent
_ECHO = re.compile(r":[A-Z]+(\d?):", re.IGNORECASE)


class PaceChannel:
    """A module by its suffix in headers: "" for the first, "2" for the second.

    `range_pa` reads what the module can do; `sending` is held while a command and its errors
    travel, as the error queue is that of all modules.
    """

    def __init__(
        self,
        line: Line,
        name: str,
        suffix: str,
        range_pa: Callable[[PaceChannel], tuple[float, float]],
        sending: threading.RLock,
    ) -> None:
        self.name, self.suffix = name, suffix
        self._line, self._range_pa, self._sending = line, range_pa, sending
        self.source = f":SOUR{suffix}:PRES"
        self._level = f"{self.source}:LEV:IMM:AMPL"
        self._vent, self._output = f"{self._level}:VENT", f":OUTP{suffix}:STAT"

    def ask(self, command: str) -> str:
        """Return a reply. Raises ProtocolError where it repeats the header of another module."""
        reply = self._line.query(command)
        echo = _ECHO.match(reply.strip())
        if echo and (echo[1] or "1") != (self.suffix or "1"):
            raise ProtocolError(f"{self.name}: {command} answered {reply!r}: another module's")
        return reply

    def send(self, command: str) -> None:
        """Send a command and see that it was accepted."""
        with self._sending:
            send(self._line, command)

    def check(self, target_pa: float) -> None:
        """Raise SetpointError beyond the fitted module."""
        low_pa, high_pa = self._range_pa(self)
        if not low_pa <= target_pa <= high_pa:
            raise SetpointError(
                f"{self.name}: {target_pa:g} Pa is outside {low_pa:g}..{high_pa:g} Pa of "
                "the fitted module; nothing was set"
            )

    def go(self, target_pa: float, rate: float | None) -> float:
        """Control to a pressure without overshoot, at the slew rate or as fast as it can.

        Both are in Pa: so must the module be.
        """
        # The rate must be in force before the pressure starts to move.
        self.send(f"{self.source}:SLEW:OVER 0")
        if rate is None:
            self.send(f"{self.source}:SLEW:MODE MAX")
        else:
            self._slew_at(rate)
        sent = show_number(target_pa)
        self.send(f"{self._level} {sent}")
        self.send(f"{self._output} 1")
        return float(sent)

    def _slew_at(self, rate: float) -> None:
        """Set the slew rate and see that it is in force: a faster one would stress the parts."""
        slew, mode = f"{self.source}:SLEW", f"{self.source}:SLEW:MODE"
        self.send(f"{slew} {show_number(rate)}")
        self.send(f"{mode} LIN")
        held = parse_number(self.ask(f"{slew}?"), f"{slew}?")
        how = without_echo(self.ask(f"{mode}?"), f"{mode}?").upper()
        if not math.isclose(held, rate, rel_tol=_NEAR) or not how.startswith("LIN"):
            raise InstrumentError(
                f"{slew} {show_number(rate)}", f"{held:g} Pa/s, {how}", "it holds that slew rate "
                "instead: choose one that it takes. No pressure was set", self.name,
            )  # fmt: skip

    def read(self) -> float:
        """Return the measured pressure, Pa."""
        self.use_pascal()
        command = f":SENS{self.suffix}:PRES?"
        return parse_number(self.ask(command), command)

    def told(self) -> Told:
        """Return the setpoint; None while it only measures, or vents."""
        if not self.is_on():
            return None
        self.use_pascal()
        command = f"{self._level}?"
        return Held(parse_number(self.ask(command), command))

    def in_limits(self) -> bool:
        """Return whether the pressure has been in the module's own band for its own time."""
        command = f":SENS{self.suffix}:PRES:INL?"
        reply = self.ask(command)
        _pressure, comma, flag = without_echo(reply, command).partition(",")
        if not comma:
            raise ProtocolError(
                f"{self.name}: {command} answered {reply!r}, expected pressure, flag"
            )
        return parse_flag(flag, command)

    def is_on(self) -> bool:
        """Return whether it controls."""
        return parse_flag(self.ask(f"{self._output}?"), f"{self._output}?")

    def vent_status(self) -> int:
        """Return 0 for none, 1 for one in progress, 2 for a complete one."""
        return round(parse_number(self.ask(f"{self._vent}?"), f"{self._vent}?"))

    def is_venting(self) -> bool:
        """Return whether a vent is still in progress."""
        return self.vent_status() == _VENTING

    def vent(self) -> None:
        """Vent; returns when it has begun. Raises InstrumentError if it does not."""
        self.send(f"{self._vent} 1")
        status = self.vent_status()
        if not status:
            raise InstrumentError(f"{self._vent} 1", status, "it does not vent; vent by hand")

    def shut_in(self) -> bool:
        """Stop controlling without venting, and return whether pressure is shut in."""
        if self.vent_status():
            return False
        self.send(f"{self._output} 0")
        if self.is_on():
            raise InstrumentError(f"{self._output} 0", 1, "it goes on controlling; switch it off")
        return True

    def use_pascal(self) -> None:
        """Set the unit to Pa unless it is."""
        command = f":UNIT{self.suffix}:PRES?"
        if without_echo(self.ask(command), command).upper() != "PA":
            self.send(f":UNIT{self.suffix}:PRES PA")
