"""Time of a run passes in one place, also for a service that has to wait."""

from __future__ import annotations

from sensorbench.core.clock import VirtualClock
from sensorbench.run.services import Services


def test_a_service_that_waits_holds_up_no_other_and_is_not_called_within_itself() -> None:
    clock = VirtualClock()
    services = Services(clock)
    waits, others = list[float](), list[float]()

    def wait() -> None:
        waits.append(clock.now())
        services.wait(clock.now() + 100.0)

    services.every(60.0, wait, "waits")
    services.every(10.0, lambda: others.append(clock.now()), "others")
    services.wait(200.0)
    assert waits == [60.0, 180.0]  # late once, then on its own grid
    assert others == [10.0 * n for n in range(1, 29)]
    assert clock.now() == 280.0


def test_a_service_that_waits_and_is_stopped_meanwhile_is_over() -> None:
    clock = VirtualClock()
    services = Services(clock)
    calls = list[float]()

    def wait() -> None:
        calls.append(clock.now())
        services.wait(clock.now() + 10.0)

    services.every(5.0, wait, "waits")
    services.once(8.0, lambda: services.stop("waits"), "stops it")
    services.wait(100.0)
    assert calls == [5.0]
