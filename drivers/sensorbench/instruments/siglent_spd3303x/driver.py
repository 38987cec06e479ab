"""Siglent SPD3303X triple output power supply: outputs 1 and 2, which can be set.

Source: the SPD3303X quick start as public drivers cite it (labmcp-bench-psu 0.1.3; siglent-spd-mcp
0.1.3; PyMeasure, siglent_spdbase.py); accuracies are recalled. The rules beside those of every
supply (power_supply.py):
- It names no errors, not even of a command that it does not know: what it holds alone says whether
  one was accepted.
- While outputs 1 and 2 are in series or parallel neither is set: it would be another voltage.
- It has no protection that can be set, so none is armed: a bench that needs one must have another.
Output 3 has 2.5, 3.3 or 5 V by a switch at the panel and can't be asked for anything: it is no
member, and is switched off with the others to be safe, unseen.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import partial
from typing import ClassVar

from sensorbench.core.errors import ProtocolError, SetpointError
from sensorbench.instruments.power_supply import (
    Commands,
    PowerSupply,
    supply_current,
    supply_output,
)
from sensorbench.instruments.specification import Specification, Within
from sensorbench.links.line import LineSettings

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


class SiglentSpd3303x(PowerSupply):
    """Outputs 1 and 2 of 30 V 3 A each, settable to 32 V and 3.2 A."""

    LINE: ClassVar[LineSettings] = LineSettings(pause_s=0.1)  # it loses commands that come faster

    MODELS = re.compile("SPD3303X")
    EXPECTED = "an SPD3303X"
    OUTPUTS = _OUTPUTS
    STEP_V = STEP_A = _STEP
    COMMANDS = Commands(
        voltage="CH{output}:VOLT {value:.3f}",
        limit="CH{output}:CURR {value:.3f}",
        on="OUTP CH{output},ON",
        off="OUTP CH{output},OFF",
        holds_voltage="CH{output}:VOLT?",
        holds_limit="CH{output}:CURR?",
        is_on="SYST:STAT?",
        measure_voltage="MEAS:VOLT? CH{output}",
        measure_current="MEAS:CURR? CH{output}",
    )

    out1, out2 = (
        supply_output(
            output,
            most_v=32.0,
            limit_a=(_STEP, 3.2),
            resolution=_STEP,
            accuracy=Specification(Within(32.0, 3e-4, 10e-3)),
            steady=0.015,
            protects=False,
        )
        for output in _OUTPUTS
    )
    current1, current2 = (supply_current(output, most_a=3.2) for output in _OUTPUTS)

    def make_safe(self) -> None:
        """Switch all outputs off, whatever went before, and see that 1 and 2 are.

        Raises InstrumentError naming what stays on.
        """
        outputs = {f"output {one}": partial(self._switch_off, one) for one in _OUTPUTS}
        third = partial(self._line.write, "OUTP CH3,OFF")
        self._try_each({**outputs, "output 3": third})

    def _require_able(self, output: int, voltage_v: float, limit_a: float | None) -> None:  # noqa: ARG002
        mode = self._status().mode
        if mode != "independent":
            raise SetpointError(
                f"{self.name}.out{output}: outputs 1 and 2 are in {mode}; press SER/PARA at the "
                "supply until neither lamp is lit. Nothing was set"
            )

    def _of_its_own(self, output: int) -> str:
        status = self._status()
        if status.mode != "independent":
            return f"outputs 1 and 2 in {status.mode}"
        return "its timer" if output in status.timers else ""

    def _is_on(self, output: int) -> bool:
        return output in self._status().on

    def _others_on(self, output: int) -> frozenset[int]:
        return frozenset(self._status().on) - {output}

    def _status(self) -> Status:
        return parse_status(self._line.query(self.COMMANDS.is_on))
