"""The simulated 34461A's scale: readings of volts in dB and dBm.

Source: a public client's CALC:SCAL:STAT, :FUNC, :DB:REF and :DBM:REF; that it goes off with the
function, and the ranges of the references, recalled from the Truevolt operating guide.
"""

from __future__ import annotations

import math

from sensorbench.instruments.keysight_34461a.twin_panel import Panel
from sensorbench.protocols.scpi_device import scpi
from sensorbench.protocols.scpi_parameters import Choice, Flag, Limit, Number, bounded, nr3

_MILLIWATT = 1e-3
_LEAST_REFERENCE_OHM, _MOST_REFERENCE_OHM, _REFERENCE_OHM = 50.0, 8000.0, 600.0
_MOST_DB = 200.0


class Scale(Panel):
    """CALCulate:SCALe. Only volts are scaled."""

    _scaled, _scale = False, "DB"
    _reference_ohm, _reference_dbm = _REFERENCE_OHM, 0.0

    def reset(self) -> None:
        super().reset()
        self._unscale()
        self._scale, self._reference_ohm, self._reference_dbm = "DB", _REFERENCE_OHM, 0.0

    def _unscale(self) -> None:
        self._scaled = False

    def _in_scale(self, volts: float) -> float:
        """Return volts as dBm of the reference resistance, or that less the reference as dB."""
        watts = max(volts * volts, 1e-30) / self._reference_ohm
        dbm = 10.0 * math.log10(watts / _MILLIWATT)
        return dbm - (self._reference_dbm if self._scale == "DB" else 0.0)

    @scpi(":CALCulate:SCALe[:STATe]", Flag())
    def _set_scaled(self, on: bool) -> None:
        self._scaled = on

    @scpi(":CALCulate:SCALe[:STATe]?")
    def _get_scaled(self) -> str:
        return str(int(self._scaled))

    @scpi(":CALCulate:SCALe:FUNCtion", Choice("DB", "DBM", beyond=("PCT", "SCAL", "SCALE")))
    def _set_scale(self, scale: str) -> None:
        self._scale = scale

    @scpi(":CALCulate:SCALe:FUNCtion?")
    def _get_scale(self) -> str:
        return self._scale

    @scpi(":CALCulate:SCALe:DB:REFerence", Number())
    def _set_reference_dbm(self, dbm: float | Limit) -> None:
        self._reference_dbm = bounded(dbm, -_MOST_DB, _MOST_DB, 0.0)

    @scpi(":CALCulate:SCALe:DB:REFerence?")
    def _get_reference_dbm(self) -> str:
        return nr3(self._reference_dbm)

    @scpi(":CALCulate:SCALe:DBM:REFerence", Number("OHM"))
    def _set_reference_ohm(self, ohm: float | Limit) -> None:
        ends = _LEAST_REFERENCE_OHM, _MOST_REFERENCE_OHM
        self._reference_ohm = bounded(ohm, *ends, _REFERENCE_OHM)

    @scpi(":CALCulate:SCALe:DBM:REFerence?")
    def _get_reference_ohm(self) -> str:
        return nr3(self._reference_ohm)
