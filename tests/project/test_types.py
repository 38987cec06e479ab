"""Setpoints and readings keep their types through the station: a wrong call is found by mypy."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SNIPPET = """
from sensorbench.station.station import Station
from sensorbench.instruments.espec_p300.driver import EspecP300

def wrong(station: Station, chamber: EspecP300) -> None:
    station.setpoint("", "x").go("hot")
    station.setpoint("", "x").go(85.0, rate="fast")
    chamber.temperature.go([1.0])
    chamber.temperature.rated.low

def right(station: Station, chamber: EspecP300) -> float:
    station.setpoint("", "x").go(85.0, rate=0.05)
    chamber.temperature.go((1.0, 2.0, 3.0))
    return EspecP300.temperature.rated[1] + chamber.temperature.rated[0]
"""


@pytest.mark.slow
def test_mypy_sees_what_a_setpoint_takes(tmp_path: Path) -> None:
    path = tmp_path / "snippet.py"
    path.write_text(SNIPPET)
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--config-file", str(ROOT / "pyproject.toml"),
         "--follow-imports", "silent", "--no-error-summary", str(path)],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    lines = [int(line.split(":")[1]) for line in done.stdout.splitlines() if ": error:" in line]
    assert lines == [6, 7, 8, 9], done.stdout + done.stderr
