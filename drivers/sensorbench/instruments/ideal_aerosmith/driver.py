"""Ideal Aerosmith single-axis rate table, in Aerosmith Table Language over a serial line.

A command is three letters and its value without a blank, ended by CR. The table answers every one
with its prompt, CR LF > CR LF: alone after an action, after the value of a query (letters and `?`).
So the prompt is the end of a reply, and whatever stands before it after an action is a refusal.

Sources: a public client of the 1270VS and its tests (JOG in whole degrees a second to +-360, ACL,
SRV, STO, prompt, 9600 baud); that PVE? tells the velocity, that JOG? and SRV? tell what was set,
and the accuracy, are recalled: try them on your table before you rely on them. The rules:
- The table turns people's hands and cables: it is told to turn only with its servo on, by `go`.
- Stopping is believed when the encoder says so.
"""

from __future__ import annotations

import math
from typing import ClassVar

from sensorbench.core.clock import Clock
from sensorbench.core.errors import InstrumentError, ProtocolError, SetpointError
from sensorbench.core.provenance import Identity
from sensorbench.core.quantity import ANGULAR_RATE, Value
from sensorbench.core.units import Dimension, parse
from sensorbench.instruments.members import number, setpoint
from sensorbench.instruments.telling import Held, Told
from sensorbench.links.line import Line, LineSettings

_ACCELERATION_DEG_PER_S2 = 100.0
_STANDS_DEG_PER_S = 0.5
_LOOK_S, _PATIENCE_S = 0.2, 5.0
_NEAR = 1e-3  # of an acceleration that is read back; a table that takes whole ones rounds it down


class IdealAerosmith:
    """Rate table; `acceleration` is how it changes its rate ("50 deg/s2" for a heavy load).

    Raises ValueError for an acceleration that is not above 0 and at most 100 deg/s2.
    """

    LINE: ClassVar[LineSettings] = LineSettings(
        write_terminator="\r", read_terminator="\r\n>\r\n", timeout_s=3.0, baud_rate=9600
    )

    # The wire takes whole degrees a second. Rate accuracy over a turn 0.01 % (recalled), at 180.
    angular_rate = setpoint["IdealAerosmith"](
        ANGULAR_RATE, rated=(-360.0, 360.0), fastest=_ACCELERATION_DEG_PER_S2, settling_s=1.0,
        resolution=1.0, accuracy=0.02,
    )  # fmt: skip

    def __init__(self, line: Line, clock: Clock, *, acceleration: str = "100 deg/s2") -> None:
        self.name = line.name
        self._line = line
        self._clock = clock
        self._acceleration = parse(acceleration, Dimension.ANGULAR_ACCELERATION)
        if not 0 < self._acceleration <= _ACCELERATION_DEG_PER_S2:
            raise ValueError(
                f"{self.name}: acceleration {acceleration!r} must be above 0 and at most "
                f"{_ACCELERATION_DEG_PER_S2:g} deg/s2"
            )

    def identify(self) -> Identity:
        """Ask for the acceleration: a table tells neither model nor serial number.

        Raises ProtocolError if what answers is no table of this language.
        """
        self._ask("ACL")
        return Identity("Ideal Aerosmith", "rate table")

    @angular_rate.go
    def _(self, target: Value, rate: float | None, limit: float | None) -> float:  # noqa: ARG002
        """Turn at `target` deg/s, rounded to whole ones; `rate` is the acceleration, in deg/s2."""
        whole = round(number(target))
        acceleration = self._acceleration if rate is None else rate
        if not acceleration >= 1.0:
            raise SetpointError(
                f"{self.name}: an acceleration of {acceleration:g} deg/s2 is below 1 deg/s2; "
                "nothing was sent"
            )
        # The acceleration must be in force before the rate changes.
        self._do(f"ACL{acceleration:g}")
        held = self._ask("ACL")
        if not acceleration - 1.0 < held <= acceleration * (1 + _NEAR):
            raise InstrumentError(
                f"ACL{acceleration:g}", f"{held:g} deg/s2", "it holds that acceleration instead: "
                "ask for one that it takes. It was not told to turn", self.name,
            )  # fmt: skip
        self._do("SRV1")
        self._do(f"JOG{whole}")
        return float(whole)

    @angular_rate.read
    def _(self) -> float:
        """Return the rate by the encoder, in deg/s."""
        return self._ask("PVE")

    @angular_rate.told
    def _(self) -> Told:
        """Return the rate that it was told; None with its servo off."""
        return Held(self._ask("JOG")) if self._ask("SRV") else None

    @angular_rate.release
    def _(self) -> None:
        """Stop turning; the servo holds the table where it stands."""
        self._do("STO")

    def make_safe(self) -> None:
        """Stop turning, whatever went before, and see that the table stands.

        Raises InstrumentError if it goes on.
        """
        self._do("STO")
        rate = self._ask("PVE")
        slowing_s = abs(rate) / max(1.0, self._ask("ACL"))
        deadline = self._clock.now() + slowing_s + _PATIENCE_S
        while abs(rate) > _STANDS_DEG_PER_S:
            if self._clock.now() > deadline:
                raise InstrumentError(
                    "STO", f"{rate:g} deg/s", "the table still turns; press its emergency stop"
                )
            self._clock.sleep(_LOOK_S)
            rate = self._ask("PVE")

    def _do(self, command: str) -> None:
        """Send an action. Raises InstrumentError if anything but the prompt comes back."""
        reply = _without_echo(self._line.query(command), command)
        if reply:
            raise InstrumentError(command, reply, "")

    def _ask(self, mnemonic: str) -> float:
        """Return the number that answers a query. Raises ProtocolError for anything else."""
        command = f"{mnemonic}?"
        reply = _without_echo(self._line.query(command), command)
        try:
            value = float(reply)
        except ValueError:
            value = math.nan
        if not math.isfinite(value):
            raise ProtocolError(
                f"{self.name}: {command!r} answered {reply!r}, expected a number; is this an "
                "Aerosmith table, at the right baud rate?"
            )
        return value


def _without_echo(reply: str, command: str) -> str:
    """Return a reply without the command that a terminal mode repeats.

    >>> _without_echo("PVE?\\r\\n59.998", "PVE?"), _without_echo("", "STO")
    ('59.998', '')
    """
    return reply.strip().removeprefix(command).strip()
