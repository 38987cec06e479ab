"""What a kind of phase may use to say what it does: values, soaks, points, places, tests.

The rules:
- A kind's `actions(phase, context)` is a generator of actions; it never counts steps or looks at
  time. The context knows where the plan stands: what is set, which units are loaded where, and
  where a step that was cut off is taken up again (`together`).
- `go` reaches a table of values together, or tables one after the other; what is `off` or no longer
  wanted is released first. Equal values are not sent again.
- A quantity with a `nominal` in part.toml is at it while units are read, unless the phase sets it.
- What can't be done on this bench becomes a problem with its place in the profile; the plan goes
  on, so that all problems are found at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain
from typing import Any

from sensorbench.core.channel import Channel
from sensorbench.core.plugins import plugins
from sensorbench.core.quantity import address
from sensorbench.parts.model import Part
from sensorbench.parts.values import Targets, ValueProblem, read_difference
from sensorbench.profiles.measuring import Ask, ask_of
from sensorbench.profiles.model import KINDS, Cool, Monitor, Phase, Test
from sensorbench.profiles.planning.pointing import Pointing
from sensorbench.profiles.planning.reading import show_value
from sensorbench.profiles.schedule import (
    COOL,
    Action,
    Do,
    Point,
    Read,
    Release,
)


class Context(Pointing):
    """All that a kind may use. Its layers are in `planning`."""

    # -- what the evidence is told -----------------------------------------------------------

    def tell(self, phase: Phase, asks: Sequence[Ask], **data: Any) -> None:
        """Put on record what a phase is: its kind, what is measured, and the kind's own values."""
        kind = plugins(KINDS)[phase.kind]
        streams, self.streams = self.streams, {}
        self.asked = list(asks)
        self.told[phase.name] = {
            "kind": phase.kind,
            "name": phase.name,
            "title": phase.title or phase.name,
            "origin": kind.origin,
            "asks": [ask.as_json() for ask in asks],
            **({"streams": streams} if streams else {}),
            "data": {key: _plain(value) for key, value in data.items()},
        }

    def mark(self, phase: Phase, name: str) -> None:
        """Put the next step on record under a name, for whoever assesses the kind; by batch."""
        data = self.told[phase.name]["data"]
        data.setdefault(name, {}).setdefault(self.group, []).append(self.number)

    def name_of(self, targets: Targets) -> str:
        """Return a point's name: its values with units."""
        return "/".join(show_value(where, target) for where, target in targets.items())

    def need_stream(self, settings: str) -> None:
        """Say that the parts must sample by themselves, and what that is like."""
        for part in self.parts:
            sensor = self.sensor(part)
            stream = getattr(sensor, "stream", None)
            if stream is None:
                self.problem(
                    f"{part.part.name} has no stream of its own: say `every` how often it is read",
                    "every",
                )
                continue
            found = stream(**self._settings(part, part.settings_of(settings)))
            self.streams[part.part.name] = {
                "rate_hz": found.rate_hz,
                "depth": found.depth,
                "bits": found.bits,
                "burst_bytes": found.burst_bytes,
                "channels": list(found.channels),
            }

    def need_references_of_fit(self, fit: str) -> None:
        """Say that what is fitted must have been compared with a reference."""
        for part in self.parts:
            for form in getattr(self.sensor(part), "CALIBRATION", ()):
                row = self.row(form.quantity)
                if row is None or not row.reference:
                    self.problem(
                        f"{fit}: {form.quantity} is fitted, but [bench.{form.quantity}] has no "
                        "reference to fit it to",
                        "fit",
                    )

    def need_points_of_fit(self, fit: str) -> None:
        """Say that a polynomial needs more values along each input than its highest power."""
        values: dict[str, set[Any]] = {}
        for point in self.points.values():
            if point.phase == fit:
                for where, value in point.conditions.items():
                    values.setdefault(where, set()).add(value)
        for part in self.parts:
            for form in getattr(self.sensor(part), "CALIBRATION", ()):
                first, second = (max(powers) for powers in zip(*form.terms, strict=True))
                own = len(values.get(form.quantity, ()))
                others = [len(found) for w, found in values.items() if w != form.quantity]
                beside = max([*others, own] if not first else others, default=0)
                if own <= first or beside <= second:
                    self.problem(
                        f"{form.quantity} of {part.part.name} is fitted with powers up to {first} "
                        f"and {second}: {fit} needs {first + 1} values of it and {second + 1} of "
                        f"another axis, it has {own} and {beside}",
                        "fit",
                    )

    def later(self, name: str, key: str) -> str:
        """Return the name of a phase that is still to come; a problem where it is not."""
        if name not in self.to_come:
            there = ", ".join(self.to_come) or "none"
            self.problem(f"{name!r} is no later phase; there are: {there}", key)
        self.jumps.setdefault(name, []).append((self.label, self.loaded))
        return name

    # -- pieces that kinds share -------------------------------------------------------------

    def null(self, where: str) -> Iterator[Action]:
        """Bring a quantity to zero at its reference; the offset that it takes is a fact."""
        row = self.row(where)
        if row is None or row.how != "set" or not row.reference:
            self.problem(f"{where} can't be nulled: it needs `set` and a reference", "null")
            return
        quantity = address(where).quantity
        if quantity.difference is not quantity.dimension or (quantity.axes and quantity.words):
            self.problem(f"{where} can't be nulled: its zero is not one that is felt", "null")
            return
        if not row.low < 0.0 < row.high:
            self.problem(
                f"{where} can't be nulled: this bench does {row.low:g}..{row.high:g} "
                f"{quantity.unit}, and zero needs room on both sides", "null",
            )  # fmt: skip
            return
        yield Do("null", {"address": where, "within": self.soak(where).within})

    def monitored(self, phase: Phase, place: str | None) -> list[Ask]:
        """Return what is measured while a phase goes on at a place, with its own limits."""
        self.used_monitor = True
        monitor = phase.monitor
        if monitor is None or not self.is_here(place):
            return []
        # The phase may begin elsewhere, with a test: what is compared is what its own place has.
        before, self.zone = self.zone, place or ""
        try:
            return self._monitored(monitor)
        finally:
            self.zone = before

    def _monitored(self, monitor: Monitor) -> list[Ask]:
        found = []
        for name in monitor.measures:
            asked = [
                (part, ask)
                for part in self.parts_with(name)
                for ask in ask_of(
                    name, part, self.channels(part), self.say_of(part), None, self._has_reference
                )
            ]
            if not asked:
                self.problem(f"no channel can be measured for {name}", "monitor.measures")
            limits = self._by_channel(name, monitor.limits.get(name), [ask for _, ask in asked])
            found += [self._limited(ask, part, limits.get(ask.channel)) for part, ask in asked]
        for name in monitor.limits:
            if name not in monitor.measures:
                measured = ", ".join(monitor.measures) or "nothing"
                self.problem(f"{name!r} is not measured, {measured} is", "monitor.limits")
        return found

    def _by_channel(self, name: str, raw: object, asks: Sequence[Ask]) -> Mapping[str, object]:
        """Return limits by channel; one that is no table holds for every channel."""
        channels = list(dict.fromkeys(ask.channel for ask in asks))
        if not isinstance(raw, Mapping):
            return dict.fromkeys(channels, raw)
        for channel in raw:
            if channel not in channels:
                there = ", ".join(channels) or "none"
                self.problem(
                    f"{name} is not measured of {channel!r}, but of: {there}", "monitor.limits"
                )
        return raw

    def _has_reference(self, channel: Channel) -> bool:
        row = self.row(address(channel.address).whole) if channel.quantity else None
        return row is not None and row.reference

    def _limited(self, ask: Ask, part: Part, raw: object) -> Ask:
        if raw is None:
            return ask
        pair = raw if isinstance(raw, list | tuple) else (f"-{raw}", raw)
        channel = next(c for c in self.channels(part) if c.name == ask.channel)
        if len(pair) != 2 or channel.quantity is None:
            self.problem("write limits as [low, high]", "monitor.limits")
            return ask
        try:
            low, high = (
                read_difference(end, channel.quantity.difference, ask.full_scale) for end in pair
            )
        except ValueProblem as error:
            self.problem(str(error), "monitor.limits")
            return ask
        return replace(ask, limits={"": (low, high)})

    def open_monitor(
        self, phase: Phase, name: str, labels: Mapping[str, Any], moving: Iterable[str] = ()
    ) -> Iterator[Action]:
        """Read the units every so often until `close_monitor`; what is `moving` is no condition."""
        if phase.monitor is None:
            return
        point = self.point(name, {**labels, "monitor": True})
        still = {w: t for w, t in point.conditions.items() if w not in set(moving)}
        self.points[point.id] = point = replace(point, conditions=still)
        self.monitor = point.id
        yield Read(point.id, every_s=phase.monitor.every)

    def close_monitor(self) -> Iterator[Action]:
        """End what `open_monitor` began, and note where the stress ended."""
        if self.monitor:
            yield Release(self.monitor)
            self.monitor = ""
        self.stress_ended = {"release": self.number}

    def cooled(self, cool: Cool | None) -> Iterator[Action]:
        """End a stress: let go of what is not to stay, and wait until the values are reached."""
        if cool is not None:
            assert self.phase is not None  # noqa: S101 - kinds run within a phase
            stays, before = self.targets(cool.set, "cool.set"), dict(self.current)
            for action in chain(
                self.release([w for w in self.current if w not in stays]),
                self.go([stays], only=False),
                self.until(cool.until, before),
            ):
                self.mark(self.phase, COOL)
                yield action
        self.stress_ended["cool"] = self.number

    def readout(
        self,
        conditions: Sequence[str],
        name: str,
        labels: Mapping[str, Any],
        test: Test | None = None,
    ) -> Iterator[Action]:
        """Test at conditions, here or where tests are done; with `test` within its window."""
        if not conditions:
            return
        place = self.place("test", elsewhere=True)
        if place is None:
            return
        window: dict[str, Any] = {}
        if test is not None and (test.within or test.back) and self.stress_ended:
            begins = self.stress_ended.get(test.from_, self.stress_ended.get("release", 0))
            spans = {"window_s": test.within, "back_s": test.back}
            window = {**{k: v for k, v in spans.items() if v is not None}, "window_from": begins}
        if self.is_here(place):
            yield from self.be_at(place)
            yield from self.tests(conditions, name, {**labels, **window})
            return
        yield from self.unload()
        assert self.phase is not None  # noqa: S101 - kinds run within a phase
        yield from self.attached(
            f"{self.phase.name}/{name}" if name else self.phase.name,
            ("report", "result of each unit"),
            {**labels, **window, "conditions": list(conditions)},
            place,
        )

    def attached(
        self,
        name: str,
        words: Sequence[str],
        labels: Mapping[str, Any] | None = None,
        place: str = "",
    ) -> Iterator[Action]:
        """Park until evidence from elsewhere is attached to the point `name`."""
        assert self.phase is not None  # noqa: S101 - kinds run within a phase
        suffix = f"@{self.group}" if "#" in self.group else ""
        point = Point(
            f"{name}{suffix}", self.phase.name, {}, {**(labels or {}), "attach": list(words)},
            {}, self.group,
        )  # fmt: skip
        self.points[point.id] = point
        yield Do(
            "park",
            {"until": "attach", "point": point.id, "attach": list(words), "at": place},
        )

    def start_gate(self, readout: str, require: str) -> Iterator[Action]:
        """Do not start a stress on units that say nothing, or that are not calibrated."""
        assert self.phase is not None  # noqa: S101 - kinds run within a phase
        if require == "always":
            return
        must = [part.part.name for part in self.parts if part.calibration is not None]
        yield Do(
            "gate",
            {
                "phase": self.phase.name, "of": self.phase.name, "readout": readout,
                "require": require, "share": 0.0, "calibrated": must,
                "then": "go on", "otherwise": "stop",
            },
        )  # fmt: skip


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    return value
