"""OWON XDM1041 digital multimeter: DC volts, 55 000 counts, over its USB serial port.

Sources: TheHWcave/OWON-XDM1041, XDM1041-SCPI.pdf, and jantman/owon-xdm1041-server (FUNC1? quoted,
what it does not answer, SYST:LOC, which leaves the panel usable); public clients (ranges, 3 s until
a function has settled). Accuracy is recalled and rounded up, as are its rates. The rules:
- It measures all the time, and MEAS1? tells the latest reading, whatever it is of: its function is
  asked for before and after, and a reading is believed once it has changed, or has stood as long as
  a function takes to settle: until then it may be of the function before.
- It has no error queue that a source confirms, *RST and *OPC? do not work, and what it does not
  know it does not answer: what it was told is read back. The first contact only reads.
- One session (a serial port). It is never put into remote. A fixed range and the rate that somebody
  set stay; beyond a range it tells a number that no voltage has (recalled), which is refused. That
  its REL, dB and average are off can't be asked, as it does not answer that: a person has to look.
  No memory that wears, pause or watchdog is known.
"""

from __future__ import annotations

from typing import ClassVar

from sensorbench.core.clock import Clock
from sensorbench.core.errors import InstrumentError, ProtocolError, WrongDevice
from sensorbench.core.provenance import Identity
from sensorbench.core.quantity import VOLTAGE
from sensorbench.instruments.members import meter
from sensorbench.instruments.specification import Specification, Within
from sensorbench.links.line import Line, LineSettings
from sensorbench.protocols.scpi import parse_identity, parse_number

_FUNCTIONS = frozenset(
    {"VOLT", "VOLT AC", "CURR", "CURR AC", "RES", "CONT", "DIOD", "CAP", "FREQ", "PER", "TEMP"}
)
_VOLTS = "VOLT"
_SETTLING_S = 3.0
# Two readings at each rate, so that one began after the one before was told.
_TWO_READINGS_S = {"S": 0.6, "M": 0.3, "F": 0.1}
_COUNTS = 50_000.0


class OwonXdm1041:
    """Digital multimeter, 50 mV to 1000 V. The XDM1241 and XDM2041 are other models."""

    LINE: ClassVar[LineSettings] = LineSettings(baud_rate=115_200)

    # A tenth of a percent and ten counts, within a year.
    voltage = meter["OwonXdm1041"](
        VOLTAGE,
        rated=(-1000.0, 1000.0),
        accuracy=Specification(
            *(Within(v, 1e-3, 10 * v / _COUNTS) for v in (0.05, 0.5, 5.0, 50.0, 500.0)),
            Within(1000.0, 1e-3, 10 * 0.1),
        ),
        seconds=_SETTLING_S + max(_TWO_READINGS_S.values()),
    )

    def __init__(self, line: Line, clock: Clock) -> None:
        self.name = line.name
        self._line, self._clock = line, clock

    def identify(self) -> Identity:
        """Read *IDN?, which has five fields. Raises WrongDevice if it is no XDM1041."""
        identity = parse_identity(self._line.query("*IDN?"))
        if identity.model != "XDM1041":
            raise WrongDevice(
                f"{self.name}: *IDN? says {identity}, expected an XDM1041; is this the right port?"
            )
        return identity

    @voltage.read
    def _(self) -> float:
        """Return the DC voltage in V. Raises InstrumentError where the function is changed."""
        self._require_volts()
        volts = self._changed_or_settled()
        function = self._function()
        if function != _VOLTS:
            raise InstrumentError(
                "MEAS1?",
                "function changed",
                f"the meter was put to {function} while it was read: a person at the panel, or "
                "another program. Nothing is known of the voltage",
            )
        return volts

    def _changed_or_settled(self) -> float:
        """Return a reading that can't be of another function."""
        step_s, waited_s, first = self._two_readings_s(), 0.0, self._latest()
        while waited_s < _SETTLING_S + step_s:
            self._clock.sleep(step_s)
            waited_s += step_s
            latest = self._latest()
            if latest != first:
                break
        return latest

    def _latest(self) -> float:
        return parse_number(self._line.query("MEAS1?"), "MEAS1?")

    def make_safe(self) -> None:
        """Select volts: in ohms and diode test the meter drives a current."""
        self._require_volts()

    def _require_volts(self) -> None:
        """Select DC volts where another function is, and see that they are; then let it settle."""
        if self._function() == _VOLTS:
            return
        self._line.write("CONF:VOLT:DC AUTO")
        self._clock.sleep(_SETTLING_S)
        function = self._function()
        if function != _VOLTS:
            raise InstrumentError(
                "CONF:VOLT:DC AUTO", "not accepted", f"FUNC1? says {function}; look at the meter"
            )

    def _function(self) -> str:
        """Return what it measures. Raises ProtocolError for what is no function of it."""
        reply = self._line.query("FUNC1?").strip()
        function = reply[1:-1] if len(reply) > 2 and reply[0] == reply[-1] == '"' else reply
        if function not in _FUNCTIONS:
            raise ProtocolError(
                f"{self.name}: 'FUNC1?' answered {reply!r}, expected a function such as \"VOLT\""
            )
        return function

    def _two_readings_s(self) -> float:
        reply = self._line.query("RATE?").strip()
        seconds = _TWO_READINGS_S.get(reply.strip('"').upper())
        if seconds is None:
            raise ProtocolError(f"{self.name}: 'RATE?' answered {reply!r}, expected S, M or F")
        return seconds
