"""Simulated ConST 811A with one module, and the line from it to the parts.

Source: the public protocol notes and driver tests of ConST controllers (commands, replies, the
maker's unit codes, units that are refused without a word, *IDN? without a model); ConST 860's
public class (fields of TARGet?, TYPE?). Estimates: digits of replies, when it is stable (0.005 % of
full scale for 3 s), which units a display can't show, rates and errors, that -113 answers what it
does not know.
Not modelled: lists of units, several modules and ranges, filter, zeroing, steps, vent pressure,
INFO; they are refused and noted.
"""

from __future__ import annotations

from functools import partial
from typing import ClassVar

from sensorbench.instruments.simulated_pressure import MEASURE, SimulatedPressure
from sensorbench.protocols.scpi_device import ScpiDevice, scpi
from sensorbench.protocols.scpi_parameters import Choice, Flag, Limit, Maybe, Number, bounded
from sensorbench.protocols.scpi_status import ScpiError
from sensorbench.world.faults import Suffering
from sensorbench.world.fields import Field
from sensorbench.world.world import World

_UNITS = {
    1130: ("Pa", 1.0), 1131: ("GPa", 1e9), 1132: ("MPa", 1e6), 1133: ("kPa", 1e3),
    1134: ("mPa", 1e-3), 1135: ("uPa", 1e-6), 1136: ("hPa", 1e2), 1137: ("bar", 1e5),
    1138: ("mbar", 1e2), 1139: ("torr", 133.322), 1140: ("atm", 101_325.0),
    1141: ("psi", 6894.757), 1145: ("kgf/cm2", 98_066.5), 1156: ("inHg@0C", 3386.389),
    1158: ("mmHg@0C", 133.3224),
}  # fmt: skip
_PSI = 1141
_MOST_SHOWN = 9_999_999.0
_BAND, _FOR_S = 5e-5, 3.0
_RANGE_IN_S = 20.0


class SimConst811a(ScpiDevice):
    """An 811A in a simulated world.

    Its only module is number 1, and PRESsure0? reads whichever controls. It starts in MPa, absolute
    unless `gauge`; it is made for both. A person at the panel sets a pressure a tenth lower
    (`setpoint_changed`), chooses measure (`output_off`), control (`output_on`), or psi
    (`unit_changed`); `no_vent` is a valve that sticks.
    """

    IDENTITY = "ADDITEL,,{serial},P25d&MPC V2.0.0.6"
    SIBLING = ("ADDITEL,,", "ADDITEL,ADT761A,")
    ERROR_FORMAT = '{code},"{text}"'
    FAULTS: ClassVar[tuple[str, ...]] = (
        "no_vent", "setpoint_changed", "output_off", "output_on", "unit_changed", "identity",
        "silent",
    )  # fmt: skip

    def __init__(
        self, world: World, serial: str, *, full_scale_pa: float = 200_000.0, gauge: bool = False
    ) -> None:
        super().__init__(
            serial, fault=partial(world.fault_of, serial), beyond=world.beyond_of(serial)
        )
        self._suffering = Suffering(world, serial, self._suffer)
        self.controller = SimulatedPressure(
            world,
            serial,
            self._suffering,
            full_scale_pa=full_scale_pa,
            fastest_pa_per_s=full_scale_pa / _RANGE_IN_S,
        )
        self.gauge, self.unit = gauge, 1132
        self.limits_pa, self.limited = (0.0, full_scale_pa), False
        self.drives: dict[str, Field] = {"pressure": self.controller.outlet}

    def handle(self, line: bytes) -> bytes | None:
        """Carry out one message; what a person did at the panel is done by then."""
        self._suffering.catch_up()
        return super().handle(line)

    def reset(self) -> None:
        self.controller.turn(MEASURE)
        self.unit, self.limited = 1132, False

    def _suffer(self, fault: str) -> None:
        self.controller.by_hand(fault)
        if fault == "unit_changed":
            self.unit = _PSI

    # -- numbers in its unit, from its zero ------------------------------------------------

    @property
    def _zero_pa(self) -> float:
        return self.controller.ambient_pa if self.gauge else 0.0

    def _shown(self, pressure_pa: float, digits: int = 10) -> str:
        return f"{(pressure_pa - self._zero_pa) / _UNITS[self.unit][1]:.{digits}g}"

    def _pascals(self, value: float | Limit) -> float:
        factor, zero_pa = _UNITS[self.unit][1], self._zero_pa
        low, high = -zero_pa / factor, (self.controller.full_scale_pa - zero_pa) / factor
        # What the wire rounds is no reason to refuse an end of the range.
        slack = 1e-9 * (high - low)
        told = bounded(value, low - slack, high + slack, low) * factor + zero_pa
        return min(max(told, 0.0), self.controller.full_scale_pa)

    # -- the wire --------------------------------------------------------------------------

    @scpi(":PRESsure0?")
    @scpi(":PRESsure?")
    def _measured(self) -> str:
        return f"{self._shown(self.controller.reading_pa(), 8)},{_UNITS[self.unit][0]}"

    @scpi(":PRESsure:MODule<1>:MEASure?")
    def _measured_of(self, module: int) -> str:
        self._of(module)
        return self._measured()

    @scpi(":PRESsure:MODule<1>:UNIT", Number())
    def _set_unit(self, module: int, code: float | Limit) -> None:
        self._of(module)
        if code not in _UNITS:
            raise ScpiError(-224)
        shown = self.controller.full_scale_pa / _UNITS[round(float(code))][1]
        if shown <= _MOST_SHOWN:
            self.unit = round(float(code))

    @scpi(":PRESsure:MODule<1>:UNIT?", Maybe(Number()))
    def _get_unit(self, module: int, other: float | Limit | None) -> str:
        self._of(module)
        if other not in {None, 1}:
            raise ScpiError(-222)
        return str(self.unit)

    @scpi(":PRESsure:MODule<1>:STABle?")
    def _stable(self, module: int) -> str:
        self._of(module)
        return str(int(self.controller.is_stable(_BAND * self.controller.full_scale_pa, _FOR_S)))

    @scpi(":PRESsure:MODule<1>:ONLIne?")
    def _online(self, module: int) -> str:
        return str(int(module == 1))

    @scpi(":PRESsure:MODule<1>:PTYPe?")
    def _module_type(self, module: int) -> str:
        self._of(module)
        return "G" if self.gauge else "A"

    @scpi(":PRESsure:TYPE", Choice("G", "A"))
    def _set_type(self, kind: str) -> None:
        self.gauge = kind == "G"

    @scpi(":PRESsure:TYPE?")
    def _get_type(self) -> str:
        return f"{'G' if self.gauge else 'A'},1"

    @scpi(":PRESsure:TARGet", Number())
    def _set_target(self, value: float | Limit) -> None:
        target_pa = self._pascals(value)
        low_pa, high_pa = self.limits_pa
        if self.limited and not low_pa - 0.05 <= target_pa <= high_pa + 0.05:
            raise ScpiError(-222)
        self.controller.set(target_pa)

    @scpi(":PRESsure:TARGet?")
    def _get_target(self) -> str:
        return f"{self._shown(self.controller.setpoint_pa)},{_UNITS[self.unit][0]}"

    @scpi(":PRESsure:TARGet:RANGe?")
    def _target_range(self) -> str:
        ends = self._shown(0.0), self._shown(self.controller.full_scale_pa)
        return f"{','.join(ends)},{_UNITS[self.unit][0]}"

    @scpi(":PRESsure:MODE", Choice("CONTROL", "MEASURE", "VENT"))
    def _set_mode(self, mode: str) -> None:
        if mode == "VENT" and self._has == "no_vent":
            return
        self.controller.turn(mode)

    @scpi(":PRESsure:MODE?")
    def _get_mode(self) -> str:
        return self.controller.mode

    @scpi(":PRESsure:PLIMit", Number(), Number())
    def _set_limits(self, low: float | Limit, high: float | Limit) -> None:
        low_pa, high_pa = self._pascals(low), self._pascals(high)
        if not low_pa < high_pa:
            raise ScpiError(-222)
        self.limits_pa = low_pa, high_pa

    @scpi(":PRESsure:PLIMit?")
    def _get_limits(self) -> str:
        return f"{','.join(map(self._shown, self.limits_pa))},{_UNITS[self.unit][0]}"

    @scpi(":PRESsure:PLIMit:ENABle", Flag())
    def _set_limited(self, limited: bool) -> None:
        self.limited = limited

    @scpi(":PRESsure:PLIMit:ENABle?")
    def _get_limited(self) -> str:
        return str(int(self.limited))

    def _of(self, module: int) -> None:
        """Raise ScpiError for a module that is not fitted."""
        if module != 1:
            raise ScpiError(-114)
