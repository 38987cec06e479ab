"""Simulated Keysight N6700 mainframe: modules, their rails, and the watchdog over them all.

Sources: QCoDeS, Keysight_N6705B.py (commands), public clients of N6700B, N6700C and N6705C (status
bits, SYSTem:CHANnel, ratings of most modules, coupling, that clearing brings an output back).
Not confirmed: the programmed state of a tripped output, that outputs that are off are latched by
the watchdog, too; values after *RST, over-voltage ends, ratings of the N6734B, N6735B and N6736B.
Not modelled: ranges, delays, slew, groups, lists, arbitrary waveforms, measured arrays, priority
modes, digital pins; they are refused and noted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import ClassVar

from sensorbench.instruments.keysight_n6700.twin_watchdog import RESET_S, Watchdog, WatchedRail
from sensorbench.instruments.simulated_output import Output, Rating
from sensorbench.instruments.simulated_supply import SimulatedSupply
from sensorbench.protocols.scpi_device import ScpiDevice, scpi
from sensorbench.protocols.scpi_parameters import (
    Channels,
    Choice,
    Flag,
    Limit,
    Maybe,
    Number,
    bounded,
    nr3,
)
from sensorbench.protocols.scpi_status import EventRegister, ScpiError
from sensorbench.world.random import Stream
from sensorbench.world.world import World

_MOST_OUTPUTS = 4
_LIST = Channels(_MOST_OUTPUTS)
_END = Maybe(Choice("MINimum", "MAXimum"))
_VOLTS, _AMPERES = Number("V"), Number("A")
_OV, _OC, _PROT = 1, 2, 2048
_CV, _CC, _OFF = 1, 2, 4
_PREFERS = ("N6761A", "N6762A")
_Channels = tuple[int, ...]


def _module(volts: float, amperes: float) -> Rating:
    """Return what a module takes: 2 % more than it is rated for."""
    return Rating(1.02 * volts, 1.02 * amperes, 1.2 * volts, 0.0, reset_amperes=0.02 * amperes)


MODULES = {
    "N6731B": _module(5.0, 10.0), "N6732B": _module(8.0, 6.25), "N6733B": _module(20.0, 2.5),
    "N6734B": _module(35.0, 1.5), "N6735B": _module(60.0, 0.8), "N6736B": _module(100.0, 0.5),
    "N6751A": _module(50.0, 5.0), "N6752A": _module(50.0, 10.0), "N6761A": _module(50.0, 1.5),
    "N6762A": _module(50.0, 3.0),
}  # fmt: skip


class _ModuleOutput(Output):
    """A module's output, which the mainframe can hold off, too."""

    held_off = False

    def __init__(
        self,
        model: str,
        watchdog: Watchdog,
        stream: Callable[[str], Stream],
        changing: Callable[[], None],
    ) -> None:
        self.model, self.prefers, self.events = model, "VOLT", EventRegister()
        super().__init__(MODULES[model], stream, changing)
        self.rail = WatchedRail(self, watchdog)

    def reset(self) -> None:
        """Take the settings of *RST; trips are cleared."""
        self.held_off, self.prefers = False, "VOLT"
        super().reset()

    @property
    def tripped(self) -> bool:
        return super().tripped or self.held_off

    @property
    def questionable(self) -> int:
        """Return the condition register."""
        ov, oc = _OV * self.voltage_tripped, _OC * self.current_tripped
        return ov | oc | _PROT * self.held_off

    def clear(self) -> None:
        """Clear what holds it off: it is again what it was before."""
        self.voltage_tripped = self.current_tripped = self.held_off = False
        self.regulate()


class SimKeysightN6700(SimulatedSupply[_ModuleOutput], ScpiDevice):
    """An N6700C, fitted with `modules`.

    While its watchdog is on and nobody speaks to it, all outputs go off by its own clock. What
    trips stays off until it is cleared, then the output is back. Raises ValueError for a module
    that it does not know, or more than four.
    """

    IDENTITY = "Keysight Technologies,N6700C,{serial},E.02.03.3189"
    SIBLING = ("N6700C", "N7900A")
    FAULTS: ClassVar[tuple[str, ...]] = (
        "trip1", "trip2", "trip3", "trip4", "setpoint_changed", "output_off", "output_on",
        "identity", "silent",
    )  # fmt: skip

    def __init__(self, world: World, serial: str, modules: Sequence[str] = ("N6752A",) * 4) -> None:
        if not 1 <= len(modules) <= _MOST_OUTPUTS or not set(modules) <= set(MODULES):
            raise ValueError(f"modules {modules} must be 1 to 4 of {', '.join(MODULES)}")
        self._watchdog = Watchdog(world.now)
        outputs = {
            number: _ModuleOutput(
                model, self._watchdog, partial(world.stream, serial, number), world.changing
            )
            for number, model in enumerate(modules, 1)
        }
        super().__init__(world, serial, outputs)
        self._couples, self._protects_all, self._remote = False, False, "LOC"
        self._coupled = tuple(outputs)

    def reset(self) -> None:
        self._couples, self._protects_all, self._coupled = False, False, tuple(self._outputs)
        self._watchdog.reset()
        super().reset()

    def handle(self, line: bytes) -> bytes | None:
        """Carry out one message, with the rails where their loads put them now."""
        reply = super().handle(line)
        self._look()
        return reply

    def _catch_up(self) -> None:
        super()._catch_up()
        if self._watchdog.bites:
            self._hold_off(self._outputs.values())
        if self.fault() != "silent":
            self._watchdog.feed()
        self._look()

    def _hold_off(self, outputs: Iterable[_ModuleOutput]) -> None:
        for output in outputs:
            output.held_off = True
            output.regulate()

    def _look(self) -> None:
        """Let a trip trip the others, where they are so coupled; note what came up."""
        outputs = tuple(self._outputs.values())
        if self._protects_all and any(output.tripped for output in outputs):
            self._hold_off([output for output in outputs if not output.tripped])
        for output in outputs:
            output.events.update(output.questionable)

    def _chosen(self, channels: _Channels) -> list[_ModuleOutput]:
        if not set(channels) <= set(self._outputs):
            raise ScpiError(100, "Too many channels")
        return [self._outputs[number] for number in channels]

    def _answer(self, channels: _Channels, show: Callable[[_ModuleOutput], str]) -> str:
        return ",".join(show(output) for output in self._chosen(channels))

    # -- what is set -----------------------------------------------------------------------

    @scpi("[:SOURce]:VOLTage[:LEVel][:IMMediate][:AMPLitude]", _VOLTS, _LIST)
    def _set_voltage(self, voltage: float | Limit, channels: _Channels) -> None:
        outputs = self._chosen(channels)
        volts = [bounded(voltage, 0.0, output.most_v, 0.0) for output in outputs]
        for output, setpoint_v in zip(outputs, volts, strict=True):
            output.setpoint_v = setpoint_v
            output.regulate()

    @scpi("[:SOURce]:VOLTage[:LEVel][:IMMediate][:AMPLitude]?", _END, _LIST)
    def _get_voltage(self, end: str | None, channels: _Channels) -> str:
        return self._answer(channels, lambda out: _shown(end, 0.0, out.most_v, out.setpoint_v))

    @scpi("[:SOURce]:CURRent[:LEVel][:IMMediate][:AMPLitude]", _AMPERES, _LIST)
    def _set_current(self, current: float | Limit, channels: _Channels) -> None:
        outputs = self._chosen(channels)
        amperes = [bounded(current, o.least_a, o.most_a, o.default_a) for o in outputs]
        for output, limit_a in zip(outputs, amperes, strict=True):
            output.limit_a = limit_a
            output.regulate()

    @scpi("[:SOURce]:CURRent[:LEVel][:IMMediate][:AMPLitude]?", _END, _LIST)
    def _get_current(self, end: str | None, channels: _Channels) -> str:
        return self._answer(channels, lambda out: _shown(end, out.least_a, out.most_a, out.limit_a))

    # -- switches --------------------------------------------------------------------------

    @scpi(":OUTPut[:STATe]", Flag(), _LIST)
    def _switch(self, on: bool, channels: _Channels) -> None:
        self._chosen(channels)
        coupled = self._couples and set(channels) & set(self._coupled)
        for number in {*channels, *(self._coupled if coupled else ())}:
            self._outputs[number].on = on
            self._outputs[number].regulate()

    @scpi(":OUTPut[:STATe]?", _LIST)
    def _is_on(self, channels: _Channels) -> str:
        return self._answer(channels, lambda output: str(int(output.on)))

    @scpi(":OUTPut:COUPle[:STATe]", Flag())
    def _couple(self, on: bool) -> None:
        self._couples = on

    @scpi(":OUTPut:COUPle[:STATe]?")
    def _is_coupled(self) -> str:
        return str(int(self._couples))

    @scpi(":OUTPut:COUPle:CHANnel[:LIST]", _LIST)
    def _couple_channels(self, channels: _Channels) -> None:
        self._chosen(channels)
        self._coupled = channels

    @scpi(":OUTPut:PMODe", Choice("VOLTage", "CURRent"), _LIST)
    def _set_preferred(self, mode: str, channels: _Channels) -> None:
        for output in self._preferring(channels):
            output.prefers = mode

    @scpi(":OUTPut:PMODe?", _LIST)
    def _get_preferred(self, channels: _Channels) -> str:
        return ",".join(output.prefers for output in self._preferring(channels))

    def _preferring(self, channels: _Channels) -> list[_ModuleOutput]:
        outputs = self._chosen(channels)
        if any(output.model not in _PREFERS for output in outputs):
            raise ScpiError(310, "The command is not supported by this model")
        return outputs

    # -- readings --------------------------------------------------------------------------

    @scpi(":MEASure[:SCALar]:VOLTage[:DC]?", _LIST)
    def _measure_voltage(self, channels: _Channels) -> str:
        now = self._now()
        return self._answer(channels, lambda output: nr3(output.read_voltage_v(now)))

    @scpi(":MEASure[:SCALar]:CURRent[:DC]?", _LIST)
    def _measure_current(self, channels: _Channels) -> str:
        now = self._now()
        return self._answer(channels, lambda output: nr3(output.read_current_a(now)))

    # -- protections -----------------------------------------------------------------------

    @scpi("[:SOURce]:VOLTage:PROTection[:LEVel]", _VOLTS, _LIST)
    def _set_protection(self, voltage: float | Limit, channels: _Channels) -> None:
        outputs = self._chosen(channels)
        mosts = [output.most_protection_v for output in outputs]
        volts = [bounded(voltage, 0.0, most, most) for most in mosts]
        for output, protection_v in zip(outputs, volts, strict=True):
            output.protection_v = protection_v
            output.regulate()

    @scpi("[:SOURce]:VOLTage:PROTection[:LEVel]?", _END, _LIST)
    def _get_protection(self, end: str | None, channels: _Channels) -> str:
        return self._answer(
            channels, lambda out: _shown(end, 0.0, out.most_protection_v, out.protection_v)
        )

    @scpi("[:SOURce]:CURRent:PROTection:STATe", Flag(), _LIST)
    def _set_current_protection(self, on: bool, channels: _Channels) -> None:
        for output in self._chosen(channels):
            output.trips_on_current = on
            output.regulate()

    @scpi("[:SOURce]:CURRent:PROTection:STATe?", _LIST)
    def _get_current_protection(self, channels: _Channels) -> str:
        return self._answer(channels, lambda output: str(int(output.trips_on_current)))

    @scpi(":OUTPut:PROTection:CLEar", _LIST)
    def _clear_protection(self, channels: _Channels) -> None:
        for output in self._chosen(channels):
            output.clear()

    @scpi(":OUTPut:PROTection:COUPle", Flag())
    def _protect_all(self, on: bool) -> None:
        self._protects_all = on

    @scpi(":OUTPut:PROTection:COUPle?")
    def _does_protect_all(self) -> str:
        return str(int(self._protects_all))

    @scpi(":OUTPut:PROTection:WDOG[:STATe]", Flag())
    def _watch(self, on: bool) -> None:
        self._watchdog.arm(on)

    @scpi(":OUTPut:PROTection:WDOG[:STATe]?")
    def _does_watch(self) -> str:
        return str(int(self._watchdog.on))

    @scpi(":OUTPut:PROTection:WDOG:DELay", Number("S"))
    def _set_delay(self, delay: float | Limit) -> None:
        self._watchdog.delay_s = float(round(bounded(delay, 1.0, 3600.0, RESET_S)))

    @scpi(":OUTPut:PROTection:WDOG:DELay?", _END)
    def _get_delay(self, end: str | None) -> str:
        return f"{ {'MIN': 1.0, 'MAX': 3600.0}.get(end or '', self._watchdog.delay_s):+.0f}"

    # -- status ----------------------------------------------------------------------------

    @scpi(":STATus:QUEStionable:CONDition?", _LIST)
    def _questionable(self, channels: _Channels) -> str:
        return self._answer(channels, lambda output: f"{output.questionable:+d}")

    @scpi(":STATus:QUEStionable[:EVENt]?", _LIST)
    def _questionable_event(self, channels: _Channels) -> str:
        return self._answer(channels, lambda output: f"{output.events.read_event():+d}")

    @scpi(":STATus:OPERation:CONDition?", _LIST)
    def _operation(self, channels: _Channels) -> str:
        bits = {0: _OFF, 1: _CC, 2: _CV}
        return self._answer(channels, lambda output: f"{bits[output.mode]:+d}")

    # -- the mainframe ---------------------------------------------------------------------

    @scpi(":SYSTem:CHANnel[:COUNt]?")
    def _count(self) -> str:
        return f"{len(self._outputs):+d}"

    @scpi(":SYSTem:CHANnel:MODel?", _LIST)
    def _models(self, channels: _Channels) -> str:
        return self._answer(channels, lambda output: output.model)

    @scpi(":SYSTem:COMMunicate:RLSTate", Choice("LOCal", "REMote", "RWLock"))
    def _set_remote(self, state: str) -> None:
        self._remote = state

    @scpi(":SYSTem:COMMunicate:RLSTate?")
    def _get_remote(self) -> str:
        return self._remote


def _shown(end: str | None, least: float, most: float, held: float) -> str:
    return nr3({"MIN": least, "MAX": most}.get(end or "", held))
