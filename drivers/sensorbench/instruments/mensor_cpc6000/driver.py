"""Mensor (WIKA) CPC6000 pressure controller: one of its channels, with an absolute sensor.

Sources: Mensor/WIKA operating instructions CPC 6000, pages 49 and 50 (lines, the error flag), and
CPC6050, pages 73 and 74 (the same command set: A?, AS?, commands go to the active channel, ten
errors); WorkBench, CPC6000 (C#), and pymensor, tried on a CPC6000 (MENSOR, 600 as identity, Mode
VENT, Chan, Setpt, Ptype). Uncertain: the form of ID? and Errorno?, that MEASURE closes the valves
(a public SPC4000, built on it, says so), whether RangeMax? is that of the sensor in use alone.
Recalled: the TCP port, range, rate and steadiness. Accuracy is the module's own. The rules:
- What it hears goes to the active channel, and Units? is of that: the channel is chosen before
  anything is set, vented or shut in, and seen to be; while another is active nothing is read.
- Its unit is left as it is, asked for before and after each number, and one that is not known, or
  not the same, gives no value.
- Commands are not answered: set point and mode are read back. A reply that begins with E says that
  errors wait: a reading with it is refused, and the errors told, once.
- Ptype? must say absolute: what counts from the room's pressure is neither read nor set.
- The first contact only reads: ID?, whose flag is passed over. Keylock stays as it is.
One session. Its own limits of a set point (UpperLimit) are left alone, as no source shows how they
are read. Whether set points are kept in a memory that wears is not known, nor a watchdog.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from sensorbench.core.clock import Clock
from sensorbench.core.errors import InstrumentError, ProtocolError, SetpointError, WrongDevice
from sensorbench.core.provenance import Identity
from sensorbench.core.quantity import PRESSURE, Value
from sensorbench.instruments.members import number, setpoint
from sensorbench.instruments.mensor_cpc6000.replies import (
    Reply,
    parse_error,
    parse_unit,
    parse_value,
    parse_yes,
)
from sensorbench.instruments.telling import Held, OfItsOwn, Told
from sensorbench.links.line import Line, LineSettings

_CHANNELS = ("A", "B")
_MODES = frozenset({"STANDBY", "MEASURE", "CONTROL", "VENT"})
_MOST_ERRORS = 10
_ROUNDS = 1e-5  # of the range: what a set point may be rounded by


class MensorCpc6000:
    """Pressure controller; `channel` is A or B. Another is not touched.

    Raises ValueError for a channel that there is not.
    """

    LINE: ClassVar[LineSettings] = LineSettings(
        write_terminator="\r\n", read_terminator="\r\n", timeout_s=3.0, baud_rate=57_600,
        tcp_port=6000,
    )  # fmt: skip

    pressure = setpoint["MensorCpc6000"](
        PRESSURE,
        rated=(0.0, 10_342_000.0),
        planned=5_000.0,
        settling_s=20.0,
        against="vacuum",
        steady=6.0,
    )

    def __init__(self, line: Line, clock: Clock, *, channel: str = "A") -> None:  # noqa: ARG002
        if channel not in _CHANNELS:
            raise ValueError(f"channel = {channel!r} is not allowed; allowed: A, B")
        self.name = line.name
        self._line, self._channel = line, channel

    def identify(self) -> Identity:
        """Read ID?. Raises WrongDevice if it is no CPC6000.

        It tells a number that others of the family may tell, too: so does the identity.
        """
        told = Reply.parse(self._line.query("ID?"), "ID?").text
        fields = [field.strip() for field in told.split(",")]
        if len(fields) != 4 or (fields[0].upper(), fields[1].upper()) not in {
            ("MENSOR", "600"),
            ("MENSOR", "CPC6000"),
        }:
            raise WrongDevice(
                f"{self.name}: ID? says {told!r}, expected MENSOR, 600, a serial number and a "
                "version; is this the right address?"
            )
        others = ("another controller of Mensor's that calls itself 600",)
        return Identity(fields[0], "CPC6000", fields[2], fields[3], others)

    def take(self) -> Sequence[str]:
        """Empty the error queue and return what an earlier program left in it."""
        left: list[str] = []
        for _ in range(_MOST_ERRORS):
            code, text = parse_error(self._line.query("Errorno?"), "Errorno?")
            if not code:
                break
            left.append(f"{code} {text}")
        return tuple(left)

    @pressure.go
    def _(self, target: Value, rate: float | None, limit: float | None) -> float:  # noqa: ARG002
        """Control to `target` as fast as it can; the set point is read back before that begins.

        Raises SetpointError beyond the sensor in use, InstrumentError if refused.
        """
        self._choose_channel()
        self._require_absolute()
        span_pa = self._check(number(target))
        command = f"Setpt {number(target) / self._unit_pa():.8E}"
        self._line.write(command)
        try:
            held_pa = self._ask_pascals("Setpt?")
            if abs(held_pa - number(target)) > _ROUNDS * span_pa:
                raise InstrumentError("Setpt?", f"{held_pa:g} Pa", "it holds that instead")
        except InstrumentError as refused:
            if self._mode() == "CONTROL":
                self._turn("MEASURE")
            text = "the set point was not taken; it does not control now"
            raise InstrumentError(command, refused.code, text, self.name) from refused
        self._turn("CONTROL")
        return held_pa

    @pressure.foresee
    def _(self, target: Value, limit: float | None) -> None:  # noqa: ARG002
        self._require_channel()
        self._check(number(target))

    @pressure.read
    def _(self) -> float:
        """Return the measured pressure. Raises InstrumentError while errors wait."""
        self._require_channel()
        self._require_absolute()
        return self._ask_pascals(f"{self._channel}?")

    @pressure.told
    def _(self) -> Told:
        """Return the set point; None unless it controls."""
        active = self._active()
        if active != self._channel:
            return OfItsOwn(f"channel {active}, chosen at the panel: it tells of that alone")
        if self._mode() != "CONTROL":
            return None
        return Held(self._ask_pascals("Setpt?"))

    @pressure.release
    def _(self) -> None:
        self.make_safe()

    def read_range_pa(self) -> tuple[float, float]:
        """Return lowest and highest pressure of the sensor in use, Pa."""
        return self._ask_pascals("RangeMin?"), self._ask_pascals("RangeMax?")

    def is_stable(self) -> bool:
        """Return whether the pressure has settled by the controller's own criterion."""
        command = f"{self._channel}S?"
        return parse_yes(self._ask_clean(command), command)

    def make_safe(self) -> None:
        """Vent the channel, whatever went before; returns when it has begun.

        Raises InstrumentError if the controller does not vent.
        """
        self._choose_channel()
        self._turn("VENT")

    def shut_in(self) -> bool:
        """Stop controlling without venting, and return whether pressure is shut in.

        What vents already goes on. Raises InstrumentError if the controller goes on.
        """
        self._choose_channel()
        if self._mode() == "VENT":
            return False
        self._turn("MEASURE")
        return True

    # --------------------------------------------------------------------------------------

    def _ask(self, command: str) -> str:
        """Return a reply whatever errors wait: what vents must not depend on them."""
        return Reply.parse(self._line.query(command), command).text

    def _ask_clean(self, command: str) -> str:
        """Return a reply. Raises InstrumentError with the errors that wait, and clears them."""
        reply = Reply.parse(self._line.query(command), command)
        if reply.has_error:
            raise InstrumentError(
                command, "; ".join(self.take()) or "E", "it had these errors to tell, so this "
                "reply is not taken; they are cleared now", self.name,
            )  # fmt: skip
        return reply.text

    def _ask_pascals(self, command: str) -> float:
        """Return a number of the active channel in Pa.

        Raises ProtocolError where its unit is not the same before and after.
        """
        unit_pa, text = self._unit_pa(), self._ask_clean(command)
        if self._unit_pa() != unit_pa:
            raise ProtocolError(
                f"{self.name}: its unit changed while {command} was asked, or a reply came "
                "damaged: nothing is known of the pressure"
            )
        return round(parse_value(text, command) * unit_pa, 6)

    def _unit_pa(self) -> float:
        return parse_unit(self._ask_clean("Units?"), "Units?")

    def _known(self, active: str) -> str:
        if active.upper() not in {*_CHANNELS, "D"}:
            raise ProtocolError(f"{self.name}: Chan? answered {active!r}, expected A, B or D")
        return active.upper()

    def _active(self) -> str:
        return self._known(self._ask("Chan?"))

    def _require_channel(self) -> None:
        active = self._known(self._ask_clean("Chan?"))
        if active != self._channel:
            raise ProtocolError(
                f"{self.name}: channel {active} is active, and units are told of that alone: "
                f"choose channel {self._channel} at the panel"
            )

    def _choose_channel(self) -> None:
        """Make the channel the active one unless it is, and see that it is."""
        if self._active() == self._channel:
            return
        command = f"Chan {self._channel}"
        self._line.write(command)
        active = self._active()
        if active != self._channel:
            raise InstrumentError(
                command, active, "another channel stays active: choose it at the panel", self.name
            )

    def _require_absolute(self) -> None:
        kind = self._ask_clean("Ptype?").upper()
        if kind != "ABSOLUTE":
            raise ProtocolError(
                f"{self.name}: Ptype? answered {kind!r}, expected ABSOLUTE: it does not count from "
                "vacuum. Choose absolute pressure at the panel"
            )

    def _check(self, target_pa: float) -> float:
        """Return the width of the range in use, Pa. Raises SetpointError beyond it."""
        low_pa, high_pa = self.read_range_pa()
        if not low_pa <= target_pa <= high_pa:
            raise SetpointError(
                f"{self.name}: {target_pa:g} Pa is outside {low_pa:g}..{high_pa:g} Pa of the "
                "sensor in use; nothing was set"
            )
        return high_pa - low_pa

    def _mode(self) -> str:
        mode = self._ask("Mode?").upper()
        if mode not in _MODES:
            raise ProtocolError(
                f"{self.name}: Mode? answered {mode!r}, expected one of {', '.join(sorted(_MODES))}"
            )
        return mode

    def _turn(self, mode: str) -> None:
        """Take a mode, and see that it did: older errors are no refusal to vent."""
        command = f"Mode {mode}"
        self._line.write(command)
        found = self._mode()
        if found != mode:
            errors = "; ".join(self.take()) or found
            what = "vent by hand" if mode == "VENT" else "look at its panel"
            raise InstrumentError(command, errors, f"it is in {found}; {what}", self.name)
