"""In real time, with a host that stalls: each sample is read, or counted as lost."""

import math
import random
from typing import Any

import pytest

from sensorbench.core.catalog import devices
from sensorbench.core.clock import RealClock
from sensorbench.links.i2c import SimulatedI2cBus
from sensorbench.run.lost import LossCount
from sensorbench.testing.cases import case_of
from sensorbench.testing.stream_checks import rates_of
from sensorbench.testing.world import Case
from sensorbench.world.fields import Constant
from sensorbench.world.world import Place, World

FULL_S = 0.5
FILLS_S = 0.1
"""How long a FIFO takes to fill, by the part's own time and by ours."""
STREAMING = {
    name: device
    for name, device in devices().items()
    if device.kind == "sensor" and hasattr(device.load_driver(), "open_stream")
}
STALLS = (0.5, 0.5, 0.5, 0.5, 2.5, 0.3, 1.7, 0.5)
"""Times after which a stream is drained, in full FIFOs."""


def fast_enough(case: Case) -> dict[str, Any]:
    """Return settings with which a FIFO fills in half a second of its time, or in not much more."""
    driver = case.load_driver()

    def apart(settings: dict[str, Any]) -> float:
        stream = driver.stream(**settings)
        return abs(math.log(stream.depth / stream.rate_hz / FULL_S))

    return min(rates_of(case), key=apart)


@pytest.mark.parametrize(
    "name",
    [
        name if name == "lsm6dso" else pytest.param(name, marks=pytest.mark.chaos)
        for name in STREAMING
    ],
)
def test_a_host_that_stalls_knows_how_many_samples_it_lost(name: str) -> None:
    device = STREAMING[name]
    case = case_of(device)
    settings = fast_enough(case)
    declared = case.load_driver().stream(**settings)
    full_s = declared.depth / declared.rate_hz
    clock = RealClock(speed=full_s / FILLS_S)
    world, bus = World(clock, 1), SimulatedI2cBus()
    driver = device.load_sensor()
    world.zone().bind("supply", Constant(sum(driver.SUPPLY_V) / 2))
    bus.attach(
        device.addresses[0],
        device.load_twin()(Place(world, "10000001"), **case.options, **case.twin_options),
    )
    part = device.load_driver()(
        bus, device.addresses[0], clock, **case.options, **case.driver_options
    )
    part.prepare(**settings)
    clock.sleep(1.0)
    part.open_stream()
    count = LossCount(declared, began_s := clock.now())
    chance, got, lost, missing, last_s = random.Random(1), 0, 0, 0.0, began_s
    was_full = False
    for fulls in STALLS:
        clock.sleep(fulls * full_s * chance.uniform(0.95, 1.05))
        block = part.drain()
        # What it was to be is what really passed: a busy machine stalls more than it is asked to.
        passed, last_s = (block.start_s - last_s) / full_s, block.start_s
        gone = count.note(block)
        got, lost, missing = got + len(block.values), lost + gone, missing + max(0.0, passed - 1)
        assert block.overflow == (gone > 0)
        # Of a full FIFO more may be lost until it is read, and a busy machine looks a little later.
        assert block.overflow == (passed > 1) or passed == pytest.approx(1, abs=0.3) or was_full
        was_full = block.overflow
    assert lost > 0
    whole = declared.rate_hz * (last_s - began_s)
    assert got + lost == pytest.approx(whole, rel=0.06)  # a part's own rate is a few percent off
    assert lost == pytest.approx(missing * declared.depth, rel=0.2, abs=declared.depth / 4)
