"""Simulated Rigol DP832: three outputs, their protections, tracking of outputs 1 and 2.

Source: the DP800 programming guide as public drivers cite it (QCoDeS, DP8xx.py and Rigol_DP832.py;
labmcp-bench-psu 0.1.3; pydp832-tspspi 0.0.4); replies as public tests and logs print them.
Not confirmed: the codes of refusals, the limit after *RST, UR as the mode of an output that is off,
that tracking copies voltage and limit and nothing else, that a tripped output stays off without an
error.
Not modelled: timer, delay, recorder, analyzer, memory, remote sense, INSTrument? (the form of its
reply), the independent track mode; they are refused and noted.
"""

from __future__ import annotations

import re
from dataclasses import replace
from functools import partial
from typing import ClassVar

from sensorbench.instruments.rigol_dp832.twin_outputs import MOST_PROTECTION_A, DpOutput
from sensorbench.instruments.simulated_output import Rating
from sensorbench.instruments.simulated_supply import SimulatedSupply
from sensorbench.protocols.scpi_device import ScpiDevice, scpi
from sensorbench.protocols.scpi_parameters import Choice, Flag, Limit, Maybe, Number, bounded
from sensorbench.protocols.scpi_status import ScpiError
from sensorbench.world.world import World

_CHANNEL = re.compile(r"CH([123])", re.IGNORECASE)
_TRACKING = (1, 2)
_LABELS = {1: "30V/3A", 2: "30V/3A", 3: "5V/3A"}


class _Channel:
    """CH1, CH2 or CH3; anything else may be the next parameter."""

    def parse(self, token: str) -> int:
        match = _CHANNEL.fullmatch(token)
        if not match:
            raise ScpiError(-104)
        return int(match[1])


_CH = Maybe(_Channel())
_VOLTS, _AMPERES = Number("V", ("UP", "DOWN")), Number("A", ("UP", "DOWN"))


def _yes(flag: bool) -> str:
    return "YES" if flag else "NO"


def _on(flag: bool) -> str:
    return "ON" if flag else "OFF"


class SimRigolDp832(SimulatedSupply[DpOutput], ScpiDevice):
    """A DP832. A trip latches an output off.

    Voltages are in steps of 10 mV, with `fine=True` (the option DP8-ACCURACY) of 1 mV.
    """

    IDENTITY = "RIGOL TECHNOLOGIES,DP832,{serial},00.01.16"
    SIBLING = ("DP832", "DP831")
    ERROR_FORMAT = '{code},"{text}"'
    FAULTS: ClassVar[tuple[str, ...]] = (
        "trip1", "trip2", "trip3", "setpoint_changed", "output_off", "output_on", "identity",
        "silent",
    )  # fmt: skip
    RATINGS: ClassVar[dict[int, Rating]] = {
        1: Rating(32.0, 3.2, 33.0, least_amperes=0.0, reset_amperes=1.0, step_amperes=1e-3),
        2: Rating(32.0, 3.2, 33.0, least_amperes=0.0, reset_amperes=1.0, step_amperes=1e-3),
        3: Rating(5.3, 3.2, 5.5, least_amperes=0.0, reset_amperes=1.0, step_amperes=1e-3),
    }

    def __init__(self, world: World, serial: str, *, fine: bool = False) -> None:
        outputs = {
            number: DpOutput(
                replace(rating, step_volts=1e-3 if fine else 1e-2),
                partial(world.stream, serial, number),
                world.changing,
            )
            for number, rating in self.RATINGS.items()
        }
        super().__init__(world, serial, outputs)
        self._options = "DP8-ACCURACY" if fine else "0"
        self._selected, self._tracks, self._switch_together = 1, False, False

    def reset(self) -> None:
        self._selected, self._tracks, self._switch_together = 1, False, False
        super().reset()

    def _of(self, number: int | None) -> DpOutput:
        return self._outputs[number or self._selected]

    def _set_by(self, number: int | None) -> list[DpOutput]:
        """Return the outputs that follow where one is set."""
        chosen = number or self._selected
        if self._tracks and chosen in _TRACKING:
            return [self._outputs[one] for one in _TRACKING]
        return [self._outputs[chosen]]

    # -- what is set -----------------------------------------------------------------------

    @scpi(":SOURce<3?>:VOLTage[:LEVel][:IMMediate][:AMPLitude]", _VOLTS)
    @scpi(":VOLTage[:LEVel][:IMMediate][:AMPLitude]", _VOLTS, bound=(None,))
    def _set_voltage(self, number: int | None, voltage: float | Limit) -> None:
        for output in self._set_by(number):
            output.setpoint_v = output.round_v(bounded(voltage, 0.0, output.most_v, 0.0))
            output.regulate()

    @scpi(":SOURce<3?>:VOLTage[:LEVel][:IMMediate][:AMPLitude]?", Maybe(Choice("MIN", "MAX")))
    @scpi(":VOLTage[:LEVel][:IMMediate][:AMPLitude]?", Maybe(Choice("MIN", "MAX")), bound=(None,))
    def _get_voltage(self, number: int | None, end: str | None) -> str:
        output = self._of(number)
        return f"{ {'MIN': 0.0, 'MAX': output.most_v}.get(end or '', output.setpoint_v):.3f}"

    @scpi(":SOURce<3?>:CURRent[:LEVel][:IMMediate][:AMPLitude]", _AMPERES)
    @scpi(":CURRent[:LEVel][:IMMediate][:AMPLitude]", _AMPERES, bound=(None,))
    def _set_current(self, number: int | None, current: float | Limit) -> None:
        for output in self._set_by(number):
            limit_a = bounded(current, output.least_a, output.most_a, output.default_a)
            output.limit_a = output.round_a(limit_a)
            output.regulate()

    @scpi(":SOURce<3?>:CURRent[:LEVel][:IMMediate][:AMPLitude]?", Maybe(Choice("MIN", "MAX")))
    @scpi(":CURRent[:LEVel][:IMMediate][:AMPLitude]?", Maybe(Choice("MIN", "MAX")), bound=(None,))
    def _get_current(self, number: int | None, end: str | None) -> str:
        output = self._of(number)
        ends = {"MIN": output.least_a, "MAX": output.most_a}
        return f"{ends.get(end or '', output.limit_a):.4f}"

    @scpi(":APPLy", _Channel(), Maybe(_VOLTS), Maybe(_AMPERES))
    def _apply(
        self, number: int, voltage: float | Limit | None, current: float | Limit | None
    ) -> None:
        output = self._outputs[number]
        for value, most in ((voltage, output.most_v), (current, output.most_a)):
            if value is not None:
                bounded(value, 0.0, most, 0.0)  # neither is set where one can't be
        self._selected = number
        if current is not None:
            self._set_current(number, current)
        if voltage is not None:
            self._set_voltage(number, voltage)

    @scpi(":APPLy?", _CH)
    def _get_applied(self, number: int | None) -> str:
        chosen, output = number or self._selected, self._of(number)
        return f"CH{chosen}:{_LABELS[chosen]},{output.setpoint_v:.3f},{output.limit_a:.4f}"

    @scpi(":INSTrument:NSELect", Number())
    def _select_number(self, number: float | Limit) -> None:
        self._selected = round(bounded(number, 1, 3, 1))

    @scpi(":INSTrument:NSELect?")
    def _get_selected_number(self) -> str:
        return str(self._selected)

    @scpi(":INSTrument[:SELect]", _Channel())
    def _select(self, number: int) -> None:
        self._selected = number

    # -- outputs ---------------------------------------------------------------------------

    @scpi(":OUTPut[:STATe]", _CH, Flag())
    def _switch(self, number: int | None, on: bool) -> None:
        together = self._switch_together
        for output in self._set_by(number) if together else [self._of(number)]:
            if not (on and output.tripped):
                output.on = on
            output.regulate()

    @scpi(":OUTPut[:STATe]?", _CH)
    def _is_on(self, number: int | None) -> str:
        return _on(self._of(number).delivers)

    @scpi(":OUTPut:MODE?", _CH)
    @scpi(":OUTPut:CVCC?", _CH)
    def _mode(self, number: int | None) -> str:
        return self._of(number).mode_word

    @scpi(":OUTPut:TRACk", _CH, Flag())
    def _track(self, number: int | None, on: bool) -> None:
        if (number or self._selected) not in _TRACKING:
            raise ScpiError(-221)
        self._tracks = on

    @scpi(":OUTPut:TRACk?", _CH)
    def _is_tracking(self, number: int | None) -> str:
        return _on(self._tracks and (number or self._selected) in _TRACKING)

    @scpi(":SYSTem:TRACKMode", Choice("SYNC", beyond=("INDE",)))
    def _set_track_mode(self, mode: str) -> None:
        """Only the synchronous mode is modelled."""

    @scpi(":SYSTem:TRACKMode?")
    def _get_track_mode(self) -> str:
        return "SYNC"

    @scpi(":SYSTem:ONOFFSync", Flag())
    def _set_switch_together(self, on: bool) -> None:
        self._switch_together = on

    @scpi(":SYSTem:ONOFFSync?")
    def _get_switch_together(self) -> str:
        return _on(self._switch_together)

    # -- readings --------------------------------------------------------------------------

    @scpi(":MEASure[:SCALar][:VOLTage][:DC]?", _CH)
    def _measure_voltage(self, number: int | None) -> str:
        return f"{self._of(number).read_voltage_v(self._now()):.4f}"

    @scpi(":MEASure[:SCALar]:CURRent[:DC]?", _CH)
    def _measure_current(self, number: int | None) -> str:
        return f"{max(0.0, self._of(number).read_current_a(self._now())):.4f}"

    @scpi(":MEASure[:SCALar]:POWEr[:DC]?", _CH)
    def _measure_power(self, number: int | None) -> str:
        output, now = self._of(number), self._now()
        return f"{output.read_voltage_v(now) * max(0.0, output.read_current_a(now)):.3f}"

    @scpi(":MEASure[:SCALar]:ALL[:DC]?", _CH)
    def _measure_all(self, number: int | None) -> str:
        measured = (self._measure_voltage, self._measure_current, self._measure_power)
        return ",".join(measure(number) for measure in measured)

    # -- protections -----------------------------------------------------------------------

    @scpi(":OUTPut:OVP:VALue", _CH, _VOLTS)
    @scpi(":SOURce<3?>:VOLTage:PROTection[:LEVel]", _VOLTS)
    @scpi(":VOLTage:PROTection[:LEVel]", _VOLTS, bound=(None,))
    def _set_protection_v(self, number: int | None, voltage: float | Limit) -> None:
        output = self._of(number)
        most_v = output.most_protection_v
        output.protection_v = output.round_v(bounded(voltage, output.step_v, most_v, most_v))
        output.regulate()

    @scpi(":OUTPut:OVP:VALue?", _CH)
    @scpi(":SOURce<3?>:VOLTage:PROTection[:LEVel]?")
    @scpi(":VOLTage:PROTection[:LEVel]?", bound=(None,))
    def _get_protection_v(self, number: int | None) -> str:
        return f"{self._of(number).protection_v:.3f}"

    @scpi(":OUTPut:OVP[:STATe]", _CH, Flag())
    @scpi(":SOURce<3?>:VOLTage:PROTection:STATe", Flag())
    @scpi(":VOLTage:PROTection:STATe", Flag(), bound=(None,))
    def _protect_v(self, number: int | None, on: bool) -> None:
        output = self._of(number)
        output.trips_on_voltage = on
        output.regulate()

    @scpi(":OUTPut:OVP[:STATe]?", _CH)
    @scpi(":SOURce<3?>:VOLTage:PROTection:STATe?")
    @scpi(":VOLTage:PROTection:STATe?", bound=(None,))
    def _is_protected_v(self, number: int | None) -> str:
        return _on(self._of(number).trips_on_voltage)

    @scpi(":OUTPut:OVP:QUES?", _CH)
    @scpi(":OUTPut:OVP:ALAR?", _CH)
    @scpi(":SOURce<3?>:VOLTage:PROTection:TRIPped?")
    @scpi(":VOLTage:PROTection:TRIPped?", bound=(None,))
    def _has_tripped_v(self, number: int | None) -> str:
        return _yes(self._of(number).voltage_tripped)

    @scpi(":OUTPut:OCP:VALue", _CH, _AMPERES)
    @scpi(":SOURce<3?>:CURRent:PROTection[:LEVel]", _AMPERES)
    @scpi(":CURRent:PROTection[:LEVel]", _AMPERES, bound=(None,))
    def _set_protection_a(self, number: int | None, current: float | Limit) -> None:
        output = self._of(number)
        level_a = bounded(current, 1e-3, MOST_PROTECTION_A, MOST_PROTECTION_A)
        output.protection_a = output.round_a(level_a)
        output.regulate()

    @scpi(":OUTPut:OCP:VALue?", _CH)
    @scpi(":SOURce<3?>:CURRent:PROTection[:LEVel]?")
    @scpi(":CURRent:PROTection[:LEVel]?", bound=(None,))
    def _get_protection_a(self, number: int | None) -> str:
        return f"{self._of(number).protection_a:.4f}"

    @scpi(":OUTPut:OCP[:STATe]", _CH, Flag())
    @scpi(":SOURce<3?>:CURRent:PROTection:STATe", Flag())
    @scpi(":CURRent:PROTection:STATe", Flag(), bound=(None,))
    def _protect_a(self, number: int | None, on: bool) -> None:
        output = self._of(number)
        output.trips_on_current = on
        output.regulate()

    @scpi(":OUTPut:OCP[:STATe]?", _CH)
    @scpi(":SOURce<3?>:CURRent:PROTection:STATe?")
    @scpi(":CURRent:PROTection:STATe?", bound=(None,))
    def _is_protected_a(self, number: int | None) -> str:
        return _on(self._of(number).trips_on_current)

    @scpi(":OUTPut:OCP:QUES?", _CH)
    @scpi(":OUTPut:OCP:ALAR?", _CH)
    @scpi(":SOURce<3?>:CURRent:PROTection:TRIPped?")
    @scpi(":CURRent:PROTection:TRIPped?", bound=(None,))
    def _has_tripped_a(self, number: int | None) -> str:
        return _yes(self._of(number).current_tripped)

    @scpi(":OUTPut:OVP:CLEar", _CH, bound=("voltage", False))
    @scpi(":OUTPut:OCP:CLEar", _CH, bound=("current", False))
    @scpi(":SOURce<3?>:VOLTage:PROTection:CLEar", bound=("voltage", True))
    @scpi(":SOURce<3?>:CURRent:PROTection:CLEar", bound=("current", True))
    @scpi(":VOLTage:PROTection:CLEar", bound=("voltage", True, None))
    @scpi(":CURRent:PROTection:CLEar", bound=("current", True, None))
    def _clear(self, protection: str, back_on: bool, number: int | None) -> None:
        output = self._of(number)
        tripped = output.tripped
        if protection == "voltage":
            output.voltage_tripped = False
        else:
            output.current_tripped = False
        if tripped and not output.tripped:
            output.on = back_on
        output.regulate()

    # -- the whole supply ------------------------------------------------------------------

    @scpi("*OPT?")
    def _get_options(self) -> str:
        return self._options

    @scpi("*TST?")
    def _self_test(self) -> str:
        return "TopBoard:PASS,BottomBoard:PASS,Fan:PASS"
