"""What every setpoint owes the bench: ranges, rates, limits, what arrives, how it lets go."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from inspect import signature
from itertools import product
from typing import Any

from sensorbench.core.errors import BenchError, SetpointError
from sensorbench.core.quantity import Value, components, distance
from sensorbench.instruments.members import setpoint, setpoints_of
from sensorbench.instruments.telling import Held, Swing, Told, changed
from sensorbench.testing.conformity import changes, only, refusal, require, state_of
from sensorbench.testing.instrument_use import (
    OF_READING,
    go,
    inside,
    most_off,
    nothing_sent,
    reading_of,
    setpoint_of,
    shaped,
)
from sensorbench.testing.world import SERIAL, Case, InstrumentBench

DAY_S = 86_400.0
_LOOKS = 100
BY_HAND = ("setpoint_changed", "output_off", "program_started")
"""Faults of twins that are what a person does at a front panel."""


def check_rated_ends(case: Case) -> None:
    """Both ends of the rated range are accepted; beyond them nothing is sent."""
    for name, declared in setpoints_of(case.load_driver()).items():
        low, high = declared.rated
        if not declared.vector:
            for end in (low, high):
                bench = InstrumentBench(case)
                sent = go(bench, name, declared, end)
                _require_sent(declared, name, end, sent)
        step = max(declared.resolution, 1e-6 * (high - low))
        for beyond in (low - step, high + step, math.nan, math.inf, -math.inf):
            bench = InstrumentBench(case)
            with (
                nothing_sent(bench, f"{name} at {beyond:g}"),
                refusal(SetpointError, f"{name} took {beyond:g}, rated is {low:g}..{high:g}"),
            ):
                setpoint_of(bench, name).go(shaped(declared, beyond))


def check_rates(case: Case) -> None:
    """The fastest rate is accepted, a faster one, none and a backward one are refused."""
    for name, declared in setpoints_of(case.load_driver()).items():
        if declared.vector:
            continue
        target, fastest = inside(declared, 0.5), declared.fastest
        if fastest is not None:
            go(InstrumentBench(case), name, declared, target, fastest)
        wrong = (1.01 * fastest if fastest else 1.0, 0.0, -1.0, math.nan)
        for rate in wrong:
            bench = InstrumentBench(case)
            with (
                nothing_sent(bench, f"{name} with rate {rate:g}"),
                refusal(SetpointError, f"{name} took a rate of {rate:g}"),
            ):
                setpoint_of(bench, name).go(target, rate)


def check_limits(case: Case) -> None:
    """Both ends of the compliance limit are accepted, beyond them nothing is sent."""
    for name, declared in setpoints_of(case.load_driver()).items():
        target = shaped(declared, inside(declared, 0.52))
        if declared.limit_rated is None:
            if not declared.vector:
                with refusal(SetpointError, f"{name} took a limit that it has not"):
                    setpoint_of(InstrumentBench(case), name).go(target, None, 1.0)
            continue
        least, most = declared.limit_rated
        for limit in (least, most):
            bench = InstrumentBench(case)
            setpoint_of(bench, name).go(target, None, limit)
        for limit in (least - 1e-6 * most, 1.001 * most, math.nan):
            bench = InstrumentBench(case)
            with (
                nothing_sent(bench, f"{name} with limit {limit:g}"),
                refusal(SetpointError, f"{name} took a limit of {limit:g}"),
            ):
                setpoint_of(bench, name).go(target, None, limit)


def check_what_is_refused_is_foreseen(case: Case) -> None:
    """What it refuses to set as it is fitted, declared or limited is foreseen before a run."""
    for name, declared in setpoints_of(case.load_driver()).items():
        if declared.vector:
            continue
        limit = declared.limit_rated[0] if declared.limit_rated else None
        for fitted in _fittings(case):
            for is_narrowed, share in product((False, True), (0.1, 0.5, 0.9)):
                target, benches = inside(declared, share), []
                for _ in range(2):
                    benches.append(InstrumentBench(fitted))
                    with suppress(BenchError):
                        if is_narrowed:
                            ends = inside(declared, 0.2), inside(declared, 0.8)
                            setpoint_of(benches[-1], name).protect(*ends)
                try:
                    setpoint_of(benches[0], name).go(target, None, limit)
                except SetpointError as refused:
                    with refusal(
                        SetpointError,
                        f"{name}: setting {target:g} {declared.quantity.unit} is refused, and "
                        f"@{name}.foresee does not say so beforehand: {refused}",
                    ):
                        setpoint_of(benches[1], name).foresee(target, limit)
                except BenchError:
                    continue  # it is no instrument that can be used so


def _fittings(case: Case) -> Iterator[Case]:
    """Yield an instrument as it is tried, undeclared, and without each of its own options."""
    yield case
    yield replace(case, options={}, driver_options={})
    for option, default in signature(case.device.load_twin()).parameters.items():
        if default.default is True:
            yield replace(case, twin_options={**case.twin_options, option: False})


def check_reading_back(case: Case) -> None:
    """What is set arrives: in the world within the accuracy, and as the instrument reads it."""
    for name, declared in setpoints_of(case.load_driver()).items():
        if declared.vector:
            continue
        for share in (0.3, 0.5, 0.7):
            for seed in (1, 2, 3):
                bench = InstrumentBench(case, seed=seed)
                target = inside(declared, share)
                sent = go(bench, name, declared, target)
                _require_sent(declared, name, target, sent)
                bench.settle(name)
                read, true = setpoint_of(bench, name).read(), bench.now_of(name)
                band = max(declared.quantity.soak.within, most_off(declared, target))
                unit = declared.quantity.unit
                require(
                    distance(read, sent) <= band,
                    f"{name} reads {read} {unit} after it settled at {sent} {unit}",
                )
                if declared.accuracy is not None:
                    require(
                        distance(true, sent) <= most_off(declared, target),
                        f"{name} brought the world to {true} {unit}, {sent} {unit} was set",
                    )


def check_steadiness(case: Case) -> None:
    """Once it stands still, its reading keeps to what was asked for as `steady` says."""
    for name, declared in setpoints_of(case.load_driver()).items():
        usual, unit = declared.quantity.soak.within, declared.quantity.unit
        require(
            declared.steady <= usual,
            f"{name} is steady within {declared.steady:g} {unit}, but the usual soak of a "
            f"{declared.quantity.name} is {usual:g} {unit}: it would never settle",
        )
        if declared.vector:
            continue
        for share in (0.3, 0.7):
            bench = InstrumentBench(case)
            target = inside(declared, share)
            go(bench, name, declared, target)
            bench.settle(name)
            band = max(declared.steady, OF_READING * abs(target))
            for _ in range(_LOOKS):
                bench.clock.sleep(1.0)
                read = setpoint_of(bench, name).read()
                require(
                    distance(read, target) <= band,
                    f"{name} reads {read} {unit} where {target:g} {unit} was set and is still: "
                    f"declare that it is steady within more than {declared.steady:g} {unit}",
                )


def check_reading_on_the_way(case: Case) -> None:
    """A setpoint reads what is there, not what it was told, as long as it is on the way."""
    for name, declared in setpoints_of(case.load_driver()).items():
        if declared.vector:
            continue
        bench = InstrumentBench(case)
        target = inside(declared, 0.7)
        go(bench, name, declared, target)
        before, read, after = bench.now_of(name), reading_of(bench, name), bench.now_of(name)
        band = max(declared.quantity.soak.within, most_off(declared, target))
        if distance(before, target) <= 2 * band or distance(before, after) > band / 2:
            continue  # it was there at once, or moved while it was read
        require(
            distance(read, before) <= band,
            f"{name} reads {read} {declared.quantity.unit} where the world has {before}; "
            f"{target:g} was set a moment ago",
        )


def check_a_rate_is_kept(case: Case) -> None:
    """With a rate it moves at that rate: neither faster, nor much slower."""
    for name, declared in setpoints_of(case.load_driver()).items():
        if declared.vector or declared.fastest is None:
            continue
        bench = InstrumentBench(case)
        start, target = components(bench.now_of(name))[0], inside(declared, 0.7)
        rate = declared.fastest / 2
        go(bench, name, declared, target, rate)
        began_s, half_s = bench.clock.now(), abs(target - start) / rate / 2
        bench.clock.sleep(half_s)
        moved = abs(components(bench.now_of(name))[0] - start)
        wanted = rate * (bench.clock.now() - began_s)
        slack = max(declared.quantity.soak.within, most_off(declared, target)) + 0.15 * wanted
        unit = f"{declared.quantity.unit}/s"
        require(
            abs(moved - wanted) <= slack,
            f"{name} moved at {moved / half_s:g} {unit}, {rate:g} {unit} was asked for",
        )


def check_a_setpoint_moves_its_own_quantity(case: Case) -> None:
    """One setpoint leaves what the others drive as it is."""
    declared = setpoints_of(case.load_driver())
    for name, row in declared.items():
        if row.vector:
            continue
        bench = InstrumentBench(case)
        go(bench, name, row, inside(row, 0.6))
        for other, there in declared.items():
            if other != name and there.quantity is row.quantity:
                require(
                    distance(bench.now_of(other), InstrumentBench(case).now_of(other)) == 0,
                    f"setting {name} moved {other}",
                )


def check_release(case: Case) -> None:
    """Released at rest, in use and twice; what was driven is let go, and can be set again."""
    for name, declared in setpoints_of(case.load_driver()).items():
        bench = InstrumentBench(case)
        setpoint_of(bench, name).release()
        if declared.vector:
            continue
        rest = bench.now_of(name)
        target = inside(declared, 0.7)
        go(bench, name, declared, target)
        bench.settle(name)
        held = bench.now_of(name)
        setpoint_of(bench, name).release()
        setpoint_of(bench, name).release()
        bench.clock.sleep(DAY_S)
        if distance(held, rest) > declared.quantity.soak.within:
            require(
                distance(bench.now_of(name), held) > declared.quantity.soak.within,
                f"{name} still holds {held} a day after its release",
            )
        go(bench, name, declared, target)


def check_protection(case: Case) -> None:
    """The instrument's own protection is only ever narrowed."""
    for name, declared in setpoints_of(case.load_driver()).items():
        if declared.vector:
            continue
        bench = InstrumentBench(case)
        bound = setpoint_of(bench, name)
        first = bound.protect(None, None)
        if first is None:
            continue
        low, high = inside(declared, 0.2), inside(declared, 0.8)
        narrowed = bound.protect(low, high)
        require(narrowed is not None, f"{name} lost its protection")
        widened = bound.protect(declared.rated[0], declared.rated[1])
        require(widened == narrowed, f"{name}: protection went from {narrowed} to {widened}")
        require(bound.protect(None, None) == narrowed, f"{name}: protection changed unasked")


def check_waves(case: Case) -> None:
    """A wave swings between its ends, and ends with the next setpoint or release."""
    for name, declared in setpoints_of(case.load_driver()).items():
        bench = InstrumentBench(case)
        if not declared.can_wave:
            with refusal(SetpointError, f"{name} took a wave that it can't make"):
                setpoint_of(bench, name).wave(*declared.rated, 10.0, "square")
            continue
        low, high = inside(declared, 0.4), inside(declared, 0.6)
        period_s = max(10.0, declared.fastest_wave or 0.0)
        setpoint_of(bench, name).wave(low, high, period_s, "square")
        bench.clock.sleep(period_s)  # it begins where the quantity was before
        seen = []
        for _ in range(40):
            seen.append(components(bench.now_of(name))[0])
            bench.clock.sleep(period_s / 20)
        band = most_off(declared, high) + 0.05 * (high - low)
        require(abs(max(seen) - high) <= band, f"{name}: the wave reaches {max(seen)}, not {high}")
        require(abs(min(seen) - low) <= band, f"{name}: the wave falls to {min(seen)}, not {low}")
        setpoint_of(bench, name).release()


def _wears(case: Case) -> bool:
    return any(one.nonvolatile for one in setpoints_of(case.load_driver()).values())


@only(_wears)
def check_wear(case: Case) -> None:
    """A value that is held in a memory that wears is not written again (`nonvolatile`)."""
    for name, declared in setpoints_of(case.load_driver()).items():
        if not declared.nonvolatile:
            continue
        bench = InstrumentBench(case)
        require(
            hasattr(bench.twin, "wearing_acts"),
            f"{name} is kept in a memory that wears, and the twin does not count `wearing_acts`",
        )
        before = bench.twin.wearing_acts
        _sent(bench, name, declared, None)
        once = bench.twin.wearing_acts
        require(once > before, f"setting {name} is no wearing act of the twin's")
        _sent(bench, name, declared, None)
        again = bench.twin.wearing_acts
        require(again == once, f"{name}: what was held already was written again")


def check_told(case: Case) -> None:
    """It tells what it is set to as that was sent, and what somebody changed behind the driver."""
    by_hand = [f for f in case.device.load_faults() if f in BY_HAND]
    for name, declared in setpoints_of(case.load_driver()).items():
        require(
            declared.can_tell is not declared.untold,
            f"{name}: let @{name}.told read back what it is set to, or declare untold=True where "
            "the manual has no way to ask",
        )
        if declared.untold or declared.vector:
            continue
        for rate in (None, declared.fastest and declared.fastest / 2):
            bench = InstrumentBench(case)
            sent = _sent(bench, name, declared, rate)
            _require_told(bench, name, sent, "on the way")
            bench.settle(name)
            _require_told(bench, name, sent, "where it arrived")
            setpoint_of(bench, name).release()
            require(_changed(bench, name, sent), f"{name} still tells {sent} after its release")
        if declared.can_wave:
            _check_a_wave_is_told(case, name, declared)
        require(
            by_hand or "members" in case.device.links,
            f"the twin's FAULTS has none of {', '.join(BY_HAND)}: nobody can try whether a change "
            f"of {name} at the panel is noticed",
        )
        for fault in by_hand:
            bench = InstrumentBench(case)
            sent = _sent(bench, name, declared, None)
            bench.fault(SERIAL, fault)
            require(_changed(bench, name, sent), f"{name}: {fault} goes unnoticed, told {sent}")


def _sent(bench: InstrumentBench, name: str, declared: setpoint[Any], rate: float | None) -> Held:
    limit = declared.limit_rated[0] if declared.limit_rated else None
    return Held(go(bench, name, declared, inside(declared, 0.52), rate), limit)


def _check_a_wave_is_told(case: Case, name: str, declared: setpoint[Any]) -> None:
    bench = InstrumentBench(case)
    low, high = inside(declared, 0.4), inside(declared, 0.6)
    period_s = max(10.0, declared.fastest_wave or 0.0)
    setpoint_of(bench, name).wave(low, high, period_s, "square")
    _require_told(bench, name, Swing(low, high, period_s, "square"), "as a wave")


def _require_told(bench: InstrumentBench, name: str, sent: Told, when: str) -> None:
    before = state_of(bench.twin)
    found = setpoint_of(bench, name).told()
    made = changes(before, state_of(bench.twin))
    require(not made, f"asking what {name} is set to changed {'; '.join(made)}")
    require(not _differs(bench, name, sent, found), f"{name} tells {found} {when}, {sent} was sent")


def _changed(bench: InstrumentBench, name: str, sent: Told) -> str:
    return _differs(bench, name, sent, setpoint_of(bench, name).told())


def _differs(bench: InstrumentBench, name: str, sent: Told, found: Told) -> str:
    bound = setpoint_of(bench, name)
    return changed(sent, found, bound.rounds, bound.limit_rated[1] if bound.limit_rated else 0.0)


def _require_sent(declared: setpoint[Any], name: str, target: float, sent: Value) -> None:
    step = max(declared.resolution / 2, 1e-6 * abs(target)) * (1 + 1e-9)
    require(
        abs(components(sent)[0] - target) <= step,
        f"{name} says that it sent {sent} {declared.quantity.unit} of {target}",
    )
