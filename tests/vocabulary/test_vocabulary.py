"""The eighteen tests from a bare desk to six months, as users write them: each can be said.

stations/, parts/, lots/ and profiles/ hold the files; a profile serves every bench and every part that
can do it.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from sensorbench.core.errors import InputError
from sensorbench.profiles.needs import needs
from sensorbench.profiles.schedule import Do, Hold, Schedule, Set
from sensorbench.station.preflight import preflight
from sensorbench.station.workspace import Workspace, load_job

HERE = Path(__file__).parent
START = datetime(2026, 6, 1, 8, 0, tzinfo=UTC)


@dataclass(frozen=True)
class Said:
    """One test: a profile on lots at a station, with what is chosen."""

    profile: str
    station: str
    lots: tuple[str, ...]
    at: str = ""
    choices: tuple[tuple[str, str, str], ...] = ()

    def __str__(self) -> str:
        return self.profile


SAID = [
    Said("01_desk", "desk", ("desk",)),
    Said("01_thermometer_check", "desk_with_chamber", ("desk",)),
    Said("02_calibration", "bench1", ("L1",)),
    Said("03_allan", "imu_bench", ("imu",)),
    Said("04_step_response", "pulser", ("L1",)),
    Said("05_six_positions", "tumble", ("imu",)),
    Said("06_rate_table", "rate_table", ("imu",)),
    Said("07_magnetic_field", "coil", ("mag",)),
    Said("08_supply_temperature", "analog", ("A1",)),
    Said("09_mechanical_shock", "bench1", ("L1",)),
    Said("10_gated", "bench1", ("L1",)),
    Said("11_temperature_cycling", "bench1", ("L1",)),
    Said("11_power_cycling", "bench1", ("L1",)),
    Said("12_thb", "lab_with_tester", ("L1",), choices=(("method", "130/85", "as agreed"),)),
    Said("13_pulsed_pressure", "pulser", ("L1",)),
    Said("14_burst", "two_ports", ("B1",)),
    Said("14_proof", "two_ports", ("B1",)),
    Said("15_early_life", "burn_in", ("E1", "E2", "E3")),
    Said("16_two_rooms", "two_rooms", ("D1",)),
    Said("01_thermometer_check", "two_chambers", ("D1",), at="a"),
    Said("01_thermometer_check", "two_chambers", ("D2",), at="b"),
    Said("18_shelf", "bench1", ("D1",)),
]


def workspace(root: Path, station: str, changes: tuple[tuple[str, str], ...] = ()) -> Workspace:
    for folder in ("parts", "lots"):
        shutil.copytree(HERE / folder, root / folder)
    for table in (HERE / "stations").glob("*.csv"):
        shutil.copy(table, root)
    text = (HERE / "stations" / f"{station}.toml").read_text(encoding="utf-8")
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new)
    (root / "station.toml").write_text(text, encoding="utf-8")
    return Workspace(root)


def checked(root: Path, said: Said, changes: tuple[tuple[str, str], ...] = ()) -> Schedule:
    there = workspace(root, said.station, changes)
    profile = str(HERE / "profiles" / f"{said.profile}.toml")
    choices = {name: (option, because) for name, option, because in said.choices}
    return preflight(load_job(there, profile, said.lots, choices, said.at), START)


@pytest.mark.parametrize("said", SAID, ids=lambda s: f"{s.profile} at {s.station} {s.at}".strip())
def test_it_can_be_said_and_check_accepts_it(tmp_path: Path, said: Said) -> None:
    schedule = checked(tmp_path, said)
    assert schedule.steps
    assert schedule.duration_s > 0 or needs(schedule).attach


def refused(root: Path, said: Said, changes: tuple[tuple[str, str], ...] = ()) -> str:
    with pytest.raises(InputError) as found:
        checked(root, said, changes)
    return str(found.value)
