"""Choices: one decision for many values, by the part's grade or by agreement, on record."""

from __future__ import annotations

import pytest

from sensorbench.profiles.library import load_profile, profile_ids
from sensorbench.profiles.schedule import Hold, Set

from .plans import HEAD, PART, bench, lot, part, plan, refusal

AGREED = (
    HEAD
    + """
[choice.method]
by = "agreement"

[choice.method.option."85/85"]
standard = true
temperature = "85 degC"
hours = "1000 h"
readouts = ["168 h", "500 h"]

[choice.method.option."130/85"]
standard = true
temperature = "130 degC"
hours = "96 h"
readouts = []

[choice.method.option.quick]
temperature = "85 degC"
hours = "10 h"
readouts = []
"""
)
GRADED = (
    HEAD
    + """
[choice.ambient]
by = "grade"
option.0 = { standard = true, temperature = "150 degC" }
option.1 = { standard = true, temperature = "125 degC" }
option.2 = { standard = true, temperature = "105 degC" }
"""
)
BAKE = """
[[phase]]
kind = "stress"
name = "bake"
set = { temperature = "$ambient.temperature" }
hours = "10 h"
"""
THB = """
[[phase]]
kind = "stress"
name = "THB"
set = { temperature = "$method.temperature" }
hours = "$method.hours"
readouts = "$method.readouts"
"""


def temperatures(**chosen: tuple[str, str]) -> set[object]:
    schedule = plan(BAKE, head=GRADED, choices=chosen)
    return {step.action.target for step in schedule.steps if isinstance(step.action, Set)}


def test_a_choice_by_grade_is_made_by_the_part() -> None:
    assert temperatures() == {125.0}
    schedule = plan(BAKE, head=GRADED, lots=[(lot(), part(**{"grade = 1": "grade = 2"}))])
    assert schedule.choices["ambient"] == {
        "option": "2", "by": "grade", "standard": True, "because": "",
        "values": {"temperature": "105 degC"},
    }  # fmt: skip


def test_a_choice_by_agreement_is_made_by_a_person() -> None:
    said = refusal(THB, head=AGREED)
    assert (
        "choice.method: is by agreement: choose one of 85/85, 130/85, quick with "
        "--choose method=OPTION"
    ) in said
    schedule = plan(THB, head=AGREED, choices={"method": ("130/85", "")})
    assert [s.action.credit_s for s in schedule.steps if isinstance(s.action, Hold)] == [96 * 3600]
    schedule = plan(THB, head=AGREED, choices={"method": ("85/85", "")})
    holds = [s.action.credit_s / 3600 for s in schedule.steps if isinstance(s.action, Hold)]
    assert holds == [168, 332, 500]


def test_an_agreement_with_one_standard_option_is_made_by_nobody() -> None:
    head = AGREED.replace(
        '[choice.method.option."130/85"]\nstandard = true', '[choice.method.option."130/85"]'
    )
    schedule = plan(THB, head=head)
    assert schedule.choices["method"]["option"] == "85/85"


def test_what_is_away_from_the_standard_needs_its_reason() -> None:
    said = refusal(THB, head=AGREED, choices={"method": ("quick", "")})
    assert "choice.method: quick is away from the standard: say why with --because" in said
    schedule = plan(THB, head=AGREED, choices={"method": ("quick", "screening only")})
    told = schedule.choices["method"]
    assert (told["standard"], told["because"]) == (False, "screening only")


def test_another_grade_than_the_parts_is_away_from_the_standard() -> None:
    said = refusal(BAKE, head=GRADED, choices={"ambient": ("2", "")})
    assert "2 is away from the standard: say why with --because" in said
    assert temperatures(ambient=("2", "as agreed")) == {105.0}
    # The part's own, named by a person, is the standard's.
    assert temperatures(ambient=("1", "")) == {125.0}


@pytest.mark.parametrize(
    ("chosen", "said"),
    [
        ({"metod": ("85/85", "")}, "choice.metod: is no choice of this profile; there are: method"),
        ({"method": ("85-85", "")}, "'85-85' is no option; allowed: 85/85, 130/85, quick"),
    ],
)
def test_a_choice_that_is_none_is_named(chosen: dict[str, tuple[str, str]], said: str) -> None:
    assert said in refusal(THB, head=AGREED, choices=chosen)


def test_a_grade_that_the_profile_does_not_know_is_named() -> None:
    said = refusal(BAKE, head=GRADED, lots=[(lot(), part(**{"grade = 1": "grade = 3"}))])
    assert "is decided by the part's grade: 3 is none of 0, 1, 2" in said
    without = part(**{"grade = 1\n": "\n"})
    assert "is decided by the part's grade: None is none of 0, 1, 2" in refusal(
        BAKE, head=GRADED, lots=[(lot(), without)]
    )


def test_parts_of_two_grades_do_not_share_a_choice() -> None:
    second = part(PART.replace('name = "SBP1"', 'name = "SBP2"').replace("grade = 1", "grade = 2"))
    lots = [(lot(1, "A"), part()), (lot(1, "B", 11), second)]
    said = refusal(BAKE, bench(), lots, head=GRADED)
    assert "is decided by the part's grade: 1, 2 is none of 0, 1, 2" in said


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("$metod.hours", "'$metod.hours' is no choice; there are: method"),
        ("$method.hour", "'$method.hour': option 85/85 has temperature, hours, readouts"),
    ],
)
def test_a_word_that_stands_for_nothing_is_named_with_its_place(word: str, said: str) -> None:
    found = refusal(
        THB.replace("$method.hours", word), head=AGREED, choices={"method": ("85/85", "")}
    )
    assert f"phase[1].hours: {said}" in found


@pytest.mark.parametrize("name", profile_ids())
def test_every_option_of_every_profile_of_the_library_makes_phases(name: str) -> None:
    profile = load_profile(name)  # tries every option
    assert profile.id == name
    assert profile.source
