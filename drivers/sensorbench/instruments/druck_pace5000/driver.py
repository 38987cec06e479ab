"""Druck PACE5000 pressure controller with one absolute module.

Source: Druck/GE PACE SCPI manual K0472 rev A (pages 4-17, 4-32, 4-87, 4-103) and EPICS-Pace5000,
pace5000Sup/pace5000.proto. Replies repeat their header on most firmware; both forms are read.
Everything on the wire is in PA: the unit is looked at before each number, and set if somebody
changed it at the front panel, so no factor stands between setpoint and wire.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from sensorbench.core.clock import Clock
from sensorbench.core.errors import InstrumentError, ProtocolError, SetpointError, WrongDevice
from sensorbench.core.provenance import Identity
from sensorbench.core.quantity import PRESSURE, Value
from sensorbench.instruments.members import number, setpoint
from sensorbench.instruments.telling import Held, Told
from sensorbench.links.line import Line, LineSettings
from sensorbench.protocols.scpi import (
    parse_flag,
    parse_identity,
    parse_number,
    pending_errors,
    send,
    show_number,
    without_echo,
)

_LEVEL = ":SOUR:PRES:LEV:IMM:AMPL"
_VENT = f"{_LEVEL}:VENT"
_OUTPUT = ":OUTP:STAT"
_VENTING = 1


class DruckPace5000:
    """Pressure controller; what the fitted module can do is read from it before each setpoint."""

    LINE: ClassVar[LineSettings] = LineSettings(timeout_s=3.0)

    # The family's modules reach 210 bar (data sheet, recalled); the rate is what a module keeps in
    # a small volume (recalled), and 0.001 % of 2 bar what the steadiest one keeps (recalled). Its
    # accuracy is the module's own: its certificate tells.
    pressure = setpoint["DruckPace5000"](
        PRESSURE,
        rated=(0.0, 21_000_000.0),
        fastest=10_000.0,
        settling_s=10.0,
        against="vacuum",
        steady=2.5,
    )

    def __init__(self, line: Line, clock: Clock) -> None:  # noqa: ARG002 - every driver alike
        self.name = line.name
        self._line = line

    def identify(self) -> Identity:
        """Read *IDN?. Raises ProtocolError if it is no PACE5000."""
        identity = parse_identity(self._line.query("*IDN?"))
        if not identity.model.upper().startswith("PACE5000"):
            raise WrongDevice(
                f"{self.name}: *IDN? says {identity}, expected a PACE5000; "
                "is this the right address?"
            )
        return identity

    def take(self) -> Sequence[str]:
        """Empty the error queue and return what an earlier program left in it."""
        return tuple(f"{code} {text}" for code, text in pending_errors(self._line))

    @pressure.go
    def _(self, target: Value, rate: float | None, limit: float | None) -> float:  # noqa: ARG002
        """Control to `target` without overshoot, at the slew rate or as fast as it can.

        Raises SetpointError beyond the fitted module, InstrumentError if refused.
        """
        target_pa = number(target)
        self._check_module(target_pa)
        # The rate must be in force before the pressure starts to move.
        send(self._line, ":SOUR:PRES:SLEW:OVER 0")
        if rate is None:
            send(self._line, ":SOUR:PRES:SLEW:MODE MAX")
        else:
            send(self._line, f":SOUR:PRES:SLEW {show_number(rate)}")
            send(self._line, ":SOUR:PRES:SLEW:MODE LIN")
        sent = show_number(target_pa)
        send(self._line, f"{_LEVEL} {sent}")
        send(self._line, f"{_OUTPUT} 1")
        return float(sent)

    @pressure.foresee
    def _(self, target: Value, limit: float | None) -> None:  # noqa: ARG002
        self._check_module(number(target))

    def _check_module(self, target_pa: float) -> None:
        low_pa, high_pa = self.read_range_pa()
        if not low_pa <= target_pa <= high_pa:
            raise SetpointError(
                f"{self.name}.pressure: {target_pa:g} Pa is outside {low_pa:g}..{high_pa:g} Pa of "
                "the fitted module; nothing was set"
            )

    @pressure.read
    def _(self) -> float:
        self._use_pascal()
        return parse_number(self._line.query(":SENS:PRES?"), ":SENS:PRES?")

    @pressure.told
    def _(self) -> Told:
        """Return the setpoint; None while it only measures, or vents."""
        if not parse_flag(self._line.query(f"{_OUTPUT}?"), f"{_OUTPUT}?"):
            return None
        self._use_pascal()
        command = f"{_LEVEL}?"
        return Held(parse_number(self._line.query(command), command))

    @pressure.release
    def _(self) -> None:
        self.make_safe()

    def read_range_pa(self) -> tuple[float, float]:
        """Return lowest and highest pressure of the fitted module, in Pa.

        Firmware that tells no lower end is taken to start at 0: that never allows too much.
        """
        self._use_pascal()
        command = ":INST:SENS:FULL?"
        reply = without_echo(self._line.query(command), command)
        high, *low = (parse_number(field, command) for field in reply.split(",", 1))
        return (low[0] if low else 0.0), high

    def in_limits(self) -> bool:
        """Return whether the pressure has been in the controller's own band for its own time."""
        command = ":SENS:PRES:INL?"
        reply = self._line.query(command)
        _pressure, comma, flag = without_echo(reply, command).partition(",")
        if not comma:
            raise ProtocolError(
                f"{self.name}: {command} answered {reply!r}, expected pressure, flag"
            )
        return parse_flag(flag, command)

    def is_venting(self) -> bool:
        """Return whether a vent is still in progress."""
        return self._vent_status() == _VENTING

    def make_safe(self) -> None:
        """Vent, whatever went before; returns when it has begun.

        Raises InstrumentError if the controller does not vent.
        """
        self._line.write("*CLS")  # older errors must not look like a refusal to vent
        send(self._line, f"{_VENT} 1")
        status = self._vent_status()
        if not status:
            raise InstrumentError(f"{_VENT} 1", status, "it does not vent; vent by hand")

    def shut_in(self) -> bool:
        """Stop controlling without venting, and return whether pressure is shut in.

        What vents already goes on. Raises InstrumentError if the controller goes on.
        """
        self._line.write("*CLS")
        if self._vent_status():
            return False
        send(self._line, f"{_OUTPUT} 0")
        if parse_flag(self._line.query(f"{_OUTPUT}?"), f"{_OUTPUT}?"):
            raise InstrumentError(f"{_OUTPUT} 0", 1, "it goes on controlling; switch it off")
        return True

    def _vent_status(self) -> int:
        return round(parse_number(self._line.query(f"{_VENT}?"), f"{_VENT}?"))

    def _use_pascal(self) -> None:
        if without_echo(self._line.query(":UNIT:PRES?"), ":UNIT:PRES?").upper() != "PA":
            send(self._line, ":UNIT:PRES PA")
