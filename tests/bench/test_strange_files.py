"""Files that nobody meant to write: told in words, with the file, never as a fault of ours."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from sensorbench.app.commands import report
from sensorbench.app.commands.check import check_workspace
from sensorbench.app.commands.common import find_run
from sensorbench.app.commands.init import init_workspace
from sensorbench.app.commands.runs import list_runs
from sensorbench.app.commands.verify import verify_runs
from sensorbench.core.documents import read_text
from sensorbench.core.errors import InputError
from sensorbench.station.preflight import preflight
from sensorbench.station.workspace import Workspace, load_job

from ..workspaces import SBP1, STATION, check, edit, problems, sbp1_lot, sbp1_sockets, write

GRID = """
[[phase]]
kind = "grid"
name = "g"
axes = [{ set = { pressure = ["50 kPa"] } }]
measures = ["value"]
"""
COIL = """
[instrument.coil]
model = "helmholtz_coil"
members = { x = "psu.out2" }
resistance = "2.4 ohm"
constant = CONSTANT

[bench.magnetic_field]
set = "coil"
"""


@pytest.mark.parametrize("constant", ['["a"]', '{ z = { low = "1 V" } }', "5", "true"])
def test_options_of_the_wrong_type_are_named(tmp_path: Path, constant: str) -> None:
    station = STATION + COIL.replace("CONSTANT", constant) + sbp1_sockets(4)
    assert "instrument.coil" in problems(write(tmp_path, GRID, station))


@pytest.mark.parametrize(
    ("toml", "said"),
    [
        (f"seed = {'1' * 5000}", "a number is too long"),
        (f"seed = {'[' * 3000}{']' * 3000}", "too deep in one another"),
        (f"[{'.'.join(['a'] * 300)}]\nb = 1", "deeper in one another than 50"),
    ],
)
def test_toml_beyond_all_measure_is_refused(tmp_path: Path, toml: str, said: str) -> None:
    there = write(tmp_path, GRID)
    there.station_path.write_text(toml, encoding="utf-8")
    with pytest.raises(InputError, match=said):
        there.load_station()


def test_a_name_that_no_file_can_have_is_not_there(tmp_path: Path) -> None:
    long = "x" * 300
    there = write(tmp_path, GRID, lots={"L1": sbp1_lot().replace('"sbp1"', f'"{long}"')})
    assert "is not there" in problems(there)
    nul = sbp1_lot().split("[[unit]]")[0] + 'unit = "a\\u0000"\n'
    (tmp_path / "lots" / "L1.toml").write_text('unit = "a\\u0000"\n' + nul.partition("unit")[0])
    with pytest.raises(InputError, match="can't be read"):
        there.load_lot("L1")


@pytest.mark.parametrize(
    ("heading", "said"),
    [
        ("id|link.bus|link.address", "not separated by commas"),
        ("id;link.bus;link.address", "line 2: has 1 field, and the heading has 3"),
        ("id,id,link.bus", "'id' is there twice"),
        ("id,link,link.bus", "'link' can't have a value"),
        ("id,link.bus.x,link.bus", "'link.bus' can't have a value"),
    ],
)
def test_a_table_with_a_wrong_heading_is_named(tmp_path: Path, heading: str, said: str) -> None:
    there = write(tmp_path, GRID)
    edit(there.station_path, ("[station]", 'socket = "sockets.csv"\n\n[station]'))
    text = there.station_path.read_text(encoding="utf-8").split("[[socket]]")[0]
    there.station_path.write_text(text, encoding="utf-8")
    (tmp_path / "sockets.csv").write_text(f"{heading}\nA,x,bus0\n", encoding="utf-8")
    with pytest.raises(InputError) as refused:
        there.load_station()
    assert "sockets.csv" in str(refused.value)
    assert said in str(refused.value)


def units_of(there: Workspace, content: bytes | str) -> str:
    """Let the units of a lot be a CSV file; return what is wrong, "" if nothing is."""
    data = content if isinstance(content, bytes) else content.encode()
    (there.root / "lots" / "units.csv").write_bytes(data)
    lot = 'unit = "units.csv"\n[lot]\nid = "l"\npart = "sbp1"\n'
    (there.root / "lots" / "l.toml").write_text(lot, encoding="utf-8")
    try:
        job = load_job(there, "profile.toml", ("l",))
        preflight(job, datetime(2026, 6, 1, tzinfo=UTC))
    except InputError as error:
        return "\n".join(map(str, error.problems))
    return ""


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "lots/units.csv: is empty"),
        ("serial,socket\n", "lots/units.csv: has no row below its heading"),
        ("26000001,A1\n26000002,A2\n", "lots/units.csv: line 1: names no column that is known: "
         "it has 26000001, A1. The first line is the names of the columns, from group, serial,"),
        ("SN,Position\n26000001,A1\n", "line 1: names no column that is known"),
        ("Serial,socket\n26000001,A1\n", "line 1: column 'Serial': unknown key; did you mean ser"),
        ("serial,socket,note\n26000001,A1,x\n", "line 1: column 'note': unknown key; allowed"),
        (b"PK\x03\x04\x14\0", "lots/units.csv: is a zipped file, as .xlsx"),
        (b"PK\x03\x04xx", "lots/units.csv: is a zipped file, as .xlsx"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1", "lots/units.csv: is an .xls"),
        ("<html><table>", "lots/units.csv: is a page of HTML"),
        ("serial,socket\n26000001,A1\n".encode("utf-32"), "is UTF-32 text: save it as UTF-8"),
        ("serial,socket\n26000001,A1\n".encode("utf-32-be"), "is UTF-32 text"),
        ("serial,socket\n26000001,A1\n".encode("utf-32-le"), "is UTF-32 text"),
        ("serial,socket\n26000001,A1\n".encode("utf-16-le"), "is UTF-16 text"),
        ("serial,socket\n\n\n26000001\n", "lots/units.csv: line 4: has 1 field, and the head"),
        ('serial,"soc\nket"\n', "line 1: column 'soc\\nket': unknown key"),
        ('serial,group,socket\n26000001,"a\nb",A1\n\n9,,A2\n',
         "lots/units.csv: line 5: unit 9: is no serial number of a sbp1"),
        ("serial,socket\n26000001,A1\n,\n26000001,A2\n",
         "lots/units.csv: line 4: serial: serial 26000001 is used by two units"),
        ("serial,socket\n26000001,Z9\n", "lots/units.csv: line 2: unit 26000001: socket 'Z9'"),
    ],
)  # fmt: skip
def test_what_is_wrong_in_a_table_is_told_by_its_file_and_line(
    tmp_path: Path, content: bytes | str, said: str
) -> None:
    found = units_of(write(tmp_path, GRID), content)
    assert said in found
    assert "l.toml" not in found
    assert found.count(".csv: ") == 1


@pytest.mark.parametrize(
    "content",
    [
        "serial;socket\n26000001;A1\n26000002;A2\n",
        "serial\tsocket\r\n26000001\tA1\r\n26000002\tA2\r\n",
        "sep=;\r\nserial;socket\r\n26000001;A1\r\n26000002;A2\r\n",
        "sep=\t\nserial\tsocket\n26000001\tA1\n26000002\tA2\n",
        "serial,socket,,\n26000001,A1,,\n26000002,A2,,\n,,,\n",
        "serial,socket\n26000001,A1,\n26000002,A2, ,\n",
        '"serial";"socket"\n"26000001";"A1"\n"26000002";"A2"\n',
    ],
)
def test_tables_are_read_as_spreadsheets_of_any_country_save_them(
    tmp_path: Path, content: str
) -> None:
    there = write(tmp_path, GRID)
    assert units_of(there, content) == ""
    assert [(u.serial, u.socket) for u in there.load_lot("l").unit] == [
        ("26000001", "A1"), ("26000002", "A2")
    ]  # fmt: skip


@pytest.mark.parametrize("there", ["pipe", "device"])
@pytest.mark.skipif(os.name != "posix", reason="POSIX has them as files")
def test_what_never_ends_is_not_read(tmp_path: Path, there: str) -> None:
    path = tmp_path / "units.csv"
    if there == "pipe":
        os.mkfifo(path)
    else:
        path.symlink_to("/dev/zero")
    with pytest.raises(InputError, match="it is a device or a pipe, not a file"):
        read_text(path, "lots/units.csv")


def test_a_socket_of_a_table_is_told_by_its_line(tmp_path: Path) -> None:
    there = write(tmp_path, GRID)
    text = there.station_path.read_text(encoding="utf-8").split("[[socket]]")[0]
    there.station_path.write_text('socket = "sockets.csv"\n' + text, encoding="utf-8")
    (tmp_path / "sockets.csv").write_text(
        "id,link.bus,link.multiplexer,link.channel,link.address\n"
        "A1,bus0,0x70,0,0x28\n\nA1,bus7,0x70,1,0x28\nA3,bus0,0x70,9,0x28\n",
        encoding="utf-8",
    )
    with pytest.raises(InputError) as refused:
        load_job(there, "profile.toml", ("L1",))
    found = [(p.file, p.key) for p in refused.value.problems]
    assert ("sockets.csv", "line 5: link.channel") in found
    (tmp_path / "sockets.csv").write_text(
        "id,link.bus,link.multiplexer,link.channel,link.address\n"
        "A1,bus0,0x70,0,0x28\n\nA2,bus7,0x70,1,0x28\n",
        encoding="utf-8",
    )
    with pytest.raises(InputError, match=r"sockets\.csv: line 4: socket A2: bus 'bus7' is not in"):
        load_job(there, "profile.toml", ("L1",))


def test_a_misspelt_member_has_no_uncertainty(tmp_path: Path) -> None:
    there = write(tmp_path, GRID)
    edit(there.station_path, ('uncertainty = "8 Pa"', 'uncertainty = { presure = "8 Pa" }'))
    said = "instrument.pace.uncertainty.presure: druck_pace5000 has no 'presure'; it has pressure"
    assert said in problems(there)


def test_steps_beyond_what_a_part_measures_are_not_judged_by_its_readings(tmp_path: Path) -> None:
    steps = (
        '[[phase]]\nkind = "steps"\nname = "s"\nset = { pressure = ["100 kPa", "125 kPa"] }\n'
        'dwell = "1 s"\n'
    )
    said = "pressure = 125 kPa is beyond what SBP1 measures, 20 kPa to 120 kPa"
    assert said in problems(write(tmp_path / "a", steps))
    check(write(tmp_path / "b", steps + 'test = { after = ["room"] }\n'))


@pytest.mark.parametrize("high", ["[]", "[[]]", '["60 kPa"]'])
def test_a_wave_goes_between_plain_values(tmp_path: Path, high: str) -> None:
    wave = f'set = {{ pressure = {{ low = "30 kPa", high = {high}, period = "2 s" }} }}'
    phases = f'[[phase]]\nkind = "stress"\nname = "s"\n{wave}\nhours = "1 h"\n'
    assert "a wave goes between two plain values" in problems(write(tmp_path, phases))


@pytest.mark.parametrize(
    ("file", "change"),
    [
        ("run.json", {"lots": 5}),
        ("run.json", {"lots": None}),
        ("journal.jsonl", {"kind": "run_ended", "data": []}),
        ("journal.jsonl", {"kind": "run_ended", "data": {"state": "parked", "reason": "x"}}),
    ],
)
def test_a_damaged_run_hides_no_other(
    run_copy: Path, capsys: pytest.CaptureFixture[str], file: str, change: dict[str, object]
) -> None:
    (run_copy / "seal.json").unlink()
    path = run_copy / file
    if file == "run.json":
        path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    else:
        path.write_text(path.read_text() + json.dumps(change) + "\n")
    evidence = run_copy.parent / "ws" / "evidence"
    evidence.mkdir(parents=True)
    run_copy.rename(evidence / run_copy.name)
    list_runs(evidence.parent, as_json=True)
    (row,) = json.loads(capsys.readouterr().out)
    assert row["run"] == run_copy.name


def test_a_link_that_leads_nowhere_is_named(
    run_copy: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The disk with a run's evidence is not there: that is no workspace without the run."""
    evidence = run_copy.parent / "ws" / "evidence"
    evidence.mkdir(parents=True)
    run_copy.rename(evidence / run_copy.name)
    (evidence / "SIM-gone").symlink_to("/mnt/archive/SIM-gone")
    list_runs(evidence.parent, as_json=False)
    shown = capsys.readouterr()
    assert "SIM-gone" in shown.out
    assert "SIM-gone is a link to /mnt/archive/SIM-gone, which is not there" in shown.err
    for name in ("SIM-gone", "SIM-g", str(evidence / "SIM-gone")):
        with pytest.raises(InputError, match="is a link to /mnt/archive/SIM-gone, which is not"):
            find_run(Workspace(evidence.parent), name)
    assert verify_runs(evidence.parent, [str(evidence)], as_json=False) == 1
    out = capsys.readouterr().out
    assert "SIM-gone" in out
    assert "whole: every digest matches" in out


def test_a_report_is_named_after_the_run_wherever_its_folder_is(
    run_copy: Path, tmp_path: Path
) -> None:
    number = run_id_of(run_copy)
    moved = run_copy.rename(tmp_path / "copy of run")
    written = report.write([moved], ["html"], tmp_path / "reports")
    assert [path.name for path in written.values()] == [f"report-{number}.html"]


def run_id_of(root: Path) -> str:
    return str(json.loads((root / "run.json").read_text(encoding="utf-8"))["run_id"])


def test_a_group_that_is_watched_says_nothing_of_the_others(tmp_path: Path) -> None:
    """Units that a record did not read are not blamed for it."""
    from ..workspaces import run  # noqa: PLC0415

    head, first, second, *rest = sbp1_lot(2).split("[[unit]]")
    lots = {"L1": f'{head}[[unit]]{first}group = "a"\n[[unit]]{second}group = "b"\n'}
    record = (
        '[[phase]]\nkind = "record"\nname = "r"\nunits = "a"\nduration = "30 s"\nevery = "10 s"\n'
    )
    outcome = run(write(tmp_path, record + GRID.replace('["value"]', "[]"), lots=lots))
    found = {r.serial for r in outcome.assessment.results if r.phase == "r"}
    assert found == {"26000001"}
    assert not rest


def test_what_is_still_on_its_way_is_waited_for_by_who_reads_next(tmp_path: Path) -> None:
    """A response leaves a temperature moving; the grid after it waits for that, too."""
    response = (
        '[[phase]]\nkind = "response"\nname = "r"\nset = { temperature = ["25 degC", "60 degC"] }\n'
        'duration = "1 min"\nevery = "10 s"\n'
    )
    schedule = check(write(tmp_path, response + GRID, parts={"sbp1": SBP1}))
    grid = [step.action for step in schedule.steps if step.phase == "g"]
    settles = [action for action in grid if hasattr(action, "bands")]
    assert settles
    assert any(
        band.address == "temperature" and band.target == 60.0
        for action in settles
        for band in action.bands
    )


@pytest.mark.parametrize("folder", ["lots", "parts", "profiles"])
@pytest.mark.parametrize("name", ["._first.toml", ".#first.toml", "~$first.toml", "old.toml/"])
def test_what_other_programs_leave_beside_the_files_of_a_workspace_is_none_of_them(
    tmp_path: Path, folder: str, name: str
) -> None:
    root = tmp_path / "bench"
    init_workspace(root)
    (root / folder).mkdir(exist_ok=True)
    if name.endswith("/"):
        (root / folder / name).mkdir()
    else:
        (root / folder / name).write_bytes(b"\x00\x05\x16\x07")
    check_workspace(root, None, (), (), "", "", as_json=False)


def test_a_file_that_is_there_and_can_t_be_read_is_told(tmp_path: Path) -> None:
    root = tmp_path / "bench"
    init_workspace(root)
    (root / "lots" / "second.toml").write_bytes(b"\x00\x05\x16\x07")
    with pytest.raises(InputError, match=r"lots/second\.toml: is"):
        check_workspace(root, None, (), (), "", "", as_json=False)
