"""A calendar that is set, and a machine that slept: told apart, once each."""

from __future__ import annotations

from dataclasses import dataclass

from sensorbench.run.timekeeping import Timekeeper


@dataclass
class Machine:
    calendar_s: float = 0.0
    slept_s: float = 0.0

    def keeper(self) -> Timekeeper:
        return Timekeeper(lambda: self.calendar_s, lambda: self.slept_s)


def test_a_calendar_that_is_set_is_told_once_and_with_its_sign() -> None:
    machine = Machine()
    keeper = machine.keeper()
    assert keeper.look() == {}
    machine.calendar_s -= 3600.0
    assert keeper.look() == {"calendar_set_by_s": -3600.0}
    assert keeper.look() == {}


def test_a_machine_that_slept_has_not_set_its_calendar() -> None:
    machine = Machine()
    keeper = machine.keeper()
    machine.slept_s += 30.0
    machine.calendar_s += 30.0  # the calendar went on meanwhile, the monotonic clock did not
    assert keeper.look() == {"suspended_s": 30.0}


def test_slewing_is_no_jump() -> None:
    machine = Machine()
    keeper = machine.keeper()
    for _ in range(1000):
        machine.calendar_s += 0.0005
        assert keeper.look() == {}


def test_this_machine_stands_still_between_two_looks() -> None:
    assert Timekeeper().look() == {}
