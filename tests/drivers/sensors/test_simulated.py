"""What sensor twins share: when a part lives, final test, faults and ageing in time, a FIFO."""

import numpy as np
import pytest

from sensorbench.core.clock import VirtualClock
from sensorbench.core.errors import NotAcknowledged
from sensorbench.sensors.simulated import PowerOnReset, aged, during, screened
from sensorbench.sensors.simulated_fifo import SampleFifo
from sensorbench.world.fields import Constant, Field, Wave
from sensorbench.world.world import Fault, Place, World


class Part:
    """A twin that only notes when it was reset and caught up."""

    def __init__(self, place: Place) -> None:
        self.clock = place.clock
        self.resets: list[float] = []
        self.caught_up: list[float] = []
        self.power = PowerOnReset(place, 1.6, self._reset, self._catch_up)

    def _reset(self) -> None:
        self.resets.append(self.power.since_s)

    def _catch_up(self) -> None:
        self.caught_up.append(self.clock.now())


class Bench:
    def __init__(self) -> None:
        self.clock = VirtualClock()
        self.clock.sleep(100.0)
        self.world = World(self.clock)

    def supply(self, field: Field) -> None:
        self.world.zone().bind("supply", field)


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_a_part_starts_when_its_supply_comes_whoever_asks_first(bench: Bench) -> None:
    part = Part(Place(bench.world, "1"))
    with pytest.raises(NotAcknowledged, match="part 1 has no supply"):
        part.power.check()
    bench.clock.sleep(10.0)
    bench.supply(Constant(3.3))
    bench.clock.sleep(10.0)
    part.power.check()
    part.power.check()
    assert part.resets == [110.0]


def test_a_part_made_with_its_supply_on_was_plugged_in_a_second_ago(bench: Bench) -> None:
    bench.supply(Constant(3.3))
    part = Part(Place(bench.world, "1"))
    part.power.check()
    assert part.resets == [99.0]


def test_a_dip_that_nobody_saw_is_a_reset_all_the_same(bench: Bench) -> None:
    bench.supply(Constant(3.3))
    part = Part(Place(bench.world, "1"))
    part.power.check()
    bench.clock.sleep(5.0)
    bench.supply(Constant(1.0))
    bench.clock.sleep(1.0)
    bench.supply(Constant(3.3))
    bench.clock.sleep(5.0)
    part.power.check()
    assert part.resets == [99.0, 106.0]


def test_other_changes_reset_nothing_but_are_caught_up_with(bench: Bench) -> None:
    bench.supply(Constant(3.3))
    part = Part(Place(bench.world, "1"))
    part.power.check()
    bench.clock.sleep(5.0)
    bench.world.changing()
    assert part.resets == [99.0]
    assert part.caught_up == [105.0]
    bench.supply(Constant(0.0))
    bench.world.changing()
    assert part.caught_up == [105.0, 105.0]  # without supply there is nothing to catch up with


def test_a_supply_that_goes_and_comes_at_one_instant_is_seen_each_time(bench: Bench) -> None:
    bench.supply(Constant(3.3))
    part = Part(Place(bench.world, "1"))
    part.power.check()
    bench.supply(Constant(0.0))
    with pytest.raises(NotAcknowledged):
        part.power.check()
    bench.supply(Constant(3.3))
    part.power.check()
    assert part.resets == [99.0, 100.0]


def test_a_supply_that_swings_by_itself_resets_at_its_last_dip(bench: Bench) -> None:
    part = Part(Place(bench.world, "1"))
    bench.supply(Wave(0.0, 3.3, 10.0, "square", since=100.0))
    bench.clock.sleep(2.0)
    part.power.check()
    assert part.resets == [100.0]
    bench.clock.sleep(20.0)  # two periods on, in the upper half again
    part.power.check()
    assert part.resets[-1] == pytest.approx(120.0, abs=0.1)
    bench.clock.sleep(4.0)
    with pytest.raises(NotAcknowledged):
        part.power.check()


def test_a_part_with_a_supply_of_its_own_does_not_mind(bench: Bench) -> None:
    part = Part(Place(bench.world, "1", powered=False))
    bench.supply(Constant(0.0))
    part.power.check()
    assert part.resets == [99.0]


def test_units_beyond_three_sigma_never_left_the_factory() -> None:
    world = World(VirtualClock())
    found = [screened(Place(world, str(number)), "offset", 2.0) for number in range(3000)]
    assert max(map(abs, found)) <= 6.0
    assert sum(abs(value) > 4.0 for value in found) / 3000 == pytest.approx(0.0455, abs=0.015)


def test_a_fault_is_there_in_its_time_alone(bench: Bench) -> None:
    bench.world.add_fault("7", Fault("noise", at_s=101.0, until_s=103.0))
    place = Place(bench.world, "7")
    times = np.array([100.9, 101.0, 102.9, 103.0])
    assert during(place, "noise", times).tolist() == [False, True, True, False]
    assert not during(place, "stuck", times).any()


def test_ageing_grows_with_the_root_of_the_hours_and_a_drift_is_another(bench: Bench) -> None:
    bench.world.zone().bind("temperature", Constant(125.0))
    place = Place(bench.world, "7")
    bench.clock.sleep(1000 * 3600.0)
    times = 100.0 + 3600.0 * np.array([0.0, 250.0, 1000.0])
    moved = aged(place, -2.0, 9.0, times)
    hours = [place.stress_h(float(at_s)) for at_s in times]
    assert moved.tolist() == pytest.approx([-2.0 * (h / 1000) ** 0.5 for h in hours], abs=1e-6)
    bench.world.add_fault("7", Fault("drift", at_s=float(times[1])))
    assert aged(place, -2.0, 9.0, times)[1:] == pytest.approx(4.5 * moved[1:])


def samples(*numbers: int) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    return np.array(numbers, np.uint8).reshape(-1, 1)


def test_a_fifo_loses_its_oldest_and_says_so_until_it_is_read() -> None:
    fifo = SampleFifo(3, 1)
    fifo.put(samples(1, 2), 0, stops=False)
    assert (fifo.level, fifo.room, fifo.overrun) == (2, 1, False)
    fifo.put(samples(3, 4), 0, stops=False)
    assert (fifo.level, fifo.overrun, fifo.peek()) == (3, True, b"\x02")
    assert fifo.take(2) == b"\x02\x03"
    assert not fifo.overrun
    assert fifo.take(2) == b"\x04\x00"  # nothing is there any more
    fifo.put(samples(9), 5, stops=False)  # of six only the last was worth computing
    assert (fifo.peek(), fifo.overrun) == (b"\x09", True)


def test_a_fifo_that_stops_keeps_its_first() -> None:
    fifo = SampleFifo(3, 1)
    fifo.put(samples(1, 2, 3, 4), 0, stops=True)
    fifo.put(samples(5), 0, stops=True)
    assert fifo.take(3) == b"\x01\x02\x03"
    assert not fifo.overrun
    fifo.clear()
    assert (fifo.level, fifo.peek()) == (0, b"\x00")
