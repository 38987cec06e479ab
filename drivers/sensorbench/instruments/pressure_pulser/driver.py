"""PP1 pressure pulser: steps and waves of absolute pressure. Source: PP1 data sheet 1.0.

The rules:
- The slew rate goes before the setpoint and the setpoint before the valve: the outlet never moves
  at an older rate, nor towards an older pressure.
- A wave is one command, taken whole or not at all.
- A trip is never cleared from here: somebody looks first.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import ClassVar

from sensorbench.core.clock import Clock
from sensorbench.core.errors import InstrumentError, ProtocolError, SetpointError, WrongDevice
from sensorbench.core.provenance import Identity
from sensorbench.core.quantity import PRESSURE, Value
from sensorbench.instruments.members import Band, number, setpoint
from sensorbench.instruments.telling import Held, Shape, Swing, Told
from sensorbench.links.line import Line, LineSettings
from sensorbench.protocols.scpi import (
    parse_flag,
    parse_identity,
    parse_number,
    pending_errors,
    send,
    show_number,
)

_LEVEL, _PROTECTION = ":SOUR:PRES", ":SOUR:PRES:PROT"
_LEAST_PROTECTION_PA = 120_000.0
_PERIODS_S = (0.2, 1000.0)
_SHAPES: dict[Shape, str] = {"square": "SQU", "sine": "SIN"}


class PressurePulser:
    """One outlet, 0 to 1 MPa absolute, steps within 0.1 s, waves down to a period of 0.2 s."""

    LINE: ClassVar[LineSettings] = LineSettings(timeout_s=3.0)

    # 0.01 % FS + 0.01 % of the reading, at 0.5 MPa.
    pressure = setpoint["PressurePulser"](
        PRESSURE,
        rated=(0.0, 1_000_000.0),
        fastest=1_000_000.0,
        settling_s=0.2,
        resolution=1.0,
        accuracy=150.0,
        steady=20.0,
        against="vacuum",
        fastest_wave=_PERIODS_S[0],
        slowest_wave=_PERIODS_S[1],
        seconds=0.01,
    )

    def __init__(self, line: Line, clock: Clock) -> None:  # noqa: ARG002 - every driver alike
        self.name = line.name
        self._line = line

    def identify(self) -> Identity:
        """Read *IDN?. Raises ProtocolError if it is no PP1."""
        identity = parse_identity(self._line.query("*IDN?"))
        if identity.model != "PP1":
            raise WrongDevice(
                f"{self.name}: *IDN? says {identity}, expected a PP1; is this the right address?"
            )
        return identity

    def take(self) -> Sequence[str]:
        """Empty the error queue and return what an earlier program left in it."""
        return tuple(f"{code} {text}" for code, text in pending_errors(self._line))

    @pressure.go
    def _(self, target: Value, rate: float | None, limit: float | None) -> float:  # noqa: ARG002
        """Go to a steady pressure, at the slew rate or as fast as the valve; ends a wave.

        Raises InstrumentError above its protection, or after a trip.
        """
        sent = f"{number(target):.0f}"
        send(self._line, f"{_LEVEL}:SLEW {'MAX' if rate is None else show_number(rate)}")
        if rate is not None:
            held = parse_number(self._line.query(f"{_LEVEL}:SLEW?"), f"{_LEVEL}:SLEW?")
            if not math.isclose(held, rate, rel_tol=1e-6):
                raise InstrumentError(
                    f"{_LEVEL}:SLEW {show_number(rate)}", f"{held:g} Pa/s",
                    "it holds that slew rate instead. No pressure was set", self.name,
                )  # fmt: skip
        send(self._line, f"{_LEVEL} {sent}")
        send(self._line, ":OUTP 1")
        return float(sent)

    @pressure.read
    def _(self) -> float:
        return parse_number(self._line.query(":MEAS:PRES?"), ":MEAS:PRES?")

    @pressure.told
    def _(self) -> Told:
        """Return the setpoint or the wave; None while the valve is closed, or it vents."""
        if not parse_flag(self._line.query(":OUTP?"), ":OUTP?"):
            return None
        command = f"{_LEVEL}:WAVE?"
        reply = self._line.query(command).strip()
        if reply == "NONE":
            return Held(parse_number(self._line.query(f"{_LEVEL}?"), f"{_LEVEL}?"))
        word, *numbers = reply.split(",")
        shape = next((shape for shape, known in _SHAPES.items() if known == word), None)
        if shape is None or len(numbers) != 3:
            raise ProtocolError(
                f"{self.name}: {command} answered {reply!r}, expected NONE or shape,low,high,period"
            )
        low, high, period_s = (parse_number(field, command) for field in numbers)
        return Swing(low, high, period_s, shape)

    @pressure.release
    def _(self) -> None:
        self.make_safe()

    @pressure.wave
    def _(self, low: float, high: float, period_s: float, shape: Shape) -> None:
        """Start a wave. Raises SetpointError for a period that it can't make."""
        shortest_s, longest_s = _PERIODS_S
        if not shortest_s <= period_s <= longest_s:
            raise SetpointError(
                f"{self.name}.pressure: a wave's period of {period_s:g} s is outside "
                f"{shortest_s:g}..{longest_s:g} s; nothing was sent"
            )
        ends = f"{low:.0f},{high:.0f},{show_number(period_s)}"
        send(self._line, f"{_LEVEL}:WAVE {_SHAPES[shape]},{ends}")
        send(self._line, ":OUTP 1")

    @pressure.protect
    def _(self, low: float | None, high: float | None) -> Band:  # noqa: ARG002 - it has no lower end
        """Narrow the over-pressure protection to `high`, or to the least level that there is."""
        holds_pa = self._protection_pa()
        if high is not None and max(high, _LEAST_PROTECTION_PA) < holds_pa:
            send(self._line, f"{_PROTECTION} {max(high, _LEAST_PROTECTION_PA):.0f}")
            holds_pa = self._protection_pa()
        return None, holds_pa

    def _protection_pa(self) -> float:
        return parse_number(self._line.query(f"{_PROTECTION}?"), f"{_PROTECTION}?")

    def read_alarms(self) -> tuple[str, ...]:
        """Return whether the protection tripped."""
        if not parse_flag(self._line.query(f"{_PROTECTION}:TRIP?"), f"{_PROTECTION}:TRIP?"):
            return ()
        return (
            "the over-pressure protection tripped and vented the outlet; find out why, "
            "then press CLEAR at the unit",
        )

    def make_safe(self) -> None:
        """Vent, whatever went before; returns when it has begun.

        Raises InstrumentError if the outlet does not vent.
        """
        self._line.write("*CLS")  # older errors must not look like a refusal to vent
        send(self._line, ":OUTP:VENT")
        if not self._vents():
            raise InstrumentError(":OUTP:VENT", 0, "it does not vent; open its exhaust by hand")

    def shut_in(self) -> bool:
        """Close the valve without venting, and return whether pressure is shut in.

        What vents already goes on. Raises InstrumentError if the valve stays open.
        """
        self._line.write("*CLS")
        if self._vents():
            return False
        send(self._line, ":OUTP 0")
        if parse_flag(self._line.query(":OUTP?"), ":OUTP?"):
            raise InstrumentError(":OUTP 0", 1, "its valve stays open; switch it off")
        return True

    def _vents(self) -> bool:
        return round(parse_number(self._line.query(":OUTP:VENT?"), ":OUTP:VENT?")) != 0
