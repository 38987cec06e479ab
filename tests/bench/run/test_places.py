"""Where units are: sockets of their own, batches, two zones, elsewhere, and jumps between."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from sensorbench.app.commands.attach import attach_files
from sensorbench.core.clock import VirtualClock
from sensorbench.core.errors import InputError
from sensorbench.core.verdict import Verdict
from sensorbench.evidence.run import RunReader
from sensorbench.run.execute import Outcome
from sensorbench.station.workspace import Workspace

from ...workspaces import (
    STATION,
    edit,
    events,
    go_on,
    lot,
    problems,
    run,
    sbp1_sockets,
    write,
)
from .barometers import FREE, SOCKETS, bench

GRID = """
[[phase]]
kind = "grid"
name = "check"
axes = [{ set = { pressure = ["50 kPa", "100 kPa"] } }]
measures = ["error"]
"""
SHELF = """
[[phase]]
kind = "stress"
name = "shelf"
set = {}
hours = "100 h"
test = { before = ["room"], after = ["room"] }
"""
TESTER = '\n[elsewhere.ate]\ntitle = "Final test"\nfor = ["test"]\n'
BAKE = """
[[phase]]
kind = "stress"
name = "bake"
set = { temperature = "60 degC", supply = "max" }
hours = "5 h"
test = { before = ["room"], after = ["room"] }
"""


def passes(outcome: Outcome) -> bool:
    return outcome.assessment.verdict is Verdict.PASS


# -- sockets -----------------------------------------------------------------------------------


def test_units_with_sockets_of_their_own_are_put_back(tmp_path: Path) -> None:
    assert passes(run(write(tmp_path, SHELF, **bench())))


def test_two_units_of_one_socket_are_read_one_after_the_other(tmp_path: Path) -> None:
    lots = {
        "L1": lot("L1", "bmp280", ["b1"], ["B1"]),
        "L2": lot("L2", "bmp280", ["b2"], ["B1"]),
    }
    outcome = run(write(tmp_path, GRID, **(bench() | {"lots": lots})))
    assert passes(outcome)
    loads = [e.data["fact"]["sockets"] for e in events(outcome, "fact") if e.data["verb"] == "load"]
    assert loads == [{"b1": "B1"}, {"b2": "B1"}]


def test_batches_are_as_large_as_sockets_that_fit(tmp_path: Path) -> None:
    units = lot("L1", "bmp280", ["b1", "b2", "b3", "b4", "b5"])
    station = STATION + sbp1_sockets(4) + SOCKETS
    outcome = run(write(tmp_path, GRID, **bench(station=station, lots=units)))
    assert passes(outcome)
    loads = [e.data["fact"]["sockets"] for e in events(outcome, "fact") if e.data["verb"] == "load"]
    assert [len(sockets) for sockets in loads] == [2, 2, 1]
    assert {socket for sockets in loads for socket in sockets.values()} == {"B1", "B2"}


def test_no_socket_that_fits_is_refused(tmp_path: Path) -> None:
    station = STATION + sbp1_sockets(4)
    assert "fits a" in problems(write(tmp_path, GRID, **bench(station=station, lots=FREE)))


# -- jumps -------------------------------------------------------------------------------------


def test_a_jump_over_a_phase_in_batches_loads_the_first_batch_again(tmp_path: Path) -> None:
    phases = """
[[phase]]
kind = "test"
name = "incoming"
conditions = ["room"]

[[phase]]
kind = "gate"
name = "good"
of = "incoming"
require = { pass = "100 %" }
then = { skip_to = "check" }
otherwise = "go on"

[[phase]]
kind = "test"
name = "between"
conditions = ["room"]
"""
    units = lot("L1", "bmp280", ["b1", "b2", "b3", "b4"])
    outcome = run(write(tmp_path, phases + GRID, **bench(lots=units)))
    assert passes(outcome)
    assert outcome.assessment.facts["between"] == {"skipped_by": "good"}


# -- elsewhere ---------------------------------------------------------------------------------


def parked(root: Path, phases: str = BAKE) -> tuple[Workspace, Outcome]:
    workspace = write(root, phases, **bench(station=STATION + SOCKETS + TESTER))
    outcome = run(workspace)
    assert outcome.parked is not None
    return workspace, outcome


def attach(
    workspace: Workspace, outcome: Outcome, point: str, b2: str = "pass",
    measured_h: float | None = None, hours: float = 0.0,
) -> None:  # fmt: skip
    """Attach results `hours` after the run was parked, measured so long after it as is said."""
    table = workspace.root / "results.csv"
    table.write_text(f"serial,result\nb1,pass\nb2,{b2}\n", encoding="utf-8")
    since = datetime.fromisoformat(RunReader(outcome.root).journal.events[-1].time)
    said = "" if measured_h is None else (since + timedelta(hours=measured_h)).isoformat()
    clock = VirtualClock(since + timedelta(hours=hours))
    attach_files(workspace.root, outcome.root.name, point, [table], (), said, clock)


WINDOWS = BAKE.replace(
    'hours = "5 h"\ntest = {',
    'hours = "5 h"\nreadouts = ["2 h"]\ntest = { within = "48 h", back = "96 h",',
)


@pytest.mark.parametrize(
    ("measured_h", "attached_h", "reasons"),
    [
        (None, 40.0, set()),
        (None, 60.0, {"window_missed"}),  # nobody says that it was measured earlier
        (40.0, 60.0, set()),
        (50.0, 60.0, {"window_missed"}),
        (40.0, 120.0, {"back_late"}),  # what was read later has had another stress
    ],
)
def test_the_windows_of_a_readout_elsewhere_count(
    tmp_path: Path, measured_h: float | None, attached_h: float, reasons: set[str]
) -> None:
    workspace, outcome = parked(tmp_path, WINDOWS)
    attach(workspace, outcome, "bake/before")
    outcome = go_on(workspace, outcome.root)
    attach(workspace, outcome, "bake/2 h", measured_h=measured_h, hours=attached_h)
    outcome = go_on(workspace, outcome.root)
    attach(workspace, outcome, "bake/5 h")
    outcome = go_on(workspace, outcome.root)
    assert outcome.parked is None
    assert {r.code for u in outcome.assessment.units for r in u.reasons} == reasons
    assert passes(outcome) == (not reasons)


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ("yesterday", "is no time: write date and time in figures, such as 20"),
        ("tomorrow", "or leave it out for now"),
        ("2020-01-01", "is not between the run's start"),
    ],
)
def test_a_time_that_can_not_be_is_refused(tmp_path: Path, said: str, why: str) -> None:
    workspace, outcome = parked(tmp_path)
    table = workspace.root / "results.csv"
    table.write_text("serial,result\nb1,pass\nb2,pass\n", encoding="utf-8")
    with pytest.raises(InputError, match=why):
        attach_files(workspace.root, outcome.root.name, "bake/before", [table], (), said)
    assert not events(outcome, "attached")


@pytest.mark.parametrize(
    ("said", "verdict"),
    [("pass", Verdict.PASS), ("fail", Verdict.FAIL), ("invalid", Verdict.INVALID)],
)
def test_what_a_tester_found_elsewhere_counts(tmp_path: Path, said: str, verdict: Verdict) -> None:
    workspace, outcome = parked(tmp_path)
    attach(workspace, outcome, "bake/before")
    outcome = go_on(workspace, outcome.root)
    assert outcome.parked is not None
    assert outcome.parked["point"] == "bake/5 h"
    attach(workspace, outcome, "bake/5 h", b2=said)
    outcome = go_on(workspace, outcome.root)
    assert outcome.parked is None
    assert {u.serial: u.verdict for u in outcome.assessment.units} == {
        "b1": Verdict.PASS,
        "b2": verdict,
    }


def test_what_is_still_to_come_can_not_have_been_found(tmp_path: Path) -> None:
    workspace, outcome = parked(tmp_path)
    with pytest.raises(InputError, match="is not due: the run waits for bake/before"):
        attach(workspace, outcome, "bake/5 h")


def test_evidence_that_was_corrected_stands_beside_what_came_first(tmp_path: Path) -> None:
    workspace, outcome = parked(tmp_path)
    attach(workspace, outcome, "bake/before", b2="fail")
    attach(workspace, outcome, "bake/before")
    files = [e.data["files"][0]["file"] for e in events(outcome, "attached")]
    assert files == ["attached/bake-before/results.csv", "attached/bake-before/results (2).csv"]
    assert "b2,fail" in (outcome.root / files[0]).read_text(encoding="utf-8")


def test_two_files_of_one_name_are_refused(tmp_path: Path) -> None:
    workspace, outcome = parked(tmp_path)
    tables = [tmp_path / name / "results.csv" for name in ("one", "two")]
    for table in tables:
        table.parent.mkdir()
        table.write_text("serial,result\nb1,pass\nb2,pass\n", encoding="utf-8")
    with pytest.raises(InputError, match="is there twice"):
        attach_files(workspace.root, outcome.root.name, "bake/before", tables, ())


# -- going on ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('set = "psu.out1"', 'set = "psu.out2"', "bench.supply.set: was 'psu.out1'"),
        ('[bench.pressure]\nset = "pace"\nreference = "pace"\nhigh = "130 kPa"\n', "", "is gone"),
        (SOCKETS, "", "2 units of BMP280 come next, 0 sockets fit"),
        ("calibration_due = 2027-06-01", "calibration_due = 2026-01-01", "calibration was due"),
    ],
)
def test_a_bench_that_was_changed_is_named_and_the_run_stays_parked(
    tmp_path: Path, old: str, new: str, said: str
) -> None:
    external = '[[phase]]\nkind = "external"\nname = "shock"\nattach = ["report"]\n'
    workspace = write(tmp_path, external + GRID, **bench(lots=FREE))
    outcome = run(workspace)
    attach_files(workspace.root, outcome.root.name, "shock", [workspace.station_path], ())
    before = (outcome.root / "journal.jsonl").read_bytes()
    edit(workspace.station_path, (old, new))
    with pytest.raises(InputError, match=said):
        go_on(workspace, outcome.root)
    assert (outcome.root / "journal.jsonl").read_bytes() == before
    workspace.station_path.write_text(STATION + SOCKETS, encoding="utf-8")
    assert passes(go_on(workspace, outcome.root))


def test_tables_in_another_order_are_the_same_bench(tmp_path: Path) -> None:
    external = '[[phase]]\nkind = "external"\nname = "shock"\nattach = ["report"]\n'
    workspace = write(tmp_path, GRID.replace("check", "first") + external + GRID, **bench())
    outcome = run(workspace)
    attach_files(workspace.root, outcome.root.name, "shock", [workspace.station_path], ())
    text = workspace.station_path.read_text(encoding="utf-8")
    head, table, rest = text.partition("[bench.pressure]")
    pressure, supply, rest = rest.partition("[bench.supply]")
    end = rest.index("\n[[socket]]")
    moved = head + supply + rest[:end] + "\n" + table + pressure + rest[end:]
    workspace.station_path.write_text(moved, encoding="utf-8")
    assert passes(go_on(workspace, outcome.root))
