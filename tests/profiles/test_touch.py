"""Before a person touches units, what is hot, turns or presses is let go and waited for."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sensorbench.profiles.layout import BenchRow, Layout
from sensorbench.profiles.schedule import Do, Release, Schedule, Set, Settle

from .plans import ROWS, bench, lot, part, plan

HAND = BenchRow("set", low=-1.0, high=1.0, vector=True, asks=True, reference=True)
HANDLED = replace(ROWS["temperature"], handle=(5.0, 50.0))
TURNS = (
    '[[phase]]\nkind = "grid"\nname = "g"\nmeasures = ["error"]\n'
    'axes = [{ set = { temperature = ["85 degC"] } }, '
    '{ set = { orientation = ["+z up", "-z up"] } }]\n'
)


def layout(handle: BenchRow = HANDLED) -> Layout:
    return bench(orientation=HAND, temperature=handle)


def asked(schedule: Schedule) -> list[int]:
    """Return the steps at which a person is asked to set something."""
    steps = schedule.steps
    return [
        n for n, s in enumerate(steps)
        if isinstance(s.action, Set) and s.action.address == "orientation"
    ]  # fmt: skip


def test_nobody_turns_parts_in_a_hot_chamber() -> None:
    schedule = plan(TURNS, layout())
    steps = [step.action for step in schedule.steps]
    turns = asked(schedule)
    assert len(turns) == 2
    for n in turns:
        waited = steps[n - 1]
        assert isinstance(waited, Settle)
        assert [(b.address, b.low, b.high) for b in waited.bands] == [("temperature", 5.0, 50.0)]
    # It was let go before, and is gone back to after.
    assert Release("temperature") in steps[turns[0] : turns[1]]
    hot = [n for n, a in enumerate(steps) if isinstance(a, Set) and a.target == 85.0]
    assert turns[0] < hot[-2] < turns[1] < hot[-1]


def test_what_is_within_handle_stays_and_so_does_what_feeds() -> None:
    schedule = plan(TURNS.replace("85 degC", "40 degC"), layout())
    sets = [s.action.address for s in schedule.steps if isinstance(s.action, Set)]
    assert sets.count("temperature") == sets.count("supply") == 1


def test_without_a_handle_the_quantitys_own_counts() -> None:
    schedule = plan(TURNS, layout(ROWS["temperature"]))
    first, second = asked(schedule)
    for n in (first, second):
        waited = schedule.steps[n - 1].action
        assert isinstance(waited, Settle)
        assert (waited.bands[0].low, waited.bands[0].high) == (5.0, 50.0)


def test_what_presses_is_let_go_before_a_person_turns() -> None:
    pressed = TURNS.replace('temperature = ["85 degC"]', 'pressure = ["90 kPa"]')
    steps = [step.action for step in plan(pressed, layout()).steps]
    turns = [n for n, a in enumerate(steps) if isinstance(a, Set) and a.address == "orientation"]
    assert Release("pressure") in steps[turns[0] : turns[1]]


def test_a_wave_is_let_go_too() -> None:
    phase = (
        '[[phase]]\nkind = "grid"\nname = "g"\nmeasures = ["error"]\n'
        'set = { temperature = { low = "10 degC", high = "40 degC", period = "8 h" } }\n'
        'axes = [{ set = { orientation = ["+z up", "-z up"] } }]\n'
    )
    schedule = plan(phase, layout())
    steps = [step.action for step in schedule.steps]
    turns = asked(schedule)
    assert Release("temperature") in steps[turns[0] : turns[1]]


PROMPT = '[[phase]]\nkind = "prompt"\nname = "clean"\ntext = "Clean the ports."\ntouch = true\n'
HOT = (
    '[[phase]]\nkind = "grid"\nname = "g"\nmeasures = ["error"]\n'
    'axes = [{ set = { temperature = ["85 degC"] } }]\n'
)


@pytest.mark.parametrize("touch", [True, False])
def test_a_prompt_says_whether_units_are_touched(touch: bool) -> None:
    soft = PROMPT if touch else PROMPT.replace("touch = true\n", "")
    schedule = plan(HOT + soft, layout(), [(lot(2), part())])
    steps = [step.action for step in schedule.steps]
    ask = next(n for n, a in enumerate(steps) if isinstance(a, Do) and a.verb == "ask")
    assert (Release("temperature") in steps[:ask]) is touch
    assert isinstance(steps[ask - 1], Settle) is touch
