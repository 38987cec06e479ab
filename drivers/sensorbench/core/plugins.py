"""What can be extended, and who extends it: modules of our own packages, and entry points.

The entry-point group of a table is the name of the package in which ours live, and the entry's name
is what people write: a kind of test `tumble` of another package is

    [project.entry-points."sensorbench.profiles.kinds"]
    tumble = "acme_sensors.tumble.profile"

A broken one is named (`broken`) and skipped; it never takes another one down.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from importlib.util import find_spec
from types import MappingProxyType, ModuleType

from sensorbench.core.errors import Problem

OURS = "sensorbench"


@dataclass(frozen=True, slots=True)
class Plugin:
    """One entry of a table: what people call it, whose it is, and the module that holds it."""

    name: str
    module: str
    origin: str

    def load(self) -> ModuleType:
        """Return the module, imported when asked for."""
        return import_module(self.module)


_broken: dict[str, Problem] = {}


def note_broken(where: str, key: str, text: str) -> None:
    """Remember that a plug-in can't be used, for `broken`."""
    _broken[f"{where}:{key}"] = Problem(where, key, text)


def broken() -> tuple[Problem, ...]:
    """Return what could not be used until now, and why."""
    return tuple(_broken.values())


def origin_of(entry: EntryPoint) -> str:
    """Return the distribution that an entry point comes from, with its version."""
    return f"{entry.dist.name} {entry.dist.version}" if entry.dist else "unknown package"


@cache
def plugins(group: str) -> Mapping[str, Plugin]:
    """Return the entries of a table by name: our modules in the package `group`, then others'.

    Nobody replaces an entry of ours, nor that of a package before it.
    """
    found: dict[str, Plugin] = {}
    spec = find_spec(group)
    if spec is not None and spec.submodule_search_locations:
        for module in pkgutil.iter_modules(spec.submodule_search_locations):
            if not module.name.startswith("_"):
                found[module.name] = Plugin(module.name, f"{group}.{module.name}", OURS)
    for entry in sorted(entry_points(group=group), key=lambda entry: entry.name):
        origin = origin_of(entry)
        if entry.name in found:
            taken = found[entry.name].origin
            note_broken(origin, f"{group}.{entry.name}", f"{taken} has one of that name already")
            continue
        try:
            there = find_spec(entry.module) is not None
        except (ImportError, ValueError) as error:
            note_broken(origin, f"{group}.{entry.name}", f"can't be imported: {error}")
            continue
        if not there:
            note_broken(origin, f"{group}.{entry.name}", f"there is no module {entry.module}")
            continue
        found[entry.name] = Plugin(entry.name, entry.module, origin)
    return MappingProxyType(found)


@cache
def load(group: str, name: str) -> ModuleType | None:
    """Return the module of an entry, None where there is none or it is broken."""
    plugin = plugins(group).get(name)
    if plugin is None:
        return None
    try:
        return plugin.load()
    except Exception as error:
        note_broken(plugin.origin, f"{group}.{name}", f"{type(error).__name__}: {error}")
        return None


@cache
def load_all(group: str) -> Mapping[str, ModuleType]:
    """Return the modules of all entries that can be loaded, by name."""
    found = {name: load(group, name) for name in plugins(group)}
    return MappingProxyType({name: module for name, module in found.items() if module})
