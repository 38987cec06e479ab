"""Michell Optidew chilled mirror hygrometer (since 2018), over Modbus: RTU or TCP.

RTU at USB or RS-485, 9600 8N1; Modbus/TCP at Ethernet. Floats travel high word first, addresses are
counted from 0. It is read and never set. The rules:
- Dew point and humidity are a reading only while it measures and its mirror is in control. In a
  contamination correction (DCC, by itself every 4 h unless set otherwise: the mirror is heated for
  4 minutes), while it holds its data after one, and with anything wrong about mirror or optics,
  there is no reading, and the error says how long that lasts.
- What the mirror is about is asked before each reading; the air's temperature has a Pt100 of its
  own and goes on.
- Below 0 degC of the air its %RH must count over water, as sensors do (its WMO setting): it is no
  reading otherwise. Dew point below 0 degC is the frost point.
- Temperatures are in the unit that it is set to, which is asked each time.
Sessions: one on a serial line; not known on TCP, so one. A watchdog of its own, status that reading
changes: none known. The older Optidew (97430) speaks otherwise, and has not these registers.
Source: User's Manual 97551, issue 1: pages 49 to 51 (registers), section 4.1. Recalled: ranges and
accuracies with a two-stage mirror, from its data sheet.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Final, NoReturn

from sensorbench.core.clock import Clock
from sensorbench.core.errors import InstrumentError, ProtocolError, WrongDevice
from sensorbench.core.provenance import Identity
from sensorbench.core.quantity import DEW_POINT, HUMIDITY, TEMPERATURE
from sensorbench.instruments.members import meter
from sensorbench.links.line import FrameLine, LineSettings
from sensorbench.protocols.modbus import Register, decode
from sensorbench.protocols.modbus_client import ModbusClient

_ADDRESS = Register(0)
_SERIAL, _FIRMWARE, _MAP = Register(2, "uint32"), Register(4), Register(5)
_FIRST_VALUE, _VALUES = 6, 8
_DEW_POINT = Register(6, "float32", least=-200.0, most=400.0)
_AMBIENT = Register(8, "float32", least=-200.0, most=400.0)
_HUMIDITY = Register(12, "float32", least=0.0, most=105.0)
_UNIT = Register(30)
_FIRST_STATUS, _STATUS = 33, 11
_VAPOUR_OVER_WATER, _SATURATION_OVER_WATER = Register(103), Register(104)
_NO_REGISTER = 2
_PAUSES_S = 480.0  # a DCC of 4 min, then data are held for 4 min
_MEASURES, _FAILED, _IN_CONTROL = 8, 13, 1
_MODES: Final[Mapping[int, str]] = {
    5: "cools its mirror as far as it can (MaxCool)", 6: "corrects for contamination (DCC)",
    7: "holds its data until the mirror is in control again", _MEASURES: "measures",
    9: "is in standby", 10: "makes sure of frost (FAST)", _FAILED: "has failed",
}  # fmt: skip
_SENSOR: Final[Mapping[int, str]] = {
    0: "is idle", _IN_CONTROL: "is in control", 2: "is on its way up", 3: "is on its way down",
}  # fmt: skip
# Fault words 1 and 2, the second above the first.
_FAULTS: Final[Mapping[int, str]] = {
    1 << 0: "optics search failed", 1 << 1: "optics at their lower limit",
    1 << 2: "optics at their upper limit", 1 << 3: "ambient Pt100 failed",
    1 << 4: "mirror Pt100 failed", 1 << 5: "mirror overheated", 1 << 6: "pressure loop failed",
    1 << 7: "heating saturated", 1 << 8: "cooling saturated", 1 << 16: "ambient Pt100 open",
    1 << 17: "ambient Pt100 low", 1 << 18: "ambient Pt100 high", 1 << 19: "mirror Pt100 open",
    1 << 20: "mirror Pt100 low", 1 << 21: "mirror Pt100 high", 1 << 22: "pressure loop open",
    1 << 23: "pressure loop alarm", 1 << 24: "pressure loop failed",
    1 << 25: "mirror contaminated: clean it",
}  # fmt: skip
_OF_AMBIENT: Final = 1 << 3 | 1 << 16 | 1 << 17 | 1 << 18
_OF_PRESSURE: Final = 1 << 6 | 1 << 22 | 1 << 23 | 1 << 24
_ALARMS: Final[Mapping[int, str]] = {1: "system alarm", 2: "process alarm"}


@dataclass(frozen=True, slots=True)
class _State:
    """What it is doing, how long still, and what is wrong with it."""

    mode: int
    left_s: int
    sensor: int
    faults: int
    alarms: int
    is_held: bool

    def wrong(self, but: int) -> tuple[str, ...]:
        """Return in words what is wrong, but for some faults."""
        return tuple(text for bit, text in _FAULTS.items() if self.faults & bit & ~but)


class MichellOptidew:
    """Dew point and temperature of air, and its humidity, by a chilled mirror."""

    LINE: ClassVar[LineSettings] = LineSettings(
        write_terminator="", read_terminator="", timeout_s=1.0, baud_rate=9600, tcp_port=502,
        pause_s=0.01,
    )  # fmt: skip

    dew_point = meter["MichellOptidew"](
        DEW_POINT, rated=(-40.0, 90.0), accuracy=0.15, seconds=0.2, pauses_s=_PAUSES_S
    )
    temperature = meter["MichellOptidew"](
        TEMPERATURE, rated=(-40.0, 120.0), accuracy=0.1, seconds=0.2
    )
    humidity = meter["MichellOptidew"](
        HUMIDITY, rated=(0.0, 100.0), accuracy=1.0, seconds=0.2, pauses_s=_PAUSES_S
    )

    def __init__(self, line: FrameLine, clock: Clock, *, address: int = 1) -> None:  # noqa: ARG002 - as all drivers
        self.name = line.name
        self._address = address if line.medium == "serial" else None
        self._modbus = ModbusClient(line, address, words="high first")

    def identify(self) -> Identity:
        """Read serial number and firmware. Raises WrongDevice for another device."""
        try:
            (address,) = self._modbus.read_many([_ADDRESS])
            serial, firmware, version = self._modbus.read_many([_SERIAL, _FIRMWARE, _MAP])
            self._state()
        except InstrumentError as refused:
            if refused.code != _NO_REGISTER:
                raise
            raise WrongDevice(
                f"{self.name}: it has not the registers of an Optidew; is this the right address? "
                "An older Optidew, Optidew Vision, speaks otherwise"
            ) from refused
        if self._address not in (None, address):
            raise WrongDevice(
                f"{self.name}: it says that its address is {address:.0f}, so it is no Optidew"
            )
        return Identity(
            "Michell Instruments", "Optidew", f"{serial:.0f}", f"{firmware:.0f} (map {version:.0f})"
        )

    # -- what it measures ------------------------------------------------------------------

    @dew_point.read
    def _(self) -> float:
        """Return the dew point in degC, below 0 degC the frost point."""
        return self._one("dew_point")

    @temperature.read
    def _(self) -> float:
        """Return the air's temperature at the sensor, in degC."""
        return self._one("temperature")

    @humidity.read
    def _(self) -> float:
        """Return the relative humidity of the air over water, in %RH."""
        return self._one("humidity")

    def _one(self, name: str) -> float:
        found = self.read_many([name])[name]
        if isinstance(found, float):
            return found
        raise found

    def read_many(
        self, names: Sequence[str]
    ) -> Mapping[str, float | InstrumentError | ProtocolError]:
        """Return the readings of members from one look, or why one has none.

        Raises KeyError for a member that is not there.
        """
        readers: Mapping[str, Callable[[_State, tuple[int, ...]], float]] = {
            "dew_point": self._dew_point, "temperature": self._temperature,
            "humidity": self._relative,
        }  # fmt: skip
        if unknown := set(names) - set(readers):
            raise KeyError(f"{self.name} has no {', '.join(sorted(unknown))}")
        state = self._state()  # before the values: they are as old as it, or younger
        words = self._modbus.read_words("holding", _FIRST_VALUE, _VALUES)
        found: dict[str, float | InstrumentError | ProtocolError] = {}
        for name in names:
            try:
                found[name] = readers[name](state, words)
            except (InstrumentError, ProtocolError) as error:
                found[name] = error
        return found

    def read_alarms(self) -> tuple[str, ...]:
        """Return what is wrong with it, and its alarms, in words."""
        state = self._state()
        alarms = tuple(text for bit, text in _ALARMS.items() if state.alarms & bit)
        return (*state.wrong(0), *alarms, *(["it has failed"] if state.mode == _FAILED else []))

    # --------------------------------------------------------------------------------------

    def _dew_point(self, state: _State, words: tuple[int, ...]) -> float:
        self._require_mirror(state)
        return self._celsius(_DEW_POINT, words)

    def _temperature(self, state: _State, words: tuple[int, ...]) -> float:
        wrong = state.wrong(~_OF_AMBIENT)
        if wrong or state.mode == _FAILED:
            self._refuse("air temperature", state, wrong)
        return self._celsius(_AMBIENT, words)

    def _relative(self, state: _State, words: tuple[int, ...]) -> float:
        self._require_mirror(state)
        air_c = self._temperature(state, words)
        vapour, saturation = self._modbus.read_many([_VAPOUR_OVER_WATER, _SATURATION_OVER_WATER])
        if vapour or (air_c < 0 and not saturation):
            raise ProtocolError(
                f"{self.name}: its %RH does not count as that of sensors does, over water: switch "
                "%RH by WMO on (register 104) and the vapour pressure over water off (103)"
            )
        return self._decoded(_HUMIDITY, words)

    def _require_mirror(self, state: _State) -> None:
        """Raise InstrumentError unless the mirror is at the dew point."""
        wrong = state.wrong(_OF_AMBIENT | _OF_PRESSURE)
        is_there = state.mode == _MEASURES and state.sensor == _IN_CONTROL and not state.is_held
        if wrong or not is_there:
            self._refuse("dew point", state, wrong)

    def _refuse(self, what: str, state: _State, wrong: tuple[str, ...]) -> NoReturn:
        doing = f"it {_MODES[state.mode]}, its mirror {_SENSOR[state.sensor]}"
        if state.is_held:
            doing += ", its data are held"
        if state.mode != _MEASURES and state.left_s:
            doing += f", for {state.left_s // 60} min {state.left_s % 60} s more"
        raise InstrumentError(f"read {what}", "no reading", "; ".join([*wrong, doing]), self.name)

    def _celsius(self, register: Register, words: tuple[int, ...]) -> float:
        unit = self._modbus.read_code(_UNIT)
        if unit not in (0, 1):
            raise ProtocolError(f"{self.name}: its temperature unit is {unit}, neither degC nor F")
        value = self._decoded(register, words)
        return (value - 32.0) / 1.8 if unit else value

    def _decoded(self, register: Register, words: tuple[int, ...]) -> float:
        at = register.address - _FIRST_VALUE
        try:
            return decode(register, words[at : at + register.count])
        except ProtocolError as error:
            raise type(error)(f"{self.name}: {error}") from None

    def _state(self) -> _State:
        words = self._modbus.read_words("holding", _FIRST_STATUS, _STATUS)
        mode, hours, minutes, seconds, sensor, first, second, alarms, _, held, _ = words
        if mode not in _MODES or sensor not in _SENSOR:
            raise ProtocolError(
                f"{self.name}: operating mode {mode} and sensor status {sensor} are none of an "
                "Optidew's; is this the right address?"
            )
        left_s = 3600 * hours + 60 * minutes + seconds
        return _State(mode, left_s, sensor, first | second << 16, alarms, bool(held))
