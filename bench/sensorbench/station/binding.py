"""What station.toml binds: to each address of a zone what acts, what is believed, what watches.

Known from the classes alone, without opening anything. The rules:
- Every meter in the place counts: what acts reads too, so its own reading is one of the meters.
- A vector is read by a member that reads all its axes: one axis alone does not tell it.
- A member acts on one address only, and members that an instrument is made of act on none.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, Literal

from sensorbench.core.catalog import devices
from sensorbench.core.quantity import Address, Value, address, components
from sensorbench.instruments.members import meter, setpoint, switch
from sensorbench.parts.values import ValueProblem, read, read_difference
from sensorbench.station.losing import USUALLY, Lost
from sensorbench.station.model import BenchTable, StationFile
from sensorbench.station.refs import Ref, axis_of, find, one_axis, stated
from sensorbench.station.specified import BY_SPECIFICATION, Ends, by_specification
from sensorbench.station.venting import Vent, bind_vents

Findings = list[tuple[str, str]]
"""Key in station.toml, and what is wrong there."""


@dataclass(frozen=True, slots=True)
class Binding:
    """One address of a zone, with the bench's limits in canonical units.

    `reference` is the meter that is believed, None where nothing is; `believes_set` says that it is
    the setpoint itself with the instrument's stated uncertainty. `meters` are all that read in the
    place, the reference first.
    """

    zone: str
    where: Address
    acts: Ref | None = None
    fixed: Value | None = None
    reference: Ref | None = None
    believes_set: bool = False
    watch: tuple[Ref, ...] = ()
    low: float | None = None
    high: float | None = None
    agree: float | None = None
    gradient: float | None = None
    handle: tuple[float, float] | None = None
    period_s: float = 10.0
    delay_s: float = 0.0
    rank: int = 0
    vent: Vent | None = None
    select: Ref | None = None
    uncertainty: float | None = None
    changed: Literal["stop", "note"] = "stop"
    action: Literal["stop", "end", "note"] = "stop"
    lost: Lost = USUALLY

    @property
    def meters(self) -> tuple[Ref, ...]:
        """Return every meter in the place, once."""
        found = [self.reference, *self.watch]
        if self.acts is not None and isinstance(self.acts.declared, setpoint):
            found.append(self.acts)
        kept: dict[str, Ref] = {str(ref): ref for ref in found if ref is not None}
        return tuple(kept.values())

    @property
    def is_set(self) -> bool:
        """Return whether something acts on it."""
        return self.acts is not None and isinstance(self.acts.declared, setpoint)


@dataclass(slots=True)
class Bindings:
    """All bindings of a station by zone and address, and what is wrong with the file."""

    rows: dict[tuple[str, str], Binding] = field(default_factory=dict)
    problems: Findings = field(default_factory=list)

    def of(self, zone: str) -> list[Binding]:
        """Return the bindings of a zone, in the order of the file."""
        return [row for (name, _), row in self.rows.items() if name == zone]


def bind(file: StationFile) -> Bindings:
    """Return every binding of a station; what can't be bound is a problem and left out."""
    found = Bindings()
    taken: dict[str, str] = {}
    for name, entry in file.instrument.items():
        device = devices().get(entry.model)
        only_read = getattr(device.usable() if device else None, "READS", ())
        for role, text in entry.members.items():
            try:
                ref = find(file, text, None)
            except LookupError as error:
                found.problems.append((f"instrument.{name}.members.{role}", str(error)))
                continue
            if role not in only_read:
                _take(taken, ref, f"instrument.{name}", found.problems)
    for zone, table in file.zones.items():
        prefix = f"zone.{zone}.bench" if zone else "bench"
        for where, row in table.bench.items():
            key = f"{prefix}.{where}"
            binding = _bind(file, zone, address(where), row, key, found.problems)
            found.rows[zone, where] = binding
            if binding.is_set and binding.acts is not None and row.select is None:
                _take(taken, binding.acts, key, found.problems)
    _one_zone_each(found)
    _one_switch_each(found)
    found.problems += bind_vents(file, found.rows)
    return found


def _take(taken: dict[str, str], ref: Ref, key: str, problems: Findings) -> None:
    """Note who acts with a member: one only, or two would fight."""
    if isinstance(ref.declared, meter):
        return
    before = taken.setdefault(str(ref), key)
    if before != key:
        problems.append((key, f"{ref} acts for {before} already"))


def _one_zone_each(found: Bindings) -> None:
    """An instrument belongs to one zone, but for what a `select` shares."""
    zones: dict[str, str] = {}
    for (zone, where), row in found.rows.items():
        if row.select is not None:
            continue
        for ref in row.meters:
            before = zones.setdefault(ref.instrument, zone)
            if before != zone:
                found.problems.append(
                    (f"zone.{zone}.bench.{where}", f"{ref.instrument} belongs to zone {before}")
                )


def _one_switch_each(found: Bindings) -> None:
    """What several places share is joined to one at a time, by a switch of that place's own."""
    acting: dict[str, Binding] = {}
    leading: dict[str, Binding] = {}
    for row in found.rows.values():
        if not row.is_set:
            continue
        key = _key(row)
        before = acting.setdefault(str(row.acts), row)
        if before is not row and (before.select is None) is not (row.select is None):
            found.problems.append(
                (key, f"{row.acts} acts for {_key(before)} already: both need `select`, or it "
                 "acts there always")
            )  # fmt: skip
        if row.select is None:
            continue
        before = leading.setdefault(str(row.select), row)
        if before.zone != row.zone or (before is not row and str(before.acts) == str(row.acts)):
            found.problems.append(
                (f"{key}.select", f"{row.select} leads to {_key(before)} already")
            )


def _key(row: Binding) -> str:
    return f"zone.{row.zone}.bench.{row.where}" if row.zone else f"bench.{row.where}"


def _bind(
    file: StationFile, zone: str, where: Address, row: BenchTable, key: str, problems: Findings
) -> Binding:
    quantity = where.quantity

    def ref(word: str, text: str | None) -> Ref | None:
        if text is None:
            return None
        try:
            return find(file, text, quantity)
        except LookupError as error:
            problems.append((f"{key}.{word}", str(error)))
            return None

    def value(word: str, raw: Any) -> float | None:
        if raw is None:
            return None
        try:
            found = read(raw, Address(quantity), None)
        except ValueProblem as error:
            problems.append((f"{key}.{word}", str(error)))
            return None
        return max(abs(part) for part in found) if isinstance(found, tuple) else found

    def apart(word: str, raw: Any) -> float | None:
        if raw is None:
            return None
        try:
            found = read_difference(raw, quantity.difference, None)
        except ValueProblem as error:
            problems.append((f"{key}.{word}", str(error)))
            return None
        if found < 0 or (found == 0 and word != "gradient"):
            problems.append((f"{key}.{word}", f"{raw!r}: must be above 0"))
        return found

    def reading(word: str, text: str | None) -> Ref | None:
        found = ref(word, text)
        if found is None or not axis_of(found.declared) or _is_plain(acts):
            return found
        problems.append((f"{key}.{word}", one_axis(file, found, word)))
        return None

    acts = ref("set", row.set)
    believes_set = row.reference == "set"
    reference = acts if believes_set else reading("reference", row.reference)
    fixed: Value | None = None
    if row.fixed is not None:
        try:
            fixed = read(row.fixed, where, None)
        except ValueProblem as error:
            problems.append((f"{key}.fixed", str(error)))
    low, high = value("low", row.low), value("high", row.high)
    if low is not None and high is not None and low >= high:
        problems.append((f"{key}.low", "must be below high"))
    handle = None
    if row.handle is not None:
        ends = [value("handle", end) for end in row.handle]
        if ends[0] is not None and ends[1] is not None:
            handle = (ends[0], ends[1])
            if ends[0] >= ends[1]:
                problems.append((f"{key}.handle", "the first must be below the second"))
    if acts is not None and isinstance(acts.declared, switch):
        problems.append((f"{key}.set", f"{acts} is a switch, it sets no {quantity.name}"))
        acts = None
    binding = Binding(
        zone, where, acts, fixed, reference, believes_set,
        tuple(found for text in row.watch if (found := reading("watch", text))),
        low, high, apart("agree", row.agree), apart("gradient", row.gradient), handle,
        row.period or quantity.period_s, row.delay, row.rank, None,
        _select(file, row, key, problems),
        _uncertainty(file, reference, _span(acts, low, high), problems),
        row.changed, row.action, row.lost,
    )  # fmt: skip
    _rated(binding, key, problems)
    _pausing(binding, key, problems)
    return binding


def _select(file: StationFile, row: BenchTable, key: str, problems: Findings) -> Ref | None:
    if row.select is None:
        return None
    try:
        found = find(file, row.select, None)
    except LookupError as error:
        problems.append((f"{key}.select", str(error)))
        return None
    if not isinstance(found.declared, switch):
        problems.append((f"{key}.select", f"{row.select} is no switch"))
    return found


def _pausing(binding: Binding, key: str, problems: Findings) -> None:
    """A meter that pauses by itself must not count as lost meanwhile: that would end every run."""
    for ref in binding.meters:
        pauses_s = ref.declared.pauses_s if isinstance(ref.declared, meter) else 0.0
        if pauses_s > 0.0 and binding.lost.after_s(binding.period_s) <= pauses_s:
            enough_s = pauses_s + 2 * binding.period_s
            problems.append(
                (f"{key}.lost",
                 f"{ref} gives no reading for up to {pauses_s:g} s now and then, by itself, and "
                 f'would count as lost: write lost = "{enough_s:g} s" or more')
            )  # fmt: skip


def _is_plain(acts: Ref | None) -> bool:
    """Return whether what acts sets one number, along an axis of its own."""
    return acts is not None and isinstance(acts.declared, setpoint) and not acts.declared.vector


def _span(acts: Ref | None, low: float | None, high: float | None) -> Ends:
    """Return between what a place can be: the bench's limits, or what acts there is rated for."""
    if acts is None or not isinstance(acts.declared, setpoint):
        return low, high
    least, most = acts.declared.rated
    return (least if low is None else low), (most if high is None else high)


def _uncertainty(
    file: StationFile, reference: Ref | None, ends: Ends, problems: Findings
) -> float | None:
    """Return the expanded uncertainty of a reference, None where none is stated.

    A vector's is that of its worst axis.
    """
    if reference is None or not isinstance(reference.declared, meter | setpoint):
        return None
    quantity = reference.declared.quantity
    if BY_SPECIFICATION in stated(file, reference):
        try:
            return by_specification(file.instrument[reference.instrument], reference, ends)
        except ValueError as error:
            problems.append((f"instrument.{reference.instrument}.uncertainty", str(error)))
            return None
    try:
        found = [read_difference(raw, quantity.difference, None) for raw in stated(file, reference)]
    except ValueProblem as error:
        if quantity.axes:
            return None  # a direction's, in degrees: kept as text
        problems.append((f"instrument.{reference.instrument}.uncertainty", str(error)))
        return None
    if not all(one > 0 for one in found):
        problems.append(
            (f"instrument.{reference.instrument}.uncertainty",
             "must be above 0: it is the expanded uncertainty of its certificate")
        )  # fmt: skip
    return max(found, default=None)


def _rated(binding: Binding, key: str, problems: Findings) -> None:
    """The bench's limits must lie within what the instrument can do, or they would be idle."""
    unit = binding.where.quantity.unit
    least, most = readable(binding)
    for word, limit in (("low", binding.low), ("high", binding.high)):
        if limit is not None and not least <= limit <= most:
            problems.append(
                (f"{key}.{word}", f"{limit:g} {unit} is beyond what a meter of the place can read, "
                 f"{least:g} to {most:g}: it would stop nothing")
            )  # fmt: skip
    if not binding.is_set or binding.acts is None:
        return
    assert isinstance(binding.acts.declared, setpoint)  # noqa: S101 - is_set says so
    low, high = binding.acts.declared.rated
    for word, limit in (("low", binding.low), ("high", binding.high)):
        if limit is not None and not low <= limit <= high:
            problems.append(
                (f"{key}.{word}",
                 f"{limit:g} {unit} is beyond the rating of {binding.acts}, {low:g} to {high:g}")
            )  # fmt: skip


def readable(binding: Binding) -> tuple[float, float]:
    """Return the ends of what there is of a quantity, as far as a meter of the place reads it."""
    quantity, declared = binding.where.quantity, [ref.declared for ref in binding.meters]
    rated = [d.rated if isinstance(d, meter) else (-math.inf, math.inf) for d in declared]
    absolute = [getattr(d, "against", "") == "vacuum" for d in declared]
    least = 0.0 if absolute and all(absolute) else quantity.least
    lows, highs = [low for low, _ in rated], [high for _, high in rated]
    return max(least, min(lows, default=least)), min(quantity.most, max(highs, default=math.inf))


def ends_of(binding: Binding) -> tuple[float, float]:
    """Return the narrower of the instrument's rating and the bench's limits."""
    low, high = float("-inf"), float("inf")
    if binding.acts is not None and isinstance(binding.acts.declared, setpoint):
        low, high = binding.acts.declared.rated
    vector = bool(binding.where.quantity.axes)
    if binding.high is not None:
        high = min(high, binding.high)
        if vector and binding.low is None:
            low = max(low, -binding.high)
    if binding.low is not None:
        low = max(low, binding.low)
    return low, high


def shown(value: Value) -> list[float] | float:
    """Return a value as JSON has it."""
    return list(components(value)) if isinstance(value, tuple) else value
