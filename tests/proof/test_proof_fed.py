"""What is measured is fed: check refuses what would have no value, and what it accepts has one."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from sensorbench.core.errors import InputError
from sensorbench.core.verdict import Verdict
from sensorbench.profiles import library

from .conftest import MakeBench
from .proving import Bench, data_of

HEAD = 'id = "own/fed"\ntitle = "Fed"\nsource = "own"\n{top}\n[[phase]]\nname = "p"\n'
LOTS = {"pressure": "few", "imu": "one", "coil": "mag"}
TURNED = '["-y up", "+z up", "+y up"]'
ONE_WAY = '[{ x = "50 uT", y = "0 uT", z = "0 uT" }, { x = "-50 uT", y = "0 uT", z = "0 uT" }]'
SLOW = '[{ set = { temperature = ["85 degC"] } }, '


def grid(where: str, values: str, *measures: str, more: str = "") -> str:
    named = ", ".join(f'"{name}"' for name in measures)
    axes = f"[{{ set = {{ {where} = {values} }} }}]"
    return f'kind = "grid"\naxes = {axes}\nmeasures = [{named}]\n{more}'


def refusal(bench: Bench, phase: str, top: str = "") -> str:
    """Return what check says of a phase."""
    root = bench.workspace.root
    (root / "fed.toml").write_text(HEAD.format(top=top) + phase, encoding="utf-8")
    with pytest.raises(InputError) as caught:
        bench.check("fed.toml", LOTS[root.name])
    return str(caught.value)


def known(bench: Bench, phase: str, top: str = "") -> set[tuple[str, str]]:
    """Run a phase; return the measures and channels that have results, all of them known."""
    root = bench.workspace.root
    (root / "fed.toml").write_text(HEAD.format(top=top) + phase, encoding="utf-8")
    outcome = bench.run("fed.toml", LOTS[root.name])
    found = outcome.assessment.results
    assert [r for r in found if r.verdict is Verdict.INVALID] == []
    there = {(r.measure, r.channel) for r in found if r.channel}
    (told,) = data_of(outcome).schedule.phases
    assert {(ask["measure"], ask["channel"]) for ask in told["asks"]} <= there
    return there


@pytest.mark.parametrize(
    ("phase", "said"),
    [
        (grid("pressure", '["20 %"]', "sensitivity"), "2 different values of pressure"),
        (grid("pressure", '["50 %", "50 %"]', "sensitivity"), "2 different values of pressure"),
        (grid("pressure", '["20 %", "80 %"]', "nonlinearity"), "3 different values of pressure"),
        ('kind = "grid"\naxes = [{ set = { temperature = ["25 degC", "85 degC"], '
         'pressure = ["20 %", "80 %"] } }]\nmeasures = ["sensitivity"]\n', "things being equal"),
        (grid("pressure", '["50 %"]', "rise_time"), "one step of pressure"),
        (grid("pressure", '["50 %"]', "allan_deviation"), "the part's own stream"),
        ('kind = "grid"\naxes = [{ set = { pressure = ["50 %"] }, path = "there and back" }]\n'
         'measures = ["hysteresis"]\n', "two values or more"),
        ('kind = "record"\nduration = "1 s"\nevery = "10 s"\nmeasures = ["noise"]\n',
         "2 samples, of which 1 are sure"),
        ('kind = "response"\nset = { pressure = ["50 %", "50 %"] }\nduration = "30 s"\n'
         'every = "1 s"\nmeasures = ["settling_time"]\n', "one step of pressure"),
        ('kind = "response"\nset = { pressure = ["20 %", "80 %"] }\nduration = "5 s"\n'
         'every = "20 s"\nmeasures = ["rise_time"]\n', "1 and 0 are sure"),
        ('kind = "stress"\nset = { pressure = "50 %" }\nhours = "2 h"\n'
         'monitor = { every = "10 min", measures = ["rise_time"] }\n', "monitor.measures: "),
        ('kind = "stress"\nset = { pressure = "50 %" }\nhours = "2 h"\nmeasures = ["error"]\n',
         "a stress measures nothing by itself"),
        ('kind = "grid"\naxes = [{ set = { pressure = ["50 %"] } }]\n'
         'monitor = { every = "1 min", measures = ["error"] }\n', "a grid has no monitor"),
    ],
)  # fmt: skip
def test_check_refuses_what_would_have_no_value(calibrated: Bench, phase: str, said: str) -> None:
    found = refusal(calibrated, phase)
    assert said in found
    assert "fed.toml: phase[1]." in found


def test_one_sample_a_point_has_no_noise(calibrated: Bench) -> None:
    phase = grid("pressure", '["50 %"]', "noise")
    assert "raise `samples` of the profile" in refusal(calibrated, phase, "samples = 1")
    assert ("noise", "pressure") in known(calibrated, phase, "samples = 2")


def test_a_channel_that_stands_still_is_left_out_beside_one_that_moves(calibrated: Bench) -> None:
    """Temperature has one value only: no line goes through it, and no unit is blamed for that."""
    axes = SLOW + '{ set = { pressure = ["20 %", "50 %", "80 %"] } }]'
    phase = f'kind = "grid"\naxes = {axes}\nmeasures = ["sensitivity", "nonlinearity"]\n'
    there = known(calibrated, phase)
    assert there == {("sensitivity", "pressure"), ("nonlinearity", "pressure")}


def test_a_channel_with_a_limit_of_its_own_is_not_left_out(calibrated: Bench) -> None:
    phase = (
        'kind = "steps"\nset = { pressure = ["20 %", "50 %", "80 %"] }\ndwell = "1 min"\n'
        'monitor = { every = "10 s", measures = ["nonlinearity"], '
        'limits = { nonlinearity = { temperature = "1 K" } } }\n'
    )
    assert "monitor.measures: nonlinearity of temperature" in refusal(calibrated, phase)


def test_noise_of_a_monitor_is_known_over_several_readouts(calibrated: Bench) -> None:
    phase = (
        'kind = "stress"\nset = { pressure = "50 %" }\nhours = "2 h"\nreadouts = ["1 h"]\n'
        'monitor = { every = "10 min", measures = ["noise"] }\n'
    )
    assert ("noise", "pressure") in known(calibrated, phase)


def test_a_parameter_that_no_test_feeds_is_refused(calibrated: Bench) -> None:
    part = next((calibrated.workspace.root / "parts").glob("sbp1.toml"))
    part.write_text(
        part.read_text(encoding="utf-8")
        + '\n[[parameter]]\nname = "rise"\nmeasure = "rise_time"\nchannel = "pressure"\n'
        'limits = { room = ["0 s", "1 s"] }\n',
        encoding="utf-8",
    )
    found = refusal(calibrated, 'kind = "test"\nconditions = ["room"]\n')
    assert "parameter.rise: rise_time of pressure: it is of one step of pressure" in found


@pytest.mark.parametrize(
    ("name", "phase", "said"),
    [
        ("imu", grid("orientation", '["-y up"]', "g_sensitivity",
                     more='set = { angular_rate = "0 deg/s" }\n'), "lying on other faces"),
        ("imu", 'kind = "record"\nduration = "60 s"\nmeasures = ["offset"]\n', "say `every`"),
        ("imu", 'kind = "response"\nset = { angular_rate = ["0 deg/s", "50 deg/s"] }\n'
                'duration = "5 s"\nmeasures = ["error"]\n', "say `every`"),
        ("imu", 'kind = "record"\nduration = "1 s"\nmeasures = ["allan_deviation"]\n',
         "let it last longer"),
        ("imu", 'kind = "record"\nduration = "3 s"\nmeasures = ["noise_density"]\n',
         "1024 samples"),
        ("imu", 'kind = "record"\nduration = "10 s"\nevery = "1 s"\nmeasures = ["offset"]\n',
         "follows from orientation"),
        ("coil", grid("magnetic_field", ONE_WAY, "cross_axis"), "along every axis"),
        ("coil", 'kind = "steps"\n'
         'set = { magnetic_field = [{ x = "199 uT", y = "0 uT", z = "0 uT" }, '
         '{ x = "-150 uT", y = "10 uT", z = "-3 uT" }] }\ndwell = "0 s"\n'
         'monitor = { every = "7 min", measures = ["sensitivity"] }\n',
         "sensitivity of magnetic_field_x"),
    ],
)  # fmt: skip
def test_check_refuses_what_vectors_and_streams_do_not_feed(
    bench: MakeBench, name: str, phase: str, said: str
) -> None:
    assert said in refusal(bench(name), phase)


@pytest.mark.parametrize(
    ("name", "phase", "left"),
    [
        ("imu", grid("orientation", TURNED, "sensitivity"), {"acceleration_y", "acceleration_z"}),
        ("imu", grid("angular_rate", '["10 deg/s"]', "offset"),
         {f"angular_rate_{axis}" for axis in "xyz"}),
        ("coil", grid("magnetic_field", ONE_WAY, "sensitivity"), {"magnetic_field_x"}),
        ("imu", 'kind = "record"\nduration = "3 s"\nmeasures = ["allan_deviation"]\n',
         {f"{what}_{axis}" for what in ("acceleration", "angular_rate") for axis in "xyz"}),
    ],
)  # fmt: skip
def test_channels_that_are_not_fed_are_left_out(
    bench: MakeBench, name: str, phase: str, left: set[str]
) -> None:
    assert {channel for _, channel in known(bench(name), phase)} == left


def test_a_gate_may_ask_whether_what_was_written_is_there(bench: MakeBench) -> None:
    """Of a phase that writes the answer is what was read back: nothing else is read there."""
    made = bench("pressure")
    source = Path(library.__file__).parent / "library/calibration/pressure_temperature.toml"
    text = source.read_text(encoding="utf-8")
    (name,) = re.findall(r'kind = "calibrate"\nname = "([^"]+)"', text)
    text = text.replace('id = "calibration/pressure_temperature"', 'id = "own/fed"')
    text += (
        f'\n[[phase]]\nkind = "gate"\nname = "all written"\nof = "{name}"\n'
        'require = { calibrated = "100 %" }\n'
    )
    (made.workspace.root / "fed.toml").write_text(text, encoding="utf-8")
    outcome = made.run("fed.toml", LOTS["pressure"])
    assert outcome.assessment.verdict is Verdict.PASS
    assert outcome.assessment.facts["all written"]["gate"]["holds"] is True


@pytest.mark.parametrize("require", ["value", "pass"])
def test_a_stream_answers_a_gate(bench: MakeBench, require: str) -> None:
    phase = (
        'kind = "record"\nduration = "10 s"\nmeasures = ["allan_deviation"]\n'
        '\n[[phase]]\nkind = "gate"\nname = "g"\nof = "p"\n'
        f'require = {{ {require} = "100 %" }}\n'
    )
    made = bench("imu")
    (made.workspace.root / "fed.toml").write_text(HEAD.format(top="") + phase, encoding="utf-8")
    outcome = made.run("fed.toml", LOTS["imu"])
    assert outcome.assessment.facts["g"]["gate"]["holds"] is True
    assert outcome.assessment.verdict is Verdict.PASS
