"""UNI-T UDP3305S and UDP3305S-E power supplies: three outputs, two of which can be joined.

Sources: philpagel/udp3305s, python/UDP3305S.py and its TestController file (commands, replies,
ranges); 200 ms between commands is a public client's; accuracy is recalled. The rules:
- No public client asks it for errors: what it holds is read back after each command, and that alone
  says whether it was accepted. There is no known way to ask for a trip, either: a tripped output is
  one that went off.
- The limit goes before the voltage and the voltage before the switch.
- While outputs 1 and 2 are in series or parallel neither is set: it would be another voltage.
One session. Whether settings are kept in a memory that wears is not known; it has no communication
watchdog that is. The UDP3305S-E rounds to 10 mV, the UDP3305S to less.
"""

from __future__ import annotations

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
from sensorbench.instruments.telling import Held, OfItsOwn, Told
from sensorbench.links.line import Line, LineSettings
from sensorbench.protocols.scpi import parse_flag, parse_identity, parse_number, without_echo

_MODELS = ("UDP3305S", "UDP3305S-E")
_MOST = {1: (33.0, 5.2), 2: (33.0, 5.2), 3: (6.2, 3.2)}
_STEP_V, _STEP_A = 0.01, 1e-3
_MODES = {"NORM": "normal", "SER": "series", "PARA": "parallel", "PAR": "parallel"}


def _output(output: int) -> setpoint[UnitUdp3305s]:
    """Declare an output."""
    most_v, most_a = _MOST[output]
    member = setpoint["UnitUdp3305s"](
        SUPPLY,
        rated=(0.0, most_v),
        limit_rated=(_STEP_A, most_a),
        resolution=_STEP_V,
        settling_s=0.1,
        accuracy=Specification(Within(most_v, 5e-4, 10e-3)),
        steady=0.015,
    )

    @member.go
    def _(self: UnitUdp3305s, target: Value, rate: float | None, limit: float | None) -> float:  # noqa: ARG001
        return self._go(output, number(target), limit)

    @member.foresee
    def _(self: UnitUdp3305s, target: Value, limit: float | None) -> None:  # noqa: ARG001
        self._require_independent(output)

    @member.read
    def _(self: UnitUdp3305s) -> float:
        return self._ask_number(f"MEAS:VOLT? CH{output}")

    @member.release
    def _(self: UnitUdp3305s) -> None:
        self._switch(f"CH{output}", on=False)

    @member.told
    def _(self: UnitUdp3305s) -> Told:
        return self._told(output)

    @member.protect
    def _(self: UnitUdp3305s, low: float | None, high: float | None) -> Band:  # noqa: ARG001
        return self._protect(output, high)

    return member


def _current(output: int) -> meter[UnitUdp3305s]:
    member = meter["UnitUdp3305s"](SUPPLY_CURRENT, rated=(0.0, _MOST[output][1]))

    @member.read
    def _(self: UnitUdp3305s) -> float:
        return self._ask_number(f"MEAS:CURR? CH{output}")

    return member


class UnitUdp3305s:
    """Two outputs of 33 V and 5.2 A, one of 6.2 V and 3.2 A, as far as they can be set."""

    LINE: ClassVar[LineSettings] = LineSettings(pause_s=0.2)

    out1, out2, out3 = (_output(output) for output in _MOST)
    current1, current2, current3 = (_current(output) for output in _MOST)

    def __init__(self, line: Line, clock: Clock) -> None:  # noqa: ARG002 - every driver alike
        self.name = line.name
        self._line = line

    def identify(self) -> Identity:
        """Read *IDN?. Raises WrongDevice if it is no UDP3305S or UDP3305S-E."""
        identity = parse_identity(self._line.query("*IDN?"))
        if identity.model not in _MODELS:
            raise WrongDevice(
                f"{self.name}: *IDN? says {identity}, expected a {_MODELS[0]}; "
                "is this the right address?"
            )
        return identity

    def make_safe(self) -> None:
        """Switch all outputs off, joined ones too, whatever went before, and see that they are.

        Tries each, whatever happens with another. Raises InstrumentError naming what stays on.
        """
        failed = []
        try:
            self._line.write("OUTPUT:STATE ALL,OFF")
            mode = self._mode()
        except BenchError as error:
            failed.append(f"all: {error}")
            mode = "normal"
        pair = {"series": ("SER",), "parallel": ("PARA",)}.get(mode, ("CH1", "CH2"))
        for name in (*pair, "CH3"):
            try:
                self._switch(name, on=False)
            except BenchError as error:
                failed.append(f"{name}: {error}")
        if failed:
            raise InstrumentError(
                "OUTPUT:STATE ALL,OFF", "not safe",
                f"{'; '.join(failed)}. Pull the plug of the supply",
            )  # fmt: skip

    # -- an output -------------------------------------------------------------------------

    def _go(self, output: int, voltage_v: float, limit_a: float | None) -> float:
        self._require_independent(output)
        if limit_a is not None:
            self._apply(output, "CURRENT", limit_a, _STEP_A)
        held_v = self._apply(output, "VOLT", voltage_v, _STEP_V)
        self._switch(f"CH{output}", on=True)
        return held_v

    def _apply(self, output: int, what: str, value: float, step: float) -> float:
        """Send a number, and return what the supply holds then: what it was sent, to its step."""
        command = f"APPLY CH{output},{value:.4f}{'V' if what == 'VOLT' else 'A'}"
        self._line.write(command)
        held = self._applied(output, what)
        if abs(held - value) > step / 2 * (1 + 1e-6):
            raise InstrumentError(
                command, "not accepted", f"it holds {held:g}; nothing more was sent"
            )
        return held

    def _applied(self, output: int, what: str) -> float:
        """Return what is set. Raises ProtocolError where another output answers."""
        command = f"APPLY? CH{output},{what}"
        reply = without_echo(self._line.query(command), command)
        name, _, value = reply.partition(",")
        if name.strip().upper() != f"CH{output}":
            raise ProtocolError(
                f"{self.name}: {command!r} answered {reply!r}, expected CH{output} and a number"
            )
        return parse_number(value, command)

    def _switch(self, name: str, *, on: bool) -> None:
        command = f"OUTPUT:STATE {name},{'ON' if on else 'OFF'}"
        self._line.write(command)
        if self._is_on(name) is not on:
            does = "is still off: has it tripped?" if on else "is still on; pull the plug"
            raise InstrumentError(command, "not accepted", f"{name} {does}")

    def _is_on(self, name: str) -> bool:
        command = f"OUTPUT:STATE? {name}"
        return parse_flag(self._line.query(command), command)

    def _require_independent(self, output: int) -> None:
        mode = self._mode()
        if output != 3 and mode != "normal":
            raise SetpointError(
                f"{self.name}.out{output}: outputs 1 and 2 are in {mode}; make them independent "
                "at the supply. Nothing was set"
            )

    def _mode(self) -> str:
        reply = without_echo(self._line.query("SOURCE:MODE?"), "SOURCE:MODE?").upper()
        mode = _MODES.get("NORM" if reply == "NORMAL" else reply)
        if mode is None:
            raise ProtocolError(
                f"{self.name}: 'SOURCE:MODE?' answered {reply!r}, expected NORMAL, SER or PARA"
            )
        return mode

    def _told(self, output: int) -> Told:
        mode = self._mode()
        if output != 3 and mode != "normal":
            return OfItsOwn(f"outputs 1 and 2 in {mode}")
        if not self._is_on(f"CH{output}"):
            return None
        return Held(self._applied(output, "VOLT"), self._applied(output, "CURRENT"))

    def _protect(self, output: int, high_v: float | None) -> Band:
        """Narrow the over-voltage protection, in V, or switch it on; it has no lower end."""
        name = f"CH{output}"
        holds_v = self._protection_v(name)
        if high_v is not None and high_v < (_MOST[output][0] if holds_v is None else holds_v):
            if high_v < _STEP_V:
                raise SetpointError(
                    f"{self.name}.out{output}: over-voltage protection at {high_v:g} V leaves "
                    "no range; nothing was sent"
                )
            # The level first: an older one must not trip what is on.
            command = f"OUTPUT:OVP:VALUE {name},{high_v:.3f}"
            self._line.write(command)
            self._line.write(f"OUTPUT:OVP:STATE {name},ON")
            holds_v = self._protection_v(name)
            if holds_v is None or holds_v > high_v + _STEP_V / 2:
                raise InstrumentError(command, "not accepted", f"it protects at {holds_v} V")
        return None, holds_v

    def _protection_v(self, name: str) -> float | None:
        command = f"OUTPUT:OVP:STATE? {name}"
        if not parse_flag(self._line.query(command), command):
            return None
        return self._ask_number(f"OUTPUT:OVP:VALUE? {name}")

    def _ask_number(self, command: str) -> float:
        return parse_number(self._line.query(command), command)
