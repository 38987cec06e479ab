"""expand(profile, lots, layout) -> Schedule: everything a run will do, with planned times. Pure.

What can't be done raises InputError with all problems at once; nothing is opened for it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sensorbench.core.catalog import devices
from sensorbench.core.channel import Setting
from sensorbench.core.errors import InputError, Problem
from sensorbench.core.plugins import load
from sensorbench.core.quantity import address, components, distance, quantities
from sensorbench.parts.model import Lot, Part
from sensorbench.parts.values import Target, Wave
from sensorbench.profiles.context import Context
from sensorbench.profiles.failing import KEY, Policy, nothing_to_drop, policy_of, problems_of
from sensorbench.profiles.layout import Layout, Purpose
from sensorbench.profiles.measuring import ask_of
from sensorbench.profiles.model import KINDS, Phase, Profile
from sensorbench.profiles.part_checks import check_driver, check_part
from sensorbench.profiles.planning.asking import check_asks
from sensorbench.profiles.planning.gating import acts_on_units
from sensorbench.profiles.planning.using import check_all_is_used
from sensorbench.profiles.schedule import (
    Action,
    Do,
    Hold,
    Point,
    Read,
    Release,
    Schedule,
    Set,
    Settle,
    Step,
    Unit,
)

_USUAL_SETTLING_S = 1.0
_SECONDS_A_SAMPLE = 0.03
_SECONDS_A_UNIT = 0.1


def expand(
    profile: Profile,
    lots: Sequence[tuple[Lot, Part]],
    layout: Layout,
    choices: Mapping[str, tuple[str, str]] | None = None,
    at: str = "",
) -> Schedule:
    """Return the schedule of `profile` for the units of `lots` on a station's `layout`.

    `choices` gives by name the option chosen and why; `at` the place for every phase. Raises
    InputError with every reason why it can't be done.
    """
    context = Context(profile, lots, layout, at)
    problems = [problem for part in context.parts for problem in check_driver(part)]
    taken, told = _choices(profile, context.parts, choices or {}, problems)
    context.units = _units(lots, problems)
    places = [*filter(None, layout.zones), *layout.elsewhere]
    if at and at not in places:
        there = ", ".join(places) or "none, this station is one bench"
        problems.append(Problem(profile.label, "--at", f"{at!r} is no place; there are: {there}"))
    phases: tuple[Phase, ...] = ()
    try:
        phases = profile.phases(taken)
    except InputError as error:
        problems += error.problems
    if problems:
        raise InputError(problems)
    context.units = _taken(context.units, phases)
    extras = [extra for zone in layout.zones.values() for extra in zone.extras]
    for part in context.parts:
        context.problems += check_part(part, extras)
    steps = list(_steps(phases, context))
    context.label = ""
    _check_failing(profile, context)
    parts = {part.part.name: _part_json(part, context) for part in context.parts}
    if context.problems:
        raise InputError(context.problems)
    return Schedule(
        profile={
            "id": profile.id, "title": profile.title, "source": profile.source,
            "samples": profile.samples, "log_s": profile.log,
        },
        units=context.units,
        parts=parts,
        zones={name: dict(zone.told) for name, zone in layout.zones.items()},
        quantities=_quantities_json(),
        groups=context.groups,
        phases=tuple(context.told.values()),
        choices=told,
        points=context.points,
        steps=tuple(_timed(steps, layout, context)),
    )  # fmt: skip


def _units(lots: Sequence[tuple[Lot, Part]], problems: list[Problem]) -> tuple[Unit, ...]:
    units = tuple(
        Unit(unit.serial, lot.lot.id, part.part.name, unit.socket, unit.group)
        for lot, part in lots
        for unit in lot.unit
    )
    names = [lot.lot.id for lot, _ in lots]
    for name in sorted({name for name in names if names.count(name) > 1}):
        problems.append(Problem(f"lot {name}", "lot.id", "two lots of the run have this id"))
    serials = [unit.serial for unit in units]
    for serial in sorted({s for s in serials if serials.count(s) > 1}):
        problems.append(
            Problem("lots", "unit.serial", f"{serial} is in two lots of the run: which one is it?")
        )
    return units


def _taken(units: tuple[Unit, ...], phases: Sequence[Phase]) -> tuple[Unit, ...]:
    """Return the units that any phase takes: of others nothing is asked, and nothing is said."""
    groups = {p.units for p in phases if load(KINDS, p.kind).PURPOSE or hasattr(p, "attach")}  # type: ignore[union-attr]
    if "" in groups or not groups:
        return units
    return tuple(unit for unit in units if unit.group in groups) or units


def _choices(
    profile: Profile,
    parts: Sequence[Part],
    made: Mapping[str, tuple[str, str]],
    problems: list[Problem],
) -> tuple[dict[str, str], dict[str, dict[str, Any]]]:
    """Return the option of every choice, and what the evidence is told of it."""

    def add(key: str, text: str) -> None:
        problems.append(Problem(profile.label, key, text))

    for name in made:
        if name not in profile.choice:
            there = ", ".join(profile.choice) or "none"
            add(f"choice.{name}", f"is no choice of this profile; there are: {there}")
    grades = {part.part.grade for part in parts}
    taken = profile.standard_options(next(iter(grades)) if len(grades) == 1 else None)
    told: dict[str, dict[str, Any]] = {}
    for name, choice in profile.choice.items():
        key, allowed = f"choice.{name}", ", ".join(choice.option)
        chosen, because = made.get(name, ("", ""))
        if chosen and chosen not in choice.option:
            add(key, f"{chosen!r} is no option; allowed: {allowed}")
            continue
        option = chosen or taken.get(name, "")
        if not option and choice.by == "grade":
            shown = ", ".join(str(grade) for grade in grades)
            add(key, f"is decided by the part's grade: {shown} is none of {allowed}")
            continue
        if not option:
            add(key, f"is by agreement: choose one of {allowed} with --choose {name}=OPTION")
            continue
        standard = choice.option[option].standard
        usual = taken.get(name)
        away = not standard or (choice.by == "grade" and option != usual)
        if away and not because:
            add(key, f"{option} is away from the standard: say why with --because")
        taken[name] = option
        told[name] = {
            "option": option, "by": choice.by, "standard": not away, "because": because,
            "values": dict(choice.option[option].model_extra or {}),
        }  # fmt: skip
    return taken, told


def _steps(phases: Sequence[Phase], c: Context) -> Iterator[tuple[Action, str, int | None, str]]:
    """Yield every action with its zone, where it is restarted, and its phase."""
    targets = {target for phase in phases for target in _jumps(phase)}
    for number, phase in enumerate(phases, 1):
        c.phase, c.label = phase, f"phase[{number}]"
        c.to_come = tuple(later.name for later in phases[number:])
        if phase.name in targets:
            # Who jumps here finds nothing set; who comes the straight way leaves nothing behind.
            before = phases[number - 2]
            for action in c.release():
                yield _placed(action, c, before)
            _check_jumps(phase, c)
        module = load(KINDS, phase.kind)
        assert module is not None  # noqa: S101 - the profile was validated with it
        purpose: Purpose | None = module.PURPOSE
        place = c.place(purpose, getattr(module, "ELSEWHERE", False)) if purpose else None
        c.used_measures = c.used_monitor = False
        problems = len(c.problems)
        done: list[tuple[Action, str]] = []
        for group in c.batches(phase, place):
            c.group = group
            for action in module.actions(phase, c):
                done.append((action, c.zone))
                yield _placed(action, c, phase)
        if acts_on_units(action for action, _ in done):
            c.acted.add(phase.name)
        if len(c.problems) == problems:  # else it is not what would be done
            check_asks(c, phase, done)
            check_all_is_used(c, phase, purpose, [action for action, _ in done])
            _tell_failing(phase, [action for action, _ in done], c)
    c.phase, c.label = None, "end"
    for action in _ended(c):
        yield _placed(action, c, phases[-1])


def _tell_failing(phase: Phase, done: Sequence[Action], c: Context) -> None:
    """Put on record what is done where a device does not answer, unless it is the usual."""
    policy = policy_of(c.profile.on_failure, phase.on_failure)
    if policy != Policy():
        c.told[phase.name][KEY] = policy.as_json()
    if phase.on_failure is not None:
        units = len(c.groups.get(phase.units) or c.units)
        for key, text in problems_of(phase.on_failure, policy, done, units):
            c.problem(text, f"{KEY}.{key}")


def _check_failing(profile: Profile, c: Context) -> None:
    """What the profile says for all its phases must be possible in one of them."""
    own = profile.on_failure
    asks = any(phase.get(KEY, {}).get("then") == "ask" for phase in c.told.values())
    if "wait" in own.model_fields_set and own.then != "ask" and not asks:
        c.problem('is for a person\'s answer: write then = "ask", or leave wait out', f"{KEY}.wait")
    text = nothing_to_drop(bool(c.points), len(c.units))
    if own.then == "drop" and text:
        c.problem(text, f"{KEY}.then")


def _check_jumps(phase: Phase, c: Context) -> None:
    """Who jumps must find the units in the sockets where the straight way has them."""
    for label, loaded in c.jumps.get(phase.name, ()):
        if loaded != c.loaded:
            text = (
                f"a jump to {phase.name!r} leaves out that other units are loaded, or elsewhere: "
                "jump within what is done with the same units at the same place"
            )
            c.problems.append(Problem(c.profile.label, f"{label}.skip_to", text))


def _jumps(phase: Phase) -> list[str]:
    """Return the phases that a phase may jump to."""
    ways = [getattr(phase, name, None) for name in ("then", "otherwise")]
    return [str(way.skip_to) for way in ways if way is not None and hasattr(way, "skip_to")]


def _placed(action: Action, c: Context, phase: Phase) -> tuple[Action, str, int | None, str]:
    restart: int | None = c.number if c.restart is None else c.restart
    if c.asks_restart and not isinstance(action, Settle):
        restart = None
    c.number += 1
    return action, c.zone, restart, phase.name


def _ended(c: Context) -> Iterator[Action]:
    """Let go of everything at the end; units stay in their sockets where they need not move."""
    zones = [name for name, zone in c.layout.zones.items() if zone.sockets]
    if c.loaded and (len(zones) > 1 or "#" in c.loaded[1]):
        yield from c.unload()
        return
    yield from c.release()


def _part_json(part: Part, c: Context) -> dict[str, Any]:
    """Return what the evidence is told of a part: channels, ranges, parameters with limits."""
    channels = c.all_channels(part)
    parameters = [
        {**ask.as_json(), "title": parameter.title or parameter.name}
        for parameter in part.parameter
        for ask in ask_of(parameter.measure, part, channels, c.say_of(part), parameter)
    ]
    device = devices()[part.part.driver]
    settings: Mapping[str, Setting] = getattr(device.load_driver(), "SETTINGS", {})
    calibration = getattr(device.load_driver(), "CALIBRATION", ())
    return {
        "name": part.part.name,
        "title": part.part.title or part.part.name,
        "driver": part.part.driver,
        "origin": device.origin,
        "grade": part.part.grade,
        "channels": [
            {"name": ch.name, "unit": ch.unit, "address": ch.address, "axis": ch.axis}
            for ch in channels
        ],
        "ranges": {
            where: {
                "words": {w: list(v) if isinstance(v, tuple) else v for w, v in span.words.items()},
                "limit": span.limit,
                "relative_to": span.relative_to,
            }
            for where, span in part.ranges.items()
        },
        "parameters": parameters,
        "formats": [_format_json(form) for form in calibration],
        "must_be_calibrated": part.calibration is not None,
        "settings": {
            name: row.dimension.canonical for name, row in settings.items() if row.dimension
        },
    }


def _format_json(form: Any) -> dict[str, Any]:
    return {
        "quantity": form.quantity, "inputs": list(form.inputs),
        "terms": [list(term) for term in form.terms], "raw_full_scale": form.raw_full_scale,
        "centre": form.centre, "half_span": form.half_span, "bits": form.bits,
        "fraction_bits": form.fraction_bits,
    }  # fmt: skip


def _quantities_json() -> dict[str, dict[str, Any]]:
    return {
        name: {
            "unit": row.unit,
            "difference": row.difference.canonical,
            "shown": row.shown or row.unit,
            "axes": list(row.axes),
            "along": row.along,
            "feeds": row.feeds,
            "words": {w: list(components(v)) for w, v in row.words.items()},
        }
        for name, row in quantities().items()
    }


# -- planned times ---------------------------------------------------------------------------


def _timed(
    steps: Sequence[tuple[Action, str, int | None, str]], layout: Layout, c: Context
) -> Iterator[Step]:
    now = 0.0
    moving: dict[str, float] = {}
    values: dict[str, Target] = {}
    began: dict[str, float] = {}
    for action, zone, restart, phase in steps:
        since = now - began.setdefault(phase, now)
        took = _duration(action, zone, layout, c, values, moving, since)
        yield Step(action, zone, restart, phase, now, took)
        now += took


def _duration(
    action: Action,
    zone: str,
    layout: Layout,
    c: Context,
    values: dict[str, Target],
    moving: dict[str, float],
    since_s: float,
) -> float:
    match action:
        case Set():
            moving[action.address] = _way(action, zone, layout, values)
            values[action.address] = action.target
            return 0.0
        case Release():
            moving.pop(action.what, None)
            values.pop(action.what, None)
            return 0.0
        case Settle():
            ways = [moving.pop(band.address, 0.0) for band in action.bands]
            return min(max(ways, default=0.0) + action.for_s, action.timeout_s)
        case Read():
            return 0.0 if action.is_open else _reading(action, c.points[action.point], c)
        case Hold():
            return action.credit_s
        case Do():
            if action.verb == "park":
                # Until a time counted from the phase's begin, of which `since_s` are over.
                return max(0.0, float(action.arguments.get("after_s", 0.0)) - since_s)
            units = c.groups.get(c.group, ())
            return _SECONDS_A_UNIT * len(units) if action.verb == "write" else 0.0


def _way(action: Set, zone: str, layout: Layout, values: Mapping[str, Target]) -> float:
    rows = layout.zones[zone].rows if zone in layout.zones else {}
    row = rows.get(action.address)
    before, target = values.get(action.address), action.target
    speed = min((s for s in (action.rate, row.planned if row else None) if s), default=math.inf)
    settling = row.settling_s if row else _USUAL_SETTLING_S
    if isinstance(target, Wave) or isinstance(before, Wave) or before is None:
        usual = address(action.address).quantity.soak
        return settling + (0.0 if math.isinf(speed) else 10 * usual.within / speed)
    return distance(target, before) / speed + settling


def _reading(action: Read, point: Point, c: Context) -> float:
    units = c.groups.get(point.units) or range(len(c.units))
    # Buses work at the same time; a dozen parts on one is usual.
    a_sweep = action.interval_s + _SECONDS_A_SAMPLE * min(len(units), 12)
    return action.samples * a_sweep
