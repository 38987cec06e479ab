"""Simulated ITECH IT6322: three outputs, of which one is selected, under remote or local control.

Sources: public clients of the IT6302, IT6322, IT6322A and IT6332A, and of the BK Precision 9130,
which ITECH makes. Not confirmed: digits of the replies, the error in local control and that the
selection needs remote control, too; values after *RST; that OUTPut is of all outputs (so the
IT6322A's client and the BK 9130's) and not of the selected one; that a tripped output is told off.
Not modelled: joined and tracking outputs, timers, limits, memory, calibration; they are refused
and noted.
"""

from __future__ import annotations

from functools import partial
from typing import ClassVar

from sensorbench.instruments.simulated_output import Output, Rating
from sensorbench.instruments.simulated_supply import SimulatedSupply
from sensorbench.protocols.scpi_device import ScpiDevice, scpi
from sensorbench.protocols.scpi_parameters import Choice, Flag, Limit, Maybe, Number, bounded
from sensorbench.protocols.scpi_status import ScpiError
from sensorbench.world.world import World

_STEPS = {"step_volts": 1e-3, "step_amperes": 1e-3}
_WIDE = Rating(30.0, 3.0, 33.0, least_amperes=0.0, reset_amperes=3.0, **_STEPS)
_NARROW = Rating(5.0, 3.0, 5.5, least_amperes=0.0, reset_amperes=3.0, **_STEPS)
_END = Maybe(Choice("MINimum", "MAXimum"))


class _ItOutput(Output):
    """An output whose over-voltage protection has a switch."""

    def reset(self) -> None:
        """Take the settings of *RST."""
        self.protects = False
        super().reset()

    @property
    def trips_above_v(self) -> float:
        return self.protection_v if self.protects else 2.0 * self.most_v


class SimItechIt6300(SimulatedSupply[_ItOutput], ScpiDevice):
    """An IT6322. A person at its panel presses LOCAL (`local`), too."""

    IDENTITY = "ITECH Ltd., IT6322, {serial}, 1.11-1.08"
    SIBLING = ("IT6322", "IT6412")
    ERROR_FORMAT = '{code},"{text}"'
    FAULTS: ClassVar[tuple[str, ...]] = (
        "trip1", "trip2", "trip3", "setpoint_changed", "output_off", "output_on", "local",
        "identity", "silent",
    )  # fmt: skip

    def __init__(self, world: World, serial: str) -> None:
        outputs = {
            n: _ItOutput(rating, partial(world.stream, serial, n), world.changing)
            for n, rating in ((1, _WIDE), (2, _WIDE), (3, _NARROW))
        }
        super().__init__(world, serial, outputs)
        self._number, self._remote = 1, False

    def reset(self) -> None:
        self._number = 1
        super().reset()

    def _suffer(self, fault: str) -> None:
        self._remote = self._remote and fault != "local"
        super()._suffer(fault)

    @property
    def _chosen(self) -> _ItOutput:
        """The selected output, to be asked."""
        return self._outputs[self._number]

    def _mine(self) -> _ItOutput:
        """Return the selected output, to be told. Raises ScpiError in local control."""
        self._require_remote()
        return self._chosen

    def _require_remote(self) -> None:
        if not self._remote:
            raise ScpiError(-203, "Command protected")

    # -- who and which ---------------------------------------------------------------------

    @scpi(":SYSTem:REMote", bound=(True,))
    @scpi(":SYSTem:RWLock", bound=(True,))
    @scpi(":SYSTem:LOCal", bound=(False,))
    def _set_control(self, remote: bool) -> None:
        self._remote = remote

    @scpi(":SYSTem:BEEPer[:IMMediate]")
    def _beep(self) -> None:
        """It is heard by nobody."""

    @scpi(":INSTrument[:SELect]", Choice("CH1", "CH2", "CH3"))
    def _choose(self, name: str) -> None:
        self._require_remote()
        self._number = int(name[-1])

    @scpi(":INSTrument[:SELect]?")
    def _get_chosen(self) -> str:
        return f"CH{self._number}"

    @scpi(":INSTrument:NSELect", Number())
    def _choose_number(self, number: float | Limit) -> None:
        self._require_remote()
        self._number = round(bounded(number, 1, 3, 1))

    @scpi(":INSTrument:NSELect?")
    def _get_number(self) -> str:
        return str(self._number)

    # -- what is set -----------------------------------------------------------------------

    @scpi("[:SOURce]:VOLTage[:LEVel][:IMMediate][:AMPLitude]", Number("V"))
    def _set_voltage(self, voltage: float | Limit) -> None:
        output = self._mine()
        output.setpoint_v = output.round_v(bounded(voltage, 0.0, output.most_v, 0.0))
        output.regulate()

    @scpi("[:SOURce]:VOLTage[:LEVel][:IMMediate][:AMPLitude]?", _END)
    def _get_voltage(self, end: str | None) -> str:
        output = self._chosen
        return f"{ {'MIN': 0.0, 'MAX': output.most_v}.get(end or '', output.setpoint_v):.3f}"

    @scpi("[:SOURce]:CURRent[:LEVel][:IMMediate][:AMPLitude]", Number("A"))
    def _set_current(self, current: float | Limit) -> None:
        output = self._mine()
        output.limit_a = output.round_a(bounded(current, 0.0, output.most_a, output.most_a))
        output.regulate()

    @scpi("[:SOURce]:CURRent[:LEVel][:IMMediate][:AMPLitude]?", _END)
    def _get_current(self, end: str | None) -> str:
        output = self._chosen
        return f"{ {'MIN': 0.0, 'MAX': output.most_a}.get(end or '', output.limit_a):.3f}"

    @scpi(":APPly:VOLTage", *[Number("V")] * 3)
    def _set_voltages(self, *voltages: float | Limit) -> None:
        self._require_remote()
        outputs = list(self._outputs.values())
        volts = [bounded(v, 0.0, o.most_v, 0.0) for v, o in zip(voltages, outputs, strict=True)]
        for output, setpoint_v in zip(outputs, volts, strict=True):
            output.setpoint_v = output.round_v(setpoint_v)
            output.regulate()

    @scpi(":APPly:VOLTage?")
    def _get_voltages(self) -> str:
        return ", ".join(f"{output.setpoint_v:.3f}" for output in self._outputs.values())

    @scpi(":APPly:CURRent", *[Number("A")] * 3)
    def _set_currents(self, *currents: float | Limit) -> None:
        self._require_remote()
        outputs = list(self._outputs.values())
        limits = [
            bounded(a, 0.0, o.most_a, o.most_a) for a, o in zip(currents, outputs, strict=True)
        ]
        for output, limit_a in zip(outputs, limits, strict=True):
            output.limit_a = output.round_a(limit_a)
            output.regulate()

    @scpi(":APPly:CURRent?")
    def _get_currents(self) -> str:
        return ", ".join(f"{output.limit_a:.3f}" for output in self._outputs.values())

    # -- switches --------------------------------------------------------------------------

    @scpi("[:SOURce]:CHANnel:OUTPut[:STATe]", Flag())
    def _switch(self, on: bool) -> None:
        self._turn(self._mine(), on)

    @scpi("[:SOURce]:CHANnel:OUTPut[:STATe]?")
    def _is_on(self) -> str:
        return str(int(self._chosen.delivers))

    @scpi(":OUTPut[:STATe]", Flag())
    def _switch_all(self, on: bool) -> None:
        self._require_remote()
        for output in self._outputs.values():
            self._turn(output, on)

    @scpi(":OUTPut[:STATe]?")
    def _is_any_on(self) -> str:
        return str(int(any(output.delivers for output in self._outputs.values())))

    @scpi(":APPly:OUTput", *[Flag()] * 3)
    def _switch_each(self, *on: bool) -> None:
        self._require_remote()
        for output, wanted in zip(self._outputs.values(), on, strict=True):
            self._turn(output, wanted)

    @scpi(":APPly:OUTput?")
    def _which_are_on(self) -> str:
        return ", ".join(str(int(output.delivers)) for output in self._outputs.values())

    def _turn(self, output: _ItOutput, on: bool) -> None:
        output.on = on
        output.regulate()

    # -- readings --------------------------------------------------------------------------

    def _volts(self, output: Output) -> str:
        return f"{max(0.0, output.read_voltage_v(self._now())):.4f}"

    def _amperes(self, output: Output) -> str:
        return f"{max(0.0, output.read_current_a(self._now())):.4f}"

    @scpi(":MEASure[:SCALar]:VOLTage[:DC]?")
    def _measure_voltage(self) -> str:
        return self._volts(self._chosen)

    @scpi(":MEASure[:SCALar]:CURRent[:DC]?")
    def _measure_current(self) -> str:
        return self._amperes(self._chosen)

    @scpi(":MEASure[:SCALar]:VOLTage:ALL[:DC]?")
    def _measure_voltages(self) -> str:
        return ", ".join(map(self._volts, self._outputs.values()))

    @scpi(":MEASure[:SCALar]:CURRent:ALL[:DC]?")
    def _measure_currents(self) -> str:
        return ", ".join(map(self._amperes, self._outputs.values()))

    # -- protections -----------------------------------------------------------------------

    @scpi("[:SOURce]:VOLTage:PROTection[:LEVel]", Number("V"))
    def _set_protection(self, voltage: float | Limit) -> None:
        output = self._mine()
        most_v = output.most_protection_v
        output.protection_v = output.round_v(bounded(voltage, 0.0, most_v, most_v))
        output.regulate()

    @scpi("[:SOURce]:VOLTage:PROTection[:LEVel]?", _END)
    def _get_protection(self, end: str | None) -> str:
        output = self._chosen
        ends = {"MIN": 0.0, "MAX": output.most_protection_v}
        return f"{ends.get(end or '', output.protection_v):.3f}"

    @scpi("[:SOURce]:VOLTage:PROTection:STATe", Flag())
    def _protect(self, on: bool) -> None:
        output = self._mine()
        output.protects = on
        output.regulate()

    @scpi("[:SOURce]:VOLTage:PROTection:STATe?")
    def _does_protect(self) -> str:
        return str(int(self._chosen.protects))

    @scpi("[:SOURce]:VOLTage:PROTection:TRIPped?")
    def _has_tripped(self) -> str:
        return str(int(self._chosen.voltage_tripped))

    @scpi("[:SOURce]:VOLTage:PROTection:CLEar")
    def _clear(self) -> None:
        output = self._mine()
        if output.voltage_tripped:
            output.voltage_tripped = output.on = False
