"""Simulated OWON XDM1041: it measures all the time the signal it is connected to.

Source: TheHWcave/OWON-XDM1041, XDM1041-SCPI.pdf, and jantman/owon-xdm1041-server (headers, quotes,
what is not answered, MEAS2?); public clients (ranges, 3 s until a function has settled); *IDN? as
public logs print it; accuracy, rates and what an overload tells recalled. Not modelled:
capacitance, frequency, period, temperature, a second function, REL, dB and average, MEAS1:SHOW?.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import partial
from typing import ClassVar

from sensorbench.core.quantity import components
from sensorbench.protocols.scpi_device import ScpiSpeaker, scpi
from sensorbench.protocols.scpi_parameters import Choice, Limit, Maybe, Number, bounded
from sensorbench.world.conversions import Conversions
from sensorbench.world.twins import Signal
from sensorbench.world.world import World

_OVERLOAD = 1e9
_TEST_A = 1e-3
_SETTLING_S = 3.0
_PERIODS_S = {"S": 0.25, "M": 0.1, "F": 1 / 65}
_COUNTS, _OVER = 50_000, 1.1
_PERCENT, _DIGITS = 0.08, 8
_RANGES: Mapping[str, tuple[float, ...]] = {
    "VOLT": (0.05, 0.5, 5.0, 50.0, 500.0, 1000.0),
    "VOLT AC": (0.5, 5.0, 50.0, 500.0, 750.0),
    "CURR": (5e-4, 5e-3, 5e-2, 0.5, 5.0, 10.0),
    "CURR AC": (5e-4, 5e-3, 5e-2, 0.5, 5.0, 10.0),
    "RES": (500.0, 5e3, 5e4, 5e5, 5e6, 5e7),
    "CONT": (500.0,),
    "DIOD": (3.0,),
}
_UNITS = {"VOLT": "V", "VOLT AC": "V", "CURR": "A", "CURR AC": "A", "RES": "OHM"}


class _Range:
    """A number in a unit, or AUTO."""

    def __init__(self, unit: str) -> None:
        self._number = Number(unit)

    def parse(self, token: str) -> float | Limit:
        """Return the number or the limit named."""
        return Limit.DEF if token.upper() == "AUTO" else self._number.parse(token)


class SimOwonXdm1041(ScpiSpeaker):
    """An XDM1041 in a simulated world: volts of a signal, ohms of `resistance_ohm`, `current_a`.

    Nothing connected reads 0 V, 0 A and open leads. It measures by itself at its rate, S after it
    was switched on, and MEAS1? tells the last reading that has ended, also one of the function
    before while a new one settles. A person at the panel chooses by `press`. What it does not know
    it does not answer. Alternating signals there are none.
    """

    IDENTITY = "OWON,XDM1041,{serial},V4.3.0,3"
    SIBLING = ("XDM1041", "XDM1241")
    FAULTS: ClassVar[tuple[str, ...]] = ("overload", "identity", "silent")
    reply_terminator: bytes = b"\r\n"

    def __init__(
        self,
        world: World,
        serial: str,
        *,
        resistance_ohm: float = math.inf,
        leads_ohm: float = 0.2,
        current_a: float = 0.0,
    ) -> None:
        super().__init__(
            serial, fault=partial(world.fault_of, serial), beyond=world.beyond_of(serial)
        )
        self.resistance_ohm, self.leads_ohm, self.current_a = resistance_ohm, leads_ohm, current_a
        self.panel_locked = False
        self._world, self._clock = world, world.clock
        self._volts: Signal = lambda: 0.0
        self._noise = world.stream(serial, "noise")
        self._function, self._rate, self._fixed_range = "VOLT", "S", 0.0
        self._last, self._range_now = 0.0, _RANGES["VOLT"][0]
        self._begin(0.0)
        world.listen(self._collect)

    def sense(self, member: str, signal: Signal) -> None:
        """Connect the leads to what `voltage` measures. Raises KeyError for another member."""
        if member != "voltage":
            raise KeyError(f"an XDM1041 has no meter {member!r}")
        self._volts = signal

    def handle(self, line: bytes) -> bytes | None:
        """Carry out one message, with the reading that ended last by now."""
        self._collect()
        return super().handle(line)

    def press(self, function: str) -> None:
        """Press a function's key at the panel, such as "RES"; nothing where it is locked."""
        self._collect()
        if not self.panel_locked:
            self._choose(function, 0.0)

    # -- readings --------------------------------------------------------------------------

    def _begin(self, after_s: float) -> None:
        period_s = _PERIODS_S[self._rate]
        self._running = Conversions(self._clock.now() + after_s, period_s, period_s)

    def _choose(self, function: str, range_: float) -> None:
        self._function, self._fixed_range = function, range_
        self._range_now = range_ or _RANGES[function][0]
        self._begin(_SETTLING_S)

    def _collect(self) -> None:
        """Take the reading that ended last."""
        due = self._running.due(self._clock.now())
        if due:
            self._last = self._reading(self._running.take(due))

    def _input(self) -> float:
        if self._function.endswith("AC"):
            return 0.0
        if self._function == "VOLT":
            return components(self._volts())[0]
        if self._function == "CURR":
            return self.current_a
        ohms = self.resistance_ohm + self.leads_ohm
        return ohms * _TEST_A if self._function == "DIOD" else ohms

    def _reading(self, ended_s: float) -> float:
        value, ranges = self._input(), _RANGES[self._function]
        if not self._fixed_range:
            fits = (range_ for range_ in ranges if abs(value) <= _OVER * range_)
            self._range_now = next(fits, ranges[-1])
        if self._world.fault_of(self.serial, ended_s) == "overload" or (
            abs(value) > _OVER * self._range_now
        ):
            return math.copysign(_OVERLOAD, value)
        digit = 0.1 if self._range_now == 1000.0 else self._range_now / _COUNTS
        stream = self._world.stream
        gain = 2.0 * stream(self.serial, self._function, "gain").uniform() - 1.0
        zero = 2.0 * stream(self.serial, self._function, f"{self._range_now:g}").uniform() - 1.0
        noise = 0.3 * self._noise.normal(round(ended_s * 1e6))
        error = gain * _PERCENT / 100 * value + (zero * _DIGITS + noise) * digit
        return round((value + error) / digit) * digit

    # -- the wire --------------------------------------------------------------------------

    @scpi(":MEASure<2>?")
    def _measure(self, display: int) -> str:
        return f"{self._last:.6E}" if display == 1 else "NONe"

    @scpi(":FUNCtion<1>?")
    def _get_function(self, _: int) -> str:
        return f'"{self._function}"'

    @scpi(":CONFigure[:VOLTage][:DC]", Maybe(_Range("V")), bound=("VOLT",))
    @scpi(":CONFigure:VOLTage:AC", Maybe(_Range("V")), bound=("VOLT AC",))
    @scpi(":CONFigure:CURRent[:DC]", Maybe(_Range("A")), bound=("CURR",))
    @scpi(":CONFigure:CURRent:AC", Maybe(_Range("A")), bound=("CURR AC",))
    @scpi(":CONFigure:RESistance", Maybe(_Range("OHM")), bound=("RES",))
    def _configure(self, function: str, range_: float | Limit | None) -> None:
        if range_ is None or range_ is Limit.DEF:
            self._choose(function, 0.0)
            return
        ranges = _RANGES[function]
        wanted = bounded(range_, 0.0, ranges[-1], ranges[-1])
        self._choose(function, next(found for found in ranges if found >= wanted))

    @scpi(":CONFigure:CONTinuity", bound=("CONT",))
    @scpi(":CONFigure:DIODe", bound=("DIOD",))
    def _configure_test(self, function: str) -> None:
        self._choose(function, 0.0)

    @scpi(":AUTO")
    def _set_auto(self) -> None:
        self._fixed_range = 0.0

    @scpi(":AUTO?")
    def _get_auto(self) -> str:
        return str(int(not self._fixed_range))

    @scpi(":RANGE", Number())
    def _set_range(self, number: float | Limit) -> None:
        ranges = _RANGES[self._function]
        self._fixed_range = self._range_now = ranges[round(bounded(number, 1, len(ranges), 1)) - 1]

    @scpi(":RANGE?")
    def _get_range(self) -> str | None:
        unit = _UNITS.get(self._function)
        return None if unit is None else f"{self._range_now:g} {unit}"

    @scpi(":RATE", Choice("S", "M", "F"))
    def _set_rate(self, rate: str) -> None:
        self._rate = rate
        self._begin(0.0)

    @scpi(":RATE?")
    def _get_rate(self) -> str:
        return self._rate

    @scpi(":SYSTem:REMote", bound=(True,))
    @scpi(":SYSTem:LOCal", bound=(False,))
    def _lock(self, locked: bool) -> None:
        self.panel_locked = locked

    @scpi(":SYSTem:BEEPer:STATe?")
    def _get_beeper(self) -> str:
        return "NO"  # it means that it is on
