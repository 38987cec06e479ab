"""Bad input: one clear message that lists every problem, before anything is touched."""

from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from sensorbench.app.demo import write_demo
from sensorbench.core.errors import InputError
from sensorbench.station.preflight import check_station, preflight
from sensorbench.station.workspace import Workspace, load_job

TODAY = date(2026, 6, 1)
CALIBRATION = "calibration/pressure_temperature"
HTOL = "aec_q100/b1_htol"


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    write_demo(tmp_path, 1, TODAY, units=4)
    return Workspace(tmp_path)


def edit(path: Path, *changes: tuple[str, str]) -> None:
    text = path.read_text()
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new)
    path.write_text(text)


def plan(workspace: Workspace, profile: str) -> None:
    preflight(load_job(workspace, profile, "sbp1"), datetime(2026, 6, 1, tzinfo=UTC))


def problems(workspace: Workspace, profile: str = CALIBRATION) -> str:
    with pytest.raises(InputError) as refused:
        plan(workspace, profile)
    return str(refused.value)


def test_the_demonstration_is_in_order(workspace: Workspace) -> None:
    workspace.check_files()
    assert check_station(workspace.load_station()) == []
    for profile in (CALIBRATION, HTOL):
        plan(workspace, profile)


def test_all_problems_of_all_files_are_listed_at_once(workspace: Workspace) -> None:
    edit(
        workspace.station_path,
        ("seed = 1", "sed = 1"),
        ('low = "2 kPa"', 'low = "2 degC"'),
        ('kind = "simulated"\n\n[bus.bus1]', 'kind = "imaginary"\n\n[bus.bus1]'),
        ('role = "supply"', 'role = "suply"'),
    )
    edit(workspace.part_path("sbp1"), ('nominal = "3.3 V"', 'nominal = "3.3"'))
    edit(workspace.lot_path("sbp1"), ('part = "sbp1"', 'prt = "sbp1"'))
    with pytest.raises(InputError) as refused:
        workspace.check_files()
    text = str(refused.value)
    for expected in (
        "station.toml: simulation.sed: unknown key; did you mean seed?",
        "low: unit 'degC' is not a pressure; a pressure is written in Pa, hPa, kPa",
        "station.toml: bus.bus0.kind: 'imaginary' is not allowed; allowed: 'simulated' or 'linux'",
        "role: 'suply' is not allowed; allowed: 'temperature_chamber', 'pressure_source'",
        "sbp1.toml: part.supply.nominal: '3.3' has no unit; a voltage is written in V, mV, uV, kV",
        "sbp1.toml: lot.part: is required",
        "sbp1.toml: lot.prt: unknown key; did you mean part?",
    ):
        assert expected in text
    assert text.startswith("7 problems:")


def test_a_setpoint_outside_the_chamber_is_refused_before_anything_is_sent(
    workspace: Workspace,
) -> None:
    edit(workspace.station_path, ('high = "130 degC"', 'high = "120 degC"'))
    found = problems(workspace, HTOL)
    assert "instrument.chamber: setpoint 125 degC is outside -45 degC to 120 degC" in found


def test_a_setpoint_beyond_the_bench_limits_is_refused(workspace: Workspace) -> None:
    edit(workspace.station_path, ('temperature_high = "130 degC"', 'temperature_high = "85 degC"'))
    assert "125 degC is above the bench's 85 degC" in problems(workspace)


def test_a_range_wider_than_the_model_is_refused(workspace: Workspace) -> None:
    edit(workspace.station_path, ('low = "-45 degC"', 'low = "-90 degC"'),
         ('rate = "5 K/min"', 'rate = "50 K/min"'))  # fmt: skip
    found = problems(workspace)
    assert "-90 degC is beyond the rating of espec_p300, -75 degC to 180 degC" in found
    assert "50 K/min is beyond the rating of espec_p300, 5 K/min" in found


def test_an_overdue_calibration_is_refused(workspace: Workspace) -> None:
    due = "calibration_due = 2027-03-03"
    assert due in workspace.station_path.read_text()
    edit(workspace.station_path, (due, "calibration_due = 2026-05-31"))
    found = problems(workspace)
    assert "instrument.pressure.calibration_due: calibration was due on 2026-05-31" in found
    assert "instrument.thermometer.calibration_due" in found


def test_a_calibration_that_ends_during_the_run_is_refused(workspace: Workspace) -> None:
    edit(workspace.station_path, ("2027-03-03", "2026-06-20"))
    assert "is due on 2026-06-20, before the run ends on 2026-07-" in problems(workspace, HTOL)


def test_a_reference_without_a_due_date_is_refused(workspace: Workspace) -> None:
    edit(workspace.station_path, ("calibration_due = 2027-03-03\n", ""))
    assert "the readings of a pressure_source are the reference" in problems(workspace)


def test_two_units_on_one_address_are_refused(workspace: Workspace) -> None:
    edit(
        workspace.station_path,
        ('id = "S003", bus = "bus0", multiplexer = 0x70, channel = 1',
         'id = "S003", bus = "bus0", multiplexer = 0x70, channel = 0'),
    )  # fmt: skip
    found = problems(workspace)
    assert "socket S003: has the address 0x28 on bus0, mux 0x70 channel 0" in found
    assert "which socket S001 has too" in found


def test_a_part_behind_a_multiplexer_must_not_meet_one_on_the_bus(workspace: Workspace) -> None:
    edit(workspace.station_path, ("address = 0x48", "address = 0x28"))
    assert "would answer together with instrument.thermometer.link" in problems(workspace)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ('socket = "S002"', 'socket = "S001"', "socket S001 is used by two units"),
        ('serial = "26000002"', 'serial = "26000001"', "serial 26000001 is used by two units"),
        ('socket = "S002"', 'socket = "S099"', "socket 'S099' is not in station.toml"),
        ('socket = "S002"', 'socket = "BMP280-1"', "sbp1 answers at 0x28, 0x29, 0x2a, 0x2b"),
        ('part = "sbp1"', 'part = "sbp9"', "parts/sbp9.toml: is not there; there are: bmp280"),
    ],
)
def test_mistakes_in_a_lot_are_named(
    workspace: Workspace, old: str, new: str, expected: str
) -> None:
    edit(workspace.lot_path("sbp1"), (old, new))
    assert expected in problems(workspace)


def test_a_role_that_nothing_plays_is_named_with_the_models_that_could(
    workspace: Workspace,
) -> None:
    text = workspace.station_path.read_text()
    start, end = text.index("[instrument.pressure]"), text.index("[instrument.supply]")
    workspace.station_path.write_text(text[:start] + text[end:])
    assert "nothing plays pressure_source, which calibration/pressure_temperature needs; models: " \
           "druck_pace5000" in problems(workspace)  # fmt: skip


def test_an_unknown_model_and_a_wrong_role_are_named(workspace: Workspace) -> None:
    edit(workspace.station_path, ('model = "espec_p300"', 'model = "espec_p400"'),
         ('model = "keysight_34461a"', 'model = "keysight_e36312a"'))  # fmt: skip
    found = problems(workspace)
    assert "'espec_p400' is not known; there are tmp117, druck_pace5000" in found
    assert "keysight_e36312a plays supply, not dmm" in found


def test_an_unknown_profile_lists_the_library(workspace: Workspace) -> None:
    found = problems(workspace, "aec_q100/b1")
    assert "there are aec_q100/b1_htol, calibration/pressure_check" in found


def test_a_supply_that_is_too_small_is_refused(workspace: Workspace) -> None:
    edit(workspace.part_path("sbp1"), ('max = "3.6 V"', 'max = "7 V"'))
    edit(workspace.station_path, ('voltage_high = "3.7 V"', 'voltage_high = "9 V"'))
    assert "7 V, 0.5 A is more than its 6.18 V, 5.15 A" in problems(workspace, HTOL)
