"""stress: what is reached in order, held for hours, let go in order, and tested between."""

from __future__ import annotations

import pytest

from sensorbench.core.quantity import TEMPERATURE
from sensorbench.profiles.expand import expand
from sensorbench.profiles.layout import Layout
from sensorbench.profiles.library import load_profile
from sensorbench.profiles.schedule import Do, Hold, Read, Set

from .plans import ELSEWHERE, HEAD, bench, handled, lot, part, plan, points, refusal, said, zone

THB = """
[[phase]]
kind = "external"
name = "PC"
attach = ["laboratory", "report"]

[[phase]]
kind = "stress"
name = "THB"
set = [{ temperature = "85 degC" }, { humidity = "85 %RH" }, { supply = "max" }]
hours = "1000 h"
readouts = ["168 h", "500 h"]
[phase.test]
before = ["room", "hot"]
after = ["room", "hot"]
within = "48 h"
from = "cool"
back = "96 h"
"""
HTOL = """
[[phase]]
kind = "stress"
name = "HTOL"
set = [{ supply = "max" }, { temperature = "125 degC" }]
hours = "1000 h"
readouts = ["168 h", "500 h"]
test = { before = ["room"], after = ["room"], within = "96 h" }
cool = { set = { supply = "max" }, until = { temperature = "55 degC" } }
"""
SHELF = """
[[phase]]
kind = "stress"
name = "shelf"
set = {}
hours = "4380 h"
readouts = ["730 h", "1460 h"]
test = { before = ["room"], after = ["room"], within = "72 h" }
"""


def bake(more: str = "", hours: str = "10 h") -> str:
    return (
        '[[phase]]\nkind = "stress"\nname = "bake"\nset = { temperature = "85 degC" }\n'
        f'hours = "{hours}"\n{more}\n'
    )


def with_a_tester() -> Layout:
    return handled(Layout({"": zone()}, ELSEWHERE), 5.0, 50.0)


def test_humidity_with_bias_goes_up_in_order_and_is_with_a_tester() -> None:
    assert said(plan(THB, with_a_tester()), 0, 26) == [
        "park attach PC",
        "park attach THB/before",
        "gate",
        "settle temperature 0 s",
        "load",
        "set temperature 85 degC",
        "settle temperature 900 s",
        "set humidity 85 %RH",
        "settle temperature humidity 900 s",
        "set supply 3.6 V, limit 0.5",
        "settle temperature humidity supply 0.1 s",
        "hold 168 h temperature humidity supply",
        "release supply",
        "release humidity",
        "release temperature",
        "settle temperature 0 s",
        "unload",
        "park attach THB/168 h",
        "settle temperature 0 s",
        "load",
        "set temperature 85 degC",
        "settle temperature 900 s",
        "set humidity 85 %RH",
        "settle temperature humidity 900 s",
        "set supply 3.6 V, limit 0.5",
        "settle temperature humidity supply 0.1 s",
    ]


def test_people_touch_units_only_inside_the_handle() -> None:
    schedule = plan(THB, with_a_tester())
    for number, step in enumerate(schedule.steps):
        if isinstance(step.action, Do) and step.action.verb in {"load", "unload"}:
            (band,) = schedule.steps[number - 1].action.bands  # type: ignore[union-attr]
            assert (band.low, band.high) == (5.0, 50.0)


def test_a_readout_elsewhere_says_when_it_is_due() -> None:
    schedule = plan(THB, with_a_tester())
    labels = schedule.points["THB/168 h"].labels
    assert labels["window_s"] == 48 * 3600
    assert labels["attach"] == ["report", "result of each unit"]
    assert labels["conditions"] == ["room", "hot"]
    # From where the method says: here it only cools by itself, so from the release on.
    begins = schedule.steps[labels["window_from"] - 1].action
    assert isinstance(begins, Hold)


def test_operating_life_is_held_under_bias_and_cooled_under_bias() -> None:
    assert said(plan(HTOL), 8, 22) == [
        "release pressure",
        "set supply 3.6 V, limit 0.5",
        "settle supply 0.1 s",
        "set temperature 125 degC",
        "settle supply temperature 900 s",
        "hold 168 h supply temperature",
        "release temperature",
        "settle temperature 0 s",
        "set supply 3.3 V, limit 0.5",
        "set temperature 25 degC",
        "settle supply temperature 900 s",
        "set pressure 70 kPa",
        "settle supply temperature pressure 5 s",
        "read HTOL/168 h/room/pressure_error",
    ]


def test_it_is_cool_once_the_values_of_until_are_reached() -> None:
    steps = plan(HTOL).steps
    cooled = next(s.action for s in steps[14:] if getattr(s.action, "bands", ()))
    assert (cooled.bands[0].low, cooled.bands[0].high) == (None, 55.0)  # type: ignore[union-attr]


def test_hours_are_counted_from_readout_to_readout() -> None:
    holds = [s.action for s in plan(HTOL).steps if isinstance(s.action, Hold)]
    assert [(h.done_s / 3600, h.credit_s / 3600) for h in holds] == [
        (0, 168), (168, 332), (500, 500),
    ]  # fmt: skip
    assert {hold.phase for hold in holds} == {"HTOL"}
    assert points(plan(HTOL)) == [
        "HTOL/before/room/pressure_error", "HTOL/168 h/room/pressure_error",
        "HTOL/500 h/room/pressure_error", "HTOL/1000 h/room/pressure_error",
    ]  # fmt: skip


def test_hours_are_credited_in_the_held_band_and_end_by_the_longest() -> None:
    (hold,) = [s.action for s in plan(bake()).steps if isinstance(s.action, Hold)]
    (band,) = hold.bands
    assert (band.target, band.within) == (85.0, TEMPERATURE.soak.held)
    assert hold.longest_s == 1.25 * 36000 + TEMPERATURE.soak.timeout_s
    text = bake('longest = "11 h"\nsoak = { temperature = { within = "1 K", held = "2 K" } }')
    (hold,) = [s.action for s in plan(text).steps if isinstance(s.action, Hold)]
    assert hold.bands[0].within == 2.0
    assert hold.longest_s == 11 * 3600 + TEMPERATURE.soak.timeout_s


def test_a_phases_own_soak_wins_over_the_profiles_over_the_usual() -> None:
    head = HEAD + '[soak]\ntemperature = { within = "1 K", for = "20 min" }\n'
    assert "settle temperature 1200 s" in said(plan(bake(), head=head))
    text = bake('soak = { temperature = { for = "5 min" } }')
    assert "settle temperature 300 s" in said(plan(text, head=head))


def test_a_window_begins_where_the_method_says() -> None:
    schedule = plan(HTOL)
    labels = schedule.points["HTOL/168 h/room/pressure_error"].labels
    assert labels["window_s"] == 96 * 3600
    assert isinstance(schedule.steps[labels["window_from"] - 1].action, Hold)
    cooled = plan(HTOL.replace('within = "96 h"', 'within = "96 h", from = "cool"'))
    labels = cooled.points["HTOL/168 h/room/pressure_error"].labels
    step = cooled.steps[labels["window_from"] - 1]
    assert [band.address for band in step.action.bands] == ["temperature"]  # type: ignore[union-attr]


def test_interim_readouts_may_test_less() -> None:
    text = HTOL.replace('after = ["room"]', 'after = ["room", "hot"], interim = ["hot"]')
    assert points(plan(text)) == [
        "HTOL/before/room/pressure_error", "HTOL/168 h/hot/pressure_error",
        "HTOL/500 h/hot/pressure_error", "HTOL/1000 h/room/pressure_error",
        "HTOL/1000 h/hot/pressure_error",
    ]  # fmt: skip


def test_no_stress_begins_on_units_that_say_nothing() -> None:
    schedule = plan(HTOL)
    gate = next(
        s.action for s in schedule.steps if isinstance(s.action, Do) and s.action.verb == "gate"
    )
    assert gate.arguments["readout"] == "before"
    assert gate.arguments["require"] == "value"
    assert gate.arguments["calibrated"] == ["SBP1"]
    assert gate.arguments["otherwise"] == "stop"
    always = plan(HTOL + 'start = "always"\n')
    assert "gate" not in said(always)


def test_a_shelf_needs_no_bench_and_lasts_by_the_calendar() -> None:
    schedule = plan(SHELF)
    assert not [s for s in schedule.steps if isinstance(s.action, Hold)]
    parks = [
        s.action for s in schedule.steps if isinstance(s.action, Do) and s.action.verb == "park"
    ]
    assert [(p.arguments["until"], p.arguments["after_s"] / 3600) for p in parks] == [
        ("time", 730), ("time", 1460), ("time", 4380),
    ]  # fmt: skip
    words = said(schedule)
    before = words.index("park time")
    assert words[before - 1] == "unload"
    assert words[before + 1] == "load"
    assert schedule.phase("shelf")["data"]["calendar"] is True


def test_a_shelf_takes_its_calendar_hours_and_its_readouts() -> None:
    assert 4380 * 3600 < plan(SHELF).duration_s < 4400 * 3600


def test_units_are_read_while_a_stress_goes_on() -> None:
    text = bake('monitor = { every = "1 h", measures = ["error"], limits = { error = "0.02 FS" } }')
    schedule = plan(text)
    assert said(schedule, 1, 8) == [
        # The part is read, so it is fed; what is held is what was asked for.
        "set supply 3.3 V, limit 0.5",
        "settle supply 0.1 s",
        "set temperature 85 degC",
        "settle supply temperature 900 s",
        "read bake/monitor from 0 h every 3600 s",
        "hold 10 h temperature",
        "release bake/monitor from 0 h",
    ]
    asks = {ask["channel"]: ask for ask in schedule.phase("bake")["asks"]}
    assert asks["temperature"]["limits"][""] == pytest.approx([-3.3, 3.3])


def test_a_part_that_is_read_must_be_fed() -> None:
    text = bake('monitor = { every = "1 h" }').replace(
        'set = { temperature = "85 degC" }', 'set = { temperature = "85 degC", supply = "off" }'
    )
    assert "phase[1]: supply is off while units are read: set it in the phase" in refusal(text)
    # Not read, it may be off.
    plan(text.replace('monitor = { every = "1 h" }', ""))


def test_a_monitor_has_limits_by_channel() -> None:
    monitor = 'monitor = {{ every = "1 h", measures = ["value"], limits = {{ {} }} }}'
    limits = 'value = { pressure = ["40 kPa", "60 kPa"] }'
    asks = plan(bake(monitor.format(limits))).phase("bake")["asks"]
    found = {ask["channel"]: ask.get("limits", {}).get("") for ask in asks}
    assert found["pressure"] == [40_000.0, 60_000.0]
    assert found["temperature"] is None
    said = refusal(bake(monitor.format('value = { force = "1 N" }, noise = "1 Pa"')))
    assert "phase[1].monitor.limits: value is not measured of 'force', but of: " in said
    assert "phase[1].monitor.limits: 'noise' is not measured, value is" in said


def test_limits_of_a_monitor_that_do_not_fit_are_named() -> None:
    text = bake('monitor = { every = "1 h", measures = ["error"], limits = { error = "2 V" } }')
    assert "phase[1].monitor.limits: unit 'V' is not a" in refusal(text)


def test_test_conditions_that_the_part_has_not_are_named() -> None:
    text = bake('test = { before = ["tropical"] }')
    assert "phase[1].test: SBP1 has no [condition] tropical" in refusal(text)
    bare = part(**{"[[parameter]]": "[settings.x]\n[[parameter]]"})
    bare = bare.model_copy(update={"parameter": ()})
    assert "SBP1 has no [[parameter]] to test" in refusal(
        bake('test = { before = ["room"] }'), lots=[(lot(), bare)]
    )


def test_a_stress_elsewhere_is_an_external() -> None:
    layout = Layout(
        {"": zone(purposes=["test"])}, {"oven": ELSEWHERE["ate"].__class__("Oven", ("stress",))}
    )
    assert "a stress is done here; one that is done elsewhere is an `external`" in refusal(
        bake(), layout
    )


@pytest.mark.parametrize(("grade", "ambient_c"), [(0, 150), (1, 125), (2, 105), (3, 85)])
def test_htol_is_1000_h_at_the_ambient_of_the_grade_with_vcc_max(
    grade: int, ambient_c: float
) -> None:
    """AEC-Q100 Rev H, table 2, B1."""
    lots = [(lot(), part(**{"grade = 1": f"grade = {grade}"}))]
    schedule = expand(load_profile("aec_q100/b1_htol"), lots, bench())
    holds = [s.action for s in schedule.steps if isinstance(s.action, Hold)]
    assert sum(hold.credit_s for hold in holds) == 1000 * 3600
    held = {band.address: band.target for hold in holds for band in hold.bands}
    assert held == {"supply": 3.6, "temperature": ambient_c}
    tests = [schedule.points[s.action.point].labels["condition"] for s in schedule.steps
             if isinstance(s.action, Read) and not s.action.is_open]  # fmt: skip
    assert tests == ["room", "cold", "hot"] * 4


def test_parts_are_read_at_nominal_supply_and_stressed_at_max() -> None:
    supply = 0.0
    for step in plan(HTOL).steps:
        match step.action:
            case Set(address="supply", target=float() as supply):
                pass
            case Read():
                assert supply == 3.3
            case Hold():
                assert supply == 3.6
