"""station.toml: what the bench has, what acts, what is believed, and what may never be exceeded."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, ValidationInfo, field_validator, model_validator

from sensorbench.core.document_rest import WITHOUT_RULES
from sensorbench.core.document_words import Place, several
from sensorbench.core.documents import Completed, Document, Duration, Frequency, load
from sensorbench.core.errors import Problem
from sensorbench.core.quantity import AddressError, address
from sensorbench.links.adapters import ADAPTERS, Adapter
from sensorbench.parts.model import by_address, printable, problem
from sensorbench.station.alarm_table import AlarmTable, one_or_several
from sensorbench.station.links import I2cLink, Link, SocketLineLink, SocketLink
from sensorbench.station.losing import USUALLY, LostAfter
from sensorbench.station.recordings import with_recordings
from sensorbench.station.simulated_fields import SimulatedField
from sensorbench.station.tables import with_table

SIMULATED = "simulated"


class Bus(Document):
    """An I2C bus: `simulated`, or an adapter of one of the kinds in `links.adapters`.

    `device` says which of the Linux kernel's it is (/dev/i2c-1), `serial` which at USB.
    """

    kind: str
    device: str | None = None
    serial: str | None = None
    speed: Frequency = Field(default=400e3, gt=0)

    @field_validator("kind")
    @classmethod
    def _known(cls, kind: str) -> str:
        *others, last = map(repr, (SIMULATED, *ADAPTERS))
        if kind != SIMULATED and kind not in ADAPTERS:
            raise problem(f"{kind!r} is not allowed; allowed: {', '.join(others)} or {last}")
        return kind

    @model_validator(mode="after")
    def _which(self) -> Bus:
        adapter = self.adapter
        if adapter is None:
            return self
        if adapter.needs_key and not self.where:
            raise problem(f"a {self.kind} bus needs its {adapter.key}, as {adapter.example}")
        other = "device" if adapter.key == "serial" else "serial"
        if getattr(self, other) is not None:
            raise several(
                [((other,), f"a {self.kind} bus has no {other}; its {adapter.key} says which")],
                rules=True,
            )
        return self

    @property
    def adapter(self) -> Adapter | None:
        """Return the kind of adapter that it is, None where it is simulated."""
        return ADAPTERS.get(self.kind)

    @property
    def where(self) -> str:
        """Return which adapter of its kind it is, "" where that is left out."""
        return (self.serial or self.device or "").strip()


class InstrumentEntry(Document, extra="allow"):
    """One instrument: what it is, how it is reached, how it is calibrated.

    `members` names others' members that it is made of. Every other key is an option of its driver.
    `uncertainty` is expanded (k = 2), one text, or one for each member; "specification" takes that
    of the maker, for the time from `calibrated` to `calibration_due`.
    """

    model: str
    link: Link | None = None
    serial: str = ""
    certificate: str = ""
    calibrated: date | None = None
    calibration_due: date | None = None
    uncertainty: str | dict[str, str] | None = None
    members: dict[str, str] = Field(default_factory=dict)

    @property
    def options(self) -> dict[str, Any]:
        """Return the options of the driver, as they were written."""
        return dict(self.model_extra or {})


class BenchTable(Document):
    """What holds for one address of a zone.

    `set` acts, `reference` is believed ("set": the setpoint itself), `watch` names more meters in
    the same place. A profile may set what lies between `low` and `high`; beyond them by more than
    an overshoot (`safety.limits`), for longer than `delay`, a run stops. It stops, too, where what
    acts is no longer as the run set it, unless `changed` says to note that, as `action` does of a
    limit; "end" lets a stress cool down before (`run.controlled`). Where something vents, `vent`
    says below which values of which addresses making safe may, or "always". A `period` is 1 min at
    most and a `delay` 1 h: a limit that nobody looks at stops nothing. A meter is `lost` after
    so many polls in a row, or after a time, in which it can't be read. Without `set` and `fixed`
    the address is only watched.
    """

    set: str | None = None
    fixed: Any = None
    reference: str | None = None
    watch: tuple[str, ...] = ()
    agree: Any = None
    low: Any = None
    high: Any = None
    period: Duration | None = Field(default=None, gt=0, le=60)
    delay: Duration = Field(default=0.0, ge=0, le=3600)
    gradient: Any = None
    handle: tuple[Any, Any] | None = None
    lost: LostAfter = USUALLY
    rank: int = 0
    vent: Any = None
    select: str | None = None
    changed: Literal["stop", "note"] = "stop"
    action: Literal["stop", "end", "note"] = "stop"

    @model_validator(mode="after")
    def _one(self) -> BenchTable:
        rows: list[tuple[Place, str]] = []
        if self.set is not None and self.fixed is not None:
            rows.append((("fixed",), "write set or fixed, not both"))
        if self.reference == "set" and self.set is None:
            rows.append((("reference",), 'reference = "set" needs set'))
        if self.set is None and self.fixed is None and not (self.watch or self.reference):
            rows.append(((), "needs set, fixed, reference or watch"))
        if rows:
            raise several(rows, rules=True)
        return self


BENCH_KEYS = frozenset(BenchTable.model_fields)


def bench_tables(table: Any) -> Any:
    """Return bench tables by address; `bench.pressure.front` is "pressure.front"."""
    if not isinstance(table, Mapping):
        raise problem("write a table for each quantity")
    found: dict[str, Any] = {}
    rows: list[tuple[Place, str]] = []
    for name, entry in table.items():
        ports: dict[Place, Any] = {(name,): entry}
        if isinstance(entry, Mapping):
            inner = {
                k: v for k, v in entry.items() if k not in BENCH_KEYS and isinstance(v, Mapping)
            }
            own = {k: v for k, v in entry.items() if k not in inner}
            ports = {(name, port): row for port, row in inner.items()}
            if own or not inner:
                ports = {(name,): own, **ports}
        for place, row in ports.items():
            where = ".".join(map(str, place))
            try:
                here = address(where)
            except AddressError as error:
                rows.append((place, str(error)))
                continue
            if here.axis:
                rows.append((place, "a bench table is for the whole quantity, without axis"))
            elif where in found:
                rows.append((place, f"{where} is there twice"))
            found[where] = row
    if rows:
        raise several(rows)
    return found


class ZoneTable(Document):
    """One of several independent benches; `for` is what it serves."""

    purposes: tuple[Literal["stress", "test"], ...] = Field(default=(), alias="for")
    bench: dict[str, BenchTable] = Field(default_factory=dict)

    @field_validator("bench", mode="before")
    @classmethod
    def _addresses(cls, table: Any) -> Any:
        return bench_tables(table)


class ElsewhereTable(Document):
    """A place that is not of this station: a tester, another laboratory."""

    title: str
    purposes: tuple[Literal["stress", "test"], ...] = Field(alias="for", min_length=1)


class Socket(Document, extra="allow"):
    """Where a DUT can sit: its zone, its link, and meters by name for what it puts out.

    Every other key is a meter ("daq.ch101"), or a table `{ meter, select }` for one that is
    shared through a switch.
    """

    id: str = Field(min_length=1)
    zone: str = ""
    link: SocketLink | None = None

    @property
    def place(self) -> I2cLink | None:
        """Return the socket's place on an I2C bus, None where it has none."""
        return self.link if isinstance(self.link, I2cLink) else None

    @property
    def line(self) -> SocketLineLink | None:
        """Return the line to the socket's part, None where it has none."""
        return self.link if isinstance(self.link, SocketLineLink) else None

    @property
    def addressed(self) -> dict[str, int]:
        """Return the option of driver and twin that is the part's address on a line, if any."""
        if self.line is None or self.line.address is None:
            return {}
        return {"address": self.line.address}

    @property
    def meters(self) -> dict[str, tuple[str, str]]:
        """Return the socket's own meters by name: the meter, and the switch that selects it."""
        found = {}
        for name, raw in (self.model_extra or {}).items():
            if isinstance(raw, str):
                found[name] = (raw, "")
            else:
                found[name] = (raw["meter"], raw.get("select", ""))
        return found

    @model_validator(mode="after")
    def _check(self) -> Socket:
        rows: list[tuple[Place, str]] = [
            ((name,), 'write a meter ("dmm.voltage"), or { meter, select }, both texts')
            for name, raw in (self.model_extra or {}).items()
            if not isinstance(raw, str) and not _is_meter(raw)
        ]
        if self.link is None and not self.model_extra:
            rows.append(((), "needs a link, or a meter that reads the part"))
        if rows:
            raise several(rows, rules=True)
        return self


def _is_meter(raw: object) -> bool:
    return (
        isinstance(raw, Mapping)
        and "meter" in raw
        and set(raw) <= {"meter", "select"}
        and all(isinstance(text, str) for text in raw.values())
    )


class SimulatedFault(Document):
    """Something that goes wrong with a simulated device, given by serial or instrument name.

    `kind` is one of its twin's faults, or one that any part can have: absent (nothing is there),
    brown_out (it has no supply), bus_held (it holds a line of its I2C bus low). It is there from
    `at` to `until`, counted from the beginning of the run.
    """

    device: str
    kind: str
    at: Duration | None = None
    until: Duration | None = None

    @model_validator(mode="after")
    def _in_order(self) -> SimulatedFault:
        if self.until is not None and self.until <= max(0.0, self.at or 0.0):
            raise several([(("until",), "it ends before it begins: give a later time")], rules=True)
        return self


class Simulation(Document):
    """What the simulated world is like; the seed makes units, noise and ageing."""

    seed: int = 0
    ambient: dict[str, Any] = Field(default_factory=dict)
    fault: tuple[SimulatedFault, ...] = ()
    field: tuple[SimulatedField, ...] = ()

    @field_validator("ambient")
    @classmethod
    def _addresses(cls, table: dict[str, Any]) -> dict[str, Any]:
        return by_address(table)


class ProtectionTable(Document):
    """What makes a setpoint harmless when neither program nor PC does, as an oven's own limiter.

    `guards` names addresses ("oven:temperature" of a zone) or instruments; `tested` is when it was
    last tripped and seen to work, `every` how long that counts.
    """

    guards: Annotated[tuple[str, ...], BeforeValidator(one_or_several), Field(min_length=1)]
    what: str = Field(min_length=1)
    tested: date | None = None
    every: Duration = Field(default=365 * 86400.0, gt=0, le=10 * 365 * 86400.0)


class DeadManTable(Document):
    """A retriggerable relay that a run holds by pulses: it drops when everything dies.

    `output` is the contact that is turned every `period`; `drops` is how long the relay holds
    after the last turn, as it is set.
    """

    output: str
    period: Duration = Field(ge=0.1, le=60.0)
    drops: Duration = Field(gt=0, le=600.0)


class StationData(Document):
    """The [station] table."""

    name: str = Field(min_length=1)
    location: str = ""

    @field_validator("name", "location")
    @classmethod
    def _printable(cls, text: str) -> str:
        return printable(text, "what stands on every report")


def no_instrument_name(name: str) -> str:
    """Return why an instrument can't be called so, "" where it can.

    >>> no_instrument_name("psu.1")
    'what follows a dot is a member, as in psu.out1; write psu1 or psu_1'
    """
    if "." in name:
        others = " or ".join(dict.fromkeys((name.replace(".", ""), name.replace(".", "_"))))
        return f"what follows a dot is a member, as in psu.out1; write {others}"
    if not name.strip() or name != name.strip() or not name.isprintable():
        return "give it one, without blanks at its ends and control characters"
    return ""


class StationFile(Document):
    """A station.toml."""

    station: StationData
    simulation: Simulation | None = None
    bus: dict[str, Bus] = Field(default_factory=dict)
    instrument: dict[str, InstrumentEntry] = Field(default_factory=dict)
    bench: dict[str, BenchTable] = Field(default_factory=dict)
    zone: dict[str, ZoneTable] = Field(default_factory=dict)
    elsewhere: dict[str, ElsewhereTable] = Field(default_factory=dict)
    socket: tuple[Socket, ...] = ()
    protection: dict[str, ProtectionTable] = Field(default_factory=dict)
    dead_man: dict[str, DeadManTable] = Field(default_factory=dict)
    alarm: AlarmTable | None = None

    @field_validator("bench", mode="before")
    @classmethod
    def _addresses(cls, table: Any) -> Any:
        return bench_tables(table)

    @model_validator(mode="after")
    def _zones(self, info: ValidationInfo) -> StationFile:
        if info.context and WITHOUT_RULES in info.context:
            return self
        rows: list[tuple[Place, str]] = [
            (("instrument", name), f"{name!r} is no name: {wrong}")
            for name in self.instrument
            if (wrong := no_instrument_name(name))
        ]
        if self.zone and self.bench:
            text = "write [bench…] for one zone, or [zone.NAME.bench…] for several"
            rows.append(((), text))
        known = set(self.zones)
        there = ", ".join(filter(None, known)) or "none; leave zone out"
        rows += [
            (("socket", k, "zone"), f"zone {socket.zone!r}; there are: {there}")
            for k, socket in enumerate(self.socket)
            if socket.zone not in known
        ]
        if rows:
            raise several(rows, rules=True)
        return self

    @cached_property
    def zones(self) -> Mapping[str, ZoneTable]:
        """Return the zones by name; one bench without zones is ""."""
        return self.zone or {"": ZoneTable.model_validate({"for": (), "bench": {}}).model_copy(
            update={"bench": self.bench}
        )}  # fmt: skip

    def sockets_of(self, zone: str) -> tuple[Socket, ...]:
        """Return the sockets of a zone, in the order of the file."""
        return tuple(socket for socket in self.socket if socket.zone == zone)


def load_station(
    path: Path, deeper: Callable[[StationFile], Sequence[Problem]] | None = None
) -> StationFile:
    """Return the station in a file; its sockets may be a CSV file beside it. Raises InputError.

    `deeper` checks it beyond its form, where the form is wrong.
    """

    def completed(data: dict[str, Any]) -> Completed:
        return with_recordings(with_table(data, "socket", path, Socket), path)

    return load(path, StationFile, None, completed, deeper)
