"""What is wrong with a part.toml by itself, whatever a profile asks of it. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sensorbench.core.catalog import Device, devices
from sensorbench.core.channel import Channel, read_settings
from sensorbench.core.device import Sensor
from sensorbench.core.errors import Problem
from sensorbench.core.plugins import broken
from sensorbench.core.quantity import address, components, quantities
from sensorbench.parts.model import Part
from sensorbench.parts.values import Target, ValueProblem, Wave, read_address, resolve
from sensorbench.profiles.measuring import OF_PART, ask_of
from sensorbench.profiles.planning.reading import show_value

Findings = Iterator[tuple[str, str]]
"""Key in part.toml, and what is wrong there."""


def check_driver(part: Part) -> list[Problem]:
    """Return why the part's driver can't be used; without it no more can be said."""
    driver = part.part.driver
    if _device(driver) is not None:
        return []
    why = [str(problem) for problem in broken() if driver in problem.file]
    sensors = ", ".join(name for name, device in devices().items() if device.kind == "sensor")
    text = "; ".join(why) or f"{driver!r} is no sensor we know; there are {sensors}"
    return [Problem(part.label, "part.driver", text)]


def check_part(part: Part, extras: Sequence[Channel] = ()) -> list[Problem]:
    """Return what is wrong with a part: values, limits, settings, what feeds it.

    `extras` are the channels that meters of sockets may add.
    """
    device = _device(part.part.driver)
    if device is None:
        return check_driver(part)
    sensor = device.load_sensor()
    channels = (*sensor.CHANNELS, *extras)
    found = [
        *_feeds(part, sensor), *_settings(part, sensor), *_values(part),
        *_accuracy(part, channels), *_parameters(part, channels),
    ]  # fmt: skip
    return list(dict.fromkeys(Problem(part.label, key, text) for key, text in found))


def _device(driver: str) -> Device | None:
    device = devices().get(driver)
    return device if device is not None and device.channels else None


def _feeds(part: Part, sensor: type[Sensor]) -> Findings:
    """What feeds a part must be what its data sheet allows."""
    low, high = sensor.SUPPLY_V
    for where, span in part.ranges.items():
        nominal = span.words.get("nominal")
        if not address(where).quantity.feeds or not isinstance(nominal, float):
            continue
        if not low <= nominal <= high:
            unit = address(where).quantity.unit
            yield (
                f"range.{where}.nominal",
                f"{nominal:g} {unit} is outside the {low:g}..{high:g} {unit} of a "
                f"{part.part.driver}",
            )


def _settings(part: Part, sensor: type[Sensor]) -> Findings:
    for name, raw in part.settings.items():
        for text in read_settings(sensor.SETTINGS, raw)[1]:
            yield f"settings.{name}", text


def _values(part: Part) -> Findings:
    tables = {f"condition.{name}": table for name, table in part.condition.items()}
    tables |= {f"parameter.{row.name}.set": row.set for row in part.parameter}
    for key, table in tables.items():
        for where, raw in table.items():
            try:
                target = resolve(raw, read_address(where), part.range_of(where))
            except ValueProblem as error:
                yield f"{key}.{where}", str(error)
            else:
                yield from ((f"{key}.{where}", text) for text in _beyond(part, where, target))


def _beyond(part: Part, where: str, target: Target) -> Iterator[str]:
    """Say where a value is farther out than all that the part's range names, `proof` and such."""
    span = part.range_of(where)
    if span is None or span.span is None:
        return
    named = [value for value in span.words.values() if isinstance(value, float)]
    low, high = min(named), max(named)
    ends = (target.low, target.high) if isinstance(target, Wave) else (target,)
    values = [v for end in ends if end is not None for v in components(end)]
    outside = [v for v in values if not low <= v <= high]
    if outside:
        yield (
            f"{show_value(where, outside[0])} is beyond the part's own range, "
            f"{show_value(where, low)} to {show_value(where, high)}: write a value within it, or "
            f"widen [range.{where}]"
        )


def _accuracy(part: Part, channels: Sequence[Channel]) -> Findings:
    names = [channel.name for channel in channels]
    for name, limits in part.accuracy.items():
        if name not in names and name not in quantities():
            there = f"there are {', '.join(names)}"
            yield f"accuracy.{name}", f"is no channel of a {part.part.driver}; {there}"
        for measure in limits:
            yield from _asked(part, measure, [c for c in channels if c.name == name])


def _asked(part: Part, measure: str, channels: Sequence[Channel]) -> Findings:
    found: list[tuple[str, str]] = []
    ask_of(measure, part, channels, lambda text, key: found.append((key, text)))
    for key, text in found:
        own = key if key.startswith(OF_PART) else f"accuracy.{channels[0].name}.{measure}"
        yield own, text


def _parameters(part: Part, channels: Sequence[Channel]) -> Findings:
    found: list[tuple[str, str]] = []
    for row in part.parameter:
        ask_of(row.measure, part, channels, lambda text, key: found.append((key, text)), row)
    yield from found
