"""Rigol DP832 and DP832A triple output power supply.

Source: the DP800 programming guide as public drivers cite it (QCoDeS, DP8xx.py; labmcp-bench-psu
0.1.3; pydp832-tspspi 0.0.4); accuracies and the pause between commands are recalled. The
rules beside those of every supply (power_supply.py):
- Channels are named in each command, so that the one chosen at the panel stays as it is.
- While outputs 1 and 2 track each other neither is set: each would set the other.
- Trips are cleared by OUTPut:OVP:CLEar; VOLTage:PROTection:CLEar would switch the output on.
A timer or a delay that somebody starts at the panel is seen by what it changes, not by itself.
"""

from __future__ import annotations

import re
from typing import ClassVar

from sensorbench.core.errors import ProtocolError, SetpointError
from sensorbench.instruments.power_supply import (
    Commands,
    ScpiPowerSupply,
    supply_current,
    supply_output,
)
from sensorbench.instruments.specification import Specification, Within
from sensorbench.links.line import LineSettings
from sensorbench.protocols.scpi import send

_TRACKING = (1, 2)
_PROTECTIONS = (("OVP", "over-voltage protection"), ("OCP", "over-current protection"))
_STEP_V, _STEP_A = 0.01, 0.001  # of a DP832 without the option for 1 mV
_LIMIT_A = (0.001, 3.2)


class RigolDp832(ScpiPowerSupply):
    """Three outputs: 30 V 3 A, 30 V 3 A, 5 V 3 A, settable to 32 V, 32 V, 5.3 V and 3.2 A.

    Voltages are in steps of 10 mV, with the option for it and on a DP832A of 1 mV.
    """

    LINE: ClassVar[LineSettings] = LineSettings(tcp_port=5555, pause_s=0.05)

    MODELS = re.compile("DP832A?")
    EXPECTED = "a DP832 or DP832A"
    OUTPUTS = (1, 2, 3)
    STEP_V, STEP_A = _STEP_V, _STEP_A
    MOST_PROTECTION_V: ClassVar = {1: 33.0, 2: 33.0, 3: 5.5}
    COMMANDS = Commands(
        voltage=":SOUR{output}:VOLT {value:.4f}",
        limit=":SOUR{output}:CURR {value:.4f}",
        on=":OUTP CH{output},ON",
        off=":OUTP CH{output},OFF",
        holds_voltage=":SOUR{output}:VOLT?",
        holds_limit=":SOUR{output}:CURR?",
        is_on=":OUTP? CH{output}",
        measure_voltage=":MEAS:VOLT? CH{output}",
        measure_current=":MEAS:CURR? CH{output}",
        protect=(":OUTP:OVP:VAL CH{output},{value:.4f}", ":OUTP:OVP CH{output},ON"),
        holds_protection=":OUTP:OVP:VAL? CH{output}",
    )

    out1, out2 = (
        supply_output(
            output,
            most_v=32.0,
            limit_a=_LIMIT_A,
            resolution=_STEP_V,
            accuracy=Specification(Within(32.0, 5e-4, 20e-3)),
            steady=0.02,
        )
        for output in _TRACKING
    )
    out3 = supply_output(
        3,
        most_v=5.3,
        limit_a=_LIMIT_A,
        resolution=_STEP_V,
        accuracy=Specification(Within(5.3, 1e-3, 5e-3)),
        steady=0.015,
    )
    current1, current2, current3 = (supply_current(output, most_a=3.2) for output in (1, 2, 3))

    def read_alarms(self) -> tuple[str, ...]:
        """Return the outputs that a protection holds off."""
        return tuple(
            f"{meaning} of output {output} tripped"
            for protection, meaning in _PROTECTIONS
            for output in self.OUTPUTS
            if self._has_tripped(protection, output)
        )

    def _has_tripped(self, protection: str, output: int) -> bool:
        command = f":OUTP:{protection}:QUES? CH{output}"
        reply = self._line.query(command).strip().upper()
        if reply not in {"YES", "NO"}:
            raise ProtocolError(f"{self.name}: {command!r} answered {reply!r}, expected YES or NO")
        return reply == "YES"

    def clear_trips(self) -> None:
        """Release the trips and leave the outputs off."""
        self.make_safe()
        for protection, _ in _PROTECTIONS:
            for output in self.OUTPUTS:
                send(self._line, f":OUTP:{protection}:CLEAR CH{output}")

    def _require_able(self, output: int, voltage_v: float, limit_a: float | None) -> None:  # noqa: ARG002
        """Raise SetpointError where setting an output would set the other, too."""
        if output not in _TRACKING:
            return
        if any(self._ask_flag(one, ":OUTP:TRAC? CH{output}") for one in _TRACKING):
            raise SetpointError(
                f"{self.name}.out{output}: outputs 1 and 2 track each other, so that setting "
                "one sets both; switch Track off at the supply. Nothing was set"
            )

    def _protection_v(self, output: int) -> float | None:
        if not self._ask_flag(output, ":OUTP:OVP? CH{output}"):
            return None
        return super()._protection_v(output)
