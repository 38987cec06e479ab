"""Keysight E36312A triple output power supply.

Source: PyMeasure, keysightE36312A.py and its tests (channel lists); ratings, accuracies, steps and
the protection commands are recalled. The rules are those of every supply (power_supply.py).
"""

from __future__ import annotations

import re
from typing import ClassVar

from sensorbench.core.errors import ProtocolError
from sensorbench.instruments.power_supply import (
    Commands,
    ScpiPowerSupply,
    supply_current,
    supply_output,
)
from sensorbench.instruments.specification import Specification, Within
from sensorbench.links.line import LineSettings
from sensorbench.protocols.scpi import parse_flag, send, without_echo

_ALL = "(@1,2,3)"
_LIMITS_A = {1: (0.002, 5.15), 2: (0.001, 1.03), 3: (0.001, 1.03)}
_TRIPS = {
    "VOLT:PROT:TRIP?": "over-voltage protection",
    "CURR:PROT:TRIP?": "over-current protection",
}


class KeysightE36312a(ScpiPowerSupply):
    """Three outputs: 6 V 5 A, 25 V 1 A, 25 V 1 A, each settable to 103 %."""

    LINE: ClassVar[LineSettings] = LineSettings(sessions=2)  # recalled

    MODELS = re.compile("E36312A")
    EXPECTED = "an E36312A"
    OUTPUTS = (1, 2, 3)
    STEP_V, STEP_A = 4e-3, 1e-3
    COMMANDS = Commands(
        voltage="VOLT {value:.9g},(@{output})",
        limit="CURR {value:.9g},(@{output})",
        on="OUTP 1,(@{output})",
        off="OUTP 0,(@{output})",
        holds_voltage="VOLT? (@{output})",
        holds_limit="CURR? (@{output})",
        is_on="OUTP? (@{output})",
        measure_voltage="MEAS:VOLT? (@{output})",
        measure_current="MEAS:CURR? (@{output})",
        protect=("VOLT:PROT {value:.9g},(@{output})",),
        holds_protection="VOLT:PROT? (@{output})",
    )

    out1 = supply_output(
        1,
        most_v=6.18,
        limit_a=_LIMITS_A[1],
        accuracy=Specification(Within(6.18, 3e-4, 3e-3)),
        steady=5e-3,
    )
    out2, out3 = (
        supply_output(
            output,
            most_v=25.75,
            limit_a=_LIMITS_A[output],
            accuracy=Specification(Within(25.75, 3e-4, 5e-3)),
            steady=9e-3,
        )
        for output in (2, 3)
    )
    current1, current2, current3 = (
        supply_current(output, most_a=most_a) for output, (_, most_a) in _LIMITS_A.items()
    )

    def read_alarms(self) -> tuple[str, ...]:
        """Return the outputs that a protection holds off."""
        alarms = []
        for query, meaning in _TRIPS.items():
            command = f"{query} {_ALL}"
            flags = without_echo(self._line.query(command), command).split(",")
            if len(flags) != len(self.OUTPUTS):
                raise ProtocolError(
                    f"{self.name}: {command!r} answered {','.join(flags)!r}, expected three flags"
                )
            alarms += [
                f"{meaning} of output {output} tripped"
                for output, flag in zip(self.OUTPUTS, flags, strict=True)
                if parse_flag(flag, command)
            ]
        return tuple(alarms)

    def clear_trips(self) -> None:
        """Release the trips and leave the outputs off: by themselves they would come back on."""
        self.make_safe()
        for output in self.OUTPUTS:
            send(self._line, f"OUTP:PROT:CLE (@{output})")
