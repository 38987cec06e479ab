"""Rohde & Schwarz HMP4040 (also sold as HAMEG) power supply: four equal outputs.

Sources: commands R&S's instrument driver for the HMP4000 and PyMeasure, hmp.py; ranges a public
client's 32.05 V and 10.01 A; names of both makers as public logs print them. Accuracy and a pause
between commands are recalled. The rules beside those of every supply (power_supply.py):
- A command acts on the output that is selected, and so would anybody else's: it is selected, looked
  at, told and read back in one piece, and what was selected otherwise meanwhile is an error.
- An output gives nothing before it is selected to (OUTP:SEL) and the master is on (OUTP:GEN). While
  the master is off and others are selected to, none is switched on: they would come on with it.
- One session at a time: the selection is shared. Over RS-232 it needs RTS/CTS, or loses commands.
More than 160 W an output and 384 W in all it does not give (recalled): it limits by itself then.
An arbitrary sequence that somebody starts can't be asked for: it is seen by what it changes.
"""

from __future__ import annotations

import re
import threading
from functools import partial
from typing import ClassVar

from sensorbench.core.clock import Clock
from sensorbench.core.errors import InstrumentError, SetpointError
from sensorbench.instruments.members import Band
from sensorbench.instruments.power_supply import (
    Commands,
    ScpiPowerSupply,
    supply_current,
    supply_output,
)
from sensorbench.instruments.specification import Specification, Within
from sensorbench.instruments.telling import Held, Told
from sensorbench.links.line import Line, LineSettings
from sensorbench.protocols.scpi import parse_flag, parse_number, send

_OUTPUTS = (1, 2, 3, 4)
_MOST_V, _MOST_A = 32.05, 10.01
_STEP = 1e-3  # V and A
_TRIPS = {"VOLT:PROT:TRIP?": "over-voltage protection", "FUSE:TRIP?": "electronic fuse"}


class RsHmp4040(ScpiPowerSupply):
    """Four outputs of 32 V and 10 A, settable to 32.05 V and 10.01 A in steps of 1 mV and 1 mA."""

    LINE: ClassVar[LineSettings] = LineSettings(pause_s=0.02, flow_control="rts/cts")

    MODELS = re.compile("HMP4040")
    EXPECTED = "an HMP4040"
    OUTPUTS = _OUTPUTS
    STEP_V = STEP_A = _STEP
    COMMANDS = Commands(
        voltage="VOLT {value:.4f}",
        limit="CURR {value:.4f}",
        on="OUTP ON",
        off="OUTP OFF",
        holds_voltage="VOLT?",
        holds_limit="CURR?",
        is_on="OUTP?",
        measure_voltage="MEAS:VOLT?",
        measure_current="MEAS:CURR?",
        protect=("VOLT:PROT {value:.4f}",),
        holds_protection="VOLT:PROT?",
    )

    out1, out2, out3, out4 = (
        supply_output(
            output,
            most_v=_MOST_V,
            limit_a=(_STEP, _MOST_A),
            resolution=_STEP,
            accuracy=Specification(Within(_MOST_V, 5e-4, 5e-3)),
            steady=0.013,
        )
        for output in _OUTPUTS
    )
    current1, current2, current3, current4 = (
        supply_current(output, most_a=_MOST_A) for output in _OUTPUTS
    )

    def __init__(self, line: Line, clock: Clock) -> None:
        super().__init__(line, clock)
        self._selecting = threading.RLock()

    def read_alarms(self) -> tuple[str, ...]:
        """Return the outputs that a protection holds off."""
        found = []
        for output in _OUTPUTS:
            replies = self._ask_all(output, *_TRIPS)
            found += [
                f"{meaning} of output {output} tripped"
                for (query, meaning), reply in zip(_TRIPS.items(), replies, strict=True)
                if parse_flag(reply, query)
            ]
        return tuple(found)

    def clear_trips(self) -> None:
        """Release the trips and leave the outputs off."""
        self.make_safe()
        for output in _OUTPUTS:
            self._send(output, "VOLT:PROT:CLE")

    def make_safe(self) -> None:
        """Switch the master off, whatever went before, then take every output out.

        So none comes on with the master later. Raises InstrumentError naming what stays on.
        """
        outputs = {f"output {one}": partial(self._switch_off, one) for one in _OUTPUTS}
        self._try_each({"the master": self._switch_master_off, **outputs})

    def _switch_master_off(self) -> None:
        self._line.write("*CLS")
        send(self._line, "OUTP:GEN OFF")
        if self._is_master_on():
            raise InstrumentError("OUTP:GEN OFF", "still on", "pull the plug of the supply")

    def _is_master_on(self) -> bool:
        return parse_flag(self._line.query("OUTP:GEN?"), "OUTP:GEN?")

    # -- an output -------------------------------------------------------------------------

    def _go(self, output: int, voltage_v: float, limit_a: float | None) -> float:
        with self._selecting:
            return super()._go(output, voltage_v, limit_a)

    def _protect(self, output: int, high_v: float | None) -> Band:
        with self._selecting:
            return super()._protect(output, high_v)

    def _require_able(self, output: int, voltage_v: float, limit_a: float | None) -> None:  # noqa: ARG002
        """Raise SetpointError where switching an output on would switch others on."""
        if self._is_master_on():
            return
        others = [one for one in _OUTPUTS if one != output and self._ask_flag(one, "OUTP:SEL?")]
        if others:
            named = " and ".join(map(str, others))
            raise SetpointError(
                f"{self.name}.out{output}: output {named} would come on with it; take it out by "
                "its CH button at the supply. Nothing was set"
            )

    def _others_on(self, output: int) -> frozenset[int]:  # noqa: ARG002
        return frozenset()  # those that would come on with it are refused

    def _told(self, output: int) -> Told:
        is_on, volts, amperes = self._ask_all(output, "OUTP?", "VOLT?", "CURR?")
        if not parse_flag(is_on, "OUTP?"):
            return None
        return Held(parse_number(volts, "VOLT?"), parse_number(amperes, "CURR?"))

    # -- what is selected ------------------------------------------------------------------

    def _send(self, output: int, command: str) -> None:
        """Send a command to an output. Raises InstrumentError if refused, or told another one."""
        with self._selecting:
            self._select(output)
            send(self._line, command)
            self._require_selected(command, output)

    def _ask(self, output: int, command: str) -> str:
        return self._ask_all(output, command)[0]

    def _ask_all(self, output: int, *queries: str) -> list[str]:
        """Ask an output. Raises InstrumentError where another one may have answered."""
        with self._selecting:
            self._select(output)
            replies = [self._line.query(query) for query in queries]
            self._require_selected(queries[0], output)
            return replies

    def _select(self, output: int) -> None:
        self._line.write(f"INST OUT{output}")

    def _require_selected(self, command: str, output: int) -> None:
        found = round(parse_number(self._line.query("INST:NSEL?"), "INST:NSEL?"))
        if found != output:
            raise InstrumentError(
                f"INST OUT{output}", "not selected",
                f"after {command!r} output {found} was selected: a person at the panel, or another "
                "program, selects outputs, too. What was sent may have met that one; look at it",
            )  # fmt: skip
