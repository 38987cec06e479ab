"""Keysight N6700B/C, N6701, N6702 and N6705 mainframes: one to four supply modules.

Sources: QCoDeS, Keysight_N6705B.py (channel lists), and public clients of N6700B and N6700C:
the watchdog and that it trips all outputs, status bits, SYSTem:CHANnel, names. That MAX is answered
by each module, and that a trip leaves the programmed state ON, are recalled. The rules:
- Its I/O watchdog switches all outputs off, by its own clock, when nobody speaks to it: a program
  that died leaves nothing on. It is armed where a run narrows the protections, so where the bench
  has a limit, is fed by what a run asks anyway, and is disarmed once all outputs are off.
- The limit goes before the voltage and the voltage before the switch.
- A tripped output may still tell that it is on: its status is asked, too.
- An output whose switching on would bring coupled ones along is not switched on.
One session at a time. Nothing that is sent here wears its memory. A list or an arbitrary waveform
that somebody starts is seen by what it changes; priority modes of SMU modules are not looked at.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import ClassVar

from sensorbench.core.clock import Clock
from sensorbench.core.errors import (
    BenchError,
    InstrumentError,
    LinkTimeout,
    ProtocolError,
    SetpointError,
    WrongDevice,
)
from sensorbench.core.provenance import Identity
from sensorbench.core.quantity import SUPPLY, SUPPLY_CURRENT, Value
from sensorbench.core.units import Dimension, parse
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

_MODEL = re.compile(r"N670[0125][A-C]")
_OUTPUTS = (1, 2, 3, 4)
_MOST_V, _LEAST_A, _MOST_A = 51.0, 0.01, 10.2
_HALF_STEP_V = 2e-3
_WATCHDOG = "OUTP:PROT:WDOG"
_SHORTEST_S, _LONGEST_S = 30.0, 3600.0
"""A run speaks to it every 10 s, when it asks for alarms; what retries take comes on top."""
_GUARDED = 2048
_HOLDS_OFF = {
    1: "over-voltage protection", 2: "over-current protection", 4: "power failure",
    8: "over-power protection", 16: "over-temperature protection",
    32: "over-power protection", 64: "negative over-voltage protection", 512: "inhibit input",
    _GUARDED: "I/O watchdog, or the protection of another output", 4096: "oscillation protection",
}  # fmt: skip


def _output(output: int) -> setpoint[KeysightN6700]:
    """Declare an output, as wide as an N6752A; accuracy is that module's (recalled)."""
    member = setpoint["KeysightN6700"](
        SUPPLY,
        rated=(0.0, _MOST_V),
        limit_rated=(_LEAST_A, _MOST_A),
        settling_s=0.1,
        accuracy=Specification(Within(_MOST_V, 6e-4, 0.019)),
        steady=0.013,
        rounds=_HALF_STEP_V,
    )

    @member.go
    def _(self: KeysightN6700, target: Value, rate: float | None, limit: float | None) -> float:  # noqa: ARG001
        return self._go(output, number(target), limit)

    @member.foresee
    def _(self: KeysightN6700, target: Value, limit: float | None) -> None:
        self._require_able(output, number(target), limit)

    @member.read
    def _(self: KeysightN6700) -> float:
        return self._ask_number("MEAS:VOLT?", output)

    @member.release
    def _(self: KeysightN6700) -> None:
        self._switch_off(output)

    @member.told
    def _(self: KeysightN6700) -> Told:
        return self._told(output)

    @member.protect
    def _(self: KeysightN6700, low: float | None, high: float | None) -> Band:  # noqa: ARG001
        return self._protect(output, high)

    return member


def _current(output: int) -> meter[KeysightN6700]:
    member = meter["KeysightN6700"](SUPPLY_CURRENT, rated=(0.0, _MOST_A))

    @member.read
    def _(self: KeysightN6700) -> float:
        return self._ask_number("MEAS:CURR?", output)

    return member


class KeysightN6700:
    """Up to four modules, each used to 51 V and 10.2 A as far as it goes; what it can is asked.

    `watchdog` is how long nobody may speak to it in a run, "30 s" to "1 h", or "off". Raises
    ValueError for anything else.
    """

    LINE: ClassVar[LineSettings] = LineSettings()

    out1, out2, out3, out4 = (_output(output) for output in _OUTPUTS)
    current1, current2, current3, current4 = (_current(output) for output in _OUTPUTS)

    def __init__(
        self,
        line: Line,
        clock: Clock,  # noqa: ARG002 - every driver alike
        *,
        watchdog: str = "60 s",
    ) -> None:
        self.name = line.name
        self._line = line
        self._watchdog_s = _seconds(watchdog)

    def identify(self) -> Identity:
        """Read *IDN?. Raises WrongDevice if it is no mainframe of the N6700 family."""
        identity = parse_identity(self._line.query("*IDN?"))
        if not _MODEL.fullmatch(identity.model):
            raise WrongDevice(
                f"{self.name}: *IDN? says {identity}, expected an N6700, N6701, N6702 or N6705; "
                "is this the right address?"
            )
        return identity

    def take(self) -> Sequence[str]:
        """Return the errors and the watchdog's trip that an earlier program left, and clear them.

        What the watchdog held off is off afterwards. Any other trip stays: a person looks first.
        """
        left = [f"{code} {text}" for code, text in pending_errors(self._line)]
        held_off = self._held_off()
        if set(held_off.values()) <= {0, _GUARDED}:
            outputs = [output for output, bits in held_off.items() if bits]
            for output in outputs:
                self._switch_off(output)
                left.append(f"output {output} was held off: {_HOLDS_OFF[_GUARDED]}")
            self._clear(outputs)
        return tuple(left)

    def read_alarms(self) -> tuple[str, ...]:
        """Return what holds outputs off."""
        return tuple(
            f"output {output} is held off: {_words(bits)}"
            for output, bits in self._held_off().items()
            if bits
        )

    def clear_trips(self) -> None:
        """Release the trips and leave the outputs off: by themselves they would come back on."""
        self.make_safe()
        self._clear(self._fitted())

    def make_safe(self) -> None:
        """Switch all outputs off, whatever went before, see that they are, disarm the watchdog.

        Tries each, whatever happens with another. Raises InstrumentError naming what stays on; then
        the watchdog stays armed.
        """
        try:
            outputs = self._fitted()
        except BenchError:
            outputs = _OUTPUTS
        failed = []
        for output in outputs:
            try:
                self._switch_off(output)
            except BenchError as error:
                failed.append(f"output {output}: {error}")
        if failed:
            raise InstrumentError(
                "OUTP 0", "not safe", f"{'; '.join(failed)}. Pull the plug of the supply"
            )
        send(self._line, f"{_WATCHDOG} 0")

    # -- an output -------------------------------------------------------------------------

    def _go(self, output: int, voltage_v: float, limit_a: float | None) -> float:
        self._require_able(output, voltage_v, limit_a)
        self._require_free(output)
        if limit_a is not None:
            self._send("CURR", output, show_number(limit_a))
        sent = show_number(voltage_v)
        self._send("VOLT", output, sent)
        held_v = self._ask_number("VOLT?", output)
        if abs(held_v - voltage_v) > _HALF_STEP_V:
            raise InstrumentError(
                f"VOLT {sent},(@{output})", "not accepted",
                f"VOLT? says {held_v:g}, and no error; it was not switched on",
            )  # fmt: skip
        self._send("OUTP", output, "1")
        try:
            self._require_free(output)
        except InstrumentError:
            self._send("OUTP", output, "0")  # else it would come on when somebody clears it
            raise
        if not self._ask_flag("OUTP?", output):
            raise InstrumentError(f"OUTP 1,(@{output})", "still off", "it did not come on")
        return float(sent)

    def _require_able(self, output: int, voltage_v: float, limit_a: float | None) -> None:
        """Raise SetpointError for what the module can't do, or would do with others."""
        name = f"{self.name}.out{output}"
        fitted = self._fitted()
        if output not in fitted:
            raise SetpointError(f"{name} is not fitted: it has {len(fitted)} outputs")
        for header, value, unit in (("VOLT?", voltage_v, "V"), ("CURR?", limit_a, "A")):
            if value is None:
                continue
            low = self._ask_number(f"{header} MIN,", output)
            high = self._ask_number(f"{header} MAX,", output)
            if not low <= value <= high:
                raise SetpointError(
                    f"{name}: {value:g} {unit} is outside the {low:g}..{high:g} {unit} of the "
                    "module that is fitted there; nothing was set"
                )
        if parse_flag(self._line.query("OUTP:COUP?"), "OUTP:COUP?"):
            raise SetpointError(
                f"{name}: outputs are coupled, others would come on with it; uncouple them at its "
                "panel or by OUTP:COUP OFF. Nothing was set"
            )

    def _require_free(self, output: int) -> None:
        """Raise InstrumentError where a protection holds an output off."""
        bits = self._held_off((output,))[output]
        if bits:
            raise InstrumentError(
                f"OUTP 1,(@{output})", "held off",
                f"{_words(bits)}; see to the cause, then clear it at the panel",
            )  # fmt: skip

    def _told(self, output: int) -> Told:
        if not self._ask_flag("OUTP?", output) or self._held_off((output,))[output]:
            return None
        return Held(self._ask_number("VOLT?", output), self._ask_number("CURR?", output))

    def _switch_off(self, output: int) -> None:
        """Switch an output off, whatever went before, and see that it is."""
        self._line.write("*CLS")  # older errors must not look like a refusal to switch off
        self._send("OUTP", output, "0")
        if self._ask_flag("OUTP?", output):
            raise InstrumentError(f"OUTP 0,(@{output})", "still on", "pull the plug of the supply")

    # -- protections -----------------------------------------------------------------------

    def _protect(self, output: int, high_v: float | None) -> Band:
        """Arm the watchdog; narrow the over-voltage protection, in V, which has no lower end."""
        if self._watchdog_s is not None:
            self._arm(self._watchdog_s)
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

    def _arm(self, delay_s: float) -> None:
        """Arm the watchdog. Raises InstrumentError where it is not armed then, or too short."""
        found_s = self._armed_s()
        if found_s is None or found_s > delay_s:
            send(self._line, f"{_WATCHDOG}:DEL {delay_s:.0f}")
            send(self._line, f"{_WATCHDOG} 1")
            found_s = self._armed_s()
        if found_s is None or found_s > delay_s:
            raise InstrumentError(f"{_WATCHDOG} 1", "not accepted", "its watchdog is not armed")
        if found_s < _SHORTEST_S:
            raise InstrumentError(
                f"{_WATCHDOG}:DEL?", f"{found_s:g} s",
                f"somebody armed its watchdog so short that a run can't feed it; {_SHORTEST_S:g} s "
                "are the least",
            )  # fmt: skip

    def _clear(self, outputs: Sequence[int]) -> None:
        """Release trips, in one command: one that stays would trip coupled ones again."""
        if outputs:
            send(self._line, f"OUTP:PROT:CLE {_list(outputs)}")

    def _armed_s(self) -> float | None:
        """Return after how long a silence it trips, s; None while it is off."""
        if not parse_flag(self._line.query(f"{_WATCHDOG}?"), f"{_WATCHDOG}?"):
            return None
        return parse_number(self._line.query(f"{_WATCHDOG}:DEL?"), f"{_WATCHDOG}:DEL?")

    def _held_off(self, outputs: Sequence[int] = ()) -> dict[int, int]:
        """Return by output the bits of what holds it off; of all that are fitted if none named."""
        asked = outputs or self._fitted()
        command = f"STAT:QUES:COND? {_list(asked)}"
        replies = without_echo(self._line.query(command), command).split(",")
        if len(replies) != len(asked):
            raise ProtocolError(
                f"{self.name}: {command!r} answered {','.join(replies)!r}, expected {len(asked)} "
                "numbers"
            )
        bits = [_whole(reply, command) & sum(_HOLDS_OFF) for reply in replies]
        return dict(zip(asked, bits, strict=True))

    # -- the line --------------------------------------------------------------------------

    def _fitted(self) -> tuple[int, ...]:
        """Return the outputs that have a module: they are counted from 1."""
        count = _whole(self._line.query("SYST:CHAN?"), "SYST:CHAN?")
        if not 1 <= count <= len(_OUTPUTS):
            raise ProtocolError(f"{self.name}: 'SYST:CHAN?' answered {count}, expected 1 to 4")
        return _OUTPUTS[:count]

    def _send(self, command: str, output: int, value: str) -> None:
        send(self._line, f"{command} {value},(@{output})")

    def _ask_flag(self, query: str, output: int) -> bool:
        command = f"{query} (@{output})"
        return parse_flag(self._ask(command), command)

    def _ask_number(self, query: str, output: int) -> float:
        command = f"{query} (@{output})"
        return parse_number(self._ask(command), command)

    def _ask(self, command: str) -> str:
        """Return the reply; it refuses in silence, and says why in its error queue."""
        try:
            return self._line.query(command)
        except LinkTimeout:
            errors = pending_errors(self._line)
            if not errors:
                raise
            code, text = errors[0]
            raise InstrumentError(command, code, text) from None


def _seconds(watchdog: str) -> float | None:
    if watchdog == "off":
        return None
    seconds = parse(watchdog, Dimension.TIME)
    if not _SHORTEST_S <= seconds <= _LONGEST_S:
        raise ValueError(
            f"watchdog = {watchdog!r} must be {_SHORTEST_S:g} s to {_LONGEST_S:g} s, or 'off'"
        )
    return float(round(seconds))


def _list(outputs: Sequence[int]) -> str:
    return f"(@{','.join(map(str, outputs))})"


def _whole(reply: str, command: str) -> int:
    value = parse_number(reply, command)
    if value < 0 or value != int(value):
        raise ProtocolError(f"{command!r} answered {reply!r}, expected a whole number")
    return int(value)


def _words(bits: int) -> str:
    found = dict.fromkeys(words for bit, words in _HOLDS_OFF.items() if bits & bit)
    return " and ".join(found)
