"""Thermotron chambers with an 8800 controller, over TCP port 8888 or RS-232.

Lines end with CR. Channel 1 is the air's temperature, channel 2 its humidity. The rules:
- Every operation is answered by a result code, 0 for accepted; with its acknowledgements switched
  off (CMST) nothing is set. What was set is read back.
- What the channels are (CCNF) is asked before the first reading; the temperature scale (TMPS) with
  each, and another one than degC is refused.
- A set point acts in manual mode. It is offered before that is started, so that it does not start
  towards an older one, and sent again once it runs: some load it only then.
- Where a ramp ends is told by FVAL, where the set point is by now by SETP. A ramp is the
  controller's own, from the present temperature.
- Product temperature control, which lets the air go far beyond the set point, is switched off.
- Humidity is an option (OPTN) that is switched on beside its set point.
- A program, or a hold, is stopped before anything is set, and told as the controller's own.
- The process alarm limits (PALL, PALH), which stop it, are only narrowed; what lies beyond is not
  set.
The interface errors (IERR) are cleared by reading: they are read when a run takes it. Sessions: not
known, so one. Its watchdog (WDOG) is not used, as what it does, and what feeds it, is not known.
The Therm-Alarm is the chamber's own protection: it is neither read nor set here. A 3800 wants 1 s
after each command; here each is answered instead (`pause = "1 s"` of the link keeps it).
Sources: as device.toml says. Recalled: ranges and accuracy of a common chamber, the baud rate, that
a manual ramp of 0 is none. Not known: what a refused query is answered by, so that an integer is
never a value; whether limits are kept in a memory that wears.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import ClassVar, Final, TypeVar

from sensorbench.core.clock import Clock
from sensorbench.core.errors import InstrumentError, ProtocolError, SetpointError, WrongDevice
from sensorbench.core.provenance import Identity
from sensorbench.core.quantity import HUMIDITY, TEMPERATURE, Value
from sensorbench.instruments.members import Band, number, setpoint
from sensorbench.instruments.telling import Held, OfItsOwn, Told
from sensorbench.instruments.thermotron_8800 import wire
from sensorbench.links.line import Line, LineSettings

T = TypeVar("T")
_AIR, _WET = 1, 2
_AIR_KINDS, _WET_KINDS = (2,), (1, 4)
_MANUAL, _STOPPED = 16, 0
_STATES: Final[Mapping[int, str]] = {
    1: "a program", 2: "a program, in hold", 4: "a program, suspended", 32: "a hold of manual mode",
}  # fmt: skip
_PRODUCT_CONTROL, _HUMIDITY = 1, 2
_ALARMS: Final[Mapping[int, str]] = {
    0: "low deviation", 1: "high deviation", 4: "low process", 5: "high process",
}  # fmt: skip
_BY_ITSELF: Final[Mapping[int, str]] = {
    0: "it lost its memory", 4: "an external input", 6: "an open input: its sensor",
    7: "a process alarm", 8: "a trip of its system monitor", 9: "a power failure",
    10: "a trip of its Therm-Alarm", 12: "a compressor fault", 18: "an invalid program",
    24: "a lost module", 26: "an open door", 27: "humidity sensors that differ",
    28: "humidity sensors that failed", 30: "a deviation alarm", 31: "its remote set point",
    32: "an open humidity sensor", 36: "air pressure",
}  # fmt: skip
_COLDEST_C, _HOTTEST_C = -200.0, 400.0
_MOST_ERRORS = 8
_TAKES_S, _LOOKS_S = 10.0, 0.5
_NEAR = 0.051


class Thermotron8800:
    """Chamber of -70 to 180 degC air temperature, with humidity control where it is fitted."""

    LINE: ClassVar[LineSettings] = LineSettings(
        write_terminator="\r", read_terminator="\r", timeout_s=3.0, baud_rate=9600, tcp_port=8888,
        pause_s=0.1,
    )  # fmt: skip

    temperature = setpoint["Thermotron8800"](
        TEMPERATURE, rated=(-70.0, 180.0), fastest=5.0 / 60, planned=3.0 / 60, settling_s=1200.0,
        resolution=0.1, accuracy=0.5, steady=0.2,
    )  # fmt: skip
    humidity = setpoint["Thermotron8800"](
        HUMIDITY, rated=(10.0, 98.0), planned=3.0 / 60, settling_s=1200.0, resolution=0.1,
        accuracy=3.0, steady=1.0,
    )  # fmt: skip

    def __init__(self, line: Line, clock: Clock) -> None:
        self.name = line.name
        self._line, self._clock = line, clock
        self._kinds: dict[int, int] = {}  # what channels are, once asked
        self._acknowledges = self._was_started = False

    def identify(self) -> Identity:
        """Read who it is, and that channel 1 is a temperature. Raises WrongDevice otherwise.

        It is asked for no serial number.
        """
        reply = self._line.query("IDEN?").strip()
        if "8800" not in reply:
            raise WrongDevice(
                f"{self.name}: IDEN? says {reply!r}, expected an 8800; is this the right port?"
            )
        self._require(_AIR)
        return Identity("Thermotron", "8800", "", self._line.query("VRSN?").strip())

    def take(self) -> Sequence[str]:
        """Return the interface errors that an earlier program left; reading clears them."""
        left = []
        for _ in range(_MOST_ERRORS):
            error = self._code("IERR?")
            if not error:
                break
            left.append(f"interface error {error}")
        return tuple(left)

    # -- temperature -----------------------------------------------------------------------

    @temperature.go
    def _(self, target: Value, rate: float | None, limit: float | None) -> float:  # noqa: ARG002
        """Go there as fast as the chamber can, or no faster than the rate.

        Returns once the controller has accepted it, not reached it.
        """
        end_c = round(number(target), 1)
        ramp = 0.0 if rate is None else self._ramp(rate)
        self._check(_AIR, end_c)
        self._run_at(end_c if rate is None else self._here())
        if ramp:
            self._set_ramp(_AIR, ramp)
            self._aim(_AIR, end_c)
        self._await(f"set point {end_c:g} degC", lambda: self._acts_on(_AIR, end_c))
        return end_c

    @temperature.foresee
    def _(self, target: Value, limit: float | None) -> None:  # noqa: ARG002
        self._check(_AIR, round(number(target), 1))

    @temperature.read
    def _(self) -> float:
        return self._measured()

    @temperature.release
    def _(self) -> None:
        self.make_safe()

    @temperature.told
    def _(self) -> Told:
        """Return the set point, where a ramp ends; None while it is stopped."""
        state = self._state()
        return Held(self._final(_AIR)) if state == _MANUAL else _own(state)

    @temperature.protect
    def _(self, low: float | None, high: float | None) -> Band:
        """Narrow the process alarm limits, which stop it; in degC, inwards to a tenth."""
        self._require(_AIR)
        lowest, highest = self._limits(_AIR)
        new_low = lowest if low is None else max(lowest, math.ceil(low * 10 - 1e-6) / 10)
        new_high = highest if high is None else min(highest, math.floor(high * 10 + 1e-6) / 10)
        if not new_low < new_high:
            raise SetpointError(
                f"{self.name}: process alarm limits {new_low:g} to {new_high:g} degC leave no "
                f"range; it has {lowest:g} to {highest:g} degC. Nothing was sent"
            )
        for command, wanted, there in (("PALH", new_high, highest), ("PALL", new_low, lowest)):
            if wanted != there:
                self._operate(f"{command}{_AIR},{wanted:.1f}")
        held = self._limits(_AIR)
        if held[0] < new_low - _NEAR or held[1] > new_high + _NEAR:
            raise InstrumentError(
                f"PALL{_AIR} and PALH{_AIR}", f"{held[0]:g} to {held[1]:g} degC", "it holds these "
                "limits instead: set its process alarms at the display", self.name,
            )  # fmt: skip
        return held

    def _ramp(self, rate: float) -> float:
        """Return a rate in K/min as the wire has it, never faster than asked."""
        ramp = math.floor(rate * 600.0 + 1e-6) / 10
        if ramp <= 0.0:
            raise SetpointError(
                f"{self.name}: the slowest ramp is 0.1 K/min, {rate * 60:g} K/min was asked for. "
                "Nothing was sent"
            )
        return ramp

    def _measured(self) -> float:
        self._require(_AIR)
        celsius = self._decimal(f"PVAR{_AIR}?")
        if not _COLDEST_C < celsius < _HOTTEST_C:
            raise ProtocolError(
                f"{self.name}: PVAR{_AIR}? answered {celsius:g}: that is no temperature of its "
                "range. Is the chamber's sensor open?"
            )
        return celsius

    def _here(self) -> float:
        """Return the present temperature as a set point that it takes."""
        lowest, highest = self._limits(_AIR)
        return round(min(highest, max(lowest, self._measured())), 1)

    # -- humidity --------------------------------------------------------------------------

    @humidity.go
    def _(self, target: Value, rate: float | None, limit: float | None) -> float:  # noqa: ARG002
        """Control the air to a tenth of %RH; a stopped chamber holds its present temperature."""
        percent = round(number(target), 1)
        self._check(_WET, percent)
        if self._state() != _MANUAL:
            self._run_at(self._here())
        self._set_ramp(_WET, 0.0)
        self._aim(_WET, percent)
        self._choose(on=_HUMIDITY, off=_PRODUCT_CONTROL)
        self._await(f"humidity {percent:g} %", lambda: self._acts_on(_WET, percent))
        return percent

    @humidity.foresee
    def _(self, target: Value, limit: float | None) -> None:  # noqa: ARG002
        self._check(_WET, round(number(target), 1))

    @humidity.read
    def _(self) -> float:
        self._require(_WET)
        percent = self._decimal(f"PVAR{_WET}?")
        if not -5.0 < percent < 110.0:
            raise ProtocolError(
                f"{self.name}: PVAR{_WET}? answered {percent:g}: that is no relative humidity. Is "
                "its sensor open, its wick dry?"
            )
        return percent

    @humidity.told
    def _(self) -> Told:
        self._require(_WET)
        state = self._state()
        if state != _MANUAL:
            return _own(state)
        return Held(self._final(_WET)) if self._code("OPTN?") & _HUMIDITY else None

    @humidity.release
    def _(self) -> None:
        self._require(_WET)
        if self._state() == _MANUAL:
            self._choose(off=_HUMIDITY)

    # -- the whole chamber -----------------------------------------------------------------

    def read_alarms(self) -> tuple[str, ...]:
        """Return the active alarms, and why it stopped by itself after it was started here."""
        found = []
        for channel in (_AIR, _WET):
            if channel == _AIR or self._kind(_WET) in _WET_KINDS:
                bits = self._code(f"ALRM{channel}?")
                found += [
                    f"{_ALARMS.get(bit, f'bit {bit}')} alarm of channel {channel}"
                    for bit in range(8)
                    if bits >> bit & 1
                ]
        if self._was_started and self._state() == _STOPPED:
            why = _BY_ITSELF.get(self._code("SCOD?"))
            found += [f"it was stopped by {why}"] if why else []
        return tuple(found)

    def make_safe(self) -> None:
        """Stop heating, cooling and humidity, and see that it did.

        Raises InstrumentError if the chamber went on.
        """
        self._was_started = False
        self._stop()

    def _stop(self) -> None:
        if self._state() != _STOPPED:
            self._operate("STOP")
            self._await("STOP", lambda: self._state() == _STOPPED)

    def _run_at(self, set_point_c: float) -> None:
        """Let it run in manual mode at a set point, without a ramp."""
        if self._state() != _MANUAL:
            self._stop()
            self._offer(f"SETP{_AIR},{set_point_c:.1f}")
            self._operate("RUNM")
            self._await("RUNM", lambda: self._state() == _MANUAL)
            self._choose(off=_PRODUCT_CONTROL | _HUMIDITY)  # nobody asked for humidity now
        else:
            self._choose(off=_PRODUCT_CONTROL)
        self._was_started = True
        self._set_ramp(_AIR, 0.0)
        self._aim(_AIR, set_point_c)

    def _state(self) -> int:
        return self._code("STAT?")

    def _acts_on(self, channel: int, value: float) -> bool:
        if channel == _WET and not self._code("OPTN?") & _HUMIDITY:
            return False
        return self._state() == _MANUAL and abs(self._final(channel) - value) < _NEAR

    def _final(self, channel: int) -> float:
        """Return the set point of manual mode, where a ramp ends."""
        self._require(channel)
        return self._decimal(f"FVAL{channel}?")

    def _aim(self, channel: int, value: float) -> None:
        self._operate(f"SETP{channel},{value:.1f}")

    def _set_ramp(self, channel: int, ramp: float) -> None:
        """Set a manual ramp, in units a minute; 0 is none."""
        if abs(self._ramp_now(channel) - ramp) > 1e-6:
            self._operate(f"MRMP{channel},{ramp:.1f}")
            held = self._ramp_now(channel)
            if abs(held - ramp) > 1e-6:
                raise InstrumentError(
                    f"MRMP{channel},{ramp:.1f}", f"{held:g}", "it holds that ramp instead: ask for "
                    "one that it takes", self.name,
                )  # fmt: skip

    def _ramp_now(self, channel: int) -> float:
        return self._named(wire.number, f"MRMP{channel}?")

    def _choose(self, *, on: int = 0, off: int = 0) -> None:
        """Switch options of manual mode on and off, and see that they are."""
        options = self._code("OPTN?")
        wanted = options & ~off | on
        if options != wanted:
            self._operate(f"OPTN{wanted:03d}")
            held = self._code("OPTN?")
            if (held ^ wanted) & (on | off):
                raise InstrumentError(
                    f"OPTN{wanted:03d}", held, "it holds these options instead: look at its "
                    "display", self.name,
                )  # fmt: skip

    # -- what it is, and what it allows ----------------------------------------------------

    def _kind(self, channel: int) -> int:
        if channel not in self._kinds:
            self._kinds[channel] = self._code(f"CCNF{channel}?")
        return self._kinds[channel]

    def _require(self, channel: int) -> None:
        """Raise unless a channel is what it is taken for, in the unit that it is taken in.

        WrongDevice for another channel, ProtocolError for degF.
        """
        kind = self._kind(channel)
        if channel == _AIR and kind not in _AIR_KINDS:
            raise WrongDevice(
                f"{self.name}: channel {_AIR} is of kind {kind}, expected a temperature (2): this "
                "chamber is set up otherwise than it is known here. Nothing was set"
            )
        if channel == _WET and kind not in _WET_KINDS:
            raise SetpointError(
                f"{self.name}: channel {_WET} is of kind {kind}: no humidity is fitted. Nothing "
                "was sent"
            )
        if channel == _AIR and (scale := self._code("TMPS?")):
            raise ProtocolError(
                f"{self.name}: its temperature scale is {scale}, not degC (0): set it at the "
                "display"
            )

    def _check(self, channel: int, value: float) -> None:
        """Raise where a value, or the controller as it is, can't be set."""
        self._require(_AIR)
        self._require(channel)
        lowest, highest = self._limits(channel)
        if not lowest <= value <= highest:
            raise SetpointError(
                f"{self.name}: {value:g} is beyond the controller's own process alarm limits of "
                f"channel {channel}, {lowest:g} to {highest:g}. Nothing was sent"
            )

    def _limits(self, channel: int) -> tuple[float, float]:
        return self._decimal(f"PALL{channel}?"), self._decimal(f"PALH{channel}?")

    # -- the line --------------------------------------------------------------------------

    def _code(self, query: str) -> int:
        return self._named(wire.code, query)

    def _decimal(self, query: str) -> float:
        return self._named(wire.decimal, query)

    def _named(self, read: Callable[[str, str], T], command: str) -> T:
        """Send a line and return its reply as `read` reads it; errors name the instrument."""
        try:
            return read(command, self._line.query(command))
        except InstrumentError as refused:
            raise refused.named(self.name) from None
        except ProtocolError as error:
            raise type(error)(f"{self.name}: {error}") from None

    def _operate(self, command: str) -> None:
        """Send an operation. Raises InstrumentError where it is not accepted."""
        if not self._acknowledges:
            if not self._code("CMST?"):
                raise InstrumentError(
                    command, "CMST? 0", "its acknowledgements are switched off, so what it takes "
                    "is not known: switch them on at the display, or by CMST1. Nothing was sent",
                    self.name,
                )  # fmt: skip
            self._acknowledges = True
        self._named(wire.accepted, command)

    def _offer(self, command: str) -> None:
        """Send an operation that it may refuse now, as it will be sent again."""
        try:
            self._operate(command)
        except InstrumentError:
            self._code("IERR?")  # its own error, which blames nothing that comes

    def _await(self, what: str, is_so: Callable[[], bool]) -> None:
        until_s = self._clock.now() + _TAKES_S
        while not is_so():
            if self._clock.now() >= until_s:
                why = _BY_ITSELF.get(self._code("SCOD?")) if self._state() == _STOPPED else None
                told = f"it was stopped by {why}" if why else "the chamber shows something else"
                raise InstrumentError(
                    what, "not taken", f"{told}: look at its display for alarms, a controlled "
                    "stop, and who uses it", self.name,
                )  # fmt: skip
            self._clock.sleep(_LOOKS_S)


def _own(state: int) -> OfItsOwn | None:
    """Return what a chamber that is not in manual mode does, None where it is stopped."""
    if state == _STOPPED:
        return None
    return OfItsOwn(f"{_STATES.get(state, f'state {state}')} that was asked for at the chamber")
