"""The simulated DMM6500's settings of the whole unit, and of what it can be set up for alone.

Source: PyMeasure, keithleyDMM6500.py (headers, screens, apertures and thresholds of frequency and
period, currents of the diode test); FORMat and DISPlay Keithley's reference manual of the 2461,
SYSTem:TIME that of the 2470, page 12-116: both speak the same language. Recalled: *RST values.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sensorbench.instruments.keithley_dmm6500.twin_functions import LINE_HZ
from sensorbench.instruments.keithley_dmm6500.twin_settings import Settings, each
from sensorbench.protocols.scpi_device import scpi
from sensorbench.protocols.scpi_parameters import Choice, Flag, Limit, Maybe, Number, Text, bounded
from sensorbench.protocols.scpi_status import ScpiError
from sensorbench.world.world import World

_MOST_COUNT, _MOST_PRECISION, _AUTOMATIC = 1_000_000, 16, 0
_SCREENS = (
    "HOME", "HOME_LARG", "READ", "HIST", "SWIPE_FUNC", "SWIPE_GRAP", "SWIPE_SEC", "SWIPE_SETT",
    "SWIPE_STAT", "SWIPE_USER", "SWIPE_CHAN", "SWIPE_NONS", "SWIPE_SCAN", "CHANNEL_CONT",
    "CHANNEL_SETT", "CHANNEL_SCAN", "PROC",
)  # fmt: skip
_COUNTED = ("FREQ:VOLT", "PER:VOLT")
_SHORTEST_GATE_S, _LONGEST_GATE_S, _GATE_S = 0.002, 0.273, 0.2
_THRESHOLDS_V = (0.1, 1.0, 10.0, 100.0, 750.0)
_BIASES_A = (1e-5, 1e-4, 1e-3, 1e-2)
_FIRST_DATE = datetime(2020, 1, 1, tzinfo=UTC)


class Unit(Settings):
    """Counts, formats, display, clock; frequency's gate and threshold; the diode's current."""

    _world: World
    _set_ahead = timedelta(0)
    _light = "ON50"

    def reset(self) -> None:
        super().reset()
        self._count, self._precision = 1, _AUTOMATIC
        self._screen = "HOME"
        self._texts = {1: "", 2: ""}

    def shown(self, value: float) -> str:
        """Return a number as the unit writes it, with its precision."""
        return f"{value:.{self._precision - 1 if self._precision else 6}E}"

    # -- of some functions -----------------------------------------------------------------

    @each("[:SENSe]:{}:APERture", _COUNTED, lambda _: (Number("S"),))
    def _set_gate(self, name: str, seconds: float | Limit) -> None:
        gate_s = bounded(seconds, _SHORTEST_GATE_S, _LONGEST_GATE_S, _GATE_S)
        self._functions[name].gate_s = gate_s

    @each("[:SENSe]:{}:APERture?", _COUNTED)
    def _get_gate(self, name: str) -> str:
        return self.shown(self._functions[name].gate_s)

    @each("[:SENSe]:{}:THReshold:RANGe", _COUNTED, lambda _: (Number("V"),))
    def _set_threshold(self, name: str, volts: float | Limit) -> None:
        wanted = bounded(volts, 0.0, max(_THRESHOLDS_V), max(_THRESHOLDS_V))
        function = self._functions[name]
        function.threshold_v = next(held for held in _THRESHOLDS_V if wanted <= held)
        function.threshold_automatic = False

    @each("[:SENSe]:{}:THReshold:RANGe?", _COUNTED)
    def _get_threshold(self, name: str) -> str:
        return self.shown(self._functions[name].threshold_v)

    @each("[:SENSe]:{}:THReshold:RANGe:AUTO", _COUNTED, lambda _: (Flag(),))
    def _set_auto_threshold(self, name: str, on: bool) -> None:
        self._functions[name].threshold_automatic = on

    @each("[:SENSe]:{}:THReshold:RANGe:AUTO?", _COUNTED)
    def _get_auto_threshold(self, name: str) -> str:
        return str(int(self._functions[name].threshold_automatic))

    @scpi("[:SENSe]:DIODe:BIAS:LEVel", Number("A"))
    def _set_bias(self, amperes: float | Limit) -> None:
        wanted = bounded(amperes, min(_BIASES_A), max(_BIASES_A), 1e-3)
        found = next((bias for bias in _BIASES_A if abs(bias - wanted) <= 1e-6 * bias), None)
        if found is None:
            raise ScpiError(-222)
        self._functions["DIOD"].bias_a = found

    @scpi("[:SENSe]:DIODe:BIAS:LEVel?")
    def _get_bias(self) -> str:
        return self.shown(self._functions["DIOD"].bias_a)

    # -- the clock -------------------------------------------------------------------------

    @property
    def _date(self) -> datetime:
        return _FIRST_DATE + timedelta(seconds=self._world.clock.now()) + self._set_ahead

    @scpi(":SYSTem:TIME", Number(), Number(), Number(), *[Maybe(Number())] * 3)
    def _set_time(self, *given: float | Limit | None) -> None:
        numbers = [round(bounded(one, 0, 9999, 0)) for one in given if one is not None]
        now = self._date
        if len(numbers) == 3:
            numbers = [now.year, now.month, now.day, *numbers]
        try:
            year, month, day, hour, minute, second = numbers
            told = datetime(year, month, day, hour, minute, second, tzinfo=UTC)
        except ValueError:
            raise ScpiError(-222) from None
        if told.year <= 1970:
            raise ScpiError(-222)
        self._set_ahead += told - now

    @scpi(":SYSTem:TIME?", Maybe(Number()))
    def _get_time(self, form: float | Limit | None) -> str:
        if form == 1:
            return f"{self._date:%a %b %d %H:%M:%S %Y}"
        return f"{self._date.timestamp():.0f}"

    # -- of the whole unit -----------------------------------------------------------------

    @scpi("[:SENSe]:COUNt", Number())
    def _set_count(self, count: float | Limit) -> None:
        self._count = round(bounded(count, 1, _MOST_COUNT, 1))

    @scpi("[:SENSe]:COUNt?")
    def _get_count(self) -> str:
        return str(self._count)

    @scpi(":FORMat[:DATA]", Choice("ASCii", beyond=("REAL", "SRE", "SREAL")))
    def _set_format(self, _: str) -> None:
        """It is always so here."""

    @scpi(":FORMat[:DATA]?")
    def _get_format(self) -> str:
        return "ASC"

    @scpi(":FORMat:ASCii:PRECision", Number())
    def _set_precision(self, digits: float | Limit) -> None:
        self._precision = round(bounded(digits, _AUTOMATIC, _MOST_PRECISION, _AUTOMATIC))

    @scpi(":FORMat:ASCii:PRECision?")
    def _get_precision(self) -> str:
        return str(self._precision)

    @scpi(":DISPlay:LIGHt:STATe", Choice("ON100", "ON75", "ON50", "ON25", "OFF", "BLACkout"))
    def _set_light(self, state: str) -> None:
        self._light = state

    @scpi(":DISPlay:LIGHt:STATe?")
    def _get_light(self) -> str:
        return self._light

    @scpi(":DISPlay:CLEar")
    def _clear_display(self) -> None:
        self._texts = {1: "", 2: ""}

    @scpi(":DISPlay:USER<2>:TEXT[:DATA]", Text())
    def _show(self, line: int, text: str) -> None:
        self._texts[line] = text[: 20 if line == 1 else 32]

    @scpi(":DISPlay:SCReen", Choice(*_SCREENS))
    def _set_screen(self, screen: str) -> None:
        self._screen = screen

    @scpi(":SYSTem:LFRequency?")
    def _line_frequency(self) -> str:
        return f"{LINE_HZ:.0f}"

    @scpi(":SYSTem:CLEar")
    def _clear_errors(self) -> None:
        while self.status.pop()[0]:
            pass

    @scpi(":SYSTem:CARD<1>:IDN?")
    def _card(self, _: int) -> str:
        return "Empty Slot"

    @scpi(":SYSTem:BEEPer[:IMMediate]", Number("HZ"), Maybe(Number("S")))
    def _beep(self, *_: float | Limit | None) -> None:
        """Nobody hears it."""
