"""ITECH IT6302, IT6322(A) and IT6332A power supplies: two outputs of 30 V, one of 5 V.

Sources: four public clients of these models (names, SYSTem:REMote, INSTrument:NSELect, CHANnel:
OUTPut, APPLy:VOLTage? and its like, MEASure:VOLTage:ALL?) and those of the BK Precision 9130, which
ITECH makes; 3 A and accuracy are recalled, the serial speed is what the maker sets. The
rules beside those of every supply (power_supply.py):
- All outputs are asked in one query that selects nothing; only setting selects, in one piece, and
  sees that it stayed selected.
- Set commands need remote control, which is taken when one is sent, never at opening.
- OUTPut is told to be of all outputs by some and of the selected one by others: CHANnel:OUTPut
  switches them.
One session: the selection is shared. Its protections differ by model and are not armed: a bench
that needs one must have another. Whether outputs are joined or track each other can't be asked for:
leave them independent. A memory that wears, or a communication watchdog, is not known.
"""

from __future__ import annotations

import re
import threading
from typing import ClassVar

from sensorbench.core.clock import Clock
from sensorbench.core.errors import InstrumentError, ProtocolError
from sensorbench.instruments.power_supply import (
    Commands,
    ScpiPowerSupply,
    supply_current,
    supply_output,
)
from sensorbench.instruments.specification import Specification, Within
from sensorbench.links.line import Line, LineSettings
from sensorbench.protocols.scpi import parse_flag, parse_number, send, without_echo

_MOST_V = {1: 30.0, 2: 30.0, 3: 5.0}
_MOST_A, _STEP = 3.0, 1e-3


class ItechIt6300(ScpiPowerSupply):
    """Two outputs of 30 V and one of 5 V, 3 A each, in steps of 1 mV and 1 mA."""

    LINE: ClassVar[LineSettings] = LineSettings(tcp_port=30000)

    MODELS = re.compile(r"IT63(?:02|22|22A|32A)")
    EXPECTED = "an IT6302, IT6322 or IT6332A"
    OUTPUTS = tuple(_MOST_V)
    STEP_V = STEP_A = _STEP
    COMMANDS = Commands(
        voltage="VOLT {value:.4f}",
        limit="CURR {value:.4f}",
        on="CHAN:OUTP 1",
        off="CHAN:OUTP 0",
        holds_voltage="APP:VOLT?",
        holds_limit="APP:CURR?",
        is_on="APP:OUT?",
        measure_voltage="MEAS:VOLT:ALL?",
        measure_current="MEAS:CURR:ALL?",
    )

    out1, out2, out3 = (
        supply_output(
            output,
            most_v=most_v,
            limit_a=(_STEP, _MOST_A),
            resolution=_STEP,
            accuracy=Specification(Within(most_v, 3e-4, 10e-3)),
            steady=0.015,
            protects=False,
        )
        for output, most_v in _MOST_V.items()
    )
    current1, current2, current3 = (supply_current(output, most_a=_MOST_A) for output in _MOST_V)

    def __init__(self, line: Line, clock: Clock) -> None:
        super().__init__(line, clock)
        self._selecting = threading.RLock()

    def _go(self, output: int, voltage_v: float, limit_a: float | None) -> float:
        with self._selecting:
            return super()._go(output, voltage_v, limit_a)

    # -- the line --------------------------------------------------------------------------

    def _send(self, output: int, command: str) -> None:
        """Send a command to an output. Raises InstrumentError if refused, or told another one."""
        with self._selecting:
            self._line.write("SYST:REM")
            self._line.write(f"INST:NSEL {output}")
            send(self._line, command)
            found = parse_number(self._line.query("INST:NSEL?"), "INST:NSEL?")
            if found != output:
                raise InstrumentError(
                    f"INST:NSEL {output}", "not selected",
                    f"after {command!r} output {found:g} was selected: a person at the panel, or "
                    "another program, selects outputs, too. What was sent may have met that one; "
                    "look at it",
                )  # fmt: skip

    def _is_on(self, output: int) -> bool:
        return output in self._on()

    def _others_on(self, output: int) -> frozenset[int]:
        return self._on() - {output}

    def _on(self) -> frozenset[int]:
        query = self.COMMANDS.is_on
        flags = {output: parse_flag(text, query) for output, text in self._all(query).items()}
        return frozenset(output for output, is_on in flags.items() if is_on)

    def _ask_number(self, output: int, template: str) -> float:
        fields = self._all(template)  # all must be numbers: a damaged reply is no reading of any
        return {one: parse_number(text, template) for one, text in fields.items()}[output]

    def _all(self, query: str) -> dict[int, str]:
        """Return what answers for each output; all three in one reply, none selected."""
        reply = self._line.query(query)
        fields = [field.strip() for field in without_echo(reply, query).split(",")]
        if len(fields) != len(_MOST_V):
            raise ProtocolError(f"{self.name}: {query!r} answered {reply!r}, expected 3 values")
        return dict(zip(_MOST_V, fields, strict=True))
