"""The F4T over SCPI, TCP port 5025, of firmware that tells its unit (4.05 of 2019 and later).

What SCPI lacks makes the rules:
- It has no command that switches a loop off. So only a chamber whose power is an event is set
  (`power_event`): its output is what starts and stops it. Whether a loop is off it does not tell.
- Humidity can't be switched off again either: it is read, and not set.
- Commands are answered by nothing, or by a blank line. Each is looked for until it holds.
- SPOINT? tells where the set point is by now. So a ramp is remembered, and compared with where it
  must be; whether one is set (RACTION) can't be asked, and is seen by that it does not jump.
- A value counts only while the loop's input has no error (ERROR?).
- Refusals are lines of their own: what comes behind one is no value.
Sources: F4T user's guide, p. 219 (loops, ramps); TestEquity F4T and 101H manuals, pp. 18, 48, 62
(port, units, ERROR?, what SPOINT? tells); public clients: *IDN?, blank lines, refusals, outputs,
state of a profile, 0.2 s after a command. **Uncertain**: the words of a profile's state, of which
only those known as stopped count as that; that outputs are counted as Modbus counts events.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TypeVar

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
from sensorbench.instruments.ramping import Ramp
from sensorbench.instruments.telling import Held, OfItsOwn, Told
from sensorbench.instruments.watlow_f4t import scpi
from sensorbench.instruments.watlow_f4t.face import HUMIDITY, TEMPERATURE, checked_unit, scale_of
from sensorbench.links.line import FrameLine
from sensorbench.protocols.scpi import parse_flag, parse_number

T = TypeVar("T")
_TAKES_S, _LOOKS_S, _SETTLES_S = 5.0, 0.5, 0.2
_NEAR = 0.06  # half a step of a reply with one decimal
_STOPPED = ("NOT", "IDLE", "STOP", "END", "COMPL", "TERM", "NONE", "OFF")
_FIELDS = 4


class OverScpi:
    """What the driver asks of an F4T, by SCPI."""

    def __init__(
        self, line: FrameLine, clock: Clock, units: str | None, power_event: int | None
    ) -> None:
        self.name = line.name
        self._line, self._clock = line, clock
        self._declared = None if units is None else f"deg{units}"
        self._power = power_event
        self._ramp: Ramp | None = None

    def identify(self) -> Identity:
        """Read *IDN? and the unit. Raises WrongDevice for another device."""
        try:
            reply = self._ask("*IDN?")
        except LinkTimeout as error:
            raise LinkTimeout(
                f"{error} SCPI is at port 5025 (`port = 5025` of its link), Modbus at 502"
            ) from error
        fields = [field.strip().strip('"') for field in reply.split(",")]
        if len(fields) != _FIELDS or not fields[1].startswith("F4T"):
            raise WrongDevice(f"{self.name}: *IDN? says {reply!r}, expected an F4T")
        self._scale()
        return Identity("Watlow", "F4T", fields[2], fields[3])

    def foresee(self, loop: int) -> None:
        """Raise SetpointError for what can't be set over SCPI."""
        if loop == HUMIDITY:
            raise SetpointError(
                f"{self.name}: SCPI can't switch the humidity loop off again: it is not set so. "
                'Use protocol = "modbus". Nothing was sent'
            )
        self._output()

    # -- temperature -----------------------------------------------------------------------

    def go_temperature(self, target_c: float, rate: float | None) -> float:
        """Go to a temperature, K/s; return what it holds."""
        self.foresee(TEMPERATURE)
        factor, offset = self._scale()
        self._stop_profile()
        self._ramp = None
        self._send(f"{_loop(TEMPERATURE)}:RACTION OFF")
        if rate is None:
            held = self._aim((target_c - offset) / factor)
            self._switch(True)
            return round(held * factor + offset, 4)
        self._aim(self._measured(TEMPERATURE))
        self._switch(True)
        end_c = round(target_c, 2)
        self._start_ramp(end_c, rate)
        return end_c

    def read_temperature(self) -> float:
        """Return degC."""
        factor, offset = self._scale()
        return self._measured(TEMPERATURE) * factor + offset

    def told_temperature(self) -> Told:
        """Return the set point, where a ramp of ours ends; None while the chamber is off."""
        if self._runs_a_profile():
            return OfItsOwn("a profile that was started at the controller")
        if not self._is_on():
            return None
        nominal_c = self._nominal_c()
        if self._ramp is not None and self._is_on_its_way(nominal_c):
            return Held(self._ramp.end_c)
        return Held(nominal_c)

    def _start_ramp(self, end_c: float, rate: float) -> None:
        factor, offset = self._scale()
        per_minute = rate * 60.0 / factor
        self._send(f"{_loop(TEMPERATURE)}:RSCALE MINUTES")
        self._put(f"{_loop(TEMPERATURE)}:RRATE", per_minute, near=0.01)
        self._send(f"{_loop(TEMPERATURE)}:RACTION SETPOINT")
        self._ramp = Ramp(self._nominal_c(), end_c, rate, self._clock.now())
        self._send(f"{_loop(TEMPERATURE)}:SPOINT {(end_c - offset) / factor:.2f}")
        nominal_c = self._nominal_c()
        if not self._is_on_its_way(nominal_c):
            raise InstrumentError(
                f"{_loop(TEMPERATURE)}:RACTION SETPOINT", f"{nominal_c:g} degC", "the set point is "
                "there already: it makes no ramp, and is stopped at the panel or by a new one",
                self.name,
            )  # fmt: skip

    def _is_on_its_way(self, nominal_c: float) -> bool:
        assert self._ramp is not None  # noqa: S101 - who asks has one
        return self._ramp.holds(nominal_c, self._clock.now(), 2 * _NEAR)

    def _nominal_c(self) -> float:
        factor, offset = self._scale()
        return round(self._number(f"{_loop(TEMPERATURE)}:SPOINT?") * factor + offset, 4)

    def _aim(self, shown: float) -> float:
        """Jump to a set point in the controller's unit; return what it holds."""
        return self._put(f"{_loop(TEMPERATURE)}:SPOINT", shown, near=_NEAR)

    def _measured(self, loop: int) -> float:
        """Return a loop's value in the controller's unit, of an input that has no error."""
        state = self._ask(f"{_loop(loop)}:ERROR?").upper()
        if state != "NONE":
            raise ProtocolError(
                f"{self.name}: {_loop(loop)}:ERROR? answered {state!r}: its input has no value. Is "
                "a sensor open?"
            )
        return self._number(f"{_loop(loop)}:PVALUE?")

    def _scale(self) -> tuple[float, float]:
        """Return factor and offset that make degC of what the controller gives now."""
        query = ":UNIT:TEMPERATURE?"
        try:
            unit = self._ask(query).upper()
        except InstrumentError as refused:
            raise ProtocolError(
                f"{self.name}: this firmware does not tell the unit of its temperatures, and old "
                f"ones give Fahrenheit whatever the panel shows: {refused}. Use protocol = "
                '"modbus"'
            ) from refused
        if unit not in {"C", "F"}:
            raise ProtocolError(f"{self.name}: {query} answered {unit!r}, expected C or F")
        return scale_of(checked_unit(self.name, f"deg{unit}", self._declared))

    # -- humidity --------------------------------------------------------------------------

    def go_humidity(self, target: float) -> float:
        """Refuse it."""
        self.foresee(HUMIDITY)
        return target

    def read_humidity(self) -> float:
        """Return %RH."""
        return self._measured(HUMIDITY)

    def told_humidity(self) -> Told:
        """Return None: nothing that was set here acts."""
        return None

    def release_humidity(self) -> None:
        """Leave it: it was not set."""

    # -- the whole chamber -----------------------------------------------------------------

    def read_alarms(self) -> tuple[str, ...]:
        """Return an input error of loop 1; alarms are not told."""
        state = self._ask(f"{_loop(TEMPERATURE)}:ERROR?").upper()
        return () if state == "NONE" else (f"input error of loop {TEMPERATURE}",)

    def make_safe(self) -> None:
        """Stop a profile and the chamber's power; the first error is raised, all is tried."""
        self._ramp = None
        failed: list[BenchError] = []
        for act in (self._stop_profile, partial(self._switch, False)):
            try:
                act()
            except BenchError as error:
                failed.append(error)
        if failed:
            raise failed[0]

    def _output(self) -> str:
        if self._power is None:
            raise SetpointError(
                f"{self.name}: SCPI can't switch a loop off, so a chamber is set only by the event "
                'that switches its power: write power_event in station.toml, or protocol = '
                '"modbus". Nothing was sent'
            )  # fmt: skip
        return f":OUTPUT{self._power}:STATE"

    def _is_on(self) -> bool:
        """Return whether the chamber's power is on; without an event nobody knows, so it may be."""
        if self._power is None:
            return True
        return self._named(parse_flag, f"{self._output()}?")

    def _switch(self, on: bool) -> None:
        output, word = self._output(), "ON" if on else "OFF"
        if self._is_on() != on:
            self._send(f"{output} {word}")
            self._await(f"{output} {word}", lambda: self._is_on() == on)

    def _stop_profile(self) -> None:
        if self._runs_a_profile():
            self._send(":PROGRAM:SELECTED:STATE STOP")
            self._await("stop the profile", lambda: not self._runs_a_profile())

    def _runs_a_profile(self) -> bool:
        """Return whether a profile's state is none of those known as stopped."""
        return not self._ask(":PROGRAM:SELECTED:STATE?").strip('"').upper().startswith(_STOPPED)

    # -- the line --------------------------------------------------------------------------

    def _put(self, header: str, value: float, *, near: float) -> float:
        """Send a value, look until it holds, and return what it holds."""
        command = f"{header} {value:.2f}"
        self._send(command)
        found = [0.0]

        def holds() -> bool:
            found[0] = self._number(f"{header}?")
            return abs(found[0] - value) <= near

        self._await(command, holds)
        return found[0]

    def _send(self, command: str) -> None:
        """Send a command; what answers it, if anything does, is not waited for."""
        self._line.exchange(scpi.command(command), scpi.unanswered)
        self._clock.sleep(_SETTLES_S)

    def _ask(self, query: str) -> str:
        """Return a reply. Raises InstrumentError for a refusal, with or without a reply behind."""
        reply = scpi.Reply(query)
        try:
            return reply.text(self._line.exchange(scpi.command(query), reply.length_of))
        except LinkTimeout:
            if not reply.refusal:
                raise
            raise InstrumentError(query, "SCPI error", reply.refusal, self.name) from None
        except InstrumentError as refused:
            raise refused.named(self.name) from None
        except ProtocolError as error:
            raise type(error)(f"{self.name}: {error}") from None

    def _number(self, query: str) -> float:
        return self._named(parse_number, query)

    def _named(self, read: Callable[[str, str], T], query: str) -> T:
        """Return a reply as `read` reads it; errors name the instrument."""
        reply = self._ask(query)
        try:
            return read(reply, query)
        except ProtocolError as error:
            raise type(error)(f"{self.name}: {error}") from None

    def _await(self, what: str, is_so: Callable[[], bool]) -> None:
        until_s = self._clock.now() + _TAKES_S
        while not is_so():
            if self._clock.now() >= until_s:
                raise InstrumentError(
                    what, "not taken", "the controller shows something else: is it locked, is it "
                    "beyond its limits? Look at the panel", self.name,
                )  # fmt: skip
            self._clock.sleep(_LOOKS_S)


def _loop(loop: int) -> str:
    return f":SOURCE:CLOOP{loop}"
