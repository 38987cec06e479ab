"""A run that an earlier program left in the middle of its hours goes on with the one of today."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from sensorbench.app.commands.resume import resume_run
from sensorbench.assessment.data import RunData
from sensorbench.assessment.verify import verify
from sensorbench.core.clock import VirtualClock
from sensorbench.core.errors import InputError
from sensorbench.core.verdict import Verdict
from sensorbench.run.execute import resume
from sensorbench.run.resuming import find
from sensorbench.station.station import open_station
from sensorbench.station.workspace import Workspace

from ...workspaces import events

TORSO = Path(__file__).parents[2] / "evidence" / "torso"


@pytest.fixture
def there(tmp_path: Path) -> Workspace:
    """The workspace as it was left; tools/make_frozen_evidence.py made it, once."""
    shutil.copytree(TORSO, tmp_path / "bench")
    return Workspace(tmp_path / "bench")


def the_run(there: Workspace) -> Path:
    (found,) = (there.root / "evidence").iterdir()
    return found


def test_what_is_there_is_found_as_it_was(there: Workspace) -> None:
    found = find(RunData.read(the_run(there)))
    assert found.cut.at == found.cut.next == 31
    assert found.cut.begun
    assert found.state.kept_s == pytest.approx(2659.5, abs=1.0)
    assert list(found.state.sets) == [("", "supply"), ("", "temperature"), ("", "humidity")]
    assert found.state.sockets == {"0F3A11C2": "L", "0F3A11D7": "R"}


def test_it_goes_on_after_a_night_and_comes_to_its_end(there: Workspace) -> None:
    root = the_run(there)
    before = (root / "journal.jsonl").read_bytes()
    clock = VirtualClock(find(RunData.read(root)).last_utc)
    clock.sleep(9 * 3600.0)  # the power was off: everything begins cold
    with open_station(there.load_station(), clock, there.load_lots(), {}) as station:
        outcome = resume(root, station)
    assert outcome.assessment.verdict is Verdict.PASS
    assert (root / "journal.jsonl").read_bytes().startswith(before)
    assert verify(root).is_whole
    (facts,) = outcome.assessment.facts.values()
    assert facts["served_s"][""] == pytest.approx(36000.0, abs=1e-3)
    (resumed,) = events(outcome, "resumed")
    assert resumed.data["gap_s"] == pytest.approx(9 * 3600.0, abs=1.0)
    (first, second) = [e for e in events(outcome, "hold") if e.data["from_s"] == 4 * 3600.0]
    assert first.data["cut"]
    assert first.data["credit_s"] + second.data["credit_s"] == pytest.approx(6 * 3600.0, abs=1e-3)


def test_a_simulated_run_whose_world_is_gone_does_not_go_on_as_if_nothing_had_been(
    there: Workspace,
) -> None:
    with pytest.raises(InputError, match="its simulated world is not there"):
        resume_run(there.root, the_run(there).name, json=False)
