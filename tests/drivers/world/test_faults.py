"""Faults have their time, and a twin meets them then, whenever it is looked at."""

from sensorbench.core.clock import VirtualClock
from sensorbench.world.faults import Fault, Suffering
from sensorbench.world.world import World


def test_faults_are_met_in_order_each_at_its_time() -> None:
    world, met = World(VirtualClock()), list[tuple[float, str]]()
    suffering = Suffering(world, "dmm", lambda kind: met.append((suffering.now_s, kind)))
    world.add_fault("dmm", Fault("stuck", 10.0, 20.0))
    world.add_fault("dmm", Fault("open", 15.0, 30.0))
    suffering.catch_up()
    world.clock.sleep(25.0)
    suffering.catch_up()
    assert met == [(10.0, "stuck"), (20.0, "open")]
    world.clock.sleep(25.0)
    suffering.catch_up()
    assert met[2:] == [(30.0, "")]
    assert (suffering.kind, suffering.now_s) == ("", 50.0)


def test_a_fault_that_somebody_adds_is_met_at_the_next_look() -> None:
    world, met = World(VirtualClock()), list[tuple[float, str]]()
    suffering = Suffering(world, "dmm", lambda kind: met.append((suffering.now_s, kind)))
    world.clock.sleep(5.0)
    world.add_fault("dmm", Fault("silent"))
    suffering.catch_up()
    suffering.catch_up()
    assert met == [(5.0, "silent")]
