"""How a device is tried: the Case of its device.toml's [check] table."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sensorbench.core.catalog import Device, devices
from sensorbench.core.quantity import Value, address, quantities
from sensorbench.core.units import parse
from sensorbench.instruments.members import Member
from sensorbench.testing.conformity import Nonconformity
from sensorbench.testing.world import Bench, Case, Ideal, InstrumentBench

Making = Callable[[Bench], tuple[Member, Any]]


def case_of(device: Device, **of_case: Any) -> Case:
    """Return how a device is tried; `of_case` replaces what its [check] table says.

    Raises Nonconformity for a table that names what is not there.
    """
    check = device.check
    told: dict[str, Any] = {
        "options": check.options,
        "driver_options": check.driver_options,
        "twin_options": check.twin_options,
        "members": {role: _member(text) for role, text in check.members.items()},
        "values": {where: _values(where, texts) for where, texts in check.values.items()},
    }
    return Case(device, **{**told, **of_case})


def _values(where: str, texts: tuple[str, ...]) -> tuple[Value, ...]:
    try:
        dimension = address(where).quantity.dimension
        return tuple(parse(text, dimension) for text in texts)
    except ValueError as error:
        raise Nonconformity(f"device.toml: check.values.{where}: {error}") from None


def _member(text: str) -> Making:
    """Return how the member that `text` names is made in a bench."""
    name, _, member = text.partition(".")
    if not member:
        if name not in quantities():
            raise Nonconformity(f"device.toml: check.members: {name!r} is no quantity")
        return lambda bench: _ideal(bench, name)
    if name not in devices():
        raise Nonconformity(f"device.toml: check.members: {name!r} is no device")
    return lambda bench: _of_other(bench, name, member)


def _ideal(bench: Bench, name: str) -> tuple[Member, Any]:
    ideal = Ideal(bench, f"ideal.{name}", quantities()[name], bench.world.ambient_of(name))
    return ideal.member, ideal.field


def _of_other(bench: Bench, name: str, member: str) -> tuple[Member, Any]:
    """Return a member of another device, of which a bench has one: its outputs are shared."""
    if name not in bench.others:
        bench.others[name] = InstrumentBench(case_of(devices()[name]))
    other = bench.others[name]
    if not hasattr(other.driver, member):
        raise Nonconformity(f"device.toml: check.members: {name} has no member {member!r}")
    drives: Mapping[str, Any] = other.drives
    return other.member(member), drives.get(member, other.twin)
