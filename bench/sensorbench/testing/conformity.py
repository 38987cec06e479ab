"""What the conformance suites share: saying what is wrong, a twin's state, who imports whom."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields, is_dataclass
from enum import Enum
from functools import wraps
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

import numpy as np

from sensorbench.core.catalog import Device

C = TypeVar("C")
P = ParamSpec("P")

# What reading alone may move: the pointer of a bus, the reply that waits to be fetched, caches.
_MOVED_BY_READING = frozenset({"_pointer", "_reply", "_replies", "_programs"})
_PLAIN = (int, float, complex, str, bytes, bool, type(None), Enum)
_SHARED_CODECS = (
    "sensorbench.protocols.scpi", "sensorbench.protocols.checksums", "sensorbench.protocols.modbus",
    "sensorbench.protocols.modbus_client", "pymodbus",
)  # fmt: skip


class Nonconformity(AssertionError):
    """The device does not do what every device of its kind does."""


def require(condition: object, message: str) -> None:
    """Raise Nonconformity with `message` unless the condition holds."""
    if not condition:
        raise Nonconformity(message)


def only(
    applies: Callable[[C], bool],
) -> Callable[[Callable[Concatenate[C, P], None]], Callable[Concatenate[C, P], None]]:
    """Let a check be of those devices alone to which it applies; `applies_to` tells."""

    def limit(check: Callable[Concatenate[C, P], None]) -> Callable[Concatenate[C, P], None]:
        @wraps(check)
        def limited(case: C, /, *args: P.args, **kwargs: P.kwargs) -> None:
            if applies(case):
                check(case, *args, **kwargs)

        vars(limited)["applies"] = applies
        return limited

    return limit


def applies_to(check: Callable[[C], None], case: C) -> bool:
    """Return whether a check is for a device at all."""
    applies: Callable[[C], bool] | None = getattr(check, "applies", None)
    return applies is None or applies(case)


@contextmanager
def refusal(kind: type[Exception] | tuple[type[Exception], ...], message: str) -> Iterator[None]:
    """Raise Nonconformity with `message` unless the block raises an error of that kind."""
    try:
        yield
    except kind:
        return
    except Exception as error:
        raise Nonconformity(f"{message}; it raised {type(error).__name__}: {error}") from error
    raise Nonconformity(message)


def state_of(twin: object) -> dict[str, Any]:
    """Return all that a twin holds of its own, to be compared; what reading moves is left out."""
    found: dict[str, Any] = {}
    _collect(twin, "", found, set())
    return found


def _collect(thing: object, path: str, found: dict[str, Any], seen: set[int]) -> None:
    if isinstance(thing, _PLAIN):
        found[path] = repr(thing)
    elif isinstance(thing, bytearray | np.ndarray):
        found[path] = bytes(thing).hex()
    elif isinstance(thing, Mapping):
        for key, value in thing.items():
            _collect(value, f"{path}[{key!r}]", found, seen)
    elif isinstance(thing, list | tuple):
        found[path] = len(thing)
        for number, value in enumerate(thing):
            _collect(value, f"{path}[{number}]", found, seen)
    elif type(thing).__module__.startswith("sensorbench.world.") or callable(thing):
        return  # the world around it, not the device
    elif id(thing) not in seen:
        seen.add(id(thing))
        for name, value in _attributes(thing):
            if name not in _MOVED_BY_READING:
                _collect(value, f"{path}.{name}", found, seen)


def _attributes(thing: object) -> list[tuple[str, object]]:
    if is_dataclass(thing):
        return [(row.name, getattr(thing, row.name)) for row in fields(thing)]
    names = list(getattr(thing, "__dict__", {}))
    for owner in type(thing).__mro__:
        names += [name for name in getattr(owner, "__slots__", ()) if hasattr(thing, name)]
    return [(name, getattr(thing, name)) for name in names]


def changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """Return what differs between two states, in words."""
    names = sorted(before.keys() | after.keys())
    return [
        f"{name or 'the twin'}: {before.get(name)} -> {after.get(name)}"
        for name in names
        if before.get(name) != after.get(name)
    ]


def check_independence(device: Device) -> None:
    """Require that driver and twin are two readings of the data sheet.

    Files whose name begins with `twin` import none of the device's others, nor what drivers
    decode with; the others import no twin and nothing of the world.
    """
    for path, names in _imports(device.package):
        is_twin = path.name.startswith("twin")
        own = [name for name in names if name.startswith(f"{device.package}.")]
        for name in own:
            module = name.removeprefix(f"{device.package}.").partition(".")[0]
            require(
                module.startswith("twin") == is_twin,
                f"{path.name} imports {name}: driver and twin share nothing",
            )
        for name in names:
            if is_twin:
                shared = any(name == c or name.startswith(f"{c}.") for c in _SHARED_CODECS)
                require(not shared, f"{path.name} imports {name}, which drivers decode with")
                require(".driver" not in name, f"{path.name} imports the driver {name}")
            else:
                outside = name.startswith("sensorbench.world") or ".twin" in name
                require(not outside, f"{path.name} imports {name}: a driver knows no twin")


def _imports(package: str) -> Iterator[tuple[Path, set[str]]]:
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise Nonconformity(f"{package} is no package")
    for path in sorted(Path(spec.submodule_search_locations[0]).glob("*.py")):
        names: set[str] = set()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                names |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                names |= {f"{node.module}.{alias.name}" for alias in node.names}
        yield path, names
