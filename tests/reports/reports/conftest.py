"""Evidence to report: a calibration and a stress of a lot in which one fails and one is absent."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from sensorbench.reports.build import build
from sensorbench.reports.model import Report
from sensorbench.reports.report import write_report
from sensorbench.reports.runs import Run, load

from .player import Player, Reading, sbp1, schedule_of

CHINA = timezone(timedelta(hours=8))
HOSTILE = "<script>alert(1)</script> #evil [x] $y$ & \\n"
LOT = "第七批 𠮷 24/0817"
FAILING, ABSENT = "26000002", "26000003"
PART = f"""
[part]
name = "SBP1"
driver = "sbp1"
title = '{HOSTILE}'
grade = 1
[range.temperature]
min = "-40 degC"
max = "125 degC"
[range.pressure]
min = "20 kPa"
max = "120 kPa"
[range.supply]
min = "3.0 V"
nominal = "3.3 V"
max = "3.6 V"
limit = "500 mA"
[condition]
room = {{ temperature = "25 degC", supply = "nominal" }}
hot = {{ temperature = "max", supply = "nominal" }}
[calibration]
model = "polynomial"
[accuracy.pressure]
error = "0.1 %"
hysteresis = "0.05 %"
[[parameter]]
name = "pressure_error_low"
title = "Pressure error at 25 kPa"
measure = "error"
channel = "pressure"
set = {{ pressure = "25 kPa" }}
limits = {{ room = ["-200 Pa", "200 Pa"], hot = ["-200 Pa", "200 Pa"] }}
drift = "150 Pa"
"""
SOAK = """
[soak]
temperature = { within = "0.5 K", for = "15 min", timeout = "4 h", held = "3 K" }
pressure = { within = "20 Pa", for = "5 s", timeout = "5 min" }
"""
PROFILE = (
    """
id = "check_and_stress"
title = { en = "Check and stress", zh = "检查与应力" }
source = "made for a test, per nobody's standard"
log = "30 min"
[choice.method]
by = "agreement"
[choice.method.option.short]
hours = "48 h"
[choice.method.option.full]
standard = true
hours = "1000 h"
"""
    + SOAK
    + """
[[phase]]
kind = "grid"
name = "fit"
axes = [
    { set = { temperature = ["20 %", "40 %", "60 %", "80 %"] } },
    { set = { pressure = ["0 %", "20 %", "50 %", "80 %", "100 %"] } },
]
[[phase]]
kind = "calibrate"
name = "write"
fit = "fit"
[[phase]]
kind = "grid"
name = "verification"
axes = [
    { set = { temperature = ["70 %", "30 %"] } },
    { set = { pressure = ["10 %", "50 %", "90 %"] }, path = "there and back" },
]
measures = ["error", "hysteresis"]
[[phase]]
kind = "gate"
name = "good enough"
of = "verification"
require = { pass = "50 %" }
[[phase]]
kind = "stress"
name = "bake"
title = { en = "High temperature bake", zh = "高温烘烤" }
set = [{ supply = "max" }, { temperature = "125 degC" }]
hours = "$method.hours"
readouts = ["24 h"]
test = { before = ["room", "hot"], after = ["room", "hot"], within = "96 h" }
[[phase]]
kind = "prompt"
name = "look"
text = { en = "Is any package cracked?", zh = "封装有裂纹吗？" }
[[phase]]
kind = "external"
name = "x-ray"
attach = ["laboratory", "report", "result of each unit"]
"""
)


def answers(failing_pa: float = 150.0) -> Reading:
    """Return units that follow what is applied: one with too large an error, one that is silent."""

    def read(serial: str, channel: str, applied: Mapping[str, Any], t: float) -> float | None:
        number = int(serial) - 26000000
        if serial == ABSENT:
            return None
        pressure = float(applied.get("pressure") or 101_325.0)
        temperature = float(applied.get("temperature") or 23.0)
        share = (pressure - 70_000.0) / 50_000.0
        error = (number * 7 % 11 - 5) * 3.0 + 8.0 * share + (t / 3.6e6) * 20.0
        error += failing_pa if serial == FAILING else 0.0
        return {
            "pressure": pressure + error,
            "temperature": temperature + 0.05,
            "pressure_raw": float(round((share + 0.01 * number) * 2**22)),
            "temperature_raw": float(round((temperature - 42.5) / 82.5 * 2**22)),
        }[channel]

    return read


@pytest.fixture(scope="session")
def stressed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Evidence of 4 units, one failing and one absent, in a lot with a Chinese name."""
    root = tmp_path_factory.mktemp("stressed") / "SIM-20260601-200000-check"
    lots = [sbp1(LOT, 4, PART)]
    choices = {"method": ("short", "the customer's own plan")}
    schedule = schedule_of(PROFILE, lots, choices=choices)
    extra = [("retry", {"what": "meter_pressure.in", "reason": "no answer in 1 s"})]
    return Player(root, schedule, answers(), extra=extra, manifest={"seed": 7}).play()


@dataclass(frozen=True)
class Written:
    """A report as files, and what they were made from."""

    run: Run
    report: Report
    html: str
    pdf: Path


@pytest.fixture(scope="session")
def written(stressed: Path, tmp_path_factory: pytest.TempPathFactory) -> Written:
    """The report on `stressed` in English, then Chinese; read it, never write it."""
    languages = ("en", "zh")
    folder = tmp_path_factory.mktemp("reports")
    files = write_report([stressed], ("html", "pdf"), folder, CHINA, languages)
    (run,) = load([stressed])
    html = files["html"].read_text(encoding="utf-8")
    return Written(run, build([run], CHINA, languages), html, files["pdf"])


@pytest.fixture
def run_copy(stressed: Path, tmp_path: Path) -> Path:
    """A copy of `stressed` that a test may damage."""
    return Path(shutil.copytree(stressed, tmp_path / stressed.name))
