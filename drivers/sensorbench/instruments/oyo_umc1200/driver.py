"""OYO UMC1200, a controller of temperature and climate chambers, over Modbus. **Uncertain.**

RTU on RS-232/485, 9600 8N1, unit 1; Modbus/TCP behind a gateway. No manual of it is public: what
is known are two clients that agree. So the rules:
- It tells no model: it is known by its clock and by its codes of fixed mode and program, before the
  first reading. Other series of chamber controllers have other registers: what does not look like a
  UMC1200's is neither read nor set. First contact only reads.
- Only what both clients use is written: set points, and fixed mode's start and stop (a program's
  stop is the one's alone). What was written is read back, what is there is not written again.
- One register is written by function 6, or by 16 where it does not know 6: clients differ.
- It runs in fixed mode. A program, or a hold, is stopped before anything is set, and told as the
  controller's own.
- A timer of fixed mode would stop it by itself: with one nothing is started.
- Slopes are not set: their unit is not known. So it has no ramp.
- Whether humidity is fitted it does not tell: `humidity = true` must say. It is off at 0 %.
Alarms, its own limits, a watchdog: none known; an alarm shows as fixed mode that stopped. Sessions:
one on a serial line; not known on TCP, so one.
Sources: as `registers`. Recalled: range and accuracy of a common chamber, that humidity is off at
0 %, that set points are kept in a memory that wears, that a timer of 0 min is none.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from sensorbench.core.clock import Clock
from sensorbench.core.errors import InstrumentError, SetpointError, WrongDevice
from sensorbench.core.provenance import Identity
from sensorbench.core.quantity import HUMIDITY, TEMPERATURE, Value
from sensorbench.instruments.members import number, setpoint
from sensorbench.instruments.oyo_umc1200 import registers as umc
from sensorbench.instruments.telling import Held, OfItsOwn, Told
from sensorbench.links.line import FrameLine, LineSettings
from sensorbench.protocols.modbus import Register, decode, encode
from sensorbench.protocols.modbus_client import ModbusClient

_NO_FUNCTION, _NO_REGISTER, _NO_VALUE = 1, 2, 3
_TAKES_S, _LOOKS_S = 10.0, 0.5


class OyoUmc1200:
    """Chamber of -70 to 150 degC air temperature, with humidity control where it is fitted."""

    LINE: ClassVar[LineSettings] = LineSettings(
        write_terminator="", read_terminator="", timeout_s=1.0, baud_rate=9600, tcp_port=502,
        pause_s=0.05,
    )  # fmt: skip

    temperature = setpoint["OyoUmc1200"](
        TEMPERATURE, rated=(-70.0, 150.0), planned=3.0 / 60, settling_s=1200.0, resolution=0.1,
        accuracy=0.5, steady=0.2, nonvolatile=True,
    )  # fmt: skip
    humidity = setpoint["OyoUmc1200"](
        HUMIDITY, rated=(20.0, 98.0), planned=3.0 / 60, settling_s=1200.0, resolution=0.1,
        accuracy=3.0, steady=1.0, nonvolatile=True,
    )  # fmt: skip

    def __init__(
        self, line: FrameLine, clock: Clock, *, address: int = 1, humidity: bool = False
    ) -> None:
        if not 1 <= address <= 247:
            raise ValueError(f"address {address!r}: a Modbus unit is 1 to 247")
        self.name = line.name
        self._clock = clock
        self._modbus = ModbusClient(line, address)
        self._has_humidity = humidity
        self._is_known = self._writes_several = False

    def identify(self) -> Identity:
        """See that it has a UMC1200's registers. Raises WrongDevice for another device.

        It tells no model and no serial number.
        """
        self._is_known = False
        self._know()
        return Identity("OYO", "UMC1200 (by its registers: it tells no model)")

    # -- temperature -----------------------------------------------------------------------

    @temperature.go
    def _(self, target: Value, rate: float | None, limit: float | None) -> float:  # noqa: ARG002
        """Go there as fast as the chamber can.

        Returns once the controller has accepted it, not reached it.
        """
        self._require_no_timer()
        if not self._take_over() and self._has_humidity:
            self._put(umc.WET_SET_POINT, 0.0)  # left from before: nobody asked for humidity now
        end_c = self._put(umc.SET_POINT, number(target))
        self._start()
        return end_c

    @temperature.foresee
    def _(self, target: Value, limit: float | None) -> None:  # noqa: ARG002
        self._require_no_timer()

    @temperature.read
    def _(self) -> float:
        self._know()
        return self._modbus.read(umc.MEASURED)

    @temperature.release
    def _(self) -> None:
        self.make_safe()

    @temperature.told
    def _(self) -> Told:
        """Return the set point; None while fixed mode is stopped."""
        told = self._doing()
        return Held(self._modbus.read(umc.SET_POINT)) if told is True else told or None

    # -- humidity --------------------------------------------------------------------------

    @humidity.go
    def _(self, target: Value, rate: float | None, limit: float | None) -> float:  # noqa: ARG002
        """Control the air to a tenth of %RH; a stopped chamber holds its present temperature."""
        self._require_humidity()
        self._require_no_timer()
        if not self._take_over():
            low, high = type(self).temperature.rated
            self._put(umc.SET_POINT, min(high, max(low, self._modbus.read(umc.MEASURED))))
        percent = self._put(umc.WET_SET_POINT, number(target))
        self._start()
        return percent

    @humidity.foresee
    def _(self, target: Value, limit: float | None) -> None:  # noqa: ARG002
        self._require_humidity()
        self._require_no_timer()

    @humidity.read
    def _(self) -> float:
        self._require_humidity()
        self._know()
        return self._modbus.read(umc.WET_MEASURED)

    @humidity.told
    def _(self) -> Told:
        self._require_humidity()
        told = self._doing()
        if told is not True:
            return told or None
        percent = self._modbus.read(umc.WET_SET_POINT)
        return Held(percent) if percent else None

    @humidity.release
    def _(self) -> None:
        self._require_humidity()
        self._know()
        self._put(umc.WET_SET_POINT, 0.0)

    # -- the whole chamber -----------------------------------------------------------------

    def make_safe(self) -> None:
        """Stop a program and fixed mode, and see that they are stopped.

        Raises InstrumentError if the chamber went on.
        """
        self._know()
        for register, what in ((umc.PROGRAM, "the program"), (umc.FIXED, "fixed mode")):
            if self._modbus.read_code(register) != umc.STOP:
                self._write(register, umc.STOP)
                self._await(f"stop {what}", register, lambda code: code == umc.STOP)

    def _take_over(self) -> bool:
        """End what was asked for at the panel; return whether a fixed run of before goes on."""
        if self._doing() is True:
            return True
        self.make_safe()
        return False

    def _start(self) -> None:
        if self._modbus.read_code(umc.FIXED) not in (umc.START, umc.RUNS):
            self._write(umc.FIXED, umc.START)
            self._await("start fixed mode", umc.FIXED, lambda code: code in (umc.START, umc.RUNS))

    def _doing(self) -> OfItsOwn | bool:
        """Return True while it runs in fixed mode, False while it is stopped, else what it does."""
        self._know()
        fixed, program = (round(code) for code in self._modbus.read_many([umc.FIXED, umc.PROGRAM]))
        if program != umc.STOP:
            return OfItsOwn("a program that was started at the controller")
        if fixed == umc.HOLD:
            return OfItsOwn("a hold that was asked for at the controller")
        return fixed != umc.STOP

    def _require_humidity(self) -> None:
        if not self._has_humidity:
            raise SetpointError(
                f"{self.name}: whether humidity is fitted is not said, and it does not tell: where "
                "it is, write humidity = true in station.toml. Nothing was sent"
            )

    def _require_no_timer(self) -> None:
        """Raise SetpointError where it would stop by itself."""
        self._know()
        minutes = self._modbus.read_code(umc.TIMER_MIN)
        if minutes:
            raise SetpointError(
                f"{self.name}: a timer would stop fixed mode after {minutes} min: set it to 0 at "
                "the controller. Nothing was set"
            )

    # -- who it is -------------------------------------------------------------------------

    def _know(self) -> None:
        """Raise WrongDevice unless it looks like a UMC1200."""
        if self._is_known:
            return
        try:
            clock = tuple(map(round, self._modbus.read_many(umc.CLOCK)))
            codes = tuple(map(round, self._modbus.read_many([umc.FIXED, umc.PROGRAM])))
            self._modbus.read_many([umc.SET_POINT, umc.WET_SET_POINT])
        except InstrumentError as refused:
            if refused.code not in (_NO_FUNCTION, _NO_REGISTER, _NO_VALUE):
                raise
            raise WrongDevice(self._another(str(refused))) from refused
        if not _is_time(clock):
            raise WrongDevice(self._another(f"registers 31 to 36 are {clock}, no time"))
        if codes[0] > umc.RUNS or codes[1] not in umc.PROGRAM_CODES:
            raise WrongDevice(self._another(f"registers 47 and 48 are {codes}, no codes"))
        self._is_known = True

    def _another(self, why: str) -> str:
        return (
            f"{self.name}: it does not look like a UMC1200: {why}. Other series have other "
            "registers, and to write to them is dangerous. Nothing was set"
        )

    # -- registers -------------------------------------------------------------------------

    def _put(self, register: Register, value: float) -> float:
        """Write a value unless it is there, read it back, and return it in the wire's steps."""
        wanted = decode(register, encode(register, value))
        if self._modbus.read(register) != wanted:
            self._write(register, value)
            held = self._modbus.read(register)
            if held != wanted:
                raise InstrumentError(
                    f"write {wanted:g} to {register}", f"{held:g}", "it holds that instead: is it "
                    "locked at the panel, is it beyond the chamber's range?", self.name,
                )  # fmt: skip
        return wanted

    def _write(self, register: Register, value: float) -> None:
        words = encode(register, value)
        try:
            self._modbus.write_words(register.address, words, several=self._writes_several)
        except InstrumentError as refused:
            if self._writes_several or refused.code != _NO_FUNCTION:
                raise
            self._modbus.write_words(register.address, words)
            self._writes_several = True

    def _await(self, what: str, register: Register, is_so: Callable[[int], bool]) -> None:
        until_s = self._clock.now() + _TAKES_S
        while not is_so(code := self._modbus.read_code(register)):
            if self._clock.now() >= until_s:
                raise InstrumentError(
                    what, f"{register} is {code}", "it does not do that: look for alarms at the "
                    "panel, and stop it there if it must stop", self.name,
                )  # fmt: skip
            self._clock.sleep(_LOOKS_S)


def _is_time(clock: tuple[int, ...]) -> bool:
    """Return whether numbers are year (2026 or 26), month, day, hour, minute and second.

    >>> _is_time((2026, 11, 22, 10, 30, 0)), _is_time((0, 0, 0, 0, 0, 0))
    (True, False)
    """
    ends = ((1, 12), (1, 31), (0, 23), (0, 59), (0, 59))
    year, *rest = clock
    return (year < 100 or 2000 <= year < 2100) and all(
        low <= part <= high for part, (low, high) in zip(rest, ends, strict=True)
    )
