"""Nobody leaves a bench alone for long whose setpoints only the program can make harmless."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from sensorbench.app.main import main
from sensorbench.core.documents import loads
from sensorbench.core.errors import InputError
from sensorbench.profiles.schedule import Schedule
from sensorbench.reports.model import Table
from sensorbench.reports.places import protections_table
from sensorbench.reports.runs import load
from sensorbench.reports.words import Words
from sensorbench.station.binding import bind
from sensorbench.station.model import StationFile
from sensorbench.station.preflight import check_station, preflight
from sensorbench.station.protections import guards_of
from sensorbench.station.resuming import check_going_on
from sensorbench.station.workspace import Workspace, load_job

from ... import workspaces
from ..safety import served

START = datetime(2026, 6, 1, 8, 0, tzinfo=UTC)
REAL = {
    "chamber": '{ kind = "serial", port = "/dev/ttyS9" }',
    "psu": '{ kind = "tcp", host = "127.0.0.1", port = 9 }',
    "dmm": '{ kind = "tcp", host = "127.0.0.1", port = 11 }',
}
LIMITER = """
[protection.limiter]
guards = "temperature"
what = "over-temperature limiter of the oven, 140 degC"
tested = 2026-03-01
every = "180 d"
"""
FUSE = '[protection.fuse]\nguards = ["psu"]\nwhat = "fuse 1 A"\ntested = 2026-05-31\n'


def bench(root: Path, protections: str = "", links: dict[str, str] | None = None) -> Workspace:
    text = served.TWINS if links else served.TWINS.partition("[simulation]")[0]
    served.write(root, text + served.station(links or REAL) + served.BENCH + protections)
    return Workspace(root)


def asked(workspace: Workspace, *, attended: bool = False) -> Schedule:
    job = load_job(workspace, "profiles/bake.toml", ["a"], attended=attended)
    return preflight(job, START)


def refused(workspace: Workspace) -> dict[str, str]:
    with pytest.raises(InputError) as found:
        asked(workspace)
    return {problem.key: problem.text for problem in found.value.problems}


def test_a_night_without_protections_is_refused_and_told_how(tmp_path: Path) -> None:
    told = refused(bench(tmp_path))
    assert set(told) == {"bench.temperature", "bench.supply", ""}
    assert 'guards = "temperature"' in told["bench.temperature"]
    assert "chamber.temperature" in told["bench.temperature"]
    assert "--attended" in told[""]


def test_with_a_person_it_is_done_and_that_is_on_record(tmp_path: Path) -> None:
    schedule = asked(bench(tmp_path), attended=True)
    kept = Schedule.from_json(json.loads(json.dumps(schedule.as_json())))
    assert kept.attended
    assert kept.zones[""]["protections"] == {"temperature": [], "supply": []}


def test_with_tested_protections_it_is_done_and_they_are_on_record(tmp_path: Path) -> None:
    schedule = asked(bench(tmp_path, LIMITER + FUSE))
    assert schedule.zones[""]["protections"] == {
        "temperature": [
            {"name": "limiter", "what": "over-temperature limiter of the oven, 140 degC",
             "tested": "2026-03-01", "due": "2026-08-28"},
        ],
        "supply": [
            {"name": "fuse", "what": "fuse 1 A", "tested": "2026-05-31", "due": "2027-05-31"},
        ],
    }  # fmt: skip
    assert not schedule.attended


@pytest.mark.parametrize(
    ("tested", "said"),
    [
        ("", "was never tested"),
        ("tested = 2025-12-01", "its test was due on 2026-05-30"),
        ("tested = 2025-12-03", "before the run ends on 2026-06-02"),
        ("tested = 2026-07-01", "is in the future"),
    ],
)
def test_what_is_not_in_date_to_the_end_does_not_count(
    tmp_path: Path, tested: str, said: str
) -> None:
    workspace = bench(tmp_path, LIMITER.replace("tested = 2026-03-01", tested) + FUSE)
    edit = tmp_path / "profiles" / "bake.toml"
    edit.write_text(edit.read_text().replace('hours = "10 h"', 'hours = "20 h"'))
    told = refused(workspace)
    assert said in told.pop("protection.limiter.tested")
    assert set(told) == {""}


def test_a_run_within_a_shift_needs_none(tmp_path: Path) -> None:
    workspace = bench(tmp_path)
    path = tmp_path / "profiles" / "bake.toml"
    path.write_text(path.read_text().replace('hours = "10 h"', 'hours = "6 h"'))
    assert asked(workspace).duration_s < 8 * 3600


def test_twins_harm_nobody(tmp_path: Path) -> None:
    workspace = bench(tmp_path, links=dict.fromkeys(REAL, '{ kind = "simulated" }'))
    assert "protections" not in asked(workspace).zones[""]


MIXED = """
[station]
name = "mixed"
[simulation]
[instrument.psu]
model = "keysight_e36312a"
link = { kind = "tcp", host = "127.0.0.1", port = 9 }
[instrument.coil]
model = "helmholtz_coil"
constant = "110 uT/A"
resistance = "2.4 ohm"
members = { x = "psu.out1" }
[instrument.hand]
model = "hand_fixture"
[instrument.pace]
model = "druck_pace5000"
link = { kind = "simulated" }
[zone.a.bench.orientation]
set = "hand.orientation"
[zone.a.bench.pressure]
set = "pace"
[zone.a.bench.supply]
set = "psu.out2"
[zone.b.bench.supply]
set = "psu.out3"
[zone.b.bench.magnetic_field]
set = "coil"
"""


def test_who_can_harm_follows_from_what_acts_and_not_from_the_quantity() -> None:
    file = loads(MIXED, StationFile, "station.toml")
    found = set(guards_of(file, bind(file)))
    # The coil is fed by a real supply; nobody drives what is done by hand, nor a twin.
    assert found == {("a", "supply"), ("b", "supply"), ("b", "magnetic_field")}


@pytest.mark.parametrize(
    ("guards", "said"),
    [
        ("oven", "'oven' is no address of the bench and no instrument"),
        ("supply", "is in several places; write one of a:supply, b:supply"),
        ("a:supply", ""), ("psu", ""), ("pressure", ""),
    ],
)  # fmt: skip
def test_what_guards_nothing_is_named(guards: str, said: str) -> None:
    text = f'{MIXED}[protection.x]\nguards = "{guards}"\nwhat = "limiter"\n'
    found = {
        problem.key: problem.text
        for problem in check_station(loads(text, StationFile, "station.toml"))
    }
    assert said in found.get("protection.x.guards", "")
    assert bool(said) is ("protection.x.guards" in found)


def test_what_was_parked_for_long_goes_on_only_in_date(tmp_path: Path) -> None:
    workspace = bench(tmp_path, LIMITER + FUSE)
    schedule, file = asked(workspace), workspace.load_station()
    check_going_on(file, schedule, 0, {}, date(2026, 8, 1))
    with pytest.raises(InputError, match="its test was due on 2026-08-28"):
        check_going_on(file, schedule, 0, {}, date(2026, 9, 1))
    check_going_on(file, replace(schedule, attended=True), 0, {}, date(2026, 9, 1))


def typed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *words: str
) -> tuple[int, str, str]:
    monkeypatch.setattr(sys, "argv", ["sensorbench", *words])
    with pytest.raises(SystemExit) as end:
        main()
    shown = capsys.readouterr()
    return int(end.value.code or 0), shown.out, shown.err


def test_check_and_run_say_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    today = datetime.now(UTC).astimezone().date()
    fuse = FUSE.replace("2026-05-31", str(today))
    root = bench(tmp_path, fuse).root
    code, out, _ = typed(monkeypatch, capsys, "check", "-w", str(root))
    assert code == 0  # a short run may be done
    assert "not protected:\n    bench.temperature: nothing is declared" in out
    assert f"protected by:\n    supply: fuse 1 A, tested {today}" in out
    words = ("profiles/bake.toml", "--lot", "a", "-w", str(root))
    code, _, of_check = typed(monkeypatch, capsys, "check", *words)
    assert code == 2
    code, _, of_run = typed(monkeypatch, capsys, "run", *words)
    assert (code, of_run) == (2, of_check)
    assert "bench.temperature" in of_run
    code, out, _ = typed(monkeypatch, capsys, "check", *words, "--attended", "--json")
    told: dict[str, Any] = json.loads(out)
    assert (code, len(told["not_protected"])) == (0, 1)
    assert not (root / "evidence").exists()


STRESS = """
[[phase]]
kind = "grid"
name = "look"
set = { supply = "3.3 V" }
axes = [{ set = { pressure = ["70 kPa"] } }]
"""


@pytest.mark.parametrize(
    ("language", "said"),
    [("en", ["none declared", "never", "a person stays"]), ("zh", ["未声明", "从未", "值守"])],
)
def test_the_report_shows_what_guards_the_bench(
    tmp_path: Path, language: str, said: list[str]
) -> None:
    (run,) = load([_looked(tmp_path)])
    assert run.schedule is not None
    limiter = {"name": "limiter", "what": "limiter 140 degC"}
    guarded = {
        "temperature": [limiter | {"tested": "2026-03-01", "due": "2026-08-28"}],
        "pressure": [limiter], "supply": [],
    }  # fmt: skip
    words = Words(language)
    assert list(protections_table(run, run.schedule, words)) == []  # nothing there could harm
    zones = {"": {**run.schedule.zones[""], "protections": guarded}}
    schedule = replace(run.schedule, zones=zones, attended=True)
    (table,) = protections_table(run, schedule, words)
    assert isinstance(table, Table)
    shown = [cell.text for row in table.rows for cell in row]
    assert "2026-03-01" in shown
    assert "limiter 140 °C" in shown
    for text in said:
        assert any(text in one for one in [*shown, table.note])


def _looked(root: Path) -> Path:
    return workspaces.run(workspaces.write(root, STRESS)).root
