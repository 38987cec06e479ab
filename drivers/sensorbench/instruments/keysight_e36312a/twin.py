"""Simulated Keysight E36312A: three rails, and what hangs on them.

Source: PyMeasure, keysightE36312A.py and its tests; ratings, protection and *RST values recalled
from the E36300 series documents.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import ClassVar

from sensorbench.core.quantity import components
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
from sensorbench.protocols.scpi_status import ScpiError
from sensorbench.world.faults import Suffering
from sensorbench.world.fields import Constant, Driven, Field
from sensorbench.world.random import Stream
from sensorbench.world.twins import Signal
from sensorbench.world.world import World

_LIST = Maybe(Channels(3))
_END = Maybe(Choice("MINimum", "MAXimum"))
_Channels = tuple[int, ...] | None


@dataclass(frozen=True, slots=True)
class _Rating:
    volts: float
    amperes: float
    least_amperes: float


class Rail(Driven):
    """The voltage of an output, and what it drives into a resistor that something else models."""

    def __init__(self, output: _Output) -> None:
        super().__init__(Constant(0.0))
        self._output = output

    def amperes_into(self, ohms: float) -> float:
        """Return the current into `ohms` now: up to the limit; 0 while off or tripped."""
        if not self._output.delivers:
            return 0.0
        return min(self._output.limit_a, self._output.regulated_v / ohms)

    def loaded_by(self, ohms: float) -> None:
        """Hang a resistor on the output, beside what else draws from it."""
        self._output.load_ohm = ohms
        self._output.regulate()


class _Output:
    """One output: its settings, its small errors, the rail it feeds and what draws from it."""

    def __init__(
        self, rating: _Rating, stream: Callable[[str], Stream], changing: Callable[[], None]
    ) -> None:
        self.rail = Rail(self)
        self.draws: Signal = lambda: 0.0
        self.load_ohm = math.inf
        self._changing = changing
        self.most_v, self.most_a = 1.03 * rating.volts, 1.03 * rating.amperes
        self.least_a, self.most_protection_v = rating.least_amperes, 1.1 * rating.volts
        self._default_a = rating.amperes
        self._gain = 1.0 + 1e-4 * stream("gain").normal()
        self._offset_v = 1e-3 * stream("offset").normal()
        self._read_gain = 1.0 + 1e-4 * stream("read gain").normal()
        self._read_offset_v = 1e-3 * stream("read offset").normal()
        self._read_offset_a = 1e-4 * stream("current offset").normal()
        self._noise = stream("noise")
        self.reset()

    def reset(self) -> None:
        self.setpoint_v, self.limit_a = 0.0, self._default_a
        self.protection_v, self.trips_on_current = self.most_protection_v, False
        self.voltage_tripped = self.current_tripped = False
        self.on = False
        self.regulate()

    @property
    def tripped(self) -> bool:
        return self.voltage_tripped or self.current_tripped

    @property
    def delivers(self) -> bool:
        return self.on and not self.tripped

    @property
    def voltage_v(self) -> float:
        return components(self.rail.at(0.0))[0]

    @property
    def current_a(self) -> float:
        """Return what flows: what the load wants, no more than the limit."""
        return min(self.limit_a, self.wanted_a) if self.voltage_v else 0.0

    @property
    def wanted_a(self) -> float:
        """Return what the load would draw at the voltage that is there."""
        return components(self.draws())[0] + self.voltage_v / self.load_ohm

    @property
    def regulated_v(self) -> float:
        """Return the voltage that it makes without a load."""
        return max(0.0, self.setpoint_v * self._gain + self._offset_v)

    def regulate(self) -> None:
        """Bring the rail to where the settings and its load put it, and trip where they must."""
        voltage_v = self.regulated_v
        if self.delivers:
            self.voltage_tripped = self._limited_v(voltage_v) > self.protection_v
        self._put(self._limited_v(voltage_v))
        # The load of a rail that has just come up is known only now.
        limited_v = self._limited_v(voltage_v)
        if self.delivers:
            self.current_tripped = self.trips_on_current and limited_v < voltage_v
        self._put(self._limited_v(voltage_v))

    def _limited_v(self, voltage_v: float) -> float:
        """Return the rail's voltage: at constant current the load is taken as a resistor."""
        if not self.delivers:
            return 0.0
        wanted_a = self.wanted_a
        if wanted_a <= 0 or not self.voltage_v:
            return voltage_v
        return min(voltage_v, self.limit_a * self.voltage_v / wanted_a)

    def _put(self, voltage_v: float) -> None:
        if abs(voltage_v - self.voltage_v) > 1e-9:
            self._changing()
            self.rail.field = Constant(voltage_v)

    def read_voltage_v(self, counter: int) -> float:
        noise_v = 1e-4 * self._noise.normal(counter)
        return self.voltage_v * self._read_gain + self._read_offset_v + noise_v

    def read_current_a(self, counter: int) -> float:
        noise_a = 1e-5 * self._noise.normal(-1 - counter)
        return self.current_a * self._read_gain + self._read_offset_a + noise_a


class SimKeysightE36312a(ScpiDevice):
    """An E36312A in a simulated world: output n feeds the field `outn`.

    A load that draws more than the limit pulls the rail down; the twin looks at the load whenever
    it is spoken to. A trip latches the output off until it is cleared, then the output is back.
    """

    IDENTITY = "Keysight Technologies,E36312A,{serial},2.1.0-1.0.4-1.12"
    SIBLING = ("E36312A", "E36313A")
    FAULTS: ClassVar[tuple[str, ...]] = ("trip1", "trip2", "trip3", "identity", "silent")
    RATINGS: ClassVar[dict[int, _Rating]] = {
        1: _Rating(6.0, 5.0, 0.002),
        2: _Rating(25.0, 1.0, 0.001),
        3: _Rating(25.0, 1.0, 0.001),
    }

    def __init__(self, world: World, serial: str) -> None:
        super().__init__(
            serial, fault=partial(world.fault_of, serial), beyond=world.beyond_of(serial)
        )
        self._world, self._clock = world, world.clock
        self._selected = 1
        self._suffering = Suffering(world, serial, self._suffer)
        self._outputs = {
            number: _Output(rating, partial(world.stream, serial, number), world.changing)
            for number, rating in self.RATINGS.items()
        }
        self.drives: dict[str, Field] = {
            f"out{number}": output.rail for number, output in self._outputs.items()
        }

    def reset(self) -> None:
        self._selected = 1
        for output in self._outputs.values():
            output.reset()

    def sense(self, member: str, signal: Signal) -> None:
        """Say what is drawn from an output, in A. A voltage is that of its own terminals.

        Raises KeyError for a member that it has not.
        """
        if member not in self.drives:
            number = {f"current{number}": number for number in self._outputs}[member]
            self._outputs[number].draws = signal

    def handle(self, line: bytes) -> bytes | None:
        """Carry out one message, with the rails where their loads put them now."""
        self._suffering.catch_up()
        self._suffer(self._suffering.kind)  # what is there trips again after it was cleared
        for output in self._outputs.values():
            if output.on:
                output.regulate()
        return super().handle(line)

    def _suffer(self, fault: str) -> None:
        if fault.startswith("trip"):
            self._outputs[int(fault[-1])].voltage_tripped = True

    def trip(self, channel: int) -> None:
        """Trip the over-voltage protection of an output, as a spike would."""
        self._outputs[channel].voltage_tripped = True
        self._outputs[channel].regulate()

    def _chosen(self, channels: _Channels) -> list[_Output]:
        return [self._outputs[number] for number in channels or (self._selected,)]

    def _answer(self, channels: _Channels, show: Callable[[_Output], str]) -> str:
        return ",".join(show(output) for output in self._chosen(channels))

    def _regulate(self, outputs: Iterable[_Output]) -> None:
        for output in outputs:
            output.regulate()

    @scpi("[:SOURce]:VOLTage[:LEVel][:IMMediate][:AMPLitude]", Number("V"), _LIST)
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

    @scpi("[:SOURce]:CURRent[:LEVel][:IMMediate][:AMPLitude]", Number("A"), _LIST)
    def _set_current(self, current: float | Limit, channels: _Channels) -> None:
        outputs = self._chosen(channels)
        amperes = [bounded(current, o.least_a, o.most_a, o.most_a / 1.03) for o in outputs]
        for output, limit_a in zip(outputs, amperes, strict=True):
            output.limit_a = limit_a
        self._regulate(outputs)

    @scpi("[:SOURce]:CURRent[:LEVel][:IMMediate][:AMPLitude]?", _END, _LIST)
    def _get_current(self, end: str | None, channels: _Channels) -> str:
        ends = {"MIN": lambda out: nr3(out.least_a), "MAX": lambda out: nr3(out.most_a)}
        return self._answer(channels, ends.get(end or "", lambda out: nr3(out.limit_a)))

    @scpi(":APPLy", Choice("CH1", "CH2", "CH3"), Number("V"), Maybe(Number("A")))
    def _apply(self, name: str, voltage: float | Limit, current: float | Limit | None) -> None:
        output = self._outputs[int(name[-1])]
        setpoint_v = bounded(voltage, 0.0, output.most_v, 0.0)
        if current is not None:
            output.limit_a = bounded(current, output.least_a, output.most_a, output.limit_a)
        self._selected, output.setpoint_v = int(name[-1]), setpoint_v
        output.regulate()

    @scpi(":INSTrument[:SELect]", Choice("CH1", "CH2", "CH3"))
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
        outputs = self._chosen(channels)
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
        now = round(self._clock.now() * 1e6)
        return self._answer(channels, lambda output: nr3(output.read_voltage_v(now)))

    @scpi(":MEASure[:SCALar]:CURRent[:DC]?", _LIST)
    def _measure_current(self, channels: _Channels) -> str:
        now = round(self._clock.now() * 1e6)
        return self._answer(channels, lambda output: nr3(output.read_current_a(now)))

    @scpi("[:SOURce]:VOLTage:PROTection[:LEVel]", Number("V"), _LIST)
    def _set_protection(self, voltage: float | Limit, channels: _Channels) -> None:
        outputs = self._chosen(channels)
        for output in outputs:
            highest = output.most_protection_v
            output.protection_v = bounded(voltage, 0.0, highest, highest)
        self._regulate(outputs)

    @scpi("[:SOURce]:VOLTage:PROTection[:LEVel]?", _LIST)
    def _get_protection(self, channels: _Channels) -> str:
        return self._answer(channels, lambda output: nr3(output.protection_v))

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
