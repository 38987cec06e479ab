"""What drivers of power supplies share: outputs, each a voltage with a current limit.

A model says its commands, a line each (`Commands`), and overrides how it is asked where that is
odd. The rules:
- The limit goes before the voltage and the voltage before the switch: a higher voltage never meets
  an older, higher limit, and an output never comes on with an older voltage. A limit that is not
  given stays as it is.
- What an output holds is read back after each number, and must be what it was sent, to its step:
  a command that was taken without an error may have been rounded, clipped or lost.
- An output is on or off when it says so, and where others come on with one (coupled, joined or
  tracking at the panel) all are switched off. To be safe each is tried, whatever happens with
  another.
- The over-voltage protection is only ever narrowed; one that is switched off protects nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import ClassVar

from sensorbench.core.clock import Clock
from sensorbench.core.errors import InstrumentError, SetpointError, WrongDevice
from sensorbench.core.provenance import Identity
from sensorbench.core.quantity import SUPPLY, SUPPLY_CURRENT, Value
from sensorbench.instruments.members import Band, meter, number, setpoint
from sensorbench.instruments.specification import Specification
from sensorbench.instruments.telling import Held, OfItsOwn, Told
from sensorbench.instruments.trying import try_each
from sensorbench.links.line import Line
from sensorbench.protocols.scpi import (
    parse_flag,
    parse_identity,
    parse_number,
    pending_errors,
    send,
)

_ROUNDING = 1e-6  # of half a step, on a number's way through text


@dataclass(frozen=True, slots=True, kw_only=True)
class Commands:
    """How an output is told and asked: `{output}` is its number, `{value}` what it is sent.

    `protect` sets the over-voltage protection and switches it on, in this order; () where there is
    none that can be set.
    """

    voltage: str
    limit: str
    on: str
    off: str
    holds_voltage: str
    holds_limit: str
    is_on: str
    measure_voltage: str
    measure_current: str
    protect: tuple[str, ...] = ()
    holds_protection: str = ""


class PowerSupply:
    """A supply of several outputs on a line. A model declares what stands here without a value.

    It names no errors: what it holds alone says what it accepted.
    """

    MODELS: ClassVar[re.Pattern[str]]
    """What *IDN? says of its model."""
    EXPECTED: ClassVar[str]
    """The models in words, with their article: "an E36312A"."""
    OUTPUTS: ClassVar[tuple[int, ...]]
    COMMANDS: ClassVar[Commands]
    STEP_V: ClassVar[float]
    STEP_A: ClassVar[float]
    MOST_PROTECTION_V: ClassVar[Mapping[int, float]] = {}
    """The highest protection by output, where one can be switched off: it is more than it gives."""

    def __init__(self, line: Line, clock: Clock) -> None:  # noqa: ARG002 - every driver alike
        self.name = line.name
        self._line = line

    def identify(self) -> Identity:
        """Read *IDN?. Raises WrongDevice if it is another model."""
        identity = parse_identity(self._line.query("*IDN?"))
        if not self.MODELS.fullmatch(identity.model):
            raise WrongDevice(
                f"{self.name}: *IDN? says {identity}, expected {self.EXPECTED}; "
                "is this the right address?"
            )
        return identity

    def make_safe(self) -> None:
        """Switch all outputs off, whatever went before, and see that they are.

        Raises InstrumentError naming what stays on, TransportError where it does not answer.
        """
        self._try_each({f"output {one}": partial(self._switch_off, one) for one in self.OUTPUTS})

    def _try_each(self, switches: Mapping[str, Callable[[], None]]) -> None:
        """Do each, whatever happens with another. Raises as `try_each` does."""
        try_each(switches, "make safe", "Pull the plug of the supply")

    # -- an output: what a model may do in another way -----------------------------------------

    def _go(self, output: int, voltage_v: float, limit_a: float | None) -> float:
        self._require_able(output, voltage_v, limit_a)
        return self._apply(output, voltage_v, limit_a)

    def _apply(self, output: int, voltage_v: float, limit_a: float | None) -> float:
        say = self.COMMANDS
        if limit_a is not None:
            self._set(output, say.limit, say.holds_limit, limit_a, self.STEP_A)
        held_v = self._set(output, say.voltage, say.holds_voltage, voltage_v, self.STEP_V)
        self._switch_on(output)
        return held_v

    def _require_able(self, output: int, voltage_v: float, limit_a: float | None) -> None:
        """Raise SetpointError for what this very supply can't do as it is fitted and wired."""

    def _told(self, output: int) -> Told:
        own = self._of_its_own(output)
        if own:
            return OfItsOwn(own)
        if not self._is_on(output):
            return None
        say = self.COMMANDS
        volts = self._ask_number(output, say.holds_voltage)
        return Held(volts, self._ask_number(output, say.holds_limit))

    def _of_its_own(self, output: int) -> str:  # noqa: ARG002
        """Return what somebody at the panel makes of an output, "" where nothing is known of it."""
        return ""

    def _switch_on(self, output: int) -> None:
        command = self.COMMANDS.on.format(output=output)
        was_on = self._is_on(output)
        before = frozenset[int]() if was_on else self._others_on(output)
        self._send(output, command)
        if not self._is_on(output):
            raise InstrumentError(
                command, "still off", f"output {output} did not come on: has it tripped?"
            )
        others = [] if was_on else sorted(self._others_on(output) - before)
        if others:
            self.make_safe()
            raise InstrumentError(
                command, "others came on",
                f"output {' and '.join(map(str, others))} came on with output {output}; all were "
                "switched off. Are they coupled or joined, or do they track each other?",
            )  # fmt: skip

    def _others_on(self, output: int) -> frozenset[int]:
        """Return which others are on; none where they can't come on with it."""
        return frozenset(one for one in self.OUTPUTS if one != output and self._is_on(one))

    def _switch_off(self, output: int) -> None:
        """Switch an output off, whatever went before, and see that it is."""
        self._forget_errors()
        command = self.COMMANDS.off.format(output=output)
        self._send(output, command)
        if self._is_on(output):
            raise InstrumentError(
                command, "still on", "the output is still on; pull the plug of the supply"
            )

    def _is_on(self, output: int) -> bool:
        return self._ask_flag(output, self.COMMANDS.is_on)

    def _protect(self, output: int, high_v: float | None) -> Band:
        """Narrow the over-voltage protection, in V; it has no lower end."""
        holds_v = self._protection_v(output)
        if high_v is None or (holds_v is not None and high_v >= holds_v):
            return None, holds_v
        if high_v < self.STEP_V:
            raise SetpointError(
                f"{self.name}.out{output}: over-voltage protection at {high_v:g} V leaves no "
                "range; nothing was sent"
            )
        level_v = min(high_v, self.MOST_PROTECTION_V.get(output, high_v))
        commands = [c.format(output=output, value=level_v) for c in self.COMMANDS.protect]
        for command in commands:
            self._send(output, command)
        holds_v = self._protection_v(output)
        if holds_v is None or abs(holds_v - level_v) > self.STEP_V:
            found = "off" if holds_v is None else f"at {holds_v:g} V"
            raise InstrumentError(
                commands[0], "not accepted", f"the over-voltage protection is {found}"
            )
        return None, holds_v

    def _protection_v(self, output: int) -> float | None:
        """Return the over-voltage protection in V, None while it is switched off."""
        return self._ask_number(output, self.COMMANDS.holds_protection)

    # -- the line: what a model may do in another way ------------------------------------------

    def _set(self, output: int, template: str, holds: str, value: float, step: float) -> float:
        """Send a number, and return what the output holds then: what it was sent, to its step."""
        command = template.format(output=output, value=value)
        self._send(output, command)
        held = self._ask_number(output, holds)
        if abs(held - value) > step / 2 * (1 + _ROUNDING):
            raise InstrumentError(
                command, "not accepted",
                f"{holds.format(output=output)} says {held:g}, and no error; nothing went on",
            )  # fmt: skip
        return held

    def _send(self, output: int, command: str) -> None:  # noqa: ARG002
        """Send a command of an output."""
        self._line.write(command)

    def _forget_errors(self) -> None:
        """Forget older errors: they must not look like a refusal to switch off."""

    def _ask(self, output: int, command: str) -> str:  # noqa: ARG002
        """Return the reply to a query of an output."""
        return self._line.query(command)

    def _ask_number(self, output: int, template: str) -> float:
        command = template.format(output=output)
        return parse_number(self._ask(output, command), command)

    def _ask_flag(self, output: int, template: str) -> bool:
        command = template.format(output=output)
        return parse_flag(self._ask(output, command), command)


class ScpiPowerSupply(PowerSupply):
    """A supply with an error queue, asked after each command."""

    def take(self) -> Sequence[str]:
        """Empty the error queue and return what an earlier program left in it."""
        return tuple(f"{code} {text}" for code, text in pending_errors(self._line))

    def _send(self, output: int, command: str) -> None:  # noqa: ARG002
        """Send a command of an output. Raises InstrumentError with what the supply says of it."""
        send(self._line, command)

    def _forget_errors(self) -> None:
        self._line.write("*CLS")


def supply_output(
    output: int,
    *,
    most_v: float,
    limit_a: tuple[float, float],
    accuracy: Specification,
    steady: float,
    resolution: float = 0.0,
    rounds: float | None = None,
    protects: bool = True,
) -> setpoint[PowerSupply]:
    """Declare output `output`: 0 to `most_v` in V, its limit from and to `limit_a` in A."""
    member = setpoint[PowerSupply](
        SUPPLY,
        rated=(0.0, most_v),
        limit_rated=limit_a,
        resolution=resolution,
        settling_s=0.1,
        accuracy=accuracy,
        steady=steady,
        rounds=rounds,
    )

    @member.go
    def _(
        supply: PowerSupply, target: Value, rate: float | None, limit: float | None  # noqa: ARG001
    ) -> float:  # fmt: skip
        return supply._go(output, number(target), limit)

    @member.foresee
    def _(supply: PowerSupply, target: Value, limit: float | None) -> None:
        supply._require_able(output, number(target), limit)

    @member.read
    def _(supply: PowerSupply) -> float:
        return supply._ask_number(output, supply.COMMANDS.measure_voltage)

    @member.release
    def _(supply: PowerSupply) -> None:
        supply._switch_off(output)

    @member.told
    def _(supply: PowerSupply) -> Told:
        return supply._told(output)

    if protects:

        @member.protect
        def _(supply: PowerSupply, low: float | None, high: float | None) -> Band:  # noqa: ARG001
            return supply._protect(output, high)

    return member


def supply_current(output: int, *, most_a: float) -> meter[PowerSupply]:
    """Declare the meter of an output's current, up to `most_a` in A."""
    member = meter[PowerSupply](SUPPLY_CURRENT, rated=(0.0, most_a))

    @member.read
    def _(supply: PowerSupply) -> float:
        return supply._ask_number(output, supply.COMMANDS.measure_current)

    return member
