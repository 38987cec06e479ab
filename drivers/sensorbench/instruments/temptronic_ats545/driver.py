"""Temptronic ATS-545 ThermoStream: a stream of air, under a head that is lowered over the parts.

-75 to 225 degC at the nozzle; 0.1 degC on the wire. RS-232, or a converter on TCP. The rules:
- The head is never moved from here: there may be hands under it. While it is up nothing is set.
- It is the air that is controlled and read. DUT control, which lets the air go far beyond the set
  point, is switched off.
- The operator's screen has three set points, hot, ambient and cold: the wrong one makes the air go
  the wrong way. It is chosen by the target, as the maker's manual says, and read back.
- Cold needs the compressor: it is started, and seen to run.
- Another screen than the operator's (a program, or just switched on) is left by RSTO, which takes
  4 s, before anything is set; while one runs it is told as the instrument's own.
- What is set is read back. The air's own limits (LLIM, ULIM) are only narrowed.
Sessions: one. *ESR? and TESR? are cleared by reading; an earlier program's errors are read and
cleared when a run takes it. It ends a test after TTIM, 9999 s at most: that is seen as its flow
that is off. Remote is set with the first command and given back (%GL) with the flow's end.
Sources: as device.toml says. Recalled: range and accuracy (+-1 degC), the name in *IDN?, the baud
rate, that a ramp (RAMP) holds on the operator's screen too.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import ClassVar, Final

from sensorbench.core.clock import Clock
from sensorbench.core.errors import InstrumentError, ProtocolError, SetpointError, WrongDevice
from sensorbench.core.provenance import Identity
from sensorbench.core.quantity import TEMPERATURE, Value
from sensorbench.instruments.members import Band, number, setpoint
from sensorbench.instruments.telling import Held, OfItsOwn, Told
from sensorbench.links.line import Line, LineSettings
from sensorbench.protocols.scpi import parse_number

_HOT, _AMBIENT, _COLD = 0, 1, 2
_COLD_TO_C, _HOT_FROM_C = 20.0, 30.0
_HEAD_UP, _COMPRESSOR_OFF, _DUT_MODE, _FLOW = 1 << 2, 1 << 3, 1 << 4, 1 << 5
_MANUAL = 10
_NO_RAMP, _FASTEST_RAMP = 9999.0, 99.9
_RESET_S, _TAKES_S, _LOOKS_S = 4.0, 30.0, 0.5
_ESR: Final = {5: "command error", 4: "execution error", 3: "device error", 2: "query error"}
_ERRORS: Final = {
    0: "overheat", 1: "air open loop", 3: "low flow", 4: "low input air pressure",
    5: "air sensor open", 7: "internal error", 9: "flow sensor", 10: "no line sense",
    11: "NVRAM fault", 12: "BVRAM fault", 14: "no DUT sensor selected",
}  # fmt: skip


class TemptronicAts545:
    """A temperature forcing system; its setpoint is the temperature of the air."""

    LINE: ClassVar[LineSettings] = LineSettings(
        write_terminator="\n", read_terminator="\r\n", timeout_s=3.0, baud_rate=9600, pause_s=0.05
    )

    temperature = setpoint["TemptronicAts545"](
        TEMPERATURE, rated=(-75.0, 225.0), fastest=_FASTEST_RAMP / 60, planned=5.0,
        settling_s=60.0, resolution=0.1, accuracy=1.0, steady=0.3,
    )  # fmt: skip

    def __init__(self, line: Line, clock: Clock) -> None:
        self.name = line.name
        self._line, self._clock = line, clock

    def identify(self) -> Identity:
        """Read *IDN?. Raises WrongDevice if it is no ATS-545."""
        reply = self._line.query("*IDN?").strip()
        maker, *fields = [field.strip() for field in reply.split(",")]
        if not fields or "545" not in fields[0]:
            raise WrongDevice(
                f"{self.name}: *IDN? says {reply!r}, expected an ATS-545; is this the right port?"
            )
        model, serial, firmware = (*fields, "", "")[:3]
        return Identity(maker, model, serial, firmware)

    def take(self) -> Sequence[str]:
        """Return the errors that an earlier program left, and clear them."""
        events = self._code("*ESR?")
        left = [what for bit, what in _ESR.items() if events >> bit & 1]
        errors = self.read_alarms()
        if errors:
            self._line.write("CLER")
        return (*left, *errors)

    @temperature.go
    def _(self, target: Value, rate: float | None, limit: float | None) -> float:  # noqa: ARG002
        """Blow air of this temperature, as fast as it can or no faster than the rate.

        Raises InstrumentError while the head is up, and where it does not take what it is told.
        """
        target_c = round(number(target), 1)
        self._check_limits(target_c)
        ramp = _NO_RAMP if rate is None else self._ramp(rate)
        self._check_head()
        self._line.write("%RM")
        self._leave_other_screens()
        if self._auxiliary() & _DUT_MODE:
            self._line.write("DUTM 0")
            self._await("DUTM 0", lambda: not self._auxiliary() & _DUT_MODE)
        which = _HOT
        if target_c < _HOT_FROM_C:
            which = _COLD if target_c <= _COLD_TO_C else _AMBIENT
        if which == _COLD and self._auxiliary() & _COMPRESSOR_OFF:
            self._line.write("COOL 1")
            self._await("COOL 1", lambda: not self._auxiliary() & _COMPRESSOR_OFF)
        self._set("SETN", which)
        self._set("RAMP", ramp)
        self._set("SETP", target_c)
        if not self._auxiliary() & _FLOW:
            self._line.write("FLOW 1")
            self._await("FLOW 1", lambda: bool(self._auxiliary() & _FLOW))
        return target_c

    @temperature.foresee
    def _(self, target: Value, limit: float | None) -> None:  # noqa: ARG002
        self._check_limits(round(number(target), 1))

    @temperature.read
    def _(self) -> float:
        """Return the air's temperature; what is above 400 is none (manual)."""
        air_c = parse_number(self._line.query("TMPA?"), "TMPA?")
        if air_c > 400.0:
            raise ProtocolError(
                f"{self.name}: TMPA? answered {air_c:g}: that is no temperature. Is the air sensor "
                "open?"
            )
        return air_c

    @temperature.told
    def _(self) -> Told:
        """Return the set point, where a ramp ends; None without flow."""
        if not self._auxiliary() & _FLOW:
            return None
        mode = self._code("WHAT?")
        if mode != _MANUAL:
            return OfItsOwn(f"screen {mode}: a program that was started at the instrument")
        return Held(self._number("SETP?"))

    @temperature.release
    def _(self) -> None:
        self.make_safe()

    @temperature.protect
    def _(self, low: float | None, high: float | None) -> Band:
        """Narrow the limits of the air's temperature, degC, inwards to a tenth."""
        lowest, highest = self._limits()
        if high is not None and 25.0 <= math.floor(high * 10 + 1e-6) / 10 < highest:
            self._set("ULIM", math.floor(high * 10 + 1e-6) / 10)
        if low is not None and 25.0 >= math.ceil(low * 10 - 1e-6) / 10 > lowest:
            self._set("LLIM", math.ceil(low * 10 - 1e-6) / 10)
        return self._limits()

    def read_alarms(self) -> tuple[str, ...]:
        """Return the errors that are set now."""
        errors = self._code("EROR?")
        return tuple(_ERRORS.get(bit, f"error bit {bit}") for bit in range(16) if errors >> bit & 1)

    def make_safe(self) -> None:
        """Stop the flow, see that it did, and give the panel back. The head stays where it is.

        Raises InstrumentError if air still flows.
        """
        self._line.write("%RM")
        self._line.write("FLOW 0")
        self._await("FLOW 0", lambda: not self._auxiliary() & _FLOW)
        self._line.write("%GL")

    # --------------------------------------------------------------------------------------

    def _limits(self) -> tuple[float, float]:
        return self._number("LLIM?"), self._number("ULIM?")

    def _check_limits(self, target_c: float) -> None:
        lowest, highest = self._limits()
        if not lowest <= target_c <= highest:
            raise SetpointError(
                f"{self.name}: {target_c:g} degC is beyond the air's limits at the instrument, "
                f"{lowest:g} to {highest:g} degC. Nothing was sent"
            )

    def _check_head(self) -> None:
        if self._auxiliary() & _HEAD_UP:
            raise InstrumentError(
                "FLOW 1", "head up", "lower the head over the parts, at the instrument: it is "
                "never moved from here. Nothing was set", self.name,
            )  # fmt: skip

    def _leave_other_screens(self) -> None:
        if self._code("WHAT?") != _MANUAL:
            self._line.write("RSTO")
            self._clock.sleep(_RESET_S)
            self._await("RSTO", lambda: self._code("WHAT?") == _MANUAL)

    def _ramp(self, rate: float) -> float:
        """Return a rate in K/min, never faster than asked."""
        ramp = math.floor(rate * 600.0 + 1e-6) / 10
        if ramp <= 0:
            raise SetpointError(
                f"{self.name}: the slowest ramp is 0.1 K/min, {rate * 60:g} K/min was asked for. "
                "Nothing was sent"
            )
        return ramp

    def _set(self, command: str, value: float) -> None:
        """Send a setting, and see that it holds."""
        self._line.write(f"{command} {value:g}")
        held = self._number(f"{command}?")
        if abs(held - value) > 0.01:
            raise InstrumentError(
                f"{command} {value:g}", f"{held:g}", "it holds that instead: look for errors, and "
                "whether its panel is in use", self.name,
            )  # fmt: skip

    def _auxiliary(self) -> int:
        return self._code("AUXC?")

    def _code(self, query: str) -> int:
        value = self._number(query)
        if value != round(value):
            raise ProtocolError(f"{self.name}: {query} answered {value:g}, expected a whole number")
        return round(value)

    def _number(self, query: str) -> float:
        try:
            return parse_number(self._line.query(query), query)
        except ProtocolError as error:
            raise type(error)(f"{self.name}: {error}") from None

    def _await(self, what: str, is_so: Callable[[], bool]) -> None:
        until_s = self._clock.now() + _TAKES_S
        while not is_so():
            if self._clock.now() >= until_s:
                raise InstrumentError(
                    what, self._code("EROR?"), "it does not do that: look at its screen, and for "
                    "air pressure", self.name,
                )  # fmt: skip
            self._clock.sleep(_LOOKS_S)
