"""A run that an older version began and never ended goes on: frozen evidence, cut off at a line.

A journal that ends anywhere is what a kill leaves; samples reach the disk before the line that
names them. The runs of tests/evidence were made once, whatever has become of the program since.
"""

from __future__ import annotations

import json
import shutil
from datetime import datetime
from pathlib import Path

import pytest

from sensorbench.assessment.verify import verify
from sensorbench.core.clock import VirtualClock
from sensorbench.evidence.run import RunReader
from sensorbench.run.execute import resume
from sensorbench.station.station import open_station
from sensorbench.station.workspace import Workspace

from ...workspaces import events

TESTS = Path(__file__).parents[2]
PROOF = {
    "stress": "rooms", "cycle": "pulsed", "grid_of_vectors": "coil", "record": "imu",
    "response": "analog", "test": "humidity", "steps": "burst",
}  # fmt: skip
"""Of which proof workspace a frozen run is."""


def torso(kind: str, share: float, folder: Path) -> tuple[Workspace, Path]:
    """Return a workspace with a run of which only a share of the journal is there."""
    (run,) = (TESTS / "evidence" / kind).iterdir()
    there = Workspace(folder / "bench")
    shutil.copytree(TESTS / "proof" / PROOF[kind], there.root)
    shutil.copy(run / "inputs" / "station.toml", there.station_path)
    shutil.copy(run / "inputs" / "lot-frozen.toml", there.root / "lots" / "frozen.toml")
    root = there.evidence / run.name
    shutil.copytree(run, root)
    (root / "seal.json").unlink()
    shutil.rmtree(root / "derived")
    (root / "derived").mkdir()
    journal = root / "journal.jsonl"
    lines = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(b"".join(lines[: round(share * len(lines))]))
    return there, root


@pytest.mark.parametrize("kind", PROOF)
@pytest.mark.parametrize(
    "share", [0.55, *(pytest.param(s, marks=pytest.mark.chaos) for s in (0.0, 0.3, 0.8, 0.95))]
)
def test_a_torso_of_an_older_version_goes_on(kind: str, share: float, tmp_path: Path) -> None:
    there, root = torso(kind, share, tmp_path)
    (sealed,) = (TESTS / "evidence" / kind).iterdir()
    last = RunReader(root).last_event
    began = last.time if last is not None else RunReader(root).manifest["started"]
    clock = VirtualClock(datetime.fromisoformat(began))
    with open_station(there.load_station(), clock, there.load_lots(), {}) as station:
        outcome = resume(root, station)
    found = verify(root)
    assert found.is_whole, [str(finding) for finding in found.findings]
    assert len(events(root, "resumed")) == 1
    if kind != "steps":  # what its parts felt before is not in a world that never knew them
        stored = json.loads((sealed / "derived" / "results.json").read_bytes())
        assert outcome.assessment.verdict.value == stored["verdict"]
