"""Dead-man relays that a run pulses: whether each is a contact of its own, and can be kept.

The rules:
- A pulse is a turn of a contact, closed or open, every `period`; the relay drops `drops` after the
  last one.
- A turn takes two exchanges, as it is read back. The period must have room for it, and one that is
  lost must not drop the relay.
- The contact does nothing else: nothing is joined or selected by it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sensorbench.core.catalog import devices
from sensorbench.core.units import show_duration
from sensorbench.instruments.members import switch
from sensorbench.links.line import LineSettings
from sensorbench.station.binding import Bindings
from sensorbench.station.keeping import exchange_s
from sensorbench.station.model import StationFile
from sensorbench.station.refs import Ref, find

_EXCHANGES = 2
_SHARE = 0.5
"""Of a period: what a turn may take of it."""
Findings = Iterator[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class DeadMan:
    """A contact that is turned every `period_s`, for a relay that drops `drops_s` after that."""

    name: str
    output: Ref
    period_s: float
    drops_s: float


def dead_men(file: StationFile) -> list[DeadMan]:
    """Return the dead-man relays of a station that passed its checks."""
    return [
        DeadMan(name, find(file, row.output, None), row.period, row.drops)
        for name, row in file.dead_man.items()
    ]


def check_dead_men(file: StationFile, bindings: Bindings) -> Findings:
    """Yield key and text of what is wrong with the dead-man relays of a station."""
    taken = {str(row.select): str(row.where) for row in bindings.rows.values() if row.select}
    for socket in file.socket:
        for _, select in socket.meters.values():
            if select:
                taken[select] = f"socket {socket.id}"
    for name, row in file.dead_man.items():
        key = f"dead_man.{name}"
        try:
            ref = find(file, row.output, None)
        except LookupError as error:
            yield f"{key}.output", str(error)
            continue
        if not isinstance(ref.declared, switch):
            yield f"{key}.output", f"{ref} is no contact: a dead-man relay needs one that switches"
            continue
        if str(ref) in taken:
            yield f"{key}.output", f"{ref} switches for {taken[str(ref)]} already"
        taken[str(ref)] = key
        yield from _kept(file, key, DeadMan(name, ref, row.period, row.drops))


def _kept(file: StationFile, key: str, found: DeadMan) -> Findings:
    takes_s = _EXCHANGES * exchange_s(file, found.output.instrument)
    if takes_s > _SHARE * found.period_s:
        yield (
            f"{key}.period",
            f"{show_duration(found.period_s)} can't be kept: a turn of {found.output} takes up to "
            f"{takes_s * 1000:.3g} ms, twice that is the least",
        )
    late_s = _timeout_s(file, found.output.instrument)
    least_s = 2 * found.period_s + late_s
    if found.drops_s < least_s:
        yield (
            f"{key}.drops",
            f"{show_duration(found.drops_s)} is too short: one reply that is lost takes "
            f"{show_duration(late_s)}, and would drop it. Set the relay to "
            f"{show_duration(least_s)} or more, or pulse more often",
        )


def _timeout_s(file: StationFile, name: str) -> float:
    entry = file.instrument[name]
    device = devices().get(entry.model)
    kind = device.usable() if device is not None else None
    own: LineSettings = getattr(kind, "LINE", LineSettings())
    return getattr(entry.link, "timeout", None) or own.timeout_s
