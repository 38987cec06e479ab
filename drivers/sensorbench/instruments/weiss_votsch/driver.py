"""Weiss and Vötsch chambers with S!MPAC or Mincon controllers, by SimServ or by ASCII-2.

Both are spoken on TCP port 2049; ASCII-2 also on RS-232/485, 9600 or 19200 baud, at an address. The
rules:
- SimServ says what it refuses, who it is, its limits, alarms and programs: it comes first. ASCII-2
  tells none of them; what its strings hold differs by model and is given by `e_string` and
  `i_string`, as the chamber itself answers to `$01?`. A reply with another count is refused before
  anything is set.
- One string of ASCII-2 sets everything, start and fan too: what is not meant is read, and sent
  again as it is.
- Slopes of somebody before are taken away before a set point is set. A ramp begins at the present
  temperature. Most chambers show where the set point is by now and not where the ramp ends: that is
  compared with where it must be.
- Humidity is switched by a digital output that `humidity_output` names; SimServ says what each is
  called, and another one is not switched.
- A program that runs is ended before anything is set, and told as the chamber's own, by SimServ.
- What is set is read back.
Sessions: not known, so one. Status that reading changes, linger, a watchdog of its own: none known;
a chamber goes on when its program dies. Whether set points are kept in a memory is not known.
Sources: IzaakWN/ClimateChamberMonitor, chamber_commands.py, and SengerM/VotschTechnik,
ClimateChamber.py, both after the SimServ manual of 2019; basil, weissLabEvent.py; help texts ($01?)
of three chambers.
Recalled: that a slope of 0 is none; ranges and accuracy, those of a common chamber (VC3, LabEvent).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import ClassVar, Literal

from sensorbench.core.clock import Clock
from sensorbench.core.errors import InstrumentError, SetpointError
from sensorbench.core.provenance import Identity
from sensorbench.core.quantity import HUMIDITY, TEMPERATURE, Value
from sensorbench.instruments.members import number, setpoint
from sensorbench.instruments.ramping import Ramp
from sensorbench.instruments.telling import Held, OfItsOwn, Told
from sensorbench.instruments.weiss_votsch import dialects
from sensorbench.instruments.weiss_votsch.wire import START, Layout
from sensorbench.links.line import Line, LineSettings

_E_STRING = "CV01 CV02 SV01 MV01 MV02 MV03 MV04"
_I_STRING = " ".join(f"{name} {name}" for name in _E_STRING.split())
_TAKES_S, _LOOKS_S = 5.0, 0.5
_NEAR_K, _NEAR_RH = 0.051, 0.051
_OWN = OfItsOwn("a program that was started at the chamber")


class WeissVotsch:
    """Chamber of -70 to 180 degC air temperature, with humidity control where it is fitted."""

    LINE: ClassVar[LineSettings] = LineSettings(
        write_terminator="\r", read_terminator="\r", timeout_s=3.0, baud_rate=9600, tcp_port=2049,
        encoding="latin-1",
    )  # fmt: skip

    temperature = setpoint["WeissVotsch"](
        TEMPERATURE, rated=(-70.0, 180.0), fastest=5.0 / 60, planned=3.0 / 60, settling_s=1200.0,
        resolution=0.1, accuracy=0.5, steady=0.2,
    )  # fmt: skip
    humidity = setpoint["WeissVotsch"](
        HUMIDITY, rated=(10.0, 98.0), planned=3.0 / 60, settling_s=1200.0, resolution=0.1,
        accuracy=3.0, steady=1.0,
    )  # fmt: skip

    def __init__(
        self,
        line: Line,
        clock: Clock,
        *,
        protocol: Literal["simserv", "ascii-2"] = "simserv",
        humidity_output: int | None = None,
        address: int = 1,
        e_string: str = _E_STRING,
        i_string: str = _I_STRING,
    ) -> None:
        if protocol not in {"simserv", "ascii-2"}:
            raise ValueError(f"protocol = {protocol!r} is not allowed; allowed: simserv, ascii-2")
        if humidity_output is not None and not START < humidity_output < 32:
            raise ValueError(f"humidity_output = {humidity_output!r}: digital outputs are 2 to 31")
        if not 1 <= address <= 99:
            raise ValueError(f"address {address!r}: ASCII-2 has addresses 1 to 99")
        self.name = line.name
        self._clock = clock
        self._wet = humidity_output
        self._ramp: Ramp | None = None
        layout = Layout.of(e_string, i_string)
        self._chamber: dialects.Dialect = (
            dialects.Simserv(line)
            if protocol == "simserv"
            else dialects.Ascii2(line, address, layout)
        )

    def identify(self) -> Identity:
        """Read who it is; ASCII-2 tells only that it gives strings of the layout that is declared.

        Raises WrongDevice for another one.
        """
        return self._chamber.identify()

    # -- temperature -----------------------------------------------------------------------

    @temperature.go
    def _(self, target: Value, rate: float | None, limit: float | None) -> float:  # noqa: ARG002
        """Go there as fast as the chamber can, or no faster than the rate.

        Returns once the chamber has accepted it, not reached it.
        """
        end_c = round(number(target), 1)
        self._check(dialects.TEMPERATURE, end_c)
        slope = None if rate is None else self._slope(rate)
        self._take_over()
        outputs = {START: True}
        if self._wet is not None and not self._chamber.is_on(START):
            outputs[self._wet] = False  # left from before: nobody asked for humidity now
        if slope is None:
            self._start(end_c, outputs)
        else:
            here_c = self._here()
            self._start(here_c, outputs)
            rises = end_c > here_c
            self._chamber.slope(slope if rises else 0.0, 0.0 if rises else slope)
            self._ramp = Ramp(here_c, end_c, slope / 60.0, self._clock.now())
            self._chamber.put({dialects.TEMPERATURE: end_c}, {START: True})
        self._await(
            f"set point {end_c:g} degC",
            lambda: self._chamber.is_on(START) and abs(self._told_c() - end_c) < _NEAR_K,
        )
        return end_c

    @temperature.foresee
    def _(self, target: Value, limit: float | None) -> None:  # noqa: ARG002
        self._check(dialects.TEMPERATURE, round(number(target), 1))

    @temperature.read
    def _(self) -> float:
        return self._chamber.actual(dialects.TEMPERATURE)

    @temperature.release
    def _(self) -> None:
        self.make_safe()

    @temperature.told
    def _(self) -> Told:
        """Return the set point, where a ramp of ours ends; None while the chamber is stopped."""
        if self._chamber.runs_a_program():
            return _OWN
        return Held(self._told_c()) if self._chamber.is_on(START) else None

    def _told_c(self) -> float:
        nominal_c = self._chamber.nominal(dialects.TEMPERATURE)
        if self._ramp is not None and self._ramp.holds(nominal_c, self._clock.now(), _NEAR_K):
            return self._ramp.end_c
        return nominal_c

    def _going(self) -> dict[int, float]:
        """Return where a ramp ends that is on its way.

        ASCII-2 sets all at once, and gives only where the set point is by now: sent again as it is,
        the ramp would end there.
        """
        return {} if self._ramp is None else {dialects.TEMPERATURE: self._told_c()}

    def _start(self, set_point_c: float, outputs: dict[int, bool]) -> None:
        """Jump to a set point."""
        self._ramp = None
        self._chamber.slope(0.0, 0.0)
        self._chamber.put({dialects.TEMPERATURE: set_point_c}, outputs)

    def _slope(self, rate: float) -> float:
        """Return a rate in the wire's K/min, never faster than asked."""
        slope = math.floor(rate * 600.0 + 1e-6) / 10.0
        if slope <= 0.0:
            raise SetpointError(
                f"{self.name}: the slowest slope is 0.1 K/min, {rate * 60:g} K/min was asked for. "
                "Nothing was sent"
            )
        return slope

    def _here(self) -> float:
        """Return the present temperature as a set point that the chamber takes."""
        low, high = self._chamber.limits(dialects.TEMPERATURE) or type(self).temperature.rated
        return round(min(high, max(low, self._chamber.actual(dialects.TEMPERATURE))), 1)

    # -- humidity --------------------------------------------------------------------------

    @humidity.go
    def _(self, target: Value, rate: float | None, limit: float | None) -> float:  # noqa: ARG002
        """Control the air to a tenth of %RH; a stopped chamber holds its present temperature."""
        percent = round(number(target), 1)
        wet = self._checked_wet(percent)
        self._take_over()
        if not self._chamber.is_on(START):
            self._start(self._here(), {})
        self._chamber.put({dialects.HUMIDITY: percent} | self._going(), {START: True, wet: True})
        self._await(
            f"humidity {percent:g} %",
            lambda: (
                abs(self._chamber.nominal(dialects.HUMIDITY) - percent) < _NEAR_RH
                and self._chamber.is_on(wet)
                and self._chamber.is_on(START)
            ),
        )
        return percent

    @humidity.foresee
    def _(self, target: Value, limit: float | None) -> None:  # noqa: ARG002
        self._checked_wet(round(number(target), 1))

    def _checked_wet(self, percent: float) -> int:
        """Return the digital output of humidity. Raises SetpointError where it can't be set."""
        wet = self._wet_output()
        self._chamber.check_humidity(wet)
        self._check(dialects.HUMIDITY, percent)
        return wet

    @humidity.read
    def _(self) -> float:
        return self._chamber.actual(dialects.HUMIDITY)

    @humidity.told
    def _(self) -> Told:
        if self._chamber.runs_a_program():
            return _OWN
        wet = self._wet_output()
        if not (self._chamber.is_on(START) and self._chamber.is_on(wet)):
            return None
        return Held(self._chamber.nominal(dialects.HUMIDITY))

    @humidity.release
    def _(self) -> None:
        wet = self._wet_output()
        self._chamber.check_humidity(wet)
        self._chamber.put(self._going(), {wet: False})
        self._await("humidity off", lambda: not self._chamber.is_on(wet))

    def _wet_output(self) -> int:
        if self._wet is None:
            raise SetpointError(
                f"{self.name}: which digital output switches humidity is not said: write "
                "humidity_output in station.toml, the number of the DO that the chamber calls "
                "Humidity ($01?, or its manual). Nothing was sent"
            )
        return self._wet

    # -- the whole chamber -----------------------------------------------------------------

    def read_alarms(self) -> tuple[str, ...]:
        """Return the active alarms in the chamber's own words; ASCII-2 tells none."""
        return self._chamber.alarms()

    def make_safe(self) -> None:
        """End a program, stop heating, cooling and humidity, and see that they did.

        Raises InstrumentError if the chamber went on.
        """
        self._ramp = None
        self._take_over()
        self._chamber.put({}, {START: False})
        self._await("stop", lambda: not self._chamber.is_on(START))

    def _take_over(self) -> None:
        if self._chamber.runs_a_program():
            self._chamber.end_program()
            self._await("end the program", lambda: not self._chamber.runs_a_program())

    def _check(self, variable: int, value: float) -> None:
        limits = self._chamber.limits(variable)
        if limits is not None and not limits[0] <= value <= limits[1]:
            raise SetpointError(
                f"{self.name}: {value:g} is beyond the chamber's own input limits of control "
                f"variable {variable}, {limits[0]:g} to {limits[1]:g}. Nothing was sent"
            )

    def _await(self, what: str, is_so: Callable[[], bool]) -> None:
        """Look until the chamber shows that it did what it was told."""
        until_s = self._clock.now() + _TAKES_S
        while not is_so():
            if self._clock.now() >= until_s:
                raise InstrumentError(
                    what, "not taken", "the chamber shows something else: look for alarms, and "
                    "whether its panel lets programs set it (external mode)", self.name,
                )  # fmt: skip
            self._clock.sleep(_LOOKS_S)
