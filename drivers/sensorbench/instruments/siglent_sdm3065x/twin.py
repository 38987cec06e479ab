"""Simulated Siglent SDM3065X: a 34461A's twin with its own ranges, integrations and thermometers.

Source: public clients and public summaries of Siglent's remote manual (headers, ranges, NPLC,
largest counts, PT100 and PT1000, DATA:REMove?); *IDN? as public logs print it; accuracy recalled
and rounded up, resolution recalled. Not modelled beside what the 34461A's twin does not:
thermocouples, histogram and trend, the scanner card (ROUTe), the console of port 5024.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from sensorbench.instruments.keysight_34461a.twin import SimulatedMultimeter
from sensorbench.instruments.keysight_34461a.twin_functions import Function
from sensorbench.protocols.scpi_device import scpi
from sensorbench.protocols.scpi_parameters import Choice, Limit, Maybe, Number, bounded, nr3
from sensorbench.protocols.scpi_status import ScpiError

_VOLTS_BIT, _AMPERES_BIT, _OHMS_BIT, _TEMPERATURE_BIT = 1, 2, 512, 16
_AC_SECONDS = 0.6
_SENSORS = {"PT100": 100.0, "PT1000": 1000.0}
_TEMPERATURE = (
    Maybe(Choice("RTD", "DEFault", beyond=("THER", "THERMOCOUPLE"))),
    Maybe(Choice("PT100", "PT1000", "DEFault")),
)
_DC_VOLTS = {
    0.2: (0.0050, 0.0040), 2.0: (0.0040, 0.0010), 20.0: (0.0040, 0.0010),
    200.0: (0.0055, 0.0010), 1000.0: (0.0055, 0.0010),
}  # fmt: skip
_OHMS = {
    2e2: (0.010, 0.004), 2e3: (0.010, 0.001), 2e4: (0.010, 0.001), 2e5: (0.010, 0.001),
    1e6: (0.012, 0.001), 1e7: (0.040, 0.001), 1e8: (0.800, 0.010),
}  # fmt: skip
_DC_AMPERES = dict.fromkeys((2e-4, 2e-3, 2e-2, 2e-1, 2.0, 10.0), (0.150, 0.020))


class SimSiglentSdm3065x(SimulatedMultimeter):
    """An SDM3065X in a simulated world: what the 34461A's twin says holds of it.

    A platinum resistor is measured with two wires, so that its leads count.
    """

    IDENTITY = "Siglent Technologies,SDM3065X,{serial},3.02.01.13"
    SIBLING = ("SDM3065X", "SDM3055")
    MOST_COUNT: ClassVar[float] = 599_999_999
    RESOLUTIONS: ClassVar[Mapping[float, float]] = {
        0.005: 1e-4, 0.05: 1e-5, 0.5: 5e-6, 1.0: 3e-6, 10.0: 1e-6, 100.0: 3e-7,
    }  # fmt: skip

    # Its reference does not have these.
    _options = _terminals = _line_frequency = None  # type: ignore[assignment]
    _show = _get_shown = _clear_shown = None  # type: ignore[assignment]
    _set_at_zero = _get_at_zero = _set_control = None  # type: ignore[assignment]

    def _measurable(self) -> dict[str, Function]:
        shares = self.RESOLUTIONS

        def integrating(
            unit: str, ranges: Mapping[float, tuple[float, float]], default: float, bit: int
        ) -> Function:
            return Function(unit, ranges, default, bit, resolutions=shares)

        def alternating(unit: str, ranges: tuple[float, ...], default: float, bit: int) -> Function:
            rows = dict.fromkeys(ranges, (0.20, 0.05))
            return Function(unit, rows, default, bit, False, _AC_SECONDS, shares)

        return {
            "VOLT": integrating("V", _DC_VOLTS, 20.0, _VOLTS_BIT),
            "VOLT:AC": alternating("V", (0.2, 2.0, 20.0, 200.0, 750.0), 20.0, _VOLTS_BIT),
            "CURR": integrating("A", _DC_AMPERES, 2.0, _AMPERES_BIT),
            "CURR:AC": alternating("A", (2e-2, 2e-1, 2.0, 10.0), 2.0, _AMPERES_BIT),
            "RES": integrating("OHM", _OHMS, 2e3, _OHMS_BIT),
            "FRES": integrating("OHM", _OHMS, 2e3, _OHMS_BIT),
            "TEMP": integrating("OHM", _OHMS, 2e3, _TEMPERATURE_BIT),
            "CONT": Function("OHM", {2e3: (0.010, 0.020)}, 2e3, _OHMS_BIT, False, 0.01),
            "DIOD": Function("V", {2.0: (0.010, 0.020)}, 2.0, _VOLTS_BIT, False, 0.01),
        }

    def reset(self) -> None:
        super().reset()
        self._wires = 2

    @scpi(":SYSTem:PRESet")
    def _preset_all(self) -> None:
        self.reset()

    @scpi(":DATA:REMove?", Number())
    def _remove_plainly(self, count: float | Limit) -> str:
        wanted = round(bounded(count, 1, self.MEMORY, 1))
        if wanted > len(self._memory):
            raise ScpiError(-222)
        return ",".join(nr3(self._memory.popleft()) for _ in range(wanted))

    # -- thermometers ----------------------------------------------------------------------

    def _choose_sensor(self, sensor: str | None) -> None:
        self._wires, self._at_zero_ohm = 2, _SENSORS.get(sensor or "PT100", 100.0)
        self._choose("TEMP")

    @scpi(":CONFigure:TEMPerature", *_TEMPERATURE)
    def _configure_temperature(self, probe: str | None, *sensor: Any) -> None:  # noqa: ARG002
        self._choose_sensor(*sensor)

    @scpi(":MEASure:TEMPerature?", *_TEMPERATURE)
    def _measure_temperature(self, probe: str | None, *sensor: Any) -> str | None:  # noqa: ARG002
        self._choose_sensor(*sensor)
        return self._read()

    @scpi("[:SENSe]:TEMPerature:TRANsducer:TYPE", Choice("RTD", beyond=("THER",)))
    def _set_transducer(self, probe: str) -> None:  # noqa: ARG002
        self._wires = 2

    @scpi("[:SENSe]:TEMPerature:TRANsducer:RTD:TYPE", Choice("PT100", "PT1000"))
    def _set_sensor(self, sensor: str) -> None:
        self._at_zero_ohm = _SENSORS[sensor]

    @scpi("[:SENSe]:TEMPerature:TRANsducer:RTD:TYPE?")
    def _get_sensor(self) -> str:
        return "PT1000" if self._at_zero_ohm == _SENSORS["PT1000"] else "PT100"
