"""Names and values of a run in one language: quantities, places, channels, measures, points.

Everything is looked up in the run's own schedule and in the words: no quantity is known here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sensorbench.assessment.results import Result, Series
from sensorbench.core.quantity import components, quantities
from sensorbench.core.units import show_duration
from sensorbench.parts.values import Wave
from sensorbench.profiles.schedule import Schedule
from sensorbench.reports.text import clean, unit_name
from sensorbench.reports.values import bare, plain
from sensorbench.reports.words import Words

SET = "set"
_MINUTE_S = 60.0
_SILENT = {
    SET, "parameters", "monitor", "window_s", "window_from", "back_s", "attach", "conditions",
    "lead_s", "duration_s",
}  # fmt: skip
"""Labels of a point that are for programs, or stand elsewhere."""


class Names:
    """What things are called, as the schedule of a run knows them; None where it can't be read.

    `ended` is why the run ended, as its journal has it.
    """

    def __init__(
        self,
        words: Words,
        schedule: Schedule | None,
        ended: Mapping[str, Any] | None = None,
    ) -> None:
        self.words = words
        self.schedule = schedule
        self.ended = ended or {}
        self._parts = {u.serial: u.part for u in schedule.units} if schedule else {}

    # -- quantities and values ---------------------------------------------------------------

    def quantity(self, name: str) -> str:
        """Return what a quantity is called."""
        return clean(self.words.name("quantity", name))

    def address(self, where: str, zone: str = "") -> str:
        """Return an address in words, with its zone where it has a name."""
        name, *rest = where.split(".")
        told = self.quantity(name)
        for part in rest:
            if self.words.has(f"port.{part}"):
                told = self.words.text("at_port", what=told, port=self.words.text(f"port.{part}"))
            else:
                told = f"{told} {clean(part)}"
        return self.words.text("in_zone", what=told, zone=clean(zone)) if zone else told

    def row(self, where: str) -> Mapping[str, Any]:
        """Return what the schedule says of an address's quantity, {} where nothing.

        Without a schedule what is known today is said of it.
        """
        name = where.partition(".")[0]
        if self.schedule is None:
            return _known_today(name)
        found: Mapping[str, Any] = self.schedule.quantities.get(name, {})
        return found

    def unit(self, where: str) -> str:
        """Return the canonical unit of an address, "1" where it is not known."""
        return str(self.row(where).get("unit", "1"))

    def shown(self, where: str) -> str:
        """Return the unit that people like for an address."""
        return str(self.row(where).get("shown") or self.unit(where))

    def liked(self, where: str) -> str:
        """Return the unit that people like for an address, "" where any that is easily read."""
        return "" if self.shown(where) == self.unit(where) else self.shown(where)

    def value(self, where: str, value: Any) -> str:
        """Return a value at an address: a number, a vector, a word, a wave, or off."""
        if isinstance(value, Wave):
            value = {"low": value.low, "high": value.high, "period_s": value.period_s}
        if value is None:
            return self.words.text("off")
        if isinstance(value, Mapping):
            return self.words.text(
                "wave",
                low=self.value(where, value.get("low")),
                high=self.value(where, value.get("high")),
                period=self.duration(value.get("period_s", 0.0)),
            )
        unit, shown = self.unit(where), self.shown(where)
        if isinstance(value, Sequence) and not isinstance(value, str):
            same = [float(part) for part in value]
            for word, known in self.row(where).get("words", {}).items():
                if list(known) == same:
                    return clean(self.words.name("word", word))
            parts = ", ".join(bare(part, unit, shown) for part in same)
            return f"({parts}) {unit_name(shown)}".rstrip()
        if isinstance(value, int | float):
            return plain(float(value), unit, shown)
        return clean(value)

    def difference(self, where: str, value: float | Sequence[float]) -> str:
        """Return a difference of values at an address, a band, a disagreement or an offset."""
        unit = str(self.row(where).get("difference") or self.unit(where))
        if isinstance(value, int | float):
            return plain(value, unit)
        parts = ", ".join(bare(float(part), unit) for part in value)
        return f"({parts}) {unit_name(unit)}".rstrip()

    def values(self, where: str, values: Iterable[Any]) -> str:
        """Return several values at an address, with the unit once where it is the same."""
        found = list(values)
        numbers = [v for v in found if isinstance(v, int | float)]
        if len(numbers) < len(found) or not found:
            return self.words.listed([self.value(where, value) for value in found])
        unit, shown = self.unit(where), self.shown(where)
        told = self.words.listed([bare(float(v), unit, shown) for v in numbers])
        return f"{told} {unit_name(shown)}".rstrip()

    def duration(self, seconds: float) -> str:
        """Return a duration as people say it."""
        return show_duration(float(seconds))

    def moment(self, seconds: float) -> str:
        """Return when something was from the start of the run, to a second; early on to a tenth."""
        return show_duration(round(float(seconds), 0 if seconds >= _MINUTE_S else 1))

    def hours(self, seconds: float) -> str:
        """Return the hours of a stress: they stay hours however many there are."""
        return f"{float(seconds) / 3600:.6g} h"

    # -- parts, channels, measures -----------------------------------------------------------

    def part(self, name: str) -> Mapping[str, Any]:
        """Return what the schedule says of a part."""
        parts = self.schedule.parts if self.schedule else {}
        return parts.get(name, {})

    def channel(self, name: str, part: str = "") -> str:
        """Return what a channel is called: by what it senses where it has that name."""
        if self.words.has(f"channel.{name}"):
            return self.words.text(f"channel.{name}")
        parts = [self.part(part)] if part else list(self.schedule.parts.values() if self.schedule
                                                    else ())  # fmt: skip
        for row in parts:
            for channel in row.get("channels", ()):
                where = channel.get("address", "")
                if channel["name"] == name and where.replace(".", "_") == name:
                    return self.address(where)
        return clean(name.replace("_", " "))

    def parameter(self, name: str, part: str) -> str:
        """Return the title of a part's parameter."""
        for row in self.part(part).get("parameters", ()):
            if row.get("parameter") == name:
                return clean(self.words.said(row.get("title") or name))
        return clean(name.replace("_", " "))

    def measure(self, name: str) -> str:
        """Return what a measure is called."""
        return clean(self.words.name("measure", name))

    def curve(self, name: str) -> str:
        """Return what the values are called that a measure is found from."""
        if self.words.has(f"curve.{name}"):
            return self.words.text(f"curve.{name}")
        return self.measure(name)

    def curve_title(self, series: Series) -> str:
        """Return what a series is called."""
        if series.parameter or not series.channel:
            return self.title(series)
        title = self.words.text(
            "measure_of", measure=self.curve(series.measure), channel=self.channel(series.channel)
        )
        return self.words.text("drift_of", what=title) if series.is_drift else title

    def title(self, result: Result | Series, part: str = "") -> str:
        """Return what a result or a series is called: of which channel, which measure."""
        part = part or (self._parts.get(result.serial, "") if isinstance(result, Result) else "")
        if result.parameter:
            title = self.parameter(result.parameter, part or self._part_of(result.parameter))
        elif result.channel:
            title = self.words.text(
                "measure_of",
                measure=self.measure(result.measure),
                channel=self.channel(result.channel, part),
            )
        else:
            title = self.measure(result.measure)
        return self.words.text("drift_of", what=title) if result.is_drift else title

    def measured(self, values: Mapping[str, Any]) -> str:
        """Return what a reason's values speak of: a parameter, or a channel's measure."""
        parameter, channel = str(values.get("parameter", "")), str(values.get("channel", ""))
        what = self.measure(str(values.get("measure", "value")))
        if parameter:
            what = self.parameter(parameter, self._part_of(parameter))
        elif channel:
            what = self.words.text("measure_of", measure=what, channel=self.channel(channel))
        return self.words.text("drift_of", what=what) if values.get("drift") else what

    def _part_of(self, parameter: str) -> str:
        for name, row in (self.schedule.parts if self.schedule else {}).items():
            if any(p.get("parameter") == parameter for p in row.get("parameters", ())):
                return name
        return ""

    def phase(self, name: str) -> str:
        """Return the title of a phase."""
        for row in self.schedule.phases if self.schedule else ():
            if row["name"] == name:
                return clean(self.words.said(row.get("title") or name))
        return clean(name)

    # -- points --------------------------------------------------------------------------------

    def at(self, labels: Mapping[str, Any], told: Iterable[str] | None = None) -> str:
        """Return where a value was found: labels of its point, then values by address.

        Of the values only those at the addresses `told`, None for all.
        """
        wanted = None if told is None else set(told)
        found = [self.label(name, value) for name, value in labels.items() if name not in _SILENT]
        for where, value in dict(labels.get(SET) or {}).items():
            if wanted is None or where in wanted:
                told_value = self.value(where, value)
                bare_unit = not unit_name(self.shown(where)) and isinstance(value, int | float)
                found.append(f"{self.address(where)} {told_value}" if bare_unit else told_value)
        return self.words.text("list.clause").join(text for text in found if text)

    def label(self, name: str, value: Any) -> str:
        """Return one label of a point."""
        if name.endswith("_s") and isinstance(value, int | float):
            hours = name in {"served_s", "asked_s"}
            value = self.hours(value) if hours else self.duration(value)
            return self.words.text(f"label.{name}", value=value)
        if name == "fit":
            value = self.phase(str(value))
        elif isinstance(value, str):
            value = self.words.name(name, value)
        elif isinstance(value, float):
            value = f"{value:.6g}"
        elif isinstance(value, Mapping | list | tuple):
            value = clean(value)
        if not self.words.has(f"label.{name}"):
            return clean(f"{name.replace('_', ' ')} {value}")
        return clean(self.words.text(f"label.{name}", value=value, n=value))


def _known_today(name: str) -> Mapping[str, Any]:
    row = quantities().get(name)
    if row is None:
        return {}
    words = {word: list(components(value)) for word, value in row.words.items()}
    shown, difference = row.shown or row.unit, row.difference.canonical
    return {
        "unit": row.unit, "difference": difference, "shown": shown, "words": words,
        "axes": list(row.axes),
    }  # fmt: skip


def differing(places: Iterable[Mapping[str, Any]]) -> list[str]:
    """Return the addresses whose values differ between places: the others need not be told."""
    seen: dict[str, set[str]] = {}
    count = 0
    for labels in places:
        count += 1
        for where, value in dict(labels.get(SET) or {}).items():
            seen.setdefault(where, set()).add(repr(value))
    return [where for where, found in seen.items() if len(found) > 1] if count else []


def constant(places: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Return values by address that are the same at all places that say what was set there.

    An address of which one of them says nothing is left out: there it may have been anything.
    """
    told = [dict(labels[SET]) for labels in places if labels.get(SET)]
    return {
        where: value
        for where, value in (told[0] if told else {}).items()
        if all(where in other and repr(other[where]) == repr(value) for other in told)
    }
