"""`sensorbench abort` of a run that was killed: the bench that it left on is made safe first."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from sensorbench.assessment.verify import verify

from ...workspaces import edit, events
from .served import PROGRAM, Served, served

pytestmark = [
    pytest.mark.skipif(os.name != "posix", reason="pseudo-terminals are POSIX"),
    pytest.mark.slow,
]


def abort(bench: Served, *words: str) -> subprocess.CompletedProcess[str]:
    run = bench.journals()[-1].parent.name
    return subprocess.run(
        [*PROGRAM, "abort", run, "--by", "Li", *words],
        cwd=bench.root, text=True, capture_output=True, check=False,
    )  # fmt: skip


def test_who_aborts_what_is_left_of_a_run_makes_its_bench_safe(tmp_path: Path) -> None:
    with served(tmp_path) as bench:
        bench.kill_with_its_watchdog(bench.run())
        assert bench.is_on()
        done = abort(bench, "--json")
        assert done.returncode == 0, done.stderr
        assert not bench.is_on()
        told = json.loads(done.stdout)
        assert told["verdict"] == "INVALID"
        assert told["states"] == {"chamber": "safe", "psu": "safe", "dmm": "safe"}
        assert "acknowledge --by NAME" in done.stderr
        root = bench.journals()[-1].parent
        assert [e.data["problems"] for e in events(root, "safe_state")] == [[]]
        assert verify(root).is_whole


def test_where_it_can_not_be_made_safe_that_is_the_last_word(tmp_path: Path) -> None:
    with served(tmp_path) as bench:
        bench.kill_with_its_watchdog(bench.run())
        station = bench.root / "station.toml"
        text = station.read_text(encoding="utf-8")
        chamber = text.partition("[instrument.psu]")[0].partition('port = "')[2].partition('"')[0]
        edit(station, (chamber, "/dev/nothing"))
        done = abort(bench)
        assert done.returncode == 9
        assert "is ended for good and sealed: INVALID" in done.stdout
        assert done.stderr.splitlines()[-1].startswith("NOT SAFE: chamber: ")
        assert not bench.is_on()
