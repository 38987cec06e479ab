"""A module of the simulated PACE: its sensor, its valves, the line from it to the parts.

Sources: as `twin`. How far it overshoots is this twin's own.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from sensorbench.core.quantity import components
from sensorbench.protocols.scpi_parameters import Limit, bounded
from sensorbench.protocols.scpi_status import ScpiError
from sensorbench.world.faults import Suffering
from sensorbench.world.fields import Moving
from sensorbench.world.motion import Approach, Swing
from sensorbench.world.world import World

UNITS = {
    "PA": 1.0, "HPA": 100.0, "KPA": 1000.0, "MPA": 1_000_000.0, "BAR": 100_000.0,
    "MBAR": 100.0, "PSI": 6894.757, "ATM": 101_325.0, "TORR": 101_325.0 / 760.0,
    "MMHG": 133.3224, "CMHG": 1333.224, "MHG": 133_322.4, "INHG": 3386.389,
}  # fmt: skip
# By temperature of the water there are several factors; the user's own are set at the panel.
OTHER_UNITS = (
    *(f"{one}H2O{at}" for one in ("MM", "CM", "M", "IN", "FT") for at in ("", "4", "20", "60")),
    *(f"USER{number}" for number in range(1, 5)), "LBFT2", "KGCM2", "KGM2",
)  # fmt: skip


class PaceModule:
    """One absolute module, class 0.01 %: what is set of it, and where its line is.

    The controller drives its own sensor to the setpoint, so the sensor's error is in the line.
    `looks` is called before and after what may change the status registers.
    """

    OFFSET_SIGMA_PA: ClassVar[float] = 2.0
    GAIN_SIGMA: ClassVar[float] = 2e-5
    NOISE_PA: ClassVar[float] = 0.5
    SLOWEST_PA_PER_S: ClassVar[float] = 0.1
    FASTEST_PA_PER_S: ClassVar[float] = 10_000.0
    TAU_S: ClassVar[float] = 0.8

    def __init__(
        self,
        world: World,
        serial: str,
        number: int,
        full_scale_pa: float,
        suffering: Suffering,
        looks: Callable[[], None],
    ) -> None:
        self.full_scale_pa, self.low_pa = full_scale_pa, 0.0
        self._clock, self._suffering, self._looks = world.clock, suffering, looks
        self._ambient_pa = components(world.ambient_of("pressure"))[0]
        self.outlet = Moving(
            self._ambient_pa,
            fastest_up=self.FASTEST_PA_PER_S,
            tau_s=self.TAU_S,
            moves_before=world.changing,
            now=self._clock.now(),
            resolution=1.0,
        )
        which = "" if number == 1 else f" {number}"
        self._offset_pa = self.OFFSET_SIGMA_PA * world.stream(serial, f"offset{which}").normal()
        self._gain = 1.0 + self.GAIN_SIGMA * world.stream(serial, f"gain{which}").normal()
        self._noise = world.stream(serial, f"noise{which}")
        self.gauge = False
        self.take_defaults()

    def take_defaults(self) -> None:
        """Take the settings that *RST gives."""
        self.unit, self.on, self.venting = "MBAR", False, False
        self.setpoint_pa = 0.0
        self.slew_pa_per_s, self.linear, self.overshoot = self.FASTEST_PA_PER_S, False, True
        self.band_percent, self.in_limits_s, self.mode = 0.01, 2.0, "ACT"
        self._move, self._moved_at = (
            Approach(0.0, 0.0, self.FASTEST_PA_PER_S, 1.0),
            self._clock.now(),
        )

    def by_hand(self, fault: str) -> None:
        """Do what a person does at the panel."""
        if fault == "setpoint_changed":
            self.setpoint_pa *= 0.9
            if self.on:
                self.control()
        if fault == "output_off" and self.on:
            self.hold()
            self.on = False
        if fault == "output_on":
            self.on, self.venting = True, False
            self.control()

    # -- where its line is -----------------------------------------------------------------

    def line_pa(self) -> float:
        """Return the true pressure in the line."""
        return components(self.outlet.at(self._suffering.now_s))[0]

    def reading_pa(self) -> float:
        """Return what its sensor measures."""
        noise = self.NOISE_PA * self._noise.normal(round(self._clock.now() * 1e6))
        return self.line_pa() * self._gain + self._offset_pa + noise

    def slew_now(self) -> float:
        """Return how much the pressure changed in the last 0.1 s, Pa/s."""
        before_pa = components(self.outlet.at(self._clock.now() - 0.1))[0]
        return (self.line_pa() - before_pa) / 0.1 * self._gain

    def control(self) -> None:
        """Move the line so that the sensor will read the setpoint."""
        self._looks()
        target_pa = (self.setpoint_pa - self._offset_pa) / self._gain
        rate = self.slew_pa_per_s if self.linear else self.FASTEST_PA_PER_S
        now, start_pa = self._suffering.now_s, self.line_pa()
        self.outlet.go(target_pa, now, rate, overshoots=self.overshoot)
        kind = Swing if self.overshoot else Approach
        self._move, self._moved_at = kind(start_pa, target_pa, rate, self.TAU_S), now
        self._looks()  # it left the limits: that it comes back is an event again

    def hold(self) -> None:
        """Stay where the line is."""
        self._looks()
        self.outlet.go(self.line_pa(), self._suffering.now_s)

    def is_in_limits(self) -> bool:
        """Return whether it was in the band all the time: what is left only shrinks, or swings."""
        began = self._clock.now() - self._moved_at - self.in_limits_s
        if not self.on or began < 0:
            return False
        band_pa = self.band_percent / 100 * self.full_scale_pa
        moments = {began} | {began + self.TAU_S * step / 8 for step in range(1, 32)}
        since = min(began + self.in_limits_s, began + 4 * self.TAU_S)
        return all(
            abs(self._move.target - self._move.at(moment)) <= band_pa
            for moment in moments
            if moment <= since
        )

    def vented(self) -> bool:
        """Return whether a vent is complete."""
        left_pa = abs(self.line_pa() - self._ambient_pa)
        return self.venting and left_pa <= 1e-4 * self.full_scale_pa

    def effort(self) -> float:
        """Percent of the valves' reach: what is left to go against 2 % of full scale."""
        if not self.on or (self.mode == "PASS" and self.is_in_limits()):
            return 0.0
        left_pa = self._move.target - self.line_pa()
        return max(-100.0, min(100.0, left_pa / (0.02 * self.full_scale_pa) * 100))

    # -- what it is told -------------------------------------------------------------------

    @property
    def range_name(self) -> str:
        """Return the name of its only range."""
        return f"{self.full_scale_pa / 1e5:.2f}bar{'g' if self.gauge else 'a'}"

    def shown(self, value_pa: float) -> str:
        """Return a pressure in its unit."""
        return f"{value_pa / UNITS[self.unit]:.7f}"

    def pascals(self, value: float | Limit, low_pa: float, high_pa: float) -> float:
        """Return a number in its unit as Pa. Raises ScpiError beyond two ends."""
        factor = UNITS[self.unit]
        return bounded(value, low_pa / factor, high_pa / factor, low_pa / factor) * factor

    def switch(self, on: bool) -> None:
        """Control, or only measure."""
        self._looks()
        if on:
            self.venting = False
            self.control()
        elif self.on:
            self.hold()
        self.on = on
        self._looks()

    def vent(self, start: float | Limit, fails: bool) -> None:
        """Begin a vent, or end it where the line is then."""
        self._looks()
        if start not in {0, 1}:
            raise ScpiError(-222)
        if start:
            self.on, self.venting = False, not fails
            aim_pa = self._ambient_pa if self.venting else self.line_pa()
            self.outlet.go(aim_pa, self._clock.now())
        elif self.venting:
            self.venting = False
            self.hold()
        self._looks()

    def change_rate(self) -> None:
        """Go on with another rate."""
        if self.on:
            self.control()
