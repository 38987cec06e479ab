"""Runs to report: a calibration and a short stress in one, with free text of every kind."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path

import pytest

from sensorbench.app.demo import write_demo
from sensorbench.core.clock import VirtualClock
from sensorbench.reports.build import build
from sensorbench.reports.model import Report
from sensorbench.reports.report import write_report
from sensorbench.reports.runs import Run, load
from sensorbench.run.execute import execute
from sensorbench.station.station import open_station
from sensorbench.station.workspace import Workspace, load_job

CHINA = timezone(timedelta(hours=8))
HOSTILE = "<script>alert(1)</script> #evil [x] $y$ & \\n"
LOT = f"第七批 压力传感器 𠮷 {HOSTILE}"
PROFILE = """
id = "check_and_stress"
title = "Check and stress"
source = "made for a test, per nobody's standard"
log_interval = "10 min"
[soak]
temperature = { within = "0.5 K", for = "15 min", timeout = "4 h" }
pressure = { within = "20 Pa", for = "5 s", timeout = "5 min" }
[[phase]]
kind = "grid"
name = "fit"
purpose = "fit"
temperatures = ["20 %", "40 %", "60 %", "80 %"]
pressures = ["0 %", "20 %", "50 %", "80 %", "100 %"]
[[phase]]
kind = "calibrate"
fit = "fit"
[[phase]]
kind = "grid"
name = "verification"
purpose = "verify"
temperatures = ["70 %", "30 %"]
pressures = ["10 %", "50 %", "90 %"]
cycle = "up_down"
[[phase]]
kind = "stress"
name = "bake"
temperature = { grade_0 = "150 degC", grade_1 = "125 degC", grade_2 = "105 degC", grade_3 = "85 degC" }
within = "3 K"
duration = "48 h"
bias = "max"
readouts = ["0 h", "24 h", "48 h"]
"""  # noqa: E501 - one line of TOML


@pytest.fixture(scope="session")
def stressed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Evidence of 4 units, one failing and one absent, in a lot with a Chinese description."""
    root = tmp_path_factory.mktemp("stressed")
    write_demo(root, seed=1, today=date(2026, 6, 1), units=4, faults=True)
    (root / "profiles" / "check.toml").write_text(PROFILE, encoding="utf-8")
    lot = root / "lots" / "sbp1.toml"
    text = lot.read_text(encoding="utf-8").replace('"demonstration lot"', f"'{LOT}'")
    lot.write_text(text, encoding="utf-8")
    job = load_job(Workspace(root), "profiles/check.toml", "sbp1")
    clock = VirtualClock(datetime(2026, 6, 1, 20, 0, tzinfo=UTC))
    with open_station(job.station, clock, [(job.lot, job.part)], {}) as station:
        return execute(Workspace(root), job, station).root


@dataclass(frozen=True)
class Written:
    """A report as files, and what they were made from."""

    run: Run
    report: Report
    html: str
    pdf: Path


@pytest.fixture(scope="session")
def written(stressed: Path, tmp_path_factory: pytest.TempPathFactory) -> Written:
    """The report on `stressed`; read it, never write it."""
    files = write_report([stressed], ("html", "pdf"), tmp_path_factory.mktemp("reports"), CHINA)
    (run,) = load([stressed])
    html = files["html"].read_text(encoding="utf-8")
    return Written(run, build([run], CHINA), html, files["pdf"])
