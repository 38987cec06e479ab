"""Walks all that somebody's driver has, on one of our twins over TCP.

Each property is read; each that can be set is set to its values and read again, from the settings
of a reset each time. PyMeasure says itself which words a property takes; numbers a `Walk` gives.
What a twin does not model stands in `beyond` with its reason: it has to fail, so that the list
stays short and true, and a property that is new upstream has to be dealt with.
"""

from __future__ import annotations

import inspect
import socket
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from sensorbench.links.mount import TcpMount

_PATIENT_MS, _IMPATIENT_MS, _ARRIVES_S = 10_000, 60, 0.02
_SET_ONLY = "Property can not be read"
_OF_EVERY_CLIENT = {"SCPI", "allowed_get_error_types"}


@dataclass(frozen=True)
class As:
    """A value that reads back as another: a range that holds it, a word that means it."""

    given: Any
    found: Any


@dataclass(frozen=True)
class Walk:
    """What is known of a client beforehand.

    `values` are those to set, by property, beside the words that the client knows itself; one that
    is only read has none. `prepare` brings a client that was reset to where its properties answer,
    `prepare_for` beside that to where one of them does. `unread` is set only, or reads otherwise;
    `words_beyond` are single words that have to fail.
    """

    values: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    beyond: Mapping[str, str] = field(default_factory=dict)
    words_beyond: Mapping[str, Mapping[Any, str]] = field(default_factory=dict)
    unread: Mapping[str, str] = field(default_factory=dict)
    prepare: Callable[[Any], None] = lambda _: None
    prepare_for: Mapping[str, Callable[[Any], None]] = field(default_factory=dict)
    reset: Callable[[Any], None] | None = None


@contextmanager
def pymeasure_on(
    twin: Any, kind: type[Any], *, ends: tuple[str, str] = ("\n", "\n")
) -> Iterator[Any]:
    """Serve a twin, open PyMeasure's driver on it, close both; `ends` are its replies' and ours."""
    with ExitStack() as stack:
        stack.enter_context(warnings.catch_warnings())
        warnings.simplefilter("ignore")  # it tells of its own deprecated names
        port = stack.enter_context(TcpMount(twin)).port
        client = kind(
            f"TCPIP0::127.0.0.1::{port}::SOCKET",
            visa_library="@py",
            read_termination=ends[0],
            write_termination=ends[1],
        )
        stack.callback(client.adapter.close)
        line = client.adapter.connection
        line.timeout = _PATIENT_MS
        wire = line.visalib.sessions[line.session].interface
        wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # two sends, then a reply
        yield client


def properties(client: Any) -> list[str]:
    """Return the names of a client's public properties."""
    kind = type(client)
    return [
        name
        for name in dir(kind)
        if not name.startswith("_")
        and name not in _OF_EVERY_CLIENT
        and isinstance(inspect.getattr_static(kind, name), property)
    ]


def _words(client: Any, name: str) -> list[Any]:
    """Return the words that PyMeasure lets through to a property; none for numbers."""
    if not _can_be_set(client, name):
        return []
    setter = inspect.getattr_static(type(client), name).fset
    defaults = inspect.signature(setter).parameters
    known = getattr(client, f"{name}_values", None)
    if known is None and "values" in defaults:
        known = defaults["values"].default
    if isinstance(known, dict):
        return list(known)
    words = list(known or ())
    return words if words and all(isinstance(word, str | bool) for word in words) else []


def _can_be_set(client: Any, name: str) -> bool:
    setter = inspect.getattr_static(type(client), name).fset
    if setter is None:
        return False
    command = inspect.signature(setter).parameters.get("set_command")
    return command is None or command.default is not None


def walk(client: Any, twin: Any, known: Walk, *, of: Any = None) -> None:
    """Read, set and read again each property of a client, or of its channel `of`."""
    part = client if of is None else of
    wrong: list[str] = []
    names = properties(part)
    unknown = {*known.values, *known.beyond, *known.unread, *known.prepare_for} - set(names)
    assert not unknown, f"the client has no {', '.join(sorted(unknown))}"
    for name in names:
        (known.reset or type(twin).reset)(twin)
        known.prepare(part)
        known.prepare_for.get(name, lambda _: None)(part)
        if name in known.beyond:
            if not _fails(client, part, twin, name, known.values.get(name, ())):
                wrong.append(f"{name} works by now, though: {known.beyond[name]}")
            continue
        wrong += _tried(part, twin, name, known)
        for word, reason in known.words_beyond.get(name, {}).items():
            if not _fails(client, part, twin, name, [word]):
                wrong.append(f"{name} takes {word} by now, though: {reason}")
    assert not wrong, "\n".join(wrong)


def _tried(part: Any, twin: Any, name: str, known: Walk) -> list[str]:
    wrong: list[str] = []
    words = [w for w in _words(part, name) if w not in known.words_beyond.get(name, ())]
    values = known.values.get(name, words)
    if not values and _can_be_set(part, name):
        wrong.append(f"{name} can be set, and no value to try is known")
    try:
        if name not in known.unread:
            getattr(part, name)
        for value in values:
            given, expected = (value.given, value.found) if isinstance(value, As) else (value,) * 2
            setattr(part, name, given)
            found = expected if name in known.unread else getattr(part, name)
            if not _same(found, expected):
                wrong.append(f"{name} was set to {given!r} and reads {found!r}")
    except Exception as error:
        wrong.append(f"{name}: {type(error).__name__}: {error}")
    if name in known.unread:
        time.sleep(_ARRIVES_S)
    return wrong + [f"{name}: the twin refused: {refused}" for refused in refusals(twin)]


def _same(found: Any, expected: Any) -> bool:
    if isinstance(expected, float) and isinstance(found, float | int):
        return found == pytest.approx(expected, rel=1e-5)
    return bool(found == expected)


def _fails(client: Any, part: Any, twin: Any, name: str, values: Sequence[Any]) -> bool:
    """Return whether the client or the twin refuses a property, or nothing answers."""
    client.adapter.connection.timeout = _IMPATIENT_MS
    try:
        for value in values:
            setattr(part, name, value.given if isinstance(value, As) else value)
        getattr(part, name)
    except Exception as error:
        if _SET_ONLY not in str(error):
            refusals(twin)
            return True
        return _refuses(twin)  # what was set has first to arrive
    finally:
        client.adapter.connection.timeout = _PATIENT_MS
    return bool(refusals(twin))


def _refuses(twin: Any) -> bool:
    """Return whether a twin refuses what was sent last; one that does not is waited for a while."""
    until_s = time.monotonic() + 1.0
    while not (refused := refusals(twin)) and time.monotonic() < until_s:
        time.sleep(_ARRIVES_S)
    return bool(refused)


def refusals(twin: Any) -> list[str]:
    """Return what stands in a twin's error queue, and empty it."""
    found: list[str] = []
    status = getattr(twin, "status", None)
    while status is not None and (error := status.pop())[0]:
        found.append(f"{error[0]} {error[1]}")
    return found


def arrives(what: Callable[[], bool]) -> None:
    """Wait until the twin has carried out what was sent last; fails after two seconds."""
    until_s = time.monotonic() + 2.0
    while not what():
        assert time.monotonic() < until_s
        time.sleep(_ARRIVES_S)


class Watched:
    """A client whose methods are noted as they are called, to see that none was forgotten."""

    def __init__(self, client: Any) -> None:
        vars(self)["client"], vars(self)["called"] = client, set()

    def __getattr__(self, name: str) -> Any:
        self.called.add(name)
        return getattr(self.client, name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self.client, name, value)

    def not_called(self) -> set[str]:
        """Return the names of the client's own methods that nobody called."""
        return {
            name
            for kind in type(self.client).__mro__
            if kind.__module__.startswith("pymeasure.instruments.")
            and kind.__name__ not in {"Instrument", "CommonBase", "Channel"}
            for name, found in vars(kind).items()
            if not name.startswith("_") and inspect.isfunction(found)
        } - set(self.called)
