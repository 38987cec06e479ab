"""Keithley 2400 source-measure unit as a supply that also measures: volts out, amperes back.

Sources: PyMeasure, keithley2400.py and its tests (commands, replies), QCoDeS, Keithley_2400.py, and
a public summary of the user's manual 2400S-900-01 (off states, status bits, what CONFigure does,
RS-232 as it leaves the factory: 9600 8N1; that its lines end in CR is recalled). Ratings are those
of PyMeasure, accuracy is recalled: 0.02 % + 2.4 mV in the 20 V range after a year. The rules:
- MEASure? and CONFigure switch its output on: they are never sent. READ? is refused while it is
  off; then it holds 0 V by itself, or has opened its relay, and 0 V and 0 A are read.
- What is not measured is answered as it was set: a reading is taken for one only where the reply
  says that it is, its elements and functions asked for in the same breath.
- Setting goes: what an earlier program may have left, the limit, the voltage, the switch. A limit
  that is not given stays as it is. Another source function switches its output off.
One session. Nothing that is sent here wears its memory; it has no communication watchdog.
Remote sense, terminals, filter, speed and the off state stay as a person set them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import ClassVar

from sensorbench.core.clock import Clock
from sensorbench.core.errors import InstrumentError, ProtocolError, SetpointError, WrongDevice
from sensorbench.core.provenance import Identity
from sensorbench.core.quantity import SUPPLY, SUPPLY_CURRENT, Value
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

_MODEL = re.compile(r"(?:MODEL )?2400(?:-?C)?")
_LIMIT, _PROTECTION = ":SENS:CURR:PROT", ":SOUR:VOLT:PROT"
_PROTECTIONS_V = (20, 40, 60, 80, 100, 120, 160)
# Above 21 V it gives a tenth of the current: 22 W in all.
_LOW_V, _HIGH_RANGE_A = 21.0, 0.105
_HALF_STEP = 1e-4
"""Of what is set: less than half a step of its coarsest range (5 mV of 200 V, recalled)."""
_ALARMS = {
    1 << 12: "over-temperature: its output is off",
    1 << 13: "the voltage protection holds it back",
    1 << 14: "the current limit is reached: the voltage is lower than set",
}
_FUNCTIONS = {'"VOLT:DC"': "VOLT", '"CURR:DC"': "CURR", '"RES"': "RES", '""': "nothing"}
_ELEMENTS = {name: name for name in ("VOLT", "CURR", "RES", "TIME", "STAT")}
_VALUE = re.compile(r"[+-]\d\.\d{6}E[+-]\d\d")
"""Always so many digits: what was cut short is none."""
_PREPARED = (
    ":SOUR:VOLT:MODE FIX;:SOUR:VOLT:RANG:AUTO 1;:SOUR:CLE:AUTO 0;:ARM:COUN 1;:TRIG:COUN 1",
    ":SENS:FUNC:OFF 'RES';:SENS:FUNC:CONC 1;:SENS:FUNC 'VOLT','CURR'",
    ":SENS:VOLT:RANG:AUTO 1;:SENS:CURR:RANG:AUTO 1;:FORM:DATA ASC;:FORM:ELEM VOLT,CURR,STAT",
)
"""Fixed ranges, sweeps, counts and ohms that others leave clip a limit, or source by themselves."""

# One year in the 20 V and the 200 V range (recalled): share of the reading, and of the range.
_VOLTS = Specification(Within(21.0, 2e-4, 2.4e-3), Within(210.0, 2e-4, 24e-3))


class Keithley2400:
    """One channel, to 21 V at 1.05 A or 210 V at 105 mA, both ways."""

    LINE: ClassVar[LineSettings] = LineSettings(
        write_terminator="\r", read_terminator="\r", timeout_s=5.0
    )

    source = setpoint["Keithley2400"](
        SUPPLY,
        rated=(-210.0, 210.0),
        limit_rated=(1e-9, 1.05),
        settling_s=0.1,
        accuracy=_VOLTS,
        steady=5e-3,
        seconds=0.3,
    )
    current = meter["Keithley2400"](SUPPLY_CURRENT, rated=(-1.05, 1.05), seconds=0.3)

    def __init__(self, line: Line, clock: Clock) -> None:  # noqa: ARG002 - every driver alike
        self.name = line.name
        self._line = line

    def identify(self) -> Identity:
        """Read *IDN?. Raises WrongDevice if it is no 2400."""
        identity = parse_identity(self._line.query("*IDN?"))
        if not _MODEL.fullmatch(identity.model.upper()):
            raise WrongDevice(
                f"{self.name}: *IDN? says {identity}, expected a 2400; is this the right port?"
            )
        return identity

    def take(self) -> Sequence[str]:
        """Empty the error queue and return what an earlier program left in it."""
        return tuple(f"{code} {text}" for code, text in pending_errors(self._line))

    # -- source ----------------------------------------------------------------------------

    @source.go
    def _(self, target: Value, rate: float | None, limit: float | None) -> float:  # noqa: ARG002
        """Set limit in A, then volts, then switch on. Raises SetpointError beyond 22 W."""
        voltage_v = number(target)
        self._check_power(voltage_v, limit)
        if not self._sources_volts():
            send(self._line, ":SOUR:FUNC VOLT")
        for settings in _PREPARED:
            send(self._line, settings)
        if limit is not None:
            self._set(_LIMIT, limit)
        self._set(":SOUR:VOLT", voltage_v)
        send(self._line, ":OUTP 1")
        if not self._is_on():
            raise InstrumentError(
                ":OUTP 1", "still off", "is its output enable (interlock) open, or is it too hot?"
            )
        return float(show_number(voltage_v))

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

    def _set(self, header: str, value: float) -> None:
        """Send a number and see that it is held. Raises InstrumentError where another one is."""
        command = f"{header} {show_number(value)}"
        send(self._line, command)
        held = self._ask(f"{header}?")
        if abs(held - value) > _HALF_STEP * abs(value) + 1e-12:
            raise InstrumentError(
                command, "not accepted", f"{header}? says {held:g}; it was not switched on"
            )

    @source.read
    def _(self) -> float:
        """Return the voltage at the terminals, in V; 0 while the output is off."""
        return self._read("VOLT")

    @source.release
    def _(self) -> None:
        self.make_safe()

    @source.told
    def _(self) -> Told:
        if not self._is_on():
            return None
        if not self._sources_volts():
            return OfItsOwn("it sources no voltage")
        mode = without_echo(self._line.query(":SOUR:VOLT:MODE?"), ":SOUR:VOLT:MODE?").upper()
        if mode not in {"FIX", "FIXED"}:
            return OfItsOwn(f"source mode {mode}: a sweep or a list")
        return Held(self._ask(":SOUR:VOLT?"), self._ask(f"{_LIMIT}?"))

    @source.protect
    def _(self, low: float | None, high: float | None) -> Band:
        """Narrow the voltage protection to its next step that still lets `low` and `high` be.

        It has seven steps (recalled) and holds both ways; what a person set tighter stays.
        """
        wanted_v = max((abs(end) for end in (low, high) if end is not None), default=None)
        holds_v = self._protection_v()
        if wanted_v is not None:
            step = next((step for step in _PROTECTIONS_V if step >= wanted_v), None)
            if step is not None and (holds_v is None or step < holds_v):
                send(self._line, f"{_PROTECTION} {step}")
                holds_v = self._protection_v()
        return (None, None) if holds_v is None else (-holds_v, holds_v)

    def _protection_v(self) -> float | None:
        command = f"{_PROTECTION}?"
        reply = self._line.query(command)
        if without_echo(reply, command).upper() == "NONE":
            return None
        holds_v = abs(parse_number(reply, command))
        return holds_v if holds_v <= _PROTECTIONS_V[-1] else None

    # -- meters ----------------------------------------------------------------------------

    @current.read
    def _(self) -> float:
        """Return the current out of the unit, in A; 0 while the output is off."""
        return self._read("CURR")

    def _read(self, element: str) -> float:
        """Take a reading. Raises InstrumentError for an overflow, or where it is none."""
        if not self._is_on():
            return 0.0
        command = ":SENS:FUNC?;:FORM:ELEM?;:READ?"
        reply = self._line.query(command)
        fields = reply.strip().split(";")
        if len(fields) != 3:
            raise ProtocolError(
                f"{self.name}: {command!r} answered {reply!r}, expected functions, elements and "
                "values. Was its output switched off meanwhile?"
            )
        functions, elements = _names(fields[0], _FUNCTIONS), _names(fields[1], _ELEMENTS)
        values = fields[2].split(",")
        if functions is None or elements is None or not all(map(_VALUE.fullmatch, values)):
            raise ProtocolError(
                f"{self.name}: {command!r} answered {reply!r}: that is no list of functions, of "
                "elements and of values such as +1.000000E-01"
            )
        if not {"VOLT", "CURR"} <= set(functions) or element not in elements:  # as `go` set it
            raise InstrumentError(
                ":READ?", "not measured",
                f"it measures {', '.join(functions)} and answers {', '.join(elements)}: another "
                f"program changed what it measures; set the voltage again",
            )  # fmt: skip
        if len(values) != len(elements):
            raise ProtocolError(
                f"{self.name}: ':READ?' answered {len(values)} values, expected {len(elements)}"
            )
        return parse_number(values[elements.index(element)], ":READ?")

    def read_alarms(self) -> tuple[str, ...]:
        """Return what holds the source back: its limit, its protection, its temperature."""
        command = ":STAT:MEAS:COND?"
        bits = parse_number(self._line.query(command), command)
        if bits < 0 or bits != int(bits):
            raise ProtocolError(f"{self.name}: {command!r} answered {bits:g}, expected bits")
        return tuple(words for bit, words in _ALARMS.items() if int(bits) & bit)

    # --------------------------------------------------------------------------------------

    def make_safe(self) -> None:
        """Switch the output off, whatever went before, and see that it is.

        Raises InstrumentError if it stays on.
        """
        self._line.write("*CLS")  # older errors must not look like a refusal to switch off
        send(self._line, ":OUTP 0")
        if self._is_on():
            raise InstrumentError(
                ":OUTP 0", 1, "the output is still on; press OUTPUT at the unit, or pull its leads"
            )

    def _is_on(self) -> bool:
        return parse_flag(self._line.query(":OUTP?"), ":OUTP?")

    def _sources_volts(self) -> bool:
        return without_echo(self._line.query(":SOUR:FUNC?"), ":SOUR:FUNC?").upper() == "VOLT"

    def _ask(self, command: str) -> float:
        return parse_number(self._line.query(command), command)


def _names(text: str, known: Mapping[str, str]) -> list[str] | None:
    """Return what a list names, in its order; None where it names something else, or one twice."""
    names = [known.get(name, "") for name in text.split(",")]
    return None if "" in names or len(set(names)) < len(names) else names
