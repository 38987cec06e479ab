"""Simulated Keysight E36312A: three rails, and what hangs on them.

Source: PyMeasure, keysightE36312A.py and its tests; OUTPut:COUPle and OUTPut:PAIR public clients;
ratings, protection, memory, APPLy? and *RST values recalled from the E36300 series documents.
Not modelled: remote sense, delays of outputs and of the over-current protection, steps and lists,
the data logger, the display; they are refused and noted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import ClassVar

from sensorbench.instruments.keysight_e36312a.twin_status import OutputStatus
from sensorbench.instruments.simulated_output import Output, Rating, Settings
from sensorbench.instruments.simulated_supply import SimulatedSupply
from sensorbench.protocols.scpi_device import scpi
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
from sensorbench.protocols.scpi_status import ScpiError
from sensorbench.world.world import World

_LIST = Maybe(Channels(3))
_END = Maybe(Choice("MINimum", "MAXimum"))
_NAME = Choice("CH1", "CH2", "CH3")
_STEPS = ("UP", "DOWN")
_VOLTS, _AMPERES = Number("V", _STEPS), Number("A", _STEPS)
_PLACES = 10
_Channels = tuple[int, ...] | None


class SimKeysightE36312a(SimulatedSupply[Output], OutputStatus):
    """An E36312A. A trip latches an output off until it is cleared, then the output is back.

    Outputs 2 and 3 joined by OUTPut:PAIR feed `out2`, with twice the volts or amperes, and both
    numbers mean the pair. Memory places hold until the twin is made anew.
    """

    sessions = 2  # recalled
    IDENTITY = "Keysight Technologies,E36312A,{serial},2.1.0-1.0.4-1.12"
    SIBLING = ("E36312A", "E36313A")
    FAULTS: ClassVar[tuple[str, ...]] = (
        "trip1", "trip2", "trip3", "setpoint_changed", "output_off", "output_on", "identity",
        "silent",
    )  # fmt: skip
    RATINGS: ClassVar[dict[int, Rating]] = {
        1: Rating(6.18, 5.15, 6.6, least_amperes=0.002, reset_amperes=5.0),
        2: Rating(25.75, 1.03, 27.5, least_amperes=0.001, reset_amperes=1.0),
        3: Rating(25.75, 1.03, 27.5, least_amperes=0.001, reset_amperes=1.0),
    }

    def __init__(self, world: World, serial: str) -> None:
        outputs = {
            number: Output(rating, partial(world.stream, serial, number), world.changing)
            for number, rating in self.RATINGS.items()
        }
        super().__init__(world, serial, outputs)
        self._selected, self._pair, self._couples, self._remote = 1, "OFF", False, "LOC"
        self._coupled: tuple[int, ...] = (1, 2, 3)
        self._memory: dict[int, tuple[str, dict[int, Settings]]] = {}
        for output in self._outputs.values():
            output.told = self._look

    def reset(self) -> None:
        self._selected, self._couples = 1, False
        self._set_pair("OFF")
        super().reset()

    def trip(self, number: int) -> None:
        """Trip the over-voltage protection of an output, as a spike would."""
        super().trip(number)
        self._look()

    def _chosen(self, channels: _Channels) -> list[Output]:
        return [self._outputs[number] for number in self._numbers(channels)]

    def _numbers(self, channels: _Channels) -> tuple[int, ...]:
        numbers = channels or (self._selected,)
        return numbers if self._pair == "OFF" else tuple(min(number, 2) for number in numbers)

    def _answer(self, channels: _Channels, show: Callable[[Output], str]) -> str:
        return ",".join(show(output) for output in self._chosen(channels))

    def _regulate(self, outputs: Iterable[Output]) -> None:
        for output in outputs:
            output.regulate()

    @scpi("[:SOURce]:VOLTage[:LEVel][:IMMediate][:AMPLitude]", _VOLTS, _LIST)
    def _set_voltage(self, voltage: float | Limit, channels: _Channels) -> None:
        outputs = self._chosen(channels)
        volts = [bounded(voltage, 0.0, output.most_v, 0.0) for output in outputs]
        for output, setpoint_v in zip(outputs, volts, strict=True):
            output.setpoint_v = setpoint_v
        self._regulate(outputs)

    @scpi("[:SOURce]:VOLTage[:LEVel][:IMMediate][:AMPLitude]?", _END, _LIST)
    def _get_voltage(self, end: str | None, channels: _Channels) -> str:
        ends = {"MIN": lambda _: nr3(0.0), "MAX": lambda output: nr3(output.most_v)}
        return self._answer(channels, ends.get(end or "", lambda output: nr3(output.setpoint_v)))

    @scpi("[:SOURce]:CURRent[:LEVel][:IMMediate][:AMPLitude]", _AMPERES, _LIST)
    def _set_current(self, current: float | Limit, channels: _Channels) -> None:
        outputs = self._chosen(channels)
        amperes = [bounded(current, o.least_a, o.most_a, o.default_a) for o in outputs]
        for output, limit_a in zip(outputs, amperes, strict=True):
            output.limit_a = limit_a
        self._regulate(outputs)

    @scpi("[:SOURce]:CURRent[:LEVel][:IMMediate][:AMPLitude]?", _END, _LIST)
    def _get_current(self, end: str | None, channels: _Channels) -> str:
        ends = {"MIN": lambda out: nr3(out.least_a), "MAX": lambda out: nr3(out.most_a)}
        return self._answer(channels, ends.get(end or "", lambda out: nr3(out.limit_a)))

    @scpi(":APPLy?", Maybe(_NAME))
    def _get_applied(self, name: str | None) -> str:
        (output,) = self._chosen((int(name[-1]),) if name else None)
        return f'"{output.setpoint_v:.6f},{output.limit_a:.6f}"'

    @scpi(":APPLy", _NAME, Number("V"), Maybe(Number("A")))
    def _apply(self, name: str, voltage: float | Limit, current: float | Limit | None) -> None:
        (output,) = self._chosen((int(name[-1]),))
        setpoint_v = bounded(voltage, 0.0, output.most_v, 0.0)
        if current is not None:
            output.limit_a = bounded(current, output.least_a, output.most_a, output.limit_a)
        self._selected, output.setpoint_v = int(name[-1]), setpoint_v
        output.regulate()

    @scpi(":INSTrument[:SELect]", _NAME)
    def _select(self, name: str) -> None:
        self._selected = int(name[-1])

    @scpi(":INSTrument[:SELect]?")
    def _get_selected(self) -> str:
        return f"CH{self._selected}"

    @scpi(":INSTrument:NSELect", Number())
    def _select_number(self, number: float | Limit) -> None:
        self._selected = round(bounded(number, 1, 3, 1))

    @scpi(":INSTrument:NSELect?")
    def _get_selected_number(self) -> str:
        return str(self._selected)

    @scpi(":OUTPut[:STATe]", Flag(), _LIST)
    def _switch(self, on: bool, channels: _Channels) -> None:
        numbers = self._numbers(channels)
        if self._couples and set(numbers) & set(self._coupled):
            numbers = self._numbers(tuple({*numbers, *self._coupled}))
        outputs = [self._outputs[number] for number in numbers]
        if on and any(output.tripped for output in outputs):
            raise ScpiError(-221)
        for output in outputs:
            output.on = on
        self._regulate(outputs)

    @scpi(":OUTPut[:STATe]?", _LIST)
    def _is_on(self, channels: _Channels) -> str:
        return self._answer(channels, lambda output: str(int(output.delivers)))

    @scpi(":MEASure[:SCALar]:VOLTage[:DC]?", _LIST)
    def _measure_voltage(self, channels: _Channels) -> str:
        now = self._now()
        return self._answer(channels, lambda output: nr3(output.read_voltage_v(now)))

    @scpi(":MEASure[:SCALar]:CURRent[:DC]?", _LIST)
    def _measure_current(self, channels: _Channels) -> str:
        now = self._now()
        return self._answer(channels, lambda output: nr3(output.read_current_a(now)))

    @scpi("[:SOURce]:VOLTage:PROTection[:LEVel]", Number("V"), _LIST)
    def _set_protection(self, voltage: float | Limit, channels: _Channels) -> None:
        outputs = self._chosen(channels)
        for output in outputs:
            highest = output.most_protection_v
            output.protection_v = bounded(voltage, 0.0, highest, highest)
        self._regulate(outputs)

    @scpi("[:SOURce]:VOLTage:PROTection[:LEVel]?", _END, _LIST)
    def _get_protection(self, end: str | None, channels: _Channels) -> str:
        ends = {"MIN": lambda _: nr3(0.0), "MAX": lambda out: nr3(out.most_protection_v)}
        return self._answer(channels, ends.get(end or "", lambda out: nr3(out.protection_v)))

    @scpi("[:SOURce]:VOLTage:PROTection:TRIPped?", _LIST)
    def _is_voltage_tripped(self, channels: _Channels) -> str:
        return self._answer(channels, lambda output: str(int(output.voltage_tripped)))

    @scpi("[:SOURce]:CURRent:PROTection:STATe", Flag(), _LIST)
    def _set_current_protection(self, enabled: bool, channels: _Channels) -> None:
        outputs = self._chosen(channels)
        for output in outputs:
            output.trips_on_current = enabled
        self._regulate(outputs)

    @scpi("[:SOURce]:CURRent:PROTection:STATe?", _LIST)
    def _get_current_protection(self, channels: _Channels) -> str:
        return self._answer(channels, lambda output: str(int(output.trips_on_current)))

    @scpi("[:SOURce]:CURRent:PROTection:TRIPped?", _LIST)
    def _is_current_tripped(self, channels: _Channels) -> str:
        return self._answer(channels, lambda output: str(int(output.current_tripped)))

    @scpi(":OUTPut:PROTection:CLEar", _LIST)
    def _clear_protection(self, channels: _Channels) -> None:
        outputs = self._chosen(channels)
        for output in outputs:
            output.voltage_tripped = output.current_tripped = False
        self._regulate(outputs)

    @scpi("[:SOURce]:VOLTage:PROTection:CLEar", _LIST)
    def _clear_voltage_trip(self, channels: _Channels) -> None:
        outputs = self._chosen(channels)
        for output in outputs:
            output.voltage_tripped = False
        self._regulate(outputs)

    @scpi("[:SOURce]:CURRent:PROTection:CLEar", _LIST)
    def _clear_current_trip(self, channels: _Channels) -> None:
        outputs = self._chosen(channels)
        for output in outputs:
            output.current_tripped = False
        self._regulate(outputs)

    # -- outputs together ------------------------------------------------------------------

    @scpi(":OUTPut:COUPle[:STATe]", Flag())
    def _couple(self, on: bool) -> None:
        self._couples = on

    @scpi(":OUTPut:COUPle[:STATe]?")
    def _is_coupled(self) -> str:
        return str(int(self._couples))

    @scpi(":OUTPut:COUPle:CHANnel", Choice("ALL", "NONE", "CH1", "CH2", "CH3"), *[Maybe(_NAME)] * 2)
    def _couple_channels(self, first: str, *others: str | None) -> None:
        whole: dict[str, tuple[int, ...]] = {"ALL": (1, 2, 3), "NONE": ()}
        named = {int(name[-1]) for name in (first, *others) if name and name not in whole}
        self._coupled = whole.get(first, tuple(sorted(named)))
        self._couples = bool(self._coupled)

    @scpi(":OUTPut:COUPle:CHANnel?")
    def _get_coupled(self) -> str:
        return ",".join(f"CH{number}" for number in self._coupled) or "NONE"

    @scpi(":OUTPut:PAIR", Choice("OFF", "PARallel", "SERies"))
    def _set_pair(self, pair: str) -> None:
        if pair == self._pair:
            return
        self._pair = pair
        joined = {"SER": {"in_series": 2}, "PAR": {"in_parallel": 2}}.get(pair, {})
        self._outputs[2].join(**joined)
        for number in (2, 3):  # they are switched off, and start from the ratings they have now
            self._outputs[number].reset()

    @scpi(":OUTPut:PAIR?")
    def _get_pair(self) -> str:
        return self._pair

    # -- memory and panel ------------------------------------------------------------------

    @scpi("*SAV", Number())
    def _save(self, place: float | Limit) -> None:
        number = round(bounded(place, 0, _PLACES - 1, 0))
        settings = {n: output.settings for n, output in self._outputs.items()}
        self._memory[number] = (self._pair, settings)

    @scpi("*RCL", Number())
    def _recall(self, place: float | Limit) -> None:
        saved = self._memory.get(round(bounded(place, 0, _PLACES - 1, 0)))
        if saved is None:
            raise ScpiError(-221)
        pair, all_settings = saved
        self._set_pair(pair)
        for number, settings in all_settings.items():
            self._outputs[number].settings = settings

    @scpi(":SYSTem:REMote", bound=("REM",))
    @scpi(":SYSTem:LOCal", bound=("LOC",))
    @scpi(":SYSTem:RWLock", bound=("RWL",))
    def _set_remote(self, state: str) -> None:
        self._remote = state

    @scpi(":SYSTem:COMMunicate:RLSTate", Choice("LOCal", "REMote", "RWLock"))
    def _set_remote_state(self, state: str) -> None:
        self._remote = state

    @scpi(":SYSTem:COMMunicate:RLSTate?")
    def _get_remote_state(self) -> str:
        return self._remote
