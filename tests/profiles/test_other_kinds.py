"""steps, record, response, test, calibrate, gate, prompt, external: what each does, in order."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sensorbench.profiles.schedule import Do, Hold, Read, Set, Settle

from .plans import (
    HEAD,
    PART,
    ROWS,
    bench,
    lot,
    part,
    plan,
    points,
    refusal,
    said,
)

BMP280 = """
[part]
name = "BMP280"
driver = "bmp280"
[range.pressure]
min = "30 kPa"
max = "110 kPa"
[range.supply]
nominal = "3.3 V"
max = "3.6 V"
"""
IMU = """
[part]
name = "IMU1"
driver = "lsm6dso"
grade = 2
[range.supply]
min = "1.71 V"
nominal = "1.8 V"
max = "3.6 V"
[settings]
noise = { rate = "104 Hz" }
fast = { rate = "6664 Hz", acceleration_range = "4 g" }
"""
TEST = '[[phase]]\nkind = "test"\nname = "t"\nconditions = ["room"]\n'


# -- steps -----------------------------------------------------------------------------------------

STEPS = """
[[phase]]
kind = "steps"
name = "overvoltage"
set = { temperature = "max", supply = ["max", "overvoltage", "nominal"] }
limit = { supply = "200 mA" }
dwell = "1 s"
test = { before = ["room"], after = ["room"] }
"""


def test_a_value_is_raised_step_by_step_between_two_tests() -> None:
    schedule = plan(STEPS)
    assert said(schedule, 10, 22) == [
        "set temperature 125 degC",
        "settle temperature 900 s",
        "set supply 3.6 V, limit 0.2",
        "settle temperature supply 1 s",
        "read overvoltage/step 1",
        "set supply 5.4 V, limit 0.2",
        "settle temperature supply 1 s",
        "read overvoltage/step 2",
        "set supply 3.3 V, limit 0.2",
        "settle temperature supply 1 s",
        "read overvoltage/step 3",
        "release supply",
    ]
    assert points(schedule)[0] == "overvoltage/before/room/pressure_error"
    assert points(schedule)[-1] == "overvoltage/after/room/pressure_error"


def test_a_step_that_was_cut_off_is_not_repeated_by_itself() -> None:
    steps = plan(STEPS).steps
    raising = [
        s for s in steps if isinstance(s.action, Set | Read) and s.start_s > steps[11].start_s
    ]
    asked = [s for s in raising if s.restart is None]
    assert len(asked) == 6
    waits = [s for s in steps if isinstance(s.action, Settle)]
    assert all(s.restart is not None for s in waits)


def test_raising_may_be_done_several_times_and_end_with_off() -> None:
    text = STEPS.replace('"nominal"]', '"off"]').replace("dwell", "times = 2\ndwell")
    words = said(plan(text))
    assert words.count("release supply") >= 3
    assert [w for w in words if w.startswith("read overvoltage/step")] == [
        "read overvoltage/step 1, time 1", "read overvoltage/step 2, time 1",
        "read overvoltage/step 1, time 2", "read overvoltage/step 2, time 2",
    ]  # fmt: skip


def test_beyond_what_the_bench_may_do_nothing_is_raised() -> None:
    layout = bench(supply=replace(ROWS["supply"], high=5.0))
    assert "supply = 5.4 V is outside what this bench may do, 0..5 V" in refusal(STEPS, layout)


# -- record and response ---------------------------------------------------------------------------


def test_a_record_reads_every_so_often() -> None:
    text = '[[phase]]\nkind = "record"\nname = "desk"\nduration = "1 h"\nevery = "2 s"\n'
    assert said(plan(text)) == [
        "load", "set supply 3.3 V, limit 0.5", "settle supply 0.1 s", "read desk every 2 s",
        "hold 1 h", "release desk", "release supply",
    ]  # fmt: skip


def test_a_record_without_every_is_the_parts_own_stream() -> None:
    text = '[[phase]]\nkind = "record"\nname = "allan"\nduration = "2 h"\nsettings = "noise"\n'
    schedule = plan(text, lots=[(lot(), part(IMU))])
    assert "read allan stream" in said(schedule)
    stream = schedule.phase("allan")["streams"]["IMU1"]
    assert stream["rate_hz"] == 104.0
    assert stream["channels"][0] == "acceleration_x"


def test_a_part_without_a_stream_says_so() -> None:
    text = '[[phase]]\nkind = "record"\nname = "allan"\nduration = "2 h"\n'
    assert "phase[1].every: SBP1 has no stream of its own: say `every`" in refusal(text)


def test_a_measure_of_a_stream_does_not_take_single_readings() -> None:
    text = (
        '[[phase]]\nkind = "record"\nname = "allan"\nduration = "2 h"\nevery = "1 s"\n'
        'settings = "noise"\nmeasures = ["allan_deviation"]\n'
    )
    found = refusal(text, lots=[(lot(), part(IMU))])
    assert "these measures need the part's own stream: leave `every` out" in found


@pytest.mark.parametrize(
    ("setting", "said_"),
    [
        ('rate = "100 Hz"', "rate can't be 100 Hz; allowed: 12.5 Hz, 26 Hz"),
        ('rate = "104 V"', "rate: unit 'V' is not a frequency"),
        ('rat = "104 Hz"', "'rat' is no setting; allowed: acceleration_range"),
    ],
)
def test_settings_that_the_driver_does_not_know_are_named(setting: str, said_: str) -> None:
    text = '[[phase]]\nkind = "record"\nname = "a"\nduration = "2 h"\nsettings = "noise"\n'
    wrong = part(IMU.replace('rate = "104 Hz"', setting))
    assert f"phase[1].settings: lsm6dso: {said_}" in refusal(text, lots=[(lot(), wrong)])


def test_a_response_is_read_while_the_step_is_made() -> None:
    text = (
        '[[phase]]\nkind = "response"\nname = "step"\nset = { pressure = ["10 %", "90 %"] }\n'
        'lead = "2 s"\nduration = "5 s"\nevery = "100 ms"\nmeasures = ["rise_time"]\n'
    )
    schedule = plan(text)
    assert said(schedule, 3, 10) == [
        "set pressure 30 kPa", "settle supply pressure 5 s", "read step every 0.1 s",
        "hold 0.000555556 h", "set pressure 110 kPa", "hold 0.00138889 h", "release step",
    ]  # fmt: skip
    holds = [s.action for s in schedule.steps if isinstance(s.action, Hold)]
    assert [(h.done_s, h.credit_s) for h in holds] == [(0.0, 2.0), (2.0, 5.0)]
    assert schedule.phase("step")["data"]["step"] == {"pressure": [30e3, 110e3]}


# -- test ------------------------------------------------------------------------------------------


def test_parameters_are_tested_at_each_condition_in_the_order_given() -> None:
    text = '[[phase]]\nkind = "test"\nname = "t"\nconditions = ["hot", "room", "cold"]\n'
    schedule = plan(text)
    assert points(schedule) == [
        "t/hot/pressure_error", "t/room/pressure_error", "t/cold/pressure_error",
    ]  # fmt: skip
    point = schedule.points["t/hot/pressure_error"]
    assert dict(point.conditions) == {"supply": 3.3, "temperature": 125.0, "pressure": 70e3}
    assert point.labels["parameters"] == ["pressure_error"]


def test_parameters_with_the_same_stimulus_share_a_reading() -> None:
    more = (
        '[[parameter]]\nname = "again"\nmeasure = "error"\nchannel = "pressure"\n'
        'set = { pressure = "70 kPa" }\nlimits = { room = "300 Pa" }\n'
        '[[parameter]]\nname = "other"\nmeasure = "error"\nchannel = "pressure"\n'
        'set = { pressure = "30 kPa" }\nlimits = { room = "300 Pa" }\n'
    )
    schedule = plan(TEST, lots=[(lot(), part(PART + more))])
    assert points(schedule) == ["t/room/pressure_error", "t/room/other"]
    assert schedule.points["t/room/pressure_error"].labels["parameters"] == [
        "pressure_error",
        "again",
    ]
    # A parameter without a limit at a condition is not tested there.
    cold = plan(TEST.replace("room", "cold"), lots=[(lot(), part(PART + more))])
    assert points(cold) == ["t/cold/pressure_error"]


def test_a_condition_at_which_nothing_is_tested_is_refused() -> None:
    text = TEST.replace("room", "warm")
    warm = part(**{"[settings]\nfine": 'warm = { temperature = "50 degC" }\n[settings]\nfine'})
    found = refusal(text, lots=[(lot(), warm)])
    assert "phase[1].test: no parameter has limits at warm: nothing is tested" in found


def test_a_step_beyond_the_bench_is_refused() -> None:
    text = (
        '[[phase]]\nkind = "response"\nname = "step"\n'
        'set = { temperature = ["20 degC", "200 degC"] }\n'
        'duration = "5 min"\nevery = "1 s"\n'
    )
    assert "temperature = 200 degC is outside what this bench may do, -70..180" in refusal(text)


def test_drift_is_counted_from_an_earlier_phase_only() -> None:
    text = TEST + TEST.replace('"t"', '"after"') + 'drift_from = "t"\n'
    assert plan(text).phase("after")["data"]["drift_from"] == "t"
    found = refusal(TEST + 'drift_from = "before"\n')
    assert "phase[1].drift_from: no earlier phase is named 'before'; there are: none" in found


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ('channel = "pressure"', 'channel = "presure"',
         "error of channel 'presure' can't be measured for SBP1; channels: pressure, temperature"),
        ('channel = "pressure"\nset', 'set', "say which channel: pressure, temperature"),
        ('measure = "error"', 'measure = "eror"', "'eror' is no measure; there are"),
        ('["-200 Pa", "200 Pa"], cold', '["200 Pa", "-200 Pa"], cold', "low must be below high"),
        ('["-200 Pa", "200 Pa"], cold', '["200 Pa", "200 Pa"], cold', "low must be below high"),
        ('["-200 Pa", "200 Pa"], cold', '["-200 Pa"], cold', "write limits as [low, high]"),
        ('["-200 Pa", "200 Pa"], cold', '"200 V", cold', "unit 'V' is not a pressure"),
        ('drift = "150 Pa"', 'drift = "150 K"', "unit 'K' is not a pressure"),
    ],
)  # fmt: skip
def test_a_parameter_that_can_not_be_measured_is_named(old: str, new: str, expected: str) -> None:
    found = refusal(TEST, lots=[(lot(), part(**{old: new}))])
    assert expected in found
    assert "parameter.pressure_error" in found


# -- calibrate -------------------------------------------------------------------------------------

CALIBRATION = """
[[phase]]
kind = "grid"
name = "fit"
axes = [
    { set = { temperature = ["min", "33 %", "67 %", "max"] } },
    { set = { pressure = ["min", "33 %", "67 %", "max"] } },
]
[[phase]]
kind = "calibrate"
name = "write"
fit = "fit"
"""


def test_a_calibration_is_written_after_the_readings_that_it_is_fitted_to() -> None:
    schedule = plan(CALIBRATION)
    words = said(schedule)
    write = words.index("write")
    assert all(words.index(f"read {point}") < write for point in points(schedule))
    action = schedule.steps[write].action
    assert isinstance(action, Do)
    assert dict(action.arguments) == {"phase": "write", "fit": "fit", "lock": False}
    assert [form["quantity"] for form in schedule.parts["SBP1"]["formats"]] == [
        "pressure", "temperature",
    ]  # fmt: skip


def test_a_part_without_a_memory_is_not_calibrated() -> None:
    found = refusal(
        CALIBRATION,
        lots=[(lot(), part(BMP280 + '[range.temperature]\nmin = "0 degC"\nmax = "65 degC"\n'))],
    )
    assert "BMP280 has no memory for coefficients; use a check profile" in found


def test_what_is_fitted_needs_a_reference() -> None:
    layout = bench(pressure=replace(ROWS["pressure"], reference=False))
    found = refusal(CALIBRATION, layout)
    assert "fit: pressure is fitted, but [bench.pressure] has no reference to fit it to" in found


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ('pressure = ["min", "33 %", "67 %", "max"]', 'pressure = ["min", "33 %", "max"]',
         "fit needs 4 values of it and 4 of another axis, it has 3 and 4"),
        ('temperature = ["min", "33 %", "67 %", "max"]', 'temperature = ["min", "33 %", "max"]',
         "fit needs 4 values of it and 4 of another axis, it has 4 and 3"),
        # There and back is not more values.
        ('pressure = ["min", "33 %", "67 %", "max"] }',
         'pressure = ["min", "33 %", "max"] }, path = "there and back"', "it has 3 and 4"),
    ],
)  # fmt: skip
def test_a_grid_too_coarse_for_the_parts_polynomial_is_refused(
    old: str, new: str, expected: str
) -> None:
    """Its coefficients would be anything, and would be written for ever."""
    found = refusal(CALIBRATION.replace(old, new))
    assert "phase[2].fit: pressure of SBP1 is fitted with powers up to 3 and 3" in found
    assert expected in found


def test_a_grid_to_fit_must_be_there_before() -> None:
    found = refusal(CALIBRATION.replace('fit = "fit"', 'fit = "fot"'))
    assert "phase[2].fit: no earlier grid is named 'fot'; there are: fit" in found


# -- gate ------------------------------------------------------------------------------------------

GATE = """
[[phase]]
kind = "gate"
name = "good"
of = "t"
require = { pass = "90 %" }
then = { skip_to = "look" }
otherwise = "go on"
"""
LOOK = '[[phase]]\nkind = "prompt"\nname = "look"\ntext = { en = "Look.", zh = "看。" }\n'
COLD = '[[phase]]\nkind = "test"\nname = "cold"\nconditions = ["cold"]\n'


def test_a_gate_says_what_it_looks_at_and_which_way_it_goes() -> None:
    schedule = plan(TEST + GATE + COLD + LOOK)
    gate = next(
        s.action for s in schedule.steps if isinstance(s.action, Do) and s.action.verb == "gate"
    )
    assert dict(gate.arguments) == {
        "phase": "good", "of": "t", "require": "pass", "share": 0.9,
        "then": {"skip_to": "look"}, "otherwise": "go on",
    }  # fmt: skip


def test_who_jumps_and_who_walks_find_the_same_bench() -> None:
    words = said(plan(TEST + GATE + COLD + LOOK))
    assert words[-4:] == ["release pressure", "release temperature", "release supply", "ask"]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ('of = "t"', 'of = "x"', "phase[2].of: no earlier phase is named 'x'; there are: t"),
        (
            'skip_to = "look"',
            'skip_to = "t"',
            "phase[2].then: 't' is no later phase; there are: look",
        ),
        ('otherwise = "go on"', 'otherwise = "drop"', "'drop' is not allowed"),
    ],
)
def test_a_gate_looks_back_and_jumps_forward(old: str, new: str, expected: str) -> None:
    assert expected in refusal(TEST + GATE.replace(old, new) + LOOK)


# -- prompt and external ---------------------------------------------------------------------------


def test_a_prompt_keeps_the_bench_or_gives_it_back() -> None:
    asked = plan(TEST + LOOK)
    assert said(asked)[-5] == "ask" or "ask" in said(asked)
    ask = next(s.action for s in asked.steps if isinstance(s.action, Do) and s.action.verb == "ask")
    assert ask.arguments["text"] == {"en": "Look.", "zh": "看。"}
    words = said(plan(TEST + LOOK + "park = true\n"))
    assert words[-4:] == [
        "release pressure", "release temperature", "release supply", "park person",
    ]  # fmt: skip
    # Without park the bench stays as it is until the answer came.
    assert said(asked).index("ask") < said(asked).index("release pressure")


def test_an_external_step_gives_the_units_away_and_waits_for_what_was_found() -> None:
    text = (
        TEST
        + '[[phase]]\nkind = "external"\nname = "MS"\nattach = ["report", "result of each unit"]\n'
    )
    words = said(plan(text))
    assert words[-5:] == [
        "release pressure", "release temperature", "release supply", "unload", "park attach MS",
    ]  # fmt: skip
    assert plan(text).phase("MS")["data"] == {
        "attach": ["report", "result of each unit"], "each_unit": True,
    }  # fmt: skip


def test_nothing_may_come_twice_under_one_name() -> None:
    assert "two phases are named t; results are told apart by the name" in refusal(TEST + TEST)


def test_all_that_is_wrong_with_a_plan_is_listed_at_once() -> None:
    text = (
        STEPS.replace('"max"', '"400 degC"', 1)
        + COLD.replace('["cold"]', '["arctic"]')
        + GATE.replace('of = "t"', 'of = "x"')
    )
    found = refusal(text, head=HEAD)
    assert "400 degC is outside" in found
    assert "has no [condition] arctic" in found
    assert "no earlier phase is named 'x'" in found


# -- what all kinds have -----------------------------------------------------------------------

KINDS = {
    "stress": 'hours = "1 h"\nset = { temperature = "max" }\ntest = { after = ["room"] }\n',
    "cycle": 'cycles = 2\nsteps = [{ set = { temperature = "max" }, dwell = "1 min" }]\n'
    'test = { after = ["room"] }\n',
    "steps": 'set = { pressure = ["min", "max"] }\ndwell = "1 s"\n',
    "response": 'set = { pressure = ["min", "max"] }\nduration = "1 min"\nevery = "1 s"\n',
    "test": 'conditions = ["room"]\n',
    "external": 'attach = ["report"]\n',
    "prompt": 'text = "look"\n',
    "gate": 'of = "t"\nrequire = { value = "50 %" }\n',
}
UNUSED = [
    *((kind, 'null = ["pressure"]\n') for kind in KINDS),
    *((kind, 'set = { supply = "max" }\n') for kind in ("test", "external", "prompt", "gate")),
    *(
        (kind, line)
        for kind in ("external", "prompt", "gate")
        for line in (
            'soak = { temperature = { within = "1 K" } }\n',
            'rate = { temperature = "1 K/min" }\n',
            'limit = { supply = "20 mA" }\n',
            'settings = "fine"\n',
            'at = "tester"\n',
        )
    ),
]


@pytest.mark.parametrize(("kind", "line"), UNUSED, ids=lambda text: text.split(" ")[0].strip())
def test_what_a_kind_does_not_do_is_refused_and_not_passed_over(kind: str, line: str) -> None:
    """A test with `set = { supply = "max" }` was done at the nominal supply, and nobody told."""
    phase = f'{TEST}[[phase]]\nkind = "{kind}"\nname = "p"\n{KINDS[kind]}{line}'
    assert f"phase[2].{line.split(' ', maxsplit=1)[0]}:" in refusal(phase)
