"""Clocks: virtual time passes only when somebody sleeps; branches run side by side."""

import os
import signal
import threading
import time
from datetime import UTC, datetime, timedelta

import pytest

from sensorbench.core.clock import RealClock, VirtualClock


def test_a_thousand_hours_pass_at_once_in_virtual_time() -> None:
    start = datetime(2026, 1, 1, tzinfo=UTC)
    clock = VirtualClock(start)
    clock.sleep(1000 * 3600)
    assert clock.now() == 3_600_000
    assert clock.utc() == start + timedelta(hours=1000)


def test_branches_start_together_and_end_with_the_longest() -> None:
    clock = VirtualClock()
    clock.sleep(10)
    seen: list[float] = []

    def branch(seconds: float) -> float:
        seen.append(clock.now())
        clock.sleep(seconds)
        return seconds

    assert clock.gather([lambda: branch(5), lambda: branch(2), lambda: branch(3)]) == [5, 2, 3]
    assert seen == [10, 10, 10]
    assert clock.now() == 15


def test_a_failing_branch_is_raised_after_the_others_are_done() -> None:
    clock = VirtualClock()
    done = []

    def fail() -> None:
        clock.sleep(7)
        raise ValueError("bus 0")

    with pytest.raises(ValueError, match="bus 0"):
        clock.gather([fail, lambda: done.append(1)])
    assert done == [1]
    assert clock.now() == 7


def test_work_aside_takes_its_time_and_nobody_elses() -> None:
    clock = VirtualClock()
    clock.sleep(10)
    seen: list[tuple[float, float | None]] = []

    def work() -> str:
        clock.sleep(3)
        seen.append((clock.now(), clock.aside_since()))
        clock.aside(lambda: clock.sleep(5))  # within it nothing is further aside
        seen.append((clock.now(), clock.aside_since()))
        return "done"

    assert clock.aside(work) == "done"
    assert seen == [(13, 10), (13, 10)]
    assert (clock.now(), clock.aside_since()) == (10, None)


def test_work_aside_that_fails_leaves_the_clock_where_it_was() -> None:
    clock = VirtualClock()

    def fail() -> None:
        clock.sleep(7)
        raise ValueError("bus 0")

    with pytest.raises(ValueError, match="bus 0"):
        clock.aside(fail)
    assert (clock.now(), clock.aside_since()) == (0, None)
    assert RealClock().aside(lambda: "done") == "done"


def test_real_branches_overlap() -> None:
    clock = RealClock()
    started: list[float] = []

    def branch() -> None:
        started.append(time.monotonic())
        clock.sleep(0.2)

    clock.gather([branch, branch])
    assert abs(started[0] - started[1]) < 0.15


def test_a_fast_clock_runs_ahead_of_the_wall() -> None:
    clock = RealClock(speed=1000)
    clock.sleep(5)
    assert clock.now() >= 5
    with pytest.raises(ValueError, match="above 0"):
        RealClock(speed=0)


@pytest.mark.skipif(os.name != "posix", reason="a signal ends a wait on POSIX")
def test_a_signal_ends_a_gathering_whatever_its_branches_do() -> None:
    over = threading.Event()
    began = time.monotonic()
    threading.Timer(0.3, signal.raise_signal, [signal.SIGINT]).start()
    with pytest.raises(KeyboardInterrupt):
        RealClock().gather([lambda: over.wait(20)] * 2)
    assert time.monotonic() - began < 5
    over.set()
