"""A station as planning sees it: what each zone can do, made of station.toml and the classes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sensorbench.core.catalog import devices
from sensorbench.core.channel import Channel
from sensorbench.core.quantity import Value, quantities
from sensorbench.instruments.members import meter, setpoint
from sensorbench.parts.values import AMBIENT, ValueProblem, read
from sensorbench.profiles.layout import BenchRow, Elsewhere, Layout, Zone
from sensorbench.station.binding import Binding, Bindings, bind, ends_of, shown
from sensorbench.station.model import StationFile
from sensorbench.station.protections import guards_of
from sensorbench.station.refs import Ref, find, quantity_of, stated
from sensorbench.station.sockets import fits
from sensorbench.station.specified import BY_SPECIFICATION, specification_of


def layout_of(file: StationFile, bindings: Bindings | None = None) -> Layout:
    """Return the layout of a station; what can't be bound is left out."""
    found = bindings or bind(file)
    zones = {
        name: Zone(
            rows={str(row.where): _row(file, row, found.of(name)) for row in found.of(name)},
            sockets=tuple(socket.id for socket in file.sockets_of(name)),
            fits=_fits(file, name),
            purposes=table.purposes,
            extras=_extras(file, name),
            having=_having(file, name),
            told=_told(file, found, name),
        )
        for name, table in file.zones.items()
    }
    elsewhere = {name: Elsewhere(e.title, e.purposes) for name, e in file.elsewhere.items()}
    return Layout(zones, elsewhere)


def _fits(file: StationFile, zone: str) -> dict[str, tuple[str, ...]]:
    """Return by driver the sockets of a zone in which its parts can be read."""
    return {
        device.name: tuple(s.id for s in file.sockets_of(zone) if fits(s, device))
        for device in devices().values()
        if device.kind == "sensor" and device.usable() is not None
    }


def _row(file: StationFile, row: Binding, others: list[Binding]) -> BenchRow:
    low, high = ends_of(row)
    reference = row.reference is not None
    if row.fixed is not None:
        return BenchRow("fixed", row.fixed, low, high, reference=reference, handle=row.handle)
    follows = row.acts is not None and _only_reads(file, row.acts.instrument)
    if follows or row.acts is None or not isinstance(row.acts.declared, setpoint):
        rest = _rest(file, row)
        return BenchRow(
            "watched", None, low, high, reference=reference, handle=row.handle, rest=rest,
            follows=_followed(file, row, others) if follows else (),
        )  # fmt: skip
    acts = row.acts.declared
    return BenchRow(
        "set",
        low=low,
        high=high,
        fastest=acts.fastest,
        planned=acts.planned,
        settling_s=acts.settling_s,
        limit=acts.limit_rated,
        vector=acts.vector,
        wave_s=(acts.fastest_wave or 0.0, acts.slowest_wave) if acts.can_wave else None,
        reference=reference,
        asks=acts.asks,
        handle=row.handle,
        locked=row.select is not None,
        against=acts.against,
        steady=acts.steady,
        rest=_rest(file, row),
        agree=row.agree or 0.0 if len(row.meters) > 1 else 0.0,
        nonvolatile=acts.nonvolatile,
    )


def _rest(file: StationFile, row: Binding) -> Value | None:
    """Return what a place has while nothing acts: the simulated room's, or what rooms have."""
    ambient = file.simulation.ambient if file.simulation is not None else {}
    raw = ambient.get(str(row.where), ambient.get(row.where.quantity.name))
    if raw is None:
        return row.where.quantity.usual
    try:
        return read(raw, row.where, None)
    except ValueProblem:
        return None  # the station's own check says so


def _only_reads(file: StationFile, instrument: str) -> bool:
    """Return whether an instrument only follows what others do, as gravity does a direction."""
    device = devices().get(file.instrument[instrument].model)
    return bool(getattr(device.usable() if device else None, "READS", ()))


def _followed(file: StationFile, row: Binding, others: list[Binding]) -> tuple[str, ...]:
    """Return the addresses of a place that are set by the members that an instrument reads."""
    assert row.acts is not None  # noqa: S101 - it follows by the instrument that acts
    members = file.instrument[row.acts.instrument].members.values()
    names = {text.partition(".")[0] for text in members}
    acting = [(other, other.acts) for other in others if other.is_set]
    return tuple(str(other.where) for other, acts in acting if acts and acts.instrument in names)


def _having(file: StationFile, zone: str) -> dict[str, frozenset[str]]:
    """Return by name of a meter the sockets of a zone that have it."""
    found: dict[str, set[str]] = {}
    for socket in file.sockets_of(zone):
        for name in socket.meters:
            found.setdefault(name, set()).add(socket.id)
    return {name: frozenset(sockets) for name, sockets in found.items()}


def _extras(file: StationFile, zone: str) -> tuple[Channel, ...]:
    """Return the channels that the sockets of a zone add by meters of their own.

    A part that is read through meters takes those it needs (`METERS`); all others are channels.
    """
    found: dict[str, Channel] = {}
    taken = {
        name
        for device in devices().values()
        if "meters" in device.links
        for name in meters_taken(device.usable())
    }
    for socket in file.sockets_of(zone):
        for name, (text, _) in socket.meters.items():
            if name in taken:
                continue
            try:
                declared = find(file, text, quantities().get(name)).declared
            except LookupError:
                continue  # the station's own check says so
            if isinstance(declared, meter | setpoint):
                found.setdefault(name, Channel(name, quantities().get(name, declared.quantity)))
    return tuple(found.values())


def meters_taken(driver: type[Any] | None) -> tuple[str, ...]:
    """Return the socket's keys that a part's driver reads itself."""
    needed: tuple[str, ...] = getattr(driver, "METERS", ())
    optional: tuple[str, ...] = getattr(driver, "OPTIONAL_METERS", ())
    return (*needed, *optional)


def _told(file: StationFile, found: Bindings, zone: str) -> dict[str, Any]:
    """Return what the evidence is told of a zone: who acts, who is believed, what guards it."""
    told = {"benches": {str(row.where): _bench_json(file, row) for row in found.of(zone)}}
    guarded = {
        where: [guard.as_json() for guard in guards]
        for (own, where), guards in guards_of(file, found).items()
        if own == zone
    }
    return told | ({"protections": guarded} if guarded else {})


def against_of(row: Binding) -> str:
    """Return what a place's readings are measured from: that of its first meter."""
    ref = row.reference or next(iter(row.meters), None)
    return str(getattr(ref.declared, "against", "")) if ref is not None else ""


def _stated(file: StationFile, reference: Ref) -> Mapping[str, Any]:
    """Return what is stated of a reference's uncertainty, or the specification behind it."""
    found = specification_of(reference)
    if BY_SPECIFICATION in stated(file, reference) and found is not None:
        quantity = quantity_of(reference.declared)
        return {"specification": found.told(quantity.unit if quantity else "")}
    raw = file.instrument[reference.instrument].uncertainty
    return {"stated": raw if isinstance(raw, str) else None}


def _bench_json(file: StationFile, row: Binding) -> Mapping[str, Any]:
    told: dict[str, Any] = {
        "set": str(row.acts) if row.is_set else None,
        "against": against_of(row) or None,
        "put_right": against_of(row) == AMBIENT or None,
        "fixed": shown(row.fixed) if row.fixed is not None else None,
        "reference": str(row.reference) if row.reference else None,
        "believes_set": row.believes_set or None,
        "meters": [str(ref) for ref in row.meters],
        "low": row.low,
        "high": row.high,
        "agree": row.agree,
        "gradient": row.gradient,
        "uncertainty": row.uncertainty,
    }
    if row.reference is not None:
        entry = file.instrument[row.reference.instrument]
        due = entry.calibration_due
        told |= {
            "certificate": entry.certificate or None,
            "due": due.isoformat() if due else None,
            **_stated(file, row.reference),
        }
    return {key: value for key, value in told.items() if value is not None}
