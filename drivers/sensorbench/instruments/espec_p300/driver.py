"""Espec P300 temperature and humidity chamber controller, on RS-232/485 or serial-to-TCP.

Source: EspecNorthAmerica/ChamberConnectLibrary, chamberconnectlibrary/p300.py (commands) and
especinteract.py (framing, refusals). The rules:
- Every line is answered, settings too: `OK:` with the command, or `NA:` with the reason, which
  becomes an InstrumentError.
- Setting one quantity leaves the other as it is. What a remote program controls is written again
  with it, and a stopped plant starts with what was asked for alone.
- A ramp is a remote program from the present temperature.
- On RS-485, where several controllers share a cable, each line begins with the address.
"""

from __future__ import annotations

from typing import ClassVar

from sensorbench.core.clock import Clock
from sensorbench.core.errors import InstrumentError, ProtocolError, SetpointError, WrongDevice
from sensorbench.core.provenance import Identity
from sensorbench.core.quantity import HUMIDITY, TEMPERATURE, Value
from sensorbench.instruments.espec_p300.wire import (
    Loop,
    checked_address,
    program,
    ramp_minutes,
    read_alarm_numbers,
    read_constant,
    read_loop,
    read_running,
    tenths,
)
from sensorbench.instruments.members import Band, number, setpoint
from sensorbench.instruments.telling import Held, OfItsOwn, Told
from sensorbench.links.line import Line, LineSettings

_REFUSED, _ACCEPTED = "NA:", "OK:"
_NO_HUMIDITY = "CONT NOT READY-1"
_STOPPED = ("OFF", "STANDBY")
_OWN_PROGRAM = ("RMT RUN", "RMT RUN END HOLD")


class EspecP300:
    """Chamber of -75 to 180 degC air temperature, with humidity control where it is fitted."""

    LINE: ClassVar[LineSettings] = LineSettings(
        write_terminator="\r\n",
        read_terminator="\r\n",
        timeout_s=3.0,
        baud_rate=9600,
        tcp_port=10001,
    )

    # The range that TEMP? of p300.py shows; 5 K/min heating and 3 K/min, which cooling makes,
    # +-0.5 K and +-2.5 %RH constancy, 20 to 98 %RH are those of a common P300 chamber (recalled).
    temperature = setpoint["EspecP300"](
        TEMPERATURE, rated=(-75.0, 180.0), fastest=5.0 / 60, planned=3.0 / 60, settling_s=1200.0,
        resolution=0.1, accuracy=0.5, steady=0.2,
    )  # fmt: skip
    humidity = setpoint["EspecP300"](
        HUMIDITY, rated=(20.0, 98.0), planned=3.0 / 60, settling_s=1200.0, resolution=1.0,
        accuracy=2.5, steady=1.0,
    )  # fmt: skip

    def __init__(
        self,
        line: Line,
        clock: Clock,  # noqa: ARG002 - every driver alike
        *,
        address: int | None = None,
    ) -> None:
        self.name = line.name
        self._line = line
        self._prefix = "" if address is None else f"{checked_address(address)},"

    def identify(self) -> Identity:
        """Read TYPE? and return the controller's model; a P300 tells no serial number.

        Raises ProtocolError if another controller answers.
        """
        reply = self._ask("TYPE?")
        fields = [field.strip() for field in reply.split(",")]
        # dry sensor, [wet sensor,] controller, highest temperature
        if len(fields) not in {3, 4} or fields[-2] != "P300":
            raise WrongDevice(
                f"{self.name}: TYPE? answered {reply!r}, expected controller P300; "
                "is this the right port?"
            )
        return Identity("ESPEC", fields[-2])

    # -- temperature -----------------------------------------------------------------------

    @temperature.go
    def _(self, target: Value, rate: float | None, limit: float | None) -> float:  # noqa: ARG002
        """Go there as fast as the chamber can, or no faster than the rate.

        Returns once the chamber has accepted it, not reached it.
        """
        end = tenths(number(target))
        start = end if rate is None else self._here()
        minutes = ramp_minutes(start, end, rate) if rate else 0
        if minutes:
            self._set(program(start, end, minutes, self._kept_humidity()))
        else:
            if self._is_stopped() and self._humidity_setpoint() is not None:
                self._set("HUMI,SOFF")  # left from before: nobody asked for humidity now
            # The setpoint first: constant mode must not start towards an older one.
            self._set(f"TEMP, S{end / 10:.1f}")
            self._set("MODE,CONSTANT")
        return end / 10

    @temperature.read
    def _(self) -> float:
        return self._read("TEMP?").measured

    @temperature.release
    def _(self) -> None:
        self.make_safe()

    @temperature.told
    def _(self) -> Told:
        """Return the setpoint, where a ramp ends; None in OFF and STANDBY."""
        mode = self._ask("MODE?,DETAIL")
        if mode in _STOPPED:
            return None
        if mode == "CONSTANT":
            command = "CONSTANT SET?,TEMP"
            there = read_constant(command, self._ask(command))
            return None if there is None else Held(there)
        if mode in _OWN_PROGRAM:
            return Held(read_running(self._ask("RUN PRGM?"), self._ask("RUN PRGM MON?")).end / 10)
        return OfItsOwn(f"mode {mode}: a program, or a pause, that was asked for at the chamber")

    @temperature.protect
    def _(self, low: float | None, high: float | None) -> Band:
        """Narrow the chamber's own alarm limits, which stop it; in degC, inwards to a tenth."""
        there = self._read("TEMP?")
        # A nudge, as 129.9 * 10 is not quite 1299.
        new_high = there.high if high is None else min(there.high, (high * 10 + 1e-6) // 1 / 10)
        new_low = there.low if low is None else max(there.low, -((-low * 10 + 1e-6) // 1) / 10)
        if not new_low < new_high:
            raise SetpointError(
                f"{self.name}: alarm limits {new_low:g}..{new_high:g} degC leave no range; "
                f"the chamber has {there.low:g}..{there.high:g} degC. Nothing was sent"
            )
        if new_high < there.high:
            self._set(f"TEMP, H{new_high:z.1f}")
        if new_low > there.low:
            self._set(f"TEMP, L{new_low:z.1f}")
        holds = self._read("TEMP?")
        return holds.low, holds.high

    # -- humidity --------------------------------------------------------------------------

    @humidity.go
    def _(self, target: Value, rate: float | None, limit: float | None) -> float:  # noqa: ARG002
        """Control the air to a whole %RH; a stopped chamber holds its present temperature."""
        percent = float(round(number(target)))
        mode = self.read_mode()
        if mode in _STOPPED:
            self._set(f"TEMP, S{self._here() / 10:.1f}")
        self._set(f"HUMI, S{percent:.0f}")
        if mode == "RUN":
            self._run_on(percent)
        elif mode in _STOPPED:
            self._set("MODE,CONSTANT")
        return percent

    @humidity.read
    def _(self) -> float:
        return self._read("HUMI?").measured

    @humidity.told
    def _(self) -> Told:
        mode = self._ask("MODE?,DETAIL")
        if mode in _STOPPED:
            return None
        if mode not in {"CONSTANT", *_OWN_PROGRAM}:
            return OfItsOwn(
                f"mode {mode}: a program, or a pause, that was asked for at the chamber"
            )
        there = self._humidity_setpoint()
        return None if there is None else Held(there)

    @humidity.release
    def _(self) -> None:
        self._set("HUMI,SOFF")
        if self.read_mode() == "RUN":
            self._run_on(None)

    def _run_on(self, humidity: float | None) -> None:
        """Let the running ramp go on with this humidity; None is without control."""
        rest = read_running(self._ask("RUN PRGM?"), self._ask("RUN PRGM MON?"))
        if rest.minutes:
            # One more, as the seconds of the last one are not told: never faster than asked.
            self._set(program(rest.now, rest.end, rest.minutes + 1, humidity))
        else:
            self._set(f"TEMP, S{rest.end / 10:.1f}")
            self._set("MODE,CONSTANT")

    def _humidity_setpoint(self) -> float | None:
        """Return the humidity setpoint in %RH; None where control is off or not fitted."""
        try:
            return self._read("HUMI?").setpoint
        except InstrumentError as refused:
            if refused.code == _NO_HUMIDITY:
                return None
            raise

    def _kept_humidity(self) -> float | None:
        """Return the humidity that is being controlled now, in %RH; None for none."""
        return None if self._is_stopped() else self._humidity_setpoint()

    # -- the whole chamber -----------------------------------------------------------------

    def read_alarms(self) -> tuple[str, ...]:
        """Return the active alarms; the chamber's manual says what their numbers mean."""
        return tuple(f"alarm {number}" for number in read_alarm_numbers(self._ask("ALARM?")))

    def read_mode(self) -> str:
        """Return OFF, STANDBY, CONSTANT or RUN."""
        return self._ask("MODE?")

    def make_safe(self) -> None:
        """Stop heating, cooling and humidity, and see that they did.

        STANDBY and not OFF: both stop the plant, but in STANDBY the controller keeps watching the
        temperature, and keeps answering. Raises InstrumentError if the chamber went on.
        """
        self._set("MODE,STANDBY")
        mode = self.read_mode()
        if mode not in _STOPPED:
            raise InstrumentError("MODE,STANDBY", mode, "the chamber still runs; stop it by hand")

    def _here(self) -> int:
        """Return the present air temperature, in tenths, as a setpoint that the chamber takes."""
        there = self._read("TEMP?")
        return tenths(min(there.high, max(there.low, there.measured)))

    def _is_stopped(self) -> bool:
        return self.read_mode() in _STOPPED

    def _read(self, command: str) -> Loop:
        try:
            return read_loop(command, self._ask(command))
        except ProtocolError as error:
            raise type(error)(f"{self.name}: {error}") from None

    def _ask(self, command: str) -> str:
        reply = self._line.query(self._prefix + command).strip()
        if reply.startswith(_REFUSED):
            reason = reply.removeprefix(_REFUSED)
            raise InstrumentError(command, reason, _MEANINGS.get(reason, ""))
        return reply

    def _set(self, command: str) -> None:
        reply = self._ask(command)
        if not reply.startswith(_ACCEPTED):
            raise ProtocolError(
                f"{self.name}: {command!r} answered {reply!r}, expected {_ACCEPTED}{command}"
            )


_MEANINGS = {
    "CMD ERR": "unknown command",
    "ADDR ERR": "bad address",
    _NO_HUMIDITY: "this chamber has no humidity or product temperature control",
    "CONT NOT READY-2": "no program is running",
    "CONT NOT READY-3": "this controller does not support the command",
    "DATA NOT READY": "there is no such program",
    "PARA ERR": "a parameter is missing or can't be read",
    "DATA OUT OF RANGE": "outside the chamber's own range or alarm limits",
    "PROTECT ON": "settings are protected; take the protection off at the panel",
    "INVALID REQ": "unsupported function",
    "CHB NOT READY": "the chamber can't do that now; look for alarms at the panel",
}
