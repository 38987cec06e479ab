"""Every instrument that acts, in its place on a bench: a whole calibration runs on its twin."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from sensorbench.core.catalog import devices
from sensorbench.core.verdict import Verdict
from sensorbench.instruments.members import setpoints_of

from ..bench.run.test_kinds import CALIBRATION
from ..workspaces import CHAMBER, PACE, PSU, STATION, run, sbp1_sockets, write

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
