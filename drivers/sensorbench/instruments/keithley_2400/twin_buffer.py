"""The simulated 2400's readings: what the last measurement left, the data store, its statistics.

Source: the user's manual 2400S-900-01, section 9 and pages 17-3 (FETCh?), 18-43 (CALCulate3: order,
+9.91e37 with nothing stored), 18-114 and following (TRACe). Recalled: error -230 where there is no
reading, bits 8 and 9 of the measurement register and bit 0 of the status byte. Not modelled: feeds
from math and limits, binary formats; they are refused and noted.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from statistics import fmean, stdev

from sensorbench.instruments.keithley_2400.twin_settings import SENSED, shown
from sensorbench.instruments.keithley_2400.twin_trigger import Reading, Trigger
from sensorbench.protocols.scpi_device import scpi
from sensorbench.protocols.scpi_parameters import Choice, Limit, Maybe, Number, bounded
from sensorbench.protocols.scpi_status import EventRegister, ScpiError

NOT_MEASURED = 9.91e37
ELEMENTS = ("VOLT", "CURR", "RES", "TIME", "STAT")
_ELEMENT = Choice("VOLTage", "CURRent", "RESistance", "TIME", "STATus")
_MOST_POINTS, _FIRST_POINTS = 2500, 100
_AVAILABLE, _FULL = 1 << 8, 1 << 9
_SUMMARY, _REQUEST = 1, 64
_STATISTICS: dict[str, Callable[[Sequence[float]], float]] = {
    "MEAN": fmean,
    "SDEV": lambda values: stdev(values) if len(values) > 1 else 0.0,
    "MAX": max,
    "MIN": min,
    "PKPK": lambda values: max(values) - min(values),
}


class Buffer(Trigger):
    """Elements, store and statistics. *RST does not touch the store."""

    _points, _feeds, _delta = _FIRST_POINTS, False, False
    _stored: list[Reading]

    def _begin_buffer(self) -> None:
        self._stored, self._overwrites, self._statistic = [], False, "MEAN"
        self._stored_functions: frozenset[str] = frozenset()
        self._measurement = EventRegister()

    def reset(self) -> None:
        super().reset()
        self._elements = set(ELEMENTS)
        self._measured = {"CURR"}

    def _conditions(self) -> int:
        """Return the bits of the measurement register that are not the store's."""
        raise NotImplementedError

    def _keep(self, reading: Reading) -> None:
        """Store a reading where the store is on and not full."""
        if not self._feeds:
            return
        if self._overwrites:
            self._stored, self._overwrites = [], False
        if not self._stored:
            self._stored_functions = frozenset(self._measured)
        self._stored.append(reading)
        self._feeds = len(self._stored) < self._points
        self._update_measurement()

    def _update_measurement(self) -> None:
        stored = len(self._stored)
        bits = _AVAILABLE * (stored >= 2) | _FULL * (stored >= self._points)
        self._measurement.update(bits | self._conditions())

    def _text(self, reading: Reading, since_s: float = 0.0) -> str:
        values = {**reading, "TIME": reading["TIME"] - since_s}
        return ",".join(shown(values[name]) for name in ELEMENTS if name in self._elements)

    def _latest(self) -> str:
        if not self._sampled:
            raise ScpiError(-230)
        return ",".join(map(self._text, self._sampled))

    @scpi(":FETCh?")
    def _fetch(self) -> str:
        return self._latest()

    # -- format ----------------------------------------------------------------------------

    @scpi(":FORMat[:DATA]", Choice("ASCii", beyond=("REAL", "SRE", "SREAL")), Maybe(Number()))
    def _set_format(self, _kind: str, _length: float | Limit | None) -> None:
        """Only text."""

    @scpi(":FORMat[:DATA]?")
    def _get_format(self) -> str:
        return "ASC"

    @scpi(":FORMat:ELEMents", _ELEMENT, *[Maybe(_ELEMENT)] * 4)
    def _set_elements(self, *names: str | None) -> None:
        self._elements = {name for name in names if name}

    @scpi(":FORMat:ELEMents?")
    def _get_elements(self) -> str:
        return ",".join(name for name in ELEMENTS if name in self._elements)

    # -- the store -------------------------------------------------------------------------

    @scpi(":TRACe:POINts", Number())
    def _set_points(self, count: float | Limit) -> None:
        self._points = round(bounded(count, 1, _MOST_POINTS, _FIRST_POINTS))

    @scpi(":TRACe:POINts?")
    def _get_points(self) -> str:
        return str(self._points)

    @scpi(":TRACe:POINts:ACTual?")
    def _in_store(self) -> str:
        return str(len(self._stored))

    @scpi(":TRACe:FEED", Choice("SENSe", "SENSe1", beyond=(
        "CALC", "CALCULATE", "CALC1", "CALCULATE1", "CALC2", "CALCULATE2")))  # fmt: skip
    def _set_feed(self, _: str) -> None:
        """Only what is measured."""

    @scpi(":TRACe:FEED?")
    def _get_feed(self) -> str:
        return "SENS1"

    @scpi(":TRACe:FEED:CONTrol", Choice("NEXT", "NEVer"))
    def _set_feeds(self, control: str) -> None:
        self._feeds = self._overwrites = control == "NEXT"

    @scpi(":TRACe:FEED:CONTrol?")
    def _get_feeds(self) -> str:
        return "NEXT" if self._feeds else "NEV"

    @scpi(":TRACe:CLEar")
    def _clear_store(self) -> None:
        self._stored = []
        self._update_measurement()

    @scpi(":TRACe:TSTamp:FORMat", Choice("ABSolute", "DELTa"))
    def _set_stamp(self, kind: str) -> None:
        self._delta = kind == "DELT"

    @scpi(":TRACe:TSTamp:FORMat?")
    def _get_stamp(self) -> str:
        return "DELT" if self._delta else "ABS"

    @scpi(":TRACe:DATA?")
    def _get_store(self) -> str:
        if not self._stored:
            raise ScpiError(-230)
        times_s = [reading["TIME"] for reading in self._stored]
        since_s = [times_s[0], *times_s[:-1]] if self._delta else [times_s[0]] * len(times_s)
        return ",".join(map(self._text, self._stored, since_s))

    @scpi(":CALCulate3:FORMat", Choice("MEAN", "SDEViation", "MAXimum", "MINimum", "PKPK"))
    def _set_statistic(self, name: str) -> None:
        self._statistic = name

    @scpi(":CALCulate3:FORMat?")
    def _get_statistic(self) -> str:
        return self._statistic

    @scpi(":CALCulate3:DATA?")
    def _get_statistics(self) -> str:
        names = [name for name in SENSED if name in self._stored_functions]
        if not self._stored or not names:
            return shown(NOT_MEASURED)
        reduce = _STATISTICS[self._statistic]
        return ",".join(shown(reduce([one[name] for one in self._stored])) for name in names)

    # -- the measurement register ----------------------------------------------------------

    @scpi(":STATus:MEASurement[:EVENt]?")
    def _measurement_event(self) -> str:
        self._update_measurement()
        return str(self._measurement.read_event())

    @scpi(":STATus:MEASurement:CONDition?")
    def _measurement_condition(self) -> str:
        self._update_measurement()
        return str(self._measurement.condition)

    @scpi(":STATus:MEASurement:ENABle", Number())
    def _set_measurement_enable(self, mask: float | Limit) -> None:
        self._measurement.enable = round(bounded(mask, 0, 65535, 0))

    @scpi(":STATus:MEASurement:ENABle?")
    def _measurement_enable(self) -> str:
        return str(self._measurement.enable)

    @scpi(":STATus:PRESet")
    def _preset(self) -> None:
        super()._preset()
        self._measurement.enable = 0

    @scpi("*CLS")
    def _clear_status(self) -> None:
        super()._clear_status()
        self._measurement.event = 0

    @scpi("*STB?")
    def _read_status_byte(self) -> str:
        self._update_measurement()
        byte = int(super()._read_status_byte()) & ~_REQUEST
        byte |= _SUMMARY * self._measurement.summary
        return str(byte | _REQUEST * bool(byte & self.status.request_enable))
