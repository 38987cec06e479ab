"""How a simulated Aim-TTi supply is spoken to: its own commands, and registers instead of a queue.

A message is units apart by ";", a unit a name, in which <n> is an output, and at most one number.
Standard event register: 0 operation complete, 2 query error, 3 verify time-out, 4 execution error
(its number is in EER?), 5 command error, 7 power on. Limit register of an output (LSR<n>?, cleared
as it is read): 0 at constant voltage, 1 at constant current, 2 over-voltage trip, 3 over-current
trip.
Source: the PL-P manual as labmcp-bench-psu 0.1.3 cites it; a public client of the CPX400DP, whose
registers are the same. Not confirmed: that each reply of a message is a line of its own, and that a
command error leaves the rest of a message to be carried out.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, ClassVar, TypeVar

from sensorbench.instruments.simulated_output import Output
from sensorbench.instruments.simulated_supply import OutputT, SimulatedSupply
from sensorbench.protocols.scpi_status import OPERATION_COMPLETE

F = TypeVar("F", bound=Callable[..., "str | None"])
_UNIT = re.compile(r"(\*?[A-Z]+)([0-9]?)([A-Z]*\??)(?:\s+(\S+))?", re.IGNORECASE | re.ASCII)
_NRF = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:E[+-]?\d{1,3})?", re.IGNORECASE | re.ASCII)
_EXECUTION_ERROR, _COMMAND_ERROR = 16, 32
OUT_OF_RANGE, EMPTY_STORE, NO_SUCH_OUTPUT, OUTPUT_IS_ON = 100, 102, 103, 104


class Refused(Exception):
    """What a command raises that can't be carried out: it is read by EER?."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


def said(name: str, *, number: bool = False) -> Callable[[F], F]:
    """Declare a method to be what carries out `name`, with its output and its number."""

    def mark(function: F) -> F:
        function._said = (name, number)  # type: ignore[attr-defined]
        return function

    return mark


def within(value: float, low: float, high: float) -> float:
    """Return a number of a command. Raises Refused outside its range."""
    if not low <= value <= high:
        raise Refused(OUT_OF_RANGE)
    return value


class AimttiSupply(SimulatedSupply[OutputT]):
    """A supply that knows the common commands and its registers; a twin adds its own commands."""

    reply_terminator = b"\r\n"
    _said: ClassVar[dict[str, tuple[Callable[..., str | None], bool]]]

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        functions = (getattr(cls, name) for name in dir(cls) if name != "_said")
        cls._said = {
            name: (function, number)
            for function in functions
            for name, number in [getattr(function, "_said", ("", False))]
            if name
        }

    @classmethod
    def understood(cls) -> tuple[str, ...]:
        """Return every command and query, sorted."""
        return tuple(sorted(cls._said))

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._execution_error = 0
        self._limits = dict.fromkeys(self._outputs, 0)
        self._enables = dict.fromkeys(self._outputs, 0)
        self._seen = dict.fromkeys(self._outputs, (0, False, False))
        for output in self._outputs.values():
            output.told = self._look

    def handle(self, line: bytes) -> bytes | None:
        """Carry out one message; return the replies of its queries, or None."""
        self._catch_up()
        self._look()
        self._has = self.fault()
        if self._has == "silent":
            return None
        units = (unit.strip() for unit in line.decode("latin-1").split(";"))
        replies = [self._carry_out(unit) for unit in units if unit]
        return self.reply_terminator.join(r.encode() for r in replies if r is not None) or None

    def _carry_out(self, unit: str) -> str | None:
        match = _UNIT.fullmatch(unit)
        name = f"{match[1].upper()}{'<n>' * bool(match[2])}{match[3].upper()}" if match else ""
        if match is None or name not in self._said:
            self.not_modelled(name or unit.split(maxsplit=1)[0].upper())
            self.status.events |= _COMMAND_ERROR
            return None
        function, takes_number = self._said[name]
        if takes_number != bool(match[4]) or (takes_number and not _NRF.fullmatch(match[4])):
            self.status.events |= _COMMAND_ERROR
            return None
        numbers = [float(match[4])] if takes_number else []
        outputs = [self._outputs.get(int(match[2]))] if match[2] else []
        try:
            if None in outputs:
                raise Refused(NO_SUCH_OUTPUT)
            return function(self, *outputs, *numbers)
        except Refused as refused:
            self._execution_error = refused.number
            self.status.events |= _EXECUTION_ERROR
            return None

    def _look(self) -> None:
        """Latch what the outputs have come to since somebody looked; a trip switches off."""
        for number, output in self._outputs.items():
            now = (output.mode, output.voltage_tripped, output.current_tripped)
            before, self._seen[number] = self._seen[number], now
            if now[0] != before[0]:
                self._limits[number] |= {0: 0, 1: 2, 2: 1}[now[0]]
            self._limits[number] |= 4 * (now[1] > before[1]) | 8 * (now[2] > before[2])
            output.on = output.on and not output.tripped

    def _number_of(self, output: Output) -> int:
        return next(number for number, one in self._outputs.items() if one is output)

    # -- registers -------------------------------------------------------------------------

    @said("LSR<n>?")
    def _read_limits(self, output: Output) -> str:
        number = self._number_of(output)
        limits, self._limits[number] = self._limits[number], 0
        return str(limits)

    @said("LSE<n>", number=True)
    def _set_limit_enable(self, output: Output, mask: float) -> None:
        self._enables[self._number_of(output)] = round(within(mask, 0, 255))

    @said("LSE<n>?")
    def _get_limit_enable(self, output: Output) -> str:
        return str(self._enables[self._number_of(output)])

    @said("EER?")
    def _read_execution_error(self) -> str:
        number, self._execution_error = self._execution_error, 0
        return str(number)

    @said("QER?")
    def _read_query_error(self) -> str:
        return "0"  # none of them happens on a LAN

    @said("*ESR?")
    def _read_events(self) -> str:
        return str(self.status.read_events())

    @said("*ESE", number=True)
    def _set_event_enable(self, mask: float) -> None:
        self.status.event_enable = round(within(mask, 0, 255))

    @said("*ESE?")
    def _get_event_enable(self) -> str:
        return str(self.status.event_enable)

    @said("*SRE", number=True)
    def _set_request_enable(self, mask: float) -> None:
        self.status.request_enable = round(within(mask, 0, 255)) & ~64

    @said("*SRE?")
    def _get_request_enable(self) -> str:
        return str(self.status.request_enable)

    @said("*STB?")
    def _read_status_byte(self) -> str:
        limited = [n for n, events in self._limits.items() if events & self._enables[n]]
        byte = sum(1 << (n - 1) for n in limited)
        byte |= 32 * bool(self.status.events & self.status.event_enable)
        return str(byte | 64 * bool(byte & self.status.request_enable))

    # -- common commands -------------------------------------------------------------------

    @said("*IDN?")
    def _identity(self) -> str:
        return super()._identify()

    @said("*RST")
    def _reset(self) -> None:
        self.reset()

    @said("*CLS")
    def _clear_status(self) -> None:
        self.status.clear()
        self._execution_error = 0
        self._limits = dict.fromkeys(self._outputs, 0)

    @said("*OPC")
    def _complete(self) -> None:
        self.status.events |= OPERATION_COMPLETE

    @said("*OPC?")
    def _is_complete(self) -> str:
        return "1"

    @said("*WAI")
    def _wait(self) -> None:
        """Nothing is ever pending."""

    @said("*TRG")
    def _trigger(self) -> None:
        """There is nothing to trigger."""

    @said("*TST?")
    def _self_test(self) -> str:
        return "0"
