"""The simulated PACE5000's operation registers: what the pressure has come to.

Source: Druck/GE PACE SCPI manual K0472 rev A, table 3-2 and pages 4-45 to 4-50, as a public extract
gives them. Bits of the pressure register: 0 vent complete, 1 range change complete, 2 in limits.
"""

from __future__ import annotations

from typing import Any

from sensorbench.protocols.scpi_device import ScpiDevice, scpi
from sensorbench.protocols.scpi_parameters import Limit, Number, bounded
from sensorbench.protocols.scpi_status import EventRegister

_PRESSURE_SUMMARY = 1 << 10
_ALL = 32767


class PaceStatus(ScpiDevice):
    """The pressure register, and the operation register that sums it up in bit 10."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._pressure = EventRegister()

    def _pressure_condition(self) -> int:
        """Return the bits that are true now."""
        raise NotImplementedError

    def _look(self) -> None:
        """Bring the registers to where the line is: before and after a move, and to be read."""
        self._pressure.update(self._pressure_condition())
        self.status.operation.update(_PRESSURE_SUMMARY if self._pressure.summary else 0)

    @scpi("*CLS")
    def _clear_status(self) -> None:
        super()._clear_status()
        self._pressure.event = 0

    @scpi("*STB?")
    def _read_status_byte(self) -> str:
        self._look()
        return super()._read_status_byte()

    @scpi(":STATus:OPERation[:EVENt]?")
    def _operation_event(self) -> str:
        self._look()
        return str(self.status.operation.read_event())

    @scpi(":STATus:OPERation:CONDition?")
    def _operation_condition(self) -> str:
        self._look()
        return str(self.status.operation.condition)

    @scpi(":STATus:OPERation:ENABle", Number())
    def _set_operation_enable(self, mask: float | Limit) -> None:
        self.status.operation.enable = round(bounded(mask, 0, _ALL, 0))

    @scpi(":STATus:OPERation:ENABle?")
    def _operation_enable(self) -> str:
        return str(self.status.operation.enable)

    @scpi(":STATus:OPERation:PRESsure[:EVENt]?")
    def _pressure_event(self) -> str:
        self._look()
        return str(self._pressure.read_event())

    @scpi(":STATus:OPERation:PRESsure:CONDition?")
    def _get_pressure_condition(self) -> str:
        self._look()
        return str(self._pressure.condition)

    @scpi(":STATus:OPERation:PRESsure:ENABle", Number())
    def _set_pressure_enable(self, mask: float | Limit) -> None:
        self._pressure.enable = round(bounded(mask, 0, _ALL, 0))

    @scpi(":STATus:OPERation:PRESsure:ENABle?")
    def _pressure_enable(self) -> str:
        return str(self._pressure.enable)
