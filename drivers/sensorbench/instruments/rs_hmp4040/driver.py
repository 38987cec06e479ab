"""Rohde & Schwarz HMP4040 (also sold as HAMEG) power supply: four equal outputs.

Sources: commands R&S's instrument driver for the HMP4000 and PyMeasure, hmp.py; ranges a public
client's 32.05 V and 10.01 A; names of both makers as public logs print them. Accuracy and a pause
between commands are recalled. The rules:
- A command acts on the output that is selected, and so would anybody else's: it is selected, looked
  at, told and read back in one piece, and what was selected otherwise meanwhile is an error.
- An output gives nothing before it is selected to (OUTP:SEL) and the master is on (OUTP:GEN). While
  the master is off and others are selected to, none is switched on: they would come on with it.
- The limit goes before the voltage and the voltage before the switch.
- One session at a time: the selection is shared. Over RS-232 it needs RTS/CTS, or loses commands.
More than 160 W an output and 384 W in all it does not give (recalled): it limits by itself then.
An arbitrary sequence that somebody starts can't be asked for: it is seen by what it changes.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from functools import partial
from typing import ClassVar

from sensorbench.core.clock import Clock
from sensorbench.core.errors import BenchError, InstrumentError, SetpointError, WrongDevice
from sensorbench.core.provenance import Identity
from sensorbench.core.quantity import SUPPLY, SUPPLY_CURRENT, Value
from sensorbench.instruments.members import Band, meter, number, setpoint
from sensorbench.instruments.specification import Specification, Within
from sensorbench.instruments.telling import Held, Told
from sensorbench.links.line import Line, LineSettings
from sensorbench.protocols.scpi import (
    parse_flag,
    parse_identity,
    parse_number,
    pending_errors,
    send,
)

_MODEL = "HMP4040"
_OUTPUTS = (1, 2, 3, 4)
_MOST_V, _MOST_A = 32.05, 10.01
_STEP_V, _STEP_A = 1e-3, 1e-3
_TRIPS = {"VOLT:PROT:TRIP?": "over-voltage protection", "FUSE:TRIP?": "electronic fuse"}


def _output(output: int) -> setpoint[RsHmp4040]:
    """Declare an output."""
    member = setpoint["RsHmp4040"](
        SUPPLY,
        rated=(0.0, _MOST_V),
        limit_rated=(_STEP_A, _MOST_A),
        resolution=_STEP_V,
        settling_s=0.1,
        accuracy=Specification(Within(_MOST_V, 5e-4, 5e-3)),
        steady=0.013,
    )

    @member.go
    def _(self: RsHmp4040, target: Value, rate: float | None, limit: float | None) -> float:  # noqa: ARG001
        return self._go(output, number(target), limit)

    @member.foresee
    def _(self: RsHmp4040, target: Value, limit: float | None) -> None:  # noqa: ARG001
        self._require_others_stay(output)

    @member.read
    def _(self: RsHmp4040) -> float:
        return self._ask_number("MEAS:VOLT?", output)

    @member.release
    def _(self: RsHmp4040) -> None:
        self._switch_off(output)

    @member.told
    def _(self: RsHmp4040) -> Told:
        return self._told(output)

    @member.protect
    def _(self: RsHmp4040, low: float | None, high: float | None) -> Band:  # noqa: ARG001
        return self._protect(output, high)

    return member


def _current(output: int) -> meter[RsHmp4040]:
    member = meter["RsHmp4040"](SUPPLY_CURRENT, rated=(0.0, _MOST_A))

    @member.read
    def _(self: RsHmp4040) -> float:
        return self._ask_number("MEAS:CURR?", output)

    return member


class RsHmp4040:
    """Four outputs of 32 V and 10 A, settable to 32.05 V and 10.01 A in steps of 1 mV and 1 mA."""

    LINE: ClassVar[LineSettings] = LineSettings(pause_s=0.02, flow_control="rts/cts")

    out1, out2, out3, out4 = (_output(output) for output in _OUTPUTS)
    current1, current2, current3, current4 = (_current(output) for output in _OUTPUTS)

    def __init__(self, line: Line, clock: Clock) -> None:  # noqa: ARG002 - every driver alike
        self.name = line.name
        self._line = line
        self._selecting = threading.RLock()

    def identify(self) -> Identity:
        """Read *IDN?. Raises WrongDevice if it is no HMP4040."""
        identity = parse_identity(self._line.query("*IDN?"))
        if identity.model != _MODEL:
            raise WrongDevice(
                f"{self.name}: *IDN? says {identity}, expected an {_MODEL}; "
                "is this the right address?"
            )
        return identity

    def take(self) -> Sequence[str]:
        """Empty the error queue and return what an earlier program left in it."""
        return tuple(f"{code} {text}" for code, text in pending_errors(self._line))

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
            self._tell("VOLT:PROT:CLE", output)

    def make_safe(self) -> None:
        """Switch the master off, whatever went before, then take every output out.

        So none comes on with the master later. Tries each, whatever happens with another. Raises
        InstrumentError naming what stays on.
        """
        todo: dict[str, Callable[[], None]] = {"the master": self._switch_master_off}
        todo |= {f"output {one}": partial(self._switch_off, one) for one in _OUTPUTS}
        failed = []
        for name, switch_off in todo.items():
            try:
                switch_off()
            except BenchError as error:
                failed.append(f"{name}: {error}")
        if failed:
            raise InstrumentError(
                "OUTP OFF", "not safe", f"{'; '.join(failed)}. Pull the plug of the supply"
            )

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
            self._require_others_stay(output)
            if limit_a is not None:
                self._set("CURR", output, limit_a, _STEP_A)
            held_v = self._set("VOLT", output, voltage_v, _STEP_V)
            self._tell("OUTP ON", output)
            if not self._ask_flag("OUTP?", output):
                raise InstrumentError(
                    "OUTP ON", "still off", f"output {output} did not come on: has it tripped?"
                )
        return held_v

    def _set(self, header: str, output: int, value: float, step: float) -> float:
        """Send a number, and return what the output holds then: what it was sent, to its step."""
        command = f"{header} {value:.4f}"
        self._tell(command, output)
        held = self._ask_number(f"{header}?", output)
        if abs(held - value) > step / 2 * (1 + 1e-6):
            raise InstrumentError(
                command, "not accepted", f"{header}? says {held:g}, and no error; nothing went on"
            )
        return held

    def _require_others_stay(self, output: int) -> None:
        """Raise SetpointError where switching an output on would switch others on."""
        if self._is_master_on():
            return
        others = [one for one in _OUTPUTS if one != output and self._ask_flag("OUTP:SEL?", one)]
        if others:
            named = " and ".join(map(str, others))
            raise SetpointError(
                f"{self.name}.out{output}: output {named} would come on with it; take it out by "
                "its CH button at the supply. Nothing was set"
            )

    def _told(self, output: int) -> Told:
        is_on, volts, amperes = self._ask_all(output, "OUTP?", "VOLT?", "CURR?")
        if not parse_flag(is_on, "OUTP?"):
            return None
        return Held(parse_number(volts, "VOLT?"), parse_number(amperes, "CURR?"))

    def _switch_off(self, output: int) -> None:
        """Take an output out, whatever went before, and see that it gives nothing."""
        self._line.write("*CLS")  # older errors must not look like a refusal to switch off
        self._tell("OUTP OFF", output)
        if self._ask_flag("OUTP?", output):
            raise InstrumentError(
                "OUTP OFF", "still on", "the output is still on; pull the plug of the supply"
            )

    def _protect(self, output: int, high_v: float | None) -> Band:
        """Narrow the over-voltage protection of what is measured, in V; it has no lower end."""
        with self._selecting:
            holds_v = self._ask_number("VOLT:PROT?", output)
            if high_v is not None and high_v < holds_v:
                if high_v <= 0:
                    raise SetpointError(
                        f"{self.name}.out{output}: over-voltage protection at {high_v:g} V leaves "
                        "no range; nothing was sent"
                    )
                holds_v = self._set("VOLT:PROT", output, high_v, _STEP_V)
        return None, holds_v

    # -- what is selected ------------------------------------------------------------------

    def _tell(self, command: str, output: int) -> None:
        """Send a command to an output. Raises InstrumentError if refused, or told another one."""
        with self._selecting:
            self._select(output)
            send(self._line, command)
            self._require_selected(command, output)

    def _ask_number(self, query: str, output: int) -> float:
        return parse_number(self._ask_all(output, query)[0], query)

    def _ask_flag(self, query: str, output: int) -> bool:
        return parse_flag(self._ask_all(output, query)[0], query)

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
