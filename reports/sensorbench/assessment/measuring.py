"""What a measure computes from, and what it gives: arrays over the units of one part.

A measure is a module `assessment/measures/NAME.py` with `VERSION` and `compute(inputs)`; its needs
stand on the floor below (`profiles/measures/NAME.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

import numpy as np

from sensorbench.assessment.data import RunData
from sensorbench.assessment.records import Floats, Readout
from sensorbench.assessment.results import Reason, Series
from sensorbench.assessment.streams import StreamData
from sensorbench.core.plugins import OURS, load, plugins
from sensorbench.parts.values import Wave

MEASURES = "sensorbench.assessment.measures"
_STILL = 1e-3
OWN_RULES = {"readings": "1", "readouts": "1", "coefficients": "1", "external": "1"}
"""Results that kinds give without a measure, with the version of their rule."""


@dataclass(frozen=True, slots=True)
class Inputs:
    """What is measured: `ask` of the schedule, the readings, and the units by number.

    `points` are the ids of points that may have streams.
    """

    data: RunData
    phase: str
    ask: Mapping[str, Any]
    readouts: Sequence[Readout]
    numbers: Sequence[int]
    points: Sequence[str] = ()

    @property
    def channel(self) -> str:
        """Return the channel's name."""
        return str(self.ask["channel"])

    @property
    def serials(self) -> list[str]:
        """Return the serial numbers of the units, in the order of the arrays."""
        return [self.data.serials[number] for number in self.numbers]

    def values(self, readout: Readout) -> Floats:
        """Return the channel's means at a reading, shape (D,)."""
        blank = np.full(len(self.data.units), np.nan)
        return readout.values.get(self.channel, blank)[list(self.numbers)]

    def spread(self, readout: Readout) -> Floats:
        """Return the standard deviation of a sample at a reading, shape (D,)."""
        blank = np.full(len(self.data.units), np.nan)
        return readout.spread.get(self.channel, blank)[list(self.numbers)]

    def table(self) -> Floats:
        """Return the channel's means at all readings, shape (D, N)."""
        if not self.readouts:
            return np.empty((len(self.numbers), 0))
        return np.stack([self.values(readout) for readout in self.readouts], axis=1)

    def reference(self, readout: Readout) -> float:
        """Return what the reference of the channel's quantity read."""
        return self.data.reference(readout, self._address())

    def references(self) -> Floats:
        """Return the reference at all readings, shape (N,)."""
        return np.array([self.reference(readout) for readout in self.readouts])

    def stimuli(self) -> Floats:
        """Return the references, shape (N,), all alike where nobody was asked to move them.

        What a reference that stands still shows is its noise, and no line goes through that.
        """
        x = self.references()
        if not _has_axis(self):
            at = [readout.point.conditions.get(self._address()) for readout in self.readouts]
            still = len(set(map(repr, at))) == 1 and isinstance(at[0], float)
            return np.full(len(x), x.mean()) if still else x
        whole, _, axis = self._address().rpartition(".")
        if not axis or whole not in varying_addresses(self.readouts):
            return x
        axes = list(self.data.schedule.quantities[whole.partition(".")[0]]["axes"])
        asked = [readout.point.conditions.get(whole) for readout in self.readouts]
        own = {value[axes.index(axis)] for value in asked if isinstance(value, tuple | list)}
        return np.full(len(x), x.mean()) if len(own) == 1 else x

    def _address(self) -> str:
        part = self.data.schedule.parts[self.ask["part"]]
        rows = (r for r in part["channels"] if r["name"] == self.channel)
        row: Mapping[str, Any] = next(rows, {})
        return str(row.get("address", "")) or str(self.ask.get("compares", ""))

    @property
    def address(self) -> str:
        """Return the address that the channel senses."""
        return self._address()

    def streams(self) -> dict[str, dict[str, StreamData]]:
        """Return by point the units' streams, by serial."""
        return {point: self.data.streams(point) for point in self.points}

    def groups(self, varying_only: bool = False) -> Iterator[tuple[Mapping[str, Any], Inputs]]:
        """Yield the readings by what else was set beside the channel's quantity, with that.

        With `varying_only` groups in which the channel's own reference stood still are left out,
        where it moved in others.
        """
        whole = self._address().rpartition(".")[0] if _has_axis(self) else self._address()
        found: dict[str, tuple[Mapping[str, Any], list[Readout]]] = {}
        moved = varying_addresses(self.readouts)
        varying = moved - {whole}
        if whole not in moved:  # it follows from how the part lies: that is what moved it
            quantity = self.data.schedule.quantities.get(whole.partition(".")[0], {})
            varying -= {quantity.get("along", "")}
        for readout in self.readouts:
            at: Mapping[str, Any] = {w: readout.point.conditions.get(w) for w in sorted(varying)}
            found.setdefault(repr(at), (at, []))[1].append(readout)
        spans = {key: np.ptp([self.reference(r) for r in own]) for key, (_, own) in found.items()}
        widest = max((span for span in spans.values() if np.isfinite(span)), default=0.0)
        for key, (at, readouts) in found.items():
            if varying_only and spans[key] < _STILL * widest:
                continue  # of a vector: this axis was not moved here
            plain = {w: _plain(v) for w, v in at.items()}
            inner = Inputs(self.data, self.phase, self.ask, readouts, self.numbers, self.points)
            yield ({"set": plain} if plain else {}), inner


def _has_axis(inputs: Inputs) -> bool:
    part = inputs.data.schedule.parts[inputs.ask["part"]]
    rows = (r for r in part["channels"] if r["name"] == inputs.channel)
    row: Mapping[str, Any] = next(rows, {})
    return bool(row.get("axis"))


def varying_addresses(readouts: Sequence[Readout]) -> set[str]:
    """Return the addresses whose conditions differ between readings."""
    names = {where for readout in readouts for where in readout.point.conditions}
    return {
        where
        for where in names
        if len({repr(readout.point.conditions.get(where)) for readout in readouts}) > 1
    }


def _plain(value: Any) -> Any:
    if isinstance(value, Wave):
        return {"low": value.low, "high": value.high, "period_s": value.period_s}
    return list(value) if isinstance(value, tuple) else value


@dataclass(frozen=True, slots=True)
class Found:
    """What a measure gives: one value a unit, shape (D,), NaN where it is not known.

    `budget` maps a source to standard uncertainties, shape (D,) or one number; `at` says where it
    holds. `worst` names by unit the reading it comes from, where it is of one. `reasons` says by
    number of the unit in the array why its value is not known.
    """

    values: Floats
    readouts: Sequence[Readout] = ()
    budget: Mapping[str, Floats | float] = field(default_factory=dict)
    at: Mapping[str, Any] = field(default_factory=dict)
    worst: Sequence[int] | None = None
    reasons: Mapping[int, Reason] = field(default_factory=dict)
    sources: Mapping[int, tuple[int, ...]] = field(default_factory=dict)


Compute = Callable[[Inputs], tuple[list[Found], list[Series]]]


def measure_module(name: str) -> ModuleType | None:
    """Return the module that computes a measure, None where it is not installed."""
    return load(MEASURES, name)


def rule_of(name: str) -> str:
    """Return the rule's name with its version, and whose it is where it is not ours."""
    if name in OWN_RULES:
        return f"{name} {OWN_RULES[name]}"
    module = measure_module(name)
    plugin = plugins(MEASURES).get(name)
    version = str(getattr(module, "VERSION", "?"))
    whose = "" if plugin is None or plugin.origin == OURS else f", {plugin.origin}"
    return f"{name} {version}{whose}"


def reference_budget(inputs: Inputs, readout: Readout) -> dict[str, Floats | float]:
    """Return the standard uncertainties of a comparison at a reading, by source.

    The reference's stated U (k = 2); what lies between its place and the unit's, a rectangle of the
    bench's gradient (JCGM 100, 4.3.7); and the mean's repeatability.
    """
    zone = inputs.data.zone_of(readout.point.id)
    bench = inputs.data.bench(zone, inputs.address)
    found: dict[str, Floats | float] = {}
    if bench.get("uncertainty") is not None:
        found["reference"] = float(bench["uncertainty"]) / 2
    if bench.get("gradient") is not None:
        found["place"] = float(bench["gradient"]) / np.sqrt(3.0)
    if readout.sweeps > 1:
        found["repeatability"] = inputs.spread(readout) / np.sqrt(readout.sweeps)
    return found


def series_of(
    inputs: Inputs,
    values: Floats,
    x: Sequence[float],
    x_name: str,
    x_unit: str,
    labels: Sequence[Mapping[str, Any]],
    sources: Sequence[int],
    unit: str | None = None,
    logarithmic: bool = False,
) -> Series:
    """Return a series of a measure: `values` has shape (D, N)."""
    limits = inputs.ask.get("limits", {})
    low, high = limits.get("", (None, None)) if len(limits) == 1 else (None, None)
    return Series(
        phase=inputs.phase,
        measure=str(inputs.ask["measure"]),
        channel=inputs.channel,
        unit=unit if unit is not None else str(inputs.ask["unit"]),
        x_name=x_name,
        x_unit=x_unit,
        x=tuple(map(float, x)),
        labels=tuple(dict(label) for label in labels),
        values={serial: tuple(map(float, values[k])) for k, serial in enumerate(inputs.serials)},
        sources=tuple(sources),
        parameter=str(inputs.ask.get("parameter", "")),
        low=low,
        high=high,
        logarithmic=logarithmic,
    )


def labels_of(readout: Readout, varying: set[str]) -> dict[str, Any]:
    """Return what tells a reading from the others: its labels, and what was set there."""
    hidden = {"parameters", "window_s", "window_from", "back_s"}
    own = {k: v for k, v in readout.point.labels.items() if k not in hidden}
    there = {w: _plain(readout.point.conditions.get(w)) for w in sorted(varying)}
    return {**own, **({"set": there} if there else {})}
