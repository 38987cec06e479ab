"""ConST 811A pressure controller, sold by Additel as well, with an absolute module.

Sources: a public Go driver of ConST controllers, its tests and protocol notes (commands, replies,
silence after commands, 5 s and twice that to vent, *IDN? with an empty model); the maker's unit
codes as its tests and additel-sdk have them; a public C# class of the sister ConST 860 (what
TARGet? and TYPE? answer). Recalled: that short headers are taken (SYST:ERR?), that MEASURE closes
the valves, ranges, rate and steadiness. Accuracy is the module's own: its certificate tells. The
rules:
- A module refuses a unit without a word where its display can't show it, and tables of codes
  differ: pressures are set in kPa, once the code and the name in a reply both say so, and every
  number is believed only in the unit that the controller says it is in.
- Commands are not answered: errors are asked for, and unit, target, limits and mode read back.
- PRESsure:TYPE? must say A: what counts from the room's pressure is neither read nor set.
- Safe is VENT. A vent ends at the pressure that PRESsure:Vent names, the room's unless somebody set
  another; how that is asked differs by source, so it is left alone.
- A public client sends 0.0001 for a target of 0, and does not say why: what is read back decides.
Sessions are not known, so one. The port can be set at the panel (5025; Additel's are 8000 and end
lines with CR LF). Whether targets are kept in a memory that wears is not known, nor a watchdog.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import ClassVar

from sensorbench.core.clock import Clock
from sensorbench.core.errors import InstrumentError, ProtocolError, SetpointError, WrongDevice
from sensorbench.core.provenance import Identity
from sensorbench.core.quantity import PRESSURE, Value
from sensorbench.instruments.const_811a.units import KPA_CODE, PASCALS, parse_code, parse_pascals
from sensorbench.instruments.members import Band, number, setpoint
from sensorbench.instruments.telling import Held, Told
from sensorbench.links.line import Line, LineSettings
from sensorbench.protocols.scpi import parse_flag, parse_identity, pending_errors, send

_UNIT = "PRESsure:MODule1:UNIT"
_TARGET, _RANGE = "PRESsure:TARGet", "PRESsure:TARGet:RANGe?"
_MODE, _TYPE, _STABLE = "PRESsure:MODE", "PRESsure:TYPE?", "PRESsure:MODule1:STABle?"
_LIMITS, _LIMITED = "PRESsure:PLIMit", "PRESsure:PLIMit:ENABle"
_CONTROL, _MEASURE, _VENT = "CONTROL", "MEASURE", "VENT"
_STEP_PA = 0.1  # four decimals of a kPa, as the public client sends them
_SHOWN = 1e-5  # of the range: what the display may round a target by
_VENT_S = 10.0
_ABSOLUTE = re.compile(r"A\s*,\s*[01]")


class Const811a:
    """Pressure controller; what the fitted module can do is read from it before each setpoint."""

    LINE: ClassVar[LineSettings] = LineSettings(timeout_s=5.0)

    # The notes' largest range; rate and steadiness are those of a small module (0.005 % of 2 bar).
    pressure = setpoint["Const811a"](
        PRESSURE,
        rated=(0.0, 73_500_000.0),
        planned=5_000.0,
        settling_s=20.0,
        resolution=_STEP_PA,
        against="vacuum",
        steady=10.0,
    )

    def __init__(self, line: Line, clock: Clock) -> None:  # noqa: ARG002 - every driver alike
        self.name = line.name
        self._line = line

    def identify(self) -> Identity:
        """Read *IDN?. Raises WrongDevice if it is no 811A.

        Some leave the model out: then it must answer what only an 811A is asked, and the identity
        says that it does not tell.
        """
        told = parse_identity(self._line.query("*IDN?"))
        if "811A" in told.model.upper():
            return told
        if told.model or not told.manufacturer.upper().startswith(("ADDITEL", "CONST")):
            raise WrongDevice(
                f"{self.name}: *IDN? says {told}, expected a ConST 811A; is this the right address?"
            )
        self.is_stable()
        others = ("another controller of ConST or Additel",)
        return Identity(told.manufacturer, "811A", told.serial, told.firmware, others)

    def take(self) -> Sequence[str]:
        """Empty the error queue and return what an earlier program left in it."""
        return tuple(f"{code} {text}" for code, text in pending_errors(self._line))

    @pressure.go
    def _(self, target: Value, rate: float | None, limit: float | None) -> float:  # noqa: ARG002
        """Control to `target` as fast as it can; the target is read back before that begins.

        Raises SetpointError beyond the fitted module, InstrumentError if refused.
        """
        span_pa = self._check(number(target))
        self._require_absolute()
        self._use_kilopascal()
        command = f"{_TARGET} {number(target) / PASCALS['kPa']:.4f}"
        send(self._line, command)
        held_pa = self._target_pa()
        if abs(held_pa - number(target)) > max(_STEP_PA, _SHOWN * span_pa):
            if self._mode() == _CONTROL:
                self._turn(_MEASURE)
            raise InstrumentError(
                command, f"{held_pa:g} Pa", "it holds that instead; it does not control now",
                self.name,
            )  # fmt: skip
        self._turn(_CONTROL)
        return held_pa

    @pressure.foresee
    def _(self, target: Value, limit: float | None) -> None:  # noqa: ARG002
        self._check(number(target))

    @pressure.read
    def _(self) -> float:
        """Return the measured pressure. Raises ProtocolError in another unit than it says."""
        self._require_absolute()
        return self._ask_pascals("PRESsure0?", 1)[0]

    @pressure.told
    def _(self) -> Told:
        """Return the target; None while it only measures, or vents."""
        return Held(self._target_pa()) if self._mode() == _CONTROL else None

    @pressure.release
    def _(self) -> None:
        self.make_safe()

    @pressure.protect
    def _(self, low: float | None, high: float | None) -> Band:
        """Narrow the controller's own limits of what it may be set to, inwards to a tenth of a Pa.

        Those that somebody switched off are no limits: then they become the bench's.
        """
        limited = self._is_limited()
        if low is None and high is None:
            return self._limits_pa() if limited else (None, None)
        self._require_absolute()
        self._use_kilopascal()
        lowest, highest = self._limits_pa() if limited else self.read_range_pa()
        to_low = lowest if low is None else max(lowest, math.ceil(low * 10 - 1e-6) / 10)
        to_high = highest if high is None else min(highest, math.floor(high * 10 + 1e-6) / 10)
        if (to_low, to_high) != (lowest, highest) or not limited:
            command = f"{_LIMITS} {to_low / 1e3:.4f},{to_high / 1e3:.4f}"
            send(self._line, command)
            send(self._line, f"{_LIMITED} 1")
            self._require_limits(command, to_low, to_high)
        return self._limits_pa()

    def read_range_pa(self) -> tuple[float, float]:
        """Return lowest and highest target of the fitted module, Pa."""
        low_pa, high_pa = self._ask_pascals(_RANGE, 2)
        return low_pa, high_pa

    def is_stable(self) -> bool:
        """Return whether the pressure has settled by the controller's own criterion."""
        return parse_flag(self._line.query(_STABLE), _STABLE)

    def make_safe(self) -> None:
        """Vent, whatever went before; returns when it has begun.

        Raises InstrumentError if the controller does not vent.
        """
        self._turn(_VENT)

    def shut_in(self) -> bool:
        """Stop controlling without venting, and return whether pressure is shut in.

        What vents already goes on. Raises InstrumentError if the controller goes on.
        """
        if self._mode() == _VENT:
            return False
        self._turn(_MEASURE)
        return True

    # --------------------------------------------------------------------------------------

    def _check(self, target_pa: float) -> float:
        """Return the width of the module's range, Pa. Raises SetpointError beyond it."""
        low_pa, high_pa = self.read_range_pa()
        if not low_pa <= target_pa <= high_pa:
            raise SetpointError(
                f"{self.name}: {target_pa:g} Pa is outside {low_pa:g}..{high_pa:g} Pa of the "
                "fitted module; nothing was set"
            )
        return high_pa - low_pa

    def _require_absolute(self) -> None:
        reply = self._line.query(_TYPE).strip()
        if not _ABSOLUTE.fullmatch(reply):
            raise ProtocolError(
                f"{self.name}: {_TYPE} answered {reply!r}, expected A and 0 or 1: it does not "
                "count from vacuum. Choose absolute pressure at the panel, or fit such a module"
            )

    def _use_kilopascal(self) -> None:
        """Set the unit to kPa unless it is, and see that it was not refused without a word."""
        if self._unit() == "kPa":
            return
        command = f"{_UNIT} {KPA_CODE}"
        send(self._line, command)
        unit = self._unit()
        if unit != "kPa":
            raise InstrumentError(
                command, unit, "the module stays in that unit and says nothing; nothing was set",
                self.name,
            )  # fmt: skip

    def _unit(self) -> str:
        return parse_code(self._line.query(f"{_UNIT}?"), f"{_UNIT}?")

    def _ask_pascals(self, command: str, numbers: int) -> tuple[float, ...]:
        """Return the numbers of a reply, whose unit must be the one that the controller is in."""
        unit = self._unit()
        return parse_pascals(self._line.query(command), numbers, unit, command)

    def _target_pa(self) -> float:
        return self._ask_pascals(f"{_TARGET}?", 1)[0]

    def _limits_pa(self) -> tuple[float, float]:
        low_pa, high_pa = self._ask_pascals(f"{_LIMITS}?", 2)
        return low_pa, high_pa

    def _is_limited(self) -> bool:
        return parse_flag(self._line.query(f"{_LIMITED}?"), f"{_LIMITED}?")

    def _require_limits(self, command: str, low_pa: float, high_pa: float) -> None:
        held_low, held_high = self._limits_pa()
        near = abs(held_low - low_pa) <= _STEP_PA and abs(held_high - high_pa) <= _STEP_PA
        if not near or not self._is_limited():
            raise InstrumentError(
                command, f"{held_low:g}..{held_high:g} Pa", "these limits hold, or none: set them "
                "at the panel", self.name,
            )  # fmt: skip

    def _mode(self) -> str:
        mode = self._line.query(f"{_MODE}?", timeout_s=_VENT_S).strip().upper()
        if mode not in {_CONTROL, _MEASURE, _VENT}:
            raise ProtocolError(
                f"{self.name}: {_MODE}? answered {mode!r}, expected CONTROL, MEASURE or VENT"
            )
        return mode

    def _turn(self, mode: str) -> None:
        """Take a mode, and see that it did."""
        command = f"{_MODE} {mode}"
        self._line.write(command)
        found = self._mode()  # and not the error queue: older errors are no refusal to vent
        if found != mode:
            errors = "; ".join(self.take()) or found
            what = "vent by hand" if mode == _VENT else "look at its panel"
            raise InstrumentError(command, errors, f"it is in {found}; {what}", self.name)
