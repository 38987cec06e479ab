"""Which part can be read in which socket, and what sockets may share.

The rules of sharing:
- What a meter reads is the evidence of one unit: it belongs to one socket, and to one thing there.
  Several read through it where each has a switch of its own; without one it is joined to all.
- A switch leads to one socket. Several poles of it may lead to several meters there.
- What the bench sets or fixes is the same in all sockets, and so is what measures it: `supply` of
  all may be the reference of [bench.supply]. What is only watched is a total, as of currents.
- What the bench reads at an address is nothing else of a socket.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sensorbench.core.catalog import Device
from sensorbench.core.quantity import quantities
from sensorbench.instruments.members import switch
from sensorbench.station.binding import Binding, Bindings
from sensorbench.station.foreseeing import make
from sensorbench.station.model import Socket, StationFile
from sensorbench.station.refs import Ref, find

Findings = Iterator[tuple[str, str]]


def fits(socket: Socket, device: Device) -> bool:
    """Return whether a part can be read in a socket."""
    return not list(unfit(socket, device))


def unfit(socket: Socket, device: Device) -> Iterator[str]:
    """Yield why a part can't be read in a socket."""
    if "i2c" in device.links:
        if socket.place is None:
            yield f"socket {socket.id} has no link to a bus, a {device.name} needs one"
        elif socket.place.address not in device.addresses:
            addresses = ", ".join(f"{address:#04x}" for address in device.addresses)
            yield (
                f"socket {socket.id} has address {socket.place.address:#04x}, "
                f"{device.name} answers at {addresses}"
            )
    if "serial" in device.links and socket.line is None:
        yield (
            f"socket {socket.id} has no serial line, a {device.name} needs one: "
            'link = { kind = "serial", port = … }'
        )
    elif "serial" in device.links:
        yield from _unaddressed(socket, device)
    for name in getattr(device.load_driver(), "METERS", ()) if "meters" in device.links else ():
        if name not in socket.meters:
            yield f"socket {socket.id} has no meter {name!r}, a {device.name} is read through it"


def _unaddressed(socket: Socket, device: Device) -> Iterator[str]:
    """Yield why a part can't be spoken to at the address that its socket has on a line."""
    try:
        make(device, socket.addressed, {})
    except TypeError:
        where = f"socket {socket.id} has address {socket.addressed['address']} on its line"
        yield f"{where}, a {device.name} has no address: it needs a line of its own"
    except ValueError as error:
        yield f"socket {socket.id}: {error}"


@dataclass(frozen=True, slots=True)
class _Lead:
    """One key of a socket: the meter, and the switch that leads to it, if any."""

    socket: Socket
    name: str
    meter: Ref
    select: Ref | None

    @property
    def key(self) -> str:
        return f"socket {self.socket.id}.{self.name}"


def check_meters(file: StationFile, bindings: Bindings) -> Findings:
    """Yield by key what is wrong with the sockets' own meters: unknown, or of two at once."""
    leads: list[_Lead] = []
    for socket in file.socket:
        for name, (text, select) in socket.meters.items():
            try:
                meter = find(file, text, quantities().get(name))
                through = find(file, select, None) if select else None
            except LookupError as error:
                yield f"socket {socket.id}.{name}", str(error)
                continue
            if isinstance(meter.declared, switch):
                yield f"socket {socket.id}.{name}", f"{meter} is a switch, it reads nothing"
            elif through is not None and not isinstance(through.declared, switch):
                yield f"socket {socket.id}.{name}", f"{through} is no switch"
            else:
                leads.append(_Lead(socket, name, meter, through))
    own = [lead for lead in leads if not _is_common(lead, bindings)]
    yield from _read_twice(own)
    yield from _switched_twice(file, own, bindings)
    for lead in own:
        yield from _read_by_bench(lead, bindings)


def _is_common(lead: _Lead, bindings: Bindings) -> bool:
    """Return whether a meter measures what the bench makes the same in all sockets."""
    return any(
        row.where.quantity.name == lead.name
        and (row.is_set or row.fixed is not None)
        and lead.select is None
        for row in bindings.of(lead.socket.zone)
    )


def _read_twice(leads: Sequence[_Lead]) -> Findings:
    by_meter: dict[str, list[_Lead]] = {}
    for lead in leads:
        by_meter.setdefault(str(lead.meter), []).append(lead)
    for meter, sharing in by_meter.items():
        if len(sharing) > 1 and any(lead.select is None for lead in sharing):
            bare = next(lead for lead in sharing if lead.select is None)
            yield (
                bare.key,
                f"{meter} is read for {_keys(sharing, bare)} too, so one reading would count for "
                f"both: give each a meter, or a switch to this one, {bare.name} = "
                f'{{ meter = "{meter}", select = "relays.k1" }}',
            )
            continue
        for lead in sharing:
            same = [one for one in sharing if str(one.select) == str(lead.select)]
            if same[0] is not lead:
                yield (
                    lead.key,
                    f"{meter} is read through {lead.select} for {_keys(same, lead)} too, so one "
                    "reading would count for both: each needs a switch of its own",
                )


def _switched_twice(file: StationFile, leads: Sequence[_Lead], bindings: Bindings) -> Findings:
    acting = {str(row.select): f"[bench.{row.where}]" for row in bindings.rows.values()}
    for name, entry in file.instrument.items():
        for text in entry.members.values():
            acting.setdefault(text, f"instrument.{name}")
    taken: dict[str, _Lead] = {}
    for lead in leads:
        if lead.select is None:
            continue
        before = taken.setdefault(str(lead.select), lead)
        if before.socket is not lead.socket and before.meter != lead.meter:
            yield (
                lead.key,
                f"{lead.select} leads to {before.key} already: a switch leads to one socket",
            )
        if str(lead.select) in acting:
            yield lead.key, f"{lead.select} acts for {acting[str(lead.select)]} already"


def _read_by_bench(lead: _Lead, bindings: Bindings) -> Findings:
    for row in bindings.rows.values():
        if row.where.quantity.name != lead.name and _reads(row, lead.meter):
            yield (
                lead.key,
                f"{lead.meter} reads [bench.{row.where}], so it can't read the {lead.name} of a "
                "socket: name another meter",
            )


def _reads(row: Binding, meter: Ref) -> bool:
    return row.select is None and any(str(ref) == str(meter) for ref in row.meters)


def _keys(leads: Sequence[_Lead], but: _Lead) -> str:
    others = [lead.key for lead in leads if lead is not but]
    more = f" and {len(others) - 3} more" if len(others) > 3 else ""
    return ", ".join(others[:3]) + more
