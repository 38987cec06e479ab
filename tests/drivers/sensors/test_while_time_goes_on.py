"""Twins in real time: samples that end while a twin computes those before do not hold it up."""

from contextlib import suppress
from typing import Any

import pytest

from sensorbench.core.catalog import devices
from sensorbench.core.clock import VirtualClock
from sensorbench.core.errors import BenchError, NotAcknowledged
from sensorbench.testing.cases import case_of
from sensorbench.testing.world import SensorBench

SENSORS = {
    name: device
    for name, device in devices().items()
    if device.kind == "sensor" and "i2c" in device.links
}
STEP_S = 0.5
"""Longer than a sample lasts: whoever looks at the clock again finds another one due."""
MOST_LOOKS = 1000


def hurried(clock: VirtualClock) -> None:
    """Let time go on by a step with each look at the clock, which is not done without end."""
    look, looks = clock.now, 0

    def now() -> float:
        nonlocal looks
        looks += 1
        assert looks < MOST_LOOKS, "it looks at the clock without end"
        clock.sleep(STEP_S)
        return look()

    clock.now = now  # type: ignore[method-assign]


def fastest(driver: Any) -> list[dict[str, Any]]:
    """Return settings with which a part may sample by itself, the fastest first."""
    rate, mode = driver.SETTINGS.get("rate"), driver.SETTINGS.get("mode")
    rates = [each for each in rate.choices if not isinstance(each, str)] if rate else []
    return [{"rate": each} for each in sorted(rates, reverse=True)] + [
        {"mode": each} for each in (mode.choices if mode else ())
    ]


@pytest.mark.parametrize("name", SENSORS)
def test_a_twin_answers_although_samples_go_on_ending(name: str) -> None:
    case = case_of(SENSORS[name])
    for settings in fastest(case.load_driver())[:6] or [{}]:
        bench = SensorBench(case)
        with suppress(BenchError):  # settings that need another one, too
            bench.part.prepare(**settings)
            bench.part.start()
        hurried(bench.clock)
        with suppress(NotAcknowledged):
            bench.bus.transfer(bench.address, b"\x00", 1)
