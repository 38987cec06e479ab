"""What the suite of sensors does to the world, and how it compares a part with it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import product

import numpy as np

from sensorbench.core.channel import Channel
from sensorbench.core.device import Calibratable
from sensorbench.core.quantity import Value
from sensorbench.core.quantity import address as parse_address
from sensorbench.testing.conformity import require
from sensorbench.testing.world import Case, SensorBench, vector_of

Stimulus = tuple[str, Value]

# Where a sensor's quantities are compared with the world, unless a Case says otherwise.
VALUES: Mapping[str, Sequence[float]] = {
    "temperature": (-20.0, 25.0, 85.0),
    "humidity": (20.0, 50.0, 90.0),
    "dew_point": (-20.0, 5.0, 20.0),
    "pressure": (50_000.0, 80_000.0, 105_000.0),
    "differential_pressure": (-400.0, 100.0, 400.0),
    "orientation": (-1.0, 1.0),
    "acceleration": (-15.0, 15.0),
    "angular_rate": (-100.0, 20.0, 100.0),
    "magnetic_field": (-100.0, 20.0, 100.0),
    "co2": (450.0, 1000.0, 2000.0),
    "mass_concentration": (5.0, 60.0, 200.0),
    "number_concentration": (50.0, 500.0, 1500.0),
    "particle_size": (0.4, 0.6, 1.5),
    "flow": (0.0, 50.0, 100.0),
    "illuminance": (10.0, 500.0, 1000.0),
}
# The same of a port that is relative to another pressure: above that.
ABOVE: Mapping[str, Sequence[float]] = {"pressure": (5_000.0, 40_000.0, 95_000.0)}
TIMES_ACCURACY = 4.0  # accuracies are typical
ELECTRICAL = ("supply", "supply_current", "voltage", "load")


def prepared(case: Case, seed: int = 1) -> SensorBench:
    bench = SensorBench(case, seed=seed)
    bench.part.prepare()
    return bench


def calibrated(case: Case, seed: int = 1) -> SensorBench:
    """Return a bench whose part is calibrated, where it can be: by a fit over the world."""
    bench = prepared(case, seed)
    if not isinstance(bench.part, Calibratable):
        return bench
    channels = {channel.name: channel for channel in bench.part.CHANNELS}
    polynomials = bench.part.CALIBRATION
    wheres = sorted({channels[p.quantity].address for p in polynomials})
    rows: list[dict[str, float]] = []
    truths: list[dict[str, float]] = []
    for values in product(*(_spread(case, where) for where in wheres)):
        for where, value in zip(wheres, values, strict=True):
            bench.put(where, value)
        bench.clock.sleep(1.0)
        rows.append(bench.sample())
        truths.append({p.quantity: bench.truth(channels[p.quantity]) for p in polynomials})
    words: list[int] = []
    for p in polynomials:
        r, t = (np.array([row[name] for row in rows]) / p.raw_full_scale for name in p.inputs)
        design = np.stack([r**i * t**j for i, j in p.terms], axis=1)
        wanted = (np.array([truth[p.quantity] for truth in truths]) - p.centre) / p.half_span
        solution = np.linalg.lstsq(design, wanted, rcond=None)[0]
        words += [round(float(c) / p.lsb) for c in solution]
    bench.part.write_coefficients(words)
    for where in wheres:
        bench.zone.fields.pop(where)
    bench.part.prepare()
    return bench


def _spread(case: Case, where: str) -> list[float]:
    values = [float(value) for value in values_of(case, where) if not isinstance(value, tuple)]
    return [float(value) for value in np.linspace(min(values), max(values), 6)]


def values_of(case: Case, where: str) -> Sequence[Value]:
    """Return where a quantity is compared with the world."""
    quantity = where.partition(".")[0]
    found = case.values.get(where) or case.values.get(quantity) or VALUES.get(quantity)
    require(found, f"no values of {where} are known; hand them in: Case(values={{{where!r}: …}})")
    return found or ()


def stimuli(bench: SensorBench, case: Case) -> Iterator[Stimulus]:
    """Return each value of each quantity that the part senses; an axis at a time."""
    for address, channel in {channel.address: channel for channel in bench.part.CHANNELS}.items():
        quantity = address.partition(".")[0]
        if not address or quantity in ELECTRICAL:
            continue
        if quantity == "acceleration" and not case.values.get("acceleration"):
            address = address.replace("acceleration", "orientation")  # noqa: PLW2901 - faces
        above = ABOVE.get(quantity) if channel.relative_to not in {"", "vacuum"} else None
        if above and address not in case.values and quantity not in case.values:
            yield from ((address, bench.measured_from(channel) + value) for value in above)
            continue
        for value in values_of(case, address):
            yield address, value


class put:  # noqa: N801 - reads like a verb
    """Let the world have one value, and nothing else than ambient beside it."""

    def __init__(self, bench: SensorBench, where: str, value: Value) -> None:
        self._bench = bench
        self._value = value if isinstance(value, tuple) else vector_of(where, value)
        self._whole = parse_address(where).whole

    def __enter__(self) -> None:
        self._bench.put(self._whole, self._value)
        self._bench.clock.sleep(10.0)

    def __exit__(self, *_: object) -> None:
        self._bench.world.changing()
        self._bench.zone.fields.pop(self._whole, None)


def compare(bench: SensorBench, state: str) -> None:
    row = bench.sample()
    for channel in bench.part.CHANNELS:
        value = row[channel.name]
        if math.isnan(value) and isinstance(bench.part, Calibratable):
            continue  # not calibrated yet
        require_near(bench, channel, value, state)


def require_near(bench: SensorBench, channel: Channel, value: float, state: str) -> None:
    require(math.isfinite(value), f"{channel.name} reads {value} at {state}")
    if channel.quantity is None or channel.accuracy is None:
        return
    truth, most = bench.truth(channel), TIMES_ACCURACY * channel.accuracy
    require(
        abs(value - truth) <= most,
        f"{channel.name} reads {value:g} {channel.unit} where the world has {truth:g} ({state}): "
        f"more than {most:g} apart",
    )


def same(one: Mapping[str, float], other: Mapping[str, float]) -> bool:
    return all(
        one[name] == other[name] or (math.isnan(one[name]) and math.isnan(other[name]))
        for name in one
    )
