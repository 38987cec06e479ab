"""Make the frozen evidence of tests/evidence: a small sealed run of each kind of phase.

python tools/make_frozen_evidence.py [--again] [KIND…]
python tools/make_frozen_evidence.py torso

`torso` is a workspace with a run that was killed in the middle of its hours: every later version
goes on with it (tests/bench/run/test_torso.py).

Evidence that was sealed by any version must verify for ever: tests/reports/evidence/test_frozen.py
holds us to it. So this is run once for a format that is released, and never again for it: with
`--again` it replaces what is there, which only its own author may do, before the release.

The runs are made in virtual time with fixed seeds and dates: the same program makes the same bytes,
whatever the machine and its time zone.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from unittest import mock

from sensorbench.app.commands.attach import attach_files
from sensorbench.assessment.verify import verify
from sensorbench.core.clock import VirtualClock
from sensorbench.evidence.run import RunReader, RunWriter
from sensorbench.run import execute as executing
from sensorbench.run.execute import Outcome, execute, resume
from sensorbench.station.simulation import SimulatedOperator
from sensorbench.station.station import Station, open_station
from sensorbench.station.workspace import Workspace, load_job

TESTS = Path(__file__).parents[1] / "tests"
EVIDENCE = TESTS / "evidence"
START = datetime(2026, 6, 1, 8, 0, tzinfo=UTC)
PDF = b"%PDF-1.7\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"


@dataclass(frozen=True, slots=True)
class Frozen:
    """A small run: on which proof workspace, of which part and units, and what is asked.

    `faults` are added to the station, `answers` are a person's by kind of question, `results` what
    another laboratory found.
    """

    workspace: str
    part: str
    units: tuple[str, ...]
    phases: str
    faults: Mapping[str, str] = field(default_factory=dict)
    answers: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    results: Mapping[str, str] = field(default_factory=dict)


HUMIDITY = ("0F3A11C2", "0F3A11D7")
TORSO = """
id = "own/damp"
title = "Damp heat"
source = "own"
log = "5 min"

[soak]
temperature = { within = "1 K", for = "5 min", timeout = "4 h", held = "3 K" }
humidity = { within = "3 %RH", for = "5 min", timeout = "4 h" }

[[phase]]
kind = "stress"
name = "damp"
set = [{ supply = "max" }, { temperature = "40 degC" }, { humidity = "85 %RH" }]
hours = "10 h"
readouts = ["4 h"]
monitor = { every = "1 h", measures = ["error"] }
test = { before = ["room"], after = ["room"] }
"""
TORSO_EVENTS = 190
QUICK = """
[soak]
temperature = { within = "1 K", for = "5 min", timeout = "4 h", held = "3 K" }
humidity = { within = "3 %RH", for = "5 min", timeout = "4 h", held = "6 %RH" }
pressure = { within = "30 Pa", for = "5 s", timeout = "5 min" }
"""

RUNS = {
    "grid": Frozen(
        "humidity", "sht40", HUMIDITY,
        """
[[phase]]
kind = "grid"
name = "check"
axes = [
    { set = { temperature = "25 degC" } },
    { set = { humidity = ["30 %RH", "60 %RH"] }, path = "there and back" },
]
measures = ["error", "hysteresis"]
""",
        faults={HUMIDITY[1]: "absent"},
    ),
    "grid_of_vectors": Frozen(
        "coil", "mag1", ("MAG-0001",),
        """
[[phase]]
kind = "grid"
name = "field"
null = ["magnetic_field"]
axes = [{ set = { magnetic_field = [
    { x = "50 uT", y = "0 uT", z = "0 uT" },
    { x = "-50 uT", y = "0 uT", z = "0 uT" },
    { x = "0 uT", y = "50 uT", z = "0 uT" },
    { x = "0 uT", y = "-50 uT", z = "0 uT" },
    { x = "0 uT", y = "0 uT", z = "50 uT" },
    { x = "0 uT", y = "0 uT", z = "-50 uT" },
] } }]
measures = ["error", "sensitivity", "cross_axis"]
""",
    ),
    "stress": Frozen(
        "rooms", "sbp1_plain", ("28000001", "28000002"),
        """
[[phase]]
kind = "stress"
name = "life"
set = [{ supply = "max" }, { temperature = "125 degC" }]
hours = "4 h"
readouts = ["2 h"]
monitor = { every = "30 min" }
test = { before = ["room"], after = ["room"], within = "24 h", from = "cool" }
cool = { set = { supply = "max" }, until = { temperature = "55 degC" } }
""",
    ),
    "cycle": Frozen(
        "pulsed", "sbp1_plain", ("26100001", "26100002"),
        """
[[phase]]
kind = "cycle"
name = "cycles"
set = { supply = "max", pressure = { low = "min", high = "max", period = "2 s", shape = "square" } }
steps = [
    { set = { temperature = "10 degC" }, dwell = "5 min" },
    { set = { temperature = "40 degC" }, dwell = "5 min" },
]
cycles = 3
readouts = [1]
monitor = { every = "10 min", measures = ["pressure_raw"] }
test = { before = ["room"], after = ["room"] }
""",
    ),
    "steps": Frozen(
        "burst", "sgp2", ("30000101", "30000102"),
        """
[[phase]]
kind = "steps"
name = "burst"
set = { temperature = "25 degC", pressure.front = ["2 FS", "5 FS", "8 FS", "off"] }
dwell = "1 min"
test = { before = ["room"], after = ["room"] }
""",
    ),
    "record": Frozen(
        "imu", "imu1", ("IMU-0001",),
        """
[[phase]]
kind = "record"
name = "noise"
duration = "10 s"
settings = "noise"
measures = ["noise_density", "allan_deviation"]
""",
    ),
    "response": Frozen(
        "analog", "sbp1a", ("A-0001",),
        """
[[phase]]
kind = "response"
name = "step"
set = { pressure = ["10 %", "90 %"] }
every = "500 ms"
lead = "4 s"
duration = "20 s"
measures = ["rise_time", "settling_time"]
""",
    ),
    "test": Frozen(
        "humidity", "sht40", HUMIDITY,
        """
[[phase]]
kind = "test"
name = "before"
conditions = ["room"]

[[phase]]
kind = "test"
name = "after"
conditions = ["room"]
drift_from = "before"
""",
    ),
    "calibrate": Frozen(
        "pressure", "sbp1", ("26100001", "26100002"),
        """
[[phase]]
kind = "grid"
name = "fit"
axes = [
    { set = { temperature = ["0 %", "30 %", "70 %", "100 %"] } },
    { set = { pressure = ["0 %", "30 %", "70 %", "100 %"] } },
]

[[phase]]
kind = "calibrate"
name = "write"
fit = "fit"

[[phase]]
kind = "grid"
name = "check"
axes = [{ set = { temperature = ["50 %"] } }, { set = { pressure = ["20 %", "80 %"] } }]
measures = ["error"]
""",
    ),
    "external": Frozen(
        "humidity", "sht40", HUMIDITY,
        """
[[phase]]
kind = "external"
name = "shock"
attach = ["laboratory", "date", "report", "result of each unit"]

[[phase]]
kind = "test"
name = "after"
conditions = ["room"]
""",
        results={HUMIDITY[0]: "pass", HUMIDITY[1]: "fail"},
    ),
    "prompt": Frozen(
        "thermometer", "tmp117", ("0011223344A1",),
        """
[[phase]]
kind = "prompt"
name = "look"
text = { en = "Is the chamber dry?", zh = "试验箱内是否干燥？" }
answers = ["yes", "no"]

[[phase]]
kind = "grid"
name = "check"
axes = [{ set = { temperature = "25 degC" } }]
measures = ["error"]
""",
        answers={"prompt": ("no",)},
    ),
    "gate": Frozen(
        "humidity", "sht40", HUMIDITY,
        """
[[phase]]
kind = "test"
name = "first"
conditions = ["room"]

[[phase]]
kind = "gate"
name = "only good ones"
of = "first"
require = { pass = "100 %" }
otherwise = "drop units"

[[phase]]
kind = "test"
name = "second"
conditions = ["room"]
drift_from = "first"
""",
        faults={HUMIDITY[1]: "crc"},
    ),
}  # fmt: skip


def write_workspace(root: Path, kind: str, frozen: Frozen) -> Workspace:
    """Write the workspace of a run: a proof workspace with a lot and a profile of its own."""
    shutil.copytree(TESTS / "proof" / frozen.workspace, root)
    faults = "".join(
        f'\n[[simulation.fault]]\ndevice = "{device}"\nkind = "{what}"\n'
        for device, what in frozen.faults.items()
    )
    station = root / "station.toml"
    station.write_text(station.read_text(encoding="utf-8") + faults, encoding="utf-8", newline="\n")
    units = "".join(f'\n[[unit]]\nserial = "{serial}"\n' for serial in frozen.units)
    lot = f'[lot]\nid = "FROZEN"\npart = "{frozen.part}"\n{units}'
    (root / "lots" / "frozen.toml").write_text(lot, encoding="utf-8", newline="\n")
    head = (
        f'id = "frozen/{kind}"\n'
        f'title = {{ en = "Frozen evidence: {kind}", zh = "冻结的证据：{kind}" }}\n'
        'source = "sensorbench"\nlog = "10 min"\n'
    )
    text = head + QUICK + frozen.phases
    (root / "frozen.toml").write_text(text, encoding="utf-8", newline="\n")
    return Workspace(root)


def make(root: Path, kind: str, frozen: Frozen) -> Path:
    """Make a run in a new workspace under `root` and return its evidence, sealed."""
    workspace = write_workspace(root, kind, frozen)
    job = load_job(workspace, "frozen.toml", ["frozen"])
    memory: dict[str, str] = {}
    clock = VirtualClock(START)
    with open_station(job.station, clock, job.lots, memory) as station:
        outcome = execute(workspace, job, _answered(station, frozen))
    while outcome.parked is not None:
        outcome = _gone_on(workspace, outcome, frozen, memory)
    found = verify(outcome.root)
    if not found.is_whole:
        raise SystemExit(f"{kind}: " + "; ".join(map(str, found.findings)))
    return outcome.root


def _answered(station: Station, frozen: Frozen) -> Station:
    assert isinstance(station.operator, SimulatedOperator)  # noqa: S101 - all is simulated
    station.operator.answers |= {what: list(words) for what, words in frozen.answers.items()}
    return station


def _gone_on(
    workspace: Workspace, parked: Outcome, frozen: Frozen, memory: dict[str, str]
) -> Outcome:
    """Hand in what a parked run waits for, and go on where it was parked."""
    assert parked.parked is not None  # noqa: S101 - the caller looked
    report, table = workspace.root / "report.pdf", workspace.root / "results.csv"
    report.write_bytes(PDF)
    rows = "".join(f"{serial},{result}\n" for serial, result in frozen.results.items())
    table.write_text(f"serial,result\n{rows}", encoding="utf-8", newline="\n")
    said = ("laboratory=Lab 4", "date=2026-06-09")
    point = str(parked.parked["point"])
    attach_files(workspace.root, parked.root.name, point, [report, table], said)
    last = datetime.fromisoformat(RunReader(parked.root).journal.events[-1].time)
    lots = workspace.load_lots()
    with open_station(workspace.load_station(), VirtualClock(last), lots, memory) as station:
        return resume(parked.root, station)


class _Death(BaseException):
    """Stands for the end of the program."""


def make_torso(target: Path) -> None:
    """Make a workspace with a run that was killed in the middle of its second stress."""
    shutil.copytree(TESTS / "proof" / "humidity", target)
    (target / "profiles").mkdir()
    (target / "profiles" / "damp.toml").write_text(TORSO, encoding="utf-8", newline="\n")
    workspace = Workspace(target)
    job = load_job(workspace, "profiles/damp.toml", ["desk"])
    real, left = RunWriter.append, [TORSO_EVENTS]

    def append(*args: Any, **more: Any) -> int:
        left[0] -= 1
        if left[0] < 0:
            raise _Death
        return real(*args, **more)

    with (
        mock.patch.object(RunWriter, "append", append),
        mock.patch.object(executing, "to_its_end", lambda runner: runner.execute()),
        open_station(job.station, VirtualClock(START), job.lots, {}) as station,
        suppress(_Death),
    ):
        execute(workspace, job, station)


def main(asked: list[str]) -> int:
    """Make the runs that are asked for, or all; say how big they are."""
    # Evidence says how far the bench's clock is from UTC: here it is not.
    os.environ["TZ"] = "UTC"
    time.tzset()
    kinds = [name for name in asked if name != "--again"] or list(RUNS)
    there = [kind for kind in kinds if (EVIDENCE / kind).exists()]
    if there and "--again" not in asked:
        raise SystemExit(f"{', '.join(there)}: is there already, and what was sealed stays")
    if kinds == ["torso"]:
        make_torso(EVIDENCE / "torso")
        return 0
    for kind in kinds:
        with tempfile.TemporaryDirectory() as folder:
            made = make(Path(folder) / "bench", kind, RUNS[kind])
            target = EVIDENCE / kind
            shutil.rmtree(target, ignore_errors=True)
            shutil.copytree(made, target / made.name)
        size = sum(path.stat().st_size for path in target.rglob("*") if path.is_file())
        sys.stdout.write(f"{kind}: {size / 1024:.0f} KiB\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
