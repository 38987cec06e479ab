"""How the suites use an instrument whose members they know only by declaration."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sensorbench.core.quantity import Value
from sensorbench.instruments.members import Setpoint, limit_of_error, setpoint, setpoints_of
from sensorbench.testing.conformity import Nonconformity, changes, require, state_of
from sensorbench.testing.world import InstrumentBench

# Accuracies grow with what is read; the declared one is that at mid range.
OF_READING = 2e-4


def sent_by(bench: InstrumentBench) -> list[str]:
    return bench.line.sent if bench.line is not None else []


class nothing_sent:  # noqa: N801 - reads like a statement
    """Require that the instrument is left alone inside the block."""

    def __init__(self, bench: InstrumentBench, what: str) -> None:
        self._bench, self._what = bench, what

    def __enter__(self) -> None:
        self._lines, self._before = list(sent_by(self._bench)), state_of(self._bench.twin)

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None:
            return
        sent = sent_by(self._bench)[len(self._lines) :]
        require(not sent, f"{self._what}: {sent} was sent")
        changed = changes(self._before, state_of(self._bench.twin))
        require(not changed, f"{self._what}: {'; '.join(changed)}")


def setpoint_of(bench: InstrumentBench, name: str) -> Setpoint:
    member = bench.member(name)
    if not isinstance(member, Setpoint):
        raise Nonconformity(f"{name} is no setpoint on an open driver")
    return member


def reading_of(bench: InstrumentBench, name: str) -> Value:
    value: Value = getattr(bench.driver, name).read()
    return value


def inside(declared: setpoint[Any], share: float) -> float:
    """Return a value at a share of the rated range that the wire can have."""
    low, high = declared.rated
    value = low + share * (high - low)
    step = declared.resolution
    return round(value / step) * step if step else float(f"{value:.6g}")


def shaped(declared: setpoint[Any], value: float) -> Value:
    if not declared.vector:
        return value
    return (value, *(0.0 for _ in declared.quantity.axes[1:]))


def go(
    bench: InstrumentBench,
    name: str,
    declared: setpoint[Any],
    target: float,
    rate: float | None = None,
) -> Value:
    """Set a value with the smallest compliance limit: nothing is connected that would draw more."""
    limit = declared.limit_rated[0] if declared.limit_rated else None
    return setpoint_of(bench, name).go(target, rate, limit)


def use(bench: InstrumentBench) -> None:
    """Let every setpoint act near the middle of its range, with the largest limit it takes."""
    for name in used_by(bench):
        bench.settle(name)


def used_by(bench: InstrumentBench) -> Iterator[str]:
    """Let one setpoint after the other go, as `use` does; the names of those that went."""
    for name, declared in setpoints_of(bench.case.load_driver()).items():
        if declared.vector:
            continue
        target = inside(declared, 0.52)
        limit = declared.limit_rated[1] if declared.limit_rated else None
        setpoint_of(bench, name).go(target, None, limit)
        yield name


def most_off(declared: setpoint[Any], target: float) -> float:
    return (
        (limit_of_error(declared, target) or 0.0) + declared.resolution + OF_READING * abs(target)
    )
