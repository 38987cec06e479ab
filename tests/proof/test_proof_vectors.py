"""Proof profiles: motion, field, and supply against temperature."""

from __future__ import annotations

import re

import numpy as np
import pytest

from sensorbench.core.errors import InputError
from sensorbench.profiles.library import profile_text

from ..workspaces import edit
from .conftest import MakeBench, Proven
from .proving import Bench, data_of, journal, passes, results_of


def test_an_accelerometer_is_turned_to_six_positions(bench: MakeBench, proven: Proven) -> None:
    imu = bench("imu")
    check = imu.run("check/six_positions", "one")
    assert passes(check)
    proven(check)
    axes = [f"acceleration_{axis}" for axis in "xyz"]
    for axis in axes:
        (sensitivity,) = results_of(check, "sensitivity", axis)
        (cross,) = results_of(check, "cross_axis", axis)
        (offset,) = results_of(check, "offset", axis)
        assert sensitivity.value == pytest.approx(1.0, abs=0.03)
        assert 0.0 < abs(cross.value) < 0.02
        assert abs(offset.value) < 0.5
    faces = [p.point.conditions["orientation"] for p in data_of(check).of_phase("positions")]
    assert len(set(faces)) == 6
    turns = [question.what["to"] for question in imu.asked if question.what["kind"] == "turn"]
    assert set(turns) == {f"{sign}{axis} up" for sign in "+-" for axis in "xyz"}
    # Along gravity a face reads what the place's gravity is, not the standard one.
    up = next(p for p in data_of(check).of_phase("positions") if p.point.id.endswith("+z up"))
    assert up.values["acceleration_z"][0] == pytest.approx(9.8123, abs=0.5)


def test_nothing_is_lost_before_a_fixture_was_turned_for_the_first_time(bench: MakeBench) -> None:
    """Where it lies is not known yet, nor what gravity is along the parts: nobody is at fault."""
    check = bench("imu").run("check/six_positions", "one")
    assert not journal(check, "retry", "meter_lost", "meter_back")


SET = """
id = "own/set"
title = "Set"
source = "own"
[[phase]]
kind = "grid"
name = "g"
axes = [{ set = { %s } }]
measures = ["error"]
"""


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ('acceleration = [{ x = "1 g", y = "0 g", z = "0 g" }]',
         "acceleration follows from orientation on this bench: set orientation instead"),
        ('acceleration = ["+z 1 g"]', "set orientation instead"),
        ('orientation = [{ roll = "45 deg", pitch = "0 deg" }]',
         "orientation: roll, pitch can't be read; it is written { x = …, y = …, z = … }, all of "
         'its axes, or as a word: "+x up" and the like (the upward direction in the part\'s axes'),
        ('acceleration = [{ x = "1 g" }]', "acceleration: x can't be read; it is written"),
    ],
)  # fmt: skip
def test_what_follows_from_how_a_part_lies_is_said_to(
    bench: MakeBench, values: str, told: str
) -> None:
    imu = bench("imu")
    (imu.workspace.root / "set.toml").write_text(SET % values, encoding="utf-8")
    with pytest.raises(InputError, match=re.escape(told)):
        imu.check("set.toml", "one")


def test_a_vector_set_by_other_names_says_how_it_is_written(bench: MakeBench) -> None:
    imu = bench("imu")
    text = SET.replace("axes = ", 'set = { orientation = { roll = "45 deg" } }\naxes = ')
    text %= 'angular_rate = ["10 deg/s"]'
    (imu.workspace.root / "set.toml").write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match="A vector without ports is written"):
        imu.check("set.toml", "one")


def test_a_gyroscope_is_checked_on_a_rate_table(bench: MakeBench, proven: Proven) -> None:
    check = bench("imu").run("check/rate", "one")
    assert passes(check)
    proven(check)
    for axis in ("x", "y", "z"):
        scale = results_of(check, "sensitivity", f"angular_rate_{axis}", "rate")
        assert [r.value for r in scale] == pytest.approx([1.0] * len(scale), abs=0.02)
        (bent, *_) = results_of(check, "nonlinearity", f"angular_rate_{axis}", "rate")
        assert abs(bent.value) < 1.0  # deg/s of 400
        (by_gravity,) = results_of(check, "g_sensitivity", f"angular_rate_{axis}", "gravity")
        assert abs(by_gravity.value) < 0.1  # deg/s per m/s2


def test_a_magnetometer_in_a_three_axis_coil(bench: MakeBench, proven: Proven) -> None:
    coil = bench("coil")
    check = coil.run("check/magnetic_field", "mag")
    assert passes(check)
    proven(check)
    (null,) = [f["fact"] for f in journal(check, "fact") if f["verb"] == "null"]
    assert max(map(abs, null["left"])) < 1.0
    # What it reads in no field at all is its own offset: that is the error, and no cross axis.
    alone = coil.known("mag", {"magnetic_field": (0.0, 0.0, 0.0)})["MAG-0001"]
    for axis in ("x", "y", "z"):
        (error,) = results_of(check, "error", f"magnetic_field_{axis}")
        (cross,) = results_of(check, "cross_axis", f"magnetic_field_{axis}")
        (sensitivity,) = results_of(check, "sensitivity", f"magnetic_field_{axis}")
        assert error.value == pytest.approx(alone[f"magnetic_field_{axis}"], abs=4.0)
        assert abs(cross.value) < 0.02
        assert sensitivity.value == pytest.approx(1.0, abs=0.05)


PROBE = """
[instrument.probe]
model = "lis3mdl"
link = { kind = "i2c", bus = "usb", address = 0x1E }
certificate = "M-2026-009"
calibration_due = 2099-02-01
uncertainty = { magnetic_field_x = "3 uT", magnetic_field_y = "3 uT", magnetic_field_z = "5 uT" }

[bench.magnetic_field]
set = "coil"
reference = "%s"
"""
WIDE = '\n[soak]\nmagnetic_field = { within = "5 uT" }\n\n[[phase]]'


def beside_a_probe(coil: Bench, reference: str) -> Bench:
    """Let the field be believed to a magnetometer in the coil, whose noise needs wider soaks."""
    station = coil.workspace.station_path
    bound = '[bench.magnetic_field]\nset = "coil"\nreference = "coil"\n'
    edit(station, (bound, PROBE.lstrip() % reference))
    _, shipped = profile_text("check/magnetic_field", coil.workspace.root)
    own = shipped.replace('"check/', '"own/').replace("\n[[phase]]", WIDE, 1)
    (coil.workspace.root / "own.toml").write_text(own, encoding="utf-8")
    return coil


@pytest.mark.parametrize("reference", ["probe", "probe.magnetic_field"])
def test_a_magnetometer_is_the_reference_of_a_vector(
    bench: MakeBench, proven: Proven, reference: str
) -> None:
    """A field is nulled at it, and units are compared with it along every axis."""
    check = beside_a_probe(bench("coil"), reference).run("own.toml", "mag")
    assert passes(check)
    proven(check)
    data = data_of(check)
    assert data.bench("", "magnetic_field")["uncertainty"] == pytest.approx(5.0)
    (null,) = [f["fact"] for f in journal(check, "fact") if f["verb"] == "null"]
    assert len(null["left"]) == 3
    assert max(map(abs, null["left"])) < 1.0
    for readout in data.of_phase("field"):
        read = readout.references[":magnetic_field"]
        assert read == pytest.approx(readout.point.conditions["magnetic_field"], abs=5.0)
    for axis in "xyz":
        (sensitivity,) = results_of(check, "sensitivity", f"magnetic_field_{axis}")
        assert sensitivity.value == pytest.approx(1.0, abs=0.05)


@pytest.mark.parametrize("word", ["reference", "watch"])
def test_one_axis_is_no_vector(bench: MakeBench, word: str) -> None:
    coil = beside_a_probe(bench("coil"), "probe")
    one = '"probe.magnetic_field_x"'
    wrong = f"reference = {one}" if word == "reference" else f'reference = "set"\nwatch = [{one}]'
    edit(coil.workspace.station_path, ('reference = "probe"', wrong))
    right = '["probe.magnetic_field"]' if word == "watch" else '"probe.magnetic_field"'
    told = (
        f"bench.magnetic_field.{word}: probe.magnetic_field_x reads one axis of a magnetic_field, "
        f"which does not tell the others: write {word} = {right}"
    )
    with pytest.raises(InputError, match=re.escape(told)):
        coil.check("own.toml", "mag")


def test_an_analog_part_over_supply_and_temperature_with_its_current(
    bench: MakeBench, proven: Proven
) -> None:
    found = bench("analog").run("characterisation/supply_temperature", "a")
    assert passes(found)
    proven(found)
    offsets = {
        (r.at["set"]["temperature"], r.at["set"]["supply"]): r.value
        for r in results_of(found, "offset", "pressure")
    }
    assert len(offsets) == 9
    # Its output is a share of its supply: the supply does not move its offset, temperature does.
    for temperature_c in (-40.0, 25.0, 125.0):
        at = [value for (t, _), value in offsets.items() if t == temperature_c]
        assert np.ptp(at) < 20.0
    assert abs(offsets[125.0, 5.0] - offsets[-40.0, 5.0]) > 500.0
    drawn = [r.values["supply_current"][0] for r in data_of(found).of_phase("characterisation")]
    assert len(drawn) == 18
    assert drawn == pytest.approx([1.8e-3] * 18, rel=0.2)
