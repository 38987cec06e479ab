"""What a driver gives is looked at where it is handed on, whoever wrote the driver.

A reading that is text, a set point that is None, an alarm that is a number are no values and no
replies of an instrument: they are the driver's own fault (`DriverFault`), and end a run as such.
"""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Real

from sensorbench.core.errors import DriverFault
from sensorbench.core.provenance import Identity
from sensorbench.core.quantity import Quantity, Value, components, distance, is_finite
from sensorbench.instruments.telling import Held, OfItsOwn, Swing, Told, Untold

_NEAR = 1e-3
"""What an instrument may round a set point by, as a share of it: ranges of modules have steps."""


def value_of(given: object, quantity: Quantity, name: str, driver: type) -> Value:
    """Return what a driver gave as a number, or a vector of as many as its quantity has axes.

    Numbers of other libraries become floats. What is no finite number is not looked at here.
    Raises DriverFault, which names the `driver`.
    """
    parts = given if isinstance(given, tuple) else (given,)
    numbers = [float(part) for part in parts if _is_number(part)]
    if len(numbers) != len(parts) or len(parts) not in {1, len(quantity.axes) or 1}:
        raise _fault(name, driver, f"gave {given!r} where a {quantity.name} belongs")
    return tuple(numbers) if isinstance(given, tuple) and quantity.axes else numbers[0]


def sent_value(
    given: object, target: Value, within: float, quantity: Quantity, name: str, driver: type
) -> Value:
    """Return what a driver says that it sent. Raises DriverFault where that is not the target.

    A vector may be another that is as good: gravity's in the place where the bench stands.
    """
    sent = value_of(given, quantity, name, driver)
    nearest = max(within, quantity.soak.within) + _NEAR * abs(components(target)[0])
    is_it = isinstance(target, tuple) or distance(sent, target) <= nearest
    if not is_finite(sent) or not is_it:
        raise _fault(name, driver, f"sent {sent} {quantity.unit} where {target} was asked for")
    return sent


def told_value(given: object, quantity: Quantity, name: str, driver: type) -> Told:
    """Return what a driver tells that a set point is. Raises DriverFault."""
    if isinstance(given, Held):
        held = value_of(given.value, quantity, name, driver)
        if is_finite(held) and (given.limit is None or _is_number(given.limit)):
            return Held(held, given.limit)
    elif given is None or isinstance(given, Swing | OfItsOwn | Untold):
        return given
    raise _fault(name, driver, f"tells {given!r} as its set point, expected Held(value) or None")


def texts_of(given: object, what: str, name: str, driver: type) -> tuple[str, ...]:
    """Return a list of texts that a driver gave. Raises DriverFault."""
    if not isinstance(given, Sequence) or isinstance(given, str | bytes):
        raise _fault(name, driver, f"gave {given!r} of {what}, expected a list of texts")
    if not all(isinstance(text, str) for text in given):
        raise _fault(name, driver, f"gave {given!r} of {what}, expected texts")
    return tuple(given)


def identity_of(given: object, name: str, driver: type) -> Identity:
    """Return who a driver says that answers. Raises DriverFault."""
    if not isinstance(given, Identity):
        raise _fault(name, driver, f"identify() gave {given!r}, expected an Identity")
    fields = (given.manufacturer, given.model, given.serial, given.firmware)
    if not all(isinstance(field, str) for field in fields):
        raise _fault(name, driver, f"identify() gave {given!r}, expected texts")
    return given


def _is_number(part: object) -> bool:
    if isinstance(part, bool) or not isinstance(part, Real):
        return False
    try:
        float(part)
    except OverflowError:
        return False
    return True


def _fault(name: str, driver: type, what: str) -> DriverFault:
    model = driver.__module__.removesuffix(".driver").rpartition(".")[2]
    return DriverFault(
        f"{name}: its driver {what}. That is a fault of the driver, not of the instrument: "
        f"`sensorbench check-device {model}` tries it; tell whoever wrote it"
    )
