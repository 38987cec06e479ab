"""The simulated E36312A's questionable status: a register an output, and their summaries.

Condition of an output: 0 off, 1 constant current, 2 constant voltage. An enabled event of output n
sets bit n of the INSTrument register, an enabled event of that bit 13 of QUEStionable.
Source: a public client of the series (values); SCPI-99 volume 2, 20 (summaries); the enables after
STATus:PRESet recalled.
"""

from __future__ import annotations

from typing import Any

from sensorbench.instruments.simulated_output import Output
from sensorbench.protocols.scpi_device import ScpiStatusDevice, scpi
from sensorbench.protocols.scpi_parameters import Limit, Number, bounded
from sensorbench.protocols.scpi_status import EventRegister

_INSTRUMENT_SUMMARY = 1 << 13
_ALL = 32767


class OutputStatus(ScpiStatusDevice):
    """The registers of `_outputs`, by number."""

    _outputs: dict[int, Output]

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._instrument = EventRegister()
        self._each = {number: EventRegister() for number in (1, 2, 3)}
        self._preset()

    @scpi(":STATus:PRESet")
    def _preset(self) -> None:
        super()._preset()
        for register in (self._instrument, *self._each.values()):
            register.enable = _ALL

    @scpi("*CLS")
    def _clear_status(self) -> None:
        super()._clear_status()
        for register in (self._instrument, *self._each.values()):
            register.event = 0

    def _look(self) -> None:
        """Bring the registers to where the outputs are."""
        for number, register in self._each.items():
            register.update(self._outputs[number].mode)
        self._instrument.update(sum(r.summary << number for number, r in self._each.items()))
        others = self.status.questionable.condition & ~_INSTRUMENT_SUMMARY
        summary = _INSTRUMENT_SUMMARY if self._instrument.summary else 0
        self.status.questionable.update(others | summary)

    @scpi("*STB?")
    def _read_status_byte(self) -> str:
        self._look()
        return super()._read_status_byte()

    @scpi(":STATus:QUEStionable[:EVENt]?")
    def _questionable_event(self) -> str:
        self._look()
        return super()._questionable_event()

    @scpi(":STATus:QUEStionable:CONDition?")
    def _questionable_condition(self) -> str:
        self._look()
        return super()._questionable_condition()

    @scpi(":STATus:QUEStionable:INSTrument[:EVENt]?")
    def _instrument_event(self) -> str:
        self._look()
        return str(self._instrument.read_event())

    @scpi(":STATus:QUEStionable:INSTrument:ENABle", Number())
    def _set_instrument_enable(self, mask: float | Limit) -> None:
        self._instrument.enable = round(bounded(mask, 0, _ALL, 0))

    @scpi(":STATus:QUEStionable:INSTrument:ENABle?")
    def _instrument_enable(self) -> str:
        return str(self._instrument.enable)

    @scpi(":STATus:QUEStionable:INSTrument:ISUMmary<3>[:EVENt]?")
    def _output_event(self, number: int) -> str:
        self._look()
        return str(self._each[number].read_event())

    @scpi(":STATus:QUEStionable:INSTrument:ISUMmary<3>:CONDition?")
    def _output_condition(self, number: int) -> str:
        self._look()
        return str(self._each[number].condition)

    @scpi(":STATus:QUEStionable:INSTrument:ISUMmary<3>:ENABle", Number())
    def _set_output_enable(self, number: int, mask: float | Limit) -> None:
        self._each[number].enable = round(bounded(mask, 0, _ALL, 0))

    @scpi(":STATus:QUEStionable:INSTrument:ISUMmary<3>:ENABle?")
    def _output_enable(self, number: int) -> str:
        return str(self._each[number].enable)
