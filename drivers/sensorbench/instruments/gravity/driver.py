"""Gravity as an instrument: it is always there, and the orientation says where it points.

A part at rest feels a specific force of `value` upwards, so in its own axes `value` times the
upward direction. Whoever wants another acceleration must set the orientation.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from sensorbench.core.clock import Clock
from sensorbench.core.errors import SetpointError
from sensorbench.core.provenance import Identity
from sensorbench.core.quantity import ACCELERATION, ORIENTATION, Value, components, distance
from sensorbench.core.units import Dimension, parse
from sensorbench.instruments.members import Member, Meter, setpoint

LOWEST, HIGHEST = 9.76, 9.84  # m/s2: nowhere on the ground is it less or more
_STANDS = 0.02  # m/s2: how far a fixture's place may be from what is asked for


class Gravity:
    """Local gravity; `value` is that of this laboratory, with its unit.

    `members` has the orientation under that name. Raises ValueError without it, and for a value
    that is found nowhere on Earth.
    """

    # The members that it reads and never sets: something else sets them.
    READS: ClassVar[frozenset[str]] = frozenset({"orientation"})

    acceleration = setpoint["Gravity"](
        ACCELERATION, rated=(-HIGHEST, HIGHEST), vector=True, untold=True
    )

    def __init__(
        self,
        members: Mapping[str, Member],
        clock: Clock,  # noqa: ARG002
        *,
        value: str,
        name: str = "gravity",
    ) -> None:
        self.name = name
        self._value = parse(value, Dimension.ACCELERATION)
        if not LOWEST <= self._value <= HIGHEST:
            raise ValueError(
                f"{name}: value {value!r} is found nowhere on Earth ({LOWEST} to {HIGHEST} m/s2)"
            )
        found = members.get("orientation")
        if not isinstance(found, Meter) or found.quantity is not ORIENTATION:
            raise ValueError(
                f"{name}: members needs an orientation, for example "
                'members = { orientation = "fixture.orientation" }'
            )
        self._orientation = found

    def identify(self) -> Identity:
        """Return what it is; there is nobody to ask."""
        return Identity("", "gravity")

    @acceleration.read
    def _(self) -> Value:
        """Return the specific force in the parts' axes, in m/s2, by the orientation that holds."""
        return tuple(self._value * part for part in components(self._orientation.read()))

    @acceleration.go
    def _(self, target: Value, rate: float | None, limit: float | None) -> Value:  # noqa: ARG002
        """Return what holds, if it is what is asked for. Raises SetpointError if not."""
        holds = tuple(self._value * part for part in components(self._orientation.read()))
        if len(components(target)) != len(holds) or not distance(target, holds) <= _STANDS:
            shown = ", ".join(f"{part:.4g}" for part in holds)
            raise SetpointError(
                f"{self.name}: acceleration can't be set to {target}, it is ({shown}) m/s2 by "
                f"{self._orientation.name}; set the orientation instead"
            )
        return holds

    @acceleration.release
    def _(self) -> None:
        """Do nothing: gravity stays."""
