"""Druck PACE5000 pressure controller with one module.

Source: Druck/GE PACE SCPI manual K0472 rev A (pages 4-17, 4-32, 4-87, 4-103) and EPICS-Pace5000,
pace5000Sup/pace5000.proto. Replies repeat their header on most firmware; both forms are read.
"""

from __future__ import annotations

from typing import ClassVar

from sensorbench.core.clock import Clock
from sensorbench.core.errors import InstrumentError, ProtocolError
from sensorbench.core.provenance import Identity
from sensorbench.instruments.ranges import Range, check_positive
from sensorbench.links.line import Line, LineSettings
from sensorbench.protocols.scpi import (
    parse_flag,
    parse_identity,
    parse_number,
    send,
    show_number,
    without_echo,
)

_VENT = ":SOUR:PRES:LEV:IMM:AMPL:VENT"
_VENTING = 1


class DruckPace5000:
    """Pressure controller; pressures in Pa, gauge or absolute as the fitted module is.

    Everything on the wire is in PA: the unit is looked at before each number, and set if somebody
    changed it at the front panel, so no factor stands between setpoint and wire.
    """

    LINE: ClassVar[LineSettings] = LineSettings(timeout_s=3.0)
    # Ranges of the module family, -1 bar gauge to 210 bar (data sheet, recalled); what the fitted
    # module can do is read from it.
    RATED_PA: ClassVar[tuple[float, float]] = (-100_000.0, 21_000_000.0)

    def __init__(
        self,
        line: Line,
        clock: Clock,  # noqa: ARG002 - every driver is made alike
        *,
        limits_pa: tuple[float, float] | None = None,
    ) -> None:
        self._line = line
        self._name = f"{line.name}: pressure"
        self._allowed = Range(self._name, *self.RATED_PA, "Pa").narrowed(limits_pa)

    def identify(self) -> Identity:
        """Read *IDN?. Raises ProtocolError if it is no PACE5000."""
        identity = parse_identity(self._line.query("*IDN?"))
        if not identity.model.upper().startswith("PACE5000"):
            raise ProtocolError(
                f"{self._line.name}: *IDN? says {identity}, expected a PACE5000; "
                "is this the right address?"
            )
        return identity

    def read_range_pa(self) -> tuple[float, float]:
        """Return lowest and highest pressure of the fitted module, in Pa.

        Firmware that tells no lower end is taken to start at 0: that never allows too much.
        """
        self._use_pascal()
        command = ":INST:SENS:FULL?"
        reply = without_echo(self._line.query(command))
        high, *low = (parse_number(field, command) for field in reply.split(",", 1))
        return (low[0] if low else 0.0), high

    def set_pressure(self, setpoint_pa: float, slew_pa_per_s: float | None = None) -> None:
        """Control to `setpoint_pa`, at most at the slew rate, without overshoot.

        Returns once the controller has accepted it, not reached it. Raises SetpointError outside
        the allowed range or that of the fitted module, InstrumentError if refused.
        """
        self._allowed.check(setpoint_pa)
        if slew_pa_per_s is not None:
            check_positive(f"{self._line.name}: slew", slew_pa_per_s, float("inf"), "Pa/s")
        Range(self._name, *self.read_range_pa(), "Pa").check(setpoint_pa)
        # The rate must be in force before the pressure starts to move.
        send(self._line, ":SOUR:PRES:SLEW:OVER 0")
        if slew_pa_per_s is None:
            send(self._line, ":SOUR:PRES:SLEW:MODE MAX")
        else:
            send(self._line, f":SOUR:PRES:SLEW {show_number(slew_pa_per_s)}")
            send(self._line, ":SOUR:PRES:SLEW:MODE LIN")
        send(self._line, f":SOUR:PRES:LEV:IMM:AMPL {show_number(setpoint_pa)}")
        send(self._line, ":OUTP:STAT 1")

    def read_pressure_pa(self) -> float:
        """Return the measured pressure in Pa."""
        self._use_pascal()
        return parse_number(self._line.query(":SENS:PRES?"), ":SENS:PRES?")

    def read_setpoint_pa(self) -> float:
        """Return the setpoint in Pa."""
        self._use_pascal()
        command = ":SOUR:PRES:LEV:IMM:AMPL?"
        return parse_number(self._line.query(command), command)

    def in_limits(self) -> bool:
        """Return whether the pressure has been in the controller's own band for its own time."""
        command = ":SENS:PRES:INL?"
        reply = self._line.query(command)
        _pressure, comma, flag = without_echo(reply).partition(",")
        if not comma:
            raise ProtocolError(
                f"{self._line.name}: {command} answered {reply!r}, expected pressure, flag"
            )
        return parse_flag(flag, command)

    def vent(self) -> None:
        """Open the line to the room; returns when venting has begun."""
        send(self._line, f"{_VENT} 1")

    def is_venting(self) -> bool:
        """Return whether a vent is still in progress."""
        return self._vent_status() == _VENTING

    def make_safe(self) -> None:
        """Vent, whatever went before; the caller waits until `is_venting` is False.

        Raises InstrumentError if the controller does not vent.
        """
        self._line.write("*CLS")  # older errors must not look like a refusal to vent
        self.vent()
        status = self._vent_status()
        if not status:
            raise InstrumentError(f"{_VENT} 1", status, "it does not vent; vent by hand")

    def _vent_status(self) -> int:
        return round(parse_number(self._line.query(f"{_VENT}?"), f"{_VENT}?"))

    def _use_pascal(self) -> None:
        if without_echo(self._line.query(":UNIT:PRES?")).upper() != "PA":
            send(self._line, ":UNIT:PRES PA")
