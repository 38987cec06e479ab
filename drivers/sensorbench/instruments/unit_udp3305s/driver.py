"""UNI-T UDP3305S and UDP3305S-E power supplies: three outputs, two of which can be joined.

Sources: philpagel/udp3305s, python/UDP3305S.py and its TestController file (commands, replies,
ranges); 200 ms between commands is a public client's; accuracy is recalled. The rules beside
those of every supply (power_supply.py):
- No public client asks it for errors: what it holds alone says whether a command was accepted.
  There is no known way to ask for a trip, either: a tripped output is one that went off.
- While outputs 1 and 2 are in series or parallel neither is set: it would be another voltage.
One session. Whether settings are kept in a memory that wears is not known; it has no communication
watchdog that is. The UDP3305S-E rounds to 10 mV, the UDP3305S to less.
"""

from __future__ import annotations

import re
from functools import partial
from typing import ClassVar

from sensorbench.core.errors import BenchError, InstrumentError, ProtocolError, SetpointError
from sensorbench.instruments.power_supply import (
    Commands,
    PowerSupply,
    supply_current,
    supply_output,
)
from sensorbench.instruments.specification import Specification, Within
from sensorbench.links.line import LineSettings
from sensorbench.protocols.scpi import parse_flag, without_echo

_MOST = {1: (33.0, 5.2), 2: (33.0, 5.2), 3: (6.2, 3.2)}
_STEP_V, _STEP_A = 0.01, 1e-3
_MODES = {"NORM": "normal", "SER": "series", "PARA": "parallel", "PAR": "parallel"}
_JOINED = {"series": "SER", "parallel": "PARA"}


class UnitUdp3305s(PowerSupply):
    """Two outputs of 33 V and 5.2 A, one of 6.2 V and 3.2 A, as far as they can be set."""

    LINE: ClassVar[LineSettings] = LineSettings(pause_s=0.2)

    MODELS = re.compile("UDP3305S(?:-E)?")
    EXPECTED = "a UDP3305S"
    OUTPUTS = tuple(_MOST)
    STEP_V, STEP_A = _STEP_V, _STEP_A
    MOST_PROTECTION_V: ClassVar = {output: most_v for output, (most_v, _) in _MOST.items()}
    COMMANDS = Commands(
        voltage="APPLY CH{output},{value:.4f}V",
        limit="APPLY CH{output},{value:.4f}A",
        on="OUTPUT:STATE CH{output},ON",
        off="OUTPUT:STATE CH{output},OFF",
        holds_voltage="APPLY? CH{output},VOLT",
        holds_limit="APPLY? CH{output},CURRENT",
        is_on="OUTPUT:STATE? CH{output}",
        measure_voltage="MEAS:VOLT? CH{output}",
        measure_current="MEAS:CURR? CH{output}",
        protect=("OUTPUT:OVP:VALUE CH{output},{value:.3f}", "OUTPUT:OVP:STATE CH{output},ON"),
        holds_protection="OUTPUT:OVP:VALUE? CH{output}",
    )

    out1, out2, out3 = (
        supply_output(
            output,
            most_v=most_v,
            limit_a=(_STEP_A, most_a),
            resolution=_STEP_V,
            accuracy=Specification(Within(most_v, 5e-4, 10e-3)),
            steady=0.015,
        )
        for output, (most_v, most_a) in _MOST.items()
    )
    current1, current2, current3 = (
        supply_current(output, most_a=most_a) for output, (_, most_a) in _MOST.items()
    )

    def make_safe(self) -> None:
        """Switch all outputs off, joined ones too, whatever went before, and see that they are.

        Raises InstrumentError naming what stays on.
        """
        try:
            self._line.write("OUTPUT:STATE ALL,OFF")
            joined = _JOINED.get(self._mode())
        except BenchError:
            joined = None
        third = {"output 3": partial(self._switch_off, 3)}
        if joined is not None:
            self._try_each({joined: partial(self._switch_pair_off, joined), **third})
        else:
            super().make_safe()

    def _switch_pair_off(self, name: str) -> None:
        command = f"OUTPUT:STATE {name},OFF"
        self._line.write(command)
        query = f"OUTPUT:STATE? {name}"
        if parse_flag(self._line.query(query), query):
            raise InstrumentError(command, "still on", "it is still on; pull the plug")

    # -- an output -------------------------------------------------------------------------

    def _require_able(self, output: int, voltage_v: float, limit_a: float | None) -> None:  # noqa: ARG002
        mode = self._joined(output)
        if mode:
            raise SetpointError(
                f"{self.name}.out{output}: outputs 1 and 2 are in {mode}; make them independent "
                "at the supply. Nothing was set"
            )

    def _others_on(self, output: int) -> frozenset[int]:  # noqa: ARG002
        return frozenset()  # joined ones are refused, and do not tell it one by one

    def _of_its_own(self, output: int) -> str:
        mode = self._joined(output)
        return f"outputs 1 and 2 in {mode}" if mode else ""

    def _joined(self, output: int) -> str:
        """Return how an output is joined with another, "" where it is not."""
        mode = "normal" if output == 3 else self._mode()
        return "" if mode == "normal" else mode

    def _mode(self) -> str:
        reply = without_echo(self._line.query("SOURCE:MODE?"), "SOURCE:MODE?").upper()
        mode = _MODES.get("NORM" if reply == "NORMAL" else reply)
        if mode is None:
            raise ProtocolError(
                f"{self.name}: 'SOURCE:MODE?' answered {reply!r}, expected NORMAL, SER or PARA"
            )
        return mode

    def _protection_v(self, output: int) -> float | None:
        if not self._ask_flag(output, "OUTPUT:OVP:STATE? CH{output}"):
            return None
        return super()._protection_v(output)

    def _ask(self, output: int, command: str) -> str:
        """Return the reply. Raises ProtocolError where another output answers what it holds."""
        reply = self._line.query(command)
        if not command.startswith("APPLY?"):
            return reply
        name, _, value = without_echo(reply, command).partition(",")
        if name.strip().upper() != f"CH{output}":
            raise ProtocolError(
                f"{self.name}: {command!r} answered {reply!r}, expected CH{output} and a number"
            )
        return value
