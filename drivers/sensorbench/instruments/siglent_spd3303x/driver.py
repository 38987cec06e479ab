"""Siglent SPD3303X triple output power supply: outputs 1 and 2, which can be set.

Source: the SPD3303X quick start as public drivers cite it (labmcp-bench-psu 0.1.3; siglent-spd-mcp
0.1.3; PyMeasure, siglent_spdbase.py); accuracies are recalled. The rules:
- It names no errors, not even of a command that it does not know: what it holds is read back after
  each command, and that alone says whether it was accepted.
- The limit goes before the voltage and the voltage before the switch.
- While outputs 1 and 2 are in series or parallel neither is set: it would be another voltage.
- It has no protection that can be set, so none is armed: a bench that needs one must have another.
Output 3 has 2.5, 3.3 or 5 V by a switch at the panel and can't be asked for anything: it is no
member, and is switched off with the others to be safe, unseen.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import ClassVar

from sensorbench.core.clock import Clock
from sensorbench.core.errors import (
    BenchError,
    InstrumentError,
    ProtocolError,
    SetpointError,
    WrongDevice,
)
from sensorbench.core.provenance import Identity
from sensorbench.core.quantity import SUPPLY, SUPPLY_CURRENT, Value
from sensorbench.instruments.members import meter, number, setpoint
from sensorbench.instruments.specification import Specification, Within
from sensorbench.instruments.telling import Held, OfItsOwn, Told
from sensorbench.links.line import Line, LineSettings
from sensorbench.protocols.scpi import parse_identity, parse_number

_MODEL = "SPD3303X"
_OUTPUTS = (1, 2)
_STEP = 1e-3  # V and A
_WORD = re.compile(r"0[xX]([0-9A-Fa-f]{1,4})")
_MODES = {1: "independent", 2: "parallel", 3: "series"}


@dataclass(frozen=True, slots=True)
class Status:
    """What SYSTem:STATus? tells: the mode of outputs 1 and 2, which are on, whose timer runs."""

    mode: str
    on: tuple[int, ...]
    timers: tuple[int, ...]


def parse_status(reply: str) -> Status:
    """Read the status word, hexadecimal text. Raises ProtocolError if it is none.

    >>> parse_status("0x14")
    Status(mode='independent', on=(1,), timers=())
    """
    match = _WORD.fullmatch(reply.strip())
    word = int(match[1], 16) if match else 0
    mode = _MODES.get(word >> 2 & 0b11)
    if mode is None:
        raise ProtocolError(f"SYST:STAT? answered {reply!r}, expected a status word such as 0x14")
    return Status(
        mode,
        tuple(output for output in _OUTPUTS if word >> (3 + output) & 1),
        tuple(output for output in _OUTPUTS if word >> (5 + output) & 1),
    )


class SiglentSpd3303x:
    """Outputs 1 and 2 of 30 V 3 A each, settable to 32 V and 3.2 A."""

    LINE: ClassVar[LineSettings] = LineSettings(pause_s=0.1)  # it loses commands that come faster

    out1 = setpoint["SiglentSpd3303x"](
        SUPPLY,
        rated=(0.0, 32.0),
        limit_rated=(0.001, 3.2),
        resolution=_STEP,
        settling_s=0.1,
        accuracy=Specification(Within(32.0, 3e-4, 10e-3)),
        steady=0.015,
    )
    out2 = setpoint["SiglentSpd3303x"](
        SUPPLY,
        rated=(0.0, 32.0),
        limit_rated=(0.001, 3.2),
        resolution=_STEP,
        settling_s=0.1,
        accuracy=Specification(Within(32.0, 3e-4, 10e-3)),
        steady=0.015,
    )
    current1 = meter["SiglentSpd3303x"](SUPPLY_CURRENT, rated=(0.0, 3.2))
    current2 = meter["SiglentSpd3303x"](SUPPLY_CURRENT, rated=(0.0, 3.2))

    def __init__(self, line: Line, clock: Clock) -> None:  # noqa: ARG002 - every driver alike
        self.name = line.name
        self._line = line

    def identify(self) -> Identity:
        """Read *IDN?. Raises WrongDevice if it is no SPD3303X."""
        identity = parse_identity(self._line.query("*IDN?"))
        if identity.model != _MODEL:
            raise WrongDevice(
                f"{self.name}: *IDN? says {identity}, expected an {_MODEL}; "
                "is this the right address?"
            )
        return identity

    @out1.go
    def _(self, target: Value, rate: float | None, limit: float | None) -> float:  # noqa: ARG002
        return self._go(1, number(target), limit)

    @out2.go
    def _(self, target: Value, rate: float | None, limit: float | None) -> float:  # noqa: ARG002
        return self._go(2, number(target), limit)

    @out1.foresee
    def _(self, target: Value, limit: float | None) -> None:  # noqa: ARG002
        self._require_independent(1)

    @out2.foresee
    def _(self, target: Value, limit: float | None) -> None:  # noqa: ARG002
        self._require_independent(2)

    @out1.read
    def _(self) -> float:
        return self._ask_number("MEAS:VOLT? CH1")

    @out2.read
    def _(self) -> float:
        return self._ask_number("MEAS:VOLT? CH2")

    @out1.release
    def _(self) -> None:
        self._switch(1, on=False)

    @out2.release
    def _(self) -> None:
        self._switch(2, on=False)

    @out1.told
    def _(self) -> Told:
        return self._told(1)

    @out2.told
    def _(self) -> Told:
        return self._told(2)

    @current1.read
    def _(self) -> float:
        return self._ask_number("MEAS:CURR? CH1")

    @current2.read
    def _(self) -> float:
        return self._ask_number("MEAS:CURR? CH2")

    def make_safe(self) -> None:
        """Switch all outputs off, whatever went before, and see that 1 and 2 are.

        Tries each, whatever happens with another. Raises InstrumentError naming what stays on.
        """
        failed = []
        for output in _OUTPUTS:
            try:
                self._switch(output, on=False)
            except BenchError as error:
                failed.append(f"output {output}: {error}")
        try:
            self._line.write("OUTP CH3,OFF")
        except BenchError as error:
            failed.append(f"output 3: {error}")
        if failed:
            raise InstrumentError(
                "OUTP OFF", "not safe", f"{'; '.join(failed)}. Pull the plug of the supply"
            )

    def _go(self, output: int, voltage_v: float, limit_a: float | None) -> float:
        self._require_independent(output)
        if limit_a is not None:
            self._set(f"CH{output}:CURR", limit_a)
        held_v = self._set(f"CH{output}:VOLT", voltage_v)
        self._switch(output, on=True)
        return held_v

    def _set(self, header: str, value: float) -> float:
        """Send a number, and return what the supply holds then: what it was sent, to its step."""
        command = f"{header} {value:.3f}"
        self._line.write(command)
        held = self._ask_number(f"{header}?")
        if abs(held - value) > _STEP / 2 * (1 + 1e-6):
            raise InstrumentError(
                command, "not accepted", f"{header}? says {held:g}; nothing more was sent"
            )
        return held

    def _switch(self, output: int, *, on: bool) -> None:
        command = f"OUTP CH{output},{'ON' if on else 'OFF'}"
        self._line.write(command)
        if (output in self._status().on) is not on:
            does = "is still off" if on else "is still on; pull the plug of the supply"
            raise InstrumentError(command, "not accepted", f"output {output} {does}")

    def _require_independent(self, output: int) -> None:
        mode = self._status().mode
        if mode != "independent":
            raise SetpointError(
                f"{self.name}.out{output}: outputs 1 and 2 are in {mode}; press SER/PARA at the "
                "supply until neither lamp is lit. Nothing was set"
            )

    def _told(self, output: int) -> Told:
        status = self._status()
        if status.mode != "independent":
            return OfItsOwn(f"outputs 1 and 2 in {status.mode}")
        if output in status.timers:
            return OfItsOwn("its timer")
        if output not in status.on:
            return None
        volts = self._ask_number(f"CH{output}:VOLT?")
        return Held(volts, self._ask_number(f"CH{output}:CURR?"))

    def _status(self) -> Status:
        return parse_status(self._line.query("SYST:STAT?"))

    def _ask_number(self, command: str) -> float:
        return parse_number(self._line.query(command), command)
