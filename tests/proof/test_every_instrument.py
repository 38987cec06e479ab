"""Every instrument that acts, in its place on a bench: a whole calibration runs on its twin."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from sensorbench.core.catalog import devices
from sensorbench.core.errors import InputError
from sensorbench.core.verdict import Verdict
from sensorbench.instruments.members import setpoints_of
from sensorbench.station.workspace import Workspace

from ..bench.run.climate import CLIMATE, workspace
from ..bench.run.test_kinds import CALIBRATION
from ..workspaces import CHAMBER, PACE, PSU, STATION, problems, run, sbp1_sockets, write

pytestmark = pytest.mark.slow

PLACES = {
    "temperature": ("chamber.temperature", CHAMBER),
    "pressure": ("pace", PACE),
    "supply": ("psu.out1", PSU),
}
NARROWER = {"oyo_umc1200": ('high = "155 degC"', 'high = "150 degC"')}
"""What the station's limits are for one that can do less."""
OPTIONS = {"samwon_2500": "decimals = 1\n"}
"""What must be said of an instrument in station.toml."""
SETS = [
    (name, place, member)
    for name, device in sorted(devices().items())
    if device.kind == "instrument"
    for place in PLACES
    for member, declared in list(setpoints_of(device.load_driver()).items())
    if declared.quantity.name == place
]


def sets_humidity(name: str) -> bool:
    members = setpoints_of(devices()[name].load_driver()).values()
    return any(declared.quantity.name == "humidity" for declared in members)


FIRST = list({(name, place): (name, place, member) for name, place, member in SETS[::-1]}.values())


@pytest.mark.parametrize(("name", "place", "member"), FIRST[::-1], ids=[n for n, *_ in FIRST[::-1]])
def test_parts_are_calibrated_with_it_in_its_place(
    tmp_path: Path, name: str, place: str, member: str
) -> None:
    acts, table = PLACES[place]
    instrument = acts.partition(".")[0]
    station = STATION.replace(
        table, re.sub(r'model = "\w+"\n', f'model = "{name}"\n{OPTIONS.get(name, "")}', table)
    ).replace(f'"{acts}"', f'"{instrument}.{member}"')
    station = station.replace(*NARROWER.get(name, ("", "")))
    outcome = run(write(tmp_path, CALIBRATION, station + sbp1_sockets(4)))
    assert {unit.verdict for unit in outcome.assessment.units} == {Verdict.PASS}
    assert outcome.unsafe == ()


# -- chambers with humidity ------------------------------------------------------------------------

DAMP = """
[[phase]]
kind = "stress"
name = "damp"
set = { temperature = "85 degC", humidity = "85 %RH" }
hours = "6 h"
test = { before = ["room"], after = ["room"] }
"""
HUMIDITY = '\n[bench.humidity]\nset = "chamber.humidity"\nhigh = "95 %RH"\n'
SAID = {
    "oyo_umc1200": ("humidity = true\n", "chamber: whether humidity is fitted is not said"),
    "samwon_2500": ("decimals = 1\n", "chamber: this series does not tell its decimals"),
    "weiss_votsch": ("humidity_output = 2\n", "chamber: which digital output switches humidity"),
}
"""What must be said in station.toml, and what a run's start, or `check`, says where it is not."""
DAMPING = [name for name, place, _ in SETS if place == "temperature" and sets_humidity(name)]


def damp(root: Path, name: str, options: str) -> Workspace:
    table = CHAMBER.replace('model = "espec_p300"\n', f'model = "{name}"\n{options}')
    station = CLIMATE.replace(CHAMBER, table).replace(*NARROWER.get(name, ("", ""))) + HUMIDITY
    return workspace(root, DAMP, station=station)


@pytest.mark.parametrize("name", DAMPING)
def test_parts_are_stressed_in_the_damp_heat_of_it(tmp_path: Path, name: str) -> None:
    options, _ = SAID.get(name, ("", ""))
    outcome = run(damp(tmp_path, name, options))
    assert outcome.assessment.verdict is Verdict.PASS
    assert outcome.unsafe == ()


@pytest.mark.parametrize("name", sorted(SAID))
def test_what_must_be_said_of_it_is_asked_for_before_a_run(tmp_path: Path, name: str) -> None:
    there = damp(tmp_path, name, "")
    if name == "samwon_2500":  # which series it is, it says when it is open
        with pytest.raises(InputError, match=SAID[name][1]):
            run(there)
    else:
        assert SAID[name][1] in problems(there)
