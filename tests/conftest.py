"""Evidence of a small real run, made once: 4 SBP1, one of them failing, and one empty socket."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from hypothesis import settings

from sensorbench.app.demo import write_demo
from sensorbench.run.execute import Outcome
from sensorbench.station.workspace import Workspace

from .workspaces import run

# A busy machine is no failure: nothing here is timed.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")


@pytest.fixture(scope="session", autouse=True)
def own_state() -> Iterator[None]:
    """Keep locks and what is kept of runs apart from those of the machine that tests run on."""
    with (
        tempfile.TemporaryDirectory(prefix="sensorbench-state-") as folder,
        tempfile.TemporaryDirectory(prefix="sensorbench-cache-") as cache,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setenv("SENSORBENCH_CACHE", cache)
        before = os.environ.get("SENSORBENCH_STATE")
        os.environ["SENSORBENCH_STATE"] = folder
        yield
        os.environ.pop("SENSORBENCH_STATE")
        if before is not None:
            os.environ["SENSORBENCH_STATE"] = before


@pytest.fixture(autouse=True)
def own_marks(
    own_state: None, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Keep what a test leaves on a bench from the next one."""
    before = os.environ["SENSORBENCH_STATE"]
    monkeypatch.setenv("SENSORBENCH_STATE", f"{before}/{abs(hash(request.node.nodeid))}")


@pytest.fixture(autouse=True)
def own_world(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have simulated worlds in the program itself; who tests their processes says otherwise."""
    monkeypatch.setenv("SENSORBENCH_WORLD", "here")


SHORT = "profiles/short_calibration.toml"


def run_demo(
    root: Path, profile: str = SHORT, seed: int = 1, units: int = 3, faults: bool = False
) -> Outcome:
    """Write a demonstration workspace and run one profile on its SBP1 in virtual time."""
    write_demo(root, seed, date(2026, 6, 1), units, faults)
    return run(Workspace(root), profile=profile, lots=["sbp1"])


@pytest.fixture(scope="session")
def made_run(tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    """A run with a failing unit and an empty socket; read it, never write it."""
    return run_demo(tmp_path_factory.mktemp("made"), units=4, faults=True)


@pytest.fixture
def run_copy(made_run: Outcome, tmp_path: Path) -> Path:
    """A copy of the run's folder, to be damaged."""
    target = tmp_path / made_run.root.name
    shutil.copytree(made_run.root, target)
    return target
