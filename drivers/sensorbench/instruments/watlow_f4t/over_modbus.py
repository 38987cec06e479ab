"""The F4T over Modbus: RTU on a serial line, Modbus/TCP on port 502. The rules are the driver's.

Sources: as `registers`.
"""

from __future__ import annotations

from functools import partial

from sensorbench.core.clock import Clock
from sensorbench.core.errors import (
    BenchError,
    InstrumentError,
    ProtocolError,
    SetpointError,
    WrongDevice,
)
from sensorbench.core.provenance import Identity
from sensorbench.instruments.telling import Held, OfItsOwn, Told
from sensorbench.instruments.watlow_f4t import registers as f4t
from sensorbench.instruments.watlow_f4t.face import HUMIDITY, TEMPERATURE, checked_unit, scale_of
from sensorbench.links.line import FrameLine
from sensorbench.protocols.modbus import Register, Words, decode, encode
from sensorbench.protocols.modbus_client import ModbusClient

_NO_REGISTER = 2
_STOPS_S, _LOOKS_S = 5.0, 0.5
_WORDS = ("low first", "high first")


class OverModbus:
    """What the driver asks of an F4T, by its registers."""

    def __init__(
        self,
        line: FrameLine,
        clock: Clock,
        address: int,
        words: Words,
        units: str | None,
        power_event: int | None,
    ) -> None:
        if words not in _WORDS:
            raise ValueError(f"words = {words!r} is not allowed; allowed: {', '.join(_WORDS)}")
        self.name = line.name
        self._clock = clock
        self._modbus = ModbusClient(line, address, words=words)
        self._units = f4t.UNITS_TCP if line.medium == "tcp" else f4t.UNITS_SERIAL
        self._declared = None if units is None else f"deg{units}"
        self._power = None if power_event is None else f4t.EVENTS[power_event - 1]
        self._is_order_known = False

    def identify(self) -> Identity:
        """Read part number, serial number and firmware. Raises WrongDevice for another device.

        Raises ProtocolError where the order of words is not the controller's.
        """
        try:
            part_number = self._part_number()
            firmware, serial = self._modbus.read_many([f4t.SOFTWARE, f4t.SERIAL])
        except InstrumentError as error:
            raise WrongDevice(f"{self.name}: no F4T, which has a part number: {error}") from error
        if not part_number.startswith("F4T"):
            raise WrongDevice(
                f"{self.name}: part number {part_number!r} is no F4T's; is this the right address?"
            )
        self._limits(TEMPERATURE)
        return Identity("Watlow", "F4T", f"{serial:.0f}", f"{firmware:.0f}")

    # -- temperature -----------------------------------------------------------------------

    def foresee(self, loop: int) -> None:
        """Nothing is known beforehand."""

    def go_temperature(self, target_c: float, rate: float | None) -> float:
        """Go to a temperature, K/s."""
        end_c = round(target_c, 2)
        there = self._ready(TEMPERATURE, self._shown(end_c))
        # First no ramp: the old one would begin with what is set next.
        self._set(f4t.RAMP_ACTION, TEMPERATURE, f4t.OFF)
        if rate is not None:
            self._ramp_from_here(rate)
        self._set(f4t.SET_POINT, TEMPERATURE, there)
        self._control(TEMPERATURE)
        return end_c

    def read_temperature(self) -> float:
        """Return degC."""
        return self._celsius(self._read(f4t.MEASURED, TEMPERATURE))

    def told_temperature(self) -> Told:
        """Return the set point, where a ramp ends; None while the loop is off."""
        told = self._told(TEMPERATURE)
        return Held(round(self._celsius(told), 4)) if isinstance(told, float) else told

    def _ramp_from_here(self, rate: float) -> None:
        """Let the next set point be reached by a ramp from the present temperature, K/s."""
        lowest, highest = self._limits(TEMPERATURE)
        here = self._read(f4t.MEASURED, TEMPERATURE)
        self._set(f4t.SET_POINT, TEMPERATURE, min(highest, max(lowest, here)))
        self._set(f4t.MODE, TEMPERATURE, f4t.AUTO)
        self._set(f4t.RAMP_SCALE, TEMPERATURE, f4t.MINUTES)
        factor, _ = self._scale()
        self._set(f4t.RAMP_RATE, TEMPERATURE, rate * 60.0 / factor)
        self._set(f4t.RAMP_ACTION, TEMPERATURE, f4t.ON_SET_POINT)

    # -- humidity --------------------------------------------------------------------------

    def go_humidity(self, target: float) -> float:
        """Control the air to a tenth of %RH."""
        percent = round(target, 1)
        self._ready(HUMIDITY, percent)
        self._set(f4t.RAMP_ACTION, HUMIDITY, f4t.OFF)
        self._set(f4t.SET_POINT, HUMIDITY, percent)
        self._control(HUMIDITY)
        return percent

    def read_humidity(self) -> float:
        """Return %RH."""
        return self._read(f4t.MEASURED, HUMIDITY)

    def release_humidity(self) -> None:
        """Switch its loop off."""
        self._stop_profile()
        self._set(f4t.MODE, HUMIDITY, f4t.OFF)

    def told_humidity(self) -> Told:
        """Return the set point in %RH; None while the loop is off."""
        told = self._told(HUMIDITY)
        return Held(round(told, 4)) if isinstance(told, float) else told

    # -- the whole chamber -----------------------------------------------------------------

    def read_alarms(self) -> tuple[str, ...]:
        """Return the active alarms, and a controller that says it failed."""
        count = f4t.ALARMS_BY_OPTION.get(self._part_number()[6:7], 6)
        found = []
        for alarm in range(count):
            address = f4t.ALARM_STATE.address + alarm * f4t.PER_ALARM
            state = self._modbus.read_code(f4t.ALARM_STATE.at(address))
            if state not in f4t.NO_ALARM:
                found.append(f"alarm {alarm + 1} ({f4t.ALARMS.get(state, f'state {state}')})")
        status = self._modbus.read_code(f4t.STATUS)
        return (*found, *(() if status == f4t.STATUS_OK else (f"device status {status}",)))

    def make_safe(self) -> None:
        """Terminate a profile, switch both loops and the power event off, and see that they are.

        All of it is tried, whatever fails; then raises the first error, InstrumentError if the
        controller went on.
        """
        failed: list[BenchError] = []
        for act in (
            self._stop_profile,
            partial(self._switch_off, TEMPERATURE),
            partial(self._switch_off, HUMIDITY),
            self._power_off,
        ):
            try:
                act()
            except BenchError as error:
                failed.append(error)
        if failed:
            raise failed[0]

    def _switch_off(self, loop: int) -> None:
        try:
            self._set(f4t.MODE, loop, f4t.OFF)
            active = self._modbus.read_code(f4t.of_loop(f4t.ACTIVE_MODE, loop))
        except InstrumentError as refused:
            if loop == HUMIDITY and refused.code == _NO_REGISTER:
                return  # it has no second loop
            raise
        if active != f4t.OFF:
            raise InstrumentError(
                f"control mode off of loop {loop}", active, "it still controls; stop it at the "
                "panel", self.name,
            )  # fmt: skip

    def _power_off(self) -> None:
        if self._power is not None:
            self._put(self._power, f4t.OFF)

    # --------------------------------------------------------------------------------------

    def _part_number(self) -> str:
        return self._modbus.read_text(f4t.PART_NUMBER, f4t.PART_NUMBER_LENGTH)

    def _read(self, register: Register, loop: int) -> float:
        if not self._is_order_known:
            self._limits(loop)
        return self._modbus.read(f4t.of_loop(register, loop))

    def _limits(self, loop: int) -> tuple[float, float]:
        """Return the set point limits, in the controller's unit; they tell the order of words.

        Raises ProtocolError for limits that can't be: a wrong order makes nearly 0 of most.
        """
        registers = [f4t.of_loop(end, loop) for end in (f4t.LOWEST, f4t.HIGHEST)]
        lowest, highest = self._modbus.read_many(registers)
        is_odd = any(end and not 1e-3 < abs(end) < 1e5 for end in (lowest, highest))
        if is_odd or not lowest < highest:
            raise ProtocolError(
                f"{self.name}: set point limits of loop {loop} are {lowest:g} and {highest:g}: is "
                "the word order that of the controller? See Modbus Word Order at its panel, and "
                'write words = "high first" or "low first" in station.toml'
            )
        self._is_order_known = True
        return lowest, highest

    def _scale(self) -> tuple[float, float]:
        """Return factor and offset that make degC of what the controller gives now."""
        found: str | None = None
        try:
            code = self._modbus.read_code(self._units)
        except InstrumentError as refused:
            if refused.code != _NO_REGISTER:
                raise
        else:
            found = f4t.UNITS.get(code)
            if found is None:
                raise ProtocolError(f"{self.name}: the unit of temperatures is {code}, not C or F")
        if found is None and self._declared is None:
            raise ProtocolError(
                f"{self.name}: this firmware does not tell the unit of its temperatures, and old "
                "ones give Fahrenheit whatever the panel shows. Compare a reading with the panel, "
                'and write units = "F" or units = "C" in station.toml'
            )
        return scale_of(checked_unit(self.name, found, self._declared))

    def _celsius(self, shown: float) -> float:
        factor, offset = self._scale()
        return shown * factor + offset

    def _shown(self, celsius: float) -> float:
        factor, offset = self._scale()
        return (celsius - offset) / factor

    def _ready(self, loop: int, value: float) -> float:
        """Refuse what lies beyond the controller's limits, then end a profile; return the value."""
        lowest, highest = self._limits(loop)
        if not lowest <= value <= highest:
            raise SetpointError(
                f"{self.name}: {value:g} is beyond the controller's own set point limits of loop "
                f"{loop}, {lowest:g} to {highest:g} in its unit. Nothing was sent"
            )
        self._stop_profile()
        return value

    def _control(self, loop: int) -> None:
        """Switch a loop on, and see that it controls."""
        self._set(f4t.MODE, loop, f4t.AUTO)
        if self._power is not None:
            self._put(self._power, f4t.ON)
        active = self._modbus.read_code(f4t.of_loop(f4t.ACTIVE_MODE, loop))
        if active != f4t.AUTO:
            raise InstrumentError(
                f"control mode auto of loop {loop}", active, "it does not control: look for alarms "
                "at the panel", self.name,
            )  # fmt: skip

    def _set(self, register: Register, loop: int, value: float) -> None:
        self._put(f4t.of_loop(register, loop), value)

    def _put(self, register: Register, value: float) -> None:
        """Write a setting unless it is there, and read it back."""
        if self._modbus.read(register) == decode(register, encode(register, value)):
            return
        sent = self._modbus.write(register, value)
        held = self._modbus.read(register)
        if held != sent:
            raise InstrumentError(
                f"write {sent:g} to {register}", f"{held:g}", "it holds that instead: is it locked "
                "at the panel?", self.name,
            )  # fmt: skip

    def _stop_profile(self) -> None:
        if not self._runs_a_profile():
            return
        self._modbus.write(f4t.PROFILE_STOP, f4t.TERMINATE)
        until_s = self._clock.now() + _STOPS_S
        while self._runs_a_profile():
            if self._clock.now() >= until_s:
                raise InstrumentError(
                    "terminate the profile", f4t.TERMINATE, "it still runs; stop it at the panel",
                    self.name,
                )  # fmt: skip
            self._clock.sleep(_LOOKS_S)

    def _runs_a_profile(self) -> bool:
        return self._modbus.read_code(f4t.PROFILE_STATE) in (f4t.RUNNING, f4t.PAUSED)

    def _told(self, loop: int) -> float | Told:
        """Return a loop's set point in the controller's unit, or what it does otherwise."""
        if self._runs_a_profile():
            return OfItsOwn("a profile that was started at the controller")
        if self._power is not None and self._modbus.read_code(self._power) != f4t.ON:
            return None
        active = self._modbus.read_code(f4t.of_loop(f4t.ACTIVE_MODE, loop))
        if active == f4t.AUTO:
            return self._read(f4t.SET_POINT, loop)
        if active == f4t.OFF:
            return None
        return OfItsOwn(f"control mode {active}: an output that was set by hand")
