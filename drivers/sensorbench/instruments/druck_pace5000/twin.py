"""Simulated Druck PACE5000 with one absolute module, and the line from it to the parts.

Source: Druck/GE PACE SCPI manual K0472 rev A; EPICS-Pace5000, pace5000.proto and its emulator;
OUTPut:MODE from public clients; names of the rarer units recalled. How far it overshoots is this
twin's own.
Not modelled: units of water columns, filter, tare and head correction, zeroing, volume, logic
contacts, user units, the switch-on setting, serial settings; they are refused and noted.
"""

from __future__ import annotations

from functools import partial
from typing import ClassVar

from sensorbench.core.quantity import components
from sensorbench.instruments.druck_pace5000.twin_status import PaceStatus
from sensorbench.protocols.scpi_device import scpi
from sensorbench.protocols.scpi_parameters import Choice, Flag, Limit, Number, Text, bounded
from sensorbench.protocols.scpi_status import ScpiError
from sensorbench.world.faults import Suffering
from sensorbench.world.fields import Field, Moving
from sensorbench.world.motion import Approach, Swing
from sensorbench.world.world import World

_UNITS = {
    "PA": 1.0, "HPA": 100.0, "KPA": 1000.0, "MPA": 1_000_000.0, "BAR": 100_000.0,
    "MBAR": 100.0, "PSI": 6894.757, "ATM": 101_325.0, "TORR": 101_325.0 / 760.0,
    "MMHG": 133.3224, "CMHG": 1333.224, "MHG": 133_322.4, "INHG": 3386.389,
}  # fmt: skip
# By temperature of the water there are several factors; the user's own are set at the panel.
_OTHER_UNITS = (
    *(f"{one}H2O{at}" for one in ("MM", "CM", "M", "IN", "FT") for at in ("", "4", "20", "60")),
    *(f"USER{number}" for number in range(1, 5)), "LBFT2", "KGCM2", "KGM2",
)  # fmt: skip


class SimDruckPace5000(PaceStatus):
    """A PACE5000 in a simulated world, class 0.01 %.

    The controller drives its own sensor to the setpoint, so the sensor's error (gain and offset,
    the unit's own, about 3 Pa together at 1 bar) is in the line. Switched off, it holds what is
    there. With overshoot allowed, as it is after *RST, it passes the setpoint by up to 6.7 % of
    the pressure that it makes in 0.8 s at its rate. `echo_headers=False` is firmware that does not
    repeat headers. A person at the panel sets a pressure a tenth lower (`setpoint_changed`), or
    switches to measure (`output_off`) or control (`output_on`); `terminator` is what the unit's
    serial set-up chose.
    """

    IDENTITY = "GE Druck,Pace5000 User Interface,{serial},02.00.07"
    SIBLING = ("Pace5000", "Pace1000")
    ERROR_FORMAT = '{code},"{text}"'
    ERROR_CAPACITY = 5
    FAULTS: ClassVar[tuple[str, ...]] = (
        "no_vent", "setpoint_changed", "output_off", "output_on", "identity", "silent",
    )  # fmt: skip
    OFFSET_SIGMA_PA: ClassVar[float] = 2.0
    GAIN_SIGMA: ClassVar[float] = 2e-5
    NOISE_PA: ClassVar[float] = 0.5
    SLOWEST_PA_PER_S: ClassVar[float] = 0.1
    FASTEST_PA_PER_S: ClassVar[float] = 10_000.0
    TAU_S: ClassVar[float] = 0.8

    terminators = (b"\r\n", b"\n", b"\r")

    def __init__(
        self,
        world: World,
        serial: str,
        *,
        full_scale_pa: float = 200_000.0,
        echo_headers: bool = True,
        terminator: bytes = b"\n",
    ) -> None:
        super().__init__(
            serial,
            fault=partial(world.fault_of, serial),
            beyond=world.beyond_of(serial),
            echo_headers=echo_headers,
        )
        self.reply_terminator = terminator
        self.full_scale_pa = full_scale_pa
        self._world, self._clock = world, world.clock
        self._ambient_pa = components(world.ambient_of("pressure"))[0]
        self._outlet = Moving(
            self._ambient_pa,
            fastest_up=self.FASTEST_PA_PER_S,
            tau_s=self.TAU_S,
            moves_before=world.changing,
            now=self._clock.now(),
            resolution=1.0,
        )
        self.drives: dict[str, Field] = {"pressure": self._outlet}
        self._offset_pa = self.OFFSET_SIGMA_PA * world.stream(serial, "offset").normal()
        self._gain = 1.0 + self.GAIN_SIGMA * world.stream(serial, "gain").normal()
        self._noise = world.stream(serial, "noise")
        self._suffering = Suffering(world, serial, self._suffer)
        self._settings()

    def _settings(self) -> None:
        self._unit, self._on, self._venting = "MBAR", False, False
        self._setpoint_pa = self._low_pa = 0.0
        self._slew_pa_per_s, self._linear, self._overshoot = self.FASTEST_PA_PER_S, False, True
        self._band_percent, self._in_limits_s, self._mode = 0.01, 2.0, "ACT"
        self._move, self._moved_at = (
            Approach(0.0, 0.0, self.FASTEST_PA_PER_S, 1.0),
            self._clock.now(),
        )

    def handle(self, line: bytes) -> bytes | None:
        """Carry out one message; what a person did at the panel is done by then."""
        self._suffering.catch_up()
        return super().handle(line)

    def _suffer(self, fault: str) -> None:
        if fault == "setpoint_changed":
            self._setpoint_pa *= 0.9
            if self._on:
                self._control()
        if fault == "output_off" and self._on:
            self._hold()
            self._on = False
        if fault == "output_on":
            self._on, self._venting = True, False
            self._control()

    def reset(self) -> None:
        self._hold()
        self._settings()
        self._look()

    def _pressure_condition(self) -> int:
        return int(self._vented()) | 4 * int(self._is_in_limits())

    def _line_pa(self) -> float:
        """Return the true pressure in the line."""
        return components(self._outlet.at(self._suffering.now_s))[0]

    def _reading_pa(self) -> float:
        noise = self.NOISE_PA * self._noise.normal(round(self._clock.now() * 1e6))
        return self._line_pa() * self._gain + self._offset_pa + noise

    def _control(self) -> None:
        """Move the line so that the sensor will read the setpoint."""
        self._look()
        target_pa = (self._setpoint_pa - self._offset_pa) / self._gain
        rate = self._slew_pa_per_s if self._linear else self.FASTEST_PA_PER_S
        now, start_pa = self._suffering.now_s, self._line_pa()
        self._outlet.go(target_pa, now, rate, overshoots=self._overshoot)
        kind = Swing if self._overshoot else Approach
        self._move, self._moved_at = kind(start_pa, target_pa, rate, self.TAU_S), now
        self._look()  # it left the limits: that it comes back is an event again

    def _hold(self) -> None:
        self._look()
        self._outlet.go(self._line_pa(), self._suffering.now_s)

    def _shown(self, value_pa: float) -> str:
        return f"{value_pa / _UNITS[self._unit]:.7f}"

    def _pascals(self, value: float | Limit, low_pa: float, high_pa: float) -> float:
        factor = _UNITS[self._unit]
        return bounded(value, low_pa / factor, high_pa / factor, low_pa / factor) * factor

    @scpi(":SYSTem:ERRor?")
    def _next_error(self) -> str:
        return super()._next_error()

    @scpi(":UNIT[:PRESsure]", Choice(*_UNITS, beyond=_OTHER_UNITS))
    def _set_unit(self, unit: str) -> None:
        self._unit = unit

    @scpi(":UNIT[:PRESsure]?")
    def _get_unit(self) -> str:
        return self._unit

    @scpi(":INSTrument:SENSor<1>:FULL?")
    def _full_scale(self, _sensor: int) -> str:
        return f"{self._shown(self.full_scale_pa)}, {self._shown(self._low_pa)}"

    @property
    def _range(self) -> str:
        """The name of the only range, that of its module."""
        return f"{self.full_scale_pa / 1e5:.2f}bara"

    @scpi(":INSTrument:LIMits<1>?")
    def _limits(self, sensor: int) -> str:
        return f'"{self._range}", {self._full_scale(sensor)}'

    @scpi(":INSTrument:CATalog?")
    @scpi(":INSTrument:CATalog:ALL?")
    def _catalogue(self) -> str:
        return f'"{self._range}"'

    @scpi(":INSTrument:SN?")
    def _serial(self) -> str:
        return self.serial

    @scpi(":SENSe<1>[:PRESsure]:RANGe", Text())
    @scpi(":SOURce<1>[:PRESsure]:RANGe", Text())
    def _set_range(self, _module: int, name: str) -> None:
        if name != self._range:  # letter by letter, as the manual says
            raise ScpiError(-222)
        self._pressure.event |= 2

    @scpi(":SENSe<1>[:PRESsure]:RANGe?")
    @scpi(":SOURce<1>[:PRESsure]:RANGe?")
    def _get_range(self, _module: int) -> str:
        return f'"{self._range}"'

    @scpi(":SENSe<1>[:PRESsure]:SLEW?")
    def _measured_slew(self, _module: int) -> str:
        """Return how much the pressure changed in the last 0.1 s."""
        before_pa = components(self._outlet.at(self._clock.now() - 0.1))[0]
        return self._shown((self._line_pa() - before_pa) / 0.1 * self._gain)

    @scpi(":SENSe<1>[:PRESsure]:BARometer?")
    def _barometer(self, _module: int) -> str:
        return self._shown(0.0)  # the option is not fitted

    @scpi(":SENSe<1>[:PRESsure]?")
    def _get_pressure(self, _module: int) -> str:
        return self._shown(self._reading_pa())

    @scpi(":SENSe<1>[:PRESsure]:INLimits?")
    def _in_limits(self, _module: int) -> str:
        return f"{self._shown(self._reading_pa())}, {int(self._is_in_limits())}"

    def _is_in_limits(self) -> bool:
        """Return whether it was in the band all the time: what is left only shrinks, or swings."""
        began = self._clock.now() - self._moved_at - self._in_limits_s
        if not self._on or began < 0:
            return False
        band_pa = self._band_percent / 100 * self.full_scale_pa
        moments = {began} | {began + self.TAU_S * step / 8 for step in range(1, 32)}
        since = min(began + self._in_limits_s, began + 4 * self.TAU_S)
        return all(
            abs(self._move.target - self._move.at(moment)) <= band_pa
            for moment in moments
            if moment <= since
        )

    @scpi(":SOURce<1>[:PRESsure]:INLimits", Number())
    def _set_band(self, _module: int, percent: float | Limit) -> None:
        self._look()
        self._band_percent = bounded(percent, 0.0, 100.0, 0.01)
        self._look()

    @scpi(":SOURce<1>[:PRESsure]:INLimits?")
    def _get_band(self, _module: int) -> str:
        return f"{self._band_percent:.7f}"

    @scpi(":SOURce<1>[:PRESsure]:INLimits:TIME", Number())
    def _set_in_limits_time(self, _module: int, seconds: float | Limit) -> None:
        self._look()
        self._in_limits_s = round(bounded(seconds, 2, 999, 2))
        self._look()

    @scpi(":SOURce<1>[:PRESsure]:INLimits:TIME?")
    def _get_in_limits_time(self, _module: int) -> str:
        return f"{self._in_limits_s:.0f}"

    @scpi(":SOURce<1>[:PRESsure][:LEVel][:IMMediate][:AMPLitude]", Number())
    def _set_setpoint(self, _module: int, setpoint: float | Limit) -> None:
        self._setpoint_pa = self._pascals(setpoint, self._low_pa, self.full_scale_pa)
        if self._on:
            self._control()

    @scpi(":SOURce<1>[:PRESsure][:LEVel][:IMMediate][:AMPLitude]?")
    def _get_setpoint(self, _module: int) -> str:
        return self._shown(self._setpoint_pa)

    @scpi(":SOURce<1>[:PRESsure][:LEVel][:IMMediate][:AMPLitude]:VENT", Number())
    def _set_vent(self, _module: int, start: float | Limit) -> None:
        self._look()
        if start not in {0, 1}:
            raise ScpiError(-222)
        if start:
            self._on, self._venting = False, self.fault() != "no_vent"
            aim_pa = self._ambient_pa if self._venting else self._line_pa()
            self._outlet.go(aim_pa, self._clock.now())
        elif self._venting:
            self._venting = False
            self._hold()
        self._look()

    @scpi(":SOURce<1>[:PRESsure][:LEVel][:IMMediate][:AMPLitude]:VENT?")
    def _get_vent(self, _module: int) -> str:
        if not self._venting:
            return "0"
        return "2" if self._vented() else "1"

    def _vented(self) -> bool:
        left_pa = abs(self._line_pa() - self._ambient_pa)
        return self._venting and left_pa <= 1e-4 * self.full_scale_pa

    @scpi(":SOURce<1>[:PRESsure]:SLEW", Number())
    def _set_slew(self, _module: int, slew: float | Limit) -> None:
        self._slew_pa_per_s = self._pascals(slew, self.SLOWEST_PA_PER_S, self.FASTEST_PA_PER_S)
        self._change_rate()

    @scpi(":SOURce<1>[:PRESsure]:SLEW?")
    def _get_slew(self, _module: int) -> str:
        return self._shown(self._slew_pa_per_s)

    @scpi(":SOURce<1>[:PRESsure]:SLEW:MODE", Choice("MAXimum", "LINear"))
    def _set_slew_mode(self, _module: int, mode: str) -> None:
        self._linear = mode == "LIN"
        self._change_rate()

    def _change_rate(self) -> None:
        if self._on:
            self._control()

    @scpi(":SOURce<1>[:PRESsure]:SLEW:MODE?")
    def _get_slew_mode(self, _module: int) -> str:
        return "LIN" if self._linear else "MAX"

    @scpi(":SOURce<1>[:PRESsure]:SLEW:OVERshoot", Flag())
    def _set_overshoot(self, _module: int, allowed: bool) -> None:
        if allowed != self._overshoot:
            self._overshoot = allowed
            self._change_rate()

    @scpi(":SOURce<1>[:PRESsure]:SLEW:OVERshoot?")
    def _get_overshoot(self, _module: int) -> str:
        return str(int(self._overshoot))

    @scpi(":SOURce<1>[:PRESsure]:EFFort?")
    def _effort(self, _module: int) -> str:
        """Percent of the valves' reach: what is left to go against 2 % of full scale."""
        if not self._on or (self._mode == "PASS" and self._is_in_limits()):
            return "0.0000000"
        left_pa = self._move.target - self._line_pa()
        return f"{max(-100.0, min(100.0, left_pa / (0.02 * self.full_scale_pa) * 100)):.7f}"

    @scpi(":SOURce<1>[:PRESsure]:COMPensate<2>?")
    def _source_pressure(self, _module: int, source: int) -> str:
        """Return the supply's pressure: 10 % above full scale, or the vacuum."""
        return self._shown(1.1 * self.full_scale_pa if source == 1 else 500.0)

    @scpi(":OUTPut<1>[:STATe]", Flag())
    def _set_output(self, _module: int, on: bool) -> None:
        self._look()
        if on:
            self._venting = False
            self._control()
        elif self._on:
            self._hold()
        self._on = on
        self._look()

    @scpi(":OUTPut<1>:MODE", Choice("ACTive", "PASSive", "GAUGe"))
    def _set_mode(self, _module: int, mode: str) -> None:
        if mode == "GAUG":
            raise self.not_modelled("OUTP:MODE GAUG")
        self._mode = mode  # passive leaves a line that does not leak where it is

    @scpi(":OUTPut<1>:MODE?")
    def _get_mode(self, _module: int) -> str:
        return self._mode

    @scpi(":GTL")
    @scpi(":LOC")
    def _go_to_local(self) -> None:
        """The next command takes it to remote again."""

    @scpi(":OUTPut<1>[:STATe]?")
    def _get_output(self, _module: int) -> str:
        return str(int(self._on))
