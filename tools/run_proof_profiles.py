"""Run every proof profile in full, as a user would, and write a table of what came of it.

python tools/run_proof_profiles.py [NAME…] > table.md

Each runs on a fresh copy of its workspace of tests/proof, in processes of its own, so that its
memory is its own too. Runs that wait for evidence from elsewhere are handed some and go on. The
whole takes about half an hour; nothing else should run meanwhile.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PROOF = Path(__file__).parents[1] / "tests" / "proof"
PARKED = 5
PDF = b"%PDF-1.7\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"
CALIBRATE = ("calibration/pressure_temperature",)


@dataclass(frozen=True, slots=True)
class Proof:
    """A profile on lots of a workspace; `first` are profiles that its units need before."""

    name: str
    workspace: str
    profile: str
    lots: tuple[str, ...]
    first: tuple[str, ...] = ()
    options: tuple[str, ...] = ()


PROOFS = (
    Proof("pressure-temperature calibration", "pressure", *CALIBRATE, ("l1",)),
    Proof("pressure check", "pressure", "check/pressure", ("l1",), CALIBRATE),
    Proof("temperature check", "thermometer", "check/temperature", ("t1",)),
    Proof("humidity-temperature check", "humidity", "check/humidity", ("desk",)),
    Proof("six positions", "imu", "check/six_positions", ("one",)),
    Proof("rate table", "imu", "check/rate", ("one",)),
    Proof("three-axis field", "coil", "check/magnetic_field", ("mag",)),
    Proof("supply x temperature", "analog", "characterisation/supply_temperature", ("a",)),
    Proof("2 h Allan", "imu", "characterisation/allan", ("one",)),
    Proof("77 units at 6.6 kHz, 1 min", "imu77", "characterisation/vibration_stream", ("many",)),
    Proof("step response", "pressure", "characterisation/step_response", ("few",), CALIBRATE),
    Proof("HTOL, 77 units", "pressure", "aec_q100/b1_htol", ("l1",), CALIBRATE),
    Proof(
        "THB 85/85", "humidity", "aec_q100/a2_thb", ("desk",),
        options=("--choose", "method=85/85"),
    ),
    Proof("TC, 1000 cycles, 77 units", "pressure", "aec_q100/a4_tc", ("l1",), CALIBRATE),
    Proof(
        "1000 cycles under 0.5 Hz pressure", "pulsed", "aec_q103/ps2_b_pprtc", ("few",), CALIBRATE
    ),
    Proof("burst, two ports", "burst", "aec_q103/ps7_burst", ("b1",)),
    Proof("proof pressure", "burst", "aec_q103/ps8_proof", ("b1",)),
    Proof("HTSL", "pressure", "aec_q100/a6_htsl", ("l1",), CALIBRATE),
    Proof("mechanical shock elsewhere", "pressure", "aec_q100/g1_ms", ("few",), CALIBRATE),
    Proof("distributions", "pressure", "characterisation/distributions", ("l1",), CALIBRATE),
    Proof("ELFR, 798 units, 77 sockets", "pressure", "aec_q100/b2_elfr", ("e1", "e2", "e3")),
    Proof("HTOL in two rooms", "rooms", "profiles/htol_two_rooms.toml", ("d1",)),
    Proof(
        "six months on the shelf", "pressure", "characterisation/drift_6_months", ("few",),
        CALIBRATE,
    ),
)  # fmt: skip


@dataclass(slots=True)
class Spent:
    """What the processes of one proof took: seconds of wall time, bytes at most."""

    wall_s: float = 0.0
    peak_bytes: int = 0

    def call(self, folder: Path, *arguments: str) -> tuple[int, str]:
        """Run one command of sensorbench in a workspace; return its exit code and its output."""
        command = [sys.executable, "-m", "sensorbench.app.main", *arguments]
        began = time.monotonic()
        with tempfile.TemporaryFile("w+", encoding="utf-8") as output:
            process = subprocess.Popen(command, cwd=folder, stdout=output)  # noqa: S603 - ours
            _, status, used = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
            output.seek(0)
            said = output.read()
        self.wall_s += time.monotonic() - began
        unit = 1 if sys.platform == "darwin" else 1024
        self.peak_bytes = max(self.peak_bytes, used.ru_maxrss * unit)
        return process.returncode, said


@dataclass(frozen=True, slots=True)
class Row:
    """What is printed of one proof."""

    name: str
    verdict: str
    units: int
    simulated_s: float
    spent: Spent
    evidence_bytes: int
    whole: bool


def prove(proof: Proof, folder: Path) -> Row:
    """Run a proof in a copy of its workspace under `folder`."""
    root = folder / proof.workspace
    shutil.copytree(PROOF / proof.workspace, root)
    lots = [word for lot in proof.lots for word in ("--lot", lot)]
    for profile in proof.first:
        code, said = Spent().call(root, "run", profile, *lots, "--json")
        if code:
            raise SystemExit(f"{proof.name}: {profile} ended with exit code {code}: {said[-500:]}")
    there = set(_runs(root))
    spent = Spent()
    code, said = spent.call(root, "run", proof.profile, *lots, *proof.options, "--json")
    run = _only(set(_runs(root)) - there, proof, said)
    while code == PARKED:
        _hand_in(run, root)
        code, said = spent.call(root, "resume", run.name, "--json")
    found = _assessment(run)
    checked, _ = Spent().call(root, "verify", run.name)
    size = sum(path.stat().st_size for path in run.rglob("*") if path.is_file())
    return Row(
        proof.name, found["verdict"], len(found["units"]), _last(run)["t"], spent, size,
        checked == 0,
    )  # fmt: skip


def _runs(root: Path) -> list[Path]:
    return [path.parent for path in (root / "evidence").glob("*/run.json")]


def _only(new: set[Path], proof: Proof, said: str) -> Path:
    if len(new) != 1:
        raise SystemExit(f"{proof.name}: no run was made: {said[-500:]}")
    return new.pop()


def _assessment(run: Path) -> dict[str, Any]:
    path = run / "derived" / "results.json"
    if not path.is_file():
        return {"verdict": "not sealed", "units": []}
    found: dict[str, Any] = json.loads(path.read_bytes())
    return found


def _last(run: Path) -> dict[str, Any]:
    *_, line = (run / "journal.jsonl").read_text(encoding="utf-8").splitlines()
    found: dict[str, Any] = json.loads(line)
    return found


def _hand_in(run: Path, root: Path) -> None:
    """Attach what a parked run waits for, if it waits for evidence: a report, every unit good."""
    waits = _last(run)["data"]["reason"]
    if waits["until"] != "attach":
        return
    report, results = root / "report.pdf", root / "results.csv"
    report.write_bytes(PDF)
    schedule = json.loads((run / "inputs" / "schedule.json").read_bytes())
    serials = [unit["serial"] for unit in schedule["units"]]
    results.write_text("serial,result\n" + "".join(f"{serial},pass\n" for serial in serials))
    words = [w for w in waits["attach"] if "report" not in w and "each unit" not in w]
    said = [word for name in words for word in ("--say", f"{name}=as ordered")]
    code, output = Spent().call(
        root, "attach", run.name, waits["point"], report.name, results.name, *said
    )
    if code:
        raise SystemExit(f"{run.name}: attach ended with exit code {code}: {output[-500:]}")


def show(rows: Sequence[Row]) -> str:
    """Return the table, as Markdown."""
    lines = [
        "| proof profile | units | simulated | verdict | wall time | peak memory | evidence |\n",
        "| --- | --- | --- | --- | --- | --- | --- |\n",
    ]
    for row in rows:
        verdict = row.verdict if row.whole else f"{row.verdict}, NOT WHOLE"
        lines.append(
            f"| {row.name} | {row.units} | {_duration(row.simulated_s)} | {verdict} "
            f"| {row.spent.wall_s:.1f} s | {row.spent.peak_bytes / 2**20:.0f} MiB "
            f"| {row.evidence_bytes / 2**20:.1f} MiB |\n"
        )
    return "".join(lines)


def _duration(seconds: float) -> str:
    for unit, size in (("d", 86400.0), ("h", 3600.0), ("min", 60.0)):
        if seconds >= 2 * size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds:.1f} s"


def main() -> int:
    """Run what is asked for; 0 only if all is PASS and whole."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("names", nargs="*", help="beginnings of names; all if left out")
    parser.add_argument("--into", type=Path, help="keep the workspaces in this folder")
    asked = parser.parse_args()
    chosen = [p for p in PROOFS if not asked.names or p.name.startswith(tuple(asked.names))]
    rows = []
    with tempfile.TemporaryDirectory() as temporary:
        for number, proof in enumerate(chosen):
            folder = (asked.into or Path(temporary)) / f"{number:02d}"
            rows.append(prove(proof, folder))
            sys.stderr.write(show(rows[-1:]).splitlines()[-1] + "\n")
            if asked.into is None:
                shutil.rmtree(folder)
    sys.stdout.write(show(rows))
    return 0 if all(row.verdict == "PASS" and row.whole for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
