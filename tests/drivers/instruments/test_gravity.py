"""Gravity: what follows from an orientation, as read and as felt."""

import numpy as np
import pytest

from sensorbench.core.clock import VirtualClock
from sensorbench.core.errors import NotYetKnown, SetpointError
from sensorbench.core.operator import Question
from sensorbench.instruments.gravity.driver import Gravity
from sensorbench.instruments.gravity.twin import SimGravity
from sensorbench.instruments.hand_fixture.driver import HandFixture
from sensorbench.instruments.hand_fixture.twin import SimHandFixture
from sensorbench.instruments.members import setpoints_of
from sensorbench.world.world import Place, World

VALUE = "9.8123 m/s2"


class Bench:
    def __init__(self) -> None:
        self.clock = VirtualClock()
        self.world = World(self.clock, seed=3)
        hand = SimHandFixture(self.world, "F1")
        self.twin = SimGravity(self.world, "", hand.drives, value=VALUE)
        self.world.zone().bind("orientation", hand.drives["orientation"])
        self.world.zone().bind("acceleration", self.twin.drives["acceleration"])

        class Person:
            def ask(self, question: Question) -> str:
                return hand.answer(question) or ""

        self.fixture = HandFixture(Person(), self.clock)
        self.gravity = Gravity(
            {"orientation": self.fixture.orientation}, self.clock, value=VALUE, name="g"
        )


def test_gravity_points_where_the_orientation_says() -> None:
    bench = Bench()
    bench.fixture.orientation.go((0.0, -1.0, 0.0))
    assert bench.gravity.acceleration.read() == pytest.approx((0.0, -9.8123, 0.0))


def test_a_part_feels_it_with_the_error_of_the_hand() -> None:
    bench = Bench()
    place = Place(bench.world, "7")
    bench.fixture.orientation.go((1.0, 0.0, 0.0))
    felt = place.acceleration(np.array([0.0, 1.0]))
    assert felt.shape == (2, 3)
    assert np.linalg.norm(felt, axis=1) == pytest.approx([9.8123] * 2)
    assert felt[0] == pytest.approx([9.8123, 0.0, 0.0], abs=0.15)
    assert felt[0][1] != 0.0
    now = bench.twin.drives["acceleration"].at(0.0)
    assert now == pytest.approx(tuple(felt[0]))


def test_what_is_not_known_of_the_orientation_is_not_known_of_gravity() -> None:
    with pytest.raises(NotYetKnown, match="nobody has confirmed an orientation"):
        Bench().gravity.acceleration.read()


def test_it_can_be_set_only_to_what_it_is() -> None:
    bench = Bench()
    bench.fixture.orientation.go((0.0, 0.0, 1.0))
    holds = bench.gravity.acceleration.go((0.0, 0.0, 9.80665))
    assert holds == pytest.approx((0.0, 0.0, 9.8123))
    for target in ((0.0, 9.80665, 0.0), (0.0, 0.0, -9.80665), (0.0, 0.0, 4.0), 9.8123):
        with pytest.raises(SetpointError, match=r"fixture\.orientation; set the orientation"):
            bench.gravity.acceleration.go(target)
    with pytest.raises(SetpointError, match="outside the rated"):
        bench.gravity.acceleration.go((0.0, 0.0, 19.6))


def test_release_leaves_it() -> None:
    bench = Bench()
    bench.fixture.orientation.go((0.0, 0.0, 1.0))
    bench.gravity.acceleration.release()
    assert bench.gravity.acceleration.read() == pytest.approx((0.0, 0.0, 9.8123))


@pytest.mark.parametrize("value", ["9.6 m/s2", "98.123 m/s2", "1.01 g"])
def test_a_value_that_is_nowhere_on_earth_is_refused(value: str) -> None:
    members = {"orientation": Bench().fixture.orientation}
    with pytest.raises(ValueError, match="nowhere on Earth"):
        Gravity(members, VirtualClock(), value=value)


def test_it_needs_an_orientation() -> None:
    with pytest.raises(ValueError, match="members needs an orientation"):
        Gravity({}, VirtualClock(), value=VALUE)
    with pytest.raises(ValueError, match="members needs an orientation"):
        Gravity({"orientation": Bench().gravity.acceleration}, VirtualClock(), value=VALUE)


def test_it_declares_a_vector_without_being_made() -> None:
    assert setpoints_of(Gravity)["acceleration"].vector
