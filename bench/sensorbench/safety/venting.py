"""Venting while a bench is made safe: only where it is declared, and the parts are cold enough.

The rules:
- What could vent stops driving first, and with nothing asked of anybody. Only what the run never
  set is asked before whether it drives: if it doesn't, it stays as it was found, and that is said.
- It vents where every place that it serves declares that, and each meter of what is waited for
  reads below what is declared: one that can't be read is not taken as cold.
- What a driver has made safe is asked whether it still acts: one that did not look is found out.
- A declared vent that may not be is not safe yet: it is tried again, as a bench cools, and a person
  is told what to do. Where none is declared pressure stays shut in, and that is said.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from math import isfinite

from sensorbench.core.device import Source, Venting
from sensorbench.core.errors import BenchError, LinkClosed, LinkTimeout, NotYetKnown
from sensorbench.core.quantity import Value, components
from sensorbench.instruments.members import Meter, setpoints_of
from sensorbench.instruments.telling import Held, Swing
from sensorbench.station.binding import Binding
from sensorbench.station.refs import Ref
from sensorbench.station.station import Station


class NotVented(BenchError):
    """A vent that station.toml declares may not be now: what it is waiting for is in the text."""


class StillActs(BenchError):
    """An instrument tells that it acts, although its driver made it safe and raised nothing."""


class SafeDrive:
    """Makes an instrument safe, at the first call or a later one that tries again.

    `was_set` says whether this program may have set it.
    """

    def __init__(self, station: Station, name: str, source: Source, was_set: bool) -> None:
        self._station, self._name, self._source = station, name, source
        self._may_be_left = not was_set

    def __call__(self) -> str:
        """Return what a person is to know of it, "" for nothing.

        Raises NotVented, StillActs, and what the driver raises.
        """
        note = self._made_safe()
        for text in _still_told(self._source):
            raise StillActs(f"it was told to be safe, and {text}. Look at it, and pull its plug")
        return note

    def _made_safe(self) -> str:
        source = self._source
        if not isinstance(source, Venting):
            source.make_safe()
            return ""
        if self._may_be_left and _drives_nothing(source):
            return "left as it was found: it drives nothing, and nothing was set with it"
        self._may_be_left = False  # from here on it drives nothing because it was stopped
        return _shut_in_or_vented(self._station, self._name, source)


def _still_told(source: Source) -> Iterator[str]:
    """Yield what an instrument tells of itself that acts, beside what its driver saw to.

    One that can't be asked, or does not answer any more, did what it was told as far as is known.
    """
    for name, declared in setpoints_of(type(source)).items():
        told = None
        if declared.can_tell:
            with suppress(BenchError):
                told = getattr(source, name).told()
        if isinstance(told, Swing) or (isinstance(told, Held) and any(components(told.value))):
            value = "a wave" if isinstance(told, Swing) else _show(told.value)
            yield f"its {name} still acts, at {value} {declared.quantity.unit}".rstrip()


def _show(value: Value) -> str:
    return ", ".join(f"{part:g}" for part in components(value))


def _shut_in_or_vented(station: Station, name: str, source: Venting) -> str:
    rows = [
        row
        for row in station.bindings.rows.values()
        if row.acts is not None and row.acts.instrument == name
    ]
    if not source.shut_in():
        return ""
    if not rows or any(row.vent is None for row in rows):
        return "shut in, not vented: station.toml declares no `vent` for it. Vent it by hand"
    for why in _why_not(station, rows):
        raise NotVented(f"shut in, not vented: {why}. Wait until it is, then vent it by hand")
    source.make_safe()
    return ""


def _drives_nothing(source: Venting) -> bool:
    """Return whether an instrument says itself that nothing is set with it now.

    Raises LinkTimeout and LinkClosed: who does not answer is asked again before it is told a thing.
    """
    try:
        return all(getattr(source, name).told() is None for name in setpoints_of(type(source)))
    except (LinkTimeout, LinkClosed):
        raise
    except BenchError:
        return False


def _why_not(station: Station, rows: list[Binding]) -> Iterator[str]:
    """Yield in words what stands against a vent."""
    waits = dict.fromkeys(one for row in rows if row.vent is not None for one in row.vent.waits)
    for wait in waits:
        below = f"{wait.where} must be below {wait.value:g} {wait.unit}"
        for ref in wait.meters:
            try:
                value = _read(station, ref)
            except (BenchError, NotYetKnown, KeyError) as error:
                why = "it is not open" if isinstance(error, KeyError) else str(error)
                yield f"{below}, and {ref} can't be read: {why.rstrip('.')}"
                continue
            if not value < wait.value:  # what is no number is not cold
                shown = f"{value:g} {wait.unit}" if isfinite(value) else "no number"
                yield f"{below}, and {ref} reads {shown}"


def _read(station: Station, ref: Ref) -> float:
    found = station.member(ref)
    if not isinstance(found, Meter):
        raise BenchError(f"{ref} reads nothing")
    return max(components(found.read()))
