"""The beginning of a run under guard: what fails or is cut there leaves no mark and loses none."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from sensorbench.app.commands import guard as guard_command
from sensorbench.core.errors import BenchError
from sensorbench.run.execute import execute
from sensorbench.safety import guarding, marks
from sensorbench.safety.guarding import WatchdogGuard
from sensorbench.station.locks import station_keys
from sensorbench.station.model import StationFile
from sensorbench.station.station import tcp_port

from ...workspaces import events, job_of, opened
from ..run.climate import bake, workspace

FILE = StationFile.model_validate(
    {
        "station": {"name": "bench 1"},
        "instrument": {
            "psu": {
                "model": "keysight_e36312a",
                "link": {"kind": "tcp", "host": "127.0.0.1", "port": 5025},
            }
        },
    }
)


class Watchdog:
    """A watchdog that only is there."""

    returncode = None

    def poll(self) -> None:
        return None


@pytest.fixture
def known(tmp_path: Path) -> marks.Mark:
    """What an earlier run left on the bench, and somebody acknowledged."""
    mark = marks.Mark(
        run="R0", root=str(tmp_path / "R0"), workspace="", station="", keys=keys(), pid=0, boot="",
        since="", beat="", allowance_s=1.0, state=marks.SAFE, text="it is safe",
    )  # fmt: skip
    return marks.acknowledge(mark, "operator 7", "2026-06-01T08:00:00+00:00", "looked")


def keys() -> tuple[str, ...]:
    return tuple(station_keys(FILE, tcp_port))


@pytest.fixture
def guard(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[WatchdogGuard]:
    monkeypatch.setattr(guarding, "start_watchdog", lambda _: Watchdog())
    guard = WatchdogGuard(FILE, tmp_path)
    yield guard
    guard.close()


def states() -> dict[str, str]:
    return {mark.run: mark.state for mark in marks.marks()}


def test_a_run_whose_watchdog_can_not_be_started_ends_safe_and_leaves_no_mark(
    tmp_path: Path, guard: WatchdogGuard, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(mark: marks.Mark) -> None:
        assert states() == {mark.run: marks.ENERGISED}
        raise BenchError("the watchdog can't be started: too many processes")

    monkeypatch.setattr(guarding, "start_watchdog", fails)
    there = workspace(tmp_path, bake("1 h"))
    job = job_of(there)
    with opened(there, job) as station, pytest.raises(BenchError, match="too many") as raised:
        execute(there, job, station, guard=guard)
    assert "the bench is in its safe state" in raised.value.__notes__
    (root,) = there.evidence.iterdir()
    (ended,) = events(root, "run_ended")
    assert ended.data["state"] == "failed"
    assert states() == {}


def test_what_was_acknowledged_outlives_a_new_mark_that_can_not_be_written(
    tmp_path: Path, known: marks.Mark, guard: WatchdogGuard, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(mark: marks.Mark) -> None:
        raise BenchError("No space left on device")

    monkeypatch.setattr(marks, "write", full)
    with pytest.raises(BenchError, match="No space"):
        guard.begin("R1", tmp_path / "R1")
    guard.made_safe({}, "", "No space left on device")
    assert states() == {"R0": marks.SAFE}


def test_what_was_acknowledged_stays_until_the_next_run_has_it_on_record(
    tmp_path: Path, known: marks.Mark, guard: WatchdogGuard
) -> None:
    guard.begin("R1", tmp_path / "R1")
    assert states() == {"R0": marks.SAFE, "R1": marks.ENERGISED}  # a crash here loses nothing
    guard.recorded()
    assert states() == {"R1": marks.ENERGISED}


def test_a_run_records_what_was_acknowledged_and_takes_it_away(
    tmp_path: Path, known: marks.Mark, guard: WatchdogGuard
) -> None:
    there = workspace(tmp_path, bake("1 h"))
    job = job_of(there)
    with opened(there, job) as station:
        outcome = execute(there, job, station, guard=guard)
    (event,) = events(outcome.root, "acknowledged")
    assert event.data["by"] == "operator 7"
    assert states() == {}


def test_a_run_that_goes_on_keeps_the_mark_that_replaced_the_acknowledged_one(
    tmp_path: Path, known: marks.Mark, guard: WatchdogGuard
) -> None:
    guard.begin("R0", tmp_path / "R0")
    guard.recorded()
    assert states() == {"R0": marks.ENERGISED}


def test_a_mark_that_can_not_be_read_hides_no_other_from_the_guard(
    tmp_path: Path, known: marks.Mark, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[str] = []
    monkeypatch.setattr(guard_command, "start_watchdog", lambda mark: started.append(mark.run))
    left = replace(known, run="R9", root=str(tmp_path / "R9"), state=marks.ENERGISED,
        acknowledged={})  # fmt: skip
    marks.write(left)
    (known.file.parent / "A0.json").write_text("{", encoding="utf-8")
    said = guard_command.look({}, 0.0)
    assert started == ["R9"]
    assert any("A0.json can't be read" in line for line in said)


def test_a_guard_says_what_stands_once_and_not_at_every_look() -> None:
    told: dict[str, float] = {}
    assert guard_command.news(["a can't be read"], told) == ["a can't be read"]
    assert guard_command.news(["a can't be read", "b"], told) == ["b"]


OTHER_PLUG = StationFile.model_validate(
    {
        "station": {"name": "bench 2"},
        "instrument": {
            "supply": {
                "model": "keysight_e36312a",
                "link": {"kind": "visa", "resource": "USB0::0x2A8D::0x1102::MY1::INSTR"},
            }
        },
    }
)


def test_an_instrument_left_energised_bars_runs_by_its_other_plug(
    tmp_path: Path, guard: WatchdogGuard
) -> None:
    number = ["instrument E36312A MY1"]
    guard.opened(number)
    guard.begin("R1", tmp_path / "R1")
    guard.close()  # as a run that was killed leaves it
    other = WatchdogGuard(OTHER_PLUG, tmp_path / "other")  # nothing is known of it until it is open
    with pytest.raises(marks.Barred, match=f"R1 .*workspace {tmp_path}"):
        other.opened(number)
    (mark,) = marks.marks()
    marks.acknowledge(mark, "operator 7", "2026-06-01T08:00:00+00:00", "looked")
    other.opened(number)
    assert [known.run for known in other.acknowledged] == ["R1"]
    other.close()


def test_runs_of_two_workspaces_with_one_name_have_a_mark_each(
    tmp_path: Path, guard: WatchdogGuard, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Begun in the same second, each in its own folder, by the same words."""
    other = WatchdogGuard(OTHER_PLUG, tmp_path / "other")
    for name, one in (("this", guard), ("other", other)):
        (tmp_path / name).mkdir()
        monkeypatch.chdir(tmp_path / name)
        one.begin("R1", Path("evidence/R1"))
    assert len(marks.marks()) == 2
    other.close()
