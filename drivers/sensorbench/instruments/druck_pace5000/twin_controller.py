"""What the simulated controllers of the PACE series hear, whichever of their modules it is for.

Sources: as `twin`; suffixes of UNIT, CATalog and SN public clients of a PACE6000. Estimate: that
the pressure register tells of either module.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import ClassVar

from sensorbench.instruments.druck_pace5000.twin_module import OTHER_UNITS, UNITS, PaceModule
from sensorbench.instruments.druck_pace5000.twin_status import PaceStatus
from sensorbench.protocols.scpi_device import scpi
from sensorbench.protocols.scpi_parameters import Choice, Flag, Limit, Number, Text, bounded
from sensorbench.protocols.scpi_status import ScpiError
from sensorbench.world.faults import Suffering
from sensorbench.world.world import World


class SimDruckPace(PaceStatus):
    """A PACE with a module for each full scale in Pa; subclasses say who they are."""

    ERROR_FORMAT = '{code},"{text}"'
    ERROR_CAPACITY = 5
    FAULTS: ClassVar[tuple[str, ...]] = (
        "no_vent", "setpoint_changed", "output_off", "output_on", "identity", "silent",
    )  # fmt: skip

    terminators = (b"\r\n", b"\n", b"\r")

    def __init__(
        self,
        world: World,
        serial: str,
        full_scales_pa: Sequence[float],
        echo_headers: bool,
        terminator: bytes,
    ) -> None:
        super().__init__(
            serial,
            fault=partial(world.fault_of, serial),
            beyond=world.beyond_of(serial),
            echo_headers=echo_headers,
        )
        self.reply_terminator = terminator
        self._clock = world.clock
        self._suffering = Suffering(world, serial, self._suffer)
        self.modules = tuple(
            PaceModule(world, serial, number, full_scale_pa, self._suffering, self._look)
            for number, full_scale_pa in enumerate(full_scales_pa, start=1)
        )

    def handle(self, line: bytes) -> bytes | None:
        """Carry out one message; what a person did at the panel is done by then."""
        self._suffering.catch_up()
        return super().handle(line)

    def _suffer(self, fault: str) -> None:
        for module in self.modules:
            module.by_hand(fault)

    def reset(self) -> None:
        for module in self.modules:
            module.hold()
            module.take_defaults()
        self._look()

    def _pressure_condition(self) -> int:
        vented = any(module.vented() for module in self.modules)
        return int(vented) | 4 * int(any(module.is_in_limits() for module in self.modules))

    def _of(self, module: int) -> PaceModule:
        """Return a module by its number. Raises ScpiError -114 for one that is not fitted."""
        if module > len(self.modules):
            raise ScpiError(-114)
        return self.modules[module - 1]

    @scpi(":SYSTem:ERRor?")
    def _next_error(self) -> str:
        return super()._next_error()

    @scpi(":UNIT<2>[:PRESsure]", Choice(*UNITS, beyond=OTHER_UNITS))
    def _set_unit(self, module: int, unit: str) -> None:
        self._of(module).unit = unit

    @scpi(":UNIT<2>[:PRESsure]?")
    def _get_unit(self, module: int) -> str:
        return self._of(module).unit

    @scpi(":INSTrument:SENSor<2>:FULL?")
    def _full_scale(self, module: int) -> str:
        one = self._of(module)
        return f"{one.shown(one.full_scale_pa)}, {one.shown(one.low_pa)}"

    @scpi(":INSTrument:LIMits<2>?")
    def _limits(self, module: int) -> str:
        return f'"{self._of(module).range_name}", {self._full_scale(module)}'

    @scpi(":INSTrument:CATalog<2>?")
    @scpi(":INSTrument:CATalog<2>:ALL?")
    def _catalogue(self, module: int) -> str:
        return f'"{self._of(module).range_name}"'

    @scpi(":INSTrument:SN<2>?")
    def _serial(self, module: int) -> str:
        self._of(module)
        return self.serial if module == 1 else f"{self.serial}-{module}"

    @scpi(":SENSe<2>[:PRESsure]:RANGe", Text())
    @scpi(":SOURce<2>[:PRESsure]:RANGe", Text())
    def _set_range(self, module: int, name: str) -> None:
        if name != self._of(module).range_name:  # letter by letter, as the manual says
            raise ScpiError(-222)
        self._pressure.event |= 2

    @scpi(":SENSe<2>[:PRESsure]:RANGe?")
    @scpi(":SOURce<2>[:PRESsure]:RANGe?")
    def _get_range(self, module: int) -> str:
        return f'"{self._of(module).range_name}"'

    @scpi(":SENSe<2>[:PRESsure]:SLEW?")
    def _measured_slew(self, module: int) -> str:
        one = self._of(module)
        return one.shown(one.slew_now())

    @scpi(":SENSe<2>[:PRESsure]:BARometer?")
    def _barometer(self, module: int) -> str:
        return self._of(module).shown(0.0)  # the option is not fitted

    @scpi(":SENSe<2>[:PRESsure]?")
    def _get_pressure(self, module: int) -> str:
        one = self._of(module)
        return one.shown(one.reading_pa())

    @scpi(":SENSe<2>[:PRESsure]:INLimits?")
    def _in_limits(self, module: int) -> str:
        one = self._of(module)
        return f"{one.shown(one.reading_pa())}, {int(one.is_in_limits())}"

    @scpi(":SOURce<2>[:PRESsure]:INLimits", Number())
    def _set_band(self, module: int, percent: float | Limit) -> None:
        one = self._of(module)
        self._look()
        one.band_percent = bounded(percent, 0.0, 100.0, 0.01)
        self._look()

    @scpi(":SOURce<2>[:PRESsure]:INLimits?")
    def _get_band(self, module: int) -> str:
        return f"{self._of(module).band_percent:.7f}"

    @scpi(":SOURce<2>[:PRESsure]:INLimits:TIME", Number())
    def _set_in_limits_time(self, module: int, seconds: float | Limit) -> None:
        one = self._of(module)
        self._look()
        one.in_limits_s = round(bounded(seconds, 2, 999, 2))
        self._look()

    @scpi(":SOURce<2>[:PRESsure]:INLimits:TIME?")
    def _get_in_limits_time(self, module: int) -> str:
        return f"{self._of(module).in_limits_s:.0f}"

    @scpi(":SOURce<2>[:PRESsure][:LEVel][:IMMediate][:AMPLitude]", Number())
    def _set_setpoint(self, module: int, setpoint: float | Limit) -> None:
        one = self._of(module)
        one.setpoint_pa = one.pascals(setpoint, one.low_pa, one.full_scale_pa)
        if one.on:
            one.control()

    @scpi(":SOURce<2>[:PRESsure][:LEVel][:IMMediate][:AMPLitude]?")
    def _get_setpoint(self, module: int) -> str:
        one = self._of(module)
        return one.shown(one.setpoint_pa)

    @scpi(":SOURce<2>[:PRESsure][:LEVel][:IMMediate][:AMPLitude]:VENT", Number())
    def _set_vent(self, module: int, start: float | Limit) -> None:
        self._of(module).vent(start, self.fault() == "no_vent")

    @scpi(":SOURce<2>[:PRESsure][:LEVel][:IMMediate][:AMPLitude]:VENT?")
    def _get_vent(self, module: int) -> str:
        one = self._of(module)
        if not one.venting:
            return "0"
        return "2" if one.vented() else "1"

    @scpi(":SOURce<2>[:PRESsure]:SLEW", Number())
    def _set_slew(self, module: int, slew: float | Limit) -> None:
        one = self._of(module)
        one.slew_pa_per_s = one.pascals(slew, one.SLOWEST_PA_PER_S, one.FASTEST_PA_PER_S)
        one.change_rate()

    @scpi(":SOURce<2>[:PRESsure]:SLEW?")
    def _get_slew(self, module: int) -> str:
        one = self._of(module)
        return one.shown(one.slew_pa_per_s)

    @scpi(":SOURce<2>[:PRESsure]:SLEW:MODE", Choice("MAXimum", "LINear"))
    def _set_slew_mode(self, module: int, mode: str) -> None:
        one = self._of(module)
        one.linear = mode == "LIN"
        one.change_rate()

    @scpi(":SOURce<2>[:PRESsure]:SLEW:MODE?")
    def _get_slew_mode(self, module: int) -> str:
        return "LIN" if self._of(module).linear else "MAX"

    @scpi(":SOURce<2>[:PRESsure]:SLEW:OVERshoot", Flag())
    def _set_overshoot(self, module: int, allowed: bool) -> None:
        one = self._of(module)
        if allowed != one.overshoot:
            one.overshoot = allowed
            one.change_rate()

    @scpi(":SOURce<2>[:PRESsure]:SLEW:OVERshoot?")
    def _get_overshoot(self, module: int) -> str:
        return str(int(self._of(module).overshoot))

    @scpi(":SOURce<2>[:PRESsure]:EFFort?")
    def _effort(self, module: int) -> str:
        return f"{self._of(module).effort():.7f}"

    @scpi(":SOURce<2>[:PRESsure]:COMPensate<2>?")
    def _source_pressure(self, module: int, source: int) -> str:
        """Return the supply's pressure: 10 % above full scale, or the vacuum."""
        one = self._of(module)
        return one.shown(1.1 * one.full_scale_pa if source == 1 else 500.0)

    @scpi(":OUTPut<2>[:STATe]", Flag())
    def _set_output(self, module: int, on: bool) -> None:
        self._of(module).switch(on)

    @scpi(":OUTPut<2>[:STATe]?")
    def _get_output(self, module: int) -> str:
        return str(int(self._of(module).on))

    @scpi(":OUTPut<2>:MODE", Choice("ACTive", "PASSive", "GAUGe"))
    def _set_mode(self, module: int, mode: str) -> None:
        one = self._of(module)
        if mode == "GAUG":
            raise self.not_modelled("OUTP:MODE GAUG")
        one.mode = mode  # passive leaves a line that does not leak where it is

    @scpi(":OUTPut<2>:MODE?")
    def _get_mode(self, module: int) -> str:
        return self._of(module).mode

    @scpi(":GTL")
    @scpi(":LOC")
    def _go_to_local(self) -> None:
        """The next command takes it to remote again."""
