"""The eighteen tests from a bare desk to six months, as users write them: each can be said.

stations/, parts/, lots/ and profiles/ hold the files; a profile serves every bench and every part
that can do it.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from sensorbench.assessment.verify import verify
from sensorbench.core.errors import InputError
from sensorbench.core.verdict import Verdict
from sensorbench.profiles.needs import needs
from sensorbench.profiles.schedule import Do, Hold, Schedule, Set
from sensorbench.station.preflight import preflight
from sensorbench.station.workspace import Workspace, load_job

from ..workspaces import run

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
    root.mkdir(parents=True, exist_ok=True)
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


def named(profile: str) -> Said:
    return next(said for said in SAID if said.profile == profile)


@pytest.mark.parametrize(
    "profile",
    [
        "01_desk", "01_thermometer_check", "02_calibration", "05_six_positions", "06_rate_table",
        "07_magnetic_field", "08_supply_temperature", "14_burst", "14_proof",
    ],
)  # fmt: skip
def test_it_runs_on_twins_and_every_unit_passes(tmp_path: Path, profile: str) -> None:
    said = named(profile)
    there = workspace(tmp_path, said.station)
    path = str(HERE / "profiles" / f"{profile}.toml")
    outcome = run(there, START, profile=path, lots=said.lots)
    assert {unit.verdict for unit in outcome.assessment.units} == {Verdict.PASS}
    assert verify(outcome.root).is_whole


# -- what each of them says ------------------------------------------------------------------------


def test_early_life_goes_through_the_sockets_in_32_batches(tmp_path: Path) -> None:
    """3 lots of 800 through 77 sockets: nothing in the profile speaks of batches."""
    schedule = checked(tmp_path, named("15_early_life"))
    assert len(schedule.units) == 2400
    assert len(schedule.groups) == 32
    assert sum(isinstance(step.action, Hold) for step in schedule.steps) == 32


def test_two_chambers_use_nothing_of_each_other(tmp_path: Path) -> None:
    one = next(said for said in SAID if said.at == "a")
    other = next(said for said in SAID if said.at == "b")
    for said in (one, other):
        schedule = checked(tmp_path / said.at, said)
        assert {step.zone for step in schedule.steps} == {said.at}


def test_between_two_rooms_units_are_walked(tmp_path: Path) -> None:
    schedule = checked(tmp_path, named("16_two_rooms"))
    walks = [s for s in schedule.steps if isinstance(s.action, Do) and s.action.verb == "park"]
    assert len(walks) == 6
    assert {s.zone for s in schedule.steps if isinstance(s.action, Hold)} == {"oven"}


def test_who_turns_the_part_comes_three_times(tmp_path: Path) -> None:
    """Orientation is the outermost axis of the rate table's grid."""
    schedule = checked(tmp_path, named("06_rate_table"))
    turns = [
        step for step in schedule.steps
        if step.phase == "rate" and isinstance(step.action, Set)
        and step.action.address == "orientation"
    ]  # fmt: skip
    assert len(turns) == 3


def test_a_chosen_method_decides_all_its_values(tmp_path: Path) -> None:
    schedule = checked(tmp_path, named("12_thb"))
    (hold,) = [step.action for step in schedule.steps if isinstance(step.action, Hold)]
    assert hold.credit_s == 96 * 3600
    assert {band.address: band.target for band in hold.bands}["temperature"] == 130.0
    assert schedule.choices["method"]["because"] == "as agreed"


# -- what check refuses of them --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("profile", "station", "changes", "expected"),
    [
        # A controller can't follow 0.5 Hz; the pulser can.
        ("13_pulsed_pressure", "bench1", (),
         "pressure: a wave of 2 s is faster than this bench can do, 40 s"),
        # A bench whose limit for the supply is below the over-voltage.
        ("11_overvoltage", "bench1", (), "supply = 5.4 V is outside what this bench may do"),
        # 5 FS above ambient, in a bench that may go to 0.4 MPa.
        ("14_burst", "two_ports", (('high = "1 MPa"', 'high = "0.4 MPa"'),),
         "pressure.front = 401325 Pa is outside what this bench may do"),
        ("14_burst", "two_ports", (('[bench.pressure.ambient]\nfixed = "101.325 kPa"\n', ""),),
         "station.toml needs [bench.pressure.ambient]"),
        # Nothing sets the supply of a desk.
        ("11_overvoltage", "pulser",
         (('set = "psu.out1"\nreference = "dmm.voltage"\nhigh = "3.7 V"', 'fixed = "3.3 V"'),),
         "supply is fixed at 3.3 V on this bench; 3.6 V can't be set"),
        ("07_magnetic_field", "coil", (('high = "200 uT"', 'high = "40 uT"'),),
         "magnetic_field = 50, 0, 0 uT is outside what this bench may do, -40..40 uT"),
        ("02_calibration", "desk_with_chamber", (), "no socket of this station fits a SBP1"),
        ("02_calibration", "pulser",
         (('[bench.pressure]\nset = "pulser"\nreference = "pulser"\nhigh = "130 kPa"\n', ""),),
         "nothing sets pressure: station.toml needs [bench.pressure] with `set`, or `fixed`"),
        ("18_shelf", "coil", (), "no socket of station.toml fits a sbp1"),
        ("01_thermometer_check", "desk_with_chamber", (("2027-03-01", "2026-05-31"),),
         "station.toml: instrument.thermometer.calibration_due: calibration was due on 2026-05-31"),
    ],
)  # fmt: skip
def test_check_refuses_what_the_bench_can_not_do(
    tmp_path: Path,
    profile: str,
    station: str,
    changes: tuple[tuple[str, str], ...],
    expected: str,
) -> None:
    said = named(profile) if profile != "11_overvoltage" else Said(profile, station, ("L1",))
    moved = Said(profile, station, said.lots, said.at, said.choices)
    assert expected in refused(tmp_path, moved, changes)


def test_over_voltage_is_done_where_the_bench_may(tmp_path: Path) -> None:
    said = Said("11_overvoltage", "bench1", ("L1",))
    table = 'set = "psu.out1"\nreference = "dmm.voltage"\nhigh = '
    schedule = checked(tmp_path, said, ((f'{table}"3.7 V"', f'{table}"6 V"'),))
    raised = [
        s.action.target for s in schedule.steps
        if isinstance(s.action, Set) and s.action.address == "supply" and s.action.limit == 0.2
    ]  # fmt: skip
    assert raised[-3:] == [3.6, 5.4, 3.3] or raised[-4:-1] == [3.6, 5.4, 3.3]
