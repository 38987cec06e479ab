"""What a healthy stress serves is credited, by the run and by its assessment alike."""

from __future__ import annotations

from pathlib import Path

import pytest

from sensorbench.core.verdict import Verdict

from ...workspaces import HEAD, QUICK, data_of, events, go_on, problems, reasons, run, write
from .barometers import bench, fault

WAVE = """
[[phase]]
kind = "stress"
name = "pulsed"
set.temperature = "60 degC"
set.pressure = {{ low = "50 kPa", high = "100 kPa", period = "{period}" }}
hours = "12 h"

[phase.monitor]
every = "{every}"
measures = ["error"]
"""


@pytest.mark.parametrize(("period", "every"), [("20 min", "30 min"), ("4 min", "1 h")])
def test_hours_are_credited_alike_whatever_a_wave_and_a_monitor_do(
    tmp_path: Path, period: str, every: str
) -> None:
    outcome = run(write(tmp_path, WAVE.format(period=period, every=every), **bench()))
    (hold,) = events(outcome, "hold")
    assert hold.data["credit_s"] == pytest.approx(12 * 3600.0, rel=1e-6)
    assert outcome.assessment.verdict is Verdict.PASS
    assert outcome.assessment.facts["pulsed"]["served_s"][""] == pytest.approx(12 * 3600.0)
    assert len(data_of(outcome).monitored("pulsed")) >= 12


PARKED = """
[[phase]]
kind = "stress"
name = "bake"
set = { temperature = "60 degC" }
hours = "2 h"

[[phase]]
kind = "external"
name = "shock"
attach = ["report"]
"""


def test_hours_stay_credited_when_a_run_goes_on_at_the_instant_it_was_parked(
    tmp_path: Path,
) -> None:
    from sensorbench.app.commands.attach import attach_files  # noqa: PLC0415

    there = write(tmp_path, PARKED, **bench())
    outcome = run(there)
    attach_files(there.root, outcome.root.name, "shock", [there.station_path], ())
    outcome = go_on(there, outcome.root)
    assert outcome.assessment.verdict is Verdict.PASS
    assert outcome.assessment.facts["bake"]["served_s"][""] == pytest.approx(7200.0)


OPEN = """
[[phase]]
kind = "record"
name = "watched"
set = {{ temperature = "60 degC", pressure = "50 kPa" }}
duration = "2 h"
every = "1 min"
measures = ["{measure}"]
"""


def test_readings_that_go_on_between_meters_that_disagree_are_not_known(tmp_path: Path) -> None:
    stuck = fault("thermometer", "stuck", "90 min", "100 min")
    outcome = run(write(tmp_path, OPEN.format(measure="error"), **bench(stuck)))
    assert outcome.assessment.verdict is Verdict.INVALID
    assert "meters_disagree" in reasons(outcome)


def test_a_soak_waits_until_the_meters_of_the_place_agree(tmp_path: Path) -> None:
    """The chamber is there before the thermometer beside the units is."""
    grid = (
        '[[phase]]\nkind = "grid"\nname = "g"\nmeasures = ["error"]\n'
        'axes = [{ set = { temperature = ["60 degC", "5 degC"], '
        'pressure = ["50 kPa", "50 kPa"] } }]\n'
        'soak = { temperature = { within = "0.5 K", for = "1 s", timeout = "4 h" } }\n'
    )
    outcome = run(write(tmp_path, grid, **bench()))
    assert outcome.assessment.verdict is Verdict.PASS


@pytest.mark.parametrize(
    ("phases", "said"),
    [
        (PARKED.replace('hours = "2 h"', 'hours = "24 h"\nlongest = "1 h"'),
         "longest is shorter than the hours"),
        (PARKED.replace('"2 h"', '"2 h"\nsoak.temperature = { within = "0.5 K", held = "0.5 K" }'),
         "hours held within 0.5 K can't be credited, as its meters may be 2 K beside it"),
        ('[[phase]]\nkind = "grid"\nname = "g"\naxes = [{ set = { temperature = ["60 degC"] } }]\n'
         'rate = { temperature = "0.1 K/min" }\nmeasures = ["error"]\n',
         "the way to 60 and its soak take"),
    ],
)  # fmt: skip
def test_hours_that_can_not_be_served_are_refused(tmp_path: Path, phases: str, said: str) -> None:
    assert said in problems(write(tmp_path, phases, **bench()))


def test_a_wave_that_the_instrument_does_not_make_is_made_by_the_run(tmp_path: Path) -> None:
    """A PP1 makes waves of up to 1000 s; longer ones go to and fro by the program."""
    from ...workspaces import PACE, STATION  # noqa: PLC0415
    from .barometers import SOCKETS  # noqa: PLC0415

    station = STATION.replace(PACE, PACE.replace("druck_pace5000", "pressure_pulser")) + SOCKETS
    slow = WAVE.format(period="20 min", every="2 h").replace('"12 h"', '"3 h"')
    outcome = run(write(tmp_path / "slow", slow, **bench(station=station), head=HEAD + QUICK))
    assert outcome.assessment.verdict is Verdict.PASS
    sine = slow.replace('period = "20 min"', 'period = "20 min", shape = "sine"')
    said = problems(write(tmp_path / "sine", sine, **bench(station=station)))
    assert "a sine wave of 1200 s can't be made" in said
