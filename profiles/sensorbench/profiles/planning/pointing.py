"""Pointing: the points that are read, and what measures and parameters need of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from sensorbench.core.channel import Channel, Settings, read_settings
from sensorbench.core.quantity import address
from sensorbench.parts.model import Parameter, Part
from sensorbench.parts.values import Targets, Wave
from sensorbench.profiles.measuring import Ask, ask_of, measure
from sensorbench.profiles.model import Test
from sensorbench.profiles.planning.placing import Placing
from sensorbench.profiles.planning.reading import show_value
from sensorbench.profiles.schedule import (
    Action,
    Point,
    Read,
)


class Pointing(Placing):
    """Notes points and plans what is read there."""

    # -- points ----------------------------------------------------------------------------

    def settings(self, name: str) -> dict[str, Settings]:
        """Return the settings of that name by part, checked against what the driver declares."""
        found: dict[str, Settings] = {}
        for part in self.parts:
            if name and name not in part.settings:
                there = ", ".join(part.settings) or "none"
                self.problem(
                    f"{part.part.name} has no [settings] {name}; there are: {there}", "settings"
                )
                continue
            found[part.part.name] = self._settings(part, part.settings_of(name))
        return found

    def _settings(self, part: Part, raw: Mapping[str, Any]) -> Settings:
        sensor = self.sensor(part)
        found, problems = read_settings(sensor.SETTINGS if sensor else {}, raw)
        for text in problems:
            self.problem(f"{part.part.driver}: {text}", "settings")
        return found

    def point(
        self,
        name: str,
        labels: Mapping[str, Any] | None = None,
        conditions: Targets | None = None,
    ) -> Point:
        """Note a point of the present phase and return it; its id is the phase's and `name`."""
        assert self.phase is not None  # noqa: S101 - kinds run within a phase
        suffix = f"@{self.group}" if "#" in self.group else ""
        base = f"{self.phase.name}/{name}{suffix}" if name else f"{self.phase.name}{suffix}"
        identifier, number = base, 1
        while identifier in self.points:
            number += 1
            identifier = f"{base} ({number})"
        there = {**self._fixed(), **self.current, **(conditions or {})}
        self._check_fed(there)
        point = Point(
            identifier, self.phase.name, there, dict(labels or {}),
            self.settings(self.phase.settings), self.group,
        )  # fmt: skip
        self.points[identifier] = point
        return point

    def _check_fed(self, there: Targets) -> None:
        """What is read must be fed: a part without its supply does not answer."""
        zone = self.layout.zones.get(self.zone)
        for where, row in (zone.rows if zone else {}).items():
            if row.how != "set" or not address(where).quantity.feeds:
                continue
            target = there.get(where)
            if isinstance(target, Wave) and target.low is None:
                self.problem(
                    f"{where} goes off with its wave while units are read: give the wave a low "
                    "at which they answer, or leave out what reads them meanwhile"
                )
            if target is None:
                self.problem(
                    f"{where} is off while units are read: set it in the phase, or give part.toml "
                    f"a nominal in [range.{where}]"
                )

    def _fixed(self) -> Targets:
        zone = self.layout.zones.get(self.zone)
        rows = zone.rows.items() if zone else ()
        return {where: row.fixed for where, row in rows if row.how == "fixed"}

    def read(self, point: Point) -> Read:
        """Return the action that reads a point as often as the profile says."""
        return Read(point.id, self.profile.samples, self.profile.sample_interval)

    def check_measurable(self, targets: Targets, key: str) -> None:
        """What is to be measured must lie in the range of the part that measures it."""
        for part in self.parts:
            for where in {address(ch.address).whole for ch in self.channels(part) if ch.quantity}:
                span, target = part.range_of(where), targets.get(where)
                if span is None or span.span is None or not isinstance(target, float):
                    continue
                low, high = span.span
                if not low <= target <= high:
                    self.problem(
                        f"{where} = {show_value(where, target)} is beyond what {part.part.name} "
                        f"measures, {show_value(where, low)} to {show_value(where, high)}", key,
                    )  # fmt: skip

    # -- measures and parameters -----------------------------------------------------------

    def asks(self, measures: Sequence[str], taken: Iterable[str] = ()) -> list[Ask]:
        """Return what measures of a phase mean for each part's channels, with their limits.

        A channel is judged where its quantity is set by the phase, or believed as it is, and a
        reference for it is there. What its readings do not feed is left out or refused later.
        """
        self.used_measures = True
        found: list[Ask] = []
        for name in measures:
            own: list[Ask] = []
            for part in self.parts_with(name):
                asked = ask_of(
                    name,
                    part,
                    self.channels(part),
                    self.say_of(part),
                    None,
                    lambda c, name=name, part=part: self._judged(  # type: ignore[misc]
                        c, taken, name in part.accuracy.get(c.name, {})
                    ),
                    frozenset(taken),
                )
                own += [one for one in asked if one not in own and self._streams(one)]
            if not own and measure(name) is not None:
                self.problem(f"no channel can be measured for {name}", "measures")
            found += own
        return found

    def parts_with(self, name: str) -> list[Part]:
        """Return the parts of which a measure, or a channel called so, is asked.

        The first where there is none of that name: who asks it is told.
        """
        if measure(name) is not None:
            return self.parts
        own = [p for p in self.parts if any(c.name == name for c in self.channels(p))]
        return own or self.parts[:1]

    def _streams(self, ask: Ask) -> bool:
        """Return whether a measure of a stream is of a channel that the stream has."""
        stream = self.streams.get(ask.part)
        return not ask.stream or stream is None or ask.channel in stream["channels"]

    def _judged(self, channel: Channel, taken: Iterable[str], limited: bool) -> bool:
        """Return whether a channel is compared: moved by the phase, or believed as it is.

        What is moved by the phase and has a limit is compared even where nothing is believed, so
        that preflight says what is missing.
        """
        if channel.quantity is None:
            return False
        whole, moved = address(channel.address).whole, set(taken)
        row = self.row(whole)
        believed = row is not None and row.reference
        if whole in moved:
            return believed or limited
        return row is not None and believed and (limited or row.how != "set")

    def stimuli(self, asks: Sequence[Ask], taken: Iterable[str]) -> list[Targets]:
        """Return what must be applied for measures beside `taken`, which the phase sets itself."""
        own = set(taken)
        parts = {part.part.name: part for part in self.parts}
        found: list[Targets] = [{}]
        for ask in asks:
            part = parts[ask.part]
            for table in ask.stimuli:
                targets = {w: self.own_value(part, w, raw, "range") for w, raw in table.items()}
                if not own & set(targets) and targets not in found:
                    self._check_borne(part, ask.parameter or ask.measure, targets)
                    found.append(targets)
        return found[1:] or found

    def _check_borne(self, part: Part, what: str, targets: Targets) -> None:
        """What one part is tested with is applied to all of the run: they must be made for it."""
        for other in self.parts:
            for where, target in targets.items():
                span = other.range_of(where)
                if other is part or span is None or span.span is None:
                    continue
                low, high = span.span
                if isinstance(target, float) and not low <= target <= high:
                    self.problem(
                        f"{what} of {part.part.name} needs {where} = {show_value(where, target)}, "
                        f"{other.part.name} is made for {show_value(where, low)} to "
                        f"{show_value(where, high)}: run these parts apart", "measures",
                    )  # fmt: skip

    def tests(
        self, conditions: Sequence[str], name: str, labels: Mapping[str, Any]
    ) -> Iterator[Action]:
        """Test the parts' parameters at each condition, in the order given."""
        self._check_tested(conditions)
        for condition in conditions:
            values = {**self.nominal(), **self.condition(condition)}
            yield from self.go([values])
            stimuli = self._stimuli_of_parameters(condition)
            if not stimuli and any(part.parameter for part in self.parts):
                self.problem(f"no parameter has limits at {condition}: nothing is tested", "test")
            for stimulus, asked in stimuli:
                yield from self.go([{**values, **stimulus}])
                point = self.point(
                    "/".join(part for part in (name, condition, asked[0]) if part),
                    {**labels, "condition": condition, "parameters": asked},
                )
                yield self.read(point)

    def _check_tested(self, conditions: Sequence[str]) -> None:
        """Each part of a run must have something that is tested, or its units are not known."""
        if not conditions:
            return
        parts = [part for part in self.parts if part.parameter]
        for part in self.parts:
            if part not in parts:
                self.problem(f"{part.part.name} has no [[parameter]] to test", "test")
        for part in parts if len(parts) > 1 else ():
            if not any(_is_tested(p, at) for p in part.parameter for at in conditions):
                where = ", ".join(conditions)
                self.problem(f"no parameter of {part.part.name} has limits at {where}", "test")

    def _stimuli_of_parameters(self, condition: str) -> list[tuple[Targets, list[str]]]:
        """Return each stimulus once, with the parameters that are read there."""
        found: list[tuple[Targets, list[str]]] = []
        for part in self.parts:
            for parameter in part.parameter:
                if not _is_tested(parameter, condition):
                    continue
                say, channels = self.say_of(part), self.channels(part)
                asks = ask_of(parameter.measure, part, channels, say, parameter)
                key = f"parameter.{parameter.name}.set"
                own = {w: self.own_value(part, w, raw, key) for w, raw in parameter.set.items()}
                self._check_borne(part, parameter.name, own)
                extra = [own | t for t in self.stimuli(asks, own)]
                for stimulus in extra:
                    same = next((names for t, names in found if t == stimulus), None)
                    if same is None:
                        found.append((stimulus, [parameter.name]))
                    elif parameter.name not in same:
                        same.append(parameter.name)
        return found

    def test_plan(self, test: Test) -> dict[str, Any]:
        """Return what the evidence must know of a phase's tests: window and conditions."""
        interim = test.after if test.interim is None else test.interim
        return {
            "before": list(test.before),
            "interim": list(interim),
            "after": list(test.after),
            "within_s": test.within,
            "from": test.from_,
            "back_s": test.back,
        }


def _is_tested(parameter: Parameter, condition: str) -> bool:
    """Return whether a parameter is measured at a condition: one without limits is at every one."""
    return not parameter.limits or condition in parameter.limits
