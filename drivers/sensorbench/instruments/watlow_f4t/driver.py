"""Watlow F4T, the controller of many temperature and humidity chambers, over Modbus.

RTU on a serial line, Modbus/TCP on port 502. Loop 1 is temperature, loop 2 humidity. The rules:
- Temperatures are in the unit that the controller's Modbus is set to, which is asked each time. Old
  firmware can't be asked, and may give Fahrenheit whatever the panel shows: there `units` must say.
- The order of words (`words`) is a setting of the controller. A wrong one turns 23.4 into nearly 0:
  it is told by the set point limits, before the first reading and before anything is set.
- A setting that is there already is not written again: it is kept through power cycles. What is
  written is read back.
- A ramp is the controller's own, from the present temperature. A profile that runs is terminated
  before anything is set, and told as the controller's own.
- A chamber whose power is an event of the controller needs `power_event`.
Limit controllers beside it are the chamber's own protection: they are neither read nor set here.
Sources: as `registers`. Recalled: 30 ms between exchanges, as ChamberConnectLibrary waits; that a
set point is kept through power cycles.
"""

from __future__ import annotations

from functools import partial
from typing import ClassVar, Literal

from sensorbench.core.clock import Clock
from sensorbench.core.errors import (
    BenchError,
    InstrumentError,
    ProtocolError,
    SetpointError,
    WrongDevice,
)
from sensorbench.core.provenance import Identity
from sensorbench.core.quantity import HUMIDITY, TEMPERATURE, Value
from sensorbench.core.units import Dimension
from sensorbench.instruments.members import number, setpoint
from sensorbench.instruments.telling import Held, OfItsOwn, Told
from sensorbench.instruments.watlow_f4t import registers as f4t
from sensorbench.links.line import FrameLine, LineSettings
from sensorbench.protocols.modbus import Register, Words, decode, encode
from sensorbench.protocols.modbus_client import ModbusClient

_TEMPERATURE, _HUMIDITY = 1, 2
_NO_REGISTER = 2
_STOPS_S, _LOOKS_S = 5.0, 0.5
_WORDS = ("low first", "high first")


class WatlowF4t:
    """Chamber of -75 to 180 degC air temperature, with humidity control where it is fitted.

    The controller's own set point limits, which the chamber's maker set, hold within that.
    """

    LINE: ClassVar[LineSettings] = LineSettings(
        write_terminator="", read_terminator="", timeout_s=1.0, baud_rate=38400, tcp_port=502,
        pause_s=0.03,
    )  # fmt: skip

    # Those of a common chamber (recalled): the controller itself does not know its chamber.
    temperature = setpoint["WatlowF4t"](
        TEMPERATURE, rated=(-75.0, 180.0), fastest=5.0 / 60, planned=3.0 / 60, settling_s=1200.0,
        resolution=0.01, accuracy=0.5, steady=0.2,
    )  # fmt: skip
    humidity = setpoint["WatlowF4t"](
        HUMIDITY, rated=(20.0, 98.0), planned=3.0 / 60, settling_s=1200.0, resolution=0.1,
        accuracy=2.5, steady=1.0,
    )  # fmt: skip

    def __init__(
        self,
        line: FrameLine,
        clock: Clock,
        *,
        address: int = 1,
        words: Words = "low first",
        units: Literal["C", "F"] | None = None,
        power_event: int | None = None,
    ) -> None:
        if words not in _WORDS:
            raise ValueError(f"words = {words!r} is not allowed; allowed: {', '.join(_WORDS)}")
        if units not in {None, "C", "F"}:
            raise ValueError(f"units = {units!r} is not allowed; allowed: C, F")
        if power_event not in {None, *range(1, len(f4t.EVENTS) + 1)}:
            raise ValueError(f"power_event = {power_event!r}: events are 1 to {len(f4t.EVENTS)}")
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
        self._limits(_TEMPERATURE)
        return Identity("Watlow", "F4T", f"{serial:.0f}", f"{firmware:.0f}")

    # -- temperature -----------------------------------------------------------------------

    @temperature.go
    def _(self, target: Value, rate: float | None, limit: float | None) -> float:  # noqa: ARG002
        """Go there as fast as the chamber can, or no faster than the rate.

        Returns once the controller has accepted it, not reached it.
        """
        end_c = round(number(target), 2)
        there = self._ready(_TEMPERATURE, self._shown(end_c))
        # First no ramp: the old one would begin with what is set next.
        self._set(f4t.RAMP_ACTION, _TEMPERATURE, f4t.OFF)
        if rate is not None:
            self._ramp_from_here(rate)
        self._set(f4t.SET_POINT, _TEMPERATURE, there)
        self._control(_TEMPERATURE)
        return end_c

    @temperature.read
    def _(self) -> float:
        return self._celsius(self._read(f4t.MEASURED, _TEMPERATURE))

    @temperature.release
    def _(self) -> None:
        self.make_safe()

    @temperature.told
    def _(self) -> Told:
        """Return the set point, where a ramp ends; None while the loop is off."""
        told = self._told(_TEMPERATURE)
        return Held(round(self._celsius(told), 4)) if isinstance(told, float) else told

    def _ramp_from_here(self, rate: float) -> None:
        """Let the next set point be reached by a ramp from the present temperature, K/s."""
        lowest, highest = self._limits(_TEMPERATURE)
        here = self._read(f4t.MEASURED, _TEMPERATURE)
        self._set(f4t.SET_POINT, _TEMPERATURE, min(highest, max(lowest, here)))
        self._set(f4t.MODE, _TEMPERATURE, f4t.AUTO)
        self._set(f4t.RAMP_SCALE, _TEMPERATURE, f4t.MINUTES)
        factor, _ = self._scale()
        self._set(f4t.RAMP_RATE, _TEMPERATURE, rate * 60.0 / factor)
        self._set(f4t.RAMP_ACTION, _TEMPERATURE, f4t.ON_SET_POINT)

    # -- humidity --------------------------------------------------------------------------

    @humidity.go
    def _(self, target: Value, rate: float | None, limit: float | None) -> float:  # noqa: ARG002
        """Control the air to a tenth of %RH; the temperature loop is left as it is."""
        percent = round(number(target), 1)
        self._ready(_HUMIDITY, percent)
        self._set(f4t.RAMP_ACTION, _HUMIDITY, f4t.OFF)
        self._set(f4t.SET_POINT, _HUMIDITY, percent)
        self._control(_HUMIDITY)
        return percent

    @humidity.read
    def _(self) -> float:
        return self._read(f4t.MEASURED, _HUMIDITY)

    @humidity.release
    def _(self) -> None:
        self._stop_profile()
        self._set(f4t.MODE, _HUMIDITY, f4t.OFF)

    @humidity.told
    def _(self) -> Told:
        told = self._told(_HUMIDITY)
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
            partial(self._switch_off, _TEMPERATURE),
            partial(self._switch_off, _HUMIDITY),
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
            if loop == _HUMIDITY and refused.code == _NO_REGISTER:
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
        if None not in (found, self._declared) and found != self._declared:
            raise ProtocolError(
                f"{self.name}: the controller gives temperatures in {found}, station.toml says "
                f"{self._declared}. Was it changed at the panel?"
            )
        scale = Dimension.TEMPERATURE.scale(found or self._declared or "")
        assert scale is not None  # noqa: S101 - both are units of temperature
        return scale.factor, scale.offset

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
