"""A simulated PP1, written from docs/devices/pressure_pulser.md and from nothing else."""

from __future__ import annotations

import math
from contextlib import suppress
from functools import partial
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from sensorbench.core.quantity import components
from sensorbench.protocols.scpi_device import ScpiDevice, scpi
from sensorbench.protocols.scpi_parameters import Choice, Flag, Limit, Number, bounded
from sensorbench.protocols.scpi_status import ScpiError
from sensorbench.world.faults import Suffering
from sensorbench.world.fields import Driven, Field, Moving, Times, Wave
from sensorbench.world.world import World

_FULL_SCALE_PA = 1e6
_VALVE_TAU_S, _VENT_TAU_S = 0.020, 0.1
_VALVE_PA_PER_S = 50e6
_SLEW_PA_PER_S = (10.0, 1e6)
_PERIOD_S = (0.2, 1000.0)
_LEVEL_PA = (120e3, 1.1e6)
_RESET_PA = 101_325.0
_OVER_PA = 1e3
_VENTED_PA = 500.0
_CONFLICT = -221


class Pulse(Wave):
    """A wave as the outlet has it: with the valve's edges, beginning where the pressure was."""

    def __init__(
        self, low: float, high: float, period_s: float, shape: str, since: float, before: float
    ) -> None:
        super().__init__(low, high, period_s, shape, since)
        self._square = shape != "sine"
        self._began = since
        self._jump = 0.0
        self._jump = before - components(self.at(since))[0]

    def sample(self, times: Times) -> npt.NDArray[np.float64]:
        elapsed = np.asarray(times, dtype=np.float64) - self._began
        found = self._steady(elapsed) if self._square else super().sample(times)
        return found + self._jump * np.exp(-np.maximum(elapsed, 0.0) / _VALVE_TAU_S)

    def _steady(self, elapsed: Times) -> npt.NDArray[np.float64]:
        """Return the square wave after many periods: each half is the end of a step."""
        half_s = self.period_s / 2
        phase = np.mod(elapsed, self.period_s)
        jump = (self.high - self.low) / (1 + math.exp(-half_s / _VALVE_TAU_S))
        left = jump * np.exp(-np.mod(phase, half_s) / _VALVE_TAU_S)
        return np.where(phase < half_s, self.high - left, self.low + left)


class SimPressurePulser(ScpiDevice):
    """A PP1 in a simulated world; its outlet is the field `pressure`.

    The valve drives the unit's own sensor to the setpoint, so that the sensor's gain and offset are
    in the outlet. A person at the panel sets a pressure a tenth lower, which ends a wave
    (`setpoint_changed`), or closes or opens the valve (`output_off`, `output_on`). Volumes, supply,
    pump and the gas's heat are not modelled.
    """

    IDENTITY = "sensorbench,PP1,{serial},1.0"
    SIBLING = ("PP1", "PP2")
    FAULTS: ClassVar[tuple[str, ...]] = (
        "no_vent", "trip", "setpoint_changed", "output_off", "output_on", "identity", "silent",
    )  # fmt: skip

    def __init__(self, world: World, serial: str) -> None:
        super().__init__(
            serial, fault=partial(world.fault_of, serial), beyond=world.beyond_of(serial)
        )
        self._world, self._clock = world, world.clock
        self._ambient_pa = components(world.ambient_of("pressure"))[0]
        self._gain = 1.0 + 2.5e-5 * world.stream(serial, "gain").normal()
        self._offset_pa = 15.0 * world.stream(serial, "offset").normal()
        self._noise = world.stream(serial, "noise")
        self._suffering = Suffering(world, serial, self._suffer)
        self._outlet = Driven(self._still(self._ambient_pa))
        self.drives: dict[str, Field] = {"pressure": self._outlet}
        self._level_pa, self._tripped = _LEVEL_PA[1], False
        self._settings()

    def _settings(self) -> None:
        self._on, self._venting = False, False
        self._setpoint_pa, self._slew = _RESET_PA, math.inf
        self._wave: tuple[str, float, float, float] | None = None

    def reset(self) -> None:
        self._settings()
        self._close()

    def handle(self, line: bytes) -> bytes | None:
        """Carry out one message; what a fault does by itself it has done by then."""
        self._suffering.catch_up()
        return super().handle(line)

    def _suffer(self, fault: str) -> None:
        if fault == "trip" and not self._tripped:
            self._trip()
        if fault == "setpoint_changed":
            self._setpoint_pa, self._wave = 0.9 * self._highest_pa(), None
            if self._on:
                self._follow()
        if fault in {"output_off", "output_on"}:
            with suppress(ScpiError):  # the panel refuses as the line does
                self._switch(on=fault == "output_on")

    # -- the outlet ------------------------------------------------------------------------

    def _outlet_pa(self) -> float:
        return components(self._outlet.at(self._suffering.now_s))[0]

    def _measured_pa(self) -> float:
        noise_pa = 5.0 * self._noise.normal(round(self._clock.now() * 1e6))
        return self._outlet_pa() * self._gain + self._offset_pa + noise_pa

    def _true_pa(self, wanted_pa: float) -> float:
        """Return the pressure at which the sensor reads `wanted_pa`; nothing is below vacuum."""
        return max(0.0, (wanted_pa - self._offset_pa) / self._gain)

    def _still(self, pressure_pa: float) -> Moving:
        return Moving(
            pressure_pa,
            fastest_up=_VALVE_PA_PER_S,
            tau_s=_VALVE_TAU_S,
            moves_before=self._world.changing,
            now=self._suffering.now_s,
            resolution=1.0,
        )

    def _move(self, target_pa: float, rate: float = _VALVE_PA_PER_S, tau_s: float = 0.0) -> None:
        now = self._suffering.now_s
        moving = self._outlet.field
        if not isinstance(moving, Moving):
            self._world.changing()
            moving = self._outlet.field = self._still(self._outlet_pa())
        moving.go(target_pa, now, rate, tau_s or None)

    def _follow(self) -> None:
        """Let the valve follow what is set."""
        if self._wave is None:
            self._move(self._true_pa(self._setpoint_pa), min(self._slew, _VALVE_PA_PER_S))
            return
        shape, low_pa, high_pa, period_s = self._wave
        self._world.changing()
        self._outlet.field = Pulse(
            self._true_pa(low_pa),
            self._true_pa(high_pa),
            period_s,
            "sine" if shape == "SIN" else "square",
            self._suffering.now_s,
            self._outlet_pa(),
        )

    def _close(self) -> None:
        self._move(self._outlet_pa())

    def _vent(self) -> None:
        self._on, self._venting = False, self.fault() != "no_vent"
        if self._venting:
            self._move(self._ambient_pa, tau_s=_VENT_TAU_S)
        else:
            self._close()

    def _trip(self) -> None:
        self._tripped = True
        self._vent()

    def _highest_pa(self) -> float:
        """Return where setpoint or wave lead to."""
        return self._wave[2] if self._wave else self._setpoint_pa

    # -- the wire --------------------------------------------------------------------------

    @scpi(":SOURce:PRESsure[:LEVel]", Number("PA"))
    def _set_pressure(self, pressure: float | Limit) -> None:
        wanted_pa = bounded(pressure, 0.0, _FULL_SCALE_PA, _RESET_PA)
        if wanted_pa > self._level_pa:
            raise ScpiError(_CONFLICT)
        self._setpoint_pa, self._wave = wanted_pa, None
        if self._on:
            self._follow()

    @scpi(":SOURce:PRESsure[:LEVel]?")
    def _get_pressure(self) -> str:
        return _number(self._setpoint_pa)

    @scpi(":SOURce:PRESsure:SLEW", Number())
    def _set_slew(self, slew: float | Limit) -> None:
        self._slew = math.inf if slew is Limit.MAX else bounded(slew, *_SLEW_PA_PER_S, math.inf)

    @scpi(":SOURce:PRESsure:SLEW?")
    def _get_slew(self) -> str:
        return "MAX" if math.isinf(self._slew) else _number(self._slew)

    @scpi(
        ":SOURce:PRESsure:WAVE", Choice("SQUare", "SINusoid"), Number("PA"), Number("PA"),
        Number("S"),
    )  # fmt: skip
    def _set_wave(
        self, shape: str, low: float | Limit, high: float | Limit, period: float | Limit
    ) -> None:
        low_pa = bounded(low, 0.0, _FULL_SCALE_PA, 0.0)
        high_pa = bounded(high, 0.0, _FULL_SCALE_PA, _FULL_SCALE_PA)
        period_s = bounded(period, *_PERIOD_S, 2.0)
        if not low_pa < high_pa <= self._level_pa:
            raise ScpiError(_CONFLICT)
        self._wave = (shape, low_pa, high_pa, period_s)
        if self._on:
            self._follow()

    @scpi(":SOURce:PRESsure:WAVE?")
    def _get_wave(self) -> str:
        if self._wave is None:
            return "NONE"
        shape, *numbers = self._wave
        return ",".join([shape, *map(_number, numbers)])

    @scpi(":SOURce:PRESsure:PROTection[:LEVel]", Number("PA"))
    def _set_protection(self, level: float | Limit) -> None:
        self._level_pa = bounded(level, *_LEVEL_PA, _LEVEL_PA[1])
        leads_above = self._on and self._highest_pa() > self._level_pa
        if leads_above or self._measured_pa() > self._level_pa + _OVER_PA:
            self._trip()

    @scpi(":SOURce:PRESsure:PROTection[:LEVel]?")
    def _get_protection(self) -> str:
        return _number(self._level_pa)

    @scpi(":SOURce:PRESsure:PROTection:TRIPped?")
    def _is_tripped(self) -> str:
        return str(int(self._tripped))

    @scpi(":SOURce:PRESsure:PROTection:CLEar")
    def _clear(self) -> None:
        if self.fault() == "trip" or self._measured_pa() > self._level_pa:
            raise ScpiError(_CONFLICT)
        self._tripped = False

    @scpi(":OUTPut[:STATe]", Flag())
    def _switch(self, on: bool) -> None:
        if on and (self._tripped or self._highest_pa() > self._level_pa):
            raise ScpiError(_CONFLICT)
        # While it is on it goes on as it was: a wave does not begin anew.
        if on and not self._on:
            self._follow()
        elif not on and (self._on or self._venting):
            self._close()
        self._on, self._venting = on, False

    @scpi(":OUTPut[:STATe]?")
    def _is_on(self) -> str:
        return str(int(self._on))

    @scpi(":OUTPut:VENT")
    def _start_vent(self) -> None:
        self._vent()

    @scpi(":OUTPut:VENT?")
    def _vent_status(self) -> str:
        if not self._venting:
            return "0"
        return "2" if abs(self._outlet_pa() - self._ambient_pa) <= _VENTED_PA else "1"

    @scpi(":MEASure:PRESsure?")
    def _measure(self) -> str:
        return _number(self._measured_pa())


def _number(value: float) -> str:
    return f"{value:.6E}"
