"""Asking: what is measured of a phase must be fed by what it reads; else it would not be known.

Of a phase's measures a channel that is not fed is left out where others of its part are; a measure
without any, or a parameter, is refused, with what it lacks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from sensorbench.core.quantity import address
from sensorbench.profiles.measuring import Ask, Measure, ask_of, measure
from sensorbench.profiles.model import Phase
from sensorbench.profiles.planning.feeding import (
    Fed,
    Rows,
    both_ways,
    components_at,
    fed_by,
    rank,
    stands_along,
    values_by_group,
)
from sensorbench.profiles.planning.pointing import Pointing
from sensorbench.profiles.schedule import Action

Say = Callable[[str, str], None]
_LABEL = "parameters"


def check_asks(c: Pointing, phase: Phase, actions: Iterable[tuple[Action, str]]) -> None:
    """Check what a phase asks against what its actions, each with its zone, read."""
    zones = c.layout.zones
    none: Rows = {}
    fed = fed_by([(a, zones[z].rows if z in zones else none) for a, z in actions], c.points)
    told = c.told.get(phase.name)
    if told is None:
        return
    asks, c.asked = c.asked, []
    own = [one for one in fed if _LABEL not in one.point.labels]
    streams = told.get("streams", {})
    kept = []
    for name, part in dict.fromkeys((ask.measure, ask.part) for ask in asks):
        rows = [ask for ask in asks if (ask.measure, ask.part) == (name, part)]
        good, why = _sorted(rows, own, streams.get(part, {}))
        limited = [ask for ask in rows if ask not in good and _has_own_limit(phase, ask)]
        if not good or limited:
            key = "measures" if name in phase.measures else "monitor.measures"
            named = [ask.channel for ask in rows if ask.channel in phase.measures]
            text = why[(limited or rows)[0].channel]
            whose = f"{part}: " if len(c.parts) > 1 else ""
            c.problem(whose + text, "measures" if named else key)
        kept += good
    told["asks"] = [ask.as_json() for ask in kept]
    _check_parameters(c, fed)


def _sorted(
    asks: Sequence[Ask], fed: Sequence[Fed], stream: Mapping[str, float]
) -> tuple[list[Ask], dict[str, str]]:
    """Return the asks that are fed, and by channel what the others lack."""
    good, why = [], {}
    for ask in asks:
        needs = measure(ask.measure)
        text = lacks(ask, needs, fed, stream) if needs is not None else ""
        if text:
            why[ask.channel] = f"{ask.measure} of {ask.channel}: {text}"
        else:
            good.append(ask)
    return good, why


def _has_own_limit(phase: Phase, ask: Ask) -> bool:
    limits = phase.monitor.limits.get(ask.measure) if phase.monitor else None
    return isinstance(limits, Mapping) and ask.channel in limits


def _check_parameters(c: Pointing, fed: Sequence[Fed]) -> None:
    """Check parameters at each condition and readout that they are tested at."""
    tests: dict[str, list[Fed]] = {}
    for one in fed:
        if _LABEL in one.point.labels:
            rest = {key: value for key, value in one.point.labels.items() if key != _LABEL}
            tests.setdefault(f"{one.point.units} {rest!r}", []).append(one)
    for readings in tests.values():
        for part in c.parts:
            for parameter in part.parameter:
                own = [r for r in readings if parameter.name in r.point.labels[_LABEL]]
                if not own:
                    continue
                key = f"parameter.{parameter.name}"
                asks = ask_of(parameter.measure, part, c.channels(part), c.say_of(part), parameter)
                for text in _sorted(asks, own, {})[1].values():
                    c.problem(text, key)


def lacks(ask: Ask, needs: Measure, fed: Sequence[Fed], stream: Mapping[str, float]) -> str:
    """Return what readings lack for a measure, and what to do, "" where they feed it.

    `stream` is what the part's own stream is like: its rate in Hz and its depth in samples.
    """
    steps = (_reads, _samples, _readings, _step, _reference, _values, _directions, _ways)
    return next(filter(None, (step(ask, needs, fed, stream) for step in steps)), "")


def _reads(_ask: Ask, needs: Measure, fed: Sequence[Fed], _stream: Mapping[str, float]) -> str:
    if not fed:
        return "nothing is read here"
    if needs.stream and not all(one.stream for one in fed):
        return (
            "these measures need the part's own stream: leave `every` out of a record or response"
        )
    if not needs.stream and not needs.of_step and any(one.stream for one in fed):
        return "it is of single readings, and here the part streams: say `every`"
    return ""


def _samples(_ask: Ask, needs: Measure, fed: Sequence[Fed], stream: Mapping[str, float]) -> str:
    if needs.of_step:
        return ""
    for one in fed:
        needed, there = _counted(one, needs.samples, 0.0, one.seconds, stream)
        if there < needed:
            longer = "let it last longer" if one.is_open else "raise `samples` of the profile"
            more = ", or read it more often" if one.every_s else ""
            return f"it needs {needed} samples, of which {there} are sure here: {longer}{more}"
    return ""


def _readings(_ask: Ask, needs: Measure, fed: Sequence[Fed], _stream: Mapping[str, float]) -> str:
    there = sum(one.samples if one.every_s else 1 for one in fed)
    if there < needs.readings:
        return f"it needs {needs.readings} readings, there are {there}: read at more points"
    return ""


def _counted(
    one: Fed, needed: int, begins_s: float, ends_s: float, stream: Mapping[str, float]
) -> tuple[int, int]:
    """Return how many samples are needed and sure; of a stream as many as tell its rate."""
    if not one.is_open:
        return needed, one.samples
    if not one.stream:
        return needed, max(one.count(begins_s, ends_s, 0.0), 0 if begins_s else 1)
    rate, depth = float(stream.get("rate_hz", 0.0)), int(stream.get("depth", 0))
    # Its FIFO is emptied when half full: what it really takes is known once it was twice.
    return max(needed, depth), one.count(begins_s, ends_s, rate)


def _step(ask: Ask, needs: Measure, fed: Sequence[Fed], stream: Mapping[str, float]) -> str:
    if not needs.of_step:
        return ""
    where = address(ask.address).whole
    for one in fed:
        first = next((row for row in one.sent if row[1] == where), None)
        if first is None or sum(row[1] == where for row in one.sent) != 1:
            return (
                f"it is of one step of {where} from one value to another while the part is read: "
                "use a response"
            )
        before = 1 if one.stream else one.count(0.0, first[0], 0.0)
        needed, after = _counted(one, needs.samples, first[0], one.seconds, stream)
        if not first[0] > 0 or before < 1 or after < needed:
            return (
                f"it needs a sample before the step and {needed} after it, {before} and {after} "
                "are sure here: lengthen `lead` or `duration`, or read more often"
            )
    return ""


def _reference(ask: Ask, needs: Measure, fed: Sequence[Fed], _stream: Mapping[str, float]) -> str:
    if not needs.compares:
        return ""
    where = address(ask.address)
    names = [where.whole, *([where.quantity.along] if needs.along else [])]
    for one in fed:
        for name in names:
            row = one.rows.get(name)
            for followed in row.follows if row is not None else ():
                if followed not in one.point.conditions:
                    return f"what {name} is follows from {followed}: set it in the phase"
            if needs.along and name != where.whole and (row is None or not row.reference):
                return f"{name} needs a reference in station.toml"
    return ""


def _values(ask: Ask, needs: Measure, fed: Sequence[Fed], _stream: Mapping[str, float]) -> str:
    if needs.values < 2:
        return ""
    where = address(ask.address)
    if needs.along:
        k = where.quantity.axes.index(where.axis)
        there = len({found[k] for one in fed if (found := stands_along(one, where))})
        if there < needs.values:
            return (
                f"it needs {where.axis} at {needs.values} different shares of the upward "
                f"direction, there are {there}: read the part lying on other faces"
            )
        return ""
    fewest = min((len(found) for found in values_by_group(fed, where)), default=0)
    if fewest < needs.values:
        return (
            f"it needs {needs.values} different values of {ask.address}, other things being "
            f"equal, there are {fewest}"
        )
    return ""


def _directions(ask: Ask, needs: Measure, fed: Sequence[Fed], _stream: Mapping[str, float]) -> str:
    if not needs.every_axis:
        return ""
    where = address(ask.address)
    axes = where.quantity.axes
    rows = [(*value, 1.0) for one in fed for value in components_at(one, where)]
    if rank([row for row in rows if len(row) == len(axes) + 1]) <= len(axes):
        return f"it needs {where.whole} along every axis, one after the other, both ways"
    return ""


def _ways(_ask: Ask, needs: Measure, fed: Sequence[Fed], _stream: Mapping[str, float]) -> str:
    if needs.both_ways and not both_ways(fed):
        return (
            "it compares readings come to from below and from above: it needs a grid with an axis "
            'of path = "there and back" over two values or more'
        )
    return ""
