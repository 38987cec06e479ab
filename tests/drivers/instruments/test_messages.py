"""Random and mutated messages do no harm; tools/try_messages.py sends them by the million."""

import pytest

from ..messages import FACES, ON_LINES, replied, told_face, told_twin


@pytest.mark.parametrize("name", ON_LINES)
def test_no_message_makes_a_twin_fail(name: str) -> None:
    assert list(told_twin(ON_LINES[name], 1500, seed=1)) == []


@pytest.mark.parametrize("name", FACES)
def test_no_message_makes_another_port_fail(name: str) -> None:
    assert list(told_face(FACES[name], 1500, seed=1)) == []


@pytest.mark.parametrize("name", ON_LINES)
def test_no_spoilt_reply_becomes_a_value(name: str) -> None:
    assert list(replied(ON_LINES[name], 400, seed=2)) == []
