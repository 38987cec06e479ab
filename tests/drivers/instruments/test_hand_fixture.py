"""The fixture that a person turns: what is asked, what is believed, what the twin does."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensorbench.core.clock import VirtualClock
from sensorbench.core.errors import InstrumentError, NotYetKnown, ProtocolError, SetpointError
from sensorbench.core.operator import AnsweringDouble, Question
from sensorbench.core.quantity import ORIENTATION, components
from sensorbench.instruments.hand_fixture.driver import HandFixture
from sensorbench.instruments.hand_fixture.twin import SimHandFixture
from sensorbench.world.world import Fault, World


class Person:
    """Hands questions to a twin, as a station does."""

    def __init__(self, twin: SimHandFixture) -> None:
        self.twin = twin
        self.asked: list[Question] = []

    def ask(self, question: Question) -> str:
        self.asked.append(question)
        answer = self.twin.answer(question)
        assert answer is not None
        return answer


class Bench:
    def __init__(self, fault: str = "") -> None:
        self.clock = VirtualClock()
        self.world = World(self.clock, seed=3)
        if fault:
            self.world.add_fault("F1", Fault(fault))
        self.twin = SimHandFixture(self.world, "F1", name="cube")
        self.person = Person(self.twin)
        self.fixture = HandFixture(self.person, self.clock, name="cube")

    def up(self) -> tuple[float, ...]:
        return components(self.twin.drives["orientation"].at(self.clock.now()))


def tilt_deg(one: tuple[float, ...], other: tuple[float, ...]) -> float:
    return math.degrees(math.acos(min(1.0, sum(a * b for a, b in zip(one, other, strict=True)))))


@pytest.mark.parametrize("word", list(ORIENTATION.words))
def test_a_person_is_asked_for_every_face_in_both_languages(word: str) -> None:
    double = AnsweringDouble()
    fixture = HandFixture(double, VirtualClock(), name="cube")
    target = ORIENTATION.words[word]
    assert fixture.orientation.go(target) == target
    (question,) = double.asked
    assert question.what == {"kind": "turn", "to": word, "name": "cube"}
    assert question.answers[0] == "done"
    assert f"their {word[:2]} axis points up" in question.text["en"]
    assert f"{word[:2]} 轴朝上" in question.text["zh"]


def test_before_the_first_turn_the_orientation_is_not_known() -> None:
    with pytest.raises(NotYetKnown, match="nobody has confirmed an orientation"):
        Bench().fixture.orientation.read()


def test_what_was_confirmed_is_what_holds() -> None:
    bench = Bench()
    bench.fixture.orientation.go((-1.0, 0.0, 0.0))
    assert bench.fixture.orientation.read() == (-1.0, 0.0, 0.0)
    bench.fixture.orientation.release()
    assert bench.fixture.orientation.read() == (-1.0, 0.0, 0.0)


def test_a_turn_that_was_not_done_leaves_nothing_believed() -> None:
    bench = Bench()
    bench.fixture.orientation.go((0.0, 0.0, 1.0))
    bench.world.add_fault("F1", Fault("refuses"))
    with pytest.raises(InstrumentError, match="'turn cube' refused: stop it was not turned"):
        bench.fixture.orientation.go((0.0, 1.0, 0.0))
    with pytest.raises(ProtocolError, match="nobody has confirmed"):
        bench.fixture.orientation.read()


@pytest.mark.parametrize(
    "target", [(0.5, 0.5, 0.5), (0.0, 0.0, 0.0), 1.0, (1.0, 0.0), (1.0, 1.0, 1.0)]
)
def test_what_is_no_direction_is_refused_and_nobody_is_asked(
    target: float | tuple[float, ...],
) -> None:
    double = AnsweringDouble()
    with pytest.raises(SetpointError, match="no direction of length 1"):
        HandFixture(double, VirtualClock()).orientation.go(target)
    assert double.asked == []


def test_beyond_the_rated_range_and_at_a_rate_nobody_is_asked() -> None:
    double = AnsweringDouble()
    fixture = HandFixture(double, VirtualClock())
    with pytest.raises(SetpointError, match="outside the rated"):
        fixture.orientation.go((0.0, 0.0, 1.5))
    with pytest.raises(SetpointError, match="has no ramp"):
        fixture.orientation.go((0.0, 0.0, 1.0), rate=0.1)
    assert double.asked == []


def test_identifying_asks_nobody() -> None:
    double = AnsweringDouble()
    assert HandFixture(double, VirtualClock()).identify().model == "hand fixture"
    assert double.asked == []


def test_the_twin_turns_the_fixture_and_a_hand_is_never_quite_straight() -> None:
    bench = Bench()
    tilts = []
    for _ in range(200):
        for face in ORIENTATION.words.values():
            bench.fixture.orientation.go(face)
            assert math.hypot(*bench.up()) == pytest.approx(1.0)
            tilts.append(tilt_deg(bench.up(), components(face)))
    # Two level axes of 0.2 degrees each.
    rms_deg = math.sqrt(sum(t * t for t in tilts) / len(tilts))
    assert rms_deg == pytest.approx(0.2 * math.sqrt(2), rel=0.05)


@given(st.floats(0, 2 * math.pi), st.floats(-1, 1))
def test_any_direction_can_be_asked_for(azimuth: float, z: float) -> None:
    level = math.sqrt(1 - z * z)
    target = (level * math.cos(azimuth), level * math.sin(azimuth), z)
    bench = Bench()
    bench.fixture.orientation.go(target)
    assert tilt_deg(bench.up(), target) < 1.5


def test_the_world_is_told_before_the_fixture_turns() -> None:
    bench = Bench()
    seen: list[tuple[float, ...]] = []
    bench.world.listen(lambda: seen.append(bench.up()))
    bench.fixture.orientation.go((1.0, 0.0, 0.0))
    assert seen == [(0.0, 0.0, 1.0)]


def test_a_person_can_err_unnoticed() -> None:
    bench = Bench("upside_down")
    bench.fixture.orientation.go((0.0, 1.0, 0.0))
    assert bench.up()[1] == pytest.approx(-1.0, abs=1e-3)
    assert bench.fixture.orientation.read() == (0.0, 1.0, 0.0)


@pytest.mark.parametrize("what", [{"kind": "load"}, {"kind": "turn", "to": "+x up", "name": "b"}])
def test_questions_for_others_are_left_to_them(what: dict[str, str]) -> None:
    bench = Bench()
    assert bench.twin.answer(Question({"en": "?"}, what=what)) is None
    assert bench.up() == (0.0, 0.0, 1.0)
