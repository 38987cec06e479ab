"""The library's profiles are what their titles promise, and can be done with a part that fits."""

from __future__ import annotations

from importlib.resources import files
from itertools import product
from pathlib import Path

import pytest

from sensorbench.core.errors import InputError
from sensorbench.profiles.expand import expand
from sensorbench.profiles.library import load_profile, profile_ids, profile_text
from sensorbench.profiles.schedule import Hold, Read, Set, Settle

from .plans import PART, bench, lot, part, points

CALIBRATION = "calibration/pressure_temperature"


def test_every_profile_is_found_by_its_path_and_says_what_it_rests_on() -> None:
    root = Path(str(files("sensorbench.profiles"))) / "library"
    there = {p.relative_to(root).with_suffix("").as_posix() for p in root.rglob("*.toml")}
    assert there == set(profile_ids())
    for name in there:
        profile = load_profile(name)
        assert profile.id == name
        assert profile.source


@pytest.mark.parametrize("name", profile_ids())
def test_titles_are_in_both_languages(name: str) -> None:
    title = load_profile(name).title
    assert isinstance(title, dict)
    assert set(title) == {"en", "zh"}


def test_an_unknown_profile_is_named_with_one_that_is_like_it() -> None:
    with pytest.raises(InputError, match="is not in the library; did you mean aec_q100/b1_htol"):
        load_profile("aec_q100/b1")


def test_a_profile_of_ones_own_is_a_file(tmp_path: Path) -> None:
    label, text = profile_text(f"{CALIBRATION}")
    (tmp_path / "own.toml").write_text("\ufeff" + text, encoding="utf-8")
    assert load_profile("own.toml", tmp_path).id == CALIBRATION
    assert label == CALIBRATION
    with pytest.raises(InputError, match=r"none\.toml: can't be read"):
        load_profile("none.toml", tmp_path)


def test_a_calibration_goes_up_and_down_and_verifies_at_points_not_fitted() -> None:
    schedule = expand(load_profile(CALIBRATION), [(lot(), part())], bench())
    fit = [schedule.points[p] for p in points(schedule) if p.startswith("fit/")]
    verify = [schedule.points[p] for p in points(schedule) if p.startswith("verification/")]
    assert (len(fit), len(verify)) == (6 * 13, 3 * 9)
    first = [(p.conditions["pressure"], p.labels["direction"]) for p in fit[:13]]
    up = [p for p, direction in first if direction == "up"]
    down = [p for p, direction in first if direction == "down"]
    assert up == sorted(up)
    assert down == sorted(down, reverse=True)  # type: ignore[type-var]
    fitted = {(p.conditions["temperature"], p.conditions["pressure"]) for p in fit}
    assert not fitted & {(p.conditions["temperature"], p.conditions["pressure"]) for p in verify}


def test_every_reading_has_its_soak_before_it() -> None:
    schedule = expand(load_profile(CALIBRATION), [(lot(), part())], bench())
    since: list[str] = []
    for step in schedule.steps:
        match step.action:
            case Set():
                since.append("set")
            case Settle():
                since.append("settle")
            case Read():
                assert since == [] or since[-1] == "settle"
                since = []


def test_early_life_is_48_h_at_the_grades_ambient() -> None:
    schedule = expand(load_profile("aec_q100/b2_elfr"), [(lot(), part())], bench())
    (hold,) = [s.action for s in schedule.steps if isinstance(s.action, Hold)]
    assert hold.credit_s == 48 * 3600
    assert {b.address: b.target for b in hold.bands} == {"temperature": 125.0, "supply": 3.6}


@pytest.mark.parametrize(
    ("method", "kelvin_h"), [("85/85", (85, 1000)), ("130/85", (130, 96)), ("110/85", (110, 264))]
)
def test_thb_is_one_of_three_methods(method: str, kelvin_h: tuple[float, float]) -> None:
    """JESD22-A101 and A110."""
    choices = {"method": (method, "")}
    schedule = expand(load_profile("aec_q100/a2_thb"), [(lot(), part())], bench(), choices)
    holds = [s.action for s in schedule.steps if isinstance(s.action, Hold)]
    assert sum(hold.credit_s for hold in holds) == kelvin_h[1] * 3600
    assert {b.target for h in holds for b in h.bands if b.address == "temperature"} == {kelvin_h[0]}


@pytest.mark.parametrize(
    ("name", "grade"),
    list(
        product(
            [
                "aec_q100/a4_tc",
                "aec_q100/a5_ptc",
                "aec_q100/a6_htsl",
                "aec_q100/b1_htol",
                "aec_q100/b2_elfr",
            ],
            [1, 2],
        )
    ),
)
def test_what_aec_asks_of_a_grade_can_be_planned(name: str, grade: int) -> None:
    lots = [(lot(), part(PART, **{"grade = 1": f"grade = {grade}"}))]
    assert expand(load_profile(name), lots, bench()).duration_s > 3600
