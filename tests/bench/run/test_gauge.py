"""A controller that counts from ambient, with parts that count from vacuum."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from sensorbench.core.verdict import Verdict
from sensorbench.instruments.druck_pace5000.channel import PaceChannel
from sensorbench.instruments.druck_pace5000.driver import DruckPace5000
from sensorbench.instruments.telling import Held, Told
from sensorbench.profiles.schedule import Schedule
from sensorbench.station.workspace import Workspace

from ...workspaces import STATION, check, data_of, edit, events, problems, run, sbp1_sockets, write
from .test_kinds import CALIBRATION

AMBIENT_PA = 101_325.0
FIXED = '\n[bench.pressure.ambient]\nfixed = "101.325 kPa"\n'


@pytest.fixture
def _gauge(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the PACE5000 one that was fitted with a gauge module: its wire stays as it is."""
    go, read, told, look = PaceChannel.go, PaceChannel.read, PaceChannel.told, PaceChannel.check

    def gauge_told(self: PaceChannel) -> Told:
        held = told(self)
        assert held is None or isinstance(held, Held)
        return held and Held(held.value - AMBIENT_PA)

    monkeypatch.setattr(DruckPace5000.pressure, "against", "ambient")
    monkeypatch.setattr(DruckPace5000.pressure, "rated", (-AMBIENT_PA, 2e6))
    monkeypatch.setattr(
        PaceChannel, "go", lambda s, p, rate: go(s, p + AMBIENT_PA, rate) - AMBIENT_PA
    )
    monkeypatch.setattr(PaceChannel, "read", lambda s: read(s) - AMBIENT_PA)
    monkeypatch.setattr(PaceChannel, "check", lambda s, p: look(s, p + AMBIENT_PA))
    monkeypatch.setattr(PaceChannel, "told", gauge_told)


def workspace(root: Path, phases: str, more: str = FIXED) -> Workspace:
    return write(root, phases, STATION + more + sbp1_sockets(2))


@pytest.mark.usefixtures("_gauge")
def test_parts_are_calibrated_to_what_is_there_above_vacuum(tmp_path: Path) -> None:
    outcome = run(workspace(tmp_path, CALIBRATION))
    assert {unit.verdict for unit in outcome.assessment.units} == {Verdict.PASS}
    sent = [e.data for e in events(outcome, "sent") if e.data["address"] == "pressure"]
    assert sent[0]["value"] == pytest.approx(20e3 - AMBIENT_PA)
    for readout in data_of(outcome).of_phase("verification"):
        applied = readout.point.conditions["pressure"]
        assert np.abs(readout.values["pressure"] - applied).max() < 120.0


@pytest.mark.usefixtures("_gauge")
def test_without_ambient_it_is_refused(tmp_path: Path) -> None:
    assert "station.toml needs [bench.pressure.ambient]" in problems(
        workspace(tmp_path, CALIBRATION, "")
    )


@pytest.mark.usefixtures("_gauge")
def test_what_it_can_do_is_counted_from_its_own_zero(tmp_path: Path) -> None:
    there = workspace(tmp_path, CALIBRATION)
    check(there)
    edit(there.root / "station.toml", ('high = "130 kPa"', 'high = "-90 kPa"'))
    assert "pressure = -81325 Pa is outside what this bench may do" in problems(there)


def ranges(schedule: Schedule, relative_to: str) -> Schedule:
    """Return a schedule whose parts count pressure from something."""
    parts = {
        name: {
            **part,
            "ranges": {"pressure": {**part["ranges"]["pressure"], "relative_to": relative_to}},
        }
        for name, part in schedule.parts.items()
    }
    return replace(schedule, parts=parts)


@pytest.mark.usefixtures("_gauge")
def test_only_what_counts_from_vacuum_is_put_right(tmp_path: Path) -> None:
    planned = check(workspace(tmp_path, CALIBRATION))
    assert planned.zeros() == {("", "pressure"): -1}
    assert ranges(planned, "ambient").zeros() == {}
    assert ranges(planned, "pressure.back").zeros() == {}


@pytest.mark.usefixtures("_gauge")
def test_a_run_of_before_it_was_put_right_is_judged_as_it_was(tmp_path: Path) -> None:
    planned = check(workspace(tmp_path, CALIBRATION))
    benches = {
        where: {key: value for key, value in bench.items() if key != "put_right"}
        for where, bench in planned.zones[""]["benches"].items()
    }
    sealed = replace(planned, zones={"": {**planned.zones[""], "benches": benches}})
    assert sealed.zones[""]["benches"]["pressure"]["against"] == "ambient"
    assert sealed.zeros() == {}
