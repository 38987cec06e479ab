"""Druck PACE5000 pressure controller with one absolute module.

Source: Druck/GE PACE SCPI manual K0472 rev A (pages 4-17, 4-32, 4-87, 4-103) and EPICS-Pace5000,
pace5000Sup/pace5000.proto. Replies repeat their header on most firmware; both forms are read.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import ClassVar

from sensorbench.core.clock import Clock
from sensorbench.core.errors import WrongDevice
from sensorbench.core.provenance import Identity
from sensorbench.core.quantity import PRESSURE, Value
from sensorbench.instruments.druck_pace5000.channel import PaceChannel
from sensorbench.instruments.members import number, setpoint
from sensorbench.instruments.telling import Told
from sensorbench.links.line import Line, LineSettings
from sensorbench.protocols.scpi import (
    parse_identity,
    parse_number,
    pending_errors,
    without_echo,
)


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
        self._module = PaceChannel(line, f"{line.name}.pressure", "", _range_pa, threading.RLock())

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
        self._module.check(number(target))  # in Pa from here on
        return self._module.go(number(target), rate)

    @pressure.foresee
    def _(self, target: Value, limit: float | None) -> None:  # noqa: ARG002
        self._module.check(number(target))

    @pressure.read
    def _(self) -> float:
        return self._module.read()

    @pressure.told
    def _(self) -> Told:
        """Return the setpoint; None while it only measures, or vents."""
        return self._module.told()

    @pressure.release
    def _(self) -> None:
        self.make_safe()

    def read_range_pa(self) -> tuple[float, float]:
        """Return lowest and highest pressure of the fitted module, in Pa.

        Firmware that tells no lower end is taken to start at 0: that never allows too much.
        """
        return _range_pa(self._module)

    def in_limits(self) -> bool:
        """Return whether the pressure has been in the controller's own band for its own time."""
        return self._module.in_limits()

    def is_venting(self) -> bool:
        """Return whether a vent is still in progress."""
        return self._module.is_venting()

    def make_safe(self) -> None:
        """Vent, whatever went before; returns when it has begun.

        Raises InstrumentError if the controller does not vent.
        """
        self._line.write("*CLS")  # older errors must not look like a refusal to vent
        self._module.vent()

    def shut_in(self) -> bool:
        """Stop controlling without venting, and return whether pressure is shut in.

        What vents already goes on. Raises InstrumentError if the controller goes on.
        """
        self._line.write("*CLS")
        return self._module.shut_in()


def _range_pa(module: PaceChannel) -> tuple[float, float]:
    module.use_pascal()
    command = ":INST:SENS:FULL?"
    reply = without_echo(module.ask(command), command)
    high, *low = (parse_number(field, command) for field in reply.split(",", 1))
    return (low[0] if low else 0.0), high
