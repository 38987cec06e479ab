"""Measures: what is computed from a part's readings, and at which points it must be read.

A measure is a file of the same name on two floors: here `profiles/measures/NAME.py` holds a
`MEASURE` that says what it needs, `assessment/measures/NAME.py` computes it. Another package adds
one by entry points of both groups.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sensorbench.core.channel import Channel
from sensorbench.core.plugins import load, plugins
from sensorbench.core.quantity import quantities
from sensorbench.core.units import Dimension
from sensorbench.parts.model import Parameter, Part
from sensorbench.parts.values import ValueProblem, read_difference

MEASURES = "sensorbench.profiles.measures"
Limit = tuple[float | None, float | None]
Raw = Mapping[str, Any]


def difference(channel: Channel) -> Dimension | str:
    """Return the dimension of an error of a channel."""
    return channel.quantity.difference if channel.quantity else "counts"


def any_quantity(channel: Channel) -> bool:
    """Return whether a channel senses a quantity; plain counts do not."""
    return channel.quantity is not None


def any_channel(_channel: Channel) -> bool:
    """Return that plain counts count too."""
    return True


def nowhere(_channel: Channel, _part: Part) -> tuple[Raw, ...]:
    """Return that nothing must be applied beside what the phase sets."""
    return ()


@dataclass(frozen=True, slots=True)
class Measure:
    """What a measure needs.

    `unit` gives the dimension of its results, or a unit as text where no dimension fits; `compares`
    that the world's value must be known from a reference; `stimuli` what must be applied, in words
    of part.toml; `symmetric` that one number as a limit means both sides.

    What feeds it is read off the plan, and what does not is refused or left out: `samples` are the
    fewest of a reading, of readings in a row or of a stream, after the step where it is of one;
    `readings` the fewest readings, at points of their own or in a row;
    `stream` says that they must come as a stream, `of_step` that the phase must move the channel's
    quantity once while it is read; `values` are the fewest different values of the quantity with
    all else equal, or of the direction `along` which it lies; `every_axis` says that all axes must
    be moved, `both_ways` that equal values must be come to from below and from above.
    """

    unit: Callable[[Channel], Dimension | str] = difference
    applies: Callable[[Channel], bool] = any_quantity
    compares: bool = True
    stimuli: Callable[[Channel, Part], tuple[Raw, ...]] = nowhere
    stream: bool = False
    symmetric: bool = True
    of_step: bool = False
    both_ways: bool = False
    samples: int = 1
    readings: int = 1
    values: int = 1
    along: bool = False
    every_axis: bool = False


@dataclass(frozen=True, slots=True)
class Ask:
    """A measure of one channel of one part, with limits by condition ("" for any).

    `unit` is canonical. `address` is what the channel senses, `compares` the same where its
    reference is needed, "" where not.
    """

    measure: str
    part: str
    channel: str
    unit: str
    compares: str = ""
    limits: Mapping[str, Limit] = field(default_factory=dict)
    drift: float | None = None
    parameter: str = ""
    stimuli: tuple[Raw, ...] = ()
    stream: bool = False
    full_scale: float | None = None
    address: str = ""

    def as_json(self) -> dict[str, Any]:
        """Return what the evidence must know of it, plain JSON."""
        row: dict[str, Any] = {
            "measure": self.measure,
            "part": self.part,
            "channel": self.channel,
            "unit": self.unit,
            "compares": self.compares,
            "limits": {name: list(limit) for name, limit in self.limits.items()},
            "drift": self.drift,
            "parameter": self.parameter,
            "full_scale": self.full_scale,
        }
        return {key: value for key, value in row.items() if value not in (None, "", {})}


Say = Callable[[str, str], None]
"""Who is told a problem and its key; a key of `OF_PART` is one of part.toml."""
OF_PART = ("parameter.", "accuracy.")


def measure(name: str) -> Measure | None:
    """Return what a measure needs, None where there is none of that name."""
    module = load(MEASURES, name)
    found = getattr(module, "MEASURE", None)
    return found if isinstance(found, Measure) else None


def ask_of(
    name: str,
    part: Part,
    channels: Sequence[Channel],
    say: Say,
    parameter: Parameter | None = None,
    judged: Callable[[Channel], bool] | None = None,
    moved: frozenset[str] | None = None,
) -> list[Ask]:
    """Return what a measure asks of a part: of every channel that it fits, or of a parameter's.

    `say(text, key)` is told what can't be asked, `moved` are the addresses that the phase moves.
    Without a parameter only channels that are `judged` count, with the limits of part.toml's
    [accuracy].
    """
    key = f"parameter.{parameter.name}" if parameter else "measures"
    found = measure(name)
    if found is None and not parameter and any(c.name == name for c in channels):
        # A channel's own name asks for its value.
        value = measure("value")
        own = next(c for c in channels if c.name == name)
        return [_ask("value", value, part, own, say, None)] if value else []
    if found is None:
        meter = f'. To have a meter\'s reading, give each socket {name} = "INSTRUMENT.METER"'
        hint = meter if name in quantities() else ""
        say(f"{name!r} is no measure; there are {', '.join(plugins(MEASURES))}{hint}", key)
        return []
    fits = [channel for channel in channels if found.applies(channel)]
    if parameter and parameter.channel:
        fits = [channel for channel in fits if channel.name == parameter.channel]
        if not fits:
            there = ", ".join(c.name for c in channels if found.applies(c)) or "none"
            say(
                f"{name} of channel {parameter.channel!r} can't be measured for "
                f"{part.part.name}; channels: {there}",
                key,
            )
    elif parameter and len(fits) > 1:
        say(f"say which channel: {', '.join(c.name for c in fits)}", key)
        fits = fits[:1]
    elif moved is not None and not parameter and found.of_step:
        fits = [c for c in fits if c.address in moved]
    elif judged and not parameter and found.compares:
        fits = [c for c in fits if judged(c)]
    return [_ask(name, found, part, channel, say, parameter) for channel in fits]


def _ask(
    name: str,
    found: Measure,
    part: Part,
    channel: Channel,
    say: Say,
    parameter: Parameter | None,
) -> Ask:
    unit = found.unit(channel)
    full_scale = part.full_scale(channel)

    def read(raw: object, key: str) -> float | None:
        try:
            if isinstance(unit, Dimension):
                return read_difference(raw, unit, full_scale)
            return _in_unit(raw, unit)
        except ValueProblem as error:
            say(str(error), key)
            return None

    def pair(raw: object, key: str) -> Limit:
        if isinstance(raw, list | tuple):
            if len(raw) != 2:
                say("write limits as [low, high]", key)
                return None, None
            low, high = (None if end in ("", "none") else read(end, key) for end in raw)
            if low is not None and high is not None and low >= high:
                say(f"low must be below high, not {raw[0]} and {raw[1]}", key)
            return low, high
        value = read(raw, key)
        if value is not None and not value > 0 and found.symmetric:
            say(f"{raw!r}: one number is a limit both ways, and must be above 0", key)
        return (-value if found.symmetric and value is not None else None), value

    limits: dict[str, Limit] = {}
    drift = None
    if parameter:
        key = f"parameter.{parameter.name}"
        limits = {name: pair(raw, f"{key}.limits.{name}") for name, raw in parameter.limits.items()}
        drift = None if parameter.drift is None else read(parameter.drift, f"{key}.drift")
        if drift is not None and not drift > 0:
            say(f"{parameter.drift!r}: the largest change must be above 0", f"{key}.drift")
    elif name in part.accuracy.get(channel.name, {}):
        key = f"accuracy.{channel.name}.{name}"
        limits = {"": pair(part.accuracy[channel.name][name], key)}
    return Ask(
        measure=name,
        part=part.part.name,
        channel=channel.name,
        unit=unit.canonical if isinstance(unit, Dimension) else unit,
        compares=channel.address if found.compares else "",
        limits=limits,
        drift=drift,
        parameter=parameter.name if parameter else "",
        stimuli=found.stimuli(channel, part),
        stream=found.stream,
        full_scale=full_scale,
        address=channel.address,
    )


def _in_unit(raw: object, unit: str) -> float:
    """Return a number that is written in `unit`, which no dimension has."""
    text = str(raw).strip()
    number = text.removesuffix(unit).strip() if unit else text
    try:
        return float(number)
    except ValueError:
        raise ValueProblem(f"{raw!r}: write a number in {unit or 'no unit'}") from None
