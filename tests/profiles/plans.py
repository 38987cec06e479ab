"""Plans made by hand: a bench as planning sees it, a part, a lot, and what they expand to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from sensorbench.core.documents import loads
from sensorbench.core.errors import InputError
from sensorbench.parts.model import Lot, Part
from sensorbench.parts.values import Wave
from sensorbench.profiles.expand import expand
from sensorbench.profiles.layout import BenchRow, Elsewhere, Layout, Zone
from sensorbench.profiles.model import Profile
from sensorbench.profiles.planning.reading import show_value
from sensorbench.profiles.schedule import (
    Action,
    Do,
    Hold,
    Read,
    Release,
    Schedule,
    Set,
    Settle,
)

HEAD = 'id = "own/test"\ntitle = "Test"\nsource = "own"\n'

PART = """
[part]
name = "SBP1"
driver = "sbp1"
grade = 1

[range.temperature]
min = "-40 degC"
max = "125 degC"

[range.pressure]
min = "20 kPa"
max = "120 kPa"

[range.supply]
min = "3.0 V"
nominal = "3.3 V"
max = "3.6 V"
overvoltage = "5.4 V"
limit = "500 mA"

[condition]
room = { temperature = "25 degC", supply = "nominal" }
cold = { temperature = "min", supply = "nominal" }
hot = { temperature = "max", supply = "nominal" }

[settings]
fine = { oversampling = 32 }

[calibration]
model = "polynomial"

[accuracy.pressure]
error = "0.1 %"

[[parameter]]
name = "pressure_error"
measure = "error"
channel = "pressure"
set = { pressure = "70 kPa" }
limits = { room = ["-200 Pa", "200 Pa"], cold = ["-200 Pa", "200 Pa"], hot = ["-200 Pa", "200 Pa"] }
drift = "150 Pa"
"""

ROWS: Mapping[str, BenchRow] = {
    "temperature": BenchRow(
        "set", low=-70.0, high=180.0, fastest=5 / 60, planned=3 / 60, settling_s=1200.0,
        reference=True,
    ),
    "humidity": BenchRow("set", low=20.0, high=95.0, planned=3 / 60, reference=True),
    "pressure": BenchRow("set", low=0.0, high=130e3, planned=1e4, reference=True),
    "supply": BenchRow("set", low=0.0, high=6.0, limit=(0.002, 1.0), reference=True),
}  # fmt: skip


def zone(
    sockets: int = 4,
    purposes: Sequence[str] = (),
    rows: Mapping[str, BenchRow] = ROWS,
    **changes: BenchRow | None,
) -> Zone:
    """Return a zone with `sockets`; `changes` replace rows by their address, None takes one out."""
    names = tuple(f"S{n + 1}" for n in range(sockets))
    kept = {**rows, **changes}
    there = {where: row for where, row in kept.items() if row is not None}
    return Zone(there, names, purposes=tuple(purposes))  # type: ignore[arg-type]


def bench(sockets: int = 4, **changes: BenchRow | None) -> Layout:
    """Return a station of one zone."""
    return Layout({"": zone(sockets, **changes)})


def handled(layout: Layout, low: float, high: float) -> Layout:
    """Return a layout where people may touch only at temperatures from `low` to `high`."""
    zones = {
        name: replace(
            one,
            rows={
                w: replace(r, handle=(low, high)) if w == "temperature" else r
                for w, r in one.rows.items()
            },
        )
        for name, one in layout.zones.items()
    }
    return Layout(zones, layout.elsewhere)


ELSEWHERE = {"ate": Elsewhere("Final test, building 3", ("test",))}


def part(text: str = PART, **changes: str) -> Part:
    """Return the part; `changes` replace text by text."""
    for old, new in changes.items():
        assert old in text, old
        text = text.replace(old, new)
    return loads(text, Part, "part.toml")


def lot(units: int = 2, name: str = "L1", first: int = 1, groups: Sequence[str] = ()) -> Lot:
    """Return a lot; `groups` are those of its units, in order."""
    rows = "".join(
        f'[[unit]]\nserial = "{first + n:08d}"\n'
        + (f'group = "{groups[n]}"\n' if n < len(groups) else "")
        for n in range(units)
    )
    return loads(f'[lot]\nid = "{name}"\npart = "p"\n{rows}', Lot, "lot.toml")


def profile(phases: str, head: str = HEAD) -> Profile:
    """Return a profile of phases as people write them."""
    return loads(head + phases, Profile, "own.toml")


def plan(
    phases: str,
    layout: Layout | None = None,
    lots: Sequence[tuple[Lot, Part]] | None = None,
    head: str = HEAD,
    at: str = "",
    choices: Mapping[str, tuple[str, str]] | None = None,
) -> Schedule:
    """Expand a profile of phases as people write them."""
    found = lots or [(lot(), part())]
    return expand(profile(phases, head), found, layout or bench(), choices, at)


def refusal(
    phases: str,
    layout: Layout | None = None,
    lots: Sequence[tuple[Lot, Part]] | None = None,
    head: str = HEAD,
    at: str = "",
    choices: Mapping[str, tuple[str, str]] | None = None,
) -> str:
    """Return why a plan is refused, in words; a failure where it is not."""
    try:
        plan(phases, layout, lots, head, at, choices)
    except InputError as error:
        return str(error)
    raise AssertionError("it was not refused")


def said(schedule: Schedule, first: int = 0, last: int | None = None) -> list[str]:
    """Return the actions of a schedule in words, one a line."""
    return [say(step.action) for step in schedule.steps[first:last]]


def say(action: Action) -> str:
    """Return an action in words."""
    match action:
        case Set():
            more = f" at {action.rate:g}/s" if action.rate else ""
            more += f", limit {action.limit:g}" if action.limit else ""
            word = "wave" if isinstance(action.target, Wave) else "set"
            return f"{word} {action.address} {show_value(action.address, action.target)}{more}"
        case Settle():
            names = " ".join(band.address for band in action.bands)
            return f"settle {names} {action.for_s:g} s"
        case Release():
            return f"release {action.what}"
        case Read():
            more = f" every {action.every_s:g} s" if action.every_s else ""
            return f"read {action.point}{more}{' stream' if action.stream else ''}"
        case Hold():
            names = " ".join(band.address for band in action.bands)
            return f"hold {action.credit_s / 3600:g} h {names}".rstrip()
        case Do():
            words = [str(action.arguments[k]) for k in ("until", "point") if k in action.arguments]
            return " ".join([action.verb, *words])


def points(schedule: Schedule) -> list[str]:
    """Return the ids of the points that are read, in order."""
    return [action.point for _, action, _ in schedule.reads()]
