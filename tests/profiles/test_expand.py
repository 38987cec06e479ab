"""expand(): the library's profiles become the setpoints, soaks and readouts they promise."""

import tomllib
from importlib.resources import files
from itertools import pairwise
from pathlib import Path

import pytest

from sensorbench.app.demo import template
from sensorbench.core.documents import loads
from sensorbench.core.errors import InputError
from sensorbench.parts.model import Lot, Part
from sensorbench.profiles.expand import expand
from sensorbench.profiles.library import load_profile, profile_ids
from sensorbench.profiles.model import Profile
from sensorbench.profiles.schedule import (
    Dwell,
    Readout,
    SetPressure,
    SetSupply,
    SetTemperature,
    WriteCalibration,
)

HTOL = "aec_q100/b1_htol"
CALIBRATION = "calibration/pressure_temperature"
LOT = loads('[lot]\nid="L"\npart="p"\n[[unit]]\nserial="1"\nsocket="A"\n', Lot, "lot.toml")


def part(grade: int = 1) -> Part:
    text = template("sbp1.toml").replace("grade = 1", f"grade = {grade}")
    return loads(text, Part, "part.toml")


def test_the_library_is_as_listed_and_every_id_is_its_path() -> None:
    root = Path(str(files("sensorbench.profiles"))) / "library"
    assert {p.relative_to(root).with_suffix("").as_posix() for p in root.rglob("*.toml")} == set(
        profile_ids()
    )
    for name in profile_ids():
        assert load_profile(name).id == name


@pytest.mark.parametrize(("grade", "ambient_c"), [(0, 150), (1, 125), (2, 105), (3, 85)])
def test_htol_is_1000_h_at_the_ambient_of_the_grade_with_vcc_max(
    grade: int, ambient_c: float
) -> None:
    schedule = expand(load_profile(HTOL), part(grade), LOT)
    dwells = schedule.actions(Dwell)
    assert {dwell.target_c for dwell in dwells} == {ambient_c}
    assert sum(dwell.duration_s for dwell in dwells) == 1000 * 3600
    assert [(dwell.from_h, dwell.to_h) for dwell in dwells] == [(0, 168), (168, 500), (500, 1000)]
    assert max(supply.voltage_v for supply in schedule.actions(SetSupply)) == 3.6


def test_htol_is_read_at_each_readout_at_room_then_cold_then_hot() -> None:
    schedule = expand(load_profile(HTOL), part(), LOT)
    tests = [(r.hours, r.condition) for r in schedule.actions(Readout)]
    expected = [(h, c) for h in (0, 168, 500, 1000) for c in ("room", "cold", "hot")]
    assert list(dict.fromkeys(tests)) == expected
    temperatures = [r.temperature_c for r in schedule.actions(Readout)]
    assert {temperatures[i] for i in range(3)} == {25.0}
    assert len(tests) == 4 * 3 * 3  # three stimuli at each


def test_bias_is_back_to_nominal_before_parts_are_tested() -> None:
    schedule = expand(load_profile(HTOL), part(), LOT)
    voltage = 0.0
    for step in schedule.steps:
        if isinstance(step.action, SetSupply):
            voltage = step.action.voltage_v
        if isinstance(step.action, Readout):
            assert voltage == 3.3
        if isinstance(step.action, Dwell):
            assert voltage == 3.6


def test_a_calibration_goes_up_and_down_and_verifies_at_points_not_fitted() -> None:
    schedule = expand(load_profile(CALIBRATION), part(), LOT)
    readouts = schedule.actions(Readout)
    fit = [r for r in readouts if r.purpose == "fit"]
    verify = [r for r in readouts if r.purpose == "verify"]
    assert len(fit) == 6 * 13
    assert len(verify) == 3 * 9
    first = [(r.pressure_pa, r.direction) for r in fit[:13]]
    assert [p for p, d in first if d == "up"] == sorted(p for p, d in first if d == "up")
    assert [p for p, d in first if d == "down"] == sorted(
        (p for p, d in first if d == "down"), reverse=True
    )
    points = {(r.temperature_c, r.pressure_pa) for r in fit}
    assert not points & {(r.temperature_c, r.pressure_pa) for r in verify}
    (write,) = schedule.actions(WriteCalibration)
    at = [type(s.action) for s in schedule.steps].index(WriteCalibration)
    assert all(
        s.action.purpose == "fit" for s in schedule.steps[:at] if isinstance(s.action, Readout)
    )
    assert not write.lock


@pytest.mark.parametrize("name", [HTOL, CALIBRATION])
def test_a_schedule_ends_vented_at_room_without_supply(name: str) -> None:
    last = [step.action for step in expand(load_profile(name), part(), LOT).steps[-3:]]
    assert [type(action).__name__ for action in last] == ["Vent", "SetTemperature", "SetSupply"]
    assert isinstance(last[1], SetTemperature)
    assert last[1].target_c == 25.0
    assert isinstance(last[2], SetSupply)
    assert last[2].voltage_v == 0.0


def test_planned_times_follow_each_other() -> None:
    schedule = expand(load_profile(HTOL), part(), LOT)
    for before, after in pairwise(schedule.steps):
        assert after.start_s == pytest.approx(before.start_s + before.duration_s)
    assert 1000 < schedule.duration_s / 3600 < 1100


def changed(old: str, new: str) -> str:
    text = template("short_calibration.toml")
    assert old in text
    return text.replace(old, new)


def test_verification_at_a_fitted_point_is_refused() -> None:
    profile = loads(changed('["70 %", "30 %"]', '["60 %", "30 %"]').replace(
        '["10 %", "50 %", "90 %"]', '["10 %", "50 %"]'), Profile, "own.toml")  # fmt: skip
    with pytest.raises(InputError, match="must be at points that were not fitted"):
        expand(profile, part(), LOT)


def test_setpoints_outside_the_part_are_all_listed() -> None:
    profile = loads(changed('["0 %", "20 %"', '["1 kPa", "130 kPa"'), Profile, "own.toml")
    with pytest.raises(InputError) as refused:
        expand(profile, part(), LOT)
    assert "[1000.0, 130000.0] Pa are outside the range of SBP1" in str(refused.value)


def test_a_stress_without_parameters_is_refused() -> None:
    text = template("bmp280.toml")
    with pytest.raises(InputError, match=r"BMP280 has no \[\[parameter\]\] to test"):
        expand(load_profile(HTOL), loads(text, Part, "part.toml"), LOT)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('kind = "calibrate"', 'kind = "calbrate"', "calibrate"),
        ('name = "verification"', 'name = "fit"', "two phases are named fit"),
        ('purpose = "verify"', 'purpose = "fit"', "a grid with purpose verify must follow"),
        ('for = "15 min"', 'for = "-5 s"', "greater than or equal to 0"),
        ("samples = 4", 'samples = 4\nlog_interval = "0 s"', "greater than 0"),
        ('fit = "fit"', 'fit = "fot"', "no earlier grid with purpose fit is named 'fot'"),
        ('"0.3 K"', '"0.3 V"', "a temperature difference is written in K, degC, degF"),
        ("samples = 4", "samples = 0", "greater than or equal to 1"),
        ('cycle = "up_down"', 'cycle = "updown"', "allowed: 'up' or 'up_down'"),
    ],
)
def test_mistakes_in_a_profile_are_named_with_what_is_allowed(
    old: str, new: str, message: str
) -> None:
    with pytest.raises(InputError) as refused:
        loads(changed(old, new), Profile, "own.toml")
    assert message in str(refused.value)


def test_a_stress_needs_its_0_h_readout() -> None:
    root = Path(str(files("sensorbench.profiles"))) / "library"
    text = (root / f"{HTOL}.toml").read_text().replace('["0 h", "168 h"', '["168 h"')
    with pytest.raises(InputError, match="the first readout must be at 0 h"):
        loads(text, Profile, "own.toml")


def test_the_facts_of_htol_agree_with_its_toml_text() -> None:
    """The file states what AEC-Q100 Rev H Table 2 row B1 asks; a typo must not survive."""
    root = Path(str(files("sensorbench.profiles"))) / "library"
    data = tomllib.loads((root / f"{HTOL}.toml").read_text())
    (phase,) = data["phase"]
    assert phase["duration"] == "1000 h"
    assert phase["bias"] == "max"
    assert phase["test_order"] == ["room", "cold", "hot"]
    assert set(profile_ids()) >= {HTOL, CALIBRATION}


def test_pressures_are_settled_before_each_readout() -> None:
    steps = expand(load_profile(CALIBRATION), part(), LOT).steps
    for before, step in pairwise(steps):
        if isinstance(step.action, Readout):
            assert isinstance(before.action, SetPressure)
            assert before.action.target_pa == step.action.pressure_pa
