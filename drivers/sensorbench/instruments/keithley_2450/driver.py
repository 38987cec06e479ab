"""Keithley 2450 source-measure unit as a supply that also measures: volts out, amperes back.

It must speak SCPI: in its other command sets the same words mean other things, so `identify` asks.
Source: PyMeasure, keithley2450.py, and QCoDeS, Keithley_2450.yaml (commands, *LANG?); ratings,
protection steps and accuracy are recalled from the 2450 reference manual. The rules:
- The limit goes before the voltage and the voltage before the switch: a higher voltage never meets
  an older, higher limit, and the output never comes on with an older voltage.
- A limit that is not given stays as it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from sensorbench.core.clock import Clock
from sensorbench.core.errors import InstrumentError, ProtocolError, SetpointError, WrongDevice
from sensorbench.core.provenance import Identity
from sensorbench.core.quantity import SUPPLY, SUPPLY_CURRENT, VOLTAGE, Value
from sensorbench.instruments.members import Band, meter, number, setpoint
from sensorbench.instruments.specification import Specification, Within
from sensorbench.instruments.telling import Held, OfItsOwn, Told
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

_LANGUAGE = "SCPI"
_LIMIT, _PROTECTION = ":SOUR:VOLT:ILIM", ":SOUR:VOLT:PROT"
_PROTECTIONS_V = (2, 5, 10, 20, 40, 60, 80, 100, 120, 140, 160, 180)
_NO_PROTECTION = "NONE"
# Above 21 V it gives a tenth of the current: 20 W in all.
_LOW_V, _HIGH_RANGE_A = 21.0, 0.105


# One year in the 20 V and the 200 V range (recalled): share of the reading, and of the range.
_VOLTS = Specification(Within(21.0, 1.5e-4, 2.4e-3), Within(210.0, 1.5e-4, 24e-3))


class Keithley2450:
    """One channel, to 21 V at 1.05 A or 210 V at 105 mA, both ways."""

    LINE: ClassVar[LineSettings] = LineSettings(timeout_s=5.0)

    source = setpoint["Keithley2450"](
        SUPPLY,
        rated=(-210.0, 210.0),
        limit_rated=(1e-9, 1.05),
        settling_s=0.1,
        accuracy=_VOLTS,
        steady=5e-3,
    )
    current = meter["Keithley2450"](SUPPLY_CURRENT, rated=(-1.05, 1.05), seconds=0.1)
    voltage = meter["Keithley2450"](VOLTAGE, rated=(-210.0, 210.0), accuracy=_VOLTS, seconds=0.1)

    def __init__(self, line: Line, clock: Clock) -> None:  # noqa: ARG002 - every driver alike
        self.name = line.name
        self._line = line

    def identify(self) -> Identity:
        """Read *IDN? and *LANG?. Raises ProtocolError if it is no 2450 that speaks SCPI."""
        identity = parse_identity(self._line.query("*IDN?"))
        if not identity.model.upper().endswith("2450"):
            raise WrongDevice(
                f"{self.name}: *IDN? says {identity}, expected a 2450; is this the right address?"
            )
        language = self._line.query("*LANG?").strip().upper()
        if language != _LANGUAGE:
            raise ProtocolError(
                f"{self.name}: it speaks {language}, not {_LANGUAGE}. Set the command set to SCPI "
                "at its front panel (Menu, System, Settings) and switch it off and on"
            )
        return identity

    def take(self) -> Sequence[str]:
        """Empty the error queue and return what an earlier program left in it."""
        return tuple(f"{code} {text}" for code, text in pending_errors(self._line))

    # -- source ----------------------------------------------------------------------------

    @source.go
    def _(self, target: Value, rate: float | None, limit: float | None) -> float:  # noqa: ARG002
        """Set limit in A, then volts, then switch on. Raises SetpointError beyond 20 W."""
        voltage_v = number(target)
        self._check_power(voltage_v, limit)
        send(self._line, ":SOUR:FUNC VOLT")
        if limit is not None:
            send(self._line, f"{_LIMIT} {show_number(limit)}")
        sent = show_number(voltage_v)
        send(self._line, f":SOUR:VOLT {sent}")
        send(self._line, ":OUTP 1")
        return float(sent)

    @source.foresee
    def _(self, target: Value, limit: float | None) -> None:
        self._check_power(number(target), limit)

    def _check_power(self, voltage_v: float, limit: float | None) -> None:
        if abs(voltage_v) > _LOW_V:
            amperes = self._ask(f"{_LIMIT}?") if limit is None else limit
            if amperes > _HIGH_RANGE_A:
                raise SetpointError(
                    f"{self.name}.source: {voltage_v:g} V allows a limit of {_HIGH_RANGE_A:g} A, "
                    f"not {amperes:g} A; nothing was sent"
                )

    @source.read
    def _(self) -> float:
        return self._ask(":MEAS:VOLT?")

    @source.release
    def _(self) -> None:
        self.make_safe()

    @source.told
    def _(self) -> Told:
        if not parse_flag(self._line.query(":OUTP?"), ":OUTP?"):
            return None
        function = without_echo(self._line.query(":SOUR:FUNC?"), ":SOUR:FUNC?").upper()
        if not function.startswith("VOLT"):
            return OfItsOwn(f"source function {function}, not voltage")
        return Held(self._ask(":SOUR:VOLT?"), self._ask(f"{_LIMIT}?"))

    @source.protect
    def _(self, low: float | None, high: float | None) -> Band:
        """Narrow the over-voltage protection to its next step that still lets `low` and `high` be.

        The protection has a dozen steps and holds both ways; what a person set tighter stays.
        """
        wanted_v = max((abs(end) for end in (low, high) if end is not None), default=None)
        holds_v = self._protection_v()
        if wanted_v is not None:
            step = next((step for step in _PROTECTIONS_V if step >= wanted_v), None)
            if step is not None and (holds_v is None or step < holds_v):
                send(self._line, f"{_PROTECTION} PROT{step}")
                holds_v = self._protection_v()
        return (None, None) if holds_v is None else (-holds_v, holds_v)

    def _protection_v(self) -> float | None:
        command = f"{_PROTECTION}?"
        reply = without_echo(self._line.query(command), command).upper()
        if reply == _NO_PROTECTION:
            return None
        step = reply.removeprefix("PROT")
        if not step.isdecimal():
            raise ProtocolError(
                f"{self.name}: {command} answered {reply!r}, expected PROT2 to PROT180 or NONE"
            )
        return float(step)

    # -- meters ----------------------------------------------------------------------------

    @current.read
    def _(self) -> float:
        """Return the current out of the unit, in A. Raises InstrumentError for an overflow."""
        return self._ask(":MEAS:CURR?")

    @voltage.read
    def _(self) -> float:
        """Return the voltage at the terminals. Raises InstrumentError for an overflow."""
        return self._ask(":MEAS:VOLT?")

    def read_alarms(self) -> tuple[str, ...]:
        """Return what holds the source back: its current limit, its protection."""
        alarms = []
        for query, meaning in (
            (f"{_LIMIT}:TRIP?", "the current limit is reached: the voltage is lower than set"),
            (f"{_PROTECTION}:TRIP?", "over-voltage protection tripped"),
        ):
            if parse_flag(self._line.query(query), query):
                alarms.append(meaning)
        return tuple(alarms)

    # --------------------------------------------------------------------------------------

    def make_safe(self) -> None:
        """Switch the output off, whatever went before, and see that it is.

        Raises InstrumentError if it stays on.
        """
        self._line.write("*CLS")  # older errors must not look like a refusal to switch off
        send(self._line, ":OUTP 0")
        if parse_flag(self._line.query(":OUTP?"), ":OUTP?"):
            raise InstrumentError(
                ":OUTP 0", 1, "the output is still on; press OUTPUT at the unit, or pull its leads"
            )

    def _ask(self, command: str) -> float:
        return parse_number(self._line.query(command), command)
