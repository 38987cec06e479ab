"""Simulated UNI-T UDP3305S: three outputs, of which 1 and 2 can be joined.

Source: philpagel/udp3305s, python/UDP3305S.py and testcontroller/UNI_T UDP3305.txt.
Not confirmed: the digits of its replies, that a value beyond the range or a refused command changes
nothing and is not answered, that a change of mode switches outputs off, what is set at power on,
that a tripped output tells that it is off and stays so until it is switched on again.
Not modelled: the recorder, lists, delays, memory, any error queue; they are noted, and like all
that it does not know, not answered.
"""

from __future__ import annotations

from functools import partial
from typing import ClassVar

from sensorbench.instruments.simulated_output import Output, Rating
from sensorbench.instruments.simulated_supply import SimulatedSupply
from sensorbench.protocols.scpi_device import scpi
from sensorbench.protocols.scpi_parameters import Choice, Flag, Limit, Number, bounded
from sensorbench.protocols.scpi_status import ScpiError, Status
from sensorbench.world.world import World

_STEPS = {"step_volts": 1e-3, "step_amperes": 1e-4}
_WIDE = Rating(33.0, 5.2, 33.0, least_amperes=0.0, reset_amperes=5.2, **_STEPS)
_NARROW = Rating(6.2, 3.2, 6.2, least_amperes=0.0, reset_amperes=3.2, **_STEPS)
_NAME = Choice("CH1", "CH2", "CH3", "SER", "PARA", "PAR")
_WHAT = Choice("VOLTage", "CURRent")
_MODE_S = 0.5
_DIGITS_V, _DIGITS_A = 3, 4


class _Amount:
    """A number whose unit says of what it is."""

    def parse(self, token: str) -> tuple[str, float]:
        """Return V or A, and the number. Raises ScpiError."""
        unit = token[-1:].upper()
        if unit not in {"V", "A"}:
            raise ScpiError(-104)
        value = Number(unit).parse(token)
        if isinstance(value, Limit):
            raise ScpiError(-104)
        return unit, value


class _Silent(Status):
    """Nothing that it refuses is told."""

    def push(self, code: int, text: str) -> None:
        """Forget it."""


class _UdpOutput(Output):
    """An output with a switch of its own for each protection."""

    def reset(self) -> None:
        """Take what is set at power on."""
        self.protects, self.current_level_a = False, self.default_a
        super().reset()

    @property
    def trips_above_v(self) -> float:
        return self.protection_v if self.protects else 2.0 * self.most_v

    def _is_overloaded(self, limiting: bool) -> bool:
        return limiting or self.wanted_a > self.current_level_a


class SimUnitUdp3305s(SimulatedSupply[_UdpOutput]):
    """A UDP3305S. A joined pair feeds `out1`.

    A person at its panel joins outputs 1 and 2 (`joined`), too.
    """

    IDENTITY = "Uni-Trend,UDP3305S,{serial},1.06"
    SIBLING = ("UDP3305S", "UDP3303A")
    FAULTS: ClassVar[tuple[str, ...]] = (
        "trip1", "trip2", "trip3", "setpoint_changed", "output_off", "output_on",
        "joined", "identity", "silent",
    )  # fmt: skip

    def __init__(self, world: World, serial: str) -> None:
        outputs = {
            n: _UdpOutput(rating, partial(world.stream, serial, n), world.changing)
            for n, rating in ((1, _WIDE), (2, _WIDE), (3, _NARROW))
        }
        super().__init__(world, serial, outputs)
        self.status = _Silent(self.ERROR_CAPACITY)
        self._mode, self._locks = "NORMAL", False

    def _suffer(self, fault: str) -> None:
        if fault == "joined":
            self._join("SER")
        super()._suffer(fault)

    def _of(self, name: str) -> _UdpOutput:
        """Return an output by name. Raises ScpiError where the mode has none of that name."""
        if name != "CH3" and {"SER": "SER", "PAR": "PARA"}.get(name[:3], "NORMAL") != self._mode:
            raise ScpiError(-221)
        return self._outputs[int(name[-1]) if name.startswith("CH") else 1]

    def _join(self, mode: str) -> None:
        if mode == self._mode:
            return
        self._mode = mode
        joined = {"SER": {"in_series": 2}, "PARA": {"in_parallel": 2}}.get(mode, {})
        self._outputs[1].join(**joined)
        for number in (1, 2):
            self._outputs[number].reset()

    # -- what is set -----------------------------------------------------------------------

    @scpi(":APPLy", _NAME, _Amount())
    def _apply(self, name: str, amount: tuple[str, float]) -> None:
        output, (unit, value) = self._of(name), amount
        if unit == "V":
            output.setpoint_v = output.round_v(bounded(value, 0.0, output.most_v, 0.0))
        else:
            output.limit_a = output.round_a(bounded(value, 0.0, output.most_a, 0.0))
        output.regulate()

    @scpi(":APPLy?", _NAME, _WHAT)
    def _get_applied(self, name: str, what: str) -> str:
        output = self._of(name)
        volts, amperes = f"{output.setpoint_v:.{_DIGITS_V}f}", f"{output.limit_a:.{_DIGITS_A}f}"
        return f"{name},{volts if what == 'VOLT' else amperes}"

    @scpi(":SOURce:MODE", Choice("NORMal", "SERies", "SER", "PARAllel", "PAR"))
    def _set_mode(self, mode: str) -> None:
        self._world.let_pass(_MODE_S)
        self._join({"NORM": "NORMAL", "SER": "SER"}.get(mode, "PARA"))

    @scpi(":SOURce:MODE?")
    def _get_mode(self) -> str:
        return self._mode

    # -- switches --------------------------------------------------------------------------

    @scpi(":OUTPut[:STATe]", Choice("ALL", "CH1", "CH2", "CH3", "SER", "PARA", "PAR"), Flag())
    def _switch(self, name: str, on: bool) -> None:
        outputs = list(self._outputs.values()) if name == "ALL" else [self._of(name)]
        if name == "ALL" and self._mode != "NORMAL":
            outputs.remove(self._outputs[2])
        for output in outputs:
            output.voltage_tripped = output.current_tripped = False
            output.on = on
            output.regulate()
        self._trip_by(self._suffering.kind)

    @scpi(":OUTPut[:STATe]?", _NAME)
    def _is_on(self, name: str) -> str:
        return "ON" if self._of(name).delivers else "OFF"

    @scpi(":SYSTem:LOCK", Flag())
    @scpi(":SYSTem:KLOCK[:STATe]", Flag())
    @scpi(":LOCK", Flag())
    def _lock(self, on: bool) -> None:
        self._locks = on

    @scpi(":SYSTem:KLOCK[:STATe]?")
    def _is_locked(self) -> str:
        return "ON" if self._locks else "OFF"

    # -- readings --------------------------------------------------------------------------

    def _read(self, output: Output) -> tuple[float, float]:
        now = self._now()
        return max(0.0, output.read_voltage_v(now)), max(0.0, output.read_current_a(now))

    @scpi(":MEASure:VOLTage?", _NAME)
    def _measure_voltage(self, name: str) -> str:
        return f"{self._read(self._of(name))[0]:.{_DIGITS_V}f}"

    @scpi(":MEASure:CURRent?", _NAME)
    def _measure_current(self, name: str) -> str:
        return f"{self._read(self._of(name))[1]:.{_DIGITS_A}f}"

    @scpi(":MEASure:POWEr?", _NAME)
    def _measure_power(self, name: str) -> str:
        volts, amperes = self._read(self._of(name))
        return f"{volts * amperes:.3f}"

    @scpi(":MEASure:ALL?", _NAME)
    def _measure_all(self, name: str) -> str:
        volts, amperes = self._read(self._of(name))
        return f"{volts:.{_DIGITS_V}f},{amperes:.{_DIGITS_A}f},{volts * amperes:.3f}"

    # -- protections -----------------------------------------------------------------------

    @scpi(":OUTPut:OVP:VALue", _NAME, Number("V"))
    def _set_over_voltage(self, name: str, voltage: float | Limit) -> None:
        output = self._of(name)
        most_v = output.most_protection_v
        output.protection_v = output.round_v(bounded(voltage, 0.0, most_v, most_v))
        output.regulate()

    @scpi(":OUTPut:OVP:VALue?", _NAME)
    def _get_over_voltage(self, name: str) -> str:
        return f"{self._of(name).protection_v:.{_DIGITS_V}f}"

    @scpi(":OUTPut:OVP:STATe", _NAME, Flag())
    def _protect(self, name: str, on: bool) -> None:
        self._of(name).protects = on
        self._of(name).regulate()

    @scpi(":OUTPut:OVP:STATe?", _NAME)
    def _does_protect(self, name: str) -> str:
        return "ON" if self._of(name).protects else "OFF"

    @scpi(":OUTPut:OCP:VALue", _NAME, Number("A"))
    def _set_over_current(self, name: str, current: float | Limit) -> None:
        output = self._of(name)
        output.current_level_a = bounded(current, 0.0, output.most_a, output.most_a)
        output.regulate()

    @scpi(":OUTPut:OCP:VALue?", _NAME)
    def _get_over_current(self, name: str) -> str:
        return f"{self._of(name).current_level_a:.{_DIGITS_A}f}"

    @scpi(":OUTPut:OCP:STATe", _NAME, Flag())
    def _protect_current(self, name: str, on: bool) -> None:
        self._of(name).trips_on_current = on
        self._of(name).regulate()

    @scpi(":OUTPut:OCP:STATe?", _NAME)
    def _does_protect_current(self, name: str) -> str:
        return "ON" if self._of(name).trips_on_current else "OFF"
