"""The bench around the DUTs during a run: setpoints, soaks, the log and its interlocks.

All waiting of a run is `Bench.wait`, which serves the log while time passes.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from typing import TypeVar

import numpy as np

from sensorbench.assessment.readings import LOG
from sensorbench.core.errors import TransportError
from sensorbench.core.units import show_duration
from sensorbench.evidence.run import RunWriter
from sensorbench.profiles.schedule import SetPressure, SetSupply, SetTemperature
from sensorbench.safety.interlocks import SafetyStop, tripped
from sensorbench.station.station import Station

T = TypeVar("T")

_SUPPLY_SETTLES_S = 0.1
_TEMPERATURE_POLL_S = 10.0
_PRESSURE_POLL_S = 1.0


class Bench:
    """The instruments in their roles, and the record of what they did.

    `unsettled` holds, by quantity, the last soak that did not reach its setpoint; `values` are the
    last readings in words. `on_log` is called after every log entry.
    """

    def __init__(
        self,
        station: Station,
        evidence: RunWriter,
        log_interval_s: float,
        on_log: Callable[[], None],
    ) -> None:
        self._clock = station.clock
        self._limits = station.file.limits
        self._evidence = evidence
        self._interval_s = log_interval_s
        self._next_log_s = math.inf
        self._on_log = on_log
        self._chamber = station.role("temperature_chamber")
        self._pressure = station.role("pressure_source")
        self._supply = station.role("supply")
        self._thermometer = station.role("reference_thermometer")
        self.unsettled: dict[str, str] = {}
        self.values: dict[str, str] = {}

    # -- setpoints -------------------------------------------------------------------------

    def set_supply(self, action: SetSupply) -> None:
        """Feed the DUTs, or switch their supply off, and let it settle."""
        if action.voltage_v > 0:
            self._supply.set_voltage(action.voltage_v, action.current_limit_a)
        self._supply.switch(action.voltage_v > 0)
        self.wait(_SUPPLY_SETTLES_S)

    def set_temperature(self, action: SetTemperature) -> None:
        """Send the chamber to its setpoint and soak."""
        self._chamber.set_temperature(action.target_c, action.ramp_k_per_s)
        body: deque[tuple[float, float]] = deque()

        def settled() -> bool:
            """Air within the band, and the reference beside the DUTs no longer moving."""
            if abs(self._ask(self._chamber.read_temperature_c) - action.target_c) > action.within_k:
                return False
            if self._thermometer is None:
                return True
            now_s = self._clock.now()
            body.append((now_s, self._ask(self._thermometer.read_temperature_c)))
            while body[0][0] < now_s - action.for_s:
                body.popleft()
            values = [value for _, value in body]
            return max(values) - min(values) <= action.within_k

        what = f"temperature {action.target_c:g} degC within {action.within_k:g} K"
        self._soak("temperature", what, settled, action, _TEMPERATURE_POLL_S)

    def set_pressure(self, action: SetPressure) -> None:
        """Send the pressure source to its setpoint and soak."""
        self._pressure.set_pressure(action.target_pa)

        def settled() -> bool:
            found_pa = self._ask(self._pressure.read_pressure_pa)
            return bool(abs(found_pa - action.target_pa) <= action.within_pa)

        what = f"pressure {action.target_pa:g} Pa within {action.within_pa:g} Pa"
        self._soak("pressure", what, settled, action, _PRESSURE_POLL_S)

    def vent(self) -> None:
        """Open the pressure line to the room."""
        self._pressure.vent()

    def _soak(
        self,
        quantity: str,
        what: str,
        is_settled: Callable[[], bool],
        action: SetTemperature | SetPressure,
        poll_s: float,
    ) -> None:
        """Wait until `is_settled` has held for the soak's time, or its time-out."""
        start_s = self._clock.now()
        inside_since_s = math.inf
        while True:
            now_s = self._clock.now()
            inside_since_s = min(inside_since_s, now_s) if is_settled() else math.inf
            held = now_s - inside_since_s >= action.for_s
            if held or now_s - start_s >= action.timeout_s:
                break
            self.wait(poll_s)
        self.unsettled.pop(quantity, None)
        if not held:
            took = show_duration(action.timeout_s)
            self.unsettled[quantity] = f"{what} was not reached in {took}"
        self._evidence.append(
            "soak",
            {"what": what, "settled": held, "took_s": round(self._clock.now() - start_s, 6)},
        )

    # -- readings --------------------------------------------------------------------------

    def references(self) -> tuple[float, float, float, float]:
        """Return pressure, temperature beside the DUTs, chamber air and supply; NaN if none.

        In Pa, degC, degC and V. Without a thermometer the chamber's air stands for it.
        """
        ask, thermometer = self._ask, self._thermometer
        chamber_c = ask(self._chamber.read_temperature_c)
        return (
            ask(self._pressure.read_pressure_pa) if self._pressure else math.nan,
            ask(thermometer.read_temperature_c) if thermometer else chamber_c,
            chamber_c,
            ask(self._supply.read_voltage_v),
        )

    def _ask(self, read: Callable[[], T]) -> T:
        """Read, and once again if the bytes did not travel; that is put on record."""
        try:
            return read()
        except TransportError as error:
            self._evidence.append("retry", {"reason": str(error)})
            return read()

    # -- waiting ---------------------------------------------------------------------------

    def start_log(self) -> None:
        """Log now, and from now on."""
        self._next_log_s = self._clock.now()
        self.serve()

    def wait(self, seconds: float) -> None:
        """Let time pass, and serve the log whenever it is due."""
        end_s = self._clock.now() + seconds
        while self._next_log_s <= end_s:
            self._clock.sleep(self._next_log_s - self._clock.now())
            self.log()
        self._clock.sleep(end_s - self._clock.now())

    def serve(self) -> None:
        """Log if it is due: work that took long may have gone past it."""
        if self._clock.now() >= self._next_log_s:
            self.log()

    def log(self) -> None:
        """Record the bench and check its interlocks. Raises SafetyStop."""
        now_s = self._clock.now()
        self._next_log_s = now_s + self._interval_s
        pressure_pa, temperature_c, chamber_c, supply_v = self.references()
        row = (
            now_s,
            self._ask(self._chamber.read_setpoint_c),
            chamber_c,
            temperature_c,
            pressure_pa,
            supply_v,
            self._ask(self._supply.read_current_a),
        )
        self._evidence.append("log", {}, {LOG: np.array([row])})
        self._evidence.commit_soon()
        self.values |= {"chamber": f"{chamber_c:.1f} degC", "supply": f"{supply_v:.2f} V"}
        if self._pressure:
            self.values["pressure"] = f"{pressure_pa / 1e3:.2f} kPa"
        self._on_log()
        alarms = self._ask(self._chamber.read_alarms)
        trip = tripped(self._limits, chamber_c, pressure_pa, supply_v, alarms)
        if trip:
            raise SafetyStop(trip)
