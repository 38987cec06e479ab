"""Keysight 34461A digital multimeter: DC volts and 4-wire ohms, 6.5 digits.

Source: QCoDeS, instrument/sims/Keysight_34465A.yaml (quoted functions, settings); accuracy: Agilent
34401A service guide (same class); integration and trigger rules recalled from the Truevolt
operating guide. The rules:
- A reading is what is at the terminals: a Null or a scale that somebody left, at the panel too, is
  switched off with the choice of the function. Function, trigger and counts are those of all
  sessions; a range that somebody fixed stays, and what does not fit in it is an overload.
- More than one session may be open (recalled: LAN, USB). Nothing is written to a memory that wears,
  no pause is needed, it has no watchdog of communication.
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

_VOLTS, _OHMS = "VOLT", "FRES"
# Within a year at 18 to 28 degC: share of the reading, and of each range.
_DC_VOLTS = Specification(
    Within(0.1, 50e-6, 35e-6 * 0.1),
    Within(1.0, 40e-6, 7e-6 * 1.0),
    Within(10.0, 35e-6, 5e-6 * 10.0),
    Within(100.0, 45e-6, 6e-6 * 100.0),
    Within(1000.0, 45e-6, 10e-6 * 1000.0),
)
_SLOWEST_MAINS_HZ = 50.0
_RESET_NPLC, _TIMES_AUTOZERO = 10.0, 2.0
# Autozero doubles the time of a reading; half as much again lets autorange settle.
_TIMES_INTEGRATION = 3.0


def dc_volts(accuracy: Specification) -> meter[Keysight34461a]:
    """Declare the DC volts of one of the family."""
    # A reading takes 10 NPLC of 20 ms, twice with autozero.
    member = meter["Keysight34461a"](
        VOLTAGE, rated=(-1000.0, 1000.0), accuracy=accuracy, seconds=0.4
    )

    @member.read
    def _(self: Keysight34461a) -> float:
        """Return the DC voltage in V. Raises InstrumentError for an overload."""
        return self._measure(_VOLTS)

    return member


class Keysight34461a:
    """Digital multimeter. It autoranges unless somebody fixed a range at the front panel.

    `nplc` is over how many power line cycles it integrates (0.02, 0.2, 1, 10, 100); without it
    what somebody set stays. Raises SetpointError for another number.
    """

    LINE: ClassVar[LineSettings] = LineSettings(sessions=2)  # recalled
    MODEL: ClassVar[str] = "34461A"
    INTEGRATIONS_NPLC: ClassVar[tuple[float, ...]] = (0.02, 0.2, 1.0, 10.0, 100.0)

    voltage = dc_volts(_DC_VOLTS)

    def __init__(self, line: Line, clock: Clock, *, nplc: float | None = None) -> None:  # noqa: ARG002
        self.name = line.name
        self._line = line
        self._nplc = None if nplc is None else self._checked(nplc)

    def reading_s(self, member: str) -> float:  # noqa: ARG002 - it has one
        """Return how long a reading takes, s: twice its integration, for autozero."""
        nplc = _RESET_NPLC if self._nplc is None else self._nplc
        return _TIMES_AUTOZERO * nplc / _SLOWEST_MAINS_HZ

    def identify(self) -> Identity:
        """Read *IDN?. Raises WrongDevice if it is another model."""
        identity = parse_identity(self._line.query("*IDN?"))
        if identity.model != self.MODEL:
            raise WrongDevice(
                f"{self.name}: *IDN? says {identity}, expected a {self.MODEL}; "
                "is this the right address?"
            )
        return identity

    def take(self) -> Sequence[str]:
        """Empty the error queue and return what an earlier program left in it."""
        left = tuple(f"{code} {text}" for code, text in pending_errors(self._line))
        if self._nplc is not None:
            self.set_integration(self._nplc)
        return left

    def read_resistance_ohm(self) -> float:
        """Return the 4-wire resistance in ohm. Raises InstrumentError for an open lead."""
        return self._measure(_OHMS)

    def set_integration(self, nplc: float) -> None:
        """Integrate over `nplc` power line cycles: 10 of them are 0.2 s at 50 Hz.

        Raises SetpointError for a number that the meter would round to another one.
        """
        self._checked(nplc)
        for function in (_VOLTS, _OHMS):
            send(self._line, f"{function}:NPLC {show_number(nplc)}")

    def _checked(self, nplc: float) -> float:
        if nplc not in self.INTEGRATIONS_NPLC:
            allowed = ", ".join(f"{number:g}" for number in self.INTEGRATIONS_NPLC)
            raise SetpointError(
                f"{self.name}: integration {nplc:g} NPLC is none of {allowed}; nothing was sent"
            )
        return nplc

    def make_safe(self) -> None:
        """Abort what runs and select volts: in ohms the meter drives a current."""
        self._line.write("*CLS")  # older errors must not look like a refusal
        send(self._line, "ABOR")
        send(self._line, f'FUNC "{_VOLTS}"')

    def _measure(self, function: str) -> float:
        self._choose(function)
        integration_s = self._integration_s(function)
        deadline_s = self.LINE.timeout_s + _TIMES_INTEGRATION * integration_s
        return parse_number(self._line.query("READ?", timeout_s=deadline_s), "READ?")

    def _choose(self, function: str) -> None:
        """Let READ? give one reading of a function, as it is at the terminals."""
        # Not CONF: that would put the integration time back to its default.
        send(
            self._line,
            f'FUNC "{function}";:TRIG:SOUR IMM;COUN 1;:SAMP:COUN 1;'
            f":{function}:NULL:STAT OFF;:CALC:SCAL:STAT OFF",
        )

    def _integration_s(self, function: str) -> float:
        command = f"{function}:NPLC?"
        nplc = parse_number(self._line.query(command), command)
        most = max(self.INTEGRATIONS_NPLC)
        if not 0 < nplc <= most:
            raise ProtocolError(
                f"{self.name}: {command!r} answered {nplc:g}, at most {most:g} can be"
            )
        return nplc / _SLOWEST_MAINS_HZ
