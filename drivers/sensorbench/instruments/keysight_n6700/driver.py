"""Keysight N6700B/C, N6701, N6702 and N6705 mainframes: one to four supply modules.

Sources: QCoDeS, Keysight_N6705B.py (channel lists), and public clients of N6700B and N6700C:
the watchdog and that it trips all outputs, status bits, SYSTem:CHANnel, names. That MAX is answered
by each module, and that a trip leaves the programmed state ON, are recalled. The rules beside
those of every supply (power_supply.py):
- Its I/O watchdog switches all outputs off, by its own clock, when nobody speaks to it: a program
  that died leaves nothing on. It is armed where a run narrows the protections, so where the bench
  has a limit, is fed by what a run asks anyway, and is disarmed once all outputs are off.
- A tripped output may still tell that it is on: its status is asked, too.
- An output whose switching on would bring coupled ones along is not switched on.
One session at a time. Nothing that is sent here wears its memory. A list or an arbitrary waveform
that somebody starts is seen by what it changes; priority modes of SMU modules are not looked at.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import partial
from typing import ClassVar

from sensorbench.core.clock import Clock
from sensorbench.core.errors import (
    BenchError,
    InstrumentError,
    LinkTimeout,
    ProtocolError,
    SetpointError,
)
from sensorbench.core.units import Dimension, parse
from sensorbench.instruments.members import Band
from sensorbench.instruments.power_supply import (
    Commands,
    ScpiPowerSupply,
    supply_current,
    supply_output,
)
from sensorbench.instruments.specification import Specification, Within
from sensorbench.instruments.telling import Told
from sensorbench.links.line import Line, LineSettings
from sensorbench.protocols.scpi import parse_flag, parse_number, pending_errors, send, without_echo

_OUTPUTS = (1, 2, 3, 4)
_MOST_V, _LEAST_A, _MOST_A = 51.0, 0.01, 10.2
_STEP_V = 4e-3
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


class KeysightN6700(ScpiPowerSupply):
    """Up to four modules, each used to 51 V and 10.2 A as far as it goes; what it can is asked.

    `watchdog` is how long nobody may speak to it in a run, "30 s" to "1 h", or "off". Raises
    ValueError for anything else.
    """

    LINE: ClassVar[LineSettings] = LineSettings()

    MODELS = re.compile(r"N670[0125][A-C]")
    EXPECTED = "an N6700, N6701, N6702 or N6705"
    OUTPUTS = _OUTPUTS
    STEP_V, STEP_A = _STEP_V, _LEAST_A
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

    # Each is as wide as an N6752A; accuracy is that module's (recalled).
    out1, out2, out3, out4 = (
        supply_output(
            output,
            most_v=_MOST_V,
            limit_a=(_LEAST_A, _MOST_A),
            accuracy=Specification(Within(_MOST_V, 6e-4, 0.019)),
            steady=0.013,
            rounds=_STEP_V / 2,
        )
        for output in _OUTPUTS
    )
    current1, current2, current3, current4 = (
        supply_current(output, most_a=_MOST_A) for output in _OUTPUTS
    )

    def __init__(self, line: Line, clock: Clock, *, watchdog: str = "60 s") -> None:
        super().__init__(line, clock)
        self._watchdog_s = _seconds(watchdog)

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

        Raises InstrumentError naming what stays on; then the watchdog stays armed.
        """
        try:
            outputs = self._fitted()
        except BenchError:
            outputs = _OUTPUTS
        self._try_each({f"output {one}": partial(self._switch_off, one) for one in outputs})
        send(self._line, f"{_WATCHDOG} 0")

    # -- an output -------------------------------------------------------------------------

    def _apply(self, output: int, voltage_v: float, limit_a: float | None) -> float:
        self._require_free(output)
        return super()._apply(output, voltage_v, limit_a)

    def _switch_on(self, output: int) -> None:
        super()._switch_on(output)
        try:
            self._require_free(output)
        except InstrumentError:
            # Else it would come on when somebody clears it.
            self._send(output, self.COMMANDS.off.format(output=output))
            raise

    def _others_on(self, output: int) -> frozenset[int]:  # noqa: ARG002
        return frozenset()  # coupled ones are refused

    def _require_able(self, output: int, voltage_v: float, limit_a: float | None) -> None:
        """Raise SetpointError for what the module can't do, or would do with others."""
        name = f"{self.name}.out{output}"
        fitted = self._fitted()
        if output not in fitted:
            raise SetpointError(f"{name} is not fitted: it has {len(fitted)} outputs")
        for header, value, unit in (("VOLT?", voltage_v, "V"), ("CURR?", limit_a, "A")):
            if value is None:
                continue
            low = self._ask_number(output, header + " MIN,(@{output})")
            high = self._ask_number(output, header + " MAX,(@{output})")
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
        return None if self._held_off((output,))[output] else super()._told(output)

    # -- protections -----------------------------------------------------------------------

    def _protect(self, output: int, high_v: float | None) -> Band:
        """Arm the watchdog; narrow the over-voltage protection, in V, which has no lower end."""
        if self._watchdog_s is not None:
            self._arm(self._watchdog_s)
        return super()._protect(output, high_v)

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

    def _ask(self, output: int, command: str) -> str:  # noqa: ARG002
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
