"""Simulated Aim-TTi PL303QMD-P: two outputs, their ranges, their tracking and what hangs on them.

Sources: the New PL & PL-P Series manual, issue 18, as labmcp-bench-psu 0.1.3 and
PaulBichl/messknecht cite it; PyMeasure, aimttiPL.py; QCoDeS, _AimTTi_PL_P.py; PL303-P replies in
public clients ("V1 18.00", "0.915A", "THURLBY THANDAR, PL303QMD-P, 504183, 3.05-4.06").
Not confirmed: 10 mV as the step of a voltage, 0.1 mA as that of the low range, the range of the
protections, what *RST sets, that an output that has tripped stays off without an error until
TRIPRST, what becomes of a limit beyond a new range, what of a setpoint beyond a protection.
Not modelled: outputs in parallel, damping of the meter, locks of other interfaces, *PRE and *IST?;
they are noted.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import ClassVar

from sensorbench.instruments.aimtti_pl303qmdp.twin_dialect import (
    EMPTY_STORE,
    NO_SUCH_OUTPUT,
    OUT_OF_RANGE,
    OUTPUT_IS_ON,
    AimttiSupply,
    Refused,
    said,
    within,
)
from sensorbench.instruments.simulated_output import Output, Rating, Settings
from sensorbench.world.random import Stream
from sensorbench.world.world import World

_RATING = Rating(
    30.0, 3.0, 33.0, least_amperes=0.0, reset_amperes=1.0, step_volts=0.01, step_amperes=1e-3
)
_LOW, _HIGH = 1, 2
_MOST_LOW_A, _STEP_LOW_A = 0.5, 1e-4
_LEAST_PROTECTION_V, _LEAST_TRIP_A, _MOST_TRIP_A = 0.5, 0.01, 3.3
_TRACKING, _PARALLEL, _INDEPENDENT = 0, 1, 2
_STORES = 10
_Stored = tuple[Settings, int, float]


class RangedOutput(Output):
    """An output with two ranges of its limit and an over-current protection with its own level."""

    def __init__(
        self, rating: Rating, stream: Callable[[str], Stream], changing: Callable[[], None]
    ) -> None:
        self.stores: dict[int, _Stored] = {}
        super().__init__(rating, stream, changing)

    def reset(self) -> None:
        self.low, self.trips_above_a = False, _MOST_TRIP_A
        self.delta_v, self.delta_a = 0.01, 0.01
        super().reset()
        self.trips_on_current = True

    @property
    def low(self) -> bool:
        """Whether it is in its low current range."""
        return self.most_a < self._rating.most_amperes

    @low.setter
    def low(self, low: bool) -> None:
        self.most_a = _MOST_LOW_A if low else self._rating.most_amperes
        self.step_a = _STEP_LOW_A if low else self._rating.step_amperes

    @property
    def stored(self) -> _Stored:
        """What a memory place takes."""
        return self.settings, _LOW if self.low else _HIGH, self.trips_above_a

    def _is_overloaded(self, limiting: bool) -> bool:  # noqa: ARG002
        return self.current_a > self.trips_above_a

    def show_a(self, amperes: float) -> str:
        """Return a current as its range shows it."""
        return f"{amperes:.4f}" if self.low else f"{amperes:.3f}"


class SimAimttiPl303qmdp(AimttiSupply[RangedOutput]):
    """A PL303QMD-P. A trip switches an output off, and holds it off until TRIPRST.

    While its outputs track each other (CONFIG 0), output 2 has RATIO per cent of output 1's volts.
    """

    IDENTITY = "THURLBY THANDAR, PL303QMD-P, {serial}, 3.05-4.06"
    SIBLING = ("PL303QMD-P", "PL303QMT-P")
    FAULTS: ClassVar[tuple[str, ...]] = (
        "trip1", "trip2", "setpoint_changed", "output_off", "output_on", "identity", "silent",
    )  # fmt: skip

    def __init__(self, world: World, serial: str) -> None:
        outputs = {
            number: RangedOutput(_RATING, partial(world.stream, serial, number), world.changing)
            for number in (1, 2)
        }
        self._config, self._ratio = _INDEPENDENT, 100.0
        self._locked = False
        super().__init__(world, serial, outputs)

    def reset(self) -> None:
        self._config, self._ratio = _INDEPENDENT, 100.0
        super().reset()

    def _put_voltage(self, output: RangedOutput, volts: float) -> None:
        if self._config == _TRACKING and output is self._outputs[2]:
            raise Refused(NO_SUCH_OUTPUT)
        output.setpoint_v = output.round_v(within(volts, 0.0, output.most_v))
        self._track()
        output.regulate()

    def _track(self) -> None:
        if self._config == _TRACKING:
            first, second = self._outputs[1], self._outputs[2]
            volts = min(second.most_v, first.setpoint_v * self._ratio / 100)
            second.setpoint_v = second.round_v(volts)
            second.regulate()

    def _put_limit(self, output: RangedOutput, amperes: float) -> None:
        output.limit_a = output.round_a(within(amperes, 0.0, output.most_a))
        output.regulate()

    # -- setpoints -------------------------------------------------------------------------

    @said("V<n>", number=True)
    def _set_voltage(self, output: RangedOutput, volts: float) -> None:
        self._put_voltage(output, volts)

    @said("V<n>V", number=True)
    def _set_voltage_verified(self, output: RangedOutput, volts: float) -> None:
        self._put_voltage(output, volts)
        self._verify(output)

    @said("V<n>?")
    def _get_voltage(self, output: RangedOutput) -> str:
        return f"V{self._number_of(output)} {output.setpoint_v:.2f}"

    @said("I<n>", number=True)
    def _set_limit(self, output: RangedOutput, amperes: float) -> None:
        self._put_limit(output, amperes)

    @said("I<n>?")
    def _get_limit(self, output: RangedOutput) -> str:
        return f"I{self._number_of(output)} {output.show_a(output.limit_a)}"

    @said("IRANGE<n>", number=True)
    def _set_range(self, output: RangedOutput, number: float) -> None:
        if number not in (_LOW, _HIGH):
            raise Refused(OUT_OF_RANGE)
        if output.on:
            raise Refused(OUTPUT_IS_ON)
        output.low = number == _LOW
        output.limit_a = output.round_a(min(output.limit_a, output.most_a))

    @said("IRANGE<n>?")
    def _get_range(self, output: RangedOutput) -> str:
        return str(_LOW if output.low else _HIGH)

    @said("DELTAV<n>", number=True)
    def _set_delta_v(self, output: RangedOutput, volts: float) -> None:
        output.delta_v = within(volts, 0.0, output.most_v)

    @said("DELTAV<n>?")
    def _get_delta_v(self, output: RangedOutput) -> str:
        return f"DELTAV{self._number_of(output)} {output.delta_v:.2f}"

    @said("DELTAI<n>", number=True)
    def _set_delta_a(self, output: RangedOutput, amperes: float) -> None:
        output.delta_a = within(amperes, 0.0, output.most_a)

    @said("DELTAI<n>?")
    def _get_delta_a(self, output: RangedOutput) -> str:
        return f"DELTAI{self._number_of(output)} {output.show_a(output.delta_a)}"

    @said("INCV<n>")
    def _raise_voltage(self, output: RangedOutput) -> None:
        self._put_voltage(output, output.setpoint_v + output.delta_v)

    @said("DECV<n>")
    def _lower_voltage(self, output: RangedOutput) -> None:
        self._put_voltage(output, output.setpoint_v - output.delta_v)

    @said("INCV<n>V")
    def _raise_voltage_verified(self, output: RangedOutput) -> None:
        self._raise_voltage(output)
        self._verify(output)

    @said("DECV<n>V")
    def _lower_voltage_verified(self, output: RangedOutput) -> None:
        self._lower_voltage(output)
        self._verify(output)

    @said("INCI<n>")
    def _raise_limit(self, output: RangedOutput) -> None:
        self._put_limit(output, output.limit_a + output.delta_a)

    @said("DECI<n>")
    def _lower_limit(self, output: RangedOutput) -> None:
        self._put_limit(output, output.limit_a - output.delta_a)

    def _verify(self, output: RangedOutput) -> None:
        """Say that an output is not within 5 % or ten counts of its setpoint."""
        if abs(output.voltage_v - output.setpoint_v) > max(0.05 * output.setpoint_v, 0.1):
            self.status.events |= 8

    # -- outputs ---------------------------------------------------------------------------

    @said("OP<n>", number=True)
    def _switch(self, output: RangedOutput, on: float) -> None:
        if on not in (0, 1):
            raise Refused(OUT_OF_RANGE)
        output.on = on == 1 and not output.tripped
        output.regulate()

    @said("OPALL", number=True)
    def _switch_all(self, on: float) -> None:
        for output in self._outputs.values():
            self._switch(output, on)

    @said("OP<n>?")
    def _is_on(self, output: RangedOutput) -> str:
        return str(int(output.delivers))

    @said("V<n>O?")
    def _measure_voltage(self, output: RangedOutput) -> str:
        return f"{output.read_voltage_v(self._now()):.2f}V"

    @said("I<n>O?")
    def _measure_current(self, output: RangedOutput) -> str:
        return f"{output.show_a(output.read_current_a(self._now()))}A"

    # -- protections -----------------------------------------------------------------------

    @said("OVP<n>", number=True)
    def _set_protection(self, output: RangedOutput, volts: float) -> None:
        output.protection_v = within(volts, _LEAST_PROTECTION_V, output.most_protection_v)
        output.regulate()

    @said("OVP<n>?")
    def _get_protection(self, output: RangedOutput) -> str:
        return f"VP{self._number_of(output)} {output.protection_v:.2f}"

    @said("OCP<n>", number=True)
    def _set_trip(self, output: RangedOutput, amperes: float) -> None:
        output.trips_above_a = within(amperes, _LEAST_TRIP_A, _MOST_TRIP_A)
        output.regulate()

    @said("OCP<n>?")
    def _get_trip(self, output: RangedOutput) -> str:
        return f"CP{self._number_of(output)} {output.trips_above_a:.3f}"

    @said("TRIPRST")
    def _clear_trips(self) -> None:
        for output in self._outputs.values():
            output.voltage_tripped = output.current_tripped = False
            output.regulate()

    # -- outputs together ------------------------------------------------------------------

    @said("CONFIG", number=True)
    def _set_config(self, number: float) -> None:
        if number == _PARALLEL:
            self.not_modelled("CONFIG 1")
        if number not in (_TRACKING, _INDEPENDENT):
            raise Refused(OUT_OF_RANGE)
        self._config = int(number)
        self._track()

    @said("CONFIG?")
    def _get_config(self) -> str:
        return str(self._config)

    @said("RATIO", number=True)
    def _set_ratio(self, percent: float) -> None:
        self._ratio = within(percent, 0.0, 100.0)
        self._track()

    @said("RATIO?")
    def _get_ratio(self) -> str:
        return f"{self._ratio:.1f}"

    # -- memory, panel and interface -------------------------------------------------------

    @said("SAV<n>", number=True)
    def _save(self, output: RangedOutput, place: float) -> None:
        output.stores[round(within(place, 0, _STORES - 1))] = output.stored

    @said("RCL<n>", number=True)
    def _recall(self, output: RangedOutput, place: float) -> None:
        stored = output.stores.get(round(within(place, 0, _STORES - 1)))
        if stored is None:
            raise Refused(EMPTY_STORE)
        settings, number, output.trips_above_a = stored
        output.low = number == _LOW
        output.settings = settings

    @said("DAMPING<n>", number=True)
    def _set_damping(self, output: RangedOutput, on: float) -> None:  # noqa: ARG002
        if on not in (0, 1):
            raise Refused(OUT_OF_RANGE)
        self.not_modelled("DAMPING<n>")

    @said("LOCAL")
    def _go_local(self) -> None:
        """The next command makes it remote again."""

    @said("IFLOCK")
    def _lock(self) -> str:
        self._locked = True
        return "1"

    @said("IFUNLOCK")
    def _unlock(self) -> str:
        self._locked = False
        return "0"

    @said("IFLOCK?")
    def _is_locked(self) -> str:
        return str(int(self._locked))

    @said("ADDRESS?")
    def _get_address(self) -> str:
        return "11"

    @said("IPADDR?")
    def _get_ip_address(self) -> str:
        return "127.0.0.1"

    @said("NETMASK?")
    def _get_net_mask(self) -> str:
        return "255.0.0.0"

    @said("NETCONFIG?")
    def _get_net_configuration(self) -> str:
        return "DHCP"
