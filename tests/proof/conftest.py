"""Proof workspaces, copied for each test."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from sensorbench.run.execute import Outcome
from sensorbench.station.workspace import Workspace

from .proving import Bench, prove

HERE = Path(__file__).parent
MakeBench = Callable[[str], Bench]
Proven = Callable[[Outcome], str]


@pytest.fixture
def bench(tmp_path: Path) -> MakeBench:
    """A copy of a proof workspace by name, fresh."""

    def make(name: str) -> Bench:
        shutil.copytree(HERE / name, tmp_path / name)
        return Bench(Workspace(tmp_path / name))

    return make


@pytest.fixture(scope="session")
def calibrated_once(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    """The pressure bench after the three SBP1 of lot `few` were calibrated; read it only."""
    root = tmp_path_factory.mktemp("calibrated") / "pressure"
    shutil.copytree(HERE / "pressure", root)
    bench = Bench(Workspace(root))
    bench.run("calibration/pressure_temperature", "few")
    return bench


@pytest.fixture
def calibrated(calibrated_once: Bench, tmp_path: Path) -> Bench:
    """A copy of the pressure bench with three calibrated SBP1."""
    shutil.copytree(calibrated_once.workspace.root, tmp_path / "pressure")
    return Bench(Workspace(tmp_path / "pressure"), calibrated_once.now)


@pytest.fixture
def proven(tmp_path: Path) -> Proven:
    """How to prove a run: evidence whole, results recomputed, report in both languages."""
    return lambda outcome: prove(outcome, tmp_path / "reports")
