"""Espec P300 temperature chamber controller, on RS-232/485 or a serial-to-TCP forwarder.

Source: EspecNorthAmerica/ChamberConnectLibrary, chamberconnectlibrary/p300.py (commands) and
especinteract.py (framing, refusals).
"""

from __future__ import annotations

import math
from typing import ClassVar

from sensorbench.core.clock import Clock
from sensorbench.core.errors import InstrumentError, ProtocolError
from sensorbench.core.provenance import Identity
from sensorbench.instruments.ranges import Range, check_positive
from sensorbench.links.line import Line, LineSettings

_REFUSED, _ACCEPTED = "NA:", "OK:"


class EspecP300:
    """Temperature chamber; setpoints and readings are air temperature in degC.

    The controller answers every line, settings too: `OK:` with the command, or `NA:` with the
    reason, which becomes an InstrumentError.
    """

    LINE: ClassVar[LineSettings] = LineSettings(
        write_terminator="\r\n",
        read_terminator="\r\n",
        timeout_s=3.0,
        baud_rate=9600,
        tcp_port=10001,
    )
    # A common P300 chamber (TEMP? of p300.py shows 180.0,-75.0); set limits_c to your plate.
    RATED_C: ClassVar[tuple[float, float]] = (-75.0, 180.0)
    RATED_K_PER_S: ClassVar[float] = 5.0 / 60  # heating, recalled; cooling is slower by itself

    def __init__(
        self,
        line: Line,
        clock: Clock,  # noqa: ARG002 - every driver is made alike
        *,
        limits_c: tuple[float, float] | None = None,
        limit_k_per_s: float | None = None,
    ) -> None:
        self._line = line
        self._rated = Range(f"{line.name}: temperature", *self.RATED_C, "degC")
        self._allowed = self._rated.narrowed(limits_c)
        self._ramp_name = f"{line.name}: ramp"
        self._fastest = self.RATED_K_PER_S
        if limit_k_per_s is not None:
            self._fastest = check_positive(
                f"{self._ramp_name} limit", limit_k_per_s, self.RATED_K_PER_S, "K/s"
            )

    def identify(self) -> Identity:
        """Read TYPE? and return the controller's model; a P300 tells no serial number.

        Raises ProtocolError if another controller answers.
        """
        reply = self._ask("TYPE?")
        fields = [field.strip() for field in reply.split(",")]
        # dry sensor, [wet sensor,] controller, highest temperature
        if len(fields) not in {3, 4} or fields[-2] != "P300":
            raise ProtocolError(
                f"{self._line.name}: TYPE? answered {reply!r}, expected controller P300; "
                "is this the right port?"
            )
        return Identity("ESPEC", fields[-2])

    def set_temperature(self, setpoint_c: float, ramp_k_per_s: float | None = None) -> None:
        """Go to `setpoint_c` and hold it, as fast as the chamber can or no faster than the ramp.

        Returns once the chamber has accepted it, not reached it. The wire has one decimal. A ramp
        is a remote program from the present temperature, whose time is rounded up to whole minutes.
        Raises SetpointError outside the allowed range or rate, InstrumentError if refused.
        """
        self._allowed.check(setpoint_c)
        if ramp_k_per_s is not None:
            check_positive(self._ramp_name, ramp_k_per_s, self._fastest, "K/s")
            start = _tenths(self.read_temperature_c())
            program = _ramp_program(start, _tenths(setpoint_c), ramp_k_per_s)
            if program:
                self._set(program)
                return
        # The setpoint first: constant mode must not start towards an older one.
        self._set(f"TEMP, S{setpoint_c:z.1f}")
        self._set("MODE,CONSTANT")

    def read_temperature_c(self) -> float:
        """Return the air temperature in degC."""
        return self._read_temp()[0]

    def read_setpoint_c(self) -> float:
        """Return the setpoint in degC; in a ramp it is the momentary one."""
        return self._read_temp()[1]

    def set_alarm_limits(self, low_c: float, high_c: float) -> None:
        """Set where the chamber's own temperature alarms trip, in degC.

        Raises SetpointError outside the rated range or if `low_c` is not below `high_c`.
        """
        self._rated.narrowed((low_c, high_c))
        self._set(f"TEMP, H{high_c:z.1f}")
        self._set(f"TEMP, L{low_c:z.1f}")

    def read_alarms(self) -> tuple[int, ...]:
        """Return the numbers of the active alarms; the chamber's manual names them."""
        reply = self._ask("ALARM?")
        try:
            count, *alarms = (int(field) for field in reply.split(","))
        except ValueError:
            raise self._unexpected("ALARM?", reply, "a count and alarm numbers") from None
        if count != len(alarms):
            raise self._unexpected("ALARM?", reply, f"{count} alarm numbers")
        return tuple(alarms)

    def read_mode(self) -> str:
        """Return OFF, STANDBY, CONSTANT or RUN."""
        return self._ask("MODE?")

    def stop(self) -> None:
        """Stop heating and cooling; the controller stays on."""
        self._set("MODE,STANDBY")

    def make_safe(self) -> None:
        """Stop heating and cooling and see that it did.

        STANDBY and not OFF: both stop the plant, but in STANDBY the controller keeps watching the
        temperature, and keeps answering. Raises InstrumentError if the chamber went on.
        """
        self.stop()
        mode = self.read_mode()
        if mode not in {"STANDBY", "OFF"}:
            raise InstrumentError("MODE,STANDBY", mode, "the chamber still runs; stop it by hand")

    def _read_temp(self) -> tuple[float, float]:
        reply = self._ask("TEMP?")
        try:
            measured_c, setpoint_c, _high, _low = (float(field) for field in reply.split(","))
        except ValueError:
            raise self._unexpected("TEMP?", reply, "measured,setpoint,high,low") from None
        return measured_c, setpoint_c

    def _ask(self, command: str) -> str:
        reply = self._line.query(command).strip()
        if reply.startswith(_REFUSED):
            reason = reply.removeprefix(_REFUSED)
            raise InstrumentError(command, reason, _MEANINGS.get(reason, ""))
        return reply

    def _set(self, command: str) -> None:
        reply = self._ask(command)
        if not reply.startswith(_ACCEPTED):
            raise self._unexpected(command, reply, f"{_ACCEPTED}{command}")

    def _unexpected(self, command: str, reply: str, expected: str) -> ProtocolError:
        return ProtocolError(
            f"{self._line.name}: {command!r} answered {reply!r}, expected {expected}"
        )


def _tenths(temperature_c: float) -> int:
    return round(temperature_c * 10)


def _ramp_program(start: int, end: int, ramp_k_per_s: float) -> str:
    """Return the remote program from `start` to `end` in tenths of degC; "" if they are equal."""
    # Rounded up to be never faster than asked; 1e-9 forgives the division's own rounding.
    minutes = math.ceil(abs(end - start) / 10 / (ramp_k_per_s * 60) - 1e-9)
    if not minutes:
        return ""
    hours, minutes = divmod(minutes, 60)
    return f"RUN PRGM, TEMP{start / 10:.1f} TIME{hours}:{minutes:02d} GOTEMP{end / 10:.1f}"


_MEANINGS = {
    "CMD ERR": "unknown command",
    "ADDR ERR": "bad address",
    "CONT NOT READY-1": "this chamber has no humidity or product temperature control",
    "CONT NOT READY-2": "no program is running",
    "CONT NOT READY-3": "this controller does not support the command",
    "DATA NOT READY": "there is no such program",
    "PARA ERR": "a parameter is missing or can't be read",
    "DATA OUT OF RANGE": "outside the chamber's own range or alarm limits",
    "PROTECT ON": "settings are protected; take the protection off at the panel",
    "INVALID REQ": "unsupported function",
    "CHB NOT READY": "the chamber can't do that now; look for alarms at the panel",
}
