"""The command line for programs and at a terminal: JSON of errors too, Tab, progress, entries."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
from rich.cells import cell_len
from typer.main import get_command

from sensorbench.app.commands import guard
from sensorbench.app.commands.common import quoted
from sensorbench.app.commands.init import init_workspace
from sensorbench.app.demo import write_demo
from sensorbench.app.display import fitted, head, when
from sensorbench.app.main import app, main
from sensorbench.core.errors import InputError
from sensorbench.evidence.run import RunReader
from sensorbench.run.execute import Outcome
from sensorbench.station.workspace import Workspace, load_job

Typed = tuple[int, str, str]


def typed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *words: str
) -> Typed:
    """Type a command; return its exit code, what it printed, and what it said beside it."""
    monkeypatch.setattr(sys, "argv", ["sensorbench", *words])
    code: Any = 0
    try:
        main()
    except SystemExit as end:
        code = end.code or 0
    shown = capsys.readouterr()
    return code, shown.out, shown.err


# -- JSON ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["run", "nothing"], 2), (["run"], 2), (["run", "--lots", "x"], 2), (["nothing"], 2),
        (["resume", "nothing"], 2), (["attach", "nothing", "p", "f"], 2), (["show", "nothing"], 2),
        (["show", "nothing", "--csv"], 2), (["show", "nothing", "--entry", "x"], 2),
        (["seal", "nothing"], 2),
        (["report", "nothing"], 2), (["verify", "nothing"], 2), (["check", "nothing"], 2),
        (["profiles", "show", "nothing"], 2), (["init", "."], 2), (["new", "nothing", "x"], 2),
        (["check-device", "nothing"], 2), (["simulate", "--speed", "0"], 2),
        (["demo", ".", "--units", "0"], 2), (["devices", "--nothing"], 2), (["runs", "x"], 2),
    ],
    ids=lambda words: " ".join(words) if isinstance(words, list) else "",
)  # fmt: skip
def test_every_command_tells_its_errors_as_json(
    words: list[str], code: int, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    init_workspace(tmp_path / "bench")
    monkeypatch.chdir(tmp_path / "bench")
    capsys.readouterr()
    came, out, err = typed(monkeypatch, capsys, *words, "--json")
    told = json.loads(out)
    assert (came, told["exit_code"], told["ok"]) == (code, code, False)
    assert told["text"]
    assert told["text"].splitlines()[0] in err


def test_problems_are_told_one_by_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    init_workspace(tmp_path / "bench")
    station = tmp_path / "bench" / "station.toml"
    station.write_text(station.read_text().replace("seed = 1", "seed = 1.5\nsede = 1"))
    capsys.readouterr()
    _, out, _ = typed(monkeypatch, capsys, "check", "--json", "-w", str(tmp_path / "bench"))
    assert {(p["file"], p["key"]) for p in json.loads(out)["problems"]} == {
        ("station.toml", "simulation.seed"), ("station.toml", "simulation.sede")
    }  # fmt: skip


def test_numbers_are_numbers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _, out, _ = typed(monkeypatch, capsys, "init", str(tmp_path / "bench"), "--json")
    assert ".gitattributes" in json.loads(out)["wrote"]
    _, out, _ = typed(
        monkeypatch, capsys, "check", "calibration/pressure_temperature", "--lot", "first",
        "-w", str(tmp_path / "bench"), "--json",
    )  # fmt: skip
    plan = json.loads(out)
    assert isinstance(plan["takes_s"], float)
    assert plan["sets"] == ["pressure", "supply", "temperature"]
    _, out, _ = typed(monkeypatch, capsys, "devices", "--json")
    (sbp1,) = [device for device in json.loads(out) if device["name"] == "sbp1"]
    assert sbp1["addresses"] == [0x28, 0x29, 0x2A, 0x2B]


def test_what_a_device_owes_is_told_as_json(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, _ = typed(monkeypatch, capsys, "check-device", "tmp117", "--json")
    told = json.loads(out)
    assert (code, told["missing"]) == (0, 0)
    assert told["kept"] == len(told["claims"])


def test_a_run_tells_programs_where_its_evidence_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_demo(tmp_path, 1, date(2026, 6, 1), units=1)
    profile = "profiles/short_calibration.toml"
    code, out, _ = typed(
        monkeypatch, capsys, "run", profile, "--lot", "sbp1", "-w", str(tmp_path), "--json"
    )
    told = json.loads(out)
    assert (code, told["parked"], told["unsafe"]) == (0, None, [])
    assert (Path(told["evidence"]) / "seal.json").is_file()


@pytest.mark.parametrize("words", [["runs"], ["devices"], ["safe"], ["check"], ["alarm"]])
def test_a_workspace_where_none_is_taken_is_told_how_it_is_given(
    words: list[str], tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    init_workspace(tmp_path / "my bench")
    monkeypatch.chdir(tmp_path)
    capsys.readouterr()
    code, _, err = typed(monkeypatch, capsys, *words, "my bench")
    assert code == 2
    assert "is a workspace" in err
    assert f"-w {quoted('my bench')}" in err


def test_a_word_too_many_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code, _, err = typed(monkeypatch, capsys, "devices", "bmp280")
    assert (code, "there is no place for bmp280" in err) == (2, True)


def commands(found: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    for name, command in getattr(found, "commands", {}).items():
        yield f"{path} {name}".strip(), command
        yield from commands(command, f"{path} {name}")


@pytest.mark.parametrize(("name", "command"), list(commands(get_command(app))))
def test_every_command_takes_json(name: str, command: Any) -> None:
    assert any("--json" in option.opts for option in command.params), name


def test_what_the_guard_did_is_a_line_of_json(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(guard, "look", lambda *_: ["run-1 had no watchdog: one was started"])
    code, out, err = typed(monkeypatch, capsys, "guard", "--once", "--json")
    assert (code, err) == (0, "")
    assert json.loads(out) == {"text": "run-1 had no watchdog: one was started"}


# -- an entry of the journal -----------------------------------------------------------------------


def readout(run: RunReader) -> int:
    return next(e.seq for e in run.events("readout") if e.data.get("frames"))


def test_an_entry_is_shown_with_its_raw_readings(
    made_run: Outcome, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run = RunReader(made_run.root)
    number = readout(run)
    event = next(e for e in run.events() if e.seq == number)
    where = [str(made_run.root), "--entry", str(number)]
    code, out, _ = typed(monkeypatch, capsys, "show", *where)
    assert code == 0
    assert out.startswith("SIMULATED - NOT A MEASUREMENT")
    assert f"entry #{number}: readout" in out
    _, out, _ = typed(monkeypatch, capsys, "show", *where, "--json")
    told = json.loads(out)
    assert told["seq"] == number
    for stream in run.streams_of(event):
        found = told["readings"][stream]
        assert [c["name"] for c in found["columns"]] == [c.name for c in run.columns(stream)]
        assert len(found["rows"]) == len(run.values(event, stream))
    _, out, err = typed(monkeypatch, capsys, "show", *where, "--csv")
    rows = list(csv.reader(io.StringIO(out.split("\n\n")[0])))
    first = run.streams_of(event)[0]
    assert len(rows) == 1 + len(run.values(event, first))
    assert float(rows[1][-1] or "nan") == pytest.approx(
        run.values(event, first)[0][-1], nan_ok=True
    )
    assert "SIMULATED" in err


def test_an_entry_names_the_units_and_meters_of_its_readings(
    made_run: Outcome, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run = RunReader(made_run.root)
    where = [str(made_run.root), "--entry", str(readout(run))]
    _, out, _ = typed(monkeypatch, capsys, "show", *where, "--csv")
    tables = [list(csv.DictReader(io.StringIO(table))) for table in out.split("\n\n")]
    schedule = json.loads(run.input_text("schedule.json"))
    units = {row["unit"] for table in tables for row in table if "unit" in row}
    assert units
    assert units <= {unit["serial"] for unit in schedule["units"]}
    (told,) = run.events("meters")
    meters = {row["meter"] for table in tables for row in table if "meter" in row}
    assert meters
    assert meters <= {f"{m['name']} ({m['unit']})" for m in told.data["meters"]}
    _, shown, _ = typed(monkeypatch, capsys, "show", *where)
    assert all(name in shown for name in units | meters)
    _, out, _ = typed(monkeypatch, capsys, "show", *where, "--json")
    assert units <= set(json.loads(out)["names"]["unit"])


@pytest.mark.parametrize("name", ["run.json", "journal.jsonl", "inputs/station.toml"])
def test_a_file_of_a_run_means_the_run_or_is_told_to_be_none(
    made_run: Outcome, name: str,
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    code, out, err = typed(monkeypatch, capsys, "verify", str(made_run.root / name))
    if "/" in name:
        assert code == 2
        assert "is a file, no run: a run is a folder of evidence" in err
    else:
        assert code == 0
        assert "whole: every digest matches" in out


def test_a_report_into_a_file_is_refused_in_words(
    made_run: Outcome, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    (tmp_path / "there").write_text("")
    asked = ("report", str(made_run.root), "--output", str(tmp_path / "there"))
    code, _, err = typed(monkeypatch, capsys, *asked)
    assert code == 2
    assert "is a file where a folder should be" in err


def test_an_entry_is_shown_in_words_of_people(
    made_run: Outcome, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shown = ""
    events = list(RunReader(made_run.root).events())
    kinds = {event.kind: event.seq for event in events}
    for number in kinds.values():
        where = [str(made_run.root), "--entry", str(number)]
        _, out, _ = typed(monkeypatch, capsys, "show", *where)
        shown += out
    for odd in ("None", "True", "False", ": nan", "nothing", "[]", "{}", "00000001", "99999999"):
        assert odd not in shown, odd
    assert not re.search(r": *$", shown.replace("rows", ""), re.MULTILINE)
    code, _, err = typed(monkeypatch, capsys, "show", str(made_run.root), "--entry", "0", "--csv")
    assert code == 2
    assert "has no readings, it is of the kind" in err


def test_an_entry_that_is_not_there_names_those_that_are(
    made_run: Outcome, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code, _, err = typed(monkeypatch, capsys, "show", str(made_run.root), "--entry", "99999")
    assert code == 2
    assert f"entries are 0 to {len(list(RunReader(made_run.root).events())) - 1}" in err


# -- Tab -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("run aec_q100/b1", "aec_q100/b1_htol"),
        ("run profiles/", "profiles/short_calibration.toml"),
        ("check x --lot sb", "sbp1"), ("show SIM", "SIM-"), ("verify SIM", "SIM-"),
        ("read sb", "sbp1"), ("read S0", "S001"), ("read S001 --part bm", "bmp280"),
        ("read S001 --format c", "csv"), ("report x --lang z", "zh"),
        ("report x --lang en,z", "en,zh"), ("report x --format html,p", "html,pdf"),
        ("report SIM", "SIM-"), ("check-device tmp", "tmp117"), ("new se", "sensor"),
    ],
)  # fmt: skip
def test_tab_knows_profiles_lots_runs_and_devices(
    made_run: Outcome, words: str, found: str
) -> None:
    typed_words = f"sensorbench {words}"
    done = subprocess.run(
        [sys.executable, "-c", "import sys; sys.argv[0] = 'sensorbench'\n"
         "from sensorbench.app.main import main; main()"],
        env={**os.environ, "_SENSORBENCH_COMPLETE": "complete_bash", "COMP_WORDS": typed_words,
             "COMP_CWORD": str(len(typed_words.split()) - 1)},
        cwd=made_run.root.parents[1], capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert any(line.startswith(found) for line in done.stdout.splitlines()), done.stderr


# -- progress --------------------------------------------------------------------------------------

FRIDAY = datetime(2026, 3, 6, 18, 0)  # noqa: DTZ001 - the bench's own time


@pytest.mark.parametrize(
    "title", ["B1", "Calibration over pressure and temperature", "压力温度校准" * 5]
)
@pytest.mark.parametrize("left_s", [5.0, 5400.0, 6_120_000.0])
@pytest.mark.parametrize("width", [60, 79, 119])
def test_eighty_columns_have_bar_share_time_left_and_when_it_ends(
    title: str, left_s: float, width: int
) -> None:
    line = head(title, 0.42, when(left_s, FRIDAY), width)
    assert cell_len(line) <= width
    assert "█" in line
    assert " 42 % " in line
    assert " left, ends " in line
    assert line.endswith(f"{when(left_s, FRIDAY)[-5:]}")


def test_an_end_on_another_day_has_its_date() -> None:
    assert when(60.0, FRIDAY) == "1 min left, ends 18:01"
    assert when(10 * 3600.0, FRIDAY) == "10 h left, ends Sat 7 Mar 04:00"
    assert when(None, FRIDAY) == ""


def test_what_does_not_fit_is_cut_with_a_mark() -> None:
    assert fitted("0123456789", 10) == "0123456789"
    assert fitted("0123456789", 9) == "01234567…"
    assert cell_len(fitted("温度温度温度", 8)) <= 8


# -- where and how things are called ---------------------------------------------------------------


def test_a_lot_is_found_by_the_name_that_the_customer_gave_it(tmp_path: Path) -> None:
    init_workspace(tmp_path / "my bench")
    workspace = Workspace(tmp_path / "my bench")
    first = workspace.lot_path("first")
    for number, name in enumerate(("批次1", "LOT 1", "24/0817")):
        text = first.read_text().replace('id = "first"', f'id = "{name}"')
        (first.parent / f"{number}.toml").write_text(text, encoding="utf-8")
        assert workspace.load_lot(name).lot.id == name
    with pytest.raises(InputError, match=r"lots/25\.toml: is not there"):
        workspace.load_lot("25")


def test_lots_whose_names_differ_in_a_blank_are_both_kept_in_the_evidence(tmp_path: Path) -> None:
    init_workspace(tmp_path / "bench")
    lots = tmp_path / "bench" / "lots"
    for name, serial in (("LOT 1", "26000001"), ("LOT-1", "26000002")):
        text = f'[lot]\nid = "{name}"\npart = "sbp1"\n[[unit]]\nserial = "{serial}"\n'
        (lots / f"{name}.toml").write_text(text)
    (lots / "first.toml").unlink()
    profile = "calibration/pressure_temperature"
    job = load_job(Workspace(tmp_path / "bench"), profile, ["LOT 1", "LOT-1"])
    kept = [data for name, data in job.inputs.items() if name.startswith("lot-")]
    assert {b"26000001" in data for data in kept} == {True, False}
    assert len([name for name in job.inputs if name.startswith("part-")]) == 1


def test_commands_that_are_shown_can_be_pasted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _, out, _ = typed(monkeypatch, capsys, "init", str(tmp_path / "my bench"))
    assert f"cd '{tmp_path}/my bench'" in out
    assert quoted("bench") == "bench"
    assert quoted(Path("-bench")) == "./-bench"  # `cd -bench` would be an option


@pytest.mark.parametrize(
    ("there", "said"),
    [
        ("notes.txt", "is not empty; give a new folder. There are notes.txt"),
        ("station.toml", "is a workspace already"),
    ],
)
def test_init_says_what_is_in_the_way(tmp_path: Path, there: str, said: str) -> None:
    (tmp_path / there).write_text("")
    with pytest.raises(InputError, match=said):
        init_workspace(tmp_path)


def test_init_is_refused_inside_of_a_workspace_and_on_a_file(tmp_path: Path) -> None:
    init_workspace(tmp_path / "bench")
    with pytest.raises(InputError, match="would be inside of the workspace"):
        init_workspace(tmp_path / "bench" / "evidence" / "new")
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="is a file; give a new folder"):
        init_workspace(tmp_path / "file")


def test_init_does_not_mind_what_file_managers_left(tmp_path: Path) -> None:
    (tmp_path / ".DS_Store").write_bytes(b"x")
    init_workspace(tmp_path)
    assert (tmp_path / "station.toml").is_file()


def test_in_a_wrong_folder_the_right_one_is_named(tmp_path: Path) -> None:
    init_workspace(tmp_path / "bench")
    for folder in (tmp_path, tmp_path / "bench" / "lots"):
        with pytest.raises(InputError, match=f"it is in {tmp_path / 'bench'}"):
            Workspace(folder).load_station()
    shutil.rmtree(tmp_path / "bench")
    with pytest.raises(InputError, match=r"`sensorbench init \.` writes a commented one"):
        Workspace(tmp_path).load_station()


# -- files as editors save them --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("encoding", "said"),
    [
        ("utf-8-sig", ""), ("utf-16", "is UTF-16 text"), ("utf-16-le", "is UTF-16 text"),
        ("gbk", "is not UTF-8 text"), ("latin-1", "is not UTF-8 text"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("name", ["station.toml", "parts/sbp1.toml", "lots/first.toml"])
def test_an_encoding_is_read_or_named_with_how_to_save(
    tmp_path: Path, encoding: str, said: str, name: str
) -> None:
    init_workspace(tmp_path / "bench")
    path = tmp_path / "bench" / name
    letter = {"gbk": "温", "latin-1": "µ"}.get(encoding, "温")
    text = f"{path.read_text(encoding='utf-8')}# {letter}\n"
    path.write_bytes(text.encode(encoding, "replace"))  # as editors do, whatever is lost
    workspace = Workspace(tmp_path / "bench")
    if not said:
        workspace.check_files()
        return
    with pytest.raises(InputError, match=f"{name}.*{said}.*save it as UTF-8"):
        workspace.check_files()


def test_typographic_quotes_are_named_with_their_line(tmp_path: Path) -> None:
    init_workspace(tmp_path / "bench")
    path = tmp_path / "bench" / "lots" / "first.toml"
    path.write_text(path.read_text().replace('"first lot"', "\u201cfirst lot\u201d"))
    with pytest.raises(InputError, match="Line 7 has typographic or full-width characters"):
        Workspace(tmp_path / "bench").load_lot("first")
