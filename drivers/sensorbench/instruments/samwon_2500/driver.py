"""Samwon TEMP2500 (temperature) and TEMI2500 (with humidity) chamber controllers, over PC-LINK.

RS-232 or RS-485, 9600 8N1 from the factory, addresses 1 to 99. The rules:
- Who it is (AMI) decides the register map, before the first reading; what is not known is refused,
  and so is one whose run and mode registers hold no codes. See `registers` for why.
- A TEMP2500 tells its decimals. A TEMI does not, and clients differ by ten: `decimals` must say.
- Replies carry a sum (PC-LINK+SUM, the factory's); `checksum = false` is PC-LINK without.
- Set point and slope are written in one command, and read back; equal values are not written
  again, as they are kept through power cycles.
- A program that runs is stopped before anything is set, and told as the controller's own. RUN is
  taken only from STOP of the fixed mode. A ramp is the controller's slope, from the present
  temperature.
- Humidity of a TEMI is off at 0 % (recalled).
Sessions: one, it is a serial line. Status that reading changes, a watchdog of its own: none known.
Alarms are told by number. Modbus, which the panel can choose instead, is not spoken here.
Sources: as `registers`. Recalled: the range and accuracy of a common chamber, that a slope of 0 is
none and counts by the minute, that set points are kept in a memory that wears.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import ClassVar, Literal

from sensorbench.core.clock import Clock
from sensorbench.core.errors import InstrumentError, ProtocolError, SetpointError, WrongDevice
from sensorbench.core.provenance import Identity
from sensorbench.core.quantity import HUMIDITY, TEMPERATURE, Value
from sensorbench.instruments.members import number, setpoint
from sensorbench.instruments.samwon_2500 import wire
from sensorbench.instruments.samwon_2500.registers import (
    FIXED,
    FIXED_RUNS,
    MAPS,
    RUN,
    STOP,
    Map,
)
from sensorbench.instruments.telling import Held, OfItsOwn, Told
from sensorbench.links.line import Line, LineSettings

_CODES = range(5)
_WET_STEPS = 10  # a tenth of %RH, as all clients have it
_TAKES_S, _LOOKS_S = 10.0, 0.5


class Samwon2500:
    """Chamber of -70 to 180 degC air temperature; a TEMI2500 controls humidity too."""

    LINE: ClassVar[LineSettings] = LineSettings(
        write_terminator="\r\n", read_terminator="\r\n", timeout_s=2.0, baud_rate=9600
    )

    temperature = setpoint["Samwon2500"](
        TEMPERATURE, rated=(-70.0, 180.0), fastest=5.0 / 60, planned=3.0 / 60, settling_s=1200.0,
        resolution=0.1, accuracy=0.5, steady=0.2, nonvolatile=True,
    )  # fmt: skip
    humidity = setpoint["Samwon2500"](
        HUMIDITY, rated=(10.0, 98.0), planned=3.0 / 60, settling_s=1200.0, resolution=0.1,
        accuracy=3.0, steady=1.0, nonvolatile=True,
    )  # fmt: skip

    def __init__(
        self,
        line: Line,
        clock: Clock,
        *,
        address: int = 1,
        checksum: bool = True,
        decimals: int | None = None,
    ) -> None:
        if not 1 <= address <= 99:
            raise ValueError(f"address {address!r}: a Samwon controller has 1 to 99")
        if decimals not in {None, 0, 1, 2}:
            raise ValueError(f"decimals = {decimals!r} is not allowed; allowed: 0, 1, 2")
        self.name = line.name
        self._line, self._clock = line, clock
        self._address, self._summed = address, checksum
        self._declared = decimals
        self._map: Map | None = None

    def identify(self) -> Identity:
        """Ask who it is. Raises WrongDevice for a series whose registers are not known."""
        model, version, _ = self._who()
        return Identity("Samwon", model, "", version)

    # -- temperature -----------------------------------------------------------------------

    @temperature.go
    def _(self, target: Value, rate: float | None, limit: float | None) -> float:  # noqa: ARG002
        """Go there as fast as the chamber can, or no faster than the rate.

        Returns once the controller has accepted it, not reached it.
        """
        known, steps = self._known(), self._steps()
        end = self._in_range(number(target))
        slope = 0 if rate is None else self._slope(rate, steps)
        is_on = self._take_over(known)
        values = {known.slope: 0, known.set_point: end}
        if not is_on and known.wet_set_point is not None:
            values[known.wet_set_point] = 0  # left from before: nobody asked for humidity now
        if slope:
            (here,) = self._read([known.measured])
            lowest, highest = self._ends(known)
            self._put(values | {known.set_point: min(highest, max(lowest, here))})
            self._run(known)
            self._put({known.slope: slope, known.set_point: end})
        else:
            self._put(values)
            self._run(known)
        return end / steps

    @temperature.foresee
    def _(self, target: Value, limit: float | None) -> None:  # noqa: ARG002
        self._require_steps()
        self._in_range(number(target))

    def _in_range(self, target_c: float) -> int:
        """Return a set point in steps. Raises SetpointError beyond the controller's own range."""
        steps = self._steps()
        end, (lowest, highest) = round(target_c * steps), self._ends(self._known())
        if not lowest <= end <= highest:
            raise SetpointError(
                f"{self.name}: {end / steps:g} degC is beyond the controller's own range, "
                f"{lowest / steps:g} to {highest / steps:g} degC. Nothing was sent"
            )
        return end

    @temperature.read
    def _(self) -> float:
        return self._number(self._known().measured, self._steps())

    @temperature.release
    def _(self) -> None:
        self.make_safe()

    @temperature.told
    def _(self) -> Told:
        """Return the set point, where a ramp ends; None while it is stopped."""
        known = self._known()
        told = self._doing(known)
        return Held(self._number(known.set_point, self._steps())) if told is True else told

    def _slope(self, rate: float, steps: int) -> int:
        """Return a rate in the wire's steps of K/min, never faster than asked."""
        slope = math.floor(rate * 60.0 * steps + 1e-6)
        if slope < 1:
            raise SetpointError(
                f"{self.name}: the slowest slope is {1 / steps:g} K/min, {rate * 60:g} K/min was "
                "asked for. Nothing was sent"
            )
        return slope

    def _ends(self, known: Map) -> tuple[int, int]:
        if known.ends is None:
            return -0x8000, 0x7FFF
        ends = self._read(known.ends)
        if ends[0] == ends[1]:
            raise ProtocolError(f"{self.name}: its range is from {ends[0]} to {ends[1]}: no range")
        return min(ends), max(ends)

    # -- humidity --------------------------------------------------------------------------

    @humidity.go
    def _(self, target: Value, rate: float | None, limit: float | None) -> float:  # noqa: ARG002
        """Control the air to a tenth of %RH; a stopped chamber holds its present temperature."""
        known = self._known()
        _, set_point, slope = self._wet(known)
        tenths = round(number(target) * _WET_STEPS)
        if not self._take_over(known):
            (here,) = self._read([known.measured])
            self._put({known.slope: 0, known.set_point: here})
        self._put({slope: 0, set_point: tenths})
        self._run(known)
        return tenths / _WET_STEPS

    @humidity.foresee
    def _(self, target: Value, limit: float | None) -> None:  # noqa: ARG002
        self._require_steps()
        self._wet(self._known())

    @humidity.read
    def _(self) -> float:
        return self._number(self._wet(self._known())[0], _WET_STEPS)

    @humidity.told
    def _(self) -> Told:
        known = self._known()
        _, set_point, _ = self._wet(known)
        told = self._doing(known)
        if told is not True:
            return told
        percent = self._number(set_point, _WET_STEPS)
        return Held(percent) if percent else None

    @humidity.release
    def _(self) -> None:
        self._put({self._wet(self._known())[1]: 0})

    def _wet(self, known: Map) -> tuple[int, int, int]:
        """Return where humidity is measured, set, and its slope."""
        wet = known.wet_measured, known.wet_set_point, known.wet_slope
        if wet[0] is None or wet[1] is None or wet[2] is None:
            raise SetpointError(
                f"{self.name}: a TEMP2500 has no humidity, a TEMI2500 has. Nothing was sent"
            )
        return wet[0], wet[1], wet[2]

    # -- the whole chamber -----------------------------------------------------------------

    def read_alarms(self) -> tuple[str, ...]:
        """Return what the controller's alarm and error registers have set, by bits from 1."""
        alarms = self._known().alarms
        found = self._read(list(alarms))
        return tuple(
            f"{what} {bit + 1}"
            for what, value in zip(alarms.values(), found, strict=True)
            for bit in range(16)
            if value >> bit & 1
        )

    def make_safe(self) -> None:
        """Stop, and see that it did. Raises InstrumentError if the chamber went on."""
        known = self._known()
        if self._status(known) != known.stopped:
            self._send(wire.writing({known.run: STOP}))
            self._await("stop", known, lambda status: status == known.stopped)

    def _take_over(self, known: Map) -> bool:
        """End what was asked for at the panel; return whether a fixed run of before goes on."""
        if self._doing(known) is True:
            return True
        self.make_safe()
        self._put({known.mode: FIXED})
        return False

    def _run(self, known: Map) -> None:
        if self._status(known) != FIXED_RUNS:
            self._send(wire.writing({known.run: RUN}))
            self._await("run", known, lambda status: status == FIXED_RUNS)

    def _doing(self, known: Map) -> Told | Literal[True]:
        """Return True while it runs at a fixed set point, None while it is stopped."""
        status = self._status(known)
        if status == FIXED_RUNS:
            return True
        if status == known.stopped:
            return None
        return OfItsOwn(f"status {status:#x}: a program, or a pause, that was asked for at it")

    def _status(self, known: Map) -> int:
        return self._read([known.status])[0] & 0xFFFF

    def _await(self, what: str, known: Map, is_so: Callable[[int], bool]) -> None:
        until_s = self._clock.now() + _TAKES_S
        while not is_so(status := self._status(known)):
            if self._clock.now() >= until_s:
                raise InstrumentError(
                    what, f"status {status:#x}", "it does not do that: look for alarms at the "
                    "panel, and stop it there if it must stop", self.name,
                )  # fmt: skip
            self._clock.sleep(_LOOKS_S)

    # -- who it is, and what its numbers mean ----------------------------------------------

    def _who(self) -> tuple[str, str, Map]:
        """Return model, version and register map, and see that they belong together."""
        try:
            model, _, version = self._send("AMI").strip().partition(" ")
        except InstrumentError as refused:
            raise WrongDevice(
                f"{self.name}: it does not say who it is: {refused}. The older 800 series has "
                "other registers, and is not set from here"
            ) from refused
        known = next((one for one in MAPS if one.model.fullmatch(model)), None)
        if known is None:
            raise WrongDevice(
                f"{self.name}: it is a {model!r}; of TEMP2500 and TEMI2500 alone the registers are "
                "known, and others differ dangerously. Nothing was set"
            )
        try:
            run, mode = self._read([known.run, known.mode])
            told = f"D{known.run} is {run} and D{known.mode} is {mode}"
            is_so = run in _CODES and mode in (0, FIXED)
        except InstrumentError as refused:
            told, is_so = str(refused), False
        if not is_so:
            raise WrongDevice(
                f"{self.name}: it says {model}, but {told}: no codes of run and mode, as that "
                "series has there. Nothing was set"
            )
        return model, version.strip(), known

    def _known(self) -> Map:
        if self._map is None:
            self._map = self._who()[2]
        return self._map

    def _require_steps(self) -> None:
        """Raise SetpointError where it is not known what a number on the wire means."""
        try:
            self._steps()
        except ProtocolError as error:
            raise SetpointError(f"{error}. Nothing was set") from error

    def _steps(self) -> int:
        """Return how many steps of the wire are 1 K."""
        known, told = self._known(), None
        if known.decimals is not None and known.unit is not None:
            told, unit = self._read([known.decimals, known.unit])
            if told not in (0, 1, 2):
                raise ProtocolError(f"{self.name}: D{known.decimals} tells {told} decimals")
            if unit:
                raise ProtocolError(
                    f"{self.name}: D{known.unit} is {unit}: set the controller to degC (0)"
                )
        decimals = self._declared if told is None else told
        if decimals is None:
            raise ProtocolError(
                f"{self.name}: this series does not tell its decimals. Compare a reading with the "
                "panel, and write decimals = 1 or decimals = 2 in station.toml"
            )
        if told is not None and self._declared not in (None, told):
            raise ProtocolError(
                f"{self.name}: the controller tells {told} decimals, station.toml says "
                f"{self._declared}"
            )
        return (1, 10, 100)[decimals]

    # -- registers -------------------------------------------------------------------------

    def _number(self, register: int, steps: int) -> float:
        return self._read([register])[0] / steps

    def _read(self, registers: Sequence[int]) -> tuple[int, ...]:
        text = self._send(wire.reading(registers))
        try:
            return wire.words("RRD", text, len(registers))
        except ProtocolError as error:
            raise type(error)(f"{self.name}: {error}") from None

    def _put(self, values: Mapping[int, int]) -> None:
        """Write what is not there yet, all at once, and read it back."""
        wanted = dict(values)
        held = dict(zip(wanted, self._read(list(wanted)), strict=True))
        other = {register: value for register, value in wanted.items() if held[register] != value}
        if not other:
            return
        self._send(wire.writing(other))
        found = dict(zip(other, self._read(list(other)), strict=True))
        for register, value in other.items():
            if found[register] != value:
                raise InstrumentError(
                    f"D{register} := {value}", found[register], "it holds that instead: is it "
                    "locked at the panel?", self.name,
                )  # fmt: skip

    def _send(self, body: str) -> str:
        reply = self._line.query(wire.frame(self._address, body, self._summed))
        try:
            return wire.told(self._address, body.partition(",")[0], reply, self._summed)
        except InstrumentError as refused:
            raise InstrumentError(body, refused.code, refused.text, self.name) from None
        except ProtocolError as error:
            raise type(error)(f"{self.name}: {error}") from None
