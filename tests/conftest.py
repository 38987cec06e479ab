"""Evidence of a small real run, made once: 3 SBP1, one of them failing, and one empty socket."""

import shutil
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from sensorbench.app.demo import write_demo
from sensorbench.core.clock import VirtualClock
from sensorbench.run.execute import Outcome, execute
from sensorbench.station.station import open_station
from sensorbench.station.workspace import Workspace, load_job

SHORT = "profiles/short_calibration.toml"
RunDemo = Callable[..., Outcome]


def run_demo_job(
    root: Path, profile: str = SHORT, seed: int = 1, units: int = 3, faults: bool = False
) -> Outcome:
    """Write a demonstration workspace and run one profile on its SBP1 in virtual time."""
    write_demo(root, seed, date(2026, 6, 1), units, faults)
    workspace = Workspace(root)
    job = load_job(workspace, profile, "sbp1")
    clock = VirtualClock(datetime(2026, 6, 1, 8, 0, tzinfo=UTC))
    memory: dict[str, str] = {}
    with open_station(job.station, clock, [(job.lot, job.part)], memory) as station:
        outcome = execute(workspace, job, station)
    workspace.save_memory(memory)
    return outcome


@pytest.fixture(scope="session")
def run_demo() -> RunDemo:
    """How to make a run: run_demo(root, profile=…, seed=…, units=…, faults=…)."""
    return run_demo_job


@pytest.fixture(scope="session")
def made_run(tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    """A run with a failing unit and an empty socket; read it, never write it."""
    return run_demo_job(tmp_path_factory.mktemp("made"), units=4, faults=True)


@pytest.fixture
def run_copy(made_run: Outcome, tmp_path: Path) -> Path:
    """A copy of the run's folder, to be damaged."""
    target = tmp_path / made_run.root.name
    shutil.copytree(made_run.root, target)
    return target
