"""Keysight E36312A triple output power supply.

Source: PyMeasure, keysightE36312A.py and its tests (channel lists); ratings, accuracies and the
protection commands are recalled from the E36300 series documents. The rules:
- The limit goes before the voltage and the voltage before the switch: a higher voltage never meets
  an older, higher limit, and an output never comes on with an older voltage.
- A limit that is not given stays as it is.
"""

from __future__ import annotations

from collections.abc import Sequence
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
    show_number,
    without_echo,
)

_OUTPUTS = (1, 2, 3)
_ALL = "(@1,2,3)"


class KeysightE36312a:
    """Three outputs: 6 V 5 A, 25 V 1 A, 25 V 1 A, each settable to 103 %."""

    LINE: ClassVar[LineSettings] = LineSettings(sessions=2)  # recalled

    out1 = setpoint["KeysightE36312a"](
        SUPPLY,
        rated=(0.0, 6.18),
        limit_rated=(0.002, 5.15),
        settling_s=0.1,
        accuracy=Specification(Within(6.18, 3e-4, 3e-3)),
        steady=5e-3,
    )
    out2 = setpoint["KeysightE36312a"](
        SUPPLY,
        rated=(0.0, 25.75),
        limit_rated=(0.001, 1.03),
        settling_s=0.1,
        accuracy=Specification(Within(25.75, 3e-4, 5e-3)),
        steady=9e-3,
    )
    out3 = setpoint["KeysightE36312a"](
        SUPPLY,
        rated=(0.0, 25.75),
        limit_rated=(0.001, 1.03),
        settling_s=0.1,
        accuracy=Specification(Within(25.75, 3e-4, 5e-3)),
        steady=9e-3,
    )
    current1 = meter["KeysightE36312a"](SUPPLY_CURRENT, rated=(0.0, 5.15))
    current2 = meter["KeysightE36312a"](SUPPLY_CURRENT, rated=(0.0, 1.03))
    current3 = meter["KeysightE36312a"](SUPPLY_CURRENT, rated=(0.0, 1.03))

    def __init__(self, line: Line, clock: Clock) -> None:  # noqa: ARG002 - every driver alike
        self.name = line.name
        self._line = line

    def identify(self) -> Identity:
        """Read *IDN?. Raises ProtocolError if it is no E36312A."""
        identity = parse_identity(self._line.query("*IDN?"))
        if identity.model != "E36312A":
            raise WrongDevice(
                f"{self.name}: *IDN? says {identity}, expected an E36312A; "
                "is this the right address?"
            )
        return identity

    def take(self) -> Sequence[str]:
        """Empty the error queue and return what an earlier program left in it."""
        return tuple(f"{code} {text}" for code, text in pending_errors(self._line))

    # -- the outputs -----------------------------------------------------------------------

    @out1.go
    def _(self, target: Value, rate: float | None, limit: float | None) -> float:  # noqa: ARG002
        return self._go(1, number(target), limit)

    @out2.go
    def _(self, target: Value, rate: float | None, limit: float | None) -> float:  # noqa: ARG002
        return self._go(2, number(target), limit)

    @out3.go
    def _(self, target: Value, rate: float | None, limit: float | None) -> float:  # noqa: ARG002
        return self._go(3, number(target), limit)

    @out1.read
    def _(self) -> float:
        return self._ask_number("MEAS:VOLT?", 1)

    @out2.read
    def _(self) -> float:
        return self._ask_number("MEAS:VOLT?", 2)

    @out3.read
    def _(self) -> float:
        return self._ask_number("MEAS:VOLT?", 3)

    @out1.release
    def _(self) -> None:
        self._switch_off(1)

    @out2.release
    def _(self) -> None:
        self._switch_off(2)

    @out3.release
    def _(self) -> None:
        self._switch_off(3)

    @out1.told
    def _(self) -> Told:
        return self._told(1)

    @out2.told
    def _(self) -> Told:
        return self._told(2)

    @out3.told
    def _(self) -> Told:
        return self._told(3)

    @out1.protect
    def _(self, low: float | None, high: float | None) -> Band:  # noqa: ARG002 - no lower end
        return self._protect(1, high)

    @out2.protect
    def _(self, low: float | None, high: float | None) -> Band:  # noqa: ARG002
        return self._protect(2, high)

    @out3.protect
    def _(self, low: float | None, high: float | None) -> Band:  # noqa: ARG002
        return self._protect(3, high)

    @current1.read
    def _(self) -> float:
        return self._ask_number("MEAS:CURR?", 1)

    @current2.read
    def _(self) -> float:
        return self._ask_number("MEAS:CURR?", 2)

    @current3.read
    def _(self) -> float:
        return self._ask_number("MEAS:CURR?", 3)

    def _go(self, output: int, voltage_v: float, limit_a: float | None) -> float:
        if limit_a is not None:
            self._send("CURR", output, show_number(limit_a))
        sent = show_number(voltage_v)
        self._send("VOLT", output, sent)
        self._send("OUTP", output, "1")
        return float(sent)

    def _told(self, output: int) -> Told:
        if not self._ask_flag("OUTP?", output):
            return None
        return Held(self._ask_number("VOLT?", output), self._ask_number("CURR?", output))

    def _switch_off(self, output: int) -> None:
        """Switch an output off, whatever went before, and see that it is."""
        self._line.write("*CLS")  # older errors must not look like a refusal to switch off
        self._send("OUTP", output, "0")
        if self._ask_flag("OUTP?", output):
            raise InstrumentError(
                f"OUTP 0,(@{output})", 1, "the output is still on; pull the plug of the supply"
            )

    def _protect(self, output: int, high_v: float | None) -> Band:
        """Narrow the over-voltage protection, in V; it has no lower end."""
        holds_v = self._ask_number("VOLT:PROT?", output)
        if high_v is not None and high_v < holds_v:
            if high_v <= 0:
                raise SetpointError(
                    f"{self.name}.out{output}: over-voltage protection at {high_v:g} V leaves no "
                    "range; nothing was sent"
                )
            self._send("VOLT:PROT", output, show_number(high_v))
            holds_v = self._ask_number("VOLT:PROT?", output)
        return None, holds_v

    # -- the whole supply ------------------------------------------------------------------

    def read_alarms(self) -> tuple[str, ...]:
        """Return the outputs that a protection holds off."""
        alarms = []
        for query, meaning in (
            ("VOLT:PROT:TRIP?", "over-voltage protection"),
            ("CURR:PROT:TRIP?", "over-current protection"),
        ):
            command = f"{query} {_ALL}"
            flags = without_echo(self._line.query(command), command).split(",")
            if len(flags) != len(_OUTPUTS):
                raise ProtocolError(
                    f"{self.name}: {command!r} answered {','.join(flags)!r}, expected three flags"
                )
            alarms += [
                f"{meaning} of output {output} tripped"
                for output, flag in zip(_OUTPUTS, flags, strict=True)
                if parse_flag(flag, command)
            ]
        return tuple(alarms)

    def clear_trips(self) -> None:
        """Release the trips and leave the outputs off: by themselves they would come back on."""
        self.make_safe()
        for output in _OUTPUTS:
            send(self._line, f"OUTP:PROT:CLE (@{output})")

    def make_safe(self) -> None:
        """Switch all outputs off, whatever went before, and see that they are.

        Tries each, whatever happens with another. Raises InstrumentError naming what stays on.
        """
        failed = []
        for output in _OUTPUTS:
            try:
                self._switch_off(output)
            except BenchError as error:
                failed.append(f"output {output}: {error}")
        if failed:
            raise InstrumentError(
                f"OUTP 0,{_ALL}", "not safe", f"{'; '.join(failed)}. Pull the plug of the supply"
            )

    def _send(self, command: str, output: int, value: str) -> None:
        send(self._line, f"{command} {value},(@{output})")

    def _ask_flag(self, query: str, output: int) -> bool:
        command = f"{query} (@{output})"
        return parse_flag(self._line.query(command), command)

    def _ask_number(self, query: str, output: int) -> float:
        command = f"{query} (@{output})"
        return parse_number(self._line.query(command), command)
