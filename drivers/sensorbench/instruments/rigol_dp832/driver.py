"""Rigol DP832 and DP832A triple output power supply.

Source: the DP800 programming guide as public drivers cite it (QCoDeS, DP8xx.py; labmcp-bench-psu
0.1.3; pydp832-tspspi 0.0.4); accuracies and the pause between commands are recalled. The rules:
- The limit goes before the voltage and the voltage before the switch, and each is read back: what
  the supply holds counts, not what it was sent.
- Channels are named in each command, so that the one chosen at the panel stays as it is.
- While outputs 1 and 2 track each other neither is set: each would set the other.
- Trips are cleared by OUTPut:OVP:CLEar; VOLTage:PROTection:CLEar would switch the output on.
A timer or a delay that somebody starts at the panel is seen by what it changes, not by itself.
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
)

_MODELS = ("DP832", "DP832A")
_OUTPUTS = (1, 2, 3)
_TRACKING = (1, 2)
_PROTECTIONS = (("OVP", "over-voltage protection"), ("OCP", "over-current protection"))
_STEP_V, _STEP_A = 0.01, 0.001  # of a DP832 without the option for 1 mV
_LIMIT_A = (0.001, 3.2)
_MOST_PROTECTION_V = {1: 33.0, 2: 33.0, 3: 5.5}


class RigolDp832:
    """Three outputs: 30 V 3 A, 30 V 3 A, 5 V 3 A, settable to 32 V, 32 V, 5.3 V and 3.2 A.

    Voltages are in steps of 10 mV, with the option for it and on a DP832A of 1 mV.
    """

    LINE: ClassVar[LineSettings] = LineSettings(tcp_port=5555, pause_s=0.05)

    out1 = setpoint["RigolDp832"](
        SUPPLY,
        rated=(0.0, 32.0),
        limit_rated=_LIMIT_A,
        resolution=_STEP_V,
        settling_s=0.1,
        accuracy=Specification(Within(32.0, 5e-4, 20e-3)),
        steady=0.02,
    )
    out2 = setpoint["RigolDp832"](
        SUPPLY,
        rated=(0.0, 32.0),
        limit_rated=_LIMIT_A,
        resolution=_STEP_V,
        settling_s=0.1,
        accuracy=Specification(Within(32.0, 5e-4, 20e-3)),
        steady=0.02,
    )
    out3 = setpoint["RigolDp832"](
        SUPPLY,
        rated=(0.0, 5.3),
        limit_rated=_LIMIT_A,
        resolution=_STEP_V,
        settling_s=0.1,
        accuracy=Specification(Within(5.3, 1e-3, 5e-3)),
        steady=0.015,
    )
    current1 = meter["RigolDp832"](SUPPLY_CURRENT, rated=(0.0, 3.2))
    current2 = meter["RigolDp832"](SUPPLY_CURRENT, rated=(0.0, 3.2))
    current3 = meter["RigolDp832"](SUPPLY_CURRENT, rated=(0.0, 3.2))

    def __init__(self, line: Line, clock: Clock) -> None:  # noqa: ARG002 - every driver alike
        self.name = line.name
        self._line = line

    def identify(self) -> Identity:
        """Read *IDN?. Raises WrongDevice if it is no DP832 or DP832A."""
        identity = parse_identity(self._line.query("*IDN?"))
        if identity.model not in _MODELS:
            raise WrongDevice(
                f"{self.name}: *IDN? says {identity}, expected a {' or '.join(_MODELS)}; "
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

    @out1.foresee
    def _(self, target: Value, limit: float | None) -> None:  # noqa: ARG002
        self._refuse_to_track(1)

    @out2.foresee
    def _(self, target: Value, limit: float | None) -> None:  # noqa: ARG002
        self._refuse_to_track(2)

    @out1.read
    def _(self) -> float:
        return self._ask_number(":MEAS:VOLT? CH1")

    @out2.read
    def _(self) -> float:
        return self._ask_number(":MEAS:VOLT? CH2")

    @out3.read
    def _(self) -> float:
        return self._ask_number(":MEAS:VOLT? CH3")

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
        return self._ask_number(":MEAS:CURR? CH1")

    @current2.read
    def _(self) -> float:
        return self._ask_number(":MEAS:CURR? CH2")

    @current3.read
    def _(self) -> float:
        return self._ask_number(":MEAS:CURR? CH3")

    def _go(self, output: int, voltage_v: float, limit_a: float | None) -> float:
        self._refuse_to_track(output)
        if limit_a is not None:
            self._set(f":SOUR{output}:CURR", limit_a, _STEP_A)
        held_v = self._set(f":SOUR{output}:VOLT", voltage_v, _STEP_V)
        command = f":OUTP CH{output},ON"
        send(self._line, command)
        if not self._ask_flag(f":OUTP? CH{output}"):
            raise InstrumentError(
                command, "still off", f"{self.name}.out{output} did not come on: has it tripped?"
            )
        return held_v

    def _set(self, header: str, value: float, step: float) -> float:
        """Send a number, and return what the supply holds then: what it was sent, to its step."""
        command = f"{header} {value:.4f}"
        send(self._line, command)
        held = self._ask_number(f"{header}?")
        if abs(held - value) > step / 2 * (1 + 1e-6):
            raise InstrumentError(
                command, "not accepted", f"{header}? says {held:g}, and no error; nothing went on"
            )
        return held

    def _refuse_to_track(self, output: int) -> None:
        if output not in _TRACKING:
            return
        for one in _TRACKING:
            if self._ask_flag(f":OUTP:TRAC? CH{one}"):
                raise SetpointError(
                    f"{self.name}.out{output}: outputs 1 and 2 track each other, so that setting "
                    "one sets both; switch Track off at the supply. Nothing was set"
                )

    def _told(self, output: int) -> Told:
        if not self._ask_flag(f":OUTP? CH{output}"):
            return None
        volts = self._ask_number(f":SOUR{output}:VOLT?")
        return Held(volts, self._ask_number(f":SOUR{output}:CURR?"))

    def _switch_off(self, output: int) -> None:
        """Switch an output off, whatever went before, and see that it is."""
        self._line.write("*CLS")  # older errors must not look like a refusal to switch off
        command = f":OUTP CH{output},OFF"
        send(self._line, command)
        if self._ask_flag(f":OUTP? CH{output}"):
            raise InstrumentError(
                command, "still on", "the output is still on; pull the plug of the supply"
            )

    def _protect(self, output: int, high_v: float | None) -> Band:
        """Narrow the over-voltage protection, in V; one that is switched off protects nothing."""
        holds_v = self._protection(output)
        if high_v is not None and (holds_v is None or high_v < holds_v):
            if high_v <= 0:
                raise SetpointError(
                    f"{self.name}.out{output}: over-voltage protection at {high_v:g} V leaves no "
                    "range; nothing was sent"
                )
            level_v = min(high_v, _MOST_PROTECTION_V[output])  # beyond all that it can put out
            command = f":OUTP:OVP:VAL CH{output},{level_v:.4f}"
            send(self._line, command)
            send(self._line, f":OUTP:OVP CH{output},ON")
            holds_v = self._protection(output)
            if holds_v is None or abs(holds_v - level_v) > _STEP_V:
                raise InstrumentError(
                    command,
                    "not accepted",
                    f"the over-voltage protection is {'off' if holds_v is None else holds_v}",
                )
        return None, holds_v

    def _protection(self, output: int) -> float | None:
        if not self._ask_flag(f":OUTP:OVP? CH{output}"):
            return None
        return self._ask_number(f":OUTP:OVP:VAL? CH{output}")

    # -- the whole supply ------------------------------------------------------------------

    def read_alarms(self) -> tuple[str, ...]:
        """Return the outputs that a protection holds off."""
        return tuple(
            f"{meaning} of output {output} tripped"
            for protection, meaning in _PROTECTIONS
            for output in _OUTPUTS
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
            for output in _OUTPUTS:
                send(self._line, f":OUTP:{protection}:CLEAR CH{output}")

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
                ":OUTP OFF", "not safe", f"{'; '.join(failed)}. Pull the plug of the supply"
            )

    def _ask_flag(self, command: str) -> bool:
        return parse_flag(self._line.query(command), command)

    def _ask_number(self, command: str) -> float:
        return parse_number(self._line.query(command), command)
