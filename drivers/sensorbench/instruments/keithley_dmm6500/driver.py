"""Keithley DMM6500 digital multimeter: DC volts and 4-wire ohms, 6.5 digits, in its language SCPI.

Sources: commands PyMeasure, keithleyDMM6500.py, and QCoDeS, Keithley_6500.py; format and math
Keithley's reference manual of the 2461, which speaks the same language; accuracy of the 10 V range
Keithley's calibration manual, that of the others recalled from the data sheet. The rules:
- It has four languages, in which the same words mean other things: `identify` asks for the one it
  speaks. Another one is not set from here: that would hold only after it was switched off and on.
- A reading is what is at the terminals, now: what somebody left, at the panel too, of relative
  offset, averaging filter, math, digits and binary format is switched off with the choice of the
  function, and a scan or trigger model that runs is ended. A fixed range stays; what does not fit
  in it is an overload. Front or rear is a button at the panel; the meter can only be asked for it.
- One session at a time on the raw socket (recalled). Nothing is written to a memory that wears, no
  pause is needed, it has no watchdog of communication.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from sensorbench.core.clock import Clock
from sensorbench.core.errors import ProtocolError, SetpointError, WrongDevice
from sensorbench.core.provenance import Identity
from sensorbench.core.quantity import VOLTAGE
from sensorbench.instruments.members import meter
from sensorbench.instruments.specification import Specification, Within
from sensorbench.links.line import Line, LineSettings
from sensorbench.protocols.scpi import (
    parse_identity,
    parse_number,
    pending_errors,
    send,
    show_number,
)

_LANGUAGE = "SCPI"
_VOLTS, _OHMS = "VOLT", "FRES"
_NAMES = {_VOLTS: "VOLT:DC", _OHMS: "FRES"}
_LEAST_NPLC, _MOST_NPLC, _MOST_NPLC_60_HZ = 0.0005, 12.0, 15.0
_RESET_NPLC = 1.0
_SLOWEST_MAINS_HZ = 50.0
# With autozero it measures its zero and its reference beside; once more lets autorange settle.
_TIMES_INTEGRATION, _TIMES_WAITED = 3.0, 4.0


class KeithleyDmm6500:
    """Digital multimeter, to 1000 V. It autoranges unless somebody fixed a range.

    `nplc` is over how many power line cycles it integrates (0.0005 to 12); without it what somebody
    set stays. Raises SetpointError for another number.
    """

    LINE: ClassVar[LineSettings] = LineSettings()

    # Within a year at 18 to 28 degC: share of the reading, and of each range.
    voltage = meter["KeithleyDmm6500"](
        VOLTAGE,
        rated=(-1000.0, 1000.0),
        accuracy=Specification(
            Within(0.1, 30e-6, 35e-6 * 0.1),
            Within(1.0, 25e-6, 6e-6 * 1.0),
            Within(10.0, 25e-6, 5e-6 * 10.0),
            Within(100.0, 40e-6, 6e-6 * 100.0),
            Within(1000.0, 40e-6, 6e-6 * 1000.0),
        ),
        seconds=_TIMES_INTEGRATION * _RESET_NPLC / _SLOWEST_MAINS_HZ,
    )

    def __init__(self, line: Line, clock: Clock, *, nplc: float | None = None) -> None:  # noqa: ARG002
        self.name = line.name
        self._line = line
        self._nplc = None if nplc is None else self._checked(nplc)

    def reading_s(self, member: str) -> float:  # noqa: ARG002 - it has one
        """Return how long a reading takes, s: its integration, its zero and its reference."""
        nplc = _RESET_NPLC if self._nplc is None else self._nplc
        return _TIMES_INTEGRATION * nplc / _SLOWEST_MAINS_HZ

    def identify(self) -> Identity:
        """Read *IDN? and *LANG?. Raises ProtocolError if it is no DMM6500 that speaks SCPI."""
        identity = parse_identity(self._line.query("*IDN?"))
        if identity.model.upper().removeprefix("MODEL ") != "DMM6500":
            raise WrongDevice(
                f"{self.name}: *IDN? says {identity}, expected a DMM6500; "
                "is this the right address?"
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
        left = tuple(f"{code} {text}" for code, text in pending_errors(self._line))
        if self._nplc is not None:
            self.set_integration(self._nplc)
        return left

    @voltage.read
    def _(self) -> float:
        """Return the DC voltage in V. Raises InstrumentError for an overload."""
        return self._measure(_VOLTS)

    def read_resistance_ohm(self) -> float:
        """Return the 4-wire resistance in ohm. Raises InstrumentError for an open lead."""
        return self._measure(_OHMS)

    def set_integration(self, nplc: float) -> None:
        """Integrate over `nplc` power line cycles: 1 of them is 20 ms at 50 Hz.

        Raises SetpointError for a number that is not in its range at 50 Hz.
        """
        self._checked(nplc)
        for function in (_VOLTS, _OHMS):
            send(self._line, f":SENS:{function}:NPLC {show_number(nplc)}")

    def _checked(self, nplc: float) -> float:
        if not _LEAST_NPLC <= nplc <= _MOST_NPLC:
            raise SetpointError(
                f"{self.name}: integration {nplc:g} NPLC is not within {_LEAST_NPLC:g} to "
                f"{_MOST_NPLC:g}; nothing was sent"
            )
        return nplc

    def make_safe(self) -> None:
        """Abort what runs and select volts: in ohms the meter drives a current."""
        self._line.write("*CLS")  # older errors must not look like a refusal
        send(self._line, ":ABOR")
        send(self._line, f':SENS:FUNC "{_NAMES[_VOLTS]}"')

    def _measure(self, function: str) -> float:
        send(
            self._line,
            f':ABOR;:FORM ASC;:FORM:ASC:PREC 0;:SENS:FUNC "{_NAMES[function]}";:SENS:COUN 1;'
            f":SENS:{function}:REL:STAT 0;:SENS:{function}:AVER:STAT 0;"
            f":CALC:{function}:MATH:STAT 0",
        )
        command = f":SENS:{function}:NPLC?"
        nplc = parse_number(self._line.query(command), command)
        if not 0 < nplc <= _MOST_NPLC_60_HZ:
            raise ProtocolError(
                f"{self.name}: {command!r} answered {nplc:g}, at most {_MOST_NPLC_60_HZ:g} can be"
            )
        deadline_s = self.LINE.timeout_s + _TIMES_WAITED * nplc / _SLOWEST_MAINS_HZ
        return parse_number(self._line.query(":READ?", timeout_s=deadline_s), ":READ?")
