"""Druck PACE6000 pressure controller: two control modules, each with a line and units of its own.

Sources: K0472 rev A as the PACE5000's driver; suffixes of both modules: bliss (ESRF), pace.py, and
two public clients. The rules beside those of the PACE5000:
- Each module has its own unit (`UNIT2`), slew, output and vent; a reply that repeats the other
  module's header is an error.
- What a module can do, and against what it measures, its range says: "2.00bara". One that is in a
  gauge range ("2.00barg") is neither read nor set, as its numbers count from the room's pressure.
- Errors are in one queue: a command and its errors travel as one piece.
- Making safe vents both, whatever fails with one.
Sessions: not known, so one. Reading the error queue empties it; a watchdog of its own is not known.
Recalled: that it names itself Pace6000 as a PACE5000 does; rate and steadiness, as there. Accuracy
is the module's own, 0.005 to 0.02 % of reading and of range (recalled): its certificate tells.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Sequence
from typing import ClassVar

from sensorbench.core.clock import Clock
from sensorbench.core.errors import BenchError, ProtocolError, WrongDevice
from sensorbench.core.provenance import Identity
from sensorbench.core.quantity import PRESSURE, Value
from sensorbench.core.units import Dimension
from sensorbench.instruments.druck_pace5000.channel import PaceChannel
from sensorbench.instruments.members import number, setpoint
from sensorbench.instruments.telling import Told
from sensorbench.links.line import Line, LineSettings
from sensorbench.protocols.scpi import parse_identity, pending_errors, without_echo

_SUFFIXES = {1: "", 2: "2"}
_RANGE = re.compile(r'("?)(\d+(?:\.\d+)?)([A-Za-z]+?)([ag])\1')


def _pressure(module: int) -> setpoint[DruckPace6000]:
    """Declare a module."""
    member = setpoint["DruckPace6000"](
        PRESSURE,
        rated=(0.0, 21_000_000.0),
        fastest=10_000.0,
        settling_s=10.0,
        against="vacuum",
        steady=2.5,
    )

    @member.go
    def _(self: DruckPace6000, target: Value, rate: float | None, limit: float | None) -> float:  # noqa: ARG001
        one = self.module(module)
        one.check(number(target))
        one.use_pascal()
        return one.go(number(target), rate)

    @member.foresee
    def _(self: DruckPace6000, target: Value, limit: float | None) -> None:  # noqa: ARG001
        self.module(module).check(number(target))

    @member.read
    def _(self: DruckPace6000) -> float:
        _range_pa(self.module(module))
        return self.module(module).read()

    @member.told
    def _(self: DruckPace6000) -> Told:
        return self.module(module).told()

    @member.release
    def _(self: DruckPace6000) -> None:
        self.take()  # older errors must not look like a refusal to vent
        self.module(module).vent()

    return member


class DruckPace6000:
    """Two pressure controllers in one; what a module can do is read before each setpoint."""

    LINE: ClassVar[LineSettings] = LineSettings(timeout_s=3.0)

    pressure1, pressure2 = (_pressure(module) for module in _SUFFIXES)

    def __init__(self, line: Line, clock: Clock) -> None:  # noqa: ARG002 - every driver alike
        self.name = line.name
        self._line = line
        sending = threading.RLock()
        self._modules = [
            PaceChannel(line, f"{line.name}.pressure{one}", suffix, _range_pa, sending)
            for one, suffix in _SUFFIXES.items()
        ]

    def module(self, module: int) -> PaceChannel:
        """Return a module, 1 or 2."""
        return self._modules[module - 1]

    def identify(self) -> Identity:
        """Read *IDN?. Raises WrongDevice if it is no PACE6000."""
        identity = parse_identity(self._line.query("*IDN?"))
        if not identity.model.upper().startswith("PACE6000"):
            raise WrongDevice(
                f"{self.name}: *IDN? says {identity}, expected a PACE6000; "
                "is this the right address?"
            )
        return identity

    def take(self) -> Sequence[str]:
        """Empty the error queue and return what an earlier program left in it."""
        return tuple(f"{code} {text}" for code, text in pending_errors(self._line))

    def make_safe(self) -> None:
        """Vent both modules, whatever went before and fails; returns when that has begun.

        Raises the first error.
        """
        self._each(PaceChannel.vent)

    def shut_in(self) -> bool:
        """Stop controlling without venting, and return whether pressure is shut in somewhere.

        What vents already goes on. Tries both; raises the first error.
        """
        return any(self._each(PaceChannel.shut_in))

    def _each(self, act: Callable[[PaceChannel], bool | None]) -> list[bool | None]:
        """Do it with both modules; raise the first error once both were tried."""
        self._line.write("*CLS")  # older errors must not look like a refusal
        done: list[bool | None] = []
        failed: list[BenchError] = []
        for one in self._modules:
            try:
                done.append(act(one))
            except BenchError as error:
                failed.append(error)
        if failed:
            raise failed[0]
        return done


def _range_pa(module: PaceChannel) -> tuple[float, float]:
    """Return what a module's range allows, Pa. Raises ProtocolError for a gauge range."""
    command = f"{module.source}:RANG?"
    text = without_echo(module.ask(command), command).strip()
    found = _RANGE.fullmatch(text)
    scale = None if found is None else Dimension.PRESSURE.scale(found[3])
    if found is None or scale is None:
        raise ProtocolError(
            f'{module.name}: {command} answered {text!r}, expected a range as "2.00bara"'
        )
    if found[4] == "g":
        raise ProtocolError(
            f"{module.name}: its range {text} is gauge, and counts from the room's pressure: "
            "choose an absolute range at the panel"
        )
    return 0.0, float(found[2]) * scale.factor
