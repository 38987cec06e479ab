"""Aim-TTi PL303QMD-P power supply: two outputs of 30 V and 3 A, over LAN.

Sources: the New PL & PL-P Series manual, issue 18, as public clients cite it: labmcp-bench-psu
0.1.3 (commands, replies, registers), PaulBichl/messknecht, tti_pl303qmd.py (execution errors,
CONFIG, CR LF behind replies), PyMeasure, aimttiPL.py, and QCoDeS, _AimTTi_PL_P.py (ratings, low
current range); sgoadhouse/dcps, AimTTiPLP.py (port 9221). That it takes one connection at a time
was measured by a public client of its sister, the PLH250-P. Recalled: accuracy, steadiness and the
step of the over-voltage protection. A client of a PL303-P shows "V1 18.00": voltages are sent to
10 mV.
The rules beside those of every supply (power_supply.py):
- It has no queue: the standard event register says after each command whether it was accepted, and
  the execution error register why not. Both are cleared as they are read.
- A reply repeats a short name of its own ("VP1 33.00" for OVP1?) or ends in its unit ("5.00V"); one
  of another output, name or unit is refused.
- What has tripped is latched until it is read: the driver keeps it until the output is on again or
  the trips are cleared.
- While the outputs track each other, setting one sets both: neither is set while the other is on.
Its over-current protection and its low current range (500 mA) are left as they are.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import ClassVar

from sensorbench.core.clock import Clock
from sensorbench.core.errors import InstrumentError, ProtocolError, SetpointError
from sensorbench.instruments.members import Band
from sensorbench.instruments.power_supply import (
    Commands,
    PowerSupply,
    supply_current,
    supply_output,
)
from sensorbench.instruments.specification import Specification, Within
from sensorbench.links.line import Line, LineSettings

_MOST_V, _MOST_A = 30.0, 3.0
_STEP_V, _STEP_A = 0.01, 1e-3
_PROTECTION_STEP_V = 0.1
_INDEPENDENT = 2

_NUMBER = r"([+-]?\d+\.\d+)"  # NR2: always with a point
_REPLIES = {
    "V{n}?": rf"V{{n}} +{_NUMBER}",
    "I{n}?": rf"I{{n}} +{_NUMBER}",
    "V{n}O?": rf"{_NUMBER}V",
    "I{n}O?": rf"{_NUMBER}A",
    "OVP{n}?": rf"VP{{n}} +{_NUMBER}",
    "OP{n}?": r"([01])",
    "LSR{n}?": r"(\d{1,3})",
}
_OF_OUTPUTS = {
    query.format(n=n): re.compile(reply.replace("{n}", str(n)))
    for query, reply in _REPLIES.items()
    for n in (1, 2)
}
_REGISTER = re.compile(r"\d{1,3}")

_QUERY_ERROR, _VERIFY, _EXECUTION, _COMMAND = 4, 8, 16, 32  # of *ESR?
_REFUSALS = {
    100: "the value is out of range; in the low current range the limit ends at 500 mA",
    101: "the memory place is corrupt",
    102: "the memory place is empty",
    103: "this output can't be set: the outputs track each other or are in parallel",
    104: "not while the output is on",
    200: "another interface holds the lock; release it there or at the instrument's web page",
}
_TRIPS = {
    4: "over-voltage protection of output {n} tripped",
    8: "over-current protection of output {n} tripped",
    64: "output {n} tripped; reset it at the panel or switch its mains off and on",
}


class AimttiPl303qmdp(PowerSupply):
    """Two like outputs, numbered from right to left on its panel."""

    LINE: ClassVar[LineSettings] = LineSettings(tcp_port=9221, read_terminator="\r\n")

    MODELS = re.compile(r"PL303QMD-P(?:\(G\))?")
    EXPECTED = "a PL303QMD-P"
    OUTPUTS = (1, 2)
    STEP_V, STEP_A = _STEP_V, _STEP_A
    COMMANDS = Commands(
        voltage="V{output} {value:.2f}",
        limit="I{output} {value:.3f}",
        on="OP{output} 1",
        off="OP{output} 0",
        holds_voltage="V{output}?",
        holds_limit="I{output}?",
        is_on="OP{output}?",
        measure_voltage="V{output}O?",
        measure_current="I{output}O?",
        protect=("OVP{output} {value:.2f}",),
        holds_protection="OVP{output}?",
    )

    out1, out2 = (
        supply_output(
            output,
            most_v=_MOST_V,
            limit_a=(_STEP_A, _MOST_A),
            resolution=_STEP_V,
            accuracy=Specification(Within(_MOST_V, 1e-3, 20e-3)),  # recalled
            steady=0.02,
        )
        for output in (1, 2)
    )
    current1, current2 = (supply_current(output, most_a=_MOST_A) for output in (1, 2))

    def __init__(self, line: Line, clock: Clock) -> None:
        super().__init__(line, clock)
        self._tripped = dict.fromkeys(self.OUTPUTS, 0)

    def take(self) -> Sequence[str]:
        """Clear the error registers and return what an earlier program left in them."""
        return tuple(f"{code} {text}" for code, text in self._errors())

    def read_alarms(self) -> tuple[str, ...]:
        """Return what has tripped since its output was last switched on or the trips cleared."""
        for output in self.OUTPUTS:
            self._latch(output)
        return tuple(
            text.format(n=output)
            for output, seen in self._tripped.items()
            for bit, text in _TRIPS.items()
            if seen & bit
        )

    def clear_trips(self) -> None:
        """Release the trips of both outputs and leave them off.

        Raises InstrumentError if an output stays on.
        """
        self.make_safe()
        self.read_alarms()  # what is latched is of before
        self._send(0, "TRIPRST")
        self._tripped = dict.fromkeys(self.OUTPUTS, 0)

    # -- an output -------------------------------------------------------------------------

    def _require_able(self, output: int, voltage_v: float, limit_a: float | None) -> None:  # noqa: ARG002
        if self._others_on(output) and self._register("CONFIG?") != _INDEPENDENT:
            raise SetpointError(
                f"{self.name}.out{output}: the outputs track each other or are in parallel, and "
                "the other one is on: it would be set, too. Make them independent at the panel, "
                "or release the other one first. Nothing was set"
            )

    def _switch_on(self, output: int) -> None:
        self._latch(output)
        super()._switch_on(output)
        self._tripped[output] = 0  # what was latched is of before: tripped, it would not come on

    def _latch(self, output: int) -> None:
        """Keep what the limit register says, as reading clears it."""
        self._tripped[output] |= int(self._ask(output, f"LSR{output}?"))

    def _protect(self, output: int, high_v: float | None) -> Band:
        """Narrow the over-voltage protection, to its step below `high_v` in V."""
        if high_v is not None:
            steps = math.floor(high_v / _PROTECTION_STEP_V + 1e-6)
            high_v = round(steps * _PROTECTION_STEP_V, 1)
        return super()._protect(output, high_v)

    # -- the line --------------------------------------------------------------------------

    def _send(self, output: int, command: str) -> None:  # noqa: ARG002
        """Send a command. Raises InstrumentError with what the registers say of it."""
        self._line.write(command)
        errors = self._errors()
        if errors:
            (code, text), *more = errors
            raise InstrumentError(command, code, "; ".join([text, *(f"{c} {t}" for c, t in more)]))

    def _errors(self) -> list[tuple[int, str]]:
        """Read and clear the registers; return what they say, by the register's own number."""
        events = self._register("*ESR?")
        errors = []
        if events & _EXECUTION:
            code = self._register("EER?")
            unknown = "it reports a fault of its hardware" if code < 100 else "not executed"
            errors.append((code, _REFUSALS.get(code, unknown)))
        if events & _COMMAND:
            errors.append((_COMMAND, "*ESR?: it does not know the command"))
        if events & _QUERY_ERROR:
            code = self._register("QER?")
            errors.append((code, "QER?: a reply was not read, or not asked for"))
        if events & _VERIFY:
            errors.append((_VERIFY, "*ESR?: the output did not reach its setpoint in time"))
        return errors

    def _forget_errors(self) -> None:
        self._errors()  # *CLS would forget what has tripped, too

    def _register(self, query: str) -> int:
        reply = self._line.query(query).strip()
        if not _REGISTER.fullmatch(reply) or int(reply) > 255:
            raise ProtocolError(f"{self.name}: {query!r} answered {reply!r}, expected 0 to 255")
        return int(reply)

    def _ask(self, output: int, command: str) -> str:
        """Return the number in a reply. Raises ProtocolError for a reply of another form."""
        reply = self._line.query(command).strip()
        form = _OF_OUTPUTS[command]
        match = form.fullmatch(reply)
        if match is None:
            raise ProtocolError(
                f"{self.name}.out{output}: {command!r} answered {reply!r}, expected {form.pattern}"
            )
        return match[1]
