"""What every part with a FIFO owes the bench: nothing lost, nothing repeated, a bus well used.

The bench drains when a FIFO is half full; so do these checks.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import cycle
from typing import Any

import numpy as np
import numpy.typing as npt

from sensorbench.core.channel import Block, Stream
from sensorbench.core.errors import BenchError, Saturated, SetpointError
from sensorbench.core.quantity import address as parse_address
from sensorbench.links.metered import wire_bits
from sensorbench.testing.conformity import (
    Nonconformity,
    changes,
    only,
    refusal,
    require,
    state_of,
)
from sensorbench.testing.stimuli import (
    ELECTRICAL,
    Stimulus,
    calibrated,
    put,
    require_near,
    stimuli,
)
from sensorbench.testing.world import Case, SensorBench, vector_of

MINUTE_S = 60.0
LEAST_SHARE = 0.9
_EVEN = (0.5,)
_UNEVEN = (0.1, 0.9, 0.5, 0.75, 0.02)
"""Shares of a full FIFO after which somebody drains who does it when there is time."""
_STALLED, _STALLS, _SEEDS = 40, 0.15, range(4)
"""How long streams with stalls are, in full FIFOs; how many transfers are followed by a stall."""
_LATE = 300
"""So many samples may come before settings that leave their worth alone are missed."""
_RECOGNISED = 4
"""So many samples in a row are told from all others by their noise."""
_STEPS = 6
_SAME = {"acceleration": "orientation"}
_APART = 1.5
"""How far a change may be from its place: it falls between two samples, at both of its ends."""
_NEAR_THE_ENDS: Mapping[str, Sequence[float]] = {
    "pressure": (5e3, 2e4, 28e3, 127e3, 150e3, 200e3),
    "acceleration": (19.0, 30.0, 45.0, 90.0, 160.0),
    "angular_rate": (490.0, 550.0, 1100.0, 2200.0),
    "magnetic_field": (900.0, 1300.0, 3500.0),
}
Rows = npt.NDArray[Any]


def streams(case: Case) -> bool:
    """Return whether the part has a stream."""
    return hasattr(case.load_driver(), "open_stream")


@only(streams)
def check_streams(case: Case) -> None:
    """A stream has the rate and scale that it declares, and says when samples were lost."""
    bench, declared = opened(case, {})
    bench.clock.sleep(declared.depth / declared.rate_hz / 2)
    block = bench.part.drain()
    wanted = declared.depth / 2
    require(
        0.8 * wanted - 2 <= len(block.values) <= 1.2 * wanted + 2,
        f"{len(block.values)} samples came where {wanted:g} were due",
    )
    require(block.values.dtype == declared.dtype, f"a stream of {block.values.dtype}")
    require(not block.overflow, "overflow, although the FIFO was read in time")
    means = np.mean(block.values, axis=0) * declared.scale + declared.offset
    by_name = {channel.name: channel for channel in bench.part.CHANNELS}
    for name, mean in zip(declared.channels, means, strict=True):
        require_near(bench, by_name[name], float(mean), "stream")
    bench.clock.sleep(3 * declared.depth / declared.rate_hz)
    require(bench.part.drain().overflow, "samples were lost, and no overflow was said")
    bench.clock.sleep(declared.depth / declared.rate_hz / 2)
    require(not bench.part.drain().overflow, "an overflow was said a second time")
    bench.part.close_stream()


@only(streams)
def check_no_sample_is_lost_or_repeated(case: Case, most_drains: int = 300) -> None:
    """A minute at each rate has every sample once, however unevenly it is drained.

    Fast parts with small FIFOs are drained very often: no more than `most_drains` times each.
    """
    for settings in rates_of(case):
        stream = case.load_driver().stream(**settings)
        lasts_s = min(MINUTE_S, most_drains * _EVEN[0] * stream.depth / stream.rate_hz)
        even, uneven = (
            streamed(case, settings, rhythm, lasts_s=lasts_s)[0] for rhythm in (_EVEN, _UNEVEN)
        )
        shorter = min(len(even), len(uneven))
        require(
            max(len(even), len(uneven)) - shorter <= stream.depth
            and bool((even[:shorter] == uneven[:shorter]).all()),
            f"{settings}: drained in another rhythm, other samples come",
        )


@only(streams)
def check_samples_are_of_their_time(case: Case, most_drains: int = 300) -> None:
    """What the world does at a time stands at the sample of that time, a minute long."""
    settings = list(rates_of(case))[-1]
    column, low, high = _largest(case, settings)
    stream = case.load_driver().stream(**settings)
    lasts_s = min(MINUTE_S, most_drains * _EVEN[0] * stream.depth / stream.rate_hz)
    values, changed_s = streamed(case, settings, _EVEN, (low, high) * _STEPS, lasts_s)
    rises = values[:, column] > np.mean([values[:, column].min(), values[:, column].max()])
    found = np.flatnonzero(np.diff(rises)) + 1
    require(
        len(found) == len(changed_s),
        f"{len(changed_s)} changes of the world make {len(found)} of the samples",
    )
    fit = np.polynomial.Polynomial.fit(changed_s, found, 1)
    apart = float(np.max(np.abs(found - fit(np.array(changed_s)))))
    require(apart <= _APART, f"samples are up to {apart:.1f} from their places in time")


@only(streams)
def check_stalls_are_told(case: Case) -> None:
    """However a host stalls, also within a drain: where samples are missing an overflow is said."""
    settings = list(rates_of(case))[-1]
    stream = case.load_driver().stream(**settings)
    fills_s = stream.depth / stream.rate_hz
    wanted = streamed(case, settings, _EVEN, lasts_s=_STALLED * fills_s)[0]
    for seed in _SEEDS:
        chance = random.Random(seed)  # noqa: S311 - no secret
        bench, _ = opened(case, settings)
        until_s = bench.clock.now() + 0.9 * _STALLED * fills_s
        _let_stall(bench, chance, fills_s)
        place: int | None = 0  # of the next sample among those wanted; None where some were lost
        while bench.clock.now() < until_s:
            bench.clock.sleep(chance.choice(_UNEVEN) * fills_s)
            block = bench.part.drain()
            rows = block.values
            if block.overflow:
                place = None
            elif place is None and len(rows) >= _RECOGNISED:
                found = [at for at in range(len(wanted)) if _follow(wanted, at, rows)]
                require(found, f"{settings}: samples come that are not those of their times")
                place = found[0] + len(rows) if len(found) == 1 else None
            elif place is not None:
                require(
                    _follow(wanted, place, rows),
                    f"{settings}: after a stall within a drain samples are missing before these "
                    f"{len(rows)}, and no overflow was said",
                )
                place += len(rows)


def _let_stall(bench: SensorBench, chance: random.Random, fills_s: float) -> None:
    """Let the host stall after some transfers, up to twice as long as a FIFO takes to fill."""
    transfer = bench.bus.transfer

    def stalled(address: int, write: bytes, read_length: int = 0) -> bytes:
        found = transfer(address, write, read_length)
        if chance.random() < _STALLS:
            bench.clock.sleep(chance.choice((0.1, 0.6, 0.97, 1.03, 2.0)) * fills_s)
        return found

    bench.bus.transfer = stalled  # type: ignore[method-assign]


def _follow(wanted: Rows, place: int, rows: Rows) -> bool:
    """Return whether `rows` are those wanted from a place on."""
    there = wanted[place : place + len(rows)]
    return len(there) == len(rows) and bool((there == rows).all())


@only(streams)
def check_changed_settings_are_noticed(case: Case) -> None:
    """Where somebody else gives a part that streams other settings, no drain takes that for good.

    What changes the worth of a sample is an error at once; anything else may come a second late,
    where it samples slowly some hundred samples.
    """
    driver = case.load_driver()
    default = driver.stream()
    for settings in _others(case):
        bench, _ = opened(case, {})
        bench.clock.sleep(default.depth / default.rate_hz / 2)
        bench.part.drain()
        alike, _ = opened(case, settings)
        if not changes(state_of(opened(case, {})[0].twin), state_of(alike.twin)):
            continue  # the default by another name
        other = driver(bench.bus, bench.address, bench.clock, **case.options, **case.driver_options)
        other.prepare(**settings)
        other.open_stream()
        if driver.stream(**settings).scale == default.scale:
            bench.clock.sleep(max(1.0, _LATE / default.rate_hz))
        slower_hz = min(default.rate_hz, driver.stream(**settings).rate_hz)
        bench.clock.sleep(default.depth / slower_hz / 2)
        with refusal(BenchError, f"somebody else set {settings}, and its samples were taken"):
            bench.part.drain()


def _others(case: Case) -> Iterator[dict[str, Any]]:
    """Yield each choice that can be streamed and is no default."""
    driver = case.load_driver()
    for name, setting in driver.SETTINGS.items():
        for choice in setting.choices:
            with suppress(SetpointError):
                if choice != setting.default and driver.stream(**{name: choice}):
                    yield {name: choice}


@only(streams)
def check_a_stream_ends_where_a_reading_does(case: Case) -> None:
    """What a single reading refuses as beyond what the part measures, a stream flags."""
    stream = case.load_driver().stream()
    slice_s = stream.depth / stream.rate_hz / 2
    for channel in case.load_driver().CHANNELS:
        name = channel.quantity.name if channel.quantity else ""
        for value in _NEAR_THE_ENDS.get(name, ()) if channel.name in stream.channels else ():
            bench = calibrated(case)
            with put(bench, channel.address, value):
                try:
                    bench.sample()
                except Saturated:
                    bench.part.open_stream()
                    bench.clock.sleep(slice_s)
                    bench.part.drain()
                    bench.clock.sleep(slice_s)
                    block = bench.part.drain()
                    require(
                        block.saturated or not len(block.values),
                        f"a reading refuses {value:g} {channel.unit} of {channel.name}, and a "
                        "stream has it without a flag",
                    )


@only(streams)
def check_streams_use_the_bus_well(case: Case) -> None:
    """At its highest rate a stream has 0.9 of the payload share of the largest legal burst."""
    share, best = shares(case)
    require(
        share >= LEAST_SHARE * best,
        f"{share:.3f} of the bits on the wire are payload, {best:.3f} are possible",
    )


def shares(case: Case) -> tuple[float, float]:
    """Return which share of the bits on the wire are payload: as streamed, and at best."""
    settings = list(rates_of(case))[-1]
    bench, declared = opened(case, settings)
    period_s = declared.depth / declared.rate_hz / 2
    before, samples = bench.bus.bits, 0
    for _ in range(20):
        bench.clock.sleep(period_s)
        samples += len(bench.part.drain().values)
    share = 8 * declared.sample_bytes * samples / (bench.bus.bits - before)
    return share, 8 * declared.burst_bytes / wire_bits(1, declared.burst_bytes)


def single_share(case: Case) -> float:
    """Return which share of the bits are payload where samples are read one by one."""
    settings = list(rates_of(case))[-1]
    bench = SensorBench(case)
    bench.part.prepare(**settings)
    declared = bench.part.stream(**settings)
    before = bench.bus.bits
    for _ in range(20):
        bench.sample()
    return float(8 * declared.sample_bytes * 20 / (bench.bus.bits - before))


def rates_of(case: Case) -> Iterator[dict[str, Any]]:
    """Yield settings for every rate that can be streamed, the highest last."""
    driver = case.load_driver()
    setting = driver.SETTINGS.get("rate")
    rates = [rate for rate in setting.choices if not isinstance(rate, str)] if setting else []
    if not rates:
        yield {}
    for rate in sorted(rates):
        try:
            driver.stream(rate=rate)
        except SetpointError:
            continue  # one that needs another setting, too
        yield {"rate": rate}


def opened(case: Case, settings: dict[str, Any], *world: Stimulus) -> tuple[SensorBench, Stream]:
    """Return a bench whose part streams with `settings`, and what that stream is like."""
    bench = SensorBench(case)
    for stimulus in world:
        _change(bench, stimulus)
    bench.part.prepare(**settings)
    bench.part.open_stream()
    return bench, bench.part.stream(**settings)


def streamed(
    case: Case,
    settings: dict[str, Any],
    rhythm: Sequence[float],
    changes: Sequence[Stimulus] = (),
    lasts_s: float = MINUTE_S,
) -> tuple[Rows, list[float]]:
    """Stream for a while; return the samples, shape (n, channels), and the times of `changes`.

    Drained after each share of a full FIFO of the rhythm in turn. The first of `changes` is there
    from the start, the others come evenly spread; times are in seconds since the stream was opened.
    """
    bench, declared = opened(case, settings, *changes[:1])
    due_s = (lasts_s * np.arange(1, len(changes)) / max(1, len(changes))).tolist()
    began_s = bench.clock.now()
    blocks: list[Block] = []
    changed_s: list[float] = []
    waits = (share * declared.depth / declared.rate_hz for share in cycle(rhythm))
    while (passed_s := bench.clock.now() - began_s) < lasts_s:
        if len(changed_s) < len(due_s) and passed_s >= due_s[len(changed_s)]:
            changed_s.append(passed_s)
            _change(bench, changes[len(changed_s)])
        bench.clock.sleep(min(next(waits), lasts_s - passed_s + 1e-6))
        blocks.append(bench.part.drain())
        require(not blocks[-1].overflow, f"{settings}: overflow, although it was read in time")
    return np.concatenate([block.values for block in blocks]), changed_s


def _change(bench: SensorBench, stimulus: Stimulus) -> None:
    where, value = stimulus
    whole = parse_address(where).whole
    bench.put(whole, value if isinstance(value, tuple) else vector_of(where, value))


def _largest(case: Case, settings: dict[str, Any]) -> tuple[int, Stimulus, Stimulus]:
    """Return a column of a stream that follows the world at once, and two states of the world."""
    bench = SensorBench(case)
    declared = bench.part.stream(**settings)
    by_name = {channel.name: channel for channel in bench.part.CHANNELS}
    for column, name in enumerate(declared.channels):
        quantity, _, axis = by_name[name].address.partition(".")
        if not quantity or quantity in ("temperature", *ELECTRICAL):
            continue
        of_it = [
            (where, value)
            for where, value in stimuli(bench, case)
            if where.partition(".")[2] == axis
            and where.partition(".")[0] in (quantity, _SAME.get(quantity))
        ]
        return column, of_it[0], of_it[-1]
    raise Nonconformity("no channel of the stream follows the world at once")
