"""Delta DTB temperature controllers (DTB4824, 4848, 4896, 9696), over Modbus on RS-485.

From the factory they are set to ASCII, 9600 7E1 (recalled; so is the sister DTC): then write
`framing = "ascii"` for the instrument and `data_bits = 7, parity = "even"` in its link. RTU is 8N1,
which is what the link has unless told. Addresses are 1 to 247, several on one cable, or behind a
gateway from Modbus/TCP, whose framing is then the gateway's matter. The rules:
- Numbers are tenths of a degree in the unit of the panel. So nothing is read or set unless it tells
  degC and one decimal (SP 1).
- Set point and run are refused while communication write-in is off (CoSH), before anything is sent:
  it is switched on at the panel. Making safe alone switches it on where it must.
- The set point must be within its own limits, is read back, and is not written again where it is
  there: what memory it is kept in, and what that stands, nobody says.
- A ramp would need a stored program: none is made, and a rate is refused. A program, manual output
  and auto-tuning are told as its own; they are ended before anything is set, and control is by PID.
- Codes of a broken sensor (8002H to 8007H) in place of a temperature are errors.
Alarms are told by number: what they mean, and what their relays cut, is set and wired at the
panel. So they are not armed from here: an over-temperature limiter beside it is the oven's
protection.
Sessions: one, it is a serial line; of a gateway not known, so one. A watchdog of its own, status
that reading changes: none known. It tells neither its model nor its number.
Sources: DT3 and DT4848 manuals, RS-485 communication (registers, bits, codes, 8 words a reading);
Dwyer 16B manual, page 25, for LEDs, lock and version of the same registers; minimalmodbus,
tests/test_deltaDTB4824.py; clients of the DTB4848. Recalled: accuracy; that set points are kept in
a memory that wears; that 0810H can be written while write-in is off.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar, Final

from sensorbench.core.clock import Clock
from sensorbench.core.errors import InstrumentError, ProtocolError, SetpointError, WrongDevice
from sensorbench.core.provenance import Identity
from sensorbench.core.quantity import TEMPERATURE, Value
from sensorbench.instruments.members import number, setpoint
from sensorbench.instruments.telling import Held, OfItsOwn, Told
from sensorbench.links.line import FrameLine, LineSettings
from sensorbench.protocols.modbus import Framing, Register, encode
from sensorbench.protocols.modbus_client import ModbusClient

_MEASURED = Register(0x1000, "int16", 0.1)
_SET = Register(0x1001, "int16", 0.1)
_HIGHEST, _LOWEST = Register(0x1002, "int16", 0.1), Register(0x1003, "int16", 0.1)
_METHOD = Register(0x1005)
_LEDS = Register(0x102A)
_VERSION = Register(0x102F)
_MOST_WORDS = 8
_BY_PID, _BY_ON_OFF = 0, 1
_METHODS: Final[Mapping[int, str]] = {2: "manual output", 3: "a program of its own"}
_WRITE_IN, _TUNING, _RUN = 0x0810, 0x0813, 0x0814
_ALARM_LEDS: Final[Mapping[int, str]] = {0x10: "alarm 1", 0x02: "alarm 2", 0x01: "alarm 3"}
_CODES: Final[Mapping[int, str]] = {
    0x8002: "it has no temperature yet: it was just switched on",
    0x8003: "no sensor is connected",
    0x8004: "sensor input error: is it the sensor that the panel is set to, is it within its range",
    0x8006: "it can't convert its input",
    0x8007: "its memory fails",
}
_NO_REGISTER = 2
_TAKES_S, _LOOKS_S = 5.0, 0.5


@dataclass(frozen=True, slots=True)
class _State:
    """Bits from 0810H on, as the controller has them now."""

    write_in: bool
    in_celsius: bool
    has_decimal: bool
    is_tuning: bool
    runs: bool


class DeltaDtb:
    """Controller of an oven, a plate or a chamber by a Pt100: -200 to 600 degC.

    Its own limits, which are set for what it heats, hold within that.
    """

    LINE: ClassVar[LineSettings] = LineSettings(
        write_terminator="", read_terminator="", timeout_s=1.0, baud_rate=9600, tcp_port=502,
        pause_s=0.05,
    )  # fmt: skip

    temperature = setpoint["DeltaDtb"](
        TEMPERATURE, rated=(-200.0, 600.0), planned=3.0 / 60, settling_s=1200.0, resolution=0.1,
        accuracy=1.0, steady=0.2, nonvolatile=True,
    )  # fmt: skip

    def __init__(
        self, line: FrameLine, clock: Clock, *, address: int = 1, framing: Framing = "rtu"
    ) -> None:
        self.name = line.name
        self._clock = clock
        self._modbus = ModbusClient(line, address, most=_MOST_WORDS, framing=framing)

    def identify(self) -> Identity:
        """Read its version, and see that it has a DTB's registers. It tells no model and no number.

        Raises WrongDevice for another device.
        """
        try:
            version = self._modbus.read_code(_VERSION)
            highest, lowest, method = self._modbus.read_many([_HIGHEST, _LOWEST, _METHOD])
        except InstrumentError as refused:
            if refused.code != _NO_REGISTER:
                raise
            raise WrongDevice(
                f"{self.name}: it has not the registers of a Delta DTB; is this the right address?"
            ) from refused
        if not lowest < highest or method not in (_BY_PID, _BY_ON_OFF, *_METHODS):
            raise WrongDevice(
                f"{self.name}: limits of {lowest:g} to {highest:g} and control method {method:g} "
                "are no Delta DTB's; is this the right address?"
            )
        return Identity("Delta", "DTB", "", f"{version >> 8}.{version & 0xFF:02x}")

    # -- temperature -----------------------------------------------------------------------

    @temperature.go
    def _(self, target: Value, rate: float | None, limit: float | None) -> float:  # noqa: ARG002
        """Go there as fast as the controller can.

        Returns once the controller has accepted it, not reached it.
        """
        wanted_c = round(number(target), 1)
        self._require_possible(wanted_c)
        self._take_over()
        self._put(_SET, wanted_c)
        self._switch(_RUN, True)
        return wanted_c

    @temperature.foresee
    def _(self, target: Value, limit: float | None) -> None:  # noqa: ARG002
        self._require_possible(round(number(target), 1))

    @temperature.read
    def _(self) -> float:
        self._require_celsius(self._state())
        (word,) = self._modbus.read_words("holding", _MEASURED.address, 1)
        if word in _CODES:
            raise ProtocolError(f"{self.name}: no temperature: {_CODES[word]} ({word:04X}H)")
        return (word - 0x10000 if word & 0x8000 else word) / 10

    @temperature.release
    def _(self) -> None:
        self.make_safe()

    @temperature.told
    def _(self) -> Told:
        """Return the set point; None while it is stopped."""
        state = self._state()
        if not state.runs:
            return None
        method = self._modbus.read_code(_METHOD)
        if method not in (_BY_PID, _BY_ON_OFF):
            return OfItsOwn(_METHODS.get(method, f"control method {method}"))
        if state.is_tuning:
            return OfItsOwn("auto-tuning")
        self._require_celsius(state)
        return Held(self._modbus.read(_SET))

    # -- the whole controller --------------------------------------------------------------

    def make_safe(self) -> None:
        """Stop, and see that it did. Raises InstrumentError if it went on.

        Where write-in was switched off while it ran, it is switched on for that, and stays so.
        """
        state = self._state()
        if not state.runs:
            return
        if not state.write_in:
            self._switch(_WRITE_IN, True)
        self._switch(_RUN, False)

    def read_alarms(self) -> tuple[str, ...]:
        """Return the alarms whose lamps are on, by number, and what is wrong with the input."""
        leds = self._modbus.read_code(_LEDS)
        (word,) = self._modbus.read_words("holding", _MEASURED.address, 1)
        alarms = [name for led, name in _ALARM_LEDS.items() if leds & led]
        return (*alarms, *([_CODES[word]] if word in _CODES else []))

    def _take_over(self) -> None:
        """End what was asked for at the panel."""
        if self._modbus.read_code(_METHOD) not in (_BY_PID, _BY_ON_OFF):
            self.make_safe()
            self._put(_METHOD, _BY_PID)
        if self._state().is_tuning:
            self._switch(_TUNING, False)

    # -- what it is set to -----------------------------------------------------------------

    def _state(self) -> _State:
        return _State(*self._modbus.read_bits("discrete", _WRITE_IN, 5))

    def _require_celsius(self, state: _State) -> None:
        if not state.in_celsius or not state.has_decimal:
            raise ProtocolError(
                f"{self.name}: it counts in {'' if state.in_celsius else 'degF, '}"
                f"{'tenths' if state.has_decimal else 'whole degrees'}: at the panel set the unit "
                "to C and the decimal point (SP) to 1"
            )

    def _require_possible(self, target_c: float) -> None:
        """Raise SetpointError for what this controller can't do as it is set."""
        state = self._state()
        try:
            self._require_celsius(state)
        except ProtocolError as error:
            raise SetpointError(f"{error}. Nothing was set") from error
        if not state.write_in:
            raise SetpointError(
                f"{self.name}: communication write-in is off, so it would take no set point: at "
                "the panel set CoSH to ON. Nothing was set"
            )
        highest, lowest = self._modbus.read_many([_HIGHEST, _LOWEST])
        if not lowest <= target_c <= highest:
            raise SetpointError(
                f"{self.name}: {target_c:g} degC is beyond the controller's own limits, "
                f"{lowest:g} to {highest:g} degC. Nothing was set"
            )

    # -- setting it ------------------------------------------------------------------------

    def _put(self, register: Register, value: float) -> None:
        """Write a value unless it is there, and read it back."""
        wanted = encode(register, value)
        if self._held(register) == wanted:
            return
        self._modbus.write(register, value)
        if self._held(register) != wanted:
            raise InstrumentError(
                f"write {value:g} to {register}", f"{self._modbus.read(register):g}",
                "it holds that instead: is it locked at the panel?", self.name,
            )  # fmt: skip

    def _held(self, register: Register) -> tuple[int, ...]:
        return self._modbus.read_words("holding", register.address, register.count)

    def _switch(self, bit: int, is_on: bool) -> None:
        """Set or clear a bit unless it is so, and wait until it tells so."""
        if self._is_on(bit) != is_on:
            self._modbus.write_bit(bit, is_on, told_by="discrete")
            self._await(f"bit {bit:04X}H to {is_on:d}", lambda: self._is_on(bit) == is_on)

    def _is_on(self, bit: int) -> bool:
        (is_on,) = self._modbus.read_bits("discrete", bit, 1)
        return is_on

    def _await(self, what: str, is_so: Callable[[], bool]) -> None:
        until_s = self._clock.now() + _TAKES_S
        while not is_so():
            if self._clock.now() >= until_s:
                raise InstrumentError(
                    what, "not taken", "the controller shows something else: look at the panel, "
                    "and stop it there if it must stop", self.name,
                )  # fmt: skip
            self._clock.sleep(_LOOKS_S)
