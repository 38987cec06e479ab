"""check: everything that is wrong at once, with file and key, before anything is touched."""

from __future__ import annotations

import shutil
import subprocess
import sys
from datetime import datetime
from pathlib import Path

import pytest

from sensorbench.core import catalog
from sensorbench.core.errors import InputError
from sensorbench.station.preflight import check_due, check_station
from sensorbench.station.workspace import Workspace, load_job

from ...workspaces import (
    BUS,
    CHAMBER,
    DUE,
    PSU,
    SBP1,
    SHT4X,
    START,
    STATION,
    THERMOMETER,
    check,
    edit,
    events,
    lot,
    problems,
    run,
    sbp1_lot,
    sbp1_sockets,
    sht4x_lot,
    sht4x_sockets,
    write,
)
from ..run.climate import CLIMATE, bake, phase_of_tests, workspace

GRID = '[[phase]]\nkind = "grid"\nname = "g"\naxes = [{ set = { pressure = ["min", "max"] } }]\n'
COMPARED = GRID + 'measures = ["error"]\n'


def pressure_bench(
    root: Path, phases: str = COMPARED, station: str = "", **more: object
) -> Workspace:
    return write(root, phases, station or STATION + sbp1_sockets(4), **more)  # type: ignore[arg-type]


def changed(root: Path, *changes: tuple[str, str], phases: str = COMPARED) -> Workspace:
    there = pressure_bench(root, phases)
    edit(there.station_path, *changes)
    return there


def test_benches_that_are_in_order_are_accepted(tmp_path: Path) -> None:
    there = pressure_bench(tmp_path / "a")
    there.check_files()
    assert check_station(there.load_station()) == []
    assert check(there).units[0].serial == "26000001"
    check(workspace(tmp_path / "b", phase_of_tests("t")))


def test_all_problems_of_all_files_are_listed_at_once(tmp_path: Path) -> None:
    there = pressure_bench(tmp_path)
    edit(
        there.station_path,
        ("seed = 1", "sed = 1"),
        ('low = "-60 degC"', 'lo = "-60 degC"'),
        ('[bus.bus0]\nkind = "simulated"', '[bus.bus0]\nkind = "imaginary"'),
        (
            'model = "espec_p300"\nlink = { kind = "simulated" }',
            'model = "espec_p300"\nlink = { kind = "usb" }',
        ),
    )
    edit(there.part_path("sbp1"), ('nominal = "3.3 V"', 'nominal = "3.3"'))
    edit(there.lot_path("L1"), ('part = "sbp1"', 'prt = "sbp1"'))
    with pytest.raises(InputError) as refused:
        there.check_files()
    text = str(refused.value)
    for expected in (
        "station.toml: simulation.sed: unknown key; did you mean seed?",
        "station.toml: bench.temperature.lo: unknown key; did you mean low?",
        "station.toml: bus.bus0.kind: 'imaginary' is not allowed; allowed: 'simulated', 'linux'",
        "station.toml: instrument.chamber.link: 'usb' is not allowed",
        "sbp1.toml: range.supply.nominal: supply: '3.3' has no unit; a voltage is written in V, mV",
        "L1.toml: lot.part: is required",
        "L1.toml: lot.prt: unknown key; did you mean part?",
    ):
        assert expected in text, text
    assert text.startswith("7 problems:")


# -- what the run needs ----------------------------------------------------------------------------


def test_a_reference_that_is_used_must_not_be_expired(tmp_path: Path) -> None:
    there = changed(tmp_path, (f'certificate = "P-1"\ncalibration_due = {DUE}',
                               'certificate = "P-1"\ncalibration_due = 2026-05-31'))  # fmt: skip
    assert (
        "station.toml: instrument.pace.calibration_due: calibration was due on 2026-05-31; "
        "recalibrate it, or name another reference"
    ) in problems(there)


def test_a_reference_that_is_not_used_may_be_expired(tmp_path: Path) -> None:
    phases = (
        '[[phase]]\nkind = "grid"\nname = "g"\naxes = [{ set = { temperature = ["50 degC"] } }]\n'
    )
    there = changed(tmp_path, (f'certificate = "P-1"\ncalibration_due = {DUE}',
                               'certificate = "P-1"\ncalibration_due = 2026-05-31'),
                    phases=phases + 'measures = ["noise"]\n')  # fmt: skip
    check(there)
    # Who only looks at the files is told.
    (told,) = check_due(there.load_station(), START.date())
    assert told.key == "instrument.pace.calibration_due"


def test_a_reference_that_only_credits_hours_counts_as_used(tmp_path: Path) -> None:
    there = workspace(tmp_path, bake("100 h"))
    edit(there.station_path, (f"calibration_due = {DUE}", "calibration_due = 2026-06-03"))
    found = problems(there)
    assert "calibration is due on 2026-06-03, before the run ends on 2026-06-0" in found
    assert "(it takes 4 d" in found


def test_a_reference_without_a_due_date_is_none(tmp_path: Path) -> None:
    there = changed(tmp_path, (f'certificate = "P-1"\ncalibration_due = {DUE}\n', ""))
    assert (
        "instrument.pace.calibration_due: is required: pace.pressure is the reference of pressure"
    ) in problems(there)


@pytest.mark.parametrize(
    ("start", "accepted"),
    [
        # The bench's own date counts, not that of Greenwich.
        ("2026-11-27T01:00:00+08:00", False),
        ("2026-11-26T16:30:00-08:00", True),
        ("2026-11-26T23:00:00+08:00", True),
        ("2026-11-25T23:00:00-08:00", True),
    ],
)
def test_a_due_date_is_a_day_of_the_benchs_own_calendar(
    tmp_path: Path, start: str, accepted: bool
) -> None:
    there = changed(tmp_path, (DUE, "2026-11-26"))
    moment = datetime.fromisoformat(start)
    if accepted:
        check(there, moment)
    else:
        assert "calibration was due on 2026-11-26" in problems(there, moment)


def test_a_parameter_that_nothing_is_compared_with_is_refused(tmp_path: Path) -> None:
    """Humidity is set, and nobody says what it is."""
    station = CLIMATE + '\n[bench.humidity]\nset = "chamber.humidity"\n' + sht4x_sockets()
    part = SHT4X + (
        '\n[[parameter]]\nname = "humidity_error"\nmeasure = "error"\nchannel = "humidity"\n'
        'set = { humidity = "50 %RH" }\nlimits = { room = ["-3 %RH", "3 %RH"] }\n'
    )
    there = write(tmp_path, phase_of_tests("t"), station, {"sht4x": part}, {"H1": sht4x_lot()})
    assert (
        "station.toml: bench.humidity: humidity of the units is compared with a "
        "reference, and there "
        'is none: name a meter as `reference`, or believe the setpoint with reference = "set"'
    ) in problems(there)


def test_what_has_a_limit_and_is_moved_needs_a_reference(tmp_path: Path) -> None:
    there = changed(tmp_path, ('reference = "pace"\n', ""))
    assert "station.toml: bench.pressure: pressure of the units is compared" in problems(there)


def test_a_setpoint_may_be_believed(tmp_path: Path) -> None:
    there = changed(tmp_path, ('reference = "pace"', 'reference = "set"'))
    check(there)


def test_parts_are_not_read_where_a_wave_has_their_supply_off(tmp_path: Path) -> None:
    wave = '{ low = "off", high = "max", period = "20 min", shape = "square" }'
    there = pressure_bench(
        tmp_path,
        f'[[phase]]\nkind = "stress"\nname = "s"\nset = {{ supply = {wave} }}\nhours = "2 h"\n'
        'monitor = { every = "10 min", measures = ["error"] }\n',
    )
    told = problems(there)
    assert "supply goes off with its wave while units are read: give the wave a low" in told
    assert "supply is off while units are read" not in told


def test_a_measure_that_nobody_knows_is_told_once(tmp_path: Path) -> None:
    assert problems(changed(tmp_path, phases=GRID + 'measures = ["eror"]\n')).count("eror") == 1


def test_calibration_needs_a_part_with_a_memory(tmp_path: Path) -> None:
    bmp = SBP1.replace('"SBP1"', '"BMP280"').replace('"sbp1"', '"bmp280"')
    phases = (
        '[[phase]]\nkind = "grid"\nname = "fit"\naxes = [{ set = { pressure = ["min", "max"] } }]\n'
        '[[phase]]\nkind = "calibrate"\nname = "write"\nfit = "fit"\n'
    )
    socket = '\n[[socket]]\nid = "B"\nlink = { bus = "bus0", address = 0x76 }\n'
    there = write(tmp_path, phases, STATION + socket, {"bmp280": bmp},
                  {"B": lot("B", "bmp280", ["1"], ["B"])})  # fmt: skip
    assert "BMP280 has no memory for coefficients; use a check profile" in problems(there)


def test_a_ramp_slower_than_its_soaks_time_out_is_refused(tmp_path: Path) -> None:
    phases = (
        '[[phase]]\nkind = "grid"\nname = "g"\nrate = { temperature = "0.2 K/min" }\n'
        'axes = [{ set = { temperature = ["-40 degC", "125 degC"] } }]\n'
    )
    there = pressure_bench(tmp_path, phases)
    assert (
        "profile.toml: phase[1].soak: temperature: the way to 125 and its soak take 827 "
        "min, the soak's "
        "timeout is 240 min"
    ) in problems(there)


def test_a_rate_that_the_instrument_does_not_make_is_refused(tmp_path: Path) -> None:
    there = pressure_bench(tmp_path, GRID + 'rate = { pressure = "1 MPa/s" }\n')
    assert "phase[1].rate: pressure: this bench can do at most 10000 Pa/s" in problems(there)


IMU = (
    '[part]\nname = "IMU1"\ndriver = "lsm6dso"\n[range.supply]\nnominal = "1.8 V"\nmax = "3.6 V"\n'
    '[settings]\nfast = { rate = "6664 Hz" }\nslow = { rate = "52 Hz" }\n'
)


def imus(root: Path, count: int, settings: str, duration: str = "60 s") -> Workspace:
    """Write a bench of 77 sockets on one bus, behind multiplexers, and units that stream."""
    phases = (
        f'[[phase]]\nkind = "record"\nname = "r"\nduration = "{duration}"\n'
        f'settings = "{settings}"\n'
    )
    sockets = "".join(
        f'\n[[socket]]\nid = "S{n}"\nlink = {{ bus = "bus0", multiplexer = {0x70 + n // 16:#04x}, '
        f"channel = {n // 2 % 8}, address = {0x6A + n % 2:#04x} }}\n"
        for n in range(77)
    )
    station = BUS + '\n[bench.supply]\nfixed = "1.8 V"\n' + sockets
    serials = [f"IMU-{n:04d}" for n in range(count)]
    return write(root, phases, station, {"imu": IMU}, {"M": lot("M", "imu", serials)})


def test_a_stream_that_the_bus_can_not_carry_is_refused(tmp_path: Path) -> None:
    found = problems(imus(tmp_path / "a", 77, "fast"))
    assert "station.toml: bus.bus0: 77 streams need " in found
    assert "the bus carries 360 kbit/s: lower the rate, or use more or faster buses" in found
    # One of them alone is too much at this speed; at a hundredth of the rate a few are not.
    assert "bus.bus0: 1 streams need" in problems(imus(tmp_path / "b", 1, "fast"))
    check(imus(tmp_path / "c", 10, "slow"))


def test_simulated_parts_are_not_fed_by_a_real_supply(tmp_path: Path) -> None:
    there = workspace(tmp_path, phase_of_tests("t"))
    real = '{ kind = "tcp", host = "192.0.2.21", port = 5025 }'
    edit(there.station_path, (PSU.strip(), PSU.strip().replace('{ kind = "simulated" }', real)))
    assert (
        "station.toml: instrument.psu.link: is real, but the parts of this bench are simulated and "
        "would not feel its supply"
    ) in problems(there)


@pytest.mark.parametrize(
    ("phases", "expected"),
    [
        (GRID.replace('"max"', '"maximum"'), "or a word: min, max"),
        (GRID + 'settings = "raw"\n', "SBP1 has no [settings] raw; there are: none"),
        (phase_of_tests("t", '["tropical"]'), "SBP1 has no [condition] tropical"),
        (GRID + 'measures = ["eror"]\n', "'eror' is no measure; there are"),
        (GRID + 'units = "front"\n', "no unit is in the group 'front'; there are: none"),
        (GRID + 'at = "oven"\n', "'oven' is no place; there are: none, this station is one bench"),
        (GRID.replace("grid", "gird"), "'gird' is no kind of phase; allowed: calibrate, cycle"),
        (bake("1 h").replace("temperature", "temprature"), "did you mean temperature?"),
    ],
)
def test_words_that_nobody_defines_are_named(tmp_path: Path, phases: str, expected: str) -> None:
    assert expected in problems(pressure_bench(tmp_path, phases))


def test_two_parameters_of_one_name_are_refused(tmp_path: Path) -> None:
    again = SBP1[SBP1.index("[[parameter]]") :]
    there = pressure_bench(tmp_path, parts={"sbp1": SBP1 + again})
    assert "sbp1.toml: parameter[2].name: parameter pressure_error is there twice" in problems(
        there
    )


# -- lots ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["批次1", "LOT 1", "24/0817", "a:b*c", "…"])
def test_lots_are_called_as_customers_call_them(tmp_path: Path, name: str) -> None:
    there = pressure_bench(
        tmp_path, GRID + 'measures = ["noise"]\n', lots={"L1": sbp1_lot(1, name)}
    )
    outcome = run(there)
    assert outcome.root.parent == there.evidence
    assert {unit.lot for unit in outcome.assessment.units} == {name}


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ('serial = "26000001"', 'serial = "26000001"\nsocket = "A9"',
         "unit 26000001: socket 'A9' is not in station.toml; there are A1, A2, A3, A4"),
        ('serial = "26000002"', 'serial = "26000001"', "serial 26000001 is used by two units"),
        ('serial = "26000001"', 'serial = "ABC"',
         "lots/L1.toml: unit ABC: is no serial number of a sbp1, which look like [0-9]{8}"),
        ('part = "sbp1"', 'part = "sbp9"', "parts/sbp9.toml: is not there; there are: sbp1"),
    ],
)  # fmt: skip
def test_mistakes_in_a_lot_are_named(tmp_path: Path, old: str, new: str, expected: str) -> None:
    there = pressure_bench(tmp_path)
    edit(there.lot_path("L1"), (old, new))
    assert expected in problems(there)


def test_of_many_sockets_the_first_are_named(tmp_path: Path) -> None:
    there = pressure_bench(tmp_path, station=STATION + sbp1_sockets(12))
    edit(there.lot_path("L1"), ('serial = "26000001"', 'serial = "26000001"\nsocket = "B1"'))
    assert "there are A1, A2, A3, A4, A5, A6, A7, A8 and 4 more" in problems(there)


def test_a_part_that_fits_no_socket_is_refused(tmp_path: Path) -> None:
    there = write(tmp_path, phase_of_tests("t"), CLIMATE + sbp1_sockets(2), {"sht4x": SHT4X},
                  {"H1": sht4x_lot()})  # fmt: skip
    assert (
        "lots/H1.toml: unit: no socket of station.toml fits a sht4x: socket A1 has address 0x28, "
        "sht4x answers at 0x44, 0x45, 0x46"
    ) in problems(there)


# -- the station -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("channel = 1, address", "channel = 0, address",
         "socket A2: has the address 0x28 on bus0, mux 0x70 channel 0, which socket A1 has too"),
        ("address = 0x48", "address = 0x28",
         "instrument.thermometer.link.address: 0x28 is no address of a tmp117"),
        ('id = "A2"\nlink = { bus = "bus0"', 'id = "A2"\nlink = { bus = "bus1"',
         "socket A2: bus 'bus1' is not in station.toml; there are: bus0"),
        ('id = "A2"', 'id = "A1"', "socket A1: is there 2 times"),
        ('model = "espec_p300"', 'model = "espec_p400"',
         "instrument.chamber.model: 'espec_p400' is not known; there are"),
        ('set = "chamber.temperature"', 'set = "chamber.temp"',
         "bench.temperature.set: chamber has no member 'temp'; there are: temperature, humidity"),
        ('set = "chamber.temperature"', 'set = "oven"',
         "bench.temperature.set: 'oven' is no instrument of this station; there are: chamber"),
        ('set = "psu.out1"', 'set = "psu"',
         "bench.supply.set: psu has 3 members of supply; name one of psu.out1, psu.out2, psu.out3"),
        ('set = "psu.out1"', 'set = "dmm.voltage"', "bench.supply"),
        ('high = "155 degC"', 'high = "200 degC"',
         "bench.temperature.high: 200 degC is beyond the rating of "
         "chamber.temperature, -75 to 180"),
        ('high = "155 degC"', 'high = "-70 degC"', "bench.temperature.low: must be below high"),
        ('high = "155 degC"', 'high = "155 Pa"', "unit 'Pa' is not a temperature"),
        ('agree = "2 K"', 'agree = "2 V"', "temperature.agree: unit 'V' is not a temperature"),
        ('uncertainty = "8 Pa"', 'uncertainty = "8 K"', "instrument.pace.uncertainty: unit 'K'"),
        ("[bench.temperature]", "[bench.temprature]", "did you mean temperature?"),
        ("[bench.pressure]\nset", "[bench.pressure]\nfixed = '1 bar'\nset",
         "write set or fixed, not both"),
        ('model = "espec_p300"\n', 'model = "espec_p300"\ncolour = "red"\n',
         "instrument.chamber.colour: unknown key of a espec_p300; its options: address"),
        ('model = "druck_pace5000"\nlink = { kind = "simulated" }', 'model = "druck_pace5000"',
         "instrument.pace.link: is required; druck_pace5000 is reached over tcp or serial"),
        ('seed = 1', 'seed = 1\n[[simulation.fault]]\ndevice = "nobody"\nkind = "absent"',
         "simulation.fault: no lot has a unit nobody, and no instrument is called so"),
        ('seed = 1', 'seed = 1\n[[simulation.fault]]\ndevice = "chamber"\nkind = "tired"',
         "simulation.fault: chamber: fault 'tired' is not one of absent, alarm, identity"),
        ('seed = 1', 'seed = 1\nambient = { temprature = "5 degC" }', "did you mean temperature?"),
        ('seed = 1', 'seed = 1\nambient = { temperature = "5 V" }',
         "simulation.ambient.temperature: temperature: unit 'V' is not a temperature"),
        ('[simulation]\nseed = 1\n', "", "simulation: is required: a bus or an instrument is"),
    ],
)  # fmt: skip
def test_mistakes_in_a_station_are_named(tmp_path: Path, old: str, new: str, expected: str) -> None:
    assert expected in problems(changed(tmp_path, (old, new)))


@pytest.mark.parametrize(
    ("link", "expected"),
    [
        ('{ kind = "tcp", host = "192.0.2..20", port = 5025 }', "host"),
        ('{ kind = "tcp", host = "192.0.2.20", port = 99999 }', "port"),
        ('{ kind = "serial", port = "/dev/null", baud_rate = -9600 }', "baud_rate"),
        ('{ kind = "i2c", bus = "bus0", address = 0x99 }', "address"),
    ],
)
def test_addresses_that_can_not_be_are_named(tmp_path: Path, link: str, expected: str) -> None:
    there = changed(
        tmp_path, (CHAMBER.strip(), CHAMBER.strip().replace('{ kind = "simulated" }', link))
    )
    said = problems(there)
    for kind in ("tcp", "serial", "i2c"):
        said = said.replace(f"link.{kind}", "link")
    assert f"instrument.chamber.link.{expected}" in said


MIRROR = f"""
[instrument.mirror]
model = "michell_optidew"
link = {{{{ kind = "simulated" }}}}
certificate = "M-1"
calibration_due = {DUE}
uncertainty = "1 %RH"

[bench.humidity]
set = "chamber.humidity"
reference = "mirror.humidity"
{{lost}}
"""


@pytest.mark.parametrize("lost", ["", "lost = 5", 'lost = "8 min"'])
def test_a_meter_that_pauses_by_itself_may_not_count_as_lost_meanwhile(
    tmp_path: Path, lost: str
) -> None:
    station = CLIMATE + MIRROR.format(lost=lost)
    said = problems(workspace(tmp_path, bake(), station=station))
    assert (
        "bench.humidity.lost: mirror.humidity gives no reading for up to 480 s now and then, by "
        'itself, and would count as lost: write lost = "500 s" or more'
    ) in said


def test_a_meter_that_pauses_is_taken_with_enough_time(tmp_path: Path) -> None:
    station = CLIMATE + MIRROR.format(lost='lost = "10 min"')
    check(workspace(tmp_path, bake(), station=station))


def test_an_instrument_acts_for_one_only(tmp_path: Path) -> None:
    more = '\n[bench.supply.vddio]\nset = "psu.out1"\n'
    station = STATION.replace("[bench.supply]", "[bench.supply.vdd]") + more + sbp1_sockets(2)
    there = pressure_bench(tmp_path, GRID, station)
    assert "psu.out1 acts for bench.supply.vdd already" in problems(there)


def test_an_instrument_belongs_to_one_zone(tmp_path: Path) -> None:
    zones = "".join(
        f'\n[zone.{name}.bench.temperature]\nset = "chamber.temperature"\n'
        'reference = "thermometer"\n'
        for name in "ab"
    )
    station = BUS + CHAMBER + THERMOMETER + PSU + zones + sbp1_sockets(1, zone="a")
    there = pressure_bench(tmp_path, GRID, station)
    found = problems(there)
    assert "chamber belongs to zone a" in found or "acts for zone.a" in found


def test_sockets_may_stand_in_a_table(tmp_path: Path) -> None:
    station = 'socket = "sockets.csv"\n' + STATION
    there = pressure_bench(tmp_path, GRID, station)
    table = there.root / "sockets.csv"
    heading = "id,link.bus,link.multiplexer,link.channel,link.address\n"
    table.write_text("\ufeff" + heading + "A1,bus0,0x70,0,0x28\nA2,bus0,112,1,40\n")
    assert [s.id for s in there.load_station().socket] == ["A1", "A2"]
    assert there.load_station().socket[1].link.address == 0x28  # type: ignore[union-attr]
    check(there)
    table.write_text(heading + "A1,bus0,0x70,0\n")
    assert "sockets.csv: line 2: has 4 fields, and the heading has 5" in problems(there)
    table.write_text(heading + "A1,bus0,0x70,0,0x2G\n")
    assert "sockets.csv: line 2: link" in problems(there)
    table.unlink()
    assert "sockets.csv: can't be read" in problems(there)


def test_a_file_that_was_saved_by_another_program_is_read(tmp_path: Path) -> None:
    """Notepad and PowerShell put a byte order mark before the text."""
    there = pressure_bench(tmp_path)
    there.station_path.write_bytes(b"\xef\xbb\xbf" + there.station_path.read_bytes())
    check(there)


# -- devices of others -----------------------------------------------------------------------------


def test_a_colleagues_draft_is_named_and_left_out(tmp_path: Path) -> None:
    """An unfinished device.toml beside the others takes no command down."""
    ours = Path(catalog.__file__).parents[1] / "sensors"
    copy = tmp_path / "site" / "sensorbench" / "sensors"
    shutil.copytree(ours, copy)
    (copy / "draft").mkdir()
    (copy / "draft" / "device.toml").write_text('name = "draft"\n')
    there = pressure_bench(tmp_path / "bench")
    code = (
        f"import sys; sys.path.insert(0, {str(tmp_path / 'site')!r})\n"
        "sys.argv = ['sensorbench', 'check', 'profile.toml', '--lot', 'L1', '-w', "
        f"{str(there.root)!r}]\n"
        "from sensorbench.app.main import main; main()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "draft/device.toml" in done.stdout
    assert "is required; the device is left out" in done.stdout


def test_nothing_is_opened_and_nothing_written_to_check(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = pressure_bench(tmp_path)
    before = {path: path.read_bytes() for path in there.root.rglob("*") if path.is_file()}

    def never(*_: object, **__: object) -> None:
        raise AssertionError("was opened")

    monkeypatch.setattr("sensorbench.station.station.open_station", never)
    check(there)
    problems(changed(tmp_path / "b", ("[bench.pressure]", "[bench.presure]")))
    after = {path: path.read_bytes() for path in there.root.glob("*") if path.is_file()}
    assert all(before[path] == content for path, content in after.items())
    assert not there.evidence.exists()


def test_a_bench_of_one_watched_table_is_only_watched(tmp_path: Path) -> None:
    more = '\n[bench.supply_current]\nwatch = ["psu.current1"]\nhigh = "1 A"\n'
    there = pressure_bench(tmp_path, COMPARED, STATION + more + sbp1_sockets(2))
    outcome = run(there)
    watched = {row["address"] for row in events(outcome, "meters")[0].data["meters"]}
    assert "supply_current" in watched
    assert "supply_current" not in {e.data["address"] for e in events(outcome, "sent")}


def test_a_lot_with_mistakes_hides_none_of_its_part(tmp_path: Path) -> None:
    there = pressure_bench(tmp_path)
    edit(there.part_path("sbp1"), ('nominal = "3.3 V"', 'nominal = "3.3"'))
    edit(there.lot_path("L1"), ("[lot]", "[lot]\ncolour = 1"))
    with pytest.raises(InputError) as refused:
        load_job(there, "nothing", ["L1"])
    files = [problem.file for problem in refused.value.problems]
    assert files == ["profile", "lots/L1.toml", "parts/sbp1.toml"]


@pytest.mark.parametrize(
    ("right", "wrong", "said"),
    [
        ('agree = "2 K"', 'agree = "0 K"', "bench.temperature.agree: '0 K': must be above 0"),
        ('agree = "2 K"', 'agree = "-2 K"', "bench.temperature.agree: '-2 K': must be above 0"),
        ('gradient = "0.4 K"', 'gradient = "-1 K"',
         "bench.temperature.gradient: '-1 K': must be above 0"),
        ('uncertainty = "8 Pa"', 'uncertainty = "-8 Pa"',
         "instrument.pace.uncertainty: must be above 0"),
        ('uncertainty = "8 Pa"', 'uncertainty = "0 Pa"',
         "instrument.pace.uncertainty: must be above 0"),
    ],
)  # fmt: skip
def test_what_can_not_be_negative_is_refused(
    tmp_path: Path, right: str, wrong: str, said: str
) -> None:
    assert f"station.toml: {said}" in problems(changed(tmp_path, (right, wrong)))


def test_a_model_of_calibration_that_nobody_fits_is_refused(tmp_path: Path) -> None:
    there = pressure_bench(tmp_path)
    path = there.part_path("sbp1")
    path.write_text(f'{path.read_text()}\n[calibration]\nmodel = "spline"\n', encoding="utf-8")
    assert "parts/sbp1.toml: calibration.model: 'spline' is not allowed" in problems(there)


def test_rows_of_nothing_that_a_spreadsheet_leaves_are_none(tmp_path: Path) -> None:
    there = pressure_bench(tmp_path)
    (there.root / "lots" / "units.csv").write_text("serial,socket\n26000001,S01\n,\n , \n")
    there.lot_path("L1").write_text('unit = "units.csv"\n\n[lot]\nid = "L1"\npart = "sbp1"\n')
    assert [unit.serial for unit in there.load_lot("L1").unit] == ["26000001"]


def test_what_a_part_needs_of_the_machine_is_there_before_it_is_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    part = IMU.replace('"lsm6dso"', '"bmi270"').replace("[settings]\n", "").partition("fast")[0]
    phases = '[[phase]]\nkind = "record"\nname = "r"\nduration = "10 s"\n'
    socket = '\n[[socket]]\nid = "S"\nlink = { bus = "bus0", address = 0x68 }\n'
    station = BUS + '\n[bench.supply]\nfixed = "1.8 V"\n' + socket
    real = station.replace('kind = "simulated"', 'kind = "linux"\ndevice = "/dev/i2c-1"')
    real = real.replace("[simulation]\nseed = 1\n", "")
    units = {"M": lot("M", "imu", ["IMU-1"])}
    check(write(tmp_path / "a", phases, station, {"imu": part}, units))  # a twin needs none
    monkeypatch.setenv("SENSORBENCH_BMI270_IMAGE", str(tmp_path / "gone.bin"))
    found = problems(write(tmp_path / "b", phases, real, {"imu": part}, units))
    assert "lots/M.toml: part: a bmi270 can't be used here: can't be read" in found
    (tmp_path / "gone.bin").write_bytes(bytes(range(256)) * 32)
    check(write(tmp_path / "c", phases, real, {"imu": part}, units))
