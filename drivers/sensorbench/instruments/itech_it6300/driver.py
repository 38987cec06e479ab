"""ITECH IT6302, IT6322(A) and IT6332A power supplies: two outputs of 30 V, one of 5 V.

Sources: four public clients of these models (names, SYSTem:REMote, INSTrument:NSELect, CHANnel:
OUTPut, APPLy:VOLTage? and its like, MEASure:VOLTage:ALL?) and those of the BK Precision 9130, which
ITECH makes; 3 A and accuracy are recalled, the serial speed is what the maker sets. The rules:
- All outputs are asked in one query that selects nothing; only setting selects, in one piece, and
  sees that it stayed selected.
- Set commands need remote control, which is taken when one is sent, never at opening.
- OUTPut is told to be of all outputs by some and of the selected one by others: CHANnel:OUTPut
  switches them, and where another one comes on with it all are switched off again.
- The limit goes before the voltage and the voltage before the switch.
One session: the selection is shared. Its protections differ by model and are not armed: a bench
that needs one must have another. Whether outputs are joined or track each other can't be asked for:
leave them independent. A memory that wears, or a communication watchdog, is not known.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from functools import partial
from typing import ClassVar

from sensorbench.core.clock import Clock
from sensorbench.core.errors import BenchError, InstrumentError, ProtocolError, WrongDevice
from sensorbench.core.provenance import Identity
from sensorbench.core.quantity import SUPPLY, SUPPLY_CURRENT, Value
from sensorbench.instruments.members import meter, number, setpoint
from sensorbench.instruments.specification import Specification, Within
from sensorbench.instruments.telling import Held, Told
from sensorbench.links.line import Line, LineSettings
from sensorbench.protocols.scpi import (
    parse_flag,
    parse_identity,
    parse_number,
    pending_errors,
    send,
    without_echo,
)

_MODEL = re.compile(r"IT63(?:02|22|22A|32A)")
_MOST_V = {1: 30.0, 2: 30.0, 3: 5.0}
_MOST_A, _STEP = 3.0, 1e-3


def _output(output: int) -> setpoint[ItechIt6300]:
    """Declare an output."""
    member = setpoint["ItechIt6300"](
        SUPPLY,
        rated=(0.0, _MOST_V[output]),
        limit_rated=(_STEP, _MOST_A),
        resolution=_STEP,
        settling_s=0.1,
        accuracy=Specification(Within(_MOST_V[output], 3e-4, 10e-3)),
        steady=0.015,
    )

    @member.go
    def _(self: ItechIt6300, target: Value, rate: float | None, limit: float | None) -> float:  # noqa: ARG001
        return self._go(output, number(target), limit)

    @member.read
    def _(self: ItechIt6300) -> float:
        return self._ask("MEAS:VOLT:ALL?", output)

    @member.release
    def _(self: ItechIt6300) -> None:
        self._switch_off(output)

    @member.told
    def _(self: ItechIt6300) -> Told:
        if not self._on()[output]:
            return None
        return Held(self._ask("APP:VOLT?", output), self._ask("APP:CURR?", output))

    return member


def _current(output: int) -> meter[ItechIt6300]:
    member = meter["ItechIt6300"](SUPPLY_CURRENT, rated=(0.0, _MOST_A))

    @member.read
    def _(self: ItechIt6300) -> float:
        return self._ask("MEAS:CURR:ALL?", output)

    return member


class ItechIt6300:
    """Two outputs of 30 V and one of 5 V, 3 A each, in steps of 1 mV and 1 mA."""

    LINE: ClassVar[LineSettings] = LineSettings(tcp_port=30000)

    out1, out2, out3 = (_output(output) for output in _MOST_V)
    current1, current2, current3 = (_current(output) for output in _MOST_V)

    def __init__(self, line: Line, clock: Clock) -> None:  # noqa: ARG002 - every driver alike
        self.name = line.name
        self._line = line
        self._selecting = threading.RLock()

    def identify(self) -> Identity:
        """Read *IDN?. Raises WrongDevice if it is none of these models."""
        identity = parse_identity(self._line.query("*IDN?"))
        if not _MODEL.fullmatch(identity.model):
            raise WrongDevice(
                f"{self.name}: *IDN? says {identity}, expected an IT6302, IT6322 or IT6332A; "
                "is this the right port?"
            )
        return identity

    def take(self) -> tuple[str, ...]:
        """Empty the error queue and return what an earlier program left in it."""
        return tuple(f"{code} {text}" for code, text in pending_errors(self._line))

    def make_safe(self) -> None:
        """Switch all outputs off, whatever went before, and see that they are.

        Tries each, whatever happens with another. Raises InstrumentError naming what stays on.
        """
        todo: dict[str, Callable[[], None]] = {
            f"output {output}": partial(self._switch_off, output) for output in _MOST_V
        }
        failed = []
        for name, switch_off in todo.items():
            try:
                switch_off()
            except BenchError as error:
                failed.append(f"{name}: {error}")
        if failed:
            raise InstrumentError(
                "CHAN:OUTP 0", "not safe", f"{'; '.join(failed)}. Pull the plug of the supply"
            )

    # -- an output -------------------------------------------------------------------------

    def _go(self, output: int, voltage_v: float, limit_a: float | None) -> float:
        with self._selecting:
            if limit_a is not None:
                self._set("CURR", output, limit_a)
            held_v = self._set("VOLT", output, voltage_v)
            before = self._on()
            self._tell("CHAN:OUTP 1", output)
            on = self._on()
            others = [one for one in _MOST_V if one != output and on[one] and not before[one]]
            if others:
                self.make_safe()
                raise InstrumentError(
                    "CHAN:OUTP 1", "others came on",
                    f"output {' and '.join(map(str, others))} came on with output {output}; all "
                    "were switched off. Are they joined, or do they track each other?",
                )  # fmt: skip
            if not on[output]:
                raise InstrumentError(
                    "CHAN:OUTP 1", "still off", f"output {output} did not come on: has it tripped?"
                )
        return held_v

    def _set(self, header: str, output: int, value: float) -> float:
        """Send a number, and return what the output holds then: what it was sent, to its step."""
        command = f"{header} {value:.4f}"
        self._tell(command, output)
        held = self._ask(f"APP:{header}?", output)
        if abs(held - value) > _STEP / 2 * (1 + 1e-6):
            raise InstrumentError(
                command, "not accepted",
                f"APP:{header}? says {held:g}, and no error; nothing went on",
            )  # fmt: skip
        return held

    def _switch_off(self, output: int) -> None:
        """Switch an output off, whatever went before, and see that it is."""
        self._line.write("*CLS")  # older errors must not look like a refusal to switch off
        self._tell("CHAN:OUTP 0", output)
        if self._on()[output]:
            raise InstrumentError(
                "CHAN:OUTP 0", "still on", "the output is still on; pull the plug of the supply"
            )

    # -- the line --------------------------------------------------------------------------

    def _tell(self, command: str, output: int) -> None:
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

    def _on(self) -> dict[int, bool]:
        """Return which outputs are on."""
        fields = self._all("APP:OUT?")
        return {output: parse_flag(text, "APP:OUT?") for output, text in fields.items()}

    def _ask(self, query: str, output: int) -> float:
        fields = self._all(query)  # all must be numbers: a damaged reply is no reading of any
        return {one: parse_number(text, query) for one, text in fields.items()}[output]

    def _all(self, query: str) -> dict[int, str]:
        """Return what answers for each output; all three in one reply, none selected."""
        reply = self._line.query(query)
        fields = [field.strip() for field in without_echo(reply, query).split(",")]
        if len(fields) != len(_MOST_V):
            raise ProtocolError(f"{self.name}: {query!r} answered {reply!r}, expected 3 values")
        return dict(zip(_MOST_V, fields, strict=True))
