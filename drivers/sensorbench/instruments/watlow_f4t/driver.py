"""Watlow F4T, the controller of many temperature and humidity chambers, over Modbus or SCPI.

Modbus RTU on a serial line, Modbus/TCP on port 502; SCPI on port 5025 (`protocol = "scpi"`, and
`port = 5025` of the link). Loop 1 is temperature, loop 2 humidity. The rules:
- Modbus comes first: it tells limits, control modes, alarms, and where a ramp ends. SCPI tells none
  of them, and can't switch a loop off: see `over_scpi`.
- Temperatures are in the unit that the controller's protocol is set to, which is asked each time.
  Old firmware can't be asked, and may give Fahrenheit whatever the panel shows: over Modbus `units`
  must say there, over SCPI it is refused.
- The order of words (`words`) is a setting of the controller. A wrong one turns 23.4 into nearly 0:
  it is told by the set point limits, before the first reading and before anything is set.
- A setting that is there already is not written again: it is kept through power cycles. What is
  written is read back.
- A ramp is the controller's own, from the present temperature. A profile that runs is terminated
  before anything is set, and told as the controller's own.
- A chamber whose power is an event of the controller needs `power_event`.
Limit controllers beside it are the chamber's own protection: they are neither read nor set here.
Sources: as `registers` and `over_scpi`. Recalled: 30 ms between exchanges, as ChamberConnectLibrary
waits; that a set point is kept through power cycles.
"""

from __future__ import annotations

from typing import ClassVar, Literal

from sensorbench.core.clock import Clock
from sensorbench.core.provenance import Identity
from sensorbench.core.quantity import HUMIDITY, TEMPERATURE, Value
from sensorbench.instruments.members import number, setpoint
from sensorbench.instruments.telling import Told
from sensorbench.instruments.watlow_f4t import face
from sensorbench.instruments.watlow_f4t.over_modbus import OverModbus
from sensorbench.instruments.watlow_f4t.over_scpi import OverScpi
from sensorbench.links.line import FrameLine, LineSettings
from sensorbench.protocols.modbus import Words


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
        protocol: Literal["modbus", "scpi"] = "modbus",
        address: int = 1,
        words: Words = "low first",
        units: Literal["C", "F"] | None = None,
        power_event: int | None = None,
    ) -> None:
        if protocol not in {"modbus", "scpi"}:
            raise ValueError(f"protocol = {protocol!r} is not allowed; allowed: modbus, scpi")
        if units not in {None, "C", "F"}:
            raise ValueError(f"units = {units!r} is not allowed; allowed: C, F")
        if power_event not in {None, *range(1, face.EVENTS + 1)}:
            raise ValueError(f"power_event = {power_event!r}: events are 1 to {face.EVENTS}")
        self.name = line.name
        self._face: face.Face = (
            OverModbus(line, clock, address, words, units, power_event)
            if protocol == "modbus"
            else OverScpi(line, clock, units, power_event)
        )

    def identify(self) -> Identity:
        """Read part number, serial number and firmware. Raises WrongDevice for another device.

        Raises ProtocolError where the order of words is not the controller's.
        """
        return self._face.identify()

    @temperature.go
    def _(self, target: Value, rate: float | None, limit: float | None) -> float:  # noqa: ARG002
        """Go there as fast as the chamber can, or no faster than the rate.

        Returns once the controller has accepted it, not reached it.
        """
        return self._face.go_temperature(number(target), rate)

    @temperature.foresee
    def _(self, target: Value, limit: float | None) -> None:  # noqa: ARG002
        self._face.foresee(face.TEMPERATURE)

    @temperature.read
    def _(self) -> float:
        return self._face.read_temperature()

    @temperature.release
    def _(self) -> None:
        self._face.make_safe()

    @temperature.told
    def _(self) -> Told:
        """Return the set point, where a ramp ends; None while the loop, or its power, is off."""
        return self._face.told_temperature()

    @humidity.go
    def _(self, target: Value, rate: float | None, limit: float | None) -> float:  # noqa: ARG002
        """Control the air to a tenth of %RH; the temperature loop is left as it is."""
        return self._face.go_humidity(number(target))

    @humidity.foresee
    def _(self, target: Value, limit: float | None) -> None:  # noqa: ARG002
        self._face.foresee(face.HUMIDITY)

    @humidity.read
    def _(self) -> float:
        return self._face.read_humidity()

    @humidity.release
    def _(self) -> None:
        self._face.release_humidity()

    @humidity.told
    def _(self) -> Told:
        return self._face.told_humidity()

    def read_alarms(self) -> tuple[str, ...]:
        """Return the active alarms, and a controller that says it failed."""
        return self._face.read_alarms()

    def make_safe(self) -> None:
        """Terminate a profile, switch the chamber off, and see that it is.

        All of it is tried, whatever fails; then raises the first error, InstrumentError if the
        controller went on.
        """
        self._face.make_safe()
