"""Helmholtz coils: three outputs of a supply used as current sources, as one field.

    [instrument.coil]
    model = "helmholtz_coil"
    members = { x = "psu.out1", y = "psu.out2", z = "psu.out3", current_x = "psu.current1",
                reverse_x = "relays.k1" }
    constant = { x = "110 uT/A", y = "112 uT/A", z = "108 uT/A" }
    resistance = "2.4 ohm"

The rules:
- The current makes the field: the output's current limit is set to it, and its voltage above what
  the coil needs, so that the output regulates current.
- An output drives one way. A relay (`reverse_x`) turns the coil's leads around, and only while its
  output is off: contacts must not break a coil's current. Without one a negative component is
  refused.
- Everything is checked before anything is sent; what fails half-way switches all coils off.
- It reads back what its current meters (`current_x`) measure; without one, the voltage over the
  coil's resistance, which copper's warming makes 0.4 % a kelvin wrong.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sensorbench.core.clock import Clock
from sensorbench.core.errors import BenchError, SetpointError
from sensorbench.core.provenance import Identity
from sensorbench.core.quantity import MAGNETIC_FIELD, SUPPLY, SUPPLY_CURRENT, Value, components
from sensorbench.core.units import Dimension, UnitError, parse
from sensorbench.instruments.members import Member, Meter, Setpoint, Switch, setpoint
from sensorbench.instruments.telling import Held, Told, Untold
from sensorbench.instruments.trying import failure

_PER_AMPERE = "/A"
# How far the voltage stands above what the coil needs cold: warm copper, leads and contacts.
_HEADROOM, _LEADS_V = 1.3, 0.5

PerAxis = str | Mapping[str, str]


@dataclass(slots=True)
class _Axis:
    """One coil: what drives it, what it is, and which way its leads are, None if not known."""

    output: Setpoint
    ut_per_a: float
    ohms: float | None
    compliance_v: float | None
    meter: Meter | None
    reverse: Switch | None
    sign: float | None = None

    @property
    def least_ut(self) -> float:
        return self.ut_per_a * self._limits_a[0]

    @property
    def most_ut(self) -> float:
        most_a = self._limits_a[1]
        if self.ohms is not None:
            room_v = self.output.rated[1] if self.compliance_v is None else self.compliance_v
            most_a = min(most_a, room_v / self.ohms)
        return self.ut_per_a * most_a

    @property
    def _limits_a(self) -> tuple[float, float]:
        assert self.output.limit_rated is not None  # noqa: S101 - looked at when it was made
        return self.output.limit_rated

    def volts(self, amperes: float) -> float:
        """Return the voltage at which the output regulates current."""
        if self.compliance_v is not None:
            return self.compliance_v
        assert self.ohms is not None  # noqa: S101
        return min(self.output.rated[1], _HEADROOM * self.ohms * amperes + _LEADS_V)

    def amperes(self) -> float:
        if self.meter is not None:
            return components(self.meter.read())[0]
        assert self.ohms is not None  # noqa: S101
        return components(self.output.read())[0] / self.ohms


class HelmholtzCoil:
    """Coils as one setpoint. `constant`, `resistance` and `compliance` (V) are one text for all
    axes, or a table by axis.

    Raises ValueError for members or options that make no coil.
    """

    # What the usual supplies and coils reach together; each axis is checked by itself. A supply's
    # current steps of some 0.5 mA are 0.06 uT.
    magnetic_field = setpoint["HelmholtzCoil"](
        MAGNETIC_FIELD, rated=(-1000.0, 1000.0), vector=True, settling_s=0.5, rounds=0.1
    )

    def __init__(
        self,
        members: Mapping[str, Member],
        clock: Clock,  # noqa: ARG002 - every driver alike
        *,
        constant: PerAxis,
        resistance: PerAxis | None = None,
        compliance: PerAxis | None = None,
        name: str = "coil",
    ) -> None:
        self.name = name
        self._axes = {
            axis: self._axis(axis, members, constant, resistance, compliance)
            for axis in MAGNETIC_FIELD.axes
            if axis in members
        }
        if not self._axes:
            raise ValueError(f'{name}: members needs x, y or z, for example x = "psu.out1"')

    def identify(self) -> Identity:
        """Return what it is; the supply and the relays tell for themselves."""
        return Identity("", "Helmholtz coil")

    # -- the field -------------------------------------------------------------------------

    @magnetic_field.go
    def _(self, target: Value, rate: float | None, limit: float | None) -> Value:  # noqa: ARG002
        """Set the field in uT. Raises SetpointError, with nothing sent, for what can't be done."""
        wanted = self._wanted(target)
        try:
            for axis, field_ut in wanted.items():
                if axis in self._axes:
                    _drive(self._axes[axis], field_ut)
        except BenchError as error:
            for what, failed in self._switch_off().items():
                error.add_note(f"{self.name} may still be on: {what}: {failed}")
            raise
        return tuple(wanted.values())

    @magnetic_field.foresee
    def _(self, target: Value, limit: float | None) -> None:  # noqa: ARG002
        self._wanted(target)

    @magnetic_field.read
    def _(self) -> Value:
        """Return the coils' own field in uT, 0 along an axis without a coil."""
        found = []
        for name in MAGNETIC_FIELD.axes:
            axis = self._axes.get(name)
            found.append((axis.sign or 1.0) * axis.amperes() * axis.ut_per_a if axis else 0.0)
        return tuple(found)

    @magnetic_field.told
    def _(self) -> Told:
        """Return the field by the outputs' current limits, 0 for one that is off.

        Untold where an output can't say. Which way the relays are is not asked.
        """
        found = []
        for name in MAGNETIC_FIELD.axes:
            axis = self._axes.get(name)
            there = axis.output.told() if axis else None
            if axis is None or there is None:
                found.append(0.0)
            elif isinstance(there, Held) and there.limit is not None:
                found.append((axis.sign or 1.0) * there.limit * axis.ut_per_a)
            else:
                return Untold() if isinstance(there, Held) else there
        return Held(tuple(found))

    @magnetic_field.release
    def _(self) -> None:
        self.make_safe()

    def make_safe(self) -> None:
        """Switch all coils off, then let their relays go; each is tried, whatever happens.

        Raises InstrumentError naming what could not be done, TransportError where an instrument
        of it does not answer.
        """
        failed = self._switch_off()
        if failed:
            raise failure(failed, f"{self.name} off", "Pull the plug of the supply")

    def _wanted(self, target: Value) -> dict[str, float]:
        """Return the field by axis. Raises SetpointError for what the coils can't make."""
        wanted = self._components(target)
        for axis, field_ut in wanted.items():
            self._check(axis, field_ut)
        return wanted

    def _components(self, target: Value) -> dict[str, float]:
        """Return the field by axis; a plain number is along the only coil."""
        parts = components(target)
        if len(parts) == 1 and len(self._axes) == 1:
            return {axis: parts[0] if axis in self._axes else 0.0 for axis in MAGNETIC_FIELD.axes}
        if len(parts) != len(MAGNETIC_FIELD.axes):
            raise SetpointError(
                f"{self.name}: {target} must have three components, as there are coils along "
                f"{', '.join(self._axes)}; nothing was sent"
            )
        return dict(zip(MAGNETIC_FIELD.axes, parts, strict=True))

    def _check(self, name: str, field_ut: float) -> None:
        axis = self._axes.get(name)
        what = f"{self.name}: {name} = {field_ut:g} uT"
        if not field_ut:
            return
        if axis is None:
            raise SetpointError(f"{what}, but there is no coil along {name}; nothing was sent")
        if not axis.least_ut <= abs(field_ut) <= axis.most_ut:
            raise SetpointError(
                f"{what} is outside {axis.least_ut:.4g} to {axis.most_ut:.4g} uT, which "
                f"{axis.output.name} can drive there; nothing was sent"
            )
        if field_ut < 0 and axis.reverse is None:
            raise SetpointError(
                f"{what} is negative, and {axis.output.name} drives one way; add a relay that "
                f'turns the leads around (members: reverse_{name} = "relays.k1"). Nothing was sent'
            )

    def _switch_off(self) -> dict[str, BenchError]:
        """Switch everything off, outputs first; return what could not be done, and why."""
        failed: dict[str, BenchError] = {}

        def attempt(what: str, act: Callable[[], None]) -> None:
            try:
                act()
            except BenchError as error:
                failed[what] = error

        for name, axis in self._axes.items():
            before = len(failed)
            attempt(f"coil {name}", axis.output.release)
            if axis.reverse is not None and len(failed) == before:
                axis.sign = None
                attempt(f"relay of coil {name}", axis.reverse.open)
        return failed

    # -- making ----------------------------------------------------------------------------

    def _axis(
        self,
        axis: str,
        members: Mapping[str, Member],
        constant: PerAxis,
        resistance: PerAxis | None,
        compliance: PerAxis | None,
    ) -> _Axis:
        output = members[axis]
        is_output = isinstance(output, Setpoint) and output.quantity is SUPPLY
        if not isinstance(output, Setpoint) or not is_output or output.limit_rated is None:
            raise ValueError(
                f"{self.name}: members.{axis} must be an output of a supply with a current limit"
            )
        meter, reverse = members.get(f"current_{axis}"), members.get(f"reverse_{axis}")
        if meter is not None and not (
            isinstance(meter, Meter) and meter.quantity is SUPPLY_CURRENT
        ):
            raise ValueError(f"{self.name}: members.current_{axis} must read a supply_current")
        if reverse is not None and not isinstance(reverse, Switch):
            raise ValueError(f"{self.name}: members.reverse_{axis} must be a switch")
        ohms = self._option("resistance", resistance, axis, Dimension.RESISTANCE)
        compliance_v = self._option("compliance", compliance, axis, Dimension.VOLTAGE)
        if ohms is None and (compliance_v is None or meter is None):
            raise ValueError(
                f'{self.name}: write the coil\'s resistance = "2.4 ohm", or its '
                f'compliance = "12 V" and a meter, members.current_{axis}'
            )
        if compliance_v is not None and not 0 < compliance_v <= output.rated[1]:
            raise ValueError(
                f"{self.name}: a compliance of {compliance_v:g} V is outside what {output.name} "
                f"gives, up to {output.rated[1]:g} V"
            )
        return _Axis(output, self._constant(constant, axis), ohms, compliance_v, meter, reverse)

    def _option(
        self, what: str, option: PerAxis | None, axis: str, dimension: Dimension
    ) -> float | None:
        text = option.get(axis) if isinstance(option, Mapping) else option
        if text is None:
            return None
        value = parse(text, dimension)
        if not value > 0:
            raise ValueError(f"{self.name}: {what} of {axis} must be above 0, got {text!r}")
        return value

    def _constant(self, option: PerAxis, axis: str) -> float:
        text = option.get(axis, "") if isinstance(option, Mapping) else option
        try:
            value = parse(text.removesuffix(_PER_AMPERE), Dimension.MAGNETIC_FIELD)
        except UnitError:
            value = math.nan
        if not text.endswith(_PER_AMPERE) or not value > 0:
            raise ValueError(
                f'{self.name}: the constant of {axis} is written like "110 uT/A", got {text!r}'
            )
        return value


def _drive(axis: _Axis, field_ut: float) -> None:
    """Let one coil make its component."""
    if not field_ut:
        axis.output.release()
        return
    sign = math.copysign(1.0, field_ut)
    if axis.reverse is not None and axis.sign != sign:
        axis.output.release()
        axis.sign = None
        (axis.reverse.close if sign < 0 else axis.reverse.open)()
    axis.sign = sign
    amperes = abs(field_ut) / axis.ut_per_a
    axis.output.go(axis.volts(amperes), limit=amperes)
