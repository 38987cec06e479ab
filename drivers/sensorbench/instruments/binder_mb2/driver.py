"""Binder chambers (MK, MKF, MKT, KMF, KBF) with an MB2 controller, over Modbus.

RTU on RS-422/485, 9600 8N1; Modbus/TCP on port 10001. The rules:
- Floats travel low word first. Addresses are counted from 0.
- What runs is said by operation contacts: bit 0 humidity off, bit 1 idle. They are read where the
  controller tells them (0x1292) and written where it takes them in manual mode (0x1158), the others
  as they are.
- A program that runs is stopped before anything is set, and told as the controller's own.
- What is there is not written again, what is written is read back.
- Ramps would need a stored program: none is made, and a rate is refused.
- The older MB1 has another map, and public clients of it name its two set points the other way
  round: it is known by its registers, and refused.
Sessions: one on a serial line; not known on TCP, so one. A watchdog of its own, status that reading
changes: none known. It tells neither its model nor its number, nor alarms: one shows as idle.
Sources: a client of the MKFT 115 with either controller (FZU, 2020); basil, binder_mk56.py and
binder_mk53.py. Recalled: the port, ranges and accuracy of a common chamber (MK, MKF).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from sensorbench.core.clock import Clock
from sensorbench.core.errors import InstrumentError, WrongDevice
from sensorbench.core.provenance import Identity
from sensorbench.core.quantity import HUMIDITY, TEMPERATURE, Value
from sensorbench.instruments.members import number, setpoint
from sensorbench.instruments.telling import Held, OfItsOwn, Told
from sensorbench.links.line import FrameLine, LineSettings
from sensorbench.protocols.modbus import Register, decode, encode
from sensorbench.protocols.modbus_client import ModbusClient

_MEASURED = Register(0x1004, "float32", least=-150.0, most=400.0)
_WET_MEASURED = Register(0x100A, "float32", least=-20.0, most=120.0)
_ACTIVE, _WET_ACTIVE = Register(0x10B2, "float32"), Register(0x10B4, "float32")
_SET, _WET_SET = Register(0x114C, "float32"), Register(0x114E, "float32")
_ELAPSED = Register(0x10A6, "uint32", words="high first")
_REMAINING = Register(0x10A8, "uint32", words="high first")
_STOP_PROGRAM = Register(0x114A)
_CONTACTS, _CONTACTS_SET = Register(0x1292), Register(0x1158)
_HUMIDITY_OFF, _IDLE = 0x0001, 0x0002
_OLDER_MODE = Register(0x1A22)
_NO_REGISTER = 2
_TAKES_S, _LOOKS_S = 5.0, 0.5
_OWN = OfItsOwn("a program that was started at the controller")


class BinderMb2:
    """Chamber of -70 to 180 degC air temperature, with humidity control where it is fitted."""

    LINE: ClassVar[LineSettings] = LineSettings(
        write_terminator="", read_terminator="", timeout_s=1.0, baud_rate=9600, tcp_port=10001,
        pause_s=0.02,
    )  # fmt: skip

    temperature = setpoint["BinderMb2"](
        TEMPERATURE, rated=(-70.0, 180.0), planned=3.0 / 60, settling_s=1200.0, resolution=0.01,
        accuracy=0.5, steady=0.2,
    )  # fmt: skip
    humidity = setpoint["BinderMb2"](
        HUMIDITY, rated=(10.0, 98.0), planned=3.0 / 60, settling_s=1200.0, resolution=0.1,
        accuracy=3.0, steady=1.0,
    )  # fmt: skip

    def __init__(self, line: FrameLine, clock: Clock, *, address: int = 1) -> None:
        self.name = line.name
        self._clock = clock
        self._modbus = ModbusClient(line, address, words="low first")
        self._is_known = False

    def identify(self) -> Identity:
        """See that it has an MB2's registers. Raises WrongDevice for another device.

        It tells no model and no serial number.
        """
        self._is_known = False
        self._know()
        return Identity("Binder", "MB2 controller")

    def _know(self) -> None:
        """Raise WrongDevice unless it has the registers that are read and written here."""
        if self._is_known:
            return
        try:
            self._modbus.read_many([_ELAPSED, _REMAINING, _ACTIVE, _SET, _CONTACTS])
        except InstrumentError as refused:
            if refused.code != _NO_REGISTER:
                raise
            raise WrongDevice(f"{self.name}: {self._what_else()}") from refused
        self._is_known = True

    def _what_else(self) -> str:
        try:
            self._modbus.read(_OLDER_MODE)
        except InstrumentError:
            return "it has not the registers of a Binder MB2; is this the right address?"
        return (
            "it is an MB1 controller, whose set points are not known for certain: it is neither "
            "read nor set from here. Nothing was written"
        )

    # -- temperature -----------------------------------------------------------------------

    @temperature.go
    def _(self, target: Value, rate: float | None, limit: float | None) -> float:  # noqa: ARG002
        """Go there as fast as the chamber can.

        Returns once the controller has accepted it, not reached it.
        """
        end_c = round(number(target), 2)
        self._take_over()
        contacts = self._contacts()
        off = _HUMIDITY_OFF if contacts & _IDLE else 0  # left from before: nobody asked for it now
        self._put(_SET, end_c)
        self._switch((contacts | off) & ~_IDLE, _IDLE)
        self._await_active(_ACTIVE, end_c)
        return end_c

    @temperature.read
    def _(self) -> float:
        self._know()
        return self._modbus.read(_MEASURED)

    @temperature.release
    def _(self) -> None:
        self.make_safe()

    @temperature.told
    def _(self) -> Told:
        """Return the set point; None while the chamber is idle."""
        return self._told(_ACTIVE, _IDLE)

    # -- humidity --------------------------------------------------------------------------

    @humidity.go
    def _(self, target: Value, rate: float | None, limit: float | None) -> float:  # noqa: ARG002
        """Control the air to a tenth of %RH; an idle chamber holds its present temperature."""
        percent = round(number(target), 1)
        self._know()
        self._modbus.read(_WET_SET)  # refused where humidity is not fitted: nothing is set then
        self._take_over()
        contacts = self._contacts()
        if contacts & _IDLE:
            low, high = type(self).temperature.rated
            self._put(_SET, min(high, max(low, round(self._modbus.read(_MEASURED), 2))))
        self._put(_WET_SET, percent)
        self._switch(contacts & ~(_IDLE | _HUMIDITY_OFF), _IDLE | _HUMIDITY_OFF)
        self._await_active(_WET_ACTIVE, percent)
        return percent

    @humidity.read
    def _(self) -> float:
        self._know()
        return self._modbus.read(_WET_MEASURED)

    @humidity.told
    def _(self) -> Told:
        return self._told(_WET_ACTIVE, _IDLE | _HUMIDITY_OFF)

    @humidity.release
    def _(self) -> None:
        self._take_over()
        self._switch(self._contacts() | _HUMIDITY_OFF, _HUMIDITY_OFF)

    # -- the whole chamber -----------------------------------------------------------------

    def make_safe(self) -> None:
        """Stop a program, go idle, and see that it did.

        Raises InstrumentError if the chamber went on.
        """
        self._take_over()
        self._switch(self._contacts() | _IDLE, _IDLE)

    def _take_over(self) -> None:
        self._know()
        if self._runs_a_program():
            self._modbus.write(_STOP_PROGRAM, 1)
            self._await("stop the program", lambda: not self._runs_a_program())

    def _runs_a_program(self) -> bool:
        return any(self._modbus.read_many([_ELAPSED, _REMAINING]))

    def _told(self, active: Register, off: int) -> Told:
        self._know()
        if self._runs_a_program():
            return _OWN
        if self._contacts() & off:
            return None
        return Held(round(self._modbus.read(active), 4))

    def _contacts(self) -> int:
        return self._modbus.read_code(_CONTACTS)

    def _switch(self, contacts: int, sure: int) -> None:
        """Set operation contacts unless they are so, and see that those of `sure` are."""
        if self._contacts() != contacts:
            self._modbus.write(_CONTACTS_SET, contacts)
        self._await(
            f"operation contacts {contacts:#06x}",
            lambda: not (self._contacts() ^ contacts) & sure,
        )

    def _put(self, register: Register, value: float) -> None:
        """Write a set point unless it is there, and read it back."""
        wanted = decode(register, encode(register, value))
        if self._modbus.read(register) != wanted:
            self._modbus.write(register, value)
            held = self._modbus.read(register)
            if held != wanted:
                raise InstrumentError(
                    f"write {value:g} to {register}", f"{held:g}", "it holds that instead: is it "
                    "locked at the panel?", self.name,
                )  # fmt: skip

    def _await_active(self, register: Register, value: float) -> None:
        wanted = decode(register, encode(register, value))
        self._await(f"set point {value:g}", lambda: self._modbus.read(register) == wanted)

    def _await(self, what: str, is_so: Callable[[], bool]) -> None:
        until_s = self._clock.now() + _TAKES_S
        while not is_so():
            if self._clock.now() >= until_s:
                raise InstrumentError(
                    what, "not taken", "the controller shows something else: look for alarms at "
                    "the panel", self.name,
                )  # fmt: skip
            self._clock.sleep(_LOOKS_S)
