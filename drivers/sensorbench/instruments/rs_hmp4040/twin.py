"""Simulated Rohde & Schwarz HMP4040: four outputs, the selected one and the master switch.

Sources: R&S's instrument driver for the HMP4000 and PyMeasure, hmp.py (commands); a public client's
32.05 V and 10.01 A; digits of the replies recalled.
Not confirmed: that OUTPut ON switches the master on, and with it all that are selected to; values
after *RST, the most that the protection takes; that switching on again releases a blown fuse.
Not modelled: arbitrary sequences that run, links and delays of fuses, the protection's mode PROT,
tracking, memory, 160 W an output; they are refused and noted.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from functools import partial
from typing import ClassVar

from sensorbench.instruments.rs_hmp4040.twin_sequence import Sequences
from sensorbench.instruments.simulated_output import Output, Rating
from sensorbench.instruments.simulated_supply import SimulatedSupply
from sensorbench.protocols.scpi_device import scpi
from sensorbench.protocols.scpi_parameters import Choice, Flag, Limit, Maybe, Number, bounded
from sensorbench.world.world import World

_RATING = Rating(
    32.05, 10.01, 32.5, least_amperes=0.0, reset_amperes=0.1, step_volts=1e-3, step_amperes=1e-3
)
_END = Maybe(Choice("MINimum", "MAXimum"))


class _Step(Enum):
    """One step from what is held."""

    UP = 1
    DOWN = -1


@dataclass(frozen=True, slots=True)
class _Stepping:
    """A number with a unit, MIN, MAX, DEF, UP or DOWN."""

    unit: str

    def parse(self, token: str) -> float | Limit | _Step:
        """Return the number, the limit or the step."""
        step = _Step.__members__.get(token.upper())
        return step or Number(self.unit).parse(token)


_VOLTS, _AMPERES = _Stepping("V"), _Stepping("A")


class _HmpOutput(Output):
    """An output that gives something when it is selected to and the master is on."""

    def reset(self) -> None:
        """Take the settings of *RST; trips are cleared."""
        self.is_selected = False
        self.increment_v, self.increment_a = 1.0, 0.1
        super().reset()


class SimRsHmp4040(SimulatedSupply[_HmpOutput], Sequences):
    """An HMP4040. A fuse that is on blows when its limit acts.

    A person at its panel presses OUTPUT, the master switch: on, with all outputs selected to.
    """

    IDENTITY = "ROHDE&SCHWARZ,HMP4040,{serial},HW50020003/SW2.62"
    SIBLING = ("HMP4040", "HMP4030")
    ERROR_FORMAT = '{code},"{text}"'
    FAULTS: ClassVar[tuple[str, ...]] = (
        "trip1", "trip2", "trip3", "trip4", "setpoint_changed", "output_off", "output_on",
        "identity", "silent",
    )  # fmt: skip

    def __init__(self, world: World, serial: str) -> None:
        outputs = {
            number: _HmpOutput(_RATING, partial(world.stream, serial, number), world.changing)
            for number in range(1, 5)
        }
        super().__init__(world, serial, outputs)
        self._number, self._master = 1, False
        self._begin_sequences()

    def reset(self) -> None:
        self._number, self._master = 1, False
        super().reset()

    def _suffer(self, fault: str) -> None:
        self._trip_by(fault)
        if fault in {"output_off", "output_on"}:
            self._master = fault == "output_on"
        for output in self._outputs.values():
            if fault == "setpoint_changed":
                output.setpoint_v = output.round_v(0.9 * output.setpoint_v)
            output.is_selected |= fault == "output_on"
        self._switch()

    @property
    def _chosen(self) -> _HmpOutput:
        return self._outputs[self._number]

    def _switch(self) -> None:
        """Bring every output to what its own switch and the master say."""
        for output in self._outputs.values():
            output.on = output.is_selected and self._master
            output.regulate()

    # -- which output ----------------------------------------------------------------------

    @scpi(":INSTrument[:SELect]", Choice("OUTPut1", "OUTPut2", "OUTPut3", "OUTPut4",
                                         "OUT1", "OUT2", "OUT3", "OUT4"))  # fmt: skip
    def _choose(self, name: str) -> None:
        self._number = int(name[-1])

    @scpi(":INSTrument[:SELect]?")
    def _get_chosen(self) -> str:
        return f"OUTP{self._number}"

    @scpi(":INSTrument:NSELect", Number())
    def _choose_number(self, number: float | Limit) -> None:
        self._number = round(bounded(number, 1, 4, 1))

    @scpi(":INSTrument:NSELect?")
    def _get_number(self) -> str:
        return str(self._number)

    # -- what is set -----------------------------------------------------------------------

    @scpi("[:SOURce]:VOLTage[:LEVel][:IMMediate][:AMPLitude]", _VOLTS)
    def _set_voltage(self, voltage: float | Limit | _Step) -> None:
        output = self._chosen
        asked = _stepped(voltage, output.setpoint_v, output.increment_v, output.most_v)
        output.setpoint_v = output.round_v(bounded(asked, 0.0, output.most_v, 0.0))
        output.regulate()

    @scpi("[:SOURce]:VOLTage[:LEVel][:IMMediate][:AMPLitude]?", _END)
    def _get_voltage(self, end: str | None) -> str:
        output = self._chosen
        return f"{ {'MIN': 0.0, 'MAX': output.most_v}.get(end or '', output.setpoint_v):.3f}"

    @scpi("[:SOURce]:VOLTage[:LEVel][:IMMediate][:AMPLitude]:STEP[:INCRement]", Number("V"))
    def _set_voltage_step(self, step: float | Limit) -> None:
        self._chosen.increment_v = bounded(step, 0.0, self._chosen.most_v, 1.0)

    @scpi("[:SOURce]:VOLTage[:LEVel][:IMMediate][:AMPLitude]:STEP[:INCRement]?")
    def _get_voltage_step(self) -> str:
        return f"{self._chosen.increment_v:.3f}"

    @scpi("[:SOURce]:CURRent[:LEVel][:IMMediate][:AMPLitude]", _AMPERES)
    def _set_current(self, current: float | Limit | _Step) -> None:
        output = self._chosen
        asked = _stepped(current, output.limit_a, output.increment_a, output.most_a)
        output.limit_a = output.round_a(bounded(asked, 0.0, output.most_a, output.default_a))
        output.regulate()

    @scpi("[:SOURce]:CURRent[:LEVel][:IMMediate][:AMPLitude]?", _END)
    def _get_current(self, end: str | None) -> str:
        output = self._chosen
        return f"{ {'MIN': 0.0, 'MAX': output.most_a}.get(end or '', output.limit_a):.4f}"

    @scpi("[:SOURce]:CURRent[:LEVel][:IMMediate][:AMPLitude]:STEP[:INCRement]", Number("A"))
    def _set_current_step(self, step: float | Limit) -> None:
        self._chosen.increment_a = bounded(step, 0.0, self._chosen.most_a, 0.1)

    @scpi("[:SOURce]:CURRent[:LEVel][:IMMediate][:AMPLitude]:STEP[:INCRement]?")
    def _get_current_step(self) -> str:
        return f"{self._chosen.increment_a:.4f}"

    @scpi("[:SOURce]:APPLy", Number("V"), Maybe(Number("A")))
    def _apply(self, voltage: float | Limit, current: float | Limit | None) -> None:
        output = self._chosen
        volts = bounded(voltage, 0.0, output.most_v, 0.0)
        if current is not None:  # neither is set where one can't be
            output.limit_a = output.round_a(bounded(current, 0.0, output.most_a, output.default_a))
        output.setpoint_v = output.round_v(volts)
        output.regulate()

    @scpi("[:SOURce]:APPLy?")
    def _get_applied(self) -> str:
        return f"{self._chosen.setpoint_v:.3f}, {self._chosen.limit_a:.4f}"

    # -- switches --------------------------------------------------------------------------

    @scpi(":OUTPut[:STATe]", Flag())
    def _switch_one(self, on: bool) -> None:
        self._chosen.is_selected = on
        if on:
            self._master = True
            self._chosen.current_tripped = False
        self._switch()

    @scpi(":OUTPut[:STATe]?")
    def _is_on(self) -> str:
        return str(int(self._chosen.delivers))

    @scpi(":OUTPut:SELect", Flag())
    def _select(self, on: bool) -> None:
        self._chosen.is_selected = on
        self._switch()

    @scpi(":OUTPut:SELect?")
    def _is_selected(self) -> str:
        return str(int(self._chosen.is_selected))

    @scpi(":OUTPut:GENeral", Flag())
    def _switch_all(self, on: bool) -> None:
        self._master = on
        self._switch()

    @scpi(":OUTPut:GENeral?")
    def _is_master_on(self) -> str:
        return str(int(self._master))

    # -- readings --------------------------------------------------------------------------

    @scpi(":MEASure[:SCALar][:VOLTage][:DC]?")
    def _measure_voltage(self) -> str:
        return f"{max(0.0, self._chosen.read_voltage_v(self._now())):.3f}"

    @scpi(":MEASure[:SCALar]:CURRent[:DC]?")
    def _measure_current(self) -> str:
        return f"{max(0.0, self._chosen.read_current_a(self._now())):.4f}"

    # -- protections -----------------------------------------------------------------------

    @scpi("[:SOURce]:VOLTage:PROTection[:LEVel]", Number("V"))
    def _set_protection(self, voltage: float | Limit) -> None:
        output = self._chosen
        most_v = output.most_protection_v
        output.protection_v = output.round_v(bounded(voltage, 0.0, most_v, most_v))
        output.regulate()

    @scpi("[:SOURce]:VOLTage:PROTection[:LEVel]?", _END)
    def _get_protection(self, end: str | None) -> str:
        output = self._chosen
        ends = {"MIN": 0.0, "MAX": output.most_protection_v}
        return f"{ends.get(end or '', output.protection_v):.3f}"

    @scpi("[:SOURce]:VOLTage:PROTection:MODE", Choice("MEASured", beyond=("PROT", "PROTECTED")))
    def _set_protection_mode(self, mode: str) -> None:
        """Only what is measured counts."""

    @scpi("[:SOURce]:VOLTage:PROTection:MODE?")
    def _get_protection_mode(self) -> str:
        return "MEAS"

    @scpi("[:SOURce]:VOLTage:PROTection:TRIPped?")
    def _has_tripped(self) -> str:
        return str(int(self._chosen.voltage_tripped))

    @scpi("[:SOURce]:VOLTage:PROTection:CLEar")
    def _clear(self) -> None:
        output = self._chosen
        if output.voltage_tripped:
            output.voltage_tripped = output.is_selected = False
        self._switch()

    @scpi(":FUSE[:STATe]", Flag())
    def _fuse(self, on: bool) -> None:
        self._chosen.trips_on_current = on
        self._chosen.regulate()

    @scpi(":FUSE[:STATe]?")
    def _is_fused(self) -> str:
        return str(int(self._chosen.trips_on_current))

    @scpi(":FUSE:TRIPped?")
    def _is_blown(self) -> str:
        return str(int(self._chosen.current_tripped))

    # -- the whole supply ------------------------------------------------------------------

    @scpi(":SYSTem:LOCal")
    @scpi(":SYSTem:REMote")
    @scpi(":SYSTem:RWLock")
    @scpi(":SYSTem:MIX")
    def _set_control(self) -> None:
        """Who may press buttons changes nothing here."""

    @scpi(":SYSTem:BEEPer[:IMMediate]")
    def _beep(self) -> None:
        """It is heard by nobody."""


def _stepped(value: float | Limit | _Step, held: float, step: float, most: float) -> float | Limit:
    if isinstance(value, _Step):
        return min(max(held + value.value * step, 0.0), most)
    return value
