"""What gravity, and which way is up, have to do with the fields that no instrument drives."""

from __future__ import annotations

from sensorbench.core.quantity import ACCELERATION, ANGULAR_RATE, Value, components
from sensorbench.world.fields import Constant, Field
from sensorbench.world.imposed import OnGravity, Sines, Turning
from sensorbench.world.world import World

UP = "orientation"
TURNS = ANGULAR_RATE
"""What a rotation drives, about an axis of the part; it drives `UP` with it."""


def resting(world: World, quantity: str, axes: int) -> Value:
    """Return what is ambient, as a vector of `axes`, if any: a plain number is along up."""
    found, up = world.ambient_of(quantity), components(world.ambient_of(UP))
    if isinstance(found, tuple) or axes != len(up):
        return found
    return tuple(found * part for part in up)


def stands_on_gravity(quantity: str) -> bool:
    """Return whether what is shaken has gravity without the shaking."""
    return quantity == ACCELERATION.name


def on_gravity(shaking: Sines, world: World, zone: str) -> Field:
    """Return the specific force of what is shaken in a zone: gravity as the part stands there."""
    return OnGravity(shaking, lambda: world.zone(zone).field(UP))


def turning(world: World, axis: tuple[float, ...], rate_dps: float) -> dict[str, Field]:
    """Return what a part that turns evenly about `axis` from now on feels, by address."""
    up = components(world.ambient_of(UP))
    return {
        UP: Turning(up, axis, rate_dps, world.clock.now()),
        TURNS.name: Constant(tuple(rate_dps * part for part in axis)),
    }
